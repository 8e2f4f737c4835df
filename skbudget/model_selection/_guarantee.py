"""Thresholds from the scores of fresh rows, and what can be guaranteed for them.

The rows are those that spend the budget: all of them, or the negatives. Draw ``n`` such rows
independently, score them by one fixed model, and let the threshold be the score of rank
``r + 1`` from the top. The share of the law of scores above the threshold is at most that of
a continuous law, which follows Beta(r + 1, n - r), and

    P(Beta(r + 1, n - r) > budget) = P(Binomial(n, budget) <= r).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binom

from .._utils.validation import check_budget, check_fraction, check_scores, check_weights
from ..metrics._ranking import CountedRows

# More rows than anybody has. Beyond 2**53 a count could not be told from its neighbours.
MOST_ROWS = 1e15


def fewest_rows(budget: float, risk: float) -> int:
    """Return the least ``n`` with ``(1 - budget) ** n <= risk``."""
    if budget == 1.0:
        return 1
    log_kept, log_risk = math.log1p(-budget), math.log(risk)
    if log_risk / log_kept > MOST_ROWS:
        raise ValueError(
            f"A guarantee of budget={budget:g} needs more than {MOST_ROWS:g} rows: the budget is "
            "too small."
        )
    # The quotient may be rounded to either side of a whole number.
    n_rows = max(1, math.ceil(log_risk / log_kept) - 1)
    return n_rows if n_rows * log_kept <= log_risk else n_rows + 1


def most_flagged(n_rows: int, budget: float, risk: float) -> int:
    """Return the greatest ``r`` with ``P(Binomial(n_rows, budget) <= r) <= risk``, or -1."""
    if budget == 1.0:
        return n_rows
    flagged = int(binom.ppf(risk, n_rows, budget))
    # `ppf` returns the count at which the risk is reached, up to rounding errors.
    while flagged >= 0 and binom.cdf(flagged, n_rows, budget) > risk:
        flagged -= 1
    # The risk of flagging all rows is 1, and of flagging one less it may be rounded to 1.
    while flagged < n_rows - 1 and binom.cdf(flagged + 1, n_rows, budget) <= risk:
        flagged += 1
    return min(flagged, n_rows - 1)


def guaranteed_threshold(scores: NDArray[np.float64], budget: float, risk: float) -> float:
    """Return the least order statistic that exceeds the budget with probability <= ``risk``.

    There must be at least ``fewest_rows(budget, risk)`` scores.
    """
    # Without weights a cut of whole size takes that many rows, and its threshold is the next score.
    return CountedRows(scores, None).cut(most_flagged(scores.size, budget, risk)).threshold


def min_calibration_rows(budget: float, guarantee: float) -> int:
    """Least number of calibration rows with which a budget can be guaranteed.

    Parameters
    ----------
    budget : float
        The budget, a fraction in (0, 1].

    guarantee : float
        Probability that the budget is kept, in (0, 1).

    Returns
    -------
    n_rows : int
        The least ``n`` with ``(1 - budget) ** n <= 1 - guarantee``. Only rows that spend
        the budget count: all rows, or the negatives with ``basis="fpr"``.

    Raises
    ------
    ValueError
        If a parameter is out of its range, or if more than 10^15 rows would be needed.

    See Also
    --------
    budget_threshold : The threshold.

    Notes
    -----
    With so few rows the threshold is the greatest of their scores, and most of the budget
    is left unspent. With ten times as many rows, and a guarantee of 0.95, seven tenths of
    the budget are spent; see :func:`budget_threshold`.

    Examples
    --------
    >>> from skbudget.model_selection import min_calibration_rows
    >>> min_calibration_rows(0.005, 0.95)
    598
    """
    owner = "min_calibration_rows"
    budget = check_budget(budget, owner)
    return fewest_rows(budget, 1.0 - check_fraction(guarantee, "guarantee", owner))


def budget_threshold(
    y_score: ArrayLike,
    *,
    budget: float,
    guarantee: float | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Threshold above which the scores of fresh rows spend a budget.

    Parameters
    ----------
    y_score : array-like of shape (n_samples,)
        Scores of the rows that spend the budget, by a model that was not trained on
        them. These are all rows if the budget is a share of the population, and the
        negatives if it is a false positive rate.

    budget : float
        The share that may score above the threshold, as a fraction in (0, 1].

    guarantee : float, default=None
        Probability in (0, 1) that the share of fresh rows that score above the
        threshold is at most `budget`. By default the share is within the budget on
        `y_score` only, and on fresh rows it exceeds the budget about every other time.

    sample_weight : array-like of shape (n_samples,), default=None
        How many rows each row stands for. With `guarantee` the weights must be equal: the
        guarantee rests on independent draws, and repeated rows are not independent.

    Returns
    -------
    threshold : float
        One of `y_score`, or minus infinity if all rows may be flagged. A row is flagged
        if its score is greater than this; equal is not enough.

    Raises
    ------
    ValueError
        If a parameter is out of its range, a score is not finite or is an integer that no float
        holds, there are no scores, or there are too few of them for the guarantee.

    See Also
    --------
    min_calibration_rows : How many scores a guarantee needs.
    BudgetThresholdClassifier : A classifier with such a threshold.

    Notes
    -----
    **The guarantee.** Over the draw of `y_score`, the share of the law of scores above the
    threshold is at most `budget` with probability `guarantee` or more, for any law and
    any number of scores, if the scores are drawn independently from that law. It is a
    statement about the law: the number of alerts in a finite batch varies around its
    expectation as a binomial variable does. The threshold is the least order statistic for
    which the statement holds. Its rank from the top is ``r + 1``, with the greatest ``r`` such
    that ``P(Binomial(n, budget) <= r) <= 1 - guarantee``. This is the umbrella algorithm of
    Neyman-Pearson classification [1]_, and also the one-sided tolerance limit of Wilks [2]_.
    For scores without ties the probability is attained up to the steps of this binomial law,
    and the share flagged is ``(r + 1) / (n + 1)`` on average.

    **Ties** at the threshold are not flagged. Rows with equal scores cannot be told apart, and
    flagging them all would spend more than the budget. So a constant score flags nothing.

    References
    ----------
    .. [1] X. Tong, Y. Feng, J. J. Li, "Neyman-Pearson classification algorithms and NP
       receiver operating characteristics", Science Advances 4(2), 2018.
    .. [2] S. S. Wilks, "Determination of sample sizes for setting tolerance limits",
       Annals of Mathematical Statistics 12(1), 1941.

    Examples
    --------
    >>> import numpy as np
    >>> from skbudget.model_selection import budget_threshold
    >>> y_score = np.arange(1000)
    >>> budget_threshold(y_score, budget=0.05)
    949.0
    >>> budget_threshold(y_score, budget=0.05, guarantee=0.95)
    961.0
    """
    owner = "budget_threshold"
    budget = check_budget(budget, owner)
    scores = check_scores(y_score)
    weight = check_weights(sample_weight, scores.size)
    if guarantee is None:
        spenders = CountedRows(scores, weight).in_range()
        return spenders.cut(budget * spenders.total).threshold
    risk = 1.0 - check_fraction(guarantee, "guarantee", owner)
    refuse_unequal_weights(weight)
    if scores.size < fewest_rows(budget, risk):
        raise ValueError(
            f"guarantee={guarantee:g} of budget={budget:g} needs at least "
            f"{fewest_rows(budget, risk)} scores, see min_calibration_rows: got {scores.size}."
        )
    return guaranteed_threshold(scores, budget, risk)


def refuse_unequal_weights(weight: NDArray[np.float64] | None, kind: str = "rows") -> None:
    """Raise if rows stand for different numbers of rows."""
    if weight is not None and np.any(weight != weight[:1]):
        raise ValueError(
            f"sample_weight must be the same for all {kind} if guarantee is set: got weights from "
            f"{weight.min():g} to {weight.max():g}. The guarantee rests on independent draws, "
            "and repeated rows are not independent."
        )
