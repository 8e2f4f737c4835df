"""scikit-learn's own checks; expected failures are those of the estimator inside."""

import pytest
import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.fixes import parse_version

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")
lightgbm = pytest.importorskip("lightgbm")
xgboost = pytest.importorskip("xgboost")

from skbudget import (
    BudgetThresholdClassifier,
    PAUCClassifier,
    PAUCLGBMClassifier,
    PAUCXGBClassifier,
)

torch.set_num_threads(1)

# Older checks fold repeated rows otherwise than weighted ones, and give binary classifiers
# labels that XGBClassifier refuses.
OLD_CHECKS = parse_version(sklearn.__version__) < parse_version("1.7")

# The checks' tables are balanced, and accuracy on them takes half of the rows to be flagged.
HALF = 0.5
CHEAP = {"n_estimators": 5, "n_jobs": 1}
UNBANDED = {"selection_cv": None, "calibration_cv": None}

# scikit-learn expects the same of its FixedThresholdClassifier.
THRESHOLD = {
    "check_classifiers_train": "predict does not cut decision_function at 0",
    "check_classifiers_classes": "predict does not cut decision_function at 0",
    "check_methods_subset_invariance": (
        "the row that is the threshold, scored alone, may differ from itself in the last bit"
    ),
}
WEIGHTS = (
    "check_sample_weight_equivalence_on_dense_data",
    "check_sample_weight_equivalence_on_sparse_data",
)
LABELS = (
    "check_estimators_dtypes",
    "check_sample_weights_pandas_series",
    "check_sample_weights_not_an_array",
    "check_sample_weights_shape",
    "check_sample_weights_not_overwritten",
    "check_classifier_data_not_an_array",
    "check_fit2d_1feature",
    "check_fit2d_predict1d",
)
MESSAGES = ("check_estimators_empty_data_messages", "check_n_features_in_after_fitting")
XGBOOST_OWN = {
    **dict.fromkeys(WEIGHTS, "XGBoost's bins depend on the rows given"),
    **dict.fromkeys(LABELS, "XGBClassifier takes labels 0 and 1 only"),
    **dict.fromkeys(MESSAGES, "XGBoost's own messages"),
}
EXPECTED = {
    "LogisticRegression": dict.fromkeys(WEIGHTS if OLD_CHECKS else (), "see OLD_CHECKS"),
    "LGBMClassifier": dict.fromkeys(WEIGHTS, "LightGBM counts rows of weight 0 in its bins"),
    "PAUCLGBMClassifier": dict.fromkeys(WEIGHTS, "LightGBM counts rows of weight 0 in its bins"),
    "XGBClassifier": XGBOOST_OWN,
    "PAUCXGBClassifier": dict.fromkeys(WEIGHTS, "XGBoost's bins depend on the rows given"),
    "PAUCClassifier": dict.fromkeys(WEIGHTS, "rows are summed in another order, in float32"),
}
REFUSED = (
    *WEIGHTS,
    "check_sample_weights_not_overwritten",
    "check_classifiers_one_label_sample_weights",
)


def expected_failures(model):
    expected = THRESHOLD | EXPECTED[type(model.estimator).__name__]
    if model.guarantee is not None:
        expected |= dict.fromkeys(REFUSED, "a guarantee takes no weights, and one split")
    return expected


@parametrize_with_checks(
    [
        BudgetThresholdClassifier(estimator, budget=HALF, cv=3)
        for estimator in (
            LogisticRegression(),
            PAUCLGBMClassifier(**CHEAP, **UNBANDED, min_child_samples=1, verbose=-1),
            PAUCClassifier(n_members=1, max_epochs=5, calibration_cv=None, random_state=0),
        )
    ]
    + [
        BudgetThresholdClassifier(
            LogisticRegression(), budget=HALF, guarantee=0.5, cv=0.5, random_state=0
        ),
        BudgetThresholdClassifier(LogisticRegression(), budget=None, min_recall=HALF, cv=3),
        BudgetThresholdClassifier(
            LogisticRegression(), min_recall=HALF, guarantee=0.5, cv=0.5, random_state=0
        ),
    ],
    expected_failed_checks=expected_failures,
)
def test_estimator_checks(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(
    [
        BudgetThresholdClassifier(estimator, budget=HALF, cv=3)
        for estimator in (
            lightgbm.LGBMClassifier(**CHEAP, min_child_samples=1, verbose=-1),
            xgboost.XGBClassifier(**CHEAP),
            PAUCXGBClassifier(**CHEAP, **UNBANDED, min_child_weight=0.0),
        )
        if not (OLD_CHECKS and type(estimator) is xgboost.XGBClassifier)
    ],
    expected_failed_checks=expected_failures,
)
def test_estimator_checks_of_other_boosters(estimator, check):
    check(estimator)
