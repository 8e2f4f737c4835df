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
from ._columns import Pieces, Scaler, Scaling, learn_pieces, learn_scaling
from ._criterion import Declaration, band_of, find_loss_of, make_criterion
from ._draws import Draws
from ._focus import Focus, FocusedBatches, n_focused
from ._head_losses import add_heads, begin_heads_at_start, head_sizes
from ._module import MLP, EncodedMLP, SharedScore
from ._net import BestEpoch, Clock, Diagnostics, Progress, RankingNet
from ._regularizer import add_regularizer
from ._rows import BalancedBatches, Batches, GroupBatches, TableDataset
from ._settings import Settings, settings_of
from ._start import begin_at_start
from ._support import (
    auto_epochs,
    build_module,
    mean_coverage,
    resolve_device,
    warn_of_diagnostics,
    warn_of_interruption,
)

__all__ = ["continue_from", "learn_late_columns", "new_net", "train"]

# How many times the step of the network that of learnt weights of heads is.
_LR_OF_WEIGHTS = 10.0

# How many times it that of the weights of pieces is.
_LR_OF_PIECES = 10.0


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
    settings = settings_of(estimator)
    batches, n_negatives = _batches_of(estimator, loss, rows)
    n_batches = len(batches(rows, settings.batch_size, rng, **n_negatives))
    epochs = estimator.max_epochs
    epochs = int(
        auto_epochs(n_batches, settings.least_passes, settings.least_steps)
        if epochs == "auto"
        else epochs
    )
    of_net = dict(estimator.net_params or {})
    of_module = {
        name.removeprefix("module__"): of_net.pop(name)
        for name in list(of_net)
        if name.startswith("module__")
    }
    # In front of the user's callbacks, which may look at what these record.
    callbacks = [("best_epoch", BestEpoch()), Clock(), Diagnostics()]
    callbacks += [Focus()] if n_negatives else []
    callbacks += list(of_net.pop("callbacks", None) or [])
    if estimator.verbose:
        callbacks.append(Progress())
    n_labels = 0 if loss.target == "real" else len(estimator.classes_)
    n_main = loss.n_outputs(n_labels)
    module = build_module(
        estimator,
        estimator.n_features_in_,
        1 if loss.shares_score else n_main,
        of_module,
        draws.weights,
        head_sizes(estimator, loss),
        *_columns_of(estimator, rows),
    )
    if loss.shares_score:
        module = SharedScore(module, n_main, settings.n_members)
    begin_at_start(module, find_loss_of(estimator), rows)
    begin_heads_at_start(module, estimator, loss, rows)
    main = make_criterion(estimator, loss, rows, n_batches, epochs * n_batches, add_regularizer)
    net = RankingNet(
        module,
        criterion=add_heads(estimator, loss, main, rows, n_batches, n_main),
        max_epochs=epochs,
        batch_size=settings.batch_size,
        lr=estimator.lr,
        iterator_train=batches,
        iterator_train__random_state=rng,
        **{f"iterator_train__{name}": number for name, number in n_negatives.items()},
        iterator_valid=Batches,
        train_split=None,
        device=resolve_device(estimator.device),
        callbacks=callbacks,
        verbose=int(estimator.verbose >= 2),
        **{**_optimizer_params(estimator, of_net), **of_net},
    )
    return net.initialize()


def _batches_of(
    estimator: Any, loss: Declaration, rows: TableDataset
) -> tuple[Any, dict[str, int]]:
    """Return the class of the batches, and how many negatives they have in a pass, if not all."""
    if "group" in rows.about:
        return GroupBatches, {}
    settings = settings_of(estimator)
    if settings.encoding is None or not loss.is_own or len(estimator.classes_) != 2:
        return BalancedBatches, {}
    if estimator.heads or estimator.regularizer is not None:
        # These learn of rows that are far from the band, too.
        return BalancedBatches, {}
    n_negatives, n_positives = np.bincount(rows.about["y"].numpy(), minlength=2).tolist()
    beta = band_of(estimator, rows)[1]
    n_kept = n_focused(beta, n_negatives, n_positives, settings.batch_size)
    if not n_kept:
        return BalancedBatches, {}
    rows.about.setdefault("weight", torch.ones(len(rows)))
    return FocusedBatches, {"n_negatives": n_kept}


def _columns_of(estimator: Any, rows: TableDataset) -> tuple[Scaling | None, Pieces | None]:
    """Return the scale of the columns for our own network, and their pieces if it encodes them."""
    if estimator.module is not None:
        return None, None
    found = _columns_before(estimator)
    if found is not None:
        return found
    X = rows.X.numpy() if isinstance(rows.X, torch.Tensor) else rows.X
    weight = rows.about.get("weight")
    weights = None if weight is None else weight.double().numpy()
    if "iid_mask" in rows.about:
        # Rows that were added do not move the scale.
        mask = rows.about["iid_mask"].numpy().astype(np.float64)
        weights = mask if weights is None or not (mask * weights).any() else mask * weights
    scaling = learn_scaling(X, weights)
    if settings_of(estimator).encoding is None:
        return scaling, None
    return scaling, learn_pieces(scaling.apply(X), weights)


def _columns_before(estimator: Any) -> tuple[Scaling, Pieces | None] | None:
    """Return scale and pieces of the network that a warm start goes on from; None without one."""
    before = getattr(estimator, "net_", None) if estimator.warm_start else None
    module = None if before is None else before.module_
    while isinstance(module, SharedScore):
        module = module.network
    if not isinstance(module, MLP) or module.scaling is None:
        return None
    if module.scaling.size.numel() != estimator.n_features_in_:
        return None
    scale = module.scaling
    scaling = Scaling(
        *(part.numpy(force=True).copy() for part in (scale.shift, scale.size, scale.varied))
    )
    encoded = settings_of(estimator).encoding is not None
    if encoded != isinstance(module, EncodedMLP):
        return None
    return scaling, module.pieces() if isinstance(module, EncodedMLP) else None


def learn_late_columns(module: torch.nn.Module, X: Any, weight: NDArray | None) -> None:
    """Let our own network learn the scale of columns that vary for the first time."""
    for part in module.modules():
        if isinstance(part, Scaler):
            part.learn_late(X, weight)


def _optimizer_params(estimator: Any, of_net: Mapping[str, Any]) -> dict[str, Any]:
    """Return AdamW with our decays, unless the user has an optimizer of their own."""
    if "optimizer" in of_net:
        return {}
    settings = settings_of(estimator)
    groups: list[tuple[str, dict[str, Any]]] = [("*bias*", {"weight_decay": 0.0})]
    if estimator.module is None and settings.encoding is None:
        groups.append(("*weights.0", {"weight_decay": settings.input_decay}))
    elif estimator.module is None:
        # A step between two values of a column is the difference of two weights out of many, and
        # has a longer way to go than a weight that all rows have a part in.
        of_pieces = {
            "weight_decay": settings.input_decay / _LR_OF_PIECES,
            "lr": _LR_OF_PIECES * estimator.lr,
        }
        groups.append(("*encoding", of_pieces))
    if estimator.heads and estimator.head_weighting == "uncertainty":
        # They have a long way to go, and no decay: it would favour losses around one half.
        groups.append(("log_variances", {"weight_decay": 0.0, "lr": _LR_OF_WEIGHTS * estimator.lr}))
    return {
        "optimizer": torch.optim.AdamW,
        "optimizer__weight_decay": settings.weight_decay,
        "optimizer__param_groups": groups,
    }


def continue_from(
    estimator: Any,
    net: RankingNet,
    weights: Mapping[str, Any],
    classes: NDArray | None,
    settings: Settings,
) -> None:
    """Start from the weights of an earlier call to `fit`.

    Its classes are given by role, and what its network was like.

    Raises
    ------
    ValueError
        If the classes or the shape of the network have changed.
    """
    now = None
    if isinstance(getattr(estimator, "classes_", None), np.ndarray):
        now = classes_by_role(estimator)
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
        now_like, before_like = settings_of(estimator)._asdict(), settings._asdict()
        changed = [
            f"{name} was {before_like[name]!r} and is {now_like[name]!r}"
            for name in ("encoding", "hidden_layer_sizes", "n_members")
            if str(before_like[name]) != str(now_like[name])
        ]
        raise ValueError(
            "warm_start=True needs a network of the same shape as in the previous call: "
            f"{', '.join(changed) or error}"
        ) from error


def _listed(classes: NDArray | None) -> Any:
    if classes is None:
        return "none (a real target, or several labels)"
    return np.sort(classes).tolist()


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
    n_labels = 0 if loss.target == "real" else len(estimator.classes_)
    best = dict(net.callbacks_)["best_epoch"]
    best.set_params(score=None, patience=estimator.n_iter_no_change, start=0)
    if estimator.early_stopping and held is not None:
        best.score = partial(mean_coverage, rows=held, budget=estimator.budget, n_classes=n_labels)
        if loss.has_warmup:
            best.start = math.ceil((estimator.warmup + estimator.blend) * net.max_epochs)
    every = getattr(net.criterion_, "all_losses", [net.criterion_.main_loss])
    for losses in every:
        losses.draw_from(draws.rows)
    try:
        net.partial_fit(rows, None)
    finally:
        best.score = None  # it holds rows
        rows.hardest = None
        for losses in every:
            losses.draw_from(None)
            losses.end_step()
            # The rows of a later call have numbers of their own.
            losses.forget_rows()
    calibration, estimator._levels = Calibration.none(loss.n_outputs(n_labels)), None
    if estimator._calibrates and loss.target == "ordinal":
        estimator._levels = calibrate_levels(net, rows, held, n_labels, loss)
    elif estimator._calibrates:
        calibration = Calibration.fit(net, rows, held, n_labels)
    elif loss.has_classes and n_labels == 2 and not loss.has_labels:
        calibration = Calibration.none(1)
    estimator._calibration = calibration
    estimator._thresholds = None
    if loss.target == "ordinal" and loss.margins == "one":
        estimator._thresholds = level_thresholds(net, rows, n_labels)
    estimator._head_sizes = head_sizes(estimator, loss)
    estimator._loss_needs = loss
    estimator.net_ = net
    estimator.n_iter_ = len(net.history)
    if best.interrupted_:
        warn_of_interruption(best, net.max_epochs)
    warn_of_diagnostics(estimator)
