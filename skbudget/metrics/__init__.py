"""Metrics of what a review budget catches, also as scorers and as pictures."""

from ._cascade import (
    CascadeCoverage,
    cascade_coverage,
    cascade_coverage_score,
    cascade_curve,
    cascade_scores,
)
from ._cascade_scorer import make_cascade_scorer
from ._coverage import coverage_at_budget_score, coverage_curve
from ._displays import (
    CoverageCurveDisplay,
    PartialROCDisplay,
    ScoreBandDisplay,
    SignificanceDisplay,
    TrainingCurveDisplay,
)
from ._group_scorers import make_group_scorer
from ._groups import (
    group_coverage_score,
    hit_rate_at_k_score,
    map_at_k_score,
    mrr_at_k_score,
    ndcg_at_k_score,
    precision_at_k_score,
    recall_at_k_score,
)
from ._label_scorer import make_label_coverage_scorer
from ._partial_auc import fpr_at_tpr_error, partial_auc_score
from ._recall import recall_partial_auc_score, volume_at_recall_error
from ._recall_scorers import make_recall_partial_auc_scorer, make_volume_at_recall_scorer
from ._scorers import (
    make_coverage_scorer,
    make_fpr_at_tpr_scorer,
    make_partial_auc_scorer,
    make_value_per_review_scorer,
)
from ._significance import significance_score
from ._significance_scorer import make_significance_scorer
from ._value import value_per_review_score
from ._worth import expected_worth, worth_coverage_score, worth_per_review_score
from ._worth_scorer import make_worth_scorer
from .intervals import (
    BootstrapInterval,
    CoverageDifference,
    CoverageSampleSize,
    bootstrap_ci,
    coverage_difference_test,
    coverage_sample_size,
    paired_bootstrap_ci,
)

__all__ = [
    "BootstrapInterval",
    "CascadeCoverage",
    "CoverageCurveDisplay",
    "CoverageDifference",
    "CoverageSampleSize",
    "PartialROCDisplay",
    "ScoreBandDisplay",
    "SignificanceDisplay",
    "TrainingCurveDisplay",
    "bootstrap_ci",
    "cascade_coverage",
    "cascade_coverage_score",
    "cascade_curve",
    "cascade_scores",
    "coverage_at_budget_score",
    "coverage_curve",
    "coverage_difference_test",
    "coverage_sample_size",
    "expected_worth",
    "fpr_at_tpr_error",
    "group_coverage_score",
    "hit_rate_at_k_score",
    "make_cascade_scorer",
    "make_coverage_scorer",
    "make_fpr_at_tpr_scorer",
    "make_group_scorer",
    "make_label_coverage_scorer",
    "make_partial_auc_scorer",
    "make_recall_partial_auc_scorer",
    "make_significance_scorer",
    "make_value_per_review_scorer",
    "make_volume_at_recall_scorer",
    "make_worth_scorer",
    "map_at_k_score",
    "mrr_at_k_score",
    "ndcg_at_k_score",
    "paired_bootstrap_ci",
    "partial_auc_score",
    "precision_at_k_score",
    "recall_at_k_score",
    "recall_partial_auc_score",
    "significance_score",
    "value_per_review_score",
    "volume_at_recall_error",
    "worth_coverage_score",
    "worth_per_review_score",
]
