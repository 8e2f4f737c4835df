"""What a fitted `PAUCClassifier` predicts: scores, probabilities, labels, levels and numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, log_expit, softmax
from sklearn.exceptions import NotFittedError
from sklearn.metrics import r2_score
from sklearn.utils import RegressorTags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from ..._utils.labels import classes_by_role, is_positive_first, two_columns
from ..._utils.levels import level_accuracy
from ._calibration import Calibration
from ._criterion import Declaration
from ._net import RankingNet
from ._parameters import has_probabilities
from ._rows import TableDataset
from ._support import class_scores
from ._table import check_X

__all__ = ["NetworkPredictions"]


class NetworkPredictions:
    """The predictions of an estimator around a fitted net."""

    classes_: NDArray
    net_: RankingNet
    _calibration: Calibration
    _head_sizes: dict[str, int]
    _loss_needs: Declaration
    _thresholds: NDArray | None
    _levels: Any = None
    _declared_loss: Any

    def _margins(self, X: Any) -> NDArray[np.float64]:
        check_is_fitted(self, "net_")
        X = check_X(self, X)
        raw = self.net_.scores_of(TableDataset(X)).mean(axis=1)
        if self._loss_needs.has_classes and not self._loss_needs.has_labels:
            raw = class_scores(raw, self.classes_.size)
        margins = self._calibration.scores(raw)
        if not np.isfinite(margins).all():
            raise FloatingPointError(
                f"{type(self).__name__} gives scores that are not finite: the network diverged, or "
                "the features are far from those it was trained on."
            )
        return margins

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Return the raw score of each row, the mean over the ensemble.

        With calibration, a score above zero means a probability above one half, and
        for more than two classes a score is the log-odds of its class. Without
        calibration, only the order has a meaning. Of two classes a greater score favours
        ``classes_[1]``, which need not be the positive class ``pos_label_``.

        Parameters
        ----------
        X : array-like, CSR matrix or DataFrame of shape (n_samples, n_features)
            Rows to score.

        Returns
        -------
        scores : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            One score for two classes, one per class for more; of an ordinal target one, or
            one per threshold or per level; of several labels, one per label.
        """
        scores = self._scores(X)
        return -scores if is_positive_first(self) else scores

    def _scores(self, X: Any) -> NDArray[np.float64]:
        """Return the raw scores of the rows, greater for the positive class of two."""
        margins = self._margins(X)
        loss = self._loss_needs
        if loss.has_labels:
            return margins
        one_score = self.classes_.size == 2 if loss.has_classes else loss.margins == "one"
        return margins[:, 0] if one_score else margins

    def head_scores(self, X: Any) -> dict[str, NDArray[np.float64]]:
        """Return the raw scores of the heads beside the one that is scored.

        A score of a head with two classes favours the positive one, and is a log-odds if its
        loss is a cross-entropy; ``head_classes_`` has the order of more classes or levels. That
        of a real target is the number itself.

        Parameters
        ----------
        X : array-like, CSR matrix or DataFrame of shape (n_samples, n_features)
            Rows to score.

        Returns
        -------
        scores : dict of str to ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Means over the ensemble, by the name of the head. A head of weight 0 is not trained,
            and has none.
        """
        check_is_fitted(self, "net_")
        raw = self.net_.outputs_of(TableDataset(check_X(self, X))).mean(axis=1)
        found, start = {}, raw.shape[1] - sum(self._head_sizes.values())
        for name, size in self._head_sizes.items():
            scores = raw[:, start : start + size]
            found[name] = scores[:, 0] if size == 1 else scores
            start += size
        return found

    @available_if(has_probabilities)
    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return calibrated probabilities of the classes.

        Parameters
        ----------
        X : array-like, CSR matrix or DataFrame of shape (n_samples, n_features)
            Rows to score.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``. Of several labels per row those of each label.
        """
        margins = self._margins(X)
        if self._levels is not None:
            return self._level_probabilities(margins)
        slope = self._calibration.slope
        if slope is None:
            raise NotFittedError(
                f"This {type(self).__name__} was fitted with calibration_cv=None, so it has no "
                "probabilities: fit it again for them, or use decision_function."
            )
        logits = slope * margins
        if self._loss_needs.has_labels:
            return expit(logits)
        if self.classes_.size == 2:
            return two_columns(expit(logits[:, 0]), is_positive_first(self))
        # Normalised as logarithms: far out, every class may be next to impossible.
        return softmax(log_expit(logits), axis=1)

    def _level_probabilities(self, margins: NDArray[np.float64]) -> NDArray[np.float64]:
        loss = self._loss_needs
        one_score = loss.shares_score or loss.margins == "one"
        scores = self._levels.scores(margins[:, 0] if one_score else margins)
        return self._levels.probabilities(scores)

    def predict(self, X: Any) -> NDArray:
        """Return the most probable class of each row; without calibration, by raw score.

        Parameters
        ----------
        X : array-like, CSR matrix or DataFrame of shape (n_samples, n_features)
            Rows to classify.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            Of an ordinal target the level, of a real one the raw score. Of several labels per
            row indicators of shape (n_samples, n_labels).
        """
        scores = self._scores(X)
        target = self._loss_needs.target
        if target == "labels":
            return (scores > 0).astype(np.int64)
        if target == "real":
            return scores
        if target == "ordinal" and self._loss_needs.margins != "classes":
            above = scores > 0 if self._thresholds is None else scores[:, None] > self._thresholds
            return self.classes_[np.count_nonzero(above, axis=1)]
        if target == "ordinal" and self._levels is not None:
            # The raw scores of a level need not compare with those of another.
            scores = self._level_probabilities(scores)
        if scores.ndim == 1:
            return classes_by_role(self)[(scores > 0).astype(np.intp)]
        return self.classes_[scores.argmax(axis=1)]

    def score(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return the accuracy of `predict`, or for a real target its R².

        Of several labels per row it is the share of rows with all labels right.

        Parameters
        ----------
        X : array-like, CSR matrix or DataFrame of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,)
            What is true of them.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights.

        Returns
        -------
        score : float
        """
        if self._declared_loss().target == "real":
            return float(r2_score(y, self.predict(X), sample_weight=sample_weight))
        if self._declared_loss().target == "ordinal":
            return level_accuracy(y, self.predict(X), sample_weight)
        return super().score(X, y, sample_weight)  # type: ignore[misc]

    def __sklearn_tags__(self) -> Any:
        """Return the tags of scikit-learn."""
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.input_tags.sparse = True
        if self._declared_loss(fitted=False).target == "real":
            tags.estimator_type = "regressor"
            tags.classifier_tags, tags.regressor_tags = None, RegressorTags()
        if self._declared_loss(fitted=False).has_labels:
            tags.classifier_tags.multi_label = True
        return tags
