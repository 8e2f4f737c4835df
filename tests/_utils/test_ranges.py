import sys
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skbudget._utils.ranges import SAFE, in_fitting_range, product, scaled

quick = settings(max_examples=200, deadline=None)
counts = st.lists(st.floats(0.0, sys.float_info.max), min_size=1, max_size=8)
ordinary = st.lists(st.floats(1e-50, 1e50), min_size=1, max_size=8)


@quick
@given(ordinary)
def test_ordinary_counts_are_left_alone(values):
    values = np.array(values)
    assert scaled(values)[0] is values
    found, exponent = product(values, values[::-1])
    np.testing.assert_array_equal(found, values * values[::-1])
    assert exponent == 0


@quick
@given(counts)
def test_scaled_counts_keep_their_ratios(values):
    values = np.array(values)
    found, exponent = scaled(values)
    assert exponent == 0 or 0.5 <= found.max() < 1.0
    if found.any():
        assert 1.0 / SAFE <= found.max() <= SAFE
    for value, one in zip(values, found):
        exact = Fraction(float(value)) / Fraction(2) ** exponent
        # What is nothing beside the greatest is rounded.
        assert abs(Fraction(float(one)) - exact) <= Fraction(5e-324)


@quick
@given(st.lists(st.tuples(*[st.floats(0.0, sys.float_info.max)] * 2), min_size=1, max_size=8))
def test_products_keep_their_ratios(factors):
    weight, value = np.array(factors).T
    found, exponent = product(weight, value)
    exact = [Fraction(float(a)) * Fraction(float(b)) for a, b in factors]
    assert found.any() == any(exact)
    assert found.max() <= SAFE**2
    for one, other in zip(found, exact):
        other /= Fraction(2) ** exponent
        assert abs(Fraction(float(one)) - other) <= other * Fraction(2) ** -52 + Fraction(5e-324)


@pytest.mark.parametrize("size", [0, 3])
def test_nothing_is_nothing(size):
    found, exponent = scaled(np.zeros(size))
    assert (found.size, found.any(), exponent) == (size, False, 0)
    found, exponent = product(np.zeros(size), np.full(size, 1e308))
    assert (found.size, found.any(), exponent) == (size, False, 0)


@quick
@given(st.lists(st.integers(1, 99), min_size=1, max_size=8), st.integers(-1070, 1000))
def test_weights_to_fit_with_are_changed_only_where_no_tree_would_grow(whole, exponent):
    weight = np.ldexp(np.array(whole, dtype=float), exponent)
    found = in_fitting_range(weight)
    if 0.02 < weight.mean() < 1e18:
        assert found is weight
    if weight.mean() < 1e-9 or weight.mean() > 1e19:
        assert 1.0 <= found.mean() <= 2.0
    np.testing.assert_allclose(found / found.max(), np.array(whole) / max(whole), rtol=1e-15)


def test_no_weights_to_fit_with():
    assert in_fitting_range(None) is None
