"""The text of a reproduction for a terminal: our figures beside the published ones."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable

from skbudget._utils.statistics import LEVEL, N_RESAMPLES, Interval

from ._published import Published, Row
from ._recipes import FULL, Scale
from ._reproduction import Reproduction, TableResult

__all__ = ["render_banner", "render_closing", "render_reproduction", "render_table"]

WIDTH = 88
GAP = "  "
INDENT = "  "
REPORT_MARK = "†"
AGREEMENT = {True: "yes", False: "no", None: ""}


def _wrap(remark: str) -> str:
    return textwrap.fill(remark, WIDTH, initial_indent="- ", subsequent_indent="  ")


def _count(number: int) -> str:
    return f"{number:,}".replace(",", " ")


def _number(value: float, signed: bool) -> str:
    rounded = round(value, 3) + 0.0  # no "-0.000"
    return f"{rounded:+.3f}" if signed else f"{rounded:.3f}"


def _interval(low: float, high: float, signed: bool) -> str:
    return f" [{_number(low, signed)}, {_number(high, signed)}]"


def format_published(published: Published | None, signed: bool) -> str:
    """Return a published figure as text, with a mark if it is from the technical report."""
    if published is None:
        return ""
    if published.text is not None:
        text = published.text
    else:
        text = "" if published.value is None else _number(published.value, signed)
        if published.low is not None and published.high is not None:
            text += _interval(published.low, published.high, signed)
    return text + (f" {REPORT_MARK}" if published.origin == "report" else "")


def format_ours(ours: Interval, signed: bool) -> str:
    """Return a mean with its interval as text."""
    text = _number(ours.mean, signed)
    return text + _interval(ours.low, ours.high, signed) if math.isfinite(ours.low) else text


def _columns(rows: Iterable[tuple[str, ...]]) -> list[str]:
    lines = [tuple(row) for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*lines)]
    return [
        (INDENT + GAP.join(cell.ljust(width) for cell, width in zip(line, widths))).rstrip()
        for line in lines
    ]


def render_table(result: TableResult, *, comparable: bool = True, notes: bool = True) -> str:
    """Return a table as text.

    Parameters
    ----------
    result : TableResult
        The table.
    comparable : bool, default=True
        Whether to say which figures agree.
    notes : bool, default=True
        Whether to add the notes of the table.

    Returns
    -------
    text : str
    """
    table = result.table

    def cells(row: Row) -> tuple[str, ...]:
        return (
            row.label,
            format_published(row.published, row.signed),
            format_ours(result.ours[row.name], row.signed),
            AGREEMENT[result.agrees(row)] if comparable else "",
        )

    numbered = table.section[0].isdigit()
    where = f"section {table.section}" if numbered else f"{table.section} the publication"
    seeds = f"{len(result.seeds)} seed{'s' if len(result.seeds) > 1 else ''}"
    if result.table.skip_seeds:
        seeds += f" from {min(result.seeds)} on"
    lines = [
        f"{table.name} ({where}): {table.title}; {seeds}",
        "",
        *_columns(
            [("", "published", "ours", "agrees" if comparable else ""), *map(cells, table.rows)]
        ),
    ]
    if notes and table.notes:
        lines += ["", *(_wrap(note) for note in table.notes)]
    return "\n".join(lines)


def render_banner(scale: Scale, comparable: bool) -> str:
    """Return the remark that comes before the figures: whether they are comparable."""
    if comparable:
        return "Rows, epochs, batches and queues are as published."
    return textwrap.fill(
        f"NOT COMPARABLE WITH THE PUBLISHED FIGURES ({scale.name} mode): {_size(scale)}. "
        f"Published: {_size(FULL)}.",
        WIDTH,
    )


def _size(scale: Scale) -> str:
    return (
        f"{_count(scale.n_train)} training rows, {scale.epochs} epochs, batches of "
        f"{scale.batch_size}, {_count(scale.n_test)} test rows"
    )


def render_closing(reproduction: Reproduction, *, notes: bool = True) -> str:
    """Return the remarks at the end: what was left out and, with notes, what columns mean."""
    remarks = [f"{name} left out: {why}" for name, why in reproduction.skipped.items()]
    if not reproduction.complete:
        remarks.append("Interrupted: unfinished seeds are left out.")
    results = reproduction.results()
    rows = [(result, row) for result in results for row in result.table.rows]
    if notes and rows:
        remarks.append(
            f"ours: the mean over seeds with a {100 * LEVEL:g} % interval (percentile bootstrap of "
            f"the mean, {_count(N_RESAMPLES)} resamples of the seeds). Lifts are paired by seed."
        )
        if reproduction.comparable:
            remarks.append(
                "agrees: whether that interval holds the published figure to its published digits, "
                "or overlaps its range. It is empty if there are fewer seeds than in the "
                "publication."
            )
        if any(row.published is not None and row.published.origin == "report" for _, row in rows):
            remarks.append(f"{REPORT_MARK} from the technical report that the publication cites.")
    answers = [result.agrees(row) for result, row in rows]
    compared = [answer for answer in answers if answer is not None]
    if compared and reproduction.comparable:
        remarks.append(f"{sum(compared)} of {len(compared)} published figures agree.")
    return "\n".join(_wrap(remark) for remark in remarks)


def render_reproduction(reproduction: Reproduction, *, notes: bool = True) -> str:
    """Return all tables as text.

    Parameters
    ----------
    reproduction : Reproduction
        The reproduction to show.
    notes : bool, default=True
        Whether to explain the tables and their columns.

    Returns
    -------
    text : str
    """
    blocks = [render_banner(reproduction.scale, reproduction.comparable)]
    blocks += [
        render_table(result, comparable=reproduction.comparable, notes=notes)
        for result in reproduction.results()
    ]
    blocks.append(render_closing(reproduction, notes=notes))
    return "\n\n".join(block for block in blocks if block)
