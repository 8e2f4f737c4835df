"""The significance of a selection, signal over noise of background, as a loss."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from ..._utils.rates import check_cross_sections, check_process, masses_of_processes
from ..._utils.validation import check_budget
from .._collapse import NEAR, NO_BETTER, CollapseWarning, collapse_message
from .._loss import Derivatives, Loss, Scale, example_rows
from .._lovasz import lovasz_weights, significance_loss
from .._regularizer import check_centre, check_regularizer, find_regularizer
from .._rows import Rows

__all__ = ["LovaszSignificance"]


class Held(NamedTuple):
    """What the derivatives hold constant.

    Attributes
    ----------
    weights : ndarray of shape (n_samples,)
        Weight of each row's error.
    centre : float
        The score between the rows that are selected and the others.
    regularizer : float
        Share of the background that is added to what is accepted.
    """

    weights: NDArray[np.float64]
    centre: float
    regularizer: float


@dataclass(frozen=True)
class LovaszSignificance(Loss[Held]):
    r"""The significance :math:`S / \sqrt{B + \varepsilon}` of what is selected [1]_.

    With the share :math:`\kappa` of the signal (the positives) that is kept, the share
    :math:`a` of the background (the negatives) that is accepted, and the regulariser
    :math:`r = \varepsilon / B_{all}`, the set function

    .. math:: \Delta = 1 - \frac{\kappa}{\sqrt{1 + a / r}}

    is one minus the significance over its greatest value. The loss is its Lovász extension
    at the cross-entropy :math:`m_i` of each row: with rows in the order of their errors,
    the greatest first,

    .. math::
        L = \sum_i g_i m_i, \qquad m_i = \log(1 + e^{-y_i (s_i - c)}), \qquad
        g_i = \Delta(\{1, \dots, i\}) - \Delta(\{1, \dots, i - 1\})

    with :math:`y_i = \pm 1` and the centre :math:`c`. So it is a cross-entropy whose weights
    depend on the order of the errors, and add up to 1. The weights are held constant. The
    hessian :math:`g_i \sigma(s_i - c) \sigma(c - s_i)` is exact given the weights.

    Parameters
    ----------
    regularizer : float, "budget" or "signal", default="budget"
        :math:`r`, a false positive rate greater than 0. ``"budget"`` is the end of the band
        that `skbudget.band.default_beta` gives for the budget. ``"signal"`` is the choice of
        [1]_, :math:`\varepsilon = S_{all}`. It collapses easily, see Notes.
    centre : float or "budget", default=0.0
        The score at which selection begins. ``"budget"`` is that of the last row within the
        budget. It is found again in each round, and needs scores that are apart: begin with a
        warm-up, see `Schedule`.
    budget : float, default=0.005
        Review budget, a fraction in (0, 1].
    cross_sections : sequence of float, default=None
        What each process amounts to: entry k is that of process k in the column ``process``,
        of whatever class. The rows of a process share it by their weight. Only ratios count,
        so a luminosity makes no difference. Without it, rows count by their weight.

    Warns
    -----
    CollapseWarning
        From a classifier, after training: if the scores were pulled together, because
        selecting nothing has the least loss. Where you train without one, compare the loss of
        the rows at their scores with that of a constant, which is ``log(2)``.

    See Also
    --------
    BinaryCrossEntropy : Weights that do not change.
    skbudget.neural.SignificanceLoss : The same in torch, with other errors as well.
    skbudget.metrics.significance_score : The significance itself.

    Notes
    -----
    Rows with equal errors share what they add: half of it as if the signal came first and
    half as if the background did, within a class in proportion to mass. So a constant pulls
    both classes apart, and trees grow from it without a warm-up.

    A cut is better than selecting nothing only if :math:`\kappa > \sqrt{1 + a / r} / 2`. With
    :math:`r = S / B` that may hold for no cut of a model. Then the loss is least where all
    scores are equal, and the training ends there.

    The order of the errors is that of all rows, so training on several workers is refused.

    References
    ----------
    .. [1] J. Bardhan, C. Neeraj, S. Mitra and T. Mandal (2024). A loss function for the
       signal significance. arXiv:2412.09500.

    Examples
    --------
    >>> from skbudget.objectives import LovaszSignificance
    >>> loss = LovaszSignificance(regularizer=0.5)
    >>> y, scores = [0, 0, 0, 0, 1, 1], [-2.0, -1.0, 0.5, -1.5, 1.0, 2.0]
    >>> round(loss.loss(y, scores), 4)
    0.3714
    >>> loss.gradient(y, scores).round(3)
    array([ 0.002,  0.022,  0.114,  0.007, -0.102, -0.036])
    """

    regularizer: float | Literal["budget", "signal"] = "budget"
    centre: float | Literal["budget"] = 0.0
    budget: float = 0.005
    cross_sections: tuple[float, ...] | None = None

    reads: ClassVar[frozenset[str]] = frozenset({"value"})
    # All weights of the loss add up to 1.
    scale: ClassVar[Scale] = "positives"

    def __post_init__(self) -> None:
        owner = type(self).__name__
        cross_sections = check_cross_sections(self.cross_sections, owner)
        # The class is frozen for others.
        self.__dict__.update(
            regularizer=check_regularizer(self.regularizer, owner),
            centre=check_centre(self.centre, owner),
            budget=check_budget(self.budget, owner),
            cross_sections=cross_sections,
        )
        if cross_sections is not None:
            self.__dict__["needs"] = frozenset({"process"})

    def resolved(self, rows: Rows) -> Loss[Any]:
        """Return the loss with the regulariser that these rows have as a number."""
        if not isinstance(self.regularizer, str):
            return self
        _, signal, background = self._masses(rows)
        r = find_regularizer(self.regularizer, self.budget, signal, background)
        return self._with(regularizer=r)

    def hold(self, rows: Rows) -> Held:
        """Return the weight of each row's error, the centre and the regulariser."""
        raw = rows.raw.astype(np.float64, copy=False)
        mass, signal, background = self._masses(rows)
        centre = _threshold(self.budget, raw, mass) if self.centre == "budget" else self.centre
        r = find_regularizer(self.regularizer, self.budget, signal, background)
        of = significance_loss(signal, background, r)
        weights = lovasz_weights(_wrong_by(rows, centre), rows.target, mass, of)
        return Held(weights, float(centre), r)

    def _masses(self, rows: Rows) -> tuple[NDArray[np.float64], float, float]:
        """Return what each row counts for, all signal and all background."""
        mass = np.ones(rows.n_samples) if rows.worth is None else rows.worth.astype(np.float64)
        if self.cross_sections is not None:
            owner = type(self).__name__
            process = check_process(rows.columns["process"], len(self.cross_sections), owner)
            mass = masses_of_processes(process, mass, self.cross_sections)
        signal, background = float(mass[rows.target].sum()), float(mass[~rows.target].sum())
        if not min(signal, background) > 0:
            raise ValueError(
                f"{type(self).__name__} needs signal and background with mass: the cross_sections "
                "of all processes of one class are 0."
            )
        return mass, signal, background

    def value(self, rows: Rows, held: Held) -> float:
        """Return the weighted sum of the errors."""
        return float(held.weights @ np.logaddexp(0.0, _wrong_by(rows, held.centre)))

    def derivatives(self, rows: Rows, held: Held) -> Derivatives:
        """Return gradient and hessian of all rows."""
        margin = rows.raw.astype(np.float64, copy=False) - held.centre
        p, q = expit(margin), expit(-margin)
        return Derivatives(
            None, held.weights * np.where(rows.target, -q, p), held.weights * p * q, owned=False
        )

    def start(self, rows: Rows) -> float:
        """Return the score at which the loss of a constant is least."""
        if self.centre == "budget":
            # The centre goes along with a constant.
            return 0.0
        _, signal, background = self._masses(rows)
        r = find_regularizer(self.regularizer, self.budget, signal, background)
        # With all background accepted, this much significance is left.
        left = (1.0 + 1.0 / r) ** -0.5
        return self.centre + max(0.0, math.log(left / (1.0 - left)))

    def check_trained(self, rows: Rows, owner: str) -> None:
        """Warn if the scores have been pulled together.

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
        held = self.hold(rows)
        near = float(held.weights @ np.abs(rows.raw - held.centre))
        if near < NEAR and self.value(rows, held) >= NO_BETTER * math.log(2.0):
            message = collapse_message(f"{type(self).__name__} of {owner}", held.regularizer)
            warnings.warn(message, CollapseWarning, stacklevel=5)

    def torch_loss(self) -> Any:
        """Return `skbudget.neural.SignificanceLoss` with the same parameters."""
        from ...neural.losses._significance import SignificanceLoss

        return SignificanceLoss(
            regularizer=self.regularizer,
            centre=self.centre,
            budget=self.budget,
            cross_sections=self.cross_sections,
            error="cross_entropy",
        )

    @classmethod
    def examples(cls) -> Iterator[tuple[Loss[Any], Rows]]:
        """Yield the loss with each of its options."""
        yield cls(), example_rows(cls())
        yield cls(regularizer=0.1), example_rows(cls(), weighted=True, seed=1)
        yield cls("signal"), example_rows(cls(), ties=True, seed=2)
        yield cls(1.0, centre=0.5), example_rows(cls(), ties=True, seed=5)
        yield cls(0.2, "budget", budget=0.2), example_rows(cls(), weighted=True, seed=3)
        processes = cls(cross_sections=(0.5, 10.0, 2.0), budget=0.05)
        yield processes, example_rows(processes, weighted=True, seed=4)


def _wrong_by(rows: Rows, centre: float) -> NDArray[np.float64]:
    """Return how far each row is on the wrong side of the centre."""
    margin = rows.raw.astype(np.float64, copy=False) - centre
    return np.where(rows.target, -margin, margin)


def _threshold(budget: float, raw: NDArray[np.float64], mass: NDArray[np.float64]) -> float:
    """Return the score of the row, from the top, with which the budget is spent."""
    order = np.argsort(-raw, kind="stable")
    taken = np.cumsum(mass[order])
    place = int(np.searchsorted(taken, budget * taken[-1] * (1.0 - 1e-9)))
    return float(raw[order[min(place, raw.size - 1)]])
