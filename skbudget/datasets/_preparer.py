"""Numbers and categories of a table as it comes: with dates, text and infinite values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.utils.validation import check_is_fitted, validate_data

from .._utils.naming import naming
from ._dates import MISSING_DATE, choose_order, date_numbers, in_numpy, typed_dates, written_dates
from ._limits import Within

__all__ = ["MISSING_WORDS", "TablePreparer", "out_of_range"]

MISSING_WORDS = frozenset(
    ["", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN"]
    + ["<NA>", "N/A", "NA", "NULL", "NaN", "NaT", "None", "n/a", "nan", "null"]
)
"""Words that stand for a missing value: those of `pandas.read_csv`, and NaT."""

MOST = 0.99
"""Share of the entries that must be numbers (or dates) if the others are to be missing."""

FEW_ENTRIES = 20
"""Text columns with fewer different entries than this are never left out."""

MANY_LEVELS = 1000
LARGEST = float(np.finfo(np.float32).max)
N_SHOWN = 5
# LightGBM or XGBoost refuse them in the names of columns.
_REFUSED = re.compile(r'[\[\]<>{}:,"]')


@dataclass(frozen=True)
class _Number:
    """The column is read as numbers. Entries that are none are missing."""

    kind: ClassVar[str] = "number"


@dataclass(frozen=True)
class _Date:
    """The column is read as days, and as hours if it has times of day."""

    order: str | None  # None for columns of dates
    has_hours: bool
    kind: ClassVar[str] = "date"


@dataclass(frozen=True)
class _Category:
    """The column is read as a category. Its levels get numbers in this order."""

    levels: list[str]
    kind: ClassVar[str] = "category"


@dataclass(frozen=True)
class _LeftOut:
    """The column is left out."""

    kind: ClassVar[str] = "left out"


_Plan = _Number | _Date | _Category | _LeftOut


class _Text(NamedTuple):
    """The entries of a column of text: its different words, and which word each entry is."""

    codes: NDArray[np.intp]  # -1 for a missing value
    words: list[str]

    @property
    def counts(self) -> NDArray[np.intp]:
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.words))

    def spread(self, values: NDArray, missing: Any) -> NDArray:
        """Return the value of each entry, given that of each word."""
        return np.append(values, np.array([missing], dtype=values.dtype))[self.codes]


class _Log:
    """What was found in the columns, by kind, for the notes."""

    def __init__(self) -> None:
        self.found: dict[str, dict[str, str]] = {}

    def add(self, kind: str, name: str, about: str = "") -> None:
        self.found.setdefault(kind, {})[name] = about

    def notes(self, n_columns: int) -> tuple[str, ...]:
        lines = []
        for kind, text in _NOTES.items():
            columns = self.found.get(kind)
            if columns:
                few = list(columns.items())[:N_SHOWN]
                shown = ", ".join(name + (f" ({about})" if about else "") for name, about in few)
                more = ", ..." if len(columns) > N_SHOWN else ""
                lines.append(f"{len(columns)} of {n_columns} columns {text}: {shown}{more}")
        return tuple(lines)


# In the order of the notes. Each of them is one line, however many columns it is about.
_NOTES = {
    "dates": "read as dates, in days since 1970-01-01",
    "unclear": "with dates whose day and month could be exchanged",
    "numbers": "of text read as numbers",
    "categories": "read as categories",
    "many": "with so many categories that they may be identifiers, which should be left out",
    "left out": "left out, because nearly all of their entries are different text",
    "infinite": "with infinite values, which are taken as missing",
    "stray": "with a few entries of another kind, which are taken as missing",
}


class TablePreparer(TransformerMixin, BaseEstimator):
    """Turn a table as it comes into numbers and categories, which every booster reads.

    Each column is read by one rule, which does not depend on the kind of file that the
    table comes from:

    - Numbers, booleans and nullable types become floats. Missing values stay missing.
      Infinite values, and values beyond the range of 32-bit floats, become missing.
    - Dates, as a type or as text, become days since 1970-01-01 (UTC). If they have times of
      day, a second column has the hour. Text is a date if it is like ``2020-01-31``,
      ``31.01.2020``, ``1/31/2020`` or ``31-Jan-2020``, with or without a time.
    - Text becomes numbers if all of its entries are numbers, and a category otherwise. A
      column of text is left out if nearly all of its entries are different, because such a
      column is an identifier or free text.
    - Categories stay categories. Those of text are read as text.
    - If at most one entry in a hundred is not a number (or a date) in a column where all
      others are, these entries become missing.

    Parameters
    ----------
    max_distinct : float, default=0.9
        Greatest share of different entries in a column of text. A column with more is left
        out, unless it has 20 different entries or fewer.

    Attributes
    ----------
    kinds_ : dict of str to str
        What each column is read as: ``"number"``, ``"date"``, ``"category"`` or
        ``"left out"``.
    notes_ : tuple of str
        What `fit` found to prepare, a line for each kind with columns and counts.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, if the table has names.

    See Also
    --------
    sklearn.pipeline.make_pipeline : Put it before an estimator.

    Notes
    -----
    The levels of a category are numbered in the order of their text. A level that `fit` did
    not meet is missing in later tables. Characters that a booster refuses in names
    of columns become underscores.

    A table of numbers needs no pandas. Every other table does.

    Examples
    --------
    >>> import pandas as pd
    >>> from skbudget.datasets import TablePreparer
    >>> table = pd.DataFrame(
    ...     {
    ...         "amount": [10.0, float("inf"), 30.0],
    ...         "city": ["Oslo", "Lima", "Oslo"],
    ...         "booked": ["2020-01-01", "2020-01-02", None],
    ...     }
    ... )
    >>> preparer = TablePreparer().fit(table)
    >>> preparer.transform(table)
       amount city   booked
    0    10.0    1  18262.0
    1     NaN    0  18263.0
    2    30.0    1      NaN
    >>> for note in preparer.notes_:
    ...     print(note)
    1 of 3 columns read as dates, in days since 1970-01-01: booked
    1 of 3 columns read as categories: city (2 levels)
    1 of 3 columns with infinite values, which are taken as missing: amount (1)
    """

    _parameter_constraints: ClassVar[dict] = {"max_distinct": [Within(Real, 0, 1, closed="both")]}

    def __init__(self, *, max_distinct: float = 0.9) -> None:
        self.max_distinct = max_distinct

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> TablePreparer:
        """Decide how each column is read.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            The table.
        y : Ignored
            Not used.

        Returns
        -------
        self : TablePreparer
        """
        log = _Log()
        table = self._columns(X, reset=True)
        if isinstance(table, np.ndarray):
            self._plans: dict[str, _Plan] | None = None
            names = [f"x{number}" for number in range(table.shape[1])]
            self.kinds_ = dict.fromkeys(names, "number")
            infinite = np.count_nonzero(out_of_range(table), axis=0)
            for name, count in zip(names, infinite.tolist()):
                if count:
                    log.add("infinite", name, str(count))
        else:
            self._plans = {
                name: self._plan(name, table.iloc[:, number], log)
                for number, name in enumerate(table.columns)
            }
            self.kinds_ = {name: plan.kind for name, plan in self._plans.items()}
        self.notes_ = log.notes(table.shape[1])
        return self

    def transform(self, X: Any) -> Any:
        """Return a table of floats and categories.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            A table with the columns of that in `fit`.

        Returns
        -------
        X_new : DataFrame, or ndarray of floats if `fit` got an array of numbers
            The prepared table. Categories are numbers of levels.
        """
        check_is_fitted(self)
        table = self._columns(X, reset=False)
        if self._plans is None:
            if not isinstance(table, np.ndarray):
                table = np.column_stack([_to_numbers(table[name])[0] for name in table.columns])
            values = table.astype(np.float64)
            values[out_of_range(values)] = np.nan
            return values
        import pandas

        if isinstance(table, np.ndarray):
            table = pandas.DataFrame(table, columns=list(self._plans))
        columns = [
            column
            for number, plan in enumerate(self._plans.values())
            for column in _apply(plan, table.iloc[:, number])
        ]
        names = self.get_feature_names_out().tolist()
        if not names:
            return pandas.DataFrame(index=table.index)
        return pandas.DataFrame(dict(zip(names, columns)), index=table.index)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray:
        """Return the names of the columns of a prepared table.

        Parameters
        ----------
        input_features : Ignored
            The names of the columns in `fit` are used.

        Returns
        -------
        names : ndarray of str
        """
        check_is_fitted(self)
        names: list[str] = []
        for name, kind in self.kinds_.items():
            plan = None if self._plans is None else self._plans[name]
            if kind == "left out":
                continue
            names.append(_free_name(name, names))
            if isinstance(plan, _Date) and plan.has_hours:
                names.append(_free_name(f"{name}_hour", [*names, *self.kinds_]))
        return np.asarray(names, dtype=object)

    def _columns(self, X: Any, *, reset: bool) -> Any:
        """Return a DataFrame whose columns have text as names, or an array of numbers."""
        frame = _as_pandas(X)
        if frame is not None:
            names = [str(name) for name in frame.columns]
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"X has several columns called {twice[0]!r}: rename them.")
            with naming("X", "a table"):
                validate_data(self, frame, reset=reset, skip_check_array=True)
            if len(frame) == 0 or frame.shape[1] == 0:
                raise ValueError(
                    f"Found a table of shape {frame.shape} while TablePreparer needs at least one "
                    "row and one column."
                )
            frame = frame.set_axis(names, axis="columns")
            for name in names:
                if getattr(frame[name].dtype, "kind", "") == "c":
                    raise ValueError(
                        f"Column {name!r} of X has complex numbers: take parts of them."
                    )
            return frame
        with naming("X", "a table"):
            array = validate_data(self, X, reset=reset, dtype=None, ensure_all_finite=False)
        if array.dtype.kind in "biuf":
            return array
        if array.dtype.kind == "V":
            raise ValueError(f"X must be a table of one type, or a DataFrame: got {array.dtype}.")
        import pandas

        return pandas.DataFrame(array, columns=[f"x{j}" for j in range(array.shape[1])])

    def _plan(self, name: str, column: Any, log: _Log) -> _Plan:
        """Decide how a column is read, and log what is to be said about it."""
        if getattr(column.dtype, "kind", "O") == "M":
            return _plan_dates(name, typed_dates(column), None, log)
        if not _is_text(column):
            _, n_infinite = _to_numbers(column)
            if n_infinite:
                log.add("infinite", name, str(n_infinite))
            return _Number()
        text = _read_text(column)
        if isinstance(column.dtype, _category_dtype()) and not _is_text(column.cat.categories):
            return _plan_category(name, text, log)
        return self._plan_text(name, text, log)

    def _plan_text(self, name: str, text: _Text, log: _Log) -> _Plan:
        counts = text.counts
        n_present = int(counts.sum())
        numbers = _written_numbers(text.words)
        readable = ~np.isnan(numbers)
        if counts[readable].sum() >= MOST * n_present:
            if n_present:
                log.add("numbers", name)
            _log_strays(name, text, readable, log)
            n_infinite = int(counts[out_of_range(numbers)].sum())
            if n_infinite:
                log.add("infinite", name, str(n_infinite))
            return _Number()
        order, dates, unclear = choose_order(text.words, counts)
        readable = dates != MISSING_DATE
        if order is not None and counts[readable].sum() >= MOST * n_present:
            if unclear:
                log.add("unclear", name, f"read with the {order} first")
            _log_strays(name, text, readable, log)
            return _plan_dates(name, dates, order, log)
        if len(text.words) > max(FEW_ENTRIES, self.max_distinct * n_present):
            log.add("left out", name, f"{len(text.words)} of {n_present}")
            return _LeftOut()
        return _plan_category(name, text, log)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags


# --- reading a column ---------------------------------------------------------------


def _as_pandas(X: Any) -> Any:
    """Return a pandas DataFrame, or None if ``X`` is no table with names."""
    if not hasattr(X, "columns"):
        return None
    if hasattr(X, "iloc"):
        return X
    import pandas

    return pandas.DataFrame({str(name): X[name].to_numpy() for name in X.columns})


def _category_dtype() -> Any:
    import pandas

    return pandas.CategoricalDtype


def _is_text(column: Any) -> bool:
    """Return whether the entries of a column are to be read as text."""
    from pandas.api import types

    dtype = column.dtype
    numeric = types.is_numeric_dtype(dtype) or types.is_bool_dtype(dtype)
    return not numeric and getattr(dtype, "kind", "O") not in "mM"


def _read_text(column: Any) -> _Text:
    import pandas

    try:
        codes, entries = pandas.factorize(column)
    except TypeError:  # entries that cannot be compared, such as lists
        codes, entries = pandas.factorize(column.map(_as_word, na_action="ignore"))
    words = np.array([_as_word(entry) for entry in entries], dtype=object)
    words[[word.strip() in MISSING_WORDS for word in words]] = None
    renumbered, kept = pandas.factorize(words)
    codes = np.append(renumbered, -1)[codes]
    return _Text(codes, list(kept))


def _as_word(entry: Any) -> str:
    return entry.decode("utf-8", "replace") if isinstance(entry, bytes) else str(entry)


def _to_numbers(column: Any) -> tuple[NDArray[np.float64], int]:
    """Return the numbers of a column, and how many infinite ones were made missing."""
    if _is_text(column):
        text = _read_text(column)
        numbers = text.spread(_written_numbers(text.words), np.nan)
    elif column.dtype.kind in "mM":
        numbers = in_numpy(column, "timedelta64[us]").astype(np.float64) / 86_400e6
        numbers[column.isna().to_numpy()] = np.nan
    else:
        numbers = column.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
    infinite = out_of_range(numbers)
    numbers[infinite] = np.nan
    return numbers, int(np.count_nonzero(infinite))


def out_of_range(values: NDArray) -> NDArray[np.bool_]:
    """Return which values are infinite, or would be as 32-bit floats."""
    if values.dtype.kind != "f":
        return np.zeros(values.shape, bool)
    return np.isinf(values) if values.dtype.itemsize < 4 else np.abs(values) > LARGEST


def _written_numbers(words: Sequence[str]) -> NDArray[np.float64]:
    """Return the number that each word stands for, NaN if it is none."""
    lower = {"true": 1.0, "false": 0.0}
    numbers = np.full(len(words), np.nan)
    if all(word.strip().lower() in lower for word in words):
        numbers[:] = [lower[word.strip().lower()] for word in words]
        return numbers
    for row, word in enumerate(words):
        try:
            numbers[row] = float(word)
        except ValueError:
            continue
    return numbers


def _plan_dates(name: str, dates: NDArray[np.int64], order: str | None, log: _Log) -> _Date:
    _, hours = date_numbers(dates)
    has_hours = bool((np.nan_to_num(hours) > 0).any())
    log.add("dates", name, "and the hour of the day" if has_hours else "")
    return _Date(order, has_hours)


def _plan_category(name: str, text: _Text, log: _Log) -> _Category:
    log.add("categories", name, f"{len(text.words)} levels")
    if len(text.words) > MANY_LEVELS:
        log.add("many", name, str(len(text.words)))
    # Sorted, so that the numbers depend neither on the order of the rows nor on the type.
    return _Category(sorted(text.words))


def _log_strays(name: str, text: _Text, readable: NDArray[np.bool_], log: _Log) -> None:
    strays = np.flatnonzero(~readable)
    if strays.size:
        count = int(text.counts[strays].sum())
        log.add("stray", name, f"{count}, such as {text.words[strays[0]]!r}")


def _apply(plan: _Plan, column: Any) -> list[Any]:
    """Return the prepared columns of a column."""
    if isinstance(plan, _LeftOut):
        return []
    if isinstance(plan, _Number):
        return [_to_numbers(column)[0]]
    if isinstance(plan, _Date):
        days, hours = date_numbers(_to_dates(column, plan.order))
        return [days, hours] if plan.has_hours else [days]
    import pandas

    text = _read_text(column)
    numbers = {level: number for number, level in enumerate(plan.levels)}
    codes = np.array([numbers.get(word, -1) for word in text.words], dtype=np.intp)
    return [
        pandas.Categorical.from_codes(text.spread(codes, -1), categories=range(len(plan.levels)))
    ]


def _to_dates(column: Any, order: str | None) -> NDArray[np.int64]:
    if column.dtype.kind == "M" or getattr(column.dtype, "tz", None) is not None:
        return typed_dates(column)
    text = _read_text(column)
    return text.spread(written_dates(text.words, order or "year"), MISSING_DATE)


def _free_name(name: str, taken: Sequence[str]) -> str:
    """Return a name that boosters accept and that no other column has."""
    name = _REFUSED.sub("_", name)
    while name in taken:
        name += "_"
    return name
