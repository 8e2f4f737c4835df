"""Passes over long arrays, in several threads."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from joblib import cpu_count

__all__ = ["ROWS_PER_PART", "run_parts", "threads_for"]

# NumPy lets go of the interpreter within an operation and takes it between two.
MOST_THREADS = 4
ROWS_PER_PART = 1 << 17

Result = TypeVar("Result")


def threads_for(n_jobs: int | None) -> int:
    """Return how many threads to use.

    Parameters
    ----------
    n_jobs : int or None
        At most so many; negative numbers count back from the number of cores, -1 being all.
        None is what OpenMP would take: ``OMP_NUM_THREADS``, or all cores that this process
        may use. joblib and Dask set that variable in their workers.

    Returns
    -------
    threads : int
    """
    if n_jobs is None:
        # OpenMP's variable may hold a list, one entry for each level of nesting.
        asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
        n_jobs = int(asked) if asked.isdecimal() and int(asked) > 0 else -1
    if n_jobs < 0:
        n_jobs += cpu_count() + 1
    return min(max(n_jobs, 1), MOST_THREADS)


def run_parts(work: Callable[[slice], Result], n_rows: int, threads: int) -> Iterator[Result]:
    """Yield what ``work`` returns for each part of the rows, in the order of the parts.

    Parts do not depend on the number of threads, and nor do sums over them.
    """
    starts = range(0, n_rows, ROWS_PER_PART)
    parts = [slice(start, min(start + ROWS_PER_PART, n_rows)) for start in starts]
    threads = min(threads, len(parts))
    if threads < 2:
        yield from map(work, parts)
        return
    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(work, parts)
