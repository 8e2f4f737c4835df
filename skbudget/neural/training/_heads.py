"""Heads beside the one that is scored: what each takes, and its targets as `fit` is handed them."""

from __future__ import annotations

import copy
import keyword
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import nn

from ..._utils.names import suggestion
from ..._utils.validation import _as_array, _invalid, _is_missing
from .._head import Head, as_head
from ._criterion import Declaration, declare_loss
from ._members import IGNORED
from ._net import OF_NET
from ._rows import TableDataset

__all__ = [
    "HeadDeclaration",
    "check_heads",
    "code_heads",
    "estimator_of_head",
    "head_params",
    "read_heads",
    "rows_of_head",
    "set_head_params",
    "trained_heads",
]

# Arguments of `fit` and columns that losses read.
_TAKEN = OF_NET | {
    "self",
    "X",
    "sample_weight",
    "iid_mask",
    "value",
    "groups",
    "group",
    "classes",
    "process",
    "row_id",
}

# Losses of torch that take numbers, and would take labels for such.
_OF_NUMBERS = (nn.MSELoss, nn.L1Loss, nn.SmoothL1Loss, nn.HuberLoss, nn.PoissonNLLLoss)

_DICT = "a dict of names and heads, such as {'cart': Head(weight=0.3)}, or None"


class HeadDeclaration(NamedTuple):
    """What a head takes.

    Attributes
    ----------
    name : str
        Its name, that of the column with its target.
    loss : Declaration
        What its loss takes.
    weight : float
        Its weight in the sum.
    """

    name: str
    loss: Declaration
    weight: float


# --- the parameter --------------------------------------------------------------------------


def check_heads(estimator: Any, declaration: Declaration) -> Declaration:
    """Return what the estimator's losses need, those of its heads included.

    Parameters
    ----------
    estimator : PAUCClassifier
        The estimator.
    declaration : Declaration
        What its loss and its regulariser need.

    Raises
    ------
    TypeError, ValueError
        If ``heads`` holds something else than heads, a name is taken, or there is nothing that
        heads could share.
    """
    heads, owner = estimator.heads, type(estimator).__name__
    if heads is None:
        return declaration
    if not isinstance(heads, Mapping) or not heads:
        raise _invalid("heads", heads, owner, _DICT)
    found = []
    for name, given in heads.items():
        _check_name(name, declaration, owner)
        head, parameter = as_head(given), f"heads[{name!r}]"
        if head.loss is None:
            raise TypeError(
                f"The {parameter!r} parameter of {owner} must be the name of a loss, a Loss, a "
                "torch Module, or a Head with one of them. Got None instead. The partial AUC over "
                "a band is called 'pairwise_pauc'."
            )
        of_head = _declare(head.loss, owner, parameter)
        if "value" in of_head.needs:
            raise ValueError(
                f"{of_head.name} needs the column 'value', which is what catching a row is worth "
                f"where y is positive, so {parameter} of {owner} cannot have it."
            )
        if of_head.target == "labels":
            raise ValueError(
                f"{of_head.name} takes several labels per row, and {parameter} of {owner} is one "
                "column: pass one head per label."
            )
        found.append(HeadDeclaration(name, of_head, float(head.weight)))
    for one in found:
        for other in found:
            if one.name in other.loss.columns:
                raise _taken(one.name, f"{other.loss.name} reads a column of that name", owner)
    if estimator.module is None and not len(estimator.hidden_layer_sizes):
        raise ValueError(
            f"The heads of {owner} share its hidden layers, and hidden_layer_sizes=() has none, so "
            "that heads would have no effect: pass at least one width, such as (64,)."
        )
    columns = [head.loss.reads - {"value"} for head in found]
    return declaration._replace(
        reads=declaration.reads.union(*columns),
        needs=declaration.needs.union(*(head.loss.needs for head in found), heads.keys()),
        takes_weight=declaration.takes_weight and all(head.loss.takes_weight for head in found),
        heads=tuple(found),
        main_columns=declaration.columns,
    )


def _declare(loss: Any, owner: str, parameter: str) -> Declaration:
    """Return what the loss of a head takes; torch has losses of numbers that do not say so."""
    declared = declare_loss(loss, owner, parameter)
    cls = loss if isinstance(loss, type) else type(loss)
    of_numbers = issubclass(cls, _OF_NUMBERS) and not hasattr(loss, "target")
    return declared._replace(target="real", has_warmup=False) if of_numbers else declared


def _check_name(name: Any, declaration: Declaration, owner: str) -> None:
    if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
        raise ValueError(
            f"The 'heads' parameter of {owner} has names as keys, under which fit is handed the "
            f"targets: fit(X, y, cart=cart). Got {name!r}."
        )
    if "__" in name:
        raise ValueError(
            f"A head of {owner} must not have two underscores in its name, which part the names of "
            f"parameters: got {name!r}."
        )
    if name in _TAKEN:
        raise _taken(name, "fit has an argument, or a loss a column, of that name", owner)
    if name in declaration.columns:
        raise _taken(name, f"{declaration.name} reads a column of that name", owner)


def _taken(name: str, why: str, owner: str) -> Exception:
    return ValueError(
        f"A head of {owner} cannot be called {name!r}: {why}. Give the head another name."
    )


def trained_heads(declaration: Declaration) -> list[HeadDeclaration]:
    """Return the heads that are trained: those that have a weight."""
    return [head for head in declaration.heads if head.weight > 0]


def head_params(heads: Any) -> dict[str, Any]:
    """Return the parameters of heads by the names that `set_head_params` takes."""
    found: dict[str, Any] = {}
    for name, head in heads.items() if isinstance(heads, Mapping) else ():
        found[f"heads__{name}"] = head
        if isinstance(head, Head):
            found |= {f"heads__{name}__loss": head.loss, f"heads__{name}__weight": head.weight}
    return found


def set_head_params(heads: Any, params: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """Return heads with parameters set, by names such as ``heads__cart__weight``.

    Raises
    ------
    ValueError
        If there is no such head, or no such parameter.
    """
    changed = dict(heads) if isinstance(heads, Mapping) else {}
    of_head: dict[str, dict[str, Any]] = {}
    for full, value in params.items():
        name, _, parameter = full.removeprefix("heads__").partition("__")
        if name not in changed:
            listed = ", ".join(repr(one) for one in changed) or "none"
            hint = suggestion(name, [one for one in changed if isinstance(one, str)])
            raise ValueError(
                f"Invalid parameter {full} of {owner}: its heads are {listed}.{hint and ' '}{hint}"
            )
        if parameter:
            of_head.setdefault(name, {})[parameter] = value
        else:
            changed[name] = value
    for name, given in of_head.items():
        changed[name] = as_head(changed[name]).with_params(owner, f"heads__{name}", **given)
    return changed


# --- the targets ----------------------------------------------------------------------------


def read_heads(
    declaration: Declaration, columns: Mapping[str, ArrayLike], n_samples: int
) -> tuple[dict[str, NDArray], dict[str, ArrayLike]]:
    """Return the targets of the heads, as arrays of one entry per row, and the other columns.

    Raises
    ------
    ValueError
        If one has another shape, or holds dates.
    """
    names = [head.name for head in declaration.heads]
    targets = {name: _read(columns[name], name, n_samples) for name in names}
    return targets, {name: column for name, column in columns.items() if name not in names}


def _read(values: Any, name: str, n_samples: int) -> NDArray:
    mask = np.ma.getmaskarray(values) if isinstance(values, np.ma.MaskedArray) else None
    if hasattr(values, "toarray"):
        raise ValueError(f"{name} must be a dense array of shape ({n_samples},): got a sparse one.")
    found = _as_array(values, name)
    if found.ndim == 2 and found.shape[1] == 1:
        found = found[:, 0]
        mask = None if mask is None else mask[:, 0]
    if found.shape != (n_samples,):
        raise ValueError(
            f"{name} must have one entry per sample: expected ({n_samples},), got {found.shape}. "
            "An entry that is not known may be NaN or None."
        )
    if found.dtype.kind not in "biufOUS":
        raise ValueError(f"{name} must hold labels or numbers: got {found.dtype}.")
    if mask is not None and mask.any():
        found = found.astype(object)
        found[mask] = None
    return found


def code_heads(
    estimator: Any, declaration: Declaration, targets: Mapping[str, NDArray], *, first: bool
) -> dict[str, NDArray]:
    """Return the targets of the heads as they are trained on.

    The estimator learns their classes, ``head_classes_``.

    Parameters
    ----------
    estimator : PAUCClassifier
        The estimator.
    declaration : Declaration
        What its losses need.
    targets : dict of str to ndarray of shape (n_samples,)
        What `read_heads` returned, of the rows that count.
    first : bool
        Whether classes are learnt, rather than compared.

    Returns
    -------
    coded : dict of str to ndarray of shape (n_samples,)
        Class indices, `IGNORED` where the target is not known; float32 numbers for a real
        target, NaN where it is not known.
    """
    owner = type(estimator).__name__
    if first:
        vars(estimator).pop("head_classes_", None)
    if not declaration.heads:
        return {}
    known_classes = {} if first else dict(getattr(estimator, "head_classes_", {}))
    coded: dict[str, NDArray] = {}
    for head in declaration.heads:
        values = targets[head.name]
        known = _known(values)
        if not known.any() and first:
            raise ValueError(
                f"The head {head.name!r} of {owner} has nothing to learn from: all entries of "
                f"{head.name} are missing (among rows of positive weight). Pass some that are "
                "known, or leave out the head."
            )
        of_known = _of_one_type(values[known])
        if head.loss.target == "real":
            numbers = np.full(values.size, np.nan, dtype=np.float32)
            numbers[known] = _as_numbers(of_known, head)
            coded[head.name] = numbers
            continue
        classes = known_classes.get(head.name)
        if classes is None:
            classes = _find_classes(of_known, head, owner)
            known_classes[head.name] = classes
        codes = np.full(values.size, IGNORED, dtype=np.int64)
        codes[known] = _codes(of_known, classes, head)
        coded[head.name] = codes
    estimator.head_classes_ = known_classes
    return coded


def _known(values: NDArray) -> NDArray[np.bool_]:
    """Return which entries are there."""
    if values.dtype.kind == "f":
        return ~np.isnan(values)
    if values.dtype.kind == "O":
        return np.array([not _is_missing(one) for one in values], dtype=bool)
    return np.ones(values.size, dtype=bool)


def _of_one_type(values: NDArray) -> NDArray:
    """Return Python objects as an array of numbers, or of text, if that is what they are."""
    if values.dtype.kind != "O":
        return values
    found = np.array(values.tolist()) if values.size else np.zeros(0)
    # A number beside text would become text.
    is_mixed = found.dtype.kind in "US" and not all(isinstance(one, str | bytes) for one in values)
    return values if is_mixed or found.ndim != 1 else found


def _as_numbers(values: NDArray, head: HeadDeclaration) -> NDArray[np.float32]:
    if values.dtype.kind not in "biuf":
        raise ValueError(
            f"{head.name} must hold numbers, for {head.loss.name} takes a real target: got "
            f"{values[:5].tolist()}."
        )
    numbers = values.astype(np.float64)
    greatest = np.abs(numbers).max(initial=0.0)
    if not greatest <= np.finfo(np.float32).max:
        raise ValueError(
            f"{head.name} contains infinity, or numbers beyond the range of float32, in which a "
            f"network computes: it goes up to {greatest:g}. An entry that is not known is NaN or "
            "None."
        )
    return numbers.astype(np.float32)


def _find_classes(values: NDArray, head: HeadDeclaration, owner: str) -> NDArray:
    """Return the classes or levels of a head; of two the second is the positive one."""
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise ValueError(f"{head.name} contains infinity, which is no label.")
    try:
        found = np.unique(values)
    except TypeError as error:
        raise ValueError(
            f"{head.name} mixes types of labels: make all of them numbers, or all of them strings."
        ) from error
    if head.loss.target == "ordinal" and found.dtype.kind not in "biuf":
        raise ValueError(
            f"{head.name} must hold ordered levels, which are numbers, for {head.loss.name}: got "
            f"{found[:10].tolist()}."
        )
    if found.size < 2 and not (head.loss.target == "binary" and _fits_two(found)):
        raise ValueError(
            f"The head {head.name!r} of {owner} needs at least two "
            f"{'levels' if head.loss.target == 'ordinal' else 'classes'}, and {head.name} holds "
            f"{found.tolist()} only."
        )
    if head.loss.target != "binary":
        return found
    if found.size <= 2:
        if not _fits_two(found):
            raise ValueError(
                f"{head.name} must hold 0 and 1, -1 and 1, or False and True, of which the greater "
                f"one is positive: got {found.tolist()}. Pass {head.name}="
                f"({head.name} == {found.tolist()[-1]!r})."
            )
        return np.array([-1 if (found == -1).any() else 0, 1])
    if found.dtype.kind == "f" and (found != np.floor(found)).any():
        raise ValueError(
            f"{head.name} must hold labels, for {head.loss.name} takes classes: got "
            f"{found[:5].tolist()}. For numbers pass a loss of a real target."
        )
    return found


def _fits_two(found: NDArray) -> bool:
    """Whether labels are among 0 and 1, or among -1 and 1."""
    if found.dtype.kind not in "biuf":
        return False
    return bool(np.isin(found, [0, 1]).all() or np.isin(found, [-1, 1]).all())


def _codes(values: NDArray, classes: NDArray, head: HeadDeclaration) -> NDArray[np.int64]:
    if not values.size:
        return np.zeros(0, dtype=np.int64)
    unknown = values[~np.isin(values, classes)]
    if unknown.size:
        raise ValueError(
            f"{head.name} contains labels that are not among its classes: "
            f"{np.unique(unknown)[:10].tolist()}; they are {classes.tolist()}."
        )
    return np.searchsorted(classes, values).astype(np.int64)


# --- a head as an estimator -----------------------------------------------------------------


def estimator_of_head(estimator: Any, head: HeadDeclaration) -> Any:
    """Return what looks like an estimator with the head's loss and classes, and no heads."""
    view = copy.copy(estimator)
    view.loss = as_head(estimator.heads[head.name]).loss
    view.regularizer = view.heads = view.alpha = view.beta = None
    vars(view).pop("classes_", None)
    if head.loss.target != "real":
        view.classes_ = estimator.head_classes_[head.name]
    return view


def rows_of_head(head: HeadDeclaration, rows: TableDataset) -> TableDataset:
    """Return the rows whose target of a head is known, without their features."""
    about = {name: column.numpy() for name, column in rows.about.items()}
    target = about[f"head:{head.name}"]
    known = ~np.isnan(target) if target.dtype.kind == "f" else target != IGNORED
    columns = {
        name: about[name][known]
        for name in {"weight", *head.loss.columns} - {"value"}
        if name in about
    }
    return TableDataset(
        np.zeros((int(known.sum()), 0), dtype=np.float32), y=target[known], **columns
    )
