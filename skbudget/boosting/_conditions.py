"""Parameters that have an effect beside others alone, which neither booster says."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["CONDITIONS", "OF_OURS", "Condition", "warn_without_effect"]

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
    """

    defaults: Mapping[str, Any]
    met: Callable[[Given], bool]
    remedy: str


def _is_on(value: Any) -> bool:
    """Tell whether a value switches something on. Lists and arrays do."""
    return not (value is None or (isinstance(value, str | int | float) and value in _NO))


def _asked(*names: str) -> Callable[[Given], bool]:
    """Return a condition that one of some parameters is given and not switched off."""
    return lambda given: any(_is_on(given(name)) for name in names)


def _is(name: str, *values: str) -> Callable[[Given], bool]:
    return lambda given: str(given(name)).lower() in values


def _below_one(*names: str) -> Callable[[Given], bool]:
    return lambda given: any(given(name) not in (None, 1, 1.0) for name in names)


OF_OURS = (
    Condition({"regularizer_weight": 1.0}, _asked("regularizer"), "a regularizer beside it"),
    Condition(
        {"n_knots": 2},
        lambda given: given("objective") is not None or given("surrogate") == "trapezoid",
        "surrogate='trapezoid'",
    ),
    Condition(
        {"link": "logistic"},
        lambda given: given("objective") is not None or given("surrogate") == "pairwise",
        "surrogate='pairwise'",
    ),
)

_DART = {"drop_rate": 0.1, "max_drop": 50, "skip_drop": 0.5, "uniform_drop": False}
_DART |= {"xgboost_dart_mode": False, "drop_seed": 4}
_GPU = {"gpu_platform_id": -1, "gpu_device_id": -1, "gpu_use_dp": False, "num_gpu": 1}
_QUANTIZED = {
    "num_grad_quant_bins": 4,
    "quant_train_renew_leaf": False,
    "stochastic_rounding": True,
}

IN_LIGHTGBM = (
    Condition(
        {"bagging_fraction": 1.0},
        _asked("bagging_freq"),
        "subsample_freq of at least 1, the number of rounds after which rows are drawn anew",
    ),
    Condition({"bagging_freq": 0}, _below_one("bagging_fraction"), "a subsample below 1"),
    Condition(
        {"bagging_seed": 3},
        _asked("bagging_freq"),
        "subsample below 1 and subsample_freq of at least 1",
    ),
    Condition(_DART, _is("boosting", "dart"), "boosting_type='dart'"),
    Condition(
        {"top_rate": 0.2, "other_rate": 0.1},
        lambda given: "goss" in (given("data_sample_strategy"), given("boosting")),
        "data_sample_strategy='goss'",
    ),
    Condition({"linear_lambda": None}, _asked("linear_tree"), "linear_tree=True"),
    Condition({"extra_seed": 6}, _asked("extra_trees"), "extra_trees=True"),
    Condition(
        {"feature_fraction_seed": 2},
        _below_one("feature_fraction", "feature_fraction_bynode"),
        "a colsample_bytree below 1",
    ),
    Condition(
        {"monotone_constraints_method": "basic", "monotone_penalty": 0.0},
        _asked("monotone_constraints"),
        "monotone_constraints",
    ),
    Condition(_QUANTIZED, _asked("use_quantized_grad"), "use_quantized_grad=True"),
    Condition(_GPU, _is("device_type", "gpu", "cuda"), "device_type='gpu' or 'cuda'"),
    Condition(
        {"early_stopping_min_delta": 0.0}, _asked("early_stopping_round"), "early_stopping_round"
    ),
)

IN_XGBOOST = (
    Condition(
        {
            "rate_drop": 0.0,
            "one_drop": False,
            "skip_drop": 0.0,
            "sample_type": "uniform",
            "normalize_type": "tree",
        },
        _is("booster", "dart"),
        "booster='dart'",
    ),
    Condition(
        {"feature_selector": "cyclic", "top_k": 0}, _is("booster", "gblinear"), "booster='gblinear'"
    ),
    Condition({"sampling_method": "uniform"}, _below_one("subsample"), "a subsample below 1"),
)

CONDITIONS = {"lightgbm": IN_LIGHTGBM, "xgboost": IN_XGBOOST}
"""Of each library, what parameters need beside them."""


def warn_without_effect(
    conditions: tuple[Condition, ...],
    named: Mapping[str, tuple[str, Any]],
    defaults: Mapping[str, Any],
    owner: str,
    stacklevel: int,
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
    stacklevel : int
        Frames between the warning and the call of the user.

    Warns
    -----
    UserWarning
        Naming the parameter, its value and what it needs.
    """

    def given(name: str) -> Any:
        return named.get(name, ("", None))[1]

    for condition in conditions:
        for main, default in condition.defaults.items():
            if main not in named or condition.met(given):
                continue
            name, value = named[main]
            if value is None or _same(value, default) or _same(value, defaults.get(main, default)):
                continue
            warnings.warn(
                f"The {name!r} parameter of {owner} has no effect: it needs {condition.remedy}. "
                f"Got {value!r}.",
                UserWarning,
                stacklevel=stacklevel,
            )


def _same(value: Any, default: Any) -> bool:
    return value is default or bool(np.all(value == default))
