"""Tables as they come, in a form in which both boosters read them rightly.

Numbers, booleans, categories, nullable types and missing values are taken; everything else is
refused with the columns and the lines that prepare them. LightGBM and XGBoost differ in what
they know: one of them reads arrays of another byte order as if they were of this machine's.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.utils.validation import validate_data

from .._utils.features import (
    TableKind,
    check_infinity,
    check_kinds,
    column_names,
    kind_of_table,
)
from .._utils.naming import naming
from ._batches import RowBatches

__all__ = ["has_categories", "prepare_table"]


def prepare_table(estimator: Any, X: Any, *, reset: bool, greatest: float = np.inf) -> Any:
    """Return the features, as an array, a CSR matrix or a data frame of pandas.

    Parameters
    ----------
    estimator : PAUCClassifierMixin
        The estimator, which knows its features and their categories, or learns them.
    X : object
        What the user passed.
    reset : bool
        Whether the features are learnt.
    greatest : float, default=np.inf
        The greatest number that the booster holds; infinity is always refused, unless it
        stands for a missing value.

    Raises
    ------
    ValueError
        Naming the columns that are of another kind, or hold infinity.
    """
    owner, kind = type(estimator).__name__, kind_of_table(X)
    if isinstance(X, RowBatches):
        pool = "LightGBMPool" if estimator._library == "lightgbm" else "XGBoostPool"
        raise TypeError(
            f"{owner} needs its table in memory, and X is RowBatches. Train on batches with "
            f"{estimator._library}.train and a {pool}, as docs/large.md does, or pass "
            "X=batches.read(rows) for rows that fit."
        )
    X = _as_pandas(check_kinds(X, owner, categories=True))
    names = column_names(X)
    if names is not None and reset:
        _refuse_names(names, estimator, kind)
    parts: list[tuple[Any, Any]]
    least = 2 if reset else 1
    if names is not None:
        with naming("X"):
            validate_data(estimator, X, skip_check_array=True, reset=reset)
        if X.shape[0] < least or X.shape[1] < 1:
            raise ValueError(
                f"X must be a table of at least {least} rows and one column: Found array with "
                f"{X.shape[0]} sample(s) and {X.shape[1]} feature(s)."
            )
        X = _with_known_categories(estimator, _plain_columns(X), names, reset=reset)
        columns = [number for number, dtype in enumerate(X.dtypes) if isinstance(dtype, np.dtype)]
        parts = [(X.iloc[:, number].to_numpy()[:, None], [names[number]]) for number in columns]
    elif hasattr(X, "__dataframe__") or hasattr(X, "iloc"):
        # A frame of a package that only the booster knows.
        validate_data(estimator, X, skip_check_array=True, reset=reset)
        return X
    else:
        with naming("X"):
            X = validate_data(
                estimator,
                X,
                reset=reset,
                dtype="numeric",
                accept_sparse="csr",
                ensure_all_finite=False,
                ensure_min_samples=least,
            )
        X = _plain_array(X)
        parts = [(X, None)]
        if reset:
            estimator._categories = {}
    missing = getattr(estimator, "missing", np.nan)
    if not (isinstance(missing, float) and np.isinf(missing)):
        _check_parts(parts, owner, greatest, kind)
    return X


def _check_parts(
    parts: Sequence[tuple[Any, Any]], owner: str, greatest: float, kind: TableKind
) -> None:
    """Refuse infinity in the parts of a table, with all columns that hold some in one error."""
    wrong: list[Any] = []
    for values, names in parts:
        try:
            check_infinity(values, names, owner, greatest, kind)
        except ValueError:
            if names is None:
                raise
            wrong.append((values.astype(np.float64, copy=False), names[0]))
    if wrong:
        together = np.hstack([values for values, _ in wrong])
        check_infinity(together, [name for _, name in wrong], owner, greatest, kind)


def _plain_array(X: Any) -> Any:
    """Return numbers of a type that both boosters read."""
    plain = _plain_type(X.dtype)
    if issparse(X) and plain.kind != "f":
        plain = np.dtype(np.float64)
    return X if plain == X.dtype and X.dtype.isnative else X.astype(plain)


def _plain_type(dtype: np.dtype) -> np.dtype:
    if dtype.kind == "f" and dtype.itemsize not in (4, 8):
        return np.dtype(np.float32 if dtype.itemsize < 4 else np.float64)
    return dtype.newbyteorder("=")


def _as_pandas(X: Any) -> Any:
    """Return a frame of polars or a table of pyarrow as one of pandas."""
    polars, pyarrow = sys.modules.get("polars"), sys.modules.get("pyarrow")
    is_polars = polars is not None and isinstance(X, polars.DataFrame)
    if not is_polars and not (pyarrow is not None and isinstance(X, pyarrow.Table)):
        return X
    import pandas

    if not is_polars:
        return X.to_pandas()
    columns = [_column_of_polars(pandas, polars, column) for column in X.get_columns()]
    frame = pandas.concat(columns, axis=1) if columns else pandas.DataFrame(index=range(len(X)))
    frame.columns = list(X.columns)
    return frame


def _column_of_polars(pandas: Any, polars: Any, column: Any) -> Any:
    if column.dtype == polars.Categorical or column.dtype == polars.Enum:
        values = column.cast(polars.String).to_list()
        if column.dtype == polars.Enum:
            levels = column.dtype.categories.to_list()
        else:
            # Their pool may be shared with other columns.
            levels = sorted({value for value in values if value is not None})
        return pandas.Series(pandas.Categorical(values, categories=levels))
    if column.null_count() or column.dtype.is_decimal():
        column = column.cast(polars.Float64)
    return pandas.Series(column.to_numpy())


def _plain_columns(X: Any) -> Any:
    """Return a frame with nullable, sparse and unusual types as those that both boosters read."""
    from pandas import CategoricalDtype

    changed = {}
    for number, dtype in enumerate(X.dtypes):
        if isinstance(dtype, CategoricalDtype):
            continue
        column = X.iloc[:, number]
        if not isinstance(dtype, np.dtype):
            changed[number] = (
                column.to_numpy(dtype=np.float64, na_value=np.nan)
                if column.isna().any()
                else column.to_numpy(dtype=_type_without_missing(dtype))
            )
        elif _plain_type(dtype) != dtype or not dtype.isnative:
            changed[number] = column.to_numpy().astype(_plain_type(dtype))
    if not changed:
        return X
    X = X.copy(deep=False)
    for number, column in changed.items():
        X.isetitem(number, column)
    return X


def _type_without_missing(dtype: Any) -> Any:
    found = np.dtype(getattr(dtype, "subtype", None) or getattr(dtype, "numpy_dtype", np.float64))
    return found if found.kind in "biuf" else np.dtype(np.float64)


def _with_known_categories(estimator: Any, X: Any, names: NDArray, *, reset: bool) -> Any:
    """Return a frame whose categories have the levels that they had in `fit`.

    Other levels become missing values. Boosters number the levels, and the same level must
    have the same number.
    """
    from pandas import CategoricalDtype
    from pandas.api.types import infer_dtype

    is_category = [isinstance(dtype, CategoricalDtype) for dtype in X.dtypes]
    if reset:
        estimator._categories = {
            number: X.dtypes.iloc[number] for number, is_one in enumerate(is_category) if is_one
        }
    known = getattr(estimator, "_categories", None)
    if known is None:  # The booster was loaded from a file.
        return X
    changed = {}
    for number, is_one in enumerate(is_category):
        if is_one != (number in known):
            raise ValueError(_message_of_category(type(estimator).__name__, names[number], is_one))
        if not is_one:
            continue
        levels = known[number].categories
        column = X.iloc[:, number]
        if column.dtype != known[number]:
            changed[number] = column = column.cat.set_categories(levels)
        if infer_dtype(levels) not in ("string", "integer"):
            # Boosters take text and whole numbers for levels.
            changed[number] = column.cat.rename_categories(range(len(levels)))
    if not changed:
        return X
    X = X.copy(deep=False)
    for number, column in changed.items():
        X.isetitem(number, column)
    return X


def _message_of_category(owner: str, name: Any, is_one: bool) -> str:
    column = f"X[{name!r}]"
    if is_one:
        return (
            f"Column {name!r} of X is a category, and {owner} was fitted to numbers in it. Pass "
            f"numbers: {column} = {column}.astype(float)."
        )
    return (
        f"Column {name!r} of X holds numbers, and {owner} was fitted to a category in it. Make it "
        f"one: {column} = {column}.astype('category')."
    )


# What the boosters cannot write into a model.
_NOT_IN_NAMES = {"lightgbm": '[]{},:"', "xgboost": "[]<"}


def _refuse_names(names: Any, estimator: Any, kind: TableKind) -> None:
    """Raise for names of columns that the booster refuses, with a line that mends them."""
    refused = _NOT_IN_NAMES[estimator._library]
    wrong = [name for name in names if isinstance(name, str) and set(name) & set(refused)]
    if wrong:
        owner = type(estimator).__name__
        made = f"name.translate(str.maketrans(dict.fromkeys({refused!r}, '_')))"
        line = f"X.columns = [{made} for name in X.columns]"
        if kind == "polars":
            line = f"X = X.rename(lambda name: {made})"
        raise ValueError(
            f"Names of columns of {owner} must not hold any of {' '.join(refused)}, which "
            f"{estimator._library} keeps for its files: got {wrong[:5]!r}"
            f"{f' and {len(wrong) - 5} others' if len(wrong) > 5 else ''}. Rename them:\n    {line}"
        )


def has_categories(estimator: Any) -> bool:
    """Tell whether an estimator was given columns of categories in `fit`."""
    return bool(getattr(estimator, "_categories", None))
