"""Columns of labels of any kind, as numbers from 0."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .validation import distinct_labels, label_column

__all__ = ["code_known_labels", "code_labels", "hint_of_sizes"]


def hint_of_sizes(values: Any, n_samples: int) -> str:
    """Return what to do with sizes of groups in the place of each row's group.

    Parameters
    ----------
    values : array-like
        What there should be one of per row, and is not.
    n_samples : int
        How many rows there are.

    Returns
    -------
    hint : str
        Begins with a space. Empty if the entries do not look like sizes.
    """
    given = np.asarray(values)
    if given.ndim != 1 or given.size == n_samples or given.dtype.kind not in "iu":
        return ""
    if given.min(initial=0) < 0 or given.sum() != n_samples:
        return ""
    return (
        " It seems to hold how many rows each group has: pass "
        "np.repeat(np.arange(len(sizes)), sizes)."
    )


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
            f"{hint_of_sizes(values, n_samples)}"
        )
    if values.size == 0:
        raise ValueError(f"{name} is empty: at least one row is needed.")
    labels = distinct_labels(values, name)
    if values.dtype.kind != "O":
        return labels, np.searchsorted(labels, values)
    return labels, _numbers(values, labels)


def code_known_labels(
    column: ArrayLike, name: str, known: NDArray[Any], n_samples: int, lacking: str
) -> NDArray[np.intp]:
    """Return the number of each row's label among labels that are known.

    Parameters
    ----------
    column : array-like of shape (n_samples,)
        Numbers or strings.
    name : str
        The argument, for messages.
    known : ndarray of shape (n_labels,)
        What `code_labels` returned before.
    n_samples : int
        How many rows there are.
    lacking : str
        What labels that are not known are, for the message.

    Returns
    -------
    codes : ndarray of shape (n_samples,), dtype=intp

    Raises
    ------
    ValueError
        As `code_labels`, or for a label that is not known.
    """
    labels, codes = code_labels(column, name, n_samples)
    if labels.dtype.kind == known.dtype.kind == "M":
        # Dates in another unit are the same dates.
        labels = labels.astype(known.dtype)
    numbers = _numbers(labels, known)
    unknown = labels[numbers < 0]
    if unknown.size:
        raise ValueError(
            f"{name} holds {lacking}: {unknown[:10].tolist()}. Those seen in fit are "
            f"{known[:10].tolist()}{' ...' if known.size > 10 else ''}."
        )
    return numbers[codes]


def _numbers(values: NDArray[Any], labels: NDArray[Any]) -> NDArray[np.intp]:
    """Return the place of each value among labels, -1 for one that is none of them."""
    places = {label: place for place, label in enumerate(labels.tolist())}
    found = (places.get(value, -1) for value in values.tolist())
    return np.fromiter(found, dtype=np.intp, count=values.size)
