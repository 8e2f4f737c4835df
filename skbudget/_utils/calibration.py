"""Probabilities from margins, without touching the ranking."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, log_expit, softmax

from .scale import moments

__all__ = ["MIN_SLOPE", "ClassCalibrator", "SigmoidCalibrator", "check_margins", "count_rows"]

# Slope per standard deviation of the margin: a flat map would tie rows that the
# margin tells apart, and put the even odds out of reach of float32.
MIN_SLOPE = 1e-2
_GREATEST_MARGIN = 1e150


@dataclass(frozen=True)
class SigmoidCalibrator:
    """The increasing map ``expit(slope * (margin + offset))`` of Platt (1999).

    Its slope is always positive, so that probabilities rank as margins do. Margins
    without information then get about the base rate.

    Attributes
    ----------
    slope, offset : float
        Log-odds per unit of margin, and what to add to a margin so that zero
        means even odds.
    """

    slope: float
    offset: float = 0.0

    @classmethod
    def fit(
        cls, margin: NDArray, positive: NDArray[np.bool_], weight: NDArray | None
    ) -> SigmoidCalibrator:
        """Fit by maximum likelihood with Platt's smoothed targets.

        Parameters
        ----------
        margin : ndarray of shape (n_samples,)
            Margins of rows that the model was not trained on.
        positive : ndarray of shape (n_samples,), dtype=bool
            Labels.
        weight : ndarray of shape (n_samples,) or None
            Sample weights.

        Returns
        -------
        calibrator : SigmoidCalibrator

        Raises
        ------
        ValueError
            If the margins are so large that their squares are no numbers.
        """
        check_margins(margin)
        weight = np.ones(margin.size) if weight is None else weight
        n_pos, n_neg = count_rows(weight[positive]), count_rows(weight[~positive])
        target = np.where(positive, (n_pos + 1) / (n_pos + 2), 1 / (n_neg + 2))
        share = weight / weight.sum()
        centre, spread = moments(margin, share)
        spread = spread or 1.0
        x = (margin - centre) / spread

        def loss(theta: NDArray) -> tuple[float, NDArray]:
            z = theta[0] * x + theta[1]
            residual = share * (expit(z) - target)
            value = share @ (np.logaddexp(0.0, z) - target * z)
            return float(value), np.array([residual @ x, residual.sum()])

        base = float(share @ target)
        start = np.array([1.0, np.log(base / (1 - base))])
        bounds = [(MIN_SLOPE, None), (None, None)]
        found = minimize(
            loss,
            start,
            jac=True,
            bounds=bounds,
            method="L-BFGS-B",
            options={"maxiter": 1000, "ftol": 1e-14, "gtol": 1e-10},
        ).x
        slope = found[0] / spread
        return cls(float(slope), float(found[1] / slope - centre))

    def __call__(self, margin: NDArray) -> NDArray:
        """Return the probability of the positive class for each margin."""
        return expit(self.slope * (np.asarray(margin, dtype=np.float64) + self.offset))

    def scores(self, margin: NDArray) -> NDArray:
        """Return margins whose zero means even odds."""
        return margin + self.offset if self.offset else margin

    def probabilities(self, scores: NDArray) -> NDArray[np.float64]:
        """Return the probabilities of both classes from `scores`, shape (n_samples, 2)."""
        positive = expit(self.slope * np.asarray(scores, dtype=np.float64))
        return np.column_stack([1.0 - positive, positive])


def check_margins(margin: NDArray) -> None:
    """Raise if the squares of margins are no numbers."""
    greatest = float(np.abs(margin).max())
    if greatest > _GREATEST_MARGIN:
        raise ValueError(
            f"The margins of held-out rows are as large as {greatest:g}, and cannot be turned "
            "into probabilities: look for extreme values in X, and in init_score or "
            "base_margin if scores of the rows were passed."
        )


def count_rows(weight: NDArray) -> float:
    """Return how many rows some weights stand for.

    A weight of 2 is a row twice. Weights that add up to less than there are rows, such as
    shares of a whole, are in another unit: then it is the number of rows that they are worth.
    """
    share = weight / weight.max(initial=0.0) if weight.any() else weight
    squares = float(share @ share)
    return max(float(weight.sum()), float(share.sum()) ** 2 / squares if squares else 0.0)


@dataclass(frozen=True)
class ClassCalibrator:
    """Scores and probabilities of the classes, from one column of margins per class.

    Each class is calibrated against all others by a `SigmoidCalibrator`, and the
    probabilities of a row are normalised to a sum of 1. Two classes may share a single
    column, that of the second class.

    Attributes
    ----------
    scale, offset : ndarray of shape (n_columns,)
        The score of a class is ``scale * (margin + offset)``. With a column per class it
        is the log-odds of the class, so that the scores of a row compare as its
        probabilities do. With a single column ``scale`` is 1.
    slope : ndarray of shape (n_columns,)
        Log-odds per unit of score.
    """

    scale: NDArray[np.float64]
    offset: NDArray[np.float64]
    slope: NDArray[np.float64]

    @classmethod
    def fit(cls, margins: NDArray, target: NDArray, weight: NDArray | None) -> ClassCalibrator:
        """Fit each column to the labels of its class.

        Parameters
        ----------
        margins : ndarray of shape (n_samples, n_columns)
            Margins of rows that the model was not trained on.
        target : ndarray of shape (n_samples,)
            Class numbers from 0.
        weight : ndarray of shape (n_samples,) or None
            Sample weights.

        Returns
        -------
        calibrator : ClassCalibrator
        """
        n_columns = margins.shape[1]
        labels = [1] if n_columns == 1 else range(n_columns)
        found = [
            SigmoidCalibrator.fit(column, target == label, weight)
            for column, label in zip(margins.T, labels)
        ]
        slope, ones = np.array([one.slope for one in found]), np.ones(n_columns)
        offset = np.array([one.offset for one in found])
        return cls(ones, offset, slope) if n_columns == 1 else cls(slope, offset, ones)

    def scores(self, margins: NDArray) -> NDArray[np.float64]:
        """Return the scores of the classes, shape (n_samples, n_columns)."""
        return self.scale * (margins + self.offset)

    def probabilities(self, scores: NDArray) -> NDArray[np.float64]:
        """Return the probability of each class, shape (n_samples, n_classes)."""
        logits = self.slope * scores
        if logits.shape[1] == 1:
            positive = expit(logits[:, 0])
            return np.column_stack([1.0 - positive, positive])
        # Normalised as logarithms: far out, every class may be next to impossible.
        return softmax(log_expit(logits), axis=1)
