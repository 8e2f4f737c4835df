"""Training on the rows that can reach the band: which they are, and that no other can.

A loss over a band has gradients for the positives and for the negatives in the band alone. A
negative outside can enter it only if its score rises to the lower edge, and in a round no score
rises by more than the greatest leaf of the round's tree. So rows that are further below the
edge need neither a histogram nor a score, until the sum of the greatest leaves says so: the
derivatives are those of all rows, to the last bit of the sums. It is the bound of the fast
variants of k-means.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._utils.validation import _invalid, _is_real
from ..objectives import Loss, Rows
from ..objectives._loss import HESSIAN_FLOOR
from ..objectives.losses._band import BandParameters

__all__ = ["Reach", "Work", "can_be_bounded", "check_pool"]

# What work costs, in rounds of training on all rows: a row of the pool is copied, a row outside
# is brought up to date, and all rows are looked over.
_COPY, _BRING, _LOOK = 2.0, 1.3, 0.5
# And what it costs to take a row through a tree of 31 leaves. More leaves make a round dearer,
# but not as much as a way through the tree.
_TREE, _LEAVES, _DEEPER = 0.27, 31, 0.65
# Training on all rows goes on while a pool would save less than this: the work around it is not
# shared among threads.
_WORTHWHILE = 0.3
# Before so many rounds the scores tell little about the next ones.
_FIRST_LOOK, _NEXT_LOOK = 4, 3
# A pool is chosen for this many times the recent rise of the bound.
_CARE = 1.2
# And once more if it has lasted so many times as long as it was chosen for.
_LATE = 2
_LENGTHS = (2, 3, 5, 8, 12, 18, 27, 40, 60, 90, 135, 200)
_SAMPLE = 20_000
_RECENT = 5
# The scores of boosters are sums in their own precision.
_SLACK = 1e-9
# A share of the rows is chosen after so many rounds, and then as often as they prove right.
_FIRST_SHARE, _PERIOD, _LONGEST = 10, 25, 50
# Rows that are looked at at once: copies of all of them would cost memory.
_BLOCK = 32_768
# Of the negatives in the band, so many may have been out of the share without a warning.
_RISEN = 0.05


def check_pool(pool: Any, owner: str) -> None:
    """Raise if ``pool`` does not say which rows to train on."""
    if pool is None or (isinstance(pool, str) and pool == "exact"):
        return
    if not _is_real(pool) or not 0 < pool < 1:
        allowed = "'exact', a fraction in (0, 1) of the negatives, or None for all rows"
        raise _invalid("pool", pool, owner, allowed)


def can_be_bounded(loss: Loss[Any]) -> bool:
    """Tell whether only rows near the band of a loss take part in it."""
    return isinstance(loss, BandParameters) and loss.tau_scale != "iqr" and loss.beta < 1.0


@dataclass
class Work:
    """What a training has done, as parts of what training on all rows would do.

    Attributes
    ----------
    n_rounds : int
        Rounds so far.
    trained : float
        Rows trained on, a mean over rounds as a fraction of all rows.
    passes : float
        Trees that rows outside were taken through, times their share of all rows.
    n_pools : int
        How often the rows were chosen.
    risen : float
        Greatest part of the negatives in the band that were not trained on when rows were
        chosen anew; 0 where rows are those within reach.
    """

    n_rounds: int = 0
    trained: float = 0.0
    passes: float = 0.0
    n_pools: int = 0
    risen: float = 0.0

    @property
    def rescored(self) -> float:
        """Trees that rows outside were taken through, as a fraction of all rounds and rows."""
        return self.passes / max(1, self.n_rounds)

    def warn_of_risen(self, pool: Any, owner: str, stacklevel: int = 2) -> None:
        """Warn if many rows of the band were not trained on."""
        if self.risen > _RISEN:
            warnings.warn(
                f"pool={pool!r} of {owner} left out {self.risen:.0%} of the negatives that had "
                "risen into the band when rows were chosen anew: what they would have taught "
                "is missing. Pass a greater share, or pool='exact', which leaves out none.",
                UserWarning,
                stacklevel=stacklevel + 1,
            )


@dataclass
class Reach:
    """Scores of all rows, as far as they are known, and the rows that are trained on.

    Parameters
    ----------
    rows : Rows
        All rows that there are, of two classes. Their scores are not used.
    n_rounds : int
        Rounds that there will be at most.
    bring : callable
        ``bring(index, score, at, last)`` adds to the scores of some rows what the trees up to
        round ``last``, without it, add. ``score`` and ``at`` are those of all rows, and each row
        has the trees of the first ``at`` rounds.
    precision : float, default=1e-9
        Rounding error of scores, relative to the greatest.
    share : float or None
        Train on the positives and on this share of the negatives, the hardest ones; None for all
        that are within reach.
    n_leaves : int, default=31
        Greatest number of leaves of a tree.

    Attributes
    ----------
    index : ndarray of int or None
        The rows that are trained on, increasing; None for all.
    work : Work
        What was done.
    """

    rows: Rows
    n_rounds: int
    bring: Callable[[NDArray[Any], NDArray[np.float64], NDArray[Any], int], None]
    precision: float = _SLACK
    share: float | None = None
    n_leaves: int = _LEAVES

    index: NDArray[Any] | None = field(init=False, default=None)
    work: Work = field(init=False, default_factory=Work)

    def __post_init__(self) -> None:
        n_rows = self.rows.n_samples
        # Scores, and how many trees each has: nothing before rows are chosen.
        self._score = np.empty(0)
        self._at: NDArray[Any] = np.empty(0, dtype=np.uint16)
        self._gained: list[float] = [0.0]
        self._edges: list[float] = []
        self._ceiling = -math.inf
        self._chosen_at, self._planned = 0, 1
        self._next_look = _FIRST_LOOK if self.share is None else _FIRST_SHARE
        self._period = _PERIOD
        self._tree = _TREE * (self.n_leaves / _LEAVES) ** _DEEPER
        self._part: Rows | None = None
        self._sample = np.random.default_rng(0).integers(0, n_rows, min(n_rows, _SAMPLE))

    def of_pool(self, loss: Loss[Any], rows: Rows) -> Loss[Any]:
        """Return the loss whose band among some rows is that of the loss among all rows."""
        if rows is self.rows or not isinstance(loss, BandParameters):
            return loss
        ratio = _reference(self.rows, loss.basis) / _reference(rows, loss.basis)
        return loss.replace(alpha=loss.alpha * ratio, beta=min(1.0, loss.beta * ratio))

    def derivatives(
        self, loss: Loss[Any], raw: NDArray[np.floating], number: int, gained: float
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], bool]:
        """Return gradient and hessian of the rows to train on, and whether these are others.

        Parameters
        ----------
        loss : Loss
            The loss of the round, with all that depends on the rows filled in.
        raw : ndarray of shape (n_trained,)
            Scores of the rows that were trained on in the last round.
        number : int
            Number of trees so far.
        gained : float
            Sum of the greatest leaves of these trees.

        Returns
        -------
        gradient, hessian : ndarray of shape (n_trained,)
        moved : bool
            Whether ``index`` has changed, and derivatives are those of the new rows.
        """
        while len(self._gained) <= number:
            self._gained.append(gained)
        self._gained[number] = gained
        before = self.index
        rows = self._part if self._part is not None else self.rows
        rows = rows.replace(raw=raw, dtype=np.float32)
        band = can_be_bounded(loss)
        if not band and self.index is not None:
            rows = self._all_again(raw, number)
        bounded = self.of_pool(loss, rows) if self.index is not None else loss
        held: Any = bounded.hold(rows)
        if band and self._is_due(_edge(held), number):
            choose = self._choose if self.share is None else self._choose_share
            rows = choose(loss, raw, _edge(held), number)
            bounded = self.of_pool(loss, rows) if self.index is not None else loss
            held = bounded.hold(rows)
        if band:
            self._edges.append(_edge(held))
        self.work.n_rounds += 1
        self.work.trained += (rows.n_samples / self.rows.n_samples - self.work.trained) / (
            self.work.n_rounds
        )
        return (*_dense(bounded, rows, held), self.index is not before)

    def again(
        self, loss: Loss[Any], raw: NDArray[np.floating]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return gradient and hessian of the rows that were chosen, from the booster's scores."""
        part = self._part if self._part is not None else self.rows
        rows = part.replace(raw=raw, dtype=np.float32)
        bounded = self.of_pool(loss, rows) if self.index is not None else loss
        return _dense(bounded, rows, bounded.hold(rows))

    # --- what is known -----------------------------------------------------------------------

    def _is_due(self, edge: float, number: int) -> bool:
        """Tell whether the rows are to be chosen, because others may reach the edge."""
        if self.index is None:
            return number >= self._next_look and number < self.n_rounds - 1
        if self.share is not None:
            return number - self._chosen_at >= self._period
        if number - self._chosen_at >= _LATE * self._planned:
            # It lasts longer than expected: fewer rows would do by now.
            return True
        risen = self._gained[number] - self._gained[self._chosen_at]
        return not self._ceiling + risen + self._slack() < edge

    def _slack(self) -> float:
        ceiling = abs(self._ceiling) if math.isfinite(self._ceiling) else 0.0
        return self.precision * (1.0 + ceiling + abs(self._gained[-1]))

    def _know(self, raw: NDArray[np.floating], number: int) -> None:
        """Note the scores of the rows that were trained on."""
        if number > np.iinfo(self._at.dtype).max:
            self._at = self._at.astype(np.int64)
        if self.index is None:
            self._score = np.array(raw, dtype=np.float64)
            self._at = np.full(raw.size, number, dtype=self._at.dtype)
            return
        self._score[self.index] = raw
        self._at[self.index] = number

    def _bounds(self, number: int) -> Iterator[tuple[slice, NDArray[np.float64]]]:
        """Yield what no score of a block of rows is above.

        It is minus infinity for positives, who are always in.
        """
        to_come = self._gained[number] - np.asarray(self._gained[: number + 1])
        for begin in range(0, self._score.size, _BLOCK):
            rows = slice(begin, begin + _BLOCK)
            bounds = to_come[self._at[rows]]
            bounds += self._score[rows]
            bounds[self.rows.target[rows]] = -np.inf
            yield rows, bounds

    def _within(self, lowest: float, number: int) -> NDArray[np.bool_]:
        """Tell which negatives may have a score as high as that."""
        within = np.empty(self._score.size, dtype=bool)
        for rows, bounds in self._bounds(number):
            np.greater_equal(bounds, lowest, out=within[rows])
        return within

    def _update(self, late: NDArray[np.bool_], number: int) -> None:
        """Take rows through the trees that their scores do not have yet, and ``late`` apart."""
        late &= self._at < number
        index = _where(late)
        if not index.size:
            return
        self.bring(index, self._score, self._at, number)
        n_trees = 0
        for begin in range(0, index.size, _BLOCK):
            rows = index[begin : begin + _BLOCK]
            n_trees += int((number - self._at[rows].astype(np.int64)).sum())
            self._at[rows] = number
        self.work.passes += n_trees / self.rows.n_samples

    def _all_again(self, raw: NDArray[np.floating], number: int) -> Rows:
        """Return to training on all rows."""
        self._know(raw, number)
        self._update(np.ones(self.rows.n_samples, dtype=bool), number)
        self.index = self._part = None
        self._next_look = number + _NEXT_LOOK
        return self.rows.replace(raw=self._score, dtype=np.float32)

    # --- the choice --------------------------------------------------------------------------

    def _choose(self, loss: Loss[Any], raw: NDArray[np.floating], edge: float, number: int) -> Rows:
        """Choose the rows to train on, and return them with their scores."""
        if self.index is None:
            length, cost = self._length(edge, number, raw[self._sample])
            if cost > 1.0 - _WORTHWHILE:
                self._next_look = number + _NEXT_LOOK
                return self.rows.replace(raw=raw, dtype=np.float32)
            self._know(raw, number)
        else:
            self._know(raw, number)
            # The edge among the rows of the pool is not above that of all rows. So rows that
            # may reach it are the ones to look at, and then the edge is exact.
            self._update(self._within(edge, number), number)
            edge = self._exact_edge(loss, number)
            length, cost = self._length(edge, number, self._score[self._sample])
            # All rows would have to be taken through all trees.
            if cost > 1.0 + self._tree * number / max(1, self.n_rounds - number):
                return self._all_again(self._score[self.index], number)
        lowest = edge - length * self._rise(number)
        self._update(self._within(lowest, number), number)
        # The bound of a row that is up to date is its score.
        near = self._within(lowest, number)
        self._ceiling = max(
            float(bounds.max(where=~near[rows], initial=-np.inf))
            for rows, bounds in self._bounds(number)
        )
        near |= self.rows.target
        self._chosen_at, self._planned = number, length
        self.index = _where(near)
        self.work.n_pools += 1
        # The booster has scores of its own for positives; here they are known as well.
        self._update(near, number)
        return self._take_part()

    def _take_part(self) -> Rows:
        """Return the rows to train on, and keep them without their scores."""
        assert self.index is not None
        part = self.rows.replace(raw=self._score, dtype=np.float32).take(self.index)
        self._part = part.replace(raw=np.broadcast_to(0.0, part.target.shape))
        return part

    def _exact_edge(self, loss: Loss[Any], number: int) -> float:
        """Return the edge of the band among the rows whose scores are up to date."""
        known = self._at == number
        known |= self.rows.target
        part = self.rows.replace(raw=self._score).take(_where(known))
        return _edge(self.of_pool(loss, part).hold(part))

    def _choose_share(
        self, loss: Loss[Any], raw: NDArray[np.floating], edge: float, number: int
    ) -> Rows:
        """Choose the hardest negatives, and note how many of the band's were not among them."""
        assert self.share is not None
        self._know(raw, number)
        self._update(np.ones(self.rows.n_samples, dtype=bool), number)
        negative = ~self.rows.target
        edge = _edge(loss.hold(self.rows.replace(raw=self._score)))
        band = np.flatnonzero(negative & (self._score >= edge))
        if self.index is not None:
            risen = np.isin(band, self.index, invert=True).mean() if band.size else 0.0
            self.work.risen = max(self.work.risen, float(risen))
            self._period = max(1, self._period // 2) if risen else min(_LONGEST, 2 * self._period)
        n_hard = max(band.size, math.ceil(self.share * np.count_nonzero(negative)))
        of_negatives = np.where(negative, self._score, -np.inf)
        lowest = np.partition(of_negatives, of_negatives.size - n_hard)[-n_hard]
        self.index = _where((of_negatives >= lowest) | self.rows.target)
        self._chosen_at = number
        self.work.n_pools += 1
        return self._take_part()

    def _rise(self, number: int) -> float:
        """Return by how much bounds come closer to the edge in a round."""
        recent = max(1, min(_RECENT, number))
        rise = (self._gained[number] - self._gained[number - recent]) / recent
        edges = self._edges[-recent:]
        fall = (edges[0] - edges[-1]) / max(1, len(edges) - 1) if edges else 0.0
        # Leaves are negative where a loss of all rows warms up.
        return _CARE * (max(0.0, rise) + max(0.0, fall)) + self._slack()

    def _length(self, edge: float, number: int, sample: NDArray[np.floating]) -> tuple[int, float]:
        """Return for how many rounds a pool costs least, by a sample of scores, and the cost."""
        rise = self._rise(number)
        below = np.sort(edge - sample.astype(np.float64, copy=False))
        best, least = 1, math.inf
        for length in _LENGTHS:
            length = max(1, min(length, self.n_rounds - number))
            share, stale = np.searchsorted(below, [length * rise, 2 * length * rise]) / below.size
            cost = share * (1.0 + (_COPY + self._tree * number) / length)
            cost += stale * (_BRING / length + self._tree) + _LOOK / length
            if cost < least:
                best, least = length, float(cost)
        return best, least


def _dense(
    loss: Loss[Any], rows: Rows, held: Any
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    found, factor = loss.derivatives(rows, held), loss.boosting_factor(rows)
    return found.dense(rows.n_samples, scale=factor, floor=HESSIAN_FLOOR, dtype=np.float32)


def _where(mask: NDArray[np.bool_]) -> NDArray[Any]:
    """Return where a mask is true, in as few bytes as that takes."""
    dtype = np.int32 if mask.size <= np.iinfo(np.int32).max else np.intp
    found = np.empty(np.count_nonzero(mask), dtype=dtype)
    begin = 0
    for first in range(0, mask.size, _BLOCK):
        some = np.flatnonzero(mask[first : first + _BLOCK])
        np.add(some, first, out=found[begin : begin + some.size], casting="unsafe")
        begin += some.size
    return found


def _edge(held: Any) -> float:
    """Return the lower edge of the band: scores below it do not matter."""
    return float(held.t_beta if hasattr(held, "t_beta") else held.thresholds.min())


def _reference(rows: Rows, basis: str) -> float:
    """Return the weight of the rows whose ranks the band counts."""
    mask = rows.columns.get("iid_mask")
    if mask is None:
        return rows.negative_weight if basis == "fpr" else rows.total_weight
    counted = mask if basis == "population" else mask & ~rows.target
    if rows.weight is None:
        return float(np.count_nonzero(counted))
    return float(rows.weight[counted].sum())
