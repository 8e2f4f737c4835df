"""Coverage at a budget: the share of the positives among the rows that are reviewed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._utils.validation import BASES, check_budget, check_budgets, check_option
from ._ranking import (
    ScoredRows,
    budget_size,
    budget_sizes,
    check_rows,
    pays_whole_rows,
    sorted_curve,
    spenders_and_positives,
)


def coverage_at_budget_score(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    budget: float,
    basis: str = "population",
    sample_weight: ArrayLike | None = None,
    value: ArrayLike | None = None,
    pos_label: Any = None,
) -> float:
    """Share of the positives caught when only the top of a ranking is reviewed.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels, of two classes.

    y_score : array-like of shape (n_samples,)
        Scores, greater for rows to be reviewed earlier. Only their order counts.

    budget : float
        What can be reviewed, as a fraction in (0, 1]: 50 basis points are 0.005.

    basis : {"population", "fpr"}, default="population"
        What the budget is a fraction of. With ``"population"`` the top
        ``k = max(1, ceil(budget * n_samples))`` rows are reviewed. With ``"fpr"``
        rows are reviewed from the top as long as the false positive rate, the
        share of all negatives that were reviewed, is at most `budget`.

    sample_weight : array-like of shape (n_samples,), default=None
        How many rows each row stands for, both in the budget and among the
        positives: a weight of 3 is the same as three copies.

    value : array-like of shape (n_samples,), default=None
        What catching each row is worth, for instance an amount at stake. Coverage is then
        the share of the positives' value; the budget still counts rows. Values must be
        finite and at least 0; entries of negatives are not used.

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
        If a parameter is out of its range, if the lengths differ, if a score is not
        finite, if `y_true` does not have two classes, if a weight or a value is negative
        or not finite, or if no positive has weight and value.

    Warns
    -----
    UserWarning
        If `budget` is 1, which reviews everything: 1 percent is 0.01.

    See Also
    --------
    coverage_curve : Coverage at many budgets, from one sort.
    make_coverage_scorer : The same as a scorer for model selection.

    Notes
    -----
    **Ties.** Of the rows tied at the cut, the share is reviewed that spends what the rows
    above leave of the budget. The result therefore does not depend on the order of the rows.

    With ``basis="population"`` the result is the expectation over a random order of the
    tied rows, and a constant score covers ``k / n_samples``.

    With ``basis="fpr"`` it is the ROC curve with a straight line for tied rows: the
    greatest expected true positive rate when each tied row is reviewed with the same
    probability and the expected false positive rate is at most `budget`. A constant
    score covers `budget`. Without ties the result is the greatest ``tpr`` of
    :func:`sklearn.metrics.roc_curve` with ``fpr <= budget``. Its mean over the budgets in a
    band is :func:`partial_auc_score` of that band.

    **Weights.** If all weights are whole numbers, ``n_samples`` is their sum and ``k`` is
    rounded up to whole rows. Other weights are not rounded (they may sum to 1), and the
    budget is exactly ``budget * sum(sample_weight)``.

    Of weights and values only ratios count, also near the ends of what a float holds.

    **Scores.** Integers are ranked exactly, also those that a float does not hold.

    A budget within one part in 10^9 of a whole number of rows is taken as that
    number, so that 10 % of 30 rows are 3 rows and not 4 because of a rounding error.

    The cut is found by selection, in time linear in the number of rows.

    Examples
    --------
    >>> from skbudget.metrics import coverage_at_budget_score
    >>> y_true = [0, 0, 1, 0, 1, 0, 0, 1, 0, 0]
    >>> y_score = [0.1, 0.3, 0.9, 0.8, 0.7, 0.2, 0.4, 0.3, 0.5, 0.6]
    >>> round(coverage_at_budget_score(y_true, y_score, budget=0.3), 3)
    0.667
    >>> round(coverage_at_budget_score(y_true, y_score, budget=0.1, basis="fpr"), 3)
    0.333

    The positive that is missed is worth more than the other two:

    >>> amount = [0, 0, 10, 0, 20, 0, 0, 70, 0, 0]
    >>> coverage_at_budget_score(y_true, y_score, budget=0.3, value=amount)
    0.3
    """
    owner = "coverage_at_budget_score"
    budget = check_budget(budget, owner)
    check_option(basis, "basis", BASES, owner)
    spenders, positives = spenders_and_positives(
        y_true,
        y_score,
        basis=basis,
        sample_weight=sample_weight,
        value=value,
        pos_label=pos_label,
        owner=owner,
    )
    return positives.fraction_taken(spenders.cut(budget_size(budget, spenders, basis)))


def coverage_curve(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    budgets: ArrayLike | None = None,
    basis: str = "population",
    sample_weight: ArrayLike | None = None,
    value: ArrayLike | None = None,
    pos_label: Any = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coverage against the budget, at given budgets or at every operating point.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels, of two classes.

    y_score : array-like of shape (n_samples,)
        Scores, greater for rows to be reviewed earlier. Only their order counts.

    budgets : array-like of shape (n_budgets,), default=None
        Budgets to evaluate, each a fraction in (0, 1], in any order. The default is
        the operating points of the ranking: first nothing, then for each distinct score
        the point at which all rows with this score or a greater one are reviewed.

    basis : {"population", "fpr"}, default="population"
        What the budgets are fractions of, see :func:`coverage_at_budget_score`.

    sample_weight : array-like of shape (n_samples,), default=None
        How many rows each row stands for.

    value : array-like of shape (n_samples,), default=None
        What catching each row is worth; only entries of positives are used.

    pos_label : int, float, bool or str, default=None
        Label of the positive class. Without it the labels must be {0, 1} or
        {-1, 1}, and 1 is positive.

    Returns
    -------
    budgets : ndarray of shape (n_budgets,)
        The budgets as given, or by default the fraction of the rows (with ``basis="fpr"``
        of the negatives) at each operating point, from 0 to 1.

    coverage : ndarray of shape (n_budgets,)
        Coverage at each budget, a fraction in [0, 1].

    Raises
    ------
    ValueError
        As :func:`coverage_at_budget_score`, or if `budgets` is empty or not 1-D.

    See Also
    --------
    coverage_at_budget_score : Coverage at one budget, without a sort.

    Notes
    -----
    At given budgets the coverage is that of :func:`coverage_at_budget_score`, also for
    ties. The default points are those that a threshold on the score can reach. With
    ``basis="fpr"`` they are the points of the ROC curve, which rises at a budget of 0 if
    there are positives above every negative.

    Examples
    --------
    >>> from skbudget.metrics import coverage_curve
    >>> y_true, y_score = [0, 1, 0, 1], [0.1, 0.6, 0.6, 0.9]
    >>> budgets, coverage = coverage_curve(y_true, y_score)
    >>> budgets.tolist(), coverage.tolist()
    ([0.0, 0.25, 0.75, 1.0], [0.0, 0.5, 1.0, 1.0])
    >>> coverage_curve(y_true, y_score, budgets=[0.25, 0.5])[1].tolist()
    [0.5, 0.75]
    """
    owner = "coverage_curve"
    if budgets is not None:
        budgets = check_budgets(budgets, owner)
    check_option(basis, "basis", BASES, owner)
    rows = check_rows(
        y_true,
        y_score,
        sample_weight=sample_weight,
        value=value,
        pos_label=pos_label,
        owner=owner,
    )
    if budgets is not None:
        return budgets, coverage_at_budgets(rows, budgets, basis)
    curve = sorted_curve(rows.spenders(basis), rows.positives())
    return curve.spent / curve.spent[-1], curve.caught / curve.caught[-1]


def coverage_at_budgets(
    rows: ScoredRows, budgets: NDArray[np.float64], basis: str
) -> NDArray[np.float64]:
    """Return the coverage of checked rows at each budget, from one sort."""
    spenders = rows.spenders(basis)
    curve = sorted_curve(spenders, rows.positives())
    sizes = budget_sizes(budgets, spenders.total, pays_whole_rows(spenders, basis))
    return curve.caught_at(sizes) / curve.caught[-1]
