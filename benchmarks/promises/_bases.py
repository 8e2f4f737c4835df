"""The eight base losses, and what may be added to each of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from skbudget import objectives

__all__ = ["ADDITIONS", "ALONE", "BASES", "RATE", "WEIGHT_POWERS", "Addition", "Base", "Counts"]


@dataclass(frozen=True)
class Counts:
    """Numbers of training rows of the two classes.

    Parameters
    ----------
    positives, negatives : int
        The numbers.
    """

    positives: int
    negatives: int

    @property
    def ratio(self) -> float:
        """Negatives per positive."""
        return self.negatives / self.positives


MakeLoss = Callable[[float, Counts], Any]


@dataclass(frozen=True)
class Base:
    """A cross-entropy of the published tables, with the values of its own parameter.

    Parameters
    ----------
    name : str
        Name in files.
    label : str
        Name in tables, as published.
    parameter : str
        What its own parameter is called. `RATE` for a loss that has none.
    grid : tuple of float
        Values of that parameter.
    make : callable
        ``make(value, counts)`` returns the loss. Class sizes are those of the table: a loss
        that took them from its batch would count the batch.
    weighted : bool, default=False
        Whether it is plain cross-entropy with a weight. With a tuned weight it is then the
        first base again, and is not trained twice.
    """

    name: str
    label: str
    parameter: str
    grid: tuple[float, ...]
    make: MakeLoss
    weighted: bool = False


def _loss(name: str, **parameters: Any) -> Any:
    return getattr(objectives, name)(**parameters)


def _plain(value: float, counts: Counts) -> Any:
    return _loss("BinaryCrossEntropy")


def _weighted(value: float, counts: Counts) -> Any:
    return _loss("BinaryCrossEntropy", pos_weight=value * counts.ratio)


def _class_balanced(value: float, counts: Counts) -> Any:
    return objectives.VectorScalingCrossEntropy.from_counts(
        counts.positives, counts.negatives, beta=value
    )


def _both_margins(value: float, counts: Counts) -> Any:
    return _loss("MarginCrossEntropy", margin=value, side="both")


def _positive_margin(value: float, counts: Counts) -> Any:
    return _loss("MarginCrossEntropy", margin=value, side="positives")


def _focal(value: float, counts: Counts) -> Any:
    return _loss("FocalLoss", gamma=value, alpha=0.5)


def _negative_focal(value: float, counts: Counts) -> Any:
    return _loss("FocalLoss", gamma=value, alpha=0.5, gamma_positive=0.0)


def _ldam(value: float, counts: Counts) -> Any:
    # The publication's scale of 30 with margins of at most half of it, in logits.
    rarer = min(counts.positives, counts.negatives)
    return _loss(
        "VectorScalingCrossEntropy",
        pos_margin=value * (rarer / counts.positives) ** 0.25,
        neg_margin=value * (rarer / counts.negatives) ** 0.25,
    )


RATE = "learning rate"
"""The parameter of a loss that has none: a factor of the learning rate."""

BASES: dict[str, Base] = {
    base.name: base
    for base in (
        Base("bce", "BCE", RATE, (1 / 3, 1.0, 3.0), _plain),
        Base("s-ml", "S-ML", "margin", (0.5, 2.0, 4.0), _both_margins),
        Base("a-ml", "A-ML", "margin", (0.5, 2.0, 4.0), _positive_margin),
        Base("s-fl", "S-FL", "gamma", (0.5, 1.0, 2.0), _focal),
        Base("a-fl", "A-FL", "gamma", (0.5, 1.0, 2.0), _negative_focal),
        Base("w-bce", "W-BCE", "weight", (1 / 3, 2 / 3, 1.0), _weighted, weighted=True),
        Base("cb-bce", "CB-BCE", "beta", (0.99, 0.999, 0.9999), _class_balanced, weighted=True),
        Base("ldam", "LDAM", "margin", (0.5, 4.0, 15.0), _ldam),
    )
}
"""The eight base losses by name, with the published grids."""

WEIGHT_POWERS = (0.5, 1.0)
"""Weights of a positive that are tried: powers of the negatives per positive."""


@dataclass(frozen=True)
class Addition:
    """What may be added to a base loss, with its own grid.

    Parameters
    ----------
    name : str
        Name in files.
    label : str
        Name in tables.
    grid : tuple of float
        Strengths that are tried. For ``ALONE``, factors of the weight decay.
    settings : callable
        ``settings(strength)`` returns parameters of `PAUCClassifier`.
    """

    name: str
    label: str
    grid: tuple[float, ...]
    settings: Callable[[float], dict[str, Any]]


def _nothing(strength: float) -> dict[str, Any]:
    return {}


def _alm(strength: float) -> dict[str, Any]:
    return {"regularizer": _loss("ALM", mu=strength)}


def _rank_reg(strength: float) -> dict[str, Any]:
    return {"regularizer": _loss("RankReg"), "regularizer_weight": strength}


def _critical_rank(strength: float) -> dict[str, Any]:
    # This link was ahead of the other one on draws that are not among those reported.
    return {
        "regularizer": _loss("CriticalRank", side="positives", link="sigmoid"),
        "regularizer_weight": strength,
    }


ALONE = Addition("alone", "alone", (0.3, 3.0, 10.0), _nothing)
"""Nothing is added. Its trials go to the weight decay."""

ADDITIONS: dict[str, Addition] = {
    one.name: one
    for one in (
        ALONE,
        Addition("alm", "ALM", (1e-4, 1e-3), _alm),
        Addition("rank-reg", "RankReg", (0.3, 3.0), _rank_reg),
        Addition("critical-rank", "CriticalRank", (0.3, 3.0), _critical_rank),
    )
}
"""What is added, by name."""
