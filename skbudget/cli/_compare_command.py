"""The command ``compare``, which is also what runs without a command: options and output."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._commands import command_table
from ._defaults import (
    CUES,
    DEFAULT_DRAWS,
    DEFAULT_FOLDS,
    DEFAULT_REPEATS,
    DEFAULT_TEST_ROWS,
    DEFAULT_TRAIN_ROWS,
    FULL_TEST_ROWS,
    FULL_TRAIN_ROWS,
)
from ._methods import METHODS, find_methods, split_by_availability
from ._options import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_OK,
    at_least,
    check_output,
    checked_by,
    command_parser,
    n_jobs,
    names_of,
    positive_int,
    print_anywhere,
    program,
)
from ._table_options import add_budget, add_file, add_tables, check_file, read_file, seed

if TYPE_CHECKING:
    from ._comparison import Comparison
    from ._problems import Problem

__all__ = ["main"]

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
  Only what you name is run. If you name nothing, two tables are run: mammography,
  a real table that comes with the package, and the product cue of
  make_contested_top, a synthetic table whose best possible coverage is known.
  --cue alone runs synthetic tables only; --table or --data alone runs these
  tables only.

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
      mammography and the product cue, in about four minutes on two cores
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
    options = parser.parse_args(arguments)
    _check_combinations(parser, options)
    try:
        return _run(parser, options)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return EXIT_INTERRUPTED


def _run(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    from ._comparison import Comparison, check_names, iter_runs, resolve_n_jobs

    try:
        _check_outputs(options)
        methods, skipped = split_by_availability(METHODS[name] for name in options.methods)
        problems = _build_problems(options)
        check_names(problems)
        threads = resolve_n_jobs(options.n_jobs)
    except (ImportError, OSError, ValueError) as error:
        parser.error(str(error))

    progress = _start_progress(options, problems, len(methods))
    runs = []
    try:
        for run in iter_runs(problems, methods, threads):
            runs.append(run)
            if progress is not None:
                progress.count(run.problem)
    except KeyboardInterrupt:
        if not runs:
            raise
    finally:
        if progress is not None:
            progress.close()

    comparison = Comparison(tuple(problems), tuple(methods), tuple(runs), threads, skipped)
    written = _show(comparison, options)
    if not comparison.complete:
        return EXIT_INTERRUPTED
    return EXIT_OK if written else EXIT_FAILED


def _start_progress(
    options: argparse.Namespace, problems: Sequence[Problem], n_methods: int
) -> Any:
    if options.quiet:
        return None
    from .._utils.progress import Progress

    totals = {problem.name: problem.n_splits * n_methods for problem in problems}
    return Progress(sys.stderr, totals)


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
        f"a real one (default: {DEFAULT_DRAWS} draws, {DEFAULT_REPEATS} repeats)",
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
        help=f"number of training rows of a synthetic table (default: {DEFAULT_TRAIN_ROWS})",
    )
    effort.add_argument(
        "--test-rows",
        type=_rows,
        metavar="N",
        help=f"number of test rows of a synthetic table (default: {DEFAULT_TEST_ROWS})",
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
    effort.add_argument(
        "--n-jobs",
        type=n_jobs,
        metavar="N",
        help="number of threads (default: all cores, or OMP_NUM_THREADS where it is set)",
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


_rows = checked_by(at_least(1000), int, "a whole number")


def _splits(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)[xX](\d+)", text.strip())
    if found is None or int(found[1]) < 1 or int(found[2]) < 2:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not REPEATSxFOLDS with at least 2 folds, such as 5x3"
        )
    return int(found[1]), int(found[2])


def _check_combinations(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Refuse options that would have no effect, and fill in the defaults."""
    check_file(parser, options)
    if not (options.cue or options.table or options.data):
        options.cue, options.table = ["product"], ["mammography"]
    options.cue = list(dict.fromkeys(options.cue or ()))
    options.table = list(dict.fromkeys(options.table or ()))
    named = options.methods or [method.name for method in find_methods()]
    options.methods = list(dict.fromkeys(named))

    rows = options.train_rows or options.test_rows
    if options.full_size and rows:
        parser.error("--full-size sets --train-rows and --test-rows: give one or the other")
    if (options.full_size or rows) and not options.cue:
        parser.error(
            "--train-rows, --test-rows and --full-size are for synthetic tables: name a --cue"
        )
    if options.splits and not (options.table or options.data):
        parser.error("--splits is for real tables: add --table or --data")


# --- data ---------------------------------------------------------------------------


def _build_problems(options: argparse.Namespace) -> list[Problem]:
    from ._files import load_table
    from ._problems import ContestedTop

    common: dict[str, Any] = {"basis": options.basis, "random_state": options.random_state}
    if options.budget is not None:
        common["budget"] = options.budget

    repeats = options.seeds or DEFAULT_REPEATS
    folds = DEFAULT_FOLDS
    if options.splits:
        repeats, folds = options.splits
    table: dict[str, Any] = {"n_repeats": repeats, "n_folds": folds, **common}
    problems: list[Problem] = []
    if options.data:
        problems.append(read_file(options, **table))
    problems += [load_table(name, **table) for name in options.table]

    train_rows = options.train_rows or DEFAULT_TRAIN_ROWS
    test_rows = options.test_rows or DEFAULT_TEST_ROWS
    if options.full_size:
        train_rows, test_rows = FULL_TRAIN_ROWS, FULL_TEST_ROWS
    draws = options.seeds or DEFAULT_DRAWS
    problems += [
        ContestedTop(cue, n_draws=draws, n_train=train_rows, n_test=test_rows, **common)
        for cue in options.cue
    ]
    return problems


# --- output -------------------------------------------------------------------------


def _check_outputs(options: argparse.Namespace) -> None:
    """Raise errors of the output options before minutes of work are done."""
    if options.plot is not None:
        from ._plot import check_plot_file

        check_plot_file(options.plot)
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
