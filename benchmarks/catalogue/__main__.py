"""The command ``python -m benchmarks.catalogue``."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from benchmarks.promises.__main__ import main as run

from . import __doc__ as about
from ._parts import PARTS

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the unfinished part of a study, print its report and return the exit status."""
    return run(arguments, program="catalogue", description=about, parts=PARTS)


if __name__ == "__main__":
    sys.exit(main())
