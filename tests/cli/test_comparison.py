import dataclasses
import json
import math
import re
import subprocess
import sys
from importlib.util import find_spec

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
    _comparison,
    compare,
    load_table,
    plot_comparison,
    read_table,
    render_text,
    t_interval,
)

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


def verdicts(comparison):
    """Return the sentences that say what the tables show, without their line breaks."""
    text = " ".join(render_text(comparison).split())
    return re.findall(r"- (On this[^-]*?(?: [+-]\d[^-]*?)? as long\.)", text)


def with_coverage(comparison, **coverage):
    """Replace the coverage of methods on each split by a function of its number."""
    runs = [
        dataclasses.replace(run, coverage=coverage[run.method](run.split), seconds=2.0)
        for run in comparison.runs
    ]
    return dataclasses.replace(comparison, runs=tuple(runs))


def test_a_sentence_says_what_each_table_shows(comparison):
    shown = {
        "more": lambda split: 0.8 + 0.001 * split,
        "less": lambda split: 0.2 + 0.001 * split,
        "cannot be told apart": lambda split: 0.5 + 0.1 * (-1) ** split,
    }
    for found, coverage in shown.items():
        changed = with_coverage(
            comparison, lightgbm=lambda split: 0.1, peer=lambda split: 0.5, band=coverage
        )
        gains = [summary.methods[2].over["peer"] for summary in changed.summary()]
        table, contested = verdicts(changed)
        assert table.startswith("On this table, Band ")
        assert contested.startswith(
            "On this synthetic table, whose top is crowded with hard negatives, Band "
        )
        for sentence, gain in zip((table, contested), gains):
            assert found in sentence
            assert "the best peer (Peer)" in sentence
            assert f"{abs(gain.mean):.3f} ± {gain.half_width:.3f}" in sentence
            assert sentence.endswith("its training takes 1.0 times as long.")
    assert verdicts(cut_short(comparison, 2)) == []
    (single,) = verdicts(cut_short(changed, 3))
    assert "one split cannot tell whether that is chance" in single
    assert "as long" not in render_text(comparison, notes=False)


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


def test_no_value_of_a_picture_crosses_the_line_of_the_ceiling(comparison):
    pytest.importorskip("matplotlib")
    contested = comparison.problems[1].name
    shown = {"lightgbm": 0.6, "peer": 0.797, "band": 0.803}
    runs = [
        dataclasses.replace(run, coverage=shown[run.method], ceiling=0.8)
        for run in comparison.runs
        if run.problem == contested
    ]
    figure = plot_comparison(dataclasses.replace(comparison, runs=tuple(runs)))
    figure.draw_without_rendering()
    (axes,) = figure.axes
    line = axes.transData.transform((0.8, 0.0))[0]
    boxes = {
        text.get_text(): text.get_window_extent() for text in axes.texts if text.xycoords == "data"
    }
    assert set(boxes) == {"0.600", "0.797", "0.803"}
    assert boxes["0.797"].x1 < line - 1
    assert boxes["0.803"].x0 > line + 1
    # A value that is far from the line stays above its point.
    middle = axes.transData.transform((0.6, 0.0))[0]
    assert (boxes["0.600"].x0 + boxes["0.600"].x1) / 2 == pytest.approx(middle, abs=1)


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


def two_problems():
    """Return a few rows in folds, and a few draws with a ceiling."""
    table = Table("small", *small_table(), budget=0.1, n_repeats=1)
    return [table, ContestedTop(n_draws=2, n_train=2000, n_test=2000, budget=0.05)]


def without_seconds(runs):
    return [dataclasses.replace(run, seconds=0.0) for run in runs]


def test_figures_do_not_depend_on_the_number_of_processes():
    pytest.importorskip("lightgbm")
    names = ["lightgbm", "lightgbm-l2"]
    seen = []
    one = compare(two_problems(), names, n_jobs=1)
    two = compare(two_problems(), names, n_jobs=2, on_run=seen.append)
    assert without_seconds(one.runs) == without_seconds(two.runs)
    assert {run.threads for run in two.runs} == {1}
    assert sorted(map(repr, seen)) == sorted(map(repr, two.runs))
    assert [(run.problem, run.split, run.method) for run in two.runs][:3] == [
        ("small", 0, "lightgbm"),
        ("small", 0, "lightgbm-l2"),
        ("small", 1, "lightgbm"),
    ]
    assert one.summary()[1].ceiling == two.summary()[1].ceiling
    text = " ".join(render_text(two).split())
    assert "with 1 thread. At most 2 fits ran at a time." in text


class Threads:
    """Counts the threads of OpenMP while it is trained and while it ranks."""

    seen: list = []

    def fit(self, X, y):
        return self

    def decision_function(self, X):
        from threadpoolctl import threadpool_info

        Threads.seen.append([pool["num_threads"] for pool in threadpool_info()])
        return X[:, 0]


def test_large_tables_run_one_fit_at_a_time_with_more_threads(monkeypatch, table):
    tasks = []
    monkeypatch.setattr(Threads, "seen", [])
    method = dataclasses.replace(BAND, build=lambda task: tasks.append(task) or Threads())
    monkeypatch.setattr(_comparison, "LARGE", 400 * 3)  # 400 of 600 rows are trained on
    (first, *_) = runs = list(_comparison.iter_runs([table], [method], 8, 2))
    assert {run.threads for run in runs} == {task.n_jobs for task in tasks} == {2}
    assert first.split == 0
    assert all(limit <= 2 for pools in Threads.seen for limit in pools)
    monkeypatch.setattr(_comparison, "LARGE", 400 * 3 + 1)
    assert {run.threads for run in _comparison.iter_runs([table], [method], 1, 2)} == {1}
    assert Threads.seen[-1]
    assert all(limit == 1 for limit in Threads.seen[-1])


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
        ({"X": np.zeros(4), "y": [0, 1, 0, 1]}, "must be a table of numbers, dates or text"),
        ({"X": np.zeros((4, 2), complex), "y": [0, 1, 0, 1]}, r"it is complex128 \(4, 2\)"),
        ({"X": np.array([["a"], ["b"], [{}]]), "y": [0, 1, 0]}, "save numbers, dates or text"),
        ({"X": np.zeros((4, 2)), "y": [0, 1]}, "one entry per row of X"),
        ({"X": np.zeros((4, 2)), "y": np.array([0, 1, 0, None])}, "holds Python objects"),
        ({"X": np.zeros((4, 2)), "y": [0, 1, np.nan, 1]}, "y of bad.npz is missing in 1 of 4"),
        (
            {"X": np.zeros((4, 2)), "y": [0, 1, 2, 1]},
            "y of bad.npz must have two labels: it has 3, 0, 1, 2",
        ),
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
    label, *rest = [note for note in table.notes if "label" in note]
    assert rest == []
    assert label == (
        "'fraud' is taken as the positive label, because it is the rarer one "
        f"({fraud.sum()} of 400 rows); --positive names another one"
    )
    assert "1 of 3 columns read as categories: city (3 levels)" in table.notes
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
    expected = [[18262, 1, 1], [np.nan, np.nan, 0], [18263, 3, 1], [18264, 4, 0]]
    np.testing.assert_array_equal(table.X, expected)
    np.testing.assert_array_equal(table.y, [0, 1, 0, 1])
    assert table.notes == ("1 of 3 columns read as dates, in days since 1970-01-01: when",)


@pytest.mark.parametrize(
    ("labels", "positive", "expected"),
    [
        ([0, 0, 0, 1, 1], None, [0, 0, 0, 1, 1]),
        ([1, 1, 1, 0, 0], None, [1, 1, 1, 0, 0]),
        ([-1, -1, 1, 1, 1], None, [0, 0, 1, 1, 1]),
        ([True, True, True, False, False], None, [1, 1, 1, 0, 0]),
        (["1", "1", "1", "0", "0"], None, [1, 1, 1, 0, 0]),
        (["1.0", "1.0", "1.0", "0.0", "0.0"], None, [1, 1, 1, 0, 0]),
        (["-1", "-1", "1", "1", "1"], None, [0, 0, 1, 1, 1]),
        (["TRUE", "TRUE", "TRUE", "FALSE", "FALSE"], None, [1, 1, 1, 0, 0]),
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
    majority = [note for note in table.notes if "although it is the more frequent one" in note]
    assert bool(majority) == (sum(expected) > 2)


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
        ({"a": [1.0] * 4, "y": [0, 1, 0, 0]}, "y", {}, "1 positive and 3 negative rows: too few"),
        ({"a": [1.0] * 4, "y": [0, 1, 0, 1]}, None, {}, "needs the name of its target column"),
    ],
)
def test_frame_refused(monkeypatch, tmp_path, columns, target, options, message):
    with pytest.raises(ValueError, match=message):
        frame_table(monkeypatch, tmp_path, columns, target, **options)


def test_identifier_is_left_out(monkeypatch, tmp_path):
    names = [f"n{number}" for number in range(1200)]
    columns = {"name": names, "a": np.arange(1200.0), "y": np.arange(1200) % 3 == 0}
    table = frame_table(monkeypatch, tmp_path, columns)
    np.testing.assert_array_equal(table.X[:, 0], columns["a"])
    (note,) = table.notes
    assert note.endswith("nearly all of their entries are different text: name (1200 of 1200)")
    del columns["a"]
    with pytest.raises(ValueError, match=r"no columns that can be used: .* name \(1200 of 1200\)"):
        frame_table(monkeypatch, tmp_path, columns)


def test_many_categories_are_pointed_out(monkeypatch, tmp_path):
    columns = {"shop": [f"n{number // 2}" for number in range(3000)], "y": np.arange(3000) % 3 == 0}
    table = frame_table(monkeypatch, tmp_path, columns)
    assert any("identifiers, which should be left out: shop (1500)" in note for note in table.notes)


def mixed_frame(n_samples=600, seed=0):
    """Return a table with dates, times, text, infinities, identifiers and missing values."""
    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(seed)
    fraud = rng.random(n_samples) < 0.1
    start = np.datetime64("2021-03-01T00:00:00")
    seconds = rng.integers(0, 200 * 86_400, n_samples) + 10**7 * fraud
    frame = pandas.DataFrame(
        {
            "id": [f"c{number}" for number in range(n_samples)],
            "when": start + seconds.astype("timedelta64[s]"),
            "born": np.datetime64("1950-01-01") + rng.integers(0, 20_000, n_samples),
            "amount": rng.lognormal(size=n_samples) + 2 * fraud,
            "count": rng.integers(0, 9, n_samples),
            "online": rng.random(n_samples) < 0.5,
            "city": rng.choice(["Oslo", "Lima", "Rome"], n_samples),
            "label": np.where(fraud, "fraud", "fine"),
        }
    )
    frame.loc[::50, "amount"] = np.inf
    frame.loc[1::50, "amount"] = -np.inf
    frame.loc[2::50, "when"] = None
    frame.loc[3::50, "city"] = None
    return frame


def test_the_same_table_is_the_same_from_every_file(tmp_path):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("lightgbm")
    pytest.importorskip("xgboost")
    frame = mixed_frame()
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_csv(tmp_path / "t.tsv", index=False, sep="\t")
    frame.to_csv(tmp_path / "rows.csv")  # with its index, which has no name
    features = frame.drop(columns="label")
    np.savez(tmp_path / "t.npz", X=features.to_numpy(dtype=str), y=frame["label"].to_numpy(str))
    files = {"t.csv": "label", "t.tsv": "label", "rows.csv": "label", "t.npz": None}
    if find_spec("pyarrow"):
        frame.astype({"city": "category"}).to_parquet(tmp_path / "t.parquet")
        files["t.parquet"] = "label"
    tables = {
        file: read_table(tmp_path / file, target, n_repeats=1, budget=0.1)
        for file, target in files.items()
    }
    first = tables["t.csv"]
    names = {"t.npz": [f"{name}" for name in range(7)]}
    for file, table in tables.items():
        pandas.testing.assert_frame_equal(table.X, first.X)
        np.testing.assert_array_equal(table.y, first.y)
        id_, when, born, amount, city = (
            names.get(file, features.columns)[column] for column in (0, 1, 2, 3, 6)
        )
        said = [note for note in table.notes if "numbers" not in note]
        assert said == [
            "2 of 7 columns read as dates, in days since 1970-01-01: "
            f"{when} (and the hour of the day), {born}",
            f"1 of 7 columns read as categories: {city} (3 levels)",
            "1 of 7 columns left out, because nearly all of their entries are different text: "
            f"{id_} (600 of 600)",
            f"1 of 7 columns with infinite values, which are taken as missing: {amount} (24)",
            "'fraud' is taken as the positive label, because it is the rarer one "
            f"({first.y.sum()} of 600 rows); --positive names another one",
        ]
    days = (frame["when"] - pandas.Timestamp(0)) / pandas.Timedelta(days=1)
    np.testing.assert_allclose(first.X["column0"], days, rtol=1e-12)
    assert first.X["column1"].max() < 24
    assert first.X["column3"].isna().sum() == 24
    assert "numbers the rows: left out" in tables["rows.csv"].notes[0]
    runs = [
        without_seconds(compare([dataclasses.replace(table, name="t")], FAST, n_jobs=1).runs)
        for table in (first, tables["t.npz"], tables.get("t.parquet", first))
    ]
    assert runs[0] == runs[1] == runs[2]


FAST = ["lightgbm", "xgboost-rank"]


def test_numbers_are_the_same_from_every_file(tmp_path):
    pytest.importorskip("pandas")
    X, y = small_table(60, 0.3)
    X[3, 1], X[4, 2], X[5, 2] = np.inf, 1e39, -np.inf
    np.savez(tmp_path / "t.npz", X=X, y=y)
    rows = np.column_stack([X, y])
    np.savetxt(
        tmp_path / "t.csv", rows, fmt="%.17g", delimiter=",", header="x0,x1,x2,y", comments=""
    )
    archive, csv = read_table(tmp_path / "t.npz"), read_table(tmp_path / "t.csv", "y")
    X[3, 1] = X[4, 2] = X[5, 2] = np.nan
    for table in (archive, csv):
        np.testing.assert_array_equal(table.X, X)
        assert table.notes == (
            "2 of 3 columns with infinite values, which are taken as missing: x1 (1), x2 (2)",
        )


def test_archives_of_dates_and_of_columns(tmp_path):
    pytest.importorskip("pandas")
    days = np.datetime64("2020-01-01") + np.arange(40).reshape(20, 2)
    y = np.arange(20) % 4 == 0
    np.savez(tmp_path / "t.npz", X=days, y=y)
    np.testing.assert_array_equal(read_table(tmp_path / "t.npz").X, days.astype(float))
    columns = np.zeros(20, dtype=[("a", float), ("day", "datetime64[D]")])
    columns["a"], columns["day"] = np.arange(20), days[:, 0]
    np.savez(tmp_path / "t.npz", X=columns, y=y.astype("S5"))
    table = read_table(tmp_path / "t.npz")
    np.testing.assert_array_equal(table.X[:, 1], days[:, 0].astype(float))
    np.testing.assert_array_equal(table.y, y)


def test_words_for_missing_values_are_missing_in_every_file(monkeypatch, tmp_path):
    columns = {"a": ["NA", "x", None, "z"] * 5, "b": ["1", "", "n/a", "4"] * 5, "y": [0, 1] * 10}
    table = frame_table(monkeypatch, tmp_path, columns)
    assert table.X["column0"].isna().tolist() == [True, False, True, False] * 5
    assert table.X["column1"].isna().tolist() == [False, True, True, False] * 5


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
