"""The studies that the command runs, by name."""

from __future__ import annotations

from benchmarks.promises._work import Part
from benchmarks.study import StudyTable

from ._contenders import contenders
from ._lambda import CHOSEN, LAMBDA, TAKEN_APART, lambda_tables, render_lambda, run_lambda
from ._losses import BUDGETS, losses_tables, promise_of, render_losses, run_loss

__all__ = ["PARTS"]


def _losses_on(table: StudyTable) -> list[str]:
    return list(contenders())


def _losses_cells(method: str) -> list[tuple[str, str]]:
    return [("", promise_of(budget)) for budget in BUDGETS]


def _ways_on(table: StudyTable) -> list[str]:
    return list(LAMBDA if table.name == TAKEN_APART else CHOSEN)


def _lambda_cells(method: str) -> list[tuple[str, str]]:
    return [("", "coverage")]


PARTS: dict[str, Part] = {
    one.name: one
    for one in (
        Part(
            "losses",
            "every loss of two labels by its name, beside tuned peers",
            losses_tables,
            _losses_on,
            _losses_cells,
            run_loss,
            render_losses,
            seeds=5,
        ),
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
