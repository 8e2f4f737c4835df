import math

import numpy as np
import pytest
from scipy.stats import t

from skbudget._utils.statistics import bootstrap_interval, t_interval

RUNS = [0.70, 0.72, 0.77, 0.71]


def test_the_interval_of_runs_is_student_s():
    found = t_interval(RUNS)
    low, high = t.interval(0.95, 3, loc=np.mean(RUNS), scale=np.std(RUNS, ddof=1) / 2)
    assert (found.mean, found.low, found.high) == pytest.approx((np.mean(RUNS), low, high))
    # Runs that share training rows: a variance of (1 / n + ratio) in place of 1 / n.
    shared = t_interval(RUNS, test_train_ratio=0.25)
    assert shared.half_width == pytest.approx(found.half_width * math.sqrt(2.0))
    assert shared.to_dict() == {"mean": shared.mean, "low": shared.low, "high": shared.high, "n": 4}


def test_a_bootstrap_interval_holds_quantiles_of_means():
    found = bootstrap_interval([0.0, 1.0], n_resamples=20_000, level=0.4)
    # Means of 0, 1/2 and 1 by chance 1/4, 1/2 and 1/4: quantiles of 30 % and 70 %.
    assert (found.mean, found.low, found.high, found.n) == (0.5, 0.5, 0.5, 2)
    wide = bootstrap_interval([0.0, 1.0], n_resamples=20_000, level=0.6)
    assert wide.to_dict() == {"mean": 0.5, "low": 0.0, "high": 1.0, "n": 2}


@pytest.mark.parametrize("interval", [t_interval, bootstrap_interval])
def test_a_single_run_has_no_interval(interval):
    found = interval([0.7])
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    assert found.to_dict() == {"mean": 0.7, "low": None, "high": None, "n": 1}
