"""Small losses of every kind, as a user would write them."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import expit, softmax

from skbudget.objectives import Derivatives, Loss


def weight_of(rows):
    weight = np.ones(rows.n_samples) if rows.weight is None else rows.weight
    return weight / weight.sum()


@dataclass(frozen=True)
class Softmax(Loss):
    target = "classes"
    margins = "classes"

    def value(self, rows, held):
        own = rows.raw[np.arange(rows.n_samples), rows.target]
        return float(weight_of(rows) @ (np.logaddexp.reduce(rows.raw, axis=1) - own))

    def derivatives(self, rows, held):
        p, weight = softmax(rows.raw, axis=1), weight_of(rows)[:, None]
        own = np.arange(rows.raw.shape[1]) == rows.target[:, None]
        return Derivatives(None, weight * (p - own), weight * p * (1 - p))

    def start(self, rows):
        n_margins = rows.raw.shape[1]
        return np.log(np.bincount(rows.target, weight_of(rows), minlength=n_margins))


@dataclass(frozen=True)
class Cumulative(Loss):
    """Each threshold between two levels is a logistic model of the levels above it."""

    target = "ordinal"
    margins = "thresholds"

    def _above(self, rows):
        return rows.target[:, None] > np.arange(rows.raw.shape[1])

    def value(self, rows, held):
        losses = np.logaddexp(0.0, rows.raw) - self._above(rows) * rows.raw
        return float(weight_of(rows) @ losses.sum(axis=1))

    def derivatives(self, rows, held):
        p, weight = expit(rows.raw), weight_of(rows)[:, None]
        return Derivatives(None, weight * (p - self._above(rows)), weight * p * (1 - p))

    def start(self, rows):
        share = weight_of(rows) @ self._above(rows)
        return np.log(share / (1 - share))


@dataclass(frozen=True)
class Squared(Loss):
    target = "real"

    def value(self, rows, held):
        return float(weight_of(rows) @ (rows.raw - rows.target) ** 2 / 2)

    def derivatives(self, rows, held):
        weight = weight_of(rows)
        return Derivatives(None, weight * (rows.raw - rows.target), weight)

    def start(self, rows):
        return float(weight_of(rows) @ rows.target)


@dataclass(frozen=True)
class SquaredLevels(Squared):
    target = "ordinal"


@dataclass(frozen=True)
class WithinGroups(Loss):
    """Positives against the negatives of their own group."""

    needs: ClassVar[frozenset[str]] = frozenset({"group"})

    def value(self, rows, held):
        return self._sums(rows)[0]

    def derivatives(self, rows, held):
        return Derivatives(None, *self._sums(rows)[1:])

    def _sums(self, rows):
        group, total, n_pairs = rows.columns["group"], 0.0, 0
        gradient, hessian = np.zeros(rows.n_samples), np.zeros(rows.n_samples)
        for one in np.unique(group):
            members = group == one
            pos = np.flatnonzero(members & rows.target)
            neg = np.flatnonzero(members & ~rows.target)
            apart = rows.raw[neg][:, None] - rows.raw[pos]
            pull = expit(apart)
            total, n_pairs = total + np.logaddexp(0.0, apart).sum(), n_pairs + apart.size
            gradient[neg] += pull.sum(axis=1)
            gradient[pos] -= pull.sum(axis=0)
            hessian[neg] += (pull * (1 - pull)).sum(axis=1)
            hessian[pos] += (pull * (1 - pull)).sum(axis=0)
        n_pairs = max(n_pairs, 1)
        return total / n_pairs, gradient / n_pairs, hessian / n_pairs


@dataclass(frozen=True)
class ByProcess(Loss):
    """Cross-entropy in which rows of the process "b" count five times."""

    needs: ClassVar[frozenset[str]] = frozenset({"process"})

    def _share(self, rows):
        share = np.where(rows.columns["process"] == 1, 5.0, 1.0)
        return share / share.sum()

    def value(self, rows, held):
        return float(self._share(rows) @ (np.logaddexp(0.0, rows.raw) - rows.target * rows.raw))

    def derivatives(self, rows, held):
        p, share = expit(rows.raw), self._share(rows)
        return Derivatives(None, share * (p - rows.target), share * p * (1 - p))
