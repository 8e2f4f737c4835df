"""What a classifier with a threshold of its own takes from the classifier inside it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin
from sklearn.utils import get_tags, indexable
from sklearn.utils._response import _get_response_values_binary
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _estimator_has, _num_samples, check_is_fitted

from .._utils.labels import _same, check_class_labels, find_classes
from .._utils.naming import naming
from .._utils.positive import asked_positive, favours, find_known_positive
from .._utils.responses import response_values
from .._utils.validation import check_response
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
    cv: Any
    classes_: NDArray
    pos_label_: Any

    def _scores(self, estimator: Any, X: Any, pos_label: Any) -> NDArray[np.float64]:
        """Return scores that are greater for the positive class."""
        methods = self.response_method
        scores = response_values(
            estimator,
            X,
            RESPONSE_METHODS if methods == "auto" else methods,
            pos_label,
            read=_get_response_values_binary,
        )[0]
        return check_response(scores, "scores")

    def _is_reversed(self) -> bool:
        """Whether the estimator has the two classes in another order than ``classes_``."""
        return not favours(self.estimator_, self.classes_[1])

    def _by_class(self, columns: NDArray) -> NDArray:
        """Return the columns of the estimator's classes in the order of ``classes_``."""
        return columns[:, ::-1] if self._is_reversed() else columns

    @available_if(_estimator_has("decision_function"))
    def decision_function(self, X: Any) -> NDArray:
        """Return the scores of the fitted estimator, which favour ``classes_[1]``.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows, in a form that the estimator accepts.

        Returns
        -------
        decisions : ndarray of shape (n_samples,)
            Their sign is changed if ``classes_[1]`` is the first class of the estimator. If
            ``pos_label_`` is ``classes_[0]``, the rows to flag have the least scores, and
            ``threshold_`` is for the scores with the other sign.
        """
        check_is_fitted(self, "threshold_")
        decisions = self.estimator_.decision_function(X)
        return -decisions if self._is_reversed() else decisions

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
        return self._by_class(self.estimator_.predict_proba(X))

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
        return self._by_class(self.estimator_.predict_log_proba(X))

    def _find_classes(
        self, y: Any, weight: NDArray | None
    ) -> tuple[NDArray, NDArray[np.bool_] | None]:
        """Return the negative label and the positive one, and which rows are positive."""
        owner = type(self).__name__
        if isinstance(self.cv, str):
            return self._find_classes_of_fitted(y, weight)
        pos_label = asked_positive(self.estimator) if self.pos_label is None else self.pos_label
        return find_classes(y, pos_label, owner=owner, weight=weight, stacklevel=5)

    def _find_classes_of_fitted(
        self, y: Any, weight: NDArray | None
    ) -> tuple[NDArray, NDArray[np.bool_] | None]:
        """Do the same with a fitted estimator. Rows may lack labels, and either class."""
        owner = type(self).__name__
        classes = np.asarray(getattr(self.estimator, "classes_", ()))
        if classes.size != 2:
            raise ValueError(
                "Expected 'estimator' to be a binary classifier. Got "
                f"{type(self.estimator).__name__} with the classes {classes.tolist()} instead."
            )
        named, labels = self.pos_label, classes[:0]
        if named is not None and not any(_same(named, label) for label in classes):
            raise ValueError(
                f"The 'pos_label' parameter of {owner} must be one of the classes of the "
                f"estimator, {classes.tolist()}. Got {named!r} instead."
            )
        if y is not None:
            with naming("y", "labels, one per row"):
                check_class_labels(y)
                labels = np.unique(y)
            unknown = np.setdiff1d(labels, classes)
            if unknown.size:
                raise ValueError(
                    f"y holds labels that the estimator was not fitted on: {unknown.tolist()}; its "
                    f"classes are {classes.tolist()}."
                )
        if named is None:
            named = find_known_positive(self.estimator)
        if labels.size == 2:
            positive = find_classes(y, named, owner=owner, weight=weight, stacklevel=6).classes[1]
        elif named is None:
            raise ValueError(
                f"{owner} cannot tell which of the classes of the estimator, {classes.tolist()}, "
                "is the positive one, as y does not have both: name it by pos_label."
            )
        else:
            positive = named
        is_positive = np.array([_same(positive, label) for label in classes])
        classes = np.concatenate([classes[~is_positive], classes[is_positive]])
        return classes, None if y is None else np.asarray(y == classes[1])

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags; those on the input are the estimator's."""
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator).input_tags
        tags.classifier_tags.multi_class = False
        tags.input_tags.sparse = inner.sparse
        tags.input_tags.allow_nan = inner.allow_nan
        return tags
