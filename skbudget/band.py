"""The FPR band: which negatives compete for the review budget.

This module is the only definition of the band in the package. The losses in
NumPy use it as it is, and a test holds the torch losses to its numbers.

For ``M`` reference rows (the negatives for ``basis="fpr"``, all rows for
``basis="population"``), sorted by decreasing score,

- ``t_beta`` is the score at rank ``ceil(beta * M)``,
- ``t_alpha`` is the score at rank ``floor(alpha * M) + 1``, so that ``alpha=0``
  is the top reference score, exactly,

and the band holds the negatives with ``t_beta <= score <= t_alpha``. At
``alpha=0`` it has no upper end. Without ties these are
``ceil(beta * M) - floor(alpha * M)`` rows. A weight repeats a row: ranks become
cumulative weights.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._utils.collective import Collective, find_levels, sum_over
from ._utils.ranges import scaled
from ._utils.validation import (
    BASES,
    check_band,
    check_budget,
    check_mask,
    check_option,
    check_positive,
    check_scores,
    check_weights,
)

__all__ = ["Band", "Basis", "TauScale", "default_beta", "fpr_band"]

Basis = Literal["fpr", "population"]
TauScale = Literal["iqr", "band"] | None

TAU_SCALES = ("iqr", "band", None)

# Products such as 0.07 * 100 land a hair off the integer they mean.
ROUNDING = 1e-9
# So do sums of weights. This tolerance is a share of all weight, whatever its unit.
WEIGHT_ROUNDING = 1e-12

# With fewer rows than this, guessing the lower edge saves no time.
_GUESS_FROM = 50_000
_GUESS_SAMPLE = 8_192
# Rows that the search for an extreme score takes at once.
_BLOCK = 1_024

# A training band holds at least this many negatives for each positive.
_NEGATIVES_PER_POSITIVE = 1.5
# Up to here products with a weight are in the range of a float.
_MOST_WEIGHT = 1e150


@dataclass(frozen=True)
class Band:
    """Edges, members and dispersion of an FPR band; derivatives hold them constant.

    Attributes
    ----------
    t_alpha, t_beta : float
        Upper and lower score edge, ``t_alpha >= t_beta``. NaN where the
        reference is empty.
    total_weight : float
        Sum of the members' weights (their number when unweighted).
    dispersion : float
        Spread of the reference negatives in score units: their interquartile
        range (``tau_scale="iqr"``; ranks 25 % and 75 %, not interpolated), the
        width of the band (``"band"``) or 1.0 (``None``). It is 0.0 where the
        scores have collapsed to one value.
    unit : float
        Score units in one unit of temperature: the dispersion, or 1.0 where
        the dispersion is 0.

    See Also
    --------
    fpr_band : Finds it.
    """

    t_alpha: float
    t_beta: float
    total_weight: float
    dispersion: float
    unit: float = field(repr=False)
    # The members: row indices, or for a band of a good part of all rows a mask over them.
    rows: NDArray[Any] = field(repr=False)

    @cached_property
    def members(self) -> NDArray[np.intp]:
        """Row indices of the negatives inside the band, in increasing order."""
        return np.flatnonzero(self.rows) if self.rows.dtype == bool else self.rows

    @cached_property
    def count(self) -> int:
        """Number of negatives inside the band."""
        return int(np.count_nonzero(self.rows) if self.rows.dtype == bool else self.rows.size)

    @property
    def is_empty(self) -> bool:
        """Whether no weight lies inside the band."""
        return not self.total_weight > 0

    def temperature(self, multiplier: float) -> float:
        """Return ``multiplier`` in score units.

        A collapsed dispersion (constant scores, as before the first tree) is
        no scale. Then the multiplier itself is taken in score units.
        """
        return multiplier * self.unit


def fpr_band(
    scores: ArrayLike,
    negatives: ArrayLike,
    *,
    alpha: float = 0.0,
    beta: float = 0.005,
    basis: Basis = "fpr",
    sample_weight: ArrayLike | None = None,
    iid_mask: ArrayLike | None = None,
    tau_scale: TauScale = None,
) -> Band:
    """Find the negatives whose scores lie in an FPR band.

    Takes O(n) time: edges are selected, nothing is sorted.

    Parameters
    ----------
    scores : array-like of shape (n_samples,)
        Raw scores; higher means more positive.
    negatives : array-like of shape (n_samples,), dtype=bool
        Which rows are negatives.
    alpha, beta : float, default=0.0, 0.005
        Ends of the band as fractions, ``0 <= alpha < beta <= 1``.
    basis : {"fpr", "population"}, default="fpr"
        What the fractions are fractions of: the negatives, or all rows.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights; a weight of 2 is the row twice. Rows of weight 0 are ignored.
    iid_mask : array-like of shape (n_samples,), dtype=bool, default=None
        Rows that are drawn as in deployment. Only they set the edges and the
        dispersion, so that adding mined hard negatives moves neither. The band
        itself holds every negative between the edges.
    tau_scale : {"iqr", "band"} or None, default=None
        Which dispersion to report.

    Returns
    -------
    band : Band
        The band. It is empty (no members, weight 0) if there is no reference
        row or, with ``basis="population"``, no negative between the edges.

    Raises
    ------
    ValueError
        If an argument is out of range or the lengths differ.

    See Also
    --------
    default_beta : The upper end of the band that a budget is trained with.

    Examples
    --------
    >>> import numpy as np
    >>> from skbudget.band import fpr_band
    >>> scores = np.arange(10.0)
    >>> band = fpr_band(scores, np.ones(10, dtype=bool), alpha=0.0, beta=0.3)
    >>> band.t_alpha, band.t_beta, band.members
    (9.0, 7.0, array([7, 8, 9]))
    """
    alpha, beta = check_band(alpha, beta, "fpr_band")
    check_option(basis, "basis", BASES, "fpr_band")
    check_option(tau_scale, "tau_scale", TAU_SCALES, "fpr_band")
    scores = check_scores(scores, "scores")
    negatives = check_mask(negatives, "negatives", scores.size)
    if iid_mask is not None:
        iid_mask = check_mask(iid_mask, "iid_mask", scores.size)
    weight, exponent = check_weights(sample_weight, scores.size), 0
    if weight is not None and weight.max(initial=0.0) < 1.0:
        weight, exponent = scaled(weight)
    band = find_band(
        scores,
        negatives,
        alpha=alpha,
        beta=beta,
        basis=basis,
        weight=weight,
        iid_mask=iid_mask,
        tau_scale=tau_scale,
    )
    if not np.isfinite(band.dispersion):
        raise ValueError("The scores spread over more than a float holds: divide them by a number.")
    if exponent:
        band = replace(band, total_weight=math.ldexp(band.total_weight, exponent))
    return band


def default_beta(
    budget: float,
    positive_weight: float,
    negative_weight: float,
    basis: Basis = "fpr",
    *,
    widening: float = 3.0,
) -> float:
    """Return the upper end of the training band for a review budget.

    A model that is trained for a budget should see a band that is wider than
    the budget, for two reasons:

    - Trees separate the rows that they are fitted to, so that fewer training
      negatives than ``budget`` of them end up where unseen ones will. A band
      that is three budgets wide leaves room for it. A network fits its rows
      less closely, so that `PAUCClassifier` takes the budget as it is
      (``widening=1``).
    - With fewer band negatives than positives the fit chases single rows. So
      there are at least 1.5 negatives for each positive in the band, which keeps
      the contrast estimated from both sides. Where positives are common, this
      widens the band towards the whole AUC.

    ``basis="fpr"`` gives ``max(widening * budget, 1.5 * positives / negatives)``, at
    most 1. With ``basis="population"`` the band counts rows, and all positives may
    be at its top. The same number of negatives is asked for below them.

    Parameters
    ----------
    budget : float
        Review budget, a fraction in (0, 1].
    positive_weight, negative_weight : float
        Weight (number) of the positives and of the negatives.
    basis : {"fpr", "population"}, default="fpr"
        What the band's ends are fractions of.
    widening : float, default=3.0
        How many budgets wide the band is, where positives are rare.

    Returns
    -------
    beta : float

    Raises
    ------
    ValueError
        If the budget is no fraction, if there is no negative, or if another parameter is out of
        its range.

    See Also
    --------
    skbudget.band.fpr_band : Finds the negatives in a band.
    skbudget.boosting.PAUCObjective : Takes this band where no end is given.

    Examples
    --------
    >>> from skbudget.band import default_beta
    >>> default_beta(0.005, positive_weight=150, negative_weight=99_850)
    0.015
    >>> default_beta(0.005, positive_weight=100, negative_weight=1_000)
    0.15
    >>> default_beta(0.005, positive_weight=150, negative_weight=99_850, widening=1.0)
    0.005
    """
    # Called in every round of boosting: a budget in range costs no call.
    if not (
        isinstance(budget, int | float)
        and budget is not True
        and 0.0 < budget <= 1.0
        and isinstance(positive_weight, int | float)
        and positive_weight is not True
        and positive_weight is not False
        and 0.0 <= positive_weight <= _MOST_WEIGHT
        and isinstance(negative_weight, int | float)
        and negative_weight is not True
        and 0.0 < negative_weight <= _MOST_WEIGHT
        and isinstance(basis, str)
        and basis in BASES
        and isinstance(widening, int | float)
        and widening is not True
        and 0.0 < widening <= _MOST_WEIGHT
    ):
        owner = "default_beta"
        budget = check_budget(budget, owner)
        positive_weight = check_positive(positive_weight, "positive_weight", owner, minimum=0)
        negative_weight = check_positive(negative_weight, "negative_weight", owner)
        check_option(basis, "basis", BASES, owner)
        widening = check_positive(widening, "widening", owner)
    wanted = max(widening * budget * negative_weight, _NEGATIVES_PER_POSITIVE * positive_weight)
    if basis == "fpr":
        return min(1.0, wanted / negative_weight)
    return min(1.0, (positive_weight + wanted) / (positive_weight + negative_weight))


def find_band(
    scores: NDArray,
    negatives: NDArray[np.bool_],
    *,
    alpha: float,
    beta: float,
    basis: Basis,
    weight: NDArray | None,
    iid_mask: NDArray[np.bool_] | None,
    tau_scale: TauScale,
    collective: Collective | None = None,
) -> Band:
    """Do the work of `fpr_band` on checked arguments.

    With a ``collective`` the rows are one worker's, and so are the members. Edges,
    weight and dispersion are those of the rows of all workers.
    """
    if weight is not None:
        # Ranks are sums of weights, and float32 ones (as boosters hold) would lose them.
        weight = weight.astype(np.float64, copy=False)
        negatives = negatives & (weight > 0)
    eligible = negatives
    if basis == "population" or iid_mask is not None:
        eligible = _reference(negatives, basis, weight, iid_mask)
    rows: NDArray[np.intp] | None = None
    if alpha == 0.0 and beta == 1.0:
        edges = _ends(scores, eligible, collective)
    elif collective is None:
        edges, rows = _edges(scores, eligible, alpha, beta, weight)
    else:
        edges = _common_edges(scores, eligible, alpha, beta, weight, collective)
    if edges is None:
        return Band(np.nan, np.nan, 0.0, 0.0, 1.0, np.empty(0, dtype=np.intp))
    t_alpha, t_beta = edges
    # `rows` holds every row at or above t_beta: no second pass over all of them.
    candidates = scores if rows is None else scores[rows]
    inside = candidates >= t_beta
    if alpha > 0:
        inside &= candidates <= t_alpha
    inside &= negatives if rows is None else negatives[rows]
    members: NDArray[Any] = inside if rows is None else rows[inside]
    if weight is not None:
        total = float(weight[members].sum())
    else:
        total = float(np.count_nonzero(members) if members.dtype == bool else members.size)
    if collective is not None:
        (total,) = sum_over(collective, total)
    dispersion = 1.0
    if tau_scale == "band":
        dispersion = t_alpha - t_beta
    elif tau_scale == "iqr":
        reference = _reference(negatives, "fpr", weight, iid_mask)
        dispersion = _iqr(scores, reference, weight, collective)
    unit = dispersion if dispersion > 0 else 1.0
    return Band(t_alpha, t_beta, total, dispersion, unit, members)


def knot_thresholds(
    scores: NDArray,
    negatives: NDArray[np.bool_],
    fractions: NDArray,
    *,
    basis: Basis,
    weight: NDArray | None,
    iid_mask: NDArray[np.bool_] | None,
    collective: Collective | None = None,
) -> NDArray[np.float64]:
    """Return the scores that a fraction of the reference reaches, one per fraction.

    Rank ``max(1, ceil(f * M))``: the thresholds of the trapezoid's inner knots.
    """
    if weight is not None:
        negatives = negatives & (weight > 0)
    reference = _reference(negatives, basis, weight, iid_mask)
    return _scores_at(scores, reference, fractions, weight, collective)


def _scores_at(
    scores: NDArray,
    eligible: NDArray[np.bool_],
    fractions: NDArray,
    weight: NDArray | None,
    collective: Collective | None,
) -> NDArray[np.float64]:
    if collective is not None:
        return _common_scores_at(scores, eligible, fractions, weight, collective)
    reference = scores[eligible]
    if reference.size == 0:
        return np.full(len(fractions), np.nan)
    if weight is None:
        positions = [reference.size - last_rank(f, reference.size) for f in fractions]
        return np.partition(reference, positions)[positions].astype(float)
    w = weight[eligible].astype(np.float64, copy=False)
    total = w.sum()
    return np.array([_weighted_score_at(reference, w, f * total, last=True) for f in fractions])


def _reference(
    negatives: NDArray[np.bool_],
    basis: Basis,
    weight: NDArray | None,
    iid_mask: NDArray[np.bool_] | None,
) -> NDArray[np.bool_]:
    if basis == "fpr":
        return negatives if iid_mask is None else negatives & iid_mask
    reference = np.ones(negatives.size, dtype=bool) if weight is None else weight > 0
    return reference if iid_mask is None else reference & iid_mask


def last_rank(beta: float, size: int) -> int:
    """Return the rank, from 1 at the top, of the lower edge among ``size`` rows."""
    return min(size, max(1, int(np.ceil(beta * size - ROUNDING))))


def first_rank(alpha: float, size: int) -> int:
    """Return the rank, from 1 at the top, of the upper edge among ``size`` rows."""
    return min(size, int(np.floor(alpha * size + ROUNDING)) + 1)


def _ends(
    scores: NDArray, eligible: NDArray[np.bool_], collective: Collective | None
) -> tuple[float, float] | None:
    """Return the greatest and the least reference score: the edges of the whole curve."""
    # A reduction over a mask takes several times as long as one over all rows. So blocks of
    # rows are reduced without the mask, and gone through from the most promising one on, until
    # none is left that could change the answer.
    whole = scores.size // _BLOCK * _BLOCK
    blocks = scores[:whole].reshape(-1, _BLOCK)
    found = []
    for extreme, of_none in ((np.maximum, -np.inf), (np.minimum, np.inf)):
        best = extreme.reduce(scores[whole:], where=eligible[whole:], initial=of_none)
        of_blocks = extreme.reduce(blocks, axis=1)
        order = np.argsort(of_blocks)
        for block in order if extreme is np.minimum else order[::-1]:
            if extreme(of_blocks[block], best) == best:
                break
            inside = eligible[block * _BLOCK : (block + 1) * _BLOCK]
            best = extreme.reduce(blocks[block], where=inside, initial=best)
        found.append(float(best))
    top, bottom = found
    if collective is not None:
        top, minus_bottom = collective.max(np.array([top, -bottom], dtype=np.float64))
        bottom = -minus_bottom
    return None if top == -np.inf else (float(top), float(bottom))


def _edges(
    scores: NDArray,
    eligible: NDArray[np.bool_],
    alpha: float,
    beta: float,
    weight: NDArray | None,
) -> tuple[tuple[float, float] | None, NDArray[np.intp] | None]:
    """Return ``(t_alpha, t_beta)`` and, if known, all rows that reach ``t_beta``."""
    size = int(np.count_nonzero(eligible))
    if size == 0:
        return None, None
    if weight is not None:
        reference, w = scores[eligible], weight[eligible]
        total = w.sum()
        t_alpha = _weighted_score_at(reference, w, alpha * total, last=False)
        return (t_alpha, _weighted_score_at(reference, w, beta * total, last=True)), None

    first = first_rank(alpha, size) if alpha > 0 else 1
    last = last_rank(beta, size)
    rows = _rows_near_top(scores, eligible, last)
    reference = scores[eligible] if rows is None else scores[rows[eligible[rows]]]
    edges = []
    for rank in (first, last):
        if rank == 1:
            edge = reference.max()
        elif rank == reference.size:
            edge = reference.min()
        else:
            position = reference.size - rank
            edge = np.partition(reference, position)[position]
        edges.append(float(edge))
    return (edges[0], edges[1]), rows


def _rows_near_top(
    scores: NDArray, eligible: NDArray[np.bool_], rank: int
) -> NDArray[np.intp] | None:
    """Return a small set of rows that holds all rows down to an eligible ``rank``.

    A threshold is guessed from a sample and then verified by counting, so that the
    answer never depends on the guess. None says that the guess was no use.
    """
    n = scores.size
    share = rank / n
    if n < _GUESS_FROM or share > 0.2:
        return None
    sample = np.sort(scores[:: n // _GUESS_SAMPLE])
    # Four standard deviations of the sampled count, and some for the positives.
    expected = share * sample.size
    keep = min(sample.size, int(expected + 4.0 * np.sqrt(expected) + 0.005 * sample.size) + 2)
    rows = np.flatnonzero(scores >= sample[-keep])
    if rows.size > n // 2 or np.count_nonzero(eligible[rows]) < rank:
        return None
    return rows


def _weighted_score_at(reference: NDArray, weight: NDArray, mass: float, *, last: bool) -> float:
    """Return the score where the weight counted from the top reaches ``mass``.

    With ``last`` this is the first score at which the weight is at least ``mass`` (the
    lower edge), otherwise the first at which the weight exceeds it (the upper edge). The
    candidates are halved at their median, so this takes O(n) time.
    """
    slack = WEIGHT_ROUNDING * weight.sum()
    while reference.size > 1:
        pivot = np.partition(reference, reference.size // 2)[reference.size // 2]
        above = reference > pivot
        mass_above = weight[above].sum()
        if above.any() and (mass_above >= mass - slack if last else mass_above > mass + slack):
            reference, weight = reference[above], weight[above]
            continue
        equal = reference == pivot
        mass_reached = mass_above + weight[equal].sum()
        below = ~(above | equal)
        reached = mass_reached >= mass - slack if last else mass_reached > mass + slack
        if reached or not below.any():
            return float(pivot)
        mass -= mass_reached
        reference, weight = reference[below], weight[below]
    return float(reference[0])


def _iqr(
    scores: NDArray,
    eligible: NDArray[np.bool_],
    weight: NDArray | None,
    collective: Collective | None,
) -> float:
    upper, lower = _scores_at(scores, eligible, np.array([0.25, 0.75]), weight, collective)
    return float(upper) - float(lower) if upper > lower else 0.0


# --- rows that are spread over workers ----------------------------------------------


def _common_reference(
    scores: NDArray, eligible: NDArray[np.bool_], weight: NDArray | None, collective: Collective
) -> tuple[NDArray, NDArray | None, float]:
    """Return this worker's reference rows, their weights, and the weight of all workers'."""
    reference = scores[eligible]
    of_reference = None if weight is None else weight[eligible].astype(np.float64, copy=False)
    (total,) = sum_over(
        collective, float(reference.size if of_reference is None else of_reference.sum())
    )
    return reference, of_reference, total


def _common_edges(
    scores: NDArray,
    eligible: NDArray[np.bool_],
    alpha: float,
    beta: float,
    weight: NDArray | None,
    collective: Collective,
) -> tuple[float, float] | None:
    """Return ``(t_alpha, t_beta)`` of the rows of all workers."""
    reference, w, total = _common_reference(scores, eligible, weight, collective)
    if not total > 0:
        return None
    if w is None:
        ranks = [first_rank(alpha, int(total)), last_rank(beta, int(total))]
        t_alpha, t_beta = find_levels(collective, reference, None, ranks, exceed=False)
    else:
        slack = WEIGHT_ROUNDING * total
        (t_alpha,) = find_levels(collective, reference, w, [alpha * total + slack], exceed=True)
        (t_beta,) = find_levels(collective, reference, w, [beta * total - slack], exceed=False)
    return t_alpha.score, t_beta.score


def _common_scores_at(
    scores: NDArray,
    eligible: NDArray[np.bool_],
    fractions: NDArray,
    weight: NDArray | None,
    collective: Collective,
) -> NDArray[np.float64]:
    reference, w, total = _common_reference(scores, eligible, weight, collective)
    if not total > 0:
        return np.full(len(fractions), np.nan)
    if w is None:
        masses = [float(last_rank(fraction, int(total))) for fraction in fractions]
    else:
        masses = [fraction * total - WEIGHT_ROUNDING * total for fraction in fractions]
    levels = find_levels(collective, reference, w, masses, exceed=False)
    return np.array([level.score for level in levels])
