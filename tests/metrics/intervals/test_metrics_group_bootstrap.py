"""Intervals and the test over whole groups, against draws of rows and against simulation."""

import tracemalloc
from functools import partial

import numpy as np
import pytest
from scipy.stats import binom
from sklearn.metrics import roc_auc_score

from skbudget.metrics import (
    bootstrap_ci,
    coverage_at_budget_score,
    coverage_difference_test,
    group_coverage_score,
    ndcg_at_k_score,
    paired_bootstrap_ci,
    precision_at_k_score,
)
from skbudget.metrics._ranking import check_rows
from skbudget.metrics.intervals._group_resampling import GroupCells

CALLS = {"bootstrap_ci": bootstrap_ci, "paired_bootstrap_ci": paired_bootstrap_ci}


def clustered(seed, n_groups=60, spread=1.0, pos_rate=0.15):
    """Return customers with a common part of their scores and of their risk."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(n_groups), rng.integers(1, 9, n_groups))
    base = rng.normal(size=n_groups)[group] * spread
    y = (base + rng.logistic(size=group.size) > np.log(1 / pos_rate - 1)).astype(int)
    y[0], y[-1] = 1, 0
    score = np.round(y + 0.5 * base + rng.normal(size=group.size), 1)
    other = np.round(score + rng.normal(size=group.size), 1)
    shuffled = rng.permutation(group.size)
    return y[shuffled], score[shuffled], other[shuffled], group[shuffled]


def rows_of(counts, group):
    """Return the rows of groups that are drawn so often."""
    return np.repeat(np.arange(group.size), counts[group])


@pytest.mark.parametrize("basis", ["population", "fpr"])
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_coverage_of_a_draw_is_that_of_its_rows(basis, weighted):
    y, score, other, group = clustered(0)
    rng = np.random.default_rng(1)
    weight = rng.integers(1, 4, y.size).astype(float) if weighted else None
    value = rng.integers(1, 9, y.size).astype(float) if weighted else None
    budgets = np.array([0.02, 0.1, 0.5])
    rankings = [
        check_rows(y, one, sample_weight=weight, value=value, pos_label=None)
        for one in (score, other)
    ]
    cells = GroupCells.of(rankings, budgets, basis, group)
    n_groups = group.max() + 1
    counts = rng.multinomial(n_groups, np.full(n_groups, 1 / n_groups), size=30)
    found = cells.coverage(counts.astype(float))
    for number, count in enumerate(counts):
        rows = rows_of(count, group)
        more = {"sample_weight": weight[rows], "value": value[rows]} if weighted else {}
        for which, one in enumerate((score, other)):
            for column, budget in enumerate(budgets):
                wanted = coverage_at_budget_score(
                    y[rows], one[rows], budget=budget, basis=basis, **more
                )
                assert found[which, number, column] == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("basis", ["population", "fpr"])
def test_without_one_group(basis):
    y, score, _, group = clustered(2)
    rows = check_rows(y, score, sample_weight=None, value=None, pos_label=None)
    cells = GroupCells.of([rows], np.array([0.1]), basis, group, one_left_out=True)
    found = cells.leave_one_out()[0, :, 0]
    for one in range(group.max() + 1):
        kept = group != one
        wanted = coverage_at_budget_score(y[kept], score[kept], budget=0.1, basis=basis)
        assert found[one] == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("chunk", [1, 300])
def test_the_distribution_is_that_of_draws_of_rows(chunk, monkeypatch):
    y, score, _, group = clustered(3)
    from skbudget.metrics.intervals import _group_resampling

    monkeypatch.setattr(_group_resampling, "CHUNK_ENTRIES", chunk * 60)
    interval = bootstrap_ci(y, score, budget=0.1, group=group, n_resamples=3000, random_state=0)
    by_metric = bootstrap_ci(
        y,
        score,
        metric=partial(coverage_at_budget_score, budget=0.1),
        group=group,
        method="percentile",
        n_resamples=500,
        random_state=1,
    )
    assert interval.estimate == pytest.approx(by_metric.estimate)
    levels = [0.05, 0.25, 0.5, 0.75, 0.95]
    for level in levels:
        at = np.quantile(by_metric.distribution, level)
        assert abs(np.mean(interval.distribution <= at) - level) < 0.08


def test_groups_of_one_row_are_rows():
    y, score, other, _ = clustered(4, n_groups=200)
    each = np.arange(y.size)
    asked = {"budget": 0.1, "n_resamples": 4000, "random_state": 0}
    by_group = bootstrap_ci(y, score, group=each, **asked)
    by_row = bootstrap_ci(y, score, stratified=False, **asked)
    assert by_group.low == pytest.approx(by_row.low, abs=0.02)
    assert by_group.high == pytest.approx(by_row.high, abs=0.02)
    pair = [
        paired_bootstrap_ci(y, score, other, **asked, **more)
        for more in ({"group": each}, {"stratified": False})
    ]
    assert pair[0].standard_error == pytest.approx(pair[1].standard_error, rel=0.05)
    test = [
        coverage_difference_test(y, score, other, budget=0.1, random_state=0, **more)
        for more in ({"group": each}, {})
    ]
    assert test[0].pvalue == pytest.approx(test[1].pvalue, abs=0.02)
    assert test[0].difference == test[1].difference


def test_copies_of_rows_add_no_evidence():
    y, score, other, _ = clustered(5, n_groups=100)
    customer = np.repeat(np.arange(y.size), 4)
    four = [np.repeat(column, 4) for column in (y, score, other)]
    asked = {"budget": 0.1, "random_state": 0}
    once = bootstrap_ci(y, score, stratified=False, **asked)
    again = bootstrap_ci(four[0], four[1], group=customer, **asked)
    by_row = bootstrap_ci(four[0], four[1], stratified=False, **asked)
    assert again.standard_error == pytest.approx(once.standard_error, rel=0.05)
    assert by_row.standard_error < 0.6 * once.standard_error
    plain = coverage_difference_test(y, score, other, **asked).pvalue
    grouped = coverage_difference_test(*four, group=customer, **asked).pvalue
    assert grouped == pytest.approx(plain, abs=0.02)
    assert coverage_difference_test(*four, **asked).pvalue < plain


@pytest.mark.parametrize("basis", ["population", "fpr"])
def test_swaps_of_groups_against_swaps_of_rows(basis):
    y, score, other, group = clustered(6, n_groups=9)
    rankings = [
        check_rows(y, one, sample_weight=None, value=None, pos_label=None) for one in (score, other)
    ]
    cells = GroupCells.swappable(rankings, 0.2, basis, group)
    found = np.concatenate(list(cells.swap(4000, np.random.default_rng(0))))

    from scipy.stats import rankdata

    ranks = np.stack([rankdata(score), rankdata(other)])
    differences = []
    for code in range(2**9):
        swapped = (code >> group) & 1
        lists = [np.where(swapped == which, ranks[0], ranks[1]) for which in (0, 1)]
        first, second = (coverage_at_budget_score(y, one, budget=0.2, basis=basis) for one in lists)
        differences.append(first - second)
    levels = np.quantile(differences, [0.1, 0.3, 0.5, 0.7, 0.9])
    for level in levels:
        wanted = np.mean(np.array(differences) <= level + 1e-9)
        assert abs(np.mean(found <= level + 1e-9) - wanted) < 0.03


# --- metrics of groups -----------------------------------------------------------------------


@pytest.mark.parametrize("method", ["percentile", "BCa"])
def test_parts_give_what_calls_give(method):
    y, score, other, group = clustered(7, n_groups=40)
    asked = {"group": group, "n_resamples": 60, "method": method, "random_state": 0}
    metrics = [
        partial(ndcg_at_k_score, k=3),
        partial(precision_at_k_score, k=3, empty_groups="zero"),
        partial(group_coverage_score, k=2),
        partial(group_coverage_score, budget=0.2),
    ]
    for metric in metrics:
        slow = lambda y_true, y_score, group, metric=metric: metric(y_true, y_score, group=group)  # noqa: E731
        ours, theirs = (bootstrap_ci(y, score, metric=one, **asked) for one in (metric, slow))
        assert ours.distribution == pytest.approx(theirs.distribution, abs=1e-9)
        assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)
        pair = [paired_bootstrap_ci(y, score, other, metric=one, **asked) for one in (metric, slow)]
        assert pair[0].estimate == pytest.approx(pair[1].estimate)
        assert pair[0].distribution == pytest.approx(pair[1].distribution, abs=1e-9)


def test_a_metric_without_groups_gets_none():
    y, score, _, group = clustered(8)
    interval = bootstrap_ci(
        y, score, metric=roc_auc_score, group=group, method="percentile", n_resamples=100,
        random_state=0,
    )  # fmt: skip
    assert interval.low < interval.estimate < interval.high


def test_graded_labels_need_no_two_classes():
    rng = np.random.default_rng(9)
    y, score, group = rng.integers(0, 5, 90), rng.normal(size=90), np.arange(90) // 6
    found = bootstrap_ci(
        y, score, metric=partial(ndcg_at_k_score, k=3), group=group, n_resamples=200, random_state=0
    )
    assert 0 < found.low < found.estimate < found.high < 1


def test_weights_of_zero_leave_no_group():
    y, score, _, group = clustered(10)
    weight = (group > 2).astype(float)
    asked = {"budget": 0.1, "n_resamples": 200, "random_state": 0}
    found = bootstrap_ci(y, score, group=group, sample_weight=weight, **asked)
    kept = group > 2
    wanted = bootstrap_ci(y[kept], score[kept], group=group[kept], **asked)
    assert found.distribution == pytest.approx(wanted.distribution)


@pytest.mark.parametrize("name", CALLS)
def test_one_group_is_refused(name):
    y, score, other, _ = clustered(11)
    scores = [score] if name == "bootstrap_ci" else [score, other]
    for more in ({"budget": 0.1}, {"metric": roc_auc_score}):
        with pytest.raises(ValueError, match="group holds"):
            CALLS[name](y, *scores, group=np.zeros(y.size), **more)
    with pytest.raises(ValueError, match="group must have one entry per sample"):
        CALLS[name](y, *scores, group=[1, 2], budget=0.1)


def test_all_caught_is_uncertain_by_the_number_of_groups():
    y = np.tile([1, 1, 1, 1, 0, 0, 0, 0], 6)
    group = np.repeat(np.arange(6), 8)
    with pytest.warns(UserWarning, match="closed form"):
        found = bootstrap_ci(y, y, budget=0.6, group=group, n_resamples=50, random_state=0)
    # Wilson's interval of 6 of 6, not of 24 of 24.
    assert found.low == pytest.approx(6 / (6 + 1.959964**2), abs=1e-6)


# --- do intervals hold? ----------------------------------------------------------------------


def hold(n_groups, n_tables, seed, **more):
    """Return the share of intervals that hold the truth: by group, and by row."""
    truth = np.mean([coverage_of(seed + 10_000 + one, 4000, **more) for one in range(6)])
    held = np.zeros(2)
    for table in range(n_tables):
        y, score, _, group = clustered(seed + table, n_groups, 2.0)
        for which, given in enumerate(({"group": group}, {"stratified": False})):
            interval = bootstrap_ci(
                y, score, budget=0.1, n_resamples=400, method="percentile", random_state=table,
                **given,
            )  # fmt: skip
            held[which] += interval.low <= truth <= interval.high
    return held / n_tables


def coverage_of(seed, n_groups):
    y, score, _, _ = clustered(seed, n_groups, 2.0)
    return coverage_at_budget_score(y, score, budget=0.1)


def test_intervals_over_groups_hold_and_those_over_rows_do_not():
    by_group, by_row = hold(80, 40, 100)
    assert binom.cdf(round(by_group * 40), 40, 0.95) > 1e-3
    assert by_row < by_group


@pytest.mark.slow
@pytest.mark.parametrize("n_groups", [40, 100, 300])
def test_intervals_over_groups_hold_at_their_level(n_groups):
    by_group, by_row = hold(n_groups, 500, 1000 * n_groups)
    print(f"{n_groups} groups: {by_group:.3f} over groups, {by_row:.3f} over rows")
    assert 0.91 < by_group < 0.985


def test_memory_is_bounded():
    rng = np.random.default_rng(12)
    group = rng.integers(0, 8_000, 40_000)
    y, score = rng.random(40_000) < 0.02, rng.normal(size=40_000)
    tracemalloc.start()
    try:
        bootstrap_ci(y, score, budget=0.05, group=group, n_resamples=500, random_state=0)
        bootstrap_ci(
            y, score, metric=partial(precision_at_k_score, k=2, empty_groups="zero"), group=group,
            n_resamples=500, method="percentile", random_state=0,
        )  # fmt: skip
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # 500 resamples of 8 000 groups are 32 MB by themselves.
    assert peak < 150e6
