"""What the results of a study say: means, paired differences, verdicts and ranks."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from skbudget._utils.statistics import LEVEL, Estimate, t_interval

from ._search import CEILING, Measure
from ._table import ratio_of_group

__all__ = ["Cell", "Ranking", "Summary", "rank_methods", "verdict"]

Key = tuple[str, float, str]


def verdict(difference: Estimate) -> str:
    """Return "win", "tie" or "loss": whether the interval of a difference holds zero."""
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
        The table, and which ones it is reported with.
    budget : float
        Review budget, a fraction.
    basis : {"fpr", "population"}
        What the budget is a fraction of.
    test : dict
        By method, by seed: coverage of the test rows.
    seconds : dict
        By method: median processor time of training, where it was measured.
    test_train_ratio : float
        Test rows over training rows if seeds share rows, else 0.
    positives_train : float
        Training positives, the mean over seeds.
    """

    table: str
    group: str
    budget: float
    basis: str
    test: Mapping[str, Mapping[int, float]]
    seconds: Mapping[str, float]
    test_train_ratio: float
    positives_train: float

    @property
    def seeds(self) -> list[int]:
        """Seeds that some method was measured on."""
        return sorted({seed for values in self.test.values() for seed in values})

    def mean(self, method: str) -> Estimate:
        """Return a method's coverage over seeds."""
        return self._interval(list(self.test[method].values()))

    def difference(self, method: str, other: str) -> Estimate:
        """Return how much more ``method`` covers than ``other``, paired by seed."""
        mine, theirs = self.test[method], self.test[other]
        shared = sorted(mine.keys() & theirs.keys())
        if not shared:
            return Estimate(math.nan, math.nan, 0)
        return self._interval([mine[seed] - theirs[seed] for seed in shared])

    def best(self, methods: Iterable[str]) -> str | None:
        """Return the method with the greatest mean, of those measured on every seed."""
        whole = [name for name in methods if len(self.test.get(name, ())) == len(self.seeds)]
        return max(whole, key=lambda name: self.mean(name).mean, default=None)

    def _interval(self, values: Sequence[float]) -> Estimate:
        return t_interval(values, test_train_ratio=self.test_train_ratio)


@dataclass(frozen=True)
class Summary:
    """The results of a study by cell.

    Parameters
    ----------
    measures : sequence of Measure
        The results.
    test_train_ratios : mapping of str to float
        By table; tables that are not named have draws of their own.
    """

    measures: Sequence[Measure]
    test_train_ratios: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def from_measures(cls, measures: Iterable[Measure]) -> Summary:
        """Return the summary of results of the study's own groups of tables."""
        measures = list(measures)
        return cls(measures, {one.table: ratio_of_group(one.group) for one in measures})

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
            test_train_ratio=self.test_train_ratios.get(first.table, 0.0),
            positives_train=float(np.mean([measure.positives_train for measure in found])),
        )

    @property
    def methods(self) -> list[str]:
        """Every method in the results, but the ceiling."""
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
        """Return the cells on a basis, of groups and of tables; None for all."""
        groups = None if groups is None else set(groups)
        tables = None if tables is None else set(tables)
        return [
            cell
            for cell in self.cells
            if (basis is None or cell.basis == basis)
            and (groups is None or cell.group in groups)
            and (tables is None or cell.table in tables)
        ]


@dataclass(frozen=True)
class Ranking:
    """Mean ranks over tables, and how far apart two must be to differ.

    Parameters
    ----------
    ranks : dict of str to float
        Mean rank of each method, 1 for the best, best first.
    n_tables : int
        Tables that every method was measured on.
    critical_difference : float
        Least difference of two mean ranks that is significant by Nemenyi's test;
        NaN for a single table.
    friedman_p : float
        P-value of Friedman's test that all methods are alike; NaN where it is not
        defined.
    """

    ranks: dict[str, float]
    n_tables: int
    critical_difference: float
    friedman_p: float


def rank_methods(cells: Sequence[Cell], methods: Sequence[str]) -> Ranking:
    """Rank methods over tables, after Demšar.

    Parameters
    ----------
    cells : sequence of Cell
        Where methods are ranked: those of them that most of the methods were
        measured in. The ranks in the cells of one table are averaged first: budgets of
        one table are no independent evidence.
    methods : sequence of str
        Which methods. One that was not measured in all of these cells is left out.

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
        cell for cell in cells if 2 * sum(name in cell.test for name in methods) > len(methods)
    ]
    methods = [name for name in methods if all(name in cell.test for cell in shared)]
    by_table: dict[str, list[np.ndarray]] = defaultdict(list)
    for cell in shared:
        means = [cell.mean(name).mean for name in methods]
        by_table[cell.table].append(rankdata([-round(mean, 9) for mean in means]))
    table_ranks = np.array([np.mean(found, axis=0) for found in by_table.values()])
    n_tables, n_methods = len(by_table), len(methods)
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
