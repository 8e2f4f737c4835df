"""From what each model caught to the figures of a report and the advice."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..._utils.statistics import Estimate, t_interval
from ...metrics import coverage_at_budget_score
from ._measure import Outcome, Split, Task, estimate_share
from ._models import Competitor, Role
from ._result import AdoptionReport, Contest, ModelSummary, Resolution
from ._rule import Evidence, confidence_of_reaching, recommend, standard_error

__all__ = ["band_negatives", "summarise"]


def summarise(
    task: Task,
    splits: list[Split],
    competitors: list[Competitor],
    outcomes: dict[Role, list[Outcome]],
    min_lift: float,
    confidence: float,
) -> AdoptionReport:
    """Return the report on what each model did on each split."""
    positive = task.target == 1
    ratio = float(np.mean([s.test.size for s in splits]) / np.mean([s.train.size for s in splits]))
    caught = {role: [one.caught for one in of_role] for role, of_role in outcomes.items()}
    near = {role: [one.caught_near for one in of_role] for role, of_role in outcomes.items()}

    def by_split(values: list[NDArray]) -> list[float]:
        return [
            float(np.average(of_split, weights=task.worth[split.test][positive[split.test]]))
            for of_split, split in zip(values, splits)
        ]

    def over_positives(values: list[NDArray]) -> Estimate:
        return estimate_share(values, splits, positive, task.worth, confidence)

    def gains(role: Role, of: dict[Role, list[NDArray]]) -> list[NDArray]:
        return [mine - theirs for mine, theirs in zip(of[role], of["baseline"])]

    models = []
    for one in competitors:
        lift = at_budget = split_lift = None
        if one.role != "baseline":
            gains_near = gains(one.role, near)
            lift = over_positives(gains_near)
            at_budget = over_positives(gains(one.role, caught))
            split_lift = t_interval(
                by_split(gains_near),
                test_train_ratio=ratio,
                level=2.0 * confidence - 1.0,
            )
        summary = ModelSummary(
            role=one.role,
            label=one.label,
            coverage=over_positives(caught[one.role]),
            lift=lift,
            lift_at_budget=at_budget,
            split_coverage=tuple(by_split(caught[one.role])),
            lift_by_split=split_lift,
            fit_seconds=float(np.median([outcome.seconds for outcome in outcomes[one.role]])),
        )
        models.append(summary)
    found = {model.role: model for model in models}
    resolution = _resolution(task, splits, found["baseline"].coverage, confidence)
    lift = found["candidate"].lift
    assert lift is not None
    evidence = Evidence(
        lift=lift,
        hard_negatives=found["hard_negatives"].lift if "hard_negatives" in found else None,
        probe=found["probe"].lift if "probe" in found else None,
        pos_rate=resolution.pos_rate,
        capped=task.basis == "population" and resolution.pos_rate >= task.budget,
        cap=resolution.cap,
        budget=task.budget,
        n_positives=resolution.n_positives,
        band_negatives_per_split=band_negatives(task, [split.test for split in splits]),
        min_lift=min_lift,
        confidence=confidence,
    )
    recommendation, reason = recommend(evidence)
    return AdoptionReport(
        recommendation=recommendation,
        reason=reason,
        lift_confidence=confidence_of_reaching(lift, min_lift, confidence),
        models=tuple(models),
        contest=_contest(task, resolution.pos_rate, outcomes["baseline"]),
        resolution=resolution,
        budget=task.budget,
        budget_range=(float(task.budgets_near[0]), float(task.budgets_near[-1])),
        basis=task.basis,
        min_lift=min_lift,
        confidence=confidence,
        n_splits=len(splits),
        pos_label=task.classes[1].item() if hasattr(task.classes[1], "item") else task.classes[1],
    )


def band_negatives(task: Task, parts: list[NDArray[np.intp]]) -> float:
    """Return the average number of negatives of a part in a band as wide as the budget."""
    return float(
        np.mean([task.budget * np.count_nonzero(task.target[part] == 0) for part in parts])
    )


def _resolution(
    task: Task, splits: list[Split], of_baseline: Estimate, confidence: float
) -> Resolution:
    rows, target = task.rows, task.target
    positive = target == 1
    tests = [split.test for split in splits]
    spenders = [part[~positive[part]] if task.basis == "fpr" else part for part in tests]
    # The best ranking puts the positives that are worth most first.
    perfect = target if rows.value is None else positive * (1.0 + rows.value)
    return Resolution(
        n_samples=target.size,
        n_positives=int(np.count_nonzero(positive)),
        pos_rate=float(np.average(positive, weights=rows.weight)),
        cap=coverage_at_budget_score(
            target,
            perfect,
            budget=task.budget,
            basis=task.basis,
            sample_weight=rows.weight,
            value=rows.value,
        ),
        positives_per_split=float(np.mean([positive[part].sum() for part in tests])),
        budget_rows_per_split=float(np.mean([task.budget * part.size for part in spenders])),
        band_negatives_per_training=band_negatives(task, [split.train for split in splits]),
        coverage_error=standard_error(of_baseline, confidence),
    )


def _contest(task: Task, pos_rate: float, of_baseline: list[Outcome]) -> Contest:
    if task.basis == "fpr":
        negatives = task.budget * (1.0 - pos_rate)
        least = negatives / (negatives + pos_rate)
    else:
        least = max(0.0, 1.0 - pos_rate / task.budget)
    gradient = float(np.mean([outcome.gradient_share for outcome in of_baseline]))
    return Contest(
        negatives_in_top=float(np.mean([outcome.band_share for outcome in of_baseline])),
        least_negatives_in_top=least,
        gradient_in_band=None if math.isnan(gradient) else gradient,
    )
