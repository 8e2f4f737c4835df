"""The study of ``python -m skbudget bench``: our untuned defaults and tuned peers on many tables.

A `StudyTable` draws rows, a `Contender` trains on them, a `Measure` holds the result, and a
`Summary` compares the results. Public names are imported on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from skbudget._utils.lazy import lazy_names

if TYPE_CHECKING:
    from ._ablation import ABLATION
    from ._contender import Contender, Setting
    from ._contenders import CONTENDERS, find_contenders
    from ._pictures import draw_study, plot_differences, plot_ranks, plot_regimes
    from ._report import render_ablation, render_report
    from ._results import Results, ResultsError, read_results
    from ._runner import Failure, Unit, plan_units, run_units
    from ._search import Effort, Measure, propose, run_unit
    from ._summary import Cell, Ranking, Summary, rank_methods, verdict
    from ._table import Draw, StudyTable
    from ._tables import find_study_tables, study_tables

__all__ = [
    "ABLATION",
    "CONTENDERS",
    "Cell",
    "Contender",
    "Draw",
    "Effort",
    "Failure",
    "Measure",
    "Ranking",
    "Results",
    "ResultsError",
    "Setting",
    "StudyTable",
    "Summary",
    "Unit",
    "draw_study",
    "find_contenders",
    "find_study_tables",
    "plan_units",
    "plot_differences",
    "plot_ranks",
    "plot_regimes",
    "propose",
    "rank_methods",
    "read_results",
    "render_ablation",
    "render_report",
    "run_unit",
    "run_units",
    "study_tables",
    "verdict",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "ABLATION": "._ablation",
        "CONTENDERS": "._contenders",
        "Cell": "._summary",
        "Contender": "._contender",
        "Draw": "._table",
        "Effort": "._search",
        "Failure": "._runner",
        "Measure": "._search",
        "Ranking": "._summary",
        "Results": "._results",
        "ResultsError": "._results",
        "Setting": "._contender",
        "StudyTable": "._table",
        "Summary": "._summary",
        "Unit": "._runner",
        "draw_study": "._pictures",
        "find_contenders": "._contenders",
        "find_study_tables": "._tables",
        "plan_units": "._runner",
        "plot_differences": "._pictures",
        "plot_ranks": "._pictures",
        "plot_regimes": "._pictures",
        "propose": "._search",
        "rank_methods": "._summary",
        "read_results": "._results",
        "render_ablation": "._report",
        "render_report": "._report",
        "run_unit": "._search",
        "run_units": "._runner",
        "study_tables": "._tables",
        "verdict": "._summary",
    },
    extras={"matplotlib": "plot", "optuna": "bench"},
)
