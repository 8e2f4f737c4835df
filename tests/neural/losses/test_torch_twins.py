"""The torch module of a NumPy loss, where it has one, computes the same numbers."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from neural_cases import draw_batch, with_gradient

from skbudget import neural
from skbudget.objectives import (
    AtBudget,
    BinaryCrossEntropy,
    FocalLoss,
    HardNegativeCrossEntropy,
    LovaszSignificance,
    OneVsRest,
    PairwisePAUC,
    TrapezoidPAUC,
    WeightedSum,
)
from skbudget.objectives._registry import loss_classes

TWINS = {
    "pairwise": PairwisePAUC(beta=0.3),
    "sigmoid": PairwisePAUC(beta=0.3, link="sigmoid", temperature=0.5, tau_scale="iqr"),
    "upper end": PairwisePAUC(alpha=0.05, beta=0.4, tau_scale="band"),
    "population": PairwisePAUC(beta=0.5, basis="population", tau_scale="iqr"),
    "trapezoid": TrapezoidPAUC(beta=0.3),
    "knots": TrapezoidPAUC(alpha=0.1, beta=0.6, n_knots=5, temperature=0.3, tau_scale="iqr"),
    "cross-entropy": BinaryCrossEntropy(),
    "weighted": BinaryCrossEntropy(7.5),
    "focal": FocalLoss(),
    "focal without focus": FocalLoss(gamma=0.0, alpha=0.6),
    "more focus": FocalLoss(gamma=3.5, alpha=0.1),
    "significance": LovaszSignificance(),
    "significance at a budget": LovaszSignificance(0.2, centre="budget", budget=0.1),
}
CASES = [
    {},
    {"ties": True},
    {"weighted": True},
    {"masked": True},
    {"masked": True, "weighted": True},
]
each_twin = pytest.mark.parametrize("loss", TWINS.values(), ids=list(TWINS))


def compare(loss, batch, value=None):
    twin = loss.torch_loss()
    (y, raw, weight), columns = batch.numpy
    if "iid_mask" not in loss.reads:
        columns, batch = {}, batch._replace(iid=None)
    columns["value"] = value
    if value is not None:
        # A module has one weight for both.
        worth = loss.rows(y, raw, weight, **columns).worth
        batch = batch._replace(weight=torch.from_numpy(worth))
    if batch.iid is None:
        logits = batch.logits.detach().clone().requires_grad_()
        found = twin(logits, batch.targets, sample_weight=batch.weight)
        (gradient,) = torch.autograd.grad(found, logits)
    else:
        found, gradient = with_gradient(twin, batch)
    assert found.item() == pytest.approx(loss.loss(y, raw, weight, **columns), rel=1e-10)
    expected = loss.gradient(y, raw, weight, **columns)
    np.testing.assert_allclose(gradient.numpy(), expected, rtol=1e-9, atol=1e-14)


@each_twin
@pytest.mark.parametrize("case", CASES, ids=str)
def test_value_and_gradient(loss, case):
    for seed in range(3):
        compare(loss, draw_batch(seed, **case))


@each_twin
def test_with_values(loss):
    if getattr(loss, "basis", "fpr") == "population":
        pytest.skip("values would move a band that counts all rows")
    batch = draw_batch(4, weighted=True)
    value = np.random.default_rng(0).lognormal(size=120)
    compare(loss, batch, value)
    compare(loss, batch._replace(weight=None), value)


@pytest.mark.parametrize("cls", loss_classes().values(), ids=list(loss_classes()))
def test_on_the_examples(cls):
    for loss, rows in cls.examples():
        twin = loss.torch_loss()
        if twin is None:
            continue
        logits = torch.tensor(rows.raw, requires_grad=True)
        weight = None if rows.worth is None else torch.from_numpy(rows.worth)
        target = torch.from_numpy(rows.target.astype(float))
        columns = {name: torch.from_numpy(rows.columns[name]) for name in loss.needs}
        found = twin(logits, target, sample_weight=weight, **columns)
        found.backward()
        held = loss.hold(rows)
        assert found.item() == pytest.approx(loss.value(rows, held), rel=1e-10)
        expected = loss.derivatives(rows, held).dense(rows.n_samples)[0]
        np.testing.assert_allclose(logits.grad.numpy(), expected, rtol=1e-9, atol=1e-14)


def test_which_losses_have_one():
    kinds = {name: type(loss.torch_loss()) for name, loss in TWINS.items()}
    assert set(kinds.values()) == {
        neural.PAUCAtBudgetLoss,
        neural.WeightedCrossEntropyLoss,
        neural.FocalLoss,
        neural.SignificanceLoss,
    }
    twin = TWINS["pairwise"].torch_loss()
    assert (twin.queue_size, twin.weighted_budget, twin.num_classes) == (0, True, 1)
    for loss in (
        BinaryCrossEntropy("balanced"),
        HardNegativeCrossEntropy(),
        AtBudget(PairwisePAUC()),
        OneVsRest(PairwisePAUC()),
        WeightedSum(((1.0, PairwisePAUC()),)),
    ):
        assert loss.torch_loss() is None
