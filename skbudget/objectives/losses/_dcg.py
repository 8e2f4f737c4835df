"""Gains and discounts of the discounted cumulative gain, for rows with weights."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expi

from ._lists import ListLoss, Lists

__all__ = [
    "GAINS",
    "Gain",
    "cumulated_discount",
    "cumulated_moment",
    "discount",
    "gains_of",
    "ideal_gain",
    "slope_of_discount",
]

Gain = Literal["exponential", "linear"]
GAINS = ("exponential", "linear")

# Beyond this grade all others have no gain beside it.
MOST_GRADE = 50.0

# From this place on the sum of the discounts is an integral, right to 1e-13 of a place.
_TABLED = 1 << 16


def gains_of(
    loss: ListLoss, grade: NDArray[np.float64], gain: Gain = "exponential"
) -> NDArray[np.float64]:
    """Return the gains of rows by their grades.

    Raises
    ------
    ValueError
        If a grade is so great that its gain is no number to compare others with.
    """
    if gain == "linear" or not loss.graded:
        return grade
    greatest = float(grade.max(initial=0.0))
    if greatest > MOST_GRADE:
        raise ValueError(
            f"y_true holds grades up to {greatest:g}, and the gain of {type(loss).__name__} is "
            f"2**grade - 1, which leaves nothing of the others: grades may go up to "
            f"{MOST_GRADE:g}. Use gain='linear', or number the grades from 0."
        )
    return np.exp2(grade) - 1.0


def discount(rank: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the discount of ranks, counted from 1."""
    return 1.0 / np.log2(1.0 + rank)


def slope_of_discount(rank: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return by how much the discount falls with the rank, at least 0."""
    return np.log(2.0) / ((1.0 + rank) * np.log1p(rank) ** 2)


@lru_cache(maxsize=2)
def _table(moment: int) -> NDArray[np.float64]:
    """Return the sum of the first discounts, times the places, for each number of them."""
    places = np.arange(1, _TABLED + 1, dtype=np.float64)
    return np.concatenate([[0.0], np.cumsum(places**moment * discount(places))])


def cumulated_discount(n_rows: NDArray[np.float64], k: float | None = None) -> NDArray[np.float64]:
    """Return the sum of the discounts of the first rows.

    Parameters
    ----------
    n_rows : ndarray
        Numbers of rows, or sums of weights: a part of a row has that part of its discount.
    k : float or None
        Place from which on there is no discount.
    """
    return _cumulated(n_rows, k, 0)


def cumulated_moment(n_rows: NDArray[np.float64], k: float | None = None) -> NDArray[np.float64]:
    """Return the sum of the discounts of the first rows, each times its place.

    Parameters
    ----------
    n_rows, k
        As of `cumulated_discount`.
    """
    return _cumulated(n_rows, k, 1)


def _cumulated(n_rows: NDArray[np.float64], k: float | None, moment: int) -> NDArray[np.float64]:
    upto = np.asarray(n_rows, dtype=np.float64)
    if k is not None:
        upto = np.minimum(upto, float(k))
    table = _table(moment)
    whole = np.minimum(np.floor(upto), _TABLED - 1).astype(np.intp)
    near = table[whole] + (np.minimum(upto, _TABLED) - whole) * (table[whole + 1] - table[whole])
    if not (upto > _TABLED).any():
        return near
    # The sum over places is the integral from half a place before to half a place after them.
    end, begin = np.log(np.maximum(upto, _TABLED) + 1.5), np.log(_TABLED + 1.5)
    far = expi(end) - expi(begin)
    if moment:
        far = expi(2.0 * end) - expi(2.0 * begin) - far
    return near + np.log(2.0) * far


def ideal_gain(
    lists: Lists, gain: NDArray[np.float64], weight: NDArray[np.float64], k: float | None = None
) -> NDArray[np.float64]:
    """Return the greatest discounted gain of each list.

    Parameters
    ----------
    lists : Lists
        The lists.
    gain, weight : ndarray of shape (n_rows,)
        Gains, at least 0, and weights, which repeat a row.
    k : float or None
        Place from which on there is no discount.

    Returns
    -------
    ideal : ndarray of shape (n_lists,)
    """
    rows = np.flatnonzero(gain * weight > 0)
    gain, weight, code = gain[rows], weight[rows], lists.of(rows)
    if gain.size and gain.min() == gain.max():
        mass = Lists(code, lists.n_lists).sum(weight)
        return gain[0] * cumulated_discount(mass, k)
    if code is None:
        order = np.argsort(-gain)
        upto = np.cumsum(weight[order])
        added = np.diff(cumulated_discount(upto, k), prepend=0.0)
        return np.array([float(gain[order] @ added)])
    order = np.lexsort((-gain, code))
    weight, code = weight[order], code[order]
    upto = np.cumsum(weight)
    own = Lists(code, lists.n_lists)
    in_list = own.sum(weight)
    before = (np.cumsum(in_list) - in_list)[code]
    # A list begins at 0, whatever rounding has left of the sums before it.
    after = np.maximum(upto - before, weight)
    added = cumulated_discount(after, k) - cumulated_discount(after - weight, k)
    return own.sum(gain[order] * added)
