"""Parameters that have an effect beside others alone: a warning says so."""

from __future__ import annotations

import re
import warnings

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
import xgboost as xgb

from skbudget import PAUCLGBMClassifier, PAUCXGBClassifier, make_contested_top
from skbudget.boosting._conditions import CONDITIONS

OPTIONS = {"budget": 0.05, "n_estimators": 2, "selection_cv": None, "calibration_cv": None}
OPTIONS |= {"n_jobs": 1}


@pytest.fixture(scope="module")
def table():
    return make_contested_top(800, pos_rate=0.1, random_state=0)


def make(cls, **params):
    quiet = {"verbose": -1} if cls is PAUCLGBMClassifier else {}
    return cls(**OPTIONS, **quiet, **params)


REFRESH = {"updater": "grow_colmaker,refresh", "tree_method": "exact", "max_depth": 3}
ALONE = [
    (PAUCLGBMClassifier, {"subsample": 0.8}, {"subsample_freq": 1}, "subsample_freq of at least 1"),
    (PAUCLGBMClassifier, {"bagging_freq": 2}, {"subsample": 0.5}, "a subsample below 1"),
    (PAUCLGBMClassifier, {"drop_rate": 0.3}, {"boosting_type": "dart"}, "boosting_type='dart'"),
    (PAUCLGBMClassifier, {"top_rate": 0.3}, {"data_sample_strategy": "goss"}, "'goss'"),
    (PAUCLGBMClassifier, {"linear_lambda": 2.0}, {"linear_tree": True}, "linear_tree=True"),
    (PAUCLGBMClassifier, {"extra_seed": 9}, {"extra_trees": True}, "extra_trees=True"),
    (
        PAUCLGBMClassifier,
        {"monotone_penalty": 1.0},
        {"monotone_constraints": [1] + [0] * 19},
        "monotone_constraints",
    ),
    (PAUCLGBMClassifier, {"cegb_tradeoff": 0.5}, {"cegb_penalty_split": 0.1}, "cegb_penalty_split"),
    (PAUCLGBMClassifier, {"n_knots": 4}, {"surrogate": "trapezoid"}, "surrogate='trapezoid'"),
    (PAUCXGBClassifier, {"rate_drop": 0.2}, {"booster": "dart"}, "booster='dart'"),
    (PAUCXGBClassifier, {"tolerance": 0.5}, {"booster": "gblinear"}, "booster='gblinear'"),
    (PAUCXGBClassifier, {"refresh_leaf": 0}, REFRESH, "updater='refresh'"),
    (PAUCXGBClassifier, {"sampling_method": "gradient_based"}, {"subsample": 0.5}, "a subsample"),
    (PAUCXGBClassifier, {"regularizer_weight": 2.0}, {"regularizer": "critical_rank"}, "regulari"),
]


@pytest.mark.parametrize(
    ("cls", "params", "beside", "remedy"), ALONE, ids=[next(iter(one[1])) for one in ALONE]
)
def test_a_parameter_without_effect_is_warned_of(cls, params, beside, remedy, table):
    ((name, value),) = params.items()
    told = f"The '{name}' parameter of {cls.__name__} has no effect: it needs .*{remedy}.*{value}"
    with pytest.warns(UserWarning, match=told) as found:
        alone = make(cls, **params).fit(*table)
    assert [one.filename for one in found if "has no effect" in str(one.message)] == [__file__]
    # It has none, indeed.
    np.testing.assert_array_equal(
        alone.decision_function(table[0]), make(cls).fit(*table).decision_function(table[0])
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.filterwarnings("error", message=".*has no effect")
        make(cls, **params, **beside).fit(*table)


@pytest.mark.parametrize(
    ("cls", "params", "told"),
    [
        (PAUCLGBMClassifier, {"top_k": 5}, "'top_k' .* several machines. Got 5"),
        (
            PAUCLGBMClassifier,
            {"zero_as_missing": True, "use_missing": False},
            "'zero_as_missing' .* use_missing=True. Got True",
        ),
        (
            PAUCLGBMClassifier,
            {"first_metric_only": True},
            "'first_metric_only' .*early_stop",
        ),
        (
            PAUCXGBClassifier,
            {"feature_weights": np.arange(1.0, 21.0)},
            "'feature_weights' .*colsample_bynode below 1",
        ),
        (PAUCXGBClassifier, {"booster": "gblinear", "subsample": 0.5}, "'subsample' .*gblinear"),
    ],
    ids=["top_k", "zero_as_missing", "first_metric_only", "feature_weights", "gblinear"],
)
def test_what_lacks_another_is_warned_of(cls, params, told, table):
    with pytest.warns(UserWarning, match=told):
        make(cls, **params).fit(*table)


# A value of each parameter of XGBoost that asks for something.
ASKING = {
    **{"rate_drop": 0.2, "one_drop": 1, "skip_drop": 0.1, "sample_type": "weighted"},
    **{"normalize_type": "forest", "feature_selector": "shuffle", "top_k": 3, "tolerance": 0.1},
    **{"max_depth": 3, "max_leaves": 5, "max_bin": 16, "tree_method": "approx", "gamma": 0.5},
    **{"min_child_weight": 2.0, "max_delta_step": 1.0},
    **{"subsample": 0.5, "colsample_bytree": 0.5, "colsample_bylevel": 0.5},
    **{"colsample_bynode": 0.5, "num_parallel_tree": 2, "refresh_leaf": 0, "reg_lambda": 2.0},
    **{"reg_alpha": 1.0, "learning_rate": 0.3, "max_cached_hist_node": 5, "base_score": 0.4},
    **{"max_cat_to_onehot": 3, "max_cat_threshold": 5, "sampling_method": "gradient_based"},
}


@pytest.mark.parametrize("booster", ["gbtree", "gblinear", "dart"])
def test_what_xgboost_does_not_use_is_warned_of_by_us(booster):
    matrix = xgb.DMatrix(np.zeros((1, 1)), np.zeros(1), nthread=1)
    with warnings.catch_warnings(record=True) as theirs:
        warnings.simplefilter("always")
        xgb.Booster({"booster": booster, "nthread": 1, **ASKING}, [matrix]).save_config()
    unused = {name for one in theirs for name in re.findall(r'"(\w+)"', str(one.message))}
    model = PAUCXGBClassifier(booster=booster, **ASKING)
    with warnings.catch_warnings(record=True) as ours:
        warnings.simplefilter("always")
        model._names.warn_without_effect(CONDITIONS["xgboost"], model._extras(), model)
    told = {re.match("The '(\\w+)' parameter", str(one.message))[1] for one in ours}
    assert unused <= told


@pytest.mark.parametrize("booster", ["gblinear", "dart"])
def test_defaults_of_ours_are_not_handed_to_a_booster_that_has_no_use_for_them(booster, table):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        options = {"booster": booster, "calibration_cv": 2, "selection_cv": 2, "rate_drop": None}
        model = make(PAUCXGBClassifier).set_params(**options).fit(*table)
        model.predict_proba(table[0])
        model.set_params(n_jobs=2).decision_function(table[0])


def test_defaults_are_no_request(table):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make(PAUCLGBMClassifier, subsample=1.0, drop_rate=0.1, top_rate=None).fit(*table)
        make(PAUCXGBClassifier, sampling_method="uniform").fit(*table)


def test_a_column_of_number_0_is_a_column(table):
    for name in ("weight_column", "label_column"):
        with pytest.raises(ValueError, match=f"'{name}'.*only the command line.*Got 0"):
            make(PAUCLGBMClassifier, **{name: 0}).fit(*table)
    make(PAUCLGBMClassifier, header=False, weight_column=None).fit(*table)


@pytest.mark.parametrize("how", ["metric", "eval_metric"])
def test_a_metric_that_lightgbm_does_not_know_is_refused(how, table):
    X, y = table

    def fit(metric):
        params = {"metric": metric} if how == "metric" else {}
        asked = {} if params else {"eval_metric": metric}
        return make(PAUCLGBMClassifier, **params).fit(X, y, eval_set=[(X, y)], **asked)

    with pytest.raises(ValueError, match=rf"'aucc' in {how} of PAUCLGBM.*Did you mean 'auc'"):
        fit("aucc")
    with pytest.raises(ValueError, match=f"'nonsense' in {how} .*CoverageMetric"):
        fit(["auc", "nonsense"])
    assert "auc" in fit(["auc", "average_precision"]).evals_result_["valid_0"]


@pytest.mark.parametrize("cls", [PAUCLGBMClassifier, PAUCXGBClassifier])
def test_scores_that_calibration_does_not_know_are_warned_of(cls, table):
    X, y = table
    name = cls._base_name
    base = np.ones(y.size)
    options = {"calibration_cv": 2, "n_estimators": 5}
    without = make(cls).set_params(**options).fit(X, y)
    told = f"{cls.__name__} was fitted without {name}, .* only their order is right. Fit with"
    for method in ("predict_proba", "predict"):
        with pytest.warns(UserWarning, match=told) as found:
            getattr(without, method)(X, **{name: base})
        assert found[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        without.decision_function(X, **{name: base})
        fitted_with = make(cls).set_params(**options).fit(X, y, **{name: base})
        fitted_with.predict_proba(X, **{name: base})
        fitted_with.predict_proba(X)


@pytest.mark.parametrize("cls", [PAUCLGBMClassifier, PAUCXGBClassifier])
def test_early_stopping_without_rows_to_stop_by_is_refused(cls, table):
    told = rf"early_stopping_rounds=5 of {cls.__name__} needs rows .*eval_set=\[\(X, y\)\]"
    with pytest.raises(ValueError, match=told):
        make(cls, early_stopping_rounds=5).fit(*table)


@pytest.mark.parametrize("cls", [PAUCLGBMClassifier, PAUCXGBClassifier])
def test_names_that_models_cannot_hold_are_refused_first(cls, table):
    X, y = table
    frame = pd.DataFrame(X, columns=[f"a[{number}]" for number in range(X.shape[1])])
    with pytest.raises(ValueError, match=rf"of {cls.__name__} must not hold.*'a\[0\]'.*15 others"):
        make(cls).fit(frame, y)
    refused = '[]{},:"'
    frame.columns = [
        name.translate(str.maketrans(dict.fromkeys(refused, "_"))) for name in frame.columns
    ]
    make(cls).fit(frame, y)


@pytest.mark.parametrize(
    ("cls", "how"),
    [
        (PAUCLGBMClassifier, lambda fit: fit(callbacks=[lgb.early_stopping(5, verbose=False)])),
        (
            PAUCXGBClassifier,
            lambda fit: fit(params={"callbacks": [xgb.callback.EarlyStopping(rounds=5)]}),
        ),
    ],
    ids=["LightGBM", "XGBoost"],
)
def test_a_callback_that_stops_early_needs_rows_to_stop_by(cls, how, table):
    def fit(params=None, **arguments):
        return make(cls, **(params or {})).fit(*table, **arguments)

    with pytest.raises(ValueError, match=rf"by a callback of {cls.__name__} needs rows to stop by"):
        how(fit)
    how(lambda **given: fit(**given, eval_set=[table]))
