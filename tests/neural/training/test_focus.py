"""Batches of the rows that matter: what they hold, and that they count for all rows."""

from __future__ import annotations

import types

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

from skbudget.neural import PAUCAtBudgetLoss
from skbudget.neural.training._focus import Focus, FocusedBatches, n_focused
from skbudget.neural.training._rows import TableDataset


def _rows(n_rows=4_000, n_positives=40, seed=0):
    rng = np.random.default_rng(seed)
    y = np.zeros(n_rows, dtype=np.int64)
    y[rng.choice(n_rows, n_positives, replace=False)] = 1
    X = np.arange(n_rows, dtype=np.float32)[:, None]
    return TableDataset(X, y=y, weight=np.ones(n_rows, dtype=np.float32))


def _one_pass(rows, n_negatives=600, batch_size=200, seed=0):
    batches = FocusedBatches(rows, batch_size, np.random.RandomState(seed), n_negatives)
    found = list(batches)
    assert len(found) == len(batches)
    number = torch.cat([X[:, 0] for X, _ in found]).long().numpy()
    about = {
        name: torch.cat([about[name] for _, about in found]).numpy() for name in ("y", "weight")
    }
    return number, about, found


@pytest.mark.parametrize("hardest", [0, 400], ids=["before scores", "with the hardest"])
def test_a_pass_counts_for_all_rows(hardest):
    rows = _rows()
    negatives = np.flatnonzero(rows.about["y"].numpy() == 0)
    if hardest:
        rows.hardest = negatives[-hardest:]
    number, about, batches = _one_pass(rows)
    assert np.unique(number).size == number.size == 640
    assert about["y"].sum() == 40
    assert about["weight"][about["y"] == 1].tolist() == [1.0] * 40
    assert about["weight"][about["y"] == 0].sum() == pytest.approx(3_960, rel=1e-5)
    if hardest:
        assert np.isin(rows.hardest, number).all()
        assert (about["weight"][np.isin(number, rows.hardest)] == 1.0).all()
    # Each batch has its share.
    assert {int(of["y"].sum()) for _, of in batches} == {10}
    assert max(len(X) for X, _ in batches) <= 200


def test_weights_of_rows_are_kept():
    rows = _rows()
    rows.about["weight"] = torch.arange(4_000.0)
    rows.hardest = np.flatnonzero(rows.about["y"].numpy() == 0)[-400:]
    number, about, _ = _one_pass(rows)
    certain = np.isin(number, rows.hardest) | (about["y"] == 1)
    np.testing.assert_array_equal(about["weight"][certain], number[certain])
    np.testing.assert_allclose(about["weight"][~certain], number[~certain] * (3_560 / 200))


def test_the_same_seed_gives_the_same_batches():
    first, second, other = (_one_pass(_rows(), seed=seed)[0] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)


def test_the_band_is_that_of_all_rows():
    """The loss of focused rows has the edge, and in the mean the value, of the loss of all."""
    rows = _rows(n_rows=20_000, n_positives=200)
    rng = np.random.default_rng(0)
    y = rows.about["y"]
    scores = torch.from_numpy(rng.normal(size=20_000) + 1.5 * y.numpy())
    loss = PAUCAtBudgetLoss(beta=0.02, queue_size=0, weighted_budget=True)
    whole = loss(scores, y.double(), sample_weight=torch.ones(20_000), return_diagnostics=True)
    negatives = np.flatnonzero(y.numpy() == 0)
    hardest = negatives[np.argsort(-scores.numpy()[negatives])[:1_600]]
    rows.hardest = hardest
    found = []
    for seed in range(20):
        number, about, _ = _one_pass(rows, n_negatives=2_400, batch_size=100_000, seed=seed)
        weight = torch.from_numpy(about["weight"])
        targets = torch.from_numpy(about["y"]).double()
        part = loss(scores[number], targets, sample_weight=weight, return_diagnostics=True)
        # The band lies within the hardest rows, which are all there.
        assert part[-1]["t_beta"].item() == pytest.approx(whole[-1]["t_beta"].item(), abs=1e-6)
        found.append(part[0].item())
    # Only the unit of the temperature, a quartile range, varies with the sample.
    assert np.mean(found) == pytest.approx(whole[0].item(), rel=0.02)


@pytest.mark.parametrize(
    ("beta", "n_negatives", "n_positives", "expected"),
    [
        (0.01, 100_000, 200, 6_000),
        # At least a batch.
        (0.001, 100_000, 24, 1_000),
        # There is little to leave out.
        (0.2, 100_000, 5_000, 0),
        (0.01, 1_100, 24, 0),
        # A batch of positives alone would have no band.
        (0.0, 1_000, 5_000, 0),
    ],
)
def test_number_of_negatives(beta, n_negatives, n_positives, expected):
    assert n_focused(beta, n_negatives, n_positives, 1024) == expected


def test_the_hardest_are_those_with_the_greatest_mean_score():
    rows = _rows()

    def module(X):
        # Two members.
        return torch.stack([torch.sin(X), 0.1 * X], dim=1)

    net = types.SimpleNamespace(
        criterion_=types.SimpleNamespace(in_warmup=False),
        history=[],
        device="cpu",
        module_=module,
        get_params=lambda deep: {"iterator_train__n_negatives": 600},
    )
    focus = Focus()
    focus.on_train_begin(net)
    focus.on_epoch_begin(net, dataset_train=rows)
    numbers = np.arange(4_000.0)
    mean = (np.sin(numbers) + 0.1 * numbers) / 2
    mean[rows.about["y"].numpy() == 1] = -np.inf
    assert set(rows.hardest) == set(np.argsort(-mean)[:400])
    # Not again within eight passes, nor before the warm-up is over.
    rows.hardest = None
    net.history = [None] * 7
    focus.on_epoch_begin(net, dataset_train=rows)
    assert rows.hardest is None
    net.history, net.criterion_.in_warmup = [None] * 8, True
    focus.on_epoch_begin(net, dataset_train=rows)
    assert rows.hardest is None
    net.criterion_.in_warmup = False
    focus.on_epoch_begin(net, dataset_train=rows)
    assert rows.hardest.size == 400
