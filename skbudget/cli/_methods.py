"""The methods that are compared, by name.

A method is a few functions around an estimator. Another one is another entry of
`METHODS`; nothing else has to know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

if TYPE_CHECKING:
    from numpy.typing import NDArray

from ..boosting._peers import (
    PEER_L2,
    REPEATABLE,
    plain_lightgbm,
    regularised_lightgbm,
    with_trees_of,
)

__all__ = ["BASELINE", "METHODS", "Method", "Task", "find_methods", "split_by_availability"]

Role = Literal["baseline", "peer", "band"]

# What a search over leaves prefers on the contested tops of `make_contested_top`.
FEW_LEAVES = 7


@dataclass(frozen=True)
class Task:
    """What a method is told before it sees data.

    Parameters
    ----------
    budget : float, default=0.005
        Review budget, a fraction in (0, 1].
    n_jobs : int, default=1
        Threads.
    random_state : int, default=0
        Seed of whatever the method draws.
    """

    budget: float = 0.005
    n_jobs: int = 1
    random_state: int = 0


def _fit(model: Any, X: Any, y: NDArray) -> Any:
    return model.fit(X, y)


def _margin(model: Any, X: Any) -> NDArray:
    return model.decision_function(X)


@dataclass(frozen=True)
class Method:
    """Something that can be trained and that ranks rows.

    Parameters
    ----------
    name : str
        Name on the command line.
    label : str
        Name in tables and plots.
    package : str
        Third-party package it needs.
    role : {"baseline", "peer", "band"}
        What it is in a comparison: the model that others are measured against,
        another model that users have already, or a band objective.
    build : callable
        ``build(task)`` returns an unfitted model.
    fit : callable, default=None
        ``fit(model, X, y)`` returns the fitted model; what it takes is timed.
    score : callable, default=None
        ``score(model, X)`` returns an array of shape (n_samples,), greater for
        rows to be reviewed earlier.
    extra : str, default=None
        Extra that installs the package; None if it has its name.
    by_default : bool, default=True
        Whether it runs if no method is named.
    """

    name: str
    label: str
    package: str
    role: Role
    build: Callable[[Task], Any]
    fit: Callable[[Any, Any, NDArray], Any] = _fit
    score: Callable[[Any, Any], NDArray] = _margin
    extra: str | None = None
    by_default: bool = True

    def why_unavailable(self) -> str | None:
        """Return why the package cannot be imported, or None if it can."""
        try:
            import_module(self.package)
        except ModuleNotFoundError:
            return f'needs {self.package}: pip install "skbudget[{self.extra or self.package}]"'
        except Exception as error:  # whatever a broken installation raises
            return f"{self.package} is installed but cannot be imported: {error}"
        return None


def _lightgbm(task: Task) -> Any:
    return plain_lightgbm(task.n_jobs, task.random_state)


def _lightgbm_l2(task: Task) -> Any:
    return regularised_lightgbm(task.n_jobs, task.random_state)


def _lightgbm_l2_small(task: Task) -> Any:
    return _lightgbm_l2(task).set_params(num_leaves=FEW_LEAVES)


def _lightgbm_margin(model: Any, X: Any) -> NDArray:
    # The estimator of LightGBM 4.6 would warn about feature names that there are none of.
    return model.booster_.predict(X, raw_score=True)


def _xgboost_rank(task: Task) -> Any:
    from xgboost import XGBRanker

    from ..boosting import PAUCXGBClassifier

    return with_trees_of(XGBRanker(), PAUCXGBClassifier()).set_params(
        objective="rank:pairwise",
        lambdarank_pair_method="mean",
        lambdarank_num_pair_per_sample=1,
        enable_categorical=True,
        n_jobs=task.n_jobs,
        random_state=task.random_state,
    )


def _fit_as_one_query(model: Any, X: Any, y: NDArray) -> Any:
    return model.fit(X, y, group=[len(y)])


def _predict(model: Any, X: Any) -> NDArray:
    return model.predict(X)


def _pauc_lightgbm(task: Task) -> Any:
    from ..boosting import PAUCLGBMClassifier

    return PAUCLGBMClassifier(
        budget=task.budget,
        calibration_cv=None,
        n_jobs=task.n_jobs,
        random_state=task.random_state,
        **REPEATABLE,
    )


def _pauc_xgboost(task: Task) -> Any:
    from ..boosting import PAUCXGBClassifier

    return PAUCXGBClassifier(
        budget=task.budget,
        calibration_cv=None,
        enable_categorical=True,
        n_jobs=task.n_jobs,
        random_state=task.random_state,
    )


def _pauc_network(task: Task) -> Any:
    from ._network import TabularNetwork

    return TabularNetwork(task.budget, task.random_state, task.n_jobs)


def _pauc_ensemble(task: Task) -> Any:
    from ..ensemble import PAUCEnsembleClassifier

    return PAUCEnsembleClassifier(
        budget=task.budget, n_jobs=task.n_jobs, random_state=task.random_state
    )


_REGISTERED = (
    Method(
        name="lightgbm",
        label="LightGBM",
        package="lightgbm",
        role="baseline",
        build=_lightgbm,
        score=_lightgbm_margin,
    ),
    Method(
        name="lightgbm-l2",
        label=f"LightGBM, L2 {PEER_L2:g}",
        package="lightgbm",
        role="peer",
        build=_lightgbm_l2,
        score=_lightgbm_margin,
    ),
    Method(
        name="lightgbm-l2-small",
        label=f"LightGBM, L2 {PEER_L2:g}, {FEW_LEAVES} leaves",
        package="lightgbm",
        role="peer",
        build=_lightgbm_l2_small,
        score=_lightgbm_margin,
        by_default=False,
    ),
    Method(
        name="xgboost-rank",
        label="XGBoost ranker",
        package="xgboost",
        role="peer",
        build=_xgboost_rank,
        fit=_fit_as_one_query,
        score=_predict,
    ),
    Method(
        name="pauc-lightgbm",
        label="PAUCLGBMClassifier",
        package="lightgbm",
        role="band",
        build=_pauc_lightgbm,
    ),
    Method(
        name="pauc-xgboost",
        label="PAUCXGBClassifier",
        package="xgboost",
        role="band",
        build=_pauc_xgboost,
    ),
    Method(
        name="pauc-network",
        label="PAUCClassifier",
        package="skorch",
        role="band",
        build=_pauc_network,
        extra="neural",
        by_default=False,
    ),
    Method(
        name="pauc-ensemble",
        label="PAUCEnsembleClassifier",
        package="skorch",
        role="band",
        build=_pauc_ensemble,
        extra="neural",
        by_default=False,
    ),
)

METHODS: dict[str, Method] = {method.name: method for method in _REGISTERED}
"""Every method by its name, in the order of the tables."""

BASELINE = "lightgbm"


def find_methods(names: Iterable[str | Method] | None = None) -> list[Method]:
    """Return methods by name, each once; None for those that run by default."""
    if names is None:
        return [method for method in METHODS.values() if method.by_default]
    found: dict[str, Method] = {}
    for name in names:
        if isinstance(name, Method):
            found[name.name] = name
        elif name in METHODS:
            found[name] = METHODS[name]
        else:
            raise ValueError(f"Unknown method {name!r}: it should be one of {', '.join(METHODS)}.")
    return list(found.values())


class _Offered(Protocol):
    """What may need a package that is not installed."""

    @property
    def label(self) -> str:
        """Name in tables."""

    def why_unavailable(self) -> str | None:
        """Return why it cannot run here, or None if it can."""


_Any = TypeVar("_Any", bound=_Offered)


def split_by_availability(
    methods: Iterable[_Any], noun: str = "methods"
) -> tuple[list[_Any], dict[str, str]]:
    """Return the methods that can run, and by label why the others cannot.

    ``noun`` is what the message calls them.

    Raises
    ------
    ImportError
        If none of them can.
    """
    able, skipped = [], {}
    for method in methods:
        reason = method.why_unavailable()
        if reason is None:
            able.append(method)
        else:
            skipped[method.label] = reason
    if not able:
        reasons = sorted(set(skipped.values()))
        raise ImportError(f"None of the {noun} can run: {'; '.join(reasons)}")
    return able, skipped
