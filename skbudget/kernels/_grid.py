"""Sums over pairs on a uniform grid.

All kernels are smooth on the scale of the temperature. So the scores, in units
of the temperature, are spread onto a grid of six cells to a unit, the grid is
convolved with the kernel, and the result is read off at the scores. Spreading
and reading use the same 8-point Lagrange weights (a row's stencil), which lose
4e-8 of an isolated pair.

Beyond ``CUTOFF`` temperatures a kernel is a step (or a ramp) to double
precision. Only the short rest is convolved; the step is a prefix sum. For ``P``
positives, ``B`` negatives and ``G`` cells this takes O(P + B + G log G) time and
O(P + B + G) memory.
"""

from __future__ import annotations

from functools import lru_cache
from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft
from scipy.signal import oaconvolve

from .._utils.collective import Collective
from ._kernel import FUNCTIONS, Kernel, PairSums

__all__ = [
    "CELLS_PER_TEMPERATURE",
    "CUTOFF",
    "LARGE_GRID",
    "LOST",
    "SMALL_GRID",
    "sum_on_grid",
]

CELLS_PER_TEMPERATURE = 6
# exp(-36) is below the spacing of doubles at 1.
CUTOFF = 36.0
# A grid of up to so many cells stays in the cache.
SMALL_GRID = 1 << 14
# More cells than this are too many, unless there are many rows as well.
LARGE_GRID = 1 << 23
# Where every positive's sum of dsigma is below this share of the negatives' weight, the
# pairs are so far apart that the grid's rounding drowns them.
LOST = 1e-6 * 0.25

_HALF_WIDTH = int(CUTOFF * CELLS_PER_TEMPERATURE)
_DISTANCES = np.arange(-_HALF_WIDTH, _HALF_WIDTH + 1) / CELLS_PER_TEMPERATURE
# What a grid is convolved with, so that sums[g] = sum_h grid[h] k(h - g).
_TAPS: dict[str, NDArray] = {name: kernel(-_DISTANCES) for name, kernel in FUNCTIONS.items()}

_SIDES = ("pos", "neg")
_STENCIL = 8
_OFFSETS = np.arange(_STENCIL, dtype=float) - (_STENCIL // 2 - 1)
# Rows that are taken at once. Few of them stay in the cache. But spreading goes through the
# cells between the extremes of each chunk, and of a large grid these are many.
_CHUNK = 1 << 12
_LARGE_CHUNK = 1 << 16
# Stencils are kept from the spreading to the reading of up to so many rows, in 4 MB.
_KEPT_ROWS = 1 << 16

# Cells (first cell of each row, shape (n_rows,)) and weights (shape (8, n_rows)).
_Stencils = tuple[NDArray[np.intp], NDArray[np.float64]]


def sum_on_grid(
    x_pos: NDArray,
    x_neg: NDArray,
    w_pos: NDArray | None,
    w_neg: NDArray | None,
    kernels: frozenset[Kernel],
    span: float,
    *,
    cuts: tuple[NDArray, NDArray] | None = None,
    collective: Collective | None = None,
) -> PairSums:
    """Sum the pair kernels over scores in [0, span], in units of the temperature.

    Parameters
    ----------
    x_pos, x_neg : ndarray of shape (n_pos,) and (n_neg,)
        Scores; the same object where every score is both a positive's and a negative's.
    w_pos, w_neg : ndarray or None
        Weights.
    kernels : frozenset of {"sigma", "dsigma", "softplus", "softplus_rows"}
        Which kernels to sum; "softplus_rows" needs "softplus" beside it.
    span : float
        Greatest score there may be.
    cuts : tuple of ndarray, default=None
        Where gaps of the axis were shortened, and by how much the axis was shortened up to
        each of these places. Only "softplus" depends on it.
    collective : Collective, default=None
        The workers that the rows are spread over.
    """
    n_cells = int(span * CELLS_PER_TEMPERATURE) + _STENCIL + 1
    kept_pos = kept_neg = None
    if x_pos.size <= _KEPT_ROWS:
        kept_pos = kept_neg = _stencils(x_pos)
    if x_neg is not x_pos:
        kept_neg = _stencils(x_neg) if x_neg.size <= _KEPT_ROWS else None
    spread_pos = _spread(x_pos, w_pos, kept_pos, n_cells)
    spread_neg = _spread(x_neg, w_neg, kept_neg, n_cells)
    if collective is not None:
        spread_pos, spread_neg = collective.sum(np.stack([spread_pos, spread_neg]))
    of_pos, of_neg = _convolve(spread_pos, spread_neg, kernels)
    if "softplus" in kernels:
        position = _positions(n_cells, cuts)
        field = _field_of_softplus(spread_neg, position)
        if "softplus_rows" in kernels:
            of_pos["softplus_pos"] = field
            # A negative sees the positives below it, on the mirrored axis.
            mirrored = _field_of_softplus(spread_pos[::-1], -position[::-1])
            of_neg["softplus_neg"] = mirrored[::-1]
    sums = _read(of_pos, x_pos, kept_pos) | _read(of_neg, x_neg, kept_neg)
    sigma_total = softplus_total = None
    if "sigma" in kernels:
        of_rows = sums["sigma_pos"]
        sigma_total = float(of_rows.sum() if w_pos is None else w_pos @ of_rows)
        if collective is not None:
            sigma_total = float(collective.sum(np.array([sigma_total]))[0])
    if "softplus" in kernels:
        softplus_total = float(spread_pos @ field)
    return PairSums(**sums, sigma_total=sigma_total, softplus_total=softplus_total)


def _lagrange_denominators() -> NDArray:
    differences = _OFFSETS[:, None] - _OFFSETS[None, :]
    np.fill_diagonal(differences, 1)
    return cast(NDArray, 1.0 / differences.prod(axis=1))


_DENOMINATORS = _lagrange_denominators()


def _stencils(x: NDArray) -> _Stencils:
    """Return each row's first cell and its 8 Lagrange weights."""
    position = x * CELLS_PER_TEMPERATURE
    cell = np.floor(position).astype(np.intp)
    offset = position - cell
    # Products of the differences to the left and to the right of each node.
    differences = offset[None, :] - _OFFSETS[:, None]
    weights = np.empty_like(differences)
    weights[0] = 1.0
    for node in range(1, _STENCIL):
        np.multiply(weights[node - 1], differences[node - 1], out=weights[node])
    running = np.ones_like(offset)
    for node in reversed(range(_STENCIL)):
        weights[node] *= running * _DENOMINATORS[node]
        running *= differences[node]
    return cell, weights


def _spread(x: NDArray, weight: NDArray | None, kept: _Stencils | None, n_cells: int) -> NDArray:
    """Return the histogram of the rows on the grid, in Lagrange weights."""
    chunk = _CHUNK if n_cells <= SMALL_GRID else _LARGE_CHUNK
    grid = np.zeros(n_cells)
    for start in range(0, x.size, chunk):
        rows = slice(start, start + chunk)
        cell, stencil = _stencils(x[rows]) if kept is None else (kept[0][rows], kept[1][:, rows])
        low, high = int(cell.min()), int(cell.max())
        cell = cell - low
        counts = np.zeros(high - low + _STENCIL)
        for node in range(_STENCIL):
            share = stencil[node] if weight is None else stencil[node] * weight[rows]
            part = np.bincount(cell, weights=share)
            counts[node : node + part.size] += part
        grid[low : low + counts.size] += counts
    return grid


def _convolve(
    spread_pos: NDArray, spread_neg: NDArray, kernels: frozenset[Kernel]
) -> tuple[dict[str, NDArray], dict[str, NDArray]]:
    """Return what the sums of a positive, and of a negative, are in each cell."""
    # A positive sees the negatives above it. A negative sees the positives below it: the same
    # sum with the mirrored kernel.
    smoothed = _smooth(
        {"pos": spread_neg, "neg": spread_pos},
        [(name, side) for name in ("sigma", "dsigma") if name in kernels for side in _SIDES],
    )
    of_pos: dict[str, NDArray] = {}
    of_neg: dict[str, NDArray] = {}
    for (name, side), field in smoothed.items():
        if name == "sigma":
            partners = spread_neg if side == "pos" else spread_pos[::-1]
            beyond_cutoff = np.cumsum(partners[::-1])[::-1][_HALF_WIDTH + 1 :]
            seen = field if side == "pos" else field[::-1]
            seen[: beyond_cutoff.size] += beyond_cutoff
        (of_pos if side == "pos" else of_neg)[f"{name}_{side}"] = field
    return of_pos, of_neg


def _smooth(
    partners: dict[str, NDArray], wanted: list[tuple[str, str]]
) -> dict[tuple[str, str], NDArray]:
    """Return grids of one size, each convolved with a kernel, by names of kernel and side."""
    if not wanted:
        return {}
    (n_cells,) = {grid.size for grid in partners.values()}
    near = slice(_HALF_WIDTH, _HALF_WIDTH + n_cells)
    if n_cells > SMALL_GRID:
        return {
            (name, side): oaconvolve(partners[side], _taps(name, side))[near]
            for name, side in wanted
        }
    # One transform is quicker than the bookkeeping of many.
    n_padded = next_fast_len(n_cells + _DISTANCES.size - 1, real=True)
    spectra = dict(zip(partners, rfft(np.stack(list(partners.values())), n_padded)))
    products = np.empty((len(wanted), n_padded // 2 + 1), dtype=np.complex128)
    for product, (name, side) in zip(products, wanted):
        np.multiply(spectra[side], _spectrum(name, side, n_padded), out=product)
    return dict(zip(wanted, irfft(products, n_padded)[:, near]))


def _taps(kernel: str, side: str) -> NDArray:
    return _TAPS[kernel] if side == "pos" else _TAPS[kernel][::-1]


@lru_cache(maxsize=32)
def _spectrum(kernel: str, side: str, n_padded: int) -> NDArray:
    """Return the transform of a kernel on a grid, which the next rounds need as well."""
    return cast(NDArray, rfft(_taps(kernel, side), n_padded))


def _read(fields: dict[str, NDArray], x: NDArray, kept: _Stencils | None) -> dict[str, NDArray]:
    """Interpolate each field at the rows."""
    values = {}
    for name in fields:
        values[name] = np.empty(x.size)
    for start in range(0, x.size if fields else 0, _CHUNK):
        rows = slice(start, start + _CHUNK)
        cell, stencil = _stencils(x[rows]) if kept is None else (kept[0][rows], kept[1][:, rows])
        for name, field in fields.items():
            total = stencil[0] * field[cell]
            for node in range(1, _STENCIL):
                total += stencil[node] * field[cell + node]
            # A stencil has small negative weights; a sum of kernels is not negative.
            np.maximum(total, 0.0, out=values[name][rows])
    return values


def _positions(n_cells: int, cuts: tuple[NDArray, NDArray] | None) -> NDArray:
    """Return where the cells are, at distances as they were before the axis was shortened."""
    position = np.arange(n_cells) / CELLS_PER_TEMPERATURE
    if cuts is not None:
        where, removed = cuts
        position = position + removed[np.searchsorted(where, position, side="right") - 1]
    return position


def _field_of_softplus(partners: NDArray, position: NDArray) -> NDArray:
    """Return the sum of softplus over the partners, for a row in each cell."""
    field = _smooth({"pos": partners}, [("softplus", "pos")])["softplus", "pos"]
    # Beyond the cutoff softplus(x) = x.
    mass = np.cumsum(partners[::-1])[::-1][_HALF_WIDTH + 1 :]
    moment = np.cumsum((partners * position)[::-1])[::-1][_HALF_WIDTH + 1 :]
    field[: mass.size] += moment - position[: mass.size] * mass
    return field
