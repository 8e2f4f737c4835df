"""Reading the real tables of the study: mammography, and the files of a folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skbudget.cli._files import FOLDER_VARIABLE, SHIPPED, other_separator, read_table
from skbudget.datasets import load_mammography

__all__ = ["Data", "Source", "find_sources", "read_source"]

SUFFIXES = (".npz", ".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet")
TARGET_NAMES = ("target", "label", "y", "class", "is_fraud", "isfraud", "fraud_bool", "outlier")

TIME = "time"  # the array of an archive by which its rows are split

MIN_PER_CLASS = 10  # 6, 2 and 2 in training, validation and test rows
MAX_LEVELS = 20


@dataclass(frozen=True)
class Source:
    """Where a real table is read from. The table that comes with the package has no path."""

    name: str
    path: str | None = None
    target: str | None = None

    @property
    def file_name(self) -> str:
        return self.name if self.path is None else Path(self.path).name


class Data(NamedTuple):
    X: NDArray
    y: NDArray[np.int64]
    numeric: NDArray[np.intp]  # positions of the columns that were numbers in the file
    notes: tuple[str, ...] = ()  # what was prepared
    ordered: bool = False  # whether the rows are in the order of the file's array "time"


def find_sources(folder: str | None, target: str | None) -> list[Source]:
    whose = ""
    if folder is None:
        folder = os.environ.get(FOLDER_VARIABLE) or None
        whose = f", which {FOLDER_VARIABLE} names"
    if folder is None:
        return []
    if not Path(folder).is_dir():
        raise FileNotFoundError(f"There is no folder {folder!r}{whose}.")
    sources: dict[str, Source] = {}
    found_target = False
    # Paths are absolute, because a process with another current folder may read the table.
    for path in sorted(Path(folder).absolute().iterdir()):
        name = path.name.split(".")[0]
        if not path.is_file() or not name or not path.name.lower().endswith(SUFFIXES):
            continue
        if name == SHIPPED:  # the package has this table
            continue
        if name in sources:
            raise ValueError(
                f"{sources[name].file_name} and {path.name} would both be the table {name!r}: "
                "rename one."
            )
        column = None
        if path.suffix.lower() != ".npz":
            column = _choose_target(path, target)
            found_target |= column == target
        sources[name] = Source(name, str(path), column)
    columns_named = [source for source in sources.values() if source.target is not None]
    if target is not None and columns_named and not found_target:
        raise ValueError(
            f"No file in {folder} has the column {target!r} that --target names: it was looked "
            f"for in {', '.join(source.file_name for source in columns_named)}."
        )
    return list(sources.values())


def _choose_target(path: Path, target: str | None) -> str:
    columns = _column_names(path)
    if target in columns:
        return target
    usual = [column for column in columns if column.casefold() in TARGET_NAMES]
    if len(usual) == 1:
        return usual[0]
    if usual:
        raise ValueError(
            f"{path.name} has several columns that may be its target: "
            f"{', '.join(map(repr, usual))}. Name the target with --target."
        )
    shown = ", ".join(map(repr, columns[:8])) + (", ..." if len(columns) > 8 else "")
    raise ValueError(
        f"{path.name} has no column called like a target ({', '.join(TARGET_NAMES)}): its "
        f"columns are {shown}. {other_separator(path) or 'Name the target with --target.'}"
    )


def _column_names(path: Path) -> list[str]:
    try:
        import pandas

        if path.suffix.lower() == ".parquet":
            columns = pandas.read_parquet(path).columns
        else:
            separator = "\t" if ".tsv" in path.name.lower() else ","
            columns = pandas.read_csv(path, sep=separator, nrows=0).columns
    except ImportError as error:
        raise ImportError(f"Reading {path.name} needs a package that is missing. {error}") from None
    except (ValueError, OSError) as error:  # pandas' parser errors are ValueErrors
        raise ValueError(f"{path.name} cannot be read: {error}") from None
    return [str(column) for column in columns]


@lru_cache(maxsize=2)
def read_source(source: Source) -> Data:
    """Return a table as floats. Its arrays are shared and therefore read-only."""
    if source.path is None:
        X, y = load_mammography(return_X_y=True)
        data = Data(X, y, np.arange(X.shape[1]))
    else:
        try:
            table = read_table(source.path, source.target)
        except ValueError as error:
            named = source.file_name in str(error)
            raise ValueError(str(error) if named else f"{source.file_name}: {error}") from None
        X, numeric = _as_floats(table.X)
        order = _order_of_time(Path(source.path), table.y.size)
        if order is None:
            data = Data(X, table.y, numeric, table.notes)
        else:
            data = Data(X[order], table.y[order], numeric, table.notes, ordered=True)
    fewest = min(data.y.sum(), (1 - data.y).sum())
    if fewest < MIN_PER_CLASS:
        raise ValueError(
            f"{source.file_name} has {data.y.sum()} positives and {(1 - data.y).sum()} "
            f"negatives: a table of the study needs at least {MIN_PER_CLASS} of each."
        )
    for array in (data.X, data.y, data.numeric):
        array.setflags(write=False)
    return data


def _order_of_time(path: Path, n_rows: int) -> NDArray[np.intp] | None:
    """Return the rows from the earliest to the latest, if an archive says when they were.

    Rows of the same time keep the order of the file.
    """
    if path.suffix.lower() != ".npz":
        return None
    with np.load(path, allow_pickle=False) as archive:
        if TIME not in archive.files:
            return None
        try:
            time = archive[TIME]
        except ValueError:
            raise ValueError(
                f"{path.name} has Python objects in its array {TIME}: save numbers or dates."
            ) from None
    if time.shape != (n_rows,) or time.dtype.kind not in "biufM":
        raise ValueError(
            f"{path.name} needs a number or a date for each of its {n_rows} rows in the array "
            f"{TIME}: it is {time.dtype} {time.shape}. Without the array, rows are split at random."
        )
    n_missing = np.count_nonzero(np.isnat(time) if time.dtype.kind == "M" else np.isnan(time))
    if n_missing:
        raise ValueError(
            f"{path.name} does not say when {n_missing} of its {n_rows} rows were: remove them, "
            f"or remove the array {TIME} to split the rows at random."
        )
    return np.argsort(time, kind="stable")


def _as_floats(X: Any) -> tuple[NDArray, NDArray[np.intp]]:
    """Return an array, and the positions of the columns that were numbers before."""
    if not hasattr(X, "columns"):
        # Small integers become float32, which halves the memory. Others become float64.
        floats = X.astype(np.result_type(X.dtype, np.float32))
        return floats, np.arange(X.shape[1])
    parts: list[NDArray] = []
    numeric: list[int] = []
    width = 0
    for name in X.columns:
        column = X[name]
        if hasattr(column, "cat"):
            part = _one_hot(column.cat.codes.to_numpy())
        else:
            part = column.to_numpy(dtype=np.float64)[:, None]
            numeric.append(width)
        parts.append(part)
        width += part.shape[1]
    return np.hstack(parts), np.array(numeric, dtype=np.intp)


def _one_hot(codes: NDArray) -> NDArray[np.float64]:
    """Return indicators of the most frequent levels. A missing level, -1, has no indicator."""
    # Boosters and networks get the same columns. An identifier does not get a column for
    # each row.
    counts = np.bincount(codes[codes >= 0])
    frequent = np.argsort(-counts, kind="stable")[:MAX_LEVELS]
    return (codes[:, None] == frequent).astype(np.float64)
