"""The blend of two models' margins, and where the final models stand in it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from ._utils.calibration import SigmoidCalibrator
from ._utils.scale import Line, match_scale, moments, shares
from .boosting._classifier import MIN_TO_CHOOSE
from .metrics import partial_auc_score
from .metrics._ranking import CountedRows

__all__ = ["Seen", "TopScale", "blend", "choose_tenths", "match_folds", "mean_line"]

# Weights that the network may have in the blend, in tenths.
_TENTHS = range(11)
# A final model counts at least this much of what it would if it ranked as the folds' models do.
_LEAST_AGREEMENT = 0.1
_HALVINGS = 100


class TopScale(NamedTuple):
    """The map of a model's margins to the scale of the top of its ranking.

    The cut at the budget is mapped to 1, and the cut at ten times the budget to 0. The margins
    of two models can then be added where the budget is spent, however they spread below.
    """

    low: float
    width: float

    @classmethod
    def of(cls, margin: NDArray, weight: NDArray | None, budget: float) -> TopScale:
        """Return the scale of the margins of some rows."""
        ranked = CountedRows(margin, weight)
        # The caps keep the two levels apart if the budget is most of the rows.
        shares = (min(10 * budget, 0.5), min(budget, 0.05))
        low, high = (ranked.cut(share * ranked.total).threshold for share in shares)
        return cls(low, (high - low) or 1.0)

    def __call__(self, margin: NDArray) -> NDArray[np.float64]:
        """Return the standardised margins."""
        return (margin - self.low) / self.width


def choose_tenths(
    target: NDArray[np.int64],
    standard: NDArray,
    weight: NDArray | None,
    budget: float,
    value: NDArray | None = None,
) -> int:
    """Return the network's weight, in tenths, in the blend that ranks the held-out rows best.

    ``standard`` has two columns, the standardised margins of the trees and of the network.
    """
    valued = target if value is None else target * (value > 0)
    if np.bincount(valued, minlength=2).min() < MIN_TO_CHOOSE:
        # On so few rows the best weight would be a matter of luck.
        return 5

    def worth(tenths: int) -> tuple[float, int, int]:
        blended = blend(tenths, *standard.T)
        area = partial_auc_score(target, blended, beta=budget, sample_weight=weight, value=value)
        return area, -abs(tenths - 5), -tenths

    return max(_TENTHS, key=worth)


def blend(tenths: int, of_trees: Any, of_network: Any) -> Any:
    """Return the blend of standardised margins."""
    return (1 - tenths / 10) * of_trees + tenths / 10 * of_network


# --- the scale of the final models ----------------------------------------------------


class Seen(NamedTuple):
    """Rows that a fold's models were trained on, and with them the final models.

    Attributes
    ----------
    rows : ndarray of shape (n_rows,)
    standard : dict of str to ndarray of shape (n_rows,)
        Standardised margins of the fold's models by role.
    share : ndarray of shape (n_rows,)
        Weights of the rows, with a sum of 1.
    """

    rows: NDArray[np.intp]
    standard: dict[str, NDArray[np.float64]]
    share: NDArray[np.float64]

    @classmethod
    def of(
        cls, rows: NDArray[np.intp], standard: dict[str, NDArray], weight: NDArray | None
    ) -> Seen:
        """Return the rows with their weights as shares."""
        return cls(rows, standard, shares(weight, rows.size))


def mean_line(role: str, margin: NDArray, seen: list[Seen]) -> Line:
    """Return the map of a final model's margins to the scale that the folds' margins have.

    No row is held out from the final model, so its scale cannot be measured as those of the
    folds' models are. But the rows that such a model was trained on are known to both in the
    same way. The line is the regression of its margins on those of the final model, the mean
    over folds. So a final model counts for less where it ranks unlike the models that the
    blend was chosen by.
    """
    lines = [_regression(margin[one.rows], one.standard[role], one.share) for one in seen]
    centre, slope, height = np.mean(lines, axis=0).tolist()
    # Each line at the mean centre.
    height += float(np.mean([line.slope * (centre - line.centre) for line in lines]))
    return Line(centre, slope, height)


def match_folds(
    tenths: int,
    final: NDArray[np.float64],
    seen: list[Seen],
    found: SigmoidCalibrator,
) -> Line:
    """Return the map of the final blend to margins that the calibration of the folds fits.

    On the rows that the final models share with those of a fold, the mapped blend spreads as
    that of the fold does, and the mean of its probabilities is the same, over all folds. No
    labels take part, for those of rows that were trained on would promise too much.

    Parameters
    ----------
    tenths : int
        Weight of the network.
    final : ndarray of shape (n_samples,)
        The blend of the final models on all rows.
    seen : list of Seen
    found : SigmoidCalibrator
        Calibration of the folds' blend.
    """
    of_folds = [blend(tenths, one.standard["trees"], one.standard["network"]) for one in seen]
    lines = [
        match_scale(final[one.rows], of_fold, one.share) for one, of_fold in zip(seen, of_folds)
    ]
    slope = float(np.mean([line.slope for line in lines]))
    share = np.concatenate([one.share for one in seen]) / len(seen)
    mean = float(share @ found(np.concatenate(of_folds)))
    rows = np.concatenate([one.rows for one in seen])
    centre = float(share @ final[rows])
    log_odds = found.slope * slope * (final[rows] - centre)
    return Line(centre, slope, _shift(log_odds, share, mean) / found.slope)


def _regression(margin: NDArray, standard: NDArray, share: NDArray) -> Line:
    centre, spread = moments(margin, share)
    height, theirs = moments(standard, share)
    # Constant margins tell nothing about the scale.
    spread, theirs = spread or 1.0, theirs or 1.0
    agreement = float(share @ ((margin - centre) / spread * ((standard - height) / theirs)))
    return Line(centre, max(agreement, _LEAST_AGREEMENT) * theirs / spread, height)


def _shift(log_odds: NDArray, share: NDArray, mean: float) -> float:
    """Return what to add to log-odds for a mean of the probabilities."""
    wanted = float(logit(np.clip(mean, 1e-300, 1 - 1e-15)))
    low, high = wanted - float(log_odds.max()), wanted - float(log_odds.min())
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if high - low <= 1e-12 * max(1.0, abs(middle)):
            break
        if float(share @ expit(log_odds + middle)) < mean:
            low = middle
        else:
            high = middle
    return (low + high) / 2
