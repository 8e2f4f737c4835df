import dataclasses
import json
import math
import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from skbudget.cli import (
    METHODS,
    Comparison,
    ContestedTop,
    Method,
    Run,
    Table,
    Task,
    compare,
    load_table,
    plot_comparison,
    read_table,
    render_text,
    t_interval,
)
from skbudget.cli._comparison import resolve_n_jobs

# --- statistics -------------------------------------------------------------------


def test_interval_of_independent_runs_is_scipys():
    values = [0.61, 0.70, 0.66, 0.59, 0.72]
    estimate = t_interval(values)
    expected = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    assert estimate.mean == pytest.approx(np.mean(values))
    assert (estimate.low, estimate.high) == pytest.approx((expected.low, expected.high))


def test_paired_interval_is_scipys():
    ours, theirs = np.array([0.8, 0.7, 0.9, 0.75]), np.array([0.6, 0.65, 0.8, 0.7])
    estimate = t_interval((ours - theirs).tolist())
    expected = stats.ttest_rel(ours, theirs).confidence_interval(0.95)
    assert (estimate.low, estimate.high) == pytest.approx((expected.low, expected.high))


def test_interval_of_folds_is_corrected():
    values = [0.5, 0.6, 0.7, 0.8]
    # sum of squares about the mean 0.65: 2 * (0.15^2 + 0.05^2) = 0.05
    variance = 0.05 / 3
    expected = stats.t.ppf(0.975, 3) * math.sqrt((1 / 4 + 1 / 2) * variance)
    assert t_interval(values, test_train_ratio=0.5).half_width == pytest.approx(expected)
    assert t_interval(values).half_width == pytest.approx(expected * math.sqrt(0.25 / 0.75))


def test_level():
    values = [1.0, 2.0, 4.0]
    expected = stats.ttest_1samp(values, 0.0).confidence_interval(0.8)
    assert t_interval(values, level=0.8).low == pytest.approx(expected.low)


def test_single_run_has_no_interval():
    estimate = t_interval([0.4])
    assert estimate.mean == 0.4
    assert math.isnan(estimate.half_width)
    assert estimate.to_dict() == {"mean": 0.4, "low": None, "high": None, "n": 1}


# --- a comparison without any booster ----------------------------------------------


class Column:
    """Ranks by one column, plus noise."""

    def __init__(self, noise, seed):
        self.noise, self.seed = noise, seed

    def fit(self, X, y):
        return self

    def decision_function(self, X):
        rng = np.random.default_rng(self.seed)
        return X[:, 0] + self.noise * rng.standard_normal(len(X))


def column_method(name, noise, role):
    return Method(
        name=name,
        label=name.title(),
        package="numpy",
        role=role,
        build=lambda task: Column(noise, task.random_state),
    )


PLAIN = column_method("lightgbm", 2.0, "baseline")
PEER = column_method("peer", 1.0, "peer")
BAND = column_method("band", 0.1, "band")


def small_table(n_samples=600, pos_rate=0.1, seed=0):
    rng = np.random.default_rng(seed)
    y = (rng.random(n_samples) < pos_rate).astype(int)
    X = rng.standard_normal((n_samples, 3))
    X[:, 0] += 2.0 * y
    return X, y


@pytest.fixture(scope="module")
def table():
    return Table("small", *small_table(), budget=0.1, n_repeats=2)


@pytest.fixture(scope="module")
def comparison(table):
    contested = ContestedTop(n_draws=3, n_train=1000, n_test=5000, budget=0.01)
    return compare([table, contested], [PLAIN, PEER, BAND], n_jobs=1)


def coverages(comparison, problem, method):
    return np.array(
        [r.coverage for r in comparison.runs if (r.problem, r.method) == (problem, method)]
    )


def test_every_method_sees_every_split(comparison):
    assert comparison.complete
    assert len(comparison.runs) == comparison.n_planned == 3 * (6 + 3)
    splits = [(run.problem, run.split) for run in comparison.runs]
    assert all(splits.count(split) == 3 for split in splits)


def test_summary_of_folds(comparison, table):
    summary = comparison.summary()[0]
    plain, peer, band = (coverages(comparison, "small", m) for m in ("lightgbm", "peer", "band"))
    assert summary.best_peer == "peer"
    assert summary.ceiling is None
    first, second, third = summary.methods
    assert first.coverage.mean == pytest.approx(plain.mean())
    assert set(first.over) == {"peer"}
    assert set(second.over) == {"lightgbm"}
    for entry, reference in ((third.over["lightgbm"], plain), (third.over["peer"], peer)):
        naive = stats.ttest_rel(band, reference).confidence_interval()
        widened = math.sqrt((1 / 6 + 1 / 2) / (1 / 6)) * (naive.high - naive.low) / 2
        assert entry.mean == pytest.approx((band - reference).mean())
        assert entry.half_width == pytest.approx(widened)


def test_summary_of_draws_has_the_ceiling(comparison):
    summary = comparison.summary()[1]
    ceilings = {run.split: run.ceiling for run in comparison.runs if run.ceiling is not None}
    assert summary.ceiling.mean == pytest.approx(np.mean(list(ceilings.values())))
    band = coverages(comparison, summary.problem.name, "band")
    expected = stats.ttest_1samp(band, 0.0).confidence_interval()
    assert summary.methods[2].coverage.low == pytest.approx(expected.low)


def test_basis_is_used(table):
    by_rows = compare([table], [BAND], n_jobs=1).summary()[0]
    by_fpr = compare([dataclasses.replace(table, basis="fpr")], [BAND], n_jobs=1).summary()[0]
    assert by_fpr.methods[0].coverage.mean > by_rows.methods[0].coverage.mean
    assert "false positive rate of 10 %" in render_text(
        compare([dataclasses.replace(table, basis="fpr")], [BAND], n_jobs=1)
    )


def test_on_run_is_called(table):
    seen = []
    comparison = compare([table], [BAND], n_jobs=1, on_run=seen.append)
    assert tuple(seen) == comparison.runs


def cut_short(comparison, n_runs):
    return dataclasses.replace(comparison, runs=comparison.runs[:n_runs])


def test_unfinished_split_is_left_out(comparison):
    short = cut_short(comparison, 8)
    (summary,) = short.summary()
    assert not short.complete
    assert summary.n_splits == 2
    assert {entry.coverage.n for entry in summary.methods} == {2}
    text = render_text(short, notes=False)
    assert "Interrupted: 8 of 27 fits done" in text
    assert "contested top" not in text


def test_only_part_of_the_first_split(comparison):
    (summary,) = cut_short(comparison, 2).summary()
    assert [entry.method.name for entry in summary.methods] == ["lightgbm", "peer"]
    assert "±" not in render_text(cut_short(comparison, 2), notes=False)


def test_nothing_done(comparison):
    nothing = cut_short(comparison, 0)
    assert nothing.summary() == []
    with pytest.raises(ValueError, match="nothing to draw"):
        plot_comparison(nothing)


def test_no_peer_and_no_baseline(table):
    (summary,) = compare([table], [BAND], n_jobs=1).summary()
    assert summary.best_peer is None
    assert summary.methods[0].over == {}


def test_dict_is_json(comparison):
    content = json.loads(json.dumps(comparison.to_dict(), allow_nan=False))
    assert content["complete"] is True
    assert len(content["runs"]) == len(comparison.runs)
    assert content["runs"][0] == dataclasses.asdict(comparison.runs[0])
    assert content["versions"]["numpy"] == np.__version__
    small, contested = content["problems"]
    assert (small["n_rows"], small["test_train_ratio"], small["n_splits"]) == (600, 0.5, 6)
    assert contested["ceiling"]["n"] == 3
    assert contested["positives_test"] == 8
    band = contested["methods"][2]
    assert set(band["over"]) == {"lightgbm", "peer"}
    assert band["coverage"]["low"] < band["coverage"]["mean"] < band["coverage"]["high"]


def test_text(comparison):
    text = render_text(comparison)
    assert "small: coverage in the top 10 % (20 rows)" in text
    assert "2 x 3 stratified folds" in text
    assert "trained on 1 000 rows (8 positive), tested on 5 000 (8 positive)" in text
    assert "Peer *" in text
    assert "Nadeau" in text
    assert max(map(len, text.splitlines())) <= 100
    entry = comparison.summary()[0].methods[2].over["peer"]
    assert f"{entry.mean:+.3f} ± {entry.half_width:.3f}" in text
    assert "Nadeau" not in render_text(comparison, notes=False)


def test_text_has_no_negative_zero(comparison):
    runs = [dataclasses.replace(run, coverage=0.5) for run in comparison.runs]
    runs[0] = dataclasses.replace(runs[0], coverage=0.5001)
    text = render_text(dataclasses.replace(comparison, runs=tuple(runs)), notes=False)
    assert "+0.000" in text
    assert "-0.000" not in text


def test_text_says_when_the_budget_is_too_small():
    few = Table("few", *small_table(), budget=0.01, n_repeats=1)
    assert "The budget holds 2 rows, fewer than there are positives" in render_text(
        compare([few], [BAND], n_jobs=1)
    )


def test_picture(comparison, tmp_path):
    pytest.importorskip("matplotlib")
    figure = plot_comparison(comparison)
    figure.savefig(tmp_path / "out.png")
    assert (tmp_path / "out.png").stat().st_size > 10_000
    shown = [axes.get_title(loc="left") for axes in figure.axes]
    assert shown == ["Small", "Contested top, product cue"]
    low, high = figure.axes[0].get_xlim()
    assert -0.1 < low < high < 1.1


def test_picture_of_single_runs(table, tmp_path):
    pytest.importorskip("matplotlib")
    single = ContestedTop(n_draws=1, n_train=1000, n_test=1000)
    plot_comparison(compare([single], [PEER, BAND], n_jobs=1)).savefig(tmp_path / "out.svg")


# --- methods ------------------------------------------------------------------------


def test_registry():
    assert all(name == method.name for name, method in METHODS.items())
    assert [m.role for m in METHODS.values()] == ["baseline", *["peer"] * 3, *["band"] * 4]


def test_labels_show_the_penalty_of_the_peers():
    from skbudget.boosting._peers import PEER_L2

    assert METHODS["lightgbm-l2"].label == f"LightGBM, L2 {PEER_L2:g}"
    assert METHODS["lightgbm-l2-small"].label == f"LightGBM, L2 {PEER_L2:g}, 7 leaves"


def test_some_run_only_if_named():
    left_out = [m.name for m in METHODS.values() if not m.by_default]
    assert left_out == ["lightgbm-l2-small", "pauc-network", "pauc-ensemble"]
    assert METHODS["pauc-network"].extra == "neural"


def test_plain_lightgbm_is_as_it_comes():
    lightgbm = pytest.importorskip("lightgbm")
    ours = METHODS["lightgbm"].build(Task(n_jobs=1)).get_params()
    theirs = lightgbm.LGBMClassifier().get_params()
    changed = {name for name in theirs if ours[name] != theirs[name]}
    assert changed == {"n_jobs", "random_state"}


def test_peers_have_as_many_trees_as_ours():
    pytest.importorskip("lightgbm")
    pytest.importorskip("xgboost")
    task = Task(n_jobs=1, random_state=3)
    pairs = {"lightgbm-l2": "pauc-lightgbm", "xgboost-rank": "pauc-xgboost"}
    for peer, band in pairs.items():
        theirs = METHODS[peer].build(task).get_params()
        ours = METHODS[band].build(task).get_params()
        for name in ("n_estimators", "learning_rate", "reg_lambda"):
            assert theirs[name] == ours[name]
        assert (theirs["n_jobs"], theirs["random_state"]) == (1, 3)
    assert METHODS["lightgbm-l2"].build(task).objective is None
    small = METHODS["lightgbm-l2-small"].build(task).get_params()
    changed = {**METHODS["lightgbm-l2"].build(task).get_params(), "num_leaves": 7}
    assert small == changed
    assert METHODS["xgboost-rank"].build(task).objective == "rank:pairwise"


def test_band_methods_get_the_budget():
    pytest.importorskip("lightgbm")
    model = METHODS["pauc-lightgbm"].build(Task(budget=0.02))
    assert (model.budget, model.calibration_cv) == (0.02, None)


# The ensemble fits each of its parts four times, which takes long. tests/test_ensemble.py
# tests small ones.
@pytest.mark.parametrize("name", [name for name in METHODS if name != "pauc-ensemble"])
def test_same_seed_same_figures(name):
    pytest.importorskip(METHODS[name].package)
    problem = ContestedTop(n_draws=1, n_train=3000, n_test=3000, budget=0.01, random_state=5)
    first, again = (compare([problem], [name], n_jobs=1).runs[0] for _ in range(2))
    assert dataclasses.replace(first, seconds=0) == dataclasses.replace(again, seconds=0)
    assert first.random_state == 5
    assert 0.0 < first.coverage <= 1.0
    assert first.seconds > 0.0


def test_missing_package_is_skipped(monkeypatch, table):
    pytest.importorskip("lightgbm")
    monkeypatch.setitem(sys.modules, "xgboost", None)
    comparison = compare([table], ["lightgbm", "xgboost-rank"], n_jobs=1)
    assert [method.name for method in comparison.methods] == ["lightgbm"]
    text = render_text(comparison, notes=False)
    assert 'XGBoost ranker left out: needs xgboost: pip install "skbudget[xgboost]"' in text


def test_broken_package_is_skipped(monkeypatch, table):
    broken = dataclasses.replace(PEER, package="broken_booster")
    monkeypatch.setattr(
        "skbudget.cli._methods.import_module",
        lambda name: (_ for _ in ()).throw(OSError("libgomp not found")) if "broken" in name else 0,
    )
    skipped = compare([table], [BAND, broken], n_jobs=1).skipped
    assert "cannot be imported: libgomp not found" in skipped["Peer"]


def test_no_package_at_all(monkeypatch, table):
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    monkeypatch.setitem(sys.modules, "xgboost", None)
    with pytest.raises(ImportError, match=r"skbudget\[lightgbm\].*skbudget\[xgboost\]"):
        compare([table])


def test_unknown_method(table):
    with pytest.raises(ValueError, match="Unknown method 'catboost': it should be one of lightgbm"):
        compare([table], ["catboost"])


def test_n_jobs(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert resolve_n_jobs(None) == resolve_n_jobs(-1) == 3
    assert resolve_n_jobs(2) == 2
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert resolve_n_jobs(None) >= 1
    with pytest.raises(ValueError, match="n_jobs"):
        resolve_n_jobs(0)


def test_package_is_light():
    code = (
        "import sys, skbudget.cli as b; b.METHODS\n"
        "print([m for m in ('sklearn','lightgbm','xgboost','matplotlib','pandas')"
        " if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


# --- data sets -----------------------------------------------------------------------


def test_draws_are_independent_and_numbered():
    first, second = ContestedTop(n_draws=2, n_train=1000, n_test=1000).splits()
    (alone,) = ContestedTop(n_draws=1, n_train=1000, n_test=1000, random_state=1).splits()
    tables = [first.X_train, first.X_test, second.X_train, second.X_test]
    assert len({float(X[0, 0]) for X in tables}) == 4
    np.testing.assert_array_equal(second.X_test, alone.X_test)
    assert second.random_state == alone.random_state == 1


def test_folds_test_every_row_once_per_repeat():
    X, y = small_table()
    X[:, 2] = np.arange(len(X))
    splits = list(Table("small", X, y, n_repeats=2, n_folds=3).splits())
    for repeat in (splits[:3], splits[3:]):
        rows = np.concatenate([split.X_test[:, 2] for split in repeat])
        np.testing.assert_array_equal(np.sort(rows), X[:, 2])
    assert not np.array_equal(splits[0].X_test, splits[3].X_test)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"budget": 50}, "50 basis points are 0.005"),
        ({"basis": "rows"}, "basis"),
        ({"n_folds": 1}, "n_folds"),
        ({"n_repeats": 0}, "n_repeats"),
        ({"random_state": -1}, "random_state"),
        ({"n_folds": 200}, "too few for 200 folds"),
        ({"y": np.zeros(600)}, "Only one class present in y"),
        ({"y": np.arange(600)}, "y must be binary"),
        ({"y": [0, 1]}, "inconsistent numbers of samples"),
    ],
)
def test_table_refuses(table, changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(table, **changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cue": "square"}, "cue"),
        ({"n_draws": 0}, "n_draws"),
        ({"n_train": 3}, "n_train"),
        ({"n_test": 3.5}, "n_test"),
        ({"random_state": -1}, "random_state"),
        ({"budget": 0.0}, "budget"),
    ],
)
def test_contested_top_refuses(changes, message):
    with pytest.raises(ValueError, match=message):
        ContestedTop(**changes)


def test_two_tables_of_one_name(table):
    with pytest.raises(ValueError, match="two data sets called 'small'"):
        compare([table, table], [BAND])


def test_runs_of_an_unknown_problem_are_not_shown(table):
    stray = Run("other", "band", 0, 0, 0.5, 0.1)
    assert Comparison((table,), (BAND,), (stray,), 1).summary() == []


# --- files -----------------------------------------------------------------------------


def test_mammography():
    table = load_table("mammography", n_repeats=1)
    assert (table.budget, table.n_splits, int(table.y.sum())) == (0.03, 3, 260)


def test_table_of_the_folder(monkeypatch, tmp_path):
    X, y = small_table()
    np.savez(tmp_path / "mine.npz", X=X, y=y)
    monkeypatch.setenv("SKBUDGET_DATA", str(tmp_path))
    table = load_table("mine", budget=0.2)
    np.testing.assert_array_equal(table.X, X)
    np.testing.assert_array_equal(table.y, y)
    assert (table.name, table.budget) == ("mine", 0.2)
    with pytest.raises(FileNotFoundError, match=r"no other.npz.*Known tables: mammography, mine"):
        load_table("other")
    monkeypatch.delenv("SKBUDGET_DATA")
    with pytest.raises(FileNotFoundError, match="set SKBUDGET_DATA to a folder"):
        load_table("mine")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"X": np.zeros((4, 2))}, "needs arrays X and y: it holds X"),
        ({"X": np.zeros(4), "y": [0, 1, 0, 1]}, "must be a numeric table"),
        ({"X": np.zeros((4, 2)).astype(str), "y": [0, 1, 0, 1]}, "must be a numeric table"),
        ({"X": np.zeros((4, 2)), "y": [0, 1]}, "one entry per row of X"),
        ({"X": np.zeros((4, 2)), "y": np.array([0, 1, 0, None])}, "holds Python objects"),
        ({"X": np.full((4, 2), np.inf), "y": [0, 1, 0, 1]}, "Infinite values in X"),
        ({"X": np.zeros((4, 2)), "y": [0, 1, np.nan, 1]}, "y is missing in 1 of 4 rows"),
        ({"X": np.zeros((4, 2)), "y": [0, 1, 2, 1]}, "y must have two labels: it has 3, 0, 1, 2"),
    ],
)
def test_archive_refused(tmp_path, arrays, message):
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(ValueError, match=message):
        read_table(tmp_path / "bad.npz")


def test_archive_has_no_columns(tmp_path):
    np.savez(tmp_path / "t.npz", X=np.zeros((4, 2)), y=[0, 1, 0, 1])
    with pytest.raises(ValueError, match="no columns to name or to drop"):
        read_table(tmp_path / "t.npz", "y")


def test_not_an_archive(tmp_path):
    (tmp_path / "t.npz").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match=r"t.npz is not an archive written by numpy.savez"):
        read_table(tmp_path / "t.npz")


def write_csv(path, n_samples=400, seed=0):
    """Write a table with numbers, text, missing values and labels in words."""
    rng = np.random.default_rng(seed)
    fraud = rng.random(n_samples) < 0.1
    amount = rng.lognormal(size=n_samples) + 3 * fraud
    shown = [
        "" if lost else f"{value:.4f}" for value, lost in zip(amount, rng.random(n_samples) < 0.1)
    ]
    city = rng.choice(["Oslo", "Lima", ""], size=n_samples)
    city[:1] = "Rome"  # seen once: missing from the training rows of one fold
    day = np.datetime64("2020-01-01") + np.arange(n_samples)
    lines = ["id,amount [EUR],city,online,day,label"]
    for number in range(n_samples):
        online = ("True", "False")[number % 2]
        label = ("good", "fraud")[int(fraud[number])]
        lines.append(f"{number},{shown[number]},{city[number]},{online},{day[number]},{label}")
    path.write_text("\n".join(lines) + "\n")
    return fraud


def test_csv(tmp_path):
    pytest.importorskip("pandas")
    fraud = write_csv(tmp_path / "claims.csv")
    table = read_table(tmp_path / "claims.csv", "label", drop=["id", "day"], n_repeats=1)
    assert table.name == "claims"
    np.testing.assert_array_equal(table.y, fraud)
    assert list(table.X.columns) == ["column0", "column1", "column2"]
    assert [str(dtype) for dtype in table.X.dtypes] == ["float64", "category", "float64"]
    assert table.X.isna().sum().tolist()[0] > 0
    assert table.X["column1"].isna().any()
    assert any("'fraud' is taken as the positive label" in note for note in table.notes)
    assert any("1 of 3 columns read as categories: city" in note for note in table.notes)
    assert "'fraud' is taken" in render_text(compare([table], [category_blind], n_jobs=1))


category_blind = dataclasses.replace(
    BAND, score=lambda model, X: np.nan_to_num(X.iloc[:, 0].to_numpy())
)


# The ensemble trains its network at full length. test_ensemble.py tests it with categories.
SLOW_METHODS = {"pauc-ensemble"}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if name in SLOW_METHODS else ())
        for name in METHODS
    ],
)
def test_csv_with_categories_trains(tmp_path, name):
    pytest.importorskip("pandas")
    pytest.importorskip(METHODS[name].package)
    write_csv(tmp_path / "claims.csv")
    table = read_table(
        tmp_path / "claims.csv", "label", drop=["id", "day"], n_repeats=1, budget=0.1
    )
    (summary,) = compare([table], [name], n_jobs=1).summary()
    assert summary.methods[0].coverage.mean > 0.3


def test_numeric_csv_is_an_array(tmp_path):
    pytest.importorskip("pandas")
    X, y = small_table(60, 0.3)
    rows = np.column_stack([X, y])
    np.savetxt(tmp_path / "t.csv", rows, delimiter=",", header="a,b,c,y", comments="")
    np.savetxt(tmp_path / "t.tsv", rows, delimiter="\t", header="a\tb\tc\ty", comments="")
    for ending in ("csv", "tsv"):
        table = read_table(tmp_path / f"t.{ending}", "y")
        assert isinstance(table.X, np.ndarray)
        np.testing.assert_allclose(table.X, X)
        np.testing.assert_array_equal(table.y, y)
        assert table.notes == ()


def frame_table(monkeypatch, tmp_path, columns, target="y", **options):
    """Read a DataFrame as if it came from a .parquet file, which needs another package."""
    pandas = pytest.importorskip("pandas")
    (tmp_path / "t.parquet").touch()
    monkeypatch.setattr(pandas, "read_parquet", lambda path: pandas.DataFrame(columns))
    return read_table(tmp_path / "t.parquet", target, n_folds=2, **options)


def test_kinds_of_columns(monkeypatch, tmp_path):
    pandas = pytest.importorskip("pandas")
    table = frame_table(
        monkeypatch,
        tmp_path,
        {
            "when": pandas.to_datetime(["2020-01-01", None, "2020-01-02", "2020-01-03"]),
            "count": pandas.array([1, None, 3, 4], dtype="Int64"),
            "flag": [True, False, True, False],
            "y": pandas.array([0, 1, 0, 1], dtype="Int64"),
        },
    )
    expected = [[0, 1, 1], [np.nan, np.nan, 0], [86400, 3, 1], [172800, 4, 0]]
    np.testing.assert_array_equal(table.X, expected)
    np.testing.assert_array_equal(table.y, [0, 1, 0, 1])
    assert table.notes == ("column 'when': dates read as seconds",)


@pytest.mark.parametrize(
    ("labels", "positive", "expected"),
    [
        ([0, 0, 0, 1, 1], None, [0, 0, 0, 1, 1]),
        ([1, 1, 1, 0, 0], None, [1, 1, 1, 0, 0]),
        ([-1, -1, 1, 1, 1], None, [0, 0, 1, 1, 1]),
        ([True, True, True, False, False], None, [1, 1, 1, 0, 0]),
        (["1", "1", "1", "0", "0"], None, [1, 1, 1, 0, 0]),
        (["yes", "yes", "no", "no", "no"], None, [1, 1, 0, 0, 0]),
        ([2, 2, 2, 1, 1], None, [0, 0, 0, 1, 1]),
        ([2, 2, 2, 1, 1], "2", [1, 1, 1, 0, 0]),
        ([2.0, 2.0, 2.0, 1.0, 1.0], "2", [1, 1, 1, 0, 0]),
        (["yes", "yes", "no", "no", "no"], "no", [0, 0, 1, 1, 1]),
    ],
)
def test_which_label_is_positive(monkeypatch, tmp_path, labels, positive, expected):
    columns = {"a": np.arange(5.0), "y": labels}
    table = frame_table(monkeypatch, tmp_path, columns, positive=positive)
    np.testing.assert_array_equal(table.y, expected)


def test_target_of_categories(monkeypatch, tmp_path):
    pandas = pytest.importorskip("pandas")
    columns = {"a": np.arange(5.0), "y": pandas.Categorical(list("bbaaa"))}
    np.testing.assert_array_equal(frame_table(monkeypatch, tmp_path, columns).y, [1, 1, 0, 0, 0])


@pytest.mark.parametrize(
    ("columns", "target", "options", "message"),
    [
        ({"a": [1.0] * 4, "y": [0, 1, 0, 1]}, "label", {}, "no column 'label'.*are 'a', 'y'"),
        ({"a": [1.0] * 4, "y": [0, 1, 0, 1]}, "y", {"drop": ["b"]}, "no column 'b'"),
        ({"a": [1.0] * 4, "y": [0, 1, None, None]}, "y", {}, "missing in 2 of 4 rows"),
        ({"y": [0, 1, 0, 1]}, "y", {}, "no columns besides the target"),
        ({"a": [1.0] * 4, "y": [0, 1, 2, 3]}, "y", {}, "'y' must have two labels: it has 4"),
        ({"a": [1.0] * 4, "y": [1, 1, 1, 1]}, "y", {}, "must have two labels: it has 1"),
        ({"a": [], "y": []}, "y", {}, "'y' has no rows"),
        ({"a": [1.0] * 4, "y": list("abab")}, "y", {}, "equally often: say which is positive"),
        (
            {"a": [1.0] * 4, "y": [0, 1, 0, 1]},
            "y",
            {"positive": "yes"},
            "no label 'yes': its labels are 0, 1",
        ),
        ({"a": [1, 2, 3, np.inf], "y": [0, 1, 0, 1]}, "y", {}, "Infinite values in column 'a'"),
        ({"a": [1.0] * 4, "y": [0, 1, 0, 0]}, "y", {}, "1 positive and 3 negative rows: too few"),
        ({"a;y": ["1;0"] * 4}, "y", {}, "Is it separated by commas?"),
        ({"a": [1.0] * 4, "y": [0, 1, 0, 1]}, None, {}, "needs the name of its target column"),
    ],
)
def test_frame_refused(monkeypatch, tmp_path, columns, target, options, message):
    with pytest.raises(ValueError, match=message):
        frame_table(monkeypatch, tmp_path, columns, target, **options)


def test_identifier_is_pointed_out(monkeypatch, tmp_path):
    names = [f"n{number}" for number in range(1200)]
    columns = {"name": names, "y": np.arange(1200) % 3 == 0}
    table = frame_table(monkeypatch, tmp_path, columns)
    assert any("'name' has 1200 different values" in note for note in table.notes)


def test_unreadable_files(tmp_path, monkeypatch):
    pandas = pytest.importorskip("pandas")
    with pytest.raises(FileNotFoundError, match="no file"):
        read_table(tmp_path / "none.csv", "y")
    (tmp_path / "empty.csv").touch()
    with pytest.raises(ValueError, match=r"empty.csv cannot be read as .csv"):
        read_table(tmp_path / "empty.csv", "y")
    (tmp_path / "t.xlsx").touch()
    with pytest.raises(ValueError, match=r"should end in .csv, .tsv, .parquet or .npz"):
        read_table(tmp_path / "t.xlsx", "y")
    (tmp_path / "t.parquet").touch()

    def no_engine(path):
        raise ImportError("Unable to find a usable engine")

    monkeypatch.setattr(pandas, "read_parquet", no_engine)
    with pytest.raises(ImportError, match=r"t.parquet needs another package. Unable to find"):
        read_table(tmp_path / "t.parquet", "y")


def test_without_pandas(tmp_path, monkeypatch):
    (tmp_path / "t.csv").write_text("a,y\n1,0\n")
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="needs pandas, which is not installed: pip install"):
        read_table(tmp_path / "t.csv", "y")
