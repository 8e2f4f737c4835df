"""What losses with a multiplier, a margin and a weight per row have in common."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Set
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit, log_expit, logsumexp

from ..._utils.collective import sum_over
from ..._utils.validation import _as_float, _invalid, check_positive
from .._loss import Derivatives, Loss
from .._rows import Rows
from ._class_weight import effective_weight

__all__ = [
    "LEAST_MULTIPLIER",
    "LEAST_WEIGHT",
    "MOST_MULTIPLIER",
    "MOST_SHIFT",
    "MOST_WEIGHT",
    "RANGES",
    "Cells",
    "Held",
    "ScaledCrossEntropy",
    "best_constant",
    "binary_parameters",
    "check_beta",
    "check_multiplier",
    "check_numbers",
    "check_rules",
    "check_shift",
    "check_weight",
    "class_balanced_weights",
    "effective_weights",
    "softmax_parameters",
]

# Single precision has room for all products of these.
LEAST_WEIGHT, MOST_WEIGHT = 1e-20, 1e20
LEAST_MULTIPLIER, MOST_MULTIPLIER = 1e-6, 1e6
MOST_SHIFT = 1e4

RANGES = {
    "weight": (LEAST_WEIGHT, MOST_WEIGHT),
    "multiplier": (LEAST_MULTIPLIER, MOST_MULTIPLIER),
    "shift": (-MOST_SHIFT, MOST_SHIFT),
    "margin": (-MOST_SHIFT, MOST_SHIFT),
}
"""What a parameter may be, by its kind."""


class Cells(NamedTuple):
    """Rows of one class that have the same parameters, as one row of their weight.

    Attributes
    ----------
    positive : ndarray of shape (n_cells,), dtype=bool
    mass, multiplier, margin : ndarray of shape (n_cells,)
        ``mass`` is the sum of the rows' weights, that of the class included.
    """

    positive: NDArray[np.bool_]
    mass: NDArray[np.float64]
    multiplier: NDArray[np.float64]
    margin: NDArray[np.float64]


class Held(NamedTuple):
    """What the rows' terms are made of: one number for all rows, or one for each.

    Attributes
    ----------
    share : ndarray of shape (n_rows,)
        The row's share of the loss.
    multiplier, shift : float, or ndarray of shape (n_rows,)
        The cross-entropy is that of ``multiplier * score + shift``.
    """

    share: NDArray[np.floating]
    multiplier: Any
    shift: Any


class ScaledCrossEntropy(Loss[Held]):
    """Cross-entropy of scores that are multiplied, and moved against their class.

    A subclass says by how much (`_of_rows`, `_cells`).
    """

    reads: ClassVar[frozenset[str]] = frozenset({"value"})
    sums_over_workers: ClassVar[bool] = True

    @abstractmethod
    def _of_rows(self, rows: Rows) -> tuple[Any, Any, Any]:
        """Return weight, multiplier and margin: one number for all rows, or one for each."""

    @abstractmethod
    def _cells(self, rows: Rows) -> Cells:
        """Return what rows there are."""

    def hold(self, rows: Rows) -> Held:
        """Return each row's share of the loss, its multiplier and its shift."""
        weight, multiplier, margin = self._of_rows(rows)
        share = np.ones(rows.target.size) if rows.worth is None else rows.worth.astype(float)
        if np.ndim(weight) or weight != 1.0:
            share = share * weight
        shift = margin
        if np.ndim(margin) or margin != 0.0:
            shift = np.where(rows.target, -margin, margin)
        return Held(share / rows.total_weight, multiplier, shift)

    def value(self, rows: Rows, held: Held) -> float:
        """Return the mean cross-entropy."""
        z = _scaled(rows.raw, held)
        losses = np.logaddexp(0.0, np.where(rows.target, -z, z))
        return sum_over(rows.workers, float(held.share @ losses))[0]

    def derivatives(self, rows: Rows, held: Held) -> Derivatives:
        """Return gradient and hessian of all rows."""
        z = _scaled(rows.raw, held)
        p, pull = expit(z), held.share * held.multiplier
        return Derivatives(None, pull * (p - rows.target), pull * held.multiplier * p * expit(-z))

    def start(self, rows: Rows) -> float:
        """Return the score at which the loss of a constant is least."""
        return best_constant(self._cells(rows))


def _scaled(raw: NDArray[np.floating], held: Held) -> NDArray[np.floating]:
    """Return the scores that the cross-entropy is taken of."""
    z = raw
    if np.ndim(held.multiplier) or held.multiplier != 1.0:
        z = z * held.multiplier
    return z if not np.ndim(held.shift) and held.shift == 0.0 else z + held.shift


def best_constant(cells: Cells) -> float:
    """Return the score at which the cross-entropy of a constant is least.

    The pull of the positives falls with the score, and that of the negatives rises. They are
    compared in logarithms, in which nothing overflows, and which cross exactly once.
    """
    positive, mass, multiplier, margin = cells
    if (multiplier == 1.0).all() and not margin.any():
        return math.log(float(mass[positive].sum()) / float(mass[~positive].sum()))
    present = mass > 0
    positive, multiplier, margin = positive[present], multiplier[present], margin[present]
    strength = np.log(mass[present]) + np.log(multiplier)
    side = np.where(positive, 1.0, -1.0)

    def lead(score: float) -> float:
        pull = strength + log_expit(margin - side * multiplier * score)
        return float(logsumexp(pull[positive]) - logsumexp(pull[~positive]))

    low, high = -1.0, 1.0
    while lead(low) < 0.0:
        low *= 2.0
    while lead(high) > 0.0:
        high *= 2.0
    return float(brentq(lead, low, high))


# --- parameters that follow from the sizes of classes -----------------------------------


def class_balanced_weights(beta: float | None, n_pos: float, n_neg: float) -> tuple[float, float]:
    """Return weights by effective numbers of rows, which add up to 2; 1 and 1 for None."""
    if beta is None:
        return 1.0, 1.0
    pos_weight, neg_weight = effective_weight(beta, n_pos), effective_weight(beta, n_neg)
    total = pos_weight + neg_weight
    return 2.0 * pos_weight / total, 2.0 * neg_weight / total


def effective_weights(beta: float, mass: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return weights of which those of the classes that there are have a mean of 1."""
    weights = np.ones(mass.size)
    present = mass > 0
    found = np.array([effective_weight(beta, count) for count in mass[present].tolist()])
    weights[present] = found / found.mean()
    return weights


def binary_parameters(
    n_pos: Any, n_neg: Any, gamma: Any, tau: Any, beta: Any, owner: str
) -> dict[str, float]:
    """Return the parameters of `VectorScalingCrossEntropy` for classes of such sizes.

    Raises
    ------
    ValueError
        If a number is out of range.
    """
    counts = [
        check_positive(number, name, owner, minimum=1e-100, maximum=1e100)
        for number, name in ((n_pos, "n_pos"), (n_neg, "n_neg"))
    ]
    gamma, tau, beta = check_rules(gamma, tau, beta, owner)
    pos_weight, neg_weight = class_balanced_weights(beta, *counts)
    log_ratio = math.log(counts[0]) - math.log(counts[1])
    given = f"n_pos={counts[0]:g} and n_neg={counts[1]:g}"
    found = {
        "pos_weight": pos_weight,
        "neg_weight": neg_weight,
        "pos_multiplier": math.exp(gamma * min(0.0, log_ratio)),
        "neg_multiplier": math.exp(gamma * min(0.0, -log_ratio)),
        "pos_margin": -tau * log_ratio,
        "neg_margin": tau * log_ratio,
    }
    for name, number in found.items():
        _check_derived(name, number, f"{given} of {owner}")
    return found


def softmax_parameters(
    counts: Any, gamma: Any, tau: Any, beta: Any, owner: str
) -> dict[str, tuple[float, ...] | None]:
    """Return the parameters of `VectorScalingSoftmax` for classes of such sizes.

    Raises
    ------
    ValueError
        If a number is out of range.
    """
    given = check_numbers(counts, "counts", owner, 1e-100, 1e100)
    if given is None:
        raise _invalid("counts", counts, owner, "one number of rows per class")
    gamma, tau, beta = check_rules(gamma, tau, beta, owner)
    size = np.array(given)
    found: dict[str, tuple[float, ...] | None] = {
        "weight": None if beta is None else tuple(effective_weights(beta, size).tolist()),
        "multiplier": tuple(np.exp(gamma * np.log(size / size.max())).tolist()),
        "shift": tuple((tau * np.log(size / size.sum())).tolist()),
    }
    for name, numbers in found.items():
        for number in numbers or ():
            _check_derived(name, number, f"counts of {owner}")
    return found


def _check_derived(name: str, number: float, given: str) -> None:
    """Raise if a parameter that follows from the sizes of classes is out of range."""
    least, most = next(ends for kind, ends in RANGES.items() if name.endswith(kind))
    if not least <= number <= most:
        raise ValueError(
            f"{given} give a {name} of {number:g}, which must lie in [{least:g}, {most:g}]: the "
            "classes are too unequal for this gamma, tau or beta. Choose a lesser one."
        )


# --- checks ---------------------------------------------------------------------------


def check_weight(value: Any, name: str, owner: str) -> float:
    """Return the weight of a class as a float."""
    return check_positive(value, name, owner, minimum=LEAST_WEIGHT, maximum=MOST_WEIGHT)


def check_multiplier(value: Any, name: str, owner: str) -> float:
    """Return a multiplier of scores as a float; negative ones would turn the ranking around."""
    return check_positive(value, name, owner, minimum=LEAST_MULTIPLIER, maximum=MOST_MULTIPLIER)


def check_shift(value: Any, name: str, owner: str, most: float = MOST_SHIFT) -> float:
    """Return a margin, or a shift, as a float."""
    number = _as_float(value)
    if not -most <= number <= most:
        raise _invalid(name, value, owner, f"a float in the range [{-most:g}, {most:g}]")
    return number


def check_rules(gamma: Any, tau: Any, beta: Any, owner: str) -> tuple[float, float, float | None]:
    """Return what `from_counts` derives the parameters by."""
    gamma = check_positive(gamma, "gamma", owner, minimum=0, maximum=10)
    tau = check_shift(tau, "tau", owner, 100.0)
    return gamma, tau, None if beta is None else check_beta(beta, owner)


def check_beta(beta: Any, owner: str) -> float:
    """Return the base of the effective number of rows as a float."""
    return check_positive(beta, "beta", owner, minimum=0, maximum=1)


def check_numbers(
    values: Any, name: str, owner: str, least: float, most: float, per: str = "class"
) -> tuple[float, ...] | None:
    """Return numbers, one per class or segment, as a tuple of floats; None for None."""
    if values is None:
        return None
    allowed = f"None or numbers in the range [{least:g}, {most:g}], one per {per}"
    numbers: tuple[float, ...] = ()
    # A mapping and a set have no order, and text no numbers.
    if not isinstance(values, str | bytes | Mapping | Set):
        try:
            numbers = tuple(_as_float(value) for value in values)
        except TypeError:
            numbers = ()
    if not numbers or not all(least <= number <= most for number in numbers):
        raise _invalid(name, values, owner, allowed)
    return numbers
