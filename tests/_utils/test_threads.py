"""How many threads a fit has, on processors that are shared in one way or another."""

import os
import subprocess
import sys

import pytest

from skbudget._utils import threads
from skbudget._utils.threads import container_threads, free_threads
from skbudget.cli._threads import choose_processes, choose_threads


@pytest.fixture
def machine(monkeypatch):
    """Set the processors of the container, the limits of OpenMP, and how many are free."""

    def build(processors, *, free=None, variable=None, pools=()):
        monkeypatch.setattr("joblib.cpu_count", lambda *args: processors)
        monkeypatch.setattr(threads, "_openmp_limits", lambda: list(pools))
        if variable is None:
            monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
        else:
            monkeypatch.setenv("OMP_NUM_THREADS", variable)
        if free is not None:
            monkeypatch.setattr(threads, "_free_processors", lambda: free)

    return build


@pytest.mark.parametrize(
    ("variable", "pools", "expected"),
    [
        (None, (), 8),
        ("3", (), 3),
        ("3,1", (), 3),
        ("16", (), 8),  # more than there are
        ("0", (), 1),
        ("", (), 8),
        ("many", (), 8),
        (None, (2, 2), 2),  # threadpoolctl limits all libraries
        (None, (1, 8), 8),  # torch limits itself
        ("4", (2, 2), 2),
    ],
)
def test_share_of_the_container(machine, variable, pools, expected):
    machine(8, variable=variable, pools=pools)
    assert container_threads() == expected


def test_limit_of_threadpoolctl():
    threadpoolctl = pytest.importorskip("threadpoolctl")
    pytest.importorskip("sklearn.ensemble")  # loads OpenMP
    if not threads._openmp_limits():
        pytest.skip("scikit-learn was built without OpenMP")
    with threadpoolctl.threadpool_limits(limits=1):
        assert container_threads() == 1


@pytest.mark.parametrize(
    ("processors", "free", "expected", "processes"),
    [
        (2, 2.0, 2, 2),
        (2, 1.9, 2, 2),  # a little work of others
        (2, 1.5, 1, 2),
        (2, 0.0, 1, 2),
        (2, -3.0, 1, 2),
        (8, 5.2, 5, 5),
        (8, 0.4, 1, 2),
        (1, 0.0, 1, 1),
    ],
)
def test_free_processors(machine, processors, free, expected, processes):
    machine(processors, free=free)
    assert free_threads() == choose_threads(None) == expected
    assert choose_processes(None) == processes
    assert choose_threads(-1) == choose_processes(-1) == processors
    assert choose_threads(3) == choose_processes(3) == 3


def test_chosen_number_is_checked():
    for choose in (choose_threads, choose_processes):
        with pytest.raises(ValueError, match=r"'n_jobs' .* in the range \[1, inf\). Got 0"):
            choose(0)


# --- what the kernel says ---------------------------------------------------------------


@pytest.fixture
def kernel(monkeypatch, tmp_path):
    """Make files of the kernel, which change while the work of others is watched."""
    clock = [0.0]
    changes = []

    def sleep(seconds):
        clock[0] += seconds
        for path, text in changes:
            path.write_text(text)

    def build(before, after, quota=(), usage=("0", "0"), version=2):
        stat, limit, used = (tmp_path / name for name in ("stat", "limit", "usage"))
        stat.write_text(before)
        changes[:] = [(stat, after)]
        monkeypatch.setattr(threads, "_STAT", stat)
        files = []
        for number, text in enumerate(quota):
            files.append(tmp_path / f"limit{number}")
            files[-1].write_text(text)
        used.write_text(usage[0])
        changes.append((used, usage[1]))
        known = ((tuple(map(str, files)) or (str(limit),)), str(used), 1e6 if version == 2 else 1e9)
        monkeypatch.setattr(threads, "_QUOTAS", (known,))

    monkeypatch.setattr(threads.time, "sleep", sleep)
    monkeypatch.setattr(threads.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(threads.os, "sched_getaffinity", lambda pid: {0, 2}, raising=False)
    return build


# user, nice, system, idle, iowait, irq, softirq, steal, guest, guest_nice
BEFORE = (
    "cpu 9 9 9 9\ncpu0 100 0 0 50 0 0 0 0 0 0\ncpu1 0 0 0 0\ncpu2 7 0 0 90 0 0 0 0 0 0\nintr 5\n"
)


@pytest.mark.parametrize(
    ("ticks", "free"),
    [
        ("cpu0 100 0 0 70\ncpu1 20 0 0 0\ncpu2 7 0 0 110", 2.0),  # cpu1 is not ours
        ("cpu0 120 0 0 50\ncpu1 0 0 0 20\ncpu2 7 0 0 110", 1.0),
        ("cpu0 100 0 0 60 0 0 0 10\ncpu2 17 0 0 90 10 0 0 0", 1.0),  # stolen; waiting for a disk
        ("cpu0 100 20 0 50\ncpu2 7 0 20 90", 0.0),
    ],
)
def test_idle_processors(kernel, ticks, free):
    kernel(BEFORE, ticks)
    assert threads._free_processors() == pytest.approx(free)


def test_load_where_the_kernel_counts_nothing(kernel, monkeypatch):
    monkeypatch.setattr(os, "getloadavg", lambda: (1.5, 9.0, 9.0), raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    kernel(BEFORE, BEFORE)
    assert threads._free_processors() == 2.5
    monkeypatch.delattr(os, "sched_getaffinity")
    assert threads._free_processors() == 2.5
    monkeypatch.delattr(os, "getloadavg")
    assert threads._free_processors() == 4


IDLE = "cpu0 100 0 0 70\ncpu2 7 0 0 110"


@pytest.mark.parametrize(
    ("quota", "usage", "version", "free"),
    [
        # Others in the container used 0.1 s of 0.2 s.
        (("150000 100000",), ("usage_usec 5\nuser_usec 1", "usage_usec 100005"), 2, 1.0),
        (("max 100000",), ("usage_usec 5", "usage_usec 100005"), 2, 2.0),
        (("150000", "100000"), ("5", "100000005"), 1, 1.0),
        (("-1", "100000"), ("5", "100000005"), 1, 2.0),
        (("400000 100000",), ("usage_usec 5", "usage_usec 5"), 2, 2.0),
    ],
)
def test_quota_of_the_container(kernel, quota, usage, version, free):
    kernel(BEFORE, IDLE, quota, usage, version)
    assert threads._free_processors() == pytest.approx(free)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/stat")
def test_busy_processes_leave_nothing_free():
    busy = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"])
        for _ in os.sched_getaffinity(0)
    ]
    try:
        # They need a moment to start.
        assert any(free_threads() == 1 for _ in range(10))
    finally:
        for process in busy:
            process.kill()
            process.wait()
