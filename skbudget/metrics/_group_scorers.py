"""The metrics of groups as scorers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._utils.validation import (
    KnownBudget,
    _is_whole,
    check_option,
    check_positive,
    check_ranking,
    distinct_labels,
)
from ._group_parts import EMPTY, GAINS, check_slice
from ._groups import (
    group_coverage_score,
    hit_rate_at_k_score,
    map_at_k_score,
    mrr_at_k_score,
    ndcg_at_k_score,
    precision_at_k_score,
    recall_at_k_score,
)
from ._scorers import (
    RESPONSE_METHODS,
    InvalidParameterError,
    NotFittedError,
    _column_of,
    _is_reversed,
    _RankingScorer,
    is_classifier,
)

__all__ = ["make_group_scorer"]

METRICS: dict[str, Callable[..., float]] = {
    "ndcg": ndcg_at_k_score,
    "map": map_at_k_score,
    "mrr": mrr_at_k_score,
    "precision": precision_at_k_score,
    "recall": recall_at_k_score,
    "hit_rate": hit_rate_at_k_score,
    "coverage": group_coverage_score,
}


def _response(estimator: Any, X: Any) -> NDArray[np.float64]:
    """Return one score per row of a classifier, a regressor or a ranker.

    It is greater for greater labels. Of more than two classes, which are grades then, it is the
    expected grade.
    """
    if isinstance(estimator, type) or (
        is_classifier(estimator) and not hasattr(estimator, "classes_")
    ):
        raise NotFittedError(f"This estimator is not fitted yet: {estimator!r}.")
    if hasattr(estimator, "decision_function"):
        response = np.asarray(estimator.decision_function(X))
        if response.ndim == 1:
            return response
    if hasattr(estimator, "predict_proba"):
        response = np.asarray(estimator.predict_proba(X))
        classes = np.asarray(getattr(estimator, "classes_", ()))
        if response.ndim == 1:
            return response
        if response.shape[1:] == (2,):
            return response[:, 1]
        if response.ndim == 2 and classes.size == response.shape[1]:
            if classes.dtype.kind not in "biuf":
                raise ValueError(
                    "The classes of the estimator must be grades, numbers, to be ranked by their "
                    f"expectation: got {classes[:10].tolist()}."
                )
            return response @ classes.astype(np.float64)
    if is_classifier(estimator) or not hasattr(estimator, "predict"):
        raise TypeError(
            "estimator must be a fitted classifier with decision_function or predict_proba, or a "
            f"regressor or a ranker with predict: got {estimator!r}."
        )
    return np.asarray(estimator.predict(X))


class _GroupScorer(_RankingScorer):
    """A scorer that asks for the group of each row."""

    def _score(
        self, method_caller: Callable[..., Any], estimator: Any, X: Any, y_true: Any, **kwargs: Any
    ) -> float:
        params = dict(self._kwargs)
        metric, column = params.pop("metric"), params.pop("group_column", None)
        positive = params.pop("positive_class", None)
        if column is not None and kwargs.get("group") is not None:
            raise ValueError(
                f"The scorer takes group from group_column={column!r}, and was passed group as "
                "well: use one of them."
            )
        if column is not None:
            kwargs["group"] = _column_of(X, column, "group_column")
        if kwargs.get("group") is None:
            raise ValueError(
                f"A scorer of {metric.__name__} needs the group of each row: pass it by metadata "
                "routing (set_score_request(group=True)), or name the column by group_column."
            )
        scores = check_ranking(_response(estimator, X), "The response of the estimator")
        if "min_grade" not in params and metric is not ndcg_at_k_score:
            labels = distinct_labels(y_true)
            if positive is None:
                positive = self._find_positive(estimator, y_true)
            if labels.size:
                asked = labels[-1] if positive is None else positive
                if _is_reversed(asked, labels[-1], getattr(estimator, "classes_", None)):
                    scores = -scores
            params["pos_label"] = positive
        return float(metric(y_true, scores, **params, **kwargs))


def make_group_scorer(
    metric: str = "coverage",
    *,
    k: int | None = None,
    budget: float | None = None,
    gain: str | None = None,
    empty_groups: str | None = None,
    min_grade: float | None = None,
    group_column: str | int | None = None,
    pos_label: Any = None,
) -> Callable[..., float]:
    """Make a scorer of a metric of groups, for instance of the first page of each query.

    Parameters
    ----------
    metric : {"coverage", "ndcg", "map", "mrr", "precision", "recall", "hit_rate"}, \
default="coverage"
        The metric: :func:`group_coverage_score`, :func:`ndcg_at_k_score`,
        :func:`map_at_k_score`, :func:`mrr_at_k_score`, :func:`precision_at_k_score`,
        :func:`recall_at_k_score` or :func:`hit_rate_at_k_score`.

    k : int, default=None
        How many rows of each group are shown, at least 1. All metrics need it but "ndcg",
        which counts all rows without it, and "coverage", which takes a `budget` in its place.

    budget : float, default=None
        Fraction of each group that is shown, in (0, 1]; for "coverage".

    gain : {"exponential", "linear"}, default=None
        The gain of a grade, for "ndcg"; exponential by default.

    empty_groups : {"skip", "zero", "one", "raise"}, default=None
        What becomes of a group without positives, for all metrics but "coverage"; by default
        it is left out.

    min_grade : float, default=None
        The least grade that is positive, greater than 0, for all metrics but "ndcg". By
        default there are two labels.

    group_column : str or int, default=None
        Column of `X` that says which group each row belongs to, by name (in a data frame)
        or by position. With None, the scorer uses the `group` that metadata routing passes.

    pos_label : int, float, bool or str, default=None
        Label of the positive class, one of any two labels, as for
        :func:`make_coverage_scorer`. Not for "ndcg", nor with `min_grade`.

    Returns
    -------
    scorer : callable
        Called as ``scorer(estimator, X, y)``; greater is better.

    Raises
    ------
    ValueError
        If a parameter is out of its range, missing, or not one of the metric's. When the
        scorer is called: if no group is known, or the metric refuses the rows.

    See Also
    --------
    make_coverage_scorer : Scorer of one budget for all rows together.

    Notes
    -----
    The scorer ranks by ``decision_function`` if this gives one score per row, by
    ``predict_proba`` otherwise, and by ``predict`` of a regressor or a ranker. Of more than
    two classes, which are grades then, it takes the expected grade.

    Metadata routing passes the groups to the scorer after a request. In
    ``set_score_request(group="groups")`` they are those that a splitter such as ``GroupKFold``
    gets, which must not part a query.

    Examples
    --------
    >>> import numpy as np
    >>> import sklearn
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import GroupKFold, cross_validate
    >>> from skbudget.datasets import make_search_queries
    >>> from skbudget.metrics import make_group_scorer
    >>> X, y, query = make_search_queries(60, random_state=0)
    >>> with sklearn.config_context(enable_metadata_routing=True):
    ...     page = make_group_scorer("coverage", k=10).set_score_request(group="groups")
    ...     scores = cross_validate(
    ...         LogisticRegression(max_iter=1000), X, y > 0, cv=GroupKFold(3),
    ...         scoring=page, params={"groups": query},
    ...     )
    >>> scores["test_score"].shape
    (3,)

    With the query as the first column no routing is needed:

    >>> make_group_scorer("ndcg", k=10, group_column=0)
    make_scorer(ndcg_at_k_score, k=10, group_column=0)
    """
    owner = "make_group_scorer"
    check_option(metric, "metric", tuple(METRICS), owner)
    taken = {
        "coverage": {"k", "budget", "min_grade", "pos_label"},
        "ndcg": {"k", "gain", "empty_groups"},
    }.get(metric, {"k", "empty_groups", "min_grade", "pos_label"})
    given = {
        "k": k,
        "budget": budget,
        "gain": gain,
        "empty_groups": empty_groups,
        "min_grade": min_grade,
        "pos_label": pos_label,
    }
    params = {name: value for name, value in given.items() if value is not None}
    for name in params:
        if name not in taken:
            raise ValueError(
                f"The {name!r} parameter of {owner} is not one of {metric!r}: leave it out. "
                f"Got {given[name]!r} instead."
            )
    if metric == "coverage":
        check_slice(k, budget, owner)
    elif k is not None or metric != "ndcg":
        check_positive(k, "k", owner, integer=True, minimum=1)
    if gain is not None:
        check_option(gain, "gain", GAINS, owner)
    if empty_groups is not None:
        check_option(empty_groups, "empty_groups", EMPTY, owner)
    if min_grade is not None:
        check_positive(min_grade, "min_grade", owner)
        if pos_label is not None:
            raise ValueError(
                f"{owner} takes min_grade for graded labels or pos_label for two labels, not both."
            )
    if group_column is not None:
        if not (isinstance(group_column, str) or _is_whole(group_column)):
            raise InvalidParameterError(
                f"The 'group_column' parameter of {owner} must be a str, an int or None. Got "
                f"{group_column!r} instead."
            )
        params["group_column"] = group_column
    if budget is not None:
        params["budget"] = KnownBudget(budget)
    if "pos_label" in params:
        params["positive_class"] = params.pop("pos_label")
    function = METRICS[metric]
    return _GroupScorer(function, 1, {"metric": function, **params}, RESPONSE_METHODS)
