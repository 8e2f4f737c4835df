from fractions import Fraction
from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from metrics_strategies import budgets, exact_roc, few, quick, rankings, repeated
from sklearn.metrics import roc_auc_score, roc_curve

from skbudget.metrics import coverage_at_budget_score, fpr_at_tpr_error, partial_auc_score

# Budgets up to 1 are drawn, and curves end there.
pytestmark = [
    pytest.mark.filterwarnings("ignore:budget=1 reviews everything"),
    # So are labels of which any number are positive.
    pytest.mark.filterwarnings("ignore:.*is the majority of y_true"),
]

bands = st.tuples(st.integers(0, 99), st.integers(1, 100)).filter(lambda b: b[0] < b[1])
edges = bands.map(lambda band: (band[0] / 100, band[1] / 100))


def sklearn_area(y, score, max_fpr, **kwargs):
    """Return the area that roc_auc_score standardises, by inverting McClish's formula."""
    standardised = roc_auc_score(y, score, max_fpr=max_fpr, **kwargs)
    if max_fpr == 1.0:
        return standardised
    smallest = 0.5 * max_fpr**2
    return (2 * standardised - 1) * (max_fpr - smallest) + smallest


def exact_area(points, alpha, beta):
    """Return the area under a polyline of Fractions between two abscissae."""
    area = Fraction(0)
    for (x0, y0), (x1, y1) in pairwise(points):
        left, right = max(x0, alpha), min(x1, beta)
        if right > left:
            middle = (left + right) / 2
            area += (right - left) * (y0 + (y1 - y0) * (middle - x0) / (x1 - x0))
    return area


# --- partial AUC


@quick
@given(rankings(), budgets, st.booleans())
def test_agrees_with_scikit_learn_from_zero(ranked, beta, weighted):
    y, score, weight, _ = ranked
    kwargs = {"sample_weight": weight} if weighted else {}
    got = partial_auc_score(y, score, beta=beta, **kwargs)
    assert got * beta == pytest.approx(sklearn_area(y, score, beta, **kwargs), abs=1e-10)


@quick
@given(rankings())
def test_whole_band_is_the_auc(ranked):
    y, score, *_ = ranked
    assert partial_auc_score(y, score, beta=1.0) == pytest.approx(roc_auc_score(y, score))


@quick
@given(rankings(), edges)
def test_any_band_is_the_mean_height_of_the_exact_roc(ranked, band):
    y, score, _, value = ranked
    alpha, beta = (Fraction(edge).limit_denominator(100) for edge in band)
    expected = exact_area(exact_roc(y, score, worth=value), alpha, beta) / (beta - alpha)
    got = partial_auc_score(y, score, alpha=band[0], beta=band[1], value=value)
    assert got == pytest.approx(float(expected), abs=1e-12)


@quick
@given(rankings(), edges)
def test_bands_add_up(ranked, band):
    y, score, *_ = ranked
    alpha, beta = band
    assume(alpha > 0)
    whole = beta * partial_auc_score(y, score, beta=beta)
    below = alpha * partial_auc_score(y, score, beta=alpha)
    above = (beta - alpha) * partial_auc_score(y, score, alpha=alpha, beta=beta)
    assert below + above == pytest.approx(whole, abs=1e-12)


def test_is_the_mean_coverage_over_the_budgets_in_the_band():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 60)
    score = np.round(rng.normal(size=60) + y, 1)  # with ties
    alpha, beta = 0.1, 0.4
    middles = alpha + (beta - alpha) * (np.arange(3000) + 0.5) / 3000
    coverage = [coverage_at_budget_score(y, score, budget=b, basis="fpr") for b in middles]
    expected = partial_auc_score(y, score, alpha=alpha, beta=beta)
    assert np.mean(coverage) == pytest.approx(expected, abs=1e-4)


@few
@given(rankings(max_size=5))
def test_is_the_expectation_over_the_order_of_ties(ranked):
    y, score, *_ = ranked
    # The band ends where the first level with negatives ends.
    beta = next(float(x) for x, _ in exact_roc(y, score) if x > 0)
    broken = []
    for shuffle in permutations(range(len(y))):
        shuffle = np.array(shuffle)
        order = shuffle[np.argsort(-score[shuffle], kind="stable")]
        broken.append(partial_auc_score(y[order], -np.arange(len(y)), beta=beta))
    assert partial_auc_score(y, score, beta=beta) == pytest.approx(np.mean(broken))


@quick
@given(rankings(), edges)
def test_integer_weights_repeat_rows(ranked, band):
    alpha, beta = band
    copies = repeated(ranked)
    y, score, weight, value = ranked
    got = partial_auc_score(y, score, alpha=alpha, beta=beta, sample_weight=weight, value=value)
    expected = partial_auc_score(copies.y, copies.score, alpha=alpha, beta=beta, value=copies.value)
    assert got == pytest.approx(expected, abs=1e-12)


@quick
@given(rankings(), edges, st.randoms(use_true_random=False))
def test_neither_row_order_nor_a_monotone_transform_matters(ranked, band, random):
    y, score, *_ = ranked
    alpha, beta = band
    order = list(range(len(y)))
    random.shuffle(order)
    expected = partial_auc_score(y, score, alpha=alpha, beta=beta)
    assert 0.0 <= expected <= 1.0
    got = partial_auc_score(y[order], np.exp(score[order]), alpha=alpha, beta=beta)
    assert got == expected


@quick
@given(rankings(), budgets)
def test_standardized_is_scikit_learns(ranked, beta):
    y, score, *_ = ranked
    assume(beta < 1.0)
    got = partial_auc_score(y, score, beta=beta, standardize=True)
    assert got == pytest.approx(roc_auc_score(y, score, max_fpr=beta))


@quick
@given(edges)
def test_standardized_runs_from_chance_to_perfect_in_any_band(band):
    alpha, beta = band
    y = np.repeat([0, 1], [30, 7])
    for score, expected in [(np.zeros(37), 0.5), (y, 1.0)]:
        got = partial_auc_score(y, score, alpha=alpha, beta=beta, standardize=True)
        assert got == pytest.approx(expected)
    chance = partial_auc_score(y, np.zeros(37), alpha=alpha, beta=beta)
    assert chance == pytest.approx((alpha + beta) / 2)


def test_a_narrow_band_of_a_large_sample():
    # The rows below the band are never sorted, but they must count in the totals.
    rng = np.random.default_rng(1)
    y = (rng.random(20_000) < 0.05).astype(int)
    score = np.round(rng.normal(size=20_000) + 1.5 * y, 3)
    alpha, beta = 0.002, 0.005
    below, through = (sklearn_area(y, score, edge) for edge in (alpha, beta))
    assert partial_auc_score(y, score, beta=beta) == pytest.approx(through / beta)
    got = partial_auc_score(y, score, alpha=alpha, beta=beta)
    assert got == pytest.approx((through - below) / (beta - alpha))


# --- FPR at a TPR


@quick
@given(rankings(ties=False), st.floats(0.01, 1.0))
def test_untied_fpr_at_tpr_is_the_best_point_of_roc_curve(ranked, tpr):
    y, score, *_ = ranked
    fprs, tprs, _ = roc_curve(y, score, drop_intermediate=False)
    assume(not np.any((tprs != tpr) & np.isclose(tprs, tpr, rtol=1e-8, atol=0)))
    assert fpr_at_tpr_error(y, score, tpr=tpr) == pytest.approx(fprs[tprs >= tpr].min())


@quick
@given(rankings(), st.integers(1, 100))
def test_fpr_at_tpr_is_where_the_exact_roc_reaches_it(ranked, percent):
    y, score, _, value = ranked
    wanted = Fraction(percent, 100)
    points = exact_roc(y, score, worth=value)
    (x0, y0), (x1, y1) = next(
        pair for pair in pairwise(points) if pair[1][1] >= wanted > pair[0][1]
    )
    expected = x0 + (x1 - x0) * (wanted - y0) / (y1 - y0)
    got = fpr_at_tpr_error(y, score, tpr=percent / 100, value=value)
    assert got == pytest.approx(float(expected), abs=1e-8)


@quick
@given(rankings(), st.floats(0.01, 1.0))
def test_coverage_at_that_fpr_is_the_tpr(ranked, tpr):
    y, score, *_ = ranked
    fpr = fpr_at_tpr_error(y, score, tpr=tpr)
    if fpr > 0:
        assert coverage_at_budget_score(y, score, budget=fpr, basis="fpr") >= tpr - 1e-8
        just_less = coverage_at_budget_score(y, score, budget=fpr * (1 - 1e-6), basis="fpr")
        assert just_less <= tpr + 1e-8
    else:
        assert coverage_at_budget_score(y, score, budget=1e-9, basis="fpr") >= tpr - 1e-8


@quick
@given(st.floats(0.01, 1.0))
def test_constant_score_pays_the_tpr(tpr):
    y = np.repeat([0, 1], [13, 7])
    assert fpr_at_tpr_error(y, np.zeros(20), tpr=tpr) == pytest.approx(tpr)


@quick
@given(rankings(), st.integers(1, 100), st.randoms(use_true_random=False))
def test_fpr_at_tpr_repeats_weighted_rows_in_any_order(ranked, percent, random):
    y, score, weight, value = ranked
    order = list(range(len(y)))
    random.shuffle(order)
    copies = repeated(ranked)
    got = fpr_at_tpr_error(
        y[order],
        score[order],
        tpr=percent / 100,
        sample_weight=weight[order],
        value=value[order],
    )
    expected = fpr_at_tpr_error(copies.y, copies.score, tpr=percent / 100, value=copies.value)
    assert got == pytest.approx(expected, abs=1e-12)
    assert fpr_at_tpr_error(y, score, tpr=percent / 100) <= fpr_at_tpr_error(y, score, tpr=1.0)


def test_fpr_at_tpr_by_hand():
    y, score = [1, 0, 1, 0, 0, 1, 0, 1], np.arange(8, 0, -1)
    for tpr, expected in [(0.25, 0.0), (0.3, 0.25), (0.5, 0.25), (0.75, 0.75), (0.95, 1.0)]:
        assert fpr_at_tpr_error(y, score, tpr=tpr) == expected


@pytest.mark.parametrize("seed", range(30))
def test_a_perfect_ranking_is_never_better_than_one(seed):
    rng = np.random.default_rng(seed)
    y = np.repeat([0, 1], [37, 11])
    options = {"beta": rng.uniform(0.3, 1.0), "alpha": rng.uniform(0.0, 0.3)}
    weight = rng.uniform(0.1, 1.0, y.size)
    score = partial_auc_score(y, y + rng.uniform(0, 0.5, y.size), sample_weight=weight, **options)
    assert 1.0 - 1e-12 < score <= 1.0
