"""Estimators whose score is what a row is expected to be worth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    MetaEstimatorMixin,
    RegressorMixin,
    clone,
)
from sklearn.utils import _safe_indexing, column_or_1d, get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from .._utils.estimators import check_estimator
from .._utils.naming import naming
from .._utils.validation import check_scores, check_weights
from ..metrics._worth import check_worth, expected_worth, worth_of_labels
from ..metrics._worth_scorer import worth_ranking
from ._base import check_lengths

__all__ = ["ExpectedWorthClassifier", "TwoPartRegressor"]

_ALLOWED = "an estimator instance"


def _has_probabilities(self: Any) -> bool:
    inner = getattr(self, "estimator_", self.estimator)
    if not hasattr(inner, "predict_proba"):
        raise AttributeError(
            f"The estimator of this {type(self).__name__}, {inner!r}, has no predict_proba."
        )
    return True


def _answer(
    owner: Any, name: str, method: str, X: Any, counted: NDArray[np.bool_] | None = None
) -> NDArray[np.float64]:
    """Return what a fitted model inside an estimator answers, which must be finite.

    Parameters
    ----------
    owner : estimator
        The estimator.
    name : str
        Its parameter that holds the model.
    method : str
        What is asked.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Rows.
    counted : ndarray of shape (n_samples,), dtype=bool, default=None
        The rows whose answers count; None for all.

    Raises
    ------
    ValueError
        If there is NaN or infinity in an answer that counts.
    """
    model = getattr(owner, f"{name}_")
    found = np.asarray(getattr(model, method)(X), dtype=np.float64)
    wrong = ~np.isfinite(found).reshape(len(found), -1).all(axis=1)
    n_wrong = int(np.count_nonzero(wrong if counted is None else wrong & counted))
    if n_wrong:
        raise ValueError(
            f"{method} of the {name} of {type(owner).__name__}, {model!r}, is NaN or infinite for "
            f"{n_wrong} of {len(found)} rows of X. Features that are tiny or huge beside others do "
            "so to some models: scale them, by sklearn.preprocessing.StandardScaler, and fit again."
        )
    return found


class ExpectedWorthClassifier(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):
    """Ranks rows by the expected worth of their level.

    It fits a classifier on the levels, and is to its users a classifier of two classes: a row
    is worth something (1) or nothing (0). Its score is the expected worth of the row.

    Parameters
    ----------
    estimator : estimator instance
        Classifier of the levels.
    worth : mapping of level to float
        What each level is worth, at least 0.

    Attributes
    ----------
    estimator_ : estimator
        The fitted classifier.
    classes_ : ndarray of shape (2,)
        0 and 1: worth nothing, and worth something.
    worth_ : ndarray of shape (n_levels,)
        What each level of ``estimator_.classes_`` is worth.
    pos_label_ : int
        1.

    See Also
    --------
    skbudget.metrics.expected_worth : The same from probabilities.
    skbudget.metrics.make_worth_scorer : Scores a classifier of levels without this.
    TwoPartRegressor : The expected worth where it is an amount.

    Notes
    -----
    A classifier of one score whose worth rises from level to level ranks by that score: the
    expected worth is monotone in it. `decision_function` returns the expected worth wherever
    there are probabilities, and that score otherwise.

    `BudgetThresholdClassifier` with ``cv="prefit"`` sets a threshold on the expected worth of
    fresh rows.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skbudget import BudgetThresholdClassifier
    >>> from skbudget.model_selection import ExpectedWorthClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(3_000, 2))
    >>> level = np.digitize(X[:, 0] + rng.normal(size=3_000), [1.0, 3.0])
    >>> model = ExpectedWorthClassifier(LogisticRegression(), worth={0: 0, 1: 10, 2: 200})
    >>> model = model.fit(X[:1_000], level[:1_000])
    >>> threshold = BudgetThresholdClassifier(model, budget=0.05, cv="prefit").fit(X[1_000:2_000])
    >>> float(threshold.predict(X[2_000:]).mean().round(2))
    0.06
    """

    def __init__(self, estimator: Any, *, worth: Mapping[Any, float] | None = None) -> None:
        self.estimator = estimator
        self.worth = worth

    def fit(self, X: Any, y: ArrayLike, **fit_params: Any) -> ExpectedWorthClassifier:
        """Fit the classifier on the levels.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,)
            Levels.
        **fit_params
            Passed to ``fit`` of the classifier, such as ``sample_weight``.

        Returns
        -------
        self : ExpectedWorthClassifier
        """
        owner = type(self).__name__
        check_estimator(self.estimator, "estimator", owner, _ALLOWED)
        worth = check_worth(self.worth, owner)
        X, y = check_lengths(X, y)
        with naming("y", "levels, one per row"):
            y = column_or_1d(y, warn=True)
        worth_of_labels(np.asarray(y), worth, "y")
        self.estimator_ = clone(self.estimator).fit(X, y, **fit_params)
        self.worth_ = worth_of_labels(self.estimator_.classes_, worth, "y")
        self.classes_ = np.array([0, 1])
        self.pos_label_ = 1
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self.estimator_, name):
                setattr(self, name, getattr(self.estimator_, name))
        return self

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Return the expected worth of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        scores : ndarray of shape (n_samples,)
            Without probabilities the only score of the classifier.
        """
        check_is_fitted(self)
        if hasattr(self.estimator_, "predict_proba"):
            return expected_worth(_answer(self, "estimator", "predict_proba", X), self.worth_)
        worth = dict(zip(self.estimator_.classes_.tolist(), self.worth_.tolist()))
        return worth_ranking(self.estimator_, X, worth)

    @available_if(_has_probabilities)
    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the probability that a row is worth nothing, and something.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, 2)
        """
        check_is_fitted(self)
        of_levels = _answer(self, "estimator", "predict_proba", X)
        something = of_levels @ (self.worth_ > 0).astype(np.float64)
        return np.column_stack([1.0 - something, something])

    @available_if(_has_probabilities)
    def predict(self, X: Any) -> NDArray[np.int64]:
        """Return 1 for rows that are more probably worth something than nothing.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
        """
        return self.classes_[(self.predict_proba(X)[:, 1] > 0.5).astype(np.intp)]

    def score(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return the accuracy of `predict` for levels.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,)
            Levels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights.

        Returns
        -------
        score : float
        """
        check_is_fitted(self)
        of_row = worth_of_labels(np.asarray(y), check_worth(self.worth, type(self).__name__), "y")
        return float(super().score(X, (of_row > 0).astype(np.int64), sample_weight))

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags; those on the input are the estimator's."""
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator).input_tags
        tags.input_tags.sparse, tags.input_tags.allow_nan = inner.sparse, inner.allow_nan
        return tags


class TwoPartRegressor(RegressorMixin, MetaEstimatorMixin, BaseEstimator):
    """Expected amount from two models: is there one, and how much is it then.

    `predict` is the probability of an amount above 0, times the amount expected of a row
    that has one. Most rows of a table of losses or revenues have none, and a single
    regression spends itself on telling them from the others.

    Parameters
    ----------
    classifier : estimator instance
        Classifier with ``predict_proba``, fitted on whether a row has an amount.
    regressor : estimator instance
        Regressor, fitted on the amounts of the rows that have one.

    Attributes
    ----------
    classifier_, regressor_ : estimators
        The fitted models.

    See Also
    --------
    ExpectedWorthClassifier : The expected worth of levels.
    skbudget.metrics.make_worth_scorer : Compares such a model with others at a budget.

    Notes
    -----
    Predictions of the regressor below 0 count as 0. The regressor sees the rows with an amount
    only, and is asked about all rows.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression, LogisticRegression
    >>> from sklearn.model_selection import cross_val_score
    >>> from skbudget.metrics import make_worth_scorer
    >>> from skbudget.model_selection import TwoPartRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(2_000, 2))
    >>> amount = np.where(X[:, 0] + rng.logistic(size=2_000) > 3.0, np.exp(X[:, 1]), 0.0)
    >>> model = TwoPartRegressor(LogisticRegression(), LinearRegression())
    >>> scores = cross_val_score(model, X, amount, scoring=make_worth_scorer(budget=0.05))
    >>> bool(scores.mean() > 0.2)
    True
    """

    def __init__(self, classifier: Any, regressor: Any) -> None:
        self.classifier = classifier
        self.regressor = regressor

    def fit(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> TwoPartRegressor:
        """Fit both models.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,)
            Amounts, at least 0.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, passed to both models.

        Returns
        -------
        self : TwoPartRegressor
        """
        owner = type(self).__name__
        for name in ("classifier", "regressor"):
            check_estimator(getattr(self, name), name, owner, _ALLOWED)
        X, y = check_lengths(X, y)
        amount = check_scores(y, "y")
        weight = check_weights(sample_weight, amount.size)
        if amount.min() < 0:
            raise ValueError(
                f"y of {owner} must hold amounts of at least 0, and has negative ones: the least "
                f"is {amount.min():g}."
            )
        has_one = amount > 0
        counted = has_one if weight is None else has_one & (weight > 0)
        others = ~has_one if weight is None else ~has_one & (weight > 0)
        if not (counted.any() and others.any()):
            raise ValueError(
                f"{owner} needs rows with an amount above 0 and rows without one: y has "
                f"{int(counted.sum())} and {int(others.sum())} of them with weight."
            )
        of_all = {} if weight is None else {"sample_weight": weight}
        with_amount = np.flatnonzero(counted)
        of_part = {} if weight is None else {"sample_weight": weight[with_amount]}
        self.classifier_ = clone(self.classifier).fit(X, has_one.astype(np.int64), **of_all)
        if not hasattr(self.classifier_, "predict_proba"):
            raise TypeError(
                f"The 'classifier' parameter of {owner} needs predict_proba: got "
                f"{self.classifier!r}. Calibrate it, by CalibratedClassifierCV."
            )
        self.regressor_ = clone(self.regressor).fit(
            _safe_indexing(X, with_amount), amount[with_amount], **of_part
        )
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self.classifier_, name):
                setattr(self, name, getattr(self.classifier_, name))
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:
        """Return the expected amount of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        amount : ndarray of shape (n_samples,)
        """
        check_is_fitted(self)
        chance = _answer(self, "classifier", "predict_proba", X)[:, 1]
        amount = np.maximum(_answer(self, "regressor", "predict", X, chance > 0), 0.0)
        # A row without a chance is worth nothing, however much a regressor expects of it.
        return np.multiply(chance, amount, out=np.zeros(chance.size), where=chance > 0)

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags; those on the input are the classifier's."""
        tags = super().__sklearn_tags__()
        inner = get_tags(self.classifier).input_tags
        tags.input_tags.sparse, tags.input_tags.allow_nan = inner.sparse, inner.allow_nan
        tags.target_tags.positive_only = True
        return tags
