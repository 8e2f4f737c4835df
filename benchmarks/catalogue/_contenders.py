"""What the table of losses compares: every loss of two labels by its name, and tuned peers.

A loss that is dropped into the package is compared without a change here. Whatever is trained on
trees shares one space, the penalty and the number of leaves, and networks share the weight decay.
Peers are tuned in the weight of the positives besides. The other parameters of a loss are its
defaults; one that is set by a budget is trained for each.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.promises._contenders import WHICH
from benchmarks.study import CONTENDERS, Contender, Setting
from benchmarks.study._contender import Fitted
from benchmarks.study._spaces import Choice, Range, Space, draw_space
from benchmarks.study._tree_losses import coverage_lambda
from benchmarks.study._trees import _fit_lambdarank, _fit_lightgbm, n_trees
from skbudget.objectives._registry import loss_classes

__all__ = ["BOOSTER", "NETWORK", "PEERS", "contenders", "torch_only"]

N_TREES, LEARNING_RATE, EPOCHS, NETWORK_RATE = 80, 0.08, 12, 6e-3
LEAST_BATCH, STEPS_PER_EPOCH = 512, 15
BOOSTER, NETWORK = "lightgbm", "network"
# Columns that a classifier makes by itself.
GIVEN_BY_THE_CLASSIFIER = frozenset({"row_id"})

# Forms pairs, of lists of so many rows at most. The rows of a table are split at random.
MOST_ROWS = {"lambda_rank": 10_000}

_TREES: Space = {"reg_lambda": Range(0.1, 100.0), "num_leaves": Range(7, 63)}
_TREES_START = {"reg_lambda": 5.0, "num_leaves": 31}
_DECAY: Space = {"decay": Choice((1.0, 0.1))}
_WEIGHT: Space = {"weight_power": Choice((0.0, 0.5, 1.0))}

Parameters = Mapping[str, Any]


# --- every loss by its name -----------------------------------------------------------------


def _fit_booster(
    name: str, parameters: Parameters, X: NDArray, y: NDArray, setting: Setting
) -> Fitted:
    from skbudget.boosting import PAUCLGBMClassifier
    from skbudget.boosting._peers import REPEATABLE

    settings: dict[str, Any] = {**parameters, **REPEATABLE}
    if setting.budget is not None:
        settings["budget"] = setting.budget
    model = PAUCLGBMClassifier(
        objective=name,
        n_estimators=n_trees(N_TREES, setting),
        learning_rate=LEARNING_RATE,
        selection_cv=None,
        calibration_cv=None,
        random_state=setting.random_state,
        n_jobs=1,
        **settings,
    )
    return model.fit(X, y, **_queries(name, y.size, setting.random_state)).decision_function


def _queries(name: str, n_rows: int, random_state: int) -> dict[str, Any]:
    """Return the column that splits a table into lists, where a loss takes no whole table."""
    n_queries = -(-n_rows // MOST_ROWS.get(name, n_rows))
    if n_queries == 1:
        return {}
    return {"group": np.random.RandomState(random_state).permutation(n_rows) % n_queries}


def _fit_network(
    settings: Mapping[str, Any], parameters: Parameters, X: NDArray, y: NDArray, setting: Setting
) -> Fitted:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from skbudget import PAUCClassifier
    from skbudget.cli._threads import torch_threads
    from skbudget.neural.training._settings import settings_of

    more: dict[str, Any] = dict(settings)
    if setting.budget is not None:
        more["budget"] = setting.budget
    if "weight_power" in parameters:
        ratio = np.count_nonzero(y == 0) / np.count_nonzero(y == 1)
        more["class_weight"] = {0: 1.0, 1: float(ratio ** parameters["weight_power"])}
    network = PAUCClassifier(
        n_members=1,
        batch_size=max(LEAST_BATCH, y.size // STEPS_PER_EPOCH),
        max_epochs=max(1, round(setting.effort * EPOCHS)),
        lr=NETWORK_RATE,
        calibration_cv=None,
        random_state=setting.random_state,
        device="cpu",
        **more,
    )
    network.set_params(
        weight_decay=settings_of(network).weight_decay * parameters["decay"],
        input_decay=settings_of(network).input_decay * parameters["decay"],
    )
    model = make_pipeline(StandardScaler(), network)
    with torch_threads(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of few positives
        model.fit(X, y)

    def score(rows: NDArray) -> NDArray:
        with torch_threads(1):
            return np.asarray(model.decision_function(rows))

    return score


def torch_only() -> dict[str, type[Any]]:
    """Return the torch losses of two labels that are no twin of a loss in NumPy.

    Returns
    -------
    classes : dict of str to type
    """
    from skbudget.neural.training._criterion import torch_losses

    twins = set()
    for cls in loss_classes().values():
        for loss, _ in cls.examples():
            twins.add(type(loss.torch_loss()))
            break
    return {
        name: cls
        for name, cls in torch_losses().items()
        if name not in loss_classes()
        and not cls.__name__.startswith("_")
        and cls not in twins
        and getattr(cls, "target", "binary") == "binary"
        and not _asks_for_more(cls)
    }


def _asks_for_more(cls: type[Any]) -> bool:
    """Return whether a class has parameters without a default."""
    return any(
        one.default is one.empty and one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
        for one in inspect.signature(cls).parameters.values()
    )


def _set_by_a_budget(cls: type[Any]) -> bool:
    names = set(inspect.signature(cls).parameters)
    return "budget" in names or {"alpha", "beta"} <= names


def _loss_contenders() -> list[Contender]:
    found = []
    classes: dict[str, type[Any]] = {
        name: cls
        for name, cls in loss_classes().items()
        if cls.target == "binary"
        and cls.needs <= GIVEN_BY_THE_CLASSIFIER
        and not _asks_for_more(cls)
    }
    for name, cls in classes.items():
        if cls.networks_only:
            continue
        found.append(
            Contender(
                name=f"{BOOSTER}:{name}",
                label=f"`{name}`",
                role="ours",
                family="trees",
                package="lightgbm",
                fit=partial(_fit_booster, name),
                suggest=partial(draw_space, _TREES),
                start=_TREES_START,
                per_budget=_set_by_a_budget(cls),
            )
        )
    for name, cls in sorted({**classes, **torch_only()}.items()):
        found.append(
            Contender(
                name=f"{NETWORK}:{name}",
                label=f"`{name}`",
                role="ours",
                family="network",
                package="torch",
                fit=partial(_fit_network, {"loss": name}),
                suggest=partial(draw_space, _DECAY),
                start={"decay": 1.0},
                per_budget=_set_by_a_budget(cls),
            )
        )
    return found


# --- peers ----------------------------------------------------------------------------------


def _fixed_trees(fit: Any, parameters: Parameters, *rest: Any) -> Fitted:
    fixed = {
        "n_estimators": N_TREES,
        "learning_rate": LEARNING_RATE,
        "min_child_samples": 20,
        "colsample_bytree": 1.0,
        "subsample": 1.0,
    }
    return fit({**fixed, **parameters}, *rest)


def _tree_peer(name: str, label: str, fit: Any, of_loss: Space, start: Parameters) -> Contender:
    return Contender(
        name=name,
        label=label,
        role="peer",
        family="trees",
        package="lightgbm",
        fit=partial(_fixed_trees, fit),
        suggest=partial(draw_space, {**_TREES, **of_loss}),
        start={**_TREES_START, **start},
    )


_LAMBDARANK: Space = {
    "query_rows": Choice((1000, 10_000)),
    "truncated_at": Range(0.003, 0.1),
    "lambdarank_norm": Choice((False, True)),
}

PEERS: tuple[Contender, ...] = (
    *(WHICH[name] for name in ("logistic", "lightgbm", "lightgbm-weight", "xgboost-weight")),
    _tree_peer(
        "lightgbm-lambdarank",
        CONTENDERS["lightgbm-lambdarank"].label,
        _fit_lambdarank,
        _LAMBDARANK,
        {"query_rows": 1000, "truncated_at": 0.015, "lambdarank_norm": False},
    ),
    _tree_peer(
        "lightgbm-coverage-lambda",
        CONTENDERS["lightgbm-coverage-lambda"].label,
        partial(_fit_lightgbm, coverage_lambda),
        {"cut": Range(0.002, 0.5), "cut_reverse": Choice((False, True))},
        {"cut": 0.015, "cut_reverse": False},
    ),
    Contender(
        name="network-bce",
        label="network, class weight tuned",
        role="peer",
        family="network",
        package="torch",
        fit=partial(_fit_network, {"loss": "binary_cross_entropy"}),
        suggest=partial(draw_space, {**_DECAY, **_WEIGHT}),
        start={"decay": 1.0, "weight_power": 0.0},
    ),
)
"""What users have without this package, tuned."""


@lru_cache(maxsize=1)
def contenders() -> dict[str, Contender]:
    """Return the peers and every loss, by name.

    Returns
    -------
    contenders : dict of str to Contender
    """
    return {one.name: one for one in (*PEERS, *_loss_contenders())}
