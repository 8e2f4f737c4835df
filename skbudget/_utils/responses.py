"""Scores that an estimator gives rows, also where scikit-learn cannot read them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sklearn.utils._response import _get_response_values

from .labels import _same

__all__ = ["response_values"]


def response_values(
    estimator: Any,
    X: Any,
    methods: str | Sequence[str],
    pos_label: Any = None,
    *,
    read: Callable[..., tuple[Any, Any]] = _get_response_values,
) -> tuple[Any, Any]:
    """Return what ``read`` of scikit-learn returns: scores that favour ``pos_label``, and it.

    `lightgbm.LGBMClassifier` with an objective in Python answers ``predict_proba`` with raw scores
    of shape (n_samples,), and before LightGBM 4.7 it has no ``decision_function``. Scikit-learn
    looks for columns there. These raw scores favour ``classes_[1]``.
    """
    try:
        return read(estimator, X, methods, pos_label=pos_label)
    except IndexError:
        raw: Any = None if hasattr(estimator, "decision_function") else estimator.predict_proba(X)
        classes: Any = getattr(estimator, "classes_", ())
        if np.ndim(raw) != 1 or len(classes) != 2:
            raise
    if pos_label is None:
        pos_label = classes[1]
    return (raw if _same(pos_label, classes[1]) else -np.asarray(raw)), pos_label
