import numpy as np
import pytest

from benchmarks.study import Setting
from benchmarks.study._ablation import ABLATION, RULE, STOPPING
from skbudget.__main__ import main
from skbudget.metrics import coverage_at_budget_score

pytest.importorskip("lightgbm")

RNG = np.random.default_rng(0)
Y = (np.arange(6000) < 480).astype(int)
X = RNG.standard_normal((6000, 5)) + np.outer(Y, [1.5, 1.0, 0, 0, 0])
SETTING = Setting(random_state=0, budget=0.02, effort=0.1)


@pytest.fixture(scope="module")
def scores():
    return {name: one.fit({}, X, Y, SETTING)(X) for name, one in ABLATION.items()}


def test_every_change_trains_and_ranks(scores):
    for name, score in scores.items():
        assert score.shape == (6000,)
        assert coverage_at_budget_score(Y, score, budget=0.1) > 0.3, name


def test_every_change_changes_the_model(scores):
    # Cross-fitting may choose the rule, and these rows are too few for more leaves.
    for name in ABLATION:
        if name not in (RULE, "selected", "leaves-255"):
            assert not np.array_equal(scores[name], scores[RULE]), name


def test_the_rule_is_the_estimator_without_selection(scores):
    from skbudget import PAUCLGBMClassifier

    model = PAUCLGBMClassifier(
        budget=0.02, selection_cv=None, calibration_cv=None, n_estimators=20, random_state=0,
        n_jobs=1, verbose=-1,
    )  # fmt: skip
    np.testing.assert_allclose(scores[RULE], model.fit(X, Y).decision_function(X), rtol=1e-6)


def test_a_budget_is_needed():
    for name in (RULE, STOPPING):
        with pytest.raises(ValueError, match="trained for a budget"):
            ABLATION[name].fit({}, X, Y, Setting(random_state=0))


def test_the_command_runs_it(tmp_path, monkeypatch, capsys):
    pytest.importorskip("optuna")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SKBUDGET_DATA", raising=False)
    command = [
        "bench", "--ablation", "--quick", "--seeds", "1", "--n-jobs", "1", "--budgets", "0.05",
        "--tables", "mammography", "--methods", "rule,leaves-31",
    ]  # fmt: skip
    assert main(command) == 0
    shown = capsys.readouterr().out
    assert "31 leaves" in shown
    assert (tmp_path / "ablation-quick.csv").is_file()
    assert not (tmp_path / "study-quick.csv").exists()
