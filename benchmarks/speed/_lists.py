"""Times of the losses of lists on one long list, against a sort of its scores."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from skbudget.objectives import Loss, find_loss

from ._calls import _draw
from ._effort import Effort
from ._results import Turns
from ._timing import time_by_turns

__all__ = ["LIST_LOSSES", "time_lists"]

LIST_LOSSES = (
    "listwise_softmax",
    "rank_weighted_cross_entropy",
    "approx_ndcg",
    "rank_net",
    "pairwise_hinge",
)
POS_RATE = 0.001


def _gradient(loss: Loss[Any], rows: Any) -> Any:
    """Return gradient and hessian, as a boosting round asks for them."""
    return loss.derivatives(rows, loss.hold(rows))


def time_lists(effort: Effort) -> list[Turns]:
    """Time gradient and hessian of each loss on one list, and a sort of its scores.

    Parameters
    ----------
    effort : Effort
        Sizes.

    Returns
    -------
    turns : list of Turns
    """
    y, scores = _draw(effort.list_rows, POS_RATE)
    losses = {name: find_loss(name) for name in LIST_LOSSES}
    runs: dict[str, Any] = {
        name: partial(_gradient, loss, loss.rows(y, scores)) for name, loss in losses.items()
    }
    runs["np.sort"] = partial(np.sort, scores)
    seconds = time_by_turns(runs, effort.pairs)
    return [
        Turns(
            part="lists",
            setting=f"one list, {100 * POS_RATE:g} % positives, gradient and hessian",
            rows=effort.list_rows,
            seconds={name: seconds[name], "np.sort": seconds["np.sort"]},
        )
        for name in LIST_LOSSES
    ]
