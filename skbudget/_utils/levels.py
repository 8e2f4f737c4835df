"""Probabilities of ordered levels, from one score or from one per threshold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import expit, logit
from sklearn.utils import check_consistent_length, column_or_1d

from .calibration import (
    MIN_SLOPE,
    ClassCalibrator,
    SigmoidCalibrator,
    check_margins,
    count_rows,
)
from .scale import moments
from .validation import check_weights

__all__ = [
    "MOST_LEVELS",
    "LevelCalibrator",
    "ThresholdCalibrator",
    "check_levels",
    "fit_calibrator",
    "level_accuracy",
    "level_probabilities",
]

# More levels than these that are no whole numbers are taken for an amount.
MOST_LEVELS = 100


def check_levels(y: NDArray[Any], owner: str, what: str) -> None:
    """Raise unless labels are ordered levels: numbers in any spacing, of which there are few.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        The labels.
    owner : str
        The estimator, for messages.
    what : str
        What takes the levels, as ``"this objective"``.

    Raises
    ------
    ValueError
        If labels are no numbers or not finite, or if they are amounts.
    """
    if y.dtype.kind not in "biuf":
        raise ValueError(
            f"{owner} needs ordered levels for {what}, which must be numbers, because their order "
            f"is that of the levels: got {np.unique(y)[:10].tolist()}."
        )
    if y.dtype.kind != "f":
        return
    if not np.isfinite(y).all():
        raise ValueError(
            f"y must hold levels, and contains NaN or infinity: {owner} needs numbers."
        )
    n_levels = np.unique(y).size
    if n_levels > MOST_LEVELS and (y != np.floor(y)).any():
        raise ValueError(
            f"{owner} takes up to {MOST_LEVELS} levels that are no whole numbers for {what}, and y "
            f"has {n_levels} different values, as amounts have. Round y or cut it into levels by "
            "np.digitize, or pass a loss of a real target, such as 'squared_error'."
        )


def level_accuracy(y: ArrayLike, predicted: NDArray[Any], sample_weight: Any) -> float:
    """Return the share of rows whose level is the predicted one; levels may be fractions."""
    true = column_or_1d(y)
    check_consistent_length(true, predicted)
    weight = check_weights(sample_weight, true.size)
    return float(np.average(true == predicted, weights=weight))


def level_probabilities(above: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probability of each level, from those of the levels above each threshold.

    Models that were made threshold by threshold may cross: then a level above a higher
    threshold is as probable as one above the lower.

    Parameters
    ----------
    above : ndarray of shape (n_samples, n_levels - 1)
        Probability that the level is above each threshold.

    Returns
    -------
    probabilities : ndarray of shape (n_samples, n_levels)
        At least 0, and 1 in all.
    """
    ordered = np.minimum.accumulate(above, axis=1)
    ends = np.ones((above.shape[0], 1))
    return -np.diff(np.hstack([ends, ordered, 0.0 * ends]), axis=1)


@dataclass(frozen=True)
class LevelCalibrator:
    """Probabilities of levels from one margin: a slope, and thresholds that increase.

    The slope is positive, so that the expected level ranks rows as the margin does.

    Attributes
    ----------
    slope : float
        Log-odds per unit of margin.
    thresholds : ndarray of shape (n_levels - 1,)
        The level is above a threshold with probability ``expit(slope * margin - threshold)``.
    """

    slope: float
    thresholds: NDArray[np.float64]

    @classmethod
    def fit(
        cls, margin: NDArray, target: NDArray, weight: NDArray | None, n_levels: int
    ) -> LevelCalibrator:
        """Fit by the all-threshold loss with Platt's smoothed targets.

        Parameters
        ----------
        margin : ndarray of shape (n_samples,)
            Margins of rows that the model was not trained on.
        target : ndarray of shape (n_samples,)
            Levels from 0.
        weight : ndarray of shape (n_samples,) or None
            Sample weights.
        n_levels : int
            Number of levels.

        Returns
        -------
        calibrator : LevelCalibrator
        """
        check_margins(margin)
        weight = np.ones(margin.size) if weight is None else weight
        share = weight / weight.sum()
        centre, spread = moments(margin, share)
        spread = spread or 1.0
        x = (margin - centre) / spread
        wanted = np.empty((margin.size, n_levels - 1))
        for number in range(n_levels - 1):
            above = target > number
            n_above, n_below = count_rows(weight[above]), count_rows(weight[~above])
            wanted[:, number] = np.where(above, (n_above + 1) / (n_above + 2), 1 / (n_below + 2))
        base = share @ wanted

        def loss(theta: NDArray) -> tuple[float, NDArray]:
            z = theta[0] * x[:, None] - theta[1:]
            residual = share[:, None] * (expit(z) - wanted)
            value = share @ (np.logaddexp(0.0, z) - wanted * z).sum(axis=1)
            return float(value), np.append(x @ residual.sum(axis=1), -residual.sum(axis=0))

        found = minimize(
            loss,
            np.append(1.0, -logit(base)),
            jac=True,
            bounds=[(MIN_SLOPE, None)] + [(None, None)] * (n_levels - 1),
            method="L-BFGS-B",
            options={"maxiter": 1000, "ftol": 1e-14, "gtol": 1e-10},
        ).x
        slope = float(found[0] / spread)
        # They are in order where the loss is least, and nearly so where the search ended.
        return cls(slope, np.maximum.accumulate(found[1:] + slope * centre))

    def scores(self, margin: NDArray) -> NDArray:
        """Return the margins as they are."""
        return margin

    def levels(self, scores: NDArray) -> NDArray[np.intp]:
        """Return the level in the middle of the distribution, shape (n_samples,)."""
        above = self.slope * np.asarray(scores, dtype=np.float64)[:, None] > self.thresholds
        return np.count_nonzero(above, axis=1)

    def probabilities(self, scores: NDArray) -> NDArray[np.float64]:
        """Return the probability of each level, shape (n_samples, n_levels)."""
        z = self.slope * np.asarray(scores, dtype=np.float64)[:, None] - self.thresholds
        return level_probabilities(expit(z))


@dataclass(frozen=True)
class ThresholdCalibrator:
    """Probabilities of levels from one margin per threshold between two levels.

    Attributes
    ----------
    slope, offset : ndarray of shape (n_levels - 1,)
        Log-odds of the levels above a threshold are ``slope * (margin + offset)``.
    """

    slope: NDArray[np.float64]
    offset: NDArray[np.float64]

    @classmethod
    def fit(cls, margins: NDArray, target: NDArray, weight: NDArray | None) -> ThresholdCalibrator:
        """Fit each column to the question whether the level is above its threshold.

        Parameters
        ----------
        margins : ndarray of shape (n_samples, n_levels - 1)
            Margins of rows that the model was not trained on.
        target : ndarray of shape (n_samples,)
            Levels from 0.
        weight : ndarray of shape (n_samples,) or None
            Sample weights.

        Returns
        -------
        calibrator : ThresholdCalibrator
        """
        found = [
            SigmoidCalibrator.fit(column, target > number, weight)
            for number, column in enumerate(margins.T)
        ]
        return cls(np.array([one.slope for one in found]), np.array([one.offset for one in found]))

    def scores(self, margins: NDArray) -> NDArray[np.float64]:
        """Return the log-odds of the levels above each threshold."""
        return self.slope * (margins + self.offset)

    def probabilities(self, scores: NDArray) -> NDArray[np.float64]:
        """Return the probability of each level, shape (n_samples, n_levels)."""
        return level_probabilities(expit(np.asarray(scores, dtype=np.float64)))


def fit_calibrator(
    margins: NDArray, target: NDArray, weight: NDArray | None, kind: str, n_levels: int
) -> Any:
    """Return the map from margins to the probabilities of several classes, or of levels.

    Parameters
    ----------
    margins : ndarray of shape (n_samples,) or (n_samples, n_margins)
        Margins of rows that the model was not trained on.
    target : ndarray of shape (n_samples,)
        Codes from 0.
    weight : ndarray of shape (n_samples,) or None
        Sample weights.
    kind : {"one", "classes", "thresholds"}
        What the margins are.
    n_levels : int
        Number of classes or levels, also of those that no row here has.

    Returns
    -------
    calibrator : ClassCalibrator, ThresholdCalibrator or LevelCalibrator
    """
    if kind == "classes":
        return ClassCalibrator.fit(margins, target, weight)
    if kind == "thresholds":
        return ThresholdCalibrator.fit(margins, target, weight)
    return LevelCalibrator.fit(margins, target, weight, n_levels)
