"""Train for, measure and deploy coverage at a review budget.

Coverage at a budget is the share of positives caught when only the top fraction
of scores can be reviewed. Public names are imported on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._utils.lazy import lazy_names

if TYPE_CHECKING:
    from .boosting import PAUCLGBMClassifier, PAUCObjective, PAUCXGBClassifier, pauc_objective
    from .datasets import make_contested_top
    from .ensemble import PAUCEnsembleClassifier
    from .metrics import coverage_at_budget_score, make_coverage_scorer
    from .model_selection import BudgetThresholdClassifier
    from .neural import PAUCClassifier

__version__ = "0.1.0"

__all__ = [
    "BudgetThresholdClassifier",
    "PAUCClassifier",
    "PAUCEnsembleClassifier",
    "PAUCLGBMClassifier",
    "PAUCObjective",
    "PAUCXGBClassifier",
    "coverage_at_budget_score",
    "make_contested_top",
    "make_coverage_scorer",
    "pauc_objective",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "BudgetThresholdClassifier": ".model_selection",
        "PAUCClassifier": ".neural",
        "PAUCEnsembleClassifier": ".ensemble",
        "PAUCLGBMClassifier": ".boosting",
        "PAUCObjective": ".boosting",
        "PAUCXGBClassifier": ".boosting",
        "coverage_at_budget_score": ".metrics",
        "make_contested_top": ".datasets",
        "make_coverage_scorer": ".metrics",
        "pauc_objective": ".boosting",
    },
)
