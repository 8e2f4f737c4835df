"""A constraint on every positive, by an augmented Lagrangian."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .._loss import Derivatives, Loss, Scale, example_rows
from .._rows import Rows
from ._ranks import check_multipliers

__all__ = ["ALM"]


@dataclass(frozen=True)
class ALM(Loss[None]):
    r"""A constraint on every positive, as a regulariser of networks.

    Each positive :math:`i` is to be above all negatives :math:`j` by a margin
    :math:`\delta`, and

    .. math:: q_i = \sum_{j \in N} w_j \max(0, \delta - (s_i - s_j)) = 0

    By the method of augmented Lagrangians [1]_ networks are trained on

    .. math::
        L = \frac{1}{\sum_i w_i \sum_j w_j} \sum_{i \in P} w_i
            \left(\frac{\mu}{2} q_i^2 + \lambda_i q_i\right)

    batch by batch, with a multiplier :math:`\lambda_i` for every positive of the training
    rows. It begins at 0 and grows by :math:`\mu q_i` after each step that the positive took
    part in. So a positive that stays among the negatives is pulled ever harder. :math:`\mu`
    grows by the factor ``rho`` when the validation score falls.

    This class has what does not change from step to step. Its loss and gradient are those of
    the first step, where multipliers are 0. `skbudget.neural.ALMLoss` has the multipliers.

    Parameters
    ----------
    margin : float, default=0.25
        Margin :math:`\delta` in units of the raw score, at least 0.
    mu : float, default=1e-4
        Penalty :math:`\mu` at the start.
    rho : float, default=2.0
        Factor of the penalty when the validation score falls, at least 1.
    max_mu : float, default=None
        Greatest penalty; None for ``mu * rho**5``.
    max_drop : float, default=0.05
        By how much the validation score may fall from one validation to the next, at least 0.

    See Also
    --------
    CriticalRank : Pushes the lowest positives without a state.
    RankReg : A penalty of their ranks.

    Notes
    -----
    The loss needs the column ``row_id``, the number of each row, to find its multiplier
    again. `PAUCClassifier` numbers the rows by itself. There, validation is that of
    ``early_stopping=True``, and without it the penalty stays.

    Where positives come with values, :math:`w_i` is the weight times the value.

    References
    ----------
    .. [1] S. Sangalli, E. Erdil, A. Hoetker, O. Donati and E. Konukoglu (2021).
       Constrained Optimization to Train Neural Networks on Critical and Under-Represented
       Classes. NeurIPS.

    Examples
    --------
    >>> from skbudget.objectives import ALM
    >>> loss = ALM(margin=0.5, mu=1.0)
    >>> y, scores, row_id = [1, 0, 0, 1], [0.0, -1.0, 1.0, 3.0], [0, 1, 2, 3]
    >>> loss.loss(y, scores, row_id=row_id)
    0.28125
    >>> loss.gradient(y, scores, row_id=row_id)
    array([-0.375,  0.   ,  0.375,  0.   ])
    """

    margin: float = 0.25
    mu: float = 1e-4
    rho: float = 2.0
    max_mu: float | None = None
    max_drop: float = 0.05

    reads: ClassVar[frozenset[str]] = frozenset({"value"})
    needs: ClassVar[frozenset[str]] = frozenset({"row_id"})
    scale: ClassVar[Scale] = "positives"
    networks_only: ClassVar[str] = (
        "ALM changes its multipliers from step to step, and the steps of a booster are trees. "
        "Take CriticalRank (critical_rank by name), or a network, PAUCClassifier."
    )

    def __post_init__(self) -> None:
        check_multipliers(self, type(self).__name__)

    def value(self, rows: Rows, held: None) -> float:
        """Return the loss, with all multipliers 0."""
        excess, _ = self._excess(rows)
        total = float(self._share(rows)[rows.target] @ excess**2)
        return 0.5 * float(self.mu) * total / rows.negative_weight

    def derivatives(self, rows: Rows, held: None) -> Derivatives:
        """Return the gradient, and a hessian of zero."""
        raw = rows.raw.astype(np.float64, copy=False)
        weight = np.ones(raw.size) if rows.weight is None else rows.weight.astype(np.float64)
        excess, active = self._excess(rows)
        pull = self._share(rows)[rows.target] * float(self.mu) * excess / rows.negative_weight
        gradient = np.empty(raw.size)
        gradient[rows.target] = 0.0 - pull * active
        # A negative is pushed by the positives that are less than the margin above it.
        order = np.argsort(raw[rows.target])
        up_to = np.concatenate([[0.0], np.cumsum(pull[order])])
        others = ~rows.target
        reached = np.searchsorted(
            raw[rows.target][order], raw[others] + float(self.margin), side="left"
        )
        gradient[others] = weight[others] * up_to[reached]
        return Derivatives(None, gradient, np.zeros(raw.size))

    @classmethod
    def examples(cls) -> Iterator[tuple[Loss[Any], Rows]]:
        """Yield losses on scores of which no two are a margin apart."""
        for seed, loss in enumerate((cls(), cls(margin=0.9, mu=2.0))):
            row_id = np.arange(40)
            rows = example_rows(loss, 40, weighted=seed == 1, seed=seed, row_id=row_id)
            order = np.argsort(np.argsort(rows.raw, kind="stable"), kind="stable")
            yield loss, rows.replace(raw=0.2 * order.astype(float))

    def torch_loss(self) -> Any:
        """Return `skbudget.neural.ALMLoss` with the same parameters."""
        from ...neural.losses._alm import ALMLoss

        return ALMLoss(
            margin=self.margin,
            mu=self.mu,
            rho=self.rho,
            max_mu=self.max_mu,
            max_drop=self.max_drop,
        )

    def _excess(self, rows: Rows) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return for each positive what it lacks, and the weight of the negatives in its way."""
        raw = rows.raw.astype(np.float64, copy=False)
        weight = np.ones(raw.size) if rows.weight is None else rows.weight.astype(np.float64)
        others = np.flatnonzero(~rows.target)
        others = others[np.argsort(raw[others])]
        # Centred, so that sums of scores keep their digits.
        centre = float(raw[others[-1]])
        negatives, reach = raw[others] - centre, raw[rows.target] - centre - float(self.margin)
        first = np.searchsorted(negatives, reach, side="right")
        of_weight = _sums_from(weight[others])[first]
        of_scores = _sums_from(weight[others] * negatives)[first]
        return np.maximum(of_scores - reach * of_weight, 0.0), of_weight

    def _share(self, rows: Rows) -> NDArray[np.float64]:
        """Return each row's share of the weight of the positives, values included."""
        worth = np.ones(rows.raw.size) if rows.worth is None else rows.worth
        return np.asarray(worth, dtype=np.float64) / rows.positive_weight


def _sums_from(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sum of ``values[k:]`` for each k, up to that of nothing."""
    return np.concatenate([np.cumsum(values[::-1])[::-1], [0.0]])
