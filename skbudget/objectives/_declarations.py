"""What a class of losses says of itself, checked where the class is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from .._utils.validation import check_option
from ._rows import MARGINS, TARGETS

__all__ = ["BOOSTERS", "LIBRARIES", "Scale", "check_declarations"]

Scale = Literal["rows", "positives", "relevant", "sum"]
SCALES = ("rows", "positives", "relevant", "sum")

BOOSTERS = ("lightgbm", "xgboost")
# Boosters and torch train what is theirs; the names of the others are for users to read.
LIBRARIES = (*BOOSTERS, "catboost", "torch", "sklearn")

_OPTIONS = {"target": TARGETS, "margins": MARGINS, "scale": SCALES}


def check_declarations(cls: Any) -> None:
    """Raise unless the class attributes of a loss are what they may be.

    Raises
    ------
    TypeError, ValueError
        Naming the attribute and the class.
    """
    for name, options in _OPTIONS.items():
        check_option(getattr(cls, name), name, options, cls.__name__)
    for name in ("reads", "needs"):
        columns = getattr(cls, name)
        if not isinstance(columns, frozenset):
            raise TypeError(
                f"The attribute {name!r} of {cls.__name__} must be a frozenset of names of "
                f"columns. Got {columns!r} instead."
            )
    if not isinstance(cls.networks_only, str):
        raise TypeError(
            f"The attribute 'networks_only' of {cls.__name__} must be a str, the reason for "
            f"the error of a booster. Got {cls.networks_only!r} instead."
        )
    if not isinstance(cls.library, Mapping) or not all(
        name in LIBRARIES and isinstance(theirs, str) and theirs
        for name, theirs in cls.library.items()
    ):
        raise TypeError(
            f"The attribute 'library' of {cls.__name__} must map some of {', '.join(LIBRARIES)} "
            f"to what they call the loss. Got {cls.library!r} instead."
        )
