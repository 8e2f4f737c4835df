"""Sums over pairs of sorted rows, for temperatures too small for a grid.

Where a kernel is a step (or a ramp), its sum is a prefix sum. What is left are
the few pairs within the cutoff, which are formed one by one. Should those be
many, the grid is used after all, with the empty stretches of its axis cut out.

Where no pair is close, nothing but the exponential tails is left of the
kernels. A convolution would drown them in its rounding, so they are prefix sums
as well.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ._grid import CELLS_PER_TEMPERATURE, CUTOFF, LARGE_GRID, sum_on_grid
from ._kernel import FUNCTIONS, Kernel, PairSums

__all__ = ["APART", "sum_sorted"]

# Beyond this distance two terms of the tails' series are good to 5e-8.
APART = 9.0
# Pairs formed at a time.
_CHUNK = 1 << 20


def sum_sorted(
    x_pos: NDArray,
    x_neg: NDArray,
    w_pos: NDArray | None,
    w_neg: NDArray | None,
    kernels: frozenset[Kernel],
) -> PairSums:
    """Sum the pair kernels over scores in units of the temperature."""
    order_pos, order_neg = np.argsort(x_pos), np.argsort(x_neg)
    pos, neg = x_pos[order_pos], x_neg[order_neg]
    wp = np.ones(pos.size) if w_pos is None else w_pos[order_pos]
    wn = np.ones(neg.size) if w_neg is None else w_neg[order_neg]

    if _closest(pos, neg) > APART:
        return _unsort(_sum_tails(pos, neg, wp, wn, kernels), order_pos, order_neg)

    rows = pos.size + neg.size
    first = np.searchsorted(neg, pos - CUTOFF, side="left")
    last = np.searchsorted(neg, pos + CUTOFF, side="right")
    n_near = int((last - first).sum())
    if n_near > 16 * rows:
        shrunk_pos, shrunk_neg, span, cuts = _without_gaps(pos, neg)
        cells = span * CELLS_PER_TEMPERATURE
        # A cell costs about as much as four pairs.
        if 4 * cells < n_near and cells <= max(LARGE_GRID, 4 * rows):
            sums = sum_on_grid(shrunk_pos, shrunk_neg, wp, wn, kernels, span, cuts=cuts)
            return _unsort(sums, order_pos, order_neg)

    above = _from(wn, last)
    sums_of: dict = {}
    softplus_total = 0.0
    with_rows = kernels - {"softplus_rows"}
    if "softplus_rows" not in kernels:
        with_rows -= {"softplus"}
    if with_rows & {"sigma", "softplus"}:
        # The same pairs from the other side: negative j is above positive i if j >= last[i].
        below = np.searchsorted(last, np.arange(neg.size), side="right")
    if "softplus" in kernels:
        # Beyond the cutoff softplus(x) = x: sum of negatives above minus their count times x.
        ramp = _from(wn * neg, last) - pos * above
        softplus_total = float(wp @ ramp)
        if "softplus" in with_rows:
            sums_of["softplus_pos"] = ramp
            sums_of["softplus_neg"] = neg * _up_to(wp, below) - _up_to(wp * pos, below)
    if "sigma" in kernels:
        sums_of["sigma_pos"] = above
        sums_of["sigma_neg"] = _up_to(wp, below)
    if "dsigma" in kernels:
        sums_of["dsigma_pos"], sums_of["dsigma_neg"] = np.zeros(pos.size), np.zeros(neg.size)
    for i, j in _near_pairs(first, last):
        x = neg[j] - pos[i]
        for kernel in kernels - {"softplus_rows"}:
            value = FUNCTIONS[kernel](x)
            if kernel == "softplus":
                softplus_total += float((wp[i] * wn[j]) @ value)
            if kernel not in with_rows:
                continue
            sums_of[f"{kernel}_pos"] += np.bincount(i, wn[j] * value, minlength=pos.size)
            sums_of[f"{kernel}_neg"] += np.bincount(j, wp[i] * value, minlength=neg.size)
    if "sigma" in kernels:
        sums_of["sigma_total"] = float(wp @ sums_of["sigma_pos"])
    if "softplus" in kernels:
        sums_of["softplus_total"] = softplus_total
    return _unsort(PairSums(**sums_of), order_pos, order_neg)


def _closest(pos: NDArray, neg: NDArray) -> float:
    """Return the smallest distance between a positive and a negative."""
    right = np.searchsorted(neg, pos)
    to_right = np.abs(neg[np.minimum(right, neg.size - 1)] - pos)
    to_left = np.abs(neg[np.maximum(right - 1, 0)] - pos)
    return float(min(to_right.min(), to_left.min()))


def _sum_tails(
    pos: NDArray, neg: NDArray, wp: NDArray, wn: NDArray, kernels: frozenset[Kernel]
) -> PairSums:
    """Sum over sorted rows of which no positive and negative are close.

    With ``e = exp(-|x|)``, sigma(-|x|) is ``e - e^2``, dsigma ``e - 2 e^2`` and
    softplus(-|x|) ``e - e^2 / 2``, to within ``3 e^3``.
    """
    above = np.searchsorted(neg, pos)
    (up, down), (up2, down2) = (_tails(pos, neg, wn, rate) for rate in (1.0, 2.0))
    sums: dict = {}
    if "sigma" in kernels:
        sums["sigma_pos"] = _from(wn, above) - (up - up2) + (down - down2)
        sums["sigma_total"] = float(wp @ sums["sigma_pos"])
    if "dsigma" in kernels:
        sums["dsigma_pos"] = up + down - 2.0 * (up2 + down2)
    if "softplus" in kernels:
        ramp = _from(wn * neg, above) - pos * _from(wn, above)
        of_pos = ramp + up + down - 0.5 * (up2 + down2)
        sums["softplus_total"] = float(wp @ of_pos)
        if "softplus_rows" in kernels:
            sums["softplus_pos"] = of_pos
    (up, down), (up2, down2) = (_tails(neg, pos, wp, rate) for rate in (1.0, 2.0))
    if "sigma" in kernels:
        sums["sigma_neg"] = _up_to(wp, np.searchsorted(pos, neg)) + (up - up2) - (down - down2)
    if "dsigma" in kernels:
        sums["dsigma_neg"] = up + down - 2.0 * (up2 + down2)
    if "softplus_rows" in kernels:
        below = np.searchsorted(pos, neg)
        ramp = neg * _up_to(wp, below) - _up_to(wp * pos, below)
        sums["softplus_neg"] = ramp + up + down - 0.5 * (up2 + down2)
    return PairSums(**sums)


def _tails(at: NDArray, of: NDArray, weight: NDArray, rate: float) -> tuple[NDArray, NDArray]:
    """Sum weight * exp(-rate * distance) over what lies above and below each point."""
    with np.errstate(divide="ignore"):
        log_weight = np.log(weight)
    split = np.searchsorted(of, at)
    # Logarithms do not underflow on the way from one far cluster to the next.
    above = np.logaddexp.accumulate((log_weight - rate * of)[::-1])[::-1]
    below = np.logaddexp.accumulate(log_weight + rate * of)
    above = np.append(above, -np.inf)[split] + rate * at
    below = np.append(-np.inf, below)[split] - rate * at
    return np.exp(above), np.exp(below)


def _from(values: NDArray, start: NDArray) -> NDArray:
    """Return the sum of ``values[start:]`` for each start."""
    from_end = np.concatenate([np.cumsum(values[::-1])[::-1], [0.0]])
    return from_end[start]


def _up_to(values: NDArray, end: NDArray) -> NDArray:
    """Return the sum of ``values[:end]`` for each end."""
    return np.concatenate([[0.0], np.cumsum(values)])[end]


def _near_pairs(first: NDArray, last: NDArray) -> Iterator[tuple[NDArray, NDArray]]:
    """Yield index arrays of the pairs (i, first[i] .. last[i] - 1), in chunks."""
    counts = last - first
    done = np.concatenate([[0], np.cumsum(counts)])
    limit = max(_CHUNK, int(counts.max(initial=0)))
    start = 0
    while start < counts.size:
        stop = int(np.searchsorted(done, done[start] + limit, side="right")) - 1
        stop = max(stop, start + 1)
        part = counts[start:stop]
        if part.any():
            i = np.repeat(np.arange(start, stop), part)
            within = np.arange(i.size) - np.repeat(done[start:stop] - done[start], part)
            yield i, first[i] + within
        start = stop


def _without_gaps(
    pos: NDArray, neg: NDArray
) -> tuple[NDArray, NDArray, float, tuple[NDArray, NDArray]]:
    """Shorten empty stretches of the axis to just over the cutoff.

    Pairs across a stretch stay beyond the cutoff, where the kernel no longer
    depends on the distance. All other distances are kept.

    Returns
    -------
    pos, neg : ndarray
        The scores on the shortened axis, which begins at 0.
    span : float
        Where it ends.
    cuts : tuple of ndarray
        Where it was shortened, and by how much in all up to there.
    """
    values = np.concatenate([pos, neg])
    values.sort()
    gaps = np.diff(values)
    excess = np.maximum(gaps - 1.25 * CUTOFF, 0.0)
    cut = np.flatnonzero(excess)
    # `removed[k]` is taken off every value at or above `starts[k]`.
    starts = np.concatenate([[-np.inf], values[cut + 1]])
    removed = np.concatenate([[0.0], np.cumsum(excess[cut])]) + values[0]

    def shrink(x: NDArray) -> NDArray:
        return x - removed[np.searchsorted(starts, x, side="right") - 1]

    # In shortened coordinates a cut lies mid-gap, clear of every stencil.
    where = np.concatenate([[-np.inf], shrink(values[cut + 1]) - 0.625 * CUTOFF])
    return shrink(pos), shrink(neg), float(shrink(values[-1:])[0]), (where, removed)


def _unsort(sums: PairSums, order_pos: NDArray, order_neg: NDArray) -> PairSums:
    def restore(values: NDArray | None, order: NDArray) -> NDArray | None:
        if values is None:
            return None
        out = np.empty_like(values)
        out[order] = values
        return out

    return PairSums(
        sigma_pos=restore(sums.sigma_pos, order_pos),
        sigma_neg=restore(sums.sigma_neg, order_neg),
        dsigma_pos=restore(sums.dsigma_pos, order_pos),
        dsigma_neg=restore(sums.dsigma_neg, order_neg),
        sigma_total=sums.sigma_total,
        softplus_total=sums.softplus_total,
        softplus_pos=restore(sums.softplus_pos, order_pos),
        softplus_neg=restore(sums.softplus_neg, order_neg),
    )
