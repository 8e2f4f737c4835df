"""Squared error of a real target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..._utils.collective import sum_over
from .._rows import Rows
from ._residuals import ResidualLoss

__all__ = ["SquaredError"]


@dataclass(frozen=True)
class SquaredError(ResidualLoss):
    r"""Mean squared error of a real target.

    .. math::
        L = \frac{\sum_i w_i (s_i - r_i)^2}{\sum_i w_i}

    for targets :math:`r` and scores :math:`s`. The hessian is exact: :math:`2 w_i / \sum_i
    w_i`. The boosters' own objectives, which the classifiers train, minimise half of it, so
    that a row's hessian is 1. The best constant is the mean.

    See Also
    --------
    AbsoluteError : The median in place of the mean.
    Huber : Large errors pull no harder than moderate ones.

    Notes
    -----
    To rank rows by what acting on them is worth, give each row its worth as the target, 0 for
    a negative. The score is then the expected worth.

    Examples
    --------
    >>> from skbudget.objectives import SquaredError
    >>> SquaredError().loss([0.0, 2.0], [1.0, 5.0])
    5.0
    """

    library: ClassVar[Mapping[str, str]] = {
        "lightgbm": "regression",
        "xgboost": "reg:squarederror",
        "catboost": "RMSE",
        "torch": "torch.nn.MSELoss",
        "sklearn": "HistGradientBoostingRegressor(loss='squared_error')",
    }

    def _losses(self, residual: NDArray) -> NDArray:
        return residual**2

    def _slopes(self, residual: NDArray) -> NDArray:
        return 2.0 * residual

    def _curvatures(self, residual: NDArray, typical: float) -> NDArray:
        return np.full(residual.shape, 2.0)

    def start(self, rows: Rows) -> float:
        """Return the mean of the targets."""
        return sum_over(rows.workers, float(self.hold(rows) @ rows.target))[0]

    def torch_loss(self) -> Any:
        """Return `torch.nn.MSELoss`, with weights of rows."""
        from ...neural.losses._library import mean_of

        return mean_of("MSELoss")
