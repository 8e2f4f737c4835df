"""The text of the measurements, for a terminal."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Sequence
from statistics import median

from ._boosters import BUDGET, CEILING, CONTEXT, LARGEST_GROUP, NO_OP, TOPK_CHILD_WEIGHT
from ._calls import BRUTE
from ._effort import PARTS
from ._results import LINEAR_FROM, Peak, Speed, Turns, fit_exponent

__all__ = ["render_speed", "scale_curves"]

WIDTH = 88
GAP = "  "

Row = Sequence[str]


def render_speed(speed: Speed, *, notes: bool = True) -> str:
    """Return a table for each comparison, and notes on how to read the tables.

    Parameters
    ----------
    speed : Speed
        The measurements to show.
    notes : bool, default=True
        Whether to explain the columns. The text always says what was left out.

    Returns
    -------
    text : str
    """
    blocks = [_header(speed)]
    for part, about in PARTS.items():
        of_part = _RENDERERS[part](speed)
        if of_part:
            blocks += [f"{part}: {about}", *of_part]
    remarks = [f"{label} left out: {reason}" for label, reason in speed.skipped.items()]
    if notes:
        remarks += _explanations(speed)
    if remarks:
        blocks.append("\n".join(_wrap(remark) for remark in remarks))
    return "\n\n".join(blocks)


def scale_curves(speed: Speed) -> dict[str, list[Turns]]:
    """Return the times of each setting, sorted by the number of rows.

    Parameters
    ----------
    speed : Speed
        The measurements.

    Returns
    -------
    curves : dict of str to list of Turns
        The curve of the booster's round, which gives a scale, comes last.
    """
    timed = speed.of_part("scale")
    settings = dict.fromkeys(turns.setting for turns in timed)
    return {
        setting: sorted(
            (turns for turns in timed if turns.setting == setting), key=lambda turns: turns.rows
        )
        for setting in sorted(settings, key=lambda setting: setting == CONTEXT)
    }


# --- words ------------------------------------------------------------------------


def _wrap(remark: str) -> str:
    return textwrap.fill(remark, WIDTH, initial_indent="- ", subsequent_indent="  ")


def _count(number: int) -> str:
    return f"{number:,}".replace(",", " ")


def _short_count(number: int) -> str:
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if number >= size:
            return f"{number / size:g}{letter}"
    return str(number)


def _three_digits(value: float) -> str:
    if value <= 0:
        return "0"
    return f"{value:.{max(0, 2 - math.floor(math.log10(value)))}f}"


def _time(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{_three_digits(seconds / size)} {unit}"
    return f"{_three_digits(seconds / 1e-6)} µs"


def _header(speed: Speed) -> str:
    about = speed.about
    versions = [f"{name} {number}" for name, number in about.get("versions", {}).items()]
    lines = textwrap.wrap(", ".join(versions), WIDTH)
    machine = [str(about["platform"])] if "platform" in about else []
    for key, noun in (("cores", "core"), ("n_jobs", "thread")):
        if key in about:
            machine.append(f"{about[key]} {noun}{'s' if about[key] > 1 else ''}")
    if about.get("quick"):
        machine.append("--quick: sizes that show that it runs, not what it costs")
    return "\n".join(
        ["What the objective costs", *lines, *([", ".join(machine)] if machine else [])]
    )


# --- tables -----------------------------------------------------------------------


def _columns(rows: Sequence[Row]) -> list[str]:
    """Align the first column to the left and the others to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows)]
    return [
        GAP
        + GAP.join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(cells, widths))
        ).rstrip()
        for cells in rows
    ]


def _contest(turns: Turns) -> str:
    """Return the table of a comparison: our time, and each peer's time with the ratio."""
    size = f"{_count(turns.rows)} rows"
    if turns.repeats > 1:
        size += f", {turns.repeats} {turns.unit}s"
    per_unit, covered = turns.repeats > 1, bool(turns.coverage)
    header = ["", "time"]
    if per_unit:
        header.append(f"per {turns.unit}")
    header.append("ours / peer")
    if covered:
        header.append("coverage")
    rows = [header]
    for name in turns.seconds:
        row = [name, _time(turns.typical(name))]
        if per_unit:
            row.append(_time(turns.typical(name) / turns.repeats))
        row.append("" if name == turns.ours else _ratio(turns, name))
        if covered:
            row.append(f"{turns.coverage[name]:.3f}")
        rows.append(row)
        if turns.inside and name == turns.ours:
            rows.append(_inside(turns, header))
    if CEILING in turns.coverage:
        blanks = [""] * (len(header) - 2)
        rows.append([CEILING, *blanks, f"{turns.coverage[CEILING]:.3f}"])
    return "\n".join([f"{turns.setting}; {size}", *_columns(rows)])


def _inside(turns: Turns, header: Row) -> list[str]:
    spent = median(turns.inside)
    per_unit = [_time(spent / turns.repeats)] if turns.repeats > 1 else []
    row = ["  in the objective", _time(spent), *per_unit]
    return [*row, *[""] * (len(header) - len(row))]


def _ratio(turns: Turns, peer: str) -> str:
    ratio = turns.ratio(peer)
    ends = f"[{_three_digits(ratio.least)}, {_three_digits(ratio.greatest)}]"
    return f"{_three_digits(ratio.median)} {ends}"


def _contests(part: str) -> Callable[[Speed], list[str]]:
    return lambda speed: [_contest(turns) for turns in speed.of_part(part)]


def _scale(speed: Speed) -> list[str]:
    curves = scale_curves(speed)
    sizes = sorted({turns.rows for curve in curves.values() for turns in curve})
    if not sizes:
        return []
    header = ["rows", *map(_short_count, sizes)]
    times, ratios = [[*header, "exponent"]], [header]
    for setting, curve in curves.items():
        by_size = {turns.rows: turns for turns in curve}
        label = setting.replace(" positives", "")
        times.append(
            [
                label,
                *(_time(_per_unit(by_size[size])) if size in by_size else "" for size in sizes),
                "" if setting == CONTEXT else _exponent(curve),
            ]
        )
        against = [
            _three_digits(by_size[size].ratio(BRUTE).median)
            if size in by_size and BRUTE in by_size[size].seconds
            else ""
            for size in sizes
        ]
        if any(against):
            ratios.append([label, *against])
    blocks = ["\n".join(["gradient and hessian of all rows; share of positives, band",
                         *_columns(times)])]  # fmt: skip
    if len(ratios) > 1:
        blocks.append("\n".join(["ours / brute force, pair by pair", *_columns(ratios)]))
    return blocks


def _growth(speed: Speed) -> list[str]:
    """Return a table for each setting: a line for each number of rows, and the exponents."""
    blocks = []
    grown = speed.of_part("growth")
    for setting in dict.fromkeys(turns.setting for turns in grown):
        curve = sorted(
            (turns for turns in grown if turns.setting == setting), key=lambda turns: turns.rows
        )
        ours, peer = curve[0].ours, curve[0].peers[0]
        lines: list[Row] = [["rows", ours, peer, "ours / peer", "bytes added per row"]]
        for turns in curve:
            times = [_time(turns.typical(name)) for name in (ours, peer)]
            added = f"{turns.added_per_row(peer):.1f}" if turns.peaks else ""
            lines.append([_count(turns.rows), *times, _ratio(turns, peer), added])
        rows = [turns.rows for turns in curve]
        found = (
            fit_exponent(rows, [turns.typical(name) for turns in curve]) for name in (ours, peer)
        )
        shown = ["-" if one is None else f"{one:.2f}" for one in found]
        lines.append(["exponent", *shown, "", ""])
        title = f"{setting}; {curve[0].repeats} {curve[0].unit}s"
        blocks.append("\n".join([title, *_columns(lines)]))
    return blocks


def _per_unit(turns: Turns) -> float:
    return turns.typical(turns.ours) / turns.repeats


def _exponent(curve: Sequence[Turns]) -> str:
    exponent = fit_exponent([turns.rows for turns in curve], [_per_unit(turns) for turns in curve])
    return "-" if exponent is None else f"{exponent:.2f}"


def _memory(speed: Speed) -> list[str]:
    if not speed.peaks:
        return []
    dtypes = list(dict.fromkeys(peak.dtype for peak in speed.peaks))
    found: dict[str, dict[str, Peak]] = {}
    for peak in speed.peaks:
        found.setdefault(peak.setting, {})[peak.dtype] = peak
    rows = [["", *(f"{dtype} scores" for dtype in dtypes)]]
    for setting, of_setting in found.items():
        rows.append(
            [
                setting,
                *(f"{of_setting[dtype].per_row:.1f}" if dtype in of_setting else ""
                  for dtype in dtypes),
            ]
        )  # fmt: skip
    title = f"bytes per row, of {_count(speed.peaks[0].rows)} rows"
    return ["\n".join([title, *_columns(rows)])]


_RENDERERS: dict[str, Callable[[Speed], list[str]]] = {part: _contests(part) for part in PARTS} | {
    "growth": _growth,
    "scale": _scale,
    "memory": _memory,
}


# --- notes ------------------------------------------------------------------------


def _explanations(speed: Speed) -> list[str]:
    remarks = []
    if speed.turns:
        first = (
            "" if len(speed.of_part("growth")) == len(speed.turns) else ", without the first turn"
        )
        remarks.append(
            f"Times are medians over the turns{first}. ours / peer is our time "
            "divided by the peer's time of the same turn: the median, and in brackets the least "
            "and the greatest. Below 1 ours is faster."
        )
    if speed.of_part("fit") or speed.of_part("rank"):
        remarks.append(
            "Models of one library have the same number of trees, learning rate and L2 penalty, "
            "and otherwise the library's defaults. The rows are binned beforehand."
        )
    if speed.of_part("fit"):
        remarks.append(
            f"The {NO_OP} returns fixed arrays. Its time is what the booster takes for any "
            "objective written in Python, although its trees differ from ours. The line below ours "
            "is the time spent in our objective itself."
        )
    if speed.of_part("pool") or speed.of_part("estimators"):
        remarks.append(
            "Whole fits begin with arrays, so that binning counts. Models of one table have the "
            "same number of trees, learning rate and L2 penalty. Trees of the estimators have the "
            "leaves of their defaults: up to 127 of ours, 31 of LightGBM and depth 6 of XGBoost. "
            "Coverage is that of a held-out third of the rows."
        )
    if speed.of_part("growth"):
        remarks.append(
            "Each fit has a process of its own, which has trained on a few rows before, and begins "
            "with an array. The exponent is the "
            "power of the number of rows by which the time grows, fitted from "
            f"{_count(LINEAR_FROM)} rows on. Bytes added are the greatest memory of our process "
            "less that of the peer's, which holds the same array."
        )
    if speed.of_part("rank"):
        remarks.append(
            "topk compares as many rows as the budget holds with all others. It has "
            f"min_child_weight={TOPK_CHILD_WEIGHT:g}, because otherwise its trees would hardly "
            "grow. mean compares each row with one other. LightGBM takes no query of more than "
            f"{_count(LARGEST_GROUP)} rows, so more rows are split at random. Coverage is that of "
            f"the top {100 * BUDGET:g} % of a fresh draw."
        )
    curves = scale_curves(speed)
    if curves:
        remarks.append(
            "The exponent is the power of the number of rows by which the time grows, fitted from "
            f"{_count(LINEAR_FROM)} rows on. The objective runs in one thread. Brute force sums "
            "over the same pairs one by one. It is timed if there are few enough pairs."
        )
        if CONTEXT in curves:
            remarks.append("A booster calls the objective once in each of its rounds.")
    if speed.peaks:
        remarks.append(
            "Memory is the peak that NumPy allocated in a call: the gradient and the hessian, "
            "which take 8 bytes per row, and what is freed before the call returns."
        )
    if any("LibAUC" in peer for turns in speed.of_part("losses") for peer in turns.peers):
        remarks.append("LibAUC's loss compares only the rows of a batch, and so does ours there.")
    return remarks
