import copy
import pickle
import warnings

import joblib
import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import brier_score_loss
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

lgb = pytest.importorskip("lightgbm")
xgb = pytest.importorskip("xgboost")
pd = pytest.importorskip("pandas")

from skbudget import coverage_at_budget_score, make_coverage_scorer
from skbudget.boosting import (
    BoosterObjective,
    CoverageMetric,
    PAUCLGBMClassifier,
    PAUCObjective,
    PAUCXGBClassifier,
    _choosing,
    _fitting,
    default_beta,
)
from skbudget.datasets import make_hard_bulk
from skbudget.metrics import partial_auc_score
from skbudget.objectives import BinaryCrossEntropy, Schedule

CLASSES = [PAUCLGBMClassifier, PAUCXGBClassifier]


def make(cls, **params):
    quiet = {"verbose": -1} if issubclass(cls, PAUCLGBMClassifier) else {}
    return cls(**{"n_estimators": 15, "budget": 0.05, "n_jobs": 1, **quiet, **params})


def booster_margin(model, X):
    """The margin as the saved booster alone would give it."""
    if isinstance(model, PAUCLGBMClassifier):
        return model.booster_.predict(X, raw_score=True)
    return model.get_booster().predict(xgb.DMatrix(X), output_margin=True)


pytestmark = pytest.mark.parametrize("cls", CLASSES)


def test_is_what_the_parent_is(cls, table):
    X, y = table
    model = make(cls).fit(X, y)
    assert isinstance(model, cls._parent)
    assert model.feature_importances_.shape == (6,)
    assert model.feature_importances_.argmax() in (0, 1)
    assert model.n_features_in_ == 6
    assert model.n_classes_ == 2


def test_takes_every_parameter_of_the_parent(cls):
    ours, parents = cls().get_params(), cls._parent().get_params()
    assert set(parents) <= set(ours)
    changed = {k for k in parents if ours[k] is not parents[k] and ours[k] != parents[k]} - {
        "missing"
    }
    assert changed == {"n_estimators", "learning_rate", "reg_lambda"} | (
        {"objective", "gamma", "grow_policy", "max_depth", "max_leaves"}
        if cls is PAUCXGBClassifier
        else {"min_split_gain", "num_leaves"}
    )
    assert clone(cls(budget=0.1)).budget == 0.1


def test_margin_is_the_booster_s(cls, table, fresh_table):
    model = make(cls).fit(*table)
    margin = model.decision_function(fresh_table[0])
    np.testing.assert_allclose(margin, booster_margin(model, fresh_table[0]), rtol=1e-6)


def test_trees_are_those_of_native_training(cls, table, fresh_table):
    X, y = table
    given = {cls._split_gain_name: 0.5, cls._leaves_name: 20, "selection_cv": None}
    model = make(cls, calibration_cv=None, **given).fit(X, y)
    objective = PAUCObjective(budget=0.05)
    if cls is PAUCLGBMClassifier:
        native = cls._parent(**{**model._parent_params(), "objective": objective}).fit(X, y)
        expected = native.predict(fresh_table[0], raw_score=True)
    else:
        native = cls._parent(**{**model._parent_params(), "objective": objective}).fit(X, y)
        expected = native.predict(fresh_table[0], output_margin=True)
    np.testing.assert_allclose(model.decision_function(fresh_table[0]), expected, rtol=1e-6)


def test_probabilities_are_calibrated_and_keep_the_ranking(cls, table, fresh_table):
    (X, y), (X_new, y_new) = table, fresh_table
    model = make(cls, n_estimators=40).fit(X, y)
    probability = model.predict_proba(X_new)
    np.testing.assert_allclose(probability.sum(axis=1), 1)
    margin = model.decision_function(X_new)
    np.testing.assert_array_equal(
        np.argsort(margin, kind="stable"), np.argsort(probability[:, 1], kind="stable")
    )
    assert probability[:, 1].mean() == pytest.approx(y_new.mean(), abs=0.015)
    base_rate = np.full(y_new.size, y_new.mean())
    assert brier_score_loss(y_new, probability[:, 1]) < 0.9 * brier_score_loss(y_new, base_rate)
    top = probability[:, 1] > 0.3
    assert y_new[top].mean() == pytest.approx(probability[top, 1].mean(), abs=0.15)


def test_predict_follows_the_probability_and_the_sign_of_the_margin(cls, table, fresh_table):
    model = make(cls, n_estimators=40).fit(*table)
    X_new = fresh_table[0]
    likely = model.predict_proba(X_new)[:, 1] > 0.5
    assert 0 < likely.sum() < likely.size
    np.testing.assert_array_equal(model.predict(X_new) == 1, likely)
    np.testing.assert_array_equal(model.decision_function(X_new) > 0, likely)


def test_calibration_sees_only_held_out_rows(cls, table):
    """On noise, in-sample margins separate the classes; held-out ones do not."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(600, 20)), (np.arange(600) < 120).astype(int)
    model = (
        make(cls, n_estimators=60, min_split_gain=0.0)
        if cls is PAUCLGBMClassifier
        else make(cls, n_estimators=60, gamma=0.0)
    )
    model.fit(X, y)
    in_sample = coverage_at_budget_score(y, model.decision_function(X), budget=0.2)
    assert in_sample > 0.8
    probability = model.predict_proba(X)[:, 1]
    assert probability[y == 1].mean() < 0.45


def test_without_calibration_there_is_only_a_ranking(cls, table):
    model = make(cls, calibration_cv=None).fit(*table)
    assert not hasattr(model, "predict_proba")
    with pytest.raises(AttributeError, match="predict_proba") as caught:
        _ = model.predict_proba
    assert "ranks only" in str(caught.value.__cause__)
    with pytest.raises(NotFittedError, match="no calibration"):
        model.predict(table[0])
    with pytest.raises(AttributeError, match="no calibrator"):
        _ = model.calibrator_


@pytest.mark.parametrize("labels", [("ok", "fraud"), (-1, 1), (False, True), (3, 7)])
def test_any_two_labels(cls, table, labels):
    X, y = table
    low, high = sorted(labels)
    named = np.where(y == 1, high, low)
    model, plain = (make(cls, selection_cv=None).fit(X, target) for target in (named, y))
    assert list(model.classes_) == [low, high]
    assert model.pos_label_ == high
    np.testing.assert_array_equal(model.decision_function(X), plain.decision_function(X))
    predicted = model.predict(X)
    assert set(predicted) <= {low, high}
    np.testing.assert_array_equal(predicted == high, plain.predict(X) == 1)


def test_sparse_input(cls, table):
    X, y = table
    X = np.where(X > 0.5, X, 0.0)
    dense = make(cls).fit(X, y)
    for convert in (sp.csr_matrix, sp.csc_matrix, sp.csr_array):
        model = make(cls).fit(convert(X), y)
        assert coverage_at_budget_score(
            y, model.decision_function(convert(X)), budget=0.05
        ) == pytest.approx(
            coverage_at_budget_score(y, dense.decision_function(X), budget=0.05), abs=0.05
        )
        assert model.predict_proba(convert(X)).shape == (y.size, 2)


def test_pandas_with_categories_and_missing_values(cls, table):
    X, y = table
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(X.copy(), columns=[f"x{k}" for k in range(6)])
    frame.loc[rng.random(y.size) < 0.2, "x0"] = np.nan
    group = np.where(rng.random(y.size) < 0.8, np.where(y == 1, "a", "b"), "c")
    frame["kind"] = pd.Categorical(group)
    params = {} if cls is PAUCLGBMClassifier else {"enable_categorical": True}
    model = make(cls, **params).fit(frame, y)
    np.testing.assert_array_equal(model.feature_names_in_, frame.columns)
    without = make(cls).fit(frame.drop(columns="kind"), y)
    margin = model.decision_function(frame)
    assert coverage_at_budget_score(y, margin, budget=0.05) > coverage_at_budget_score(
        y, without.decision_function(frame.drop(columns="kind")), budget=0.05
    )
    assert model.predict_proba(frame).shape == (y.size, 2)
    with pytest.raises(ValueError, match="feature names"):
        model.decision_function(frame.rename(columns={"x1": "other"}))


def test_missing_values_in_arrays(cls, table):
    X, y = table
    X = X.copy()
    X[::7, 0] = np.nan
    model = make(cls).fit(X, y)
    assert np.isfinite(model.predict_proba(X)).all()


def test_sample_weight_reaches_trees_and_calibration(cls, table, fresh_table):
    (X, y), (X_new, y_new) = table, fresh_table
    weight = np.where(y == 1, 10.0, 1.0)
    plain, weighted = make(cls).fit(X, y), make(cls).fit(X, y, sample_weight=weight)
    weight_new = np.where(y_new == 1, 10.0, 1.0)
    share = np.average(y_new, weights=weight_new)
    probability = weighted.predict_proba(X_new)[:, 1]
    assert np.average(probability, weights=weight_new) == pytest.approx(share, abs=0.05)
    assert plain.predict_proba(X_new)[:, 1].mean() == pytest.approx(y_new.mean(), abs=0.02)
    where = np.where(X[:, 2] > 0, 10.0, 0.1)
    tilted = make(cls).fit(X, y, sample_weight=where)
    assert np.abs(tilted.decision_function(X) - plain.decision_function(X)).max() > 0.01


def test_rows_of_weight_zero_are_not_calibrated_on(cls, table):
    X, y = table
    flipped = np.r_[y, 1 - y[:1000]]
    weight = np.r_[np.ones(y.size), np.zeros(1000)]
    model = make(cls).fit(np.vstack([X, X[:1000]]), flipped, sample_weight=weight)
    assert model.predict_proba(X)[:, 1].mean() == pytest.approx(y.mean(), abs=0.02)


def fit_with_early_stopping(model, X, y, X_new, y_new, rounds):
    if isinstance(model, PAUCLGBMClassifier):
        callbacks = [lgb.early_stopping(rounds, verbose=False)]
        model.fit(X, y, eval_set=[(X_new, y_new)], callbacks=callbacks)
        return model.best_iteration_, model.evals_result_["valid_0"]
    model.set_params(early_stopping_rounds=rounds)
    model.fit(X, y, eval_set=[(X_new, y_new)])
    return model.best_iteration + 1, model.evals_result()["validation_0"]


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_early_stopping_maximises_coverage(cls, table, fresh_table):
    (X, y), (X_new, y_new) = table, fresh_table
    named = [np.where(part == 1, "yes", "no") for part in (y, y_new)]
    model = make(cls, n_estimators=300)
    best, history = fit_with_early_stopping(model, X, named[0], X_new, named[1], 10)
    assert len(history) == 1
    name, values = next(iter(history.items()))
    assert name.endswith("coverage@0.05")
    assert best == int(np.argmax(values)) + 1 < 300
    assert coverage_at_budget_score(
        y_new, model.decision_function(X_new), budget=0.05
    ) == pytest.approx(max(values), abs=1e-6)
    assert model.predict_proba(X_new).shape == (y_new.size, 2)


def test_other_evaluation_metrics(cls, table, fresh_table):
    (X, y), (X_new, y_new) = table, fresh_table
    if cls is PAUCLGBMClassifier:
        model = make(cls).fit(
            X, y, eval_X=X_new, eval_y=y_new, eval_metric=["auc", CoverageMetric(0.1)]
        )
        assert set(model.evals_result_["valid_0"]) == {"auc", "coverage@0.1"}
    else:
        model = make(cls, eval_metric="auc").fit(X, y, eval_set=[(X_new, y_new)])
        assert "auc" in model.evals_result()["validation_0"]


def test_parameters_reach_the_objective(cls, table):
    X, y = table
    margins = [
        make(cls, selection_cv=None, calibration_cv=None, **params).fit(X, y).decision_function(X)
        for params in (
            {},
            {"beta": 0.9},
            {"link": "sigmoid"},
            {"temperature": 0.3},
            {"budget": 0.1},
            {"alpha": 0.02},
            {"basis": "population"},
            {"tau_scale": "band"},
            {"schedule": Schedule(warmup_rounds=5)},
            {"objective": BoosterObjective(BinaryCrossEntropy())},
        )
    ]
    for i, margin in enumerate(margins):
        for other in margins[:i]:
            assert np.abs(margin - other).max() > 1e-4


def test_scheduled_fit_calibrates_too(cls, table):
    X, y = table
    model = make(cls, schedule=Schedule(warmup_rounds=5, blend_rounds=3)).fit(X, y)
    assert model.predict_proba(X)[:, 1].mean() == pytest.approx(y.mean(), abs=0.02)


def test_same_seed_same_model(cls, table):
    X, y = table
    params = {"subsample": 0.5, "random_state": 3}
    if cls is PAUCLGBMClassifier:
        params["subsample_freq"] = 1
    first, second = make(cls, **params).fit(X, y), make(cls, **params).fit(X, y)
    np.testing.assert_array_equal(first.predict_proba(X), second.predict_proba(X))
    other = make(cls, **{**params, "random_state": 4}).fit(X, y)
    assert np.abs(first.decision_function(X) - other.decision_function(X)).max() > 1e-4


def test_pickle_copy_joblib(cls, table, tmp_path):
    X, y = table
    model = make(cls).fit(X, y)
    joblib.dump(model, tmp_path / "model")
    for other in (
        pickle.loads(pickle.dumps(model)),
        copy.deepcopy(model),
        joblib.load(tmp_path / "model"),
    ):
        np.testing.assert_array_equal(other.predict_proba(X), model.predict_proba(X))
        np.testing.assert_array_equal(other.predict(X), model.predict(X))


def test_saved_booster_gives_the_margin(cls, table, tmp_path):
    X, y = table
    model = make(cls).fit(X, y)
    if cls is PAUCLGBMClassifier:
        path = tmp_path / "model.txt"
        model.booster_.save_model(path)
        assert "calibration_cv" not in path.read_text()
        margin = lgb.Booster(model_file=path).predict(X, raw_score=True)
    else:
        path = tmp_path / "model.ubj"
        model.save_model(path)
        margin = xgb.Booster(model_file=path).predict(xgb.DMatrix(X), output_margin=True)
        loaded = make(cls)
        loaded.load_model(path)
        np.testing.assert_allclose(loaded.decision_function(X), margin, rtol=1e-6)
        with pytest.raises(NotFittedError, match="loaded from a file"):
            loaded.predict_proba(X)
    np.testing.assert_allclose(margin, model.decision_function(X), rtol=1e-6)


@pytest.mark.filterwarnings("ignore")
def test_shap_explains_the_margin(cls, table):
    shap = pytest.importorskip("shap")
    X, y = table
    model = make(cls).fit(X, y)
    explainer = shap.TreeExplainer(model)
    values = explainer.shap_values(X[:50])
    if isinstance(values, list):
        values = values[1]
    total = values.sum(axis=1) + np.ravel(explainer.expected_value)[-1]
    np.testing.assert_allclose(total, model.decision_function(X[:50]), atol=1e-3)


def test_model_selection_on_coverage(cls, table):
    X, y = table
    named = np.where(y == 1, "yes", "no")
    ranks = make(cls, selection_cv=None, calibration_cv=None)
    pipeline = make_pipeline(StandardScaler(), ranks)
    name = cls.__name__.lower()
    scorer = make_coverage_scorer(budget=0.05)
    search = GridSearchCV(
        pipeline,
        {f"{name}__budget": [0.02, 0.1], f"{name}__link": ["logistic", "sigmoid"]},
        scoring=scorer,
        cv=2,
        n_jobs=2,
    ).fit(X, named)
    assert 0.2 < search.best_score_ <= 1
    scores = cross_validate(pipeline, X, named, scoring=scorer, cv=3)["test_score"]
    assert (scores > 0.2).all()


def test_one_versus_rest_wraps_it(cls):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, size=600)
    X = rng.normal(size=(600, 4)) + np.eye(3)[y] @ (3 * rng.normal(size=(3, 4)))
    model = OneVsRestClassifier(make(cls, budget=0.2, selection_cv=None)).fit(X, y)
    assert (model.predict(X) == y).mean() > 0.8


def test_set_params_and_refit(cls, table):
    X, y = table
    model = make(cls, selection_cv=None).fit(X, y)
    first = model.decision_function(X)
    model.set_params(beta=0.9, calibration_cv=None).fit(X, y)
    assert np.abs(model.decision_function(X) - first).max() > 1e-4
    assert not hasattr(model, "predict_proba")
    model.set_params(beta=None, calibration_cv=3).fit(X, y)
    np.testing.assert_allclose(model.decision_function(X), first)


def test_fit_changes_no_parameter(cls, table):
    model = make(cls)
    before = {k: v for k, v in model.get_params().items() if k != "missing"}
    model.fit(*table)
    after = {k: v for k, v in model.get_params().items() if k != "missing"}
    assert before == after


def test_continued_training(cls, table):
    X, y = table
    argument = "init_model" if cls is PAUCLGBMClassifier else "xgb_model"
    first = make(cls, calibration_cv=None).fit(X, y)
    more = make(cls, calibration_cv=None).fit(X, y, **{argument: first})
    trees = (
        more.booster_.num_trees()
        if cls is PAUCLGBMClassifier
        else more.get_booster().num_boosted_rounds()
    )
    assert trees == 30
    with pytest.raises(ValueError, match="calibration_cv=None"):
        make(cls).fit(X, y, **{argument: first})


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"budget": 0}, "'budget'"),
        ({"budget": 50}, "50 basis points are 0.005"),
        ({"budget": float("nan")}, "'budget'"),
        ({"alpha": 0.3, "beta": 0.2}, "'alpha'.*smaller than beta"),
        ({"surrogate": "list"}, "'surrogate'"),
        ({"temperature": 0}, "'temperature'"),
        ({"calibration_cv": 1}, r"'calibration_cv'.*\[2, inf\)"),
        ({"calibration_cv": 2.5}, "'calibration_cv'.*an int"),
    ],
)
def test_bad_parameters_are_refused_at_fit(cls, table, params, message):
    model = make(cls, **params)
    with pytest.raises(ValueError, match=message):
        model.fit(*table)


def test_bad_targets(cls, table):
    X, y = table
    with pytest.raises(ValueError, match="one class"):
        make(cls).fit(X, np.zeros(y.size))
    with pytest.raises(ValueError, match="Only binary classification.*3 classes.*OneVsRest"):
        make(cls).fit(X, np.arange(y.size) % 3)
    with pytest.raises(ValueError, match="only 1 member"):
        make(cls).fit(X, np.arange(y.size) == 0)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        make(cls).fit(X, y[:-1])
    for objective in (None, "crammer_singer", "softmax_cross_entropy"):
        model = make(cls, objective=objective)
        with pytest.raises(ValueError, match=r"y must hold class.*holds fractions: \[0.0, 0.5"):
            model.fit(X, 0.5 * (np.arange(y.size) % 3))
        with pytest.raises(ValueError, match="Unknown label type"):
            model.fit(X, X[:, 0])


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (lambda y: -np.ones(y.size), "Negative values in sample_weight"),
        (lambda y: np.full(y.size, np.nan), "sample_weight contains NaN"),
        (lambda y: np.zeros(y.size), "zero"),
        (lambda y: 1.0 - y, "all sample weights of the class"),
        (lambda y: np.ones(3), "one entry per sample"),
    ],
)
def test_bad_weights(cls, table, weight, message):
    X, y = table
    with pytest.raises(ValueError, match=message):
        make(cls).fit(X, y, sample_weight=weight(y))


def test_not_fitted(cls, table):
    with pytest.raises(NotFittedError):
        make(cls).decision_function(table[0])
    with pytest.raises(NotFittedError):
        make(cls).predict_proba(table[0])


def test_constant_features_give_the_base_rate(cls, table):
    y = table[1]
    X = np.ones((y.size, 2))
    model = make(cls).fit(X, y)
    np.testing.assert_allclose(model.predict_proba(X)[:, 1], y.mean(), atol=0.01)


def test_a_handful_of_rows(cls):
    X = np.random.default_rng(0).normal(size=(12, 2))
    probability = make(cls).fit(X, np.arange(12) < 3).predict_proba(X)
    assert np.isfinite(probability).all()


def test_ratio_of_the_classes_is_refused(cls, table):
    with pytest.raises(ValueError, match="'scale_pos_weight'.*cancels out"):
        make(cls, scale_pos_weight=10.0).fit(*table)


def test_trains_without_warnings(cls, table):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = make(cls).fit(*table)
        model.predict(table[0])


# --- what is chosen by cross-fitting ----------------------------------------------


def split_gain(model):
    return getattr(model, f"{model._split_gain_name}_")


def leaves(model):
    return getattr(model, f"{model._leaves_name}_")


def test_the_whole_auc_is_trained_where_the_top_is_not_contested(cls):
    X, y = make_hard_bulk(12_000, pos_rate=0.03, random_state=0)
    X_new, y_new = make_hard_bulk(30_000, pos_rate=0.03, random_state=1)
    params = {"budget": 0.01, "n_estimators": 40, "learning_rate": 0.1, "calibration_cv": None}
    chosen = make(cls, **params).fit(X, y)
    assert (chosen.beta_, split_gain(chosen), leaves(chosen)) == (1.0, 1.0, 15)
    rule = make(cls, **params, selection_cv=None).fit(X, y)
    assert rule.beta_ == pytest.approx(1.5 * y.sum() / (y == 0).sum())
    assert (split_gain(rule), leaves(rule)) == (0.0, 127)
    area, narrow = (
        partial_auc_score(y_new, model.decision_function(X_new), beta=0.03)
        for model in (chosen, rule)
    )
    assert area > narrow + 0.01


def test_fine_structure_is_kept(cls):
    """Many small clusters of positives need every split."""
    rng = np.random.default_rng(0)
    centres = rng.uniform(-4, 4, size=(40, 4))
    rows = rng.uniform(-5, 5, size=(8000, 4))
    distance = np.min(np.linalg.norm(rows[:, None] - centres, axis=2), axis=1)
    clusters = make(cls, n_estimators=40, learning_rate=0.1).fit(rows, distance < 0.9)
    assert (clusters.beta_ < 1.0, split_gain(clusters)) == (True, 0.0)


def test_what_is_given_is_not_chosen(cls, table):
    name = cls._split_gain_name
    both = make(cls, beta=0.3, **{name: 0.25}).fit(*table)
    assert (both.beta_, split_gain(both)) == (0.3, 0.25)
    assert make(cls, beta=0.3).fit(*table).beta_ == 0.3
    assert split_gain(make(cls, **{name: 0.25}).fit(*table)) == 0.25
    assert leaves(make(cls, beta=1.0).fit(*table)) == 15
    assert leaves(make(cls, **{cls._leaves_name: 5}).fit(*table)) == 5


def test_a_choice_is_the_model_that_is_trained_with_it(cls, table, fresh_table):
    chosen = make(cls, random_state=3).fit(*table)
    beta = 1.0 if chosen.beta_ == 1.0 else None
    given = {"beta": beta, cls._split_gain_name: split_gain(chosen)}
    again = make(cls, random_state=3, selection_cv=None, **given).fit(*table)
    np.testing.assert_array_equal(
        chosen.decision_function(fresh_table[0]), again.decision_function(fresh_table[0])
    )
    np.testing.assert_array_equal(
        chosen.predict_proba(fresh_table[0]), again.predict_proba(fresh_table[0])
    )


def test_folds_of_the_choice_serve_calibration(cls, table, monkeypatch):
    fits = []
    original = _fitting.score_held_out

    def counting(training, settings, choice, cv, n_rounds=None):
        fits.append(cv)
        return original(training, settings, choice, cv, n_rounds)

    def racing(training, settings, splits):
        fits.append("race")
        return race(training, settings, splits)

    race = _choosing.race
    monkeypatch.setattr(_fitting, "score_held_out", counting)
    monkeypatch.setattr(_choosing, "race", racing)
    make(cls).fit(*table)
    assert fits == ["race"]
    fits.clear()
    make(cls, calibration_cv=4).fit(*table)
    assert fits == ["race", 4]
    fits.clear()
    make(cls, selection_cv=None, calibration_cv=None).fit(*table)
    assert fits == []


def test_few_positives_leave_the_rule(cls, table):
    X, y = table
    rows = np.r_[np.flatnonzero(y == 1)[:9], np.flatnonzero(y == 0)]
    model = make(cls).fit(X[rows], y[rows])
    assert model.beta_ == pytest.approx(default_beta(0.05, 9, (y == 0).sum()))
    assert split_gain(model) == 0.0


def test_another_objective_has_no_band(cls, table):
    model = make(cls, objective=BoosterObjective(BinaryCrossEntropy())).fit(*table)
    assert not hasattr(model, "beta_")
    assert split_gain(model) in (0.0, 1.0)


def test_refitting_with_another_objective_drops_the_band(cls, table):
    model = make(cls).fit(*table)
    model.set_params(objective=BoosterObjective(BinaryCrossEntropy())).fit(*table)
    assert not hasattr(model, "beta_")


def test_early_stopping_calibrates_on_as_many_rounds(cls, table, fresh_table):
    stop = {"n_estimators": 120, "learning_rate": 0.3}
    if cls is PAUCXGBClassifier:
        model = make(cls, early_stopping_rounds=5, **stop)
        model.fit(*table, eval_set=[fresh_table])
        kept = model.best_iteration + 1
    else:
        model = make(cls, **stop)
        model.fit(*table, eval_set=[fresh_table], callbacks=[lgb.early_stopping(5, verbose=False)])
        kept = model.best_iteration_
    assert kept < 120
    given = {"beta": 1.0 if model.beta_ == 1.0 else None, cls._split_gain_name: split_gain(model)}
    short = make(cls, selection_cv=None, **{**stop, "n_estimators": kept}, **given).fit(*table)
    assert model.calibrator_.slope == pytest.approx(short.calibrator_.slope, rel=1e-6)


def test_bad_split_gain_is_refused(cls, table):
    with pytest.raises(
        ValueError, match=rf"'{cls._split_gain_name}' parameter .* must be a number or 'auto'"
    ):
        make(cls, **{cls._split_gain_name: "some"}).fit(*table)
    with pytest.raises(ValueError, match=rf"'{cls._leaves_name}' parameter .* a number or 'auto'"):
        make(cls, **{cls._leaves_name: "many"}).fit(*table)
    with pytest.raises(ValueError, match="'selection_cv' parameter"):
        make(cls, selection_cv=1).fit(*table)
