"""The weight of each class, and what depends on it: the end of the band, and the warm-up."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from ...band import default_beta
from ..losses._cross_entropy import WeightedCrossEntropyLoss
from ._rows import TableDataset

__all__ = ["balanced_cross_entropy", "band_end", "class_mass", "shown_mass"]


def class_mass(rows: TableDataset, n_classes: int) -> NDArray[np.float64]:
    """Return the sum of the weights of each class."""
    weight = rows.about.get("weight")
    weights = None if weight is None else weight.numpy()
    return np.bincount(rows.about["y"].numpy(), weights, minlength=n_classes).astype(np.float64)


def band_end(budget: float, mass: NDArray[np.float64]) -> float:
    """Return the end of the band for a budget: the budget, unless positives are common.

    Parameters
    ----------
    budget : float
        Review budget, a fraction.
    mass : ndarray of shape (n_classes,)
        Weight of each class. Of two the second is positive; of more the most common one
        counts.
    """
    positives = mass[1:] if mass.size == 2 else mass
    negatives = mass.sum() - positives
    per_negative = np.divide(positives, negatives, out=np.ones_like(positives), where=negatives > 0)
    return default_beta(budget, float(per_negative.max()), 1.0, widening=1.0)


def shown_mass(rows: TableDataset, n_classes: int, n_batches: int) -> NDArray[np.float64]:
    """Return the weight of each class in a pass over the batches."""
    mass = class_mass(rows, n_classes)
    if "group" in rows.about:
        return mass
    # Rows of a class rarer than batches are drawn that much more often.
    counts = np.bincount(rows.about["y"].numpy(), minlength=n_classes)
    return mass * np.maximum(1.0, n_batches / np.maximum(counts, 1))


def balanced_cross_entropy(
    mass: NDArray[np.float64], n_outputs: int = 1
) -> WeightedCrossEntropyLoss:
    """Return a cross-entropy in which classes of such weights count alike."""
    if n_outputs > 1:
        balance = np.divide(mass.max(), mass, out=np.ones_like(mass), where=mass > 0)
        return WeightedCrossEntropyLoss(class_weight=torch.from_numpy(balance))
    # A first part of a stream may hold one class only.
    return WeightedCrossEntropyLoss(pos_weight=float(mass[0] / mass[1]) if mass.all() else 1.0)
