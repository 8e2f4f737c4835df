"""Examples of `skbudget.model_selection`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from skbudget import model_selection

from ._booster_classifiers import new_classifier
from ._names import SEGMENT, build
from ._record import Example, group
from ._rows import Learnt, columns_of, learnt, scored

THRESHOLDS: dict[str, dict[str, Any]] = {
    "default": {},
    "fpr": {"basis": "fpr"},
    "held-out": {"cv": 0.4},
    "folds": {"cv": StratifiedKFold(3)},
    "guarantee": {"guarantee": 0.95, "cv": 0.5},
    "guarantee-fpr": {"guarantee": 0.9, "cv": 0.5, "basis": "fpr"},
    "probabilities": {"response_method": "predict_proba"},
    "other-label": {"pos_label": 0},
}


@group
def threshold() -> Iterator[Example]:
    """Thresholds that spend a budget."""

    def new(**params: Any) -> Any:
        settings = {"budget": 0.02, "random_state": 0, **params}
        return build(model_selection.BudgetThresholdClassifier, LogisticRegression(), **settings)

    def outcome(model: Any, X: Any, **groups: Any) -> dict[str, Any]:
        names = ("threshold_", "n_calibration_", "alert_rate_", "coverage_")
        found = {name: getattr(model, name) for name in names}
        rates = getattr(model, f"{SEGMENT}_rates_")
        if rates is not None:
            # An array keeps the name that it has in older files.
            found["group_rates_"] = rates
        return {
            **found,
            "predict": model.predict(X, **groups),
            "alerts": model.alerts(X, **groups),
            "first alerts": model.alerts(X, 17, **groups),
        }

    def both(model: Any, rows: Learnt, of_new: dict[str, Any], **given: Any) -> dict[str, Any]:
        """Fit the model, update it, and return the outcomes of both."""
        model.fit(rows.X, rows.y, **given)
        found = outcome(model, rows.X_new, **of_new)
        model.update(rows.X_new, rows.y_new, **of_new)
        return found | {
            f"updated, {name}": part for name, part in outcome(model, rows.X_new, **of_new).items()
        }

    def fit(params: dict[str, Any], columns: tuple[str, ...]) -> dict[str, Any]:
        rows = learnt()
        return both(new(**params), rows, {}, **columns_of(rows, columns))

    def in_groups(params: dict[str, Any], columns: tuple[str, ...]) -> dict[str, Any]:
        rows = learnt()
        names = np.array(["north", "south", "west"])
        groups, of_new = (
            names[np.random.default_rng(k).choice(3, n, p=[0.5, 0.3, 0.2])]
            for k, n in enumerate((rows.y.size, rows.y_new.size))
        )
        given = columns_of(rows, columns)
        return both(
            new(**params), rows, {f"{SEGMENT}s": of_new}, **{f"{SEGMENT}s": groups}, **given
        )

    def prefit(**params: Any) -> dict[str, Any]:
        rows = learnt()
        model = LogisticRegression().fit(rows.X, rows.y)
        found = build(
            model_selection.BudgetThresholdClassifier, model, budget=0.02, cv="prefit", **params
        )
        return outcome(found.fit(rows.X_new, rows.y_new), rows.X)

    def from_scores() -> dict[str, Any]:
        rows = scored(5_000)
        of = model_selection.budget_threshold
        budgets = (0.002, 0.01, 0.1, 1.0)
        return {
            "plain": [of(rows.raw, budget=budget) for budget in budgets],
            "ties": [of(rows.raw.round(1), budget=budget) for budget in budgets],
            "weight": [
                of(rows.raw, budget=budget, sample_weight=rows.weight) for budget in budgets
            ],
            "guarantee": [of(rows.raw, budget=budget, guarantee=0.95) for budget in budgets],
            "fewest rows": [
                model_selection.min_calibration_rows(budget, guarantee)
                for budget in budgets
                for guarantee in (0.5, 0.9, 0.95, 0.999)
            ],
        }

    columns: tuple[str, ...]
    yield "from-scores", from_scores
    for name, params in THRESHOLDS.items():
        yield name, partial(fit, params, ())
    for columns in (("sample_weight",), ("value",), ("sample_weight", "value")):
        yield "default/" + "-".join(columns), partial(fit, {}, columns)
    for name in ("default", "fpr", "guarantee", "guarantee-fpr"):
        yield f"groups/{name}", partial(in_groups, THRESHOLDS[name], ())
    for basis in ("population", "fpr"):
        params = {"allocation": "coverage", "basis": basis}
        for columns in ((), ("value",), ("sample_weight",)):
            name = "-".join(columns) or "plain"
            yield f"groups/coverage/{basis}/{name}", partial(in_groups, params, columns)
    yield "groups/coverage/most", partial(in_groups, {"allocation": "coverage", "budget": 0.9}, ())
    yield "prefit", prefit
    yield "prefit/guarantee", partial(prefit, guarantee=0.9)
    yield "prefit/fpr", partial(prefit, basis="fpr")


def _flat(found: Any, name: str = "") -> dict[str, Any]:
    """Return the numbers of nested dicts and lists by their path, without times and words."""
    if isinstance(found, Mapping):
        left_out = ("reason", "label", "fit_seconds", "pos_label")
        parts = {str(key): part for key, part in found.items() if key not in left_out}
    elif isinstance(found, list | tuple) and any(isinstance(p, Mapping | list) for p in found):
        parts = {str(number): part for number, part in enumerate(found)}
    else:
        return {} if found is None else {name: found}
    flat: dict[str, Any] = {}
    for key, part in parts.items():
        flat |= _flat(part, f"{name}.{key}" if name else key)
    return flat


@group
def adoption_report() -> Iterator[Example]:
    """Reports on whether it is worth switching to another model."""

    def compute(columns: tuple[str, ...] = (), **options: Any) -> dict[str, Any]:
        rows = learnt(2_000, 0.04)
        models = {
            "baseline": LogisticRegression(),
            "candidate": new_classifier("lightgbm", calibration_cv=None, selection_cv=None),
            "hard_negatives": "drop",
            "probe": "drop",
            "cv": 3,
        }
        given = columns_of(rows, columns)
        report = model_selection.adoption_report(
            rows.X, rows.y, random_state=0, **{"budget": 0.05, **models, **options}, **given
        )
        return _flat(report.to_dict())

    yield "plain", compute
    yield "fpr", partial(compute, basis="fpr", budget_window=1.0)
    yield "weight", partial(compute, ("sample_weight",))
    yield "value", partial(compute, ("value",), confidence=0.9, min_lift=0.1)
    yield "default-folds", partial(compute, cv=None)
    yield "small-budget", partial(compute, budget=0.002)
    yield "common-positives", partial(compute, budget=0.03)
    yield "other-candidate", partial(compute, candidate=LogisticRegression(C=1e-4))
    yield "probe", partial(compute, probe=LogisticRegression(C=10.0), min_lift=0.001)
    # The default models of the other roles have two hundred trees.
    yield "default-models", partial(compute, baseline=None, hard_negatives=None, probe=None, cv=2)
