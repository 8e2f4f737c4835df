"""Planning and running the units of a study, in parallel processes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ._contender import Contender
from ._results import Results, ResultsError
from ._search import BASES, CEILING, Effort, Measure, measure_ceiling, run_unit
from ._table import Draw, StudyTable

__all__ = ["Failure", "Unit", "plan_units", "run_units"]


@dataclass(frozen=True)
class Unit:
    """One contender on the draw of one seed of one table. None stands for the ceiling."""

    table: StudyTable
    seed: int
    contender: Contender | None

    @property
    def method(self) -> str:
        """Name of the contender or of the ceiling."""
        return CEILING if self.contender is None else self.contender.name


@dataclass(frozen=True)
class Failure:
    """A unit that raised an error, and the error."""

    unit: Unit
    error: str


def plan_units(
    tables: Sequence[StudyTable],
    contenders: Sequence[Contender],
    n_seeds: Callable[[StudyTable], int],
    effort: Effort,
    results: Results,
    *,
    runs_on: Callable[[Contender, StudyTable], bool] = lambda contender, table: True,
) -> list[Unit]:
    """Return the units that the results do not have, seed by seed.

    If a study is interrupted, its results cover all tables equally because of this order.

    Parameters
    ----------
    tables, contenders : sequence
        The tables and the contenders of the study.
    n_seeds : callable
        ``n_seeds(table)`` returns the number of seeds of a table.
    effort : Effort
        The work for each contender.
    results : Results
        The results so far.
    runs_on : callable, default=every contender on every table
        ``runs_on(contender, table)`` returns whether the contender runs on the table.

    Returns
    -------
    units : list of Unit

    Raises
    ------
    ResultsError
        If the results come from a different effort, or from another split of a table.
    """
    _check_same_effort(contenders, effort, results)
    _check_same_groups(tables, results)
    cells = [(budget, basis) for budget in effort.budgets for basis in BASES]
    units = []
    for seed in range(max(map(n_seeds, tables), default=0)):
        for table in tables:
            if seed >= n_seeds(table):
                continue
            if table.has_ceiling:
                units.append(Unit(table, seed, None))
            units += [Unit(table, seed, one) for one in contenders if runs_on(one, table)]
    return [
        unit for unit in units if not results.holds(unit.table.name, unit.seed, unit.method, cells)
    ]


def _check_same_effort(contenders: Sequence[Contender], effort: Effort, results: Results) -> None:
    wanted = {contender.name: effort.trials(contender) for contender in contenders}
    for measure in results:
        if measure.method not in wanted:
            continue
        if (measure.trials, measure.training) != (wanted[measure.method], effort.training):
            raise ResultsError(
                f"{results.path.name} holds {measure.method} after {measure.trials} trials of "
                f"{measure.training:g} of the usual training, but this run has "
                f"{wanted[measure.method]} trials of {effort.training:g}: name another file."
            )


def _check_same_groups(tables: Sequence[StudyTable], results: Results) -> None:
    """Raise an error if a table was in another group, such as that of random splits."""
    groups = {table.name: table.group for table in tables}
    for measure in results:
        group = groups.get(measure.table, measure.group)
        if measure.group != group:
            raise ResultsError(
                f"{results.path.name} holds the table {measure.table} in the group "
                f"{measure.group!r}, but now it is in {group!r}, so its rows are split in another "
                "way: name another file, or remove the rows of this table from it."
            )


@lru_cache(maxsize=1)
def _drawn(table: StudyTable, seed: int) -> Draw:
    return table.draw(seed)


def _run(unit: Unit, effort: Effort) -> list[Measure] | Failure:
    try:
        draw = _drawn(unit.table, unit.seed)
        if unit.contender is None:
            return measure_ceiling(unit.table, draw, unit.seed, effort)
        return run_unit(unit.table, draw, unit.seed, unit.contender, effort)
    except Exception as error:  # one failure should not end hours of work
        return Failure(unit, f"{type(error).__name__}: {error}")


def run_units(
    units: Sequence[Unit], effort: Effort, n_jobs: int, run: Callable[..., Any] = _run
) -> Iterator[tuple[Unit, list[Measure] | Failure]]:
    """Run units in ``n_jobs`` processes of one thread each, and yield results as they finish."""
    if n_jobs == 1:
        for unit in units:
            yield unit, run(unit, effort)
        return
    from joblib import Parallel, delayed

    # With more threads, the processes would wait for one another on busy cores.
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        tasks = (delayed(_numbered)(number, unit, effort, run) for number, unit in enumerate(units))
        running = Parallel(n_jobs=n_jobs, return_as="generator_unordered", pre_dispatch="n_jobs")
        for number, result in running(tasks):
            yield units[number], result
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before


def _numbered(
    number: int, unit: Unit, effort: Effort, run: Callable[..., Any]
) -> tuple[int, list[Measure] | Failure]:
    return number, run(unit, effort)
