"""The command line of the package: a comparison of methods, and a report on one table.

Public names are imported on first use, and a booster when a method that needs it is built.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._utils.lazy import lazy_names

if TYPE_CHECKING:
    from .._utils.statistics import Estimate, t_interval
    from ._comparison import Comparison, MethodSummary, Run, compare, iter_runs
    from ._files import load_table, read_table
    from ._methods import METHODS, Method, Task
    from ._plot import plot_comparison
    from ._problems import ContestedTop, Problem, Split, Table
    from ._text import render_text

__all__ = [
    "METHODS",
    "Comparison",
    "ContestedTop",
    "Estimate",
    "Method",
    "MethodSummary",
    "Problem",
    "Run",
    "Split",
    "Table",
    "Task",
    "compare",
    "iter_runs",
    "load_table",
    "plot_comparison",
    "read_table",
    "render_text",
    "t_interval",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "Comparison": "._comparison",
        "ContestedTop": "._problems",
        "Estimate": ".._utils.statistics",
        "METHODS": "._methods",
        "Method": "._methods",
        "MethodSummary": "._comparison",
        "Problem": "._problems",
        "Run": "._comparison",
        "Split": "._problems",
        "Table": "._problems",
        "Task": "._methods",
        "compare": "._comparison",
        "iter_runs": "._comparison",
        "load_table": "._files",
        "plot_comparison": "._plot",
        "read_table": "._files",
        "render_text": "._text",
        "t_interval": ".._utils.statistics",
    },
    extras={"matplotlib": "plot", "torch": "neural"},
)
