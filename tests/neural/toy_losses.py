"""Small losses of every kind of target, for tests of what takes any loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import expit, log_softmax, softmax

from skbudget.objectives import Derivatives, Loss


def share_of(rows):
    """Each row's share of all weight."""
    weight = np.ones(rows.n_samples) if rows.weight is None else rows.weight
    return weight / rows.total_weight


@dataclass(frozen=True)
class SquaredError(Loss[None]):
    """Half the mean squared error."""

    target: ClassVar = "real"

    def value(self, rows, held=None):
        return float(share_of(rows) @ (rows.raw - rows.target) ** 2 / 2)

    def derivatives(self, rows, held=None):
        share = share_of(rows)
        return Derivatives(None, share * (rows.raw - rows.target), share)


@dataclass(frozen=True)
class LevelError(SquaredError):
    """The squared error of levels, in one score."""

    target: ClassVar = "ordinal"


@dataclass(frozen=True)
class Thresholds(Loss[None]):
    """Cross-entropy of each question whether the level is above a threshold."""

    target: ClassVar = "ordinal"
    margins: ClassVar = "thresholds"

    def _above(self, rows):
        return rows.target[:, None] > np.arange(rows.raw.shape[1])

    def value(self, rows, held=None):
        signed = np.where(self._above(rows), -rows.raw, rows.raw)
        return float((share_of(rows)[:, None] * np.logaddexp(0.0, signed)).sum())

    def derivatives(self, rows, held=None):
        p, share = expit(rows.raw), share_of(rows)[:, None]
        return Derivatives(None, share * (p - self._above(rows)), share * p * (1 - p))


@dataclass(frozen=True)
class SoftmaxCrossEntropy(Loss[None]):
    """Cross-entropy with one margin per class, for two classes too."""

    target: ClassVar = "classes"
    margins: ClassVar = "classes"

    def value(self, rows, held=None):
        own = log_softmax(rows.raw, axis=1)[np.arange(rows.n_samples), rows.target]
        return float(-share_of(rows) @ own)

    def derivatives(self, rows, held=None):
        p = softmax(rows.raw, axis=1)
        hit = np.eye(rows.raw.shape[1])[rows.target]
        share = share_of(rows)[:, None]
        return Derivatives(None, share * (p - hit), share * p * (1 - p))


@dataclass(frozen=True)
class WithinGroups(Loss[None]):
    """Positives of each group against its negatives, by the mean score."""

    needs: ClassVar = frozenset({"group"})
    reads: ClassVar = frozenset({"group", "value"})
    scale: ClassVar = "sum"

    def _of(self, rows):
        group = np.unique(rows.columns["group"], return_inverse=True)[1]
        positives = np.bincount(group, rows.target)
        negatives = np.bincount(group) - positives
        both = (positives > 0) & (negatives > 0)
        weight = np.where(rows.target, -1 / np.maximum(positives, 1)[group], 0.0)
        weight += np.where(rows.target, 0.0, 1 / np.maximum(negatives, 1)[group])
        weight *= both[group]
        margin = 1 + np.bincount(group, weight * rows.raw)
        return group, weight, margin * both

    def value(self, rows, held=None):
        return float(np.logaddexp(0, self._of(rows)[2]).sum())

    def derivatives(self, rows, held=None):
        group, weight, margin = self._of(rows)
        return Derivatives(None, expit(margin)[group] * weight, np.ones(rows.n_samples))


@dataclass(frozen=True)
class NeedsBudget(Loss[None]):
    """A loss that cannot be made without a parameter."""

    at: float

    def value(self, rows, held=None):
        return 0.0

    def derivatives(self, rows, held=None):
        return Derivatives(None, np.zeros(rows.n_samples), np.ones(rows.n_samples))
