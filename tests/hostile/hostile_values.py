"""The values that are handed to every argument: by name, and made afresh for every call.

`scalars` are for arguments that hold one thing, `columns` and `tables` for arrays of one and two
dimensions. Each value has a tag. It says what was done, so that `hostile_legal` can tell
whether an argument may take it. The tag ``"same"`` is for the valid argument in another form:
an answer must then be the answer to the valid argument.
"""

from __future__ import annotations

import datetime
import decimal
import fractions
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import polars as pl
from scipy import sparse


class Hostile(NamedTuple):
    """A value by name. ``make`` takes the valid argument, and returns what is handed over."""

    name: str
    make: Callable[[Any], Any]
    tag: str


class NotApplicable(Exception):
    """A valid argument does not have this form."""


MISSPELT, MISSING = "misspelt", "missing"


def always(value: Any) -> Callable[[Any], Any]:
    return lambda _: value


def made(make: Callable[[], Any]) -> Callable[[Any], Any]:
    return lambda _: make()


class Opaque:
    """An object that has nothing."""

    def __repr__(self) -> str:
        return "<opaque>"


_NUMBERS: dict[str, Any] = {
    "nan": float("nan"),
    "inf": float("inf"),
    "-inf": float("-inf"),
    "1e308": 1e308,
    "-1e308": -1e308,
    "1e-320": 1e-320,
    "-0.0": -0.0,
    "0": 0,
    "0.0": 0.0,
    "1": 1,
    "1.0": 1.0,
    "-1": -1,
    "-0.5": -0.5,
    "0.5": 0.5,
    "2.5": 2.5,
    "50": 50,
    "2**31": 2**31,
    "2**53+1": 2**53 + 1,
    "2**70": 2**70,
    "-2**70": -(2**70),
    "10**12": 10**12,
    "10**400": 10**400,
    "True": True,
    "False": False,
    "np.True_": np.True_,
    "np.nan32": np.float32("nan"),
    "np.int8": np.int8(3),
    "complex": 1 + 2j,
    "complex-real": complex(0.5, 0.0),
    "fraction": fractions.Fraction(1, 3),
    "decimal": decimal.Decimal("0.1"),
}

_OTHERS: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "percent": lambda: "1%",
    "empty-str": lambda: "",
    "word": lambda: "nonesuch",
    "number-str": lambda: "0.5",
    "unicode": lambda: "\u00e9\ud7ff\U0001f600",
    "bytes": lambda: b"",
    "object": Opaque,
    "class": lambda: Opaque,
    "callable": lambda: len,
    "raiser": lambda: _raise,
    "list": list,
    "list-of-one": lambda: [0.5],
    "dict": dict,
    "tuple": tuple,
    "set": lambda: {0.5},
    "range": lambda: range(3),
    "generator": lambda: (number for number in (0.5,)),
    "slice": lambda: slice(None),
    "ellipsis": lambda: ...,
    "date": lambda: datetime.datetime(2024, 2, 29),
    "datetime64": lambda: np.datetime64("2024-02-29"),
    "timedelta64": lambda: np.timedelta64(1, "s"),
    "pd.NA": lambda: pd.NA,
    "pd.NaT": lambda: pd.NaT,
    "0-d": lambda: np.array(0.5),
    "array-of-one": lambda: np.array([0.5]),
    "array": lambda: np.array([0.25, 0.5]),
    "frame": lambda: pd.DataFrame({"a": [0.5]}),
    "random-state": lambda: np.random.RandomState(0),
    "generator-bits": lambda: np.random.default_rng(0),
}


def _raise(*args: Any, **kwargs: Any) -> Any:
    raise KeyError("from the user's own function")


def _numpy_form(valid: Any) -> Any:
    if isinstance(valid, bool):
        return np.bool_(valid)
    if isinstance(valid, int):
        return np.int64(valid)
    if isinstance(valid, float):
        return np.float64(valid)
    if type(valid) is str:
        return np.str_(valid)
    raise NotApplicable


def _small_form(valid: Any) -> Any:
    if isinstance(valid, bool) or not isinstance(valid, int | float):
        raise NotApplicable
    small = np.int32(valid) if isinstance(valid, int) else np.float32(valid)
    if small != valid:
        raise NotApplicable
    return small


def scalars() -> list[Hostile]:
    """Return the values for an argument that holds one thing."""
    found = [Hostile(name, always(value), "number") for name, value in _NUMBERS.items()]
    found += [Hostile(name, made(make), "thing") for name, make in _OTHERS.items()]
    found += [
        Hostile("numpy-form", _numpy_form, "same"),
        Hostile("small-form", _small_form, "same"),
    ]
    return found


# As numbers of threads or processes these would be started.
_TOO_MANY = {"50", "2**31", "2**53+1", "2**70", "10**12", "10**400", "1e308", "inf", "-1"}


def jobs() -> list[Hostile]:
    """Return the values for a number of threads or processes."""
    return [hostile for hostile in scalars() if hostile.name not in _TOO_MANY]


# --- arrays ---------------------------------------------------------------------------------


def with_entry(entry: Any) -> Callable[[Any], Any]:
    """Put one entry into a float array."""

    def make(valid: Any) -> Any:
        changed = np.array(valid, dtype=np.float64)
        changed[(changed.shape[0] // 2,) + (0,) * (changed.ndim - 1)] = entry
        return changed

    return make


def _with_object(entry: Callable[[], Any]) -> Callable[[Any], Any]:
    """Put one entry into an object array."""

    def make(valid: Any) -> Any:
        changed = np.array(valid).astype(object)
        changed[(changed.shape[0] // 2,) + (0,) * (changed.ndim - 1)] = entry()
        return changed

    return make


def _filled(entry: Any, dtype: Any = np.float64) -> Callable[[Any], Any]:
    return lambda valid: np.full(np.shape(valid), entry, dtype=dtype)


def _cast(dtype: Any) -> Callable[[Any], Any]:
    """Cast without loss, or not at all."""

    def make(valid: Any) -> Any:
        values = np.asarray(valid)
        if values.dtype.kind not in "biuf":
            raise NotApplicable
        with np.errstate(all="ignore"):
            changed = values.astype(dtype)
        if changed.dtype == values.dtype or not np.array_equal(changed, values):
            raise NotApplicable
        return changed

    return make


def _forced(dtype: Any) -> Callable[[Any], Any]:
    def make(valid: Any) -> Any:
        with np.errstate(all="ignore"):
            return np.asarray(valid).astype(dtype)

    return make


def _alternating(low: Any, high: Any) -> Callable[[Any], Any]:
    def make(valid: Any) -> Any:
        changed = np.full(np.shape(valid), low, dtype=np.float64)
        changed[::2] = high
        return changed

    return make


def _read_only(valid: Any) -> Any:
    changed = np.array(valid)
    changed.flags.writeable = False
    return changed


def _strided(valid: Any) -> Any:
    values = np.asarray(valid)
    return np.repeat(values, 2, axis=0)[::2]


def _backwards(valid: Any) -> Any:
    return np.ascontiguousarray(np.asarray(valid)[::-1])[::-1]


def _swapped(valid: Any) -> Any:
    values = np.asarray(valid)
    if values.dtype.itemsize == 1 or values.dtype.kind not in "iuf":
        raise NotApplicable
    return values.astype(values.dtype.newbyteorder())


def _masked(masked: bool) -> Callable[[Any], Any]:
    def make(valid: Any) -> Any:
        mask = np.zeros(np.shape(valid), dtype=bool)
        mask[: 2 if masked else 0] = True
        return np.ma.masked_array(np.array(valid), mask)

    return make


def _resized(size: Callable[[int], int]) -> Callable[[Any], Any]:
    def make(valid: Any) -> Any:
        values = np.asarray(valid)
        rows = np.arange(max(0, size(values.shape[0]))) % values.shape[0]
        return values[rows]

    return make


def _dates(valid: Any) -> Any:
    return np.datetime64("2024-01-01") + np.arange(np.size(valid)).reshape(np.shape(valid))


def _structured(valid: Any) -> Any:
    return np.zeros(np.shape(valid), dtype=[("a", float), ("b", int)])


def _generator(valid: Any) -> Any:
    return (entry for entry in np.asarray(valid).tolist())


def _ragged(valid: Any) -> Any:
    return [[1.0], *([[1.0, 2.0]] * (np.shape(valid)[0] - 1))]


def _mixed(valid: Any) -> Any:
    changed = np.array(valid).astype(object)
    changed[0] = "a"
    changed[-1] = None
    return changed


SAME: dict[str, Callable[[Any], Any]] = {
    "as-list": lambda valid: np.asarray(valid).tolist(),
    "read-only": _read_only,
    "strided": _strided,
    "backwards": _backwards,
    "big-endian": _swapped,
    "masked-none": _masked(False),
    "as-object": lambda valid: np.asarray(valid).astype(object),
    "as-float16": _cast(np.float16),
    "as-float32": _cast(np.float32),
    "as-float64": _cast(np.float64),
    "as-longdouble": _cast(np.longdouble),
    "as-int8": _cast(np.int8),
    "as-uint64": _cast(np.uint64),
    "as-bool": _cast(np.bool_),
}

CONTENT: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "one-nan": ("nan", with_entry(np.nan)),
    "all-nan": ("nan", _filled(np.nan)),
    "one-inf": ("inf", with_entry(np.inf)),
    "one--inf": ("inf", with_entry(-np.inf)),
    "all-inf": ("inf", _filled(np.inf)),
    "one-1e308": ("number", with_entry(1e308)),
    "one--1e308": ("negative", with_entry(-1e308)),
    "both-1e308": ("negative", _alternating(-1e308, 1e308)),
    "all-1e308": ("constant", _filled(1e308)),
    "one-1e-320": ("number", with_entry(1e-320)),
    "all-1e-320": ("constant", _filled(1e-320)),
    "two-1e-320": ("number", _alternating(0.0, 1e-320)),
    "one--0.0": ("number", with_entry(-0.0)),
    "all--0.0": ("zeros", _filled(-0.0)),
    "all-0": ("zeros", _filled(0)),
    "all-1": ("constant", _filled(1)),
    "one--1": ("negative", with_entry(-1.0)),
    "one-2.5": ("number", with_entry(2.5)),
    "one-2**53+1": ("number", _with_object(lambda: 2**53 + 1)),
    "one-2**70": ("number", _with_object(lambda: 2**70)),
    "one-2**64-1": ("number", lambda valid: np.full(np.shape(valid), 2**64 - 1, dtype=np.uint64)),
    "one-None": ("none", _with_object(lambda: None)),
    "one-pd.NA": ("none", _with_object(lambda: pd.NA)),
    "one-str": ("mixed", _with_object(lambda: "1%")),
    "one-list": ("mixed", _with_object(lambda: [1.0])),
    "one-object": ("mixed", _with_object(Opaque)),
    "one-decimal": ("number", _with_object(lambda: decimal.Decimal("1.5"))),
    "mixed": ("mixed", _mixed),
    "strings": ("digits", lambda valid: np.asarray(valid).astype(str)),
    "words": ("text", lambda valid: np.where(np.asarray(valid) > 0, "yes", "no")),
    "empty-strings": ("text", _filled("", object)),
    "bytes": ("digits", lambda valid: np.asarray(valid).astype("S")),
    "dates": ("dates", _dates),
    "durations": ("dates", _forced("timedelta64[s]")),
    "complex": ("complex", lambda valid: np.asarray(valid) + 1j),
    "complex-real": ("complex", lambda valid: np.asarray(valid) + 0j),
    "forced-int8": ("number", _forced(np.int8)),
    "forced-float16": ("number", _forced(np.float16)),
    "masked-some": ("masked", _masked(True)),
    "structured": ("mixed", _structured),
    "len-0": ("empty", _resized(lambda n: 0)),
    "len-1": ("length", _resized(lambda n: 1)),
    "len-n-1": ("length", _resized(lambda n: n - 1)),
    "len-n+1": ("length", _resized(lambda n: n + 1)),
    "0-d": ("shape", lambda valid: np.array(0.5)),
    "3-d": ("shape", lambda valid: np.asarray(valid)[..., None, None]),
    "ragged": ("shape", _ragged),
    "generator": ("thing", _generator),
    "None": ("None", always(None)),
    "number": ("thing", always(0.5)),
    "str": ("thing", always("1%")),
    "empty-list": ("empty", made(list)),
    "dict": ("thing", made(dict)),
    "object": ("thing", made(Opaque)),
    "range": ("number", lambda valid: range(np.shape(valid)[0])),
}


def _series(valid: Any, **changes: Any) -> Any:
    return pd.Series(np.array(valid), **changes)


def _shuffled_index(valid: Any) -> Any:
    return _series(valid, index=np.arange(np.size(valid))[::-1] * 3, name="shuffled")


def _nullable(missing: bool) -> Callable[[Any], Any]:
    def make(valid: Any) -> Any:
        values = np.array(valid)
        if values.dtype.kind not in "biuf":
            raise NotApplicable
        series = pd.Series(values).convert_dtypes()
        if missing:
            series.iloc[1] = pd.NA
        return series

    return make


def _chunked(valid: Any) -> Any:
    values = np.asarray(valid)
    half = values.shape[0] // 2
    return pl.concat([pl.Series(values[:half]), pl.Series(values[half:])], rechunk=False)


def _polars_null(valid: Any) -> Any:
    values = np.asarray(valid).tolist()
    return pl.Series([None, *values[1:]])


def columns() -> list[Hostile]:
    """Return the values for an argument of shape (n_samples,)."""
    found = [Hostile(name, make, "same") for name, make in SAME.items()]
    found += [Hostile(name, make, tag) for name, (tag, make) in CONTENT.items()]
    found += [
        Hostile("as-tuple", lambda valid: tuple(np.asarray(valid).tolist()), "same"),
        Hostile("series", _series, "same"),
        Hostile("series-shuffled", _shuffled_index, "same"),
        Hostile("series-nullable", _nullable(False), "same"),
        Hostile("series-object", lambda valid: _series(valid).astype(object), "same"),
        Hostile("polars", lambda valid: pl.Series(np.array(valid)), "same"),
        Hostile("polars-chunked", _chunked, "same"),
        Hostile("index", lambda valid: pd.Index(np.array(valid)), "same"),
        Hostile("series-NA", _nullable(True), "none"),
        Hostile("polars-null", _polars_null, "none"),
        Hostile("series-category", lambda valid: _series(valid).astype("category"), "category"),
        Hostile("series-string", lambda valid: _series(valid).astype("string"), "digits"),
        Hostile("series-dates", lambda valid: pd.Series(_dates(valid)), "dates"),
        Hostile(
            "series-zone", lambda valid: pd.Series(_dates(valid)).dt.tz_localize("UTC"), "dates"
        ),
        Hostile("frame", lambda valid: _series(valid).to_frame("a"), "column"),
        Hostile("2-d-column", lambda valid: np.asarray(valid)[:, None], "column"),
        Hostile("2-d-row", lambda valid: np.asarray(valid)[None, :], "shape"),
        Hostile("2-d-two", lambda valid: np.column_stack([valid, valid]), "shape"),
        Hostile(
            "frame-two",
            lambda valid: pd.DataFrame(np.column_stack([valid, valid]), columns=["a", "a"]),
            "shape",
        ),
        Hostile("matrix", lambda valid: np.asmatrix(np.asarray(valid)).T, "column"),
        Hostile("sparse", lambda valid: sparse.csr_matrix(np.asarray(valid)[:, None]), "sparse"),
    ]
    return found
