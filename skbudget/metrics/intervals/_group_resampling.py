"""Resamples of whole groups: queries or customers are drawn, and never rows.

A resample says how often each group was drawn. What all groups spend and catch down to a level
of the ranking is then a product of these numbers with a sparse matrix of groups by levels. Levels
are merged as in `_resampling`, where the margins of a cut are those of groups.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from .._pages import code_pages
from .._ranking import Curve, ScoredRows, budget_sizes
from ._resampling import (
    CHUNK_ENTRIES,
    MOST_REDRAWS,
    ConstantMargin,
    Margins,
    fraction,
    margin,
    merge_levels,
    raise_empty_resample,
    ranks_of_rows,
    reached_levels,
    what_counts,
)

__all__ = ["GroupCells", "code_drawn_groups", "draw_groups"]


def code_drawn_groups(
    group: ArrayLike, n_samples: int, sample_weight: ArrayLike | None, owner: str
) -> NDArray[np.intp]:
    """Return the number of the group of each row with weight."""
    codes = code_pages(group, n_samples)
    if sample_weight is not None:
        kept = np.asarray(sample_weight, dtype=np.float64).ravel() > 0.0
        codes = np.unique(codes[kept], return_inverse=True)[1]
    if codes.size and codes.max() == 0:
        raise ValueError(
            f"{owner} draws whole groups, and group holds one only: at least 2 are needed."
        )
    return codes


def draw_groups(n_groups: int, size: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw as many groups as there are, ``size`` times, and count how often each was drawn."""
    counts = np.empty((size, n_groups))
    for row in counts:
        row[:] = np.bincount(rng.integers(n_groups, size=n_groups), minlength=n_groups)
    return counts


@dataclass(frozen=True)
class GroupCells:
    """What groups spend and catch at each level of one ranking or more.

    Parameters
    ----------
    spent, caught : list of sparse arrays of shape (n_groups, n_levels)
        What each group spends and catches at each level, for each ranking.
    spends, worth : ndarray of shape (n_groups,)
        What each group spends and may catch in all.
    budgets : ndarray of shape (n_budgets,)
        Budgets that the levels are fine enough for.
    whole : bool
        Whether budgets pay for whole rows.
    """

    spent: list[csr_array]
    caught: list[csr_array]
    spends: NDArray[np.float64]
    worth: NDArray[np.float64]
    budgets: NDArray[np.float64]
    whole: bool

    @property
    def n_rows(self) -> NDArray[np.int64]:
        """How many units of each kind are drawn: every group is a kind of its own."""
        return np.ones(self.spends.size, dtype=np.int64)

    @property
    def positive(self) -> NDArray[np.bool_]:
        """Whether units are drawn apart from the others: none is."""
        return np.zeros(self.spends.size, dtype=bool)

    @classmethod
    def of(
        cls,
        rankings: Sequence[ScoredRows],
        budgets: NDArray[np.float64],
        basis: str,
        codes: NDArray[np.intp],
        *,
        one_left_out: bool = False,
    ) -> GroupCells:
        """Form the levels of rows with one ranking or more, which differ in scores only."""
        rows = rankings[0]
        spends, worth, whole = what_counts(rows, basis)
        sizes = budget_sizes(budgets, spends.sum(), whole)
        by_group = np.bincount(codes, spends).astype(np.float64)
        levels = []
        for ranking in rankings:
            _, level = np.unique(-ranking.scores, return_inverse=True)
            spent = np.cumsum(np.bincount(level, spends), dtype=np.float64)[:-1]
            margins: Margins
            if one_left_out:
                margins = ConstantMargin(2.0 * by_group.max() + 1.0)
            else:
                margins = _GroupMargin.of(level, codes, spends, by_group, budgets)
            reached = reached_levels(spent, sizes, margins)
            levels.append(merge_levels(level, reached, rows.positive, pure=rows.worth is None))
        return cls._group(codes, levels, spends, worth, budgets, whole)

    @classmethod
    def swappable(
        cls, rankings: Sequence[ScoredRows], budget: float, basis: str, codes: NDArray[np.intp]
    ) -> GroupCells:
        """Form the levels of two rankings that share a scale, for `swap`."""
        rows = rankings[0]
        spends, worth, whole = what_counts(rows, basis)
        budgets = np.array([budget])
        sizes = budget_sizes(budgets, spends.sum(), whole)
        n = rows.positive.size
        _, both = np.unique(
            np.concatenate([ranks_of_rows(ranking) for ranking in rankings]), return_inverse=True
        )
        spent = np.cumsum(np.bincount(both, np.tile(spends, 2)), dtype=np.float64)[:-1] / 2.0
        # A list gets a half of what both hold, and by chance half of their difference more.
        halves = np.concatenate([spends, -spends]) / 2.0
        squares, _ = _squares(both, np.tile(codes, 2), halves, np.zeros(int(codes.max()) + 1))
        margins = _SquaresMargin(squares, float(np.bincount(codes, spends).max()))
        reached = reached_levels(spent, sizes, margins)
        both = merge_levels(both, reached, np.tile(rows.positive, 2), pure=rows.worth is None)
        return cls._group(codes, [both[:n], both[n:]], spends, worth, budgets, whole, shared=True)

    @classmethod
    def _group(
        cls,
        codes: NDArray[np.intp],
        levels: list[NDArray[np.intp]],
        spends: NDArray[np.float64],
        worth: NDArray[np.float64],
        budgets: NDArray[np.float64],
        whole: bool,
        *,
        shared: bool = False,
    ) -> GroupCells:
        n_groups = int(codes.max()) + 1
        n_levels = [int(level.max()) + 1 for level in levels]
        if shared:
            n_levels = [max(n_levels)] * len(levels)

        def table(values: NDArray[np.float64], level: NDArray, width: int) -> csr_array:
            kept = values > 0.0
            return csr_array((values[kept], (codes[kept], level[kept])), shape=(n_groups, width))

        return cls(
            [table(spends, level, width) for level, width in zip(levels, n_levels)],
            [table(worth, level, width) for level, width in zip(levels, n_levels)],
            np.bincount(codes, spends).astype(np.float64),
            np.bincount(codes, worth).astype(np.float64),
            budgets,
            whole,
        )

    @cached_property
    def _widest(self) -> int:
        return max(self.spends.size, *(spent.shape[1] for spent in self.spent), self.budgets.size)

    def coverage(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the coverage when each group counts ``counts`` times.

        Parameters
        ----------
        counts : ndarray of shape (n_resamples, n_groups)

        Returns
        -------
        coverage : ndarray of shape (n_rankings, n_resamples, n_budgets)
            NaN where there is nothing to be caught, or nothing that spends.
        """
        spends, total = (counts @ self.spends)[:, np.newaxis], (counts @ self.worth)[:, np.newaxis]
        # Both classes are needed: a budget of false positives has no size without negatives.
        total = np.where(spends > 0.0, total, 0.0)
        sizes = self._sizes(spends)
        return np.stack(
            [
                fraction(_caught(_dense(counts, spent), _dense(counts, caught), sizes), total)
                for spent, caught in zip(self.spent, self.caught)
            ]
        )

    def _sizes(self, spends: NDArray[np.float64]) -> NDArray[np.float64]:
        sizes = budget_sizes(self.budgets, spends, self.whole)
        return np.broadcast_to(sizes, (spends.shape[0], self.budgets.size))

    def estimate(self) -> NDArray[np.float64]:
        """Return the coverage of the rows themselves, of shape (n_rankings, n_budgets)."""
        return self.coverage(np.ones((1, self.spends.size)))[:, 0]

    def leave_one_out(self) -> NDArray[np.float64]:
        """Return the coverage without each group, of shape (n_rankings, n_groups, n_budgets)."""
        n_groups = self.spends.size
        size = max(1, CHUNK_ENTRIES // self._widest)
        coverage = np.empty((len(self.spent), n_groups, self.budgets.size))
        everything = self.spends.sum(), self.worth.sum()
        # The only group that may catch anything leaves nothing behind.
        alone = np.count_nonzero(self.worth) == 1
        for start in range(0, n_groups, size):
            some = slice(start, start + size)
            spends = (everything[0] - self.spends[some])[:, np.newaxis]
            total = (everything[1] - self.worth[some])[:, np.newaxis]
            if alone:
                total[self.worth[some] > 0.0] = 0.0
            total[spends <= 0.0] = 0.0
            sizes = self._sizes(spends)
            for number, (spent, caught) in enumerate(zip(self.spent, self.caught)):
                left = [
                    np.maximum(np.asarray(one.sum(axis=0)) - one[some].toarray(), 0.0)
                    for one in (spent, caught)
                ]
                coverage[number, some] = fraction(_caught(left[0], left[1], sizes), total)
        return coverage

    def resample(
        self, n_resamples: int, rng: np.random.Generator, *, stratified: bool = False
    ) -> Iterator[NDArray[np.float64]]:
        """Yield the coverage of resamples, in chunks that bound the memory.

        Each chunk has shape (n_rankings, n_chunk, n_budgets). A resample with nothing to be
        caught is drawn again.
        """
        n_groups = self.spends.size
        size = max(1, CHUNK_ENTRIES // self._widest)
        for start in range(0, n_resamples, size):
            coverage = self.coverage(draw_groups(n_groups, min(size, n_resamples - start), rng))
            for _ in range(MOST_REDRAWS):
                if not (empty := np.isnan(coverage[0, :, 0])).any():
                    break
                again = draw_groups(n_groups, int(empty.sum()), rng)
                coverage[:, empty] = self.coverage(again)
            else:
                raise_empty_resample("of groups has nothing to be caught")
            yield coverage

    def swap(self, n_resamples: int, rng: np.random.Generator) -> Iterator[NDArray[np.float64]]:
        """Yield differences in coverage after each group's two rankings were swapped by chance.

        Each chunk has shape (n_chunk,).
        """
        size = max(1, CHUNK_ENTRIES // self._widest)
        sizes = self._sizes(np.array([[self.spends.sum()]]))
        for start in range(0, n_resamples, size):
            n_chunk = min(size, n_resamples - start)
            swapped = rng.integers(0, 2, size=(n_chunk, self.spends.size)).astype(np.float64)
            lists = []
            for own, other in ((0, 1), (1, 0)):
                spent, caught = (
                    _dense(1.0 - swapped, part[own]) + _dense(swapped, part[other])
                    for part in (self.spent, self.caught)
                )
                lists.append(_caught(spent, caught, np.broadcast_to(sizes, (n_chunk, 1)))[:, 0])
            yield (lists[0] - lists[1]) / self.worth.sum()


def _dense(counts: NDArray[np.float64], table: csr_array) -> NDArray[np.float64]:
    """Return the product of numbers of groups with what groups have at each level."""
    return np.asarray((table.T @ counts.T).T)


def _caught(
    spent: NDArray[np.float64], caught: NDArray[np.float64], sizes: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return what cuts of some sizes catch, from what is spent and caught at each level."""
    none = np.zeros((spent.shape[0], 1))
    curve = Curve(*(np.hstack([none, np.cumsum(one, axis=1)]) for one in (spent, caught)))
    return curve.caught_at(sizes)


def _squares(
    level: NDArray[np.intp],
    codes: NDArray[np.intp],
    spends: NDArray[np.float64],
    by_group: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return two sums over groups at each boundary between levels.

    They are that of the squares of what a group has above the boundary, and that of its
    products with ``by_group``.
    """
    order = np.lexsort((level, codes))
    grouped = codes[order]
    before = np.cumsum(spends[order]) - spends[order]
    first = np.flatnonzero(np.diff(grouped, prepend=-1))
    before -= np.repeat(before[first], np.diff(np.append(first, grouped.size)))
    added = np.empty(spends.size)
    added[order] = spends[order] * (2.0 * before + spends[order])
    n_levels = int(level.max()) + 1
    squares, products = (
        np.cumsum(np.bincount(level, one, minlength=n_levels), dtype=np.float64)[:-1]
        for one in (added, spends * by_group[codes])
    )
    return squares, products


@dataclass(frozen=True)
class _SquaresMargin:
    """The margin of independent groups: ``squares`` add up the variances at each boundary."""

    squares: NDArray[np.float64]
    most: float

    def widest(self, budget: int) -> float:
        return float(margin(self.squares.max(initial=0.0)[np.newaxis], self.most)[0])

    def at(self, budget: int, boundaries: slice) -> NDArray[np.float64]:
        return margin(self.squares[boundaries], self.most)


@dataclass(frozen=True)
class _GroupMargin:
    """The margins of groups drawn with replacement, one for each budget."""

    margins: list[_SquaresMargin]

    @classmethod
    def of(
        cls,
        level: NDArray[np.intp],
        codes: NDArray[np.intp],
        spends: NDArray[np.float64],
        by_group: NDArray[np.float64],
        budgets: NDArray[np.float64],
    ) -> _GroupMargin:
        squares, products = _squares(level, codes, spends, by_group)
        # A draw of a group moves what lies above a boundary away from the budget's size.
        variances = (
            np.maximum(squares - 2.0 * share * products + share**2 * (by_group @ by_group), 0.0)
            for share in budgets
        )
        return cls([_SquaresMargin(one, float(by_group.max())) for one in variances])

    def widest(self, budget: int) -> float:
        return self.margins[budget].widest(budget)

    def at(self, budget: int, boundaries: slice) -> NDArray[np.float64]:
        return self.margins[budget].at(budget, boundaries)


def effective_groups(worth: NDArray[Any], codes: NDArray[np.intp]) -> float:
    """Return the number of groups of equal worth that would vary as much as these."""
    by_group = np.bincount(codes, worth)
    return float(by_group.sum() ** 2 / np.sum(by_group**2))
