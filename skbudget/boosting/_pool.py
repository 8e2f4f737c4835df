"""What the callbacks share that train either booster on the rows within reach of the band."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import _safe_indexing

from .._utils.validation import _invalid, shape_of
from ..objectives import Rows
from ._calls import BoosterCallable, plain_objective, unpack_call
from ._reach import Reach, Work, check_pool

__all__ = ["BandPool"]

# Rows that are taken through trees at once: copies of more would cost memory.
_BLOCK = 100_000


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
        """Return all rows, from the first call of the objective."""
        rows: Rows = self._plain._rows(unpack_call(labels, raw, weight), self._columns)
        return rows

    def _in_blocks(
        self, index: NDArray[np.intp], margins: Callable[[Any], NDArray[np.floating]]
    ) -> NDArray[np.float64]:
        """Return the margins of rows, a block at a time."""
        added = np.empty(index.size)
        for begin in range(0, index.size, _BLOCK):
            block = slice(begin, begin + _BLOCK)
            added[block] = margins(_safe_indexing(self._X, index[block]))
        return added


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
