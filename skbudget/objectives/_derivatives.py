"""Gradient and hessian, as a loss returns them."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ._declarations import Scale
from ._rows import Rows

__all__ = ["HESSIAN_FLOOR", "Derivatives", "Scaled", "in_unit"]

# XGBoost keeps the hessian of its logistic loss above this; so do we.
HESSIAN_FLOOR = 1e-16


class Derivatives(NamedTuple):
    """Gradient and hessian of the rows that have any.

    Attributes
    ----------
    rows : ndarray of shape (n_rows,) or None
        Row indices, or None if the arrays hold all rows in order.
    gradient, hessian : ndarray of shape (n_rows,) or (n_rows, n_margins)
        First and (diagonal) second derivative by each raw score.
    owned : bool, default=False
        Whether nobody else holds the arrays, so that they may be changed in place.

    See Also
    --------
    Loss : Returns them.
    """

    rows: NDArray[np.intp] | None
    gradient: NDArray[np.floating]
    hessian: NDArray[np.floating]
    owned: bool = False

    def dense(
        self, n_samples: int, *, scale: float = 1.0, floor: float = 0.0, dtype: Any = np.float64
    ) -> tuple[NDArray, NDArray]:
        """Return both as arrays over all rows, times ``scale``, the hessian at least ``floor``.

        Parameters
        ----------
        n_samples : int
            Number of rows.
        scale : float, default=1.0
            Factor of both.
        floor : float, default=0.0
            Least hessian.
        dtype : type, default=numpy.float64
            Of the result.

        Returns
        -------
        gradient, hessian : ndarray of shape (n_samples,) or (n_samples, n_margins)
        """
        all_rows = self.rows is None
        if all_rows and self.owned and self.gradient.dtype == self.hessian.dtype == dtype:
            np.multiply(self.gradient, scale, out=self.gradient)
            np.multiply(self.hessian, scale, out=self.hessian)
            return self.gradient, np.maximum(self.hessian, floor, out=self.hessian)
        shape = (n_samples, *self.gradient.shape[1:])
        gradient = np.zeros(shape, dtype=dtype)
        hessian = np.full(shape, floor, dtype=dtype)
        rows = slice(None) if all_rows else self.rows
        gradient[rows] = scale * self.gradient
        hessian[rows] = np.maximum(scale * self.hessian, floor)
        return gradient, hessian


class Scaled:
    """What is a mean in its formula, and a sum over rows for a booster.

    It stands beside `Derivatives.dense`, which every round hands the factor to.
    """

    scale: ClassVar[Scale] = "rows"

    def boosting_factor(self, rows: Rows) -> float:
        """Return the factor from the mean to a booster's sum, see ``scale``.

        Parameters
        ----------
        rows : Rows
            The rows.

        Returns
        -------
        factor : float
        """
        if self.scale == "rows":
            return rows.total_weight
        if self.scale == "relevant":
            return rows.relevant_weight
        return rows.positive_weight if self.scale == "positives" else 1.0


def in_unit(sums: Any, exponent: int) -> Any:
    """Return sums over rows whose weights were divided by a power of two as without that."""
    with np.errstate(over="ignore"):
        found = np.ldexp(sums, exponent)
    if not np.isfinite(found).all():
        raise ValueError(
            "sample_weight is so great that the sums over the rows are no floats: divide all "
            "entries by a constant."
        )
    return found
