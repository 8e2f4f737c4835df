"""The picture of a comparison."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._utils.statistics import LEVEL, Estimate
from .._utils.style import FAINT, GREY, INK, PALETTE, SOFT
from ._comparison import Comparison, MethodSummary, ProblemSummary, _check_comparison
from ._text import budget_phrase

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["check_plot_file", "plot_comparison"]

COLOURS = {"baseline": GREY, "peer": GREY, "band": PALETTE[0]}
CEILING = PALETTE[1]


def check_plot_file(path: str | os.PathLike[str]) -> None:
    """Raise an error if matplotlib is missing or cannot write such a file.

    Commands call this before they start any work.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If the ending of the file's name is not that of a picture.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
    except ImportError:
        raise ImportError(
            'A picture needs matplotlib, which is not installed: pip install "skbudget[plot]"'
        ) from None
    known = FigureCanvasAgg.get_supported_filetypes()
    ending = Path(path).suffix.lower().removeprefix(".")
    if ending not in known:
        raise ValueError(
            f"The name of a picture should end in one of {', '.join(sorted(known))}: "
            f"got {str(path)!r}."
        )


def plot_comparison(comparison: Comparison) -> Figure:
    """Draw the coverage of each method with its interval, in one panel per data set.

    Parameters
    ----------
    comparison : Comparison
        The comparison to draw.

    Returns
    -------
    figure : matplotlib.figure.Figure
        ``figure.savefig(path)`` writes it.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If it is no comparison, or no run was finished.
    """
    summaries = _check_comparison(comparison, "plot_comparison").summary()
    if not summaries:
        raise ValueError("There is nothing to draw: no run was finished.")
    return draw_summaries(summaries)


def draw_summaries(summaries: Sequence[ProblemSummary]) -> Figure:
    """Draw what comparisons found, in one panel per data set."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    heights = [len(summary.methods) for summary in summaries]
    figure = Figure(
        figsize=(7.6, 0.5 + sum(0.85 + 0.34 * rows for rows in heights)),
        dpi=160,
        layout=ConstrainedLayoutEngine(h_pad=0.1, w_pad=0.1, hspace=0.04),
    )
    panels = figure.subplots(
        len(summaries), 1, squeeze=False, sharex=True, height_ratios=[n + 0.4 for n in heights]
    )[:, 0]
    values = [_draw_panel(axes, summary) for axes, summary in zip(panels, summaries)]
    # All panels have the same scale, so that small differences look small.
    panels[0].set_xlim(*_limits(summaries))
    panels[-1].set_xlabel(
        f"coverage: share of the positives caught (mean, {100 * LEVEL:g} % interval)",
        color=INK,
        fontsize=9,
    )
    figure.draw_without_rendering()  # the layout is known from here on
    for axes, summary, texts in zip(panels, summaries, values):
        if summary.ceiling is not None:
            _keep_off(axes, summary.ceiling.mean, texts)
    return figure


def _keep_off(axes: Any, place: float, texts: Sequence[Any]) -> None:
    """Move the texts that a vertical line crosses to the side of it that their point is on."""
    line = axes.transData.transform((place, 0.0))[0]
    for text in texts:
        box, room = text.get_window_extent(), 0.3 * text.get_window_extent().height
        if box.x0 - room < line < box.x1 + room:
            point = axes.transData.transform(text.xy)[0]
            end = line - room - box.x1 if point <= line else line + room - box.x0
            shift, height = text.xyann
            text.xyann = (shift + end * 72.0 / axes.figure.dpi, height)


def _limits(summaries: Sequence[ProblemSummary]) -> tuple[float, float]:
    """Return limits that hold every interval, cut at coverages of 0 and 1."""
    shown = [entry.coverage for summary in summaries for entry in summary.methods]
    shown += [summary.ceiling for summary in summaries if summary.ceiling is not None]
    low = min(_ends(estimate)[0] for estimate in shown)
    high = max(_ends(estimate)[1] for estimate in shown)
    margin = 0.04 * max(high - low, 0.25)
    return low - margin, high + margin


def _ends(estimate: Estimate) -> tuple[float, float]:
    half = estimate.half_width if math.isfinite(estimate.half_width) else 0.0
    return max(estimate.mean - half, 0.0), min(estimate.mean + half, 1.0)


def _draw_panel(axes: Any, summary: ProblemSummary) -> list[Any]:
    """Draw a data set, and return the texts of the values."""
    entries = summary.methods[::-1]
    values = [
        _draw_method(axes, height, entry, summary.best_peer) for height, entry in enumerate(entries)
    ]
    axes.set_ylim(-0.6, len(entries) - 0.25)
    axes.set_yticks(range(len(entries)), [entry.method.label for entry in entries])
    for label, entry in zip(axes.get_yticklabels(), entries):
        label.set_color(COLOURS["band"] if entry.method.role == "band" else INK)
    axes.tick_params(axis="both", length=0, labelsize=8.5)
    axes.tick_params(axis="x", labelcolor=INK, labelbottom=True)
    axes.grid(axis="x", color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(FAINT)

    name = summary.problem.name
    axes.set_title(
        f"{name[:1].upper()}{name[1:]}",
        loc="left",
        fontsize=10.5,
        color=INK,
        fontweight="bold",
        pad=27,
    )
    _note(
        axes,
        f"{budget_phrase(summary.problem)}, {summary.problem.describe()['design']}",
        (0.0, 1.0),
        (0, 15),
        color=SOFT,
        fontsize=8.5,
    )
    if summary.best_peer is not None and any(entry.method.role == "band" for entry in entries):
        _note(axes, "over best peer", (1.0, 1.0), (10, -2), color=SOFT, fontsize=8)
    if summary.ceiling is not None:
        mean = summary.ceiling.mean
        axes.axvline(mean, color=CEILING, linewidth=1.2, linestyle=(0, (4, 3)), zorder=2)
        axes.annotate(
            f"ceiling {mean:.3f}",
            (mean, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(0, 1),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=7.5,
            color=CEILING,
        )
    return values


def _draw_method(axes: Any, height: int, entry: MethodSummary, best_peer: str | None) -> Any:
    """Draw a method, and return the text of its value."""
    colour, mean = COLOURS[entry.method.role], entry.coverage.mean
    axes.plot(
        _ends(entry.coverage),
        [height, height],
        color=colour,
        linewidth=2.2,
        solid_capstyle="round",
        zorder=3,
    )
    axes.plot(
        mean,
        height,
        "o",
        color=colour,
        markersize=6.5,
        markeredgecolor="white",
        markeredgewidth=0.8,
        zorder=4,
    )
    value = axes.annotate(
        f"{mean:.3f}",
        (mean, height),
        xytext=(0, 6),
        textcoords="offset points",
        ha="center",
        fontsize=7.5,
        color=colour,
        zorder=5,
    )
    beside = _beside(entry, best_peer)
    if beside:
        axes.annotate(
            beside,
            (1.0, height),
            xycoords=("axes fraction", "data"),
            xytext=(10, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
            color=colour,
        )
    return value


def _beside(entry: MethodSummary, best_peer: str | None) -> str:
    """Return the text to the right of a method: its difference from the best peer."""
    if entry.method.name == best_peer:
        return "best peer"
    gain = entry.over.get(best_peer or "")
    if entry.method.role != "band" or gain is None:
        return ""
    interval = f" ± {gain.half_width:.3f}" if math.isfinite(gain.half_width) else ""
    return f"{gain.mean:+.3f}{interval}"


def _note(
    axes: Any, text: str, at: tuple[float, float], shift: tuple[int, int], **style: Any
) -> None:
    """Write ``text`` at a place that is a fraction of the axes plus a shift in points."""
    axes.annotate(
        text, at, xycoords="axes fraction", xytext=shift, textcoords="offset points", **style
    )
