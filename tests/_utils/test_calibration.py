import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from skbudget._utils.calibration import SigmoidCalibrator


def draw(n, seed, slope=1.5, intercept=-2.0):
    rng = np.random.default_rng(seed)
    margin = rng.normal(size=n) * 2
    return margin, rng.random(n) < expit(slope * margin + intercept)


def test_recovers_the_map_that_drew_the_labels():
    calibrator = SigmoidCalibrator.fit(*draw(200_000, 0), None)
    assert calibrator.slope == pytest.approx(1.5, rel=0.03)
    assert calibrator.slope * calibrator.offset == pytest.approx(-2.0, rel=0.03)


def test_agrees_with_unpenalised_logistic_regression():
    margin, positive = draw(100_000, 1)
    calibrator = SigmoidCalibrator.fit(margin, positive, None)
    reference = LogisticRegression(C=np.inf, tol=1e-10).fit(margin[:, None], positive)
    # Platt's targets differ from 0 and 1 by one in the number of rows.
    assert calibrator.slope == pytest.approx(reference.coef_[0, 0], rel=1e-3)


def test_weight_repeats_a_row():
    margin, positive = draw(500, 2)
    weight = np.random.default_rng(0).integers(0, 4, size=500)
    weighted = SigmoidCalibrator.fit(margin, positive, weight.astype(float))
    repeated = SigmoidCalibrator.fit(np.repeat(margin, weight), np.repeat(positive, weight), None)
    assert weighted.slope == pytest.approx(repeated.slope, rel=1e-5)
    assert weighted.offset == pytest.approx(repeated.offset, rel=1e-5)


@pytest.mark.parametrize("unit", [1e-300, 1e-6, 1 / 1000, 0.5, 1e300 / 1000])
def test_weights_in_another_unit_than_rows(unit):
    margin, positive = draw(1000, 4)
    weight = 0.5 + np.random.default_rng(0).random(1000)
    wanted = SigmoidCalibrator.fit(margin, positive, weight)
    found = SigmoidCalibrator.fit(margin, positive, unit * weight)
    assert found.slope == pytest.approx(wanted.slope, rel=0.02)
    base_rate = np.average(positive, weights=weight)
    assert np.average(found(margin), weights=weight) == pytest.approx(base_rate, rel=0.01)


@pytest.mark.parametrize("margin", [np.zeros(50), -np.arange(50.0), np.arange(50.0) * 1e-9])
def test_map_increases_whatever_the_data(margin):
    positive = np.arange(50) >= 40
    calibrator = SigmoidCalibrator.fit(margin, positive, None)
    assert calibrator.slope > 0
    probability = calibrator(margin)
    assert np.isfinite(probability).all()
    assert probability.mean() == pytest.approx(0.2, abs=0.1)


def test_separated_classes_get_finite_probabilities():
    margin = np.r_[np.full(10, 5.0), np.full(90, -5.0)]
    calibrator = SigmoidCalibrator.fit(margin, margin > 0, None)
    low, high = calibrator(np.array([-5.0, 5.0]))
    assert low == pytest.approx(1 / 92, rel=1e-3)
    assert high == pytest.approx(11 / 12, rel=1e-3)


def test_margins_whose_squares_are_no_numbers_are_refused():
    margin = np.array([-1.0, 0.0, 1.0, 1e200])
    with pytest.raises(ValueError, match=r"as large as 1e\+200, .*: look for extreme values in X"):
        SigmoidCalibrator.fit(margin, margin > 0, None)
