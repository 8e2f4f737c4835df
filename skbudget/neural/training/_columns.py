"""What a network learns of its columns before training: their scale, and their quantiles."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import issparse
from torch import Tensor, nn

__all__ = ["N_PIECES", "Pieces", "Scaler", "Scaling", "learn_pieces", "learn_scaling"]

N_PIECES = 64

# Rows of a block, so that no second table is made.
_BLOCK = 65_536


class Scaling(NamedTuple):
    """What each column is subtracted and divided by.

    Attributes
    ----------
    shift, size : ndarray of shape (n_features,)
    """

    shift: NDArray[np.float64]
    size: NDArray[np.float64]

    def module(self) -> Scaler:
        """Return the module that does so."""
        return Scaler(self)

    def apply(self, X: NDArray) -> NDArray[np.float32]:
        """Return columns on the scale of the network, as its module does."""
        with torch.no_grad():
            return self.module()(torch.from_numpy(np.ascontiguousarray(X, np.float32))).numpy()


class Scaler(nn.Module):
    """Subtracts the mean of each column, and divides by its standard deviation."""

    def __init__(self, scaling: Scaling) -> None:
        super().__init__()
        # In double precision: the mean of a column of dates has more digits than single has.
        self.register_buffer("shift", torch.from_numpy(scaling.shift))
        self.register_buffer("size", torch.from_numpy(scaling.size))

    def forward(self, X: Tensor) -> Tensor:
        """Return scaled columns of the same shape."""
        return X.sub(self.shift.to(X.dtype)).div_(self.size.to(X.dtype))


class Pieces(NamedTuple):
    """Where the pieces of piecewise linear functions of columns end.

    Attributes
    ----------
    left : ndarray of shape (n_encoded, n_pieces)
        Left ends; infinite for pieces that a column lacks.
    per_width : ndarray of shape (n_encoded, n_pieces)
        One over the widths.
    columns, others : ndarray of int
        Numbers of the columns that are encoded, and of those that are not.
    """

    left: NDArray[np.float32]
    per_width: NDArray[np.float32]
    columns: NDArray[np.int64]
    others: NDArray[np.int64]

    def tensors(self) -> tuple[Tensor, ...]:
        """Return all four as tensors."""
        return tuple(torch.from_numpy(values) for values in self)


def learn_scaling(X: Any, weight: NDArray | None) -> Scaling:
    """Return mean and standard deviation of each column, by weight.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_rows, n_features)
    weight : ndarray of shape (n_rows,), or None

    Returns
    -------
    scaling : Scaling
        A column that does not vary is divided by 1.
    """
    n_rows, n_features = X.shape
    share = np.full(n_rows, 1.0 / n_rows) if weight is None else weight / weight.sum(dtype=float)
    # Deviations are from a value of the column, so that a great mean costs no digits.
    start = (X[:1].toarray() if issparse(X) else X[:1]).astype(np.float64)[0]
    first, second = np.zeros(n_features), np.zeros(n_features)
    for begin in range(0, n_rows, _BLOCK):
        block, part = X[begin : begin + _BLOCK], share[begin : begin + _BLOCK]
        if issparse(block):
            block = block.toarray()
        apart = block.astype(np.float64) - start
        first += part @ apart
        second += part @ np.square(apart)
    variance = second - np.square(first)
    # What is left by rounding is no variance.
    varies = variance > 1e-12 * second
    return Scaling(start + first, np.sqrt(np.where(varies, variance, 1.0)))


def learn_pieces(X: NDArray, weight: NDArray | None) -> Pieces:
    """Return the pieces of columns with more than two values, which end at their quantiles.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        Scaled columns.
    weight : ndarray of shape (n_rows,), or None
    """
    steps = np.arange(1, N_PIECES) / N_PIECES
    ends: list[NDArray] = []
    columns: list[int] = []
    for number, column in enumerate(X.T):
        order = np.argsort(column, kind="stable")
        values = column[order]
        reached = (
            np.arange(1, values.size + 1) / values.size
            if weight is None
            else np.cumsum(weight[order], dtype=float) / weight.sum(dtype=float)
        )
        # The first value at which the share is reached.
        at = np.minimum(np.searchsorted(reached, steps - 1e-12), values.size - 1)
        found = np.unique(np.concatenate([values[:1], values[at], values[-1:]]))
        if found.size > 2:
            columns.append(number)
            ends.append(found)
    n_pieces = max((end.size - 1 for end in ends), default=1)
    left = np.full((len(ends), n_pieces), np.inf, dtype=np.float32)
    per_width = np.ones_like(left)
    for row, end in enumerate(ends):
        left[row, : end.size - 1] = end[:-1]
        per_width[row, : end.size - 1] = 1.0 / np.diff(end)
    others = np.setdiff1d(np.arange(X.shape[1]), columns)
    return Pieces(left, per_width, np.array(columns, dtype=np.int64), others.astype(np.int64))
