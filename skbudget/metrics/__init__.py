"""Metrics of what a review budget catches, and the same as scorers."""

from ._coverage import coverage_at_budget_score, coverage_curve
from ._partial_auc import fpr_at_tpr_error, partial_auc_score
from ._scorers import (
    make_coverage_scorer,
    make_fpr_at_tpr_scorer,
    make_partial_auc_scorer,
    make_value_per_review_scorer,
)
from ._value import value_per_review_score

__all__ = [
    "coverage_at_budget_score",
    "coverage_curve",
    "fpr_at_tpr_error",
    "make_coverage_scorer",
    "make_fpr_at_tpr_scorer",
    "make_partial_auc_scorer",
    "make_value_per_review_scorer",
    "partial_auc_score",
    "value_per_review_score",
]
