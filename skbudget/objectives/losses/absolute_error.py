"""Absolute error of a real target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .._rows import Rows
from ._residuals import ResidualLoss, distances, weighted_quantile

__all__ = ["AbsoluteError"]


@dataclass(frozen=True)
class AbsoluteError(ResidualLoss):
    r"""Mean absolute error of a real target.

    .. math::
        L = \frac{\sum_i w_i |s_i - r_i|}{\sum_i w_i}

    for targets :math:`r` and scores :math:`s`. It has no second derivative. The hessian is that
    of the parabola which touches the loss from above, :math:`w_i / (|s_i - r_i| \sum_i w_i)`,
    where a distance counts as 5 % of the mean one at least. The best constant is the median.

    See Also
    --------
    Quantile : Any quantile; at its default it is half of this.
    SquaredError : The mean in place of the median.

    Notes
    -----
    The classifiers train the boosters' own objectives, which set the leaves of each tree to
    medians. If most rows are worth nothing, the median is 0 nearly everywhere, and ranks
    nothing: take `SquaredError` or a high `Quantile` then. A `CollapseWarning` says so.

    Examples
    --------
    >>> from skbudget.objectives import AbsoluteError
    >>> AbsoluteError().loss([0.0, 2.0], [1.0, 5.0])
    2.0
    """

    library: ClassVar[Mapping[str, str]] = {
        "lightgbm": "regression_l1",
        "xgboost": "reg:absoluteerror",
        "catboost": "MAE",
        "torch": "torch.nn.L1Loss",
        "sklearn": "HistGradientBoostingRegressor(loss='absolute_error')",
    }

    def _losses(self, residual: NDArray) -> NDArray:
        return np.abs(residual)

    def _slopes(self, residual: NDArray) -> NDArray:
        return np.sign(residual)

    def _curvatures(self, residual: NDArray, typical: float) -> NDArray:
        return 1.0 / distances(residual, typical)

    def start(self, rows: Rows) -> float:
        """Return the median of the targets."""
        self._refuse_workers(rows)
        return weighted_quantile(rows.target, rows.weight, 0.5)

    def check_trained(self, rows: Rows, owner: str) -> None:
        """Warn if nearly all rows are at one score, and no better off than at the best constant.

        Parameters
        ----------
        rows : Rows
            The rows that were trained on, at the scores of the model.
        owner : str
            Name of the estimator.

        Warns
        -----
        CollapseWarning
        """
        self._warn_of_ties(rows, owner, "Take squared_error, or a high level of Quantile.")

    def torch_loss(self) -> Any:
        """Return `torch.nn.L1Loss`, with weights of rows."""
        from ...neural.losses._library import mean_of

        return mean_of("L1Loss")
