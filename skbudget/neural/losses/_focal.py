"""Focal loss, sigmoid and softmax."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..._utils.validation import _invalid, _is_real, check_option, check_positive
from ._checks import (
    check_class_weights,
    check_finite,
    check_ignore_index,
    check_targets,
    check_tensor,
    check_weight_values,
    working_precision,
)

__all__ = ["FocalLoss"]

ACTIVATIONS = ("sigmoid", "softmax")
REDUCTIONS = ("mean", "mean_positive", "sum", "none")

# Far below it no row counts that is not wrong for certain.
_MOST_GAMMA = 1e6


class FocalLoss(nn.Module):
    r"""Cross-entropy in which rows that are already right count less [1]_.

    .. math:: L_i = -a_{y_i} (1 - p_i)^{\gamma_{y_i}} \log p_i

    with :math:`p_i` the probability given to the true class.

    Parameters
    ----------
    activation : {"sigmoid", "softmax"}, default="sigmoid"
        "sigmoid" for binary or multilabel targets of the shape of the logits,
        "softmax" for class indices.
    gamma : float, default=2.0
        Focusing exponent; 0 for cross-entropy.
    alpha : float, or sequence of float of shape (num_classes,), default=None
        Weight of the classes. For "sigmoid" one number in [0, 1]: the weight of a
        positive, a negative having ``1 - alpha``. None for 1 throughout.
    gamma_positive : float, default=None
        Focusing exponent of the positives, if it is another; only for "sigmoid".
    label_smoothing : float, default=0.0
        Share of the target that is spread over all classes; only for "softmax".
    ignore_index : int, default=-100
        Target of elements to leave out, as padding.
    reduction : {"mean", "mean_positive", "sum", "none"}, default="mean"
        "mean_positive" divides the sum by the number (or weight) of the elements
        that are not background: of positives, or of classes other than 0.

    See Also
    --------
    WeightedCrossEntropyLoss : All rows, weighted by class.
    HardNegativeCrossEntropyLoss : The negatives ranked highest, up-weighted.

    Notes
    -----
    A mean over nothing is zero. The loss computes in float32 at least.

    References
    ----------
    .. [1] T.-Y. Lin, P. Goyal, R. Girshick, K. He and P. Dollár (2017). Focal Loss
       for Dense Object Detection. ICCV.

    Examples
    --------
    >>> import torch
    >>> from skbudget.neural import FocalLoss
    >>> logits, targets = torch.tensor([0.0, 2.0]), torch.tensor([0, 1])
    >>> round(FocalLoss()(logits, targets).item(), 4)  # the second row hardly counts
    0.0875
    """

    refuses_nonfinite: ClassVar[bool] = True
    alpha: float | Tensor | None

    def __init__(
        self,
        activation: Literal["sigmoid", "softmax"] = "sigmoid",
        *,
        gamma: float = 2.0,
        alpha: float | list[float] | Tensor | None = None,
        gamma_positive: float | None = None,
        label_smoothing: float = 0.0,
        ignore_index: int = -100,
        reduction: Literal["mean", "mean_positive", "sum", "none"] = "mean",
    ) -> None:
        super().__init__()
        owner = type(self).__name__
        self.activation = check_option(activation, "activation", ACTIVATIONS, owner)
        self.gamma = _check_gamma(gamma, "gamma", owner)
        self.gamma_positive: float | None = None
        if gamma_positive is not None:
            self.gamma_positive = _check_gamma(gamma_positive, "gamma_positive", owner)
            if activation == "softmax":
                raise ValueError(
                    "gamma_positive of FocalLoss needs activation='sigmoid', which has positives: "
                    f"got gamma_positive={gamma_positive!r} with activation='softmax'."
                )
        self.label_smoothing = check_positive(label_smoothing, "label_smoothing", owner, minimum=0)
        if self.label_smoothing > 1:
            allowed = "a float in the range [0.0, 1.0]"
            raise _invalid("label_smoothing", label_smoothing, owner, allowed)
        if label_smoothing and activation == "sigmoid":
            raise ValueError(
                "label_smoothing of FocalLoss needs activation='softmax': got "
                f"label_smoothing={label_smoothing!r} with activation='sigmoid'."
            )
        self.reduction = check_option(reduction, "reduction", REDUCTIONS, owner)
        self.ignore_index = check_ignore_index(ignore_index, owner)
        if alpha is None or activation == "sigmoid":
            self.alpha = None if alpha is None else self._positive_weight(alpha)
        else:
            where = " for activation='softmax'"
            self.register_buffer("alpha", check_class_weights(alpha, "alpha", owner, where))

    def _positive_weight(self, alpha: Any) -> float:
        number = alpha.item() if isinstance(alpha, Tensor) and alpha.numel() == 1 else alpha
        if not _is_real(number) or not 0 <= number <= 1:
            allowed = "a float in the range [0.0, 1.0] for activation='sigmoid'"
            raise _invalid("alpha", alpha, type(self).__name__, allowed)
        return float(number)

    def forward(
        self, logits: Tensor, targets: Tensor, *, sample_weight: Tensor | None = None
    ) -> Tensor:
        """Return the loss.

        Parameters
        ----------
        logits : Tensor of shape (n_rows, ...) or, for "softmax", (n_rows, num_classes, ...)
            Raw scores.
        targets : Tensor of shape (n_rows, ...)
            0 and 1 for "sigmoid", class indices for "softmax".
        sample_weight : Tensor that broadcasts to the targets, default=None
            Weights, at least 0.

        Returns
        -------
        loss : Tensor of shape (), or that of the targets for ``reduction="none"``

        Raises
        ------
        FloatingPointError
            If logits are NaN or infinite.
        ValueError
            If a shape, a target or a weight is not as described.
        """
        with working_precision(logits) as logits:
            kept, labels = self._labels(logits, targets)
            shown = kept if self.activation == "sigmoid" else kept.unsqueeze(1)
            logits = logits.masked_fill(~shown, 0.0)
            check_finite(logits, type(self).__name__)
            if self.activation == "sigmoid":
                signed = torch.where(labels == 1, logits, -logits)
                cross_entropy, log_wrong = -F.logsigmoid(signed), F.logsigmoid(-signed)
            else:
                cross_entropy = F.cross_entropy(
                    logits, labels, reduction="none", label_smoothing=self.label_smoothing
                )
                own = F.log_softmax(logits, dim=1).gather(1, labels.unsqueeze(1)).squeeze(1)
                log_wrong = torch.log(-torch.expm1(own.clamp(max=-torch.finfo(own.dtype).tiny)))
            # In logarithms, so that the power has a gradient where the error vanishes.
            loss = cross_entropy
            if self.gamma_positive not in (None, self.gamma):
                of_class = log_wrong.new_tensor([self.gamma, self.gamma_positive])
                focus = of_class[labels]
                loss = cross_entropy * torch.exp(focus * log_wrong)
            elif self.gamma:
                loss = cross_entropy * torch.exp(self.gamma * log_wrong)
            if isinstance(self.alpha, Tensor):
                loss = loss * self.alpha.to(loss)[labels]
            elif self.alpha is not None:
                loss = torch.where(labels == 1, self.alpha * loss, (1.0 - self.alpha) * loss)
            weight = kept.to(loss.dtype)
            if sample_weight is not None:
                weight = weight * self._element_weight(sample_weight, loss)
            return self._reduced(loss * weight, weight, labels)

    def _element_weight(self, sample_weight: Tensor, loss: Tensor) -> Tensor:
        sample_weight = check_tensor(sample_weight, "sample_weight").detach()
        try:
            fits = torch.broadcast_shapes(sample_weight.shape, loss.shape) == loss.shape
        except RuntimeError:
            fits = False
        if not fits:
            raise ValueError(
                f"sample_weight must broadcast to the shape of the targets, {tuple(loss.shape)}: "
                f"got {tuple(sample_weight.shape)}."
            )
        return check_weight_values(sample_weight, loss.dtype)

    def _labels(self, logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return which elements count, and their class, 0 for the others."""
        check_tensor(targets, "targets")
        if logits.ndim == 0:
            raise ValueError("logits must have shape (n_rows, ...): got ().")
        of_softmax = self.activation == "softmax"
        if of_softmax and logits.ndim < 2:
            raise ValueError(
                "logits must have shape (n_rows, num_classes, ...) for activation='softmax': "
                f"got {tuple(logits.shape)}."
            )
        wanted = (logits.shape[0], *logits.shape[2:]) if of_softmax else tuple(logits.shape)
        if tuple(targets.shape) != wanted:
            raise ValueError(
                f"targets must have shape {wanted} beside logits of shape "
                f"{tuple(logits.shape)}: got {tuple(targets.shape)}."
            )
        targets = targets if targets.is_floating_point() else targets.long()
        kept = targets != self.ignore_index
        labels = targets.masked_fill(~kept, 0)
        check_targets(labels, logits.shape[1] if of_softmax else 1)
        if isinstance(self.alpha, Tensor) and self.alpha.numel() != logits.shape[1]:
            raise ValueError(
                f"alpha of FocalLoss must have shape ({logits.shape[1]},), one weight per column "
                f"of logits: got {tuple(self.alpha.shape)}."
            )
        return kept, labels.long()

    def _reduced(self, loss: Tensor, weight: Tensor, labels: Tensor) -> Tensor:
        if self.reduction == "none":
            return loss
        if self.reduction == "sum":
            return loss.sum()
        mass = (weight * (labels > 0)).sum() if self.reduction == "mean_positive" else weight.sum()
        return loss.sum() / torch.where(mass > 0, mass, torch.ones_like(mass))


def _check_gamma(value: Any, name: str, owner: str) -> float:
    gamma = check_positive(value, name, owner, minimum=0)
    if gamma > _MOST_GAMMA:
        raise _invalid(name, value, owner, f"a float in the range [0.0, {_MOST_GAMMA:g}]")
    return gamma
