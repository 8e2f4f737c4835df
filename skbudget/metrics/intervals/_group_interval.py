"""Bootstrap intervals of any metric over whole groups, which are drawn with replacement."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri
from sklearn.utils import column_or_1d

from ..._utils.labels import deaf_to_majorities
from ..._utils.naming import naming
from ..._utils.validation import _check_same_length, check_ranking, check_weights, distinct_labels
from .._group_parts import Parts, find_parts
from .._pages import code_pages
from ._group_resampling import draw_groups
from ._interval import BootstrapInterval, Options, bca_tails, mean_rank, random_generator
from ._metric_interval import metric_number
from ._resampling import CHUNK_ENTRIES, MOST_REDRAWS, raise_empty_resample

__all__ = ["group_metric_interval"]

Statistic = Callable[[NDArray[np.intp]], float]


def group_metric_interval(
    metric: Callable[..., float],
    y_true: ArrayLike,
    scores: Sequence[ArrayLike],
    names: Sequence[str],
    group: ArrayLike,
    sample_weight: ArrayLike | None,
    value: ArrayLike | None,
    options: Options,
    random_state: Any,
) -> BootstrapInterval:
    """Return an interval from drawing groups."""
    with naming("y_true", "labels of shape (n_samples,)"):
        labels = column_or_1d(y_true)
    columns = {
        name: column_or_1d(column)
        for name, column in (("sample_weight", sample_weight), ("value", value))
        if check_weights(column, labels.size, name) is not None
    }
    rankings = [check_ranking(score, name) for score, name in zip(scores, names)]
    _check_same_length(labels, rankings)
    codes = code_pages(group, labels.size)
    n_groups = int(codes.max(initial=-1)) + 1
    if n_groups < 2:
        raise ValueError(
            f"{options.owner} draws whole groups, and group holds {n_groups}: at least 2 are "
            "needed."
        )
    rng = random_generator(random_state)
    parts = find_parts(metric)
    if parts is not None:
        found = [parts(labels, ranking, group=codes, **columns) for ranking in rankings]
        draws: _Draws = _OfParts(found, options)
    else:
        draws = _OfRows(metric, labels, rankings, codes, columns, options)
    with deaf_to_majorities():
        distribution = draws.resample(options.n_resamples, rng)
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
            float(np.mean(distribution < draws.estimate)),
            float(np.mean(distribution <= draws.estimate)),
            distribution.size,
        )
        with deaf_to_majorities():
            left_out = draws.leave_one_out()
        left_out = left_out[~np.isnan(left_out)]
        influence = left_out.mean() - left_out
        spread = float(np.sum(influence**2)) ** 1.5
        acceleration = float(np.sum(influence**3)) / spread / 6.0 if spread > 0 else 0.0
        z = float(ndtri(outside))
        tails = bca_tails(np.array([z, -z]), rank, acceleration)
    low, high = np.quantile(distribution, tails)
    return BootstrapInterval(
        estimate=draws.estimate,
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


class _Draws:
    """A metric on draws of groups."""

    estimate: float

    def resample(self, n_resamples: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Return the metric on resamples."""
        raise NotImplementedError

    def leave_one_out(self) -> NDArray[np.float64]:
        """Return the metric without each group; NaN where nothing is known."""
        raise NotImplementedError


class _OfParts(_Draws):
    """A metric that is a ratio of two sums over groups: rows are not needed again."""

    def __init__(self, parts: list[Parts], options: Options) -> None:
        self._parts, self._options = parts, options
        self.estimate = self._difference([part.score() for part in parts])

    def _difference(self, found: Sequence[Any]) -> Any:
        return found[0] - found[1] if len(found) == 2 else found[0]

    def _score(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        found = []
        for part in self._parts:
            below = counts @ part.denominator
            score = np.full(below.size, np.nan)
            np.divide(counts @ part.numerator, below, out=score, where=below > 0.0)
            found.append(np.minimum(score, 1.0))
        return np.asarray(self._difference(found))

    def resample(self, n_resamples: int, rng: np.random.Generator) -> NDArray[np.float64]:
        n_groups = self._parts[0].numerator.size
        size, count = max(1, CHUNK_ENTRIES // n_groups), self._options.progress()
        chunks = []
        for start in range(0, n_resamples, size):
            found = self._score(draw_groups(n_groups, min(size, n_resamples - start), rng))
            for _ in range(MOST_REDRAWS):
                if not (empty := np.isnan(found)).any():
                    break
                found[empty] = self._score(draw_groups(n_groups, int(empty.sum()), rng))
            else:
                raise_empty_resample("of groups has nothing to be measured")
            chunks.append(found)
            count(found.size)
        return np.concatenate(chunks)

    def leave_one_out(self) -> NDArray[np.float64]:
        found = []
        for part in self._parts:
            below = part.denominator.sum() - part.denominator
            if np.count_nonzero(part.denominator) == 1:
                below[part.denominator > 0.0] = 0.0
            score = np.full(below.size, np.nan)
            np.divide(part.numerator.sum() - part.numerator, below, out=score, where=below > 0.0)
            found.append(score)
        return np.asarray(self._difference(found))


class _OfRows(_Draws):
    """A metric that is called on the rows of the groups that are drawn."""

    def __init__(
        self,
        metric: Callable[..., float],
        labels: NDArray[Any],
        rankings: list[NDArray[np.float64]],
        codes: NDArray[np.intp],
        columns: dict[str, NDArray[Any]],
        options: Options,
    ) -> None:
        self._metric, self._labels, self._rankings = metric, labels, rankings
        self._columns, self._takes_group = columns, _takes_group(metric)
        self._rows = np.argsort(codes, kind="stable")
        self._n_rows = np.bincount(codes)
        self._starts = np.cumsum(self._n_rows) - self._n_rows
        self._weight = columns.get("sample_weight")
        self._count = options.progress(1 + self._n_rows.size * (options.method == "BCa"))
        classes = distinct_labels(labels)
        # A metric of two classes needs both. Of other targets nothing is known.
        self._classes = classes if classes.size == 2 else None
        self.estimate = self._of(np.arange(self._n_rows.size))

    def _of(self, groups: NDArray[np.intp]) -> float:
        """Return the metric of some groups, NaN if it cannot be measured."""
        sizes = self._n_rows[groups]
        within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        rows = self._rows[np.repeat(self._starts[groups], sizes) + within]
        labels = self._labels[rows]
        if self._classes is not None:
            seen = labels if self._weight is None else labels[self._weight[rows] > 0]
            if not all((seen == one).any() for one in self._classes):
                return np.nan
        self._count(1)
        taken = {name: column[rows] for name, column in self._columns.items()}
        if self._takes_group:
            # A group that is drawn twice is two groups.
            taken["group"] = np.repeat(np.arange(groups.size), sizes)
        found = [
            metric_number(self._metric(labels, ranking[rows], **taken))
            for ranking in self._rankings
        ]
        return found[0] - found[1] if len(found) == 2 else found[0]

    def resample(self, n_resamples: int, rng: np.random.Generator) -> NDArray[np.float64]:
        distribution = np.empty(n_resamples)
        n_groups = self._n_rows.size
        for number in range(n_resamples):
            for _ in range(1 + MOST_REDRAWS):
                found = self._of(rng.integers(n_groups, size=n_groups))
                if not np.isnan(found):
                    break
            else:
                raise_empty_resample("of groups lacks one of the two classes")
            distribution[number] = found
        return distribution

    def leave_one_out(self) -> NDArray[np.float64]:
        every = np.arange(self._n_rows.size)
        return np.array([self._of(np.delete(every, one)) for one in every])


def _takes_group(metric: Callable[..., float]) -> bool:
    """Tell whether a metric has a parameter ``group`` that is not set yet."""
    bound = metric
    while isinstance(bound, partial):
        if "group" in bound.keywords:
            return False
        bound = bound.func
    try:
        return "group" in inspect.signature(metric).parameters
    except (TypeError, ValueError):
        return False
