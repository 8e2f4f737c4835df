"""A NumPy loss as a torch loss: the same numbers, a gradient for autograd, and what is refused."""

import copy
import pickle
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from neural_cases import draw_batch, with_gradient
from torch import nn
from toy_losses import SquaredError, Thresholds

from skbudget.neural import LossWarmup, NumpyLoss, WeightedCrossEntropyLoss
from skbudget.objectives import (
    AtBudget,
    BinaryCrossEntropy,
    Derivatives,
    FocalLoss,
    Loss,
    OneVsRest,
    PairwisePAUC,
    TrapezoidPAUC,
    WeightedSum,
    available,
)
from skbudget.objectives._compose import declare
from skbudget.objectives._registry import loss_classes

CLASSES = {
    **loss_classes(),
    "weighted_sum": WeightedSum,
    "one_vs_rest": OneVsRest,
    "at_budget": AtBudget,
}
each_example = pytest.mark.parametrize(
    ("loss", "rows"),
    [
        pytest.param(loss, rows, id=f"{name}-{number}")
        for name, cls in CLASSES.items()
        for number, (loss, rows) in enumerate(cls.examples())
    ],
)


@dataclass(frozen=True)
class WithinGroups(Loss[None]):
    """Half the variance of the scores within groups."""

    needs: ClassVar = frozenset({"group"})
    scale: ClassVar = "sum"

    def _centred(self, rows):
        group = np.unique(rows.columns["group"], return_inverse=True)[1]
        mean = np.bincount(group, rows.raw) / np.bincount(group)
        return rows.raw - mean[group]

    def value(self, rows, held=None):
        return float((self._centred(rows) ** 2).sum() / 2)

    def derivatives(self, rows, held=None):
        return Derivatives(None, self._centred(rows), np.ones(rows.n_samples))


@dataclass(frozen=True)
class Frozen(Loss[Any]):
    """A loss that holds what it held at some scores, as its gradient does."""

    inner: Loss
    held: Any = field(repr=False)

    def __post_init__(self):
        declare(self, [self.inner])

    def hold(self, rows):
        return self.held

    def value(self, rows, held):
        return self.inner.value(rows, held)

    def derivatives(self, rows, held):
        return self.inner.derivatives(rows, held)


def tensors(rows):
    """Logits, targets, and what else a torch loss is called with."""
    others = {name: torch.from_numpy(column) for name, column in rows.columns.items()}
    if rows.weight is not None:
        others["sample_weight"] = torch.from_numpy(rows.weight)
    logits = torch.from_numpy(rows.raw.astype(float)).requires_grad_()
    return logits, torch.from_numpy(rows.target.astype(float)), others


def evaluate(loss, logits, targets, **others):
    value = loss(logits, targets, **others)
    (gradient,) = torch.autograd.grad(value, logits)
    return value.item(), gradient.numpy()


# --- the numbers


@each_example
def test_value_and_gradient_are_those_of_the_loss(loss, rows):
    logits, targets, others = tensors(rows)
    value, gradient = evaluate(NumpyLoss(loss), logits, targets, **others)
    held = loss.hold(rows)
    assert value == pytest.approx(loss.value(rows, held), rel=1e-12)
    expected = loss.derivatives(rows, held).dense(rows.n_samples)[0]
    np.testing.assert_allclose(gradient, expected, rtol=1e-10, atol=1e-15)


@each_example
def test_gradcheck(loss, rows):
    if rows.weight is not None:
        rows = rows.take(rows.weight > 0)
    if isinstance(loss, OneVsRest):
        # Holds nothing that moves with small steps.
        frozen = loss
    else:
        frozen = Frozen(loss, loss.hold(rows))
    logits, targets, others = tensors(rows)
    assert torch.autograd.gradcheck(
        lambda at: 3.0 * NumpyLoss(frozen)(at, targets, **others), (logits,)
    )


@pytest.mark.parametrize("name", available())
def test_a_name_is_the_loss_as_it_comes(name):
    assert NumpyLoss(name).loss == loss_classes()[name]()


def test_several_columns_are_one_class_against_the_rest():
    batch = draw_batch(0, 60, 3, weighted=True)
    rows = (batch.logits.requires_grad_(), batch.targets)
    found = evaluate(NumpyLoss(PairwisePAUC(beta=0.4)), *rows, sample_weight=batch.weight)
    whole = OneVsRest(PairwisePAUC(beta=0.4))
    same = evaluate(NumpyLoss(whole), *rows, sample_weight=batch.weight)
    y, raw, weight = batch.targets.numpy(), batch.logits.detach().numpy(), batch.weight.numpy()
    assert found[0] == same[0] == pytest.approx(whole.loss(y, raw, weight))
    np.testing.assert_array_equal(found[1], same[1])
    np.testing.assert_allclose(found[1], whole.gradient(y, raw, weight), atol=1e-12)


def test_real_and_ordinal_targets():
    rng = np.random.default_rng(0)
    raw, y = rng.normal(size=20), rng.normal(size=20)
    value, gradient = evaluate(
        NumpyLoss(SquaredError()), torch.tensor(raw, requires_grad=True), torch.tensor(y)
    )
    assert value == pytest.approx(np.mean((raw - y) ** 2) / 2)
    np.testing.assert_allclose(gradient, (raw - y) / 20)
    # -100 is a number like any other.
    far = torch.full((20,), -100.0)
    value, _ = evaluate(NumpyLoss(SquaredError()), torch.zeros(20, requires_grad=True), far)
    assert value == pytest.approx(5000)

    raw, levels = rng.normal(size=(20, 2)), rng.integers(0, 3, 20)
    logits = torch.tensor(raw, requires_grad=True)
    value, gradient = evaluate(NumpyLoss(Thresholds()), logits, torch.tensor(levels))
    assert value == pytest.approx(Thresholds().loss(levels, raw))
    np.testing.assert_allclose(gradient, Thresholds().gradient(levels, raw))
    # A vector is one threshold.
    logits = torch.tensor(raw[:, 0], requires_grad=True)
    value, gradient = evaluate(NumpyLoss(Thresholds()), logits, torch.tensor(levels > 0))
    assert value == pytest.approx(Thresholds().loss(1 * (levels > 0), raw[:, :1]))
    assert gradient.shape == (20,)
    with pytest.raises(ValueError, match=r"targets must be levels from 0 to 2: got \[3\]"):
        NumpyLoss(Thresholds())(torch.zeros(2, 2), torch.tensor([0, 3]))
    with pytest.raises(ValueError, match="targets contain NaN or infinity"):
        NumpyLoss(SquaredError())(torch.zeros(2), torch.tensor([0.0, torch.nan]))


def test_columns_reach_the_loss():
    group = torch.tensor([7, 7, 2, 2, 2])
    raw, y = (
        torch.tensor([0.0, 2.0, 1.0, 1.0, 4.0], requires_grad=True),
        torch.tensor([0, 1] * 2 + [0]),
    )
    value, gradient = evaluate(NumpyLoss(WithinGroups()), raw, y, group=group)
    assert value == pytest.approx(1.0 + 3.0)
    np.testing.assert_allclose(gradient, [-1, 1, -1, -1, 2])
    same = evaluate(NumpyLoss(WithinGroups()), raw, y, group=group[:, None])
    assert same[0] == value
    with pytest.raises(ValueError, match="WithinGroups needs the column 'group'"):
        NumpyLoss(WithinGroups())(raw, y)
    with pytest.raises(ValueError, match="FocalLoss does not read the column 'iid_mask'"):
        NumpyLoss(FocalLoss())(raw, y, torch.ones(5, dtype=torch.bool))
    with pytest.raises(ValueError, match=r"group must have shape \(5,\), as targets have: got"):
        NumpyLoss(WithinGroups())(raw, y, group=group[:3])
    with pytest.raises(ValueError, match="value must be finite and at least 0"):
        NumpyLoss(FocalLoss())(raw, y, value=torch.tensor([1.0, -1.0, 1.0, 1.0, 1.0]))


def test_values_and_masks():
    batch = draw_batch(1, masked=True, weighted=True)
    worth = torch.rand(120, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    loss = PairwisePAUC(beta=0.3, tau_scale="iqr")
    (y, raw, weight), iid = batch.numpy
    logits = batch.logits.requires_grad_()
    found = evaluate(
        NumpyLoss(loss), logits, batch.targets, iid_mask=batch.iid,
        sample_weight=batch.weight, value=worth,
    )  # fmt: skip
    expected = {"value": worth.numpy(), **iid}
    assert found[0] == pytest.approx(loss.loss(y, raw, weight, **expected))
    np.testing.assert_allclose(found[1], loss.gradient(y, raw, weight, **expected), atol=1e-12)


def test_rows_of_weight_zero_are_as_if_absent():
    batch = draw_batch(2, weighted=True)
    kept = batch.weight > 0
    logits = torch.where(kept, batch.logits, torch.nan).requires_grad_()
    loss = NumpyLoss(TrapezoidPAUC(beta=0.3))
    value, gradient = evaluate(loss, logits, batch.targets, sample_weight=batch.weight)
    few = batch.logits[kept].requires_grad_()
    same = evaluate(loss, few, batch.targets[kept], sample_weight=batch.weight[kept])
    assert value == same[0]
    np.testing.assert_array_equal(gradient[kept.numpy()], same[1])
    assert not gradient[~kept.numpy()].any()


def test_a_sum_per_row_does_not_grow_with_the_batch():
    batch = draw_batch(3, weighted=True)
    twice = [torch.cat([part, part]) for part in (batch.logits, batch.targets, batch.weight)]
    blend = WeightedSum(((0.5, BinaryCrossEntropy()), (0.5, PairwisePAUC(beta=0.3))))
    values = {
        per_row: [
            NumpyLoss(blend, per_row=per_row)(logits, targets, sample_weight=weight).item()
            for logits, targets, weight in ((batch.logits, batch.targets, batch.weight), twice)
        ]
        for per_row in (False, True)
    }
    assert values[False][1] == pytest.approx(2 * values[False][0])
    assert values[True][1] == pytest.approx(values[True][0])
    assert values[True][0] == pytest.approx(values[False][0] / batch.weight.sum().item())
    # A mean is one already.
    mean = [NumpyLoss("focal_loss", per_row=p)(batch.logits, batch.targets) for p in (False, True)]
    assert torch.equal(*mean)


# --- nothing to rank


@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize(
    "loss", ["pairwise_pauc", "binary_cross_entropy", AtBudget(PairwisePAUC())]
)
def test_one_class_alone_is_a_zero_with_a_graph(loss, label):
    logits = torch.randn(8, requires_grad=True)
    value = NumpyLoss(loss)(logits, torch.full((8,), label))
    assert value == 0
    value.backward()
    assert logits.grad.tolist() == [0.0] * 8
    of_weight = torch.tensor([1.0, 0.0])
    assert (
        NumpyLoss(loss)(logits[:2], torch.tensor([label, 1 - label]), sample_weight=of_weight) == 0
    )


def test_positives_without_value_have_no_loss():
    logits, targets = torch.randn(4, requires_grad=True), torch.tensor([0, 1, 0, 1])
    worth = torch.tensor([1.0, 0.0, 1.0, 0.0])
    assert NumpyLoss("pairwise_pauc")(logits, targets, value=worth) == 0
    # Of several classes those that are worth something have one.
    logits = torch.randn(6, 3, requires_grad=True)
    targets, worth = torch.tensor([0, 1, 2] * 2), torch.tensor([1.0, 1.0, 0.0] * 2)
    NumpyLoss(PairwisePAUC(beta=1.0))(logits, targets, value=worth).backward()
    assert logits.grad[:, :2].abs().min() > 0
    assert not logits.grad[:, 2].any()


def test_a_class_that_is_not_there_has_no_gradient():
    logits = torch.randn(6, 3, requires_grad=True)
    NumpyLoss(PairwisePAUC(beta=1.0))(logits, torch.tensor([0, 1] * 3)).backward()
    assert logits.grad[:, :2].abs().min() > 0
    assert not logits.grad[:, 2].any()


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("shape", [(4,), (4, 2)])
def test_logits_that_are_not_finite_are_never_hidden(bad, shape):
    logits = torch.zeros(shape)
    logits[2] = bad
    with pytest.raises(FloatingPointError, match="logits that are NaN or infinite.*diverged"):
        NumpyLoss("pairwise_pauc")(logits, torch.tensor([0, 1, 0, 1]))


# --- as a module


def test_no_loss_is_refused():
    with pytest.raises(TypeError, match="'loss' parameter of NumpyLoss must be a loss"):
        NumpyLoss(nn.MSELoss())
    with pytest.raises(
        ValueError, match="There is no loss called 'zero_one'. The losses are: absolute"
    ):
        NumpyLoss("zero_one")


def test_printed_copied_and_saved():
    loss = NumpyLoss(PairwisePAUC(beta=0.3))
    assert "PairwisePAUC(alpha=0.0, beta=0.3" in repr(loss)
    assert loss.state_dict() == {}
    loss.load_state_dict({})
    for other in (copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        assert other.loss == loss.loss
        found = (with_gradient(one, draw_batch(4)) for one in (loss, other))
        assert all(map(torch.equal, *found))


def test_a_second_derivative_is_refused():
    logits = torch.randn(4, requires_grad=True)
    value = NumpyLoss("binary_cross_entropy")(logits, torch.tensor([0, 1, 0, 1]))
    (gradient,) = torch.autograd.grad(value, logits, create_graph=True)
    with pytest.raises(RuntimeError):
        gradient.sum().backward()


# --- temperature


def temperatures(loss):
    """Of all parts."""
    if isinstance(loss, AtBudget):
        return temperatures(loss.loss_over_band)
    if isinstance(loss, OneVsRest):
        return temperatures(loss.loss_of_class)
    if isinstance(loss, WeightedSum):
        return [t for _, part in loss.parts for t in temperatures(part)]
    return [loss.temperature] if hasattr(loss, "temperature") else []


@pytest.mark.parametrize(
    ("loss", "known"),
    [
        (PairwisePAUC(temperature=2.0), [2.0]),
        (AtBudget(TrapezoidPAUC(temperature=0.5), budget=0.1), [0.5]),
        (OneVsRest(AtBudget(PairwisePAUC())), [1.0]),
        (
            WeightedSum(
                (
                    (0.1, BinaryCrossEntropy()),
                    (0.5, PairwisePAUC(temperature=0.4)),
                    (0.4, AtBudget(PairwisePAUC(temperature=0.8))),
                )
            ),
            [0.4, 0.8],
        ),
    ],
    ids=lambda case: type(case).__name__,
)
def test_the_temperature_of_any_composition(loss, known):
    module = NumpyLoss(loss)
    assert module.temperature == known[0]
    module.temperature = known[0] / 4
    assert temperatures(module.loss) == [t / 4 for t in known]
    assert module.temperature == known[0] / 4
    for value in (0.3, 0.07, known[0]):
        module.temperature = value
    assert module.loss == loss


def test_a_loss_without_temperature():
    module = NumpyLoss("focal_loss")
    assert not hasattr(module, "temperature")
    with pytest.raises(ValueError, match="NumpyLoss has no temperature"):
        LossWarmup(WeightedCrossEntropyLoss(), module, temperature_start=1.0, temperature_end=0.1)


def test_a_warm_up_sharpens_it_and_comes_back_from_a_file():
    def make():
        return LossWarmup(
            WeightedCrossEntropyLoss(),
            NumpyLoss(AtBudget(PairwisePAUC(), budget=0.2)),
            warmup_steps=2,
            blend_steps=2,
            temperature_start=1.0,
            temperature_end=0.25,
            temperature_decay_steps=4,
        )

    loss, batch = make(), draw_batch(5)
    seen = []
    for step in range(8):
        loss.on_train_batch_start(step)
        seen.append(loss.current_temperature)
        with_gradient(loss, batch)
    assert seen == pytest.approx([1, 1, 1, 0.25**0.25, 0.5, 0.25**0.75, 0.25, 0.25])
    other = make()
    other.load_state_dict(loss.state_dict())
    assert other.current_temperature == 0.25
    assert all(map(torch.equal, with_gradient(other, batch), with_gradient(loss, batch)))


# --- what it needs


def test_the_losses_need_no_skorch():
    code = """
import sys
sys.modules["skorch"] = None
import torch
from skbudget.neural import (
    FocalLoss, HardNegativeCrossEntropyLoss, LossWarmup, NumpyLoss, PAUCAtBudgetLoss,
    RecallAtQuantileLoss, SmoothAPLoss, WeightedCrossEntropyLoss, all_gather_rows,
)
loss = LossWarmup(WeightedCrossEntropyLoss(), PAUCAtBudgetLoss(beta=0.5), warmup_steps=1)
logits = torch.randn(8, requires_grad=True)
for step in range(2):
    loss.on_train_batch_start(step)
    for one in (loss, NumpyLoss("pairwise_pauc")):
        one(logits, torch.arange(8) % 2).backward()
from skbudget.objectives import PairwisePAUC
PairwisePAUC().torch_loss()
try:
    from skbudget.neural import PAUCClassifier
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "PAUCClassifier needs skorch, which is not installed" in done.stdout


def test_columns_of_logits_that_the_rows_lack():
    with pytest.raises(ValueError, match=r"targets must be class indices from 0 to 2: got \[3\]"):
        NumpyLoss("pairwise_pauc")(torch.zeros(2, 3), torch.tensor([0, 3]))


@pytest.mark.parametrize("loss", ["pairwise_pauc", "binary_cross_entropy", SquaredError()])
def test_logits_that_no_float_can_compare(loss):
    targets = torch.tensor([0, 1, 0, 1])
    logits = torch.tensor([0.0, 1.0, -1e308, 2.0], dtype=torch.float64)
    with pytest.raises(FloatingPointError, match=r"handed logits that go up to 1e\+308"):
        NumpyLoss(loss)(logits, targets)
    # Rows that do not count may hold anything.
    weight = torch.tensor([1.0, 1.0, 0.0, 1.0])
    if loss != "pairwise_pauc":
        assert torch.isfinite(NumpyLoss(loss)(logits, targets, sample_weight=weight))
