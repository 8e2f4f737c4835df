"""The pictures of the study: ranks, differences, and the map of regimes."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skbudget._utils.statistics import Estimate
from skbudget._utils.style import FAINT, GREY, INK, PALETTE

from ._report import REFERENCE
from ._search import CEILING
from ._summary import Cell, Ranking, Summary, rank_methods, verdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_study", "plot_differences", "plot_ranks", "plot_regimes"]

OURS, PEER = PALETTE[0], GREY
VERDICTS = {"win": "#15803d", "tie": GREY, "loss": "#b91c1c"}
REGIME = "regime"
# Blue is a gain and red a loss. Zero is white, and figures of FULL or more have the last colour.
REGIME_COLOURS, FULL = "RdBu", 0.3


def draw_study(
    summary: Summary,
    folder: str | os.PathLike[str],
    *,
    labels: Mapping[str, str],
    ours: Sequence[str],
    basis: str = "fpr",
) -> list[Path]:
    """Write all pictures that the results of a study allow, and return the files.

    Ranks are drawn if they tell the best method from half of the others at least.
    """
    cells = [cell for cell in summary.select(basis=basis) if cell.group != REGIME]
    regimes = summary.select(basis=basis, groups=[REGIME])
    mine = [name for name in ours if name in summary.methods]
    drawn: dict[str, Figure] = {}
    ranking = rank_methods(cells, summary.methods)
    if _tells_apart(ranking):
        drawn["ranks.png"] = plot_ranks(ranking, labels=labels, ours=ours)
    for name in mine:
        figure = plot_differences(cells, name, labels=labels, ours=ours)
        if figure is not None:
            drawn[f"differences-{name}.png"] = figure
        figure = plot_regimes(regimes, name, labels=labels)
        if figure is not None:
            drawn[f"regimes-{name}.png"] = figure
    written = []
    for file, figure in drawn.items():
        written.append(Path(folder) / file)
        figure.savefig(written[-1])
    return written


def _tells_apart(ranking: Ranking) -> bool:
    """Return whether the ranks tell the best method from half of the others at least.

    With few tables the test joins nearly all methods, and the picture would show noise.
    """
    ranks = list(ranking.ranks.values())
    told = sum(rank - ranks[0] >= ranking.critical_difference for rank in ranks[1:])
    return told > 0 and 2 * told >= len(ranks) - 1


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    return Figure(
        figsize=(width, height), dpi=150, layout=ConstrainedLayoutEngine(h_pad=0.08, w_pad=0.08)
    )


def plot_ranks(ranking: Ranking, *, labels: Mapping[str, str], ours: Sequence[str]) -> Figure:
    """Draw mean ranks, and bars that join methods whose ranks do not differ significantly.

    Parameters
    ----------
    ranking : Ranking
        The ranking to draw.
    labels : mapping of str to str
        Labels of the methods.
    ours : sequence of str
        Names of the methods of this package.

    Returns
    -------
    figure : matplotlib.figure.Figure
    """
    names = list(ranking.ranks)
    ranks = list(ranking.ranks.values())
    figure = _figure(7.6, 0.9 + 0.27 * len(names))
    axes = figure.subplots()
    for height, name in enumerate(names):
        colour = OURS if name in ours else PEER
        axes.plot([0.0, ranks[height]], [height, height], color=FAINT, linewidth=1.0, zorder=1)
        axes.plot(ranks[height], height, "o", color=colour, markersize=6.5, zorder=3)
        axes.annotate(
            f"{ranks[height]:.1f}", (ranks[height], height), xytext=(7, 0),
            textcoords="offset points", va="center", fontsize=8, color=colour,
        )  # fmt: skip
    for number, (first, last) in enumerate(_cliques(ranks, ranking.critical_difference)):
        at = max(ranks) + 1.8 + 0.22 * number
        axes.plot([at, at], [first - 0.25, last + 0.25], color=INK, linewidth=2.4)
    axes.set_yticks(range(len(names)), [labels.get(name, name) for name in names])
    for label, name in zip(axes.get_yticklabels(), names):
        label.set_color(OURS if name in ours else INK)
    axes.invert_yaxis()
    axes.set_xlim(0.5, None)
    axes.set_xlabel(
        f"mean rank over {ranking.n_tables} tables; a bar joins methods less than "
        f"{ranking.critical_difference:.1f} apart (Nemenyi, 5 %)",
        fontsize=8.5,
        color=INK,
    )
    _plain(axes)
    return figure


def _cliques(ranks: Sequence[float], distance: float) -> list[tuple[int, int]]:
    """Return the longest runs of sorted ranks that span less than ``distance``."""
    found: list[tuple[int, int]] = []
    for first in range(len(ranks)):
        last = first
        while last + 1 < len(ranks) and ranks[last + 1] - ranks[first] < distance:
            last += 1
        if last > first and (not found or found[-1][1] < last):
            found.append((first, last))
    return found


def plot_differences(
    cells: Sequence[Cell], name: str, *, labels: Mapping[str, str], ours: Sequence[str]
) -> Figure | None:
    """Draw the difference of a method's coverage from the best peer and from the usual one.

    Parameters
    ----------
    cells : sequence of Cell
        Tables and budgets. Each has a line.
    name : str
        Name of the method.
    labels : mapping of str to str
        Labels of the methods.
    ours : sequence of str
        Names of the methods that are not peers.

    Returns
    -------
    figure : matplotlib.figure.Figure or None
        None if there is nothing to compare.
    """
    against = {"the best peer": None, labels.get(REFERENCE, REFERENCE): REFERENCE}
    lines: list[tuple[Cell, list[Estimate | None]]] = []
    for cell in cells:
        if name not in cell.test:
            continue
        best = cell.best([peer for peer in cell.test if peer not in ours and peer != CEILING])
        rivals = [best if rival is None else rival for rival in against.values()]
        found = [
            cell.difference(name, rival) if rival is not None and rival in cell.test else None
            for rival in rivals
        ]
        if any(found):
            lines.append((cell, found))
    if not lines:
        return None
    figure = _figure(9.0, 1.0 + 0.2 * len(lines))
    panels = figure.subplots(1, 2, sharey=True, sharex=True)
    for column, (axes, rival) in enumerate(zip(panels, against)):
        for height, (_, found) in enumerate(lines):
            estimate = found[column]
            if estimate is None or not estimate.n:
                continue
            colour = VERDICTS[verdict(estimate)]
            if math.isfinite(estimate.half_width):
                ends = [estimate.low, estimate.high]
                axes.plot(ends, [height, height], color=colour, linewidth=1.8)
            axes.plot(estimate.mean, height, "o", color=colour, markersize=4.5)
        axes.axvline(0.0, color=INK, linewidth=0.9)
        axes.set_title(f"{labels.get(name, name)} over {rival}", fontsize=9, color=INK, loc="left")
        axes.set_xlabel("difference of coverage (paired, 95 % interval)", fontsize=8, color=INK)
        _plain(axes)
    panels[0].set_yticks(
        range(len(lines)),
        [f"{cell.table}  {100 * cell.budget:g} %" for cell, _ in lines],
    )
    panels[0].set_ylim(len(lines) - 0.4, -0.6)
    panels[0].tick_params(axis="y", labelsize=7)
    return figure


def plot_regimes(cells: Sequence[Cell], name: str, *, labels: Mapping[str, str]) -> Figure | None:
    """Draw the lift over the usual peer by positive rate, budget, cue and decoys.

    Parameters
    ----------
    cells : sequence of Cell
        Cells of the tables ``regime-CUE-rate-R-decoys-D``.
    name : str
        Name of the method.
    labels : mapping of str to str
        Labels of the methods.

    Returns
    -------
    figure : matplotlib.figure.Figure or None
        None if there are no such cells.
    """
    found: dict[tuple[str, float], dict[tuple[float, float], Estimate]] = {}
    positives: dict[float, float] = {}
    for cell in cells:
        if name not in cell.test or REFERENCE not in cell.test:
            continue
        _, cue, _, rate, _, decoys = cell.table.split("-")
        panel = found.setdefault((cue, float(decoys)), {})
        panel[float(rate), cell.budget] = cell.difference(name, REFERENCE)
        positives[float(rate)] = cell.positives_train
    if not found:
        return None
    cues = sorted({cue for cue, _ in found})
    shares = sorted({decoys for _, decoys in found})
    shares_of = "the negatives" if cells[0].basis == "fpr" else "all rows"
    figure = _figure(2.9 * len(shares) + 1.2, 2.2 * len(cues) + 0.6)
    panels = figure.subplots(len(cues), len(shares), squeeze=False)
    for row, cue in enumerate(cues):
        for column, share in enumerate(shares):
            axes = panels[row][column]
            _draw_regime(axes, found.get((cue, share), {}), positives, first=column == 0)
            axes.set_title(f"{cue} cue, {100 * share:g} % decoys", fontsize=9, color=INK)
            if row == len(cues) - 1:
                axes.set_xlabel(f"budget (share of {shares_of})", fontsize=8.5, color=INK)
    figure.suptitle(
        f"{labels.get(name, name)} minus {labels.get(REFERENCE, REFERENCE)}, coverage "
        f"({_seeds_of(found.values())})",
        fontsize=9.5,
        color=INK,
    )
    return figure


def _seeds_of(panels: Iterable[Mapping[Any, Estimate]]) -> str:
    """Return how many draws differences are means of, and what bold figures are."""
    estimates = [estimate for panel in panels for estimate in panel.values()]
    numbers = sorted({estimate.n for estimate in estimates})
    if numbers[-1] < 2:
        return "one draw each, so without intervals"
    draws = " to ".join(str(number) for number in dict.fromkeys((numbers[0], numbers[-1])))
    return f"mean of {draws} draws; bold: 95 % interval without zero"


def _draw_regime(
    axes: Any,
    panel: Mapping[tuple[float, float], Estimate],
    positives: Mapping[float, float],
    first: bool,
) -> None:
    import numpy as np

    rates = sorted({rate for rate, _ in panel})
    budgets = sorted({budget for _, budget in panel})
    if not panel:
        axes.set_axis_off()
        return
    grid = np.full((len(rates), len(budgets)), np.nan)
    for (rate, budget), estimate in panel.items():
        grid[rates.index(rate), budgets.index(budget)] = estimate.mean
    axes.imshow(grid, cmap=REGIME_COLOURS, vmin=-FULL, vmax=FULL, aspect="auto", origin="lower")
    for (rate, budget), estimate in panel.items():
        shown = round(estimate.mean, 2) + 0.0
        axes.text(
            budgets.index(budget),
            rates.index(rate),
            f"{shown:+.2f}" if shown else "0",
            ha="center",
            va="center",
            fontsize=9.5,
            color="white" if abs(shown) > 0.6 * FULL else INK,
            fontweight="normal" if verdict(estimate) == "tie" else "bold",
        )
    axes.set_xticks(range(len(budgets)), [f"{100 * budget:g} %" for budget in budgets])
    names = [f"{100 * rate:g} % positive\n({positives[rate]:.0f} to train on)" for rate in rates]
    axes.set_yticks(range(len(rates)), names if first else [""] * len(rates))
    axes.tick_params(length=0, labelsize=8.5, labelcolor=INK)
    for side in axes.spines.values():
        side.set_color(FAINT)


def _plain(axes: Any) -> None:
    axes.tick_params(axis="both", length=0, labelsize=8)
    axes.grid(axis="x", color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(FAINT)
