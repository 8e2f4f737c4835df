"""Handing what there is one of per row to models that are fitted inside another one."""

from __future__ import annotations

import inspect
from typing import Any

from sklearn.pipeline import Pipeline

__all__ = ["fit_argument"]


def fit_argument(model: Any, role: str, wanted: str = "sample_weight") -> str:
    """Return the name by which ``model.fit`` takes ``wanted``, with one entry per row."""
    name, last = "", model
    while isinstance(last, Pipeline):
        step, last = last.steps[-1]
        name += f"{step}__"
    parameters = inspect.signature(last.fit).parameters
    takes_any = any(one.kind is one.VAR_KEYWORD for one in parameters.values())
    if wanted not in parameters and not takes_any:
        raise ValueError(f"{wanted} cannot be passed on: fit of {role}={model!r} does not take it.")
    return f"{name}{wanted}"
