"""The metrics as scorers, for ``cross_validate``, ``GridSearchCV`` and the like."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.metrics._scorer import _Scorer
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import InvalidParameterError

from .._utils.labels import (
    _same,
    deaf_to_majorities,
    find_classes,
    has_known_positive,
    warn_of_majority,
    weighted_share,
)
from .._utils.positive import find_known_positive
from .._utils.responses import response_values
from .._utils.validation import (
    BASES,
    KnownBudget,
    _is_whole,
    check_band,
    check_binary_labels,
    check_budget,
    check_option,
    check_positive,
    check_ranking,
    check_weights,
    distinct_labels,
)
from ._coverage import coverage_at_budget_score
from ._partial_auc import fpr_at_tpr_error, partial_auc_score
from ._value import value_per_review_score

RESPONSE_METHODS = ("decision_function", "predict_proba")


def check_scorable(estimator: Any, name: str = "estimator") -> None:
    """Raise unless the estimator can score rows."""
    if not any(hasattr(estimator, method) for method in RESPONSE_METHODS):
        raise TypeError(
            f"{name} must be a fitted binary classifier with {' or '.join(RESPONSE_METHODS)}: "
            f"got {estimator!r}."
        )
    if isinstance(estimator, type) or (
        is_classifier(estimator) and not hasattr(estimator, "classes_")
    ):
        raise NotFittedError(f"This {name} is not fitted yet: {estimator!r}.")


def _score_response(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    metric: Callable[..., float],
    positive_class: Any = None,
    classes: Any = None,
    sample_weight: ArrayLike | None = None,
    value: ArrayLike | None = None,
    value_column: Any = None,
    **params: Any,
) -> float:
    """Evaluate ``metric`` on an estimator's response, which favours the second of ``classes``.

    Without classes it favours the greater label.
    """
    if value_column is not None and value is None:
        # A caller that does not go through the scorer's own `_score` does not pass X.
        raise ValueError(
            f"value_column={value_column!r} cannot be looked up here, where predictions are "
            "scored without X: pass value by metadata routing."
        )
    labels = distinct_labels(y_true)
    greater = labels[-1] if labels.size else None
    if np.ndim(y_score) != 1:
        check_binary_labels(y_true, pos_label=greater)
        raise ValueError(
            "The estimator must be a binary classifier: its response has shape "
            f"{np.shape(y_score)}, not (n_samples,)."
        )
    positive = check_binary_labels(y_true, pos_label=positive_class)
    if positive_class is None:
        positive_class = greater
    if np.asarray(y_score).dtype.kind in "OUS":
        # `TunedThresholdClassifierCV` passes the labels that a threshold gives.
        y_score = (np.asarray(y_score) == greater).astype(np.float64)
    if _is_reversed(positive_class, greater, classes):
        y_score = -check_ranking(y_score)
    weight = check_weights(sample_weight, positive.size)
    share = partial(weighted_share, positive, weight)
    owner = f"A scorer of {metric.__name__}"
    warn_of_majority(y_true, share, positive_class, owner=owner, scores=False)
    with deaf_to_majorities():
        return metric(positive, y_score, sample_weight=sample_weight, value=value, **params)


def _is_reversed(positive_class: Any, greater: Any, classes: Any) -> bool:
    """Tell whether the response favours the other class than the positive one."""
    if classes is None or len(classes) != 2:
        return not _same(positive_class, greater)
    if not any(_same(positive_class, label) for label in classes):
        raise ValueError(
            f"pos_label={positive_class!r} is not a class of the estimator: its classes are "
            f"{np.asarray(classes).tolist()}."
        )
    return not _same(positive_class, classes[1])


def _column_of(X: Any, column: str | int, name: str = "value_column") -> np.ndarray:
    """Return a column of a table, by name or position."""
    try:
        values = _safe_indexing(X, column, axis=1)
    except (IndexError, KeyError, OverflowError, ValueError) as error:
        # An array has no names of columns.
        nameless = isinstance(column, str) and not hasattr(X, "columns")
        raise ValueError(
            f"{name}={column!r} is not a column of X, which has shape {np.shape(X)}"
            f"{' and no names of columns: pass a position' if nameless else ''}."
        ) from error
    if hasattr(values, "toarray"):
        values = values.toarray()
    return np.asarray(values).ravel()


def _call(estimator: Any, method: str, X: Any, **kwargs: Any) -> Any:
    """Return the response of an estimator, in the way that scikit-learn asks for it."""
    return response_values(estimator, X, method, **kwargs)[0]


class _RankingScorer(_Scorer):
    """A scikit-learn scorer that stays correct beside scorers with another positive class.

    Scorers that are evaluated together share a cache of responses, whose only key is the
    name of the method. Another scorer with a ``pos_label`` would leave its negated scores
    there, so this scorer asks the estimator itself. For the same reason it hides
    ``pos_label`` from scikit-learn under the name ``positive_class``.
    """

    def _score(
        self, method_caller: Callable[..., Any], estimator: Any, X: Any, y_true: Any, **kwargs: Any
    ) -> float:
        check_scorable(estimator)
        column = self._kwargs.get("value_column")
        if column is not None:
            if kwargs.get("value") is not None:
                raise ValueError(
                    f"The scorer takes value from value_column={column!r}, and was passed value "
                    "as well: use one of them."
                )
            kwargs["value"] = _column_of(X, column)
        if "positive_class" not in self._kwargs and "positive_class" not in kwargs:
            kwargs["positive_class"] = self._find_positive(estimator, y_true)
        kwargs["classes"] = getattr(estimator, "classes_", None)
        return super()._score(_call, estimator, X, y_true, **kwargs)

    def _find_positive(self, estimator: Any, y_true: Any) -> Any:
        """Return the positive label by the rule for estimators, None if it cannot be applied.

        A search of scikit-learn makes NaN of an error in a scorer, and goes on.
        """
        known = find_known_positive(estimator)
        labels = distinct_labels(y_true)
        if known is not None or labels.size != 2 or has_known_positive(labels):
            return known
        owner = f"A scorer of {self._kwargs['metric'].__name__}"
        positive = find_classes(y_true, owner=owner, stacklevel=4).classes[1]
        return positive.item() if isinstance(positive, np.generic) else positive

    def __repr__(self) -> str:
        params = {key: value for key, value in self._kwargs.items() if key != "metric"}
        if "positive_class" in params:
            params["pos_label"] = params.pop("positive_class")
        shown = ", ".join(f"{key}={value!r}" for key, value in params.items())
        return f"make_scorer({self._kwargs['metric'].__name__}, {shown})"


def ranking_options(
    kwargs: dict[str, Any], value_column: str | int | None, pos_label: Any
) -> dict[str, Any]:
    """Return the arguments of a scorer, with a column of values and a positive class if given."""
    if value_column is not None:
        if not (isinstance(value_column, str) or _is_whole(value_column)):
            raise InvalidParameterError(
                f"The 'value_column' parameter of the scorer of {kwargs['metric'].__name__} must "
                f"be a str, an int or None. Got {value_column!r} instead."
            )
        kwargs["value_column"] = value_column
    if pos_label is not None:
        kwargs["positive_class"] = pos_label
    return kwargs


def _make_ranking_scorer(
    metric: Callable[..., float],
    pos_label: Any,
    value_column: str | int | None,
    *,
    sign: int = 1,
    **params: Any,
) -> _RankingScorer:
    if "budget" in params:
        # Whoever makes the scorer is warned about a budget of 1, and not each time it is called.
        params["budget"] = KnownBudget(params["budget"])
    kwargs = ranking_options({"metric": metric, **params}, value_column, pos_label)
    return _RankingScorer(_score_response, sign, kwargs, RESPONSE_METHODS)


def make_coverage_scorer(
    budget: float = 0.005,
    *,
    basis: str = "population",
    value_column: str | int | None = None,
    pos_label: Any = None,
) -> Callable[..., float]:
    """Make a scorer of :func:`coverage_at_budget_score`.

    Parameters
    ----------
    budget : float, default=0.005
        What can be reviewed, as a fraction in (0, 1]: 50 basis points are 0.005.

    basis : {"population", "fpr"}, default="population"
        What the budget is a fraction of: all rows, or the negatives.

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
    make_partial_auc_scorer : Scorer of the mean true positive rate over a band.
    make_fpr_at_tpr_scorer : Scorer of the false positive rate at a true positive rate.
    make_value_per_review_scorer : Scorer of the value caught per row reviewed.

    Notes
    -----
    The scorer ranks by ``decision_function`` if the estimator has it, and by
    ``predict_proba`` otherwise. It reverses the ranking if this favours the other class than
    the positive one.

    Metadata routing passes ``sample_weight`` and ``value`` to the scorer after a request
    with ``set_score_request``. An amount that is a column of the table needs no routing: the
    scorer finds it by `value_column` in the ``X`` that was passed to ``cross_validate`` or
    ``score``, before any step of a pipeline.

    ``TunedThresholdClassifierCV`` scores labels instead of a ranking. The rows above the
    threshold are then tied, and so are those below; ``value`` must be routed.

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

    The share of the amount that is caught, with an amount that is not a column:

    >>> import numpy as np
    >>> import sklearn
    >>> from sklearn.model_selection import cross_validate
    >>> amount = np.random.default_rng(0).lognormal(size=y.size)
    >>> with sklearn.config_context(enable_metadata_routing=True):
    ...     scorer = make_coverage_scorer(budget=0.2).set_score_request(value=True)
    ...     scores = cross_validate(
    ...         LogisticRegression(), X, y, scoring=scorer, params={"value": amount}
    ...     )
    >>> scores["test_score"].shape
    (5,)

    The same, with the amount as the last column:

    >>> table = np.column_stack([X, amount])
    >>> scorer = make_coverage_scorer(budget=0.2, value_column=-1)
    >>> cross_val_score(LogisticRegression(), table, y, scoring=scorer).shape
    (5,)
    """
    owner = "make_coverage_scorer"
    budget = check_budget(budget, owner)
    check_option(basis, "basis", BASES, owner)
    return _make_ranking_scorer(
        coverage_at_budget_score, pos_label, value_column, budget=budget, basis=basis
    )


def make_value_per_review_scorer(
    budget: float = 0.005,
    *,
    basis: str = "population",
    cost: float = 0.0,
    value_column: str | int | None = None,
    pos_label: Any = None,
) -> Callable[..., float]:
    """Make a scorer of :func:`value_per_review_score`.

    Parameters
    ----------
    budget : float, default=0.005
        What can be reviewed, as a fraction in (0, 1]: 50 basis points are 0.005.

    basis : {"population", "fpr"}, default="population"
        What the budget is a fraction of: all rows, or the negatives.

    cost : float, default=0.0
        What reviewing one row costs, at least 0, in the unit of the value.

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

    Examples
    --------
    >>> from skbudget.metrics import make_value_per_review_scorer
    >>> make_value_per_review_scorer(budget=0.01, cost=5.0)
    make_scorer(value_per_review_score, budget=0.01, basis='population', cost=5.0)
    """
    owner = "make_value_per_review_scorer"
    budget = check_budget(budget, owner)
    check_option(basis, "basis", BASES, owner)
    cost = check_positive(cost, "cost", owner, minimum=0)
    return _make_ranking_scorer(
        value_per_review_score, pos_label, value_column, budget=budget, basis=basis, cost=cost
    )


def make_partial_auc_scorer(
    alpha: float = 0.0,
    beta: float = 0.005,
    *,
    standardize: bool = False,
    value_column: str | int | None = None,
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
        Whether to rescale the score so that chance is 0.5 in any band.

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
        partial_auc_score,
        pos_label,
        value_column,
        alpha=alpha,
        beta=beta,
        standardize=standardize,
    )


def make_fpr_at_tpr_scorer(
    tpr: float = 0.95, *, value_column: str | int | None = None, pos_label: Any = None
) -> Callable[..., float]:
    """Make a scorer of :func:`fpr_at_tpr_error` with its sign changed.

    Parameters
    ----------
    tpr : float, default=0.95
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

    Examples
    --------
    >>> from skbudget.metrics import make_fpr_at_tpr_scorer
    >>> make_fpr_at_tpr_scorer(tpr=0.9)
    make_scorer(fpr_at_tpr_error, tpr=0.9)
    """
    tpr = check_budget(tpr, "make_fpr_at_tpr_scorer", "tpr")
    return _make_ranking_scorer(fpr_at_tpr_error, pos_label, value_column, sign=-1, tpr=tpr)
