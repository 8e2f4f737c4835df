"""The kernels of a pair, and what their sums are handed on in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

__all__ = ["FUNCTIONS", "KERNELS", "SOFTPLUS_ROWS", "Kernel", "PairSums"]

# Inside the package "softplus" is the total alone, which takes less time than the sums of the
# rows; "softplus_rows" asks for these as well.
Kernel = Literal["sigma", "dsigma", "softplus", "softplus_rows"]
KERNELS = ("sigma", "dsigma", "softplus")
SOFTPLUS_ROWS: frozenset[Kernel] = frozenset({"softplus", "softplus_rows"})


def _dsigma(x: NDArray) -> NDArray:
    return expit(x) * expit(-x)


def _softplus(x: NDArray) -> NDArray:
    return np.logaddexp(0.0, x)


FUNCTIONS: dict[str, Callable[[NDArray], NDArray]] = {
    "sigma": expit,
    "dsigma": _dsigma,
    "softplus": _softplus,
}


@dataclass(frozen=True)
class PairSums:
    """Sums of the pair kernels; a sum that was not asked for is None.

    Attributes
    ----------
    sigma_pos, dsigma_pos, softplus_pos : ndarray of shape (n_pos,) or None
        For each positive, the weighted sum over the negatives.
    sigma_neg, dsigma_neg, softplus_neg : ndarray of shape (n_neg,) or None
        For each negative, the weighted sum over the positives.
    sigma_total, softplus_total : float or None
        Sum over all pairs, each times the weights of both its rows.

    See Also
    --------
    pair_sums : Computes them.
    """

    sigma_pos: NDArray[np.float64] | None = None
    sigma_neg: NDArray[np.float64] | None = None
    dsigma_pos: NDArray[np.float64] | None = None
    dsigma_neg: NDArray[np.float64] | None = None
    sigma_total: float | None = None
    softplus_total: float | None = None
    softplus_pos: NDArray[np.float64] | None = None
    softplus_neg: NDArray[np.float64] | None = None
