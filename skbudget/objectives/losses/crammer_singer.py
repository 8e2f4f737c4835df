"""Crammer and Singer's hinge loss of several classes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..._utils.collective import sum_over
from .._loss import Derivatives, Loss, example_rows
from .._rows import Margins, Rows, Target
from ._hinge import LEAST_DISTANCE, check_margin
from .vector_scaling_softmax import ClassWeight, check_class_weight, weights_of_classes

__all__ = ["CrammerSinger"]


@dataclass(frozen=True)
class CrammerSinger(Loss[NDArray[np.floating]]):
    r"""Hinge loss of several classes, against the best of the others [1]_.

    .. math::
        L = \frac{1}{\sum_i w_i} \sum_i w_i c_{y_i}
            \max\left(0, m + \max_{k \neq y_i} s_{ik} - s_{i y_i}\right)

    with a raw score :math:`s_{ik}` for each class and weights :math:`c` of the classes. A row
    short of the margin :math:`m` pulls up the score of its own class, and down the greatest of
    the others, in equal parts where several are greatest. There is no second derivative. The
    hessian of each score is :math:`w_i c_{y_i} / (|m + \max_{k \neq y_i} s_{ik} - s_{i y_i}|
    \sum_i w_i)`, where a distance counts as 30 % of the margin at least. As long as the same
    class is the greatest of the others, that is a parabola which touches the loss from above.

    Parameters
    ----------
    margin : float, default=1.0
        How far above all others the own class is before a row no longer pulls, in [1e-15, 1e15].
    weight : sequence of float, "balanced", ("effective", beta) or None, default="balanced"
        Weights of the classes, see `VectorScalingSoftmax`; None for 1.

    See Also
    --------
    SoftmaxCrossEntropy : Has a hessian, and probabilities.
    Hinge : Two classes with one score.

    Notes
    -----
    With equal weights the best scores name the most likely class of a row, if it has more than
    half of the probability, and know nothing of the others. Where one class is common and the
    rest are rare, that is the common class everywhere, and a booster may find no split. So the
    weights are balanced by default, with a mean of 1 over the classes.

    `sklearn.metrics.hinge_loss` of several classes is this loss. `torch.nn.MultiMarginLoss` is
    another one: it adds up the violations of all other classes and divides them by the number
    of classes. With two classes it is half of this one.

    References
    ----------
    .. [1] K. Crammer and Y. Singer (2001). On the Algorithmic Implementation of Multiclass
       Kernel-based Vector Machines. JMLR 2, 265-292.

    Examples
    --------
    >>> from skbudget.objectives import CrammerSinger
    >>> CrammerSinger().loss([0, 2], [[2.0, 0.5, 0.0], [0.0, 1.0, 0.5]])
    0.75
    """

    margin: float = 1.0
    weight: ClassWeight = "balanced"

    target: ClassVar[Target] = "classes"
    margins: ClassVar[Margins] = "classes"
    sums_over_workers: ClassVar[bool] = True
    library: ClassVar[Mapping[str, str]] = {"sklearn": "LinearSVC(multi_class='crammer_singer')"}

    def __post_init__(self) -> None:
        owner = type(self).__name__
        check_margin(self.margin, owner)
        object.__setattr__(self, "weight", check_class_weight(self.weight, owner))

    def hold(self, rows: Rows) -> NDArray[np.floating]:
        """Return each row's share of the loss."""
        of_class = weights_of_classes(self.weight, rows, type(self).__name__)
        share = of_class[rows.target] / rows.total_weight
        return share if rows.weight is None else share * rows.weight

    def _others(self, rows: Rows) -> tuple[NDArray, NDArray, NDArray]:
        """Return the row numbers, the scores of the other classes, and the greatest of them."""
        every = np.arange(rows.n_samples)
        others = rows.raw.astype(float)
        others[every, rows.target] = -np.inf
        return every, others, others.max(axis=1, initial=-np.inf)

    def value(self, rows: Rows, held: NDArray[np.floating]) -> float:
        """Return the mean loss."""
        every, _, best = self._others(rows)
        short = self.margin + best - rows.raw[every, rows.target]
        return sum_over(rows.workers, float(held @ np.maximum(short, 0.0)))[0]

    def derivatives(self, rows: Rows, held: NDArray[np.floating]) -> Derivatives:
        """Return gradient and hessian of all rows."""
        every, others, best = self._others(rows)
        short = self.margin + best - rows.raw[every, rows.target]
        pull = np.where(short > 0.0, held, 0.0)
        gradient = (others == best[:, None]).astype(float)
        gradient *= (pull / np.maximum(gradient.sum(axis=1), 1.0))[:, None]
        gradient[every, rows.target] = -pull
        distance = np.maximum(np.abs(short), LEAST_DISTANCE * self.margin)
        hessian = np.repeat((held / distance)[:, None], gradient.shape[1], axis=1)
        return Derivatives(None, gradient, hessian)

    @classmethod
    def examples(cls) -> Iterator[tuple[Loss[Any], Rows]]:
        """Yield the loss as it comes, and with another margin and weights of the classes."""
        for seed, loss in enumerate((cls(), cls(0.5, (1.0, 2.0, 0.5)), cls(weight=None))):
            rows = example_rows(loss, weighted=seed == 1, seed=seed)
            # Away from where two scores are equal, or a margin apart.
            lattice = np.floor(8.0 * rows.raw) / 8.0 + 0.03 * np.arange(rows.raw.shape[1])
            yield loss, rows.replace(raw=lattice)
