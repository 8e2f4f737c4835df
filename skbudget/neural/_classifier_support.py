"""Small decisions around `PAUCClassifier`: defaults, device, module, warnings."""

from __future__ import annotations

import copy
import inspect
import math
import warnings
from typing import Any

import numpy as np
import torch
from torch import nn

from ._module import MLP, Members

__all__ = ["auto_epochs", "build_module", "default_beta", "resolve_device", "warn_of_diagnostics"]

# "auto": fifteen passes, or as many as make this many steps (about those of fifteen
# passes over 150 000 rows), but no more than scikit-learn's own perceptron makes.
_EPOCHS, _STEPS, _MOST_EPOCHS = 15, 500, 200

# Band negatives per positive, at least.
_NEGATIVES_PER_POSITIVE = 1.5

# A band of fewer negatives than this on average is a matter of luck.
_FEW_BAND_NEGATIVES = 5.0


def default_beta(budget: float, positives_per_negative: float) -> float:
    """Return the end of the band for a budget: the budget, unless positives are common.

    Parameters
    ----------
    budget : float
        Review budget, a fraction.
    positives_per_negative : float
        Ratio of the classes.
    """
    return min(1.0, max(budget, _NEGATIVES_PER_POSITIVE * positives_per_negative))


def auto_epochs(n_batches: int) -> int:
    """Return the number of passes over so many batches."""
    return min(_MOST_EPOCHS, max(_EPOCHS, math.ceil(_STEPS / n_batches)))


def resolve_device(device: Any) -> torch.device:
    """Return the device that is meant.

    Raises
    ------
    ValueError
        If torch knows no such device, or does not find it.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(device)
        torch.empty(0, device=found)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ValueError(
            f"device={str(device)!r} is not available: pass 'auto', 'cpu' or a device that torch "
            f"finds here ({error})."
        ) from error
    return found


def build_module(
    estimator: Any, n_features: int, n_outputs: int, module_params: dict[str, Any]
) -> nn.Module:
    """Return the network of an estimator, checked for the width of its output.

    Raises
    ------
    TypeError
        If ``module`` is no module.
    ValueError
        If its output has the wrong shape.
    """
    module, n_members = estimator.module, estimator.n_members
    if module is None:
        return MLP(
            n_features,
            n_outputs,
            tuple(estimator.hidden_layer_sizes),
            estimator.activation,
            n_members,
            **module_params,
        )
    if isinstance(module, nn.Module):
        if module_params:
            raise ValueError(
                "module is an instance, so module__* parameters have no use: got "
                f"{list(module_params)}."
            )
        members = [copy.deepcopy(module) for _ in range(n_members)]
        for member in members[1:]:
            for part in member.modules():
                if hasattr(part, "reset_parameters"):
                    part.reset_parameters()
    elif callable(module):
        offered = {"n_features": n_features, "n_outputs": n_outputs}
        named = inspect.signature(module).parameters
        given = {name: value for name, value in offered.items() if name in named}
        members = [module(**{**given, **module_params}) for _ in range(n_members)]
    else:
        members = [module]
    if not all(isinstance(member, nn.Module) for member in members):
        raise TypeError(
            f"The 'module' parameter of {type(estimator).__name__} must be a torch Module, a class "
            f"or an instance. Got {module!r} instead."
        )
    _check_output(members[0], n_features, n_outputs)
    return Members(members)


def _check_output(member: nn.Module, n_features: int, n_outputs: int) -> None:
    member.eval()
    with torch.no_grad():
        found = tuple(member(torch.zeros(3, n_features)).shape)
    member.train()
    allowed = [(3, n_outputs)] + ([(3,)] if n_outputs == 1 else [])
    if found not in allowed:
        wanted = f"(n_rows, {n_outputs})" + (" or (n_rows,)" if n_outputs == 1 else "")
        raise ValueError(
            f"module returns shape {found} for 3 rows of {n_features} features, but raw scores of "
            f"shape {wanted} are needed: one column for two classes, one per class for more."
        )


def warn_of_diagnostics(estimator: Any) -> None:
    """Warn of a band without negatives, and of steps without positives."""
    found = estimator.diagnostics_
    in_main = found["main_weight"] > 0
    if not in_main.any():
        return
    owner = type(estimator).__name__

    def mean(name: str) -> float:
        values = found[name][in_main]
        return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")

    idle, in_band, positives = mean("idle_share"), mean("band_neg_count"), mean("grad_pos_count")
    if idle > 0.5:
        warnings.warn(
            f"{owner}: {idle:.0%} of the steps of the main phase had no ranking loss (no positive, "
            "no negative, or scores that have collapsed). Raise batch_size or queue_size, or lower "
            "lr.",
            UserWarning,
            stacklevel=4,
        )
        return
    n_rows = estimator.batch_size + estimator.queue_size
    if in_band < _FEW_BAND_NEGATIVES and estimator.beta_ * n_rows < _FEW_BAND_NEGATIVES:
        warnings.warn(
            f"{owner}: the band [{estimator.alpha or 0:g}, {estimator.beta_:g}] held {in_band:.1f} "
            f"negatives a step on average. Raise queue_size (it is {estimator.queue_size}) or "
            f"batch_size ({estimator.batch_size}) to several times 1 / beta, or widen beta.",
            UserWarning,
            stacklevel=4,
        )
    if positives < 1.0:
        warnings.warn(
            f"{owner}: a step saw {positives:.2f} positives on average. Raise batch_size (it is "
            f"{estimator.batch_size}).",
            UserWarning,
            stacklevel=4,
        )
