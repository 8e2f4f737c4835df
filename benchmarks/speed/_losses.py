"""Times of steps of the torch loss, against the losses of other packages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skbudget.cli._threads import torch_threads

from ._effort import Effort
from ._results import Turns
from .loss_cost import paired_seconds, time_steps

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["step_imbalanced_losses", "step_libauc"]

OURS = "PAUCAtBudgetLoss"


def _turns(setting: str, peer: str, pairs: list[tuple[float, float]], effort: Effort) -> Turns:
    ours, theirs = zip(*pairs)
    return Turns(
        part="losses",
        setting=f"{setting}, {100 * effort.loss_pos_rate:g} % positives, forward and backward",
        rows=effort.loss_batch,
        seconds={OURS: ours, peer: theirs},
        unit="step",
    )


def step_imbalanced_losses(surrogate: str, effort: Effort) -> Turns:
    """Time steps of our loss and of its namesake in imbalanced-losses with full queues.

    Parameters
    ----------
    surrogate : {"pairwise", "trapezoid"}
        Surrogate of the partial AUC.
    effort : Effort
        Sizes.

    Returns
    -------
    turns : Turns
    """
    with torch_threads(effort.n_jobs):
        pairs = paired_seconds(
            surrogate,
            effort.loss_batch,
            effort.loss_queue,
            effort.loss_pos_rate,
            effort.loss_steps,
        )
    setting = f"{surrogate}, queue of {effort.loss_queue} rows"
    return _turns(setting, "imbalanced-losses", pairs, effort)


def step_libauc(effort: Effort) -> Turns:
    """Time steps of our loss without a queue and of LibAUC's partial AUC, which has no queue.

    Parameters
    ----------
    effort : Effort
        Sizes.

    Returns
    -------
    turns : Turns
    """
    import torch
    from libauc.losses import pAUC_DRO_Loss

    from skbudget.neural import PAUCAtBudgetLoss

    ours = PAUCAtBudgetLoss(1, queue_size=0)
    dro = pAUC_DRO_Loss(data_len=effort.loss_batch, device=torch.device("cpu"))
    rows = torch.arange(effort.loss_batch)

    def theirs(logits: Tensor, targets: Tensor) -> Tensor:
        # It gets probabilities, as in its tutorials, because it exponentiates squares.
        return dro(torch.sigmoid(logits), targets, rows)

    with torch_threads(effort.n_jobs):
        pairs = time_steps(
            (ours, theirs), effort.loss_batch, effort.loss_pos_rate, effort.loss_steps
        )
    return _turns("pairwise, no queue", "LibAUC pAUC_DRO_Loss", pairs, effort)
