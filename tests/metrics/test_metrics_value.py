from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from metrics_strategies import budgets, few, quick, rankings, repeated
from sklearn.metrics import precision_score

from skbudget.metrics import coverage_at_budget_score, value_per_review_score

# Budgets up to 1 are drawn, and curves end there.
pytestmark = [
    pytest.mark.filterwarnings("ignore:budget=1 reviews everything"),
    # So are labels of which any number are positive.
    pytest.mark.filterwarnings("ignore:.*is the majority of y_true"),
]


@few
@given(rankings(max_size=6), st.integers(1, 100))
def test_is_the_expectation_over_the_order_of_ties(ranked, percent):
    y, score, _, value = ranked
    k = max(1, -(-percent * y.size // 100))
    found = []
    for order in permutations(range(y.size)):
        order = np.array(order)
        top = order[np.argsort(-score[order], kind="stable")][:k]
        found.append(np.sum(y[top] * value[top]) / k)
    got = value_per_review_score(y, score, budget=percent / 100, value=value)
    assert got == pytest.approx(np.mean(found))


@quick
@given(rankings(ties=False), st.integers(1, 100), st.floats(0, 5))
def test_without_values_it_is_the_precision_less_the_cost(ranked, percent, cost):
    y, score, *_ = ranked
    k = max(1, -(-percent * y.size // 100))
    reviewed = (score >= np.sort(score)[-k]).astype(int)
    got = value_per_review_score(y, score, budget=percent / 100, cost=cost)
    assert got == pytest.approx(precision_score(y, reviewed) - cost)


@quick
@given(rankings(), budgets, st.sampled_from(["population", "fpr"]))
def test_weights_are_copies_and_the_unit_is_the_value_s(ranked, budget, basis):
    y, score, weight, value = ranked
    copies = repeated(ranked)
    settings = {"budget": budget, "basis": basis}
    got = value_per_review_score(y, score, sample_weight=weight, value=value, **settings)
    expected = value_per_review_score(copies.y, copies.score, value=copies.value, **settings)
    assert got == pytest.approx(expected)
    thousand = {"sample_weight": weight, "value": 1000 * value, "cost": 1000.0}
    assert value_per_review_score(y, score, **thousand, **settings) == pytest.approx(
        1000 * (got - 1)
    )


@quick
@given(rankings(), st.integers(1, 100))
def test_is_coverage_times_the_value_there_is_per_row_reviewed(ranked, percent):
    y, score, _, value = ranked
    k = max(1, -(-percent * y.size // 100))
    coverage = coverage_at_budget_score(y, score, budget=percent / 100, value=value)
    got = value_per_review_score(y, score, budget=percent / 100, value=value)
    assert got == pytest.approx(coverage * np.sum(y * value) / k)


def test_fpr_reviews_the_rows_of_both_classes_above_the_cut():
    y, score = [1, 0, 1, 0, 0, 1], [6.0, 5.0, 4.0, 3.0, 2.0, 1.0]
    value = [10.0, 9.0, 20.0, 9.0, 9.0, 40.0]
    # One false positive of three: rows 0, 1 and 2.
    got = value_per_review_score(y, score, budget=1 / 3, basis="fpr", value=value, cost=1.0)
    assert got == pytest.approx(30.0 / 3 - 1.0)
    constant = value_per_review_score(y, np.zeros(6), budget=0.1, basis="fpr", value=value)
    assert constant == pytest.approx(70.0 / 6)


@pytest.mark.parametrize("cost", [-1, float("nan"), float("inf"), "1", True])
def test_bad_cost(cost):
    with pytest.raises(ValueError, match="'cost' parameter of value_per_review_score"):
        value_per_review_score([0, 1], [0.1, 0.2], budget=0.5, cost=cost)


def test_bad_input():
    with pytest.raises(ValueError, match="'budget' parameter of value_per_review_score"):
        value_per_review_score([0, 1], [0.1, 0.2], budget=50)
    with pytest.raises(ValueError, match="'basis' parameter"):
        value_per_review_score([0, 1], [0.1, 0.2], budget=0.5, basis="rows")
    with pytest.raises(ValueError, match="positives have no value"):
        value_per_review_score([0, 1], [0.1, 0.2], budget=0.5, value=[1.0, 0.0])
    with pytest.raises(ValueError, match="Only one class"):
        value_per_review_score([0, 0], [0.1, 0.2], budget=0.5)
