"""One minus the NDCG of smoothed ranks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..._utils.validation import check_option, check_temperature
from .._loss import Derivatives, Loss
from .._rows import Rows
from ._dcg import GAINS, Gain, discount, gains_of, ideal_gain, slope_of_discount
from ._lists import (
    ListLoss,
    Lists,
    Side,
    grades_of,
    kernel_sums,
    lists_of,
    weight_of,
    with_order,
    worth_of,
)
from ._ranks import COLLAPSED

__all__ = ["ApproxNDCG"]

TAU_SCALES = ("std", None)


class _Ranked(NamedTuple):
    """Relevant rows and their smoothed ranks.

    Attributes
    ----------
    lists : Lists
    counts : ndarray of shape (n_lists,), dtype=bool
        Lists with an order to be found.
    rows : ndarray of shape (n_relevant,)
        Row indices of what is relevant in these lists.
    high, low : Side
        The relevant rows, and all rows.
    gain : ndarray of shape (n_relevant,)
        Gain times weight, over the greatest discounted gain of the list.
    rank : ndarray of shape (n_relevant,)
    """

    lists: Lists
    counts: NDArray[np.bool_]
    rows: NDArray[np.intp]
    high: Side
    low: Side
    gain: NDArray[np.float64]
    rank: NDArray[np.float64]


@dataclass(frozen=True)
class ApproxNDCG(ListLoss):
    r"""One minus the normalised discounted cumulative gain of smoothed ranks.

    With gains :math:`g_i` and the smoothed rank of a row among the rows of its own list,

    .. math::
        \rho_i = 1 + \sum_{j \ne i} w_j \sigma\left(\frac{s_j - s_i}{\tau}\right), \qquad
        L = \frac{1}{Q} \sum_q \left(1 - \frac{1}{I_q} \sum_{i \in q}
            \frac{w_i g_i}{\log_2(1 + \rho_i)}\right)

    where :math:`I_q` is the greatest sum that an order of the list can have, and a list is a
    query, or the whole table where rows have no column ``group``. After [1]_. For a small
    :math:`\tau` it is one minus the NDCG. With :math:`c_i = \partial L / \partial \rho_i`, which
    is at least 0, and :math:`x_{ij} = (s_j - s_i) / \tau`, the gradient is

    .. math::
        \frac{\partial L}{\partial s_i} = -\frac{c_i}{\tau} \sum_{j \ne i} w_j \sigma'(x_{ij})
            + \frac{w_i}{\tau} \sum_{j \ne i} c_j \sigma'(x_{ji})

    The loss is not convex. The hessian is that of the pairs' majoriser, as in `PairwisePAUC`
    with its sigmoid link: both sums with the same sign, over :math:`\tau^2`.

    Only relevant rows are compared with all others, and no pair is formed: time is linear in
    the rows, apart from a sort of the grades.

    Parameters
    ----------
    temperature : float, default=1.0
        Sharpness of the ranks, in units of the dispersion.
    tau_scale : {"std"} or None, default=None
        Dispersion that multiplies ``temperature``: the standard deviation of the scores around
        the mean of their list, held constant, or None for units of raw score. Boosters begin
        at a constant score, where only units of raw score have a meaning.
    gain : {"exponential", "linear"}, default="exponential"
        Gain of a grade: ``2**grade - 1``, or the grade. The same for two labels.
    graded : bool, default=False
        Whether the target grades the rows: real numbers from 0 on, where 0 is not relevant.

    See Also
    --------
    ListwiseSoftmax : Convex, and without ranks.
    LambdaRank : The same metric by swaps of pairs.
    skbudget.neural.SmoothAPLoss : The average precision of such ranks.

    Notes
    -----
    A list whose rows all have the same grade is left out. All other lists count alike, as in
    the mean of a metric over queries. A weight repeats a row. ``value`` multiplies the gain of
    a positive.

    A relevant row far down the list hardly has a gradient: the discount is flat there. So the
    loss improves a good order, and is slow to find one: boosters from a constant score are
    ahead with any other loss of lists for the first rounds. ``ndcg_score`` of scikit-learn has
    the linear gain.

    References
    ----------
    .. [1] T. Qin, T.-Y. Liu and H. Li (2010). A General Approximation Framework for Direct
       Optimization of Information Retrieval Measures. Information Retrieval 13, 375-397.

    Examples
    --------
    >>> from skbudget.objectives import ApproxNDCG
    >>> y, scores = [3, 2, 0, 1], [1.0, 2.0, 0.5, 0.0]
    >>> round(ApproxNDCG(1e-3, graded=True).loss(y, scores), 4)
    0.1646
    >>> ApproxNDCG(graded=True).gradient(y, scores).round(3)
    array([-0.044, -0.022,  0.041,  0.026])
    """

    temperature: float = 1.0
    tau_scale: Literal["std"] | None = None
    gain: Gain = "exponential"
    graded: bool = False

    def __post_init__(self) -> None:
        owner = type(self).__name__
        check_temperature(self.temperature, owner)
        check_option(self.tau_scale, "tau_scale", TAU_SCALES, owner)
        check_option(self.gain, "gain", GAINS, owner)
        check_option(self.graded, "graded", (True, False), owner)
        self._declare()

    def hold(self, rows: Rows) -> float:
        """Return the temperature in units of raw score."""
        if self.tau_scale is None:
            return float(self.temperature)
        lists, weight, raw = lists_of(rows), weight_of(rows), rows.raw.astype(np.float64)
        mass = lists.sum(weight)
        mean = np.divide(lists.sum(weight * raw), mass, out=np.zeros_like(mass), where=mass > 0)
        apart = raw - lists.of_rows(mean)
        spread = float(np.sqrt(weight @ apart**2 / mass.sum()))
        return float(self.temperature) * (spread if spread > COLLAPSED else 1.0)

    def value(self, rows: Rows, held: float) -> float:
        """Return one minus the smoothed NDCG, a mean over the lists."""
        found = self._ranked(rows, held)
        if found is None:
            return 0.0
        mean = float(found.gain @ discount(found.rank)) / int(np.count_nonzero(found.counts))
        return 1.0 - mean

    def derivatives(self, rows: Rows, held: float) -> Derivatives:
        """Return gradient and hessian of all rows."""
        gradient, hessian = np.zeros(rows.n_samples), np.zeros(rows.n_samples)
        found = self._ranked(rows, held)
        if found is None:
            return Derivatives(None, gradient, hessian, owned=True)
        pull = found.gain * slope_of_discount(found.rank) / np.count_nonzero(found.counts)
        high = found.high._replace(weight=pull)
        of_high, of_low = kernel_sums(high, found.low, found.lists.n_lists, held, ("dsigma",))
        mine, others = pull * of_high["dsigma"], found.low.weight * of_low["dsigma"]
        gradient += others / held
        gradient[found.rows] -= mine / held
        hessian += others / held**2
        # A row is no partner of its own, on either side.
        itself = 0.5 * pull * np.minimum(found.high.weight, 1.0)
        hessian[found.rows] += (mine - itself) / held**2
        return Derivatives(None, gradient, np.maximum(hessian, 0.0), owned=True)

    @classmethod
    def examples(cls) -> Iterator[tuple[Loss[Any], Rows]]:
        """Yield losses of two labels and of grades, on one list and on several."""
        yield from cls._examples(
            cls(), cls(0.7, "std", graded=True), cls(0.5, None, "linear", graded=True)
        )

    def boosting_factor(self, rows: Rows) -> float:
        """Return the factor at which relevant rows begin to pull as they do in a loss of pairs.

        The discount is flat far down a list, so that one minus the NDCG has small derivatives
        at a constant score. Penalties and least weights of leaves are in units of the hessian.
        So the factor makes the hessians of the relevant rows a quarter each in the mean, at a
        constant score and a temperature of 1.

        Parameters
        ----------
        rows : Rows
            The rows.

        Returns
        -------
        factor : float
        """
        factor = super().boosting_factor(rows)
        found = self._relevant(rows)
        if found is None:
            return factor
        lists = Lists(found.high.code, found.lists.n_lists)
        mass = lists.of_rows(found.lists.sum(found.low.weight))
        others = np.maximum(mass - found.high.weight, 0.0)
        pull = found.gain * slope_of_discount(_rank(0.5 * mass, found.high.weight))
        total = float(pull @ others) / np.count_nonzero(found.counts)
        return factor / total if total > 0.0 else factor

    def _ranked(self, rows: Rows, tau: float) -> _Ranked | None:
        """Return the relevant rows with their ranks; None without a list to order."""
        found = self._relevant(rows)
        if found is None:
            return None
        above = kernel_sums(found.high, found.low, found.lists.n_lists, tau, ("sigma",))[0]["sigma"]
        return found._replace(rank=_rank(above, found.high.weight))

    def _relevant(self, rows: Rows) -> _Ranked | None:
        """Return the relevant rows without ranks; None without a list to order."""
        if self not in rows.found:
            rows.found[self] = self._find_relevant(rows)
        return rows.found[self]

    def _find_relevant(self, rows: Rows) -> _Ranked | None:
        grade, weight, lists = grades_of(self, rows), weight_of(rows), lists_of(rows)
        counts = with_order(lists, grade, weight)
        gain = gains_of(self, grade, self.gain)
        if rows.worth is not None and not self.graded:
            worth = np.divide(worth_of(rows), weight, out=np.zeros_like(weight), where=weight > 0)
            gain = gain * worth
        gain = gain * lists.of_rows(counts)
        relevant = np.flatnonzero(gain * weight > 0)
        if not relevant.size:
            return None
        ideal = ideal_gain(lists, gain, weight)
        raw = rows.raw.astype(np.float64)
        high = Side(raw[relevant], weight[relevant], lists.of(relevant))
        low = Side(raw, weight, lists.code)
        gain = gain[relevant] * high.weight / Lists(high.code, lists.n_lists).of_rows(ideal)
        return _Ranked(lists, counts, relevant, high, low, gain, np.zeros(relevant.size))


def _rank(above: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return smoothed ranks of rows from the rows above, each one itself by a half.

    One of weight two is two rows of one rank.
    """
    return above + np.where(weight >= 1.0, 0.5, 1.0 - 0.5 * weight)
