"""Intervals by formula, for the cases in which resamples cannot give one."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri


def two_sided_quantile(level: float) -> float:
    """Return how many standard errors wide either side of an interval of a level is."""
    z = float(ndtri(0.5 + level / 2.0))
    # The greatest levels below 1 are rounded to 1.
    return z if np.isfinite(z) else -float(ndtri(0.5 - level / 2.0))


def wilson_interval(estimate: float, n: float, level: float) -> tuple[float, float]:
    """Return Wilson's interval for a proportion that was estimated from ``n`` trials."""
    z = two_sided_quantile(level)
    centre = (estimate + z**2 / (2.0 * n)) / (1.0 + z**2 / n)
    half = z / (1.0 + z**2 / n) * np.sqrt(estimate * (1.0 - estimate) / n + (z / (2.0 * n)) ** 2)
    # For an estimate of 0 or 1, one end is the estimate up to rounding.
    return max(min(centre - half, estimate), 0.0), min(max(centre + half, estimate), 1.0)


def bonett_price_interval(estimate: float, n: float, level: float) -> tuple[float, float]:
    """Return the adjusted Wald interval for a difference that is the same in all ``n`` pairs.

    Either all pairs differ in one direction, and the estimate is 1 or -1, or none differ.
    """
    z = two_sided_quantile(level)
    for_a, for_b = (1.0 + n * max(estimate, 0.0), 1.0 + n * max(-estimate, 0.0))
    for_a, for_b = for_a / (n + 2.0), for_b / (n + 2.0)
    half = z * np.sqrt((for_a + for_b - (for_a - for_b) ** 2) / (n + 2.0))
    centre = for_a - for_b
    return max(min(centre - half, estimate), -1.0), min(max(centre + half, estimate), 1.0)
