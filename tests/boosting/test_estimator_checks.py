"""scikit-learn's own checks; expected failures are the parent library's."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

pytest.importorskip("lightgbm")
pytest.importorskip("xgboost")

from skbudget.boosting import PAUCLGBMClassifier, PAUCXGBClassifier

LIGHTGBM_OWN = {
    "check_no_attributes_set_in_init": "LightGBM sets private attributes in __init__",
    "check_sample_weight_equivalence_on_dense_data": (
        "LightGBM counts rows of weight 0 in min_child_samples and in its bins"
    ),
    "check_sample_weight_equivalence_on_sparse_data": (
        "LightGBM counts rows of weight 0 in min_child_samples and in its bins"
    ),
}


XGBOOST_OWN = {
    "check_sample_weight_equivalence_on_dense_data": "XGBoost's bins depend on the rows given",
    "check_sample_weight_equivalence_on_sparse_data": "XGBoost's bins depend on the rows given",
}


def expected_failures(estimator):
    return LIGHTGBM_OWN if isinstance(estimator, PAUCLGBMClassifier) else XGBOOST_OWN


@parametrize_with_checks(
    [
        PAUCLGBMClassifier(n_estimators=10, n_jobs=1, min_child_samples=1, verbose=-1),
        PAUCXGBClassifier(n_estimators=10, n_jobs=1, min_child_weight=0.0),
        # The defaults but for fewer trees.
        PAUCLGBMClassifier(n_estimators=12, n_jobs=1, verbose=-1),
        PAUCXGBClassifier(n_estimators=12, n_jobs=1),
    ],
    expected_failed_checks=expected_failures,
)
def test_estimator_checks(estimator, check):
    check(estimator)
