"""The boosters' classifiers hunt the class that is meant, whatever its label."""

import pickle
import warnings

import numpy as np
import pytest
import scipy.sparse as sp

pytest.importorskip("lightgbm")
pytest.importorskip("xgboost")

from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    get_scorer,
    log_loss,
    make_scorer,
    roc_auc_score,
)
from sklearn.model_selection import StratifiedKFold, cross_val_predict, cross_val_score
from small_models import booster_margin, chance_of, ranks_of

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
    assert fitted.pos_label_ == positive
    assert fitted.classes_.tolist() == sorted(set(y))
    assert POSITIVE[np.argsort(-ranks_of(fitted, X))[:50]].mean() > 0.9
    probability = chance_of(fitted, X)
    assert probability.mean() == pytest.approx(POSITIVE.mean(), rel=0.15)
    np.testing.assert_array_equal(fitted.predict(X) == positive, probability > 0.5)


@each
@pytest.mark.parametrize("name", LABELS)
def test_a_named_class_is_hunted_without_a_word(model, name):
    y, positive = LABELS[name]
    usual = clone(model).fit(X, POSITIVE.astype(int))
    with warnings.catch_warnings():
        warnings.simplefilter("error", PositiveClassWarning)
        named = clone(model).set_params(pos_label=positive).fit(X, y)
    assert (named.pos_label_, named.classes_.tolist()) == (positive, sorted(set(y)))
    np.testing.assert_array_equal(ranks_of(named, X), usual.decision_function(X))
    np.testing.assert_array_equal(chance_of(named, X), usual.predict_proba(X)[:, 1])
    np.testing.assert_array_equal(named.predict(X) == positive, usual.predict(X) == 1)
    loaded = pickle.loads(pickle.dumps(named))
    np.testing.assert_array_equal(loaded.predict(X), named.predict(X))
    assert set(named.predict(X)) <= set(y)


@each
def test_the_common_class_is_hunted_if_it_is_named(model):
    y = LABELS["words"][0]
    with pytest.warns(PositiveClassWarning, match="positive class 'ok' is the majority"):
        fitted = clone(model).set_params(pos_label="ok").fit(X, y)
    assert fitted.classes_.tolist() == ["fraud", "ok"]
    assert fitted.pos_label_ == "ok"
    assert not POSITIVE[np.argsort(-ranks_of(fitted, X))[:50]].any()


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
        assert chance_of(weighted, X).mean() > 1.5 * POSITIVE.mean()


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


# --- scikit-learn, which relies on sorted classes_ and on scores of the second -------------


@pytest.fixture(scope="module", params=list(CLASSES))
def fraud(request):
    """A model whose positive class is the smaller label, its folds, and labels."""
    y = labelled("ok", "fraud", str)
    model = clone(CLASSES[request.param]).set_params(pos_label="fraud", calibration_cv=2)
    folds = [*StratifiedKFold(2, shuffle=True, random_state=0).split(X, y)]
    return model, folds, y


@pytest.fixture(scope="module")
def by_fold(fraud):
    """Models of each fold, with the rows that they have not seen."""
    model, folds, y = fraud
    return [(clone(model).fit(X[train], y[train]), test) for train, test in folds]


def by_hand(by_fold, metric, scores):
    return [metric(POSITIVE[test], scores(fitted, X[test])) for fitted, test in by_fold]


def squared_error(positive, chance):
    return -np.mean((chance - positive) ** 2)


def accuracy(positive, chance):
    return np.mean((chance > 0.5) == positive)


def minus_log_loss(positive, chance):
    return -log_loss(positive, chance)


AVERAGE_PRECISION = make_scorer(
    average_precision_score,
    response_method=("decision_function", "predict_proba"),
    pos_label="fraud",
)
BRIER = make_scorer(
    brier_score_loss, response_method="predict_proba", pos_label="fraud", greater_is_better=False
)


@pytest.mark.parametrize(
    ("scoring", "metric", "scores"),
    [
        ("roc_auc", roc_auc_score, ranks_of),
        (AVERAGE_PRECISION, average_precision_score, ranks_of),
        ("neg_log_loss", minus_log_loss, chance_of),
        (BRIER, squared_error, chance_of),
        ("accuracy", accuracy, chance_of),
    ],
    ids=["ROC AUC", "average precision", "log loss", "Brier score", "accuracy"],
)
def test_scorers_of_scikit_learn(fraud, by_fold, scoring, metric, scores):
    """They tell of the positive class what its definition tells of 0 and 1."""
    y = fraud[2]
    scorer = get_scorer(scoring)
    found = [scorer(fitted, X[test], y[test]) for fitted, test in by_fold]
    np.testing.assert_allclose(found, by_hand(by_fold, metric, scores), rtol=1e-6)
    of_chance = metric(POSITIVE, np.full(POSITIVE.size, POSITIVE.mean()))
    assert min(found) > of_chance


def test_cross_validation_of_scikit_learn(fraud, by_fold):
    model, folds, y = fraud
    found = cross_val_score(model, X, y, scoring="roc_auc", cv=folds)
    np.testing.assert_allclose(found, by_hand(by_fold, roc_auc_score, ranks_of))
    assert found.min() > 0.8


@pytest.mark.parametrize("method", ["decision_function", "predict_proba"])
def test_predictions_of_folds(fraud, by_fold, method):
    """scikit-learn codes the labels for them: 0 is the fraud."""
    model, folds, y = fraud
    model = clone(model).set_params(pos_label=0)
    found = cross_val_predict(model, X, y, method=method, cv=folds)
    for fitted, test in by_fold:
        np.testing.assert_array_equal(found[test], getattr(fitted, method)(X[test]))


def test_scores_probabilities_and_labels_agree(by_fold):
    for fitted, test in by_fold:
        score, probability = fitted.decision_function(X[test]), fitted.predict_proba(X[test])
        assert fitted.classes_.tolist() == ["fraud", "ok"]
        expected = fitted.classes_[(score > 0).astype(int)]
        np.testing.assert_array_equal(fitted.predict(X[test]), expected)
        np.testing.assert_array_equal(
            fitted.classes_[probability.argmax(axis=1)], fitted.predict(X[test])
        )
        np.testing.assert_allclose(probability.sum(axis=1), 1.0)
        order = np.argsort(score, kind="stable")
        assert (np.diff(probability[order, 1]) >= 0).all()
        assert roc_auc_score(POSITIVE[test], probability[:, 0]) > 0.8
        np.testing.assert_allclose(booster_margin(fitted, X[test]), -score, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("ensemble", "settings"),
    [
        (CalibratedClassifierCV, {"method": "sigmoid"}),
        (CalibratedClassifierCV, {"method": "isotonic"}),
        (CalibratedClassifierCV, {"method": "sigmoid", "ensemble": False}),
        (VotingClassifier, {"voting": "soft"}),
        (StackingClassifier, {"final_estimator": LogisticRegression()}),
        (StackingClassifier, {"stack_method": "decision_function"}),
    ],
    ids=["sigmoid", "isotonic", "cross-predicted", "voting", "stacking", "stacked margins"],
)
def test_estimators_of_scikit_learn_that_hold_one(fraud, ensemble, settings):
    """Some of them code the labels before they hand them on: 0 is the fraud then."""
    model, folds, y = fraud
    if ensemble is not CalibratedClassifierCV:
        model = clone(model).set_params(pos_label=0)
    elif settings.get("ensemble") is False:
        # It codes the labels for the folds, and does not for the model of all rows.
        model = clone(model).set_params(pos_label=None)
    if ensemble is CalibratedClassifierCV:
        held = ensemble(clone(model).set_params(calibration_cv=None), cv=2, **settings)
    else:
        pair = [("ours", model), ("other", LogisticRegression())]
        held = ensemble(pair, **settings, **({"cv": 2} if ensemble is StackingClassifier else {}))
    train, test = folds[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PositiveClassWarning)
        held.fit(X[train], y[train])
    assert held.classes_.tolist() == ["fraud", "ok"]
    chance = held.predict_proba(X[test])[:, 0]
    assert roc_auc_score(POSITIVE[test], chance) > 0.9
    assert chance.mean() == pytest.approx(POSITIVE[test].mean(), rel=0.3)
    assert np.mean((held.predict(X[test]) == "fraud") == POSITIVE[test]) > 0.94


def test_shap_values_of_the_method_add_up_to_its_raw_scores():
    y = labelled("ok", "fraud", str)
    model = clone(CLASSES["lightgbm"]).set_params(pos_label="fraud").fit(X, y)
    raw = model.predict(X, raw_score=True)
    np.testing.assert_array_equal(raw, model.decision_function(X))
    for given in (X, sp.csr_matrix(X)):
        values = model.predict(given, pred_contrib=True)
        np.testing.assert_allclose(np.ravel(values.sum(axis=1)), raw, atol=1e-8)


def test_a_row_on_the_line_gets_the_first_label():
    """As scikit-learn's own classifiers give it, whichever label is positive."""
    y = labelled("ok", "fraud", str)
    for pos_label in ("ok", "fraud"):
        model = clone(CLASSES["lightgbm"]).set_params(pos_label=pos_label)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PositiveClassWarning)
            model.fit(X, y)
        model._scores = lambda X, **kwargs: np.zeros(len(X))
        assert set(model.decision_function(X)) == {0.0}
        assert set(model.predict(X)) == {"fraud"}
