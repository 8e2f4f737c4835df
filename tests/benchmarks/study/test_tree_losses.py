import numpy as np
import pytest
from scipy.special import expit

from benchmarks.study._tree_losses import best_constant, hard_negatives
from skbudget.boosting import BoosterObjective
from skbudget.objectives import BinaryCrossEntropy, FocalLoss


def draw_case(seed=0, n=40):
    rng = np.random.default_rng(seed)
    y = (np.arange(n) % 4 == 0).astype(int)
    return y, 3.0 * rng.standard_normal(n) + y, rng.integers(1, 4, n).astype(float)


def focal_by_hand(y, raw, weight, gamma, alpha):
    """The mean of the rows' losses, from probabilities."""
    own = np.where(y == 1, expit(raw), 1.0 - expit(raw))
    share = np.where(y == 1, alpha, 1.0 - alpha)
    return np.average(-share * (1.0 - own) ** gamma * np.log(own), weights=weight)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0, 4.0])
@pytest.mark.parametrize("alpha", [0.25, 0.9])
def test_focal_loss_by_brute_force(gamma, alpha):
    y, raw, weight = draw_case()
    loss, step = FocalLoss(gamma=gamma, alpha=alpha), 1e-3
    assert loss.loss(y, raw, weight) == pytest.approx(focal_by_hand(y, raw, weight, gamma, alpha))
    first, second = np.empty(y.size), np.empty(y.size)
    for row, bump in enumerate(step * np.eye(y.size)):
        low, mid, high = (
            focal_by_hand(y, raw + change, weight, gamma, alpha) for change in (-bump, 0.0, bump)
        )
        first[row], second[row] = (high - low) / (2 * step), (high - 2 * mid + low) / step**2
    gradient, hessian = loss.gradient_hessian(y, raw, weight)
    np.testing.assert_allclose(gradient, first, atol=1e-6 * np.abs(first).max(), rtol=1e-4)
    tolerance = 1e-5 * np.abs(second).max()
    assert (hessian > 0).all()
    assert (hessian >= second - tolerance).all()
    # The hessian lacks this term.
    own, error = expit(np.where(y == 1, raw, -raw)), expit(np.where(y == 1, -raw, raw))
    share = np.where(y == 1, alpha, 1.0 - alpha) * weight / weight.sum()
    left_out = share * gamma * own * error ** (gamma + 1.0) * np.log(own)
    np.testing.assert_allclose(hessian + left_out, second, atol=tolerance)


def test_focal_loss_without_focus_is_cross_entropy():
    case = draw_case()
    half = [0.5 * values for values in BinaryCrossEntropy().gradient_hessian(*case)]
    np.testing.assert_allclose(FocalLoss(gamma=0.0, alpha=0.5).gradient_hessian(*case), half)


def test_focal_loss_weighs_a_positive_by_its_value():
    y, raw, _ = draw_case()
    positives, negatives = np.flatnonzero(y == 1), np.flatnonzero(y == 0)
    raw[positives[:2]] = 0.5
    value = np.ones(y.size)
    value[positives[0]], value[positives[1]] = 3.0, 6.0
    loss = FocalLoss(gamma=2.0, alpha=0.25)
    gradient, hessian = loss.gradient_hessian(y, raw, value=value)
    assert gradient[positives[1]] == pytest.approx(2.0 * gradient[positives[0]])
    assert hessian[positives[1]] == pytest.approx(2.0 * hessian[positives[0]])
    # Values of negatives are not used, and the unit of the values cancels out.
    value[negatives] = 17.0
    np.testing.assert_allclose(loss.gradient(y, raw, value=100.0 * value), gradient)
    np.testing.assert_array_equal(
        gradient[negatives], loss.gradient(y, raw)[negatives], "negatives are as without values"
    )


def test_focal_loss_takes_value_as_a_weight_in_units_of_the_mean():
    y, raw, weight = draw_case()
    value = 1.0 + np.arange(y.size)
    mean = np.average(value[y == 1], weights=weight[y == 1])
    pull = np.where(y == 1, weight * value / mean, weight)
    loss = FocalLoss(gamma=1.5, alpha=0.6)
    assert loss.loss(y, raw, weight, value=value) == pytest.approx(loss.loss(y, raw, pull))
    for ours, expected in zip(
        loss.gradient_hessian(y, raw, weight, value=value), loss.gradient_hessian(y, raw, pull)
    ):
        np.testing.assert_allclose(ours, expected)


def test_values_that_are_weights_of_positives_reach_the_focal_loss():
    y, raw, _ = draw_case()
    positives = np.flatnonzero(y == 1)
    raw[positives[:2]] = 0.5
    value = np.ones(y.size)
    value[positives[1]] = 2.0
    objective = BoosterObjective(FocalLoss(), weight_of_positives="value")
    gradient, _ = objective(y, raw, value)
    assert gradient[positives[1]] == pytest.approx(2.0 * gradient[positives[0]])
    rows, _ = BoosterObjective(FocalLoss())(y, raw)
    np.testing.assert_allclose(gradient[y == 0], rows[y == 0])


def test_focal_loss_far_out():
    y, raw = np.array([0, 0, 1, 1]), np.array([-800.0, 800.0, -800.0, 800.0])
    gradient, hessian = FocalLoss(gamma=2.0, alpha=0.25).gradient_hessian(y, raw)
    np.testing.assert_allclose(gradient, [0.0, 0.1875, -0.0625, 0.0], atol=1e-12)
    assert (np.isfinite(hessian) & (hessian > 0)).all()


@pytest.mark.parametrize("parameters", [{"gamma": -1.0}, {"alpha": 0.0}, {"alpha": 1.0}])
def test_focal_loss_refuses(parameters):
    with pytest.raises(ValueError, match=next(iter(parameters))):
        FocalLoss(**parameters)


@pytest.mark.parametrize("rate", [0.0005, 0.15])
@pytest.mark.parametrize("loss", [FocalLoss(), FocalLoss(4.0, 0.9), BinaryCrossEntropy(3.0)])
def test_best_constant_minimises_the_loss(loss, rate):
    y = (np.arange(4000) < 4000 * rate).astype(int)
    best = best_constant(loss, y)
    least = loss.loss(y, np.full(y.size, best))
    assert least <= min(loss.loss(y, np.full(y.size, s)) for s in np.linspace(-20, 20, 401))


def test_best_constant_of_cross_entropy_is_the_base_rate():
    y = (np.arange(1000) < 30).astype(int)
    assert best_constant(BinaryCrossEntropy(), y) == pytest.approx(np.log(30 / 970))


def test_hard_negatives_weigh_their_factor():
    y, raw, _ = draw_case()
    parameters = {"mined_fraction": 0.2, "mined_factor": 7.0, "pos_weight": 1.0}
    loss = hard_negatives(parameters, y)
    negatives = np.flatnonzero(y == 0)
    mined = negatives[np.argsort(-raw[negatives])[: negatives.size // 5]]
    weight = np.ones(y.size)
    weight[mined] = 7.0
    gradient, hessian = loss.settings["objective"](y, raw)
    np.testing.assert_allclose(gradient, weight * (expit(raw) - y), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(hessian, weight * expit(raw) * expit(-raw), rtol=1e-5, atol=1e-6)
    assert loss.start == pytest.approx(np.log(y.mean() / (1 - y.mean())))
