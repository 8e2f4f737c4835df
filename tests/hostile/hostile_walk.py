"""Every public callable of the package: functions, constructors and public methods."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from typing import Any

import skbudget

# Written by scikit-learn for every estimator, or part of a protocol that users do not call.
_NO_CALLS = {"get_metadata_routing", "get_params", "extra_repr"}
# Methods that estimators inherit and that users call as if they were ours.
_INHERITED = {"score", "set_params", "fit_transform"}


def rooms() -> list[str]:
    """Return the names of the package and of its public rooms."""
    inner = [
        entry.name
        for entry in pkgutil.iter_modules(skbudget.__path__)
        if not entry.name.startswith("_")
    ]
    return ["skbudget", *(f"skbudget.{name}" for name in sorted(inner))]


def _is_class(member: Any) -> bool:
    return inspect.isclass(member) and member.__module__.startswith("skbudget")


def _methods(found: type) -> Iterator[str]:
    for name in dir(found):
        if name in _NO_CALLS or (name.startswith("_") and name != "__call__"):
            continue
        if name.startswith("set_") and name.endswith("_request"):
            continue
        owner = next((base for base in found.__mro__ if name in vars(base)), None)
        if owner is None:
            continue
        static = inspect.getattr_static(owner, name)
        if isinstance(static, property) or not callable(getattr(found, name, None)):
            continue
        if inspect.isclass(static):
            continue
        if owner.__module__.startswith("skbudget") or (
            name in _INHERITED and hasattr(found, "get_params")
        ):
            yield name


def public_callables() -> dict[str, Any]:
    """Return every public callable by its name: ``room.name`` or ``room.Class.method``.

    A name that the package offers twice has the name of its room.
    """
    found: dict[str, Any] = {}
    seen: set[int] = set()
    for room in reversed(rooms()):
        module = importlib.import_module(room)
        for name in module.__all__:
            member = getattr(module, name)
            if id(member) in seen:
                continue
            seen.add(id(member))
            full = f"{room}.{name}"
            if _is_class(member):
                found[full] = member
                for method in _methods(member):
                    found[f"{full}.{method}"] = getattr(member, method)
            elif inspect.isroutine(member):
                found[full] = member
            elif type(member).__module__.startswith("skbudget") and callable(member):
                found[f"{full}.__call__"] = type(member).__call__
    return dict(sorted(found.items()))
