"""Which class a threshold flags: the one that is named, or the rarer one, never by the alphabet."""

import pickle
import warnings
from contextlib import nullcontext

import joblib
import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    BaggingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, log_loss, make_scorer, roc_auc_score
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    StratifiedKFold,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threshold_cases import FirstColumn, draw, ranks_of

from skbudget import BudgetThresholdClassifier, coverage_at_budget_score, make_coverage_scorer
from skbudget._utils.labels import PositiveClassWarning, find_classes

pd = pytest.importorskip("pandas")

BUDGET = 0.02
# The negative label and the positive one.
NAMES = [
    ("ok", "fraud"),
    ("good", "bad"),
    ("fair", "scam"),
    (1, 2),
    (2, 1),
    (0, 1),
    (-1, 1),
    (False, True),
]
KINDS = {
    "array": np.asarray,
    "list": list,
    "object": lambda y: y.astype(object) if y.dtype.kind == "U" else y,
    "categorical": pd.Categorical,
    "categories": lambda y: pd.Series(y).astype("category"),
    "series": pd.Series,
    "nullable": lambda y: pd.Series(y).convert_dtypes() if y.dtype.kind != "b" else pd.Series(y),
}


@pytest.fixture(scope="module")
def table():
    """Rows of which one in a hundred is positive, and a model can tell most of these."""
    rng = np.random.default_rng(0)
    y = (rng.random(6000) < 0.01).astype(int)
    X = rng.standard_normal((6000, 6))
    X[:, :2] += 2.5 * y[:, None]
    return X[:3000], y[:3000], X[3000:], y[3000:]


def says_itself(labels):
    return set(labels) in ({0, 1}, {-1, 1})


def warning_of(labels):
    if says_itself(labels):
        return nullcontext()
    return pytest.warns(PositiveClassWarning, match="The rarer one, .* is taken for the positive")


def estimators():
    lightgbm = pytest.importorskip("lightgbm")
    trees = lightgbm.LGBMClassifier(n_estimators=20, verbose=-1, n_jobs=1)
    forest = RandomForestClassifier(30, random_state=0)
    return {
        "logistic": LogisticRegression(),
        "lightgbm": trees,
        "forest": forest,
        "pipeline": make_pipeline(StandardScaler(), LogisticRegression()),
        "pipeline-probabilities": make_pipeline(StandardScaler(), forest),
        "calibrated": CalibratedClassifierCV(trees, cv=2),
        "calibrated-margins": CalibratedClassifierCV(LogisticRegression(), cv=2),
        "search": GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2),
        "bagging": BaggingClassifier(LogisticRegression(), 5, random_state=0),
    }


@pytest.mark.parametrize("name", estimators())
@pytest.mark.parametrize("labels", [("ok", "fraud"), ("fair", "scam"), (2, 1), (0, 1)])
def test_the_budget_is_spent_on_the_positive_class(name, labels, table):
    X, y, X_new, y_new = table
    named = np.array(labels)[y]
    model = BudgetThresholdClassifier(estimators()[name], budget=BUDGET, cv=3)
    with warning_of(labels):
        model.fit(X, named)
    assert (model.classes_.tolist(), model.pos_label_) == (sorted(labels), labels[1])
    flagged = model.predict(X_new) == labels[1]
    assert flagged.mean() == pytest.approx(BUDGET, abs=0.012)
    assert flagged[y_new == 1].mean() > 0.6
    assert model.coverage_ > 0.6
    assert model.alert_rate_ <= BUDGET
    first = model.alerts(X_new, capacity=20)
    assert y_new[first].mean() > 0.7
    for method in ("predict_proba", "predict_log_proba"):
        if hasattr(model, method):
            columns = getattr(model, method)(X_new)
            of_positive = columns[:, model.classes_.tolist().index(labels[1])]
            assert of_positive[first].min() > np.median(of_positive)
            np.testing.assert_array_equal(columns, getattr(model.estimator_, method)(X_new))
    if hasattr(model, "decision_function"):
        margin = model.decision_function(X_new)
        np.testing.assert_array_equal(margin, model.estimator_.decision_function(X_new))
        np.testing.assert_array_equal(ranks_of(model, X_new) > model.threshold_, flagged)
    score = make_coverage_scorer(BUDGET)(model, X_new, np.array(labels)[y_new])
    assert score > 0.6


@pytest.mark.parametrize("labels", NAMES)
@pytest.mark.parametrize("kind", KINDS)
def test_labels_of_any_kind_and_container(labels, kind, table):
    X, y, X_new, _ = table
    plain = BudgetThresholdClassifier(LogisticRegression(), budget=BUDGET).fit(X, y)
    with warning_of(labels) as found:
        model = BudgetThresholdClassifier(LogisticRegression(), budget=BUDGET)
        model.fit(X, KINDS[kind](np.array(labels)[y]))
    if found is not None:
        assert (len(found), found[0].filename) == (1, __file__)
    assert (model.classes_.tolist(), model.pos_label_) == (sorted(labels), labels[1])
    assert model.coverage_ == plain.coverage_
    assert model.threshold_ == pytest.approx(plain.threshold_, rel=1e-3)
    np.testing.assert_array_equal(model.predict(X_new) == labels[1], plain.predict(X_new) == 1)
    np.testing.assert_array_equal(model.alerts(X_new, 10), plain.alerts(X_new, 10))


@pytest.mark.parametrize("labels", NAMES)
def test_a_name_silences_the_warning_and_either_class_can_be_named(labels, table):
    X, y, X_new, _ = table
    named = np.array(labels)[y]
    model = BudgetThresholdClassifier(LogisticRegression(), budget=BUDGET, pos_label=labels[1])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X, named)
    other = clone(model).set_params(pos_label=labels[0])
    with pytest.warns(PositiveClassWarning, match="is the majority of y") as found:
        other.fit(X, named)
    assert (len(found), found[0].filename) == (1, __file__)
    assert (model.classes_.tolist(), model.pos_label_) == (sorted(labels), labels[1])
    assert (other.classes_.tolist(), other.pos_label_) == (sorted(labels), labels[0])
    np.testing.assert_array_equal(other.decision_function(X), model.decision_function(X))
    np.testing.assert_array_equal(ranks_of(other, X), -ranks_of(model, X))
    np.testing.assert_array_equal(other.predict_proba(X), model.predict_proba(X))
    np.testing.assert_array_equal(
        other.predict(X) == labels[0], ranks_of(other, X) > other.threshold_
    )
    assert other.alert_rate_ <= BUDGET
    assert 0 < (other.predict(X_new) == labels[0]).mean() < 0.1


def test_a_majority_of_ones_warns(table):
    X, y, *_ = table
    model = BudgetThresholdClassifier(LogisticRegression(), budget=BUDGET)
    with pytest.warns(PositiveClassWarning, match="the positive class 1 is the majority") as found:
        model.fit(X, 1 - y)
    assert len(found) == 1
    assert model.pos_label_ == 1


def test_weights_say_which_label_is_rarer(table):
    X, y, *_ = table
    named = np.array(["a", "b"])[y]
    weight = np.where(y == 1, 1000.0, 1.0)
    model = BudgetThresholdClassifier(LogisticRegression(), budget=BUDGET)
    with pytest.warns(PositiveClassWarning, match="The rarer one, 'a'"):
        assert model.fit(X, named, sample_weight=weight).pos_label_ == "a"


# --- a fitted estimator -----------------------------------------------------------------


@pytest.mark.parametrize("labels", [("ok", "fraud"), (2, 1), ("fair", "scam")])
def test_a_name_and_weights_count_for_a_fitted_estimator_too(labels, table):
    X, y, X_new, y_new = table
    inner = LogisticRegression().fit(X, np.array(labels)[y])
    of_new = np.array(labels)[y_new]
    model = BudgetThresholdClassifier(inner, budget=BUDGET, cv="prefit")
    for positive in labels:
        named = clone(model).set_params(estimator=inner, pos_label=positive)
        with warnings.catch_warnings(record=True):
            warnings.simplefilter("always")
            named.fit(X_new, of_new)
        assert (named.classes_.tolist(), named.pos_label_) == (sorted(labels), positive)
        flagged = named.predict(X_new) == positive
        assert 0.0 < flagged.mean() <= BUDGET
    # Few rows of a great weight are the majority.
    weight = np.where(y_new == 1, 1000.0, 1.0)
    with pytest.warns(PositiveClassWarning, match="rarer one"):
        model.fit(X_new, of_new, sample_weight=weight)
    assert model.pos_label_ == labels[0]


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("kind", [LogisticRegression, lambda: RandomForestClassifier(30)])
@pytest.mark.parametrize("labels", [("ok", "fraud"), (2, 1), ("fair", "scam")])
def test_a_fitted_estimator_with_its_own_order_of_classes(frozen, kind, labels, table):
    X, y, X_new, y_new = table
    named, of_new = np.array(labels)[y], np.array(labels)[y_new]
    inner = kind().fit(X, named)
    model = BudgetThresholdClassifier(
        FrozenEstimator(inner) if frozen else inner, budget=BUDGET, cv="prefit"
    )
    with pytest.warns(PositiveClassWarning, match="rarer one") as found:
        model.fit(X_new, of_new)
    assert (len(found), found[0].filename) == (1, __file__)
    assert (model.classes_.tolist(), model.pos_label_) == (sorted(labels), labels[1])
    score = inner.predict_proba(X_new)[:, list(inner.classes_).index(labels[1])]
    expected = coverage_at_budget_score(y_new, score, budget=BUDGET)
    assert model.coverage_ == pytest.approx(expected, abs=0.15)
    assert model.coverage_ > 0.5
    # Without labels, or with one of them, nothing says which class is positive.
    for rows in (None, of_new[y_new == 0]):
        with pytest.raises(ValueError, match=r"cannot tell which .* name it by pos_label"):
            clone(model).set_params(estimator=inner).fit(X_new[y_new == 0], rows)
    given = BudgetThresholdClassifier(inner, budget=BUDGET, cv="prefit", pos_label=labels[1])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert given.fit(X_new).threshold_ == model.threshold_
        given.fit(X_new[y_new == 0], of_new[y_new == 0])
    with pytest.raises(ValueError, match="must be one of the classes of the estimator"):
        given.set_params(pos_label="no").fit(X_new)


def test_a_fitted_estimator_of_ours_names_the_class(table):
    X, y, X_new, y_new = table
    named = np.array(["ok", "fraud"])[y]
    ours = BudgetThresholdClassifier(LogisticRegression(), budget=0.1, pos_label="fraud")
    ours = make_pipeline(StandardScaler(), ours).fit(X, named)
    model = BudgetThresholdClassifier(ours, budget=BUDGET, cv="prefit")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert model.fit(X_new).pos_label_ == "fraud"
    assert (model.predict(X_new) == "fraud")[y_new == 1].mean() > 0.6


def test_estimators_that_are_no_binary_classifiers():
    X = np.random.default_rng(0).normal(size=(90, 2))
    inner = LogisticRegression().fit(X, np.arange(90) % 3)
    model = BudgetThresholdClassifier(inner, cv="prefit")
    with pytest.raises(ValueError, match=r"to be a binary classifier.*classes \[0, 1, 2\]"):
        model.fit(X)
    from sklearn.ensemble import IsolationForest

    class WithScores(IsolationForest):
        pass

    with pytest.raises(ValueError, match="to be a binary classifier"):
        BudgetThresholdClassifier(WithScores().fit(X), cv="prefit").fit(X)


# --- estimators with a rule of their own ------------------------------------------------


class Asking(FirstColumn):
    """Follows the rule of the positive class as the classifiers of this package do."""

    def __init__(self, pos_label=None):
        self.pos_label = pos_label

    def fit(self, X, y, sample_weight=None):
        super().fit(X, y, sample_weight)
        self.pos_label_ = find_classes(y, self.pos_label, owner="Asking").classes[1]
        return self

    def decision_function(self, X):
        score = super().decision_function(X)
        return score if self.classes_[1] == self.pos_label_ else -score


class PositiveSecond(Asking):
    """A classifier of someone else, whose classes are not in increasing order."""

    def fit(self, X, y, sample_weight=None):
        super().fit(X, y, sample_weight)
        self.classes_ = np.array(sorted(self.classes_, key=lambda label: label == self.pos_label_))
        return self

    def predict_proba(self, X):
        positive = 1 / (1 + np.exp(-self.decision_function(X)))
        return np.column_stack([1 - positive, positive])

    def predict_log_proba(self, X):
        return np.log(self.predict_proba(X))


@pytest.mark.parametrize(
    "around",
    [
        lambda model: model,
        lambda model: make_pipeline(StandardScaler(), model),
        lambda model: GridSearchCV(model, {}, cv=2, scoring=make_coverage_scorer(0.1)),
    ],
)
@pytest.mark.parametrize("labels", [("good", "scam"), (0, 1)])
def test_an_estimator_with_pos_label_is_told_and_warns_of_nothing(around, labels):
    X, y = draw(1000)
    named = np.array(labels)[y]
    model = BudgetThresholdClassifier(around(Asking()), budget=0.05, cv=3)
    with warning_of(labels) as found:
        model.fit(X, named)
    assert found is None or len(found) == 1
    assert model.coverage_ > 0.3
    with pytest.warns(PositiveClassWarning, match="majority") as found:
        clone(model).set_params(pos_label=labels[0]).fit(X, named)
    assert len(found) == 1


def test_what_codes_the_labels_is_told_nothing():
    X, y = draw(1000)
    named = np.array(["good", "scam"])[y]
    for around in (
        BaggingClassifier(Asking(), 3, random_state=0),
        CalibratedClassifierCV(Asking(), cv=2, ensemble=False),
        CalibratedClassifierCV(Asking(), cv=2),
    ):
        model = BudgetThresholdClassifier(around, budget=0.05, cv=3, pos_label="scam")
        with warnings.catch_warnings():
            warnings.simplefilter("error", PositiveClassWarning)
            model.fit(X, named)
        assert model.coverage_ > 0.3


def test_the_label_that_the_estimator_asks_for_counts():
    X, y = draw(1000)
    named = np.array(["ok", "fraud"])[y]
    model = BudgetThresholdClassifier(make_pipeline(Asking(pos_label="fraud")), budget=0.05)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X, named)
    assert model.pos_label_ == model.estimator_[-1].pos_label_ == "fraud"
    assert model.estimator_[-1].classes_.tolist() == ["fraud", "ok"]
    told = BudgetThresholdClassifier(Asking(), budget=0.05, pos_label="fraud").fit(X, named)
    assert (told.estimator_.pos_label, told.estimator.pos_label) == ("fraud", None)


@pytest.mark.parametrize("labels", [("ok", "fraud"), ("ok", "scam"), (2, 1), (0, 1)])
@pytest.mark.parametrize("method", ["decision_function", "predict_proba"])
def test_an_estimator_with_its_classes_in_another_order(labels, method):
    X, y = draw(1000)
    named = np.array(labels)[y]
    options = {"budget": 0.05, "pos_label": labels[1], "response_method": method}
    model = BudgetThresholdClassifier(PositiveSecond(), **options).fit(X, named)
    assert model.estimator_.classes_.tolist() == list(labels)
    assert (model.classes_.tolist(), model.pos_label_) == (sorted(labels), labels[1])
    np.testing.assert_array_equal(ranks_of(model, X), X[:, 0])
    score = X[:, 0] if method == "decision_function" else 1 / (1 + np.exp(-X[:, 0]))
    np.testing.assert_array_equal(model.predict(X) == labels[1], score > model.threshold_)
    assert y[model.alerts(X, 20)].mean() > 0.8
    of_positive = model.classes_.tolist().index(labels[1])
    for name in ("predict_proba", "predict_log_proba"):
        expected = getattr(model.estimator_, name)(X)
        found = getattr(model, name)(X)
        np.testing.assert_array_equal(found[:, of_positive], expected[:, 1])
        np.testing.assert_array_equal(found[:, 1 - of_positive], expected[:, 0])
    greater = (named == max(labels)).astype(int)
    assert roc_auc_score(greater, model.decision_function(X)) > 0.8


def test_an_objective_of_ours_in_a_boosters_own_classifier_needs_the_greater_label(table):
    lightgbm = pytest.importorskip("lightgbm")
    from skbudget import PAUCObjective, pauc_objective

    X, y, *_ = table
    for objective in (PAUCObjective(budget=BUDGET), pauc_objective):
        trees = lightgbm.LGBMClassifier(objective=objective, n_estimators=5, verbose=-1)
        model = BudgetThresholdClassifier(trees, budget=BUDGET, pos_label="fraud")
        with pytest.raises(ValueError, match=r"for the greater label, 'ok'.* y == 'fraud'"):
            model.fit(X, np.array(["ok", "fraud"])[y])
        model.set_params(pos_label="scam").fit(X, np.array(["ok", "scam"])[y])
        assert model.coverage_ > 0.5


# --- what else is done with it ----------------------------------------------------------


@pytest.mark.parametrize("basis", ["population", "fpr"])
def test_update_and_alerts_and_segments(basis, table):
    X, y, X_new, y_new = table
    named, of_new = np.array(["ok", "fraud"])[y], np.array(["ok", "fraud"])[y_new]
    options = {"budget": BUDGET, "basis": basis, "cv": 3}
    model = BudgetThresholdClassifier(LogisticRegression(), pos_label="fraud", **options)
    plain = BudgetThresholdClassifier(LogisticRegression(), **options)
    segments, of_rows = np.arange(3000) % 2, {}
    for given in ({}, {"segments": segments}):
        model.fit(X, named, **given)
        plain.fit(X, y, **given)
        of_rows = given
        np.testing.assert_array_equal(
            model.alerts(X_new, 50, **of_rows), plain.alerts(X_new, 50, **of_rows)
        )
        model.update(X_new, pd.Categorical(of_new), **given)
        plain.update(X_new, y_new, **given)
        np.testing.assert_allclose(model.threshold_, plain.threshold_, rtol=1e-3)
        assert model.coverage_ == plain.coverage_
        np.testing.assert_array_equal(
            model.predict(X_new, **of_rows) == "fraud", plain.predict(X_new, **of_rows) == 1
        )
    with pytest.raises(ValueError, match="previously unseen labels: \\['no'\\]"):
        model.update(X_new, np.where(of_new == "ok", "no", of_new), segments=segments)


def test_with_a_guarantee(table):
    X, y, X_new, y_new = table
    model = BudgetThresholdClassifier(
        LogisticRegression(), budget=BUDGET, guarantee=0.9, cv=0.5, random_state=0
    )
    with pytest.warns(PositiveClassWarning):
        model.fit(X, np.array(["ok", "fraud"])[y])
    flagged = model.predict(X_new) == "fraud"
    assert flagged.mean() <= BUDGET
    assert flagged[y_new == 1].mean() > 0.4


def test_cross_validation_searches_clones_and_pickles(table):
    X, y, X_new, y_new = table
    named = np.array(["ok", "fraud"])[y]
    model = BudgetThresholdClassifier(LogisticRegression(), budget=BUDGET, pos_label="fraud")
    scorer = make_coverage_scorer(BUDGET)
    found = cross_validate(model, X, named, scoring=scorer, cv=3, error_score="raise")
    expected = cross_validate(LogisticRegression(), X, y, scoring=scorer, cv=3, error_score="raise")
    np.testing.assert_allclose(found["test_score"], expected["test_score"])
    search = GridSearchCV(model, {"estimator__C": [1e-6, 1.0]}, scoring=scorer, cv=3)
    search.fit(X, named)
    assert search.best_score_ > 0.6
    assert search.best_estimator_.pos_label_ == "fraud"
    assert scorer(search, X_new, np.array(["ok", "fraud"])[y_new]) > 0.6
    copy = pickle.loads(pickle.dumps(search.best_estimator_))
    np.testing.assert_array_equal(copy.predict(X_new), search.predict(X_new))
    assert (copy.classes_.tolist(), copy.pos_label_) == (["fraud", "ok"], "fraud")
    assert clone(copy).pos_label == "fraud"
    assert not hasattr(clone(copy), "pos_label_")


def test_metadata_routing_and_threads(table):
    X, y, *_ = table
    named = np.array(["ok", "fraud"])[y]
    with config_context(enable_metadata_routing=True):
        model = BudgetThresholdClassifier(
            LogisticRegression().set_fit_request(sample_weight=True), budget=BUDGET, n_jobs=2
        )
        with (
            joblib.parallel_backend("threading"),
            pytest.warns(PositiveClassWarning) as found,
        ):
            model.fit(X, named, sample_weight=np.ones(y.size))
    assert sum(issubclass(one.category, PositiveClassWarning) for one in found) == 1
    assert model.coverage_ > 0.6


# --- what scikit-learn does with it -----------------------------------------------------

# The positive class is the smaller label, or the greater one.
ORDERS = [("ok", "fraud"), ("ok", "scam"), (2, 1)]


@pytest.mark.parametrize("labels", ORDERS)
def test_metrics_of_scikit_learn(labels, table):
    X, y, *_ = table
    named = np.array(labels)[y]
    model = BudgetThresholdClassifier(LogisticRegression(), budget=BUDGET, pos_label=labels[1])
    splits = list(StratifiedKFold(3).split(X, y))
    expected = {"roc_auc": [], "average_precision": [], "neg_log_loss": []}
    for train, test in splits:
        inner = LogisticRegression().fit(X[train], y[train])
        score, positive = inner.decision_function(X[test]), inner.predict_proba(X[test])[:, 1]
        expected["roc_auc"].append(roc_auc_score(y[test], score))
        expected["average_precision"].append(average_precision_score(y[test], score))
        expected["neg_log_loss"].append(-log_loss(y[test], positive))
    precision = make_scorer(
        average_precision_score, pos_label=labels[1], response_method="decision_function"
    )
    for name, values in expected.items():
        scoring = precision if name == "average_precision" else name
        found = cross_val_score(model, X, named, scoring=scoring, cv=splits, error_score="raise")
        np.testing.assert_allclose(found, values, rtol=1e-4)
    assert min(expected["roc_auc"]) > 0.9


@pytest.mark.parametrize("labels", ORDERS)
@pytest.mark.parametrize(
    "around",
    [
        lambda model: CalibratedClassifierCV(model, cv=2),
        lambda model: CalibratedClassifierCV(model, cv=2, ensemble=False),
        lambda model: CalibratedClassifierCV(model, cv=2, method="isotonic"),
        lambda model: StackingClassifier([("model", model)], cv=2),
        lambda model: StackingClassifier(
            [("model", model)], cv=2, stack_method="decision_function", passthrough=True
        ),
        lambda model: VotingClassifier([("model", model), ("other", model)], voting="soft"),
        lambda model: BaggingClassifier(model, 3, random_state=0),
        lambda model: FixedThresholdClassifier(model),
    ],
)
def test_meta_estimators_of_scikit_learn(around, labels, table):
    X, y, X_new, y_new = table
    model = BudgetThresholdClassifier(LogisticRegression(), budget=BUDGET, cv=2)
    with warnings.catch_warnings():
        # Some code the labels first, and name no positive class.
        warnings.simplefilter("ignore", PositiveClassWarning)
        model = around(model).fit(X, np.array(labels)[y])
    assert model.classes_.tolist() == sorted(labels)
    column = sorted(labels).index(labels[1])
    assert roc_auc_score(y_new, model.predict_proba(X_new)[:, column]) > 0.9
