"""The positive class of an estimator that is inside another one, or that is scored.

An estimator of this package has a parameter ``pos_label`` and, once fitted, ``pos_label_``.
scikit-learn's pipelines, searches and the like hand labels on unchanged to the estimator that
they hold, so that what it says counts for them too. Ensembles such as `BaggingClassifier`
code the labels first, as `CalibratedClassifierCV` may, and are told nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline

from .labels import _same, _shown, has_known_positive

__all__ = [
    "asked_positive",
    "code_positive",
    "favours",
    "find_known_positive",
    "is_frozen",
    "knows_positive",
    "refuse_one_sided",
    "tell_positive",
]

_AROUND_ONE = (BaseSearchCV, FixedThresholdClassifier, TunedThresholdClassifierCV)


def _unfitted_layers(estimator: Any) -> Iterator[Any]:
    """Yield an estimator and those inside it that will be fitted to the same labels."""
    # A class instead of an instance is refused elsewhere.
    while estimator is not None and not isinstance(estimator, FrozenEstimator | type):
        yield estimator
        if isinstance(estimator, Pipeline):
            estimator = estimator.steps[-1][1]
        else:
            estimator = estimator.estimator if isinstance(estimator, _AROUND_ONE) else None


def _fitted_layers(estimator: Any) -> Iterator[Any]:
    """Yield a fitted estimator and those inside it that were fitted to the same labels."""
    while estimator is not None:
        yield estimator
        if isinstance(estimator, Pipeline):
            estimator = estimator.steps[-1][1]
        elif isinstance(estimator, FrozenEstimator):
            estimator = estimator.estimator
        elif isinstance(estimator, CalibratedClassifierCV):
            fitted = getattr(estimator, "calibrated_classifiers_", None)
            estimator = fitted[0].estimator if fitted else None
        elif isinstance(estimator, _AROUND_ONE):
            name = "best_estimator_" if isinstance(estimator, BaseSearchCV) else "estimator_"
            estimator = getattr(estimator, name, None)
        else:
            estimator = None


def _has_pos_label(estimator: Any) -> bool:
    return hasattr(estimator, "get_params") and "pos_label" in estimator.get_params(deep=False)


def knows_positive(estimator: Any) -> bool:
    """Tell whether an unfitted estimator, or one inside it, has the parameter ``pos_label``."""
    return any(_has_pos_label(layer) for layer in _unfitted_layers(estimator))


def is_frozen(estimator: Any) -> bool:
    """Tell whether fitting an estimator again leaves it as it is."""
    while isinstance(estimator, Pipeline):
        estimator = estimator.steps[-1][1]
    return isinstance(estimator, FrozenEstimator)


def asked_positive(estimator: Any) -> Any:
    """Return the ``pos_label`` that an unfitted estimator asks for, or None."""
    if is_frozen(estimator):
        return find_known_positive(estimator)
    for layer in _unfitted_layers(estimator):
        if _has_pos_label(layer) and layer.pos_label is not None:
            return layer.pos_label
    return None


def find_known_positive(estimator: Any) -> Any:
    """Return the positive label of a fitted estimator, None if nothing says which it is.

    An estimator of this package says so. Of others the labels themselves may, see
    `has_known_positive`.
    """
    classes = getattr(estimator, "classes_", None)
    if classes is None or len(classes) != 2:
        return None
    for layer in _fitted_layers(estimator):
        label = getattr(layer, "pos_label_", None)
        if label is not None and any(_same(label, one) for one in classes):
            return label.item() if isinstance(label, np.generic) else label
    classes = np.asarray(classes)
    return classes[1].item() if has_known_positive(classes) else None


def tell_positive(estimator: Any, pos_label: Any) -> Any:
    """Return an unfitted clone that takes ``pos_label`` for positive where it can be told."""
    told = clone(estimator)
    for layer in _unfitted_layers(told):
        if _has_pos_label(layer) and layer.pos_label is None:
            layer.set_params(pos_label=pos_label)
    return told


def code_positive(estimator: Any, classes: NDArray[Any]) -> Any:
    """Return an unfitted clone to be fitted to 0 and 1, where it asks for one of ``classes``."""
    coded = clone(estimator)
    for layer in _unfitted_layers(coded):
        if _has_pos_label(layer) and layer.pos_label is not None:
            for code, label in enumerate(classes):
                if _same(layer.pos_label, label):
                    layer.set_params(pos_label=code)
                    break
    return coded


def favours(estimator: Any, pos_label: Any) -> bool:
    """Tell whether the scores of a fitted binary classifier are greater for ``pos_label``."""
    classes = getattr(estimator, "classes_", None)
    return classes is None or len(classes) != 2 or not _same(classes[0], pos_label)


def refuse_one_sided(estimator: Any, classes: NDArray[Any]) -> None:
    """Raise if a booster's own classifier would train our objective for the wrong class.

    A booster codes the greater label as 1, and an objective of this package takes 1 for the
    positive class.
    """
    for layer in (*_unfitted_layers(estimator), *_fitted_layers(estimator)):
        objective = getattr(layer, "objective", None)
        of_ours = str(getattr(objective, "__module__", "")).partition(".")[0] == "skbudget"
        if callable(objective) and of_ours and not _has_pos_label(layer):
            negative, positive = classes.tolist()
            if positive < negative:
                raise ValueError(
                    f"{type(layer).__name__} trains its objective for the greater label, "
                    f"{_shown(classes[0])}, but the positive class is {_shown(classes[1])}. Use "
                    "PAUCLGBMClassifier or PAUCXGBClassifier, which have pos_label, or pass labels "
                    f"0 and 1: y == {_shown(classes[1])}."
                )
