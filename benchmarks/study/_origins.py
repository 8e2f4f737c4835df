"""What the tables of the study have in common, and which of them nobody observed."""

from __future__ import annotations

from collections.abc import Iterable

from ._table import BY_TIME

__all__ = ["MADE", "SAME_SOURCE", "shared_sources", "source_of"]

SAME_SOURCE: dict[str, tuple[str, ...]] = {
    "Give Me Some Credit": ("give_me_some_credit", "rare_credit_defaults"),
    "FARS": ("fars_possible_injury", "fars_unknown_injury", "fars_unknown_severity"),
    "abalone": ("abalone19", "abalone_17_vs_7_to_10", "abalone_19_vs_10_to_13"),
    "yeast": ("yeast4", "yeast5", "yeast6"),
    "chess endgame": ("chess_endgame_sixteen", "chess_endgame_zero_one"),
    "car evaluation": ("car_good", "car_very_good"),
    "nycflights13": ("flights_late", "flights_cancelled"),
    "optdigits": ("digits_8", "optdigits_8"),
}
"""Public tables that share rows, or classes of the same rows, by their source."""

MADE: dict[str, str] = {
    "card_default": "simulated",
    "telephone_churn": "simulated",
    "magic_hadrons": "simulated",
    "car_good": "all rows of a rule",
    "car_very_good": "all rows of a rule",
    "chess_endgame_sixteen": "positions of a solved endgame",
    "chess_endgame_zero_one": "positions of a solved endgame",
}
"""Public tables whose rows nobody observed, and what they are."""

_SOURCES = {table: source for source, tables in SAME_SOURCE.items() for table in tables}
# Tables of these groups are made from a real one, whose name follows the prefix.
_PREFIXES = {
    "few positives": "few-",
    BY_TIME["few positives"]: "few-",
    "implanted": "implanted-",
}


def source_of(table: str, group: str) -> str:
    """Return the name of what a table was made from. Tables of one source are not independent."""
    if group in _PREFIXES:
        table = table.removeprefix(_PREFIXES[group])
    return _SOURCES.get(table, table)


def shared_sources(tables: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return the tables of each source that has several among these names and groups."""
    found: dict[str, list[str]] = {}
    for table, group in dict.fromkeys(tables):
        found.setdefault(source_of(table, group), []).append(table)
    return {source: names for source, names in found.items() if len(names) > 1}
