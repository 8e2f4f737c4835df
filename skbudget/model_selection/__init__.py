"""Thresholds that spend a review budget."""

from ._guarantee import budget_threshold, min_calibration_rows
from ._threshold import BudgetThresholdClassifier

__all__ = ["BudgetThresholdClassifier", "budget_threshold", "min_calibration_rows"]
