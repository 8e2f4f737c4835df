"""Handing sample weights to models that are fitted inside another one."""

from __future__ import annotations

import inspect
from typing import Any

from sklearn.pipeline import Pipeline

__all__ = ["weight_argument"]


def weight_argument(model: Any, role: str) -> str:
    """Return the name of the argument of ``model.fit`` that weights rows."""
    name, last = "", model
    while isinstance(last, Pipeline):
        step, last = last.steps[-1]
        name += f"{step}__"
    parameters = inspect.signature(last.fit).parameters
    takes_any = any(one.kind is one.VAR_KEYWORD for one in parameters.values())
    if "sample_weight" not in parameters and not takes_any:
        raise ValueError(
            f"sample_weight cannot be passed on: fit of {role}={model!r} does not take it."
        )
    return f"{name}sample_weight"
