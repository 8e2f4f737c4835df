"""The public sampler of batches: for any DataLoader, and for several processes."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.utils.data import DataLoader, TensorDataset

from skbudget.neural import BalancedBatchSampler, PAUCAtBudgetLoss

torch.set_num_threads(1)


def loader_of(y, **params):
    rows = TensorDataset(torch.arange(len(y)), torch.as_tensor(y))
    return DataLoader(rows, batch_sampler=BalancedBatchSampler(y, **params))


def test_every_batch_of_a_loader_has_positives():
    y = np.repeat([0, 1], [997, 3])
    loader = loader_of(y, batch_size=100, random_state=0)
    assert len(loader) == 10
    for _ in range(3):
        shown = list(loader)
        assert [int(targets.sum()) for _, targets in shown] == [1] * 10
        rows = torch.cat([numbers for numbers, _ in shown])
        assert set(rows.tolist()) == set(range(1000))
        assert all((y[numbers] == targets.numpy()).all() for numbers, targets in shown)


def test_batches_are_those_of_the_estimator():
    pytest.importorskip("skorch")
    from skbudget.neural.training._rows import BalancedBatches, TableDataset

    y = np.random.default_rng(0).integers(0, 3, 200)
    rows = TableDataset(np.arange(200, dtype=np.float32)[:, None], y=y)
    theirs = BalancedBatches(rows, 30, np.random.RandomState(5))
    ours = BalancedBatchSampler(y, 30, random_state=5)
    for _ in range(2):
        shown = [batch[0][:, 0].long().tolist() for batch in theirs]
        assert shown == list(ours)
        assert len(ours) == len(shown)


def test_passes_differ_and_are_reproducible():
    y = np.arange(60) % 2
    one, same, other = (BalancedBatchSampler(y, 10, random_state=seed) for seed in (0, 0, 1))
    first, second = list(one), list(one)
    assert first != second
    assert first == list(same)
    assert second == list(same)
    assert first != list(other)
    draw = np.random.RandomState(0)
    assert first == list(BalancedBatchSampler(y, 10, random_state=draw))


def test_labels_of_any_kind_and_one_class():
    y = np.array(["good", "bad", "good", "good"])
    batches = list(BalancedBatchSampler(y, 2, random_state=0))
    assert all("bad" in y[batch] for batch in batches)
    only = list(BalancedBatchSampler(np.zeros(7), 3, random_state=0))
    assert sorted(len(batch) for batch in only) == [2, 2, 3]
    assert sorted(row for batch in only for row in batch) == list(range(7))


@pytest.mark.parametrize("n_replicas", [2, 3, 8])
def test_processes_share_a_pass(n_replicas):
    y = np.repeat([0, 1], [430, 40])
    samplers = [
        BalancedBatchSampler(y, 50, random_state=0, n_replicas=n_replicas, rank=rank)
        for rank in range(n_replicas)
    ]
    for _ in range(2):
        shown = [list(sampler) for sampler in samplers]
        assert len({len(batches) for batches in shown}) == 1
        assert len(shown[0]) == len(samplers[0])
        rows = np.concatenate([batch for batches in shown for batch in batches])
        np.testing.assert_array_equal(np.sort(rows), np.arange(470))
        assert all(len(batch) <= 50 for batches in shown for batch in batches)
        assert all(y[batch].any() for batches in shown for batch in batches)


def test_a_loss_is_trained_on_its_batches():
    y = np.repeat([0, 1], [990, 10])
    loss = PAUCAtBudgetLoss(1, beta=0.1, queue_size=0, tau_scale=None)
    score = torch.zeros(1000, requires_grad=True)
    for rows, targets in loader_of(y, batch_size=200, random_state=0):
        loss(score[rows], targets).backward()
    assert (score.grad[990:] < 0).all()


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"batch_size": 0}, "'batch_size' parameter of BalancedBatchSampler"),
        ({"y": []}, "y is empty"),
        ({"y": [0, None]}, "y contains NaN or None"),
        ({"n_replicas": 0}, "'n_replicas' parameter of BalancedBatchSampler"),
        ({"n_replicas": 2, "rank": 2, "random_state": 0}, r"'rank' .* \[0, 1\]"),
        ({"n_replicas": 2, "rank": 0}, "needs an int as random_state"),
        ({"random_state": "x"}, "random_state must be an int from 0"),
    ],
)
def test_errors_name_what_is_wrong(params, words):
    with pytest.raises(ValueError, match=words):
        BalancedBatchSampler(**{"y": [0, 1], **params})
