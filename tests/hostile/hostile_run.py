"""Plans of calls, and tables of what they came to. Runs one call, or a room, from a shell.

python tests/hostile/hostile_run.py                        # every call, faults in groups
python tests/hostile/hostile_run.py skbudget.metrics       # those of one room
python tests/hostile/hostile_run.py NAME ARGUMENT VALUE    # one call, with its traceback
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple

import hostile_examples_data
import hostile_examples_losses
import hostile_examples_metrics
import hostile_examples_models
import hostile_examples_sampling
import hostile_examples_stages
import hostile_examples_torch
import hostile_examples_worth
from hostile_exceptions import is_made
from hostile_rule import Example, Verdict, limited_memory, run_call
from hostile_values import Hostile

ROOMS = (
    hostile_examples_metrics,
    hostile_examples_losses,
    hostile_examples_torch,
    hostile_examples_models,
    hostile_examples_stages,
    hostile_examples_data,
    hostile_examples_worth,
    hostile_examples_sampling,
)


class Call(NamedTuple):
    """A call: an example with one hostile argument."""

    example: Example
    argument: str
    hostile: Hostile
    variant: int

    def run(self) -> Verdict:
        return run_call(self.example, self.argument, self.hostile, self.variant)


@cache
def all_examples() -> dict[str, Example]:
    """Return every example by its name."""
    found: dict[str, Example] = {}
    for room in ROOMS:
        for example in room.examples():
            if example.name in found:
                raise LookupError(f"two examples are called {example.name}")
            found[example.name] = example
    return dict(sorted(found.items()))


def plan(variant: int = 0) -> list[Call]:
    """Return every argument of every example with every value."""
    return [
        Call(example, argument, hostile, variant)
        for example in all_examples().values()
        for argument, hostile in example.calls()
        if is_made(example.name, argument)
    ]


def find_call(name: str, argument: str, value: str, variant: int = 0) -> Call:
    """Return one call by its names."""
    example = all_examples()[name]
    for named, hostile in example.calls():
        if (named, hostile.name) == (argument, value):
            return Call(example, argument, hostile, variant)
    raise LookupError(f"no call is {name}({argument}={value})")


def sample(per_argument: int, seed: int = 0) -> dict[str, list[Call]]:
    """Return a few values for every argument, by example; every value is drawn somewhere."""
    rng = random.Random(seed)
    by_argument: dict[tuple[str, str], list[Call]] = defaultdict(list)
    for call in plan(seed):
        by_argument[call.example.name, call.argument].append(call)
    drawn: dict[str, list[Call]] = defaultdict(list)
    for (name, _), calls in by_argument.items():
        drawn[name] += rng.sample(calls, min(per_argument, len(calls)))
    return drawn


def long_run(part: int, n_parts: int, n_variants: int = 2) -> list[Call]:
    """Return one part of all calls, in an order that does not depend on the part."""
    calls = [call for variant in range(n_variants) for call in plan(variant)]
    random.Random(0).shuffle(calls)
    return calls[part::n_parts]


@contextlib.contextmanager
def _elsewhere() -> Iterator[None]:
    """Work in a folder that is thrown away: some words are names of folders that are made."""
    here = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(here)


def run_all(calls: Iterable[Call]) -> Iterator[Verdict]:
    """Run calls one after the other, with a limit on the memory that they may ask for."""
    with limited_memory(), _elsewhere():
        for call in calls:
            verdict = call.run()
            if verdict.outcome != "none":
                yield verdict


def group_of(verdict: Verdict, fault: tuple[str, str]) -> tuple[str, ...]:
    """Return what faults of one cause have in common."""
    kind, text = fault
    place = re.search(r"\((skbudget/[\w/.]+:\d+)\)$", text)
    words = re.sub(r"'[^']*'|\"[^\"]*\"|[\d.]+|\[.*?\]", "*", text.split(" (skbudget")[0])[:70]
    if verdict.value == "misspelt":
        return kind, verdict.example, "misspelt"
    if kind in ("accepted", "nan", "answer", "changed", "state", "refused"):
        return kind, verdict.example, verdict.argument
    if kind == "error":
        words = words.partition(":")[0]
    return kind, place[1] if place else verdict.example, words


def render_groups(verdicts: Iterable[Verdict]) -> str:
    """Return the faults in groups, the largest first, each with its first calls."""
    groups: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for verdict in verdicts:
        for fault, line in zip(verdict.faults, verdict.lines()):
            groups[group_of(verdict, fault)].append(line)
    lines = []
    for key, found in sorted(groups.items(), key=lambda item: (item[0][0], -len(item[1]))):
        lines.append(f"{len(found):5d} {' | '.join(key)}")
        lines += [f"        {' '.join(line.split())[:230]}" for line in found[:2]]
        calls = sorted({line.split("skbudget.")[1].split(") [")[0] for line in found})
        if len({call.split("=")[0] for call in calls}) == 1:
            calls = [call.split("=", 1)[1] for call in calls]
        lines.append(f"        all: {', '.join(calls)[:460]}")
    return "\n".join(lines)


def render_findings(verdicts: Iterable[Verdict]) -> str:
    """Return a line for each group of faults, with one of its calls to run."""
    groups: dict[tuple[str, ...], list[tuple[Verdict, str]]] = defaultdict(list)
    for verdict in verdicts:
        for fault in verdict.faults:
            groups[group_of(verdict, fault)].append((verdict, fault[1]))
    lines = []
    for key, found in sorted(groups.items(), key=lambda item: (item[0][0], -len(item[1]))):
        first, text = found[0]
        values = list(dict.fromkeys(verdict.value for verdict, _ in found))
        shown = ", ".join(values[:12]) + (", ..." if len(values) > 12 else "")
        lines.append(
            f"- {key[0]} ({len(found)} calls): `{first.example} {first.argument} {first.value}`: "
            f"{' '.join(text.split())[:200]}. Values: {shown}"
        )
    return "\n".join(lines)


def render_table(verdicts: Iterable[Verdict]) -> str:
    """Return a table by callable: calls, answers, errors, faults, and the slowest call."""
    rows: dict[str, Counter[str]] = defaultdict(Counter)
    slowest: dict[str, float] = defaultdict(float)
    for verdict in verdicts:
        row = rows[verdict.example]
        row["calls"] += 1
        row[verdict.outcome] += 1
        row["faults"] += bool(verdict.faults)
        slowest[verdict.example] = max(slowest[verdict.example], verdict.seconds)
    lines = [
        f"{'callable':64s} {'calls':>7s} {'answers':>8s} {'errors':>7s} {'faults':>7s}  slowest"
    ]
    total: Counter[str] = Counter()
    for name, row in sorted(rows.items()):
        total += row
        lines.append(_row(name, row, slowest[name]))
    lines.append(_row("all", total, max(slowest.values(), default=0.0)))
    return "\n".join(lines)


def _row(name: str, row: Counter[str], seconds: float) -> str:
    return (
        f"{name:64s} {row['calls']:7d} {row['answer']:8d} {row['error']:7d} {row['faults']:7d}"
        f"  {seconds:6.2f} s"
    )


def _main(arguments: list[str]) -> None:
    if len(arguments) >= 3:
        print(find_call(*arguments[:3], *map(int, arguments[3:])).run())
        return
    wanted = arguments[0] if arguments else ""
    variant = int(os.environ.get("HOSTILE_VARIANT", "0"))
    calls = [call for call in plan(variant) if call.example.name.startswith(wanted)]
    verdicts = []
    for verdict in run_all(calls):
        verdicts.append(verdict)
        if verdict.example != verdicts[max(0, len(verdicts) - 2)].example:
            print(f"... {verdict.example}", file=sys.stderr, flush=True)
    print(render_groups(verdicts))
    print(render_table(verdicts))
    print(render_findings(verdicts))


if __name__ == "__main__":
    _main(sys.argv[1:])
