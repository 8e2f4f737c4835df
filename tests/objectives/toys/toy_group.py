"""A toy: the positives of a query against all rows of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .._loss import Derivatives, Loss
from .._rows import Rows


@dataclass(frozen=True)
class ToyGroup(Loss[None]):
    """Listwise softmax of each query."""

    needs: ClassVar[frozenset[str]] = frozenset({"group"})
    scale: ClassVar = "sum"

    def value(self, rows: Rows, held: None = None) -> float:
        """Return the sum over the queries."""
        weight, _, p, _ = self._of(rows)
        return float(-(weight * rows.target) @ np.log(np.maximum(p, 1e-300)))

    def derivatives(self, rows: Rows, held: None = None) -> Derivatives:
        """Return gradient and diagonal hessian."""
        weight, group, p, share = self._of(rows)
        count = np.bincount(group, weight * rows.target, minlength=group.max() + 1)[group]
        gradient = count * share - weight * rows.target
        return Derivatives(None, gradient, np.maximum(count * share * (1 - p), 1e-6 * weight))

    @staticmethod
    def _of(rows: Rows) -> tuple:
        group = np.unique(rows.columns["group"], return_inverse=True)[1]
        weight = np.ones(rows.n_samples) if rows.weight is None else rows.weight
        n = group.max() + 1
        top = np.full(n, -np.inf)
        np.maximum.at(top, group, rows.raw)
        e = np.exp(rows.raw - top[group])
        total = np.bincount(group, weight * e, minlength=n)
        p = e / np.where(total > 0, total, 1.0)[group]
        return weight, group, p, weight * p
