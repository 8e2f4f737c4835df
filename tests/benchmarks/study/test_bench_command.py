import subprocess
import sys

import numpy as np
import pytest

from benchmarks.study import CONTENDERS, read_results, study_tables
from benchmarks.study._contenders import runs_on
from skbudget.__main__ import main

pytest.importorskip("lightgbm")
pytest.importorskip("optuna")

QUICK = ["bench", "--quick", "--seeds", "1", "--n-jobs", "1"]
TWO = ["--methods", "lightgbm,pauc-lightgbm", "--tables", "mammography,mine"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SKBUDGET_DATA", raising=False)
    rng = np.random.default_rng(0)
    y = (rng.random(600) < 0.1).astype(int)
    X = rng.standard_normal((600, 3))
    X[:, 0] += 2 * y
    (tmp_path / "tables").mkdir()
    np.savez(tmp_path / "tables" / "mine.npz", X=X, y=y)
    return tmp_path


def fails(capsys, *arguments):
    with pytest.raises(SystemExit) as stopped:
        main(["bench", *arguments])
    assert stopped.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err.splitlines()[-1]


def test_a_study_runs_is_reported_and_goes_on(folder, capsys):
    pytest.importorskip("matplotlib")
    command = [*QUICK, *TWO, "--folder", "tables"]
    assert main([*command, "--report", "study.md", "--pictures", "pictures"]) == 0
    captured = capsys.readouterr()
    report = (folder / "study.md").read_text(encoding="utf-8")
    assert captured.out.strip() == report.strip()
    for words in ("mammography", "mine", "PAUCLGBMClassifier", "Mean rank over 2 tables"):
        assert words in report
    # The ranks of two tables tell nothing, so they are not drawn.
    drawn = [file.name for file in (folder / "pictures").iterdir()]
    assert drawn == ["differences-pauc-lightgbm.png"]
    measures = read_results(folder / "study-quick.csv")
    assert len(measures) == 2 * 2 * 3 * 2  # tables, methods, budgets, bases
    assert {measure.trials for measure in measures if measure.method == "lightgbm"} == {3}

    before = (folder / "study-quick.csv").read_bytes()
    assert main(command) == 0  # nothing left to do
    assert (folder / "study-quick.csv").read_bytes() == before
    assert main([*command, "--methods", "xgboost"]) == 0
    assert len(read_results(folder / "study-quick.csv")) == 3 * 2 * 3 * 2
    assert "XGBoost" in capsys.readouterr().out


def test_the_same_seeds_give_the_same_figures(folder, capsys):
    command = [*QUICK, *TWO, "--folder", "tables", "--budgets", "0.05", "--quiet"]
    for name in ("one.csv", "two.csv"):
        assert main([*command, "--results", name]) == 0
    one, two = (
        [(m.method, m.basis, m.test, m.parameters) for m in read_results(folder / name)]
        for name in ("one.csv", "two.csv")
    )
    assert one == two


def test_a_report_needs_no_run(folder, capsys):
    command = [*QUICK, *TWO, "--folder", "tables"]
    assert "There is no file of results" in fails(capsys, *command[1:], "--report-only")
    main([*command, "--budgets", "0.05"])
    fpr = capsys.readouterr().out
    assert main([*command, "--report-only", "--basis", "population"]) == 0
    population = capsys.readouterr().out
    assert "5 %" in population
    assert fpr != population


def test_a_report_needs_no_tables(folder, capsys):
    main([*QUICK, *TWO, "--folder", "tables", "--budgets", "0.05"])
    with_tables = capsys.readouterr().out
    (folder / "tables" / "mine.npz").unlink()
    report = ["bench", "--report-only", "--results", "study-quick.csv"]
    assert main(report) == 0
    assert capsys.readouterr().out == with_tables
    assert main([*report, "--tables", "mine"]) == 0
    only_mine = capsys.readouterr().out
    assert "| mine " in only_mine
    assert "mammography" not in only_mine
    assert "Unknown table 'aloi': study-quick.csv has mammography, mine." in fails(
        capsys, *report[1:], "--tables", "aloi"
    )
    assert "Unknown group 'contested': study-quick.csv has real." in fails(
        capsys, *report[1:], "--groups", "contested"
    )


def test_a_csv_needs_its_target(folder, capsys):
    pytest.importorskip("pandas")
    rows = ["amount,fraud"] + [f"{k % 7},{int(k % 10 == 0)}" for k in range(200)]
    (folder / "tables" / "claims.csv").write_text("\n".join(rows))
    message = fails(capsys, "--folder", "tables", "--tables", "claims")
    assert "claims.csv" in message
    assert "--target" in message
    command = [*QUICK, "--folder", "tables", "--target", "fraud", "--tables", "claims"]
    assert main([*command, "--methods", "lightgbm", "--budgets", "0.1"]) == 0
    assert "claims" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--methods", "magic"], "Unknown method 'magic': it should be one of lightgbm,"),
        (["--tables", "magic"], "Unknown table 'magic'"),
        (["--groups", "magic"], "Unknown group 'magic'"),
        (["--budgets", "2"], "budget"),
        (["--budgets", "some"], "--budgets: must be a fraction in (0, 1): got 'some'"),
        (["--seeds", "0"], "at least 1"),
        (["--search-rows", "10"], "at least 1000"),
        (["--folder", "nowhere"], "There is no folder 'nowhere'"),
        (["--report", "nowhere/study.md"], "--report: there is no folder 'nowhere'"),
    ],
)
def test_bad_options_stop_before_any_work(folder, capsys, arguments, message):
    assert message in fails(capsys, *arguments)
    assert not (folder / "study.csv").exists()


def test_other_trials_need_another_file(folder, capsys):
    command = [*QUICK, "--methods", "lightgbm", "--tables", "mammography", "--budgets", "0.05"]
    assert main(command) == 0
    capsys.readouterr()
    assert "name another file" in fails(capsys, *command[1:], "--trials", "2")


def test_methods_and_tables_are_listed(folder, capsys):
    assert main(["bench", "--list"]) == 0
    listed = capsys.readouterr().out
    for name in (*CONTENDERS, *(table.name for table in study_tables())):
        assert f"  {name} " in listed
    assert not (folder / "study.csv").exists()


def test_everything_runs_on_real_tables_and_the_closest_on_generated_ones():
    tables = {table.name: table for table in study_tables()}
    on = {
        name: {one.name for one in CONTENDERS.values() if runs_on(one, table)}
        for name, table in tables.items()
    }
    assert on["mammography"] == set(CONTENDERS)
    assert {"lightgbm", "pauc-lightgbm", "pauc-ensemble"} < on["hard-bulk"] < set(CONTENDERS)
    assert on["regime-linear-rate-0.05-decoys-0"] == {"lightgbm", "pauc-lightgbm"}


def test_help_is_quick_and_imports_nothing_heavy():
    code = (
        "import sys\n"
        "from skbudget.__main__ import main\n"
        "try:\n    main(['bench', '--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'lightgbm', 'xgboost', 'catboost', 'optuna', 'pandas', 'matplotlib'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--search-rows" in done.stdout
