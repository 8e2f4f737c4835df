"""From a ranking to decisions: thresholds that spend a budget, and whether to switch."""

from ._expected_worth import ExpectedWorthClassifier, TwoPartRegressor
from ._guarantee import budget_threshold, min_calibration_rows
from ._recall_floor import min_calibration_positives, recall_threshold
from ._threshold import BudgetThresholdClassifier
from ._top_rows import top_rows
from .report import AdoptionReport, adoption_report

__all__ = [
    "AdoptionReport",
    "BudgetThresholdClassifier",
    "ExpectedWorthClassifier",
    "TwoPartRegressor",
    "adoption_report",
    "budget_threshold",
    "min_calibration_positives",
    "min_calibration_rows",
    "recall_threshold",
    "top_rows",
]
