"""The regulariser and the centre of the losses of significance, which boosters and torch share."""

from __future__ import annotations

from typing import Any

from .._utils.ranges import MOST_MARGIN
from .._utils.validation import _as_float, _invalid
from ..band import default_beta

__all__ = ["check_centre", "check_regularizer", "find_regularizer"]

# Roots and ratios of regularisers in this range are floats.
LEAST_REGULARIZER, MOST_REGULARIZER = 1e-12, 1e12


def check_regularizer(value: Any, owner: str) -> Any:
    """Return a regulariser if it is a share of the background, or says how to find one."""
    if isinstance(value, str) and value in ("budget", "signal"):
        return value
    number = _as_float(value)
    if not LEAST_REGULARIZER <= number <= MOST_REGULARIZER:
        allowed = (
            f"a float in the range [{LEAST_REGULARIZER:g}, {MOST_REGULARIZER:g}], 'budget' or "
            "'signal'"
        )
        raise _invalid("regularizer", value, owner, allowed)
    return number


def check_centre(value: Any, owner: str) -> Any:
    """Return a centre if it is a score or ``"budget"``."""
    if isinstance(value, str) and value == "budget":
        return value
    number = _as_float(value)
    if not abs(number) <= MOST_MARGIN:
        raise _invalid("centre", value, owner, "a finite float, or 'budget'")
    return number


def find_regularizer(
    regularizer: float | str, budget: float, signal: float, background: float
) -> float:
    """Return the regulariser as a share of the background.

    Parameters
    ----------
    regularizer : float, "budget" or "signal"
        The parameter.
    budget : float
        Review budget, a fraction.
    signal, background : float
        Masses of both classes.

    Returns
    -------
    regularizer : float
    """
    if regularizer == "budget":
        found = default_beta(budget, signal / background, 1.0)
    else:
        found = signal / background if regularizer == "signal" else float(regularizer)
    return min(max(found, LEAST_REGULARIZER), MOST_REGULARIZER)
