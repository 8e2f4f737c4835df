"""Our figures beside the published ones, as text for a terminal."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable

from skbudget._utils.statistics import LEVEL, N_RESAMPLES, Interval

from ._recipes import FULL, Scale
from ._reproduction import Reproduction, TableResult
from ._tables import Row, Source

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


def format_source(source: Source | None, signed: bool) -> str:
    """Return a published figure as it is shown; marked if it is of the report."""
    if source is None:
        return ""
    if source.text is not None:
        text = source.text
    else:
        text = "" if source.value is None else _number(source.value, signed)
        if source.low is not None and source.high is not None:
            text += _interval(source.low, source.high, signed)
    return text + (f" {REPORT_MARK}" if source.origin == "report" else "")


def format_ours(ours: Interval, signed: bool) -> str:
    """Return a mean with its interval."""
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
        Whether to say what has to be known to read it.

    Returns
    -------
    text : str
    """
    table = result.table

    def cells(row: Row) -> tuple[str, ...]:
        return (
            row.label,
            format_source(row.source, row.signed),
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
            [("", "source", "ours", "agrees" if comparable else ""), *map(cells, table.rows)]
        ),
    ]
    if notes and table.notes:
        lines += ["", *(_wrap(note) for note in table.notes)]
    return "\n".join(lines)


def render_banner(scale: Scale, comparable: bool) -> str:
    """Return what has to be said before any figure."""
    if comparable:
        return "Rows, epochs, batches and queues as published."
    return textwrap.fill(
        f"NOT COMPARABLE WITH THE SOURCE ({scale.name} mode): {_size(scale)}. "
        f"The source: {_size(FULL)}.",
        WIDTH,
    )


def _size(scale: Scale) -> str:
    return (
        f"{_count(scale.n_train)} training rows, {scale.epochs} epochs, batches of "
        f"{scale.batch_size}, {_count(scale.n_test)} test rows"
    )


def render_closing(reproduction: Reproduction, *, notes: bool = True) -> str:
    """Return what was left out and, if asked for, how to read the columns."""
    remarks = [f"{name} left out: {why}" for name, why in reproduction.skipped.items()]
    if not reproduction.complete:
        remarks.append("Interrupted: seeds that were not finished are left out.")
    results = reproduction.results()
    rows = [(result, row) for result in results for row in result.table.rows]
    if notes and rows:
        remarks.append(
            f"ours: mean over seeds, with a {100 * LEVEL:g} % interval (percentile bootstrap of "
            f"the mean, {_count(N_RESAMPLES)} resamples of the seeds). Lifts are paired by seed."
        )
        if reproduction.comparable:
            remarks.append(
                "agrees: whether that interval holds the source's figure, to the digits it was "
                "given with, or meets its range. Left open where fewer seeds were run than "
                "published."
            )
        if any(row.source is not None and row.source.origin == "report" for _, row in rows):
            remarks.append(f"{REPORT_MARK} of the technical report that the source cites.")
    answers = [result.agrees(row) for result, row in rows]
    compared = [answer for answer in answers if answer is not None]
    if compared and reproduction.comparable:
        remarks.append(f"{sum(compared)} of {len(compared)} figures of the source agree.")
    return "\n".join(_wrap(remark) for remark in remarks)


def render_reproduction(reproduction: Reproduction, *, notes: bool = True) -> str:
    """Return all tables as text.

    Parameters
    ----------
    reproduction : Reproduction
        What to show.
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
