import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from test_metrics_comparison import share_rejected

from skbudget.metrics import CoverageSampleSize, coverage_sample_size
from skbudget.metrics.intervals._closed_forms import wilson_interval


def test_lift_by_hand():
    # z of 0.975 and 0.8: 1.959964 and 0.841621.
    n = (1.959964 * np.sqrt(0.15) + 0.841621 * np.sqrt(0.15 - 0.05**2)) ** 2 / 0.05**2
    assert coverage_sample_size(0.6, lift=0.05, discordance=0.15).n_positives == np.ceil(n)


@settings(max_examples=100, deadline=None)
@given(st.floats(0.01, 0.99), st.floats(0.01, 0.3), st.sampled_from([0.8, 0.95, 0.99]))
def test_half_width_is_reached_and_not_before(coverage, half_width, level):
    n = coverage_sample_size(coverage, half_width=half_width, confidence_level=level).n_positives
    low, high = wilson_interval(coverage, n, level)
    assert (high - low) / 2 <= half_width * (1 + 1e-6)
    assume(n > 1)
    low, high = wilson_interval(coverage, n - 1, level)
    # With few positives an end may lie outside [0, 1], and is then cut off.
    assert (high - low) / 2 >= half_width * (1 - 1e-6) or low == 0 or high == 1


def test_independent_models_are_the_default():
    independent = 0.6 * 0.35 + 0.65 * 0.4
    assert coverage_sample_size(0.6, lift=0.05) == coverage_sample_size(
        0.6, lift=0.05, discordance=independent
    )


def test_rows_and_reviews():
    size = coverage_sample_size(0.6, lift=0.4, discordance=0.4, pos_rate=0.01, budget=0.05)
    assert isinstance(size, CoverageSampleSize)
    assert size.n_samples == 100 * size.n_positives
    assert size.n_reviewed == 5 * size.n_positives


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({}, "needs a lift or a half_width"),
        ({"lift": 0.1, "half_width": 0.1}, "needs a lift or a half_width"),
        ({"lift": 0.0}, "'lift' parameter"),
        ({"lift": 0.6}, "at most 1 - coverage"),
        ({"lift": 0.1, "discordance": 0.05}, "discordance must lie in"),
        ({"lift": 0.1, "discordance": 0.95}, "discordance must lie in"),
        ({"half_width": 0.1, "discordance": 0.2}, "give it with lift"),
        ({"half_width": 0.5}, "less than 0.5"),
        ({"half_width": 0.1, "alternative": "greater"}, "give it with lift"),
        ({"lift": 0.1, "alternative": "less"}, "'alternative' parameter"),
        ({"lift": 0.1, "power": 1.0}, "'power' parameter"),
        ({"lift": 0.1, "confidence_level": 95}, "'confidence_level' parameter"),
        ({"lift": 0.1, "pos_rate": 0.0}, "'pos_rate' parameter"),
        ({"lift": 0.1, "budget": 0.1}, "needs pos_rate"),
        ({"lift": 0.1, "pos_rate": 0.2, "budget": 0.1}, "out of reach"),
    ],
)
def test_bad_input(wrong, message):
    with pytest.raises(ValueError, match=message):
        coverage_sample_size(0.5, **wrong)


@pytest.mark.parametrize("alternative", ["two-sided", "greater"])
def test_power_is_what_was_asked_for(alternative):
    """Test models with a lift on the number of positives that should detect it."""
    coverage, lift, common = 0.5, 0.15, 0.7
    *_, discordance = share_rejected(
        10_000, 500, 0.05, coverage, lift=lift, common=common, basis="fpr", n_tables=5
    )
    n = coverage_sample_size(coverage, lift=lift, discordance=discordance, alternative=alternative)
    n = n.n_positives
    power, *_ = share_rejected(
        20 * n,
        n,
        0.05,
        coverage,
        lift=lift,
        common=common,
        basis="fpr",
        n_tables=200,
        alternative=alternative,
    )
    # The formula takes the cut as known, and p-values as continuous.
    assert power == pytest.approx(0.8, abs=3.5 * np.sqrt(0.8 * 0.2 / 200))
