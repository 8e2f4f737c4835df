"""The command ``compare``, which is also what runs without a command: options and output."""

from __future__ import annotations

import argparse
import json
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._commands import command_table
from ._defaults import (
    CUES,
    DEFAULT_BUDGET,
    DEFAULT_DRAWS,
    DEFAULT_FOLDS,
    DEFAULT_REPEATS,
    DEFAULT_TEST_ROWS,
    DEFAULT_TRAIN_ROWS,
    FULL_TEST_ROWS,
    FULL_TRAIN_ROWS,
    QUICK_DRAWS,
    QUICK_REPEATS,
    QUICK_TEST_ROWS,
    QUICK_TRAIN_ROWS,
)
from ._methods import METHODS, find_methods, split_by_availability
from ._options import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_OK,
    add_jobs,
    check_output,
    command_parser,
    names_of,
    positive_int,
    print_anywhere,
    program,
    whole_number,
)
from ._table_options import (
    add_budget,
    add_file,
    add_tables,
    check_file,
    load_named,
    read_file,
    seed,
)

if TYPE_CHECKING:
    from ._comparison import Comparison
    from ._problems import Problem

__all__ = ["main"]

N_LINES = 4
"""Lines of progress for each table where there is no terminal."""

LONGER = ("--cue", "product", "--table", "mammography")
LONGER_MINUTES = 4

DESCRIPTION = f"""\
commands:
{command_table()}

PROG COMMAND --help shows the options of a command. The code of reproduce,
bench and speed is in the source repository and in the source distribution, and
not in an installed wheel.

Without a command, compare runs. It trains LightGBM and XGBoost as they are and
with the band objective of this package, and prints which of them catches more
positives within the same review budget. Only the ranking is measured: coverage
is the share of the positives that are among the top rows by score, on rows that
were not trained on. The options of compare are:
"""

EPILOG = """\
which data:
  Only what you name is run. If you name nothing, two tables are run at a small
  size: the product cue of make_contested_top, a synthetic table whose best
  possible coverage is known, and mammography, a real table that comes with the
  package. --cue alone runs synthetic tables only; --table or --data alone runs
  these tables only.

how a table is read:
  Numbers and booleans are read as they are, dates as days since 1970-01-01 (and as
  the hour of the day), text as numbers or categories, infinite values as missing.
  Text whose entries are nearly all different is left out. The same table gives the
  same figures from .csv, .parquet and .npz. The output has a line for each kind of
  preparation, with the columns.

methods:
  lightgbm        LGBMClassifier() with its defaults
  lightgbm-l2     LightGBM's binary objective with an L2 penalty of 5, and with the
                  number of trees and the learning rate of our estimators
  lightgbm-l2-small
                  the same with trees of 7 leaves instead of 31; runs only if named
  xgboost-rank    XGBoost's rank:pairwise with the same settings; the table is one query
  pauc-lightgbm   PAUCLGBMClassifier(budget=...)
  pauc-xgboost    PAUCXGBClassifier(budget=...)
  pauc-network    PAUCClassifier(budget=...) on imputed, standardised and one-hot
                  columns; takes longer, and runs only if named
  pauc-ensemble   PAUCEnsembleClassifier(budget=...), trees and a network together;
                  takes longer still, and runs only if named
  The classifiers of one model do not learn probabilities, because only the ranking is
  measured. The seconds are those of training.

examples:
  PROG
      the product cue and mammography, in about a minute on two free cores
  PROG --cue product --table mammography
      the same with more rows, draws and folds, in about four minutes
  PROG --cue product,radial,linear --full-size --seeds 8
      the table of the README: only the synthetic tables, at full size
  PROG --data claims.csv --target fraud --budget 0.01
      your own table, if you review the top 1 % of the rows
  PROG --data claims.parquet --target label --positive fraud \\
          --drop claim_id,date --splits 10x2
      labels other than 0 and 1, two columns left out, ten splits into halves
  SKBUDGET_DATA=tables PROG --table aloi --basis fpr --budget 0.001
      tables/aloi.npz (arrays X and y), recall at a false positive rate of 0.1 %
  PROG --methods lightgbm-l2,pauc-lightgbm --plot out.png --json out.json
      two methods; a picture (needs matplotlib) and every figure in a file

exit status: 0 done; 1 a result could not be written; 2 the options or the
data cannot be used, or no booster is installed; 130 interrupted with Ctrl-C
(what was finished by then is shown and written).
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the comparison and return the exit status."""
    parser = _build_parser()
    words = list(sys.argv[1:] if arguments is None else arguments)
    options = parser.parse_args(words)
    _check_combinations(parser, options)
    try:
        return _run(parser, options, words)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return EXIT_INTERRUPTED


def _run(parser: argparse.ArgumentParser, options: argparse.Namespace, words: Sequence[str]) -> int:
    from ._comparison import Comparison, check_names, in_order, iter_runs
    from ._threads import choose_processes, choose_threads

    try:
        _check_outputs(options)
        methods, skipped = split_by_availability(METHODS[name] for name in options.methods)
        problems = _build_problems(options)
        check_names(problems)
        processes, threads = choose_processes(options.n_jobs), choose_threads(options.n_jobs)
    except (ImportError, OSError, ValueError) as error:
        parser.error(str(error))

    progress = _start_progress(options, problems, len(methods), processes)
    runs = []
    try:
        for run in iter_runs(problems, methods, processes, threads):
            runs.append(run)
            if progress is not None:
                progress.count(run.problem)
    except KeyboardInterrupt:
        if not runs:
            raise
    finally:
        if progress is not None:
            progress.close()

    done = in_order(runs, problems, methods)
    comparison = Comparison(tuple(problems), tuple(methods), done, processes, skipped)
    written = _show(comparison, options)
    if options.quick and not options.quiet and options.json != "-":
        print_anywhere(_longer_run(words))
    if not comparison.complete:
        return EXIT_INTERRUPTED
    return EXIT_OK if written else EXIT_FAILED


def _start_progress(
    options: argparse.Namespace, problems: Sequence[Problem], n_methods: int, n_jobs: int
) -> Any:
    if options.quiet:
        return None
    from .._utils.progress import Progress

    totals = {problem.name: problem.n_splits * n_methods for problem in problems}
    methods = f"{n_methods} method{'s' if n_methods > 1 else ''}"
    print(f"{methods}, {sum(totals.values())} fits, {n_jobs} at a time", file=sys.stderr)
    return Progress(sys.stderr, totals, n_lines=N_LINES)


def _longer_run(words: Sequence[str]) -> str:
    """Return what the run without a named table was, and the commands that follow it."""
    command = program()
    longer = shlex.join([*command.split(), *LONGER, *words])
    return (
        f"\nThis was the quick run. The same with {DEFAULT_TRAIN_ROWS // 1000} 000 training rows "
        f"and {DEFAULT_REPEATS} x {DEFAULT_FOLDS} folds takes\nabout {LONGER_MINUTES} minutes on "
        f"two free cores, and your own table is the command below it:\n\n"
        f"    {longer}\n"
        f"    {command} --data FILE --target COLUMN --budget {DEFAULT_BUDGET:g}"
    )


# --- options ----------------------------------------------------------------------


def _build_parser() -> argparse.ArgumentParser:
    parser = command_parser("", DESCRIPTION, EPILOG, usage="[COMMAND] [options]")
    measure = parser.add_argument_group("what is measured")
    add_budget(measure)
    measure.add_argument(
        "--methods",
        type=names_of(METHODS, "method"),
        action="extend",
        metavar="NAMES",
        help=f"methods to run, from {', '.join(METHODS)} (default: all except "
        f"{', '.join(name for name in METHODS if not METHODS[name].by_default)})",
    )

    data = parser.add_argument_group("data")
    data.add_argument(
        "--cue",
        type=names_of(CUES, "cue"),
        action="extend",
        metavar="CUES",
        help=f"synthetic tables to run, from {', '.join(CUES)}",
    )
    add_tables(data)
    add_file(data)

    effort = parser.add_argument_group("how many runs, and on how many rows")
    effort.add_argument(
        "--seeds",
        type=positive_int,
        metavar="N",
        help="number of independent draws of a synthetic table, and of repeats of the folds of "
        f"a real one (default: {DEFAULT_DRAWS} draws, {DEFAULT_REPEATS} repeats; if no table is "
        f"named {QUICK_DRAWS} and {QUICK_REPEATS})",
    )
    effort.add_argument(
        "--splits",
        type=_splits,
        metavar="RxK",
        help="splits real tables R times into K stratified folds and tests each fold once "
        f"(default: {DEFAULT_REPEATS}x{DEFAULT_FOLDS}); overrides --seeds for these tables",
    )
    effort.add_argument(
        "--train-rows",
        type=_rows,
        metavar="N",
        help=f"number of training rows of a synthetic table (default: {DEFAULT_TRAIN_ROWS}; if no "
        f"table is named {QUICK_TRAIN_ROWS})",
    )
    effort.add_argument(
        "--test-rows",
        type=_rows,
        metavar="N",
        help=f"number of test rows of a synthetic table (default: {DEFAULT_TEST_ROWS}; if no "
        f"table is named {QUICK_TEST_ROWS})",
    )
    effort.add_argument(
        "--full-size",
        action="store_true",
        help=f"the same as --train-rows {FULL_TRAIN_ROWS} --test-rows {FULL_TEST_ROWS}",
    )
    effort.add_argument(
        "--random-state",
        type=seed,
        default=0,
        metavar="N",
        help="first seed (default: 0); the same seeds give the same figures",
    )
    add_jobs(
        effort,
        "number of fits that run at a time, with one thread each; those of a table of 20 000 000 "
        "values or more run one after the other, with N threads",
        "the processors that are free, but at least two fits at a time where there are two "
        "processors",
    )

    output = parser.add_argument_group("output")
    output.add_argument("--plot", metavar="FILE.png", help="draw the result (needs matplotlib)")
    output.add_argument(
        "--json",
        metavar="FILE",
        help="write every run, mean and interval; - prints them instead of the tables",
    )
    output.add_argument(
        "--quiet", action="store_true", help="print only the tables, without progress or notes"
    )
    return parser


_rows = whole_number(1000)


def _splits(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)[xX](\d+)", text.strip())
    if found is None or int(found[1]) < 1 or int(found[2]) < 2:
        raise argparse.ArgumentTypeError(
            f"must be REPEATSxFOLDS with at least 1 repeat and 2 folds, such as 5x3: got {text!r}"
        )
    return int(found[1]), int(found[2])


def _check_combinations(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Refuse options that would have no effect, and fill in the defaults."""
    check_file(parser, options)
    options.quick = not (options.cue or options.table or options.data)
    if options.quick:
        options.cue, options.table = ["product"], ["mammography"]
    options.cue = list(dict.fromkeys(options.cue or ()))
    options.table = list(dict.fromkeys(options.table or ()))
    named = options.methods or [method.name for method in find_methods()]
    options.methods = list(dict.fromkeys(named))

    given = [
        f"--{name.replace('_', '-')} {getattr(options, name)}"
        for name in ("train_rows", "test_rows")
        if getattr(options, name)
    ]
    if options.full_size and given:
        parser.error(f"--full-size sets the number of rows, and so does {given[0]}: give one")
    if (options.full_size or given) and not options.cue:
        parser.error(
            f"{(given or ['--full-size'])[0]} is for synthetic tables: name one with --cue "
            f"({', '.join(CUES)})"
        )
    if options.splits and not (options.table or options.data):
        repeats, folds = options.splits
        parser.error(
            f"--splits {repeats}x{folds} is for real tables: add --table NAME or --data FILE"
        )


# --- data ---------------------------------------------------------------------------


def _build_problems(options: argparse.Namespace) -> list[Problem]:
    from ._problems import ContestedTop

    common: dict[str, Any] = {"basis": options.basis, "random_state": options.random_state}
    if options.budget is not None:
        common["budget"] = options.budget

    quick = options.quick
    repeats = options.seeds or (QUICK_REPEATS if quick else DEFAULT_REPEATS)
    folds = DEFAULT_FOLDS
    if options.splits:
        repeats, folds = options.splits
    train_rows = options.train_rows or (QUICK_TRAIN_ROWS if quick else DEFAULT_TRAIN_ROWS)
    test_rows = options.test_rows or (QUICK_TEST_ROWS if quick else DEFAULT_TEST_ROWS)
    if options.full_size:
        train_rows, test_rows = FULL_TRAIN_ROWS, FULL_TEST_ROWS
    draws = options.seeds or (QUICK_DRAWS if quick else DEFAULT_DRAWS)

    table: dict[str, Any] = {"n_repeats": repeats, "n_folds": folds, **common}
    problems: list[Problem] = []
    if options.data:
        problems.append(read_file(options, "--splits", **table))
    problems += [
        ContestedTop(cue, n_draws=draws, n_train=train_rows, n_test=test_rows, **common)
        for cue in options.cue
    ]
    problems += [load_named(name, "--splits", **table) for name in options.table]
    return problems


# --- output -------------------------------------------------------------------------


def _check_outputs(options: argparse.Namespace) -> None:
    """Raise errors of the output options before minutes of work are done."""
    if options.plot is not None:
        from ._plot import check_plot_file

        try:
            check_plot_file(options.plot)
        except ValueError as error:
            raise ValueError(f"--plot: {error}") from None
    check_output("--plot", options.plot)
    check_output("--json", options.json)


def _show(comparison: Comparison, options: argparse.Namespace) -> bool:
    """Write the files and print the tables; return whether all of it worked."""
    from ._text import render_text

    written = True
    try:
        if options.json not in (None, "-"):
            Path(options.json).write_text(_to_json(comparison) + "\n", encoding="utf-8")
        if options.plot is not None:
            from ._plot import plot_comparison

            plot_comparison(comparison).savefig(options.plot)
    except OSError as error:
        print(f"{program()}: error: {error}", file=sys.stderr)
        written = False
    if options.json == "-":
        print_anywhere(_to_json(comparison))
    else:
        print_anywhere(render_text(comparison, notes=not options.quiet))
    return written


def _to_json(comparison: Comparison) -> str:
    return json.dumps(comparison.to_dict(), indent=2, allow_nan=False)
