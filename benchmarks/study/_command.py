"""The command ``bench``: its options and its output."""

from __future__ import annotations

import argparse
import os
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
    named,
    positive_int,
    print_anywhere,
    program,
    split_names,
    whole_number,
)
from skbudget.cli._table_options import budget

if TYPE_CHECKING:
    from ._contender import Contender
    from ._results import Results
    from ._runner import Failure
    from ._search import Effort, Measure
    from ._table import StudyTable

__all__ = ["main"]

COMMAND = "bench"

BUDGETS = (0.001, 0.005, 0.02)
SEEDS, TREE_TRIALS, NETWORK_TRIALS, SEARCH_ROWS = 5, 12, 4, 60_000
# Draws of these tables are independent and large.
FEWER_SEEDS = {"contested": 3, "regime": 2}
QUICK_SEEDS, QUICK_TREE_TRIALS, QUICK_NETWORK_TRIALS, QUICK_TRAINING = 2, 3, 2, 0.25
# Names of the file of results, by whether the run is an ablation.
STEMS = {False: "study", True: "ablation"}

DESCRIPTION = """\
Compare the estimators of this package, which are not tuned, with models that users
already have, which are tuned, on many tables and at several review budgets.

Each seed splits a table into training, validation and test rows. All peers get
the same number of trials: first their own defaults, then a quasi-random sequence.
For each budget the trial with the greatest coverage of the validation rows is
chosen, and its coverage of the test rows is reported.
"""

EPILOG = """\
interruptions:
  Every finished piece is written to the file of results at once. After an
  interruption the same command continues. If everything is finished, it only
  reports.

your own tables:
  --folder reads every .npz (arrays X and y), .csv, .tsv and .parquet file of a
  folder, in addition to mammography, which comes with the package. The environment
  variable SKBUDGET_DATA can name the folder, too. If an .npz file has an array time
  (a number or a date for each row), its rows are split by time and not at random.
  The module benchmarks.study writes public tables into a folder.

examples:
  PROG
      the study, in about five hours on two cores; you may run it in pieces
  PROG --quick
      fewer rows, trials and seeds, in less than ten minutes: shows that it runs,
      not what it finds
  PROG --folder claims --target fraud --tables claims2025 --budgets 0.01
      a table of your own, claims/claims2025.csv, if you review 1 %
  PROG --methods lightgbm,catboost,pauc-lightgbm --groups real --seeds 10
      three methods on real tables, ten splits
  PROG --ablation --tables aloi,hard-bulk --seeds 3
      the effect of each choice behind the defaults
  PROG --report-only --report study.md --pictures pictures
      a report from the file of results, without any run

exit status: 0 done; 1 a method failed or a result could not be written; 2 the
options or the data cannot be used; 130 interrupted with Ctrl-C (what was
finished by then is reported).
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the unfinished part of the study and return the exit status."""
    parser = _build_parser()
    options = parser.parse_args(arguments)
    _fill_in(options)
    try:
        return _run(parser, options)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return EXIT_INTERRUPTED


def _build_parser() -> argparse.ArgumentParser:
    parser = command_parser(COMMAND, DESCRIPTION, EPILOG)
    what = parser.add_argument_group("what is compared")
    what.add_argument(
        "--methods",
        type=split_names,
        action="extend",
        metavar="NAMES",
        help="methods to run, separated by commas (default: on real tables all whose packages "
        "are installed, on generated tables the closest ones)",
    )
    what.add_argument(
        "--tables", type=split_names, action="extend", metavar="NAMES", help="tables to run"
    )
    what.add_argument(
        "--groups",
        type=split_names,
        action="extend",
        metavar="NAMES",
        help="groups of tables to run (default: all)",
    )
    what.add_argument(
        "--folder",
        metavar="FOLDER",
        help="folder with tables of your own (default: the folder that SKBUDGET_DATA names)",
    )
    what.add_argument(
        "--target",
        metavar="COLUMN",
        help="column with the labels in .csv, .tsv and .parquet files",
    )
    what.add_argument(
        "--budgets",
        type=_budgets,
        metavar="FRACTIONS",
        help="review budgets, as fractions separated by commas "
        f"(default: {','.join(map(str, BUDGETS))})",
    )
    what.add_argument(
        "--ablation",
        action="store_true",
        help="instead of the methods, run PAUCLGBMClassifier with each of its choices changed "
        "on its own",
    )
    what.add_argument("--list", action="store_true", help="list methods and tables, and stop")

    effort = parser.add_argument_group("how much work")
    effort.add_argument(
        "--quick", action="store_true", help="few small tables, trials, seeds and trees"
    )
    effort.add_argument(
        "--seeds",
        type=positive_int,
        metavar="N",
        help=f"number of splits or draws of every table (default: {SEEDS}; "
        + ", ".join(f"{group} {number}" for group, number in FEWER_SEEDS.items())
        + ")",
    )
    effort.add_argument(
        "--trials",
        type=positive_int,
        metavar="N",
        help=f"number of trials of each booster and forest (default: {TREE_TRIALS})",
    )
    effort.add_argument(
        "--network-trials",
        type=positive_int,
        metavar="N",
        help=f"number of trials of each network (default: {NETWORK_TRIALS})",
    )
    effort.add_argument(
        "--search-rows",
        type=whole_number(1000),
        metavar="N",
        help="if there are more training rows than this, trials see a stratified sample of this "
        f"size, and the chosen trial is trained again on all rows (default: {SEARCH_ROWS})",
    )
    add_jobs(
        effort,
        "number of processes, with one thread each",
        "the processors that are free, but at least two processes where there are two processors",
    )

    output = parser.add_argument_group("output")
    output.add_argument(
        "--results",
        metavar="FILE.csv",
        help="tidy file of results, which later runs continue (default: study.csv, and "
        "similar names for --quick and --ablation)",
    )
    output.add_argument("--report", metavar="FILE.md", help="write the tables to a file")
    output.add_argument(
        "--pictures", metavar="FOLDER", help="draw the results into a folder (needs matplotlib)"
    )
    output.add_argument(
        "--basis",
        choices=("fpr", "population"),
        default="fpr",
        help="what a budget is a share of in the report: the negatives (fpr), or all rows "
        "(population); the file of results has both (default: fpr)",
    )
    output.add_argument(
        "--report-only",
        action="store_true",
        help="run nothing and report the file of results; its tables are not needed",
    )
    output.add_argument("--quiet", action="store_true", help="show no progress")
    return parser


def _budgets(text: str) -> tuple[float, ...]:
    return tuple(dict.fromkeys(budget(word) for word in split_names(text)))


def _fill_in(options: argparse.Namespace) -> None:
    quick = options.quick
    options.budgets = options.budgets or BUDGETS
    options.seeds = options.seeds or (QUICK_SEEDS if quick else None)
    options.trials = options.trials or (QUICK_TREE_TRIALS if quick else TREE_TRIALS)
    options.network_trials = options.network_trials or (
        QUICK_NETWORK_TRIALS if quick else NETWORK_TRIALS
    )
    options.search_rows = options.search_rows or SEARCH_ROWS
    stem = STEMS[options.ablation] + ("-quick" if quick else "")
    options.results = options.results or f"{stem}.csv"
    options.folder = options.folder or os.environ.get("SKBUDGET_DATA") or None


def _run(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    from skbudget.cli._methods import split_by_availability

    from ._contenders import find_contenders, runs_on
    from ._results import Results
    from ._runner import plan_units
    from ._search import Effort
    from ._tables import find_study_tables

    try:
        _check_outputs(options)
        with named("--methods"):
            contenders = find_contenders(options.methods, ablation=options.ablation)
        if options.report_only and not options.list:
            known = _asked_for(options)
            return EXIT_OK if _show(known, options) else EXIT_FAILED
        with named("--tables, --groups or --folder"):
            tables = find_study_tables(
                options.tables,
                options.groups,
                folder=options.folder,
                target=options.target,
                quick=options.quick,
            )
        for table in tables:
            for note in table.notes:
                print(f"{table.name}: {note}", file=sys.stderr)
        if options.list:
            print(_listing(contenders, tables))
            return EXIT_OK
        able, skipped = split_by_availability(contenders)
        effort = Effort(
            budgets=options.budgets,
            tree_trials=options.trials,
            network_trials=options.network_trials,
            search_rows=options.search_rows,
            training=QUICK_TRAINING if options.quick else 1.0,
        )
        results = Results(options.results)
        units = plan_units(
            tables,
            able,
            lambda table: options.seeds or FEWER_SEEDS.get(table.group, SEEDS),
            effort,
            results,
            runs_on=anywhere if options.methods or options.ablation else runs_on,
        )
    except (ImportError, OSError, ValueError) as error:
        parser.error(str(error))

    failures: list[Failure] = []
    interrupted = False
    for label, reason in skipped.items():
        print(f"{label} is left out: it {reason}", file=sys.stderr)
    try:
        _work(units, effort, results, failures, options)
    except KeyboardInterrupt:
        interrupted = True
    asked = {table.name for table in tables}
    written = _show([measure for measure in results if measure.table in asked], options)
    for failure in failures:
        unit = failure.unit
        print(f"{unit.method} failed on {unit.table.name}, seed {unit.seed}: {failure.error}",
              file=sys.stderr)  # fmt: skip
    if interrupted:
        print(f"Interrupted: the same command continues from {options.results}.", file=sys.stderr)
        return EXIT_INTERRUPTED
    return EXIT_OK if written and not failures else EXIT_FAILED


def _asked_for(options: argparse.Namespace) -> list[Measure]:
    """Return the results in the file. The tables themselves are not needed."""
    from ._results import read_results

    if not Path(options.results).is_file():
        raise FileNotFoundError(f"--results: There is no file of results {options.results!r}.")
    measures = read_results(options.results)
    if not options.tables and not options.groups:
        return measures
    for kind, asked, known in (
        ("table", options.tables, [measure.table for measure in measures]),
        ("group", options.groups, [measure.group for measure in measures]),
    ):
        for name in asked or ():
            if name not in known:
                raise ValueError(
                    f"--{kind}s: Unknown {kind} {name!r}: {options.results} has "
                    f"{', '.join(dict.fromkeys(known))}."
                )
    return [
        measure
        for measure in measures
        if measure.table in (options.tables or ()) or measure.group in (options.groups or ())
    ]


def anywhere(contender: Contender, table: StudyTable) -> bool:
    """Return that a contender runs on a table, which is so if the options name contenders."""
    return True


def _work(
    units: Sequence[Any],
    effort: Effort,
    results: Results,
    failures: list[Failure],
    options: argparse.Namespace,
) -> None:
    from skbudget.cli._threads import choose_processes

    from ._runner import Failure, run_units

    progress = None
    if units and not options.quiet:
        from skbudget._utils.progress import Progress

        totals: dict[str, int] = {}
        for unit in units:
            totals[unit.table.name] = totals.get(unit.table.name, 0) + 1
        progress = Progress(sys.stderr, totals)
    n_jobs = choose_processes(options.n_jobs)
    try:
        for unit, found in run_units(units, effort, n_jobs):
            if isinstance(found, Failure):
                failures.append(found)
            else:
                results.add(found)
            if progress is not None:
                progress.count(unit.table.name)
    finally:
        if progress is not None:
            progress.close()


def _listing(contenders: Sequence[Contender], tables: Sequence[StudyTable]) -> str:
    names = [contender.name for contender in contenders] + [table.name for table in tables]
    width = max(map(len, names))
    lines = ["methods:"]
    for contender in contenders:
        reason = contender.why_unavailable()
        lines.append(
            f"  {contender.name.ljust(width)}  {contender.label}"
            + (f" ({reason})" if reason else "")
        )
    for group in dict.fromkeys(table.group for table in tables):
        lines += ["", f"tables, group {group!r}:"]
        lines += [
            f"  {table.name.ljust(width)}  {table.about}"
            for table in tables
            if table.group == group
        ]
    return "\n".join(lines)


def _check_outputs(options: argparse.Namespace) -> None:
    """Raise errors of the output options before hours of work are done."""
    check_output("--results", options.results)
    check_output("--report", options.report)
    if options.pictures is not None:
        from skbudget.cli._plot import check_plot_file

        check_plot_file("ranks.png")
        Path(options.pictures).mkdir(parents=True, exist_ok=True)


def _show(known: list[Measure], options: argparse.Namespace) -> bool:
    """Print the report and write the files; return whether all of it worked."""
    from ._ablation import ABLATION, RULE
    from ._contenders import CONTENDERS
    from ._report import render_ablation, render_report
    from ._summary import Summary

    if options.methods:
        known = [measure for measure in known if measure.method in {*options.methods, "ceiling"}]
    summary = Summary.from_measures(known)
    if not summary.methods:
        print("There are no results yet.", file=sys.stderr)
        return True
    contenders = ABLATION if options.ablation else CONTENDERS
    labels = {name: contender.label for name, contender in contenders.items()}
    ours = [name for name, contender in CONTENDERS.items() if contender.role == "ours"]
    if options.ablation:
        report = render_ablation(summary, labels=labels, reference=RULE, basis=options.basis)
    else:
        report = render_report(
            summary,
            labels=labels,
            ours=ours,
            pointwise=[name for name, contender in CONTENDERS.items() if contender.pointwise],
            basis=options.basis,
        )
    print_anywhere(report)
    try:
        if options.report is not None:
            Path(options.report).write_text(report, encoding="utf-8")
        if options.pictures is not None and not options.ablation:
            from ._pictures import draw_study

            draw_study(summary, options.pictures, labels=labels, ours=ours, basis=options.basis)
    except OSError as error:
        print(f"{program(COMMAND)}: error: {error}", file=sys.stderr)
        return False
    return True
