"""Rows that are read a batch at a time, as XGBoost takes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xgboost import DataIter

from ._batches import RowBatches

__all__ = ["RowIterator"]


class RowIterator(DataIter):
    """Batches of all rows, or of some of them.

    Parameters
    ----------
    rows : RowBatches
        The table.
    index : ndarray of int, default=None
        The rows to hand over, increasing; None for all.
    about : mapping of str to ndarray, default=None
        What is known of these rows, as arguments of a `xgboost.DMatrix`; None for their labels
        and weights.
    names : mapping of str to list, default=None
        Names and types of the features; None for those of the table.
    cache_prefix : str, default=None
        Where external memory is kept.
    """

    def __init__(
        self,
        rows: RowBatches,
        index: NDArray[np.intp] | None = None,
        about: Mapping[str, Any] | None = None,
        names: Mapping[str, Any] | None = None,
        cache_prefix: str | None = None,
    ) -> None:
        if about is None:
            about = {"label": rows.y, "weight": rows.sample_weight}
            if index is not None:
                about = {key: one if one is None else one[index] for key, one in about.items()}
        self._rows, self._index = rows, index
        self._about = {key: values for key, values in about.items() if values is not None}
        self._names = {"feature_names": rows.feature_names} if names is None else dict(names)
        self._walk: Iterator[tuple[slice, NDArray[Any]]] = iter(())
        super().__init__(cache_prefix=cache_prefix)

    def reset(self) -> None:
        """Begin with the first batch."""
        self._walk = self._rows._walk(self._index)

    def next(self, input_data: Callable[..., Any]) -> bool:
        """Hand over the next batch."""
        where, X = next(self._walk, (slice(0, 0), None))
        if X is None:
            return False
        about = {key: values[where] for key, values in self._about.items()}
        input_data(data=X, **about, **self._names)
        return True
