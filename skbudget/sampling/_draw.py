"""Drawing negatives with probabilities that are known exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._utils.labels import find_classes
from .._utils.naming import naming
from .._utils.seeds import check_random_state
from .._utils.validation import (
    check_budget,
    check_mask,
    check_option,
    check_positive,
    check_weights,
)
from ._sample import NegativeSample

__all__ = ["Negatives", "draw_by_rate", "draw_some", "fill_up", "read_negatives"]


@dataclass(frozen=True)
class Negatives:
    """The negatives that may be drawn, and how many.

    Attributes
    ----------
    positive : ndarray of shape (n_samples,), dtype=bool
        Positives with weight.
    rows : ndarray of shape (n_eligible,), dtype=intp
        Negatives with weight that may be drawn.
    weight : ndarray of shape (n_samples,) or None
    n_drawn : int
        How many are to be drawn, from 1 to all.
    undo : bool
        Whether weights undo the rates.
    draw : RandomState
    owner : str
        The function that samples, for messages.
    """

    positive: NDArray[np.bool_]
    rows: NDArray[np.intp]
    weight: NDArray[np.float64] | None
    n_drawn: int
    undo: bool
    draw: np.random.RandomState
    owner: str

    def sample(self, drawn: NDArray[np.intp], rate: NDArray[np.float64]) -> NegativeSample:
        """Return the positives and the drawn ones of ``rows``, each with its rate."""
        n_samples = self.positive.size
        rate_of_row = np.ones(n_samples)
        rate_of_row[self.rows[drawn]] = rate
        chosen = self.positive.copy()
        chosen[self.rows[drawn]] = True
        rows = np.flatnonzero(chosen)
        positive, rate = self.positive[rows], rate_of_row[rows]
        weight = np.ones(rows.size) if self.weight is None else self.weight[rows]
        iid_mask = np.ones(rows.size, dtype=bool)
        if self.undo:
            weight = weight / rate
        else:
            iid_mask = self._thinned(rate, positive)
        return NegativeSample(
            rows, positive, rate, weight, iid_mask, n_samples=n_samples, undone=self.undo
        )

    def _thinned(self, rate: NDArray[np.float64], positive: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return a mask of the positives, and of negatives that have one rate among them."""
        least = rate[~positive].min()
        kept = self.draw.random_sample(rate.size) * rate < least
        if not kept[~positive].any():
            raise ValueError(
                f"{self.owner} drew negatives with rates from {least:g} on, and none of them is "
                "left for iid_mask, which thins them out to the least rate. Draw more, or pass "
                "undo=True."
            )
        return kept | positive


def read_negatives(
    y: ArrayLike,
    *,
    per_positive: Any,
    rate: Any,
    eligible: ArrayLike | None,
    undo: Any,
    sample_weight: ArrayLike | None,
    pos_label: Any,
    random_state: Any,
    owner: str,
) -> Negatives:
    """Return the negatives of a table, with everything that all samplers take checked."""
    per_positive = check_positive(per_positive, "per_positive", owner)
    if rate is not None:
        rate = check_budget(rate, owner, "rate")
    undo = bool(check_option(undo, "undo", (True, False), owner))
    with naming("random_state", "a seed"):
        draw = check_random_state(random_state)
    classes = find_classes(y, pos_label, owner=owner, stacklevel=4)
    positive, negative = classes.positive, ~classes.positive
    weight = check_weights(sample_weight, positive.size)
    if weight is not None:
        positive, negative = positive & (weight > 0), negative & (weight > 0)
        if not positive.any():
            raise ValueError(f"{owner}: all values in sample_weight of the positives are zero.")
    if eligible is not None:
        negative = negative & check_mask(eligible, "eligible", positive.size)
    rows = np.flatnonzero(negative)
    if rows.size == 0:
        raise ValueError(
            f"{owner} finds no negative to draw: none has a sample_weight above zero and is "
            "marked by eligible."
        )
    wanted = per_positive * int(np.count_nonzero(positive)) if rate is None else rate * rows.size
    n_drawn = max(1, round(min(wanted, rows.size)))
    return Negatives(positive, rows, weight, n_drawn, undo, draw, owner)


def draw_some(
    candidates: NDArray[np.intp], n_drawn: int, draw: np.random.RandomState
) -> tuple[NDArray[np.intp], float]:
    """Return so many of the candidates, drawn without replacement, and the rate of each."""
    if n_drawn >= candidates.size:
        return candidates, 1.0
    return draw.choice(candidates, n_drawn, replace=False), n_drawn / candidates.size


def draw_by_rate(
    rate: NDArray[np.float64], code: NDArray[np.intp], draw: np.random.RandomState
) -> NDArray[np.intp]:
    """Return indices, index ``i`` among them with probability ``rate[i]``.

    The rates are laid end to end, and everything that one of the points ``u, u + 1, u + 2, ...``
    falls into is drawn (systematic sampling). The number that is drawn is the sum of the rates,
    up to rounding, and so is the number for each code: entries of one code lie together. The
    order is random apart from that.
    """
    order = draw.permutation(rate.size)
    place_of_code = draw.permutation(code.max() + 1)
    order = order[np.argsort(place_of_code[code[order]], kind="stable")]
    ends = np.cumsum(rate[order]) + draw.random_sample()
    # How many whole numbers lie at or below each end: they grow by one where a point lies.
    points = np.floor(ends)
    taken = np.diff(points, prepend=0.0) > 0
    # A rate of 1 is certain, whatever was rounded.
    return order[taken | (rate[order] >= 1.0)]


def fill_up(
    share: NDArray[np.float64], limit: NDArray[np.float64], total: float
) -> NDArray[np.float64]:
    """Return amounts in proportion to shares, none above its limit, which add up to a total.

    What a limit holds back goes to the others, in proportion to theirs. If the limits add up to
    less than the total, they are what is returned.
    """
    if limit.sum() <= total:
        return limit.copy()
    # Those with the smallest limits for their share reach them first.
    order = np.argsort(limit / share, kind="stable")
    before = np.concatenate([[0.0], np.cumsum(limit[order])[:-1]])
    others = np.cumsum(share[order][::-1])[::-1]
    factor = (total - before) / others
    first_free = int(np.argmax(factor * share[order] < limit[order]))
    return np.minimum(limit, factor[first_free] * share)
