"""The smoothed average precision as a loss."""

import pytest

torch = pytest.importorskip("torch")

from neural_cases import draw_batch, with_gradient
from sklearn.metrics import average_precision_score

from skbudget.neural import SmoothAPLoss

pytestmark = pytest.mark.filterwarnings("error")


def plain(**kwargs):
    return SmoothAPLoss(**{"queue_size": 0, "temperature": 0.3, **kwargs})


def one_by_one(batch, tau):
    """The docstring's formula, positive by positive."""
    scores, positives = batch.logits, (batch.targets == 1).nonzero()[:, 0].tolist()
    weight = torch.ones_like(scores) if batch.weight is None else batch.weight
    total = 0.0
    for i in positives:
        others = [j for j in range(len(scores)) if j != i]
        above = torch.sigmoid((scores[others] - scores[i]) / tau)
        of_positives = torch.tensor([j in positives for j in others])
        total = total + weight[i] * (1 + above[of_positives].sum()) / (1 + above.sum())
    return 1 - total / weight[positives].sum()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("ties", [False, True])
def test_is_its_formula(weighted, ties):
    batch = draw_batch(0, 40, weighted=weighted, ties=ties)
    value, gradient = with_gradient(plain(), batch)
    logits = batch.logits.clone().requires_grad_()
    wanted = one_by_one(batch._replace(logits=logits), 0.3)
    torch.testing.assert_close(value, wanted.detach(), rtol=1e-12, atol=0)
    torch.testing.assert_close(
        gradient, torch.autograd.grad(wanted, logits)[0], rtol=1e-11, atol=1e-15
    )


@pytest.mark.parametrize("weighted", [False, True])
def test_gradient_is_that_of_finite_differences(weighted):
    batch = draw_batch(1, 15, rate=0.4, weighted=weighted)

    def of_scores(logits):
        return plain()(logits, batch.targets, sample_weight=batch.weight)

    assert torch.autograd.gradcheck(of_scores, (batch.logits.requires_grad_(),))


@pytest.mark.parametrize("seed", range(5))
def test_sharp_it_is_one_minus_the_average_precision(seed):
    batch = draw_batch(seed, 200)
    value, _ = with_gradient(plain(temperature=1e-9), batch)
    wanted = average_precision_score(batch.targets.numpy(), batch.logits.numpy())
    assert value.item() == pytest.approx(1 - wanted, abs=1e-6)


def test_each_class_against_the_rest():
    batch = draw_batch(2, 60, 3)
    value, per_class, valid = plain(num_classes=3)(
        batch.logits, batch.targets, return_per_class=True
    )
    own = [plain()(batch.logits[:, label], (batch.targets == label).long()) for label in range(3)]
    torch.testing.assert_close(per_class, torch.stack(own), rtol=1e-14, atol=0)
    torch.testing.assert_close(value, per_class.mean(), rtol=1e-14, atol=0)
    assert valid.all()


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_alone_has_no_ranking(label):
    batch = draw_batch(3, 20)
    batch = batch._replace(targets=torch.full_like(batch.targets, label))
    value, gradient, _, valid = with_gradient(plain(), batch, return_per_class=True)
    assert value == 0
    assert not gradient.any()
    assert not valid.any()


def test_positives_without_weight_have_no_ranking():
    batch = draw_batch(4, 20)
    value, gradient = with_gradient(plain(), batch._replace(weight=(batch.targets == 0).double()))
    assert value == 0
    assert not gradient.any()


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"temperature": -1}, r"'temperature' parameter of SmoothAPLoss.*\(0.0, inf\). Got -1"),
        ({"num_classes": 0}, r"'num_classes'.*Got 0"),
        ({"queue_size": 1.0}, r"'queue_size'.*Got 1.0"),
        ({"reduction": "all"}, r"'reduction'.*Got 'all'"),
        ({"max_pool_size": 0}, r"'max_pool_size'.*Got 0"),
    ],
    ids=str,
)
def test_bad_parameters(kwargs, message):
    with pytest.raises(ValueError, match=message):
        SmoothAPLoss(**kwargs)
