"""What a loss is declared to need, the end of the band, and the criterion made of it."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

import toy_losses as toys
from torch import nn

from skbudget.neural import LossWarmup, NumpyLoss, SmoothAPLoss
from skbudget.neural.training._criterion import (
    Declaration,
    balanced_cross_entropy,
    band_end,
    declare_loss,
)
from skbudget.objectives import AtBudget, HardNegativeCrossEntropy, PairwisePAUC, WeightedSum


def test_the_end_of_the_band_is_as_it_always_was():
    """To the last bit: it is public as ``beta_``."""
    rng = np.random.default_rng(0)
    for _ in range(2000):
        mass = rng.integers(1, 10 ** rng.integers(1, 6), size=rng.integers(2, 5)).astype(float)
        budget = rng.choice([0.005, 0.02, 0.05, rng.random()])
        positives = mass[1:] if mass.size == 2 else mass
        common = (positives / (mass.sum() - positives)).max()
        assert band_end(budget, mass) == min(1.0, max(budget, 1.5 * float(common)))
    assert band_end(0.01, np.array([0.0, 5.0])) == 1.0
    assert band_end(0.01, np.array([5.0, 0.0])) == 0.01


@pytest.mark.parametrize(
    ("loss", "known"),
    [
        (None, {"target": "binary", "reads": {"iid_mask", "value"}, "is_own": True}),
        ("pairwise_pauc", {"reads": {"iid_mask", "value"}, "separates_value": True}),
        ("smooth_ap", {"reads": {"iid_mask", "value"}, "separates_value": False}),
        (SmoothAPLoss, {"name": "SmoothAPLoss", "has_warmup": True}),
        ("focal", {"reads": {"value"}, "has_warmup": False}),
        (HardNegativeCrossEntropy(), {"has_warmup": False}),
        (AtBudget(PairwisePAUC()), {"has_warmup": True, "needs": frozenset()}),
        (toys.WithinGroups(), {"needs": {"group"}, "reads": {"group", "value"}}),
        (NumpyLoss(toys.WithinGroups()), {"name": "WithinGroups", "needs": {"group"}}),
        (
            WeightedSum(((1.0, PairwisePAUC()), (1.0, toys.WithinGroups()))),
            {"needs": {"group"}, "reads": {"group", "value", "iid_mask"}},
        ),
        (toys.Thresholds(), {"target": "ordinal", "margins": "thresholds", "has_warmup": False}),
        (toys.SoftmaxCrossEntropy(), {"target": "classes", "margins": "classes"}),
        (nn.MSELoss, {"target": "binary", "reads": frozenset(), "takes_weight": False}),
    ],
    # Not by what is known: sets have no order, and processes must agree on names.
    ids=lambda value: "" if isinstance(value, dict) else str(value),
)
def test_declarations(loss, known):
    declaration = declare_loss(loss, "Owner")
    assert {name: getattr(declaration, name) for name in known} == known


def test_a_module_says_what_it_takes():
    class Ordinal(nn.Module):
        target = "ordinal"

    class OneScore(Ordinal):
        margins = "one"

    class Buffer(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("target", torch.ones(3))

        def forward(self, scores, targets):
            return scores.sum()

    Ordinal.forward = Buffer.forward
    found = [declare_loss(loss, "Owner") for loss in (Ordinal, OneScore(), Buffer())]
    assert [(one.target, one.margins) for one in found] == [
        ("ordinal", "thresholds"),
        ("ordinal", "one"),
        ("binary", "one"),
    ]
    with pytest.raises(ValueError, match="Owner warms up by itself"):
        declare_loss(LossWarmup(None, SmoothAPLoss()), "Owner")


@pytest.mark.parametrize(
    ("target", "margins", "numbers"),
    [
        ("binary", "one", {2: 1, 3: 3}),
        ("classes", "classes", {2: 2, 3: 3}),
        ("ordinal", "thresholds", {2: 1, 4: 3}),
        ("ordinal", "one", {2: 1, 4: 1}),
        ("real", "one", {0: 1}),
    ],
)
def test_number_of_outputs(target, margins, numbers):
    declaration = Declaration("Any", target, margins)
    assert {n: declaration.n_outputs(n) for n in numbers} == numbers


def test_classes_count_alike_in_the_warm_up():
    assert balanced_cross_entropy(np.array([90.0, 10.0])).pos_weight == 9.0
    assert balanced_cross_entropy(np.array([90.0, 0.0])).pos_weight == 1.0
    weights = balanced_cross_entropy(np.array([60.0, 30.0, 0.0]), 3).class_weight
    assert weights.tolist() == [1.0, 2.0, 1.0]
    assert balanced_cross_entropy(np.array([60.0, 30.0]), 2).class_weight.tolist() == [1.0, 2.0]
