"""Checks of what users hand in, with messages in scikit-learn's wording.

Every check raises before any work is done and names the parameter, the value
and what is allowed.
"""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_array, check_consistent_length, column_or_1d
from sklearn.utils._param_validation import InvalidParameterError

__all__ = [
    "check_band",
    "check_binary_labels",
    "check_budget",
    "check_budgets",
    "check_fraction",
    "check_mask",
    "check_option",
    "check_positive",
    "check_scores",
    "check_weights",
]

BASES = ("fpr", "population")


def _invalid(name: str, value: Any, owner: str, allowed: str, hint: str = "") -> Exception:
    message = f"The {name!r} parameter of {owner} must be {allowed}. Got {value!r} instead."
    return InvalidParameterError(message + (f" {hint}" if hint else ""))


def _is_real(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_)


def check_budget(budget: Any, owner: str, name: str = "budget") -> float:
    """Return ``budget`` as a float if it is a fraction in (0, 1]."""
    allowed = "a float in the range (0.0, 1.0]"
    if not _is_real(budget) or not 0.0 < budget <= 1.0:
        hint = ""
        if _is_real(budget) and 1.0 < budget <= 10_000.0:
            one = name.removesuffix("s")
            hint = (
                f"A {one} is a fraction: {budget:g} basis points are {budget / 1e4:g}, "
                f"{budget:g} percent are {budget / 1e2:g}."
            )
        raise _invalid(name, budget, owner, allowed, hint)
    return float(budget)


def check_budgets(budgets: Any, owner: str, name: str = "budgets") -> NDArray[np.float64]:
    """Return budgets of shape (n_budgets,), at least one, each a fraction in (0, 1]."""
    if np.ndim(budgets) != 1 or np.size(budgets) == 0:
        raise ValueError(
            f"{name} must have shape (n_budgets,), at least one: got {np.shape(budgets)}."
        )
    return np.array([check_budget(budget, owner, name) for budget in np.asarray(budgets).tolist()])


def check_fraction(value: Any, name: str, owner: str) -> float:
    """Return ``value`` as a float if it lies in (0, 1), without the ends."""
    if not _is_real(value) or not 0.0 < value < 1.0:
        raise _invalid(name, value, owner, "a float in the range (0.0, 1.0)")
    return float(value)


def check_band(alpha: Any, beta: Any, owner: str) -> tuple[float, float]:
    """Return the band edges as floats if ``0 <= alpha < beta <= 1``."""
    beta = check_budget(beta, owner, "beta")
    if not _is_real(alpha) or not 0.0 <= alpha < 1.0:
        raise _invalid("alpha", alpha, owner, "a float in the range [0.0, beta)")
    if alpha >= beta:
        raise _invalid("alpha", alpha, owner, f"smaller than beta, which is {beta:g}")
    return float(alpha), beta


def check_positive(
    value: Any, name: str, owner: str, *, integer: bool = False, minimum: float | None = None
) -> Any:
    """Return ``value`` if it is a positive (or at least ``minimum``) finite number."""
    kind = "an int" if integer else "a float"
    interval = "(0.0, inf)" if minimum is None else f"[{minimum:g}, inf)"
    right_type = isinstance(value, Integral) if integer else _is_real(value)
    in_range = (
        right_type
        and not isinstance(value, bool)
        and np.isfinite(value)
        and (value > 0 if minimum is None else value >= minimum)
    )
    if not in_range:
        raise _invalid(name, value, owner, f"{kind} in the range {interval}")
    return int(value) if integer else float(value)


def check_option(value: Any, name: str, options: Sequence[Any], owner: str) -> Any:
    """Return ``value`` if it is one of ``options``."""
    if not any(value is option or value == option for option in options):
        listed = ", ".join(repr(option) for option in options)
        raise _invalid(name, value, owner, f"one of {{{listed}}}")
    return value


def _check_column(values: ArrayLike, name: str, dtype: Any) -> NDArray:
    """Return finite numbers of shape (n_samples,); a single column is flattened."""
    column = check_array(values, ensure_2d=False, dtype=dtype, input_name=name)
    if column.ndim == 2 and column.shape[1] == 1:
        return column[:, 0]
    if column.ndim != 1:
        raise ValueError(f"{name} must have shape (n_samples,): got {column.shape}.")
    return column


def check_scores(scores: ArrayLike, name: str = "y_score", *, dtype: Any = np.float64) -> NDArray:
    """Return finite scores of shape (n_samples,); integers and float32 are widened."""
    return _check_column(scores, name, dtype)


def check_mask(mask: ArrayLike, name: str, n_samples: int) -> NDArray[np.bool_]:
    """Return a boolean array of shape (n_samples,)."""
    mask = np.asarray(mask)
    if mask.dtype != bool or mask.shape != (n_samples,):
        raise ValueError(
            f"{name} must be a boolean array of shape ({n_samples},), "
            f"got dtype {mask.dtype} and shape {mask.shape}."
        )
    return mask


def check_weights(
    weights: ArrayLike | None, n_samples: int, name: str = "sample_weight"
) -> NDArray[np.float64] | None:
    """Return weights of shape (n_samples,) that are finite, >= 0 and not all zero."""
    if weights is None:
        return None
    weights = _check_column(weights, name, np.float64)
    if weights.shape[0] != n_samples:
        raise ValueError(
            f"{name} must have one entry per sample: expected {n_samples}, got {weights.shape[0]}."
        )
    if weights.size and weights.min() < 0:
        raise ValueError(f"Negative values in {name}: every weight must be at least 0.")
    if not weights.any():
        raise ValueError(f"All values in {name} are zero: at least one must be positive.")
    return weights


def check_binary_labels(
    y_true: ArrayLike,
    *,
    pos_label: Any = None,
    name: str = "y_true",
    consistent_with: Sequence[Any] = (),
) -> NDArray[np.bool_]:
    """Return a mask of the positive samples of a two-class target.

    ``pos_label`` follows scikit-learn: without it the labels must be
    {0, 1} or {-1, 1}, and 1 is the positive class.
    """
    y = column_or_1d(y_true, warn=False)
    check_consistent_length(y, *[other for other in consistent_with if other is not None])
    if y.size == 0:
        raise ValueError(f"Found no samples in {name}: at least one per class is needed.")
    classes, greater = _two_classes(y, name)
    if classes.size > 2:
        raise ValueError(
            f"{name} must be binary: found {classes.size} classes {classes[:10].tolist()}. "
            "Binarize it (one class against the rest) first."
        )
    if classes.size == 1:
        raise ValueError(
            f"Only one class present in {name} ({classes.tolist()}): both positives and "
            "negatives are needed."
        )
    if pos_label is None:
        if classes.dtype.kind in "OUS" or classes.tolist() not in ([0, 1], [-1, 1]):
            raise ValueError(
                f"{name} takes value in {classes.tolist()} and pos_label is not specified: either "
                "make y_true take value in {0, 1} or {-1, 1} or pass pos_label explicitly."
            )
        return greater
    if pos_label not in classes.tolist():
        raise ValueError(
            f"pos_label={pos_label!r} is not a valid label: it should be one of {classes.tolist()}."
        )
    return greater if pos_label == classes[1] else ~greater


def _two_classes(y: NDArray, name: str) -> tuple[NDArray, NDArray[np.bool_]]:
    """Return the sorted classes of ``y`` and a mask of its greatest label."""
    if y.dtype.kind not in "biuf":
        classes = np.unique(y)
        return classes, np.asarray(y == classes[-1], dtype=bool)
    # Two labels are recognised by their extremes; sorting millions of rows to
    # find them would cost more than the metric itself.
    extremes = np.array([y.min(), y.max()])
    if extremes.dtype.kind == "f" and not np.isfinite(extremes).all():
        raise ValueError(f"Input {name} contains NaN or infinity.")
    greater = y == extremes[1]
    in_greater = np.count_nonzero(greater)
    if in_greater == y.size:
        return extremes[1:], greater
    if in_greater + np.count_nonzero(y == extremes[0]) == y.size:
        return extremes, greater
    return np.unique(y), greater
