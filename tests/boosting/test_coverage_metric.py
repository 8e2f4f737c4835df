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


LABELS = np.repeat([0.0, 1.0], [8, 4])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.where(LABELS == 1, np.nan, 0.0), "contains NaN"),
        (np.where(LABELS == 1, 1.0, np.nan), "contains NaN"),
        (np.append(LABELS[:-1], np.inf), "contains NaN or infinity"),
        (LABELS * 1.9, r"takes value in \[0.0, 1.9\]"),
        (LABELS + 1, r"takes value in \[1.0, 2.0\]"),
        (np.append(LABELS[:-1], 1.9), "must be binary: found 3 classes"),
        (np.append(LABELS[:-1], 257), "must be binary: found 3 classes"),
        (np.where(LABELS == 1, "1", "0"), "pos_label is not specified"),
        (np.where(LABELS == 1, "yes", "no"), "pos_label is not specified"),
        ([None, 1] * 6, "contains NaN or None"),
        ([0, "a"] * 6, "mixes labels of different types"),
    ],
)
@pytest.mark.parametrize("weight_of_positives", ["rows", "value"])
@pytest.mark.parametrize("weight", [None, np.ones(12)])
def test_labels_are_checked(labels, message, weight_of_positives, weight):
    metric = CoverageMetric(0.2, weight_of_positives=weight_of_positives)
    with pytest.raises(ValueError, match=message):
        metric(labels, SCORES[:12], sample_weight=weight)
    with pytest.raises(ValueError, match=message):
        metric(labels, SCORES[:12], weight, None)


class Held:
    """Labels as a booster holds them, in single precision."""

    def __init__(self, labels, weight=None):
        self.labels, self.weight = np.asarray(labels, np.float32), weight

    def get_label(self):
        return self.labels

    def get_weight(self):
        return self.weight

    def get_uint_info(self, field):
        return np.empty(0, np.uint32)

    def get_float_info(self, field):
        return np.empty(0, np.float32)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.where(LABELS == 1, np.nan, 0.0), "contains NaN"),
        (LABELS * 1.9, r"takes value in \[0.0, 1.89"),
        (np.append(LABELS[:-1], 2), "must be binary: found 3 classes"),
    ],
)
def test_labels_of_a_booster_are_checked(labels, message):
    for metric in (CoverageMetric(0.2), CoverageMetric(0.2, weight_of_positives="value")):
        with pytest.raises(ValueError, match=message):
            metric(SCORES[:12], Held(labels))
    assert CoverageMetric(0.5)(SCORES[:12], Held(2 * LABELS - 1)) == (
        "pre_coverage@0.5",
        CoverageMetric(0.5)(LABELS, SCORES[:12]),
    )


@pytest.mark.parametrize("weight_of_positives", ["rows", "value"])
def test_integers_that_no_float_holds_do_not_tie(weight_of_positives):
    metric = CoverageMetric(0.1, weight_of_positives=weight_of_positives)
    ranks = np.argsort(np.argsort(SCORES))
    expected = metric(Y, SCORES, sample_weight=WEIGHT)
    assert metric(Y, 2**60 + ranks, sample_weight=WEIGHT) == expected
    assert metric(Y, 2**60 + ranks, WEIGHT, None) == ("coverage@0.1", expected, True)


@pytest.mark.parametrize("weight_of_positives", ["rows", "value"])
@pytest.mark.parametrize("exponent", [-1060, 1000])
def test_only_ratios_of_weights_count(weight_of_positives, exponent):
    metric = CoverageMetric(0.1, "fpr", weight_of_positives)
    weight = np.round(8 * WEIGHT) / 8  # few digits, which subnormal numbers hold
    if weight_of_positives == "value":
        # Of positives the weights are values, and of negatives they repeat rows.
        weight[Y == 0] = 1.0
        scaled = np.where(Y == 1, np.ldexp(weight, exponent), weight)
    else:
        scaled = np.ldexp(weight, exponent)
    expected = metric(Y, SCORES, sample_weight=weight)
    assert metric(Y, SCORES, sample_weight=scaled) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"budget": "1%"}, "A budget is a fraction: pass 0.01"),
        ({"budget": True}, "'budget' parameter of CoverageMetric"),
        ({"weight_of_positives": "no"}, "'weight_of_positives' parameter"),
        ({"weight_of_positives": True}, "'weight_of_positives' parameter"),
        ({"basis": np.array(["fpr", "fpr"])}, "'basis' parameter"),
    ],
)
def test_bad_parameters(wrong, message):
    with pytest.raises(ValueError, match=message):
        CoverageMetric(**wrong)


def test_a_budget_of_1_is_warned_about():
    with pytest.warns(UserWarning, match=r"budget=1 reviews everything.*budget=0\.01"):
        CoverageMetric(1)


def test_one_class_is_refused():
    with pytest.raises(ValueError, match="one class"):
        CoverageMetric(0.1)(np.zeros(5), np.zeros(5))
