"""Passes in several threads give what one gives, in the same order."""

import threading
import time

import joblib
import numpy as np
import pytest

from skbudget import PAUCObjective
from skbudget._threads import MOST_THREADS, ROWS_PER_PART, run_parts, threads_for


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("n_rows", [0, 1, ROWS_PER_PART, 5 * ROWS_PER_PART + 7])
def test_parts_tile_the_rows_in_order(n_rows, threads):
    rows = np.arange(n_rows)
    parts = list(run_parts(lambda part: rows[part], n_rows, threads))
    np.testing.assert_array_equal(np.concatenate([[], *parts]), rows)
    assert all(len(part) <= ROWS_PER_PART for part in parts)


def test_parts_run_side_by_side_and_come_in_order():
    meeting = threading.Barrier(2, timeout=30)

    def work(part):
        # Alone a thread would wait here in vain; and the first part is the last to end.
        meeting.wait()
        time.sleep(0.05 if part.start == 0 else 0.0)
        return part.start

    assert list(run_parts(work, 2 * ROWS_PER_PART, 2)) == [0, ROWS_PER_PART]


def test_a_failure_in_a_thread_is_raised():
    def fail(part):
        raise MemoryError("no room")

    with pytest.raises(MemoryError, match="no room"):
        list(run_parts(fail, 3 * ROWS_PER_PART, 2))


@pytest.mark.parametrize(
    ("variable", "expected"), [("1", 1), ("2,1", 2), ("99", MOST_THREADS), ("0", None), ("x", None)]
)
def test_none_is_what_openmp_would_take(monkeypatch, variable, expected):
    monkeypatch.setenv("OMP_NUM_THREADS", variable)
    everything = min(joblib.cpu_count(), MOST_THREADS)
    assert threads_for(None) == (everything if expected is None else expected)


def test_negative_numbers_count_back_from_all_cores(monkeypatch):
    monkeypatch.setattr("skbudget._threads.cpu_count", lambda: 3)
    assert [threads_for(n_jobs) for n_jobs in (-1, -2, -3, -9, 2)] == [3, 2, 1, 1, 2]


@pytest.mark.parametrize("weighted", [False, True])
def test_an_objective_does_not_depend_on_threads(weighted):
    rng = np.random.default_rng(0)
    y = (rng.random(3 * ROWS_PER_PART + 11) < 0.1).astype(np.float32)
    scores = rng.normal(size=y.size) + y
    weight = rng.uniform(0.5, 2.0, y.size) if weighted else None
    one, three = (
        PAUCObjective(alpha=0, beta=1, n_jobs=n_jobs)(y, scores, weight) for n_jobs in (1, 3)
    )
    for of_one, of_three in zip(one, three):
        np.testing.assert_array_equal(of_one, of_three)


@pytest.mark.parametrize("n_jobs", [1.5, "all", True])
def test_the_number_of_threads_is_a_whole_number(n_jobs):
    with pytest.raises(ValueError, match="'n_jobs' parameter of PAUCObjective must be an int"):
        PAUCObjective(n_jobs=n_jobs)
