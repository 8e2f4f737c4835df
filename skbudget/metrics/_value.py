"""The return of a review: the value caught per row reviewed."""

from __future__ import annotations

import math
from typing import Any

from numpy.typing import ArrayLike

from .._utils.validation import BASES, check_budget, check_option, check_positive
from ._ranking import budget_size, spenders_and_positives


def value_per_review_score(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    budget: float,
    basis: str = "population",
    cost: float = 0.0,
    sample_weight: ArrayLike | None = None,
    value: ArrayLike | None = None,
    pos_label: Any = None,
) -> float:
    r"""Value caught per row reviewed, when only the top of a ranking is reviewed.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels, of two classes.

    y_score : array-like of shape (n_samples,)
        Scores, greater for rows to be reviewed earlier. Only their order counts.

    budget : float
        What can be reviewed, as a fraction in (0, 1]: 50 basis points are 0.005.

    basis : {"population", "fpr"}, default="population"
        What the budget is a fraction of: all rows, or the negatives; see
        :func:`coverage_at_budget_score`. In both cases the rows reviewed include both
        classes.

    cost : float, default=0.0
        What reviewing one row costs, at least 0, in the unit of `value`.

    sample_weight : array-like of shape (n_samples,), default=None
        How many rows each row stands for: a weight of 3 is the same as three copies,
        each of which is reviewed and has the value of the row.

    value : array-like of shape (n_samples,), default=None
        What catching each row is worth, for instance an amount at stake, at least 0;
        entries of negatives are not used. Without it a positive is worth 1, and the score
        is the precision at the budget minus `cost`.

    pos_label : int, float, bool or str, default=None
        Label of the positive class. Without it the labels must be {0, 1} or
        {-1, 1}, and 1 is positive.

    Returns
    -------
    score : float
        In the unit of `value`, per row; greater is better. If it is negative, reviewing
        costs more than it brings in.

    Raises
    ------
    ValueError
        If a parameter is out of its range, if the lengths differ, if a score is not
        finite, if `y_true` does not have two classes, if a weight or a value is negative
        or not finite, or if no positive has weight and value.

    See Also
    --------
    coverage_at_budget_score : The share of the value that is caught.
    make_value_per_review_scorer : The same as a scorer for model selection.

    Notes
    -----
    With the value :math:`v_i` and the weight :math:`w_i` of row :math:`i`, and the
    share :math:`r_i` of the row that is reviewed (1 above the cut, 0 below), the score is

    .. math::
        \frac{\sum_{i \in P} r_i w_i v_i}{\sum_i r_i w_i} - \text{cost}

    Rows tied at the cut are shared in expectation, as in
    :func:`coverage_at_budget_score`: a constant score brings in the mean value of all
    rows. At a given budget with ``basis="population"`` the score without `cost` is
    proportional to coverage, so both rank models alike. The score adds the unit, in which
    the cost of reviews can be stated.

    Examples
    --------
    >>> from skbudget.metrics import value_per_review_score
    >>> y_true = [0, 0, 1, 0, 1, 0, 0, 1, 0, 0]
    >>> y_score = [0.1, 0.3, 0.9, 0.8, 0.7, 0.2, 0.4, 0.3, 0.5, 0.6]
    >>> amount = [0, 0, 60, 0, 240, 0, 0, 700, 0, 0]

    Three reviews catch 60 and 240, and cost 25 each:

    >>> value_per_review_score(y_true, y_score, budget=0.3, value=amount, cost=25.0)
    75.0

    Without values the score is a precision:

    >>> round(value_per_review_score(y_true, y_score, budget=0.3), 3)
    0.667
    """
    owner = "value_per_review_score"
    budget = check_budget(budget, owner)
    check_option(basis, "basis", BASES, owner)
    cost = check_positive(cost, "cost", owner, minimum=0)
    about = {"sample_weight": sample_weight, "value": value, "pos_label": pos_label}
    spenders, positives = spenders_and_positives(y_true, y_score, basis=basis, owner=owner, **about)
    rows = spenders
    if basis == "fpr":
        rows, _ = spenders_and_positives(y_true, y_score, basis="population", **about)
    cut = spenders.cut(budget_size(budget, spenders, basis))
    per_row = positives.taken(cut) / rows.taken(cut)
    return math.ldexp(per_row, positives.exponent - rows.exponent) - cost
