"""Losses of the pairs of each list."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._loss import Derivatives
from .._rows import Rows
from ._lists import (
    LeafSums,
    ListLoss,
    Lists,
    Side,
    grades_of,
    lists_of,
    weight_of,
    with_order,
    worth_of,
)

__all__ = ["MOST_GRADES", "PairListLoss"]

# Each grade is compared with all lesser ones.
MOST_GRADES = 32


class _Sums(NamedTuple):
    """Sums over the pairs of each list.

    Attributes
    ----------
    lists : Lists
    pairs, loss, counts : ndarray of shape (n_lists,)
        Weight of the pairs, their loss, and what the list counts for.
    gradient, hessian : ndarray of shape (n_rows,)
        Derivatives of ``loss``.
    """

    lists: Lists
    pairs: NDArray[np.float64]
    loss: NDArray[np.float64]
    counts: NDArray[np.float64]
    gradient: NDArray[np.float64]
    hessian: NDArray[np.float64]


class PairListLoss(ListLoss):
    """The mean loss of the pairs of each list, in which one row has the greater grade."""

    @abstractmethod
    def _of_pairs(self, high: Side, low: Side, n_lists: int) -> tuple[LeafSums, LeafSums]:
        """Return sums of "loss", "slope" and "curve" by ``low - high``, see `sum_in_lists`."""

    def _of_ties(self, rows: Side, n_lists: int) -> LeafSums | None:
        """Return each row's loss, derivatives and weight of its pairs of one grade, if any."""
        return None

    def value(self, rows: Rows, held: None = None) -> float:
        """Return the mean loss of the pairs."""
        found = self._sums(rows)
        total = float(found.counts.sum())
        if not total > 0:
            return 0.0
        return float(self._per_pair(found, total) @ found.loss)

    def derivatives(self, rows: Rows, held: None = None) -> Derivatives:
        """Return gradient and hessian of all rows."""
        found = self._sums(rows)
        total = float(found.counts.sum())
        if not total > 0:
            return Derivatives(None, found.gradient, found.hessian, owned=True)
        share = found.lists.of_rows(self._per_pair(found, total))
        hessian = np.zeros(rows.n_samples) if self.networks_only else share * found.hessian
        return Derivatives(None, share * found.gradient, hessian, owned=True)

    @staticmethod
    def _per_pair(found: _Sums, total: float) -> NDArray[np.float64]:
        """Return what the pairs of each list are multiplied by."""
        zeros = np.zeros_like(found.pairs)
        return np.divide(found.counts / total, found.pairs, out=zeros, where=found.pairs > 0)

    def _sums(self, rows: Rows) -> _Sums:
        grade, weight, lists = grades_of(self, rows), weight_of(rows), lists_of(rows)
        worth = weight if self.graded else worth_of(rows)
        raw = rows.raw.astype(np.float64)
        levels = np.unique(grade[weight > 0])
        if levels.size > MOST_GRADES:
            raise ValueError(
                f"y_true holds {levels.size} different grades, and {type(self).__name__} takes up "
                f"to {MOST_GRADES}, each of which is compared with all lesser ones: round them."
            )
        pairs, loss = np.zeros(lists.n_lists), np.zeros(lists.n_lists)
        gradient, hessian = np.zeros(rows.n_samples), np.zeros(rows.n_samples)
        ordered = lists.of_rows(with_order(lists, grade, weight))
        tied = 0.0
        for level in levels:
            at = np.flatnonzero((grade == level) & (weight > 0))
            below = np.flatnonzero((grade < level) & (weight > 0) & ordered)
            own = Lists(lists.of(at), lists.n_lists)
            ties = self._of_ties(Side(raw[at], weight[at], own.code), lists.n_lists)
            if ties is not None:
                pairs += own.sum(ties["pairs"])
                loss += own.sum(ties["loss"])
                gradient[at] += ties["slope"]
                hessian[at] += ties["curve"]
                tied = 1.0
            if not below.size:
                continue
            high = Side(raw[at], worth[at], own.code)
            low = Side(raw[below], weight[below], lists.of(below))
            others = Lists(low.code, lists.n_lists)
            pairs += own.sum(high.weight) * others.sum(low.weight)
            of_high, of_low = self._of_pairs(high, low, lists.n_lists)
            loss += own.sum(high.weight * of_high["loss"])
            gradient[at] -= high.weight * of_high["slope"]
            gradient[below] += low.weight * of_low["slope"]
            hessian[at] += high.weight * of_high["curve"]
            hessian[below] += low.weight * of_low["curve"]
        if tied:
            # A list counts by its rows: one of a pair as much as another.
            counts = 0.5 * lists.sum(weight) * (pairs > 0)
        else:
            counted = np.where(grade > -lists.of_rows(_least(lists, grade, weight)), worth, 0.0)
            counts = lists.sum(counted) * (pairs > 0)
        return _Sums(lists, pairs, loss, counts, gradient, hessian)


def _least(lists: Lists, grade: NDArray[Any], weight: NDArray[Any]) -> NDArray[np.float64]:
    """Return minus the least grade of each list."""
    return lists.greatest(np.where(weight > 0, -grade, -np.inf))
