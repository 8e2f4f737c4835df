"""Checks of what a loss is made with, and of the tensors that it is called with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Integral
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..._utils.validation import _invalid, check_positive

__all__ = [
    "check_class_weights",
    "check_finite",
    "check_flag",
    "check_ignore_index",
    "check_magnitude",
    "check_mask",
    "check_rows",
    "check_targets",
    "check_tensor",
    "check_weight",
    "check_weight_values",
    "working_precision",
]


# --- what a loss is made with --------------------------------------------------------------


def check_flag(value: Any, name: str, owner: str, *, or_none: bool = False) -> Any:
    """Return ``value`` if it is True or False (or None)."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if or_none and value is None:
        return None
    raise _invalid(name, value, owner, "True, False or None" if or_none else "True or False")


def check_ignore_index(value: Any, owner: str) -> int:
    """Return ``value`` if it is an integer, which marks padding among the targets."""
    if isinstance(value, Integral) and not isinstance(value, bool | np.timedelta64):
        index = int(value)
        if -(2**63) <= index < 2**63:
            return index
    raise _invalid("ignore_index", value, owner, "an int of 64 bits")


# Single precision ends at 38 powers of ten, up and down, and factors are multiplied.
_LEAST, _MOST = 1e-20, 1e20


def check_magnitude(value: Any, name: str, owner: str) -> float:
    """Return a positive number that single precision can go on with."""
    number = check_positive(value, name, owner)
    if not _LEAST <= number <= _MOST:
        raise _invalid(name, value, owner, f"a float in the range [{_LEAST:g}, {_MOST:g}]")
    return number


def check_class_weights(value: Any, name: str, owner: str, where: str = "") -> Tensor:
    """Return one weight per class, finite, at least 0 and not all of them 0, as float32."""
    weights = None
    if not isinstance(value, str | bytes | bool):
        try:
            weights = torch.as_tensor(value)
        except (TypeError, ValueError, RuntimeError):
            weights = None
    if weights is not None and weights.dtype != torch.bool and not weights.is_complex():
        weights = weights.detach().float()
        if (
            weights.ndim == 1
            and bool((torch.isfinite(weights) & (weights >= 0)).all())
            and bool(weights.any())
        ):
            return weights
    allowed = f"one weight per class, finite, at least 0 and not all of them 0{where}"
    raise _invalid(name, value, owner, allowed)


# --- what it is called with -----------------------------------------------------------------


def check_finite(logits: Tensor, owner: str) -> None:
    """Raise if logits are NaN or infinite, and say in how many rows.

    Parameters
    ----------
    logits : Tensor of shape (n_rows, ...)
        Without padding, which may hold anything.
    owner : str
        Name of the loss.

    Raises
    ------
    FloatingPointError
        Naming the number of rows.
    """
    # One question to the device, where all is well.
    finite = torch.isfinite(logits.detach())
    if bool(finite.all()):
        return
    n_rows = logits.shape[0]
    n_wrong = int((~finite).reshape(n_rows, -1).any(dim=1).sum())
    raise FloatingPointError(
        f"{owner} was handed logits that are NaN or infinite in {n_wrong} of {n_rows} rows: the "
        "network diverged. Lower lr, or scale the features (StandardScaler). The loss remembers "
        "nothing of such a batch: where mixed precision overflows now and then, catch the "
        "FloatingPointError and skip the batch."
    )


def check_tensor(value: Any, name: str) -> Tensor:
    """Return a dense tensor of real numbers."""
    if not isinstance(value, Tensor):
        raise TypeError(
            f"{name} must be a torch Tensor. Got {type(value).__name__} instead: pass "
            f"torch.as_tensor({name})."
        )
    if value.layout != torch.strided:
        raise ValueError(f"{name} must be a dense tensor: pass {name}.to_dense().")
    if value.is_complex() or value.is_quantized:
        raise ValueError(f"{name} must hold real numbers: got {value.dtype}.")
    return value


@contextmanager
def working_precision(logits: Tensor) -> Iterator[Tensor]:
    """Yield the logits in float32 or float64, with autocast switched off."""
    check_tensor(logits, "logits")
    with torch.autocast(device_type=logits.device.type, enabled=False):
        yield logits if logits.dtype == torch.float64 else logits.float()


def check_rows(logits: Tensor, targets: Tensor, num_classes: int) -> tuple[Tensor, Tensor]:
    """Return logits of shape (n_rows, num_classes) and targets of shape (n_rows,)."""
    check_tensor(targets, "targets")
    if logits.ndim == 1 and num_classes == 1:
        logits = logits[:, None]
    if logits.ndim != 2 or logits.shape[1] != num_classes:
        hint = ""
        if logits.ndim in (1, 2):
            hint = f" A loss made with num_classes={num_classes} takes one column per class."
        raise ValueError(
            f"logits must have shape (n_rows, {num_classes}): got {tuple(logits.shape)}.{hint}"
        )
    if targets.ndim == 2 and targets.shape[1] == 1:
        targets = targets[:, 0]
    if targets.shape != logits.shape[:1]:
        raise ValueError(
            f"targets must have shape ({logits.shape[0]},), as logits have: "
            f"got {tuple(targets.shape)}."
        )
    targets = targets.detach()
    return logits, targets if targets.is_floating_point() else targets.long()


def check_targets(targets: Tensor, num_classes: int) -> None:
    """Raise unless the targets are 0 and 1, or indices of the classes."""
    last = max(1, num_classes - 1)
    wrong = targets[(targets < 0) | (targets > last) | (targets != targets.floor())]
    if wrong.numel():
        allowed = "0 or 1" if num_classes == 1 else f"class indices from 0 to {last}"
        raise ValueError(f"targets must be {allowed}: got {wrong[:5].tolist()}.")


def check_mask(mask: Tensor | None, name: str, targets: Tensor) -> Tensor | None:
    """Return a mask of shape (n_rows,), dtype=bool."""
    if mask is None:
        return None
    check_tensor(mask, name)
    if mask.ndim == 2 and mask.shape[1] == 1:
        mask = mask[:, 0]
    if mask.shape != targets.shape:
        raise ValueError(
            f"{name} must have shape {tuple(targets.shape)}, as targets have: "
            f"got {tuple(mask.shape)}."
        )
    mask = mask.detach()
    if mask.dtype != torch.bool:
        wrong = mask[(mask != 0) & (mask != 1)]
        if wrong.numel():
            raise ValueError(f"{name} must be True and False: got {wrong[:5].tolist()}.")
    return mask.bool()


def check_weight(weight: Tensor | None, targets: Tensor, dtype: torch.dtype) -> Tensor | None:
    """Return weights of shape (n_rows,) that are finite and at least 0."""
    if weight is None:
        return None
    weight = check_tensor(weight, "sample_weight").detach()
    if weight.ndim == 2 and weight.shape[1] == 1:
        weight = weight[:, 0]
    if weight.shape != targets.shape:
        raise ValueError(
            f"sample_weight must have shape {tuple(targets.shape)}, as targets have: "
            f"got {tuple(weight.shape)}."
        )
    return check_weight_values(weight, dtype)


def check_weight_values(weight: Tensor, dtype: torch.dtype) -> Tensor:
    """Return weights as ``dtype``: finite, at least 0, and within its range.

    The sum must be finite as well, and weights must not vanish where the dtype ends.
    """
    if not weight.numel():
        return weight.to(dtype)
    weight = weight if weight.is_floating_point() else weight.double()
    cast = weight.to(dtype)
    # One question to the device. NaN is the least and the greatest of what holds it.
    least, most, total = torch.stack(
        [weight.min().double(), weight.max().double(), cast.sum().double()]
    ).tolist()
    if not (np.isfinite(least) and np.isfinite(most)):
        raise ValueError("sample_weight contains NaN or infinity.")
    if least < 0:
        raise ValueError("Negative values in sample_weight: every weight must be at least 0.")
    if not np.isfinite(total) or 0 < most < torch.finfo(dtype).tiny:
        raise ValueError(
            f"sample_weight is beyond the range of {str(dtype).removeprefix('torch.')}, in which "
            f"the loss computes: the weights go up to {most:g}. Their unit does not matter, so "
            "divide them by their mean."
        )
    if cast.is_inference() and not torch.is_inference_mode_enabled():
        # Autograd keeps no such tensor for the backward pass.
        return cast.clone()
    return cast
