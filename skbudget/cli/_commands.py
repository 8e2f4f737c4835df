"""The commands by name: what each one does, and where its code is.

The code of ``reproduce``, ``bench`` and ``speed`` is not part of the installed package.
It is the package ``benchmarks``, which is beside ``skbudget`` in the source repository
and in the source distribution.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

__all__ = ["COMMANDS", "DEFAULT", "Command", "CommandError", "command_table", "load_command"]

BENCHMARKS = "benchmarks"
ROOT = Path(__file__).resolve().parents[2]
"""The folder that holds the package: the root of the repository, or ``site-packages``."""


class Command(NamedTuple):
    """A command: a module with ``main(arguments) -> exit status``.

    Attributes
    ----------
    about : str
        What it does, in a sentence.
    module : str
        Name of the module. It is imported when the command is called.
    """

    about: str
    module: str


COMMANDS = {
    "compare": Command(
        "Compare training methods on tables that come with the package or on your own.",
        "skbudget.cli._compare_command",
    ),
    "report": Command(
        "Say in words whether it is worth switching to a band loss on your table.",
        "skbudget.cli._report_command",
    ),
    "reproduce": Command(
        "Train the published networks again and print our figures beside the published ones.",
        f"{BENCHMARKS}.reproduction._command",
    ),
    "bench": Command(
        "Run the study, which compares our estimators with fifteen tuned peers on many tables.",
        f"{BENCHMARKS}.study._command",
    ),
    "speed": Command(
        "Measure what the objective costs, as ratios to the boosters' own losses.",
        f"{BENCHMARKS}.speed._command",
    ),
}

DEFAULT = "compare"
"""The command that runs if the first word is an option, or if there are no words."""

NOT_INSTALLED = """\
the command {name!r} is not part of the installed package. Its code is the folder
{package}/ of the source repository, which the source distribution (sdist) holds too.
To run it, go to the folder of either one and call

    python -m pip install -e ".[bench]"
    python -m skbudget {name}"""


class CommandError(Exception):
    """A command that cannot be run here, with the reason as the user should read it."""


def command_table() -> str:
    """Return a line for each command: its name and what it does."""
    width = max(map(len, COMMANDS))
    return "\n".join(f"  {name.ljust(width)}  {one.about}" for name, one in COMMANDS.items())


def load_command(name: str) -> ModuleType:
    """Import the module of a command and return it.

    Raises
    ------
    CommandError
        If there is no such command, or if its code is not beside this package.
    """
    if name not in COMMANDS:
        raise CommandError(f"unknown command {name!r}: it should be one of {', '.join(COMMANDS)}")
    module = COMMANDS[name].module
    if module.startswith(f"{BENCHMARKS}."):
        _make_importable(name, module)
    return import_module(module)


def _make_importable(name: str, module: str) -> None:
    """Put the folder of our benchmarks on the path, and make sure that no others are taken."""
    # The file of the command itself is looked for, because other distributions install a
    # package called "benchmarks" too.
    if not ROOT.joinpath(*module.split(".")).with_suffix(".py").is_file():
        raise CommandError(NOT_INSTALLED.format(name=name, package=BENCHMARKS))
    loaded = sys.modules.get(BENCHMARKS)
    file = getattr(loaded, "__file__", None)
    if loaded is not None and (file is None or Path(file).resolve().parent != ROOT / BENCHMARKS):
        raise CommandError(
            f"another package called {BENCHMARKS!r} has been imported in this process "
            f"({file or 'a folder without __init__.py'}): run python -m skbudget {name}"
        )
    # It comes before the current folder, which may hold such a package too. Processes that
    # a command starts inherit the path.
    if sys.path[:1] != [str(ROOT)]:
        sys.path.insert(0, str(ROOT))
