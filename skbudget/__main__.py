"""The command line: ``skbudget`` or ``python -m skbudget``.

The first word is the name of a command. Without one the comparison runs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from skbudget.cli._commands import COMMANDS, DEFAULT, CommandError, load_command
from skbudget.cli._options import EXIT_USAGE, program

__all__ = ["COMMANDS", "main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status.

    Parameters
    ----------
    arguments : sequence of str, default=None
        The words after ``skbudget`` or ``python -m skbudget``. By default those that this
        process was called with.

    Returns
    -------
    status : int
        0 if all went well.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    name = words.pop(0) if words and not words[0].startswith("-") else DEFAULT
    try:
        command = load_command(name)
    except CommandError as error:
        print(f"{program()}: error: {error}", file=sys.stderr)
        return EXIT_USAGE
    return command.main(words)


if __name__ == "__main__":
    sys.exit(main())
