"""A toy: pulls the scores of positives together, as a regulariser."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .._loss import Derivatives, Loss
from .._rows import Rows


@dataclass(frozen=True)
class ToyRegulariser(Loss[None]):
    """Mean squared distance of the positives' scores from ``at``."""

    at: float = 1.0

    reads: ClassVar[frozenset[str]] = frozenset({"value", "iid_mask"})
    scale: ClassVar = "positives"

    def value(self, rows: Rows, held: None = None) -> float:
        """Return the mean."""
        return float(self._share(rows) @ (rows.raw[rows.target] - self.at) ** 2 / 2)

    def derivatives(self, rows: Rows, held: None = None) -> Derivatives:
        """Return gradient and hessian of the positives alone."""
        share = self._share(rows)
        gradient = share * (rows.raw[rows.target] - self.at)
        return Derivatives(np.flatnonzero(rows.target), gradient, share)

    def _share(self, rows: Rows) -> np.ndarray:
        weight = np.ones(rows.n_samples) if rows.worth is None else rows.worth
        return weight[rows.target] / rows.positive_weight
