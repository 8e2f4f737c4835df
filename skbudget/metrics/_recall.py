"""Metrics of a floor on recall: what lies above it, and what it costs to review."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike

from .._utils.validation import check_budget, check_floor, check_option
from ._partial_auc import mean_height, standardized
from ._ranking import CountedRows, spenders_and_positives

__all__ = ["recall_partial_auc_score", "volume_at_recall_error"]


def recall_partial_auc_score(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    min_tpr: float = 0.95,
    sample_weight: ArrayLike | None = None,
    value: ArrayLike | None = None,
    pos_label: Any = None,
    standardize: bool = False,
) -> float:
    """Mean true negative rate over the true positive rates above a floor.

    It is the partial AUC from the other side: the part of the area under the ROC curve that
    lies above the height `min_tpr`, divided by its greatest value.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels, of two classes.

    y_score : array-like of shape (n_samples,)
        Scores, greater for rows more likely to be positive. Only their order counts.

    min_tpr : float, default=0.95
        The least true positive rate of the band, in [0, 1).

    sample_weight : array-like of shape (n_samples,), default=None
        How many rows each row stands for, on both axes of the ROC curve.

    value : array-like of shape (n_samples,), default=None
        What catching each row is worth, at least 0; true positive rates are then shares of
        the positives' value, and entries of negatives are not used.

    pos_label : int, float, bool or str, default=None
        Label of the positive class. Without it the labels must be {0, 1} or
        {-1, 1}, and 1 is positive.

    standardize : bool, default=False
        Whether to rescale the score so that chance is 0.5 above any floor and a perfect
        ranking is still 1 [1]_. Without it chance is ``(1 - min_tpr) / 2``.

    Returns
    -------
    score : float
        A fraction in [0, 1]; greater is better. The standardised score is below 0.5
        for a ranking worse than chance.

    Raises
    ------
    ValueError
        If a parameter is out of its range, if the lengths differ, if a score is not
        finite, if `y_true` does not have two classes, if a weight or a value is negative
        or not finite, or if no positive has weight and value.

    See Also
    --------
    partial_auc_score : The same over a band of false positive rates.
    fpr_at_tpr_error : The false positive rate at one true positive rate.
    skbudget.objectives.RecallPAUC : A loss that trains for it.

    Notes
    -----
    Exchange the two classes, negate the scores, and this is
    ``partial_auc_score(beta=1 - min_tpr)``. With ``min_tpr=0`` it is the AUC. It is also the
    mean of ``1 - fpr_at_tpr_error(tpr=t)`` over ``t`` from `min_tpr` to 1.

    References
    ----------
    .. [1] McClish, D. K. (1989). Analyzing a portion of the ROC curve. Medical
       Decision Making, 9(3), 190-195.

    Examples
    --------
    >>> from skbudget.metrics import recall_partial_auc_score
    >>> y_true = [0, 0, 0, 0, 1, 1]
    >>> y_score = [0.1, 0.2, 0.3, 0.7, 0.6, 0.9]
    >>> recall_partial_auc_score(y_true, y_score, min_tpr=0.5)
    0.75
    >>> recall_partial_auc_score(y_true, y_score, min_tpr=0.0)
    0.875
    """
    owner = "recall_partial_auc_score"
    min_tpr = check_floor(min_tpr, "min_tpr", owner)
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
    # From the bottom of the ranking, missed positives are what is spent.
    width = 1.0 - min_tpr
    score = mean_height(_reversed(positives), _reversed(negatives), 0.0, width)
    return standardized(score, width / 2) if standardize else score


def _reversed(rows: CountedRows) -> CountedRows:
    return CountedRows(-rows.scores, rows.counts, rows.exponent)


def volume_at_recall_error(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    recall: float = 0.95,
    sample_weight: ArrayLike | None = None,
    value: ArrayLike | None = None,
    pos_label: Any = None,
) -> float:
    """Smallest share of all rows whose review reaches a recall.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels, of two classes.

    y_score : array-like of shape (n_samples,)
        Scores, greater for rows more likely to be positive. Only their order counts.

    recall : float, default=0.95
        The share of the positives that must be caught, a fraction in (0, 1].

    sample_weight : array-like of shape (n_samples,), default=None
        How many rows each row stands for.

    value : array-like of shape (n_samples,), default=None
        What catching each row is worth, at least 0; `recall` is then a share of the
        positives' value, and entries of negatives are not used.

    pos_label : int, float, bool or str, default=None
        Label of the positive class. Without it the labels must be {0, 1} or
        {-1, 1}, and 1 is positive.

    Returns
    -------
    volume : float
        The share of the rows to be reviewed, in [0, 1]; smaller is better.

    Raises
    ------
    ValueError
        If a parameter is out of its range, if the lengths differ, if a score is not
        finite, if `y_true` does not have two classes, if a weight or a value is negative
        or not finite, or if no positive has weight and value.

    See Also
    --------
    coverage_at_budget_score : The inverse function.
    fpr_at_tpr_error : The share of the negatives instead of all rows.

    Notes
    -----
    Tied rows are taken in part, as far as necessary: with a constant score the volume is
    `recall` itself. A threshold takes all of them or none.

    Examples
    --------
    >>> from skbudget.metrics import volume_at_recall_error
    >>> y_true = [0, 0, 0, 0, 1, 1]
    >>> y_score = [0.1, 0.2, 0.3, 0.7, 0.6, 0.9]
    >>> volume_at_recall_error(y_true, y_score, recall=1.0)
    0.5
    """
    owner = "volume_at_recall_error"
    recall = check_budget(recall, owner, "recall")
    everything, positives = spenders_and_positives(
        y_true,
        y_score,
        basis="population",
        sample_weight=sample_weight,
        value=value,
        pos_label=pos_label,
        owner=owner,
    )
    return everything.fraction_taken(positives.cut(recall * positives.total, reach=True))
