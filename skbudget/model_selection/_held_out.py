"""Scores of rows that the scoring model was not trained on."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import hypergeom
from sklearn.base import clone
from sklearn.model_selection import (
    GroupShuffleSplit,
    ShuffleSplit,
    StratifiedGroupKFold,
    StratifiedShuffleSplit,
)
from sklearn.utils import Bunch, _safe_indexing
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import _check_method_params

from .._utils.labels import already_told
from .._utils.positive import is_frozen
from .._utils.seeds import check_random_state
from .._utils.splits import (
    check_divisible,
    check_trainable,
    is_splitter,
    read_splits,
    splitter_of,
    warn_of_parted_groups,
)

__all__ = ["HeldOut", "score_held_out", "warn_of_scales"]

# Fraction that is held out for a guarantee if `cv` does not say, and number of folds otherwise.
HELD_OUT, N_FOLDS = 0.2, 5

REMEDY = "Pass more rows, or a fitted model and fresh rows to calibrate it on (cv='prefit')."

# Folds are told to be on scales of their own if chance makes a difference like theirs so rarely,
# and if one of them flags so many times its share, or so many times less. Drift between the folds
# of a time series seldom reaches the latter.
SCALE_RISK, SCALE_RATIO = 1e-4, 2.0

Score = Callable[[Any, Any, Any], NDArray[np.float64]]


class HeldOut(NamedTuple):
    """The model that predicts, and the rows that were held out of training with their scores.

    ``folds`` is the number of the split that held a row out.
    """

    estimator: Any
    rows: NDArray[np.intp]
    scores: NDArray[np.float64]
    source: str
    folds: NDArray[np.intp] | None = None


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
        np.repeat(np.arange(len(splits)), [held_out.size for _, held_out in splits]),
    )


def warn_of_scales(
    flagged: NDArray[np.bool_], folds: NDArray[np.intp], owner: str, *, stacklevel: int
) -> None:
    """Warn if one threshold flags another share of the rows in one fold than in the others.

    Rows are dealt to the folds at random, so each fold's number of flagged rows is a draw without
    replacement from all of them, if the folds' models score on one scale.
    """
    sizes = np.bincount(folds)
    counts = np.bincount(folds, weights=flagged).astype(np.intp)
    expected = flagged.sum() * sizes / folds.size
    law = hypergeom(folds.size, flagged.sum(), sizes)
    chance = 2 * np.minimum(law.cdf(counts), law.sf(counts - 1))
    apart = (counts > SCALE_RATIO * expected) | (counts < expected / SCALE_RATIO)
    if not (apart & (chance < SCALE_RISK / sizes.size)).any():
        return
    shares = counts / sizes
    warnings.warn(
        f"The models of {owner}'s folds score on scales of their own: the one threshold flags "
        f"{shares.min():.3%} of the held-out rows of one fold and {shares.max():.3%} of "
        "another's, more than chance explains. The final model may flag another share than it "
        "is asked to. Hold out a fraction of the rows (cv=0.2 with refit=False), calibrate the "
        "estimator, or make it more stable (fewer or smaller trees, a smaller step).",
        UserWarning,
        stacklevel=stacklevel,
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
