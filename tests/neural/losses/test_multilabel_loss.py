"""Cross-entropy of several labels per row, against torch."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn

from skbudget.neural import MultilabelCrossEntropyLoss, WeightedCrossEntropyLoss


def batch(n=20, n_labels=3, seed=0):
    rng = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(n, n_labels, generator=rng, dtype=torch.float64)
    targets = (torch.rand(n, n_labels, generator=rng) < 0.3).long()
    return logits.requires_grad_(), targets


@pytest.mark.parametrize("pos_weight", [None, (1.0, 2.0, 0.5)])
def test_it_is_that_of_torch(pos_weight):
    logits, targets = batch()
    weights = None if pos_weight is None else torch.tensor(pos_weight, dtype=torch.float64)
    wanted = nn.BCEWithLogitsLoss(pos_weight=weights)(logits, targets.double())
    found = MultilabelCrossEntropyLoss(pos_weight)(logits, targets)
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(*(torch.autograd.grad(one, logits)[0] for one in (found, wanted)))


def test_it_is_the_mean_of_those_of_the_labels():
    logits, targets = batch()
    weight = torch.arange(20) % 3
    of_labels = [
        WeightedCrossEntropyLoss()(logits[:, k], targets[:, k], sample_weight=weight)
        for k in range(3)
    ]
    found = MultilabelCrossEntropyLoss()(logits, targets, sample_weight=weight)
    torch.testing.assert_close(found, sum(of_labels) / 3)


def test_weights_repeat_rows():
    logits, targets = batch()
    weight = torch.arange(20) % 3
    again = torch.repeat_interleave(torch.arange(20), weight)
    loss = MultilabelCrossEntropyLoss()
    torch.testing.assert_close(
        loss(logits, targets, sample_weight=weight), loss(logits[again], targets[again])
    )


def test_entries_are_left_out():
    logits, targets = batch()
    targets[:5] = -100
    targets[5:8, 1] = -100
    with torch.no_grad():
        logits[0, 0] = torch.nan
    found = MultilabelCrossEntropyLoss()(logits, targets)
    losses = nn.BCEWithLogitsLoss(reduction="none")(logits, targets.double().clamp(0))
    rows = [losses[i][targets[i] != -100].mean() for i in range(5, 20)]
    torch.testing.assert_close(found, sum(rows) / 15)
    (slope,) = torch.autograd.grad(found, logits)
    assert not slope[:5].any()
    assert not slope[5:8, 1].any()
    nothing = MultilabelCrossEntropyLoss()(logits[5:], torch.full((15, 3), -100))
    assert nothing.item() == 0.0
    nothing.backward()


def test_half_precision_and_far_logits():
    logits, targets = batch()
    found = MultilabelCrossEntropyLoss()(logits.half(), targets)
    assert found.dtype == torch.float32
    far = torch.tensor([[800.0, -800.0]])
    assert MultilabelCrossEntropyLoss()(far, torch.tensor([[0, 1]])).item() == pytest.approx(800.0)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"targets": torch.zeros(20)}, ValueError, "targets must have shape"),
        ({"targets": torch.full((20, 3), 2)}, ValueError, "targets must be 0 or 1"),
        ({"logits": torch.zeros(20)}, ValueError, r"logits must have shape \(n_rows, n_labels\)"),
        ({"logits": torch.full((20, 3), np.inf)}, FloatingPointError, "logits"),
        ({"sample_weight": torch.ones(3)}, ValueError, "sample_weight must have shape"),
        ({"targets": None}, TypeError, "targets must be a torch Tensor"),
    ],
    ids=["one label", "values", "one score", "infinite", "weights", "none"],
)
def test_what_is_refused(change, error, message):
    logits, targets = batch()
    with pytest.raises(error, match=message):
        MultilabelCrossEntropyLoss()(**{"logits": logits, "targets": targets, **change})


def test_weights_of_labels_are_checked():
    with pytest.raises(ValueError, match="pos_weight must have one entry per label"):
        MultilabelCrossEntropyLoss((1.0, 2.0))(*batch())
    for wrong in ((0.0, 1.0), "balanced", (-1.0, 1.0), 3.0):
        with pytest.raises(ValueError, match="'pos_weight' parameter of Multilabel"):
            MultilabelCrossEntropyLoss(wrong)
