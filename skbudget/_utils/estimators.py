"""The one check of a parameter that holds an estimator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .validation import _invalid

__all__ = ["check_estimator"]


def check_estimator(
    model: Any, name: str, owner: str, allowed: str, methods: Sequence[str] = ()
) -> None:
    """Raise unless a parameter holds an estimator.

    Parameters
    ----------
    model : object
        What the parameter holds.
    name : str
        The parameter.
    owner : str
        The estimator or function whose parameter it is.
    allowed : str
        What it may be, for the message.
    methods : sequence of str, default=()
        Methods of which the estimator has at least one.

    Raises
    ------
    InvalidParameterError
        For a class, or something that has no ``fit`` or none of the methods.
    """
    is_class = isinstance(model, type)
    scores = not methods or any(hasattr(model, method) for method in methods)
    if is_class or not (hasattr(model, "fit") and scores):
        raise _invalid(name, model, owner, allowed, "Pass an instance." if is_class else "")
