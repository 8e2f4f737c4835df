"""A toy: a function of sets, one set per process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import expit

from .._loss import Derivatives, Loss
from .._rows import Rows


@dataclass(frozen=True)
class ToyProcess(Loss[None]):
    """Soft false negatives plus the square of each process's soft false positives."""

    needs: ClassVar[frozenset[str]] = frozenset({"process"})
    scale: ClassVar = "rows"

    def value(self, rows: Rows, held: None = None) -> float:
        """Return the sum over the sets."""
        positive, weight, process, total = self._of(rows)
        p = expit(rows.raw)
        caught = weight[positive] @ (1 - p[positive]) / total
        mass = np.bincount(process[~positive], weight[~positive] * p[~positive]) / total
        return float(caught + mass @ mass)

    def derivatives(self, rows: Rows, held: None = None) -> Derivatives:
        """Return the gradient, and a hessian that is positive."""
        positive, weight, process, total = self._of(rows)
        p = expit(rows.raw)
        n = process.max() + 1
        mass = np.bincount(process[~positive], (weight * p)[~positive], n) / total
        slope = weight / total * p * (1 - p)
        gradient = np.where(positive, -slope, 2 * mass[process] * slope)
        return Derivatives(None, gradient, slope)

    @staticmethod
    def _of(rows: Rows) -> tuple:
        weight = np.ones(rows.n_samples) if rows.weight is None else rows.weight
        return rows.target, weight, rows.columns["process"].astype(int), rows.total_weight
