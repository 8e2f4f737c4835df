"""Whether a training step is over, or a batch of it is evaluated again.

An optimizer may ask for the loss of a batch several times in one step, as `torch.optim.LBFGS`
does, and gradient checkpointing evaluates a batch again in the backward pass. What a loss
remembers of a batch must not reach its own second evaluation. Only the optimizer knows when
its step is over, and torch lets it be heard: this module counts the steps of all optimizers,
thread by thread.
"""

from __future__ import annotations

import threading
import weakref
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.optim.optimizer import (
    Optimizer,
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

__all__ = ["BatchKey", "in_backward"]


class _Steps:
    """How many steps the optimizers of a thread have begun and ended, and the one under way."""

    __slots__ = ("begun", "ended", "optimizer")

    def __init__(self) -> None:
        self.begun, self.ended = 0, 0
        self.optimizer: weakref.ref[Optimizer] | None = None

    @property
    def evaluation(self) -> int | None:
        """A number that changes with the parameters; None where no step is under way.

        An optimizer that evaluates a loss again moves its parameters before it does.
        """
        optimizer = None if self.optimizer is None else self.optimizer()
        if optimizer is None:
            return None
        return sum(
            parameter._version
            for group in optimizer.param_groups
            for parameter in group["params"]
            if not parameter.is_inference()
        )


# A thread's number may be that of one that has ended. Its counts go on, which does no harm.
_steps_of_thread: dict[int, _Steps] = {}


def _steps(thread: int) -> _Steps:
    return _steps_of_thread.setdefault(thread, _Steps())


def _on_begin(optimizer: Optimizer, *_: Any) -> None:
    steps = _steps(threading.get_ident())
    steps.begun += 1
    steps.optimizer = weakref.ref(optimizer)


def _on_end(*_: Any) -> None:
    steps = _steps(threading.get_ident())
    steps.ended += 1
    steps.optimizer = None


register_optimizer_step_pre_hook(_on_begin)
register_optimizer_step_post_hook(_on_end)


def in_backward() -> bool:
    """Whether this is called from within a backward pass, as gradient checkpointing does."""
    return torch._C._current_graph_task_id() != -1


class BatchKey(NamedTuple):
    """What tells a batch from others, and the time at which it was evaluated.

    Attributes
    ----------
    targets : Tensor
        The targets that the loss was called with, the tensor itself.
    version : int
        Its version then: a tensor that is written into is another batch.
    thread : int
        The thread that evaluated it. Checkpointing on a GPU evaluates again in another one.
    begun, ended : int
        Steps that optimizers of that thread had begun and ended.
    evaluation : int or None
        Which evaluation of the step under way it belongs to; None where there is no such step.
    """

    targets: Tensor
    version: int
    thread: int
    begun: int
    ended: int
    evaluation: int | None

    @classmethod
    def of(cls, targets: Tensor) -> BatchKey:
        """Return the key of a batch that is evaluated now."""
        thread = threading.get_ident()
        steps = _steps(thread)
        # Tensors of inference mode have no version.
        version = 0 if targets.is_inference() else targets._version
        return cls(targets, version, thread, steps.begun, steps.ended, steps.evaluation)

    def is_over(self) -> bool:
        """Whether an optimizer has ended a step since the batch was evaluated."""
        return _steps(self.thread).ended != self.ended

    def is_again(self, other: BatchKey) -> bool:
        """Whether another key, made later in the same step, is that of the same batch.

        It is if it has the same tensor of targets. An optimizer's closure may make new ones
        in each evaluation, and so may a function that is checkpointed: equal targets will do
        in a later evaluation of a step, and in a backward pass. Elsewhere they may be those
        of two batches, for many batches have no positive at all.
        """
        if self.targets is other.targets:
            return self.version == other.version
        if not in_backward():
            if self.evaluation is None or other.evaluation in (None, self.evaluation):
                return False
            if (self.thread, self.begun) != (other.thread, other.begun):
                return False
        mine, theirs = self.targets, other.targets
        return (
            mine.shape == theirs.shape
            and mine.device == theirs.device
            and bool(torch.equal(mine, theirs))
        )
