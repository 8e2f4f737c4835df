"""A memory of past batches: a band edge is found among more rows than a batch has."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

__all__ = ["MemoryQueue", "Pool"]


class Pool(NamedTuple):
    """Rows that a ranking loss compares: the live batch first, then the queue.

    The rows of the NumPy losses are `skbudget.objectives.Rows`. These are something else:
    tensors, which may be on a GPU, of which only the live ones carry gradient.

    Attributes
    ----------
    logits : Tensor of shape (n_rows, n_columns)
        Only the live rows carry gradient.
    targets : Tensor of shape (n_rows,)
        Class indices, or 0 and 1.
    iid : Tensor of shape (n_rows,), dtype=bool, or None
        Rows drawn as in deployment; None if all are.
    weight : Tensor of shape (n_rows,) or None
        Weights; None if all are 1.
    live : Tensor of shape (n_rows,), dtype=bool, or None
        Rows of the live batch; None if all are.
    """

    logits: Tensor
    targets: Tensor
    iid: Tensor | None = None
    weight: Tensor | None = None
    live: Tensor | None = None

    def select(self, rows: Tensor) -> Pool:
        """Return some of the rows."""
        return Pool(*(None if part is None else part[rows] for part in self))


class MemoryQueue(nn.Module):
    """A ring of the last rows, without gradient, saved in the ``state_dict``.

    Parameters
    ----------
    size : int
        Rows kept; 0 for none.
    n_columns : int
        Columns of the logits.
    """

    logits: Tensor
    targets: Tensor
    iid: Tensor
    weight: Tensor
    cursor: Tensor

    def __init__(self, size: int, n_columns: int) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("logits", torch.zeros(size, n_columns))
        self.register_buffer("targets", torch.zeros(size, dtype=torch.long))
        self.register_buffer("iid", torch.ones(size, dtype=torch.bool))
        self.register_buffer("weight", torch.ones(size))
        # Next row to write, and rows written so far (at most ``size``).
        self.register_buffer("cursor", torch.zeros(2, dtype=torch.long))
        self._forget()

    def _forget(self) -> None:
        # Mirrors of the buffers, so that a step asks the device for nothing.
        self._next = 0
        self._filled = 0
        self._all_iid = True
        self._unweighted = True

    def __len__(self) -> int:
        return self._filled

    @torch.no_grad()
    def reset(self) -> None:
        """Forget all rows."""
        self.cursor.zero_()
        self._forget()

    @torch.no_grad()
    def append(self, live: Pool) -> None:
        """Write rows over the oldest ones.

        If there are more rows than the queue holds, the last ones are kept.
        """
        n = live.targets.numel()
        if self.size == 0 or n == 0:
            return
        if self.logits.dtype != live.logits.dtype or self.logits.device != live.logits.device:
            # The memory must not round a float64 loss.
            self.to(device=live.logits.device, dtype=live.logits.dtype)
        if n >= self.size:
            live = Pool(*(None if part is None else part[n - self.size :] for part in live))
            n, self._next = self.size, 0
        first = min(n, self.size - self._next)
        self._write(live, 0, self._next, first)
        self._write(live, first, 0, n - first)
        self._next = (self._next + n) % self.size
        self._filled = min(self.size, self._filled + n)
        self.cursor.copy_(torch.tensor([self._next, self._filled]))
        if live.iid is not None or not self._all_iid:
            self._all_iid = bool(self.iid[: self._filled].all())
        if live.weight is not None or not self._unweighted:
            self._unweighted = bool((self.weight[: self._filled] == 1).all())

    def _write(self, live: Pool, start: int, at: int, n: int) -> None:
        if n == 0:
            return
        rows, into = slice(start, start + n), slice(at, at + n)
        self.logits[into] = live.logits[rows]
        self.targets[into] = live.targets[rows].long()
        self.iid[into] = True if live.iid is None else live.iid[rows]
        self.weight[into] = 1.0 if live.weight is None else live.weight[rows].to(self.weight.dtype)

    def pool(self, live: Pool) -> Pool:
        """Return the live rows, followed by those in the queue."""
        n, device = self._filled, live.logits.device
        if n == 0:
            return live
        logits = self.logits[:n].to(device=device, dtype=live.logits.dtype)
        iid = weight = None
        if live.iid is not None or not self._all_iid:
            here = torch.ones_like(live.targets, dtype=torch.bool) if live.iid is None else live.iid
            iid = torch.cat([here, self.iid[:n].to(device)])
        if live.weight is not None or not self._unweighted:
            mine = torch.ones_like(live.logits[:, 0]) if live.weight is None else live.weight
            weight = torch.cat([mine, self.weight[:n].to(device=device, dtype=mine.dtype)])
        n_live = live.targets.numel()
        is_live = torch.zeros(n_live + n, dtype=torch.bool, device=device)
        is_live[:n_live] = True
        return Pool(
            torch.cat([live.logits, logits]),
            torch.cat([live.targets.long(), self.targets[:n].to(device)]),
            iid,
            weight,
            is_live,
        )

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        saved = state_dict.get(prefix + "logits")
        if saved is not None:
            if saved.shape != self.logits.shape:
                # Refused before anything is loaded, for half a memory would be wrong.
                error_msgs.append(
                    f"{prefix}logits must have shape {tuple(self.logits.shape)} (queue_size, "
                    f"num_classes): the state_dict has {tuple(saved.shape)}."
                )
                return
            self.to(dtype=saved.dtype)
        super()._load_from_state_dict(
            state_dict,
            prefix,
            local_metadata,
            strict,
            missing_keys,
            unexpected_keys,
            error_msgs,
        )
        self._next, self._filled = (int(value) for value in self.cursor)
        self._all_iid = bool(self.iid[: self._filled].all())
        self._unweighted = bool((self.weight[: self._filled] == 1).all())
