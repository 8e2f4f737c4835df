"""Soft recall above a quantile as a loss."""

import pytest

torch = pytest.importorskip("torch")

from neural_cases import INTERPOLATIONS, at_rank, draw_batch, with_gradient

from skbudget.metrics import coverage_at_budget_score
from skbudget.neural import RecallAtQuantileLoss

# A budget of 1 is taken with a warning.
pytestmark = pytest.mark.filterwarnings("error", "ignore:budget=1 reviews everything")


def plain(**kwargs):
    return RecallAtQuantileLoss(**{"queue_size": 0, "temperature": 0.3, "budget": 0.1, **kwargs})


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("budget", [0.005, 0.1, 0.35, 1.0])
def test_is_its_formula(weighted, ties, budget):
    batch = draw_batch(0, weighted=weighted, ties=ties)
    value, gradient = with_gradient(plain(budget=budget), batch)
    logits = batch.logits.clone().requires_grad_()
    positive = batch.targets == 1
    threshold = at_rank(batch.logits, budget, last=True)
    weight = positive.double() if batch.weight is None else batch.weight * positive
    missed = 1 - torch.sigmoid((logits - threshold) / 0.3)
    wanted = (weight * missed).sum() / weight.sum()
    torch.testing.assert_close(value, wanted.detach(), rtol=1e-12, atol=0)
    torch.testing.assert_close(
        gradient, torch.autograd.grad(wanted, logits)[0], rtol=1e-11, atol=1e-15
    )
    assert not gradient[~positive].any()


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
def test_threshold_in_the_manner_of_torch(interpolation):
    batch = draw_batch(1)
    value, _ = with_gradient(plain(budget=0.13, quantile_interpolation=interpolation), batch)
    threshold = torch.quantile(batch.logits, 0.87, interpolation=interpolation)
    hits = torch.sigmoid((batch.logits[batch.targets == 1] - threshold) / 0.3)
    torch.testing.assert_close(value, 1 - hits.mean(), rtol=1e-10, atol=0)


@pytest.mark.parametrize("seed", range(5))
def test_sharp_it_is_one_minus_coverage(seed):
    batch = draw_batch(seed, 200)
    positive = batch.targets == 1
    # The row at the threshold is actioned; half of it by the sigmoid.
    at_threshold = batch.logits == at_rank(batch.logits, 0.1, last=True)
    half = 0.5 * (at_threshold & positive).sum() / positive.sum()
    value, _ = with_gradient(plain(temperature=1e-9), batch)
    wanted = coverage_at_budget_score(batch.targets.numpy(), batch.logits.numpy(), budget=0.1)
    assert value.item() == pytest.approx(1 - wanted + half.item(), abs=1e-9)


def test_each_class_against_the_rest():
    batch = draw_batch(2, 60, 3)
    _, per_class, valid = plain(num_classes=3)(batch.logits, batch.targets, return_per_class=True)
    own = [plain()(batch.logits[:, label], (batch.targets == label).long()) for label in range(3)]
    torch.testing.assert_close(per_class, torch.stack(own), rtol=1e-14, atol=0)
    assert valid.all()


def test_without_a_positive_there_is_no_recall():
    batch = draw_batch(3, 20)
    nothing = batch._replace(targets=torch.zeros_like(batch.targets))
    weightless = batch._replace(weight=(batch.targets == 0).double())
    for case in (nothing, weightless):
        value, gradient, _, valid = with_gradient(plain(), case, return_per_class=True)
        assert value == 0
        assert not gradient.any()
        assert not valid.any()


def test_positives_alone_have_a_recall():
    batch = draw_batch(4, 20)
    batch = batch._replace(targets=torch.ones_like(batch.targets))
    _, gradient, _, valid = with_gradient(plain(), batch, return_per_class=True)
    assert valid.all()
    assert (gradient < 0).all()


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"budget": 0.0}, r"'budget' parameter of RecallAtQuantileLoss.*\(0.0, 1.0\]. Got 0.0"),
        ({"budget": 50}, r"'budget'.*Got 50 .*50 basis points are 0.005"),
        ({"temperature": 0}, r"'temperature'.*Got 0"),
        ({"quantile_interpolation": "up"}, r"'quantile_interpolation'.*'rank'.*Got 'up'"),
    ],
    ids=str,
)
def test_bad_parameters(kwargs, message):
    with pytest.raises(ValueError, match=message):
        RecallAtQuantileLoss(**kwargs)
