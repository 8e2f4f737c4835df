"""Which rows losses are tuned and compared on."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from .._utils.labels import TwoClasses
from .._utils.rare_class import FEW_ROWS, FewRowsWarning
from .._utils.splits import (
    Split,
    check_trainable,
    code_groups,
    is_splitter,
    read_splits,
    splitter_of,
    warn_of_parted_groups,
)
from ._fits import Job

__all__ = ["comparison_splits", "one_split", "warn_of_few_positives"]


def comparison_splits(
    job: Job, found: TwoClasses, cv: Any, n_repeats: int, seed: int, owner: str
) -> list[Split]:
    """Return the splits that losses are compared on."""
    table = job.table
    groups = code_groups(table.groups)
    splits: list[Split] = []
    if is_splitter(cv):
        splitter = splitter_of(cv, table.labels)
        params = {} if groups is None else {"groups": groups}
        splits = read_splits(splitter, table.features, table.labels, params=params)
        warn_of_parted_groups(splits, table.groups, owner, "cv", stacklevel=5)
    else:
        n_folds = min(int(cv), int(np.bincount(job.positive).min()))
        kind = StratifiedKFold if groups is None else StratifiedGroupKFold
        strata = _strata(job, n_folds)
        for number in range(n_repeats):
            folds = kind(n_folds, shuffle=True, random_state=(seed + number) % 2**31)
            splits += read_splits(folds, strata, strata, params={"groups": groups})
    splits = [split for split in splits if split.held_out.size]
    remedy = "Pass more rows, or other splits as cv."
    check_trainable(splits, job.positive, found.classes, owner, remedy)
    held = [job.positive[split.held_out] for split in splits]
    if not held or any(not one.any() or one.all() for one in held):
        raise ValueError(
            f"{owner} scores held-out rows of both classes, and a split of cv holds out one "
            f"class alone. {remedy}"
        )
    return splits


def one_split(job: Job, validation_fraction: float, seed: int) -> Split:
    """Return training rows and held-out rows for the search by gradients."""
    n_folds = max(2, round(1.0 / validation_fraction))
    n_folds = min(n_folds, int(np.bincount(job.positive).min()))
    groups = code_groups(job.table.groups)
    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
    strata = _strata(job, n_folds)
    folds = kind(n_folds, shuffle=True, random_state=seed)
    return read_splits(folds, strata, strata, params={"groups": groups})[0]


def _strata(job: Job, n_folds: int) -> NDArray[np.intp]:
    """Return what folds have their shares of: classes, within segments where these are large."""
    strata = job.positive.astype(np.intp)
    if job.table.segments is None:
        return strata
    found = strata.copy()
    for code in (0, 1):
        cell = 2 + 2 * job.table.segments + code
        of_class = strata == code
        large = of_class & (np.bincount(cell[of_class], minlength=cell.max() + 1)[cell] >= n_folds)
        n_others = np.count_nonzero(of_class & ~large)
        # Others are a stratum of their own, if they are enough for the folds.
        if n_others == 0 or n_others >= n_folds:
            found[large] = cell[large]
    return found


def warn_of_few_positives(job: Job, splits: list[Split], owner: str) -> None:
    """Warn if the loss is chosen on a handful of positives."""
    fewest = min(int(np.count_nonzero(job.positive[split.held_out])) for split in splits)
    if fewest < FEW_ROWS:
        warnings.warn(
            f"{owner}: a split holds out {fewest} positive{'' if fewest == 1 else 's'}, fewer than "
            f"{FEW_ROWS}: what the loss is worth there is mostly chance. Pass more rows, fewer "
            "folds or more repeats, and read gain_ before you trust the loss.",
            FewRowsWarning,
            stacklevel=4,
        )
