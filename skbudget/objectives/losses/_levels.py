"""What losses of ordered levels share: thresholds, and checks of the levels."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from ..._utils.validation import _invalid
from .._rows import Rows
from ._scaling import check_numbers

__all__ = [
    "DISTANCES",
    "LEAST_IMPORTANCE",
    "MOST_IMPORTANCE",
    "MOST_THRESHOLD",
    "check_mass",
    "check_thresholds",
    "fit_thresholds",
    "level_weights",
    "levels_of",
    "mass_of_levels",
    "mean_root",
    "row_shares",
]

# Beyond, no score has a probability to speak of.
MOST_THRESHOLD = 1e6

DISTANCES = ("power", "exponential")

# With more levels an exponential weight would be no float.
_MOST_DISTANCE = 700

LEAST_IMPORTANCE, MOST_IMPORTANCE = 1e-20, 1e20

# On more rows than these, a root is looked for in a histogram first.
_FEW_ROWS = 4096
_N_BINS = 1024

_MOST_STEPS = 200
# Levels are counted up to so many more than rows, to name those without rows.
_MANY_LEVELS = 1_000
_TOLERANCE = 1e-12


def row_shares(rows: Rows) -> NDArray[np.float64]:
    """Return each row's share of all weight."""
    if rows.weight is None:
        return np.full(rows.n_samples, 1.0 / rows.total_weight)
    return rows.weight.astype(np.float64) / rows.total_weight


def check_thresholds(thresholds: Any, owner: str) -> tuple[float, ...]:
    """Return thresholds as a tuple of floats, each greater than the one before."""
    allowed = "'fit', or numbers in increasing order, one per threshold between two levels"
    if thresholds is None:
        raise _invalid("thresholds", thresholds, owner, allowed)
    try:
        found = check_numbers(thresholds, "thresholds", owner, -MOST_THRESHOLD, MOST_THRESHOLD)
    except ValueError as error:
        raise _invalid(
            "thresholds", thresholds, owner, f"{allowed}, within {MOST_THRESHOLD:g} of 0"
        ) from error
    assert found is not None
    if not all(low < high for low, high in pairwise(found)):
        raise _invalid("thresholds", thresholds, owner, allowed, "Sort them, each of them once.")
    return found


def levels_of(rows: Rows) -> int:
    """Return the number of levels that the rows' codes reach."""
    return int(rows.target.max(initial=-1)) + 1


def mass_of_levels(rows: Rows, n_levels: int, owner: str) -> NDArray[np.float64]:
    """Return the share of each level, of which there are at least two and none without rows.

    Raises
    ------
    ValueError
        Naming the levels without rows.
    """
    if n_levels > _MANY_LEVELS + rows.n_samples:
        # Without counting them, for a level may be any number.
        raise ValueError(
            f"{owner} fits a threshold between every two levels, and y_true has {rows.n_samples} "
            f"rows and the level {n_levels - 1}, so that levels are without rows: number the "
            "levels without gaps, 0, 1, 2 and so on."
        )
    mass = np.bincount(rows.target, row_shares(rows), minlength=n_levels).astype(np.float64)
    check_mass(mass, owner)
    return mass / mass.sum()


def check_mass(mass: NDArray[np.float64], owner: str) -> None:
    """Raise unless there are two levels at least, all of them with weight."""
    if mass.size < 2:
        raise ValueError(
            f"{owner} needs at least two levels, for a threshold between them: all rows of y_true "
            "have the level 0."
        )
    empty = np.flatnonzero(~(mass > 0))
    if empty.size:
        raise ValueError(
            f"{owner} fits a threshold between every two levels, and no row with weight has the "
            f"level {empty[:10].tolist()} of y_true: number the levels without gaps, or merge a "
            "level without rows with its neighbour."
        )


def fit_thresholds(
    scores: NDArray[Any], share: NDArray[np.float64], mass: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the thresholds at which the all-threshold loss of scores is least.

    Threshold ``j`` is where the mean of ``expit(score - threshold)`` is the share of the rows
    above level ``j``. That share falls from level to level, so the thresholds rise.

    Parameters
    ----------
    scores, share : ndarray of shape (n_rows,)
        Scores, and shares of the weight, which add up to 1.
    mass : ndarray of shape (n_levels,)
        The share of each level, greater than 0.

    Returns
    -------
    thresholds : ndarray of shape (n_levels - 1,)
    """
    scores = scores.astype(np.float64, copy=False)
    above = np.cumsum(mass[::-1])[::-1][1:]
    counted = share > 0
    if not counted.all():
        scores, share = scores[counted], share[counted]
    if scores.min() == scores.max():
        return scores[0] - logit(above)
    binned = _binned(scores, share)
    found = np.empty(above.size)
    for number, wanted in enumerate(above):
        begin = None if binned is None else mean_root(*binned, wanted)
        found[number] = mean_root(scores, share, wanted, begin)
    return found


def _binned(
    scores: NDArray[np.float64], share: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Return the centres and shares of bins of scores; None for few rows."""
    if scores.size <= _FEW_ROWS:
        return None
    held, edges = np.histogram(scores, _N_BINS, weights=share)
    return (edges[1:] + edges[:-1]) / 2, held


def mean_root(
    scores: NDArray[np.float64],
    share: NDArray[np.float64],
    wanted: float,
    begin: float | None = None,
) -> float:
    """Return the threshold above which a share of the rows is expected to be.

    It is the root of ``share @ expit(scores - threshold) - wanted``, which falls, by
    Newton's method within bounds.
    """
    offset = float(logit(wanted))
    low, high = float(scores.min()) - offset, float(scores.max()) - offset
    at = (low + high) / 2 if begin is None else min(max(begin, low), high)
    for _ in range(_MOST_STEPS):
        p = expit(scores - at)
        excess = float(share @ p) - wanted
        if excess > 0:
            low = at
        else:
            high = at
        slope = float(share @ (p * (1.0 - p)))
        step = excess / slope if slope > 0 else np.inf
        after = at + step
        if not low <= after <= high:
            after = (low + high) / 2
        if abs(after - at) <= _TOLERANCE * (1.0 + abs(at)):
            return after
        at = after
    return at


def level_weights(n_levels: int, distance: str, power: float) -> NDArray[np.float64]:
    """Return what probability of each level costs a row of each level.

    Parameters
    ----------
    n_levels : int
        Number of levels.
    distance : {"power", "exponential"}
        How the cost grows with the distance.
    power : float
        Exponent of the first.

    Returns
    -------
    weights : ndarray of shape (n_levels, n_levels)
        Row: the true level. Zero on the diagonal.
    """
    apart = np.abs(np.subtract.outer(np.arange(n_levels), np.arange(n_levels))).astype(np.float64)
    if distance == "power":
        return apart**power
    if n_levels - 1 > _MOST_DISTANCE:
        raise ValueError(
            f"distance='exponential' of OrdinalLogLoss takes at most {_MOST_DISTANCE + 1} levels: "
            f"there are {n_levels}. Use distance='power'."
        )
    return np.expm1(apart)
