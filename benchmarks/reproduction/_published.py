"""The classes of a published table: its figures, its rows and the table itself.

Nothing here imports NumPy or torch, so that the command line can list the tables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ._recipes import CardFraud, Contested, Demo, Fit, Scale

if TYPE_CHECKING:
    from ._lab import Bench

__all__ = ["Published", "PublishedTable", "Row"]


@dataclass(frozen=True)
class Published:
    """A published figure.

    Parameters
    ----------
    value : float, default=None
        The figure. None if only a range or a word was published.
    low, high : float, default=None
        Ends of a published interval, or of a range over several cells.
    text : str, default=None
        The wording of the publication. None shows the numbers.
    digits : int, default=3
        Number of published digits.
    origin : {"document", "report"}, default="document"
        Where the figure was published.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    text: str | None = None
    digits: int = 3
    origin: str = "document"

    def agrees_with(self, low: float, high: float) -> bool | None:
        """Return whether an interval holds the rounded figure or overlaps its range.

        The result is None if there is no figure or no interval to compare.
        """
        if self.value is not None:
            known = (self.value, self.value)
        elif self.low is not None and self.high is not None:
            known = (self.low, self.high)
        else:
            return None
        if low != low or high != high:
            return None
        rounding = 0.5 * 10.0**-self.digits
        return low - rounding <= known[1] and known[0] <= high + rounding


@dataclass(frozen=True)
class Row:
    """A row of a table.

    Parameters
    ----------
    name : str
        Key of the number among the numbers of the table.
    label : str
        Name of the row as it is shown.
    published : Published, default=None
        The published figure. None if there is none.
    signed : bool, default=False
        Whether the number is a difference that is paired by seed.
    """

    name: str
    label: str
    published: Published | None = None
    signed: bool = False


@dataclass(frozen=True)
class PublishedTable:
    """A table to reproduce.

    Parameters
    ----------
    name : str
        Name on the command line.
    section : str
        Section of the publication.
    title : str
        What the table shows.
    fits : mapping of str to Fit
        Networks to train, once per seed.
    rows : tuple of Row
        The rows of the table.
    measure : callable
        ``measure(bench, fits)`` returns a number for each row on one seed, by the row's name.
    notes : tuple of str, default=()
        Remarks that readers of the table need.
    first_seed : int, default=0
        First seed of the publication.
    skip_seeds : int, default=0
        Number of seeds to skip, for draws that were not published.
    """

    name: str
    section: str
    title: str
    fits: Mapping[str, Fit]
    rows: tuple[Row, ...]
    measure: Callable[[Bench, Mapping[str, Fit]], dict[str, float]]
    notes: tuple[str, ...] = field(default=())
    first_seed: int = 0
    skip_seeds: int = 0

    def seeds(self, n_seeds: int | None, scale: Scale) -> range:
        """Return the seeds to run. If `n_seeds` is None, there are as many as published."""
        if n_seeds is None:
            n_seeds = scale.n_demo_seeds if self.first_seed else scale.n_seeds
        first = self.first_seed + self.skip_seeds
        return range(first, first + n_seeds)

    @property
    def needs_data(self) -> bool:
        """Whether the table cannot be measured before its rows are read."""
        return any(
            isinstance(fit.data, CardFraud) and fit.data.X is None for fit in self.fits.values()
        )

    def with_data(self, data: Contested | Demo | CardFraud) -> PublishedTable:
        """Return the same table with networks that are trained on other data."""
        fits = {name: Fit(data, fit.recipe) for name, fit in self.fits.items()}
        return replace(self, fits=fits)
