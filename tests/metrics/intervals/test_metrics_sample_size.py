from fractions import Fraction
from math import ceil
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from metrics_power import share_rejected

from skbudget.metrics import CoverageSampleSize, coverage_sample_size
from skbudget.metrics.intervals._closed_forms import wilson_interval


def test_lift_by_hand():
    # z of 0.975 and 0.8: 1.959964 and 0.841621.
    n = (1.959964 * np.sqrt(0.15) + 0.841621 * np.sqrt(0.15 - 0.05**2)) ** 2 / 0.05**2
    assert coverage_sample_size(0.6, lift=0.05, discordance=0.15).n_positives == np.ceil(n)


@pytest.mark.parametrize(("alternative", "level"), [("two-sided", 0.975), ("greater", 0.95)])
@pytest.mark.parametrize("power", [0.8, 0.95])
def test_the_formula_of_mcnemar_s_test(alternative, level, power):
    z, z_power = (NormalDist().inv_cdf(share) for share in (level, power))
    for lift, discordance in [(0.05, 0.15), (0.1, 0.1), (0.02, 0.3)]:
        n = (z * discordance**0.5 + z_power * (discordance - lift**2) ** 0.5) ** 2 / lift**2
        found = coverage_sample_size(
            0.6, lift=lift, discordance=discordance, power=power, alternative=alternative
        )
        assert found == CoverageSampleSize(ceil(n))


def test_a_budget_that_just_reaches_the_coverage_will_do():
    for coverage, pos_rate in [(0.6, 0.01), (0.55, 0.003), (0.25, 0.07)]:
        budget = float(Fraction(str(coverage + 0.05)[:4]) * Fraction(str(pos_rate)))
        size = coverage_sample_size(coverage, lift=0.05, pos_rate=pos_rate, budget=budget)
        assert size.n_reviewed is not None
        with pytest.raises(ValueError, match="out of reach"):
            coverage_sample_size(coverage, lift=0.05, pos_rate=pos_rate, budget=budget * 0.999)


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


def _sizes(**options):
    """Return the number of positives for each of several values of the one option."""
    (name, values) = options.pop("of")
    return [coverage_sample_size(**{**options, name: value}).n_positives for value in values]


shares = st.floats(0.05, 0.95)
levels = st.one_of(st.floats(0.001, 0.999), st.sampled_from([1e-9, 1 - 1e-9, 1 - 2**-53]))


@settings(max_examples=200, deadline=None)
@given(
    shares,
    st.floats(0.01, 1.0),
    st.floats(0.0, 1.0),
    levels,
    st.lists(st.floats(1e-6, 1.0, exclude_max=True), min_size=2, max_size=6),
    st.sampled_from(["two-sided", "greater"]),
)
def test_more_power_needs_no_fewer_positives(coverage, part, agreed, level, powers, alternative):
    lift = part * (1.0 - coverage)
    most = min(2 * coverage + lift, 2.0 - 2 * coverage - lift, 1.0 - 1e-9)
    assume(lift <= most)
    powers = sorted(power for power in powers if power > 1.0 - level)
    assume(len(powers) > 1)
    found = _sizes(
        of=("power", powers),
        coverage=coverage,
        lift=lift,
        discordance=min(lift + agreed * (most - lift), most),
        confidence_level=level,
        alternative=alternative,
    )
    assert found == sorted(found)


@settings(max_examples=200, deadline=None)
@given(
    shares,
    st.floats(0.01, 1.0),
    st.lists(levels, min_size=2, max_size=6),
    st.floats(0.01, 0.999),
    st.sampled_from(["two-sided", "greater", None]),
)
def test_a_higher_level_needs_no_fewer_positives(coverage, part, several, power, alternative):
    about = {"half_width": 0.49 * part}
    if alternative is not None:
        about = {"lift": part * (1.0 - coverage), "power": power, "alternative": alternative}
        several = [level for level in several if power > 1.0 - level]
    found = _sizes(of=("confidence_level", sorted(several)), coverage=coverage, **about)
    assert found == sorted(found)


def test_power_below_the_level_is_refused():
    """The formula is a square, which rose again where its root was negative."""
    options = {"coverage": 0.5, "lift": 0.1}
    # By hand, with the discordance 0.5 of independent models: 1.96 sqrt(0.5) + z sqrt(0.49).
    assert _sizes(of=("power", [0.06, 0.2, 0.5, 0.8]), **options) == [9, 64, 193, 391]
    for power, level in ((0.05, 0.95), (0.01, 0.95), (1e-9, 0.95), (0.5, 0.5), (0.1, 0.1)):
        with pytest.raises(ValueError, match="power must be greater than the level of the test"):
            coverage_sample_size(power=power, confidence_level=level, **options)


@pytest.mark.parametrize(
    "tiny",
    [
        {"lift": 1e-9},
        {"lift": 1e-200},
        {"lift": 5e-324},
        {"half_width": 1e-9},
        {"half_width": 1e-160},
        {"half_width": 5e-324},
        {"lift": 0.1, "pos_rate": 1e-14},
        {"lift": 0.1, "pos_rate": 5e-324},
    ],
)
def test_more_rows_than_anybody_has(tiny):
    with pytest.raises(ValueError, match=r"More than 1e\+15 (positives|rows) would be needed"):
        coverage_sample_size(0.5, **tiny)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({}, "needs a lift or a half_width, .* Got lift=None and half_width=None"),
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
        ({"lift": 0.1, "confidence_level": 95}, "95 percent are 0.95"),
        ({"lift": 0.1, "power": 80}, "A power is a fraction: 80 percent are 0.8"),
        ({"lift": "5%"}, "A lift is a fraction: pass 0.05"),
        ({"lift": 5}, "A lift is a fraction: 5 percent are 0.05"),
        ({"lift": 0.1, "pos_rate": 2}, "A pos_rate is a fraction: 2 percent are 0.02"),
        ({"lift": 0.1, "pos_rate": 0.2, "budget": "1%"}, "A budget is a fraction: pass 0.01"),
        ({"lift": 0.1, "pos_rate": 0.0}, "'pos_rate' parameter"),
        ({"lift": 0.1, "budget": 0.1}, "needs pos_rate too. Got pos_rate=None"),
        ({"lift": np.nan, "half_width": 0.1}, "'lift' parameter of .* Got nan"),
        ({"lift": 0.1, "half_width": 50}, "A half_width is a fraction: 50 percent are 0.5"),
        ({"lift": 1e-200, "pos_rate": 0.1}, "would be needed for lift=1e-200: choose"),
        ({"lift": 0.1, "pos_rate": 1e-200}, "needed for lift=0.1 and pos_rate=1e-200: choose"),
        ({"lift": 0.1, "power": 0.01}, "got power=0.01 and confidence_level=0.95"),
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
