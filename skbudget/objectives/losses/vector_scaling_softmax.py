"""Softmax cross-entropy with a weight, a shift, a margin and a multiplier for each class."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import logsumexp, softmax

from ..._utils.collective import sum_over
from ..._utils.validation import _as_float, _invalid
from .._loss import Derivatives, Loss, example_rows
from .._rows import Margins, Rows, Target
from ._scaling import (
    LEAST_WEIGHT,
    MOST_SHIFT,
    MOST_WEIGHT,
    RANGES,
    check_numbers,
    effective_weights,
    softmax_parameters,
)

__all__ = ["VectorScalingSoftmax"]

ClassWeight = tuple[float, ...] | Literal["balanced"] | tuple[Literal["effective"], float] | None

# Beyond it a class has no probability to speak of.
FARTHEST = 30.0


class Held(NamedTuple):
    """What the rows' terms are made of.

    Attributes
    ----------
    share : ndarray of shape (n_rows,)
    multiplier, shift : ndarray of shape (n_classes,)
    margin : ndarray of shape (n_rows,) or None
    """

    share: NDArray[np.floating]
    multiplier: NDArray[np.floating]
    shift: NDArray[np.floating]
    margin: NDArray[np.floating] | None


@dataclass(frozen=True)
class VectorScalingSoftmax(Loss[Held]):
    r"""Softmax cross-entropy with a weight, shift, margin and multiplier per class [1]_ [2]_.

    .. math::
        L = -\frac{1}{\sum_i w_i} \sum_i w_i c_{y_i}
            \log \frac{e^{z_{i y_i}}}{\sum_k e^{z_{ik}}}, \qquad
        z_{ik} = \Delta_k s_{ik} + l_k - m_k [k = y_i]

    with weights :math:`c`, multipliers :math:`\Delta`, shifts :math:`l` and margins
    :math:`m`. A shift belongs to the class whatever the row, a margin only to rows of the
    class. The loss is convex. Its diagonal hessian is :math:`w_i c \Delta_k^2 p_{ik}
    (1 - p_{ik}) / \sum_i w_i`. The form used here is twice that: it is the diagonal that
    is nowhere below the full hessian of the row, as in XGBoost's own softmax.

    Parameters
    ----------
    weight : sequence of float, "balanced" or ("effective", beta), default=None
        Weights of the classes, in [1e-20, 1e20]; None for 1. "balanced" gives all classes the
        same total, and "effective" weights them by their effective numbers of rows, see
        `ClassBalancedCrossEntropy`. By both rules the weights of the classes that there
        are have a mean of 1.
    multiplier : sequence of float, default=None
        Multipliers of the scores, in [1e-6, 1e6]; None for 1.
    shift : sequence of float, default=None
        Shifts, in [-1e4, 1e4]; None for 0.
    margin : sequence of float, default=None
        Margins, in [-1e4, 1e4]; None for 0.

    See Also
    --------
    VectorScalingCrossEntropy : Two classes, and one score for both.
    skbudget.neural.VectorScalingSoftmaxLoss : The same in torch.

    Notes
    -----
    With two classes, and :math:`s_1 - s_0` for the score, shifts and margins are those of
    `VectorScalingCrossEntropy`: :math:`\iota_1 = m_1 - l_1 + l_0` and
    :math:`\iota_0 = m_0 - l_0 + l_1`. Multipliers are not: here that of a class belongs to
    its score, and there to the rows of the class.

    References
    ----------
    .. [1] G. R. Kini, O. Paraskevas, S. Oymak and C. Thrampoulidis (2021).
       Label-Imbalanced and Group-Sensitive Classification under Overparameterization.
       NeurIPS.
    .. [2] A. K. Menon, S. Jayasumana, A. S. Rawat, H. Jain, A. Veit and S. Kumar (2021).
       Long-Tail Learning via Logit Adjustment. ICLR.

    Examples
    --------
    >>> from skbudget.objectives import VectorScalingSoftmax
    >>> loss = VectorScalingSoftmax.from_counts([100, 10, 1], tau=1.0)
    >>> [round(float(shift), 2) for shift in loss.shift]
    [-0.1, -2.41, -4.71]
    """

    weight: ClassWeight = None
    multiplier: tuple[float, ...] | None = None
    shift: tuple[float, ...] | None = None
    margin: tuple[float, ...] | None = None

    target: ClassVar[Target] = "classes"
    margins: ClassVar[Margins] = "classes"
    sums_over_workers: ClassVar[bool] = True

    def __post_init__(self) -> None:
        owner = type(self).__name__
        object.__setattr__(self, "weight", check_class_weight(self.weight, owner))
        for name, (least, most) in RANGES.items():
            if name != "weight":
                values = check_numbers(getattr(self, name), name, owner, least, most)
                object.__setattr__(self, name, values)
        self._check_lengths()

    def _check_lengths(self) -> None:
        lengths = {
            name: len(getattr(self, name))
            for name in RANGES
            if getattr(self, name) is not None and not (name == "weight" and self._follows_rows)
        }
        if len(set(lengths.values())) > 1:
            listed = ", ".join(f"{name} {number}" for name, number in lengths.items())
            raise ValueError(
                f"The parameters of {type(self).__name__} must have one entry per class, and "
                f"here their numbers differ: {listed}."
            )

    @property
    def _follows_rows(self) -> bool:
        return follows_rows(self.weight)

    @classmethod
    def from_counts(
        cls,
        counts: ArrayLike,
        *,
        gamma: float = 0.0,
        tau: float = 0.0,
        beta: float | None = None,
    ) -> VectorScalingSoftmax:
        """Return the loss whose parameters follow from the sizes of the classes.

        Parameters
        ----------
        counts : array-like of shape (n_classes,)
            Number, or weight, of the rows of each class, greater than 0.
        gamma : float, default=0.0
            Exponent of the multipliers, in [0, 10]: a class has the ratio of its size to
            that of the greatest class, to this power (class-dependent temperatures).
        tau : float, default=0.0
            Strength of the logit adjustment, in [-100, 100]: the shift of a class is ``tau``
            times the logarithm of its share of the rows.
        beta : float, default=None
            Weights by effective numbers of rows, with a mean of 1, see
            `ClassBalancedCrossEntropy`; None for 1.

        Returns
        -------
        loss : VectorScalingSoftmax

        Raises
        ------
        ValueError
            If a number is out of range.

        Examples
        --------
        >>> from skbudget.objectives import VectorScalingSoftmax
        >>> VectorScalingSoftmax.from_counts([400, 100], gamma=0.5).multiplier
        (1.0, 0.5)
        """
        return cls(**softmax_parameters(counts, gamma, tau, beta, f"{cls.__name__}.from_counts"))

    def resolved(self, rows: Rows) -> Loss[Any]:
        """Return the loss with numbers for weights that follow from the rows."""
        if not self._follows_rows:
            return self
        return self._with(weight=tuple(self._weights(rows).tolist()))

    def _weights(self, rows: Rows) -> NDArray[np.float64]:
        """Return the weight of each class."""
        return weights_of_classes(self.weight, rows, type(self).__name__)

    def _numbers(self, name: str, n_classes: int, neutral: float) -> NDArray[np.float64]:
        """Return a parameter as one number per class."""
        return _one_per_class(getattr(self, name), name, n_classes, neutral, type(self).__name__)

    def hold(self, rows: Rows) -> Held:
        """Return each row's share of the loss and its margin, and what belongs to classes."""
        n_classes = rows.raw.shape[1]
        share = self._weights(rows)[rows.target] / rows.total_weight
        if rows.weight is not None:
            share = share * rows.weight
        margin = None
        if self.margin is not None:
            margin = self._numbers("margin", n_classes, 0.0)[rows.target]
        multiplier = self._numbers("multiplier", n_classes, 1.0)
        return Held(share, multiplier, self._numbers("shift", n_classes, 0.0), margin)

    def value(self, rows: Rows, held: Held) -> float:
        """Return the mean cross-entropy."""
        z, every = _scaled(rows, held), np.arange(rows.n_samples)
        losses = logsumexp(z, axis=1) - z[every, rows.target] if every.size else np.zeros(0)
        return sum_over(rows.workers, float(held.share @ losses))[0]

    def derivatives(self, rows: Rows, held: Held) -> Derivatives:
        """Return gradient and hessian of all rows."""
        z, every = _scaled(rows, held), np.arange(rows.n_samples)
        p = softmax(z, axis=1) if every.size else np.zeros(z.shape)
        pull = held.share[:, None] * held.multiplier
        hessian = 2.0 * pull * held.multiplier * p * (1.0 - p)
        p[every, rows.target] -= 1.0
        return Derivatives(None, pull * p, hessian)

    def start(self, rows: Rows) -> NDArray[np.float64]:
        """Return the scores at which the loss of a constant is least."""
        n_classes = rows.raw.shape[1]
        mass = class_mass(rows, n_classes) * self._weights(rows)
        with np.errstate(divide="ignore"):
            best = np.maximum(np.log(mass / mass.sum()), -FARTHEST)
        if self.margin is not None:
            best = _best_shares(mass / mass.sum(), self._numbers("margin", n_classes, 0.0), best)
        shift = self._numbers("shift", n_classes, 0.0)
        return (best - shift) / self._numbers("multiplier", n_classes, 1.0)

    def torch_loss(self) -> Any:
        """Return `skbudget.neural.VectorScalingSoftmaxLoss`; None for what needs rows."""
        if self._follows_rows:
            return None
        from ...neural.losses._vector_scaling import VectorScalingSoftmaxLoss

        return VectorScalingSoftmaxLoss(**{name: getattr(self, name) for name in RANGES})

    @classmethod
    def examples(cls) -> Iterator[tuple[Loss[Any], Rows]]:
        """Yield the loss as it comes, and with all parameters."""
        given: dict[str, Any] = {"multiplier": (0.5, 1.0, 1.5), "shift": (0.0, -1.0, 0.5)}
        losses = (
            cls(),
            cls(weight=(1.0, 2.0, 0.5), margin=(0.5, 0.0, 2.0), **given),
            cls(weight="balanced", **given),
            cls(weight=("effective", 0.9), margin=(0.0, 1.0, -1.0)),
        )
        for seed, loss in enumerate(losses):
            yield loss, example_rows(loss, weighted=seed in (1, 3), seed=seed)


def _scaled(rows: Rows, held: Held) -> NDArray[np.floating]:
    z = rows.raw * held.multiplier + held.shift
    if held.margin is not None:
        z[np.arange(rows.n_samples), rows.target] -= held.margin
    return z


def _one_per_class(
    given: tuple[float, ...] | None, name: str, n_classes: int, neutral: float, owner: str
) -> NDArray[np.float64]:
    if given is None:
        return np.full(n_classes, neutral)
    if len(given) != n_classes:
        raise ValueError(
            f"{name} of {owner} has {len(given)} entries, and the rows have "
            f"{n_classes} scores: pass one entry per class."
        )
    return np.array(given)


def weights_of_classes(weight: ClassWeight, rows: Rows, owner: str) -> NDArray[np.float64]:
    """Return the weight of each class, by numbers or by a rule."""
    n_classes = rows.raw.shape[1]
    if not follows_rows(weight):
        return _one_per_class(weight, "weight", n_classes, 1.0, owner)  # type: ignore[arg-type]
    rule: Any = weight
    beta = 1.0 if rule == "balanced" else float(rule[1])
    return effective_weights(beta, class_mass(rows, n_classes))


def class_mass(rows: Rows, n_classes: int) -> NDArray[np.float64]:
    """Return the weight of the rows of each class, over all workers."""
    own = np.bincount(rows.target, rows.weight, minlength=n_classes).astype(np.float64)
    return np.array(sum_over(rows.workers, *own.tolist()))


def _best_shares(
    share: NDArray[np.float64], margin: NDArray[np.float64], begin: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the constant scores at which the loss of the classes, with margins, is least."""

    def loss(z: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        of_class = np.tile(z, (z.size, 1))
        of_class[np.diag_indices(z.size)] -= margin
        total = logsumexp(of_class, axis=1)
        p = np.exp(of_class - total[:, None])
        return float(share @ (total - np.diag(of_class))), share @ p - share

    bounds = [(-FARTHEST - MOST_SHIFT, FARTHEST + MOST_SHIFT)] * share.size
    options = {"maxiter": 1_000, "ftol": 1e-15, "gtol": 1e-10}
    found = minimize(loss, begin, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    return np.asarray(found.x)


# --- checks ---------------------------------------------------------------------------


def check_class_weight(weight: Any, owner: str) -> Any:
    """Return weights of classes as a tuple of floats; a rule, or None, as it is."""
    if isinstance(weight, str):
        right = weight == "balanced"
    elif _is_effective(weight):
        right = len(weight) == 2 and 0.0 <= _as_float(weight[1]) <= 1.0
    else:
        return check_numbers(weight, "weight", owner, LEAST_WEIGHT, MOST_WEIGHT)
    if not right:
        allowed = (
            "None, numbers, one per class, 'balanced', or ('effective', beta) with a beta in [0, 1]"
        )
        raise _invalid("weight", weight, owner, allowed)
    return weight


def follows_rows(weight: Any) -> bool:
    """Return whether weights of classes are a rule, which needs rows to become numbers."""
    return isinstance(weight, str) or _is_effective(weight)


def _is_effective(weight: Any) -> bool:
    named = isinstance(weight, tuple) and len(weight) > 0 and isinstance(weight[0], str)
    return named and weight[0] == "effective"
