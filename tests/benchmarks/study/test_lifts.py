"""Measured lifts and the forecast that is fitted to them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks._tidy import read_rows
from benchmarks.study import _lifts
from benchmarks.study._forecast import (
    _each_pilot,
    answerable,
    fit_line,
    forecast_left_out,
    render_forecast,
    to_cells,
)
from benchmarks.study._lifts import (
    Lift,
    LiftTable,
    Rows,
    caught,
    lift_tables,
    measure_table,
    run_lifts,
    split_table,
)
from benchmarks.study._public import main
from skbudget.model_selection import adoption_report
from skbudget.model_selection.report._forecast import FITTED


def row(table="one", split=0, budget=0.01, *, lift=0.02, pilot=0.03, **given):
    usual = {
        "origin": table,
        "basis": "fpr",
        "n_train": 6_000,
        "n_features": 8,
        "positives_train": 120,
        "positives_test": 80,
        "plain": 0.5,
        "plain_near": 0.5,
        "tuned": 0.51,
        "tuned_near": 0.51,
        "ours": 0.5 + lift,
        "ours_near": 0.5 + lift,
        "error": 0.01,
        "pilot": pilot,
        "pilot_error": 0.0,
        "pilot_covered": 0.4,
        "pilot_cost": 0.6,
        "covered": 0.45,
        "covered_own": 0.9,
        "learnt": 0.1,
        "near_misses": 0.2,
        "slope": 0.1,
        "auc": 0.9,
        "band_auc": 0.7,
    }
    return Lift(table=table, split=split, budget=budget, **{**usual, **given})


def many(n=60, noise=0.0, seed=0):
    """Return rows on the line 0.005 + 0.8 x, for a pilot's lift of x that is certain."""
    rng = np.random.default_rng(seed)
    pilots = rng.uniform(-0.05, 0.15, n)
    lifts = 0.005 + 0.8 * np.maximum(pilots, 0.0) + noise * rng.standard_normal(n)
    return [
        row(f"t{i}", lift=lift, pilot=pilot, auc=rng.uniform(0.6, 1.0), error=0.003)
        for i, (lift, pilot) in enumerate(zip(lifts, pilots))
    ]


def test_line_and_spread_are_found():
    found = fit_line(many(noise=0.02, n=400), "2026-01-01")
    assert found.base == pytest.approx(0.005, abs=0.004)
    assert found.slope == pytest.approx(0.8, abs=0.06)
    assert found.spread == pytest.approx(0.02, abs=0.002)
    assert (found.n_tables, found.date) == (400, "2026-01-01")


def test_errors_of_measurement_are_no_spread():
    rows = [replace(one, error=0.02) for one in many(noise=0.02, n=400)]
    assert fit_line(rows).spread < 0.007


def test_a_forecast_does_not_know_tables_of_its_origin():
    rows = many(noise=0.01)
    odd = [row(f"odd{i}", origin="odd", lift=0.4, pilot=0.1) for i in range(5)]
    without = fit_line(rows)
    forecast, _ = forecast_left_out(rows + odd)
    assert forecast[-5:] == pytest.approx(without.base + without.slope * 0.1)
    assert fit_line(rows + odd).slope > without.slope


def test_positives_as_common_as_the_budget_are_left_out():
    common = row(budget=0.02, basis="population")
    rare = replace(common, budget=0.05)
    assert answerable([common, rare, row(budget=0.02)]) == [rare, row(budget=0.02)]


def test_cells_are_means_over_splits():
    rows = [row(lift=0.1, error=0.03), row(split=1, lift=0.2, error=0.04), row("two")]
    cells = to_cells(rows, np.array([0.1, 0.3, 0.0]), np.full(3, 0.02))
    assert cells.table.tolist() == ["one", "two"]
    assert cells.lift == pytest.approx([0.15, 0.02])
    assert cells.forecast == pytest.approx([0.2, 0.0])
    assert cells.error == pytest.approx([0.025, 0.01])
    assert to_cells(rows, np.zeros(3), np.ones(3), "tuned").lift[1] == pytest.approx(0.01)


def test_a_pilot_by_itself_beside_the_mean_lift():
    rows = [row(lift=0.1), row("two"), row(split=1, lift=0.2)]
    cells = to_cells(rows, np.zeros(3), np.ones(3))
    found = _each_pilot(rows, np.array([0.1, 0.0, 0.3]), np.ones(3), cells)
    assert found.forecast.tolist() == [0.1, 0.0, 0.3]
    assert found.lift == pytest.approx([0.15, 0.02, 0.15])


def test_what_the_package_stores_is_fitted_to_the_file_beside_the_docs():
    path = Path(__file__).parents[3] / "docs/adoption-lifts.csv"
    found = fit_line(answerable(read_rows(path, Lift)), FITTED.date)
    assert FITTED.base == pytest.approx(found.base, abs=6e-5)
    assert FITTED.slope == pytest.approx(found.slope, abs=6e-4)
    assert FITTED.spread == pytest.approx(found.spread, abs=6e-5)
    assert FITTED.n_tables == found.n_tables


def test_report_of_a_perfect_forecast():
    text = render_forecast(many(), "2026-01-01")
    line = next(line for line in text.splitlines() if line.startswith("| all, means"))
    name, number, correlation, slope, *_ = (cell.strip() for cell in line.strip("|").split("|"))
    assert name == "all, means of the pilots of the splits"
    assert (number, correlation, slope) == ("60", "1.00, 1.00", "1.00")
    assert "(100%)" in line
    assert "FittedForecast(base=0.0050, slope=0.800, spread=" in text
    assert "median 0.60, less than 1 in 100%" in text


# --- the measurement ----------------------------------------------------------------------


def small(n=1_500, *, time=None):
    rng = np.random.default_rng(0)
    y = (np.arange(n) % 20 == 0).astype(np.int64)
    return Rows(rng.standard_normal((n, 4)) + y[:, None], y, time)


def test_what_a_budget_catches():
    y = np.array([1, 0, 1, 0, 1] + [0] * 95)
    at, near = caught(y, -np.arange(100.0), 1 / 97, "fpr")
    assert at.tolist() == [1, 1, 0]
    assert near[0] == 1.0
    assert 0.0 < near[2] < near[1] <= 1.0


def test_later_rows_are_tested():
    time = np.random.RandomState(1).permutation(1_500).astype(float)
    rows = small(time=time)
    rows = rows._replace(X=np.column_stack([time, rows.X]))
    parts = split_table(rows, 0)
    assert parts.X[:, 0].max() < parts.X_test[:, 0].min()
    assert parts.X_test[:, 0].max() == 1_499
    assert len(parts.y_test) == round(0.4 * 1_200)
    assert split_table(rows, 1).X_test[:, 0].max() == 1_349


def test_large_tables_are_sampled(monkeypatch):
    monkeypatch.setattr(_lifts, "MAX_ROWS", 1_000)
    parts = split_table(small(), 0)
    assert (len(parts.y), len(parts.y_test)) == (600, 400)
    assert parts.y.sum() + parts.y_test.sum() == 50


def test_pilot_is_the_reports():
    table = LiftTable("small", "small", small)
    rows = measure_table(table, 0)
    assert {(one.budget, one.basis) for one in rows} == {(0.02, "fpr"), (0.02, "population")}
    parts = split_table(small(), 0)
    report = adoption_report(parts.X, parts.y, budget=0.02, basis="fpr", quick=True, random_state=0)
    assert rows[0].pilot == pytest.approx(report.forecast.pilot.mean)
    assert rows[0].pilot_error == pytest.approx(report.forecast.pilot.half_width / 1.6448536)
    assert rows[0].covered_own > rows[0].covered > 0.0
    assert rows[0].positives_train == 45


def test_tables_are_those_of_the_folders(tmp_path):
    np.savez(tmp_path / "yeast4.npz", X=np.zeros((3, 1)), y=[0, 1, 0])
    found = {table.name: table for table in lift_tables([tmp_path])}
    assert found["yeast4"].origin == "yeast"
    assert found["yeast4"].read().time is None
    assert found["product_2_5"].origin == found["uncontested"].origin == "contested tops"


def test_the_command_continues(tmp_path, monkeypatch, capsys):
    tables = [LiftTable(name, name, small) for name in "abcd"]
    asked = []

    def measure(table, split):
        asked.append((table.name, split))
        return [row(table.name, split, pilot=0.01 * len(asked), lift=0.01 * len(asked))]

    monkeypatch.setattr(_lifts, "lift_tables", lambda folders: tables)
    monkeypatch.setattr(_lifts, "measure_table", measure)
    path = tmp_path / "lifts.csv"
    assert len(run_lifts([tmp_path], path, 1)) == 4
    words = ["--lifts", str(tmp_path), "--results", str(path), "--splits", "2"]
    assert main(words) == 0
    assert asked == [(name, split) for split in (0, 1) for name in "abcd"]
    assert "4 tables of 4 origins, 2 splits." in capsys.readouterr().out
    assert main(["--forecast", "--results", str(path)]) == 0
    assert len(asked) == 8


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--lifts", "no/such/folder"], "there is no folder 'no/such/folder'"),
        (["--forecast", "--results", "nothing.csv"], "nothing.csv"),
        ([], "one of the arguments --public-tables --lifts --forecast is required"),
    ],
)
def test_bad_options(words, message, capsys):
    with pytest.raises(SystemExit):
        main(words)
    assert message in capsys.readouterr().err
