"""The tables of the study: what a draw holds, what is implanted, and how files are read."""

import pickle

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.tree import DecisionTreeClassifier

from benchmarks.study import _tables
from benchmarks.study._table import ratio_of_group
from benchmarks.study._tables import find_study_tables, study_tables
from skbudget.datasets import bayes_contested_top_score, load_mammography, make_contested_top

QUICK = [
    "mammography",
    "contested-product",
    "contested-linear",
    "hard-bulk-flipped",
    "implanted-mammography",
    "few-mammography",
]


@pytest.fixture(autouse=True)
def _no_folder_of_the_users(monkeypatch):
    monkeypatch.delenv("SKBUDGET_DATA", raising=False)


def by_name(*args, **kwargs):
    return {table.name: table for table in study_tables(*args, **kwargs)}


def parts(draw):
    return [(draw.X_train, draw.y_train), (draw.X_valid, draw.y_valid), (draw.X_test, draw.y_test)]


def sizes(draw):
    return [(len(y), int(y.sum())) for _, y in parts(draw)]


def assert_same(one, other):
    for a, b in zip(one, other, strict=True):
        if a is None:
            assert b is None
        else:
            np.testing.assert_array_equal(a, b)


def lattice_table(n_rows=8_000, n_positives=200, seed=0):
    """Rows of binary, integer and lopsided columns, and labels."""
    rng = np.random.RandomState(seed)
    hidden = rng.normal(size=n_rows)
    X = np.column_stack(
        [
            rng.uniform(size=n_rows) < 0.1,
            hidden + rng.normal(size=n_rows) > 1,
            rng.poisson(1.5, size=n_rows),
            rng.poisson(0.1, size=n_rows),
            np.round(np.exp(2 * hidden)) * 5,
            rng.randint(0, 3, size=n_rows) * 0.25,
            np.maximum(rng.normal(size=n_rows), 0.5),
            np.full(n_rows, 7.0),
            rng.uniform(size=n_rows) < 0.5,
        ]
    )
    y = np.zeros(n_rows, dtype=int)
    y[rng.choice(n_rows, n_positives, replace=False)] = 1
    return X, y


def save_lattice(folder, name="lattice", **settings):
    X, y = lattice_table(**settings)
    np.savez(folder / f"{name}.npz", X=X, y=y)
    return X, y


# --- the list ---------------------------------------------------------------------


def test_tables_in_the_order_of_the_report(tmp_path):
    save_lattice(tmp_path)
    tables = study_tables(str(tmp_path))
    regimes = [table for table in tables if table.group == "regime"]
    assert [table.name for table in tables if table.group != "regime"] == [
        "mammography",
        "lattice",
        "contested-product",
        "contested-radial",
        "contested-linear",
        "contested-confounders",
        "contested-rare",
        "contested-common",
        "hard-bulk",
        "hard-bulk-flipped",
        "implanted-mammography",
        "implanted-lattice",
        "few-mammography",
        "few-lattice",
    ]
    assert tables[-18:] == regimes
    assert regimes[1].name == "regime-linear-rate-0.0005-decoys-0.012"
    assert len({table.name for table in tables}) == len(tables)
    shared = {table.group for table in tables if table.test_train_ratio}
    assert shared == {"real", "implanted", "few positives"}
    assert {table.test_train_ratio for table in tables} == {0.0, 1 / 3}
    assert all(table.about and "\n" not in table.about for table in tables)


def test_quick_tables(tmp_path):
    assert list(by_name(quick=True)) == QUICK
    save_lattice(tmp_path, n_rows=15_000)
    tables = by_name(str(tmp_path), quick=True)
    assert list(tables) == [QUICK[0], "lattice", *QUICK[1:]]
    draw = tables["lattice"].draw(0)
    assert sizes(draw) == [(7_200, 96), (2_400, 32), (2_400, 32)]
    assert not np.array_equal(draw.X_train, tables["lattice"].draw(1).X_train)


def test_a_quick_sample_keeps_enough_positives(tmp_path):
    save_lattice(tmp_path, n_rows=40_000, n_positives=12)
    draw = by_name(str(tmp_path), quick=True)["lattice"].draw(0)
    assert sizes(draw) == [(7_200, 6), (2_400, 2), (2_400, 2)]


def test_full_sizes_of_generated_tables():
    draws = {table.name: table.draw for table in study_tables()}
    for name in ("product", "radial", "linear", "confounders", "rare", "common"):
        assert draws[f"contested-{name}"].n_rows == (100_000, 50_000, 200_000)
    assert draws["contested-confounders"].confounder_frac == 0.012
    assert draws["contested-rare"].pos_rate == 0.0005
    assert draws["contested-common"].pos_rate == 0.02
    for name in ("hard-bulk", "hard-bulk-flipped"):
        assert draws[name].n_rows == (40_000, 20_000, 60_000)
    regime = draws["regime-product-rate-0.05-decoys-0"]
    assert regime.n_rows == (60_000, 20_000, 100_000)
    assert (regime.cue, regime.pos_rate, regime.decoy_frac) == ("product", 0.05, 0.0)


# --- draws ------------------------------------------------------------------------


@pytest.mark.parametrize("name", QUICK)
def test_draws(name):
    table = by_name(quick=True)[name]
    draw = table.draw(3)
    assert_same(draw, table.draw(3))
    other = table.draw(4)
    for (X, y), (X_other, _) in zip(parts(draw), parts(other)):
        assert X.dtype.kind == "f"
        assert y.dtype.kind == "i"
        assert len(X) == len(y)
        assert set(np.unique(y)) == {0, 1}
        assert not np.isnan(X).any()
        assert X.shape != X_other.shape or not np.array_equal(X, X_other)
    rates = [positives / rows for rows, positives in sizes(draw)]
    if not name.startswith("few"):
        assert max(rates) == pytest.approx(min(rates), rel=0.05)
    assert (draw.ceiling is None) == (table.test_train_ratio > 0)


@pytest.mark.parametrize("name", QUICK)
def test_tables_can_be_pickled(name):
    table = by_name(quick=True)[name]
    _tables._read.cache_clear()
    small = pickle.dumps(table)
    assert len(small) < 1_000  # names and numbers, no rows
    assert pickle.loads(small) == table
    assert_same(pickle.loads(small).draw(1), table.draw(1))


def test_every_table_can_be_pickled(tmp_path):
    save_lattice(tmp_path)
    for table in study_tables(str(tmp_path)):
        assert pickle.loads(pickle.dumps(table)) == table


def test_real_splits_are_disjoint_and_cover_the_table(tmp_path):
    X, y = lattice_table(n_rows=1_000, n_positives=50)
    X[:, 4] = np.arange(1_000)
    np.savez(tmp_path / "numbered.npz", X=X, y=y)
    draw = by_name(str(tmp_path))["numbered"].draw(0)
    assert sizes(draw) == [(600, 30), (200, 10), (200, 10)]
    rows = np.concatenate([part[:, 4] for part, _ in parts(draw)]).astype(int)
    assert sorted(rows) == list(range(1_000))
    labels = np.concatenate([part for _, part in parts(draw)])
    np.testing.assert_array_equal(labels, y[rows])
    np.testing.assert_array_equal(np.vstack([part for part, _ in parts(draw)]), X[rows])


def test_missing_values_stay_missing(tmp_path):
    X, y = lattice_table(n_rows=2_000)
    X[::50, 4] = np.nan
    np.savez(tmp_path / "holes.npz", X=X, y=y)
    tables = by_name(str(tmp_path))
    draw = tables["holes"].draw(0)
    assert sum(np.isnan(part).sum() for part, _ in parts(draw)) == 40
    implanted = tables["implanted-holes"].draw(0)
    n_missing = sum(np.isnan(part).sum(axis=0) for part, _ in parts(implanted))
    np.testing.assert_array_equal(n_missing, np.isnan(X[y == 0]).sum(axis=0))


def test_what_a_caller_does_to_a_draw_stays_there():
    table = by_name()["mammography"]
    before = table.draw(0).X_train.copy()
    table.draw(0).X_train[:] = 0
    np.testing.assert_array_equal(table.draw(0).X_train, before)


# --- generated --------------------------------------------------------------------


def test_contested_draws_have_seeds_of_their_own():
    table = by_name(quick=True)["contested-product"]
    draw = table.draw(5)
    assert sizes(draw) == [(20_000, 30), (10_000, 15), (40_000, 60)]
    for (X, y), random_state in zip(parts(draw), (1015, 1016, 1017)):
        X_expected, y_expected = make_contested_top(len(y), random_state=random_state)
        np.testing.assert_array_equal(X, X_expected)
        np.testing.assert_array_equal(y, y_expected)
    np.testing.assert_array_equal(draw.ceiling, bayes_contested_top_score(draw.X_test))


@pytest.mark.parametrize(
    "parameters",
    [
        {"cue": "radial"},
        {"confounder_frac": 0.012},
        {"pos_rate": 0.02},
        {"cue": "linear", "pos_rate": 0.05, "decoy_frac": 0.0},
    ],
)
def test_ceiling_is_of_the_tables_own_geometry(parameters):
    draw = _tables._ContestedDraw((1_000, 1_000, 20_000), **parameters)(0)
    rate = parameters.get("pos_rate", 0.0015)
    geometry = {name: value for name, value in parameters.items() if name != "pos_rate"}
    X, y = make_contested_top(20_000, pos_rate=rate, random_state=1002, **geometry)
    np.testing.assert_array_equal(draw.X_test, X)
    np.testing.assert_array_equal(draw.y_test, y)
    np.testing.assert_array_equal(draw.ceiling, bayes_contested_top_score(X, **geometry))


def test_hard_bulk_and_its_ceiling():
    draw = by_name(quick=True)["hard-bulk-flipped"].draw(0)
    assert sizes(draw) == [(8_000, 800), (4_000, 400), (12_000, 1_200)]
    # The log likelihood ratio has mean 2 * d and variance 4 * d between classes, where d is
    # the sum of squares of the means: an AUC of Phi(sqrt(2 * d)), of which labels exchanged
    # at random (a tenth, and a ninetieth of the others) leave 1 - 0.1 - 1 / 90 above 1/2.
    d = 4 * 0.3**2 + 3 * 0.4**2
    clean = stats.norm.cdf(np.sqrt(2 * d))
    expected = 0.5 + (clean - 0.5) * (1 - 0.1 - 0.1 / 9)
    assert roc_auc_score(draw.y_test, draw.ceiling) == pytest.approx(expected, abs=0.02)
    plain = _tables._HardBulkDraw((1_000, 1_000, 50_000))(0)
    assert sizes(plain) == [(1_000, 8), (1_000, 8), (50_000, 250)]
    assert roc_auc_score(plain.y_test, plain.ceiling) == pytest.approx(clean, abs=0.04)


# --- few positives ----------------------------------------------------------------


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


# --- implanted --------------------------------------------------------------------


def implanted(source, n_seeds=4):
    """Return rows and roles of several seeds, and the easy and the cue columns."""
    draws = [_tables._implant(source, seed, None) for seed in range(n_seeds)]
    X, roles = (np.concatenate(part) for part in zip(*draws))
    return X, roles, *_tables._signal_columns(source)


@pytest.fixture(params=["mammography", "lattice", "binary"])
def source(request, tmp_path):
    if request.param == "mammography":
        return _tables._Source("mammography")
    X, y = lattice_table()
    if request.param == "binary":
        rng = np.random.RandomState(1)
        X = (rng.uniform(size=(len(y), 9)) < np.linspace(0.05, 0.9, 9)).astype(np.int8)
    path = tmp_path / "table.npz"
    np.savez(path, X=X, y=y)
    return _tables._Source("table", str(path))


def test_implanted_roles_and_rows(source):
    data = _tables._read(source)
    n_base = int((data.y == 0).sum())
    X, roles = _tables._implant(source, 0, None)
    easy, cue = _tables._signal_columns(source)
    assert len(easy) == 3
    assert len(cue) == 2
    assert len({*easy, *cue}) == 5
    positives, decoys = np.count_nonzero(roles == 1), np.count_nonzero(roles == 2)
    assert positives == round(0.01 * n_base)
    assert decoys == pytest.approx(0.04 * n_base, abs=2)
    # Rows are the base's negatives, in order: the base's positives are gone, columns without
    # signal are as they were, and those with it keep their order over the bulk.
    base = data.X[data.y == 0]
    others = np.setdiff1d(np.arange(X.shape[1]), [*easy, *cue])
    np.testing.assert_array_equal(X[:, others], base[:, others])
    bulk = roles == 0
    for column in (*easy, *cue):
        order = np.argsort(X[bulk, column])
        assert (np.diff(base[bulk, column][order]) >= 0).all()

    draw = _tables._ImplantedDraw(source, None)(0)
    assert sum(positive for _, positive in sizes(draw)) == positives
    rows = [rows for rows, _ in sizes(draw)]
    np.testing.assert_allclose(rows, np.array([0.6, 0.2, 0.2]) * n_base, atol=1)
    for _, positive in sizes(draw)[1:]:
        assert positive == pytest.approx(0.2 * positives, abs=1)


def test_signal_columns_are_chosen_by_distinct_values(tmp_path):
    # In mammography they number 5435, 883, 160, 2800, 1739 and 550.
    columns = _tables._signal_columns(_tables._Source("mammography"))
    assert columns == ([0, 3, 4], [1, 5])
    # A constant column is of no use, nor one that is missing in many rows.
    X, y = save_lattice(tmp_path)
    X[::10, 4] = np.nan
    np.savez(tmp_path / "table.npz", X=X, y=y)
    easy, cue = _tables._signal_columns(_tables._Source("table", str(tmp_path / "table.npz")))
    assert (easy, cue) == ([6, 2, 3], [5, 0])
    # Labels have no say.
    y[:100] = 1 - y[:100]
    np.savez(tmp_path / "other.npz", X=X, y=y)
    other = _tables._signal_columns(_tables._Source("other", str(tmp_path / "other.npz")))
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
        # Not so precise where rows of a role are few: mammography has 109 positives.
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
    # The distance from the middle of one cue column tells something in the generated
    # table too. A heap of equal values, or the end of a column, would tell all of it.
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


# --- files ------------------------------------------------------------------------


def make_frame(target="target", n_rows=300, n_positives=30):
    pandas = pytest.importorskip("pandas")
    rng = np.random.RandomState(0)
    y = np.zeros(n_rows, dtype=int)
    y[:n_positives] = 1
    letters = [f"level{min(k, 29)}" for k in rng.geometric(0.1, size=n_rows)]
    colour = np.array(["red", "green", None], dtype=object)[rng.randint(0, 3, size=n_rows)]
    frame = pandas.DataFrame(
        {"amount": rng.normal(size=n_rows), "letter": letters, "colour": colour}
    )
    frame["count"] = rng.randint(0, 9, size=n_rows)
    frame.loc[::10, "amount"] = np.nan
    frame[target] = y
    return frame


def assert_reads(frame, draw):
    """Check the numeric columns and the sums of the indicators, whatever the order of rows."""
    X = np.vstack([part for part, _ in parts(draw)])
    n_letters = min(frame["letter"].nunique(), 20)
    assert X.shape == (len(frame), 1 + n_letters + 2 + 1)
    np.testing.assert_allclose(np.sort(X[:, 0]), np.sort(frame["amount"]))
    np.testing.assert_array_equal(np.sort(X[:, -1]), np.sort(frame["count"]))
    kept = frame["letter"].value_counts().to_numpy()[:20]
    np.testing.assert_array_equal(X[:, 1 : 1 + n_letters].sum(axis=0), kept)
    known = frame["colour"].value_counts().to_numpy()
    np.testing.assert_array_equal(X[:, -3:-1].sum(axis=0), known)
    assert set(np.unique(X[:, 1:-1])) == {0, 1}
    assert sizes(draw) == [(180, 18), (60, 6), (60, 6)]


def test_folder_of_all_kinds(tmp_path, monkeypatch):
    frame = make_frame()
    assert frame["letter"].nunique() > 20
    frame.to_csv(tmp_path / "comma.csv", index=False)
    frame.rename(columns={"target": "Is_Fraud"}).to_csv(tmp_path / "packed.csv.gz", index=False)
    frame.to_csv(tmp_path / "tab.tsv", sep="\t", index=False)
    save_lattice(tmp_path, "arrays", n_rows=300, n_positives=30)
    (tmp_path / "README.md").write_text("not a table")
    (tmp_path / ".hidden.csv").write_text("not a table")
    (tmp_path / "sub.csv").mkdir()
    names = ["mammography", "arrays", "comma", "packed", "tab"]
    tables = study_tables(str(tmp_path))
    assert [table.name for table in tables if table.group == "real"] == names
    for table in tables[2:5]:
        assert_reads(frame, table.draw(0))
    monkeypatch.setenv("SKBUDGET_DATA", str(tmp_path))
    assert [table.name for table in study_tables()] == [table.name for table in tables]


def test_parquet(tmp_path):
    frame = make_frame("Label")
    try:
        frame.to_parquet(tmp_path / "columns.parquet", index=False)
    except ImportError:
        pytest.skip("pandas cannot write parquet here")
    assert_reads(frame, by_name(str(tmp_path))["columns"].draw(0))


def test_parquet_whatever_reads_it(tmp_path, monkeypatch):
    pandas = pytest.importorskip("pandas")
    frame = make_frame("Label")
    (tmp_path / "columns.parquet").write_text("")
    monkeypatch.setattr(pandas, "read_parquet", lambda path: frame.copy())
    assert_reads(frame, by_name(str(tmp_path))["columns"].draw(0))


def test_parquet_that_cannot_be_read_is_named(tmp_path):
    pytest.importorskip("pandas")
    (tmp_path / "broken.parquet").write_bytes(b"PAR0")
    with pytest.raises((ImportError, ValueError), match=r"broken\.parquet"):
        study_tables(str(tmp_path))


def test_relative_folders_are_read_from_anywhere(tmp_path, monkeypatch):
    save_lattice(tmp_path)
    monkeypatch.chdir(tmp_path)
    table = by_name(".")["lattice"]
    _tables._read.cache_clear()
    monkeypatch.chdir("/")
    assert sum(rows for rows, _ in sizes(table.draw(0))) == 8_000


def test_small_integers_take_half_the_memory(tmp_path):
    X, y = lattice_table()
    np.savez(tmp_path / "small.npz", X=X[:, :3].astype(np.int8), y=y)
    np.savez(tmp_path / "large.npz", X=X[:, :3].astype(np.int64), y=y)
    tables = by_name(str(tmp_path))
    assert tables["small"].draw(0).X_train.dtype == np.float32
    assert tables["large"].draw(0).X_train.dtype == np.float64


def test_target_option(tmp_path):
    make_frame("churned").to_csv(tmp_path / "a.csv", index=False)
    make_frame("label").to_csv(tmp_path / "b.csv", index=False)
    save_lattice(tmp_path, "c")
    message = r"a\.csv has no column called like a target .*'amount', 'letter'.* --target"
    with pytest.raises(ValueError, match=message):
        study_tables(str(tmp_path))
    tables = by_name(str(tmp_path), target="churned")
    assert sizes(tables["a"].draw(0)) == sizes(tables["b"].draw(0)) == [(180, 18), (60, 6), (60, 6)]
    (tmp_path / "a.csv").unlink()
    with pytest.raises(ValueError, match=r"the column 'churned' that --target names: .* b\.csv"):
        study_tables(str(tmp_path), target="churned")


def test_two_usual_names_are_not_guessed_between(tmp_path):
    make_frame("y").assign(Class=1).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(ValueError, match=r"a\.csv has several .* target: 'y', 'Class'.* --target"):
        study_tables(str(tmp_path))
    draw = by_name(str(tmp_path), target="y")["a"].draw(0)
    assert draw.X_train.shape[1] == 1 + 20 + 2 + 1 + 1  # the other one is a feature


def test_files_that_are_refused(tmp_path):
    X, y = lattice_table(n_rows=500, n_positives=9)
    path = tmp_path / "bad.npz"
    np.savez(path, X=X, y=y)
    with pytest.raises(ValueError, match=r"bad\.npz has 9 positives .* at least 10 of each"):
        study_tables(str(tmp_path))
    np.savez(path, X=X, y=np.where(np.arange(500) < 2, 1, 0))
    _tables._read.cache_clear()
    with pytest.raises(ValueError, match=r"bad\.npz: bad has 2 positive"):
        study_tables(str(tmp_path))
    np.savez(path, X=X, y=np.arange(500))
    with pytest.raises(ValueError, match=r"bad\.npz: y must have two labels"):
        study_tables(str(tmp_path))
    path.unlink()
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(ValueError, match=r"empty\.csv cannot be read"):
        study_tables(str(tmp_path))


def test_name_clashes(tmp_path):
    X = load_mammography(return_X_y=True)[0]
    save_lattice(tmp_path, "mammography")  # skipped: it ships
    (tmp_path / "mammography.csv").write_text("")
    assert "lattice" not in by_name(str(tmp_path))
    np.testing.assert_array_equal(_tables._read(_tables._Source("mammography")).X, X)
    assert by_name(str(tmp_path))["mammography"].draw(0).X_train.shape == (6_709, 6)

    save_lattice(tmp_path, "twice")
    make_frame().to_csv(tmp_path / "twice.csv", index=False)
    with pytest.raises(ValueError, match=r"twice\.csv and twice\.npz would both be .* 'twice'"):
        study_tables(str(tmp_path))
    (tmp_path / "twice.csv").unlink()
    save_lattice(tmp_path, "hard-bulk")
    with pytest.raises(ValueError, match=r"hard-bulk\.npz has the name of another table"):
        study_tables(str(tmp_path))


def test_folders_without_tables(tmp_path, monkeypatch):
    names = list(by_name())
    assert list(by_name(str(tmp_path))) == names
    assert [name for name in names if "mammography" in name] == [
        "mammography", "implanted-mammography", "few-mammography"
    ]  # fmt: skip
    missing = str(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"no folder .*nowhere'\.$"):
        study_tables(missing)
    monkeypatch.setenv("SKBUDGET_DATA", missing)
    with pytest.raises(FileNotFoundError, match=r"nowhere', which SKBUDGET_DATA names"):
        study_tables()
    monkeypatch.setenv("SKBUDGET_DATA", "")
    assert list(by_name()) == names


def test_tables_are_found_by_name_and_group():
    assert find_study_tables() == study_tables()
    regimes = find_study_tables(groups=["regime"])
    assert {table.group for table in regimes} == {"regime"}
    found = find_study_tables(["hard-bulk", "mammography"], ["regime"])
    assert [table.name for table in found[:2]] == ["mammography", "hard-bulk"]  # report order
    assert found[2:] == regimes


@pytest.mark.parametrize(("asked", "message"), [
    ({"names": ["nowhere"]}, "Unknown table 'nowhere': it should be one of mammography, "),
    ({"groups": ["nothing"]}, "Unknown group 'nothing': it should be one of real, contested"),
])  # fmt: skip
def test_unknown_names_are_refused(asked, message):
    with pytest.raises(ValueError, match=message):
        find_study_tables(**asked)


def test_a_ceiling_comes_with_the_tables_that_say_so():
    for table in study_tables(quick=True):
        assert table.has_ceiling == (table.draw(0).ceiling is not None), table.name


def test_a_group_says_whether_seeds_share_rows():
    for table in study_tables():
        assert table.test_train_ratio == ratio_of_group(table.group)
