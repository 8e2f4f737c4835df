"""The boosters' classifiers on ordered levels, by the names of the losses."""

import numpy as np
import pytest

lgb = pytest.importorskip("lightgbm")
xgb = pytest.importorskip("xgboost")

from scipy.stats import spearmanr
from sklearn.model_selection import GridSearchCV
from small_models import CLASSES, booster_margin, make, only_rank

from skbudget.boosting import BoosterObjective
from skbudget.metrics import expected_worth, make_worth_scorer
from skbudget.objectives import OrdinalAllThreshold, OrdinalLogLoss

pytestmark = pytest.mark.parametrize("cls", CLASSES)

LEVELS = np.array([1, 5, 20, 100])
WORTH = {1: 0, 5: 1, 20: 10, 100: 500}
NAMES = {"ordinal_all_threshold": None, "ordinal_log_loss": 4}
each_name = pytest.mark.parametrize(("name", "n_scores"), NAMES.items(), ids=list(NAMES))


def draw(seed, n_samples=2000):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, 4))
    noisy = 2.0 * X[:, 0] - X[:, 1] + rng.logistic(size=n_samples)
    return X, LEVELS[np.digitize(noisy, [0.0, 2.0, 4.5])]


@pytest.fixture(scope="module")
def rows():
    return draw(0)


@pytest.fixture(scope="module")
def fresh():
    return draw(1)


@each_name
def test_every_name(cls, name, n_scores, rows, fresh):
    (X, y), (X_new, y_new) = rows, fresh
    model = make(cls, name).fit(X, y)
    scores, probability = model.decision_function(X_new), model.predict_proba(X_new)
    assert model.classes_.tolist() == LEVELS.tolist()
    assert scores.shape == ((2000,) if n_scores is None else (2000, n_scores))
    assert probability.shape == (2000, 4)
    assert (probability >= 0).all()
    np.testing.assert_allclose(probability.sum(axis=1), 1.0)
    shares = (y_new[:, None] == LEVELS).mean(axis=0)
    np.testing.assert_allclose(probability.mean(axis=0), shares, atol=0.03)
    assert set(model.predict(X_new)) <= set(LEVELS)
    assert model.score(X_new, y_new) > 0.5
    worth = expected_worth(probability, [0, 1, 10, 500])
    assert spearmanr(worth, y_new)[0] > 0.65
    assert make_worth_scorer(budget=0.05, worth=WORTH)(model, X_new, y_new) > 0.2
    # As the booster alone gives it.
    if n_scores is None:
        np.testing.assert_allclose(booster_margin(model, X_new), scores, rtol=1e-5, atol=1e-6)


def test_one_score_ranks_as_the_expected_worth_does(cls, rows):
    X, y = rows
    model = make(cls, "ordinal_all_threshold").fit(X, y)
    order = np.argsort(model.decision_function(X))
    for worth in ([0, 1, 10, 500], [0, 0, 0, 1], [0, 1, 1, 1]):
        expected = expected_worth(model.predict_proba(X), worth)[order]
        assert (np.diff(expected) >= -1e-9 * max(worth)).all()


def test_two_levels_are_a_cross_entropy(cls, rows, fresh):
    X, y = rows
    one = only_rank(cls, "ordinal_all_threshold").fit(X, 1 * (y > 5))
    plain = only_rank(cls, "binary_cross_entropy").fit(X, 1 * (y > 5))
    scores = [model.decision_function(fresh[0]) for model in (one, plain)]
    assert spearmanr(*scores)[0] > 0.97


def test_scores_that_boosting_begins_from(cls, rows):
    X, y = rows
    name = "init_score" if cls is CLASSES[0] else "base_margin"
    base = 0.5 * X[:, 0]
    model = make(cls, "ordinal_all_threshold").fit(X, y, **{name: base})
    alone, based = model.predict_proba(X), model.predict_proba(X, **{name: base})
    for found in (alone, based):
        assert (found >= 0).all()
        np.testing.assert_allclose(found.sum(axis=1), 1.0)
        shares = (y[:, None] == LEVELS).mean(axis=0)
        np.testing.assert_allclose(found.mean(axis=0), shares, atol=0.05)
    assert set(model.predict(X, **{name: base})) <= set(LEVELS)


def test_weights_search_and_refusals(cls, rows):
    X, y = rows
    times = np.random.default_rng(0).integers(1, 3, y.size)
    index = np.repeat(np.arange(y.size), times)
    exact = {"n_estimators": 5, "min_child_weight": 0.0}
    if cls is CLASSES[0]:
        exact["min_child_samples"] = 1
    weighted = only_rank(cls, "ordinal_all_threshold", **exact)
    weighted.fit(X, y, sample_weight=times)
    repeated = only_rank(cls, "ordinal_all_threshold", **exact).fit(X[index], y[index])
    scores = [model.decision_function(X) for model in (weighted, repeated)]
    assert spearmanr(*scores)[0] > 0.97
    search = GridSearchCV(
        make(cls, OrdinalLogLoss(), n_estimators=5),
        {"objective__power": [1.0, 2.0]},
        scoring=make_worth_scorer(budget=0.05, worth=WORTH),
        cv=2,
        error_score="raise",
    )
    assert search.fit(X, y).best_score_ > 0.1
    with pytest.raises(ValueError, match="names|networks can be trained on|only networks"):
        make(cls, "coral").fit(X, y)
    with pytest.raises(ValueError, match="at least 2 levels.*contains 1"):
        make(cls, "ordinal_all_threshold").fit(X, np.ones(y.size))
    with pytest.raises(ValueError, match="has 1 thresholds, which separate 2 levels"):
        make(cls, OrdinalAllThreshold((0.0,))).fit(X, y)


def test_native_training(cls, rows):
    X, y = rows
    codes = np.searchsorted(LEVELS, y)
    for loss, shape in ((OrdinalAllThreshold(), {}), (OrdinalLogLoss(), {"num_class": 4})):
        objective = BoosterObjective(loss)
        if cls is CLASSES[0]:
            params = {"objective": objective, "verbose": -1, "num_threads": 1, **shape}
            raw = lgb.train(params, lgb.Dataset(X, codes), 20).predict(X, raw_score=True)
        else:
            data = xgb.DMatrix(X, codes)
            booster = xgb.train({"nthread": 1, **shape}, data, 20, obj=objective)
            raw = booster.predict(data, output_margin=True)
        level = raw if raw.ndim == 1 else raw @ np.arange(4) - raw.mean(axis=1) * 6
        assert spearmanr(level, codes)[0] > 0.7
        # A level without rows is refused where thresholds are fitted.
        if raw.ndim == 1:
            with pytest.raises(ValueError, match=r"no row with weight has the level \[1\]"):
                objective(np.where(codes == 1, 0, codes), raw)
