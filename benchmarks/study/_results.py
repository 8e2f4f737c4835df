"""The tidy file of results, with one row per table, seed, method, budget and basis."""

from __future__ import annotations

import os
from collections.abc import Iterable

from benchmarks._tidy import ResultsError, TidyFile, columns_of, read_rows

from ._search import Measure

__all__ = ["COLUMNS", "Results", "ResultsError", "read_results"]

COLUMNS = columns_of(Measure)


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
    return read_rows(path, Measure)


class Results(TidyFile[Measure]):
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
        super().__init__(path, Measure, _key)

    @property
    def measures(self) -> list[Measure]:
        """All measures in the file."""
        return self.rows

    def holds(self, table: str, seed: int, method: str, cells: Iterable[tuple[float, str]]) -> bool:
        """Return whether the file has all pairs (budget, basis) of a method on a draw."""
        return all((table, seed, method, budget, basis) in self.done for budget, basis in cells)


def _key(measure: Measure) -> tuple[str, int, str, float, str]:
    return (measure.table, measure.seed, measure.method, measure.budget, measure.basis)
