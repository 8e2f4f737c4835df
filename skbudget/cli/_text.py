"""The text of a comparison, for a terminal."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence

from .._utils.statistics import LEVEL, Estimate
from .._utils.validation import check_option
from ..metrics._ranking import whole_rows
from ._comparison import Comparison, ProblemSummary, _check_comparison
from ._methods import BASELINE
from ._problems import Problem

__all__ = ["budget_phrase", "render_text"]

WIDTH = 88
BEST_MARK = " *"
OVER = "paired difference to"
GAP = "  "


def render_text(comparison: Comparison, *, notes: bool = True) -> str:
    """Return one table per data set, and notes on how to read the tables.

    Parameters
    ----------
    comparison : Comparison
        The comparison to show.
    notes : bool, default=True
        Whether to say what each table shows, and to explain the columns. The text always
        says what was left out.

    Returns
    -------
    text : str
    """
    summaries = _check_comparison(comparison, "render_text").summary()
    check_option(notes, "notes", (True, False), "render_text")
    blocks = [_problem_block(summary, verdict=notes) for summary in summaries]
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
    """Describe the budget of a data set in words."""
    budget = f"{100 * problem.budget:g} %"
    if problem.basis == "fpr":
        return f"coverage at a false positive rate of {budget}"
    rows = whole_rows(problem.budget, problem.describe()["n_test"])
    return f"coverage in the top {budget} ({_count(rows)} row{'s' if rows > 1 else ''})"


def _problem_block(summary: ProblemSummary, verdict: bool) -> str:
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
        held = whole_rows(problem.budget, about["n_test"])
        if held < about["positives_test"]:
            remarks.append(
                f"The budget holds {_count(held)} rows, fewer than there are positives: "
                f"coverage is at most {held / about['positives_test']:.3f}."
            )
    if verdict:
        remarks = [*_verdict(summary), *remarks]
    if remarks:
        lines += ["", *(_wrap(remark) for remark in remarks)]
    return "\n".join(lines)


def _verdict(summary: ProblemSummary) -> list[str]:
    """Return the sentence that says what a data set shows, if it can be said."""
    methods = {entry.method.name: entry for entry in summary.methods}
    ours = next((entry for entry in summary.methods if entry.method.role == "band"), None)
    if ours is None or summary.best_peer is None:
        return []
    peer = methods[summary.best_peer]
    gain = ours.over[summary.best_peer]
    name, other = ours.method.label, f"the best peer ({peer.method.label})"
    times = ours.seconds / max(peer.seconds, 1e-9)
    cost = f"{times:.0f} times" if times >= 1.95 else f"{times:.1f} times"
    shown = _value(Estimate(abs(gain.mean), gain.half_width, gain.n))
    if gain.low > 0.0 or gain.high < 0.0:
        more = "more" if gain.mean > 0.0 else "less"
        found = f"{name} has {shown} {more} coverage than {other}"
    elif math.isfinite(gain.half_width):
        difference = _value(gain, signed=True)
        found = f"{name} and {other} cannot be told apart (difference {difference})"
    else:
        found = (
            f"{name} and {other} differ by {_value(gain, signed=True)}, and one split cannot tell "
            "whether that is chance"
        )
    return [f"{summary.problem.about}, {found}; its training takes {cost} as long."]


def _rows(summary: ProblemSummary) -> list[tuple[str, ...]]:
    """Return the header, one row per method, and the row of the ceiling."""
    labels = {
        entry.method.name: entry.method.label
        + (BEST_MARK if entry.method.name == summary.best_peer else "")
        for entry in summary.methods
    }
    peers = [name for name in labels if any(name in entry.over for entry in summary.methods)]
    rows = [("", "coverage", *(labels[peer] for peer in peers), "s/fit")]
    for entry in summary.methods:
        gains = [entry.over.get(peer) for peer in peers]
        rows.append(
            (
                labels[entry.method.name],
                _value(entry.coverage),
                *("" if gain is None else _value(gain, signed=True) for gain in gains),
                f"{entry.seconds:.2f}" if entry.seconds < 9.995 else f"{entry.seconds:.1f}",
            )
        )
    if summary.ceiling is not None:
        rows.append(("ceiling", _value(summary.ceiling), *("" for _ in peers), ""))
    return rows


def _value(estimate: Estimate, *, signed: bool = False) -> str:
    rounded = round(estimate.mean, 3) + 0.0  # no "-0.000"
    mean = f"{rounded:+.3f}" if signed else f"{rounded:.3f}"
    if not math.isfinite(estimate.half_width):
        return mean
    return f"{mean} ± {estimate.half_width:.3f}"


def _columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Align the last column to the right and the others to the left."""
    *widths, last = [max(len(cell) for cell in column) for column in zip(*rows)]
    lines = []
    if len(widths) > 2:
        lines.append(" " * (len(GAP) + sum(width + len(GAP) for width in widths[:2])) + OVER)
    for *cells, end in rows:
        padded = [cell.ljust(width) for cell, width in zip(cells, widths)]
        lines.append(GAP + GAP.join([*padded, end.rjust(last)]).rstrip())
    return lines


def _explanations(comparison: Comparison, summaries: Sequence[ProblemSummary]) -> list[str]:
    remarks = [
        f"± is half the width of a {100 * LEVEL:g} % interval of the mean (Student's t). "
        "Differences are paired by split."
    ]
    if any(summary.problem.test_train_ratio > 0 for summary in summaries):
        remarks.append(
            "Folds of one table share rows: their intervals use the corrected variance "
            "(1/n + test rows/training rows) of Nadeau and Bengio (2003)."
        )
    if any(summary.best_peer is not None for summary in summaries):
        remarks.append(
            "* marks the best peer: the model without a band objective that has the greatest "
            "coverage of these test rows. This choice favours the peers."
        )
    if any(summary.ceiling is not None for summary in summaries):
        remarks.append(
            "The ceiling is the coverage of the true likelihood ratio on the same test rows. No "
            "model does better in expectation."
        )
    remarks.extend(_about_methods(comparison))
    return remarks


def _about_methods(comparison: Comparison) -> list[str]:
    names = {method.name for method in comparison.methods}
    remarks = []
    if BASELINE in names:
        remarks.append("LightGBM is LGBMClassifier() with its defaults.")
    if names & {"lightgbm-l2", "lightgbm-l2-small", "xgboost-rank"}:
        remarks.append(
            "The other peers have the number of trees, the learning rate and the L2 penalty of our "
            "estimators' defaults. The size of their trees is the library's default unless the "
            "name gives the number of leaves. The ranker is rank:pairwise with the table as one "
            "query, and it compares each row with one other (pair method 'mean')."
        )
    used = sorted({run.threads for run in comparison.runs})
    threads = f"{' or '.join(map(str, used))} thread{'' if used == [1] else 's'}"
    fits = f"{comparison.n_jobs} fit{'s' if comparison.n_jobs > 1 else ''}"
    timing = (
        f"s/fit is the median time of training alone, with {threads}. At most {fits} ran at a time."
    )
    if any(method.role == "band" for method in comparison.methods):
        timing += (
            " The PAUC classifiers are trained to rank only. To learn probabilities too, which is "
            "their default, takes more fits of a booster."
        )
    return [*remarks, timing]
