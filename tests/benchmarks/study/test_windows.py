"""Tables that are split by time: where the windows lie, and intervals that know their overlap."""

import math

import numpy as np
import pytest
from scipy.stats import t
from tables_cases import by_name
from test_summary import measures

from benchmarks.study import Summary
from benchmarks.study._real import _split_by_time
from benchmarks.study._table import BY_TIME, ratio_of_group
from benchmarks.study._windows import overlaps, place_of_window, ratio_of_windows
from skbudget.cli import t_interval


@pytest.fixture(autouse=True)
def _no_folder_of_the_users(monkeypatch):
    monkeypatch.delenv("SKBUDGET_DATA", raising=False)


def coverage(differences, ratio):
    """Return how often a 95 % interval of rows of differences holds 0."""
    n = differences.shape[1]
    spread = differences.std(axis=1, ddof=1) * math.sqrt(1 / n + ratio)
    return np.mean(np.abs(differences.mean(axis=1)) <= t.ppf(0.975, n - 1) * spread)


@pytest.mark.parametrize("n_seeds", [2, 5, 8])
def test_an_interval_over_windows_holds_the_truth_as_often_as_it_says(tmp_path, n_seeds):
    n_rows, n_repeats = 500, 8_000
    rng = np.random.default_rng(0)
    np.savez(
        tmp_path / "dated.npz",
        X=rng.normal(size=(n_rows, 3)), y=np.arange(n_rows) % 5 == 0, time=np.arange(n_rows),
    )  # fmt: skip
    table = by_name(str(tmp_path))["dated"]
    tested = np.zeros((n_rows, n_seeds))
    for seed in range(n_seeds):
        rows = _split_by_time(n_rows, seed)[2]
        tested[rows, seed] = 1 / rows.size
    # Two fixed models that are equally good: their difference by row, and its means by seed.
    means = rng.normal(size=(n_repeats, n_rows)) @ tested
    found = coverage(means, table.test_train_ratio(range(n_seeds)))
    assert found == pytest.approx(0.95, abs=0.01)
    # With the ratio of random splits it is 81 % for five seeds, and 75 % for eight.
    assert n_seeds == 2 or coverage(means, 1 / 3) < 0.85


def test_the_overlap_is_that_of_the_rows():
    seeds = range(8)
    rows = [_split_by_time(100_000, seed)[2] for seed in seeds]
    found = [[np.intersect1d(one, two).size / one.size for two in rows] for one in rows]
    np.testing.assert_allclose(overlaps(seeds), found, atol=1e-3)
    pairs = ~np.eye(5, dtype=bool)
    assert overlaps(range(5))[pairs].mean() == pytest.approx(0.53, abs=0.005)


def test_places_cover_the_range():
    assert [place_of_window(seed) for seed in range(6)] == [0, 0.5, 0.25, 0.75, 0.125, 0.625]


def test_ratios_of_windows():
    # For two seeds it is that of equally correlated figures, overlap / (1 - overlap).
    assert ratio_of_windows((0, 1)) == pytest.approx(0.375 / 0.625, abs=1e-4)
    assert ratio_of_windows((0, 512)) == pytest.approx(1024 / 1.25 - 1, rel=1e-4)
    assert ratio_of_windows((0, 7)) == 0.0  # these share no test row
    assert ratio_of_windows((3,)) == ratio_of_windows(()) == 0.0
    ratios = [ratio_of_windows(tuple(range(n))) for n in (3, 5, 8, 16, 64)]
    assert ratios == pytest.approx([1.573, 1.514, 1.644, 2.027, 2.399], abs=2e-3)


@pytest.mark.parametrize("group", ["real", "few positives"])
def test_a_group_by_time_corrects_by_the_windows_of_its_seeds(group):
    by_time = BY_TIME[group]
    assert ratio_of_group(group, range(5)) == 1 / 3
    assert ratio_of_group(by_time, [4, 0, 1]) == ratio_of_windows((0, 1, 4))
    found = measures({"ours": [0.5, 0.7, 0.6], "peer": [0.4, None, 0.3]}, group=by_time)
    (cell,) = Summary.from_measures(found).cells
    expected = t_interval([0.1, 0.3], test_train_ratio=ratio_of_windows((0, 2)))
    difference = cell.difference("ours", "peer")
    assert difference.half_width == pytest.approx(expected.half_width)
    ratio = ratio_of_windows((0, 1, 2))
    assert cell.mean("ours") == t_interval([0.5, 0.7, 0.6], test_train_ratio=ratio)
