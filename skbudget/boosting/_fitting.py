"""Choosing, training and calibrating a boosted model, for either booster.

A `fit` is three steps, and each of them is a function of the rows and the settings: `choose`
(in its own module) compares candidates on rows that they were not trained on, `train` trains
the model on all rows, and `calibrate` learns probabilities, again on rows that a model was not
trained on. The models of the folds are trained by the same `train` as the final one.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from sklearn.utils import _safe_indexing
from sklearn.utils.class_weight import compute_sample_weight

from .._utils.calibration import SigmoidCalibrator
from .._utils.levels import fit_calibrator
from .._utils.scale import map_quantiles, shares, spread_evenly
from .._utils.seeds import check_random_state
from .._utils.splits import GivenSplits
from ..objectives import CollapseWarning, Loss
from ._booster import Booster, Choice, Model, Training
from ._minimised import Minimised

__all__ = [
    "CALIBRATED",
    "MIN_TO_CHOOSE",
    "ROWS_COMPARED",
    "Booster",
    "Calibration",
    "Choice",
    "GivenSplits",
    "HeldOut",
    "Model",
    "Settings",
    "Splits",
    "Training",
    "as_of_model",
    "calibrate",
    "check_trained",
    "fewest_in_class",
    "folds",
    "of_fold",
    "score_fold",
    "score_held_out",
    "train",
    "weights_of",
]

# With fewer positives than these there is nothing to choose by.
MIN_TO_CHOOSE = 10
# The scales of two models are compared on up to so many rows.
ROWS_COMPARED = 50_000

# Targets whose classes have probabilities.
CALIBRATED = ("binary", "classes", "ordinal")


@dataclass(frozen=True)
class Settings:
    """What an estimator asks for, apart from the rows.

    Attributes
    ----------
    owner : str
        Name of the estimator, for messages.
    booster : Booster
    minimised : Minimised
    candidates : list of dict
        What may be chosen.
    budget : float
    selection_cv, calibration_cv : int, GivenSplits or None
    random_state : int, RandomState instance, Generator or None
    class_weight : dict, "balanced" or None
        Weights of the coded classes.
    earlier : object or None
        A model whose training is continued.
    fold_learning_rate : float or None
        Shrinkage of the trees of the models of folds, which then have fewer; None for theirs.
    """

    owner: str
    booster: Booster
    minimised: Minimised
    candidates: list[Choice]
    budget: float
    selection_cv: int | GivenSplits | None
    calibration_cv: int | GivenSplits | None
    random_state: Any
    class_weight: Any
    earlier: Any = None
    fold_learning_rate: float | None = None

    def library_params(self, training: Training) -> dict[str, Any]:
        """Return the parameters of the booster's own objective; empty if it is not trained."""
        return self.minimised.library_params(self.booster.library, training.rows)


# --- training -------------------------------------------------------------------------


def train(training: Training, settings: Settings, choice: Choice) -> Model:
    """Return a model trained on the rows, with what was chosen."""
    params = {name: value for name, value in choice.items() if name != "beta"}
    start = find_start(training, settings)
    theirs = settings.library_params(training)
    booster = settings.booster
    if booster.by_query or (theirs and settings.minimised.has_queries):
        training, sizes = training.by_query()
        booster = replace(booster, query_sizes=sizes)
    if theirs:
        return booster.train(training, theirs.pop("objective"), params | theirs, start)
    objective = settings.minimised.at(choice["beta"])
    if training.rows.columns:
        objective = objective.with_columns(**training.rows.columns)
    return booster.train(training, objective, params, start)


def check_trained(training: Training, settings: Settings, model: Model) -> None:
    """Warn of a model that training came to nothing with, and let the loss do so."""
    loss, rows = settings.minimised.loss, training.rows
    if not settings.booster.has_splits(model.fitted):
        weight = "" if rows.weight is None else f" (they add up to {rows.weight.sum():.3g})"
        warnings.warn(
            f"{settings.owner} found no split, so that all rows have the same score. Look for "
            f"sample weights that are small{weight}, which the least weight of a leaf counts, for "
            "a least gain or a least number of rows that no split reaches, and for features "
            "that tell nothing.",
            CollapseWarning,
            stacklevel=4,
        )
        return
    asks = loss is not None and type(loss).check_trained is not Loss.check_trained
    if not asks or loss is None or rows.raw.ndim != 1:
        return
    margins = model.margins(settings.booster, training.X)
    if training.base is not None:
        margins = margins - settings.booster.replaced_start() + training.base
    rows = rows.replace(raw=margins, weight=weights_of(training, settings))
    loss.resolved(rows).check_trained(rows, settings.owner)


def find_start(training: Training, settings: Settings) -> float | NDArray[np.float64] | None:
    """Return the constant that boosting begins from; None for zero."""
    minimised = settings.minimised
    if settings.earlier is not None:
        # It has begun already. Only what its booster could not carry is needed again.
        return getattr(settings.earlier, "_kept", None)
    if not minimised.begins_at_start or minimised.loss is None:
        return None
    if training.base is not None:
        # Boosting begins from what the user gave, as both parents do.
        return None
    is_theirs = bool(settings.library_params(training))
    if is_theirs and settings.booster.library not in minimised.loss.begins_library:
        # The booster finds a constant of its own.
        return None
    rows = training.rows
    if settings.class_weight is not None:
        rows = rows.replace(weight=weights_of(training, settings))
    start = minimised.loss.resolved(rows).start(rows)
    return start if np.any(start) else None


def weights_of(training: Training, settings: Settings) -> NDArray[np.float64]:
    """Return the weight of each row, that of its class included."""
    rows, counted = training.rows, training.counted
    weight = np.zeros(rows.n_samples)
    weight[counted] = 1.0 if rows.weight is None else rows.weight[counted]
    if settings.class_weight is not None:
        codes = rows.target[counted].astype(np.int64)
        weight[counted] *= compute_sample_weight(settings.class_weight, codes)
    return weight


# --- folds ----------------------------------------------------------------------------


def folds(
    training: Training, cv: int | GivenSplits, random_state: Any, owner: str
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Yield the rows that the model of each fold is trained on, and those that are held out.

    A number of folds have their share of each class, and consist of rows with weight. Groups
    are kept whole where there are any. There are ``cv`` folds, or as many as the smallest class
    has rows or groups. Splits that are given stay as they are.

    Raises
    ------
    ValueError
        If a model would be trained without one of the classes.
    """
    if isinstance(cv, GivenSplits):
        yield from cv.splits
        return
    seed = 0
    if random_state is not None and not isinstance(random_state, np.random.Generator):
        seed = int(check_random_state(random_state).randint(2**31 - 1))
    n_folds = min(cv, fewest_in_class(training))
    rows, strata = training.counted, training.strata
    if training.group is None:
        splits = StratifiedKFold(n_folds, shuffle=True, random_state=seed).split(rows, strata)
    else:
        splits = _split_groups(training, n_folds, seed, owner)
    for train, held_out in splits:
        yield rows[train], rows[held_out]


def _split_groups(training: Training, n_folds: int, seed: int, owner: str) -> Any:
    strata, group = training.strata, training.group
    if n_folds >= 2:
        whole = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
        splits = list(whole.split(strata, strata, group))
        if all(np.isin(strata, strata[train]).all() for train, _ in splits):
            # A fold may stay empty where groups are large.
            return [(train, held_out) for train, held_out in splits if held_out.size]
    raise ValueError(
        f"{owner} keeps the rows of a group in one fold, and here the model of a fold would be "
        "trained without one of the classes. Pass calibration_cv=None and selection_cv=None to "
        "train without folds."
    )


def fewest_in_class(training: Training) -> int:
    """Return how many rows, or groups if rows are grouped, the smallest class has."""
    strata, group = training.strata, training.group
    if group is None:
        return int(np.bincount(strata).min())
    return min(np.unique(group[strata == one]).size for one in np.unique(strata))


# The rows that a model is trained on, and those that are held out, for each fold.
Splits = Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]]


class HeldOut(NamedTuple):
    """Margins of rows from models that were not trained on them.

    Attributes
    ----------
    folds : list of ndarray
        Rows of each fold.
    margins : list of ndarray
        Their margins, fold by fold.
    models : list of tuple
        The model of each fold, after the rows that it was trained on.
    """

    folds: list[NDArray[np.intp]]
    margins: list[NDArray[np.float64]]
    models: list[tuple[NDArray[np.intp], Model]]

    def in_order(self) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Return the rows in the order of the table, and their margins.

        A row that several folds hold out is there once for each, and one that no fold holds
        out is not there.
        """
        rows = np.concatenate(self.folds)
        order = np.argsort(rows, kind="stable")
        return rows[order], np.concatenate(self.margins)[order]


def of_fold(training: Training, settings: Settings, n_rounds: int | None = None) -> Settings:
    """Return the settings of the model of a fold, with callbacks that saw no training.

    ``n_rounds`` takes the place of early stopping. Without it the model has fewer trees with
    longer steps if the settings say so. It has not if rounds have a meaning of their own, as they
    have for a schedule of the loss, nor if trees add to scores of the rows, because longer steps
    add something else to them.
    """
    booster = settings.booster.for_fold(n_rounds)
    rate, objective = settings.fold_learning_rate, settings.minimised.at(None)
    is_timed = n_rounds is not None or getattr(objective, "schedule", None) is not None
    if rate is not None and not is_timed and training.base is None:
        booster = booster.hastened(rate)
    return replace(settings, booster=booster)


def score_fold(
    scored: HeldOut,
    training: Training,
    rows: Training,
    seen: NDArray[np.intp],
    unseen: NDArray[np.intp],
    settings: Settings,
    choice: Choice,
) -> None:
    """Train on ``rows``, those at ``seen``, and note the margins of the rows at ``unseen``."""
    model = train(rows, settings, choice)
    scored.folds.append(unseen)
    scored.margins.append(model.margins(settings.booster, _safe_indexing(training.X, unseen)))
    scored.models.append((seen, model))


def score_held_out(
    training: Training,
    settings: Settings,
    choice: Choice,
    cv: int | GivenSplits,
    n_rounds: int | None = None,
) -> HeldOut:
    """Train on all folds but one, for each of them, and score the rows of that fold.

    The models are trained as the final one is, but for what `of_fold` says. With early stopping
    each of them stops by itself, and scores at its own best round, unless there is a number of
    rounds in place of it.
    """
    scored = HeldOut([], [], [])
    for seen, unseen in folds(training, cv, settings.random_state, settings.owner):
        rows, own = training.take(seen), of_fold(training, settings, n_rounds)
        score_fold(scored, training, rows, seen, unseen, own, choice)
    return scored


# --- calibration ----------------------------------------------------------------------


class Calibration(NamedTuple):
    """Maps from margins to probabilities.

    Attributes
    ----------
    alone : SigmoidCalibrator, ClassCalibrator, LevelCalibrator or ThresholdCalibrator
        For the margins of the trees.
    with_base : one of these, or None
        For margins to which scores of the rows were added that boosting began from, as
        for training; None if it began from none.
    """

    alone: Any
    with_base: Any = None


def as_of_model(model: Model, held_out: HeldOut, training: Training, settings: Settings) -> HeldOut:
    """Return margins of held-out rows on the scale of the model that was trained on all rows.

    A loss that compares rows does not care for the level of the margins. Each model ends at
    a level of its own, and at a spread of its own with few positives, and one with longer steps
    has a longer tail. No row is held out from the model of all rows, but those that the model of
    a fold was trained on are known to both in the same way. On these rows, mapped margins have
    the distribution of the model's. No labels take part, for those of rows that were trained on
    would promise too much.
    """
    weight, booster = training.rows.weight, settings.booster
    compared = [spread_evenly(rows, ROWS_COMPARED) for rows, _ in held_out.models]
    known = np.unique(np.concatenate(compared))
    of_model = model.margins(booster, _safe_indexing(training.X, known))
    mapped = []
    for margins, rows, (_, of_fold) in zip(held_out.margins, compared, held_out.models):
        own = of_fold.margins(booster, _safe_indexing(training.X, rows))
        theirs = of_model[np.searchsorted(known, rows)]
        share = shares(None if weight is None else weight[rows], rows.size)
        mapped.append(map_quantiles(margins, own, theirs, share))
    return held_out._replace(margins=mapped)


def calibrate(
    training: Training,
    settings: Settings,
    choice: Choice,
    model: Model,
    held_out: HeldOut | None,
) -> Calibration | None:
    """Learn probabilities from margins of rows that a model was not trained on.

    Of two classes the offset goes into ``model`` itself, so that a margin of zero means
    even odds there as well, in a saved booster too.

    Parameters
    ----------
    training, settings, choice
        As in `train`.
    model : Model
        The model that was trained on all rows.
    held_out : HeldOut or None
        Margins of held-out rows, if they are known already.

    Returns
    -------
    calibration : Calibration or None
        None for an estimator that only ranks.
    """
    if settings.calibration_cv is None or settings.minimised.target not in CALIBRATED:
        return None
    # Margins grow with every round: after another number of rounds they would be on another
    # scale than those of the model.
    n_rounds = settings.booster.kept_rounds(model.fitted)
    if held_out is None or n_rounds is not None:
        cv = settings.calibration_cv
        held_out = score_held_out(training, settings, choice, cv, n_rounds)
    rows, margins = as_of_model(model, held_out, training, settings).in_order()
    target, weight = training.rows.target[rows], weights_of(training, settings)[rows]
    based = None
    if training.base is not None:
        based = margins - settings.booster.replaced_start() + training.base[rows]
    if settings.minimised.target != "binary":
        about = (target, weight, settings.minimised.margins, int(training.rows.target.max()) + 1)
        return Calibration(
            fit_calibrator(margins, *about),
            None if based is None else fit_calibrator(based, *about),
        )
    found = SigmoidCalibrator.fit(margins, target, weight)
    settings.booster.shift(model, found.offset)
    alone = SigmoidCalibrator(found.slope)
    if based is None:
        return Calibration(alone)
    with_base = SigmoidCalibrator.fit(based, target, weight)
    return Calibration(alone, SigmoidCalibrator(with_base.slope, with_base.offset - found.offset))
