"""Bootstrap intervals for any metric of a ranking, which is called on rows that are drawn.

Only one resample exists at a time. The numbers drawn, and the ends, are those of
`scipy.stats.bootstrap`, which holds all resamples at once, and for BCa all rows without each.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri
from sklearn.utils import column_or_1d

from ..._utils.labels import deaf_to_majorities
from ..._utils.validation import check_weights, distinct_labels
from .._ranking import check_rows
from ._interval import (
    BootstrapInterval,
    Options,
    bca_tails,
    mean_rank,
    random_generator,
)
from ._resampling import MOST_REDRAWS, raise_empty_resample

# Numbers that are drawn at once to be thrown away.
_CHUNK = 1_000_000


def metric_interval(
    metric: Callable[..., float],
    y_true: ArrayLike,
    scores: Sequence[ArrayLike],
    names: Sequence[str],
    sample_weight: ArrayLike | None,
    value: ArrayLike | None,
    pos_label: Any,
    options: Options,
    random_state: Any,
) -> BootstrapInterval:
    """Return an interval from calling the metric on resampled rows."""
    if pos_label is None:
        classes = distinct_labels(y_true)
        pos_label = classes[-1] if classes.size else None
    for score, name in zip(scores, names):
        check_rows(
            y_true,
            score,
            sample_weight=sample_weight,
            value=value,
            pos_label=pos_label,
            score_name=name,
        )
    labels = column_or_1d(y_true)
    n_samples = labels.size
    columns = {}
    for name, column in (("sample_weight", sample_weight), ("value", value)):
        if column is not None:
            columns[name] = column_or_1d(column)
    sampled = _Sampled(
        np.asarray(labels == pos_label, dtype=bool),
        check_weights(sample_weight, n_samples),
        check_weights(value, n_samples, "value"),
    )
    rankings = [column_or_1d(score) for score in scores]

    # The metric is called once for the estimate, and for BCa once without each row.
    count = options.progress(1 + n_samples * (options.method == "BCa"))

    def statistic(rows: NDArray[np.intp]) -> float:
        count(1)
        taken = {name: column[rows] for name, column in columns.items()}
        first, *second = (
            metric_number(metric(labels[rows], ranking[rows], **taken)) for ranking in rankings
        )
        return first - second[0] if second else first

    strata = sampled.strata(options.stratified)
    # A metric of this package warns of a majority here. Which class is that of a resample, or of
    # all rows but one, may be chance.
    estimate = statistic(np.concatenate(strata))
    with deaf_to_majorities():
        distribution = np.fromiter(
            (
                statistic(rows)
                for rows in _resamples(
                    strata, sampled, options.n_resamples, random_generator(random_state)
                )
            ),
            dtype=np.float64,
            count=options.n_resamples,
        )
    outside = (1.0 - options.confidence_level) / 2.0
    tails = np.array([outside, 1.0 - outside])
    if np.ptp(distribution) == 0.0:
        warnings.warn(
            "All resamples show the same value of the metric: an interval of width 0 does not say "
            "that it is certain.",
            stacklevel=3,
        )
    elif options.method == "BCa":
        rank = mean_rank(
            float(np.mean(distribution < estimate)),
            float(np.mean(distribution <= estimate)),
            distribution.size,
        )
        z = float(ndtri(outside))
        with deaf_to_majorities():
            acceleration = _acceleration(strata, sampled, statistic)
        tails = bca_tails(np.array([z, -z]), rank, acceleration)
    low, high = np.quantile(distribution, tails)
    return BootstrapInterval(
        estimate=estimate,
        low=float(low),
        high=float(high),
        standard_error=float(distribution.std(ddof=1)),
        fallback=False,
        budget=None,
        confidence_level=options.confidence_level,
        n_resamples=options.n_resamples,
        method=options.method,
        distribution=distribution,
    )


def metric_number(value: Any) -> float:
    """Return what a metric returned as a float, if it is a finite number."""
    is_number = isinstance(value, Real) or (
        np.ndim(value) == 0 and np.asarray(value).dtype.kind in "biuf"
    )
    number = float(value) if is_number else np.nan
    if not np.isfinite(number):
        raise ValueError(f"metric must return a finite number: it returned {value!r}.")
    return number


@dataclass(frozen=True)
class _Sampled:
    """The rows that resamples are drawn from, as far as they decide which ones are usable."""

    positive: NDArray[np.bool_]
    weight: NDArray[np.float64] | None
    value: NDArray[np.float64] | None

    def strata(self, stratified: bool) -> list[NDArray[np.intp]]:
        """Return the rows that are drawn from each other's places."""
        if stratified:
            return [np.flatnonzero(self.positive), np.flatnonzero(~self.positive)]
        return [np.arange(self.positive.size)]

    def are_usable(self, rows: NDArray[np.intp]) -> bool:
        """Return whether rows hold both classes, with weight, and a positive of value."""
        positive = self.positive[rows]
        counts = np.ones(rows.size, dtype=bool) if self.weight is None else self.weight[rows] > 0.0
        caught = positive & counts
        if self.value is not None:
            caught &= self.value[rows] > 0.0
        return bool(caught.any() and (counts & ~positive).any())


def _resamples(
    strata: Sequence[NDArray[np.intp]],
    sampled: _Sampled,
    n_resamples: int,
    rng: np.random.Generator,
) -> Iterator[NDArray[np.intp]]:
    """Yield the rows of resamples. One that cannot be measured is drawn again."""
    generators = []
    for stratum in strata:
        generators.append(copy.deepcopy(rng))
        # SciPy draws all resamples of one class, then all of the other.
        left = n_resamples * stratum.size
        while left:
            left -= rng.integers(0, stratum.size, min(left, _CHUNK)).size
    for _ in range(n_resamples):
        for _ in range(1 + MOST_REDRAWS):
            rows = np.concatenate(
                [
                    stratum[own.integers(0, stratum.size, stratum.size)]
                    for own, stratum in zip(generators, strata)
                ]
            )
            if sampled.are_usable(rows):
                break
        else:
            raise_empty_resample("cannot be measured")
        yield rows


def _acceleration(
    strata: Sequence[NDArray[np.intp]],
    sampled: _Sampled,
    statistic: Callable[[NDArray[np.intp]], float],
) -> float:
    """Return Efron's acceleration, from the metric without each row in turn."""
    cubes = squares = 0.0
    for number, stratum in enumerate(strata):
        without = np.full(stratum.size, np.nan)
        for position in range(stratum.size):
            rest = [*strata[:number], np.delete(stratum, position), *strata[number + 1 :]]
            rows = np.concatenate(rest)
            # Without the only row of a class nothing is known.
            if sampled.are_usable(rows):
                without[position] = statistic(rows)
        without = without[~np.isnan(without)]
        if without.size:
            n_rows = float(without.size)
            influence = (n_rows - 1) * (without.mean() - without)
            cubes += float(np.sum(influence**3) / n_rows**3)
            squares += float(np.sum(influence**2) / n_rows**2)
    spread = squares**1.5
    return cubes / spread / 6.0 if spread > 0 else 0.0
