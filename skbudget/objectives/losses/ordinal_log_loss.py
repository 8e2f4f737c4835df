"""Ordered levels by one score each, with errors that grow with the distance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp, softmax

from ..._utils.validation import check_option, check_positive
from .._loss import Derivatives, Loss, example_rows
from .._rows import Margins, Rows, Target
from ._levels import DISTANCES, level_weights, row_shares

__all__ = ["OrdinalLogLoss"]

Distance = Literal["power", "exponential"]

# Beyond it a level has no probability to speak of.
_FARTHEST = 30.0


class Held(NamedTuple):
    """What the rows' terms are made of.

    Attributes
    ----------
    share : ndarray of shape (n_rows,)
    weights : ndarray of shape (n_rows, n_levels)
        What the probability of each level costs a row.
    """

    share: NDArray[np.float64]
    weights: NDArray[np.float64]


@dataclass(frozen=True)
class OrdinalLogLoss(Loss[Held]):
    r"""Cost of the probability of wrong levels, by their distance [1]_ [2]_.

    .. math::
        L = -\frac{1}{\sum_i w_i} \sum_i w_i \sum_{c \ne y_i} d_{|y_i - c|}
            \log(1 - p_{ic})

    with the softmax :math:`p` of one score per level, and :math:`d_k = k^a` or
    :math:`e^k - 1`. The loss is not convex. With :math:`m_c` the log-odds of level c it is
    :math:`\sum_c d_c \log(1 + e^{m_c})`; the hessian used is the diagonal
    :math:`2 w_i p_k (d_k (1 - p_k) + \sum_{c \ne k} d_c p_c) / \sum_i w_i`, which is nowhere
    below the Gauss-Newton form, and that is nowhere below the exact hessian.

    Parameters
    ----------
    distance : {"power", "exponential"}, default="power"
        How the cost of a level grows with its distance.
    power : float, default=2.0
        Exponent :math:`a`, in (0, 10], of ``distance="power"``.

    See Also
    --------
    OrdinalAllThreshold : One score, and thresholds.

    Notes
    -----
    With two levels and scores :math:`(0, s)` this is the cross-entropy of :math:`s`.

    The loss is no proper one: it does not aim at the probabilities of the levels. Of a
    constant it is least at :math:`p_c = \max(0, 1 - A_c / \lambda)` with :math:`A_c` the mean
    cost of the level, so that a rare level at an end gets none. Boosting therefore begins
    from the logarithms of the levels' shares, where every level has a gradient. For
    probabilities, calibrate the scores, as the classifiers of this package do.

    A cost written as a product of the distance and the cross-entropy of the *true* level is
    zero for every row, because the distance to the true level is zero.

    References
    ----------
    .. [1] F. Castagnos, M. Mihelich and C. Dognin (2022). A Simple Log-based Loss Function for
       Ordinal Text Classification. COLING.
    .. [2] G. Polat, I. Ergenc, H. T. Kani, Y. O. Alahdab, O. Atug and A. Temizel (2022).
       Class Distance Weighted Cross-Entropy Loss for Ulcerative Colitis Severity Estimation.
       MIUA.

    Examples
    --------
    >>> from skbudget.objectives import OrdinalLogLoss
    >>> OrdinalLogLoss().gradient([0, 2], [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]).round(2)
    array([[-0.42, -0.17,  0.58],
           [ 0.58, -0.17, -0.42]])
    """

    distance: Distance = "power"
    power: float = 2.0

    target: ClassVar[Target] = "ordinal"
    margins: ClassVar[Margins] = "classes"

    def __post_init__(self) -> None:
        owner = type(self).__name__
        check_option(self.distance, "distance", DISTANCES, owner)
        check_positive(self.power, "power", owner, maximum=10.0)

    def hold(self, rows: Rows) -> Held:
        """Return each row's share of the loss, and what each level costs it."""
        weights = level_weights(rows.raw.shape[1], self.distance, self.power)
        return Held(row_shares(rows), weights[rows.target])

    def value(self, rows: Rows, held: Held) -> float:
        """Return the mean cost."""
        raw = rows.raw.astype(np.float64, copy=False)
        if not raw.size:
            return 0.0
        of_all, total = logsumexp(raw, axis=1), np.zeros(rows.n_samples)
        for level in range(raw.shape[1]):
            others = logsumexp(np.delete(raw, level, axis=1), axis=1)
            total += held.weights[:, level] * np.maximum(of_all - others, 0.0)
        return float(held.share @ total)

    def derivatives(self, rows: Rows, held: Held) -> Derivatives:
        """Return gradient and hessian of all rows."""
        raw = rows.raw.astype(np.float64, copy=False)
        if not raw.size:
            return Derivatives(None, np.zeros(raw.shape), np.zeros(raw.shape))
        p, cost = softmax(raw, axis=1), held.weights
        costly = cost * p
        gradient = costly.copy()
        for level in range(raw.shape[1]):
            # What the others are among themselves: 1 - p may be nothing to divide by.
            others = np.delete(np.arange(raw.shape[1]), level)
            gradient[:, others] -= costly[:, [level]] * softmax(raw[:, others], axis=1)
        # `1 - p` is the sum of the others.
        rest = p.sum(axis=1, keepdims=True) - p
        hessian = 2.0 * p * (cost * rest + costly.sum(axis=1, keepdims=True) - costly)
        share = held.share[:, None]
        return Derivatives(None, share * gradient, share * hessian)

    def start(self, rows: Rows) -> NDArray[np.float64]:
        """Return the logarithms of the levels' shares, where every level has a gradient."""
        mass = np.bincount(rows.target, row_shares(rows), minlength=rows.raw.shape[1])
        with np.errstate(divide="ignore"):
            return np.maximum(np.log(mass / mass.sum()), -_FARTHEST)

    def torch_loss(self) -> Any:
        """Return `skbudget.neural.OrdinalLogLoss` with the same parameters."""
        if type(self) is not OrdinalLogLoss:
            return None
        from ...neural.losses import _ordinal

        return _ordinal.OrdinalLogLoss(distance=self.distance, power=self.power)

    @classmethod
    def examples(cls) -> Iterator[tuple[Loss[Any], Rows]]:
        """Yield the loss as it comes, and with other costs."""
        losses = (cls(), cls(), cls(power=1.0), cls(distance="exponential"))
        for seed, loss in enumerate(losses):
            yield loss, example_rows(loss, weighted=seed == 1, seed=seed)
