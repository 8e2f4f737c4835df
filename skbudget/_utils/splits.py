"""Splits of a table into rows that train and rows that are held out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import check_cv
from sklearn.utils.validation import _num_samples

from .labels import _shown
from .naming import naming

__all__ = [
    "Split",
    "check_divisible",
    "check_groups",
    "check_trainable",
    "is_splitter",
    "read_splits",
    "splitter_of",
]

A_SPLITTER = "a number of folds, a fraction, a splitter or an iterable of (train, test)"


class Split(NamedTuple):
    """Row numbers of one split."""

    train: NDArray[np.intp]
    held_out: NDArray[np.intp]


def is_splitter(cv: Any) -> bool:
    """Tell whether ``cv`` is a splitter of scikit-learn, or an iterable of (train, test)."""
    if isinstance(cv, str | type):
        return False
    return hasattr(cv, "split") or isinstance(cv, Iterable)


def splitter_of(cv: Any, y: NDArray) -> Any:
    """Return the splitter that ``cv`` stands for: a number of folds, a splitter, or splits."""
    with naming("cv", A_SPLITTER):
        return check_cv(cv, y, classifier=True)


def check_groups(groups: ArrayLike | None, n_samples: int) -> NDArray[Any] | None:
    """Return groups of shape (n_samples,)."""
    if groups is None:
        return None
    groups = np.asarray(groups)
    if groups.shape != (n_samples,):
        raise ValueError(
            f"groups must have one entry per sample: expected {n_samples}, got shape "
            f"{groups.shape}."
        )
    return groups


def read_splits(splitter: Any, X: Any, y: NDArray, **params: Any) -> list[Split]:
    """Return what a splitter splits a table into, as row numbers.

    Raises
    ------
    ValueError
        If there is no split, or if a split trains on rows that it holds out.
    """
    every = np.arange(_num_samples(X))
    with naming("cv", A_SPLITTER):
        splits = [
            Split(every[train], every[held]) for train, held in splitter.split(X, y, **params)
        ]
    if not splits:
        raise ValueError("cv has no splits: at least one is needed.")
    for train, held_out in splits:
        shared = np.intersect1d(train, held_out).size
        if shared:
            raise ValueError(
                f"cv must not train and calibrate on the same rows: {shared} are in both parts "
                "of a split."
            )
    return splits


def check_divisible(positive: NDArray[np.bool_], classes: NDArray, owner: str, remedy: str) -> None:
    """Raise if a class has a single row, which cannot both train and be held out."""
    code, has = _rarer(positive, classes)
    if np.count_nonzero(positive == bool(code)) < 2:
        raise ValueError(
            f"{owner} trains on some rows and holds out others, but {has}: at least 2 are "
            f"needed. {remedy}"
        )


def check_trainable(
    splits: list[Split], positive: NDArray[np.bool_], classes: NDArray, owner: str, remedy: str
) -> None:
    """Raise if a split has no positives to train on, or no negatives."""
    for number, (train, _) in enumerate(splits, start=1):
        code = int(not positive[train].any())
        if code or positive[train].all():
            raise ValueError(
                f"{owner} has no {_KINDS[code]} to train on in split {number} of {len(splits)}: "
                f"{_count(positive, classes, code)}. {remedy}"
            )


_KINDS = ("negative", "positive")


def _rarer(positive: NDArray[np.bool_], classes: NDArray) -> tuple[int, str]:
    """Return the number of the rarer class, and how many rows it has in words."""
    code = int(2 * np.count_nonzero(positive) <= positive.size)
    return code, _count(positive, classes, code)


def _count(positive: NDArray[np.bool_], classes: NDArray, code: int) -> str:
    count = int(np.count_nonzero(positive == bool(code)))
    kind = _KINDS[code] + ("" if count == 1 else "s")
    return f"y has {count} {kind} (label {_shown(classes[code])})"
