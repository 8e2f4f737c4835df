"""A batch that is evaluated again before its step is over: LBFGS, checkpointing, by hand."""

import copy
import pickle
import threading

import pytest

torch = pytest.importorskip("torch")

from neural_cases import RANKING, draw_batch, with_gradient
from torch import nn
from torch.utils.checkpoint import checkpoint

from skbudget.neural import (
    LossWarmup,
    PAUCAtBudgetLoss,
    RecallAtQuantileLoss,
    SmoothAPLoss,
    WeightedCrossEntropyLoss,
)

pytestmark = pytest.mark.filterwarnings("error")

each_ranking = pytest.mark.parametrize("make", RANKING.values(), ids=list(RANKING))
LOSSES = {
    "pairwise": lambda **p: PAUCAtBudgetLoss(beta=0.3, **p),
    "smooth AP": lambda **p: SmoothAPLoss(temperature=0.2, **p),
    "recall": lambda **p: RecallAtQuantileLoss(budget=0.2, temperature=0.3, **p),
}
each_loss = pytest.mark.parametrize("make", LOSSES.values(), ids=list(LOSSES))


def start(seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    network = nn.Linear(3, 1, dtype=dtype)
    with torch.no_grad():
        for weights in network.parameters():
            weights.normal_(generator=generator)
    return network


def rows(seed, n=60):
    generator = torch.Generator().manual_seed(seed)
    X = torch.randn(n, 3, dtype=torch.float64, generator=generator)
    y = (torch.rand(n, generator=generator) < 0.3).long()
    return X, y


def state(loss):
    return {name: value.clone() for name, value in loss.state_dict().items()}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


# --- the same batch again


@each_ranking
@pytest.mark.parametrize("size", [40, 100, 130, 400])
@pytest.mark.parametrize("case", [{}, {"masked": True, "weighted": True, "ignored": 0.2}])
def test_a_batch_evaluated_again_has_the_same_loss(make, size, case):
    loss = make(queue_size=size)
    with_gradient(loss, draw_batch(1, 90))
    batch = draw_batch(2, 100, **case)
    once = copy.deepcopy(loss)
    wanted = with_gradient(once, batch)
    for _ in range(3):
        found = with_gradient(loss, batch)
        assert all(map(torch.equal, found, wanted))
        # What is remembered is what one evaluation leaves.
        assert same(state(loss), state(once))
    following = draw_batch(3, 70)
    assert all(map(torch.equal, with_gradient(loss, following), with_gradient(once, following)))


@each_ranking
def test_the_last_evaluation_is_the_one_remembered(make):
    loss, other = make(queue_size=150), make(queue_size=150)
    first, batch = draw_batch(1, 90), draw_batch(2, 100, weighted=True)
    moved = batch._replace(logits=batch.logits + 1.0)
    with_gradient(loss, first)
    with_gradient(other, first)
    with_gradient(loss, batch)
    wanted = with_gradient(other, moved)
    assert all(map(torch.equal, with_gradient(loss, moved), wanted))
    assert same(state(loss), state(other))


def test_the_rows_drawn_of_a_large_pool_are_the_same():
    loss = PAUCAtBudgetLoss(beta=0.5, queue_size=300, max_pool_size=80)
    with_gradient(loss, draw_batch(1, 200))
    batch = draw_batch(2, 200)
    values = {with_gradient(loss, batch)[0].item() for _ in range(5)}
    assert len(values) == 1
    loss.end_step()
    assert with_gradient(loss, batch)[0].item() not in values


def test_evaluation_without_training_is_compared_with_what_was_there_before():
    loss = PAUCAtBudgetLoss(beta=0.3, queue_size=200)
    with_gradient(loss, draw_batch(1, 90))
    batch = draw_batch(2, 100)
    wanted = with_gradient(loss, batch)
    before = state(loss)
    loss.eval()
    assert all(map(torch.equal, with_gradient(loss, batch), wanted))
    assert same(state(loss), before)


def test_gradients_can_be_checked():
    loss = PAUCAtBudgetLoss(beta=0.4, tau_scale=None, temperature=1.0, queue_size=200)
    with_gradient(loss, draw_batch(1, 60))
    batch = draw_batch(2, 20)
    logits = batch.logits.requires_grad_()
    assert torch.autograd.gradcheck(lambda scores: loss(scores, batch.targets), logits)
    assert len(loss.queue) == 80


# --- when a step is over


def test_another_batch_ends_a_step():
    loss = PAUCAtBudgetLoss(beta=0.3, queue_size=500)
    logits, targets = draw_batch(1, 50)[:2]
    loss(logits, targets)
    # Equal targets in another tensor are another batch: most may have no positive at all.
    loss(logits, targets.clone())
    assert len(loss.queue) == 100
    # So are those that a loader writes into the same tensor.
    targets.copy_(targets.flip(0))
    loss(logits, targets)
    assert len(loss.queue) == 150


def test_a_step_of_an_optimizer_ends_it():
    X, y = rows(0)
    network = start()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    loss = PAUCAtBudgetLoss(beta=0.3, queue_size=500)
    for step in range(3):
        loss(network(X)[:, 0], y).backward()
        assert len(loss.queue) == 60 * (step + 1)
        optimizer.step()
    loss(network(X)[:, 0], y)
    loss(network(X)[:, 0], y)
    assert len(loss.queue) == 240


def test_it_can_be_told_by_hand():
    loss = PAUCAtBudgetLoss(beta=0.3, queue_size=500)
    logits, targets = draw_batch(1, 50)[:2]
    for step in range(3):
        loss(logits, targets)
        assert len(loss.queue) == 50 * (step + 1)
        loss.end_step()


def test_the_clock_of_a_warm_up_ends_it():
    main = PAUCAtBudgetLoss(beta=0.3, queue_size=500)
    loss = LossWarmup(WeightedCrossEntropyLoss(), main, blend_steps=2)
    logits, targets = draw_batch(1, 50)[:2]
    for step in range(3):
        for _ in range(2):
            # The same number again, as in a closure, changes nothing.
            loss.on_train_batch_start(step)
            loss(logits, targets)
        assert len(main.queue) == 50 * (step + 1)


def test_steps_in_other_threads_do_not():
    X, y = rows(0)
    loss = PAUCAtBudgetLoss(beta=0.3, queue_size=500)
    loss(start()(X)[:, 0], y)

    def elsewhere():
        weights = torch.zeros(1, requires_grad=True)
        weights.grad = torch.ones(1)
        torch.optim.SGD([weights], lr=0.1).step()

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    loss(start(1)(X)[:, 0], y)
    assert len(loss.queue) == 60


def test_forgetting_and_loading_end_it():
    loss = PAUCAtBudgetLoss(beta=0.3, queue_size=500)
    logits, targets = draw_batch(1, 50)[:2]
    loss(logits, targets)
    saved = copy.deepcopy(loss.state_dict())
    loss.reset_queue()
    loss(logits, targets)
    assert len(loss.queue) == 50
    loss.load_state_dict(saved)
    loss(logits, targets)
    assert len(loss.queue) == 100


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda loss: pickle.loads(pickle.dumps(loss))])
def test_a_copy_starts_with_a_new_step(copied):
    loss = PAUCAtBudgetLoss(beta=0.3, queue_size=500)
    logits, targets = draw_batch(1, 50)[:2]
    loss(logits, targets)
    other = copied(loss)
    assert same(state(loss), state(other))
    other(logits, targets)
    assert (len(loss.queue), len(other.queue)) == (50, 100)


def test_a_loop_without_steps_keeps_few_batches():
    loss = PAUCAtBudgetLoss(beta=0.3, queue_size=100)
    for seed in range(80):
        loss(*draw_batch(seed, 2)[:2])
    assert len(loss.queue._step) <= 33
    for seed in range(5):
        loss(*draw_batch(seed, 150)[:2])
    assert len(loss.queue._step) == 1


# --- optimizers that evaluate a batch several times


def descend(make, evaluate, *, n_steps=3, max_iter=4):
    """Return the losses of each step's evaluations, and what is remembered after it."""
    loss, network = make(), start()
    optimizer = torch.optim.LBFGS(network.parameters(), lr=0.1, max_iter=max_iter)
    record = []
    for step in range(n_steps):
        seen = []

        def closure(step=step, seen=seen):
            optimizer.zero_grad()
            value = evaluate(loss, network, step)
            value.backward()
            gradient = network.weight.grad.clone()
            seen.append((value.detach(), gradient, copy.deepcopy(network.state_dict())))
            return value

        optimizer.step(closure)
        record.append((seen, state(loss)))
    return record


@each_loss
def test_lbfgs_compares_every_evaluation_with_the_steps_before(make):
    def evaluate(loss, network, step):
        X, y = rows(step)
        return loss(network(X)[:, 0], y)

    record = descend(lambda: make(queue_size=100), evaluate)
    assert max(len(seen) for seen, _ in record) > 1
    # By hand: each evaluation with a copy of the memory that the step began with.
    loss = make(queue_size=100)
    for step, (seen, remembered) in enumerate(record):
        X, y = rows(step)
        for value, gradient, weights in seen:
            trial, network = copy.deepcopy(loss), start()
            network.load_state_dict(weights)
            wanted = trial(network(X)[:, 0], y)
            wanted.backward()
            assert torch.equal(value, wanted.detach())
            assert torch.equal(gradient, network.weight.grad)
        assert same(state(trial), remembered)
        loss = trial


@each_loss
@pytest.mark.parametrize("size", [100, 1000])
def test_a_closure_of_several_batches(make, size):
    def evaluate(loss, network, step):
        X, y = rows(step, 90)
        # New tensors each time; the parts may well have the same targets.
        y = torch.cat([y[:30]] * 3)
        return sum(loss(network(part)[:, 0], of) for part, of in zip(X.split(30), y.split(30)))

    record = descend(lambda: make(queue_size=size), evaluate, n_steps=2)
    assert max(len(seen) for seen, _ in record) > 1
    first, _ = record[0]
    for value, _, weights in first:
        network = start()
        network.load_state_dict(weights)
        assert torch.equal(evaluate(make(queue_size=size), network, 0).detach(), value)


def test_the_same_rows_in_every_step():
    """Older scores of the rows are compared with, not those of the same step."""
    X, y = rows(0)
    record = descend(
        lambda: PAUCAtBudgetLoss(beta=0.3, queue_size=120),
        lambda loss, network, step: loss(network(X)[:, 0], y),
    )
    assert [int(remembered["queue.cursor"][1]) for _, remembered in record] == [60, 120, 120]


def test_after_an_error_in_a_closure_training_goes_on():
    X, y = rows(0)
    network, loss = start(), PAUCAtBudgetLoss(beta=0.3, queue_size=500)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)

    def closure(X=X):
        optimizer.zero_grad()
        value = loss(network(X)[:, 0], y)
        value.backward()
        return value

    optimizer.step(closure)
    with pytest.raises(FloatingPointError):
        optimizer.step(lambda: closure(X * torch.nan))
    optimizer.step(closure)
    assert len(loss.queue) == 120


# --- checkpointing


@each_loss
@pytest.mark.parametrize("reentrant", [False, True])
@pytest.mark.parametrize("inside", ["same targets", "new targets"])
def test_checkpointing_changes_nothing(make, reentrant, inside):
    def train(checkpointed):
        loss, network = make(queue_size=150, max_pool_size=120), start()
        optimizer = torch.optim.SGD(network.parameters(), lr=0.5)
        values = []
        torch.manual_seed(0)
        for step in range(4):
            X, y = rows(step)
            X.requires_grad_()

            def evaluate(X, y=y):
                targets = y if inside == "same targets" else y.clone()
                return loss(network(X)[:, 0], targets)

            value = (
                checkpoint(evaluate, X, use_reentrant=reentrant) if checkpointed else evaluate(X)
            )
            optimizer.zero_grad()
            value.backward()
            values.append((value.detach(), network.weight.grad.clone(), X.grad.clone()))
            optimizer.step()
        return values, state(loss)

    with torch.random.fork_rng(devices=[]):
        (plain, remembered), (again, remembered_again) = train(False), train(True)
    for one, other in zip(plain, again):
        assert all(map(torch.equal, one, other))
    assert same(remembered, remembered_again)


def test_checkpoints_of_several_batches_in_one_step():
    """The backward pass evaluates the last one first."""

    def train(checkpointed):
        loss, network = PAUCAtBudgetLoss(beta=0.3, queue_size=150), start()
        total = 0.0
        for part in range(3):
            X, y = rows(part)
            X.requires_grad_()

            def evaluate(X, y=y):
                return loss(network(X)[:, 0], y)

            total = total + (
                checkpoint(evaluate, X, use_reentrant=False) if checkpointed else evaluate(X)
            )
        total.backward()
        return total.detach(), network.weight.grad, state(loss)

    plain, again = train(False), train(True)
    assert all(map(torch.equal, plain[:2], again[:2]))
    assert same(plain[2], again[2])


def test_a_batch_that_comes_up_in_a_backward_pass_alone_is_not_remembered():
    loss = PAUCAtBudgetLoss(beta=0.3, queue_size=150)
    logits, targets = draw_batch(1, 50)[:2]
    x = torch.ones(1, requires_grad=True)
    x.register_hook(lambda gradient: loss(logits, targets) * gradient)
    x.sum().backward()
    assert torch.isfinite(x.grad).all()
    assert len(loss.queue) == 0


def test_a_compiled_loop_counts_steps():
    X, y = rows(0)
    network = start()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    loss = PAUCAtBudgetLoss(beta=0.3, queue_size=500)
    compiled = torch.compile(network, backend="eager")
    for step in range(2):
        loss(compiled(X)[:, 0], y).backward()
        optimizer.step()
        assert len(loss.queue) == 60 * (step + 1)
