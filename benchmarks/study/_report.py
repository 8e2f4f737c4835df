"""The report of the study: tables in Markdown that are also readable in a terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from benchmarks._markdown import estimate_text, markdown_table
from skbudget._utils.statistics import Estimate

from ._origins import MADE, shared_sources
from ._search import CEILING
from ._summary import Cell, Summary, rank_methods, verdict

__all__ = ["REFERENCE", "render_ablation", "render_report"]

REFERENCE = "lightgbm"
"""The usual peer, which every practitioner has."""


def render_report(
    summary: Summary,
    *,
    labels: Mapping[str, str],
    ours: Sequence[str],
    pointwise: Sequence[str],
    basis: str = "fpr",
) -> str:
    """Return the tables of a study.

    Parameters
    ----------
    summary : Summary
        The results.
    labels : mapping of str to str
        Labels of the methods. A method without a label is shown by its name.
    ours : sequence of str
        Names of the methods of this package. The others are peers.
    pointwise : sequence of str
        Names of the peers that minimise a sum over single rows.
    basis : {"fpr", "population"}, default="fpr"
        What budgets are fractions of.

    Returns
    -------
    text : str
    """
    cells = summary.select(basis=basis)
    methods = summary.methods
    mine = [name for name in ours if name in methods]
    peers = [name for name in methods if name not in ours]
    parts = []
    for group in dict.fromkeys(cell.group for cell in cells):
        of_group = [cell for cell in cells if cell.group == group]
        parts.append(f"## {group[:1].upper()}{group[1:]}\n")
        parts.append(_differences(of_group, mine, peers, labels))
        parts.append(_coverages(of_group, methods, labels))
    parts.append(_verdicts(cells, mine, peers, pointwise, labels))
    parts.append(_ranks(cells, methods, labels))
    parts.append(_origins(cells))
    parts.append(_times(summary, methods, labels))
    return "\n".join(part for part in parts if part)


def render_ablation(
    summary: Summary, *, labels: Mapping[str, str], reference: str, basis: str = "fpr"
) -> str:
    """Return the effect of each change on the coverage of each table, averaged over budgets.

    Parameters
    ----------
    summary : Summary
        The results.
    labels : mapping of str to str
        Labels of the changes.
    reference : str
        Name of the method that the others are compared with.
    basis : {"fpr", "population"}, default="fpr"
        What budgets are fractions of.

    Returns
    -------
    text : str
    """
    cells = [cell for cell in summary.select(basis=basis) if reference in cell.test]
    tables = list(dict.fromkeys(cell.table for cell in cells))
    rows = []
    for name in summary.methods:
        found = [(cell, cell.difference(name, reference)) for cell in cells if name in cell.test]
        by_table = {
            table: [difference.mean for cell, difference in found if cell.table == table]
            for table in tables
        }
        means = {table: sum(gains) / len(gains) for table, gains in by_table.items() if gains}
        verdicts = [verdict(difference) for _, difference in found]
        rows.append(
            [
                labels.get(name, name),
                *(f"{means[table] + 0.0:+.3f}" if table in means else "" for table in tables),
                f"{sum(means.values()) / len(means):+.3f}" if means else "",
                f"{verdicts.count('win')} / {verdicts.count('tie')} / {verdicts.count('loss')}",
            ]
        )
    header = ["change", *tables, "mean", "wins / ties / losses"]
    title = f"## Each change by itself, over {labels.get(reference, reference)}\n\n"
    return title + markdown_table(header, rows)


def _percent(budget: float) -> str:
    return f"{100 * budget:g} %"


def _differences(
    cells: Sequence[Cell], ours: Sequence[str], peers: Sequence[str], labels: Mapping[str, str]
) -> str:
    """Return the table of our methods beside the best peer and the usual one."""
    rows = []
    for cell in cells:
        best = cell.best(peers)
        if best is None:
            continue
        for name in ours:
            if name not in cell.test:
                continue
            over_best = cell.difference(name, best)
            over_usual = (
                cell.difference(name, REFERENCE)
                if REFERENCE in cell.test
                else Estimate(math.nan, math.nan, 0)
            )
            rows.append(
                [
                    cell.table,
                    _percent(cell.budget),
                    labels.get(name, name),
                    estimate_text(cell.mean(name)),
                    f"{labels.get(best, best)} {cell.mean(best).mean:.3f}",
                    f"{estimate_text(over_best, signed=True)} {verdict(over_best)}",
                    f"{estimate_text(over_usual, signed=True)} {verdict(over_usual)}",
                    str(over_best.n),
                ]
            )
    usual = labels.get(REFERENCE, REFERENCE)
    header = [
        "table", "budget", "ours", "coverage", "best peer", "over best peer", f"over {usual}",
        "seeds",
    ]  # fmt: skip
    return markdown_table(header, rows)


def _coverages(cells: Sequence[Cell], methods: Sequence[str], labels: Mapping[str, str]) -> str:
    """Return the table of the coverage of every method in every cell of a group."""
    shown = [name for name in (*methods, CEILING) if any(name in cell.test for cell in cells)]
    header = ["coverage", *(f"{cell.table} {_percent(cell.budget)}" for cell in cells)]
    rows = [
        [
            labels.get(name, name),
            *(f"{cell.mean(name).mean:.3f}" if name in cell.test else "" for cell in cells),
        ]
        for name in shown
    ]
    return markdown_table(header, rows)


def _verdicts(
    cells: Sequence[Cell],
    ours: Sequence[str],
    peers: Sequence[str],
    pointwise: Sequence[str],
    labels: Mapping[str, str],
) -> str:
    """Return the table of the numbers of cells that are won, tied and lost."""
    rivals = {
        "the best peer of each cell": list(peers),
        "the best pointwise peer of each cell": [name for name in peers if name in pointwise],
        labels.get(REFERENCE, REFERENCE): [REFERENCE],
    }
    rows = []
    for name in ours:
        for rival, candidates in rivals.items():
            counts = {"win": 0, "tie": 0, "loss": 0}
            gains = []
            for cell in cells:
                best = cell.best(candidates)
                if best is None or name not in cell.test or not cell.counts:
                    continue
                difference = cell.difference(name, best)
                if difference.n < 2:  # a single draw has no interval and no verdict
                    continue
                counts[verdict(difference)] += 1
                gains.append(difference.mean)
            if gains:
                mean_gain = f"{sum(gains) / len(gains):+.3f}"
                rows.append([labels.get(name, name), rival, *map(str, counts.values()), mean_gain])
    header = ["ours", "against", "wins", "ties", "losses", "mean difference"]
    text = "## Wins, ties and losses by table and budget\n\n" + markdown_table(header, rows)
    left_out = [f"{cell.table} {_percent(cell.budget)}" for cell in cells if not cell.counts]
    if left_out:
        kind = "false positive" if cells[0].basis == "fpr" else "row"
        text += (
            f"\n{len(left_out)} of {len(cells)} cells are counted neither here nor in the ranks, "
            f"because their budget allows less than one {kind} among the test rows: "
            f"{', '.join(left_out)}.\n"
        )
    return text


def _ranks(cells: Sequence[Cell], methods: Sequence[str], labels: Mapping[str, str]) -> str:
    ranking = rank_methods(cells, methods)
    rows = [[labels.get(name, name), f"{rank:.2f}"] for name, rank in ranking.ranks.items()]
    text = f"## Mean rank over {ranking.n_tables} tables\n\n" + markdown_table(
        ["method", "rank"], rows
    )
    if math.isfinite(ranking.critical_difference):
        text += (
            f"\nTwo ranks differ by Nemenyi's test at the 5 % level if they are "
            f"{ranking.critical_difference:.2f} apart"
        )
        if math.isfinite(ranking.friedman_p):
            text += f" (Friedman's test: p = {ranking.friedman_p:.2g})"
        text += ".\n"
    return text


def _origins(cells: Sequence[Cell]) -> str:
    """Return which tables are not independent, and which hold rows that nobody observed."""
    shared = shared_sources((cell.table, cell.group) for cell in cells)
    made = [name for name in dict.fromkeys(cell.table for cell in cells) if name in MADE]
    lines = []
    if shared:
        lines.append(
            "Tables of one source are not independent. They count as one table in the ranks, "
            "and each by itself among the wins, ties and losses: "
            + "; ".join(f"{source} ({', '.join(names)})" for source, names in shared.items())
            + "."
        )
    if made:
        lines.append(
            "The rows of these tables were made and not observed: "
            + ", ".join(f"{name} ({MADE[name]})" for name in made)
            + "."
        )
    return "## Origin of the tables\n\n" + "\n\n".join(lines) + "\n" if lines else ""


def _times(summary: Summary, methods: Sequence[str], labels: Mapping[str, str]) -> str:
    """Return the table of the seconds of training, with ratios to the usual peer's seconds."""
    rows = []
    for name in methods:
        ratios = [
            cell.seconds[name] / cell.seconds[REFERENCE]
            for cell in summary.cells
            if name in cell.seconds and cell.seconds.get(REFERENCE, 0.0) > 0.0
        ]
        every = [cell.seconds[name] for cell in summary.cells if name in cell.seconds]
        if not every:
            continue
        middle = sorted(ratios)[len(ratios) // 2] if ratios else math.nan
        rows.append(
            [
                labels.get(name, name),
                f"{sorted(every)[len(every) // 2]:.2f}",
                f"{middle:.2f}" if math.isfinite(middle) else "",
            ]
        )
    usual = labels.get(REFERENCE, REFERENCE)
    header = ["method", "median s/fit", f"median ratio to {usual}"]
    return "## Processor time of one training run, one thread\n\n" + markdown_table(header, rows)
