"""A toy: one threshold between every two levels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import expit

from .._loss import Derivatives, Loss
from .._rows import Rows


@dataclass(frozen=True)
class ToyOrdinal(Loss[None]):
    """Cross-entropy of every question whether the level is above a threshold."""

    target: ClassVar = "ordinal"
    margins: ClassVar = "thresholds"

    def value(self, rows: Rows, held: None = None) -> float:
        """Return the mean over the rows."""
        above, share = self._of(rows)
        return float((share * np.logaddexp(0.0, np.where(above, -rows.raw, rows.raw))).sum())

    def derivatives(self, rows: Rows, held: None = None) -> Derivatives:
        """Return gradient and hessian of every threshold."""
        above, share = self._of(rows)
        p = expit(rows.raw)
        return Derivatives(None, share * (p - above), share * p * (1 - p))

    def start(self, rows: Rows) -> np.ndarray:
        """Return the log-odds of each threshold."""
        above, share = self._of(rows)
        odds = (share * above).sum(axis=0) / (share * ~above).sum(axis=0)
        return np.log(odds)

    @staticmethod
    def _of(rows: Rows) -> tuple:
        weight = np.ones(rows.n_samples) if rows.weight is None else rows.weight
        above = rows.target[:, None] > np.arange(rows.raw.shape[1])
        return above, (weight / rows.total_weight)[:, None]
