import pickle

import numpy as np
import pytest

lgb = pytest.importorskip("lightgbm")
xgb = pytest.importorskip("xgboost")

from skbudget import coverage_at_budget_score, pauc_objective
from skbudget.boosting import CoverageMetric

RNG = np.random.default_rng(0)
Y = (np.arange(200) < 20).astype(int)
SCORES = RNG.normal(size=200) + Y
WEIGHT = RNG.uniform(0.5, 2, size=200)


@pytest.mark.parametrize("basis", ["population", "fpr"])
@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_value_in_every_form_of_call(basis, weight):
    metric = CoverageMetric(0.1, basis)
    expected = coverage_at_budget_score(Y, SCORES, budget=0.1, basis=basis, sample_weight=weight)
    X = np.zeros((200, 1))
    dataset = lgb.Dataset(X, Y, weight=weight).construct()
    assert metric(SCORES, dataset) == ("coverage@0.1", pytest.approx(expected, abs=1e-6), True)
    matrix = xgb.DMatrix(X, Y, weight=weight)
    assert metric(SCORES, matrix) == ("pre_coverage@0.1", pytest.approx(expected, abs=1e-6))
    assert metric(Y, SCORES, weight, None) == ("coverage@0.1", pytest.approx(expected), True)
    if weight is None:
        assert metric(Y, SCORES) == pytest.approx(expected)
    else:
        assert metric(Y, SCORES, sample_weight=weight) == pytest.approx(expected)


@pytest.mark.parametrize("weighted", [False, True])
def test_early_stopping_maximises_in_lightgbm_classifier(table, fresh_table, weighted):
    (X, y), (X_new, y_new) = table, fresh_table
    weight = np.linspace(0.5, 2, y_new.size) if weighted else None
    model = lgb.LGBMClassifier(
        objective=pauc_objective, n_estimators=100, metric="None", verbose=-1, n_jobs=1
    ).fit(
        X,
        y,
        eval_set=[(X_new, y_new)],
        eval_sample_weight=None if weight is None else [weight],
        eval_metric=CoverageMetric(0.05),
        callbacks=[lgb.early_stopping(10, verbose=False)],
    )
    values = model.evals_result_["valid_0"]["coverage@0.05"]
    assert model.best_iteration_ == int(np.argmax(values)) + 1
    assert len(values) < 100
    margin = model.predict(X_new, raw_score=True)
    assert max(values) == pytest.approx(
        coverage_at_budget_score(y_new, margin, budget=0.05, sample_weight=weight), abs=1e-6
    )


@pytest.mark.parametrize("weighted", [False, True])
def test_early_stopping_maximises_in_xgboost_classifier(table, fresh_table, weighted):
    (X, y), (X_new, y_new) = table, fresh_table
    weight = np.linspace(0.5, 2, y_new.size) if weighted else None
    model = xgb.XGBClassifier(
        objective=pauc_objective,
        n_estimators=100,
        eval_metric=CoverageMetric(0.05),
        early_stopping_rounds=10,
        disable_default_eval_metric=True,
        n_jobs=1,
    ).fit(
        X,
        y,
        eval_set=[(X_new, y_new)],
        verbose=False,
        sample_weight_eval_set=None if weight is None else [weight],
    )
    values = model.evals_result()["validation_0"]["pre_coverage@0.05"]
    assert model.best_iteration == int(np.argmax(values))
    assert len(values) < 100
    margin = model.predict(X_new, output_margin=True)
    assert max(values) == pytest.approx(
        coverage_at_budget_score(y_new, margin, budget=0.05, sample_weight=weight), abs=1e-5
    )


def test_pickles_and_compares_by_value():
    metric = CoverageMetric(0.02, "fpr")
    assert pickle.loads(pickle.dumps(metric)) == metric


@pytest.mark.parametrize("budget", [0, -1, 1.5, float("nan"), 50])
def test_bad_budget(budget):
    with pytest.raises(ValueError, match="'budget' parameter of CoverageMetric"):
        CoverageMetric(budget)


def test_bad_basis():
    with pytest.raises(ValueError, match="'basis' parameter of CoverageMetric"):
        CoverageMetric(0.1, "rows")


def test_multiclass_scores_are_refused():
    with pytest.raises(ValueError, match="binary scores"):
        CoverageMetric(0.1)(np.array([0, 1, 2]), np.zeros((3, 3)))


def test_one_class_is_refused():
    with pytest.raises(ValueError, match="one class"):
        CoverageMetric(0.1)(np.zeros(5), np.zeros(5))
