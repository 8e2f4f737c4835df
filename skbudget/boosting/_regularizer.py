"""A loss that is added to what the boosters' classifiers minimise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sklearn.utils._param_validation import InvalidParameterError

from .._utils.names import suggestion
from .._utils.validation import check_positive
from ..objectives import AtBudget, Loss, Schedule, WeightedSum, available, find_loss
from ..objectives._checks import check_for_boosters, has_band
from ..objectives._registry import refuse_torch_loss

__all__ = ["REGULARIZER_PARAMETERS", "find_regularizer"]

REGULARIZER_PARAMETERS = ("regularizer", "regularizer_weight")


def find_regularizer(estimator: Any) -> Callable[[Loss[Any]], Loss[Any]] | None:
    """Return what adds the regulariser of an estimator to a loss; None without one.

    Raises
    ------
    InvalidParameterError
        If ``regularizer`` is no loss, or ``regularizer_weight`` is out of range.
    ValueError
        If only networks can be trained on the regulariser.
    """
    given, owner = estimator.regularizer, type(estimator).__name__
    weight = check_positive(estimator.regularizer_weight, "regularizer_weight", owner, minimum=0)
    if given is None:
        return None
    loss = _by_name(given, estimator) if isinstance(given, str) else given
    if not isinstance(loss, Loss):
        raise _no_loss(given, owner)
    check_for_boosters(loss, "regularizer", owner)
    schedule = getattr(estimator, "schedule", None)
    if isinstance(schedule, Schedule) and schedule.anneal_rounds:
        raise InvalidParameterError(
            f"The 'schedule' parameter of {owner} anneals a band or a temperature, and beside a "
            "regularizer there is a sum of losses without one. Pass a Schedule without "
            "anneal_rounds."
        )

    def added(base: Loss[Any]) -> Loss[Any]:
        try:
            return WeightedSum(((1.0, base), (weight, loss)))
        except ValueError as error:
            raise InvalidParameterError(
                f"The 'regularizer' parameter of {owner} must take what the objective takes: "
                f"{loss.name} takes the target {loss.target!r} with {loss.margins!r} margins, and "
                f"{base.name} the target {base.target!r} with {base.margins!r}. Pass another "
                "regularizer."
            ) from error

    return added


def _by_name(name: str, estimator: Any) -> Loss[Any]:
    """Return the loss of a name, with the band of the budget, or the budget, where it has one."""
    owner = type(estimator).__name__
    refuse_torch_loss(name, f"regularizer={name!r} of {owner}")
    if name not in available():
        raise _no_loss(name, owner)
    loss = find_loss(name)
    if has_band(loss):
        return AtBudget(loss.replace(beta=1.0), budget=estimator.budget)
    if hasattr(loss, "budget"):
        return loss.replace(budget=estimator.budget)
    return loss


def _no_loss(given: Any, owner: str) -> Exception:
    names = available(model="boosters")
    hint = suggestion(given, names) if isinstance(given, str) else ""
    return InvalidParameterError(
        f"The 'regularizer' parameter of {owner} must be None, a loss such as CriticalRank(), or "
        f"the name of one: {', '.join(names)}. Got {given!r} instead.{hint and ' '}{hint}"
    )
