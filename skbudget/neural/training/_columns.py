"""What a network learns of its columns before training: their scale, and their quantiles."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import issparse
from torch import Tensor, nn

__all__ = [
    "N_PIECES",
    "Pieces",
    "Scaler",
    "Scaling",
    "learn_pieces",
    "learn_scaling",
    "warn_of_precision",
]

N_PIECES = 64

# Of a column that varies by less than this part of its size, single precision keeps a few
# hundred values, and of one that varies by less than this number hardly any.
_LEAST_SPREAD, _LEAST_NUMBER = 2e-5, 1e-30

# Rows of a block, so that no second table is made.
_BLOCK = 65_536


class Scaling(NamedTuple):
    """What each column is subtracted and divided by.

    Attributes
    ----------
    shift, size : ndarray of shape (n_features,)
    varied : ndarray of shape (n_features,), dtype=bool
        Whether a column has more than one value.
    """

    shift: NDArray[np.float64]
    size: NDArray[np.float64]
    varied: NDArray[np.bool_]

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
        self.register_buffer("varied", torch.from_numpy(scaling.varied))

    def learn_late(self, X: Any, weight: NDArray | None) -> None:
        """Learn the scale of columns that have not varied until now, from a later part of a stream.

        So far they were 0 once they had been scaled, and no weight of theirs has had a part.
        """
        late = (~self.varied).numpy(force=True)
        if not late.any():
            return
        found = learn_scaling(X, weight)
        for into, values in ((self.size, found.size), (self.shift, found.shift)):
            into[self.varied.logical_not()] = torch.from_numpy(values[late]).to(into)
        self.varied |= torch.from_numpy(found.varied).to(self.varied.device)

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
    return Scaling(start + first, np.sqrt(np.where(varies, variance, 1.0)), varies)


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


def warn_of_precision(X: Any, names: Any, owner: str) -> None:
    """Warn of columns that vary, but by less than single precision can tell."""
    X = X if isinstance(X, np.ndarray) else getattr(X, "to_numpy", lambda: None)()
    if not isinstance(X, np.ndarray) or X.dtype.kind not in "fiu" or X.dtype.itemsize < 8:
        return
    least, greatest = X.min(axis=0).astype(np.float64), X.max(axis=0).astype(np.float64)
    spread = greatest - least
    size = np.maximum(np.abs(least), np.abs(greatest))
    lost = (spread > 0) & ((spread < _LEAST_SPREAD * size) | (spread < _LEAST_NUMBER))
    columns = np.flatnonzero(lost)
    if columns.size:
        few = [
            repr(str(names[column])) if names is not None else f"number {column}"
            for column in columns[:5].tolist()
        ]
        more = f" and {columns.size - 5} others" if columns.size > 5 else ""
        warnings.warn(
            f"{owner}: {', '.join(few)}{more} of X vary by too little for single precision, in "
            "which networks compute: most of what they tell is lost. Subtract the mean first: "
            f"make_pipeline(StandardScaler(), {owner}(...)).",
            UserWarning,
            stacklevel=5,
        )
