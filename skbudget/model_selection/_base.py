"""What a classifier with a threshold of its own takes from the classifier inside it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin
from sklearn.utils import column_or_1d, get_tags, indexable
from sklearn.utils._response import _get_response_values_binary
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import _estimator_has, _num_samples, check_is_fitted

from .._utils.naming import naming
from .._utils.validation import check_scores
from ..metrics._scorers import RESPONSE_METHODS

__all__ = ["ThresholdBase", "check_lengths"]


def check_lengths(X: Any, y: Any) -> tuple[Any, Any]:
    """Return rows and labels, which must be as many, in a form that can be indexed."""
    if y is not None:
        with naming("y", "labels, one per row"):
            _num_samples(y)
    X, y = indexable(X, y)
    return X, y


class ThresholdBase(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):
    """Scores, classes and tags of a classifier around ``estimator``, fitted as ``estimator_``."""

    estimator: Any
    estimator_: Any
    response_method: str
    pos_label: Any

    @property
    def classes_(self) -> NDArray:
        """Class labels."""
        return self.estimator_.classes_

    def _positive_class(self, estimator: Any) -> Any:
        return estimator.classes_[1] if self.pos_label is None else self.pos_label

    def _scores(self, estimator: Any, X: Any) -> NDArray[np.float64]:
        """Return scores that are greater for the positive class."""
        methods = self.response_method
        scores = _get_response_values_binary(
            estimator,
            X,
            RESPONSE_METHODS if methods == "auto" else methods,
            pos_label=self.pos_label,
        )[0]
        # An estimator may answer with more digits than its scores mean.
        return check_scores(np.asarray(scores, dtype=np.float64), "scores")

    @available_if(_estimator_has("decision_function"))
    def decision_function(self, X: Any) -> NDArray:
        """Return the scores of the fitted estimator, unchanged.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows, in a form that the estimator accepts.

        Returns
        -------
        decisions : ndarray of shape (n_samples,)
            Greater scores favour ``classes_[1]``.
        """
        check_is_fitted(self, "threshold_")
        return self.estimator_.decision_function(X)

    @available_if(_estimator_has("predict_proba"))
    def predict_proba(self, X: Any) -> NDArray:
        """Return the class probabilities of the fitted estimator.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows, in a form that the estimator accepts.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, 2)
            Columns in the order of ``classes_``.
        """
        check_is_fitted(self, "threshold_")
        return self.estimator_.predict_proba(X)

    @available_if(_estimator_has("predict_log_proba"))
    def predict_log_proba(self, X: Any) -> NDArray:
        """Return the logarithms of the class probabilities of the fitted estimator.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows, in a form that the estimator accepts.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, 2)
            Columns in the order of ``classes_``.
        """
        check_is_fitted(self, "threshold_")
        return self.estimator_.predict_log_proba(X)

    def _check_labels(self, y: Any, prefit: bool) -> NDArray:
        """Return labels to fit on: two classes, or known ones if the estimator is fitted."""
        with naming("y", "labels, one per row"):
            kind = type_of_target(y, input_name="y")
        if kind != "binary":
            raise ValueError(f"Only binary classification is supported. Unknown label type: {kind}")
        with naming("y", "labels, one per row"):
            y = column_or_1d(y, warn=True)
        labels = np.unique(y)
        if prefit:
            # Either class may be absent: a share of all rows needs no positive.
            unknown = np.setdiff1d(labels, self.estimator.classes_)
            if unknown.size:
                raise ValueError(
                    f"y holds labels that the estimator was not fitted on: {unknown.tolist()}; its "
                    f"classes are {self.estimator.classes_.tolist()}."
                )
            return y
        if labels.size < 2:
            raise ValueError(
                f"{type(self).__name__} needs two classes, but y contains one class: "
                f"{labels.tolist()}."
            )
        if self.pos_label is not None and self.pos_label not in labels.tolist():
            raise ValueError(
                f"pos_label={self.pos_label!r} is not a valid label: it should be one of "
                f"{labels.tolist()}."
            )
        return y

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags; those on the input are the estimator's."""
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator).input_tags
        tags.classifier_tags.multi_class = False
        tags.input_tags.sparse = inner.sparse
        tags.input_tags.allow_nan = inner.allow_nan
        return tags
