"""Cross-entropy that turns down the rows it gets right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit

from ..._utils.collective import sum_over
from ..._utils.validation import check_fraction, check_positive
from .._loss import Derivatives, Loss, example_rows
from .._rows import Rows

__all__ = ["FocalLoss"]

# Beyond, no row that is not wrong altogether counts for anything.
_GREATEST_GAMMA = 1e6


@dataclass(frozen=True)
class FocalLoss(Loss[NDArray]):
    r"""Focal loss [1]_ of the logistic model.

    .. math::
        L = -\frac{1}{\sum_i w_i} \sum_i w_i \alpha_i (1 - p_i)^{\gamma_i} \log p_i

    with :math:`p_i` the probability of row i's own class, :math:`\alpha_i` = ``alpha`` for
    positives and ``1 - alpha`` for negatives, and :math:`\gamma_i` = ``gamma``, or
    ``gamma_positive`` for positives. The loss is not convex: the hessian is the exact one
    without its negative term
    :math:`w_i \alpha_i \gamma_i p_i (1 - p_i)^{\gamma_i+1} \log p_i`. It is therefore
    positive, never below the exact one, and exact for ``gamma=0``.

    Parameters
    ----------
    gamma : float, default=2.0
        Focus: how fast rows lose weight as they are fitted, at least 0.
    alpha : float, default=0.25
        Weight of a positive, in (0, 1).
    gamma_positive : float, default=None
        Focus of the positives, if it is another, at least 0. With 0 only negatives lose
        weight as they are fitted (the asymmetric focal loss).

    See Also
    --------
    BinaryCrossEntropy : All rows alike.
    skbudget.neural.FocalLoss : The same in torch.

    References
    ----------
    .. [1] T.-Y. Lin, P. Goyal, R. Girshick, K. He and P. Dollár (2017). Focal Loss for
       Dense Object Detection. ICCV.

    Examples
    --------
    >>> from skbudget.objectives import FocalLoss
    >>> round(FocalLoss(gamma=0.0, alpha=0.5).loss([0, 1], [0.0, 0.0]), 4)
    0.3466
    """

    gamma: float = 2.0
    alpha: float = 0.25
    gamma_positive: float | None = None

    reads: ClassVar[frozenset[str]] = frozenset({"value"})
    sums_over_workers: ClassVar[bool] = True
    library: ClassVar[Mapping[str, str]] = {"catboost": "Focal"}

    def __post_init__(self) -> None:
        owner = type(self).__name__
        check_positive(self.gamma, "gamma", owner, minimum=0, maximum=_GREATEST_GAMMA)
        check_fraction(self.alpha, "alpha", owner)
        if self.gamma_positive is not None:
            check_positive(
                self.gamma_positive, "gamma_positive", owner, minimum=0, maximum=_GREATEST_GAMMA
            )

    def hold(self, rows: Rows) -> NDArray:
        """Return each row's share of the loss."""
        share = np.where(rows.target, self.alpha, 1.0 - self.alpha)
        if rows.worth is not None:
            share = share * rows.worth
        return share / rows.total_weight

    def _gamma(self, rows: Rows) -> Any:
        if self.gamma_positive is None or self.gamma_positive == self.gamma:
            return self.gamma
        return np.where(rows.target, float(self.gamma_positive), float(self.gamma))

    def value(self, rows: Rows, held: NDArray) -> float:
        """Return the mean focal loss."""
        own = np.where(rows.target, rows.raw, -rows.raw)
        loss = float(held @ (expit(-own) ** self._gamma(rows) * np.logaddexp(0.0, -own)))
        return sum_over(rows.workers, loss)[0]

    def derivatives(self, rows: Rows, held: NDArray) -> Derivatives:
        """Return gradient and hessian of all rows."""
        gamma = self._gamma(rows)
        own = np.where(rows.target, rows.raw, -rows.raw)
        p, error, cross_entropy = expit(own), expit(-own), np.logaddexp(0.0, -own)
        focus = held * error**gamma
        descent = focus * (error + gamma * p * cross_entropy)
        hessian = focus * p * (error * (1.0 + 2.0 * gamma) + gamma**2 * p * cross_entropy)
        return Derivatives(None, np.where(rows.target, -descent, descent), hessian)

    def start(self, rows: Rows) -> float:
        """Return the score at which the loss of a constant is least."""
        mass = np.array([rows.negative_weight, rows.positive_weight])
        two = Rows(np.array([False, True]), np.zeros(2), mass)

        def slope(score: float) -> float:
            at = two.replace(raw=np.full(2, score))
            return float(self.derivatives(at, self.hold(at)).gradient.sum())

        # Beside a class that outweighs the other this much, the end will do.
        if slope(-30.0) >= 0.0:
            return -30.0
        return 30.0 if slope(30.0) <= 0.0 else float(brentq(slope, -30.0, 30.0))

    def torch_loss(self) -> Any:
        """Return `skbudget.neural.FocalLoss` with the same parameters."""
        from ...neural.losses import _focal

        return _focal.FocalLoss(
            gamma=self.gamma, alpha=self.alpha, gamma_positive=self.gamma_positive
        )

    @classmethod
    def examples(cls) -> Iterator[tuple[Loss[Any], Rows]]:
        """Yield the loss as it comes, without focus, between the two, and with a focus by class."""
        losses = (
            cls(),
            cls(gamma=0.0),
            cls(gamma=0.5, alpha=0.7),
            cls(gamma=1.0, gamma_positive=0.0),
            cls(gamma=0.0, gamma_positive=1.5),
        )
        for seed, loss in enumerate(losses):
            yield loss, example_rows(loss, weighted=seed == 1, seed=seed)
