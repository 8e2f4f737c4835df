"""A sampler of batches for a DataLoader of torch: every batch has its share of every class."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch.utils.data import Sampler

from .._utils.codes import code_labels
from .._utils.naming import naming
from .._utils.seeds import check_random_state
from .._utils.validation import check_positive

__all__ = ["BalancedBatchSampler", "deal_rows"]

# Where more workers are named than this, something else was meant.
_MOST_WORKERS = 1_000_000


class BalancedBatchSampler(Sampler[list[int]]):
    """Shuffled batches of row numbers of equal size, each with its share of every class.

    A pass shows every row once. A class that has fewer rows than there are batches is drawn
    again until each batch has one of its rows: a batch without positives teaches a ranking
    loss nothing. This is how `PAUCClassifier` makes its batches.

    Hand it to a ``torch.utils.data.DataLoader`` as ``batch_sampler``, which takes the place of
    ``batch_size``, ``shuffle``, ``sampler`` and ``drop_last``.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        The class of each row of the data set, of any kind. With one class alone the batches are
        shuffled rows.
    batch_size : int, default=256
        Rows of a batch, at most (apart from rows that are drawn again).
    random_state : int, RandomState instance or None, default=None
        Draws the batches. It is drawn from in every pass, so that passes differ. With several
        replicas it must be an int, the same for all of them.
    n_replicas : int, default=1
        Number of processes that share a pass, in data-parallel training. All of them see
        equally many batches, and no two the same row (apart from rows that are drawn again).
        Each of them must begin equally many passes.
    rank : int, default=0
        Number of this process, from 0 to ``n_replicas - 1``.

    See Also
    --------
    PAUCClassifier : Makes such batches by itself.
    skbudget.sampling.sample_random : Leaves out most of the negatives.
    all_gather_rows : Brings the rows of all processes together.

    Notes
    -----
    The rows of each class are shuffled and dealt out like cards, from a random batch on. Counts
    of a class in two batches therefore differ by one at most. Within a batch the rows are in
    random order, so that a memory queue that keeps the end of a batch keeps a sample of it.

    Rows that are drawn again count more than once, in the loss and in its band. With one
    positive per batch this concerns positives alone, which do not set the band of an FPR.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from torch.utils.data import DataLoader, TensorDataset
    >>> from skbudget.neural import BalancedBatchSampler
    >>> y = np.repeat([0, 1], [990, 10])
    >>> rows = TensorDataset(torch.arange(1000.0), torch.tensor(y))
    >>> batches = BalancedBatchSampler(y, batch_size=100, random_state=0)
    >>> loader = DataLoader(rows, batch_sampler=batches)
    >>> [int(targets.sum()) for _, targets in loader]
    [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]
    """

    def __init__(
        self,
        y: ArrayLike,
        batch_size: int = 256,
        *,
        random_state: int | np.random.RandomState | None = None,
        n_replicas: int = 1,
        rank: int = 0,
    ) -> None:
        owner = type(self).__name__
        self.batch_size = check_positive(batch_size, "batch_size", owner, integer=True, minimum=1)
        self.n_replicas = check_positive(
            n_replicas, "n_replicas", owner, integer=True, minimum=1, maximum=_MOST_WORKERS
        )
        self.rank = check_positive(
            rank, "rank", owner, integer=True, minimum=0, maximum=self.n_replicas - 1
        )
        if self.n_replicas > 1 and (
            random_state is None or isinstance(random_state, np.random.RandomState)
        ):
            raise ValueError(
                f"{owner} with n_replicas={self.n_replicas} needs an int as random_state, the same "
                f"in every process, so that all of them deal the same batches. Got {random_state!r}"
                " instead."
            )
        with naming("random_state", "a seed"):
            self.random_state = check_random_state(random_state)
        codes = code_labels(y, "y")[1]
        self.n_samples = codes.size
        self._rows_of_class = [np.flatnonzero(codes == code) for code in range(codes.max() + 1)]

    def __len__(self) -> int:
        """Return the number of batches of a pass, those of this process."""
        return self._n_batches() // self.n_replicas

    def __iter__(self) -> Iterator[list[int]]:
        """Yield the row numbers of the batches of one pass."""
        dealt = deal_rows(self._rows_of_class, self._n_batches(), self.random_state)
        for number, rows in enumerate(dealt):
            # Every process draws all batches, and takes its own.
            if number % self.n_replicas == self.rank:
                yield rows.tolist()

    def _n_batches(self) -> int:
        """Return the number of batches of all processes, equally many of each."""
        n_batches = -(-self.n_samples // self.batch_size)
        return -(-n_batches // self.n_replicas) * self.n_replicas


def deal_rows(
    rows_of_class: list[NDArray[np.intp]], n_batches: int, draw: np.random.RandomState
) -> Iterator[NDArray[np.intp]]:
    """Yield the rows of each batch, every class dealt out evenly.

    Parameters
    ----------
    rows_of_class : list of ndarray of int
        The rows of each class, at least one.
    n_batches : int
        Number of batches.
    draw : RandomState
        Draws them.

    Yields
    ------
    rows : ndarray of int
        In random order.
    """
    rows, batch = [], []
    for of_class in rows_of_class:
        shuffled = draw.permutation(of_class)
        if shuffled.size < n_batches:
            again = draw.choice(shuffled, n_batches - shuffled.size)
            shuffled = np.concatenate([shuffled, again])
        rows.append(shuffled)
        # Dealt out like cards, from a random batch on.
        batch.append((np.arange(shuffled.size) + draw.randint(n_batches)) % n_batches)
    dealt = np.concatenate(batch)
    order = np.concatenate(rows)[np.argsort(dealt, kind="stable")]
    for part in np.split(order, np.cumsum(np.bincount(dealt))[:-1]):
        # In random order: a queue that keeps the end of a batch has to keep a sample
        # of the batch, not its positives.
        yield draw.permutation(part)
