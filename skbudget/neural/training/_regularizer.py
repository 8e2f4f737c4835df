"""A loss that is added to the one that a network is trained on."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ..._utils.validation import _invalid
from ._criterion import Declaration, check_loss_parameters, declare_loss, make_loss
from ._members import EachMember, OwnColumns
from ._rows import TableDataset
from ._settings import settings_of

__all__ = ["Regularized", "add_regularizer", "check_losses"]


def check_losses(estimator: Any) -> Declaration:
    """Return what the estimator's loss and its regulariser need together.

    Raises
    ------
    TypeError, ValueError
        If one of them is no loss, they do not go together, or a parameter has no effect.
    """
    base, owner = check_loss_parameters(estimator), type(estimator).__name__
    if estimator.regularizer is None:
        return base
    added = declare_loss(estimator.regularizer, owner, "regularizer")
    if (added.target, added.margins) != (base.target, base.margins):
        raise _invalid(
            "regularizer",
            estimator.regularizer,
            owner,
            f"a loss of the target that {base.name} takes, {base.target!r} with "
            f"{base.margins!r} margins",
            f"{added.name} takes {added.target!r} with {added.margins!r} margins.",
        )
    return base._replace(
        reads=base.reads | added.reads,
        needs=base.needs | added.needs,
        takes_weight=base.takes_weight and added.takes_weight,
        separates_value=base.separates_value and added.separates_value,
        has_warmup=True,
        warms_up_on_itself=not base.has_warmup,
        basis="population" if "population" in (base.basis, added.basis) else "fpr",
        base=base,
        regularizer=added,
    )


def add_regularizer(
    estimator: Any,
    declaration: Declaration,
    base: EachMember,
    rows: TableDataset,
    queue_size: int,
) -> nn.Module:
    """Return the losses of the members with the estimator's regulariser added to them.

    Parameters
    ----------
    estimator : PAUCClassifier
        The estimator.
    declaration : Declaration
        What `check_losses` returned.
    base : EachMember
        The losses without it; returned where there is no regulariser.
    rows : TableDataset
        The rows to train on.
    queue_size : int
        Rows that a member's loss remembers, where it has a memory.
    """
    if declaration.regularizer is None or declaration.base is None:
        return base
    found, _ = make_loss(
        estimator, declaration.regularizer, rows, queue_size, parameter="regularizer"
    )
    return Regularized(
        base,
        EachMember(found, settings_of(estimator).n_members),
        estimator.regularizer_weight,
        declaration.base.columns,
        declaration.regularizer.columns,
    )


class Regularized(nn.Module):
    """The losses of an ensemble and their regularisers, each with the columns that it reads.

    Parameters
    ----------
    base, added : EachMember
        The losses, and what is added to them.
    weight : float
        Weight of what is added.
    of_base, of_added : frozenset of str
        Columns that they read, beside weights.
    """

    def __init__(
        self,
        base: EachMember,
        added: EachMember,
        weight: float,
        of_base: frozenset[str],
        of_added: frozenset[str],
    ) -> None:
        super().__init__()
        self.base, self.added, self.weight = base, added, float(weight)
        self._parts = nn.ModuleList([OwnColumns(base, of_base), OwnColumns(added, of_added)])

    @property
    def of_member(self) -> nn.ModuleList:
        """The members' losses without the regulariser."""
        return self.base.of_member

    @property
    def temperature(self) -> float:
        """Temperature of the losses, where they have one. The regulariser keeps its own."""
        return self.base.temperature

    @temperature.setter
    def temperature(self, value: float) -> None:
        self.base.temperature = value

    @property
    def has_sparse_gradient(self) -> bool:
        """Whether most rows of a batch have no gradient."""
        return self.base.has_sparse_gradient and self.added.has_sparse_gradient

    def reset_queue(self) -> None:
        """Forget the rows in the memory queues, where there are any."""
        self.base.reset_queue()
        self.added.reset_queue()

    def end_step(self) -> None:
        """Tell that the training step is over."""
        self.base.end_step()
        self.added.end_step()

    def forget_rows(self) -> None:
        """Forget what is known by the numbers of the rows."""
        self.base.forget_rows()
        self.added.forget_rows()

    def on_validation(self, score: float) -> None:
        """Tell the validation score."""
        self.base.on_validation(score)
        self.added.on_validation(score)

    def draw_from(self, generator: torch.Generator | None) -> None:
        """Let the losses of this package draw from a generator; None for the one of torch."""
        self.base.draw_from(generator)
        self.added.draw_from(generator)

    def take_observed(self) -> list[dict[str, float]]:
        """Return the diagnostics of the losses since the last call, one dict per step."""
        self.added.take_observed()
        return self.base.take_observed()

    def forward(
        self,
        scores: Tensor,
        targets: Tensor,
        iid_mask: Tensor | None = None,
        *,
        sample_weight: Tensor | None = None,
        **columns: Tensor,
    ) -> Tensor:
        """Return the sum of the members' losses and of their regularisers.

        Parameters
        ----------
        scores : Tensor of shape (n_rows, n_members, n_outputs)
        targets : Tensor of shape (n_rows, n_members)
        iid_mask, sample_weight : Tensor of shape (n_rows,), default=None
        **columns : Tensor of shape (n_rows,)
            Further columns that one of them reads.
        """
        if iid_mask is not None:
            columns["iid_mask"] = iid_mask
        total, added = (
            part(scores, targets, sample_weight=sample_weight, **columns) for part in self._parts
        )
        return total + self.weight * added
