"""Weights and values near the ends of what a float holds, of which only ratios count.

Sums, products and squares of such numbers overflow, or vanish. Multiplied by a power of two
they keep all digits, so that nothing else changes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["MOST_MARGIN", "in_fitting_range", "product", "scaled"]

# Products of two numbers in [1 / SAFE, SAFE], their squares, and sums of these are in range.
SAFE = 2.0**200

# Raw scores up to here have finite differences, at any temperature that is taken.
MOST_MARGIN = 1e150

# Boosters hold weights in single precision, and stop to split where the second derivatives of
# a leaf add up to less than a thousandth (LightGBM) or to less than 1 (XGBoost). Weights that are
# shares of a whole add up to 1 and would leave no tree: a mean outside of this range is no count.
LEAST_MEAN, GREATEST_MEAN = 2.0**-6, 2.0**60


def scaled(counts: NDArray[np.float64]) -> tuple[NDArray[np.float64], int]:
    """Return ``counts / 2**exponent`` and the exponent.

    The counts are at least 0. The exponent is 0 if the greatest of them is in a safe range.
    Otherwise it is one with which the greatest is between a half and 1.
    """
    greatest = float(counts.max(initial=0.0))
    if greatest == 0.0 or 1.0 / SAFE <= greatest <= SAFE:
        return counts, 0
    exponent = int(np.frexp(greatest)[1])
    # In two steps: 2**-exponent alone may be out of range.
    half = exponent // 2
    return np.ldexp(np.ldexp(counts, -half), half - exponent), exponent


def in_fitting_range(weight: NDArray[np.float64] | None) -> NDArray[np.float64] | None:
    """Return weights that a booster can be fitted with.

    They are the weights themselves, unless they are so small or so great that no tree would
    be grown. Then the unit is changed, to one in which the mean is between 1 and 2.
    """
    if weight is None:
        return None
    in_range, exponent = scaled(weight)
    mantissa, of_mean = np.frexp(float(in_range.mean()))
    mean = int(of_mean) + exponent
    if mantissa == 0.0 or np.frexp(LEAST_MEAN)[1] <= mean <= np.frexp(GREATEST_MEAN)[1]:
        return weight
    return np.ldexp(in_range, 1 - int(of_mean))


def product(
    weight: NDArray[np.float64], value: NDArray[np.float64]
) -> tuple[NDArray[np.float64], int]:
    """Return ``weight * value / 2**exponent`` and the exponent.

    The factors are at least 0. The exponent is 0 if all positive factors are in a safe range.
    Otherwise it is one with which the greatest product is at most 1, and not 0 if any factors
    have a product.
    """
    if _in_range(weight) and _in_range(value):
        return weight * value, 0
    (weight, of_weight), (value, of_value) = np.frexp(weight), np.frexp(value)
    digits, exponents = weight * value, of_weight + of_value
    present = digits > 0.0
    if not present.any():
        return digits, 0
    exponent = int(exponents[present].max())
    return np.ldexp(digits, np.where(present, exponents - exponent, 0)), exponent


def _in_range(factors: NDArray[np.float64]) -> bool:
    return bool(
        factors.max(initial=0.0) <= SAFE
        and factors.min(where=factors > 0.0, initial=SAFE) >= 1.0 / SAFE
    )
