"""What users do to the parents: each parameter and each argument of `fit`, by what becomes of it.

Every parameter of LightGBM's and XGBoost's classifiers is honoured, by the models of the folds
too, or refused with what to do instead, or has no effect, for a reason that is documented. A
new release that brings a parameter which nobody classified makes this fail.
"""

import re
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from packaging.version import Version

lgb = pytest.importorskip("lightgbm")
xgb = pytest.importorskip("xgboost")

from lightgbm.basic import _ConfigAliases

from skbudget import PAUCLGBMClassifier, PAUCXGBClassifier
from skbudget.boosting import CoverageMetric
from skbudget.boosting._parameters import OF_LIGHTGBM, OF_XGBOOST
from skbudget.boosting._xgboost_booster import MAIN_NAMES

LIGHTGBM, XGBOOST = PAUCLGBMClassifier, PAUCXGBClassifier
PAGE = Path(__file__).parents[2] / "docs" / "parents.md"


@dataclass
class Honoured:
    """Handed to every model, in the folds too, as the value or as ``seen``."""

    value: Any
    beside: dict[str, Any] | None = None
    seen: Any = None


@dataclass
class Refused:
    value: Any
    remedy: str


@dataclass
class NoEffect:
    """The model is the same with and without it."""

    value: Any


class Callback:
    order = 5
    before_iteration = False

    def __call__(self, env):
        pass


class XGBCallback(xgb.callback.TrainingCallback):
    pass


# Absent from the versions before.
SINCE = {
    ("lightgbm", "eval_X"): "4.7",
    ("lightgbm", "eval_y"): "4.7",
    ("lightgbm", "gpu_device_id_list"): "4.7",
}

LIGHTGBM_CONSTRUCTOR = {
    "boosting_type": Honoured("dart"),
    "num_leaves": Honoured(5),
    "max_depth": Honoured(2),
    "learning_rate": Honoured(0.3),
    "n_estimators": Honoured(3),
    "subsample_for_bin": Honoured(500),
    "objective": Refused("binary", "binary_cross_entropy.*use LGBMClassifier"),
    "class_weight": Honoured({0: 1.0, 1: 3.0}),
    "min_split_gain": Honoured(0.5),
    "min_child_weight": Honoured(0.5),
    "min_child_samples": Honoured(50),
    "subsample": Honoured(0.5, {"subsample_freq": 1}),
    "subsample_freq": Honoured(2, {"subsample": 0.5}),
    "colsample_bytree": Honoured(0.5),
    "reg_alpha": Honoured(2.0),
    "reg_lambda": Honoured(2.0),
    "random_state": Honoured(7),
    "n_jobs": Honoured(1),
    "importance_type": Honoured("gain"),
}

# Parameters that LightGBM takes as keywords, by their main names.
LIGHTGBM_KEYWORDS = {
    **{name: Refused(7, "no effect: ") for name in OF_LIGHTGBM},
    "is_unbalance": Refused(True, "cancels out.*sample_weight"),
    "scale_pos_weight": Refused(5.0, "cancels out.*sample_weight"),
    "boost_from_average": NoEffect(False),
    "tree_learner": NoEffect("serial"),
    "auc_mu_weights": Honoured([0.0]),
    "bagging_seed": Honoured(4, {"subsample": 0.5, "subsample_freq": 1}),
    "cat_l2": Honoured(3.0),
    "cat_smooth": Honoured(3.0),
    "cegb_penalty_feature_coupled": Honoured([1.0] * 6),
    "cegb_penalty_feature_lazy": Honoured([1.0] * 6),
    "cegb_penalty_split": Honoured(0.1),
    "cegb_tradeoff": Honoured(2.0),
    "data_random_seed": Honoured(3),
    "data_sample_strategy": Honoured("goss"),
    "deterministic": Honoured(True),
    "device_type": Honoured("cpu"),
    "drop_rate": Honoured(0.5, {"boosting_type": "dart"}),
    "drop_seed": Honoured(3, {"boosting_type": "dart"}),
    # LightGBM warns of it without an evaluation set, which `test_fitting` tests.
    "early_stopping_min_delta": Honoured(0.1),
    "early_stopping_round": Honoured(None),
    "enable_bundle": Honoured(False),
    "extra_seed": Honoured(3, {"extra_trees": True}),
    "extra_trees": Honoured(True),
    "feature_contri": Honoured([0.5] * 6),
    "feature_fraction_bynode": Honoured(0.5),
    "feature_fraction_seed": Honoured(3, {"colsample_bytree": 0.5}),
    "feature_pre_filter": Honoured(False),
    "first_metric_only": Honoured(True),
    "force_col_wise": Honoured(True),
    "force_row_wise": Honoured(True),
    "forcedbins_filename": Honoured(""),
    "forcedsplits_filename": Honoured(""),
    "gpu_device_id": Honoured(0),
    "gpu_device_id_list": Honoured("0"),
    "gpu_platform_id": Honoured(0),
    "gpu_use_dp": Honoured(True),
    "histogram_pool_size": Honoured(10.0),
    "interaction_constraints": Honoured([[0, 1], [2, 3, 4, 5]]),
    "is_enable_sparse": Honoured(False),
    "linear_lambda": Honoured(5.0, {"linear_tree": True}),
    "linear_tree": Honoured(True),
    "max_bin": Honoured(15),
    "max_bin_by_feature": Honoured([15] * 6),
    "max_cat_threshold": Honoured(4),
    "max_cat_to_onehot": Honoured(2),
    "max_delta_step": Honoured(0.1),
    "max_drop": Honoured(1, {"boosting_type": "dart"}),
    "metric": Honoured("auc"),
    "min_data_in_bin": Honoured(20),
    "min_data_per_group": Honoured(50),
    "monotone_constraints": Honoured([1, 0, 0, 0, 0, 0]),
    "monotone_constraints_method": Honoured("advanced"),
    "monotone_penalty": Honoured(1.0),
    "multi_error_top_k": Honoured(1),
    "num_gpu": Honoured(1),
    "num_grad_quant_bins": Honoured(8, {"use_quantized_grad": True}),
    "other_rate": Honoured(0.2, {"data_sample_strategy": "goss"}),
    "path_smooth": Honoured(1.0),
    "predict_disable_shape_check": Honoured(True),
    "quant_train_renew_leaf": Honoured(True, {"use_quantized_grad": True}),
    "saved_feature_importance_type": Honoured(1),
    "skip_drop": Honoured(0.1, {"boosting_type": "dart"}),
    "stochastic_rounding": Honoured(False, {"use_quantized_grad": True}),
    "top_k": Honoured(5),
    "top_rate": Honoured(0.3, {"data_sample_strategy": "goss"}),
    "uniform_drop": Honoured(True, {"boosting_type": "dart"}),
    "use_missing": Honoured(False),
    "use_quantized_grad": Honoured(True),
    "verbosity": Honoured(-1),
    "xgboost_dart_mode": Honoured(True, {"boosting_type": "dart"}),
    "zero_as_missing": Honoured(True),
}

# A function in place of a value makes it from the rows.
LIGHTGBM_FIT = {
    "sample_weight": Honoured(lambda X, y: np.where(y == 1, 2.0, 1.0)),
    "init_score": Honoured(lambda X, y: X[:, 0] / 10),
    "eval_set": Honoured(lambda X, y: [(X, y)], seen="eval_set or eval_X"),
    "eval_names": Honoured(["held out"], {"eval_set": lambda X, y: [(X, y)]}),
    "eval_sample_weight": Honoured(
        lambda X, y: [np.ones(y.size)], {"eval_set": lambda X, y: [(X, y)]}
    ),
    "eval_class_weight": Honoured([{0: 1.0, 1: 2.0}], {"eval_set": lambda X, y: [(X, y)]}),
    "eval_init_score": Honoured(
        lambda X, y: [X[:, 0] / 10],
        {"eval_set": lambda X, y: [(X, y)], "init_score": lambda X, y: X[:, 0] / 10},
    ),
    "eval_metric": Honoured(
        CoverageMetric(budget=0.1), {"eval_set": lambda X, y: [(X, y)]}, seen=[0]
    ),
    "eval_X": Honoured(lambda X, y: X, {"eval_y": lambda X, y: y}, seen="eval_set or eval_X"),
    "eval_y": Honoured(lambda X, y: y, {"eval_X": lambda X, y: X}, seen="eval_set or eval_X"),
    "feature_name": Honoured(list("abcdef")),
    "categorical_feature": Honoured([5]),
    "callbacks": Honoured([Callback()]),
    "init_model": Refused(lambda X, y: "a file", "init_model has seen rows.*calibration_cv=None"),
}

XGBOOST_CONSTRUCTOR = {
    "max_depth": Honoured(2),
    "max_leaves": Honoured(4),
    "max_bin": Honoured(16),
    "grow_policy": Honoured("depthwise"),
    "learning_rate": Honoured(0.3),
    "n_estimators": Honoured(3),
    "verbosity": Honoured(0),
    "objective": Refused("binary:logistic", "binary_cross_entropy.*use XGBClassifier"),
    "booster": Honoured("dart"),
    "tree_method": Honoured("approx"),
    "n_jobs": Honoured(1),
    "gamma": Honoured(0.5),
    "min_child_weight": Honoured(3.0),
    "max_delta_step": Honoured(0.1),
    "subsample": Honoured(0.5),
    "sampling_method": Honoured("uniform"),
    "colsample_bytree": Honoured(0.5),
    "colsample_bylevel": Honoured(0.5),
    "colsample_bynode": Honoured(0.5),
    "reg_alpha": Honoured(2.0),
    "reg_lambda": Honoured(2.0),
    "scale_pos_weight": Refused(5.0, "cancels out.*sample_weight"),
    "base_score": Honoured(0.25),
    "random_state": Honoured(7),
    "missing": Honoured(-999.0),
    "num_parallel_tree": Honoured(2),
    "monotone_constraints": Honoured("(1,0,0,0,0,0)"),
    "interaction_constraints": Honoured("[[0, 1], [2, 3, 4, 5]]"),
    "importance_type": Honoured("weight"),
    "device": Honoured("cpu"),
    "validate_parameters": Honoured(True),
    "enable_categorical": Honoured(True),
    "feature_types": Honoured(["q"] * 6),
    "feature_weights": Honoured(np.arange(1.0, 7.0), {"colsample_bytree": 0.5}),
    "max_cat_to_onehot": Honoured(2),
    "max_cat_threshold": Honoured(4),
    "multi_strategy": NoEffect("multi_output_tree"),
    "eval_metric": Honoured("auc"),
    # With it an evaluation set is needed, see `test_fitting`.
    "early_stopping_rounds": Honoured(None),
    "callbacks": Honoured([XGBCallback()]),
}

DART = {"booster": "dart"}
EXACT = {"tree_method": "exact", "max_depth": 3}
LINEAR = {"booster": "gblinear"}
XGBOOST_KEYWORDS = {
    **{name: Refused(7, "no effect: ") for name in OF_XGBOOST},
    "debug_synchronize": Honoured(True),
    "disable_default_eval_metric": Honoured(True),
    "eta": Honoured(0.3, seen={"learning_rate": 0.3}),
    "fail_on_invalid_gpu_id": Honoured(True),
    "feature_selector": Honoured("shuffle", LINEAR),
    "lambda": Honoured(2.0, seen={"reg_lambda": 2.0}),
    "max_cached_hist_node": Honoured(100),
    "min_split_loss": Honoured(0.5, seen={"gamma": 0.5}),
    "normalize_type": Honoured("forest", DART),
    "nthread": Honoured(1, {"n_jobs": None}, seen={"n_jobs": 1}),
    "one_drop": Honoured(1, DART),
    "process_type": Honoured("default"),
    "rate_drop": Honoured(0.5, DART),
    "refresh_leaf": Honoured(1, {**EXACT, "updater": "grow_colmaker,refresh"}),
    "sample_type": Honoured("weighted", DART),
    "seed": Honoured(7, seen={"random_state": 7}),
    "seed_per_iteration": Honoured(True),
    "skip_drop": Honoured(0.1, DART),
    "sparse_threshold": Honoured(0.2),
    "tolerance": Honoured(0.1, LINEAR),
    "top_k": Honoured(3, {**LINEAR, "feature_selector": "greedy", "updater": "coord_descent"}),
    "updater": Honoured("grow_colmaker", EXACT),
}

XGBOOST_FIT = {
    "sample_weight": Honoured(lambda X, y: np.where(y == 1, 2.0, 1.0)),
    "base_margin": Honoured(lambda X, y: X[:, 0] / 10),
    "eval_set": Honoured(lambda X, y: [(X, y)]),
    # The models of folds are silent, whatever it is.
    "verbose": Honoured(False),
    "xgb_model": Refused(lambda X, y: "a file", "xgb_model has seen rows.*calibration_cv=None"),
    "sample_weight_eval_set": Honoured(
        lambda X, y: [np.ones(y.size)], {"eval_set": lambda X, y: [(X, y)]}
    ),
    "base_margin_eval_set": Honoured(
        lambda X, y: [X[:, 0] / 10],
        {"eval_set": lambda X, y: [(X, y)], "base_margin": lambda X, y: X[:, 0] / 10},
    ),
    "feature_weights": Refused(
        np.ones(6), "feature_weights is a parameter of the constructor: pass it"
    ),
}

MATRIX = {
    (LIGHTGBM, "constructor"): LIGHTGBM_CONSTRUCTOR,
    (LIGHTGBM, "keywords"): LIGHTGBM_KEYWORDS,
    (LIGHTGBM, "fit"): LIGHTGBM_FIT,
    (XGBOOST, "constructor"): XGBOOST_CONSTRUCTOR,
    (XGBOOST, "keywords"): XGBOOST_KEYWORDS,
    (XGBOOST, "fit"): XGBOOST_FIT,
}


# --- which parameters there are -----------------------------------------------------------


def named(function, *without):
    kept = {"self", "X", "y", "kwargs", *without}
    return {name for name in signature(function).parameters if name not in kept}


def of_parents(cls, where):
    """Return what the installed parent has."""
    if cls is LIGHTGBM:
        if where == "fit":
            return named(lgb.LGBMClassifier.fit)
        constructor = named(lgb.LGBMClassifier.__init__)
        if where == "constructor":
            return constructor
        # Those of the constructor are tried under the names that they have there.
        tables = _ConfigAliases._get_all_param_aliases()
        ours = PAUCLGBMClassifier().get_params()
        return {
            main
            for main, names in tables.items()
            if not {main, *names} & constructor and main not in ours
        }
    if where == "fit":
        return named(xgb.XGBClassifier.fit)
    constructor = {*named(xgb.XGBModel.__init__), *xgb.XGBClassifier().get_params()}
    return constructor if where == "constructor" else set(MAIN_NAMES)


def is_installed(cls, name):
    package = lgb if cls is LIGHTGBM else xgb
    since = SINCE.get((package.__name__, name))
    return since is None or Version(package.__version__) >= Version(since)


@pytest.mark.parametrize(("cls", "where"), MATRIX)
def test_every_parameter_is_classified(cls, where):
    found, classified = of_parents(cls, where), set(MATRIX[cls, where])
    parent = f"{where} of {cls._parent.__name__}"
    assert found - classified == set(), f"new in the {parent}: honour, refuse or document it"
    gone = {name for name in classified - found if is_installed(cls, name)}
    assert gone == set(), f"gone from the {parent}"


@pytest.mark.parametrize(("cls", "where"), MATRIX)
def test_every_parameter_is_documented(cls, where):
    booster = "LightGBM" if cls is LIGHTGBM else "XGBoost"
    page = PAGE.read_text(encoding="utf-8")
    section = re.split(r"^## ", page, flags=re.MULTILINE)
    text = next(part for part in section if part.startswith(f"{booster}\n"))
    rows = [line for line in text.splitlines() if line.startswith("|")]
    kinds = {Honoured: "honoured", Refused: "refused", NoEffect: "without effect"}
    for name, kind in MATRIX[cls, where].items():
        row = [line for line in rows if f"`{name}`" in line.split("|")[1]]
        assert any(kinds[type(kind)] in line for line in row), (name, kinds[type(kind)])


# --- what becomes of them -----------------------------------------------------------------


def cases(kind):
    return [
        pytest.param(cls, where, name, id=f"{cls._parent.__name__}-{where}-{name}")
        for (cls, where), table in MATRIX.items()
        for name, one in table.items()
        if isinstance(one, kind) and is_installed(cls, name)
    ]


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    y = (np.arange(400) % 10 == 0).astype(int)
    X = rng.standard_normal((400, 6))
    X[:, 0] += y
    X[:, 5] = np.arange(400) % 3
    return X, y


def fit(cls, where, name, one, rows):
    """Fit one of ours with a parameter or argument, and two folds unless it is in the way."""

    def made(value):
        return value(*rows) if callable(value) and not isinstance(value, CoverageMetric) else value

    given = {
        k: made(v) for k, v in {**(getattr(one, "beside", None) or {}), name: one.value}.items()
    }
    params = {"n_estimators": 4, "n_jobs": 1, "selection_cv": None, "calibration_cv": 2}
    # The models of the folds as `fit` of the parent trains them.
    params |= {"fold_learning_rate": None}
    params |= {"verbosity": -1 if cls is LIGHTGBM else 0}
    if where == "fit":
        if {"eval_metric", "eval_set", "eval_X"} & set(given) and cls is LIGHTGBM:
            params["metric"] = "None"
        return cls(**params).fit(*rows, **given), given
    return cls(**{**params, **given}).fit(*rows), given


@pytest.fixture
def trainings(monkeypatch):
    """What each model of the parent was given: parameters and arguments of `fit`."""
    seen = []
    for parent in (lgb.LGBMClassifier, xgb.XGBClassifier):
        usual = parent.fit

        def spying(self, X, y, usual=usual, **arguments):
            if type(self) in (lgb.LGBMClassifier, xgb.XGBClassifier):
                seen.append((dict(self.get_params()), arguments, X))
            return usual(self, X, y, **arguments)

        monkeypatch.setattr(parent, "fit", spying)
    return seen


def is_among(entry, given):
    return any(entry is one or type(entry) is type(one) for one in given)


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")
@pytest.mark.filterwarnings("ignore:The argument 'eval_set'", "ignore:.*eval_set")
@pytest.mark.parametrize(("cls", "where", "name"), cases(Honoured))
def test_honoured_in_folds_too(cls, where, name, trainings, rows):
    one = MATRIX[cls, where][name]
    _, given = fit(cls, where, name, one, rows)
    value = given[name]
    assert len(trainings) == 3
    sizes = [len(X) for _, _, X in trainings]
    assert sizes == [400, 200, 200]
    for params, arguments, X in trainings:
        found = arguments if where == "fit" else params
        if isinstance(one.seen, dict):
            for other, expected in one.seen.items():
                assert params[other] == expected
        elif one.seen == "eval_set or eval_X":
            pair = arguments["eval_set"][0] if "eval_set" in arguments else None
            X_eval = arguments["eval_X"][0] if pair is None else pair[0]
            np.testing.assert_array_equal(X_eval, rows[0])
        elif name in ("sample_weight", "init_score", "base_margin"):
            assert len(found[name]) == len(X)
            everything = np.sort(np.asarray(value))
            assert np.isin(np.round(found[name], 6), np.round(everything, 6)).all()
        elif name == "callbacks":
            assert is_among(value[0], found[name])
        elif name in ("eval_init_score", "base_margin_eval_set", "eval_metric") and where == "fit":
            entry = found[name][0]
            assert entry is value if name == "eval_metric" else np.array_equal(entry, value[0])
        else:
            np.testing.assert_equal(found[name], value)


@pytest.mark.parametrize(("cls", "where", "name"), cases(Refused))
def test_refused_with_a_remedy(cls, where, name, trainings, rows):
    one = MATRIX[cls, where][name]
    remedy = one.remedy if where == "fit" else f"'{name}' parameter.*{one.remedy}"
    with pytest.raises(ValueError, match=remedy) as error:
        fit(cls, where, name, one, rows)
    assert where == "fit" or cls.__name__ in str(error.value)
    assert trainings == []


@pytest.mark.parametrize(("cls", "where", "name"), cases(NoEffect))
def test_without_effect(cls, where, name, rows):
    one = MATRIX[cls, where][name]
    model, _ = fit(cls, where, name, one, rows)
    plain, _ = fit(cls, "constructor", "n_jobs", Honoured(1), rows)
    expected = plain.decision_function(rows[0])
    np.testing.assert_array_equal(model.decision_function(rows[0]), expected)
