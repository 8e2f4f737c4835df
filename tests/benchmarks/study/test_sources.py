"""How the real tables of the study are read from files."""

import numpy as np
import pytest
from tables_cases import by_name, lattice_table, parts, save_lattice, sizes

from benchmarks.study import study_tables
from benchmarks.study._sources import Source, read_source
from skbudget.datasets import load_mammography


@pytest.fixture(autouse=True)
def _no_folder_of_the_users(monkeypatch):
    monkeypatch.delenv("SKBUDGET_DATA", raising=False)


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
    read_source.cache_clear()
    monkeypatch.chdir("/")
    assert sum(rows for rows, _ in sizes(table.draw(0))) == 8_000


def test_small_integers_take_half_the_memory(tmp_path):
    X, y = lattice_table()
    np.savez(tmp_path / "small.npz", X=X[:, :3].astype(np.int8), y=y)
    np.savez(tmp_path / "large.npz", X=X[:, :3].astype(np.int64), y=y)
    tables = by_name(str(tmp_path))
    assert tables["small"].draw(0).X_train.dtype == np.float32
    assert tables["large"].draw(0).X_train.dtype == np.float64


def test_an_array_time_orders_the_rows(tmp_path):
    X, y = lattice_table(n_rows=500, n_positives=50)
    X[:, 0] = np.arange(500)
    time = np.random.RandomState(0).randint(0, 100, size=500)
    dates = np.datetime64("2020-01-01") + time
    for name, when in (("numbers", time), ("dates", dates)):
        path = tmp_path / f"{name}.npz"
        np.savez(path, X=X, y=y, time=when)
        data = read_source(Source(name, str(path)))
        assert data.ordered
        rows = data.X[:, 0].astype(int)
        assert sorted(rows) == list(range(500))
        assert (np.diff(time[rows]) >= 0).all()
        assert (np.diff(rows)[np.diff(time[rows]) == 0] > 0).all()  # ties keep their order
        np.testing.assert_array_equal(data.X, X[rows])
        np.testing.assert_array_equal(data.y, y[rows])


@pytest.mark.parametrize(("time", "message"), [
    (np.arange(499), r"bad\.npz needs a number or a date for each of its 500 rows .*\(499,\)"),
    (np.full(500, "monday"), r"number or a date for each of its 500 rows in the array time: .*<U6"),
    (np.where(np.arange(500) < 3, np.nan, 1.0), r"bad\.npz does not say when 3 of its 500 rows"),
    (np.full(500, "NaT", dtype="M8[D]"), r"does not say when 500 of its 500 rows were"),
    (np.array([None] * 500), r"bad\.npz has Python objects in its array time: save numbers or"),
], ids=["too short", "text", "nan", "nat", "objects"])  # fmt: skip
def test_an_array_time_that_orders_nothing_is_refused(tmp_path, time, message):
    X, y = lattice_table(n_rows=500, n_positives=50)
    np.savez(tmp_path / "bad.npz", X=X, y=y, time=time)
    with pytest.raises(ValueError, match=message):
        study_tables(str(tmp_path))


def test_a_file_with_semicolons_says_so(tmp_path):
    make_frame().to_csv(tmp_path / "a.csv", index=False, sep=";")
    with pytest.raises(ValueError, match=r"a\.csv has no column.*separated by ';', and not by ','"):
        study_tables(str(tmp_path))


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
    read_source.cache_clear()
    with pytest.raises(ValueError, match=r"bad\.npz: n_folds: bad has 2 positive"):
        study_tables(str(tmp_path))
    np.savez(path, X=X, y=np.arange(500))
    with pytest.raises(ValueError, match=r"y of bad\.npz must have two labels: it has 500"):
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
    np.testing.assert_array_equal(read_source(Source("mammography")).X, X)
    assert by_name(str(tmp_path))["mammography"].draw(0).X_train.shape == (6_709, 6)

    save_lattice(tmp_path, "twice")
    make_frame().to_csv(tmp_path / "twice.csv", index=False)
    with pytest.raises(ValueError, match=r"twice\.csv and twice\.npz would both be .* 'twice'"):
        study_tables(str(tmp_path))
    (tmp_path / "twice.csv").unlink()
    save_lattice(tmp_path, "hard-bulk")
    with pytest.raises(ValueError, match=r"hard-bulk\.npz has the name of another table"):
        study_tables(str(tmp_path))
