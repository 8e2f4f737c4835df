"""Thresholds that keep a floor on recall, and what can be guaranteed for them.

It is the budget of a threshold with the classes exchanged and the scores negated: among the
positives, those that are missed spend ``1 - min_recall``. So the same bound holds. Draw ``n``
positives independently, score them by one fixed model, and let the threshold be the score of
rank ``r + 1`` from the bottom. The share of the law of the positives' scores below it is at most
that of a continuous law, and

    P(recall < min_recall) <= P(Binomial(n, 1 - min_recall) <= r).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._utils.validation import check_budget, check_fraction, check_scores, check_weights
from ..metrics._ranking import CountedRows
from ._calibration import Rule, ScoredRows
from ._guarantee import MOST_ROWS, fewest_rows, guaranteed_threshold, refuse_unequal_weights

__all__ = ["RecallRule", "check_recall", "min_calibration_positives", "recall_threshold"]


def check_recall(min_recall: float, guarantee: float | None, owner: str) -> float:
    """Return a floor on recall that is in its range, and can be guaranteed if it is to be."""
    if guarantee is None:
        return check_budget(min_recall, owner, "min_recall")
    min_recall = check_fraction(min_recall, "min_recall", owner)
    guarantee = check_fraction(guarantee, "guarantee", owner)
    _fewest_positives(min_recall, 1.0 - guarantee)
    return min_recall


def _most_missed(min_recall: float) -> float:
    """Return the share of the positives that may be missed, which is never all of them."""
    return min(1.0 - min_recall, np.nextafter(1.0, 0.0).item())


def _fewest_positives(min_recall: float, risk: float) -> int:
    try:
        return fewest_rows(_most_missed(min_recall), risk)
    except ValueError as error:
        raise ValueError(
            f"A guarantee of min_recall={min_recall:g} needs more than {MOST_ROWS:g} positives: "
            "min_recall is too near to 1."
        ) from error


def _kept_threshold(scores: NDArray[np.float64], min_recall: float, risk: float) -> float:
    """Return the greatest order statistic that falls short with probability <= ``risk``."""
    return -guaranteed_threshold(-scores, _most_missed(min_recall), risk)


def _reached_threshold(positives: CountedRows, size: float) -> float:
    """Return the greatest score at or above which positives count for ``size``."""
    return positives.cut(size, reach=True).threshold


@dataclass(frozen=True)
class RecallRule(Rule):
    """How much recall a threshold keeps, with which guarantee, in each segment."""

    min_recall: float
    guarantee: float | None
    segments: NDArray | None

    def counted(self, rows: ScoredRows) -> NDArray[np.bool_]:
        """Return the positives."""
        assert rows.labels is not None
        return rows.labels

    def sizes(
        self,
        rows: ScoredRows,
        counted: NDArray[np.bool_],
        last_rates: NDArray[np.float64] | None,
    ) -> NDArray[np.float64]:
        """Return how many of its positives each segment has to catch."""
        if not counted.any():
            raise ValueError(
                "Only one class present in y of the calibration rows, the negative one: "
                f"min_recall={self.min_recall:g} needs positives to calibrate on."
            )
        least, wanted, remedy = 1, f"min_recall={self.min_recall:g} needs", ""
        if self.guarantee is not None:
            remedy = " Calibrate on more rows (such as cv=0.5), or lower min_recall or guarantee."
            least = _fewest_positives(self.min_recall, self.segment_risk)
            wanted = f"guarantee={self.guarantee:g} of min_recall={self.min_recall:g} needs"
        self.check_enough(rows, counted, "positives to calibrate on", least, wanted, remedy)
        return self.min_recall * self.by_segment(rows, counted)

    def threshold(self, counted: CountedRows, size: float) -> float:
        """Return the threshold of one segment, whose positives are to be caught."""
        if self.guarantee is None:
            return _reached_threshold(counted, size)
        return _kept_threshold(counted.scores, self.min_recall, self.segment_risk)

    def flags(
        self, scores: NDArray[np.float64], thresholds: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """Return which rows score at least the threshold. Ties would be missed otherwise."""
        return scores >= thresholds

    def warn(self, rows: ScoredRows, thresholds: NDArray[np.float64], *, stacklevel: int) -> None:
        """Warn if every row of a segment is flagged."""
        for code, threshold in enumerate(thresholds):
            scores = rows.scores[rows.codes == code]
            if scores.size > 1 and scores.min() >= threshold:
                warnings.warn(
                    f"min_recall={self.min_recall:g} takes all {scores.size} calibration rows"
                    f"{self.name_of(code)}: none scores below {threshold:g}, the threshold.",
                    UserWarning,
                    stacklevel=stacklevel + 1,
                )


def min_calibration_positives(min_recall: float, guarantee: float) -> int:
    """Least number of positives with which a floor on recall can be guaranteed.

    Parameters
    ----------
    min_recall : float
        The least recall, in (0, 1).

    guarantee : float
        Probability that it is kept, in (0, 1).

    Returns
    -------
    n_positives : int
        The least ``n`` with ``min_recall ** n <= 1 - guarantee``.

    Raises
    ------
    ValueError
        If a parameter is out of its range, or if more than 10^15 positives would be needed.

    See Also
    --------
    recall_threshold : The threshold.
    min_calibration_rows : The same for a budget.

    Notes
    -----
    With so few positives the threshold is the least of their scores, so that more rows than
    necessary are flagged.

    Examples
    --------
    >>> from skbudget.model_selection import min_calibration_positives
    >>> min_calibration_positives(0.98, 0.95)
    149
    """
    owner = "min_calibration_positives"
    min_recall = check_fraction(min_recall, "min_recall", owner)
    return _fewest_positives(min_recall, 1.0 - check_fraction(guarantee, "guarantee", owner))


def recall_threshold(
    y_score: ArrayLike,
    *,
    min_recall: float,
    guarantee: float | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Greatest threshold at which a share of the positives is caught.

    Parameters
    ----------
    y_score : array-like of shape (n_positives,)
        Scores of positives, by a model that was not trained on them.

    min_recall : float
        The share of the positives that has to score at least the threshold, in (0, 1], with
        `guarantee` below 1.

    guarantee : float, default=None
        Probability in (0, 1) that the share of fresh positives that score at least the
        threshold is `min_recall` or more. By default the share is reached on `y_score` only,
        and on fresh positives it falls short about every other time.

    sample_weight : array-like of shape (n_positives,), default=None
        How many positives each one stands for. With `guarantee` the weights must be equal: the
        guarantee rests on independent draws, and repeated rows are not independent.

    Returns
    -------
    threshold : float
        One of `y_score`. A row is flagged if its score is at least this; equal is enough.

    Raises
    ------
    ValueError
        If a parameter is out of its range, a score is not finite or is an integer that no float
        holds, there are no scores, or there are too few of them for the guarantee.

    See Also
    --------
    min_calibration_positives : How many positives a guarantee needs.
    budget_threshold : The same for a budget.
    BudgetThresholdClassifier : A classifier with such a threshold.

    Notes
    -----
    **The guarantee.** Over the draw of `y_score`, the share of the law of the positives' scores
    at or above the threshold is at least `min_recall` with probability `guarantee` or more, for
    any law and any number of scores, if the scores are drawn independently from that law. The
    threshold is the greatest order statistic for which the statement holds. Its rank from the
    bottom is ``r + 1``, with the greatest ``r`` such that
    ``P(Binomial(n, 1 - min_recall) <= r) <= 1 - guarantee``: a one-sided tolerance limit of
    Wilks [1]_. For scores without ties the probability is attained up to the steps of this
    binomial law, and the recall is ``1 - (r + 1) / (n + 1)`` on average.

    **Ties** at the threshold are flagged, all of them. So a constant score flags everything.

    References
    ----------
    .. [1] S. S. Wilks, "Determination of sample sizes for setting tolerance limits",
       Annals of Mathematical Statistics 12(1), 1941.

    Examples
    --------
    >>> import numpy as np
    >>> from skbudget.model_selection import recall_threshold
    >>> y_score = np.arange(1000)
    >>> recall_threshold(y_score, min_recall=0.95)
    50.0
    >>> recall_threshold(y_score, min_recall=0.95, guarantee=0.95)
    38.0
    """
    owner = "recall_threshold"
    min_recall = check_recall(min_recall, guarantee, owner)
    scores = check_scores(y_score)
    weight = check_weights(sample_weight, scores.size)
    if guarantee is None:
        positives = CountedRows(scores, weight).in_range()
        return _reached_threshold(positives, min_recall * positives.total)
    refuse_unequal_weights(weight, "positives")
    risk = 1.0 - float(guarantee)
    least = _fewest_positives(min_recall, risk)
    if scores.size < least:
        raise ValueError(
            f"guarantee={guarantee:g} of min_recall={min_recall:g} needs at least {least} "
            f"positives, see min_calibration_positives: got {scores.size}."
        )
    return _kept_threshold(scores, min_recall, risk)
