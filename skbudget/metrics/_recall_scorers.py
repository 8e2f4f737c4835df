"""The metrics of a floor on recall as scorers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._utils.validation import check_budget, check_floor, check_option
from ._recall import recall_partial_auc_score, volume_at_recall_error
from ._scorers import _make_ranking_scorer

__all__ = ["make_recall_partial_auc_scorer", "make_volume_at_recall_scorer"]


def make_recall_partial_auc_scorer(
    min_tpr: float = 0.95,
    *,
    standardize: bool = False,
    value_column: str | int | None = None,
    pos_label: Any = None,
) -> Callable[..., float]:
    """Make a scorer of :func:`recall_partial_auc_score`.

    Parameters
    ----------
    min_tpr : float, default=0.95
        The least true positive rate of the band, in [0, 1).

    standardize : bool, default=False
        Whether to rescale the score so that chance is 0.5 above any floor.

    value_column : str or int, default=None
        Column of `X` that says what catching each row is worth, by name (in a data
        frame) or by position. With None, the scorer uses the `value` that metadata routing
        passes, if any.

    pos_label : int, float, bool or str, default=None
        Label of the positive class, one of any two labels. Without it, this is the
        ``pos_label_`` of a classifier of this package, else 1 of {0, 1} and {-1, 1}, and
        True. Of any other two labels it is the rarer one among the rows that are scored, with
        a warning that names it.

    Returns
    -------
    scorer : callable
        Called as ``scorer(estimator, X, y)``; greater is better.

    Raises
    ------
    ValueError
        If a parameter is out of its range. When the scorer is called: if the estimator or
        `y` does not have two classes, or if `pos_label` is neither of them.

    See Also
    --------
    make_coverage_scorer : Scorer of the coverage at one budget; its notes hold here too.
    make_partial_auc_scorer : Scorer over a band of false positive rates.

    Examples
    --------
    >>> from skbudget.metrics import make_recall_partial_auc_scorer
    >>> make_recall_partial_auc_scorer(min_tpr=0.9)
    make_scorer(recall_partial_auc_score, min_tpr=0.9, standardize=False)
    """
    owner = "make_recall_partial_auc_scorer"
    min_tpr = check_floor(min_tpr, "min_tpr", owner)
    check_option(standardize, "standardize", (True, False), owner)
    return _make_ranking_scorer(
        recall_partial_auc_score,
        pos_label,
        value_column,
        min_tpr=min_tpr,
        standardize=standardize,
    )


def make_volume_at_recall_scorer(
    recall: float = 0.95, *, value_column: str | int | None = None, pos_label: Any = None
) -> Callable[..., float]:
    """Make a scorer of :func:`volume_at_recall_error` with its sign changed.

    Parameters
    ----------
    recall : float, default=0.95
        The share of the positives that must be caught, a fraction in (0, 1].

    value_column : str or int, default=None
        Column of `X` that says what catching each row is worth, by name (in a data
        frame) or by position. With None, the scorer uses the `value` that metadata routing
        passes, if any.

    pos_label : int, float, bool or str, default=None
        Label of the positive class, one of any two labels. Without it, this is the
        ``pos_label_`` of a classifier of this package, else 1 of {0, 1} and {-1, 1}, and
        True. Of any other two labels it is the rarer one among the rows that are scored, with
        a warning that names it.

    Returns
    -------
    scorer : callable
        Called as ``scorer(estimator, X, y)``. It returns the error times -1, so
        greater is better.

    Raises
    ------
    ValueError
        If a parameter is out of its range. When the scorer is called: if the estimator or
        `y` does not have two classes, or if `pos_label` is neither of them.

    See Also
    --------
    make_coverage_scorer : Scorer of the coverage at one budget; its notes hold here too.
    make_fpr_at_tpr_scorer : Scorer of the share of the negatives.

    Examples
    --------
    >>> from skbudget.metrics import make_volume_at_recall_scorer
    >>> make_volume_at_recall_scorer(recall=0.9)
    make_scorer(volume_at_recall_error, recall=0.9)
    """
    recall = check_budget(recall, "make_volume_at_recall_scorer", "recall")
    return _make_ranking_scorer(
        volume_at_recall_error, pos_label, value_column, sign=-1, recall=recall
    )
