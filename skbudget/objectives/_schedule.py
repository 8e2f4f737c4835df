"""How a loss changes over boosting rounds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from .._utils.validation import check_budget, check_positive, check_temperature
from ._compose import AtBudget, OneVsRest, WeightedSum, check_loss, declare
from ._loss import Derivatives, Loss, Scale
from ._rows import Rows
from .losses.binary_cross_entropy import BinaryCrossEntropy

__all__ = ["Schedule"]


@dataclass(frozen=True)
class Schedule:
    """Warm-up, blend and annealing over boosting rounds, for any loss.

    A schedule is a function of the round number and nothing else: `at` returns the loss
    of that round. It has no state that a second run, a second thread or an interrupted
    run could find changed.

    Parameters
    ----------
    warmup_rounds : int, default=0
        Rounds that use ``warmup`` alone.
    blend_rounds : int, default=0
        Rounds after the warm-up over which ``warmup`` fades out and the loss fades in,
        linearly.
    anneal_rounds : int, default=0
        Rounds after the warm-up over which band and temperature move geometrically from
        their start to the loss's own values.
    beta_start : float, default=None
        Upper FPR of the band at the start of the annealing, a fraction.
    temperature_start : float, default=None
        Temperature at the start of the annealing.
    warmup : Loss, default=BinaryCrossEntropy()
        Loss of the warm-up.

    Raises
    ------
    ValueError
        If a parameter is out of range, or annealing is asked for without
        ``anneal_rounds`` or of a loss that has no such parameter.

    See Also
    --------
    WeightedSum : Several losses at once.
    skbudget.boosting.LightGBMRounds : Announces the rounds of LightGBM.
    skbudget.boosting.XGBoostRounds : Announces the rounds of XGBoost.

    Examples
    --------
    >>> from skbudget.objectives import PairwisePAUC, Schedule
    >>> schedule = Schedule(warmup_rounds=10, anneal_rounds=20, beta_start=0.5)
    >>> schedule.at(0, PairwisePAUC(beta=0.005))
    BinaryCrossEntropy(pos_weight=1.0)
    >>> schedule.at(20, PairwisePAUC(beta=0.005)).beta
    0.05
    >>> schedule.at(30, PairwisePAUC(beta=0.005)) == PairwisePAUC(beta=0.005)
    True
    """

    warmup_rounds: int = 0
    blend_rounds: int = 0
    anneal_rounds: int = 0
    beta_start: float | None = None
    temperature_start: float | None = None
    warmup: Loss[Any] = field(default_factory=BinaryCrossEntropy)

    def __post_init__(self) -> None:
        for name in ("warmup_rounds", "blend_rounds", "anneal_rounds"):
            check_positive(getattr(self, name), name, "Schedule", integer=True, minimum=0)
        if self.beta_start is not None:
            check_budget(self.beta_start, "Schedule", "beta_start")
        if self.temperature_start is not None:
            check_temperature(self.temperature_start, "Schedule", "temperature_start")
        check_loss(self.warmup, "warmup", "Schedule")
        starts = (self.beta_start, self.temperature_start)
        if self.anneal_rounds and starts == (None, None):
            raise ValueError(
                f"The 'anneal_rounds' parameter of Schedule is {self.anneal_rounds!r}, and needs "
                "beta_start or temperature_start: both are None."
            )
        if not self.anneal_rounds and starts != (None, None):
            raise ValueError(
                "beta_start and temperature_start of Schedule need anneal_rounds >= 1. Got "
                f"anneal_rounds={self.anneal_rounds!r} instead."
            )

    def _check(self, loss: Loss[Any]) -> None:
        """Raise if a loss cannot be warmed up, or annealed, as this schedule asks for."""
        while isinstance(loss, OneVsRest | AtBudget):
            loss = loss.loss_of_class if isinstance(loss, OneVsRest) else loss.loss_over_band
        self._check_warmup(loss)
        # What the first round of the annealing would raise.
        loss.replace(**self._asked(loss))

    def at(self, iteration: int, loss: Loss[Any]) -> Loss[Any]:
        """Return the loss of a round.

        Parameters
        ----------
        iteration : int
            Number of the round, from 0.
        loss : Loss
            The loss to arrive at.

        Returns
        -------
        loss : Loss

        Raises
        ------
        ValueError
            If ``loss`` has no parameter that is to be annealed, or takes another target
            than ``warmup``.
        """
        if isinstance(loss, OneVsRest):
            return loss._with(loss_of_class=_AtRound(loss.loss_of_class, self, iteration))
        if isinstance(loss, AtBudget):
            return _AtRound(loss, self, iteration)
        self._check_warmup(loss)
        since_warmup = iteration - self.warmup_rounds
        if since_warmup < 0:
            return self.warmup
        current = self._annealed(since_warmup, loss)
        if since_warmup >= self.blend_rounds:
            return current
        share = (since_warmup + 1) / (self.blend_rounds + 1)
        return WeightedSum(((1.0 - share, self.warmup), (share, current)))

    def _check_warmup(self, loss: Loss[Any]) -> None:
        if self.warmup_rounds and (self.warmup.target, self.warmup.margins) != (
            loss.target,
            loss.margins,
        ):
            raise ValueError(
                f"The schedule warms up on {self.warmup.name}, which takes the target "
                f"{self.warmup.target!r}, and {loss.name} takes the target {loss.target!r}: "
                "pass a warmup= of the same target, or warmup_rounds=0."
            )

    def _asked(self, loss: Loss[Any]) -> dict[str, float]:
        """Return what is to be annealed, by name, with its start."""
        starts = {"beta": self.beta_start, "temperature": self.temperature_start}
        asked = {name: start for name, start in starts.items() if start is not None}
        for name in asked:
            if not hasattr(loss, name):
                raise ValueError(
                    f"{type(loss).__name__} has no parameter {name!r} to anneal: leave "
                    f"{name}_start of Schedule at None, or pass a loss with this parameter."
                )
        return asked

    def _annealed(self, since_warmup: int, loss: Loss[Any]) -> Loss[Any]:
        asked = self._asked(loss)
        if since_warmup >= self.anneal_rounds or not asked:
            return loss
        progress = since_warmup / self.anneal_rounds
        return loss.replace(
            **{
                name: _between(start, getattr(loss, name), progress)
                for name, start in asked.items()
            }
        )


def _between(start: float, end: float, progress: float) -> float:
    """Return the number that is so far from one to the other, in equal ratios."""
    if start < end:
        # The other ratio may be beyond what a float holds.
        return end * (start / end) ** (1.0 - progress)
    return start * (end / start) ** progress


@dataclass(frozen=True)
class _AtRound(Loss[tuple]):
    """The loss of a round, where what it anneals is known only with the rows."""

    loss_to_arrive_at: Loss[Any]
    schedule: Schedule
    iteration: int

    # All is resolved, and scaled, before anybody asks.
    scale: ClassVar[Scale] = "sum"

    def __post_init__(self) -> None:
        declare(self, [self.loss_to_arrive_at, self.schedule.warmup])

    def resolved(self, rows: Rows) -> Loss[Any]:
        """Return the plain loss of the round."""
        return self.schedule.at(self.iteration, self.loss_to_arrive_at.resolved(rows))

    def hold(self, rows: Rows) -> tuple:
        """Return the plain loss of the round, and what it holds."""
        loss = self.resolved(rows)
        return loss, loss.hold(rows)

    def value(self, rows: Rows, held: tuple) -> float:
        """Return the loss, as a booster's sum."""
        loss, what = held
        return loss.boosting_factor(rows) * loss.value(rows, what)

    def derivatives(self, rows: Rows, held: tuple) -> Derivatives:
        """Return gradient and hessian, as a booster's sum."""
        loss, what = held
        found, factor = loss.derivatives(rows, what), loss.boosting_factor(rows)
        return found._replace(gradient=factor * found.gradient, hessian=factor * found.hessian)
