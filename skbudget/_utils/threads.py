"""How many threads a fit should have: the share of the processors, and those that are free.

OpenMP threads of LightGBM and XGBoost wait for one another actively. Where there are more
of them than free processors, each step of a tree waits until the scheduler has given every
thread its turn, and a fit takes many times as long as with one thread. Everything here
therefore errs to fewer threads.
"""

from __future__ import annotations

import math
import os
import sys
import time
from functools import lru_cache
from pathlib import Path
from typing import Any

__all__ = ["container_threads", "free_threads"]

SAMPLE_SECONDS = 0.2
"""How long the work of others is watched."""

SLACK = 0.25
"""A processor counts as free if others use no more than this share of it."""

_STAT = Path("/proc/stat")
# Where the kernel says what the container may use, and what it has used: version 2 of the
# control groups, then version 1, which counts in nanoseconds.
_QUOTAS = (
    (("/sys/fs/cgroup/cpu.max",), "/sys/fs/cgroup/cpu.stat", 1e6),
    (
        ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu/cpu.cfs_period_us"),
        "/sys/fs/cgroup/cpuacct/cpuacct.usage",
        1e9,
    ),
)


def container_threads() -> int:
    """Return how many threads a fit may have: what ``n_jobs=None`` means.

    Returns
    -------
    n_threads : int
        At least 1. It is the smallest of: the processors that joblib counts (by the
        affinity of the process, the quota of its container and ``LOKY_MAX_CPU_COUNT``),
        ``OMP_NUM_THREADS``, and the limit that threadpoolctl has set for OpenMP.
    """
    import joblib

    limits = [joblib.cpu_count()]
    # It may be a list, one number for each level of nested regions.
    variable = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    if variable.isdigit():
        limits.append(int(variable))
    pools = _openmp_limits()
    if pools:
        # A limit of threadpoolctl holds for all libraries. One that torch sets for itself
        # is no reason to limit the others.
        limits.append(max(pools))
    return max(1, min(limits))


def _openmp_limits() -> list[int]:
    """Return the number of threads of each OpenMP library that is loaded."""
    # To look for libraries takes longer than to predict a row, and only an import loads more.
    pools = _find_pools(len(sys.modules)).info()
    return [pool["num_threads"] for pool in pools if pool["user_api"] == "openmp"]


@lru_cache(maxsize=1)
def _find_pools(n_modules: int) -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def free_threads() -> int:
    """Return how many threads a fit may have without waiting for other processes.

    The call takes a fifth of a second, in which it watches what others do.

    Returns
    -------
    n_threads : int
        At least 1, and at most `container_threads`.
    """
    share = container_threads()
    return share if share == 1 else max(1, min(share, math.floor(_free_processors() + SLACK)))


def _free_processors() -> float:
    """Return how many processors others leave free: now or, except on Linux, in a minute's mean."""
    ticks, started = _busy_and_idle(), time.perf_counter()
    quota, used = _quota()
    time.sleep(SAMPLE_SECONDS)
    idle = _idle_processors(ticks, _busy_and_idle())
    if idle is None:
        load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
        idle = (os.cpu_count() or 1) - load
    if quota is None:
        return idle
    rate = (_quota()[1] - used) / (time.perf_counter() - started)
    return min(idle, quota - rate)


def _idle_processors(
    before: dict[int, tuple[float, float]], after: dict[int, tuple[float, float]]
) -> float | None:
    """Return how many processors were idle between two readings, or None if no time passed."""
    shares = []
    for number, (busy, idle) in before.items():
        new_busy, new_idle = after.get(number, (busy, idle))
        passed = new_busy + new_idle - busy - idle
        if passed > 0:
            shares.append((new_idle - idle) / passed)
    return sum(shares) if shares else None


def _busy_and_idle() -> dict[int, tuple[float, float]]:
    """Return the busy and idle ticks since the start, by processor that this process may use."""
    try:
        lines = _STAT.read_text(encoding="ascii").splitlines()
        usable = os.sched_getaffinity(0)
    except (OSError, AttributeError):  # another system than Linux
        return {}
    ticks = {}
    for line in lines:
        name, *counts = line.split() or [""]
        if name.startswith("cpu") and name[3:].isdigit() and int(name[3:]) in usable:
            # user, nice, system, idle, iowait, irq, softirq, steal. Guests are in user, too.
            numbers = [float(count) for count in counts[:8]]
            idle = sum(numbers[3:5])
            ticks[int(name[3:])] = (sum(numbers) - idle, idle)
    return ticks


def _quota() -> tuple[float | None, float]:
    """Return the container's quota in processors, if there is one, and the seconds it has used."""
    for limits, usage, unit in _QUOTAS:
        try:
            words = " ".join(Path(path).read_text(encoding="ascii") for path in limits).split()
            used = Path(usage).read_text(encoding="ascii").split()
            quota, period = float(words[0]), float(words[1])
            # In version 2 the words are "usage_usec", the number, and others.
            seconds = float(next(word for word in used if word.isdigit())) / unit
        except (OSError, ValueError, IndexError, StopIteration):  # no such file, or "max"
            continue
        if quota > 0 and period > 0:
            return quota / period, seconds
    return None, 0.0
