"""The promise of a floor on recall: exact tails, and simulation over laws, sizes and floors."""

from fractions import Fraction
from math import comb, inf, log, log1p

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest, norm, t

from skbudget.metrics import volume_at_recall_error
from skbudget.model_selection import (
    budget_threshold,
    min_calibration_positives,
    min_calibration_rows,
    recall_threshold,
)

N_DRAWS = 2000
quick = settings(max_examples=100, deadline=None)


def mixture(rng, shape):
    """Nine tenths at the top, and a tenth hidden among the negatives."""
    return rng.standard_normal(shape) + np.where(rng.random(shape) < 0.9, 4.0, 0.0)


# Draws scores of positives, and gives the share of the law at or above thresholds.
LAWS = {
    "normal": (lambda rng, shape: rng.standard_normal(shape), norm.sf),
    "heavy-tailed": (lambda rng, shape: rng.standard_t(1.5, shape), t(1.5).sf),
    "mixture": (mixture, lambda cut: 0.9 * norm.sf(cut - 4.0) + 0.1 * norm.sf(cut)),
    "discrete": (
        lambda rng, shape: -rng.geometric(0.2, shape).astype(float),
        lambda cut: 1.0 - 0.8 ** np.floor(-cut),
    ),
    "few levels": (
        lambda rng, shape: np.digitize(rng.random(shape), [0.02, 0.1]).astype(float),
        lambda cut: np.select([cut <= 0, cut <= 1, cut <= 2], [1.0, 0.98, 0.9], 0.0),
    ),
    "atom and tail": (
        lambda rng, shape: np.maximum(rng.standard_normal(shape), -1.5),
        lambda cut: np.where(cut <= -1.5, 1.0, norm.sf(cut)),
    ),
    "constant": (lambda rng, shape: np.zeros(shape), lambda cut: np.where(cut <= 0, 1.0, 0.0)),
}
CONTINUOUS = ("normal", "heavy-tailed", "mixture")
CASES = [
    (60, 0.95, 0.95),
    (149, 0.98, 0.95),
    (300, 0.95, 0.95),
    (400, 0.98, 0.95),
    (1000, 0.98, 0.9),
    (2000, 0.99, 0.95),
    (500, 0.92, 0.99),
    (50, 0.7, 0.8),
]


def most_missed(n, min_recall, risk):
    """Greatest number of positives below the threshold, by trying all."""
    tails = binom.cdf(np.arange(n), n, 1.0 - min_recall)
    return int(np.count_nonzero(tails <= risk)) - 1


@pytest.mark.parametrize(("n_positives", "min_recall", "guarantee"), CASES)
@pytest.mark.parametrize("law", LAWS)
def test_fresh_positives_are_caught(law, n_positives, min_recall, guarantee):
    draw, share_at_or_above = LAWS[law]
    scores = draw(np.random.default_rng(n_positives), (N_DRAWS, n_positives))
    rank = most_missed(n_positives, min_recall, 1.0 - guarantee)
    thresholds = np.partition(scores, rank, axis=1)[:, rank]
    for row, threshold in zip(scores[:5], thresholds):
        found = recall_threshold(row, min_recall=min_recall, guarantee=guarantee)
        assert found == threshold
    recalls = share_at_or_above(thresholds)
    # The law's steps may lie on the floor itself; equality keeps it.
    fell_short = np.count_nonzero(recalls < min_recall * (1 - 1e-9))
    risk = 1.0 - guarantee
    assert binomtest(fell_short, N_DRAWS, risk, alternative="greater").pvalue > 1e-4
    if law in CONTINUOUS:
        # No rank between this one and the next: the exact risk of each, for continuous laws.
        exact = binom.cdf(rank, n_positives, 1.0 - min_recall)
        assert exact <= risk < binom.cdf(rank + 1, n_positives, 1.0 - min_recall)
        assert binomtest(fell_short, N_DRAWS, exact).pvalue > 1e-4
        expected = 1.0 - (rank + 1) / (n_positives + 1)
        assert abs(recalls.mean() - expected) < 5 * recalls.std() / np.sqrt(N_DRAWS)
    if law == "constant":
        assert fell_short == 0


def test_tightness_is_tested_where_the_steps_of_the_binomial_allow_it():
    shares = [binom.cdf(most_missed(n, m, 1 - g), n, 1 - m) / (1 - g) for n, m, g in CASES]
    assert sum(share > 0.6 for share in shares) >= 6
    assert max(shares) > 0.95


@pytest.mark.parametrize("law", ["normal", "few levels"])
def test_without_a_guarantee_the_floor_is_kept_on_the_positives_alone(law):
    draw, share_at_or_above = LAWS[law]
    scores = draw(np.random.default_rng(0), (N_DRAWS, 1000))
    thresholds = np.array([recall_threshold(row, min_recall=0.95) for row in scores])
    assert ((scores >= thresholds[:, None]).mean(axis=1) >= 0.95).all()
    # The next greater score would miss too many.
    above = np.where(scores > thresholds[:, None], scores, np.inf).min(axis=1)
    assert ((scores >= above[:, None]).mean(axis=1) < 0.95).all()
    if law == "normal":
        assert 0.4 < (share_at_or_above(thresholds) < 0.95).mean() < 0.7


sixty_fourths = st.integers(1, 63).map(lambda number: Fraction(number, 64))
ninety_sevenths = st.integers(1, 96).map(lambda number: Fraction(number, 97))


@quick
@given(st.integers(1, 40), sixty_fourths, ninety_sevenths)
def test_ranks_in_rational_arithmetic(n, min_recall, risk):
    missed, total, rank = 1 - min_recall, Fraction(0), -1
    for r in range(n):
        total += comb(n, r) * missed**r * (1 - missed) ** (n - r)
        rank += total <= risk
    scores = np.random.default_rng(n).permutation(n).astype(float)
    parameters = {"min_recall": float(min_recall), "guarantee": 1.0 - float(risk)}
    if rank >= 0:
        found = recall_threshold(scores, **parameters)
        assert np.count_nonzero(scores < found) == rank
    else:
        with pytest.raises(ValueError, match=f"needs at least .* positives, see .*: got {n}"):
            recall_threshold(scores, **parameters)
    least, kept = 1, min_recall
    while kept > risk:
        least, kept = least + 1, kept * min_recall
    assert min_calibration_positives(**parameters) == least


@pytest.mark.parametrize("min_recall", [1 - 1e-6, 0.999, 0.98, 0.5, 0.01])
@pytest.mark.parametrize("guarantee", [0.01, 0.5, 0.95, 1 - 1e-9])
def test_fewest_positives_are_enough_and_one_less_is_not(min_recall, guarantee):
    n, risk = min_calibration_positives(min_recall, guarantee), 1.0 - guarantee
    kept = log1p(-(1.0 - min_recall))
    assert n * kept <= log(risk)
    assert n == 1 or (n - 1) * kept > log(risk)
    assert n == min_calibration_rows(1.0 - min_recall, guarantee)


def test_numbers_that_are_known():
    assert min_calibration_positives(0.98, 0.95) == 149
    assert min_calibration_positives(0.95, 0.95) == 59
    assert min_calibration_positives(0.5, 0.75) == 2
    with pytest.raises(ValueError, match=r"needs at least 149 positives, see .*: got 148\."):
        recall_threshold(np.arange(148.0), min_recall=0.98, guarantee=0.95)
    assert recall_threshold(np.arange(149.0), min_recall=0.98, guarantee=0.95) == 0.0


@quick
@given(st.integers(0, 99), st.floats(0.05, 0.95), st.one_of(st.none(), st.floats(0.05, 0.95)))
def test_it_is_the_threshold_of_a_budget_of_misses(seed, min_recall, guarantee):
    scores = np.random.default_rng(seed).normal(size=80).round(1)
    budget = 1.0 - min_recall
    found = recall_threshold(scores, min_recall=min_recall, guarantee=guarantee)
    if guarantee is not None:
        assert found == -budget_threshold(-scores, budget=budget, guarantee=guarantee)
    assert (scores >= found).mean() >= min_recall * (1 - 1e-9) or guarantee is not None


@quick
@given(st.integers(0, 99), st.lists(st.floats(0.05, 0.9), min_size=2, max_size=4))
def test_more_certainty_or_more_recall_never_raises_the_threshold(seed, levels):
    scores = np.random.default_rng(seed).normal(size=200).round(1)
    for fixed, varied in (("min_recall", "guarantee"), ("guarantee", "min_recall")):
        found = [
            recall_threshold(scores, **{fixed: 0.8, varied: level}) for level in sorted(levels)
        ]
        assert found == sorted(found, reverse=True)
        assert np.isfinite(found).all()


def test_weights_repeat_positives():
    rng = np.random.default_rng(0)
    scores = np.round(rng.standard_normal(300), 1)
    weight = rng.integers(0, 4, scores.size)
    for min_recall in (0.01, 0.5, 0.9, 0.99, 1.0):
        repeated = recall_threshold(np.repeat(scores, weight), min_recall=min_recall)
        assert recall_threshold(scores, min_recall=min_recall, sample_weight=weight) == repeated


def test_ties_are_all_caught():
    assert recall_threshold([1.0, 2.0, 2.0, 2.0], min_recall=0.5) == 2.0
    assert recall_threshold([1.0, 2.0, 2.0, 2.0], min_recall=0.8) == 1.0
    assert recall_threshold(np.zeros(100), min_recall=0.5, guarantee=0.9) == 0.0


def test_a_floor_of_next_to_nothing_flags_something():
    for guarantee in (None, 0.95):
        found = recall_threshold(np.arange(9.0), min_recall=1e-17, guarantee=guarantee)
        assert found == 8.0


def test_all_positives():
    scores = [3.0, 1.0, 2.0]
    assert recall_threshold(scores, min_recall=1.0) == 1.0
    with pytest.raises(ValueError, match=r"'min_recall' parameter .* range \(0.0, 1.0\)"):
        recall_threshold(scores, min_recall=1.0, guarantee=0.95)
    with pytest.raises(ValueError, match=r"more than 1e\+15 positives: min_recall is too near"):
        recall_threshold(scores, min_recall=1 - 1e-16, guarantee=0.95)


def test_the_threshold_reviews_what_the_metric_says():
    rng = np.random.default_rng(0)
    y = (rng.random(4000) < 0.05).astype(int)
    scores = rng.standard_normal(4000) + 2 * y
    for min_recall in (0.5, 0.9, 1.0):
        threshold = recall_threshold(scores[y == 1], min_recall=min_recall)
        volume = volume_at_recall_error(y, scores, recall=min_recall)
        assert (scores >= threshold).mean() == pytest.approx(volume, abs=0.001)


@pytest.mark.parametrize("min_recall", [0.0, 1.5, -0.1, "0.95", True, np.nan, inf, 98])
def test_floor_out_of_range(min_recall):
    with pytest.raises(ValueError, match="'min_recall' parameter of min_calibration_positives"):
        min_calibration_positives(min_recall, 0.95)
    for guarantee in (None, 0.9):
        with pytest.raises(ValueError, match="'min_recall' parameter of recall_threshold"):
            recall_threshold([1.0], min_recall=min_recall, guarantee=guarantee)


@pytest.mark.parametrize("guarantee", [0.0, 1.0, 95, -0.1, "0.95", True, np.nan])
def test_guarantee_out_of_range(guarantee):
    with pytest.raises(ValueError, match=r"'guarantee' parameter .* in the range \(0\.0, 1\.0\)"):
        min_calibration_positives(0.98, guarantee)
    with pytest.raises(ValueError, match="'guarantee' parameter of recall_threshold"):
        recall_threshold([1.0], min_recall=0.5, guarantee=guarantee)


def test_bad_scores_and_weights():
    with pytest.raises(ValueError, match="NaN"):
        recall_threshold([1.0, np.nan], min_recall=0.5)
    with pytest.raises(ValueError, match="0 sample"):
        recall_threshold([], min_recall=0.5)
    with pytest.raises(ValueError, match="must be the same for all positives if guarantee is set"):
        recall_threshold([1.0, 2.0], min_recall=0.1, guarantee=0.5, sample_weight=[1, 2])
    same = recall_threshold([1.0, 2.0], min_recall=0.1, guarantee=0.5, sample_weight=[3, 3])
    assert same == recall_threshold([1.0, 2.0], min_recall=0.1, guarantee=0.5)
