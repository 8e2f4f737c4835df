"""Cross-entropy with a weight, a margin and a multiplier for each class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from ...objectives.losses._scaling import (
    RANGES,
    binary_parameters,
    check_multiplier,
    check_numbers,
    check_shift,
    check_weight,
    softmax_parameters,
)
from ._cross_entropy import WeightedCrossEntropyLoss

__all__ = [
    "VectorScalingCrossEntropyLoss",
    "VectorScalingSoftmaxLoss",
    "binary_losses",
    "softmax_losses",
]


def binary_losses(
    scores: Tensor,
    positive: Tensor,
    pos_multiplier: Any,
    neg_multiplier: Any,
    pos_margin: Any,
    neg_margin: Any,
) -> Tensor:
    """Return the cross-entropy of each row, shape (n_rows,).

    Parameters
    ----------
    scores : Tensor of shape (n_rows,)
    positive : Tensor of shape (n_rows,), dtype=bool
    pos_multiplier, neg_multiplier, pos_margin, neg_margin : float or Tensor
        Of shape () or (n_rows,). Tensors may have a gradient.
    """
    of_positives = pos_multiplier * scores - pos_margin
    of_negatives = -neg_margin - neg_multiplier * scores
    return -F.logsigmoid(torch.where(positive, of_positives, of_negatives))


def softmax_losses(
    logits: Tensor, classes: Tensor, multiplier: Any, shift: Any, margin: Tensor | None
) -> Tensor:
    """Return the cross-entropy of each row, shape (n_rows,).

    Parameters
    ----------
    logits : Tensor of shape (n_rows, n_classes)
    classes : Tensor of shape (n_rows,), dtype=int64
    multiplier, shift : float, or Tensor of shape (n_classes,)
        They may have a gradient, and so may the margins.
    margin : Tensor of shape (n_classes,) or None
    """
    z = multiplier * logits + shift
    if margin is not None:
        own = F.one_hot(classes, logits.shape[1]).to(z.dtype)
        z = z - own * margin
    return F.cross_entropy(z, classes, reduction="none")


class VectorScalingCrossEntropyLoss(WeightedCrossEntropyLoss):
    r"""Cross-entropy with a weight, a margin and a multiplier for each of two classes.

    .. math::
        L = \frac{\sum_{i \in P} w_i c_1 \log(1 + e^{\iota_1 - \Delta_1 s_i})
            + \sum_{j \in N} w_j c_0 \log(1 + e^{\iota_0 + \Delta_0 s_j})}{\sum_i w_i}

    with weights :math:`c`, margins :math:`\iota` and multipliers :math:`\Delta` of the
    positives (1) and the negatives (0).

    Parameters
    ----------
    pos_weight : float or "balanced", default=1.0
        Weight of a positive; "balanced" gives both classes of a batch the same total.
    neg_weight : float, default=1.0
        Weight of a negative, in [1e-20, 1e20].
    pos_multiplier, neg_multiplier : float, default=1.0
        Multipliers of the scores, in [1e-6, 1e6].
    pos_margin, neg_margin : float, default=0.0
        Margins, in [-1e4, 1e4] logits.
    ignore_index : int, default=-100
        Target of rows to leave out, as padding.

    See Also
    --------
    VectorScalingSoftmaxLoss : The same for several classes.
    skbudget.objectives.VectorScalingCrossEntropy : The same in NumPy, with a hessian.

    Notes
    -----
    The sum is divided by the weight of the rows, and not by that times the weight of their
    class, as torch's weighted mean is.

    Examples
    --------
    >>> import torch
    >>> from skbudget.neural import VectorScalingCrossEntropyLoss
    >>> loss = VectorScalingCrossEntropyLoss(pos_weight=2.0, pos_margin=1.0)
    >>> round(loss(torch.tensor([0.0, 1.0]), torch.tensor([0, 1])).item(), 4)
    1.0397
    """

    def __init__(
        self,
        pos_weight: float | Literal["balanced"] = 1.0,
        *,
        neg_weight: float = 1.0,
        pos_multiplier: float = 1.0,
        neg_multiplier: float = 1.0,
        pos_margin: float = 0.0,
        neg_margin: float = 0.0,
        ignore_index: int = -100,
    ) -> None:
        super().__init__(pos_weight, ignore_index=ignore_index)
        owner = type(self).__name__
        self.neg_weight = check_weight(neg_weight, "neg_weight", owner)
        self.pos_multiplier = check_multiplier(pos_multiplier, "pos_multiplier", owner)
        self.neg_multiplier = check_multiplier(neg_multiplier, "neg_multiplier", owner)
        self.pos_margin = check_shift(pos_margin, "pos_margin", owner)
        self.neg_margin = check_shift(neg_margin, "neg_margin", owner)

    @classmethod
    def from_counts(
        cls,
        n_pos: float,
        n_neg: float,
        *,
        gamma: float = 0.0,
        tau: float = 0.0,
        beta: float | None = None,
        ignore_index: int = -100,
    ) -> VectorScalingCrossEntropyLoss:
        """Return the loss whose parameters follow from the sizes of the classes.

        Parameters
        ----------
        n_pos, n_neg : float
            Number, or weight, of the rows of each class, greater than 0.
        gamma, tau : float, default=0.0
            As in `skbudget.objectives.VectorScalingCrossEntropy.from_counts`.
        beta : float, default=None
            As there.
        ignore_index : int, default=-100
            Target of rows to leave out, as padding.

        Returns
        -------
        loss : VectorScalingCrossEntropyLoss
        """
        owner = f"{cls.__name__}.from_counts"
        found = binary_parameters(n_pos, n_neg, gamma, tau, beta, owner)
        return cls(**found, ignore_index=ignore_index)

    def _check_class_weight(self, n_columns: int) -> None:
        if n_columns > 1:
            raise ValueError(
                f"{type(self).__name__} takes one column of logits: got {n_columns}. Use "
                "VectorScalingSoftmaxLoss."
            )

    def _binary_losses(self, scores: Tensor, targets: Tensor) -> Tensor:
        return binary_losses(
            scores,
            targets == 1,
            self.pos_multiplier,
            self.neg_multiplier,
            self.pos_margin,
            self.neg_margin,
        )

    def _row_weight(
        self,
        scores: Tensor,
        positive: Tensor,
        weight: Tensor,
        iid_mask: Tensor | None,
        hard_mask: Tensor | None,
    ) -> Tensor:
        share = super()._row_weight(scores, positive, weight, iid_mask, hard_mask)
        if self.neg_weight == 1.0:
            return share
        weighted = self.neg_weight * share
        # "balanced" is a ratio to the negatives.
        return weighted if self.pos_weight == "balanced" else torch.where(positive, share, weighted)


class VectorScalingSoftmaxLoss(WeightedCrossEntropyLoss):
    r"""Softmax cross-entropy with a weight, shift, margin and multiplier for each class.

    .. math::
        L = -\frac{1}{\sum_i w_i} \sum_i w_i c_{y_i}
            \log \frac{e^{z_{i y_i}}}{\sum_k e^{z_{ik}}}, \qquad
        z_{ik} = \Delta_k s_{ik} + l_k - m_k [k = y_i]

    One column of logits is the score of the second of two classes, and the first has 0.

    Parameters
    ----------
    weight : sequence of float, default=None
        Weights :math:`c` of the classes, in [1e-20, 1e20]; None for 1.
    multiplier : sequence of float, default=None
        Multipliers :math:`\Delta` of the scores, in [1e-6, 1e6]; None for 1.
    shift : sequence of float, default=None
        Shifts :math:`l`, in [-1e4, 1e4]; None for 0.
    margin : sequence of float, default=None
        Margins :math:`m`, in [-1e4, 1e4]; None for 0.
    ignore_index : int, default=-100
        Target of rows to leave out, as padding.

    See Also
    --------
    VectorScalingCrossEntropyLoss : Two classes, and one score for both.
    skbudget.objectives.VectorScalingSoftmax : The same in NumPy, with a hessian.

    Notes
    -----
    The sum is divided by the weight of the rows, and not by that times the weight of their
    class, as torch's weighted mean is.

    Examples
    --------
    >>> import torch
    >>> from skbudget.neural import VectorScalingSoftmaxLoss
    >>> loss = VectorScalingSoftmaxLoss.from_counts([100, 10, 1], tau=1.0)
    >>> round(loss(torch.zeros(3, 3), torch.tensor([0, 1, 2])).item(), 4)
    2.4069
    """

    weight: Tensor | None
    multiplier: Tensor | None
    shift: Tensor | None
    margin: Tensor | None

    def __init__(
        self,
        weight: Sequence[float] | Tensor | None = None,
        *,
        multiplier: Sequence[float] | Tensor | None = None,
        shift: Sequence[float] | Tensor | None = None,
        margin: Sequence[float] | Tensor | None = None,
        ignore_index: int = -100,
    ) -> None:
        super().__init__(ignore_index=ignore_index)
        given = {"weight": weight, "multiplier": multiplier, "shift": shift, "margin": margin}
        for name, values in given.items():
            if isinstance(values, Tensor):
                values = values.detach().tolist()
            checked = check_numbers(values, name, type(self).__name__, *RANGES[name])
            tensor = None if checked is None else torch.tensor(checked, dtype=torch.float64)
            self.register_buffer(name, tensor)

    @classmethod
    def from_counts(
        cls,
        counts: Any,
        *,
        gamma: float = 0.0,
        tau: float = 0.0,
        beta: float | None = None,
        ignore_index: int = -100,
    ) -> VectorScalingSoftmaxLoss:
        """Return the loss whose parameters follow from the sizes of the classes.

        Parameters
        ----------
        counts : array-like of shape (n_classes,)
            Number, or weight, of the rows of each class, greater than 0.
        gamma, tau : float, default=0.0
            As in `skbudget.objectives.VectorScalingSoftmax.from_counts`.
        beta : float, default=None
            As there.
        ignore_index : int, default=-100
            Target of rows to leave out, as padding.

        Returns
        -------
        loss : VectorScalingSoftmaxLoss
        """
        owner = f"{cls.__name__}.from_counts"
        found: dict[str, Any] = dict(softmax_parameters(counts, gamma, tau, beta, owner))
        return cls(**found, ignore_index=ignore_index)

    def _check_class_weight(self, n_columns: int) -> None:
        n_classes = max(n_columns, 2)
        for name in RANGES:
            values = getattr(self, name)
            if values is not None and values.numel() != n_classes:
                raise ValueError(
                    f"{name} of {type(self).__name__} must have shape ({n_classes},), one entry "
                    f"per class, beside {n_columns} columns of logits: got {tuple(values.shape)}."
                )

    def _binary_losses(self, scores: Tensor, targets: Tensor) -> Tensor:
        both = torch.stack([torch.zeros_like(scores), scores], dim=1)
        return self._softmax_losses(both, targets.long())

    def _softmax_losses(self, logits: Tensor, targets: Tensor) -> Tensor:
        weight, multiplier, shift, margin = (
            None if values is None else values.to(logits)
            for values in (self.weight, self.multiplier, self.shift, self.margin)
        )
        losses = softmax_losses(
            logits,
            targets,
            1.0 if multiplier is None else multiplier,
            0.0 if shift is None else shift,
            margin,
        )
        return losses if weight is None else weight[targets] * losses
