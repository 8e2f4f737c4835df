"""From cross-entropy to a ranking loss over the course of training."""

from __future__ import annotations

import inspect
import warnings
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ..._utils.validation import _invalid, check_budget, check_positive
from ._checks import check_finite, check_flag, check_magnitude

__all__ = ["LossWarmup"]


class LossWarmup(nn.Module):
    """Warm up on one loss, blend into another, and sharpen its temperature.

    The training loop keeps the time: call `on_train_batch_start` before every step
    and, if the phases are given in epochs, `on_train_epoch_start` before every
    epoch. Phase and temperature are functions of the step and the epoch. A new number
    of a step also tells ``main_loss`` that the one before is over.

    1. Warm-up: ``warmup_loss`` alone.
    2. Blend: the weight of ``main_loss`` grows linearly to ``final_main_weight``.
    3. Main phase: the weight stays there.

    When the warm-up ends, the memory queue of the main loss is emptied once. From then
    on the temperature moves geometrically from ``temperature_start`` to
    ``temperature_end`` over ``temperature_decay_steps`` steps.

    Parameters
    ----------
    warmup_loss : Module or None
        Called with ``(logits, targets)``, and with ``sample_weight``, ``iid_mask`` and
        ``value`` if they are given and its ``forward`` names them. None where there is
        no warm-up.
    main_loss : Module
        Called with everything that `forward` is called with.
    warmup_steps, blend_steps : int, default=None
        Lengths of the phases in steps.
    warmup_epochs, blend_epochs : int, default=0
        Lengths of the phases in epochs, if not in steps.
    temperature_start, temperature_end : float, default=None
        Temperatures; with None the temperature of ``main_loss`` stays as it is.
    temperature_decay_steps : int, default=10_000
        Steps over which the temperature moves.
    final_main_weight : float, default=1.0
        Weight of ``main_loss`` after the blend, in (0, 1].
    reset_queue_each_epoch : bool, default=False
        Whether to empty the memory queue at the start of every epoch after the warm-up.

    See Also
    --------
    WeightedCrossEntropyLoss : A loss to warm up on.
    PAUCAtBudgetLoss : A loss to follow it.

    Notes
    -----
    Step, epoch, phase and temperature are part of the ``state_dict``, and so is the
    queue: a resumed run continues where it stopped.

    Examples
    --------
    >>> import torch
    >>> from skbudget.neural import LossWarmup, PAUCAtBudgetLoss, WeightedCrossEntropyLoss
    >>> loss = LossWarmup(
    ...     WeightedCrossEntropyLoss(), PAUCAtBudgetLoss(),
    ...     warmup_steps=10, blend_steps=4,
    ...     temperature_start=0.5, temperature_end=0.1, temperature_decay_steps=20,
    ... )
    >>> for step in (0, 10, 12, 20, 40):
    ...     loss.on_train_batch_start(step)
    ...     print(loss.main_weight, round(loss.current_temperature, 3))
    0.0 0.5
    0.2 0.5
    0.6 0.426
    1.0 0.224
    1.0 0.1
    """

    refuses_nonfinite: ClassVar[bool] = True

    def __init__(
        self,
        warmup_loss: nn.Module | None,
        main_loss: nn.Module,
        *,
        warmup_steps: int | None = None,
        blend_steps: int | None = None,
        warmup_epochs: int = 0,
        blend_epochs: int = 0,
        temperature_start: float | None = None,
        temperature_end: float | None = None,
        temperature_decay_steps: int = 10_000,
        final_main_weight: float = 1.0,
        reset_queue_each_epoch: bool = False,
    ) -> None:
        super().__init__()
        owner = type(self).__name__
        if warmup_loss is not None and not isinstance(warmup_loss, nn.Module):
            raise _invalid(
                "warmup_loss", warmup_loss, owner, "a torch Module, an instance, or None"
            )
        if not isinstance(main_loss, nn.Module):
            raise _invalid("main_loss", main_loss, owner, "a torch Module, an instance")
        in_steps = warmup_steps is not None or blend_steps is not None
        given = {
            "warmup_steps": 0 if warmup_steps is None else warmup_steps,
            "blend_steps": 0 if blend_steps is None else blend_steps,
            "warmup_epochs": warmup_epochs,
            "blend_epochs": blend_epochs,
        }
        lengths: dict[str, int] = {
            name: check_positive(length, name, owner, integer=True, minimum=0)
            for name, length in given.items()
        }
        if in_steps and (warmup_epochs or blend_epochs):
            raise ValueError(
                f"The phases of {owner} are in steps or in epochs, not in both: got "
                f"warmup_steps={warmup_steps!r}, blend_steps={blend_steps!r}, "
                f"warmup_epochs={warmup_epochs!r} and blend_epochs={blend_epochs!r}."
            )
        if warmup_loss is None and (any(lengths.values()) or final_main_weight != 1.0):
            raise ValueError(
                "LossWarmup has no warmup_loss, so its phases must have no length, and "
                "final_main_weight must be 1."
            )
        for name, temperature in (
            ("temperature_start", temperature_start),
            ("temperature_end", temperature_end),
        ):
            if temperature is not None:
                check_magnitude(temperature, name, owner)
        if (temperature_start is None) != (temperature_end is None):
            raise ValueError(
                f"temperature_start and temperature_end of {owner} go together: got only one, "
                f"temperature_start={temperature_start!r} and temperature_end={temperature_end!r}."
            )
        if temperature_start is not None and not hasattr(main_loss, "temperature"):
            raise ValueError(
                f"{type(main_loss).__name__} has no temperature: leave temperature_start and "
                "temperature_end of LossWarmup at None."
            )
        self.in_steps = in_steps
        part = "steps" if in_steps else "epochs"
        self.warmup_length = lengths[f"warmup_{part}"]
        self.blend_length = lengths[f"blend_{part}"]
        self.temperature_start, self.temperature_end = temperature_start, temperature_end
        self.temperature_decay_steps = check_positive(
            temperature_decay_steps, "temperature_decay_steps", owner, integer=True, minimum=1
        )
        self.final_main_weight = check_budget(final_main_weight, owner, "final_main_weight")
        self.reset_queue_each_epoch = check_flag(
            reset_queue_each_epoch, "reset_queue_each_epoch", owner
        )
        self.warmup_loss = warmup_loss
        self.main_loss = main_loss
        self._warmup_takes = _optional_arguments(warmup_loss)
        self._step = 0
        self._epoch = 0
        # Step at which the main loss came in, None before.
        self._switch_step: int | None = None
        self._ticked = False
        self._set_temperature(temperature_start)

    # --- the clock ----------------------------------------------------------------

    def on_train_epoch_start(self, epoch: int) -> None:
        """Tell the epoch, from 0."""
        self._epoch = check_positive(epoch, "epoch", type(self).__name__, integer=True, minimum=0)
        if self.reset_queue_each_epoch and self._switch_step is not None:
            self._call_main("reset_queue")

    def on_train_batch_start(self, step: int) -> None:
        """Tell the step since training began, from 0.

        The step before it is over then, so that what the main loss remembers of it stays. The
        same number again, within a step, changes nothing.
        """
        step = check_positive(step, "step", type(self).__name__, integer=True, minimum=0)
        if step != self._step or not self._ticked:
            self._call_main("end_step")
        self._step, self._ticked = step, True
        if self.in_warmup:
            return
        if self._switch_step is None:
            self._switch_step = step
            self._call_main("reset_queue")
        if self.temperature_start is not None and self.temperature_end is not None:
            progress = min(1.0, (step - self._switch_step) / self.temperature_decay_steps)
            ratio = self.temperature_end / self.temperature_start
            self._set_temperature(self.temperature_start * ratio**progress)

    @property
    def _now(self) -> int:
        return self._step if self.in_steps else self._epoch

    @property
    def in_warmup(self) -> bool:
        """Whether the warm-up loss acts alone."""
        return self._now < self.warmup_length

    @property
    def in_blend(self) -> bool:
        """Whether the main loss is fading in."""
        return 0 <= self._now - self.warmup_length < self.blend_length

    @property
    def main_weight(self) -> float:
        """Current weight of the main loss."""
        if self.in_warmup:
            return 0.0
        grown = (self._now - self.warmup_length + 1) / (self.blend_length + 1)
        return self.final_main_weight * min(1.0, grown)

    @property
    def current_temperature(self) -> float | None:
        """Temperature of the main loss, None if it has none."""
        return getattr(self.main_loss, "temperature", None)

    def _set_temperature(self, temperature: float | None) -> None:
        if temperature is not None:
            self.main_loss.temperature = temperature

    def _call_main(self, name: str) -> None:
        """Call a method of the main loss, if it has it."""
        method = getattr(self.main_loss, name, None)
        if method is not None:
            method()

    # --- checkpoints --------------------------------------------------------------

    def get_extra_state(self) -> dict[str, Any]:
        """Return the clock, for the ``state_dict``."""
        return {
            "step": self._step,
            "epoch": self._epoch,
            "switch_step": self._switch_step,
            "ticked": self._ticked,
            "temperature": self.current_temperature,
        }

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Restore the clock from a ``state_dict``.

        Raises
        ------
        ValueError
            If it is not what `get_extra_state` returned.
        """
        missing = set(self.get_extra_state())
        if isinstance(state, dict):
            missing -= state.keys()
        if missing:
            raise ValueError(
                f"The state of {type(self).__name__} must be what get_extra_state returned, with "
                f"{', '.join(sorted(missing))}. Got {state!r} instead."
            )
        self._step = state["step"]
        self._epoch = state["epoch"]
        self._switch_step = state["switch_step"]
        self._ticked = state["ticked"]
        self._set_temperature(state["temperature"])

    # --- the loss -----------------------------------------------------------------

    def forward(
        self, logits: Tensor, targets: Tensor, iid_mask: Tensor | None = None, **kwargs: Any
    ) -> Any:
        """Return the loss of the current phase.

        Parameters
        ----------
        logits, targets : Tensor
            What the losses take.
        iid_mask : Tensor of shape (n_rows,), dtype=bool, default=None
            Passed to the losses unless it is None.
        **kwargs
            Passed to ``main_loss``.

        Returns
        -------
        loss : Tensor, or what ``main_loss`` returns
            During the blend, the first element of a tuple is blended and the others
            are those of ``main_loss``. During the warm-up, the warm-up loss alone.

        Raises
        ------
        FloatingPointError
            If logits are NaN or infinite, whatever the losses make of them. Targets that a
            loss ignores (its ``ignore_index``) mark padding, which may hold anything.
        """
        if iid_mask is not None:
            kwargs["iid_mask"] = iid_mask
        weight = self.main_weight
        self._check_finite(logits, targets, weight)
        has_moving_part = self.in_steps or (weight > 0 and self.temperature_start is not None)
        if self.training and has_moving_part and not self._ticked:
            self._ticked = True
            warnings.warn(
                "LossWarmup: on_train_batch_start was never called, so phase and temperature stay "
                "as they are. Call it with the step before every training step.",
                UserWarning,
                stacklevel=2,
            )
        if weight >= 1.0:
            return self.main_loss(logits, targets, **kwargs)
        passed = {name: kwargs[name] for name in self._warmup_takes & kwargs.keys()}
        assert self.warmup_loss is not None
        warm = self.warmup_loss(logits, targets, **passed)
        if weight == 0.0:
            return warm
        main = self.main_loss(logits, targets, **kwargs)
        if isinstance(main, tuple):
            return ((1.0 - weight) * warm + weight * main[0], *main[1:])
        return (1.0 - weight) * warm + weight * main

    def _check_finite(self, logits: Tensor, targets: Tensor, weight: float) -> None:
        """Refuse logits that are not finite, unless the losses of the phase do so."""
        acting = [self.warmup_loss] * (weight < 1.0) + [self.main_loss] * (weight > 0.0)
        if all(getattr(loss, "refuses_nonfinite", False) for loss in acting):
            return
        if not isinstance(logits, Tensor) or bool(torch.isfinite(logits.detach()).all()):
            return
        # Both have entries for the same rows, whatever shapes a loss takes.
        ignored = torch.zeros_like(targets, dtype=torch.bool)
        for loss in acting:
            index = getattr(loss, "ignore_index", None)
            if index is not None:
                ignored |= targets == index
        if targets.numel() == logits.numel():
            ignored = ignored.reshape(logits.shape)
        elif targets.ndim == logits.ndim - 1:
            # One class index for the scores of all classes.
            ignored = ignored.unsqueeze(1)
        check_finite(logits.masked_fill(ignored, 0.0), type(self).__name__)


def _optional_arguments(loss: nn.Module | None) -> frozenset[str]:
    """Return which columns of the rows a loss's forward takes by name, or the loss says it does."""
    if loss is None:
        return frozenset()
    named = inspect.signature(loss.forward).parameters
    said = getattr(loss, "columns", None)
    return frozenset(
        ({"sample_weight", "iid_mask", "value"} & named.keys())
        | (said if isinstance(said, frozenset) else frozenset())
    )
