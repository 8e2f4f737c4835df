"""Cross-entropy of several classes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp, softmax

from ..._utils.collective import sum_over
from .._loss import Derivatives, Loss, example_rows
from .._rows import Margins, Rows, Target
from .vector_scaling_softmax import (
    FARTHEST,
    ClassWeight,
    check_class_weight,
    class_mass,
    follows_rows,
    weights_of_classes,
)

__all__ = ["SoftmaxCrossEntropy"]


@dataclass(frozen=True)
class SoftmaxCrossEntropy(Loss[NDArray[np.floating]]):
    r"""Cross-entropy of several classes, optionally weighted by class.

    .. math::
        L = -\frac{1}{\sum_i w_i} \sum_i w_i c_{y_i}
            \log \frac{e^{s_{i y_i}}}{\sum_k e^{s_{ik}}}

    with a raw score :math:`s_{ik}` for each class and weights :math:`c` of the classes. The
    gradient is :math:`w_i c_{y_i} (p_{ik} - [k = y_i]) / \sum_i w_i`, the probability of a class
    minus 1 for the row's own. The hessian is twice its diagonal one, :math:`2 w_i c_{y_i} p_{ik}
    (1 - p_{ik}) / \sum_i w_i`, which is nowhere below the full hessian of the row.

    Parameters
    ----------
    weight : sequence of float, "balanced" or ("effective", beta), default=None
        Weights of the classes, see `VectorScalingSoftmax`; None for 1.

    See Also
    --------
    VectorScalingSoftmax : Shifts, margins and multipliers as well.
    BinaryCrossEntropy : Two classes with one score.
    CrammerSinger : The margin to the best of the other classes.

    Notes
    -----
    Without weights the classifiers train the boosters' own objectives. With them they are
    trained on this gradient and hessian.

    Examples
    --------
    >>> from skbudget.objectives import SoftmaxCrossEntropy
    >>> round(SoftmaxCrossEntropy().loss([0, 1, 2], [[0.0, 0.0, 0.0]] * 3), 4)
    1.0986
    """

    weight: ClassWeight = None

    target: ClassVar[Target] = "classes"
    margins: ClassVar[Margins] = "classes"
    sums_over_workers: ClassVar[bool] = True
    library: ClassVar[Mapping[str, str]] = {
        "lightgbm": "multiclass",
        "xgboost": "multi:softprob",
        "catboost": "MultiClass",
        "torch": "torch.nn.CrossEntropyLoss",
        "sklearn": "LogisticRegression",
    }

    def __post_init__(self) -> None:
        weight = check_class_weight(self.weight, type(self).__name__)
        object.__setattr__(self, "weight", weight)

    def hold(self, rows: Rows) -> NDArray[np.floating]:
        """Return each row's share of the loss."""
        share = self._weights(rows)[rows.target] / rows.total_weight
        return share if rows.weight is None else share * rows.weight

    def value(self, rows: Rows, held: NDArray[np.floating]) -> float:
        """Return the mean cross-entropy."""
        every = np.arange(rows.n_samples)
        own = rows.raw[every, rows.target]
        losses = logsumexp(rows.raw, axis=1) - own if every.size else np.zeros(0)
        return sum_over(rows.workers, float(held @ losses))[0]

    def derivatives(self, rows: Rows, held: NDArray[np.floating]) -> Derivatives:
        """Return gradient and hessian of all rows."""
        every, share = np.arange(rows.n_samples), held[:, None]
        p = softmax(rows.raw, axis=1) if every.size else np.zeros(rows.raw.shape)
        hessian = 2.0 * share * p * (1.0 - p)
        p[every, rows.target] -= 1.0
        return Derivatives(None, share * p, hessian)

    def start(self, rows: Rows) -> NDArray[np.float64]:
        """Return the logarithms of the shares of the classes, weights included."""
        mass = class_mass(rows, rows.raw.shape[1]) * self._weights(rows)
        with np.errstate(divide="ignore"):
            return np.maximum(np.log(mass / mass.sum()), -FARTHEST)

    def _weights(self, rows: Rows) -> NDArray[np.float64]:
        return weights_of_classes(self.weight, rows, type(self).__name__)

    def library_params(self, library: str) -> dict[str, Any]:
        """Return the booster's own objective, which has no weights of classes."""
        params = super().library_params(library)
        return params if self.weight is None else {}

    def torch_loss(self) -> Any:
        """Return `torch.nn.CrossEntropyLoss`, with weights of rows; None for what needs rows."""
        if follows_rows(self.weight):
            return None
        from ...neural.losses._library import mean_of

        return mean_of("CrossEntropyLoss", class_weight=self.weight)

    @classmethod
    def examples(cls) -> Iterator[tuple[Loss[Any], Rows]]:
        """Yield the loss as it comes, and with weights of the classes."""
        for seed, loss in enumerate((cls(), cls(weight=(1.0, 2.0, 0.5)), cls(weight="balanced"))):
            yield loss, example_rows(loss, weighted=seed == 1, seed=seed)
