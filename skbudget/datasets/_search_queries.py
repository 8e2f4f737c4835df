"""Queries with graded rows, the structure of a learning-to-rank table, and their best score."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit
from sklearn.utils import check_array
from sklearn.utils._param_validation import InvalidParameterError, validate_params

from .._utils.naming import naming
from .._utils.seeds import check_random_state
from ._limits import Within, fitting

__all__ = ["bayes_search_queries_score", "make_search_queries"]

# Columns: two features of the query, two of the match, three of the row, then noise.
LENGTH, RARITY, TITLE, BODY, QUALITY, SPAM, AGE = range(7)
MIN_FEATURES: Final = 7
TOP_GRADE: Final = 4

# Of the rows of a grade or more, this share has the next grade or more.
_NEXT: Final = 0.5

# Entries of rows that the score is a float of.
_GREATEST_ENTRY: Final = 1e6


def _shift(length: NDArray, rarity: NDArray) -> tuple[NDArray, NDArray]:
    """Return by what a query shifts and stretches the matches of its rows."""
    return 2.0 * length, np.exp(0.4 * rarity)


def _relevance(
    title: NDArray, body: NDArray, quality: NDArray, spam: NDArray, age: NDArray
) -> NDArray[np.float64]:
    """Return how relevant rows are, apart from their query: what decides their order."""
    # A row that matches well and is spam looks like a relevant one, and is not.
    trap = 4.0 * expit(4.0 * (spam - 0.8)) * expit(3.0 * title)
    return 1.6 * title + 0.8 * body + 0.9 * title * quality - trap - 0.5 * np.abs(age)


@validate_params(
    {
        "n_queries": [Within(Integral, 2, None, closed="left")],
        "rows_per_query": [Within(Integral, 2, None, closed="left")],
        "relevant_rate": [Within(Real, 0.0, 1.0, closed="neither")],
        "query_spread": [Within(Real, 0.0, 1e6, closed="both")],
        "n_features": [Within(Integral, MIN_FEATURES, None, closed="left")],
        "random_state": ["random_state"],
        "return_position": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def make_search_queries(
    n_queries: int = 1000,
    *,
    rows_per_query: int = 60,
    relevant_rate: float = 0.05,
    query_spread: float = 1.5,
    n_features: int = 20,
    random_state: int | np.random.RandomState | None = None,
    return_position: bool = False,
) -> tuple[NDArray, ...]:
    """Generate queries with graded rows, as in a learning-to-rank table.

    Each query has rows of grades 0 to 4, of which few are relevant. The features:

    ========= ========= =======================================================
    column    of        meaning
    ========= ========= =======================================================
    0         query     its length, which shifts both matches
    1         query     how rare its words are, which stretches both matches
    2, 3      row       matches of title and body, shifted and stretched
    4         row       quality, which counts where the title matches
    5         row       spam, which makes a good match worthless
    6         row       age: the best rows are neither new nor old
    from 7 on row       noise
    ========= ========= =======================================================

    A match says nothing before it is compared with its query. Queries also differ in how
    many of their rows are relevant, and no feature tells. So a loss that compares rows of
    different queries has more to explain than one that compares rows within a query.

    Parameters
    ----------
    n_queries : int, default=1000
        Number of queries, at least 2.
    rows_per_query : int, default=60
        Mean number of rows of a query, at least 2. Numbers vary between half and one and a half
        times as many.
    relevant_rate : float, default=0.05
        Share of rows of grade 1 or more, in (0, 1). Half of these have grade 2 or more, half of
        those 3 or more, and half of those 4.
    query_spread : float, default=1.5
        How much queries differ in how many of their rows are relevant, at least 0: a standard
        deviation in logits.
    n_features : int, default=20
        Number of features, at least 7.
    random_state : int, RandomState instance or None, default=None
        Pass an int for the same table at every call.
    return_position : bool, default=False
        Whether to return where each row was shown.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features), dtype=float32
        The features.
    y : ndarray of shape (n_samples,), dtype=int64
        Grades from 0 to 4.
    group : ndarray of shape (n_samples,), dtype=int64
        The query of each row, from 0. Rows of a query follow each other.
    position : ndarray of shape (n_samples,), dtype=int64
        The place of each row in its query, from 1, in the order of an older ranking that knows
        the title and the spam roughly. Only if ``return_position``.

    Raises
    ------
    ValueError
        If a parameter is outside its range, or the table does not fit in memory.

    See Also
    --------
    bayes_search_queries_score : The best order of the rows of a query.
    make_contested_top : A table with one ranking, whose top is contested.

    Notes
    -----
    It stands in for the public learning-to-rank tables, which have to be downloaded.

    The relevance of a row and that of its query add up with logistic noise, and the grade is
    the number of four thresholds below the sum. So the chance of a grade of at least j rises
    with the relevance of the row, for every j. Whatever a grade is worth, the order of the
    relevance is the best one within a query, and `bayes_search_queries_score` returns it.

    Examples
    --------
    >>> import numpy as np
    >>> from skbudget.datasets import make_search_queries
    >>> X, y, group = make_search_queries(500, random_state=0)
    >>> X.shape[1], np.unique(group).size
    (20, 500)
    >>> (np.bincount(y) / y.size).round(3)
    array([0.95 , 0.025, 0.013, 0.006, 0.006])
    """
    owner = "make_search_queries"
    rng = check_random_state(random_state)
    n_queries, rows_per_query = int(n_queries), int(rows_per_query)
    sizes = {"rows_per_query": rows_per_query, "n_features": int(n_features)}
    with fitting(owner, n_queries * rows_per_query, int(n_features), n_queries=n_queries, **sizes):
        least = max(rows_per_query // 2, 1)
        n_rows = rng.randint(least, 2 * rows_per_query - least + 1, n_queries)
        group = np.repeat(np.arange(n_queries, dtype=np.int64), n_rows)
        n_samples = group.size
        length, rarity, base = rng.standard_normal((3, n_queries))
        X = rng.standard_normal((n_samples, int(n_features)))
        title, body, quality, spam, age = X[:, TITLE : AGE + 1].T.copy()
        latent = _relevance(title, body, quality, spam, age)
        older = 1.6 * title - spam + rng.standard_normal(n_samples)
        noise = rng.logistic(size=n_samples)
        shift, stretch = (one[group] for one in _shift(length, rarity))
        X[:, LENGTH], X[:, RARITY] = length[group], rarity[group]
        X[:, TITLE], X[:, BODY] = shift + stretch * title, shift + stretch * body
        worth = latent + query_spread * base[group] + noise
        y = _grade(worth, relevant_rate)
        found: tuple[NDArray, ...] = (X.astype(np.float32), y, group)
        if return_position:
            order = np.lexsort((-older, group))
            position = np.empty(n_samples, dtype=np.int64)
            starts = np.cumsum(n_rows) - n_rows
            position[order] = np.arange(n_samples) - starts[group] + 1
            found = (*found, position)
    return found


def _grade(worth: NDArray[np.float64], relevant_rate: float) -> NDArray[np.int64]:
    """Return grades, of which a share of the rows has at least one, half of them two, ..."""
    shares = relevant_rate * _NEXT ** np.arange(TOP_GRADE)
    # At least one row of the highest grade, in any table.
    wanted = np.maximum(np.round(shares * worth.size), np.arange(TOP_GRADE, 0, -1))
    ranks = np.empty(worth.size, dtype=np.int64)
    ranks[np.argsort(-worth, kind="stable")] = np.arange(worth.size)
    return (ranks[:, None] < wanted).sum(axis=1).astype(np.int64)


@validate_params({"X": ["array-like"]}, prefer_skip_nested_validation=True)
def bayes_search_queries_score(X: ArrayLike) -> NDArray[np.float64]:
    """Score rows of :func:`make_search_queries` by their relevance.

    Within a query no order of the rows has a greater expected NDCG, at any k and with any
    gain, and none has more positives on its first page. Between queries the scores say less,
    because no feature tells how many rows of a query are relevant.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Rows of such a table.

    Returns
    -------
    score : ndarray of shape (n_samples,), dtype=float64
        The relevance of each row, in logits.

    Raises
    ------
    ValueError
        If `X` has fewer than 7 columns, or entries beyond a million.

    See Also
    --------
    make_search_queries : Generates the rows.

    Examples
    --------
    >>> from skbudget.datasets import bayes_search_queries_score, make_search_queries
    >>> from skbudget.metrics import ndcg_at_k_score
    >>> X, y, query = make_search_queries(500, random_state=0)
    >>> best = ndcg_at_k_score(y, bayes_search_queries_score(X), k=10, group=query)
    >>> 0.5 < best < 1.0
    True
    """
    owner = "bayes_search_queries_score"
    with naming("X"):
        rows: NDArray = check_array(X, dtype=np.float64, estimator=owner, input_name="X")
    if rows.shape[1] < MIN_FEATURES:
        raise ValueError(
            f"X must have at least {MIN_FEATURES} columns, as make_search_queries makes: got "
            f"{rows.shape}."
        )
    known = rows[:, :MIN_FEATURES]
    if np.abs(known).max() > _GREATEST_ENTRY or np.abs(known[:, RARITY]).max() > 100.0:
        raise InvalidParameterError(
            f"X has entries as large as {np.abs(known).max():g}, and make_search_queries makes "
            "none of this size: the score would not be exact."
        )
    shift, stretch = _shift(known[:, LENGTH], known[:, RARITY])
    title, body = (known[:, TITLE] - shift) / stretch, (known[:, BODY] - shift) / stretch
    return _relevance(title, body, known[:, QUALITY], known[:, SPAM], known[:, AGE])
