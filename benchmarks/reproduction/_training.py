"""The training of the publication: a plain loop over a small network.

The estimator of this package, :class:`skbudget.neural.PAUCClassifier`, is trained
through skorch and has its own defaults. The loops of this module follow the published
protocol step by step, with the losses of this package.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, TensorDataset

from skbudget.datasets._roles import DECOY, POSITIVE
from skbudget.datasets._transformer import EASY_FEATURES

from ._data import Rows
from ._recipes import Recipe, Scale

__all__ = ["gradient_mass", "penultimate", "score", "train"]

WARMUP, BLEND = 0.30, 0.15
"""Shares of the steps: cross-entropy alone, and the transition to the other loss."""

TEMPERATURES = {"pauc": (0.5, 0.1), "smoothap": (0.1, 0.01)}
"""Temperatures at the end of the warm-up and at the end of training."""

SCORED_ROWS = 65_536


class _EasyMean(nn.Module):
    """Ranks by the mean of the standardised features that have the easy signal."""

    def __init__(self, X: Tensor) -> None:
        super().__init__()
        self.mean: Tensor
        self.scale: Tensor
        self.register_buffer("mean", X.mean(0))
        self.register_buffer("scale", X.std(0).clamp_min(1e-8))

    def forward(self, X: Tensor) -> Tensor:
        standard = (X - self.mean) / self.scale
        return standard[:, list(EASY_FEATURES)].mean(dim=1, keepdim=True)


def _network(n_features: int, hidden: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(n_features, hidden),
        nn.ReLU(),
        nn.Linear(hidden, hidden),
        nn.ReLU(),
        nn.Linear(hidden, 1),
    )


def _batch_size(recipe: Recipe, scale: Scale) -> int:
    return max(1, scale.batch_size // recipe.batch_divisor)


def _epochs_of_batches(recipe: Recipe, n: int, seed: int, scale: Scale) -> Iterator[list[Tensor]]:
    """Yield the batches of each epoch as row numbers."""
    size = _batch_size(recipe, scale)
    if recipe.batches == "reshuffled":
        for epoch in range(scale.epochs):
            generator = torch.Generator().manual_seed(seed + epoch)
            yield list(torch.randperm(n, generator=generator).split(size))
        return
    # The order is that of torch's own loader, which draws more than the order from its generator.
    rows = TensorDataset(torch.arange(n))
    generator = torch.Generator().manual_seed(seed)
    for _ in range(scale.epochs):
        if recipe.batches == "repeated":
            generator = torch.Generator().manual_seed(seed)
        order = BatchSampler(RandomSampler(rows, generator=generator), size, drop_last=False)
        loader = DataLoader(rows, batch_size=None, sampler=order, generator=generator)
        yield [index for (index,) in loader]


def _class_ratio(y: Tensor) -> float:
    n_positives = float(y.sum())
    return (y.numel() - n_positives) / max(1.0, n_positives)


def _fit_cross_entropy(
    model: nn.Module, X: Tensor, y: Tensor, rows: Rows, seed: int, recipe: Recipe, scale: Scale
) -> None:
    ratio = _class_ratio(y)
    weights = np.ones(len(rows.y), dtype=np.float32)
    weights[rows.roles == DECOY] = recipe.decoy_weight
    weights[rows.y == 1] = ratio
    weight = torch.from_numpy(weights)[:, None]
    optimizer = torch.optim.Adam(model.parameters(), lr=scale.learning_rate)
    for batches in _epochs_of_batches(recipe, len(y), seed, scale):
        if recipe.mined_share > 0:
            scores = score(model, rows.X)
            negative = rows.y != 1
            floor = np.quantile(scores[negative], 1.0 - recipe.mined_share)
            mined = weights.copy()
            mined[negative & (scores >= floor)] = recipe.mined_weight
            weight = torch.from_numpy(mined)[:, None]
        for index in batches:
            optimizer.zero_grad()
            loss = binary_cross_entropy_with_logits(model(X[index]), y[index], weight=weight[index])
            loss.backward()
            optimizer.step()


def _ranking_loss(recipe: Recipe, queue_size: int) -> nn.Module:
    from skbudget.neural import PAUCAtBudgetLoss, SmoothAPLoss

    if recipe.loss == "smoothap":
        return SmoothAPLoss(num_classes=1, queue_size=queue_size)
    low, high = recipe.band
    return PAUCAtBudgetLoss(
        num_classes=1,
        alpha=low * recipe.budget,
        beta=high * recipe.budget,
        surrogate=recipe.surrogate,
        tau_scale="iqr",
        pos_numerator=recipe.pos_numerator,
        queue_size=queue_size,
        quantile_interpolation="higher",
    )


def _fit_ranking(
    model: nn.Module, X: Tensor, y: Tensor, seed: int, recipe: Recipe, scale: Scale
) -> None:
    from skbudget.neural import LossWarmup

    n_steps = scale.epochs * -(-len(y) // _batch_size(recipe, scale))
    warmup_steps = int(WARMUP * n_steps)
    hot, cold = TEMPERATURES[recipe.loss]
    loss_function = LossWarmup(
        nn.BCEWithLogitsLoss(pos_weight=torch.tensor([_class_ratio(y)])),
        _ranking_loss(recipe, recipe.queue_factor * scale.queue_size),
        warmup_steps=warmup_steps,
        blend_steps=int(BLEND * n_steps),
        temperature_start=hot,
        temperature_end=cold,
        temperature_decay_steps=max(1, n_steps - warmup_steps),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=scale.learning_rate)
    step = 0
    for epoch, batches in enumerate(_epochs_of_batches(recipe, len(y), seed, scale)):
        loss_function.on_train_epoch_start(epoch)
        for index in batches:
            loss_function.on_train_batch_start(step)
            step += 1
            try:
                loss = loss_function(model(X[index]), y[index])
            except FloatingPointError:
                # The network has diverged, and its coverage will say so.
                return
            optimizer.zero_grad()
            if torch.isfinite(loss):
                loss.backward()
                optimizer.step()


def train(recipe: Recipe, rows: Rows, seed: int, scale: Scale) -> Any:
    """Train a network, or the estimator.

    Parameters
    ----------
    recipe : Recipe
        How to train.
    rows : Rows
        Rows to train on.
    seed : int
        Seed of the weights and of the order of the rows.
    scale : Scale
        Size of the network and number of training steps.

    Returns
    -------
    model : torch.nn.Module or PAUCClassifier
        A module returns logits of shape (n_samples, 1).
    """
    if recipe.loss == "estimator":
        from skbudget.neural import PAUCClassifier

        estimator = PAUCClassifier(
            budget=recipe.budget, random_state=seed, device="cpu", **dict(recipe.options)
        )
        return estimator.fit(rows.X, rows.y)
    X = torch.from_numpy(rows.X)
    if recipe.loss == "trivial":
        return _EasyMean(X)
    y = torch.from_numpy(rows.y.astype(np.float32))[:, None]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = _network(X.shape[1], scale.hidden)
        if recipe.loss == "ce":
            _fit_cross_entropy(model, X, y, rows, seed, recipe, scale)
        else:
            _fit_ranking(model, X, y, seed, recipe, scale)
    return model


def _outputs(model: nn.Module, X: NDArray[np.float32]) -> NDArray[np.float32]:
    with torch.no_grad():
        parts = [model(part) for part in torch.from_numpy(X).split(SCORED_ROWS)]
    return torch.cat(parts).numpy()


def score(model: Any, X: NDArray[np.float32]) -> NDArray[np.floating]:
    """Return the raw scores of rows, an array of shape (n_samples,)."""
    if not isinstance(model, nn.Module):
        return model.decision_function(X)
    return _outputs(model, X)[:, 0]


def penultimate(model: nn.Module, X: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the inputs of the last layer, one row for each row of `X`."""
    if not isinstance(model, nn.Sequential):
        raise TypeError(f"A {type(model).__name__} has no hidden layers to look into.")
    return _outputs(model[:-1], X)


def gradient_mass(model: nn.Module, rows: Rows, recipe: Recipe) -> dict[str, float]:
    """Return the share of the negatives' gradient that belongs to decoys.

    Parameters
    ----------
    model : torch.nn.Module
        The gradients are taken at the logits of this model.
    rows : Rows
        Rows, which form one batch.
    recipe : Recipe
        Settings of the partial AUC.

    Returns
    -------
    share : dict of str to float
        The share for weighted cross-entropy (``"ce"``) and for the partial AUC
        (``"pauc"``), both at the same logits. Gradients are summed by absolute value.
    """
    logits = torch.from_numpy(score(model, rows.X))[:, None]
    y = torch.from_numpy(rows.y.astype(np.float32))[:, None]
    negative, decoy = rows.roles != POSITIVE, rows.roles == DECOY

    def share(loss_function: Any) -> float:
        at = logits.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(loss_function(at), at)
        mass = gradient[:, 0].abs().numpy().astype(np.float64)
        total = float(mass[negative].sum())
        return float(mass[decoy].sum()) / total if total > 0 else 0.0

    cross_entropy = nn.BCEWithLogitsLoss(pos_weight=torch.tensor([_class_ratio(y)]))
    partial_auc = _ranking_loss(recipe, queue_size=0)
    return {
        "ce": share(lambda at: cross_entropy(at, y)),
        "pauc": share(lambda at: partial_auc(at, y)),
    }
