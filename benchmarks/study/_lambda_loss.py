"""LambdaRank with coverage at a budget as the metric that a swap changes.

LambdaRank weighs a pair by how much a metric changes if its two rows swap their ranks. Coverage
changes by one positive if one row is inside the budget and the other is not, and otherwise it
does not change. So only such pairs count, all alike, and the sums over them need no pairs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skbudget._utils.validation import check_fraction, check_temperature
from skbudget.band import find_band
from skbudget.kernels._dispatch import sum_pairs
from skbudget.kernels._kernel import Kernel
from skbudget.objectives import Derivatives, Loss
from skbudget.objectives._loss import Scale
from skbudget.objectives._rows import Rows

__all__ = ["LambdaCoverage", "Sides"]


class Sides(NamedTuple):
    """The rows on both sides of the cut, and the weight of the negatives inside."""

    inside_pos: NDArray[np.intp]
    outside_pos: NDArray[np.intp]
    inside_neg: NDArray[np.intp]
    outside_neg: NDArray[np.intp]
    inside_weight: float


@dataclass(frozen=True)
class LambdaCoverage(Loss[Sides]):
    r"""Pairs whose swap changes coverage at a budget.

    With the cut below the top ``fraction`` of the negatives, :math:`O` the positives that are
    not above it, :math:`I` the negatives that are not below it, and :math:`\tau` the
    temperature,

    .. math::
        L = \frac{1}{|P| |I|} \Big(\sum_{i \in O, j \in I} + \sum_{i \notin O, j \notin I}\Big)
            \log(1 + e^{(s_j - s_i) / \tau})

    The first sum has the pairs whose swap gains a positive, and the second one, with
    ``reverse``, those whose swap would lose one. The sides are held constant, and the hessian
    is the exact diagonal.

    Parameters
    ----------
    fraction : float, default=0.005
        Share of the negatives above the cut, in (0, 1].
    reverse : bool, default=True
        Whether positives inside are compared with negatives outside, too.
    temperature : float, default=1.0
        Width of the comparison, in score units.
    """

    fraction: float = 0.005
    reverse: bool = True
    temperature: float = 1.0

    reads: ClassVar[frozenset[str]] = frozenset({"value"})
    scale: ClassVar[Scale] = "positives"

    def __post_init__(self) -> None:
        owner = type(self).__name__
        check_fraction(self.fraction, "fraction", owner)
        check_temperature(self.temperature, owner)

    def hold(self, rows: Rows) -> Sides:
        """Find the cut, and the rows on both sides of it."""
        band = find_band(
            rows.raw,
            ~rows.target,
            alpha=0.0,
            beta=self.fraction,
            basis="fpr",
            weight=rows.weight,
            iid_mask=None,
            tau_scale=None,
        )
        inside = np.zeros(rows.n_samples, dtype=bool)
        inside[band.members] = True
        above = rows.target & (rows.raw > band.t_beta)
        return Sides(
            np.flatnonzero(above),
            np.flatnonzero(rows.target & ~above),
            np.flatnonzero(inside),
            np.flatnonzero(~rows.target & ~inside),
            band.total_weight,
        )

    def value(self, rows: Rows, held: Sides) -> float:
        """Return the sum over the pairs that count."""
        total = 0.0
        for pos, neg in self._pairs(held):
            sums = self._sums(rows, pos, neg, frozenset({"softplus"}))
            total += sums.softplus_total or 0.0
        return total / (rows.positive_weight * held.inside_weight)

    def derivatives(self, rows: Rows, held: Sides) -> Derivatives:
        """Return gradient and hessian of all rows."""
        gradient = np.zeros(rows.n_samples)
        hessian = np.zeros(rows.n_samples)
        for pos, neg in self._pairs(held):
            sums = self._sums(rows, pos, neg, frozenset({"sigma", "dsigma"}))
            gradient[pos] -= sums.sigma_pos
            gradient[neg] += sums.sigma_neg
            hessian[pos] += sums.dsigma_pos
            hessian[neg] += sums.dsigma_neg
        share: Any = 1.0 / (self.temperature * rows.positive_weight * held.inside_weight)
        if rows.worth is not None:
            share = share * rows.worth
        return Derivatives(None, share * gradient, share / self.temperature * hessian)

    def _pairs(self, held: Sides) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
        gains = (held.outside_pos, held.inside_neg)
        return [gains, (held.inside_pos, held.outside_neg)] if self.reverse else [gains]

    def _sums(
        self,
        rows: Rows,
        pos: NDArray[np.intp],
        neg: NDArray[np.intp],
        kernels: frozenset[Kernel],
    ) -> Any:
        worth = rows.worth
        return sum_pairs(
            rows.raw[pos],
            rows.raw[neg],
            self.temperature,
            None if worth is None else worth[pos],
            None if worth is None else worth[neg],
            kernels,
        )
