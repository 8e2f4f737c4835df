"""The registry of examples, the fingerprints of what they compute, and the comparison."""

from __future__ import annotations

import hashlib
import json
import math
import platform
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from importlib.metadata import version
from typing import Any

import numpy as np
import torch

# The files of examples, in the order in which they run.
ROOMS = (
    "objectives",
    "kernels",
    "boosters",
    "booster_classifiers",
    "losses",
    "networks",
    "ensemble",
    "metrics",
    "selection",
    "datasets",
    "readme",
)

# A name, and a function that computes arrays by name or a single array.
Example = tuple[str, Callable[[], Any]]

GROUPS: dict[str, Callable[[], Iterable[Example]]] = {}


def group(function: Callable[[], Iterable[Example]]) -> Callable[[], Iterable[Example]]:
    """Register a generator of examples under the name of the function."""
    if function.__name__ in GROUPS:
        raise ValueError(f"There are two groups called {function.__name__!r}.")
    GROUPS[function.__name__] = function
    return function


def load_rooms() -> None:
    """Import the files of examples, which registers their groups in the order of `ROOMS`."""
    for room in ROOMS:
        import_module(f"{__package__}._{room}")


def all_examples(only: str | None) -> Iterator[Example]:
    """Yield the examples whose name has ``only`` in it."""
    for of_group, function in GROUPS.items():
        for name, compute in function():
            full_name = f"{of_group}/{name}"
            if only is None or only in full_name:
                yield full_name, compute


# How many values of an array are stored beside its hash.
SHOWN = 4


def fingerprint(values: Any) -> dict[str, Any]:
    """Return the hash of an array, its type and shape, and a few of its values."""
    if isinstance(values, torch.Tensor):
        values = values.detach().numpy()
    array = np.asarray(values)
    if array.dtype.kind in "USO":
        words = [str(word) for word in array.ravel().tolist()]
        return {
            "sha256": hashlib.sha256(json.dumps(words).encode()).hexdigest(),
            "dtype": "text",
            "shape": list(array.shape),
            "values": words[:SHOWN],
        }
    if array.dtype.kind == "f":
        # Not-a-number has many bit patterns that mean the same.
        array = np.where(np.isnan(array), array.dtype.type(np.nan), array)
    shown = array[array != 0][:SHOWN]
    return {
        "sha256": hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest(),
        "dtype": str(array.dtype),
        "shape": list(array.shape),
        "values": [float(value).hex() for value in shown],
        "sum": float(np.nansum(array, dtype=np.float64)).hex(),
    }


def run(compute: Callable[[], Any]) -> dict[str, Any] | str:
    """Return the fingerprints of what an example computes, or what went wrong."""
    torch.manual_seed(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = compute()
            parts = found if isinstance(found, Mapping) else {"value": found}
            return {
                str(name): fingerprint(part) for name, part in parts.items() if part is not None
            }
    except Exception as error:
        return f"error: {type(error).__name__}: {error}"


def run_all(only: str | None) -> dict[str, dict[str, Any] | str]:
    """Return the fingerprints of the examples, and show progress on standard error."""
    found: dict[str, dict[str, Any] | str] = {}
    started, current, before = time.perf_counter(), "", 0
    for name, compute in all_examples(only):
        of_group = name.partition("/")[0]
        if current not in ("", of_group):
            _show_group(current, len(found) - before, started)
            before = len(found)
        current = of_group
        if name in found:
            raise ValueError(f"There are two examples called {name!r}.")
        found[name] = run(compute)
    if found:
        _show_group(current, len(found) - before, started)
    return found


def _show_group(name: str, n_examples: int, started: float) -> None:
    seconds = time.perf_counter() - started
    print(f"{name}: {n_examples} examples, {seconds:.0f} s so far", file=sys.stderr, flush=True)


LIBRARIES = (
    "numpy",
    "scipy",
    "scikit-learn",
    "lightgbm",
    "xgboost",
    "torch",
    "skorch",
    "dask",
    "distributed",
    "pandas",
)


def environment() -> dict[str, str]:
    """Return the versions of what the bytes depend on, apart from the package."""
    return {
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        **{library: version(library) for library in LIBRARIES},
    }


def relative_difference(before: dict[str, Any], now: dict[str, Any]) -> float | None:
    """Return the greatest relative difference of the stored values, None if they do not tell."""
    if "text" in (before["dtype"], now["dtype"]) or len(before["values"]) != len(now["values"]):
        return None
    pairs = zip([*before["values"], before["sum"]], [*now["values"], now["sum"]])
    greatest = 0.0
    for of_before, of_now in pairs:
        a, b = float.fromhex(of_before), float.fromhex(of_now)
        if a == b or (math.isnan(a) and math.isnan(b)):
            continue
        if not (math.isfinite(a) and math.isfinite(b)):
            return math.inf
        greatest = max(greatest, abs(a - b) / max(abs(a), abs(b)))
    return greatest


def differences(before: Any, now: Any) -> list[str]:
    """Describe how an example differs, one line for each array. Empty if it does not."""
    if before is None or now is None:
        return ["only in the file" if now is None else "not in the file"]
    if isinstance(before, str) or isinstance(now, str):
        stages = {"before": before, "now": now}
        return [f"{stage}, {found}" for stage, found in stages.items() if isinstance(found, str)]
    found = []
    for name in [*before, *(name for name in now if name not in before)]:
        if name not in now or name not in before:
            found.append(f"{name}: only {'before' if name in before else 'now'}")
            continue
        old, new = before[name], now[name]
        kinds = [(part["dtype"], tuple(part["shape"])) for part in (old, new)]
        if kinds[0] != kinds[1]:
            found.append(f"{name}: {kinds[0]} has become {kinds[1]}")
        elif old["sha256"] != new["sha256"]:
            size = relative_difference(old, new)
            told = "the values shown do not tell how much" if not size else f"by {size:.1e}"
            found.append(f"{name}: differs, {told}")
    return found


def compare(stored: dict[str, Any], now: dict[str, Any]) -> int:
    """Print how the examples differ, and return how many do."""
    names = [*stored, *(name for name in now if name not in stored)]
    n_different = 0
    for name in names:
        found = differences(stored.get(name), now.get(name))
        if found:
            n_different += 1
            print(name)
            for line in found:
                print(f"    {line}")
    print(f"{len(names)} examples, {len(names) - n_different} identical, {n_different} differ")
    return n_different


def as_text(contents: dict[str, dict[str, Any]]) -> str:
    """Return JSON with one example on each line."""
    parts = []
    for name, entries in contents.items():
        lines = [f"{json.dumps(key)}: {json.dumps(entry)}" for key, entry in entries.items()]
        parts.append(f"{json.dumps(name)}: {{\n" + ",\n".join(lines) + "\n}")
    return "{\n" + ",\n".join(parts) + "\n}\n"
