"""The windows of a table that is split by time, and what their overlap does to an interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from skbudget._utils.statistics import LEVEL

__all__ = ["TEST_SHARE", "VALID_SHARE", "WINDOW", "place_of_window", "ratio_of_windows"]

VALID_SHARE = TEST_SHARE = 0.2
WINDOW = 0.8  # the rows of a seed are consecutive, and so many of all

TOLERANCE = 1e-6


def place_of_window(seed: int) -> float:
    """Return how far before the latest rows the window of a seed ends, in [0, 1).

    The places are those of van der Corput, the binary digits of the seed mirrored at the
    point: 0, 1/2, 1/4, 3/4, 1/8, ... Any number of seeds covers the whole range.
    """
    digits = f"{seed:b}"[::-1]
    return int(digits, 2) / 2.0 ** len(digits)


def overlaps(seeds: Sequence[int]) -> NDArray[np.float64]:
    """Return which share of their test rows two seeds have in common, for all pairs."""
    starts = (1.0 - WINDOW) * np.array([place_of_window(seed) for seed in seeds])
    distances = np.abs(starts[:, None] - starts[None, :])
    return np.clip(1.0 - distances / (TEST_SHARE * WINDOW), 0.0, None)


@lru_cache(maxsize=256)
def ratio_of_windows(seeds: tuple[int, ...]) -> float:
    """Return the ratio with which `t_interval` over seeds holds the truth as often as it says.

    If a figure is a mean over independent test rows, the figures of two seeds have their
    overlap as correlation. Student's interval over seeds, with the variance of a seed times
    ``1 / n_seeds + ratio``, holds the truth if a quadratic form of those figures is not
    positive. Its distribution is known (Imhof), and the ratio is the one for which the
    probability is the level.

    Parameters
    ----------
    seeds : tuple of int
        Different seeds, in any order.

    Returns
    -------
    ratio : float
        0 if there are fewer than two seeds, which have no interval.

    References
    ----------
    .. [1] J. P. Imhof (1961). Computing the Distribution of Quadratic Forms in Normal
       Variables. Biometrika 48, 419-426.

    Examples
    --------
    >>> from benchmarks.study._windows import ratio_of_windows
    >>> round(ratio_of_windows((0, 1, 2, 3, 4)), 2)
    1.51
    """
    if len(seeds) < 2:
        return 0.0
    from scipy.optimize import brentq

    correlations = overlaps(seeds)

    def excess(ratio: float) -> float:
        return _coverage(ratio, correlations) - LEVEL

    if excess(0.0) > -TOLERANCE:  # no test row is shared
        return 0.0
    high = 1.0
    while excess(high) < 0.0:
        high *= 2.0
    return float(brentq(excess, 0.0, high, xtol=TOLERANCE))


def _coverage(ratio: float, correlations: NDArray[np.float64]) -> float:
    """Return how often the interval holds the truth, if figures have these correlations."""
    from scipy.integrate import quad
    from scipy.stats import t

    n = len(correlations)
    centred = np.eye(n) - 1.0 / n
    quantile = t.ppf(0.5 + LEVEL / 2.0, n - 1)
    form = 1.0 / n**2 - quantile**2 * (1.0 / n + ratio) / (n - 1) * centred
    weights = np.linalg.eigvals(form @ correlations).real
    weights = weights / np.abs(weights).max()

    def integrand(z: float) -> float:
        u = z / (1.0 - z)
        angle = 0.5 * np.arctan(weights * u).sum()
        log_size = math.log(z * (1.0 - z)) + 0.25 * np.log1p((weights * u) ** 2).sum()
        return float(np.sin(angle) * np.exp(-log_size))

    return 0.5 - quad(integrand, 0.0, 1.0, limit=200)[0] / math.pi
