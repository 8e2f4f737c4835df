"""From a ranking to decisions: thresholds that spend a budget, and whether to switch."""

from ._guarantee import budget_threshold, min_calibration_rows
from ._report import AdoptionReport, adoption_report
from ._threshold import BudgetThresholdClassifier

__all__ = [
    "AdoptionReport",
    "BudgetThresholdClassifier",
    "adoption_report",
    "budget_threshold",
    "min_calibration_rows",
]
