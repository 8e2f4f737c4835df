"""Whether a network that encodes its columns ranks held-out rows better than a plain one."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..._utils.placements import judged_band, placements
from ..._utils.splits import code_groups
from ._rows import rarest_class_sample, stratified_sample

__all__ = ["encoding_wins"]

# Negatives and positives that are looked at, at most, and the share of them that is held out.
_NEGATIVES, _POSITIVES, _HELD = 50_000, 10_000, 1 / 3

# Members, and steps of each network. The plain one is late: it is trained to its end, and the
# other one, which is ahead from the beginning where it is of use, for less than half.
_MEMBERS = {None: 2, "piecewise": 1}
_STEPS = {None: 500, "piecewise": 150}


def encoding_wins(estimator: Any, table: Any, rng: np.random.RandomState) -> bool:
    """Return whether the encoding is ahead on held-out rows, by more than half a 95 % interval.

    Parameters
    ----------
    estimator : PAUCClassifier
        The estimator, whose parameters the two networks have.
    table : Table
        The rows, with two classes, the positive one as 1.
    rng : RandomState
        Draws the rows, and seeds the networks.
    """
    seed = rng.randint(2**31 - 1)
    table = _some_rows(table, rng)
    if table.groups is None:
        held = stratified_sample(table.y, _HELD, rng)
    else:
        groups = code_groups(table.groups, None)
        assert groups is not None
        held = rarest_class_sample(table.y, groups, _HELD, rng)
    seen, unseen = table.select(np.flatnonzero(~held)), table.select(np.flatnonzero(held))
    if any(np.unique(part.y).size < 2 for part in (seen, unseen)):
        return False
    plain, encoded = (
        _held_out_margins(estimator, encoding, seen, unseen.X, seed) for encoding in _MEMBERS
    )
    positive = unseen.y == 1
    weight = np.ones(positive.size) if unseen.weight is None else unseen.weight.astype(np.float64)
    worth = weight[positive]
    if unseen.value is not None:
        worth = worth * unseen.value[positive]
        if not worth.any():
            return False
    beta = judged_band(estimator.budget, int(np.count_nonzero(~positive)))
    placed = [placements(positive, margins, weight, worth, beta) for margins in (plain, encoded)]
    return placed[1].is_surely_above(placed[0])


def _some_rows(table: Any, rng: np.random.RandomState) -> Any:
    """Return a sample of each class, with weights by which it stands for all rows."""
    weight = np.ones(table.y.size) if table.weight is None else table.weight.astype(np.float64)
    kept = []
    for label, most in enumerate((_NEGATIVES, _POSITIVES)):
        rows = np.flatnonzero(table.y == label)
        if rows.size > most:
            weight[rows] *= rows.size / most
            rows = rng.choice(rows, most, replace=False)
        kept.append(rows)
    if sum(rows.size for rows in kept) == table.y.size:
        return table
    return table._replace(weight=weight).select(np.sort(np.concatenate(kept)))


def _held_out_margins(
    estimator: Any, encoding: str | None, seen: Any, X: NDArray, seed: int
) -> NDArray[np.float64]:
    """Return the scores that a network of one kind gives to rows it has not seen."""
    params = estimator.get_params(deep=False)
    params |= {
        "pos_label": None,
        "encoding": encoding,
        "n_members": _MEMBERS[encoding],
        "calibration_cv": None,
        "early_stopping": False,
        "class_weight": None,
        "max_epochs": "auto",
        "warm_start": False,
        "verbose": 0,
        "random_state": seed,
    }
    model = type(estimator)(**params)
    model._n_steps = _STEPS[encoding]
    with warnings.catch_warnings():
        # The fit itself warns of what there is to warn of.
        warnings.simplefilter("ignore")
        model.fit(seen.X, seen.y, seen.weight, **seen.columns)
        scores: NDArray[np.float64] = model.decision_function(X)
    return scores
