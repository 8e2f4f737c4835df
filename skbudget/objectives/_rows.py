"""What a loss is handed: targets as it codes them, scores, weights and named columns."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_array, column_or_1d

from .._utils.codes import hint_of_sizes
from .._utils.collective import Collective, sum_over
from .._utils.naming import naming
from .._utils.ranges import MOST_MARGIN, scaled
from .._utils.validation import (
    _as_array,
    check_binary_labels,
    check_mask,
    check_scores,
    check_weights,
)

__all__ = ["MARGINS", "TARGETS", "Margins", "Rows", "Target", "check_rows", "code_target"]

Target = Literal["binary", "classes", "ordinal", "real"]
TARGETS = ("binary", "classes", "ordinal", "real")

Margins = Literal["one", "classes", "thresholds"]
MARGINS = ("one", "classes", "thresholds")

# Sums of weights of the two classes have products in range where neither has a lesser share.
_LEAST_SHARE = 1e-100
# And where neither is less than this.
_LEAST_MASS = 1e-150

NO_COLUMNS: Mapping[str, NDArray] = {}

# Types of columns that NumPy would make numbers of.
_NO_NUMBERS = re.compile(r"datetime|timedelta|[Dd]ate|[Ss]tr|<U|\|S")


@dataclass(frozen=True, eq=False)
class Rows:
    """Checked rows, as every loss takes them.

    A binary target knows its positives, and sums over them are taken once: a boosting
    round asks for them several times. `Loss.rows` makes rows from what a user has, and
    checks it.

    Parameters
    ----------
    target : ndarray of shape (n_samples,)
        The target as the loss codes it: bool for a binary target, where True is the
        positive class; int codes from 0 for classes and for ordered levels; float for a
        real target.
    raw : ndarray of shape (n_samples,) or (n_samples, n_margins)
        Raw scores (margins).
    weight : ndarray of shape (n_samples,), default=None
        Weights; a weight of 2 is the row twice.
    columns : mapping of str to ndarray of shape (n_samples,), default={}
        Whatever else is known about the rows, by name: ``value`` (what catching a
        positive is worth), ``iid_mask`` (rows drawn as in deployment), ``group`` (the
        query that a row belongs to), ``process``, ``reference`` and so on.
    workers : Collective, default=None
        The workers that the rows are spread over. These rows are then one worker's, and
        sums are taken over all workers.
    dtype : type, default=numpy.float64
        The precision that the derivatives are asked for in.

    Attributes
    ----------
    total_weight : float
        Sum of all weights; the number of rows without weights.
    positive_weight, negative_weight : float
        Sum of the positives' weights, and of the negatives'. Only for a binary target.
    total_value : float
        Sum of the positives' values, by weight; of their weights without values. Only for
        a binary target.
    worth : ndarray of shape (n_samples,) or None
        What each row's terms of a loss count for; None if every row counts for one. It
        is the row's weight, times a positive's value in units of the mean value. All
        positives together count for as much as without values, whatever the unit.

    Raises
    ------
    ValueError
        If all weights of one class of a binary target are zero, or vanish beside those of
        the other, or if no positive with weight has a value.

    See Also
    --------
    Loss : What takes rows.

    Examples
    --------
    >>> import numpy as np
    >>> from skbudget.objectives import Rows
    >>> rows = Rows(np.array([False, True]), np.zeros(2), columns={"value": np.array([1.0, 5.0])})
    >>> rows.positive_weight, rows.worth
    (1.0, array([1., 1.]))
    """

    target: NDArray[Any]
    raw: NDArray[np.floating]
    weight: NDArray[np.floating] | None = None
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    workers: Collective | None = None
    dtype: Any = np.float64

    total_weight: float = field(init=False, repr=False)
    positive_weight: float = field(init=False, repr=False)
    negative_weight: float = field(init=False, repr=False)
    total_value: float = field(init=False, repr=False)
    worth: NDArray[np.floating] | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        weight, target, value = self.weight, self.target, self.columns.get("value")
        total = float(target.shape[0] if weight is None else weight.sum())
        known: dict[str, Any] = {"total_weight": total, "worth": weight}
        if target.dtype == bool:
            if weight is None:
                positive_weight = float(np.count_nonzero(target))
                known["negative_weight"] = total - positive_weight
            else:
                positive_weight = float(weight[target].sum())
                # The difference to the total would be lost beside a great weight.
                known["negative_weight"] = float(weight[~target].sum())
            known["positive_weight"] = known["total_value"] = positive_weight
            if value is not None:
                known["total_value"] = _sum_of_values(target, weight, value)
            if self.workers is not None:
                self._sum_over_workers(known)
            elif weight is not None and not (
                min(positive_weight, known["negative_weight"])
                > max(_LEAST_SHARE * total, _LEAST_MASS)
            ):
                raise ValueError(_message_of_weights(positive_weight, known["negative_weight"]))
            if value is not None:
                known["worth"] = self._worth(**known)
        elif self.workers is not None:
            (known["total_weight"],) = sum_over(self.workers, total)
        # The class is frozen for others.
        self.__dict__.update(known)

    def _sum_over_workers(self, known: dict[str, Any]) -> None:
        """Replace one worker's sums by those over all workers."""
        weight, target = self.weight, self.target
        present = np.ones(target.size, dtype=bool) if weight is None else weight > 0
        n_positives: float = int(np.count_nonzero(present & target))
        n_negatives: float = int(np.count_nonzero(present)) - n_positives
        names = ("total_weight", "positive_weight", "negative_weight", "total_value")
        n_positives, n_negatives, *sums = sum_over(
            self.workers, n_positives, n_negatives, *(known[name] for name in names)
        )
        if not (n_positives and n_negatives):
            raise ValueError(
                "Ranking needs positives and negatives with weight: the rows of all workers "
                "together lack one of the two classes."
            )
        known.update(zip(names, sums))

    def _worth(
        self, *, total_value: float, positive_weight: float, **_: Any
    ) -> NDArray[np.floating]:
        if not total_value > 0:
            raise ValueError("The positives have no value: at least one must be worth something.")
        if total_value == math.inf:
            raise ValueError(
                "The values of the positives times their weights add up to more than a float "
                "holds: divide the values by a constant."
            )
        worth = np.ones(self.target.size) if self.weight is None else self.weight.astype(float)
        mean = total_value / positive_weight
        worth[self.target] *= self.columns["value"][self.target] / mean
        return worth

    @property
    def positive(self) -> NDArray[np.bool_]:
        """Mask of the positives of a binary target, shape (n_samples,)."""
        return self.target

    @cached_property
    def positive_rows(self) -> NDArray[np.intp]:
        """Row indices of the positives of a binary target."""
        return np.flatnonzero(self.target)

    @cached_property
    def relevant_weight(self) -> float:
        """Sum of the weights of the rows whose target is above 0 (of this worker)."""
        relevant = self.target > 0
        if self.weight is None:
            return float(np.count_nonzero(relevant))
        return float(self.weight[relevant].sum())

    @cached_property
    def found(self) -> dict[Any, Any]:
        """What losses have found out about these rows, by loss: a round may ask twice."""
        return {}

    @property
    def n_samples(self) -> int:
        """Number of rows (of this worker)."""
        return self.target.shape[0]

    def replace(self, **changes: Any) -> Rows:
        """Return rows with some of the arguments changed.

        Parameters
        ----------
        **changes
            Arguments of the constructor.

        Returns
        -------
        rows : Rows
        """
        given = {
            "target": self.target,
            "raw": self.raw,
            "weight": self.weight,
            "columns": self.columns,
            "workers": self.workers,
            "dtype": self.dtype,
        }
        return Rows(**{**given, **changes})

    def take(self, rows: NDArray[Any]) -> Rows:
        """Return some of the rows.

        Parameters
        ----------
        rows : ndarray
            Row indices, or a mask over the rows.

        Returns
        -------
        rows : Rows
        """
        return self.replace(
            target=self.target[rows],
            raw=self.raw[rows],
            weight=None if self.weight is None else self.weight[rows],
            columns={name: values[rows] for name, values in self.columns.items()},
        )


def _message_of_weights(positive_weight: float, negative_weight: float) -> str:
    """Return what is wrong with weights of which one class has none, or nearly none."""
    if not (positive_weight > 0 and negative_weight > 0):
        return (
            "All sample weights of one class are zero: positives and negatives are needed. See "
            "sample_weight."
        )
    if max(positive_weight, negative_weight) <= _LEAST_MASS / _LEAST_SHARE:
        return (
            f"sample_weight of the positives adds up to {positive_weight:g}, and that of the "
            f"negatives to {negative_weight:g}, which is too little to divide by: multiply the "
            "weights by a constant."
        )
    return (
        f"sample_weight of the positives adds up to {positive_weight:g}, and that of the "
        f"negatives to {negative_weight:g}: the lesser sum is nothing beside the other. Choose "
        "weights that are closer to each other."
    )


def _sum_of_values(positive: NDArray[np.bool_], weight: NDArray | None, value: NDArray) -> float:
    worth = value[positive].astype(np.float64, copy=False)
    if weight is not None:
        worth = worth * weight[positive]
    return float(worth.sum())


# --- targets --------------------------------------------------------------------------


def code_target(
    kind: Target, labels: NDArray[Any], workers: Collective | None = None
) -> NDArray[Any]:
    """Return labels, as boosters hold them, coded as a loss takes them.

    Every check is a single pass, for a booster asks anew in every round.

    Parameters
    ----------
    kind : {"binary", "classes", "ordinal", "real"}
        The target that the loss takes.
    labels : ndarray of shape (n_samples,)
        0 and 1 or -1 and 1 for a binary target, whole numbers from 0 for classes and
        levels, any finite numbers for a real target.
    workers : Collective or None
        The workers that the rows are spread over.

    Returns
    -------
    target : ndarray of shape (n_samples,)

    Raises
    ------
    ValueError
        If the labels are of another kind, or a binary target lacks a class.
    """
    if labels.dtype.kind not in "biuf":
        labels = _as_numbers(labels)
    if kind == "binary":
        positive = labels == 1
        n_pos = np.count_nonzero(positive)
        if n_pos + np.count_nonzero(labels == 0) != labels.size and (
            n_pos + np.count_nonzero(labels == -1) != labels.size
        ):
            raise ValueError(
                "y_true must be binary with labels in {0, 1} or {-1, 1}: found "
                f"{np.unique(labels)[:10].tolist()}."
            )
        # Whether all workers together have both classes is asked where weights are known.
        if workers is None and n_pos in (0, labels.size):
            raise ValueError(
                "Only one class present in y_true: ranking needs positives and negatives."
            )
        return positive
    if kind == "real":
        real = labels.astype(np.float64, copy=False)
        if not np.isfinite(real.sum()):
            raise ValueError("y_true contains NaN or infinity.")
        return real
    with np.errstate(invalid="ignore"):
        # NaN and infinity become numbers here, which are found to differ below.
        codes = labels.astype(np.int64)
    if codes.min(initial=0) < 0 or not np.array_equal(codes, labels):
        what = "class numbers" if kind == "classes" else "levels"
        raise ValueError(
            f"y_true must hold {what}, whole numbers from 0: found "
            f"{np.unique(labels)[:10].tolist()}."
        )
    return codes


def check_margins(margins: Margins, target: NDArray, raw: NDArray, owner: str) -> None:
    """Raise if there are not as many margins as a loss needs for its target.

    Raises
    ------
    ValueError
        Naming the number of labels and of margins, and the parameter that sets the latter.
    """
    if margins == "one":
        if raw.ndim != 1:
            raise ValueError(
                f"{owner} takes one margin per row, shape ({target.size},): got {raw.shape}."
            )
        return
    n_margins = 1 if raw.ndim == 1 else raw.shape[1]
    n_labels = int(target.max(initial=-1)) + 1
    n_allowed = n_margins if margins == "classes" else n_margins + 1
    if raw.ndim == 1 or n_labels > n_allowed:
        needed = n_labels if margins == "classes" else n_labels - 1
        raise ValueError(
            f"y_true has labels up to {n_labels - 1}, and there {_are(n_margins)} per row: "
            f"{owner} needs {max(needed, 2)}. Set num_class={max(needed, 2)} of the booster, or "
            "pass as many columns of raw_score."
        )


def _are(n_margins: int) -> str:
    return "is 1 margin" if n_margins == 1 else f"are {n_margins} margins"


def _as_numbers(labels: NDArray[Any]) -> NDArray[np.float64]:
    """Return labels that came as Python objects or as text as numbers."""
    if labels.dtype.kind in "mM":
        raise ValueError(f"y_true must hold numbers: got {labels.dtype}.")
    try:
        return labels.astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"y_true must hold numbers: {error}.") from error


# --- what users hand in -----------------------------------------------------------------


def _check_value(values: ArrayLike, name: str, n_samples: int) -> NDArray[Any]:
    checked = check_weights(values, n_samples, name)
    assert checked is not None
    return checked


def _check_ids(values: ArrayLike, name: str, n_samples: int) -> NDArray[Any]:
    """Return finite numbers, or codes of any other labels, of shape (n_samples,)."""
    column = _as_array(values, name)
    if column.shape != (n_samples,):
        raise ValueError(
            f"{name} must have one entry per sample: expected ({n_samples},), got {column.shape}."
            f"{hint_of_sizes(column, n_samples)}"
        )
    if column.dtype.kind not in "biuf":
        try:
            return np.unique(column, return_inverse=True)[1]
        except TypeError as error:
            raise ValueError(
                f"{name} lacks some entries, or mixes types: make all of them numbers, or all of "
                "them strings."
            ) from error
    if column.dtype.kind == "f" and not np.isfinite(column).all():
        raise ValueError(f"{name} contains NaN or infinity.")
    return column


_CHECKS: dict[str, Callable[[ArrayLike, str, int], NDArray[Any]]] = {
    "value": _check_value,
    "iid_mask": check_mask,
}


def check_columns(
    columns: Mapping[str, ArrayLike | None], n_samples: int
) -> dict[str, NDArray[Any]]:
    """Return named columns of shape (n_samples,), checked; those that are None left out."""
    return {
        name: _CHECKS.get(name, _check_ids)(values, name, n_samples)
        for name, values in columns.items()
        if values is not None
    }


def _check_margins_of(raw_score: ArrayLike) -> NDArray[np.float64]:
    """Return raw scores of several margins, or of one where that is what a user has."""
    with naming("raw_score", "numbers"):
        if np.ndim(raw_score) != 2:
            return check_scores(raw_score, "raw_score")
        columns_of = getattr(raw_score, "dtypes", None)
        kinds = [np.asarray(raw_score).dtype] if columns_of is None else list(columns_of)
        if any(_NO_NUMBERS.match(str(kind)) for kind in kinds):
            raise ValueError(f"raw_score must hold numbers: got {kinds[0]}.")
        return check_array(raw_score, dtype=np.float64, input_name="raw_score")


def check_rows(
    kind: Target,
    margins: Margins,
    y_true: ArrayLike,
    raw_score: ArrayLike,
    sample_weight: ArrayLike | None,
    columns: Mapping[str, ArrayLike | None],
) -> tuple[Rows, int]:
    """Return what a user hands in as rows, checked.

    Parameters
    ----------
    kind : {"binary", "classes", "ordinal", "real"}
        The target that the loss takes.
    margins : {"one", "classes", "thresholds"}
        The margins that it takes.
    y_true : array-like of shape (n_samples,)
        Labels, see `code_target`.
    raw_score : array-like of shape (n_samples,) or (n_samples, n_margins)
        Raw scores.
    sample_weight : array-like of shape (n_samples,) or None
        Weights.
    columns : mapping of str to array-like of shape (n_samples,)
        Further columns by name; None for one that is not there.

    Returns
    -------
    rows : Rows
    exponent : int
        The weights are those that were handed in, over two to this power: 0 unless they are
        near the ends of what a float holds.
    """
    raw = check_scores(raw_score, "raw_score") if margins == "one" else _check_margins_of(raw_score)
    if raw.size and not np.abs(raw).max() <= MOST_MARGIN:
        raise ValueError(
            f"raw_score must lie within [-{MOST_MARGIN:g}, {MOST_MARGIN:g}]: its greatest entry "
            f"is {raw.max():g}, its least {raw.min():g}."
        )
    n_samples = raw.shape[0]
    if kind == "binary":
        target: NDArray[Any] = check_binary_labels(y_true, consistent_with=[raw])
    else:
        with naming("y_true", "labels, one per row"):
            labels = column_or_1d(y_true)
        if labels.dtype.kind not in "biuf":
            labels = _as_numbers(labels)
        if labels.shape != (n_samples,):
            raise ValueError(
                f"y_true must have shape ({n_samples},), as many as there are scores: got "
                f"{labels.shape}."
            )
        target = code_target(kind, labels)
        if kind == "real" and target.size and not np.abs(target).max() <= MOST_MARGIN:
            raise ValueError(
                f"y_true must lie within [-{MOST_MARGIN:g}, {MOST_MARGIN:g}]: its greatest entry "
                f"is {target.max():g}, its least {target.min():g}. Choose a greater unit."
            )
    checked = check_columns(columns, n_samples)
    weight, exponent = check_weights(sample_weight, n_samples), 0
    if weight is not None:
        weight, exponent = scaled(weight)
    return Rows(target, raw, weight, checked), exponent
