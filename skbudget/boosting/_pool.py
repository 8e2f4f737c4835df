"""What the callbacks share that train either booster on the rows within reach of the band."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import _safe_indexing

from .._utils.validation import _invalid, shape_of
from ..objectives import Rows
from ._batches import RowBatches
from ._calls import BoosterCallable, plain_objective, unpack_call
from ._reach import Reach, Work, check_pool

__all__ = ["BandPool"]

# Rows that are taken through trees at once: copies of more would cost memory.
_BLOCK = 32_768


class BandPool:
    """What the callbacks of both boosters share: what is minimised, the rows, and the work."""

    _reach: Reach | None

    def _set_up(self, objective: Any, X: Any, pool: Any) -> None:
        owner = type(self).__name__
        plain, columns = plain_objective(objective)
        if not isinstance(plain, BoosterCallable):
            raise TypeError(
                f"{owner} needs a PAUCObjective or a BoosterObjective as the objective: got "
                f"{objective!r}."
            )
        check_pool(pool, owner)
        if pool is None:
            raise _invalid("pool", pool, owner, "'exact' or a fraction in (0, 1)")
        self._plain, self._columns = plain, columns
        self._share = None if isinstance(pool, str) else float(pool)
        self._X, self._shape = _check_table(X, owner)
        self._reach = None

    @property
    def work_(self) -> Work:
        """What the last training did."""
        if self._reach is None:
            raise AttributeError(f"{type(self).__name__} has not trained yet.")
        return self._reach.work

    def _refuse_other_table(self, data: Any, shape: tuple[int, int]) -> None:
        """Raise if the rows of the pool cannot be those that a booster is trained on."""
        owner, kind = type(self).__name__, type(data).__name__
        for what, mine, its in zip(("rows", "columns"), self._shape, shape, strict=True):
            if mine != its:
                raise ValueError(
                    f"X of {owner} must be the rows of the {kind}: X has {mine} {what}, the "
                    f"{kind} {its}."
                )

    def _all_rows(self, labels: Any, raw: NDArray[Any], weight: Any) -> Rows:
        """Return all rows, from the first call of the objective, without scores to keep."""
        rows: Rows = self._plain._rows(unpack_call(labels, raw, weight), self._columns)
        return rows.replace(raw=np.broadcast_to(rows.raw.dtype.type(0), rows.raw.shape))

    @abstractmethod
    def _margins(self, X: Any, first: int, last: int) -> NDArray[np.floating]:
        """Return what the trees of some rounds add to the scores of rows."""

    def _bring(
        self, index: NDArray[Any], score: NDArray[np.float64], at: NDArray[Any], last: int
    ) -> None:
        """Add to scores of rows what trees add to them, a block at a time."""
        for rows, X in self._blocks(index):
            for first, some in _by_number(at[rows]):
                chosen = X if isinstance(some, slice) else _safe_indexing(X, some)
                score[rows[some]] += self._margins(chosen, first, last)

    def _blocks(self, index: NDArray[Any]) -> Iterator[tuple[NDArray[Any], Any]]:
        """Yield rows of which there are some, and their numbers, for one pass over them all."""
        if isinstance(self._X, RowBatches):
            for where, X in self._X._walk(index):
                yield index[where], X
            return
        for begin in range(0, index.size, _BLOCK):
            rows = index[begin : begin + _BLOCK]
            yield rows, _safe_indexing(self._X, rows)


def _by_number(at: NDArray[Any]) -> Iterator[tuple[int, Any]]:
    """Yield each number, and where it is."""
    numbers = np.flatnonzero(np.bincount(at)).tolist()
    for number in numbers:
        yield number, slice(None) if len(numbers) == 1 else np.flatnonzero(at == number)


def _check_table(X: Any, owner: str) -> tuple[Any, tuple[int, int]]:
    """Return the rows that a pool is made from, and their shape."""
    shape = shape_of(X, "X")
    if len(shape) == 1 and hasattr(X, "to_numpy"):
        # A series of rows.
        X = X.to_numpy()
        shape = X.shape
    if len(shape) != 2:
        raise ValueError(
            f"X of {owner} must be a table of shape (n_samples, n_features): got {X!r:.60}."
        )
    dtype = np.asarray(X).dtype if isinstance(X, list | tuple) else getattr(X, "dtype", None)
    if getattr(dtype, "kind", "") == "c":
        raise ValueError(f"X of {owner} must hold real numbers: got {dtype}.")
    return X, (shape[0], shape[1])
