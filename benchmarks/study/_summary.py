"""The summary of the results of a study: means, paired differences, verdicts and ranks."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial

import numpy as np

from skbudget._utils.statistics import LEVEL, Estimate, t_interval

from ._origins import source_of
from ._search import CEILING, Measure
from ._table import TEST_TRAIN_RATIO, ratio_of_group, tests_a_third

__all__ = ["Cell", "Ranking", "Summary", "rank_methods", "verdict"]

Key = tuple[str, float, str]
Correction = Callable[[Iterable[int]], float]
"""Returns the ratio that corrects the interval of a mean over seeds."""


def _nothing_shared(seeds: Iterable[int]) -> float:
    return 0.0


def verdict(difference: Estimate) -> str:
    """Return "win", "tie" or "loss", by the position of the interval relative to zero."""
    if not math.isfinite(difference.half_width):
        return "tie"
    if difference.low > 0.0:
        return "win"
    return "loss" if difference.high < 0.0 else "tie"


@dataclass(frozen=True)
class Cell:
    """One table at one budget on one basis.

    Parameters
    ----------
    table, group : str
        Names of the table and of its group in the report.
    budget : float
        Review budget, a fraction.
    basis : {"fpr", "population"}
        What the budget is a fraction of.
    test : dict
        Coverage of the test rows, by method and by seed.
    seconds : dict
        Median processor time of training by method, if it was measured.
    correction : callable
        ``correction(seeds)`` returns the ratio that corrects the interval of a mean over
        seeds, which is 0 if they share no rows.
    positives_train : float
        Mean number of training positives over seeds.
    n_allowed : float, default=inf
        Number of test rows that the budget allows: false positives, or rows of any class.
        It is infinite where the results do not tell.
    """

    table: str
    group: str
    budget: float
    basis: str
    test: Mapping[str, Mapping[int, float]]
    seconds: Mapping[str, float]
    correction: Correction
    positives_train: float
    n_allowed: float = math.inf

    @property
    def source(self) -> str:
        """Name of what the table was made from. Tables of one source are not independent."""
        return source_of(self.table, self.group)

    @property
    def counts(self) -> bool:
        """Whether the budget allows a test row, so that the cell can tell rankings apart."""
        return self.n_allowed > 1.0 - 1e-9

    @property
    def seeds(self) -> list[int]:
        """Seeds that at least one method was measured on."""
        return sorted({seed for values in self.test.values() for seed in values})

    def mean(self, method: str) -> Estimate:
        """Return the mean of a method's coverage over seeds."""
        return self._interval(self.test[method])

    def difference(self, method: str, other: str) -> Estimate:
        """Return the mean difference of two methods' coverages, paired by seed."""
        mine, theirs = self.test[method], self.test[other]
        shared = sorted(mine.keys() & theirs.keys())
        if not shared:
            return Estimate(math.nan, math.nan, 0)
        return self._interval({seed: mine[seed] - theirs[seed] for seed in shared})

    def best(self, methods: Iterable[str]) -> str | None:
        """Return the method with the greatest mean among those measured on every seed."""
        whole = [name for name in methods if len(self.test.get(name, ())) == len(self.seeds)]
        return max(whole, key=lambda name: self.mean(name).mean, default=None)

    def _interval(self, values: Mapping[int, float]) -> Estimate:
        return t_interval(list(values.values()), test_train_ratio=self.correction(values))


@dataclass(frozen=True)
class Summary:
    """The results of a study by cell.

    Parameters
    ----------
    measures : sequence of Measure
        The results.
    corrections : mapping of str to callable
        What corrects intervals, by table, as in `Cell`. Seeds of other tables share no rows.
    """

    measures: Sequence[Measure]
    corrections: Mapping[str, Correction] = field(default_factory=dict)

    @classmethod
    def from_measures(cls, measures: Iterable[Measure]) -> Summary:
        """Return the summary of results whose tables belong to the study's own groups."""
        measures = list(measures)
        groups = {one.table: one.group for one in measures}
        return cls(
            measures,
            {table: partial(ratio_of_group, group) for table, group in groups.items()},
        )

    @cached_property
    def cells(self) -> list[Cell]:
        """The cells, in the order of the file."""
        grouped: dict[Key, list[Measure]] = defaultdict(list)
        for measure in self.measures:
            grouped[measure.table, measure.budget, measure.basis].append(measure)
        return [self._cell(found) for found in grouped.values()]

    def _cell(self, found: list[Measure]) -> Cell:
        test: dict[str, dict[int, float]] = defaultdict(dict)
        seconds: dict[str, list[float]] = defaultdict(list)
        for measure in found:
            test[measure.method][measure.seed] = measure.test
            if not math.isnan(measure.seconds):
                seconds[measure.method].append(measure.seconds)
        first = found[0]
        return Cell(
            table=first.table,
            group=first.group,
            budget=first.budget,
            basis=first.basis,
            test=dict(test),
            seconds={name: float(np.median(times)) for name, times in seconds.items()},
            correction=self.corrections.get(first.table, _nothing_shared),
            positives_train=float(np.mean([measure.positives_train for measure in found])),
            n_allowed=float(np.mean([_n_allowed(measure) for measure in found])),
        )

    @property
    def methods(self) -> list[str]:
        """All methods in the results, without the ceiling."""
        names = dict.fromkeys(measure.method for measure in self.measures)
        names.pop(CEILING, None)
        return list(names)

    def select(
        self,
        *,
        basis: str | None = None,
        groups: Iterable[str] | None = None,
        tables: Iterable[str] | None = None,
    ) -> list[Cell]:
        """Return the cells with a basis, in groups and of tables. None stands for all."""
        groups = None if groups is None else set(groups)
        tables = None if tables is None else set(tables)
        return [
            cell
            for cell in self.cells
            if (basis is None or cell.basis == basis)
            and (groups is None or cell.group in groups)
            and (tables is None or cell.table in tables)
        ]


def _n_allowed(measure: Measure) -> float:
    """Return how many test rows a budget allows, by the number of training rows."""
    if not tests_a_third(measure.group):
        return math.inf
    of_class = measure.positives_train if measure.basis == "fpr" else 0
    return measure.budget * TEST_TRAIN_RATIO * (measure.n_train - of_class)


@dataclass(frozen=True)
class Ranking:
    """Mean ranks over tables, and the difference that makes two of them significant.

    Parameters
    ----------
    ranks : dict of str to float
        Mean rank of each method. Rank 1 is the best, and the best method comes first.
    n_tables : int
        Number of tables that every method was measured on. Tables of one source count once.
    critical_difference : float
        Least difference of two mean ranks that is significant by Nemenyi's test. NaN for a
        single table.
    friedman_p : float
        P-value of Friedman's test that all methods are equal. NaN if it is not defined.
    """

    ranks: dict[str, float]
    n_tables: int
    critical_difference: float
    friedman_p: float


def rank_methods(cells: Sequence[Cell], methods: Sequence[str]) -> Ranking:
    """Rank methods over tables by the procedure of Demšar.

    Parameters
    ----------
    cells : sequence of Cell
        Cells of the study. Only cells in which most of the methods were measured are used,
        and whose budget allows a test row.
        The ranks in the cells of one source are averaged first, because budgets of one table
        are not independent evidence, and neither are tables of the same rows.
    methods : sequence of str
        Names of the methods. A method that was not measured in all used cells is left out.

    Returns
    -------
    ranking : Ranking

    References
    ----------
    .. [1] J. Demšar (2006). Statistical Comparisons of Classifiers over Multiple
       Data Sets. Journal of Machine Learning Research 7, 1-30.
    """
    from scipy.stats import friedmanchisquare, rankdata, studentized_range

    shared = [
        cell
        for cell in cells
        if cell.counts and 2 * sum(name in cell.test for name in methods) > len(methods)
    ]
    methods = [name for name in methods if all(name in cell.test for cell in shared)]
    by_source: dict[str, list[np.ndarray]] = defaultdict(list)
    for cell in shared:
        means = [cell.mean(name).mean for name in methods]
        by_source[cell.source].append(rankdata([-round(mean, 9) for mean in means]))
    table_ranks = np.array([np.mean(found, axis=0) for found in by_source.values()])
    n_tables, n_methods = len(by_source), len(methods)
    if n_tables == 0 or n_methods == 0:
        return Ranking({}, n_tables, math.nan, math.nan)
    mean_ranks = table_ranks.mean(axis=0)
    critical, p_value = math.nan, math.nan
    if n_tables > 1 and n_methods > 1:
        quantile = studentized_range.ppf(LEVEL, n_methods, np.inf) / math.sqrt(2.0)
        critical = float(quantile * math.sqrt(n_methods * (n_methods + 1) / (6.0 * n_tables)))
    if n_tables > 1 and n_methods > 2:
        p_value = float(friedmanchisquare(*table_ranks.T).pvalue)
    order = np.argsort(mean_ranks, kind="stable")
    ranks = {methods[k]: float(mean_ranks[k]) for k in order}
    return Ranking(ranks, n_tables, critical, p_value)
