"""Handing what there is one of per row to models that are fitted inside another one."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from sklearn.pipeline import Pipeline

__all__ = ["fit_argument", "optional_fit_argument"]


def fit_argument(model: Any, role: str, wanted: str = "sample_weight") -> str:
    """Return the name by which ``model.fit`` takes ``wanted``, with one entry per row."""
    name, parameters = _fit_parameters(model)
    takes_any = any(one.kind is one.VAR_KEYWORD for one in parameters.values())
    if wanted not in parameters and not takes_any:
        raise ValueError(f"{wanted} cannot be passed on: fit of {role}={model!r} does not take it.")
    return f"{name}{wanted}"


def optional_fit_argument(model: Any, wanted: str) -> str | None:
    """Return the name by which ``model.fit`` takes ``wanted``, None if it has no such parameter."""
    name, parameters = _fit_parameters(model)
    return f"{name}{wanted}" if wanted in parameters else None


def _fit_parameters(model: Any) -> tuple[str, Mapping[str, inspect.Parameter]]:
    """Return what goes before an argument's name, and the parameters of the last step's `fit`."""
    name, last = "", model
    while isinstance(last, Pipeline):
        step, last = last.steps[-1]
        name += f"{step}__"
    return name, inspect.signature(last.fit).parameters
