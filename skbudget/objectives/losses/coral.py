"""Ordered levels by one score and ordered biases, for networks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from .._loss import Derivatives, Loss, example_rows
from .._rows import Margins, Rows, Target
from ._levels import LEAST_IMPORTANCE, MOST_IMPORTANCE, row_shares
from ._scaling import check_numbers

__all__ = ["Coral"]

# Beyond it a level has no probability to speak of.
_FARTHEST = 30.0


class Held(NamedTuple):
    """What the rows' terms are made of.

    Attributes
    ----------
    share : ndarray of shape (n_rows, n_thresholds)
        The row's share of the loss, times the importance of the threshold.
    above : ndarray of shape (n_rows, n_thresholds), dtype=bool
        Whether the row's level is above the threshold.
    """

    share: NDArray[np.float64]
    above: NDArray[np.bool_]


@dataclass(frozen=True)
class Coral(Loss[Held]):
    r"""Consistent rank logits [1]_: the cross-entropy of each threshold between two levels.

    .. math::
        L = \frac{1}{\sum_i w_i} \sum_i w_i \sum_{j=0}^{K-2} \lambda_j \left\{
        \begin{array}{ll} \log(1 + e^{-z_{ij}}) & y_i > j \\
        \log(1 + e^{z_{ij}}) & y_i \le j \end{array} \right. , \qquad
        z_{ij} = s_i - \theta_j

    `PAUCClassifier` gives its network one score :math:`s` and thresholds that increase, so
    that the probabilities of the levels are never negative. The loss is for networks alone:
    trees would learn the thresholds one by one, and these could cross.

    Parameters
    ----------
    importance : sequence of float, default=None
        Importance :math:`\lambda` of each threshold, in [1e-20, 1e20]; None for 1.

    See Also
    --------
    OrdinalAllThreshold : The same model in one score, for boosters as well.
    skbudget.neural.CoralLoss : The same in torch.

    Notes
    -----
    The original has free biases, and shows that they are in order where the loss is least.
    Here they are in order from the first step on.

    References
    ----------
    .. [1] W. Cao, V. Mirjalili and S. Raschka (2020). Rank Consistent Ordinal Regression for
       Neural Networks with Application to Age Estimation. Pattern Recognition Letters 140.

    Examples
    --------
    >>> from skbudget.objectives import Coral
    >>> round(Coral().loss([0, 1, 2], [[0.0, -1.0], [1.0, -1.0], [2.0, 1.0]]), 4)
    0.691
    """

    importance: tuple[float, ...] | None = None

    target: ClassVar[Target] = "ordinal"
    margins: ClassVar[Margins] = "thresholds"
    # `PAUCClassifier` gives the network one score, and a layer of thresholds.
    shares_score: ClassVar[bool] = True
    networks_only: ClassVar[str] = (
        "Coral shares one score between all thresholds, which is a layer of a network. Use "
        "OrdinalAllThreshold, the same model in one score."
    )

    def __post_init__(self) -> None:
        found = check_numbers(
            self.importance,
            "importance",
            type(self).__name__,
            LEAST_IMPORTANCE,
            MOST_IMPORTANCE,
            "threshold between two levels",
        )
        object.__setattr__(self, "importance", found)

    def hold(self, rows: Rows) -> Held:
        """Return each term's share of the loss, and which thresholds each row is above."""
        n_thresholds = rows.raw.shape[1]
        share = np.repeat(row_shares(rows)[:, None], n_thresholds, axis=1)
        if self.importance is not None:
            if len(self.importance) != n_thresholds:
                raise ValueError(
                    f"importance of {type(self).__name__} has {len(self.importance)} entries, and "
                    f"there are {n_thresholds} thresholds: pass one entry per threshold."
                )
            share = share * np.array(self.importance)
        return Held(share, rows.target[:, None] > np.arange(n_thresholds))

    def value(self, rows: Rows, held: Held) -> float:
        """Return the mean over the rows of the sum over the thresholds."""
        losses = np.logaddexp(0.0, np.where(held.above, -rows.raw, rows.raw))
        return float((held.share * losses).sum())

    def derivatives(self, rows: Rows, held: Held) -> Derivatives:
        """Return the gradient of all rows; there is no hessian."""
        gradient = held.share * (expit(rows.raw.astype(np.float64, copy=False)) - held.above)
        return Derivatives(None, gradient, np.zeros(rows.raw.shape))

    def start(self, rows: Rows) -> NDArray[np.float64]:
        """Return the log-odds of the levels above each threshold."""
        share = row_shares(rows) @ (rows.target[:, None] > np.arange(rows.raw.shape[1]))
        return np.clip(logit(np.clip(share, 0.0, 1.0)), -_FARTHEST, _FARTHEST)

    def torch_loss(self) -> Any:
        """Return `skbudget.neural.CoralLoss` with the same parameters."""
        if type(self) is not Coral:
            return None
        from ...neural.losses._ordinal import CoralLoss

        return CoralLoss(importance=self.importance)

    @classmethod
    def examples(cls) -> Iterator[tuple[Loss[Any], Rows]]:
        """Yield the loss as it comes, and with importances."""
        for seed, loss in enumerate((cls(), cls(), cls(importance=(0.5, 2.0)))):
            yield loss, example_rows(loss, weighted=seed == 1, seed=seed)
