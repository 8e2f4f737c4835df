"""Rows that are spread over workers: what their sums alone tell about all of them.

Every worker calls the same functions in the same order, each with rows of its own,
and gets the same answer, the one that a single machine with all rows would give.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Collective", "Level", "find_levels", "gather", "sum_over"]


class Collective(Protocol):
    """Workers that add up arrays.

    Attributes
    ----------
    rank, size : int
        The number of this worker, from 0, and how many there are.
    """

    @property
    def rank(self) -> int: ...

    @property
    def size(self) -> int: ...

    def sum(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the elementwise sum over workers."""
        ...

    def max(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the elementwise maximum over workers."""
        ...


class Level(NamedTuple):
    """A score, the weight of the rows above it and of those at it."""

    score: float
    above: float
    at: float


# An 11-bit digit takes three passes over single-precision scores, with messages of 16 KB.
_DIGIT_BITS = 11


def sum_over(collective: Collective | None, *values: float) -> list[float]:
    """Return the sums over all workers, in one message; the values themselves if alone."""
    if collective is None:
        return list(values)
    return collective.sum(np.array(values, dtype=np.float64)).tolist()


def find_levels(
    collective: Collective,
    scores: NDArray[np.floating],
    weight: NDArray | None,
    masses: Sequence[float],
    *,
    exceed: bool,
) -> list[Level]:
    """Return the scores at which the weight counted from the top reaches each mass.

    Parameters
    ----------
    collective : Collective
        The workers.
    scores : ndarray of shape (n_rows,)
        Scores of this worker's rows, of the same dtype on every worker; finite.
    weight : ndarray of shape (n_rows,) or None
        Their weights, all positive; None for one each.
    masses : sequence of float
        What is to be reached; the same on every worker.
    exceed : bool
        Whether the weight must exceed the mass, or be at least as much.

    Returns
    -------
    levels : list of Level
        One per mass; the least score where all rows together do not reach it.

    Notes
    -----
    Scores are compared by their bits, a digit at a time from the most significant one:
    the workers add up histograms of the digit over the rows that agree in those
    before it. The number of messages and their size depend on the dtype and on the
    number of masses alone, and the level is a score that occurs, exactly.
    """
    keys = _ordered_keys(scores)
    shift = 8 * keys.itemsize
    above = [0.0] * len(masses)
    prefixes = [0] * len(masses)
    # Masses whose digits agree so far share their candidates.
    candidates = {0: (keys, weight)}
    at = [0.0] * len(masses)
    while shift:
        width = min(_DIGIT_BITS, shift)
        shift -= width
        n_bins = 1 << width
        digits = {
            prefix: ((kept >> kept.dtype.type(shift)) & kept.dtype.type(n_bins - 1)).astype(np.intp)
            for prefix, (kept, _) in candidates.items()
        }
        order = list(candidates)
        local = [
            np.bincount(digits[prefix], candidates[prefix][1], minlength=n_bins) for prefix in order
        ]
        counted = collective.sum(np.array(local, dtype=np.float64))
        found = {}
        for k, mass in enumerate(masses):
            prefix = prefixes[k]
            from_top = counted[order.index(prefix)][::-1]
            down_to = above[k] + np.cumsum(from_top)
            enough = down_to > mass if exceed else down_to >= mass
            reached = np.flatnonzero(enough & (from_top > 0))
            step = int(reached[0] if reached.size else np.flatnonzero(from_top)[-1])
            above[k] = float(down_to[step - 1]) if step else above[k]
            at[k] = float(from_top[step])
            digit = n_bins - 1 - step
            prefixes[k] = (prefix << width) | digit
            if prefixes[k] not in found:
                kept, of_kept = candidates[prefix]
                inside = digits[prefix] == digit
                found[prefixes[k]] = (kept[inside], None if of_kept is None else of_kept[inside])
        candidates = found
    values = _scores_of(np.array(prefixes, dtype=keys.dtype), scores.dtype)
    return [Level(float(score), *of) for score, *of in zip(values, above, at)]


def _ordered_keys(scores: NDArray[np.floating]) -> NDArray[np.unsignedinteger]:
    """Return unsigned integers in the order of the scores."""
    unsigned = np.dtype(f"u{scores.dtype.itemsize}")
    # Adding zero makes the negative zero the positive one, which it equals.
    bits = np.ascontiguousarray(scores + scores.dtype.type(0)).view(unsigned)
    sign = unsigned.type(1 << (8 * unsigned.itemsize - 1))
    return np.where(bits & sign, ~bits, bits | sign)


def _scores_of(keys: NDArray[np.unsignedinteger], dtype: np.dtype) -> NDArray[np.floating]:
    """Return the scores that `_ordered_keys` made keys of."""
    sign = keys.dtype.type(1 << (8 * keys.itemsize - 1))
    return np.where(keys & sign, keys & ~sign, ~keys).view(dtype)


def gather(collective: Collective, *parts: NDArray) -> tuple[list[NDArray], list[slice]]:
    """Return arrays over the rows of all workers, and where this worker's rows are in each."""
    lengths = np.zeros((collective.size, len(parts)))
    lengths[collective.rank] = [part.size for part in parts]
    ends = np.cumsum(collective.sum(lengths), axis=0).astype(int)
    whole, mine = [], []
    for part, of_part in zip(parts, ends.T):
        stop = int(of_part[collective.rank])
        mine.append(slice(stop - part.size, stop))
        values = np.zeros(int(of_part[-1]))
        values[mine[-1]] = part
        whole.append(collective.sum(values))
    return whole, mine
