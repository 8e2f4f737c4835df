"""Sums over positive x negative pairs whose gradient is found on the way.

The derivative of a pair's loss is a by-product of its value, so both are summed
in one pass over blocks of pairs: no matrix of all pairs is kept for the backward
pass, and memory does not grow with the pool.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

__all__ = ["mean_pair_loss", "smooth_precision"]

Link = Literal["sigmoid", "logistic"]

# Pairs formed at a time: a few megabytes, within a CPU's cache and enough for a GPU.
_BLOCK = 1 << 20


def mean_pair_loss(
    positives: Tensor,
    negatives: Tensor,
    tau: Tensor,
    link: Link = "sigmoid",
    pos_weight: Tensor | None = None,
    neg_weight: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the mean loss of all pairs, and each positive's own mean.

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
    per_positive : Tensor of shape (n_positives,)
        Unweighted mean over the negatives; without gradient.
    """
    loss, per_positive = _MeanPairLoss.apply(
        positives, negatives, tau, link, pos_weight, neg_weight
    )
    return loss, per_positive


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
        n_pos, n_neg = positives.numel(), negatives.numel()
        p = None if pos_weight is None else pos_weight / pos_weight.sum()
        q = None if neg_weight is None else neg_weight / neg_weight.sum()
        row_mean = torch.empty_like(positives)
        row_loss = row_mean if q is None else torch.empty_like(positives)
        grad_pos, grad_neg = torch.empty_like(positives), torch.zeros_like(negatives)
        wanted = any(ctx.needs_input_grad[:2])
        for rows in _blocks(n_pos, n_neg):
            x = torch.sub(negatives[None, :], positives[rows, None]).div_(tau)
            slope = torch.sigmoid(x)
            pair = slope if link == "sigmoid" else F.softplus(x)
            row_mean[rows] = pair.mean(dim=1)
            if q is not None:
                row_loss[rows] = pair @ q
            if not wanted:
                continue
            if link == "sigmoid":
                slope = slope * (1.0 - slope)
            share = 1.0 / n_pos if p is None else p[rows]
            grad_pos[rows] = slope.mean(dim=1) if q is None else slope @ q
            grad_neg += slope.sum(dim=0) * share if p is None else share @ slope
        ctx.save_for_backward(
            *_scaled(grad_pos, grad_neg, 1.0 / n_pos if p is None else p, q, n_neg, tau)
        )
        loss = row_loss.mean() if p is None else p @ row_loss
        ctx.mark_non_differentiable(row_mean)
        return loss, row_mean

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        grad_pos, grad_neg = ctx.saved_tensors
        return grad * grad_pos, grad * grad_neg, None, None, None, None


def _scaled(
    grad_pos: Tensor,
    grad_neg: Tensor,
    p: Tensor | float,
    q: Tensor | None,
    n_neg: int,
    tau: Tensor,
) -> tuple[Tensor, Tensor]:
    """Turn sums of slopes into derivatives of the mean loss."""
    return -grad_pos * p / tau, grad_neg * (1.0 / n_neg if q is None else q) / tau


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
