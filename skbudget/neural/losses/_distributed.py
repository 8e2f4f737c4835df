"""Rows of all ranks of a data-parallel job, with the gradient of the rank's own."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch import distributed as dist

__all__ = ["all_gather_rows", "is_distributed"]

# Types that the collectives of torch do not know.
_NOT_SENT = frozenset(
    {getattr(torch, name) for name in ("uint16", "uint32", "uint64") if hasattr(torch, name)}
)


def is_distributed() -> bool:
    """Whether a process group of more than one rank is running."""
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def all_gather_rows(tensor: Tensor) -> Tensor:
    """Concatenate the rows of all ranks in the order of the ranks.

    Ranks may hold different numbers of rows (an uneven last batch), also none.

    Every rank computes the same loss of the gathered rows, and data-parallel
    training averages the ranks' gradients. The gradient of the rank's own rows is
    therefore multiplied by the number of ranks, so that the average is the
    gradient that one process with all rows would have found. No communication
    takes place in the backward pass.

    Parameters
    ----------
    tensor : Tensor of shape (n_rows, ...)
        Rows of this rank; the other dimensions agree over ranks.

    Returns
    -------
    gathered : Tensor of shape (sum of n_rows, ...)

    Raises
    ------
    TypeError, ValueError
        If ``tensor`` is no dense tensor with at least one dimension, or no process group is
        running.

    See Also
    --------
    PAUCAtBudgetLoss : Gathers its rows with this.
    """
    if not isinstance(tensor, Tensor):
        raise TypeError(
            f"tensor must be a torch Tensor. Got {type(tensor).__name__} instead: pass "
            "torch.as_tensor(tensor)."
        )
    if tensor.ndim == 0 or tensor.layout != torch.strided or tensor.dtype in _NOT_SENT:
        raise ValueError(
            "tensor must be a dense tensor of shape (n_rows, ...) of a type that can be sent: got "
            f"shape {tuple(tensor.shape)}, {tensor.layout} and {tensor.dtype}."
        )
    if not (dist.is_available() and dist.is_initialized()):
        raise ValueError(
            "all_gather_rows needs a process group, and none is running: call "
            "torch.distributed.init_process_group first, or leave tensor as it is."
        )
    return _AllGatherRows.apply(tensor)


class _AllGatherRows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:
        world = dist.get_world_size()
        size = torch.tensor([tensor.shape[0]], device=tensor.device)
        sizes = [torch.empty_like(size) for _ in range(world)]
        dist.all_gather(sizes, size)
        counts = [int(count) for count in sizes]
        # Collectives want equal shapes, and not every backend knows booleans.
        payload = tensor.to(torch.uint8) if tensor.dtype == torch.bool else tensor
        padded = payload.new_zeros((max(counts), *tensor.shape[1:]))
        padded[: tensor.shape[0]] = payload
        parts = [torch.empty_like(padded) for _ in range(world)]
        dist.all_gather(parts, padded)
        rank = dist.get_rank()
        ctx.start, ctx.count, ctx.world = sum(counts[:rank]), counts[rank], world
        gathered = torch.cat([part[:count] for part, count in zip(parts, counts)])
        return gathered.to(tensor.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return ctx.world * grad[ctx.start : ctx.start + ctx.count]
