"""Samples from easy to hard: clusters of negatives, and a few more of them in each round."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.cluster import MiniBatchKMeans
from sklearn.metrics import pairwise_distances
from sklearn.utils import check_array

from .._utils.naming import naming
from .._utils.validation import check_positive, check_scores
from ._draw import Negatives, draw_some, read_negatives
from ._sample import NegativeSample

__all__ = ["sample_in_rounds"]

_MOST_ROUNDS, _MOST_CLUSTERS = 1_000, 100_000
# Into how many clusters the positives are put, to measure how far a cluster is from them.
_CLUSTERS_OF_POSITIVES = 10


def sample_in_rounds(
    X: Any,
    y: ArrayLike,
    score: ArrayLike | None = None,
    *,
    n_rounds: int = 5,
    n_clusters: int = 50,
    per_positive: float = 10.0,
    rate: float | None = None,
    eligible: ArrayLike | None = None,
    undo: bool = True,
    sample_weight: ArrayLike | None = None,
    pos_label: Any = None,
    random_state: int | np.random.RandomState | None = None,
) -> list[NegativeSample]:
    """Keep all positives, and add negatives round by round, from easy clusters to hard ones.

    The first round draws negatives at random. Every further round keeps what the rounds before
    it drew, and draws as many again from the next clusters: `MiniBatchKMeans` puts the negatives
    into clusters, and these are ordered from the easiest to the hardest.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        What the clusters are made of: features on one scale, or the embedding of a network.
    y : array-like of shape (n_samples,)
        Two labels of any kind.
    score : array-like of shape (n_samples,), default=None
        Scores of a model. The hardest cluster is that of the greatest mean score. Without them
        it is the one whose centre is closest to a cluster of positives.
    n_rounds : int, default=5
        Number of rounds, in [1, 1000].
    n_clusters : int, default=50
        Number of clusters of negatives, at most. There are no more than negatives.
    per_positive : float, default=10.0
        How many negatives per positive a round adds, if there are as many.
    rate : float, default=None
        The share of the negatives that a round adds, in (0, 1], in place of ``per_positive``.
    eligible : array-like of shape (n_samples,), dtype=bool, default=None
        Rows that may be drawn if they are negative. No weight stands for the others.
    undo : bool, default=True
        Whether ``sample_weight`` of the samples undoes the rates.
    sample_weight : array-like of shape (n_samples,), default=None
        How many rows each row stands for. Rows of weight zero are left out.
    pos_label : int, float, bool or str, default=None
        Label of the positive class, as in `sample_random`.
    random_state : int, RandomState instance or None, default=None
        Draws the rows, and the first centres of the clusters.

    Returns
    -------
    chosen : list of NegativeSample
        One per round. Train on the first for a while, then go on with the next.

    See Also
    --------
    sample_hard : The hardest rows of a model in one draw.

    Notes
    -----
    Each of the rounds after the first has equally many clusters, up to one, that no other round
    draws from. A row is drawn by the first round with one rate, and independently of that by the
    round of its cluster with another one, so that the rate of the row by then is
    ``1 - (1 - first) * (1 - second)``. Some rows are drawn by both, so that a round
    adds a little fewer rows than were asked for.

    Examples
    --------
    >>> from skbudget import make_contested_top
    >>> from skbudget.sampling import sample_in_rounds
    >>> X, y = make_contested_top(5_000, pos_rate=0.01, random_state=0)
    >>> rounds = sample_in_rounds(X, y, n_rounds=3, random_state=0)
    >>> rounds[0].rows.size
    550
    >>> set(rounds[0].rows) < set(rounds[1].rows) < set(rounds[2].rows)
    True
    """
    owner = "sample_in_rounds"
    n_rounds = check_positive(
        n_rounds, "n_rounds", owner, integer=True, minimum=1, maximum=_MOST_ROUNDS
    )
    n_clusters = check_positive(
        n_clusters, "n_clusters", owner, integer=True, minimum=1, maximum=_MOST_CLUSTERS
    )
    negatives = read_negatives(
        y,
        per_positive=per_positive,
        rate=rate,
        eligible=eligible,
        undo=undo,
        sample_weight=sample_weight,
        pos_label=pos_label,
        random_state=random_state,
        owner=owner,
    )
    n_samples, n_rows = negatives.positive.size, negatives.rows.size
    scores = None if score is None else check_scores(score, "score", n_samples=n_samples)
    with naming("X"):
        X = check_array(X, accept_sparse="csr", dtype=np.float64, input_name="X")
    if X.shape[0] != n_samples:
        raise ValueError(
            f"X must have one row per entry of y: expected {n_samples}, got {X.shape[0]}."
        )
    turn = np.zeros(n_rows, dtype=np.intp)
    if n_rounds > 1:
        turn = _turns(X, scores, negatives, n_clusters, n_rounds - 1)
    first, first_rate = draw_some(np.arange(n_rows), negatives.n_drawn, negatives.draw)
    drawn = np.zeros(n_rows, dtype=bool)
    drawn[first] = True
    rates = np.full(n_rows, first_rate)
    found = [negatives.sample(first, rates[first])]
    for number in range(n_rounds - 1):
        rows = np.flatnonzero(turn == number)
        if rows.size:
            more, more_rate = draw_some(rows, negatives.n_drawn, negatives.draw)
            drawn[more] = True
            rates[rows] = first_rate + (1.0 - first_rate) * more_rate
        so_far = np.flatnonzero(drawn)
        found.append(negatives.sample(so_far, rates[so_far]))
    return found


def _turns(
    X: Any,
    scores: NDArray[np.float64] | None,
    negatives: Negatives,
    n_clusters: int,
    n_turns: int,
) -> NDArray[np.intp]:
    """Return the round, from 0, in which the cluster of each negative has its turn."""
    model = _clustered(X[negatives.rows], n_clusters, negatives.draw)
    cluster, centres = model.labels_, model.cluster_centers_
    size = np.bincount(cluster, minlength=len(centres))
    if scores is not None:
        total = np.bincount(cluster, scores[negatives.rows], minlength=len(centres))
        hardness = total / np.maximum(size, 1)
    else:
        positives = _clustered(X[negatives.positive], _CLUSTERS_OF_POSITIVES, negatives.draw)
        hardness = -pairwise_distances(centres, positives.cluster_centers_).min(axis=1)
    # Clusters without rows have no turn.
    there = np.flatnonzero(size)
    order = there[np.argsort(hardness[there], kind="stable")]
    turn = np.zeros(len(centres), dtype=np.intp)
    turn[order] = np.arange(order.size) * n_turns // order.size
    return turn[cluster]


def _clustered(X: Any, n_clusters: int, draw: np.random.RandomState) -> MiniBatchKMeans:
    model = MiniBatchKMeans(min(n_clusters, X.shape[0]), n_init=1, random_state=draw)
    return model.fit(X)
