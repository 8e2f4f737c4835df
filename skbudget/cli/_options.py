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
    "at_least",
    "check_output",
    "checked_by",
    "command_parser",
    "n_jobs",
    "names_of",
    "positive_int",
    "print_anywhere",
    "program",
    "split_names",
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
        What the text should be, in words.

    Returns
    -------
    convert : callable
    """

    def convert(text: str) -> Any:
        try:
            value = read(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not {kind}") from None
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


def _check_n_jobs(value: int) -> int:
    if value < 1 and value != -1:
        raise ValueError(f"must be at least 1, or -1 for all cores: got {value}")
    return value


positive_int = checked_by(at_least(1), int, "a whole number")
n_jobs = checked_by(_check_n_jobs, int, "a whole number")


def split_names(text: str) -> list[str]:
    """Read names that are separated by commas."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise argparse.ArgumentTypeError("expected one name or several, separated by commas")
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
        raise ValueError(f"{option}: there is no folder {str(Path(path).parent)!r}")
    if Path(path).is_dir():
        raise ValueError(f"{option}: {path!r} is a folder, not a file")
