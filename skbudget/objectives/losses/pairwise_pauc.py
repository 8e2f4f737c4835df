"""The partial AUC, pair by pair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..._utils.collective import sum_over
from ..._utils.validation import check_option
from ...band import Band
from ...kernels import PairSums
from ...kernels._dispatch import sum_pairs
from ...kernels._kernel import Kernel
from ...kernels._tables import BAND_NEGATIVE, NEITHER, POSITIVE, tabulate_pairs
from .._loss import Derivatives, Loss
from .._rows import Rows
from ._band import LINKS, NO_ROWS, BandParameters, Link

__all__ = ["LINKS", "Link", "PairwisePAUC"]

# Kernels of gradient and hessian.
KERNELS_OF: dict[Link, frozenset[Kernel]] = {
    "sigmoid": frozenset({"dsigma"}),
    "logistic": frozenset({"sigma", "dsigma"}),
}

# Where fewer rows or a lesser share of them take part, summing over these alone is as fast.
TABULATE_FROM, TABULATE_SHARE = 20_000, 0.1


@dataclass(frozen=True)
class PairwisePAUC(BandParameters, Loss[Band]):
    r"""Positives against the negatives inside the band.

    With positives :math:`i`, band negatives :math:`j`, scores :math:`s`, weights
    :math:`w` and :math:`x_{ij} = (s_j - s_i) / \tau`,

    .. math::
        L = \frac{\sum_{ij} w_i w_j \, \ell(x_{ij})}{\sum_i w_i \sum_j w_j}

    - ``link="sigmoid"``: :math:`\ell(x) = \sigma(x)`, so that :math:`L` is one minus
      the smoothed normalised partial AUC [1]_. Bounded: a pair that is hopelessly
      wrong (a mislabelled row) stops pulling.
    - ``link="logistic"``: :math:`\ell(x) = \log(1 + e^x) \ge \sigma(x)`, its convex
      majoriser.

    Band edges and :math:`\tau` are held constant. ``alpha=0, beta=1`` compares all
    pairs: the whole AUC, exactly.

    The hessian is the diagonal :math:`\sum_j w_i w_j \sigma'(x_{ij}) / \tau^2` over
    the same denominator (for a negative, summed over :math:`i`). For the logistic
    link this is the exact diagonal; for the sigmoid link, whose own diagonal
    changes sign, it is that of its majoriser.

    Parameters
    ----------
    alpha, beta : float, default=0.0, 0.005
        Ends of the FPR band as fractions, ``0 <= alpha < beta <= 1``.
    temperature : float, default=1.0
        Sharpness of the comparison, in units of the dispersion.
    tau_scale : {"iqr", "band"} or None, default=None
        Dispersion that multiplies ``temperature``; None for score units.
    basis : {"fpr", "population"}, default="fpr"
        Whether the band's ends count negatives or all rows.
    link : {"sigmoid", "logistic"}, default="logistic"
        Loss of a pair.

    See Also
    --------
    TrapezoidPAUC : Thresholds instead of pairs.
    skbudget.boosting.PAUCObjective : The same for LightGBM and XGBoost, set by a budget.
    skbudget.neural.PAUCAtBudgetLoss : The same in torch.

    Notes
    -----
    Without a negative in the band, loss and gradient are zero.

    References
    ----------
    .. [1] L. E. Dodd and M. S. Pepe (2003). Partial AUC Estimation and Regression.
       Biometrics 59(3), 614-623.

    Examples
    --------
    >>> from skbudget.objectives import PairwisePAUC
    >>> objective = PairwisePAUC(beta=0.5, link="sigmoid")
    >>> y, scores = [0, 0, 0, 0, 1], [0.0, 1.0, 2.0, 3.0, 3.0]
    >>> round(objective.loss(y, scores), 4)
    0.3845
    >>> objective.gradient(y, scores).round(3)
    array([ 0.   ,  0.   ,  0.098,  0.125, -0.223])
    """

    link: Link = "logistic"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_option(self.link, "link", LINKS, type(self).__name__)

    def value(self, rows: Rows, held: Band) -> float:
        """Return the mean loss of the pairs."""
        if not held.total_weight > 0:
            return 0.0
        kernel: Kernel = "sigma" if self.link == "sigmoid" else "softplus"
        pos = np.flatnonzero(rows.target)
        sums = self._sums(rows, held, pos, held.members, frozenset({kernel}))
        total = sums.sigma_total if self.link == "sigmoid" else sums.softplus_total
        assert total is not None
        return total / (rows.positive_weight * held.total_weight)

    def derivatives(self, rows: Rows, held: Band) -> Derivatives:
        """Return gradient and hessian of the positives and the band negatives."""
        if not held.total_weight > 0:
            return NO_ROWS
        if held.rows.dtype == bool:
            derivatives = self._tabulated(rows, held)
            if derivatives is not None:
                return derivatives
            neg = np.flatnonzero(held.rows)
        else:
            neg = held.rows
        pos = np.flatnonzero(rows.target)
        sums = self._sums(rows, held, pos, neg, KERNELS_OF[self.link])
        # Row sums are never None for the kernels asked for.
        curvature = np.concatenate([sums.dsigma_pos, sums.dsigma_neg])
        slope = curvature
        if self.link == "logistic":
            slope = np.concatenate([sums.sigma_pos, sums.sigma_neg])
        taking_part = np.concatenate([pos, neg])
        tau = self.temperature * held.unit
        share: NDArray | float = 1.0 / (tau * rows.positive_weight * held.total_weight)
        if rows.worth is not None:
            share = share * rows.worth[taking_part]
        gradient = share * slope
        gradient[: pos.size] *= -1.0
        return Derivatives(taking_part, gradient, share * curvature / tau)

    def torch_loss(self) -> Any:
        """Return `skbudget.neural.PAUCAtBudgetLoss` with the same parameters, without a queue."""
        from ...neural.losses._pauc import PAUCAtBudgetLoss

        return PAUCAtBudgetLoss(
            alpha=self.alpha,
            beta=self.beta,
            link=self.link,
            temperature=self.temperature,
            tau_scale=self.tau_scale,
            basis=self.basis,
            queue_size=0,
            weighted_budget=True,
        )

    def _sums(
        self,
        rows: Rows,
        band: Band,
        pos: NDArray[np.intp],
        neg: NDArray[np.intp],
        kernels: frozenset[Kernel],
    ) -> PairSums:
        worth = rows.worth
        return sum_pairs(
            rows.raw[pos],
            rows.raw[neg],
            self.temperature * band.unit,
            None if worth is None else worth[pos],
            None if worth is None else worth[neg],
            kernels,
            collective=rows.workers,
        )

    def _tabulated(self, rows: Rows, band: Band) -> Derivatives | None:
        """Return the derivatives of all rows where a good part of them is in the band."""
        taking_part = int(np.count_nonzero(band.rows)) + int(np.count_nonzero(rows.target))
        of_all = rows.raw.size
        if rows.workers is not None:
            taking_part, of_all = map(int, sum_over(rows.workers, taking_part, of_all))
        if of_all < TABULATE_FROM or taking_part < TABULATE_SHARE * of_all:
            return None
        # NEITHER, less what takes it to BAND_NEGATIVE or to POSITIVE, in whole passes.
        group = band.rows.view(np.int8) * np.int8(BAND_NEGATIVE - NEITHER)
        group += rows.target.view(np.int8) * np.int8(POSITIVE - NEITHER)
        group += np.int8(NEITHER)
        tau = self.temperature * band.unit
        kernels = KERNELS_OF[self.link]
        tables = tabulate_pairs(rows.raw, group, tau, rows.worth, kernels, rows.workers)
        if tables is None:
            return None
        curvature = slope = tables.sums["dsigma"]
        if self.link == "logistic":
            slope = tables.sums["sigma"]
        share = 1.0 / (tau * rows.positive_weight * band.total_weight)
        signed = share * slope
        signed[POSITIVE] *= -1.0
        gradient, hessian = tables.look_up(
            rows.raw, group, [signed, share / tau * curvature], rows.dtype
        )
        if rows.worth is not None:
            gradient *= rows.worth
            hessian *= rows.worth
        return Derivatives(None, gradient, hessian, owned=True)
