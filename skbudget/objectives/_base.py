"""The contract of every objective: loss, gradient and hessian at given scores."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._utils.collective import Collective, sum_over
from .._utils.validation import check_binary_labels, check_mask, check_scores, check_weights

__all__ = ["HESSIAN_FLOOR", "BaseObjective", "RowDerivatives", "Sample"]

# XGBoost keeps the hessian of its logistic loss above this; so do we.
HESSIAN_FLOOR = 1e-16

Held = TypeVar("Held")
Self = TypeVar("Self", bound="BaseObjective[Any]")


@dataclass(frozen=True)
class Sample:
    """Checked arguments of an objective: labels as a mask, scores, weights.

    Sums are taken once: a boosting round asks for them several times.

    Attributes
    ----------
    positive : ndarray of shape (n_samples,), dtype=bool
    raw : ndarray of shape (n_samples,)
        Raw scores (margins).
    weight : ndarray of shape (n_samples,) or None
    iid : ndarray of shape (n_samples,), dtype=bool, or None
    value : ndarray of shape (n_samples,) or None
        What catching each positive is worth; entries of negatives are not used.
    collective : Collective or None
        The workers over which rows are spread: these rows are one worker's, and sums are
        taken over all of them.
    dtype : type, default=numpy.float64
        What precision the derivatives are asked for in.

    Raises
    ------
    ValueError
        If all weights of one class are zero, or no positive with weight has value.
    """

    positive: NDArray[np.bool_]
    raw: NDArray[np.floating]
    weight: NDArray[np.floating] | None = None
    iid: NDArray[np.bool_] | None = None
    value: NDArray[np.floating] | None = None
    collective: Collective | None = None
    dtype: Any = np.float64

    def __post_init__(self) -> None:
        weight, positive = self.weight, self.positive
        if self.collective is not None:
            self._sum_over_workers(self.collective)
        elif weight is not None and not (weight[positive].any() and weight[~positive].any()):
            raise ValueError(
                "All sample weights of one class are zero: positives and negatives are needed."
            )
        if self.value is not None and not self.total_value > 0:
            raise ValueError("The positives have no value: at least one must be worth something.")

    def _sum_over_workers(self, collective: Collective) -> None:
        present = (
            np.ones(self.positive.size, dtype=bool) if self.weight is None else self.weight > 0
        )
        n_positives: float = int(np.count_nonzero(present & self.positive))
        n_negatives: float = int(np.count_nonzero(present)) - n_positives
        n_positives, n_negatives, *sums = sum_over(
            collective,
            n_positives,
            n_negatives,
            self.total_weight,
            self.positive_weight,
            self.total_value,
        )
        if not (n_positives and n_negatives):
            raise ValueError(
                "Ranking needs positives and negatives with weight: the rows of all workers "
                "together lack one of the two classes."
            )
        # Where a cached property keeps its value.
        self.__dict__.update(zip(("total_weight", "positive_weight", "total_value"), sums))

    @cached_property
    def total_weight(self) -> float:
        """Sum of all weights."""
        return float(self.positive.size if self.weight is None else self.weight.sum())

    @cached_property
    def positive_weight(self) -> float:
        """Sum of the positives' weights."""
        if self.weight is None:
            return float(np.count_nonzero(self.positive))
        return float(self.weight[self.positive].sum())

    @cached_property
    def total_value(self) -> float:
        """Sum of the positives' values, by weight; of their weights without values."""
        if self.value is None:
            return self.positive_weight
        worth = self.value[self.positive].astype(np.float64, copy=False)
        if self.weight is not None:
            worth = worth * self.weight[self.positive]
        return float(worth.sum())

    @cached_property
    def pull(self) -> NDArray | None:
        """What each row's terms of a loss count for; None when one each.

        That is its weight, and a positive's value on top, in units of the mean value:
        all positives together count for as much as without values, whatever the unit.
        """
        if self.value is None:
            return self.weight
        pull = np.ones(self.positive.size) if self.weight is None else self.weight.astype(float)
        mean = self.total_value / self.positive_weight
        pull[self.positive] *= self.value[self.positive] / mean
        return pull

    @cached_property
    def positive_rows(self) -> NDArray[np.intp]:
        """Row indices of the positives."""
        return np.flatnonzero(self.positive)

    def pulls_of(self, rows: NDArray[np.intp]) -> NDArray | None:
        """What some rows' terms of a loss count for, None when one each."""
        return None if self.pull is None else self.pull[rows]


class RowDerivatives(NamedTuple):
    """Gradient and hessian of the rows that have any.

    ``rows`` are row indices, or None when the arrays hold all rows in order.
    """

    rows: NDArray[np.intp] | None
    gradient: NDArray[np.floating]
    hessian: NDArray[np.floating]

    def dense(
        self, n_samples: int, *, scale: float = 1.0, floor: float = 0.0, dtype: Any = np.float64
    ) -> tuple[NDArray, NDArray]:
        """Return both as arrays over all rows, times ``scale``, the hessian at least ``floor``."""
        if self.rows is None and self.gradient.dtype == self.hessian.dtype == dtype:
            # The arrays are nobody else's.
            np.multiply(self.gradient, scale, out=self.gradient)
            np.multiply(self.hessian, scale, out=self.hessian)
            return self.gradient, np.maximum(self.hessian, floor, out=self.hessian)
        gradient = np.zeros(n_samples, dtype=dtype)
        hessian = np.full(n_samples, floor, dtype=dtype)
        rows = slice(None) if self.rows is None else self.rows
        gradient[rows] = scale * self.gradient
        hessian[rows] = np.maximum(scale * self.hessian, floor)
        return gradient, hessian


class BaseObjective(ABC, Generic[Held]):
    """What is optimised: a loss of raw scores with its gradient and hessian.

    An objective is an immutable set of parameters; it keeps no state between
    calls. What a derivative holds constant (band edges, thresholds, mined rows)
    is found by `hold` at the given scores, or passed in as ``held``: finite
    differences of the loss must hold the same things as its gradient.

    Where positives have values, the weight :math:`w_i` of a positive in the formulas is
    its weight times its value over the mean value: the unit of the values cancels out.
    Band edges, thresholds and mined rows count rows, which values do not change.

    The loss is a mean, in the scale of its formula. `boosting_scale` is the
    factor that turns it into a sum in which a row weighs as much as in a
    booster's own binary objective.

    See Also
    --------
    PairwisePAUC : The partial AUC, pair by pair.
    skbudget.boosting.BoosterObjective : Offers an objective to LightGBM and XGBoost.
    """

    def loss(
        self,
        y_true: ArrayLike,
        raw_score: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        iid_mask: ArrayLike | None = None,
        value: ArrayLike | None = None,
        held: Held | None = None,
    ) -> float:
        """Return the loss.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Binary labels in {0, 1} or {-1, 1}.
        raw_score : array-like of shape (n_samples,)
            Raw scores (margins).
        sample_weight : array-like of shape (n_samples,), default=None
            Weights; a weight of 2 is the row twice.
        iid_mask : array-like of shape (n_samples,), dtype=bool, default=None
            Rows drawn as in deployment; only they set band edges.
        value : array-like of shape (n_samples,), default=None
            What catching each positive is worth, at least 0, in any unit. A positive
            counts in the loss in proportion to it; entries of negatives are not used, and
            what the derivatives hold constant counts rows as ever.
        held : object, default=None
            Result of `hold`; found at ``raw_score`` when not given.

        Returns
        -------
        loss : float
        """
        sample = self._check(y_true, raw_score, sample_weight, iid_mask, value)
        return self._loss(sample, self.find_held(sample) if held is None else held)

    def gradient(
        self,
        y_true: ArrayLike,
        raw_score: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        iid_mask: ArrayLike | None = None,
        value: ArrayLike | None = None,
        held: Held | None = None,
    ) -> NDArray[np.float64]:
        """Return the derivative of `loss` by each raw score, shape (n_samples,).

        Takes the parameters of `loss`.
        """
        return self.gradient_hessian(
            y_true, raw_score, sample_weight, iid_mask=iid_mask, value=value, held=held
        )[0]

    def gradient_hessian(
        self,
        y_true: ArrayLike,
        raw_score: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        iid_mask: ArrayLike | None = None,
        value: ArrayLike | None = None,
        held: Held | None = None,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return gradient and positive diagonal hessian, each of shape (n_samples,).

        Takes the parameters of `loss`. The class docstring says which form the
        hessian has.
        """
        sample = self._check(y_true, raw_score, sample_weight, iid_mask, value)
        held = self.find_held(sample) if held is None else held
        return self.derivatives(sample, held).dense(sample.raw.size, floor=HESSIAN_FLOOR)

    def hold(
        self,
        y_true: ArrayLike,
        raw_score: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        iid_mask: ArrayLike | None = None,
    ) -> Held:
        """Return what the derivatives hold constant at these scores."""
        return self.find_held(self._check(y_true, raw_score, sample_weight, iid_mask))

    def replace(self: Self, **changes: Any) -> Self:
        """Return a copy with some parameters changed, checked anew."""
        return dataclasses.replace(self, **changes)  # type: ignore[type-var]

    @staticmethod
    def _check(
        y_true: ArrayLike,
        raw_score: ArrayLike,
        sample_weight: ArrayLike | None,
        iid_mask: ArrayLike | None,
        value: ArrayLike | None = None,
    ) -> Sample:
        raw = check_scores(raw_score, "raw_score")
        positive = check_binary_labels(y_true, consistent_with=[raw])
        iid = None if iid_mask is None else check_mask(iid_mask, "iid_mask", raw.size)
        weight = check_weights(sample_weight, raw.size)
        return Sample(positive, raw, weight, iid, check_weights(value, raw.size, "value"))

    @abstractmethod
    def boosting_scale(self, sample: Sample) -> float:
        """Return the factor from the mean loss to a booster's sum over rows."""

    @abstractmethod
    def find_held(self, sample: Sample) -> Held:
        """Find what the derivatives hold constant."""

    @abstractmethod
    def _loss(self, sample: Sample, held: Held) -> float:
        """Return the loss of a checked sample."""

    @abstractmethod
    def derivatives(self, sample: Sample, held: Held) -> RowDerivatives:
        """Return gradient and hessian of a checked sample; the hessian may be zero."""
