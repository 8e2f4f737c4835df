"""A comparison as text for a terminal."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence

from ._comparison import Comparison, ProblemSummary
from ._methods import BASELINE, METHODS
from ._problems import Problem, reviewed_rows
from ._statistics import LEVEL, Estimate

__all__ = ["budget_phrase", "render_text"]

WIDTH = 88
HEADERS = ("", "coverage", f"over {METHODS[BASELINE].label}", "over best peer", "s/fit")


def render_text(comparison: Comparison, *, notes: bool = True) -> str:
    """Return one table per data set, and notes on how to read them.

    Parameters
    ----------
    comparison : Comparison
        What to show.
    notes : bool, default=True
        Whether to explain the columns. What was left out is always said.

    Returns
    -------
    text : str
    """
    summaries = comparison.summary()
    blocks = [_problem_block(summary) for summary in summaries]
    remarks = [f"{label} left out: {reason}" for label, reason in comparison.skipped.items()]
    if not comparison.complete:
        done = f"{len(comparison.runs)} of {comparison.n_planned} fits done"
        remarks.append(f"Interrupted: {done}. Splits that some method did not finish are left out.")
    if notes and summaries:
        remarks.extend(_explanations(comparison, summaries))
    if remarks:
        blocks.append("\n".join(_wrap(remark) for remark in remarks))
    return "\n\n".join(blocks)


def _wrap(remark: str) -> str:
    return textwrap.fill(remark, WIDTH, initial_indent="- ", subsequent_indent="  ")


def _count(number: int) -> str:
    return f"{number:,}".replace(",", " ")


def budget_phrase(problem: Problem) -> str:
    """Say what the budget of a data set allows."""
    budget = f"{100 * problem.budget:g} %"
    if problem.basis == "fpr":
        return f"coverage at a false positive rate of {budget}"
    rows = reviewed_rows(problem.budget, problem.describe()["n_test"])
    return f"coverage in the top {budget} ({_count(rows)} row{'s' if rows > 1 else ''})"


def _problem_block(summary: ProblemSummary) -> str:
    problem = summary.problem
    about = problem.describe()
    lines = [
        f"{problem.name}: {budget_phrase(problem)}",
        f"trained on {_count(about['n_train'])} rows "
        f"({_count(about['positives_train'])} positive), "
        f"tested on {_count(about['n_test'])} ({_count(about['positives_test'])} positive); "
        f"{about['design']}",
        "",
        *_columns(_rows(summary)),
    ]
    remarks = list(problem.notes)
    if problem.basis == "population":
        held = reviewed_rows(problem.budget, about["n_test"])
        if held < about["positives_test"]:
            remarks.append(
                f"The budget holds {_count(held)} rows, fewer than there are positives: "
                f"coverage can be {held / about['positives_test']:.3f} at most."
            )
    if remarks:
        lines += ["", *(_wrap(remark) for remark in remarks)]
    return "\n".join(lines)


def _rows(summary: ProblemSummary) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for entry in summary.methods:
        mark = " *" if entry.method.name == summary.best_peer else ""
        rows.append(
            (
                entry.method.label + mark,
                _value(entry.coverage),
                _value(entry.over_baseline, signed=True),
                _value(entry.over_best_peer, signed=True),
                f"{entry.seconds:.2f}" if entry.seconds < 9.995 else f"{entry.seconds:.1f}",
            )
        )
    if summary.ceiling is not None:
        rows.append(("ceiling", _value(summary.ceiling), "", "", ""))
    return rows


def _value(estimate: Estimate | None, *, signed: bool = False) -> str:
    if estimate is None:
        return ""
    mean = f"{estimate.mean:+.3f}" if signed else f"{estimate.mean:.3f}"
    if not math.isfinite(estimate.half_width):
        return mean
    return f"{mean} ± {estimate.half_width:.3f}"


def _columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Align names to the left and figures by their first character."""
    table = [HEADERS, *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(HEADERS))]
    *_, last = widths
    return [
        "  "
        + "   ".join(
            [*(cell.ljust(width) for cell, width in zip(row[:-1], widths)), row[-1].rjust(last)]
        ).rstrip()
        for row in table
    ]


def _explanations(comparison: Comparison, summaries: Sequence[ProblemSummary]) -> list[str]:
    remarks = [
        f"± is half the width of a {100 * LEVEL:g} % interval of the mean (Student's t). "
        "Differences are paired split by split."
    ]
    if any(summary.problem.test_train_ratio > 0 for summary in summaries):
        remarks.append(
            "Folds of one table share rows: their intervals use the corrected variance "
            "(1/n + test rows/training rows) of Nadeau and Bengio (2003)."
        )
    if any(summary.best_peer is not None for summary in summaries):
        remarks.append(
            "* is the best peer: the model without a band objective that covers most on these "
            "test rows, a choice in the peers' favour."
        )
    if any(summary.ceiling is not None for summary in summaries):
        remarks.append(
            "The ceiling is the true likelihood ratio on the same test rows: in expectation "
            "no model does better."
        )
    remarks.extend(_about_methods(comparison))
    return remarks


def _about_methods(comparison: Comparison) -> list[str]:
    names = {method.name for method in comparison.methods}
    remarks = []
    if BASELINE in names:
        remarks.append("LightGBM is LGBMClassifier() as it comes.")
    if names & {"lightgbm-l2", "xgboost-rank"}:
        remarks.append(
            "The other peers have trees as our estimators' defaults: as many, as large, with "
            "the same learning rate and other settings. rank:pairwise sees the table as one query "
            "and compares each row with one other (lambdarank_pair_method='mean')."
        )
    threads = f"{comparison.n_jobs} thread{'s' if comparison.n_jobs > 1 else ''}"
    timing = f"s/fit is the median time of training alone, {threads}."
    if any(method.role == "band" for method in comparison.methods):
        timing += (
            " The PAUC classifiers are trained with calibration_cv=None, which only ranks; "
            "learning probabilities too (their default) takes more fits."
        )
    return [*remarks, timing]
