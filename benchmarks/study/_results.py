"""The tidy file of results, with one row per table, seed, method, budget and basis."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any

from ._search import Measure

__all__ = ["COLUMNS", "Results", "ResultsError", "read_results"]

COLUMNS = tuple(field.name for field in fields(Measure))
_READERS = {"int": int, "float": float, "str": str}
_TYPES = {field.name: _READERS[str(field.type)] for field in fields(Measure)}


class ResultsError(ValueError):
    """A file of results that cannot be used, or cannot be used with these options."""


def _as_text(rows: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _as_row(measure: Measure) -> list[Any]:
    return [
        ("" if math.isnan(value) else f"{value:.6g}") if isinstance(value, float) else value
        for value in astuple(measure)
    ]


def _as_measure(row: Sequence[str]) -> Measure:
    values: dict[str, Any] = {
        name: float("nan") if cell == "" else _TYPES[name](cell)
        for name, cell in zip(COLUMNS, row, strict=True)
    }
    return Measure(**values)


def read_results(path: str | os.PathLike[str]) -> list[Measure]:
    """Read a file of results.

    Parameters
    ----------
    path : str or path-like
        File that ``python -m skbudget bench`` wrote.

    Returns
    -------
    measures : list of Measure
        The results. An incomplete last line is left out.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ResultsError
        If it is not a file of results.
    """
    text = Path(path).read_text(encoding="utf-8")
    whole, _, _ = text.rpartition("\n")  # text after the last line end is incomplete
    rows = list(csv.reader(io.StringIO(whole)))
    if not rows:
        return []
    if tuple(rows[0]) != COLUMNS:
        raise ResultsError(f"{Path(path).name} is not a file of results: its header differs.")
    try:
        return [_as_measure(row) for row in rows[1:]]
    except ValueError as error:
        raise ResultsError(f"{Path(path).name} is not a file of results: {error}") from None


class Results:
    """A file of results that grows and that a later run continues.

    Parameters
    ----------
    path : str or path-like
        The file. If there is none, it is created with the first rows.

    Raises
    ------
    ResultsError
        If there is such a file and it is not a file of results.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.measures: list[Measure] = read_results(path) if self.path.is_file() else []
        self._done = {_key(measure) for measure in self.measures}
        self._whole = False

    def __iter__(self) -> Iterator[Measure]:
        return iter(self.measures)

    def holds(self, table: str, seed: int, method: str, cells: Iterable[tuple[float, str]]) -> bool:
        """Return whether the file has all pairs (budget, basis) of a method on a draw."""
        return all((table, seed, method, budget, basis) in self._done for budget, basis in cells)

    def add(self, measures: Sequence[Measure]) -> None:
        """Append the rows that the file does not have, in one write."""
        new = [measure for measure in measures if _key(measure) not in self._done]
        if not new:
            return
        if not self._whole:
            self._mend()
        with open(self.path, "a", encoding="utf-8", newline="") as file:
            file.write(_as_text(map(_as_row, new)))
        self.measures.extend(new)
        self._done.update(map(_key, new))

    def _mend(self) -> None:
        """Rewrite the file, so that no row is appended to an incomplete line."""
        beside = self.path.with_name(self.path.name + ".part")
        beside.write_text(
            _as_text([COLUMNS, *map(_as_row, self.measures)]), encoding="utf-8", newline=""
        )
        beside.replace(self.path)
        self._whole = True


def _key(measure: Measure) -> tuple[str, int, str, float, str]:
    return (measure.table, measure.seed, measure.method, measure.budget, measure.basis)
