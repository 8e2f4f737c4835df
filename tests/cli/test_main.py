import dataclasses
import json
import re
import signal
import subprocess
import sys
import time
from functools import partial

import numpy as np
import pytest

from skbudget.__main__ import COMMANDS, main
from skbudget.cli import METHODS

QUICK = ["--seeds", "2", "--train-rows", "2000", "--test-rows", "3000", "--n-jobs", "1"]
ONE = ["--methods", "lightgbm"]

pytest.importorskip("lightgbm")


@pytest.fixture
def table_file(tmp_path):
    rng = np.random.default_rng(0)
    y = (rng.random(300) < 0.1).astype(int)
    X = rng.standard_normal((300, 3))
    X[:, 0] += 2 * y
    np.savez(tmp_path / "mine.npz", X=X, y=y)
    return tmp_path / "mine.npz"


def fails(capsys, *arguments):
    """Return the error message of a call that must not start any work."""
    with pytest.raises(SystemExit) as stopped:
        main(list(arguments))
    assert stopped.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err.splitlines()[-1]


@pytest.mark.parametrize("command", ["compare", "report"])
def test_a_file_with_semicolons(command, tmp_path, capsys):
    pytest.importorskip("pandas")
    path = tmp_path / "t.csv"
    path.write_text("amount;y\n" + "1,5;0\n2,5;1\n" * 40)
    message = fails(capsys, command, "--data", str(path), "--target", "y")
    assert "has no column 'y'" in message
    assert "It seems to be separated by ';', and not by ','. Write it anew:" in message


def test_help_is_quick_and_imports_nothing_heavy():
    code = (
        "import sys\nfrom skbudget.__main__ import main\n"
        "try: main(['--help'])\n"
        "except SystemExit as stopped: print('status', stopped.code)\n"
        "print([m for m in ('numpy','sklearn','lightgbm','xgboost','pandas','matplotlib')"
        " if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    *help_text, status, heavy = out.stdout.splitlines()
    assert (status, heavy) == ("status 0", "[]")
    for word in ("--budget", "--cue", "--data", "--splits", "--plot", "--json", "examples:"):
        assert word in "\n".join(help_text)
    for command, one in COMMANDS.items():
        assert re.search(rf"^  {command} +{re.escape(one.about)}$", "\n".join(help_text), re.M)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--budget", "50"], "50 basis points are 0.005"),
        (["--budget", "0"], "--budget: must be a fraction in (0, 1): got '0'"),
        (["--budget", "1"], "With 1, all rows are reviewed. 1 percent is 0.01"),
        (["--budget", "1%"], "got '1%'. 1 percent are 0.01"),
        (["--budget", "nan"], "must be a fraction in (0, 1): got 'nan'"),
        (["--budget", "-0.1"], "must be a fraction in (0, 1): got '-0.1'"),
        (["--budget", "half"], "must be a fraction in (0, 1): got 'half'"),
        (["--basis", "rows"], "invalid choice: 'rows'"),
        (["--methods", "lightgbm,catboost"], "unknown method 'catboost' (choose from lightgbm,"),
        (["--cue", "square"], "unknown cue 'square' (choose from linear, product, radial)"),
        (["--cue", ","], "must be one name or several, separated by commas: got ','"),
        (["--seeds", "0"], "must be at least 1: got 0"),
        (["--seeds", "two"], "--seeds: must be a whole number, at least 1: got 'two'"),
        (["--splits", "3"], "--splits: must be REPEATSxFOLDS"),
        (["--splits", "5x1"], "2 folds, such as 5x3: got '5x1'"),
        (["--train-rows", "10", "--cue", "linear"], "must be at least 1000"),
        (["--test-rows", "1e5", "--cue", "linear"], "a whole number, at least 1000: got '1e5'"),
        (["--random-state", "-1"], "must be at least 0"),
        (["--n-jobs", "0"], "at least 1, or -1 for all processors: got 0"),
        (["--jobs", "all"], "--jobs/--n-jobs: must be a whole number, at least 1, or -1"),
        (["--target", "y"], "--target y describes the table of --data"),
        (["--positive", "y"], "--positive y describes the table of --data"),
        (["--drop", "y,z"], "--drop y,z describes the table of --data"),
        (["--data", "t.csv"], "--data t.csv needs --target COLUMN"),
        (["--data", "none.csv", "--target", "y"], "--data: There is no file 'none.csv'"),
        (["--full-size", "--train-rows", "5000"], "and so does --train-rows 5000: give one"),
        (["--full-size", "--table", "mammography"], "--full-size is for synthetic tables"),
        (["--test-rows", "2000", "--table", "mammography"], "--test-rows 2000 is for synthetic"),
        (["--cue", "linear", "--splits", "5x3"], "--splits 5x3 is for real tables"),
        (["--table", "nothing"], "--table: The table 'nothing' does not come with skbudget"),
        (
            ["--table", "mammography", "--splits", "1x500"],
            "too few for 500 folds with both in each; at most 260 are possible",
        ),
        (["--plot", "out.docx"], "--plot: The name of a picture should end in one of"),
        (["--plot", "no/such/out.png"], "--plot: there is no folder"),
        (["--json", "no/such/out.json"], "--json: there is no folder"),
        (["--json", "."], "--json: '.' is a folder"),
        (["compare", "nonsense"], "unrecognized arguments: nonsense"),
        (["--quiet", "nonsense"], "unrecognized arguments: nonsense"),
        (["--see", "3"], "unrecognized arguments"),
    ],
)
def test_bad_options(capsys, monkeypatch, arguments, message):
    monkeypatch.delenv("SKBUDGET_DATA", raising=False)
    assert message in fails(capsys, *arguments)


def test_target_that_is_not_there(capsys, tmp_path):
    pytest.importorskip("pandas")
    (tmp_path / "t.csv").write_text("a,b\n1,0\n2,1\n")
    data = ["--data", str(tmp_path / "t.csv")]
    message = fails(capsys, *data, "--target", "y")
    assert "--target: t.csv has no column 'y': its columns are 'a', 'b'" in message
    message = fails(capsys, *data, "--target", "b", "--drop", "c")
    assert "--drop: t.csv has no column 'c'" in message
    message = fails(capsys, *data, "--target", "b", "--positive", "yes")
    assert "--positive: Target column 'b' has no label 'yes': its labels are 0, 1" in message


def test_no_matplotlib(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.backends.backend_agg", None)
    assert 'pip install "skbudget[plot]"' in fails(capsys, "--plot", "out.png")


def test_no_booster(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    monkeypatch.setitem(sys.modules, "xgboost", None)
    message = fails(capsys)
    assert 'pip install "skbudget[lightgbm]"' in message
    assert 'pip install "skbudget[xgboost]"' in message


def test_missing_peer_is_a_note(capsys, monkeypatch, table_file):
    monkeypatch.setitem(sys.modules, "xgboost", None)
    arguments = ["--data", str(table_file), "--quiet", "--n-jobs", "1", "--splits", "1x2"]
    assert main([*arguments, "--methods", "lightgbm,xgboost-rank"]) == 0
    assert "XGBoost ranker left out" in capsys.readouterr().out


def test_whole_comparison(capsys, tmp_path):
    pytest.importorskip("xgboost")
    pytest.importorskip("matplotlib")
    picture, record = tmp_path / "out.png", tmp_path / "out.json"
    arguments = ["--cue", "product", *QUICK, "--plot", str(picture), "--json", str(record)]
    assert main([*arguments, "--budget", "0.01"]) == 0
    captured = capsys.readouterr()
    assert "contested top, product cue: coverage in the top 1 % (30 rows)" in captured.out
    for method in METHODS.values():
        assert (method.label in captured.out) == method.by_default
    assert "ceiling" in captured.out
    assert "contested top, product cue: 10 fits done" in captured.err
    assert picture.stat().st_size > 10_000
    content = json.loads(record.read_text())
    assert len(content["runs"]) == 10
    assert [p["name"] for p in content["problems"]] == ["contested top, product cue"]
    assert content["problems"][0]["budget"] == 0.01
    assert {"lightgbm", "xgboost", "skbudget"} <= set(content["versions"])


def test_own_file_and_named_tables(capsys, monkeypatch, table_file):
    monkeypatch.setenv("SKBUDGET_DATA", str(table_file.parent))
    arguments = ["--table", "mine", "--splits", "2x2", "--n-jobs", "1", "--quiet", *ONE]
    assert main([*arguments, "--basis", "fpr", "--budget", "0.1"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert "mine: coverage at a false positive rate of 10 %" in captured.out
    assert "2 x 2 stratified folds" in captured.out
    assert "half the width" not in captured.out
    assert "contested" not in captured.out
    assert main(["--data", str(table_file), "--seeds", "1", "--n-jobs", "1", *ONE]) == 0
    assert "1 x 3 stratified folds" in capsys.readouterr().out


def test_json_on_standard_output_and_repeatable(capsys):
    arguments = ["compare", "--cue", "linear,radial", *QUICK, *ONE, "--json", "-", "--quiet"]
    results = []
    for _ in range(2):
        assert main(arguments) == 0
        content = json.loads(capsys.readouterr().out)
        results.append([run["coverage"] for run in content["runs"]])
    assert results[0] == results[1]
    assert len(results[0]) == 4
    shifted = [*arguments, "--random-state", "7"]
    assert main(shifted) == 0
    runs = json.loads(capsys.readouterr().out)["runs"]
    assert [run["random_state"] for run in runs] == [7, 8, 7, 8]
    assert [run["coverage"] for run in runs] != results[0]


def test_default_data(monkeypatch):
    seen = []
    monkeypatch.setattr(
        "skbudget.cli._comparison.iter_runs",
        lambda problems, methods, n_jobs, n_threads: seen.append(list(problems)) or iter(()),
    )
    monkeypatch.setattr("skbudget.cli._compare_command._show", lambda comparison, options: True)
    for arguments in ([], ["--cue", "radial"], ["--table", "mammography", "--cue", "linear"]):
        main([*arguments, "--quiet"])
    names = [[problem.name for problem in problems] for problems in seen]
    assert names == [
        ["contested top, product cue", "mammography"],
        ["contested top, radial cue"],
        ["contested top, linear cue", "mammography"],
    ]
    contested, mammography = seen[0]
    assert (contested.budget, mammography.budget) == (0.005, 0.03)
    assert (contested.n_draws, contested.n_train, contested.n_test) == (4, 25_000, 100_000)
    assert (mammography.n_repeats, mammography.n_folds) == (1, 3)
    contested, mammography = seen[2]
    assert (contested.n_draws, contested.n_train, contested.n_test) == (4, 100_000, 200_000)
    assert (mammography.n_repeats, mammography.n_folds) == (5, 3)
    main(["--quiet", "--budget", "0.02", "--full-size", "--cue", "product", "--seeds", "8"])
    problem = seen[-1][0]
    assert (problem.budget, problem.n_draws) == (0.02, 8)
    assert (problem.n_train, problem.n_test) == (150_000, 300_000)


def test_the_quick_run_ends_with_the_longer_one(capsys, monkeypatch, tmp_path):
    words = ["--seeds", "2", "--train-rows", "2000", "--test-rows", "2000", "--jobs", "1"]
    record = str(tmp_path / "of all.json")
    assert main([*words, *ONE, "--json", record]) == 0
    captured = capsys.readouterr()
    *_, longer, _, _, _, own = captured.out.splitlines()
    assert longer == (
        "    python -m skbudget --cue product --table mammography --seeds 2 --train-rows 2000 "
        f"--test-rows 2000 --jobs 1 --methods lightgbm --json '{record}'"
    )
    assert own == "    python -m skbudget --data FILE --target COLUMN --budget 0.005"
    assert captured.out.index("contested top") < captured.out.index("mammography")
    assert main(["--cue", "product", *words, *ONE]) == 0
    assert "quick run" not in capsys.readouterr().out
    for silent in (["--quiet"], ["--json", "-"]):
        assert main([*words, *ONE, *silent]) == 0
        assert "quick run" not in capsys.readouterr().out


def test_plain_lines_where_there_is_no_terminal(tmp_path):
    words = ["--seeds", "1", "--train-rows", "2000", "--test-rows", "2000", *ONE]
    done = subprocess.run(
        [sys.executable, "-m", "skbudget", *words], capture_output=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    for shown in (done.stdout.decode(), done.stderr.decode()):
        assert all(character == "\n" or character.isprintable() for character in shown)
    lines = done.stderr.decode().splitlines()
    assert re.fullmatch(r"1 method, 4 fits, \d+ at a time", lines[0])
    assert all(re.fullmatch(r".*: \d.* fits done, \d+ s", line) for line in lines[1:])


def test_notes_are_in_the_json(capsys, tmp_path):
    y = np.array(["fraud"] * 9 + ["fine"] * 51)
    X = np.random.default_rng(0).standard_normal((60, 2))
    X[0, 0] = np.inf
    np.savez(tmp_path / "t.npz", X=X, y=y)
    words = ["--data", str(tmp_path / "t.npz"), "--splits", "1x2", "--jobs", "1", "--quiet"]
    assert main([*words, *ONE, "--json", "-"]) == 0
    (problem,) = json.loads(capsys.readouterr().out)["problems"]
    assert problem["notes"] == [
        "1 of 2 columns with infinite values, which are taken as missing: x0 (1)",
        "'fraud' is taken as the positive label, because it is the rarer one (9 of 60 rows); "
        "--positive names another one",
    ]


def interrupted_after(n_fits):
    fits = []

    def fit(model, X, y):
        fits.append(1)
        if len(fits) > n_fits:
            raise KeyboardInterrupt
        return model.fit(X, y)

    return fit


@pytest.mark.parametrize("n_fits", [0, 1])
def test_interruption(capsys, monkeypatch, tmp_path, n_fits):
    method = dataclasses.replace(METHODS["lightgbm"], fit=interrupted_after(n_fits))
    monkeypatch.setitem(METHODS, "lightgbm", method)
    record = tmp_path / "out.json"
    assert main(["--cue", "product", *QUICK, *ONE, "--json", str(record)]) == 130
    captured = capsys.readouterr()
    if n_fits == 0:
        assert captured.err.splitlines() == ["1 method, 2 fits, 1 at a time", "Interrupted."]
        assert not record.exists()
        return
    assert "Interrupted: 1 of 2 fits done" in captured.out
    content = json.loads(record.read_text())
    assert (content["complete"], len(content["runs"])) == (False, 1)


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
@pytest.mark.parametrize("n_jobs", ["1", "2"])
def test_interruption_of_the_process(n_jobs):
    words = ["--cue", "product", "--seeds", "5000", "--train-rows", "1000", "--test-rows", "1000"]
    process = subprocess.Popen(
        [sys.executable, "-m", "skbudget", *words, *ONE, "--n-jobs", n_jobs],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell that runs the tests in the background makes them ignore interruptions.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.default_int_handler),
    )
    time.sleep(5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Interrupted" in out + err
    assert "Traceback" not in err


def test_result_that_cannot_be_written(capsys, monkeypatch, table_file):
    def no_space(self, *args, **kwargs):
        raise OSError("No space left on device")

    monkeypatch.setattr("pathlib.Path.write_text", no_space)
    arguments = ["--data", str(table_file), "--splits", "1x2", "--n-jobs", "1", *ONE]
    assert main([*arguments, "--json", "out.json"]) == 1
    captured = capsys.readouterr()
    assert "mine: coverage" in captured.out
    assert "error: No space left on device" in captured.err
