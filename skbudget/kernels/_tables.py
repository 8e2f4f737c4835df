"""Sums over pairs where most of the rows take part: tables of what a row has at each score.

Rows are counted at nodes, a 512th of the temperature apart, in the shares that
interpolate a kernel between two nodes. From there on the number of rows does
not matter, and no row has to be moved: the sums at the nodes are a table, and
each row looks up its own by linear interpolation.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._utils.collective import Collective
from ._grid import LOST, sum_on_grid
from ._kernel import Kernel
from ._sorted import APART

__all__ = ["BAND_NEGATIVE", "NEITHER", "POSITIVE", "PairTables", "tabulate_pairs"]

BAND_NEGATIVE, POSITIVE, NEITHER = 0, 1, 2

# A line between two nodes is off by 2.4e-7 of a kernel's maximum, on either side of a pair.
_NODES_PER_TEMPERATURE = 512
# Tables have to stay small beside the rows, and in the cache.
_MOST_NODES = 1 << 15
# Rows that are taken at once.
_CHUNK = 1 << 17

# Memory for `_find_nodes`: integers of shape (2, n_rows) and floats of shape (n_rows,).
_Room = tuple[NDArray[np.int64], NDArray[np.float64]]


class PairTables(NamedTuple):
    """Row sums of the kernels as functions of the score, for rows of either class.

    Attributes
    ----------
    low : float
        Score of the first node.
    per_node : float
        Nodes to a unit of score.
    sums : dict of ndarray of shape (3, n_nodes)
        For each kernel, what a row with a node's score would have: a negative of the band
        in row `BAND_NEGATIVE`, a positive in row `POSITIVE`, and 0 in row `NEITHER`.
    """

    low: float
    per_node: float
    sums: dict[Kernel, NDArray[np.float64]]

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
            Type of the answer.

        Returns
        -------
        values : list of ndarray of shape (n_rows,)
        """
        n_nodes = tables[0].shape[1]
        columns = []
        values = []
        for table in tables:
            columns += [table, np.diff(table, axis=1, append=table[:, -1:])]
            values.append(np.empty(scores.size, dtype=dtype))
        # What belongs to a node lies together, to be fetched at once.
        packed = np.stack(columns, axis=-1, dtype=dtype, casting="same_kind")
        packed = packed.reshape(-1, len(columns))
        size = min(_CHUNK, scores.size)
        room = np.empty((2, size), dtype=np.int64), np.empty(size)
        found = np.empty((size, len(columns)), dtype=dtype)
        for start in range(0, scores.size, _CHUNK):
            rows = slice(start, start + _CHUNK)
            node, part = _find_nodes(
                scores[rows], group[rows], self.low, self.per_node, n_nodes, room
            )
            # No index is out of range; "clip" is the mode that writes without a copy.
            at_node = packed.take(node, axis=0, out=found[: node.size], mode="clip")
            part = part.astype(dtype, copy=False)
            for column, value in enumerate(values):
                level, slope = at_node[:, 2 * column], at_node[:, 2 * column + 1]
                np.multiply(slope, part, out=value[rows])
                value[rows] += level
        return values


def _find_nodes(
    scores: NDArray,
    group: NDArray[np.int8],
    low: float,
    per_node: float,
    n_nodes: int,
    room: _Room,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return each row's node in the table of its group, and how far past the node it is.

    Both lie in ``room`` and hold until the next call: fresh memory takes longer than the
    pass over it.
    """
    node, first = room[0][:, : scores.size]
    position = room[1][: scores.size]
    np.subtract(scores, low, out=position, dtype=np.float64)
    position *= per_node
    np.copyto(node, position, casting="unsafe")
    position -= node
    np.multiply(group, n_nodes, out=first, dtype=np.int64)
    node += first
    return node, position


def tabulate_pairs(
    scores: NDArray,
    group: NDArray[np.int8],
    tau: float,
    weight: NDArray | None,
    kernels: frozenset[Kernel],
    collective: Collective | None = None,
) -> PairTables | None:
    """Sum the pair kernels into tables.

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
        Which kernels to sum; "dsigma" must be among them.
    collective : Collective or None
        The workers that the rows are spread over.

    Returns
    -------
    tables : PairTables or None
        None where a table would be too large, or where the pairs are so far apart that it
        would lose them. `sum_pairs` handles both.
    """
    low, high, n_rows = np.inf, -np.inf, float(scores.size)
    if scores.size:
        low, high = float(scores.min()), float(scores.max())
    if collective is not None:
        high, minus_low = collective.max(np.array([high, -low])).tolist()
        low = -minus_low
        n_rows = float(collective.sum(np.array([n_rows]))[0])
    per_node = _NODES_PER_TEMPERATURE / tau
    span = (high - low) * per_node
    if not span < min(_MOST_NODES, 0.5 * n_rows):
        return None
    n_nodes = int(span) + 2
    count = np.zeros(3 * n_nodes)
    share = np.zeros(3 * n_nodes)
    size = min(_CHUNK, scores.size)
    room = np.empty((2, size), dtype=np.int64), np.empty(size)
    for start in range(0, scores.size, _CHUNK):
        rows = slice(start, start + _CHUNK)
        node, part = _find_nodes(scores[rows], group[rows], low, per_node, n_nodes, room)
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
    if at_positives[0] - at_negatives[-1] > APART * _NODES_PER_TEMPERATURE:
        return None
    nodes = np.arange(n_nodes) / _NODES_PER_TEMPERATURE
    at_nodes = sum_on_grid(nodes, nodes, positives, negatives, kernels, float(nodes[-1]))
    assert at_nodes.dsigma_pos is not None
    if at_nodes.dsigma_pos[at_positives].max() < LOST * negatives.sum():
        return None
    sums: dict[Kernel, NDArray[np.float64]] = {}
    for kernel in kernels:
        of_positives = getattr(at_nodes, f"{kernel}_pos")
        of_negatives = getattr(at_nodes, f"{kernel}_neg")
        sums[kernel] = np.stack([of_negatives, of_positives, np.zeros(n_nodes)])
    return PairTables(low, per_node, sums)
