"""What a fit draws with: alike in threads and alone, and the caller's generators as they were."""

import re
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

torch = pytest.importorskip("torch")
skorch = pytest.importorskip("skorch")

import toy_losses as toys
from torch import nn

from skbudget import PAUCClassifier
from skbudget.neural import NumpyLoss, PAUCAtBudgetLoss, SmoothAPLoss
from skbudget.neural.training._draws import has_foreign_code, own_draws
from skbudget.objectives import BinaryCrossEntropy, PairwisePAUC

torch.set_num_threads(1)

N_THREADS = 16


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    y = (rng.random(400) < 0.1).astype(int)
    X = rng.normal(size=(400, 5))
    X[:, :2] += 1.5 * y[:, None]
    return X, y


class Dropping(nn.Module):
    """A network that draws in every step."""

    def __init__(self, n_features, n_outputs):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_features, 8), nn.ReLU(), nn.Dropout(0.4), nn.Linear(8, n_outputs)
        )

    def forward(self, X):
        return self.layers(X)


class Noisy(skorch.callbacks.Callback):
    """A callback that draws."""

    def on_batch_begin(self, net, batch=None, training=False, **kwargs):
        if training:
            batch[0].add_(0.1 * torch.randn_like(batch[0]))


class Jittered(nn.Module):
    """A loss that draws."""

    def forward(self, scores, targets):
        noise = torch.randn_like(scores)
        return nn.functional.binary_cross_entropy_with_logits(scores + noise, targets)


class Langevin(torch.optim.SGD):
    """An optimizer that draws."""

    @torch.no_grad()
    def step(self, closure=None):
        loss = super().step(closure)
        for group in self.param_groups:
            for weights in group["params"]:
                weights.add_(1e-3 * torch.randn_like(weights))
        return loss


class Fails(Dropping):
    def forward(self, X):
        scores = super().forward(X)
        if self.training:
            raise ZeroDivisionError("first batch")
        return scores


def make(**params):
    small = {
        "budget": 0.05,
        "n_members": 2,
        "hidden_layer_sizes": (6,),
        "batch_size": 80,
        "max_epochs": 4,
        "lr": 1e-2,
        "max_pool_size": 120,
        "random_state": 0,
    }
    return PAUCClassifier(**{**small, **params})


KINDS = {
    "perceptron": {},
    "smooth AP": {"loss": "smooth_ap"},
    "module": {"module": Dropping},
    "instance": {"module": nn.Linear(5, 1)},
    "callback": {"net_params": {"callbacks": [Noisy()]}},
    "loss": {"loss": Jittered()},
    "optimizer": {"net_params": {"optimizer": Langevin}},
}
each = pytest.mark.parametrize("params", KINDS.values(), ids=list(KINDS))


@pytest.fixture
def state():
    """The generator of torch, seeded for the test and as it was after it."""
    before = torch.get_rng_state()
    torch.manual_seed(7)
    yield torch.get_rng_state()
    torch.set_rng_state(before)


# --- threads


@each
def test_a_seed_gives_one_model_in_any_thread(table, state, params):
    X, y = table
    wanted = make(**params).fit(X, y).decision_function(X)
    together = threading.Barrier(N_THREADS)

    def fit(_):
        together.wait()
        return make(**params).fit(X, y).decision_function(X)

    with ThreadPoolExecutor(N_THREADS) as threads:
        found = list(threads.map(fit, range(N_THREADS)))
    for scores in found:
        np.testing.assert_array_equal(scores, wanted)
    assert torch.equal(torch.get_rng_state(), state)


def test_seeds_do_not_mix(table, state):
    """Models of several seeds and kinds at once are those that they are alone."""
    X, y = table
    cases = [(seed, params) for seed in range(4) for params in KINDS.values()]

    def fit(case):
        return make(**{**case[1], "random_state": case[0]}).fit(X, y).decision_function(X)

    alone = [fit(case) for case in cases]
    with ThreadPoolExecutor(N_THREADS) as threads:
        for scores, wanted in zip(threads.map(fit, cases), alone):
            np.testing.assert_array_equal(scores, wanted)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_caller_that_draws_meanwhile_is_not_disturbed(table, state):
    """Fits without code of others never touch the generator of torch."""
    X, y = table
    stop = threading.Event()
    wanted = torch.rand(10_000, generator=torch.Generator().manual_seed(7))

    def fit(_):
        while not stop.is_set():
            make(max_epochs=1).fit(X, y)

    with ThreadPoolExecutor(2) as threads:
        running = [threads.submit(fit, number) for number in range(2)]
        drawn = torch.cat([torch.rand(1) for _ in range(10_000)])
        stop.set()
        for one in running:
            one.result()
    assert torch.equal(drawn, wanted)


def test_a_fit_within_a_fit_does_not_wait_for_itself(table):
    X, y = table

    class Nested(skorch.callbacks.Callback):
        def on_train_end(self, net, **kwargs):
            self.scores = make(module=Dropping).fit(X, y).decision_function(X)

    nested = Nested()
    make(module=Dropping, net_params={"callbacks": [nested]}).fit(X, y)
    np.testing.assert_array_equal(
        nested.scores, make(module=Dropping).fit(X, y).decision_function(X)
    )


# --- the generators of others


@each
def test_the_generator_of_torch_is_left_as_it_was(table, state, params):
    X, y = table
    model = make(**params).fit(X, y)
    model.partial_fit(X, y)
    model.predict_proba(X)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"lr": 1e30}, FloatingPointError),
        ({"module": Fails}, ZeroDivisionError),
        ({"module": nn.Linear(4, 1)}, RuntimeError),
        ({"net_params": {"optimizer__nothing": 1}}, TypeError),
        ({"budget": 3.0}, ValueError),
    ],
    ids=str,
)
def test_also_when_a_fit_fails(table, state, params, error):
    for method in ("fit", "partial_fit"):
        with pytest.raises(error):
            getattr(make(**params), method)(*table)
        assert torch.equal(torch.get_rng_state(), state)


def test_also_when_it_is_interrupted(table, state):
    class Interrupt(skorch.callbacks.Callback):
        def on_batch_end(self, net, training=False, **kwargs):
            raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="interrupted"):
        make(net_params={"callbacks": [Interrupt()]}).fit(*table)
    assert torch.equal(torch.get_rng_state(), state)


def test_the_numbers_are_those_of_the_seeded_generator_of_torch(state):
    del state
    draw = np.random.RandomState(3)
    with own_draws(np.random.RandomState(3), torch.device("cpu"), foreign=False) as draws:
        own = torch.rand(5, generator=draws.weights), torch.randperm(9, generator=draws.rows)
    with own_draws(draw, torch.device("cpu"), foreign=True) as draws:
        assert draws == (None, None)
        lent = torch.rand(5), torch.randperm(9)
    assert all(map(torch.equal, own, lent))


def test_a_fitted_model_holds_no_generator(table):
    model = make().fit(*table)
    losses = model.net_.criterion_.main_loss.of_member
    assert [loss._generator for loss in losses] == [None, None]
    assert [loss.queue._step for loss in losses] == [[], []]


def test_random_states_of_every_kind(table):
    X, y = table
    for seed in (np.int64(3), np.random.RandomState(3)):
        first = make(random_state=seed, max_epochs=1).fit(X, y).decision_function(X)
        assert np.isfinite(first).all()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        one, other = (
            make(random_state=None, max_epochs=1).fit(X, y).decision_function(X) for _ in range(2)
        )
    assert not np.array_equal(one, other)


# --- whose code it is


class OwnTwin(BinaryCrossEntropy):
    """A NumPy loss with a torch module of its own."""

    def torch_loss(self):
        return Jittered()


def named(value):
    """Name a case without an object's address, which differs between processes."""
    return re.sub(r" object at 0x\w+", "", str(value))


@pytest.mark.parametrize(
    ("params", "foreign"),
    [
        ({}, False),
        ({"loss": "pairwise_pauc"}, False),
        ({"loss": PairwisePAUC(beta=0.1)}, False),
        ({"loss": PAUCAtBudgetLoss()}, False),
        ({"loss": SmoothAPLoss}, False),
        ({"loss": NumpyLoss(toys.SquaredError())}, False),
        ({"loss": toys.SquaredError()}, False),
        ({"loss": OwnTwin()}, True),
        ({"loss": nn.BCEWithLogitsLoss()}, True),
        ({"loss": Jittered}, True),
        ({"module": nn.Linear}, True),
        ({"net_params": {"optimizer": torch.optim.SGD}}, False),
        ({"net_params": {"optimizer": Langevin}}, True),
        ({"net_params": {"callbacks": [skorch.callbacks.EarlyStopping()]}}, False),
        ({"net_params": {"callbacks": [("stop", skorch.callbacks.EarlyStopping)]}}, False),
        ({"net_params": {"callbacks": [("noise", Noisy)]}}, True),
        ({"net_params": {"callbacks": [Noisy()]}}, True),
    ],
    ids=named,
)
def test_whose_code_takes_part(params, foreign):
    assert has_foreign_code(make(**params)) is foreign
