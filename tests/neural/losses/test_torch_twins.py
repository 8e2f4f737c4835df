"""The torch module of a NumPy loss, where it has one, computes the same numbers."""

import inspect

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from neural_cases import draw_batch, with_gradient

from skbudget import neural
from skbudget.objectives import (
    AtBudget,
    BinaryCrossEntropy,
    CriticalRank,
    FocalLoss,
    HardNegativeCrossEntropy,
    LovaszSignificance,
    MarginCrossEntropy,
    OneVsRest,
    PairwisePAUC,
    TrapezoidPAUC,
    VectorScalingCrossEntropy,
    VectorScalingSoftmax,
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
    "critical": CriticalRank(),
    "critical negatives": CriticalRank("negatives", 4.0, temperature=0.5, tau_scale="iqr"),
    "critical sigmoid": CriticalRank("positives", 1.5, "sigmoid", 0.7),
    "cross-entropy": BinaryCrossEntropy(),
    "weighted": BinaryCrossEntropy(7.5),
    "focal": FocalLoss(),
    "focal without focus": FocalLoss(gamma=0.0, alpha=0.6),
    "more focus": FocalLoss(gamma=3.5, alpha=0.1),
    "significance": LovaszSignificance(),
    "significance at a budget": LovaszSignificance(0.2, centre="budget", budget=0.1),
    "focus by class": FocalLoss(gamma=1.0, gamma_positive=0.7),
    "margin": MarginCrossEntropy(2.0, "positives", pos_weight=3.0),
    "vector scaling": VectorScalingCrossEntropy(3.0, 0.5, 0.7, 1.4, 1.5, -0.5),
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
        if twin is None or getattr(loss, "_fits", False):
            # What is fitted here is learnt there.
            continue
        logits = torch.tensor(rows.raw, requires_grad=True)
        weight = None if rows.worth is None else torch.from_numpy(rows.worth)
        needs = {name: torch.from_numpy(rows.columns[name]) for name in loss.needs}
        coded = loss.target in ("classes", "ordinal")
        targets = torch.from_numpy(rows.target.astype(np.int64 if coded else float))
        found = twin(logits, targets, sample_weight=weight, **needs)
        found.backward()
        held = loss.hold(rows)
        assert found.item() == pytest.approx(loss.value(rows, held), rel=1e-10)
        expected = loss.derivatives(rows, held).dense(rows.n_samples)[0]
        np.testing.assert_allclose(logits.grad.numpy(), expected, rtol=1e-9, atol=1e-14)


# Defaults that differ from those of the NumPy loss, and why.
OTHER_DEFAULTS = {
    # Margins of a network have no unit, and boosters count in units of the margin.
    "PAUCAtBudgetLoss": {"link", "tau_scale", "temperature"},
    # As torch's and torchvision's losses, it has no weight of a class unless it is told one.
    "FocalLoss": {"alpha"},
    # A module without levels cannot find thresholds; those of `torch_loss` are parameters.
    "OrdinalAllThresholdLoss": {"thresholds"},
}


def test_defaults_are_those_of_the_objective():
    compared = set()
    for cls in loss_classes().values():
        twin = next(iter(cls.examples()))[0].torch_loss()
        if not type(twin).__module__.startswith("skbudget."):
            continue
        own, there = (inspect.signature(of).parameters for of in (cls, type(twin)))
        shared = set(own) & set(there)
        differ = {key for key in shared if there[key].default != own[key].default}
        assert differ == OTHER_DEFAULTS.get(type(twin).__name__, set()) & shared, cls.__name__
        compared.add(cls)
    assert {CriticalRank, FocalLoss, PairwisePAUC} < compared


def test_which_losses_have_one():
    kinds = {name: type(loss.torch_loss()) for name, loss in TWINS.items()}
    assert set(kinds.values()) == {
        neural.CriticalRankLoss,
        neural.PAUCAtBudgetLoss,
        neural.WeightedCrossEntropyLoss,
        neural.FocalLoss,
        neural.SignificanceLoss,
        neural.VectorScalingCrossEntropyLoss,
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


def test_the_scaled_softmax_is_the_cross_entropy_of_torch():
    """AutoBalance's loss: the weight times the cross-entropy of multiplied, shifted logits."""
    rng = torch.Generator().manual_seed(0)
    logits = torch.randn(50, 4, dtype=torch.float64, generator=rng).requires_grad_()
    targets = torch.randint(0, 4, (50,), generator=rng)
    multiplier, shift, weight = (0.5, 1.0, 2.0, 0.1), (0.0, -2.0, 1.0, 3.0), (1.0, 0.2, 3.0, 1.5)
    loss = VectorScalingSoftmax(weight, multiplier, shift)
    z = torch.tensor(multiplier, dtype=torch.float64) * logits + torch.tensor(
        shift, dtype=torch.float64
    )
    rows = torch.nn.functional.cross_entropy(z, targets, reduction="none")
    # Divided by the rows, where torch divides by the weights of their classes.
    wanted = (torch.tensor(weight, dtype=torch.float64)[targets] * rows).mean()
    (of_wanted,) = torch.autograd.grad(wanted, logits)
    twin = loss.torch_loss()
    value = twin(logits, targets)
    (gradient,) = torch.autograd.grad(value, logits)
    assert value.item() == pytest.approx(wanted.item(), rel=1e-12)
    torch.testing.assert_close(gradient, of_wanted, rtol=1e-10, atol=1e-15)
    found = loss.gradient(targets.numpy(), logits.detach().numpy())
    np.testing.assert_allclose(found, of_wanted.numpy(), rtol=1e-10, atol=1e-15)
    by_hand = 0.0
    for y, f in zip(targets.tolist(), logits.tolist()):
        others = sum(
            np.exp(shift[k] - shift[y]) * np.exp(multiplier[k] * f[k] - multiplier[y] * f[y])
            for k in range(4)
            if k != y
        )
        by_hand += weight[y] * np.log1p(others)
    assert value.item() == pytest.approx(by_hand / 50, rel=1e-12)


def test_scaled_losses_from_counts():
    one = VectorScalingCrossEntropy.from_counts(10, 500, gamma=0.3, tau=1.2, beta=0.99)
    other = neural.VectorScalingCrossEntropyLoss.from_counts(10, 500, gamma=0.3, tau=1.2, beta=0.99)
    assert {name: getattr(other, name) for name in vars(one)} == vars(one)
    softmax = VectorScalingSoftmax.from_counts([10, 500, 7], gamma=0.3, tau=1.2, beta=0.99)
    twin = neural.VectorScalingSoftmaxLoss.from_counts([10, 500, 7], gamma=0.3, tau=1.2, beta=0.99)
    for name in ("weight", "multiplier", "shift"):
        assert tuple(getattr(twin, name).tolist()) == getattr(softmax, name)
    assert twin.margin is None


def test_scaled_losses_refuse_other_columns():
    with pytest.raises(ValueError, match="takes one column of logits: got 3. Use VectorScalingS"):
        neural.VectorScalingCrossEntropyLoss()(torch.zeros(2, 3), torch.tensor([0, 2]))
    loss = neural.VectorScalingSoftmaxLoss(shift=[0.0, 1.0])
    with pytest.raises(ValueError, match=r"shift of VectorScalingSoftmaxLoss must have .*\(3,\)"):
        loss(torch.zeros(2, 3), torch.tensor([0, 2]))
    for params in ({"multiplier": [1.0, 0.0]}, {"weight": 2.0}, {"margin": torch.zeros(())}):
        (name,) = params
        with pytest.raises(ValueError, match=f"'{name}' parameter of VectorScalingSoftmaxLoss"):
            neural.VectorScalingSoftmaxLoss(**params)


def test_a_focus_of_the_positives_needs_positives():
    with pytest.raises(ValueError, match="gamma_positive of FocalLoss needs activation='sigmoid'"):
        neural.FocalLoss("softmax", gamma_positive=1.0)
    with pytest.raises(ValueError, match="'gamma_positive' parameter of FocalLoss"):
        neural.FocalLoss(gamma_positive=-1.0)
