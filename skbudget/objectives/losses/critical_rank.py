"""The positives at the bottom of the ranking, or the negatives at its top, above all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..._utils.collective import sum_over
from ..._utils.validation import check_option, check_positive, check_temperature
from ...band import find_band
from ...kernels._dispatch import sum_pairs
from ...kernels._kernel import SOFTPLUS_ROWS, Kernel
from .._loss import Derivatives, Loss, Scale, example_rows
from .._rows import Rows
from ._band import LINKS, NO_ROWS, Link
from ._ranks import MOST_POWER, SIDES, TAU_SCALES, Side

__all__ = ["CriticalRank"]


class _Pairs(NamedTuple):
    """The rows of both sides; the scores of negatives are mirrored where they are pushed.

    Attributes
    ----------
    pushed, others : ndarray of shape (n_pushed,) and (n_others,)
        Row indices.
    scores, against : ndarray of shape (n_pushed,) and (n_others,)
        A pushed row is right where its score is above those that it is compared with.
    weight, weight_against : ndarray
        What the rows weigh.
    total, total_against : float
        Sums of the weights.
    sign : float
        Of a score here in units of a score there.
    """

    pushed: NDArray[np.intp]
    others: NDArray[np.intp]
    scores: NDArray[np.floating]
    against: NDArray[np.floating]
    weight: NDArray[np.floating]
    weight_against: NDArray[np.floating]
    total: float
    total_against: float
    sign: float


@dataclass(frozen=True)
class CriticalRank(Loss[float]):
    r"""A power of each positive's misranked share, so that the lowest positives count most.

    With positives :math:`i \in P`, negatives :math:`j \in N`, weights :math:`w` and
    :math:`x_{ij} = (s_j - s_i) / \tau`,

    .. math::
        u_i = \frac{\sum_{j} w_j \, \ell(x_{ij})}{\sum_j w_j}, \qquad
        L = \left(\frac{\sum_{i} w_i u_i^p}{\sum_i w_i}\right)^{1/p}

    - ``link="logistic"``: :math:`\ell(x) = \log(1 + e^x)`. Convex.
    - ``link="sigmoid"``: :math:`\ell(x) = \sigma(x)`: :math:`u_i` is the smoothed false
      positive rate at which positive :math:`i` is caught. Bounded, and a positive far below
      all negatives (a mislabelled row) stops pulling.

    The root keeps a power from multiplying the gradient, or from making it vanish.

    With ``side="positives"`` the positives at the bottom have the greatest weight: what is
    wanted where nearly all positives must be caught, at as few false positives as possible.
    It is the smooth form of a rank penalty [1]_, see `RankReg`. With ``side="negatives"``
    the roles change, :math:`u_j` is the mean over the positives, and the negatives at
    the top have the greatest weight: the P-norm push [2]_, for those who act on the top
    alone. The two aims are opposed, so choose by what is promised. Where the
    top is contested, pushing up the lowest positives harms the coverage of a budget.

    With ``power=1`` both sides are the whole AUC, `PairwisePAUC` with ``alpha=0, beta=1``. The
    greater the power, the fewer rows count. The limit is the last row: the false positive
    rate at which all positives are caught, or the share of positives below the top
    negative.

    The hessian is the diagonal without the terms in which a row's share of the weight is
    squared. With :math:`c_i = \partial L / \partial u_i` and :math:`d_i`, :math:`S_i` the
    means of :math:`\sigma'(x_{ij})` and :math:`\ell'(x_{ij})` over the negatives it is
    :math:`c_i (d_i + (p - 1) S_i^2 / u_i) / \tau^2` for a positive, and
    :math:`w_j \sum_i c_i \sigma'(x_{ij}) / (\tau^2 \sum_k w_k)` for a negative. For the
    logistic link that is the exact diagonal up to those terms. For the sigmoid link, whose
    own diagonal changes sign, it is that of a majoriser.

    Parameters
    ----------
    side : {"positives", "negatives"}, default="positives"
        Rows that are pushed: the lowest positives up, or the top negatives down.
    power : float, default=2.0
        Power :math:`p`, in [1, 1000].
    link : {"logistic", "sigmoid"}, default="logistic"
        Loss of a pair.
    temperature : float, default=1.0
        Sharpness of the comparison :math:`\tau`, in units of the dispersion.
    tau_scale : {"iqr"} or None, default=None
        Dispersion that multiplies ``temperature``: the interquartile range of the
        negatives, held constant; None for score units, in which the logistic link is convex,
        and which boosting needs.

    See Also
    --------
    PairwisePAUC : The negatives of a band, all alike.
    RankReg : The rank itself, for networks.
    skbudget.neural.CriticalRankLoss : The same in torch, with a memory.

    Notes
    -----
    All pairs are compared, in time linear in the rows. ``iid_mask`` restricts the negatives
    that the interquartile range is of.

    References
    ----------
    .. [1] S. Mohammadi, H. Zhao, M. Zhai and F. Tung (2023). Ranking Regularization for
       Critical Rare Classes: Minimizing False Positives at a High True Positive Rate. CVPR.
    .. [2] C. Rudin (2009). The P-Norm Push: A Simple Convex Ranking Algorithm that
       Concentrates at the Top of the List. JMLR 10, 2233-2271.

    Examples
    --------
    The positive at 0, below three of four negatives, is pulled harder than the one at 2.5:

    >>> from skbudget.objectives import CriticalRank
    >>> y, scores = [1, 0, 0, 0, 1, 0], [0.0, -1.0, 1.0, 2.0, 2.5, 3.0]
    >>> CriticalRank(power=1).gradient(y, scores).round(2)
    array([-0.35,  0.04,  0.11,  0.16, -0.15,  0.2 ])
    >>> CriticalRank(power=4).gradient(y, scores).round(2)
    array([-0.59,  0.06,  0.15,  0.19, -0.  ,  0.2 ])
    """

    side: Side = "positives"
    power: float = 2.0
    link: Link = "logistic"
    temperature: float = 1.0
    tau_scale: Literal["iqr"] | None = None

    reads: ClassVar[frozenset[str]] = frozenset({"value", "iid_mask"})
    sums_over_workers: ClassVar[bool] = True
    scale: ClassVar[Scale] = "positives"

    def __post_init__(self) -> None:
        owner = type(self).__name__
        check_option(self.side, "side", SIDES, owner)
        check_positive(self.power, "power", owner, minimum=1, maximum=MOST_POWER)
        check_option(self.link, "link", LINKS, owner)
        check_temperature(self.temperature, owner)
        check_option(self.tau_scale, "tau_scale", TAU_SCALES, owner)

    def hold(self, rows: Rows) -> float:
        """Return the temperature in score units."""
        if self.tau_scale is None:
            return float(self.temperature)
        band = find_band(
            rows.raw,
            ~rows.target,
            alpha=0.0,
            beta=1.0,
            basis="fpr",
            weight=rows.weight,
            iid_mask=rows.columns.get("iid_mask"),
            tau_scale=self.tau_scale,
            collective=rows.workers,
        )
        return float(band.temperature(float(self.temperature)))

    def value(self, rows: Rows, held: float) -> float:
        """Return the loss."""
        pairs = self._pairs(rows)
        return self._mean_power(pairs, self._misranked(pairs, held, rows), rows)[0]

    def derivatives(self, rows: Rows, held: float) -> Derivatives:
        """Return gradient and hessian of all rows."""
        pairs, power, tau = self._pairs(rows), float(self.power), held
        misranked = self._misranked(pairs, tau, rows)
        loss, slope = self._mean_power(pairs, misranked, rows)
        if not loss > 0:
            return NO_ROWS
        # In the second pass a pushed row weighs what the loss changes by with its share.
        slope *= pairs.weight
        slope /= pairs.total
        kernels: frozenset[Kernel] = frozenset({"dsigma"})
        if self.link == "logistic":
            kernels = frozenset({"sigma", "dsigma"})
        sums = sum_pairs(
            pairs.scores,
            pairs.against,
            tau,
            slope,
            pairs.weight_against,
            kernels,
            collective=rows.workers,
        )
        curve_pushed, curve_others = sums.dsigma_pos, sums.dsigma_neg
        assert curve_pushed is not None
        assert curve_others is not None
        of_pushed, of_others = curve_pushed, curve_others
        if self.link == "logistic":
            assert sums.sigma_pos is not None
            assert sums.sigma_neg is not None
            of_pushed, of_others = sums.sigma_pos, sums.sigma_neg
        share = 1.0 / (tau * pairs.total_against)
        gradient = np.zeros(rows.raw.shape[0])
        hessian = np.zeros(rows.raw.shape[0])
        gradient[pairs.pushed] = -pairs.sign * share * slope * of_pushed
        gradient[pairs.others] = pairs.sign * share * pairs.weight_against * of_others
        # The slope of a link is at most the link, so that the ratio is at most 1. Where both are
        # lost in rounding it is what it tends to.
        mean_slope = of_pushed / pairs.total_against
        ratio = np.divide(mean_slope, misranked, out=np.ones_like(mean_slope), where=misranked > 0)
        bend = curve_pushed / pairs.total_against
        bend = bend + (power - 1.0) * np.minimum(ratio, 1.0) * mean_slope
        hessian[pairs.pushed] = slope * bend / tau**2
        hessian[pairs.others] = share * pairs.weight_against * curve_others / tau
        return Derivatives(None, gradient, hessian, owned=True)

    @classmethod
    def examples(cls) -> Iterator[tuple[Loss[Any], Rows]]:
        """Yield both sides and both links."""
        for seed, loss in enumerate(
            (
                cls(),
                cls("negatives", 3.0),
                cls("positives", 1.5, "sigmoid", 0.7),
                cls("negatives", 2.0, "sigmoid"),
                cls("positives", 2.0, "logistic", 0.5, "iqr"),
            )
        ):
            yield loss, example_rows(loss, weighted=seed % 2 == 1, seed=seed)

    def torch_loss(self) -> Any:
        """Return `skbudget.neural.CriticalRankLoss` with the same parameters, without a queue."""
        from ...neural.losses._critical_rank import CriticalRankLoss

        return CriticalRankLoss(
            side=self.side,
            power=self.power,
            link=self.link,
            temperature=self.temperature,
            tau_scale=self.tau_scale,
            queue_size=0,
        )

    def _pairs(self, rows: Rows) -> _Pairs:
        """Return the rows that are pushed, and those that they are compared with."""
        pos, neg = np.flatnonzero(rows.target), np.flatnonzero(~rows.target)
        worth = rows.worth
        w_pos = np.ones(pos.size) if worth is None else worth[pos].astype(np.float64, copy=False)
        w_neg = np.ones(neg.size) if worth is None else worth[neg].astype(np.float64, copy=False)
        of_pos = pos, rows.raw[pos], w_pos, rows.positive_weight
        of_neg = neg, rows.raw[neg], w_neg, rows.negative_weight
        if self.side == "positives":
            (pushed, scores, w, total), (others, against, w_other, total_other) = of_pos, of_neg
            return _Pairs(pushed, others, scores, against, w, w_other, total, total_other, 1.0)
        (pushed, scores, w, total), (others, against, w_other, total_other) = of_neg, of_pos
        return _Pairs(pushed, others, -scores, -against, w, w_other, total, total_other, -1.0)

    def _misranked(self, pairs: _Pairs, tau: float, rows: Rows) -> NDArray[np.float64]:
        """Return the mean loss of each pushed row's pairs."""
        kernels = SOFTPLUS_ROWS if self.link == "logistic" else frozenset({"sigma"})
        sums = sum_pairs(
            pairs.scores,
            pairs.against,
            tau,
            pairs.weight,
            pairs.weight_against,
            kernels,  # type: ignore[arg-type]
            collective=rows.workers,
        )
        found = sums.softplus_pos if self.link == "logistic" else sums.sigma_pos
        assert found is not None
        return np.maximum(found, 0.0) / pairs.total_against

    def _mean_power(
        self, pairs: _Pairs, misranked: NDArray[np.float64], rows: Rows
    ) -> tuple[float, NDArray[np.float64]]:
        """Return the loss, and what it changes by with each mean over its share of the weight."""
        power = float(self.power)
        # In units of the greatest mean: its power may be beyond what a float holds.
        unit = float(misranked.max(initial=0.0))
        if rows.workers is not None:
            (unit,) = rows.workers.max(np.array([unit]))
        if not unit > 0:
            return 0.0, np.zeros_like(misranked)
        (total,) = sum_over(rows.workers, float(pairs.weight @ (misranked / unit) ** power))
        root = (total / pairs.total) ** (1.0 / power)
        loss = float(unit) * root
        return loss, (misranked / loss) ** (power - 1.0)
