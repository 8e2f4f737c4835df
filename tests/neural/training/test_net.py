"""The pieces of the training loop: the net, the clock, the best epoch."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
skorch = pytest.importorskip("skorch")

from torch import nn

from skbudget.neural import LossWarmup, PAUCAtBudgetLoss, WeightedCrossEntropyLoss
from skbudget.neural.training._members import AllMembers, EachMember
from skbudget.neural.training._module import MLP
from skbudget.neural.training._net import BestEpoch, Clock, Diagnostics, RankingNet
from skbudget.neural.training._rows import BalancedBatches, Batches, TableDataset

torch.set_num_threads(1)


def ranking_loss(n_outputs=1, **params):
    return PAUCAtBudgetLoss(n_outputs, **{"beta": 0.4, "queue_size": 0, **params})


def make_net(n_epochs=3, callbacks=(), lr=1e-2, n_members=2):
    torch.manual_seed(0)
    criterion = LossWarmup(
        AllMembers(WeightedCrossEntropyLoss()),
        EachMember(ranking_loss(), n_members),
        warmup_steps=4,
        blend_steps=0,
        temperature_start=0.5,
        temperature_end=0.1,
        temperature_decay_steps=8,
    )
    return RankingNet(
        MLP(3, 1, (4,), n_members=n_members),
        criterion=criterion,
        max_epochs=n_epochs,
        batch_size=25,
        lr=lr,
        iterator_train=BalancedBatches,
        iterator_train__random_state=np.random.RandomState(0),
        iterator_valid=Batches,
        train_split=None,
        callbacks=[("best_epoch", BestEpoch()), Clock(), Diagnostics(), *callbacks],
        verbose=0,
    ).initialize()


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    y = np.arange(100) % 4 == 0
    X = rng.normal(size=(100, 3)) + y[:, None]
    return TableDataset(X.astype(np.float32), y=y.astype(np.int64))


class Watch(skorch.callbacks.Callback):
    """Remembers the weights after each epoch, and may interrupt at some step."""

    def __init__(self, interrupt_at=None):
        self.interrupt_at = interrupt_at
        self.weights, self.steps = [], 0

    def on_batch_end(self, net, training=False, **kwargs):
        self.steps += 1
        if self.steps == self.interrupt_at:
            raise KeyboardInterrupt

    def on_epoch_end(self, net, **kwargs):
        self.weights.append(nn.utils.parameters_to_vector(net.module_.parameters()).detach())


def weights_of(net):
    return nn.utils.parameters_to_vector(net.module_.parameters()).detach()


def test_clock_goes_on_over_calls(rows):
    net = make_net(1)
    seen = []
    for _ in range(4):
        net.partial_fit(rows, None)
        seen.append((net.criterion_._epoch, net.criterion_._step, net.criterion_.main_weight))
    assert seen == [(0, 3, 0.0), (1, 7, 1.0), (2, 11, 1.0), (3, 15, 1.0)]
    temperatures = [epoch["temperature"] for epoch in net.history]
    assert temperatures[0] == 0.5
    assert temperatures[-1] == pytest.approx(0.1)
    assert np.all(np.diff(temperatures) <= 0)


def test_a_member_does_not_learn_from_its_fold(rows):
    fold = np.full(100, 1)
    net = make_net(1)
    before = [p.detach().clone() for p in net.module_.parameters()]
    net.partial_fit(TableDataset(rows.X.numpy(), y=rows.about["y"].numpy(), fold=fold), None)
    for was, now in zip(before, net.module_.parameters()):
        assert torch.equal(was[1], now[1])
        assert not torch.equal(was[0], now[0])


def test_recorded_loss_is_the_mean_of_the_members(rows):
    net = make_net(1, lr=1e-30)
    net.partial_fit(rows, None)
    scores = net.module_.eval()(rows.X)
    y = rows.about["y"]
    expected = np.mean(
        [WeightedCrossEntropyLoss()(scores[:, k].float(), y).item() for k in range(2)]
    )
    assert net.history[-1]["train_loss"] == pytest.approx(expected, rel=1e-5)


def test_scores_do_not_depend_on_the_batches(rows):
    net = make_net(1)
    scores = net.scores_of(rows)
    assert scores.shape == (100, 2, 1)
    assert scores.dtype == np.float64
    net.batch_size = 7
    np.testing.assert_allclose(net.scores_of(rows), scores, atol=1e-13)


def test_the_last_complete_epoch_is_kept_after_an_interruption(rows):
    watch = Watch(interrupt_at=11)
    net = make_net(5, [watch]).partial_fit(rows, None)
    best = dict(net.callbacks_)["best_epoch"]
    assert best.interrupted_
    assert best.n_epochs_ == best.epoch_ == len(net.history) == 2
    assert torch.equal(weights_of(net), watch.weights[1])


def test_a_later_run_that_is_interrupted_at_once_changes_nothing(rows):
    watch = Watch()
    net = make_net(2, [watch]).partial_fit(rows, None)
    before = weights_of(net)
    watch.interrupt_at = watch.steps + 2
    net.partial_fit(rows, None)
    assert torch.equal(weights_of(net), before)
    assert len(net.history) == 2
    net.partial_fit(rows, None)
    assert not torch.equal(weights_of(net), before)
    assert len(net.history) == 4


@pytest.mark.parametrize(
    ("values", "start", "patience", "best", "n_epochs"),
    [
        ([0.1, 0.5, 0.3, 0.2, 0.9], 0, 2, 2, 4),
        ([0.1, 0.5, 0.3, 0.6, 0.5], 0, 2, 4, 5),
        ([0.9, 0.8, 0.1, 0.2, 0.1], 2, 5, 4, 5),
        ([0.5, 0.5, 0.5, 0.5, 0.5], 0, 2, 1, 3),
        ([0.9, 0.1, 0.1, 0.1, 0.1], 5, 1, 5, 5),
        ([0.9, 0.1, 0.1, 0.1, 0.1], 3, 1, 4, 5),
    ],
)
def test_best_epoch(rows, values, start, patience, best, n_epochs):
    watch = Watch()
    net = make_net(5, [watch])
    scores = iter(values)
    found = dict(net.callbacks_)["best_epoch"]
    found.set_params(score=lambda _: next(scores), start=start, patience=patience)
    net.partial_fit(rows, None)
    assert (found.epoch_, found.n_epochs_) == (best, n_epochs)
    assert not found.interrupted_
    # Every callback has seen the last epoch, and an empty one is not left behind.
    assert len(watch.weights) == len(net.history) == n_epochs
    assert net.history[:, "valid_coverage"] == values[:n_epochs]
    assert torch.equal(weights_of(net), watch.weights[best - 1])


def test_diverged_weights_are_noticed_even_if_the_loss_was_finite(rows):
    with pytest.raises(FloatingPointError, match="diverged in epoch 1.*Lower lr.*StandardScaler"):
        make_net(1, lr=1e38).partial_fit(
            TableDataset(rows.X.numpy()[:25] * 1e3, y=rows.about["y"].numpy()[:25]), None
        )


@pytest.mark.parametrize("step", [0, 30])
@pytest.mark.parametrize("with_positives", [True, False])
def test_gradients_of_a_step_are_those_of_a_plain_one(rows, step, with_positives):
    """In the warm-up, and after it, where most rows have no gradient."""
    gradients = []
    for take_step in (RankingNet.train_step_single, skorch.NeuralNet.train_step_single):
        net = make_net()
        net.criterion_.on_train_batch_start(step)
        X, about = rows[slice(0, 60)]
        if not with_positives:
            about = {"y": torch.zeros_like(about["y"])}
        net.module_.zero_grad()
        found = take_step(net, (X, about))
        assert found["y_pred"].shape == (60, 2, 1)
        gradients.append([p.grad.numpy().copy() for p in net.module_.parameters()])
    for a, b in zip(*gradients):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-7)
    assert with_positives or step == 0 or not any(g.any() for g in gradients[0])
