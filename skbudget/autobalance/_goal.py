"""What the loss is tuned for, as a score of held-out rows in NumPy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..metrics import coverage_at_budget_score

__all__ = ["GOALS", "Goal", "balanced_weights"]

GOALS = ("coverage", "balanced_error", "worst_group", "cross_entropy")
_LEAST_PROBABILITY = 1e-15


@dataclass(frozen=True)
class Goal:
    """The objective of the upper level.

    Attributes
    ----------
    name : {"coverage", "balanced_error", "worst_group", "cross_entropy"}
        Which one.
    budget : float
        The review budget, for coverage.
    """

    name: str
    budget: float

    @property
    def reads_probabilities(self) -> bool:
        """Whether more than the order of the rows counts."""
        return self.name != "coverage"

    @property
    def at_prior(self) -> bool:
        """Whether rows are called positive from the share of the positives on."""
        return self.name in ("balanced_error", "worst_group")

    def score(
        self,
        positive: NDArray[np.bool_],
        margin: NDArray[np.float64],
        probability: NDArray[np.float64] | None,
        prior: float,
        weight: NDArray | None,
        segment: NDArray[np.intp] | None,
    ) -> float:
        """Return the score of held-out rows; greater is better.

        Parameters
        ----------
        positive : ndarray of shape (n_samples,), dtype=bool
            Which rows are positive.
        margin : ndarray of shape (n_samples,)
            Scores, greater for the positive class.
        probability : ndarray of shape (n_samples,) or None
            Probability of the positive class, where it is needed.
        prior : float
            Share of the positives among the rows that were trained on.
        weight : ndarray of shape (n_samples,) or None
            Weights.
        segment : ndarray of shape (n_samples,) or None
            Number of each row's segment.

        Returns
        -------
        score : float
        """
        if self.name == "coverage":
            return float(
                coverage_at_budget_score(
                    positive.astype(int), margin, budget=self.budget, sample_weight=weight
                )
            )
        if probability is None:
            raise ValueError(f"{self.name} reads probabilities, and there are none.")
        weight = np.ones(positive.size) if weight is None else weight
        if self.name == "cross_entropy":
            of_label = np.where(positive, probability, 1.0 - probability)
            losses = -np.log(np.maximum(of_label, _LEAST_PROBABILITY))
            return -float(weight @ losses / weight.sum())
        wrong = (probability > prior) != positive
        if self.name == "balanced_error" or segment is None:
            return -float(balanced_weights(positive, weight) @ wrong)
        errors = [
            float(balanced_weights(positive[own], weight[own]) @ wrong[own])
            for own in (segment == number for number in np.unique(segment[weight > 0]))
        ]
        return -max(errors)


def balanced_weights(positive: NDArray[np.bool_], weight: NDArray) -> NDArray[np.float64]:
    """Return weights with a sum of 1 in which both classes, if both are there, have the same."""
    found = np.zeros(positive.size)
    totals = [float(weight[positive == bool(code)].sum()) for code in (0, 1)]
    n_classes = sum(total > 0 for total in totals)
    for code, total in enumerate(totals):
        if total > 0:
            own = positive == bool(code)
            found[own] = weight[own] / (total * n_classes)
    return found
