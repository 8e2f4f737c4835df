"""The reproduction of the published tables, which ``python -m skbudget reproduce`` runs.

Public names are imported on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from skbudget._utils.lazy import lazy_names

if TYPE_CHECKING:
    from ._lab import Bench, Lab
    from ._recipes import FULL, QUICK, CardFraud, Scale
    from ._reproduction import Reproduction, reproduce_tables
    from ._tables import PUBLISHED_TABLES
    from ._text import render_reproduction

__all__ = [
    "FULL",
    "PUBLISHED_TABLES",
    "QUICK",
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
        "PUBLISHED_TABLES": "._tables",
        "QUICK": "._recipes",
        "Reproduction": "._reproduction",
        "Scale": "._recipes",
        "render_reproduction": "._text",
        "reproduce_tables": "._reproduction",
    },
    extras={"torch": "neural"},
)
