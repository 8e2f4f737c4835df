"""Names that have changed. The examples use the new names, and this file finds the old ones."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from skbudget import band, boosting, model_selection, objectives

WeightedSum = getattr(objectives, "WeightedSum", None) or objectives.Blend
default_beta = getattr(band, "default_beta", None) or boosting.default_beta
# What a threshold calls parts of the rows that share a budget.
_THRESHOLD = inspect.signature(model_selection.BudgetThresholdClassifier.update).parameters
SEGMENT = "segment" if "segments" in _THRESHOLD else "group"

OLD_PARAMETERS = {
    "basis": "budget_basis",
    "temperature_start": "temp_start",
    "temperature_end": "temp_end",
    "temperature_decay_steps": "temp_decay_steps",
}


def build(target: Callable[..., Any], /, *args: Any, **params: Any) -> Any:
    """Call ``target``, and translate parameters that it knows by an older name."""
    known = inspect.signature(target).parameters
    for new, old in OLD_PARAMETERS.items():
        if new in params and new not in known and old in known:
            params[old] = params.pop(new)
    if "calibration_cv" in params and "calibration_cv" not in known and "calibrate" in known:
        params["calibrate"] = params.pop("calibration_cv") is not None
    return target(*args, **params)
