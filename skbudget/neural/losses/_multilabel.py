"""Cross-entropy of several labels per row."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..._utils.validation import _invalid
from ._checks import (
    check_class_weights,
    check_finite,
    check_ignore_index,
    check_tensor,
    check_weight,
    working_precision,
)

__all__ = ["MultilabelCrossEntropyLoss"]


class MultilabelCrossEntropyLoss(nn.Module):
    r"""Mean of the binary cross-entropies of several labels per row.

    .. math:: L = \frac{\sum_i w_i \frac1K \sum_k \ell_{ik}}{\sum_i w_i}, \qquad
        \ell_{ik} = c_k y_{ik} \log(1 + e^{-s_{ik}}) + (1 - y_{ik}) \log(1 + e^{s_{ik}})

    It is ``torch.nn.BCEWithLogitsLoss`` with weights of rows, and entries that are left out.

    Parameters
    ----------
    pos_weight : sequence of float of shape (n_labels,), default=None
        Weight :math:`c_k` of the positives of each label; None for 1.
    ignore_index : int, default=-100
        Target of entries to leave out: rows of padding, or labels that are not known. The mean
        of a row is over the others.

    See Also
    --------
    WeightedCrossEntropyLoss : One of several classes per row, or one label.
    Head : Targets of different kinds, and entries that are not known.

    Notes
    -----
    A mean over nothing is zero. The sum over labels is ``n_labels`` times the mean.

    Examples
    --------
    >>> import torch
    >>> from skbudget.neural import MultilabelCrossEntropyLoss
    >>> targets = torch.tensor([[0, 1, 0], [1, 1, 0]])
    >>> round(MultilabelCrossEntropyLoss()(torch.zeros(2, 3), targets).item(), 4)
    0.6931
    """

    refuses_nonfinite: ClassVar[bool] = True
    # What `PAUCClassifier` hands it: indicators, and a score for each label.
    target: ClassVar[str] = "labels"
    margins: ClassVar[str] = "classes"
    pos_weight: Tensor | None

    def __init__(self, pos_weight: Any = None, *, ignore_index: int = -100) -> None:
        super().__init__()
        owner = type(self).__name__
        self.ignore_index = check_ignore_index(ignore_index, owner)
        weights = None
        if pos_weight is not None:
            weights = check_class_weights(pos_weight, "pos_weight", owner)
            if not bool((weights > 0).all()):
                allowed = "numbers in the range (0.0, inf), one per label, or None"
                raise _invalid("pos_weight", pos_weight, owner, allowed)
        self.register_buffer("pos_weight", weights)

    def forward(
        self,
        logits: Tensor,
        targets: Tensor,
        *,
        sample_weight: Tensor | None = None,
    ) -> Tensor:
        """Return the loss, shape ().

        Parameters
        ----------
        logits : Tensor of shape (n_rows, n_labels)
            Raw scores.
        targets : Tensor of shape (n_rows, n_labels)
            1 where a row has the label, otherwise 0.
        sample_weight : Tensor of shape (n_rows,), default=None
            Weights, finite and at least 0.

        Returns
        -------
        loss : Tensor of shape ()

        Raises
        ------
        FloatingPointError
            If logits are NaN or infinite.
        ValueError
            If shapes, targets or weights are not as described.
        """
        with working_precision(logits) as logits:
            targets = self._checked(logits, targets)
            rows = targets[:, 0]
            weight = check_weight(sample_weight, rows, logits.dtype)
            known = targets != self.ignore_index
            check_finite(logits[known], type(self).__name__)
            if not bool(known.any()):
                # A zero that keeps the graph.
                return logits[:0].sum()
            wrong = targets[known & (targets != 0) & (targets != 1)]
            if wrong.numel():
                raise ValueError(f"targets must be 0 or 1: got {wrong[:5].tolist()}.")
            losses = F.binary_cross_entropy_with_logits(
                logits.masked_fill(~known, 0.0),
                targets.clamp(0, 1).to(logits.dtype),
                pos_weight=None if self.pos_weight is None else self.pos_weight.to(logits),
                reduction="none",
            ).masked_fill(~known, 0.0)
            counted = known.sum(dim=1)
            of_rows = losses.sum(dim=1) / counted.clamp(min=1)
            share = (counted > 0).to(logits.dtype)
            share = share if weight is None else share * weight
            total = share.sum()
            return (share * of_rows).sum() / torch.where(total > 0, total, 1.0)

    def _checked(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the targets, of the shape of the logits."""
        targets = check_tensor(targets, "targets").detach()
        if logits.ndim != 2 or logits.shape[1] < 1:
            raise ValueError(
                f"logits must have shape (n_rows, n_labels): got {tuple(logits.shape)}."
            )
        if targets.shape != logits.shape:
            raise ValueError(
                f"targets must have shape {tuple(logits.shape)}, as logits have: got "
                f"{tuple(targets.shape)}."
            )
        if self.pos_weight is not None and self.pos_weight.numel() != logits.shape[1]:
            raise ValueError(
                f"pos_weight must have one entry per label, and there are {logits.shape[1]}: got "
                f"{self.pos_weight.numel()}."
            )
        return targets
