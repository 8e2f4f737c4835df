"""The values for tables and for tensors, see `hostile_values`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
from hostile_values import CONTENT, SAME, Hostile, NotApplicable, Opaque, always, made, with_entry
from scipy import sparse

# --- tables ---------------------------------------------------------------------------------


def _frame(valid: Any, **changes: Any) -> Any:
    return pd.DataFrame(
        np.array(valid), columns=changes.pop("columns", None) or _names(valid), **changes
    )


def _names(valid: Any) -> list[str]:
    return [f"f{number}" for number in range(np.shape(valid)[1])]


def _framed(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Change the first column of a data frame."""

    def make(valid: Any) -> Any:
        frame = _frame(valid)
        frame["f0"] = change(frame["f0"])
        return frame

    return make


def _first_null(column: Any) -> Any:
    column = column.convert_dtypes()
    column.iloc[0] = pd.NA
    return column


def _letters(column: Any) -> Any:
    return pd.Series(np.where(column > column.median(), "b", "a"), index=column.index)


_TABLES: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "frame": ("frame", _frame),
    "frame-index": ("frame", lambda v: _frame(v, index=np.arange(len(v))[::-1])),
    "frame-dated-index": (
        "frame",
        lambda v: _frame(v, index=pd.date_range("2024", periods=len(v))),
    ),
    "frame-int-names": ("frame", lambda v: pd.DataFrame(np.array(v))),
    "frame-duplicates": ("names", lambda v: _frame(v, columns=["a"] * np.shape(v)[1])),
    "frame-mixed-names": (
        "names",
        lambda v: _frame(v, columns=[0, *_names(v)[1:]]),
    ),
    "frame-odd-names": (
        "frame",
        lambda v: _frame(v, columns=['a[b]<c>:"{},', *_names(v)[1:]]),
    ),
    "frame-multi-index": (
        "names",
        lambda v: _frame(v).set_axis(
            pd.MultiIndex.from_product([["a"], _names(v)]), axis="columns"
        ),
    ),
    "frame-none-name": ("names", lambda v: _frame(v, columns=[None, *_names(v)[1:]])),
    "frame-category": ("category", _framed(lambda c: _letters(c).astype("category"))),
    "frame-object": ("frame", lambda v: _frame(v).astype(object)),
    "frame-nullable": ("frame", _framed(lambda c: c.convert_dtypes())),
    "frame-NA": ("none", _framed(_first_null)),
    "frame-bool": ("column-changed", _framed(lambda c: c > 0)),
    "frame-strings": ("text", _framed(_letters)),
    "frame-dates": (
        "dates",
        _framed(lambda c: pd.Series(pd.date_range("2024", periods=len(c)), index=c.index)),
    ),
    "frame-inf": ("inf", _framed(lambda c: c.where(c.index != 1, np.inf))),
    "frame-complex": ("complex", _framed(lambda c: c + 1j)),
    "frame-lists": ("mixed", _framed(lambda c: pd.Series([[1.0]] * len(c), index=c.index))),
    "frame-sparse": ("frame", lambda v: _frame(v).astype(pd.SparseDtype(float, 0.0))),
    "frame-no-columns": ("shape", lambda v: _frame(v)[[]]),
    "polars": ("frame", lambda v: pl.DataFrame(np.array(v), schema=_names(v))),
    "polars-null": (
        "none",
        lambda v: pl.DataFrame(np.array(v), schema=_names(v)).with_columns(
            pl.when(pl.col("f0") > 1).then(None).otherwise(pl.col("f0")).alias("f0")
        ),
    ),
    "polars-strings": (
        "text",
        lambda v: pl.DataFrame(np.array(v), schema=_names(v)).with_columns(
            pl.col("f0").cast(pl.String)
        ),
    ),
    "polars-dates": (
        "dates",
        lambda v: pl.DataFrame(np.array(v), schema=_names(v)).with_columns(
            pl.date(2024, 2, 28).alias("f0")
        ),
    ),
    "polars-lazy": ("thing", lambda v: pl.DataFrame(np.array(v), schema=_names(v)).lazy()),
    "csr": ("sparse", lambda v: sparse.csr_matrix(np.array(v, dtype=float))),
    "csc": ("sparse", lambda v: sparse.csc_array(np.array(v, dtype=float))),
    "coo": ("sparse", lambda v: sparse.coo_array(np.array(v, dtype=float))),
    "csr-inf": ("inf", lambda v: sparse.csr_matrix(with_entry(np.inf)(v))),
    "csr-int64-indices": ("sparse", lambda v: _wide_indices(v)),
    "fortran": ("same", lambda v: np.asfortranarray(np.array(v))),
    "one-feature-less": ("features", lambda v: np.asarray(v)[:, :-1]),
    "one-feature-more": ("features", lambda v: np.column_stack([v, np.asarray(v)[:, 0]])),
    "no-features": ("shape", lambda v: np.asarray(v)[:, :0]),
    "1-d": ("shape", lambda v: np.asarray(v)[:, 0]),
    "constant-column": ("column-changed", lambda v: _column_set(v, 1.0)),
    "nan-column": ("nan", lambda v: _column_set(v, np.nan)),
    "inf-column": ("inf", lambda v: _column_set(v, np.inf)),
    "huge-column": ("number", lambda v: _column_set(v, 1e308)),
    "tiny-column": ("number", lambda v: _column_set(v, 1e-320)),
}


def _column_set(valid: Any, entry: float) -> Any:
    changed = np.array(valid, dtype=np.float64)
    changed[:, 0] = entry
    return changed


def _wide_indices(valid: Any) -> Any:
    table = sparse.csr_matrix(np.array(valid, dtype=float))
    table.indices, table.indptr = table.indices.astype(np.int64), table.indptr.astype(np.int64)
    return table


def tables() -> list[Hostile]:
    """Return the values for an argument of shape (n_samples, n_features)."""
    found = [Hostile(name, make, "same") for name, make in SAME.items()]
    found += [
        Hostile(name, make, tag)
        for name, (tag, make) in CONTENT.items()
        if name not in ("ragged", "generator", "range")
    ]
    found += [Hostile(name, make, tag) for name, (tag, make) in _TABLES.items()]
    return found


# --- tensors --------------------------------------------------------------------------------


def tensors() -> list[Hostile]:
    """Return the values for an argument that is a tensor."""
    import torch

    def tensor(make: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def made(valid: Any) -> Any:
            values = make(valid.detach().numpy())
            if not isinstance(values, np.ndarray):
                raise NotApplicable
            try:
                return torch.from_numpy(np.array(values))
            except TypeError as error:
                raise NotApplicable from error

        return made

    def of_dtype(dtype: Any) -> Callable[[Any], Any]:
        return lambda valid: valid.detach().to(dtype)

    found = [
        Hostile(name, tensor(make), tag)
        for name, (tag, make) in CONTENT.items()
        if name not in ("generator", "ragged", "None", "number", "str", "dict", "object", "range")
    ]
    found += [
        Hostile("float64", of_dtype(torch.float64), "same-values"),
        Hostile("float16", of_dtype(torch.float16), "number"),
        Hostile("bfloat16", of_dtype(torch.bfloat16), "number"),
        Hostile("int64", of_dtype(torch.int64), "number"),
        Hostile("uint8", of_dtype(torch.uint8), "number"),
        Hostile("complex64", of_dtype(torch.complex64), "complex"),
        Hostile("bool", of_dtype(torch.bool), "number"),
        Hostile(
            "strided", lambda valid: valid.detach().repeat_interleave(2, dim=0)[::2], "same-values"
        ),
        Hostile(
            "inference", lambda valid: torch.inference_mode()(valid.detach().clone)(), "same-values"
        ),
        Hostile("sparse", lambda valid: valid.detach().to_sparse(), "sparse"),
        Hostile("numpy", lambda valid: valid.detach().numpy().copy(), "thing"),
        Hostile("list", lambda valid: valid.tolist(), "thing"),
        Hostile("None", always(None), "None"),
        Hostile("number", always(0.5), "thing"),
        Hostile("str", always("1%"), "thing"),
        Hostile("object", made(Opaque), "thing"),
        Hostile("2-d-column", lambda valid: valid.detach()[:, None], "column"),
        Hostile("2-d-row", lambda valid: valid.detach()[None], "shape"),
        Hostile("2-d-two", lambda valid: torch.stack([valid.detach()] * 2, 1), "shape"),
    ]
    return found
