"""The studies that the command runs, by name."""

from __future__ import annotations

from benchmarks.promises._work import Part
from benchmarks.study import StudyTable

from ._lambda import LAMBDA, lambda_tables, render_lambda, run_lambda

__all__ = ["PARTS"]


def _ways_on(table: StudyTable) -> list[str]:
    return list(LAMBDA)


def _lambda_cells(method: str) -> list[tuple[str, str]]:
    return [("", "coverage")]


PARTS: dict[str, Part] = {
    one.name: one
    for one in (
        Part(
            "lambda",
            "LambdaRank, one part of it at a time",
            lambda_tables,
            _ways_on,
            _lambda_cells,
            run_lambda,
            render_lambda,
            seeds=8,
        ),
    )
}
"""All studies."""
