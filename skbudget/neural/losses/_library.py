"""Losses of torch itself, with weights of rows."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ._checks import check_weight

__all__ = ["MeanOfRows", "mean_of"]


class MeanOfRows(nn.Module):
    """A loss of torch, as a mean over rows by their weights.

    Parameters
    ----------
    loss : Module
        A loss with ``reduction="none"``.
    """

    refuses_nonfinite: ClassVar[bool] = False

    def __init__(self, loss: nn.Module) -> None:
        super().__init__()
        self.loss = loss

    def forward(
        self, scores: Tensor, targets: Tensor, *, sample_weight: Tensor | None = None
    ) -> Tensor:
        """Return the loss, shape ().

        Parameters
        ----------
        scores : Tensor of shape (n_rows,) or (n_rows, n_classes)
            Raw scores.
        targets : Tensor of shape (n_rows,)
            Real numbers, or indices of classes.
        sample_weight : Tensor of shape (n_rows,), default=None
            Weights, finite and at least 0.

        Returns
        -------
        loss : Tensor of shape ()
            0 of no rows, or of rows without weight.
        """
        if not targets.is_floating_point():
            targets = targets.long()
        losses = self.loss(scores, targets)
        weight = check_weight(sample_weight, targets, losses.dtype)
        if weight is None:
            weight = torch.ones_like(losses).detach()
        total = weight.sum()
        return (losses * weight).sum() / torch.where(total > 0, total, torch.ones_like(total))


def mean_of(name: str, *, weight: Any = None, **params: Any) -> MeanOfRows:
    """Return a loss of torch by the name of its class, as a mean over rows.

    ``weight`` are weights of classes, one number each.
    """
    if weight is not None:
        params["weight"] = torch.as_tensor(weight, dtype=torch.float32)
    return MeanOfRows(getattr(nn, name)(reduction="none", **params))
