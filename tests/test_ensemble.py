"""The blend of two models: what it chooses, what it leaves alone, and what it costs."""

import pickle
import subprocess
import sys
import warnings
from contextlib import nullcontext
from functools import partial

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    BaggingClassifier,
    GradientBoostingClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, log_loss, make_scorer, roc_auc_score
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    RepeatedStratifiedKFold,
    StratifiedKFold,
    TimeSeriesSplit,
    cross_val_score,
    cross_validate,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")
pytest.importorskip("lightgbm")
pytest.importorskip("xgboost")
pd = pytest.importorskip("pandas")

from skbudget import (
    PAUCClassifier,
    PAUCEnsembleClassifier,
    PAUCLGBMClassifier,
    PAUCXGBClassifier,
    make_contested_top,
    make_coverage_scorer,
)
from skbudget._blending import TopScale, choose_tenths
from skbudget._utils.calibration import SigmoidCalibrator
from skbudget._utils.labels import PositiveClassWarning
from skbudget.boosting._choosing import choose
from skbudget.metrics import partial_auc_score

torch.set_num_threads(1)

BUDGET = 0.05


def tiny_trees(**params):
    defaults = {"budget": BUDGET, "n_estimators": 10, "n_jobs": 1, "calibration_cv": None}
    return PAUCLGBMClassifier(**{**defaults, "min_child_samples": 1, "verbose": -1, **params})


def tiny_network(**params):
    defaults = {"budget": BUDGET, "n_members": 2, "max_epochs": 20, "hidden_layer_sizes": (16,)}
    network = PAUCClassifier(**{**defaults, "calibration_cv": None, "random_state": 0, **params})
    return make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), network)


def tiny(**params):
    models = {"trees": tiny_trees(), "network": tiny_network()}
    return PAUCEnsembleClassifier(**{"budget": BUDGET, **models, **params})


class Column(ClassifierMixin, BaseEstimator):
    """Ranks by one column, whatever it is trained on; counts the rows it is asked for."""

    def __init__(self, column=0, factor=1.0):
        self.column = column
        self.factor = factor

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.unique(y)
        self.seen_ = len(y), None if sample_weight is None else float(np.sum(sample_weight))
        self.n_asked_ = 0
        return self

    def decision_function(self, X):
        self.n_asked_ += len(X)
        return self.factor * np.asarray(X, dtype=float)[:, self.column]


class Memory(ClassifierMixin, BaseEstimator):
    """Perfect on the rows it is trained on, and the last column, which is noise, on others."""

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.unique(y)
        self.known_ = {row.tobytes(): label for row, label in zip(X, y)}
        return self

    def decision_function(self, X):
        margins = [100.0 * self.known_.get(row.tobytes(), row[-1] / 100) for row in X]
        return np.array(margins)


def ranks_of(model, X):
    """Scores that favour the positive class of a fitted model, whichever its label is."""
    score = model.decision_function(X)
    return score if model.classes_[1] == model.pos_label_ else -score


def draw(n_rows=4000, seed=0, pos_rate=0.05):
    """Half of the positives stand out in column 0, the others in column 1; 2 is noise."""
    rng = np.random.default_rng(seed)
    y = (rng.random(n_rows) < pos_rate).astype(int)
    X = rng.standard_normal((n_rows, 3))
    first = rng.random(n_rows) < 0.5
    X[:, 0] += 4.0 * y * first
    X[:, 1] += 4.0 * y * ~first
    return X, y


def columns(trees, network, **params):
    params = {"budget": BUDGET, "random_state": 0, **params}
    return PAUCEnsembleClassifier(trees=Column(trees), network=Column(network), **params)


def draw_table(n_rows=1500, seed=0):
    """Two informative columns out of four, a category and missing values."""
    rng = np.random.default_rng(seed)
    y = (rng.random(n_rows) < 0.1).astype(int)
    X = rng.standard_normal((n_rows, 4))
    X[:, 0] += 1.5 * y
    X[:, 1] += y
    frame = pd.DataFrame(X, columns=list("abcd"))
    frame.loc[rng.random(n_rows) < 0.2, "a"] = np.nan
    kind = np.where(rng.random(n_rows) < 0.7, np.where(y == 1, "x", "y"), "z")
    frame["kind"] = pd.Categorical(kind)
    frame.loc[rng.random(n_rows) < 0.1, "kind"] = np.nan
    return frame, y


@pytest.fixture(scope="module")
def fitted():
    frame, y = draw_table()
    X = frame[list("abcd")].to_numpy()
    return tiny(random_state=0).fit(X, y), X, y


# --- scikit-learn ---------------------------------------------------------------------

EXPECTED = {
    "check_sample_weight_equivalence_on_dense_data": (
        "LightGBM counts rows of weight 0 in min_child_samples and in its bins; the network sums "
        "weighted and repeated rows in another order; and copies of a row are in several folds"
    ),
}


CHECKED = tiny(trees=tiny_trees(selection_cv=None), network=tiny_network(max_epochs=10))


@parametrize_with_checks([CHECKED], expected_failed_checks=lambda _: EXPECTED)
def test_estimator_checks(estimator, check):
    check(estimator)


def test_importing_it_loads_no_model():
    code = (
        "import sys, skbudget.ensemble\n"
        "print([m for m in ('torch', 'skorch', 'lightgbm', 'xgboost') if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_grid_search():
    X, y = draw(1500, pos_rate=0.1)
    grid = {"network__column": [0, 2], "cv": [2, 3]}
    search = GridSearchCV(columns(1, 0), grid, scoring=make_coverage_scorer(0.1), cv=2).fit(X, y)
    assert search.best_params_["network__column"] == 0
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_parameters_of_the_models_are_reached():
    model = clone(tiny()).set_params(
        trees__n_estimators=3, network__paucclassifier__max_epochs=2, cv=2
    )
    model.fit(*draw(600))
    assert model.trees_.n_estimators_ == 3
    assert model.network_[-1].n_iter_ == 2
    assert not hasattr(model.trees, "booster_"), "what was passed in stays unfitted"
    assert model.trees.min_split_gain == "auto"


# --- the blend ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trees", "network", "least", "most"), [(0, 2, 0, 0.1), (2, 0, 0.9, 1), (0, 1, 0.3, 0.7)]
)
def test_the_better_model_has_the_weight(trees, network, least, most):
    X, y = draw()
    model = columns(trees, network).fit(X, y)
    assert least <= model.network_weight_ <= most


def test_a_good_network_next_to_noise_and_the_reverse():
    X, y = draw()
    X = X[:, [0, 2]]
    for trees, network, weights in (
        (LogisticRegression(), Column(1), (0.0, 0.1)),
        (Column(1), LogisticRegression(), (0.9, 1.0)),
    ):
        model = PAUCEnsembleClassifier(budget=BUDGET, trees=trees, network=network).fit(X, y)
        assert model.network_weight_ in weights


def test_the_blend_is_better_than_either():
    X, y = draw()
    X_new, y_new = draw(seed=1)
    model = columns(0, 1).fit(X, y)
    blend = partial_auc_score(y_new, model.decision_function(X_new), beta=BUDGET)
    for alone in (0, 1):
        assert blend > partial_auc_score(y_new, X_new[:, alone], beta=BUDGET) + 0.1


def test_the_blend_does_not_depend_on_units():
    X, y = draw()
    plain = columns(0, 1).fit(X, y)
    scaled = columns(0, 1).set_params(trees__factor=1000.0, network__factor=0.01).fit(X, y)
    assert scaled.network_weight_ == plain.network_weight_
    np.testing.assert_allclose(scaled.decision_function(X), plain.decision_function(X))


def test_only_rows_that_were_held_out_count():
    X, y = draw(1500)
    models = {"trees": Memory(), "network": Column(0)}
    model = PAUCEnsembleClassifier(budget=BUDGET, **models).fit(X, y)
    in_sample = model.trees_.decision_function(X)
    assert partial_auc_score(y, in_sample, beta=BUDGET) == 1.0
    assert model.network_weight_ >= 0.9


@pytest.mark.parametrize(("good", "idle"), [(0, "network_"), (1, "trees_")])
def test_a_model_without_weight_is_not_asked(good, idle):
    X, y = draw()
    X[:, 1] = -X[:, 0]
    model = columns(0, 1) if good == 0 else columns(1, 0)
    model.fit(X, y)
    assert model.network_weight_ == good
    used = getattr(model, {"network_": "trees_", "trees_": "network_"}[idle])
    # Once, to compare it with the models of the folds.
    assert used.n_asked_ == len(X)
    model.predict_proba(X)
    assert getattr(model, idle).n_asked_ == 0
    assert used.n_asked_ == 2 * len(X)


def test_equal_models_share_the_weight():
    assert columns(0, 0).fit(*draw()).network_weight_ == 0.5


@pytest.mark.parametrize(("tied", "chosen"), [((3, 7), 3), ((2, 6, 9), 6), ((0, 10), 0)])
def test_ties_are_settled_by_one_half_and_then_by_trees(tied, chosen, monkeypatch):
    def area(target, blend, **_):
        return 0.8 if round(10 * blend[0]) in tied else 0.7

    monkeypatch.setattr("skbudget._blending.partial_auc_score", area)
    standard = np.tile([0.0, 1.0], (40, 1))
    assert choose_tenths(np.repeat([0, 1], 20), standard, None, BUDGET) == chosen


@pytest.mark.parametrize("rare", [0, 1])
def test_few_rows_leave_the_weight_at_one_half(rare):
    X, y = draw(2000)
    of_rare = np.flatnonzero(y == 1)[:9]
    rows = np.r_[of_rare, np.flatnonzero(y == 0)[:500]]
    target = y[rows] if rare == 1 else 1 - y[rows]
    common = pytest.warns(PositiveClassWarning, match="majority") if rare == 0 else nullcontext()
    with common:
        model = columns(0, 2).fit(X[rows], target)
    assert model.network_weight_ == 0.5


def test_folds_are_no_more_than_the_rarer_class_has_rows():
    X, y = draw(200, pos_rate=0.0)
    y[:2] = 1
    model = columns(0, 1, cv=10).fit(X, y)
    assert np.isfinite(model.predict_proba(X)).all()
    y[1] = 0
    with pytest.raises(ValueError, match="least populated class in y has only 1 member"):
        model.fit(X, y)


# --- the scale of the top -------------------------------------------------------------


@pytest.mark.parametrize("budget", [1e-12, 0.001, 0.005, 0.04, 0.05, 0.06, 0.5, 1.0])
def test_the_scale_is_finite_and_grows_with_the_margin(budget):
    margin = np.random.default_rng(0).permutation(1000).astype(float)
    scale = TopScale.of(margin, None, budget)
    assert scale.width > 0
    assert np.all(np.diff(scale(np.sort(margin))) > 0)
    if budget == 1.0:
        assert (scale.low, scale.low + scale.width) == (499.0, 949.0)
    if budget == 0.005:
        assert (scale.low, scale.low + scale.width) == (949.0, 994.0)


def test_constant_margins_have_width_one():
    assert TopScale.of(np.full(50, 3.0), None, BUDGET) == (3.0, 1.0)
    X, y = draw(600)
    X[:, 2] = 0.0
    model = columns(2, 2).fit(X, y)
    assert model.predict_proba(X)[:, 1] == pytest.approx(y.mean(), abs=0.01)


# --- weights --------------------------------------------------------------------------


def test_a_weight_of_two_is_the_row_twice():
    X, y = draw(1000)
    weight = np.random.default_rng(0).integers(1, 4, y.size).astype(float)
    again = np.repeat(np.arange(y.size), weight.astype(int))
    scales = [TopScale.of(X[:, k], weight, BUDGET) for k in (0, 1)]
    assert scales == [TopScale.of(X[again, k], None, BUDGET) for k in (0, 1)]
    standard = np.column_stack([scale(X[:, k]) for k, scale in enumerate(scales)])
    # In favour of one model or the other, so that the choice is not the same for any weight.
    for kind in (X[:, 0] > 2, X[:, 1] > 2):
        tilted = weight * np.where(kind, 5, 1)
        again = np.repeat(np.arange(y.size), tilted.astype(int))
        weighted = choose_tenths(y, standard, tilted, BUDGET)
        assert weighted == choose_tenths(y[again], standard[again], None, BUDGET)
        assert weighted != choose_tenths(y, standard, None, BUDGET)


def test_weights_choose_the_blend_as_repeated_rows_do():
    X, y = draw(6000)
    # Positives of the first kind count four times.
    count = np.where((y == 1) & (X[:, 0] > X[:, 1]), 4, 1)
    again = np.repeat(np.arange(y.size), count)
    weighted = columns(0, 1).fit(X, y, sample_weight=count)
    repeated = columns(0, 1).fit(X[again], y[again])
    plain = columns(0, 1).fit(X, y)
    # Copies are dealt to other folds, so the quantiles are not quite the same.
    assert weighted.network_weight_ == pytest.approx(repeated.network_weight_, abs=0.1)
    assert weighted.network_weight_ < plain.network_weight_
    np.testing.assert_allclose(
        weighted.predict_proba(X)[:, 1], repeated.predict_proba(X)[:, 1], atol=0.05
    )


def test_weights_reach_both_models():
    X, y = draw(600)
    weight = np.random.default_rng(0).uniform(0.5, 2.0, y.size)
    network = make_pipeline(StandardScaler(), make_pipeline(StandardScaler(), Column(1)))
    model = PAUCEnsembleClassifier(budget=BUDGET, trees=Column(0), network=network)
    for routing in (False, True):
        with config_context(enable_metadata_routing=routing):
            model.fit(X, y, sample_weight=weight)
        for part in (model.trees_, model.network_[-1][-1]):
            assert part.seen_ == (600, pytest.approx(weight.sum()))
    with pytest.raises(ValueError, match=r"fit of network=_WithMargin\(\) does not take it"):
        tiny(network=_WithMargin()).fit(X, y, sample_weight=weight)


class _WithMargin(KNeighborsClassifier):
    def decision_function(self, X):
        return self.predict_proba(X)[:, 1]


def test_rows_of_weight_zero_are_not_held_out():
    X, y = draw(2000)
    # Where they count, column 0 ranks the classes the wrong way round.
    extra = X[:1000] * [-1, 1, 1]
    weight = np.r_[np.ones(2000), np.zeros(1000)]
    doubled = columns(0, 1).fit(np.vstack([X, extra]), np.r_[y, 1 - y[:1000]], weight)
    plain = columns(0, 1).fit(X, y, np.ones(2000))
    assert doubled.network_weight_ == plain.network_weight_
    np.testing.assert_array_equal(doubled.decision_function(X), plain.decision_function(X))
    with pytest.raises(ValueError, match="all sample weights of the class"):
        plain.fit(X, y, sample_weight=1 - y)


# --- probabilities --------------------------------------------------------------------


def test_probabilities_are_calibrated_and_keep_the_ranking():
    X, y = draw()
    X_new, y_new = draw(seed=1)
    model = columns(0, 1).fit(X, y)
    probability = model.predict_proba(X_new)
    margin = model.decision_function(X_new)
    np.testing.assert_allclose(probability.sum(axis=1), 1)
    assert probability[:, 1].mean() == pytest.approx(y_new.mean(), abs=0.01)
    order = np.argsort(margin, kind="stable")
    assert np.all(np.diff(probability[order, 1]) >= 0)
    np.testing.assert_array_equal(model.predict(X_new), (margin > 0).astype(int))
    assert 0 < model.predict(X_new).sum() < len(y_new)


def test_any_two_labels():
    X, y = draw(1000)
    model = tiny(pos_label="fraud").fit(X, np.where(y == 1, "fraud", "fair"))
    assert (model.classes_.tolist(), model.pos_label_) == (["fair", "fraud"], "fraud")
    plain = tiny().fit(X, y)
    np.testing.assert_array_equal(model.decision_function(X), plain.decision_function(X))
    np.testing.assert_array_equal(model.predict(X) == "fraud", plain.predict(X) == 1)


@pytest.mark.parametrize("calibration", [False, True])
@pytest.mark.parametrize("seed", [3, 4])
@pytest.mark.parametrize("n_positives", [180, 20])
def test_probabilities_of_a_network_that_is_hardly_trained(n_positives, seed, calibration):
    """Its scale is another one in every fold, and again in the model of all rows."""
    params = {"n_features": 8, "pos_rate": n_positives / 6000}
    X, y = make_contested_top(6000, random_state=seed, **params)
    X_new, y_new = make_contested_top(30_000, random_state=seed + 1000, **params)
    kept = {} if calibration else {"calibration_cv": None}
    network = PAUCClassifier(budget=0.03, n_members=1, max_epochs=2, random_state=0, **kept)
    trees = tiny_trees(budget=0.03, n_estimators=20, selection_cv=None, min_child_samples=20)
    model = PAUCEnsembleClassifier(budget=0.03, trees=trees, network=network, random_state=0)
    probability = model.fit(X, y).predict_proba(X_new)[:, 1]
    tolerance = 0.15 if n_positives == 180 else 2 / np.sqrt(n_positives)
    assert probability.mean() == pytest.approx(y_new.mean(), rel=tolerance)
    margin = model.decision_function(X_new)
    refitted = SigmoidCalibrator.fit(margin, y_new == 1, None)(margin)
    assert log_loss(y_new, probability) < log_loss(y_new, refitted) + 0.005
    np.testing.assert_array_equal(margin > 0, probability > 0.5)


class Drifting(Column):
    """A column in a unit, and from a zero, that depend on the number of rows trained on."""

    def decision_function(self, X):
        n_rows = self.seen_[0]
        return (n_rows / 1000) ** 2 * super().decision_function(X) - n_rows


@pytest.mark.parametrize("alone", [False, True])
def test_the_scale_of_the_final_models_is_their_own(alone):
    X, y = draw(6000)
    X_new, y_new = draw(20_000, seed=1)
    if alone:
        X[:, 1], X_new[:, 1] = -X[:, 0], -X_new[:, 0]
    found = [
        PAUCEnsembleClassifier(budget=BUDGET, trees=kind(0), network=Column(1), random_state=0)
        .fit(X, y)
        .predict_proba(X_new)[:, 1]
        for kind in (Column, Drifting)
    ]
    np.testing.assert_allclose(*found, rtol=1e-6)
    assert found[0].mean() == pytest.approx(y_new.mean(), rel=0.05)


def test_a_final_model_that_ranks_unlike_those_of_the_folds_counts_for_less():
    class Lucky(Column):
        def decision_function(self, X):
            column = super().decision_function(X)
            return column if self.seen_[0] < 4000 else np.asarray(X)[:, 2]

    X, y = draw()
    X_new, y_new = draw(seed=1)
    model = PAUCEnsembleClassifier(budget=BUDGET, trees=Column(1), network=Lucky(0)).fit(X, y)
    assert model.network_weight_ >= 0.3
    alone = partial_auc_score(y_new, X_new[:, 1], beta=BUDGET)
    assert partial_auc_score(y_new, model.decision_function(X_new), beta=BUDGET) > 0.95 * alone
    assert model.predict_proba(X_new)[:, 1].mean() == pytest.approx(y_new.mean(), rel=0.1)


def test_models_of_folds_that_are_constant_leave_the_ranking_alone():
    class Late(Column):
        def decision_function(self, X):
            column = super().decision_function(X)
            return column if self.seen_[0] == 4000 else np.full(len(X), 0.1)

    X, y = draw()
    model = PAUCEnsembleClassifier(budget=BUDGET, trees=Late(0), network=Late(0)).fit(X, y)
    np.testing.assert_array_equal(np.argsort(model.decision_function(X)), np.argsort(X[:, 0]))
    assert model.predict_proba(X)[:, 1].mean() == pytest.approx(y.mean(), rel=1e-3)


@pytest.mark.parametrize("factor", [1e-200, 1e200])
def test_scales_at_the_ends_of_the_range(factor):
    X, y = draw(1000)
    plain = columns(0, 1).fit(X, y).predict_proba(X)
    extreme = columns(0, 1).set_params(trees__factor=factor, network__factor=1 / factor)
    np.testing.assert_allclose(extreme.fit(X, y).predict_proba(X), plain, rtol=1e-6)


# --- our models -----------------------------------------------------------------------


def test_same_seed_same_model(fitted):
    model, X, y = fitted
    again = tiny(random_state=0).fit(X, y)
    assert again.network_weight_ == model.network_weight_
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    other = tiny(random_state=1).fit(X, y)
    assert np.any(other.predict_proba(X) != model.predict_proba(X))


def test_pickle(fitted):
    model, X, _ = fitted
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.predict_proba(X), model.predict_proba(X))


@pytest.mark.parametrize("cls", [PAUCLGBMClassifier, PAUCXGBClassifier])
def test_what_trees_choose_by_cross_fitting_is_chosen_once(cls, monkeypatch):
    made = []

    def recorded(training, settings):
        made.append((settings.selection_cv, choose(training, settings)[0]))
        return made[-1][1], None

    monkeypatch.setattr("skbudget.boosting._classifier.choose", recorded)
    trees = cls(budget=BUDGET, n_estimators=5, n_jobs=1, calibration_cv=None)
    model = PAUCEnsembleClassifier(budget=BUDGET, trees=trees, network=Column(0))
    model.fit(*draw(600))
    assert made == [(3, model.trees_._chosen)] + 3 * [(None, model.trees_._chosen)]


@pytest.fixture
def small_defaults(monkeypatch):
    """Our own models where none is given, only smaller."""
    trees = partial(PAUCLGBMClassifier, n_estimators=10)
    network = partial(PAUCClassifier, n_members=2, max_epochs=20)
    monkeypatch.setattr("skbudget.boosting.PAUCLGBMClassifier", trees)
    monkeypatch.setattr("skbudget.neural.PAUCClassifier", network)


@pytest.mark.usefixtures("small_defaults")
def test_the_default_models():
    frame, y = draw_table()
    model = PAUCEnsembleClassifier(budget=0.1, n_jobs=1, random_state=7).fit(frame, y)
    assert isinstance(model.trees_, PAUCLGBMClassifier)
    network = model.network_[-1]
    assert isinstance(network, PAUCClassifier)
    for part in (model.trees_, network):
        assert part.budget == 0.1
        assert part.random_state == 7
        assert not hasattr(part, "predict_proba")
    assert model.trees_.n_jobs == 1
    assert model.trees is None
    assert model.network is None


@pytest.mark.usefixtures("small_defaults")
@pytest.mark.parametrize("random_state", [None, np.random.RandomState(0)])
def test_a_data_frame_with_categories_and_missing_values(random_state):
    (frame, y), (frame_new, y_new) = draw_table(), draw_table(seed=1)
    model = PAUCEnsembleClassifier(budget=0.1, n_jobs=1, random_state=random_state).fit(frame, y)
    np.testing.assert_array_equal(model.feature_names_in_, frame.columns)
    assert model.n_features_in_ == 5
    margin = model.decision_function(frame_new)
    assert partial_auc_score(y_new, margin, beta=0.1) > 0.4
    # Both models read the category, and both a row that has a new one or none.
    swapped = frame_new.assign(kind=frame_new["kind"].cat.rename_categories({"x": "y", "y": "x"}))
    swapped["kind"] = swapped["kind"].cat.set_categories(frame["kind"].cat.categories)
    for part in (model.trees_, model.network_):
        assert np.any(part.decision_function(swapped) != part.decision_function(frame_new))
    unknown = frame_new.assign(kind=pd.Categorical(["new"] * len(frame_new)))
    assert np.isfinite(model.predict_proba(unknown)).all()
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame_new.rename(columns={"b": "other"}))


@pytest.mark.usefixtures("small_defaults")
@pytest.mark.filterwarnings("ignore:Skipping features without any observed values")
def test_arrays_with_missing_values():
    X, y = draw(600)
    X[::5, 0] = np.nan
    X = np.column_stack([X, np.full(600, np.nan)])
    model = PAUCEnsembleClassifier(budget=BUDGET, n_jobs=1).fit(X, y)
    assert np.isfinite(model.predict_proba(X)).all()
    with pytest.raises(ValueError, match="infinity"):
        model.fit(np.where(np.isnan(X), np.inf, X), y)


# --- what is refused ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"budget": 0.0}, r"The 'budget' parameter of PAUCEnsembleClassifier must be a float"),
        ({"budget": 50}, r"50 basis points are 0\.005"),
        ({"cv": 1}, r"The 'cv' parameter of PAUCEnsembleClassifier must be an int in the range"),
        ({"cv": True}, r"The 'cv' parameter of PAUCEnsembleClassifier must be an int in the range"),
        ({"cv": None}, r"'cv' .* int of at least 2, a splitter or an iterable .*Got None instead"),
        ({"cv": "prefit"}, r"'cv' .* an iterable of \(train, test\)\. Got 'prefit' instead"),
        ({"cv": 2.5}, r"'cv' .* Got 2\.5 instead"),
        (
            {"trees": KNeighborsClassifier()},
            r"The 'trees' parameter of PAUCEnsembleClassifier must be None or a classifier with "
            r"decision_function. Got KNeighborsClassifier\(\) instead",
        ),
        ({"network": LogisticRegression}, r"The 'network' parameter of .* Got <class"),
        ({"network": "mlp"}, r"The 'network' parameter of .* Got 'mlp' instead"),
        ({"random_state": "seed"}, r"cannot be used to seed"),
    ],
)
def test_bad_parameters_are_named_before_any_work(params, message, monkeypatch):
    monkeypatch.setattr(Column, "fit", None)
    X, y = draw(100)
    with pytest.raises(ValueError, match=message):
        columns(0, 1).set_params(**params).fit(X, y)


def test_targets_that_are_not_two_classes():
    X, y = draw(100)
    with pytest.raises(ValueError, match="Only binary classification is supported by PAUCEns"):
        columns(0, 1).fit(X, np.arange(100) % 3)
    with pytest.raises(ValueError, match="y contains one class"):
        columns(0, 1).fit(X, np.zeros(100))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        columns(0, 1).fit(X, y[:50])


def test_margins_that_are_not_finite_are_named():
    X, y = draw(300)
    with (
        np.errstate(invalid="ignore"),
        pytest.raises(ValueError, match="decision_function of network contains"),
    ):
        columns(0, 1).set_params(network__factor=np.nan).fit(X, y)


# --- values ---------------------------------------------------------------------------


def test_values_reach_both_models_and_the_blend_and_not_the_probabilities():
    rng = np.random.default_rng(0)
    y = (rng.random(2000) < 0.1).astype(int)
    X = rng.normal(size=(2000, 3))
    X[:, 0] += 1.5 * y
    value = np.exp(1.5 * X[:, 2])
    plain, valued = tiny(cv=2, random_state=0).fit(X, y), tiny(cv=2, random_state=0)
    valued.fit(X, y, value=value)
    for role in ("trees_", "network_"):
        one, other = (getattr(model, role).decision_function(X) for model in (plain, valued))
        assert np.corrcoef(one, X[:, 2])[0, 1] + 0.1 < np.corrcoef(other, X[:, 2])[0, 1]
    assert valued.predict_proba(X)[:, 1].mean() == pytest.approx(y.mean(), abs=0.02)
    dear = tiny(cv=2, random_state=0).fit(X, y, value=np.where(y == 1, 1024 * value, 2.0))
    assert dear.network_weight_ == valued.network_weight_
    np.testing.assert_allclose(
        dear.decision_function(X), valued.decision_function(X), rtol=1e-2, atol=1e-2
    )


def test_the_blend_is_chosen_by_value():
    target = np.repeat([0, 1], [40, 20])
    # Each model finds one half of the positives, above all negatives.
    first, second = np.arange(60) >= 50, (np.arange(60) >= 40) & (np.arange(60) < 50)
    standard = np.column_stack([first, second]).astype(float)
    standard[:10] = [0.9, 0.9]  # and the blend of the two none of them
    for half, tenths in ((first, 0), (second, 10)):
        value = np.where(half, 100.0, 1.0)
        chosen = choose_tenths(target, standard, None, 0.1, value)
        assert abs(chosen - tenths) < abs(chosen - (10 - tenths))


def test_values_that_cannot_be_used():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 2)), np.repeat([0, 1], 30)
    with pytest.raises(ValueError, match="value cannot be passed on: fit of trees=Column"):
        tiny(trees=Column()).fit(X, y, value=np.ones(60))
    with pytest.raises(ValueError, match="The positives have no value"):
        tiny().fit(X, y, value=1.0 - y)
    with pytest.raises(ValueError, match="Negative values in value"):
        tiny().fit(X, y, value=-np.ones(60))
    with pytest.raises(ValueError, match=r"only 1 member \(of positives those with value count\)"):
        tiny().fit(X, y, value=np.arange(60) == 59)


# --- the positive class ---------------------------------------------------------------

NAMES = [("ok", "fraud"), ("good", "bad"), (1, 2), (2, 1), (0, 1), (-1, 1), (False, True)]


class Asking(Column):
    """A model of which class it was told; it ranks by its column for that class."""

    def __init__(self, column=0, factor=1.0, pos_label=None):
        super().__init__(column, factor)
        self.pos_label = pos_label

    def fit(self, X, y, sample_weight=None):
        super().fit(X, y, sample_weight)
        self.pos_label_ = self.pos_label
        return self

    def decision_function(self, X):
        margin = super().decision_function(X)
        return margin if self.classes_[1] == self.pos_label_ else -margin


class PositiveSecond(Asking):
    """A classifier of someone else, whose classes are not in increasing order."""

    def fit(self, X, y, sample_weight=None):
        super().fit(X, y, sample_weight)
        self.classes_ = np.array(sorted(self.classes_, key=lambda label: label == self.pos_label))
        return self


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        *((labels, np.asarray) for labels in NAMES),
        *((NAMES[0], kind) for kind in (pd.Categorical, list, pd.Series)),
        (NAMES[3], pd.Series),
    ],
)
def test_the_positive_class_is_the_rarer_label_whatever_its_name(labels, kind):
    X, y = draw()
    X_new, y_new = draw(seed=1)
    named = kind(np.array(labels)[y])
    if isinstance(labels[0], str) and kind is pd.Series:
        named = named.astype(object)
    told = set(labels) in ({0, 1}, {-1, 1})
    # Trained from scratch, a model may sort its classes in any way.
    params = {"trees": GradientBoostingClassifier(n_estimators=20, random_state=0), "cv": 2}
    model = PAUCEnsembleClassifier(budget=BUDGET, network=LogisticRegression(), **params)
    with nullcontext() if told else pytest.warns(PositiveClassWarning, match="rarer one") as found:
        model.fit(X, named)
    assert told or len(found) == 1
    assert told or found[0].filename == __file__
    assert (model.classes_.tolist(), model.pos_label_) == (sorted(labels), labels[1])
    plain = PAUCEnsembleClassifier(budget=BUDGET, network=LogisticRegression(), **params)
    expected = plain.fit(X, y).predict_proba(X_new)
    by_role = [model.classes_.tolist().index(label) for label in labels]
    np.testing.assert_allclose(model.predict_proba(X_new)[:, by_role], expected, rtol=0.02)
    margin = model.decision_function(X_new)
    np.testing.assert_array_equal(model.predict(X_new), model.classes_[(margin > 0).astype(int)])
    assert roc_auc_score(y_new, ranks_of(model, X_new)) > 0.8
    score = make_coverage_scorer(BUDGET)(model, X_new, np.array(labels)[y_new])
    assert score == pytest.approx(make_coverage_scorer(BUDGET)(plain, X_new, y_new), abs=0.02)
    assert score > 0.5


def test_models_are_told_the_positive_class_and_warn_of_nothing():
    X, y = draw(1000)
    named = np.array(["ok", "fraud"])[y]
    mine = make_pipeline(StandardScaler(), Asking(1))
    model = PAUCEnsembleClassifier(budget=BUDGET, trees=Asking(0), network=mine)
    with pytest.warns(PositiveClassWarning) as found:
        model.fit(X, named)
    assert len(found) == 1
    assert (model.trees_.pos_label_, model.network_[-1].pos_label_) == ("fraud", "fraud")
    assert model.trees.pos_label is None
    asked = clone(model).set_params(trees__pos_label="ok")
    with pytest.warns(PositiveClassWarning, match="the positive class 'ok' is the majority"):
        asked.fit(X, named)
    assert asked.pos_label_ == "ok"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clone(model).set_params(pos_label="fraud").fit(X, named)


@pytest.mark.usefixtures("small_defaults")
def test_the_default_models_warn_of_the_positive_class_once():
    X, y = draw(600)
    model = PAUCEnsembleClassifier(budget=BUDGET, cv=2, n_jobs=1, random_state=0)
    with pytest.warns(PositiveClassWarning, match="the positive class 1 is the majority") as found:
        model.fit(X, 1 - y)
    assert sum(issubclass(one.category, PositiveClassWarning) for one in found) == 1


def test_a_frozen_model_keeps_its_classes():
    X, y = draw()
    named = np.array(["ok", "fraud"])[y]
    frozen = FrozenEstimator(LogisticRegression().fit(X, named))
    model = PAUCEnsembleClassifier(
        budget=BUDGET, trees=frozen, network=LogisticRegression(), pos_label="fraud"
    ).fit(X, named)
    assert partial_auc_score(y, ranks_of(model, X), beta=BUDGET) > 0.5


@pytest.mark.parametrize("labels", [("ok", "fraud"), ("ok", "scam")])
def test_models_with_their_classes_in_any_order_are_blended_alike(labels):
    X, y = draw(1000)
    named, found = np.array(labels)[y], []
    for kind in (Asking, PositiveSecond):
        model = PAUCEnsembleClassifier(
            budget=BUDGET, trees=kind(0), network=kind(1), pos_label=labels[1], random_state=0
        ).fit(X, named)
        assert model.classes_.tolist() == sorted(labels)
        found.append(ranks_of(model, X))
    np.testing.assert_array_equal(*found)
    expected = columns(0, 1).fit(X, y).decision_function(X)
    np.testing.assert_allclose(found[0], expected)


@pytest.mark.parametrize("labels", [("ok", "fraud"), ("ok", "scam")])
def test_even_odds_get_the_first_class_as_in_scikit_learn(labels, monkeypatch):
    X, y = draw(600)
    model = PAUCEnsembleClassifier(
        budget=BUDGET, trees=Asking(0), network=Asking(1), pos_label=labels[1]
    ).fit(X, np.array(labels)[y])
    monkeypatch.setattr(model, "_blended", lambda X: np.array([-1.0, 0.0, 1.0]))
    np.testing.assert_array_equal(model.predict(X[:3]), [labels[0], min(labels), labels[1]])
    np.testing.assert_array_equal(model.predict_proba(X[:3])[1], [0.5, 0.5])
    second = model.decision_function(X[:3]) > 0
    np.testing.assert_array_equal(model.predict(X[:3]), model.classes_[second.astype(int)])


@pytest.mark.parametrize("labels", [("ok", "fraud"), ("ok", "scam"), (2, 1)])
def test_metrics_of_scikit_learn(labels):
    X, y = draw(1000)
    named = np.array(labels)[y]
    model = PAUCEnsembleClassifier(
        budget=BUDGET, trees=Asking(0), network=Asking(1), pos_label=labels[1], random_state=0
    )
    splits = list(StratifiedKFold(3).split(X, y))
    precision = make_scorer(
        average_precision_score, pos_label=labels[1], response_method="decision_function"
    )
    expected = []
    for train, test in splits:
        plain = columns(0, 1).fit(X[train], y[train])
        score, probability = plain.decision_function(X[test]), plain.predict_proba(X[test])[:, 1]
        areas = roc_auc_score(y[test], score), average_precision_score(y[test], score)
        expected.append([*areas, -log_loss(y[test], probability)])
    found = [
        cross_val_score(model, X, named, scoring=scoring, cv=splits, error_score="raise")
        for scoring in ("roc_auc", precision, "neg_log_loss")
    ]
    np.testing.assert_allclose(np.transpose(found), expected)
    assert found[0].min() > 0.8


@pytest.mark.parametrize("labels", [("ok", "fraud"), ("ok", "scam")])
@pytest.mark.parametrize(
    "around",
    [
        lambda model: CalibratedClassifierCV(model, cv=2),
        lambda model: CalibratedClassifierCV(model, cv=2, ensemble=False),
        lambda model: StackingClassifier([("model", model)], cv=2),
        lambda model: StackingClassifier(
            [("model", model)], cv=2, stack_method="decision_function"
        ),
        lambda model: VotingClassifier([("model", model), ("other", model)], voting="soft"),
        lambda model: BaggingClassifier(model, 2, random_state=0),
    ],
)
def test_meta_estimators_of_scikit_learn(around, labels):
    X, y = draw(2000)
    X_new, y_new = draw(1000, seed=1)
    # Of models that take either class, so that labels may be coded first.
    model = PAUCEnsembleClassifier(
        budget=BUDGET, trees=LogisticRegression(), network=LogisticRegression(C=0.1), cv=2
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PositiveClassWarning)
        model = around(model).fit(X, np.array(labels)[y])
    assert model.classes_.tolist() == sorted(labels)
    column = sorted(labels).index(labels[1])
    assert roc_auc_score(y_new, model.predict_proba(X_new)[:, column]) > 0.8


def test_an_objective_of_ours_in_a_boosters_own_classifier_needs_the_greater_label():
    lightgbm = pytest.importorskip("lightgbm")
    from skbudget import PAUCObjective

    class WithMargin(lightgbm.LGBMClassifier):
        def decision_function(self, X):
            return self.predict(X, raw_score=True)

    X, y = draw(1000)
    trees = WithMargin(objective=PAUCObjective(), n_estimators=5, verbose=-1)
    model = PAUCEnsembleClassifier(budget=BUDGET, trees=trees, network=Column(0), cv=2)
    with pytest.raises(ValueError, match=r"for the greater label, 'ok', but the .* is 'fraud'"):
        model.set_params(pos_label="fraud").fit(X, np.array(["ok", "fraud"])[y])
    model.set_params(pos_label="scam").fit(X, np.array(["ok", "scam"])[y])
    assert model.pos_label_ == "scam"


def test_a_positive_label_that_y_does_not_have():
    X, y = draw(300)
    with pytest.raises(ValueError, match=r"'pos_label' parameter of PAUCEnsembleClassifier must"):
        columns(0, 1, pos_label="fraud").fit(X, y)


# --- folds of any kind ----------------------------------------------------------------


def draw_customers(n_customers=1500, copies=4, seed=0):
    """Customers with near-copies of one row each, and labels that nothing but the copies tell."""
    rng = np.random.default_rng(seed)
    customer = np.repeat(np.arange(n_customers), copies)
    y = (rng.random(n_customers) < 0.04).astype(int)[customer]
    X = rng.standard_normal((n_customers, 6))[customer]
    X += 1e-3 * rng.standard_normal(X.shape)
    X[:, 0] += 0.5 * y
    order = rng.permutation(y.size)
    return X[order], y[order], customer[order]


@pytest.mark.parametrize("cv", [3, GroupKFold(3)])
def test_probabilities_of_new_customers(cv):
    X, y, customer = draw_customers()
    X_new, y_new, _ = draw_customers(seed=1)
    trees = tiny_trees(n_estimators=50, selection_cv=None, min_split_gain=0.0)
    model = PAUCEnsembleClassifier(
        budget=BUDGET, trees=trees, network=LogisticRegression(), cv=cv, random_state=0
    )
    constant = log_loss(y_new, np.full(y_new.size, y.mean()))
    found = log_loss(y_new, model.fit(X, y, groups=customer).predict_proba(X_new))
    assert found < constant
    # Folds that part the copies of a customer take them for new rows.
    leaking = clone(model).set_params(cv=3).fit(X, y)
    assert log_loss(y_new, leaking.predict_proba(X_new)) > 1.3 * constant


class Watching(Column):
    """Notes which rows it was trained on and asked for, by their last column."""

    calls: list = []

    def fit(self, X, y, sample_weight=None, groups=None):
        super().fit(X, y, sample_weight)
        self.groups_ = groups
        self.trained_ = set(X[:, -1])
        return self

    def decision_function(self, X):
        self.calls.append((self.trained_, set(X[:, -1])))
        return super().decision_function(X)


def watched(cv, *, n_rows=400, **params):
    X, y = draw(n_rows, pos_rate=0.2)
    X = np.column_stack([X, np.arange(n_rows)])
    Watching.calls = []
    model = PAUCEnsembleClassifier(budget=0.1, trees=Watching(0), network=Column(1), cv=cv)
    model.fit(X, y, **params)
    # Rows that a model was trained on are asked for too, and then all of them.
    within = [(trained, asked) for trained, asked in Watching.calls if asked <= trained]
    assert all(asked == trained for trained, asked in within if len(trained) < n_rows)
    return model, X, y, [call for call in Watching.calls if call not in within]


@pytest.mark.parametrize("as_list", [False, True])
def test_any_splitter_or_iterable_says_which_rows_are_held_out(as_list):
    cv = KFold(4, shuffle=True, random_state=5)
    expected = [(set(train), set(test)) for train, test in cv.split(np.zeros((400, 1)))]
    _, X, _, calls = watched([*cv.split(np.zeros((400, 1)))] if as_list else cv)
    assert calls == expected
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    by_number, by_splitter = (watched(one)[0].predict_proba(X) for one in (3, folds))
    np.testing.assert_array_equal(by_number, by_splitter)


def test_groups_are_kept_together_by_a_number_of_folds_and_reach_a_model_that_takes_them():
    customer = np.arange(400) // 4
    for cv in (3, GroupKFold(3)):
        model, _, _, calls = watched(cv, groups=customer)
        assert len(calls) == 3
        for trained, asked in calls:
            assert not {row // 4 for row in trained} & {row // 4 for row in asked}
        np.testing.assert_array_equal(model.trees_.groups_, customer)
    with pytest.raises(ValueError, match="groups must have one entry per sample: expected 400"):
        watched(3, groups=customer[:-1])


def test_rows_that_no_split_holds_out_only_train():
    model, X, y, calls = watched(TimeSeriesSplit(4))
    held_out = set().union(*(asked for _, asked in calls))
    assert held_out == set(range(80, 400))
    assert all(max(trained) < min(asked) for trained, asked in calls)
    assert model.trees_.trained_ == set(range(400))
    found = model.predict_proba(X)[80:, 1].mean()
    assert found == pytest.approx(y[80:].mean(), abs=0.05)


def test_a_row_that_several_splits_hold_out_counts_for_each():
    once, X, _, _ = watched(StratifiedKFold(3, shuffle=True, random_state=0))
    twice, _, _, calls = watched(RepeatedStratifiedKFold(n_splits=3, n_repeats=2, random_state=0))
    assert len(calls) == 6
    np.testing.assert_allclose(twice.predict_proba(X), once.predict_proba(X), atol=0.06)


def test_rows_of_weight_zero_are_not_held_out_by_a_splitter():
    weight = np.ones(400)
    weight[100:200] = 0.0
    _, _, _, calls = watched(KFold(4), sample_weight=weight)
    assert len(calls) == 3, "the second fold has no row with weight"
    assert not any(set(range(100, 200)) & asked for _, asked in calls)


def test_splits_that_cannot_be_used_name_the_cause():
    X, y = draw(200)
    order = np.argsort(y, kind="stable")
    model = columns(0, 1, cv=KFold(2))
    with pytest.raises(ValueError, match=r"has no positive to train on in split 2 of 2: y has"):
        model.fit(X[order], y[order])
    rows = np.arange(200)
    with pytest.raises(ValueError, match="10 are in both parts of a split"):
        columns(0, 1, cv=[(rows[:110], rows[100:])]).fit(X, y)
    negatives = np.flatnonzero(y == 0)[:50]
    with pytest.raises(ValueError, match="cv holds out 0 positives of 50 rows"):
        columns(0, 1, cv=[(np.setdiff1d(rows, negatives), negatives)]).fit(X, y)
    with pytest.raises(ValueError, match="cv has no splits"):
        columns(0, 1, cv=[]).fit(X, y)


def test_groups_are_routed():
    X, y = draw(600)
    customer = np.arange(600) // 3
    with pytest.raises(ValueError, match="customer"):
        columns(0, 1).fit(X, y, customer=customer)
    with config_context(enable_metadata_routing=True):
        model = columns(0, 1, cv=GroupKFold(3))
        named = clone(model).set_params(cv=GroupKFold(3).set_split_request(groups="customer"))
        plain = model.fit(X, y, groups=customer).predict_proba(X)
        np.testing.assert_array_equal(named.fit(X, y, customer=customer).predict_proba(X), plain)
        # The outer splitter and the inner one both ask for the groups.
        scores = cross_validate(
            model,
            X,
            y,
            cv=GroupKFold(3),
            params={"groups": customer},
            scoring=make_coverage_scorer(BUDGET),
            error_score="raise",
        )
        assert np.isfinite(scores["test_score"]).all()
        # One that asks for none does not mind that the outer one does.
        cross_validate(
            columns(0, 1), X, y, cv=GroupKFold(3), params={"groups": customer}, error_score="raise"
        )


def test_dates_of_polars_are_no_numbers():
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(
        {"a": np.arange(60.0), "when": np.full(60, np.datetime64("2024-01-01"))}
    )
    with pytest.raises(ValueError, match="PAUCEnsembleClassifier takes numbers.*'when'"):
        PAUCEnsembleClassifier().fit(frame, np.arange(60) % 3 == 0)
