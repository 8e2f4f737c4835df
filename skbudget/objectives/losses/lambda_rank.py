"""LambdaRank: pairs of each list, by what their swap does to the NDCG."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from ..._utils.validation import check_option, check_positive, check_temperature
from ...kernels._sorted import _near_pairs
from .._loss import Derivatives, Loss
from .._rows import Rows
from ._dcg import (
    GAINS,
    Gain,
    cumulated_discount,
    cumulated_moment,
    gains_of,
    ideal_gain,
)
from ._lists import ListLoss, Lists, OfQueries, grades_of, lists_of, weight_of, with_order

__all__ = ["MOST_ROWS", "LambdaRank"]

MOST_ROWS = 10_000
"""Rows of a list at most, as in LightGBM."""

# LightGBM has gains of the grades up to this one.
_MOST_LIBRARY_GRADE = 30


class _Order(NamedTuple):
    """The order of the rows that count, list by list from the top, as it is held.

    Attributes
    ----------
    rows : ndarray of shape (n_rows,)
        Row indices by list and place.
    partners : ndarray of shape (n_rows,)
        Where the rows end that a row has pairs with, which are those after it.
    block : ndarray of shape (n_rows,)
        Number of the rows that share a score.
    place : ndarray of shape (n_rows,)
        Discount of the row, the mean over the places that its score has.
    within : ndarray of shape (n_rows,)
        Mean difference of the discounts of two places that its score has.
    gain : ndarray of shape (n_rows,)
        Gain over the greatest discounted gain of the list.
    weight : ndarray of shape (n_rows,)
    n_lists : int
        Number of the lists that count.
    """

    rows: NDArray[np.intp]
    partners: NDArray[np.intp]
    block: NDArray[np.intp]
    place: NDArray[np.float64]
    within: NDArray[np.float64]
    gain: NDArray[np.float64]
    weight: NDArray[np.float64]
    n_lists: int


@dataclass(frozen=True)
class LambdaRank(ListLoss, OfQueries):
    r"""The logistic loss of the pairs of each list, weighed by what a swap does to the NDCG.

    With gains :math:`g`, places :math:`r` by the current scores, the discount
    :math:`d(r) = 1 / \log_2(1 + r)` up to place ``k`` and 0 beyond it, and the greatest sum
    :math:`I_q` of a list,

    .. math::
        L = \frac{1}{Q} \sum_q \sum_{i, j \in q: y_i > y_j} w_i w_j \Delta_{ij}
            \log\left(1 + e^{-(s_i - s_j) / T}\right), \qquad
        \Delta_{ij} = \frac{(g_i - g_j) \, |d(r_i) - d(r_j)|}{I_q}

    with :math:`\Delta` held constant. A list is a query, or the whole table where rows have no
    column ``group``. That is a loss whose gradient is LambdaRank's, without a hook in the
    backward pass [1]_: that of a pair is :math:`-\Delta_{ij} \sigma(-x) / T` by :math:`s_i`,
    with :math:`x = (s_i - s_j) / T`. The hessian is the diagonal of the exact one given the
    places, sums of :math:`\Delta_{ij} \sigma'(x) / T^2`.

    Rows of one score share their places in expectation: a row has the mean of their discounts,
    and a pair of such rows the mean difference of two of them. So the order of the rows does
    not matter, and there is something to learn from a constant score.

    Parameters
    ----------
    k : int or None, default=None
        Places that count, as in NDCG@k. None for all; for the own objectives of the boosters,
        for as many as they count by default (30 in LightGBM, 32 in XGBoost).
    temperature : float, default=1.0
        Temperature :math:`T`, in units of raw score.
    gain : {"exponential", "linear"}, default="exponential"
        Gain of a grade: ``2**grade - 1``, or the grade. The same for two labels.
    graded : bool, default=False
        Whether the target grades the rows: real numbers from 0 on, where 0 is not relevant.

    See Also
    --------
    RankNet : All pairs alike.
    ApproxNDCG : A smoothed NDCG, in linear time.
    PairwisePAUC : The top of one table.

    Notes
    -----
    Lists may have up to 10 000 rows, as in LightGBM: pairs are formed, as many as there are
    rows times places. A list whose rows all have the same grade is left out; the others count
    alike. A weight repeats a row.

    The boosters' classifiers train the objective of the booster itself, LightGBM's
    ``"lambdarank"`` and XGBoost's ``"rank:ndcg"``, told the queries by ``fit(..., group=...)``
    in any order. These divide the gradient by more: by the difference of the scores, and by the
    logarithm of the sum over a query. Without these options of theirs it is the gradient here
    times the number of lists. The loss here is trained where they cannot be: beside a
    regulariser or a schedule, for grades that are no whole numbers up to 30, in XGBoost for
    weights or another temperature, and by `BoosterObjective
    <skbudget.boosting.BoosterObjective>` and networks.

    The budget of a table is no list of a query. With coverage at a budget in place of the NDCG,
    pairs across the cut count alike and others not at all. In a trial on contested tops that
    covered 0.70, where plain cross-entropy had 0.72 and the partial AUC 0.75.

    References
    ----------
    .. [1] C. Burges (2010). From RankNet to LambdaRank to LambdaMART: An Overview. Microsoft
       Research Technical Report MSR-TR-2010-82.

    Examples
    --------
    >>> from skbudget.objectives import LambdaRank
    >>> y, scores = [0, 0, 1, 0], [3.0, 2.0, 1.0, 0.0]
    >>> LambdaRank().gradient(y, scores).round(3)
    array([ 0.44 ,  0.096, -0.555,  0.019])
    >>> LambdaRank(k=1).gradient(y, scores).round(3)
    array([ 0.881,  0.   , -0.881,  0.   ])
    """

    k: int | None = None
    temperature: float = 1.0
    gain: Gain = "exponential"
    graded: bool = False

    reads: ClassVar[frozenset[str]] = frozenset({"group"})
    library: ClassVar[Mapping[str, str]] = {
        "lightgbm": "lambdarank",
        "xgboost": "rank:ndcg",
        "catboost": "LambdaMart",
    }

    def __post_init__(self) -> None:
        owner = type(self).__name__
        if self.k is not None:
            check_positive(self.k, "k", owner, integer=True, minimum=1)
        check_temperature(self.temperature, owner)
        check_option(self.gain, "gain", GAINS, owner)
        check_option(self.graded, "graded", (True, False), owner)
        self._declare()

    def library_params(self, library: str) -> dict[str, Any]:
        """Return the parameters of the booster's own objective."""
        params = super().library_params(library)
        if library == "lightgbm":
            if self.k is not None:
                params["lambdarank_truncation_level"] = int(self.k)
            if self.temperature != 1.0:
                params["sigmoid"] = 1.0 / float(self.temperature)
            if self.gain == "linear":
                params["label_gain"] = list(range(_MOST_LIBRARY_GRADE + 1))
        elif library == "xgboost":
            if self.k is not None:
                params["lambdarank_pair_method"] = "topk"
                params["lambdarank_num_pair_per_sample"] = int(self.k)
            if self.gain == "linear":
                params["ndcg_exp_gain"] = False
        return params

    def _library_takes(self, library: str, rows: Rows) -> bool:
        """Tell whether the objective of a booster takes the grades and weights of the rows."""
        grade = grades_of(self, rows)
        if library == "xgboost" and (rows.weight is not None or self.temperature != 1.0):
            # It has a weight for each query.
            return False
        if library == "lightgbm":
            _check_sizes(lists_of(rows), np.ones(rows.n_samples), type(self).__name__)
        return not bool((grade > _MOST_LIBRARY_GRADE).any() or (grade % 1.0).any())

    def hold(self, rows: Rows) -> _Order | None:
        """Return the order of the rows, by which their pairs count; None without a list."""
        grade, weight, lists = grades_of(self, rows), weight_of(rows), lists_of(rows)
        counts = with_order(lists, grade, weight)
        _check_sizes(lists, weight, type(self).__name__)
        kept = np.flatnonzero((weight > 0) & lists.of_rows(counts))
        if not kept.size:
            return None
        gain = gains_of(self, grade, self.gain)
        ideal = ideal_gain(lists, gain, weight, self.k)
        code = np.zeros(kept.size, np.intp) if lists.code is None else lists.code[kept]
        raw = rows.raw[kept].astype(np.float64)
        order = np.lexsort((-raw, code))
        kept, code, raw = kept[order], code[order], raw[order]
        weight = weight[kept]
        starts = np.append(True, (code[1:] != code[:-1]) | (raw[1:] != raw[:-1]))
        block = np.cumsum(starts) - 1
        of_block = Lists(block, int(block[-1]) + 1).sum(weight)
        in_list = Lists(code, lists.n_lists).sum(weight)
        first = np.flatnonzero(starts)
        list_of_block = code[first]
        before = np.cumsum(of_block) - of_block - (np.cumsum(in_list) - in_list)[list_of_block]
        before = np.maximum(before, 0.0)
        after = before + of_block
        mean = (cumulated_discount(after, self.k) - cumulated_discount(before, self.k)) / of_block
        within = _differences(before, of_block, self.k)
        # Rows whose score is beyond the places that count have pairs with those before them.
        end = np.cumsum(np.bincount(code, minlength=lists.n_lists))[code]
        within_places = before[block] < (np.inf if self.k is None else self.k)
        partners = np.where(within_places, end, np.arange(1, kept.size + 1))
        return _Order(
            kept,
            partners,
            block,
            mean[block],
            within[block],
            gain[kept] / ideal[code],
            weight,
            int(np.count_nonzero(counts)),
        )

    def value(self, rows: Rows, held: _Order | None) -> float:
        """Return the loss of the pairs, a mean over the lists."""
        if held is None:
            return 0.0
        total = 0.0
        raw = rows.raw[held.rows].astype(np.float64)
        for high, low, swap in _pairs_of(held):
            x = (raw[high] - raw[low]) / float(self.temperature)
            total += float(swap @ np.logaddexp(0.0, -x))
        return total / held.n_lists

    def derivatives(self, rows: Rows, held: _Order | None) -> Derivatives:
        """Return gradient and hessian of all rows."""
        gradient, hessian = np.zeros(rows.n_samples), np.zeros(rows.n_samples)
        if held is None:
            return Derivatives(None, gradient, hessian, owned=True)
        tau, size = float(self.temperature), held.rows.size
        raw = rows.raw[held.rows].astype(np.float64)
        pull, curve = np.zeros(size), np.zeros(size)
        for high, low, swap in _pairs_of(held):
            p = expit((raw[low] - raw[high]) / tau)
            slope, bend = swap * p, swap * p * (1.0 - p)
            pull += np.bincount(low, slope, size) - np.bincount(high, slope, size)
            curve += np.bincount(low, bend, size) + np.bincount(high, bend, size)
        gradient[held.rows] = pull / (tau * held.n_lists)
        hessian[held.rows] = curve / (tau**2 * held.n_lists)
        return Derivatives(None, gradient, hessian, owned=True)

    @classmethod
    def examples(cls) -> Iterator[tuple[Loss[Any], Rows]]:
        """Yield losses of two labels and of grades, on one list and on several."""
        yield from cls._examples(cls(), cls(3, 0.5, graded=True), cls(500, 1.0, "linear"))


def _check_sizes(lists: Lists, weight: NDArray[np.float64], owner: str) -> None:
    """Raise if a list has more rows than pairs are formed of."""
    most = int(lists.sum(weight > 0).max(initial=0))
    if most > MOST_ROWS:
        raise ValueError(
            f"{owner} takes up to {MOST_ROWS} rows of a list, as LightGBM does, and a list has "
            f"{most}: pass group=, the query of each row, or take a loss of one table, such as "
            "pairwise_pauc, listwise_softmax or approx_ndcg."
        )


def _differences(
    before: NDArray[np.float64], size: NDArray[np.float64], k: int | None
) -> NDArray[np.float64]:
    """Return the mean difference of the discounts of two of the places of each block."""
    first, n = np.rint(before), np.rint(size)
    of_places = cumulated_discount(first + n, k) - cumulated_discount(first, k)
    of_numbers = cumulated_moment(first + n, k) - cumulated_moment(first, k)
    # Each place has a positive sign with the later ones, and a negative one with the earlier.
    total = (n - 1.0) * of_places - 2.0 * (of_numbers - (first + 1.0) * of_places)
    return np.divide(2.0 * total, n * (n - 1.0), out=np.zeros_like(n), where=n >= 2.0)


def _pairs_of(held: _Order) -> Iterator[tuple[NDArray[Any], NDArray[Any], NDArray[Any]]]:
    """Yield the pairs, the row of the greater gain first, and what their swap counts for."""
    size = held.rows.size
    for i, j in _near_pairs(np.arange(1, size + 1), held.partners):
        unequal = held.gain[i] != held.gain[j]
        i, j = i[unequal], j[unequal]
        apart = held.block[i] != held.block[j]
        differ = np.where(apart, np.abs(held.place[i] - held.place[j]), held.within[i])
        swap = differ * np.abs(held.gain[i] - held.gain[j]) * held.weight[i] * held.weight[j]
        first_is_high = held.gain[i] > held.gain[j]
        yield np.where(first_is_high, i, j), np.where(first_is_high, j, i), swap
