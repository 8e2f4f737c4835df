"""Cross-entropy of two classes with a weight, a margin and a multiplier for each of them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._loss import Loss, example_rows
from .._rows import Rows
from ._class_weight import (
    PosWeight,
    check_pos_weight,
    follows_rows,
    pos_weight_of,
)
from ._scaling import (
    LEAST_WEIGHT,
    MOST_WEIGHT,
    Cells,
    ScaledCrossEntropy,
    binary_parameters,
    check_multiplier,
    check_shift,
    check_weight,
)

__all__ = ["VectorScalingCrossEntropy"]


class _ClassScaledCrossEntropy(ScaledCrossEntropy):
    """One whose parameters depend on the row's class alone."""

    @abstractmethod
    def _scaling(self, rows: Rows | None) -> VectorScalingCrossEntropy:
        """Return weights, multipliers and margins as numbers; None where no rows are needed."""

    @property
    def _follows_rows(self) -> bool:
        """Whether `_scaling` needs rows."""
        return False

    def _of_rows(self, rows: Rows) -> tuple[Any, Any, Any]:
        one, positive = self._scaling(rows), rows.target
        return (
            _of_class(positive, one.pos_weight, one.neg_weight),
            _of_class(positive, one.pos_multiplier, one.neg_multiplier),
            _of_class(positive, one.pos_margin, one.neg_margin),
        )

    def _cells(self, rows: Rows) -> Cells:
        one = self._scaling(rows)
        pos_weight: Any = one.pos_weight
        mass = [one.neg_weight * rows.negative_weight, pos_weight * rows.positive_weight]
        return Cells(
            np.array([False, True]),
            np.array(mass),
            np.array([one.neg_multiplier, one.pos_multiplier]),
            np.array([one.neg_margin, one.pos_margin]),
        )

    def resolved(self, rows: Rows) -> Loss[Any]:
        """Return `VectorScalingCrossEntropy` with numbers for what follows from the rows."""
        return self._scaling(rows) if self._follows_rows else self

    def torch_loss(self) -> Any:
        """Return `skbudget.neural.VectorScalingCrossEntropyLoss`; None for what needs rows."""
        if self._follows_rows:
            return None
        from ...neural.losses._vector_scaling import VectorScalingCrossEntropyLoss

        one = self._scaling(None)
        return VectorScalingCrossEntropyLoss(**{name: getattr(one, name) for name in _PARAMETERS})

    @classmethod
    def examples(cls) -> Iterator[tuple[Loss[Any], Rows]]:
        """Yield the loss as it comes."""
        yield cls(), example_rows(cls())
        yield cls(), example_rows(cls(), weighted=True, seed=1)


def _of_class(positive: NDArray[np.bool_], of_positives: Any, of_negatives: Any) -> Any:
    """Return one number for all rows, or one for each."""
    if of_positives == of_negatives:
        return of_positives
    return np.where(positive, of_positives, of_negatives)


@dataclass(frozen=True)
class VectorScalingCrossEntropy(_ClassScaledCrossEntropy):
    r"""Cross-entropy with a weight, a margin and a multiplier for each class [1]_ [2]_.

    .. math::
        L = \frac{\sum_{i \in P} w_i c_1 \log(1 + e^{\iota_1 - \Delta_1 s_i})
            + \sum_{j \in N} w_j c_0 \log(1 + e^{\iota_0 + \Delta_0 s_j})}{\sum_i w_i}

    with weights :math:`c`, margins :math:`\iota` and multipliers :math:`\Delta` of the
    positives (1) and the negatives (0). A greater margin, and a smaller multiplier, ask
    scores of the class to be further on its side. The hessian is exact and positive:
    :math:`w_i c \Delta^2 \sigma(z_i) \sigma(-z_i) / \sum_i w_i` with :math:`z_i` the
    exponent of the row. The loss is convex.

    Parameters
    ----------
    pos_weight : float, "balanced", ("balanced", share) or ("effective", beta), default=1.0
        Weight of a positive, in [1e-20, 1e20]. "balanced" gives both classes the same total,
        and with a share the positives have that share of the negatives' total. "effective"
        weights classes by their effective numbers of rows, see `ClassBalancedCrossEntropy`.
        What these rules give is multiplied by ``neg_weight``.
    neg_weight : float, default=1.0
        Weight of a negative, in [1e-20, 1e20].
    pos_multiplier, neg_multiplier : float, default=1.0
        Multipliers of the scores, in [1e-6, 1e6].
    pos_margin, neg_margin : float, default=0.0
        Margins, in [-1e4, 1e4] logits.

    See Also
    --------
    VectorScalingSoftmax : The same for several classes.
    SegmentScalingCrossEntropy : Parameters by segment instead of class.
    MarginCrossEntropy : Margins alone.
    ClassBalancedCrossEntropy : Weights alone.
    LDAMLoss : Margins that follow from the sizes of the classes.
    skbudget.neural.VectorScalingCrossEntropyLoss : The same in torch.

    Notes
    -----
    For any parameters, the score that is best for a row rises with its probability to be
    positive. With unlimited data and a model that can have any scores, the ranking
    is that of plain cross-entropy. The parameters matter for models that cannot.

    Probabilities are those of another loss: calibrate them, as the classifiers of this
    package do.

    References
    ----------
    .. [1] G. R. Kini, O. Paraskevas, S. Oymak and C. Thrampoulidis (2021).
       Label-Imbalanced and Group-Sensitive Classification under Overparameterization.
       NeurIPS.
    .. [2] M. Li, X. Zhang, C. Thrampoulidis, J. Chen and S. Oymak (2021). AutoBalance:
       Optimized Loss Functions for Imbalanced Data. NeurIPS.

    Examples
    --------
    >>> from skbudget.objectives import VectorScalingCrossEntropy
    >>> loss = VectorScalingCrossEntropy(pos_weight=2.0, pos_margin=1.0)
    >>> round(loss.loss([0, 1], [0.0, 1.0]), 4)  # the positive is worth 2 log(2)
    1.0397
    >>> round(VectorScalingCrossEntropy.from_counts(10, 1_000, tau=1.0).pos_margin, 4)
    4.6052
    """

    pos_weight: PosWeight = 1.0
    neg_weight: float = 1.0
    pos_multiplier: float = 1.0
    neg_multiplier: float = 1.0
    pos_margin: float = 0.0
    neg_margin: float = 0.0

    def __post_init__(self) -> None:
        owner = type(self).__name__
        checked: dict[str, Any] = {
            "pos_weight": check_pos_weight(
                self.pos_weight, owner, least=LEAST_WEIGHT, most=MOST_WEIGHT
            ),
            "neg_weight": check_weight(self.neg_weight, "neg_weight", owner),
        }
        for name in ("pos_multiplier", "neg_multiplier"):
            checked[name] = check_multiplier(getattr(self, name), name, owner)
        for name in ("pos_margin", "neg_margin"):
            checked[name] = check_shift(getattr(self, name), name, owner)
        self.__dict__.update(checked)

    @classmethod
    def from_counts(
        cls,
        n_pos: float,
        n_neg: float,
        *,
        gamma: float = 0.0,
        tau: float = 0.0,
        beta: float | None = None,
    ) -> VectorScalingCrossEntropy:
        """Return the loss whose parameters follow from the sizes of the classes.

        Parameters
        ----------
        n_pos, n_neg : float
            Number, or weight, of the rows of each class, greater than 0.
        gamma : float, default=0.0
            Exponent of the multipliers, in [0, 10]: a class has the ratio of its size to
            that of the greater class, to this power (class-dependent temperatures).
        tau : float, default=0.0
            Strength of the logit adjustment, in [-100, 100]: the margin of a class is
            ``-tau`` times the logarithm of its size over that of the other.
        beta : float, default=None
            Weights by effective numbers of rows, see `ClassBalancedCrossEntropy`; None for
            1.

        Returns
        -------
        loss : VectorScalingCrossEntropy

        Raises
        ------
        ValueError
            If a number is out of range.

        Examples
        --------
        >>> from skbudget.objectives import VectorScalingCrossEntropy
        >>> loss = VectorScalingCrossEntropy.from_counts(10, 1_000, gamma=0.5)
        >>> round(loss.pos_multiplier, 4)
        0.1
        """
        owner = f"{cls.__name__}.from_counts"
        return cls(**binary_parameters(n_pos, n_neg, gamma, tau, beta, owner))

    @property
    def _follows_rows(self) -> bool:
        return follows_rows(self.pos_weight)

    def _scaling(self, rows: Rows | None) -> VectorScalingCrossEntropy:
        if rows is None or not follows_rows(self.pos_weight):
            return self
        return self._with(pos_weight=self.neg_weight * pos_weight_of(self.pos_weight, rows))

    @classmethod
    def examples(cls) -> Iterator[tuple[Loss[Any], Rows]]:
        """Yield the loss as it comes, and with all parameters."""
        given: dict[str, Any] = {"pos_multiplier": 0.5, "neg_multiplier": 1.5, "pos_margin": 1.0}
        losses = (
            cls(),
            cls(pos_weight=3.0, neg_margin=0.5, **given),
            cls(pos_weight="balanced", neg_weight=2.0, **given),
            cls(pos_weight=("effective", 0.9), neg_margin=-2.0),
        )
        for seed, loss in enumerate(losses):
            yield loss, example_rows(loss, weighted=seed in (1, 3), seed=seed)


_PARAMETERS = tuple(VectorScalingCrossEntropy.__dataclass_fields__)
_NEUTRAL = VectorScalingCrossEntropy()


def scaling(**parameters: Any) -> VectorScalingCrossEntropy:
    """Return parameters that were checked, or follow from what was checked."""
    return _NEUTRAL._with(**parameters)
