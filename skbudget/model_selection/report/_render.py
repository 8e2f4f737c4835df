"""An adoption report as text and as HTML."""

from __future__ import annotations

import textwrap
from html import escape
from typing import TYPE_CHECKING

from ._rule import signed, signed_lift

if TYPE_CHECKING:
    from ._report import AdoptionReport, Contest

__all__ = ["render_html", "render_text"]

WIDTH = 88
# How far from one half a confidence is no close call any more.
CLOSE = 0.25
HEADERS = ("", "coverage", "lift near the budget", "at it", "s/fit")
SIDES = ("left", "left", "left", "right", "right")
ROLES = {
    "baseline": "baseline",
    "hard_negatives": "remedy",
    "probe": "probe",
    "candidate": "candidate",
}


def render_text(report: AdoptionReport) -> str:
    """Return the report for a terminal."""
    rows = [HEADERS, *_rows(report)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADERS))]
    table = [
        "  ".join(
            [
                cell.ljust(width) if side == "left" else cell.rjust(width)
                for cell, width, side in zip(row, widths, SIDES)
            ]
        ).rstrip()
        for row in rows
    ]
    facts = [f"{name}: {fact}" for name, fact in _facts(report)]
    return "\n".join(
        [
            _headline(report),
            *_wrap(report.reason),
            "",
            *table,
            "",
            *(line for fact in facts for line in _wrap(fact, hanging=True)),
        ]
    )


def render_html(report: AdoptionReport) -> str:
    """Return the report for a notebook: no colours of its own but one for the verdict's edge.

    Text and lines take the page's colour, so that it reads on light and dark pages alike.
    """
    cell = "padding:0.2em 0.9em 0.2em 0; text-align:{}; border:0; background:none; color:inherit"
    line = "border-bottom:1px solid; border-color:color-mix(in srgb, currentColor 25%, transparent)"

    def table_row(cells: tuple[str, ...], tag: str, style: str = "") -> str:
        inner = "".join(
            f'<{tag} style="{cell.format(side)}; {line}; {style}">{escape(text)}</{tag}>'
            for text, side in zip(cells, SIDES)
        )
        return f'<tr style="background:none">{inner}</tr>'

    body = "".join(table_row(cells, "td") for cells in _rows(report))
    facts = "".join(
        f'<div style="margin-top:0.25em"><span style="opacity:0.7">{escape(name)}:</span> '
        f"{escape(fact)}</div>"
        for name, fact in _facts(report)
    )
    return (
        '<div style="max-width:50em; line-height:1.4; border-left:4px solid #3b82c4; '
        'padding-left:1em">'
        f'<div style="font-size:1.15em; font-weight:bold">{escape(_headline(report))}</div>'
        f'<div style="margin:0.3em 0 0.8em 0">{escape(report.reason)}</div>'
        '<table style="color:inherit; border-collapse:collapse; margin:0; '
        'font-variant-numeric:tabular-nums">'
        f"<thead>{table_row(HEADERS, 'th', 'font-weight:bold')}</thead>"
        f"<tbody>{body}</tbody></table>"
        f'<div style="margin-top:0.7em; font-size:0.9em">{facts}</div></div>'
    )


def _headline(report: AdoptionReport) -> str:
    return f"Recommendation: {report.recommendation}"


def _rows(report: AdoptionReport) -> list[tuple[str, ...]]:
    return [
        (
            f"{ROLES[model.role]}: {model.label}",
            f"{model.coverage.mean:.3f} ± {model.coverage.half_width:.3f}",
            "" if model.lift is None else signed_lift(model.lift),
            "" if model.lift_at_budget is None else signed(model.lift_at_budget.mean),
            f"{model.fit_seconds:.2f}" if model.fit_seconds < 9.995 else f"{model.fit_seconds:.1f}",
        )
        for model in report.models
    ]


def _facts(report: AdoptionReport) -> list[tuple[str, str]]:
    found = report.resolution
    rows = "negatives" if report.basis == "fpr" else "rows"
    facts = [
        (
            "Compared",
            f"coverage at a budget of {100 * report.budget:g} % of the {rows}, on held-out rows of "
            f"{report.n_splits} splits; {_window(report)}each end of an interval holds with "
            f"{100 * report.confidence:g} %; worth switching for: {report.min_lift:g} or more.",
        ),
        ("Worth it", _worth(report)),
        ("Contested top", _contested(report.contest)),
        (
            "Rows",
            f"{_count(found.n_samples)}, of which {_count(found.n_positives)} positive; a test "
            f"split has {found.positives_per_split:.0f} positives and a budget of "
            f"{found.budget_rows_per_split:.0f} {rows}, a training split "
            f"{found.band_negatives_per_training:.0f} negatives in the band; standard error of "
            f"the baseline's coverage {found.coverage_error:.3f}.",
        ),
    ]
    if found.cap < 1.0 - 1e-9:
        facts.append(("Cap", f"no ranking covers more than {found.cap:.3f}."))
    return facts


def _worth(report: AdoptionReport) -> str:
    sure = report.lift_confidence
    shown = f"{100 * sure:.0f} %"
    if not 0.01 <= sure <= 0.99:
        shown = "less than 1 %" if sure < 0.5 else "more than 99 %"
    text = f"the candidate's lift is {report.min_lift:g} or more with a confidence of {shown}."
    if abs(sure - 0.5) < CLOSE:
        text += (
            " That is a close call: draw more folds before acting on it, "
            "cv=RepeatedStratifiedKFold(n_splits=5, n_repeats=10), or collect more positives."
        )
    return text


def _contested(contest: Contest) -> str:
    text = (
        f"{100 * contest.negatives_in_top:.0f} % of what the baseline puts in the budget are "
        f"negatives, {100 * contest.least_negatives_in_top:.0f} % at the very best."
    )
    if contest.gradient_in_band is not None:
        text += (
            f" Band negatives have {100 * contest.gradient_in_band:.0f} % of the negatives' "
            "cross-entropy gradient."
        )
    return text


def _window(report: AdoptionReport) -> str:
    low, high = (f"{100 * budget:.3g}" for budget in report.budget_range)
    if low == high:
        return ""
    return f"lifts are means over budgets from {low} to {high} %; "


def _count(number: int) -> str:
    return f"{number:,}".replace(",", " ")


def _wrap(text: str, *, hanging: bool = False) -> list[str]:
    # A number and its unit stay on one line.
    lines = textwrap.wrap(
        text.replace(" %", "\u00a0%"), WIDTH, subsequent_indent="  " if hanging else ""
    )
    return [line.replace("\u00a0%", " %") for line in lines]
