import itertools

import numpy as np
import pytest

from skbudget.metrics._ranking import CountedRows, sorted_curve
from skbudget.model_selection._allocation import coverage_sizes, hull_steps, merged_order


def draw_segments(seed, n_segments=3, n_rows=10):
    rng = np.random.default_rng(seed)
    segments = []
    for number in range(n_segments):
        positive = rng.random(n_rows) < 0.4
        scores = np.round(rng.standard_normal(n_rows) + number * positive, 1)
        segments.append(
            (CountedRows(scores, None), CountedRows(scores[positive], rng.random(positive.sum())))
        )
    return segments


def caught_by(segments, sizes):
    cuts = [spenders.cut(size) for (spenders, _), size in zip(segments, sizes)]
    return sum(
        positives.counts[positives.scores > cut.threshold].sum()
        for (_, positives), cut in zip(segments, cuts)
    )


def best_by_trying_all(segments, size):
    best = 0.0
    points = [np.stack(sorted_curve(*segment), axis=1) for segment in segments]
    for chosen in itertools.product(*points):
        spent, caught = np.sum(chosen, axis=0)
        if spent <= size:
            best = max(best, caught)
    return best


@pytest.mark.parametrize("seed", range(8))
def test_greedy_is_best_wherever_a_step_of_the_hulls_ends(seed):
    segments = draw_segments(seed)
    curves = [sorted_curve(*segment) for segment in segments]
    slopes = np.unique(np.concatenate([hull_steps(curve)[1] for curve in curves]))
    sizes = [
        sum(widths[of >= slope].sum() for widths, of in map(hull_steps, curves))
        for slope in slopes[slopes > 0]
    ]
    for size in sizes:
        shared = coverage_sizes(curves, size)
        assert shared.sum() == pytest.approx(size)
        assert caught_by(segments, shared) == pytest.approx(best_by_trying_all(segments, size))


@pytest.mark.parametrize("seed", range(4))
def test_greedy_keeps_the_budget_and_beats_equal_shares_or_nearly(seed):
    segments = draw_segments(seed)
    curves = [sorted_curve(*segment) for segment in segments]
    for size in range(1, 31, 2):
        shared = coverage_sizes(curves, size)
        assert shared.sum() == pytest.approx(size)
        assert (shared <= 10 + 1e-9).all()
        # Short of the end of a step it may lack what the last step would have brought.
        assert caught_by(segments, shared) >= best_by_trying_all(segments, size) - 1.5


def test_hull_is_concave_and_above_the_curve():
    for spenders, positives in draw_segments(0):
        curve = sorted_curve(spenders, positives)
        widths, slopes = hull_steps(curve)
        assert (np.diff(slopes) <= 1e-12).all()
        hull = np.cumsum(widths * slopes)
        assert (hull >= curve.caught[1:] - 1e-9).all()
        assert hull[-1] == pytest.approx(curve.caught[-1])


def test_positives_above_every_negative_cost_nothing():
    curve = sorted_curve(
        CountedRows(np.array([0.0, 1.0]), None), CountedRows(np.array([2.0, 3.0, 0.5]), None)
    )
    widths, slopes = hull_steps(curve)
    assert widths.tolist() == [1.0, 1.0]
    assert slopes.tolist() == [1.0, 0.0]  # the two at the top are caught at no cost


def test_without_positives_shares_are_equal():
    nothing = CountedRows(np.zeros(0), None)
    curves = [sorted_curve(CountedRows(np.arange(float(n)), None), nothing) for n in (10, 30)]
    assert coverage_sizes(curves, 4.0).tolist() == [1.0, 3.0]


def test_what_catches_nothing_more_is_spent_on_all():
    caught_first = sorted_curve(
        CountedRows(np.arange(10.0), None), CountedRows(np.array([9.0]), None)
    )
    hopeless = sorted_curve(CountedRows(np.arange(11.0), None), CountedRows(np.zeros(0), None))
    assert coverage_sizes([caught_first, hopeless], 5.0) == pytest.approx([1 + 4 * 9 / 20, 2.2])


def test_each_beginning_of_the_list_is_shared_by_the_rates():
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 3, 600)
    scores = np.round(rng.standard_normal(600) * (1 + codes), 1)
    rates = np.array([0.02, 0.3, 0.1])
    order = merged_order(scores, codes, rates)
    assert sorted(order) == list(range(600))
    due = rates * np.bincount(codes)
    for length in (1, 10, 57, int(due.sum())):
        taken = np.bincount(codes[order[:length]], minlength=3)
        assert np.abs(taken - length * due / due.sum()).max() <= 1.0
    for code in range(3):
        own = order[codes[order] == code]
        expected = np.flatnonzero(codes == code)
        expected = expected[np.argsort(-scores[expected], kind="stable")]
        assert own.tolist() == expected.tolist()


def test_a_segment_without_budget_comes_last():
    codes = np.array([0, 1, 0, 1])
    order = merged_order(np.array([1.0, 9.0, 2.0, 8.0]), codes, np.array([0.5, 0.0]))
    assert order.tolist() == [2, 0, 1, 3]
