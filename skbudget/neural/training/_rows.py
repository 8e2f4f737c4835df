"""Rows for a network: tables as batches, batches with every class, and batches of whole queries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import issparse
from torch import Tensor
from torch.utils.data import Dataset

from .._batches import deal_rows

__all__ = [
    "BalancedBatches",
    "Batches",
    "GroupBatches",
    "TableDataset",
    "content_folds",
    "group_folds",
    "group_sample",
    "rarest_class_sample",
    "strata_of",
    "stratified_sample",
]

# Share of the distinct rows of a class that are in folds, at most in all and in one fold, and
# their least number.
_HELD_SHARE, _SHARE_OF_FOLD, _HELD_ROWS = 0.25, 0.05, 30


class TableDataset(Dataset):
    """A table, dense or CSR, with one entry per row of everything that training needs.

    Indexing with many rows at once returns a batch ``(X, about)``. Fetching rows one by
    one would take longer than training on them.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_rows, n_features), dtype=float32
        The features. A CSR matrix is made dense batch by batch.
    **about : ndarray of shape (n_rows,), or None
        Labels ``y``, ``weight``, ``fold``, and the columns that the loss reads.
    """

    def __init__(self, X: Any, **about: NDArray | None) -> None:
        self.X = X if issparse(X) else torch.from_numpy(np.ascontiguousarray(X))
        self.about = {
            name: torch.from_numpy(np.ascontiguousarray(values))
            for name, values in about.items()
            if values is not None
        }
        # Rows that training dwells on, see `FocusedBatches`.
        self.hardest: NDArray[np.intp] | None = None

    def __len__(self) -> int:
        return self.X.shape[0]

    def __getitem__(self, rows: Any) -> tuple[Tensor, dict[str, Tensor]]:
        X = self.X[rows]
        if issparse(X):
            X = torch.from_numpy(X.toarray())
        return X, {name: values[rows] for name, values in self.about.items()}


class Batches:
    """Batches in the order of the rows.

    Parameters
    ----------
    dataset : TableDataset
        The rows.
    batch_size : int
        Rows of a batch.
    """

    def __init__(self, dataset: TableDataset, batch_size: int) -> None:
        self.dataset = dataset
        self.batch_size = batch_size

    def __len__(self) -> int:
        return -(-len(self.dataset) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, dict[str, Tensor]]]:
        for start in range(0, len(self.dataset), self.batch_size):
            yield self.dataset[slice(start, start + self.batch_size)]


class BalancedBatches(Batches):
    """Shuffled batches of equal size, each with its share of every class.

    As `skbudget.neural.BalancedBatchSampler`, whose row numbers these are the rows of. Rows
    with a real target are one class.

    Parameters
    ----------
    dataset : TableDataset
        The rows, with class indices, labels or real numbers as ``y``.
    batch_size : int
        Rows of a batch, at most (apart from rows that are drawn again).
    random_state : RandomState
        Draws the batches.
    """

    def __init__(
        self, dataset: TableDataset, batch_size: int, random_state: np.random.RandomState
    ) -> None:
        super().__init__(dataset, batch_size)
        self.random_state = random_state
        y = strata_of(dataset.about["y"].numpy())
        if y.dtype.kind == "f":
            y = np.zeros(y.size, dtype=np.int64)
        self._rows_of_class = [np.flatnonzero(y == label) for label in np.unique(y)]

    def __iter__(self) -> Iterator[tuple[Tensor, dict[str, Tensor]]]:
        for rows in deal_rows(self._rows_of_class, len(self), self.random_state):
            yield self.dataset[rows]


class GroupBatches(Batches):
    """Shuffled batches that hold whole query groups.

    A pass shows every row once. The groups are put in random order and cut into batches
    of about ``batch_size`` rows; each group goes where its middle lies. There are no more
    batches than groups. A very large group may leave a batch empty, which is skipped.

    Parameters
    ----------
    dataset : TableDataset
        The rows, with ``group``: equal numbers for the rows of a group.
    batch_size : int
        Rows of a batch, on average.
    random_state : RandomState
        Draws the batches.
    """

    def __init__(
        self, dataset: TableDataset, batch_size: int, random_state: np.random.RandomState
    ) -> None:
        super().__init__(dataset, batch_size)
        self.random_state = random_state
        groups = dataset.about["group"].numpy()
        self._group, self._sizes = np.unique(groups, return_inverse=True, return_counts=True)[1:]

    def __len__(self) -> int:
        return min(super().__len__(), self._sizes.size)

    def __iter__(self) -> Iterator[tuple[Tensor, dict[str, Tensor]]]:
        draw, n_batches = self.random_state, len(self)
        order = draw.permutation(self._sizes.size)
        sizes = self._sizes[order]
        middle = np.cumsum(sizes) - sizes / 2
        batch_of_group = np.empty(order.size, dtype=np.intp)
        batch_of_group[order] = np.floor(middle * n_batches / self._group.size)
        batch = batch_of_group[self._group]
        for number in np.unique(batch):
            yield self.dataset[draw.permutation(np.flatnonzero(batch == number))]


def strata_of(y: NDArray) -> NDArray:
    """Return class indices for rows of several labels: which is the rarest of a row's labels.

    Parameters
    ----------
    y : ndarray of shape (n_rows,) or (n_rows, n_labels)
        Targets; of one column as they are.

    Returns
    -------
    strata : ndarray of shape (n_rows,)
        0 for rows without a label.
    """
    if y.ndim == 1:
        return y
    rarest_first = np.argsort(y.sum(axis=0), kind="stable")
    strata = np.zeros(y.shape[0], dtype=np.int64)
    for label in rarest_first[::-1]:
        strata[y[:, label] == 1] = label + 1
    return strata


def content_folds(
    X: Any, y: NDArray, n_folds: int, random_state: np.random.RandomState
) -> NDArray[np.int64]:
    """Return folds of some of the rows, stratified by class, the same for equal rows.

    A quarter of the distinct rows of each class is in a fold, but no more than a twentieth in one
    of them. Of a small class there are more, up to thirty rows: enough to learn two numbers
    from, and few for a member to miss.

    Repeated rows (from a weight, or an oversampled class) share a fold, so that no row is
    scored by a member that has seen its copy.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_rows, n_features), dtype=float32
    y : ndarray of shape (n_rows,)
        Class indices.
    n_folds : int
        Number of folds.
    random_state : RandomState
        Draws the folds.

    Returns
    -------
    folds : ndarray of shape (n_rows,), dtype=int64
        -1 for rows in no fold. A class of one distinct row is in none.
    """
    # A random projection tells rows apart and costs one product: not that of BLAS,
    # which rounds equal rows differently. Adding zero makes -0.0 and 0.0 one number.
    direction = random_state.standard_normal(X.shape[1]).astype(np.float32)
    product = X @ direction if issparse(X) else np.einsum("ij,j->i", X, direction)
    key = np.asarray(product, dtype=np.float32) + np.float32(0.0)
    folds = np.full(y.size, -1, dtype=np.int64)
    for label in np.unique(y):
        rows = np.flatnonzero(y == label)
        distinct, which = np.unique(key[rows], return_inverse=True)
        if distinct.size > 1:
            of_key = _some_in_folds(distinct.size, n_folds, random_state)
            folds[rows] = of_key[which.reshape(-1)]
    return folds


def _some_in_folds(
    size: int, n_folds: int, random_state: np.random.RandomState
) -> NDArray[np.int64]:
    """Return the folds of at least two things that are alike, -1 for those in no fold."""
    share = min(_HELD_SHARE, _SHARE_OF_FOLD * n_folds)
    n_held = max(round(share * size), min(_HELD_ROWS, size))
    folds = np.full(size, -1, dtype=np.int64)
    folds[:n_held] = np.arange(n_held) % n_folds
    return random_state.permutation(folds)


def group_folds(
    y: NDArray, groups: NDArray[np.intp], n_folds: int, random_state: np.random.RandomState
) -> NDArray[np.int64]:
    """Return folds of some of the groups, stratified by the rarest class in each group.

    As many groups are in a fold as `content_folds` would take rows.

    Parameters
    ----------
    y : ndarray of shape (n_rows,)
        Class indices.
    groups : ndarray of int of shape (n_rows,)
        Group numbers from 0, all of which occur.
    n_folds : int
        Number of folds.
    random_state : RandomState
        Draws the folds.

    Returns
    -------
    folds : ndarray of shape (n_rows,), dtype=int64
        -1 for rows in no fold.
    """
    rarest = _rarest_classes(y, groups)
    folds = np.full(rarest.size, -1, dtype=np.int64)
    for label in np.unique(rarest):
        members = np.flatnonzero(rarest == label)
        if members.size > 1:
            folds[members] = _some_in_folds(members.size, n_folds, random_state)
    return folds[groups]


def _rarest_classes(y: NDArray, groups: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the class of each group that is the rarest of those in it, by its place."""
    place = np.argsort(np.argsort(np.bincount(y), kind="stable"))
    rarest = np.full(groups.max() + 1, place.size)
    np.minimum.at(rarest, groups, place[y])
    return rarest


def stratified_sample(
    y: NDArray, fraction: float, random_state: np.random.RandomState
) -> NDArray[np.bool_]:
    """Return a mask of a share of the rows: at least one of each class, and not all.

    Parameters
    ----------
    y : ndarray of shape (n_rows,)
        Class indices, at least two rows of each.
    fraction : float
        Share of each class, in (0, 1).
    random_state : RandomState
        Draws the rows.
    """
    drawn = np.zeros(y.size, dtype=bool)
    for label in np.unique(y):
        rows = np.flatnonzero(y == label)
        n_drawn = min(max(round(fraction * rows.size), 1), rows.size - 1)
        drawn[random_state.permutation(rows)[:n_drawn]] = True
    return drawn


def rarest_class_sample(
    y: NDArray,
    groups: NDArray[np.intp],
    fraction: float,
    random_state: np.random.RandomState,
) -> NDArray[np.bool_]:
    """Return a mask of a share of the groups, stratified by the rarest class in each group.

    Parameters
    ----------
    y : ndarray of shape (n_rows,)
        Class indices.
    groups : ndarray of int of shape (n_rows,)
        Group numbers from 0, all of which occur.
    fraction : float
        Share of the groups, in (0, 1).
    random_state : RandomState
        Draws the groups.
    """
    return stratified_sample(_rarest_classes(y, groups), fraction, random_state)[groups]


def group_sample(
    group: NDArray, fraction: float, random_state: np.random.RandomState
) -> NDArray[np.bool_]:
    """Return a mask of a share of the rows that holds whole query groups.

    Parameters
    ----------
    group : ndarray of shape (n_rows,)
        The query of each row, at least two queries.
    fraction : float
        Share of the groups, in (0, 1).
    random_state : RandomState
        Draws the groups.
    """
    groups, of_row = np.unique(group, return_inverse=True)
    n_drawn = min(max(round(fraction * groups.size), 1), groups.size - 1)
    drawn = random_state.permutation(groups.size)[:n_drawn]
    return np.isin(of_row, drawn)
