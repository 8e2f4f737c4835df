"""What `fit` is handed: checked, coded, and split into rows to train on and rows held out."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from ..._utils.validation import check_weights
from ...objectives._loss import check_names
from ...objectives._rows import check_columns
from ._criterion import Declaration
from ._net import OF_NET
from ._rows import TableDataset, content_folds, group_sample, stratified_sample

__all__ = ["Table", "as_dataset", "check_table", "split_table"]


class Table(NamedTuple):
    """What `fit` is given, row by row.

    Attributes
    ----------
    X : ndarray or CSR matrix of shape (n_rows, n_features)
    y : ndarray of shape (n_rows,)
    weight : ndarray of shape (n_rows,), or None
    columns : dict of str to ndarray of shape (n_rows,)
        The columns that the loss reads.
    """

    X: Any
    y: NDArray
    weight: NDArray | None
    columns: Mapping[str, NDArray]

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
        )

    def without_weightless(self) -> Table:
        """Return the rows of positive weight."""
        if self.weight is None or self.weight.all():
            return self
        return self.select(np.flatnonzero(self.weight))


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
        What `fit` or `partial_fit` were called with.
    first : bool, default=True
        Whether features and classes are learnt, rather than compared.

    Returns
    -------
    table : Table
    """
    given = {name: column for name, column in columns.items() if column is not None}
    owner = type(estimator).__name__
    reader = owner if loss.is_own else f"{owner} with {loss.name}"
    check_names(loss, set(given), reader)  # type: ignore[arg-type]
    is_real = loss.target == "real"
    X, y = validate_data(
        estimator,
        X,
        y,
        accept_sparse="csr",
        dtype=np.float32,
        reset=first,
        ensure_min_samples=2,
        y_numeric=is_real,
    )
    weight = check_weights(sample_weight, X.shape[0])
    table = Table(X, y, weight, check_columns(given, X.shape[0])).without_weightless()
    if is_real:
        vars(estimator).pop("classes_", None)
        if classes is not None:
            raise ValueError(f"{loss.name} takes a real target, which has no classes.")
        table = table._replace(y=table.y.astype(np.float32))
    else:
        check_classification_targets(y)
        if loss.target == "ordinal" and np.asarray(table.y).dtype.kind not in "biuf":
            raise ValueError(
                f"{type(estimator).__name__} needs ordered levels for this loss, which must be "
                "numbers, because their order is that of the levels: got "
                f"{np.unique(table.y)[:10].tolist()}."
            )
        table = _code_classes(estimator, table, classes, first=first)
    if table.weight is not None and not loss.takes_weight:
        raise ValueError(
            f"{loss.name} does not take sample_weight, so weights (sample_weight or class_weight) "
            "would have no effect on it: leave them out, or use a loss that takes them."
        )
    if not loss.has_classes:
        return table
    _check_value(estimator, loss, table)
    value = _relative_value(table, estimator.classes_.size)
    return table if value is None else table._replace(columns={**table.columns, "value": value})


def _code_classes(estimator: Any, table: Table, classes: ArrayLike | None, *, first: bool) -> Table:
    """Return the table with class indices in place of labels, and with class weights."""
    if estimator.class_weight is not None:
        of_class = check_weights(
            compute_sample_weight(estimator.class_weight, table.y), len(table.y), "class_weight"
        )
        weight = of_class if table.weight is None else table.weight * of_class
        table = table._replace(weight=weight).without_weightless()
    _check_classes(estimator, table, classes, first=first)
    return table._replace(y=np.searchsorted(estimator.classes_, table.y).astype(np.int64))


def _check_classes(estimator: Any, table: Table, classes: ArrayLike | None, *, first: bool) -> None:
    """Learn the classes, or compare them with those of earlier calls."""
    in_y = np.unique(table.y)
    given = in_y if classes is None else np.unique(np.asarray(classes))
    if first:
        if given.size < 2:
            raise ValueError(
                f"{type(estimator).__name__} needs two classes, but y contains one class: "
                f"{given.tolist()}"
                + ("." if table.weight is None else " (among rows of positive weight).")
            )
        estimator.classes_ = given
    elif classes is not None and not np.array_equal(given, estimator.classes_):
        raise ValueError(
            f"classes={given.tolist()} is not the same as on the last call to "
            f"partial_fit, was: {estimator.classes_.tolist()}."
        )
    unknown = np.setdiff1d(in_y, estimator.classes_)
    if unknown.size:
        raise ValueError(
            f"y contains labels that are not in classes: {unknown[:10].tolist()}; classes "
            f"are {estimator.classes_.tolist()}."
        )


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


def _relative_value(table: Table, n_classes: int) -> NDArray[np.float32] | None:
    """Return values in units of their mean over each positive class, and 1 for negatives."""
    if table.value is None:
        return None
    weight = np.ones(table.y.size) if table.weight is None else table.weight
    relative = np.ones(table.y.size, dtype=np.float32)
    for label in [1] if n_classes == 2 else range(n_classes):
        rows = np.flatnonzero(table.y == label)
        # A part of a stream may hold nothing of a class, or nothing of value.
        worth = weight[rows] @ table.value[rows]
        relative[rows] = table.value[rows] * (weight[rows].sum() / worth if worth > 0 else 0.0)
    return relative


def split_table(
    estimator: Any, loss: Declaration, table: Table, rng: np.random.RandomState
) -> tuple[TableDataset, TableDataset | None]:
    """Return the rows to train on, and the held-out ones if there are any."""
    folds = estimator._scores_out_of_fold
    strata = table.y
    if loss.has_classes and table.value is not None:
        # What is held out must have value, too.
        n_classes = estimator.classes_.size
        strata = np.where(table.value > 0, table.y, table.y + n_classes)
        if np.setdiff1d(np.arange(n_classes), strata).size:
            raise ValueError("The positives have no value: at least one must be worth something.")
    if not estimator.early_stopping and (folds or not estimator._calibrates):
        return as_dataset(estimator, table, folds=folds), None
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


def as_dataset(estimator: Any, table: Table, *, folds: bool) -> TableDataset:
    """Return a table as rows for a network, with the folds that members leave out."""
    fold = None
    if folds:
        # Folds have a seed of their own: equal rows are to share one in every call.
        seed = estimator.random_state if isinstance(estimator.random_state, Integral) else 0
        fold = content_folds(
            table.X, table.y, estimator.n_members, np.random.RandomState(int(seed))
        )
    weight = None if table.weight is None else table.weight.astype(np.float32)
    assert not OF_NET & table.columns.keys()
    return TableDataset(table.X, y=table.y, weight=weight, fold=fold, **table.columns)
