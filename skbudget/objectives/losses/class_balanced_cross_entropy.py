"""Cross-entropy weighted by the effective number of rows of each class."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .._loss import Loss, example_rows
from .._rows import Rows
from ._scaling import check_beta, class_balanced_weights
from .vector_scaling_cross_entropy import (
    VectorScalingCrossEntropy,
    _ClassScaledCrossEntropy,
    scaling,
)

__all__ = ["ClassBalancedCrossEntropy"]


@dataclass(frozen=True)
class ClassBalancedCrossEntropy(_ClassScaledCrossEntropy):
    r"""Cross-entropy weighted by the effective number of rows of each class [1]_.

    .. math::
        L = \frac{\sum_i w_i c_{y_i} \log(1 + e^{\mp s_i})}{\sum_i w_i}, \qquad
        c_k \propto \frac{1 - \beta}{1 - \beta^{n_k}}, \qquad c_0 + c_1 = 2

    with :math:`n_k` the weight of all rows of class k. The weights are 1 for a beta of 0, and
    in the ratio of :math:`1 / n_k` for a beta of 1. A class with many more than
    :math:`1 / (1 - \beta)` rows counts as if it had that many. The hessian is exact, see
    `VectorScalingCrossEntropy`.

    Parameters
    ----------
    beta : float, default=0.999
        Base of the effective number, in [0, 1].

    See Also
    --------
    BinaryCrossEntropy : Other weights of the positives.
    VectorScalingCrossEntropy : Margins, weights and multipliers.

    Notes
    -----
    A weight of 2 is the row twice, so the unit of the sample weights matters here, as it
    does not in most other losses. Weights with a mean of 1 keep the number of rows.

    References
    ----------
    .. [1] Y. Cui, M. Jia, T.-Y. Lin, Y. Song and S. Belongie (2019). Class-Balanced Loss
       Based on Effective Number of Samples. CVPR.

    Examples
    --------
    >>> from skbudget.objectives import ClassBalancedCrossEntropy
    >>> loss = ClassBalancedCrossEntropy(beta=1.0)
    >>> rows = loss.rows([0, 0, 0, 1], [0.0, 0.0, 0.0, 0.0])
    >>> loss.resolved(rows).pos_weight, loss.resolved(rows).neg_weight
    (1.5, 0.5)
    """

    beta: float = 0.999

    def __post_init__(self) -> None:
        self.__dict__["beta"] = check_beta(self.beta, type(self).__name__)

    @property
    def _follows_rows(self) -> bool:
        return True

    def _scaling(self, rows: Rows | None) -> VectorScalingCrossEntropy:
        assert rows is not None
        pos_weight, neg_weight = class_balanced_weights(
            self.beta, rows.positive_weight, rows.negative_weight
        )
        return scaling(pos_weight=pos_weight, neg_weight=neg_weight)

    @classmethod
    def examples(cls) -> Iterator[tuple[Loss[Any], Rows]]:
        """Yield the loss as it comes, and the ends of its parameter."""
        for seed, loss in enumerate((cls(), cls(beta=1.0), cls(beta=0.0), cls(beta=0.9))):
            yield loss, example_rows(loss, weighted=seed % 2 == 1, seed=seed)
