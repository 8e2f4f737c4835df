"""What is compared by four promises: every method of the package, and its peers.

Each has the same number of trials over a space of its own, and all trees share theirs: the
penalty and the number of leaves. Peers are tuned in the weight of the positives, too.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.study import Contender, Setting
from benchmarks.study._contender import Fitted
from benchmarks.study._spaces import Choice, Range, Space, draw_space
from benchmarks.study._tree_losses import BoosterLoss, best_constant
from benchmarks.study._trees import _fit_lightgbm, n_trees
from skbudget import objectives
from skbudget.boosting import BoosterObjective

from ._promises import BUDGET

__all__ = ["WHICH"]

N_TREES, LEARNING_RATE = 150, 0.06
EPOCHS, NETWORK_RATE = 30, 6e-3
LEAST_BATCH, STEPS_PER_EPOCH = 512, 15

_TREES: Space = {"reg_lambda": Range(0.1, 100.0), "num_leaves": Range(7, 63)}
_TREES_START = {"reg_lambda": 5.0, "num_leaves": 31}
_WEIGHT: Space = {"weight_power": Range(0.0, 1.0, log=False)}
_NO_WEIGHT = {"weight_power": 0.0}
_DECAY: Space = {"decay": Range(0.03, 3.0)}
_NO_DECAY = {"decay": 1.0}


def _ratio(y: NDArray) -> float:
    return float(np.count_nonzero(y == 0) / np.count_nonzero(y == 1))


# --- trees ------------------------------------------------------------------------------

Parameters = Mapping[str, Any]
MakeLoss = Callable[[Parameters, NDArray], Any]
"""Returns a loss of the package for the parameters of a trial and the labels."""


def _trees(
    find_loss: Callable[[Parameters, NDArray], BoosterLoss],
    parameters: Parameters,
    X: NDArray,
    y: NDArray,
    setting: Setting,
) -> Fitted:
    fixed = {
        "n_estimators": N_TREES,
        "learning_rate": LEARNING_RATE,
        "min_child_samples": 20,
        "colsample_bytree": 1.0,
        "subsample": 1.0,
    }
    return _fit_lightgbm(find_loss, {**fixed, **parameters}, X, y, setting)


def _binary(parameters: Parameters, y: NDArray) -> BoosterLoss:
    weight = _ratio(y) ** parameters.get("weight_power", 0.0)
    return BoosterLoss({"objective": "binary", "scale_pos_weight": weight})


def _ours(
    make: MakeLoss, starts_as: MakeLoss | None, parameters: Parameters, y: NDArray
) -> BoosterLoss:
    # With a custom objective LightGBM fails if its filter removes all features.
    settings = {
        "objective": BoosterObjective(make(parameters, y)),
        "feature_pre_filter": False,
    }
    start = 0.0 if starts_as is None else best_constant(starts_as(parameters, y), y)
    return BoosterLoss(settings, start)


def _weighted(parameters: Parameters, y: NDArray) -> Any:
    return objectives.BinaryCrossEntropy(_ratio(y) ** parameters["weight_power"])


def _pauc(parameters: Parameters, y: NDArray) -> Any:
    return objectives.PairwisePAUC(
        beta=min(1.0, parameters["band"] * BUDGET), link="logistic", temperature=1.0, tau_scale=None
    )


def _whole_auc(parameters: Parameters, y: NDArray) -> Any:
    return objectives.PairwisePAUC(beta=1.0, link="logistic", temperature=1.0, tau_scale=None)


def _recall_pauc(parameters: Parameters, y: NDArray) -> Any:
    return objectives.RecallPAUC(min_tpr=parameters["min_tpr"])


def _critical(side: Any, parameters: Parameters, y: NDArray) -> Any:
    return objectives.CriticalRank(side=side, power=parameters["power"])


def _hard_negatives(parameters: Parameters, y: NDArray) -> Any:
    return objectives.HardNegativeCrossEntropy(
        _ratio(y) ** parameters["weight_power"],
        top_fraction=parameters["mined_fraction"],
        factor=parameters["mined_factor"],
    )


def _focal(parameters: Parameters, y: NDArray) -> Any:
    return objectives.FocalLoss(gamma=parameters["gamma"], alpha=parameters["alpha"])


def _vector_scaling(parameters: Parameters, y: NDArray) -> Any:
    n_pos = int((y == 1).sum())
    scaled = objectives.VectorScalingCrossEntropy.from_counts(
        n_pos, y.size - n_pos, gamma=parameters["gamma"], tau=parameters["tau"]
    )
    return scaled.replace(pos_weight=_ratio(y) ** parameters["weight_power"])


def _significance(parameters: Parameters, y: NDArray) -> Any:
    return objectives.LovaszSignificance(regularizer=parameters["regularizer"])


def _estimator(parameters: Parameters, X: NDArray, y: NDArray, setting: Setting) -> Fitted:
    from skbudget.boosting import PAUCLGBMClassifier
    from skbudget.boosting._peers import REPEATABLE

    model = PAUCLGBMClassifier(
        budget=BUDGET,
        calibration_cv=None,
        random_state=setting.random_state,
        n_jobs=setting.n_jobs,
        **REPEATABLE,
    )
    model.set_params(n_estimators=n_trees(model.n_estimators, setting))
    return model.fit(X, y).decision_function


def _xgboost(parameters: Parameters, X: NDArray, y: NDArray, setting: Setting) -> Fitted:
    import xgboost as xgb

    booster = xgb.train(
        {
            "objective": "binary:logistic",
            "scale_pos_weight": _ratio(y) ** parameters["weight_power"],
            "reg_lambda": parameters["reg_lambda"],
            "max_leaves": parameters["num_leaves"],
            "max_depth": 0,
            "learning_rate": LEARNING_RATE,
            "tree_method": "hist",
            "grow_policy": "lossguide",
            "nthread": setting.n_jobs,
            "seed": setting.random_state,
        },
        xgb.QuantileDMatrix(X, y, nthread=setting.n_jobs),
        num_boost_round=n_trees(N_TREES, setting),
    )
    return partial(booster.inplace_predict, predict_type="margin")


# --- linear models and networks -----------------------------------------------------------


def _logistic(parameters: Parameters, X: NDArray, y: NDArray, setting: Setting) -> Fitted:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(
        StandardScaler(),
        LogisticRegression(
            C=parameters["C"],
            class_weight={0: 1.0, 1: _ratio(y) ** parameters["weight_power"]},
            max_iter=1000,
        ),
    )
    return model.fit(X, y).decision_function


def _network(
    make: Callable[[Parameters, NDArray], dict[str, Any]],
    parameters: Parameters,
    X: NDArray,
    y: NDArray,
    setting: Setting,
) -> Fitted:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from skbudget import PAUCClassifier
    from skbudget.cli._threads import torch_threads
    from skbudget.neural.training._settings import settings_of

    network = PAUCClassifier(
        n_members=1,
        batch_size=max(LEAST_BATCH, y.size // STEPS_PER_EPOCH),
        max_epochs=max(1, round(setting.effort * EPOCHS)),
        lr=NETWORK_RATE,
        calibration_cv=None,
        random_state=setting.random_state,
        device="cpu",
        **make(parameters, y),
    )
    network.set_params(
        weight_decay=settings_of(network).weight_decay * parameters["decay"],
        input_decay=settings_of(network).input_decay * parameters["decay"],
    )
    model = make_pipeline(StandardScaler(), network)
    with torch_threads(setting.n_jobs), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of few positives
        model.fit(X, y)

    def score(rows: NDArray) -> NDArray:
        with torch_threads(setting.n_jobs):
            return np.asarray(model.decision_function(rows))

    return score


def _class_weight(parameters: Parameters, y: NDArray) -> dict[str, Any]:
    return {"class_weight": {0: 1.0, 1: _ratio(y) ** parameters["weight_power"]}}


def _network_bce(parameters: Parameters, y: NDArray) -> dict[str, Any]:
    return {"loss": objectives.BinaryCrossEntropy(), **_class_weight(parameters, y)}


def _network_pauc(parameters: Parameters, y: NDArray) -> dict[str, Any]:
    return {"budget": BUDGET, "alpha": 0.0, "beta": min(1.0, parameters["band"] * BUDGET)}


def _network_rank_reg(parameters: Parameters, y: NDArray) -> dict[str, Any]:
    return {
        **_network_bce(parameters, y),
        "regularizer": objectives.RankReg(),
        "regularizer_weight": parameters["strength"],
        # It is there from the first step on.
        "warmup": 0.0,
        "blend": 0.0,
    }


# --- the list -----------------------------------------------------------------------------

_BAND: Space = {"band": Range(1.0, 20.0)}


def _tree_peer(name: str, label: str, space: Space, start: Parameters) -> Contender:
    return Contender(
        name=name,
        label=label,
        role="peer",
        family="trees",
        package="lightgbm",
        fit=partial(_trees, _binary),
        suggest=partial(draw_space, {**_TREES, **space}),
        start={**_TREES_START, **start},
    )


def _tree(
    name: str,
    label: str,
    make: MakeLoss,
    space: Space,
    start: Parameters,
    *,
    starts_as: MakeLoss | None = None,
) -> Contender:
    return Contender(
        name=name,
        label=f"LightGBM, {label}",
        role="ours",
        family="trees",
        package="lightgbm",
        fit=partial(_trees, partial(_ours, make, starts_as)),
        suggest=partial(draw_space, {**_TREES, **space}),
        start={**_TREES_START, **start},
    )


def _net(name: str, label: str, role: Any, make: Any, space: Space, start: Parameters) -> Contender:
    return Contender(
        name=name,
        label=f"network, {label}",
        role=role,
        family="network",
        package="torch",
        fit=partial(_network, make),
        suggest=partial(draw_space, {**_DECAY, **space}),
        start={**_NO_DECAY, **start},
    )


_ALL = (
    Contender(
        name="logistic",
        label="logistic regression",
        role="peer",
        family="both",
        package="sklearn",
        fit=_logistic,
        suggest=partial(draw_space, {"C": Range(1e-3, 100.0), **_WEIGHT}),
        start={"C": 1.0, **_NO_WEIGHT},
    ),
    _tree_peer("lightgbm", "LightGBM, penalty tuned", {}, {}),
    _tree_peer("lightgbm-weight", "LightGBM, penalty and class weight tuned", _WEIGHT, _NO_WEIGHT),
    Contender(
        name="xgboost-weight",
        label="XGBoost, penalty and class weight tuned",
        role="peer",
        family="trees",
        package="xgboost",
        fit=_xgboost,
        suggest=partial(draw_space, {**_TREES, **_WEIGHT}),
        start={**_TREES_START, **_NO_WEIGHT},
    ),
    _net("network-bce", "class weight tuned", "peer", _network_bce, _WEIGHT, _NO_WEIGHT),
    Contender(
        name="pauc-lightgbm",
        label="PAUCLGBMClassifier, untuned",
        role="ours",
        family="trees",
        package="lightgbm",
        fit=_estimator,
    ),
    _tree("pauc", "partial AUC", _pauc, _BAND, {"band": 3.0}),
    _tree("whole-auc", "whole AUC", _whole_auc, {}, {}),
    _tree(
        "recall-pauc",
        "partial AUC above a recall",
        _recall_pauc,
        {"min_tpr": Choice((0.0, 0.5, 0.8))},
        {"min_tpr": 0.5},
    ),
    _tree(
        "critical-rank",
        "CriticalRank of positives",
        partial(_critical, "positives"),
        {"power": Range(1.5, 8.0)},
        {"power": 2.0},
    ),
    _tree(
        "p-norm-push",
        "CriticalRank of negatives (P-norm push)",
        partial(_critical, "negatives"),
        {"power": Range(1.5, 8.0)},
        {"power": 2.0},
    ),
    _tree(
        "hard-negatives",
        "hard negatives",
        _hard_negatives,
        {"mined_fraction": Range(0.002, 0.5), "mined_factor": Range(2.0, 100.0), **_WEIGHT},
        {"mined_fraction": 0.02, "mined_factor": 10.0, **_NO_WEIGHT},
        starts_as=_weighted,
    ),
    _tree(
        "focal",
        "focal loss",
        _focal,
        {"gamma": Range(0.5, 4.0, log=False), "alpha": Range(0.05, 0.95, log=False)},
        {"gamma": 2.0, "alpha": 0.25},
        starts_as=_focal,
    ),
    _tree(
        "vector-scaling",
        "vector scaling",
        _vector_scaling,
        {"gamma": Range(0.0, 0.3, log=False), "tau": Range(0.0, 1.5, log=False), **_WEIGHT},
        {"gamma": 0.1, "tau": 1.0, **_NO_WEIGHT},
        starts_as=_vector_scaling,
    ),
    _tree(
        "significance",
        "significance",
        _significance,
        {"regularizer": Range(0.005, 0.5)},
        {"regularizer": 0.005},
    ),
    _net("network-pauc", "partial AUC", "ours", _network_pauc, _BAND, {"band": 1.0}),
    _net(
        "network-rank-reg",
        "RankReg on a tuned class weight",
        "ours",
        _network_rank_reg,
        {"strength": Range(0.1, 10.0), **_WEIGHT},
        {"strength": 1.0, **_NO_WEIGHT},
    ),
)

WHICH: dict[str, Contender] = {contender.name: contender for contender in _ALL}
"""All contenders by name."""
