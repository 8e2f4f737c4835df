"""How the classifiers choose, train and calibrate, and how the models of folds are trained."""

import pickle
import warnings
from dataclasses import dataclass

import numpy as np
import pytest

lgb = pytest.importorskip("lightgbm")
xgb = pytest.importorskip("xgboost")

from booster_toys import Squared
from sklearn.base import clone
from sklearn.metrics import log_loss

from skbudget import PAUCLGBMClassifier, PAUCXGBClassifier, coverage_at_budget_score
from skbudget._utils.calibration import ClassCalibrator, SigmoidCalibrator
from skbudget._utils.labels import PositiveClassWarning
from skbudget.boosting import _fitting
from skbudget.boosting._fitting import HeldOut, Model, Training, as_of_model, folds
from skbudget.objectives import BinaryCrossEntropy, Rows

CLASSES = [PAUCLGBMClassifier, PAUCXGBClassifier]
each_class = pytest.mark.parametrize("cls", CLASSES)


def draw(n_samples, seed):
    rng = np.random.default_rng(seed)
    y = (rng.random(n_samples) < 0.02).astype(int)
    X = rng.standard_normal((n_samples, 6))
    X[:, 0] += 1.5 * y
    X[:, 1] += y
    return X, y


@pytest.fixture(scope="module")
def table():
    return draw(20_000, seed=0)


@pytest.fixture(scope="module")
def valid():
    return draw(20_000, seed=2)


@pytest.fixture(scope="module")
def fresh():
    return draw(40_000, seed=1)


def make(cls, **params):
    quiet = {"verbose": -1} if cls is PAUCLGBMClassifier else {}
    shared = {"n_estimators": 60, "learning_rate": 0.2, "budget": 0.02, "n_jobs": 1}
    return cls(**{**shared, **quiet, **params})


def n_trees(model):
    if isinstance(model, PAUCLGBMClassifier):
        return model.booster_.num_trees()
    return model.get_booster().num_boosted_rounds()


def assert_calibrated(model, X, y, **options):
    """Hold probabilities to the base rate, and to a sigmoid that knows the labels of the rows."""
    probability = model.predict_proba(X, **options)[:, 1]
    assert probability.mean() == pytest.approx(y.mean(), rel=0.15)
    margin = model.decision_function(X, **options)
    refitted = SigmoidCalibrator.fit(margin, y == 1, None)(margin)
    assert log_loss(y, probability) < log_loss(y, refitted) + 5e-4
    np.testing.assert_array_equal(margin > 0, probability > 0.5)
    np.testing.assert_array_equal(model.predict(X, **options) == 1, probability > 0.5)


class Recorder:
    """A callback of either booster that counts rounds and notes when each training began."""

    def __init__(self):
        self.n_rounds = 0

    def __deepcopy__(self, memo):
        other = type(self)()
        other.n_rounds = self.n_rounds
        return other

    def _note(self):
        if self.n_rounds == 0:
            self.trainings.append(self)
        self.n_rounds += 1


class LightGBMRecorder(Recorder):
    order = 5
    before_iteration = False
    trainings: list = []

    def __call__(self, env):
        self._note()


class XGBoostRecorder(Recorder, xgb.callback.TrainingCallback):
    trainings: list = []

    def after_iteration(self, model, epoch, evals_log):
        self._note()
        return False


def fit_with(cls, callbacks, table, **options):
    """Fit a model with callbacks, which LightGBM takes in `fit` and XGBoost as a parameter."""
    params = options.pop("params", {})
    if cls is PAUCLGBMClassifier:
        return make(cls, **params).fit(*table, callbacks=callbacks, **options)
    return make(cls, callbacks=callbacks, **params).fit(*table, **options)


# --- early stopping -------------------------------------------------------------------


STOPPED = {
    "LightGBM's parameter": (PAUCLGBMClassifier, {"early_stopping_rounds": 15}, None),
    "LightGBM's callback": (
        PAUCLGBMClassifier,
        {},
        lambda: lgb.early_stopping(15, verbose=False),
    ),
    "XGBoost's parameter": (PAUCXGBClassifier, {"early_stopping_rounds": 15}, None),
    "XGBoost's callback": (
        PAUCXGBClassifier,
        {},
        lambda: xgb.callback.EarlyStopping(15, maximize=True),
    ),
    "XGBoost's best model": (
        PAUCXGBClassifier,
        {},
        lambda: xgb.callback.EarlyStopping(15, maximize=True, save_best=True),
    ),
}


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore:The argument 'eval_set'")
@pytest.mark.parametrize("how", STOPPED)
@pytest.mark.parametrize("selection_cv", [3, None])
def test_probabilities_with_early_stopping(how, selection_cv, table, valid, fresh):
    cls, params, callback = STOPPED[how]
    recorder = (LightGBMRecorder if cls is PAUCLGBMClassifier else XGBoostRecorder)()
    recorder.trainings.clear()
    callbacks = [recorder] + ([] if callback is None else [callback()])
    # The margins of a band drift by a constant, which is another one in every model.
    params = {"n_estimators": 200, "beta": 1.0, "selection_cv": selection_cv, **params}
    options = {"params": params}
    model = fit_with(cls, callbacks, table, eval_set=[valid], **options)
    kept = model.best_iteration_ if cls is PAUCLGBMClassifier else model.best_iteration + 1
    assert kept < 150
    assert_calibrated(model, *fresh)

    # Models that are compared stop by themselves; those of the calibration have as many rounds
    # as the final one keeps.
    rounds = [one.n_rounds for one in recorder.trainings]
    compared, (final, *calibrated) = (rounds[:-4], rounds[-4:]) if selection_cv else ([], rounds)
    assert final == min(kept + 15, 200)
    assert calibrated == [kept] * 3
    assert len(set(compared)) > 2 or not compared


@each_class
def test_a_choice_is_made_by_the_best_round_of_each_model(cls, table, valid, monkeypatch):
    """Scores of held-out rows are those of the round that early stopping keeps."""
    seen = []
    margins = _fitting.Model.margins

    def noting(self, booster, X):
        found = margins(self, booster, X)
        kept = booster.kept_rounds(self.fitted)
        shorter = (
            booster.margins(self.fitted, X, num_iteration=kept)
            if cls is PAUCLGBMClassifier
            else booster.margins(self.fitted, X, iteration_range=(0, kept))
        )
        seen.append((kept, np.abs(found - shorter).max()))
        return found

    monkeypatch.setattr(_fitting.Model, "margins", noting)
    params = {"early_stopping_rounds": 5, "calibration_cv": None}
    if cls is PAUCLGBMClassifier:
        make(cls, **params).fit(*table, eval_X=valid[0], eval_y=valid[1])
    else:
        make(cls, **params).fit(*table, eval_set=[valid])
    # Nine models, or fewer if a candidate dropped out.
    assert 5 <= len(seen) <= 9
    assert len({kept for kept, _ in seen}) > 1
    assert max(difference for _, difference in seen) == 0.0


# --- other callbacks ------------------------------------------------------------------


def decaying(iteration):
    return 0.1 * 0.95**iteration


@each_class
def test_learning_rates_reach_the_folds(cls, table, fresh):
    if cls is PAUCLGBMClassifier:
        callback = lgb.reset_parameter(learning_rate=decaying)
        as_list = lgb.reset_parameter(learning_rate=[decaying(k) for k in range(60)])
    else:
        callback = xgb.callback.LearningRateScheduler(decaying)
        as_list = xgb.callback.LearningRateScheduler([decaying(k) for k in range(60)])
    params = {"learning_rate": 0.4}
    model = fit_with(cls, [callback], table, params=params)
    assert n_trees(model) == 60
    assert_calibrated(model, *fresh)
    np.testing.assert_array_equal(
        model.predict_proba(fresh[0][:1000]),
        fit_with(cls, [as_list], table, params=params).predict_proba(fresh[0][:1000]),
    )


@each_class
def test_every_model_has_callbacks_of_its_own(cls, table):
    recorder = (LightGBMRecorder if cls is PAUCLGBMClassifier else XGBoostRecorder)()
    recorder.trainings.clear()
    fit_with(cls, [recorder], table, params={"n_estimators": 5, "calibration_cv": 2})
    # Up to nine to choose by, the final one, and two to learn probabilities from.
    n_compared = len(recorder.trainings) - 3
    assert 5 <= n_compared <= 9
    assert [one.n_rounds for one in recorder.trainings] == [5] * (n_compared + 3)
    is_final = [one is recorder for one in recorder.trainings]
    assert is_final == [False] * n_compared + [True] + [False] * 2


@dataclass
class Uncopyable:
    """A callback with a lock, a file or the like, which no copy can share."""

    n_rounds: int = 0
    before_iteration = False
    order = 5

    def __hash__(self):
        return id(self)

    def __deepcopy__(self, memo):
        raise TypeError("cannot pickle '_thread.lock' object")

    def __call__(self, env):
        self.n_rounds += 1


def test_a_callback_that_cannot_be_copied_is_shared(table):
    callback = Uncopyable()
    options = {"params": {"n_estimators": 4, "selection_cv": None}}
    fit_with(PAUCLGBMClassifier, [callback], table, **options)
    assert callback.n_rounds == 4 * 4


@each_class
def test_only_the_final_model_prints(cls, table, valid, capsys):
    options = {"n_estimators": 3, "calibration_cv": 2}
    if cls is PAUCLGBMClassifier:
        callbacks = [lgb.log_evaluation(1)]
        evaluated = {"eval_X": valid[0], "eval_y": valid[1]}
        # LightGBM prints what it has to say at this level.
        make(cls, **options, verbose=1).fit(*table, callbacks=callbacks, **evaluated)
    else:
        make(cls, **options).fit(*table, eval_set=[valid], verbose=True)
    printed = capsys.readouterr().out.splitlines()
    assert sum("coverage@0.02" in line for line in printed) == 3


# --- where the zero of the calibration goes -------------------------------------------


def test_the_base_score_is_added_to(table, fresh):
    rate = float(table[1].mean())
    model = make(PAUCXGBClassifier, base_score=rate).fit(*table)
    assert_calibrated(model, *fresh)
    plain = make(PAUCXGBClassifier).fit(*table)
    np.testing.assert_allclose(
        model.predict_proba(fresh[0]), plain.predict_proba(fresh[0]), atol=2e-3
    )
    # A saved booster has the same zero.
    saved = model.get_booster().predict(xgb.DMatrix(fresh[0]), output_margin=True)
    np.testing.assert_allclose(saved, model.decision_function(fresh[0]), rtol=1e-5)


@each_class
@pytest.mark.parametrize("positive", [1, 0], ids=["rare", "common"])
def test_a_zero_far_from_the_margins_is_kept_whole(cls, positive):
    # Of noise the slope is as flat as it may be, and the zero as far away. XGBoost moves the
    # probability that it begins from to within 1e-6 of 0 and 1.
    rng = np.random.default_rng(1)
    X, rare = rng.normal(size=(2000, 4)), (np.arange(2000) % 50 == 0).astype(int)
    y = np.where(rare == 1, positive, 1 - positive)
    params = {"n_estimators": 10, "selection_cv": None, "n_jobs": 1}
    params |= {"verbose": -1} if cls is PAUCLGBMClassifier else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PositiveClassWarning)
        model = cls(**params).fit(X, y)
    if cls is PAUCXGBClassifier:
        assert np.abs(model.decision_function(X)).mean() > 14.0
    fresh = rng.normal(size=(5000, 4))
    assert model.predict_proba(fresh)[:, 1].mean() == pytest.approx(y.mean(), abs=2e-3)
    assert model.predict(fresh).mean() == 1 - positive
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(fresh), model.predict_proba(fresh))
    if cls is PAUCXGBClassifier:
        on = clone(model).set_params(calibration_cv=None, n_estimators=1, learning_rate=1e-9)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PositiveClassWarning)
            on.fit(X, y, xgb_model=model)
        np.testing.assert_allclose(
            on.decision_function(fresh), model.decision_function(fresh), atol=1e-3
        )


@each_class
@pytest.mark.filterwarnings("ignore::skbudget.objectives.CollapseWarning")
def test_a_start_far_from_zero_is_kept_whole(cls):
    rng = np.random.default_rng(0)
    y = (np.arange(600) % 10 == 0).astype(int)
    X = rng.normal(size=(600, 2)) + y[:, None]
    loss = BinaryCrossEntropy(pos_weight=1e-9)
    start = np.log(1e-9 * y.sum() / (y == 0).sum())
    model = make(cls, objective=loss, n_estimators=2, learning_rate=1e-6, calibration_cv=None)
    model.fit(X, y, eval_set=[(X, y)])
    np.testing.assert_allclose(model.decision_function(X), start, rtol=1e-4)


@pytest.mark.parametrize(
    "params",
    [
        {"linear_tree": True},
        {"boosting_type": "dart"},
        {"linear_tree": True, "boosting_type": "dart"},
    ],
)
def test_kinds_of_lightgbm_trees(params, table, fresh):
    model = make(PAUCLGBMClassifier, **params).fit(*table)
    assert_calibrated(model, *fresh)
    margin = model.decision_function(fresh[0])
    np.testing.assert_array_equal(model.predict(fresh[0], raw_score=True), margin)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(fresh[0]), model.predict_proba(fresh[0]))
    booster = margin - model.booster_.predict(fresh[0], raw_score=True)
    if "linear_tree" in params:
        # The booster cannot carry the zero, which is the same for all rows.
        assert np.ptp(booster) < 1e-9 < abs(booster[0])
    else:
        np.testing.assert_array_equal(booster, 0.0)


def draw_wide(n_samples, seed):
    rng = np.random.default_rng(seed)
    y = (rng.random(n_samples) < 0.03).astype(int)
    X = rng.standard_normal((n_samples, 12))
    X[:, 0] += 1.5 * y
    X[:, 1] += y
    return X, y


# Without a penalty their margins are as large as 1e14, in the final model or in one of a fold.
LINEAR = {"selection_cv": None, "num_leaves": 63, "learning_rate": 0.1, "n_estimators": 15}


@pytest.mark.parametrize("begins", [False, True])
def test_linear_trees_on_many_features(begins):
    (X, y), (X_new, y_new) = draw_wide(12_000, 1), draw_wide(10_000, 101)
    options = {"init_score": X[:, 0] - 4} if begins else {}
    options_new = {"init_score": X_new[:, 0] - 4} if begins else {}
    # Under another name of the parameter.
    model = make(PAUCLGBMClassifier, linear_trees=True, **LINEAR).fit(X, y, **options)
    assert "linear_lambda: 1" in model.booster_.model_to_string()
    margin = model.decision_function(X_new, **options_new)
    assert np.abs(margin).max() < 20
    # Undetermined planes cover no more than 0.03 of the positives, as chance does.
    assert coverage_at_budget_score(y_new, margin, budget=0.02) > 0.1


def test_linear_trees_that_diverge_are_an_error():
    X, y = draw_wide(12_000, 1)
    with (
        pytest.warns(UserWarning, match="linear_lambda=0 of PAUCLGBMClassifier leaves"),
        pytest.raises(FloatingPointError, match=r"PAUCLGBMClassifier diverged.*linear_lambda"),
    ):
        make(PAUCLGBMClassifier, linear_tree=True, linear_lambda=0, **LINEAR).fit(X, y)


def test_large_margins_of_a_real_target_are_no_divergence():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((500, 2))
    y = 1e8 * X[:, 0]
    model = make(PAUCLGBMClassifier, objective=Squared(), linear_tree=True, learning_rate=0.5)
    assert np.corrcoef(model.fit(X, y).predict(X), y)[0, 1] > 0.99


def test_dart_of_xgboost(table, fresh):
    params = {"booster": "dart", "rate_drop": 0.1, "n_estimators": 20}
    assert_calibrated(make(PAUCXGBClassifier, **params).fit(*table), *fresh)


@each_class
def test_parameters_of_a_fitted_model_can_be_set(cls, table, fresh):
    """XGBoost tells the booster all parameters anew, which would lose its zero."""
    model = make(cls, n_estimators=5).fit(*table)
    before = model.predict_proba(fresh[0])
    model.set_params(n_jobs=2, budget=0.01)
    np.testing.assert_array_equal(model.predict_proba(fresh[0]), before)


# --- the scale of the final model -----------------------------------------------------


LARGE = {
    PAUCLGBMClassifier: {"num_leaves": 63},
    PAUCXGBClassifier: {"max_leaves": 63, "max_depth": 0, "grow_policy": "lossguide"},
}


@each_class
@pytest.mark.parametrize(
    ("begins", "seed", "selection_cv"), [(False, 3, None), (True, 1, None), (False, 3, 3)]
)
def test_few_large_trees_end_at_a_level_of_their_own(cls, begins, seed, selection_cv):
    """As many models, as many levels: probabilities were wrong by up to a factor of 4."""
    (X, y), (X_new, y_new) = draw_wide(6_000, seed), draw_wide(20_000, 101)
    options, options_new = (
        ({cls._base_name: of[:, 0] - 4} for of in (X, X_new)) if begins else ({}, {})
    )
    few = {"n_estimators": 15, "learning_rate": 0.1, "selection_cv": selection_cv}
    if selection_cv is not None:
        # A split gain is chosen, by models that calibrate as well.
        few["beta"] = 0.05
    model = make(cls, **LARGE[cls], **few).fit(X, y, **options)
    probability = model.predict_proba(X_new, **options_new)[:, 1]
    assert probability.mean() == pytest.approx(y.mean(), rel=0.15)
    margin = model.decision_function(X_new, **options_new)
    refitted = SigmoidCalibrator.fit(margin, y_new == 1, None)(margin)
    assert log_loss(y_new, probability) < log_loss(y_new, refitted) + 2e-3


@dataclass
class Level:
    """In place of a booster's model: what it knows of the rows, on a scale of its own."""

    slope: float
    level: float


class Levels:
    """In place of a booster."""

    def __init__(self):
        self.n_scored = 0

    def margins(self, fitted, X):
        self.n_scored += len(X)
        return fitted.level + fitted.slope * X


@pytest.mark.parametrize("n_margins", [1, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_held_out_margins_are_on_the_scale_of_the_model(n_margins, weighted, monkeypatch):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, n_margins)) if n_margins > 1 else rng.normal(size=600)
    weight = rng.exponential(size=600) if weighted else None
    training = Training(X, Rows(np.arange(600) % 5 == 0, np.zeros(600), weight, {}))
    settings = Asked(Levels())
    model, held_out = Model(Level(2.0, 5.0), kept=0.5), HeldOut([], [], [])
    for fold, of_fold in enumerate([Level(1.0, 0.0), Level(3.0, -40.0), Level(2.0, 9.0)]):
        unseen = np.arange(600) % 3 == fold
        held_out.folds.append(np.flatnonzero(unseen))
        held_out.margins.append(of_fold.level + of_fold.slope * X[unseen])
        held_out.models.append((np.flatnonzero(~unseen), Model(of_fold)))
    for n_compared in (_fitting.ROWS_COMPARED, 50):
        monkeypatch.setattr(_fitting, "ROWS_COMPARED", n_compared)
        settings.booster.n_scored = 0
        rows, margins = as_of_model(model, held_out, training, settings).in_order()
        np.testing.assert_array_equal(rows, np.arange(600))
        np.testing.assert_allclose(margins, 5.5 + 2 * X)
        # Large tables are not scored as a whole.
        assert settings.booster.n_scored <= 6 * n_compared


@dataclass
class Asked:
    booster: Levels


# --- scores that boosting begins from -------------------------------------------------


def base_of(X):
    """What somebody knows about the rows beforehand: log-odds from one feature."""
    return 1.2 * X[:, 0] - 5.0


@each_class
def test_probabilities_with_and_without_scores_to_begin_from(cls, table, fresh):
    (X, y), (X_new, y_new) = table, fresh
    name = cls._base_name
    model = make(cls).fit(X, y, **{name: base_of(X)})
    # The trees alone, as the parents predict, and the trees with the scores.
    assert_calibrated(model, X_new, y_new)
    assert_calibrated(model, X_new, y_new, **{name: base_of(X_new)})
    apart = model.decision_function(X_new, **{name: base_of(X_new)})
    together = model.decision_function(X_new) + base_of(X_new)
    np.testing.assert_allclose(apart - together, (apart - together)[0], atol=1e-4)
    better = log_loss(y_new, model.predict_proba(X_new, **{name: base_of(X_new)})[:, 1])
    assert better < log_loss(y_new, model.predict_proba(X_new)[:, 1]) - 1e-3


@each_class
def test_scores_are_added_to_a_model_that_was_fitted_without(cls, table, fresh):
    X_new = fresh[0][:1000]
    model = make(cls, n_estimators=10).fit(*table)
    name = cls._base_name
    np.testing.assert_allclose(
        model.predict_proba(X_new, **{name: np.zeros(1000)}),
        model.predict_proba(X_new),
        rtol=1e-5,
    )
    np.testing.assert_allclose(
        model.decision_function(X_new, **{name: np.full(1000, 0.5)}),
        model.decision_function(X_new) + 0.5,
        rtol=1e-5,
    )


@each_class
def test_bad_scores_to_begin_from(cls, table):
    X, y = table
    for bad in (np.zeros(7), np.zeros((y.size, 2))):
        with pytest.raises(ValueError, match=rf"{cls._base_name} must have shape \(20000,\)"):
            make(cls).fit(X, y, **{cls._base_name: bad})


# --- folds ----------------------------------------------------------------------------


def training_of(y, weight=None, **columns):
    rows = Rows(y == 1, np.zeros(y.size), weight, columns)
    return Training(np.arange(y.size)[:, None], rows)


def test_folds_partition_the_rows_with_weight():
    y = (np.arange(300) % 10 == 0).astype(int)
    weight = np.where(np.arange(300) % 7 == 0, 0.0, 1.0)
    found = list(folds(training_of(y, weight), 4, 0, "Model"))
    held = np.concatenate([held_out for _, held_out in found])
    np.testing.assert_array_equal(np.sort(held), np.flatnonzero(weight))
    for train, held_out in found:
        assert not np.intersect1d(train, held_out).size
        assert y[held_out].sum() in (6, 7)


def test_groups_are_kept_whole():
    rng = np.random.default_rng(0)
    group = rng.permutation(np.repeat(np.arange(60), 10))
    y = (rng.random(600) < 0.1).astype(int)
    found = list(folds(training_of(y, group=group), 3, 0, "Model"))
    assert len(found) == 3
    for train, held_out in found:
        assert not np.intersect1d(group[train], group[held_out]).size
        assert 10 <= y[held_out].sum() <= 30
    # Two groups with positives allow two folds; one allows none.
    y = np.isin(group, [3, 8]).astype(int)
    assert len(list(folds(training_of(y, group=group), 3, 0, "Model"))) == 2
    with pytest.raises(ValueError, match="Model keeps the rows of a group in one fold"):
        list(folds(training_of((group == 3).astype(int), group=group), 3, 0, "Model"))


# --- calibration of several classes ---------------------------------------------------


def test_class_calibrator():
    rng = np.random.default_rng(0)
    target = rng.integers(0, 3, 5000)
    margins = 4.0 * (np.eye(3)[target] + rng.normal(size=(5000, 3))) + [7.0, 0.0, -3.0]
    found = ClassCalibrator.fit(margins, target, None)
    scores = found.scores(margins)
    probability = found.probabilities(scores)
    np.testing.assert_allclose(probability.sum(axis=1), 1.0)
    np.testing.assert_allclose(probability.mean(axis=0), 1 / 3, atol=0.02)
    np.testing.assert_array_equal(probability.argmax(axis=1), scores.argmax(axis=1))
    for label in range(3):
        alone = SigmoidCalibrator.fit(margins[:, label], target == label, None)
        np.testing.assert_allclose(
            1 / (1 + np.exp(-scores[:, label])), alone(margins[:, label]), rtol=1e-9
        )
    # Of two classes in one column the column is that of the second.
    two = ClassCalibrator.fit(margins[:, :1], (target == 0).astype(int), None)
    plain = SigmoidCalibrator.fit(margins[:, 0], target == 0, None)
    np.testing.assert_allclose(
        two.probabilities(two.scores(margins[:, :1]))[:, 1], plain(margins[:, 0]), rtol=1e-12
    )
    assert np.isfinite(found.probabilities(found.scores(np.full((1, 3), -1e6)))).all()


@pytest.mark.parametrize("base_score", [0.02, 0.9])
def test_scores_to_begin_from_take_the_place_of_the_base_score(base_score, table, fresh):
    """Also in the calibration of margins with them."""
    begin, later = table[0][:, 0], fresh[0][:, 0]
    plain = make(PAUCXGBClassifier).fit(*table, base_margin=begin)
    model = make(PAUCXGBClassifier, base_score=base_score).fit(*table, base_margin=begin)
    np.testing.assert_allclose(
        model.predict_proba(fresh[0], base_margin=later),
        plain.predict_proba(fresh[0], base_margin=later),
        atol=1e-4,
    )
