"""What every metric here needs: where a ranking is cut, and what lies above the cut.

Two sets of rows take part. The *spenders* use up the budget: all rows, or the
negatives. The *positives* are to be caught. A cut is found among the rows of one set by
selection, without a sort, and then applied to the other set. A whole curve needs one sort
of both sets together.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._utils.collective import Collective, find_levels, sum_over
from .._utils.labels import warn_of_majority, weighted_share
from .._utils.ranges import product, scaled
from .._utils.validation import check_binary_labels, check_ranking, check_weights

# A size within one part in 10^9 of a sum of counts is taken as that sum: 0.1 * 30 is 3
# and 0.07 * 100 is 7, whatever the last bits of the product are.
ROUNDING = 1e-9


class Cut(NamedTuple):
    """Rows above ``threshold`` are taken whole; of each row at it, ``share`` is taken."""

    threshold: float
    share: float


EVERYTHING = Cut(-math.inf, 1.0)


@dataclass(frozen=True)
class CountedRows:
    """The scores of some rows, and what each row counts for (None: one each).

    Counts near the ends of what a float holds are stored as multiples of ``2**exponent``.
    """

    scores: NDArray[np.float64]
    counts: NDArray[np.float64] | None
    exponent: int = 0

    @property
    def total(self) -> float:
        """Sum of the counts."""
        return float(self.scores.size if self.counts is None else self.counts.sum())

    def counts_whole_rows(self) -> bool:
        """Return whether each count is a whole number, as for a row that is repeated."""
        return self.counts is None or np.array_equal(self.counts, np.trunc(self.counts))

    def where(self, mask: NDArray[np.bool_]) -> CountedRows:
        """Return the rows in ``mask``."""
        counts = None if self.counts is None else self.counts[mask]
        return CountedRows(self.scores[mask], counts, self.exponent)

    def in_range(self) -> CountedRows:
        """Return the rows with counts of which sums are neither infinite nor rounded to 0."""
        if self.counts is None:
            return self
        counts, exponent = scaled(self.counts)
        return CountedRows(self.scores, counts, self.exponent + exponent)

    def _sum(self, mask: NDArray[np.bool_]) -> float:
        return float(np.count_nonzero(mask) if self.counts is None else self.counts[mask].sum())

    def taken(self, cut: Cut) -> float:
        """Return how much of the total ``cut`` takes."""
        taken = self._sum(self.scores > cut.threshold)
        if cut.share > 0.0:
            taken += cut.share * self._sum(self.scores == cut.threshold)
        return taken

    def fraction_taken(self, cut: Cut) -> float:
        """Return the share of the total that ``cut`` takes."""
        # This sum runs in another order than the total's and may exceed it in the last bits.
        return min(self.taken(cut) / self.total, 1.0)

    def cut(self, size: float, *, reach: bool = False) -> Cut:
        """Return the cut that takes rows from the top until their counts add up to ``size``.

        The threshold is the first score level at which the cumulative count exceeds
        ``size``. Rows that count for nothing are then taken with the level before them.
        With ``reach`` it is the first level at which the cumulative count is at least
        ``size``, and such rows are not taken.
        """
        limit = size * (1.0 - ROUNDING if reach else 1.0 + ROUNDING)
        if self.counts is None:
            return self._cut_by_rank(size, limit)
        return self._cut_by_count(size, limit)

    def _cut_by_rank(self, size: float, limit: float) -> Cut:
        rank = self.scores.size - 1 - int(limit)
        if rank < 0:
            return EVERYTHING
        ordered = np.partition(self.scores, rank)
        threshold = ordered[rank]
        above = int(np.count_nonzero(ordered[rank + 1 :] > threshold))
        level = int(np.count_nonzero(self.scores == threshold))
        return Cut(float(threshold), _share(size - above, level))

    def _cut_by_count(self, size: float, limit: float) -> Cut:
        # Quickselect on the counts: each pass halves the candidates.
        candidates, above = self, 0.0
        while candidates.scores.size:
            scores = candidates.scores
            middle = scores.size // 2
            threshold = np.partition(scores, middle)[middle]
            higher = scores > threshold
            from_above = above + candidates._sum(higher)
            if from_above > limit:
                candidates = candidates.where(higher)
                continue
            level = candidates._sum(scores == threshold)
            if from_above + level > limit:
                return Cut(float(threshold), _share(size - from_above, level))
            above = from_above + level
            candidates = candidates.where(scores < threshold)
        return EVERYTHING


def _share(wanted: float, level: float) -> float:
    return min(max(wanted / level, 0.0), 1.0)


class ScoredRows(NamedTuple):
    """Labels, scores, weights and values that were checked.

    Rows without weight are left out; the others are in the order in which they were given.
    """

    positive: NDArray[np.bool_]
    scores: NDArray[np.float64]
    weight: NDArray[np.float64] | None
    value: NDArray[np.float64] | None

    @property
    def worth(self) -> NDArray[np.float64] | None:
        """What catching each positive adds: its weight times its value (None: one each).

        Near the ends of what a float holds only the ratios are right.
        """
        return self.positives().counts

    def spenders(self, basis: str) -> CountedRows:
        """Return the rows that use up a budget: all rows, or the negatives."""
        rows = CountedRows(self.scores, self.weight)
        return (rows.where(~self.positive) if basis == "fpr" else rows).in_range()

    def positives(self) -> CountedRows:
        """Return the rows that are to be caught, with what catching each of them adds."""
        scores = self.scores[self.positive]
        weight = None if self.weight is None else self.weight[self.positive]
        value = None if self.value is None else self.value[self.positive]
        if weight is None or value is None:
            return CountedRows(scores, value if weight is None else weight).in_range()
        return CountedRows(scores, *product(weight, value))


def check_rows(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    sample_weight: ArrayLike | None,
    value: ArrayLike | None,
    pos_label: Any,
    score_name: str = "y_score",
    owner: str | None = None,
) -> ScoredRows:
    """Check the rows, and return those that have weight.

    The owner is the function that the user called. With None, nobody is warned of a positive
    class that is the majority.
    """
    positive = check_binary_labels(
        y_true, pos_label=pos_label, consistent_with=[y_score, sample_weight, value]
    )
    scores = check_ranking(y_score, score_name)
    weight = check_weights(sample_weight, scores.size)
    value = check_weights(value, scores.size, "value")

    if weight is not None and not weight.all():
        # A row that is repeated zero times is not there and makes no point on a curve.
        kept = weight > 0
        scores, positive, weight = scores[kept], positive[kept], weight[kept]
        value = None if value is None else value[kept]
        if positive.all() or not positive.any():
            lost = "negative" if positive.all() else "positive"
            raise ValueError(f"Every {lost} has zero sample_weight: both classes are needed.")

    rows = ScoredRows(positive, scores, weight, value)
    if value is not None and not np.any(rows.worth):
        raise ValueError("The positives have no value: at least one must be worth something.")
    if owner is not None:
        share = partial(weighted_share, positive, weight)
        warn_of_majority(y_true, share, pos_label, owner=owner)
    return rows


def spenders_and_positives(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    basis: str,
    sample_weight: ArrayLike | None,
    value: ArrayLike | None,
    pos_label: Any,
    owner: str | None = None,
) -> tuple[CountedRows, CountedRows]:
    """Check the rows, and return those that use up a budget and those to be caught."""
    rows = check_rows(
        y_true,
        y_score,
        sample_weight=sample_weight,
        value=value,
        pos_label=pos_label,
        owner=owner,
    )
    return rows.spenders(basis), rows.positives()


def budget_size(budget: float, spenders: CountedRows, basis: str) -> float:
    """Return how much of the spenders' total a budget pays for.

    Reviews take whole rows, and at least one. A false positive rate is a ratio and is not
    rounded; nor is a share of weights that do not count rows.
    """
    if pays_whole_rows(spenders, basis):
        return float(whole_rows(budget, spenders.total))
    return budget * spenders.total


def pays_whole_rows(spenders: CountedRows, basis: str) -> bool:
    """Return whether a budget pays for whole rows."""
    return basis == "population" and spenders.counts_whole_rows()


def budget_sizes(
    budgets: NDArray[np.float64], totals: NDArray[np.float64] | float, whole: bool
) -> NDArray[np.float64]:
    """Return `budget_size` for arrays of budgets and totals, which broadcast."""
    sizes = budgets * totals
    return np.maximum(1.0, np.ceil(sizes * (1.0 - ROUNDING))) if whole else sizes


def whole_rows(budget: float, n_rows: float) -> int:
    """Return how many of ``n_rows`` a budget reviews: a whole number, and at least one."""
    return max(1, math.ceil(budget * n_rows * (1.0 - ROUNDING)))


class Curve(NamedTuple):
    """What is spent and what is caught: (0, 0), then one point after each score level.

    The arrays may hold many curves with the same number of points, along their last axis.
    """

    spent: NDArray[np.float64]
    caught: NDArray[np.float64]

    def caught_at(self, sizes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what a cut of each of ``sizes`` catches, as `CountedRows.cut` finds it."""
        limits, n_points = sizes * (1.0 + ROUNDING), self.spent.shape[-1]
        if self.spent.ndim == 1:
            within = np.searchsorted(self.spent, limits, side="right") - 1
        else:
            within = last_at_most(partial(_entries, self.spent), n_points, limits)
        beyond = np.minimum(within + 1, n_points - 1)
        spent, caught = _entries(self.spent, within), _entries(self.caught, within)
        level = _entries(self.spent, beyond) - spent
        return shared_level(sizes, spent, level, caught, _entries(self.caught, beyond))


def _entries(points: NDArray[np.float64], positions: NDArray[np.intp]) -> NDArray[np.float64]:
    return np.take_along_axis(points, positions, axis=-1)


def shared_level(
    sizes: NDArray[np.float64],
    spent: NDArray[np.float64],
    level: NDArray[np.float64],
    caught: NDArray[np.float64],
    caught_beyond: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return what is caught above a level and by the share of it that a cut of a size takes."""
    return caught + shared_share(sizes, spent, level) * (caught_beyond - caught)


def shared_share(
    sizes: NDArray[np.float64], spent: NDArray[np.float64], level: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the share of a level that a cut of a size takes, after what was spent above it."""
    with np.errstate(over="ignore"):
        # A level next to nothing is taken whole.
        share = np.divide(sizes - spent, level, out=np.zeros_like(level), where=level > 0)
    return np.clip(share, 0.0, 1.0)


def last_at_most(
    points: Callable[[NDArray[np.intp]], NDArray[np.float64]],
    n_points: int,
    limits: NDArray[np.float64],
) -> NDArray[np.intp]:
    """Return the position of the last point that is at most each limit.

    The points rise and start at 0. ``points`` returns one of each curve, by its position.
    """
    # The binary searches of all curves advance together.
    low = np.zeros(limits.shape, dtype=np.intp)
    high = np.full(limits.shape, n_points, dtype=np.intp)
    for _ in range(n_points.bit_length()):
        middle = (low + high) // 2
        within = points(middle) <= limits
        low, high = np.where(within, middle, low), np.where(within, high, middle)
    return low


def sorted_curve(spenders: CountedRows, positives: CountedRows) -> Curve:
    """Sort the rows once and return their curve, with one point for tied rows."""
    scores = np.concatenate([spenders.scores, positives.scores])
    order = np.argsort(scores)[::-1]
    scores = scores[order]
    level_ends = np.append(np.flatnonzero(scores[1:] != scores[:-1]), scores.size - 1)

    def cumulative(rows: CountedRows, start: int) -> NDArray[np.float64]:
        counts = np.zeros(scores.size)
        counts[start : start + rows.scores.size] = 1.0 if rows.counts is None else rows.counts
        return np.append(0.0, np.cumsum(counts[order])[level_ends])

    return Curve(cumulative(spenders, 0), cumulative(positives, spenders.scores.size))


def common_coverage(
    positive: NDArray[np.bool_],
    scores: NDArray,
    weight: NDArray | None,
    budget: float,
    basis: str,
    collective: Collective,
    value: NDArray | None = None,
) -> float:
    """Return `coverage_at_budget_score` of the rows of all workers together.

    ``positive``, ``scores``, ``weight`` and ``value`` are those of one worker, and were
    checked.
    """
    if weight is not None:
        kept = weight > 0
        positive, scores, weight = positive[kept], scores[kept], weight[kept].astype(np.float64)
        value = None if value is None else value[kept]
    scores = scores.astype(np.float64, copy=False)
    value = None if value is None else value.astype(np.float64, copy=False)
    rows = ScoredRows(positive, scores, weight, value)
    spenders, positives = rows.spenders(basis), rows.positives()
    total, total_positives, odd = sum_over(
        collective, spenders.total, positives.total, not spenders.counts_whole_rows()
    )
    if not (total > 0 and total_positives > 0):
        raise ValueError("Coverage needs rows of both classes, with weight, on some worker.")
    size = budget * total
    if basis == "population" and not odd:
        size = float(whole_rows(budget, total))
    limit = size * (1.0 + ROUNDING)
    (level,) = find_levels(collective, spenders.scores, spenders.counts, [limit], exceed=True)
    if level.above + level.at <= limit:
        return 1.0
    share = _share(size - level.above, level.at)
    above, at = sum_over(
        collective,
        positives._sum(positives.scores > level.score),
        positives._sum(positives.scores == level.score),
    )
    return min((above + share * at) / total_positives, 1.0)
