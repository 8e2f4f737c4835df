"""A memory of past batches: a band edge is found among more rows than a batch has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ._step import BatchKey, in_backward

__all__ = ["MemoryQueue", "Pool", "Remembered"]

# Batches that can be evaluated again, at most: where no optimizer is heard of there may be no
# end of a step, and within the step of one there are as many as its closure takes.
_MOST_BATCHES = {False: 32, True: 4096}


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


class _Slots(NamedTuple):
    """What some slots of the ring hold, or held, and the cursor at that time.

    Attributes
    ----------
    parts : tuple of (slice, tuple of Tensor)
        Runs of slots with their logits, targets, flags and weights.
    cursor : tuple of (int, int, bool, bool)
        Next row to write, rows written, whether all are iid, whether all weigh 1.
    """

    parts: tuple[tuple[slice, tuple[Tensor, ...]], ...]
    cursor: tuple[int, int, bool, bool]


@dataclass
class Remembered:
    """A batch of the present step, which may be evaluated again.

    Attributes
    ----------
    key : BatchKey
        What tells it from other batches.
    logits : Tensor of shape (n_rows, n_columns)
        Scores of the rows that were compared, without padding and without gradient.
    overwritten : _Slots
        What its rows have taken the place of.
    sample : Tensor or None
        Rows that were drawn of the pool, if it was capped.
    """

    key: BatchKey
    logits: Tensor
    overwritten: _Slots
    sample: Tensor | None


class MemoryQueue(nn.Module):
    """A ring of the last rows, without gradient, saved in the ``state_dict``.

    The batches of a step can be evaluated again before the step is over: `find` knows them,
    `pool` compares them with what was there before them, and `remember` puts their new rows
    in place of the old ones.

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
        self._step: list[Remembered] = []

    def __getstate__(self) -> dict[str, Any]:
        # A copy starts with a new step: it will not be called with the very same tensors.
        return {**self.__dict__, "_step": []}

    def __len__(self) -> int:
        return self._filled

    @torch.no_grad()
    def reset(self) -> None:
        """Forget all rows."""
        self.cursor.zero_()
        self._forget()

    def end_step(self) -> None:
        """Tell that the step is over: its rows stay, and its batches may come again."""
        self._step.clear()

    def find(self, targets: Tensor, live: Pool) -> Remembered | None:
        """Return the batch of the present step that is evaluated again, None if it is new.

        Parameters
        ----------
        targets : Tensor
            The targets that the loss was called with.
        live : Pool
            The rows of the batch.
        """
        if self._step and any(batch.key.is_over() for batch in self._step):
            self.end_step()
        key = BatchKey.of(targets)
        found = [
            batch
            for batch in self._step
            if batch.logits.shape == live.logits.shape and batch.key.is_again(key)
        ]
        if len(found) > 1 and in_backward():
            # A backward pass begins at the end, and evaluates the very same scores.
            same = [batch for batch in found if torch.equal(batch.logits, live.logits)]
            return (same or found)[-1]
        return found[0] if found else None

    def remember(
        self, live: Pool, targets: Tensor, again: Remembered | None, sample: Tensor | None
    ) -> None:
        """Append a batch, or put its rows in place of those of its last evaluation.

        Parameters
        ----------
        live : Pool
            The rows.
        targets : Tensor
            The targets that the loss was called with.
        again : Remembered or None
            What `find` returned.
        sample : Tensor or None
            Rows that were drawn of the pool.
        """
        logits = live.logits.detach()
        if again is not None:
            undone = self._rewind(again)
            again.overwritten, again.logits = self._append(live), logits
            if not in_backward():
                again.key = BatchKey.of(targets)
            self._redo(undone[:-1])
            if len(undone) > 1:
                self._look_for_flags()
        elif not in_backward():
            # In a backward pass there are no new batches.
            key = BatchKey.of(targets)
            self._step.append(Remembered(key, logits, self._append(live), sample))
            while self._knows_too_many():
                del self._step[0]

    def _knows_too_many(self) -> bool:
        first, *others = self._step
        within = first.key.evaluation is not None
        full = not within and sum(len(batch.logits) for batch in others) >= self.size
        return bool(others) and (full or len(others) >= _MOST_BATCHES[within])

    def _rewind(self, batch: Remembered) -> list[tuple[Remembered, _Slots]]:
        """Go back to before a batch; return what is undone, the last batch first."""
        undone = []
        for other in reversed(self._step):
            undone.append((other, self._swap(other.overwritten)))
            if other is batch:
                break
        return undone

    def _redo(self, undone: list[tuple[Remembered, _Slots]]) -> None:
        for batch, slots in reversed(undone):
            batch.overwritten = self._swap(slots)

    @torch.no_grad()
    def _swap(self, slots: _Slots) -> _Slots:
        """Write rows where they were, set the cursor, and return what was there."""
        found = self._slots([where for where, _ in slots.parts])
        for where, parts in slots.parts:
            for buffer, values in zip(self._buffers_of_rows, parts):
                buffer[where] = values.to(device=buffer.device, dtype=buffer.dtype)
        self._next, self._filled, self._all_iid, self._unweighted = slots.cursor
        self.cursor.copy_(torch.tensor([self._next, self._filled]))
        return found

    def _slots(self, runs: list[slice]) -> _Slots:
        return _Slots(
            tuple(
                (where, tuple(buffer[where].clone() for buffer in self._buffers_of_rows))
                for where in runs
            ),
            (self._next, self._filled, self._all_iid, self._unweighted),
        )

    @property
    def _buffers_of_rows(self) -> tuple[Tensor, ...]:
        return self.logits, self.targets, self.iid, self.weight

    def append(self, live: Pool) -> None:
        """Write rows over the oldest ones.

        If there are more rows than the queue holds, the last ones are kept.
        """
        self._append(live)

    @torch.no_grad()
    def _append(self, live: Pool) -> _Slots:
        """Append rows, and return what was in their place."""
        n = live.targets.numel()
        if self.size == 0 or n == 0:
            return self._slots([])
        if self.logits.dtype != live.logits.dtype or self.logits.device != live.logits.device:
            # The memory must not round a float64 loss.
            self.to(device=live.logits.device, dtype=live.logits.dtype)
        start = self._next
        if n >= self.size:
            live = Pool(*(None if part is None else part[n - self.size :] for part in live))
            n, start = self.size, 0
        first = min(n, self.size - start)
        before = self._slots([slice(start, start + first), slice(0, n - first)])
        self._next = start
        self._write(live, 0, self._next, first)
        self._write(live, first, 0, n - first)
        self._next = (self._next + n) % self.size
        self._filled = min(self.size, self._filled + n)
        self.cursor.copy_(torch.tensor([self._next, self._filled]))
        if live.iid is not None or not self._all_iid:
            self._all_iid = bool(self.iid[: self._filled].all())
        if live.weight is not None or not self._unweighted:
            self._unweighted = bool((self.weight[: self._filled] == 1).all())
        return before

    def _look_for_flags(self) -> None:
        self._all_iid = bool(self.iid[: self._filled].all())
        self._unweighted = bool((self.weight[: self._filled] == 1).all())

    def _write(self, live: Pool, start: int, at: int, n: int) -> None:
        if n == 0:
            return
        rows, into = slice(start, start + n), slice(at, at + n)
        self.logits[into] = live.logits[rows]
        self.targets[into] = live.targets[rows].long()
        self.iid[into] = True if live.iid is None else live.iid[rows]
        self.weight[into] = 1.0 if live.weight is None else live.weight[rows].to(self.weight.dtype)

    def pool(self, live: Pool, again: Remembered | None = None) -> Pool:
        """Return the live rows, followed by those in the queue.

        Parameters
        ----------
        live : Pool
            The rows of the batch.
        again : Remembered or None, default=None
            What `find` returned: a batch that is evaluated again is compared with what was
            in the queue before it.
        """
        if again is None:
            return self._pool(live)
        undone = self._rewind(again)
        pool = self._pool(live)
        self._redo(undone)
        return pool

    def _pool(self, live: Pool) -> Pool:
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
        self._look_for_flags()
        self.end_step()
