"""Quantile loss of a real target, also called pinball loss."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..._utils.validation import check_fraction
from .._loss import Loss
from .._rows import Rows
from ._residuals import ResidualLoss, distances, example_residuals, weighted_quantile

__all__ = ["Quantile"]


@dataclass(frozen=True)
class Quantile(ResidualLoss):
    r"""Quantile loss [1]_ of a real target, also called pinball loss.

    .. math::
        L = \frac{\sum_i w_i q(r_i - s_i)}{\sum_i w_i}, \qquad
        q(a) = \begin{cases} \tau a & a \geq 0 \\ (\tau - 1) a & a < 0 \end{cases}

    for targets :math:`r` and scores :math:`s`. The best score is the quantile of level
    :math:`\tau`: a share :math:`\tau` of the targets lies below it, and :math:`1 - \tau` above it.
    With :math:`\tau = 0.9` it overestimates nine targets of ten. With 0.5 it is the median, and
    the loss is half of the absolute error. There is no second derivative. The hessian is that
    of the parabola which touches the loss from above, :math:`w_i / (2 |s_i - r_i| \sum_i w_i)`,
    where a distance counts as 5 % of the mean one at least.

    Parameters
    ----------
    tau : float, default=0.5
        Level of the quantile, in (0, 1).

    See Also
    --------
    AbsoluteError : Twice the loss of the median.
    skbudget.neural.QuantileLoss : The same in torch.

    Notes
    -----
    A ranking by a high quantile of the worth puts rows first that may turn out worst, rather
    than those that are worth most on average. If a share of the rows greater than ``tau`` is
    worth nothing, the quantile is 0 there, and ranks nothing. Boosters then warn by a
    `CollapseWarning`.

    Models of several levels may cross, because nothing ties them together: sort the levels of
    each row. The classifiers train the boosters' own objectives.

    References
    ----------
    .. [1] R. Koenker and G. Bassett (1978). Regression Quantiles. Econometrica 46(1), 33-50.

    Examples
    --------
    >>> import numpy as np
    >>> from skbudget.objectives import Quantile
    >>> loss, targets = Quantile(tau=0.9), np.arange(100.0)
    >>> loss.start(loss.rows(targets, np.zeros(100)))
    89.5
    """

    tau: float = 0.5

    library: ClassVar[Mapping[str, str]] = {
        "lightgbm": "quantile",
        "xgboost": "reg:quantileerror",
        "catboost": "Quantile",
        "sklearn": "HistGradientBoostingRegressor(loss='quantile')",
    }

    def __post_init__(self) -> None:
        check_fraction(self.tau, "tau", type(self).__name__)

    def _losses(self, residual: NDArray) -> NDArray:
        return np.maximum(-self.tau * residual, (1.0 - self.tau) * residual)

    def _slopes(self, residual: NDArray) -> NDArray:
        # Right at the target any slope between the two is one: the middle does not pull.
        above = np.where(residual < 0.0, -self.tau, 1.0 - self.tau)
        return np.where(residual == 0.0, 0.0, above)

    def _curvatures(self, residual: NDArray, typical: float) -> NDArray:
        return 0.5 / distances(residual, typical)

    def start(self, rows: Rows) -> float:
        """Return the quantile of the targets."""
        self._refuse_workers(rows)
        return weighted_quantile(rows.target, rows.weight, self.tau)

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
        remedy = f"Take squared_error, or another level than tau={self.tau:g}."
        self._warn_of_ties(rows, owner, remedy)

    def library_params(self, library: str) -> dict[str, Any]:
        """Return the parameters of the booster's own objective, the level among them."""
        params = super().library_params(library)
        if params:
            params["alpha" if library == "lightgbm" else "quantile_alpha"] = float(self.tau)
        return params

    def torch_loss(self) -> Any:
        """Return `skbudget.neural.QuantileLoss` with the same level."""
        from ...neural.losses._real import QuantileLoss

        return QuantileLoss(float(self.tau))

    @classmethod
    def examples(cls) -> Iterator[tuple[Loss[Any], Rows]]:
        """Yield the median, and quantiles to either side of it."""
        for seed, loss in enumerate((cls(), cls(tau=0.9), cls(tau=0.2))):
            yield loss, example_residuals(loss, seed)
