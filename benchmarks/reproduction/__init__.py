"""The published tables anew: what ``python -m skbudget reproduce`` runs.

Nothing heavy is imported before a name is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from skbudget._utils.lazy import lazy_names

if TYPE_CHECKING:
    from ._lab import Bench, Lab
    from ._recipes import FULL, QUICK, CardFraud, Scale
    from ._reproduction import Reproduction, reproduce_tables
    from ._tables import SOURCE_TABLES
    from ._text import render_reproduction

__all__ = [
    "FULL",
    "QUICK",
    "SOURCE_TABLES",
    "Bench",
    "CardFraud",
    "Lab",
    "Reproduction",
    "Scale",
    "render_reproduction",
    "reproduce_tables",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "Bench": "._lab",
        "CardFraud": "._recipes",
        "FULL": "._recipes",
        "Lab": "._lab",
        "QUICK": "._recipes",
        "Reproduction": "._reproduction",
        "SOURCE_TABLES": "._tables",
        "Scale": "._recipes",
        "render_reproduction": "._text",
        "reproduce_tables": "._reproduction",
    },
    extras={"torch": "neural"},
)
