"""Soft recall above a score quantile, as a torch loss."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from ..._utils.validation import check_budget, check_option
from ._band import INTERPOLATIONS, Interpolation, upper_quantile
from ._queue import Pool
from ._ranking import RankingLoss, Reduction, weighed_rows, weighted_mean

__all__ = ["RecallAtQuantileLoss"]


class RecallAtQuantileLoss(RankingLoss):
    r"""One minus the soft recall among the top rows: a threshold, not a band.

    The threshold :math:`\theta` is the score that a fraction ``budget`` of all rows
    reaches. It is held constant:

    .. math:: L = 1 - \frac{1}{|P|} \sum_{i \in P} \sigma\left((s_i - \theta) / \tau\right)

    Only positives have a gradient. A class without a positive, or whose positives
    weigh nothing, has no loss and is left out of the reduction.

    Parameters
    ----------
    num_classes : int, default=1
        Columns of the logits: 1 for a binary target, otherwise each class is
        ranked against the rest.
    budget : float, default=0.005
        Share of all rows that can be reviewed, a fraction in (0, 1].
    temperature : float, default=0.01
        Sharpness of the threshold, in score units.
    queue_size : int, default=1024
        Past rows to compare with, 0 for none.
    quantile_interpolation : str, default="rank"
        Definition of the quantile: "rank" for the score at rank ``ceil(budget * n)``,
        or a method of `torch.quantile`: "linear", "lower", "higher", "nearest" or
        "midpoint".
    max_pool_size : int, default=None
        Rows to compare at most; more are subsampled, half of the places shared
        evenly between the classes. Draws from torch's generator, once in a step.
    ignore_index : int, default=-100
        Target of rows to leave out, as padding.
    reduction : {"mean", "sum", "none"}, default="mean"
        Over the classes that have a loss.
    update_queue_in_eval : bool, default=False
        Whether ``eval()`` mode fills the queue too.
    gather_distributed : bool, default=None
        Whether to compare with the rows of the other ranks of a data-parallel job;
        None if there are any.

    See Also
    --------
    PAUCAtBudgetLoss : A band of thresholds instead of one.
    SmoothAPLoss : The whole ranking.

    Notes
    -----
    ``iid_mask`` has no effect here: the threshold is that of all rows. Weights are those
    of the positives (or what catching them is worth, in any unit); the threshold counts rows.

    Examples
    --------
    >>> import torch
    >>> from skbudget.neural import RecallAtQuantileLoss
    >>> loss = RecallAtQuantileLoss(budget=0.5, temperature=1.0)
    >>> scores, targets = torch.tensor([0.0, 1.0, 2.0, 3.0]), torch.tensor([0, 1, 0, 1])
    >>> round(loss(scores, targets).item(), 3)  # sigmoid of -1 and of 1
    0.5
    """

    has_sparse_gradient: ClassVar[bool] = True

    def __init__(
        self,
        num_classes: int = 1,
        *,
        budget: float = 0.005,
        temperature: float = 0.01,
        queue_size: int = 1024,
        quantile_interpolation: Interpolation = "rank",
        max_pool_size: int | None = None,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
        update_queue_in_eval: bool = False,
        gather_distributed: bool | None = None,
    ) -> None:
        super().__init__(
            num_classes,
            temperature=temperature,
            queue_size=queue_size,
            reduction=reduction,
            ignore_index=ignore_index,
            update_queue_in_eval=update_queue_in_eval,
            gather_distributed=gather_distributed,
            max_pool_size=max_pool_size,
        )
        owner = type(self).__name__
        self.budget = check_budget(budget, owner)
        self.quantile_interpolation = check_option(
            quantile_interpolation, "quantile_interpolation", INTERPOLATIONS, owner
        )

    def _class_loss(
        self, scores: Tensor, positive: Tensor, pool: Pool, return_diagnostics: bool
    ) -> tuple[Tensor | None, dict[str, Any]]:
        weighed = weighed_rows(positive, pool)
        if weighed is None:
            return None, {}
        rows, weight = weighed
        threshold = upper_quantile(scores.detach(), self.budget, self.quantile_interpolation)
        hits = torch.sigmoid((scores[rows] - threshold) / self.temperature)
        return 1.0 - weighted_mean(hits, weight), {}
