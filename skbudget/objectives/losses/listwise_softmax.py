"""Cross-entropy between the grades of a list and the softmax of its scores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..._utils.validation import check_option, check_temperature
from .._loss import Derivatives, Loss
from .._rows import Rows
from ._lists import ListLoss, Lists, grades_of, lists_of, weight_of, with_order, worth_of

__all__ = ["ListNet", "ListwiseSoftmax"]


class _Softmax(NamedTuple):
    """Rows of lists at their scores.

    Attributes
    ----------
    lists : Lists
    score : ndarray of shape (n_rows,)
        Score less the greatest of the list, in units of the temperature.
    gain : ndarray of shape (n_rows,)
        Grade times weight, 0 in lists that are left out.
    mass : ndarray of shape (n_lists,)
        Sum of the gains of each list.
    log_sum : ndarray of shape (n_lists,)
        Logarithm of the sum of the exponentials of each list.
    weight : ndarray of shape (n_rows,)
    """

    lists: Lists
    score: NDArray[np.float64]
    gain: NDArray[np.float64]
    mass: NDArray[np.float64]
    log_sum: NDArray[np.float64]
    weight: NDArray[np.float64]


@dataclass(frozen=True)
class ListwiseSoftmax(ListLoss):
    r"""Cross-entropy of the softmax over a list, in linear time.

    A list is a query, or the whole table where rows have no column ``group``. With grades
    :math:`y` (1 for positives and 0 for negatives), weights :math:`w`, and
    :math:`p_i = w_i e^{s_i / T} / \sum_k w_k e^{s_k / T}` over the rows of the own list,

    .. math::
        L = \frac{\sum_q \sum_{i \in q} w_i y_i \left(\log \sum_{k \in q} w_k e^{s_k / T}
            - s_i / T\right)}{\sum_i w_i y_i}

    For one list of two labels that is the logarithm of the sum less the mean of the positives.
    With :math:`Y_q` the sum of :math:`w_i y_i` over a list, the gradient is
    :math:`(Y_q p_i - w_i y_i) / T` over :math:`\sum_q Y_q`. The hessian is the diagonal of the
    exact one, :math:`Y_q p_i (1 - p_i) / T^2` over the same. The loss is convex.

    It is ListNet [1]_ with the target :math:`y / \sum y` in place of the softmax of :math:`y`.
    With rare positives that softmax is nearly uniform: of 10 000 rows 10 positives have 0.3 %
    of it.

    Parameters
    ----------
    temperature : float, default=1.0
        Temperature :math:`T`, in units of raw score.
    graded : bool, default=False
        Whether the target grades the rows: real numbers from 0 on, where 0 is not relevant.

    See Also
    --------
    ListNet : The same by its other name.
    ApproxNDCG : A smoothed NDCG of the list.
    PairwisePAUC : The top of one table by pairs, which did better there.

    Notes
    -----
    A list whose rows all have the same grade has no order to be found and is left out. A list
    counts by the sum of its grades. ``value`` counts in the mean over the positives.

    On one list it did not reach plain cross-entropy at the top of contested tables (a coverage
    of 0.71 where binary cross-entropy had 0.72 and the partial AUC 0.75). Its place is the slice
    of every query. LightGBM has a randomised relative, ``objective="rank_xendcg"``, for queries
    of up to 10 000 rows.

    References
    ----------
    .. [1] Z. Cao, T. Qin, T.-Y. Liu, M.-F. Tsai and H. Li (2007). Learning to Rank: From
       Pairwise Approach to Listwise Approach. ICML.

    Examples
    --------
    >>> from skbudget.objectives import ListwiseSoftmax
    >>> loss = ListwiseSoftmax()
    >>> round(loss.loss([0, 0, 1], [0.0, 1.0, 1.0]), 4)
    0.862
    >>> loss.gradient([0, 0, 1], [0.0, 1.0, 1.0]).round(3)
    array([ 0.155,  0.422, -0.578])

    A query with grades and one without an order:

    >>> graded = ListwiseSoftmax(graded=True)
    >>> graded.gradient([3, 1, 0, 2], [0.0] * 4, group=[0, 0, 0, 1]).round(3)
    array([-0.417,  0.083,  0.333,  0.   ])
    """

    temperature: float = 1.0
    graded: bool = False

    def __post_init__(self) -> None:
        owner = type(self).__name__
        check_temperature(self.temperature, owner)
        check_option(self.graded, "graded", (True, False), owner)
        self._declare()

    def value(self, rows: Rows, held: None = None) -> float:
        """Return the cross-entropy, a mean over what is relevant."""
        found = self._softmax(rows)
        total = float(found.mass.sum())
        if not total > 0:
            return 0.0
        return float(found.mass @ found.log_sum - found.gain @ found.score) / total

    def derivatives(self, rows: Rows, held: None = None) -> Derivatives:
        """Return gradient and hessian of all rows."""
        found = self._softmax(rows)
        total = float(found.mass.sum())
        if not total > 0:
            zeros = np.zeros(rows.n_samples)
            return Derivatives(None, zeros, zeros.copy(), owned=True)
        once = np.exp(found.score - found.lists.of_rows(found.log_sum))
        share = found.weight * once
        mass = found.lists.of_rows(found.mass)
        step = float(self.temperature)
        gradient = (mass * share - found.gain) / (total * step)
        # A row of weight two is two rows, each with a half of its share.
        left = np.maximum(1.0 - np.minimum(once, share), 0.0)
        return Derivatives(None, gradient, mass * share * left / (total * step**2), owned=True)

    @classmethod
    def examples(cls) -> Iterator[tuple[Loss[Any], Rows]]:
        """Yield losses of two labels and of grades, on one list and on several."""
        yield from cls._examples(cls(), cls(0.5, graded=True))

    def _softmax(self, rows: Rows) -> _Softmax:
        grade, weight, lists = grades_of(self, rows), weight_of(rows), lists_of(rows)
        gain = worth_of(rows) * grade
        counts = with_order(lists, grade, weight)
        gain = gain * lists.of_rows(counts)
        score = rows.raw.astype(np.float64) / float(self.temperature)
        top = lists.greatest(np.where(weight > 0, score, -np.inf))
        # Rows of no weight may be above those that count.
        score = np.minimum(score - lists.of_rows(np.where(counts, top, 0.0)), 0.0)
        total = lists.sum(weight * np.exp(score))
        log_sum = np.log(total, out=np.zeros_like(total), where=counts & (total > 0))
        return _Softmax(lists, score, gain, lists.sum(gain), log_sum, weight)


@dataclass(frozen=True)
class ListNet(ListwiseSoftmax):
    r"""ListNet with a target that works for rare positives: `ListwiseSoftmax` by another name.

    .. math::
        L = -\frac{\sum_q \sum_{i \in q} w_i y_i \log p_i}{\sum_i w_i y_i}

    with :math:`p` the softmax of the scores of a list, and the hessian as there.

    Parameters
    ----------
    temperature : float, default=1.0
        Temperature, in units of raw score.
    graded : bool, default=False
        Whether the target grades the rows: real numbers from 0 on, where 0 is not relevant.

    See Also
    --------
    ListwiseSoftmax : The formula, and what it is good for.

    Examples
    --------
    >>> from skbudget.objectives import ListNet
    >>> round(ListNet(graded=True).loss([2, 1, 0], [1.0, 0.0, -1.0]), 4)
    0.7409
    """
