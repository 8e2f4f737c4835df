"""Parameters of the boosters that have an effect beside others alone, which neither says."""

from __future__ import annotations

from typing import Any

from .._utils.conditions import (
    OF_SURROGATES,
    Condition,
    asked,
    below_one,
    is_on,
    is_one_of,
    never,
)

__all__ = ["CONDITIONS", "OF_OURS"]

OF_OURS = (
    Condition({"regularizer_weight": 1.0}, asked("regularizer"), "a regularizer beside it"),
    *OF_SURROGATES,
)

_DART = {"drop_rate": 0.1, "max_drop": 50, "skip_drop": 0.5, "uniform_drop": False}
_DART |= {"xgboost_dart_mode": False, "drop_seed": 4}
_GPU = {
    "gpu_device_id_list": "",
    "gpu_platform_id": -1,
    "gpu_device_id": -1,
    "gpu_use_dp": False,
    "num_gpu": 1,
}
_QUANTIZED = {
    "num_grad_quant_bins": 4,
    "quant_train_renew_leaf": False,
    "stochastic_rounding": True,
}

IN_LIGHTGBM = (
    Condition(
        {"bagging_fraction": 1.0},
        asked("bagging_freq"),
        "subsample_freq of at least 1, the number of rounds after which rows are drawn anew",
    ),
    Condition({"bagging_freq": 0}, below_one("bagging_fraction"), "a subsample below 1"),
    Condition(
        {"bagging_seed": 3},
        asked("bagging_freq"),
        "subsample below 1 and subsample_freq of at least 1",
    ),
    Condition(_DART, is_one_of("boosting", "dart"), "boosting_type='dart'"),
    Condition(
        {"top_rate": 0.2, "other_rate": 0.1},
        lambda given: "goss" in (given("data_sample_strategy"), given("boosting")),
        "data_sample_strategy='goss'",
    ),
    Condition({"linear_lambda": None}, asked("linear_tree"), "linear_tree=True"),
    Condition({"extra_seed": 6}, asked("extra_trees"), "extra_trees=True"),
    Condition(
        {"feature_fraction_seed": 2},
        below_one("feature_fraction", "feature_fraction_bynode"),
        "a colsample_bytree below 1",
    ),
    Condition(
        {"monotone_constraints_method": "basic", "monotone_penalty": 0.0},
        asked("monotone_constraints"),
        "monotone_constraints",
    ),
    Condition(_QUANTIZED, asked("use_quantized_grad"), "use_quantized_grad=True"),
    Condition(_GPU, is_one_of("device_type", "gpu", "cuda"), "device_type='gpu' or 'cuda'"),
    Condition(
        {"early_stopping_min_delta": 0.0, "first_metric_only": False},
        asked("early_stopping_round"),
        "early_stopping_round",
    ),
    Condition(
        {"cegb_tradeoff": 1.0},
        asked("cegb_penalty_split", "cegb_penalty_feature_lazy", "cegb_penalty_feature_coupled"),
        "a cegb_penalty_split or another penalty of this kind",
    ),
    Condition(
        {"zero_as_missing": False},
        lambda given: given("use_missing") is None or is_on(given("use_missing")),
        "use_missing=True",
    ),
    Condition({"top_k": 20}, never, "tree_learner='voting' on several machines"),
)

_TREES: dict[str, Any] = {"max_depth": 6, "max_leaves": 0, "max_bin": 256, "tree_method": "auto"}
_TREES |= {"grow_policy": "depthwise", "gamma": 0.0, "min_child_weight": 1.0}
_TREES |= {"max_delta_step": 0.0, "subsample": 1.0, "num_parallel_tree": 1}
_TREES |= {"colsample_bytree": 1.0, "colsample_bylevel": 1.0, "colsample_bynode": 1.0}
_TREES |= {"monotone_constraints": None, "interaction_constraints": None}
_TREES |= {"sampling_method": "uniform", "max_cat_to_onehot": 4, "max_cat_threshold": 64}
_TREES |= {"max_cached_hist_node": 65536}

IN_XGBOOST = (
    Condition(
        {
            "rate_drop": 0.0,
            "one_drop": False,
            "skip_drop": 0.0,
            "sample_type": "uniform",
            "normalize_type": "tree",
        },
        is_one_of("booster", "dart"),
        "booster='dart'",
        library_warns=True,
    ),
    Condition(
        {"feature_selector": "cyclic", "tolerance": 0.0},
        is_one_of("booster", "gblinear"),
        "booster='gblinear'",
        library_warns=True,
    ),
    Condition(
        {"top_k": 0},
        is_one_of("feature_selector", "greedy", "thrifty"),
        "booster='gblinear', updater='coord_descent' and feature_selector='greedy' or 'thrifty'",
        library_warns=True,
    ),
    Condition(
        _TREES,
        lambda given: not is_one_of("booster", "gblinear")(given),
        "trees, and booster='gblinear' has none",
        library_warns=True,
    ),
    Condition(
        {"sampling_method": "uniform"},
        lambda given: below_one("subsample")(given) or is_one_of("booster", "gblinear")(given),
        "a subsample below 1",
    ),
    Condition(
        {"feature_weights": None},
        below_one("colsample_bytree", "colsample_bylevel", "colsample_bynode"),
        "a colsample_bytree, colsample_bylevel or colsample_bynode below 1",
    ),
    Condition(
        {"refresh_leaf": 1},
        lambda given: "refresh" in str(given("updater")),
        "process_type='update' and updater='refresh'",
    ),
    Condition(
        {"max_cached_hist_node": 65536},
        lambda given: not is_one_of("tree_method", "exact")(given),
        "tree_method='hist' or 'approx'",
    ),
)

CONDITIONS = {"lightgbm": IN_LIGHTGBM, "xgboost": IN_XGBOOST}
"""Of each library, what parameters need beside them."""
