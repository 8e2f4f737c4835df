"""Losses of torch itself, with weights of rows."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ._checks import check_weight, working_precision

__all__ = ["MeanOfRows", "mean_of"]


class MeanOfRows(nn.Module):
    """A loss of torch, as a mean over rows by their weights.

    Parameters
    ----------
    loss : Module
        A loss with ``reduction="none"``.
    class_weight : sequence of float, default=None
        Weights of the classes.
    """

    class_weight: Tensor | None

    def __init__(self, loss: nn.Module, class_weight: Any = None) -> None:
        super().__init__()
        self.loss = loss
        weights = None if class_weight is None else torch.as_tensor(class_weight).double()
        self.register_buffer("class_weight", weights)

    def forward(
        self, logits: Tensor, targets: Tensor, *, sample_weight: Tensor | None = None
    ) -> Tensor:
        """Return the loss, shape ().

        Parameters
        ----------
        logits : Tensor of shape (n_rows,) or (n_rows, n_classes)
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
        with working_precision(logits) as logits:
            losses = self.loss(logits, targets)
            weight = check_weight(sample_weight, targets, losses.dtype)
            weight = torch.ones_like(losses).detach() if weight is None else weight
            total = weight.sum()
            if self.class_weight is not None:
                weight = weight * self.class_weight.to(losses)[targets]
            return (losses * weight).sum() / torch.where(total > 0, total, torch.ones_like(total))


def mean_of(name: str, *, class_weight: Any = None, **params: Any) -> MeanOfRows:
    """Return a loss of torch by the name of its class, as a mean over rows."""
    return MeanOfRows(getattr(nn, name)(reduction="none", **params), class_weight)
