"""A forecast of the lift: two short trainings on a part of the rows, and what they were worth.

The short models of a table are a poor measure of the long ones by themselves. On many tables both
were trained, and `FITTED` says what the lift of the long ones was where that of the short ones
was such and such.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.model_selection import StratifiedShuffleSplit

from ..._utils.statistics import Estimate
from ._measure import Split, Task
from ._models import Competitor, Role
from ._result import AdoptionReport, LiftForecast
from ._rule import (
    LEAST_BAND_NEGATIVES,
    LEAST_POSITIVES_GAINED,
    Recommendation,
    few_negatives,
    signed_lift,
    standard_error,
)

__all__ = [
    "FITTED",
    "FittedForecast",
    "forecast_lift",
    "pilot_split",
    "shortened",
    "shrunk",
    "with_forecast",
]

# Fewer trees with longer steps, as for the models of folds. Both models together take less time
# than one plain fit on all rows.
SHORT: dict[str, Any] = {"n_estimators": 60, "learning_rate": 0.15}
# The candidate has no candidates of its own to choose from.
ALONE: dict[str, Any] = {"selection_cv": None, "min_split_gain": 0.0}
PILOT_TEST_SHARE = 0.4
# An interval needs two positives among the test rows.
LEAST_ROWS = 5
# Lifts of tables spread by about this much, which tells how far to believe an uncertain one.
SPREAD = 0.05


class FittedForecast(NamedTuple):
    """A line through the lifts of many tables, see ``python -m benchmarks.study --forecast``.

    The lift is ``base`` plus ``slope`` times the pilot's lift, shrunk and not below zero. Lifts
    spread around it by ``spread``, errors of their measurement not counted.
    """

    base: float
    slope: float
    spread: float
    n_tables: int
    date: str


FITTED = FittedForecast(base=-0.0012, slope=1.074, spread=0.0232, n_tables=64, date="2026-11-28")


def shortened(competitors: Sequence[Competitor]) -> list[Competitor]:
    """Return the default models of LightGBM for a pilot: the baseline and the candidate."""
    return [
        replace(
            one,
            label=f"{one.label}, {SHORT['n_estimators']} trees",
            estimator=_shorter(one.estimator, one.role),
        )
        for one in competitors
        if one.role in ("baseline", "candidate")
    ]


def _shorter(model: Any, role: Role) -> Any:
    return model.set_params(**SHORT, **(ALONE if role == "candidate" else {}))


def pilot_split(task: Task, seed: int | None) -> list[Split]:
    """Return the one split of a pilot."""
    counts = np.bincount(task.target, minlength=2)
    if counts.min() < LEAST_ROWS:
        rarer = "positive" if counts.argmin() else "negative"
        raise ValueError(
            f"quick=True needs at least {LEAST_ROWS} rows of each class. The {rarer} one has "
            f"{counts.min()} rows with weight."
        )
    draw = StratifiedShuffleSplit(1, test_size=PILOT_TEST_SHARE, random_state=seed)
    return [Split(*found) for found in draw.split(np.zeros(task.target.size), task.target)]


def shrunk(lift: NDArray | float, error: NDArray | float) -> NDArray[np.float64]:
    """Return what to believe of a pilot's lift with such a standard error, at least zero."""
    lift, error = np.asarray(lift, dtype=np.float64), np.asarray(error, dtype=np.float64)
    return np.maximum(lift * SPREAD**2 / (SPREAD**2 + error**2), 0.0)


def forecast_lift(
    pilot: Estimate,
    missed: float,
    *,
    min_lift: float,
    confidence: float,
    fitted: FittedForecast | None = None,
) -> LiftForecast:
    """Return the lift to expect of the full models.

    Parameters
    ----------
    pilot : Estimate
        The lift of the short models, each end of whose interval holds with ``confidence``.
    missed : float
        What the short baseline leaves uncovered: no lift is greater.
    min_lift, confidence : float
        Those of the report.
    fitted : FittedForecast, default=None
        None takes `FITTED`.
    """
    fitted = FITTED if fitted is None else fitted
    evidence = float(shrunk(pilot.mean, standard_error(pilot, confidence)))
    mean = min(fitted.base + fitted.slope * evidence, missed)
    half_width = float(norm.ppf(confidence)) * fitted.spread
    return LiftForecast(
        lift=Estimate(mean, half_width, fitted.n_tables),
        chance=float(norm.sf((min_lift - mean) / fitted.spread)),
        pilot=pilot,
    )


def with_forecast(report: AdoptionReport, band_negatives: float) -> AdoptionReport:
    """Return the report on a pilot with the forecast that follows from it, as its advice.

    ``band_negatives`` is the number of negatives that the budget holds of the pilot's test rows.
    """
    candidate = report["candidate"]
    assert candidate.lift is not None
    found = forecast_lift(
        candidate.lift,
        max(report.resolution.cap - report["baseline"].coverage.mean, 0.0),
        min_lift=report.min_lift,
        confidence=report.confidence,
    )
    recommendation, reason = _advise(report, found, band_negatives)
    return replace(
        report,
        recommendation=recommendation,
        reason=reason,
        lift_confidence=found.chance,
        forecast=found,
    )


def _advise(
    report: AdoptionReport, found: LiftForecast, band_negatives: float
) -> tuple[Recommendation, str]:
    # Two cases that need no models: the full report has the same rules for them.
    if report.basis == "population" and report.resolution.pos_rate >= report.budget:
        return Recommendation.KEEP, report.reason
    if band_negatives < LEAST_BAND_NEGATIVES:
        said = few_negatives(band_negatives, report.budget, "more rows")
        return Recommendation.NOT_ENOUGH_DATA, said
    said = f"The forecast of the candidate's lift is {signed_lift(found.lift)}"
    if found.lift.mean < report.min_lift:
        # So does the full report: what it cannot see, it does not advise against.
        floor, n_positives = LEAST_POSITIVES_GAINED / report.min_lift, report.resolution.n_positives
        if n_positives < floor and found.pilot.high >= report.min_lift:
            return Recommendation.NOT_ENOUGH_DATA, (
                f"{said}, but a lift of {report.min_lift:g} is less than "
                f"{LEAST_POSITIVES_GAINED:g} of {n_positives} positives and cannot be seen. It "
                f"takes {floor:.0f} positives to advise against switching."
            )
        return Recommendation.KEEP, (
            f"{said}: less than {report.min_lift:g} is likelier. A forecast is not a measurement, "
            "and quick=False measures the lift."
        )
    return Recommendation.MEASURE, (
        f"{said}: {report.min_lift:g} or more is likelier. The full report, quick=False, measures "
        "it and compares cheaper remedies."
    )
