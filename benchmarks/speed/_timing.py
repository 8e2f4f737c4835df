"""How a run is timed, and how its memory is measured."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["added_peak", "time_by_turns"]


def time_by_turns(
    runs: Mapping[str, Callable[[], Any]], n_turns: int
) -> dict[str, tuple[float, ...]]:
    """Time several runs, one right after the other, turn by turn.

    Parameters
    ----------
    runs : mapping of str to callable
        What is timed, by name.
    n_turns : int
        Turns that count. One goes before them: it fills caches and loads code.

    Returns
    -------
    seconds : dict of str to tuple of float
        Wall time of each run, turn by turn. Every other turn goes through the runs
        backwards, so that a machine that becomes slower or faster favours none of them.
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
    """Return the greatest memory that a call held beyond what there was before, in bytes.

    Parameters
    ----------
    call : callable
        Its result counts.

    Returns
    -------
    peak : int
        As `tracemalloc` knows it: what Python and NumPy allocated.
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
