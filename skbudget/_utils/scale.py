"""The scale of one model's margins, seen from another model that knows the same rows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Line",
    "map_columns",
    "map_quantiles",
    "match_scale",
    "moments",
    "shares",
    "spread_evenly",
]


class Line(NamedTuple):
    """The increasing map ``height + slope * (margin - centre)``."""

    centre: float
    slope: float
    height: float

    def __call__(self, margin: NDArray) -> NDArray[np.float64]:
        """Return the mapped margins."""
        return self.height + self.slope * (margin - self.centre)


def match_scale(margin: NDArray, other: NDArray, share: NDArray) -> Line:
    """Return the map of a model's margins to the scale of those of another model.

    Parameters
    ----------
    margin, other : ndarray of shape (n_rows,)
        Margins of the same rows from both models. Each was trained on all of them, or neither
        on any, so that they know the rows in the same way.
    share : ndarray of shape (n_rows,)
        Weights of the rows, with a sum of 1.

    Returns
    -------
    line : Line
        Mapped margins have the mean and the spread of the other model's on these rows.
    """
    centre, spread = moments(margin, share)
    height, wanted = moments(other, share)
    # Constant margins tell nothing about the spread.
    return Line(centre, wanted / spread if wanted and spread else 1.0, height)


def map_columns(
    margins: NDArray, own: NDArray, other: NDArray, share: NDArray
) -> NDArray[np.float64]:
    """Return margins of other rows on the scale of another model, each column by itself.

    Parameters
    ----------
    margins : ndarray of shape (n_mapped,) or (n_mapped, n_columns)
        Margins of a model.
    own, other : ndarray of shape (n_rows,) or (n_rows, n_columns)
        Margins of the same model, and of the other one, on the rows to compare.
    share : ndarray of shape (n_rows,)
        Weights of these rows, with a sum of 1.
    """
    if margins.ndim == 1:
        return match_scale(own, other, share)(margins)
    lines = [match_scale(*both, share) for both in zip(own.T, other.T)]
    return np.column_stack([line(column) for line, column in zip(lines, margins.T)])


def map_quantiles(
    margins: NDArray, own: NDArray, other: NDArray, share: NDArray
) -> NDArray[np.float64]:
    """Return margins of other rows on the scale of another model, quantile by quantile.

    The model's own margins of the rows to compare, mapped in the same way, have the distribution
    of the other model's. Two models may differ in the shape of it, as those with longer steps
    differ from those with shorter ones, and then no straight line maps both the bulk and the
    top. The map is increasing. Beyond the margins that are known it is the line of `match_scale`.

    Parameters
    ----------
    margins : ndarray of shape (n_mapped,) or (n_mapped, n_columns)
        Margins of a model.
    own, other : ndarray of shape (n_rows,) or (n_rows, n_columns)
        Margins of the same model, and of the other one, on the rows to compare.
    share : ndarray of shape (n_rows,)
        Weights of these rows, with a sum of 1.
    """
    if margins.ndim == 2:
        columns = zip(margins.T, own.T, other.T)
        return np.column_stack([map_quantiles(*column, share) for column in columns])
    line = match_scale(own, other, share)
    level, height = _quantiles(own, share)
    theirs, wanted = _quantiles(other, share)
    if height.size == 1 or wanted.size == 1:
        return line(margins)
    mapped = np.interp(np.interp(margins, height, level), theirs, wanted)
    below, above = margins < height[0], margins > height[-1]
    # Both ends have the middle of their rows' share, which differ where models tie rows.
    ends = np.interp(level[[0, -1]], theirs, wanted)
    mapped[below] = ends[0] + line.slope * (margins[below] - height[0])
    mapped[above] = ends[1] + line.slope * (margins[above] - height[-1])
    return mapped


def _quantiles(margin: NDArray, share: NDArray) -> tuple[NDArray, NDArray]:
    """Return the distinct margins of rows with weight, and the middle of the share of each."""
    counted = share > 0
    height, place = np.unique(margin[counted], return_inverse=True)
    size = np.bincount(place, weights=share[counted], minlength=height.size)
    return np.cumsum(size) - size / 2, height


def moments(margin: NDArray, share: NDArray) -> tuple[float, float]:
    """Return mean and standard deviation; that of margins which are equal up to rounding is 0."""
    mean = float(share @ margin)
    apart = margin - mean
    greatest = float(np.abs(apart).max())
    if greatest <= 1e-12 * abs(mean):
        return mean, 0.0
    # Of their share of the greatest, whose squares are numbers.
    return mean, greatest * float(np.sqrt(share @ (apart / greatest) ** 2))


def shares(weight: NDArray | None, n_rows: int) -> NDArray[np.float64]:
    """Return weights with a sum of 1; without weights the rows count alike."""
    weight = np.ones(n_rows) if weight is None else weight / weight.max()
    return weight / weight.sum()


def spread_evenly(rows: NDArray[np.intp], n_rows: int) -> NDArray[np.intp]:
    """Return at most so many of the rows, from all parts of the table."""
    if rows.size <= n_rows:
        return rows
    return rows[np.linspace(0, rows.size - 1, n_rows).astype(np.intp)]
