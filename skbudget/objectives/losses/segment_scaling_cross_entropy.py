"""Cross-entropy with a weight, a margin and a multiplier for each segment of the rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from ..._utils.validation import _invalid
from .._loss import Loss, example_rows
from .._rows import Rows
from ._scaling import (
    RANGES,
    Cells,
    ScaledCrossEntropy,
    check_numbers,
)

__all__ = ["SegmentScalingCrossEntropy"]


@dataclass(frozen=True)
class SegmentScalingCrossEntropy(ScaledCrossEntropy):
    r"""Cross-entropy with a weight, a margin and a multiplier for each segment [1]_.

    .. math::
        L = \frac{\sum_i w_i c_{g_i} \log(1 + e^{\iota_{g_i} \mp \Delta_{g_i} s_i})}{\sum_i w_i}

    with :math:`g_i` the segment of the row, a minus for positives and a plus for negatives.
    The column ``segment`` holds whole numbers from 0. The parameters are those of
    `VectorScalingCrossEntropy`, by segment instead of class: a segment that is ranked badly
    gets a greater weight, a greater margin or a smaller multiplier. The hessian is exact,
    as there.

    Parameters
    ----------
    weight : sequence of float or "balanced", default=None
        Weights of the segments, in [1e-20, 1e20]; None for 1. "balanced" gives all segments
        the same total, and weights that have a mean of 1 over the rows.
    multiplier : sequence of float, default=None
        Multipliers of the scores, in [1e-6, 1e6]; None for 1.
    margin : sequence of float, default=None
        Margins, in [-1e4, 1e4] logits; None for 0.

    See Also
    --------
    VectorScalingCrossEntropy : Parameters by class.
    skbudget.model_selection.BudgetThresholdClassifier : Segments under one budget.

    Notes
    -----
    The column is not called ``group``, which holds numbers of queries: their rows stay together
    in the batches of a network and in folds, and a segment would be one batch.

    Number the pairs of segment and class for parameters that depend on both.

    References
    ----------
    .. [1] M. Li, X. Zhang, C. Thrampoulidis, J. Chen and S. Oymak (2021). AutoBalance:
       Optimized Loss Functions for Imbalanced Data. NeurIPS.

    Examples
    --------
    >>> from skbudget.objectives import SegmentScalingCrossEntropy
    >>> loss = SegmentScalingCrossEntropy(weight=(1.0, 3.0))
    >>> loss.gradient([0, 1, 0, 1], [0.0] * 4, segment=[0, 0, 1, 1])
    array([ 0.125, -0.125,  0.375, -0.375])
    """

    weight: tuple[float, ...] | Literal["balanced"] | None = None
    multiplier: tuple[float, ...] | None = None
    margin: tuple[float, ...] | None = None

    needs: ClassVar[frozenset[str]] = frozenset({"segment"})
    sums_over_workers: ClassVar[bool] = False

    def __post_init__(self) -> None:
        owner = type(self).__name__
        lengths = {}
        for name, (least, most) in _NUMBERS.items():
            given = getattr(self, name)
            if name == "weight" and isinstance(given, str):
                if given != "balanced":
                    allowed = "None, numbers, one per segment, or 'balanced'"
                    raise _invalid(name, given, owner, allowed)
                continue
            values = check_numbers(given, name, owner, least, most, "segment")
            object.__setattr__(self, name, values)
            if values is not None:
                lengths[name] = len(values)
        if len(set(lengths.values())) > 1:
            listed = ", ".join(f"{name} {number}" for name, number in lengths.items())
            raise ValueError(
                f"The parameters of {owner} must have one entry per segment, and here their "
                f"numbers differ: {listed}."
            )

    def _segments(self, rows: Rows) -> NDArray[np.intp]:
        """Return the segment of each row, checked."""
        given = rows.columns["segment"]
        with np.errstate(invalid="ignore"):
            # What is too large for a whole number differs from it below.
            segment = given.astype(np.intp)
        if segment.min(initial=0) < 0 or not np.array_equal(segment, given):
            raise ValueError(
                f"segment of {type(self).__name__} must hold whole numbers from 0: found "
                f"{np.unique(given)[:10].tolist()}."
            )
        last = int(segment.max(initial=0))
        for name in _NUMBERS:
            numbers = getattr(self, name)
            if isinstance(numbers, tuple) and len(numbers) <= last:
                raise ValueError(
                    f"segment of {type(self).__name__} goes up to {last}, and {name} has "
                    f"{len(numbers)} entries: pass one entry per segment."
                )
        return segment

    def _of_rows(self, rows: Rows) -> tuple[Any, Any, Any]:
        segment = self._segments(rows)
        return (
            self._weights(rows, segment)[segment] if self.weight is not None else 1.0,
            np.array(self.multiplier)[segment] if self.multiplier is not None else 1.0,
            np.array(self.margin)[segment] if self.margin is not None else 0.0,
        )

    def _weights(self, rows: Rows, segment: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the weight of each segment."""
        if self.weight != "balanced":
            return np.array(self.weight, dtype=np.float64)
        mass = np.bincount(segment, rows.weight).astype(np.float64)
        present = mass > 0
        weights = np.ones(mass.size)
        weights[present] = mass.sum() / (mass[present] * np.count_nonzero(present))
        return weights

    def _cells(self, rows: Rows) -> Cells:
        segment, weight = self._segments(rows), rows.worth
        n_segments = int(segment.max(initial=0)) + 1
        mass = np.bincount(2 * segment + rows.target, weight, minlength=2 * n_segments)
        of_segment = [
            default if given is None else np.array(given)[:n_segments]
            for given, default in (
                (None if self.weight is None else self._weights(rows, segment), 1.0),
                (self.multiplier, 1.0),
                (self.margin, 0.0),
            )
        ]
        of_cell = [np.repeat(np.broadcast_to(one, n_segments), 2) for one in of_segment]
        positive = np.arange(2 * n_segments) % 2 == 1
        return Cells(positive, mass * of_cell[0], of_cell[1], of_cell[2])

    @classmethod
    def examples(cls) -> Iterator[tuple[Loss[Any], Rows]]:
        """Yield the loss as it comes, and with all parameters."""
        losses = (
            cls(),
            cls((1.0, 2.0, 0.5), (0.5, 1.0, 1.5), (0.5, 0.0, -1.0)),
            cls("balanced", margin=(0.0, 1.0, 2.0)),
        )
        for seed, loss in enumerate(losses):
            yield loss, example_rows(loss, weighted=seed == 1, seed=seed)


_NUMBERS = {name: RANGES[name] for name in ("weight", "multiplier", "margin")}
