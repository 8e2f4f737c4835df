"""Folds of a user: what `selection_cv`, `calibration_cv` and ``groups`` say, read and checked."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    _routing_enabled,
    process_routing,
)

from .._utils.labels import _shown
from .._utils.splits import (
    Split,
    check_trainable,
    code_groups,
    groups_for,
    is_splitter,
    read_splits,
    requested_groups,
    splitter_of,
    warn_of_parted_groups,
)
from .._utils.validation import _invalid, check_positive
from ..objectives import Loss
from ._choosing import can_be_ranked
from ._fitting import (
    CALIBRATED,
    MIN_TO_CHOOSE,
    GivenSplits,
    Settings,
    Training,
    folds,
)
from ._reach import check_pool

__all__ = ["FOLDS", "check_folds", "find_routing", "route_to_splitters", "with_given_splits"]

# The parameters that say which rows are held out.
FOLDS = ("selection_cv", "calibration_cv")

ALLOWED = "None, an int of at least 2, a splitter or an iterable of (train, test)"
REMEDY = "Pass more rows, or other splits; {name}=None does without."


def check_folds(estimator: Any) -> None:
    """Raise if a parameter of the folds, or the pool, is none."""
    owner = type(estimator).__name__
    for name in FOLDS:
        cv = getattr(estimator, name)
        if isinstance(cv, Integral):
            check_positive(cv, name, owner, integer=True, minimum=2)
        elif cv is not None and not is_splitter(cv):
            raise _invalid(name, cv, owner, ALLOWED)
    if estimator.fold_learning_rate is not None:
        check_positive(estimator.fold_learning_rate, "fold_learning_rate", owner)
    check_pool(estimator.pool, owner)


# --- metadata ---------------------------------------------------------------------------


def find_routing(estimator: Any, request: Any) -> Any:
    """Return where metadata go: to ``request``, the estimator's own, and to its splitters."""
    splitters = _splitters(estimator)
    if not splitters:
        return request
    router = MetadataRouter(owner=estimator).add_self_request(request)
    for name, cv in splitters.items():
        to_split = MethodMapping().add(caller="fit", callee="split")
        router.add(method_mapping=to_split, **{name: cv})
    return router


def route_to_splitters(
    estimator: Any, groups: NDArray | None, columns: Mapping[str, Any], loss: Loss[Any] | None
) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """Return what each splitter gets beside the rows, and the columns that are for the loss.

    With metadata routing a splitter may ask for columns under names of the user's.
    """
    splitters, left = _splitters(estimator), dict(columns)
    if not splitters:
        return {}, left
    if not _routing_enabled():
        return {name: groups_for(cv, groups) for name, cv in splitters.items()}, left
    asked = estimator.get_metadata_routing().consumes("fit", left) - {"value"}
    given = {name: left[name] for name in asked if left[name] is not None}
    routed = process_routing(estimator, "fit", **given, **requested_groups(estimator, groups))
    read = frozenset() if loss is None else loss.reads | loss.needs
    # What the estimator itself asks for is no mistake of the splitters' names.
    own = estimator._get_metadata_request().consumes("fit", left)
    left = {name: column for name, column in left.items() if name not in asked - read - own}
    return {name: dict(routed[name].split) for name in splitters}, left


def _splitters(estimator: Any) -> dict[str, Any]:
    found = {name: getattr(estimator, name) for name in FOLDS}
    return {name: cv for name, cv in found.items() if is_splitter(cv)}


# --- splits -----------------------------------------------------------------------------


def with_given_splits(
    settings: Settings, training: Training, classes: NDArray[Any] | None
) -> Settings:
    """Return settings that hold the splits themselves in place of splitters.

    Raises
    ------
    ValueError
        If models cannot be trained, compared or calibrated on the splits. The message names
        the parameter and the split.
    """
    compares = len(settings.candidates) > 1 and settings.earlier is None
    calibrates = settings.minimised.target in CALIBRATED
    given = {
        name: getattr(settings, name)
        for name, used in zip(FOLDS, (compares, calibrates))
        if used and is_splitter(getattr(settings, name))
    }
    number = settings.calibration_cv
    if calibrates and isinstance(number, Integral) and training.group is not None:
        # Says now, and not after the training, if groups leave no folds.
        seed = copy.deepcopy(settings.random_state)
        next(folds(training, int(number), seed, settings.owner))
    if not given:
        return settings
    assert classes is not None
    found: dict[str, list[Split]] = {}
    for name, cv in given.items():
        if found and cv is settings.selection_cv:
            # One splitter for both splits once, even if it draws.
            found[name] = found[FOLDS[0]]
        else:
            found[name] = _read(name, settings, training, classes)
    if "calibration_cv" in found:
        _check_calibrating(found["calibration_cv"], settings, training, classes)
    new: dict[str, Any] = {name: GivenSplits(splits) for name, splits in found.items()}
    if "selection_cv" in found:
        ranked = _rankable(found["selection_cv"], settings, training)
        if ranked is None or new["selection_cv"] != new.get("calibration_cv"):
            new["selection_cv"] = None if ranked is None else GivenSplits(ranked)
    return replace(settings, **new)


def _read(name: str, settings: Settings, training: Training, classes: NDArray[Any]) -> list[Split]:
    """Return the splits of a parameter, as far as their rows have weight."""
    owner, rows = settings.owner, training.rows
    codes = rows.target.astype(np.intp)
    # Splitters take fractions for amounts, so that levels are shown by their rank.
    labels = codes if classes.dtype.kind == "f" else classes[codes]
    remedy = REMEDY.format(name=name)
    splitter = splitter_of(getattr(settings, name), labels, name, ALLOWED)
    params = dict(training.for_splitters.get(name, {}))
    found = read_splits(splitter, training.X, labels, name=name, allowed=ALLOWED, params=params)
    groups = code_groups(rows.columns.get("group"), training.groups)
    warn_of_parted_groups(found, groups, owner, name, stacklevel=6)
    counts = np.zeros(rows.n_samples, dtype=bool)
    counts[training.counted] = True
    splits = [Split(*(part[counts[part]] for part in split)) for split in found]
    check_trainable(splits, codes, classes, owner, remedy, name)
    value = rows.columns.get("value")
    if value is not None and rows.target.dtype == bool:
        for number, (train, _) in enumerate(splits, start=1):
            if not (rows.target[train] & (value[train] > 0)).any():
                raise ValueError(
                    f"{owner} has no positive with value to train on in split {number} of "
                    f"{len(splits)} of {name}. {remedy}"
                )
    return [split for split in splits if split.held_out.size]


def _rankable(splits: list[Split], settings: Settings, training: Training) -> list[Split] | None:
    """Return the splits whose held-out rows can be ranked, None if they hold out few rows."""
    ranked = [split for split in splits if can_be_ranked(split.held_out, training)]
    if not ranked:
        raise ValueError(
            f"{settings.owner} compares models on held-out rows of both classes, and none of the "
            f"{len(splits)} splits of selection_cv holds out both. "
            + REMEDY.format(name="selection_cv")
        )
    strata = np.zeros(training.rows.n_samples, dtype=np.int64)
    strata[training.counted] = training.strata
    held_out = np.unique(np.concatenate([split.held_out for split in ranked]))
    few = np.bincount(strata[held_out], minlength=2).min() < MIN_TO_CHOOSE
    return None if few else ranked


def _check_calibrating(
    splits: list[Split], settings: Settings, training: Training, classes: NDArray[Any]
) -> None:
    """Raise if the held-out rows of all splits together lack a class."""
    held_out = np.concatenate([training.counted[:0], *(split.held_out for split in splits)])
    codes = training.rows.target[held_out].astype(np.intp)
    missing = np.flatnonzero(np.bincount(codes, minlength=classes.size) == 0)
    if missing.size:
        label = _shown(classes[missing[-1]])
        raise ValueError(
            f"{settings.owner} learns probabilities from held-out rows of every class, and the "
            f"splits of calibration_cv hold out {held_out.size} rows with weight, none of class "
            f"{label}. " + REMEDY.format(name="calibration_cv")
        )
