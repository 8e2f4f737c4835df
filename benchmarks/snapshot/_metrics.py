"""Examples of `skbudget.metrics`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_validate

from skbudget import metrics, neural

from ._booster_classifiers import new_classifier
from ._names import build
from ._networks import NETWORK
from ._record import Example, group
from ._rows import learnt, scored


def _ranked(kind: str) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """Return labels, scores, and the weights and values as arguments of the metrics."""
    rows = scored(5_000)
    raw = rows.raw.round(1) if "ties" in kind else rows.raw
    about: dict[str, Any] = {}
    if "weight" in kind:
        about["sample_weight"] = rows.weight
    if "whole" in kind:
        about["sample_weight"] = np.floor(rows.weight)
    if "value" in kind:
        about["value"] = rows.value
    return rows.y, raw, about


RANKED = ("plain", "ties", "weight", "whole ties", "value", "weight value ties")


@group
def metric() -> Iterator[Example]:
    """Metrics of a ranking."""

    def compute(kind: str) -> dict[str, Any]:
        y, raw, about = _ranked(kind)
        found: dict[str, Any] = {}
        budgets = (0.001, 0.005, 0.02, 0.1, 0.5, 1.0)
        for basis in ("population", "fpr"):
            found[f"coverage, {basis}"] = [
                metrics.coverage_at_budget_score(y, raw, budget=budget, basis=basis, **about)
                for budget in budgets
            ]
            found[f"value per review, {basis}"] = [
                metrics.value_per_review_score(
                    y, raw, budget=budget, basis=basis, cost=0.1, **about
                )
                for budget in budgets
            ]
            at, curve = metrics.coverage_curve(y, raw, basis=basis, **about)
            found |= {f"curve, budgets, {basis}": at, f"curve, {basis}": curve}
            found[f"curve at budgets, {basis}"] = metrics.coverage_curve(
                y, raw, budgets=budgets, basis=basis, **about
            )[1]
        found["partial AUC"] = [
            metrics.partial_auc_score(
                y, raw, alpha=alpha, beta=beta, standardize=standardize, **about
            )
            for alpha, beta in ((0.0, 0.005), (0.01, 0.1), (0.0, 0.3), (0.0, 1.0))
            for standardize in (False, True)
        ]
        found["FPR at TPR"] = [
            metrics.fpr_at_tpr_error(y, raw, tpr=tpr, **about) for tpr in (0.1, 0.5, 0.95, 1.0)
        ]
        return found

    def labels() -> dict[str, Any]:
        y, raw, about = _ranked("value ties")
        names = np.where(y == 1, "fraud", "fair")
        return {
            "coverage": metrics.coverage_at_budget_score(
                names, raw, budget=0.02, pos_label="fraud", **about
            ),
            "of the others": metrics.coverage_at_budget_score(
                names, -raw, budget=0.02, pos_label="fair", **about
            ),
            "signed": metrics.partial_auc_score(2 * y - 1, raw, beta=0.1, **about),
        }

    def sizes() -> np.ndarray:
        cases = (
            {"lift": 0.05},
            {"lift": 0.05, "discordance": 0.15, "pos_rate": 0.003, "budget": 0.005},
            {"lift": 0.1, "power": 0.9, "alternative": "greater", "confidence_level": 0.9},
            {"half_width": 0.05, "pos_rate": 0.01},
            {"half_width": 0.02, "confidence_level": 0.99},
        )
        found = [metrics.coverage_sample_size(0.6, **case) for case in cases]
        return np.array(
            [
                [math.nan if part is None else part for part in vars(size).values()]
                for size in found
            ],
            dtype=float,
        )

    def scorers() -> dict[str, Any]:
        rows = learnt()
        model = LogisticRegression().fit(rows.X, rows.y)
        made = {
            "coverage": metrics.make_coverage_scorer(0.02),
            "coverage, fpr": metrics.make_coverage_scorer(0.02, basis="fpr"),
            "of a column": metrics.make_coverage_scorer(0.02, value_column=-1),
            "of the others": metrics.make_coverage_scorer(0.02, pos_label=0),
            "value per review": metrics.make_value_per_review_scorer(0.02, cost=0.2),
            "partial AUC": metrics.make_partial_auc_scorer(0.0, 0.05, standardize=True),
            "FPR at TPR": metrics.make_fpr_at_tpr_scorer(0.8),
        }
        X_new = np.abs(rows.X_new)
        return {name: scorer(model, X_new, rows.y_new) for name, scorer in made.items()}

    for kind in RANKED:
        yield kind.replace(" ", "-"), partial(compute, kind)
    yield "labels", labels
    yield "sample-size", sizes
    yield "scorers", scorers


def _numbers_of(interval: Any) -> dict[str, Any]:
    names = ("estimate", "low", "high", "standard_error", "fallback", "distribution")
    return {name: getattr(interval, name) for name in names}


@group
def interval() -> Iterator[Example]:
    """Bootstrap intervals and the test of a difference."""

    def one(kind: str, **options: Any) -> dict[str, Any]:
        y, raw, about = _ranked(kind)
        return _numbers_of(
            metrics.bootstrap_ci(y, raw, n_resamples=400, random_state=0, **about, **options)
        )

    def other(raw: np.ndarray) -> np.ndarray:
        return raw + 0.5 * np.random.default_rng(7).normal(size=raw.size)

    def two(kind: str, **options: Any) -> dict[str, Any]:
        y, raw, about = _ranked(kind)
        return _numbers_of(
            metrics.paired_bootstrap_ci(
                y, raw, other(raw), n_resamples=400, random_state=0, **about, **options
            )
        )

    def test(kind: str, **options: Any) -> dict[str, Any]:
        y, raw, about = _ranked(kind)
        found = metrics.coverage_difference_test(
            y, raw, other(raw), n_permutations=499, random_state=0, **about, **options
        )
        names = ("difference", "pvalue", "coverage_a", "coverage_b", "only_a", "only_b")
        return {name: getattr(found, name) for name in (*names, "n_positives", "discordance")}

    def certain() -> dict[str, Any]:
        y = np.repeat([0, 1], [990, 10])
        raw = np.arange(1_000.0)
        alone = metrics.bootstrap_ci(y, raw, budget=0.02, n_resamples=99, random_state=0)
        paired = metrics.paired_bootstrap_ci(
            y, raw, np.where(raw < 100, -raw, raw), budget=0.02, n_resamples=99, random_state=0
        )
        return {
            "alone": [alone.low, alone.high],
            "paired": [paired.low, paired.high],
        }

    def few(**options: Any) -> dict[str, Any]:
        y = np.repeat([0, 1], [60, 3])
        raw = np.random.default_rng(5).normal(size=63) + 2.0 * y
        given = {"budget": 0.1, "n_resamples": 200, "random_state": 0, **options}
        alone = metrics.bootstrap_ci(y, raw, **given)
        paired = metrics.paired_bootstrap_ci(y, raw, other(raw), **given)
        ends = {"alone": [alone.low, alone.high], "paired": [paired.low, paired.high]}
        return {**ends, "of alone": alone.distribution, "of paired": paired.distribution}

    several = {"budget": [0.005, 0.02, 0.1]}
    options: dict[str, Any]
    area = partial(metrics.partial_auc_score, beta=0.1)
    for kind in RANKED:
        name = kind.replace(" ", "-")
        for basis in ("population", "fpr"):
            for method in ("BCa", "percentile", "wilson"):
                options = {"basis": basis, "method": method, **several}
                yield f"one/{name}/{basis}/{method}", partial(one, kind, **options)
            for method in ("BCa", "percentile"):
                options = {"basis": basis, "method": method, **several}
                yield f"two/{name}/{basis}/{method}", partial(two, kind, **options)
            for alternative in ("two-sided", "greater", "less"):
                options = {"basis": basis, "alternative": alternative, "budget": 0.02}
                yield f"test/{name}/{basis}/{alternative}", partial(test, kind, **options)
        options = {"stratified": False, "budget": 0.02}
        yield f"one/{name}/not-stratified", partial(one, kind, **options)
        yield f"two/{name}/not-stratified", partial(two, kind, **options)
        options = {"metric": area, "method": "percentile", "confidence_level": 0.8}
        yield f"one/{name}/metric", partial(one, kind, **options)
        yield f"two/{name}/metric", partial(two, kind, **options)
    yield "certain", certain
    for method in ("BCa", "percentile"):
        yield f"few/{method}", partial(few, method=method)
        yield f"few/{method}/not-stratified", partial(few, method=method, stratified=False)


@group
def display() -> Iterator[Example]:
    """The numbers that the displays draw."""

    def coverage(kind: str, basis: Any) -> dict[str, Any]:
        y, raw, about = _ranked(kind)
        drawn = metrics.CoverageCurveDisplay.from_predictions(
            y,
            raw,
            budget=0.02,
            basis=basis,
            n_resamples=50,
            random_state=0,
            **about,
        )
        return {
            "budgets": drawn.budgets,
            "coverage": drawn.coverage,
            "interval": drawn.interval,
            "perfect": drawn.perfect,
        }

    def roc(kind: str) -> dict[str, Any]:
        y, raw, about = _ranked(kind)
        drawn = metrics.PartialROCDisplay.from_predictions(y, raw, alpha=0.01, beta=0.1, **about)
        return {"fpr": drawn.fpr, "tpr": drawn.tpr, "partial_auc": drawn.partial_auc}

    def scores(kind: str, basis: Any) -> dict[str, Any]:
        y, raw, about = _ranked(kind)
        about.pop("value", None)
        drawn = metrics.ScoreBandDisplay.from_predictions(
            y, raw, alpha=0.01, beta=0.1, basis=basis, **about
        )
        names = ("edges", "positives", "band_negatives", "other_negatives", "reached")
        return {name: getattr(drawn, name) for name in (*names, "t_alpha", "t_beta")}

    def over_folds() -> dict[str, Any]:
        rows = learnt()
        found = cross_validate(
            LogisticRegression(), rows.X, rows.y, cv=3, return_estimator=True, return_indices=True
        )
        coverage = metrics.CoverageCurveDisplay.from_cv_results(found, rows.X, rows.y, budget=0.02)
        roc = metrics.PartialROCDisplay.from_cv_results(found, rows.X, rows.y, beta=0.1)
        return {
            "budgets": coverage.budgets,
            "coverage": np.array(coverage.coverage),
            "partial_auc": roc.partial_auc,
            **{f"tpr {number}": of_fold for number, of_fold in enumerate(roc.tpr)},
        }

    def training() -> dict[str, Any]:
        rows = learnt(1_500, 0.06)
        network = build(neural.PAUCClassifier, **NETWORK).fit(rows.X, rows.y)
        trees = new_classifier("lightgbm", selection_cv=None, calibration_cv=None)
        trees.fit(rows.X, rows.y, eval_set=[(rows.X_new, rows.y_new)])
        found: dict[str, Any] = {}
        for name, model in {"network": network, "trees": trees}.items():
            drawn = metrics.TrainingCurveDisplay.from_estimator(model)
            for panel, curves in drawn.panels.items():
                found |= {f"{name}, {panel}, {key}": curve for key, curve in curves.items()}
        return found

    yield "over-folds", over_folds
    yield "training", training
    for kind in RANKED:
        name = kind.replace(" ", "-")
        for basis in ("population", "fpr"):
            yield f"coverage/{name}/{basis}", partial(coverage, kind, basis)
            yield f"scores/{name}/{basis}", partial(scores, kind, basis)
        yield f"roc/{name}", partial(roc, kind)
