"""The promise of a threshold: exact tails, and simulation over laws, sizes and budgets."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest, norm, t

from skbudget.metrics import coverage_at_budget_score
from skbudget.model_selection import budget_threshold, min_calibration_rows
from skbudget.model_selection._guarantee import fewest_rows, most_flagged

N_DRAWS = 2000
quick = settings(max_examples=100, deadline=None)

# Draws scores of a shape, and gives the share of the law above thresholds.
LAWS = {
    "normal": (lambda rng, shape: rng.standard_normal(shape), norm.sf),
    "heavy-tailed": (lambda rng, shape: rng.standard_t(1.5, shape), t(1.5).sf),
    "discrete": (
        lambda rng, shape: rng.geometric(0.2, shape).astype(float),
        lambda cut: 0.8 ** np.floor(cut),
    ),
    "few levels": (
        lambda rng, shape: np.digitize(rng.random(shape), [0.9, 0.98]).astype(float),
        lambda cut: np.select([cut < 0, cut < 1, cut < 2], [1.0, 0.1, 0.02], 0.0),
    ),
    "constant": (lambda rng, shape: np.zeros(shape), lambda cut: np.where(cut < 0, 1.0, 0.0)),
}
CASES = [
    (60, 0.05, 0.95),
    (300, 0.05, 0.95),
    (299, 0.01, 0.95),
    (1000, 0.01, 0.9),
    (2000, 0.005, 0.95),
    (500, 0.02, 0.99),
    (50, 0.3, 0.8),
]


@pytest.mark.parametrize(("n_rows", "budget", "guarantee"), CASES)
@pytest.mark.parametrize("law", LAWS)
def test_fresh_rows_stay_within_the_budget(law, n_rows, budget, guarantee):
    draw, share_above = LAWS[law]
    scores = draw(np.random.default_rng(n_rows), (N_DRAWS, n_rows))
    # Which rank it is does not depend on the scores.
    rank = n_rows - 1 - most_flagged(n_rows, budget, 1.0 - guarantee)
    thresholds = np.partition(scores, rank, axis=1)[:, rank]
    for row, threshold in zip(scores[:5], thresholds):
        assert budget_threshold(row, budget=budget, guarantee=guarantee) == threshold
    # The law's steps may lie on the budget itself; equality keeps it.
    exceeded = np.count_nonzero(share_above(thresholds) > budget * (1 + 1e-9))
    risk = 1.0 - guarantee
    assert binomtest(exceeded, N_DRAWS, risk, alternative="greater").pvalue > 1e-4
    if law in ("normal", "heavy-tailed"):
        # No rank between this one and the next: the exact risk of each, for continuous laws.
        flagged = np.count_nonzero(scores[0] > thresholds[0])
        exact = binom.cdf(flagged, n_rows, budget)
        assert exact <= risk < binom.cdf(flagged + 1, n_rows, budget)
        assert binomtest(exceeded, N_DRAWS, exact).pvalue > 1e-4
        if exact > 0.6 * risk:
            assert exceeded > 0.5 * risk * N_DRAWS


def test_tightness_is_tested_where_the_steps_of_the_binomial_allow_it():
    exact = [binom.cdf(most_flagged(n, b, 1 - g), n, b) / (1 - g) for n, b, g in CASES]
    assert sum(share > 0.6 for share in exact) >= 5


@pytest.mark.parametrize("law", ["normal", "few levels"])
def test_without_a_guarantee_the_budget_is_kept_on_the_rows_alone(law):
    draw, share_above = LAWS[law]
    scores = draw(np.random.default_rng(0), (N_DRAWS, 1000))
    thresholds = np.array([budget_threshold(row, budget=0.02) for row in scores])
    assert ((scores > thresholds[:, None]).mean(axis=1) <= 0.02).all()
    if law == "normal":
        assert 0.4 < (share_above(thresholds) > 0.02).mean() < 0.7


@pytest.mark.parametrize("budget", [1e-6, 1e-4, 0.005, 0.1, 0.5, 0.99])
@pytest.mark.parametrize("guarantee", [0.01, 0.5, 0.95, 1 - 1e-9])
def test_fewest_rows_are_enough_and_one_less_is_not(budget, guarantee):
    n_rows = min_calibration_rows(budget, guarantee)
    risk = 1.0 - guarantee
    assert n_rows * math.log1p(-budget) <= math.log(risk)
    assert n_rows == 1 or (n_rows - 1) * math.log1p(-budget) > math.log(risk)
    assert most_flagged(n_rows, budget, risk) >= 0
    assert n_rows == 1 or most_flagged(n_rows - 1, budget, risk) == -1


shares = st.one_of(
    st.floats(1e-6, 1.0, exclude_max=True), st.sampled_from([5e-324, 1e-320, 0.5, 1 - 2**-53])
)
budgets = st.floats(1e-6, 0.999)


@quick
@given(budgets, st.lists(shares, min_size=2, max_size=6))
def test_more_certainty_needs_no_fewer_rows(budget, guarantees):
    found = [min_calibration_rows(budget, guarantee) for guarantee in sorted(guarantees)]
    assert found == sorted(found)


@quick
@given(st.lists(budgets, min_size=2, max_size=6), shares)
def test_a_smaller_budget_needs_no_fewer_rows(several, guarantee):
    found = [min_calibration_rows(budget, guarantee) for budget in sorted(several)]
    assert found == sorted(found, reverse=True)


@quick
@given(
    st.integers(1, 400),
    st.lists(budgets, min_size=2, max_size=4),
    st.lists(shares, min_size=2, max_size=4),
)
def test_more_certainty_or_less_budget_never_flags_more(n_rows, several, guarantees):
    flagged = np.array(
        [
            [most_flagged(n_rows, budget, 1.0 - guarantee) for guarantee in sorted(guarantees)]
            for budget in sorted(several)
        ]
    )
    assert np.all(np.diff(flagged, axis=0) >= 0)
    assert np.all(np.diff(flagged, axis=1) <= 0)
    # That all rows may be flagged is never certain unless the budget is 1.
    assert flagged.max() <= n_rows - 1


@quick
@given(st.lists(shares, min_size=2, max_size=4), st.floats(0.05, 0.9), st.integers(0, 99))
def test_more_certainty_never_lowers_the_threshold(guarantees, budget, seed):
    scores = np.random.default_rng(seed).normal(size=200).round(1)
    several = [one for one in sorted(guarantees) if min_calibration_rows(budget, one) <= 200]
    found = [budget_threshold(scores, budget=budget, guarantee=one) for one in several]
    assert found == sorted(found)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("guarantee", [5e-324, 1e-300, 1e-17])
def test_a_guarantee_that_is_next_to_none_ends(guarantee):
    """One less such a probability is 1 as a float, and so is the chance of any number of rows."""
    assert min_calibration_rows(0.1, guarantee) == 1
    assert most_flagged(5, 0.1, 1.0 - guarantee) == 4
    assert budget_threshold(np.arange(5.0), budget=0.1, guarantee=guarantee) == 0.0


@pytest.mark.parametrize("budget", [5e-324, 1e-300, 1e-16])
def test_a_budget_that_no_number_of_rows_can_guarantee(budget):
    with pytest.raises(ValueError, match=r"needs more than 1e\+15 rows: the budget is too small"):
        min_calibration_rows(budget, 0.95)
    with pytest.raises(ValueError, match="the budget is too small"):
        budget_threshold(np.arange(9.0), budget=budget, guarantee=0.95)


def test_fewest_rows_where_the_power_is_exact():
    assert fewest_rows(0.5, 0.25) == 2
    assert fewest_rows(0.5, 2.0**-30) == 30
    assert fewest_rows(1.0, 0.05) == 1


def test_greatest_number_that_may_be_flagged_by_trying_all():
    for n_rows in (1, 5, 60, 200):
        for budget in (0.01, 0.05, 0.5, 0.9):
            for risk in (1e-9, 0.05, 0.4, 0.999):
                # Among n rows no more than n - 1 score above one of them.
                tails = binom.cdf(np.arange(n_rows), n_rows, budget)
                allowed = np.count_nonzero(tails <= risk) - 1
                assert most_flagged(n_rows, budget, risk) == allowed


def test_ten_million_rows():
    n_rows, budget, risk = 10_000_000, 0.005, 0.05
    flagged = most_flagged(n_rows, budget, risk)
    assert binom.cdf(flagged, n_rows, budget) <= risk < binom.cdf(flagged + 1, n_rows, budget)
    assert 0.99 < flagged / (budget * n_rows) < 1.0


def test_a_risk_that_is_met_exactly_is_met():
    # The quantile of the binomial may be rounded to either side.
    n_rows, budget = 10_000_000, 0.3
    counts = np.arange(2_997_000, 3_003_000, 75)
    for count, risk in zip(counts, binom.cdf(counts, n_rows, budget)):
        assert most_flagged(n_rows, budget, risk) == count


@pytest.mark.filterwarnings("ignore:budget=1 reviews everything")
def test_all_rows_may_be_flagged():
    scores = [3.0, 1.0, 2.0]
    assert budget_threshold(scores, budget=1.0) == -np.inf
    assert budget_threshold(scores, budget=1.0, guarantee=0.95) == -np.inf


def test_ties_at_the_cut_are_not_flagged():
    assert budget_threshold([1.0, 2.0, 2.0, 2.0], budget=0.5) == 2.0
    assert budget_threshold(np.zeros(100), budget=0.5, guarantee=0.9) == 0.0


@pytest.mark.filterwarnings("ignore:budget=1 reviews everything")
def test_weights_repeat_rows():
    rng = np.random.default_rng(0)
    scores = np.round(rng.standard_normal(300), 1)
    weight = rng.integers(0, 4, scores.size)
    for budget in (0.01, 0.1, 0.5, 1.0):
        repeated = budget_threshold(np.repeat(scores, weight), budget=budget)
        assert budget_threshold(scores, budget=budget, sample_weight=weight) == repeated


@quick
@given(st.integers(0, 99), st.floats(0.01, 0.99), st.integers(-1070, 1010))
def test_only_ratios_of_weights_count(seed, budget, exponent):
    """Where their sum was infinite, everything was flagged."""
    rng = np.random.default_rng(seed)
    scores, weight = rng.normal(size=50).round(1), rng.integers(1, 9, 50).astype(float)
    expected = budget_threshold(scores, budget=budget, sample_weight=weight)
    scaled = np.ldexp(weight, exponent)
    assert budget_threshold(scores, budget=budget, sample_weight=scaled) == expected
    assert np.isfinite(expected)


def test_weights_whose_sum_no_float_holds():
    with pytest.raises(ValueError, match="The sum of sample_weight is too large for a float"):
        budget_threshold(np.arange(9.0), budget=0.1, sample_weight=np.full(9, 1e308))
    weight = np.where(np.arange(9) == 8, 1e307, 1e-320)
    assert budget_threshold(np.arange(9.0), budget=0.1, sample_weight=weight) == 8.0
    assert budget_threshold(-np.arange(9.0), budget=0.1, sample_weight=weight) == -8.0


@pytest.mark.parametrize("guarantee", [None, 0.9])
def test_scores_that_floats_would_tie_are_refused(guarantee):
    for scores in (2**60 + np.arange(100), [2**70 + number for number in range(100)]):
        with pytest.raises(ValueError, match="y_score holds numbers that float64 rounds"):
            budget_threshold(scores, budget=0.1, guarantee=guarantee)
    assert budget_threshold(np.arange(100) * 2**53, budget=0.1) == 89 * 2.0**53


def test_the_threshold_covers_what_the_metric_says():
    rng = np.random.default_rng(0)
    y = (rng.random(4000) < 0.05).astype(int)
    scores = rng.standard_normal(4000) + 2 * y
    for budget in (0.005, 0.05, 0.5):
        covered = (scores[y == 1] > budget_threshold(scores, budget=budget)).mean()
        assert covered == pytest.approx(coverage_at_budget_score(y, scores, budget=budget))
        negatives = budget_threshold(scores[y == 0], budget=budget)
        metric = coverage_at_budget_score(y, scores, budget=budget, basis="fpr")
        assert (scores[y == 1] > negatives).mean() == pytest.approx(metric, abs=0.01)


def test_too_few_rows_name_the_least_number():
    with pytest.raises(ValueError, match=r"at least 598 scores, see .*: got 597\."):
        budget_threshold(np.arange(597.0), budget=0.005, guarantee=0.95)
    assert budget_threshold(np.arange(598.0), budget=0.005, guarantee=0.95) == 597.0


@pytest.mark.parametrize("guarantee", [0.0, 1.0, 95, -0.1, "0.95", True, np.nan])
def test_guarantee_out_of_range(guarantee):
    with pytest.raises(ValueError, match=r"'guarantee' parameter .* in the range \(0\.0, 1\.0\)"):
        min_calibration_rows(0.005, guarantee)
    with pytest.raises(ValueError, match="'guarantee' parameter of budget_threshold"):
        budget_threshold([1.0], budget=0.5, guarantee=guarantee)


def test_budget_in_basis_points_gets_a_hint():
    with pytest.raises(ValueError, match="50 basis points are 0.005"):
        min_calibration_rows(50, 0.95)
    with pytest.raises(ValueError, match="A budget is a fraction: pass 0.01"):
        budget_threshold([1.0], budget="1%")
    with pytest.raises(ValueError, match="A guarantee is a fraction: 95 percent are 0.95"):
        budget_threshold([1.0], budget=0.5, guarantee=95)
    with pytest.raises(ValueError, match="'budget' parameter of budget_threshold"):
        budget_threshold([1.0], budget=0.0)


def test_bad_scores_and_weights():
    with pytest.raises(ValueError, match="NaN"):
        budget_threshold([1.0, np.nan], budget=0.5)
    with pytest.raises(ValueError, match="0 sample"):
        budget_threshold([], budget=0.5)
    with pytest.raises(ValueError, match="must be the same for all rows if guarantee is set"):
        budget_threshold([1.0, 2.0], budget=0.9, guarantee=0.5, sample_weight=[1, 2])
    same = budget_threshold([1.0, 2.0], budget=0.9, guarantee=0.5, sample_weight=[3, 3])
    assert same == budget_threshold([1.0, 2.0], budget=0.9, guarantee=0.5)
