"""Metrics of many rankings: one for each query, customer or day."""

from __future__ import annotations

from functools import partial
from typing import Any

from numpy.typing import ArrayLike

from ._group_parts import PARTS, coverage_parts, graded_parts, page_parts

__all__ = [
    "group_coverage_score",
    "hit_rate_at_k_score",
    "map_at_k_score",
    "mrr_at_k_score",
    "ndcg_at_k_score",
    "precision_at_k_score",
    "recall_at_k_score",
]


def ndcg_at_k_score(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    k: int | None = None,
    group: ArrayLike | None = None,
    gain: str = "exponential",
    empty_groups: str = "skip",
) -> float:
    r"""Normalised discounted cumulative gain of the first k rows, averaged over groups.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Grades, at least 0.

    y_score : array-like of shape (n_samples,)
        Scores, greater for rows to be shown earlier. Only their order in a group counts.

    k : int, default=None
        How many rows of each group count, at least 1. By default all do.

    group : array-like of shape (n_samples,), default=None
        Group of each row, for instance its query, in any order. By default all rows are one
        group.

    gain : {"exponential", "linear"}, default="exponential"
        What a row of grade y adds: ``2**y - 1``, as in LightGBM and XGBoost, or ``y``, as in
        scikit-learn. Exponential gains take grades up to 900.

    empty_groups : {"skip", "zero", "one", "raise"}, default="skip"
        What becomes of a group whose grades are all 0. It is left out of the mean, or
        counts as 0 (as in scikit-learn) or as 1 (as in LightGBM), or it is an error.

    Returns
    -------
    ndcg : float
        A fraction in [0, 1]; greater is better.

    Raises
    ------
    ValueError
        If a parameter is out of its range, if lengths differ, if a score or a grade is not
        finite, if a grade is negative, or if no group is left to be averaged.

    See Also
    --------
    group_coverage_score : The share of all positives that is on the first pages.
    make_group_scorer : This and the other metrics of groups as scorers.
    sklearn.metrics.ndcg_score : The same with linear gains, for lists of equal length.

    Notes
    -----
    With the gain :math:`g_i` of the row in place :math:`i` of its group,

    .. math::
        \text{DCG} = \sum_{i=1}^{k} \frac{g_i}{\log_2(1 + i)}

    and NDCG is DCG over that of the best order. Tied rows share their places: the result is
    the mean over all orders of the tied rows. With linear gains it equals
    :func:`sklearn.metrics.ndcg_score` of each group. That function takes lists of equal length,
    and ten seconds for ten thousand of them, so all groups are sorted together here.

    Examples
    --------
    >>> from skbudget.metrics import ndcg_at_k_score
    >>> grades, query = [3, 0, 1, 0, 2, 0], ["a", "a", "a", "b", "b", "b"]
    >>> scores = [0.9, 0.8, 0.1, 0.7, 0.6, 0.2]
    >>> round(ndcg_at_k_score(grades, scores, k=2, group=query), 3)
    0.774
    >>> round(ndcg_at_k_score(grades, scores, k=2, group=query, gain="linear"), 3)
    0.729
    """
    return graded_parts(
        y_true, y_score, k=k, group=group, gain=gain, empty_groups=empty_groups
    ).score()


def precision_at_k_score(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    k: int,
    group: ArrayLike | None = None,
    empty_groups: str = "skip",
    min_grade: float | None = None,
    pos_label: Any = None,
) -> float:
    """Share of positives among the first k rows, averaged over groups.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels, of two classes, of which one may be absent; with `min_grade` grades of at
        least 0.

    y_score : array-like of shape (n_samples,)
        Scores, greater for rows to be shown earlier. Only their order in a group counts.

    k : int
        How many rows of each group are shown, at least 1. A group with fewer rows shows
        them all, and its share is one of these.

    group : array-like of shape (n_samples,), default=None
        Group of each row, for instance its query, in any order. By default all rows are one
        group.

    empty_groups : {"skip", "zero", "one", "raise"}, default="skip"
        What becomes of a group without positives. It is left out of the mean, or counts as
        0 or as 1, or it is an error. The share of positives among all rows that are shown
        has ``"zero"``.

    min_grade : float, default=None
        The least grade that is positive, greater than 0. By default there are two labels.

    pos_label : int, float, bool or str, default=None
        Label of the positive class. Without it the labels must be {0, 1} or
        {-1, 1}, and 1 is positive.

    Returns
    -------
    precision : float
        A fraction in [0, 1]; greater is better.

    Raises
    ------
    ValueError
        If a parameter is out of its range, if lengths differ, if a score is not finite, if
        `y_true` holds other labels, or if no group is left to be averaged.

    See Also
    --------
    recall_at_k_score : The share of the positives of each group.
    value_per_review_score : Precision and value of one slice of all rows.
    make_group_scorer : This and the other metrics of groups as scorers.

    Notes
    -----
    Tied rows share their places: the result is the mean over all orders of the tied rows.

    Examples
    --------
    >>> from skbudget.metrics import precision_at_k_score
    >>> y_true, query = [1, 0, 1, 0, 0, 1], ["a", "a", "a", "b", "b", "b"]
    >>> precision_at_k_score(y_true, [0.9, 0.8, 0.1, 0.7, 0.6, 0.2], k=2, group=query)
    0.25
    """
    return page_parts(
        y_true, y_score, kind="precision", k=k, group=group, empty_groups=empty_groups,
        min_grade=min_grade, pos_label=pos_label, owner="precision_at_k_score",
    ).score()  # fmt: skip


def recall_at_k_score(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    k: int,
    group: ArrayLike | None = None,
    empty_groups: str = "skip",
    min_grade: float | None = None,
    pos_label: Any = None,
) -> float:
    """Share of a group's positives among its first k rows, averaged over groups.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels, of two classes, of which one may be absent; with `min_grade` grades of at
        least 0.

    y_score : array-like of shape (n_samples,)
        Scores, greater for rows to be shown earlier. Only their order in a group counts.

    k : int
        How many rows of each group are shown, at least 1.

    group : array-like of shape (n_samples,), default=None
        Group of each row, for instance its query, in any order. By default all rows are one
        group.

    empty_groups : {"skip", "zero", "one", "raise"}, default="skip"
        What becomes of a group without positives. It is left out of the mean, or counts as
        0 or as 1, or it is an error.

    min_grade : float, default=None
        The least grade that is positive, greater than 0. By default there are two labels.

    pos_label : int, float, bool or str, default=None
        Label of the positive class. Without it the labels must be {0, 1} or
        {-1, 1}, and 1 is positive.

    Returns
    -------
    recall : float
        A fraction in [0, 1]; greater is better.

    Raises
    ------
    ValueError
        As :func:`precision_at_k_score`.

    See Also
    --------
    group_coverage_score : The share of all positives, in which each positive counts alike.
    make_group_scorer : This and the other metrics of groups as scorers.

    Notes
    -----
    Here each group counts alike, however many positives it has. Tied rows share their places:
    the result is the mean over all orders of the tied rows.

    Examples
    --------
    >>> from skbudget.metrics import recall_at_k_score
    >>> y_true, query = [1, 0, 1, 0, 0, 1], ["a", "a", "a", "b", "b", "b"]
    >>> recall_at_k_score(y_true, [0.9, 0.8, 0.1, 0.7, 0.6, 0.2], k=2, group=query)
    0.25
    """
    return page_parts(
        y_true, y_score, kind="recall", k=k, group=group, empty_groups=empty_groups,
        min_grade=min_grade, pos_label=pos_label, owner="recall_at_k_score",
    ).score()  # fmt: skip


def hit_rate_at_k_score(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    k: int,
    group: ArrayLike | None = None,
    empty_groups: str = "skip",
    min_grade: float | None = None,
    pos_label: Any = None,
) -> float:
    """Share of the groups with a positive among their first k rows.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels, of two classes, of which one may be absent; with `min_grade` grades of at
        least 0.

    y_score : array-like of shape (n_samples,)
        Scores, greater for rows to be shown earlier. Only their order in a group counts.

    k : int
        How many rows of each group are shown, at least 1.

    group : array-like of shape (n_samples,), default=None
        Group of each row, for instance its query, in any order. By default all rows are one
        group.

    empty_groups : {"skip", "zero", "one", "raise"}, default="skip"
        What becomes of a group without positives. It is left out of the mean, or counts as
        0 or as 1, or it is an error.

    min_grade : float, default=None
        The least grade that is positive, greater than 0. By default there are two labels.

    pos_label : int, float, bool or str, default=None
        Label of the positive class. Without it the labels must be {0, 1} or
        {-1, 1}, and 1 is positive.

    Returns
    -------
    hit_rate : float
        A fraction in [0, 1]; greater is better.

    Raises
    ------
    ValueError
        As :func:`precision_at_k_score`.

    See Also
    --------
    mrr_at_k_score : The mean of 1 over the place of the first positive.
    make_group_scorer : This and the other metrics of groups as scorers.

    Notes
    -----
    A group whose end of the page lies among tied rows counts with the probability that a
    random order of these rows shows a positive.

    Examples
    --------
    >>> from skbudget.metrics import hit_rate_at_k_score
    >>> y_true, query = [1, 0, 1, 0, 0, 1], ["a", "a", "a", "b", "b", "b"]
    >>> hit_rate_at_k_score(y_true, [0.9, 0.8, 0.1, 0.7, 0.6, 0.2], k=2, group=query)
    0.5
    """
    return page_parts(
        y_true, y_score, kind="hit_rate", k=k, group=group, empty_groups=empty_groups,
        min_grade=min_grade, pos_label=pos_label, owner="hit_rate_at_k_score",
    ).score()  # fmt: skip


def map_at_k_score(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    k: int,
    group: ArrayLike | None = None,
    empty_groups: str = "skip",
    min_grade: float | None = None,
    pos_label: Any = None,
) -> float:
    r"""Average precision of the first k rows, averaged over groups.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels, of two classes, of which one may be absent; with `min_grade` grades of at
        least 0.

    y_score : array-like of shape (n_samples,)
        Scores, greater for rows to be shown earlier. Only their order in a group counts.

    k : int
        How many rows of each group are shown, at least 1.

    group : array-like of shape (n_samples,), default=None
        Group of each row, for instance its query, in any order. By default all rows are one
        group.

    empty_groups : {"skip", "zero", "one", "raise"}, default="skip"
        What becomes of a group without positives. It is left out of the mean, or counts as
        0 or as 1, or it is an error.

    min_grade : float, default=None
        The least grade that is positive, greater than 0. By default there are two labels.

    pos_label : int, float, bool or str, default=None
        Label of the positive class. Without it the labels must be {0, 1} or
        {-1, 1}, and 1 is positive.

    Returns
    -------
    map : float
        A fraction in [0, 1]; greater is better.

    Raises
    ------
    ValueError
        As :func:`precision_at_k_score`.

    See Also
    --------
    ndcg_at_k_score : The metric for grades.
    make_group_scorer : This and the other metrics of groups as scorers.

    Notes
    -----
    With P positives in a group, of which the first i rows hold :math:`h_i`,

    .. math::
        \text{AP} = \frac{1}{\min(P, k)} \sum_{i \le k,\, i \in P} \frac{h_i}{i}

    so that the best order has 1 at any k. Tied rows share their places: the result is the mean
    over all orders of the tied rows.

    Examples
    --------
    >>> from skbudget.metrics import map_at_k_score
    >>> y_true, query = [1, 0, 1, 0, 0, 1], ["a", "a", "a", "b", "b", "b"]
    >>> scores = [0.9, 0.8, 0.1, 0.7, 0.6, 0.2]
    >>> round(map_at_k_score(y_true, scores, k=3, group=query), 3)
    0.583
    """
    return page_parts(
        y_true, y_score, kind="map", k=k, group=group, empty_groups=empty_groups,
        min_grade=min_grade, pos_label=pos_label, owner="map_at_k_score",
    ).score()  # fmt: skip


def mrr_at_k_score(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    k: int,
    group: ArrayLike | None = None,
    empty_groups: str = "skip",
    min_grade: float | None = None,
    pos_label: Any = None,
) -> float:
    """Mean over groups of 1 over the place of the first positive.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels, of two classes, of which one may be absent; with `min_grade` grades of at
        least 0.

    y_score : array-like of shape (n_samples,)
        Scores, greater for rows to be shown earlier. Only their order in a group counts.

    k : int
        How many rows of each group are shown, at least 1. A first positive beyond them
        counts as 0.

    group : array-like of shape (n_samples,), default=None
        Group of each row, for instance its query, in any order. By default all rows are one
        group.

    empty_groups : {"skip", "zero", "one", "raise"}, default="skip"
        What becomes of a group without positives. It is left out of the mean, or counts as
        0 or as 1, or it is an error.

    min_grade : float, default=None
        The least grade that is positive, greater than 0. By default there are two labels.

    pos_label : int, float, bool or str, default=None
        Label of the positive class. Without it the labels must be {0, 1} or
        {-1, 1}, and 1 is positive.

    Returns
    -------
    mrr : float
        A fraction in [0, 1]; greater is better.

    Raises
    ------
    ValueError
        As :func:`precision_at_k_score`.

    See Also
    --------
    hit_rate_at_k_score : Whether there is a positive among the first k rows.
    make_group_scorer : This and the other metrics of groups as scorers.

    Notes
    -----
    Tied rows share their places: the result is the mean over all orders of the tied rows.

    Examples
    --------
    >>> from skbudget.metrics import mrr_at_k_score
    >>> y_true, query = [1, 0, 1, 0, 1, 0], ["a", "a", "a", "b", "b", "b"]
    >>> mrr_at_k_score(y_true, [0.9, 0.8, 0.1, 0.7, 0.6, 0.2], k=3, group=query)
    0.75
    """
    return page_parts(
        y_true, y_score, kind="mrr", k=k, group=group, empty_groups=empty_groups,
        min_grade=min_grade, pos_label=pos_label, owner="mrr_at_k_score",
    ).score()  # fmt: skip


def group_coverage_score(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    group: ArrayLike,
    k: int | None = None,
    budget: float | None = None,
    min_grade: float | None = None,
    sample_weight: ArrayLike | None = None,
    value: ArrayLike | None = None,
    pos_label: Any = None,
) -> float:
    """Share of all positives caught when each group has a budget of its own.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels, of two classes; with `min_grade` grades of at least 0.

    y_score : array-like of shape (n_samples,)
        Scores, greater for rows to be shown earlier. Only their order in a group counts.

    group : array-like of shape (n_samples,)
        Group of each row, for instance its query, in any order.

    k : int, default=None
        How many rows of each group are shown, at least 1: a page. Give either this or
        `budget`.

    budget : float, default=None
        Fraction of each group that is shown, in (0, 1]. It is rounded up to whole rows, at
        least one for each group.

    min_grade : float, default=None
        The least grade that is positive, greater than 0. By default there are two labels.

    sample_weight : array-like of shape (n_samples,), default=None
        How many rows each row stands for, both on its page and among the positives.

    value : array-like of shape (n_samples,), default=None
        What catching each row is worth; only entries of positives are used.

    pos_label : int, float, bool or str, default=None
        Label of the positive class. Without it the labels must be {0, 1} or
        {-1, 1}, and 1 is positive.

    Returns
    -------
    coverage : float
        A fraction in [0, 1]; greater is better.

    Raises
    ------
    ValueError
        If a parameter is out of its range, if both or neither of `k` and `budget` are given,
        or if :func:`coverage_at_budget_score` refuses the rows.

    See Also
    --------
    coverage_at_budget_score : One budget for all rows together.
    recall_at_k_score : A mean over groups, in which each group counts alike.
    make_group_scorer : This and the other metrics of groups as scorers.
    skbudget.model_selection.top_rows : The rows that are shown.

    Notes
    -----
    Each positive counts alike, so groups without positives need no rule. With one group it is
    :func:`coverage_at_budget_score`, ties and weights included.

    A budget per group is another job than one budget for the whole table. Scores need not be
    comparable between groups, and a loss that compares rows within groups suits it.

    Examples
    --------
    >>> from skbudget.metrics import group_coverage_score
    >>> y_true, query = [1, 0, 1, 0, 0, 1], ["a", "a", "a", "b", "b", "b"]
    >>> scores = [0.9, 0.8, 0.1, 0.7, 0.6, 0.2]
    >>> round(group_coverage_score(y_true, scores, group=query, k=1), 3)
    0.333

    A third of the rows of each query:

    >>> round(group_coverage_score(y_true, scores, group=query, budget=1 / 3), 3)
    0.333
    """
    return coverage_parts(
        y_true, y_score, group=group, k=k, budget=budget, min_grade=min_grade,
        sample_weight=sample_weight, value=value, pos_label=pos_label,
    ).score()  # fmt: skip


PARTS[ndcg_at_k_score] = graded_parts
PARTS[group_coverage_score] = coverage_parts
for _metric, _kind in (
    (precision_at_k_score, "precision"),
    (recall_at_k_score, "recall"),
    (hit_rate_at_k_score, "hit_rate"),
    (map_at_k_score, "map"),
    (mrr_at_k_score, "mrr"),
):
    PARTS[_metric] = partial(page_parts, kind=_kind, owner=_metric.__name__)
