"""`PAUCClassifier`: what each parameter does, what comes in, what is left after `fit`."""

import copy
import io
import itertools
import pickle
import re
import warnings

import joblib
import numpy as np
import pytest
import scipy.sparse as sp

torch = pytest.importorskip("torch")
skorch = pytest.importorskip("skorch")
pd = pytest.importorskip("pandas")

import sklearn
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import _get_feature_names
from torch import nn

from skbudget import PAUCClassifier, coverage_at_budget_score, make_coverage_scorer
from skbudget.neural.training._net import BestEpoch
from skbudget.neural.training._support import auto_epochs

torch.set_num_threads(1)


def draw_table(n=600, rate=0.1, seed=0, n_features=6):
    """Rows whose first two features tell the positives."""
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < rate).astype(int)
    X = rng.normal(size=(n, n_features))
    X[:, :2] += 1.5 * y[:, None]
    return X, y


def make(**params):
    small = {
        "budget": 0.05,
        "n_members": 2,
        "hidden_layer_sizes": (8,),
        "batch_size": 200,
        "max_epochs": 4,
        "lr": 1e-2,
        "random_state": 0,
    }
    return PAUCClassifier(**{**small, **params})


@pytest.fixture(scope="module")
def table():
    return draw_table()


@pytest.fixture(scope="module")
def fresh_table():
    return draw_table(seed=1)


@pytest.fixture(scope="module")
def fitted(table):
    return make().fit(*table)


@pytest.fixture(scope="module")
def three_classes():
    rng = np.random.default_rng(0)
    y = np.array(["a", "b", "c"])[rng.choice(3, size=600, p=[0.6, 0.3, 0.1])]
    X = rng.normal(size=(600, 4))
    for number, label in enumerate("abc"):
        X[y == label, number] += 2.5
    return X, y


class Watch(skorch.callbacks.Callback):
    """Sees what happens; interrupts at some step."""

    def __init__(self, interrupt_at=None):
        self.interrupt_at = interrupt_at
        self.steps, self.epochs = 0, 0
        self.weights, self.batches = [], []

    def on_batch_end(self, net, batch=None, training=False, **kwargs):
        if not training:
            return
        self.steps += 1
        self.batches.append(np.bincount(batch[1]["y"].numpy(), minlength=2))
        if self.steps == self.interrupt_at:
            raise KeyboardInterrupt

    def on_epoch_end(self, net, **kwargs):
        self.epochs += 1
        self.weights.append(weights_of(net))


def weights_of(net):
    return nn.utils.parameters_to_vector(net.module_.parameters()).detach().clone()


# --- the band -------------------------------------------------------------------


def test_budget_sets_the_band(table):
    X, y = table
    ratio = y.sum() / (y.size - y.sum())
    for budget in (0.005, 0.05, 0.5, 1.0):
        model = make(budget=budget, max_epochs=1).fit(X, y)
        assert model.beta_ == pytest.approx(max(budget, 1.5 * ratio))
    weight = np.where(y == 1, 2.0, 1.0)
    model = make(max_epochs=1).fit(X, y, sample_weight=weight)
    assert model.beta_ == pytest.approx(min(1.0, 3 * ratio))
    common = make(max_epochs=1).fit(X, 1 - y)
    assert common.beta_ == 1.0


def test_explicit_edges_override_the_budget(table):
    model = make(alpha=0.02, beta=0.3, max_epochs=1).fit(*table)
    loss = model.net_.criterion_.main_loss.of_member[0]
    assert (loss.alpha, loss.beta, model.beta_) == (0.02, 0.3, 0.3)
    model = make(beta=0.001, max_epochs=1).fit(*table)
    assert model.beta_ == 0.001


def test_parameters_reach_the_loss(table):
    params = {
        "surrogate": "trapezoid",
        "n_knots": 5,
        "link": "logistic",
        "tau_scale": "band",
        "basis": "population",
        "pos_numerator": "live",
        "temperature": 0.3,
        "queue_size": 100,
        "max_pool_size": 150,
    }
    model = make(**params, max_epochs=2, alpha=0.01, beta=0.4).fit(*table)
    assert model.net_.criterion_.temperature_end == params.pop("temperature")
    for loss in model.net_.criterion_.main_loss.of_member:
        assert {name: getattr(loss, name) for name in params} == params
    # Never more in the queue than there are rows outside the batch.
    queue = make(max_epochs=1).fit(*table).net_.criterion_.main_loss.of_member[0].queue
    assert queue.size == 400
    queue = make(max_epochs=1, batch_size=10_000).fit(*table)
    assert queue.net_.criterion_.main_loss.of_member[0].queue_size == 0


@pytest.mark.parametrize(
    "params",
    [
        {"surrogate": "trapezoid"},
        {"link": "logistic"},
        {"hidden_layer_sizes": ()},
        {"hidden_layer_sizes": [5, 3]},
        {"activation": "tanh"},
        {"batch_size": 64},
        {"lr": 1e-3},
        {"weight_decay": 50.0},
        {"input_decay": 50.0},
        {"queue_size": 0},
        {"n_members": 3},
        {"temperature": 0.05},
        {"temperature_start": 2.0},
        {"tau_scale": None},
        {"class_weight": "balanced"},
        {"beta": 0.9},
        {"warmup": 0.0},
        {"warmup": 1.0, "blend": 0.0},
        {"blend": 0.0},
        {"max_pool_size": 50},
        {"random_state": 1},
    ],
    ids=lambda params: "-".join(f"{k}={v}" for k, v in params.items()),
)
def test_every_parameter_changes_the_model(table, fitted, params):
    X, y = table
    scores = make(**params).fit(X, y).decision_function(X)
    assert np.isfinite(scores).all()
    assert np.abs(scores - fitted.decision_function(X)).max() > 1e-6


def test_schedule(table):
    def weights(**params):
        return make(max_epochs=5, **params).fit(*table).diagnostics_["main_weight"]

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert weights(warmup=1.0, blend=0.0).tolist() == [0] * 5
    assert weights(warmup=0.0, blend=0.0).tolist() == [1] * 5
    assert weights(warmup=0.4, blend=0.0).tolist() == [0, 0, 1, 1, 1]
    blended = weights(warmup=0.2, blend=0.6)
    assert blended[0] == 0
    assert blended[-1] == 1
    assert (np.diff(blended) > 0).all()
    found = make(max_epochs=5, temperature_start=0.8).fit(*table).diagnostics_["temperature"]
    assert found[0] == pytest.approx(0.8)
    assert found[-1] == pytest.approx(0.2, rel=0.2)


def test_auto_epochs(table):
    assert [auto_epochs(n, 15, 500) for n in (1, 2, 5, 20, 1000)] == [200, 200, 100, 25, 15]
    assert make(max_epochs="auto", batch_size=20).fit(*table).n_iter_ == 17


def test_decay_by_layer(table):
    params = {"weight_decay": 0.7, "input_decay": 4.0, "max_epochs": 1}
    net = make(**params).fit(*table).net_
    optimizer, module = net.optimizer_, net.module_
    decay = {
        id(p): group["weight_decay"] for group in optimizer.param_groups for p in group["params"]
    }
    assert isinstance(optimizer, torch.optim.AdamW)
    assert [decay[id(p)] for p in module.weights] == [4.0, 0.7]
    assert [decay[id(p)] for p in module.biases] == [0.0, 0.0]
    linear = make(**params, hidden_layer_sizes=()).fit(*table).net_
    assert [
        group["weight_decay"] for group in linear.optimizer_.param_groups if group["params"]
    ] == [
        0.0,
        4.0,
    ]
    own = make(**params, module=nn.Linear(6, 1)).fit(*table).net_
    decays = {
        name: group["weight_decay"]
        for group in own.optimizer_.param_groups
        for name, p in own.module_.named_parameters()
        if any(p is q for q in group["params"])
    }
    assert {name.rpartition(".")[2]: value for name, value in decays.items()} == {
        "weight": 0.7,
        "bias": 0.0,
    }


def test_class_weight_is_sample_weight(table):
    X, y = table
    weights = {0: 0.5, 1: 3.0}
    a = make(class_weight=weights).fit(X, y)
    b = make().fit(X, y, sample_weight=np.where(y == 1, 3.0, 0.5))
    np.testing.assert_array_equal(a.decision_function(X), b.decision_function(X))
    both = make(class_weight=weights).fit(X, y, sample_weight=np.where(y == 1, 2.0, 1.0))
    c = make().fit(X, y, sample_weight=np.where(y == 1, 6.0, 0.5))
    np.testing.assert_array_equal(both.decision_function(X), c.decision_function(X))
    balanced = make(class_weight="balanced").fit(X, y)
    probability = balanced.predict_proba(X)[:, 1]
    as_weighted = (probability[y == 1].mean() + probability[y == 0].mean()) / 2
    assert as_weighted == pytest.approx(0.5, abs=0.05)
    named = make(class_weight={"no": 0.5, "yes": 3.0}).fit(X, np.where(y == 1, "yes", "no"))
    np.testing.assert_array_equal(named.decision_function(X), a.decision_function(X))


# --- early stopping and interruptions -------------------------------------------


@pytest.fixture(scope="module")
def stopped(table):
    watch = Watch()
    scored = []
    usual = BestEpoch.on_epoch_end

    def spy(self, net, **kwargs):
        usual(self, net, **kwargs)
        scored.append((self.score, self.score(net)))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BestEpoch, "on_epoch_end", spy)
        model = make(
            early_stopping=True,
            validation_fraction=0.4,
            n_iter_no_change=2,
            max_epochs=20,
            net_params={"callbacks": [watch]},
        ).fit(*table)
    return model, watch, scored


def test_early_stopping_keeps_the_best_epoch(stopped):
    model, watch, scored = stopped
    coverage = model.diagnostics_["valid_coverage"]
    n_before = 9  # 0.45 of the epochs are warm-up and blend
    best = n_before + int(np.argmax(coverage[n_before:]))
    assert model.n_iter_ == len(coverage) == watch.epochs < 20
    assert model.n_iter_ - 1 == best + 2
    assert torch.equal(weights_of(model.net_), watch.weights[best])
    # What was recorded is what the kept weights reach on the held-out rows.
    assert scored[0][0](model.net_) == pytest.approx(coverage[best])
    assert [value for _, value in scored] == pytest.approx(coverage.tolist())
    assert all(np.isfinite(model.diagnostics_[name][-1]) for name in ("t_beta", "train_loss"))


def test_held_out_rows_are_a_stratified_share(table, stopped):
    _, y = table
    rows = stopped[2][0][0].keywords["rows"]
    held = rows.about["y"].numpy()
    assert held.sum() == pytest.approx(0.4 * y.sum(), abs=1)
    assert len(held) == pytest.approx(0.4 * y.size, abs=1)
    n_shown = sum(counts.sum() for counts in stopped[1].batches[:2])
    assert n_shown == y.size - len(held)


def test_epochs_before_the_main_phase_do_not_count(table):
    model = make(early_stopping=True, n_iter_no_change=1, max_epochs=6, warmup=0.5, blend=0.5).fit(
        *table
    )
    assert model.n_iter_ == 6


def interrupt(at, **params):
    watch = Watch(at)
    model = make(max_epochs=8, net_params={"callbacks": [watch]}, **params)
    with pytest.warns(UserWarning, match=r"interrupted after \d of 8 epochs") as caught:
        model.fit(*draw_table())
    assert caught[0].filename == __file__
    return model, watch, str(caught[0].message)


def test_ctrl_c_keeps_the_last_complete_epoch():
    model, watch, message = interrupt(11)
    assert "after 3 of 8 epochs; the model is that of epoch 3" in message
    assert torch.equal(weights_of(model.net_), watch.weights[2])
    assert model.n_iter_ == len(model.history_) == 3
    assert model.diagnostics_["train_loss"].shape == (3,)
    X, _ = draw_table()
    assert set(model.predict(X)) <= {0, 1}
    assert np.isfinite(model.predict_proba(X)).all()


def test_ctrl_c_keeps_the_best_epoch_with_early_stopping():
    # Late enough that the best epoch need not be the last one.
    model, watch, _ = interrupt(20, early_stopping=True, warmup=0.0, blend=0.0, lr=0.1)
    coverage = model.diagnostics_["valid_coverage"]
    assert len(coverage) == 6
    assert torch.equal(weights_of(model.net_), watch.weights[int(np.argmax(coverage))])


def test_ctrl_c_before_an_epoch_is_complete():
    model, _, message = interrupt(1)
    assert "no epoch was complete" in message
    assert model.n_iter_ == 0
    assert model.diagnostics_["t_beta"].size == 0
    assert np.isfinite(model.decision_function(draw_table()[0])).all()


def test_interrupted_partial_fit_is_undone(table):
    watch = Watch()
    model = make(net_params={"callbacks": [watch]}).partial_fit(*table)
    before = weights_of(model.net_)
    watch.interrupt_at = watch.steps + 2
    with pytest.warns(UserWarning, match="interrupted after 0 of 1 epochs"):
        model.partial_fit(*table)
    assert torch.equal(weights_of(model.net_), before)


# --- going on -------------------------------------------------------------------


def test_warm_start(table):
    X, y = table
    model = make(warm_start=True).fit(X, y)
    first = weights_of(model.net_)
    model.set_params(lr=1e-30, max_epochs=1).fit(X, y)
    np.testing.assert_allclose(weights_of(model.net_), first, rtol=1e-6)
    assert model.n_iter_ == 1
    again = make(max_epochs=1, lr=1e-30).fit(X, y)
    assert not torch.allclose(weights_of(again.net_), first)


@pytest.mark.parametrize(
    "params", [{"hidden_layer_sizes": (9,)}, {"hidden_layer_sizes": (8, 8)}, {"n_members": 3}]
)
def test_warm_start_needs_the_same_shape(table, params):
    model = make(warm_start=True, max_epochs=1).fit(*table).set_params(**params)
    with pytest.raises(ValueError, match="warm_start=True needs a network of the same shape"):
        model.fit(*table)


def test_warm_start_needs_the_same_classes(table):
    X, y = table
    model = make(warm_start=True, max_epochs=1).fit(X, y)
    with pytest.raises(ValueError, match=r"classes of the previous call.*\[0, 1\].*\[1, 2\]"):
        model.fit(X, y + 1)


def test_partial_fit_follows_the_schedule_over_calls(table):
    X, y = table
    model = make(max_epochs=4)
    for number in range(6):
        assert model.partial_fit(X, y) is model
        assert model.n_iter_ == number + 1
    found = model.diagnostics_
    assert found["main_weight"].tolist() == [0, 1, 1, 1, 1, 1]
    assert found["temperature"][0] == 0.5
    assert (np.diff(found["temperature"]) <= 0).all()
    np.testing.assert_allclose(found["temperature"][4:], 0.2)
    whole = make(max_epochs=4).fit(X, y)
    np.testing.assert_allclose(found["temperature"][:4], whole.diagnostics_["temperature"])


def test_partial_fit_needs_to_know_the_classes(table):
    X, y = table
    model = make(calibration_cv=None).partial_fit(X[y == 0], y[y == 0], classes=[0, 1])
    assert model.classes_.tolist() == [0, 1]
    model.partial_fit(X, y)
    model.partial_fit(X, y, classes=[1, 0])
    with pytest.raises(ValueError, match="not the same as on the last call to partial_fit"):
        model.partial_fit(X, y, classes=[0, 2])
    with pytest.raises(ValueError, match=r"labels that are not in classes: \[2\]"):
        model.partial_fit(X, y + 1)
    with pytest.raises(ValueError, match=r"labels that are not in classes: \[2\]"):
        make().partial_fit(X, y + 1, classes=[0, 1])
    with pytest.raises(ValueError, match="one class"):
        make().partial_fit(X[y == 0], y[y == 0])
    with pytest.raises(ValueError, match="7 features, but PAUCClassifier is expecting 6"):
        model.partial_fit(np.c_[X, y], y)


def test_partial_fit_after_fit_goes_on(table):
    X, y = table
    model = make().fit(X, y)
    before, temperature = weights_of(model.net_), model.diagnostics_["temperature"][-1]
    model.partial_fit(X, y)
    assert model.n_iter_ == 5
    assert model.diagnostics_["main_weight"][-1] == 1
    assert model.diagnostics_["temperature"][-1] <= temperature
    assert not torch.equal(weights_of(model.net_), before)
    # And fit after partial_fit starts anew.
    model.fit(X, y)
    assert model.n_iter_ == 4
    assert torch.equal(weights_of(model.net_), before)


@pytest.mark.parametrize("n_members", [1, 2])
def test_partial_fit_calibrates_on_its_rows(table, n_members):
    X, y = table
    model = make(n_members=n_members, max_epochs=10)
    for _ in range(10):
        model.partial_fit(X, y)
    assert model.predict_proba(X)[:, 1].mean() == pytest.approx(y.mean(), abs=0.04)


def test_partial_fit_of_a_pickle_goes_on_alike(table):
    model = make().partial_fit(*table)
    other = pickle.loads(pickle.dumps(model)).partial_fit(*table)
    model.partial_fit(*table)
    np.testing.assert_array_equal(
        model.decision_function(table[0]), other.decision_function(table[0])
    )


# --- randomness, device, what is shown ------------------------------------------


@pytest.mark.parametrize("seed", [0, np.int64(0)])
def test_same_seed_same_scores(table, fitted, seed):
    np.testing.assert_array_equal(
        make(random_state=seed).fit(*table).predict_proba(table[0]),
        fitted.predict_proba(table[0]),
    )


def test_other_kinds_of_seed(table):
    scores = [
        make(random_state=np.random.RandomState(3), max_epochs=1)
        .fit(*table)
        .decision_function(table[0])
        for _ in range(2)
    ]
    np.testing.assert_array_equal(*scores)
    np.random.seed(7)  # noqa: NPY002
    first = make(random_state=None, max_epochs=1).fit(*table).decision_function(table[0])
    second = make(random_state=None, max_epochs=1).fit(*table).decision_function(table[0])
    assert not np.array_equal(first, second)


def test_generators_of_others_are_left_alone(table):
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002
    of_torch = torch.get_rng_state()
    of_numpy = np.random.get_state()[1].copy()  # noqa: NPY002
    make(max_pool_size=100, n_members=2).fit(*table).partial_fit(*table)
    assert torch.equal(torch.get_rng_state(), of_torch)
    np.testing.assert_array_equal(np.random.get_state()[1], of_numpy)  # noqa: NPY002


@pytest.mark.parametrize("device", ["auto", "cpu", torch.device("cpu")])
def test_device(table, fitted, device):
    model = make(device=device).fit(*table)
    if not torch.cuda.is_available():
        assert model.net_.device == torch.device("cpu")
        np.testing.assert_array_equal(
            model.decision_function(table[0]), fitted.decision_function(table[0])
        )


@pytest.mark.parametrize("device", ["banana", "cuda:99", "meta"])
def test_devices_that_are_not_there(table, fitted, device):
    message = f"device='{device}' is not available: pass 'auto', 'cpu'"
    with pytest.raises(ValueError, match=message):
        make(device=device).fit(*table)
    with pytest.raises(ValueError, match=message):
        copy.deepcopy(fitted).to(device)


def test_to_moves_the_model(table):
    model = make().fit(*table)
    scores = model.decision_function(table[0])
    assert model.to("cpu") is model
    assert model.device == "cpu"
    np.testing.assert_array_equal(model.decision_function(table[0]), scores)
    model.partial_fit(*table)
    with pytest.raises(NotFittedError):
        make().to("cpu")


def test_verbose(table, capfd):
    make(max_epochs=2).fit(*table)
    assert capfd.readouterr() == ("", "")
    make(max_epochs=2, verbose=1, early_stopping=True).fit(*table)
    out, err = capfd.readouterr()
    assert out == ""
    assert "6/6" in err
    assert re.search(r"loss=\d.*coverage=\d", err)
    make(max_epochs=2, verbose=2).fit(*table)
    out, err = capfd.readouterr()
    assert "6/6" in err
    assert all(word in out for word in ("epoch", "train_loss", "t_beta", "temperature"))


# --- a module of one's own ------------------------------------------------------


class Plain(nn.Module):
    """Knows neither n_features nor n_outputs."""

    def __init__(self, hidden=4):
        super().__init__()
        self.first, self.last = nn.Linear(6, hidden), nn.Linear(hidden, 1)

    def forward(self, X):
        return self.last(torch.tanh(self.first(X)))


class Told(nn.Module):
    """Is told both, and returns one dimension for one output."""

    def __init__(self, n_features, n_outputs, hidden=4):
        super().__init__()
        self.first, self.last = nn.Linear(n_features, hidden), nn.Linear(hidden, n_outputs)

    def forward(self, X):
        scores = self.last(torch.tanh(self.first(X)))
        return scores[:, 0] if scores.shape[1] == 1 else scores


class Wide(Plain):
    def forward(self, X):
        return super().forward(X).expand(-1, 3)


class Raises(Plain):
    def forward(self, X):
        if self.training:
            raise ZeroDivisionError("first batch")
        return super().forward(X)


@pytest.mark.parametrize("n_members", [1, 3])
@pytest.mark.parametrize("module", [Plain, Told, Plain(4), Told(6, 1)], ids=lambda m: str(m)[:5])
def test_module(table, module, n_members):
    X, y = table
    model = make(module=module, n_members=n_members, max_epochs=10).fit(X, y)
    assert coverage_at_budget_score(y, model.decision_function(X), budget=0.1) > 0.35
    assert model.predict_proba(X).shape == (y.size, 2)
    assert model.net_.scores_of(_rows(X)).shape == (y.size, n_members, 1)
    members = list(model.net_.module_.members)
    assert len(members) == n_members
    for one, other in itertools.pairwise(members):
        assert not torch.allclose(one.first.weight, other.first.weight)
    np.testing.assert_array_equal(
        make(module=module, n_members=n_members, max_epochs=10).fit(X, y).decision_function(X),
        model.decision_function(X),
    )


def _rows(X):
    from skbudget.neural.training._rows import TableDataset

    return TableDataset(np.asarray(X, dtype=np.float32))


def test_an_instance_is_copied(table):
    module = Plain()
    before = copy.deepcopy(module.state_dict())
    model = make(module=module, max_epochs=1, lr=1e-30, n_members=2).fit(*table)
    first, second = model.net_.module_.members
    assert torch.equal(first.first.weight, module.first.weight)
    assert not torch.equal(second.first.weight, module.first.weight)
    make(module=module).fit(*table)
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())


def test_module_with_more_classes(three_classes):
    X, y = three_classes
    model = make(module=Told, max_epochs=10).fit(X, y)
    assert model.decision_function(X).shape == (600, 3)
    assert (model.predict(X) == y).mean() > 0.6


def test_module_parameters(table):
    by_dict = make(module=Told, net_params={"module__hidden": 8}, max_epochs=2)
    by_name = make(module=Told, max_epochs=2).set_params(net__module__hidden=8)
    assert by_name.get_params()["net__module__hidden"] == 8
    for model in (by_dict, by_name):
        model.fit(*table)
        assert model.net_.module_.members[0].first.out_features == 8
    np.testing.assert_array_equal(
        by_dict.decision_function(table[0]), by_name.decision_function(table[0])
    )
    grid = {"net__module__hidden": [2, 5], "net__optimizer__betas": [(0.8, 0.9)]}
    search = GridSearchCV(
        make(module=Told, max_epochs=2), grid, scoring=make_coverage_scorer(budget=0.1), cv=2
    ).fit(*table)
    found = search.best_estimator_
    assert found.net_.module_.members[0].first.out_features in (2, 5)
    assert found.net_.optimizer_.param_groups[0]["betas"] == (0.8, 0.9)
    with pytest.raises(ValueError, match="module is an instance.*hidden"):
        make(module=Plain(), net_params={"module__hidden": 8}).fit(*table)


def test_modules_that_do_not_fit(table, three_classes):
    with pytest.raises(ValueError, match=r"\(3, 3\) for 3 rows of 6.*\(n_rows, 1\) or \(n_rows,\)"):
        make(module=Wide).fit(*table)
    X, y = three_classes
    with pytest.raises(ValueError, match=r"\(3, 1\) for 3 rows of 4.*\(n_rows, 3\)"):
        make(module=nn.Linear(4, 1)).fit(X, y)
    for wrong in ("perceptron", 3, dict, lambda: 3):
        with pytest.raises(TypeError, match="'module' parameter of PAUCClassifier must be a torch"):
            make(module=wrong).fit(*table)
    model = make(module=Raises)
    with pytest.raises(ZeroDivisionError, match=r"^first batch$"):
        model.fit(*table)
    assert not hasattr(model, "net_")


# --- skorch ---------------------------------------------------------------------


def test_callbacks_of_skorch(table, tmp_path):
    from skorch.callbacks import Checkpoint, EarlyStopping, LRScheduler

    model = make(
        early_stopping=True,
        max_epochs=6,
        n_iter_no_change=6,
        net_params={
            "callbacks": [
                ("checkpoint", Checkpoint(monitor="valid_coverage_best", dirname=tmp_path)),
                LRScheduler("StepLR", step_size=2, gamma=0.1),
            ],
            "callbacks__checkpoint__monitor": None,
            "optimizer__eps": 1e-7,
        },
    ).fit(*table)
    assert isinstance(model.net_, skorch.NeuralNet)
    assert (tmp_path / "params.pt").exists()
    assert model.net_.optimizer_.param_groups[0]["lr"] == pytest.approx(1e-5)
    assert model.net_.optimizer_.param_groups[0]["eps"] == 1e-7
    assert model.history_ is model.net_.history
    assert model.history_[:, "event_lr"] == pytest.approx([1e-2] * 2 + [1e-3] * 2 + [1e-4] * 2)

    patience = EarlyStopping(monitor="train_loss", patience=2, threshold=10.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # A callback that stops is no interruption to be warned of.
        model = make(max_epochs=9, net_params={"callbacks": [patience]}).fit(*table)
    assert model.n_iter_ == 3


def test_callback_that_scores_epochs(table, fresh_table):
    class Fresh(skorch.callbacks.Callback):
        def on_epoch_end(self, net, **kwargs):
            scores = net.scores_of(_rows(fresh_table[0])).mean(axis=1)[:, 0]
            net.history.record("mine", coverage_at_budget_score(fresh_table[1], scores, budget=0.1))

    model = make(net_params={"callbacks": [("mine", Fresh)]}).fit(*table)
    assert np.isfinite(model.history_[:, "mine"]).all()
    assert model.history_[-1, "mine"] == pytest.approx(
        coverage_at_budget_score(
            fresh_table[1], model.decision_function(fresh_table[0]), budget=0.1
        )
    )


def test_other_optimizer(table):
    net_params = {"optimizer": torch.optim.SGD, "optimizer__momentum": 0.9}
    model = make(lr=0.1, net_params=net_params).fit(*table)
    assert isinstance(model.net_.optimizer_, torch.optim.SGD)
    (group,) = model.net_.optimizer_.param_groups
    assert (group["lr"], group["momentum"], group["weight_decay"]) == (0.1, 0.9, 0)
    assert clone(model).net_params["optimizer"] is torch.optim.SGD


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("criterion", "sets it itself"),
        ("criterion__loss", "sets it itself"),
        ("module", "pass module="),
        ("train_split", "sets it itself"),
        ("iterator_train__shuffle", "sets it itself"),
        ("max_epochs", "Pass max_epochs to PAUCClassifier"),
        ("lr", "Pass lr to PAUCClassifier"),
        ("device", "Pass device to PAUCClassifier"),
    ],
)
def test_reserved_names(table, name, instead):
    with pytest.raises(ValueError, match=f"net_params must not hold '{name}'.*{instead}"):
        make(net_params={name: 1}).fit(*table)
    with pytest.raises(ValueError, match=f"net_params must not hold '{name}'"):
        make().set_params(**{f"net__{name}": 1}).fit(*table)


def test_net_parameters_are_parameters():
    model = make(net_params={"optimizer__eps": 1e-7})
    assert model.get_params()["net__optimizer__eps"] == 1e-7
    assert "net__optimizer__eps" not in model.get_params(deep=False)
    other = clone(model).set_params(net__optimizer__betas=(0.5, 0.9), budget=0.1)
    assert other.net_params == {"optimizer__eps": 1e-7, "optimizer__betas": (0.5, 0.9)}
    assert model.net_params == {"optimizer__eps": 1e-7}
    assert other.budget == 0.1
    with pytest.raises(ValueError, match="fooo"):
        make(net_params={"fooo": 1}).fit(*draw_table())


def test_saved_weights(table, tmp_path):
    model, other = make().fit(*table), make(random_state=1).fit(*table)
    files = {f"f_{part}": str(tmp_path / part) for part in ("params", "optimizer", "history")}
    model.net_.save_params(**files)
    other.net_.load_params(**files)
    assert torch.equal(weights_of(model.net_), weights_of(other.net_))
    np.testing.assert_array_equal(
        model.net_.scores_of(_rows(table[0])), other.net_.scores_of(_rows(table[0]))
    )
    assert other.n_iter_ == len(other.history_)


# --- weights and masks ----------------------------------------------------------


def test_weight_two_is_nearly_the_row_twice(table):
    """In a single batch the two differ by rounding, and much less than two seeds do."""
    X, y = table
    weight = np.random.default_rng(0).integers(0, 4, size=y.size)
    repeated = np.repeat(X, weight, axis=0), np.repeat(y, weight)
    params = {"batch_size": 5000, "max_epochs": 30}
    a = make(**params).fit(X, y, sample_weight=weight)
    b = make(**params).fit(*repeated)
    other_seed = make(**params, random_state=1).fit(*repeated)
    assert a.beta_ == pytest.approx(b.beta_)
    np.testing.assert_allclose(a.decision_function(X), b.decision_function(X), atol=1e-4)
    np.testing.assert_allclose(a.predict_proba(X), b.predict_proba(X), atol=1e-4)
    assert np.abs(b.decision_function(X) - other_seed.decision_function(X)).max() > 0.1
    # Of several batches the models differ, and rank alike.
    a = make(max_epochs=20).fit(X, y, sample_weight=weight)
    b = make(max_epochs=20).fit(*repeated)
    assert np.corrcoef(a.decision_function(X), b.decision_function(X))[0, 1] > 0.9


def test_rows_of_weight_zero_are_dropped(table, fitted):
    X, y = table
    more = np.vstack([X, 100 + X[:200]]), np.r_[y, 1 - y[:200]]
    weight = np.r_[np.ones(y.size), np.zeros(200)]
    model = make().fit(*more, sample_weight=weight)
    np.testing.assert_allclose(
        model.decision_function(X), fitted.decision_function(X), rtol=1e-3, atol=1e-3
    )


def edges(X, y, iid_mask=None):
    """Diagnostics of one step, of a network that does not move."""
    model = make(
        beta=0.2,
        alpha=0.05,
        warmup=0.0,
        blend=0.0,
        max_epochs=1,
        batch_size=10_000,
        n_members=1,
        calibration_cv=None,
        lr=1e-30,
    ).fit(X, y, iid_mask=iid_mask)
    names = ("t_alpha", "t_beta", "tau_eff", "band_neg_count")
    return np.array([model.diagnostics_[name][0] for name in names]), model


def test_only_iid_rows_set_edges_and_temperature(table):
    X, y = table
    alone, _ = edges(X, y)
    added = np.vstack([X, X[:200] + 3.0]), np.r_[y, np.zeros(200, dtype=int)]
    iid = np.arange(y.size + 200) < y.size
    masked, model = edges(*added, iid)
    unmasked, _ = edges(*added)
    np.testing.assert_allclose(masked, alone, rtol=1e-4)
    assert (np.abs(unmasked / alone - 1) > 0.05).all()
    # They are trained on all the same.
    assert model.net_.history[-1, "batches", 0, "train_batch_size"] == y.size + 200


def test_metadata_routing(table):
    X, y = table
    weight, iid = np.where(y == 1, 3.0, 1.0), X[:, 0] < 1.0
    with sklearn.config_context(enable_metadata_routing=True):
        model = make().set_fit_request(sample_weight=True, iid_mask=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipeline = make_pipeline(scaler, model)
        pipeline.fit(X, y, sample_weight=weight, iid_mask=iid)
        make().set_partial_fit_request(iid_mask=True, classes=True)
    scaled = StandardScaler().fit_transform(X)
    expected = make().fit(scaled, y, sample_weight=weight, iid_mask=iid)
    np.testing.assert_array_equal(pipeline.decision_function(X), expected.decision_function(scaled))
    unmasked = make().fit(scaled, y, sample_weight=weight)
    assert np.abs(unmasked.decision_function(scaled) - pipeline.decision_function(X)).max() > 1e-4


# --- scores, probabilities, labels ----------------------------------------------


def test_predictions_are_consistent(fitted, fresh_table):
    X, _ = fresh_table
    scores, probability = fitted.decision_function(X), fitted.predict_proba(X)
    assert scores.shape == (600,)
    assert probability.shape == (600, 2)
    np.testing.assert_allclose(probability.sum(axis=1), 1)
    np.testing.assert_array_equal(
        np.argsort(scores, kind="stable"), np.argsort(probability[:, 1], kind="stable")
    )
    np.testing.assert_array_equal(scores > 0, probability[:, 1] > 0.5)
    np.testing.assert_array_equal(fitted.predict(X), (scores > 0).astype(int))
    assert 0 < fitted.predict(X).sum() < 600
    # A row's score does not depend on its company.
    alone = np.array([fitted.decision_function(row[None])[0] for row in X[:20]])
    np.testing.assert_allclose(alone, scores[:20], atol=1e-12)


@pytest.mark.parametrize("n_members", [1, 2])
def test_probabilities_are_calibrated(n_members):
    X, y = draw_table(4000, 0.05)
    X_new, y_new = draw_table(20_000, 0.05, seed=1)
    model = make(n_members=n_members, max_epochs=15, validation_fraction=0.3).fit(X, y)
    probability = model.predict_proba(X_new)[:, 1]
    error = np.sqrt(0.05 * 0.95 / 4000)
    assert probability.mean() == pytest.approx(y_new.mean(), abs=4 * error)
    top = probability > 0.3
    assert top.sum() > 300
    assert y_new[top].mean() == pytest.approx(probability[top].mean(), abs=0.12)


@pytest.mark.parametrize("n_members", [1, 2])
def test_rare_positives_are_not_overrated(n_members):
    """All thirty are held out, but a part of the negatives only."""
    X, y = draw_table(3000, 0.0)
    y[::100] = 1
    X[::100, :2] += 1.5
    model = make(n_members=n_members, max_epochs=10).fit(X, y)
    X_new, _ = draw_table(10_000, 0.01, seed=1)
    # A standard error is a fifth; uncorrected they would be rated four times too high.
    assert 0.005 < model.predict_proba(X_new)[:, 1].mean() < 0.016


def test_calibration_sees_only_rows_not_trained_on():
    """On noise, scores of rows trained on separate the classes; others do not."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(300, 30)), (np.arange(300) < 60).astype(int)
    memorise = {"weight_decay": 0.0, "input_decay": 0.0, "hidden_layer_sizes": (64,)}
    for n_members in (1, 2):
        model = make(n_members=n_members, max_epochs=30, **memorise).fit(X, y)
        assert coverage_at_budget_score(y, model.decision_function(X), budget=0.2) > 0.75
        assert model.predict_proba(X)[y == 1, 1].mean() < 0.5


def test_one_member_holds_out_the_validation_fraction(table):
    X, y = table
    watch = Watch()
    make(n_members=1, validation_fraction=0.25, net_params={"callbacks": [watch]}).fit(X, y)
    shown = np.sum(watch.batches, axis=0) / 4
    assert shown.sum() == pytest.approx(450, abs=1)
    assert shown[1] == pytest.approx(0.75 * y.sum(), abs=1)
    watch = Watch()
    make(n_members=1, calibration_cv=None, net_params={"callbacks": [watch]}).fit(X, y)
    assert np.sum(watch.batches, axis=0).sum() == 4 * 600


def test_without_calibration_there_is_only_a_ranking(table):
    X, y = table
    model = make(calibration_cv=None).fit(X, y)
    assert not hasattr(model, "predict_proba")
    with pytest.raises(AttributeError, match="predict_proba") as caught:
        _ = model.predict_proba
    assert "ranks only: probabilities need calibration_cv='auto'" in str(caught.value.__cause__)
    assert model.decision_function(X).shape == (600,)
    np.testing.assert_array_equal(model.predict(X), model.decision_function(X) > 0)
    model.set_params(calibration_cv="auto")
    with pytest.raises(NotFittedError, match="fitted with calibration_cv=None.*fit it again"):
        model.predict_proba(X)
    assert hasattr(make(), "predict_proba")


@pytest.mark.parametrize("labels", [("ok", "fraud"), (-1, 1), (False, True), (3, 7), (0.0, 1.0)])
def test_any_two_labels(table, fitted, labels):
    X, y = table
    low, high = sorted(labels)
    # scikit-learn takes no other objects than strings for labels.
    for dtype in (None, object) if isinstance(low, str) else (None,):
        model = make().fit(X, np.array([low, high], dtype=dtype)[y])
        assert list(model.classes_) == [low, high]
        np.testing.assert_array_equal(model.decision_function(X), fitted.decision_function(X))
        predicted = model.predict(X)
        assert set(predicted.tolist()) == {low, high}
        np.testing.assert_array_equal(predicted == high, fitted.predict(X) == 1)


def test_more_than_two_classes(three_classes):
    X, y = three_classes
    model = make(max_epochs=15).fit(X, y)
    scores, probability = model.decision_function(X), model.predict_proba(X)
    assert list(model.classes_) == ["a", "b", "c"]
    assert scores.shape == probability.shape == (600, 3)
    np.testing.assert_allclose(probability.sum(axis=1), 1)
    np.testing.assert_array_equal(scores.argmax(axis=1), probability.argmax(axis=1))
    np.testing.assert_array_equal(model.predict(X), model.classes_[scores.argmax(axis=1)])
    assert (model.predict(X) == y).mean() > 0.75
    for number, label in enumerate("abc"):
        assert probability[:, number].mean() == pytest.approx((y == label).mean(), abs=0.06)
    far = model.predict_proba(1e5 * X[:50])
    assert np.isfinite(far).all()
    np.testing.assert_allclose(far.sum(axis=1), 1)
    stopped = make(early_stopping=True, max_epochs=4).fit(X, y)
    assert np.isfinite(stopped.diagnostics_["valid_coverage"]).all()
    ranker = make(calibration_cv=None).fit(X, y)
    np.testing.assert_array_equal(
        ranker.predict(X), ranker.classes_[ranker.decision_function(X).argmax(axis=1)]
    )


# --- kinds of tables ------------------------------------------------------------


def test_pandas(table, fitted):
    X, y = table
    frame = pd.DataFrame(X, columns=list("uvwxyz"))
    model = make().fit(frame, pd.Series(y, index=range(600, 0, -1)))
    np.testing.assert_array_equal(model.feature_names_in_, list("uvwxyz"))
    np.testing.assert_array_equal(model.decision_function(frame), fitted.decision_function(X))
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[list("zyxwvu")])
    with pytest.warns(UserWarning, match="valid feature names"):
        model.predict(X)


def test_polars(table, fitted):
    pl = pytest.importorskip("polars")
    X, y = table
    frame = pl.DataFrame(X, schema=list("uvwxyz"))
    model = make().fit(frame, pl.Series(y))
    np.testing.assert_array_equal(model.decision_function(frame), fitted.decision_function(X))
    if _get_feature_names(frame) is None:
        pytest.skip("this scikit-learn does not read the column names of this polars")
    np.testing.assert_array_equal(model.feature_names_in_, list("uvwxyz"))


@pytest.mark.parametrize("convert", [sp.csr_matrix, sp.csr_array, sp.csc_matrix])
@pytest.mark.parametrize("n_members", [1, 2])
def test_sparse(table, convert, n_members):
    X, y = table
    X = np.where(X > 0.5, X, 0.0)
    dense = make(n_members=n_members).fit(X, y)
    sparse = make(n_members=n_members).fit(convert(X), y)
    np.testing.assert_allclose(
        sparse.decision_function(convert(X)), dense.decision_function(X), rtol=1e-6
    )
    np.testing.assert_allclose(sparse.predict_proba(X), dense.predict_proba(X), rtol=1e-6)


# --- what is left after fit -----------------------------------------------------


def test_attributes(fitted):
    assert fitted.classes_.tolist() == [0, 1]
    assert fitted.n_features_in_ == 6
    assert not hasattr(fitted, "feature_names_in_")
    assert fitted.n_iter_ == 4
    assert len(fitted.history_) == 4
    assert set(fitted.diagnostics_) == {
        "t_alpha",
        "t_beta",
        "tau_eff",
        "band_neg_count",
        "grad_pos_count",
        "pauc_var",
        "idle_share",
        "main_weight",
        "temperature",
        "train_loss",
        "valid_coverage",
    }
    found = fitted.diagnostics_
    assert all(values.shape == (4,) for values in found.values())
    assert np.isnan(found["valid_coverage"]).all()
    assert np.isfinite(found["train_loss"]).all()
    of_loss = ("t_alpha", "t_beta", "tau_eff", "band_neg_count", "grad_pos_count", "pauc_var")
    for name in of_loss:
        assert np.isnan(found[name][0])  # warm-up
        assert np.isfinite(found[name][1:]).all()
    assert (found["t_beta"][1:] < found["t_alpha"][1:]).all()
    assert found["idle_share"][1:].tolist() == [0, 0, 0]
    with pytest.raises(NotFittedError):
        _ = make().history_


def test_copies_predict_alike(fitted, fresh_table, tmp_path):
    X, _ = fresh_table
    joblib.dump(fitted, tmp_path / "model")
    for other in (
        pickle.loads(pickle.dumps(fitted)),
        copy.deepcopy(fitted),
        joblib.load(tmp_path / "model"),
    ):
        np.testing.assert_array_equal(other.predict_proba(X), fitted.predict_proba(X))
        np.testing.assert_array_equal(other.predict(X), fitted.predict(X))
        assert other.diagnostics_.keys() == fitted.diagnostics_.keys()
        # What is trained on, moved and saved again is one network, not a copy beside it.
        assert other.net_.module is other.net_.module_
        assert other.net_.criterion is other.net_.criterion_
    again = clone(fitted)
    assert not hasattr(again, "net_")
    assert again.get_params() == fitted.get_params()


@pytest.mark.parametrize("params", [{}, {"early_stopping": True}, {"n_members": 1}])
def test_training_rows_are_not_kept(params):
    one_batch = {"batch_size": 10_000, "queue_size": 0, "max_epochs": 2, **params}
    sizes = [
        len(pickle.dumps(make(**one_batch).fit(*draw_table(n, n_features=50)))) for n in (300, 3000)
    ]
    assert abs(sizes[1] - sizes[0]) < 1000


def test_a_failed_fit_leaves_the_old_model(table):
    X, y = table
    model = make().fit(X, y)
    scores = model.decision_function(X)
    with pytest.raises(FloatingPointError):
        model.set_params(lr=1e30).fit(X, y)
    np.testing.assert_array_equal(model.decision_function(X), scores)


def test_fit_changes_no_parameter(table):
    model = make(net_params={"optimizer__eps": 1e-7, "callbacks": [Watch()]})
    before = model.get_params()
    net_params = dict(model.net_params)
    model.fit(*table)
    assert model.get_params() == before
    assert model.net_params == net_params
    assert len(net_params["callbacks"]) == 1


def test_network_is_torch_s_and_learns(table, fresh_table):
    X, y = table
    model = make(max_epochs=20).fit(X, y)
    assert isinstance(model.net_.module_, nn.Module)
    scores = model.decision_function(fresh_table[0])
    assert coverage_at_budget_score(fresh_table[1], scores, budget=0.1) > 0.5


# --- warnings -------------------------------------------------------------------


def warnings_of(model, X, y, **fit_params):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, y, **fit_params)
    assert all(w.filename == __file__ for w in caught if "PAUCClassifier:" in str(w.message))
    return [str(w.message) for w in caught if "PAUCClassifier:" in str(w.message)]


def test_nothing_is_warned_of_in_good_order(table):
    assert warnings_of(make(), *table) == []


def test_warns_of_a_band_of_few_negatives(table):
    (message,) = warnings_of(make(beta=0.01, batch_size=100, queue_size=0), *table)
    assert re.search(r"band \[0, 0.01\] held 1\.\d negatives", message)
    assert "Raise queue_size (it is 0) or batch_size (100)" in message
    assert "widen beta" in message


def test_warns_of_idle_steps(table):
    X, _ = table
    few = np.zeros(600, dtype=int)
    few[:12] = 1
    # Collapsed: a constant table has nothing to rank on.
    (message,) = warnings_of(make(queue_size=0), np.zeros_like(X), few)
    assert "100% of the steps of the main phase had no ranking loss" in message
    assert "Raise batch_size or queue_size, or lower lr" in message


def test_warns_of_starving_positives():
    """Both positives are in folds: a member that leaves one out sees it in no batch."""
    X, _ = draw_table(400)
    y = (np.arange(400) < 1).astype(int)
    in_every_batch = make(calibration_cv=None, batch_size=50, queue_size=300, max_epochs=3)
    (message,) = warnings_of(in_every_batch, X, y)
    assert "y has 1 positive, fewer than 10" in message
    y[:2] = 1
    messages = warnings_of(make(batch_size=10, queue_size=380, beta=0.2, max_epochs=3), X, y)
    assert any("saw 0." in m and "Raise batch_size (it is 10)" in m for m in messages)


# --- rare positives -------------------------------------------------------------


@pytest.mark.parametrize("n_positives", [1, 2, 3])
@pytest.mark.parametrize("params", [{}, {"calibration_cv": None, "n_members": 1}])
@pytest.mark.filterwarnings("ignore:PAUCClassifier. a step saw")
def test_rare_positives(n_positives, params):
    X, _ = draw_table(5000, rate=0.0)
    y = np.zeros(5000, dtype=int)
    y[10 : 10 + n_positives] = 1
    X[y == 1, 0] += 4
    watch = Watch()
    model = make(
        batch_size=256, budget=0.005, max_epochs=2, net_params={"callbacks": [watch]}, **params
    )
    model.fit(X, y)
    counts = np.array(watch.batches)
    assert len(counts) == 2 * 20
    assert (counts[:, 1] == 1).all()
    assert np.isfinite(model.decision_function(X)).all()
    assert np.isfinite(model.diagnostics_["train_loss"]).all()
    if model.calibration_cv:
        assert model.predict_proba(X)[:, 1].mean() < 0.005


@pytest.mark.filterwarnings("ignore:PAUCClassifier. a step saw")
def test_holding_out_keeps_both_classes_on_both_sides(table):
    X, _ = table
    y = (np.arange(600) < 3).astype(int)
    for params in ({"n_members": 1}, {"early_stopping": True}, {"n_members": 3}):
        model = make(validation_fraction=0.01, **params).fit(X, y)
        assert np.isfinite(model.predict_proba(X)).all()
    y = (np.arange(600) < 1).astype(int)
    for params in ({"n_members": 1}, {"early_stopping": True}):
        with pytest.raises(ValueError, match="has only 1 member.*calibration_cv=None or n_members"):
            make(**params).fit(X, y)


# --- bad input ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"budget": 0}, r"'budget' parameter of PAUCClassifier.*\(0.0, 1.0\]. Got 0 instead"),
        ({"budget": 50}, "50 basis points are 0.005"),
        ({"budget": float("nan")}, "'budget'.*Got nan"),
        ({"alpha": 0.3, "beta": 0.2}, "'alpha'.*smaller than beta, which is 0.2. Got 0.3"),
        ({"alpha": 0.9}, "'alpha'.*smaller than beta"),
        ({"beta": 1.5}, r"'beta'.*Got 1.5"),
        ({"surrogate": "list"}, "'surrogate'.*{.*'pairwise'.*}.*Got 'list'"),
        ({"link": "hinge"}, "'link'.*'logistic'.*Got 'hinge'"),
        ({"temperature": 0}, "'temperature'.*Got 0"),
        ({"tau_scale": "sd"}, "'tau_scale'.*'iqr'.*None.*Got 'sd'"),
        ({"n_knots": 1}, r"'n_knots'.*\[2, inf\).*Got 1"),
        ({"warmup": 1.2}, r"'warmup'.*\[0.0, 1.0\].*Got 1.2"),
        ({"warmup": 0.7, "blend": 0.6}, r"warmup \+ blend.*at most 1: got 0.7 \+ 0.6"),
        ({"hidden_layer_sizes": 8}, "'hidden_layer_sizes'.*array-like.*Got 8"),
        ({"hidden_layer_sizes": (8, 0)}, r"'hidden_layer_sizes'.*\[1, inf\). Got \(8, 0\)"),
        ({"hidden_layer_sizes": (2.5,)}, r"'hidden_layer_sizes'.*ints.*Got \(2.5,\)"),
        ({"activation": "sine"}, "'activation'.*'relu'.*Got 'sine'"),
        ({"n_members": 0}, r"'n_members'.*\[1, 100000\].*Got 0"),
        ({"batch_size": 2.5}, "'batch_size'.*int.*Got 2.5"),
        ({"max_epochs": "many"}, "'max_epochs'.*'auto'.*Got 'many'"),
        ({"lr": -1.0}, "'lr'.*Got -1.0"),
        ({"weight_decay": -1}, "'weight_decay'.*Got -1"),
        ({"queue_size": -1}, "'queue_size'.*Got -1"),
        ({"max_pool_size": 1}, r"'max_pool_size'.*\[2, inf\).*Got 1"),
        ({"early_stopping": "yes"}, "'early_stopping'.*Got 'yes'"),
        ({"validation_fraction": 1.0}, "'validation_fraction'.*Got 1.0"),
        ({"class_weight": "even"}, "'class_weight'.*'balanced'.*Got 'even'"),
        ({"class_weight": {0: 1.0, 1: -1.0}}, "Negative values in class_weight"),
        ({"class_weight": {0: 1.0, 1: 0.0}}, "one class"),
        ({"net_params": [1]}, "'net_params'.*dict.*None"),
        ({"random_state": "seed"}, "'random_state'.*Got 'seed'"),
        ({"device": 3}, "'device'.*str.*Got 3"),
        ({"verbose": -1}, "'verbose'.*Got -1"),
        # To Python, True is the number 1.
        ({"n_members": True}, r"'n_members'.*an int in the range \[1, 100000\] .*Got True"),
        ({"lr": True}, r"'lr'.*a float in the range \(0.0, inf\). Got True"),
        ({"max_epochs": True}, "'max_epochs'.*'auto'.*Got True"),
        ({"queue_size": np.True_}, "'queue_size'.*Got np.True_|'queue_size'.*Got True"),
        ({"warmup": False}, "'warmup'.*Got False"),
        ({"validation_fraction": True}, "'validation_fraction'.*Got True"),
        ({"random_state": True}, "'random_state'.*Got True"),
        ({"budget": True}, "'budget'.*Got True"),
        ({"alpha": False}, "'alpha'.*Got False"),
        ({"hidden_layer_sizes": (True, 8)}, r"'hidden_layer_sizes'.*Got \(True, 8\)"),
        ({"early_stopping": 1}, "'early_stopping'.*bool.*Got 1"),
        ({"warm_start": "no"}, "'warm_start'.*bool.*Got 'no'"),
        ({"lr": float("inf")}, "'lr'.*Got inf"),
        ({"lr": float("nan")}, "'lr'.*Got nan"),
        ({"temperature": 1e-300}, "'temperature'.*1e-20.*Got 1e-300"),
        ({"temperature_start": 1e300}, "'temperature_start'.*1e.20.*Got 1e.300"),
        ({"calibration_cv": 5}, "'calibration_cv'.*'auto'.*Got 5"),
        ({"net_params": {3: 1}}, "net_params of PAUCClassifier must have names as keys: got 3"),
        ({"net_params": {"callbacks": 3}}, "callbacks in net_params.*must be a list.*Got 3"),
        ({"net_params": {"module__width": 3}}, "module__.*are for a module of your own.*width"),
        ({"class_weight": {0: 1.0, 1: 2.0, 7: 1.0}}, r"class_weight.*not in y: \[7\]"),
    ],
)
def test_bad_parameters_are_refused_at_fit(table, params, message):
    model = make(**params)
    for method in (model.fit, model.partial_fit):
        with pytest.raises(ValueError, match=message):
            method(*table)
    assert not hasattr(model, "net_")


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
def test_bad_tables(table, fitted):
    X, y = table
    for bad, word in ((np.nan, "NaN"), (np.inf, "infinity"), (1e39, "too large|infinity")):
        wrong = X.copy()
        wrong[3, 3] = bad
        with pytest.raises(ValueError, match=word):
            make().fit(wrong, y)
        with pytest.raises(ValueError, match=word):
            fitted.decision_function(wrong)
    with pytest.raises(ValueError, match="5 features, but PAUCClassifier is expecting 6"):
        fitted.predict(X[:, :5])
    with pytest.raises(ValueError, match="Expected 2D array"):
        make().fit(X[:, 0], y)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        make().fit(X, y[:-1])
    with pytest.raises(NotFittedError):
        make().predict(X)


def test_bad_targets(table):
    X, y = table
    with pytest.raises(ValueError, match=r"one class: \[0\]\.$"):
        make().fit(X, np.zeros(600, dtype=int))
    with pytest.raises(ValueError, match="requires y to be passed, but the target y is None"):
        make().fit(X, None)
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        make().fit(X, X[:, 0])
    with pytest.raises(ValueError, match="multilabel-indicator|1d array"):
        make().fit(X, np.c_[y, 1 - y])
    with pytest.raises(ValueError, match="NaN"):
        make().fit(X, np.where(y == 1, np.nan, 0.0))


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (lambda y: -np.ones(y.size), "Negative values in sample_weight"),
        (lambda y: np.full(y.size, np.nan), "sample_weight contains NaN"),
        (lambda y: np.zeros(y.size), "All values in sample_weight are zero"),
        (lambda y: 1.0 - y, r"one class: \[0\] \(among rows of positive weight\)"),
        (lambda y: np.ones(3), "one entry per sample: expected 600, got 3"),
    ],
)
def test_bad_weights(table, weight, message):
    X, y = table
    with pytest.raises(ValueError, match=message):
        make().fit(X, y, sample_weight=weight(y))


def test_bad_masks(table):
    X, y = table
    message = r"iid_mask must be a boolean array of shape \(600,\), got dtype {}"
    with pytest.raises(ValueError, match=message.format("int64")):
        make().fit(X, y, iid_mask=y)
    with pytest.raises(ValueError, match=message.format(r"bool and shape \(3,\)")):
        make().fit(X, y, iid_mask=np.ones(3, dtype=bool))


@pytest.mark.parametrize(
    ("params", "scale"), [({"lr": 1e6}, 1.0), ({"lr": 1e30}, 1.0), ({}, 1e30), ({}, 5e37)]
)
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::RuntimeWarning")
def test_divergence_is_never_silent(table, params, scale):
    X, y = table
    model = make(**params)
    message = ""
    try:
        model.fit(scale * X, y)
    except FloatingPointError as error:
        message = str(error)
    if message:
        assert "Lower lr, or scale the features" in message
        assert not hasattr(model, "net_")
    else:
        assert np.isfinite(model.decision_function(scale * X)).all()
        assert np.isfinite(model.predict_proba(scale * X)).all()


def test_scores_that_are_not_finite_are_refused(table):
    model = make().partial_fit(*table).set_params(verbose=0)
    with torch.no_grad():
        model.net_.module_.weights[0][0, 0, 0] = torch.nan
    with pytest.raises(FloatingPointError, match="scores that are not finite"):
        model.decision_function(table[0])


# --- documentation --------------------------------------------------------------


def test_docstring_example():
    import doctest

    import skbudget.neural._classifier as module

    found = doctest.DocTestFinder().find(PAUCClassifier, "PAUCClassifier", module=module)
    examples = [test for test in found if test.examples]
    assert len(examples) == 1
    report = io.StringIO()
    results = doctest.DocTestRunner().run(examples[0], out=report.write)
    assert results.failed == 0, report.getvalue()


def test_every_parameter_is_documented():
    text = PAUCClassifier.__doc__
    parameters = text[text.index("Parameters\n") : text.index("Attributes\n")]
    named = set(re.findall(r"\w+", " ".join(re.findall(r"^    (\w.*?) : ", parameters, re.M))))
    assert named == set(PAUCClassifier().get_params())
    for method in (PAUCClassifier.fit, PAUCClassifier.partial_fit):
        for name in ("X", "y", "sample_weight", "iid_mask"):
            assert f"        {name} : " in method.__doc__
    assert "schedule" in PAUCClassifier.partial_fit.__doc__


def test_misspelt_names_are_refused(table):
    with pytest.raises(TypeError, match="unexpected keyword argument 'buget'"):
        PAUCClassifier(buget=0.01)
    with pytest.raises(ValueError, match="Invalid parameter 'buget' for estimator PAUCClassifier"):
        make().set_params(buget=0.01)
    with pytest.raises(ValueError, match="names no loss: got 'smooth_app'.*smooth_ap"):
        make(loss="smooth_app").fit(*table)
    with pytest.raises(ValueError, match="optimizr"):
        make().set_params(net__optimizr=1).fit(*table)
    with pytest.raises(ValueError, match="wieght"):
        make().fit(*table, wieght=np.ones(600))


# --- groups -----------------------------------------------------------------------------


def draw_customers(n_customers, copies, seed):
    rng = np.random.default_rng(seed)
    customer = np.repeat(np.arange(n_customers), copies)
    y = (rng.random(n_customers) < 0.05).astype(int)[customer]
    X = rng.standard_normal((n_customers, 6))[customer]
    X += 1e-3 * rng.standard_normal(X.shape)
    X[:, 0] += 0.5 * y
    order = rng.permutation(y.size)
    return X[order], y[order], customer[order]


def test_probabilities_of_new_customers():
    X, y, customer = draw_customers(500, 4, seed=0)
    X_new, y_new, _ = draw_customers(5000, 1, seed=1)
    # Steps enough to learn the customers by heart.
    model = PAUCClassifier(
        budget=0.05,
        n_members=2,
        max_epochs=150,
        lr=5e-3,
        weight_decay=0.0,
        input_decay=0.0,
        random_state=0,
    )
    constant = log_loss(y_new, np.full(y_new.size, y.mean()))
    found = log_loss(y_new, model.fit(X, y, groups=customer).predict_proba(X_new))
    assert found < constant + 0.005
    assert log_loss(y_new, model.fit(X, y).predict_proba(X_new)) > 1.2 * constant


def test_groups_that_are_too_few_or_missing():
    X, y, customer = draw_customers(60, 4, seed=0)
    one = np.where(y == 1, 0, 1 + np.arange(y.size))
    for params in ({"n_members": 2}, {"n_members": 1}, {"early_stopping": True}):
        with pytest.raises(ValueError, match=r"does not part the rows of a group.* class 1"):
            PAUCClassifier(max_epochs=10**6, **params).fit(X, y, groups=one)
    with pytest.raises(ValueError, match="groups must not be missing"):
        PAUCClassifier().fit(X, y, groups=np.where(customer == 3, np.nan, customer))
