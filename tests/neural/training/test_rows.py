"""Tables as batches, batches that no class is missing from, folds by content."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")
sp = pytest.importorskip("scipy.sparse")

from skbudget.neural.training._rows import (
    BalancedBatches,
    Batches,
    GroupBatches,
    TableDataset,
    content_folds,
    group_folds,
    group_sample,
    rarest_class_sample,
    stratified_sample,
)

torch.set_num_threads(1)


def rows_of(y, **about):
    """Rows whose only feature is their number."""
    y = np.asarray(y, dtype=np.int64)
    return TableDataset(np.arange(y.size, dtype=np.float32)[:, None], y=y, **about)


def numbers(batch):
    return batch[0][:, 0].long().numpy()


def balanced(y, batch_size, seed=0, **about):
    return BalancedBatches(rows_of(y, **about), batch_size, np.random.RandomState(seed))


# --- TableDataset ---------------------------------------------------------------------


@pytest.mark.parametrize("convert", [sp.csr_matrix, sp.csr_array])
def test_csr_rows_are_those_of_the_dense_table(convert):
    X = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    X[X < 0] = 0
    y, weight = np.arange(20) % 2, np.arange(20.0)
    dense = TableDataset(X, y=y, weight=weight, iid_mask=None)
    sparse = TableDataset(convert(X), y=y, weight=weight, iid_mask=None)
    assert len(dense) == len(sparse) == 20
    assert set(dense.about) == {"y", "weight"}
    for which in (slice(3, 9), np.array([5, 5, 0])):
        (a, about), (b, same) = dense[which], sparse[which]
        assert torch.equal(a, b)
        np.testing.assert_array_equal(a.numpy(), X[which])
        np.testing.assert_array_equal(about["weight"], weight[which])
        assert all(torch.equal(about[name], same[name]) for name in about)


def test_batches_in_order_of_the_rows():
    batches = Batches(rows_of(np.zeros(10)), 4)
    assert len(batches) == 3
    assert [numbers(batch).tolist() for batch in batches] == [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [8, 9],
    ]


# --- BalancedBatches ----------------------------------------------------------


@pytest.mark.parametrize(("n", "batch_size"), [(100, 10), (101, 10), (7, 3), (5, 100), (64, 64)])
def test_a_pass_shows_every_row_once(n, batch_size):
    y = np.arange(n) % 3 == 0
    passed = list(balanced(y, batch_size))
    assert len(passed) == len(balanced(y, batch_size)) == -(-n // batch_size)
    np.testing.assert_array_equal(np.sort(np.concatenate([numbers(b) for b in passed])), range(n))


def test_batches_are_of_equal_size_and_share_the_classes():
    y = np.repeat([0, 1, 2], [700, 200, 37])
    for _ in range(3):
        counts = np.array([np.bincount(b[1]["y"], minlength=3) for b in balanced(y, 100, seed=_)])
        assert (np.ptp(counts, axis=0) <= 1).all()
        # Three classes, so a batch is at most so much fuller than another.
        assert np.ptp(counts.sum(axis=1)) <= 3


def test_only_classes_rarer_than_batches_are_drawn_again():
    y = np.repeat([0, 1], [997, 3])
    batches = balanced(y, 100)
    shown = [numbers(batch) for batch in batches]
    assert len(shown) == 10
    assert [int((y[batch] == 1).sum()) for batch in shown] == [1] * 10
    times = np.bincount(np.concatenate(shown), minlength=1000)
    assert (times[:997] == 1).all()
    assert (times[997:] >= 1).all()
    assert times.sum() == 997 + 10


def test_order_within_a_batch_is_random():
    """A queue that keeps the end of a batch must not get its positives."""
    y = np.repeat([0, 1], [900, 100])
    places = [np.flatnonzero(batch[1]["y"].numpy() == 1) for batch in balanced(y, 100)]
    assert all(place.size == 10 for place in places)
    assert 35 < np.mean(places) < 65
    assert np.ptp(np.concatenate(places)) > 80


def test_passes_differ_and_are_reproducible():
    y = np.arange(60) % 2
    batches, same = balanced(y, 10), balanced(y, 10)
    first, second = ([numbers(b).tolist() for b in batches] for _ in range(2))
    assert first != second
    assert first == [numbers(b).tolist() for b in same]
    assert second == [numbers(b).tolist() for b in same]
    assert first != [numbers(b).tolist() for b in balanced(y, 10, seed=1)]


def test_what_is_known_of_a_row_stays_with_it():
    weight = np.arange(50.0)
    for X, about in balanced(np.arange(50) % 2, 8, weight=weight, iid_mask=weight > 20):
        np.testing.assert_array_equal(about["weight"], X[:, 0])
        np.testing.assert_array_equal(about["iid_mask"], X[:, 0] > 20)
        np.testing.assert_array_equal(about["y"], X[:, 0] % 2)


def test_rows_with_numbers_are_one_class():
    y = np.random.default_rng(0).normal(size=50).astype(np.float32)
    rows = TableDataset(np.arange(50, dtype=np.float32)[:, None], y=y)
    batches = BalancedBatches(rows, 20, np.random.RandomState(0))
    shown = [numbers(batch) for batch in batches]
    assert sorted(part.size for part in shown) == [16, 17, 17]
    np.testing.assert_array_equal(np.sort(np.concatenate(shown)), range(50))


# --- GroupBatches -------------------------------------------------------------


def grouped(group, batch_size, seed=0):
    group = np.asarray(group)
    rows = rows_of(np.zeros(group.size), group=group)
    return GroupBatches(rows, batch_size, np.random.RandomState(seed))


def test_a_batch_holds_whole_groups_and_a_pass_every_row_once():
    rng = np.random.default_rng(0)
    group = rng.integers(0, 100, 1000)
    batches = grouped(group, 130)
    for _ in range(3):
        shown = [numbers(batch) for batch in batches]
        assert len(shown) == len(batches) == 8
        np.testing.assert_array_equal(np.sort(np.concatenate(shown)), range(1000))
        groups = [set(group[part]) for part in shown]
        assert sum(map(len, groups)) == np.unique(group).size
        assert all(100 < part.size < 150 for part in shown)


def test_passes_over_groups_differ_and_are_reproducible():
    group = np.repeat(np.arange(40), 3)
    batches, same, other = grouped(group, 20), grouped(group, 20), grouped(group, 20, seed=1)
    first, second = ([numbers(b).tolist() for b in batches] for _ in range(2))
    assert first != second
    assert first == [numbers(b).tolist() for b in same]
    assert first != [numbers(b).tolist() for b in other]


@pytest.mark.parametrize("sizes", [[50], [50, 1, 1, 1], [1, 30, 2, 40, 1], [7] * 9])
def test_groups_larger_than_a_batch(sizes):
    group = np.repeat(np.arange(len(sizes)), sizes)
    batches = grouped(group, 10)
    assert 1 <= len(batches) <= len(sizes)
    for _ in range(5):
        shown = [numbers(batch) for batch in batches]
        assert 1 <= len(shown) <= len(batches)
        np.testing.assert_array_equal(np.sort(np.concatenate(shown)), range(group.size))
        assert sum(np.unique(group[part]).size for part in shown) == len(sizes)


@pytest.mark.parametrize("fraction", [0.001, 0.3, 0.999])
def test_group_sample_takes_whole_groups_and_neither_none_nor_all(fraction):
    group = np.random.default_rng(0).integers(5, 25, 300)
    drawn = group_sample(group, fraction, np.random.RandomState(0))
    inside, outside = set(group[drawn]), set(group[~drawn])
    assert not inside & outside
    assert len(inside) == min(max(round(fraction * 20), 1), 19)


# --- folds --------------------------------------------------------------------


def folds_of(X, y, n_folds=4, seed=0):
    return content_folds(X, np.asarray(y), n_folds, np.random.RandomState(seed))


def table(n=400, d=5, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)).astype(np.float32), (rng.random(n) < 0.3).astype(np.int64)


@pytest.mark.parametrize("d", [1, 3, 7, 20, 33])
@pytest.mark.parametrize("convert", [np.asarray, sp.csr_matrix])
def test_equal_rows_share_a_fold_wherever_they_stand(d, convert):
    X, y = table(101, d)
    n_times = 1 + np.arange(101) % 4
    order = np.random.default_rng(1).permutation(n_times.sum())
    once = folds_of(convert(X), y)
    repeated = folds_of(convert(np.repeat(X, n_times, axis=0)[order]), np.repeat(y, n_times)[order])
    np.testing.assert_array_equal(repeated, np.repeat(once, n_times)[order])


def test_folds_are_stratified():
    X, y = table(2000)
    folds = folds_of(X, y)
    assert set(folds) == {-1, 0, 1, 2, 3}
    for label in (0, 1):
        mine = folds[y == label]
        # A twentieth in each of four folds.
        assert np.mean(mine >= 0) == pytest.approx(0.2, abs=1e-3)
        sizes = np.bincount(mine[mine >= 0])
        assert sizes.size == 4
        assert np.ptp(sizes) <= 1


def test_rare_classes_have_more_of_their_rows_in_folds():
    X, _ = table(500)
    for n_rare, n_held in ((100, 30), (200, 50), (499, 100), (20, 20), (2, 2)):
        y = (np.arange(500) < n_rare).astype(int)
        folds = folds_of(X, y)
        assert np.count_nonzero(folds[y == 1] >= 0) == n_held
        # Every member is trained on some of them.
        assert all((folds[y == 1] != number).any() for number in range(4))


def test_a_class_of_one_distinct_row_is_in_no_fold():
    X, _ = table(50)
    X[:3] = X[0]
    y = (np.arange(50) < 3).astype(int)
    folds = folds_of(X, y)
    assert (folds[:3] == -1).all()
    assert (folds[3:] >= 0).any()


def test_negative_zero_is_zero():
    X = np.zeros((6, 2), dtype=np.float32)
    X[::2] = -0.0
    X[3:, 1] = 1.0
    folds = folds_of(X, np.zeros(6, dtype=int), n_folds=2)
    assert np.unique(folds[:3]).size == np.unique(folds[3:]).size == 1
    assert folds[0] != folds[3]


@pytest.mark.parametrize("fraction", [0.001, 0.1, 0.5, 0.999])
def test_stratified_sample_never_takes_none_or_all_of_a_class(fraction):
    y = np.repeat([0, 1, 2], [1000, 2, 3])
    drawn = stratified_sample(y, fraction, np.random.RandomState(0))
    share = np.bincount(y, drawn) / np.bincount(y)
    assert share[0] == pytest.approx(fraction, abs=1e-9)
    assert ((share > 0) & (share < 1)).all()


# --- folds of groups --------------------------------------------------------------------


@pytest.mark.parametrize("n_folds", [2, 8])
def test_folds_of_groups_hold_whole_groups_of_every_class(n_folds):
    rng = np.random.default_rng(0)
    groups = rng.permutation(np.repeat(np.arange(200), 5))
    y = ((groups < 20) & (rng.random(1000) < 0.6)).astype(int)
    folds = group_folds(y, groups, n_folds, np.random.RandomState(0))
    of_group = [np.unique(folds[groups == one]) for one in range(200)]
    assert all(one.size == 1 for one in of_group)
    of_group = np.concatenate(of_group)
    # All of the twenty groups with positives, and a quarter of the others.
    assert np.count_nonzero(of_group[:20] >= 0) == 20
    assert np.count_nonzero(of_group[20:] >= 0) == 45
    assert set(of_group[:20].tolist()) == set(range(n_folds))


def test_a_sample_of_groups_has_its_share_of_those_with_positives():
    groups = np.repeat(np.arange(100), 3)
    y = (groups < 10).astype(int)
    drawn = rarest_class_sample(y, groups, 0.2, np.random.RandomState(0))
    assert [np.unique(groups[drawn & (y == one)]).size for one in (0, 1)] == [18, 2]
    assert drawn.sum() == 60
