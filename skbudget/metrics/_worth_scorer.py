"""The scores of graded worth as scorers, for estimators of levels and of amounts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.metrics._scorer import _Scorer

from .._utils.positive import _fitted_layers, find_known_positive
from .._utils.responses import response_values
from .._utils.validation import (
    KnownBudget,
    _equal,
    _invalid,
    check_budget,
    check_option,
    check_positive,
    check_response,
)
from ._worth import (
    check_worth,
    expected_worth,
    worth_coverage_score,
    worth_of_labels,
    worth_per_review_score,
)

__all__ = ["make_worth_scorer", "worth_ranking"]

METHODS = ("decision_function", "predict_proba", "predict")


def worth_ranking(estimator: Any, X: Any, worth: Mapping[Any, float] | None) -> NDArray[np.float64]:
    """Return scores by which rows of greater expected worth come first.

    Parameters
    ----------
    estimator : object
        A fitted classifier of two classes or of levels, or a fitted regressor.
    X : array-like of shape (n_samples, n_features)
        Rows.
    worth : mapping of label to float, or None
        What each level is worth.

    Returns
    -------
    scores : ndarray of shape (n_samples,)
        The prediction of a regressor, and the only score of a classifier if the worth rises
        from class to class. Otherwise the expected worth by ``predict_proba``.

    Raises
    ------
    ValueError
        If neither ranks rows by worth.
    """
    name = type(estimator).__name__
    if not any(hasattr(estimator, method) for method in METHODS) or isinstance(estimator, type):
        raise TypeError(
            f"estimator must be a fitted classifier or regressor with {', '.join(METHODS[:2])} or "
            f"{METHODS[2]}: got {estimator!r}."
        )
    if not is_classifier(estimator):
        method = "predict" if hasattr(estimator, "predict") else "decision_function"
        return check_response(getattr(estimator, method)(X), f"The response of {name}")
    if not hasattr(estimator, "classes_"):
        raise NotFittedError(f"This estimator is not fitted yet: {estimator!r}.")
    of_class = _worth_of_classes(estimator, worth)
    # Of two classes that are no levels the positive one is worth more.
    positive = find_known_positive(estimator) if of_class is None else None
    if hasattr(estimator, "decision_function"):
        scores = np.asarray(response_values(estimator, X, "decision_function", positive)[0])
        if scores.ndim == 2 and scores.shape[1] == 1:
            scores = scores[:, 0]
        if scores.ndim == 1 and (of_class is None or (np.diff(of_class) >= 0).all()):
            return check_response(scores, f"The response of {name}")
    if not hasattr(estimator, "predict_proba"):
        raise ValueError(
            f"This {name} has no predict_proba, and its scores do not rank rows by what they are "
            "worth: calibrate it, or use a model of one score and a worth that rises with the "
            "level."
        )
    if len(estimator.classes_) == 2 and of_class is None:
        scores = response_values(estimator, X, "predict_proba", positive)[0]
        return check_response(scores, f"The response of {name}")
    if of_class is None:
        raise ValueError(
            f"This {name} has the classes {np.asarray(estimator.classes_)[:10].tolist()}, and only "
            "their worth can rank rows: pass worth= to make_worth_scorer."
        )
    return expected_worth(estimator.predict_proba(X), of_class)


def _worth_of_classes(
    estimator: Any, worth: Mapping[Any, float] | None
) -> NDArray[np.float64] | None:
    """Return the worth of each class of an estimator; None if its classes are no levels."""
    if worth is None:
        return None
    classes = np.asarray(estimator.classes_)
    if classes.size == 2 and (
        # Its score is the expected worth of other classes.
        any(hasattr(layer, "worth_") for layer in _fitted_layers(estimator))
        or not all(any(_equal(label, one) for label in worth) for one in classes.tolist())
    ):
        return None
    return worth_of_labels(classes, worth, f"classes_ of {type(estimator).__name__}")


class _WorthScorer(_Scorer):
    """A scikit-learn scorer that asks an estimator for what ranks rows by worth."""

    def _score(
        self, method_caller: Callable[..., Any], estimator: Any, X: Any, y_true: Any, **kwargs: Any
    ) -> float:
        scores = worth_ranking(estimator, X, self._kwargs["worth"])
        return self._score_func(y_true, scores, **self._kwargs, **kwargs)

    def __repr__(self) -> str:
        shown = ", ".join(f"{key}={value!r}" for key, value in self._kwargs.items())
        return f"make_scorer({self._score_func.__name__}, {shown})"


def make_worth_scorer(
    budget: float = 0.005,
    *,
    worth: Mapping[Any, float] | None = None,
    per_review: bool = False,
    cost: float = 0.0,
) -> Callable[..., float]:
    """Make a scorer of `worth_coverage_score` or of `worth_per_review_score`.

    Parameters
    ----------
    budget : float, default=0.005
        What can be reviewed, as a fraction in (0, 1]: 50 basis points are 0.005.

    worth : mapping of label to float, default=None
        What each label of ``y`` is worth, at least 0. With None, ``y`` holds amounts.

    per_review : bool, default=False
        Whether to score the worth per row reviewed, rather than the share of all worth.

    cost : float, default=0.0
        What reviewing one row costs, with ``per_review=True``.

    Returns
    -------
    scorer : callable
        Called as ``scorer(estimator, X, y)``; greater is better.

    Raises
    ------
    ValueError
        If a parameter is out of its range. When the scorer is called: if a label has no
        worth, or if the estimator cannot rank rows by worth.

    See Also
    --------
    make_value_per_review_scorer : Two classes, and values that are a column of ``X``.
    make_coverage_scorer : The share of the positives, or of their value.

    Notes
    -----
    A regressor ranks by ``predict``. A classifier ranks by ``decision_function`` where that is
    one score and the worth does not fall from one class to the next: then its order is that of
    the expected worth, and no probability is rounded to 1. Otherwise `expected_worth` of its
    ``predict_proba`` ranks, so levels with several scores need calibrated probabilities.

    ``sample_weight`` reaches the scorer by metadata routing, after a request with
    ``set_score_request``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skbudget.metrics import make_worth_scorer
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(500, 2))
    >>> level = np.digitize(X[:, 0] + rng.normal(size=500), [0.5, 2.0])
    >>> scorer = make_worth_scorer(budget=0.1, worth={0: 0, 1: 10, 2: 100})
    >>> scorer
    make_scorer(worth_coverage_score, budget=0.1, worth={0: 0.0, 1: 10.0, 2: 100.0})
    >>> search = GridSearchCV(LogisticRegression(), {"C": [0.01, 1.0]}, scoring=scorer)
    >>> bool(search.fit(X, level).best_score_ > 0.4)
    True
    """
    owner = "make_worth_scorer"
    budget = check_budget(budget, owner)
    found = None if worth is None else check_worth(worth, owner)
    check_option(per_review, "per_review", (True, False), owner)
    cost = check_positive(cost, "cost", owner, minimum=0)
    # Whoever makes the scorer is warned about a budget of 1, and not each time it is called.
    params: dict[str, Any] = {"budget": KnownBudget(budget), "worth": found}
    if per_review:
        return _WorthScorer(worth_per_review_score, 1, {**params, "cost": cost}, METHODS)
    if cost:
        raise _invalid("cost", cost, owner, "0 unless per_review=True")
    return _WorthScorer(worth_coverage_score, 1, params, METHODS)
