"""Segments of the rows, each with a threshold of its own: their names and their numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import column_or_1d

from .._utils.naming import naming

__all__ = ["code_segments"]


def code_segments(
    segments: ArrayLike | None, n_samples: int, known: NDArray | None = None
) -> tuple[NDArray | None, NDArray[np.intp]]:
    """Return the names of the segments, sorted, and the number of each row's segment.

    Without segments the names are None, and every row has number 0. With ``known`` names
    these are returned, and a segment that is not among them is an error.
    """
    if segments is None:
        return None, np.zeros(n_samples, dtype=np.intp)
    with naming("segments", "one number or string per row"):
        values = column_or_1d(segments)
    if values.shape[0] != n_samples:
        raise ValueError(
            f"segments must have one entry per sample: expected {n_samples}, got {values.shape[0]}."
        )
    if values.dtype.kind == "f" and np.isnan(values).any():
        raise ValueError("Input segments contains NaN.")
    try:
        names, codes = np.unique(values, return_inverse=True)
        unknown = names[:0] if known is None else names[~np.isin(names, known)]
    except TypeError as error:
        raise ValueError(
            "segments must be all numbers or all strings, and none may be missing"
            + ("." if known is None else f": those seen in fit are {known[:10].tolist()}.")
        ) from error
    if known is None:
        return names, codes
    if unknown.size:
        raise ValueError(
            f"segments holds segments without a threshold: {unknown[:10].tolist()}. Those seen in "
            f"fit are {known[:10].tolist()}{' ...' if known.size > 10 else ''}."
        )
    return known, np.searchsorted(known, names)[codes]
