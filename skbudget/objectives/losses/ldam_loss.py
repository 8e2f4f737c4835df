"""Cross-entropy with margins that are greater for rarer classes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..._utils.validation import check_positive
from .._loss import Loss, example_rows
from .._rows import Rows
from ._class_weight import PosWeight, check_pos_weight, pos_weight_of
from ._scaling import LEAST_WEIGHT, MOST_WEIGHT
from .vector_scaling_cross_entropy import (
    VectorScalingCrossEntropy,
    _ClassScaledCrossEntropy,
    scaling,
)

__all__ = ["LDAMLoss"]


@dataclass(frozen=True)
class LDAMLoss(_ClassScaledCrossEntropy):
    r"""Label-distribution-aware margins [1]_: greater for the class that is rarer.

    .. math::
        L = \frac{\sum_{i \in P} w_i c \log(1 + e^{\kappa m_1 - s_i})
            + \sum_{j \in N} w_j \log(1 + e^{\kappa m_0 + s_j})}{\sum_i w_i}, \qquad
        m_k = C n_k^{-1/4}

    with :math:`n_k` the weight of all rows of class k, :math:`C` such that the greater of the
    two margins is ``max_margin``, :math:`\kappa` = ``logit_scale`` and :math:`c` =
    ``pos_weight``. The hessian is exact, see `VectorScalingCrossEntropy`.

    Parameters
    ----------
    max_margin : float, default=0.5
        Margin of the rarer class, in [0, 100].
    logit_scale : float, default=1.0
        Logits in a unit of margin, in (0, 100].
    pos_weight : float, "balanced", ("balanced", share) or ("effective", beta), default=1.0
        Weight of a positive, see `VectorScalingCrossEntropy`.

    See Also
    --------
    MarginCrossEntropy : Margins that are given.
    VectorScalingCrossEntropy : Margins, weights and multipliers.
    Schedule : Boosts on one loss first, and then on another.

    Notes
    -----
    The publication takes cosines, from a last layer with normalised features and weights,
    and multiplies them by 30. A score of boosted trees, or of a network of this package, has
    no such bound: it is a logit already. Therefore ``logit_scale`` is 1, and the margins are at
    most half a logit. With 30 they are those of the publication, 15 logits, which trees need
    many rounds to reach.

    The publication weights the classes late in training only. A `Schedule` does so, with
    ``LDAMLoss()`` for its warm-up and ``LDAMLoss(pos_weight=("effective", 0.9999))`` after
    it.

    References
    ----------
    .. [1] K. Cao, C. Wei, A. Gaidon, N. Arechiga and T. Ma (2019). Learning Imbalanced
       Datasets with Label-Distribution-Aware Margin Loss. NeurIPS.

    Examples
    --------
    >>> from skbudget.objectives import LDAMLoss
    >>> loss = LDAMLoss()
    >>> rows = loss.rows([0] * 16 + [1], [0.0] * 17)
    >>> loss.resolved(rows).pos_margin, loss.resolved(rows).neg_margin
    (0.5, 0.25)
    """

    max_margin: float = 0.5
    logit_scale: float = 1.0
    pos_weight: PosWeight = 1.0

    def __post_init__(self) -> None:
        owner = type(self).__name__
        self.__dict__.update(
            max_margin=check_positive(self.max_margin, "max_margin", owner, minimum=0, maximum=100),
            logit_scale=check_positive(self.logit_scale, "logit_scale", owner, maximum=100),
            pos_weight=check_pos_weight(
                self.pos_weight, owner, least=LEAST_WEIGHT, most=MOST_WEIGHT
            ),
        )

    @property
    def _follows_rows(self) -> bool:
        return True

    def _scaling(self, rows: Rows | None) -> VectorScalingCrossEntropy:
        assert rows is not None
        n_pos, n_neg = rows.positive_weight, rows.negative_weight
        greatest = self.logit_scale * self.max_margin
        # Of the ratio to the rarer class: the unit of the weights cancels out.
        rarer = min(n_pos, n_neg)
        return scaling(
            pos_weight=pos_weight_of(self.pos_weight, rows),
            pos_margin=greatest * (rarer / n_pos) ** 0.25,
            neg_margin=greatest * (rarer / n_neg) ** 0.25,
        )

    @classmethod
    def examples(cls) -> Iterator[tuple[Loss[Any], Rows]]:
        """Yield the loss as it comes, and with a greater scale and a weight."""
        losses = (cls(), cls(logit_scale=4.0, pos_weight=("effective", 0.9)))
        for seed, loss in enumerate(losses):
            yield loss, example_rows(loss, weighted=seed == 1, seed=seed)
