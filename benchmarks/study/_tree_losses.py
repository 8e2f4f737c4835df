"""The losses that LightGBM minimises in the study.

They are its own loss with and without class weights, the focal loss, cross-entropy with hard
negatives mined, and LambdaRank with coverage as its metric.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from skbudget.boosting import BoosterObjective
from skbudget.objectives import BinaryCrossEntropy, FocalLoss, HardNegativeCrossEntropy, Loss

from ._lambda_loss import LambdaCoverage
from ._spaces import Parameters

__all__ = [
    "BoosterLoss",
    "FindLoss",
    "best_constant",
    "binary",
    "coverage_lambda",
    "focal",
    "hard_negatives",
    "weighted",
]

FindLoss = Callable[[Parameters, NDArray], "BoosterLoss"]
"""Returns the loss for the parameters of a trial and the labels."""


def best_constant(loss: Loss[Any], y: NDArray) -> float:
    """Return the score that minimises the loss if all rows have the same score.

    LightGBM starts from this score with its own objectives and from 0 with others. From 0
    the first trees would mainly move all rows to the base rate.
    """
    counts = [np.count_nonzero(y == 0), np.count_nonzero(y == 1)]

    def slope(score: float) -> float:
        return float(loss.gradient([0, 1], [score, score], counts).sum())

    return brentq(slope, -30.0, 30.0)


@dataclass(frozen=True)
class BoosterLoss:
    """The settings of LightGBM for a loss, and the score that the training starts from."""

    settings: dict[str, Any]
    start: float | None = None


def binary(parameters: Parameters, y: NDArray) -> BoosterLoss:
    """Return LightGBM's own binary loss."""
    return BoosterLoss({"objective": "binary"})


def weighted(parameters: Parameters, y: NDArray) -> BoosterLoss:
    """Return LightGBM's own binary loss with class weights."""
    if parameters["class_weighting"] == "is_unbalance":
        # If positives are rarer, their weight is the number of negatives per positive.
        return BoosterLoss({"objective": "binary", "is_unbalance": True})
    ratio = np.count_nonzero(y == 0) / np.count_nonzero(y == 1)
    return BoosterLoss({"objective": "binary", "scale_pos_weight": math.sqrt(ratio)})


def _our_objective(objective: Loss[Any], start: float) -> BoosterLoss:
    # With a custom objective LightGBM fails if its filter removes all features.
    settings = {"objective": BoosterObjective(objective), "feature_pre_filter": False}
    return BoosterLoss(settings, start)


def focal(parameters: Parameters, y: NDArray) -> BoosterLoss:
    """Return the focal loss."""
    objective = FocalLoss(gamma=parameters["focal_gamma"], alpha=parameters["focal_alpha"])
    return _our_objective(objective, best_constant(objective, y))


def hard_negatives(parameters: Parameters, y: NDArray) -> BoosterLoss:
    """Return cross-entropy with hard negatives mined."""
    objective = HardNegativeCrossEntropy(
        parameters["pos_weight"],
        top_fraction=parameters["mined_fraction"],
        factor=parameters["mined_factor"],
    )
    # If all scores are equal, all negatives are mined, and the best constant is too low for
    # the later rounds. So the start is that of the loss without mining.
    return _our_objective(objective, best_constant(BinaryCrossEntropy(objective.pos_weight), y))


def coverage_lambda(parameters: Parameters, y: NDArray) -> BoosterLoss:
    """Return LambdaRank with coverage as the metric that a swap changes."""
    loss = LambdaCoverage(parameters["cut"], reverse=parameters["cut_reverse"])
    return _our_objective(loss, 0.0)
