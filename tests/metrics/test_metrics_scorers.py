import pickle
import warnings

import numpy as np
import pytest
import scipy.sparse
import sklearn
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_classification
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import IsolationForest
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import average_precision_score, make_scorer, roc_auc_score
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    StratifiedKFold,
    TunedThresholdClassifierCV,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from skbudget._utils.labels import PositiveClassWarning
from skbudget.metrics import (
    coverage_at_budget_score,
    fpr_at_tpr_error,
    make_coverage_scorer,
    make_fpr_at_tpr_scorer,
    make_partial_auc_scorer,
    make_value_per_review_scorer,
    partial_auc_score,
    value_per_review_score,
)


@pytest.fixture(scope="module")
def data():
    return make_classification(
        300, weights=[0.85], n_informative=4, class_sep=0.6, flip_y=0.1, random_state=0
    )


@pytest.fixture(scope="module")
def model(data):
    return LogisticRegression().fit(*data)


SCORERS = [
    pytest.param(
        make_coverage_scorer(budget=0.1), lambda y, s: coverage_at_budget_score(y, s, budget=0.1)
    ),
    pytest.param(
        make_coverage_scorer(0.1, basis="fpr"),
        lambda y, s: coverage_at_budget_score(y, s, budget=0.1, basis="fpr"),
    ),
    pytest.param(
        make_partial_auc_scorer(0.05, 0.2),
        lambda y, s: partial_auc_score(y, s, alpha=0.05, beta=0.2),
    ),
    pytest.param(
        make_partial_auc_scorer(beta=0.2, standardize=True),
        lambda y, s: partial_auc_score(y, s, beta=0.2, standardize=True),
    ),
    pytest.param(make_fpr_at_tpr_scorer(0.8), lambda y, s: -fpr_at_tpr_error(y, s, tpr=0.8)),
    pytest.param(
        make_value_per_review_scorer(0.1, cost=0.2),
        lambda y, s: value_per_review_score(y, s, budget=0.1, cost=0.2),
    ),
]


@pytest.mark.parametrize(("scorer", "metric"), SCORERS)
def test_scores_the_decision_function(scorer, metric, data, model):
    X, y = data
    expected = metric(y, model.decision_function(X))
    assert scorer(model, X, y) == expected
    assert scorer(model, X, np.where(y, True, False)) == expected


@pytest.mark.parametrize(("scorer", "metric"), SCORERS)
def test_scores_predict_proba_where_there_is_nothing_else(scorer, metric, data):
    X, y = data
    tree = DecisionTreeClassifier(max_depth=2, random_state=0).fit(X, y)
    assert scorer(tree, X, y) == metric(y, tree.predict_proba(X)[:, 1])


def test_decision_function_comes_first(data):
    X, y = data

    class Contrary(LogisticRegression):
        def predict_proba(self, X):
            raise AssertionError("predict_proba must not be asked")

    make_coverage_scorer(0.1)(Contrary().fit(X, y), X, y)


@pytest.mark.parametrize(("scorer", "metric"), SCORERS)
def test_scorers_survive_pickle_and_clone(scorer, metric, data, model):
    X, y = data
    expected = metric(y, model.decision_function(X))
    for copy in (pickle.loads(pickle.dumps(scorer)), clone(scorer, safe=False)):
        assert copy(model, X, y) == expected
        assert repr(copy) == repr(scorer)


# --- labels


@pytest.mark.parametrize(("scorer", "metric"), SCORERS)
@pytest.mark.parametrize("labels", [(0, 1), (-1, 1), (False, True)])
def test_labels_that_say_which_is_positive(scorer, metric, labels, data):
    X, y = data
    named = np.array(labels)[y]
    model = LogisticRegression().fit(X, named)
    assert scorer(model, X, named) == metric(y, model.decision_function(X))


@pytest.mark.parametrize(("scorer", "metric"), SCORERS)
@pytest.mark.parametrize("labels", [("good", "scam"), ("ok", "fraud"), (1, 2), (2, 1)])
def test_the_rarer_of_other_labels_is_positive(scorer, metric, labels, data):
    X, y = data
    named = np.array(labels)[y]
    model = LogisticRegression().fit(X, named)
    expected = metric(y, model.decision_function(X) * (1 if labels[1] > labels[0] else -1))
    message = rf"A scorer of \w+: pos_label is not given.*rarer one, {labels[1]!r}"
    with pytest.warns(PositiveClassWarning, match=message):
        assert scorer(model, X, named) == pytest.approx(expected)


def test_rows_of_one_label_do_not_say_which_is_positive(data):
    X, y = data
    named = np.array(["ok", "fraud"])[y]
    model = LogisticRegression().fit(X, named)
    with pytest.raises(ValueError, match="Only one class present in y_true"):
        make_coverage_scorer(0.1)(model, X[y == 0], named[y == 0])


def test_a_search_of_a_classifier_that_does_not_say_so(data):
    X, y = data
    named = np.array(["ok", "fraud"])[y]
    found = {}
    for pos_label in ("fraud", None):
        search = GridSearchCV(
            LogisticRegression(),
            {"C": [1e-3, 1.0]},
            scoring=make_coverage_scorer(0.1, pos_label=pos_label),
            cv=3,
            error_score="raise",
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PositiveClassWarning)
            found[pos_label] = search.fit(X, named).cv_results_["mean_test_score"]
    np.testing.assert_array_equal(found[None], found["fraud"])


class Ours(LogisticRegression):
    """A classifier as those of this package: the positive class is named, and may come first."""

    def __init__(self, pos_label=None):
        super().__init__()
        self.pos_label = pos_label

    def fit(self, X, y):
        super().fit(X, y)
        self.pos_label_ = self.pos_label
        return self


class PositiveSecond(Ours):
    """A classifier of someone else, whose classes are not in increasing order."""

    def fit(self, X, y):
        super().fit(X, np.asarray(y) == self.pos_label)
        self.classes_ = np.array([np.setdiff1d(y, [self.pos_label])[0], self.pos_label])
        return self


AROUND = [
    lambda model: model,
    lambda model: PositiveSecond(model.pos_label),
    lambda model: make_pipeline(StandardScaler(), model),
    lambda model: GridSearchCV(model, {}, cv=2, scoring=make_coverage_scorer(0.1)),
    lambda model: FixedThresholdClassifier(model),
    lambda model: GridSearchCV(make_pipeline(model), {}, cv=2, scoring=make_coverage_scorer(0.1)),
]


@pytest.mark.parametrize(("scorer", "metric"), SCORERS)
@pytest.mark.parametrize("labels", [("good", "scam"), ("ok", "fraud"), (1, 2), (2, 1), (0, 1)])
@pytest.mark.parametrize("around", AROUND)
def test_an_estimator_of_ours_names_the_positive_class(scorer, metric, labels, around, data):
    X, y = data
    named = np.array(labels)[y]
    model = around(Ours(pos_label=labels[1])).fit(X, named)
    score = model.decision_function(X)
    expected = metric(y, score if model.classes_[1] == labels[1] else -score)
    assert scorer(model, X, named) == expected
    frozen = FrozenEstimator(model)
    assert scorer(frozen, X, named) == expected


def test_calibrated_classifiers_of_ours_and_the_other_class(data):
    X, y = data
    for labels in (("good", "scam"), ("scam", "scan"), ("ok", "fraud"), (2, 1)):
        named = np.array(labels)[y]
        model = CalibratedClassifierCV(Ours(pos_label=labels[1]), cv=2).fit(X, named)
        second = model.predict_proba(X)[:, 1]
        score = second if labels[1] > labels[0] else -second
        expected = coverage_at_budget_score(y, score, budget=0.1)
        assert make_coverage_scorer(0.1)(model, X, named) == expected
        assert roc_auc_score(y, score) > 0.5
        other = make_coverage_scorer(0.1, pos_label=labels[0])(model, X, named)
        assert other == coverage_at_budget_score(1 - y, -score, budget=0.1)


def test_labels_that_the_estimator_was_not_fitted_on(data):
    X, y = data
    named = np.array(["ok", "fraud"])[y]
    model = LogisticRegression().fit(X, y)
    with pytest.raises(ValueError, match=r"'fraud' is not a class of the estimator: .* \[0, 1\]"):
        make_coverage_scorer(0.1, pos_label="fraud")(model, X, named)
    with pytest.raises(ValueError, match="pos_label=1 is not a valid label"):
        make_coverage_scorer(0.1)(model, X, named)


@pytest.mark.parametrize(
    "estimator", [LogisticRegression(), DecisionTreeClassifier(max_depth=3, random_state=0)]
)
def test_pos_label_turns_the_ranking_round(estimator, data):
    X, y = data
    named = np.where(y == 1, "fraud", "ok")  # "fraud" comes first in sorted order
    model = estimator.fit(X, named)
    fraud_score = model.predict_proba(X)[:, 0]
    expected = coverage_at_budget_score(y, fraud_score, budget=0.1)
    assert make_coverage_scorer(0.1, pos_label="fraud")(model, X, named) == pytest.approx(expected)
    ok_coverage = coverage_at_budget_score(1 - y, -fraud_score, budget=0.1)
    scorer = make_coverage_scorer(0.1, pos_label="ok")
    assert scorer(model, X, named) == pytest.approx(ok_coverage)
    assert ok_coverage != pytest.approx(expected)
    # Without a name the rarer label is the one to be caught, and a warning says so.
    with pytest.warns(PositiveClassWarning, match=r"A scorer of coverage.*rarer one, 'fraud'"):
        assert make_coverage_scorer(0.1)(model, X, named) == pytest.approx(expected)


@pytest.mark.parametrize("dtype", [object, str])
def test_labels_that_are_objects_of_python_have_a_rarer_one_too(dtype, data):
    X, y = data
    named = np.where(y == 1, "fraud", "ok").astype(dtype)
    model = LogisticRegression().fit(X, named)
    expected = coverage_at_budget_score(y, model.predict_proba(X)[:, 0], budget=0.1)
    with pytest.warns(PositiveClassWarning, match="rarer one, 'fraud'"):
        assert make_coverage_scorer(0.1)(model, X, named) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("make", "metric", "sign"),
    [
        (make_value_per_review_scorer, value_per_review_score, 1),
        (make_partial_auc_scorer, partial_auc_score, 1),
        (make_fpr_at_tpr_scorer, fpr_at_tpr_error, -1),
    ],
)
def test_pos_label_reaches_every_scorer(make, metric, sign, data):
    X, y = data
    named = np.where(y == 1, "a", "b")
    model = LogisticRegression().fit(X, named)
    parameter = {"budget": 0.3} if make is make_value_per_review_scorer else {}
    expected = metric(named, -model.decision_function(X), pos_label="a", **parameter)
    scorer = make(**parameter, pos_label="a")
    assert sign * scorer(model, X, named) == pytest.approx(expected)
    assert expected != pytest.approx(sign * make(**parameter, pos_label="b")(model, X, named))


def test_pos_label_turns_an_outlier_detector_round():
    rng = np.random.default_rng(0)
    X = np.r_[rng.normal(size=(95, 2)), rng.normal(8, 1, size=(5, 2))]
    y = np.r_[np.ones(95, int), -np.ones(5, int)]
    forest = IsolationForest(n_estimators=20, random_state=0).fit(X)
    assert make_coverage_scorer(0.05, pos_label=-1)(forest, X, y) == 1.0


def test_pos_label_that_is_none_of_the_labels(data, model):
    with pytest.raises(ValueError, match="pos_label='fraud' is not a valid label"):
        make_coverage_scorer(0.1, pos_label="fraud")(model, *data)


@pytest.mark.parametrize("neighbour_first", [True, False])
def test_neighbours_with_another_positive_class_do_not_interfere(neighbour_first, data):
    X, y = data
    named = np.where(y == 1, "fraud", "ok")
    scorer = make_coverage_scorer(0.1, pos_label="fraud")
    neighbours = {
        "roc_auc": "roc_auc",
        "ap": make_scorer(
            average_precision_score,
            response_method=("decision_function", "predict_proba"),
            pos_label="fraud",
        ),
    }
    cv = StratifiedKFold(3)
    alone = cross_validate(LogisticRegression(), X, named, scoring=scorer, cv=cv)["test_score"]
    for name, neighbour in neighbours.items():
        pair = [(name, neighbour), ("coverage", scorer)]
        scoring = dict(pair if neighbour_first else pair[::-1])
        together = cross_validate(LogisticRegression(), X, named, scoring=scoring, cv=cv)
        np.testing.assert_array_equal(together["test_coverage"], alone)


# --- model selection


def test_grid_search_with_two_processes_and_a_pipeline(data):
    X, y = data
    named = np.where(y == 1, "scam", "ok")
    search = GridSearchCV(
        make_pipeline(StandardScaler(), LinearSVC()),
        {"linearsvc__C": [1e-3, 1.0]},
        scoring=make_coverage_scorer(0.1, pos_label="scam"),
        cv=3,
        n_jobs=2,
        error_score="raise",
    )
    search = clone(search).fit(X, named)
    expected = coverage_at_budget_score(y, search.decision_function(X), budget=0.1)
    assert search.score(X, named) == expected
    assert 0.0 < search.best_score_ <= 1.0


def test_cross_validate_gives_the_metric_of_each_fold(data):
    X, y = data
    cv = StratifiedKFold(3)
    scoring = {"c": make_coverage_scorer(0.1), "f": make_fpr_at_tpr_scorer(0.8), "auc": "roc_auc"}
    got = cross_validate(
        LinearDiscriminantAnalysis(), X, y, scoring=scoring, cv=cv, return_estimator=True
    )
    for fold, (_, test) in enumerate(cv.split(X, y)):
        score = got["estimator"][fold].decision_function(X[test])
        assert got["test_c"][fold] == coverage_at_budget_score(y[test], score, budget=0.1)
        assert got["test_f"][fold] == -fpr_at_tpr_error(y[test], score, tpr=0.8)


def test_sample_weight_reaches_the_metric(data, model):
    X, y = data
    weight = np.random.default_rng(0).integers(1, 5, len(y))
    expected = coverage_at_budget_score(
        y, model.decision_function(X), budget=0.1, sample_weight=weight
    )
    assert make_coverage_scorer(0.1)(model, X, y, sample_weight=weight) == expected


def test_metadata_routing_of_weight_and_value(data):
    X, y = data
    rng = np.random.default_rng(0)
    weight, value = rng.integers(1, 5, len(y)), rng.random(len(y))
    cv = StratifiedKFold(3)
    with sklearn.config_context(enable_metadata_routing=True):
        scorer = make_coverage_scorer(0.1).set_score_request(sample_weight=True, value=True)
        model = LogisticRegression().set_fit_request(sample_weight=False)
        got = cross_validate(
            model,
            X,
            y,
            scoring=pickle.loads(pickle.dumps(scorer)),
            cv=cv,
            params={"value": value, "sample_weight": weight},
            return_estimator=True,
        )
    for fold, (_, test) in enumerate(cv.split(X, y)):
        expected = coverage_at_budget_score(
            y[test],
            got["estimator"][fold].decision_function(X[test]),
            budget=0.1,
            sample_weight=weight[test],
            value=value[test],
        )
        assert got["test_score"][fold] == expected


def test_values_routed_through_a_grid_search(data):
    X, y = data
    value = np.random.default_rng(0).lognormal(size=len(y))
    grid, cv = {"C": [1e-3, 1.0]}, StratifiedKFold(3)
    with sklearn.config_context(enable_metadata_routing=True):
        scorer = make_value_per_review_scorer(0.1, cost=0.1).set_score_request(value=True)
        search = GridSearchCV(LogisticRegression(), grid, scoring=scorer, cv=cv)
        search.fit(X, y, value=value)
    for k, C in enumerate(grid["C"]):
        for fold, (train, test) in enumerate(cv.split(X, y)):
            margin = LogisticRegression(C=C).fit(X[train], y[train]).decision_function(X[test])
            expected = value_per_review_score(
                y[test], margin, budget=0.1, cost=0.1, value=value[test]
            )
            assert search.cv_results_[f"split{fold}_test_score"][k] == pytest.approx(expected)


@pytest.mark.parametrize("labels", [(0, 1), ("fair", "scam"), ("ok", "fraud")])
def test_a_threshold_is_tuned_by_the_value_caught(labels, data):
    X, y = data
    named, value = np.array(labels)[y], np.random.default_rng(0).lognormal(size=len(y))
    budget = 0.1
    with sklearn.config_context(enable_metadata_routing=True):
        scorer = make_value_per_review_scorer(budget, pos_label=labels[1])
        scorer.set_score_request(value=True)
        tuned = TunedThresholdClassifierCV(
            LogisticRegression(),
            scoring=scorer,
            thresholds=[0.05, 0.3, 0.6],
            cv="prefit",
            refit=False,
            store_cv_results=True,
        )
        tuned.set_params(estimator=LogisticRegression().fit(X, named)).fit(X, named, value=value)
    score = tuned.estimator_.predict_proba(X)[:, 1]
    # Without pos_label of its own, it gives the greater label to what reaches the threshold.
    greater_is_positive = tuned.classes_[1] == labels[1]
    for threshold, found in zip([0.05, 0.3, 0.6], tuned.cv_results_["scores"]):
        flagged = (score >= threshold) == greater_is_positive
        expected = value_per_review_score(y, flagged, budget=budget, value=value)
        assert found == pytest.approx(expected)


SCORER_MAKERS = [
    make_coverage_scorer,
    make_partial_auc_scorer,
    make_fpr_at_tpr_scorer,
    make_value_per_review_scorer,
]


@pytest.mark.parametrize("make", SCORER_MAKERS)
@pytest.mark.parametrize("kind", ["array", "sparse", "frame"])
def test_values_from_a_column_are_those_passed(make, kind, data):
    X, y = data
    value = np.random.default_rng(0).lognormal(size=len(y))
    column: int | str = -1
    table = np.column_stack([X, value])
    if kind == "sparse":
        table = scipy.sparse.csr_matrix(table)
    elif kind == "frame":
        pd = pytest.importorskip("pandas")
        column = "amount"
        table = pd.DataFrame(X, columns=[f"x{k}" for k in range(X.shape[1])])
        table.insert(0, "amount", value)
    cv = StratifiedKFold(3)
    got = cross_validate(
        make_pipeline(StandardScaler(with_mean=False), LogisticRegression()),
        table,
        y,
        scoring=make(value_column=column),
        cv=cv,
        error_score="raise",
        return_estimator=True,
    )
    for fold, (_, test) in enumerate(cv.split(X, y)):
        part = table.iloc[test] if kind == "frame" else table[test]
        with sklearn.config_context(enable_metadata_routing=True):
            expected = make()(got["estimator"][fold], part, y[test], value=value[test])
        assert got["test_score"][fold] == pytest.approx(expected)


def test_a_column_of_values_where_it_cannot_be_read(data, model):
    X, y = data
    scorer = make_coverage_scorer(value_column=0)
    with (
        sklearn.config_context(enable_metadata_routing=True),
        pytest.raises(ValueError, match="use one of them"),
    ):
        scorer(model, X, y, value=np.ones(len(y)))
    tuned = TunedThresholdClassifierCV(model, scoring=scorer, cv="prefit", refit=False)
    with pytest.raises(ValueError, match="value_column=0 cannot be looked up here"):
        tuned.fit(X, y)
    with pytest.raises(ValueError, match="'value_column' parameter of the scorer of coverage"):
        make_coverage_scorer(value_column=1.5)


def test_a_value_nobody_asked_for_is_refused(data):
    X, y = data
    with (
        sklearn.config_context(enable_metadata_routing=True),
        pytest.raises(Exception, match="value"),
    ):
        cross_validate(
            LogisticRegression(),
            X,
            y,
            scoring=make_coverage_scorer(0.1),
            params={"value": np.ones(len(y))},
        )


# --- errors


@pytest.mark.parametrize("budget", [0, -1, 1.5, float("nan"), 50])
def test_budget_is_checked_when_the_scorer_is_made(budget):
    with pytest.raises(ValueError, match="'budget' parameter of make_coverage_scorer"):
        make_coverage_scorer(budget=budget)


def test_other_parameters_are_checked_when_the_scorer_is_made():
    with pytest.raises(ValueError, match="'basis' parameter of make_coverage_scorer"):
        make_coverage_scorer(basis="rows")
    with pytest.raises(ValueError, match="'alpha' parameter of make_partial_auc_scorer"):
        make_partial_auc_scorer(0.2, 0.1)
    with pytest.raises(ValueError, match="'standardize' parameter of make_partial_auc_scorer"):
        make_partial_auc_scorer(standardize="yes")
    with pytest.raises(ValueError, match="'tpr' parameter of make_fpr_at_tpr_scorer"):
        make_fpr_at_tpr_scorer(0)


@pytest.mark.parametrize("pos_label", [None, 0, 2])
def test_a_multiclass_estimator_is_refused(pos_label):
    X, y = make_classification(90, n_classes=3, n_informative=4, random_state=0)
    model = LogisticRegression().fit(X, y)
    scorer = make_coverage_scorer(0.1, pos_label=pos_label)
    with pytest.raises(ValueError, match="y_true must be binary: found 3 classes"):
        scorer(model, X, y)
    two = y != 1
    with pytest.raises(ValueError, match=r"must be a binary classifier: .* shape \(\d+, 3\)"):
        scorer(model, X[two], y[two])


def test_a_fold_of_one_class_is_refused(data, model):
    X, y = data
    for scorer in (make_coverage_scorer(0.1), make_coverage_scorer(0.1, pos_label=1)):
        with pytest.raises(ValueError, match="Only one class present"):
            scorer(model, X[y == 0], y[y == 0])


def test_a_regressor_is_refused(data):
    with pytest.raises(TypeError, match="estimator must be .* classifier with decision_function"):
        make_coverage_scorer(0.1)(LinearRegression().fit(*data), *data)


@pytest.mark.parametrize("nothing", [None, 5, "model", object()])
def test_what_is_no_estimator_is_named(data, nothing):
    with pytest.raises(TypeError, match="estimator must be a fitted binary classifier"):
        make_coverage_scorer(0.1)(nothing, *data)


@pytest.mark.parametrize("model", [LogisticRegression(), LogisticRegression])
def test_an_estimator_that_is_not_fitted_is_named(data, model):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        make_coverage_scorer(0.1)(model, *data)


@pytest.mark.parametrize("column", ["amount", ""])
def test_an_array_has_no_names_of_columns(data, column):
    X, y = data
    score = make_coverage_scorer(0.1, value_column=column)
    with pytest.raises(ValueError, match=f"value_column='{column}' is not a column .* a position"):
        score(LogisticRegression().fit(X, y), X, y)


@pytest.mark.parametrize("column", [np.timedelta64(1, "s"), True, 1.0, [0]])
def test_what_is_no_column(column):
    with pytest.raises(ValueError, match="'value_column' parameter of the scorer of coverage"):
        make_coverage_scorer(0.1, value_column=column)


@pytest.mark.parametrize("column", [50, -50, 10**18, 2**63, 10**400])
def test_a_column_that_is_not_there_is_named(data, column):
    X, y = data
    with pytest.raises(ValueError, match=f"value_column={column} is not a column of X"):
        make_coverage_scorer(0.1, value_column=column)(LogisticRegression().fit(X, y), X, y)


def test_the_scorer_that_was_called_is_named():
    with pytest.raises(ValueError, match="'budget' parameter of make_value_per_review_scorer"):
        make_value_per_review_scorer(0.0)


def test_a_positive_class_that_is_the_majority_is_warned_of(data):
    X, y = data
    model = LogisticRegression().fit(X, 1 - y)
    with pytest.warns(PositiveClassWarning, match="positive class 1 is the majority"):
        make_coverage_scorer(0.1)(model, X, 1 - y)
