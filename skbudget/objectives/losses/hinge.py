"""Hinge loss: a row pulls until it lies on its side of zero by a margin."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from .._collapse import NEAR, NO_BETTER, CollapseWarning
from .._loss import Derivatives
from .._rows import Rows
from ._class_weight import PosWeight
from ._hinge import LEAST_DISTANCE, HingeLoss

__all__ = ["Hinge"]


@dataclass(frozen=True)
class Hinge(HingeLoss):
    r"""Hinge loss of two classes, that of the support vector machine [1]_.

    .. math::
        L = \frac{\sum_i w_i c_i \max(0, m - y_i s_i)}{\sum_i w_i}, \qquad y_i \in \{-1, 1\}

    with :math:`c_i` = ``pos_weight`` for positives and 1 for negatives. The gradient is
    :math:`-c_i y_i` for rows short of the margin :math:`m`. There is no second derivative. The
    hessian is that of the parabola which touches the loss from above [2]_, :math:`w_i c_i /
    (2 |m - y_i s_i| \sum_i w_i)`, where a distance counts as 30 % of the margin at least. Rows
    beyond the margin have it too, so that a leaf cannot run past them.

    Parameters
    ----------
    margin : float, default=1.0
        How far from zero a row is on its side before it no longer pulls, in [1e-15, 1e15].
    pos_weight : float, "balanced", ("balanced", share) or ("effective", beta), default="balanced"
        Weight of a positive, see `BinaryCrossEntropy`. Here its default is not 1, see Notes.

    See Also
    --------
    SquaredHinge : Smooth, and its best score tells likely positives from unlikely ones.
    CrammerSinger : More than two classes.
    PairwisePAUC : Ranks positives above the negatives that contest the budget.

    Notes
    -----
    The best score is the margin where the probability of the positive class is above
    ``1 / (1 + pos_weight)``, and minus the margin where it is below. It says nothing else, so the
    best model does not rank rows of one side. A booster or network that stops long before it
    is the best one does rank them, by how far it got. ``pos_weight`` moves the border to where
    a budget ends.

    With a weight of 1 the border is a probability of one half. Where no region is that rich in
    positives, as is usual with rare ones, the best score is the same for all rows: the loss has
    nothing to learn there. LightGBM then stops after a few trees, at 3 % of positives on a weak
    signal and at 0.15 % on a strong one, and a `CollapseWarning` says so. So the default is
    "balanced", whose border is the share of the positives in the training rows.

    Labels are 0 and 1 or -1 and 1, as in every loss of two classes.

    References
    ----------
    .. [1] C. Cortes and V. Vapnik (1995). Support-Vector Networks. Machine Learning 20(3),
       273-297.
    .. [2] P. J. F. Groenen, G. Nalbantov and J. C. Bioch (2008). SVM-Maj: A Majorization
       Approach to Linear Support Vector Machines with Different Hinge Errors. Advances in
       Data Analysis and Classification 2(1), 17-43.

    Examples
    --------
    >>> from skbudget.objectives import Hinge
    >>> Hinge().loss([0, 0, 1, 1], [-3.0, 0.5, 0.5, 2.0])
    0.5
    """

    margin: float = 1.0
    pos_weight: PosWeight = "balanced"

    library: ClassVar[Mapping[str, str]] = {"sklearn": "LinearSVC(loss='hinge')"}

    def value(self, rows: Rows, held: NDArray[np.floating]) -> float:
        """Return the mean hinge loss."""
        return self._mean(rows, np.maximum(self._short(rows), 0.0), held)

    def derivatives(self, rows: Rows, held: NDArray[np.floating]) -> Derivatives:
        """Return gradient and hessian of all rows."""
        short = self._short(rows)
        pull = np.where(short > 0.0, held, 0.0)
        distance = np.maximum(np.abs(short), LEAST_DISTANCE * self.margin)
        return Derivatives(None, np.where(rows.target, -pull, pull), held / (2.0 * distance))

    def check_trained(self, rows: Rows, owner: str) -> None:
        """Warn if all rows are at one score, and no better off than at the best constant.

        Parameters
        ----------
        rows : Rows
            The rows that were trained on, at the scores of the model.
        owner : str
            Name of the estimator.

        Warns
        -----
        CollapseWarning
        """
        held, ends = self.hold(rows), (-self.margin, self.margin)
        constant = min(
            self.value(rows.replace(raw=np.full(rows.n_samples, end)), held) for end in ends
        )
        spread = float(np.ptp(rows.raw))
        if spread < NEAR * self.margin and self.value(rows, held) >= NO_BETTER * constant:
            warnings.warn(
                f"Training on Hinge came to nothing: {owner} gives all rows nearly the same score "
                f"(they lie within {spread:.3g}), and by this loss one score for all is as good. "
                "Where positives are rare and weigh no more than negatives, a booster may find no "
                "split by it. Take objective='squared_hinge', or Hinge(pos_weight='balanced').",
                CollapseWarning,
                stacklevel=5,
            )
