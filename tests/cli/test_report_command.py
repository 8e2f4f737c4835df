import json

import numpy as np
import pytest

from skbudget.__main__ import main
from skbudget.model_selection import adoption_report

pytest.importorskip("lightgbm")

QUICK = ["--folds", "2", "--repeats", "1", "--n-jobs", "1", "--budget", "0.2"]


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    y = (rng.random(400) < 0.1).astype(int)
    X = rng.standard_normal((400, 3))
    X[:, 0] += 2 * y
    return X, y


@pytest.fixture
def table_file(tmp_path, table):
    np.savez(tmp_path / "mine.npz", X=table[0], y=table[1])
    return str(tmp_path / "mine.npz")


def test_report_on_a_file(capsys, tmp_path, table, table_file):
    files = {kind: tmp_path / f"report.{kind}" for kind in ("json", "html")}
    outputs = [word for kind, path in files.items() for word in (f"--{kind}", str(path))]
    assert main(["report", "--data", table_file, *QUICK, *outputs]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("Recommendation: ")
    assert "20 % of the rows" in shown.out
    assert "mine: four models on 2 splits" in shown.err
    found = json.loads(files["json"].read_text(encoding="utf-8"))
    assert [model["role"] for model in found["models"]] == [
        "baseline",
        "hard_negatives",
        "probe",
        "candidate",
    ]
    page = files["html"].read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert f"Recommendation: {found['recommendation']}" in page

    from sklearn.model_selection import RepeatedStratifiedKFold

    cv = RepeatedStratifiedKFold(n_splits=2, n_repeats=1, random_state=0)
    expected = adoption_report(*table, budget=0.2, cv=cv, random_state=0).to_dict()
    for report in (expected, found):
        for model in report["models"]:
            del model["fit_seconds"]
    assert found == json.loads(json.dumps(expected))


def test_what_was_prepared_is_said_even_without_progress(capsys, tmp_path, table):
    X, y = table[0].copy(), np.where(table[1] == 1, "bad", "good")
    X[:3, 1] = np.inf
    np.savez(tmp_path / "mine.npz", X=X, y=y)
    assert main(["report", "--data", str(tmp_path / "mine.npz"), *QUICK, "--quiet"]) == 0
    assert capsys.readouterr().err.splitlines() == [
        "1 of 3 columns with infinite values, which are taken as missing: x1 (3)",
        "'bad' is taken as the positive label, because it is the rarer one "
        f"({table[1].sum()} of 400 rows); --positive names another one",
    ]


def test_quick_is_a_forecast(capsys, table, table_file):
    words = ["--data", table_file, "--budget", "0.2", "--quick", "--json", "-"]
    assert main(["report", *words]) == 0
    shown = capsys.readouterr()
    assert "mine: two short models on one split" in shown.err
    found = json.loads(shown.out)
    expected = adoption_report(*table, budget=0.2, quick=True, random_state=0).to_dict()
    assert found["forecast"] == expected["forecast"]
    assert [model["role"] for model in found["models"]] == ["baseline", "candidate"]


def test_quick_does_not_look_at_the_folds(capsys, tmp_path, table, table_file):
    words = ["--budget", "0.2", "--quick", "--n-jobs", "1"]
    assert main(["report", "--data", table_file, *words, "--folds", "100"]) == 0
    X, y = table
    for n_positives in (4, 1):
        kept = np.concatenate([np.flatnonzero(y == 0), np.flatnonzero(y)[:n_positives]])
        np.savez(tmp_path / "few.npz", X=X[kept], y=y[kept])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main(["report", "--data", str(tmp_path / "few.npz"), *words])
        assert stopped.value.code == 2
        said = capsys.readouterr().err
        assert f"at least 5 rows of each class. The positive one has {n_positives}" in said
        assert "folds" not in said.partition("error:")[2]


def test_json_in_place_of_the_text(capsys, table_file):
    words = ["--basis", "fpr", "--repeats", "2", "--min-lift", "0.1", "--quiet", "--json", "-"]
    assert main(["report", "--data", table_file, *QUICK, *words]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    found = json.loads(shown.out)
    assert (found["basis"], found["n_splits"], found["min_lift"]) == ("fpr", 4, 0.1)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--budget", "50"], "50 basis points are 0.005"),
        (["--min-lift", "2"], "must be a fraction in (0, 1): got 2"),
        (["--folds", "1"], "must be at least 2: got 1"),
        (["--min-lift", "two"], "--min-lift: must be a fraction in (0, 1): got 'two'"),
        (["--folds", "300"], "--folds: mammography has 260 positive"),
        (["--jobs", "0"], "at least 1, or -1 for all processors: got 0"),
        (["--target", "fraud"], "--target fraud describes the table of --data"),
        (["--data", "claims.csv"], "--data claims.csv needs --target COLUMN"),
        (["--data", "nowhere.npz"], "--data: There is no file 'nowhere.npz'"),
        (["--data", "a.npz", "--table", "mammography"], "a report is about one"),
        (["--table", "nothing"], "--table: The table 'nothing' does not come with skbudget"),
        (["--json", "no/such/folder.json"], "there is no folder 'no/such'"),
    ],
)
def test_bad_options(capsys, monkeypatch, words, message):
    monkeypatch.delenv("SKBUDGET_DATA", raising=False)
    with pytest.raises(SystemExit) as stopped:
        main(["report", *words])
    assert stopped.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err


def test_a_file_that_cannot_be_written(capsys, monkeypatch, table_file, tmp_path):
    from pathlib import Path

    def no_space(self, *args, **kwargs):
        raise OSError("No space left on device")

    monkeypatch.setattr(Path, "write_text", no_space)
    words = ["--quiet", "--html", str(tmp_path / "report.html")]
    assert main(["report", "--data", table_file, *QUICK, *words]) == 1
    shown = capsys.readouterr()
    assert "Recommendation: " in shown.out
    assert "error: No space left on device" in shown.err


def test_interrupted(capsys, monkeypatch, table_file):
    import skbudget.model_selection as model_selection

    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(model_selection, "adoption_report", interrupt)
    assert main(["report", "--data", table_file, *QUICK, "--quiet"]) == 130
    assert capsys.readouterr().err == "Interrupted.\n"
