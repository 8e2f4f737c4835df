"""Cross-entropy, weighted by class or by mined hard negatives: baselines and warm-up."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..._utils.validation import _invalid, check_budget
from ._band import upper_quantile
from ._checks import (
    check_class_weights,
    check_finite,
    check_ignore_index,
    check_magnitude,
    check_mask,
    check_rows,
    check_targets,
    check_weight,
    working_precision,
)

__all__ = ["HardNegativeCrossEntropyLoss", "WeightedCrossEntropyLoss"]


class WeightedCrossEntropyLoss(nn.Module):
    r"""Binary or softmax cross-entropy, weighted by class.

    .. math:: L = \frac{\sum_i w_i c_{y_i} \ell_i}{\sum_i w_i}

    For one column of logits :math:`\ell_i` is the logistic loss and :math:`c_1` is
    ``pos_weight``; for several columns it is that of the softmax, with
    :math:`c` = ``class_weight``.

    Parameters
    ----------
    pos_weight : float or "balanced", default=1.0
        Weight of a positive; "balanced" gives both classes of a batch the same
        total. To balance over all rows, pass negatives over positives.
    class_weight : sequence of float of shape (num_classes,), default=None
        Weights of the classes; only for several columns.
    ignore_index : int, default=-100
        Target of rows to leave out, as padding.

    See Also
    --------
    HardNegativeCrossEntropyLoss : The negatives ranked highest, up-weighted.
    skbudget.objectives.BinaryCrossEntropy : The same in NumPy, with a hessian.

    Notes
    -----
    A mean over nothing is zero. The loss computes in float32 at least. It takes
    `iid_mask` and ignores it, so that a training loop can call all losses of this
    package alike.

    Examples
    --------
    >>> import torch
    >>> from skbudget.neural import WeightedCrossEntropyLoss
    >>> logits, targets = torch.zeros(4), torch.tensor([0, 0, 0, 1])
    >>> round(WeightedCrossEntropyLoss(pos_weight=3.0)(logits, targets).item(), 4)
    1.0397
    """

    refuses_nonfinite: ClassVar[bool] = True
    class_weight: Tensor | None

    def __init__(
        self,
        pos_weight: float | Literal["balanced"] = 1.0,
        *,
        class_weight: list[float] | Tensor | None = None,
        ignore_index: int = -100,
    ) -> None:
        super().__init__()
        owner = type(self).__name__
        if not isinstance(pos_weight, str):
            pos_weight = check_magnitude(pos_weight, "pos_weight", owner)
        elif pos_weight != "balanced":
            allowed = "a float in the range (0.0, inf) or 'balanced'"
            raise _invalid("pos_weight", pos_weight, owner, allowed)
        self.pos_weight = pos_weight
        self.ignore_index = check_ignore_index(ignore_index, owner)
        weights = None
        if class_weight is not None:
            weights = check_class_weights(class_weight, "class_weight", owner)
        self.register_buffer("class_weight", weights)

    def forward(
        self,
        logits: Tensor,
        targets: Tensor,
        iid_mask: Tensor | None = None,
        *,
        sample_weight: Tensor | None = None,
    ) -> Tensor:
        """Return the loss, shape ().

        Parameters
        ----------
        logits : Tensor of shape (n_rows,) or (n_rows, num_classes)
            Raw scores.
        targets : Tensor of shape (n_rows,) or (n_rows, 1)
            0 and 1 for one column, class indices for several.
        iid_mask : Tensor of shape (n_rows,), dtype=bool, default=None
            Ignored here.
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
            If a shape, a target or a weight is not as described.
        """
        return self._loss(logits, targets, iid_mask, sample_weight, None)

    def _loss(
        self,
        logits: Tensor,
        targets: Tensor,
        iid_mask: Tensor | None,
        sample_weight: Tensor | None,
        hard_mask: Tensor | None,
    ) -> Tensor:
        with working_precision(logits) as logits:
            n_columns = logits.shape[1] if logits.ndim == 2 else 1
            logits, targets = check_rows(logits, targets, n_columns)
            self._check_class_weight(n_columns)
            iid_mask = check_mask(iid_mask, "iid_mask", targets)
            hard_mask = check_mask(hard_mask, "hard_mask", targets)
            weight = check_weight(sample_weight, targets, logits.dtype)
            weight = torch.ones_like(logits[:, 0]).detach() if weight is None else weight
            # Weightless rather than dropped, so that masks stay aligned.
            kept = targets != self.ignore_index
            weight = weight * kept
            targets = targets.masked_fill(~kept, 0)
            logits = logits.masked_fill(~kept[:, None], 0.0)
            check_targets(targets, n_columns)
            check_finite(logits, type(self).__name__)
            if n_columns > 1:
                loss, share = self._softmax_losses(logits, targets.long()), weight
            else:
                loss = self._binary_losses(logits[:, 0], targets)
                share = self._row_weight(
                    logits[:, 0].detach(), targets == 1, weight, iid_mask, hard_mask
                )
            total = weight.sum()
            return (loss * share).sum() / torch.where(total > 0, total, torch.ones_like(total))

    def _binary_losses(self, scores: Tensor, targets: Tensor) -> Tensor:
        """Return the cross-entropy of each row, shape (n_rows,)."""
        return F.binary_cross_entropy_with_logits(
            scores, targets.to(scores.dtype), reduction="none"
        )

    def _softmax_losses(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the cross-entropy of each row, times the weight of its class."""
        return F.cross_entropy(logits, targets, reduction="none", weight=self._class_weight(logits))

    def _check_class_weight(self, n_columns: int) -> None:
        owner = type(self).__name__
        if n_columns == 1 and self.class_weight is not None:
            raise ValueError(
                f"class_weight of {owner} is for several columns of logits: got 1. Use pos_weight."
            )
        if n_columns > 1 and self.pos_weight != 1.0:
            raise ValueError(
                f"pos_weight of {owner} is for one column of logits: got {n_columns}. "
                "Use class_weight."
            )
        if self.class_weight is not None and self.class_weight.numel() != n_columns:
            raise ValueError(
                f"class_weight of {owner} must have shape ({n_columns},), one weight per column "
                f"of logits: got {tuple(self.class_weight.shape)}."
            )

    def _class_weight(self, logits: Tensor) -> Tensor | None:
        return None if self.class_weight is None else self.class_weight.to(logits)

    def _row_weight(
        self,
        scores: Tensor,
        positive: Tensor,
        weight: Tensor,
        iid_mask: Tensor | None,
        hard_mask: Tensor | None,
    ) -> Tensor:
        """Return weights that include those of the class."""
        factor: Tensor | float
        if self.pos_weight == "balanced":
            of_positives = (weight * positive).sum()
            factor = (weight.sum() - of_positives) / of_positives.clamp(min=1e-12)
        else:
            factor = self.pos_weight
        return torch.where(positive, weight * factor, weight)


class HardNegativeCrossEntropyLoss(WeightedCrossEntropyLoss):
    r"""Cross-entropy that up-weights the negatives ranked highest, or named ones.

    The top ``top_fraction`` of the batch's negatives by score count ``factor`` times,
    which needs no label beyond the target. With ``hard_mask`` (the oracle) the rows of the
    mask do instead. Targets are binary; everything else is as in
    `WeightedCrossEntropyLoss`.

    Parameters
    ----------
    pos_weight : float or "balanced", default=1.0
        Weight of a positive; "balanced" makes up for the class ratio of a batch.
    top_fraction : float, default=0.02
        Share of the negatives that is mined, a fraction in (0, 1].
    factor : float, default=10.0
        Weight of a mined negative.
    ignore_index : int, default=-100
        Target of rows to leave out, as padding.

    See Also
    --------
    skbudget.objectives.HardNegativeCrossEntropy : The same in NumPy.

    Examples
    --------
    >>> import torch
    >>> from skbudget.neural import HardNegativeCrossEntropyLoss
    >>> logits = torch.tensor([-1.0, 0.0, 1.0], requires_grad=True)
    >>> loss = HardNegativeCrossEntropyLoss(top_fraction=0.5, factor=3.0)
    >>> loss(logits, torch.tensor([0, 0, 1])).backward()
    >>> logits.grad.numpy().round(3)
    array([ 0.09,  0.5 , -0.09], dtype=float32)
    """

    def __init__(
        self,
        pos_weight: float | Literal["balanced"] = 1.0,
        *,
        top_fraction: float = 0.02,
        factor: float = 10.0,
        ignore_index: int = -100,
    ) -> None:
        super().__init__(pos_weight, ignore_index=ignore_index)
        owner = type(self).__name__
        self.top_fraction = check_budget(top_fraction, owner, "top_fraction")
        self.factor = check_magnitude(factor, "factor", owner)

    def forward(
        self,
        logits: Tensor,
        targets: Tensor,
        iid_mask: Tensor | None = None,
        *,
        sample_weight: Tensor | None = None,
        hard_mask: Tensor | None = None,
    ) -> Tensor:
        """Return the loss, shape ().

        Parameters
        ----------
        logits : Tensor of shape (n_rows,) or (n_rows, 1)
            Raw scores.
        targets : Tensor of shape (n_rows,) or (n_rows, 1)
            0 and 1.
        iid_mask : Tensor of shape (n_rows,), dtype=bool, default=None
            Rows drawn as in deployment: only they set the threshold of the mining.
        sample_weight : Tensor of shape (n_rows,), default=None
            Weights, finite and at least 0.
        hard_mask : Tensor of shape (n_rows,), dtype=bool, default=None
            Negatives known to be hard, to up-weight in place of the mined ones.

        Returns
        -------
        loss : Tensor of shape ()

        Raises
        ------
        FloatingPointError
            If logits are NaN or infinite.
        ValueError
            If a shape, a target or a weight is not as described.
        """
        if isinstance(logits, Tensor) and logits.ndim == 2 and logits.shape[1] != 1:
            raise ValueError(
                f"logits of {type(self).__name__} must have one column: got {logits.shape[1]}."
            )
        return self._loss(logits, targets, iid_mask, sample_weight, hard_mask)

    def _row_weight(
        self,
        scores: Tensor,
        positive: Tensor,
        weight: Tensor,
        iid_mask: Tensor | None,
        hard_mask: Tensor | None,
    ) -> Tensor:
        share = super()._row_weight(scores, positive, weight, iid_mask, hard_mask)
        negative = ~positive & (weight > 0)
        if hard_mask is not None:
            mined = negative & hard_mask
        else:
            reference = negative if iid_mask is None else negative & iid_mask
            if not bool(reference.any()):
                return share
            edge = upper_quantile(scores, self.top_fraction, rows=reference, weight=weight)
            mined = negative & (scores >= edge)
        return torch.where(mined, share * self.factor, share)
