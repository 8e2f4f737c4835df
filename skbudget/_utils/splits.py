"""Splits of a table into rows that train and rows that are held out."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from inspect import signature
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, check_cv
from sklearn.utils.metadata_routing import get_routing_for_object
from sklearn.utils.validation import _num_samples

from .codes import hint_of_sizes
from .labels import _shown
from .naming import naming
from .tables import LabelledRows
from .validation import _is_missing

__all__ = [
    "GivenSplits",
    "Split",
    "check_divisible",
    "check_groups",
    "check_trainable",
    "code_groups",
    "groups_for",
    "is_splitter",
    "read_splits",
    "requested_groups",
    "splitter_of",
    "table_splits",
    "warn_of_parted_groups",
]

A_SPLITTER = "a number of folds, a fraction, a splitter or an iterable of (train, test)"


class Split(NamedTuple):
    """Row numbers of one split."""

    train: NDArray[np.intp]
    held_out: NDArray[np.intp]


def is_splitter(cv: Any) -> bool:
    """Tell whether ``cv`` is a splitter of scikit-learn, or an iterable of (train, test)."""
    if isinstance(cv, str | type):
        return False
    return hasattr(cv, "split") or isinstance(cv, Iterable)


def splitter_of(cv: Any, y: NDArray, name: str = "cv", allowed: str = A_SPLITTER) -> Any:
    """Return the splitter that ``cv`` stands for: a number of folds, a splitter, or splits."""
    with naming(name, allowed):
        return check_cv(cv, y, classifier=True)


def read_splits(
    splitter: Any,
    X: Any,
    y: NDArray,
    *,
    name: str = "cv",
    allowed: str = A_SPLITTER,
    params: dict[str, Any] | None = None,
) -> list[Split]:
    """Return what a splitter splits a table into, as row numbers.

    ``params`` are what its `split` gets beside the rows, such as groups.

    Raises
    ------
    ValueError
        If there is no split, or if a split trains on rows that it holds out.
    """
    every = np.arange(_num_samples(X))
    with naming(name, allowed):
        splits = [
            Split(np.atleast_1d(every[train]), np.atleast_1d(every[held]))
            for train, held in splitter.split(X, y, **(params or {}))
        ]
    if not splits:
        raise ValueError(
            f"{name} has no splits: at least one is needed. (An iterator has none left after the "
            "first fit: pass a list.)"
        )
    for train, held_out in splits:
        shared = np.intersect1d(train, held_out).size
        if shared:
            raise ValueError(
                f"{name} must not train on rows that it holds out: {shared} are in both parts "
                "of a split."
            )
    return splits


def table_splits(
    cv: Any,
    table: LabelledRows,
    strata: NDArray[np.int64],
    rows: NDArray[np.intp],
    *,
    owner: str,
    seed: int,
    given: dict[str, Any],
    stacklevel: int = 3,
) -> list[Split]:
    """Return the splits of those rows of a table that have weight.

    Parameters
    ----------
    cv : int, splitter or iterable of (train, test)
        A number of folds is reduced to the number of rows of the rarer stratum.
    table : LabelledRows
        The table.
    strata : ndarray of int of shape (n_samples,)
        What each of a number of folds has its share of.
    rows : ndarray of shape (n_rows,)
        Numbers of the rows that have weight.
    owner : str
        The estimator, for messages.
    seed : int
        Draws the folds.
    given : dict
        What a splitter gets beside the rows.
    stacklevel : int, default=3
        Where a warning of groups points to.
    """
    if is_splitter(cv):
        splitter = splitter_of(cv, table.labels)
        weighted = np.zeros(strata.size, dtype=bool)
        weighted[rows] = True
        found = read_splits(splitter, table.features, table.labels, params=given)
        warn_of_parted_groups(found, table.groups, owner, "cv", stacklevel=stacklevel)
        splits = [Split(*(part[weighted[part]] for part in split)) for split in found]
    else:
        n_folds = min(int(cv), int(np.bincount(strata[rows], minlength=2).min()))
        kind, groups = StratifiedKFold, None
        if table.groups is not None:
            kind, groups = StratifiedGroupKFold, code_groups(table.groups[rows])
        folds = kind(n_folds, shuffle=True, random_state=seed)
        found = read_splits(folds, rows, strata[rows], params={"groups": groups})
        splits = [Split(*(rows[part] for part in split)) for split in found]
    return [split for split in splits if split.held_out.size]


# --- groups -----------------------------------------------------------------------------


def check_groups(
    groups: ArrayLike | None, n_samples: int, name: str = "groups"
) -> NDArray[Any] | None:
    """Return groups of shape (n_samples,), of which none is missing."""
    if groups is None:
        return None
    with naming(name, "one label per row"):
        groups = np.asarray(groups)
    if groups.shape != (n_samples,):
        raise ValueError(
            f"{name} must have one entry per sample: expected {n_samples}, got shape "
            f"{groups.shape}.{hint_of_sizes(groups, n_samples)}"
        )
    if groups.dtype.kind == "O":
        n_missing = sum(map(_is_missing, groups.tolist()))
    else:
        # NaN and NaT differ from themselves.
        n_missing = int(np.count_nonzero(groups != groups))
    if n_missing:
        # They would be one large group of strangers.
        raise ValueError(
            f"{name} must not be missing, and {n_missing} of {n_samples} are. Give each of these "
            "rows a group of its own."
        )
    return groups


def code_groups(*columns: NDArray[Any] | None) -> NDArray[np.intp] | None:
    """Return the number of each row's group, None without groups.

    Rows that share a group in one of several columns are in the same group.
    """
    codes = [_codes(column) for column in columns if column is not None]
    if len(codes) < 2:
        return codes[0] if codes else None
    # Rows of a group are connected through it, by a graph of the groups of all columns.
    first = np.cumsum([0, *(code.max(initial=-1) + 1 for code in codes)])
    nodes = [code + start for code, start in zip(codes, first)]
    edges = [(nodes[0], other) for other in nodes[1:]]
    source = np.concatenate([one for one, _ in edges])
    target = np.concatenate([other for _, other in edges])
    shape = (int(first[-1]), int(first[-1]))
    graph = coo_array((np.ones(source.size, dtype=bool), (source, target)), shape=shape)
    return connected_components(graph, directed=False)[1][nodes[0]].astype(np.intp)


def _codes(column: NDArray[Any]) -> NDArray[np.intp]:
    try:
        return np.unique(column, return_inverse=True)[1].reshape(-1).astype(np.intp)
    except TypeError:
        # Labels of several types have no order.
        number: dict[Any, int] = {}
        with naming("groups", "one label per row"):
            return np.array([number.setdefault(one, len(number)) for one in column.tolist()])


def groups_for(splitter: Any, groups: NDArray | None) -> dict[str, Any]:
    """Return ``groups`` for the `split` of a splitter, or nothing if it does not take them."""
    if groups is None or not hasattr(splitter, "split"):
        return {}
    if hasattr(splitter, "get_metadata_routing"):
        # The signature of those of scikit-learn has groups even if they are ignored.
        takes = "groups" in get_routing_for_object(splitter).split.requests
    else:
        parameters = signature(splitter.split).parameters.values()
        takes = any(one.name == "groups" or one.kind is one.VAR_KEYWORD for one in parameters)
    return {"groups": groups} if takes else {}


def requested_groups(router: Any, groups: NDArray | None) -> dict[str, Any]:
    """Return ``groups`` for metadata routing, or nothing if nobody requests them of `fit`."""
    if groups is None or not router.get_metadata_routing().consumes("fit", ["groups"]):
        return {}
    return {"groups": groups}


def warn_of_parted_groups(
    splits: Sequence[Split], groups: NDArray | None, owner: str, name: str, stacklevel: int = 3
) -> None:
    """Warn if rows of one group are trained on and held out by the same split."""
    codes = code_groups(groups)
    if codes is None:
        return
    for number, (train, held_out) in enumerate(splits, start=1):
        parted = np.intersect1d(codes[train], codes[held_out]).size
        if parted:
            warnings.warn(
                f"{owner}: {name} trains on and holds out rows of the same groups, {parted} in "
                f"split {number} of {len(splits)}. Where rows of a group are alike, what is learnt "
                "from held-out rows is too good. Pass a number of folds, or a splitter that keeps "
                "groups whole, such as GroupKFold.",
                UserWarning,
                stacklevel=stacklevel + 1,
            )
            return


# --- classes ----------------------------------------------------------------------------


def check_divisible(positive: NDArray[np.bool_], classes: NDArray, owner: str, remedy: str) -> None:
    """Raise if a class has a single row, which cannot both train and be held out."""
    code, has = _rarer(positive, classes)
    if np.count_nonzero(positive == bool(code)) < 2:
        raise ValueError(
            f"{owner} trains on some rows and holds out others, but {has}: at least 2 are "
            f"needed. {remedy}"
        )


def check_trainable(
    splits: Sequence[Split],
    codes: NDArray[Any],
    classes: NDArray,
    owner: str,
    remedy: str,
    name: str = "",
) -> None:
    """Raise if a split has no rows of a class to train on.

    ``codes`` are the numbers of the rows' classes, or whether they are positive. ``name`` is
    the parameter, for an estimator that has several.
    """
    codes = codes.astype(np.intp)
    for number, (train, _) in enumerate(splits, start=1):
        missing = np.bincount(codes[train], minlength=classes.size) == 0
        if missing.any():
            # Of two the positive class is the one that is rare.
            code = int(np.flatnonzero(missing)[-1])
            kind = _KINDS[code] if classes.size == 2 else f"row of class {_shown(classes[code])}"
            raise ValueError(
                f"{owner} has no {kind} to train on in split {number} of {len(splits)}"
                f"{f' of {name}' if name else ''}: {_count(codes == code, classes, code)}. "
                f"{remedy}"
            )


_KINDS = ("negative", "positive")


def _rarer(positive: NDArray[np.bool_], classes: NDArray) -> tuple[int, str]:
    """Return the number of the rarer class, and how many rows it has in words."""
    code = int(2 * np.count_nonzero(positive) <= positive.size)
    return code, _count(positive == bool(code), classes, code)


def _count(in_class: NDArray[np.bool_], classes: NDArray, code: int) -> str:
    count = int(np.count_nonzero(in_class))
    kind = _KINDS[code] if classes.size == 2 else "row"
    return f"y has {count} {kind}{'' if count == 1 else 's'} (label {_shown(classes[code])})"


@dataclass(frozen=True, eq=False)
class GivenSplits:
    """What the splitter of a user splits the rows with weight into.

    Two are equal if they split the same rows in the same way.
    """

    splits: list[Split]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, GivenSplits) or len(self.splits) != len(other.splits):
            return False
        pairs = zip(self.splits, other.splits)
        return all(np.array_equal(*parts) for pair in pairs for parts in zip(*pair))

    __hash__ = None  # type: ignore[assignment]
