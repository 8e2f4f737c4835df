"""Parameters that would do nothing are refused, with what was meant or what to do instead."""

import json
import pickle
import warnings

import numpy as np
import pytest
from sklearn.base import clone

lgb = pytest.importorskip("lightgbm")
xgb = pytest.importorskip("xgboost")

from lightgbm.basic import _ConfigAliases

from skbudget import PAUCLGBMClassifier, PAUCXGBClassifier
from skbudget._utils.names import near_name
from skbudget._utils.rare_class import FewRowsWarning
from skbudget.boosting import _classifier, _xgboost_booster
from skbudget.boosting._parameters import OF_LIGHTGBM, OF_XGBOOST
from skbudget.objectives import BinaryCrossEntropy

CLASSES = [PAUCLGBMClassifier, PAUCXGBClassifier]
each_class = pytest.mark.parametrize("cls", CLASSES)
LIGHTGBM_NAMES = _ConfigAliases._get_all_param_aliases()


def with_dask():
    pytest.importorskip("dask.array")
    pytest.importorskip("distributed")
    from skbudget.boosting import DaskPAUCXGBClassifier

    return [*CLASSES, DaskPAUCXGBClassifier]


def make(cls, **params):
    quiet = {"verbosity": -1} if cls is PAUCLGBMClassifier and "verbose" not in params else {}
    shared = {"n_estimators": 4, "budget": 0.05, "n_jobs": 1, "selection_cv": None}
    return cls(**{**shared, **quiet, **params})


def only_rank(cls, **params):
    return make(cls, calibration_cv=None, **params)


# --- names that nobody knows ------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("buget", "budget"),
        ("n_estimator", "n_estimators"),
        ("learning_rat", "learning_rate"),
        ("calibrate_cv", "calibration_cv"),
        ("positive_label", "pos_label"),
        ("colsample_by_tree", "colsample_bytree"),
    ],
)
def test_misspelt_parameters(given, meant):
    for cls in with_dask():
        if cls not in CLASSES and meant == "calibration_cv":
            continue
        message = f"{cls.__name__} has no parameter '{given}'.*Did you mean '{meant}'"
        for error in (TypeError, ValueError):
            with pytest.raises(error, match=message):
                cls(**{given: 0.01})
            with pytest.raises(error, match=message):
                cls().set_params(**{given: None})


def test_names_without_a_near_one():
    for cls in with_dask():
        with pytest.raises(TypeError, match="has no parameter 'qqqqq', so that it") as error:
            cls(qqqqq=1)
        assert "Did you mean" not in str(error.value)


@each_class
def test_a_parameter_called_kwargs(cls, table):
    """scikit-learn sets it, because it is in the signature."""
    for model in (make(cls, kwargs=1), make(cls).set_params(kwargs=1)):
        with pytest.raises(ValueError, match=f"{cls.__name__} has no parameter 'kwargs'"):
            model.fit(*table)


def test_near_names():
    assert near_name("Budget", ["beta", "budget"]) == "budget"
    assert near_name("sample_weigth", ["value", "sample_weight"]) == "sample_weight"
    assert near_name("x", ["budget"]) is None


@pytest.mark.parametrize("main", LIGHTGBM_NAMES)
def test_every_name_of_lightgbm_is_known(main):
    for name in (main, *LIGHTGBM_NAMES[main]):
        assert PAUCLGBMClassifier(**{name: 0.5}).get_params()[name] == 0.5
        assert clone(PAUCLGBMClassifier().set_params(**{name: 0.5})).get_params()[name] == 0.5


@pytest.mark.parametrize("name", [*xgb.XGBClassifier().get_params(), *_xgboost_booster.MAIN_NAMES])
def test_every_name_of_xgboost_is_known(name):
    for cls in with_dask()[1:]:
        assert clone(cls(**{name: 0.5})).get_params()[name] == 0.5
        assert clone(cls().set_params(**{name: 0.5})).get_params()[name] == 0.5


def test_names_of_a_newer_xgboost(monkeypatch):
    """XGBoost itself is asked for names that are not listed."""
    monkeypatch.delitem(_xgboost_booster.MAIN_NAMES, "max_cached_hist_node")
    assert _xgboost_booster.xgboost_knows("max_cached_hist_node")
    assert _xgboost_booster.xgboost_knows("updater")
    assert not _xgboost_booster.xgboost_knows("buget")
    assert PAUCXGBClassifier(max_cached_hist_node=8).get_params()["max_cached_hist_node"] == 8


def test_parameters_of_a_subclass(table):
    class Mine(PAUCLGBMClassifier):
        def __init__(self, *, extra=1, **kwargs):
            super().__init__(**kwargs)
            self.extra = extra

    assert Mine(budget=0.1).set_params(extra=2).extra == 2
    with pytest.raises(ValueError, match="Mine has no parameter 'extr'"):
        Mine().set_params(extr=2)
    model = Mine(n_estimators=3, verbose=-1, n_jobs=1, eta=0.2).set_params(extra=2)
    assert model.fit(*table).predict(table[0]).shape == (3000,)
    assert "extra" not in model.booster_.params


# --- other names of a parameter -----------------------------------------------------------

SAME = {
    PAUCLGBMClassifier: [
        ("eta", "learning_rate", 0.5),
        ("shrinkage_rate", "learning_rate", 0.5),
        ("num_boost_round", "n_estimators", 7),
        ("max_leaf_nodes", "num_leaves", 4),
        ("min_gain_to_split", "min_split_gain", 2.0),
        ("lambda_l2", "reg_lambda", 50.0),
        ("min_data_in_leaf", "min_child_samples", 200),
        ("max_bins", "max_bin", 5),
    ],
    PAUCXGBClassifier: [
        ("eta", "learning_rate", 0.5),
        ("min_split_loss", "gamma", 2.0),
        ("lambda", "reg_lambda", 50.0),
    ],
}


@pytest.mark.parametrize(
    ("cls", "given", "usual", "value"), [(cls, *one) for cls in SAME for one in SAME[cls]]
)
def test_other_names_have_the_same_effect(cls, given, usual, value, table):
    X, y = table
    plain = only_rank(cls).fit(X, y).decision_function(X)
    scores = []
    for name in (given, usual):
        model = only_rank(cls)
        if usual == "n_estimators":
            del model  # it is set already
            model = cls(budget=0.05, n_jobs=1, verbose=-1, selection_cv=None, calibration_cv=None)
        scores.append(model.set_params(**{name: value}).fit(X, y).decision_function(X))
    np.testing.assert_array_equal(scores[0], scores[1])
    assert not np.array_equal(scores[0], plain)


@each_class
def test_two_names_with_different_values(cls, table):
    with pytest.raises(ValueError, match="'eta' parameter.*another name of 'learning_rate'.*0.3"):
        make(cls, eta=0.3, learning_rate=0.2).fit(*table)
    make(cls, eta=0.2, learning_rate=0.2).fit(*table)
    make(cls, eta=None, learning_rate=0.2).fit(*table)


@each_class
def test_seed_under_another_name(cls, monkeypatch, table):
    seeds = []
    for module in (lgb.sklearn, xgb.sklearn):
        usual = module.train

        def spying(params, *args, usual=usual, **kwargs):
            seeds.append(params.get("random_state"))
            return usual(params, *args, **kwargs)

        monkeypatch.setattr(module, "train", spying)
    make(cls, seed=7, fold_learning_rate=None).fit(*table)
    assert seeds == [7] * 4


def test_two_names_outside_of_the_constructor(table):
    with pytest.raises(ValueError, match="'max_bins' parameter.*another name of 'max_bin'"):
        make(PAUCLGBMClassifier, max_bin=15, max_bins=16).fit(*table)


def test_metrics_under_another_name(table):
    X, y = table
    model = only_rank(PAUCLGBMClassifier, metrics="auc").fit(X, y, eval_set=[(X, y)])
    assert "auc" in model.evals_result_["valid_0"]


# --- objectives of the booster's own ------------------------------------------------------


@pytest.mark.parametrize("objective", ["binary", "cross_entropy", "lambdarank", "binary:logistic"])
@each_class
def test_objectives_of_the_booster(cls, objective, table):
    message = f"'objective' parameter of {cls.__name__} must be None.*Got '{objective}'.*use "
    with pytest.raises(ValueError, match=f"{message}{cls._parent.__name__}"):
        make(cls, objective=objective).fit(*table)
    with pytest.raises(ValueError, match=message):
        make(cls).set_params(objective=objective).fit(*table)


@pytest.mark.parametrize("name", [one for one in LIGHTGBM_NAMES["objective"] if one != "objective"])
def test_other_names_of_the_objective(name, table):
    message = f"'{name}' parameter of PAUCLGBMClassifier is another name of 'objective'.*'binary'"
    with pytest.raises(ValueError, match=message):
        make(PAUCLGBMClassifier, **{name: "binary"}).fit(*table)
    X = table[0]
    plain = only_rank(PAUCLGBMClassifier).fit(*table)
    none = only_rank(PAUCLGBMClassifier, **{name: None}).fit(*table)
    np.testing.assert_array_equal(none.decision_function(X), plain.decision_function(X))


@each_class
def test_messages_name_the_estimator(cls, table):
    def own(y, raw):
        return raw - y, np.ones_like(raw)

    for params in (
        {"budget": 50},
        {"budget": "1%"},
        {"budget": 50, "objective": own},
        {"alpha": 2.0},
        {"beta": 50},
        {"schedule": 3},
        {"temperature": -1},
        {"objective": "pairwise_pauc", "beta": 1.5},
        {"objective": BinaryCrossEntropy(), "beta": 0.5},
    ):
        with pytest.raises((ValueError, TypeError)) as error:
            make(cls, **params).fit(*table)
        assert cls.__name__ in str(error.value)
        assert "PAUCObjective" not in str(error.value)
    with pytest.raises(ValueError, match=r"A budget is a fraction: pass 0\.01"):
        make(cls, budget="1%").fit(*table)


# --- ratios between the classes -----------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"scale_pos_weight": 10}, "'scale_pos_weight'.*cancels out.*sample_weight"),
        (
            {"scale_pos_weight": 10, "objective": "trapezoid_pauc"},
            "'scale_pos_weight'.*cancels out.*sample_weight",
        ),
        (
            {"scale_pos_weight": 10, "objective": "binary_cross_entropy"},
            r"'scale_pos_weight'.*weight=.*10.*BinaryCrossEntropy\(pos_weight=10\)",
        ),
        ({"scale_pos_weight": "10"}, "'scale_pos_weight'.*Got '10'"),
    ],
)
@each_class
def test_weight_of_the_positives(cls, params, message, table):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        make(cls, **params).fit(*table)


@pytest.mark.parametrize("name", LIGHTGBM_NAMES["is_unbalance"])
def test_unbalanced_classes(name, table):
    with pytest.raises(ValueError, match=f"'{name}' parameter of PAUCLGB.*cancels out"):
        make(PAUCLGBMClassifier, **{name: True}).fit(*table)
    with pytest.raises(ValueError, match=f"'{name}' parameter.*class_weight='balanced'"):
        make(PAUCLGBMClassifier, objective="focal_loss", **{name: True}).fit(*table)
    make(PAUCLGBMClassifier, **{name: False}).fit(*table)


@each_class
def test_no_ratio_is_no_error(cls, table):
    make(cls, scale_pos_weight=1).fit(*table)
    make(cls, scale_pos_weight=None).fit(*table)


# --- arguments of fit and of predictions --------------------------------------------------


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("sample_weigth", "Did you mean 'sample_weight'"),
        ("eval_sett", "Did you mean 'eval_set'"),
        ("valu", "Did you mean 'value'"),
        ("budget", "budget is a parameter of the constructor: pass it there"),
        ("early_stopping_rounds", "early_stopping_rounds is a parameter of the constructor"),
        ("qqqqq", "Columns that .* reads"),
    ],
)
@pytest.mark.parametrize("value", [None, 1.0])
@each_class
def test_misspelt_arguments_of_fit(cls, given, hint, value, table):
    message = f"{cls.__name__} does not read the column '{given}'.*{hint}"
    with pytest.raises(ValueError, match=message):
        make(cls).fit(*table, **{given: value})


def test_arguments_of_fit_that_moved(table):
    with pytest.raises(ValueError, match="feature_weights is a parameter of the constructor"):
        make(PAUCXGBClassifier).fit(*table, feature_weights=np.ones(6))
    with pytest.raises(ValueError, match="eval_metric is a parameter of the constructor"):
        make(PAUCXGBClassifier).fit(*table, eval_metric="auc")


def test_misspelt_arguments_of_fit_on_dask(table):
    cls = with_dask()[-1]
    message = "DaskPAUCXGBClassifier.fit has no parameter 'sample_weigth'.*mean 'sample_weight'"
    with pytest.raises(TypeError, match=message):
        cls().fit(*table, sample_weigth=None)


@pytest.mark.parametrize("method", ["decision_function", "predict_proba", "predict"])
@each_class
def test_misspelt_options_of_predictions(cls, method, table):
    model = make(cls).fit(*table)
    near = {"num_iteratio": "num_iteration"}
    if cls is PAUCXGBClassifier:
        near = {"iteration_rang": "iteration_range", "base_margn": "base_margin"}
    for given, meant in near.items():
        with pytest.raises(TypeError, match=f"{cls.__name__}.*'{given}'.*mean '{meant}'"):
            getattr(model, method)(table[0], **{given: None})


# --- what only the booster's own objectives, commands or clusters read --------------------


@pytest.mark.parametrize("name", OF_LIGHTGBM)
def test_lightgbm_parameters_without_effect(name, table):
    for one in LIGHTGBM_NAMES[name]:
        with pytest.raises(ValueError, match=f"'{one}' parameter of PAUCLGBM.*no effect: .*Got 7"):
            make(PAUCLGBMClassifier, **{one: 7}).fit(*table)


@pytest.mark.parametrize("name", OF_XGBOOST)
def test_xgboost_parameters_without_effect(name, table):
    with pytest.raises(ValueError, match=f"'{name}' parameter of PAUCXGB.*no effect: .*Got 7"):
        make(PAUCXGBClassifier, **{name: 7}).fit(*table)


# --- few positives ------------------------------------------------------------------------


@each_class
def test_few_positives_are_warned_about(cls, table):
    X, y = table
    rows = np.r_[np.flatnonzero(y == 0)[:300], np.flatnonzero(y == 1)[:9]]
    with pytest.warns(
        FewRowsWarning, match=f"{cls.__name__}: y has 9 positives.*Collect more"
    ) as w:
        make(cls).fit(X[rows], y[rows])
    assert len(w) == 1
    assert w[0].filename == __file__
    rows = np.r_[rows, np.flatnonzero(y == 1)[9]]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make(cls).fit(X[rows], y[rows])
    with pytest.warns(FewRowsWarning, match="y has 1 positive, fewer"):
        only_rank(cls).fit(X[rows], y[rows], sample_weight=np.arange(310) < 301)


# --- threads ------------------------------------------------------------------------------


@pytest.fixture
def told(monkeypatch):
    """The threads that the boosters are told of, where the container has three."""
    for module in (_classifier, _xgboost_booster):
        monkeypatch.setattr(module, "container_threads", lambda: 3)
    told = {"train": [], "predict": []}

    def spy(owner, name, note):
        usual = getattr(owner, name)

        def spying(*args, **kwargs):
            note(*args, **kwargs)
            return usual(*args, **kwargs)

        monkeypatch.setattr(owner, name, spying)

    def train(params, *args, **kwargs):
        told["train"].append(params.get("num_threads", params.get("n_jobs")))

    def of_lightgbm(booster, X, **kwargs):
        told["predict"].append(kwargs["num_threads"])

    def of_xgboost(booster, *args, **kwargs):
        config = json.loads(booster.save_config())
        told["predict"].append(int(config["learner"]["generic_param"]["nthread"]))

    spy(lgb.sklearn, "train", train)
    spy(xgb.sklearn, "train", train)
    spy(lgb.Booster, "predict", of_lightgbm)
    spy(xgb.Booster, "inplace_predict", of_xgboost)
    return told


@each_class
def test_threads_of_the_container(cls, told, table):
    X, y = table
    model = make(cls, n_jobs=None, fold_learning_rate=None).fit(X, y)
    assert told["train"] == [3] * 4
    # Held-out rows, and rows that the scales of the models are compared on.
    assert len(told["predict"]) >= 3
    assert set(told["predict"]) == {3}
    told["predict"].clear()
    model.predict_proba(X)
    model.decision_function(X)
    pickle.loads(pickle.dumps(model)).predict(X)
    assert told["predict"] == [3] * 3


@pytest.mark.parametrize("name", ["n_jobs", "nthread"])
@each_class
def test_threads_that_are_given(cls, name, told, table):
    X, y = table
    params = {name: 2} if name == "n_jobs" else {"n_jobs": None, name: 2}
    make(cls, fold_learning_rate=None, **params).fit(X, y).predict(X)
    assert told["train"] == [2] * 4
    assert set(told["predict"]) == {2}


def test_threads_change_with_the_container(monkeypatch, told, table):
    model = make(PAUCXGBClassifier, n_jobs=None).fit(*table)
    monkeypatch.setattr(_xgboost_booster, "container_threads", lambda: 1)
    told["predict"].clear()
    model.decision_function(table[0])
    assert told["predict"] == [1]
