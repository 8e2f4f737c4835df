"""What `PAUCClassifier` draws with: generators of its own, so that fits in threads are alike."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from ...objectives import Loss
from .._head import as_head
from ..losses._numpy import NumpyLoss
from ._support import resolve_device

__all__ = ["Draws", "draws_of", "has_foreign_code", "own_draws"]

# Whoever draws from the generator of torch itself has to have it alone.
_TORCH_S_GENERATOR = threading.RLock()


class Draws(NamedTuple):
    """Generators of a fit; None where code that we cannot hand one draws from that of torch.

    Attributes
    ----------
    weights : torch.Generator or None
        Draws the initial weights, on the CPU.
    rows : torch.Generator or None
        Draws rows of a pool, where the network computes.
    """

    weights: torch.Generator | None = None
    rows: torch.Generator | None = None


@contextmanager
def own_draws(
    random_state: np.random.RandomState, device: torch.device, *, foreign: bool
) -> Iterator[Draws]:
    """Return generators of a seed of our own, for one call of `fit`.

    Parameters
    ----------
    random_state : RandomState
        Draws the seed.
    device : torch.device
        Where the network computes.
    foreign : bool
        Whether code of others may draw as well. It draws from the generator of torch, which
        it gets seeded. Fits that need it wait for each other, and it is restored afterwards.
        The numbers are the same either way.
    """
    seed = int(random_state.randint(2**31 - 1))
    if not foreign:
        weights = torch.Generator().manual_seed(seed)
        rows = weights if device.type == "cpu" else torch.Generator(device).manual_seed(seed)
        yield Draws(weights, rows)
        return
    on_gpu = device.type == "cuda"
    with _TORCH_S_GENERATOR, torch.random.fork_rng(devices=[device] if on_gpu else []):
        # Seeding all of torch would also reach devices that are not in use.
        torch.default_generator.manual_seed(seed)
        if on_gpu:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield Draws()


def draws_of(estimator: Any, random_state: np.random.RandomState) -> AbstractContextManager[Draws]:
    """Return the generators of an estimator's fit, see `own_draws`."""
    device = resolve_device(estimator.device)
    return own_draws(random_state, device, foreign=has_foreign_code(estimator))


def has_foreign_code(estimator: Any) -> bool:
    """Whether code that is not of this package, of torch or of skorch takes part in a fit.

    It may draw from the generator of torch: a module with dropout, a loss, an optimizer, a
    callback.
    """
    params = estimator.net_params or {}
    optimizer = params.get("optimizer", torch.optim.AdamW)
    return (
        estimator.module is not None
        or _is_foreign_loss(estimator.loss)
        or _is_foreign_loss(estimator.regularizer)
        or any(_is_foreign_loss(as_head(head).loss) for head in (estimator.heads or {}).values())
        or not _is_of(optimizer, "torch.optim")
        or any(
            not _is_of(callback[-1] if isinstance(callback, tuple) else callback, "skorch")
            for callback in params.get("callbacks") or ()
        )
    )


def _is_foreign_loss(loss: Any) -> bool:
    if loss is None or isinstance(loss, str | NumpyLoss):
        return False
    if isinstance(loss, Loss):
        return type(loss).torch_loss is not Loss.torch_loss and not _is_of(loss, "skbudget")
    return isinstance(loss, nn.Module | type) and not _is_of(loss, "skbudget")


def _is_of(code: Any, package: str) -> bool:
    """Whether an object, or a class, is defined in a package or in one inside it."""
    module = (code if isinstance(code, type) else type(code)).__module__
    return module == package or module.startswith(f"{package}.")
