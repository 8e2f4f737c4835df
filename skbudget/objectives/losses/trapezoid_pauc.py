"""The partial AUC by the soft true positive rate at a few thresholds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from ..._utils.collective import sum_over
from ..._utils.validation import check_positive
from ...band import Band, knot_thresholds
from .._loss import Derivatives, Loss
from .._rows import Rows
from ._band import NO_ROWS, BandParameters

__all__ = ["Knots", "TrapezoidPAUC"]

# The memory grows with rows times knots, and a band has no detail that more could show.
_MOST_KNOTS = 10_000


# The width of the band divides a hessian, and a band this narrow holds no row.
_LEAST_WIDTH = 1e-15


@dataclass(frozen=True)
class Knots:
    """What the trapezoid holds constant: thresholds and temperature."""

    thresholds: NDArray[np.float64]
    tau: float

    @property
    def is_empty(self) -> bool:
        """Whether there was no reference row to take a threshold from."""
        return bool(np.isnan(self.thresholds).any())


@dataclass(frozen=True)
class TrapezoidPAUC(BandParameters, Loss[Knots]):
    r"""Soft TPR at FPR knots, integrated over the band.

    With ``n_knots`` equally spaced :math:`f_k` in ``[alpha, beta]``, their score
    thresholds :math:`t_k`, positives :math:`i` and trapezoid weights :math:`c_k`
    (halved at both ends, summing to 1),

    .. math::
        L = 1 - \sum_k c_k \frac{\sum_i w_i \, \sigma((s_i - t_k) / \tau)}{\sum_i w_i}

    Thresholds and :math:`\tau` are held constant, so only positives carry gradient:
    the loss lifts them past the thresholds and never pushes a negative down. It
    suits a top that hard negatives do not contest; where they do, use
    `PairwisePAUC`, which in a booster is the better choice everywhere we looked.

    The hessian of a positive is the Gauss-Newton form
    :math:`w_i \sum_k c_k \sigma'((s_i - t_k) / \tau) / (\tau^2 \sum_i w_i)`. A
    negative has the same, with the weight of the band,
    :math:`(\beta - \alpha) \sum_j w_j`, in place of :math:`\sum_i w_i`: the
    thresholds are quantiles of the negatives' scores, so a step that lifts negatives
    lifts the thresholds too, and the hessian damps it. Without that a leaf's value
    would not depend on the negatives in it, and trees would learn nothing.

    Parameters
    ----------
    alpha, beta : float, default=0.0, 0.005
        Ends of the FPR band as fractions, ``0 <= alpha < beta <= 1``.
    temperature : float, default=1.0
        Sharpness of the soft TPR, in units of the dispersion.
    tau_scale : {"iqr", "band"} or None, default=None
        Dispersion that multiplies ``temperature``; None for score units.
    basis : {"fpr", "population"}, default="fpr"
        Whether the band's ends count negatives or all rows.
    n_knots : int, default=2
        Number of knots, at least 2.

    See Also
    --------
    PairwisePAUC : Pairs instead of thresholds.
    skbudget.boosting.PAUCObjective : The same for LightGBM and XGBoost, set by a budget.
    skbudget.neural.PAUCAtBudgetLoss : The same in torch.

    Examples
    --------
    >>> from skbudget.objectives import TrapezoidPAUC
    >>> objective = TrapezoidPAUC(beta=0.5)
    >>> y, scores = [0, 0, 0, 0, 1], [0.0, 1.0, 2.0, 3.0, 3.0]
    >>> round(objective.loss(y, scores), 4)
    0.3845
    >>> objective.gradient(y, scores).round(3)
    array([ 0.   ,  0.   ,  0.   ,  0.   , -0.223])
    """

    n_knots: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive(
            self.n_knots,
            "n_knots",
            type(self).__name__,
            integer=True,
            minimum=2,
            maximum=_MOST_KNOTS,
        )
        if self.beta - self.alpha < _LEAST_WIDTH:
            raise ValueError(
                f"The 'beta' parameter of {type(self).__name__} must exceed alpha, which is "
                f"{self.alpha!r}, by at least {_LEAST_WIDTH:g}. Got {self.beta!r} instead."
            )

    def hold(self, rows: Rows) -> Knots:
        """Return thresholds and temperature."""
        band: Band = super().hold(rows)
        inner = np.linspace(self.alpha, self.beta, self.n_knots)[1:-1]
        thresholds = np.array([band.t_alpha, band.t_beta])
        if inner.size and not np.isnan(thresholds).any():
            found = knot_thresholds(
                rows.raw,
                ~rows.target,
                inner,
                basis=self.basis,
                weight=rows.weight,
                iid_mask=rows.columns.get("iid_mask"),
                collective=rows.workers,
            )
            thresholds = np.concatenate([thresholds[:1], found, thresholds[1:]])
        return Knots(thresholds, band.temperature(self.temperature))

    def torch_loss(self) -> Any:
        """Return `skbudget.neural.PAUCAtBudgetLoss` with the same parameters, without a queue."""
        from ...neural.losses._pauc import PAUCAtBudgetLoss

        return PAUCAtBudgetLoss(
            alpha=self.alpha,
            beta=self.beta,
            surrogate="trapezoid",
            n_knots=self.n_knots,
            temperature=self.temperature,
            tau_scale=self.tau_scale,
            basis=self.basis,
            queue_size=0,
            weighted_budget=True,
        )

    def _knot_weights(self) -> NDArray:
        weights = np.full(self.n_knots, 1.0 / (self.n_knots - 1))
        weights[[0, -1]] /= 2
        return weights

    def _soft_hits(self, raw: NDArray, held: Knots) -> tuple[NDArray, NDArray]:
        """Return the soft TPR of each score and its slope in units of 1/tau."""
        x = (raw[:, None] - held.thresholds[None, :]) / held.tau
        p = expit(x)
        return p @ self._knot_weights(), (p * expit(-x)) @ self._knot_weights()

    def value(self, rows: Rows, held: Knots) -> float:
        """Return one minus the mean soft true positive rate."""
        if held.is_empty:
            return 0.0
        pos = rows.positive_rows
        hit, _ = self._soft_hits(rows.raw[pos], held)
        worth = None if rows.worth is None else rows.worth[pos]
        caught = float(hit.sum() if worth is None else worth @ hit)
        return 1.0 - sum_over(rows.workers, caught)[0] / rows.positive_weight

    def derivatives(self, rows: Rows, held: Knots) -> Derivatives:
        """Return gradient (of the positives) and hessian of all rows."""
        if held.is_empty:
            return NO_ROWS
        _, slope = self._soft_hits(rows.raw, held)
        if rows.worth is not None:
            slope *= rows.worth
        positive_weight = rows.positive_weight
        per_positive = slope / positive_weight
        hessian = np.where(
            rows.target, per_positive, slope / ((self.beta - self.alpha) * rows.negative_weight)
        )
        gradient = np.where(rows.target, -per_positive, 0.0)
        return Derivatives(None, gradient / held.tau, hessian / held.tau / held.tau)
