"""Two processes on shards against one process on all rows."""

import multiprocessing
import time

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from distributed_ranks import SCENARIOS, UNEVEN, WORLD, together, train, work

from skbudget.neural import PAUCAtBudgetLoss, all_gather_rows
from skbudget.neural.losses._distributed import is_distributed

pytestmark = [
    pytest.mark.filterwarnings("error"),
    pytest.mark.skipif(not torch.distributed.is_available(), reason="no torch.distributed"),
]

DEADLINE = 120.0


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    """What each of two processes found; they are stopped if they hang."""
    out = tmp_path_factory.mktemp("ranks")
    context = multiprocessing.get_context("spawn")
    processes = [
        context.Process(target=work, args=(rank, str(out / "rendezvous"), str(out)))
        for rank in range(WORLD)
    ]
    for process in processes:
        process.start()
    deadline = time.monotonic() + DEADLINE
    while any(process.is_alive() for process in processes) and time.monotonic() < deadline:
        if any(process.exitcode for process in processes):
            break  # the other one would wait for it
        time.sleep(0.05)
    for process in processes:
        process.kill()
        process.join()
    assert [process.exitcode for process in processes] == [0] * WORLD
    return [torch.load(out / f"{rank}.pt") for rank in range(WORLD)]


each_scenario = pytest.mark.parametrize("name", SCENARIOS)


@each_scenario
def test_each_rank_finds_the_loss_and_gradient_of_one_process(ranks, name):
    scenario = SCENARIOS[name]
    wanted, _ = train(scenario, [together(parts) for parts in scenario.steps])
    for rank in ranks:
        record, _ = rank[name]
        assert len(record) == len(wanted)
        for step, one in zip(record, wanted):
            torch.testing.assert_close(step[0], one[0], rtol=1e-9, atol=1e-12)
            torch.testing.assert_close(step[1], one[1], rtol=1e-9, atol=0, equal_nan=True)
            for gradient, of_one in zip(step[2], one[2]):
                torch.testing.assert_close(gradient, of_one, rtol=1e-6, atol=1e-12)
    if name != "nothing anywhere":
        assert all(step[2][0].any() for step in wanted)


@each_scenario
def test_memories_are_those_of_one_process(ranks, name):
    scenario = SCENARIOS[name]
    _, wanted = train(scenario, [together(parts) for parts in scenario.steps])
    states = [rank[name][1] for rank in ranks]
    assert states[0].keys() == wanted.keys()
    for key in wanted:
        assert torch.equal(states[0][key], states[1][key]), key
    held = int(wanted["queue.cursor"][1])
    for key in ("queue.logits", "queue.targets", "queue.iid", "queue.weight"):
        torch.testing.assert_close(states[0][key][:held], wanted[key][:held], rtol=1e-9, atol=1e-12)
    assert torch.equal(states[0]["queue.cursor"], wanted["queue.cursor"])


@pytest.mark.parametrize("name", ["uneven, pairwise", "no rows, trapezoid", "classes"])
def test_diagnostics_are_those_of_one_process(ranks, name):
    scenario = SCENARIOS[name]
    wanted, _ = train(scenario, [together(parts) for parts in scenario.steps])
    for rank in ranks:
        for (*_, found), (*_, of_one) in zip(rank[name][0], wanted):
            for key, numbers in of_one.items():
                torch.testing.assert_close(
                    found[key], numbers, rtol=1e-9, atol=1e-12, equal_nan=True
                )


def test_ranks_may_be_told_to_keep_to_themselves(ranks):
    for number, rank in enumerate(ranks):
        loss = PAUCAtBudgetLoss(beta=0.3)
        wanted, _ = train(SCENARIOS["uneven, pairwise"], [UNEVEN[0][number]], loss=loss)
        (value, _, gradients, _), (value_alone, _, gradients_alone, _) = (
            rank["alone"][0][0],
            wanted[0],
        )
        assert torch.equal(value, value_alone)
        assert all(map(torch.equal, gradients, gradients_alone))
    assert ranks[0]["alone"][0][0][0] != ranks[1]["alone"][0][0][0]


def test_what_is_not_finite_on_one_rank_is_refused_by_all(ranks):
    (one, value, held), (other, same_value, same_held) = (rank["not finite"] for rank in ranks)
    assert one == other
    assert "NaN or infinite in 2 of 71 rows" in one
    second = together(UNEVEN[1])
    loss = PAUCAtBudgetLoss(beta=0.3, queue_size=50)
    torch.testing.assert_close(value, loss(second.X.sum(dim=1), second.y), rtol=1e-9, atol=0)
    assert value == same_value
    assert all(torch.equal(held[name], same_held[name]) for name in held)


# --- gathering rows


def test_rows_come_in_the_order_of_the_ranks(ranks):
    for rank in ranks:
        found = rank["gathered"]
        assert found["rows"].tolist() == [[0, 1], [2, 3], [4, 5], [100, 101]]
        assert found["rows"].dtype == torch.float64
        assert found["labels"].tolist() == [0, 1, 2, 10]
        assert found["labels"].dtype == torch.int64
        assert found["flags"].tolist() == [True, False, True, False]
        assert found["flags"].dtype == torch.bool
        assert found["none"].shape == (0, 2)
        assert found["cubes"][:, 0, 0].tolist() == [0, 0, 0, 1]
        assert found["cubes"].shape == (4, 2, 3)


def test_the_gradient_of_own_rows_makes_up_for_the_average(ranks):
    rows = [[[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]], [[100.0, 101.0]]]
    for rank, own in zip(ranks, rows):
        assert torch.equal(rank["gathered"]["gradient"], WORLD * 2 * torch.tensor(own).double())


def test_one_process_is_not_distributed():
    assert not is_distributed()


def test_what_cannot_be_gathered_is_named():
    for values in ([1.0], None, np.zeros(3), 3):
        with pytest.raises(TypeError, match="tensor must be a torch Tensor. Got .*as_tensor"):
            all_gather_rows(values)
    tensors = [torch.tensor(1.0), torch.eye(3).to_sparse()]
    if hasattr(torch, "uint64"):
        tensors.append(torch.zeros(3, dtype=torch.uint64))
    for tensor in tensors:
        with pytest.raises(ValueError, match=r"tensor must be a dense tensor of shape \(n_rows"):
            all_gather_rows(tensor)
    with pytest.raises(ValueError, match="needs a process group, and none is running"):
        all_gather_rows(torch.zeros(3))


# --- against imbalanced-losses 0.6


def test_the_reference_scales_the_gradient_by_one_over_the_ranks(ranks):
    if ranks[0]["reference"] is None:
        pytest.skip("imbalanced-losses is not installed")
    step = [together(UNEVEN[0])]
    loss = PAUCAtBudgetLoss(beta=0.3, queue_size=0, quantile_interpolation="higher")
    (value, _, gradients, found), *_ = train(SCENARIOS["uneven, pairwise"], step, loss=loss)[0]
    for number, rank in enumerate(ranks):
        theirs, gradient, count = rank["reference"]
        torch.testing.assert_close(theirs, value, rtol=1e-9, atol=0)
        torch.testing.assert_close(WORLD * gradient, gradients[0], rtol=1e-9, atol=1e-14)
        # Theirs counts the rank's own positives, ours those of all ranks.
        assert count.item() == (UNEVEN[0][number].y == 1).sum()
    assert found["grad_pos_count"].item() == sum((part.y == 1).sum() for part in UNEVEN[0])
