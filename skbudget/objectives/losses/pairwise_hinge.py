"""The hinge of the pairs of each list."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ..._utils.validation import check_option, check_positive
from .._loss import Loss
from .._rows import Rows
from ._lists import LeafSums, Side, hinge_sums
from ._pair_lists import PairListLoss

__all__ = ["PairwiseHinge"]

HingeLink = Literal["squared_hinge", "hinge"]
LINKS = ("squared_hinge", "hinge")
_MOST_MARGIN = 1e6


@dataclass(frozen=True)
class PairwiseHinge(PairListLoss):
    r"""The hinge of all pairs of a list in which one row is preferred to the other.

    For rows :math:`i` and :math:`j` of one list, of which :math:`i` has the greater grade,

    .. math:: \ell_{ij} = \max(0, m - (s_i - s_j))^p

    with :math:`p = 2` for ``link="squared_hinge"`` and :math:`p = 1` for ``link="hinge"``,
    which is the margin ranking loss. The loss is the mean :math:`\ell` of a list, and the mean
    over the lists, each times the weight of the rows that are preferred to another of its
    rows. A list is a query, or the whole table where rows have no column ``group``. The
    gradient of a pair is :math:`-p \max(0, m - (s_i - s_j))^{p - 1}` by :math:`s_i`. The
    hessian of the squared hinge is the diagonal of the exact one: twice the weight of the
    pairs that are less than the margin apart.

    Parameters
    ----------
    margin : float, default=1.0
        Margin :math:`m` in units of raw score, in [0, 1e6].
    link : {"squared_hinge", "hinge"}, default="squared_hinge"
        Loss of a pair. The plain hinge has no curvature and is for networks only.
    graded : bool, default=False
        Whether the target grades the rows: real numbers from 0 on, up to 32 different ones.

    See Also
    --------
    RankNet : The logistic loss of the same pairs, and how observed preferences are passed.
    PairwisePAUC : The pairs at the top of one table.

    Notes
    -----
    Pairs that are a margin apart pull no more. No pair of a large list is formed: rows are
    sorted once for each grade.

    Examples
    --------
    >>> from skbudget.objectives import PairwiseHinge
    >>> loss = PairwiseHinge(margin=1.0)
    >>> y, scores = [0, 0, 1, 1], [0.0, 1.0, 0.5, 3.0]
    >>> loss.loss(y, scores)
    0.625
    >>> loss.gradient(y, scores)
    array([ 0.25,  0.75, -1.  ,  0.  ])
    """

    margin: float = 1.0
    link: HingeLink = "squared_hinge"
    graded: bool = False

    def __post_init__(self) -> None:
        owner = type(self).__name__
        check_positive(self.margin, "margin", owner, minimum=0, maximum=_MOST_MARGIN)
        check_option(self.link, "link", LINKS, owner)
        check_option(self.graded, "graded", (True, False), owner)
        self._declare()
        if self.link == "hinge":
            self.__dict__["networks_only"] = (
                "PairwiseHinge(link='hinge') has no curvature. Take link='squared_hinge', or a "
                "network, PAUCClassifier."
            )

    @classmethod
    def examples(cls) -> Iterator[tuple[Loss[Any], Rows]]:
        """Yield losses on scores of which no two are a margin apart."""
        losses = cls(0.9), cls(1.1, graded=True), cls(0.9, "hinge")
        for loss, rows in cls._examples(*losses):
            order = np.argsort(np.argsort(rows.raw, kind="stable"), kind="stable")
            yield loss, rows.replace(raw=0.25 * order.astype(float))

    def _of_pairs(self, high: Side, low: Side, n_lists: int) -> tuple[LeafSums, LeafSums]:
        return hinge_sums(high, low, n_lists, float(self.margin), 1 if self.link == "hinge" else 2)
