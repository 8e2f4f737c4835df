"""What a user hands to `fit`, checked: the table, labels, weights and values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.preprocessing import LabelEncoder
from sklearn.utils.validation import _num_samples, column_or_1d

from .._utils.callers import outer_call
from .._utils.labels import TwoClasses, check_class_labels, find_classes, refuse_labels
from .._utils.levels import check_levels
from .._utils.naming import naming
from .._utils.validation import check_weights
from ..objectives import Loss
from ..objectives._checks import refuse_grades
from ..objectives._rows import Margins, Target

__all__ = [
    "check_base",
    "check_eval_base",
    "check_stopping",
    "code_labels",
    "count_margins",
    "refuse_beside",
    "rows_of_weight",
    "values_as_weights",
    "warn_of_new_base",
]


# Scores that boosting begins from, what trees add to them, and real targets are floats of single
# precision, and so are their sums.
GREATEST_BASE = 1e30


# --- labels ---------------------------------------------------------------------------


def _check_target(X: Any, y: Any, owner: str) -> NDArray[Any]:
    """Return the target as an array with as many entries as ``X`` has rows."""
    if y is None:
        raise ValueError(
            f"requires y to be passed, but the target y is None: {owner} needs labels."
        )
    refuse_labels(y, owner)
    with naming("y", "labels, one per row"):
        return column_or_1d(y, warn=True)


def _check_length(X: Any, y: NDArray[Any]) -> None:
    if y.shape[0] != _num_samples(X):
        raise ValueError(
            "Found input variables with inconsistent numbers of samples: "
            f"{[_num_samples(X), y.shape[0]]}"
        )


def _encode_classes(
    X: Any, y: Any, owner: str, *, are_levels: bool
) -> tuple[LabelEncoder, NDArray[Any]]:
    """Return an encoder that knows the labels, and the labels, at least two different ones."""
    y = _check_target(X, y, owner)
    if are_levels:
        check_levels(y, owner, "this objective")
    else:
        check_class_labels(y)
    _check_length(X, y)
    return LabelEncoder().fit(y), y


def code_labels(
    kind: Target,
    margins: Margins,
    X: Any,
    y: Any,
    owner: str,
    pos_label: Any = None,
    weight: NDArray | None = None,
    loss: Loss[Any] | None = None,
) -> tuple[LabelEncoder | TwoClasses | None, NDArray[Any]]:
    """Return the encoder of the labels, None for a real target, and the target as coded.

    Of two classes the positive one is coded as 1, see `find_classes`. ``loss`` is what the labels
    are for.

    Raises
    ------
    ValueError
        If the labels are not what a loss of this target takes, or ``pos_label`` is given for
        another target than two classes.
    """
    if kind == "binary":
        labels = _check_target(X, y, owner)
        _check_length(X, labels)
        refuse_grades(loss, labels, f"The 'objective' parameter of {owner}", "y")
        found = find_classes(y, pos_label, owner=owner, weight=weight, stacklevel=6)
        return found, found.positive.astype(np.int64)
    if pos_label is not None:
        raise ValueError(
            f"pos_label={pos_label!r} of {owner} needs a target of two classes, and this objective "
            f"takes the target {kind!r}: leave pos_label at None."
        )
    if kind == "real":
        y = _check_target(X, y, owner)
        _check_length(X, y)
        if y.dtype.kind not in "biuf":
            raise ValueError(
                f"{owner} needs real numbers for this objective, but y has the type {y.dtype}."
            )
        y = y.astype(np.float64)
        if not np.isfinite(y).all():
            raise ValueError("Input y contains NaN or infinity.")
        if y.size and not np.abs(y).max() <= GREATEST_BASE:
            raise ValueError(
                f"y must lie within [-{GREATEST_BASE:g}, {GREATEST_BASE:g}], as boosters hold "
                f"it in single precision: its greatest entry is {y.max():g}, its least "
                f"{y.min():g}. Choose a greater unit."
            )
        return None, y
    encoder, y = _encode_classes(X, y, owner, are_levels=kind == "ordinal")
    what, least = "classes", 2
    if kind == "ordinal":
        what, least = "levels", 3 if margins == "thresholds" else 2
    if encoder.classes_.size < least:
        raise ValueError(
            f"{owner} needs at least {least} {what} for this objective, but y contains "
            f"{encoder.classes_.size}: {encoder.classes_.tolist()}."
        )
    return encoder, encoder.transform(y)


def count_margins(margins: Margins, n_labels: int) -> int:
    """Return how many raw scores a row has."""
    return {"one": 1, "classes": n_labels, "thresholds": n_labels - 1}[margins]


# --- weights and values ---------------------------------------------------------------


def rows_of_weight(
    target: NDArray[np.int64], weight: NDArray | None, classes: NDArray, owner: str
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the rows with weight, and how many of them each class has."""
    rows = np.arange(target.size)
    if weight is not None:
        # Boosters hold weights in single precision.
        with np.errstate(over="ignore"):
            rows = np.flatnonzero((weight > 0) & (weight.astype(np.float32) > 0))
    counts = np.bincount(target[rows], minlength=classes.size)
    if counts.min() == 0:
        number = "two" if classes.size == 2 else classes.size
        raise ValueError(
            f"{owner} needs {number} classes, but all sample weights of the class "
            f"{classes[counts.argmin()]!r} are zero, or vanish beside the greatest: see "
            "sample_weight."
        )
    return rows, counts


def check_base(base: Any, name: str, n_samples: int, n_margins: int) -> NDArray[np.float64] | None:
    """Return the scores that boosting begins from, one per margin of each row."""
    if base is None:
        return None
    with naming(name, "an array of numbers"):
        given = np.asarray(base.todense() if issparse(base) else base)
        if given.dtype.kind not in "biufO":
            raise ValueError(f"{name} must hold numbers: got {given.dtype}.")
        checked = given.astype(np.float64)
    shape = (n_samples,) if n_margins == 1 else (n_samples, n_margins)
    if n_margins == 1 and checked.shape == (n_samples, 1):
        checked = checked[:, 0]
    if checked.shape != shape:
        raise ValueError(f"{name} must have shape {shape}: got {checked.shape}.")
    n_wrong = int(np.count_nonzero(~np.isfinite(checked)))
    if n_wrong:
        raise ValueError(
            f"{name} must hold finite numbers: {n_wrong} of {checked.size} are NaN or infinite. "
            "Pass 0 for rows without a score."
        )
    if np.abs(checked).max(initial=0.0) > GREATEST_BASE:
        raise ValueError(
            f"{name} must lie within [-{GREATEST_BASE:g}, {GREATEST_BASE:g}]: it reaches from "
            f"{checked.min():g} to {checked.max():g}. Pass margins, such as those of another model."
        )
    return checked


def check_eval_base(
    base: Any, name: str, sizes: Sequence[int], n_margins: int
) -> dict[int, NDArray[np.float64] | None]:
    """Return the scores that each evaluation set begins from, by the number of the set.

    They are a mapping, or a list that may be shorter than that of the sets.
    """
    if base is None:
        return {}
    if not isinstance(base, Mapping | list | tuple) or len(base) > len(sizes):
        raise ValueError(
            f"{name} must be a list with one array per evaluation set: expected {len(sizes)}, got "
            f"{len(base) if isinstance(base, Mapping | list | tuple) else type(base).__name__}."
        )
    given = base if isinstance(base, Mapping) else dict(enumerate(base))
    return {
        number: check_base(given.get(number), f"{name}[{number}]", size, n_margins)
        for number, size in enumerate(sizes)
    }


def refuse_beside(name: str, refused: dict[str, Any], reason: str) -> None:
    """Raise if one of the arguments in ``refused`` is given beside the argument ``name``."""
    for other, given in refused.items():
        if given is not None:
            raise ValueError(f"{name} and {other} cannot be combined: {reason}")


def check_sets(name: str, values: Any, n_sets: int) -> None:
    """Raise unless there is one entry of ``values`` per evaluation set."""
    if n_sets == 0:
        raise ValueError(f"{name} needs an eval_set, whose rows have the values: there is none.")
    if not isinstance(values, list | tuple) or len(values) != n_sets:
        got = len(values) if isinstance(values, list | tuple) else type(values).__name__
        raise ValueError(
            f"{name} must be a list with one array per evaluation set: expected {n_sets}, "
            f"got {got}."
        )


def values_as_weights(
    targets: Sequence[NDArray], values: Any, name: str, refused: dict[str, Any]
) -> list[NDArray]:
    """Return weights of evaluation sets that `CoverageMetric` takes for their values.

    ``refused`` are arguments, by name, that cannot be combined with values.
    """
    reason = (
        "the values take the place of the weights, and only coverage takes weights of positives "
        "for values."
    )
    refuse_beside(name, refused, reason)
    check_sets(name, values, len(targets))
    weights = []
    for target, value in zip(targets, values):
        checked = check_weights(value, target.size, name)
        if checked is None or not (target * checked).any():
            raise ValueError(f"The positives have no value in {name}: at least one must have.")
        weights.append(np.where(target == 1, checked, 1.0))
    return weights


def warn_of_new_base(base: Any, calibration: Any, name: str, owner: str) -> None:
    """Warn if scores are added to margins of a calibration that was learnt without any."""
    if base is not None and calibration is not None and calibration.with_base is None:
        outer_call().warn_once(
            f"{owner} was fitted without {name}, so that its probabilities are calibrated for "
            f"margins without it: those of rows with {name} can be far from the truth, and only "
            f"their order is right. Fit with {name}, too, or use decision_function.",
            UserWarning,
            "new_base",
        )


def check_stopping(
    n_rounds: Any, sets: Any, name: str, owner: str, callbacks: Any = (), kinds: tuple = ()
) -> None:
    """Raise for early stopping, by a parameter or a callback, without rows to stop by.

    Raises
    ------
    ValueError
        Naming the parameter, and what to pass.
    """
    if sets:
        return
    asked = ""
    if any(isinstance(callback, kinds) for callback in callbacks or ()):
        asked = "Early stopping by a callback"
    elif n_rounds not in (None, False):
        try:
            asked = f"{name}={n_rounds!r}" if float(n_rounds) > 0 else ""
        except (TypeError, ValueError):
            return
    if asked:
        raise ValueError(
            f"{asked} of {owner} needs rows to stop by: pass eval_set=[(X, y)] with rows that are "
            "not trained on to fit, or leave it out."
        )
