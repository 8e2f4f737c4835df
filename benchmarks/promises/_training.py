"""One trial of a network: its settings, and the fit."""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.study import Draw

from ._bases import ADDITIONS, ALONE, RATE, Base, Counts
from ._promises import Scored

__all__ = ["RECIPES", "Outcome", "Recipe", "Trial", "fit_trial"]

LEAST_BATCH, STEPS_PER_EPOCH = 512, 15
QUEUE = 2048
# What the decays of `PAUCClassifier` are by default.
WEIGHT_DECAY, INPUT_DECAY = 0.5, 3.0


@dataclass(frozen=True)
class Recipe:
    """How networks are trained on a table, whatever the loss.

    Parameters
    ----------
    epochs : int, default=20
        Passes over the rows.
    learning_rate : float, default=3e-3
        Step size.
    decay : float, default=1.0
        Factor of the default weight decays.
    """

    epochs: int = 20
    learning_rate: float = 3e-3
    decay: float = 1.0


RECIPES = {
    "hard-bulk": Recipe(),
    # The cue is found late, and never with the default decay unless positives weigh more.
    "hidden-positives": Recipe(epochs=30, learning_rate=6e-3, decay=0.1),
    "mammography": Recipe(decay=0.1),
}
"""What plain cross-entropy is trained with best, on draws that are not among those reported."""


@dataclass(frozen=True)
class Trial:
    """The settings of one fit.

    Parameters
    ----------
    own : float
        Value of the base loss's own parameter.
    decay : float, default=1.0
        Factor of the weight decay of the recipe.
    weight : float, default=0.0
        Power of the negatives per positive that a positive weighs.
    addition : str, default="alone"
        What is added.
    strength : float, default=0.0
        Strength of what is added.
    """

    own: float
    decay: float = 1.0
    weight: float = 0.0
    addition: str = ALONE.name
    strength: float = 0.0

    def as_json(self, base: Base) -> str:
        """Return the settings that differ from the base loss with its first value."""
        shown: dict[str, float] = {base.parameter: self.own}
        if self.decay != 1.0:
            shown["decay"] = self.decay
        if self.weight:
            shown["weight power"] = self.weight
        if self.addition != ALONE.name:
            shown[self.addition] = self.strength
        return json.dumps({name: float(f"{value:.4g}") for name, value in shown.items()})


@dataclass(frozen=True)
class Outcome:
    """A fitted trial.

    Parameters
    ----------
    trial : Trial
        Its settings.
    valid : Scored
        The validation rows.
    score : callable
        Maps features to scores.
    seconds : float
        Processor time of the fit.
    """

    trial: Trial
    valid: Scored
    score: Callable[[NDArray], NDArray]
    seconds: float


def fit_trial(
    base: Base, trial: Trial, draw: Draw, seed: int, recipe: Recipe, effort: float = 1.0
) -> Outcome:
    """Train one network.

    Parameters
    ----------
    base : Base
        The base loss.
    trial : Trial
        The settings.
    draw : Draw
        The rows.
    seed : int
        Seed of the network.
    recipe : Recipe
        What all networks of the table have in common.
    effort : float, default=1.0
        Share of the usual number of epochs.

    Returns
    -------
    outcome : Outcome
    """
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from skbudget import PAUCClassifier
    from skbudget.cli._threads import torch_threads

    n_pos = int(draw.y_train.sum())
    counts = Counts(n_pos, draw.y_train.size - n_pos)
    settings: dict[str, Any] = {"lr": recipe.learning_rate}
    if base.parameter == RATE:
        settings["lr"] *= trial.own
    if trial.weight:
        settings["class_weight"] = {0: 1.0, 1: counts.ratio**trial.weight}
    if trial.addition != ALONE.name:
        settings |= ADDITIONS[trial.addition].settings(trial.strength)
    model = make_pipeline(
        StandardScaler(),
        PAUCClassifier(
            loss=base.make(trial.own, counts),
            n_members=1,
            batch_size=max(LEAST_BATCH, draw.y_train.size // STEPS_PER_EPOCH),
            max_epochs=max(1, round(effort * recipe.epochs)),
            # What is added is there from the first step on.
            warmup=0.0,
            blend=0.0,
            queue_size=QUEUE,
            weight_decay=WEIGHT_DECAY * recipe.decay * trial.decay,
            input_decay=INPUT_DECAY * recipe.decay * trial.decay,
            calibration_cv=None,
            random_state=seed,
            device="cpu",
            **settings,
        ),
    )
    # This is the processor time of one thread, which does not depend on other processes.
    start = time.process_time()
    with torch_threads(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of few positives
        model.fit(draw.X_train, draw.y_train)
        seconds = time.process_time() - start

    def score(X: NDArray) -> NDArray:
        with torch_threads(1):
            return np.asarray(model.decision_function(X))

    return Outcome(trial, Scored(draw.y_valid, score(draw.X_valid)), score, seconds)
