"""Tables that are read a batch at a time, for training on more rows than memory holds."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._utils.validation import _as_array, check_positive
from ._batch_sources import check_column, find_source

__all__ = ["RowBatches"]

Batch = tuple[NDArray[Any], NDArray[np.float32] | None, NDArray[np.float32] | None]


class RowBatches:
    """A table that is read a batch at a time, for training on more rows than memory holds.

    LightGBM and XGBoost bin the batches one by one and keep the bins, a byte a number. With
    `LightGBMPool` or `XGBoostPool` the raw rows are then needed only to score those that come
    within reach, a batch at a time. Labels and weights are kept in memory.

    Parameters
    ----------
    source : str, path, list, array-like or callable
        Where the rows are:

        - ``.parquet`` files, one, a list of them, or a folder (needs pyarrow),
        - ``.npy`` files, one or a list of them,
        - arrays of shape (n_samples, n_features), one or a list of them, such as memory maps,
        - a function without arguments that returns an iterator of batches ``(X, y)`` or
          ``(X, y, sample_weight)``. It is called for every pass over the rows, once now, and
          must return the same rows in the same order.
    y : str or array-like of shape (n_samples,), default=None
        Labels, numbers: the name of a column of Parquet files, or an array. None for a function,
        and where no labels are needed.
    sample_weight : str or array-like of shape (n_samples,), default=None
        Weights, likewise.
    features : list of str, default=None
        Columns of Parquet files to be used, in this order; None for all but ``y`` and
        ``sample_weight``.
    batch_size : int, default=65_536
        Number of rows of a batch. A function decides for itself.

    Attributes
    ----------
    n_rows, n_features : int
        Size of the table.
    shape : tuple of int
        Both.
    dtype : numpy.dtype
        float32 where that holds all numbers, else float64.
    y, sample_weight : ndarray of float32 of shape (n_samples,), or None
        As boosters hold them.
    feature_names : list of str or None
        Names of the columns of Parquet files.

    See Also
    --------
    LightGBMPool, XGBoostPool : Train on the rows that matter; ``X`` may be batches.

    Notes
    -----
    LightGBM finds its bins in a sample of the rows, which is the same as for an array: the
    booster is the same to the last bit. (LightGBM does not draw this sample by ``seed``, as it
    does for an array: give ``data_random_seed`` to the Dataset.) XGBoost sketches the quantiles of
    each batch and merges them: its bins are nearly those of an array, and the same where a
    feature has no more than ``max_bin`` values.

    All features are numbers. Categories are coded as numbers beforehand, and named to the
    booster (``categorical_feature`` of a `lightgbm.Dataset`).

    Rows of Parquet files and arrays are found without reading the others (other row groups, for
    Parquet). A function is read from its first row on.

    The estimators of this package need the table in memory. Train with `lightgbm.train` or
    `xgboost.train` as in the example.

    Examples
    --------
    >>> import lightgbm as lgb
    >>> import numpy as np
    >>> from skbudget import PAUCObjective, make_contested_top
    >>> from skbudget.boosting import LightGBMPool, RowBatches
    >>> def parts():
    ...     for seed in range(4):
    ...         yield make_contested_top(5_000, pos_rate=0.01, random_state=seed)
    >>> rows = RowBatches(parts)
    >>> rows.shape, rows.read([0, 19_999]).shape
    ((20000, 20), (2, 20))
    >>> data = lgb.Dataset(rows.for_lightgbm(), rows.y, params={"feature_pre_filter": False})
    >>> pool = LightGBMPool(PAUCObjective(budget=0.01), rows)
    >>> params = {"objective": pool.objective, "verbose": -1, "num_threads": 1}
    >>> booster = lgb.train(params, data, num_boost_round=30, callbacks=[pool])
    >>> booster.num_trees()
    30
    """

    def __init__(
        self,
        source: Any,
        y: ArrayLike | str | None = None,
        *,
        sample_weight: ArrayLike | str | None = None,
        features: Any = None,
        batch_size: int = 65_536,
    ) -> None:
        owner = type(self).__name__
        check_positive(batch_size, "batch_size", owner, integer=True, minimum=1)
        found = find_source(source, y, sample_weight, features, int(batch_size))
        self._source, self.batch_size = found, int(batch_size)
        n_rows, n_features = found.shape
        if n_rows < 1 or n_features < 1:
            raise ValueError(
                f"source of {owner} must have at least one row and one column: got {n_rows} and "
                f"{n_features}."
            )
        if n_rows > np.iinfo(np.int32).max:
            raise ValueError(
                f"source of {owner} has {n_rows} rows, and LightGBM and XGBoost count no more than "
                f"{np.iinfo(np.int32).max}: draw some of them."
            )
        self.y, self.sample_weight = found.y, found.weight
        if y is not None and not isinstance(y, str):
            self.y = check_column(y, "y", n_rows)
        if sample_weight is not None and not isinstance(sample_weight, str):
            self.sample_weight = check_column(sample_weight, "sample_weight", n_rows)
        self.feature_names = found.names

    def __repr__(self) -> str:
        return f"{type(self).__name__}(n_rows={self.n_rows}, n_features={self.n_features})"

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and of features."""
        return self._source.shape

    @property
    def dtype(self) -> np.dtype:
        """Type of the numbers that are read."""
        return self._source.dtype

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self._source.shape[0]

    @property
    def n_features(self) -> int:
        """Number of features."""
        return self._source.shape[1]

    def batches(self) -> Iterator[Batch]:
        """Yield the table batch by batch.

        Yields
        ------
        X : ndarray of shape (n, n_features)
            New numbers, of `dtype`.
        y, sample_weight : ndarray of float32 of shape (n,), or None
        """
        for rows, X in self._walk():
            yield (
                X,
                None if self.y is None else self.y[rows],
                None if self.sample_weight is None else self.sample_weight[rows],
            )

    def read(self, rows: ArrayLike) -> NDArray[Any]:
        """Return some of the rows.

        Parameters
        ----------
        rows : array-like of int
            Numbers of rows, from 0, in any order.

        Returns
        -------
        X : ndarray of shape (n, n_features)
            The rows in the order that they were asked for.
        """
        index = _whole_numbers(_as_array(rows, f"rows of {type(self).__name__}.read"))
        if index.ndim != 1 or index.dtype.kind not in "iu":
            raise ValueError(
                f"rows of {type(self).__name__}.read must be numbers of rows, a list of ints: got "
                f"{rows!r:.60}."
            )
        if index.size and not 0 <= int(index.min()) <= int(index.max()) < self.n_rows:
            raise ValueError(
                f"rows of {type(self).__name__}.read must lie between 0 and {self.n_rows - 1}: got "
                f"{int(index.min())} to {int(index.max())}."
            )
        index = index.astype(np.intp, copy=False)
        found = np.empty((index.size, self.n_features), dtype=self.dtype)
        if (index[1:] >= index[:-1]).all():
            for where, X in self._walk(index):
                found[where] = X
            return found
        order = np.argsort(index, kind="stable")
        for where, X in self._walk(index[order]):
            found[order[where]] = X
        return found

    def for_lightgbm(self) -> Any:
        """Return the rows as a `lightgbm.Sequence`, of which a `lightgbm.Dataset` is made.

        Returns
        -------
        sequence : lightgbm.Sequence
            Labels and weights are given to the Dataset: ``lgb.Dataset(rows.for_lightgbm(),
            rows.y, weight=rows.sample_weight)``.
        """
        return _adapters("lightgbm").RowSequence(self)

    def for_xgboost(self, cache_prefix: str | None = None) -> Any:
        """Return the rows as an `xgboost.DataIter`, of which matrices of XGBoost are made.

        Parameters
        ----------
        cache_prefix : str, default=None
            Where an `xgboost.ExtMemQuantileDMatrix` keeps its files. An `xgboost.QuantileDMatrix`
            needs none.

        Returns
        -------
        iterator : xgboost.DataIter
            With labels, weights and names: ``xgb.QuantileDMatrix(rows.for_xgboost())``.
        """
        if cache_prefix is not None and not isinstance(cache_prefix, str):
            raise TypeError(
                f"cache_prefix of {type(self).__name__}.for_xgboost must be the beginning of a "
                f"path, a str: got {cache_prefix!r}."
            )
        return _adapters("xgboost").RowIterator(self, cache_prefix=cache_prefix)

    def _walk(
        self, wanted: NDArray[np.intp] | None = None, *, begin: int = 0
    ) -> Iterator[tuple[slice, NDArray[Any]]]:
        """Yield places and rows: of all, or of the ones that are wanted, which increase.

        A place counts among the rows that are wanted. Rows before ``begin`` may be left out.
        """
        if wanted is None:
            for first, n_rows, block in self._source.blocks(lambda first, last: last > begin):
                yield slice(first, first + n_rows), self._source.numbers(block, None)
            return

        def between(first: int, last: int) -> tuple[int, int]:
            # Numbers of one type: others would make a copy of all that is wanted.
            low, high = np.searchsorted(wanted, np.array([first, last], dtype=wanted.dtype))
            return int(low), int(high)

        def needed(first: int, last: int) -> bool:
            low, high = between(first, last)
            return high > low

        for first, n_rows, block in self._source.blocks(needed):
            low, high = between(first, first + n_rows)
            inside = wanted[low:high] - first
            yield slice(low, high), self._source.numbers(block, inside)


def _whole_numbers(values: NDArray[Any]) -> NDArray[Any]:
    """Return numbers as integers, if that is what they are; others as they are."""
    if values.dtype.kind not in "fO" and values.size:
        return values
    try:
        with np.errstate(invalid="ignore"):
            whole = values.astype(np.intp)
    except (TypeError, ValueError, OverflowError):
        return values
    return whole if (whole == values).all() else values


def _adapters(library: str) -> Any:
    try:
        return import_module(f"._{library}_rows", __package__)
    except ModuleNotFoundError as error:
        if error.name != library:
            raise
        raise ImportError(
            f"RowBatches.for_{library} needs {library}, which is not installed: "
            f'pip install "skbudget[{library}]"'
        ) from error
