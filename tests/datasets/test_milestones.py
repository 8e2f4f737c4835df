"""Nested events of growing rarity."""

import numpy as np
import pytest
from scipy.special import expit, logit

from skbudget import coverage_at_budget_score
from skbudget.datasets import make_milestones


def test_rates_and_nesting():
    rates = (0.3, 0.1, 0.02)
    X, level, proba = make_milestones(100_000, rates=rates, random_state=0, return_proba=True)
    assert X.shape == (100_000, 20)
    assert X.dtype == np.float32
    found = [(level >= event).mean() for event in (1, 2, 3)]
    np.testing.assert_allclose(found, rates, rtol=0.05)
    # The probability has the rate as its mean, and is right in parts of the table.
    assert proba.mean() == pytest.approx(0.02, rel=1e-8)
    order = np.argsort(proba)
    for part in np.array_split(order, 5)[2:]:
        assert (level[part] == 3).mean() == pytest.approx(proba[part].mean(), rel=0.2)


def test_one_event_is_a_logistic_model_of_its_cue():
    X, level, proba = make_milestones(
        2_000, rates=(0.1,), strength=2.0, random_state=1, return_proba=True
    )
    a, b, c, d, e = X[:, :5].T.astype(float)
    log_odds = logit(proba)
    signal = 2.0 * (a * b + c * d + e) / np.sqrt(3)
    np.testing.assert_allclose(log_odds - signal, np.mean(log_odds - signal), atol=1e-6)
    assert set(level) == {0, 1}


def test_what_the_last_step_shares():
    covered = []
    for shared in (1.0, 0.0, -1.0):
        X, level, proba = make_milestones(
            50_000, rates=(0.3, 0.03), shared=shared, random_state=2, return_proba=True
        )
        a, b, c, d, e = X[:, :5].T.astype(float)
        interest = a * b + c * d + e
        y = level == 2
        covered.append(coverage_at_budget_score(y, interest, budget=0.05))
        assert coverage_at_budget_score(y, proba, budget=0.05) > covered[-1] - 0.02
    assert covered[0] > covered[1] + 0.05 > covered[2] + 0.1


def test_the_same_seed_gives_the_same_table():
    one, other = (make_milestones(500, random_state=3) for _ in range(2))
    for a, b in zip(one, other):
        np.testing.assert_array_equal(a, b)
    weak = make_milestones(500, strength=0.0, rates=(0.5, 0.25), random_state=3, return_proba=True)
    np.testing.assert_allclose(weak[2], 0.25)
    assert expit(0.0) == 0.5


@pytest.mark.parametrize(
    "rates",
    [(), (0.5, 0.5), (0.1, 0.2), (1.0, 0.5), (0.5, 0.0), (0.5, np.nan), "half", None, (1, 0), 0.5],
    ids=["none", "equal", "growing", "all", "zero", "nan", "text", "None", "whole", "number"],
)
def test_rates_that_are_refused(rates):
    with pytest.raises(ValueError, match="'rates' parameter of make_milestones"):
        make_milestones(100, rates=rates)


@pytest.mark.parametrize(
    "params",
    [
        {"n_samples": 2},
        {"shared": 1.5},
        {"strength": -1.0},
        {"n_features": 9},
        {"return_proba": 2},
        {"n_features": 10**15},
    ],
    ids=["rows", "shared", "strength", "features", "flag", "memory"],
)
def test_parameters_that_are_refused(params):
    with pytest.raises(ValueError, match="of make_milestones|make_milestones cannot hold"):
        make_milestones(**{"n_samples": 100, **params})
