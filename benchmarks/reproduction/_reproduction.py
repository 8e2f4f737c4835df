"""Measuring the tables of the publication seed by seed, and summarising the results."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib import import_module
from typing import Any

from skbudget._utils.statistics import LEVEL, N_RESAMPLES, Interval, bootstrap_interval
from skbudget.cli._threads import torch_threads

from ._lab import Lab
from ._published import PublishedTable, Row
from ._recipes import FULL, Fit, Scale
from ._tables import find_tables

__all__ = [
    "Measurement",
    "Reproduction",
    "TableResult",
    "check_torch",
    "count_fits",
    "iter_measurements",
    "reproduce_tables",
    "summarise",
]


@dataclass(frozen=True)
class Measurement:
    """The numbers of a table for one seed.

    Parameters
    ----------
    table : str
        Name of the table.
    seed : int
        The seed.
    values : dict of str to float
        A number for each row, by the row's name.
    """

    table: str
    seed: int
    values: dict[str, float]


@dataclass(frozen=True)
class TableResult:
    """A table with our figures and the published ones.

    Parameters
    ----------
    table : PublishedTable
        The table.
    seeds : tuple of int
        Seeds that were measured.
    ours : dict of str to Interval
        Mean and bootstrap interval of each row, by the row's name.
    """

    table: PublishedTable
    seeds: tuple[int, ...]
    ours: dict[str, Interval]

    def agrees(self, row: Row) -> bool | None:
        """Return whether the published figure lies in our interval.

        The result is None if there is no such figure, or if it is a mean over more seeds
        than ours.
        """
        published_seeds = self.table.seeds(None, FULL)
        if row.published is None or len(self.seeds) < len(published_seeds):
            return None
        ours = self.ours[row.name]
        return row.published.agrees_with(ours.low, ours.high)


@dataclass(frozen=True)
class Reproduction:
    """The results of measuring tables of the publication again.

    Parameters
    ----------
    tables : tuple of PublishedTable
        Tables that were to be measured.
    scale : Scale
        Numbers of rows and of training steps.
    n_seeds : int or None
        Number of seeds per table. None stands for the published number.
    measurements : tuple of Measurement
        Finished measurements.
    n_jobs : int
        Number of threads of torch.
    skipped : dict of str to str, default={}
        Reasons why other tables could not be measured, by name.
    """

    tables: tuple[PublishedTable, ...]
    scale: Scale
    n_seeds: int | None
    measurements: tuple[Measurement, ...]
    n_jobs: int
    skipped: dict[str, str] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every table was measured on every seed."""
        planned = sum(len(table.seeds(self.n_seeds, self.scale)) for table in self.tables)
        return len(self.measurements) == planned

    @property
    def comparable(self) -> bool:
        """Whether the numbers of rows and of training steps are those of the publication."""
        return self.scale == FULL

    def results(self) -> list[TableResult]:
        """Return means and intervals of all tables that have measurements."""
        results = []
        for table in self.tables:
            done = [m for m in self.measurements if m.table == table.name]
            if done:
                results.append(summarise(table, done))
        return results

    def to_dict(self) -> dict[str, Any]:
        """Return figures, settings and versions, ready for JSON."""
        return {
            "complete": self.complete,
            "comparable": self.comparable,
            "scale": asdict(self.scale),
            "level": LEVEL,
            "n_resamples": N_RESAMPLES,
            "n_jobs": self.n_jobs,
            "versions": _versions(),
            "skipped": dict(self.skipped),
            "tables": [_table_to_dict(result) for result in self.results()],
            "measurements": [asdict(measurement) for measurement in self.measurements],
        }


def summarise(table: PublishedTable, measurements: Sequence[Measurement]) -> TableResult:
    """Return a table's means and intervals over its seeds."""
    return TableResult(
        table=table,
        seeds=tuple(measurement.seed for measurement in measurements),
        ours={
            row.name: bootstrap_interval([m.values[row.name] for m in measurements])
            for row in table.rows
        },
    )


def _table_to_dict(result: TableResult) -> dict[str, Any]:
    return {
        "name": result.table.name,
        "section": result.table.section,
        "title": result.table.title,
        "notes": list(result.table.notes),
        "seeds": list(result.seeds),
        "rows": [
            {
                "name": row.name,
                "label": row.label,
                "published": None if row.published is None else asdict(row.published),
                "ours": result.ours[row.name].to_dict(),
                "agrees": result.agrees(row),
            }
            for row in result.table.rows
        ],
    }


def _versions() -> dict[str, str]:
    from skbudget import __version__

    return {
        "skbudget": __version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        **{name: str(import_module(name).__version__) for name in ("numpy", "sklearn", "torch")},
    }


def check_torch() -> None:
    """Raise an error if torch is not installed."""
    try:
        import_module("torch")
    except ModuleNotFoundError:
        raise ImportError('needs torch: pip install "skbudget[neural]"') from None


def count_fits(
    tables: Sequence[PublishedTable], n_seeds: int | None, scale: Scale
) -> dict[str, int]:
    """Return how many networks each table trains that the tables before it did not train."""
    seen: set[tuple[Fit, int]] = set()
    totals = {}
    for table in tables:
        needed = {
            (fit, seed) for fit in table.fits.values() for seed in table.seeds(n_seeds, scale)
        }
        totals[table.name] = len(needed - seen)
        seen |= needed
    return totals


def iter_measurements(
    tables: Sequence[PublishedTable],
    n_seeds: int | None = None,
    scale: Scale = FULL,
    *,
    n_jobs: int = 1,
    on_fit: Callable[[str], None] | None = None,
) -> Iterator[Measurement]:
    """Train and measure, table by table and seed by seed.

    Parameters
    ----------
    tables : sequence of PublishedTable
        Tables. A network that several of them need is trained once per seed.
    n_seeds : int, default=None
        Number of seeds per table. None stands for the published number.
    scale : Scale, default=FULL
        Numbers of rows and of training steps.
    n_jobs : int, default=1
        Number of threads of torch. The last digits of a step can depend on it, and the
        differences grow in the course of the training.
    on_fit : callable, default=None
        Called with the name of the table when a network has been trained.

    Yields
    ------
    measurement : Measurement
    """
    current = ""

    def count() -> None:
        if on_fit is not None:
            on_fit(current)

    lab = Lab(scale, count)
    for table in tables:
        current = table.name
        for seed in table.seeds(n_seeds, scale):
            with torch_threads(n_jobs):
                values = table.measure(lab.bench(seed), table.fits)
            yield Measurement(table.name, seed, values)


def reproduce_tables(
    names: Sequence[str] | None = None,
    *,
    n_seeds: int | None = None,
    skip_seeds: int = 0,
    scale: Scale = FULL,
    data: Mapping[str, Any] | None = None,
    n_jobs: int = 1,
    on_fit: Callable[[str], None] | None = None,
) -> Reproduction:
    """Measure tables of the publication again.

    Parameters
    ----------
    names : sequence of str, default=None
        Names of tables in `PUBLISHED_TABLES`. None stands for all that need no other data.
    n_seeds : int, default=None
        Number of seeds per table. None stands for the published number.
    skip_seeds : int, default=0
        Number of seeds to skip, for draws that were not published.
    scale : Scale, default=FULL
        `FULL` for the numbers of rows and of training steps of the publication, `QUICK`
        for fewer.
    data : mapping of str to data, default=None
        Data for tables that cannot draw their own, by the name of the table.
    n_jobs : int, default=1
        Number of threads of torch.
    on_fit : callable, default=None
        Called with the name of the table when a network has been trained.

    Returns
    -------
    reproduction : Reproduction

    Raises
    ------
    ImportError
        If torch is not installed.
    ValueError
        If a table is unknown.
    """
    check_torch()
    given = dict(data or {})
    tables = [
        table.with_data(given[table.name]) if table.name in given else table
        for table in find_tables(names, skip_seeds=skip_seeds)
    ]
    skipped = {}
    if names is None:
        skipped = {table.name: "no data given" for table in tables if table.needs_data}
        tables = [table for table in tables if not table.needs_data]
    measurements = tuple(iter_measurements(tables, n_seeds, scale, n_jobs=n_jobs, on_fit=on_fit))
    return Reproduction(tuple(tables), scale, n_seeds, measurements, n_jobs, skipped)
