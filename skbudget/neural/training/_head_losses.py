"""The sum of the losses of several heads, with weights that are fixed or learnt."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..losses._warmup import LossWarmup
from ._criterion import Declaration, find_loss_of, make_loss
from ._heads import estimator_of_head, rows_of_head, trained_heads
from ._members import IGNORED, EachMember, _of_own_rows
from ._module import MLP, SharedScore
from ._rows import TableDataset
from ._settings import settings_of
from ._start import start_of

__all__ = ["HeadLosses", "SeveralHeads", "add_heads", "begin_heads_at_start", "head_sizes"]

# What `SeveralHeads` calls the head that is scored.
MAIN = "y"

# Of what a learnt weight may be: that of a loss which has come to nothing would grow for ever.
_LEAST_LOG_VARIANCE = -15.0


def head_sizes(estimator: Any, declaration: Declaration) -> dict[str, int]:
    """Return the number of outputs of each head that is trained, by name."""
    sizes = {}
    for head in trained_heads(declaration):
        classes = estimator.head_classes_.get(head.name, ())
        sizes[head.name] = head.loss.n_outputs(len(classes))
    return sizes


def add_heads(
    estimator: Any,
    declaration: Declaration,
    main: LossWarmup,
    rows: TableDataset,
    n_batches: int,
    n_main: int,
) -> nn.Module:
    """Return the loss of an ensemble with those of its heads added to it.

    Parameters
    ----------
    estimator : PAUCClassifier
        The estimator.
    declaration : Declaration
        What its losses need.
    main : LossWarmup
        The loss of the head that is scored; returned where no head is trained.
    rows : TableDataset
        The rows to train on.
    n_batches : int
        Steps of an epoch.
    n_main : int
        Outputs of the head that is scored.
    """
    trained = trained_heads(declaration)
    if not trained:
        return main
    sizes = head_sizes(estimator, declaration)
    losses, start = {}, n_main
    for head in trained:
        own = rows_of_head(head, rows)
        queue_size = min(settings_of(estimator).queue_size, len(own) - -(-len(own) // n_batches))
        loss, _ = make_loss(
            estimator_of_head(estimator, head),
            head.loss,
            own,
            max(queue_size, 0),
        )
        end = start + sizes[head.name]
        losses[head.name] = HeadLosses(
            EachMember(loss, settings_of(estimator).n_members),
            slice(start, end),
            head.loss.columns - {"value"},
            head.weight,
        )
        start = end
    return SeveralHeads(
        main,
        losses,
        n_main,
        declaration.main_columns,
        learnt=estimator.head_weighting == "uncertainty",
    )


def begin_heads_at_start(
    module: Any, estimator: Any, declaration: Declaration, rows: TableDataset
) -> None:
    """Add the constants that heads begin from to the biases of their outputs.

    Parameters
    ----------
    module : Module
        The network; left as it is unless it is our own.
    estimator : PAUCClassifier
        The estimator.
    declaration : Declaration
        What its losses need.
    rows : TableDataset
        The training rows.
    """
    if isinstance(module, SharedScore):
        module = module.network
    if not isinstance(module, MLP):
        return
    begin = 0
    for head in trained_heads(declaration):
        own = rows_of_head(head, rows)
        size = head_sizes(estimator, declaration)[head.name]
        start = start_of(find_loss_of(estimator_of_head(estimator, head)), own, size)
        if start is None and head.loss.target == "real" and len(own):
            # A torch module does not say where it begins: at the mean, as the square does.
            weight = own.about.get("weight")
            weights = None if weight is None else weight.numpy()
            start = np.atleast_1d(np.average(own.about["y"].numpy(), weights=weights))
        if start is not None:
            with torch.no_grad():
                assert module.head_bias is not None
                bias = module.head_bias[:, :, begin : begin + size]
                bias.add_(torch.from_numpy(start).to(bias.dtype))
        begin += size


class HeadLosses(nn.Module):
    """The losses of one head, one for each member of the ensemble.

    Parameters
    ----------
    each : EachMember
        The losses.
    outputs : slice
        The columns of the scores that belong to the head.
    columns : frozenset of str
        Columns that the losses read, beside weights.
    weight : float
        Weight of the head in the sum.
    """

    def __init__(
        self, each: EachMember, outputs: slice, columns: frozenset[str], weight: float
    ) -> None:
        super().__init__()
        self.each, self.outputs, self.columns, self.weight = each, outputs, columns, weight

    def forward(
        self,
        scores: Tensor,
        targets: Tensor,
        left_out: Tensor | None,
        sample_weight: Tensor | None,
        columns: dict[str, Tensor],
    ) -> Tensor | None:
        """Return the sum of the members' losses; None where no target is known.

        Parameters
        ----------
        scores : Tensor of shape (n_rows, n_members, n_outputs)
            Outputs of all heads.
        targets : Tensor of shape (n_rows,)
            The head's targets: `IGNORED` or NaN where they are not known.
        left_out : Tensor of shape (n_rows, n_members), dtype=bool, or None
            Rows that a member is not trained on.
        sample_weight : Tensor of shape (n_rows,), or None
        columns : dict of str to Tensor of shape (n_rows,)
        """
        is_real = targets.is_floating_point()
        known = ~torch.isnan(targets) if is_real else targets != IGNORED
        if not bool(known.any()):
            return None
        own = scores[:, :, self.outputs]
        given = {name: column for name, column in columns.items() if name in self.columns}
        if sample_weight is not None:
            given["sample_weight"] = sample_weight
        if is_real:
            return self._of_numbers(own, targets, known, left_out, given)
        of_members = targets[:, None].expand(-1, own.shape[1])
        if left_out is not None:
            of_members = of_members.masked_fill(left_out, IGNORED)
        return self.each(own, of_members, **given)

    def _of_numbers(
        self,
        scores: Tensor,
        targets: Tensor,
        known: Tensor,
        left_out: Tensor | None,
        given: dict[str, Tensor],
    ) -> Tensor:
        """Return the sum of the members' losses of numbers, among which none stands for no row."""
        names = self.each._names
        given = {name: column for name, column in given.items() if names is None or name in names}
        total = scores.new_zeros(())
        for number, loss in enumerate(self.each.of_member):
            rows = known if left_out is None else known & ~left_out[:, number]
            if not bool(rows.any()):
                continue
            kept = {name: column[rows] for name, column in given.items()}
            total = total + _of_own_rows(loss, scores[rows, number], targets[rows], kept)
        return total


class SeveralHeads(nn.Module):
    r"""The loss of the head that is scored, and those of the heads beside it.

    With fixed weights :math:`w_h` it is :math:`L + \sum_h w_h L_h`. With learnt ones each head,
    the one that is scored included, has a number :math:`s_h`, and the loss is

    .. math::
        \sum_h w_h \left(e^{-s_h} L_h + s_h / 2\right)

    Parameters
    ----------
    main : LossWarmup
        The loss of the head that is scored.
    heads : dict of str to HeadLosses
        Those beside it.
    n_main : int
        Outputs of the head that is scored, the first ones.
    columns : frozenset of str
        Columns that its loss reads.
    learnt : bool, default=False
        Whether weights are learnt.
    """

    def __init__(
        self,
        main: LossWarmup,
        heads: dict[str, HeadLosses],
        n_main: int,
        columns: frozenset[str],
        *,
        learnt: bool = False,
    ) -> None:
        super().__init__()
        self.main, self.heads = main, nn.ModuleDict(heads)
        self.n_main, self.columns = n_main, columns
        self.n_beside = max(head.outputs.stop for head in heads.values()) - n_main
        self.weights = (1.0, *(head.weight for head in heads.values()))
        self.log_variances: nn.Parameter | None = None
        if learnt:
            self.log_variances = nn.Parameter(torch.zeros(1 + len(heads)))
        self._began = [False] * (1 + len(heads))
        self._observed: list[Tensor] = []

    # --- what the net asks of a loss with a warm-up -----------------------------------

    @property
    def main_loss(self) -> Any:
        """The losses that the head which is scored has after its warm-up."""
        return self.main.main_loss

    @property
    def main_weight(self) -> float:
        """Current weight of these."""
        return self.main.main_weight

    @property
    def warmup_loss(self) -> Any:
        """The loss before these."""
        return self.main.warmup_loss

    def on_train_epoch_start(self, epoch: int) -> None:
        """Tell the epoch, from 0."""
        self.main.on_train_epoch_start(epoch)

    def on_train_batch_start(self, step: int) -> None:
        """Tell the step since training began, from 0."""
        for head in self._heads:
            head.each.end_step()
        self.main.on_train_batch_start(step)

    @property
    def _heads(self) -> list[Any]:
        return list(self.heads.values())

    @property
    def all_losses(self) -> list[Any]:
        """The losses of every head."""
        return [self.main_loss, *(head.each for head in self._heads)]

    # --- the sum ----------------------------------------------------------------------

    def forward(
        self,
        scores: Tensor,
        targets: Tensor,
        *,
        sample_weight: Tensor | None = None,
        **columns: Tensor,
    ) -> Tensor:
        """Return the sum over heads and members.

        Parameters
        ----------
        scores : Tensor of shape (n_rows, n_members, n_outputs)
            Outputs of all heads.
        targets : Tensor of shape (n_rows, n_members)
            Targets of the head that is scored.
        sample_weight : Tensor of shape (n_rows,), default=None
        **columns : Tensor of shape (n_rows,)
            Columns that losses read, and the targets of the heads as ``head:*``.
        """
        of_main = {name: column for name, column in columns.items() if name in self.columns}
        if sample_weight is not None:
            of_main["sample_weight"] = sample_weight
        left_out = None
        if not targets.is_floating_point():
            left_out = targets == IGNORED
            if left_out.ndim == 3:
                left_out = left_out.any(dim=2)
            left_out = left_out if bool(left_out.any()) else None
        found: list[Tensor | None] = [
            self.main(scores[:, :, : self.n_main], targets, **of_main),
            *(
                head(scores, columns[f"head:{name}"], left_out, sample_weight, columns)
                for name, head in self.heads.items()
            ),
        ]
        n_members = scores.shape[1]
        if self.training:
            self._observe(found, n_members)
        if self.log_variances is None:
            total = scores.new_zeros(())
            for number, (loss, weight) in enumerate(zip(found, self.weights)):
                if loss is not None:
                    # The first as it is, so that it is the same number as alone.
                    total = loss if number == 0 else total + weight * loss
            return total
        if self.training:
            self._begin(found, n_members)
        total = scores.new_zeros(())
        for number, (loss, weight) in enumerate(zip(found, self.weights)):
            if loss is not None:
                s = self.log_variances[number].clamp(min=_LEAST_LOG_VARIANCE)
                total = total + weight * (torch.exp(-s) * loss + n_members * s / 2)
        return total

    def _begin(self, found: list[Tensor | None], n_members: int) -> None:
        """Let a number begin where it is best for the first loss that there is."""
        assert self.log_variances is not None
        for number, loss in enumerate(found):
            if loss is None or self._began[number]:
                continue
            self._began[number] = True
            mean = float(loss.detach()) / n_members
            if mean > 0 and math.isfinite(mean):
                with torch.no_grad():
                    self.log_variances[number] = max(math.log(2 * mean), _LEAST_LOG_VARIANCE)

    @property
    def effective_weights(self) -> list[float]:
        """What each head's loss is multiplied by now, the one that is scored first."""
        if self.log_variances is None:
            return list(self.weights)
        s = self.log_variances.detach().clamp(min=_LEAST_LOG_VARIANCE).tolist()
        return [weight * math.exp(-one) for weight, one in zip(self.weights, s)]

    # --- diagnostics ------------------------------------------------------------------

    @property
    def diagnostic_names(self) -> list[str]:
        """Names of what `take_head_diagnostics` returns."""
        names = [MAIN, *self.heads]
        return [f"{what}_{name}" for what in ("loss", "weight") for name in names]

    def _observe(self, found: list[Tensor | None], n_members: int) -> None:
        numbers = [
            torch.full((), math.nan) if loss is None else loss.detach().float() / n_members
            for loss in found
        ]
        device = numbers[0].device
        self._observed.append(torch.stack([one.to(device) for one in numbers]))

    def take_head_diagnostics(self) -> dict[str, float]:
        """Return mean losses per head since the last call, and the weights now."""
        for head in self._heads:
            head.each.take_observed()
        means = [math.nan] * len(self.weights)
        if self._observed:
            means = torch.stack(self._observed).nanmean(dim=0).tolist()
        self._observed = []
        return dict(zip(self.diagnostic_names, [*means, *self.effective_weights]))
