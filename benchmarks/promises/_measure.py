"""One measured number, and the file of them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from benchmarks._tidy import TidyFile, read_rows

__all__ = ["Measure", "Results", "read_measures"]


@dataclass(frozen=True)
class Measure:
    """What one method kept of one promise, on one draw of a table.

    Parameters
    ----------
    table : str
        Name of the table.
    seed : int
        Number of the draw.
    method : str
        What was trained.
    addition : str
        What was added to it. Empty if the study has no additions.
    promise : str
        Name of the figure, see `PROMISES`.
    validation : float
        What the trial was chosen by, on the validation rows.
    test : float
        The figure on the test rows.
    seconds : float
        Processor time of the training of the chosen trial.
    trials : int
        Number of trials that it was chosen from, those of its base included.
    effort : float
        Share of the usual length of training.
    n_train, positives_train : int
        Numbers of training rows.
    parameters : str
        The chosen parameters, as JSON.
    """

    table: str
    seed: int
    method: str
    addition: str
    promise: str
    validation: float
    test: float
    seconds: float
    trials: int
    effort: float
    n_train: int
    positives_train: int
    parameters: str


def _key(measure: Measure) -> tuple[str, int, str, str, str]:
    return (measure.table, measure.seed, measure.method, measure.addition, measure.promise)


class Results(TidyFile[Measure]):
    """A file of measures that a later run continues.

    Parameters
    ----------
    path : str or path-like
        The file. If there is none, it is created with the first rows.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__(path, Measure, _key)

    def holds(self, table: str, seed: int, method: str, cells: Iterable[tuple[str, str]]) -> bool:
        """Return whether the file has all pairs (addition, promise) of a method on a draw."""
        return all((table, seed, method, *cell) in self.done for cell in cells)


def read_measures(path: str | os.PathLike[str]) -> list[Measure]:
    """Return the measures of a file. An incomplete last line is left out."""
    return read_rows(path, Measure)
