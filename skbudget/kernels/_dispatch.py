"""Sums over all pairs of a positive and a negative, without forming the pairs.

With ``x = (negative - positive) / temperature`` the objectives need, for every
row, the sum over its partners of

- ``sigma``: ``expit(x)``, how much of a pair is ranked the wrong way round,
- ``dsigma``: ``expit(x) * expit(-x)``, its derivative,

and the total of ``softplus``: ``log(1 + exp(x))``. All three are smooth on the
scale of the temperature, so the scores are spread onto a uniform grid (spacing
a sixth of the temperature, 8-point Lagrange weights: 4e-8 of an isolated pair
is lost), the grid is convolved with the kernel, and the result is gathered back
with the same weights. Beyond ``_CUTOFF`` temperatures a kernel is a step (or a
ramp) to double precision: that part is a prefix sum, and only the short rest is
convolved. For ``P`` positives, ``B`` negatives and ``G`` grid cells this takes
O(P + B + G log G) time and O(P + B + G) memory.

Where the temperature is so small that the grid would outgrow the data, the
rows are sorted instead: prefix sums for the step, and the few pairs within the
cutoff one by one; should those be many, empty stretches of the grid are cut out.
Where no pair is close, all that is left of the kernels are exponential tails,
which rounding would drown in a convolution: prefix sums of those.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.signal import oaconvolve
from scipy.special import expit

from .._utils.collective import Collective, gather, sum_over
from .._utils.validation import check_option, check_positive, check_scores, check_weights

__all__ = ["PairSums", "pair_sums"]

Kernel = Literal["sigma", "dsigma", "softplus"]
Method = Literal["auto", "brute", "grid", "sorted"]

KERNELS = ("sigma", "dsigma", "softplus")
METHODS = ("auto", "brute", "grid", "sorted")

_CELLS_PER_TEMPERATURE = 6
# exp(-36) is below the spacing of doubles at 1.
_CUTOFF = 36.0
_HALF_WIDTH = int(_CUTOFF * _CELLS_PER_TEMPERATURE)
# Beyond this distance two terms of the tails' series are good to 5e-8.
_APART = 9.0
_STENCIL = 8
_CHUNK = 1 << 16
_CACHED_CHUNK = 1 << 12
_BRUTE_PAIRS = 1 << 15
_SMALL_GRID = 1 << 14
_LARGE_GRID = 1 << 23
# Nothing is taken out of the axis.
_NO_CUTS = (np.array([-np.inf]), np.zeros(1))


@dataclass(frozen=True)
class PairSums:
    """Row sums of the pair kernels; what was not asked for is None.

    Attributes
    ----------
    sigma_pos, dsigma_pos : ndarray of shape (n_pos,) or None
        For each positive, the weighted sum over the negatives.
    sigma_neg, dsigma_neg : ndarray of shape (n_neg,) or None
        For each negative, the weighted sum over the positives.
    sigma_total, softplus_total : float or None
        Sum over all pairs, both weights multiplied.

    See Also
    --------
    pair_sums : Computes them.
    """

    sigma_pos: NDArray[np.float64] | None = None
    sigma_neg: NDArray[np.float64] | None = None
    dsigma_pos: NDArray[np.float64] | None = None
    dsigma_neg: NDArray[np.float64] | None = None
    sigma_total: float | None = None
    softplus_total: float | None = None


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
        Scale of the kernels, in score units; positive.
    weight_pos : array-like of shape (n_pos,), default=None
        Weights of the positives.
    weight_neg : array-like of shape (n_neg,), default=None
        Weights of the negatives.
    kernels : iterable of {"sigma", "dsigma", "softplus"}
        Which kernels to sum.
    method : {"auto", "brute", "grid", "sorted"}, default="auto"
        "brute" forms all pairs, in chunks, and is the reference; "grid" and
        "sorted" are the fast ways for ordinary and for very small
        temperatures. "auto" takes the cheapest.

    Returns
    -------
    sums : PairSums
        Accurate to 1e-6 of the largest sum or better. With no positive or no
        negative all sums are zero.

    Raises
    ------
    ValueError
        If an argument is out of range or a score is not finite.

    See Also
    --------
    skbudget.objectives.PairwisePAUC : The loss that is made of them.

    Examples
    --------
    >>> from skbudget.kernels import pair_sums
    >>> sums = pair_sums([1.0, 3.0], [0.0, 2.0], temperature=0.01)
    >>> sums.sigma_pos.round(6), sums.sigma_total
    (array([1., 0.]), 1.0)
    """
    tau = check_positive(temperature, "temperature", "pair_sums")
    check_option(method, "method", METHODS, "pair_sums")
    wanted = frozenset(kernels)
    for kernel in wanted:
        check_option(kernel, "kernels", KERNELS, "pair_sums")
    pos = _scores_or_empty(positives, "positives")
    neg = _scores_or_empty(negatives, "negatives")
    w_pos = check_weights(weight_pos, pos.size, "weight_pos") if pos.size else None
    w_neg = check_weights(weight_neg, neg.size, "weight_neg") if neg.size else None
    return sum_pairs(pos, neg, tau, w_pos, w_neg, wanted, method)


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

    With a ``collective`` the scores are one worker's, and so are the row sums, each of
    which is over the partners on all workers; totals are those of all.
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
    low = float(min(x_pos.min(), x_neg.min()))
    span = float(max(x_pos.max(), x_neg.max())) - low
    rows = pos.size + neg.size
    cells = span * _CELLS_PER_TEMPERATURE
    if not np.isfinite(cells):
        raise ValueError(
            f"The scores spread over more than a float holds at temperature={tau!r}: "
            "the temperature must be larger."
        )
    if method == "auto":
        if pos.size * neg.size <= _BRUTE_PAIRS:
            method = "brute"
        elif cells <= max(_SMALL_GRID, 4 * rows):
            method = "grid"
        else:
            method = "sorted"
    if method == "brute":
        return _brute(x_pos, x_neg, w_pos, w_neg, kernels)
    if method == "grid":
        if cells > max(_LARGE_GRID, 4 * rows):
            raise ValueError(
                f"A grid of {cells:.3g} cells is too large; use method='sorted' or 'auto'."
            )
        if x_pos.min() - x_neg.max() <= _APART:
            sums = _grid(x_pos - low, x_neg - low, w_pos, w_neg, kernels, span, _NO_CUTS)
            if not _separated(sums, w_neg, neg.size):
                return sums
    return _sorted(x_pos, x_neg, w_pos, w_neg, kernels)


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

    The histograms on the grid add up. Where no grid will do (tiny temperatures, no pair
    close) the rows themselves are exchanged, which are positives and band negatives only.
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
    cells = span * _CELLS_PER_TEMPERATURE
    apart = (-bottom_pos - top_neg) / tau > _APART
    if cells <= max(_SMALL_GRID, 4 * (n_pos + n_neg)) and not apart:
        x_pos = (np.asarray(pos, dtype=np.float64) - low) / tau
        x_neg = (np.asarray(neg, dtype=np.float64) - low) / tau
        sums = _grid(x_pos, x_neg, w_pos, w_neg, kernels, span, _NO_CUTS, collective)
        if not _separated(sums, w_neg, neg.size, collective):
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
    )


def _separated(
    sums: PairSums, w_neg: NDArray | None, n_neg: int, collective: Collective | None = None
) -> bool:
    """Tell whether all pairs are so far apart that rounding drowns their kernel."""
    if sums.dsigma_pos is None:
        return False
    largest = float(sums.dsigma_pos.max(initial=0.0))
    if collective is not None:
        (largest,) = collective.max(np.array([largest]))
    (weight,) = sum_over(collective, float(n_neg if w_neg is None else w_neg.sum()))
    return _drowned(largest, weight)


def _drowned(largest: float, weight_neg: float) -> bool:
    """Tell whether a positive's greatest sum of dsigma is lost in what the grid loses."""
    return bool(largest < 1e-6 * 0.25 * weight_neg)


def _scores_or_empty(scores: ArrayLike, name: str) -> NDArray[np.float64]:
    scores = np.asarray(scores, dtype=np.float64)
    return scores if scores.shape == (0,) else check_scores(scores, name)


def _nothing(n_pos: int, n_neg: int, kernels: frozenset[Kernel]) -> PairSums:
    sums: dict = {}
    for kernel in kernels - {"softplus"}:
        sums[f"{kernel}_pos"], sums[f"{kernel}_neg"] = np.zeros(n_pos), np.zeros(n_neg)
    if "sigma" in kernels:
        sums["sigma_total"] = 0.0
    if "softplus" in kernels:
        sums["softplus_total"] = 0.0
    return PairSums(**sums)


def _total(row_sums: NDArray, weight: NDArray | None) -> float:
    return float(row_sums.sum() if weight is None else weight @ row_sums)


def _softplus(x: NDArray) -> NDArray:
    return np.logaddexp(0.0, x)


def _dsigma(x: NDArray) -> NDArray:
    return expit(x) * expit(-x)


_FUNCTIONS = {"sigma": expit, "dsigma": _dsigma, "softplus": _softplus}


def _brute(
    x_pos: NDArray,
    x_neg: NDArray,
    w_pos: NDArray | None,
    w_neg: NDArray | None,
    kernels: frozenset[Kernel],
) -> PairSums:
    row_wise = kernels - {"softplus"}
    sums: dict = {f"{k}_pos": np.empty(x_pos.size) for k in row_wise}
    sums |= {f"{k}_neg": np.zeros(x_neg.size) for k in row_wise}
    softplus_total = 0.0
    step = max(1, _CHUNK // x_neg.size)
    for start in range(0, x_pos.size, step):
        rows = slice(start, start + step)
        x = x_neg[None, :] - x_pos[rows, None]
        w = None if w_pos is None else w_pos[rows]
        for kernel in kernels:
            value = _FUNCTIONS[kernel](x)
            by_pos = value.sum(axis=1) if w_neg is None else value @ w_neg
            if kernel == "softplus":
                softplus_total += _total(by_pos, w)
                continue
            sums[f"{kernel}_pos"][rows] = by_pos
            sums[f"{kernel}_neg"] += value.sum(axis=0) if w is None else w @ value
    return _finish(sums, w_pos, softplus_total if "softplus" in kernels else None)


def _finish(
    sums: dict,
    w_pos: NDArray | None,
    softplus_total: float | None,
    collective: Collective | None = None,
) -> PairSums:
    if "sigma_pos" in sums:
        (sums["sigma_total"],) = sum_over(collective, _total(sums["sigma_pos"], w_pos))
    return PairSums(softplus_total=softplus_total, **sums)


# --- grid ---------------------------------------------------------------------


def _lagrange_denominators() -> NDArray:
    nodes = np.arange(_STENCIL) - (_STENCIL // 2 - 1)
    differences = nodes[:, None] - nodes[None, :]
    np.fill_diagonal(differences, 1)
    return cast(NDArray, 1.0 / differences.prod(axis=1))


_NODES = np.arange(_STENCIL, dtype=float) - (_STENCIL // 2 - 1)
_DENOMINATORS = _lagrange_denominators()


def _stencils(x: NDArray, n_cells: int) -> Iterator[tuple[slice, NDArray, NDArray]]:
    """Yield, chunk by chunk, each row's first cell and its 8 Lagrange weights."""
    # Small chunks stay in the cache; a large grid is gone through once per chunk.
    chunk = _CACHED_CHUNK if n_cells <= _SMALL_GRID else _CHUNK
    for start in range(0, x.size, chunk):
        rows = slice(start, start + chunk)
        position = x[rows] * _CELLS_PER_TEMPERATURE
        cell = np.floor(position).astype(np.intp)
        offset = position - cell
        # Products of the differences to the left and to the right of each node.
        differences = offset[None, :] - _NODES[:, None]
        weights = np.empty_like(differences)
        running = np.ones_like(offset)
        for node in range(_STENCIL):
            weights[node] = running
            running = running * differences[node]
        running = np.ones_like(offset)
        for node in reversed(range(_STENCIL)):
            weights[node] *= running * _DENOMINATORS[node]
            running = running * differences[node]
        yield rows, cell, weights


def _spread(x: NDArray, weight: NDArray | None, n_cells: int) -> NDArray:
    """Return the histogram of the rows on the grid, in Lagrange weights."""
    grid = np.zeros(n_cells)
    for rows, cell, stencil in _stencils(x, n_cells):
        if weight is not None:
            stencil *= weight[rows]
        low = int(cell.min())
        counts = np.zeros(int(cell.max()) - low + _STENCIL)
        for node in range(_STENCIL):
            part = np.bincount(cell - low, weights=stencil[node])
            counts[node : node + part.size] += part
        grid[low : low + counts.size] += counts
    return grid


def _gather(fields: list[NDArray], x: NDArray) -> list[NDArray]:
    """Interpolate grid fields at the rows."""
    out = [np.empty(x.size) for _ in fields]
    if not fields:
        return out
    for rows, cell, stencil in _stencils(x, fields[0].size):
        for values, grid in zip(out, fields):
            total = stencil[0] * grid[cell]
            for node in range(1, _STENCIL):
                total += stencil[node] * grid[cell + node]
            values[rows] = total
    return out


_TAPS = np.arange(-_HALF_WIDTH, _HALF_WIDTH + 1) / _CELLS_PER_TEMPERATURE


def _near(grid: NDArray, kernel: Kernel) -> NDArray:
    """Convolve with a kernel cut off at the half width: sum_h grid[h] k(h - g)."""
    taps = _FUNCTIONS[kernel](-_TAPS)
    full = oaconvolve(grid, taps)
    return full[_HALF_WIDTH : _HALF_WIDTH + grid.size]


def _beyond_cutoff(grid: NDArray) -> NDArray:
    """Sum, for each cell, of the grid more than a half width above it."""
    total = np.zeros(grid.size)
    if grid.size > _HALF_WIDTH + 1:
        from_top = np.cumsum(grid[::-1])[::-1]
        total[: grid.size - _HALF_WIDTH - 1] = from_top[_HALF_WIDTH + 1 :]
    return total


def _grid(
    x_pos: NDArray,
    x_neg: NDArray,
    w_pos: NDArray | None,
    w_neg: NDArray | None,
    kernels: frozenset[Kernel],
    span: float,
    cuts: tuple[NDArray, NDArray],
    collective: Collective | None = None,
) -> PairSums:
    """Sum over pairs of scores in [0, span].

    ``cuts`` tells what was taken out of the axis: positions at which a gap was
    shortened, and by how much in all up to there; only a ramp needs to know.
    """
    n_cells = int(span * _CELLS_PER_TEMPERATURE) + _STENCIL + 1
    spread_pos = _spread(x_pos, w_pos, n_cells)
    spread_neg = _spread(x_neg, w_neg, n_cells)
    if collective is not None:
        spread_pos, spread_neg = collective.sum(np.stack([spread_pos, spread_neg]))
    for_pos: dict[str, NDArray] = {}
    for_neg: dict[str, NDArray] = {}
    if "sigma" in kernels:
        for_pos["sigma_pos"] = _near(spread_neg, "sigma") + _beyond_cutoff(spread_neg)
        # A negative sees the positives below it: the same sum on the mirrored axis.
        for_neg["sigma_neg"] = (
            _near(spread_pos[::-1], "sigma") + _beyond_cutoff(spread_pos[::-1])
        )[::-1]
    if "dsigma" in kernels:
        for_pos["dsigma_pos"] = _near(spread_neg, "dsigma")
        for_neg["dsigma_neg"] = _near(spread_pos, "dsigma")
    sums: dict = dict(zip(for_pos, _gather(list(for_pos.values()), x_pos)))
    sums |= dict(zip(for_neg, _gather(list(for_neg.values()), x_neg)))
    for name in sums:
        # The stencil has small negative weights; a sum of kernels has no sign to lose.
        np.maximum(sums[name], 0.0, out=sums[name])
    softplus_total = None
    if "softplus" in kernels:
        # Distances as they were before the cuts, for the ramp beyond the cutoff.
        position = np.arange(n_cells) / _CELLS_PER_TEMPERATURE
        where, removed = cuts
        position = position + removed[np.searchsorted(where, position, side="right") - 1]
        ramp = _beyond_cutoff(spread_neg * position) - position * _beyond_cutoff(spread_neg)
        softplus_total = float(spread_pos @ (_near(spread_neg, "softplus") + ramp))
    return _finish(sums, w_pos, softplus_total, collective)


# --- tables ---------------------------------------------------------------------------

# A line between two nodes is off by 2.4e-7 of a kernel's maximum, on either side of a pair.
_NODES_PER_TEMPERATURE = 512
# Tables have to stay small beside the rows, and in the cache.
_MOST_NODES = 1 << 15
_TABLE_CHUNK = 1 << 17

BAND_NEGATIVE, POSITIVE, NEITHER = 0, 1, 2


class PairTables(NamedTuple):
    """Row sums of the kernels as functions of the score, for rows of either class.

    Attributes
    ----------
    low : float
        Score of the first node.
    per_node : float
        Nodes to a unit of score.
    sums : PairSums
        What a positive (a negative) with a node's score would have, each of shape
        (n_nodes,).
    """

    low: float
    per_node: float
    sums: PairSums

    def by_group(self, kernel: Kernel) -> NDArray[np.float64]:
        """Return a kernel's sums at the nodes, shape (3, n_nodes), by group of the row."""
        of_negatives = getattr(self.sums, f"{kernel}_neg")
        of_positives = getattr(self.sums, f"{kernel}_pos")
        return np.stack([of_negatives, of_positives, np.zeros_like(of_positives)])

    def look_up(
        self, scores: NDArray, group: NDArray[np.int8], tables: list[NDArray], dtype: Any
    ) -> list[NDArray]:
        """Return each table's value for every row, interpolated.

        Parameters
        ----------
        scores : ndarray of shape (n_rows,)
            Scores of the rows.
        group : ndarray of shape (n_rows,)
            Which row of a table is read.
        tables : list of ndarray of shape (n_groups, n_nodes)
            Values at the nodes.
        dtype : type
            Of the answer.

        Returns
        -------
        values : list of ndarray of shape (n_rows,)
        """
        n_nodes = tables[0].shape[1]
        columns = []
        for table in tables:
            columns += [table, np.diff(table, axis=1, append=table[:, -1:])]
        # What belongs to a node lies together, to be fetched at once.
        packed = np.stack(columns, axis=-1, dtype=dtype, casting="same_kind")
        packed = packed.reshape(-1, len(columns))
        values = [np.empty(scores.size, dtype=dtype) for _ in tables]
        room = np.empty((min(_TABLE_CHUNK, scores.size), len(columns)), dtype=dtype)
        for rows, node, part in _nodes_of(scores, group, self.low, self.per_node, n_nodes):
            # No index is out of range; "clip" is the mode that writes without a copy.
            found = packed.take(node, axis=0, out=room[: node.size], mode="clip")
            part = part.astype(dtype, copy=False)
            for column, value in enumerate(values):
                level, slope = found[:, 2 * column], found[:, 2 * column + 1]
                np.multiply(slope, part, out=value[rows])
                value[rows] += level
        return values


def _nodes_of(
    scores: NDArray, group: NDArray[np.int8], low: float, per_node: float, n_nodes: int
) -> Iterator[tuple[slice, NDArray[np.int64], NDArray[np.float64]]]:
    """Yield, chunk by chunk, each row's node in the table of its group, and how far past it.

    The arrays hold until the next chunk: fresh memory takes longer than the pass over it.
    """
    chunk = min(_TABLE_CHUNK, scores.size)
    nodes, firsts = np.empty((2, chunk), dtype=np.int64)
    positions = np.empty(chunk)
    for start in range(0, scores.size, max(chunk, 1)):
        rows = slice(start, min(start + chunk, scores.size))
        size = rows.stop - start
        node, first, position = nodes[:size], firsts[:size], positions[:size]
        np.subtract(scores[rows], low, out=position, dtype=np.float64)
        position *= per_node
        np.copyto(node, position, casting="unsafe")
        position -= node
        np.multiply(group[rows], n_nodes, out=first, dtype=np.int64)
        node += first
        yield rows, node, position


def tabulate_pairs(
    scores: NDArray,
    group: NDArray[np.int8],
    tau: float,
    weight: NDArray | None,
    kernels: frozenset[Kernel],
    collective: Collective | None = None,
) -> PairTables | None:
    """Sum the pair kernels where most of the rows take part.

    Rows are counted at nodes, a 512th of the temperature apart, in shares by which the
    kernel is interpolated between them. From there on the number of rows does not
    matter, and no row has to be moved.

    Parameters
    ----------
    scores : ndarray of shape (n_rows,)
        Scores of all rows.
    group : ndarray of shape (n_rows,), dtype=int8
        `BAND_NEGATIVE`, `POSITIVE` or `NEITHER`.
    tau : float
        Temperature.
    weight : ndarray of shape (n_rows,) or None
        Weights.
    kernels : frozenset of {"sigma", "dsigma"}
        Which kernels to sum; "dsigma" among them.
    collective : Collective or None
        The workers that rows are spread over.

    Returns
    -------
    tables : PairTables or None
        None where a table would be too large, or the pairs are so far apart that it would
        lose them: `sum_pairs` knows what to do.
    """
    empty = scores.size == 0
    ends = np.array([-np.inf, -np.inf] if empty else [scores.max(), -scores.min()], dtype=float)
    n_rows = float(scores.size)
    if collective is not None:
        ends = collective.max(ends)
        (n_rows,) = sum_over(collective, n_rows)
    low, high = -float(ends[1]), float(ends[0])
    per_node = _NODES_PER_TEMPERATURE / tau
    span = (high - low) * per_node
    if not span < min(_MOST_NODES, 0.5 * n_rows):
        return None
    n_nodes = int(span) + 2
    count = np.zeros(3 * n_nodes)
    share = np.zeros(3 * n_nodes)
    for rows, node, part in _nodes_of(scores, group, low, per_node, n_nodes):
        of_rows = None
        if weight is not None:
            of_rows = weight[rows]
            part *= of_rows
        count += np.bincount(node, of_rows, minlength=3 * n_nodes)
        share += np.bincount(node, part, minlength=3 * n_nodes)
    mass = (count - share).reshape(3, n_nodes)
    mass[:, 1:] += share.reshape(3, n_nodes)[:, :-1]
    if collective is not None:
        mass = collective.sum(mass)
    negatives, positives = np.maximum(mass[[BAND_NEGATIVE, POSITIVE]], 0.0)
    at_negatives, at_positives = np.flatnonzero(negatives), np.flatnonzero(positives)
    if at_positives[0] - at_negatives[-1] > _APART * _NODES_PER_TEMPERATURE:
        return None
    nodes = np.arange(n_nodes) / _NODES_PER_TEMPERATURE
    sums = _grid(nodes, nodes, positives, negatives, kernels, float(nodes[-1]), _NO_CUTS)
    assert sums.dsigma_pos is not None
    if _drowned(sums.dsigma_pos[at_positives].max(), negatives.sum()):
        return None
    return PairTables(low, per_node, sums)


# --- small temperatures ---------------------------------------------------------


def _sorted(
    x_pos: NDArray,
    x_neg: NDArray,
    w_pos: NDArray | None,
    w_neg: NDArray | None,
    kernels: frozenset[Kernel],
) -> PairSums:
    """Prefix sums where the kernel is a step, single pairs (or a grid) where it is not."""
    order_pos, order_neg = np.argsort(x_pos), np.argsort(x_neg)
    pos, neg = x_pos[order_pos], x_neg[order_neg]
    wp = np.ones(pos.size) if w_pos is None else w_pos[order_pos]
    wn = np.ones(neg.size) if w_neg is None else w_neg[order_neg]

    if _closest(pos, neg) > _APART:
        return _unsort(_apart(pos, neg, wp, wn, kernels), order_pos, order_neg)

    rows = pos.size + neg.size
    first = np.searchsorted(neg, pos - _CUTOFF, side="left")
    last = np.searchsorted(neg, pos + _CUTOFF, side="right")
    n_near = int((last - first).sum())
    if n_near > 16 * rows:
        shrunk_pos, shrunk_neg, span, cuts = _without_gaps(pos, neg)
        cells = span * _CELLS_PER_TEMPERATURE
        # A cell costs about as much as four pairs.
        if 4 * cells < n_near and cells <= max(_LARGE_GRID, 4 * rows):
            sums = _grid(shrunk_pos, shrunk_neg, wp, wn, kernels, span, cuts)
            return _unsort(sums, order_pos, order_neg)

    above = _from(wn, last)
    totals: dict = {}
    softplus_total = 0.0
    if "softplus" in kernels:
        # Beyond the cutoff softplus(x) = x: sum of negatives above minus their count times x.
        softplus_total = float(wp @ (_from(wn * neg, last) - pos * above))
    if "sigma" in kernels:
        totals["sigma_pos"] = above
        # The same pairs from the other side: negative j is above positive i if j >= last[i].
        below = np.searchsorted(last, np.arange(neg.size), side="right")
        totals["sigma_neg"] = _up_to(wp, below)
    if "dsigma" in kernels:
        totals["dsigma_pos"], totals["dsigma_neg"] = np.zeros(pos.size), np.zeros(neg.size)
    for i, j in _near_pairs(first, last):
        x = neg[j] - pos[i]
        for kernel in kernels:
            value = _FUNCTIONS[kernel](x)
            if kernel == "softplus":
                softplus_total += float((wp[i] * wn[j]) @ value)
                continue
            totals[f"{kernel}_pos"] += np.bincount(i, wn[j] * value, minlength=pos.size)
            totals[f"{kernel}_neg"] += np.bincount(j, wp[i] * value, minlength=neg.size)
    sums = _finish(totals, wp, softplus_total if "softplus" in kernels else None)
    return _unsort(sums, order_pos, order_neg)


def _closest(pos: NDArray, neg: NDArray) -> float:
    """Return the smallest distance between a positive and a negative."""
    right = np.searchsorted(neg, pos)
    to_right = np.abs(neg[np.minimum(right, neg.size - 1)] - pos)
    to_left = np.abs(neg[np.maximum(right - 1, 0)] - pos)
    return float(min(to_right.min(), to_left.min()))


def _apart(
    pos: NDArray, neg: NDArray, wp: NDArray, wn: NDArray, kernels: frozenset[Kernel]
) -> PairSums:
    """Sum over sorted rows of which no positive and negative are close.

    With ``e = exp(-|x|)``, sigma(-|x|) is ``e - e^2``, dsigma ``e - 2 e^2`` and
    softplus(-|x|) ``e - e^2 / 2``, to within ``3 e^3``.
    """
    above = np.searchsorted(neg, pos)
    (up, down), (up2, down2) = (_tails(pos, neg, wn, rate) for rate in (1.0, 2.0))
    sums: dict = {}
    softplus_total = None
    if "sigma" in kernels:
        sums["sigma_pos"] = _from(wn, above) - (up - up2) + (down - down2)
    if "dsigma" in kernels:
        sums["dsigma_pos"] = up + down - 2.0 * (up2 + down2)
    if "softplus" in kernels:
        ramp = _from(wn * neg, above) - pos * _from(wn, above)
        softplus_total = float(wp @ (ramp + up + down - 0.5 * (up2 + down2)))
    (up, down), (up2, down2) = (_tails(neg, pos, wp, rate) for rate in (1.0, 2.0))
    if "sigma" in kernels:
        sums["sigma_neg"] = _up_to(wp, np.searchsorted(pos, neg)) + (up - up2) - (down - down2)
    if "dsigma" in kernels:
        sums["dsigma_neg"] = up + down - 2.0 * (up2 + down2)
    return _finish(sums, wp, softplus_total)


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
    """Sum of ``values[start:]`` for each start."""
    from_end = np.concatenate([np.cumsum(values[::-1])[::-1], [0.0]])
    return from_end[start]


def _up_to(values: NDArray, end: NDArray) -> NDArray:
    """Sum of ``values[:end]`` for each end."""
    return np.concatenate([[0.0], np.cumsum(values)])[end]


def _near_pairs(first: NDArray, last: NDArray) -> Iterator[tuple[NDArray, NDArray]]:
    """Yield index arrays of the pairs (i, first[i] .. last[i] - 1), in chunks."""
    counts = last - first
    done = np.concatenate([[0], np.cumsum(counts)])
    limit = max(16 * _CHUNK, int(counts.max(initial=0)))
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
    depends on the distance; all other distances are kept.
    """
    values = np.concatenate([pos, neg])
    values.sort()
    gaps = np.diff(values)
    excess = np.maximum(gaps - 1.25 * _CUTOFF, 0.0)
    cut = np.flatnonzero(excess)
    # `removed[k]` is taken off every value at or above `starts[k]`.
    starts = np.concatenate([[-np.inf], values[cut + 1]])
    removed = np.concatenate([[0.0], np.cumsum(excess[cut])]) + values[0]

    def shrink(x: NDArray) -> NDArray:
        return x - removed[np.searchsorted(starts, x, side="right") - 1]

    # In shortened coordinates a cut lies mid-gap, clear of every stencil.
    where = np.concatenate([[-np.inf], shrink(values[cut + 1]) - 0.625 * _CUTOFF])
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
    )
