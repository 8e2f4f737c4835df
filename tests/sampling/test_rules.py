"""Rules that include and exclude negatives, against brute force."""

import itertools

import numpy as np
import pytest

from skbudget.sampling import (
    eligible_negatives,
    sample_stratified,
    shown_above_positive,
    within_hops,
)

# --- what was shown -----------------------------------------------------------------------


@pytest.mark.parametrize("min_times", [1, 2, 3])
@pytest.mark.parametrize("seed", range(3))
def test_rows_above_the_lowest_positive(seed, min_times):
    rng = np.random.default_rng(seed)
    n = 200
    query, position = rng.integers(0, 30, n), rng.integers(0, 10, n)
    y, pair = (rng.random(n) < 0.15).astype(int), rng.integers(0, 12, n)
    above = [
        not y[i]
        and any(y[j] and query[j] == query[i] and position[j] > position[i] for j in range(n))
        for i in range(n)
    ]
    expected = [
        above[i] and sum(above[j] for j in range(n) if pair[j] == pair[i]) >= min_times
        for i in range(n)
    ]
    found = shown_above_positive(y, query, position, repeated=pair, min_times=min_times)
    np.testing.assert_array_equal(found, expected)
    if min_times == 1:
        np.testing.assert_array_equal(found, shown_above_positive(y, query, position))


def test_a_list_without_positives_says_nothing():
    found = shown_above_positive([0, 0, 0, 1], ["a", "a", "b", "b"], [1, 2, 1, 2])
    assert found.tolist() == [False, False, True, False]


# --- the graph ------------------------------------------------------------------------------


def distances(left, right, edge):
    """Return the hops between the ends of each row, by breadth-first search."""
    near = {}
    for one, other in itertools.compress(zip(left, right), edge):
        near.setdefault(("l", one), set()).add(("r", other))
        near.setdefault(("r", other), set()).add(("l", one))
    found = []
    for one, other in zip(left, right):
        at, seen, hops = {("l", one)}, {("l", one)}, 0
        while at and ("r", other) not in seen:
            at = {node for start in at for node in near.get(start, ())} - seen
            seen |= at
            hops += 1
        found.append(hops if ("r", other) in seen else np.inf)
    return np.array(found)


@pytest.mark.parametrize("hops", [1, 2, 3, 4, 5, 7, 999])
def test_hops_are_those_of_a_search(hops):
    rng = np.random.default_rng(0)
    # More left ends than are grown at once.
    left, right = rng.integers(0, 700, 1500), rng.integers(0, 600, 1500)
    edge = rng.random(1500) < 0.4
    found = within_hops(left, right, edge, hops=hops)
    far = distances(left.tolist(), right.tolist(), edge)
    np.testing.assert_array_equal(found, far <= hops)
    assert found[edge].all()
    if hops > 2:
        assert found[~edge].any()
        assert not found.all()


def test_no_interactions_reach_nothing():
    assert not within_hops(["a", "b"], ["x", "y"], [False, False]).any()


# --- together ---------------------------------------------------------------------------------


def test_rules_include_and_exclude():
    y = np.array([0, 0, 0, 0, 0, 1])
    mask = {
        "explicit": np.array([1, 0, 0, 0, 0, 1], dtype=bool),
        "shown": np.array([0, 1, 1, 1, 0, 1], dtype=bool),
        "near": np.array([1, 0, 1, 0, 0, 0], dtype=bool),
    }
    engagement = np.array([90.0, 30.0, 0.0, 31.0, 0.0, 0.0])
    assert eligible_negatives(y).tolist() == [True] * 5 + [False]
    found = eligible_negatives(y, engagement=engagement, **mask)
    assert found.tolist() == [True, True, False, False, False, False]
    found = eligible_negatives(y, engagement=engagement, max_engagement=31)
    assert found.tolist() == [False, True, True, True, True, False]
    assert eligible_negatives(y, near=mask["near"]).tolist() == [False, True, False, True, True] + [
        False
    ]
    assert eligible_negatives(y, explicit=mask["explicit"]).tolist() == [True] + [False] * 5


def test_a_rule_as_strata_keeps_the_population():
    y = np.repeat([0, 1], [1000, 10])
    good = eligible_negatives(y, shown=np.arange(1010) < 200)
    chosen = sample_stratified(y, good, rates={True: 1.0, False: 0.05}, random_state=0)
    assert chosen.sample_weight.sum() == pytest.approx(1010)
    assert good[chosen.rows].sum() == 200


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: eligible_negatives([0, 1], shown=[1, 0]), "shown must be a boolean array"),
        (lambda: eligible_negatives([0, 1], engagement=[1.0]), "engagement must have one entry"),
        (
            lambda: eligible_negatives([0, 1], max_engagement=None),
            "'max_engagement' parameter of eligible_negatives",
        ),
        (lambda: shown_above_positive([0, 1], [1, 1], [1]), "position must have one entry"),
        (lambda: shown_above_positive([0, 1], [1], [1, 2]), "query must have one entry"),
        (lambda: shown_above_positive([0, 1], [1, 1], [1, 2], min_times=2), "needs repeated"),
        (lambda: within_hops([1, 2], [1], [True, True]), "right must have one entry"),
        (lambda: within_hops([1, 2], [1, 2], [1, 2]), "interacted must be a boolean array"),
        (lambda: within_hops([1], [1], [True], hops=0), "'hops' parameter of within_hops"),
        (lambda: within_hops([], [], []), "left is empty"),
    ],
)
def test_errors_name_what_is_wrong(call, words):
    with pytest.raises(ValueError, match=words):
        call()
