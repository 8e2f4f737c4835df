import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit

from skbudget._utils.calibration import ClassCalibrator, SigmoidCalibrator
from skbudget._utils.levels import (
    LevelCalibrator,
    ThresholdCalibrator,
    fit_calibrator,
    level_probabilities,
)


def draw(n_samples=20_000, seed=0):
    rng = np.random.default_rng(seed)
    margin = 3.0 * rng.normal(size=n_samples) + 1.0
    return margin, np.digitize(0.5 * margin + rng.logistic(size=n_samples), [-1.0, 1.0, 4.0])


def test_thresholds_that_cross_leave_no_negative_probability():
    # The second question is more probable than the first, which no row can be.
    found = level_probabilities(np.array([[0.3, 0.6], [0.6, 0.3]]))
    np.testing.assert_allclose(found, [[0.7, 0.0, 0.3], [0.4, 0.3, 0.3]])


def test_one_margin():
    margin, target = draw()
    found = LevelCalibrator.fit(margin, target, None, 4)
    assert found.slope == pytest.approx(0.5, abs=0.02)
    np.testing.assert_allclose(found.thresholds, [-1.0, 1.0, 4.0], atol=0.1)
    probability = found.probabilities(found.scores(margin))
    assert (probability >= 0).all()
    np.testing.assert_allclose(probability.sum(axis=1), 1.0)
    np.testing.assert_allclose(
        probability.mean(axis=0), np.bincount(target) / target.size, atol=1e-3
    )
    middle = (np.cumsum(probability, axis=1) < 0.5).sum(axis=1)
    np.testing.assert_array_equal(found.levels(margin), middle)


def test_the_fit_is_where_the_loss_is_least():
    margin, target = draw(400)
    weight = np.random.default_rng(1).integers(1, 4, 400).astype(float)
    found = LevelCalibrator.fit(margin, target, weight, 4)

    def loss(theta):
        total = 0.0
        for number in range(3):
            z, above = theta[0] * margin - theta[1 + number], target > number
            n_above, n_below = weight[above].sum(), weight[~above].sum()
            wanted = np.where(above, (n_above + 1) / (n_above + 2), 1 / (n_below + 2))
            total += weight @ (np.logaddexp(0.0, z) - wanted * z)
        return total / weight.sum()

    best = minimize(loss, [0.4, -1.0, 1.0, 3.0], method="BFGS", options={"gtol": 1e-9})
    assert loss([found.slope, *found.thresholds]) <= best.fun + 1e-10
    np.testing.assert_allclose([found.slope, *found.thresholds], best.x, atol=1e-4)
    repeated = np.repeat(np.arange(400), weight.astype(int))
    again = LevelCalibrator.fit(margin[repeated], target[repeated], None, 4)
    np.testing.assert_allclose(again.thresholds, found.thresholds, atol=1e-4)


def test_two_levels_are_two_classes():
    margin, target = draw(500)
    found = LevelCalibrator.fit(margin, 1 * (target > 1), None, 2)
    wanted = SigmoidCalibrator.fit(margin, target > 1, None)
    np.testing.assert_allclose(found.probabilities(margin)[:, 1], wanted(margin), atol=1e-5)


def test_a_level_that_is_not_held_out_and_margins_that_tell_nothing():
    margin, target = draw(500)
    kept = target < 3
    found = LevelCalibrator.fit(margin[kept], target[kept], None, 4)
    assert found.probabilities(margin).shape == (500, 4)
    assert (np.diff(found.thresholds) >= 0).all()
    still = LevelCalibrator.fit(np.zeros(500), target, None, 4)
    shares = np.bincount(target) / 500
    np.testing.assert_allclose(still.probabilities(np.zeros(1))[0], shares, atol=0.01)
    # A margin with the wrong sign still ranks as it does.
    turned = LevelCalibrator.fit(-margin, target, None, 4)
    assert turned.slope > 0
    with pytest.raises(ValueError, match="as large as 1e"):
        LevelCalibrator.fit(np.full(500, 1e160), target, None, 4)


def test_a_margin_per_threshold():
    margin, target = draw()
    margins = np.column_stack([2.0 * margin, margin, margin - 3.0])
    found = ThresholdCalibrator.fit(margins, target, None)
    np.testing.assert_allclose(found.slope, [0.25, 0.5, 0.5], atol=0.03)
    scores = found.scores(margins)
    np.testing.assert_allclose(
        expit(scores).mean(axis=0), (target[:, None] > np.arange(3)).mean(axis=0), atol=1e-3
    )
    probability = found.probabilities(scores)
    assert (probability >= 0).all()
    np.testing.assert_allclose(probability.sum(axis=1), 1.0)


def test_which_calibrator():
    margin, target = draw(300)
    assert isinstance(fit_calibrator(margin, target, None, "one", 4), LevelCalibrator)
    columns = np.column_stack([margin] * 4)
    assert isinstance(fit_calibrator(columns, target, None, "classes", 4), ClassCalibrator)
    columns = columns[:, :3]
    assert isinstance(fit_calibrator(columns, target, None, "thresholds", 4), ThresholdCalibrator)
