"""What parameters and columns of the classifier may be."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._utils.codes import code_labels
from .._utils.conditions import Condition, is_one_of, warn_without_effect
from .._utils.seeds import check_random_state
from .._utils.splits import is_splitter
from .._utils.validation import (
    _invalid,
    check_budget,
    check_fraction,
    check_jobs,
    check_option,
    check_positive,
)
from ._candidates import has_optuna
from ._goal import GOALS
from ._models import is_network, refuse_unfit
from ._parameters import KINDS

__all__ = [
    "check_params",
    "check_segments",
    "kinds_of",
    "kinds_with",
    "resolved_search",
    "warn_of_idle_parameters",
]

SEARCHES = ("auto", "gradient", "random", "optuna")


def check_params(estimator: Any) -> None:
    """Raise if a parameter of the classifier is out of range."""
    owner = type(estimator).__name__
    check_option(estimator.objective, "objective", GOALS, owner)
    check_budget(estimator.budget, owner)
    check_option(estimator.search, "search", SEARCHES, owner)
    check_positive(
        estimator.n_candidates, "n_candidates", owner, integer=True, minimum=1, maximum=1_000_000
    )
    if isinstance(estimator.cv, Integral) and not isinstance(estimator.cv, bool | np.bool_):
        check_positive(estimator.cv, "cv", owner, integer=True, minimum=2)
    elif not is_splitter(estimator.cv):
        raise _invalid(
            "cv", estimator.cv, owner, "an int of at least 2, a splitter or an iterable of splits"
        )
    check_positive(estimator.n_repeats, "n_repeats", owner, integer=True, minimum=1, maximum=10_000)
    check_positive(estimator.min_gain, "min_gain", owner, minimum=0)
    share = check_fraction(estimator.validation_fraction, "validation_fraction", owner)
    if share > 0.5:
        raise _invalid("validation_fraction", share, owner, "a float in the range (0.0, 0.5]")
    if check_positive(estimator.warmup, "warmup", owner, minimum=0, maximum=1) == 1.0:
        raise _invalid("warmup", estimator.warmup, owner, "a float in the range [0.0, 1.0)")
    check_positive(
        estimator.update_every, "update_every", owner, integer=True, minimum=1, maximum=1_000_000
    )
    check_positive(estimator.update_lr, "update_lr", owner, maximum=10, minimum=0)
    check_positive(estimator.n_terms, "n_terms", owner, integer=True, minimum=0, maximum=10_000)
    check_jobs(estimator.n_jobs, owner)
    check_random_state(estimator.random_state)
    kinds_of(estimator)
    refuse_unfit(estimator.estimator, owner, calibrated_for=estimator.objective)


def kinds_of(estimator: Any) -> tuple[str, ...]:
    """Return the kinds of augmentation, in a fixed order."""
    given: Any = estimator.augment
    if isinstance(given, bool | np.bool_):
        return KINDS if given else ()
    named = [given] if isinstance(given, str) else given
    if isinstance(named, list | tuple | set | frozenset):
        named = list(named)
        if all(isinstance(one, str) and one in KINDS for one in named):
            return tuple(kind for kind in KINDS if kind in named)
    raise _invalid(
        "augment", given, type(estimator).__name__, f"a bool, or some of {', '.join(KINDS)}"
    )


def kinds_with(estimator: Any, search: str) -> tuple[str, ...]:
    """Return the kinds of augmentation, which need a search by gradients."""
    kinds = kinds_of(estimator)
    if kinds and search != "gradient":
        raise ValueError(
            f"augment of {type(estimator).__name__} has no effect with search={search!r}: "
            "strengths are tuned by gradients, of networks. Leave augment out."
        )
    return kinds


def resolved_search(estimator: Any, model: Any) -> str:
    """Return the search of a model, one that can be done."""
    owner, search = type(estimator).__name__, str(estimator.search)
    if search == "auto":
        return "gradient" if is_network(model) else "random"
    if search == "gradient" and not is_network(model):
        raise ValueError(
            f"search='gradient' of {owner} needs a network, and the estimator is "
            f"{estimator.estimator!r}. Pass search='random', or a PAUCClassifier."
        )
    if search == "optuna" and not has_optuna():
        raise ImportError(
            f"search='optuna' of {owner} needs optuna, which is not installed: pip install "
            "optuna, or pass search='random'."
        )
    return search


_CONDITIONS = (
    Condition(
        {"warmup": 0.5, "update_every": 5, "update_lr": 0.1, "n_terms": 10},
        is_one_of("search", "gradient"),
        "search='gradient'",
    ),
    Condition({"validation_fraction": 0.25}, is_one_of("search", "gradient"), "search='gradient'"),
    Condition(
        {"n_candidates": 10},
        is_one_of("search", "random", "optuna"),
        "search='random' or 'optuna'",
    ),
)


def warn_of_idle_parameters(estimator: Any, search: str) -> None:
    """Warn of parameters that the search of a model does not read."""
    params = {**estimator.get_params(deep=False), "search": search}
    named = {name: (name, value) for name, value in params.items()}
    warn_without_effect(_CONDITIONS, named, {}, type(estimator).__name__)


def check_segments(
    segment: ArrayLike | None, n_samples: int, objective: str, owner: str
) -> tuple[NDArray[Any] | None, NDArray[np.intp] | None]:
    """Return the labels of the segments, sorted, and the number of each row's segment."""
    if (segment is None) != (objective != "worst_group"):
        raise ValueError(
            f"objective='worst_group' of {owner} needs segment, the label of each row's "
            "segment: pass fit(X, y, segment=...)."
            if segment is None
            else f"segment of {owner} has no effect with objective={objective!r}. Pass "
            "objective='worst_group', or leave segment out."
        )
    if segment is None:
        return None, None
    return code_labels(segment, "segment", n_samples)
