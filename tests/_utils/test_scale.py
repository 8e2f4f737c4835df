"""The scale of one model's margins, seen from another model."""

import numpy as np
import pytest

from skbudget._utils.scale import (
    Line,
    map_columns,
    map_quantiles,
    match_scale,
    moments,
    shares,
    spread_evenly,
)


def test_a_line():
    np.testing.assert_allclose(Line(2.0, 3.0, 10.0)(np.array([2.0, 4.0])), [10.0, 16.0])


@pytest.mark.parametrize("weighted", [False, True])
def test_mapped_margins_have_the_mean_and_spread_of_the_other_model(weighted):
    rng = np.random.default_rng(0)
    margin, other = rng.normal(3.0, 0.1, 500), rng.normal(-1.0, 2.0, 500)
    share = shares(rng.exponential(size=500) if weighted else None, 500)
    mapped = match_scale(margin, other, share)(margin)
    np.testing.assert_allclose(share @ mapped, share @ other)
    spread = np.sqrt(np.cov(other, aweights=share, ddof=0))
    np.testing.assert_allclose(np.sqrt(np.cov(mapped, aweights=share, ddof=0)), spread)
    # The order stays.
    np.testing.assert_array_equal(np.argsort(mapped), np.argsort(margin))


def test_another_level_and_spread_are_undone():
    rng = np.random.default_rng(1)
    other, share = rng.normal(size=(100, 3)), shares(None, 100)
    slope, level = np.array([0.5, 1.0, 40.0]), np.array([7.0, -2.0, 0.0])
    own = other * slope + level
    new = rng.normal(size=(20, 3))
    np.testing.assert_allclose(map_columns(new * slope + level, own, other, share), new)
    one = map_columns(new[:, 0] * 0.5 + 7, own[:, 0], other[:, 0], share)
    np.testing.assert_allclose(one, new[:, 0])


@pytest.mark.parametrize("weighted", [False, True])
def test_mapped_margins_have_the_quantiles_of_the_other_model(weighted):
    rng = np.random.default_rng(0)
    own, level = rng.normal(size=500), rng.integers(0, 3, 500)
    # Another shape, in the same order.
    other = np.exp(own) + 7.0
    share = shares(level.astype(float) if weighted else None, 500)
    mapped = map_quantiles(own, own, other, share)
    inside = slice(None) if not weighted else level > 0
    np.testing.assert_allclose(mapped[inside], other[inside])
    # New margins keep their order, beyond the known ones as well.
    new = np.sort(rng.normal(scale=3.0, size=300))
    assert (np.diff(map_quantiles(new, own, other, share)) > 0).all()


def test_the_quantiles_of_a_straight_line_are_a_straight_line():
    rng = np.random.default_rng(1)
    own, share = rng.normal(size=(100, 3)), shares(None, 100)
    other = own * [0.5, 1.0, 40.0] + [7.0, -2.0, 0.0]
    new = rng.normal(scale=3.0, size=(20, 3))
    expected = new * [0.5, 1.0, 40.0] + [7.0, -2.0, 0.0]
    np.testing.assert_allclose(map_quantiles(new, own, other, share), expected)


@pytest.mark.parametrize("constant", ["own", "other"])
def test_margins_without_quantiles_are_moved_by_their_level(constant):
    margins = {"own": np.array([1.0, 3.0]), "other": np.array([4.0, 8.0])}
    margins[constant] = np.array([5.0, 5.0])
    mapped = map_quantiles(np.array([0.0, 1.0]), *margins.values(), shares(None, 2))
    assert np.diff(mapped) == pytest.approx(1.0)


def test_ties_of_either_model_keep_the_order():
    own, other = np.array([0.0, 0.0, 1.0, 2.0]), np.array([5.0, 6.0, 6.0, 9.0])
    new = np.array([-1.0, 0.0, 0.5, 1.0, 2.0, 3.0])
    assert (np.diff(map_quantiles(new, own, other, shares(None, 4))) > 0).all()


@pytest.mark.parametrize("constant", ["own", "other"])
def test_constant_margins_tell_nothing_about_the_spread(constant):
    margins = {"own": np.array([1.0, 3.0]), "other": np.array([4.0, 8.0])}
    # Equal up to rounding.
    margins[constant] = np.array([5.0, 5.0 * (1 + 1e-15)])
    line = match_scale(margins["own"], margins["other"], shares(None, 2))
    assert line.slope == 1.0
    assert line(margins["own"].mean()) == pytest.approx(margins["other"].mean())


def test_moments_of_margins_whose_squares_are_no_numbers():
    assert moments(np.array([-1e200, 1e200]), shares(None, 2)) == pytest.approx((0.0, 1e200))


def test_shares_add_up_to_one_for_weights_of_any_size():
    for unit in (1e-300, 1.0, 1e308):
        np.testing.assert_allclose(shares(np.array([0.0, 0.25, 0.75]) * unit, 3), [0, 0.25, 0.75])
    np.testing.assert_allclose(shares(None, 4), 0.25)


def test_rows_are_spread_evenly():
    rows = np.array([3, 5, 6, 8, 9, 11, 20])
    np.testing.assert_array_equal(spread_evenly(rows, 7), rows)
    np.testing.assert_array_equal(spread_evenly(rows, 3), [3, 8, 20])
