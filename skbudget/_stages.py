"""What two stages are joined by: their margins on one scale, and the first score as a column."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._utils.features import column_names
from ._utils.responses import response_values
from ._utils.scale import shares
from ._utils.validation import check_response

__all__ = ["FLOOR", "RESPONSE_METHODS", "bounded", "margin_of", "mean_distance", "with_column"]

RESPONSE_METHODS = ("decision_function", "predict_proba")

# Margins of the second stage are handed on as they are within this range, and compressed beyond
# it, to at most _MOST. All rows that do not reach it are below FLOOR + _MOST.
_EXACT = 500.0
_MOST = _EXACT + 750.0
FLOOR = -2.0 * _MOST - 1.0

FIRST_SCORE = "first_score"


def bounded(margin: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return margins in the same order, at most ``_MOST`` in size."""
    size = np.abs(margin)
    # Infinite differences become the greatest number.
    beyond = np.log1p(np.minimum(np.maximum(size - _EXACT, 0.0), np.finfo(np.float64).max))
    return np.where(size > _EXACT, np.copysign(_EXACT + beyond, margin), margin)


def margin_of(model: Any, X: Any, pos_label: Any, role: str) -> NDArray[np.float64]:
    """Return the margins of a model, greater for the positive class; 0 is even odds."""
    found, _ = response_values(model, X, RESPONSE_METHODS, pos_label=pos_label)
    margin = check_response(found, f"The response of {role}")
    return margin if hasattr(model, "decision_function") else margin - 0.5


def mean_distance(scores: NDArray[np.float64], level: float, weight: NDArray | None) -> float:
    """Return the mean distance of scores from a level, 1 where there is none."""
    greatest = float(np.abs(scores).max()) or 1.0
    distance = np.abs(scores / greatest - level / greatest)
    return float(greatest * (shares(weight, scores.size) @ distance)) or 1.0


def with_column(X: Any, scores: NDArray[np.float64]) -> Any:
    """Return a table with the first scores as its last column."""
    names = column_names(X)
    if names is None:
        return np.column_stack([X, scores])
    name: Any = FIRST_SCORE if all(isinstance(one, str) for one in names) else len(names)
    if name in names.tolist():
        raise ValueError(
            f"X has a column {name!r}, which is what first_as_feature=True calls the first score: "
            "rename it."
        )
    if hasattr(X, "iloc"):
        return X.assign(**{name: scores}) if isinstance(name, str) else _joined(X, name, scores)
    return X.with_columns(sys.modules["polars"].Series(name, scores))


def _joined(X: Any, name: Any, scores: NDArray[np.float64]) -> Any:
    """Return a frame of pandas with a column whose name is no string."""
    found = X.copy(deep=False)
    found[name] = scores
    return found
