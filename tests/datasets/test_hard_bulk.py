"""Counts, moments and exchanged labels of the hard bulk."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from skbudget.datasets import make_hard_bulk


def test_defaults():
    X, y = make_hard_bulk(random_state=0)
    assert X.shape == (100_000, 31)
    assert (X.dtype, y.dtype) == (np.float32, np.int64)
    assert y.sum() == 500


@pytest.mark.parametrize(
    ("n_samples", "pos_rate", "expected"), [(1_000, 0.005, 8), (16, 0.9, 8), (1_000, 0.3, 300)]
)
def test_number_of_positives(n_samples, pos_rate, expected):
    assert make_hard_bulk(n_samples, pos_rate=pos_rate, random_state=0)[1].sum() == expected


def test_moments_of_every_role_and_feature():
    X, y, roles = make_hard_bulk(
        60_000, pos_rate=0.3, decoy_frac=0.4, mu_bulk=0.5, mu_contest=0.7,
        n_bulk=2, n_contest=3, n_noise=2, random_state=0, return_roles=True,
    )  # fmt: skip
    assert np.bincount(roles).tolist() == [25_200, 18_000, 16_800]
    np.testing.assert_array_equal(roles == 1, y == 1)
    expected = {
        0: [-0.5] * 2 + [-0.7] * 3 + [0] * 2,
        1: [0.5] * 2 + [0.7] * 3 + [0] * 2,
        2: [0.5] * 2 + [-0.7] * 3 + [0] * 2,
    }
    for role, mean in expected.items():
        rows = X[roles == role]
        np.testing.assert_allclose(rows.mean(axis=0), mean, atol=4.5 / np.sqrt(len(rows)))
        np.testing.assert_allclose(np.cov(rows.T), np.eye(7), atol=7 / np.sqrt(len(rows)))


def test_rows_are_in_random_order():
    _, y, roles = make_hard_bulk(20_000, decoy_frac=0.1, random_state=0, return_roles=True)
    for rows in (np.flatnonzero(y), np.flatnonzero(roles == 2)):
        assert abs(rows.mean() / 20_000 - 0.5) < 4 / np.sqrt(12 * rows.size)


def test_best_ranking_is_the_linear_one_and_has_a_known_auc():
    """Without decoys the classes are two normals 2 * mu apart in each feature."""
    X, y = make_hard_bulk(100_000, pos_rate=0.1, random_state=0)
    score = X[:, :4].sum(axis=1) * 0.3 + X[:, 4:7].sum(axis=1) * 0.4
    distance = 2 * np.sqrt(4 * 0.3**2 + 3 * 0.4**2)
    assert abs(roc_auc_score(y, score) - norm.cdf(distance / np.sqrt(2))) < 0.005


@pytest.mark.parametrize(("flip_y", "exchanged"), [(0, 0), (0.1, 30), (0.5, 150), (1.0, 300)])
def test_flip_y_exchanges_labels_and_keeps_the_rate(flip_y, exchanged):
    X, y, roles = make_hard_bulk(
        30_000, pos_rate=0.01, decoy_frac=0.2, flip_y=flip_y, random_state=0, return_roles=True
    )
    truth = roles == 1
    assert y.sum() == truth.sum() == 300
    assert (truth & (y == 0)).sum() == (~truth & (y == 1)).sum() == exchanged
    clean, _ = make_hard_bulk(30_000, pos_rate=0.01, decoy_frac=0.2, random_state=0)
    np.testing.assert_array_equal(X, clean)


def test_flip_y_when_negatives_are_the_rare_ones():
    _, y = make_hard_bulk(100, pos_rate=0.9, flip_y=1.0, random_state=0)
    assert y.sum() == 90


def test_seeds():
    first, again, other = (make_hard_bulk(500, flip_y=0.1, random_state=s) for s in (0, 0, 1))
    for a, b in zip(first, again):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(first[0], other[0])


@pytest.mark.parametrize("kind", ["n_bulk", "n_contest", "n_noise"])
def test_one_kind_of_feature_is_enough(kind):
    only = {"n_bulk": 0, "n_contest": 0, "n_noise": 0, kind: 2}
    assert make_hard_bulk(100, random_state=0, **only)[0].shape == (100, 2)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_samples": 15}, r"'n_samples' parameter of make_hard_bulk .* range \[16, inf\)"),
        ({"pos_rate": 0.0}, r"'pos_rate' parameter of make_hard_bulk .* range \(0.0, 1.0\)"),
        ({"decoy_frac": 1.0}, r"'decoy_frac' parameter of make_hard_bulk .* range \[0.0, 1.0\)"),
        ({"mu_bulk": -0.1}, r"'mu_bulk' parameter of make_hard_bulk .* range \[0.0, 1e\+18\]"),
        (
            {"mu_contest": -0.1},
            r"'mu_contest' parameter of make_hard_bulk .* range \[0.0, 1e\+18\]",
        ),
        ({"n_bulk": -1}, r"'n_bulk' parameter of make_hard_bulk must be an int .* Got -1"),
        ({"n_contest": 1.5}, r"'n_contest' parameter of make_hard_bulk must be an int"),
        ({"n_noise": "many"}, r"'n_noise' parameter of make_hard_bulk must be an int"),
        ({"n_bulk": 0, "n_contest": 0, "n_noise": 0}, r"must sum to at least 1. Got 0"),
        ({"flip_y": 1.1}, r"'flip_y' parameter of make_hard_bulk .* range \[0.0, 1.0\]"),
    ],
)
def test_generator_refuses(parameters, message):
    with pytest.raises(ValueError, match=message):
        make_hard_bulk(**{"n_samples": 100, **parameters})
