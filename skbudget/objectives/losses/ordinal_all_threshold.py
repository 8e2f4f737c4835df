"""Ordered levels by one score, and a threshold between every two levels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit

from .._loss import Derivatives, Loss, example_rows
from .._rows import Rows, Target
from ._levels import (
    check_thresholds,
    fit_thresholds,
    levels_of,
    mass_of_levels,
    row_shares,
)

__all__ = ["OrdinalAllThreshold"]

Thresholds = tuple[float, ...] | Literal["fit"]


class Held(NamedTuple):
    """What the rows' terms are made of.

    Attributes
    ----------
    share : ndarray of shape (n_rows,)
    thresholds : ndarray of shape (n_levels - 1,)
    """

    share: NDArray[np.float64]
    thresholds: NDArray[np.float64]


@dataclass(frozen=True)
class OrdinalAllThreshold(Loss[Held]):
    r"""Cross-entropy of every question whether a level is above a threshold [1]_.

    .. math::
        L = \frac{1}{\sum_i w_i} \sum_i w_i \sum_{j=0}^{K-2} \left\{
        \begin{array}{ll} \log(1 + e^{\theta_j - s_i}) & y_i > j \\
        \log(1 + e^{s_i - \theta_j}) & y_i \le j \end{array} \right.

    One score :math:`s` serves all :math:`K` levels, :math:`P(y > j) = \sigma(s -
    \theta_j)`. The loss is convex in the score, and the hessian
    :math:`w_i \sum_j \sigma'(s_i - \theta_j) / \sum_i w_i` is exact.

    Parameters
    ----------
    thresholds : "fit" or sequence of float, default="fit"
        The thresholds :math:`\theta`, held constant in the derivatives. With "fit" they are
        those at which the loss of the scores is least: the roots of
        :math:`\sum_i w_i (\sigma(s_i - \theta_j) - [y_i > j]) = 0`. Given ones must
        increase, and lie in [-1e6, 1e6].

    Raises
    ------
    ValueError
        If given thresholds do not increase. When the loss is called: if there are fewer than
        two levels, if there are more levels than given thresholds separate, or, with "fit", if
        a level has no rows.

    See Also
    --------
    Coral : The same model with a shared layer, for networks.
    OrdinalLogLoss : A score per level, and errors that grow with the distance.
    skbudget.metrics.expected_worth : What levels are worth, by their probabilities.

    Notes
    -----
    Fitted thresholds are in order by themselves, for the share of the rows above a level falls
    from level to level. :math:`P(y = c) = P(y > c - 1) - P(y > c)` is therefore never
    negative, and adds up to 1. Independent models of each threshold have no such promise.

    With fitted thresholds a constant in the scores changes nothing, so that boosting begins
    from 0. The derivative of the loss at fitted thresholds is that of the held ones as well,
    because the loss does not change with a threshold there.

    With two levels and ``thresholds=(0.0,)`` this is `BinaryCrossEntropy`. With "fit" it is
    the cross-entropy with an intercept that is fitted anew to each round's scores.

    The expected worth of a row, with a worth :math:`v_c` of each level, is :math:`v_0 +
    \sum_j (v_{j+1} - v_j) \sigma(s - \theta_j)`. It increases with the score whenever the
    worth increases with the level, so the score ranks rows as the expected worth does.

    References
    ----------
    .. [1] J. D. M. Rennie and N. Srebro (2005). Loss Functions for Preference Levels:
       Regression with Discrete Ordered Labels. IJCAI Multidisciplinary Workshop on Advances in
       Preference Handling.

    Examples
    --------
    >>> from skbudget.objectives import OrdinalAllThreshold
    >>> loss = OrdinalAllThreshold()
    >>> loss.thresholds_of([0, 1, 2, 0], [-1.0, 0.5, 2.0, 0.0]).round(2)
    array([0.34, 1.74])
    >>> loss.gradient([0, 1, 2, 0], [-1.0, 0.5, 2.0, 0.0]).round(2)
    array([ 0.07, -0.06, -0.15,  0.14])
    """

    thresholds: Thresholds = "fit"

    target: ClassVar[Target] = "ordinal"

    def __post_init__(self) -> None:
        if isinstance(self.thresholds, str) and self.thresholds == "fit":
            return
        found = check_thresholds(self.thresholds, type(self).__name__)
        object.__setattr__(self, "thresholds", found)

    @property
    def _fits(self) -> bool:
        return isinstance(self.thresholds, str)

    def _given(self, rows: Rows) -> NDArray[np.float64]:
        """Return given thresholds, as many as the levels of the rows need."""
        n_levels, n_given = levels_of(rows), len(self.thresholds)
        if n_levels > n_given + 1:
            raise ValueError(
                f"{type(self).__name__} has {n_given} thresholds, which separate {n_given + 1} "
                f"levels, and y has levels up to {n_levels - 1}: pass {n_levels - 1} thresholds, "
                "or thresholds='fit'."
            )
        return np.array(self.thresholds, dtype=np.float64)

    def hold(self, rows: Rows) -> Held:
        """Return each row's share of the loss, and the thresholds."""
        share = row_shares(rows)
        if not self._fits:
            return Held(share, self._given(rows))
        mass = mass_of_levels(rows, levels_of(rows), type(self).__name__)
        return Held(share, fit_thresholds(rows.raw, share, mass))

    def thresholds_of(
        self, y_true: Any, raw_score: Any, sample_weight: Any = None
    ) -> NDArray[np.float64]:
        """Return the thresholds that belong to levels and scores.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Levels from 0.
        raw_score : array-like of shape (n_samples,)
            Raw scores (margins).
        sample_weight : array-like of shape (n_samples,), default=None
            Weights.

        Returns
        -------
        thresholds : ndarray of shape (n_levels - 1,)
            In increasing order.
        """
        return self.hold(self.rows(y_true, raw_score, sample_weight)).thresholds

    def value(self, rows: Rows, held: Held) -> float:
        """Return the mean over the rows of the sum over the thresholds."""
        total = np.zeros(rows.n_samples)
        for number, threshold in enumerate(held.thresholds):
            apart = rows.raw - threshold
            total += np.logaddexp(0.0, np.where(rows.target > number, -apart, apart))
        return float(held.share @ total)

    def derivatives(self, rows: Rows, held: Held) -> Derivatives:
        """Return gradient and hessian of all rows."""
        gradient = -np.minimum(rows.target, held.thresholds.size).astype(np.float64)
        hessian = np.zeros(rows.n_samples)
        for threshold in held.thresholds:
            p = expit(rows.raw - threshold)
            gradient += p
            hessian += p * expit(threshold - rows.raw)
        return Derivatives(None, held.share * gradient, held.share * hessian)

    def start(self, rows: Rows) -> float:
        """Return the best constant of given thresholds; 0 for those that follow the scores."""
        if self._fits:
            return 0.0
        thresholds = self._given(rows)
        wanted = float(row_shares(rows) @ rows.target)
        low, high = thresholds[0] - 30.0, thresholds[-1] + 30.0

        def excess(score: float) -> float:
            return float(expit(score - thresholds).sum()) - wanted

        # Where all rows have the first or the last level, the end will do.
        if excess(low) >= 0.0:
            return float(low)
        return float(high) if excess(high) <= 0.0 else float(brentq(excess, low, high, xtol=1e-12))

    def torch_loss(self) -> Any:
        """Return `skbudget.neural.OrdinalAllThresholdLoss`, which learns its thresholds."""
        if type(self) is not OrdinalAllThreshold:
            return None
        from ...neural.losses._ordinal import OrdinalAllThresholdLoss

        given: Any = None if self._fits else self.thresholds
        return OrdinalAllThresholdLoss(thresholds=given)

    @classmethod
    def examples(cls) -> Iterator[tuple[Loss[Any], Rows]]:
        """Yield fitted thresholds and given ones."""
        for seed, loss in enumerate((cls(), cls(), cls(thresholds=(-0.5, 1.0)))):
            yield loss, example_rows(loss, weighted=seed == 1, seed=seed)
