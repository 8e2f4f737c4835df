"""Logarithm of the hyperbolic cosine of the error of a real target."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .._loss import Loss
from .._rows import Rows
from ._residuals import ResidualLoss, check_delta, example_residuals

__all__ = ["LogCosh"]

# tanh(x) / x is 1 in floats.
_SMALL = 1e-8


@dataclass(frozen=True)
class LogCosh(ResidualLoss):
    r"""Log-cosh loss of a real target: squared for small errors, absolute for large ones.

    .. math::
        L = \frac{\sum_i w_i \, \delta^2 \log \cosh((s_i - r_i) / \delta)}{\sum_i w_i}

    for targets :math:`r` and scores :math:`s`. From an error of ``delta`` on it is computed as
    :math:`|a| + \log(1 + e^{-2|a|}) - \log 2`, because a hyperbolic cosine is infinite from 711
    on. The slope is
    :math:`\delta \tanh(a_i / \delta)`. The second derivative vanishes for large errors, so the
    hessian is that of the parabola which touches the loss from above, :math:`w_i \tanh(a_i /
    \delta) / (a_i / \delta) / \sum_i w_i`.

    Parameters
    ----------
    delta : float, default=1.0
        Error around which the loss turns from squared to absolute, in the unit of the
        target, in [1e-15, 1e15].

    See Also
    --------
    Huber : The same with a sharp turn at ``delta``.
    skbudget.neural.LogCoshLoss : The same in torch.

    Notes
    -----
    Neither LightGBM nor XGBoost has this loss, so that both are trained on this gradient and
    hessian. CatBoost has it for a delta of 1.

    Examples
    --------
    >>> from skbudget.objectives import LogCosh
    >>> round(LogCosh().loss([0.0, 0.0], [1.0, 1000.0]), 4)
    499.8703
    """

    delta: float = 1.0

    library: ClassVar[Mapping[str, str]] = {"catboost": "LogCosh"}

    def __post_init__(self) -> None:
        check_delta(self.delta, type(self).__name__)

    def _losses(self, residual: NDArray) -> NDArray:
        size = np.abs(residual / self.delta)
        far = size + np.log1p(np.exp(-2.0 * size)) - math.log(2.0)
        # Near zero the difference of the two would be rounding.
        near = 0.5 * np.log1p(np.sinh(np.minimum(size, 1.0)) ** 2)
        return self.delta**2 * np.where(size < 1.0, near, far)

    def _slopes(self, residual: NDArray) -> NDArray:
        return self.delta * np.tanh(residual / self.delta)

    def _curvatures(self, residual: NDArray, typical: float) -> NDArray:
        size = np.maximum(np.abs(residual / self.delta), _SMALL)
        return np.tanh(size) / size

    def torch_loss(self) -> Any:
        """Return `skbudget.neural.LogCoshLoss` with the same parameter."""
        from ...neural.losses._real import LogCoshLoss

        return LogCoshLoss(float(self.delta))

    @classmethod
    def examples(cls) -> Iterator[tuple[Loss[Any], Rows]]:
        """Yield the loss as it comes, and with a small and a large delta."""
        for seed, loss in enumerate((cls(), cls(delta=0.2), cls(delta=5.0))):
            yield loss, example_residuals(loss, seed)
