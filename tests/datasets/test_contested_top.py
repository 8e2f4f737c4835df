"""The generator's counts and moments, and the score that no other can beat."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import multivariate_normal, norm
from sklearn.linear_model import LogisticRegression

from skbudget.datasets import bayes_contested_top_score, draw_roles, make_contested_top

CUES = ("linear", "product", "radial")
CROWDED = {"pos_rate": 0.3, "decoy_frac": 0.3, "confounder_frac": 0.3}


def coverage(y, score, budget):
    """Share of positives in the top ceil(budget * n) rows; no ties expected."""
    top = np.argpartition(-score, int(np.ceil(budget * y.size)) - 1)
    return y[top[: int(np.ceil(budget * y.size))]].sum() / y.sum()


@pytest.mark.parametrize(
    ("n_samples", "pos_rate", "expected"),
    [
        (150_000, 0.0015, 225),
        (2_000, 0.0015, 8),
        (16, 0.5, 8),
        (100, 0.999, 92),
        (1_000, 0.25, 250),
    ],
)
def test_number_of_positives_is_exact(n_samples, pos_rate, expected):
    _, y = make_contested_top(n_samples, pos_rate=pos_rate, random_state=0)
    assert y.sum() == expected
    assert set(np.unique(y)) == {0, 1}


def test_roles_are_counted_exactly_and_placed_at_random():
    X, y, roles = make_contested_top(
        100_000, confounder_frac=0.05, random_state=3, return_roles=True
    )
    n_neg = 100_000 - 150
    assert np.bincount(roles).tolist() == [n_neg - 1198 - 4992, 150, 1198, 4992]
    np.testing.assert_array_equal(roles == 1, y == 1)
    for role in (1, 2, 3):
        rows = np.flatnonzero(roles == role)
        # Mean of a uniform draw from the rows, within 4 standard errors.
        assert abs(rows.mean() / 1e5 - 0.5) < 4 / np.sqrt(12 * rows.size)
    assert X.shape == (100_000, 20)
    assert (X.dtype, y.dtype, roles.dtype) == (np.float32, np.int64, np.int8)


@pytest.mark.parametrize("cue", CUES)
def test_moments_of_every_role_and_feature(cue):
    easy, sep = 2.0, 1.5
    X, _, roles = make_contested_top(
        40_000, cue=cue, easy=easy, sep=sep, n_features=9, random_state=1, return_roles=True,
        **CROWDED,
    )  # fmt: skip
    for role in range(4):
        rows = X[roles == role].astype(float)
        has_easy, has_cue = role in (1, 2), role in (1, 3)
        mean, second = np.zeros(9), np.ones(9)
        mean[:3] += easy * has_easy
        mean[5:7] += sep * (has_cue and cue == "linear")
        second[5:7] += sep**2 * has_cue
        second[:3] += easy**2 * has_easy
        tolerance = 5 / np.sqrt(len(rows))
        np.testing.assert_allclose(rows.mean(axis=0), mean, atol=2 * tolerance)
        np.testing.assert_allclose((rows**2).mean(axis=0), second, atol=4 * tolerance)
        # What tells the three cues apart: do the two features go together?
        together = sep**2 * has_cue * (cue != "radial")
        assert abs((rows[:, 5] * rows[:, 6]).mean() - together) < 4 * tolerance


def test_decoys_differ_from_positives_by_the_cue_alone():
    X, _, roles = make_contested_top(
        20_000, sep=0, random_state=0, return_roles=True, **CROWDED
    )  # fmt: skip
    positives, decoys = X[roles == 1].mean(axis=0), X[roles == 2].mean(axis=0)
    np.testing.assert_allclose(positives, decoys, atol=0.12)


def test_tables_of_one_seed_differ_by_the_signal_only():
    base, y, roles = make_contested_top(
        5_000, easy=0, sep=0, confounder_frac=0.1, random_state=7, return_roles=True
    )
    for cue in CUES:
        X, y_cue, roles_cue = make_contested_top(
            5_000, cue=cue, confounder_frac=0.1, random_state=7, return_roles=True
        )
        np.testing.assert_array_equal(y, y_cue)
        np.testing.assert_array_equal(roles, roles_cue)
        shift = X.astype(float) - base
        np.testing.assert_array_equal(shift[roles == 0], 0)
        np.testing.assert_array_equal(shift[:, [3, 4, *range(7, 20)]], 0)
        np.testing.assert_allclose(shift[np.isin(roles, [1, 2]), :3], 2.5, atol=1e-5)
        np.testing.assert_allclose(np.abs(shift[np.isin(roles, [1, 3]), 5:7]), 1.7, atol=1e-5)
        np.testing.assert_array_equal(shift[roles == 2, 5:7], 0)


def test_seeds():
    first, again, other = (make_contested_top(500, random_state=s)[0] for s in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    generator = np.random.RandomState(0)
    np.testing.assert_array_equal(make_contested_top(500, random_state=generator)[0], first)
    assert not np.array_equal(make_contested_top(500, random_state=generator)[0], first)
    np.random.seed(0)  # noqa: NPY002
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    make_contested_top(500, random_state=0)
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


def density(X, centre):
    """Density of rows normal around a centre, from its first seven features."""
    return multivariate_normal(centre).pdf(X[:, :7])


@pytest.mark.parametrize("cue", CUES)
@pytest.mark.parametrize(("decoy_frac", "confounder_frac"), [(0.012, 0.0), (0.1, 0.2), (0, 0)])
def test_bayes_score_is_the_log_ratio_of_densities(cue, decoy_frac, confounder_frac):
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

    negative = (
        (1 - decoy_frac - confounder_frac) * density(X, [0] * 7)
        + decoy_frac * density(X, [easy] * 3 + [0] * 4)
        + confounder_frac * cued(False)
    )
    ratio = np.log(cued(True)) - np.log(negative)
    parameters = {
        "cue": cue, "decoy_frac": decoy_frac, "confounder_frac": confounder_frac,
        "easy": easy, "sep": sep,
    }  # fmt: skip
    np.testing.assert_allclose(bayes_contested_top_score(X, **parameters), ratio, rtol=1e-9)
    odds = bayes_contested_top_score(X, pos_rate=0.2, **parameters)
    np.testing.assert_allclose(odds, ratio + np.log(0.25), rtol=1e-9)


@pytest.mark.parametrize("cue", CUES)
def test_bayes_score_is_finite_far_out(cue):
    X = np.random.RandomState(0).choice([-1e4, -1.0, 0.0, 1e4], size=(200, 7))
    assert np.isfinite(bayes_contested_top_score(X, cue=cue, confounder_frac=0.1)).all()
    # Far along the easy features every negative is a decoy: the easy signal cancels.
    far = np.array([[1e4, 1e4, 1e4, 0, 0, 1.0, 1.0]])
    expected = bayes_contested_top_score(far, easy=0, decoy_frac=0, cue=cue) - np.log(0.012)
    np.testing.assert_allclose(bayes_contested_top_score(far, cue=cue), expected)


def test_without_any_signal_the_score_is_flat():
    X = np.random.RandomState(0).normal(size=(10, 7))
    score = bayes_contested_top_score(X, easy=0, sep=0, decoy_frac=0.3, confounder_frac=0.2)
    np.testing.assert_allclose(score, 0, atol=1e-12)


@pytest.mark.parametrize("cue", CUES)
def test_posterior_odds_are_calibrated(cue):
    X, y = make_contested_top(100_000, cue=cue, random_state=0, **CROWDED)
    probability = expit(bayes_contested_top_score(X, cue=cue, **CROWDED))
    for low in np.arange(0, 1, 0.2):
        inside = (probability >= low) & (probability < low + 0.2)
        expected, variance = probability[inside].sum(), (probability * (1 - probability))[inside]
        assert abs(y[inside].sum() - expected) < 4 * np.sqrt(variance.sum())


@pytest.mark.parametrize(
    ("cue", "at_50_bps", "at_100_bps"),
    [("linear", 0.936, 0.978), ("product", 0.869, 0.947), ("radial", 0.829, 0.929)],
)
def test_ceilings_of_the_headline_geometry(cue, at_50_bps, at_100_bps):
    reached = []
    for seed in range(4):
        X, y = make_contested_top(300_000, cue=cue, random_state=seed)
        score = bayes_contested_top_score(X, cue=cue)
        reached.append([coverage(y, score, 0.005), coverage(y, score, 0.01)])
    # A table's coverage has a standard deviation of about 0.016.
    np.testing.assert_allclose(np.mean(reached, axis=0), [at_50_bps, at_100_bps], atol=0.025)


@pytest.mark.parametrize("cue", CUES)
@pytest.mark.parametrize("confounder_frac", [0.0, 0.05])
def test_no_other_score_beats_the_ceiling(cue, confounder_frac):
    parameters = {"cue": cue, "pos_rate": 0.01, "confounder_frac": confounder_frac}
    X, y = make_contested_top(60_000, random_state=0, **parameters)
    X_test, y_test = make_contested_top(150_000, random_state=1, **parameters)

    def expand(X):
        """Easy signal, both cue features and the statistics the cues live in."""
        a, b = X[:, 5], X[:, 6]
        cue_parts = [a, b, a * b, a**2, b**2, np.abs(a + b), np.abs(a) + np.abs(b)]
        easy = X[:, :3].sum(axis=1)
        return np.column_stack([easy, np.maximum(easy - 4, 0), *cue_parts])

    model = LogisticRegression(C=1e3, max_iter=2_000).fit(expand(X), y)
    learnt = model.decision_function(expand(X_test))
    best = bayes_contested_top_score(X_test, **parameters)
    easy_only = X_test[:, :3].sum(axis=1)
    without_confounders = bayes_contested_top_score(X_test, cue=cue)
    other_cue = bayes_contested_top_score(
        X_test, cue="product" if cue == "linear" else "linear", confounder_frac=confounder_frac
    )
    for budget in (0.005, 0.01, 0.02):
        ceiling = coverage(y_test, best, budget)
        assert coverage(y_test, learnt, budget) <= ceiling
        assert coverage(y_test, other_cue, budget) <= ceiling
        assert coverage(y_test, easy_only, budget) < ceiling - 0.05
        blind_to_confounders = coverage(y_test, without_confounders, budget)
        assert (
            blind_to_confounders < ceiling if confounder_frac else blind_to_confounders == ceiling
        )
    ceiling = coverage(y_test, best, 0.01)
    assert coverage(y_test, easy_only, 0.01) < ceiling - 0.2
    assert coverage(y_test, other_cue, 0.01) < ceiling - 0.03
    # The right features come close: the ceiling is within reach, not only above.
    assert coverage(y_test, learnt, 0.01) > ceiling - 0.05


def test_ceiling_without_cue_or_decoys_has_a_closed_form():
    """Easy features alone: two normals, a distance of sqrt(3) * easy apart."""
    X, y = make_contested_top(200_000, sep=0, decoy_frac=0, easy=0.5, pos_rate=0.05, random_state=0)
    score = bayes_contested_top_score(X, sep=0, decoy_frac=0, easy=0.5)
    threshold = np.quantile(score[y == 0], 0.99)
    expected = norm.sf(norm.isf(0.01) - 0.5 * np.sqrt(3))
    assert abs((score[y == 1] > threshold).mean() - expected) < 0.01


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"cue": "cubic"}, r"'cue' parameter of make_contested_top must be a str among"),
        ({"pos_rate": 0}, r"'pos_rate' parameter .* float in the range \(0.0, 1.0\). Got 0 "),
        ({"pos_rate": 1.0}, r"'pos_rate' parameter .* float in the range \(0.0, 1.0\)"),
        ({"decoy_frac": -0.1}, r"'decoy_frac' parameter .* float in the range \[0.0, 1.0\)"),
        ({"decoy_frac": 1.0}, r"'decoy_frac' parameter .* float in the range \[0.0, 1.0\)"),
        ({"confounder_frac": 1.5}, r"'confounder_frac' parameter .* range \[0.0, 1.0\)"),
        ({"decoy_frac": 0.5, "confounder_frac": 0.5}, r"must sum to less than 1.0. Got 0.5 \+ 0.5"),
        ({"easy": -1}, r"'easy' parameter .* float in the range \[0.0, 1e\+18\]. Got -1"),
        ({"sep": -0.5}, r"'sep' parameter .* float in the range \[0.0, 1e\+18\]. Got -0.5"),
        ({"sep": np.inf}, r"'sep' parameter .* Got inf"),
        ({"sep": "big"}, r"'sep' parameter .* Got 'big'"),
        ({"n_samples": 15}, r"'n_samples' parameter .* int in the range \[16, inf\). Got 15"),
        ({"n_samples": 1e3}, r"'n_samples' parameter .* int in the range \[16, inf\)"),
        ({"n_features": 6}, r"'n_features' parameter .* int in the range \[7, inf\). Got 6"),
        ({"random_state": "seed"}, r"'random_state' parameter"),
        ({"return_roles": "yes"}, r"'return_roles' parameter"),
    ],
)
def test_generator_refuses(parameters, message):
    with pytest.raises(ValueError, match=message):
        make_contested_top(**{"n_samples": 100, **parameters})


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"cue": "cubic"}, r"'cue' parameter of bayes_contested_top_score must be a str among"),
        ({"pos_rate": 1.0}, r"'pos_rate' parameter of bayes_contested_top_score"),
        ({"decoy_frac": 1.0}, r"'decoy_frac' parameter of bayes_contested_top_score"),
        ({"confounder_frac": -0.1}, r"'confounder_frac' parameter of bayes_contested_top_score"),
        ({"decoy_frac": 0.6, "confounder_frac": 0.6}, r"of bayes_contested_top_score must sum to"),
        ({"easy": -1}, r"'easy' parameter of bayes_contested_top_score"),
        ({"sep": -1}, r"'sep' parameter of bayes_contested_top_score"),
        ({"X": np.zeros((3, 6))}, r"6 feature\(s\).*minimum of 7 is required"),
        ({"X": np.full((3, 7), np.nan)}, r"Input X contains NaN"),
        ({"X": np.zeros(7)}, r"Expected 2D array, got 1D array"),
    ],
)
def test_bayes_score_refuses(parameters, message):
    with pytest.raises(ValueError, match=message):
        bayes_contested_top_score(**{"X": np.zeros((3, 7)), **parameters})


def test_draw_roles_counts_rounding_and_labels():
    y = np.repeat([-1, 1], [1000, 10])
    roles = draw_roles(y, decoy_frac=0.3, confounder_frac=0.2, random_state=0)
    assert np.bincount(roles).tolist() == [500, 10, 300, 200]
    np.testing.assert_array_equal(roles == 1, y == 1)
    named = draw_roles(np.where(y == 1, "fraud", "ok"), pos_label="fraud", random_state=0)
    assert np.bincount(named).tolist() == [988, 10, 12]
    # Both shares round up here, to one negative more than there are.
    tight = draw_roles([0] * 5 + [1], decoy_frac=0.3, confounder_frac=0.699, random_state=0)
    assert np.bincount(tight).tolist() == [0, 1, 2, 3]
    assert draw_roles([0, 1, 0], decoy_frac=0).tolist() == [0, 1, 0]


def test_draw_roles_takes_the_rarer_of_two_strings():
    y = np.where(np.arange(100) % 20 == 0, "fraud", "ok")
    wanted = draw_roles(y, pos_label="fraud", random_state=0)
    with pytest.warns(UserWarning, match="pos_label is not given.*'fraud'") as told:
        found = draw_roles(y, random_state=0)
    assert told[0].filename == __file__
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(found == 1, y == "fraud")


def test_draw_roles_seeds():
    y = np.arange(1000) % 50 == 0
    first, again, other = (draw_roles(y, decoy_frac=0.2, random_state=s) for s in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(
    ("y", "parameters", "message"),
    [
        ([0, 1], {"decoy_frac": 1.0}, r"'decoy_frac' parameter of draw_roles must be a float"),
        ([0, 1], {"confounder_frac": -1.0}, r"'confounder_frac' parameter of draw_roles"),
        ([0, 1], {"decoy_frac": 0.9, "confounder_frac": 0.1}, r"of draw_roles must sum to less"),
        ([0, 1, 2], {}, r"Only binary classification is supported by draw_roles"),
        ([0, 0], {}, r"draw_roles needs two classes"),
        ([0, 1], {"pos_label": 7}, r"'pos_label' parameter of draw_roles must be one of"),
    ],
)
def test_draw_roles_refuses(y, parameters, message):
    with pytest.raises(ValueError, match=message):
        draw_roles(y, **parameters)
