"""The lab, which trains each network once, and its bench, which measures the networks."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skbudget.datasets import bayes_contested_top_score
from skbudget.datasets._roles import DECOY, POSITIVE
from skbudget.metrics import coverage_at_budget_score

from ._recipes import CardFraud, Contested, Demo, Fit, Recipe, Scale

if TYPE_CHECKING:
    from ._data import Sample

__all__ = ["Bench", "Lab"]

Data = Contested | Demo | CardFraud

MINED_TOP = 0.02
"""Share of the negatives that the published mining rule takes."""


class Lab:
    """Trains each network once, even if several tables need it.

    The lab keeps the networks, which are small. Rows and scores are kept for one seed only.

    Parameters
    ----------
    scale : Scale
        Numbers of rows and of training steps.
    on_fit : callable, default=None
        Called without arguments when a network has been trained.
    """

    def __init__(self, scale: Scale, on_fit: Callable[[], None] | None = None) -> None:
        self.scale = scale
        self.on_fit = on_fit
        self._models: dict[tuple[Fit, int], Any] = {}
        self._seconds: dict[tuple[Fit, int], float] = {}

    def bench(self, seed: int) -> Bench:
        """Return the measurements of one seed."""
        return Bench(self, seed)

    def model(self, fit: Fit, seed: int, sample: Sample) -> Any:
        """Return a network, and train it if that has not been done."""
        from ._training import train

        key = (fit, seed)
        if key not in self._models:
            started = perf_counter()
            self._models[key] = train(fit.recipe, sample.train, seed, self.scale)
            self._seconds[key] = perf_counter() - started
            if self.on_fit is not None:
                self.on_fit()
        return self._models[key]

    def seconds(self, fit: Fit, seed: int) -> float:
        """Return the seconds that the training of a network took."""
        return self._seconds[fit, seed]


class Bench:
    """Measures the networks of one seed.

    Parameters
    ----------
    lab : Lab
        The lab that trains the networks.
    seed : int
        The seed.
    """

    def __init__(self, lab: Lab, seed: int) -> None:
        self.lab = lab
        self.seed = seed
        self._samples: dict[Data, Sample] = {}
        self._scores: dict[Fit, NDArray[np.float32]] = {}

    def sample(self, data: Data) -> Sample:
        """Return the rows."""
        if data not in self._samples:
            self._samples[data] = data.draw(self.seed, self.lab.scale)
        return self._samples[data]

    def model(self, fit: Fit) -> Any:
        """Return the network."""
        return self.lab.model(fit, self.seed, self.sample(fit.data))

    def seconds(self, fit: Fit) -> float:
        """Return the seconds that the training of the network took."""
        self.model(fit)
        return self.lab.seconds(fit, self.seed)

    def scores(self, fit: Fit) -> NDArray[np.float32]:
        """Return the network's logits on the test rows."""
        from ._training import score

        if fit not in self._scores:
            self._scores[fit] = score(self.model(fit), self.sample(fit.data).test.X)
        return self._scores[fit]

    def coverage(self, fit: Fit, budget: float | None = None) -> float:
        """Return the coverage at a budget. None stands for the budget of the training."""
        return coverage_at_budget_score(
            self.sample(fit.data).test.y,
            self.scores(fit),
            budget=fit.recipe.budget if budget is None else budget,
        )

    def ceiling(self, data: Data, budget: float) -> float:
        """Return the coverage of the likelihood ratio. No model does better in expectation."""
        if not isinstance(data, Contested):
            raise TypeError(f"The likelihood ratio of {data!r} is not known.")
        test = self.sample(data).test
        best = bayes_contested_top_score(
            test.X, cue=data.cue, decoy_frac=data.decoy_frac, easy=data.easy
        )
        return coverage_at_budget_score(test.y, best, budget=budget)

    def auroc(self, fit: Fit) -> float:
        """Return the area under the ROC curve."""
        from sklearn.metrics import roc_auc_score

        return float(roc_auc_score(self.sample(fit.data).test.y, self.scores(fit)))

    def aucpr(self, fit: Fit) -> float:
        """Return the average precision."""
        from sklearn.metrics import average_precision_score

        return float(average_precision_score(self.sample(fit.data).test.y, self.scores(fit)))

    def decoys_of_negatives(self, data: Data) -> float:
        """Return the share of decoys among the negatives of the test rows."""
        roles = self.sample(data).test.roles
        return float(np.mean(roles[roles != POSITIVE] == DECOY))

    def band_edges(self, fit: Fit, budget: float, band: tuple[float, float]) -> tuple[float, float]:
        """Return the lower and the upper score between which the negatives of a band lie."""
        test = self.sample(fit.data).test
        negatives = self.scores(fit)[test.roles != POSITIVE].astype(np.float64)
        low, high = np.quantile(negatives, [1.0 - band[1] * budget, 1.0 - band[0] * budget])
        return float(low), float(high)

    def band_shares(self, fit: Fit, budget: float, band: tuple[float, float]) -> dict[str, float]:
        """Return where the decoys are among the network's scores of the test rows.

        Parameters
        ----------
        fit : Fit
            The network.
        budget : float
            The budget.
        band : tuple of float
            Edges of the band, in multiples of the budget.

        Returns
        -------
        shares : dict of str to float
            ``decoys_of_band`` is the share of decoys among the negatives in the band.
            ``decoys_inside`` and ``decoys_above`` are the shares of the decoys that lie in
            the band and above it. ``decoys_in_top`` is the share of the decoys that lie in
            the top 2 % of the negatives.
        """
        roles = self.sample(fit.data).test.roles
        scores = self.scores(fit).astype(np.float64)
        low, high = self.band_edges(fit, budget, band)
        floor = np.quantile(scores[roles != POSITIVE], 1.0 - MINED_TOP)
        inside = (roles != POSITIVE) & (scores >= low) & (scores <= high)
        decoys = scores[roles == DECOY]
        return {
            "decoys_of_band": float(np.mean(roles[inside] == DECOY)),
            "decoys_inside": float(np.mean((decoys >= low) & (decoys <= high))),
            "decoys_above": float(np.mean(decoys > high)),
            "decoys_in_top": float(np.mean(decoys >= floor)),
        }

    def gradient_mass(self, fit: Fit, recipe: Recipe) -> dict[str, float]:
        """Return the decoys' shares of the gradients of two losses at the network's logits."""
        from ._training import gradient_mass

        return gradient_mass(self.model(fit), self.sample(fit.data).train, recipe)

    def probe(self, fit: Fit) -> float:
        """Return how well a linear probe of the last hidden layer separates the decoys.

        The result is the area under the ROC curve of positives against decoys, on the test
        rows that the probe was fitted to.
        """
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression
        from sklearn.metrics import roc_auc_score

        from ._training import penultimate

        test = self.sample(fit.data).test
        chosen = np.flatnonzero((test.roles == POSITIVE) | (test.roles == DECOY))
        layer, y = penultimate(self.model(fit), test.X[chosen]), test.y[chosen]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            probe = LogisticRegression(max_iter=200).fit(layer, y)
        return float(roc_auc_score(y, probe.decision_function(layer)))
