"""What `fit` is handed: checked, coded, and split into rows to train on and rows held out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from numbers import Integral
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.validation import validate_data

from ..._utils.features import check_kinds, check_numbers, column_names, kind_of_table
from ..._utils.labels import check_class_labels, classes_by_role, find_classes, refuse_labels
from ..._utils.levels import check_levels
from ..._utils.names import suggestion
from ..._utils.naming import naming
from ..._utils.splits import check_groups, code_groups
from ..._utils.validation import (
    _check_column,
    _invalid,
    _is_real,
    check_reference,
    check_weights,
    distinct_labels,
)
from ...objectives._checks import refuse_grades
from ...objectives._loss import check_names
from ...objectives._rows import check_columns
from ..losses._numpy import NumpyLoss
from ._columns import warn_of_precision
from ._criterion import Declaration, find_loss_of
from ._heads import code_heads, read_heads
from ._labels import check_labels, held_out_labels, learn_labels
from ._net import OF_NET
from ._rows import (
    TableDataset,
    content_folds,
    group_folds,
    group_sample,
    rarest_class_sample,
    strata_of,
    stratified_sample,
)
from ._settings import settings_of

__all__ = ["Table", "as_dataset", "check_X", "check_table", "split_table"]

# Weights within these powers of ten are handed on as they are. Their unit does not matter, and
# single precision ends at 38.
_SMALL, _LARGE = 1e-20, 1e20

# Columns that other losses read, which it does no harm to leave out.
_USUAL = ("group", "groups", "process")

# The column by which a loss knows a row again, as one with a multiplier for each.
ROW_ID = "row_id"

# The line that called `fit`, seen from `find_classes`.
_CALLER = 6


class Table(NamedTuple):
    """What `fit` is given, row by row.

    Attributes
    ----------
    X : ndarray or CSR matrix of shape (n_rows, n_features)
    y : ndarray of shape (n_rows,)
    weight : ndarray of shape (n_rows,), or None
    columns : dict of str to ndarray of shape (n_rows,)
        The columns that the loss reads.
    groups : ndarray of shape (n_rows,), or None
        Groups of rows that are never both trained on and held out.
    heads : dict of str to ndarray of shape (n_rows,)
        The targets of the heads beside the one that is scored.
    """

    X: Any
    y: NDArray
    weight: NDArray | None
    columns: Mapping[str, NDArray]
    groups: NDArray | None = None
    heads: Mapping[str, NDArray] = MappingProxyType({})

    @property
    def value(self) -> NDArray | None:
        """What catching each row is worth."""
        return self.columns.get("value")

    def select(self, rows: NDArray[np.intp]) -> Table:
        """Return some of the rows."""
        return Table(
            self.X[rows],
            self.y[rows],
            None if self.weight is None else self.weight[rows],
            {name: column[rows] for name, column in self.columns.items()},
            None if self.groups is None else self.groups[rows],
            {name: target[rows] for name, target in self.heads.items()},
        )

    def without_weightless(self) -> Table:
        """Return the rows of positive weight."""
        if self.weight is None or self.weight.all():
            return self
        return self.select(np.flatnonzero(self.weight))


def check_X(estimator: Any, X: Any, *, reset: bool = False) -> Any:
    """Return features as float32, an array or a CSR matrix; name the columns that are refused.

    Parameters
    ----------
    estimator : PAUCClassifier
        The estimator, which knows its features, or learns them.
    X : object
        What a method was called with.
    reset : bool, default=False
        Whether the features are learnt.
    """
    owner, kind = type(estimator).__name__, kind_of_table(X)
    X = check_kinds(X, owner)
    names = column_names(X)
    # What is infinite as float32 is refused below.
    with naming("X"), np.errstate(over="ignore"):
        found = validate_data(
            estimator,
            X,
            accept_sparse="csr",
            dtype=np.float32,
            reset=reset,
            ensure_all_finite=False,
            ensure_min_samples=2 if reset else 1,
        )
    check_numbers(found, names, owner, kind)
    if reset:
        warn_of_precision(X, names, owner)
    return found


def _check_names(
    estimator: Any, loss: Declaration, columns: Mapping[str, ArrayLike | None]
) -> None:
    """Refuse columns that the loss does not read, and names that are no columns, even of None."""
    owner = type(estimator).__name__
    known = ["sample_weight", "groups", *sorted({"iid_mask", "value"} | loss.reads | loss.needs)]
    parameters = estimator.get_params(deep=False)
    for name, column in columns.items():
        if name in known or (column is None and name in _USUAL):
            continue
        # A column that other losses read is no misspelt one.
        hint = "" if name in _USUAL else suggestion(name, known)
        if name in parameters:
            hint = f"It is a parameter of the constructor: pass {owner}({name}=...)."
        if hint or column is None:
            raise ValueError(
                f"{owner} does not take {name!r} in fit, so it would have no effect."
                f"{hint and ' '}{hint} What it takes: X, y, {', '.join(known)}."
            )
    reader = owner if loss.is_own else f"{owner} with {loss.name}"
    given = {name for name, column in columns.items() if column is not None}
    # The rows are numbered here, unless they have numbers already.
    given |= loss.needs & {ROW_ID}
    check_names(loss, given, reader)  # type: ignore[arg-type]


def _check_y(estimator: Any, y: Any, target: str) -> NDArray:
    """Return labels, or numbers, of shape (n_samples,)."""
    owner, numeric = type(estimator).__name__, target == "real"
    if y is None:
        raise ValueError(f"{owner} requires y to be passed, but the target y is None.")
    refuse_labels(y, owner, "pass loss='multilabel_cross_entropy', or wrap it")
    with naming("y", f"{'numbers' if numeric else 'labels'} of shape (n_samples,)"):
        y = column_or_1d(y, warn=True)
        if y.dtype.kind in "cV":
            kind = "Complex" if y.dtype.kind == "c" else "Structured"
            raise ValueError(f"{kind} data not supported.")
        if not numeric:
            distinct_labels(y, "y")
            if target == "ordinal":
                check_levels(y, owner, "this loss")
            else:
                _refuse_grades(estimator, y)
                check_class_labels(y)
            return y
        y = _check_column(y, "y", np.float64)
        greatest = np.abs(y).max(initial=0.0)
        if greatest > np.finfo(np.float32).max:
            raise ValueError(
                f"y goes up to {greatest:g}, beyond the range of float32, in which a network "
                "computes. Divide y by a constant."
            )
        return y


def check_table(
    estimator: Any,
    loss: Declaration,
    X: Any,
    y: Any,
    sample_weight: ArrayLike | None,
    columns: Mapping[str, ArrayLike | None],
    classes: ArrayLike | None = None,
    *,
    first: bool = True,
) -> Table:
    """Return the rows to train on, checked and coded as the loss takes them.

    Rows of weight 0 are dropped. The estimator learns its features and classes.

    Parameters
    ----------
    estimator : PAUCClassifier
        The estimator.
    loss : Declaration
        What its loss needs.
    X, y, sample_weight, columns, classes
        What `fit` or `partial_fit` were called with. ``groups`` are among the columns.
    first : bool, default=True
        Whether features and classes are learnt, rather than compared.

    Returns
    -------
    table : Table
    """
    groups = columns.get("groups")
    columns = {name: column for name, column in columns.items() if name != "groups"}
    owner = type(estimator).__name__
    _check_names(estimator, loss, columns)
    given = {name: column for name, column in columns.items() if column is not None}
    is_real = loss.target == "real"
    if not (loss.has_classes and not loss.has_labels) and estimator.pos_label is not None:
        raise ValueError(
            f"The 'pos_label' parameter of {owner} names one of two classes, and {loss.name} takes "
            f"the target {loss.target!r}. Got {estimator.pos_label!r}: leave it at None."
        )
    X = check_X(estimator, X, reset=first)
    if loss.has_labels:
        y = check_labels(y, owner, loss.name)
    else:
        y = _check_y(estimator, y, loss.target)
    check_consistent_length(X, y)
    weight = _in_range(check_weights(sample_weight, X.shape[0]))
    groups = check_groups(groups, X.shape[0])
    if ROW_ID in loss.columns:
        numbers = given.get(ROW_ID, np.arange(X.shape[0]))
        numbers = check_columns({ROW_ID: numbers}, X.shape[0])[ROW_ID]
        given[ROW_ID] = np.unique(numbers, return_inverse=True)[1].reshape(-1)
    heads, of_losses = read_heads(loss, given, X.shape[0])
    known = check_columns(of_losses, X.shape[0])
    table = Table(X, y, weight, known, groups, heads).without_weightless()
    if is_real:
        for name in ("classes_", "pos_label_"):
            vars(estimator).pop(name, None)
        if classes is not None:
            raise ValueError(f"{loss.name} takes a real target, which has no classes.")
        table = table._replace(y=table.y.astype(np.float32))
    elif loss.has_labels:
        learn_labels(estimator, table.y, classes, first=first)
    else:
        table = _code_classes(estimator, loss, table, classes, first=first)
    if table.weight is not None and not loss.takes_weight:
        raise ValueError(
            f"{loss.name} does not take sample_weight, so weights (sample_weight or class_weight) "
            "would have no effect on it: leave them out, or use a loss that takes them."
        )
    table = table._replace(heads=code_heads(estimator, loss, table.heads, first=first))
    if not loss.has_classes or loss.has_labels:
        return table
    _check_value(estimator, loss, table)
    if first:
        _check_reference(estimator, table)
    value = _relative_value(table, estimator.classes_.size)
    return table if value is None else table._replace(columns={**table.columns, "value": value})


def _code_classes(
    estimator: Any, loss: Declaration, table: Table, classes: ArrayLike | None, *, first: bool
) -> Table:
    """Return the table with class indices in place of labels, and with class weights."""
    # Class weights say nothing about which class is rare.
    weight = table.weight
    if estimator.class_weight is not None:
        of_class = _class_weights(estimator, table.y, classes)
        weight = None if weight is None else weight[of_class > 0]
        both = of_class if table.weight is None else table.weight * of_class
        table = table._replace(weight=_in_range(both)).without_weightless()
    if first:
        _learn_classes(estimator, loss, table, weight, classes)
    else:
        _compare_classes(estimator, loss, table, classes)
    known = estimator.classes_
    if hasattr(estimator, "pos_label_"):
        # It need not be the greater one of the two.
        codes = table.y == estimator.pos_label_
    else:
        codes = np.searchsorted(known, table.y)
    return table._replace(y=codes.astype(np.int64))


def _class_weights(estimator: Any, y: NDArray, classes: ArrayLike | None) -> NDArray[np.float64]:
    """Return the class weight of each row."""
    given = estimator.class_weight
    if isinstance(given, dict):
        owner = type(estimator).__name__
        if not all(_is_real(weight) and 0 <= weight < np.inf for weight in given.values()):
            if any(_is_real(weight) and weight < 0 for weight in given.values()):
                raise ValueError(
                    f"Negative values in class_weight: every weight must be at least 0. Got "
                    f"{given!r}."
                )
            allowed = "a dict of one finite weight of at least 0 per class, 'balanced' or None"
            raise _invalid("class_weight", given, owner, allowed)
        known = np.unique(y if classes is None else np.asarray(classes)).tolist()
        known += np.ravel(getattr(estimator, "classes_", [])).tolist()
        unknown = [label for label in given if label not in known]
        if unknown:
            raise ValueError(
                f"class_weight of {owner} names classes that are not in y: {unknown}. The classes "
                f"are {known}."
            )
    found = check_weights(compute_sample_weight(given, y), len(y), "class_weight")
    assert found is not None
    return _in_range(found)


def _in_range(weight: Any) -> Any:
    """Return weights in a unit in which single precision can hold them.

    Those that are next to nothing beside the greatest one are 0 then.
    """
    if weight is None:
        return None
    greatest = weight.max()
    if not _SMALL <= greatest <= _LARGE:
        weight = weight / greatest
    vanishing = (weight > 0) & (weight < np.finfo(np.float32).tiny)
    return np.where(vanishing, 0.0, weight) if vanishing.any() else weight


_OF_WEIGHT = (
    " (among rows of positive weight). A sample_weight of 0, or of less than 1e-38 of the greatest "
    "one, leaves out the row."
)


def _learn_classes(
    estimator: Any,
    loss: Declaration,
    table: Table,
    weight: NDArray | None,
    classes: ArrayLike | None,
) -> None:
    """Find the classes, and which of two is the positive one."""
    owner = type(estimator).__name__
    given = np.unique(table.y if classes is None else np.asarray(classes))
    if given.size < 2:
        raise ValueError(
            f"{owner} needs two classes, but y contains one class: {given.tolist()}"
            + ("." if table.weight is None else _OF_WEIGHT)
        )
    _check_known(table, given)
    _refuse_grades(estimator, given)
    positive = None
    if loss.has_classes and given.size == 2:
        y = table.y
        if classes is not None:
            # A part of a stream need not hold both.
            y = np.concatenate([y, given])
            weight = np.ones(table.y.size) if weight is None else weight
            weight = np.concatenate([weight, np.zeros(2)])
        _refuse_encoded_labels(estimator, given)
        positive = find_classes(
            y, estimator.pos_label, owner=owner, weight=weight, stacklevel=_CALLER
        ).classes[1]
    elif estimator.pos_label is not None:
        raise _not_for(estimator, given)
    estimator.classes_ = given
    vars(estimator).pop("pos_label_", None)
    if positive is not None:
        estimator.pos_label_ = positive


def _refuse_grades(estimator: Any, labels: NDArray) -> None:
    """Raise if a loss of lists is handed more than two labels, and was not told of grades."""
    loss = find_loss_of(estimator)
    if isinstance(loss, NumpyLoss):
        loss = loss.loss
    refuse_grades(loss, labels, f"The 'loss' parameter of {type(estimator).__name__}", "y")


def _refuse_encoded_labels(estimator: Any, classes: NDArray) -> None:
    """Say what to do if the labels that fit was handed are numbers in place of names."""
    named = estimator.pos_label
    if isinstance(named, str) and classes.dtype.kind in "biuf":
        # As another type of error it would get the name of that tool, which has no pos_label.
        raise ValueError(
            f"The 'pos_label' parameter of {type(estimator).__name__} must be one of the labels in "
            f"y, {classes.tolist()}. Got {named!r} instead. If a tool of scikit-learn encoded the "
            "labels (cross_val_predict of scores, CalibratedClassifierCV, VotingClassifier), "
            f"encode them yourself: pass it y == {named!r}, and no pos_label."
        )


def _compare_classes(
    estimator: Any, loss: Declaration, table: Table, classes: ArrayLike | None
) -> None:
    """Compare what a later call says about the classes with what is known."""
    known = estimator.classes_
    if classes is not None:
        given = np.unique(np.asarray(classes))
        if not np.array_equal(given, np.unique(known)):
            raise ValueError(
                f"classes={given.tolist()} is not the same as on the last call to "
                f"partial_fit, was: {known.tolist()}."
            )
    _check_known(table, known)
    if estimator.pos_label is None:
        return
    if not (loss.has_classes and known.size == 2):
        raise _not_for(estimator, known)
    positive = np.asarray(estimator.pos_label_).item()
    if estimator.pos_label != positive:
        raise ValueError(
            f"pos_label={estimator.pos_label!r} is not the positive class of the earlier calls, "
            f"{positive!r}: call fit for a new start."
        )


def _check_known(table: Table, classes: NDArray) -> None:
    unknown = np.setdiff1d(table.y, classes)
    if unknown.size:
        raise ValueError(
            f"y contains labels that are not in classes: {unknown[:10].tolist()}; classes "
            f"are {classes.tolist()}."
        )


def _not_for(estimator: Any, classes: NDArray) -> Exception:
    hint = f"y has {classes.size} classes, and each of them is ranked against the others."
    return _invalid("pos_label", estimator.pos_label, type(estimator).__name__, "None", hint)


def _check_value(estimator: Any, loss: Declaration, table: Table) -> None:
    """Refuse values where the loss cannot tell them from weights."""
    if table.value is None or table.weight is None or loss.separates_value:
        return
    basis = estimator.basis if loss.is_own else loss.basis
    if basis == "population" or estimator.classes_.size > 2:
        raise ValueError(
            "value and weights (sample_weight or class_weight) cannot be combined with "
            "basis='population' or more than two classes: a row that counts in the band and is "
            "worth something has one weight for both."
        )


def _check_reference(estimator: Any, table: Table) -> None:
    """Refuse a mask that leaves no negatives to set a band with."""
    mask = table.columns.get("iid_mask")
    if mask is None:
        return
    classes = estimator.classes_
    shown = np.bincount(table.y[mask], minlength=classes.size)
    # Of two classes the first is the negative one; of more each is ranked against the others.
    lacking = [1] if classes.size == 2 else range(classes.size)
    for positive in lacking:
        if shown.sum() == shown[positive] and (table.y != positive).any():
            check_reference(0, table.y.size, int(mask.sum()), type(estimator).__name__)


def _relative_value(table: Table, n_classes: int) -> NDArray[np.float32] | None:
    """Return values in units of their mean over each positive class, and 1 for negatives."""
    if table.value is None:
        return None
    weight = np.ones(table.y.size) if table.weight is None else table.weight
    relative = np.ones(table.y.size, dtype=np.float32)
    for label in [1] if n_classes == 2 else range(n_classes):
        rows = np.flatnonzero(table.y == label)
        values = table.value[rows]
        greatest = values.max(initial=0.0)
        if greatest and not _SMALL <= greatest <= _LARGE:
            # Sums might overflow, or vanish.
            values = values / greatest
        # A part of a stream may hold nothing of a class, or nothing of value.
        worth = weight[rows] @ values
        relative[rows] = values * (weight[rows].sum() / worth if worth > 0 else 0.0)
    return relative


def split_table(
    estimator: Any, loss: Declaration, table: Table, rng: np.random.RandomState
) -> tuple[TableDataset, TableDataset | None]:
    """Return the rows to train on, and the held-out ones if there are any."""
    folds = estimator._scores_out_of_fold
    strata = strata_of(table.y)
    if loss.has_classes and table.value is not None:
        # What is held out must have value, too.
        n_classes = estimator.classes_.size
        strata = np.where(table.value > 0, table.y, table.y + n_classes)
        if np.setdiff1d(np.arange(n_classes), strata).size:
            raise ValueError("The positives have no value: at least one must be worth something.")
    if not estimator.early_stopping and (folds or not estimator._calibrates):
        return as_dataset(estimator, table, folds=folds), None
    if loss.has_labels:
        held = held_out_labels(estimator, table.y, table.groups, rng)
    else:
        held = _held_out(estimator, table, strata, rng)
    return (
        as_dataset(estimator, table.select(np.flatnonzero(~held)), folds=folds),
        as_dataset(estimator, table.select(np.flatnonzero(held)), folds=False),
    )


def _held_out(
    estimator: Any, table: Table, strata: NDArray, rng: np.random.RandomState
) -> NDArray[np.bool_]:
    """Return a mask of the rows to hold out: ``validation_fraction``, with every class."""
    n_classes = estimator.classes_.size
    group = table.columns.get("group")
    if table.groups is not None:
        return _held_out_groups(estimator, table, strata, rng)
    if group is not None and np.unique(group).size > 1:
        held = group_sample(group, estimator.validation_fraction, rng)
        if all(np.isin(np.arange(n_classes), strata[part]).all() for part in (held, ~held)):
            return held
        raise ValueError(
            "Of the groups that are held out, or of the others, none has rows of every class. "
            "Pass another validation_fraction, or early_stopping=False, and calibration_cv=None "
            "or n_members >= 2."
        )
    fewest = np.bincount(strata, minlength=n_classes)[:n_classes].min()
    if fewest < 2:
        raise ValueError(
            f"The least populated class in y has only {fewest} member"
            + (": " if table.value is None else " (of those with value): ")
            + "holding out validation_fraction of the rows needs at least 2. Pass "
            "early_stopping=False, and calibration_cv=None or n_members >= 2."
        )
    return stratified_sample(strata, estimator.validation_fraction, rng)


def _held_out_groups(
    estimator: Any, table: Table, strata: NDArray, rng: np.random.RandomState
) -> NDArray[np.bool_]:
    """Return a mask of the rows to hold out, which are those of whole groups."""
    groups = code_groups(table.groups, table.columns.get("group"))
    assert groups is not None
    held = rarest_class_sample(strata, groups, estimator.validation_fraction, rng)
    _check_every_class(estimator, strata, (held, ~held))
    return held


def _check_every_class(estimator: Any, strata: NDArray, parts: Iterable[NDArray[np.bool_]]) -> None:
    """Raise if a part of the rows, which holds whole groups, lacks a class."""
    classes = np.arange(estimator.classes_.size)
    for part in parts:
        missing = np.setdiff1d(classes, strata[part])
        if missing.size:
            label = classes_by_role(estimator).tolist()[missing[-1]]
            raise ValueError(
                f"{type(estimator).__name__} does not part the rows of a group, and of the groups "
                f"that are held out, or of the others, none has rows of class {label!r}: there "
                "are too few groups with that class. Pass calibration_cv=None and "
                "early_stopping=False to train without holding out, or more groups."
            )


def as_dataset(estimator: Any, table: Table, *, folds: bool) -> TableDataset:
    """Return a table as rows for a network, with the folds that members leave out."""
    fold = None
    if folds:
        # Folds have a seed of their own: equal rows are to share one in every call.
        seed = estimator.random_state if isinstance(estimator.random_state, Integral) else 0
        drawn = np.random.RandomState(int(seed))
        query = table.columns.get("group")
        # One query is the whole table.
        several = query is not None and np.unique(query).size > 1
        groups = None
        if table.groups is not None or several:
            groups = code_groups(table.groups, query)
        strata = strata_of(table.y)
        if groups is None:
            fold = content_folds(table.X, strata, settings_of(estimator).n_members, drawn)
        elif strata is not table.y:
            fold = group_folds(strata, groups, settings_of(estimator).n_members, drawn)
        else:
            fold = group_folds(table.y, groups, settings_of(estimator).n_members, drawn)
            left_out = [fold == number for number in np.unique(fold[fold >= 0])]
            _check_every_class(estimator, table.y, [fold >= 0, *(~part for part in left_out)])
    weight = None if table.weight is None else table.weight.astype(np.float32)
    assert not OF_NET & table.columns.keys()
    heads = {f"head:{name}": target for name, target in table.heads.items()}
    return TableDataset(table.X, y=table.y, weight=weight, fold=fold, **table.columns, **heads)
