"""Losses of lists on tensors: the gradient that NumPy hands to autograd is autograd's own."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F

from skbudget.neural import NumpyLoss
from skbudget.objectives import (
    ApproxNDCG,
    LambdaRank,
    ListwiseSoftmax,
    PairwiseHinge,
    RankNet,
    RankWeightedCrossEntropy,
)


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    grades = torch.tensor(rng.integers(0, 4, 40).astype(float))
    scores = torch.tensor(rng.normal(size=40), requires_grad=True)
    return grades, scores, torch.tensor(rng.permutation(40) % 4)


def lists(grades, scores, group):
    for one in group.unique():
        yield grades[group == one], scores[group == one]


def softmax(grades, scores, group):
    found = [-(y * F.log_softmax(s / 0.5, dim=0)).sum() for y, s in lists(grades, scores, group)]
    return sum(found) / grades.sum()


def approx_ndcg(grades, scores, group):
    losses = []
    for y, s in lists(grades, scores, group):
        rank = 0.5 + torch.sigmoid((s[None, :] - s[:, None]) / 0.5).sum(dim=1)
        ideal = ((2 ** y.sort(descending=True).values - 1) / torch.log2(places(y) + 1)).sum()
        losses.append(1 - ((2**y - 1) / torch.log2(1 + rank)).sum() / ideal)
    return torch.stack(losses).mean()


def places(values):
    return torch.arange(1, values.numel() + 1, dtype=values.dtype)


def pairs_of(y, s):
    i, j = torch.nonzero(y[:, None] > y[None, :], as_tuple=True)
    return s[i], s[j]


def mean_of_lists(of_pairs, grades, scores, group):
    total = count = 0.0
    for y, s in lists(grades, scores, group):
        preferred = (y > y.min()).sum()
        total = total + preferred * of_pairs(*pairs_of(y, s))
        count = count + preferred
    return total / count


def rank_net(grades, scores, group):
    return mean_of_lists(lambda a, b: F.softplus(b - a).mean(), grades, scores, group)


def hinge(grades, scores, group):
    def margin_ranking(a, b):
        return F.margin_ranking_loss(a, b, torch.ones_like(a), margin=0.7)

    return mean_of_lists(margin_ranking, grades, scores, group)


def lambda_rank(grades, scores, group):
    """Held weights times softplus, without a hook in the backward pass."""
    losses = []
    for y, s in lists(grades, scores, group):
        rank = 1 + s.detach().argsort(descending=True).argsort()
        discount = 1 / torch.log2(1 + rank.to(s.dtype))
        gain = 2**y - 1
        ideal = (gain.sort(descending=True).values / torch.log2(1 + places(y))).sum()
        i, j = torch.nonzero(y[:, None] > y[None, :], as_tuple=True)
        swap = (gain[i] - gain[j]) * (discount[i] - discount[j]).abs() / ideal
        losses.append((swap * F.softplus(s[j] - s[i])).sum())
    return torch.stack(losses).mean()


OF_GRADES = {
    "softmax": (ListwiseSoftmax(0.5, graded=True), softmax),
    "approx_ndcg": (ApproxNDCG(0.5, graded=True), approx_ndcg),
    "rank_net": (RankNet(graded=True), rank_net),
    "hinge": (PairwiseHinge(0.7, "hinge", graded=True), hinge),
    "lambda_rank": (LambdaRank(graded=True), lambda_rank),
}


@pytest.mark.parametrize("name", OF_GRADES)
def test_gradients_are_those_of_autograd(name, table):
    grades, scores, group = table
    loss, wanted = OF_GRADES[name]
    found = NumpyLoss(loss)(scores, grades, group=group)
    expected = wanted(grades, scores, group)
    assert found.item() == pytest.approx(expected.item())
    (of_found,) = torch.autograd.grad(found, scores)
    (of_expected,) = torch.autograd.grad(expected, scores)
    torch.testing.assert_close(of_found, of_expected, rtol=1e-8, atol=1e-12)


def test_cross_entropy_by_rank_is_autograd_s_with_held_weights(table):
    _, scores, _ = table
    y = (torch.arange(40) % 4 == 0).double()
    negatives = scores.detach()[y == 0]
    above = (negatives[None, :] > scores.detach()[:, None]).double().sum(dim=1) + 0.5
    weight = torch.exp(-above / negatives.numel() / 0.3).clamp(min=0.1)
    weight[y == 1] = 1.0
    wanted = F.binary_cross_entropy_with_logits(scores, y, weight)
    found = NumpyLoss(RankWeightedCrossEntropy(depth=1.0, budget=0.3))(scores, y)
    assert found.item() == pytest.approx(wanted.item())
    (of_found,) = torch.autograd.grad(found, scores)
    (of_wanted,) = torch.autograd.grad(wanted, scores)
    torch.testing.assert_close(of_found, of_wanted)


@pytest.mark.parametrize("name", OF_GRADES)
def test_batches_of_lists_without_an_order_have_no_loss(name):
    loss = NumpyLoss(OF_GRADES[name][0])
    scores = torch.randn(6, requires_grad=True)
    value = loss(scores, torch.ones(6), group=torch.arange(6) % 2)
    value.backward()
    assert value.item() == 0.0
    assert not scores.grad.any()
