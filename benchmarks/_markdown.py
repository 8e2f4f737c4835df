"""Tables in Markdown that are also readable in a terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence

from skbudget._utils.statistics import Estimate

__all__ = ["estimate_text", "markdown_table"]


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table with aligned columns."""
    widths = [max(len(row[k]) for row in (header, *rows)) for k in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.ljust(w) for cell, w in zip(cells, widths)) + " |"

    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([line(header), rule, *map(line, rows)]) + "\n"


def estimate_text(estimate: Estimate, *, signed: bool = False) -> str:
    """Return a mean with half the width of its interval, if there is one."""
    if not math.isfinite(estimate.mean):
        return ""
    mean = f"{round(estimate.mean, 3) + 0.0:{'+' if signed else ''}.3f}"
    if not math.isfinite(estimate.half_width):
        return mean
    return f"{mean} ± {estimate.half_width:.3f}"
