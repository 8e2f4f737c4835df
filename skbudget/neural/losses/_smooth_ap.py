"""Smoothed average precision, as a torch loss."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ._pairs import smooth_precision
from ._queue import Pool
from ._ranking import RankingLoss, Reduction, weighed_rows

__all__ = ["SmoothAPLoss"]


class SmoothAPLoss(RankingLoss):
    r"""One minus the smoothed average precision [1]_: the whole ranking, not a band.

    With :math:`r_i = 1 + \sum_{j \ne i} \sigma((s_j - s_i) / \tau)` the soft rank of a
    positive among all rows and :math:`r_i^+` its soft rank among the positives,

    .. math:: L = 1 - \frac{1}{|P|} \sum_{i \in P} \frac{r_i^+}{r_i}

    A class without a positive, without a negative, or whose positives weigh nothing
    has no loss and is left out of the reduction.

    Parameters
    ----------
    num_classes : int, default=1
        Columns of the logits: 1 for a binary target, otherwise each class is
        ranked against the rest.
    temperature : float, default=0.01
        Sharpness of the soft rank, in score units.
    queue_size : int, default=1024
        Past rows to compare with, 0 for none.
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
    PAUCAtBudgetLoss : A band at the top instead of the whole ranking.
    RecallAtQuantileLoss : One threshold.

    Notes
    -----
    ``iid_mask`` has no effect here. Weights are those of the positives (or what catching
    them is worth, in any unit); ranks count rows. Time is linear in positives times
    rows, memory in rows.

    References
    ----------
    .. [1] A. Brown, W. Xie, V. Kalogeiton and A. Zisserman (2020). Smooth-AP:
       Smoothing the Path Towards Large-Scale Image Retrieval. ECCV.

    Examples
    --------
    >>> import torch
    >>> from skbudget.neural import SmoothAPLoss
    >>> loss = SmoothAPLoss(temperature=0.1)
    >>> round(loss(torch.tensor([0.0, 1.0, 2.0]), torch.tensor([0, 1, 0])).item(), 3)
    0.5
    """

    def __init__(
        self,
        num_classes: int = 1,
        *,
        temperature: float = 0.01,
        queue_size: int = 1024,
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

    def _class_loss(
        self, scores: Tensor, positive: Tensor, pool: Pool, return_diagnostics: bool
    ) -> tuple[Tensor | None, dict[str, Any]]:
        weighed = weighed_rows(positive, pool)
        if weighed is None or bool(positive.all()):
            return None, {}
        rows, weight = weighed
        return 1.0 - smooth_precision(scores, rows, self.temperature, weight), {}
