"""The area under a band of the ROC curve, and the false positive rate at a given height."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._utils.validation import check_band, check_budget, check_option
from ._ranking import CountedRows, sorted_curve, spenders_and_positives


def partial_auc_score(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    alpha: float = 0.0,
    beta: float = 0.005,
    sample_weight: ArrayLike | None = None,
    value: ArrayLike | None = None,
    pos_label: Any = None,
    standardize: bool = False,
) -> float:
    """Mean true positive rate over a band of false positive rates.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels, of two classes.

    y_score : array-like of shape (n_samples,)
        Scores, greater for rows more likely to be positive. Only their order counts.

    alpha : float, default=0.0
        Lower edge of the band, a fraction of the negatives in [0, `beta`).

    beta : float, default=0.005
        Upper edge of the band, a fraction of the negatives in (`alpha`, 1].

    sample_weight : array-like of shape (n_samples,), default=None
        How many rows each row stands for, on both axes of the ROC curve.

    value : array-like of shape (n_samples,), default=None
        What catching each row is worth, at least 0; it weights the true positive
        rate only, and entries of negatives are not used.

    pos_label : int, float, bool or str, default=None
        Label of the positive class. Without it the labels must be {0, 1} or
        {-1, 1}, and 1 is positive.

    standardize : bool, default=False
        Whether to rescale the score so that chance is 0.5 in any band and a perfect ranking
        is still 1 [1]_. Without it chance is ``(alpha + beta) / 2``.

    Returns
    -------
    score : float
        A fraction in [0, 1]; greater is better. The standardised score is below 0.5
        for a ranking worse than chance, and can be below 0 if `alpha` is positive.

    Raises
    ------
    ValueError
        If a parameter is out of its range, if the lengths differ, if a score is not
        finite, if `y_true` does not have two classes, if a weight or a value is negative
        or not finite, or if no positive has weight and value.

    See Also
    --------
    coverage_at_budget_score : The true positive rate at one point.
    recall_partial_auc_score : The same over a band of true positive rates.
    sklearn.metrics.roc_auc_score : The band [0, `max_fpr`], always standardised.

    Notes
    -----
    With ``alpha=0`` the score is the area that scikit-learn's
    ``roc_auc_score(max_fpr=beta)`` standardises, divided by `beta`. Over [0, 1] it is the AUC.

    Tied rows form a straight line of the ROC curve. For any band that does not end inside
    this line, the score is the expectation over random orders of the tied rows.

    The score is an average of true positive rates [2]_: the mean of
    ``coverage_at_budget_score(basis="fpr")`` over the budgets in the band.

    References
    ----------
    .. [1] McClish, D. K. (1989). Analyzing a portion of the ROC curve. Medical
       Decision Making, 9(3), 190-195.
    .. [2] Dodd, L. E., & Pepe, M. S. (2003). Partial AUC estimation and
       regression. Biometrics, 59(3), 614-623.

    Examples
    --------
    >>> from skbudget.metrics import partial_auc_score
    >>> y_true = [0, 0, 0, 0, 1, 1]
    >>> y_score = [0.1, 0.2, 0.3, 0.7, 0.6, 0.9]
    >>> partial_auc_score(y_true, y_score, beta=0.5)
    0.75
    >>> partial_auc_score(y_true, y_score, alpha=0.25, beta=0.5)
    1.0
    """
    owner = "partial_auc_score"
    alpha, beta = check_band(alpha, beta, owner)
    check_option(standardize, "standardize", (True, False), owner)
    negatives, positives = spenders_and_positives(
        y_true,
        y_score,
        basis="fpr",
        sample_weight=sample_weight,
        value=value,
        pos_label=pos_label,
        owner=owner,
    )
    score = mean_height(negatives, positives, alpha, beta)
    return standardized(score, (alpha + beta) / 2) if standardize else score


def mean_height(spenders: CountedRows, positives: CountedRows, alpha: float, beta: float) -> float:
    """Return the mean share of the positives above the cuts of a band of the spenders' shares."""
    # Only rows that the band can reach have to be sorted.
    lowest = spenders.cut(beta * spenders.total).threshold
    curve = sorted_curve(
        spenders.where(spenders.scores >= lowest), positives.where(positives.scores >= lowest)
    )
    fpr, tpr = curve.spent / spenders.total, curve.caught / positives.total

    # Each straight piece of the curve adds its width within the band times its height in
    # the middle of that width.
    left, right = np.clip(fpr[:-1], alpha, beta), np.clip(fpr[1:], alpha, beta)
    run, rise = np.diff(fpr), np.diff(tpr)
    slope = np.divide(rise, run, out=np.zeros_like(run), where=run > 0)
    height = tpr[:-1] + slope * ((left + right) / 2 - fpr[:-1])
    return min(float(np.dot(right - left, height)) / (beta - alpha), 1.0)


def standardized(score: float, chance: float) -> float:
    """Return a score rescaled so that chance is 0.5 and 1 stays 1."""
    return 0.5 * (1.0 + (score - chance) / (1.0 - chance))


def fpr_at_tpr_error(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    tpr: float = 0.95,
    sample_weight: ArrayLike | None = None,
    value: ArrayLike | None = None,
    pos_label: Any = None,
) -> float:
    """Smallest false positive rate at which a true positive rate is reached.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels, of two classes.

    y_score : array-like of shape (n_samples,)
        Scores, greater for rows more likely to be positive. Only their order counts.

    tpr : float, default=0.95
        The share of the positives that must be caught, a fraction in (0, 1].

    sample_weight : array-like of shape (n_samples,), default=None
        How many rows each row stands for, on both axes of the ROC curve.

    value : array-like of shape (n_samples,), default=None
        What catching each row is worth, at least 0; `tpr` is then a share of the
        positives' value, and entries of negatives are not used.

    pos_label : int, float, bool or str, default=None
        Label of the positive class. Without it the labels must be {0, 1} or
        {-1, 1}, and 1 is positive.

    Returns
    -------
    fpr : float
        A fraction in [0, 1]; smaller is better.

    Raises
    ------
    ValueError
        If a parameter is out of its range, if the lengths differ, if a score is not
        finite, if `y_true` does not have two classes, if a weight or a value is negative
        or not finite, or if no positive has weight and value.

    See Also
    --------
    coverage_at_budget_score : The inverse function, with ``basis="fpr"``.
    volume_at_recall_error : The share of all rows instead of the negatives.

    Notes
    -----
    Without ties the result is the smallest ``fpr`` of :func:`sklearn.metrics.roc_curve`
    whose ``tpr`` is at least the one asked for. Tied rows form a straight line of the ROC
    curve, which is followed as far as necessary: a constant score gives `tpr` itself.

    Examples
    --------
    >>> from skbudget.metrics import fpr_at_tpr_error
    >>> y_true = [0, 0, 0, 0, 1, 1]
    >>> y_score = [0.1, 0.2, 0.3, 0.7, 0.6, 0.9]
    >>> fpr_at_tpr_error(y_true, y_score, tpr=0.95)
    0.25
    >>> fpr_at_tpr_error(y_true, y_score, tpr=0.5)
    0.0
    """
    owner = "fpr_at_tpr_error"
    tpr = check_budget(tpr, owner, "tpr")
    negatives, positives = spenders_and_positives(
        y_true,
        y_score,
        basis="fpr",
        sample_weight=sample_weight,
        value=value,
        pos_label=pos_label,
        owner=owner,
    )
    return negatives.fraction_taken(positives.cut(tpr * positives.total, reach=True))
