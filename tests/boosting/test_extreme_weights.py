"""Weights and values near the ends of what a float holds."""

import numpy as np
import pytest

pytest.importorskip("lightgbm")
pytest.importorskip("xgboost")

from skbudget import PAUCLGBMClassifier, PAUCXGBClassifier, make_contested_top

X, Y = make_contested_top(1_500, pos_rate=0.06, random_state=0)
# Few digits, which subnormal numbers hold, and a mean between 1 and 2.
WEIGHT = np.random.default_rng(0).integers(2, 11, Y.size) / 4
OPTIONS = {"budget": 0.05, "n_estimators": 5, "selection_cv": None, "calibration_cv": None}
NEW = {
    PAUCLGBMClassifier: lambda: PAUCLGBMClassifier(verbose=-1, n_jobs=1, **OPTIONS),
    PAUCXGBClassifier: lambda: PAUCXGBClassifier(n_jobs=1, **OPTIONS),
}


@pytest.mark.parametrize("cls", NEW)
@pytest.mark.parametrize("exponent", [-1060, -300, -100, -30, 100, 300, 1000])
def test_margins_are_those_of_ordinary_weights(cls, exponent):
    """In single precision they would be zero or infinite, and the margins constant."""
    expected = NEW[cls]().fit(X, Y, sample_weight=WEIGHT).decision_function(X)
    model = NEW[cls]().fit(X, Y, sample_weight=np.ldexp(WEIGHT, exponent))
    np.testing.assert_array_equal(model.decision_function(X), expected)
    assert np.std(expected) > 0.1


@pytest.mark.parametrize("cls", NEW)
@pytest.mark.parametrize("exponent", [-1060, -300, 300, 1000])
def test_margins_are_those_of_ordinary_values(cls, exponent):
    expected = NEW[cls]().fit(X, Y, value=WEIGHT).decision_function(X)
    found = NEW[cls]().fit(X, Y, value=np.ldexp(WEIGHT, exponent)).decision_function(X)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("cls", NEW)
@pytest.mark.parametrize("name", ["sample_weight", "value"])
def test_a_sum_that_no_float_holds_is_refused(cls, name):
    with pytest.raises(ValueError, match=f"The sum of {name} is too large for a float"):
        NEW[cls]().fit(X, Y, **{name: np.full(Y.size, 1e308)})


@pytest.mark.parametrize("cls", NEW)
def test_rows_of_nearly_no_weight(cls):
    weight = np.where(np.arange(Y.size) % 3, 1.0, 1e-200)
    margin = NEW[cls]().fit(X, Y, sample_weight=weight).decision_function(X)
    without = NEW[cls]().fit(X, Y, sample_weight=np.round(weight)).decision_function(X)
    np.testing.assert_array_equal(margin, without)


@pytest.mark.parametrize("cls", NEW)
@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
def test_values_that_add_up_to_more_than_a_float_holds(cls):
    """A sum of infinity made all margins constant."""
    weight, value = np.full(Y.size, 100.0), np.full(Y.size, 1e308 / Y.size)
    with pytest.raises(ValueError, match="times their weights add up to more than a float holds"):
        NEW[cls]().fit(X, Y, sample_weight=weight, value=value)
