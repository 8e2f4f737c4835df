"""The figures: each says how well scores keep one promise.

A figure that needs a threshold takes it from the validation rows. All of them are made of true
and false positive rates alone, so that they do not depend on the rate of positives.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from skbudget.metrics import coverage_at_budget_score, fpr_at_tpr_error

__all__ = [
    "BUDGET",
    "FLOORS",
    "PROMISES",
    "Promise",
    "Scored",
    "balanced_error",
    "mean_fpr",
    "significance",
]

BUDGET = 0.005
"""Share of the negatives that can be reviewed in vain."""

FLOORS = (0.98, 0.95, 0.92)
"""True positive rates that may not be missed, as published."""


@dataclass(frozen=True)
class Scored:
    """Labels and scores of some rows.

    Parameters
    ----------
    y : ndarray of shape (n_rows,)
        1 for positives, 0 for negatives.
    score : ndarray of shape (n_rows,)
        Greater for rows that are more likely positive.
    """

    y: NDArray
    score: NDArray

    def rates(self, threshold: float) -> tuple[float, float]:
        """Return the true and the false positive rate of the scores above a threshold."""
        above = self.score > threshold
        return float(above[self.y == 1].mean()), float(above[self.y == 0].mean())

    def curve(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return all thresholds with their rates, the greatest threshold first.

        A threshold lies half way between two scores, so that it means the same on new rows.
        """
        order = np.argsort(-self.score, kind="stable")
        score = self.score[order].astype(np.float64)
        last = np.append(score[1:] < score[:-1], False)
        caught = np.cumsum(self.y[order] == 1)
        cut = np.flatnonzero(last)
        n_pos = int((self.y == 1).sum())
        thresholds = (score[cut] + score[cut + 1]) / 2.0
        return thresholds, caught[cut] / n_pos, (cut + 1 - caught[cut]) / (self.y.size - n_pos)


Judge = Callable[[Scored, Scored], float]
"""``judge(chosen_on, scored)``: the figure of ``scored``, with a threshold of the first."""


@dataclass(frozen=True)
class Promise:
    """A figure that says how well scores keep a promise.

    Parameters
    ----------
    name : str
        Name in files.
    label : str
        Name in tables.
    judge : callable
        ``judge(chosen_on, scored)`` returns the figure of the second rows. A threshold is
        taken from the first.
    sign : {1, -1}
        1 if more is better.
    digits : int, default=3
        Digits in tables.
    """

    name: str
    label: str
    judge: Judge
    sign: int
    digits: int = 3


def _coverage(chosen_on: Scored, scored: Scored) -> float:
    found = coverage_at_budget_score(scored.y, scored.score, budget=BUDGET, basis="fpr")
    return float(found)


def _fpr(tpr: float, chosen_on: Scored, scored: Scored) -> float:
    return float(fpr_at_tpr_error(scored.y, scored.score, tpr=tpr))


def _auc(chosen_on: Scored, scored: Scored) -> float:
    return float(roc_auc_score(scored.y, scored.score))


def mean_fpr(scored: Scored, floors: Sequence[float] = FLOORS) -> float:
    """Return the mean false positive rate over the floors.

    Parameters
    ----------
    scored : Scored
        Rows.
    floors : sequence of float, default=(0.98, 0.95, 0.92)
        True positive rates.

    Returns
    -------
    rate : float
    """
    return sum(_fpr(tpr, scored, scored) for tpr in floors) / len(floors)


def balanced_error(chosen_on: Scored, scored: Scored) -> float:
    """Return the mean of the two error rates, at the threshold that is best for the first rows."""
    thresholds, tpr, fpr = chosen_on.curve()
    if not thresholds.size:  # all rows have one score
        return 0.5
    caught, alarms = scored.rates(float(thresholds[np.argmin(fpr - tpr)]))
    return 0.5 * (1.0 - caught + alarms)


def significance(chosen_on: Scored, scored: Scored) -> float:
    """Return ``S / sqrt(B + b0)`` at the threshold that is best for the first rows.

    It is divided by its greatest possible value, that of all positives and no negative: the
    figure lies between 0 and 1. ``b0`` is the mass of negatives that the budget admits.
    """
    thresholds, tpr, fpr = chosen_on.curve()
    if not thresholds.size:
        return 1.0 / np.sqrt(1.0 + 1.0 / BUDGET)
    best = int(np.argmax(tpr / np.sqrt(fpr + BUDGET)))
    caught, alarms = scored.rates(float(thresholds[best]))
    return float(caught / np.sqrt(1.0 + alarms / BUDGET))


PROMISES: dict[str, Promise] = {
    one.name: one
    for one in (
        Promise("coverage", f"coverage at {BUDGET:.1%}", _coverage, 1),
        *(
            Promise(f"fpr-at-{tpr:.0%}".rstrip("%"), f"FPR at {tpr:.0%}", partial(_fpr, tpr), -1)
            for tpr in FLOORS
        ),
        Promise("auc", "AUC", _auc, 1),
        Promise("balanced-error", "balanced error", balanced_error, -1),
        Promise("significance", "significance", significance, 1),
    )
}
"""All figures by name."""
