"""Arguments that may be one thing or several."""

from __future__ import annotations

from typing import Any

__all__ = ["entries_of"]


def entries_of(values: Any) -> list[Any] | None:
    """Return the entries of an iterable, None if it is a string or has no entries to go through."""
    if isinstance(values, str | bytes):
        return None
    try:
        # An array of no dimension says that it is iterable, and is not.
        return list(values)
    except TypeError:
        return None
