"""Sums over positive x negative pairs that find their gradient on the way.

The derivative of a pair's loss is a by-product of its value, so both are summed
in one pass over blocks of pairs. No matrix of all pairs is kept for the backward
pass, and memory does not grow with the number of pairs. Very many pairs are summed by
the kernels of the boosting objectives, which form none of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from ...kernels._dispatch import sum_pairs
from ...kernels._kernel import Kernel
from ...objectives.losses._band import Link

__all__ = ["mean_pair_loss", "smooth_precision"]


# Pairs formed at a time: a few megabytes, within a CPU's cache and enough for a GPU.
_BLOCK = 1 << 20
# From this number on, sums that form no pairs are faster on a CPU.
_MANY_PAIRS = 1 << 20


def mean_pair_loss(
    positives: Tensor,
    negatives: Tensor,
    tau: Tensor,
    link: Link = "sigmoid",
    pos_weight: Tensor | None = None,
    neg_weight: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the mean loss of all pairs, and how wrong each positive is ranked.

    Parameters
    ----------
    positives, negatives : Tensor of shape (n_positives,) and (n_negatives,)
        Scores, at least one of each.
    tau : Tensor of shape ()
        Temperature, held constant.
    link : {"sigmoid", "logistic"}
        Loss of a pair: ``sigmoid(x)`` or ``softplus(x)`` of
        ``x = (negative - positive) / tau``.
    pos_weight, neg_weight : Tensor, default=None
        Weights of the rows, held constant, with a positive sum.

    Returns
    -------
    loss : Tensor of shape ()
        Differentiable once, by both scores.
    wrong : Tensor of shape (n_positives,)
        Each positive's mean of ``sigmoid(x)`` over the negatives, its soft share of
        wrong pairs, whatever the link; without gradient.
    """
    loss, wrong = _MeanPairLoss.apply(positives, negatives, tau, link, pos_weight, neg_weight)
    return loss, wrong


def smooth_precision(scores: Tensor, positive: Tensor, tau: float, weight: Tensor | None) -> Tensor:
    """Return the smoothed average precision, shape ().

    Parameters
    ----------
    scores : Tensor of shape (n_rows,)
        Scores.
    positive : Tensor of shape (n_positives,), dtype=int64
        Rows of the positives, at least one.
    tau : float
        Temperature.
    weight : Tensor of shape (n_positives,) or None
        Weights of the positives, with a positive sum.
    """
    return _SmoothPrecision.apply(scores, positive, tau, weight)


def _blocks(n_rows: int, n_columns: int) -> Iterator[slice]:
    step = max(1, _BLOCK // max(1, n_columns))
    for start in range(0, n_rows, step):
        yield slice(start, start + step)


class _MeanPairLoss(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        positives: Tensor,
        negatives: Tensor,
        tau: Tensor,
        link: Link,
        pos_weight: Tensor | None,
        neg_weight: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        many = positives.numel() * negatives.numel() > _MANY_PAIRS
        total = _from_kernels if many and positives.device.type == "cpu" else _from_blocks
        p = torch.ones_like(positives) if pos_weight is None else pos_weight
        q = torch.ones_like(negatives) if neg_weight is None else neg_weight
        p, q = p / p.sum(), q / q.sum()
        loss, slope_pos, slope_neg, wrong = total(positives, negatives, tau, link, p, q)
        ctx.save_for_backward(-slope_pos * p / tau, slope_neg * q / tau)
        ctx.mark_non_differentiable(wrong)
        return loss, wrong

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        grad_pos, grad_neg = ctx.saved_tensors
        return grad * grad_pos, grad * grad_neg, None, None, None, None


# Each returns the loss, the sums of the pair's slope over the weights of the other
# class for each positive and negative, and each positive's share of wrong pairs.
# `p` and `q` are weights that sum to one.


def _from_blocks(
    positives: Tensor, negatives: Tensor, tau: Tensor, link: Link, p: Tensor, q: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    loss = positives.new_zeros(())
    wrong, slope_pos = torch.empty_like(positives), torch.empty_like(positives)
    slope_neg = torch.zeros_like(negatives)
    for rows in _blocks(positives.numel(), negatives.numel()):
        x = torch.sub(negatives[None, :], positives[rows, None]).div_(tau)
        sigma = torch.sigmoid(x)
        wrong[rows] = sigma @ q
        if link == "sigmoid":
            loss += p[rows] @ wrong[rows]
            slope = torch.addcmul(sigma, sigma, sigma, value=-1.0)
            slope_pos[rows] = slope @ q
        else:
            loss += p[rows] @ (F.softplus(x) @ q)
            slope, slope_pos[rows] = sigma, wrong[rows]
        slope_neg += p[rows] @ slope
    return loss, slope_pos, slope_neg, wrong


def _from_kernels(
    positives: Tensor, negatives: Tensor, tau: Tensor, link: Link, p: Tensor, q: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Sum without forming the pairs, as the boosting objectives do."""
    kernels: set[Kernel] = {"sigma", "dsigma"} if link == "sigmoid" else {"sigma", "softplus"}
    pos, neg, w_pos, w_neg = (part.double().numpy() for part in (positives, negatives, p, q))
    sums = sum_pairs(pos, neg, float(tau), w_pos, w_neg, frozenset(kernels))
    if link == "sigmoid":
        found = (sums.sigma_total, sums.dsigma_pos, sums.dsigma_neg, sums.sigma_pos)
    else:
        found = (sums.softplus_total, sums.sigma_pos, sums.sigma_neg, sums.sigma_pos)
    loss, slope_pos, slope_neg, wrong = (
        torch.as_tensor(part, dtype=positives.dtype) for part in found
    )
    return loss, slope_pos, slope_neg, wrong


class _SmoothPrecision(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, scores: Tensor, positive: Tensor, tau: float, weight: Tensor | None
    ) -> Tensor:
        n_pos, n = positive.numel(), scores.numel()
        top = scores[positive]
        share = torch.full_like(top, 1.0 / n_pos) if weight is None else weight / weight.sum()
        grad = torch.zeros_like(scores)
        grad_top = torch.zeros_like(top)
        precision = torch.zeros((), dtype=scores.dtype, device=scores.device)
        for rows in _blocks(n_pos, n):
            mine = top[rows]
            above = torch.sigmoid((scores[None, :] - mine[:, None]) / tau)
            itself = torch.arange(mine.numel(), device=scores.device)
            above[itself, positive[rows]] = 0.0
            of_positives = above[:, positive]
            rank = 1.0 + above.sum(dim=1)
            rank_pos = 1.0 + of_positives.sum(dim=1)
            precision += share[rows] @ (rank_pos / rank)
            if not ctx.needs_input_grad[0]:
                continue
            slope = above.mul_(1.0 - above).div_(tau)
            by_rank = -share[rows] * rank_pos / rank.square()
            by_rank_pos = share[rows] / rank
            slope_pos = slope[:, positive]
            grad += by_rank @ slope
            grad_top += by_rank_pos @ slope_pos
            grad_top[rows] -= by_rank * slope.sum(dim=1) + by_rank_pos * slope_pos.sum(dim=1)
        grad.index_add_(0, positive, grad_top)
        ctx.save_for_backward(grad)
        return precision

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (slope,) = ctx.saved_tensors
        return grad * slope, None, None, None
