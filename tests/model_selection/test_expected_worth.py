"""Estimators whose score is the expected worth."""

import pickle

import numpy as np
import pytest
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    RegressorMixin,
    clone,
    is_classifier,
    is_regressor,
)
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skbudget import BudgetThresholdClassifier
from skbudget.metrics import expected_worth, make_worth_scorer, worth_coverage_score
from skbudget.model_selection import ExpectedWorthClassifier, TwoPartRegressor

WORTH = {0: 0, 10: 5, 20: 100}


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1500, 3))
    return X, np.array([0, 10, 20])[np.digitize(X[:, 0] + rng.logistic(size=1500), [1.0, 3.0])]


def test_the_score_is_the_expected_worth(table):
    X, level = table
    inner = LogisticRegression().fit(X, level)
    model = ExpectedWorthClassifier(LogisticRegression(), worth=WORTH).fit(X, level)
    wanted = expected_worth(inner.predict_proba(X), [0, 5, 100])
    np.testing.assert_allclose(model.decision_function(X), wanted)
    probability = model.predict_proba(X)
    np.testing.assert_allclose(probability[:, 1], 1 - inner.predict_proba(X)[:, 0])
    np.testing.assert_array_equal(model.predict(X), probability[:, 1] > 0.5)
    assert model.score(X, level) == np.mean(model.predict(X) == (level > 0))
    assert model.classes_.tolist() == [0, 1]
    assert model.worth_.tolist() == [0, 5, 100]
    assert model.n_features_in_ == 3
    assert is_classifier(model)
    again = pickle.loads(pickle.dumps(clone(model).fit(X, level)))
    np.testing.assert_array_equal(again.decision_function(X), model.decision_function(X))


def test_scorers_searches_and_pipelines(table):
    X, level = table
    scorer = make_worth_scorer(budget=0.1, worth=WORTH)
    pipeline = make_pipeline(
        StandardScaler(), ExpectedWorthClassifier(LogisticRegression(), worth=WORTH)
    )
    name = "expectedworthclassifier__estimator__C"
    search = GridSearchCV(pipeline, {name: [1e-4, 1.0]}, scoring=scorer, error_score="raise")
    search.fit(X, level)
    # Its own classes are none of the levels, wherever it is inside.
    falling = {0: 5.0, 10: 1.0, 1: 0.0}
    inside = make_pipeline(
        StandardScaler(), ExpectedWorthClassifier(LogisticRegression(), worth=falling)
    )
    two = np.where(level > 0, 10, 0)
    found = make_worth_scorer(budget=0.1, worth=falling)(inside.fit(X, two), X, two)
    wanted = worth_coverage_score(two, inside.decision_function(X), budget=0.1, worth=falling)
    assert found == wanted
    plain = GridSearchCV(
        make_pipeline(StandardScaler(), LogisticRegression()),
        {"logisticregression__C": [1e-4, 1.0]},
        scoring=scorer,
        error_score="raise",
    ).fit(X, level)
    np.testing.assert_allclose(
        search.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"]
    )


def test_a_threshold_spends_a_budget_on_the_expected_worth(table):
    X, level = table
    model = ExpectedWorthClassifier(LogisticRegression(), worth=WORTH).fit(X[:500], level[:500])
    threshold = BudgetThresholdClassifier(model, budget=0.1, cv="prefit").fit(X[500:1000])
    flagged = threshold.predict(X[1000:])
    assert flagged.mean() == pytest.approx(0.1, abs=0.05)
    assert model.decision_function(X[1000:])[flagged == 1].min() >= threshold.threshold_
    # Fresh rows whose worth is known say how much of what is worth something it catches.
    known = BudgetThresholdClassifier(model, budget=0.1, cv="prefit")
    known.fit(X[500:1000], 1 * (level[500:1000] > 0))
    assert known.threshold_ == threshold.threshold_


def test_weights_reach_the_classifier(table):
    X, level = table
    weight = np.where(level == 20, 5.0, 1.0)
    model = ExpectedWorthClassifier(LogisticRegression(), worth=WORTH)
    model.fit(X, level, sample_weight=weight)
    inner = LogisticRegression().fit(X, level, sample_weight=weight)
    wanted = expected_worth(inner.predict_proba(X), [0, 5, 100])
    np.testing.assert_allclose(model.decision_function(X), wanted)


class OneScore(LinearSVC):
    def decision_function(self, X):
        return np.asarray(X)[:, 0]


def test_without_probabilities_one_score_ranks(table):
    X, level = table
    model = ExpectedWorthClassifier(OneScore(), worth=WORTH).fit(X, level)
    np.testing.assert_array_equal(model.decision_function(X), X[:, 0])
    assert not hasattr(model, "predict_proba")
    assert not hasattr(model, "predict")
    falling = ExpectedWorthClassifier(OneScore(), worth={0: 10, 10: 5, 20: 0}).fit(X, level)
    with pytest.raises(ValueError, match="OneScore has no predict_proba, and its scores do not"):
        falling.decision_function(X)


def test_what_is_refused(table):
    X, level = table
    for worth in (None, {}, [0, 1, 2], {0: -1, 10: 1, 20: 1}):
        with pytest.raises(ValueError, match="'worth' parameter of ExpectedWorthClassifier"):
            ExpectedWorthClassifier(LogisticRegression(), worth=worth).fit(X, level)
    with pytest.raises(ValueError, match=r"no entry for the labels \[20\] of y"):
        ExpectedWorthClassifier(LogisticRegression(), worth={0: 0, 10: 1}).fit(X, level)
    with pytest.raises(NotFittedError):
        ExpectedWorthClassifier(LogisticRegression(), worth=WORTH).decision_function(X)


# --- two models ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def amounts():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 3))
    has_one = X[:, 0] + rng.logistic(size=2000) > 2.0
    return X, np.where(has_one, np.exp(X[:, 1] + 0.3 * rng.normal(size=2000)), 0.0)


def test_two_parts(amounts):
    X, amount = amounts
    model = TwoPartRegressor(LogisticRegression(), LinearRegression()).fit(X, amount)
    positive = amount > 0
    chance = LogisticRegression().fit(X, positive).predict_proba(X)[:, 1]
    size = LinearRegression().fit(X[positive], amount[positive]).predict(X)
    np.testing.assert_allclose(model.predict(X), chance * np.maximum(size, 0.0))
    assert is_regressor(model)
    assert model.n_features_in_ == 3
    scorer = make_worth_scorer(budget=0.05)
    two = cross_val_score(model, X, amount, scoring=scorer, error_score="raise").mean()
    one = cross_val_score(
        LogisticRegression(), X, 1 * positive, scoring="roc_auc", error_score="raise"
    )
    assert np.isfinite(one).all()
    chance_alone = model.classifier_
    assert two > scorer(chance_alone, X, amount)
    search = GridSearchCV(
        model, {"classifier__C": [0.1, 1.0], "regressor__n_jobs": [1]}, scoring=scorer
    )
    assert search.fit(X, amount).best_score_ > 0.2


def test_weights_of_two_parts(amounts):
    X, amount = amounts
    times = np.random.default_rng(0).integers(0, 3, amount.size)
    index = np.repeat(np.arange(amount.size), times)
    model = TwoPartRegressor(LogisticRegression(tol=1e-10), LinearRegression())
    weighted = clone(model).fit(X, amount, sample_weight=times.astype(float))
    repeated = clone(model).fit(X[index], amount[index])
    np.testing.assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-4, atol=1e-6)


def test_a_row_without_a_chance_is_worth_nothing(amounts):
    model = TwoPartRegressor(LogisticRegression(), LinearRegression()).fit(*amounts)
    model.classifier_.predict_proba = lambda X: np.array([[1.0, 0.0], [0.5, 0.5], [0.5, 0.5]])
    model.regressor_.predict = lambda X: np.array([np.inf, 2.0, -2.0])
    np.testing.assert_array_equal(model.predict(amounts[0][:3]), [0.0, 1.0, 0.0])


def test_what_two_parts_refuse(amounts):
    X, amount = amounts
    good = LogisticRegression(), LinearRegression()
    with pytest.raises(ValueError, match="y of TwoPartRegressor must hold amounts of at least 0"):
        TwoPartRegressor(*good).fit(X, amount - 1.0)
    with pytest.raises(ValueError, match="needs rows with an amount above 0 and rows without"):
        TwoPartRegressor(*good).fit(X, amount + 1.0)
    with pytest.raises(ValueError, match="y has 0 and"):
        TwoPartRegressor(*good).fit(X, 0.0 * amount)
    with pytest.raises(TypeError, match="'classifier' parameter .* needs predict_proba"):
        TwoPartRegressor(LinearSVC(), LinearRegression()).fit(X, amount)
    with pytest.raises(TypeError, match="'regressor' parameter .* must be an estimator instance"):
        TwoPartRegressor(LogisticRegression(), LinearRegression).fit(X, amount)
    with pytest.raises(TypeError, match="'estimator' parameter of ExpectedWorthClassifier must be"):
        ExpectedWorthClassifier([LogisticRegression()], worth={0: 0, 1: 1}).fit(X, amount > 0)
    with pytest.raises(NotFittedError):
        TwoPartRegressor(*good).predict(X)
    near = TwoPartRegressor(LogisticRegression(), KNeighborsRegressor())
    assert (near.fit(X, amount).predict(X) >= 0).all()
    assert (TwoPartRegressor(LogisticRegression(), Ridge()).fit(X, amount).predict(X) >= 0).all()


class Fixed(ClassifierMixin, RegressorMixin, BaseEstimator):
    """Answers one number for the first row, and one half for the others."""

    def __init__(self, number):
        self.number = number

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.where(np.arange(len(X)) == 0, self.number, 0.5)

    def predict_proba(self, X):
        return np.column_stack([1.0 - self.predict(X), self.predict(X)])


@pytest.mark.parametrize("number", [np.nan, np.inf], ids=str)
def test_models_whose_answer_is_no_number_are_refused(number, amounts):
    X, y = amounts
    bad, good = Fixed(number), Fixed(0.25)
    told = r"is NaN or infinite for 1 of \d+ rows of X.*scale them"
    with pytest.raises(ValueError, match=f"^predict_proba of the classifier of TwoPartR.*{told}"):
        TwoPartRegressor(bad, good).fit(X, y).predict(X)
    with pytest.raises(ValueError, match=f"^predict of the regressor of TwoPartR.*{told}"):
        TwoPartRegressor(good, bad).fit(X, y).predict(X)
    model = ExpectedWorthClassifier(bad, worth={0: 0, 1: 8}).fit(X, (y > 0).astype(int))
    for method in ("decision_function", "predict_proba", "predict"):
        with pytest.raises(ValueError, match=f"^predict_proba of the estimator of Expec.*{told}"):
            getattr(model, method)(X)


def test_features_that_are_next_to_nothing_are_no_amount_of_nan(amounts):
    X, y = amounts
    model = TwoPartRegressor(LogisticRegression(), LinearRegression()).fit(1e-320 * X, y)
    with pytest.raises(ValueError, match="predict of the regressor.*scale them"):
        model.predict(1e-320 * X)


def test_a_matrix_of_levels_is_named(amounts):
    X, y = amounts
    levels = np.asmatrix((y > 0).astype(int))
    with pytest.raises(TypeError, match="y must be levels, one per row: np.matrix is not supp"):
        ExpectedWorthClassifier(LogisticRegression(), worth={0: 0, 1: 8}).fit(X, levels.T)
