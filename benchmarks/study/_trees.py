"""The tree ensembles of the study: those that users already have, and ours.

Each contender has a table with the ranges of its parameters. Every range holds the default
of the library, unless a comment says otherwise. So the first trial is the untuned model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skbudget.boosting._peers import REPEATABLE

from ._contender import Contender, Fitted, Setting
from ._spaces import Choice, Parameters, Range, Space, draw_by, draw_space
from ._tree_losses import (
    FindLoss,
    binary,
    coverage_lambda,
    focal,
    hard_negatives,
    weighted,
)

__all__ = ["OUR_TREES", "TREES", "n_trees"]

FEWEST_TREES = 10


# --- ranges -----------------------------------------------------------------------

_TREES = Range(50, 400)
_LEARNING_RATE = Range(0.02, 0.3)
_LEAVES = Range(7, 127)
_L2 = Range(0.01, 100.0)
_LEAF_ROWS = Range(5, 200)
_COLUMNS = Range(0.4, 1.0, log=False)
_ROWS = Range(0.5, 1.0, log=False)

# LightGBM and scikit-learn have no penalty by default. On a logarithmic scale the lower end
# is the closest value.
_NO_L2 = _L2.low


def n_trees(wanted: int, setting: Setting) -> int:
    """Return the setting's share of a number of trees."""
    return max(FEWEST_TREES, round(setting.effort * wanted))


# --- LightGBM ---------------------------------------------------------------------

_LIGHTGBM_TREES: Space = {
    "n_estimators": _TREES,
    "learning_rate": _LEARNING_RATE,
    "num_leaves": _LEAVES,
    "reg_lambda": _L2,
    "min_child_samples": _LEAF_ROWS,
    "colsample_bytree": _COLUMNS,
}
_LIGHTGBM: Space = {**_LIGHTGBM_TREES, "subsample": _ROWS}
_LIGHTGBM_START: Parameters = {
    "n_estimators": 100,
    "learning_rate": 0.1,
    "num_leaves": 31,
    "reg_lambda": _NO_L2,
    "min_child_samples": 20,
    "colsample_bytree": 1.0,
    "subsample": 1.0,
}

# As few queries as possible, truncated at thirty rows of them, as LightGBM does.
_QUERIES: Space = {
    "query_rows": Choice((1000, 10_000)),
    "truncated_at": Range(0.003, 0.1),
    "lambdarank_norm": Choice((False, True)),
}
_QUERIES_START: Parameters = {
    "query_rows": 10_000,
    "truncated_at": 0.003,
    "lambdarank_norm": True,
}


def _fit_lightgbm(
    find_loss: FindLoss,
    parameters: Parameters,
    X: NDArray,
    y: NDArray,
    setting: Setting,
) -> Fitted:
    import lightgbm as lgb

    loss = find_loss(parameters, y)
    start = None if loss.start is None else np.full(len(y), loss.start)
    return _train_lightgbm(loss.settings, parameters, lgb.Dataset(X, y, init_score=start), setting)


def _train_lightgbm(
    of_loss: Mapping[str, Any], parameters: Parameters, table: Any, setting: Setting
) -> Fitted:
    import lightgbm as lgb

    trees = {name: parameters[name] for name in _LIGHTGBM if name != "n_estimators"}
    booster = lgb.train(
        {
            **trees,
            **of_loss,
            **REPEATABLE,
            "subsample_freq": 1,
            "num_threads": setting.n_jobs,
            "seed": setting.random_state,
        },
        table,
        num_boost_round=n_trees(parameters["n_estimators"], setting),
    )
    return partial(booster.predict, raw_score=True, num_threads=setting.n_jobs)


def _fit_lambdarank(parameters: Parameters, X: NDArray, y: NDArray, setting: Setting) -> Fitted:
    import lightgbm as lgb

    # LightGBM takes at most 10 000 rows in a query, so the rows of a table are split at random.
    rows = np.random.RandomState(setting.random_state).permutation(len(y))
    parts = np.array_split(rows, -(-len(y) // parameters["query_rows"]))
    sizes = [part.size for part in parts]
    ranking = {
        "objective": "lambdarank",
        "lambdarank_norm": parameters["lambdarank_norm"],
        # At least one row of each pair is among that many rows of the top.
        "lambdarank_truncation_level": max(1, round(parameters["truncated_at"] * max(sizes))),
    }
    queries = lgb.Dataset(X[rows], y[rows], group=sizes)
    return _train_lightgbm(ranking, parameters, queries, setting)


# --- XGBoost ----------------------------------------------------------------------

_XGBOOST_TREES: Space = {
    "n_estimators": _TREES,
    "learning_rate": _LEARNING_RATE,
    "max_leaves": _LEAVES,
    "max_depth": Range(3, 12),
    "reg_lambda": _L2,
    "colsample_bytree": _COLUMNS,
    "subsample": _ROWS,
}
_XGBOOST: Space = {**_XGBOOST_TREES, "min_child_weight": Range(1e-3, 30.0)}
# The default is a tree of depth 6. It has at most 64 leaves, whichever is split first.
_XGBOOST_TREES_START: Parameters = {
    "n_estimators": 100,
    "learning_rate": 0.3,
    "max_leaves": 64,
    "max_depth": 6,
    "reg_lambda": 1.0,
    "colsample_bytree": 1.0,
    "subsample": 1.0,
}

# The whole table is one query, and the time of a round depends on its number of pairs. With
# these ends the longest training on 60 000 rows takes as long as that of other contenders.
_RANKING: Space = {
    **_XGBOOST_TREES,
    "n_estimators": Range(50, 200),
    "lambdarank_pair_method": Choice(("topk", "mean")),
}
_TOP_PAIRS: Space = {
    "topk_pairs": Range(8, 96),
    "topk_child_weight": Range(1e-3, 1.0),
}
_RANKING_START: Parameters = {
    **_XGBOOST_TREES_START,
    "lambdarank_pair_method": "topk",
    "topk_pairs": 32,
    "topk_child_weight": 1.0,
}


def _pairs(mean_child_weight: Range) -> Mapping[str, Space]:
    """Return the parameters that depend on the way pairs are drawn.

    The least weight of a leaf depends on it, too. The hessian of a row is a sum over its
    pairs, and beyond these ends no leaf is heavy enough for a split.
    """
    mean = {"mean_pairs": Range(1, 8), "mean_child_weight": mean_child_weight}
    return {"topk": _TOP_PAIRS, "mean": mean}


def _for_xgboost(parameters: Parameters) -> dict[str, Any]:
    """Return the parameters with the names that XGBoost has for them."""
    named = dict(parameters)
    method = named.get("lambdarank_pair_method")
    if method is not None:
        named["lambdarank_num_pair_per_sample"] = named.pop(f"{method}_pairs")
        named["min_child_weight"] = named.pop(f"{method}_child_weight")
    return named


def _fit_xgboost(
    objective: str, parameters: Parameters, X: NDArray, y: NDArray, setting: Setting
) -> Fitted:
    import xgboost as xgb

    named = _for_xgboost(parameters)
    rounds = n_trees(named.pop("n_estimators"), setting)
    query = {"group": [len(y)]} if objective.startswith("rank:") else {}
    booster = xgb.train(
        {
            **named,
            "objective": objective,
            "tree_method": "hist",
            "grow_policy": "lossguide",
            "nthread": setting.n_jobs,
            "seed": setting.random_state,
        },
        xgb.QuantileDMatrix(X, y, nthread=setting.n_jobs, **query),
        num_boost_round=rounds,
    )
    return partial(booster.inplace_predict, predict_type="margin")


# --- CatBoost ---------------------------------------------------------------------

# A round takes several times as long as one of LightGBM. The upper ends are lower for this.
_CATBOOST: Space = {
    "iterations": Range(50, 400),
    "learning_rate": _LEARNING_RATE,
    "depth": Range(4, 8, log=False),
    "l2_leaf_reg": _L2,
    "auto_class_weights": Choice((None, "SqrtBalanced")),
}
# The default is 1000 trees. CatBoost chooses the rate by the numbers of trees and of rows;
# this is its choice for 400 trees and 60 000 rows.
_CATBOOST_START: Parameters = {
    "iterations": 400,
    "learning_rate": 0.14,
    "depth": 6,
    "l2_leaf_reg": 3.0,
    "auto_class_weights": None,
}


def _fit_catboost(parameters: Parameters, X: NDArray, y: NDArray, setting: Setting) -> Fitted:
    from catboost import CatBoostClassifier

    named = {**parameters, "iterations": n_trees(parameters["iterations"], setting)}
    model = CatBoostClassifier(
        **named,
        # This is the default on a GPU, half of the default on a CPU. It saves a third of
        # the time.
        border_count=128,
        random_seed=setting.random_state,
        thread_count=setting.n_jobs,
        allow_writing_files=False,
        verbose=False,
    ).fit(X, y)
    return partial(model.predict, prediction_type="RawFormulaVal", thread_count=setting.n_jobs)


# --- scikit-learn and imbalanced-learn --------------------------------------------

_HISTOGRAM: Space = {
    "max_iter": _TREES,
    "learning_rate": _LEARNING_RATE,
    "max_leaf_nodes": _LEAVES,
    "l2_regularization": _L2,
    "min_samples_leaf": _LEAF_ROWS,
    "max_features": _COLUMNS,
    "class_weight": Choice((None, "balanced")),
}
_HISTOGRAM_START: Parameters = {
    "max_iter": 100,
    "learning_rate": 0.1,
    "max_leaf_nodes": 31,
    "l2_regularization": _NO_L2,
    "min_samples_leaf": 20,
    "max_features": 1.0,
    "class_weight": None,
}


def _fit_histogram(parameters: Parameters, X: NDArray, y: NDArray, setting: Setting) -> Fitted:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    def limited(method: Callable[..., Any], *arguments: NDArray) -> Any:
        # The estimator has no parameter for the number of threads.
        with threadpool_limits(limits=setting.n_jobs, user_api="openmp"):
            return method(*arguments)

    named = {**parameters, "max_iter": n_trees(parameters["max_iter"], setting)}
    # By default, training on more than 10 000 rows would hold some out and stop early.
    model = HistGradientBoostingClassifier(
        **named, early_stopping=False, random_state=setting.random_state
    )
    limited(model.fit, X, y)
    return partial(limited, model.decision_function)


_FOREST: Space = {
    "n_estimators": Range(50, 200),
    "negatives_per_positive": Range(1.0, 5.0),
    "max_features": Choice(("sqrt", 0.3, 0.6)),
    "min_samples_leaf": Range(1, 30),
}
_FOREST_START: Parameters = {
    "n_estimators": 100,
    "negatives_per_positive": 1.0,
    "max_features": "sqrt",
    "min_samples_leaf": 1,
}


def _fit_forest(parameters: Parameters, X: NDArray, y: NDArray, setting: Setting) -> Fitted:
    from imblearn.ensemble import BalancedRandomForestClassifier

    named = {**parameters, "n_estimators": n_trees(parameters["n_estimators"], setting)}
    n_pos = np.count_nonzero(y == 1)
    n_neg = min(round(named.pop("negatives_per_positive") * n_pos), len(y) - n_pos)
    # Each tree draws from both classes with replacement, which is its bootstrap sample.
    model = BalancedRandomForestClassifier(
        **named,
        sampling_strategy={0: n_neg, 1: n_pos},
        replacement=True,
        bootstrap=False,
        random_state=setting.random_state,
        n_jobs=setting.n_jobs,
    ).fit(X, y)

    def score(rows: NDArray) -> NDArray:
        return model.predict_proba(rows)[:, 1]

    return score


# --- ours -------------------------------------------------------------------------

_PAUC_START: Parameters = {
    "n_estimators": 200,
    "learning_rate": 0.05,
    "num_leaves": 127,  # what the estimator chooses if it trains on a band
    "reg_lambda": 5.0,
    "min_child_samples": 20,
    "colsample_bytree": 1.0,
    # The estimator chooses between this and 1 by cross-fitting.
    "min_split_gain": 0.0,
}


def _fit_pauc(
    make: Callable[..., Any], parameters: Parameters, X: NDArray, y: NDArray, setting: Setting
) -> Fitted:
    model = make(
        **parameters,
        budget=setting.budget,
        calibration_cv=None,
        random_state=setting.random_state,
        n_jobs=setting.n_jobs,
    )
    model.set_params(n_estimators=n_trees(model.n_estimators, setting))
    return model.fit(X, y).decision_function


def _pauc_lightgbm(**parameters: Any) -> Any:
    from skbudget.boosting import PAUCLGBMClassifier

    return PAUCLGBMClassifier(**parameters, **REPEATABLE)


def _pauc_xgboost(**parameters: Any) -> Any:
    from skbudget.boosting import PAUCXGBClassifier

    return PAUCXGBClassifier(**parameters)


# --- contenders -------------------------------------------------------------------

_peer = partial(Contender, role="peer", family="trees")
_ours = partial(Contender, role="ours", family="trees", per_budget=True)


def _lightgbm(
    name: str,
    label: str,
    find_loss: FindLoss,
    of_loss: Space,
    start: Parameters,
    *,
    pointwise: bool = True,
) -> Contender:
    return _peer(
        name=name,
        label=label,
        package="lightgbm",
        fit=partial(_fit_lightgbm, find_loss),
        suggest=partial(draw_space, {**_LIGHTGBM, **of_loss}),
        start={**_LIGHTGBM_START, **start},
        pointwise=pointwise,
    )


def _xgboost_ranking(name: str, label: str, objective: str, mean_weight: Range) -> Contender:
    return _peer(
        name=name,
        label=label,
        package="xgboost",
        fit=partial(_fit_xgboost, objective),
        suggest=partial(draw_by, "lambdarank_pair_method", _pairs(mean_weight), _RANKING),
        start=_RANKING_START,
    )


TREES: tuple[Contender, ...] = (
    _lightgbm("lightgbm", "LightGBM", binary, {}, {}),
    _lightgbm(
        "lightgbm-weighted",
        "LightGBM, class weights",
        weighted,
        {"class_weighting": Choice(("is_unbalance", "square root"))},
        {"class_weighting": "is_unbalance"},
    ),
    _lightgbm(
        "lightgbm-focal",
        "LightGBM, focal loss",
        focal,
        {
            "focal_gamma": Range(0.5, 4.0, log=False),
            "focal_alpha": Range(0.05, 0.95, log=False),
        },
        # The recommendation of its authors.
        {"focal_gamma": 2.0, "focal_alpha": 0.25},
    ),
    _lightgbm(
        "lightgbm-hard-negatives",
        "LightGBM, hard negatives",
        hard_negatives,
        {
            "mined_fraction": Range(0.002, 0.5),
            "mined_factor": Range(2.0, 100.0),
            "pos_weight": Choice((1.0, "balanced")),
        },
        {"mined_fraction": 0.02, "mined_factor": 10.0, "pos_weight": 1.0},
    ),
    _lightgbm(
        "lightgbm-coverage-lambda",
        "LightGBM, coverage lambda",
        coverage_lambda,
        {"cut": Range(0.002, 0.5), "cut_reverse": Choice((False, True))},
        {"cut": 0.005, "cut_reverse": True},
        pointwise=False,
    ),
    _peer(
        name="lightgbm-lambdarank",
        label="LightGBM, lambdarank on random queries",
        package="lightgbm",
        fit=_fit_lambdarank,
        suggest=partial(draw_space, {**_LIGHTGBM, **_QUERIES}),
        start={**_LIGHTGBM_START, **_QUERIES_START},
    ),
    _peer(
        name="xgboost",
        label="XGBoost",
        package="xgboost",
        fit=partial(_fit_xgboost, "binary:logistic"),
        suggest=partial(draw_space, _XGBOOST),
        start={**_XGBOOST_TREES_START, "min_child_weight": 1.0},
        pointwise=True,
    ),
    _xgboost_ranking(
        "xgboost-pairwise", "XGBoost, rank:pairwise", "rank:pairwise", Range(0.01, 30.0)
    ),
    _xgboost_ranking("xgboost-map", "XGBoost, rank:map", "rank:map", Range(1e-4, 0.1)),
    _peer(
        name="catboost",
        label="CatBoost",
        package="catboost",
        fit=_fit_catboost,
        suggest=partial(draw_space, _CATBOOST),
        start=_CATBOOST_START,
        pointwise=True,
        extra="bench",
    ),
    _peer(
        name="hist-gradient-boosting",
        label="HistGradientBoosting",
        package="sklearn",
        fit=_fit_histogram,
        suggest=partial(draw_space, _HISTOGRAM),
        start=_HISTOGRAM_START,
        pointwise=True,
    ),
    _peer(
        name="balanced-forest",
        label="Balanced random forest",
        package="imblearn",
        fit=_fit_forest,
        suggest=partial(draw_space, _FOREST),
        start=_FOREST_START,
        extra="bench",
    ),
)
"""The peers, in the order of the tables."""

OUR_TREES: tuple[Contender, ...] = (
    _ours(
        name="pauc-lightgbm",
        label="PAUCLGBMClassifier",
        package="lightgbm",
        fit=partial(_fit_pauc, _pauc_lightgbm),
    ),
    _ours(
        name="pauc-xgboost",
        label="PAUCXGBClassifier",
        package="xgboost",
        fit=partial(_fit_pauc, _pauc_xgboost),
    ),
    _ours(
        name="pauc-lightgbm-tuned",
        label="PAUCLGBMClassifier, tuned",
        package="lightgbm",
        fit=partial(_fit_pauc, _pauc_lightgbm),
        suggest=partial(draw_space, {**_LIGHTGBM_TREES, "min_split_gain": Choice((0.0, 1.0))}),
        start=_PAUC_START,
    ),
)
"""The classifiers of this package."""
