"""`pair_sums`, and the choice of how the sums are found.

The ordinary way is a grid (see ``_grid``). Where the temperature is so small
that a grid would outgrow the data, or where no pair is close, the rows are
sorted instead (see ``_sorted``). Few pairs are simply formed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._utils.collective import Collective, gather, sum_over
from .._utils.ranges import scaled
from .._utils.validation import (
    check_option,
    check_positive,
    check_scores,
    check_weights,
    shape_of,
)
from ._grid import CELLS_PER_TEMPERATURE, LARGE_GRID, LOST, SMALL_GRID, sum_on_grid
from ._kernel import FUNCTIONS, KERNELS, SOFTPLUS_ROWS, Kernel, PairSums
from ._sorted import APART, sum_sorted

__all__ = ["pair_sums", "sum_pairs"]

Method = Literal["auto", "brute", "grid", "sorted"]
METHODS = ("auto", "brute", "grid", "sorted")

# Up to so many pairs are formed; "brute" forms this many at a time.
_BRUTE_PAIRS = 1 << 15
_BRUTE_CHUNK = 1 << 16


def pair_sums(
    positives: ArrayLike,
    negatives: ArrayLike,
    temperature: float = 1.0,
    *,
    weight_pos: ArrayLike | None = None,
    weight_neg: ArrayLike | None = None,
    kernels: Iterable[Kernel] = ("sigma", "dsigma"),
    method: Method = "auto",
) -> PairSums:
    """Sum the pair kernels over all positives and negatives.

    Parameters
    ----------
    positives : array-like of shape (n_pos,)
        Scores of the positives.
    negatives : array-like of shape (n_neg,)
        Scores of the negatives.
    temperature : float, default=1.0
        Scale of the kernels, in score units; must be positive.
    weight_pos : array-like of shape (n_pos,), default=None
        Weights of the positives.
    weight_neg : array-like of shape (n_neg,), default=None
        Weights of the negatives.
    kernels : iterable of {"sigma", "dsigma", "softplus"}
        Which kernels to sum.
    method : {"auto", "brute", "grid", "sorted"}, default="auto"
        How to sum. "brute" forms all pairs, in chunks, and is the reference.
        "grid" and "sorted" are the fast ways, for ordinary and for very small
        temperatures. "auto" takes the cheapest.

    Returns
    -------
    sums : PairSums
        The sums, accurate to 1e-6 of the largest sum or better. Without a
        positive or without a negative, all sums are zero.

    Raises
    ------
    ValueError
        If an argument is out of range or a score is not finite.

    See Also
    --------
    skbudget.objectives.PairwisePAUC : The loss that is made of these sums.

    Examples
    --------
    >>> from skbudget.kernels import pair_sums
    >>> sums = pair_sums([1.0, 3.0], [0.0, 2.0], temperature=0.01)
    >>> sums.sigma_pos.round(6), sums.sigma_total
    (array([1., 0.]), 1.0)
    """
    tau = check_positive(temperature, "temperature", "pair_sums")
    check_option(method, "method", METHODS, "pair_sums")
    if isinstance(kernels, str) or not np.iterable(kernels):
        raise TypeError(f"kernels must be a list of some of {list(KERNELS)}: got {kernels!r}.")
    wanted = frozenset(check_option(kernel, "kernels", KERNELS, "pair_sums") for kernel in kernels)
    if "softplus" in wanted:
        wanted |= SOFTPLUS_ROWS
    pos = _scores_or_empty(positives, "positives")
    neg = _scores_or_empty(negatives, "negatives")
    w_pos, of_pos = _weights(weight_pos, pos.size, "weight_pos")
    w_neg, of_neg = _weights(weight_neg, neg.size, "weight_neg")
    sums = sum_pairs(pos, neg, tau, w_pos, w_neg, wanted, method)
    if of_pos or of_neg:
        sums = _in_unit(sums, of_pos, of_neg)
    totals = [total for total in (sums.sigma_total, sums.softplus_total) if total is not None]
    if not np.isfinite(totals).all():
        raise ValueError(
            "The sums are too large for a float, and infinite: divide weight_pos and weight_neg, "
            "or the scores, by a constant."
        )
    return sums


def sum_pairs(
    pos: NDArray,
    neg: NDArray,
    tau: float,
    w_pos: NDArray | None,
    w_neg: NDArray | None,
    kernels: frozenset[Kernel],
    method: Method = "auto",
    collective: Collective | None = None,
) -> PairSums:
    """Do the work of `pair_sums` on checked arguments.

    With a ``collective`` the scores are one worker's. The row sums are those of its rows, over
    the partners on all workers; totals are those of all workers.
    """
    if collective is not None:
        return _sum_common_pairs(pos, neg, tau, w_pos, w_neg, kernels, collective)
    if pos.size == 0 or neg.size == 0:
        return _nothing(pos.size, neg.size, kernels)
    # Only differences matter; centred scores keep their digits after scaling.
    centre = float(pos[0])
    with np.errstate(over="ignore"):
        x_pos = (np.asarray(pos, dtype=np.float64) - centre) / tau
        x_neg = (np.asarray(neg, dtype=np.float64) - centre) / tau
    low_pos, high_neg = float(x_pos.min()), float(x_neg.max())
    low = min(low_pos, float(x_neg.min()))
    span = max(float(x_pos.max()), high_neg) - low
    rows = pos.size + neg.size
    cells = span * CELLS_PER_TEMPERATURE
    if not np.isfinite(cells):
        raise ValueError(
            "The scores of positives and negatives (pos and neg of a kernel, y_pred or preds of "
            "an objective) spread over more than a float holds at "
            f"temperature={tau!r}: the temperature must be larger."
        )
    if method == "auto":
        if pos.size * neg.size <= _BRUTE_PAIRS:
            method = "brute"
        elif cells <= max(SMALL_GRID, 4 * rows):
            method = "grid"
        else:
            method = "sorted"
    if method == "brute":
        return _brute(x_pos, x_neg, w_pos, w_neg, kernels)
    if method == "grid":
        if cells > max(LARGE_GRID, 4 * rows):
            raise ValueError(
                f"A grid of {cells:.3g} cells is too large; use method='sorted' or 'auto'."
            )
        if low_pos - high_neg <= APART:
            sums = sum_on_grid(x_pos - low, x_neg - low, w_pos, w_neg, kernels, span)
            # Far below, softplus is what dsigma is.
            of_rows = sums.softplus_pos if sums.dsigma_pos is None else sums.dsigma_pos
            if of_rows is None:
                return sums
            weight = float(neg.size if w_neg is None else w_neg.sum())
            if not of_rows.max() < LOST * weight:
                return sums
    return sum_sorted(x_pos, x_neg, w_pos, w_neg, kernels)


def _sum_common_pairs(
    pos: NDArray,
    neg: NDArray,
    tau: float,
    w_pos: NDArray | None,
    w_neg: NDArray | None,
    kernels: frozenset[Kernel],
    collective: Collective,
) -> PairSums:
    """Sum over the pairs of the rows of all workers.

    The histograms on the grid are added up. Where a grid will not do (tiny temperatures, or
    no pair close) the rows themselves are exchanged; these are the positives and the negatives
    of the band only.
    """

    def ends(scores: NDArray) -> list[float]:
        empty = scores.size == 0
        return [-np.inf, -np.inf] if empty else [float(scores.max()), -float(scores.min())]

    top_pos, bottom_pos, top_neg, bottom_neg = collective.max(np.array([*ends(pos), *ends(neg)]))
    if -np.inf in (top_pos, top_neg):
        return _nothing(pos.size, neg.size, kernels)
    low = -max(bottom_pos, bottom_neg)
    span = (max(top_pos, top_neg) - low) / tau
    n_pos, n_neg = sum_over(collective, pos.size, neg.size)
    cells = span * CELLS_PER_TEMPERATURE
    apart = (-bottom_pos - top_neg) / tau > APART
    if cells <= max(SMALL_GRID, 4 * (n_pos + n_neg)) and not apart:
        x_pos = (np.asarray(pos, dtype=np.float64) - low) / tau
        x_neg = (np.asarray(neg, dtype=np.float64) - low) / tau
        sums = sum_on_grid(x_pos, x_neg, w_pos, w_neg, kernels, span, collective=collective)
        of_rows = sums.softplus_pos if sums.dsigma_pos is None else sums.dsigma_pos
        if of_rows is None:
            return sums
        (largest,) = collective.max(np.array([of_rows.max(initial=0.0)]))
        (weight,) = sum_over(collective, float(neg.size if w_neg is None else w_neg.sum()))
        if not largest < LOST * weight:
            return sums
    parts = [pos, neg]
    if w_pos is not None and w_neg is not None:
        parts += [w_pos, w_neg]
    (all_pos, all_neg, *weights), mine = gather(collective, *parts)
    of_pos, of_neg = weights or (None, None)
    sums = sum_pairs(all_pos, all_neg, tau, of_pos, of_neg, kernels)

    def own(values: NDArray | None, rows: slice) -> NDArray | None:
        return None if values is None else values[rows]

    return PairSums(
        sigma_pos=own(sums.sigma_pos, mine[0]),
        sigma_neg=own(sums.sigma_neg, mine[1]),
        dsigma_pos=own(sums.dsigma_pos, mine[0]),
        dsigma_neg=own(sums.dsigma_neg, mine[1]),
        sigma_total=sums.sigma_total,
        softplus_total=sums.softplus_total,
        softplus_pos=own(sums.softplus_pos, mine[0]),
        softplus_neg=own(sums.softplus_neg, mine[1]),
    )


def _scores_or_empty(scores: ArrayLike, name: str) -> NDArray[np.float64]:
    return np.empty(0) if shape_of(scores, name) == (0,) else check_scores(scores, name)


def _weights(
    weights: ArrayLike | None, n_rows: int, name: str
) -> tuple[NDArray[np.float64] | None, int]:
    """Return weights in a unit in which their products are in range, and its power of two."""
    checked = check_weights(weights, n_rows, name) if n_rows else None
    return (None, 0) if checked is None else scaled(checked)


def _in_unit(sums: PairSums, of_pos: int, of_neg: int) -> PairSums:
    """Return sums whose weights were divided by powers of two as they are without that."""
    with np.errstate(over="ignore"):

        def times(values: Any, exponent: int) -> Any:
            if values is None:
                return None
            product = np.ldexp(np.ldexp(values, exponent // 2), exponent - exponent // 2)
            return product if np.ndim(values) else float(product)

        return PairSums(
            sigma_pos=times(sums.sigma_pos, of_neg),
            sigma_neg=times(sums.sigma_neg, of_pos),
            dsigma_pos=times(sums.dsigma_pos, of_neg),
            dsigma_neg=times(sums.dsigma_neg, of_pos),
            sigma_total=times(sums.sigma_total, of_pos + of_neg),
            softplus_total=times(sums.softplus_total, of_pos + of_neg),
            softplus_pos=times(sums.softplus_pos, of_neg),
            softplus_neg=times(sums.softplus_neg, of_pos),
        )


def _nothing(n_pos: int, n_neg: int, kernels: frozenset[Kernel]) -> PairSums:
    sums: dict = {}
    for kernel in _with_rows(kernels):
        sums[f"{kernel}_pos"], sums[f"{kernel}_neg"] = np.zeros(n_pos), np.zeros(n_neg)
    if "sigma" in kernels:
        sums["sigma_total"] = 0.0
    if "softplus" in kernels:
        sums["softplus_total"] = 0.0
    return PairSums(**sums)


def _with_rows(kernels: frozenset[Kernel]) -> frozenset[str]:
    """Return the kernels of which each row's sum is asked for."""
    total_only = {"softplus"} if "softplus_rows" not in kernels else set()
    return frozenset(kernels - {"softplus_rows"} - total_only)


def _brute(
    x_pos: NDArray,
    x_neg: NDArray,
    w_pos: NDArray | None,
    w_neg: NDArray | None,
    kernels: frozenset[Kernel],
) -> PairSums:
    """Form all pairs, in chunks."""
    sums: dict = {}
    with_rows = _with_rows(kernels)
    for kernel in with_rows:
        sums[f"{kernel}_pos"] = np.empty(x_pos.size)
        sums[f"{kernel}_neg"] = np.zeros(x_neg.size)
    if "softplus" in kernels:
        sums["softplus_total"] = 0.0
    step = max(1, _BRUTE_CHUNK // x_neg.size)
    for start in range(0, x_pos.size, step):
        rows = slice(start, start + step)
        x = x_neg[None, :] - x_pos[rows, None]
        w = None if w_pos is None else w_pos[rows]
        for kernel in kernels - {"softplus_rows"}:
            value = FUNCTIONS[kernel](x)
            by_pos = value.sum(axis=1) if w_neg is None else value @ w_neg
            if kernel == "softplus":
                sums["softplus_total"] += float(by_pos.sum() if w is None else w @ by_pos)
            if kernel not in with_rows:
                continue
            sums[f"{kernel}_pos"][rows] = by_pos
            sums[f"{kernel}_neg"] += value.sum(axis=0) if w is None else w @ value
    if "sigma" in kernels:
        of_rows = sums["sigma_pos"]
        sums["sigma_total"] = float(of_rows.sum() if w_pos is None else w_pos @ of_rows)
    return PairSums(**sums)
