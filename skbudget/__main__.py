"""The command line: ``python -m skbudget``.

A command is a module with ``main(arguments) -> exit status``, imported when it is
called. The first one runs if the first word is not a command's name.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

__all__ = ["COMMANDS", "main"]

COMMANDS = {
    "compare": "skbudget.cli._compare_command",
    "report": "skbudget.cli._report_command",
    "reproduce": "benchmarks.reproduction._command",
    "bench": "benchmarks.study._command",
    "speed": "benchmarks.speed._command",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status.

    Parameters
    ----------
    arguments : sequence of str, default=None
        The words after ``python -m skbudget``; None for those of this process.

    Returns
    -------
    status : int
        0 if all went well.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    command = words.pop(0) if words and words[0] in COMMANDS else next(iter(COMMANDS))
    return import_module(COMMANDS[command]).main(words)


if __name__ == "__main__":
    sys.exit(main())
