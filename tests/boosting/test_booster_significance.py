"""The significance loss in both boosters: from a constant, by name, with processes, collapsed."""

import warnings

import numpy as np
import pytest

lgb = pytest.importorskip("lightgbm")
xgb = pytest.importorskip("xgboost")

from small_models import CLASSES, make, only_rank

from skbudget.boosting import BoosterObjective
from skbudget.datasets import make_contested_top, make_two_backgrounds
from skbudget.metrics import coverage_at_budget_score, significance_score
from skbudget.objectives import CollapseWarning, LovaszSignificance, Schedule

SECTIONS = (0.1, 1.0, 100.0)
each_class = pytest.mark.parametrize("cls", CLASSES)


@pytest.fixture(scope="module")
def contested():
    return [make_contested_top(6_000, pos_rate=0.02, random_state=seed) for seed in (0, 1)]


@pytest.fixture(scope="module")
def backgrounds():
    return make_two_backgrounds(6_000, random_state=0, return_process=True, return_weight=True)


def test_trees_grow_from_a_constant(contested):
    """Without a warm-up, a starting score or a callback."""
    (X, y), (X_new, y_new) = contested
    objective = BoosterObjective("lovasz_significance")
    params = {"objective": objective, "verbose": -1, "lambda_l2": 5.0, "num_threads": 1}
    three = lgb.train(params, lgb.Dataset(X, y), 3)
    assert all(tree["num_leaves"] > 1 for tree in three.dump_model()["tree_info"])
    booster = lgb.train(params, lgb.Dataset(X, y), 60)
    assert coverage_at_budget_score(y_new, booster.predict(X_new), budget=0.02) > 0.4
    others = {"lambda": 5.0, "nthread": 1, "base_score": 0.0}
    trees = xgb.train(others, xgb.DMatrix(X, y), 60, obj=objective)
    assert trees.trees_to_dataframe()["Feature"].ne("Leaf").groupby(level=0).any().any()
    raw = trees.predict(xgb.DMatrix(X_new), output_margin=True)
    assert coverage_at_budget_score(y_new, raw, budget=0.02) > 0.4


@each_class
def test_by_name_it_has_the_budget_of_the_estimator(cls, contested):
    X, y = contested[0]
    named = only_rank(cls, "lovasz_significance", budget=0.1).fit(X, y)
    given = only_rank(cls, LovaszSignificance(budget=0.1), budget=0.1).fit(X, y)
    other = only_rank(cls, LovaszSignificance(), budget=0.1).fit(X, y)
    scores = [model.decision_function(X) for model in (named, given, other)]
    np.testing.assert_array_equal(scores[0], scores[1])
    assert not np.allclose(scores[0], scores[2])


@each_class
def test_as_a_regulariser_by_name_it_has_the_budget_of_the_estimator_too(cls, contested):
    X, y = contested[0]
    scores = [
        only_rank(cls, "binary_cross_entropy", regularizer=added, budget=0.1)
        .fit(X, y)
        .decision_function(X)
        for added in ("lovasz_significance", LovaszSignificance(budget=0.1), LovaszSignificance())
    ]
    np.testing.assert_array_equal(scores[0], scores[1])
    assert not np.allclose(scores[0], scores[2])


@each_class
def test_cross_sections_turn_the_trees_to_the_heavy_background(cls, backgrounds):
    X, y, process, weight = backgrounds
    X_new, y_new, new_process, new_weight = make_two_backgrounds(
        60_000, random_state=1, return_process=True, return_weight=True
    )
    params = {"selection_cv": None, "calibration_cv": None, "n_estimators": 60}
    by_process = make(cls, LovaszSignificance(0.03, cross_sections=SECTIONS), **params)
    by_process.fit(X, y, process=process)
    by_weight = make(cls, LovaszSignificance(0.03), **params).fit(X, y, sample_weight=weight)
    plain = make(cls, "binary_cross_entropy", **params).fit(X, y)

    def z(model):
        about = {"budget": 0.01, "eps": 30.0, "sample_weight": new_weight}
        return significance_score(y_new, model.decision_function(X_new), **about)

    assert z(by_process) > 1.1 * z(plain)
    assert z(by_weight) > 1.1 * z(plain)
    accepted = by_process.decision_function(X_new) > 0
    of = [accepted[new_process == number].mean() for number in range(3)]
    assert of[0] > 0.5
    assert of[2] < 0.05


@each_class
def test_a_collapse_is_warned_about_at_the_end(cls):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(3_000, 2)), (rng.random(3_000) < 0.02).astype(int)
    loss = LovaszSignificance("signal")
    with pytest.warns(CollapseWarning, match=f"LovaszSignificance of {cls.__name__} has collapsed"):
        only_rank(cls, loss, n_estimators=30).fit(X, y)
    # A label that can be told is no cause.
    X[:, 0] += 5 * y
    with warnings.catch_warnings():
        warnings.simplefilter("error", CollapseWarning)
        only_rank(cls, loss, n_estimators=30).fit(X, y)


def test_a_schedule_warms_up(contested):
    X, y = contested[0]
    cls = CLASSES[0]
    warm = only_rank(cls, "lovasz_significance", schedule=Schedule(warmup_rounds=10))
    cold = only_rank(cls, "lovasz_significance")
    one, other = (model.fit(X, y).decision_function(X) for model in (warm, cold))
    assert not np.allclose(one, other)


def test_several_workers_are_refused(contested):
    """The order of the errors is that of all rows."""
    from skbudget._utils.collective import Collective
    from skbudget.boosting._calls import Call

    y = np.array([0.0, 1.0, 0.0])
    objective = BoosterObjective(LovaszSignificance())
    workers = Collective.__new__(Collective) if isinstance(Collective, type) else object()
    call = Call(y, np.zeros(3), None, None, workers)
    with pytest.raises(NotImplementedError, match="lovasz_significance does not add up over"):
        objective._rows(call, {})
