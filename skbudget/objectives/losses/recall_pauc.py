"""The partial AUC from the other side: negatives against the lowest positives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from ..._utils.validation import check_floor, check_option, check_temperature
from ...band import TAU_SCALES, Band, TauScale
from .._loss import Derivatives, Loss, Scale, example_rows
from .._rows import Rows
from ._band import LINKS, Link
from .pairwise_pauc import PairwisePAUC

__all__ = ["RecallPAUC"]


@dataclass(frozen=True)
class RecallPAUC(Loss[Band]):
    r"""Negatives against the lowest positives, for a floor on recall.

    It is :class:`PairwisePAUC` with the classes exchanged and the scores negated. The pairs
    are those of all negatives :math:`j` with the positives :math:`i` that come last: the
    lowest ``1 - min_tpr`` of them. With scores :math:`s`, weights :math:`w` and
    :math:`x_{ij} = (s_j - s_i) / \tau`,

    .. math::
        L = \frac{\sum_{ij} w_i w_j \, \ell(x_{ij})}{\sum_i w_i \sum_j w_j}

    - ``link="sigmoid"``: :math:`\ell(x) = \sigma(x)`, so that :math:`L` is one minus
      the smoothed ``recall_partial_auc_score`` [1]_. Bounded: a positive that is hopelessly
      low (a mislabelled row) stops pulling.
    - ``link="logistic"``: :math:`\ell(x) = \log(1 + e^x) \ge \sigma(x)`, its convex
      majoriser.

    The edge of the lowest positives and :math:`\tau` are held constant. ``min_tpr=0`` compares
    all pairs: the whole AUC, exactly.

    The hessian is the diagonal :math:`\sum_j w_i w_j \sigma'(x_{ij}) / \tau^2` over
    the same denominator (for a negative, summed over :math:`i`). For the logistic
    link this is the exact diagonal; for the sigmoid link, whose own diagonal
    changes sign, it is that of its majoriser.

    Parameters
    ----------
    min_tpr : float, default=0.5
        True positive rate above which the area counts, in [0, 1). The lowest
        ``1 - min_tpr`` of the positives take part.
    temperature : float, default=1.0
        Sharpness of the comparison, in units of the dispersion.
    tau_scale : {"iqr", "band"} or None, default=None
        Dispersion that multiplies ``temperature``: the interquartile range of the positives,
        or the range of the lowest ones; None for score units.
    link : {"sigmoid", "logistic"}, default="logistic"
        Loss of a pair.

    See Also
    --------
    PairwisePAUC : The other side, for a review budget.
    skbudget.metrics.recall_partial_auc_score : What it maximises.

    Notes
    -----
    A column ``value`` says what each positive is worth. Positives then count for their value,
    in the pairs and in the share ``1 - min_tpr``. Of an ``iid_mask`` the positives count that
    are drawn as in deployment: they set the edge.

    The lowest positives are few: with 300 positives and ``min_tpr=0.95`` there are 15 of them,
    and a model learns these by heart. So the default is lower than a recall that anybody asks
    for.

    References
    ----------
    .. [1] L. E. Dodd and M. S. Pepe (2003). Partial AUC Estimation and Regression.
       Biometrics 59(3), 614-623.

    Examples
    --------
    >>> from skbudget.objectives import RecallPAUC
    >>> objective = RecallPAUC(min_tpr=0.5, link="sigmoid")
    >>> y, scores = [0, 1, 1, 1, 1], [0.0, 0.0, 1.0, 2.0, 3.0]
    >>> round(objective.loss(y, scores), 4)
    0.3845
    >>> objective.gradient(y, scores).round(3)
    array([ 0.223, -0.125, -0.098,  0.   ,  0.   ])
    """

    min_tpr: float = 0.5
    temperature: float = 1.0
    tau_scale: TauScale = None
    link: Link = "logistic"

    reads: ClassVar[frozenset[str]] = frozenset({"value", "iid_mask"})
    sums_over_workers: ClassVar[bool] = True
    # The lowest positives together pull at most as hard as all positives in cross-entropy.
    scale: ClassVar[Scale] = "positives"

    def __post_init__(self) -> None:
        owner = type(self).__name__
        check_floor(self.min_tpr, "min_tpr", owner)
        check_temperature(self.temperature, owner)
        check_option(self.tau_scale, "tau_scale", TAU_SCALES, owner)
        check_option(self.link, "link", LINKS, owner)

    @property
    def _other_side(self) -> PairwisePAUC:
        # A boosting round asks for it. The parameters are checked.
        other = object.__new__(PairwisePAUC)
        other.__dict__.update(
            alpha=0.0,
            beta=1.0 - self.min_tpr,
            temperature=self.temperature,
            tau_scale=self.tau_scale,
            basis="fpr",
            link=self.link,
        )
        return other

    def hold(self, rows: Rows) -> Band:
        """Find the lowest positives at the rows' scores."""
        return self._other_side.hold(_other_side_of(rows))

    def value(self, rows: Rows, held: Band) -> float:
        """Return the mean loss of the pairs."""
        return self._other_side.value(_other_side_of(rows), held)

    def derivatives(self, rows: Rows, held: Band) -> Derivatives:
        """Return gradient and hessian of the negatives and the lowest positives."""
        found = self._other_side.derivatives(_other_side_of(rows), held)
        return found._replace(gradient=-found.gradient)

    @classmethod
    def examples(cls) -> Iterator[tuple[Loss[Any], Rows]]:
        """Yield both links, with and without weights."""
        loss = cls()
        yield loss, example_rows(loss)
        yield loss, example_rows(loss, weighted=True, seed=1)
        sharp = cls(min_tpr=0.7, temperature=0.5, tau_scale="iqr", link="sigmoid")
        yield sharp, example_rows(sharp, seed=2)


def _other_side_of(rows: Rows) -> Rows:
    """Return the rows with classes exchanged and scores negated.

    What a positive is worth becomes its weight, so that the band holds a share of the worth.
    Sums are known, also those over workers.
    """
    other = object.__new__(Rows)
    mask = rows.columns.get("iid_mask")
    other.__dict__.update(
        target=~rows.target,
        raw=-rows.raw,
        weight=rows.worth,
        columns={} if mask is None else {"iid_mask": mask},
        workers=rows.workers,
        dtype=rows.dtype,
        total_weight=rows.total_weight,
        positive_weight=rows.negative_weight,
        negative_weight=rows.positive_weight,
        total_value=rows.negative_weight,
        worth=rows.worth,
    )
    return other
