"""Which methods of prediction a classifier has."""

from __future__ import annotations

from typing import Any

from ._fitting import CALIBRATED

__all__ = ["can_predict", "has_probabilities"]


def has_probabilities(estimator: Any) -> bool:
    """Return True, or say why an estimator has no `predict_proba`.

    Raises
    ------
    AttributeError
        If the margins of its target are not calibrated, or calibration is not asked for.
    """
    target, _ = estimator._kind
    if target not in CALIBRATED:
        raise AttributeError(
            f"This {type(estimator).__name__} has no probabilities: its objective takes a real "
            "target, whose margins are not calibrated. Use decision_function."
        )
    if estimator.calibration_cv is None:
        raise AttributeError(
            f"This {type(estimator).__name__} ranks only: probabilities and labels need "
            "calibration_cv >= 2 (it is None). Use decision_function."
        )
    return True


def can_predict(estimator: Any) -> bool:
    """Return True, or say why an estimator has no `predict`.

    Raises
    ------
    AttributeError
        If it has a single margin for ordered levels, and calibration is not asked for.
    """
    if estimator._kind == ("ordinal", "one") and estimator.calibration_cv is None:
        raise AttributeError(
            f"This {type(estimator).__name__} ranks only: its objective has one margin for ordered "
            "levels, and the thresholds between them need calibration_cv >= 2 (it is None). Use "
            "decision_function."
        )
    return True
