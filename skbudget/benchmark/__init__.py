"""What ``python -m skbudget`` runs: a comparison of methods, and the published tables anew.

Nothing heavy is imported before a name is used, and no booster before a method is built.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import lazy_names

if TYPE_CHECKING:
    from .._statistics import Estimate, t_interval
    from ._comparison import Comparison, MethodSummary, Run, compare, iter_runs
    from ._files import load_table, read_table
    from ._methods import METHODS, Method, Task
    from ._plot import plot_comparison
    from ._problems import ContestedTop, Problem, Split, Table
    from ._reproduction import Reproduction, reproduce_tables
    from ._reproduction_text import render_reproduction
    from ._source_lab import Bench, Lab
    from ._source_recipes import FULL, QUICK, CardFraud, Scale
    from ._source_tables import SOURCE_TABLES
    from ._text import render_text

__all__ = [
    "FULL",
    "METHODS",
    "QUICK",
    "SOURCE_TABLES",
    "Bench",
    "CardFraud",
    "Comparison",
    "ContestedTop",
    "Estimate",
    "Lab",
    "Method",
    "MethodSummary",
    "Problem",
    "Reproduction",
    "Run",
    "Scale",
    "Split",
    "Table",
    "Task",
    "compare",
    "iter_runs",
    "load_table",
    "plot_comparison",
    "read_table",
    "render_reproduction",
    "render_text",
    "reproduce_tables",
    "t_interval",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "Bench": "._source_lab",
        "CardFraud": "._source_recipes",
        "Comparison": "._comparison",
        "ContestedTop": "._problems",
        "Estimate": ".._statistics",
        "FULL": "._source_recipes",
        "Lab": "._source_lab",
        "METHODS": "._methods",
        "Method": "._methods",
        "MethodSummary": "._comparison",
        "Problem": "._problems",
        "QUICK": "._source_recipes",
        "Reproduction": "._reproduction",
        "Run": "._comparison",
        "SOURCE_TABLES": "._source_tables",
        "Scale": "._source_recipes",
        "Split": "._problems",
        "Table": "._problems",
        "Task": "._methods",
        "compare": "._comparison",
        "iter_runs": "._comparison",
        "load_table": "._files",
        "plot_comparison": "._plot",
        "read_table": "._files",
        "render_reproduction": "._reproduction_text",
        "render_text": "._text",
        "reproduce_tables": "._reproduction",
        "t_interval": ".._statistics",
    },
    extras={"matplotlib": "plot", "torch": "neural"},
)
