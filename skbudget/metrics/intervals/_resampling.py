"""Resamples of a ranking, drawn as counts and never as rows.

Coverage at a budget depends on how many rows of a resample lie between two score
levels, not on which rows. Rows that count alike form a *cell*. A resample of ``n`` rows is
then a multinomial draw of ``n`` over the cells, which has exactly the distribution of
drawing rows. Three facts keep the number of cells small:

- Neighbouring levels with negatives only can be merged into one level, because nothing is
  caught between them. The same holds for neighbouring levels of positives worth one each.
- Levels far from the cut of a budget, which fewer than one resample in 10^16 would reach,
  can be merged too.
- Rows with the same class, level, weight and value form one cell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NoReturn, Protocol

import numpy as np
from numpy.typing import NDArray

from ..._utils.ranges import scaled
from .._ranking import (
    ROUNDING,
    Curve,
    ScoredRows,
    budget_sizes,
    last_at_most,
    shared_level,
)

# Minus the logarithm of the probability that the cut of a resample leaves its window.
UNREACHED = 40.0
# Entries of one array; about five such arrays exist at a time.
CHUNK_ENTRIES = 2_000_000
# One binomial draw costs about as much as this many draws of a row; one call as this many.
ROWS_PER_BINOMIAL = 12
ROWS_PER_CALL = 5_000
# How often a resample without anything to be caught is drawn again. That happens to less than
# one resample in two, whatever the rows.
MOST_REDRAWS = 200


@dataclass(frozen=True)
class Cells:
    """Cells: rows that count alike in every ranking, for a set of budgets.

    Parameters
    ----------
    levels : ndarray of shape (n_rankings, n_cells)
        Score level of each cell, counted from 0 at the top.
    positive : ndarray of shape (n_cells,)
        Class of each cell.
    n_rows : ndarray of shape (n_cells,)
        Rows in each cell.
    spends, worth : ndarray of shape (n_cells,)
        What a row of the cell spends of the budget, and what catching it adds.
    budgets : ndarray of shape (n_budgets,)
        Budgets that the cells are fine enough for.
    whole : bool
        Whether budgets pay for whole rows.
    """

    levels: NDArray[np.intp]
    positive: NDArray[np.bool_]
    n_rows: NDArray[np.int64]
    spends: NDArray[np.float64]
    worth: NDArray[np.float64]
    budgets: NDArray[np.float64]
    whole: bool

    @classmethod
    def of(
        cls,
        rankings: Sequence[ScoredRows],
        budgets: NDArray[np.float64],
        basis: str,
        *,
        one_left_out: bool = False,
    ) -> Cells:
        """Form the cells of rows with one ranking or more, which differ in scores only.

        With ``one_left_out`` the cells are fewer and only good for leaving out one row at a
        time.
        """
        rows = rankings[0]
        spends, worth, whole = what_counts(rows, basis)
        sizes = budget_sizes(budgets, spends.sum(), whole)
        levels = []
        for ranking in rankings:
            _, level = np.unique(-ranking.scores, return_inverse=True)
            spent = np.cumsum(np.bincount(level, spends), dtype=np.float64)[:-1]
            margins: Margins
            if one_left_out:
                margins = ConstantMargin(2.0 * spends.max() + 1.0)
            else:
                squares = np.cumsum(np.bincount(level, spends**2), dtype=np.float64)
                margins = _ResampleMargin(budgets, squares, spends.max())
            reached = reached_levels(spent, sizes, margins)
            levels.append(merge_levels(level, reached, rows.positive, pure=rows.worth is None))
        return cls._group(rows, levels, spends, worth, budgets, whole)

    @classmethod
    def _group(
        cls,
        rows: ScoredRows,
        levels: list[NDArray[np.intp]],
        spends: NDArray[np.float64],
        worth: NDArray[np.float64],
        budgets: NDArray[np.float64],
        whole: bool,
    ) -> Cells:
        columns = [*levels, rows.positive.astype(np.intp)]
        if rows.weight is not None:
            columns.append(np.unique(rows.weight, return_inverse=True)[1])
        if rows.worth is not None:
            columns.append(np.unique(worth, return_inverse=True)[1])
        row, n_rows = _distinct(columns)
        return cls(
            np.stack([level[row] for level in levels]),
            rows.positive[row],
            n_rows,
            spends[row],
            worth[row],
            budgets,
            whole,
        )

    @classmethod
    def swappable(cls, rankings: Sequence[ScoredRows], budget: float, basis: str) -> Cells:
        """Form the cells of rows with two rankings whose levels share a scale, for `swap`.

        The scale is the rank among all rows, with mid-ranks for ties.
        """
        rows = rankings[0]
        spends, worth, whole = what_counts(rows, basis)
        budgets = np.array([budget])
        sizes = budget_sizes(budgets, spends.sum(), whole)
        n = rows.positive.size
        _, both = np.unique(
            np.concatenate([ranks_of_rows(ranking) for ranking in rankings]), return_inverse=True
        )
        twice = np.tile(spends, 2)
        spent = np.cumsum(np.bincount(both, twice), dtype=np.float64)[:-1] / 2.0
        # A row with one of its two levels above a boundary counts in each list by chance 1/2.
        squares = np.cumsum(np.bincount(both, twice**2), dtype=np.float64)[:-1] / 4.0
        reached = reached_levels(spent, sizes, _SwapMargin(squares, spends.max()))
        both = merge_levels(both, reached, np.tile(rows.positive, 2), pure=rows.worth is None)
        return cls._group(rows, [both[:n], both[n:]], spends, worth, budgets, whole)

    def swap(self, n_resamples: int, rng: np.random.Generator) -> Iterator[NDArray[np.float64]]:
        """Yield differences in coverage after each row's two levels were swapped by chance.

        Each chunk has shape (n_chunk,).
        """
        lists = replace(
            self,
            levels=self.levels.reshape(1, -1),
            positive=np.tile(self.positive, 2),
            n_rows=np.tile(self.n_rows, 2),
            spends=np.tile(self.spends, 2),
            worth=np.tile(self.worth, 2),
        )
        size = max(1, CHUNK_ENTRIES // (2 * self.n_rows.size))
        for start in range(0, n_resamples, size):
            n_chunk = min(size, n_resamples - start)
            swapped = rng.binomial(self.n_rows, 0.5, size=(n_chunk, self.n_rows.size))
            kept = self.n_rows - swapped
            # What each list catches is divided by the worth of all rows.
            caught = [
                lists.caught(np.hstack(pair), self.spends @ self.n_rows)[0, :, 0]
                for pair in ((kept, swapped), (swapped, kept))
            ]
            yield (caught[0] - caught[1]) / (self.worth @ self.n_rows)

    def coverage(self, counts: NDArray) -> NDArray[np.float64]:
        """Return the coverage when each cell counts ``counts`` rows.

        Parameters
        ----------
        counts : ndarray of shape (n_resamples, n_cells)

        Returns
        -------
        coverage : ndarray of shape (n_rankings, n_resamples, n_budgets)
            NaN where there is nothing to be caught.
        """
        total = (counts @ self.spends)[:, np.newaxis]
        return fraction(self.caught(counts, total), (counts @ self.worth)[:, np.newaxis])

    def caught(self, counts: NDArray, total: NDArray | float) -> NDArray[np.float64]:
        """Return what is caught if budgets are fractions of ``total``."""
        spent, worth = counts * self.spends, counts * self.worth
        sizes = np.broadcast_to(
            budget_sizes(self.budgets, total, self.whole), (len(counts), self.budgets.size)
        )
        return np.stack(
            [
                Curve(_by_level(spent, level), _by_level(worth, level)).caught_at(sizes)
                for level in self.levels
            ]
        )

    def estimate(self) -> NDArray[np.float64]:
        """Return the coverage of the rows themselves, of shape (n_rankings, n_budgets)."""
        return self.coverage(self.n_rows[np.newaxis])[:, 0]

    def leave_one_out(self) -> NDArray[np.float64]:
        """Return the coverage without one row of each cell.

        Returns
        -------
        coverage : ndarray of shape (n_rankings, n_cells, n_budgets)
            NaN where nothing is left to be caught.
        """
        spent, worth = self.n_rows * self.spends, self.n_rows * self.worth
        sizes = budget_sizes(self.budgets, (spent.sum() - self.spends)[:, np.newaxis], self.whole)
        total = (worth.sum() - self.worth)[:, np.newaxis]
        if self.n_rows[self.worth > 0].sum() == 1:
            total[self.worth > 0] = 0.0
        coverage = []
        for level in self.levels:
            curves = CurvesWithoutOne(
                Curve(
                    _by_level(spent[np.newaxis], level)[0], _by_level(worth[np.newaxis], level)[0]
                ),
                level,
                self.spends,
                self.worth,
            )
            coverage.append(fraction(curves.caught_at(sizes), total))
        return np.stack(coverage)

    def resample(
        self, n_resamples: int, rng: np.random.Generator, *, stratified: bool
    ) -> Iterator[NDArray[np.float64]]:
        """Yield the coverage of resamples, in chunks that bound the memory.

        Each chunk has shape (n_rankings, n_chunk, n_budgets). A resample with nothing to be
        caught, or without a negative, is drawn again.
        """
        size = max(1, CHUNK_ENTRIES // max(self.n_rows.size, self.budgets.size))
        for start in range(0, n_resamples, size):
            n_chunk = min(size, n_resamples - start)
            coverage = self.coverage(self._draw(n_chunk, rng, stratified))
            for _ in range(MOST_REDRAWS):
                if not (empty := np.isnan(coverage[0, :, 0])).any():
                    break
                again = self._draw(int(empty.sum()), rng, stratified)
                coverage[:, empty] = self.coverage(again)
            else:
                raise_empty_resample("has nothing to be caught")
            yield coverage

    def _draw(self, size: int, rng: np.random.Generator, stratified: bool) -> NDArray:
        """Draw the number of rows of each cell in ``size`` resamples."""
        n_positives = int(self.n_rows[self.positive].sum())
        n_rows = int(self.n_rows.sum())
        drawn = np.full(size, n_positives)
        if not stratified:
            drawn = rng.binomial(n_rows, n_positives / n_rows, size=size)
            for _ in range(MOST_REDRAWS):
                if not (lacking := (drawn == 0) | (drawn == n_rows)).any():
                    break
                drawn[lacking] = rng.binomial(n_rows, n_positives / n_rows, size=lacking.sum())
            else:
                raise_empty_resample("lacks one of the two classes")
        counts = np.empty((size, self.n_rows.size))
        counts[:, self.positive] = _multinomial(drawn, self.n_rows[self.positive], rng)
        counts[:, ~self.positive] = _multinomial(n_rows - drawn, self.n_rows[~self.positive], rng)
        return counts


@dataclass(frozen=True)
class CurvesWithoutOne:
    """Curves of a table without one row of each cell, none of which is formed.

    A curve is that of the whole table, less what the row counts for from its level down.

    Parameters
    ----------
    whole : Curve
        The curve of all rows, one point more than levels.
    level : ndarray of shape (n_cells,)
        Level of the row that is left out.
    spends, worth : ndarray of shape (n_cells,)
        What it spends, and what it adds.
    """

    whole: Curve
    level: NDArray[np.intp]
    spends: NDArray[np.float64]
    worth: NDArray[np.float64]

    def caught_at(self, sizes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return `Curve.caught_at` of each curve; sizes have shape (n_cells, n_budgets)."""
        n_points = self.whole.spent.size
        within = last_at_most(self._spent, n_points, sizes * (1.0 + ROUNDING))
        beyond = np.minimum(within + 1, n_points - 1)
        spent, caught = self._spent(within), self._caught(within)
        level = self._spent(beyond) - spent
        return shared_level(sizes, spent, level, caught, self._caught(beyond))

    def _spent(self, point: NDArray[np.intp]) -> NDArray[np.float64]:
        return self.whole.spent[point] - self._after(point) * self.spends[:, np.newaxis]

    def _caught(self, point: NDArray[np.intp]) -> NDArray[np.float64]:
        return self.whole.caught[point] - self._after(point) * self.worth[:, np.newaxis]

    def _after(self, point: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Return whether a point of a curve lies after the level of the row left out."""
        return point > self.level[:, np.newaxis]


def raise_empty_resample(why: str) -> NoReturn:
    """Say that resamples cannot be drawn."""
    raise ValueError(
        f"A resample {why}, and so do {MOST_REDRAWS} others that were drawn in its place: too few "
        "rows of one class have weight and value."
    )


def _multinomial(drawn: NDArray, n_rows: NDArray, rng: np.random.Generator) -> NDArray:
    """For each ``i``, draw ``drawn[i]`` rows with replacement and count them by cell."""
    total = int(n_rows.sum())
    if n_rows.size * ROWS_PER_BINOMIAL < total + ROWS_PER_CALL:
        return rng.multinomial(drawn, n_rows / total)
    cell = np.repeat(np.arange(n_rows.size), n_rows)
    return np.stack(
        [np.bincount(cell[rng.integers(total, size=n)], minlength=n_rows.size) for n in drawn]
    )


def _by_level(values: NDArray[np.float64], level: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the sums from the top down to each level, after a 0, along the last axis."""
    order = np.argsort(level, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(level[order])), level.size - 1)
    sums = np.cumsum(values[:, order], axis=1)[:, ends]
    return np.concatenate([np.zeros((values.shape[0], 1)), sums], axis=1)


def fraction(caught: NDArray[np.float64], total: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``caught / total``, NaN where there is nothing to catch."""
    share = np.full(caught.shape, np.nan)
    np.divide(caught, total, out=share, where=total > 0)
    return np.clip(share, 0.0, 1.0)


def _distinct(columns: list[NDArray[np.intp]]) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Return a row and the number of rows of each distinct combination, in order."""
    code = np.zeros(columns[0].size, dtype=np.intp)
    for column in columns:
        code = np.unique(code * (int(column.max()) + 1) + column, return_inverse=True)[1]
    _, row, n_rows = np.unique(code, return_index=True, return_counts=True)
    return row, n_rows


def what_counts(
    rows: ScoredRows, basis: str
) -> tuple[NDArray[np.float64], NDArray[np.float64], bool]:
    """Return what each row spends, what it is worth, and whether budgets pay for whole rows."""
    spends = np.ones(rows.positive.size) if rows.weight is None else rows.weight
    if basis == "fpr":
        spends = np.where(rows.positive, 0.0, spends)
    spends, _ = scaled(spends)
    whole = basis == "population" and np.array_equal(spends, np.trunc(spends))
    worth = np.zeros(rows.positive.size)
    worth[rows.positive] = 1.0 if rows.worth is None else rows.worth
    return spends, worth, whole


def ranks_of_rows(rows: ScoredRows) -> NDArray[np.float64]:
    """Return the weight ranked above each row plus half of the weight tied with it."""
    _, level = np.unique(-rows.scores, return_inverse=True)
    at = np.bincount(level, None if rows.weight is None else scaled(rows.weight)[0])
    return (np.cumsum(at) - at / 2.0)[level]


def margin(variance: NDArray[np.float64], most: float) -> NDArray[np.float64]:
    """Return how far a sum of independent terms strays, by Bernstein's inequality.

    ``most`` is the greatest term. One row is added, because sizes are rounded up.
    """
    return np.sqrt(2.0 * UNREACHED * variance) + UNREACHED * most * 2.0 / 3.0 + 1.0


class Margins(Protocol):
    """How far from the size of a budget the cut of a resample may lie."""

    def widest(self, budget: int) -> float:
        """Return the greatest margin of a budget, by its number."""
        ...

    def at(self, budget: int, boundaries: slice) -> NDArray[np.float64] | float:
        """Return the margins at some boundaries between levels."""
        ...


@dataclass(frozen=True)
class ConstantMargin:
    margin: float

    def widest(self, budget: int) -> float:
        return self.margin

    def at(self, budget: int, boundaries: slice) -> float:
        return self.margin


@dataclass(frozen=True)
class _ResampleMargin:
    """The margin of rows drawn with replacement; ``squares`` add up what rows spend, squared."""

    budgets: NDArray[np.float64]
    squares: NDArray[np.float64]
    most: float

    def widest(self, budget: int) -> float:
        share = self.budgets[budget]
        # The variance is linear in what lies above, so it is greatest at one of the ends.
        variance = max(share, 1.0 - share) ** 2 * self.squares[-1:]
        return float(margin(variance, self.most)[0])

    def at(self, budget: int, boundaries: slice) -> NDArray[np.float64]:
        share = self.budgets[[budget]]
        above = self.squares[:-1][boundaries]
        below = self.squares[-1] - above
        return margin((1 - share) ** 2 * above + share**2 * below, self.most)


@dataclass(frozen=True)
class _SwapMargin:
    """The margin of rows whose two levels change places by chance."""

    squares: NDArray[np.float64]
    most: float

    def widest(self, budget: int) -> float:
        return float(margin(self.squares[-1:], self.most).max(initial=0.0))

    def at(self, budget: int, boundaries: slice) -> NDArray[np.float64]:
        return margin(self.squares[boundaries], self.most)


def reached_levels(
    spent: NDArray[np.float64], sizes: NDArray[np.float64], margins: Margins
) -> NDArray[np.bool_]:
    """Return which boundaries between levels may be next to a cut."""
    reached = np.zeros(spent.size, dtype=bool)
    for number, size in enumerate(sizes):
        # Margins are needed only where the widest one reaches. A little is added for rounding.
        widest = margins.widest(number) * (1.0 + ROUNDING)
        near = slice(
            int(np.searchsorted(spent, size - widest, side="left")),
            int(np.searchsorted(spent, size + widest, side="right")),
        )
        reached[near] |= np.abs(spent[near] - size) <= margins.at(number, near)
        last = max(int(np.searchsorted(spent, size, side="right")) - 1, 0)
        reached[last : last + 1] = True
    # A cut lies between two boundaries, so the neighbours of the reached ones are needed too.
    needed = reached.copy()
    needed[1:] |= reached[:-1]
    needed[:-1] |= reached[1:]
    return needed


def merge_levels(
    level: NDArray[np.intp],
    kept: NDArray[np.bool_],
    positive: NDArray[np.bool_],
    *,
    pure: bool,
) -> NDArray[np.intp]:
    """Merge levels across boundaries that are not ``kept``, then levels that catch alike.

    With ``pure`` every positive is worth one.
    """
    level = np.append(0, np.cumsum(kept))[level]
    has_positive = np.bincount(level[positive], minlength=level.max() + 1) > 0
    has_negative = np.bincount(level[~positive], minlength=level.max() + 1) > 0
    kept = has_positive[:-1] | has_positive[1:]
    if pure:
        kept &= has_negative[:-1] | has_negative[1:]
    return np.append(0, np.cumsum(kept))[level]
