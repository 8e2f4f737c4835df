"""Checks of the tensors that a loss is called with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

__all__ = [
    "check_mask",
    "check_rows",
    "check_targets",
    "check_weight",
    "check_weight_values",
    "working_precision",
]


@contextmanager
def working_precision(logits: Tensor) -> Iterator[Tensor]:
    """Yield the logits in float32 or float64, with autocast switched off."""
    with torch.autocast(device_type=logits.device.type, enabled=False):
        yield logits if logits.dtype == torch.float64 else logits.float()


def check_rows(logits: Tensor, targets: Tensor, num_classes: int) -> tuple[Tensor, Tensor]:
    """Return logits of shape (n_rows, num_classes) and targets of shape (n_rows,)."""
    if logits.ndim == 1 and num_classes == 1:
        logits = logits[:, None]
    if logits.ndim != 2 or logits.shape[1] != num_classes:
        raise ValueError(
            f"logits must have shape (n_rows, {num_classes}): got {tuple(logits.shape)}."
        )
    if targets.ndim == 2 and targets.shape[1] == 1:
        targets = targets[:, 0]
    if targets.shape != logits.shape[:1]:
        raise ValueError(
            f"targets must have shape ({logits.shape[0]},), as logits have: "
            f"got {tuple(targets.shape)}."
        )
    targets = targets.detach()
    return logits, targets.long() if targets.dtype == torch.bool else targets


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
    if mask.ndim == 2 and mask.shape[1] == 1:
        mask = mask[:, 0]
    if mask.shape != targets.shape:
        raise ValueError(
            f"{name} must have shape {tuple(targets.shape)}, as targets have: "
            f"got {tuple(mask.shape)}."
        )
    return mask.detach().bool()


def check_weight(weight: Tensor | None, targets: Tensor, dtype: torch.dtype) -> Tensor | None:
    """Return weights of shape (n_rows,) that are finite and at least 0."""
    if weight is None:
        return None
    weight = weight.detach()
    if weight.ndim == 2 and weight.shape[1] == 1:
        weight = weight[:, 0]
    if weight.shape != targets.shape:
        raise ValueError(
            f"sample_weight must have shape {tuple(targets.shape)}, as targets have: "
            f"got {tuple(weight.shape)}."
        )
    check_weight_values(weight)
    return weight.to(dtype)


def check_weight_values(weight: Tensor) -> None:
    """Raise unless all weights are finite and at least 0."""
    if not bool(torch.isfinite(weight).all()):
        raise ValueError("sample_weight contains NaN or infinity.")
    if weight.numel() and float(weight.min()) < 0:
        raise ValueError("Negative values in sample_weight: every weight must be at least 0.")
