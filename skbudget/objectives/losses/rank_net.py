"""RankNet: the logistic loss of the pairs of each list."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..._utils.validation import check_option, check_temperature
from .._loss import Loss
from .._rows import Rows
from ._lists import LeafSums, Side, kernel_sums
from ._pair_lists import PairListLoss

__all__ = ["RankNet"]

_KERNELS = ("softplus", "sigma", "dsigma")
_NAMES = dict(zip(_KERNELS, ("loss", "slope", "curve")))


@dataclass(frozen=True)
class RankNet(PairListLoss):
    r"""The logistic loss of all pairs of a list in which one row is preferred to the other.

    For a pair of rows :math:`i` and :math:`j` with :math:`x = (s_i - s_j) / T` and the wanted
    probability :math:`\bar p` that :math:`i` is preferred [1]_,

    .. math:: \ell_{ij} = \log(1 + e^{-x}) + (1 - \bar p) x

    with :math:`\bar p = 1` where :math:`i` has the greater grade, and 1/2 for a tie. The loss
    is the mean :math:`\ell` of a list, and the mean over the lists, each times the weight of
    the rows that are preferred to another of its rows. A list is a query, or the whole table
    where rows have no column ``group``. The gradient of a pair is
    :math:`(\sigma(x) - \bar p) / T` by :math:`s_i`, and the hessian the diagonal of the exact
    one, sums of :math:`\sigma'(x) / T^2`. The loss is convex.

    With two labels in one list it is `PairwisePAUC` over the whole band: ``alpha=0``,
    ``beta=1``, with its logistic link.

    Parameters
    ----------
    temperature : float, default=1.0
        Temperature :math:`T`, in units of raw score.
    ties : bool, default=False
        Whether pairs of one grade count, with the wanted probability 1/2. Their loss is least
        at equal scores, where it is :math:`\log 2`. Where positives are rare nearly all pairs
        are ties of negatives. A list then counts by the weight of all its rows.
    graded : bool, default=False
        Whether the target grades the rows: real numbers from 0 on, up to 32 different ones.

    See Also
    --------
    PairwisePAUC : The pairs at the top of one table.
    PairwiseHinge : A margin in place of the logistic loss.
    LambdaRank : Pairs count by what their swap does to the NDCG.

    Notes
    -----
    **Observed preferences.** A pair of which one row was preferred is a list of its own: two
    rows with the same number in ``group``, the preferred one with the greater grade; a tie is
    two rows of one grade, with ``ties=True``. A row that is in several pairs is there once for
    each of them. So boosters and networks take preferences as they take queries, and folds and
    batches keep a pair together.

    No pair of a large list is formed: time is linear in the rows for each grade.

    References
    ----------
    .. [1] C. Burges, T. Shaked, E. Renshaw, A. Lazier, M. Deeds, N. Hamilton and G. Hullender
       (2005). Learning to Rank Using Gradient Descent. ICML.

    Examples
    --------
    >>> from skbudget.objectives import RankNet
    >>> RankNet(graded=True).gradient([2, 1, 0], [0.0, 0.0, 0.0]).round(3)
    array([-0.333,  0.   ,  0.333])

    Two observed preferences, and a tie:

    >>> loss = RankNet(ties=True)
    >>> y, scores, pair = [1, 0, 1, 0, 0, 0], [0.0, 0.0, 1.0, 0.0, 1.0, 0.0], [0, 0, 1, 1, 2, 2]
    >>> loss.gradient(y, scores, group=pair).round(3)
    array([-0.167,  0.167, -0.09 ,  0.09 ,  0.077, -0.077])
    """

    temperature: float = 1.0
    ties: bool = False
    graded: bool = False

    def __post_init__(self) -> None:
        owner = type(self).__name__
        check_temperature(self.temperature, owner)
        check_option(self.ties, "ties", (True, False), owner)
        check_option(self.graded, "graded", (True, False), owner)
        self._declare()

    @classmethod
    def examples(cls) -> Iterator[tuple[Loss[Any], Rows]]:
        """Yield losses of two labels and of grades, on one list and on several."""
        yield from cls._examples(cls(), cls(0.5, graded=True), cls(0.8, ties=True, graded=True))

    def _of_pairs(self, high: Side, low: Side, n_lists: int) -> tuple[LeafSums, LeafSums]:
        tau = float(self.temperature)
        found = kernel_sums(high, low, n_lists, tau, _KERNELS)  # type: ignore[arg-type]
        return self._named(found[0]), self._named(found[1])

    def _named(self, sums: LeafSums) -> LeafSums:
        tau = float(self.temperature)
        scale = {"loss": 1.0, "slope": tau, "curve": tau**2}
        return {name: sums[kernel] / scale[name] for kernel, name in _NAMES.items()}

    def _of_ties(self, rows: Side, n_lists: int) -> LeafSums | None:
        if not self.ties:
            return None
        tau, weight = float(self.temperature), rows.weight
        # Every pair twice, and every row with itself, of which a row of weight two has two.
        sums = kernel_sums(rows, rows, n_lists, tau, _KERNELS)[0]  # type: ignore[arg-type]
        alone = np.minimum(weight, 1.0)
        if rows.code is None:
            partners: Any = weight.sum()
        else:
            partners = np.bincount(rows.code, weight, minlength=n_lists)[rows.code]
        return {
            "pairs": 0.5 * weight * np.maximum(partners - alone, 0.0),
            "loss": 0.5 * weight * (sums["softplus"] - math.log(2.0) * alone),
            "slope": weight * (0.5 * partners - sums["sigma"]) / tau,
            "curve": weight * np.maximum(sums["dsigma"] - 0.25 * alone, 0.0) / tau**2,
        }
