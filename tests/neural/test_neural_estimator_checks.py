"""scikit-learn's own checks of `PAUCClassifier`."""

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

import toy_losses as toys
from sklearn.utils.estimator_checks import parametrize_with_checks

from skbudget import PAUCClassifier

torch.set_num_threads(1)

# Of a single batch, as here, the two models agree but for float32 rounding, which
# hundreds of steps amplify beyond the 1e-7 asked for; test_pauc_classifier.py measures it.
ROUNDING = "weighted and repeated rows are summed in another order, in float32"
EXPECTED = {
    "check_sample_weight_equivalence_on_dense_data": ROUNDING,
    "check_sample_weight_equivalence_on_sparse_data": ROUNDING,
}
OF_REGRESSORS = {
    **EXPECTED,
    "check_regressors_no_decision_function": "one class takes any target, and has it for all",
    # Refused, rather than without effect.
    "check_regressors_train": "it sets alpha, here the end of a band that the loss does not have",
}


@parametrize_with_checks(
    [
        PAUCClassifier(n_members=2, max_epochs=25, lr=3e-3),
        # A regressor.
        PAUCClassifier(
            loss=toys.SquaredError(),
            n_members=2,
            max_epochs=25,
            lr=2e-2,
        ),
    ],
    expected_failed_checks=lambda estimator: EXPECTED if estimator.loss is None else OF_REGRESSORS,
)
def test_estimator_checks(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(
    [PAUCClassifier(), PAUCClassifier(loss="smooth_ap", n_members=2, max_epochs=20, lr=5e-3)],
    expected_failed_checks=lambda _: EXPECTED,
)
def test_estimator_checks_at_the_defaults(estimator, check):
    check(estimator)
