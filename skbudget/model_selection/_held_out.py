"""Scores of rows that the scoring model was not trained on."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.model_selection import (
    GroupShuffleSplit,
    ShuffleSplit,
    StratifiedGroupKFold,
    StratifiedShuffleSplit,
)
from sklearn.utils import Bunch, _safe_indexing, check_random_state
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import _check_method_params

from .._utils.labels import already_told
from .._utils.positive import is_frozen
from .._utils.splits import (
    check_divisible,
    check_trainable,
    is_splitter,
    read_splits,
    splitter_of,
    warn_of_parted_groups,
)

__all__ = ["HeldOut", "score_held_out"]

# Fraction that is held out for a guarantee if `cv` does not say, and number of folds otherwise.
HELD_OUT, N_FOLDS = 0.2, 5

REMEDY = "Pass more rows, or a fitted model and fresh rows to calibrate it on (cv='prefit')."

Score = Callable[[Any, Any, Any], NDArray[np.float64]]


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
    classes: NDArray,
    groups: NDArray | None,
    owner: str,
    cv: Any,
    refit: bool | str,
    guarantee: float | None,
    one_class: bool,
    random_state: Any,
    n_jobs: int | None,
    routed: Bunch,
    score: Score,
) -> HeldOut:
    """Fit clones of the estimator on splits, and score the rows that each has not seen.

    ``classes`` are the negative label and the positive one. ``score`` maps a fitted estimator,
    rows and the positive label to scores. ``one_class`` says that only rows of one class set the
    threshold. ``groups`` are kept together if ``cv`` is a number.
    ``routed`` holds the metadata for the estimator's `fit` and a splitter's `split`.
    """
    # A split by label holds out positives in proportion to those in training. The held-out rows
    # are then not independent of the model, unless only one class counts.
    by_label = guarantee is None or one_class
    chosen = HELD_OUT if cv is None and guarantee is not None else cv
    positive, learns = y == classes[1], not is_frozen(estimator)
    splitter = _find_splitter(chosen, y, groups, by_label, random_state)
    if learns and by_label and groups is None and not is_splitter(chosen):
        check_divisible(positive, classes, owner, REMEDY)
    given = {} if groups is None or is_splitter(chosen) else {"groups": groups}
    splits = read_splits(splitter, X, y, params={**routed.splitter.split, **given})
    warn_of_parted_groups(splits, groups, owner, "cv", stacklevel=5)
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
    if learns:
        check_trainable(splits, positive, classes, owner, REMEDY)
    fitted, scores = zip(
        *Parallel(n_jobs=n_jobs)(
            delayed(_fit_and_score)(
                clone(estimator), X, y, classes, train, held_out, routed.estimator.fit, score
            )
            for train, held_out in splits
        )
    )
    if refit:
        with already_told(classes):
            final = clone(estimator).fit(X, y, **routed.estimator.fit)
    else:
        final = fitted[0]
    return HeldOut(
        final,
        np.concatenate([held_out for _, held_out in splits]),
        np.concatenate(scores),
        "cross-fitted" if several else "held-out",
    )


def _find_splitter(
    cv: Any, y: NDArray, groups: NDArray | None, by_label: bool, random_state: Any
) -> Any:
    """Return the splitter that ``cv`` stands for. Groups are kept together if it is a number."""
    if isinstance(cv, Real) and not isinstance(cv, Integral):
        # The order of a table may come from the same permutation, if the table was made with
        # the same seed. All held-out rows could then be of one class.
        seed = check_random_state(random_state).randint(np.iinfo(np.int32).max)
        kind: Any = StratifiedShuffleSplit if by_label else ShuffleSplit
        if groups is not None:
            kind = GroupShuffleSplit
        return kind(n_splits=1, test_size=cv, random_state=seed)
    if groups is not None and not is_splitter(cv):
        return StratifiedGroupKFold(N_FOLDS if cv is None else cv)
    return splitter_of(cv, y)


def _fit_and_score(
    estimator: Any,
    X: Any,
    y: NDArray,
    classes: NDArray,
    train: NDArray[np.intp],
    held_out: NDArray[np.intp],
    fit_params: dict[str, Any],
    score: Score,
) -> tuple[Any, NDArray[np.float64]]:
    params = _check_method_params(X, fit_params, indices=train)
    with already_told(classes):
        estimator.fit(_safe_indexing(X, train), _safe_indexing(y, train), **params)
    return estimator, score(estimator, _safe_indexing(X, held_out), classes[1])
