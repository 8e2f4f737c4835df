"""Cross-entropy, plain, weighted and hard-negative-mined: baselines and warm-up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from .._utils.collective import sum_over
from .._utils.validation import check_budget, check_positive
from ..band import find_band
from ._base import BaseObjective, RowDerivatives, Sample

__all__ = ["BinaryCrossEntropy", "HardNegativeCrossEntropy"]


@dataclass(frozen=True)
class BinaryCrossEntropy(BaseObjective[NDArray]):
    r"""Binary cross-entropy of the logistic model, optionally weighted by class.

    .. math::
        L = \frac{\sum_i w_i c_i \left(\log(1 + e^{s_i}) - y_i s_i\right)}{\sum_i w_i}

    with :math:`c_i` = ``pos_weight`` for positives and 1 for negatives. The
    hessian is exact: :math:`w_i c_i \sigma(s_i) \sigma(-s_i) / \sum_i w_i`.

    Parameters
    ----------
    pos_weight : float or "balanced", default=1.0
        Weight of a positive; "balanced" gives both classes the same total.

    See Also
    --------
    HardNegativeCrossEntropy : The negatives ranked highest, up-weighted.
    skbudget.neural.WeightedCrossEntropyLoss : The same in torch.

    Examples
    --------
    >>> from skbudget.objectives import BinaryCrossEntropy
    >>> round(BinaryCrossEntropy().loss([0, 1], [0.0, 0.0]), 4)
    0.6931
    """

    pos_weight: float | Literal["balanced"] = 1.0

    def __post_init__(self) -> None:
        if self.pos_weight != "balanced":
            check_positive(self.pos_weight, "pos_weight", type(self).__name__)

    def boosting_scale(self, sample: Sample) -> float:
        """Weight of all rows: the booster's own sum."""
        return sample.total_weight

    def find_held(self, sample: Sample) -> NDArray:
        """Return each row's share of the loss."""
        share = np.ones(sample.raw.size) if sample.pull is None else sample.pull.astype(float)
        total = sample.total_weight
        factor = self.pos_weight
        if factor == "balanced":
            factor = (total - sample.positive_weight) / sample.positive_weight
        if factor != 1.0:
            share = np.where(sample.positive, share * factor, share)
        return share / total

    def _loss(self, sample: Sample, held: NDArray) -> float:
        # log(1 + exp(-s)) for positives, log(1 + exp(s)) for negatives.
        losses = np.logaddexp(0.0, np.where(sample.positive, -sample.raw, sample.raw))
        return sum_over(sample.collective, float(held @ losses))[0]

    def derivatives(self, sample: Sample, held: NDArray) -> RowDerivatives:
        """Return gradient and hessian of all rows."""
        p = expit(sample.raw)
        return RowDerivatives(None, held * (p - sample.positive), held * p * expit(-sample.raw))


@dataclass(frozen=True)
class HardNegativeCrossEntropy(BinaryCrossEntropy):
    r"""Cross-entropy that up-weights the negatives it ranks highest.

    The rule needs no label beyond the target: at each evaluation the top
    ``top_fraction`` of the negatives by score count ``factor`` times. The mined
    rows are held constant in the derivatives; otherwise as `BinaryCrossEntropy`.

    Parameters
    ----------
    pos_weight : float or "balanced", default=1.0
        Weight of a positive; "balanced" makes up for the class ratio.
    top_fraction : float, default=0.02
        Share of the negatives that is mined, a fraction in (0, 1].
    factor : float, default=10.0
        Weight of a mined negative.

    See Also
    --------
    BinaryCrossEntropy : All negatives alike.
    skbudget.neural.HardNegativeCrossEntropyLoss : The same in torch.

    Examples
    --------
    >>> from skbudget.objectives import HardNegativeCrossEntropy
    >>> objective = HardNegativeCrossEntropy(top_fraction=0.5, factor=3.0)
    >>> objective.gradient([0, 0, 1], [-1.0, 0.0, 1.0]).round(3)
    array([ 0.09,  0.5 , -0.09])
    """

    top_fraction: float = 0.02
    factor: float = 10.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_budget(self.top_fraction, type(self).__name__, "top_fraction")
        check_positive(self.factor, "factor", type(self).__name__)

    def find_held(self, sample: Sample) -> NDArray:
        """Return each row's share of the loss, mined rows included."""
        share = super().find_held(sample)
        mined = find_band(
            sample.raw,
            ~sample.positive,
            alpha=0.0,
            beta=self.top_fraction,
            basis="fpr",
            weight=sample.weight,
            iid_mask=sample.iid,
            tau_scale=None,
            collective=sample.collective,
        ).members
        share[mined] *= self.factor
        return share
