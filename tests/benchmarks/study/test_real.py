"""Tables of the study with real rows: few positives, and what is implanted."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.tree import DecisionTreeClassifier
from tables_cases import by_name, lattice_table, save_lattice, sizes

from benchmarks.study._real import ImplantedDraw, implant, signal_columns
from benchmarks.study._sources import Source, read_source
from skbudget.datasets import make_contested_top


@pytest.fixture(autouse=True)
def _no_folder_of_the_users(monkeypatch):
    monkeypatch.delenv("SKBUDGET_DATA", raising=False)


def test_few_positives():
    tables = by_name()
    few, real = tables["few-mammography"].draw(2), tables["mammography"].draw(2)
    assert sizes(real) == [(6_709, 156), (2_237, 52), (2_237, 52)]
    assert sizes(few) == [(6_709 - 126, 30), (2_237 - 42, 10), (2_237, 52)]
    np.testing.assert_array_equal(few.X_test, real.X_test)
    np.testing.assert_array_equal(few.X_train[few.y_train == 0], real.X_train[real.y_train == 0])
    ours = {tuple(row) for row in few.X_train[few.y_train == 1]}
    assert ours <= {tuple(row) for row in real.X_train[real.y_train == 1]}


def test_few_positives_need_a_hundred(tmp_path):
    save_lattice(tmp_path, "with99", n_rows=2_000, n_positives=99)
    save_lattice(tmp_path, "with100", n_rows=2_000, n_positives=100)
    tables = by_name(str(tmp_path))
    assert "few-with99" not in tables
    assert sizes(tables["few-with100"].draw(0)) == [(1_170, 30), (390, 10), (400, 20)]


# --- split by time ----------------------------------------------------------------------


def save_ordered(folder, name="ordered", n_rows=1_000, y=None):
    """Save a table whose first column counts the rows in the order of time."""
    rng = np.random.RandomState(0)
    if y is None:
        y = np.arange(n_rows) % 10 == 0
    X = np.column_stack([np.arange(n_rows), rng.normal(size=(n_rows, 2))])
    mixed = rng.permutation(n_rows)
    np.savez(folder / f"{name}.npz", X=X[mixed], y=y[mixed].astype(int), time=mixed / 7.0)
    return y


def numbers(draw):
    return [X[:, 0].astype(int) for X in (draw.X_train, draw.X_valid, draw.X_test)]


def test_the_parts_of_a_split_by_time_follow_each_other(tmp_path):
    y = save_ordered(tmp_path)
    table = by_name(str(tmp_path))["ordered"]
    assert table.about == "1000 rows, 100 positive, 3 features; ordered.npz, split by time"
    starts = []
    for seed in range(9):
        draw = table.draw(seed)
        rows = np.concatenate(numbers(draw))
        starts.append(int(rows[0]))
        np.testing.assert_array_equal(rows, np.arange(starts[-1], starts[-1] + 800))
        assert [rows for rows, _ in sizes(draw)] == [480, 160, 160]
        for part, labels in zip(numbers(draw), (draw.y_train, draw.y_valid, draw.y_test)):
            np.testing.assert_array_equal(labels, y[part])
    # The first seed is tested on the latest rows, and the next ones halve what is left.
    assert starts == [200, 100, 150, 50, 175, 75, 125, 25, 188]


def test_every_seed_has_a_cut_of_its_own(tmp_path):
    save_ordered(tmp_path, n_rows=4_000)
    table = by_name(str(tmp_path))["ordered"]
    starts = [numbers(table.draw(seed))[0][0] for seed in range(40)]
    assert len(set(starts)) == 40
    assert (np.diff(sorted(starts)) < 60).all()
    assert (min(starts) < 60, max(starts)) == (True, 800)


def test_a_quick_sample_keeps_the_order_of_time(tmp_path):
    y = np.arange(40_000) % 4_000 < 3  # 30 positives, in ten bursts
    save_ordered(tmp_path, n_rows=40_000, y=y)
    quick, full = (by_name(str(tmp_path), quick=flag)["ordered"].draw(1) for flag in (True, False))
    assert [rows for rows, _ in sizes(quick)] == [7_200, 2_400, 2_400]
    for rows, all_rows, labels in zip(
        numbers(quick), numbers(full), (quick.y_train, quick.y_valid)
    ):
        assert (np.diff(rows) > 0).all()
        assert set(rows) <= set(all_rows)
        np.testing.assert_array_equal(labels, y[rows])
    assert [positives for _, positives in sizes(quick)] == [6, 2, 2]
    again = by_name(str(tmp_path), quick=True)["ordered"].draw(1)
    np.testing.assert_array_equal(again.X_train, quick.X_train)


def test_few_positives_are_split_by_time_too(tmp_path):
    save_ordered(tmp_path, n_rows=2_000)
    tables = by_name(str(tmp_path))
    few, real = tables["few-ordered"].draw(0), tables["ordered"].draw(0)
    assert sizes(real) == [(960, 96), (320, 32), (320, 32)]
    assert sizes(few) == [(960 - 66, 30), (320 - 22, 10), (320, 32)]
    for one, other in zip(numbers(few), numbers(real)):
        assert (np.diff(one) > 0).all()
        assert set(one) <= set(other)
    # Most positives are late, and fewer than 30 are in the training rows of an early seed.
    row = np.arange(2_000)
    y = np.where(row < 900, row % 100 == 0, row % 5 == 0)
    save_ordered(tmp_path, "late", n_rows=2_000, y=y)
    assert "late" in by_name(str(tmp_path))
    assert "few-late" not in by_name(str(tmp_path))


@pytest.mark.parametrize(("positive", "message"), [
    (np.arange(1_000) < 100, r"0 positives among the training rows"),
    (np.arange(1_000) < 300, r"0 positives among the validation rows"),
    ((np.arange(1_000) % 10 == 0) & (np.arange(1_000) < 850), r"1 positives among the test rows"),
    (np.maximum(np.arange(1_000), 600) % 2 == 0, r"0 negatives among the training rows"),
], ids=["early", "no later", "none at the end", "negatives"])  # fmt: skip
def test_a_part_without_positives_is_refused_before_any_work(tmp_path, positive, message):
    save_ordered(tmp_path, y=positive)
    with pytest.raises(ValueError, match=rf"^ordered\.npz is split by its array time.* {message}"):
        by_name(str(tmp_path))


def test_an_implant_is_split_at_random(tmp_path):
    rng = np.random.RandomState(0)
    X = np.column_stack([np.arange(2_000), rng.normal(size=(2_000, 7))])
    np.savez(tmp_path / "wide.npz", X=X, y=np.arange(2_000) % 10 == 0, time=np.arange(2_000))
    draw = by_name(str(tmp_path))["implanted-wide"].draw(0)
    assert draw.X_test.shape[0] == 360


# --- implanted --------------------------------------------------------------------------


def implanted(source, n_seeds=4):
    """Return rows and roles of several seeds, and the easy and the cue columns."""
    draws = [implant(source, seed, None) for seed in range(n_seeds)]
    X, roles = (np.concatenate(part) for part in zip(*draws))
    return X, roles, *signal_columns(source)


@pytest.fixture(params=["mammography", "lattice", "binary"])
def source(request, tmp_path):
    if request.param == "mammography":
        return Source("mammography")
    X, y = lattice_table()
    if request.param == "binary":
        rng = np.random.RandomState(1)
        X = (rng.uniform(size=(len(y), 9)) < np.linspace(0.05, 0.9, 9)).astype(np.int8)
    path = tmp_path / "table.npz"
    np.savez(path, X=X, y=y)
    return Source("table", str(path))


def test_implanted_roles_and_rows(source):
    data = read_source(source)
    n_base = int((data.y == 0).sum())
    X, roles = implant(source, 0, None)
    easy, cue = signal_columns(source)
    assert len(easy) == 3
    assert len(cue) == 2
    assert len({*easy, *cue}) == 5
    positives, decoys = np.count_nonzero(roles == 1), np.count_nonzero(roles == 2)
    assert positives == round(0.01 * n_base)
    assert decoys == pytest.approx(0.04 * n_base, abs=2)
    # The rows are the negatives of the base in their order. Columns without signal are
    # unchanged, and columns with signal keep their order over the bulk.
    base = data.X[data.y == 0]
    others = np.setdiff1d(np.arange(X.shape[1]), [*easy, *cue])
    np.testing.assert_array_equal(X[:, others], base[:, others])
    bulk = roles == 0
    for column in (*easy, *cue):
        order = np.argsort(X[bulk, column])
        assert (np.diff(base[bulk, column][order]) >= 0).all()

    draw = ImplantedDraw(source, None)(0)
    assert sum(positive for _, positive in sizes(draw)) == positives
    rows = [rows for rows, _ in sizes(draw)]
    np.testing.assert_allclose(rows, np.array([0.6, 0.2, 0.2]) * n_base, atol=1)
    for _, positive in sizes(draw)[1:]:
        assert positive == pytest.approx(0.2 * positives, abs=1)


def test_signal_columns_are_chosen_by_distinct_values(tmp_path):
    # In mammography they number 5435, 883, 160, 2800, 1739 and 550.
    columns = signal_columns(Source("mammography"))
    assert columns == ([0, 3, 4], [1, 5])
    # A constant column cannot be used, and neither can one that is missing in many rows.
    X, y = save_lattice(tmp_path)
    X[::10, 4] = np.nan
    np.savez(tmp_path / "table.npz", X=X, y=y)
    easy, cue = signal_columns(Source("table", str(tmp_path / "table.npz")))
    assert (easy, cue) == ([6, 2, 3], [5, 0])
    # Labels do not matter.
    y[:100] = 1 - y[:100]
    np.savez(tmp_path / "other.npz", X=X, y=y)
    other = signal_columns(Source("other", str(tmp_path / "other.npz")))
    assert other == (easy, cue)


def test_lattice_does_not_identify_shifted_rows(source):
    X, roles, easy, cue = implanted(source, n_seeds=1)
    for column in (*easy, *cue):
        values = X[:, column]
        assert np.unique(values).size == values.size
        for step in (0.01, 0.1):
            rest = np.mod(values / step, 1.0)
            assert stats.ks_2samp(rest[roles == 0], rest[roles == 2]).pvalue > 1e-3
            assert stats.ks_2samp(rest[roles != 1], rest[roles == 1]).pvalue > 1e-3


def test_shifts_have_their_size_in_standard_deviations(source):
    X, roles, easy, cue = implanted(source)
    for column in (*easy, *cue):
        assert X[roles == 0, column].std() == pytest.approx(1.0, abs=0.03)
        # This is less precise if a role has few rows. Mammography has 109 positives.
        raised = X[np.isin(roles, [1, 2]), column].mean()
        assert raised == pytest.approx(2.5 if column in easy else 0.0, abs=0.15)
        if column in cue:
            assert (X[roles == 1, column] ** 2).mean() == pytest.approx(1 + 1.7**2, rel=0.15)


def test_only_the_cue_tells_positives_from_decoys(source):
    X, roles, _easy, cue = implanted(source, n_seeds=6)
    contested = np.isin(roles, [1, 2])
    X, y = X[contested], roles[contested] == 1
    for column in X.T:
        assert 0.45 < roc_auc_score(y, column) < 0.55
    assert roc_auc_score(y, X[:, cue[0]] * X[:, cue[1]]) > 0.8


def test_single_cue_columns_tell_no_more_than_the_design_has_them(source):
    # The distance from the middle of one cue column is informative in the generated table,
    # too. A group of equal values or the end of a column would reveal the positives.
    def alone(X, roles, column):
        contested = np.isin(roles, [1, 2])
        y = roles[contested] == 1
        tree = DecisionTreeClassifier(max_leaf_nodes=32, min_samples_leaf=10, random_state=0)
        scores = cross_val_predict(tree, X[contested][:, [column]], y, cv=5, method="predict_proba")
        return roc_auc_score(y, scores[:, 1])

    X, _, roles = make_contested_top(
        40_000, pos_rate=0.01, decoy_frac=0.04, random_state=0, return_roles=True
    )
    design = alone(X, roles, 5)
    X, roles, _, cue = implanted(source)
    others = X[roles != 1]
    for column in cue:
        assert alone(X, roles, column) < design + 0.08
        positives = X[roles == 1, column]
        outside = (positives < others[:, column].min()) | (positives > others[:, column].max())
        assert outside.mean() < 0.05


def test_narrow_and_short_tables_get_no_implant(tmp_path):
    X, y = lattice_table()
    np.savez(tmp_path / "narrow.npz", X=X[:, :7], y=y)
    np.savez(tmp_path / "wide.npz", X=X[:, :8], y=y)  # column 7 is constant
    np.savez(tmp_path / "enough.npz", X=X[:, [0, 1, 2, 3, 4, 5, 8]], y=y)
    np.savez(tmp_path / "six.npz", X=X[:, :6], y=y)
    X, y = lattice_table(n_rows=999)
    np.savez(tmp_path / "short.npz", X=X, y=y)
    names = [name for name in by_name(str(tmp_path)) if name.startswith("implanted")]
    assert names == [f"implanted-{name}" for name in ("mammography", "enough", "narrow", "wide")]
