"""Probabilities from margins, without touching the ranking."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

__all__ = ["SigmoidCalibrator"]

# Slope per standard deviation of the margin: a flat map would tie rows that the
# margin tells apart, and put the even odds out of reach of float32.
_MIN_SLOPE = 1e-2


@dataclass(frozen=True)
class SigmoidCalibrator:
    """The increasing map ``expit(slope * (margin + offset))`` of Platt (1999).

    Its slope is positive whatever the data say, so that probabilities rank as
    margins do; margins without information then get about the base rate.

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
        """
        weight = np.ones(margin.size) if weight is None else weight
        n_pos, n_neg = weight[positive].sum(), weight[~positive].sum()
        target = np.where(positive, (n_pos + 1) / (n_pos + 2), 1 / (n_neg + 2))
        share = weight / weight.sum()
        centre = float(share @ margin)
        spread = float(np.sqrt(share @ (margin - centre) ** 2)) or 1.0
        x = (margin - centre) / spread

        def loss(theta: NDArray) -> tuple[float, NDArray]:
            z = theta[0] * x + theta[1]
            residual = share * (expit(z) - target)
            value = share @ (np.logaddexp(0.0, z) - target * z)
            return float(value), np.array([residual @ x, residual.sum()])

        base = float(share @ target)
        start = np.array([1.0, np.log(base / (1 - base))])
        bounds = [(_MIN_SLOPE, None), (None, None)]
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
