"""From a ranking to decisions: thresholds that spend a budget, and whether to switch."""

from ._guarantee import budget_threshold, min_calibration_rows
from ._threshold import BudgetThresholdClassifier
from .report import AdoptionReport, adoption_report

__all__ = [
    "AdoptionReport",
    "BudgetThresholdClassifier",
    "adoption_report",
    "budget_threshold",
    "min_calibration_rows",
]
