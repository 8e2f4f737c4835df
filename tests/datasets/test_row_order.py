"""The order of generated rows has nothing to do with a split by the same seed."""

import hashlib

import numpy as np
import pytest
from scipy.stats import hypergeom
from sklearn.model_selection import KFold, train_test_split

from skbudget.datasets import (
    ContestedTopTransformer,
    draw_roles,
    make_contested_top,
    make_hard_bulk,
    make_hidden_positives,
)

N_ROWS = 4_000


def of_contested_top(seed):
    return make_contested_top(N_ROWS, pos_rate=0.05, decoy_frac=0.05, random_state=seed)[1]


def of_contested_roles(seed):
    options = {"pos_rate": 0.05, "decoy_frac": 0.05, "confounder_frac": 0.1}
    return make_contested_top(N_ROWS, random_state=seed, return_roles=True, **options)[2] == 2


def of_confounders(seed):
    options = {"pos_rate": 0.05, "decoy_frac": 0.05, "confounder_frac": 0.1}
    return make_contested_top(N_ROWS, random_state=seed, return_roles=True, **options)[2] == 3


def of_hidden(seed):
    options = {"pos_rate": 0.2, "hidden_frac": 0.3, "plain_frac": 0.1}
    return make_hidden_positives(N_ROWS, random_state=seed, return_roles=True, **options)[2] == 2


def of_hard_bulk(seed):
    return make_hard_bulk(N_ROWS, pos_rate=0.05, random_state=seed)[1]


def of_flipped_labels(seed):
    _, y, roles = make_hard_bulk(
        N_ROWS, pos_rate=0.05, flip_y=0.5, random_state=seed, return_roles=True
    )
    return y != (roles == 1)


def of_bulk_decoys(seed):
    return make_hard_bulk(N_ROWS, decoy_frac=0.1, random_state=seed, return_roles=True)[2] == 2


def of_drawn_roles(seed):
    y = np.zeros(N_ROWS)
    y[:2] = 1.0
    return draw_roles(y, decoy_frac=0.05, random_state=seed) == 2


def of_signs(seed):
    """Rows whose cue is negative, of a table in which every row has the cue."""
    rows = np.random.default_rng(0).normal(size=(N_ROWS, 8))
    rows[:, 7] = 3
    contest = ContestedTopTransformer(role_column=7, scale=None, random_state=seed)
    return contest.fit_transform(rows)[:, 5] < rows[:, 5]


DRAWN = [
    of_contested_top,
    of_contested_roles,
    of_confounders,
    of_hidden,
    of_hard_bulk,
    of_flipped_labels,
    of_bulk_decoys,
    of_drawn_roles,
    of_signs,
]


@pytest.mark.parametrize("drawn", DRAWN)
def test_a_split_with_the_seed_of_the_table_has_its_share_in_either_part(drawn):
    """Each of 20 seeds and four splits is within limits that hold in all but 1e-7 of draws."""
    above = []
    for seed in range(20):
        chosen = np.asarray(drawn(seed)).astype(bool)
        rows = np.arange(N_ROWS)
        parts = [
            train_test_split(rows, test_size=share, random_state=seed)[0]
            for share in (0.2, 0.25, 0.5)
        ]
        folds = KFold(5, shuffle=True, random_state=seed)
        parts.append(next(folds.split(rows))[0])
        for train in parts:
            law = hypergeom(N_ROWS, chosen.sum(), train.size)
            assert law.ppf(1e-7) <= chosen[train].sum() <= law.isf(1e-7)
        above.append(chosen[parts[1]].mean() - chosen.mean())
    # On average over the seeds the share is the same in both parts.
    assert abs(np.mean(above)) < 5 * np.std(above) / np.sqrt(20)


def hashed(X, y, roles):
    table = np.column_stack([X.astype(np.float64), y, roles])
    table = table[np.lexsort(table.T[::-1])]
    return hashlib.sha256(np.ascontiguousarray(table).tobytes()).hexdigest()[:16]


@pytest.mark.parametrize(
    ("make", "parameters", "expected"),
    [
        (make_contested_top, {}, "ce63f69028653ba1"),
        (
            make_contested_top,
            {"cue": "radial", "confounder_frac": 0.05, "n_features": 8},
            "cc474c1bfbdecff4",
        ),
        (make_contested_top, {"cue": "linear", "pos_rate": 0.3}, "8953bf91b3e34377"),
        (make_hard_bulk, {}, "7b73fec7b5aa44a4"),
        (make_hard_bulk, {"decoy_frac": 0.1, "flip_y": 0.2, "n_noise": 3}, "b39964356495cbd8"),
    ],
)
def test_the_set_of_rows_is_the_one_that_it_was_before_they_were_shuffled(
    make, parameters, expected
):
    table = make(3_000, random_state=3, return_roles=True, **parameters)
    assert hashed(*table) == expected


def test_roles_go_with_their_rows():
    X, y, roles = make_contested_top(
        20_000, pos_rate=0.05, decoy_frac=0.1, cue="linear", random_state=0, return_roles=True
    )
    np.testing.assert_array_equal(roles == 1, y == 1)
    means = [X[roles == role].mean(axis=0) for role in (0, 1, 2)]
    np.testing.assert_allclose([mean[:3].mean() for mean in means], [0, 2.5, 2.5], atol=0.1)
    np.testing.assert_allclose([mean[5:7].mean() for mean in means], [0, 1.7, 0], atol=0.1)
