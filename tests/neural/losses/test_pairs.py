"""Sums over pairs against all pairs written out."""

import itertools

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F
from torch.autograd import gradcheck

from skbudget.neural.losses import _pairs
from skbudget.neural.losses._pairs import mean_pair_loss, smooth_precision

pytestmark = pytest.mark.filterwarnings("error")

links = pytest.mark.parametrize("link", ["sigmoid", "logistic"])
weights = pytest.mark.parametrize(
    ("on_positives", "on_negatives"), list(itertools.product([False, True], repeat=2))
)
# Blocks of one row, of a few rows that do not divide their number, of all rows.
blocks = pytest.mark.parametrize("block", [1, 40, 1 << 20])
TAU = torch.tensor(0.7, dtype=torch.float64)


def draw(*sizes, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return [torch.randn(size, dtype=torch.float64, generator=rng) for size in sizes]


def optional_weights(n, wanted, seed):
    """Weights of which some are zero, or none."""
    if not wanted:
        return None
    rng = torch.Generator().manual_seed(seed)
    weight = torch.rand(n, dtype=torch.float64, generator=rng)
    weight[::3] = 0.0
    return weight


def dense_mean(positives, negatives, tau, link, p, q):
    x = (negatives[None, :] - positives[:, None]) / tau
    pairs = torch.sigmoid(x) if link == "sigmoid" else F.softplus(x)
    p = torch.ones_like(positives) if p is None else p
    q = torch.ones_like(negatives) if q is None else q
    share = p[:, None] * q[None, :]
    return (share * pairs).sum() / share.sum(), torch.sigmoid(x) @ q / q.sum()


def dense_precision(scores, positive, tau, weight):
    above = torch.sigmoid((scores[None, :] - scores[positive][:, None]) / tau)
    itself = torch.zeros_like(above, dtype=torch.bool)
    itself[torch.arange(positive.numel()), positive] = True
    above = above.masked_fill(itself, 0.0)
    precision = (1 + above[:, positive].sum(1)) / (1 + above.sum(1))
    weight = torch.ones_like(precision) if weight is None else weight
    return (weight * precision).sum() / weight.sum()


def gradients(value, *tensors):
    return torch.autograd.grad(value, tensors)


# --- positives x negatives


@links
@weights
@blocks
def test_is_the_mean_of_all_pairs(link, on_positives, on_negatives, block, monkeypatch):
    monkeypatch.setattr(_pairs, "_BLOCK", block)
    positives, negatives = (part.requires_grad_() for part in draw(17, 23))
    p, q = optional_weights(17, on_positives, 1), optional_weights(23, on_negatives, 2)
    value, wrong = mean_pair_loss(positives, negatives, TAU, link, p, q)
    wanted, wanted_wrong = dense_mean(positives, negatives, TAU, link, p, q)
    torch.testing.assert_close(value, wanted, rtol=1e-13, atol=0)
    torch.testing.assert_close(wrong, wanted_wrong.detach(), rtol=1e-13, atol=0)
    for got, want in zip(
        gradients(3.0 * value, positives, negatives), gradients(3.0 * wanted, positives, negatives)
    ):
        torch.testing.assert_close(got, want, rtol=1e-12, atol=1e-16)


def relative_error(got, wanted):
    return (got - wanted).abs().max() / wanted.abs().max()


@links
@weights
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("tau", [1.0, 1e-3])
def test_many_pairs_are_summed_without_forming_them(link, on_positives, on_negatives, dtype, tau):
    positives, negatives = draw(1100, 1300)
    p, q = optional_weights(1100, on_positives, 1), optional_weights(1300, on_negatives, 2)
    given = [None if part is None else part.to(dtype) for part in (positives, negatives, p, q)]
    positives, negatives = (part.clone().requires_grad_() for part in given[:2])
    assert positives.numel() * negatives.numel() > _pairs._MANY_PAIRS
    tau = torch.tensor(tau, dtype=dtype)
    value, wrong = mean_pair_loss(positives, negatives, tau, link, *given[2:])
    assert value.dtype == wrong.dtype == dtype
    exact = [None if part is None else part.double() for part in given]
    of_exact = [part.requires_grad_() for part in exact[:2]]
    wanted, wanted_wrong = dense_mean(*of_exact, tau.double(), link, *exact[2:])
    assert relative_error(value, wanted) < 2e-6
    assert relative_error(wrong, wanted_wrong) < 2e-6
    for got, want in zip(gradients(value, positives, negatives), gradients(wanted, *of_exact)):
        assert got.dtype == dtype
        assert relative_error(got, want) < 5e-6


@links
def test_many_pairs_without_gradient(link):
    positives, negatives = draw(1100, 1300)
    value, _ = mean_pair_loss(positives, negatives, TAU, link)
    wanted, _ = mean_pair_loss(positives.requires_grad_(), negatives, TAU, link)
    assert value == wanted.detach()


@links
@weights
def test_gradient_is_that_of_finite_differences(link, on_positives, on_negatives):
    positives, negatives = (part.requires_grad_() for part in draw(5, 7))
    p, q = optional_weights(5, on_positives, 1), optional_weights(7, on_negatives, 2)
    assert gradcheck(lambda a, b: mean_pair_loss(a, b, TAU, link, p, q)[0], (positives, negatives))


@links
def test_gradient_by_one_side_alone(link):
    positives, negatives = draw(5, 7)
    both = mean_pair_loss(positives.requires_grad_(), negatives.requires_grad_(), TAU, link)[0]
    by_positives, by_negatives = gradients(both, positives, negatives)
    left = mean_pair_loss(positives, negatives.detach(), TAU, link)[0]
    assert torch.equal(*gradients(left, positives), by_positives)
    right = mean_pair_loss(positives.detach(), negatives, TAU, link)[0]
    assert torch.equal(*gradients(right, negatives), by_negatives)


@links
def test_without_gradient_the_value_is_the_same(link):
    positives, negatives = draw(5, 7)
    wanted = mean_pair_loss(positives.clone().requires_grad_(), negatives, TAU, link)[0]
    value, wrong = mean_pair_loss(positives, negatives, TAU, link)
    assert value == wanted
    assert not value.requires_grad
    assert not wrong.requires_grad


def test_the_temperature_and_each_positives_share_are_held():
    positives, negatives = (part.requires_grad_() for part in draw(5, 7))
    tau = TAU.clone().requires_grad_()
    value, wrong = mean_pair_loss(positives, negatives, tau)
    assert not wrong.requires_grad
    assert torch.autograd.grad(value, tau, allow_unused=True) == (None,)


def test_is_differentiable_once():
    positives, negatives = (part.requires_grad_() for part in draw(5, 7))
    value, _ = mean_pair_loss(positives, negatives, TAU)
    (first,) = torch.autograd.grad(value**2, positives, create_graph=True)
    with pytest.raises(RuntimeError, match="differentiate twice"):
        first.sum().backward()


def test_no_matrix_of_pairs_is_kept():
    positives, negatives = (part.requires_grad_() for part in draw(50, 400))
    value, _ = mean_pair_loss(positives, negatives, TAU)
    kept = sum(tensor.numel() for tensor in value.grad_fn.saved_tensors)
    assert kept == 450


@links
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("times", [1, 400])
def test_hopeless_pairs_stay_finite(link, dtype, times):
    positives = torch.tensor([-1e30, 0.0, 1e30] * times, dtype=dtype, requires_grad=True)
    negatives = torch.tensor([-1e30, 1e30, 3.0] * times, dtype=dtype, requires_grad=True)
    value, wrong = mean_pair_loss(positives, negatives, torch.tensor(0.1, dtype=dtype), link)
    assert value.dtype == wrong.dtype == dtype
    for tensor in (value, wrong, *gradients(value, positives, negatives)):
        assert torch.isfinite(tensor).all()


# --- the smoothed average precision


@pytest.mark.parametrize("weighted", [False, True])
@blocks
def test_precision_is_its_formula(weighted, block, monkeypatch):
    monkeypatch.setattr(_pairs, "_BLOCK", block)
    scores = draw(31)[0].requires_grad_()
    positive = torch.tensor([3, 0, 30, 12, 13, 7, 21])
    weight = optional_weights(7, weighted, 3)
    value = smooth_precision(scores, positive, 0.3, weight)
    wanted = dense_precision(scores, positive, 0.3, weight)
    torch.testing.assert_close(value, wanted, rtol=1e-13, atol=0)
    torch.testing.assert_close(
        *gradients(2.0 * value, scores), *gradients(2.0 * wanted, scores), rtol=1e-12, atol=1e-15
    )


@pytest.mark.parametrize("weighted", [False, True])
def test_gradient_of_the_precision_is_that_of_finite_differences(weighted):
    scores = draw(9)[0].requires_grad_()
    positive = torch.tensor([1, 4, 8])
    weight = optional_weights(3, weighted, 3)
    assert gradcheck(lambda s: smooth_precision(s, positive, 0.5, weight), (scores,))


def test_precision_without_gradient():
    scores, positive = draw(9)[0], torch.tensor([1, 4, 8])
    value = smooth_precision(scores, positive, 0.5, None)
    assert not value.requires_grad
    assert value == smooth_precision(scores.clone().requires_grad_(), positive, 0.5, None)


def test_precision_of_huge_scores_is_finite():
    scores = torch.tensor([-1e30, 1e30, 0.0, 1e30], requires_grad=True)
    value = smooth_precision(scores, torch.tensor([0, 1]), 0.01, None)
    assert torch.isfinite(value)
    assert torch.isfinite(*gradients(value, scores)).all()
