"""The command ``reproduce``: its options and its output."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skbudget.cli._options import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_OK,
    add_jobs,
    check_output,
    command_parser,
    positive_int,
    print_anywhere,
    program,
)

from ._published import PublishedTable
from ._recipes import FULL, QUICK, CardFraud
from ._tables import PUBLISHED_TABLES, find_tables

if TYPE_CHECKING:
    from skbudget._utils.progress import Progress

    from ._reproduction import Reproduction

__all__ = ["main"]

COMMAND = "reproduce"
REAL_TABLE = "separable"

DESCRIPTION = """\
Train the networks of the publication "PAUCAtBudgetLoss: a deep dive" with the
losses of skbudget.neural, on the same rows and in the same way, and print our
figures beside the published ones.
"""

EPILOG = f"""\
tables:
{{tables}}
  {REAL_TABLE} reads the card fraud table from --data, or downloads it from OpenML.
  If neither is possible, it is left out. Networks that several tables share are
  trained once.

examples:
  PROG
      all tables as published, in half an hour on two cores
  PROG --quick
      fewer rows, epochs and seeds: shows that it runs, not what it finds
  PROG cues mining --seeds 4 --json out.json
      two tables with four seeds; every figure in a file
  PROG estimator --skip-seeds 8
      PAUCClassifier on eight draws that were not used to choose its defaults

exit status: 0 done; 1 a result could not be written; 2 the options or the
data cannot be used, or torch is not installed; 130 interrupted with Ctrl-C
(what was finished by then is shown and written).
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Reproduce tables and return the exit status."""
    parser = _build_parser()
    options = parser.parse_args(arguments)
    _check_combinations(parser, options)
    if options.list:
        print(_list_tables())
        return EXIT_OK
    try:
        return _run(parser, options)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return EXIT_INTERRUPTED


def _build_parser() -> argparse.ArgumentParser:
    parser = command_parser(
        COMMAND, DESCRIPTION, EPILOG.format(tables=_list_tables()), usage="[TABLE ...] [options]"
    )
    parser.add_argument(
        "tables", nargs="*", metavar="TABLE", help="tables to reproduce (default: all)"
    )
    parser.add_argument("--list", action="store_true", help="list the tables and stop")
    parser.add_argument(
        "--seeds",
        type=positive_int,
        metavar="N",
        help=f"number of seeds per table (default: {FULL.n_seeds}, and {FULL.n_demo_seeds} for "
        "demo, as published)",
    )
    parser.add_argument(
        "--skip-seeds",
        type=positive_int,
        default=0,
        metavar="N",
        help="number of seeds to skip; 8 gives draws that the publication did not use",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help=f"{QUICK.n_seeds} seeds, {QUICK.n_train} training rows and {QUICK.epochs} epochs; not "
        "comparable with the published figures",
    )
    parser.add_argument(
        "--data",
        metavar="FILE.npz",
        help=f"card fraud table for {REAL_TABLE}: arrays X and y",
    )
    add_jobs(parser, "number of threads", "the processors that are free")
    parser.add_argument(
        "--json",
        metavar="FILE",
        help="write every figure; - prints them instead of the tables",
    )
    parser.add_argument(
        "--quiet", action="store_true", help="print only the tables, without progress or notes"
    )
    return parser


def _list_tables() -> str:
    width = max(len(name) for name in PUBLISHED_TABLES)
    return "\n".join(
        f"  {table.name.ljust(width)}  {table.section.ljust(8)}  {table.title}"
        for table in PUBLISHED_TABLES.values()
    )


def _check_combinations(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    try:
        options.tables = find_tables(options.tables or None, skip_seeds=options.skip_seeds)
    except ValueError as error:
        parser.error(str(error))
    if options.data is not None and REAL_TABLE not in [table.name for table in options.tables]:
        parser.error(f"--data is the table of {REAL_TABLE!r}, which is not one of the named tables")


def _run(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    try:
        check_output("--json", options.json)
        from skbudget.cli._threads import choose_threads

        from ._reproduction import (
            Measurement,
            Reproduction,
            check_torch,
            iter_measurements,
            summarise,
        )
        from ._text import render_banner, render_closing, render_table

        check_torch()
        threads = choose_threads(options.n_jobs)
        tables, skipped = _read_data(options)
    except (ImportError, OSError, ValueError) as error:
        parser.error(str(error))

    scale = QUICK if options.quick else FULL
    to_stdout = options.json != "-"
    if to_stdout:
        print_anywhere(render_banner(scale, scale == FULL))
    progress = _start_progress(options, tables, scale)
    done: list[Measurement] = []
    shown: set[str] = set()

    def show(table: PublishedTable) -> None:
        shown.add(table.name)
        measured = [measurement for measurement in done if measurement.table == table.name]
        if to_stdout and measured:
            if progress is not None:
                progress.close()
            result = summarise(table, measured)
            text = render_table(result, comparable=scale == FULL, notes=not options.quiet)
            print_anywhere(f"\n{text}")

    measurements = iter_measurements(
        tables,
        options.seeds,
        scale,
        n_jobs=threads,
        on_fit=None if progress is None else progress.count,
    )
    last = {table.name: table.seeds(options.seeds, scale)[-1] for table in tables}
    by_name = {table.name: table for table in tables}
    try:
        for measurement in measurements:
            done.append(measurement)
            if measurement.seed == last[measurement.table]:
                show(by_name[measurement.table])
    except KeyboardInterrupt:
        if not done:
            raise
    finally:
        if progress is not None:
            progress.close()
    for table in tables:
        if table.name not in shown:
            show(table)

    reproduction = Reproduction(tuple(tables), scale, options.seeds, tuple(done), threads, skipped)
    if to_stdout:
        closing = render_closing(reproduction, notes=not options.quiet)
        if closing:
            print_anywhere(f"\n{closing}")
        if not reproduction.comparable:
            print_anywhere(f"\n{render_banner(scale, False)}")
    written = _write(reproduction, options)
    if not reproduction.complete:
        return EXIT_INTERRUPTED
    return EXIT_OK if written else EXIT_FAILED


def _start_progress(
    options: argparse.Namespace, tables: Sequence[PublishedTable], scale: Any
) -> Progress | None:
    if options.quiet:
        return None
    from skbudget._utils.progress import Progress

    from ._reproduction import count_fits

    return Progress(sys.stderr, count_fits(tables, options.seeds, scale))


def _read_data(options: argparse.Namespace) -> tuple[list[PublishedTable], dict[str, str]]:
    """Read the rows of the table that needs them. Return the tables, and those to skip."""
    tables, skipped = [], {}
    for table in options.tables:
        if not table.needs_data:
            tables.append(table)
        elif options.data is not None:
            tables.append(table.with_data(_read_file(options.data)))
        else:
            try:
                tables.append(table.with_data(_fetch()))
            except OSError as error:
                skipped[table.name] = f"{error} Or name a file with --data."
    if not tables:
        raise OSError(f"Nothing to do: {'; '.join(skipped.values())}")
    return tables, skipped


def _read_file(path: str) -> CardFraud:
    from sklearn.utils import check_array

    from skbudget.cli._files import read_table

    table = read_table(path)
    return CardFraud(check_array(table.X, dtype="numeric", input_name="X"), table.y)


def _fetch() -> CardFraud:
    from skbudget.datasets import fetch_creditcard_fraud

    return CardFraud(*fetch_creditcard_fraud(return_X_y=True, n_retries=0))


def _write(reproduction: Reproduction, options: argparse.Namespace) -> bool:
    """Write the figures as JSON if the options ask for it, and return whether it worked."""
    if options.json is None:
        return True
    text = json.dumps(reproduction.to_dict(), indent=2, allow_nan=False)
    if options.json == "-":
        print(text)
        return True
    try:
        Path(options.json).write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        print(f"{program(COMMAND)}: error: {error}", file=sys.stderr)
        return False
    return True
