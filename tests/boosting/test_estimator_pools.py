"""The classifiers train on the rows within reach of the band, where that pays."""

from __future__ import annotations

import pickle
import warnings

import lightgbm as lgb
import numpy as np
import pytest
import xgboost as xgb

from skbudget import (
    PAUCLGBMClassifier,
    PAUCXGBClassifier,
    coverage_at_budget_score,
    make_contested_top,
)
from skbudget.boosting import _fitting, _lightgbm_booster, _xgboost_booster
from skbudget.objectives import Schedule

each_class = pytest.mark.parametrize("cls", [PAUCLGBMClassifier, PAUCXGBClassifier])
QUIET = {PAUCLGBMClassifier: {"verbose": -1}, PAUCXGBClassifier: {}}
RATE = 0.005


@pytest.fixture(scope="module")
def table():
    return make_contested_top(12_000, pos_rate=RATE, random_state=0)


@pytest.fixture(scope="module")
def fresh():
    return make_contested_top(20_000, pos_rate=RATE, random_state=1)


@pytest.fixture
def works(monkeypatch):
    """A list of what each training did on a pool, None where all rows were trained on."""
    found, original = [], _fitting.train

    def noting(training, settings, choice):
        model = original(training, settings, choice)
        found.append(model.work)
        return model

    for room in (_lightgbm_booster, _xgboost_booster):
        monkeypatch.setattr(room, "FEWEST_ROWS", 5_000)
    monkeypatch.setattr(_fitting, "train", noting)
    monkeypatch.setattr("skbudget.boosting._classifier.train", noting)
    return found


def make(cls, **params):
    given = {"n_estimators": 80, "n_jobs": 1, "random_state": 0, "budget": RATE}
    given |= {"selection_cv": None, "calibration_cv": None}
    return cls(**{**given, **QUIET[cls], **params})


@each_class
def test_models_are_nearly_those_of_all_rows_and_hold_none_of_them(cls, table, fresh, works):
    X_new, y_new = fresh
    scores, sizes = [], []
    for pool in (None, "exact", 0.1):
        model = make(cls, pool=pool).fit(*table)
        scores.append(model.decision_function(X_new))
        sizes.append(len(pickle.dumps(model)))
        again = pickle.loads(pickle.dumps(model))
        np.testing.assert_array_equal(again.decision_function(X_new), scores[-1])
    assert works[0] is None
    assert all(work.trained < 0.8 for work in works[1:])
    covered = [coverage_at_budget_score(y_new, one, budget=RATE) for one in scores]
    np.testing.assert_allclose(covered, covered[0], atol=0.05)
    # The table has ten times as many bytes as a model.
    assert max(sizes) < 1.5 * sizes[0]


@each_class
def test_models_of_folds_and_probabilities(cls, table, fresh, works):
    X_new, y_new = fresh
    model = make(cls, calibration_cv=3).fit(*table)
    assert len(works) == 4
    assert all(work is not None for work in works)
    assert model.predict_proba(X_new)[:, 1].mean() == pytest.approx(y_new.mean(), rel=0.3)


@each_class
def test_the_same_seed_gives_the_same_model(cls, table, works):
    first, second = (make(cls, pool=0.1).fit(*table) for _ in range(2))
    np.testing.assert_array_equal(
        first.decision_function(table[0]), second.decision_function(table[0])
    )


@each_class
def test_a_share_that_is_too_small_warns(cls, table, works):
    with pytest.warns(UserWarning, match=rf"pool=0.005 of {cls.__name__} left out \d+ ?%"):
        make(cls, pool=0.005).fit(*table)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make(cls, pool="exact").fit(*table)


@each_class
@pytest.mark.parametrize("pool", [1, 1.0, 0, -0.1, "all", True, float("nan"), [0.1]])
def test_what_is_no_pool_is_refused(cls, pool, table):
    with pytest.raises(ValueError, match=rf"'pool' parameter of {cls.__name__} must be 'exact'"):
        make(cls, pool=pool).fit(*table)


@pytest.mark.parametrize(
    ("cls", "params"),
    [
        (PAUCLGBMClassifier, {"boosting_type": "dart"}),
        (PAUCLGBMClassifier, {"linear_tree": True}),
        (PAUCLGBMClassifier, {"data_sample_strategy": "goss"}),
        (PAUCLGBMClassifier, {"feature_pre_filter": True}),
        (PAUCXGBClassifier, {"booster": "dart"}),
        (PAUCXGBClassifier, {"booster": "gblinear"}),
        (PAUCXGBClassifier, {"num_parallel_tree": 2}),
        (PAUCXGBClassifier, {"tree_method": "exact", "grow_policy": None, "max_depth": 4}),
        *((cls, {"objective": "binary_cross_entropy"}) for cls in QUIET),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "-".join(map(str, value)),
)
def test_all_rows_where_a_pool_would_not_do(cls, params, table, works):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        make(cls, n_estimators=5, **params).fit(*table)
    assert works == [None]


@each_class
def test_schedules_weights_values_stopping_and_sampling(cls, table, fresh, works):
    X, y = table
    rng = np.random.default_rng(0)
    given = {"sample_weight": rng.uniform(0.5, 2.0, y.size), "value": rng.exponential(size=y.size)}
    sampled = {"subsample": 0.7, "subsample_freq": 1} if cls is PAUCLGBMClassifier else {}
    params = {"schedule": Schedule(warmup_rounds=5), "early_stopping_rounds": 20, **sampled}
    model = make(cls, n_estimators=150, **params)
    model.fit(X, y, eval_set=[fresh], **given)
    assert works[0].n_rounds > 20
    assert coverage_at_budget_score(y, model.decision_function(X), budget=RATE) > 0.5


def test_a_booster_goes_on_from_a_model(table, works):
    first = make(PAUCLGBMClassifier, n_estimators=20).fit(*table)
    more = make(PAUCLGBMClassifier, n_estimators=30).fit(*table, init_model=first)
    assert more.booster_.num_trees() == 50
    assert works[1].n_rounds == 30


def test_the_boosters_are_ordinary_ones(table, works):
    trees = make(PAUCLGBMClassifier).fit(*table).booster_
    assert isinstance(trees, lgb.Booster)
    copy = lgb.Booster(model_str=trees.model_to_string())
    np.testing.assert_array_equal(copy.predict(table[0]), trees.predict(table[0]))
    trees = make(PAUCXGBClassifier).fit(*table).get_booster()
    assert isinstance(trees, xgb.Booster)
    copy = xgb.Booster(model_file=trees.save_raw())
    data = xgb.DMatrix(table[0])
    np.testing.assert_array_equal(copy.predict(data), trees.predict(data))
