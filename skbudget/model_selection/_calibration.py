"""From the scores of calibration rows to thresholds, and what these do on the rows."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._utils.ranges import scaled
from .._utils.tables import LabelledRows
from ..metrics._ranking import CountedRows, sorted_curve
from ._allocation import coverage_sizes
from ._guarantee import fewest_rows, guaranteed_threshold

__all__ = ["ALLOCATIONS", "BudgetRule", "Calibration", "Rule", "ScoredRows", "calibrate"]

ALLOCATIONS = ("equal", "coverage")


@dataclass(frozen=True)
class ScoredRows(LabelledRows):
    """Calibration rows. A threshold reads only their scores, so that these are the features.

    Labels say which rows are positive. Each row has a segment.
    """

    @property
    def scores(self) -> NDArray[np.float64]:
        """The score of each row."""
        return self.features

    @property
    def codes(self) -> NDArray[np.intp]:
        """The number of each row's segment."""
        assert self.segments is not None
        return self.segments

    def with_weight(self) -> ScoredRows:
        """Return the rows that have weight, in a unit in which sums keep their digits."""
        if self.weight is None:
            return self
        weight = self.weight
        if weight.max(initial=0.0) < 1.0:
            weight, _ = scaled(weight)
        return replace(self, weight=weight).take(weight > 0)

    def ranked(self, chosen: NDArray[np.bool_]) -> CountedRows:
        """Return the chosen rows, with what they count for."""
        return CountedRows(self.scores, self.weight).where(chosen)

    def positives(self) -> CountedRows:
        """Return the positives, with what they are worth in any unit."""
        rows = self.take(self.labels)
        return CountedRows(rows.scores, rows.worth).in_range()

    def share(self, chosen: NDArray[np.bool_]) -> float:
        """Return the share of all rows that the chosen ones are, by weight."""
        everything = CountedRows(self.scores, self.weight)
        return everything.where(chosen).total / everything.total

    def coverage(self, flagged: NDArray[np.bool_]) -> float:
        """Return the share of the positives' worth that is flagged, NaN if it is not known."""
        if self.labels is None:
            return np.nan
        positives = self.positives()
        worth = positives.total
        return positives.where(flagged[self.labels]).total / worth if worth > 0 else np.nan


class Calibration(NamedTuple):
    """What a calibration found.

    ``thresholds`` has one entry per segment, and so has ``rates``, the share of each segment's
    rows that the budget pays for.
    """

    thresholds: NDArray[np.float64]
    rates: NDArray[np.float64]
    n_spending: int
    alert_rate: float
    coverage: float


class Rule(ABC):
    """How a threshold is chosen: with which guarantee, and for which segments."""

    guarantee: float | None
    segments: NDArray | None

    @property
    def n_segments(self) -> int:
        """Number of segments, one if the rows have none."""
        return 1 if self.segments is None else self.segments.size

    @property
    def segment_risk(self) -> float:
        """Probability with which one segment may miss what is guaranteed."""
        assert self.guarantee is not None
        # Segments are independent, so their guarantees multiply.
        return float(-np.expm1(np.log(self.guarantee) / self.n_segments))

    @abstractmethod
    def counted(self, rows: ScoredRows) -> NDArray[np.bool_]:
        """Return which rows the threshold rests on."""

    @abstractmethod
    def sizes(
        self,
        rows: ScoredRows,
        counted: NDArray[np.bool_],
        last_rates: NDArray[np.float64] | None,
    ) -> NDArray[np.float64]:
        """Return how many of its counted rows each segment has flagged."""

    @abstractmethod
    def threshold(self, counted: CountedRows, size: float) -> float:
        """Return the threshold of one segment, of which ``size`` are flagged."""

    def rates(
        self,
        rows: ScoredRows,
        counted: NDArray[np.bool_],
        sizes: NDArray[np.float64],
        flagged: NDArray[np.bool_],
    ) -> NDArray[np.float64]:
        """Return the share of each segment's rows that is to be reviewed: those flagged."""
        everything = self.by_segment(rows, np.ones_like(flagged))
        return np.minimum(self.by_segment(rows, flagged) / everything, 1.0)

    @abstractmethod
    def flags(
        self, scores: NDArray[np.float64], thresholds: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """Return which rows are flagged, by the threshold of each."""

    @abstractmethod
    def warn(self, rows: ScoredRows, thresholds: NDArray[np.float64], *, stacklevel: int) -> None:
        """Warn of thresholds that flag nothing, or everything."""

    def by_segment(self, rows: ScoredRows, counted: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return how many of the ``counted`` rows each segment has, by weight."""
        weight = None if rows.weight is None else rows.weight[counted]
        counts = np.bincount(rows.codes[counted], weight, minlength=self.n_segments)
        return counts.astype(np.float64)

    def check_enough(
        self,
        rows: ScoredRows,
        counted: NDArray[np.bool_],
        kind: str,
        least: int,
        wanted: str,
        remedy: str = "",
    ) -> None:
        """Raise if a segment has fewer than the least number of counted rows."""
        counts = np.bincount(rows.codes[counted], minlength=self.n_segments)
        if counts.min() >= least:
            return
        found = f"got {counts.min()}"
        if self.segments is not None:
            kind += " in each segment"
            found = f"segment {self.segments.tolist()[counts.argmin()]!r} has {counts.min()}"
        raise ValueError(f"{wanted} at least {least} {kind}: {found}.{remedy}")

    def name_of(self, code: int) -> str:
        """Return the segment of a number for a message, nothing without segments."""
        return "" if self.segments is None else f" of segment {self.segments.tolist()[code]!r}"


@dataclass(frozen=True)
class BudgetRule(Rule):
    """How a budget is spent: a share of what, with which guarantee, and by which segments."""

    budget: float
    basis: str
    guarantee: float | None
    allocation: str
    segments: NDArray | None

    def counted(self, rows: ScoredRows) -> NDArray[np.bool_]:
        """Return which rows spend the budget."""
        if self.basis == "fpr" and rows.labels is not None:
            return ~rows.labels
        return np.ones(rows.scores.size, dtype=bool)

    def threshold(self, spenders: CountedRows, size: float) -> float:
        """Return the threshold of one segment, of which ``size`` may be flagged."""
        if self.guarantee is None:
            return spenders.cut(size).threshold
        return guaranteed_threshold(spenders.scores, self.budget, self.segment_risk)

    def check_spending(self, rows: ScoredRows, spending: NDArray[np.bool_]) -> None:
        """Raise if a segment has too few rows for a threshold or for the guarantee."""
        kind = "calibration rows" if self.basis == "population" else "negatives to calibrate on"
        least, wanted = 1, "A threshold needs"
        if self.guarantee is not None:
            least = fewest_rows(self.budget, self.segment_risk)
            wanted = f"guarantee={self.guarantee:g} of budget={self.budget:g} needs"
        self.check_enough(rows, spending, kind, least, wanted)

    def sizes(
        self,
        rows: ScoredRows,
        spending: NDArray[np.bool_],
        last_rates: NDArray[np.float64] | None,
    ) -> NDArray[np.float64]:
        """Return how many of its spending rows each segment may have flagged."""
        self.check_spending(rows, spending)
        totals = self.by_segment(rows, spending)
        if self.segments is None or self.allocation == "equal":
            return self.budget * totals
        if rows.labels is None:
            sizes = np.asarray(last_rates) * totals
            return sizes * (self.budget * totals.sum() / sizes.sum())
        positives = rows.positives()
        curves = [
            sorted_curve(rows.ranked(spending & inside), positives.where(inside[rows.labels]))
            for inside in (rows.codes == code for code in range(totals.size))
        ]
        return coverage_sizes(curves, self.budget * totals.sum())

    def rates(
        self,
        rows: ScoredRows,
        spending: NDArray[np.bool_],
        sizes: NDArray[np.float64],
        flagged: NDArray[np.bool_],
    ) -> NDArray[np.float64]:
        """Return the share of each segment's rows that the budget pays for."""
        if self.basis == "fpr":
            # Where rows are to be reviewed, nobody knows which of them are negative.
            return super().rates(rows, spending, sizes, flagged)
        return np.minimum(sizes / self.by_segment(rows, spending), 1.0)

    def flags(
        self, scores: NDArray[np.float64], thresholds: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """Return which rows score above the threshold. Ties would exceed the budget."""
        return scores > thresholds

    def warn(self, rows: ScoredRows, thresholds: NDArray[np.float64], *, stacklevel: int) -> None:
        """Warn if the greatest score is shared by so many rows that nothing is flagged."""
        spending = self.counted(rows)
        for code, threshold in enumerate(thresholds):
            scores = rows.scores[spending & (rows.codes == code)]
            tied = int(np.count_nonzero(scores == threshold))
            if tied > 1 and scores.max() == threshold:
                warnings.warn(
                    f"The greatest score, {threshold:g}, is shared by {tied} calibration rows"
                    f"{self.name_of(code)}, too many for budget={self.budget:g}: predict will "
                    "flag only rows that score higher.",
                    UserWarning,
                    stacklevel=stacklevel + 1,
                )


def calibrate(
    rule: Rule, rows: ScoredRows, last_rates: NDArray[np.float64] | None = None
) -> Calibration:
    """Return the thresholds of a rule on rows with weight, and what they do there.

    ``last_rates`` are those of the calibration before. They divide the budget among segments if
    ``allocation="coverage"`` has no labels to divide it by.
    """
    counted = rule.counted(rows)
    sizes = rule.sizes(rows, counted, last_rates)
    thresholds = np.array(
        [
            rule.threshold(rows.ranked(counted & (rows.codes == code)), size)
            for code, size in enumerate(sizes)
        ]
    )
    flagged = rule.flags(rows.scores, thresholds[rows.codes])
    return Calibration(
        thresholds=thresholds,
        rates=rule.rates(rows, counted, sizes, flagged),
        n_spending=int(np.count_nonzero(counted)),
        alert_rate=rows.share(flagged),
        coverage=rows.coverage(flagged),
    )
