"""The command ``python -m benchmarks.snapshot``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import torch
from threadpoolctl import threadpool_limits

import skbudget

from . import __doc__ as about
from ._record import all_examples, as_text, compare, environment, load_rooms, run_all


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command, and return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.snapshot",
        description=(about or "").partition("\n")[0],
        epilog="compare exits with 1 if an example differs, write if one raises.",
    )
    parser.add_argument("mode", choices=("write", "compare"))
    parser.add_argument("file", type=Path, metavar="FILE.json")
    parser.add_argument("--only", metavar="SUBSTRING", help="examples with this in their name")
    parser.add_argument("--list", action="store_true", help="print the names, and compute nothing")
    words = parser.parse_args(arguments)
    # The rooms import the boosters, whose threads can be limited only afterwards.
    load_rooms()
    if words.list:
        for name, _ in all_examples(words.only):
            print(name)
        return 0

    matplotlib.use("Agg")
    torch.set_num_threads(1)
    print(f"skbudget of {Path(skbudget.__file__).parent}", file=sys.stderr)
    stored: dict[str, Any] = {}
    if words.mode == "compare":
        stored = json.loads(words.file.read_text(encoding="utf-8"))
        for library, installed in environment().items():
            if stored["environment"].get(library) != installed:
                print(f"{library} was {stored['environment'].get(library)}, and is {installed}")
    with threadpool_limits(1):
        found = run_all(words.only)
    if not found:
        parser.error(f"no example has {words.only!r} in its name")
    if words.mode == "compare":
        wanted = {
            name: parts
            for name, parts in stored["examples"].items()
            if words.only is None or words.only in name
        }
        return int(compare(wanted, found) > 0)
    words.file.write_text(as_text({"environment": environment(), "examples": found}), "utf-8")
    failed = {name: parts for name, parts in found.items() if isinstance(parts, str)}
    for name, error in failed.items():
        print(f"{name}: {error}")
    print(f"{len(found)} examples, {len(failed)} failed")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
