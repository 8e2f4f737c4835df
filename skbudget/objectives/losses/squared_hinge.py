"""Squared hinge loss: a row pulls the harder, the further it is from its margin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from .._loss import Derivatives
from .._rows import Rows
from ._class_weight import PosWeight, pos_weight_of
from ._hinge import HingeLoss

__all__ = ["SquaredHinge"]


@dataclass(frozen=True)
class SquaredHinge(HingeLoss):
    r"""Squared hinge loss of two classes.

    .. math::
        L = \frac{\sum_i w_i c_i \max(0, m - y_i s_i)^2}{\sum_i w_i}, \qquad y_i \in \{-1, 1\}

    with :math:`c_i` = ``pos_weight`` for positives and 1 for negatives. The gradient is
    :math:`-2 y_i (m - y_i s_i)` for rows short of the margin :math:`m`. Beyond it the second
    derivative is 0. The hessian is :math:`2 w_i c_i / \sum_i w_i` for all rows, exact for rows
    short of the margin and that of a parabola above the loss for the others, so that a leaf
    cannot run past them.

    Parameters
    ----------
    margin : float, default=1.0
        How far from zero a row is on its side before it no longer pulls, in [1e-15, 1e15].
    pos_weight : float, "balanced", ("balanced", share) or ("effective", beta), default=1.0
        Weight of a positive, see `BinaryCrossEntropy`.

    See Also
    --------
    Hinge : Not squared.
    BinaryCrossEntropy : A row never stops pulling.

    Notes
    -----
    The best score is ``margin`` times :math:`(c p - 1 + p) / (c p + 1 - p)`, which increases with
    the probability :math:`p` of the positive class, so that the loss ranks.

    Examples
    --------
    >>> from skbudget.objectives import SquaredHinge
    >>> SquaredHinge().loss([0, 0, 1, 1], [-3.0, 0.5, 0.5, 2.0])
    0.625
    """

    margin: float = 1.0
    pos_weight: PosWeight = 1.0

    library: ClassVar[Mapping[str, str]] = {"sklearn": "LinearSVC(loss='squared_hinge')"}

    def value(self, rows: Rows, held: NDArray[np.floating]) -> float:
        """Return the mean squared hinge loss."""
        return self._mean(rows, np.maximum(self._short(rows), 0.0) ** 2, held)

    def derivatives(self, rows: Rows, held: NDArray[np.floating]) -> Derivatives:
        """Return gradient and hessian of all rows."""
        pull = 2.0 * held * np.maximum(self._short(rows), 0.0)
        return Derivatives(None, np.where(rows.target, -pull, pull), 2.0 * held)

    def start(self, rows: Rows) -> float:
        """Return the score at which the loss of a constant is least."""
        positive = pos_weight_of(self.pos_weight, rows) * rows.positive_weight
        negative = rows.negative_weight
        return self.margin * (positive - negative) / (positive + negative)
