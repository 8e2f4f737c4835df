"""Scores of rows that the scoring model was not trained on."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit, check_cv
from sklearn.utils import Bunch, _safe_indexing, check_random_state
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import _check_method_params

from .._utils.naming import naming

__all__ = ["HeldOut", "score_held_out"]

# Fraction that is held out for a guarantee if `cv` does not say.
HELD_OUT = 0.2

_A_SPLITTER = "a number of folds, a fraction, a splitter or an iterable of (train, test)"

Score = Callable[[Any, Any], NDArray[np.float64]]


class HeldOut(NamedTuple):
    """The model that predicts, and the rows that were held out of training with their scores."""

    estimator: Any
    rows: NDArray[np.intp]
    scores: NDArray[np.float64]
    source: str


def score_held_out(
    estimator: Any,
    X: Any,
    y: NDArray,
    *,
    cv: Any,
    refit: bool | str,
    guarantee: float | None,
    basis: str,
    random_state: Any,
    n_jobs: int | None,
    routed: Bunch,
    score: Score,
) -> HeldOut:
    """Fit clones of the estimator on splits, and score the rows that each has not seen.

    ``score`` maps a fitted estimator and rows to scores. ``routed`` holds the metadata for
    the estimator's `fit` and the splitter's `split`.
    """
    # A split by label holds out positives in proportion to those in training. The held-out rows
    # are then not independent of the model, unless only one class counts.
    by_label = guarantee is None or basis == "fpr"
    chosen = HELD_OUT if cv is None and guarantee is not None else cv
    splits = _find_splits(chosen, X, y, by_label, random_state, routed.splitter.split)
    several = len(splits) > 1
    refit = several if refit == "auto" else bool(refit)
    if guarantee is not None and (several or refit):
        raise ValueError(
            "guarantee needs the model that predicts to be the one that scored the calibration "
            "rows: hold out a fraction (cv=0.2) with refit=False, or pass fresh rows to a "
            f"fitted model (cv='prefit'). Got cv={cv!r} with {len(splits)} splits and "
            f"refit={refit!r}."
        )
    if several and not refit:
        raise ValueError("When cv has several folds, refit cannot be False.")
    fitted, scores = zip(
        *Parallel(n_jobs=n_jobs)(
            delayed(_fit_and_score)(
                clone(estimator), X, y, train, held_out, routed.estimator.fit, score
            )
            for train, held_out in splits
        )
    )
    return HeldOut(
        clone(estimator).fit(X, y, **routed.estimator.fit) if refit else fitted[0],
        np.concatenate([held_out for _, held_out in splits]),
        np.concatenate(scores),
        "cross-fitted" if several else "held-out",
    )


def _find_splits(
    cv: Any, X: Any, y: NDArray, by_label: bool, random_state: Any, params: dict[str, Any]
) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    if isinstance(cv, Real) and not isinstance(cv, Integral):
        # The order of a table may come from the same permutation, if the table was made with
        # the same seed. All held-out rows could then be of one class.
        seed = check_random_state(random_state).randint(np.iinfo(np.int32).max)
        splitter = (StratifiedShuffleSplit if by_label else ShuffleSplit)(
            n_splits=1, test_size=cv, random_state=seed
        )
    else:
        with naming("cv", _A_SPLITTER):
            splitter = check_cv(cv, y, classifier=True)
    with naming("cv", _A_SPLITTER):
        splits = [
            (np.arange(len(y))[train], np.arange(len(y))[held_out])
            for train, held_out in splitter.split(X, y, **params)
        ]
    if not splits:
        raise ValueError(f"cv has no splits: at least one is needed. Got cv={cv!r}.")
    for train, held_out in splits:
        shared = np.intersect1d(train, held_out).size
        if shared:
            raise ValueError(
                f"cv must not train and calibrate on the same rows: {shared} are in both parts "
                "of a split."
            )
    return splits


def _fit_and_score(
    estimator: Any,
    X: Any,
    y: NDArray,
    train: NDArray[np.intp],
    held_out: NDArray[np.intp],
    fit_params: dict[str, Any],
    score: Score,
) -> tuple[Any, NDArray[np.float64]]:
    params = _check_method_params(X, fit_params, indices=train)
    estimator.fit(_safe_indexing(X, train), _safe_indexing(y, train), **params)
    return estimator, score(estimator, _safe_indexing(X, held_out))
