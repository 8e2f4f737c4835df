"""A penalty of the ranks of the positives, differentiated by interpolation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..._utils.validation import check_positive
from ...band import find_band
from .._loss import Derivatives, Loss, Scale, example_rows
from .._rows import Rows
from ._ranks import COLLAPSED, LEAST_WIDTH, MOST_POWER, MOST_WIDTH

__all__ = ["RankReg", "mid_ranks"]


class _Interpolation(NamedTuple):
    """What the derivative holds constant.

    Attributes
    ----------
    shift : ndarray of shape (n_rows,)
        How far the scores are moved: up, the more the penalty grows with a row's rank.
    width : float
        What the gradient of the penalty by the ranks was multiplied by.
    offset : float
        What makes the interpolated loss equal to the penalty at the scores held.
    """

    shift: NDArray[np.float64]
    width: float
    offset: float


@dataclass(frozen=True)
class RankReg(Loss[Any]):
    r"""A power of the ranks of the positives, as a regulariser of networks.

    With the weight :math:`W_i` of the rows above row :math:`i` and half of that of the rows at
    its score, itself included,

    .. math::
        R = \frac{1}{\sum_{i \in P} w_i} \sum_{i \in P} w_i \rho_i^p, \qquad
        \rho_i = W_i / \sum_k w_k

    Without weights :math:`W_i` is the mean rank, counted from the top, less one half. So a
    positive costs the more, and with :math:`p > 1` increasingly so, the further down it is
    ranked: few false positives where nearly all positives are to be caught. It is written
    after [1]_; the power and the normalisation are ours. With ``power=1`` it is the AUC.

    A rank is a step, and its derivative that of an interpolation [2]_: move the scores by
    :math:`\lambda g` with :math:`g = \partial R / \partial W` per weight, and take

    .. math::
        \frac{\partial R}{\partial s_k} := w_k \frac{W_k(s + \lambda g) - W_k(s)}{\lambda}

    the exact derivative of a piecewise linear function, for the :math:`g` that is held. Ties
    have their mean rank on both sides, so that the order of the rows does not matter.
    :math:`\lambda` is such that the positive with the greatest :math:`g` moves by
    ``interpolation`` times the dispersion of the negatives, whatever the unit of the scores
    and of the loss.

    A rank has no second derivative, so that boosters cannot be trained on it.
    `CriticalRank` is its smooth form for them.

    Parameters
    ----------
    power : float, default=2.0
        Power :math:`p`, in [1, 1000].
    interpolation : float, default=1.0
        Width of the interpolation, in units of the interquartile range of the negatives
        (of raw score, where that is 0).

    See Also
    --------
    CriticalRank : The smooth form, for boosters too.
    ALM : A constraint on every positive instead.
    skbudget.neural.RankRegLoss : What networks are trained on, with a memory of past rows.

    Notes
    -----
    Ranks are among all rows. ``value`` counts in the mean over the positives, not in the
    ranks. ``iid_mask`` restricts the negatives that the dispersion is of.

    References
    ----------
    .. [1] S. Mohammadi, H. Zhao, M. Zhai and F. Tung (2023). Ranking Regularization for
       Critical Rare Classes: Minimizing False Positives at a High True Positive Rate. CVPR.
    .. [2] M. Vlastelica, A. Paulus, V. Musil, G. Martius and M. Rolinek (2020).
       Differentiation of Blackbox Combinatorial Solvers. ICLR.

    Examples
    --------
    The positive at 0 is the last but one of six:

    >>> from skbudget.objectives import RankReg
    >>> y, scores = [1, 0, 0, 0, 1, 0], [0.0, -1.0, 1.0, 2.0, 2.5, 3.0]
    >>> round(RankReg().loss(y, scores), 3)
    0.312
    >>> RankReg().gradient(y, scores).round(3)
    array([-0.094,  0.   ,  0.062,  0.031, -0.062,  0.062])
    """

    power: float = 2.0
    interpolation: float = 1.0

    reads: ClassVar[frozenset[str]] = frozenset({"value", "iid_mask"})
    scale: ClassVar[Scale] = "positives"
    networks_only: ClassVar[str] = (
        "RankReg penalises ranks, which have no second derivative. Take its smooth form, "
        "CriticalRank (critical_rank by name), or a network, PAUCClassifier."
    )

    def __post_init__(self) -> None:
        owner = type(self).__name__
        check_positive(self.power, "power", owner, minimum=1, maximum=MOST_POWER)
        check_positive(
            self.interpolation, "interpolation", owner, minimum=LEAST_WIDTH, maximum=MOST_WIDTH
        )

    def hold(self, rows: Rows) -> _Interpolation:
        """Return how far the scores are moved, and what they are compared at."""
        raw = rows.raw.astype(np.float64, copy=False)
        weight = np.ones(raw.size) if rows.weight is None else rows.weight.astype(np.float64)
        share = mid_ranks(raw, weight) / rows.total_weight
        # What the penalty changes by with the rank of a row, per weight of the row.
        slope = np.where(rows.target, float(self.power) * share ** (float(self.power) - 1.0), 0.0)
        value = rows.columns.get("value")
        if value is not None:
            slope[rows.target] *= value[rows.target] * (rows.positive_weight / rows.total_value)
        slope[weight == 0] = 0.0
        slope /= rows.positive_weight * rows.total_weight
        band = find_band(
            rows.raw,
            ~rows.target,
            alpha=0.0,
            beta=1.0,
            basis="fpr",
            weight=rows.weight,
            iid_mask=rows.columns.get("iid_mask"),
            tau_scale="iqr",
        )
        steepest = float(slope.max(initial=0.0))
        if not steepest > 0:
            return _Interpolation(np.zeros(raw.size), 1.0, 0.0)
        spread = band.dispersion if band.dispersion > COLLAPSED else 1.0
        reach = float(self.interpolation) * spread
        held = _Interpolation(reach * (slope / steepest), reach / steepest, 0.0)
        worth = weight if rows.worth is None else rows.worth
        penalty = float(
            (worth * share ** float(self.power))[rows.target].sum() / rows.positive_weight
        )
        return held._replace(offset=penalty - _interpolated(raw, weight, held))

    def value(self, rows: Rows, held: _Interpolation) -> float:
        """Return the penalty; elsewhere than at the scores held, its interpolation."""
        raw = rows.raw.astype(np.float64, copy=False)
        weight = np.ones(raw.size) if rows.weight is None else rows.weight.astype(np.float64)
        return held.offset + _interpolated(raw, weight, held)

    def derivatives(self, rows: Rows, held: _Interpolation) -> Derivatives:
        """Return the gradient of the interpolation, and a hessian of zero."""
        raw = rows.raw.astype(np.float64, copy=False)
        weight = np.ones(raw.size) if rows.weight is None else rows.weight.astype(np.float64)
        moved = mid_ranks(raw + held.shift, weight) - mid_ranks(raw, weight)
        return Derivatives(None, weight * moved / held.width, np.zeros(raw.size))

    @classmethod
    def examples(cls) -> Iterator[tuple[Loss[Any], Rows]]:
        """Yield losses on scores that are not close to each other, nor when they have moved."""
        for seed, loss in ((1, cls()), (5, cls(4.0, 0.5)), (3, cls(1.0, 2.0))):
            rows = example_rows(loss, 40, weighted=seed == 5, seed=seed)
            order = np.argsort(np.argsort(rows.raw, kind="stable"), kind="stable")
            yield loss, rows.replace(raw=0.25 * order.astype(float))

    def torch_loss(self) -> Any:
        """Return `skbudget.neural.RankRegLoss` with the same parameters, without a queue."""
        from ...neural.losses._rank_reg import RankRegLoss

        return RankRegLoss(
            power=self.power,
            interpolation=self.interpolation,
            queue_size=0,
            weighted_budget=True,
        )


def mid_ranks(scores: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weight of the rows above each row, and half of that at its score.

    Parameters
    ----------
    scores : ndarray of shape (n_rows,)
        Scores.
    weight : ndarray of shape (n_rows,)
        Weights, at least 0.

    Returns
    -------
    ranks : ndarray of shape (n_rows,)
    """
    _, level = np.unique(scores, return_inverse=True)
    at_level = np.bincount(level, weight)
    above = np.cumsum(at_level[::-1])[::-1] - at_level
    return (above + at_level / 2)[level]


def _interpolated(
    scores: NDArray[np.float64], weight: NDArray[np.float64], held: _Interpolation
) -> float:
    """Return the function that the gradient is the derivative of."""
    moved = scores + held.shift
    there, here = (weight * mid_ranks(at, weight) @ at for at in (moved, scores))
    return float(there - here) / held.width
