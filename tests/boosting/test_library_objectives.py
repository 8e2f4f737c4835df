"""Losses that LightGBM and XGBoost have: their own objectives are trained, with all around them."""

import json
import pickle
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

lgb = pytest.importorskip("lightgbm")
xgb = pytest.importorskip("xgboost")

from sklearn.metrics import get_scorer, log_loss, roc_auc_score
from small_models import CLASSES, make, only_rank

from skbudget.boosting import BoosterObjective, PAUCLGBMClassifier
from skbudget.objectives import (
    BinaryCrossEntropy,
    Huber,
    Quantile,
    Schedule,
    SoftmaxCrossEntropy,
    SquaredError,
    WeightedSum,
    available,
    find_loss,
)
from skbudget.objectives._registry import loss_classes

each_class = pytest.mark.parametrize("cls", CLASSES)

REAL = {
    "squared_error": "squared_error",
    "absolute_error": "absolute_error",
    "huber": Huber(delta=2.0),
    "quantile": Quantile(tau=0.8),
}
each_loss = pytest.mark.parametrize("loss", [*REAL.values(), "softmax_cross_entropy"], ids=str)


def draw(seed, n_samples=1500):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, 5))
    score = X[:, 0] + 0.5 * X[:, 1] + 0.5 * rng.standard_t(3, size=n_samples)
    return X, 20.0 + 3.0 * score, np.digitize(score, [-0.5, 1.2]), rng.integers(1, 4, n_samples)


def as_loss(loss):
    return find_loss(loss) if isinstance(loss, str) else loss


def name_of(cls):
    return "lightgbm" if cls is PAUCLGBMClassifier else "xgboost"


def trained_objective(model):
    """What the booster itself says that it minimised."""
    if isinstance(model, PAUCLGBMClassifier):
        text = model.booster_.model_to_string()
        said = [line for line in text.splitlines() if line.startswith("objective=")]
        return said[0].removeprefix("objective=").split()[0] if said else None
    learner = json.loads(model.get_booster().save_config())["learner"]
    return learner["objective"]["name"]


def plain_model(cls, loss, n_classes, **params):
    """The library's own estimator, with the parameters of `make`."""
    own = as_loss(loss).library_params(name_of(cls))
    shared = {"n_estimators": 30, "learning_rate": 0.1, "reg_lambda": 5.0, "n_jobs": 1}
    classes = {"num_class": n_classes} if n_classes else {}
    if cls is PAUCLGBMClassifier:
        return lgb.LGBMModel(num_leaves=127, verbose=-1, **shared, **own, **classes, **params)
    trees = {"max_leaves": 127, "max_depth": 0, "grow_policy": "lossguide"}
    return xgb.XGBModel(**shared, **trees, **own, **classes, **params)


def margins_of(plain, X):
    if isinstance(plain, lgb.LGBMModel):
        return plain.predict(X, raw_score=True)
    return plain.predict(X, output_margin=True)


@each_class
@each_loss
def test_the_booster_trains_its_own_objective(cls, loss):
    X, real, codes, weight = draw(0)
    has_classes = as_loss(loss).target == "classes"
    y = codes if has_classes else real
    model = only_rank(cls, loss).fit(X, y, sample_weight=weight)
    own = as_loss(loss).library_params(name_of(cls))
    assert trained_objective(model) == own["objective"] == as_loss(loss).library[name_of(cls)]
    params = {}
    if isinstance(loss, Huber) and cls is not PAUCLGBMClassifier:
        params["base_score"] = loss.start(loss.rows(y, np.zeros(y.size), weight))
    plain = plain_model(cls, loss, 3 if has_classes else 0, **params)
    plain.fit(X, y, sample_weight=weight)
    np.testing.assert_array_equal(model.decision_function(X), margins_of(plain, X))
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.decision_function(X), model.decision_function(X))


def test_the_delta_and_the_level_reach_the_booster():
    assert Huber(2).library_params("lightgbm") == {"objective": "huber", "alpha": 2.0}
    params = {"objective": "reg:pseudohubererror", "huber_slope": 2.0}
    assert Huber(2).library_params("xgboost") == params
    assert Quantile(0.9).library_params("lightgbm") == {"objective": "quantile", "alpha": 0.9}
    params = {"objective": "reg:quantileerror", "quantile_alpha": 0.9}
    assert Quantile(0.9).library_params("xgboost") == params
    assert Huber.library["torch"] == "torch.nn.HuberLoss"
    for loss in (Huber(), BinaryCrossEntropy(), SoftmaxCrossEntropy("balanced")):
        with pytest.raises(ValueError, match="'library' parameter of .*library_params must be one"):
            loss.library_params("torch")


@each_class
def test_elsewhere_the_derivatives_of_the_loss_are_trained(cls):
    X, y, codes, _ = draw(0, 600)
    own = None if cls is PAUCLGBMClassifier else "reg:squarederror"

    def objective(loss, y=y, **params):
        return trained_objective(only_rank(cls, loss, n_estimators=2, **params).fit(X, y))

    assert objective(BoosterObjective(Huber())) in (None, own)
    assert objective(WeightedSum(((1.0, Huber()), (1.0, Quantile())))) in (None, own)
    assert objective("huber", regularizer=Quantile()) in (None, own)
    assert objective("huber", schedule=Schedule(warmup_rounds=1, warmup=SquaredError())) in (
        None,
        own,
    )
    assert objective("log_cosh") in (None, own)
    # The boosters have no weights of classes.
    weighted = SoftmaxCrossEntropy(weight="balanced")
    assert weighted.library_params("lightgbm") == {}
    assert objective(weighted, codes) in (None, own)


def test_a_subclass_is_another_loss():
    @dataclass(frozen=True)
    class Half(SquaredError):
        pass

    assert Half.library == {}
    assert Half().library_params("lightgbm") == {}
    assert SquaredError().library_params("lightgbm") == {"objective": "regression"}


@pytest.mark.parametrize("library", [{"caffe": "l2"}, {"lightgbm": ""}, ["lightgbm"]])
def test_a_library_that_is_not_known_is_refused(library):
    theirs = library
    with pytest.raises(TypeError, match="attribute 'library' of Wrong must map some of lightgbm"):

        class Wrong(SquaredError):
            library: ClassVar = theirs


def test_every_name_of_a_library_can_be_trained():
    for name, cls in loss_classes().items():
        assert name in available()
        found = cls().library_params("lightgbm") if "lightgbm" in cls.library else {}
        if found:
            n_classes = 3 if cls.target == "classes" else 1
            params = {**found, "num_class": n_classes, "verbose": -1, "num_threads": 1}
            target = np.arange(60.0) % (3 if cls.target == "classes" else 2)
            queries = [20, 40] if "group" in cls.reads else None
            rows = lgb.Dataset(np.arange(60.0)[:, None], target, group=queries)
            booster = lgb.train(params, rows, 2)
            assert booster.num_trees() == 2 * n_classes, name


@each_class
@pytest.mark.parametrize("loss", REAL.values(), ids=str)
def test_scores_to_begin_from(cls, loss):
    X, y, _, _ = draw(0)
    name, base = cls._base_name, y.mean() + 2.0 * X[:, 0]
    model = only_rank(cls, loss).fit(X, y, **{name: base})
    plain = plain_model(cls, loss, 0)
    plain.fit(X, y, **{name: base})
    if cls is PAUCLGBMClassifier:
        wanted = margins_of(plain, X) + base
    else:
        wanted = plain.predict(X, output_margin=True, base_margin=base)
    found = model.decision_function(X, **{name: base})
    np.testing.assert_allclose(found, wanted, rtol=1e-6)
    # Alone the model is what the trees know beside the scores, from zero.
    np.testing.assert_allclose(model.decision_function(X), found - base, atol=1e-4)


@each_class
@each_loss
def test_early_stopping_on_the_metric_of_the_library(cls, loss):
    X, real, codes, _ = draw(0)
    y = codes if as_loss(loss).target == "classes" else real
    model = make(cls, loss, early_stopping_rounds=3, n_estimators=150)
    if cls is PAUCLGBMClassifier:
        model.fit(X[500:], y[500:], eval_X=X[:500], eval_y=y[:500])
        ((metric, history),) = model.evals_result_["valid_0"].items()
        best = model.best_iteration_
    else:
        model.fit(X[500:], y[500:], eval_set=[(X[:500], y[:500])])
        ((metric, history),) = model.evals_result()["validation_0"].items()
        best = model.best_iteration + 1
    assert metric in {
        *("l2", "l1", "huber", "quantile", "multi_logloss"),
        *("rmse", "mae", "mphe", "mlogloss"),
    }
    assert 1 < best == np.argmin(history) + 1 <= len(history)
    if as_loss(loss).target == "classes":
        assert log_loss(y[:500], model.predict_proba(X[:500])) < 0.8
    else:
        assert np.corrcoef(model.predict(X[:500]), y[:500])[0, 1] > 0.6


@each_class
def test_a_target_beyond_single_precision_is_refused(cls):
    X, y, _, _ = draw(0, 200)
    with pytest.raises(ValueError, match="y must lie within .*greatest entry is 1e[+]35"):
        only_rank(cls, "huber").fit(X, np.where(np.arange(200) == 3, 1e35, y))


@each_class
def test_training_is_continued(cls):
    X, y, _, _ = draw(0)
    argument = "init_model" if cls is PAUCLGBMClassifier else "xgb_model"
    for loss in REAL.values():
        half = only_rank(cls, loss, n_estimators=10).fit(X, y)
        more = only_rank(cls, loss, n_estimators=10).fit(X, y, **{argument: half})
        whole = only_rank(cls, loss, n_estimators=20).fit(X, y)
        np.testing.assert_allclose(more.decision_function(X), whole.decision_function(X), rtol=1e-3)


@each_class
def test_probabilities_of_classes(cls):
    (X, _, y, _), (X_new, _, y_new, _) = draw(0, 3000), draw(1, 3000)
    names = np.array(["a", "b", "c"])
    model = make(cls, "softmax_cross_entropy").fit(X, names[y])
    assert model.classes_.tolist() == ["a", "b", "c"]
    probability = model.predict_proba(X_new)
    np.testing.assert_allclose(probability.mean(axis=0), np.bincount(y_new) / 3000, atol=0.03)
    assert model.score(X_new, names[y_new]) > 0.6
    # With scores to begin from there is a calibration of its own.
    name, base = cls._base_name, np.column_stack([-X[:, 0], 0 * X[:, 0], X[:, 0]])
    model = make(cls, "softmax_cross_entropy", n_estimators=10).fit(X, y, **{name: base})
    with_base = model.predict_proba(X, **{name: base})
    np.testing.assert_allclose(with_base.mean(axis=0), np.bincount(y) / 3000, atol=0.03)


def test_weights_of_classes_in_lightgbm():
    X, _, y, _ = draw(0)
    model = only_rank(PAUCLGBMClassifier, "softmax_cross_entropy", class_weight="balanced")
    plain = plain_model(PAUCLGBMClassifier, "softmax_cross_entropy", 3, class_weight="balanced")
    np.testing.assert_array_equal(
        model.fit(X, y).decision_function(X), margins_of(plain.fit(X, y), X)
    )


def test_xgboost_begins_its_pseudo_huber_loss_where_targets_are():
    """By itself it takes one step of Newton from 0, and lands far from targets around 20."""
    X, y, _, _ = draw(0)
    cls = CLASSES[1]
    model = only_rank(cls, "huber", n_estimators=50).fit(X, y)
    assert np.abs(model.predict(X) - y).mean() < 2.0
    plain = plain_model(cls, "huber", 0, base_score=None).fit(X, y)
    assert np.abs(plain.predict(X) - y).mean() > 50.0
    # The user may say so, too.
    model = only_rank(cls, "huber", n_estimators=1, learning_rate=1e-9, base_score=7.0).fit(X, y)
    np.testing.assert_allclose(model.predict(X), 7.0, rtol=1e-5)


@each_class
def test_metrics_of_probabilities_go_with_an_objective_of_the_library(cls):
    X, _, y, _ = draw(0, 600)
    if cls is PAUCLGBMClassifier:
        model = only_rank(cls, "softmax_cross_entropy", n_estimators=5)
        model.fit(X, y, eval_set=[(X, y)], eval_metric="multi_logloss")
        assert list(model.evals_result_["valid_0"]) == ["multi_logloss"]
        with pytest.raises(ValueError, match="multi_logloss.*reads probabilities"):
            make(cls, SoftmaxCrossEntropy("balanced")).fit(
                X, y, eval_set=[(X, y)], eval_metric="multi_logloss"
            )
    else:
        model = only_rank(cls, "softmax_cross_entropy", n_estimators=5, eval_metric="merror")
        model.fit(X, y, eval_set=[(X, y)])
        assert list(model.evals_result()["validation_0"]) == ["merror"]


@each_class
def test_binary_cross_entropy_is_that_of_the_library_up_to_rounding(cls, table):
    """It stays ours: metrics are handed margins, and values of positives count."""
    X, y = table
    loss = BinaryCrossEntropy()
    assert loss.library[name_of(cls)] in ("binary", "binary:logistic")
    assert loss.library_params(name_of(cls)) == {}
    model = only_rank(cls, loss).fit(X, y)
    shared = {"n_estimators": 30, "learning_rate": 0.1, "reg_lambda": 5.0, "n_jobs": 1}
    if cls is PAUCLGBMClassifier:
        plain = lgb.LGBMClassifier(num_leaves=127, verbose=-1, **shared)
    else:
        trees = {"max_leaves": 127, "max_depth": 0, "grow_policy": "lossguide"}
        plain = xgb.XGBClassifier(**shared, **trees)
    wanted = margins_of(plain.fit(X, y), X)
    np.testing.assert_allclose(model.decision_function(X), wanted, atol=1e-4)


@each_class
@pytest.mark.parametrize("loss", ["softmax_cross_entropy", "crammer_singer"])
@pytest.mark.parametrize("params", [{}, {"calibration_cv": None}], ids=["calibrated", "ranking"])
def test_two_classes_have_one_score(cls, loss, params):
    X, _, codes, _ = draw(0, 600)
    y = np.where(codes > 1, "b", "a")
    model = make(cls, loss, selection_cv=None, n_estimators=5, **params).fit(X, y)
    scores = model.decision_function(X)
    assert scores.shape == (600,)
    two = model._scores(X)
    np.testing.assert_array_equal(scores, two[:, 1] - two[:, 0])
    assert roc_auc_score(y == "b", scores) > 0.8
    assert get_scorer("roc_auc")(model, X, y) == roc_auc_score(y == "b", scores)
    if not params:
        np.testing.assert_array_equal(model.predict(X), np.where(scores > 0, "b", "a"))
        assert model.predict_proba(X).shape == (600, 2)
    three = make(cls, loss, selection_cv=None, n_estimators=2, **params).fit(X, codes)
    assert three.decision_function(X).shape == (600, 3)
