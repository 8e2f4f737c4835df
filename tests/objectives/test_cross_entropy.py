import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from objectives_cases import CASES, assert_close, draw_case
from scipy.special import expit
from sklearn.metrics import log_loss

from skbudget.objectives import BinaryCrossEntropy, HardNegativeCrossEntropy

pytestmark = pytest.mark.filterwarnings("error")

every_case = pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))


@every_case
def test_plain_is_log_loss(case):
    wanted = log_loss(case.y, expit(case.raw), sample_weight=case.weight)
    assert BinaryCrossEntropy().loss(*case.args) == pytest.approx(wanted, rel=1e-12)


@every_case
def test_pos_weight_counts_positives_as_often(case):
    factor = np.where(case.y == 1, 3.0, 1.0)
    wanted = log_loss(case.y, expit(case.raw), sample_weight=case.weights * factor)
    # The mean stays one over the rows, as in a booster's scale_pos_weight.
    wanted *= (case.weights * factor).sum() / case.weights.sum()
    assert BinaryCrossEntropy(3.0).loss(*case.args) == pytest.approx(wanted, rel=1e-12)


@every_case
def test_balanced_gives_both_classes_the_same_total(case):
    gradient = BinaryCrossEntropy("balanced").gradient(case.y, np.zeros(case.y.size), case.weight)
    assert -gradient[case.y == 1].sum() == pytest.approx(gradient[case.y == 0].sum())
    ratio = case.weights[case.y == 0].sum() / case.weights[case.y == 1].sum()
    assert BinaryCrossEntropy("balanced").loss(*case.args) == pytest.approx(
        BinaryCrossEntropy(ratio).loss(*case.args)
    )


def test_derivatives_are_those_of_the_logistic_model():
    y, raw, weight = CASES["weights"].args
    share, p = weight * np.where(y == 1, 3.0, 1.0) / weight.sum(), expit(raw)
    gradient, hessian = BinaryCrossEntropy(3.0).gradient_hessian(y, raw, weight)
    assert_close(gradient, share * (p - y), 1e-12)
    assert_close(hessian, share * p * (1 - p), 1e-12)


def test_extreme_margins_cost_what_they_are():
    assert BinaryCrossEntropy().loss([0, 1], [1e4, -1e4]) == 1e4
    assert BinaryCrossEntropy().loss([0, 1], [-1e4, 1e4]) == 0.0


# --- hard negatives


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 100), st.floats(0.5, 20.0), st.booleans())
def test_the_top_negatives_count_times_the_factor(seed, percent, factor, masked):
    case = draw_case(seed, n=40, masked=masked)
    objective = HardNegativeCrossEntropy(top_fraction=percent / 100, factor=factor)
    reference = (case.y == 0) if case.iid is None else (case.y == 0) & case.iid
    # Untied: rank ceil(f M) among the reference negatives, by integer arithmetic.
    rank = -(-percent * reference.sum() // 100)
    edge = np.sort(case.raw[reference])[::-1][rank - 1]
    mined = (case.y == 0) & (case.raw >= edge)
    plain = BinaryCrossEntropy().gradient_hessian(*case.args)
    for one, other in zip(objective.gradient_hessian(*case.args, iid_mask=case.iid), plain):
        np.testing.assert_allclose(one, other * np.where(mined, factor, 1.0), rtol=1e-12)


def test_ties_at_the_edge_are_all_mined():
    y, raw = [1, 0, 0, 0, 0], [0.0, 2.0, 1.0, 1.0, 0.0]
    ratio = HardNegativeCrossEntropy(top_fraction=0.5, factor=7.0).gradient(
        y, raw
    ) / BinaryCrossEntropy().gradient(y, raw)
    np.testing.assert_allclose(ratio, [1.0, 7.0, 7.0, 7.0, 1.0])


def test_a_factor_of_one_mines_nothing():
    case = CASES["all"]
    np.testing.assert_array_equal(
        HardNegativeCrossEntropy("balanced", factor=1.0).gradient(*case.args),
        BinaryCrossEntropy("balanced").gradient(*case.args),
    )


def test_mined_rows_are_found_anew_at_other_scores():
    case = CASES["plain"]
    objective = HardNegativeCrossEntropy(top_fraction=0.1)
    first = objective.hold(objective.rows(*case.args))
    second = objective.hold(objective.rows(case.y, -case.raw))
    assert (first[case.y == 1] == second[case.y == 1]).all()
    assert (first != second).any()
    assert first.sum() == pytest.approx(second.sum())


# --- parameters


@pytest.mark.parametrize("objective", [BinaryCrossEntropy, HardNegativeCrossEntropy])
@pytest.mark.parametrize("pos_weight", [0.0, -1.0, np.nan, np.inf, None, "auto", True])
def test_bad_pos_weight(objective, pos_weight):
    message = f"'pos_weight' parameter of {objective.__name__} must be a float in the range"
    with pytest.raises(ValueError, match=message):
        objective(pos_weight)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"top_fraction": 0.0}, r"'top_fraction' parameter of .* in the range \(0.0, 1.0\]"),
        ({"top_fraction": 1.5}, "'top_fraction' parameter of HardNegativeCrossEntropy"),
        ({"top_fraction": np.nan}, "'top_fraction' parameter of HardNegativeCrossEntropy"),
        ({"top_fraction": 50}, "50 basis points are 0.005"),
        ({"factor": 0.0}, r"'factor' parameter of HardNegativeCrossEntropy .*\(0.0, inf\)"),
        ({"factor": np.nan}, "'factor' parameter of HardNegativeCrossEntropy"),
        ({"factor": "ten"}, "'factor' parameter of HardNegativeCrossEntropy"),
    ],
)
def test_bad_mining_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        HardNegativeCrossEntropy(**parameters)
    with pytest.raises(ValueError, match=message):
        HardNegativeCrossEntropy().replace(**parameters)
