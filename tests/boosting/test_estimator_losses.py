"""Losses by name and as objects in the classifiers, and the columns that they read."""

import pickle

import numpy as np
import pytest

lgb = pytest.importorskip("lightgbm")
xgb = pytest.importorskip("xgboost")

from booster_toys import ByProcess, WithinGroups
from scipy.special import expit
from sklearn.base import clone, is_classifier
from sklearn.metrics import log_loss
from small_models import CLASSES, booster_margin, make, only_rank

from skbudget.boosting import (
    BoosterObjective,
    CoverageMetric,
    PAUCLGBMClassifier,
    PAUCXGBClassifier,
    _fitting,
)
from skbudget.objectives import (
    AtBudget,
    BinaryCrossEntropy,
    PairwisePAUC,
    Schedule,
    available,
    find_loss,
)

pytestmark = pytest.mark.parametrize("cls", CLASSES)


# --- binary losses --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "params"), [("pairwise_pauc", {}), ("trapezoid_pauc", {"surrogate": "trapezoid"})]
)
@pytest.mark.parametrize("band", [{}, {"alpha": 0.01, "beta": 0.3}, {"basis": "population"}])
def test_a_loss_over_a_band_has_the_band_of_the_parameters(cls, name, params, band, table):
    X, y = table
    named = make(cls, name, **band).fit(X, y)
    plain = make(cls, **params, **band).fit(X, y)
    assert named.beta_ == plain.beta_
    assert named._chosen == plain._chosen
    np.testing.assert_array_equal(named.predict_proba(X), plain.predict_proba(X))


def test_a_loss_object_has_its_own_parameters(cls, table):
    X, y = table
    loss = PairwisePAUC(beta=0.4, temperature=0.5)
    model = only_rank(cls, loss).fit(X, y)
    plain = only_rank(cls, beta=0.4, temperature=0.5).fit(X, y)
    np.testing.assert_array_equal(model.decision_function(X), plain.decision_function(X))
    assert not hasattr(model, "beta_")
    at_budget = only_rank(cls, AtBudget(PairwisePAUC(), budget=0.05)).fit(X, y)
    plain = only_rank(cls).fit(X, y)
    np.testing.assert_array_equal(at_budget.decision_function(X), plain.decision_function(X))


def test_every_binary_loss_by_name(cls, table, fresh_table):
    (X, y), (X_new, y_new) = table, fresh_table
    for name in available("binary", model="boosters"):
        model = make(cls, name, selection_cv=None, n_estimators=20, learning_rate=0.15)
        needs = {column: np.arange(y.size) % 7 for column in find_loss(name).needs}
        model.fit(X, y, **needs)
        probability = model.predict_proba(X_new)[:, 1]
        assert probability.mean() == pytest.approx(y_new.mean(), abs=0.015), name
        assert log_loss(y_new, probability) < 0.95 * log_loss(y_new, np.full(y.size, y.mean())), (
            name
        )


def test_boosting_begins_from_the_start_of_the_loss(cls, table):
    X, y = table
    log_odds = np.log(y.mean() / (1 - y.mean()))
    still = {"n_estimators": 1, "learning_rate": 1e-12}
    model = only_rank(cls, "binary_cross_entropy", **still).fit(X, y)
    np.testing.assert_allclose(model.decision_function(X), log_odds, rtol=1e-6)
    # In a saved booster, too.
    np.testing.assert_allclose(booster_margin(model, X), log_odds, rtol=1e-6)
    # Weights count, and those of classes.
    weight = np.where(y == 1, 3.0, 1.0)
    weighted = only_rank(cls, BinaryCrossEntropy(), **still).fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(weighted.decision_function(X), log_odds + np.log(3), rtol=1e-6)
    if cls is PAUCLGBMClassifier:
        by_class = only_rank(cls, BinaryCrossEntropy(), class_weight={0: 1, 1: 3}, **still)
        margin = by_class.fit(X, y).decision_function(X)
        np.testing.assert_allclose(margin, log_odds + np.log(3), rtol=1e-6)
    # A callable begins at zero, as it does without us.
    plain = only_rank(cls, BoosterObjective(BinaryCrossEntropy()), **still).fit(X, y)
    np.testing.assert_allclose(plain.decision_function(X), 0.0, atol=1e-6)
    # The start is part of what a model is trained from, and not only of its predictions.
    short = only_rank(cls, "binary_cross_entropy", n_estimators=15).fit(X, y)
    p = expit(short.decision_function(X))
    assert p.mean() == pytest.approx(y.mean(), rel=0.1)
    assert log_loss(y, p) < 0.8 * log_loss(y, np.full(y.size, y.mean()))


def test_scores_of_the_user_take_the_place_of_the_start(cls, table):
    X, y = table
    base = 0.5 * X[:, 2]
    name = cls._base_name
    model = only_rank(cls, "binary_cross_entropy").fit(X, y, **{name: base})
    objective = BoosterObjective(BinaryCrossEntropy())
    bare = only_rank(cls, objective).fit(X, y, **{name: base})
    # Both have the same trees; the scores of the user are not part of the margins.
    margins = [one.decision_function(X) for one in (model, bare)]
    np.testing.assert_allclose(margins[0], margins[1], rtol=1e-4, atol=1e-5)
    with_base = model.decision_function(X, **{name: base})
    np.testing.assert_allclose(with_base, margins[0] + base, rtol=1e-4, atol=1e-6)


def test_evaluation_sets_begin_where_training_does(cls, table, fresh_table):
    (X, y), (X_new, y_new) = table, fresh_table
    seen = []

    def spread(y_true, y_pred, sample_weight=None):
        seen.append(np.array(y_pred))
        return 0.0

    def spread_of_lightgbm(y_true, y_pred):
        return "spread", spread(y_true, y_pred), False

    base = np.linspace(-1.0, 1.0, y_new.size)
    model = only_rank(cls, "binary_cross_entropy", n_estimators=3)
    if cls is PAUCLGBMClassifier:
        model.fit(
            X,
            y,
            eval_X=(X_new, X_new),
            eval_y=(y_new, y_new),
            eval_metric=spread_of_lightgbm,
            eval_init_score=[None, base],
        )
    else:
        model.set_params(eval_metric=spread).fit(
            X, y, eval_set=[(X_new, y_new), (X_new, y_new)], base_margin_eval_set=[None, base]
        )
    margin = model.decision_function(X_new)
    np.testing.assert_allclose(seen[-2], margin, rtol=1e-4)
    np.testing.assert_allclose(seen[-1], margin + base, rtol=1e-4, atol=1e-5)


def test_a_base_score_takes_the_place_of_the_start(cls, table):
    if cls is PAUCLGBMClassifier:
        pytest.skip("LightGBM has no base score")
    X, y = table
    model = only_rank(
        cls, "binary_cross_entropy", base_score=0.3, n_estimators=1, learning_rate=1e-12
    )
    np.testing.assert_allclose(model.fit(X, y).decision_function(X), np.log(3 / 7), rtol=1e-5)


def test_a_schedule_goes_with_a_loss(cls, table):
    X, y = table
    schedule = Schedule(warmup_rounds=5, blend_rounds=3)
    scheduled = only_rank(cls, "trapezoid_pauc", schedule=schedule).fit(X, y)
    expected = only_rank(cls, surrogate="trapezoid", schedule=schedule).fit(X, y)
    np.testing.assert_array_equal(scheduled.decision_function(X), expected.decision_function(X))


def test_continued_training_of_a_loss(cls, table):
    X, y = table
    argument = "init_model" if cls is PAUCLGBMClassifier else "xgb_model"
    first = only_rank(cls, "binary_cross_entropy", n_estimators=10).fit(X, y)
    more = only_rank(cls, "binary_cross_entropy", n_estimators=10).fit(X, y, **{argument: first})
    whole = only_rank(cls, "binary_cross_entropy", n_estimators=20).fit(X, y)
    np.testing.assert_allclose(
        more.decision_function(X), whole.decision_function(X), rtol=1e-3, atol=1e-3
    )


# --- what is no objective -------------------------------------------------------------


@pytest.mark.parametrize(
    "objective", ["binary", "binary:logistic", "no_such_loss", 3, PairwisePAUC, {1, 2}]
)
def test_what_is_no_objective_is_refused(cls, objective, table):
    model = make(cls, objective)
    parent = cls._parent.__name__
    message = f"'objective' parameter of {cls.__name__} .*pairwise_pauc.*Got .*use {parent}"
    with pytest.raises(ValueError, match=message) as caught:
        model.fit(*table)
    assert repr(objective) in str(caught.value)
    # Nothing else stumbles over it.
    assert hasattr(model, "predict_proba")
    assert is_classifier(model)
    assert repr(clone(model))


def test_messages_name_the_estimator(cls, table):
    for params in ({"budget": 2}, {"temperature": -1}, {"n_knots": 1}, {"schedule": 5}):
        for objective in (None, "pairwise_pauc"):
            with pytest.raises((TypeError, ValueError), match=f"of {cls.__name__}"):
                make(cls, objective, **params).fit(*table)
    with pytest.raises(ValueError, match=f"'alpha' parameter of {cls.__name__}.*smaller than beta"):
        make(cls, alpha=0.9).fit(*table)


# --- columns --------------------------------------------------------------------------


def test_a_group_in_any_order(cls, table, monkeypatch):
    X, y = table
    rng = np.random.default_rng(0)
    group = rng.permutation(y.size) % 150
    trained = []
    original = _fitting.train

    def noting(training, settings, choice):
        trained.append(training.rows.columns["group"])
        return original(training, settings, choice)

    monkeypatch.setattr(_fitting, "train", noting)
    model = make(cls, WithinGroups(), selection_cv=None).fit(X, y, group=group)
    # No group is both in a fold and in what its model is trained on.
    assert len(trained) == 3
    for part in trained:
        assert not set(np.setdiff1d(group, part)) & set(part)
        assert sum(np.isin(group, part)) == part.size
    assert model.predict_proba(X)[:, 1].mean() == pytest.approx(y.mean(), abs=0.02)
    # Names of groups do as well as numbers, and the order does not matter.
    names = np.array([f"query {one}" for one in group])
    same = make(cls, WithinGroups(), selection_cv=None).fit(X, y, group=names)
    plain = only_rank(cls, WithinGroups()).fit(X, y, group=group)
    np.testing.assert_allclose(
        only_rank(cls, WithinGroups()).fit(X, y, group=names).decision_function(X),
        plain.decision_function(X),
        rtol=1e-6,
    )
    assert same.predict_proba(X).shape == (y.size, 2)
    # As the loss is trained without the estimator.
    objective = BoosterObjective(WithinGroups()).with_columns(group=group)
    alone = only_rank(cls, objective).fit(X, y)
    np.testing.assert_allclose(alone.decision_function(X), plain.decision_function(X), rtol=1e-6)


def test_groups_that_leave_no_fold(cls, table):
    X, y = table
    group = np.where(y == 1, 0, np.arange(y.size) % 50)
    with pytest.raises(ValueError, match=f"{cls.__name__} keeps the rows of a group in one fold"):
        make(cls, WithinGroups()).fit(X, y, group=group)
    only_rank(cls, WithinGroups()).fit(X, y, group=group)


def test_a_process(cls, table):
    X, y = table
    process = np.where(X[:, 3] > 0, "b", "a")
    model = make(cls, ByProcess()).fit(X, y, process=process)
    codes = (X[:, 3] > 0).astype(int)
    np.testing.assert_array_equal(
        model.predict_proba(X), make(cls, ByProcess()).fit(X, y, process=codes).predict_proba(X)
    )
    one = only_rank(cls, ByProcess()).fit(X, y, process=codes)
    other = only_rank(cls, ByProcess()).fit(X, y, process=1 - codes)
    assert np.abs(one.decision_function(X) - other.decision_function(X)).max() > 0.05


def test_rows_drawn_as_in_deployment(cls, table):
    X, y = table
    iid = np.arange(y.size) % 3 > 0
    model = only_rank(cls).fit(X, y, iid_mask=iid)
    plain = only_rank(cls).fit(X, y)
    assert np.abs(model.decision_function(X) - plain.decision_function(X)).max() > 1e-3


def test_a_fitted_model_holds_no_columns(cls, table):
    X, y = table
    process = np.arange(y.size) % 2
    plain = only_rank(cls, BinaryCrossEntropy()).fit(X, y)
    model = only_rank(cls, ByProcess()).fit(X, y, process=process)
    assert len(pickle.dumps(model)) < len(pickle.dumps(plain)) + process.nbytes / 2


def test_columns_that_nobody_reads_and_those_that_are_missing(cls, table):
    X, y = table
    column = np.arange(y.size) % 5
    readable = "Columns that .* reads: 'iid_mask', 'value'"
    with pytest.raises(ValueError, match=f"{cls.__name__} does not read .*'group'.*{readable}"):
        make(cls).fit(X, y, group=column)
    with pytest.raises(ValueError, match=f"does not read the column 'sample_wieght'.*{readable}"):
        make(cls).fit(X, y, sample_wieght=column)
    with pytest.raises(ValueError, match="does not read the column 'verbse'"):
        make(cls).fit(X, y, verbse=True)
    with pytest.raises(ValueError, match=f"{cls.__name__} needs the column 'group'.*pass group="):
        make(cls, WithinGroups()).fit(X, y)
    with pytest.raises(ValueError, match=r"group must have one entry per sample"):
        make(cls, WithinGroups()).fit(X, y, group=column[1:])
    with pytest.raises(ValueError, match="group needs the partial AUC, a loss or a Booster"):
        make(cls, lambda y_true, y_pred: (y_pred - y_true, 1.0 + 0 * y_pred)).fit(
            X, y, group=column
        )
    # None is no column.
    only_rank(cls).fit(X, y, group=None)


# --- evaluation of classes ------------------------------------------------------------


def test_weights_of_evaluation_classes_go_by_label(cls, table, fresh_table):
    if cls is PAUCXGBClassifier:
        pytest.skip("XGBoost has no weights of classes")
    (X, y), (X_new, y_new) = table, fresh_table
    named, named_new = (np.where(part == 1, "yes", "no") for part in (y, y_new))
    options = {"eval_X": X_new, "eval_y": named_new, "eval_metric": CoverageMetric(0.05)}
    model = only_rank(cls, n_estimators=3)
    weights = {"yes": 2.0, "no": 0.5}
    model.fit(X, named, **options, eval_class_weight=[weights])
    found = model.evals_result_["valid_0"]["coverage@0.05"]
    expected = only_rank(cls, n_estimators=3).fit(
        X,
        named,
        **options,
        eval_sample_weight=[np.where(y_new == 1, 2.0, 0.5)],
    )
    np.testing.assert_allclose(found, expected.evals_result_["valid_0"]["coverage@0.05"])


def test_a_mask_without_negatives_is_refused(cls):
    X = np.random.default_rng(0).normal(size=(200, 3))
    y = (np.arange(200) % 5 == 0).astype(int)
    model = cls(n_estimators=2, selection_cv=None, calibration_cv=None, n_jobs=1)
    message = f"iid_mask of {cls.__name__} marks 40 of 200 rows, and no negative among them"
    with pytest.raises(ValueError, match=message):
        model.fit(X, y, iid_mask=y == 1)
    # Negatives without weight are not there.
    half = np.arange(200) < 100
    with pytest.raises(ValueError, match="marks 100 of 200 rows, and no negative"):
        model.fit(X, y, iid_mask=half, sample_weight=np.where(half & (y == 0), 0.0, 1.0))
    model.fit(X, y, iid_mask=half)
