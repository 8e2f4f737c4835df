"""On a GPU everything is what it is on a CPU: losses, memory, and the estimator.

Skipped where there is none. CONTRIBUTING.md says when to run it.
"""

import copy
import io
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

if not torch.cuda.is_available():
    pytest.skip("no CUDA device", allow_module_level=True)

from neural_cases import ALL, INTERPOLATIONS, RANKING, Batch, draw_batch, with_gradient

from skbudget import BudgetThresholdClassifier, PAUCClassifier, make_contested_top
from skbudget.metrics import coverage_at_budget_score
from skbudget.neural import LossWarmup, PAUCAtBudgetLoss, WeightedCrossEntropyLoss

CUDA = torch.device("cuda")

each_loss = pytest.mark.parametrize("make", ALL.values(), ids=list(ALL))
each_ranking = pytest.mark.parametrize("make", RANKING.values(), ids=list(RANKING))


def there(batch):
    return Batch(*(None if part is None else part.to(CUDA) for part in batch))


def assert_same(found, wanted, **tolerance):
    tolerance = {"rtol": 1e-10, "atol": 1e-14, **tolerance}
    for here, on_cpu in zip(found, wanted, strict=True):
        assert here.device.type == "cuda"
        torch.testing.assert_close(here.cpu(), on_cpu, **tolerance)


# --- losses


@each_loss
@pytest.mark.parametrize(
    "case", [{}, {"ties": True}, {"masked": True}, {"weighted": True}, {"ignored": 0.3}], ids=str
)
def test_value_and_gradient(make, case):
    for seed in range(5):
        batch = draw_batch(seed, n=400, **case)
        assert_same(with_gradient(make(), there(batch)), with_gradient(make(), batch))


@each_loss
def test_single_precision(make):
    batch = draw_batch(1, n=400, dtype=torch.float32)
    wanted = with_gradient(make(), batch)
    assert_same(with_gradient(make(), there(batch)), wanted, rtol=1e-3, atol=1e-6)


@each_loss
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_and_autocast(make, dtype):
    batch = there(draw_batch(2, n=400, dtype=dtype, weighted=True))
    value, gradient = with_gradient(make(), batch)
    assert value.dtype == torch.float32
    assert gradient.dtype == dtype
    assert torch.isfinite(gradient).all()
    assert gradient.any()
    with torch.autocast("cuda", dtype=dtype):
        assert torch.equal(with_gradient(make(), batch)[0], value)


@each_ranking
def test_several_classes(make):
    batch = draw_batch(3, n=400, num_classes=3)
    wanted = with_gradient(make(num_classes=3), batch, return_per_class=True)
    found = with_gradient(make(num_classes=3), there(batch), return_per_class=True)
    assert_same(found, wanted)


@pytest.mark.parametrize("interpolation", ["rank", *INTERPOLATIONS])
@pytest.mark.parametrize("beta", [0.001, 0.4])
def test_edges_of_a_large_pool(interpolation, beta):
    """Few ranks come from the top of a selection, many from one selection each."""
    batch = draw_batch(4, n=200_000, rate=0.01)

    def make():
        return PAUCAtBudgetLoss(
            alpha=beta / 3, beta=beta, quantile_interpolation=interpolation, queue_size=0
        )

    found = with_gradient(make(), there(batch), return_diagnostics=True)
    wanted = with_gradient(make(), batch, return_diagnostics=True)
    # Where there are many pairs, the CPU sums them without forming any.
    assert_same(found[:2], wanted[:2], rtol=1e-6, atol=1e-10)
    for name, value in wanted[2].items():
        torch.testing.assert_close(found[2][name].cpu(), value, rtol=1e-6, atol=1e-10)


# --- memory


@each_ranking
@pytest.mark.parametrize("case", [{}, {"masked": True, "weighted": True}], ids=str)
def test_memory(make, case):
    here, on_gpu = make(queue_size=300), make(queue_size=300).to(CUDA)
    for seed in range(5):
        batch = draw_batch(seed, **case)
        assert_same(with_gradient(on_gpu, there(batch)), with_gradient(here, batch))
    assert len(on_gpu.queue) == 300


def test_memory_follows_the_batch_and_comes_back_from_a_file():
    here, moved = (PAUCAtBudgetLoss(beta=0.3, queue_size=300) for _ in range(2))
    for seed in range(2):
        wanted = with_gradient(here, draw_batch(seed))
        found = with_gradient(moved, draw_batch(seed))
        assert torch.equal(found[1], wanted[1])
    assert_same(with_gradient(moved, there(draw_batch(2))), with_gradient(here, draw_batch(2)))
    assert moved.queue.logits.device.type == "cuda"
    file = io.BytesIO()
    torch.save(moved.state_dict(), file)
    file.seek(0)
    loaded = PAUCAtBudgetLoss(beta=0.3, queue_size=300).double()
    loaded.load_state_dict(torch.load(file, map_location="cpu"))
    batch = draw_batch(3)
    found, wanted = (with_gradient(loss, batch)[1] for loss in (loaded, here))
    torch.testing.assert_close(found, wanted, rtol=1e-10, atol=1e-14)


def test_warm_up():
    def make():
        main = PAUCAtBudgetLoss(beta=0.3, queue_size=300)
        return LossWarmup(WeightedCrossEntropyLoss(), main, warmup_steps=1, blend_steps=2)

    here, on_gpu = make(), make().to(CUDA)
    for step in range(5):
        batch = draw_batch(step)
        for loss in (here, on_gpu):
            loss.on_train_batch_start(step)
        logits = [rows.detach().requires_grad_() for rows in (batch.logits, batch.logits.to(CUDA))]
        here(logits[0], batch.targets).backward()
        on_gpu(logits[1], batch.targets.to(CUDA)).backward()
        torch.testing.assert_close(logits[1].grad.cpu(), logits[0].grad, rtol=1e-10, atol=1e-14)


# --- the estimator


@pytest.fixture(scope="module")
def table():
    X, y = make_contested_top(20_000, pos_rate=0.01, cue="radial", random_state=0)
    return X, y, np.random.default_rng(0).lognormal(size=y.size)


def make_model(**params):
    return PAUCClassifier(
        **{"budget": 0.02, "max_epochs": 8, "device": "cuda", "random_state": 0, **params}
    )


@pytest.fixture(scope="module")
def fitted(table):
    return make_model().fit(*table[:2])


def test_estimator_trains_there(table, fitted):
    assert all(weight.is_cuda for weight in fitted.net_.module_.parameters())
    scores = fitted.decision_function(table[0])
    assert isinstance(scores, np.ndarray)
    X_new, y_new = make_contested_top(50_000, pos_rate=0.01, cue="radial", random_state=1)
    on_cpu = make_model(device="cpu").fit(*table[:2])
    found, wanted = (
        coverage_at_budget_score(y_new, model.decision_function(X_new), budget=0.02)
        for model in (fitted, on_cpu)
    )
    assert found > 0.5
    assert found == pytest.approx(wanted, abs=0.05)


def test_same_seed_same_model(table, fitted):
    again = make_model(device="auto").fit(*table[:2])
    assert again.net_.device == CUDA
    np.testing.assert_array_equal(
        again.decision_function(table[0]), fitted.decision_function(table[0])
    )


def test_generators_of_others_are_left_alone(table):
    torch.manual_seed(5)
    before = torch.cuda.get_rng_state()
    make_model(max_epochs=1, max_pool_size=500).fit(*table[:2])
    assert torch.equal(torch.cuda.get_rng_state(), before)


def test_everything_that_rows_may_have(table):
    X, y, value = table
    model = make_model(max_epochs=3, early_stopping=True, n_members=2)
    model.fit(X, y, sample_weight=np.ones(y.size), iid_mask=np.arange(y.size) % 9 > 0, value=value)
    assert np.isfinite(model.predict_proba(X)).all()
    model.partial_fit(X, y)
    assert np.isfinite(model.decision_function(X)).all()


def test_to_the_cpu_and_back(table, fitted):
    scores = fitted.decision_function(table[0])
    moved = copy.deepcopy(fitted).to("cpu")
    assert not any(weight.is_cuda for weight in moved.net_.module_.parameters())
    np.testing.assert_allclose(moved.decision_function(table[0]), scores, rtol=1e-3, atol=1e-4)
    moved.to("cuda").partial_fit(*table[:2])
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(fitted)).decision_function(table[0]), scores
    )


@pytest.mark.parametrize("moved", [True, False])
def test_loads_where_there_is_no_gpu(tmp_path, table, fitted, moved):
    model = copy.deepcopy(fitted).to("cpu") if moved else fitted
    rows = table[0][:100]
    with (tmp_path / "model.pkl").open("wb") as file:
        pickle.dump((model, rows, model.decision_function(rows)), file)
    code = (
        "import pickle, sys, torch, numpy as np\n"
        "assert not torch.cuda.is_available()\n"
        "model, rows, scores = pickle.load(open(sys.argv[1], 'rb'))\n"
        "np.testing.assert_allclose(model.decision_function(rows), scores, rtol=1e-3, atol=1e-4)\n"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "model.pkl")],
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
        check=True,
    )


def test_threshold_round_it(table):
    X, y, _ = table
    model = BudgetThresholdClassifier(make_model(max_epochs=2), budget=0.02, cv=2).fit(X, y)
    assert model.predict(X).mean() == pytest.approx(0.02, abs=0.01)
