"""Coverage at a budget as an evaluation metric of both boosters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils._param_validation import InvalidParameterError

from .._utils.validation import (
    BASES,
    check_binary_labels,
    check_budget,
    check_option,
    check_ranking,
    check_weights,
    shape_of,
)
from ..band import Basis
from ..objectives._rows import code_target
from ._calls import WEIGHTS_OF_POSITIVES, WeightOfPositives, rows_and_value, unpack_call
from ._workers import find_collective

__all__ = ["CoverageMetric", "QueriedLabels"]


@dataclass(frozen=True)
class CoverageMetric:
    """Coverage at a budget as an evaluation metric; more is better.

    Pass the instance as ``feval`` of ``lgb.train`` / ``lgb.cv``, as
    ``custom_metric`` of ``xgb.train`` / ``xgb.cv``, or as ``eval_metric`` of
    either booster's classifier. Early stopping maximises it in all of them.

    Parameters
    ----------
    budget : float, default=0.005
        Review budget, a fraction in (0, 1].
    basis : {"population", "fpr"}, default="population"
        Whether the budget counts rows or negatives.
    weight_of_positives : {"rows", "value"}, default="rows"
        What the weights of positives in the evaluation set are. With ``"rows"`` a weight
        repeats a row. With ``"value"`` it is what catching the positive is worth: coverage
        is the share of the value caught, and each positive is one row of the budget. The
        weights of negatives repeat rows either way. The training set's objective has a
        parameter of the same name.
    per_query : bool, default=False
        Whether each query of the evaluation set has the budget, rounded up to whole rows, and
        at least one: coverage is then the share of all positives that are among the first rows
        of their query. The queries are those of the ``Dataset`` or ``DMatrix``, or of
        ``eval_group`` of either booster's classifier. Needs ``basis="population"``.

    See Also
    --------
    skbudget.metrics.coverage_at_budget_score : The same of labels and scores.
    skbudget.metrics.make_coverage_scorer : The same as a scorer for model selection.
    skbudget.metrics.group_coverage_score : The same with a budget for each query.

    Notes
    -----
    LightGBM shows it as ``coverage@<budget>``, or ``query_coverage@<budget>``. XGBoost
    decides by a metric's name whether to maximise it, and minimises what does not begin like
    one of its own ranking metrics: there ``pre_`` goes before the name. The value is the same.

    With few positives in the evaluation set the metric moves in large steps,
    ``1 / n_positives`` each; give early stopping enough rounds of patience.

    Examples
    --------
    >>> from skbudget.boosting import CoverageMetric
    >>> CoverageMetric(budget=0.5)([0, 0, 1, 1], [0.1, 0.3, 0.2, 0.4])
    0.5

    The positive that is caught is worth three times the other:

    >>> metric = CoverageMetric(budget=0.5, weight_of_positives="value")
    >>> metric([0, 0, 1, 1], [0.1, 0.3, 0.2, 0.4], sample_weight=[1, 1, 20, 60])
    0.75

    Two queries of two rows, of which the first row each is shown:

    >>> metric = CoverageMetric(budget=0.5, per_query=True)
    >>> metric([0, 1, 0, 1], [0.1, 0.3, 0.6, 0.4], None, [2, 2])
    ('query_coverage@0.5', 0.5, True)
    """

    budget: float = 0.005
    basis: Basis = "population"
    weight_of_positives: WeightOfPositives = "rows"
    per_query: bool = False

    def __post_init__(self) -> None:
        check_option(
            self.weight_of_positives,
            "weight_of_positives",
            WEIGHTS_OF_POSITIVES,
            "CoverageMetric",
        )
        check_budget(self.budget, "CoverageMetric")
        check_option(self.basis, "basis", BASES, "CoverageMetric")
        check_option(self.per_query, "per_query", (False, True), "CoverageMetric")
        if self.per_query and self.basis != "population":
            raise InvalidParameterError(
                "The 'basis' parameter of CoverageMetric must be 'population' with "
                f"per_query=True: the budget of a query counts its rows. Got {self.basis!r} "
                "instead."
            )

    @property
    def name(self) -> str:
        """Name under which the metric is reported."""
        return f"{'query_' if self.per_query else ''}coverage@{self.budget:g}"

    @property
    def __name__(self) -> str:
        # XGBoost's classifiers ask a callable metric for its name.
        return f"pre_{self.name}"

    # The four forms of call can be told apart. LightGBM's classifiers count the
    # parameters, and pass all of (y_true, y_pred, weight, group) when there are
    # four; XGBoost's pass two, and the weight by name.
    def __call__(
        self, y_true: Any, y_pred: Any, *weight_and_group: Any, sample_weight: Any = None
    ) -> Any:
        """Return the coverage in the form the caller expects.

        Parameters
        ----------
        y_true, y_pred : array-like of shape (n_samples,)
            Labels and scores; or scores and ``Dataset`` / ``DMatrix``.
        *weight_and_group : array-like
            Weights and query groups, as LightGBM passes them.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, as XGBoost passes them.

        Returns
        -------
        result : (name, value, True) for LightGBM, (name, value) for \
                ``xgb.train``, value for ``XGBClassifier``
        """
        if weight_and_group:
            return self.name, self._value(y_true, y_pred, *weight_and_group), True
        value = self._value(y_true, y_pred, sample_weight)
        if not hasattr(y_pred, "get_label"):
            return value
        if hasattr(y_pred, "get_float_info"):
            return self.__name__, value
        return self.name, value, True

    def _value(self, y_true: Any, y_pred: Any, sample_weight: Any, group: Any = None) -> float:
        if self.per_query:
            return self._value_per_query(y_true, y_pred, sample_weight, group)
        from ..metrics import coverage_at_budget_score
        from ..metrics._ranking import common_coverage

        by_value = self.weight_of_positives == "value"
        labels, scores, weight, workers = y_true, y_pred, sample_weight, None
        if hasattr(y_pred, "get_label") or find_collective() is not None:
            call = unpack_call(y_true, y_pred, sample_weight)
            labels, scores, weight, workers = call.labels, call.raw, call.weight, call.workers
        shape = shape_of(scores, "y_pred")
        if len(shape) != 1:
            raise ValueError(
                f"CoverageMetric needs binary scores, y_pred of shape (n_samples,): got {shape}."
            )
        value = None
        if workers is not None:
            positive = code_target("binary", labels, workers)
            if by_value:
                weight, value = rows_and_value(positive, weight, workers)
            return common_coverage(
                positive, scores, weight, self.budget, self.basis, workers, value
            )
        if by_value and weight is not None:
            positive = check_binary_labels(labels, consistent_with=[scores, weight])
            weight, value = rows_and_value(positive, check_weights(weight, positive.size), None)
        return float(
            coverage_at_budget_score(
                labels,
                check_ranking(scores, "y_pred"),
                budget=self.budget,
                basis=self.basis,
                sample_weight=weight,
                value=value,
            )
        )

    def _value_per_query(self, y_true: Any, y_pred: Any, sample_weight: Any, group: Any) -> float:
        from ..metrics import group_coverage_score

        if isinstance(y_true, QueriedLabels):
            group, sample_weight, y_true = y_true.sizes, y_true.weight, np.asarray(y_true)
        call = unpack_call(y_true, y_pred, sample_weight, group)
        if call.workers is not None:
            raise NotImplementedError(
                "CoverageMetric(per_query=True) sees the queries of one worker alone: evaluate on "
                "one machine, or with per_query=False."
            )
        if call.group is None:
            raise ValueError(
                "CoverageMetric(per_query=True) needs to know the queries of the rows: pass "
                "eval_group to fit of a classifier of this package, or group to a Dataset, or "
                "call set_group of a DMatrix."
            )
        weight, value = call.weight, None
        if self.weight_of_positives == "value" and weight is not None:
            positive = check_binary_labels(call.labels, consistent_with=[call.raw, weight])
            weight, value = rows_and_value(positive, weight, None)
        return group_coverage_score(
            call.labels,
            call.raw,
            group=call.group,
            budget=self.budget,
            sample_weight=weight,
            value=value,
        )


class QueriedLabels(np.ndarray):
    """Labels of an evaluation set of XGBoost, which hands metrics in Python nothing else.

    Attributes
    ----------
    sizes : ndarray of shape (n_queries,)
        How many rows each query has.
    weight : ndarray of shape (n_samples,) or None
        Weights, which XGBoost does not take beside queries.
    """

    sizes: Any = None
    weight: Any = None
