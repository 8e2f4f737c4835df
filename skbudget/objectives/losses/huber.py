"""Huber's loss: squared for small errors, absolute for large ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .._loss import Loss
from .._rows import Rows
from ._residuals import ResidualLoss, check_delta, example_residuals

__all__ = ["Huber"]


@dataclass(frozen=True)
class Huber(ResidualLoss):
    r"""Huber's loss [1]_ of a real target: squared for small errors, absolute for large ones.

    .. math::
        L = \frac{\sum_i w_i h(s_i - r_i)}{\sum_i w_i}, \qquad
        h(a) = \begin{cases} a^2 / 2 & |a| \leq \delta \\
            \delta (|a| - \delta / 2) & \text{otherwise} \end{cases}

    for targets :math:`r` and scores :math:`s`. The slope is :math:`a` clipped to
    :math:`[-\delta, \delta]`. The second derivative is 0 beyond :math:`\delta`, so the hessian is
    that of the parabola which touches the loss from above, :math:`w_i \min(1, \delta / |a_i|) /
    \sum_i w_i`.

    Parameters
    ----------
    delta : float, default=1.0
        Error up to which the loss is squared, in the unit of the target, in [1e-15, 1e15].

    See Also
    --------
    LogCosh : A smooth loss of the same kind.
    SquaredError, AbsoluteError : Its limits, half of the first and ``delta`` times the second.

    Notes
    -----
    The classifiers train the boosters' own objectives. That of LightGBM is this loss with a
    hessian of 1. XGBoost has the **pseudo-Huber** loss :math:`\delta^2 (\sqrt{1 + (a /
    \delta)^2} - 1)`, whose slope is :math:`a / \sqrt{1 + (a / \delta)^2}`: nearly the same for
    small errors and for large ones, but only 71 % of Huber's at :math:`|a| = \delta`. The
    constant that XGBoost begins from by itself is one step of Newton from 0, which lands far
    away if targets are large beside ``delta``, so boosting begins from `start` there. To train
    this loss itself in XGBoost, pass ``BoosterObjective(Huber(delta))``.

    References
    ----------
    .. [1] P. J. Huber (1964). Robust Estimation of a Location Parameter. Annals of
       Mathematical Statistics 35(1), 73-101.

    Examples
    --------
    >>> from skbudget.objectives import Huber
    >>> Huber(delta=1.0).loss([0.0, 2.0], [1.0, 5.0])
    1.5
    """

    delta: float = 1.0

    library: ClassVar[Mapping[str, str]] = {
        "lightgbm": "huber",
        "xgboost": "reg:pseudohubererror",
        "catboost": "Huber",
        "torch": "torch.nn.HuberLoss",
        "sklearn": "HuberRegressor",
    }
    begins_library: ClassVar[frozenset[str]] = frozenset({"xgboost"})

    def __post_init__(self) -> None:
        check_delta(self.delta, type(self).__name__)

    def _losses(self, residual: NDArray) -> NDArray:
        size = np.abs(residual)
        inside = np.minimum(size, self.delta)
        return inside * (size - inside / 2.0)

    def _slopes(self, residual: NDArray) -> NDArray:
        return np.clip(residual, -self.delta, self.delta)

    def _curvatures(self, residual: NDArray, typical: float) -> NDArray:
        return self.delta / np.maximum(np.abs(residual), self.delta)

    def library_params(self, library: str) -> dict[str, Any]:
        """Return the parameters of the booster's own objective, the delta among them."""
        params = super().library_params(library)
        if params:
            params["alpha" if library == "lightgbm" else "huber_slope"] = float(self.delta)
        return params

    def torch_loss(self) -> Any:
        """Return `torch.nn.HuberLoss`, with weights of rows."""
        from ...neural.losses._library import mean_of

        return mean_of("HuberLoss", delta=float(self.delta))

    @classmethod
    def examples(cls) -> Iterator[tuple[Loss[Any], Rows]]:
        """Yield the loss as it comes, and with a small and a large delta."""
        for seed, loss in enumerate((cls(), cls(delta=0.25), cls(delta=2.5))):
            yield loss, example_residuals(loss, seed)
