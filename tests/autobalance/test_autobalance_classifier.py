"""The classifier that tunes its loss: what it finds, what it keeps, what it refuses."""

import pickle
import warnings
from functools import partial

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")
lightgbm = pytest.importorskip("lightgbm")
xgboost = pytest.importorskip("xgboost")
pd = pytest.importorskip("pandas")

from skbudget import PAUCClassifier, PAUCLGBMClassifier, PAUCXGBClassifier
from skbudget._utils.labels import PositiveClassWarning
from skbudget._utils.rare_class import FewRowsWarning
from skbudget._utils.splits import Split
from skbudget.autobalance import AutoBalanceClassifier
from skbudget.autobalance._augmentation import augmented, partners
from skbudget.autobalance._checks import kinds_of
from skbudget.autobalance._fits import gain_of
from skbudget.autobalance._goal import Goal
from skbudget.autobalance._models import is_network, trainable
from skbudget.autobalance._parameters import Parameters, Space
from skbudget.objectives import SegmentScalingCrossEntropy, VectorScalingCrossEntropy

torch.set_num_threads(1)

BUDGET = 0.05
pytestmark = pytest.mark.filterwarnings("ignore::skbudget._utils.rare_class.FewRowsWarning")


def trees(**params):
    defaults = {"n_estimators": 5, "calibration_cv": 2, "selection_cv": None, "n_jobs": 1}
    return PAUCLGBMClassifier(**{**defaults, "min_child_samples": 2, "verbose": -1, **params})


def network(**params):
    defaults = {"hidden_layer_sizes": (4,), "n_members": 2, "max_epochs": 20, "device": "cpu"}
    return PAUCClassifier(**{**defaults, "random_state": 0, **params})


def linear(**params):
    settings = {"hidden_layer_sizes": (), "n_members": 1, "lr": 0.05, "max_epochs": 120}
    return network(**{**settings, "weight_decay": 0.0, "input_decay": 0.0, **params})


def quick(estimator, **params):
    settings = {"budget": BUDGET, "cv": 2, "n_repeats": 1, "n_candidates": 2, "random_state": 0}
    return AutoBalanceClassifier(estimator, **{**settings, **params})


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    y = (rng.random(600) < 0.15).astype(int)
    X = rng.normal(size=(600, 3))
    X[y == 1, 0] += 1.5
    return X, y


def two_kinds(n, seed):
    """Positives of two kinds, which no line tells from the negatives."""
    rng = np.random.default_rng(seed)
    y = rng.random(n) < 0.04
    X = rng.normal(size=(n, 2))
    X[~y & (rng.random(n) < 0.05), 0] += 3.0
    out = rng.random(n) < 0.4
    X[y & out, 1] += 4.0
    X[y & ~out, 0] += 2.0
    return X, y.astype(int)


checks = parametrize_with_checks(
    [quick(trees(budget=0.5), budget=0.5, min_gain=100.0, n_candidates=1)],
    expected_failed_checks=lambda _: {
        f"check_sample_weight_equivalence_on_{kind}_data": "folds are drawn by row, and a repeated "
        "row may be in two of them"
        for kind in ("dense", "sparse")
    },
)


@checks
def test_scikit_learn_checks(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PositiveClassWarning)
        check(estimator)


# --- what is found ----------------------------------------------------------------------


def test_gradients_begin_where_theory_suggests():
    """From plain cross-entropy they go the other way, to a light weight."""
    rng = np.random.default_rng(0)
    y = (np.arange(3_000) < 60).astype(int)
    X = rng.normal(size=(3_000, 3))
    # Positives on one side of nearly all negatives, and a few negatives beyond them.
    X[y == 1, 0] += 2.0
    X[60:, 1] += np.where(np.arange(2_940) < 88, -6.0, 3.0)
    model = quick(
        linear(max_epochs=40), objective="balanced_error", warmup=0.3, update_every=1, cv=3
    ).fit(X, y)
    assert model.found_params_["pos_weight"] > 10.0
    assert model.adopted_
    assert model.gain_.mean > 0.01
    assert np.exp(model.path_[0, 0]) > 10.0


def test_gradients_find_a_better_loss_for_a_misspecified_model():
    X, y = two_kinds(3_000, 0)
    model = quick(linear(calibration_cv=None, max_epochs=60), warmup=0.3, update_every=1, cv=3).fit(
        X, y
    )
    # The margin of the positives rises, which is what helps here.
    assert model.path_.shape[1] == 3
    assert model.found_params_["pos_margin"] > 0.5
    assert model.loss_ == VectorScalingCrossEntropy(
        **{name: model.loss_params_[name] for name in model.loss_params_}
    )
    assert model.adopted_ == (model.gain_.mean > model.gain_.standard_error)
    assert model.cv_results_["mean_test_score"].shape == (2,)
    assert not hasattr(model, "predict_proba")


@pytest.mark.parametrize("search", ["random", "optuna"])
def test_trials_are_scored_on_folds(table, search):
    if search == "optuna":
        pytest.importorskip("optuna")
    X, y = table
    model = quick(trees(), search=search, n_candidates=3, n_repeats=2).fit(X, y)
    found = model.cv_results_
    assert found["mean_test_score"].shape == (4,)
    assert found["params"][0] == {"pos_weight": 1.0, "pos_margin": 0.0, "pos_multiplier": 1.0}
    assert sum(name.startswith("split") for name in found) == 4
    best = 1 + int(found["mean_test_score"][1:].argmax())
    assert found["params"][best] == model.found_params_
    assert found["rank_test_score"].min() == 1
    assert not hasattr(model, "path_")


def test_training_objective_keeps_plain_cross_entropy(table):
    """With cross-entropy above as below, no other loss is better than by chance."""
    X, y = table
    model = quick(trees(), objective="cross_entropy", cv=3).fit(X, y)
    assert not model.adopted_
    assert model.loss_ == VectorScalingCrossEntropy()
    # Of a model without a penalty, several losses have nearly the same optimum.
    tied = quick(make_pipeline(StandardScaler(), linear()), objective="cross_entropy").fit(X, y)
    assert abs(tied.gain_.mean) < 0.01
    assert tied.gain_.low < 0.0 < tied.gain_.high


def test_final_model_is_trained_on_all_rows_with_the_frozen_loss(table):
    X, y = table
    model = quick(trees(), min_gain=0.0, cv=3).fit(X, y)
    alone = trees(objective=model.loss_, pos_label=1).fit(X, y)
    np.testing.assert_array_equal(model.decision_function(X), alone.decision_function(X))
    np.testing.assert_array_equal(model.predict_proba(X), alone.predict_proba(X))
    kept = quick(trees(), min_gain=1e6).fit(X, y)
    assert not kept.adopted_
    assert kept.loss_ == VectorScalingCrossEntropy()


@pytest.mark.parametrize(
    "estimator",
    [
        lightgbm.LGBMClassifier(n_estimators=3, num_leaves=7, n_jobs=1, verbose=-1),
        xgboost.XGBClassifier(n_estimators=3, max_depth=2, n_jobs=1),
        PAUCXGBClassifier(n_estimators=3, selection_cv=None, calibration_cv=2, n_jobs=1),
        make_pipeline(StandardScaler(), trees(n_estimators=3)),
    ],
    ids=["lightgbm", "xgboost", "ours", "pipeline"],
)
def test_boosters_of_others_are_trained_too(table, estimator):
    X, y = table
    before = estimator.get_params()
    model = quick(estimator).fit(X, y)
    assert repr(estimator.get_params()) == repr(before)
    last = model.estimator_[-1] if hasattr(model.estimator_, "steps") else model.estimator_
    assert type(last).__name__.startswith("PAUC")
    assert last.n_estimators == 3
    assert model.predict_proba(X).shape == (600, 2)


class Line(torch.nn.Module):
    def __init__(self, n_features=3):
        super().__init__()
        self.line = torch.nn.Linear(n_features, 1)

    def forward(self, X):
        return self.line(X)


@pytest.mark.parametrize("module", [Line, Line()], ids=["class", "instance"])
def test_modules_are_networks(table, module):
    X, y = table
    model = quick(network(module=module, n_members=1)).fit(X, y)
    assert model.path_.shape[1] == 3
    assert np.isfinite(model.decision_function(X)).all()
    put_behind = trainable(module, X, BUDGET, 0)
    assert put_behind[-1].module is module
    assert is_network(put_behind)


def test_network_of_ours_is_the_default(table):
    default = trainable(None, table[0], BUDGET, 3)
    assert default[-1].get_params() == PAUCClassifier(BUDGET, random_state=3).get_params()


# --- objectives ---------------------------------------------------------------------------


@pytest.mark.parametrize("positive_first", [False, True], ids=["last", "first"])
def test_balanced_error_is_decided_at_the_share_of_positives(table, positive_first):
    X, y = table
    labels = np.where(y == 1, *(("a", "b") if positive_first else ("b", "a")))
    name = "a" if positive_first else "b"
    model = quick(trees(), objective="balanced_error", pos_label=name).fit(X, labels)
    assert model.pos_label_ == name
    p = model.predict_proba(X)[:, model.classes_.tolist().index(name)]
    np.testing.assert_array_equal(model.predict(X) == name, p > y.mean())
    above = model.classes_[(model.decision_function(X) > 0).astype(int)]
    np.testing.assert_array_equal(above, model.predict(X))
    assert balanced_accuracy_score(labels, model.predict(X)) > 0.7


def test_worst_group_has_parameters_by_segment(table):
    X, y = table
    segment = np.where(X[:, 1] > 0.3, "north", "south")
    for estimator in (trees(), make_pipeline(StandardScaler(), network())):
        model = quick(estimator, objective="worst_group", min_gain=0.0).fit(X, y, segment=segment)
        assert model.segments_.tolist() == ["north", "south"]
        assert isinstance(model.loss_, SegmentScalingCrossEntropy)
        assert [len(model.found_params_[name]) for name in ("weight", "margin")] == [2, 2]
        assert model.predict(X).shape == y.shape


def test_scores_by_hand():
    positive = np.array([True, True, False, False, False])
    p = np.array([0.9, 0.1, 0.3, 0.1, 0.1])
    weight = np.array([1.0, 3.0, 2.0, 1.0, 1.0])
    segment = np.array([0, 0, 0, 1, 1])
    score = partial(Goal("balanced_error", 0.1).score, positive, p)
    assert score(p, 0.2, None, None) == pytest.approx(-(1 / 2 + 1 / 3) / 2)
    assert score(p, 0.2, weight, None) == pytest.approx(-(3 / 4 + 2 / 4) / 2)
    worst = Goal("worst_group", 0.1).score(positive, p, p, 0.2, weight, segment)
    # The first segment has errors 3/4 and 1, the second has negatives alone, without an error.
    assert worst == pytest.approx(-(3 / 4 + 1) / 2)
    found = Goal("cross_entropy", 0.1).score(positive, p, p, 0.2, weight, None)
    log = np.log(np.where(positive, p, 1 - p))
    assert found == pytest.approx(np.average(log, weights=weight))
    assert Goal("coverage", 0.2).score(positive, p, None, 0.2, None, None) == 0.5


def test_gain_is_corrected_for_shared_rows():
    splits = [Split(np.arange(80), np.arange(80, 100))] * 4
    gain = gain_of(np.array([1.0, 2.0, 3.0, 4.0]), np.zeros(4), splits)
    variance = np.var([1.0, 2.0, 3.0, 4.0], ddof=1)
    assert gain.standard_error == pytest.approx(np.sqrt(variance * (1 / 4 + 20 / 80)))
    assert gain.low < gain.mean < gain.high
    assert gain_of(np.ones(1), np.zeros(1), splits[:1]).standard_error == np.inf


def test_vectors_are_parameters():
    assert Space().parameters(np.zeros(3)).is_plain
    found = Space().parameters(np.array([np.log(2.0), 0.5, np.log(3.0)]))
    assert found.loss == VectorScalingCrossEntropy(
        2.0, pos_margin=0.5, pos_multiplier=found.multiplier[0]
    )
    assert found.multiplier[0] == pytest.approx(3.0)
    # A factor of all segments' weights is no parameter.
    by_segment = Space(2).parameters(np.array([1.0, 3.0, 0.5, -0.5, 2.0, 2.0]))
    np.testing.assert_allclose(np.log(by_segment.weight), [-1.0, 1.0])
    assert by_segment.multiplier == (1.0, 1.0)
    assert not Parameters(False, (1.0,), (0.0,), (1.0,), {"noise": (0.1, 0.1)}).is_plain


# --- augmentation -------------------------------------------------------------------------


def test_augmentation_by_hand():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4_000, 2)) * [1.0, 10.0] + [0.0, 5.0]
    unit = np.arange(4_000) % 2
    X[unit == 1] += 100.0
    noisy = augmented(X, unit, unit, {"noise": (0.0, 0.5)}, rng) - X
    assert not noisy[unit == 0].any()
    np.testing.assert_allclose(noisy[unit == 1].std(axis=0), 0.5 * X.std(axis=0), rtol=0.1)
    mixed = augmented(X, unit, unit, {"mix": (1.0, 1.0)}, rng)
    # Rows of one class stay among their own.
    assert mixed[unit == 0, 0].max() < 50.0 < mixed[unit == 1, 0].min()
    dropped = augmented(X, unit, unit, {"dropout": (0.25, 0.0)}, rng)
    is_mean = dropped == X.mean(axis=0)
    assert is_mean[unit == 0].mean() == pytest.approx(0.25, abs=0.03)
    assert not is_mean[unit == 1].any()
    np.testing.assert_array_equal(unit[partners(unit, rng)], unit)


def test_strengths_are_tuned_with_the_loss(table):
    X, y = table
    model = quick(
        make_pipeline(StandardScaler(), network()),
        augment=True,
        min_gain=0.0,
        update_every=2,
        objective="balanced_error",
    ).fit(X, y)
    strengths = {name: model.found_params_[name] for name in ("noise", "mix", "dropout")}
    assert all(0.0 < one < 0.5 for pair in strengths.values() for one in pair)
    assert np.ptp(model.path_[:, 3:], axis=0).min() > 0.0
    assert model.predict_proba(X).shape == (600, 2)
    assert kinds_of(quick(network(), augment="mix")) == ("mix",)


# --- the house's rules --------------------------------------------------------------------


def test_same_seed_same_model_and_pickles(table):
    X, y = table
    estimator = make_pipeline(StandardScaler(), network())
    one, other = (quick(clone(estimator)).fit(X, y) for _ in range(2))
    np.testing.assert_array_equal(one.path_, other.path_)
    np.testing.assert_array_equal(one.decision_function(X), other.decision_function(X))
    again = pickle.loads(pickle.dumps(one))
    np.testing.assert_array_equal(one.decision_function(X), again.decision_function(X))


def test_rows_of_weight_zero_are_left_out(table):
    X, y = table
    weight = np.ones(600)
    weight[:100] = 0.0
    one = quick(trees()).fit(X, y, weight)
    other = quick(trees()).fit(X[100:], y[100:], np.ones(500))
    np.testing.assert_array_equal(one.decision_function(X), other.decision_function(X))


def test_groups_stay_together(table):
    X, y = table
    groups = np.arange(600) // 3
    assert quick(trees()).fit(X, y, groups=groups).gain_.mean is not None
    model = quick(trees(), cv=GroupKFold(3)).fit(X, y, groups=groups)
    assert model.cv_results_["split2_test_score"].shape == (3,)


def test_splits_that_can_be_read_once(table):
    X, y = table
    halves = np.array_split(np.random.default_rng(0).permutation(600), 2)
    listed = [(halves[0], halves[1]), (halves[1], halves[0])]
    one, other = quick(trees(), cv=listed).fit(X, y), quick(trees(), cv=iter(listed)).fit(X, y)
    assert one.gain_ == other.gain_


def test_frames_with_missing_values(table):
    X, y = table
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    frame.iloc[::7, 1] = np.nan
    model = quick(trees()).fit(frame, y)
    assert model.feature_names_in_.tolist() == ["a", "b", "c"]
    assert np.isfinite(model.decision_function(frame)).all()


@pytest.mark.filterwarnings("default::skbudget._utils.rare_class.FewRowsWarning")
def test_few_held_out_positives_are_warned_of(table):
    X, y = table
    few = np.concatenate([np.flatnonzero(y == 0), np.flatnonzero(y == 1)[:12]])
    with pytest.warns(FewRowsWarning, match="AutoBalanceClassifier: a split holds out 6 positives"):
        quick(trees()).fit(X[few], y[few])


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"objective": "recall"}, "'objective' parameter of AutoBalanceClassifier must be one of"),
        ({"search": "grid"}, "'search' parameter"),
        ({"budget": 2}, "'budget' parameter"),
        ({"n_candidates": 0}, "'n_candidates' parameter"),
        ({"cv": 1}, "'cv' parameter"),
        ({"cv": True}, "'cv' parameter"),
        ({"warmup": 1.0}, "'warmup' parameter"),
        ({"validation_fraction": 0.7}, "'validation_fraction' parameter"),
        ({"min_gain": -1}, "'min_gain' parameter"),
        ({"augment": "flip"}, "'augment' parameter of AutoBalanceClassifier must be a bool, or"),
        ({"augment": True}, "augment of AutoBalanceClassifier has no effect with search='random'"),
        ({"search": "gradient"}, "search='gradient' of AutoBalanceClassifier needs a network"),
        ({"estimator": LogisticRegression()}, "'estimator' parameter of AutoBalanceClassifier"),
        ({"estimator": PAUCClassifier}, "Pass an instance"),
        ({"estimator": trees(objective="focal_loss")}, "has objective='focal_loss' already"),
        ({"estimator": network(loss="focal_loss")}, "has loss='focal_loss' already"),
        ({"objective": "worst_group"}, "needs segment"),
        ({"estimator": trees(calibration_cv=None), "objective": "balanced_error"}, "calibration"),
    ],
    ids=lambda entry: entry[:30] if isinstance(entry, str) else next(iter(entry)),
)
def test_what_cannot_be_meant_is_refused(table, params, message):
    X, y = table
    with pytest.raises((ValueError, TypeError, AttributeError), match=message):
        quick(**{"estimator": trees(), **params}).fit(X, y)


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"warmup": 0.2}, "'warmup' parameter .* needs search='gradient'. Got 0.2"),
        ({"update_every": 9}, "'update_every' parameter .* needs search='gradient'. Got 9"),
        ({"validation_fraction": 0.5}, "'validation_fraction' parameter .* search='gradient'"),
    ],
    ids=["warmup", "update_every", "validation_fraction"],
)
def test_what_the_search_does_not_read_is_warned_of(table, params, told):
    with pytest.warns(UserWarning, match=told) as found:
        quick(trees(), **params).fit(*table)
    assert __file__ in {one.filename for one in found if "has no effect" in str(one.message)}


def test_segment_without_effect_is_refused(table):
    X, y = table
    with pytest.raises(ValueError, match="segment of AutoBalanceClassifier has no effect with"):
        quick(trees()).fit(X, y, segment=y)
    with pytest.raises(ValueError, match="segment must have one entry per sample"):
        quick(trees(), objective="worst_group").fit(X, y, segment=y[:5])
    missing = np.where(np.arange(600) < 3, np.nan, 1.0)
    with pytest.raises(ValueError, match="segment contains NaN or infinity: every row"):
        quick(trees(), objective="worst_group").fit(X, y, segment=missing)
    with pytest.raises(ValueError, match="only 1 member"):
        quick(trees()).fit(X, np.arange(600) == 3)
