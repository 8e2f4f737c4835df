"""Rows in pages: each group has a ranking of its own, with tied rows averaged over their order.

The rows of a group that share a score form a *level*. In a random order of the level each of
its rows is as likely in each of its places, so the expected gain in a place is the mean gain of
the level. What is not linear in the rows, such as the place of the first positive, follows
from the numbers of rows and of positives in the level [1]_.

References
----------
.. [1] McSherry, F., & Najork, M. (2008). Computing information retrieval performance measures
   efficiently in the presence of tied scores. European Conference on Information Retrieval,
   414-421.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._utils.naming import naming
from .._utils.splits import check_groups, code_groups
from ._ranking import shared_share

__all__ = ["Pages", "code_pages"]


def code_pages(group: ArrayLike | None, n_samples: int) -> NDArray[np.intp]:
    """Return the number of each row's group; without groups all rows are one group."""
    if group is None:
        return np.zeros(n_samples, dtype=np.intp)
    with naming("group", "one label per row"):
        codes = code_groups(check_groups(group, n_samples, "group"))
    return np.zeros(n_samples, dtype=np.intp) if codes is None else codes


@dataclass(frozen=True)
class Pages:
    """Rows in the order of their group and, within it, of their score from the top.

    Parameters
    ----------
    order : ndarray of shape (n_samples,)
        Where each of the sorted rows was before.
    codes : ndarray of shape (n_samples,)
        The group of each sorted row, which never decreases.
    n_rows : ndarray of shape (n_groups,)
        Rows of each group.
    level : ndarray of shape (n_samples,)
        The level of each sorted row, counted over all groups.
    """

    order: NDArray[np.intp]
    codes: NDArray[np.intp]
    n_rows: NDArray[np.intp]
    level: NDArray[np.intp]

    @classmethod
    def of(cls, scores: NDArray[np.float64], codes: NDArray[np.intp]) -> Pages:
        """Sort rows."""
        order = np.lexsort((-scores, codes))
        codes, scores = codes[order], scores[order]
        begins = np.append(True, (codes[1:] != codes[:-1]) | (scores[1:] != scores[:-1]))
        return cls(order, codes, np.bincount(codes), np.cumsum(begins) - 1)

    def by_group(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Return the sums of each group over sorted rows."""
        return np.bincount(self.codes, values, minlength=self.n_rows.size).astype(np.float64)

    def by_level(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Return the sums of each level over sorted rows."""
        return np.bincount(self.level, values).astype(np.float64)

    @property
    def group_of_level(self) -> NDArray[np.intp]:
        """The group of each level."""
        return self.codes[self.level_starts]

    @property
    def level_starts(self) -> NDArray[np.intp]:
        """The first sorted row of each level."""
        return np.flatnonzero(np.diff(self.level, prepend=-1))

    @property
    def place(self) -> NDArray[np.intp]:
        """The place of each sorted row in its group, from 0."""
        starts = np.cumsum(self.n_rows) - self.n_rows
        return np.arange(self.codes.size) - starts[self.codes]

    def above(self, of_levels: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what the levels of the same group above each level add up to."""
        before = np.cumsum(of_levels) - of_levels
        first = np.append(True, self.group_of_level[1:] != self.group_of_level[:-1])
        start = np.maximum.accumulate(np.where(first, np.arange(of_levels.size), 0))
        return before - before[start]

    def shares(
        self, sizes: NDArray[np.float64], spends: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return which share of each sorted row the first ``sizes`` of its group take.

        ``spends`` is what sorted rows use up. A level at the end of the page is shared.
        """
        level = self.by_level(spends)
        share = shared_share(sizes[self.group_of_level], self.above(level), level)
        return share[self.level]
