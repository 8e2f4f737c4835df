"""What the parameter ``objective`` of the boosters' classifiers stands for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import signature
from typing import Any

from sklearn.utils._param_validation import InvalidParameterError

from .._utils.validation import _equal, check_budget
from ..objectives import AtBudget, Loss, Rows, available, find_loss
from ..objectives._checks import BAND_PARAMETERS, check_for_boosters, has_band, hint_of_parameter
from ..objectives._loss import check_names
from ..objectives._registry import refuse_torch_loss
from ..objectives._rows import Margins, Target
from ..objectives.losses._lists import OfQueries
from ._calls import BoosterCallable, plain_objective
from ._objective import BoosterObjective, PAUCObjective, check_parameters
from ._regularizer import find_regularizer

__all__ = ["OBJECTIVE_PARAMETERS", "Minimised", "find_minimised"]

OBJECTIVE_PARAMETERS = (
    "budget",
    "alpha",
    "beta",
    "surrogate",
    "link",
    "temperature",
    "tau_scale",
    "basis",
    "n_knots",
    "schedule",
)

# What belongs to the partial AUC alone.
OF_THE_BAND = tuple(name for name in OBJECTIVE_PARAMETERS if name not in ("budget", "schedule"))


@dataclass(frozen=True)
class Minimised:
    """What an estimator minimises.

    Attributes
    ----------
    at : callable
        Returns the objective that the booster is handed, for an upper end of the band;
        None stands for the end that the rule gives.
    loss : Loss or None
        The loss; None for a callable that tells nothing about itself.
    has_band : bool
        Whether the parameters of the estimator set the band, so that ``at`` heeds the end
        that it is called with.
    begins_at_start : bool
        Whether boosting begins from the start of the loss rather than from zero.
    is_bare : bool
        Whether there is nothing beside the loss: no regulariser, no schedule.
    """

    at: Callable[[float | None], Any]
    loss: Loss[Any] | None
    has_band: bool = False
    begins_at_start: bool = False
    is_bare: bool = False

    @property
    def target(self) -> Target:
        """The target that the loss takes."""
        return "binary" if self.loss is None else self.loss.target

    @property
    def margins(self) -> Margins:
        """The raw scores per row that the loss takes."""
        return "one" if self.loss is None else self.loss.margins

    def library_params(self, library: str, rows: Rows) -> dict[str, Any]:
        """Return the parameters of the booster's own objective, if that is what is minimised.

        It is if a loss that the booster has is given alone, and no column that only the loss of
        this package reads. Otherwise there are none. A loss of lists says itself which rows the
        booster takes, for it has queries too.
        """
        if self.loss is None or not self.is_bare:
            return {}
        takes = not rows.columns
        if isinstance(self.loss, OfQueries):
            takes = self.loss._library_takes(library, rows)
        return self.loss.library_params(library) if takes else {}

    @property
    def has_queries(self) -> bool:
        """Whether a booster that has the loss is told which rows belong to one query."""
        return isinstance(self.loss, OfQueries)

    @property
    def has_lists(self) -> bool:
        """Whether the loss compares rows of the same query, if it is told of queries."""
        return self.loss is not None and "group" in self.loss.reads | self.loss.needs

    def check_columns(self, columns: Mapping[str, Any], owner: str) -> None:
        """Raise if a column is given that nobody reads, or one is missing that the loss needs.

        Raises
        ------
        ValueError
            Naming the column, and those that the loss reads.
        """
        objective = self.at(None)
        if isinstance(objective, BoosterCallable):
            schedule = objective.schedule
            warmup = None if schedule is None else schedule.warmup
            check_names(objective._loss, set(columns), owner, warmup)
        elif columns:
            raise ValueError(
                f"{', '.join(columns)} needs the partial AUC, a loss or a BoosterObjective as the "
                f"objective: objective={objective!r} cannot be told of it."
            )


def find_minimised(estimator: Any) -> Minimised:
    """Return what an estimator minimises, with the parameters that belong to it checked.

    Raises
    ------
    InvalidParameterError
        If a parameter is out of range, or ``objective`` is nothing that can be minimised.
    """
    objective, owner = estimator.objective, type(estimator).__name__
    regularized = find_regularizer(estimator)
    if objective is None:
        check_parameters(estimator, owner)
        params = {name: getattr(estimator, name) for name in OBJECTIVE_PARAMETERS}

        def at(beta: float | None) -> Any:
            found = PAUCObjective(**{**params, "beta": beta})
            if regularized is None:
                return found
            return BoosterObjective(regularized(found._loss), schedule=estimator.schedule)

        return Minimised(at, at(estimator.beta)._loss, has_band=True)
    if isinstance(objective, str):
        if objective != "multilabel_cross_entropy":
            refuse_torch_loss(objective, f"objective={objective!r} of {owner}")
        if objective not in available():
            raise _no_objective(estimator)
        loss = find_loss(objective)
        check_for_boosters(loss, "objective", owner)
        if has_band(loss):
            others = [name for name in OF_THE_BAND if name not in BAND_PARAMETERS]
            _refuse_without_effect(
                estimator, loss, others, f"they are those of {loss.name}: pass the loss itself"
            )
            check_parameters(estimator, owner)
            return _over_band(loss, estimator, regularized)
        _refuse_without_effect(estimator, loss, OF_THE_BAND, f"{loss.name} has no band")
        check_parameters(estimator, owner)
        if hasattr(loss, "budget"):
            loss = loss.replace(budget=estimator.budget)
        return _of_loss(loss, estimator, regularized)
    if isinstance(objective, Loss):
        check_for_boosters(objective, "objective", owner)
        _refuse_without_effect(
            estimator, objective, OF_THE_BAND, "a loss has parameters of its own"
        )
        check_parameters(estimator, owner)
        return _of_loss(objective, estimator, regularized)
    if isinstance(objective, type) or not callable(objective):
        raise _no_objective(estimator)
    if regularized is not None:
        raise InvalidParameterError(
            f"The 'regularizer' parameter of {owner} is added to a loss, and "
            f"objective={objective!r} is a callable. Pass the loss itself as the objective, or "
            "put the regularizer into it by WeightedSum."
        )
    check_budget(estimator.budget, owner)
    _refuse_without_effect(
        estimator, None, (*OF_THE_BAND, "schedule"), "a callable has parameters of its own"
    )
    plain, _ = plain_objective(objective)
    loss_of = plain._loss if isinstance(plain, BoosterCallable) else None
    return Minimised(lambda beta: objective, loss_of)


def _refuse_without_effect(
    estimator: Any, loss: Loss[Any] | None, names: Sequence[str], reason: str
) -> None:
    """Raise if a parameter is set that the objective of the estimator does not heed."""
    parameters = signature(type(estimator).__init__).parameters
    for name in names:
        given, default = getattr(estimator, name), parameters[name].default
        if not _equal(given, default):
            hint = hint_of_parameter(loss, name, given, "objective")
            raise InvalidParameterError(
                f"The {name!r} parameter of {type(estimator).__name__} has no effect beside "
                f"objective={estimator.objective!r}: {reason}. Got {given!r}: leave it at "
                f"{default!r}.{hint and ' '}{hint}"
            )


_Regularized = Callable[[Loss[Any]], Loss[Any]] | None


def _over_band(loss: Loss[Any], estimator: Any, regularized: _Regularized) -> Minimised:
    """Return a loss over the band that the estimator's parameters set."""
    alpha = 0.0 if estimator.alpha is None else estimator.alpha
    loss = loss.replace(alpha=alpha, beta=1.0, basis=estimator.basis)

    def at(beta: float | None) -> Any:
        end = AtBudget(loss, budget=estimator.budget) if beta is None else loss.replace(beta=beta)
        end = end if regularized is None else regularized(end)
        return BoosterObjective(end, schedule=estimator.schedule)

    return Minimised(at, at(estimator.beta)._loss, has_band=True, begins_at_start=True)


def _of_loss(loss: Loss[Any], estimator: Any, regularized: _Regularized) -> Minimised:
    loss = loss if regularized is None else regularized(loss)
    objective = BoosterObjective(loss, schedule=estimator.schedule)
    is_bare = regularized is None and estimator.schedule is None
    return Minimised(lambda beta: objective, loss, begins_at_start=True, is_bare=is_bare)


def _no_objective(estimator: Any) -> Exception:
    parent = estimator._parent.__name__
    if isinstance(estimator.objective, dict) or type(estimator.objective).__name__ == "Head":
        return InvalidParameterError(
            f"The 'objective' parameter of {type(estimator).__name__} must be one loss, because a "
            f"tree ensemble has one target. Got {estimator.objective!r} instead. Losses of one "
            "target are added up by WeightedSum; several targets are heads of a network, "
            "PAUCClassifier(heads=...)."
        )
    if estimator.objective == "multilabel_cross_entropy":
        owner = type(estimator).__name__
        return InvalidParameterError(
            f"The 'objective' parameter of {owner} names a loss of several labels per row, and a "
            "booster here has one target: wrap it, "
            f"sklearn.multioutput.MultiOutputClassifier({owner}(...)), or take "
            "PAUCClassifier(loss='multilabel_cross_entropy'). Got 'multilabel_cross_entropy'."
        )
    return InvalidParameterError(
        f"The 'objective' parameter of {type(estimator).__name__} must be None (the partial AUC), "
        f"a loss, a callable such as a BoosterObjective, or the name of a loss: "
        f"{', '.join(available(model='boosters'))}. Got {estimator.objective!r} instead. "
        f"Cross-entropy is 'binary_cross_entropy' here; for an objective of the booster itself use "
        f"{parent}."
    )
