"""Cross-entropy in which rows count by their rank."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from ..._utils.validation import check_budget, check_option, check_positive
from ...band import find_band
from .._rows import Rows
from ._class_weight import pos_weight_of
from .binary_cross_entropy import BinaryCrossEntropy
from .rank_reg import mid_ranks

__all__ = ["RankWeightedCrossEntropy"]

Weighting = Literal["exponential", "dcg", "step"]
WEIGHTINGS = ("exponential", "dcg", "step")
Classes = Literal["negatives", "all"]
CLASSES = ("negatives", "all")

# With less the rows of a constant score have no weight, and no tree has anything to split.
LEAST_FLOOR = 1e-3
# A greater depth is that of the whole table for every budget there is.
MOST_DEPTH = 1e12


@dataclass(frozen=True)
class RankWeightedCrossEntropy(BinaryCrossEntropy):
    r"""Cross-entropy that weighs each negative by its rank, those at the top most.

    With :math:`u_i` the share of the negatives above negative :math:`i` and half of those at
    its score, and :math:`r_i = u_i / (\text{depth} \cdot \text{budget})` its rank in units of
    the slice,

    .. math::
        L = \frac{\sum_i w_i c_i \left(\log(1 + e^{s_i}) - y_i s_i\right)}{\sum_i w_i}, \qquad
        c_i = \max(f(r_i), \text{floor})

    with :math:`f(r) = e^{-r}` for "exponential", :math:`1 / \log_2(2 + r)` for "dcg", and 1 up
    to :math:`r = 1` and 0 below for "step", which is `HardNegativeCrossEntropy` in another
    unit. Positives have :math:`c_i` = ``pos_weight``. Ranks are held constant in the
    derivatives and found again in every round. The hessian is exact, given the ranks:
    :math:`w_i c_i \sigma(s_i) \sigma(-s_i) / \sum_i w_i`.

    Parameters
    ----------
    pos_weight : float, "balanced", ("balanced", share) or ("effective", beta), default=1.0
        Weight of a positive, see `BinaryCrossEntropy`.
    weighting : {"exponential", "dcg", "step"}, default="exponential"
        How the weight falls with the rank.
    depth : float, default=3.0
        Ranks are counted in so many budgets, so that they mean the same for any number of rows.
    budget : float, default=0.005
        Review budget, a fraction in (0, 1]. Estimators set it if the loss is given by name.
    floor : float, default=0.1
        Least weight of a row, in [0.001, 1]; see Notes.
    classes : {"negatives", "all"}, default="negatives"
        Rows that are weighed. With "all" positives are as well, by their rank among all rows.

    See Also
    --------
    HardNegativeCrossEntropy : A step in place of a slope.
    PairwisePAUC : The partial AUC, which did better at the top of contested tables.

    Notes
    -----
    Two things are not optional. Without a ``floor`` trees do not grow: at a constant score all
    negatives share the middle rank, whose weight is nothing (a coverage of 0.005 where 0.74 can
    be had). And positives that are weighed by their own rank count the less the further down
    they are, though those are the ones that are missed: "all" covered 0.73 with the
    exponential weights and 0.70 with those of the DCG, where plain cross-entropy covered 0.72.
    For negatives alone it was 0.735, as much as hard negatives do (0.736), and less than the
    partial AUC (0.75). These are means of three draws of a contested top.

    ``iid_mask`` restricts the rows among which ranks are counted. A network ranks the rows of
    each batch anew, and the share of a batch above a row stands for that of the table.

    Examples
    --------
    >>> from skbudget.objectives import RankWeightedCrossEntropy
    >>> loss = RankWeightedCrossEntropy(depth=1.0, budget=0.5)
    >>> loss.gradient([0, 0, 0, 1], [-1.0, 0.0, 1.0, 2.0]).round(3)
    array([ 0.013,  0.046,  0.131, -0.03 ])
    """

    weighting: Weighting = "exponential"
    depth: float = 3.0
    budget: float = 0.005
    floor: float = 0.1
    classes: Classes = "negatives"

    # The rank of a row is among those of all workers.
    sums_over_workers: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        owner = type(self).__name__
        check_option(self.weighting, "weighting", WEIGHTINGS, owner)
        check_positive(self.depth, "depth", owner, minimum=1e-6, maximum=MOST_DEPTH)
        check_budget(self.budget, owner)
        check_positive(self.floor, "floor", owner, minimum=LEAST_FLOOR, maximum=1)
        check_option(self.classes, "classes", CLASSES, owner)

    def hold(self, rows: Rows) -> NDArray:
        """Return each row's share of the loss, that of its rank included."""
        share = super().hold(rows)
        ranked = ~rows.target if self.classes == "negatives" else np.ones(rows.n_samples, bool)
        if self.weighting == "step":
            in_slice = find_band(
                rows.raw,
                ranked,
                alpha=0.0,
                beta=min(float(self.depth) * float(self.budget), 1.0),
                basis="fpr",
                weight=rows.weight,
                iid_mask=rows.columns.get("iid_mask"),
                tau_scale=None,
            ).members
            below = ranked.copy()
            below[in_slice] = False
            share[below] *= float(self.floor)
            return share
        weight = np.ones(rows.n_samples) if rows.weight is None else rows.weight
        iid = rows.columns.get("iid_mask")
        reference = (weight if iid is None else weight * iid)[ranked].astype(np.float64)
        total = float(reference.sum())
        if total > 0:
            above = mid_ranks(rows.raw[ranked].astype(np.float64, copy=False), reference)
            share[ranked] *= self._weights(above / total)
        return share

    def _weights(self, share_above: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the weights of rows that a share of all is above."""
        with np.errstate(over="ignore"):
            # A rank beyond all numbers weighs what the floor says.
            rank = share_above / (float(self.depth) * float(self.budget))
        found = np.exp(-rank) if self.weighting == "exponential" else 1.0 / np.log2(2.0 + rank)
        return np.maximum(found, float(self.floor))

    def start(self, rows: Rows) -> float:
        """Return the log-odds of the positives, where all rows have the rank in the middle."""
        negative = rows.negative_weight
        if self.classes == "negatives" and self.weighting != "step":
            negative *= float(self._weights(np.array([0.5]))[0])
        return math.log(pos_weight_of(self.pos_weight, rows) * rows.positive_weight / negative)
