"""The coverage of two stages as a scorer of the second one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy.typing import ArrayLike

from .._utils.responses import response_values
from .._utils.validation import (
    BASES,
    check_binary_labels,
    check_option,
    check_response,
    distinct_labels,
)
from ._cascade import cascade_coverage_score, check_stage_budgets
from ._scorers import (
    RESPONSE_METHODS,
    _RankingScorer,
    _score_response,
    check_scorable,
    ranking_options,
)


def _score_second(
    positive: ArrayLike, second_score: ArrayLike, *, first_score: ArrayLike, **params: Any
) -> float:
    """Return the coverage of two stages, of which the second is the one that is scored."""
    return cascade_coverage_score(positive, first_score, second_score, **params)


_score_second.__name__ = cascade_coverage_score.__name__


class _CascadeScorer(_RankingScorer):
    """A scorer that ranks rows by a fitted first stage as well."""

    def __init__(self, first: Any, sign: int, kwargs: dict[str, Any]) -> None:
        super().__init__(_score_response, sign, kwargs, RESPONSE_METHODS)
        self._first = first

    def _score(
        self, method_caller: Callable[..., Any], estimator: Any, X: Any, y_true: Any, **kwargs: Any
    ) -> float:
        check_scorable(estimator)
        positive = self._kwargs.get("positive_class")
        if positive is None:
            positive = self._find_positive(estimator, y_true)
            kwargs["positive_class"] = positive
        if positive is None:
            labels = distinct_labels(y_true)
            positive = labels[-1] if labels.size else None
        else:
            # Before a model is asked for the scores of what may be no class.
            check_binary_labels(y_true, pos_label=positive)
        found, _ = response_values(self._first, X, RESPONSE_METHODS, pos_label=positive)
        kwargs["first_score"] = check_response(found, "The response of the first stage")
        return super()._score(method_caller, estimator, X, y_true, **kwargs)


def make_cascade_scorer(
    first: Any,
    *,
    budgets: ArrayLike = (0.05, 0.005),
    basis: str = "population",
    value_column: str | int | None = None,
    pos_label: Any = None,
) -> Callable[..., float]:
    """Make a scorer of :func:`cascade_coverage_score` for the second of two stages.

    It tells what a model covers behind a first stage that is there already, so that a search
    chooses the second stage for the rows that it will be shown.

    Parameters
    ----------
    first : classifier
        The first stage, fitted. Fit it on other rows than those that are scored: on the rows
        that it was trained on it would lose too few positives.

    budgets : sequence of 2 floats, default=(0.05, 0.005)
        What each stage keeps, as fractions in (0, 1]. The second is at most the first.

    basis : {"population", "fpr"}, default="population"
        What the budgets are fractions of: all rows, or all negatives.

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
    TypeError
        If `first` can score no rows.
    ValueError
        If a parameter is out of its range. When the scorer is called: if the estimator or
        `y` does not have two classes, or if `pos_label` is neither of them.

    See Also
    --------
    make_coverage_scorer : Scorer of one ranking, such as that of a `CascadeClassifier`.
    cascade_coverage : What each of the stages loses.

    Notes
    -----
    Both stages rank by ``decision_function`` if they have it, and by ``predict_proba``
    otherwise.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import cross_val_score
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from skbudget.metrics import make_cascade_scorer
    >>> X, y = make_classification(600, weights=[0.9], class_sep=2.0, random_state=0)
    >>> first = LogisticRegression().fit(X[:200], y[:200])
    >>> scorer = make_cascade_scorer(first, budgets=(0.3, 0.1))
    >>> scorer
    make_scorer(cascade_coverage_score, budgets=(0.3, 0.1), basis='population')
    >>> model = DecisionTreeClassifier(max_depth=3, random_state=0)
    >>> cross_val_score(model, X[200:], y[200:], scoring=scorer).shape
    (5,)
    """
    owner = "make_cascade_scorer"
    check_scorable(first, "first")
    of_first, of_second = check_stage_budgets(budgets, owner)
    check_option(basis, "basis", BASES, owner)
    kwargs = {"metric": _score_second, "budgets": (of_first, of_second), "basis": basis}
    return _CascadeScorer(first, 1, ranking_options(kwargs, value_column, pos_label))
