import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.speed import PARTS, QUICK, _pieces, read_speed, render_speed
from benchmarks.speed._pieces import Piece
from skbudget.__main__ import main

NEEDED = {
    "fit": ("lightgbm", "xgboost"),
    "growth": ("lightgbm", "xgboost"),
    "rank": ("lightgbm", "xgboost"),
    "scale": ("lightgbm",),
    "losses": ("torch", "imbalanced_losses"),
    "networks": ("torch", "skorch"),
}
PEERS = {
    "fit": ["PAUCObjective", "binary", "binary:logistic", "no-op objective", "in the objective"],
    "rank": ["PAUCObjective", "topk 60", "mean 1", "lambdarank, 2 queries at random", "ceiling"],
    "scale": [
        "0.1 %, default band", "0.1 %, whole AUC", "1 %, default band", "1 %, whole AUC",
        "20 %, default band", "20 %, whole AUC", "brute force", "a round of LightGBM binary",
    ],
    "memory": ["default band", "whole AUC", "float32 scores", "float64 scores"],
    "losses": ["PAUCAtBudgetLoss", "imbalanced-losses", "pairwise, queue", "trapezoid, queue"],
    "pool": ["rows within reach", "binary:logistic", "all rows", "shifted normals"],
    "growth": ["rows within reach", "binary:logistic", "bytes added per row", "exponent"],
    "estimators": ["PAUCLGBMClassifier, as it comes", "XGBClassifier, L2 5", "mammography"],
    "lists": ["approx_ndcg", "listwise_softmax", "np.sort", "0.1 % positives"],
    "networks": ["PAUCClassifier", "BCEWithLogitsLoss in skorch", "per epoch"],
    "metric": ["coverage_at_budget_score", "sklearn roc_curve", "'population'", "'fpr'"],
}  # fmt: skip
QUICK_RUN = ["speed", "--quick", "--pairs", "1", "--n-jobs", "1"]


def fails(capsys, *arguments):
    """Return the error message of a call that must not start any work."""
    with pytest.raises(SystemExit) as stopped:
        main(["speed", *arguments])
    assert stopped.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err.splitlines()[-1]


@pytest.fixture
def no_work(monkeypatch):
    def refuse(*arguments, **settings):
        raise AssertionError("work was started")

    monkeypatch.setattr("benchmarks.speed._command._measure", refuse)


@pytest.mark.parametrize("part", PARTS)
def test_a_quick_run_reports_every_peer(part, capsys, tmp_path):
    for module in NEEDED.get(part, ()):
        pytest.importorskip(module)
    record = tmp_path / "speed.json"
    assert main([*QUICK_RUN, "--parts", part, "--json", str(record)]) == 0
    captured = capsys.readouterr()
    for peer in PEERS[part]:
        assert peer in captured.out
    assert [name for name in PARTS if f"{name}: {PARTS[name]}" in captured.out] == [part]
    assert f"{part}: " in captured.err

    speed = read_speed(record)
    assert captured.out.strip() == render_speed(speed).strip()
    assert json.loads(json.dumps(speed.to_dict())) == json.loads(record.read_text())
    assert (speed.about["n_jobs"], speed.about["quick"]) == (1, True)
    assert speed.about["complete"]
    assert {"skbudget", "python", "numpy"} <= set(speed.about["versions"])
    assert all(taken > 0 for turns in speed.turns for times in turns.seconds.values()
               for taken in times)  # fmt: skip
    assert all(peak.peak > 8 * peak.rows for peak in speed.peaks)


def test_libauc_is_a_peer_where_it_is_installed(capsys):
    pytest.importorskip("torch")
    pytest.importorskip("libauc.losses")
    assert main([*QUICK_RUN, "--parts", "losses", "--quiet"]) == 0
    captured = capsys.readouterr()
    assert "LibAUC pAUC_DRO_Loss" in captured.out
    assert "Below 1 ours is faster" not in captured.out
    assert "measurements done" not in captured.err


def test_rows_pairs_and_a_picture(capsys, tmp_path):
    pytest.importorskip("matplotlib")
    picture = tmp_path / "scale.png"
    arguments = ["--parts", "scale", "--rows", "3000,1000", "--picture", str(picture)]
    assert main([*QUICK_RUN, *arguments, "--pairs", "3", "--json", "-", "--quiet"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["about"]["effort"]["scale_rows"] == [1000, 3000]
    assert {turns["rows"] for turns in content["turns"]} == {1000, 3000}
    assert {len(times) for turns in content["turns"] for times in turns["seconds"].values()} == {3}
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--parts", "magic"], "unknown part 'magic' (choose from fit, pool, growth,"),
        (["--parts", ","], "must be one name or several, separated by commas: got ','"),
        (
            ["--rows", "some"],
            "--rows: must be whole numbers, at least 1000, separated by commas: got 'some'",
        ),
        (
            ["--rows", "1e6"],
            "--rows: must be whole numbers, at least 1000, separated by commas: got '1e6'",
        ),
        (["--rows", ","], "at least 1000, separated by commas: got none"),
        (["--rows", "1000000,10"], "must be at least 1000: got 10"),
        (["--pairs", "0"], "must be at least 1: got 0"),
        (["--n-jobs", "0"], "at least 1, or -1 for all processors: got 0"),
        (["--parts", "fit", "--rows", "1000"], "--rows 1000 is for part scale or growth"),
        (["--parts", "fit", "--picture", "out.png"], "--picture out.png is for part scale"),
        (["--picture", "out.docx"], "should end in one of"),
        (["--picture", "no/such/out.png"], "--picture: there is no folder"),
        (["--json", "no/such/out.json"], "--json: there is no folder"),
        (["--json", "."], "--json: '.' is a folder"),
        (["nonsense"], "unrecognized arguments: nonsense"),
        (["--part", "fit"], "unrecognized arguments"),
    ],
)
def test_bad_options_stop_before_any_work(capsys, no_work, arguments, message):
    if "--picture" in arguments:
        pytest.importorskip("matplotlib")
    assert message in fails(capsys, *arguments)


def test_no_matplotlib(capsys, monkeypatch, no_work):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.backends.backend_agg", None)
    assert 'pip install "skbudget[plot]"' in fails(capsys, "--picture", "out.png")


def test_nothing_that_can_run(capsys, monkeypatch, no_work):
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    monkeypatch.setitem(sys.modules, "xgboost", None)
    message = fails(capsys, "--parts", "fit,rank")
    assert message.count('pip install "skbudget[lightgbm]"') == 1
    assert 'needs xgboost: pip install "skbudget[xgboost]"' in message


def test_a_missing_package_leaves_out_its_lines(capsys, monkeypatch):
    pytest.importorskip("lightgbm")
    monkeypatch.setitem(sys.modules, "xgboost", None)
    assert main([*QUICK_RUN, "--parts", "rank", "--quiet"]) == 0
    captured = capsys.readouterr()
    assert captured.err.splitlines() == [
        'rank with XGBoost is left out: it needs xgboost: pip install "skbudget[xgboost]"'
    ]
    assert "lambdarank" in captured.out
    assert "rank:pairwise" not in captured.out
    assert "rank with XGBoost left out" in captured.out


def test_scale_needs_no_booster(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    assert main([*QUICK_RUN, "--parts", "scale", "--rows", "1000", "--quiet"]) == 0
    captured = capsys.readouterr()
    assert "a round of LightGBM binary, for context is left out" in captured.err
    assert "20 %, whole AUC" in captured.out


def pieces_with(measure):
    """Return a plan of a part that works and one that does not."""
    memory = _pieces._PLANS["memory"]
    return lambda parts, effort: [
        *memory(replace(effort, memory_rows=1000)),
        Piece("metric", "metric", measure),
    ]


def test_a_part_that_fails_spares_the_others(capsys, monkeypatch):
    def measure():
        raise MemoryError("too many rows")

    monkeypatch.setattr(_pieces, "plan_pieces", pieces_with(measure))
    assert main([*QUICK_RUN, "--quiet"]) == 1
    captured = capsys.readouterr()
    assert "bytes per row, of 1 000 rows" in captured.out
    assert "error: metric failed: MemoryError: too many rows" in captured.err


def test_interruption(capsys, monkeypatch, tmp_path):
    def measure():
        raise KeyboardInterrupt

    record = tmp_path / "speed.json"
    monkeypatch.setattr(_pieces, "plan_pieces", pieces_with(measure))
    assert main([*QUICK_RUN, "--json", str(record)]) == 130
    captured = capsys.readouterr()
    assert "bytes per row, of 1 000 rows" in captured.out
    assert "Interrupted: what was finished by then is shown." in captured.err
    speed = read_speed(record)
    assert not speed.about["complete"]
    assert len(speed.peaks) == 4

    monkeypatch.setattr(
        _pieces, "plan_pieces", lambda parts, effort: [Piece("metric", "metric", measure)]
    )
    assert main([*QUICK_RUN, "--quiet"]) == 130
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "Interrupted.\n")


def test_a_result_that_cannot_be_written(capsys, monkeypatch):
    def no_space(self, *args, **kwargs):
        raise OSError("No space left on device")

    monkeypatch.setattr("pathlib.Path.write_text", no_space)
    monkeypatch.setattr(
        _pieces, "plan_pieces", lambda parts, effort: _pieces._PLANS["memory"](
            replace(effort, memory_rows=1000)
        )
    )  # fmt: skip
    assert main([*QUICK_RUN, "--json", "speed.json"]) == 1
    captured = capsys.readouterr()
    assert "bytes per row" in captured.out
    assert "error: No space left on device" in captured.err


def test_help_is_quick_and_imports_nothing_heavy():
    code = (
        "import sys\nfrom skbudget.__main__ import main\n"
        "try: main(['speed', '--help'])\n"
        "except SystemExit as stopped: print('status', stopped.code)\n"
        "print([m for m in ('numpy','sklearn','lightgbm','xgboost','torch','matplotlib')"
        " if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    *help_text, status, heavy = out.stdout.splitlines()
    assert (status, heavy) == ("status 0", "[]")
    for word in ("--parts", "--rows", "--picture", "--json", "examples:", *PARTS):
        assert word in "\n".join(help_text)


def test_time_in_the_objective_is_within_that_of_training():
    pytest.importorskip("lightgbm")
    from benchmarks.speed._boosters import FIT_SETTINGS, fit_lightgbm

    turns = fit_lightgbm(FIT_SETTINGS[0], replace(QUICK, fit_rows=2000, fit_rounds=3, pairs=2))
    assert len(turns.inside) == len(turns.seconds[turns.ours]) == 2
    assert all(0 < part < whole for part, whole in zip(turns.inside, turns.seconds[turns.ours]))


def test_brute_force_sums_over_the_objectives_own_pairs():
    from benchmarks.speed._calls import BANDS, _brute_force, _draw

    y, scores = _draw(4000, 0.01)
    for name, objective in BANDS.items():
        brute = _brute_force(y, scores, objective, QUICK.brute_pairs)()
        gradient, _ = objective(y, scores)
        # Both are sums over pairs, but ours is divided by its number of negatives.
        mine = np.sort(-gradient[y == 1] * brute.sigma_neg.size)
        np.testing.assert_allclose(mine, np.sort(brute.sigma_pos), rtol=1e-4, err_msg=name)
        assert _brute_force(y, scores, objective, most_pairs=100) is None
