"""Which rule chooses the thresholds of a classifier: a budget, or a floor on recall."""

from __future__ import annotations

from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from .._utils.validation import BASES, _equal, check_budget, check_fraction, check_option
from ._calibration import ALLOCATIONS, BudgetRule, Rule
from ._guarantee import refuse_unequal_weights
from ._recall_floor import RecallRule, check_recall

__all__ = [
    "DEFAULT_BUDGET",
    "HasRule",
    "by_coverage",
    "check_rule",
    "check_rule_weights",
    "rule_of",
]

DEFAULT_BUDGET: Final = 0.005


class HasRule(Protocol):
    """The parameters that say how thresholds are chosen."""

    budget: Any
    basis: Any
    min_recall: Any
    guarantee: Any
    allocation: Any


def by_coverage(model: HasRule, segments: Any) -> bool:
    """Return whether the positives decide how segments share the budget."""
    return segments is not None and model.allocation == "coverage"


def check_rule(model: HasRule, segments: Any) -> None:
    """Raise if a parameter is out of range, or conflicts with another one."""
    owner = type(model).__name__
    if model.min_recall is not None:
        _check_floor(model, owner)
        return
    check_budget(model.budget, owner)
    check_option(model.basis, "basis", BASES, owner)
    check_option(model.allocation, "allocation", ALLOCATIONS, owner)
    if model.guarantee is not None:
        check_fraction(model.guarantee, "guarantee", owner)
        if by_coverage(model, segments):
            raise ValueError(
                "guarantee cannot be given for allocation='coverage': the segments' shares are "
                "chosen on the calibration rows. Use allocation='equal', or guarantee=None."
            )


def _check_floor(model: HasRule, owner: str) -> None:
    """Raise unless the parameters go with a floor on recall."""
    check_recall(model.min_recall, model.guarantee, owner)
    if model.budget is not None and not _equal(model.budget, DEFAULT_BUDGET):
        raise ValueError(
            f"The 'budget' and 'min_recall' parameters of {owner} cannot both be given: got "
            f"budget={model.budget!r} and min_recall={model.min_recall!r}. Leave budget out, or "
            "pass None, to keep a floor on recall. Pass min_recall=None to spend a budget."
        )
    for name, default, about in (
        ("basis", "population", "says what a budget is a share of"),
        ("allocation", "equal", "divides a budget"),
    ):
        value = getattr(model, name)
        if not _equal(value, default):
            raise ValueError(
                f"The {name!r} parameter of {owner} {about}, and with min_recall there is none: "
                f"leave it at {default!r}. Got {value!r} instead."
            )


def check_rule_weights(
    model: HasRule, weight: NDArray[np.float64] | None, positive: NDArray[np.bool_] | None
) -> None:
    """Raise if there is a guarantee, and rows that it counts stand for different numbers."""
    if model.guarantee is None or weight is None:
        return
    if model.min_recall is None or positive is None:
        refuse_unequal_weights(weight)
    else:
        # What negatives count for changes the volume, which is not guaranteed.
        refuse_unequal_weights(weight[positive], "positives")


def rule_of(model: HasRule, segments: NDArray | None) -> Rule:
    """Return the rule that checked parameters and the names of the segments stand for."""
    guarantee = None if model.guarantee is None else float(model.guarantee)
    if model.min_recall is not None:
        return RecallRule(float(model.min_recall), guarantee, segments)
    return BudgetRule(float(model.budget), model.basis, guarantee, model.allocation, segments)
