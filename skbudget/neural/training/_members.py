"""The losses of an ensemble: one for each member, or one for all members at once."""

from __future__ import annotations

import copy
import inspect
from numbers import Real
from typing import Any

import torch
from torch import Tensor, nn

from ..losses._checks import check_finite
from ..losses._cross_entropy import WeightedCrossEntropyLoss
from ..losses._numpy import NumpyLoss
from ..losses._ranking import RankingLoss

__all__ = [
    "IGNORED",
    "AllMembers",
    "EachMember",
    "OwnColumns",
    "names_of_columns",
    "temperature_of",
]

IGNORED = -100
"""Target of the rows that a member is not trained on."""

# Arguments of a loss that are no columns of the rows.
_NO_COLUMNS = frozenset({"sample_weight", "return_per_class", "return_diagnostics"})


def names_of_columns(loss: Any) -> tuple[frozenset[str], frozenset[str], bool]:
    """Return which columns a torch loss names, which of them it needs, and if it takes weights.

    Parameters
    ----------
    loss : Module, or a class of modules
        Called with scores and targets, and with the columns that its ``forward`` names.

    Returns
    -------
    names, needed : frozenset of str
        A column without a default value is needed.
    takes_weight : bool
    """
    signature = inspect.signature(loss.forward)
    # Of a class the first is the instance. Then there are scores and targets.
    n_first = 3 if isinstance(loss, type) else 2
    others = [
        parameter
        for parameter in list(signature.parameters.values())[n_first:]
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    ]
    columns = [parameter for parameter in others if parameter.name not in _NO_COLUMNS]
    return (
        frozenset(parameter.name for parameter in columns),
        frozenset(column.name for column in columns if column.default is column.empty),
        any(parameter.name == "sample_weight" for parameter in others),
    )


def temperature_of(loss: nn.Module) -> float | None:
    """Return the temperature of a loss, None if it has none that can be set."""
    temperature = getattr(loss, "temperature", None)
    return float(temperature) if isinstance(temperature, Real) else None


class EachMember(nn.Module):
    """The loss of an ensemble: each member has its own, with its own queue.

    Parameters
    ----------
    loss : Module
        Loss of one member; copied. A `RankingLoss` and a `NumpyLoss` are called as they
        are. Any other module is called with scores of shape (n_rows,) or
        (n_rows, n_outputs) and with targets of shape (n_rows,), floats for one output and
        integers for several; with ``sample_weight`` and the columns that it names; and
        with the member's own rows alone, for it may know nothing of rows to ignore.
    n_members : int
        Number of members.
    """

    def __init__(self, loss: nn.Module, n_members: int) -> None:
        super().__init__()
        self.of_member = nn.ModuleList(copy.deepcopy(loss) for _ in range(n_members))
        self.knows_ignored = isinstance(loss, RankingLoss | NumpyLoss)
        if self.knows_ignored:
            for own in self.of_member:
                own.ignore_index = IGNORED
                # The estimator warns of steps without a loss, whatever their reason.
                own._warned_of_collapse = True
        self._names: frozenset[str] | None = None
        if not isinstance(loss, NumpyLoss):
            names, _, takes_weight = names_of_columns(loss)
            self._names = names | ({"sample_weight"} if takes_weight else set())
        self.observed: list[dict[str, float]] = []
        self._turn = 0

    @property
    def temperature(self) -> float:
        """Temperature of the comparison, where the loss has one."""
        return self.of_member[0].temperature

    @temperature.setter
    def temperature(self, value: float) -> None:
        for loss in self.of_member:
            loss.temperature = value

    @property
    def has_sparse_gradient(self) -> bool:
        """Whether most rows of a batch have no gradient, and the loss has no weights to learn."""
        learns = any(True for _ in self.parameters())
        return not learns and getattr(self.of_member[0], "has_sparse_gradient", False)

    def reset_queue(self) -> None:
        """Forget the rows in the memory queues, where there are any."""
        for loss in self.of_member:
            if hasattr(loss, "reset_queue"):
                loss.reset_queue()

    def end_step(self) -> None:
        """Tell that the training step is over, where there is a memory."""
        for loss in self.of_member:
            if hasattr(loss, "end_step"):
                loss.end_step()

    def forget_rows(self) -> None:
        """Forget what is known by the numbers of the rows, where there is such a thing."""
        for loss in self.of_member:
            if hasattr(loss, "forget_rows"):
                loss.forget_rows()

    def on_validation(self, score: float) -> None:
        """Tell the validation score to the losses that heed it."""
        for loss in self.of_member:
            if hasattr(loss, "on_validation"):
                loss.on_validation(score)

    def draw_from(self, generator: torch.Generator | None) -> None:
        """Let the losses of this package draw from a generator; None for the one of torch."""
        for loss in self.of_member:
            if isinstance(loss, RankingLoss):
                loss._generator = generator

    def forward(
        self,
        scores: Tensor,
        targets: Tensor,
        iid_mask: Tensor | None = None,
        *,
        sample_weight: Tensor | None = None,
        value: Tensor | None = None,
        **columns: Tensor,
    ) -> Tensor:
        """Return the sum of the members' losses.

        Parameters
        ----------
        scores : Tensor of shape (n_rows, n_members, n_outputs)
        targets : Tensor of shape (n_rows, n_members)
            A member is not trained on the rows that it is to ignore.
        iid_mask, sample_weight, value : Tensor of shape (n_rows,), default=None
            Losses that do not tell a value from a weight are handed their product.
        **columns : Tensor of shape (n_rows,)
            Further columns that the loss reads.
        """
        given = {"iid_mask": iid_mask, **columns, "sample_weight": sample_weight}
        if self._names is None or "value" in self._names:
            given["value"] = value
        else:
            given["sample_weight"] = weight_and_value(sample_weight, value)
        given = {
            name: column
            for name, column in given.items()
            if column is not None and (self._names is None or name in self._names)
        }
        total = scores.new_zeros(())
        for number, loss in enumerate(self.of_member):
            mine = scores[:, number], targets[:, number]
            if not self.knows_ignored:
                total = total + _of_own_rows(loss, *mine, given)
            # Only one member is observed in a step, in turn: what is reported is a mean anyway.
            elif number == self._turn and isinstance(loss, RankingLoss):
                found = loss(*mine, **given, return_per_class=True, return_diagnostics=True)
                own, _, valid, diagnostics = found
                self._observe(diagnostics, valid)
                total = total + own
            else:
                total = total + loss(*mine, **given)
        self._turn = (self._turn + 1) % len(self.of_member)
        return total

    def _observe(self, found: dict[str, Tensor], valid: Tensor) -> None:
        means: list[float] = []
        if found:
            stacked = torch.stack([values.double() for values in found.values()])
            # Over classes; one without a loss has no edges.
            means = torch.nanmean(stacked, dim=1).tolist()
        idle = float((~valid).double().mean())
        self.observed.append({**dict(zip(found, means)), "idle_share": idle})

    def take_observed(self) -> list[dict[str, float]]:
        """Return the diagnostics since the last call, one dict per step."""
        observed, self.observed = self.observed, []
        return observed


class OwnColumns(nn.Module):
    """The losses of an ensemble, handed the columns that they read and no others.

    Parameters
    ----------
    losses : EachMember
        The losses.
    columns : frozenset of str
        Columns that they read, beside weights.
    """

    def __init__(self, losses: EachMember, columns: frozenset[str]) -> None:
        super().__init__()
        self.losses, self.columns = losses, columns

    def forward(
        self,
        scores: Tensor,
        targets: Tensor,
        *,
        sample_weight: Tensor | None = None,
        **columns: Tensor,
    ) -> Tensor:
        """Return the sum of the members' losses, see `EachMember`."""
        own = {name: column for name, column in columns.items() if name in self.columns}
        return self.losses(scores, targets, sample_weight=sample_weight, **own)


def weight_and_value(weight: Tensor | None, value: Tensor | None) -> Tensor | None:
    """Return the product of weights and values; None for neither."""
    if value is None:
        return weight
    return value if weight is None else weight * value


def _of_own_rows(
    loss: nn.Module, scores: Tensor, targets: Tensor, given: dict[str, Tensor]
) -> Tensor:
    """Return the loss of the rows that a member is trained on."""
    if not targets.is_floating_point():
        kept = targets != IGNORED
        if kept.ndim == 2:
            kept = kept.any(dim=1)
        if not bool(kept.all()):
            if not bool(kept.any()):
                return scores[:0].sum()
            scores, targets = scores[kept], targets[kept]
            given = {name: column[kept] for name, column in given.items()}
    check_finite(scores, type(loss).__name__)
    if scores.shape[1] == 1:
        scores = scores[:, 0]
        targets = targets.to(scores.dtype)
    found = loss(scores, targets, **given)
    if not isinstance(found, Tensor) or found.ndim != 0:
        shape = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
        raise ValueError(
            f"{type(loss).__name__} must return one number for a batch to be trained on: got "
            f"{shape}."
        )
    return found


class AllMembers(nn.Module):
    """A loss that is a mean over rows, of all members at once.

    Parameters
    ----------
    loss : WeightedCrossEntropyLoss
        Loss of one member.
    """

    def __init__(self, loss: WeightedCrossEntropyLoss) -> None:
        super().__init__()
        self.loss = loss

    def forward(
        self,
        scores: Tensor,
        targets: Tensor,
        *,
        sample_weight: Tensor | None = None,
        value: Tensor | None = None,
    ) -> Tensor:
        """Return the sum over the members, as if all ignored equally many rows."""
        n_members = targets.shape[1]
        weight = weight_and_value(sample_weight, value)
        if weight is not None:
            weight = weight.repeat_interleave(n_members)
        mean = self.loss(scores.flatten(0, 1), targets.flatten(), sample_weight=weight)
        return n_members * mean
