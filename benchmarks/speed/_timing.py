"""The measurement of the time and of the memory of a run."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["added_peak", "time_by_turns"]


def time_by_turns(
    runs: Mapping[str, Callable[[], Any]], n_turns: int
) -> dict[str, tuple[float, ...]]:
    """Time several runs that take turns.

    Parameters
    ----------
    runs : mapping of str to callable
        The runs by name. A turn calls each of them once, one right after the other.
    n_turns : int
        Number of turns that count. One turn before them fills caches and loads code.

    Returns
    -------
    seconds : dict of str to tuple of float
        Wall time of each run, turn by turn. Every other turn goes through the runs
        backwards. A machine that becomes slower or faster then favours none of them.
    """
    names = list(runs)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(n_turns + 1):
        for name in names if turn % 2 else reversed(names):
            start = time.perf_counter()
            runs[name]()
            taken = time.perf_counter() - start
            if turn > 0:
                seconds[name].append(taken)
    return {name: tuple(taken) for name, taken in seconds.items()}


def added_peak(call: Callable[[], Any]) -> int:
    """Return the greatest memory that a call adds to the memory before it, in bytes.

    Parameters
    ----------
    call : callable
        The call. Its result counts.

    Returns
    -------
    peak : int
        What Python and NumPy allocated, as `tracemalloc` reports it.
    """
    traced_already = tracemalloc.is_tracing()
    if not traced_already:
        tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        result = call()
        _, peak = tracemalloc.get_traced_memory()
        del result
    finally:
        if not traced_already:
            tracemalloc.stop()
    return peak - before
