"""Intervals of means over runs: a higher level never makes one narrower."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skbudget._utils.statistics import bootstrap_interval, t_interval

quick = settings(max_examples=50, deadline=None)
values = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=6)
levels = st.lists(st.floats(1e-6, 1.0 - 1e-9), min_size=2, max_size=4).map(sorted)


@pytest.mark.parametrize("interval", [t_interval, bootstrap_interval])
@quick
@given(values, levels)
def test_a_higher_level_is_a_wider_interval(interval, values, levels):
    found = [interval(values, level=level) for level in levels]
    slack = 1e-12 * (1.0 + np.abs(values).max())
    assert np.all(np.diff([one.low for one in found]) <= slack)
    assert np.all(np.diff([one.high for one in found]) >= -slack)


@pytest.mark.parametrize("interval", [t_interval, bootstrap_interval])
@pytest.mark.parametrize("level", [0.0, 1.0, 95, -1, np.nan, None, "95%"])
def test_a_level_is_a_fraction(interval, level):
    with pytest.raises(ValueError, match="'level' parameter of"):
        interval([0.1, 0.2, 0.4], level=level)
    with pytest.raises(ValueError, match="95 percent are 0.95"):
        interval([0.1, 0.2, 0.4], level=95)


@pytest.mark.parametrize("n_resamples", [0, 2.5, 10**9, "no"])
def test_resamples_are_counted(n_resamples):
    with pytest.raises(ValueError, match="'n_resamples' parameter of bootstrap_interval"):
        bootstrap_interval([0.1, 0.2], n_resamples=n_resamples)
