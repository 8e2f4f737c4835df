"""The command, and the table that it prints."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from skbudget._utils.statistics import t_interval

from ._methods import PEER, Method, Settings, find_methods
from ._study import Effort, Outcome, read_outcomes, run

__all__ = ["main", "render"]

BEGIN, END = "<!-- table begins -->", "<!-- table ends -->"

QUICK = Effort(60, 40, 60, (Settings(0.1, 7),), (10, 30), 200)


def _cell(values: Sequence[float], sign: str = "") -> str:
    found = t_interval(values)
    half = "" if np.isnan(found.half_width) else f" ± {found.half_width:.3f}"
    return f"{found.mean:{sign}.3f}{half}"


def render(outcomes: Sequence[Outcome]) -> str:
    """Return a table in Markdown, the best method first.

    Parameters
    ----------
    outcomes : sequence of Outcome
        What a file of results holds.

    Returns
    -------
    table : str
        Means over seeds with half of their 95 % intervals, half of the mean interval over
        queries, and in how many seeds the interval of the gain lies above or below 0.
    """
    by_method: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        by_method.setdefault(outcome.method, []).append(outcome)
    ranked = sorted(by_method, key=lambda name: -np.mean([one.ndcg for one in by_method[name]]))
    lines = [
        f"| method | NDCG@10 | over queries | gain over {PEER} | better / worse in seeds "
        "| coverage of the first page | gain in coverage | better / worse in seeds |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in ranked:
        found = by_method[name]
        queries = np.mean([(one.ndcg_high - one.ndcg_low) / 2.0 for one in found])
        better = sum(one.ndcg_gain_low > 0 for one in found)
        worse = sum(one.ndcg_gain_high < 0 for one in found)
        better_pages = sum(one.coverage_gain_low > 0 for one in found)
        worse_pages = sum(one.coverage_gain_high < 0 for one in found)
        peer = name == PEER
        gain, gain_pages = (
            "-" if peer else _cell(values, "+")
            for values in ([one.ndcg_gain for one in found], [one.coverage_gain for one in found])
        )
        lines.append(
            f"| {name} | {_cell([one.ndcg for one in found])} | ± {queries:.3f} | {gain} "
            f"| {'-' if peer else f'{better} / {worse}'} "
            f"| {_cell([one.coverage for one in found])} | {gain_pages} "
            f"| {'-' if peer else f'{better_pages} / {worse_pages}'} |"
        )
    return "\n".join(lines)


def _chosen(only: Sequence[str] | None) -> list[Method]:
    methods = list(find_methods())
    if not only:
        return methods
    return [one for one in methods if one.name == PEER or any(part in one.name for part in only)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    arguments : sequence of str, default=None
        Its arguments; those of the process by default.

    Returns
    -------
    status : int
        0.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.ltr",
        description="Compare losses and rankers on queries with graded rows.",
    )
    parser.add_argument("--seeds", type=int, default=5, help="number of tables")
    parser.add_argument(
        "--results",
        type=Path,
        default=Path("ltr-results.csv"),
        metavar="FILE.csv",
        help="file that results are appended to; what it holds is not run again",
    )
    parser.add_argument("--quick", action="store_true", help="small tables, to see that it runs")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="methods whose names have this")
    parser.add_argument(
        "--page", type=Path, metavar="FILE.md", help="page to write the table into, at its marks"
    )
    parser.add_argument("--show", action="store_true", help="print the table and run nothing")
    options = parser.parse_args(arguments)
    if options.seeds < 1:
        parser.error(f"--seeds must be at least 1: got {options.seeds}.")
    try:
        outcomes = read_outcomes(options.results)
    except ValueError as error:
        parser.error(str(error))
    if not options.show:
        effort = QUICK if options.quick else Effort()
        sizes = {one.n_train for one in outcomes}
        if sizes - {effort.n_train}:
            parser.error(
                f"{options.results} holds results of {sorted(sizes)} training queries, and this "
                f"run has {effort.n_train}: name another file by --results."
            )
        for outcome in run(_chosen(options.only), range(options.seeds), effort, options.results):
            print(
                f"seed {outcome.seed}  {outcome.method:<55} NDCG@10 {outcome.ndcg:.3f}  "
                f"first page {outcome.coverage:.3f}  {outcome.seconds:.1f} s",
                flush=True,
            )
        outcomes = read_outcomes(options.results)
    if not outcomes:
        parser.error(f"{options.results} holds no results.")
    table = render(outcomes)
    print(table)
    if options.page is not None:
        _put(table, options.page)
    return 0


def _put(table: str, page: Path) -> None:
    """Write a table between the marks of a page."""
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{page} lacks the marks {BEGIN!r} and {END!r}.")
    page.write_text(f"{before}{BEGIN}\n\n{table}\n\n{END}{after}", encoding="utf-8")
