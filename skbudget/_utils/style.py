"""How the package's pictures look: colours, dashes and marks, in one place.

Curves differ in colour and in dashes, so that they stay apart without colour.
"""

from __future__ import annotations

__all__ = ["DASHES", "FAINT", "GREY", "INK", "MARKERS", "PALETTE", "SOFT"]

# Text; text of less weight; grid lines and grounds.
INK, SOFT, FAINT = "#24292f", "#57606a", "#e5e7eb"

# What is shown for comparison.
GREY = "#7b818a"

# Curves, in this order. The first is what the picture is about.
PALETTE = ("#c2410c", "#1d6fa5", "#15803d", "#7e22ce", "#d9a400", "#db2777")
MARKERS = ("o", "s", "D", "^", "v", "P")
DASHES: tuple[str | tuple[int, tuple[float, ...]], ...] = (
    "-",
    (0, (5.0, 1.5)),
    (0, (5.0, 1.2, 1.0, 1.2)),
    (0, (2.2, 1.0)),
)
