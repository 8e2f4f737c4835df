"""Losses of single rows as torch modules: those of torch, and the two that it lacks."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

from sklearn.metrics import log_loss, mean_pinball_loss
from torch import nn

from skbudget import PAUCClassifier
from skbudget.neural import LogCoshLoss, NumpyLoss, QuantileLoss
from skbudget.neural.losses._library import MeanOfRows
from skbudget.objectives import (
    AbsoluteError,
    CrammerSinger,
    FocalLoss,
    Hinge,
    Huber,
    LogCosh,
    Quantile,
    SoftmaxCrossEntropy,
    SquaredError,
    available,
)

torch.set_num_threads(1)

RNG = np.random.default_rng(0)
TARGET = RNG.normal(size=50)
SCORE = TARGET + RNG.standard_t(2, size=50)
WEIGHT = RNG.integers(0, 4, 50).astype(float)
CODES = np.arange(50) % 3
TABLE = RNG.normal(size=(50, 3))

REAL = {
    nn.MSELoss: SquaredError(),
    nn.L1Loss: AbsoluteError(),
    nn.HuberLoss: Huber(0.7),
    LogCoshLoss: LogCosh(1.5),
    QuantileLoss: Quantile(0.8),
}
each_real_loss = pytest.mark.parametrize(
    ("module", "loss"), REAL.items(), ids=[cls.__name__ for cls in REAL]
)


def evaluate(module, raw, target, weight=None):
    """Return value and gradient."""
    raw = torch.tensor(raw, requires_grad=True)
    given = {} if weight is None else {"sample_weight": torch.tensor(weight)}
    value = module(raw, torch.tensor(target), **given)
    value.backward()
    return value.item(), raw.grad.numpy()


@each_real_loss
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["rows", "weights"])
def test_torch_and_numpy_agree(module, loss, weight):
    twin = loss.torch_loss()
    own = twin.loss if isinstance(twin, MeanOfRows) else twin
    assert type(own) is module
    value, gradient = evaluate(twin, SCORE, TARGET, weight)
    assert value == pytest.approx(loss.loss(TARGET, SCORE, weight))
    np.testing.assert_allclose(gradient, loss.gradient(TARGET, SCORE, weight), atol=1e-12)
    theirs = loss.library.get("torch")
    assert theirs == (f"torch.nn.{module.__name__}" if own is not twin else None)


@pytest.mark.parametrize("weight", [None, (1.0, 2.0, 0.5)], ids=["plain", "weighted"])
def test_softmax_cross_entropy_is_that_of_torch(weight):
    loss = SoftmaxCrossEntropy(weight)
    twin = loss.torch_loss()
    assert type(twin.loss) is nn.CrossEntropyLoss
    value, gradient = evaluate(twin, TABLE, CODES, WEIGHT)
    assert value == pytest.approx(loss.loss(CODES, TABLE, WEIGHT))
    np.testing.assert_allclose(gradient, loss.gradient(CODES, TABLE, WEIGHT), atol=1e-8)
    assert SoftmaxCrossEntropy("balanced").torch_loss() is None


def test_a_mean_over_nothing_is_zero():
    for twin in (Huber().torch_loss(), QuantileLoss()):
        value, gradient = evaluate(twin, SCORE, TARGET, np.zeros(50))
        assert value == 0.0
        assert not gradient.any()


def test_autograd_finds_the_gradients_of_the_numpy_losses():
    """Written down once more in torch, from the formulas."""
    raw, target = torch.tensor(SCORE, requires_grad=True), torch.tensor(TARGET)
    cosh = torch.log(torch.cosh((raw - target) / 1.5)) * 1.5**2
    over = target - raw
    pinball = torch.where(over >= 0, 0.8 * over, 0.2 * -over)
    for formula, loss in ((cosh, LogCosh(1.5)), (pinball, Quantile(0.8))):
        (found,) = torch.autograd.grad(formula.mean(), raw, retain_graph=True)
        np.testing.assert_allclose(loss.gradient(TARGET, SCORE), found.numpy(), atol=1e-12)
        assert loss.loss(TARGET, SCORE) == pytest.approx(formula.mean().item())
    labels = (np.arange(50) % 4 == 0).astype(int)
    sign = torch.tensor(2.0 * labels - 1.0)
    hinge = torch.clamp(1.0 - sign * raw, min=0.0)
    p = torch.where(sign > 0, torch.sigmoid(raw), torch.sigmoid(-raw))
    focal = -torch.where(sign > 0, 0.25, 0.75) * (1 - p) ** 2 * torch.log(p)
    for formula, loss in ((hinge, Hinge(pos_weight=1.0)), (focal, FocalLoss())):
        (found,) = torch.autograd.grad(formula.mean(), raw, retain_graph=True)
        np.testing.assert_allclose(loss.gradient(labels, SCORE), found.numpy(), atol=1e-12)


def test_the_margins_of_torch_are_another_loss_of_several_classes():
    """`MultiMarginLoss` adds all violations up; of two classes it is half of this loss."""
    two = CODES % 2
    theirs = nn.MultiMarginLoss()(torch.tensor(TABLE[:, :2]), torch.tensor(two)).item()
    assert CrammerSinger(weight=None).loss(two, TABLE[:, :2]) == pytest.approx(2 * theirs)
    short = np.maximum(0.0, 1.0 + TABLE - TABLE[np.arange(50), CODES][:, None])
    short[np.arange(50), CODES] = 0.0
    theirs = nn.MultiMarginLoss()(torch.tensor(TABLE), torch.tensor(CODES)).item()
    assert theirs == pytest.approx(short.sum(axis=1).mean() / 3)
    ours = CrammerSinger(weight=None).loss(CODES, TABLE)
    assert ours == pytest.approx(short.max(axis=1).mean())
    value, gradient = evaluate(NumpyLoss(CrammerSinger(weight=None)), TABLE, CODES)
    assert value == pytest.approx(ours)
    np.testing.assert_allclose(
        gradient, CrammerSinger(weight=None).gradient(CODES, TABLE), atol=1e-12
    )


# --- the two modules -------------------------------------------------------------------------


@pytest.mark.parametrize("tau", [0.1, 0.9])
def test_the_quantile_loss_is_that_of_scikit_learn(tau):
    value, _ = evaluate(QuantileLoss(tau), SCORE, TARGET)
    assert value == pytest.approx(mean_pinball_loss(TARGET, SCORE, alpha=tau))


def test_log_cosh_in_single_precision():
    far = torch.tensor([1e4, -1e4, 0.5], requires_grad=True)
    value = LogCoshLoss()(far, torch.zeros(3))
    value.backward()
    wanted = (2 * (1e4 - math.log(2)) + math.log(math.cosh(0.5))) / 3
    assert value.item() == pytest.approx(wanted, rel=1e-6)
    np.testing.assert_allclose(3 * far.grad.numpy(), [1, -1, math.tanh(0.5)], rtol=1e-5)
    # Far inside of its delta it does not round to nothing.
    assert LogCoshLoss(1e6)(torch.ones(1), torch.zeros(1)).item() == pytest.approx(0.5)
    half = torch.tensor([2.0], dtype=torch.float16, requires_grad=True)
    assert LogCoshLoss()(half, torch.zeros(1)).dtype == torch.float32


def test_what_the_modules_refuse():
    with pytest.raises(ValueError, match="'tau' parameter of QuantileLoss"):
        QuantileLoss(1.0)
    with pytest.raises(ValueError, match="'delta' parameter of LogCoshLoss"):
        LogCoshLoss(0.0)
    loss = QuantileLoss()
    with pytest.raises(ValueError, match=r"logits must have shape \(n_rows,\)"):
        loss(torch.zeros(2, 3), torch.zeros(2))
    with pytest.raises(ValueError, match=r"targets must have shape \(2,\), as logits have"):
        loss(torch.zeros(2), torch.zeros(3))
    with pytest.raises(FloatingPointError, match="QuantileLoss was handed logits"):
        loss(torch.tensor([np.nan]), torch.zeros(1))
    with pytest.raises(ValueError, match="targets contain NaN or infinity"):
        loss(torch.zeros(1), torch.tensor([np.inf]))
    assert loss(torch.zeros(2, 1), torch.ones(2, 1)).item() == 0.5


# --- in the classifier -----------------------------------------------------------------------


def make(loss, **params):
    small = {"n_members": 1, "hidden_layer_sizes": (16,), "batch_size": 200, "max_epochs": 15}
    small |= {"lr": 1e-2, "input_decay": 0.0, "random_state": 0}
    return PAUCClassifier(loss=loss, **{**small, **params})


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(800, 4))
    return X, X[:, 0] + 0.5 * X[:, 1] + 0.5 * rng.normal(size=800)


@pytest.mark.parametrize("name", available("real"))
def test_every_real_loss_by_name(name, table):
    X, y = table
    model = make(name).fit(X, y)
    assert np.corrcoef(model.predict(X), y)[0, 1] > 0.8
    assert model.diagnostics_["main_weight"][0] == 1.0


def test_a_quantile_by_a_network(table):
    X, y = table
    for tau in (0.2, 0.9):
        model = make(QuantileLoss(tau), max_epochs=30).fit(X, y)
        assert np.mean(y < model.predict(X)) == pytest.approx(tau, abs=0.07)


@pytest.mark.parametrize("name", ["softmax_cross_entropy", "crammer_singer"])
def test_every_loss_of_classes_by_name(name, table):
    X, score = table
    y = np.digitize(score, [-0.5, 1.0])
    model = make(name).fit(X, y, sample_weight=np.ones(y.size))
    probability = model.predict_proba(X)
    assert probability.shape == (800, 3)
    assert np.mean(model.predict(X) == y) > 0.7
    assert log_loss(y, probability) < 0.75
    # A loss of each row needs no other before it.
    assert model.diagnostics_["main_weight"][0] == 1.0
    own = model.net_.criterion_.main_loss.of_member[0]
    assert type(own) is (MeanOfRows if name == "softmax_cross_entropy" else NumpyLoss)


@pytest.mark.parametrize("make", [QuantileLoss, Huber().torch_loss], ids=["own", "library"])
def test_weights_that_autograd_does_not_keep_are_taken(make):
    weight = torch.tensor([1.0, 2.0, 0.5])
    with torch.inference_mode():
        kept_from_autograd = weight.clone()
    gradients = []
    for given in (weight, kept_from_autograd):
        scores = torch.tensor([0.3, -1.0, 2.0], requires_grad=True)
        make()(scores, torch.tensor([1.0, 0.0, 0.0]), sample_weight=given).backward()
        gradients.append(scores.grad.tolist())
    assert gradients[0] == gradients[1]
    assert any(gradients[0])
