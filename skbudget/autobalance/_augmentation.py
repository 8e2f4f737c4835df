"""Rows made of rows: noise, mixing within a class, and features taken from other rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["augmented", "partners"]


def augmented(
    X: NDArray[np.floating],
    unit: NDArray[np.intp],
    cell: NDArray[np.intp],
    strengths: Mapping[str, Sequence[float]],
    rng: np.random.Generator,
) -> NDArray[np.floating]:
    r"""Return a changed copy of each row, with a strength for each class or segment.

    - ``noise``, :math:`\sigma`: normal noise of :math:`\sigma` standard deviations of the
      feature is added.
    - ``mix``, :math:`a`: the row moves towards another row of its class by a share that is
      uniform in :math:`[0, a]`.
    - ``dropout``, :math:`q`: each feature is replaced by its mean with probability :math:`q`.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Numbers.
    unit : ndarray of shape (n_samples,)
        Number of the class or segment of each row, which has a strength of its own.
    cell : ndarray of shape (n_samples,)
        Rows are mixed with rows of the same number. It tells the classes apart.
    strengths : mapping of str to sequence of float
        By kind, one per class or segment; those left out are 0.
    rng : numpy.random.Generator
        Draws the changes.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features)
    """
    found = X.astype(X.dtype, copy=True)
    centre, spread = X.mean(axis=0), X.std(axis=0)

    def of_rows(kind: str) -> NDArray[np.float64]:
        return np.asarray(strengths[kind], dtype=np.float64)[unit][:, None]

    if "mix" in strengths:
        share = of_rows("mix") * rng.random((len(X), 1))
        found = found + share * (X[partners(cell, rng)] - found)
    if "noise" in strengths:
        found = found + of_rows("noise") * spread * rng.standard_normal(X.shape)
    if "dropout" in strengths:
        found = np.where(rng.random(X.shape) < of_rows("dropout"), centre, found)
    return found.astype(X.dtype)


def partners(cell: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.intp]:
    """Return for each row another row of its cell, or itself, drawn at random."""
    order = np.argsort(cell, kind="stable")
    counts = np.bincount(cell)
    first = np.cumsum(counts) - counts
    drawn = (rng.random(cell.size) * counts[cell]).astype(np.intp)
    found: NDArray[np.intp] = order[first[cell] + np.minimum(drawn, counts[cell] - 1)]
    return found
