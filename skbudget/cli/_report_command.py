"""The command ``report``: its options and its output."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._options import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_OK,
    add_jobs,
    check_output,
    checked_by,
    command_parser,
    positive_int,
    print_anywhere,
    program,
    whole_number,
)
from ._table_options import add_budget, add_file, check_file, load_named, read_file, seed

if TYPE_CHECKING:
    from ..model_selection import AdoptionReport

__all__ = ["main"]

COMMAND = "report"

DESCRIPTION = """\
Say whether it is worth switching to a band loss on your table. The command trains
four models on the same splits: LightGBM with an L2 penalty (or XGBoost, if only
that is installed), the same with hard negatives mined, the same with larger
trees, and PAUCLGBMClassifier. Its answer is one of: adopt, try hard-negative
mining, keep cross-entropy, or not enough data. With --quick it forecasts the
lift from two short models, and says whether to measure it.
"""

EPILOG = """\
The command calls skbudget.model_selection.adoption_report, which also accepts
models of your own, weights and values. docs/adoption.md explains its rule and
says how often it was right.

Dates become days since 1970-01-01, text becomes categories and infinite values
become missing. The output has a line for each kind, with the columns.

examples:
  PROG
      mammography, which comes with the package; takes a minute
  PROG --data claims.csv --target fraud --budget 0.01
      your own table, if you review the top 1 % of the rows
  PROG --data claims.parquet --target label --positive fraud \\
          --drop claim_id,date --repeats 10 --html report.html --json report.json

exit status: 0 done; 1 a result could not be written; 2 the options or the
data cannot be used, or no booster is installed; 130 interrupted.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the report and return the exit status."""
    parser = _build_parser()
    options = parser.parse_args(arguments)
    check_file(parser, options)
    if options.data and options.table:
        parser.error(
            f"--table {options.table} and --data {options.data} name two tables: a report is about "
            "one"
        )
    try:
        report = _make_report(parser, options)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return EXIT_INTERRUPTED
    return EXIT_OK if _show(report, options) else EXIT_FAILED


def _make_report(parser: argparse.ArgumentParser, options: argparse.Namespace) -> AdoptionReport:
    from sklearn.model_selection import RepeatedStratifiedKFold

    from ..model_selection import adoption_report
    from ..model_selection.report._report import fold_repeats
    from ._files import SHIPPED
    from ._threads import choose_processes

    settings: dict[str, Any] = {"basis": options.basis, "folded": not options.quick}
    if not options.quick:
        settings["n_folds"] = options.folds
    if options.budget is not None:
        settings["budget"] = options.budget
    try:
        check_output("--json", options.json)
        check_output("--html", options.html)
        if options.data:
            table = read_file(options, "--folds", **settings)
        else:
            table = load_named(options.table or SHIPPED, "--folds", **settings)
        jobs = choose_processes(options.n_jobs)
        repeats = options.repeats or fold_repeats(int(table.y.sum()))
        for note in table.notes:
            print(note, file=sys.stderr)
        folds = RepeatedStratifiedKFold(
            n_splits=options.folds, n_repeats=repeats, random_state=options.random_state
        )
        if not options.quiet:
            work = "two short models on one split"
            if not options.quick:
                work = f"four models on {options.folds * repeats} splits"
            print(f"{table.name}: {work}", file=sys.stderr)
        return adoption_report(
            table.X,
            table.y,
            budget=table.budget,
            basis=table.basis,
            min_lift=options.min_lift,
            cv=None if options.quick else folds,
            quick=options.quick,
            n_jobs=jobs,
            random_state=options.random_state,
            verbose=0 if options.quiet else 10,
        )
    except (ImportError, OSError, ValueError) as error:
        parser.error(str(error))


def _show(report: AdoptionReport, options: argparse.Namespace) -> bool:
    """Write the files and print the report; return whether all of it worked."""
    as_json = json.dumps(report.to_dict(), indent=2, allow_nan=False)
    written = True
    try:
        if options.json not in (None, "-"):
            Path(options.json).write_text(as_json + "\n", encoding="utf-8")
        if options.html is not None:
            Path(options.html).write_text(_page(report), encoding="utf-8")
    except OSError as error:
        print(f"{program(COMMAND)}: error: {error}", file=sys.stderr)
        written = False
    print_anywhere(as_json if options.json == "-" else report)
    return written


def _page(report: AdoptionReport) -> str:
    title = escape(f"Adoption report: {report.recommendation}")
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{title}</title></head>\n"
        '<body style="font-family:system-ui,sans-serif; margin:2em">\n'
        f"{report._repr_html_()}\n</body></html>\n"
    )


MIN_LIFT = "a fraction in (0, 1)"


def _check_min_lift(value: float) -> float:
    if not 0.0 < value < 1.0:
        raise ValueError(f"must be {MIN_LIFT}: got {value:g}")
    return value


def _build_parser() -> argparse.ArgumentParser:
    parser = command_parser(COMMAND, DESCRIPTION, EPILOG)
    measure = parser.add_argument_group("the question")
    add_budget(measure)
    measure.add_argument(
        "--min-lift",
        type=checked_by(_check_min_lift, float, MIN_LIFT),
        default=0.02,
        metavar="FRACTION",
        help="smallest lift that is worth the switch, a share of the positives (default: 0.02)",
    )
    data = parser.add_argument_group("data")
    data.add_argument(
        "--table",
        metavar="NAME",
        help="mammography (the default), or NAME for the file NAME.npz (arrays X and y) in the "
        "folder that the environment variable SKBUDGET_DATA names",
    )
    add_file(data)
    effort = parser.add_argument_group("effort")
    effort.add_argument(
        "--quick",
        action="store_true",
        help="forecast the lift from two short models, in less time than one plain fit takes, "
        "instead of measuring it; --folds and --repeats do not matter then",
    )
    effort.add_argument(
        "--folds",
        type=whole_number(2),
        default=5,
        metavar="K",
        help="number of stratified folds, each tested once (default: 5)",
    )
    effort.add_argument(
        "--repeats",
        type=positive_int,
        metavar="R",
        help="how many times the folds are drawn (default: 3, or 1 from 1000 positives on)",
    )
    effort.add_argument(
        "--random-state",
        type=seed,
        default=0,
        metavar="N",
        help="seed of folds and models (default: 0); the same seed gives the same report",
    )
    add_jobs(
        effort,
        "number of fits that run at a time, with one thread each",
        "the processors that are free, but at least two fits at a time where there are two "
        "processors",
    )
    output = parser.add_argument_group("output")
    output.add_argument("--html", metavar="FILE", help="write the report as a web page")
    output.add_argument(
        "--json",
        metavar="FILE",
        help="write every figure; - prints them instead of the text",
    )
    output.add_argument("--quiet", action="store_true", help="show no progress")
    return parser
