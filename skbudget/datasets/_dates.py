"""Dates as numbers, from text and from columns of dates: the same numbers from both."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "MISSING_DATE",
    "choose_order",
    "date_numbers",
    "in_numpy",
    "typed_dates",
    "written_dates",
]

DAY = 86_400_000_000
"""Microseconds of a day. Dates are whole microseconds since 1970-01-01 UTC."""

MISSING_DATE = np.iinfo(np.int64).min

N_TRIED = 200
"""A column whose first different words are no dates is not read to its end."""

_TIME = (
    r"(?:[T ]\s*(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<part>\d+))?)?"
    r"\s*(?P<half>[AaPp][Mm])?\s*(?P<zone>Z|UTC|GMT|[+-]\d{2}:?\d{2})?)?"
)
_PATTERNS = {
    "year": re.compile(rf"(?P<a>\d{{4}})([-/.])(?P<b>\d{{1,2}})\2(?P<c>\d{{1,2}}){_TIME}"),
    "number": re.compile(rf"(?P<a>\d{{1,2}})([-/.])(?P<b>\d{{1,2}})\2(?P<c>\d{{4}}){_TIME}"),
    "word": re.compile(rf"(?P<a>\d{{1,2}})[- ](?P<b>[A-Za-z]{{3,9}})[- ,]+(?P<c>\d{{4}}){_TIME}"),
}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

# Which group of the pattern is the year, the month and the day.
_ORDERS = {
    "year": ("year", "abc"),
    "day": ("number", "cba"),
    "month": ("number", "cab"),
    "word": ("word", "cba"),
}


def choose_order(words: Sequence[str], counts: NDArray) -> tuple[str | None, NDArray, bool]:
    """Return the order in which dates are written, if these words are dates.

    Parameters
    ----------
    words : sequence of str
        Different entries of a column.
    counts : ndarray of shape (n_words,)
        How often each of them occurs.

    Returns
    -------
    order : {"year", "day", "month", "word"} or None
        What comes first ("word": the day, and then the month's name), for the order that
        reads most entries. None if no word is a date.
    dates : ndarray of int64 of shape (n_words,)
        The dates, with `MISSING_DATE` for words that are none.
    unclear : bool
        Whether day and month can be exchanged in all entries. If they can, the month
        comes first in dates with slashes, and the day comes first in others.
    """
    none = np.full(len(words), MISSING_DATE)
    some = words[:N_TRIED]
    read = {
        order: written_dates(words, order)
        if (written_dates(some, order) != MISSING_DATE).any()
        else none
        for order in _ORDERS
    }
    entries = {order: counts[dates != MISSING_DATE].sum() for order, dates in read.items()}
    first = ("month", "day") if any("/" in word for word in words) else ("day", "month")
    order = max(("year", *first, "word"), key=lambda name: entries[name])
    if entries[order] == 0:
        return None, read[order], False
    unclear = order in first and entries["month"] == entries["day"]
    return order, read[order], bool(unclear and (read["month"] != read["day"]).any())


def written_dates(words: Sequence[str], order: str) -> NDArray[np.int64]:
    """Return the date of each word, or `MISSING_DATE`, if dates are written in this order."""
    pattern, groups = _ORDERS[order]
    numbers = np.full((len(words), 4), -1, dtype=np.int64)
    for row, word in enumerate(words):
        found = _PATTERNS[pattern].fullmatch(word.strip())
        if found is not None:
            year, month, day = (found[group] for group in groups)
            number = _month_number(month)
            numbers[row] = int(year), number, int(day), _time_of_day(found)
    year, month, day, time = numbers.T
    start = (12 * (year - 1970) + month - 1).astype("datetime64[M]")
    first, next_month = (m.astype("datetime64[D]").astype(np.int64) for m in (start, start + 1))
    valid = (month >= 1) & (month <= 12) & (day >= 1) & (day <= next_month - first) & (year > 0)
    valid &= time != MISSING_DATE
    return np.where(valid, (first + day - 1) * DAY + time, MISSING_DATE)


def _month_number(word: str) -> int:
    if word.isdigit():
        return int(word)
    short = word[:3].lower()
    return _MONTHS.index(short) + 1 if short in _MONTHS else -1


def _time_of_day(found: re.Match[str]) -> int:
    """Return the microseconds since midnight UTC."""
    if found["hour"] is None:
        return 0
    hour, minute, second = (int(found[name] or 0) for name in ("hour", "minute", "second"))
    if found["half"]:
        hour = hour % 12 + 12 * (found["half"].lower() == "pm")
    if hour > 24 or minute > 59 or second > 60:
        return int(MISSING_DATE)
    time = 1_000_000 * (3600 * hour + 60 * minute + second)
    time += int((found["part"] or "0").ljust(6, "0")[:6])
    zone = found["zone"] or ""
    if zone[:1] in ("+", "-"):
        ahead = 60 * int(zone[1:3]) + int(zone[-2:])
        time -= 60_000_000 * (ahead if zone[0] == "+" else -ahead)
    return time


def typed_dates(column: Any) -> NDArray[np.int64]:
    """Return the date of each entry of a pandas column of dates, or `MISSING_DATE`."""
    if getattr(column.dtype, "tz", None) is not None:
        column = column.dt.tz_convert("UTC").dt.tz_localize(None)
    # NaT is the smallest integer, which is MISSING_DATE.
    return in_numpy(column, "datetime64[us]").astype(np.int64)


def in_numpy(column: Any, dtype: str) -> NDArray:
    """Return a pandas column of dates or durations as an array of a type of NumPy."""
    try:
        return column.to_numpy(dtype=dtype)
    except ValueError:  # missing entries in columns of arrow, before pandas 2.1
        import pyarrow

        entries = pyarrow.array(column)
        is_duration = pyarrow.types.is_duration(entries.type)
        unit = (pyarrow.duration if is_duration else pyarrow.timestamp)("us")
        return np.asarray(entries.cast(unit)).astype(dtype)


def date_numbers(dates: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return days since 1970-01-01 and hours of the day. Both are NaN for missing dates."""
    missing = dates == MISSING_DATE
    days = np.where(missing, np.nan, dates / DAY)
    hours = np.where(missing, np.nan, dates % DAY / (DAY / 24))
    return days, hours
