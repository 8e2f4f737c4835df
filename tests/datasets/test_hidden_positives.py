"""Hidden positives: counts, moments, and the score that no other can beat."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import multivariate_normal, norm
from sklearn.linear_model import LogisticRegression

from skbudget.datasets import (
    bayes_contested_top_score,
    bayes_hidden_positives_score,
    make_hidden_positives,
)
from skbudget.metrics import fpr_at_tpr_error

CUES = ("linear", "product", "radial")
CROWDED = {"pos_rate": 0.7, "hidden_frac": 0.3, "plain_frac": 0.3}
RATES = (0.98, 0.95, 0.92)


def test_defaults_are_three_hundred_positives_among_thirty_thousand_negatives():
    X, y, roles = make_hidden_positives(random_state=0, return_roles=True)
    assert X.shape == (30_300, 20)
    assert np.bincount(y).tolist() == [30_000, 300]
    assert np.bincount(roles).tolist() == [30_000, 240, 60]
    assert (X.dtype, y.dtype, roles.dtype) == (np.float32, np.int64, np.int8)


def test_roles_are_counted_exactly_and_placed_at_random():
    _, y, roles = make_hidden_positives(
        100_000, pos_rate=0.1, plain_frac=0.05, random_state=3, return_roles=True
    )
    assert np.bincount(roles).tolist() == [90_000, 7_500, 2_000, 500]
    np.testing.assert_array_equal(roles > 0, y == 1)
    for role in (1, 2, 3):
        rows = np.flatnonzero(roles == role)
        # Mean of a uniform draw from the rows, within 4 standard errors.
        assert abs(rows.mean() / 1e5 - 0.5) < 4 / np.sqrt(12 * rows.size)


@pytest.mark.parametrize("cue", CUES)
def test_moments_of_every_role_and_feature(cue):
    easy, sep = 2.0, 1.5
    X, _, roles = make_hidden_positives(
        40_000, cue=cue, easy=easy, sep=sep, n_features=9, random_state=1, return_roles=True,
        **CROWDED,
    )  # fmt: skip
    for role in range(4):
        rows = X[roles == role].astype(float)
        has_easy, has_cue = role in (1, 3), role in (1, 2)
        mean, second = np.zeros(9), np.ones(9)
        mean[:3] += easy * has_easy
        mean[5:7] += sep * (has_cue and cue == "linear")
        second[5:7] += sep**2 * has_cue
        second[:3] += easy**2 * has_easy
        tolerance = 5 / np.sqrt(len(rows))
        np.testing.assert_allclose(rows.mean(axis=0), mean, atol=2 * tolerance)
        np.testing.assert_allclose((rows**2).mean(axis=0), second, atol=4 * tolerance)
        together = sep**2 * has_cue * (cue != "radial")
        assert abs((rows[:, 5] * rows[:, 6]).mean() - together) < 4 * tolerance


def test_tables_of_one_seed_differ_by_the_signal_only():
    settings = {"pos_rate": 0.1, "plain_frac": 0.3, "random_state": 7, "return_roles": True}
    base, y, roles = make_hidden_positives(5_000, easy=0, sep=0, **settings)
    for cue in CUES:
        X, y_cue, roles_cue = make_hidden_positives(5_000, cue=cue, **settings)
        np.testing.assert_array_equal(y, y_cue)
        np.testing.assert_array_equal(roles, roles_cue)
        shift = X.astype(float) - base
        np.testing.assert_array_equal(shift[roles == 0], 0)
        np.testing.assert_array_equal(shift[:, [3, 4, *range(7, 20)]], 0)
        np.testing.assert_allclose(shift[np.isin(roles, [1, 3]), :3], 2.5, atol=1e-5)
        np.testing.assert_allclose(np.abs(shift[np.isin(roles, [1, 2]), 5:7]), 1.7, atol=1e-5)
        np.testing.assert_array_equal(shift[roles == 2, :3], 0)
        np.testing.assert_array_equal(shift[roles == 3, 5:7], 0)


def test_seeds():
    first, again, other = (make_hidden_positives(500, random_state=s)[0] for s in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_it_mirrors_the_contested_top():
    """With the classes exchanged, both signals change sign: negatives carry what is missing."""
    X = np.random.default_rng(0).normal(size=(200, 9))
    easy, sep = 2.2, 1.3
    found = bayes_hidden_positives_score(
        X, cue="linear", hidden_frac=0.1, plain_frac=0.2, easy=easy, sep=sep
    )
    # Seen from the positives with both signals, negatives have both.
    other = X.copy()
    other[:, :3], other[:, 5:7] = easy - X[:, :3], sep - X[:, 5:7]
    # The easy signal is what a hidden positive lacks, as the decoys do in the mirror.
    mirrored = bayes_contested_top_score(
        other, cue="linear", decoy_frac=0.1, confounder_frac=0.2, easy=easy, sep=sep
    )
    np.testing.assert_allclose(found, -mirrored, rtol=1e-9)


def density(X, centre):
    """Density of rows normal around a centre, from its first seven features."""
    return multivariate_normal(centre).pdf(X[:, :7])


@pytest.mark.parametrize("cue", CUES)
@pytest.mark.parametrize(
    ("hidden_frac", "plain_frac"), [(0.2, 0.0), (0.3, 0.1), (0.0, 0.0), (0.2, 0.8)]
)
def test_bayes_score_is_the_log_ratio_of_densities(cue, hidden_frac, plain_frac):
    easy, sep = 2.2, 1.3
    corners = {
        "linear": [(1, 1)],
        "product": [(1, 1), (-1, -1)],
        "radial": [(1, 1), (-1, -1), (1, -1), (-1, 1)],
    }[cue]
    X = np.random.RandomState(0).normal(scale=2, size=(50, 9))

    def cued(with_easy):
        start = [with_easy * easy] * 3 + [0, 0]
        return np.mean([density(X, [*start, sep * a, sep * b]) for a, b in corners], axis=0)

    positive = (
        (1 - hidden_frac - plain_frac) * cued(True)
        + hidden_frac * cued(False)
        + plain_frac * density(X, [easy] * 3 + [0] * 4)
    )
    ratio = np.log(positive) - np.log(density(X, [0] * 7))
    parameters = {
        "cue": cue, "hidden_frac": hidden_frac, "plain_frac": plain_frac, "easy": easy, "sep": sep,
    }  # fmt: skip
    np.testing.assert_allclose(bayes_hidden_positives_score(X, **parameters), ratio, rtol=1e-9)
    odds = bayes_hidden_positives_score(X, pos_rate=0.2, **parameters)
    np.testing.assert_allclose(odds, ratio + np.log(0.25), rtol=1e-9)


@pytest.mark.parametrize("cue", CUES)
def test_bayes_score_is_finite_far_out(cue):
    X = np.random.RandomState(0).choice([-1e4, -1.0, 0.0, 1e4], size=(200, 7))
    assert np.isfinite(bayes_hidden_positives_score(X, cue=cue, plain_frac=0.1)).all()


def test_without_any_signal_the_score_is_flat():
    X = np.random.RandomState(0).normal(size=(10, 7))
    score = bayes_hidden_positives_score(X, easy=0, sep=0, hidden_frac=0.3, plain_frac=0.2)
    np.testing.assert_allclose(score, 0, atol=1e-12)


@pytest.mark.parametrize("cue", CUES)
def test_posterior_odds_are_calibrated(cue):
    X, y = make_hidden_positives(100_000, cue=cue, random_state=0, **CROWDED)
    probability = expit(bayes_hidden_positives_score(X, cue=cue, **CROWDED))
    for low in np.arange(0, 1, 0.2):
        inside = (probability >= low) & (probability < low + 0.2)
        expected, variance = probability[inside].sum(), (probability * (1 - probability))[inside]
        assert abs(y[inside].sum() - expected) < 4 * np.sqrt(variance.sum())


def least_fpr(cue, hidden_frac=0.2, easy=2.5, sep=1.7, n_steps=500):
    """Least false positive rates at RATES, by numerical integration over the two signals.

    The easy features enter by their sum alone, and so do the cue features, except for the
    radial cue, where both are integrated over.
    """

    def cells(reach):
        edges = np.linspace(-8.0 - reach, 8.0 + reach, n_steps + 1)
        return (edges[1:] + edges[:-1]) / 2, np.diff(norm.cdf(edges))

    a = easy * np.sqrt(3)
    u, mass = cells(a)
    easy_ratio = np.exp(a * u - a * a / 2)
    if cue == "radial":
        v, of_one = cells(sep)
        one = np.cosh(sep * v) * np.exp(-(sep**2) / 2)
        cue_ratio, of_cue = np.outer(one, one).ravel(), np.outer(of_one, of_one).ravel()
        # Cells of nearly the same ratio are put together.
        order = np.argsort(cue_ratio)
        parts = np.array_split(order, 1_000)
        weighted = np.array([of_cue[part] @ cue_ratio[part] for part in parts])
        of_cue = np.array([of_cue[part].sum() for part in parts])
        cue_ratio = weighted / of_cue
    else:
        b = sep * np.sqrt(2)
        v, of_cue = cells(b)
        cue_ratio = (np.exp if cue == "linear" else np.cosh)(b * v) * np.exp(-b * b / 2)
    ratio = ((1 - hidden_frac) * np.outer(easy_ratio, cue_ratio) + hidden_frac * cue_ratio).ravel()
    negatives = np.outer(mass, of_cue).ravel()
    order = np.argsort(-ratio)
    positives = np.cumsum((negatives * ratio)[order])
    assert positives[-1] == pytest.approx(1.0, abs=0.01)
    return np.interp(RATES, positives / positives[-1], np.cumsum(negatives[order]))


@pytest.mark.parametrize(
    ("cue", "documented"),
    [
        ("linear", [0.142, 0.051, 0.022]),
        ("product", [0.279, 0.099, 0.043]),
        ("radial", [0.385, 0.158, 0.073]),
    ],
)
def test_least_false_positive_rates(cue, documented):
    exact = least_fpr(cue)
    np.testing.assert_allclose(exact, documented, atol=0.001)
    reached = []
    for seed in range(4):
        X, y = make_hidden_positives(
            100_000, pos_rate=0.3, cue=cue, n_features=7, random_state=seed
        )
        score = bayes_hidden_positives_score(X, cue=cue)
        reached.append([fpr_at_tpr_error(y, score, tpr=rate) for rate in RATES])
    error = np.std(reached, axis=0) / 2
    assert (np.abs(np.mean(reached, axis=0) - exact) < 5 * error + 0.002).all()


@pytest.mark.parametrize("cue", CUES)
def test_no_other_score_beats_it_and_no_linear_one_comes_near(cue):
    X, y = make_hidden_positives(cue=cue, random_state=0)
    X_test, y_test = make_hidden_positives(100_000, pos_rate=0.1, cue=cue, random_state=1)
    linear = LogisticRegression(class_weight="balanced", max_iter=1_000)

    def expand(X):
        a, b = X[:, 5], X[:, 6]
        cue_parts = [a, b, a * b, np.abs(a + b), np.abs(a) + np.abs(b)]
        easy = X[:, :3].sum(axis=1)
        return np.column_stack([easy, np.maximum(easy - 4, 0), *cue_parts])

    fitted = linear.fit(X, y).decision_function(X_test)
    learnt = linear.fit(expand(X), y).decision_function(expand(X_test))
    best = bayes_hidden_positives_score(X_test, cue=cue)
    for rate in RATES:
        least = fpr_at_tpr_error(y_test, best, tpr=rate)
        assert fpr_at_tpr_error(y_test, learnt, tpr=rate) >= least
        assert fpr_at_tpr_error(y_test, fitted, tpr=rate) >= least
    if cue != "linear":
        # A random order of the hidden positives: 3 of 4 of them above a share of 3 in 4.
        assert fpr_at_tpr_error(y_test, fitted, tpr=0.95) > 0.7
        assert fpr_at_tpr_error(y_test, best, tpr=0.95) < 0.2
        # The right features come close: the best score is within reach.
        assert fpr_at_tpr_error(y_test, learnt, tpr=0.95) < 0.35
    # Whoever needs only most of the positives does without the cue.
    easy_only = X_test[:, :3].sum(axis=1)
    assert fpr_at_tpr_error(y_test, easy_only, tpr=0.75) < 0.01


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"cue": "cubic"}, r"'cue' parameter of make_hidden_positives must be a str among"),
        ({"pos_rate": 0}, r"'pos_rate' parameter .* float in the range \(0.0, 1.0\). Got 0 "),
        ({"hidden_frac": -0.1}, r"'hidden_frac' parameter .* float in the range \[0.0, 1.0\)"),
        ({"plain_frac": 1.0}, r"'plain_frac' parameter .* float in the range \[0.0, 1.0\)"),
        (
            {"hidden_frac": 0.6, "plain_frac": 0.5},
            r"'hidden_frac' and 'plain_frac' parameters of make_hidden_positives must sum to at "
            r"most 1.0. Got 0.6 \+ 0.5",
        ),
        ({"easy": -1}, r"'easy' parameter .* float in the range \[0.0, 1e\+18\]. Got -1"),
        ({"sep": np.inf}, r"'sep' parameter .* Got inf"),
        ({"n_samples": 15}, r"'n_samples' parameter .* int in the range \[16, inf\). Got 15"),
        ({"n_features": 6}, r"'n_features' parameter .* int in the range \[7, inf\). Got 6"),
        ({"random_state": "seed"}, r"'random_state' parameter"),
        ({"return_roles": "yes"}, r"'return_roles' parameter"),
    ],
)
def test_generator_refuses(parameters, message):
    with pytest.raises(ValueError, match=message):
        make_hidden_positives(**{"n_samples": 100, **parameters})


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"cue": "cubic"}, r"'cue' parameter of bayes_hidden_positives_score must be a str among"),
        ({"pos_rate": 1.0}, r"'pos_rate' parameter of bayes_hidden_positives_score"),
        ({"hidden_frac": 1.0}, r"'hidden_frac' parameter of bayes_hidden_positives_score"),
        ({"hidden_frac": 0.6, "plain_frac": 0.6}, r"of bayes_hidden_positives_score must sum to"),
        ({"X": np.zeros((3, 6))}, r"6 feature\(s\).*7 is required by bayes_hidden_positives_score"),
        ({"X": np.full((3, 7), np.nan)}, r"Input X contains NaN"),
        ({"X": np.full((3, 7), 1e300)}, r"1e\+300, and make_hidden_positives makes none above"),
    ],
)
def test_bayes_score_refuses(parameters, message):
    with pytest.raises(ValueError, match=message):
        bayes_hidden_positives_score(**{"X": np.zeros((3, 7)), **parameters})


def test_a_table_that_no_machine_holds_is_refused_at_once():
    with pytest.raises(ValueError, match="make_hidden_positives cannot hold a table of n_samples"):
        make_hidden_positives(10**12)
