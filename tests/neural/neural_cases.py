"""Batches, losses and slow references shared by the tests of the torch losses."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F

from skbudget.neural import (
    CriticalRankLoss,
    FocalLoss,
    HardNegativeCrossEntropyLoss,
    NumpyLoss,
    PAUCAtBudgetLoss,
    RankRegLoss,
    RecallAtQuantileLoss,
    SignificanceLoss,
    SmoothAPLoss,
    VectorScalingCrossEntropyLoss,
    VectorScalingSoftmaxLoss,
    WeightedCrossEntropyLoss,
)
from skbudget.objectives import PairwisePAUC

INTERPOLATIONS = ("linear", "lower", "higher", "nearest", "midpoint")

# Every loss, as made for binary targets; the ranking ones without a memory.
RANKING = {
    "pairwise": lambda **p: PAUCAtBudgetLoss(beta=0.3, **{"queue_size": 0, **p}),
    "logistic": lambda **p: PAUCAtBudgetLoss(beta=0.3, link="logistic", **{"queue_size": 0, **p}),
    "upper end": lambda **p: PAUCAtBudgetLoss(
        alpha=0.05, beta=0.4, tau_scale="band", **{"queue_size": 0, **p}
    ),
    "population": lambda **p: PAUCAtBudgetLoss(
        beta=0.4, basis="population", **{"queue_size": 0, **p}
    ),
    "trapezoid": lambda **p: PAUCAtBudgetLoss(
        beta=0.3, surrogate="trapezoid", n_knots=4, **{"queue_size": 0, **p}
    ),
    "smooth AP": lambda **p: SmoothAPLoss(temperature=0.2, **{"queue_size": 0, **p}),
    "recall": lambda **p: RecallAtQuantileLoss(
        budget=0.2, temperature=0.2, **{"queue_size": 0, **p}
    ),
    "critical rank": lambda **p: CriticalRankLoss(power=3, **{"queue_size": 0, **p}),
    "top negatives": lambda **p: CriticalRankLoss(
        side="negatives", link="sigmoid", temperature=0.3, **{"queue_size": 0, **p}
    ),
    "rank penalty": lambda **p: RankRegLoss(**{"queue_size": 0, **p}),
    "rank penalty of repeated rows": lambda **p: RankRegLoss(
        weighted_budget=True, **{"queue_size": 0, **p}
    ),
}
CROSS_ENTROPY = {
    "cross-entropy": WeightedCrossEntropyLoss,
    "balanced": lambda **p: WeightedCrossEntropyLoss("balanced", **p),
    "hard negatives": lambda **p: HardNegativeCrossEntropyLoss(top_fraction=0.2, **p),
    "vector scaling": lambda **p: VectorScalingCrossEntropyLoss(
        3.0,
        neg_weight=0.5,
        pos_multiplier=0.5,
        neg_multiplier=1.5,
        pos_margin=1.0,
        neg_margin=-0.5,
        **p,
    ),
    "softmax": lambda **p: VectorScalingSoftmaxLoss(
        (1.0, 2.0), multiplier=(0.5, 1.5), shift=(0.0, -1.0), margin=(0.5, 0.0), **p
    ),
}
FOCAL = {
    "focal": lambda **p: FocalLoss(alpha=0.25, **p),
    "focal by class": lambda **p: FocalLoss(gamma=1.0, gamma_positive=0.0, **p),
}
NUMPY = {"NumPy": lambda **p: NumpyLoss(PairwisePAUC(beta=0.3, tau_scale="iqr"), **p)}
SIGNIFICANCE = {
    f"significance, {error}": lambda error=error, **p: SignificanceLoss(
        error, **{"regularizer": 0.3, **p}
    )
    for error in ("hinge", "sigmoid", "cross_entropy", "focal")
}
ALL = RANKING | CROSS_ENTROPY | FOCAL | NUMPY | SIGNIFICANCE


class Batch(NamedTuple):
    logits: torch.Tensor
    targets: torch.Tensor
    iid: torch.Tensor | None = None
    weight: torch.Tensor | None = None

    @property
    def numpy(self):
        """What an objective of `skbudget.objectives` is called with."""
        weight = None if self.weight is None else self.weight.numpy()
        iid = None if self.iid is None else self.iid.numpy()
        return (self.targets.numpy(), self.logits.detach().numpy(), weight), {"iid_mask": iid}


def draw_batch(
    seed=0,
    n=120,
    num_classes=1,
    *,
    rate=0.2,
    ties=False,
    masked=False,
    weighted=False,
    ignored=0.0,
    dtype=torch.float64,
):
    """Logits of shape (n,) or (n, num_classes); integer weights, of which some are zero."""
    rng = torch.Generator().manual_seed(seed)

    def uniform(*shape):
        return torch.rand(*shape, generator=rng, dtype=torch.float64)

    shape = (n,) if num_classes == 1 else (n, num_classes)
    logits = torch.randn(*shape, generator=rng, dtype=torch.float64)
    if num_classes == 1:
        targets = (uniform(n) < rate).long()
    else:
        targets = torch.randint(0, num_classes, (n,), generator=rng)
    if ties:
        logits = (2 * logits).round() / 2
    iid = uniform(n) < 0.7 if masked else None
    weight = torch.randint(0, 4, (n,), generator=rng).to(dtype) if weighted else None
    targets = targets.masked_fill(uniform(n) < ignored, -100)
    return Batch(logits.to(dtype), targets, iid, weight)


def call(loss, batch, **kwargs):
    """Call a loss with what it takes of a batch."""
    if isinstance(loss, FocalLoss):
        return loss(batch.logits, batch.targets, sample_weight=batch.weight, **kwargs)
    return loss(batch.logits, batch.targets, batch.iid, sample_weight=batch.weight, **kwargs)


def with_gradient(loss, batch, **kwargs):
    """Loss and gradient by the logits, and what else the loss returns."""
    logits = batch.logits.detach().clone().requires_grad_()
    out = call(loss, batch._replace(logits=logits), **kwargs)
    value, *others = out if isinstance(out, tuple) else (out,)
    (gradient,) = torch.autograd.grad(value, logits)
    return (value.detach(), gradient, *others)


def at_rank(scores, fraction, *, last):
    """The score at rank ceil(f M), or floor(f M) + 1, by sorting."""
    ordered = sorted(scores.tolist(), reverse=True)
    share = fraction * len(ordered)
    rank = -int(-(share - 1e-9) // 1) if last else int((share + 1e-9) // 1) + 1
    return ordered[min(len(ordered), max(1, rank)) - 1]


def dense_pauc(loss, batch) -> dict[str, Any]:
    """PAUCAtBudgetLoss of one batch, unweighted, as its docstring states it."""
    scores, held = batch.logits, batch.logits.detach()
    positive = batch.targets == 1
    iid = torch.ones_like(positive) if batch.iid is None else batch.iid
    reference = iid if loss.basis == "population" else iid & ~positive
    fractions = torch.linspace(loss.alpha, loss.beta, loss.n_knots, dtype=torch.float64).tolist()
    t_alpha = at_rank(held[reference], loss.alpha, last=False)
    knots = [t_alpha, *(at_rank(held[reference], f, last=True) for f in fractions[1:])]
    t_beta = knots[-1]
    spread = 1.0
    if loss.tau_scale == "band":
        spread = t_alpha - t_beta
    elif loss.tau_scale == "iqr":
        negatives = held[iid & ~positive]
        spread = at_rank(negatives, 0.25, last=True) - at_rank(negatives, 0.75, last=True)
    tau = loss.temperature * spread
    if loss.surrogate == "pairwise":
        inside = ~positive & (held >= t_beta)
        if loss.alpha > 0:
            inside &= held <= t_alpha
        x = (scores[inside][None, :] - scores[positive][:, None]) / tau
        of_positive = torch.sigmoid(x).mean(1)
        value = of_positive.mean() if loss.link == "sigmoid" else F.softplus(x).mean()
    else:
        hits = [torch.sigmoid((scores[positive] - t) / tau) for t in knots]
        areas = [(a + b) / 2 for a, b in pairwise(hits)]
        of_positive = 1 - sum(areas) / len(areas)
        value = of_positive.mean()
    return {
        "loss": value,
        "t_alpha": t_alpha,
        "t_beta": t_beta,
        "tau_eff": tau,
        "band_neg_count": int((iid & ~positive & (held >= t_beta) & (held <= t_alpha)).sum()),
        "grad_pos_count": int(positive.sum()),
        "pauc_var": of_positive.detach().var(correction=0),
    }
