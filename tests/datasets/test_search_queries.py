"""Queries with graded rows: their structure, and that nothing ranks better than their score."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from skbudget.datasets import bayes_search_queries_score, make_search_queries
from skbudget.datasets._search_queries import _grade, _relevance
from skbudget.metrics import group_coverage_score, ndcg_at_k_score


def test_it_has_the_structure_of_a_learning_to_rank_table():
    X, y, query, position = make_search_queries(
        400, rows_per_query=30, relevant_rate=0.1, random_state=0, return_position=True
    )
    assert X.shape == (y.size, 20)
    assert X.dtype == np.float32
    n_rows = np.bincount(query)
    assert (np.diff(query) >= 0).all()
    assert n_rows.min() >= 15
    assert n_rows.max() <= 45
    assert abs(n_rows.mean() - 30) < 1.5
    shares = np.bincount(y, minlength=5) / y.size
    assert shares == pytest.approx([0.9, 0.05, 0.025, 0.0125, 0.0125], abs=0.001)
    for number in (0, 7, 399):
        mask = query == number
        assert sorted(position[mask]) == list(range(1, mask.sum() + 1))
        # What describes the query is the same for all of its rows.
        assert np.ptp(X[mask, :2], axis=0).max() == 0
    # Rows that were shown early are better, and far from best.
    old, best = (
        ndcg_at_k_score(y, score, k=10, group=query)
        for score in (-position, bayes_search_queries_score(X))
    )
    assert old + 0.1 < best


def test_queries_differ_in_how_many_rows_are_relevant():
    spreads = []
    for spread in (0.0, 2.0):
        _, y, query = make_search_queries(400, query_spread=spread, random_state=1)
        spreads.append(np.std(np.bincount(query, y > 0) / np.bincount(query)))
    assert spreads[1] > 2 * spreads[0]


def test_the_score_undoes_what_queries_do_to_matches():
    X, _, _ = make_search_queries(50, random_state=2)
    score = bayes_search_queries_score(X.astype(np.float64))
    # The same rows in other queries: other matches, the same relevance.
    length, rarity = X[:, 0].astype(float), X[:, 1].astype(float)
    stretch = np.exp(0.4 * rarity)
    title, body = ((X[:, one] - 2.0 * length) / stretch for one in (2, 3))
    assert score == pytest.approx(_relevance(title, body, *X[:, 4:7].T.astype(float)), abs=1e-6)
    moved = X.astype(np.float64)
    moved[:, 0], moved[:, 1] = 1.0, -0.5
    moved[:, 2], moved[:, 3] = (2.0 + np.exp(-0.2) * one for one in (title, body))
    assert bayes_search_queries_score(moved) == pytest.approx(score, abs=1e-4)


def test_no_other_score_is_better_in_expectation():
    seed = 0
    X, y, query = make_search_queries(600, random_state=seed)
    best = bayes_search_queries_score(X)
    rng = np.random.default_rng(seed)
    others = [
        best + rng.normal(size=best.size),
        X[:, 2],
        LinearRegression().fit(X, y).predict(X),
    ]
    for gain in ("exponential", "linear"):
        top = ndcg_at_k_score(y, best, k=10, group=query, gain=gain)
        assert all(ndcg_at_k_score(y, one, k=10, group=query, gain=gain) < top for one in others)
    for grade in (1, 2, 3):
        top = group_coverage_score(y, best, k=10, group=query, min_grade=grade)
        for one in others:
            assert group_coverage_score(y, one, k=10, group=query, min_grade=grade) < top


def test_any_table_has_every_grade():
    assert sorted(_grade(np.arange(6.0), 1e-9)) == [0, 0, 1, 2, 3, 4]
    _, y, _ = make_search_queries(2, rows_per_query=8, relevant_rate=1e-6, random_state=0)
    assert set(y) == set(range(5))


@pytest.mark.parametrize(
    "given",
    [
        {"n_queries": 1},
        {"rows_per_query": 1.5},
        {"relevant_rate": 0.0},
        {"query_spread": -1.0},
        {"n_features": 6},
        {"n_queries": 2**40},
    ],
    ids=str,
)
def test_parameters_out_of_range_are_named(given):
    with pytest.raises(ValueError, match=next(iter(given))):
        make_search_queries(**given)


def test_rows_of_another_table_are_refused():
    with pytest.raises(ValueError, match="at least 7 columns"):
        bayes_search_queries_score(np.zeros((4, 6)))
    with pytest.raises(ValueError, match="X has entries as large as"):
        bayes_search_queries_score(np.full((4, 7), 1e7))
