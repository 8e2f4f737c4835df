"""Choosing among candidates: models of folds race, and those that are surely behind drop out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .._utils.placements import Placements, judged_band, placements
from ..metrics import partial_auc_score
from ._booster import Choice, Training
from ._fitting import (
    MIN_TO_CHOOSE,
    GivenSplits,
    HeldOut,
    Settings,
    Splits,
    fewest_in_class,
    folds,
    of_fold,
    score_fold,
    weights_of,
)

__all__ = ["choose", "place"]


def choose(training: Training, settings: Settings) -> tuple[Choice, HeldOut | None]:
    """Return the candidate that ranks held-out rows best, and its margins of them.

    The candidates race: after each fold those drop out that are behind the best one by more
    than chance. The margins are those that `calibrate` would ask for, None if it would ask for
    others. Without folds to compare by, the first candidate is taken.
    """
    candidates, cv = settings.candidates, settings.selection_cv
    # With an earlier model there are no rows that it has not seen.
    if len(candidates) == 1 or cv is None or settings.earlier is not None:
        return candidates[0], None
    by_group = training.group is not None and not isinstance(cv, GivenSplits)
    few_groups = by_group and fewest_in_class(training) < 2
    if np.bincount(training.strata).min() < MIN_TO_CHOOSE or few_groups:
        return candidates[0], None
    splits = list(folds(training, cv, settings.random_state, settings.owner))
    scored, best = race(training, settings, splits)
    return candidates[best], scored[best] if cv == settings.calibration_cv else None


def race(training: Training, settings: Settings, splits: Splits) -> tuple[list[HeldOut], int]:
    """Return held-out margins of the candidates, and the number of the one that is left.

    Of a candidate that dropped out there are those of the folds before.
    """
    candidates = settings.candidates
    scored = [HeldOut([], [], []) for _ in candidates]
    placed: list[list[Placements]] = [[] for _ in candidates]
    left = list(range(len(candidates)))
    for number, (seen, unseen) in enumerate(splits, start=1):
        rows = training.take(seen)
        for candidate in left:
            own = of_fold(training, settings)
            score_fold(scored[candidate], training, rows, seen, unseen, own, candidates[candidate])
        if number == len(splits) or not can_be_ranked(unseen, training):
            # Groups that are kept whole may leave a fold without one of the classes.
            continue
        for candidate in left:
            margins = scored[candidate].margins[-1]
            placed[candidate].append(place(unseen, margins, training, settings))
        left = _without_losers(placed, left)
    if len(left) == 1:
        return scored, left[0]
    areas = {one: mean_area(scored[one], training, settings) for one in left}
    return scored, max(left, key=lambda one: areas[one])


def _without_losers(placed: list[list[Placements]], left: list[int]) -> list[int]:
    """Return the candidates that may still be the best, after the same folds."""
    whole = {candidate: _join(placed[candidate]) for candidate in left}
    best = max(left, key=lambda candidate: whole[candidate].area)
    return [one for one in left if one == best or not whole[best].is_surely_above(whole[one])]


def place(
    rows: NDArray[np.intp],
    margins: NDArray[np.float64],
    training: Training,
    settings: Settings,
) -> Placements:
    """Return where held-out rows of two classes stand, by the band that candidates are judged by.

    Parameters
    ----------
    rows : ndarray of shape (n_rows,)
        Indices of the rows in ``training``.
    margins : ndarray of shape (n_rows,)
        Their margins.
    training, settings
        As in `choose`.
    """
    positive, weight, value = _columns(rows, training, settings)
    worth = weight[positive] if value is None else (weight * value)[positive]
    return placements(
        positive, margins, weight, worth, judged_band(settings.budget, int((~positive).sum()))
    )


def _columns(
    rows: NDArray[np.intp], training: Training, settings: Settings
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64] | None]:
    value = training.rows.columns.get("value")
    weight = weights_of(training, settings)[rows]
    return training.rows.target[rows], weight, None if value is None else value[rows]


def _join(parts: list[Placements]) -> Placements:
    return Placements(*(np.concatenate(column) for column in zip(*parts)))


def mean_area(held_out: HeldOut, training: Training, settings: Settings) -> float:
    """Return the partial AUC by which candidates are compared, the mean over folds."""
    areas = []
    for rows, margins in zip(held_out.folds, held_out.margins):
        if not can_be_ranked(rows, training):
            continue
        positive, weight, value = _columns(rows, training, settings)
        area = partial_auc_score(
            positive.astype(np.int64),
            margins,
            beta=judged_band(settings.budget, int(np.count_nonzero(~positive))),
            sample_weight=weight,
            value=value,
        )
        areas.append(area)
    return float(np.mean(areas)) if areas else 0.0


def can_be_ranked(rows: NDArray[np.intp], training: Training) -> bool:
    """Return whether rows of two classes have a negative, and a positive with value."""
    positive, value = training.rows.target[rows], training.rows.columns.get("value")
    caught = positive if value is None else positive & (value[rows] > 0)
    return bool(caught.any() and not positive.all())
