"""Which negatives are worth training on: rules from what was shown, and from who is close."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_matrix

from .._utils.codes import code_labels
from .._utils.labels import find_classes
from .._utils.validation import check_finite, check_mask, check_positive, check_scores

__all__ = ["eligible_negatives", "shown_above_positive", "within_hops"]

# Nodes whose neighbourhoods are grown at once.
_BLOCK = 512
# In any graph of people and items everything is within reach long before.
_MOST_HOPS = 1_000


def eligible_negatives(
    y: ArrayLike,
    *,
    explicit: ArrayLike | None = None,
    shown: ArrayLike | None = None,
    engagement: ArrayLike | None = None,
    max_engagement: float = 30.0,
    near: ArrayLike | None = None,
    pos_label: Any = None,
) -> NDArray[np.bool_]:
    """Mark negatives that are likely to be negative, by rules that include and exclude.

    A negative is marked if it is included by ``explicit`` or ``shown``, or if neither is given,
    and if neither ``engagement`` nor ``near`` excludes it. What is explicit is not excluded.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Two labels of any kind.
    explicit : array-like of shape (n_samples,), dtype=bool, default=None
        Rows with negative feedback, such as a dislike or a case that was cleared.
    shown : array-like of shape (n_samples,), dtype=bool, default=None
        Rows that were seen and passed over, see `shown_above_positive`.
    engagement : array-like of shape (n_samples,), default=None
        How long or how much somebody was engaged, such as seconds.
    max_engagement : float, default=30.0
        A row with more engagement is excluded, because it may be a positive.
    near : array-like of shape (n_samples,), dtype=bool, default=None
        Rows that are excluded because they are too close to positives, see `within_hops`.
    pos_label : int, float, bool or str, default=None
        Label of the positive class, as in `sample_random`.

    Returns
    -------
    eligible : ndarray of shape (n_samples,), dtype=bool
        For ``eligible`` of a sampler. No weight stands for rows that are left out: they are no
        part of the population any more. As ``strata`` of `sample_stratified` with ``rates`` it
        keeps a part of them, and the population.

    See Also
    --------
    sample_stratified : Keeps a part of the other rows.

    Examples
    --------
    >>> import numpy as np
    >>> from skbudget.sampling import eligible_negatives
    >>> seconds = np.array([0.0, 40.0, 5.0, 90.0])
    >>> disliked = np.array([False, False, False, True])
    >>> eligible_negatives([0, 0, 1, 0], engagement=seconds)
    array([ True, False, False, False])
    >>> eligible_negatives([0, 0, 1, 0], engagement=seconds, explicit=disliked)
    array([False, False, False,  True])
    """
    negative = ~find_classes(y, pos_label, owner="eligible_negatives", stacklevel=3).positive
    n_samples = negative.size
    limit = check_finite(max_engagement, "max_engagement", "eligible_negatives")
    masks = [
        None if mask is None else check_mask(mask, name, n_samples)
        for name, mask in (("explicit", explicit), ("shown", shown), ("near", near))
    ]
    is_explicit, is_shown, is_near = masks
    found = np.full(n_samples, is_explicit is None and is_shown is None)
    if is_shown is not None:
        found |= is_shown
    if engagement is not None:
        engaged = check_scores(engagement, "engagement", n_samples=n_samples)
        found &= engaged <= limit
    if is_near is not None:
        found &= ~is_near
    if is_explicit is not None:
        found |= is_explicit
    return found & negative


def shown_above_positive(
    y: ArrayLike,
    query: ArrayLike,
    position: ArrayLike,
    *,
    repeated: ArrayLike | None = None,
    min_times: int = 1,
    pos_label: Any = None,
) -> NDArray[np.bool_]:
    """Mark negatives that were shown above the lowest positive of their list.

    Whoever acted on a row has looked at those above it. Rows below the lowest positive, and lists
    without any, say nothing.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Two labels of any kind; 1 for rows that were acted upon.
    query : array-like of shape (n_samples,)
        The list that each row was shown in, a number or a string.
    position : array-like of shape (n_samples,)
        The place of the row in its list, smaller for those further up.
    repeated : array-like of shape (n_samples,), default=None
        What has to be passed over repeatedly, such as a number for each pair of a person and an
        item. Needed for ``min_times`` above 1.
    min_times : int, default=1
        How often it has to be passed over in all lists together.
    pos_label : int, float, bool or str, default=None
        Label of the positive class, as in `sample_random`.

    Returns
    -------
    shown : ndarray of shape (n_samples,), dtype=bool

    See Also
    --------
    eligible_negatives : Puts the rules together.

    Examples
    --------
    >>> from skbudget.sampling import shown_above_positive
    >>> shown_above_positive([0, 1, 0, 0, 0], query=[7, 7, 7, 8, 8], position=[1, 2, 3, 1, 2])
    array([ True, False, False, False, False])
    """
    owner = "shown_above_positive"
    positive = find_classes(y, pos_label, owner=owner, stacklevel=3).positive
    n_samples = positive.size
    codes = code_labels(query, "query", n_samples)[1]
    place = check_scores(position, "position", n_samples=n_samples)
    min_times = check_positive(min_times, "min_times", owner, integer=True, minimum=1)
    if min_times > 1 and repeated is None:
        raise ValueError(
            f"{owner} with min_times={min_times} needs repeated: what has to be passed over so "
            "often, one entry per row."
        )
    lowest = np.full(codes.max() + 1, -np.inf)
    np.maximum.at(lowest, codes[positive], place[positive])
    found = ~positive & (place < lowest[codes])
    if repeated is not None:
        of_row = code_labels(repeated, "repeated", n_samples)[1]
        found &= np.bincount(of_row, found)[of_row] >= min_times
    return found


def within_hops(
    left: ArrayLike, right: ArrayLike, interacted: ArrayLike, *, hops: int = 3
) -> NDArray[np.bool_]:
    """Mark rows whose two ends are close to each other in the graph of interactions.

    A person and an item that somebody with a common item has acted upon are three hops apart:
    a likely positive that has not happened yet, and no good negative.

    Parameters
    ----------
    left : array-like of shape (n_samples,)
        One end of each row, such as the person: a number or a string.
    right : array-like of shape (n_samples,)
        The other end, such as the item. Equal names on both sides are different nodes.
    interacted : array-like of shape (n_samples,), dtype=bool
        Rows that are an edge of the graph: the positives, as a rule.
    hops : int, default=3
        The greatest distance that is close, at least 1. The ends of a row are an odd number of
        hops apart, so that 2 is the same as 1.

    Returns
    -------
    near : ndarray of shape (n_samples,), dtype=bool
        Edges are one hop apart, and marked too.

    See Also
    --------
    eligible_negatives : Puts the rules together.

    Notes
    -----
    Neighbourhoods are grown hop by hop with sparse matrices, a few hundred left ends at a time.
    In a graph with very popular items, three hops reach nearly everything.

    Examples
    --------
    >>> from skbudget.sampling import within_hops
    >>> left, right = ["ann", "ann", "bob", "bob", "cleo"], ["a", "b", "b", "c", "a"]
    >>> within_hops(left, right, [True, True, True, False, False], hops=3)
    array([ True,  True,  True, False, False])
    >>> within_hops(["ann", "bob", "bob", "ann"], ["a", "a", "b", "b"], [True, True, True, False])
    array([ True,  True,  True,  True])
    """
    owner = "within_hops"
    hops = check_positive(hops, "hops", owner, integer=True, minimum=1, maximum=_MOST_HOPS)
    lefts, left_code = code_labels(left, "left")
    n_samples = left_code.size
    rights, right_code = code_labels(right, "right", n_samples)
    edge = check_mask(interacted, "interacted", n_samples)
    shape = (lefts.size, rights.size)
    graph = _marked(left_code[edge], right_code[edge], shape)
    back = graph.T.tocsr()
    near = np.zeros(n_samples, dtype=bool)
    order = np.argsort(left_code, kind="stable")
    # Only ends that have an edge reach anything.
    for start in range(0, lefts.size, _BLOCK):
        first, last = np.searchsorted(left_code[order], [start, start + _BLOCK])
        rows = order[first:last]
        reached = graph[start : start + _BLOCK]
        for _ in range(3, hops + 1, 2):
            before = reached.nnz
            reached = _flags(reached + reached @ back @ graph)
            if reached.nnz == before:
                break
        near[rows] = np.asarray(reached[left_code[rows] - start, right_code[rows]]).ravel() > 0
    return near


def _marked(one: NDArray[np.intp], other: NDArray[np.intp], shape: tuple[int, int]) -> csr_matrix:
    """Return a sparse matrix of ones at the given places."""
    return _flags(csr_matrix((np.ones(one.size), (one, other)), shape=shape))


def _flags(counts: csr_matrix) -> csr_matrix:
    """Return ones where there are counts, which would overflow after many hops."""
    counts.data = np.ones_like(counts.data)
    return counts
