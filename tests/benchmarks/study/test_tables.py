"""The list of the tables of the study, and what every draw has."""

import pickle

import numpy as np
import pytest
from tables_cases import (
    assert_same,
    by_name,
    lattice_table,
    parts,
    save_lattice,
    sizes,
)

from benchmarks.study._sources import read_source
from benchmarks.study._table import ratio_of_group
from benchmarks.study._tables import find_study_tables, study_tables

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
    shared = {table.group for table in tables if table.test_train_ratio(range(5))}
    assert shared == {"real", "implanted", "few positives"}
    assert {table.test_train_ratio(range(5)) for table in tables} == {0.0, 1 / 3}
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
    assert (draw.ceiling is None) == (table.test_train_ratio(range(5)) > 0)


@pytest.mark.parametrize("name", QUICK)
def test_tables_can_be_pickled(name):
    table = by_name(quick=True)[name]
    read_source.cache_clear()
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
        assert table.test_train_ratio(range(3)) == ratio_of_group(table.group, range(3))
