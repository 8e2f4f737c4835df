"""Graded worth at a budget: brute force, the two-class metrics, and scorers."""

from itertools import permutations

import numpy as np
import pytest
import sklearn
from hypothesis import given
from hypothesis import strategies as st
from metrics_strategies import few, quick
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from skbudget.metrics import (
    coverage_at_budget_score,
    expected_worth,
    make_worth_scorer,
    value_per_review_score,
    worth_coverage_score,
    worth_per_review_score,
)

pytestmark = [
    pytest.mark.filterwarnings("ignore:budget=1 reviews everything"),
    pytest.mark.filterwarnings("ignore:.*is the majority of y_true"),
]

WORTH = {0: 0.0, 1: 1.0, 2: 10.0, 3: 7.0}


@st.composite
def graded(draw, max_size=20):
    """Levels of which one is worth something, scores with ties, and whole weights."""
    n = draw(st.integers(2, max_size))
    level = np.array(draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)))
    score = np.array(draw(st.lists(st.integers(-3, 3), min_size=n, max_size=n)), dtype=float)
    weight = np.array(draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)), dtype=float)
    level[0], weight[0] = 2, 1.0
    return level, score, weight


@few
@given(graded(max_size=6), st.integers(1, 100))
def test_is_the_expectation_over_the_order_of_ties(rows, percent):
    level, score, _ = rows
    value = np.array([WORTH[one] for one in level])
    k = max(1, -(-percent * level.size // 100))
    caught = []
    for order in permutations(range(level.size)):
        order = np.array(order)
        caught.append(value[order[np.argsort(-score[order], kind="stable")][:k]].sum())
    options = {"budget": percent / 100, "worth": WORTH}
    found = worth_coverage_score(level, score, **options)
    assert found == pytest.approx(np.mean(caught) / value.sum())
    found = worth_per_review_score(level, score, cost=0.5, **options)
    assert found == pytest.approx(np.mean(caught) / k - 0.5)


@quick
@given(graded(), st.floats(0.01, 1.0))
def test_is_the_coverage_of_the_value_of_two_classes(rows, budget):
    level, score, weight = rows
    value = np.array([WORTH[one] for one in level])
    positive = value > 0
    if positive[weight > 0].all():
        return
    two = {"budget": budget, "sample_weight": weight, "value": value}
    graded = {"budget": budget, "sample_weight": weight}
    wanted = coverage_at_budget_score(1 * positive, score, **two)
    assert worth_coverage_score(value, score, **graded) == pytest.approx(wanted)
    assert worth_coverage_score(level, score, worth=WORTH, **graded) == pytest.approx(wanted)
    wanted = value_per_review_score(1 * positive, score, cost=0.1, **two)
    found = worth_per_review_score(value, score, cost=0.1, **graded)
    assert found == pytest.approx(wanted)


@quick
@given(graded(), st.floats(0.01, 1.0))
def test_weights_are_copies(rows, budget):
    level, score, weight = rows
    index = np.repeat(np.arange(level.size), weight.astype(int))
    for metric in (worth_coverage_score, worth_per_review_score):
        found = metric(level, score, budget=budget, worth=WORTH, sample_weight=weight)
        copies = metric(level[index], score[index], budget=budget, worth=WORTH)
        assert found == pytest.approx(copies)


def test_rows_may_all_be_worth_something_and_the_unit_does_not_matter():
    assert worth_coverage_score([1.0, 3.0], [0.0, 1.0], budget=0.5) == 0.75
    # A constant score catches its share.
    assert worth_coverage_score([1.0, 3.0, 4.0], [0.0] * 3, budget=0.3) == pytest.approx(1 / 3)
    for unit in (1e-300, 1e300):
        amount = unit * np.array([1.0, 3.0, 2.0])
        assert worth_coverage_score(amount, [0, 1, 2], budget=0.5) == pytest.approx(5 / 6)
        found = worth_per_review_score(amount, [0, 1, 2], budget=0.5)
        assert found == pytest.approx(2.5 * unit)


def test_words_as_levels():
    worth = {"no": 0, "alert": 1, "case": 20}
    y = np.array(["no", "case", "alert", "no"])
    found = worth_coverage_score(y, [0.1, 0.2, 0.9, 0.3], budget=0.25, worth=worth)
    assert found == pytest.approx(1 / 21)


@pytest.mark.parametrize(
    ("y", "options", "message"),
    [
        ([0, 1], {"worth": {0: 1.0}}, r"no entry for the labels \[1\] of y_true: it has \[0\]"),
        ([0, 1], {"worth": {0: 0.0, 1: -1.0}}, "'worth' parameter of worth_coverage_score must"),
        ([0, 1], {"worth": {0: 0.0, 1: 0.0}}, "'worth' parameter of worth_coverage_score must"),
        ([0, 1], {"worth": [0.0, 1.0]}, "'worth' parameter of worth_coverage_score must"),
        ([0, 1], {"worth": {}}, "'worth' parameter of worth_coverage_score must"),
        (
            [0, 0],
            {"worth": {0: 0.0, 1: 1.0}},
            "No row has a label in y_true that is worth anything",
        ),
        ([0.0, 0.0], {}, "No row is worth anything"),
        ([0.0, -1.0], {}, "y_true of worth_coverage_score must hold amounts of at least 0"),
        ([0.0, np.nan], {}, "y_true contains NaN"),
        ([0.0, 1.0, 2.0], {}, "inconsistent numbers of samples"),
        ([0.0, 1.0], {"sample_weight": [1.0, 0.0]}, "No row is worth anything"),
        ([0.0, 1.0], {"budget": 50}, "'budget' parameter of worth_coverage_score"),
    ],
)
def test_what_is_refused(y, options, message):
    with pytest.raises(ValueError, match=message):
        worth_coverage_score(y, [0.0, 1.0], **{"budget": 0.5, **options})


# --- expected worth ----------------------------------------------------------------------


@quick
@given(st.lists(st.lists(st.floats(0.01, 1), min_size=4, max_size=4), min_size=1, max_size=8))
def test_expected_worth(rows):
    p = np.array(rows) / np.sum(rows, axis=1, keepdims=True)
    worth = np.array([-1.0, 2.0, 2.5, 100.0])
    above = p[:, ::-1].cumsum(axis=1)[:, ::-1][:, 1:]
    np.testing.assert_allclose(expected_worth(p, worth), worth[0] + above @ np.diff(worth))


@pytest.mark.parametrize(
    ("p", "worth", "message"),
    [
        ([[0.5, 0.5]], [0, 1, 2], "expected 2, got 3"),
        ([0.5, 0.5], [0, 1], r"must have shape \(n_samples, n_levels\)"),
        ([[0.5, 0.6]], [0, 1], "add up to 1"),
        ([[1.5, -0.5]], [0, 1], "at least 0"),
        ([[np.nan, 0.5]], [0, 1], "at least 0"),
        ([[0.5, 0.5]], [0, np.inf], "worth contains infinity"),
        ([["a", "b"]], [0, 1], "probabilities must"),
    ],
)
def test_no_probabilities(p, worth, message):
    with pytest.raises(ValueError, match=message):
        expected_worth(p, worth)


# --- scorers -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(900, 3))
    return X, np.digitize(X[:, 0] + rng.logistic(size=900), [1.0, 3.0])


WORTH_OF_THREE = {0: 0, 1: 10, 2: 100}


def test_a_scorer_of_levels(table):
    X, level = table
    scorer = make_worth_scorer(budget=0.1, worth=WORTH_OF_THREE)
    model = LogisticRegression().fit(X, level)
    score = expected_worth(model.predict_proba(X), [0, 10, 100])
    found = scorer(model, X, level)
    assert found == worth_coverage_score(level, score, budget=0.1, worth=WORTH_OF_THREE)
    per_review = make_worth_scorer(budget=0.1, worth=WORTH_OF_THREE, per_review=True, cost=3.0)
    caught = found * np.array([0, 10, 100])[level].sum()
    assert per_review(model, X, level) == pytest.approx(caught / 90 - 3.0)
    search = GridSearchCV(
        LogisticRegression(), {"C": [1e-3, 1.0]}, scoring=scorer, error_score="raise"
    )
    assert search.fit(X, level).best_score_ > 0.2
    assert repr(per_review) == (
        "make_scorer(worth_per_review_score, budget=0.1, worth={0: 0.0, 1: 10.0, 2: 100.0}, "
        "cost=3.0)"
    )


def test_a_scorer_of_amounts(table):
    X, level = table
    amount = np.array([0.0, 10.0, 100.0])[level]
    scorer = make_worth_scorer(budget=0.1)
    model = LinearRegression().fit(X, amount)
    wanted = worth_coverage_score(amount, model.predict(X), budget=0.1)
    assert scorer(model, X, amount) == wanted
    search = GridSearchCV(Ridge(), {"alpha": [1.0, 1e6]}, scoring=scorer, error_score="raise")
    search.fit(X, amount)
    # A classifier of two classes ranks amounts as well.
    two = LogisticRegression().fit(X, level > 0)
    wanted = worth_coverage_score(amount, two.decision_function(X), budget=0.1)
    assert scorer(two, X, amount) == wanted
    tree = DecisionTreeClassifier(max_depth=2, random_state=0).fit(X, level > 0)
    wanted = worth_coverage_score(amount, tree.predict_proba(X)[:, 1], budget=0.1)
    assert scorer(tree, X, amount) == wanted


class OneScore(LogisticRegression):
    """One score for all levels, and probabilities that are rounded to 0 and 1."""

    def decision_function(self, X):
        return X[:, 0]

    def predict_proba(self, X):
        return np.eye(3)[np.digitize(X[:, 0], [0.0, 1.0])]


def test_one_score_ranks_by_itself_while_worth_rises(table):
    X, level = table
    model = OneScore().fit(X, level)
    found = make_worth_scorer(budget=0.1, worth=WORTH_OF_THREE)(model, X, level)
    assert found == worth_coverage_score(level, X[:, 0], budget=0.1, worth=WORTH_OF_THREE)
    falling = {0: 0, 1: 100, 2: 10}
    found = make_worth_scorer(budget=0.1, worth=falling)(model, X, level)
    score = expected_worth(model.predict_proba(X), [0, 100, 10])
    assert found == worth_coverage_score(level, score, budget=0.1, worth=falling)


def test_sample_weight_by_routing(table):
    X, level = table
    weight = np.random.default_rng(1).integers(1, 4, level.size).astype(float)
    with sklearn.config_context(enable_metadata_routing=True):
        scorer = make_worth_scorer(budget=0.1, worth=WORTH_OF_THREE)
        scorer = scorer.set_score_request(sample_weight=True)
        model = LogisticRegression().set_fit_request(sample_weight=False)
        options = {"scoring": scorer, "cv": 3, "return_estimator": True, "return_indices": True}
        found = cross_validate(model, X, level, params={"sample_weight": weight}, **options)
    test, fitted = found["indices"]["test"][0], found["estimator"][0]
    wanted = worth_coverage_score(
        level[test],
        expected_worth(fitted.predict_proba(X[test]), [0, 10, 100]),
        budget=0.1,
        worth=WORTH_OF_THREE,
        sample_weight=weight[test],
    )
    assert found["test_score"][0] == pytest.approx(wanted)


def test_what_a_scorer_refuses(table):
    X, level = table
    model = LogisticRegression().fit(X, level)
    with pytest.raises(ValueError, match=r"has the classes \[0, 1, 2\].*pass worth="):
        make_worth_scorer(budget=0.1)(model, X, 1.0 * level)
    with pytest.raises(ValueError, match="no entry for the labels .* of classes_ of Logistic"):
        make_worth_scorer(budget=0.1, worth={0: 0, 1: 1})(model, X, level)
    # A model of two other classes ranks by its score.
    two = LogisticRegression().fit(X, np.where(level > 0, "yes", "no"))
    found = make_worth_scorer(budget=0.1, worth=WORTH_OF_THREE)(two, X, level)
    wanted = worth_coverage_score(level, two.decision_function(X), budget=0.1, worth=WORTH_OF_THREE)
    assert found == wanted
    with pytest.raises(ValueError, match="LinearSVC has no predict_proba.*calibrate it"):
        make_worth_scorer(budget=0.1, worth=WORTH_OF_THREE)(LinearSVC().fit(X, level), X, level)
    with pytest.raises(sklearn.exceptions.NotFittedError):
        make_worth_scorer(budget=0.1, worth=WORTH_OF_THREE)(LogisticRegression(), X, level)
    with pytest.raises(TypeError, match="must be a fitted classifier or regressor"):
        make_worth_scorer(budget=0.1)(object(), X, level)
    with pytest.raises(ValueError, match="'cost' parameter.*0 unless per_review=True"):
        make_worth_scorer(budget=0.1, cost=1.0)
    with pytest.raises(ValueError, match="'worth' parameter of make_worth_scorer"):
        make_worth_scorer(budget=0.1, worth=[0, 1])
    scores = cross_val_score(
        LogisticRegression(), X, level, scoring=make_worth_scorer(0.1, worth=WORTH_OF_THREE), cv=2
    )
    assert np.isfinite(scores).all()
