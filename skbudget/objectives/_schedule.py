"""How an objective changes over boosting rounds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._utils.validation import check_budget, check_positive
from ._base import BaseObjective, RowDerivatives, Sample
from ._cross_entropy import BinaryCrossEntropy

__all__ = ["Blend", "Schedule"]


def _check_objective(value: Any, name: str, owner: str) -> None:
    if not isinstance(value, BaseObjective):
        raise TypeError(
            f"The {name!r} parameter of {owner} must be an objective. Got {value!r} instead."
        )


@dataclass(frozen=True)
class Blend(BaseObjective[tuple]):
    """Weighted sum of objectives, each in its boosting scale.

    Parameters
    ----------
    parts : tuple of (float, BaseObjective)
        Weights and objectives.

    See Also
    --------
    Schedule : Blends that change over rounds.

    Examples
    --------
    >>> from skbudget.objectives import BinaryCrossEntropy, Blend, PairwisePAUC
    >>> blend = Blend(((0.25, BinaryCrossEntropy()), (0.75, PairwisePAUC(beta=1.0))))
    >>> round(blend.loss([0, 1], [0.0, 0.0]), 4)
    0.8664
    """

    parts: tuple[tuple[float, BaseObjective[Any]], ...]

    def __post_init__(self) -> None:
        if not isinstance(self.parts, tuple) or not self.parts:
            raise TypeError(
                "The 'parts' parameter of Blend must be a non-empty tuple of (weight, objective) "
                f"pairs. Got {self.parts!r} instead."
            )
        for weight, part in self.parts:
            check_positive(weight, "parts", "Blend", minimum=0)
            _check_objective(part, "parts", "Blend")

    def boosting_scale(self, sample: Sample) -> float:
        """1: the parts are in boosting scale already."""
        return 1.0

    def find_held(self, sample: Sample) -> tuple:
        """Return what each part holds."""
        return tuple(part.find_held(sample) for _, part in self.parts)

    def _loss(self, sample: Sample, held: tuple) -> float:
        return sum(
            weight * part.boosting_scale(sample) * part._loss(sample, of_part)
            for (weight, part), of_part in zip(self.parts, held)
        )

    def derivatives(self, sample: Sample, held: tuple) -> RowDerivatives:
        """Return gradient and hessian of all rows."""
        gradient, hessian = np.zeros(sample.raw.size), np.zeros(sample.raw.size)
        for (weight, part), of_part in zip(self.parts, held):
            scale = weight * part.boosting_scale(sample)
            derivatives = part.derivatives(sample, of_part)
            rows = slice(None) if derivatives.rows is None else derivatives.rows
            gradient[rows] += scale * derivatives.gradient
            hessian[rows] += scale * derivatives.hessian
        return RowDerivatives(None, gradient, hessian)


@dataclass(frozen=True)
class Schedule:
    """Warm-up, blend and annealing over boosting rounds, for any objective.

    A schedule is a function of the round number and nothing else: `at` returns
    the plain objective of that round. It therefore has no state that a second
    run, a second thread or an interrupted run could find changed.

    Parameters
    ----------
    warmup_rounds : int, default=0
        Rounds that use ``warmup`` alone.
    blend_rounds : int, default=0
        Rounds after it over which ``warmup`` fades out and the objective in,
        linearly.
    anneal_rounds : int, default=0
        Rounds after the warm-up over which band and temperature move
        geometrically from their start to the objective's own values.
    beta_start : float, default=None
        Upper FPR of the band at the start of the annealing, a fraction.
    temperature_start : float, default=None
        Temperature at the start of the annealing.
    warmup : BaseObjective, default=BinaryCrossEntropy()
        Objective of the warm-up.

    Raises
    ------
    ValueError
        If a parameter is out of range, or annealing is asked for without
        ``anneal_rounds`` or of an objective that has no such parameter.

    See Also
    --------
    Blend : Several objectives at once.
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
    warmup: BaseObjective[Any] = field(default_factory=BinaryCrossEntropy)

    def __post_init__(self) -> None:
        for name in ("warmup_rounds", "blend_rounds", "anneal_rounds"):
            check_positive(getattr(self, name), name, "Schedule", integer=True, minimum=0)
        if self.beta_start is not None:
            check_budget(self.beta_start, "Schedule", "beta_start")
        if self.temperature_start is not None:
            check_positive(self.temperature_start, "temperature_start", "Schedule")
        _check_objective(self.warmup, "warmup", "Schedule")
        starts = (self.beta_start, self.temperature_start)
        if self.anneal_rounds and starts == (None, None):
            raise ValueError(
                "The 'anneal_rounds' parameter of Schedule needs beta_start or temperature_start."
            )
        if not self.anneal_rounds and starts != (None, None):
            raise ValueError(
                "beta_start and temperature_start of Schedule need anneal_rounds >= 1."
            )

    def at(self, iteration: int, objective: BaseObjective[Any]) -> BaseObjective[Any]:
        """Return the objective of a round.

        Parameters
        ----------
        iteration : int
            Number of the round, from 0.
        objective : BaseObjective
            The objective to arrive at.

        Returns
        -------
        objective : BaseObjective
        """
        since_warmup = iteration - self.warmup_rounds
        if since_warmup < 0:
            return self.warmup
        current = self._annealed(since_warmup, objective)
        if since_warmup >= self.blend_rounds:
            return current
        share = (since_warmup + 1) / (self.blend_rounds + 1)
        return Blend(((1.0 - share, self.warmup), (share, current)))

    def _annealed(self, since_warmup: int, objective: BaseObjective[Any]) -> BaseObjective[Any]:
        starts = {"beta": self.beta_start, "temperature": self.temperature_start}
        asked = {name: start for name, start in starts.items() if start is not None}
        missing = [name for name in asked if not hasattr(objective, name)]
        if missing:
            raise ValueError(
                f"{type(objective).__name__} has no parameter {missing[0]!r} to anneal."
            )
        if since_warmup >= self.anneal_rounds or not asked:
            return objective
        progress = since_warmup / self.anneal_rounds
        return objective.replace(
            **{
                name: start * (getattr(objective, name) / start) ** progress
                for name, start in asked.items()
            }
        )
