"""The command ``python -m benchmarks.promises``."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from skbudget.cli._options import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_OK,
    add_jobs,
    check_output,
    positive_int,
    print_anywhere,
    split_names,
)

from . import __doc__ as about
from ._measure import Measure, Results, read_measures
from ._parts import PARTS
from ._work import Failure, Part, Unit, plan, run_units

QUICK_SEEDS, QUICK_EFFORT = 2, 0.25
FOLDER = "docs"


def main(
    arguments: Sequence[str] | None = None,
    *,
    program: str = "promises",
    description: str | None = about,
    parts: Mapping[str, Part] | None = None,
) -> int:
    """Run the unfinished part of a study, print its report and return the exit status.

    The studies are those of the promises, unless another program hands over its own.
    """
    parts = PARTS if parts is None else parts
    parser = _build_parser(program, description, parts)
    options = parser.parse_args(arguments)
    part = parts[options.part]
    stem = f"{program}-{part.name}{'-quick' if options.quick else ''}.csv"
    path = Path(options.results or (Path(FOLDER) / stem if Path(FOLDER).is_dir() else stem))
    try:
        if options.page is not None and not options.report:
            raise ValueError("--page is for --report, which runs nothing: add --report")
        check_output("--results", str(path))
        if options.report:
            if not path.is_file():
                raise ValueError(f"--report: there is no file of results {str(path)!r}")
            return _show(part, read_measures(path), options.page, program)
        results = Results(path)
        units = _plan(part, options, results)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    try:
        failures = _work(part, units, options, results)
    except KeyboardInterrupt:
        print(f"Interrupted: the same command continues from {path}.", file=sys.stderr)
        return EXIT_INTERRUPTED
    for failure in failures:
        one = failure.unit
        print(f"{one.method} failed on {one.table.name}, seed {one.seed}: {failure.error}",
              file=sys.stderr)  # fmt: skip
    _show(part, results.rows, None, program)
    return EXIT_FAILED if failures else EXIT_OK


def _build_parser(
    program: str, description: str | None, parts: Mapping[str, Part]
) -> argparse.ArgumentParser:
    width = max(map(len, parts))
    parser = argparse.ArgumentParser(
        prog=f"python -m benchmarks.{program}",
        description=description,
        epilog="parts:\n"
        + "\n".join(f"  {name.ljust(width)}  {part.about}" for name, part in parts.items())
        + "\n\nEvery finished piece is written to the file of results at once, and the same "
        "command continues\nfrom there.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("part", choices=tuple(parts), metavar="PART", help=", ".join(parts))
    parser.add_argument(
        "--quick",
        action="store_true",
        help="small tables, a quarter of the training and two seeds: shows that it runs, not what "
        "it finds",
    )
    parser.add_argument("--seeds", type=positive_int, metavar="N", help="number of draws")
    parser.add_argument("--tables", type=split_names, metavar="NAMES", help="tables to run")
    parser.add_argument("--methods", type=split_names, metavar="NAMES", help="methods to run")
    parser.add_argument(
        "--minutes", type=positive_int, metavar="N", help="start nothing after so many minutes"
    )
    add_jobs(parser, "number of processes, with one thread each", "1")
    parser.add_argument(
        "--results", metavar="FILE.csv", help=f"file of results (default: in the folder {FOLDER})"
    )
    parser.add_argument(
        "--report", action="store_true", help="run nothing, and report the file of results"
    )
    parser.add_argument(
        "--page", metavar="FILE.md", help="with --report, put the tables into a page of the docs"
    )
    return parser


def _plan(part: Part, options: argparse.Namespace, results: Results) -> list[Unit]:
    tables = part.tables(options.quick)
    _refuse_unknown("--tables", options.tables, [table.name for table in tables])
    known = dict.fromkeys(name for table in tables for name in part.methods(table))
    _refuse_unknown("--methods", options.methods, list(known))
    seeds = options.seeds or (QUICK_SEEDS if options.quick else part.seeds)
    asked = [table for table in tables if options.tables is None or table.name in options.tables]
    return plan(part, asked, options.methods, seeds, _effort(options), results)


def _effort(options: argparse.Namespace) -> float:
    return QUICK_EFFORT if options.quick else 1.0


def _refuse_unknown(option: str, asked: Sequence[str] | None, known: Sequence[str]) -> None:
    for name in asked or ():
        if name not in known:
            raise ValueError(f"{option}: unknown name {name!r} (choose from {', '.join(known)})")


def _work(
    part: Part, units: Sequence[Unit], options: argparse.Namespace, results: Results
) -> list[Failure]:
    from skbudget._utils.progress import Progress
    from skbudget.cli._threads import choose_processes

    totals: dict[str, int] = {}
    for unit in units:
        totals[unit.table.name] = totals.get(unit.table.name, 0) + 1
    progress = Progress(sys.stderr, totals, noun="methods") if units else None
    n_jobs = 1 if options.n_jobs is None else choose_processes(options.n_jobs)
    failures: list[Failure] = []
    start = time.monotonic()
    try:
        for unit, found in run_units(units, part.run, _effort(options), n_jobs):
            if isinstance(found, Failure):
                failures.append(found)
            else:
                results.add(found)
            if progress is not None:
                progress.count(unit.table.name)
            if options.minutes and time.monotonic() - start > 60 * options.minutes:
                break
    finally:
        if progress is not None:
            progress.close()
    return failures


def _show(part: Part, measures: Sequence[Measure], page: str | None, program: str) -> int:
    if page is None:
        print_anywhere(part.report(measures, False) if measures else "There are no results yet.")
    else:
        text = Path(page).read_text(encoding="utf-8")
        Path(page).write_text(with_tables(text, part, measures, program), encoding="utf-8")
    return EXIT_OK


def with_tables(
    text: str, part: Part, measures: Sequence[Measure], program: str = "promises"
) -> str:
    """Return a page with the tables of a study, between the two comments that are for them.

    Parameters
    ----------
    text : str
        The page.
    part : Part
        The study.
    measures : sequence of Measure
        Its results.
    program : str, default="promises"
        Name in the comments.

    Returns
    -------
    text : str
    """
    before, start, rest = text.partition(f"<!-- {program}: {part.name} -->\n")
    _, end, after = rest.partition(f"<!-- {program}: end -->\n")
    if not end:
        raise ValueError(f"--page: the page has no comment for the tables of {part.name}")
    return f"{before}{start}\n{part.report(measures, True)}\n{end}{after}"


if __name__ == "__main__":
    sys.exit(main())
