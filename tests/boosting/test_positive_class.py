"""The boosters' classifiers hunt the class that is meant, whatever its label."""

import pickle
import warnings

import numpy as np
import pytest

pytest.importorskip("lightgbm")
pytest.importorskip("xgboost")

from sklearn.base import clone
from sklearn.model_selection import cross_val_score

from skbudget import PAUCLGBMClassifier, PAUCXGBClassifier, make_coverage_scorer
from skbudget._utils.labels import PositiveClassWarning
from skbudget.objectives import find_loss

CLASSES = {
    "lightgbm": PAUCLGBMClassifier(n_estimators=20, n_jobs=1, verbose=-1, selection_cv=None),
    "xgboost": PAUCXGBClassifier(n_estimators=20, n_jobs=1, selection_cv=None),
}
each = pytest.mark.parametrize("model", CLASSES.values(), ids=list(CLASSES))

rng = np.random.default_rng(0)
POSITIVE = rng.random(3_000) < 0.05
X = rng.normal(size=(3_000, 4)) + 1.5 * POSITIVE[:, None]


def labelled(negative, positive, dtype=None):
    return np.where(POSITIVE, positive, negative).astype(dtype or object)


LABELS = {
    "words": (labelled("ok", "fraud"), "fraud"),
    "objects": (labelled("ok", "fraud", object), "fraud"),
    "numbers": (labelled(2, 1, int), 1),
    "greater": (labelled("bad", "good"), "good"),
}


@each
@pytest.mark.parametrize("name", LABELS)
def test_the_rarer_class_is_hunted_with_a_warning(model, name):
    y, positive = LABELS[name]
    with pytest.warns(PositiveClassWarning, match=rf"{type(model).__name__}: pos_label is not"):
        fitted = clone(model).fit(X, y)
    assert fitted.pos_label_ == fitted.classes_[1] == positive
    score = fitted.decision_function(X)
    assert POSITIVE[np.argsort(-score)[:50]].mean() > 0.9
    probability = fitted.predict_proba(X)
    assert probability[:, 1].mean() == pytest.approx(POSITIVE.mean(), rel=0.15)
    np.testing.assert_array_equal(fitted.predict(X) == positive, probability[:, 1] > 0.5)


@each
@pytest.mark.parametrize("name", LABELS)
def test_a_named_class_is_hunted_without_a_word(model, name):
    y, positive = LABELS[name]
    usual = clone(model).fit(X, POSITIVE.astype(int))
    with warnings.catch_warnings():
        warnings.simplefilter("error", PositiveClassWarning)
        named = clone(model).set_params(pos_label=positive).fit(X, y)
    np.testing.assert_array_equal(named.decision_function(X), usual.decision_function(X))
    np.testing.assert_array_equal(named.predict_proba(X), usual.predict_proba(X))
    loaded = pickle.loads(pickle.dumps(named))
    np.testing.assert_array_equal(loaded.predict(X), named.predict(X))
    assert set(named.predict(X)) <= set(y)


@each
def test_the_common_class_is_hunted_if_it_is_named(model):
    y = LABELS["words"][0]
    with pytest.warns(PositiveClassWarning, match="positive class 'ok' is the majority"):
        fitted = clone(model).set_params(pos_label="ok").fit(X, y)
    assert fitted.classes_.tolist() == ["fraud", "ok"]
    assert not POSITIVE[np.argsort(-fitted.decision_function(X))[:50]].any()


@each
def test_evaluation_sets_class_weights_and_scorers_know_the_class(model):
    y = LABELS["words"][0]
    named = clone(model).set_params(pos_label="fraud")
    named.fit(X, y, eval_set=[(X, y)])
    history = getattr(named, "evals_result_", None) or named.evals_result()
    coverage = next(iter(next(iter(history.values())).values()))[-1]
    assert coverage > 0.05
    scorer = make_coverage_scorer(budget=0.05, pos_label="fraud")
    assert cross_val_score(named, X, y, scoring=scorer, cv=2).min() > 0.5
    if "class_weight" in named.get_params():
        weighted = clone(named).set_params(class_weight={"fraud": 5.0, "ok": 1.0}).fit(X, y)
        assert weighted.predict_proba(X)[:, 1].mean() > 1.5 * POSITIVE.mean()


@each
def test_bad_names(model):
    y = LABELS["words"][0]
    with pytest.raises(
        ValueError, match=r"'pos_label' parameter of PAUC.*must be one of the labels"
    ):
        clone(model).set_params(pos_label="Fraud").fit(X, y)
    real = clone(model).set_params(pos_label=1, objective=find_loss("pairwise_pauc"))
    with pytest.raises(ValueError, match="labels that were not seen in fit"):
        real.fit(X, POSITIVE.astype(int), eval_set=[(X, y)])
