"""The comparison on search queries runs, continues its file, and reports what the file holds."""

import pytest

pytest.importorskip("lightgbm")

from benchmarks.ltr import main
from benchmarks.ltr._command import BEGIN, END, QUICK, render
from benchmarks.ltr._methods import PEER, Settings, find_methods
from benchmarks.ltr._study import CEILING, Effort, read_outcomes, run
from skbudget.objectives import available

TINY = Effort(20, 20, 30, (Settings(0.1, 7),), (5,), 50)


def chosen(*names):
    return [method for method in find_methods() if method.name in names]


def test_it_finds_the_losses_that_there_are():
    names = {method.name for method in find_methods()}
    assert {PEER, "LightGBM rank_xendcg", "LightGBM regression", "LightGBM binary"} <= names
    assert "pairwise_pauc (band of the first pages)" in names
    for loss in ("listwise_softmax", "approx_ndcg", "rank_net", "ordinal_all_threshold"):
        assert any(name.startswith(loss) for name in names) == (loss in available())


def test_it_continues_a_file(tmp_path):
    path = tmp_path / "found.csv"
    methods = chosen(PEER, "LightGBM binary")
    first = list(run(methods[:1], [0], TINY, path))
    assert [one.method for one in first] == [CEILING, PEER]
    # A line that was cut off is run again.
    whole = path.read_text()
    path.write_text(whole + "1,Light")
    assert [one.method for one in read_outcomes(path)] == [CEILING, PEER]
    path.write_text(whole)
    second = list(run(methods, [0], TINY, path))
    assert [one.method for one in second] == ["LightGBM binary"]
    assert list(run(methods, [0], TINY, path)) == []
    outcomes = read_outcomes(path)
    assert len(outcomes) == 3
    peer = outcomes[1]
    assert peer.ndcg_gain == peer.ndcg_gain_low == peer.coverage_gain_high == 0.0
    for one in outcomes:
        assert one.ndcg_low <= one.ndcg <= one.ndcg_high
        assert one.ndcg_gain == pytest.approx(one.ndcg - peer.ndcg, abs=1e-5)
    text = render(outcomes)
    assert text.count("\n") == 4
    assert text.splitlines()[2].startswith(f"| {CEILING} |")


def test_the_command_refuses_a_file_of_another_size(tmp_path, capsys):
    path = tmp_path / "found.csv"
    list(run(chosen(PEER), [0], TINY, path))
    for arguments in (["--quick"], []):
        with pytest.raises(SystemExit):
            main([*arguments, "--results", str(path)])
        assert "holds results of [20] training queries" in capsys.readouterr().err
    assert main(["--show", "--results", str(path)]) == 0
    assert PEER in capsys.readouterr().out
    path.write_text("a,b\n1,2\n")
    with pytest.raises(SystemExit):
        main(["--show", "--results", str(path)])
    assert "not a file of results" in capsys.readouterr().err


def test_the_command_runs(tmp_path, capsys):
    path = tmp_path / "found.csv"
    assert main(["--quick", "--seeds", "1", "--only", "binary", "--results", str(path)]) == 0
    assert "| LightGBM binary |" in capsys.readouterr().out
    assert {one.n_train for one in read_outcomes(path)} == {QUICK.n_train}
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    for _ in range(2):
        assert main(["--show", "--results", str(path), "--page", str(page)]) == 0
    text = page.read_text()
    assert text.startswith(f"before\n{BEGIN}\n\n| method |")
    assert text.endswith(f"\n\n{END}\nafter\n")
    assert "old" not in text
