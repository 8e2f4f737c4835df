import time
import tracemalloc

import numpy as np
import pytest

from benchmarks.speed import added_peak, time_by_turns


def test_every_other_turn_is_backwards_and_the_first_does_not_count():
    called = []
    runs = {name: (lambda name=name: called.append(name)) for name in "abc"}
    seconds = time_by_turns(runs, 3)
    assert "".join(called) == "cba" + "abc" + "cba" + "abc"
    assert list(seconds) == ["a", "b", "c"]
    assert {len(taken) for taken in seconds.values()} == {3}


def test_each_time_is_that_of_its_run(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])

    def takes(duration):
        def run():
            now[0] += duration

        return run

    seconds = time_by_turns({"short": takes(0.5), "long": takes(8.0)}, 2)
    assert seconds == {"short": (0.5, 0.5), "long": (8.0, 8.0)}


def test_the_peak_of_a_known_allocation():
    def call():
        freed = np.ones(3_000_000, dtype=np.uint8)
        kept = np.ones(1_000_000, dtype=np.uint8)
        del freed
        return kept

    assert added_peak(call) == pytest.approx(4_000_000, abs=10_000)
    assert not tracemalloc.is_tracing()


def test_what_is_returned_counts_and_what_was_there_before_does_not():
    before = np.ones(5_000_000, dtype=np.uint8)
    assert added_peak(lambda: np.ones(2_000_000, dtype=np.uint8)) == pytest.approx(
        2_000_000, abs=10_000
    )
    assert added_peak(lambda: before) < 10_000


def test_tracing_goes_on_where_it_was_on():
    tracemalloc.start()
    try:
        before = np.ones(5_000_000, dtype=np.uint8)
        assert added_peak(lambda: None) < 10_000
        assert tracemalloc.is_tracing()
        assert before.size == 5_000_000
    finally:
        tracemalloc.stop()
