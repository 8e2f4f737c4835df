"""Two levels: weights are fitted to training rows, the loss to what held-out rows say of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import clone
from torch import Tensor

from ..band import default_beta
from ..neural.losses._pauc import PAUCAtBudgetLoss
from ..neural.losses._vector_scaling import binary_losses
from ..neural.training._columns import learn_scaling
from ..neural.training._draws import draws_of
from ..neural.training._module import MLP
from ..neural.training._settings import settings_of
from ..neural.training._support import auto_epochs, build_module, resolve_device
from ._augmentation import partners
from ._goal import Goal, balanced_weights
from ._hypergradient import hypergradient
from ._parameters import Space

__all__ = ["Search", "TensorRows", "lower_loss", "settled", "tune", "upper_loss"]

# Rows that one hypergradient looks at, of each part.
_MOST_ROWS = 16_384
# Of the comparison with the negatives of the band, in standard deviations of the scores.
_TEMPERATURE = 0.25
# Keeps the slope finite where held-out rows are told apart without an error.
_RIDGE = 1e-4
# How sharp the relaxed dropout of features is while its strength is tuned.
_SHARPNESS = 4.0


class TensorRows(NamedTuple):
    """Rows of one part as tensors.

    Attributes
    ----------
    X : Tensor of shape (n_rows, n_features)
    positive : Tensor of shape (n_rows,), dtype=bool
    weight : Tensor of shape (n_rows,)
    unit : Tensor of shape (n_rows,), dtype=int64
        The segment, or the class where there are no segments.
    """

    X: Tensor
    positive: Tensor
    weight: Tensor
    unit: Tensor

    def take(self, rows: NDArray[np.intp]) -> TensorRows:
        """Return some of the rows."""
        index = torch.as_tensor(rows, device=self.X.device)
        return TensorRows(*(column[index] for column in self))


@dataclass(frozen=True)
class Search:
    """How the two levels take turns.

    Attributes
    ----------
    warmup : float
        Share of the steps before the first change of the loss.
    every : int
        Steps of the network between two changes of the loss.
    lr : float
        Step size of the loss's parameters.
    n_terms : int
        Terms of the Neumann series.
    """

    warmup: float = 0.5
    every: int = 5
    lr: float = 0.1
    n_terms: int = 10


def lower_loss(scores: Tensor, rows: TensorRows, space: Space, hyper: Tensor) -> Tensor:
    """Return the training loss with the parameters that a vector stands for."""
    log_weight, margin, log_multiplier, _ = space.parts(hyper)
    if space.n_segments is None:
        share = torch.where(rows.positive, log_weight.exp(), torch.ones_like(log_weight))
        losses = binary_losses(
            scores, rows.positive, log_multiplier.exp(), 1.0, margin, torch.zeros_like(margin)
        )
    else:
        multiplier, margin = log_multiplier.exp()[rows.unit], margin[rows.unit]
        share = log_weight.exp()[rows.unit]
        losses = binary_losses(scores, rows.positive, multiplier, multiplier, margin, margin)
    return (rows.weight * share * losses).sum() / rows.weight.sum()


# --- the upper level ----------------------------------------------------------------------


def upper_loss(scores: Tensor, rows: TensorRows, goal: Goal) -> Tensor:
    """Return a differentiable stand-in for the objective, of held-out rows.

    Coverage becomes the partial AUC up to the budget. The balanced error and that of the worst
    group become cross-entropies with balanced classes, of scores that are calibrated first.
    So a shift of all scores, or another unit, changes nothing.
    """
    if goal.name == "coverage":
        positive = rows.weight[rows.positive].sum().item()
        beta = default_beta(
            goal.budget, positive, rows.weight.sum().item() - positive, widening=1.0
        )
        # The unit of the scores has a gradient too: in a larger one, nothing is better.
        spread = scores.std(unbiased=False).clamp_min(torch.finfo(scores.dtype).tiny)
        loss = PAUCAtBudgetLoss(beta=beta, temperature=_TEMPERATURE, tau_scale=None, queue_size=0)
        found: Tensor = loss(
            (scores - scores.mean()) / spread, rows.positive.long(), sample_weight=rows.weight
        )
        return found
    if goal.name == "cross_entropy":
        losses = binary_losses(scores, rows.positive, 1.0, 1.0, 0.0, 0.0)
        return (rows.weight * losses).sum() / rows.weight.sum()
    positive, weight = rows.positive.cpu().numpy(), rows.weight.double().cpu().numpy()
    share = torch.as_tensor(balanced_weights(positive, weight)).to(scores)
    losses = binary_losses(_calibrated(scores, rows.positive, share), rows.positive, 1, 1, 0, 0)
    if goal.name == "balanced_error":
        return (share * losses).sum()
    of_groups = []
    for number in rows.unit.unique().tolist():
        own = (rows.unit == number).cpu().numpy()
        if weight[own].any():
            group = np.zeros(weight.size)
            group[own] = balanced_weights(positive[own], weight[own])
            of_groups.append((torch.as_tensor(group).to(losses) * losses).sum())
    return torch.stack(of_groups).max()


def _calibrated(scores: Tensor, positive: Tensor, share: Tensor) -> Tensor:
    """Return scores as log-odds: slope and offset make the weighted cross-entropy least.

    The slope and the offset are found by Newton's steps, and one more step has a gradient. At the
    optimum its derivative is that of the optimum.
    """
    spread = scores.std(unbiased=False).clamp_min(torch.finfo(scores.dtype).tiny)
    columns = torch.stack([(scores - scores.mean()) / spread, torch.ones_like(scores)], dim=1)
    target = positive.to(scores.dtype)

    def step(x: Tensor, theta: Tensor) -> Tensor:
        p = torch.sigmoid(x @ theta)
        slope = x.T @ (share * (p - target)) + _RIDGE * theta
        held = x.detach()
        bend = (held * (share * p * (1.0 - p)).detach()[:, None]).T @ held
        bend = bend + _RIDGE * torch.eye(2, dtype=x.dtype, device=x.device)
        change: Tensor = torch.linalg.solve(bend, slope)
        return change

    theta = torch.tensor([1.0, 0.0], dtype=scores.dtype, device=scores.device)
    for _ in range(25):
        change = step(columns.detach(), theta)
        theta = theta - change * (2.0 / change.abs().max().clamp_min(2.0))
        if change.abs().max() < 1e-9:
            break
    return columns @ (theta - step(columns, theta))


# --- the turns ----------------------------------------------------------------------------


def tune(
    network: Any,
    space: Space,
    goal: Goal,
    train: TensorRows,
    held_out: TensorRows,
    search: Search,
    seed: int,
    start: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Return the path of the vector that is tuned, shape (n_changes + 1, n_hyper).

    Parameters
    ----------
    network : PAUCClassifier
        Says how the network is made and trained. One member is trained.
    space : Space
        What is tuned.
    goal : Goal
        For what.
    train, held_out : TensorRows
        The two parts of the rows.
    search : Search
        How the levels take turns.
    seed : int
        Draws weights, batches and augmentations.
    start : ndarray of shape (n_hyper,), default=None
        Where to begin; None for plain cross-entropy.

    Returns
    -------
    path : ndarray
    """
    device = resolve_device(network.device)
    train, held_out = (TensorRows(*(c.to(device) for c in part)) for part in (train, held_out))
    rng = np.random.default_rng(seed)
    single = clone(network).set_params(n_members=1)
    of_module = {
        name.removeprefix("module__"): value
        for name, value in (network.net_params or {}).items()
        if name.startswith("module__")
    }
    with draws_of(single, np.random.RandomState(seed)) as draws:
        scaling = None if single.module is not None else learn_scaling(train.X.cpu().numpy(), None)
        module = build_module(
            single, train.X.shape[1], 1, of_module, draws.weights, scaling=scaling
        ).to(device)
        settings, epochs = settings_of(network), network.max_epochs
        n_batches = max(1, math.ceil(len(train.X) / settings.batch_size))
        if isinstance(epochs, str):
            epochs = auto_epochs(n_batches, settings.least_passes, settings.least_steps)
        n_steps = n_batches * int(epochs)
        first = torch.as_tensor(space.first if start is None else start, dtype=torch.float32)
        hyper = first.to(device).requires_grad_()
        of_weights = torch.optim.AdamW(_decays(network, module), lr=network.lr)
        of_hyper = torch.optim.Adam([hyper], lr=search.lr)
        least, greatest = (torch.as_tensor(ends).to(hyper) for ends in space.limits)
        weights = [weight for weight in module.parameters() if weight.requires_grad]
        path = [hyper.detach().cpu().double().numpy().copy()]

        def lower(rows: TensorRows) -> Tensor:
            X = _augmented(rows, space, hyper, rng, train.X)
            return lower_loss(module(X).reshape(len(X)), rows, space, hyper)

        batches = _batches(train.positive.cpu().numpy(), n_batches, rng)
        n_warm = math.ceil(search.warmup * n_steps)
        for step in range(n_steps):
            module.train()
            of_weights.zero_grad()
            lower(train.take(next(batches))).backward()
            of_weights.step()
            if step < n_warm or (step - n_warm) % search.every != search.every - 1:
                continue
            module.eval()
            rows = held_out.take(_some(len(held_out.X), rng))
            upper = upper_loss(module(rows.X).reshape(len(rows.X)), rows, goal)
            if not upper.requires_grad:
                continue
            module.train()
            inner = lower(train.take(_some(len(train.X), rng)))
            hyper.grad = hypergradient(inner, upper, weights, hyper, n_terms=search.n_terms)
            if not torch.isfinite(hyper.grad).all():
                raise FloatingPointError(
                    "The search of the loss diverged: the network's gradients are not finite. "
                    "Scale the features, or lower lr."
                )
            of_hyper.step()
            with torch.no_grad():
                hyper.clamp_(least, greatest)
            path.append(hyper.detach().cpu().double().numpy().copy())
    return np.array(path)


def settled(path: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of the last quarter of a path, in which single steps cancel out."""
    found: NDArray[np.float64] = path[3 * len(path) // 4 :].mean(axis=0)
    return found


def _decays(network: Any, module: torch.nn.Module) -> list[dict[str, Any]]:
    """Return the weights by their decay, as `PAUCClassifier` decays them."""
    groups: dict[float, list[Tensor]] = {}
    for name, weight in module.named_parameters():
        decay = 0.0 if "bias" in name else float(settings_of(network).weight_decay)
        if isinstance(module, MLP) and name == "weights.0":
            decay = float(settings_of(network).input_decay)
        groups.setdefault(decay, []).append(weight)
    return [{"params": weights, "weight_decay": decay} for decay, weights in groups.items()]


def _batches(
    positive: NDArray[np.bool_], n_batches: int, rng: np.random.Generator
) -> Iterator[NDArray[np.intp]]:
    """Yield batches without end, each with its share of both classes."""
    if n_batches == 1:
        every = np.arange(positive.size)
        while True:
            yield every
    while True:
        classes = [rng.permutation(np.flatnonzero(positive == bool(code))) for code in (0, 1)]
        parts = [np.array_split(rows, n_batches) for rows in classes]
        for negatives, positives in zip(parts[0], parts[1][::-1]):
            yield np.concatenate([negatives, positives])


def _some(n_rows: int, rng: np.random.Generator) -> NDArray[np.intp]:
    if n_rows <= _MOST_ROWS:
        return np.arange(n_rows)
    return np.sort(rng.choice(n_rows, _MOST_ROWS, replace=False))


def _augmented(
    rows: TensorRows, space: Space, hyper: Tensor, rng: np.random.Generator, every: Tensor
) -> Tensor:
    """Return the rows augmented by the strengths, which get a gradient."""
    if not space.augment:
        return rows.X
    X, drawn = rows.X, _drawn(rng, rows.X)
    strengths = torch.sigmoid(space.parts(hyper)[3])
    for kind, of_units in zip(space.augment, strengths):
        strength = of_units[rows.unit][:, None]
        if kind == "mix":
            cell = (2 * rows.unit + rows.positive).cpu().numpy()
            other = torch.as_tensor(partners(cell, rng), device=X.device)
            X = X + strength * drawn(1).rand() * (rows.X[other] - X)
        elif kind == "noise":
            X = X + strength * every.std(dim=0, unbiased=False) * drawn(None).normal()
        else:
            u = drawn(None).rand().clamp(1e-6, 1.0 - 1e-6)
            odds = torch.logit(strength) + torch.logit(u)
            kept = torch.sigmoid(-_SHARPNESS * odds)
            X = every.mean(dim=0) + kept * (X - every.mean(dim=0))
    return X


class _Drawn(NamedTuple):
    rng: np.random.Generator
    like: Tensor
    shape: tuple[int, ...]

    def rand(self) -> Tensor:
        return torch.as_tensor(self.rng.random(self.shape)).to(self.like)

    def normal(self) -> Tensor:
        return torch.as_tensor(self.rng.standard_normal(self.shape)).to(self.like)


def _drawn(rng: np.random.Generator, like: Tensor) -> Callable[[int | None], _Drawn]:
    """Return a source of numbers for each entry, or for so many columns of each row."""
    return lambda columns: _Drawn(rng, like, (len(like), columns or like.shape[1]))
