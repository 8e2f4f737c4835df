"""Making a net for an estimator, and training it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..._utils.labels import classes_by_role
from ._calibration import Calibration, calibrate_levels, level_thresholds
from ._criterion import Declaration, find_loss_of, make_criterion
from ._draws import Draws
from ._module import SharedScore
from ._net import BestEpoch, Clock, Diagnostics, Progress, RankingNet
from ._regularizer import add_regularizer
from ._rows import BalancedBatches, Batches, GroupBatches, TableDataset
from ._start import begin_at_start
from ._support import (
    auto_epochs,
    build_module,
    mean_coverage,
    resolve_device,
    warn_of_diagnostics,
    warn_of_interruption,
)

__all__ = ["continue_from", "new_net", "train"]


def new_net(
    estimator: Any,
    loss: Declaration,
    rows: TableDataset,
    rng: np.random.RandomState,
    draws: Draws,
) -> RankingNet:
    """Return a net for the rows that it will be trained on.

    Parameters
    ----------
    estimator : PAUCClassifier
        The estimator, which knows its features and classes.
    loss : Declaration
        What its loss needs.
    rows : TableDataset
        The rows.
    rng : RandomState
        Draws the batches.
    draws : Draws
        Draws the weights.

    Returns
    -------
    net : RankingNet
        Initialized.
    """
    batches = GroupBatches if "group" in rows.about else BalancedBatches
    n_batches = len(batches(rows, estimator.batch_size, rng))
    epochs = estimator.max_epochs
    epochs = auto_epochs(n_batches) if epochs == "auto" else int(epochs)
    of_net = dict(estimator.net_params or {})
    of_module = {
        name.removeprefix("module__"): of_net.pop(name)
        for name in list(of_net)
        if name.startswith("module__")
    }
    # In front of the user's callbacks, which may look at what these record.
    callbacks = [("best_epoch", BestEpoch()), Clock(), Diagnostics()]
    callbacks += list(of_net.pop("callbacks", None) or [])
    if estimator.verbose:
        callbacks.append(Progress())
    n_labels = 0 if loss.target == "real" else estimator.classes_.size
    n_outputs = loss.n_outputs(n_labels)
    n_scores = 1 if loss.shares_score else n_outputs
    module = build_module(estimator, estimator.n_features_in_, n_scores, of_module, draws.weights)
    if loss.shares_score:
        module = SharedScore(module, n_outputs, estimator.n_members)
    begin_at_start(module, find_loss_of(estimator), rows)
    net = RankingNet(
        module,
        criterion=make_criterion(
            estimator, loss, rows, n_batches, epochs * n_batches, add_regularizer
        ),
        max_epochs=epochs,
        batch_size=estimator.batch_size,
        lr=estimator.lr,
        iterator_train=batches,
        iterator_train__random_state=rng,
        iterator_valid=Batches,
        train_split=None,
        device=resolve_device(estimator.device),
        callbacks=callbacks,
        verbose=int(estimator.verbose >= 2),
        **{**_optimizer_params(estimator, of_net), **of_net},
    )
    return net.initialize()


def _optimizer_params(estimator: Any, of_net: Mapping[str, Any]) -> dict[str, Any]:
    """Return AdamW with our decays, unless the user has an optimizer of their own."""
    if "optimizer" in of_net:
        return {}
    groups = [("*bias*", {"weight_decay": 0.0})]
    if estimator.module is None:
        groups.append(("*weights.0", {"weight_decay": estimator.input_decay}))
    return {
        "optimizer": torch.optim.AdamW,
        "optimizer__weight_decay": estimator.weight_decay,
        "optimizer__param_groups": groups,
    }


def continue_from(
    estimator: Any, net: RankingNet, weights: Mapping[str, Any], classes: NDArray | None
) -> None:
    """Start from the weights of an earlier call to `fit`, whose classes are given by role.

    Raises
    ------
    ValueError
        If the classes or the shape of the network have changed.
    """
    now = classes_by_role(estimator) if hasattr(estimator, "classes_") else None
    if (
        classes is not None
        and now is not None
        and set(classes) == set(now)
        and classes[1] != now[1]
    ):
        raise ValueError(
            "warm_start=True needs the positive class of the previous call: pass "
            f"pos_label={classes.tolist()[1]!r}."
        )
    if _listed(classes) != _listed(now):
        raise ValueError(
            "warm_start=True needs the classes of the previous call: they were "
            f"{_listed(classes)}, and y has {_listed(now)}."
        )
    try:
        net.module_.load_state_dict(weights)
    except RuntimeError as error:
        raise ValueError(
            f"warm_start=True needs a network of the same shape as in the previous call: {error}"
        ) from error


def _listed(classes: NDArray | None) -> Any:
    return "none (a real target)" if classes is None else np.sort(classes).tolist()


def train(
    estimator: Any,
    loss: Declaration,
    net: RankingNet,
    rows: TableDataset,
    held: TableDataset | None,
    draws: Draws,
) -> None:
    """Train a net; the estimator takes it over once it has been trained and calibrated.

    Parameters
    ----------
    estimator : PAUCClassifier
        The estimator.
    loss : Declaration
        What its loss needs.
    net : RankingNet
        The net.
    rows : TableDataset
        The rows to train on.
    held : TableDataset or None
        Rows that are held out.
    draws : Draws
        Draws the rows that a loss compares, where there are too many.
    """
    n_labels = 0 if loss.target == "real" else estimator.classes_.size
    best = dict(net.callbacks_)["best_epoch"]
    best.set_params(score=None, patience=estimator.n_iter_no_change, start=0)
    if estimator.early_stopping and held is not None:
        best.score = partial(mean_coverage, rows=held, budget=estimator.budget, n_classes=n_labels)
        if loss.has_warmup:
            best.start = math.ceil((estimator.warmup + estimator.blend) * net.max_epochs)
    losses = net.criterion_.main_loss
    losses.draw_from(draws.rows)
    try:
        net.partial_fit(rows, None)
    finally:
        best.score = None  # it holds rows
        losses.draw_from(None)
        losses.end_step()
        # The rows of a later call have numbers of their own.
        losses.forget_rows()
    calibration, estimator._levels = Calibration.none(loss.n_outputs(n_labels)), None
    if estimator._calibrates and loss.target == "ordinal":
        estimator._levels = calibrate_levels(net, rows, held, n_labels, loss)
    elif estimator._calibrates:
        calibration = Calibration.fit(net, rows, held, n_labels)
    elif loss.has_classes and n_labels == 2:
        calibration = Calibration.none(1)
    estimator._calibration = calibration
    estimator._thresholds = None
    if loss.target == "ordinal" and loss.margins == "one":
        estimator._thresholds = level_thresholds(net, rows, n_labels)
    estimator._loss_needs = loss
    estimator.net_ = net
    estimator.n_iter_ = len(net.history)
    if best.interrupted_:
        warn_of_interruption(best, net.max_epochs)
    warn_of_diagnostics(estimator)
