"""Cross-entropy as a torch loss, plain, weighted and hard-negative-mined."""

import pytest

torch = pytest.importorskip("torch")

import numpy as np
import torch.nn.functional as F
from neural_cases import at_rank, draw_batch, with_gradient

from skbudget.neural import HardNegativeCrossEntropyLoss, WeightedCrossEntropyLoss
from skbudget.objectives import BinaryCrossEntropy, HardNegativeCrossEntropy

pytestmark = pytest.mark.filterwarnings("error")

BATCHES = {
    "plain": draw_batch(0),
    "ties": draw_batch(1, ties=True),
    "mask": draw_batch(2, masked=True, ties=True),
    "weights": draw_batch(3, weighted=True),
    "all": draw_batch(4, weighted=True, ties=True, masked=True),
}
each_batch = pytest.mark.parametrize("batch", BATCHES.values(), ids=list(BATCHES))
pos_weights = pytest.mark.parametrize("pos_weight", [1.0, 3.5, "balanced"])


def assert_twins(objective, loss, batch):
    value, gradient = with_gradient(loss, batch)
    args, kwargs = batch.numpy
    assert value.item() == pytest.approx(objective.loss(*args, **kwargs), rel=1e-12)
    np.testing.assert_allclose(
        gradient.numpy(), objective.gradient(*args, **kwargs), rtol=1e-10, atol=1e-16
    )


# --- the NumPy objectives


@each_batch
@pos_weights
def test_is_the_binary_objective(batch, pos_weight):
    assert_twins(BinaryCrossEntropy(pos_weight), WeightedCrossEntropyLoss(pos_weight), batch)


@each_batch
@pos_weights
@pytest.mark.parametrize(("top_fraction", "factor"), [(0.02, 10.0), (0.3, 4.0), (1.0, 0.5)])
def test_is_the_mining_objective(batch, pos_weight, top_fraction, factor):
    kwargs = {"top_fraction": top_fraction, "factor": factor}
    assert_twins(
        HardNegativeCrossEntropy(pos_weight, **kwargs),
        HardNegativeCrossEntropyLoss(pos_weight, **kwargs),
        batch,
    )


@each_batch
def test_a_factor_of_one_mines_nothing(batch):
    mined = with_gradient(HardNegativeCrossEntropyLoss(factor=1.0), batch)
    plain = with_gradient(WeightedCrossEntropyLoss(), batch)
    assert all(map(torch.equal, mined, plain))


# --- many classes


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("class_weight", [None, [1.0, 2.0, 0.5]])
def test_is_the_softmax_cross_entropy(weighted, class_weight):
    batch = draw_batch(5, 60, 3, weighted=weighted, ignored=0.2)
    value, gradient = with_gradient(WeightedCrossEntropyLoss(class_weight=class_weight), batch)
    logits = batch.logits.clone().requires_grad_()
    kept = batch.targets != -100
    of_class = torch.ones(3) if class_weight is None else torch.tensor(class_weight)
    weight = torch.ones(60, dtype=torch.float64) if batch.weight is None else batch.weight
    own = F.cross_entropy(logits[kept], batch.targets[kept], reduction="none")
    own = own * of_class[batch.targets[kept]] * weight[kept]
    wanted = own.sum() / weight[kept].sum()
    torch.testing.assert_close(value, wanted.detach(), rtol=1e-13, atol=0)
    torch.testing.assert_close(
        gradient, torch.autograd.grad(wanted, logits)[0], rtol=1e-12, atol=1e-17
    )


# --- mining


def test_named_rows_take_the_place_of_mined_ones():
    batch = draw_batch(6)
    named = torch.rand(120, generator=torch.Generator().manual_seed(0)) < 0.2
    loss = HardNegativeCrossEntropyLoss(2.0, factor=7.0)
    value, gradient = with_gradient(loss, batch, hard_mask=named)
    positive = batch.targets == 1
    share = torch.where(positive, 2.0, torch.where(named, 7.0, 1.0)).double()
    p = torch.sigmoid(batch.logits)
    wanted = share * (p - batch.targets) / 120
    torch.testing.assert_close(gradient, wanted, rtol=1e-12, atol=0)
    own = F.softplus(torch.where(positive, -batch.logits, batch.logits))
    torch.testing.assert_close(value, (share * own).mean(), rtol=1e-13, atol=0)


def test_mined_rows_are_held():
    # A step that would change which rows are mined does not show in the derivative.
    batch = draw_batch(7, 30)
    loss = HardNegativeCrossEntropyLoss(top_fraction=0.2)
    negative = batch.targets == 0
    mined = negative & (batch.logits >= at_rank(batch.logits[negative], 0.2, last=True))
    assert all(
        map(torch.equal, with_gradient(loss, batch), with_gradient(loss, batch, hard_mask=mined))
    )


def test_without_an_iid_negative_nothing_is_mined():
    batch = draw_batch(8)._replace(iid=torch.zeros(120, dtype=torch.bool))
    mined = with_gradient(HardNegativeCrossEntropyLoss(), batch)
    assert all(map(torch.equal, mined, with_gradient(WeightedCrossEntropyLoss(), batch)))


def test_weightless_and_ignored_rows_are_not_mined():
    batch = draw_batch(9)
    top = batch.logits[batch.targets == 0].topk(3).values[-1]
    hidden = (batch.targets == 0) & (batch.logits >= top)
    rest = type(batch)(batch.logits[~hidden], batch.targets[~hidden])
    value, gradient = with_gradient(HardNegativeCrossEntropyLoss(), rest)
    for case in (
        batch._replace(weight=(~hidden).double()),
        batch._replace(targets=batch.targets.masked_fill(hidden, -100)),
    ):
        again, of_rows = with_gradient(HardNegativeCrossEntropyLoss(), case)
        torch.testing.assert_close(again, value, rtol=1e-13, atol=0)
        torch.testing.assert_close(of_rows[~hidden], gradient, rtol=1e-13, atol=0)
        assert not of_rows[hidden].any()


def test_balance_is_that_of_the_batch():
    batch = draw_batch(10, weighted=True, ignored=0.3)
    _, gradient = with_gradient(
        WeightedCrossEntropyLoss("balanced"),
        batch._replace(logits=torch.zeros(120, dtype=torch.float64)),
    )
    pulls = [gradient[batch.targets == label].sum().item() for label in (0, 1)]
    assert pulls[0] == pytest.approx(-pulls[1], rel=1e-12)


@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize("make", [WeightedCrossEntropyLoss, HardNegativeCrossEntropyLoss])
def test_balance_of_one_class_alone_is_finite(make, label):
    batch = draw_batch(11)
    batch = batch._replace(targets=torch.full_like(batch.targets, label))
    value, gradient = with_gradient(make("balanced"), batch)
    assert torch.isfinite(value)
    assert torch.isfinite(gradient).all()


# --- parameters


@pytest.mark.parametrize(
    ("make", "kwargs", "message"),
    [
        (WeightedCrossEntropyLoss, {"pos_weight": 0}, r"'pos_weight'.*\(0.0, inf\). Got 0"),
        (WeightedCrossEntropyLoss, {"pos_weight": "auto"}, r"'pos_weight'.*Got 'auto'"),
        (WeightedCrossEntropyLoss, {"class_weight": [1.0, -1.0]}, r"class_weight.*at least 0"),
        (WeightedCrossEntropyLoss, {"class_weight": 2.0}, r"class_weight.*Got 2.0"),
        (HardNegativeCrossEntropyLoss, {"top_fraction": 0}, r"'top_fraction'.*Got 0"),
        (HardNegativeCrossEntropyLoss, {"top_fraction": 2}, r"'top_fraction'.*2 percent are 0.02"),
        (HardNegativeCrossEntropyLoss, {"factor": -1}, r"'factor'.*\(0.0, inf\). Got -1"),
    ],
)
def test_bad_parameters(make, kwargs, message):
    with pytest.raises(ValueError, match=message):
        make(**kwargs)


@pytest.mark.parametrize(
    ("loss", "shape", "message"),
    [
        (WeightedCrossEntropyLoss(2.0), (4, 3), "pos_weight.*one column.*got 3"),
        (WeightedCrossEntropyLoss("balanced"), (4, 3), "pos_weight.*Use class_weight"),
        (WeightedCrossEntropyLoss(class_weight=[1, 1]), (4,), "class_weight.*got 1. Use pos_w"),
        (WeightedCrossEntropyLoss(class_weight=[1, 1]), (4, 3), r"must have shape \(3,\).*\(2,\)"),
        (HardNegativeCrossEntropyLoss(), (4, 3), "HardNegativeCrossEntropyLoss.*one column: got 3"),
    ],
)
def test_weights_that_do_not_fit_the_logits(loss, shape, message):
    with pytest.raises(ValueError, match=message):
        loss(torch.zeros(shape), torch.zeros(4))


def test_a_hard_mask_of_another_shape():
    with pytest.raises(ValueError, match=r"hard_mask must have shape \(4,\).*got \(1,\)"):
        HardNegativeCrossEntropyLoss()(
            torch.zeros(4), torch.zeros(4), hard_mask=torch.ones(1, dtype=torch.bool)
        )
