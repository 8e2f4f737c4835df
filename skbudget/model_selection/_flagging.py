"""What a fitted threshold does to rows: flag them, and list those to review."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import _num_samples, check_is_fitted

from .._utils.codes import code_known_labels
from .._utils.labels import classes_by_role
from .._utils.validation import check_positive
from ..metrics._pages import code_pages
from ..metrics._ranking import whole_rows
from ._allocation import merged_order
from ._base import ThresholdBase
from ._calibration import BudgetRule, Rule
from ._top_rows import cap_groups, check_cap

__all__ = ["FlagsRows"]


class FlagsRows(ThresholdBase):
    """Predictions and alerts of a classifier with thresholds."""

    segments_: NDArray | None
    segment_rates_: NDArray[np.float64] | None
    threshold_: Any
    # The rule that the thresholds were chosen by, whatever the parameters are by now.
    _rule: Rule

    def _known_segments(self, segments: ArrayLike | None, n_samples: int) -> NDArray[np.intp]:
        """Return the number of each row's segment, one of those seen in `fit`."""
        if segments is None and self.segments_ is not None:
            raise ValueError("segments must be passed to this call too, as fit was given them.")
        if segments is not None and self.segments_ is None:
            raise ValueError("segments cannot be passed to this call, as fit was given none.")
        if segments is None or self.segments_ is None:
            return np.zeros(n_samples, dtype=np.intp)
        return code_known_labels(
            segments, "segments", self.segments_, n_samples, "segments without a threshold"
        )

    def _flags(self, scores: NDArray[np.float64], codes: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Return which rows are flagged, by the thresholds of their segments."""
        return self._rule.flags(scores, np.atleast_1d(self.threshold_)[codes])

    def predict(self, X: Any, *, segments: ArrayLike | None = None) -> NDArray:
        """Flag rows that score above the threshold; with `min_recall`, those at it too.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows, in a form that the estimator accepts.
        segments : array-like of shape (n_samples,), default=None
            Segment of each row, needed if `fit` was given segments. Each must have been
            seen in `fit`.

        Returns
        -------
        class_labels : ndarray of shape (n_samples,)
            The positive class for rows that are flagged, the other class for the rest.
        """
        check_is_fitted(self, "threshold_")
        codes = self._known_segments(segments, _num_samples(X))
        scores = self._scores(self.estimator_, X, self.pos_label_)
        return classes_by_role(self)[self._flags(scores, codes).astype(np.intp)]

    def alerts(
        self,
        X: Any,
        capacity: int | None = None,
        *,
        segments: ArrayLike | None = None,
        group: ArrayLike | None = None,
        max_per_group: int | float | None = None,
    ) -> NDArray[np.intp]:
        """Return the rows to review, best first and exactly as many as can be reviewed.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows, in a form that the estimator accepts.
        capacity : int, default=None
            How many rows can be reviewed. By default the budget's share of `X`, rounded up;
            with `min_recall`, the rows that `predict` flags, however many they are.
        segments : array-like of shape (n_samples,), default=None
            Segment of each row, needed if `fit` was given segments. Each must have been
            seen in `fit`.
        group : array-like of shape (n_samples,), default=None
            Group of each row, for instance its customer. Groups need not have been seen before.
        max_per_group : int or float, default=None
            How many rows of a group are listed at most: rows, at least 1, or a share of the
            group's rows in (0, 1), see :func:`top_rows`. The next ones of other groups take
            their places.

        Returns
        -------
        rows : ndarray of shape (min(capacity, n_samples),)
            Indices into `X`, best first. With a capacity the threshold is not used, and a
            smaller one returns the beginning of what a greater one returns. They are fewer if
            the groups admit no more.

        Notes
        -----
        Among rows with equal scores the earlier one comes first. If the order of `X` has a
        meaning, shuffle it before.

        Segments share the capacity by `segment_rates_`: rows come in the order of their rank
        in their segment, taken as a fraction of what the segment is due.

        With `max_per_group` the segments' shares hold roughly, as rows of either are passed over.
        With `min_recall` and without a capacity, rows that are left out for `max_per_group` are
        not replaced, and the floor on recall holds no longer.
        """
        check_is_fitted(self, "threshold_")
        if capacity is not None:
            capacity = check_positive(capacity, "capacity", "alerts", integer=True, minimum=1)
        check_cap(group, max_per_group, "alerts")
        n_samples = _num_samples(X)
        codes = self._known_segments(segments, n_samples)
        groups = None if group is None else code_pages(group, n_samples)
        scores = self._scores(self.estimator_, X, self.pos_label_)
        if self.segment_rates_ is None:
            order = np.argsort(-scores, kind="stable")
        else:
            order = merged_order(scores, codes, self.segment_rates_)
        if groups is not None and max_per_group is not None:
            order = cap_groups(order, groups, max_per_group)
        if capacity is None and isinstance(self._rule, BudgetRule):
            capacity = whole_rows(self._rule.budget, n_samples)
        return order[self._flags(scores, codes)[order]] if capacity is None else order[:capacity]
