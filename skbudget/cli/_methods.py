"""The methods of the comparison, by name.

A method is a few functions around an estimator. A new method needs one more entry in
`METHODS` and no other change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from .._utils.entries import entries_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["BASELINE", "METHODS", "Method", "Task", "find_methods", "split_by_availability"]

Role = Literal["baseline", "peer", "band"]
ROLES = ("baseline", "peer", "band")

# A search over the number of leaves chooses this on the tables of `make_contested_top`.
FEW_LEAVES = 7
# The peers' L2 penalty as their labels show it. The penalty itself is that of the peers'
# module, which is imported when a method is built, because ``--help`` lists the methods.
L2_LABEL = "L2 5"


@dataclass(frozen=True)
class Task:
    """The settings that a method gets before it sees data.

    Parameters
    ----------
    budget : float, default=0.005
        Review budget, a fraction in (0, 1].
    n_jobs : int, default=1
        Number of threads.
    random_state : int, default=0
        Seed of the random numbers that the method draws.

    Raises
    ------
    ValueError
        If a setting is out of its range.
    """

    budget: float = 0.005
    n_jobs: int = 1
    random_state: int = 0

    def __post_init__(self) -> None:
        # scikit-learn is imported with it, and ``--help`` needs neither.
        from .._utils.validation import check_budget, check_positive

        check_budget(self.budget, "Task")
        check_positive(self.n_jobs, "n_jobs", "Task", integer=True, minimum=1)
        check_positive(self.random_state, "random_state", "Task", integer=True, minimum=0)


def _wrong(field: str, allowed: str, value: Any) -> str:
    return f"The {field!r} parameter of Method must be {allowed}. Got {value!r} instead."


def _fit(model: Any, X: Any, y: NDArray) -> Any:
    return model.fit(X, y)


def _margin(model: Any, X: Any) -> NDArray:
    return model.decision_function(X)


@dataclass(frozen=True)
class Method:
    """A way to train a model that ranks rows.

    Parameters
    ----------
    name : str
        Name on the command line.
    label : str
        Name in tables and plots.
    package : str
        Third-party package that it needs.
    role : {"baseline", "peer", "band"}
        Role in a comparison: the model that others are measured against, another model
        that users already have, or a model with a band objective.
    build : callable
        ``build(task)`` returns an unfitted model.
    fit : callable, default=None
        ``fit(model, X, y)`` returns the fitted model. This call is timed.
    score : callable, default=None
        ``score(model, X)`` returns an array of shape (n_samples,). Rows with a greater
        score are reviewed earlier.
    extra : str, default=None
        Extra that installs the package. None if the extra has the name of the package.
    by_default : bool, default=True
        Whether the method runs if no method is named.

    Raises
    ------
    ValueError
        If a name is no text, the role is unknown, or a function cannot be called.
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

    def __post_init__(self) -> None:
        for field in ("name", "label", "package"):
            text = getattr(self, field)
            if not isinstance(text, str) or not text:
                raise ValueError(_wrong(field, "a string that is not empty", text))
        if self.extra is not None and not isinstance(self.extra, str):
            raise ValueError(_wrong("extra", "a string or None", self.extra))
        if not isinstance(self.role, str) or self.role not in ROLES:
            raise ValueError(_wrong("role", f"one of {', '.join(map(repr, ROLES))}", self.role))
        for field in ("build", "fit", "score"):
            if not callable(getattr(self, field)):
                raise ValueError(_wrong(field, "a function", getattr(self, field)))
        # NumPy's booleans are called so too, and it is not imported for the question.
        if type(self.by_default).__name__ not in ("bool", "bool_"):
            raise ValueError(_wrong("by_default", "True or False", self.by_default))

    def why_unavailable(self) -> str | None:
        """Return why the package cannot be imported, or None if it can."""
        try:
            import_module(self.package)
        except ModuleNotFoundError:
            return f'needs {self.package}: pip install "skbudget[{self.extra or self.package}]"'
        except Exception as error:  # a broken installation may raise anything
            return f"{self.package} is installed but cannot be imported: {error}"
        return None


def _lightgbm(task: Task) -> Any:
    from ..boosting._peers import plain_lightgbm

    return plain_lightgbm(task.n_jobs, task.random_state)


def _lightgbm_l2(task: Task) -> Any:
    from ..boosting._peers import regularised_lightgbm

    return regularised_lightgbm(task.n_jobs, task.random_state)


def _lightgbm_l2_small(task: Task) -> Any:
    return _lightgbm_l2(task).set_params(num_leaves=FEW_LEAVES)


def _lightgbm_margin(model: Any, X: Any) -> NDArray:
    # The estimator of LightGBM 4.6 would warn about missing feature names.
    return model.booster_.predict(X, raw_score=True)


def _xgboost_rank(task: Task) -> Any:
    from xgboost import XGBRanker

    from ..boosting import PAUCXGBClassifier
    from ..boosting._peers import with_trees_of

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
    from ..boosting._peers import REPEATABLE

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
        label=f"LightGBM, {L2_LABEL}",
        package="lightgbm",
        role="peer",
        build=_lightgbm_l2,
        score=_lightgbm_margin,
    ),
    Method(
        name="lightgbm-l2-small",
        label=f"LightGBM, {L2_LABEL}, {FEW_LEAVES} leaves",
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
"""All methods by name, in the order of the tables."""

BASELINE = "lightgbm"


def find_methods(names: Iterable[str | Method] | None = None) -> list[Method]:
    """Return the methods with these names, each once. None stands for the default methods."""
    if names is None:
        return [method for method in METHODS.values() if method.by_default]
    listed = entries_of(names)
    if listed is None:
        raise ValueError(f"methods must be several methods or names of methods: got {names!r}.")
    found: dict[str, Method] = {}
    for name in listed:
        if isinstance(name, Method):
            found[name.name] = name
        elif isinstance(name, str) and name in METHODS:
            found[name] = METHODS[name]
        else:
            raise ValueError(
                f"Unknown method {name!r}: it should be one of {', '.join(METHODS)}. So should all "
                "of methods."
            )
    return list(found.values())


class _Offered(Protocol):
    """Something that may need a package that is not installed."""

    @property
    def label(self) -> str:
        """Name in tables."""

    def why_unavailable(self) -> str | None:
        """Return why it cannot run here, or None if it can."""


_Any = TypeVar("_Any", bound=_Offered)


def split_by_availability(
    methods: Iterable[_Any], noun: str = "methods"
) -> tuple[list[_Any], dict[str, str]]:
    """Return the methods that can run, and the reasons why the others cannot, by label.

    ``noun`` is the word for the methods in the error message.

    Raises
    ------
    ImportError
        If none of them can run.
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
