"""What ranking losses share: checked rows, a pool of rows, a loss per class, a reduction."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from ..._utils.validation import check_option, check_positive
from ._checks import (
    check_finite,
    check_flag,
    check_ignore_index,
    check_magnitude,
    check_mask,
    check_rows,
    check_targets,
    check_weight,
    working_precision,
)
from ._distributed import all_gather_rows, is_distributed
from ._queue import MemoryQueue, Pool, Remembered

__all__ = ["REDUCTIONS", "RankingLoss", "weighed_rows", "weighted_mean"]

Reduction = Literal["mean", "sum", "none"]
REDUCTIONS = ("mean", "sum", "none")


class RankingLoss(nn.Module, ABC):
    """A loss that compares rows with each other, class by class.

    A subclass defines `_class_loss` for the scores of one class against the rest. This
    class does everything around it: checks, the rows of other ranks, the memory queue,
    padding, the cap on the pool, the reduction over classes.

    It computes in float32 at least, whatever autocast asks for.

    A batch can be evaluated again before the step is over, with the same result: its own
    rows are not in the memory that it is compared with. See `end_step`.
    """

    diagnostics: ClassVar[tuple[str, ...]] = ()
    # Whether most rows of a batch have no gradient; a training loop may skip them then.
    has_sparse_gradient: ClassVar[bool] = False
    refuses_nonfinite: ClassVar[bool] = True
    temperature: float

    def __init__(
        self,
        num_classes: int,
        *,
        temperature: float,
        queue_size: int,
        reduction: Reduction,
        ignore_index: int,
        update_queue_in_eval: bool,
        gather_distributed: bool | None,
        max_pool_size: int | None,
    ) -> None:
        super().__init__()
        owner = type(self).__name__
        self.num_classes = check_positive(
            num_classes, "num_classes", owner, integer=True, minimum=1
        )
        self.temperature = check_magnitude(temperature, "temperature", owner)
        self.queue_size = check_positive(queue_size, "queue_size", owner, integer=True, minimum=0)
        self.reduction = check_option(reduction, "reduction", REDUCTIONS, owner)
        if max_pool_size is not None:
            check_positive(max_pool_size, "max_pool_size", owner, integer=True, minimum=2)
        self.max_pool_size = max_pool_size
        self.ignore_index = check_ignore_index(ignore_index, owner)
        self.update_queue_in_eval = check_flag(update_queue_in_eval, "update_queue_in_eval", owner)
        self.gather_distributed = check_flag(
            gather_distributed, "gather_distributed", owner, or_none=True
        )
        try:
            self.queue = MemoryQueue(self.queue_size, self.num_classes)
        except (RuntimeError, TypeError, OverflowError) as error:
            # More than there is, or than torch can count.
            raise ValueError(
                f"{owner} cannot remember queue_size={queue_size} rows of "
                f"num_classes={num_classes} scores: there is not enough memory."
            ) from error
        # Draws the rows of a pool that is capped; None for the one of torch.
        self._generator: torch.Generator | None = None

    def reset_queue(self) -> None:
        """Forget the rows in the memory queue."""
        self.queue.reset()

    def end_step(self) -> None:
        """Tell that the training step is over: its rows stay in the memory queue.

        There is no need to call it where a torch optimizer takes the step, or where the
        next batch has other targets. Call it after a step that you take by hand, if the
        same targets come again.
        """
        self.queue.end_step()

    def forward(
        self,
        logits: Tensor,
        targets: Tensor,
        iid_mask: Tensor | None = None,
        *,
        sample_weight: Tensor | None = None,
        return_per_class: bool = False,
        return_diagnostics: bool = False,
    ) -> Any:
        """Return the loss of a batch, compared with the rows in the queue as well.

        Parameters
        ----------
        logits : Tensor of shape (n_rows, num_classes)
            Raw scores; shape (n_rows,) will do for ``num_classes=1``.
        targets : Tensor of shape (n_rows,) or (n_rows, 1)
            Class indices, or 0 and 1 for ``num_classes=1``. Rows whose target is
            ``ignore_index`` are left out.
        iid_mask : Tensor of shape (n_rows,), dtype=bool, default=None
            Rows drawn as in deployment; None for all of them.
        sample_weight : Tensor of shape (n_rows,), default=None
            Weights, finite and at least 0.
        return_per_class : bool, default=False
            Whether to return each class's loss too.
        return_diagnostics : bool, default=False
            Whether to return the diagnostics too.

        Returns
        -------
        loss : Tensor of shape (), or (num_classes,) for ``reduction="none"``
            Zero, with a gradient of zero, where no class has a loss; NaN for such a
            class with ``reduction="none"``.
        per_class : Tensor of shape (num_classes,)
            Only with ``return_per_class``; NaN for a class without a loss.
        valid : Tensor of shape (num_classes,), dtype=bool
            Only with ``return_per_class``: the classes with a loss.
        diagnostics : dict of str to Tensor of shape (num_classes,)
            Only with ``return_diagnostics``; without gradient. NaN, or a count of 0,
            for a class without a loss.

        Raises
        ------
        FloatingPointError
            If logits are NaN or infinite. Nothing is remembered of such a batch.
        ValueError
            If a shape, a target or a weight is not as described.
        """
        owner = type(self).__name__
        check_flag(return_per_class, "return_per_class", owner)
        check_flag(return_diagnostics, "return_diagnostics", owner)
        with working_precision(logits) as logits:
            live = self._live_rows(logits, targets, iid_mask, sample_weight)
            again = self.queue.find(targets, live)
            pool, sample = self._capped(self.queue.pool(live, again), again)
            losses: list[Tensor | None] = []
            stats: list[dict[str, Any]] = []
            for column in range(self.num_classes):
                loss: Tensor | None = None
                found: dict[str, Any] = {}
                positive = pool.targets == (1 if self.num_classes == 1 else column)
                if pool.targets.numel():
                    loss, found = self._class_loss(
                        pool.logits[:, column], positive, pool, return_diagnostics
                    )
                losses.append(loss)
                if return_diagnostics:
                    mine = positive if pool.live is None else positive & pool.live
                    stats.append({**found, "grad_pos_count": torch.count_nonzero(mine)})
            if self.training or self.update_queue_in_eval:
                self.queue.remember(live, targets, again, sample)
            # A zero that keeps the graph, so that there is a backward pass without a loss too.
            # It sums no rows, for the sum of all might overflow.
            zero = logits[:0].sum()
            valid = torch.tensor([loss is not None for loss in losses], device=logits.device)
            per_class = torch.stack([zero if loss is None else loss for loss in losses])
            out: list[Any] = [self._reduced(per_class, valid, zero)]
        if return_per_class:
            out += [per_class.masked_fill(~valid, torch.nan), valid]
        if return_diagnostics:
            out.append(self._stacked(stats, logits))
        return out[0] if len(out) == 1 else tuple(out)

    @abstractmethod
    def _class_loss(
        self, scores: Tensor, positive: Tensor, pool: Pool, return_diagnostics: bool
    ) -> tuple[Tensor | None, dict[str, Any]]:
        """Return the loss of one class, or None without one, and its diagnostics.

        Parameters
        ----------
        scores : Tensor of shape (n_rows,)
            The class's column of ``pool.logits``; at least one row.
        positive : Tensor of shape (n_rows,), dtype=bool
            Rows of the class.
        pool : Pool
            Flags and weights of the rows.
        return_diagnostics : bool
            Whether diagnostics are wanted.
        """

    def _live_rows(
        self,
        logits: Tensor,
        targets: Tensor,
        iid_mask: Tensor | None,
        sample_weight: Tensor | None,
    ) -> Pool:
        logits, targets = check_rows(logits, targets, self.num_classes)
        weight = check_weight(sample_weight, targets, logits.dtype)
        iid_mask = check_mask(iid_mask, "iid_mask", targets)
        live = Pool(logits, targets, iid_mask, weight)
        kept = targets != self.ignore_index
        if not bool(kept.all()):
            live = live.select(kept)
        check_targets(live.targets, self.num_classes)
        if self.gather_distributed is not False and is_distributed():
            live = _gathered(live)
        # Of all ranks, so that all of them raise together.
        check_finite(live.logits, type(self).__name__)
        return live

    def _capped(self, pool: Pool, again: Remembered | None) -> tuple[Pool, Tensor | None]:
        """Return the rows to compare, and which of the pool they are, None for all."""
        if self.max_pool_size is None or pool.targets.numel() <= self.max_pool_size:
            return pool, None
        if again is not None and again.sample is not None:
            # A batch that is evaluated again is compared with the same rows.
            return pool.select(again.sample), again.sample
        sample = _quota_sample(pool.targets, self.max_pool_size, self._generator)
        return pool.select(sample), sample

    def _reduced(self, per_class: Tensor, valid: Tensor, zero: Tensor) -> Tensor:
        if self.reduction == "none":
            return per_class.masked_fill(~valid, torch.nan)
        total = per_class[valid].sum() + zero
        return total / valid.sum().clamp(min=1) if self.reduction == "mean" else total

    def _stacked(self, stats: list[dict[str, Any]], logits: Tensor) -> dict[str, Tensor]:
        stacked = {}
        for name in self.diagnostics:
            is_count = name.endswith("_count")
            missing = 0 if is_count else torch.nan
            stacked[name] = torch.stack(
                [
                    torch.as_tensor(
                        found.get(name, missing),
                        dtype=torch.long if is_count else logits.dtype,
                        device=logits.device,
                    )
                    for found in stats
                ]
            )
        return stacked


def weighed_rows(chosen: Tensor, pool: Pool) -> tuple[Tensor, Tensor | None] | None:
    """Return the chosen rows and their weights, or None if they are none or weigh nothing."""
    rows = chosen.nonzero()[:, 0]
    weight = None if pool.weight is None else pool.weight[rows]
    if rows.numel() == 0 or (weight is not None and not float(weight.sum()) > 0):
        return None
    return rows, weight


def weighted_mean(values: Tensor, weight: Tensor | None) -> Tensor:
    """Return the mean of values, by weight if there are weights."""
    return values.mean() if weight is None else (values * weight).sum() / weight.sum()


def _gathered(live: Pool) -> Pool:
    # Ranks must issue the same collectives, whatever each was given.
    optional = torch.tensor(
        [[live.iid is not None, live.weight is not None]], device=live.logits.device
    )
    with_iid, with_weight = all_gather_rows(optional).any(dim=0).tolist()
    iid, weight = live.iid, live.weight
    if with_iid:
        iid = torch.ones_like(live.targets, dtype=torch.bool) if iid is None else iid
        iid = all_gather_rows(iid)
    if with_weight:
        weight = torch.ones_like(live.logits[:, 0]).detach() if weight is None else weight
        weight = all_gather_rows(weight)
    return Pool(all_gather_rows(live.logits), all_gather_rows(live.targets), iid, weight)


def _quota_sample(targets: Tensor, size: int, generator: torch.Generator | None = None) -> Tensor:
    """Draw ``size`` rows; half of the places are shared evenly between the classes.

    Rare classes keep more rows than their share. Within a class all rows are alike.
    """
    order = torch.randperm(targets.numel(), device=targets.device, generator=generator)
    classes, of_class = torch.unique(targets[order], return_inverse=True)
    quota = max(1, size // (2 * classes.numel()))
    reserved = torch.zeros_like(of_class, dtype=torch.bool)
    for number in range(classes.numel()):
        reserved[(of_class == number).nonzero()[:quota, 0]] = True
    # Reserved rows first, then the others; both in random order.
    return order[torch.argsort(~reserved, stable=True)[:size]]
