"""A penalty of the ranks of the positives, as a torch loss."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ..._utils.validation import check_positive
from ...objectives.losses._ranks import LEAST_WIDTH, MOST_POWER, MOST_WIDTH
from ._checks import check_flag
from ._critical_rank import dispersion_of_negatives
from ._queue import Pool
from ._ranking import RankingLoss, Reduction, weighed_rows

__all__ = ["RankRegLoss"]


class RankRegLoss(RankingLoss):
    r"""A power of the ranks of the positives among the batch and past rows.

    With the weight :math:`W_i` of the rows above row :math:`i` and half of that of the rows at
    its score, itself included,

    .. math::
        R = \frac{1}{\sum_{i \in P} w_i} \sum_{i \in P} w_i \rho_i^p, \qquad
        \rho_i = W_i / \sum_k w_k

    A positive costs the more, and with :math:`p > 1` increasingly so, the further down it is
    ranked. It is written after [1]_; the power and the normalisation are ours. It is a
    regulariser: add it to a loss of every row, as ``PAUCClassifier(regularizer="rank_reg")``
    does.

    A rank is a step. Its derivative is that of an interpolation [2]_: move the scores by
    :math:`\lambda g` with :math:`g = \partial R / \partial W` per weight, and take
    :math:`w_k (W_k(s + \lambda g) - W_k(s)) / \lambda`. Ties have their mean rank on both
    sides. :math:`\lambda` is such that the positive with the greatest :math:`g` moves by
    ``interpolation`` times the dispersion of the negatives. What the loss is multiplied by
    afterwards (a weight of the regulariser, a scale of mixed precision) multiplies its
    gradient, and leaves :math:`\lambda` as it is.

    A class without a positive, without a negative, or whose positives weigh nothing has no
    loss and is left out of the reduction.

    Parameters
    ----------
    num_classes : int, default=1
        Columns of the logits: 1 for a binary target, otherwise each class is ranked
        against the rest.
    power : float, default=2.0
        Power :math:`p`, in [1, 1000]; 1 for the AUC.
    interpolation : float, default=1.0
        Width of the interpolation, in units of the interquartile range of the iid negatives
        (of raw score, where that is 0).
    queue_size : int, default=1024
        Past rows to rank with, 0 for none. Ranks within a batch say little where it holds
        one positive or none.
    weighted_budget : bool, default=False
        What a sample weight stands for. False: the importance of a positive, which counts
        in the mean and not in the ranks. True: the row repeated.
    max_pool_size : int, default=None
        Rows to rank at most; more are subsampled, half of the places shared evenly between
        the classes. Draws from torch's generator, once in a step.
    ignore_index : int, default=-100
        Target of rows to leave out, as padding.
    reduction : {"mean", "sum", "none"}, default="mean"
        Over the classes that have a loss.
    update_queue_in_eval : bool, default=False
        Whether ``eval()`` mode fills the queue too.
    gather_distributed : bool, default=None
        Whether to rank with the rows of the other ranks of a data-parallel job; None if
        there are any.

    Attributes
    ----------
    queue : MemoryQueue
        Rows of past batches; part of the ``state_dict``. Their scores are stale after a
        change of the loss: call `reset_queue` then, as `LossWarmup` does.

    See Also
    --------
    skbudget.objectives.RankReg : The same in NumPy.
    CriticalRankLoss : The smooth form, whose gradient does not depend on a width.

    Notes
    -----
    Ranks are computed in double precision, whatever the logits have.

    References
    ----------
    .. [1] S. Mohammadi, H. Zhao, M. Zhai and F. Tung (2023). Ranking Regularization for
       Critical Rare Classes: Minimizing False Positives at a High True Positive Rate. CVPR.
    .. [2] M. Vlastelica, A. Paulus, V. Musil, G. Martius and M. Rolinek (2020).
       Differentiation of Blackbox Combinatorial Solvers. ICLR.

    Examples
    --------
    >>> import torch
    >>> from skbudget.neural import RankRegLoss
    >>> logits = torch.tensor([0.0, -1.0, 1.0, 2.0, 2.5, 3.0], requires_grad=True)
    >>> value = RankRegLoss()(logits, torch.tensor([1, 0, 0, 0, 1, 0]))
    >>> value.backward()
    >>> round(value.item(), 3), logits.grad.numpy().round(3)
    (0.312, array([-0.094,  0.   ,  0.062,  0.031, -0.062,  0.062], dtype=float32))
    """

    def __init__(
        self,
        num_classes: int = 1,
        *,
        power: float = 2.0,
        interpolation: float = 1.0,
        queue_size: int = 1024,
        weighted_budget: bool = False,
        max_pool_size: int | None = None,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
        update_queue_in_eval: bool = False,
        gather_distributed: bool | None = None,
    ) -> None:
        super().__init__(
            num_classes,
            temperature=1.0,
            queue_size=queue_size,
            reduction=reduction,
            ignore_index=ignore_index,
            update_queue_in_eval=update_queue_in_eval,
            gather_distributed=gather_distributed,
            max_pool_size=max_pool_size,
        )
        # Nothing is compared smoothly, so that nothing can be sharpened.
        self.temperature = None  # type: ignore[assignment]
        owner = type(self).__name__
        self.power = check_positive(power, "power", owner, minimum=1, maximum=MOST_POWER)
        self.interpolation = check_positive(
            interpolation, "interpolation", owner, minimum=LEAST_WIDTH, maximum=MOST_WIDTH
        )
        self.weighted_budget = check_flag(weighted_budget, "weighted_budget", owner)

    def extra_repr(self) -> str:
        """Return what a printed loss shows."""
        return (
            f"power={self.power:g}, interpolation={self.interpolation:g}, "
            f"queue_size={self.queue_size}"
        )

    def _class_loss(
        self, scores: Tensor, positive: Tensor, pool: Pool, return_diagnostics: bool
    ) -> tuple[Tensor | None, dict[str, Any]]:
        repeats = pool.weight if self.weighted_budget else None
        negative = ~positive if repeats is None else ~positive & (repeats > 0)
        if weighed_rows(positive, pool) is None or not bool(negative.any()):
            return None, {}
        spread = dispersion_of_negatives(scores, positive, pool, repeats, type(self).__name__)
        loss = _RankPenalty.apply(
            scores,
            positive,
            self.power,
            self.interpolation * float(spread),
            repeats,
            pool.weight,
        )
        return loss, {}


class _RankPenalty(torch.autograd.Function):
    """The penalty, and the gradient of its interpolation for the penalty itself.

    The width depends on nothing that comes after the penalty: `backward` multiplies.
    """

    @staticmethod
    def forward(
        ctx: Any,
        scores: Tensor,
        positive: Tensor,
        power: float,
        reach: float,
        repeats: Tensor | None,
        importance: Tensor | None,
    ) -> Tensor:
        wide = torch.float32 if scores.device.type == "mps" else torch.float64
        at = scores.to(wide)
        mass = torch.ones_like(at) if repeats is None else repeats.to(wide)
        worth = torch.where(positive, 1.0 if importance is None else importance.to(wide), 0.0)
        worth = worth.to(wide) / worth.sum().to(wide)
        ranks, total = mid_ranks(at, mass), mass.sum()
        share = ranks / total
        loss = worth @ share**power
        # What the penalty changes by with the rank of a row, per weight of the row.
        slope = worth * power * share ** (power - 1.0) / total
        slope = torch.where(mass > 0, slope / mass.where(mass > 0, 1.0), 0.0)
        steepest = slope.max()
        moved = mid_ranks(at + reach * (slope / steepest), mass) - ranks
        gradient = mass * moved * (steepest / reach)
        ctx.save_for_backward(gradient.to(scores.dtype))
        return loss.to(scores.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = ctx.saved_tensors
        return grad * gradient, None, None, None, None, None


def mid_ranks(scores: Tensor, mass: Tensor) -> Tensor:
    """Return the mass of the rows above each row, and half of that at its score.

    Parameters
    ----------
    scores, mass : Tensor of shape (n_rows,)
        Scores and masses, in double precision.

    Returns
    -------
    ranks : Tensor of shape (n_rows,)
    """
    levels, level = torch.unique(scores, return_inverse=True)
    at_level = torch.zeros_like(levels).index_add_(0, level, mass)
    above = at_level.flip(0).cumsum(0).flip(0) - at_level
    return (above + at_level / 2)[level]
