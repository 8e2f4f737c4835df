"""Cross-entropy that asks for a margin, of both classes or of one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from ..._utils.validation import check_option
from .._loss import Loss, example_rows
from .._rows import Rows
from ._class_weight import PosWeight, check_pos_weight, follows_rows, pos_weight_of
from ._scaling import LEAST_WEIGHT, MOST_WEIGHT, check_shift
from .vector_scaling_cross_entropy import (
    VectorScalingCrossEntropy,
    _ClassScaledCrossEntropy,
    scaling,
)

__all__ = ["MarginCrossEntropy"]

Side = Literal["both", "positives", "negatives"]
SIDES = ("both", "positives", "negatives")


@dataclass(frozen=True)
class MarginCrossEntropy(_ClassScaledCrossEntropy):
    r"""Cross-entropy of scores moved against their class by a margin.

    .. math::
        L = \frac{\sum_{i \in P} w_i c \log(1 + e^{m_1 - s_i})
            + \sum_{j \in N} w_j \log(1 + e^{m_0 + s_j})}{\sum_i w_i}

    with :math:`m` = ``margin`` for the classes on ``side`` and 0 otherwise, and
    :math:`c` = ``pos_weight``. The hessian is exact, see `VectorScalingCrossEntropy`.

    Parameters
    ----------
    margin : float, default=0.5
        Margin in logits, in [-1e4, 1e4].
    side : {"both", "positives", "negatives"}, default="both"
        Which classes it is asked of: both (the symmetric margin), or one (the asymmetric
        one, usually of the positives).
    pos_weight : float, "balanced", ("balanced", share) or ("effective", beta), default=1.0
        Weight of a positive, see `VectorScalingCrossEntropy`.

    See Also
    --------
    VectorScalingCrossEntropy : Margins, weights and multipliers.
    LDAMLoss : Margins that follow from the sizes of the classes.

    Examples
    --------
    >>> from skbudget.objectives import MarginCrossEntropy
    >>> round(MarginCrossEntropy(margin=1.0).loss([0, 1], [-1.0, 1.0]), 4)
    0.6931
    """

    margin: float = 0.5
    side: Side = "both"
    pos_weight: PosWeight = 1.0

    def __post_init__(self) -> None:
        owner = type(self).__name__
        margin = check_shift(self.margin, "margin", owner)
        check_option(self.side, "side", SIDES, owner)
        weight = check_pos_weight(self.pos_weight, owner, least=LEAST_WEIGHT, most=MOST_WEIGHT)
        self.__dict__.update(margin=margin, pos_weight=weight)

    @property
    def _follows_rows(self) -> bool:
        return follows_rows(self.pos_weight)

    def _scaling(self, rows: Rows | None) -> VectorScalingCrossEntropy:
        return scaling(
            pos_weight=self.pos_weight if rows is None else pos_weight_of(self.pos_weight, rows),
            pos_margin=0.0 if self.side == "negatives" else self.margin,
            neg_margin=0.0 if self.side == "positives" else self.margin,
        )

    @classmethod
    def examples(cls) -> Iterator[tuple[Loss[Any], Rows]]:
        """Yield the margin of both classes, and of each."""
        losses = (
            cls(),
            cls(margin=2.0, side="positives"),
            cls(margin=1.0, side="negatives", pos_weight=("balanced", 0.5)),
        )
        for seed, loss in enumerate(losses):
            yield loss, example_rows(loss, weighted=seed == 1, seed=seed)
