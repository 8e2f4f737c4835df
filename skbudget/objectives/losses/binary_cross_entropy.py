"""Cross-entropy of two classes, plain or weighted by class."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from ..._utils.collective import sum_over
from .._loss import Derivatives, Loss
from .._rows import Rows
from ._class_weight import PosWeight, check_pos_weight, follows_rows, pos_weight_of

__all__ = ["BinaryCrossEntropy"]


@dataclass(frozen=True)
class BinaryCrossEntropy(Loss[NDArray]):
    r"""Binary cross-entropy of the logistic model, optionally weighted by class.

    .. math::
        L = \frac{\sum_i w_i c_i \left(\log(1 + e^{s_i}) - y_i s_i\right)}{\sum_i w_i}

    with :math:`c_i` = ``pos_weight`` for positives and 1 for negatives. The
    gradient is :math:`w_i c_i (\sigma(s_i) - y_i) / \sum_i w_i`, the probability minus the label,
    and the hessian is exact: :math:`w_i c_i \sigma(s_i) \sigma(-s_i) / \sum_i w_i`.

    Parameters
    ----------
    pos_weight : float, "balanced", ("balanced", share) or ("effective", beta), default=1.0
        Weight of a positive. "balanced" gives both classes the same total, and with a share
        the positives have that share of the negatives' total. "effective" weights classes
        by their effective numbers of rows, see `ClassBalancedCrossEntropy`.

    See Also
    --------
    HardNegativeCrossEntropy : The negatives ranked highest, up-weighted.
    VectorScalingCrossEntropy : A margin and a multiplier for each class, too.
    skbudget.neural.WeightedCrossEntropyLoss : The same in torch.

    Examples
    --------
    >>> from skbudget.objectives import BinaryCrossEntropy
    >>> round(BinaryCrossEntropy().loss([0, 1], [0.0, 0.0]), 4)
    0.6931
    """

    pos_weight: PosWeight = 1.0

    # Only the hard negatives among its subclasses look for rows drawn as in deployment, but
    # a baseline is called with whatever the loss that it is compared with is called with.
    reads: ClassVar[frozenset[str]] = frozenset({"value", "iid_mask"})
    sums_over_workers: ClassVar[bool] = True
    library: ClassVar[Mapping[str, str]] = {
        "lightgbm": "binary",
        "xgboost": "binary:logistic",
        "catboost": "Logloss",
        "torch": "torch.nn.BCEWithLogitsLoss",
        "sklearn": "LogisticRegression",
    }

    def __post_init__(self) -> None:
        self.__dict__["pos_weight"] = check_pos_weight(self.pos_weight, type(self).__name__)

    def hold(self, rows: Rows) -> NDArray:
        """Return each row's share of the loss."""
        share = np.ones(rows.raw.size) if rows.worth is None else rows.worth.astype(float)
        factor = pos_weight_of(self.pos_weight, rows)
        if factor != 1.0:
            share = np.where(rows.target, share * factor, share)
        return share / rows.total_weight

    def value(self, rows: Rows, held: NDArray) -> float:
        """Return the mean cross-entropy."""
        # log(1 + exp(-s)) for positives, log(1 + exp(s)) for negatives.
        losses = np.logaddexp(0.0, np.where(rows.target, -rows.raw, rows.raw))
        return sum_over(rows.workers, float(held @ losses))[0]

    def derivatives(self, rows: Rows, held: NDArray) -> Derivatives:
        """Return gradient and hessian of all rows."""
        p = expit(rows.raw)
        return Derivatives(None, held * (p - rows.target), held * p * expit(-rows.raw))

    def start(self, rows: Rows) -> float:
        """Return the log-odds of the positives, where the loss of a constant is least."""
        positive = pos_weight_of(self.pos_weight, rows) * rows.positive_weight
        return math.log(positive / rows.negative_weight)

    def library_params(self, library: str) -> dict[str, Any]:
        """Return nothing: the boosters are trained on this class.

        Their objectives grow the same trees, up to rounding. With this class metrics are handed
        margins and a saved booster predicts them, as with every other loss of two classes,
        and values of positives count.
        """
        super().library_params(library)
        return {}

    def torch_loss(self) -> Any:
        """Return `skbudget.neural.WeightedCrossEntropyLoss`; None for what needs rows."""
        # A subclass is another loss.
        if type(self) is not BinaryCrossEntropy or follows_rows(self.pos_weight):
            return None
        from ...neural.losses._cross_entropy import WeightedCrossEntropyLoss

        return WeightedCrossEntropyLoss(self.pos_weight)  # type: ignore[arg-type]
