"""Checks of what users hand in, with messages in scikit-learn's wording.

Every check raises before any work is done and names the parameter, the value
and what is allowed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_array, column_or_1d
from sklearn.utils._param_validation import InvalidParameterError

from .callers import outer_call
from .naming import naming

__all__ = [
    "KnownBudget",
    "check_band",
    "check_binary_labels",
    "check_budget",
    "check_budgets",
    "check_finite",
    "check_fraction",
    "check_jobs",
    "check_mask",
    "check_option",
    "check_positive",
    "check_ranking",
    "check_reference",
    "check_response",
    "check_scores",
    "check_temperature",
    "check_weights",
    "distinct_labels",
    "is_label",
    "label_column",
    "shape_of",
]

BASES = ("fpr", "population")

# A greater number of resamples or the like is a mistake: it would run for days.
MOST_RESAMPLES = 10_000_000

# Neighbouring whole numbers are different floats up to here.
_EXACT = 2**53

# What a fraction may be written as in a string: how many make one.
_UNITS = {"": 1.0, "%": 1e2, "percent": 1e2, "per cent": 1e2, "bps": 1e4, "basis points": 1e4}


def _invalid(name: str, value: Any, owner: str, allowed: str, hint: str = "") -> Exception:
    message = f"The {name!r} parameter of {owner} must be {allowed}. Got {value!r} instead."
    return InvalidParameterError(message + (f" {hint}" if hint else ""))


def _is_real(value: Any) -> bool:
    """Tell whether a value is a real number: neither a boolean nor a duration."""
    # NumPy counts durations among whole numbers, and compares them with none.
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_ | np.timedelta64)


def _is_whole(value: Any) -> bool:
    """Tell whether a value is a whole number: neither a boolean nor a duration."""
    return isinstance(value, Integral) and _is_real(value)


def check_budget(budget: Any, owner: str, name: str = "budget") -> float:
    """Return ``budget`` as a float if it is a fraction in (0, 1].

    A review budget of 1 is warned about: it reviews everything, and was meant as 1 percent.
    """
    checked = _check_budget(budget, owner, name)
    if checked == 1.0 and name == "budget" and not isinstance(budget, KnownBudget):
        _warn_of_whole_budget(budget)
    return checked


def _check_budget(
    budget: Any, owner: str, name: str, allowed: str = "a float in the range (0.0, 1.0]"
) -> float:
    if not _is_real(budget) or not 0.0 < budget <= 1.0:
        # Nobody says a recall in basis points.
        hint = _fraction_hint(budget, name, basis_points="recall" not in name)
        raise _invalid(name, budget, owner, allowed, hint)
    return float(budget)


def _fraction_hint(value: Any, name: str, *, basis_points: bool) -> str:
    """Return which fraction was probably meant, empty if there is no telling."""
    one = name.removesuffix("s")
    rule = f"{'An' if one[0] in 'aeiou' else 'A'} {one} is a fraction"
    if isinstance(value, str):
        found = re.fullmatch(r"\s*(\d*\.?\d+(?:e[-+]?\d+)?)\s*([a-z% ]*?)\s*", value.lower())
        if found is None or found[2] not in _UNITS:
            return ""
        number = float(found[1])
        if found[2] or 0.0 < number <= 1.0:
            fraction = number / _UNITS[found[2]]
            return f"{rule}: pass {fraction:g}." if 0.0 < fraction <= 1.0 else ""
        value = number
    if not _is_real(value):
        return ""
    if basis_points and 1.0 < value <= 10_000.0:
        return (
            f"{rule}: {value:g} basis points are {value / 1e4:g}, "
            f"{value:g} percent are {value / 1e2:g}."
        )
    if not basis_points and 1.0 < value < 100.0:
        return f"{rule}: {value:g} percent are {value / 1e2:g}."
    return ""


class KnownBudget(float):
    """A budget that whoever chose it was warned about."""


def _warn_of_whole_budget(budget: Any) -> None:
    """Warn once in a call of the package, at the line that called it."""
    outer_call().warn_once(
        f"budget={budget:g} reviews everything, whatever the ranking. A budget is a fraction: if 1 "
        "percent is meant, pass budget=0.01.",
        UserWarning,
        "budget",
    )


def check_budgets(budgets: Any, owner: str, name: str = "budgets") -> NDArray[np.float64]:
    """Return budgets of shape (n_budgets,), at least one, each a fraction in (0, 1]."""
    array = _as_array(budgets, name)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"{name} must have shape (n_budgets,), at least one: got {array.shape}.")
    # A curve may well end at 1.
    allowed = "an array with entries in the range (0.0, 1.0]"
    return np.array([_check_budget(budget, owner, name, allowed) for budget in array.tolist()])


def check_fraction(value: Any, name: str, owner: str) -> float:
    """Return ``value`` as a float if it lies in (0, 1), without the ends."""
    if not _is_real(value) or not 0.0 < value < 1.0:
        hint = _fraction_hint(value, name, basis_points=False)
        raise _invalid(name, value, owner, "a float in the range (0.0, 1.0)", hint)
    return float(value)


def check_floor(value: Any, name: str, owner: str) -> float:
    """Return ``value`` as a float if it lies in [0, 1), as a rate that is to be exceeded."""
    if not _is_real(value) or not 0.0 <= value < 1.0:
        hint = _fraction_hint(value, name, basis_points=False)
        raise _invalid(name, value, owner, "a float in the range [0.0, 1.0)", hint)
    return float(value)


def check_band(alpha: Any, beta: Any, owner: str) -> tuple[float, float]:
    """Return the band edges as floats if ``0 <= alpha < beta <= 1``."""
    beta = check_budget(beta, owner, "beta")
    if not _is_real(alpha) or not 0.0 <= alpha < 1.0:
        hint = _fraction_hint(alpha, "alpha", basis_points=True)
        raise _invalid("alpha", alpha, owner, "a float in the range [0.0, beta)", hint)
    if alpha >= beta:
        raise _invalid("alpha", alpha, owner, f"smaller than beta, which is {beta:g}")
    return float(alpha), beta


def check_positive(
    value: Any,
    name: str,
    owner: str,
    *,
    integer: bool = False,
    minimum: float | None = None,
    maximum: float | None = None,
) -> Any:
    """Return ``value`` if it is a finite number > 0, or from ``minimum`` to ``maximum``."""
    kind = "an int" if integer else "a float"
    low = "(0.0" if minimum is None else f"[{minimum:g}"
    high = "inf)" if maximum is None else f"{maximum:g}]"
    number = _as_float(value) if _is_whole(value) or not integer else np.nan
    above = number > 0 if minimum is None else number >= minimum
    if not (above and np.isfinite(number) and (maximum is None or number <= maximum)):
        raise _invalid(name, value, owner, f"{kind} in the range {low}, {high}")
    return int(value) if integer else number


def _as_float(value: Any) -> float:
    """Return a real number as a float, NaN for anything that is none or is too large."""
    try:
        return float(value) if _is_real(value) else np.nan
    except OverflowError:
        return np.nan


def check_finite(value: Any, name: str, owner: str) -> float:
    """Return ``value`` as a float if it is a finite number."""
    number = _as_float(value)
    if not np.isfinite(number):
        raise _invalid(name, value, owner, "a finite float")
    return number


def check_jobs(n_jobs: Any, owner: str) -> None:
    """Raise unless a number of workers is None or a whole number other than 0."""
    if n_jobs is not None and not (_is_whole(n_jobs) and n_jobs != 0):
        raise _invalid("n_jobs", n_jobs, owner, "None or an int other than 0")


def check_temperature(value: Any, owner: str, name: str = "temperature") -> float:
    """Return a temperature as a float, if its square is in range too."""
    return check_positive(value, name, owner, minimum=1e-100, maximum=1e100)


def check_option(value: Any, name: str, options: Sequence[Any], owner: str) -> Any:
    """Return ``value`` if it is one of ``options``."""
    if not any(_equal(value, option) for option in options):
        listed = ", ".join(repr(option) for option in options)
        raise _invalid(name, value, owner, f"one of {{{listed}}}")
    return value


def _equal(one: Any, other: Any) -> bool:
    """Tell whether two values are equal; an array equals nothing."""
    if one is other:
        return True
    if isinstance(other, bool) and not isinstance(one, bool | np.bool_):
        # The number 1 is no answer to a question.
        return False
    try:
        return np.ndim(one) == 0 and bool(one == other)
    except (TypeError, ValueError):
        return False


def _as_array(values: Any, name: str) -> NDArray[Any]:
    """Return values as an array, with an error that names them if they do not form one."""
    try:
        return np.asarray(values)
    except ValueError as error:
        raise ValueError(f"{name} must be an array: the entries differ in length.") from error


def shape_of(values: Any, name: str) -> tuple[int, ...]:
    """Return the shape of an array-like, with an error that names it if it has none."""
    shape = getattr(values, "shape", None)
    return shape if isinstance(shape, tuple) else _as_array(values, name).shape


def _check_column(values: ArrayLike, name: str, dtype: Any) -> NDArray:
    """Return finite numbers of shape (n_samples,); a single column is flattened."""
    array = values if hasattr(values, "dtype") else _as_array(values, name)
    shape = shape_of(array, name)
    if len(shape) not in (1, 2) or shape[1:] not in ((), (1,)):
        raise ValueError(f"{name} must have shape (n_samples,): got {shape}.")
    if str(getattr(array, "dtype", "")).startswith(("datetime64", "timedelta64")):
        raise ValueError(f"{name} must hold numbers: got {array.dtype}.")
    try:
        # scikit-learn adds up the numbers, and the sum may overflow.
        with np.errstate(over="ignore", invalid="ignore"):
            column = check_array(array, ensure_2d=False, dtype=dtype, input_name=name)
    except (TypeError, ValueError, OverflowError) as error:
        if isinstance(error, ValueError) and re.search(rf"\b{re.escape(name)}\b", str(error)):
            raise
        # What cannot be a number, or is too large for a float.
        raise ValueError(f"{name} must hold finite numbers: {error}.") from error
    return column[:, 0] if column.ndim == 2 else column


def check_scores(
    scores: ArrayLike,
    name: str = "y_score",
    *,
    dtype: Any = np.float64,
    n_samples: int | None = None,
) -> NDArray:
    """Return finite scores of shape (n_samples,); integers and float32 are widened.

    Integers that a float cannot hold are refused: different scores would become equal.
    """
    column = _check_column(scores, name, dtype)
    if _is_rounded(scores, column):
        raise ValueError(
            f"{name} holds numbers that float64 rounds, such as integers above 2**53: scores that "
            "differ would tie. Pass ranks or floats."
        )
    if n_samples is not None and column.size != n_samples:
        raise ValueError(
            f"{name} must have one entry per sample: expected {n_samples}, got {column.size}."
        )
    return column


def check_response(scores: ArrayLike, name: str) -> NDArray[np.float64]:
    """Return scores of an estimator, finite and of shape (n_samples,).

    An estimator may answer with more digits than its scores mean: long doubles are rounded.
    """
    response = np.asarray(scores)
    return check_scores(response.astype(np.float64) if response.dtype.kind == "f" else scores, name)


def check_ranking(scores: ArrayLike, name: str = "y_score") -> NDArray[np.float64]:
    """Return float64 of shape (n_samples,) in the order of the scores, with the same ties.

    These are the scores, unless a float cannot hold them. Then they are their ranks.
    """
    column = _check_column(scores, name, np.float64)
    if not _is_rounded(scores, column):
        return column
    return np.unique(np.asarray(scores).ravel(), return_inverse=True)[1].astype(np.float64)


def _is_rounded(values: Any, column: NDArray) -> bool:
    """Tell whether numbers were rounded when they became floats."""
    raw = np.asarray(values)
    if raw.dtype.kind in "iu":
        if raw.dtype.itemsize < 8 or (raw.max() <= _EXACT and raw.min() >= -_EXACT):
            return False
        with np.errstate(invalid="ignore"):  # the greatest int64 becomes a float beyond it
            return not np.array_equal(column.astype(raw.dtype), raw.ravel())
    if raw.dtype.kind == "f":
        return raw.dtype.itemsize > 8 and not np.array_equal(column, raw.ravel())
    if raw.dtype.kind == "O":
        return any(number != kept for number, kept in zip(raw.ravel().tolist(), column.tolist()))
    return False


def check_mask(mask: ArrayLike, name: str, n_samples: int) -> NDArray[np.bool_]:
    """Return a boolean array of shape (n_samples,)."""
    mask = _as_array(mask, name)
    if mask.dtype != bool or mask.shape != (n_samples,):
        raise ValueError(
            f"{name} must be a boolean array of shape ({n_samples},), "
            f"got dtype {mask.dtype} and shape {mask.shape}."
        )
    return mask


def check_reference(n_negatives: int, n_samples: int, n_marked: int, owner: str) -> None:
    """Raise if ``iid_mask`` marks no negatives: nothing would set the band then."""
    if n_negatives == 0:
        raise ValueError(
            f"iid_mask of {owner} marks {n_marked} of {n_samples} rows, and no negative among "
            "them: the band is set by the negatives that it marks, and would be empty. Mark all "
            "rows that were drawn as in deployment, or leave iid_mask out."
        )


def check_weights(
    weights: ArrayLike | None, n_samples: int, name: str = "sample_weight"
) -> NDArray[np.float64] | None:
    """Return weights of shape (n_samples,) that are finite, >= 0 and not all zero.

    Their sum is finite too.
    """
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
    with np.errstate(over="ignore"):
        total = weights.sum()
    if not np.isfinite(total):
        raise ValueError(
            f"The sum of {name} is too large for a float: its greatest entry is "
            f"{weights.max():g}. Divide all entries by a constant."
        )
    return weights


def check_binary_labels(
    y_true: ArrayLike,
    *,
    pos_label: Any = None,
    name: str = "y_true",
    consistent_with: Sequence[Any] = (),
    one_class: bool = False,
) -> NDArray[np.bool_]:
    """Return a mask of the positive samples of a two-class target.

    ``pos_label`` follows scikit-learn: without it the labels must be
    {0, 1} or {-1, 1}, and 1 is the positive class. With ``one_class`` all of them may be of
    one class.
    """
    y = label_column(y_true, name)
    _check_same_length(y, consistent_with)
    if y.size == 0:
        raise ValueError(f"Found no samples in {name}: at least one per class is needed.")
    classes, greater = _two_classes(y, name)
    if classes.size > 2:
        raise ValueError(
            f"{name} must be binary: found {classes.size} classes {classes[:10].tolist()}. "
            "Binarize it (one class against the rest) first."
        )
    if classes.size == 1 and not one_class:
        raise ValueError(
            f"Only one class present in {name} ({classes.tolist()}): both positives and "
            "negatives are needed."
        )
    if pos_label is None:
        known = ([0, 1], [-1, 1], [-1], [0], [1])
        if classes.dtype.kind in "OUS" or classes.tolist() not in known:
            raise ValueError(
                f"{name} takes value in {classes.tolist()} and pos_label is not specified: either "
                "make y_true take value in {0, 1} or {-1, 1} or pass pos_label explicitly."
            )
        # Of one class the only label is the greatest.
        return greater if classes[-1] == 1 else ~greater
    if classes.size == 1:
        return greater if _equal(pos_label, classes[0]) else ~greater
    if not is_label(pos_label, classes):
        raise ValueError(
            f"pos_label={pos_label!r} is not a valid label: it should be one of {classes.tolist()}."
        )
    return greater if _equal(pos_label, classes[1]) else ~greater


def is_label(pos_label: Any, classes: Iterable[Any]) -> bool:
    """Tell whether a label is one of the classes."""
    return any(_equal(pos_label, label) for label in classes)


def distinct_labels(y: ArrayLike, name: str = "y_true") -> NDArray[Any]:
    """Return the distinct labels of a target, sorted.

    Raises
    ------
    ValueError
        If a label is missing, or if numbers and strings are mixed.
    """
    column = label_column(y, name)
    return _two_classes(column, name)[0] if column.size else column


def label_column(y: ArrayLike, name: str) -> NDArray[Any]:
    """Return labels of shape (n_samples,)."""
    if isinstance(y, list | tuple):
        array = _as_array(y, name)
        # NumPy would turn numbers and None among strings into strings.
        y = np.array(y, dtype=object) if array.dtype.kind in "US" else array
    shape = shape_of(y, name)
    if len(shape) != 1 and not (len(shape) == 2 and shape[1] == 1):
        raise ValueError(f"{name} must have shape (n_samples,): got {shape}.")
    with naming(name, "labels of shape (n_samples,)"):
        return column_or_1d(y, warn=False)


def _check_same_length(y: NDArray[Any], others: Sequence[Any]) -> None:
    lengths = [y.size]
    for other in others:
        if other is not None:
            shape = getattr(other, "shape", None)
            if shape is None:
                shape = np.shape(other) if not hasattr(other, "__len__") else (len(other),)
            # What has no length is refused, with its name, when it is checked itself.
            lengths += shape[:1]
    if len(set(lengths)) > 1:
        raise ValueError(f"Found input variables with inconsistent numbers of samples: {lengths}")


def _two_classes(y: NDArray, name: str) -> tuple[NDArray, NDArray[np.bool_]]:
    """Return the sorted classes of ``y`` and a mask of its greatest label."""
    if y.dtype.kind not in "biuf":
        classes = _sorted_labels(y, name)
        return classes, np.asarray(y == classes[-1], dtype=bool)
    # Two labels are recognised by their extremes; sorting millions of rows to
    # find them would cost more than the metric itself.
    extremes = np.array([y.min(), y.max()])
    if extremes.dtype.kind == "f" and not np.isfinite(extremes).all():
        raise ValueError(f"Input {name} contains NaN or infinity: every row needs a label.")
    greater = y == extremes[1]
    in_greater = np.count_nonzero(greater)
    if in_greater == y.size:
        return extremes[1:], greater
    if in_greater + np.count_nonzero(y == extremes[0]) == y.size:
        return extremes, greater
    return np.unique(y), greater


def _sorted_labels(y: NDArray, name: str) -> NDArray[Any]:
    """Return the distinct labels of a column that holds no numbers, or Python objects."""
    if y.dtype.kind != "O":
        if y.dtype.kind in "mMc" and not (y == y).all():
            raise ValueError(f"Input {name} contains missing values: every row needs a label.")
        return np.unique(y)
    try:
        labels = list(set(y.tolist()))
    except TypeError as error:
        raise ValueError(f"{name} must hold labels, numbers or strings: {error}.") from error
    if any(_is_missing(label) for label in labels):
        raise ValueError(f"Input {name} contains NaN or None: every row needs a label.")
    try:
        labels.sort()
    except TypeError as error:
        kinds = sorted({type(label).__name__ for label in labels})
        raise ValueError(
            f"{name} mixes labels of different types ({', '.join(kinds)}): make all of them "
            "numbers, or all of them strings."
        ) from error
    if all(isinstance(label, Real | np.bool_) for label in labels):
        numbers = np.array(labels)
        if numbers.dtype.kind == "f" and not np.isfinite(numbers).all():
            raise ValueError(f"Input {name} contains NaN or infinity: every row needs a label.")
        return numbers
    sorted_labels = np.empty(len(labels), dtype=object)
    sorted_labels[:] = labels
    return sorted_labels


def _is_missing(label: Any) -> bool:
    """Tell whether a label is None, NaN or pandas' NA or NaT, none of which equals itself."""
    try:
        return label is None or not bool(label == label)
    except TypeError:
        return True
