"""Rows that are read a batch at a time, as LightGBM takes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from lightgbm import Sequence
from numpy.typing import NDArray

from ._batches import RowBatches

__all__ = ["RowSequence"]


class RowSequence(Sequence):
    """Rows by number, read forward: LightGBM asks for a sample one by one, then for all."""

    def __init__(self, rows: RowBatches) -> None:
        self.batch_size = rows.batch_size
        self._rows = rows
        self._forget()

    def __len__(self) -> int:
        return self._rows.n_rows

    def __getitem__(self, index: Any) -> NDArray[Any]:
        if isinstance(index, list | np.ndarray):
            return self._rows.read(index)
        if not isinstance(index, slice):
            # A sample has to be of doubles.
            return self._between(int(index), int(index) + 1)[0].astype(np.float64)
        start, stop, step = index.indices(len(self))
        if step != 1:
            return self._rows.read(np.arange(start, stop, step))
        rows = self._between(start, stop)
        if stop == len(self):
            self._forget()
        return rows

    def _forget(self) -> None:
        self._walk: Iterator[tuple[slice, NDArray[Any]]] = iter(())
        self._at, self._block = slice(0, 0), np.empty((0, self._rows.n_features))

    def _between(self, start: int, stop: int) -> NDArray[Any]:
        if stop <= start:
            return np.empty((0, self._rows.n_features), dtype=self._rows.dtype)
        parts = []
        while start < stop:
            if not self._at.start <= start < self._at.stop:
                self._next(start)
            end = min(stop, self._at.stop)
            parts.append(self._block[start - self._at.start : end - self._at.start])
            start = end
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _next(self, row: int) -> None:
        """Read on to the block that holds a row."""
        if row < self._at.start or self._at.stop == 0:
            self._walk = self._rows._walk(begin=row)
        for at, block in self._walk:
            if row < at.stop:
                self._at, self._block = at, block
                return
        raise IndexError(f"There is no row {row}: there are {len(self)}.")
