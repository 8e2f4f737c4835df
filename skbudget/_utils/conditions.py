"""Parameters that have an effect beside others alone: what they need, and a warning."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from inspect import signature
from typing import Any

import numpy as np

from .callers import outer_call

__all__ = [
    "OF_SURROGATES",
    "Condition",
    "asked",
    "below_one",
    "is_on",
    "is_one_of",
    "never",
    "warn_of_idle",
    "warn_without_effect",
    "without_effect",
]

Given = Callable[[str], Any]

_NO = (None, False, 0, "", "false", "False", "0", "none", "None")


@dataclass(frozen=True)
class Condition:
    """What parameters need beside them.

    Attributes
    ----------
    defaults : mapping of str to object
        Main names of the parameters, and the values that ask for nothing.
    met : callable
        Tells whether they have an effect, from a function that returns a parameter by its main
        name.
    remedy : str
        What they need, for the warning.
    library_warns : bool, default=False
        Whether the library warns of the parameters too, whatever their values are.
    """

    defaults: Mapping[str, Any]
    met: Callable[[Given], bool]
    remedy: str
    library_warns: bool = False


def is_on(value: Any) -> bool:
    """Tell whether a value switches something on. Lists and arrays do."""
    return not (value is None or (isinstance(value, str | int | float) and value in _NO))


def asked(*names: str) -> Callable[[Given], bool]:
    """Return a condition that one of some parameters is given and not switched off."""
    return lambda given: any(is_on(given(name)) for name in names)


def is_one_of(name: str, *values: str) -> Callable[[Given], bool]:
    """Return a condition that a parameter has one of some values."""
    return lambda given: str(given(name)).lower() in values


def below_one(*names: str) -> Callable[[Given], bool]:
    """Return a condition that one of some parameters is given and not 1."""
    return lambda given: any(given(name) not in (None, 1, 1.0) for name in names)


def never(given: Given) -> bool:
    """Tell that there is no such case here."""
    return False


# Beside another objective they are refused.
OF_SURROGATES = (
    Condition(
        {"n_knots": 2},
        lambda given: given("objective") is not None or given("surrogate") == "trapezoid",
        "surrogate='trapezoid'",
    ),
    Condition(
        {"link": None},
        lambda given: given("objective") is not None or given("surrogate") == "pairwise",
        "surrogate='pairwise'",
    ),
)


def warn_of_idle(conditions: tuple[Condition, ...], estimator: Any) -> None:
    """Warn of parameters of an object that have no effect for want of another.

    Parameters
    ----------
    conditions : tuple of Condition
        What its parameters need.
    estimator : object
        It has its parameters as attributes, by the names that its class is called with.
    """
    cls = type(estimator)
    defaults = {
        name: parameter.default
        for name, parameter in signature(cls).parameters.items()
        if hasattr(estimator, name)
    }
    named = {name: (name, getattr(estimator, name)) for name in defaults}
    warn_without_effect(conditions, named, defaults, cls.__name__)


def warn_without_effect(
    conditions: tuple[Condition, ...],
    named: Mapping[str, tuple[str, Any]],
    defaults: Mapping[str, Any],
    owner: str,
) -> None:
    """Warn of parameters that have no effect for want of another.

    Parameters
    ----------
    conditions : tuple of Condition
        What is known of the library.
    named : mapping of str to tuple
        By main name, the name that the user gave and the value.
    defaults : mapping of str to object
        Defaults of our estimator by main name, which are no request.
    owner : str
        Name of the estimator.

    Warns
    -----
    UserWarning
        Naming the parameter, its value and what it needs, once in a call of the package.
    """
    for main, default, remedy in without_effect(conditions, named):
        name, value = named[main]
        if value is None or _same(value, default) or _same(value, defaults.get(main, default)):
            continue
        outer_call().warn_once(
            f"The {name!r} parameter of {owner} has no effect: it needs {remedy}. Got {value!r}.",
            UserWarning,
            f"idle_{name}_of_{owner}",
        )


def without_effect(
    conditions: tuple[Condition, ...], named: Mapping[str, tuple[str, Any]]
) -> Iterator[tuple[str, Any, str]]:
    """Yield the parameters that lack another: main name, default and what they need."""

    def given(name: str) -> Any:
        return named.get(name, ("", None))[1]

    for condition in conditions:
        if not condition.met(given):
            for main, default in condition.defaults.items():
                if main in named:
                    yield main, default, condition.remedy


def _same(value: Any, default: Any) -> bool:
    return value is default or bool(np.all(value == default))
