"""What a call must leave alone, and what a result must not contain.

`fingerprint` tells whether an argument was changed, `global_state` whether a global generator
or setting was. `find_nan` looks for numbers that are no answer, `differs` for two results that
should be the same.
"""

from __future__ import annotations

import dataclasses
import decimal
import hashlib
import random
import sys
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
from scipy import sparse

_DEPTH = 8


def _digest(*parts: Any) -> str:
    found = hashlib.blake2b(digest_size=12)
    for part in parts:
        found.update(part if isinstance(part, bytes) else repr(part).encode(errors="replace"))
    return found.hexdigest()


def _torch() -> Any:
    return sys.modules.get("torch")


def fingerprint(value: Any, depth: int = 0) -> Any:
    """Return something that compares equal as long as the value is not changed."""
    if value is None or isinstance(value, bool | int | float | complex | str | bytes):
        return repr(value)
    if depth > _DEPTH:
        return type(value).__name__
    if isinstance(value, np.ma.MaskedArray):
        return _digest("masked", fingerprint(value.data, depth), np.ma.getmaskarray(value))
    if isinstance(value, np.ndarray):
        content = value.tolist() if value.dtype.hasobject else value.tobytes()
        return _digest(value.dtype.str, value.shape, value.strides, value.flags.writeable, content)
    if isinstance(value, pd.DataFrame | pd.Series | pd.Index):
        return _fingerprint_of_pandas(value)
    if isinstance(value, pl.DataFrame):
        return _digest(value.schema, value.to_dict(as_series=False))
    if isinstance(value, pl.Series):
        return _digest(value.dtype, value.name, value.to_list())
    if sparse.issparse(value):
        parts = [getattr(value, name, b"") for name in ("data", "indices", "indptr", "row", "col")]
        return _digest(value.shape, *(fingerprint(part, depth + 1) for part in parts))
    torch = _torch()
    if torch is not None and isinstance(value, torch.Tensor):
        if value.is_sparse or value.device.type == "meta":
            return _digest(value.dtype, value.shape)
        plain = value.detach().float() if value.dtype == torch.bfloat16 else value.detach()
        content = plain.resolve_conj().numpy().tobytes()
        return _digest(value.dtype, tuple(value.shape), value.requires_grad, content)
    if torch is not None and isinstance(value, torch.nn.Module):
        return fingerprint({**value.state_dict(), "training": value.training}, depth + 1)
    if isinstance(value, np.random.RandomState | np.random.Generator):
        return "generator"
    if isinstance(value, Mapping):
        return [(repr(key), fingerprint(entry, depth + 1)) for key, entry in value.items()]
    if isinstance(value, list | tuple):
        return [fingerprint(entry, depth + 1) for entry in value]
    if isinstance(value, set | frozenset):
        return sorted(map(repr, value))
    if hasattr(value, "get_params") or dataclasses.is_dataclass(value):
        return fingerprint(_attributes(value), depth + 1)
    return type(value).__name__


def _fingerprint_of_pandas(value: Any) -> str:
    if isinstance(value, pd.Index):
        return _digest(value.dtype, value.names, value.tolist())
    dtypes = value.dtypes.tolist() if isinstance(value, pd.DataFrame) else [value.dtype, value.name]
    axes = [axis.tolist() for axis in value.axes]
    return _digest(dtypes, axes, value.astype(object).to_numpy().tolist())


def _attributes(value: Any) -> dict[str, Any]:
    try:
        return dict(vars(value))
    except TypeError:
        return {}


def global_state() -> dict[str, Any]:
    """Return the global generators and settings that no call may change."""
    name, keys, position, has_gauss, gauss = np.random.get_state()  # noqa: NPY002
    state: dict[str, Any] = {
        "numpy.random": _digest(name, keys.tobytes(), position, has_gauss, gauss),
        "random": hash(random.getstate()),
        "numpy.errstate": tuple(np.geterr().items()),
        "numpy.printoptions": repr(np.get_printoptions()),
        "warnings.filters": len(warnings.filters),
        "decimal.context": repr(decimal.getcontext().prec),
    }
    torch = _torch()
    if torch is not None:
        state["torch.random"] = _digest(torch.random.get_rng_state().numpy().tobytes())
        state["torch.threads"] = torch.get_num_threads()
        state["torch.grad"] = torch.is_grad_enabled()
        state["torch.dtype"] = torch.get_default_dtype()
    sklearn = sys.modules.get("sklearn")
    if sklearn is not None:
        state["sklearn.config"] = repr(sorted(sklearn.get_config().items()))
    return state


def _leaves(value: Any, path: str, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield the numbers of a result with the way to them."""
    if depth > _DEPTH or value is None or isinstance(value, str | bytes | bool | int | np.bool_):
        return
    torch = _torch()
    if torch is not None and isinstance(value, torch.Tensor):
        yield path, value.detach().to(torch.float64 if value.is_floating_point() else value.dtype)
        if value.is_leaf and value.grad is not None:
            yield f"{path}.grad", value.grad.detach()
    elif isinstance(value, float | complex | np.generic | np.ndarray | pd.Series | pd.DataFrame):
        yield path, value
    elif isinstance(value, Mapping):
        for key, entry in value.items():
            yield from _leaves(entry, f"{path}[{key!r}]", depth + 1)
    elif hasattr(value, "_fields"):
        for name in value._fields:
            yield from _leaves(getattr(value, name), f"{path}.{name}", depth + 1)
    elif isinstance(value, list | tuple):
        for number, entry in enumerate(value):
            yield from _leaves(entry, f"{path}[{number}]", depth + 1)
    elif dataclasses.is_dataclass(value) or type(value).__name__.endswith("Display"):
        for name, entry in vars(value).items():
            if not name.startswith("_"):
                yield from _leaves(entry, f"{path}.{name}", depth + 1)


def _as_array(leaf: Any) -> Any:
    if hasattr(leaf, "numpy") and not isinstance(leaf, np.ndarray | np.generic):
        return leaf.numpy()
    return np.asarray(leaf)


def find_nan(result: Any, *, allowed: tuple[str, ...] = (), infinite: bool = False) -> str | None:
    """Return where a result is NaN or infinite, or None if it is not.

    ``allowed`` are endings of the ways at which there may be NaN.
    """
    for path, leaf in _leaves(result, "result"):
        if path.endswith(allowed):
            continue
        values = _as_array(leaf)
        if values.dtype.kind not in "fc":
            continue
        if np.isnan(values).any():
            return f"NaN at {path}"
        if not infinite and np.isinf(values).any():
            return f"infinite at {path}"
    return None


def differs(first: Any, second: Any, unsteady: tuple[str, ...] = ()) -> str | None:
    """Return where two results are not the same up to float32, or None if they are."""
    ours, theirs = (
        {path: leaf for path, leaf in _leaves(answer, "result") if not path.endswith(unsteady)}
        for answer in (first, second)
    )
    if ours.keys() != theirs.keys():
        return f"the results differ at {sorted(ours.keys() ^ theirs.keys())[:3]}"
    for path, leaf in ours.items():
        one, two = _as_array(leaf), _as_array(theirs[path])
        if one.shape != two.shape:
            return f"{path} has shape {one.shape}, and {two.shape} for the plain argument"
        if one.dtype.kind in "fciub" and two.dtype.kind in "fciub":
            if not np.allclose(one, two, rtol=1e-5, atol=1e-6, equal_nan=True):
                return f"{path} differs: {_few(one)} instead of {_few(two)}"
        elif not np.array_equal(one.astype(str), two.astype(str)):
            return f"{path} differs: {_few(one)} instead of {_few(two)}"
    return None


def _few(values: Any) -> Any:
    return np.ravel(values)[:4].tolist()
