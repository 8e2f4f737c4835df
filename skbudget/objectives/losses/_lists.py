"""What the losses of lists share: which rows are compared, their grades, sums over pairs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...kernels._dispatch import sum_pairs
from ...kernels._kernel import FUNCTIONS, Kernel
from ...kernels._sorted import _near_pairs
from .._checks import refuse_grades
from .._loss import Loss, Scale, example_rows
from .._rows import Rows

__all__ = [
    "LeafSums",
    "ListLoss",
    "Lists",
    "OfQueries",
    "Side",
    "grades_of",
    "hinge_sums",
    "kernel_sums",
    "lists_of",
    "sum_in_lists",
]

# Lists with up to so many pairs are formed pair by pair, all of them at once.
_FEW_PAIRS = 1 << 15
# Numbers of lists up to so many times that of the rows are taken as they are.
_SPARSE = 4

LeafSums = dict[str, NDArray[np.float64]]


class Lists(NamedTuple):
    """Which list each row is in.

    Attributes
    ----------
    code : ndarray of shape (n_rows,) or None
        Number of each row's list; None where all rows are one list.
    n_lists : int
        There may be numbers that no row has.
    """

    code: NDArray[np.intp] | None
    n_lists: int

    def sum(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Return the sum over each list."""
        if self.code is None:
            return np.array([float(values.sum())])
        summed = np.bincount(self.code, values, minlength=self.n_lists)
        return summed.astype(np.float64, copy=False)

    def greatest(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Return the maximum of each list, minus infinity for one without rows."""
        found = np.full(self.n_lists, -np.inf)
        if self.code is None:
            found[0] = values.max(initial=-np.inf)
        else:
            np.maximum.at(found, self.code, values)
        return found

    def of_rows(self, values: NDArray[Any]) -> Any:
        """Return what each row's list has."""
        return values[0] if self.code is None else values[self.code]

    def of(self, rows: NDArray[Any]) -> NDArray[np.intp] | None:
        """Return the numbers of the lists of some rows."""
        return None if self.code is None else self.code[rows]


def lists_of(rows: Rows) -> Lists:
    """Return the lists of rows: their queries if they have the column ``group``."""
    group = rows.columns.get("group")
    if group is None:
        return Lists(None, 1)
    if group.dtype.kind in "bu" or (group.dtype.kind == "i" and group.min(initial=0) >= 0):
        n_lists = int(group.max(initial=0)) + 1
        if n_lists <= _SPARSE * group.size:
            return Lists(group.astype(np.intp, copy=False), n_lists)
    values, code = np.unique(group, return_inverse=True)
    return Lists(code, values.size)


class ListLoss(Loss[Any]):
    """A loss of lists: two labels, or with ``graded`` numbers from 0 that grade the rows.

    A subclass is a dataclass with the parameter ``graded``.
    """

    graded: bool

    reads: ClassVar[frozenset[str]] = frozenset({"group", "value"})
    scale: ClassVar[Scale] = "positives"

    def _declare(self) -> None:
        """Let the loss take real numbers if it is graded."""
        if self.graded:
            reads = type(self).reads - {"value"}
            self.__dict__.update(target="real", scale="relevant", reads=reads)

    def _rows_and_unit(self, y_true: ArrayLike, *args: Any, **columns: Any) -> tuple[Rows, int]:
        try:
            return super()._rows_and_unit(y_true, *args, **columns)
        except ValueError:
            refuse_grades(self, y_true)
            raise

    @classmethod
    def _examples(cls, *losses: Loss[Any]) -> Iterator[tuple[Loss[Any], Rows]]:
        """Yield losses on one list and on several, of which one has a single class."""
        group = np.arange(40) * 7 % 5
        for seed, loss in enumerate(losses):
            for several in (False, True):
                own = seed + several * len(losses)
                rows = example_rows(loss, 40, weighted=seed % 2 == 1, seed=own)
                if loss.target == "real":
                    rows = rows.replace(target=np.arange(40) % 7 // 2.0)
                if several:
                    target = rows.target.copy()
                    target[group == 3] = 0
                    rows = rows.replace(target=target, columns={"group": group})
                yield loss, rows


class OfQueries(ABC):
    """A loss that boosters have as an objective of their own, which is told the queries."""

    @abstractmethod
    def _library_takes(self, library: str, rows: Rows) -> bool:
        """Tell whether the objective of a booster takes these rows.

        Raises
        ------
        ValueError
            If neither that objective nor the loss takes them.
        """


def grades_of(loss: ListLoss, rows: Rows) -> NDArray[np.float64]:
    """Return the grade of each row.

    Raises
    ------
    ValueError
        If a grade is negative.
    """
    if rows.target.dtype == bool:
        return rows.target.astype(np.float64)
    least = float(rows.target.min(initial=0.0))
    if least < 0:
        raise ValueError(
            f"y_true holds grades for {type(loss).__name__}(graded=True), numbers from 0 on, of "
            f"which 0 is not relevant: got {least:g}. Subtract the least grade."
        )
    return rows.target


def weight_of(rows: Rows) -> NDArray[np.float64]:
    """Return how often each row counts."""
    return np.ones(rows.n_samples) if rows.weight is None else rows.weight.astype(np.float64)


def worth_of(rows: Rows) -> NDArray[np.float64]:
    """Return how often each row counts, times the value of a positive."""
    return np.ones(rows.n_samples) if rows.worth is None else rows.worth.astype(np.float64)


def with_order(
    lists: Lists, grade: NDArray[np.float64], weight: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Return which lists have an order to be found: rows with weight of different grades."""
    counted = weight > 0
    greatest = lists.greatest(np.where(counted, grade, -np.inf))
    return greatest > -lists.greatest(np.where(counted, -grade, -np.inf))


# --- sums over the pairs of each list ---------------------------------------------------


class Side(NamedTuple):
    """The rows on one side of the pairs.

    Attributes
    ----------
    scores, weight : ndarray of shape (n_rows,)
    code : ndarray of shape (n_rows,) or None
        The list of each row, as of `Lists`.
    """

    scores: NDArray[np.float64]
    weight: NDArray[np.float64]
    code: NDArray[np.intp] | None

    def take(self, rows: Any) -> Side:
        """Return some of the rows."""
        return Side(
            self.scores[rows], self.weight[rows], None if self.code is None else self.code[rows]
        )


def sum_in_lists(
    high: Side,
    low: Side,
    n_lists: int,
    of_pair: Callable[[NDArray[np.float64]], Mapping[str, NDArray[np.float64]]],
    of_list: Callable[[Side, Side], tuple[LeafSums, LeafSums]],
) -> tuple[LeafSums, LeafSums]:
    """Sum functions of a pair over the partners of each row in its own list.

    Parameters
    ----------
    high, low : Side
        A pair is a row of either side.
    n_lists : int
        Number of lists.
    of_pair : callable
        Returns functions of the differences ``low - high`` of scores.
    of_list : callable
        Returns for each function the sums of the rows of either side of one list, over the
        partners and their weights, without forming pairs.

    Returns
    -------
    of_high, of_low : dict of str to ndarray
        For each function the sum of each row over its partners and their weights.
    """
    if high.code is None or low.code is None:
        return of_list(high, low)
    order_high = np.argsort(high.code, kind="stable")
    order_low = np.argsort(low.code, kind="stable")
    highs, lows = high.take(order_high), low.take(order_low)
    n_high = np.bincount(high.code, minlength=n_lists)
    n_low = np.bincount(low.code, minlength=n_lists)
    end_high, end_low = np.cumsum(n_high), np.cumsum(n_low)
    n_pairs = n_high * n_low
    names = list(of_pair(np.zeros(1)))
    of_high: LeafSums = {name: np.zeros(highs.scores.size) for name in names}
    of_low: LeafSums = {name: np.zeros(lows.scores.size) for name in names}
    for number in np.flatnonzero(n_pairs > _FEW_PAIRS):
        mine = slice(end_high[number] - n_high[number], end_high[number])
        others = slice(end_low[number] - n_low[number], end_low[number])
        found_high, found_low = of_list(highs.take(mine), lows.take(others))
        for name in names:
            of_high[name][mine], of_low[name][others] = found_high[name], found_low[name]
    assert highs.code is not None
    last = end_low[highs.code]
    first = last - np.where(n_pairs <= _FEW_PAIRS, n_low, 0)[highs.code]
    for i, j in _near_pairs(first, last):
        values = of_pair(lows.scores[j] - highs.scores[i])
        for name in names:
            of_high[name] += np.bincount(i, lows.weight[j] * values[name], highs.scores.size)
            of_low[name] += np.bincount(j, highs.weight[i] * values[name], lows.scores.size)
    for found, order in ((of_high, order_high), (of_low, order_low)):
        for name in names:
            restored = np.empty_like(found[name])
            restored[order] = found[name]
            found[name] = restored
    return of_high, of_low


def kernel_sums(
    high: Side, low: Side, n_lists: int, temperature: float, kernels: tuple[Kernel, ...]
) -> tuple[LeafSums, LeafSums]:
    """Sum kernels of ``(low - high) / temperature``, see `sum_in_lists`."""
    wanted: set[Kernel] = set(kernels)
    if "softplus" in wanted:
        wanted.add("softplus_rows")

    def of_pair(x: NDArray[np.float64]) -> LeafSums:
        return {kernel: FUNCTIONS[kernel](x / temperature) for kernel in kernels}

    def of_list(high: Side, low: Side) -> tuple[LeafSums, LeafSums]:
        sums = sum_pairs(
            high.scores, low.scores, temperature, high.weight, low.weight, frozenset(wanted)
        )
        return (
            {kernel: getattr(sums, f"{kernel}_pos") for kernel in kernels},
            {kernel: getattr(sums, f"{kernel}_neg") for kernel in kernels},
        )

    return sum_in_lists(high, low, n_lists, of_pair, of_list)


def hinge_sums(
    high: Side, low: Side, n_lists: int, margin: float, power: int
) -> tuple[LeafSums, LeafSums]:
    """Sum the hinge ``max(0, margin + low - high)`` and its square, see `sum_in_lists`.

    Parameters
    ----------
    high, low : Side
        The rows.
    n_lists : int
        Number of lists.
    margin : float
        The margin.
    power : {1, 2}
        Whether the hinge is squared.

    Returns
    -------
    of_high, of_low : dict of str to ndarray
        "loss", its derivative "slope" by ``low``, and "curve", the second one.
    """

    def of_pair(x: NDArray[np.float64]) -> LeafSums:
        excess = np.maximum(x + margin, 0.0)
        active = (excess > 0).astype(np.float64)
        if power == 1:
            return {"loss": excess, "slope": active, "curve": np.zeros_like(active)}
        return {"loss": excess**2, "slope": 2.0 * excess, "curve": 2.0 * active}

    def of_list(high: Side, low: Side) -> tuple[LeafSums, LeafSums]:
        if not high.scores.size or not low.scores.size:
            empty = of_pair(np.zeros(0))
            return (
                {name: np.zeros(high.scores.size) for name in empty},
                {name: np.zeros(low.scores.size) for name in empty},
            )
        # The other side of a pair looks at the mirrored axis.
        return (
            _excess_sums(high.scores - margin, low.scores, low.weight, power),
            _excess_sums(-low.scores - margin, -high.scores, high.weight, power),
        )

    return sum_in_lists(high, low, n_lists, of_pair, of_list)


def _excess_sums(
    at: NDArray[np.float64], others: NDArray[np.float64], weight: NDArray[np.float64], power: int
) -> LeafSums:
    """Sum what the others are above each place, or its square, by prefix sums."""
    order = np.argsort(others)
    # Centred, so that sums of scores keep their digits.
    centre = float(others[order[-1]])
    sorted_others, at = others[order] - centre, at - centre
    first = np.searchsorted(sorted_others, at, side="right")
    of_weight, of_scores, of_squares = (
        np.concatenate([np.cumsum((weight[order] * sorted_others**k)[::-1])[::-1], [0.0]])[first]
        for k in range(3)
    )
    excess = np.maximum(of_scores - at * of_weight, 0.0)
    if power == 1:
        return {"loss": excess, "slope": of_weight, "curve": np.zeros_like(of_weight)}
    squared = np.maximum(of_squares - 2.0 * at * of_scores + at**2 * of_weight, 0.0)
    return {"loss": squared, "slope": 2.0 * excess, "curve": 2.0 * of_weight}
