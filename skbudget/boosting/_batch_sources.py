"""Where batches of rows come from: arrays, files of NumPy, Parquet files, and functions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

from .._utils.validation import _as_array, _invalid, check_weights

__all__ = ["BatchSource", "check_column", "find_source"]

OWNER = "RowBatches"
_ALLOWED = (
    "the path of a .npy or .parquet file, of a folder of .parquet files, a list of such files, an "
    "array of shape (n_samples, n_features), a list of such arrays, or a function that returns an "
    "iterator of (X, y) or (X, y, sample_weight)"
)

# Which of a run of rows, first and behind the last, are asked for.
Needed = Callable[[int, int], bool]


class BatchSource(ABC):
    """A table that is read a block at a time.

    Attributes
    ----------
    shape : tuple of int
        Number of rows and of features.
    dtype : numpy.dtype
        Type of the numbers: float32 where it holds them all, else float64.
    y, weight : ndarray of float32 of shape (n_samples,), or None
        What the source knows besides the features.
    names : list of str or None
        Names of the features.
    """

    shape: tuple[int, int]
    dtype: np.dtype
    y: NDArray[np.float32] | None = None
    weight: NDArray[np.float32] | None = None
    names: list[str] | None = None

    @abstractmethod
    def blocks(self, needed: Needed) -> Iterator[tuple[int, int, Any]]:
        """Yield number of the first row, number of rows, and the block, in the order of rows.

        Blocks of which no row is needed may be left out.
        """

    @abstractmethod
    def numbers(self, block: Any, rows: NDArray[np.intp] | None) -> NDArray[Any]:
        """Return the features of a block, or of some of its rows, as new numbers of `dtype`."""


def find_source(
    source: Any, y: Any, sample_weight: Any, features: Any, batch_size: int
) -> BatchSource:
    """Return the source that a user means."""
    if callable(source) and not hasattr(source, "shape"):
        for name, value in (("y", y), ("sample_weight", sample_weight), ("features", features)):
            if value is not None:
                raise ValueError(
                    f"{name} of {OWNER} must be None for a function as source, which returns "
                    "batches (X, y) or (X, y, sample_weight) with the features that it has: got "
                    f"{value!r:.60}."
                )
        return _Calls(source)
    files = _files(source)
    if files is not None and files[0].suffix != ".npy":
        return _Parquet(files, y, sample_weight, features, batch_size)
    if features is not None:
        raise ValueError(
            f"features of {OWNER} names columns of Parquet files: got {features!r:.60} for another "
            "source."
        )
    for name, value in (("y", y), ("sample_weight", sample_weight)):
        if isinstance(value, str):
            raise ValueError(
                f"{name} of {OWNER} must be an array for this source: {value!r} can be a column of "
                "Parquet files only."
            )
    if files is not None:
        return _Arrays([_File(file) for file in files], batch_size)
    return _Arrays(_tables(source), batch_size)


def _files(source: Any) -> list[Path] | None:
    """Return the files that a source names, None if it names none."""
    given = source if isinstance(source, list | tuple) else [source]
    if not given or not all(isinstance(one, str | PathLike) for one in given):
        return None
    files = [Path(one) for one in given]
    if len(files) == 1 and files[0].is_dir():
        found = sorted(files[0].glob("*.parquet"))
        if not found:
            raise ValueError(f"source of {OWNER} is a folder without .parquet files: {source!r}.")
        files = found
    kinds = {file.suffix for file in files}
    if kinds not in ({".npy"}, {".parquet"}, {".pq"}):
        raise ValueError(
            f"source of {OWNER} must name .npy files or .parquet files, of one kind: got "
            f"{source!r:.200}. Text files such as CSV are turned into Parquet once, or read by a "
            "function that returns an iterator of batches."
        )
    for file in files:
        if not file.is_file():
            raise FileNotFoundError(f"source of {OWNER} names a file that is not there: {file}.")
    return files


def _tables(source: Any) -> list[Any]:
    """Return the tables in memory that a source consists of."""
    if isinstance(source, Iterator):
        raise TypeError(
            f"source of {OWNER} is an iterator, which can be read once: pass the function that "
            "returns it, for rows are read several times."
        )
    if (
        isinstance(source, list | tuple)
        and source
        and all(len(getattr(one, "shape", ())) == 2 for one in source)
    ):
        return [_table(one, f"source[{number}]") for number, one in enumerate(source)]
    return [_table(source, "source")]


def _table(table: Any, name: str) -> Any:
    if issparse(table):
        if table.ndim != 2:
            raise _invalid(name, table, OWNER, _ALLOWED)
        return table.tocsr()
    array = _as_array(table, f"{name} of {OWNER}")
    if array.ndim != 2:
        raise _invalid(name, _shown(table), OWNER, _ALLOWED)
    return array if array.dtype.kind in "biuf" else as_numbers(array, name)


class _Shown:
    """A value that messages show in short."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def _shown(value: Any) -> _Shown:
    shape = getattr(value, "shape", None)
    return _Shown(f"{value!r:.60}" if not shape else f"an array of shape {tuple(shape)}")


def as_numbers(table: Any, name: str) -> NDArray[Any]:
    """Return rows as an array of numbers, with an error that names them if they hold others."""
    array = table.toarray() if issparse(table) else _as_array(table, f"{name} of {OWNER}")
    if array.dtype.kind == "O":
        # Nullable types and None.
        missing = [entry is None or type(entry).__name__ == "NAType" for entry in array.ravel()]
        try:
            array = np.where(np.reshape(missing, array.shape), np.nan, array).astype(np.float64)
        except (TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"{name} of {OWNER} must hold numbers: {error}.") from error
    if array.dtype.kind not in "biuf":
        raise ValueError(
            f"{name} of {OWNER} must hold real numbers: got {array.dtype}, {table!r:.60}. Code "
            "categories and dates as numbers first."
        )
    return array


def _common_type(types: Iterable[Any]) -> np.dtype:
    """Return the type of floats that both boosters read without rounding."""
    found = np.result_type(np.float32, *types)
    return np.dtype(np.float32 if found == np.float32 else np.float64)


def check_column(values: Any, name: str, n_rows: int) -> NDArray[np.float32] | None:
    """Return labels or weights as boosters hold them."""
    if values is None:
        return None
    array = as_numbers(values, name)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.shape != (n_rows,):
        raise ValueError(
            f"{name} of {OWNER} must have one entry for each of {n_rows} rows: got "
            f"{_shown(values)!r}."
        )
    if name == "sample_weight":
        check_weights(array, n_rows)
    elif not np.isfinite(array).all():
        raise ValueError(f"{name} of {OWNER} contains NaN or infinity: every row needs a label.")
    with np.errstate(over="ignore"):
        column = array.astype(np.float32, copy=False)
    if not np.isfinite(column).all():
        raise ValueError(
            f"{name} of {OWNER} holds a number that is too large for float32, which boosters hold: "
            f"got {array[~np.isfinite(column)][0]:g}."
        )
    return column


# --- arrays -------------------------------------------------------------------------------------


class _File:
    """An array in a file of NumPy, of which only what is asked for is in memory."""

    def __init__(self, file: Path) -> None:
        self._file = file
        try:
            table = self._open()
        except ValueError as error:
            raise ValueError(f"source of {OWNER} must hold arrays: {file} ({error}).") from error
        if table.ndim != 2 or table.dtype.kind not in "biuf":
            raise ValueError(
                f"source of {OWNER} must hold numbers of shape (n_samples, n_features): {file} has "
                f"{table.dtype} of shape {table.shape}."
            )
        self.shape, self.dtype = table.shape, table.dtype

    def _open(self) -> NDArray[Any]:
        return np.load(self._file, mmap_mode="r")

    def __getitem__(self, rows: slice) -> NDArray[Any]:
        # A new map each time: the pages of an old one stay in memory as long as it does.
        return self._open()[rows]


class _Arrays(BatchSource):
    def __init__(self, tables: Sequence[Any], batch_size: int) -> None:
        self._tables, self._batch_size = tables, batch_size
        widths = {int(table.shape[1]) for table in tables}
        if len(widths) > 1:
            raise ValueError(
                f"source of {OWNER} must have the same features throughout: got tables of "
                f"{' and '.join(map(str, sorted(widths)))} columns."
            )
        self.shape = (sum(int(table.shape[0]) for table in tables), widths.pop())
        self.dtype = _common_type(table.dtype for table in tables)

    def blocks(self, needed: Needed) -> Iterator[tuple[int, int, Any]]:
        begin = 0
        for table in self._tables:
            n_rows = int(table.shape[0])
            for start in range(0, n_rows, self._batch_size):
                stop = min(start + self._batch_size, n_rows)
                if needed(begin + start, begin + stop):
                    yield begin + start, stop - start, table[start:stop]
            begin += n_rows

    def numbers(self, block: Any, rows: NDArray[np.intp] | None) -> NDArray[Any]:
        chosen = block if rows is None else block[rows]
        if issparse(chosen):
            chosen = chosen.toarray()
        return np.array(chosen, dtype=self.dtype, order="C")


# --- functions ----------------------------------------------------------------------------------


class _Calls(BatchSource):
    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        n_rows, n_features, types = 0, -1, []
        labels: list[Any] = []
        weights: list[Any] = []
        for X, y, weight in self._iterate():
            if n_features not in (-1, X.shape[1]):
                raise ValueError(
                    f"source of {OWNER} must return batches of the same features: got "
                    f"{n_features} and {X.shape[1]} columns."
                )
            if weights and (weight is None) != (weights[0] is None):
                raise ValueError(
                    f"source of {OWNER} must return weights in all batches or in none."
                )
            n_rows, n_features = n_rows + X.shape[0], X.shape[1]
            types.append(X.dtype)
            if y is None:
                raise ValueError(
                    f"y in source of {OWNER} must hold labels, one per row, in every batch (X, y) "
                    "or (X, y, sample_weight): got None."
                )
            labels.append(check_column(y, "y", X.shape[0]))
            weights.append(weight)
        if n_rows == 0:
            raise ValueError(
                f"source of {OWNER} must return an iterator of batches: it has no rows."
            )
        self.shape, self.dtype = (n_rows, n_features), _common_type(set(types))
        self.y = np.concatenate(labels)
        if weights[0] is not None:
            self.weight = check_column(np.concatenate(weights), "sample_weight", n_rows)

    def _iterate(self) -> Iterator[tuple[NDArray[Any], Any, Any]]:
        try:
            batches = iter(self._make())
        except TypeError as error:
            raise TypeError(
                f"source of {OWNER} must be a function without arguments that returns an iterator "
                f"of batches: {error}."
            ) from error
        for batch in batches:
            if not isinstance(batch, tuple) or len(batch) not in (2, 3):
                raise TypeError(
                    f"source of {OWNER} must return batches (X, y) or (X, y, sample_weight): got "
                    f"{batch!r:.60}."
                )
            X = as_numbers(batch[0], "X in source")
            if X.ndim != 2:
                raise ValueError(
                    f"X in source of {OWNER} must have shape (n_samples, n_features): got "
                    f"{X.shape}."
                )
            weight = batch[2] if len(batch) == 3 else None
            if weight is not None and np.shape(weight) != (X.shape[0],):
                raise ValueError(
                    f"sample_weight in source of {OWNER} must have one entry for each of "
                    f"{X.shape[0]} rows: got shape {np.shape(weight)}."
                )
            yield X, batch[1], weight

    def blocks(self, needed: Needed) -> Iterator[tuple[int, int, Any]]:
        begin, n_rows = 0, self.shape[0]
        for X, _, _ in self._iterate():
            if X.shape[1] != self.shape[1] or begin + X.shape[0] > n_rows:
                break
            if needed(begin, begin + X.shape[0]):
                yield begin, X.shape[0], X
            begin += X.shape[0]
            if not needed(begin, n_rows):
                return
        else:
            if begin == n_rows:
                return
        raise ValueError(
            f"source of {OWNER} must return the same batches in every call: {n_rows} rows of "
            f"{self.shape[1]} features the first time, others now."
        )

    def numbers(self, block: Any, rows: NDArray[np.intp] | None) -> NDArray[Any]:
        return np.array(block if rows is None else block[rows], dtype=self.dtype, order="C")


# --- Parquet ------------------------------------------------------------------------------------


def _parquet() -> Any:
    try:
        from pyarrow import parquet
    except ModuleNotFoundError as error:
        raise ImportError(
            f"Parquet files of {OWNER} need pyarrow, which is not installed: "
            'pip install "skbudget[parquet]"'
        ) from error
    return parquet


class _Parquet(BatchSource):
    def __init__(
        self, files: Sequence[Path], y: Any, sample_weight: Any, features: Any, batch_size: int
    ) -> None:
        parquet = _parquet()
        self._files, self._batch_size = files, batch_size
        # Rows of each row group of each file.
        self._groups: list[list[int]] = []
        schemas = []
        for file in files:
            try:
                with parquet.ParquetFile(file) as opened:
                    about = opened.metadata
                    numbers = range(about.num_row_groups)
                    self._groups.append([about.row_group(number).num_rows for number in numbers])
                    schemas.append(opened.schema_arrow)
            except (OSError, ValueError) as error:
                raise ValueError(
                    f"source of {OWNER} must be Parquet files: {file} ({error})."
                ) from error
        columns = schemas[0].names
        roles = {"y": y, "sample_weight": sample_weight}
        others = [name for name in roles.values() if isinstance(name, str)]
        self.names = _features(features, columns, others)
        for role, name in roles.items():
            if isinstance(name, str) and name in self.names:
                raise ValueError(
                    f"features of {OWNER} must not name the column of {role}, {name!r}: a model "
                    "would be trained on it. Leave it out of features."
                )
        for name, value in (("y", y), ("sample_weight", sample_weight)):
            if isinstance(value, str) and value not in columns:
                raise ValueError(_unknown(name, [value], columns))
        types = []
        for file, schema in zip(files, schemas):
            missing = [name for name in (*self.names, *others) if name not in schema.names]
            if missing:
                raise ValueError(
                    f"source of {OWNER} must have the same columns in all files: {file} lacks "
                    f"{missing[:5]}."
                )
            of_file = {name: _type_of(schema.field(name), file) for name in (*self.names, *others)}
            types += [of_file[name] for name in self.names]
        self.dtype = _common_type(types)
        self.shape = (sum(map(sum, self._groups)), len(self.names))
        if isinstance(y, str):
            self.y = self._column(y, "y")
        if isinstance(sample_weight, str):
            self.weight = self._column(sample_weight, "sample_weight")

    def _column(self, column: str, name: str) -> NDArray[np.float32] | None:
        found = np.empty(self.shape[0], dtype=np.float64)
        for begin, n_rows, block in self._read([column], lambda first, last: True):
            found[begin : begin + n_rows] = _values(block.column(0))
        return check_column(found, name, self.shape[0])

    def _read(self, columns: list[str], needed: Needed) -> Iterator[tuple[int, int, Any]]:
        parquet, begin = _parquet(), 0
        for file, sizes in zip(self._files, self._groups):
            with parquet.ParquetFile(file) as opened:
                for group, size in enumerate(sizes):
                    if needed(begin, begin + size):
                        at = begin
                        for block in opened.iter_batches(
                            self._batch_size, row_groups=[group], columns=columns
                        ):
                            if needed(at, at + block.num_rows):
                                yield at, block.num_rows, block
                            at += block.num_rows
                    begin += size

    def blocks(self, needed: Needed) -> Iterator[tuple[int, int, Any]]:
        assert self.names is not None
        return self._read(self.names, needed)

    def numbers(self, block: Any, rows: NDArray[np.intp] | None) -> NDArray[Any]:
        assert self.names is not None
        n_rows = block.num_rows if rows is None else rows.size
        table = np.empty((n_rows, len(self.names)), dtype=self.dtype)
        for number, name in enumerate(self.names):
            values = _values(block.column(block.schema.get_field_index(name)))
            table[:, number] = values if rows is None else values[rows]
        return table


def _values(column: Any) -> NDArray[Any]:
    """Return a column as numbers, with NaN for missing ones."""
    values = column.to_numpy(zero_copy_only=False)
    return values.astype(np.float64) if values.dtype.kind == "O" else values


def _features(features: Any, columns: list[str], others: list[str]) -> list[str]:
    if features is None:
        found = [name for name in columns if name not in others]
    else:
        if isinstance(features, str) or not isinstance(features, Iterable):
            raise _invalid("features", features, OWNER, "a list of names of columns, or None")
        found = list(features)
        unknown = [name for name in found if name not in columns]
        if unknown:
            raise ValueError(_unknown("features", unknown, columns))
        twice = sorted({name for name in found if found.count(name) > 1})
        if twice:
            raise ValueError(f"features of {OWNER} names columns twice: {twice[:5]}.")
    if not found:
        raise ValueError(f"source of {OWNER} must have at least one column of features: got none.")
    return found


def _unknown(name: str, wrong: list[Any], columns: list[str]) -> str:
    shown = ", ".join(map(repr, columns[:20])) + (", ..." if len(columns) > 20 else "")
    return f"{name} of {OWNER} must name columns of the files, {shown}: got {wrong[:5]}."


def _type_of(field: Any, file: Path) -> np.dtype:
    """Return the type of NumPy of a column, with an error if it holds no numbers."""
    from pyarrow import types

    kind = field.type
    if types.is_null(kind) or types.is_boolean(kind):
        return np.dtype(np.float32)
    if types.is_integer(kind) or types.is_floating(kind):
        return np.dtype(kind.to_pandas_dtype())
    if types.is_decimal(kind):
        return np.dtype(np.float64)
    raise ValueError(
        f"source of {OWNER} must have columns of numbers: {field.name!r} of {file} is {kind}. Code "
        "it as a number, or leave it out of features."
    )
