"""Partial AUC over an FPR band: pairwise and trapezoid surrogates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from .._utils.collective import sum_over
from .._utils.validation import BASES, check_band, check_option, check_positive
from ..band import TAU_SCALES, Band, Basis, TauScale, find_band, knot_thresholds
from ..kernels._dispatch import (
    BAND_NEGATIVE,
    NEITHER,
    POSITIVE,
    Kernel,
    PairSums,
    sum_pairs,
    tabulate_pairs,
)
from ._base import BaseObjective, RowDerivatives, Sample

__all__ = ["PairwisePAUC", "TrapezoidPAUC"]

Link = Literal["sigmoid", "logistic"]
LINKS = ("sigmoid", "logistic")

# Where fewer rows or a lesser share of them take part, summing over these alone is as fast.
TABULATE_FROM, TABULATE_SHARE = 20_000, 0.1

NO_ROWS = RowDerivatives(np.empty(0, dtype=np.intp), np.empty(0), np.empty(0))


@dataclass(frozen=True)
class _BandObjective:
    """Parameters and band shared by the partial-AUC objectives."""

    alpha: float = 0.0
    beta: float = 0.005
    temperature: float = 1.0
    tau_scale: TauScale = None
    budget_basis: Basis = "fpr"

    def __post_init__(self) -> None:
        owner = type(self).__name__
        check_band(self.alpha, self.beta, owner)
        check_positive(self.temperature, "temperature", owner)
        check_option(self.tau_scale, "tau_scale", TAU_SCALES, owner)
        check_option(self.budget_basis, "budget_basis", BASES, owner)

    def _band(self, sample: Sample) -> Band:
        return find_band(
            sample.raw,
            ~sample.positive,
            alpha=self.alpha,
            beta=self.beta,
            basis=self.budget_basis,
            weight=sample.weight,
            iid_mask=sample.iid,
            tau_scale=self.tau_scale,
            collective=sample.collective,
        )

    def boosting_scale(self, sample: Sample) -> float:
        """Weight of the positives: each pulls at most as hard as in cross-entropy."""
        return sample.positive_weight


@dataclass(frozen=True)
class PairwisePAUC(_BandObjective, BaseObjective[Band]):
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
    budget_basis : {"fpr", "population"}, default="fpr"
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

    def find_held(self, sample: Sample) -> Band:
        """Return the band."""
        return self._band(sample)

    @property
    def _needed(self) -> frozenset[Kernel]:
        """Kernels of gradient and hessian."""
        return frozenset({"dsigma"} if self.link == "sigmoid" else {"sigma", "dsigma"})

    def _sums(self, sample: Sample, band: Band, kernels: frozenset) -> PairSums:
        pos = sample.positive_rows
        return sum_pairs(
            sample.raw[pos],
            sample.raw[band.members],
            band.temperature(self.temperature),
            sample.pulls_of(pos),
            sample.pulls_of(band.members),
            kernels,
            collective=sample.collective,
        )

    def _loss(self, sample: Sample, held: Band) -> float:
        if held.is_empty:
            return 0.0
        pairs = sample.positive_weight * held.total_weight
        if self.link == "sigmoid":
            total = self._sums(sample, held, frozenset({"sigma"})).sigma_total
        else:
            total = self._sums(sample, held, frozenset({"softplus"})).softplus_total
        assert total is not None
        return total / pairs

    def derivatives(self, sample: Sample, held: Band) -> RowDerivatives:
        """Return gradient and hessian of the positives and the band negatives."""
        if held.is_empty:
            return NO_ROWS
        if held.rows.dtype == bool:
            derivatives = self._tabulated(sample, held)
            if derivatives is not None:
                return derivatives
        sums = self._sums(sample, held, self._needed)
        # Row sums are never None for the kernels asked for.
        curvature = np.concatenate([sums.dsigma_pos, sums.dsigma_neg])
        slope = curvature
        if self.link == "logistic":
            slope = np.concatenate([sums.sigma_pos, sums.sigma_neg])
        pos = sample.positive_rows
        rows = np.concatenate([pos, held.members])
        tau = held.temperature(self.temperature)
        share: NDArray | float = 1.0 / (tau * sample.positive_weight * held.total_weight)
        pull = sample.pulls_of(rows)
        if pull is not None:
            share = share * pull
        gradient = share * slope
        gradient[: pos.size] *= -1.0
        return RowDerivatives(rows, gradient, share * curvature / tau)

    def _tabulated(self, sample: Sample, band: Band) -> RowDerivatives | None:
        """Return the derivatives of all rows where a good part of them is in the band."""
        collective, n_rows = sample.collective, sample.raw.size
        n_positives = int(np.count_nonzero(sample.positive))
        taking_part, of_all = sum_over(collective, band.count + n_positives, n_rows)
        if of_all < TABULATE_FROM or taking_part < TABULATE_SHARE * of_all:
            return None
        # NEITHER, less what takes it to BAND_NEGATIVE or to POSITIVE, in whole passes.
        group = band.rows.view(np.int8) * np.int8(BAND_NEGATIVE - NEITHER)
        group += sample.positive.view(np.int8) * np.int8(POSITIVE - NEITHER)
        group += np.int8(NEITHER)
        tau = band.temperature(self.temperature)
        tables = tabulate_pairs(sample.raw, group, tau, sample.pull, self._needed, collective)
        if tables is None:
            return None
        curvature = slope = tables.by_group("dsigma")
        if self.link == "logistic":
            slope = tables.by_group("sigma")
        share = 1.0 / (tau * sample.positive_weight * band.total_weight)
        signed = share * slope
        signed[POSITIVE] *= -1.0
        gradient, hessian = tables.look_up(
            sample.raw, group, [signed, share / tau * curvature], sample.dtype
        )
        if sample.pull is not None:
            gradient *= sample.pull
            hessian *= sample.pull
        return RowDerivatives(None, gradient, hessian)


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
class TrapezoidPAUC(_BandObjective, BaseObjective[Knots]):
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
    budget_basis : {"fpr", "population"}, default="fpr"
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
        check_positive(self.n_knots, "n_knots", type(self).__name__, integer=True, minimum=2)

    def find_held(self, sample: Sample) -> Knots:
        """Return thresholds and temperature."""
        band = self._band(sample)
        inner = np.linspace(self.alpha, self.beta, self.n_knots)[1:-1]
        thresholds = np.array([band.t_alpha, band.t_beta])
        if inner.size and not np.isnan(thresholds).any():
            found = knot_thresholds(
                sample.raw,
                ~sample.positive,
                inner,
                basis=self.budget_basis,
                weight=sample.weight,
                iid_mask=sample.iid,
                collective=sample.collective,
            )
            thresholds = np.concatenate([thresholds[:1], found, thresholds[1:]])
        return Knots(thresholds, band.temperature(self.temperature))

    def _knot_weights(self) -> NDArray:
        weights = np.full(self.n_knots, 1.0 / (self.n_knots - 1))
        weights[[0, -1]] /= 2
        return weights

    def _soft_hits(self, raw: NDArray, held: Knots) -> tuple[NDArray, NDArray]:
        """Return the soft TPR of each score and its slope in units of 1/tau."""
        x = (raw[:, None] - held.thresholds[None, :]) / held.tau
        p = expit(x)
        return p @ self._knot_weights(), (p * expit(-x)) @ self._knot_weights()

    def _loss(self, sample: Sample, held: Knots) -> float:
        if held.is_empty:
            return 0.0
        pos = sample.positive_rows
        hit, _ = self._soft_hits(sample.raw[pos], held)
        pull = sample.pulls_of(pos)
        caught = float(hit.sum() if pull is None else pull @ hit)
        return 1.0 - sum_over(sample.collective, caught)[0] / sample.positive_weight

    def derivatives(self, sample: Sample, held: Knots) -> RowDerivatives:
        """Return gradient (of the positives) and hessian of all rows."""
        if held.is_empty:
            return NO_ROWS
        _, slope = self._soft_hits(sample.raw, held)
        if sample.pull is not None:
            slope *= sample.pull
        positive_weight = sample.positive_weight
        negative_weight = sample.total_weight - positive_weight
        per_positive = slope / positive_weight
        hessian = np.where(
            sample.positive, per_positive, slope / ((self.beta - self.alpha) * negative_weight)
        )
        gradient = np.where(sample.positive, -per_positive, 0.0)
        return RowDerivatives(None, gradient / held.tau, hessian / held.tau**2)
