"""Which columns a table may have, with errors that name the others and say how to prepare them.

`check_kinds` looks at a table as it comes, before scikit-learn makes an array of it: of dates,
strings and categories that array would hold numbers without a meaning, or the error would
not name the column. `check_numbers` looks at the array.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, time, timedelta
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.utils.validation import validate_data

__all__ = [
    "check_for_models",
    "check_infinity",
    "check_kinds",
    "check_numbers",
    "column_names",
    "errors_of_models",
    "kind_of_table",
]

TableKind = Literal["array", "pandas", "polars"]

_N_SHOWN = 10


def check_kinds(X: Any, owner: str, *, categories: bool = False) -> Any:
    """Return a table, unless columns hold no numbers.

    Numbers, booleans and nullable types of both are accepted, in data frames of pandas and
    polars and in arrays. Columns of Python objects are accepted if they hold numbers, and
    None is a missing one.

    Parameters
    ----------
    X : object
        The table, as the user passed it. What is neither a frame nor an array is left to
        others.
    owner : str
        The estimator, for messages.
    categories : bool, default=False
        Whether categories of data frames are accepted, too.

    Returns
    -------
    X : object
        The table, with floats in place of Python objects.

    Raises
    ------
    ValueError
        Naming the columns and their types, with the lines that prepare them.
    """
    _refuse_complex(X, owner)
    if issparse(X):
        return X
    if _is_of(X, "pyarrow", "Table"):
        X = X.to_pandas()
    if _is_of(X, "pandas", "DataFrame"):
        wrong = _wrong_in_pandas(X)
    elif _is_of(X, "polars", "DataFrame"):
        wrong = [
            (name, str(dtype))
            for name, dtype in X.schema.items()
            if not (dtype.is_numeric() or str(dtype) in ("Boolean", "Null"))
        ]
    else:
        wrong = _wrong_in_array(X)
    if categories:
        wrong = [(name, kind) for name, kind in wrong if not _is_category(kind)]
    if wrong:
        how = _lines_for_trees if categories else _lines_for_networks
        lines = how(wrong, owner, has_names=hasattr(X, "columns"))
        taken = "numbers, booleans and categories" if categories else "numbers and booleans"
        listed = _listed([f"{_shown(name)} ({kind})" for name, kind in wrong])
        raise ValueError(
            f"{owner} takes {taken}, and X has {_count(len(wrong))} of another kind: "
            f"{listed}. Prepare {'it' if len(wrong) == 1 else 'them'} first:\n    "
            + "\n    ".join(lines)
        )
    return _without_none(X)


def check_for_models(estimator: Any, X: Any, *, reset: bool) -> Any:
    """Return a table for the models inside of an estimator, which check it themselves.

    Frames of pandas reach the models as they are. The estimator learns the names and the
    number of the columns with ``reset``, and compares them otherwise.
    """
    owner = type(estimator).__name__
    if not hasattr(X, "iloc"):
        X = check_kinds(X, owner)
    elif _is_of(X, "pandas", "DataFrame"):
        wrong = [one for one in _wrong_in_pandas(X) if one[1].startswith("complex")]
        if wrong:
            check_kinds(X[[name for name, _ in wrong]], owner)
    if kind_of_table(X) == "polars":
        _refuse_infinity(X, owner)
    if hasattr(X, "iloc") or hasattr(X, "__dataframe__"):
        validate_data(estimator, X, skip_check_array=True, reset=reset)
        return X
    found = validate_data(
        estimator,
        X,
        reset=reset,
        dtype=(np.float64, np.float32),
        ensure_all_finite=False,
        ensure_min_samples=2 if reset else 1,
    )
    _refuse_infinity(found, owner)
    return found


@contextmanager
def errors_of_models(X: Any, owner: str) -> Iterator[None]:
    """Let errors of the models inside of an estimator name it, and count in the whole table.

    Parameters
    ----------
    X : object
        The table. The models may have been handed some of its rows.
    owner : str
        The estimator that the user called.

    Raises
    ------
    ValueError, TypeError
    """
    try:
        yield
    except (ValueError, TypeError) as error:
        message = str(error)
        if "infinity" in message:
            _refuse_infinity(X, owner, error)
        if owner not in message and error.args == (message,):
            error.args = (f"{owner}: {message}",)
        raise


def _refuse_infinity(X: Any, owner: str, error: Exception | None = None) -> None:
    """Raise if columns of numbers hold infinity."""
    kind, columns = kind_of_table(X), []
    if kind == "array":
        if isinstance(X, list | tuple):
            try:
                X = np.asarray(X, dtype=np.float64)
            except (TypeError, ValueError):
                # No table of numbers, about which others have a message.
                return
        # Sparse tables are refused, or were converted, by others.
        if not isinstance(X, np.ndarray) or X.dtype.kind != "f" or X.ndim != 2:
            return
        names = None
        counts = _counts(X, np.isinf)
    else:
        names = list(X.columns)
        for name, number in zip(names, range(len(names))):
            column = X.iloc[:, number] if kind == "pandas" else X.get_column(name)
            try:
                values = np.asarray(column, dtype=np.float64)
            except (TypeError, ValueError):
                # Another kind of column, about which others have a message.
                values = np.zeros(1)
            columns.append(int(np.isinf(values).sum()))
        counts = np.array(columns, dtype=np.intp)
    if counts.any():
        raise ValueError(
            f"Input X contains infinity in {_counted(counts, names)}. {owner} takes finite "
            "numbers, and missing values where its models do:\n    "
            f"{_line_for_infinity(kind, counts, names)}"
        ) from error


def kind_of_table(X: Any) -> TableKind:
    """Return whose table it is. What is neither of pandas nor of polars is an array."""
    if _is_of(X, "pandas", "DataFrame"):
        return "pandas"
    return "polars" if _is_of(X, "polars", "DataFrame") else "array"


def _line_for_infinity(
    kind: TableKind, counts: NDArray[np.intp], names: Sequence[Any] | NDArray | None
) -> str:
    """Return the line that puts missing values in the place of infinity."""
    if kind == "array" or names is None:
        return "X = np.where(np.abs(X) < 1e30, X, np.nan)"
    wrong = [names[column] for column in np.flatnonzero(counts).tolist()[:_N_SHOWN]]
    if kind == "polars":
        column = f"pl.col({wrong[0]!r})" if len(wrong) == 1 else f"pl.col({wrong!r})"
        return f"X = X.with_columns(pl.when({column}.abs() < 1e30).then({column}))"
    column = f"X[{wrong[0]!r}]" if len(wrong) == 1 else f"X[{wrong!r}]"
    return f"{column} = {column}.where({column}.abs() < 1e30)"


def _refuse_complex(X: Any, owner: str) -> None:
    """Raise if an array holds complex numbers; those of frames are columns of another kind."""
    dtype = getattr(X, "dtype", None)
    if dtype is None and isinstance(X, list | tuple):
        try:
            dtype = np.asarray(X).dtype
        except ValueError:  # rows of different lengths, which scikit-learn refuses
            return
    if isinstance(dtype, np.dtype) and dtype.kind == "c":
        raise ValueError(
            f"{owner} takes real numbers, and X is complex ({dtype}): Complex data not supported. "
            "Take sizes or real parts first:\n    X = np.abs(X)  # or X.real"
        )


def _without_none(X: Any) -> Any:
    """Return a table with NaN in place of None among Python objects."""
    if _is_of(X, "pandas", "DataFrame"):
        is_object = sys.modules["pandas"].api.types.is_object_dtype
        objects = [number for number, dtype in enumerate(X.dtypes) if is_object(dtype)]
        if not objects:
            return X
        X = X.copy(deep=False)
        for number in objects:
            column = X.iloc[:, number]
            X.isetitem(number, column.where(column.notna(), np.nan).astype(float))
        return X
    if isinstance(X, np.ndarray) and X.dtype == object:
        missing = [entry is None or type(entry).__name__ == "NAType" for entry in X.ravel()]
        return np.where(np.reshape(missing, X.shape), np.nan, X) if any(missing) else X
    return X


def _is_of(X: Any, package: str, name: str) -> bool:
    """Whether X is an object of a class of a package, which is not imported for the question."""
    cls = getattr(sys.modules.get(package), name, None)
    return cls is not None and isinstance(X, cls)


def _wrong_in_pandas(X: Any) -> list[tuple[Any, str]]:
    kinds = [_kind_in_pandas(X.iloc[:, number]) for number in range(X.shape[1])]
    return [(name, kind) for name, kind in zip(X.columns, kinds) if kind]


def _kind_in_pandas(column: Any) -> str:
    """Return what a column holds, empty if it holds numbers."""
    pandas = sys.modules["pandas"]
    types, dtype = pandas.api.types, column.dtype
    if isinstance(dtype, types.CategoricalDtype):
        return "category"
    if types.is_complex_dtype(dtype):
        return str(dtype)
    if types.is_numeric_dtype(dtype) or types.is_bool_dtype(dtype):
        return ""
    kind = str(dtype)
    if types.is_object_dtype(dtype):
        found = types.infer_dtype(column, skipna=True)
        if found in _NUMBERS:
            return ""
        kind = f"object of {found}"
    if types.is_string_dtype(dtype):
        try:
            pandas.to_numeric(column)
        except (TypeError, ValueError):
            return kind
        return _NUMERALS
    return kind


_NUMERALS = "text of numerals"

# What pandas finds in columns of objects that are numbers.
_NUMBERS = (
    "boolean",
    "decimal",
    "empty",
    "floating",
    "integer",
    "mixed-integer-float",
)


def _wrong_in_array(X: Any) -> list[tuple[Any, str]]:
    if isinstance(X, list | tuple):
        try:
            # As objects, for NumPy would turn all entries into strings.
            X = np.array(X, dtype=object) if np.asarray(X).dtype.kind in "OUSMm" else None
        except ValueError:  # rows of different lengths, which scikit-learn refuses
            return []
    if not isinstance(X, np.ndarray) or X.ndim != 2 or X.dtype.kind not in "OUSMm":
        return []
    if X.dtype.kind != "O":
        return [(number, str(X.dtype)) for number in range(X.shape[1])]
    wrong = []
    for number in range(X.shape[1]):
        found = next((entry for entry in X[:, number] if isinstance(entry, _NO_NUMBERS)), None)
        if found is not None:
            wrong.append((number, type(found).__name__))
    return wrong


_NO_NUMBERS = (str, bytes, date, time, timedelta, np.datetime64, np.timedelta64)


def _is_category(kind: str) -> bool:
    # What polars calls them begins with a capital letter.
    return kind == "category" or kind.startswith(("Categorical", "Enum"))


def _lines(wrong: list[tuple[Any, str]]) -> tuple[dict[str, str], list[Any]]:
    """Return the lines that make numbers of columns, and the columns left."""
    # Of the columns that one line prepares, the first is the example.
    lines: dict[str, str] = {}
    others = []
    for name, kind in wrong:
        column = f"X[{name!r}]"
        if _is_of_polars(kind):
            in_polars = _line_for_polars(name, kind)
            if in_polars is None:
                others.append(name)
            else:
                lines.setdefault(kind.partition("(")[0], in_polars)
        elif kind.startswith("complex"):
            lines.setdefault("complex", f"{column} = {column}.map(abs)  # or .map(np.real)")
        elif kind == _NUMERALS:
            lines.setdefault("numerals", f"{column} = pd.to_numeric({column})")
        elif "timedelta" in kind or "duration" in kind:
            lines.setdefault("durations", f"{column} = {column}.dt.total_seconds()")
        elif "date" in kind.lower() or "timestamp" in kind:
            days = f"pd.to_datetime({column}, utc=True) - pd.Timestamp('2000-01-01', tz='UTC')"
            lines.setdefault("dates", f"{column} = ({days}).dt.days")
        else:
            others.append(name)
    return lines, others


def _is_of_polars(kind: str) -> bool:
    # Its types alone begin with a capital letter.
    return kind[:1].isupper()


def _line_for_polars(name: Any, kind: str) -> str | None:
    """Return the line that makes numbers of a column of polars; None for text and the like."""
    column = f"pl.col({name!r})"
    if kind.startswith("Duration"):
        made = f"{column}.dt.total_seconds()"
    elif kind.startswith("Date"):
        made = f"({column}.cast(pl.Date) - pl.date(2000, 1, 1)).dt.total_days()"
    else:
        return None
    return f"X = X.with_columns({made})"


def _lines_for_networks(
    wrong: list[tuple[Any, str]], owner: str, *, has_names: bool = True
) -> list[str]:
    lines, others = _lines(wrong)
    if others:
        lines["others"] = (
            "encode = make_column_transformer((OneHotEncoder(handle_unknown='ignore', "
            f"sparse_output=False), {others[:_N_SHOWN]!r}), remainder=StandardScaler())"
        )
        lines["model"] = f"model = make_pipeline(encode, {owner}(...))"
    return list(lines.values())


def _lines_for_trees(wrong: list[tuple[Any, str]], owner: str, *, has_names: bool) -> list[str]:
    lines, others = _lines(wrong)
    if others:
        columns = f"X[{others[0]!r}]"
        if len(others) > 1:
            columns = f"X[{others[:_N_SHOWN]!r}]"
        lines["others"] = f"{columns} = {columns}.astype('category')"
        if all(_is_of_polars(kind) for _, kind in wrong):
            named = repr(others[0] if len(others) == 1 else others[:_N_SHOWN])
            lines["others"] = f"X = X.with_columns(pl.col({named}).cast(pl.Categorical))"
    first = [] if has_names else ["X = pd.DataFrame(X)"]
    return [*first, *lines.values()]


def check_infinity(
    X: Any,
    names: Sequence[Any] | NDArray | None,
    owner: str,
    greatest: float = np.inf,
    kind: TableKind = "array",
) -> None:
    """Refuse infinity, and numbers beyond a greatest one; missing values are accepted.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
        Numbers.
    names : sequence, or None
        Names of the columns; None for their numbers.
    owner : str
        The estimator, for messages.
    greatest : float, default=np.inf
        The greatest number that it holds.
    kind : {"array", "pandas", "polars"}, default="array"
        What the user passed, for the line that prepares it.

    Raises
    ------
    ValueError
        Naming the columns and how many entries of each are infinite.
    """
    values = X.data if issparse(X) else X
    if values.dtype.kind != "f" or not values.size:
        return
    limit = min(greatest, float(np.finfo(values.dtype).max))
    # Comparisons with NaN are false. Extremes skip it, and need no array as large as X.
    with warnings.catch_warnings(), np.errstate(invalid="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        if not (np.nanmax(values) > limit or np.nanmin(values) < -limit):
            return
        counts = _counts(X, lambda part: np.abs(part) > limit)
    beyond = "" if limit == np.finfo(values.dtype).max else f", or numbers beyond {limit:.3g},"
    raise ValueError(
        f"Input X contains infinity{beyond} in {_counted(counts, names)}. {owner} takes missing "
        f"values in their place:\n    {_line_for_infinity(kind, counts, names)}"
    )


def check_numbers(
    X: Any, names: Sequence[Any] | NDArray | None, owner: str, kind: TableKind = "array"
) -> None:
    """Refuse missing values and infinity.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
        Floats.
    names : sequence, or None
        Names of the columns; None for their numbers.
    owner : str
        The estimator, for messages.
    kind : {"array", "pandas", "polars"}, default="array"
        What the user passed, for the lines that prepare it.

    Raises
    ------
    ValueError
        Naming the columns and how many entries of each are not finite.
    """
    values = X.data if issparse(X) else X
    # A sum is finite only if all entries are, and it is cheaper. It may overflow, too.
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(values.sum()) or np.isfinite(values).all():
            return
    missing, infinite = _counts(X, np.isnan), _counts(X, np.isinf)
    parts, lines = [], []
    if infinite.any():
        parts.append(
            f"infinity, or values beyond the range of {X.dtype}, in {_counted(infinite, names)}"
        )
        lines.append(_line_for_infinity(kind, infinite, names))
    if missing.any():
        parts.append(f"NaN in {_counted(missing, names)}")
    lines.append(
        "model = make_pipeline(SimpleImputer(strategy='median', add_indicator=True), "
        f"StandardScaler(), {owner}(...))"
    )
    raise ValueError(
        f"Input X contains {' and '.join(parts)}. {owner} needs finite numbers. Prepare them "
        "first:\n    " + "\n    ".join(lines)
    )


def _counts(X: Any, what: Any) -> NDArray[np.intp]:
    if issparse(X):
        return np.bincount(X.indices[what(X.data)], minlength=X.shape[1])
    return np.count_nonzero(what(X), axis=0)


def _counted(counts: NDArray[np.intp], names: Sequence[Any] | NDArray | None) -> str:
    columns = np.flatnonzero(counts).tolist()
    shown = [column if names is None else names[column] for column in columns]
    return f"{_count(len(columns))}: " + _listed(
        [f"{_shown(name)} ({counts[column]})" for name, column in zip(shown, columns)]
    )


def column_names(X: Any) -> NDArray | None:
    """Return the names of a frame's columns, None for a table without names."""
    if _is_of(X, "pandas", "DataFrame") or _is_of(X, "polars", "DataFrame"):
        return np.asarray(list(X.columns), dtype=object)
    return None


def _count(n_columns: int) -> str:
    return f"{n_columns} column{'s' * (n_columns != 1)}"


def _shown(name: Any) -> str:
    return repr(name) if isinstance(name, str) else f"number {name}"


def _listed(entries: list[str]) -> str:
    more = len(entries) - _N_SHOWN
    return ", ".join(entries[:_N_SHOWN]) + (f" and {more} others" if more > 0 else "")
