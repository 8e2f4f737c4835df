"""Options of the commands that read a table of the user."""

from __future__ import annotations

import argparse
from typing import Any

from ._defaults import BUDGETS, DEFAULT_BUDGET
from ._options import split_names, whole_number

__all__ = [
    "add_budget",
    "add_file",
    "add_tables",
    "budget",
    "check_file",
    "load_named",
    "read_file",
    "seed",
]

ARGUMENTS = {"path": "--data", "target": "--target", "positive": "--positive", "drop": "--drop"}
"""Which option names each argument of `read_table`."""

seed = whole_number(0)


def budget(text: str) -> float:
    """Read a budget from an option."""
    hint = ""
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
        percent = text.strip().removesuffix("%")
        if percent.replace(".", "", 1).strip().isdigit():
            hint = f". {float(percent):g} percent are {float(percent) / 100:g}"
    if 0.0 < value < 1.0:
        return value
    if value == 1.0:
        hint = ". With 1, all rows are reviewed. 1 percent is 0.01"
    elif 1.0 < value <= 10_000.0:
        hint = (
            f". {value:g} basis points are {value / 1e4:g}, {value:g} percent are {value / 1e2:g}"
        )
    raise argparse.ArgumentTypeError(f"must be a fraction in (0, 1): got {text!r}{hint}")


def add_budget(group: Any) -> None:
    """Add ``--budget`` and ``--basis``."""
    group.add_argument(
        "--budget",
        type=budget,
        metavar="FRACTION",
        help="share of the rows that can be reviewed, a fraction in (0, 1): 50 basis points are "
        f"0.005 (default: {DEFAULT_BUDGET:g}, and {BUDGETS['mammography']:g} for mammography)",
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
        help="your own table: .csv, .tsv or .parquet (needs pandas), or .npz (arrays X and y); "
        "dates, text and infinite values are prepared, and the output says how",
    )
    group.add_argument("--target", metavar="COLUMN", help="column of --data with the two labels")
    group.add_argument(
        "--positive",
        metavar="LABEL",
        help="label of the positives in --data (default: 1, True, or otherwise the rarer label, "
        "which the output names)",
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
            value = getattr(options, name)
            if value is not None:
                shown = value if isinstance(value, str) else ",".join(value)
                parser.error(
                    f"--{name} {shown} describes the table of --data, which is not given: add "
                    "--data FILE"
                )
    elif options.target is None and not options.data.lower().endswith(".npz"):
        parser.error(
            f"--data {options.data} needs --target COLUMN, the column with the labels; only .npz "
            "files need none"
        )


def read_file(options: argparse.Namespace, folds: str, **settings: Any) -> Any:
    """Read the `Table` of ``--data``. ``folds`` is the option with the number of folds.

    Raises
    ------
    ImportError
        If pandas is needed and not installed.
    ValueError
        If the table cannot be used. The message begins with the option that it is about.
    """
    from ._files import read_table

    return _read(
        read_table,
        {**ARGUMENTS, "n_folds": folds},
        options.data,
        options.target,
        positive=options.positive,
        drop=options.drop or (),
        **settings,
    )


def load_named(name: str, folds: str, **settings: Any) -> Any:
    """Read a table of ``--table``. ``folds`` is the option with the number of folds."""
    from ._files import load_table

    return _read(load_table, {"n_folds": folds}, name, **settings)


def _read(read: Any, arguments: dict[str, str], *words: Any, **settings: Any) -> Any:
    from ._problems import TableError

    try:
        return read(*words, **settings)
    except OSError as error:
        raise ValueError(f"{arguments.get('path', '--table')}: {error}") from None
    except TableError as error:
        option = arguments.get(error.argument, "--table")
        raise ValueError(f"{option}: {error.message}") from None
