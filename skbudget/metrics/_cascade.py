"""Coverage of two stages: one keeps a few rows in a hundred, the other a few in a thousand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_consistent_length

from .._utils.validation import (
    BASES,
    _as_array,
    _invalid,
    check_budget,
    check_budgets,
    check_option,
    check_ranking,
    check_weights,
)
from ._ranking import EVERYTHING, CountedRows, Cut, ScoredRows, budget_size, check_rows

N_POINTS = 33


@dataclass(frozen=True)
class CascadeCoverage:
    """What two stages catch, and which of them loses what.

    Attributes
    ----------
    coverage : float
        Share of the positives that both stages let through, ``first * second``.
    first : float
        Share of the positives that the first stage lets through.
    second : float
        Share of those that the second stage keeps; 0 if none reached it.
    n_positives : float
        Number of positives, the sum of their weights.
    lost_first, lost_second : float
        Number of positives that each stage loses, by weight. A row that is tied at a cut is
        lost in part.

    See Also
    --------
    cascade_coverage : Measures it.
    """

    coverage: float
    first: float
    second: float
    n_positives: float
    lost_first: float
    lost_second: float


def cascade_coverage(
    y_true: ArrayLike,
    first_score: ArrayLike,
    second_score: ArrayLike,
    *,
    budgets: ArrayLike = (0.05, 0.005),
    basis: str = "population",
    sample_weight: ArrayLike | None = None,
    value: ArrayLike | None = None,
    pos_label: Any = None,
) -> CascadeCoverage:
    """Coverage of two stages, and what each of them loses.

    The first stage keeps the rows of the first budget, by its score. The second stage ranks
    these rows by its own score, and keeps those of the second budget.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels, of two classes.

    first_score : array-like of shape (n_samples,)
        Scores of the first stage, greater for rows that are to be kept.

    second_score : array-like of shape (n_samples,)
        Scores of the second stage. Those of rows that do not reach it have no effect, but must
        be numbers.

    budgets : sequence of 2 floats, default=(0.05, 0.005)
        What each stage keeps, as fractions in (0, 1] of all rows. The second is at most the
        first.

    basis : {"population", "fpr"}, default="population"
        What the budgets are fractions of, see :func:`coverage_at_budget_score`: all rows, or
        all negatives.

    sample_weight : array-like of shape (n_samples,), default=None
        How many rows each row stands for.

    value : array-like of shape (n_samples,), default=None
        What catching each row is worth; entries of negatives are not used. Shares are those of
        the value then, and numbers of positives are not.

    pos_label : int, float, bool or str, default=None
        Label of the positive class. Without it the labels must be {0, 1} or
        {-1, 1}, and 1 is positive.

    Returns
    -------
    found : CascadeCoverage

    Raises
    ------
    ValueError
        As :func:`coverage_at_budget_score`, or if `budgets` are not two fractions of which
        the second is at most the first.

    See Also
    --------
    cascade_coverage_score : The coverage alone.
    cascade_curve : The coverage for many budgets of the first stage.
    skbudget.cascade.CascadeClassifier : Two stages as one classifier.

    Notes
    -----
    The coverage of the whole is a product over the positives: the coverage of the first stage
    times the share that the second stage keeps of the positives that reached it.

    **Ties.** Of the rows tied at a cut each counts with the share that spends the budget, as
    for :func:`coverage_at_budget_score`. A row that is tied at the cut of the first stage
    reaches the second with this share, in its budget and among its positives. So the result
    does not depend on the order of the rows.

    Examples
    --------
    >>> from skbudget.metrics import cascade_coverage
    >>> y_true = [0, 1, 0, 1, 0, 0, 1, 0, 0, 0]
    >>> first = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0]
    >>> second = [0.1, 0.5, 0.2, 0.9, 0.3, 0.4, 0.8, 0.0, 0.6, 0.7]
    >>> found = cascade_coverage(y_true, first, second, budgets=(0.5, 0.2))
    >>> round(found.coverage, 3), round(found.first, 3), found.second
    (0.667, 0.667, 1.0)
    >>> found.lost_first, found.lost_second
    (1.0, 0.0)
    """
    return _measure(
        "cascade_coverage",
        y_true,
        first_score,
        second_score,
        budgets=budgets,
        basis=basis,
        sample_weight=sample_weight,
        value=value,
        pos_label=pos_label,
    )


def cascade_coverage_score(
    y_true: ArrayLike,
    first_score: ArrayLike,
    second_score: ArrayLike,
    *,
    budgets: ArrayLike = (0.05, 0.005),
    basis: str = "population",
    sample_weight: ArrayLike | None = None,
    value: ArrayLike | None = None,
    pos_label: Any = None,
) -> float:
    """Share of the positives that two stages let through.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels, of two classes.

    first_score : array-like of shape (n_samples,)
        Scores of the first stage, greater for rows that are to be kept.

    second_score : array-like of shape (n_samples,)
        Scores of the second stage.

    budgets : sequence of 2 floats, default=(0.05, 0.005)
        What each stage keeps, as fractions in (0, 1] of all rows. The second is at most the
        first.

    basis : {"population", "fpr"}, default="population"
        What the budgets are fractions of: all rows, or all negatives.

    sample_weight : array-like of shape (n_samples,), default=None
        How many rows each row stands for.

    value : array-like of shape (n_samples,), default=None
        What catching each row is worth; entries of negatives are not used.

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
        As :func:`cascade_coverage`.

    See Also
    --------
    cascade_coverage : The same, with what each stage loses.
    make_cascade_scorer : The same as a scorer of the second stage.

    Examples
    --------
    >>> from skbudget.metrics import cascade_coverage_score
    >>> y_true = [0, 1, 0, 1, 0, 0, 1, 0, 0, 0]
    >>> first = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0]
    >>> second = [0.1, 0.5, 0.2, 0.9, 0.3, 0.4, 0.8, 0.0, 0.6, 0.7]
    >>> round(cascade_coverage_score(y_true, first, second, budgets=(0.5, 0.2)), 3)
    0.667
    """
    return _measure(
        "cascade_coverage_score",
        y_true,
        first_score,
        second_score,
        budgets=budgets,
        basis=basis,
        sample_weight=sample_weight,
        value=value,
        pos_label=pos_label,
    ).coverage


def cascade_curve(
    y_true: ArrayLike,
    first_score: ArrayLike,
    second_score: ArrayLike,
    *,
    budget: float = 0.005,
    first_budgets: ArrayLike | None = None,
    basis: str = "population",
    sample_weight: ArrayLike | None = None,
    value: ArrayLike | None = None,
    pos_label: Any = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Coverage of two stages against the budget of the first.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels, of two classes.

    first_score : array-like of shape (n_samples,)
        Scores of the first stage, greater for rows that are to be kept.

    second_score : array-like of shape (n_samples,)
        Scores of the second stage, of all rows.

    budget : float, default=0.005
        What the second stage keeps, as a fraction in (0, 1].

    first_budgets : array-like of shape (n_budgets,), default=None
        What the first stage keeps, fractions of at least `budget` and at most 1, in any order.
        The default is a geometric grid from `budget` to 1.

    basis : {"population", "fpr"}, default="population"
        What the budgets are fractions of: all rows, or all negatives.

    sample_weight : array-like of shape (n_samples,), default=None
        How many rows each row stands for.

    value : array-like of shape (n_samples,), default=None
        What catching each row is worth; entries of negatives are not used.

    pos_label : int, float, bool or str, default=None
        Label of the positive class. Without it the labels must be {0, 1} or
        {-1, 1}, and 1 is positive.

    Returns
    -------
    first_budgets : ndarray of shape (n_budgets,)
        The budgets of the first stage.

    first : ndarray of shape (n_budgets,)
        Coverage of the first stage, which is a bound on that of the whole.

    coverage : ndarray of shape (n_budgets,)
        Coverage of the whole. It may fall as the first budget rises, where the first stage
        keeps rows out that the second would mistake for positives.

    Raises
    ------
    ValueError
        As :func:`cascade_coverage`.

    See Also
    --------
    cascade_scores : One ranking of two stages, for `coverage_curve` and intervals.

    Notes
    -----
    At a first budget of 1 the whole is the second stage alone, and at a first budget equal to
    `budget` it is the first stage alone. The second score is one that does not depend on the
    first budget; a second stage that is trained on the rows of the pool has to be trained anew
    for each.

    Examples
    --------
    >>> from skbudget.metrics import cascade_curve
    >>> y_true = [0, 1, 0, 1, 0, 0, 1, 0, 0, 0]
    >>> first = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0]
    >>> second = [0.1, 0.5, 0.2, 0.9, 0.3, 0.4, 0.8, 0.0, 0.6, 0.7]
    >>> first_budgets, kept, coverage = cascade_curve(
    ...     y_true, first, second, budget=0.2, first_budgets=[0.2, 0.5, 0.8]
    ... )
    >>> kept.round(2).tolist(), coverage.round(2).tolist()
    ([0.33, 0.67, 1.0], [0.33, 0.67, 0.67])
    """
    owner = "cascade_curve"
    budget = check_budget(budget, owner)
    if first_budgets is None:
        grid = np.geomspace(budget, 1.0, N_POINTS)
        # Not a bit below the budget, nor above everything.
        grid[0], grid[-1] = budget, 1.0
    else:
        grid = check_budgets(first_budgets, owner, "first_budgets")
        if grid.min() < budget:
            raise _invalid(
                "first_budgets",
                first_budgets,
                owner,
                f"fractions of at least the budget of the second stage, which is {budget:g}",
            )
    check_option(basis, "basis", BASES, owner)
    first, second = _check_stages(
        owner, y_true, first_score, second_score, sample_weight, value, pos_label
    )
    found = [_find(first, second, (float(kept), budget), basis) for kept in grid]
    return (
        grid,
        np.array([one.first for one in found]),
        np.array([one.coverage for one in found]),
    )


def cascade_scores(
    first_score: ArrayLike,
    second_score: ArrayLike,
    *,
    budget_first: float = 0.05,
    sample_weight: ArrayLike | None = None,
) -> NDArray[np.float64]:
    """Return one ranking of two stages, for any metric, curve or interval.

    The rows that the first stage keeps are ranked by the second score, above all other rows,
    which are ranked by the first score.

    Parameters
    ----------
    first_score : array-like of shape (n_samples,)
        Scores of the first stage, greater for rows that are to be kept.

    second_score : array-like of shape (n_samples,)
        Scores of the second stage.

    budget_first : float, default=0.05
        What the first stage keeps, as a fraction in (0, 1] of the rows. Rows that are tied at
        the cut are all kept.

    sample_weight : array-like of shape (n_samples,), default=None
        How many rows each row stands for.

    Returns
    -------
    scores : ndarray of shape (n_samples,)
        Whole numbers from 0; equal scores of a stage stay equal.

    Raises
    ------
    ValueError
        If scores or weights are not finite, if the lengths differ, or if `budget_first` is not
        a fraction.

    See Also
    --------
    cascade_coverage : Coverage of two stages, with the rows at the first cut shared.

    Examples
    --------
    >>> from skbudget.metrics import cascade_scores, coverage_curve
    >>> first, second = [0.9, 0.8, 0.3, 0.2], [0.1, 0.6, 0.9, 0.5]
    >>> scores = cascade_scores(first, second, budget_first=0.5)
    >>> scores.tolist()
    [2.0, 3.0, 1.0, 0.0]
    >>> coverage_curve([0, 1, 1, 0], scores, budgets=[0.25, 0.5, 0.75])[1].tolist()
    [0.5, 0.5, 1.0]
    """
    owner = "cascade_scores"
    budget_first = check_budget(budget_first, owner, "budget_first")
    first = check_ranking(first_score, "first_score")
    second = check_ranking(second_score, "second_score")
    check_consistent_length(first, second)
    weight = check_weights(sample_weight, first.size)
    rows = CountedRows(first, weight).in_range()
    cut = rows.cut(budget_size(budget_first, rows, "population"), reach=True)
    kept = first >= cut.threshold
    scores = np.empty(first.size)
    n_levels = 0
    for part, of_stage in ((~kept, first), (kept, second)):
        levels, codes = np.unique(of_stage[part], return_inverse=True)
        scores[part] = n_levels + codes.reshape(-1)
        n_levels += levels.size
    return scores


def _measure(
    owner: str,
    y_true: ArrayLike,
    first_score: ArrayLike,
    second_score: ArrayLike,
    *,
    budgets: ArrayLike,
    basis: str,
    sample_weight: ArrayLike | None,
    value: ArrayLike | None,
    pos_label: Any,
) -> CascadeCoverage:
    """Return the coverage of two stages for the function that the user called."""
    of_stages = check_stage_budgets(budgets, owner)
    check_option(basis, "basis", BASES, owner)
    first, second = _check_stages(
        owner, y_true, first_score, second_score, sample_weight, value, pos_label
    )
    return _find(first, second, of_stages, basis)


def check_stage_budgets(budgets: Any, owner: str) -> tuple[float, float]:
    """Return the budgets of two stages, of which the second is at most the first."""
    allowed = "two fractions in (0.0, 1.0], the second at most the first, such as (0.05, 0.005)"
    if np.shape(_as_array(budgets, "budgets")) != (2,):
        raise _invalid("budgets", budgets, owner, allowed)
    first, second = check_budgets(budgets, owner).tolist()
    if second > first:
        raise _invalid("budgets", budgets, owner, allowed)
    return first, second


def _check_stages(
    owner: str,
    y_true: ArrayLike,
    first_score: ArrayLike,
    second_score: ArrayLike,
    sample_weight: ArrayLike | None,
    value: ArrayLike | None,
    pos_label: Any,
) -> tuple[ScoredRows, ScoredRows]:
    """Return the rows that have weight with the scores of each stage, in one order."""
    given = {"sample_weight": sample_weight, "value": value, "pos_label": pos_label}
    first = check_rows(y_true, first_score, score_name="first_score", owner=owner, **given)
    second = check_rows(y_true, second_score, score_name="second_score", **given)
    return first, second


def _find(
    first: ScoredRows, second: ScoredRows, budgets: tuple[float, float], basis: str
) -> CascadeCoverage:
    spenders, positives = first.spenders(basis), first.positives()
    cut = spenders.cut(budget_size(budgets[0], spenders, basis))
    reaching = _passed(spenders, second.spenders(basis).scores, cut)
    # Of all rows, whatever the first stage let through.
    last = reaching.cut(budget_size(budgets[1], spenders, basis))
    of_second = second.positives().scores
    reached = _passed(positives, of_second, cut)
    caught = reached.taken(last)
    within = reached.total
    share_first = min(within / positives.total, 1.0)
    share_second = min(caught / within, 1.0) if within > 0 else 0.0
    counted = CountedRows(
        positives.scores, None if first.weight is None else first.weight[first.positive]
    )
    n_positives, n_reached = counted.total, _passed(counted, of_second, cut)
    kept = n_reached.taken(last)
    return CascadeCoverage(
        share_first * share_second,
        share_first,
        share_second,
        n_positives,
        max(n_positives - n_reached.total, 0.0),
        max(n_reached.total - kept, 0.0),
    )


def _passed(rows: CountedRows, scores: NDArray[np.float64], cut: Cut) -> CountedRows:
    """Return what a cut takes of rows, with other scores: rows at the cut count in part."""
    if cut is EVERYTHING:
        return CountedRows(scores, rows.counts, rows.exponent)
    taken = rows.scores > cut.threshold
    if cut.share == 0.0:
        counts = None if rows.counts is None else rows.counts[taken]
        return CountedRows(scores[taken], counts, rows.exponent)
    tied = rows.scores == cut.threshold
    share = np.where(tied, cut.share, 1.0)
    counts = share if rows.counts is None else share * rows.counts
    within = taken | tied
    return CountedRows(scores[within], counts[within], rows.exponent)
