"""The one check of a parameter that holds an estimator."""

import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from skbudget._utils.estimators import check_estimator
from skbudget.cascade import CascadeClassifier
from skbudget.ensemble import PAUCEnsembleClassifier
from skbudget.model_selection import ExpectedWorthClassifier, TwoPartRegressor, adoption_report

METHODS = ("decision_function", "predict_proba")


def test_an_estimator_is_an_instance_with_a_method():
    check_estimator(LogisticRegression(), "first", "Owner", "a classifier", METHODS)
    check_estimator(LinearRegression(), "first", "Owner", "an estimator")
    told = "The 'first' parameter of Owner must be a classifier. Got "
    with pytest.raises(ValueError, match=f"{told}LinearRegression"):
        check_estimator(LinearRegression(), "first", "Owner", "a classifier", METHODS)
    with pytest.raises(TypeError, match=f"{told}'svm' instead"):
        check_estimator("svm", "first", "Owner", "a classifier")
    with pytest.raises(ValueError, match=f"{told}.*instead. Pass an instance"):
        check_estimator(LogisticRegression, "first", "Owner", "a classifier", METHODS)


X, Y = [[0.0], [1.0], [2.0], [3.0]] * 5, [0, 1, 0, 1] * 5
CALLS = {
    "first": lambda model: CascadeClassifier(model).fit(X, Y),
    "second": lambda model: CascadeClassifier(None, model).fit(X, Y),
    "trees": lambda model: PAUCEnsembleClassifier(trees=model).fit(X, Y),
    "network": lambda model: PAUCEnsembleClassifier(network=model).fit(X, Y),
    "estimator": lambda model: ExpectedWorthClassifier(model, worth={0: 0, 1: 1}).fit(X, Y),
    "classifier": lambda model: TwoPartRegressor(model, LinearRegression()).fit(X, Y),
    "regressor": lambda model: TwoPartRegressor(LogisticRegression(), model).fit(X, Y),
    "baseline": lambda model: adoption_report(X, Y, baseline=model, budget=0.1),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("wrong", [LogisticRegression, "svm", 3], ids=["class", "text", "number"])
def test_parts_are_checked_alike(name, wrong):
    told = rf"The {name!r} parameter of \w+ must be .*(estimator|classifier).* Got .* instead"
    with pytest.raises(ValueError, match=told):
        CALLS[name](wrong)
