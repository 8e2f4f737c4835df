"""The rows to act on: so many in all, and so many of each group."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._utils.validation import (
    _check_same_length,
    _invalid,
    _is_whole,
    check_positive,
    check_ranking,
)
from ..metrics._pages import code_pages
from ..metrics._ranking import budget_sizes

__all__ = ["cap_groups", "check_cap", "top_rows"]


def top_rows(
    y_score: ArrayLike,
    *,
    capacity: int | None = None,
    group: ArrayLike | None = None,
    max_per_group: int | float | None = None,
) -> NDArray[np.intp]:
    """Return the rows with the greatest scores: so many in all, and so many of each group.

    With `max_per_group` alone it is the page of every query. With `capacity` too it is a list
    for review in which no customer fills more than a few places.

    Parameters
    ----------
    y_score : array-like of shape (n_samples,)
        Scores, greater for rows to be acted on earlier.

    capacity : int, default=None
        How many rows can be acted on, at least 1. By default as many as the groups admit.

    group : array-like of shape (n_samples,), default=None
        Group of each row, for instance its query or its customer, in any order. Needed with
        `max_per_group`.

    max_per_group : int or float, default=None
        How many rows of a group are taken at most: a whole number of rows, at least 1, or
        a float in (0, 1), the share of the group's rows. A share is rounded up to whole rows.

    Returns
    -------
    rows : ndarray of shape (n_taken,)
        Row numbers, best first. Fewer than `capacity` if the groups admit no more.

    Raises
    ------
    ValueError
        If a parameter is out of its range, if `group` and `max_per_group` do not come together,
        or if a score is not finite.

    See Also
    --------
    BudgetThresholdClassifier.alerts : The same with a fitted classifier.
    skbudget.metrics.group_coverage_score : What the pages of all groups catch.

    Notes
    -----
    Rows are taken from the top, and one whose group is full is passed over. No other choice of
    as many rows that keeps to the limits has a greater sum of scores. Limits on groups and on
    the whole admit the independent sets of a matroid, and taking the best row that still fits is
    optimal for a sum over any matroid [1]_. In short: exchange a row of another choice for the
    best one that is missing in it, of the same group if this is full. The sum does not fall,
    and the limits hold. The same holds for each beginning of the list, so a smaller capacity
    takes the beginning of what a greater one takes.

    If the scores are chances of being positive, or rise with them, the expected number of
    positives is therefore the greatest. The limit itself costs coverage where positives come
    in groups.

    Of rows with equal scores the earlier one comes first. If the order of the rows has a
    meaning, shuffle them before.

    References
    ----------
    .. [1] Edmonds, J. (1971). Matroids and the greedy algorithm. Mathematical Programming,
       1(1), 127-136.

    Examples
    --------
    >>> from skbudget.model_selection import top_rows
    >>> score = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4]
    >>> customer = ["a", "a", "a", "b", "b", "c"]

    At most one alert for each customer, two in all:

    >>> top_rows(score, capacity=2, group=customer, max_per_group=1)
    array([0, 3])

    The better half of every group:

    >>> top_rows(score, group=customer, max_per_group=0.5)
    array([0, 1, 3, 5])
    """
    owner = "top_rows"
    if capacity is not None:
        capacity = check_positive(capacity, "capacity", owner, integer=True, minimum=1)
    check_cap(group, max_per_group, owner)
    scores = check_ranking(y_score)
    order = np.argsort(-scores, kind="stable")
    if group is not None and max_per_group is not None:
        _check_same_length(scores, [group])
        order = cap_groups(order, code_pages(group, scores.size), max_per_group)
    return order[:capacity]


def check_cap(group: Any, max_per_group: Any, owner: str) -> None:
    """Raise unless a limit is one, and comes with groups."""
    if max_per_group is not None and _is_whole(max_per_group):
        check_positive(max_per_group, "max_per_group", owner, integer=True, minimum=1)
    elif max_per_group is not None:
        fraction = isinstance(max_per_group, float | np.floating) and 0.0 < max_per_group < 1.0
        if not fraction:
            raise _invalid(
                "max_per_group",
                max_per_group,
                owner,
                "an int in the range [1, inf) or a float in the range (0.0, 1.0)",
            )
    if (group is None) != (max_per_group is None):
        missing, given = ("group", "max_per_group") if group is None else ("max_per_group", "group")
        raise ValueError(f"{owner} needs {missing} beside {given}: pass both, or neither.")


def cap_groups(
    order: NDArray[np.intp], codes: NDArray[np.intp], max_per_group: int | float
) -> NDArray[np.intp]:
    """Return an order of rows without those that come after the most of their group."""
    grouped = codes[order]
    n_rows = np.bincount(grouped)
    if _is_whole(max_per_group):
        most = np.full(n_rows.size, min(int(max_per_group), grouped.size))
    else:
        shares = np.full(n_rows.size, float(max_per_group))
        most = budget_sizes(shares, n_rows.astype(np.float64), True).astype(np.intp)
    by_group = np.argsort(grouped, kind="stable")
    starts = np.cumsum(n_rows) - n_rows
    place = np.empty(grouped.size, dtype=np.intp)
    place[by_group] = np.arange(grouped.size) - starts[grouped[by_group]]
    return order[place < most[grouped]]
