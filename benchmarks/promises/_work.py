"""The units of a study: one method on one draw each, in parallel processes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from benchmarks._tidy import ResultsError
from benchmarks.study import Draw, StudyTable

from ._measure import Measure, Results

__all__ = ["Failure", "Part", "Unit", "plan", "run_units"]

Run = Callable[[StudyTable, Draw, int, str, float], list[Measure]]
"""``run(table, draw, seed, method, effort)`` measures a method on a draw."""


@dataclass(frozen=True)
class Part:
    """One of the studies.

    Parameters
    ----------
    name : str
        Name on the command line.
    about : str
        Description in one line.
    tables : callable
        ``tables(quick)`` returns the tables.
    methods : callable
        ``methods(table)`` returns the names of the methods on a table.
    cells : callable
        ``cells(method)`` returns the pairs (addition, promise) that a method is measured in.
    run : callable
        ``run(table, draw, seed, method, effort)`` measures a method on a draw.
    report : callable
        ``report(measures, brief)`` returns the tables of the report, or fewer for a page.
    seeds : int
        Usual number of seeds.
    """

    name: str
    about: str
    tables: Callable[[bool], list[StudyTable]]
    methods: Callable[[StudyTable], list[str]]
    cells: Callable[[str], list[tuple[str, str]]]
    run: Run
    report: Callable[[Sequence[Measure], bool], str]
    seeds: int


@dataclass(frozen=True)
class Unit:
    """One method on the draw of one seed of one table."""

    table: StudyTable
    seed: int
    method: str


@dataclass(frozen=True)
class Failure:
    """A unit that raised an error, and the error."""

    unit: Unit
    error: str


def plan(
    part: Part,
    tables: Sequence[StudyTable],
    methods: Sequence[str] | None,
    n_seeds: int,
    effort: float,
    results: Results,
) -> list[Unit]:
    """Return the units that the results do not have, seed by seed.

    If a study is interrupted, its results cover all tables equally because of this order.

    Parameters
    ----------
    part : Part
        The study.
    tables : sequence of StudyTable
        Its tables.
    methods : sequence of str or None
        Names of the methods to run; None for all.
    n_seeds : int
        Number of seeds.
    effort : float
        Share of the usual length of training.
    results : Results
        The results so far.

    Returns
    -------
    units : list of Unit

    Raises
    ------
    ResultsError
        If the results come from a different length of training.
    """
    for measure in results:
        if measure.effort != effort:
            raise ResultsError(
                f"{results.path.name} holds results of {measure.effort:g} of the usual training, "
                f"and this run has {effort:g} of it: name another file."
            )
    return [
        Unit(table, seed, method)
        for seed in range(n_seeds)
        for table in tables
        for method in part.methods(table)
        if methods is None or method in methods
        if not results.holds(table.name, seed, method, part.cells(method))
    ]


@lru_cache(maxsize=1)
def _drawn(table: StudyTable, seed: int) -> Draw:
    return table.draw(seed)


def _run(unit: Unit, run: Run, effort: float) -> list[Measure] | Failure:
    try:
        draw = _drawn(unit.table, unit.seed)
        return run(unit.table, draw, unit.seed, unit.method, effort)
    except Exception as error:  # one failure should not end hours of work
        return Failure(unit, f"{type(error).__name__}: {error}")


def run_units(
    units: Sequence[Unit], run: Run, effort: float, n_jobs: int
) -> Iterator[tuple[Unit, list[Measure] | Failure]]:
    """Run units in ``n_jobs`` processes of one thread each, and yield results as they finish."""
    if n_jobs == 1:
        for unit in units:
            yield unit, _run(unit, run, effort)
        return
    from joblib import Parallel, delayed

    # With more threads, the processes would wait for one another on busy cores.
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        tasks = (delayed(_numbered)(number, unit, run, effort) for number, unit in enumerate(units))
        running = Parallel(n_jobs=n_jobs, return_as="generator_unordered", pre_dispatch="n_jobs")
        for number, result in running(tasks):
            yield units[number], result
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before


def _numbered(
    number: int, unit: Unit, run: Run, effort: float
) -> tuple[int, list[Measure] | Failure]:
    return number, _run(unit, run, effort)
