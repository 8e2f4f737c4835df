"""A tidy file of results that grows row by row, and that a later run continues."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any, Generic, TypeVar

__all__ = ["ResultsError", "TidyFile", "columns_of", "read_rows"]

Row = TypeVar("Row")

_READERS: dict[str, Callable[[str], Any]] = {
    "int": int,
    # A cell without a number is NaN.
    "float": lambda cell: float(cell) if cell else math.nan,
    "str": str,
}


class ResultsError(ValueError):
    """A file of results that cannot be used, or cannot be used with these options."""


def columns_of(kind: type[Any]) -> tuple[str, ...]:
    """Return the names of the columns: the fields of a dataclass."""
    return tuple(field.name for field in fields(kind))


def read_rows(path: str | os.PathLike[str], kind: type[Row]) -> list[Row]:
    """Read a file of rows of a dataclass whose fields are of type int, float or str.

    Parameters
    ----------
    path : str or path-like
        The file.
    kind : type
        The dataclass.

    Returns
    -------
    rows : list
        Objects of ``kind``. An incomplete last line is left out.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ResultsError
        If it is not such a file.
    """
    text = Path(path).read_text(encoding="utf-8")
    whole, _, _ = text.rpartition("\n")  # text after the last line end is incomplete
    lines = list(csv.reader(io.StringIO(whole)))
    if not lines:
        return []
    if tuple(lines[0]) != columns_of(kind):
        raise ResultsError(f"{Path(path).name} is not a file of results: its header differs.")
    readers = [_READERS[str(field.type)] for field in fields(kind)]  # type: ignore[arg-type]
    try:
        return [
            kind(*(read(cell) for read, cell in zip(readers, line, strict=True)))
            for line in lines[1:]
        ]
    except ValueError as error:
        raise ResultsError(f"{Path(path).name} is not a file of results: {error}") from None


def _as_text(lines: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue()


def _as_line(row: Any) -> list[Any]:
    return [
        ("" if math.isnan(value) else f"{value:.6g}") if isinstance(value, float) else value
        for value in astuple(row)
    ]


class TidyFile(Generic[Row]):
    """A file of results that grows and that a later run continues.

    Parameters
    ----------
    path : str or path-like
        The file. If there is none, it is created with the first rows.
    kind : type
        The dataclass of its rows.
    key : callable
        ``key(row)`` tells rows apart. A row whose key is in the file is not added again.

    Raises
    ------
    ResultsError
        If there is such a file and it is not a file of such rows.
    """

    def __init__(
        self, path: str | os.PathLike[str], kind: type[Row], key: Callable[[Row], Any]
    ) -> None:
        self.path = Path(path)
        self.kind, self.key = kind, key
        self.rows: list[Row] = read_rows(path, kind) if self.path.is_file() else []
        self.done = {key(row) for row in self.rows}
        self._whole = False

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def add(self, rows: Sequence[Row]) -> None:
        """Append the rows that the file does not have, in one write."""
        new = [row for row in rows if self.key(row) not in self.done]
        if not new:
            return
        if not self._whole:
            self._mend()
        with open(self.path, "a", encoding="utf-8", newline="") as file:
            file.write(_as_text(map(_as_line, new)))
        self.rows.extend(new)
        self.done.update(map(self.key, new))

    def _mend(self) -> None:
        """Rewrite the file, so that no row is appended to an incomplete line."""
        beside = self.path.with_name(self.path.name + ".part")
        text = _as_text([columns_of(self.kind), *map(_as_line, self.rows)])
        beside.write_text(text, encoding="utf-8", newline="")
        beside.replace(self.path)
        self._whole = True
