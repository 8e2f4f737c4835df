"""Weights of two classes: numbers, or rules that follow from how many rows there are."""

from __future__ import annotations

import math
from typing import Any, Literal

from ..._utils.validation import _as_float, _invalid
from .._rows import Rows

__all__ = ["PosWeight", "check_pos_weight", "effective_weight", "follows_rows", "pos_weight_of"]

PosWeight = float | Literal["balanced"] | tuple[Literal["balanced", "effective"], float]

_ALLOWED = (
    "a float in the range (0.0, inf), 'balanced', ('balanced', share) with a share > 0, or "
    "('effective', beta) with a beta in [0, 1]"
)


def check_pos_weight(
    value: Any, owner: str, *, least: float = 0.0, most: float = math.inf
) -> PosWeight:
    """Return a weight of the positives as a float, or a rule for one.

    Raises
    ------
    InvalidParameterError
        Naming what is allowed.
    """
    if isinstance(value, str):
        right = value == "balanced"
    elif isinstance(value, tuple):
        number = _as_float(value[1]) if len(value) == 2 else math.nan
        in_range = {"balanced": 0.0 < number < math.inf, "effective": 0.0 <= number <= 1.0}
        right = isinstance(value[0], str) and in_range.get(value[0], False) if value else False
    else:
        number = _as_float(value)
        right = 0.0 < number < math.inf and least <= number <= most
    if not right:
        allowed = _ALLOWED
        if least > 0.0:
            allowed = allowed.replace("(0.0, inf)", f"[{least:g}, {most:g}]")
        raise _invalid("pos_weight", value, owner, allowed)
    if isinstance(value, tuple):
        return value[0], number
    return "balanced" if isinstance(value, str) else number


def follows_rows(value: PosWeight) -> bool:
    """Return whether a weight is a rule, which needs rows to become a number."""
    return isinstance(value, str | tuple)


def pos_weight_of(value: PosWeight, rows: Rows) -> float:
    """Return the weight of a positive where a negative has 1."""
    if isinstance(value, str):
        return rows.negative_weight / rows.positive_weight
    if not isinstance(value, tuple):
        return value
    rule, number = value
    if rule == "balanced":
        return number * rows.negative_weight / rows.positive_weight
    return effective_weight(number, rows.positive_weight) / effective_weight(
        number, rows.negative_weight
    )


def effective_weight(beta: float, count: float) -> float:
    """Return the weight of a class by its effective number of rows, its limits included.

    That is ``(1 - beta) / (1 - beta**count)``: 1 for a ``beta`` of 0, one over the count for a
    ``beta`` of 1.
    """
    if beta == 1.0:
        return 1.0 / count
    if beta == 0.0:
        return 1.0
    return (1.0 - beta) / -math.expm1(count * math.log(beta))
