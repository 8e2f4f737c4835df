import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from skbudget import BudgetThresholdClassifier, make_coverage_scorer
from skbudget._utils.responses import response_values
from skbudget.metrics import CoverageCurveDisplay, coverage_at_budget_score

METHODS = ("decision_function", "predict_proba")


class RawScores(ClassifierMixin, BaseEstimator):
    """Answers as LightGBM's classifier before version 4.7 does with an objective in Python."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        return np.asarray(X)[:, 0]


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    y = rng.random(400) < 0.1
    return rng.normal(size=(400, 2)) + 2 * y[:, None], np.where(y, "x", "a")


def test_raw_scores_favour_the_second_class(table):
    X, y = table
    model = RawScores().fit(X, y)
    for label, sign in ((None, 1), ("x", 1), ("a", -1)):
        scores, positive = response_values(model, X, METHODS, label)
        np.testing.assert_array_equal(scores, sign * X[:, 0])
        assert positive == (label or "x")
    assert roc_auc_score(y == "x", response_values(model, X, METHODS)[0]) > 0.8


def test_scorer_display_and_threshold_take_raw_scores(table):
    X, y = table
    model = RawScores().fit(X, y)
    expected = coverage_at_budget_score(y == "x", X[:, 0], budget=0.1)
    assert make_coverage_scorer(budget=0.1, pos_label="x")(model, X, y) == expected
    display = CoverageCurveDisplay.from_estimator(model, X, y, pos_label="x")
    assert np.interp(0.1, display.budgets, display.coverage) == pytest.approx(expected, abs=0.05)
    flagging = BudgetThresholdClassifier(model, budget=0.1, pos_label="x", cv="prefit").fit(X, y)
    assert np.isin(flagging.predict(X) == "x", X[:, 0] > flagging.threshold_).all()
    assert (flagging.predict(X) == "x").mean() == pytest.approx(0.1, abs=0.01)


def test_other_responses_are_those_of_scikit_learn(table):
    X, y = table
    model = LogisticRegression().fit(X, y)
    scores, positive = response_values(model, X, METHODS, "a")
    np.testing.assert_array_equal(scores, -model.decision_function(X))
    assert positive == "a"

    class Broken(RawScores):
        def predict_proba(self, X):
            return [][0]

    with pytest.raises(IndexError, match="list index"):
        response_values(Broken().fit(X, y), X, METHODS)
