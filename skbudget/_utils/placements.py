"""Where rows stand in a partial AUC, and whether one model's is surely above another's."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

__all__ = ["Placements", "judged_band", "placements"]

# Candidates are compared by the partial AUC up to three times the budget, and over no fewer
# held-out negatives than these: it says the same as coverage does, and varies less.
BUDGETS_JUDGED = 3.0
LEAST_NEGATIVES = 20

# One model is surely above another if it is ahead at this level of confidence, to one side: by
# more than half a 95 % interval.
CONFIDENCE = 0.975


def judged_band(budget: float, n_negatives: int) -> float:
    """Return the upper end of the band that models are judged by, a share of the negatives."""
    return min(1.0, max(BUDGETS_JUDGED * budget, LEAST_NEGATIVES / n_negatives))


class Placements(NamedTuple):
    """Where rows of a fold stand, in parts that add up to a partial AUC.

    Attributes
    ----------
    positives : ndarray of shape (n_positives,)
        Share of the band's negatives that each positive is above.
    worth : ndarray of shape (n_positives,)
        What each of them counts.
    negatives : ndarray of shape (n_negatives,)
        What each negative takes from the area, compared with one at the lower edge of the band:
        minus the share of the positives between the two, as a multiple of its share of the
        band; 0 outside of the band.
    weight : ndarray of shape (n_negatives,)
        What each of them counts.
    """

    positives: NDArray[np.float64]
    worth: NDArray[np.float64]
    negatives: NDArray[np.float64]
    weight: NDArray[np.float64]

    @property
    def area(self) -> float:
        """The partial AUC."""
        return float(np.average(self.positives, weights=self.worth))

    def is_surely_above(self, other: Placements) -> bool:
        """Tell whether the area of another model on the same rows is less, and not by chance.

        The variance of the difference is that of DeLong and others: a part for the positives
        that there happen to be, and one for the negatives.
        """
        mean, over_positives, degrees = _mean_with_variance(
            self.positives - other.positives, self.worth
        )
        _, over_negatives, _ = _mean_with_variance(self.negatives - other.negatives, self.weight)
        variance = over_positives + over_negatives
        if degrees < 1 or not variance > 0:
            return False
        return bool(mean > student.ppf(CONFIDENCE, degrees) * np.sqrt(variance))


def _mean_with_variance(
    values: NDArray[np.float64], weight: NDArray[np.float64]
) -> tuple[float, float, float]:
    """Return a weighted mean, its variance, and the degrees of freedom of that."""
    share = weight / weight.sum()
    mean = float(share @ values)
    n_effective = 1.0 / float(share @ share)
    if n_effective <= 1.0:
        return mean, np.inf, 0.0
    correction = n_effective / (n_effective - 1.0)
    return mean, correction * float(share**2 @ (values - mean) ** 2), n_effective - 1.0


def placements(
    positive: NDArray[np.bool_],
    margins: NDArray[np.float64],
    weight: NDArray[np.float64],
    worth: NDArray[np.float64],
    beta: float,
) -> Placements:
    """Return where rows of two classes stand.

    Parameters
    ----------
    positive : ndarray of shape (n_rows,), dtype=bool
        The positives.
    margins : ndarray of shape (n_rows,)
        Scores, greater for the positive class.
    weight : ndarray of shape (n_rows,)
        How often a row counts.
    worth : ndarray of shape (n_positives,)
        What a positive counts.
    beta : float
        End of the band, a share of the negatives.
    """
    own, others, spent = margins[positive], margins[~positive], weight[~positive]
    order = np.argsort(-others, kind="stable")
    falling, cumulated = -others[order], np.concatenate([[0.0], np.cumsum(spent[order])])
    wanted = beta * cumulated[-1]
    # Of the rows with the same score one half is above.
    sides = [np.searchsorted(falling, -own, side=side) for side in ("left", "right")]
    above = np.mean([np.minimum(cumulated[side], wanted) for side in sides], axis=0)
    # The last negative of the band may be in it with a part only.
    inside = np.diff(np.minimum(cumulated, wanted))
    rising = np.sort(own)
    under = np.concatenate([[0.0], np.cumsum(worth[np.argsort(own, kind="stable")])])
    sides = [np.searchsorted(rising, -falling, side=side) for side in ("left", "right")]
    beaten = np.mean([under[side] for side in sides], axis=0) / worth.sum()
    # One negative more at the top moves the lower edge of the band up.
    beaten -= beaten[np.flatnonzero(inside)[-1]]
    negatives = np.empty(others.size)
    negatives[order] = np.divide(
        beaten * inside, beta * spent[order], out=np.zeros(others.size), where=spent[order] > 0
    )
    return Placements(1.0 - above / wanted, worth, -negatives, spent)
