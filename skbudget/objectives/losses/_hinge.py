"""What the hinge losses of two classes have in common."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..._utils.collective import sum_over
from ..._utils.validation import check_positive
from .._loss import Loss, example_rows
from .._rows import Rows
from ._class_weight import PosWeight, check_pos_weight, pos_weight_of

__all__ = ["LEAST_DISTANCE", "HingeLoss", "check_margin"]

# Distances from the margin below this share of it curve as if they were that great. With less
# the rows at the margin hold on to where they are, and trees hardly move.
LEAST_DISTANCE = 0.3


def check_margin(value: Any, owner: str) -> float:
    """Return a margin if squares of it are floats in single precision."""
    return check_positive(value, "margin", owner, minimum=1e-15, maximum=1e15)


class HingeLoss(Loss[NDArray[np.floating]]):
    """A mean over rows of a function of ``margin - score`` for positives, + for negatives."""

    margin: float
    pos_weight: PosWeight

    reads: ClassVar[frozenset[str]] = frozenset({"value"})
    sums_over_workers: ClassVar[bool] = True

    def __post_init__(self) -> None:
        owner = type(self).__name__
        check_margin(self.margin, owner)
        self.__dict__["pos_weight"] = check_pos_weight(self.pos_weight, owner)

    def hold(self, rows: Rows) -> NDArray[np.floating]:
        """Return each row's share of the loss."""
        share = np.ones(rows.raw.size) if rows.worth is None else rows.worth.astype(float)
        factor = pos_weight_of(self.pos_weight, rows)
        return np.where(rows.target, share * factor, share) / rows.total_weight

    def _short(self, rows: Rows) -> NDArray[np.floating]:
        """Return how far each row is from its margin; negative beyond it."""
        return self.margin - np.where(rows.target, rows.raw, -rows.raw)

    def _mean(self, rows: Rows, losses: NDArray[np.floating], held: NDArray) -> float:
        return sum_over(rows.workers, float(held @ losses))[0]

    @classmethod
    def examples(cls) -> Iterator[tuple[Loss[Any], Rows]]:
        """Yield the loss as it comes, with another margin, and with a weight of positives."""
        options: tuple[dict[str, Any], ...] = ({}, {"margin": 0.5}, {"pos_weight": "balanced"})
        for seed, given in enumerate(options):
            loss = cls(**given)
            rows = example_rows(loss, weighted=seed == 1, seed=seed)
            # Away from the margin, where there may be a kink.
            yield loss, rows.replace(raw=np.floor(4.0 * rows.raw) / 4.0 + 0.1)
