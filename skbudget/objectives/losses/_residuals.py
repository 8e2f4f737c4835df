"""Losses of a real target that depend on the residual of each row alone."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from ..._utils.collective import sum_over
from ..._utils.validation import check_positive
from .._collapse import NO_BETTER, CollapseWarning
from .._loss import Derivatives, Loss, example_rows
from .._rows import Rows, Target

__all__ = ["ResidualLoss", "check_delta", "distances", "example_residuals", "weighted_quantile"]

# Squares of these are floats in single precision.
LEAST_DELTA, MOST_DELTA = 1e-15, 1e15
# Residuals nearer to zero than this share of the mean one curve as if they were that far off.
LEAST_RESIDUAL = 0.05
# Fewer rows of one score still rank the others.
TIED = 0.9


class ResidualLoss(Loss[NDArray[np.floating]]):
    """A mean over rows of a convex function of ``score - target``."""

    target: ClassVar[Target] = "real"
    sums_over_workers: ClassVar[bool] = True

    @abstractmethod
    def _losses(self, residual: NDArray) -> NDArray:
        """Return the loss of each row."""

    @abstractmethod
    def _slopes(self, residual: NDArray) -> NDArray:
        """Return its derivative by the score."""

    @abstractmethod
    def _curvatures(self, residual: NDArray, typical: float) -> NDArray:
        """Return the curvature of a parabola that lies above the loss and touches it there.

        ``typical`` is the mean distance of a score from its target.
        """

    def hold(self, rows: Rows) -> NDArray[np.floating]:
        """Return each row's share of the loss."""
        weight = np.ones(rows.n_samples) if rows.weight is None else rows.weight.astype(float)
        return weight / rows.total_weight

    def value(self, rows: Rows, held: NDArray[np.floating]) -> float:
        """Return the mean loss."""
        losses = self._losses(rows.raw - rows.target)
        return sum_over(rows.workers, float(held @ losses))[0]

    def derivatives(self, rows: Rows, held: NDArray[np.floating]) -> Derivatives:
        """Return gradient and hessian of all rows."""
        residual = rows.raw - rows.target
        (typical,) = sum_over(rows.workers, float(held @ np.abs(residual)))
        curvature = self._curvatures(residual, typical)
        return Derivatives(None, held * self._slopes(residual), held * curvature)

    def start(self, rows: Rows) -> float:
        """Return the score at which the loss of a constant is least."""
        self._refuse_workers(rows)
        weight = self.hold(rows)
        counted = rows.target[weight > 0]
        least, most = float(counted.min()), float(counted.max())

        def slope(score: float) -> float:
            return float(weight @ self._slopes(score - rows.target))

        if slope(least) >= 0.0 or slope(most) <= 0.0:
            return least if slope(least) >= 0.0 else most
        return float(brentq(slope, least, most, xtol=1e-12 * (most - least)))

    def _refuse_workers(self, rows: Rows) -> None:
        if rows.workers is not None:
            raise NotImplementedError(
                f"The start of {type(self).__name__} needs the targets of all workers at once: "
                "begin at 0, or find it on a sample of the rows."
            )

    def _warn_of_ties(self, rows: Rows, owner: str, remedy: str) -> None:
        """Warn if nearly all rows have one score, and are no better off than at the best constant.

        The leaves of trees whose values are quantiles are equal where most targets are.
        """
        counted = slice(None) if rows.weight is None else rows.weight > 0
        scores, target = rows.raw[counted], rows.target[counted]
        values, counts = np.unique(scores, return_counts=True)
        share = float(counts.max() / scores.size)
        held, same = self.hold(rows), float(values[counts.argmax()])
        constant = self.value(rows.replace(raw=np.full(rows.n_samples, self.start(rows))), held)
        if share < TIED or not np.ptp(target) > 0 or self.value(rows, held) < NO_BETTER * constant:
            return
        warnings.warn(
            f"Training on {type(self).__name__} came to nothing: {owner} gives "
            f"{'all' if share == 1.0 else f'{share:.1%} of the'} rows the score {same:.3g}, and by "
            "this loss one score for all is as good. It asks for a quantile, which is the same "
            f"wherever that many targets are (here {np.mean(target == same):.1%} are {same:.3g}). "
            f"{remedy}",
            CollapseWarning,
            stacklevel=6,
        )

    @classmethod
    def examples(cls) -> Iterator[tuple[Loss[Any], Rows]]:
        """Yield the loss as it comes, without weights and with them."""
        for seed in range(2):
            yield cls(), example_residuals(cls(), seed)


def example_residuals(loss: Loss[Any], seed: int) -> Rows:
    """Return rows for tests whose residuals keep away from 0 and from multiples of 1/4.

    There a loss may have a kink, and central differences say nothing.
    """
    rows = example_rows(loss, weighted=seed % 2 == 1, seed=seed)
    target = np.floor(4.0 * rows.target) / 4.0 + 0.125
    return rows.replace(target=target, raw=np.floor(4.0 * rows.raw) / 4.0 + 0.05)


def check_delta(value: Any, owner: str) -> float:
    """Return the error at which a loss turns from squared to absolute, if it is one."""
    return check_positive(value, "delta", owner, minimum=LEAST_DELTA, maximum=MOST_DELTA)


def distances(residual: NDArray, typical: float) -> NDArray:
    """Return how far scores are from their targets, at least a share of the mean distance."""
    least = LEAST_RESIDUAL * typical if typical > 0.0 else 1.0
    return np.maximum(np.abs(residual), least)


def weighted_quantile(values: NDArray, weight: NDArray | None, level: float) -> float:
    """Return a quantile of values of which each counts for its weight.

    Where all numbers between two values are quantiles, it is the one in the middle.
    """
    order = np.argsort(values, kind="stable")
    counts = np.ones(values.size) if weight is None else weight
    counted = order[counts[order] > 0]
    below = np.cumsum(counts[counted])
    # Sums of weights are equal up to rounding.
    aim, slack = level * below[-1], 1e-12 * below[-1]
    first = int(np.searchsorted(below, aim - slack))
    last = min(int(np.searchsorted(below, aim + slack, side="right")), counted.size - 1)
    return float(values[counted[first]] / 2.0 + values[counted[last]] / 2.0)
