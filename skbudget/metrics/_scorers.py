"""The metrics as scorers, for ``cross_validate``, ``GridSearchCV`` and their kin."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics._scorer import _cached_call, _Scorer

from .._validation import (
    BASES,
    check_band,
    check_binary_labels,
    check_budget,
    check_option,
    check_scores,
)
from ._coverage import coverage_at_budget_score
from ._partial_auc import fpr_at_tpr_error, partial_auc_score

RESPONSE_METHODS = ("decision_function", "predict_proba")


def _score_response(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    metric: Callable[..., float],
    positive_class: Any = None,
    sample_weight: ArrayLike | None = None,
    value: ArrayLike | None = None,
    **params: Any,
) -> float:
    """Evaluate ``metric`` on an estimator's response, which favours the greater label."""
    labels = np.unique(np.asarray(y_true))
    greater = labels[-1]
    positive = check_binary_labels(
        y_true, pos_label=greater if positive_class is None else positive_class
    )
    if np.ndim(y_score) != 1:
        raise ValueError(
            "The estimator must be a binary classifier: its response has shape "
            f"{np.shape(y_score)}, not (n_samples,)."
        )
    if positive_class is not None and positive_class != greater:
        y_score = -check_scores(y_score)
    return metric(positive, y_score, sample_weight=sample_weight, value=value, **params)


class _RankingScorer(_Scorer):
    """A scikit-learn scorer that is right next to scorers with another positive class.

    Several scorers evaluated together share one cache of responses, keyed by the
    method's name alone. A neighbour with a ``pos_label`` would leave its own, negated
    scores there, so this scorer asks the estimator itself. For the same reason it
    keeps ``pos_label`` out of scikit-learn's sight, as ``positive_class``.
    """

    def _score(self, method_caller: Callable[..., Any], *args: Any, **kwargs: Any) -> float:
        return super()._score(partial(_cached_call, None), *args, **kwargs)

    def __repr__(self) -> str:
        params = {key: value for key, value in self._kwargs.items() if key != "metric"}
        if "positive_class" in params:
            params["pos_label"] = params.pop("positive_class")
        shown = ", ".join(f"{key}={value!r}" for key, value in params.items())
        return f"make_scorer({self._kwargs['metric'].__name__}, {shown})"


def _make_ranking_scorer(
    metric: Callable[..., float], pos_label: Any, *, sign: int = 1, **params: Any
) -> _RankingScorer:
    kwargs = {"metric": metric, **params}
    if pos_label is not None:
        kwargs["positive_class"] = pos_label
    return _RankingScorer(_score_response, sign, kwargs, RESPONSE_METHODS)


def make_coverage_scorer(
    budget: float = 0.005, *, basis: str = "population", pos_label: Any = None
) -> Callable[..., float]:
    """Make a scorer of :func:`coverage_at_budget_score`.

    Parameters
    ----------
    budget : float, default=0.005
        What can be reviewed, as a fraction in (0, 1]: 50 basis points are 0.005.

    basis : {"population", "fpr"}, default="population"
        What the budget is a fraction of: all rows, or the negatives.

    pos_label : int, float, bool or str, default=None
        Label of the positive class, of any two. By default the greater one, which is
        ``estimator.classes_[1]``, the class that ``decision_function`` favours.

    Returns
    -------
    scorer : callable
        Called as ``scorer(estimator, X, y)``; greater is better.

    Raises
    ------
    ValueError
        If a parameter is out of its range. When called: if the estimator or `y`
        has other than two classes, or `pos_label` is none of them.

    See Also
    --------
    make_partial_auc_scorer : Scorer of the mean true positive rate over a band.
    make_fpr_at_tpr_scorer : Scorer of the false positive rate at a true positive rate.

    Notes
    -----
    The scorer ranks by ``decision_function`` if the estimator has it and by
    ``predict_proba`` otherwise, and turns the ranking round if `pos_label` is the
    smaller label. ``sample_weight`` and ``value`` are passed to it through metadata
    routing, once asked for with ``set_score_request``.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import cross_val_score
    >>> from skbudget.metrics import make_coverage_scorer
    >>> X, y = make_classification(weights=[0.9], class_sep=2.0, random_state=0)
    >>> scorer = make_coverage_scorer(budget=0.2)
    >>> scorer
    make_scorer(coverage_at_budget_score, budget=0.2, basis='population')
    >>> cross_val_score(LogisticRegression(), X, y, scoring=scorer).shape
    (5,)
    """
    owner = "make_coverage_scorer"
    budget = check_budget(budget, owner)
    check_option(basis, "basis", BASES, owner)
    return _make_ranking_scorer(coverage_at_budget_score, pos_label, budget=budget, basis=basis)


def make_partial_auc_scorer(
    alpha: float = 0.0,
    beta: float = 0.005,
    *,
    standardize: bool = False,
    pos_label: Any = None,
) -> Callable[..., float]:
    """Make a scorer of :func:`partial_auc_score`.

    Parameters
    ----------
    alpha : float, default=0.0
        Lower edge of the band, a fraction of the negatives in [0, `beta`).

    beta : float, default=0.005
        Upper edge of the band, a fraction of the negatives in (`alpha`, 1].

    standardize : bool, default=False
        Whether to rescale so that chance is 0.5 in any band.

    pos_label : int, float, bool or str, default=None
        Label of the positive class, of any two. By default the greater one, which is
        ``estimator.classes_[1]``, the class that ``decision_function`` favours.

    Returns
    -------
    scorer : callable
        Called as ``scorer(estimator, X, y)``; greater is better.

    Raises
    ------
    ValueError
        If a parameter is out of its range. When called: if the estimator or `y`
        has other than two classes, or `pos_label` is none of them.

    See Also
    --------
    make_coverage_scorer : Scorer of the coverage at one budget; its notes hold here.

    Examples
    --------
    >>> from skbudget.metrics import make_partial_auc_scorer
    >>> make_partial_auc_scorer(beta=0.01)
    make_scorer(partial_auc_score, alpha=0.0, beta=0.01, standardize=False)
    """
    owner = "make_partial_auc_scorer"
    alpha, beta = check_band(alpha, beta, owner)
    check_option(standardize, "standardize", (True, False), owner)
    return _make_ranking_scorer(
        partial_auc_score, pos_label, alpha=alpha, beta=beta, standardize=standardize
    )


def make_fpr_at_tpr_scorer(tpr: float = 0.95, *, pos_label: Any = None) -> Callable[..., float]:
    """Make a scorer of :func:`fpr_at_tpr_error`, its sign changed.

    Parameters
    ----------
    tpr : float, default=0.95
        The share of the positives that must be caught, a fraction in (0, 1].

    pos_label : int, float, bool or str, default=None
        Label of the positive class, of any two. By default the greater one, which is
        ``estimator.classes_[1]``, the class that ``decision_function`` favours.

    Returns
    -------
    scorer : callable
        Called as ``scorer(estimator, X, y)``. It returns the error times -1, so
        greater is better.

    Raises
    ------
    ValueError
        If a parameter is out of its range. When called: if the estimator or `y`
        has other than two classes, or `pos_label` is none of them.

    See Also
    --------
    make_coverage_scorer : Scorer of the coverage at one budget; its notes hold here.

    Examples
    --------
    >>> from skbudget.metrics import make_fpr_at_tpr_scorer
    >>> make_fpr_at_tpr_scorer(tpr=0.9)
    make_scorer(fpr_at_tpr_error, tpr=0.9)
    """
    tpr = check_budget(tpr, "make_fpr_at_tpr_scorer", "tpr")
    return _make_ranking_scorer(fpr_at_tpr_error, pos_label, sign=-1, tpr=tpr)
