"""Bootstrap intervals for any metric of a ranking, by `scipy.stats.bootstrap`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._ranking import check_rows
from ._interval import BootstrapInterval, Options, random_generator


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
    """Return the interval that SciPy finds by calling the metric on resampled rows."""
    from scipy.stats import bootstrap

    labels = np.asarray(y_true)
    greater = np.unique(labels)[-1] if pos_label is None and labels.size else pos_label
    given = {"sample_weight": sample_weight, "value": value}
    for score, name in zip(scores, names):
        # Rows without weight stay in: the metric decides what to do with them.
        check_rows(
            labels, score, sample_weight=None, value=None, pos_label=greater, score_name=name
        )
    columns = {name: np.asarray(column) for name, column in given.items() if column is not None}
    rankings = [np.asarray(score) for score in scores]

    # The metric is called once for the estimate, and for BCa once without each row.
    count = options.progress(1 + labels.size * (options.method == "BCa"))

    def statistic(*samples: NDArray[np.intp]) -> float:
        count(1)
        rows = np.concatenate(samples)
        taken = {name: column[rows] for name, column in columns.items()}
        first, *second = (metric(labels[rows], ranking[rows], **taken) for ranking in rankings)
        return float(first - second[0] if second else first)

    everything = np.arange(labels.size)
    positive = labels == greater
    samples = (everything[positive], everything[~positive]) if options.stratified else (everything,)
    estimate = statistic(*samples)
    result = bootstrap(
        samples,
        statistic,
        n_resamples=options.n_resamples,
        vectorized=False,
        confidence_level=options.confidence_level,
        method=options.method,
        random_state=random_generator(random_state),
    )
    distribution = result.bootstrap_distribution
    low, high = result.confidence_interval
    return BootstrapInterval(
        estimate=estimate,
        low=float(low),
        high=float(high),
        standard_error=float(result.standard_error),
        fallback=False,
        budget=None,
        confidence_level=options.confidence_level,
        n_resamples=options.n_resamples,
        method=options.method,
        distribution=distribution,
    )
