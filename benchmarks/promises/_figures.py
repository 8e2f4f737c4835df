"""Means over draws, and differences that are paired by draw."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from benchmarks.study._table import TEST_TRAIN_RATIO
from skbudget._utils.statistics import Estimate, t_interval

from ._measure import Measure
from ._promises import PROMISES

__all__ = ["SPLIT_TABLES", "Figures", "Who", "gain_of"]

Who = tuple[str, str]
"""A method, and what is added to it."""

SPLIT_TABLES = frozenset({"mammography", "aloi", "celeba", "creditcard_rounded"})
"""Tables whose seeds split the same rows. Seeds of others draw new rows."""


@dataclass(frozen=True)
class Figures:
    """The figures of one table and one promise.

    Parameters
    ----------
    table, promise : str
        Their names.
    tests : mapping
        The figure on the test rows by method, addition and seed.
    """

    table: str
    promise: str
    tests: Mapping[Who, Mapping[int, float]]

    @classmethod
    def of(cls, measures: Iterable[Measure], table: str, promise: str) -> Figures:
        """Return the figures of a table and a promise."""
        tests: dict[Who, dict[int, float]] = defaultdict(dict)
        for one in measures:
            if one.table == table and one.promise == promise:
                tests[one.method, one.addition][one.seed] = one.test
        return cls(table, promise, dict(tests))

    @property
    def sign(self) -> int:
        """1 if more is better, and -1 if less is."""
        return PROMISES[self.promise].sign

    @property
    def draws(self) -> str:
        """How many draws were measured, in words: "8 draws", or "3 to 8 draws"."""
        numbers = sorted({len(found) for found in self.tests.values()} or {0})
        ends = dict.fromkeys((str(numbers[0]), str(numbers[-1])))
        return f"{' to '.join(ends)} draw{'s' * (numbers[-1] != 1)}"

    def mean(self, who: Who) -> Estimate:
        """Return the mean over seeds with its interval; NaN if nothing was measured."""
        return self._estimate(list(self.tests.get(who, {}).values()))

    def difference(self, who: Who, other: Who) -> Estimate:
        """Return the mean difference of two figures, paired by seed."""
        mine, theirs = self.tests.get(who, {}), self.tests.get(other, {})
        shared = sorted(mine.keys() & theirs.keys())
        return self._estimate([mine[seed] - theirs[seed] for seed in shared])

    def _estimate(self, values: list[float]) -> Estimate:
        if not values:
            return Estimate(math.nan, math.nan, 0)
        ratio = TEST_TRAIN_RATIO if self.table in SPLIT_TABLES else 0.0
        return t_interval(values, test_train_ratio=ratio)


def gain_of(difference: Estimate, sign: int) -> str:
    """Return "better", "worse" or "same", by where the interval lies, and "" without one."""
    if not math.isfinite(difference.half_width):
        return ""
    low, high = sorted((sign * difference.low, sign * difference.high))
    if low > 0.0:
        return "better"
    return "worse" if high < 0.0 else "same"
