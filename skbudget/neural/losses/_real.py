"""Losses of a real target that torch lacks: quantiles and log-cosh."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..._utils.validation import check_fraction
from ...objectives.losses._residuals import check_delta
from ._checks import check_finite, check_tensor, check_weight, working_precision

__all__ = ["LogCoshLoss", "QuantileLoss"]


class _ResidualLoss(nn.Module):
    """A mean over rows of a function of ``logits - targets``."""

    target: ClassVar[str] = "real"
    refuses_nonfinite: ClassVar[bool] = True

    @abstractmethod
    def _losses(self, residual: Tensor) -> Tensor:
        """Return the loss of each row."""

    def forward(
        self, logits: Tensor, targets: Tensor, *, sample_weight: Tensor | None = None
    ) -> Tensor:
        """Return the loss, shape ().

        Parameters
        ----------
        logits : Tensor of shape (n_rows,) or (n_rows, 1)
            Raw scores.
        targets : Tensor of shape (n_rows,) or (n_rows, 1)
            Real numbers.
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
        check_tensor(targets, "targets")
        with working_precision(logits) as logits:
            scores, targets = _one_column(logits, "logits"), _one_column(targets, "targets")
            if targets.shape != scores.shape:
                raise ValueError(
                    f"targets must have shape {tuple(scores.shape)}, as logits have: got "
                    f"{tuple(targets.shape)}."
                )
            check_finite(scores, type(self).__name__)
            targets = targets.detach().to(scores.dtype)
            if not bool(torch.isfinite(targets).all()):
                raise ValueError("targets contain NaN or infinity.")
            weight = check_weight(sample_weight, targets, scores.dtype)
            weight = torch.ones_like(targets) if weight is None else weight
            total = weight.sum()
            losses = self._losses(scores - targets)
            return (losses * weight).sum() / torch.where(total > 0, total, torch.ones_like(total))


def _one_column(values: Tensor, name: str) -> Tensor:
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise ValueError(f"{name} must have shape (n_rows,): got {tuple(values.shape)}.")
    return values


class QuantileLoss(_ResidualLoss):
    r"""Quantile loss of a real target, also called pinball loss.

    .. math::
        L = \frac{\sum_i w_i \max(\tau (r_i - s_i), (\tau - 1) (r_i - s_i))}{\sum_i w_i}

    A share :math:`\tau` of the targets :math:`r` lies below the best score :math:`s`.

    Parameters
    ----------
    tau : float, default=0.5
        Level of the quantile, in (0, 1).

    See Also
    --------
    skbudget.objectives.Quantile : The same in NumPy, with a hessian.

    Examples
    --------
    >>> import torch
    >>> from skbudget.neural import QuantileLoss
    >>> scores, targets = torch.zeros(2), torch.tensor([1.0, -1.0])
    >>> round(QuantileLoss(tau=0.9)(scores, targets).item(), 4)  # 0.9 and 0.1
    0.5
    """

    def __init__(self, tau: float = 0.5) -> None:
        super().__init__()
        self.tau = check_fraction(tau, "tau", type(self).__name__)

    def _losses(self, residual: Tensor) -> Tensor:
        return torch.maximum(-self.tau * residual, (1.0 - self.tau) * residual)


class LogCoshLoss(_ResidualLoss):
    r"""Log-cosh loss of a real target: squared for small errors, absolute for large ones.

    .. math::
        L = \frac{\sum_i w_i \, \delta^2 \log \cosh((s_i - r_i) / \delta)}{\sum_i w_i}

    for targets :math:`r` and scores :math:`s`.

    Parameters
    ----------
    delta : float, default=1.0
        Error around which the loss turns from squared to absolute, in the unit of the
        target, in [1e-15, 1e15].

    See Also
    --------
    skbudget.objectives.LogCosh : The same in NumPy, with a hessian.

    Examples
    --------
    >>> import torch
    >>> from skbudget.neural import LogCoshLoss
    >>> scores, targets = torch.zeros(2), torch.tensor([1.0, 1000.0])
    >>> round(LogCoshLoss()(scores, targets).item(), 3)
    499.87
    """

    def __init__(self, delta: float = 1.0) -> None:
        super().__init__()
        self.delta = check_delta(delta, type(self).__name__)

    def _losses(self, residual: Tensor) -> Tensor:
        size = (residual / self.delta).abs()
        far = size + F.softplus(-2.0 * size) - math.log(2.0)
        # Near zero the difference of the two would be rounding.
        near = 0.5 * torch.log1p(torch.sinh(size.clamp(max=1.0)) ** 2)
        return self.delta**2 * torch.where(size < 1.0, near, far)
