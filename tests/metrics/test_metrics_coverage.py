from fractions import Fraction
from itertools import combinations, permutations
from math import ceil, floor

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from metrics_strategies import budgets, exact_roc, few, highest_on, quick, rankings, repeated
from sklearn.metrics import recall_score, roc_curve

from skbudget.metrics import coverage_at_budget_score, coverage_curve

# Budgets up to 1 are drawn, and curves end there.
pytestmark = [
    pytest.mark.filterwarnings("ignore:budget=1 reviews everything"),
    # So are labels of which any number are positive.
    pytest.mark.filterwarnings("ignore:.*is the majority of y_true"),
]

bases = st.sampled_from(["population", "fpr"])
percents = st.integers(1, 100)


# --- the definition, on rankings small enough to check by hand or by brute force


def test_population_example_by_hand():
    y = np.array([1, 0, 1, 0, 0, 0, 0, 1, 0, 0])
    score = np.arange(10, 0, -1)
    assert coverage_at_budget_score(y, score, budget=0.1) == pytest.approx(1 / 3)
    assert coverage_at_budget_score(y, score, budget=0.2) == pytest.approx(1 / 3)
    assert coverage_at_budget_score(y, score, budget=0.21) == pytest.approx(2 / 3)
    assert coverage_at_budget_score(y, score, budget=0.8) == 1.0


def test_fpr_example_by_hand():
    y = np.array([1, 0, 1, 0, 0, 0, 0, 1, 0, 0])
    score = np.arange(10, 0, -1)
    # Of seven negatives 1/7 allows one; the positive after it costs nothing.
    assert coverage_at_budget_score(y, score, budget=0.14, basis="fpr") == pytest.approx(1 / 3)
    assert coverage_at_budget_score(y, score, budget=1 / 7, basis="fpr") == pytest.approx(2 / 3)
    assert coverage_at_budget_score(y, score, budget=5 / 7, basis="fpr") == 1.0


@quick
@given(rankings(ties=False), percents)
def test_untied_population_is_recall_of_the_top_k(ranked, percent):
    y, score, *_ = ranked
    k = max(1, ceil(Fraction(percent, 100) * len(y)))
    reviewed = np.zeros(len(y), int)
    reviewed[np.argsort(-score)[:k]] = 1
    got = coverage_at_budget_score(y, score, budget=percent / 100)
    assert got == pytest.approx(recall_score(y, reviewed))


@quick
@given(rankings(ties=False), budgets)
def test_untied_fpr_is_the_best_point_of_roc_curve(ranked, budget):
    y, score, *_ = ranked
    fpr, tpr, _ = roc_curve(y, score, drop_intermediate=False)
    # A rounding error of one part in 10^9 is tolerated on either side of a whole number.
    assume(not np.any((fpr != budget) & np.isclose(fpr, budget, rtol=1e-8, atol=0)))
    got = coverage_at_budget_score(y, score, budget=budget, basis="fpr")
    assert got == pytest.approx(tpr[fpr <= budget].max())


@few
@given(rankings(max_size=5), percents)
def test_population_is_the_expectation_over_the_order_of_ties(ranked, percent):
    y, score, *_ = ranked
    k = max(1, ceil(Fraction(percent, 100) * len(y)))
    caught = []
    for shuffle in permutations(range(len(y))):
        shuffle = np.array(shuffle)
        top = shuffle[np.argsort(-score[shuffle], kind="stable")[:k]]
        caught.append(y[top].sum() / y.sum())
    got = coverage_at_budget_score(y, score, budget=percent / 100)
    assert got == pytest.approx(np.mean(caught))


def test_fpr_is_the_expectation_over_random_reviews_of_a_tie():
    # One negative lies above the tie, which holds 4 positives and 4 negatives.
    y = np.array([0, 1, 1, 1, 1, 0, 0, 0, 0, 0])
    score = np.array([2, 1, 1, 1, 1, 1, 1, 1, 1, 0])
    n_negatives, tie = 6, np.flatnonzero(score == 1)
    for n_reviewed in range(len(tie) + 1):
        draws = [y[list(rows)] for rows in combinations(tie, n_reviewed)]
        expected_fpr = (1 + np.mean([np.sum(draw == 0) for draw in draws])) / n_negatives
        expected_tpr = np.mean([np.sum(draw == 1) for draw in draws]) / 4
        got = coverage_at_budget_score(y, score, budget=expected_fpr, basis="fpr")
        assert got == pytest.approx(expected_tpr)


@quick
@given(rankings(), budgets)
def test_fpr_is_the_greatest_height_of_the_roc_polyline(ranked, budget):
    y, score, _, value = ranked
    points = exact_roc(y, score, worth=value)
    assume(not any(x != budget and abs(x - budget) < 1e-8 * budget for x, _ in points))
    expected = highest_on(points, Fraction(budget))
    got = coverage_at_budget_score(y, score, budget=budget, basis="fpr", value=value)
    assert got == pytest.approx(float(expected))


@quick
@given(rankings(), percents)
def test_constant_score(ranked, percent):
    y, budget = ranked.y, percent / 100
    k = max(1, ceil(Fraction(percent, 100) * len(y)))
    flat = np.full(len(y), 0.25)
    assert coverage_at_budget_score(y, flat, budget=budget) == pytest.approx(k / len(y))
    assert coverage_at_budget_score(y, flat, budget=budget, basis="fpr") == pytest.approx(budget)


def test_constant_score_spends_whole_negatives_where_the_budget_names_them():
    y = np.repeat([0, 1], [40, 10])
    for percent in (5, 10, 25, 50):
        got = coverage_at_budget_score(y, np.zeros(50), budget=percent / 100, basis="fpr")
        assert got == pytest.approx(floor(Fraction(percent, 100) * 40) / 40)


@pytest.mark.parametrize(("budget", "n", "k"), [(0.1, 30, 3), (0.07, 100, 7), (0.29, 100, 29)])
def test_float_noise_buys_no_row_and_loses_none(budget, n, k):
    # A single positive at rank r is caught exactly when k >= r.
    for rank, caught in [(k, 1.0), (k + 1, 0.0)]:
        y = np.zeros(n, int)
        y[rank - 1] = 1
        assert coverage_at_budget_score(y, -np.arange(n), budget=budget) == caught
    # The same with k negatives allowed: those above the positive, here k or k + 1.
    for above, caught in [(k, 1.0), (k + 1, 0.0)]:
        y = np.zeros(n + 1, int)
        y[above] = 1
        assert coverage_at_budget_score(y, -np.arange(n + 1), budget=budget, basis="fpr") == caught


def test_a_tiny_budget_still_reviews_one_row():
    y = np.r_[1, np.zeros(99, int)]
    assert coverage_at_budget_score(y, -np.arange(100), budget=1e-12) == 1.0


# --- properties


@quick
@given(rankings(), budgets, bases, st.randoms(use_true_random=False))
def test_row_order_is_irrelevant(ranked, budget, basis, random):
    order = list(range(len(ranked.y)))
    random.shuffle(order)

    def evaluate(rows):
        y, score, weight, value = (column[rows] for column in ranked)
        return [
            coverage_at_budget_score(y, score, budget=budget, basis=basis, **kwargs)
            for kwargs in ({}, {"sample_weight": weight}, {"sample_weight": weight, "value": value})
        ]

    assert evaluate(order) == evaluate(slice(None))


@quick
@given(rankings(), budgets, bases)
def test_only_the_order_of_the_scores_counts(ranked, budget, basis):
    y, score, *_ = ranked
    expected = coverage_at_budget_score(y, score, budget=budget, basis=basis)
    for transformed in (np.exp(score), score**3 - 7, (score * 2).astype(np.float32), score / 1e300):
        assert coverage_at_budget_score(y, transformed, budget=budget, basis=basis) == expected


@quick
@given(rankings(), budgets, budgets, bases, st.booleans())
def test_more_budget_never_catches_less_and_all_of_it_catches_all(
    ranked, budget, other, basis, weighted
):
    y, score, weight, value = ranked
    kwargs = {"sample_weight": weight, "value": value} if weighted else {}
    low, high = (
        coverage_at_budget_score(y, score, budget=b, basis=basis, **kwargs)
        for b in sorted((budget, other))
    )
    assert 0.0 <= low <= high + 1e-12 <= 1.0 + 1e-12
    assert coverage_at_budget_score(y, score, budget=1.0, basis=basis, **kwargs) == 1.0


@quick
@given(rankings(), budgets, bases)
def test_integer_weights_repeat_rows(ranked, budget, basis):
    y, score, weight, value = ranked
    copies = repeated(ranked)
    for with_value in (False, True):
        got = coverage_at_budget_score(
            y,
            score,
            budget=budget,
            basis=basis,
            sample_weight=weight,
            value=value if with_value else None,
        )
        expected = coverage_at_budget_score(
            copies.y,
            copies.score,
            budget=budget,
            basis=basis,
            value=copies.value if with_value else None,
        )
        assert got == expected


@quick
@given(rankings(), budgets, bases)
def test_unit_weights_and_values_change_nothing(ranked, budget, basis):
    y, score, *_ = ranked
    ones = np.ones(len(y))
    expected = coverage_at_budget_score(y, score, budget=budget, basis=basis)
    for kwargs in ({"sample_weight": ones}, {"value": ones}, {"value": 3 * ones}):
        got = coverage_at_budget_score(y, score, budget=budget, basis=basis, **kwargs)
        assert got == pytest.approx(expected, abs=1e-15)


@quick
@given(rankings(), budgets, bases, st.floats(0.01, 100.0))
def test_fractional_weights_have_no_unit(ranked, budget, basis, scale):
    y, score, weight, _ = ranked
    weight = weight * np.pi
    assume(np.any(weight * scale % 1))
    got, expected = (
        coverage_at_budget_score(y, score, budget=budget, basis=basis, sample_weight=w)
        for w in (weight * scale, weight)
    )
    assert got == pytest.approx(expected, abs=1e-6)


def test_fractional_weights_spend_the_budget_exactly():
    # A tenth of the weight pays for half of the first row; nothing is rounded up.
    y, score, weight = [1, 0, 1, 0], [4, 3, 2, 1], [0.2, 0.3, 0.1, 0.4]
    got = coverage_at_budget_score(y, score, budget=0.1, sample_weight=weight)
    assert got == pytest.approx(0.1 / 0.3)
    got = coverage_at_budget_score(y, score, budget=0.55, sample_weight=weight)
    assert got == pytest.approx(0.25 / 0.3)


def test_many_equal_fractional_weights_lose_no_free_positive_to_summation():
    # 0.1 summed 10 000 times is not 1000, but the positive after the last paid
    # negative must still be caught.
    y = np.zeros(20_001, int)
    y[10_000] = 1
    got = coverage_at_budget_score(
        y, -np.arange(20_001.0), budget=0.5, basis="fpr", sample_weight=np.full(20_001, 0.1)
    )
    assert got == 1.0


@quick
@given(rankings(), budgets, bases)
def test_values_of_negatives_are_ignored_and_the_budget_counts_rows(ranked, budget, basis):
    y, score, _, value = ranked
    other = np.where(y == 1, value, 1000.0 - value)
    got, expected = (
        coverage_at_budget_score(y, score, budget=budget, basis=basis, value=v)
        for v in (other, value)
    )
    assert got == expected


def test_value_weights_the_positives():
    y, score, value = [1, 1, 0, 0], [4, 3, 2, 1], [10.0, 30.0, 5.0, 5.0]
    assert coverage_at_budget_score(y, score, budget=0.25, value=value) == 0.25
    # Repeated three times, the first row takes 30 of 60 in 3 of 6 rows.
    got = coverage_at_budget_score(y, score, budget=0.5, value=value, sample_weight=[3, 1, 1, 1])
    assert got == 0.5


def test_labels_and_containers():
    score = [0.9, 0.2, 0.6, 0.1]
    expected = coverage_at_budget_score([1, 0, 0, 1], score, budget=0.25)
    for y, pos_label in [
        ([1, -1, -1, 1], None),
        ([True, False, False, True], None),
        ([2.5, 1.5, 1.5, 2.5], 2.5),
        ([1, 2, 2, 1], 1),
        (["fraud", "ok", "ok", "fraud"], "fraud"),
        (np.array(["fraud", "ok", "ok", "fraud"], dtype=object), "fraud"),
        (np.array([[1], [0], [0], [1]]), None),
    ]:
        assert coverage_at_budget_score(y, score, budget=0.25, pos_label=pos_label) == expected
    series = pd.Series([1, 0, 0, 1], index=[3, 2, 1, 0])
    assert coverage_at_budget_score(series, pd.Series(score), budget=0.25) == expected
    flipped = coverage_at_budget_score([1, 0, 0, 1], score, budget=0.25, pos_label=0)
    assert flipped == 0.0


def test_inputs_are_left_alone():
    rng = np.random.default_rng(0)
    y, score, weight = rng.integers(0, 2, 50), rng.normal(size=50), rng.random(50)
    before = score.copy(), weight.copy()
    for basis in ("population", "fpr"):
        coverage_at_budget_score(y, score, budget=0.3, basis=basis, sample_weight=weight)
        coverage_at_budget_score(y, score, budget=0.3, basis=basis)
        coverage_curve(y, score, basis=basis, sample_weight=weight)
    np.testing.assert_array_equal(before, (score, weight))


# --- the curve


@quick
@given(rankings(), st.lists(budgets, min_size=1, max_size=5), bases, st.booleans())
def test_curve_at_budgets_is_the_score_at_each(ranked, several, basis, weighted):
    y, score, weight, value = ranked
    kwargs = {"basis": basis}
    if weighted:
        kwargs |= {"sample_weight": weight * 0.7, "value": value}
    got_budgets, coverage = coverage_curve(y, score, budgets=several, **kwargs)
    expected = [coverage_at_budget_score(y, score, budget=b, **kwargs) for b in several]
    np.testing.assert_array_equal(got_budgets, several)
    np.testing.assert_allclose(coverage, expected, atol=1e-12)


@quick
@given(rankings())
def test_default_fpr_curve_is_the_roc_curve(ranked):
    y, score, weight, _ = ranked
    fpr, tpr, _ = roc_curve(y, score, sample_weight=weight, drop_intermediate=False)
    budgets, coverage = coverage_curve(y, score, basis="fpr", sample_weight=weight)
    np.testing.assert_allclose(budgets, fpr, atol=1e-12)
    np.testing.assert_allclose(coverage, tpr, atol=1e-12)


@quick
@given(rankings())
def test_default_population_curve_has_the_operating_points(ranked):
    y, score, _, _ = ranked
    budgets, coverage = coverage_curve(y, score)
    assert (budgets[0], coverage[0]) == (0.0, 0.0)
    levels = np.unique(score)[::-1]
    np.testing.assert_allclose(budgets[1:], [np.mean(score >= s) for s in levels])
    np.testing.assert_allclose(coverage[1:], [np.mean(score[y == 1] >= s) for s in levels])
    np.testing.assert_allclose(coverage_curve(y, score, budgets=budgets[1:])[1], coverage[1:])


@pytest.mark.parametrize("budgets", [[], 0.1, [[0.1, 0.2]]])
def test_curve_wants_a_list_of_budgets(budgets):
    with pytest.raises(ValueError, match="budgets must have shape"):
        coverage_curve([0, 1], [0.1, 0.2], budgets=budgets)


def test_curve_names_a_budget_out_of_range():
    with pytest.raises(ValueError, match=r"'budgets' parameter of coverage_curve.*Got 50"):
        coverage_curve([0, 1], [0.1, 0.2], budgets=[0.1, 50])
