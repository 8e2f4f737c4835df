"""Sampled negatives: every rate is what it says, and weights undo it."""

import warnings
from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from skbudget import BudgetThresholdClassifier, make_contested_top
from skbudget._utils.labels import PositiveClassWarning
from skbudget.band import fpr_band
from skbudget.metrics import coverage_at_budget_score
from skbudget.sampling import (
    sample_hard,
    sample_in_rounds,
    sample_popular,
    sample_random,
    sample_stratified,
)
from skbudget.sampling._draw import draw_by_rate, fill_up

N, N_POSITIVES = 300, 12
RNG = np.random.default_rng(0)
Y = RNG.permutation(np.arange(N) < N_POSITIVES).astype(int)
X = RNG.normal(size=(N, 2)) + Y[:, None]
# Scores with ties, also at the cut.
SCORE = np.round(X[:, 0] * 2)
ITEM = np.minimum(RNG.geometric(0.3, N), 8)
AMOUNT = RNG.exponential(size=N) + SCORE

# Each draws about 60 of the 288 negatives.
SAMPLERS = {
    "random": partial(sample_random, Y),
    "popular": partial(sample_popular, Y, ITEM, power=0.5),
    "popular, capped": partial(sample_popular, Y, ITEM, power=1.0, max_share=0.2),
    "every item": partial(sample_popular, Y, ITEM, power=0.0),
    "hard": partial(sample_hard, Y, SCORE, hard_share=0.3),
    "mostly hard": partial(sample_hard, Y, SCORE, hard_share=0.8),
    "stratified": partial(sample_stratified, Y, ITEM),
    "proportional": partial(sample_stratified, Y, ITEM, allocation="proportional"),
}
by_sampler = pytest.mark.parametrize("name", SAMPLERS)


def draws(name, n_draws, **more):
    draw = np.random.RandomState(0)
    sample = SAMPLERS[name]
    return [sample(per_positive=5, random_state=draw, **more) for _ in range(n_draws)]


@by_sampler
def test_every_row_is_drawn_at_its_rate(name):
    n_draws = 200
    found = draws(name, n_draws)
    often = np.bincount(np.concatenate([chosen.rows for chosen in found]), minlength=N) / n_draws
    rate = np.full(N, np.nan)
    for chosen in found:
        rate[chosen.rows] = chosen.rate
        assert (Y[chosen.rows] == chosen.positive).all()
    # Every row was drawn at least once, for no rate is tiny here.
    assert np.isfinite(rate).all()
    error = np.sqrt(np.maximum(rate * (1 - rate), 1e-12) / n_draws)
    assert (np.abs(often - rate) / error).max() < 4.5
    assert (rate[Y == 1] == 1).all()


@by_sampler
def test_weighted_sums_are_unbiased(name):
    found = np.array([chosen.sample_weight @ AMOUNT[chosen.rows] for chosen in draws(name, 200)])
    error = found.std() / np.sqrt(found.size)
    assert abs(found.mean() - AMOUNT.sum()) < 4 * error


@by_sampler
def test_weights_of_a_row_are_kept(name):
    weight = np.arange(N) % 4
    chosen = draws(name, 1, sample_weight=weight)[0]
    assert (weight[chosen.rows] > 0).all()
    np.testing.assert_allclose(chosen.sample_weight, weight[chosen.rows] / chosen.rate)
    assert chosen.positive.sum() == Y[weight > 0].sum()


@by_sampler
def test_without_undoing_a_mask_marks_rows_of_one_rate(name):
    n_draws = 200
    marked = np.zeros(N)
    found = draws(name, n_draws, undo=False)
    for chosen in found:
        assert (chosen.sample_weight == 1).all()
        assert chosen.iid_mask[chosen.positive].all()
        marked[chosen.rows[chosen.iid_mask]] += 1
    least = min(chosen.rate.min() for chosen in found)
    often = marked[Y == 0] / n_draws
    assert np.abs(often - least).max() < 4.5 * np.sqrt(least * (1 - least) / n_draws)
    with_weights = draws(name, 1)[0]
    assert with_weights.undone
    assert with_weights.iid_mask.all()


@by_sampler
def test_the_same_seed_draws_the_same_rows(name):
    one, same, other = (SAMPLERS[name](random_state=seed, undo=False) for seed in (0, 0, 1))
    for field in ("rows", "rate", "sample_weight", "iid_mask"):
        np.testing.assert_array_equal(getattr(one, field), getattr(same, field))
    assert not np.array_equal(one.rows, other.rows)


@by_sampler
@pytest.mark.parametrize(("more", "n_drawn"), [({"per_positive": 5}, 60), ({"rate": 0.5}, 144)])
def test_as_many_are_drawn_as_were_asked_for(name, more, n_drawn):
    chosen = SAMPLERS[name](random_state=0, **more)
    n_found = (~chosen.positive).sum()
    if name == "popular, capped":
        # Half of the negatives would be more than the caps leave.
        assert 0.5 * n_drawn < n_found <= n_drawn
    else:
        # One row more or less per stratum, from rounding.
        assert abs(n_found - n_drawn) <= np.unique(ITEM).size / 2
    assert (np.diff(chosen.rows) > 0).all()


@by_sampler
def test_more_than_all_is_all(name):
    chosen = SAMPLERS[name](per_positive=1e9)
    if name != "popular, capped":
        np.testing.assert_array_equal(chosen.rows, np.arange(N))
        assert (chosen.sample_weight == 1).all()


@by_sampler
def test_only_eligible_rows_are_drawn(name):
    eligible = np.arange(N) % 3 > 0
    chosen = draws(name, 1, eligible=eligible)[0]
    drawn = ~chosen.positive
    assert eligible[chosen.rows[drawn]].all()
    total = (eligible & (Y == 0)).sum()
    assert chosen.sample_weight[drawn].sum() == pytest.approx(total, rel=0.15)
    assert chosen.positive.sum() == N_POSITIVES


# --- one sampler each ---------------------------------------------------------------------


def test_random_negatives_have_one_rate_and_a_shift():
    chosen = sample_random(Y, rate=0.25, undo=False, random_state=0)
    assert np.unique(chosen.rate[~chosen.positive]).tolist() == [0.25]
    assert chosen.iid_mask.all()
    assert chosen.logit_shift == pytest.approx(np.log(0.25))
    assert sample_random(Y, rate=0.25, random_state=0).logit_shift == 0.0


def test_a_shift_undoes_no_rates_that_differ():
    chosen = sample_hard(Y, SCORE, undo=False, random_state=0, rate=0.2)
    with pytest.raises(ValueError, match=r"rates from .* no shift .* undo=True"):
        _ = chosen.logit_shift
    assert sample_hard(Y, SCORE, random_state=0).logit_shift == 0.0


def test_a_shift_makes_the_log_odds_of_the_population():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50_000, 1))
    y = rng.random(50_000) < 1 / (1 + np.exp(5.0 - 1.5 * X[:, 0]))
    chosen = sample_random(y, per_positive=5, undo=False, random_state=0)
    part = LogisticRegression(C=1e6).fit(*chosen.take(X, y))
    assert part.intercept_ == pytest.approx(-5.0 - chosen.logit_shift, abs=0.2)
    assert chosen.logit_shift < -2.0


def test_the_hardest_are_kept_for_certain():
    chosen = sample_hard(Y, X[:, 0], hard_share=0.5, per_positive=5, random_state=0)
    hardest = np.argsort(np.where(Y == 0, -X[:, 0], np.inf))[:30]
    assert np.isin(hardest, chosen.rows).all()
    assert (chosen.rate[np.isin(chosen.rows, hardest)] == 1).all()
    assert np.unique(chosen.rate).tolist() == [30 / 258, 1.0]


def test_constant_scores_draw_at_random():
    chosen = sample_hard(Y, np.zeros(N), per_positive=5, random_state=0)
    assert np.ptp(chosen.rate[~chosen.positive]) == 0.0
    assert chosen.rate[~chosen.positive][0] == pytest.approx(60 / 288)


def test_something_of_the_rest_is_always_drawn():
    chosen = sample_hard(Y, X[:, 0], hard_share=0.99, per_positive=1, random_state=0)
    drawn = chosen.rate[~chosen.positive]
    assert sorted(drawn)[:2] == [1 / (288 - 11), 1.0]
    assert chosen.sample_weight.sum() == pytest.approx(N)


def test_items_get_their_shares():
    y = np.zeros(1010, dtype=int)
    y[:10] = 1
    item = np.concatenate([[0] * 10, np.repeat(["a", "b", "c"], [800, 150, 50])])
    for power, cap, shares in (
        (1.0, None, (0.8, 0.15, 0.05)),
        (0.0, None, (1 / 3, 1 / 3, 1 / 3)),
        (1.0, 0.5, (0.5, 0.375, 0.125)),
    ):
        chosen = sample_popular(
            y, item, power=power, max_share=cap, per_positive=10, random_state=0
        )
        found = item[chosen.rows[~chosen.positive]]
        counts = [np.count_nonzero(found == name) for name in "abc"]
        assert np.abs(np.array(counts) - np.array(shares) * 100).max() <= 1


def test_rates_of_strata():
    strata = np.where(ITEM == 1, "first", "other")
    chosen = sample_stratified(Y, strata, rates={"first": 1, "other": 0.1}, random_state=0)
    negative = ~chosen.positive
    first = strata[chosen.rows] == "first"
    assert (first & negative).sum() == ((strata == "first") & (Y == 0)).sum()
    n_others = ((strata == "other") & (Y == 0)).sum()
    assert (~first & negative).sum() == round(0.1 * n_others)
    assert chosen.sample_weight[~first & negative].sum() == pytest.approx(n_others)


def test_weights_of_a_stratum_add_up_to_it():
    for allocation in ("equal", "proportional"):
        chosen = sample_stratified(Y, ITEM, allocation=allocation, rate=0.2, random_state=0)
        whole = np.bincount(ITEM)
        np.testing.assert_allclose(np.bincount(ITEM[chosen.rows], chosen.sample_weight), whole)


# --- in rounds ------------------------------------------------------------------------------


def test_rounds_add_harder_negatives():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(5000, 2)) * 2
    y = (np.arange(5000) < 40).astype(int)
    X[:40] = (6.0, 6.0)
    distance = np.hypot(*(X - 6.0).T)
    for score in (None, -distance):
        rounds = sample_in_rounds(X, y, score, n_rounds=5, per_positive=5, random_state=0)
        assert len(rounds) == 5
        previous, far = np.zeros(0, dtype=int), []
        for chosen in rounds:
            drawn = chosen.rows[~chosen.positive]
            assert np.isin(previous, drawn).all()
            added = np.setdiff1d(drawn, previous)
            assert 150 <= added.size <= 200
            far.append(distance[added].mean())
            previous = drawn
            assert chosen.sample_weight.sum() == pytest.approx(5000, rel=0.1)
        assert (np.diff(far[1:]) < 0).all()


def test_rates_of_rounds_are_right():
    n_draws = 40
    sums = np.zeros((n_draws, 3))
    for seed in range(n_draws):
        # One draw of the clusters, and another one of the rows.
        draw = np.random.RandomState(seed)
        rounds = sample_in_rounds(
            X, Y, SCORE, n_rounds=3, n_clusters=4, per_positive=4, random_state=draw
        )
        for number, chosen in enumerate(rounds):
            assert (chosen.rate[chosen.positive] == 1).all()
            sums[seed, number] = chosen.sample_weight @ AMOUNT[chosen.rows]
    error = sums.std(axis=0) / np.sqrt(n_draws)
    assert (np.abs(sums.mean(axis=0) - AMOUNT.sum()) < 4 * error).all()


def test_one_round_is_random():
    (only,) = sample_in_rounds(X, Y, n_rounds=1, per_positive=5, random_state=0)
    assert np.unique(only.rate[~only.positive]).tolist() == [60 / 288]


def test_sparse_tables_have_the_same_rounds():
    table = np.where(X > 0, X, 0.0)
    dense = sample_in_rounds(table, Y, SCORE, n_rounds=2, random_state=0)
    same = sample_in_rounds(sparse.csr_matrix(table), Y, SCORE, n_rounds=2, random_state=0)
    for one, other in zip(dense, same):
        np.testing.assert_array_equal(one.rows, other.rows)


# --- what is left where it was ----------------------------------------------------------------


@pytest.mark.parametrize("undo", [True, False], ids=["weights", "mask"])
def test_the_band_stays_where_it_was(undo):
    rng = np.random.default_rng(0)
    y = (np.arange(100_000) < 200).astype(int)
    score = rng.normal(size=y.size) + y
    whole = fpr_band(score, y == 0, beta=0.05).t_beta
    chosen = sample_hard(y, score, per_positive=50, undo=undo, random_state=0)
    found = chosen.take(score)
    kept = fpr_band(
        found,
        ~chosen.positive,
        beta=0.05,
        sample_weight=chosen.sample_weight,
        iid_mask=chosen.iid_mask,
    ).t_beta
    moved = fpr_band(found, ~chosen.positive, beta=0.05).t_beta
    assert kept == pytest.approx(whole, abs=0.06)
    assert moved > whole + 0.5


def test_a_threshold_on_weighted_rows_keeps_the_budget():
    X, y = make_contested_top(30_000, pos_rate=0.01, random_state=0)
    X_new, y_new = make_contested_top(30_000, pos_rate=0.01, random_state=1)
    budget = 0.02
    score = LogisticRegression().fit(X[::10], y[::10]).decision_function(X)
    everything = LogisticRegression().fit(X, y).decision_function(X_new)
    whole = coverage_at_budget_score(y_new, everything, budget=budget)
    flagged = {}
    for undo in (True, False):
        for chosen in (
            sample_random(y, per_positive=10, undo=undo, random_state=0),
            sample_hard(y, score, per_positive=10, undo=undo, random_state=0),
        ):
            tuned = BudgetThresholdClassifier(LogisticRegression(), budget=budget)
            tuned.fit(*chosen.take(X, y), sample_weight=chosen.sample_weight)
            flagged.setdefault(undo, []).append(tuned.predict(X_new).mean())
            if undo:
                probability = tuned.predict_proba(X_new)[:, 1]
                assert probability.mean() == pytest.approx(0.01, rel=0.25)
                coverage = coverage_at_budget_score(y_new, probability, budget=budget)
                assert coverage == pytest.approx(whole, abs=0.05)
    assert np.allclose(flagged[True], budget, rtol=0.3)
    assert max(flagged[False]) < 0.5 * budget


# --- what is handed in --------------------------------------------------------------------------


def test_take_returns_rows_of_anything():
    chosen = sample_random(Y, per_positive=2, random_state=0)
    frame = pd.DataFrame({"a": np.arange(N)}, index=np.arange(N) + 7)
    table, column, words, nothing = chosen.take(
        frame, sparse.csr_matrix(X), [str(number) for number in range(N)], None
    )
    assert table["a"].tolist() == chosen.rows.tolist()
    np.testing.assert_array_equal(column.toarray(), X[chosen.rows])
    assert words == [str(number) for number in chosen.rows]
    assert nothing is None
    with pytest.raises(ValueError, match=r"columns must have one entry per row .* 300: got"):
        chosen.take(X[:-1])


def test_labels_of_any_kind():
    words = np.where(Y == 1, "fraud", "fine")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        named = sample_random(words, pos_label="fraud", random_state=0)
    np.testing.assert_array_equal(named.rows, sample_random(Y, random_state=0).rows)
    with pytest.warns(PositiveClassWarning, match="'fraud'") as caught:
        rarer = sample_random(words, random_state=0)
    assert caught[0].filename == __file__
    np.testing.assert_array_equal(named.rows, rarer.rows)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: sample_random(np.zeros(5)), "sample_random needs two classes"),
        (lambda: sample_random(Y, rate=2), "'rate' parameter of sample_random .* 2 percent"),
        (lambda: sample_random(Y, per_positive=0), "'per_positive' parameter of sample_random"),
        (lambda: sample_random(Y, undo="no"), "'undo' parameter of sample_random .* 'no'"),
        (lambda: sample_random(Y, eligible=Y == 1), "no negative to draw: .* eligible"),
        (lambda: sample_random(Y, eligible=Y), "eligible must be a boolean array"),
        (lambda: sample_random(Y, sample_weight=1.0 - Y), "sample_weight of the positives"),
        (lambda: sample_random(Y, random_state="x"), "random_state must be an int from 0"),
        (lambda: sample_hard(Y, SCORE, hard_share=1.0), "'hard_share' parameter of sample_hard"),
        (lambda: sample_hard(Y, SCORE[1:]), "score must have one entry per sample"),
        (lambda: sample_popular(Y, ITEM, power=-1), "'power' parameter of sample_popular"),
        (lambda: sample_popular(Y, ITEM, max_share=0.1), "max_share=0.1 cannot hold: there are 8"),
        (lambda: sample_popular(Y, ITEM[1:]), "item must have one entry per sample"),
        (lambda: sample_popular(Y, [None] * N), "item contains NaN or None"),
        (lambda: sample_stratified(Y, ITEM, allocation="most"), "'allocation' parameter"),
        (lambda: sample_stratified(Y, ITEM, rates=0.5), "'rates' parameter .* mapping"),
        (lambda: sample_stratified(Y, ITEM, rates={1: 0.5}), "lacks 2"),
        (
            lambda: sample_stratified(Y, Y * 0, rates={0: 0.5, "x": 1}),
            r"names strata that no row has: \['x'\]",
        ),
        (lambda: sample_stratified(Y, Y * 0, rates={0: 0.0}), r"'rates\[0\]' parameter"),
        (lambda: sample_in_rounds(X, Y, n_rounds=0), "'n_rounds' parameter of sample_in_rounds"),
        (lambda: sample_in_rounds(X[1:], Y), "X must have one row per entry of y"),
        (lambda: sample_in_rounds(X, Y, SCORE[1:]), "score must have one entry per sample"),
    ],
)
def test_errors_name_what_is_wrong(call, words):
    with pytest.raises((ValueError, TypeError), match=words):
        call()


# --- draws ------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.floats(0.01, 10), min_size=1, max_size=12),
    st.floats(0.05, 1.0),
    st.integers(0, 2**31),
)
def test_filling_up_keeps_limits_and_the_total(shares, part, seed):
    share = np.array(shares)
    limit = np.random.default_rng(seed).uniform(0.1, 5, share.size)
    total = part * limit.sum()
    found = fill_up(share, limit, total)
    assert (found <= limit * (1 + 1e-12)).all()
    assert found.sum() == pytest.approx(total)
    free = found < limit * (1 - 1e-9)
    if free.sum() > 1:
        assert np.ptp(found[free] / share[free]) < 1e-9 * (found[free] / share[free]).max()
    # Nobody has more for its share than those that are free.
    if free.any():
        assert (found / share).max() <= (found[free] / share[free]).min() * (1 + 1e-9)
    np.testing.assert_array_equal(fill_up(share, limit, 2 * limit.sum()), limit)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=20), st.integers(0, 2**31))
def test_systematic_draws_have_the_size_of_the_rates(rates, seed):
    rate = np.array(rates)
    code = np.random.default_rng(seed).integers(0, 3, rate.size)
    drawn = draw_by_rate(rate, code, np.random.RandomState(seed))
    assert np.unique(drawn).size == drawn.size
    assert np.floor(rate.sum() - 1e-9) <= drawn.size <= np.ceil(rate.sum() + 1e-9)
    assert np.isin(np.flatnonzero(rate == 1), drawn).all()
    of_code = np.bincount(code[drawn], minlength=3)
    assert (np.abs(of_code - np.bincount(code, rate, minlength=3)) < 1 + 1e-9).all()
