"""Choosing among candidates: the race, what it judges by, and the models of folds."""

from __future__ import annotations

import numpy as np
import pytest

from skbudget import PAUCLGBMClassifier, PAUCXGBClassifier, make_contested_top
from skbudget._utils.placements import Placements
from skbudget.boosting import _choosing, _fitting
from skbudget.boosting._booster import Training
from skbudget.boosting._choosing import place
from skbudget.metrics import coverage_at_budget_score, partial_auc_score
from skbudget.objectives import Rows, Schedule

each_class = pytest.mark.parametrize("cls", [PAUCLGBMClassifier, PAUCXGBClassifier])
QUIET = {PAUCLGBMClassifier: {"verbose": -1}, PAUCXGBClassifier: {}}


def make(cls, **params):
    return cls(**{"budget": 0.05, "n_jobs": 1, "random_state": 0, **QUIET[cls], **params})


@pytest.fixture(scope="module")
def table():
    return make_contested_top(3_000, pos_rate=0.03, random_state=0)


class Asked:
    """What a comparison needs of the settings."""

    class_weight = None

    def __init__(self, budget):
        self.budget = budget


# --- where rows stand ------------------------------------------------------------------


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("valued", [False, True])
@pytest.mark.parametrize("budget", [0.02, 0.2, 1.0])
def test_both_parts_of_the_placements_add_up_to_the_partial_auc(ties, weighted, valued, budget):
    rng = np.random.default_rng(0)
    target = rng.random(400) < 0.2
    margins = rng.normal(size=400) + target
    margins = np.round(margins, 1) if ties else margins
    weight = rng.integers(0, 3, 400).astype(float) + target if weighted else None
    columns = {"value": rng.exponential(size=400)} if valued else {}
    training = Training(np.zeros((400, 1)), Rows(target, np.zeros(400), weight, columns))
    placed = place(np.arange(400), margins, training, Asked(budget))
    area = partial_auc_score(
        target.astype(int),
        margins,
        beta=min(1.0, max(3 * budget, 20 / (~target).sum())),
        sample_weight=weight,
        value=columns.get("value"),
    )
    # A band that ends inside of a tie takes the first rows of it.
    rel = 0.02 if ties and budget < 1 else 1e-9
    assert placed.area == pytest.approx(area, rel=rel)
    # The other part is the area above what it would be with all negatives at the lower edge.
    at_edge = area - np.average(placed.negatives, weights=placed.weight)
    reached = coverage_at_budget_score(
        target.astype(int),
        margins,
        budget=min(1.0, max(3 * budget, 20 / (~target).sum())),
        basis="fpr",
        sample_weight=weight,
        value=columns.get("value"),
    )
    assert at_edge == pytest.approx(reached, rel=0.03 if ties else 1e-9, abs=0.015)


def draw(rng, skill, n=2_000):
    """Return placements of models of some skills on the same rows."""
    target = rng.random(n) < 0.03
    training = Training(np.zeros((n, 1)), Rows(target, np.zeros(n)))
    shared = rng.normal(size=n)
    return [
        place(np.arange(n), shared + rng.normal(size=n) + one * target, training, Asked(0.02))
        for one in skill
    ]


def test_a_model_is_seldom_surely_above_one_that_is_as_good():
    rng = np.random.default_rng(0)
    pairs = [draw(rng, (2.0, 2.0)) for _ in range(400)]
    above = np.mean([one.is_surely_above(other) for one, other in pairs])
    # One-sided, at 2.5 %.
    assert 0.005 < above < 0.06


def test_a_better_model_is_surely_above():
    rng = np.random.default_rng(0)
    pairs = [draw(rng, (3.5, 2.0)) for _ in range(50)]
    assert np.mean([one.is_surely_above(other) for one, other in pairs]) > 0.95
    assert not any(other.is_surely_above(one) for one, other in pairs)


def test_nothing_is_sure_without_a_difference_or_on_one_positive():
    one, _ = draw(np.random.default_rng(0), (1.0, 1.0))
    assert not one.is_surely_above(one)
    single, zero = np.ones(1), np.zeros(1)
    better = Placements(single, single, zero, single)
    worse = Placements(zero, single, -single, single)
    assert not better.is_surely_above(worse)


# --- the race --------------------------------------------------------------------------


def trained(monkeypatch):
    """Return a list that every training is noted in: settings and choice."""
    found, original = [], _fitting.train

    def noting(training, settings, choice):
        found.append((settings.booster.params, choice, training.rows.n_samples))
        return original(training, settings, choice)

    monkeypatch.setattr(_fitting, "train", noting)
    return found


@each_class
def test_all_that_may_be_the_best_are_trained_on_all_folds(cls, table, monkeypatch):
    found = trained(monkeypatch)
    monkeypatch.setattr(Placements, "is_surely_above", lambda *_: False)
    model = make(cls, n_estimators=10).fit(*table)
    in_folds = [choice for _, choice, _ in found]
    assert len(in_folds) == 9
    assert in_folds[:3] == in_folds[3:6] == in_folds[6:]
    assert model._chosen in in_folds[:3]


def test_who_is_surely_behind_drops_out_at_once(table, monkeypatch):
    found = trained(monkeypatch)
    monkeypatch.setattr(Placements, "is_surely_above", lambda *_: True)
    make(PAUCLGBMClassifier, n_estimators=10).fit(*table)
    assert len(found) == 5


def test_the_best_of_all_folds_is_chosen(table, monkeypatch):
    """All three are trained on all folds, and their mean areas are compared then."""
    areas = iter([0.1, 0.3, 0.4])
    monkeypatch.setattr(_choosing, "mean_area", lambda *_: next(areas))
    monkeypatch.setattr(Placements, "is_surely_above", lambda *_: False)
    model = make(PAUCLGBMClassifier, n_estimators=5).fit(*table)
    assert model._chosen["beta"] == 1.0
    assert next(areas, None) is None


# --- the models of the folds -------------------------------------------------------------


@each_class
def test_models_of_folds_have_fewer_trees_with_longer_steps(cls, table, monkeypatch):
    found = trained(monkeypatch)
    fit = {"selection_cv": None, "n_estimators": 120}
    make(cls, **fit).fit(*table)
    # No fewer than 25.
    assert {p["n_estimators"] for p, *_ in found} == {40}
    np.testing.assert_allclose([p["learning_rate"] for p, *_ in found], 0.15)
    found.clear()
    make(cls, fold_learning_rate=0.1, **fit).fit(*table)
    assert {p["n_estimators"] for p, *_ in found} == {60}
    np.testing.assert_allclose([p["learning_rate"] for p, *_ in found], 0.1)
    found.clear()
    make(cls, selection_cv=None, n_estimators=60).fit(*table)
    assert {p["n_estimators"] for p, *_ in found} == {25}
    np.testing.assert_allclose([p["learning_rate"] for p, *_ in found], 0.05 * 60 / 25)


@each_class
@pytest.mark.parametrize(
    "params",
    [
        {"fold_learning_rate": None},
        {"fold_learning_rate": 0.05},
        {"learning_rate": 0.4},
        {"schedule": Schedule(warmup_rounds=3)},
        "dart",
    ],
    ids=["none", "its own", "slower", "schedule", "dart"],
)
def test_rounds_that_mean_something_stay(cls, params, table, monkeypatch):
    found = trained(monkeypatch)
    if params == "dart":
        params = {"boosting_type": "dart"} if cls is PAUCLGBMClassifier else {"booster": "dart"}
    make(cls, selection_cv=None, n_estimators=30, **params).fit(*table)
    rate = params.get("learning_rate", 0.05)
    assert {(p["n_estimators"], p["learning_rate"]) for p, *_ in found} == {(30, rate)}


@each_class
def test_scores_to_begin_from_keep_the_rounds(cls, table, monkeypatch):
    found = trained(monkeypatch)
    X, y = table
    name = "init_score" if cls is PAUCLGBMClassifier else "base_margin"
    fit = {"selection_cv": None, "n_estimators": 30}
    make(cls, **fit).fit(X, y, **{name: np.zeros(y.size)})
    assert {p["n_estimators"] for p, *_ in found} == {30}


@each_class
@pytest.mark.parametrize("rate", [0, -0.1, "fast", float("nan"), True])
def test_what_is_no_learning_rate_is_refused(cls, rate, table):
    with pytest.raises((ValueError, TypeError), match=r"fold_learning_rate.*of PAUC"):
        make(cls, fold_learning_rate=rate).fit(*table)


def test_models_on_shared_bins_have_the_threads_and_the_seed(table, monkeypatch):
    from skbudget.boosting import _lightgbm_booster

    found, original = [], _lightgbm_booster.train

    def noting(params, *args, **kwargs):
        found.append((params["num_threads"], params["random_state"], params["max_bin"]))
        return original(params, *args, **kwargs)

    monkeypatch.setattr(_lightgbm_booster, "train", noting)
    given = {"n_estimators": 5, "random_state": 7, "n_jobs": 2, "max_bin": 15}
    make(PAUCLGBMClassifier, selection_cv=None, **given).fit(*table)
    assert found == [(2, 7, 15)] * 3


def test_folds_of_lightgbm_share_the_bins_of_the_table(table, monkeypatch):
    """Trees of a fold are those of LightGBM on the same rows, in the bins of the whole table."""
    import lightgbm as lgb

    made = []
    original = lgb.Dataset.__init__

    def noting(self, data, *args, **kwargs):
        made.append(data is not None)
        original(self, data, *args, **kwargs)

    monkeypatch.setattr(lgb.Dataset, "__init__", noting)
    make(PAUCLGBMClassifier, n_estimators=5).fit(*table)
    # One for all folds, and one for the final model.
    assert sum(made) == 2


@pytest.mark.parametrize("class_weight", [None, "balanced", {0: 1.0, 1: 3.0}])
@pytest.mark.parametrize("weighted", [False, True])
def test_shared_bins_give_the_models_that_bins_of_their_own_give(class_weight, weighted, table):
    """Few distinct values make the bins of a fold those of the table."""
    X, y = np.round(table[0], 1), table[1]
    weight = np.random.default_rng(0).integers(1, 4, y.size) if weighted else None
    params = {"class_weight": class_weight, "n_estimators": 30, "selection_cv": None}
    found = []
    for callbacks in (None, [lambda env: None]):
        # Callbacks of the user's keep a model from what is shared.
        model = make(PAUCLGBMClassifier, fold_learning_rate=None, **params)
        model.fit(X, y, sample_weight=weight, callbacks=callbacks)
        found.append(model.predict_proba(X)[:, 1])
    np.testing.assert_allclose(found[0], found[1], rtol=1e-6)
