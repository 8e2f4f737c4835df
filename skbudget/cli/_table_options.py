"""Options of the commands that read a table of the user."""

from __future__ import annotations

import argparse
from typing import Any

from ._defaults import BUDGETS, DEFAULT_BUDGET
from ._options import at_least, checked_by, program, split_names

__all__ = ["add_budget", "add_file", "add_tables", "check_file", "read_file", "seed"]


def _check_budget(value: float) -> float:
    from .._utils.validation import check_budget

    return check_budget(value, program())


budget = checked_by(_check_budget, float, "a number")
seed = checked_by(at_least(0), int, "a whole number")


def add_budget(group: Any) -> None:
    """Add ``--budget`` and ``--basis``."""
    group.add_argument(
        "--budget",
        type=budget,
        metavar="FRACTION",
        help="share of the rows that can be reviewed, as a fraction: 50 basis points are 0.005 "
        f"(default: {DEFAULT_BUDGET:g}, and {BUDGETS['mammography']:g} for mammography)",
    )
    group.add_argument(
        "--basis",
        choices=("population", "fpr"),
        default="population",
        help="what the budget is a share of: all rows (population), or the negatives (fpr), "
        "which gives recall at a false positive rate (default: population)",
    )


def add_tables(group: Any) -> None:
    """Add ``--table``."""
    group.add_argument(
        "--table",
        type=split_names,
        action="extend",
        metavar="NAMES",
        help="real tables to run: mammography, or NAME for the file NAME.npz (arrays X and y) in "
        "the folder that the environment variable SKBUDGET_DATA names",
    )


def add_file(group: Any) -> None:
    """Add ``--data`` and the options that describe that file."""
    group.add_argument(
        "--data",
        metavar="FILE",
        help="your own table: .csv, .tsv or .parquet (needs pandas), or .npz (arrays X and y)",
    )
    group.add_argument("--target", metavar="COLUMN", help="column of --data with the two labels")
    group.add_argument(
        "--positive",
        metavar="LABEL",
        help="label of the positives in --data (default: 1, True, or otherwise the rarer label)",
    )
    group.add_argument(
        "--drop",
        type=split_names,
        action="extend",
        metavar="COLUMNS",
        help="columns of --data to leave out, such as identifiers",
    )


def check_file(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Refuse options that describe a file that is not given, and a file without a target."""
    if options.data is None:
        for name in ("target", "positive", "drop"):
            if getattr(options, name) is not None:
                parser.error(f"--{name} describes the table of --data, which is not given")
    elif options.target is None and not options.data.lower().endswith(".npz"):
        parser.error("--data needs --target: the column with the labels")


def read_file(options: argparse.Namespace, **settings: Any) -> Any:
    """Read the `Table` of ``--data``."""
    from ._files import read_table

    return read_table(
        options.data,
        options.target,
        positive=options.positive,
        drop=options.drop or (),
        **settings,
    )
