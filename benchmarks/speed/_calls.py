"""Measurements of single calls: the objective by rows, its memory, and the metric."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skbudget.boosting import PAUCObjective, default_beta
from skbudget.kernels import pair_sums

from ._effort import Effort
from ._results import Peak, Turns
from ._timing import added_peak, time_by_turns

__all__ = ["BRUTE", "measure_peaks", "time_calls", "time_metric"]

BUDGET = 0.005
POS_RATES = (0.001, 0.01, 0.2)
POS_RATE = 0.01
BANDS = {
    "default band": PAUCObjective(budget=BUDGET),
    "whole AUC": PAUCObjective(alpha=0, beta=1),
}
OURS, BRUTE = "PAUCObjective", "brute force"


def _draw(
    rows: int, pos_rate: float, dtype: Any = np.float64
) -> tuple[NDArray[np.float32], NDArray]:
    """Return labels, and scores with the spread of a booster's margins."""
    rng = np.random.default_rng(0)
    scores = rng.standard_normal(rows)
    positives = rng.choice(rows, max(1, round(pos_rate * rows)), replace=False)
    scores[positives] += 2.0
    y = np.zeros(rows, dtype=np.float32)
    y[positives] = 1
    return y, scores.astype(dtype, copy=False)


def _brute_force(
    y: NDArray[np.float32], scores: NDArray, objective: PAUCObjective, most_pairs: int
) -> Callable[[], Any] | None:
    """Return the same sums over the pairs of positives and band; None if there are too many."""
    n_positives = int(np.count_nonzero(y))
    n_negatives = y.size - n_positives
    beta = objective.beta
    if beta is None:
        beta = default_beta(objective.budget, n_positives, n_negatives)
    inside = math.ceil(beta * n_negatives)
    if n_positives * inside > most_pairs:
        return None
    in_band = np.partition(scores[y == 0], n_negatives - inside)[-inside:]
    return partial(pair_sums, scores[y == 1], in_band, method="brute")


def time_calls(rows: int, effort: Effort) -> list[Turns]:
    """Time the objective on a number of rows, and brute force if that is possible.

    Parameters
    ----------
    rows : int
        Number of rows.
    effort : Effort
        Sizes.

    Returns
    -------
    turns : list of Turns
        Times for each share of positives and each band: of the gradient and hessian of all
        rows, and of the same sums pair by pair.
    """
    return [
        turns
        for pos_rate in POS_RATES
        for turns in _time_calls_of(_draw(rows, pos_rate), pos_rate, effort)
    ]


def _time_calls_of(
    table: tuple[NDArray[np.float32], NDArray], pos_rate: float, effort: Effort
) -> list[Turns]:
    runs: dict[str, Callable[[], Any]] = {}
    # The names of the runs of each band, by what they run.
    names: dict[str, dict[str, str]] = {band: {} for band in BANDS}
    for band, objective in BANDS.items():
        brute = _brute_force(*table, objective, effort.brute_pairs)
        for what, run in ((OURS, partial(objective, *table)), (BRUTE, brute)):
            if run is not None:
                names[band][what] = f"{band}, {what}"
                runs[names[band][what]] = run
    seconds = time_by_turns(runs, effort.pairs)
    return [
        Turns(
            part="scale",
            setting=f"{100 * pos_rate:g} % positives, {band}",
            rows=table[0].size,
            seconds={what: seconds[name] for what, name in of_band.items()},
        )
        for band, of_band in names.items()
    ]


def measure_peaks(effort: Effort) -> list[Peak]:
    """Measure the greatest memory that a call of the objective allocates.

    Parameters
    ----------
    effort : Effort
        Sizes.

    Returns
    -------
    peaks : list of Peak
        A peak for each band and each precision of the scores. The gradient and the hessian
        count.
    """
    found = []
    for band, objective in BANDS.items():
        for dtype in ("float32", "float64"):
            y, scores = _draw(effort.memory_rows, POS_RATE, dtype)
            objective(y, scores)  # the first call loads code, which should not count
            peak = added_peak(partial(objective, y, scores))
            found.append(Peak(band, dtype, effort.memory_rows, peak))
    return found


def time_metric(effort: Effort) -> list[Turns]:
    """Time coverage at a budget, on both bases, and the ROC curve of scikit-learn.

    Parameters
    ----------
    effort : Effort
        Sizes.

    Returns
    -------
    turns : list of Turns
    """
    from sklearn.metrics import roc_curve

    from skbudget.metrics import coverage_at_budget_score

    y, scores = _draw(effort.metric_rows, POS_RATE)
    y = y.astype(np.int64)
    runs: dict[str, Callable[[], Any]] = {
        basis: partial(coverage_at_budget_score, y, scores, budget=BUDGET, basis=basis)
        for basis in ("population", "fpr")
    }
    runs["curve"] = partial(roc_curve, y, scores)
    seconds = time_by_turns(runs, effort.pairs)
    return [
        Turns(
            part="metric",
            setting=f"budget {100 * BUDGET:g} %, basis {basis!r}, {100 * POS_RATE:g} % positives",
            rows=effort.metric_rows,
            seconds={
                "coverage_at_budget_score": seconds[basis],
                "sklearn roc_curve": seconds["curve"],
            },
        )
        for basis in ("population", "fpr")
    ]
