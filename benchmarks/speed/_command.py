"""The command ``speed``: its options and its output."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skbudget.cli._options import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_OK,
    add_jobs,
    at_least,
    check_output,
    checked_by,
    command_parser,
    named,
    names_of,
    positive_int,
    print_anywhere,
    program,
)

from ._effort import FULL, PARTS, QUICK, Effort

if TYPE_CHECKING:
    from ._pieces import Piece
    from ._results import Peak, Speed, Turns

__all__ = ["main"]

COMMAND = "speed"
LEAST_ROWS = 1000
OPTIONS_OF_PARTS = {"rows": ("scale", "growth"), "picture": ("scale",)}

DESCRIPTION = """\
Measure what the objective costs: its time as a ratio to the time of peers that take
turns with it on the same data, the growth of that time with the number of rows,
and its memory.

Seconds depend on the machine; ratios and exponents depend on it much less. On an
idle machine the brackets are narrowest.
"""

EPILOG = """\
parts:
{parts}

examples:
  PROG
      all parts, in about half an hour on two cores
  PROG --quick
      small sizes, in less than a minute: shows that it runs, not what it costs
  PROG --parts fit --n-jobs 1 --pairs 9
      the cost of training in one thread, in nine pairs
  PROG --parts scale,memory --rows 100000,1000000 --picture scale.png
      only calls of the objective, and a picture (needs matplotlib)
  PROG --parts growth --pairs 1 --rows 100000,316228,1000000,3162278,10000000
      whole fits up to ten million rows, with what they add to the memory of a peer
  PROG --json speed.json
      all times, with versions and platform, in a file too

exit status: 0 done; 1 a part failed or a result could not be written; 2 the
options cannot be used, or none of the parts can run; 130 interrupted with
Ctrl-C (what was finished by then is shown and written).
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark and return the exit status."""
    parser = _build_parser()
    options = parser.parse_args(arguments)
    _check_combinations(parser, options)
    try:
        return _run(parser, options)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return EXIT_INTERRUPTED


def _build_parser() -> argparse.ArgumentParser:
    width = max(map(len, PARTS))
    parts = "\n".join(f"  {name.ljust(width)}  {about}" for name, about in PARTS.items())
    parser = command_parser(COMMAND, DESCRIPTION, EPILOG.format(parts=parts))
    what = parser.add_argument_group("what is measured")
    what.add_argument(
        "--parts",
        type=names_of(PARTS, "part"),
        action="extend",
        metavar="NAMES",
        help=f"parts to run, from {', '.join(PARTS)} (default: all)",
    )
    what.add_argument(
        "--rows",
        type=_rows,
        metavar="NUMBERS",
        help="numbers of rows of the parts scale and growth, separated by commas (default: "
        f"{','.join(map(str, FULL.scale_rows))} for scale, "
        f"{','.join(map(str, FULL.growth_rows))} for growth)",
    )

    effort = parser.add_argument_group("how much work")
    effort.add_argument("--quick", action="store_true", help="small sizes and few turns")
    effort.add_argument(
        "--pairs",
        type=positive_int,
        metavar="N",
        help="number of turns that count, after one that does not "
        f"(default: {FULL.pairs}; part losses takes {FULL.loss_steps} steps)",
    )
    add_jobs(effort, "number of threads of boosters and torch", "the processors that are free")

    output = parser.add_argument_group("output")
    output.add_argument(
        "--json",
        metavar="FILE",
        help="write all times; - prints them instead of the report",
    )
    output.add_argument(
        "--picture", metavar="FILE.png", help="draw part scale into a file (needs matplotlib)"
    )
    output.add_argument("--quiet", action="store_true", help="show no progress and no notes")
    return parser


ROWS = f"whole numbers, at least {LEAST_ROWS}, separated by commas"


def _read_rows(text: str) -> tuple[int, ...]:
    return tuple(sorted({int(word) for word in text.split(",") if word.strip()}))


def _check_rows(sizes: tuple[int, ...]) -> tuple[int, ...]:
    if not sizes:
        raise ValueError(f"must be {ROWS}: got none")
    at_least(LEAST_ROWS)(sizes[0])
    return sizes


_rows = checked_by(_check_rows, _read_rows, ROWS)


def _check_combinations(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Refuse options that would have no effect, and fill in the defaults."""
    asked = set(options.parts or PARTS)
    options.parts = [part for part in PARTS if part in asked]
    for name, of_parts in OPTIONS_OF_PARTS.items():
        value = getattr(options, name)
        if value is not None and not asked & set(of_parts):
            shown = value if isinstance(value, str) else ",".join(map(str, value))
            parser.error(
                f"--{name} {shown} is for part {' or '.join(of_parts)}, which --parts does not "
                f"name: add it to --parts {','.join(options.parts)}"
            )


def _find_effort(options: argparse.Namespace) -> Effort:
    from skbudget.cli._threads import choose_threads

    changes: dict[str, Any] = {"n_jobs": choose_threads(options.n_jobs)}
    if options.pairs is not None:
        changes["pairs"] = options.pairs
    if options.rows is not None:
        changes["scale_rows"] = changes["growth_rows"] = options.rows
    return replace(QUICK if options.quick else FULL, **changes)


def _check_outputs(options: argparse.Namespace) -> None:
    """Raise errors of the output options before an hour of work is done."""
    if options.picture is not None:
        from skbudget.cli._plot import check_plot_file

        with named("--picture"):
            check_plot_file(options.picture)
    check_output("--picture", options.picture)
    check_output("--json", options.json)


def _run(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    from skbudget.cli._methods import split_by_availability

    from ._pieces import plan_pieces
    from ._results import Speed, describe_machine

    try:
        _check_outputs(options)
        effort = _find_effort(options)
        able, skipped = split_by_availability(plan_pieces(options.parts, effort), "parts")
    except (ImportError, OSError, ValueError) as error:
        parser.error(str(error))
    for label, reason in skipped.items():
        print(f"{label} is left out: it {reason}", file=sys.stderr)

    turns: list[Turns] = []
    peaks: list[Peak] = []
    failed: list[str] = []
    interrupted = False
    try:
        _measure(able, turns, peaks, failed, quiet=options.quiet)
    except KeyboardInterrupt:
        if not turns and not peaks:
            raise
        interrupted = True
    about = {
        **describe_machine(),
        "n_jobs": effort.n_jobs,
        "quick": options.quick,
        "complete": not interrupted and not failed,
        # As JSON has them.
        "effort": {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(effort).items()
        },
    }
    written = _show(Speed(tuple(turns), tuple(peaks), skipped, about), options)
    for message in failed:
        print(f"{program(COMMAND)}: error: {message}", file=sys.stderr)
    if interrupted:
        print("Interrupted: what was finished by then is shown.", file=sys.stderr)
        return EXIT_INTERRUPTED
    return EXIT_OK if written and not failed else EXIT_FAILED


def _measure(
    pieces: Sequence[Piece],
    turns: list[Turns],
    peaks: list[Peak],
    failed: list[str],
    *,
    quiet: bool,
) -> None:
    from ._results import Peak

    progress = None
    if not quiet:
        from skbudget._utils.progress import Progress

        totals: dict[str, int] = {}
        for piece in pieces:
            totals[piece.part] = totals.get(piece.part, 0) + 1
        progress = Progress(sys.stderr, totals, "measurements")
    try:
        for piece in pieces:
            try:
                measured = piece.measure()
            except Exception as error:  # an hour of other measurements should not be lost
                failed.append(f"{piece.label} failed: {type(error).__name__}: {error}")
                measured = []
            for one in measured if isinstance(measured, list) else [measured]:
                if isinstance(one, Peak):
                    peaks.append(one)
                else:
                    turns.append(one)
            if progress is not None:
                progress.count(piece.part)
    finally:
        if progress is not None:
            progress.close()


def _show(speed: Speed, options: argparse.Namespace) -> bool:
    """Write the files and print the report; return whether all of it worked."""
    from ._report import render_speed

    written = True
    as_json = json.dumps(speed.to_dict(), indent=2, allow_nan=False)
    try:
        if options.json not in (None, "-"):
            Path(options.json).write_text(as_json + "\n", encoding="utf-8")
        if options.picture is not None and speed.of_part("scale"):
            from ._picture import plot_scaling

            plot_scaling(speed).savefig(options.picture)
    except OSError as error:
        print(f"{program(COMMAND)}: error: {error}", file=sys.stderr)
        written = False
    print_anywhere(as_json if options.json == "-" else render_speed(speed, notes=not options.quiet))
    return written
