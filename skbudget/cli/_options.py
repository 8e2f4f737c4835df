"""What all commands share: their parser, types of options, exit statuses and printing.

The types of options say in the words of this package what is wrong with a value.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = [
    "EXIT_FAILED",
    "EXIT_INTERRUPTED",
    "EXIT_OK",
    "EXIT_USAGE",
    "add_jobs",
    "at_least",
    "check_output",
    "checked_by",
    "command_parser",
    "names_of",
    "positive_int",
    "print_anywhere",
    "program",
    "split_names",
    "whole_number",
]

EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 0, 1, 2, 130

SCRIPT, MODULE = "skbudget", "python -m skbudget"


def program(command: str = "") -> str:
    """Return the words that start a command, as the user has typed them.

    Parameters
    ----------
    command : str, default=""
        Name of the command.

    Returns
    -------
    words : str
        They begin with ``skbudget`` in the console script and with ``python -m skbudget``
        everywhere else.
    """
    called = Path(sys.argv[0]).stem if sys.argv else ""
    return f"{SCRIPT if called == SCRIPT else MODULE} {command}".rstrip()


def command_parser(
    command: str, description: str, epilog: str, usage: str = "[options]"
) -> argparse.ArgumentParser:
    """Return a parser without options that shows its texts as they are.

    Parameters
    ----------
    command : str
        Name of the command.
    description, epilog : str
        Texts above and below the options. ``PROG`` in them stands for the words that
        start the command.
    usage : str, default="[options]"
        What follows these words.

    Returns
    -------
    parser : argparse.ArgumentParser
    """
    prog = program(command)
    return argparse.ArgumentParser(
        prog=prog,
        usage=f"{prog} {usage}",
        description=description.replace("PROG", prog),
        epilog=epilog.replace("PROG", prog),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def print_anywhere(text: object) -> None:
    """Print, with a substitute for characters (±, µ, †) that the terminal does not know."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")
    print(text, flush=True)


def checked_by(check: Callable[[Any], Any], read: Callable[[str], Any], kind: str) -> Any:
    """Return an option type that reports what a check of this package says.

    Parameters
    ----------
    check : callable
        ``check(value)`` returns the value or raises a ValueError.
    read : callable
        ``read(text)`` returns the value or raises a ValueError.
    kind : str
        What the text should be, in words, with the range that is allowed.

    Returns
    -------
    convert : callable
    """

    def convert(text: str) -> Any:
        try:
            value = read(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"must be {kind}: got {text!r}") from None
        try:
            return check(value)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return convert


def at_least(minimum: int) -> Callable[[int], int]:
    """Return a check of a whole number."""

    def check(value: int) -> int:
        if value < minimum:
            raise ValueError(f"must be at least {minimum}: got {value}")
        return value

    return check


def whole_number(minimum: int) -> Any:
    """Return an option type that reads a whole number."""
    return checked_by(at_least(minimum), int, f"a whole number, at least {minimum}")


positive_int = whole_number(1)

N_JOBS = "a whole number, at least 1, or -1 for all processors"


def _check_n_jobs(value: int) -> int:
    if value < 1 and value != -1:
        raise ValueError(f"must be {N_JOBS}: got {value}")
    return value


def add_jobs(group: Any, what: str, default: str) -> None:
    """Add ``--jobs``, which is also called ``--n-jobs``.

    Parameters
    ----------
    group : argument group
        Where to add it.
    what : str
        What it is the number of.
    default : str
        The default in words.
    """
    group.add_argument(
        "--jobs",
        "--n-jobs",
        dest="n_jobs",
        type=checked_by(_check_n_jobs, int, N_JOBS),
        metavar="N",
        help=f"{what}; -1 stands for all processors that this process may use, or for "
        f"OMP_NUM_THREADS where it is less (default: {default})",
    )


def split_names(text: str) -> list[str]:
    """Read names that are separated by commas."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise argparse.ArgumentTypeError(
            f"must be one name or several, separated by commas: got {text!r}"
        )
    return names


def names_of(known: Any, kind: str) -> Callable[[str], list[str]]:
    """Return an option type that reads known names, separated by commas."""

    def convert(text: str) -> list[str]:
        names = split_names(text)
        for name in names:
            if name not in known:
                raise argparse.ArgumentTypeError(
                    f"unknown {kind} {name!r} (choose from {', '.join(known)})"
                )
        return names

    return convert


def check_output(option: str, path: str | None) -> None:
    """Raise if a file cannot be written, before the work that fills it; - is no file."""
    if path is None or path == "-":
        return
    if not Path(path).parent.is_dir():
        raise ValueError(
            f"{option}: there is no folder {str(Path(path).parent)!r} for the file {path!r}"
        )
    if Path(path).is_dir():
        raise ValueError(f"{option}: {path!r} is a folder, not a file")
