import pytest

pytest.importorskip("torch")
pytest.importorskip("imbalanced_losses")

from benchmarks.speed.loss_cost import main, paired_seconds


@pytest.mark.parametrize("surrogate", ["pairwise", "trapezoid"])
def test_pairs_of_steps(surrogate):
    pairs = paired_seconds(surrogate, batch_size=64, queue_size=128, pos_rate=0.2, n_steps=3)
    assert len(pairs) == 3
    assert all(seconds > 0 for pair in pairs for seconds in pair)


def test_command(capsys):
    main(["--batch-size", "64", "--queue-size", "128", "--pos-rate", "0.2", "--steps", "3"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["pairwise", "trapezoid"]
    assert all("median ratio" in line for line in lines)
