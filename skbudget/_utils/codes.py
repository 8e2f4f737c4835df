"""Columns of labels of any kind, as numbers from 0."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .validation import distinct_labels, label_column

__all__ = ["code_labels"]


def code_labels(
    column: ArrayLike, name: str, n_samples: int | None = None
) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Return the distinct labels of a column, sorted, and the number of each row's label.

    Parameters
    ----------
    column : array-like of shape (n_samples,)
        Numbers or strings, such as classes, strata or identifiers.
    name : str
        The argument, for messages.
    n_samples : int, default=None
        How many rows there are, if it is known.

    Returns
    -------
    labels : ndarray of shape (n_labels,)
    codes : ndarray of shape (n_samples,), dtype=intp

    Raises
    ------
    ValueError
        If there is no row or another number of them, if a label is missing, or if numbers and
        strings are mixed.
    """
    values = label_column(column, name)
    if n_samples is not None and values.size != n_samples:
        raise ValueError(
            f"{name} must have one entry per sample: expected {n_samples}, got {values.size}."
        )
    if values.size == 0:
        raise ValueError(f"{name} is empty: at least one row is needed.")
    distinct_labels(values, name)
    labels, codes = np.unique(values, return_inverse=True)
    return labels, codes.reshape(-1).astype(np.intp)
