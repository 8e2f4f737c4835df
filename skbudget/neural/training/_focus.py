"""Batches of the rows that matter: all positives, the hardest negatives, and a sample of others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from skorch.callbacks import Callback
from torch import Tensor

from .._batches import deal_rows
from ._rows import Batches, TableDataset

__all__ = ["Focus", "FocusedBatches", "n_focused"]

# Negatives of a pass, as a multiple of those in the band. Of them this part are the hardest, so
# that a row can rise by several bands before it is missed, and the others are a sample.
_BANDS, _HARD = 6.0, 2 / 3

# With more of the negatives than this there is little to leave out.
_MOST = 0.8

# Passes between two choices of the hardest negatives.
_EVERY = 8

# Rows that are scored at once.
_BLOCK = 8192


def n_focused(beta: float, n_negatives: int, n_positives: int, batch_size: int) -> int:
    """Return the number of negatives of a pass; 0 for all of them.

    Parameters
    ----------
    beta : float
        End of the band, a share of the negatives.
    n_negatives, n_positives : int
        Rows of the table.
    batch_size : int
        Rows of a batch, of which there is at least one.
    """
    n_kept = max(round(_BANDS * beta * n_negatives), batch_size - n_positives)
    return n_kept if 0 < n_kept <= _MOST * n_negatives else 0


class FocusedBatches(Batches):
    """Shuffled batches of all positives, the hardest negatives, and a sample of the others.

    The negatives of the sample count for those that are left out, by their weights: a loss over
    the batch has the edges, and in the mean the gradient, that it has over all rows. Before the
    rows have scores, all negatives of a batch are a sample.

    Parameters
    ----------
    dataset : TableDataset
        The rows, with classes 0 and 1 as ``y``, and with ``weight``. Its ``hardest`` are the
        numbers of negatives, or None.
    batch_size : int
        Rows of a batch, at most (apart from rows that are drawn again).
    random_state : RandomState
        Draws the batches.
    n_negatives : int
        Negatives of a pass.
    """

    def __init__(
        self,
        dataset: TableDataset,
        batch_size: int,
        random_state: np.random.RandomState,
        n_negatives: int,
    ) -> None:
        super().__init__(dataset, batch_size)
        self.random_state = random_state
        self.n_negatives = n_negatives
        positive = dataset.about["y"].numpy() == 1
        self._positives, self._negatives = np.flatnonzero(positive), np.flatnonzero(~positive)

    def __len__(self) -> int:
        return -(-(self._positives.size + self.n_negatives) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, dict[str, Tensor]]]:
        hard, others = self._part()
        drawn = self.random_state.choice(others, self.n_negatives - hard.size, replace=False)
        stands_for = np.float32(others.size / drawn.size)
        is_drawn = np.zeros(len(self.dataset), dtype=bool)
        is_drawn[drawn] = True
        of_class = [hard, drawn, self._positives]
        of_class = [rows for rows in of_class if rows.size]
        for rows in deal_rows(of_class, len(self), self.random_state):
            X, about = self.dataset[rows]
            factor = torch.from_numpy(np.where(is_drawn[rows], stands_for, np.float32(1.0)))
            yield X, {**about, "weight": about["weight"] * factor}

    def _part(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return the hardest negatives, and the others."""
        hard = self.dataset.hardest
        if hard is None:
            return self._negatives[:0], self._negatives
        is_other = self.dataset.about["y"].numpy() == 0
        is_other[hard] = False
        return hard, np.flatnonzero(is_other)


class Focus(Callback):
    """Chooses the hardest negatives anew every few passes, once the loss is the ranking loss."""

    def __init__(self) -> None:
        self.last = -_EVERY

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Forget an earlier training."""
        self.last = -_EVERY

    def on_epoch_begin(self, net: Any, dataset_train: Any = None, **kwargs: Any) -> None:
        """Choose, if it is time to."""
        epoch = len(net.history)
        if net.criterion_.in_warmup or epoch - self.last < _EVERY:
            return
        self.last = epoch
        n_hard = round(_HARD * net.get_params(deep=False)["iterator_train__n_negatives"])
        negatives = np.flatnonzero(dataset_train.about["y"].numpy() == 0)
        with torch.no_grad():
            # The mean of the members: they are trained alike, and on one scale.
            scores = [
                net.module_(dataset_train[negatives[start : start + _BLOCK]][0].to(net.device))
                .mean(dim=1)[:, 0]
                .cpu()
                for start in range(0, negatives.size, _BLOCK)
            ]
        hardest = np.argpartition(-torch.cat(scores).numpy(), n_hard - 1)[:n_hard]
        dataset_train.hardest = negatives[np.sort(hardest)]
