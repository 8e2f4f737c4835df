"""The studies that the command runs, by name."""

from __future__ import annotations

from benchmarks.study import StudyTable

from ._bases import BASES
from ._classes import CLASSES_PROMISES, METHODS, TAKEN, render_classes, run_method
from ._contenders import WHICH
from ._recall import CEILING, RECALL_PROMISES, additions_of, run_base
from ._recall_report import render_recall
from ._tables import classes_tables, recall_tables, which_tables
from ._which import WHICH_PROMISES, render_which, run_contender
from ._work import Part

__all__ = ["PARTS"]


def _bases_on(table: StudyTable) -> list[str]:
    return [*([CEILING] if table.has_ceiling else []), *BASES]


def _recall_cells(method: str) -> list[tuple[str, str]]:
    additions = [""] if method == CEILING else additions_of(BASES[method])
    return [(addition, promise) for addition in additions for promise in RECALL_PROMISES]


def _contenders_on(table: StudyTable) -> list[str]:
    return [*([CEILING] if table.has_ceiling else []), *WHICH]


def _which_cells(method: str) -> list[tuple[str, str]]:
    return [("", promise) for promise in WHICH_PROMISES]


def _methods_on(table: StudyTable) -> list[str]:
    return list(METHODS)


def _classes_cells(method: str) -> list[tuple[str, str]]:
    additions = ("", TAKEN) if method == "found" else ("",)
    return [(addition, promise) for addition in additions for promise in CLASSES_PROMISES]


PARTS: dict[str, Part] = {
    one.name: one
    for one in (
        Part(
            "recall",
            "what a floor on recall costs, for eight base losses and what is added to them",
            recall_tables,
            _bases_on,
            _recall_cells,
            run_base,
            render_recall,
            seeds=8,
        ),
        Part(
            "which",
            "every method, by what it keeps of four promises",
            which_tables,
            _contenders_on,
            _which_cells,
            run_contender,
            render_which,
            seeds=5,
        ),
        Part(
            "classes",
            "a loss that is found, beside plain and weighted cross-entropy",
            classes_tables,
            _methods_on,
            _classes_cells,
            run_method,
            render_classes,
            seeds=8,
        ),
    )
}
"""All studies."""
