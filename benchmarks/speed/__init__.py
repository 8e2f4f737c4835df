"""The speed measurements of ``python -m skbudget speed``: costs as ratios to peers.

Public names are imported on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from skbudget._utils.lazy import lazy_names

if TYPE_CHECKING:
    from ._effort import FULL, PARTS, QUICK, Effort
    from ._picture import plot_scaling
    from ._report import render_speed
    from ._results import Peak, Ratio, Speed, Turns, fit_exponent, read_speed
    from ._timing import added_peak, time_by_turns

__all__ = [
    "FULL",
    "PARTS",
    "QUICK",
    "Effort",
    "Peak",
    "Ratio",
    "Speed",
    "Turns",
    "added_peak",
    "fit_exponent",
    "plot_scaling",
    "read_speed",
    "render_speed",
    "time_by_turns",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "Effort": "._effort",
        "FULL": "._effort",
        "PARTS": "._effort",
        "Peak": "._results",
        "QUICK": "._effort",
        "Ratio": "._results",
        "Speed": "._results",
        "Turns": "._results",
        "added_peak": "._timing",
        "fit_exponent": "._results",
        "plot_scaling": "._picture",
        "read_speed": "._results",
        "render_speed": "._report",
        "time_by_turns": "._timing",
    },
    extras={"matplotlib": "plot"},
)
