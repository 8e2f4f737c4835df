"""The training loop: a skorch net whose loss compares rows, and its callbacks."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch import Tensor, nn

from ._cross_entropy import WeightedCrossEntropyLoss
from ._pauc import PAUCAtBudgetLoss

__all__ = [
    "AllMembers",
    "BestEpoch",
    "Clock",
    "Diagnostics",
    "EachMember",
    "Progress",
    "RankingNet",
]

IGNORED = -100


class EachMember(nn.Module):
    """The ranking loss of an ensemble: each member has its own, with its own queue.

    Parameters
    ----------
    loss : PAUCAtBudgetLoss
        Loss of one member; copied.
    n_members : int
        Number of members.
    """

    def __init__(self, loss: PAUCAtBudgetLoss, n_members: int) -> None:
        super().__init__()
        self.of_member = nn.ModuleList(copy.deepcopy(loss) for _ in range(n_members))
        self.observed: list[dict[str, float]] = []
        self._turn = 0

    @property
    def temperature(self) -> float:
        """Temperature of the comparison."""
        return self.of_member[0].temperature

    @temperature.setter
    def temperature(self, value: float) -> None:
        for loss in self.of_member:
            loss.temperature = value

    def reset_queue(self) -> None:
        """Forget the rows in the memory queues."""
        for loss in self.of_member:
            loss.reset_queue()

    def forward(
        self,
        scores: Tensor,
        targets: Tensor,
        iid_mask: Tensor | None = None,
        *,
        sample_weight: Tensor | None = None,
    ) -> Tensor:
        """Return the sum of the members' losses.

        Parameters
        ----------
        scores : Tensor of shape (n_rows, n_members, n_outputs)
        targets : Tensor of shape (n_rows, n_members)
            A member is not trained on the rows that it is to ignore.
        iid_mask, sample_weight : Tensor of shape (n_rows,), default=None
        """
        total = scores.new_zeros(())
        for number, loss in enumerate(self.of_member):
            mine = (scores[:, number], targets[:, number], iid_mask)
            # One member a step is looked at, in turn: what is reported is a mean anyway.
            if number == self._turn:
                value, found = loss(*mine, sample_weight=sample_weight, return_diagnostics=True)
                self._observe(found)
            else:
                value = loss(*mine, sample_weight=sample_weight)
            total = total + value
        self._turn = (self._turn + 1) % len(self.of_member)
        return total

    def _observe(self, found: dict[str, Tensor]) -> None:
        stacked = torch.stack([values.double() for values in found.values()])
        # Over classes; one without a loss has no edges.
        means = torch.nanmean(stacked, dim=1).tolist()
        idle = float(torch.isnan(found["tau_eff"]).double().mean())
        self.observed.append({**dict(zip(found, means)), "idle_share": idle})

    def take_observed(self) -> list[dict[str, float]]:
        """Return the diagnostics since the last call, one dict per step."""
        observed, self.observed = self.observed, []
        return observed


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
        self, scores: Tensor, targets: Tensor, *, sample_weight: Tensor | None = None
    ) -> Tensor:
        """Return the sum over the members, as if all ignored equally many rows."""
        n_members = targets.shape[1]
        if sample_weight is not None:
            sample_weight = sample_weight.repeat_interleave(n_members)
        mean = self.loss(scores.flatten(0, 1), targets.flatten(), sample_weight=sample_weight)
        return n_members * mean


class RankingNet(NeuralNet):
    """A skorch net that hands its loss all that is known about the rows of a batch."""

    def get_loss(
        self, y_pred: Tensor, y_true: Any, X: Any = None, training: bool = False
    ) -> Tensor:
        """Return the loss of a batch."""
        about = {name: values.to(self.device) for name, values in y_true.items()}
        members = torch.arange(y_pred.shape[1], device=y_pred.device)
        targets = about["y"][:, None].expand(-1, members.numel())
        if "fold" in about:
            # A member leaves out the fold of its number.
            targets = targets.masked_fill(about["fold"][:, None] == members, IGNORED)
        optional = {"iid_mask": about.get("iid"), "sample_weight": about.get("weight")}
        given = {name: values for name, values in optional.items() if values is not None}
        return self.criterion_(y_pred, targets, **given)

    def train_step_single(self, batch: Any, **fit_params: Any) -> dict[str, Any]:
        """Return the step, with the mean loss of the members to be recorded."""
        step = super().train_step_single(batch, **fit_params)
        return {**step, "loss": step["loss"].detach() / step["y_pred"].shape[1]}

    def scores_of(self, rows: Any) -> NDArray[np.float64]:
        """Return the raw scores of some rows, shape (n_rows, n_members, n_outputs)."""
        self.module_.eval()
        with torch.no_grad():
            parts = [
                self.module_(X.to(self.device)).double().cpu()
                for X, _ in self.get_iterator(rows, training=False)
            ]
        return torch.cat(parts).numpy()


class Clock(Callback):
    """Tells the loss the epoch and the step; goes on over calls of `partial_fit`."""

    def __init__(self) -> None:
        self.epoch = 0
        self.step = 0

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        """Tell the epoch."""
        net.criterion_.on_train_epoch_start(self.epoch)
        self.epoch += 1

    def on_batch_begin(self, net: Any, batch: Any = None, training: bool = False, **_: Any) -> None:
        """Tell the step."""
        if training:
            net.criterion_.on_train_batch_start(self.step)
            self.step += 1


class Diagnostics(Callback):
    """Puts the mean diagnostics of an epoch into the history."""

    names = (
        "t_alpha",
        "t_beta",
        "tau_eff",
        "band_neg_count",
        "grad_pos_count",
        "pauc_var",
        "idle_share",
    )

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Record the epoch."""
        observed = net.criterion_.main_loss.take_observed()
        net.history.record("main_weight", net.criterion_.main_weight)
        net.history.record("temperature", net.criterion_.current_temperature)
        for name in self.names:
            values = np.array([step[name] for step in observed])
            known = values[~np.isnan(values)]
            net.history.record(name, float(known.mean()) if known.size else math.nan)
        loss = net.history[-1, "batches", :, "train_loss"]
        if not np.isfinite(loss).all():
            raise FloatingPointError(
                f"The training loss became {loss[-1]} in epoch {len(net.history)}: the network "
                "diverged. Lower lr, or scale the features (StandardScaler)."
            )


class BestEpoch(Callback):
    """Keeps the weights of the best epoch, and stops when it is long past.

    Without a ``score`` the last complete epoch is the best: what an interrupted
    epoch has changed is undone.

    Parameters
    ----------
    score : callable or None
        ``score(net)`` after each epoch; greater is better.
    patience : int
        Epochs without a better score before training stops.
    start : int
        Epochs before the first that counts: the warm-up and the blend.
    """

    def __init__(
        self, score: Callable[[Any], float] | None, patience: int = 10, start: int = 0
    ) -> None:
        self.score = score
        self.patience = patience
        self.start = start

    def on_train_begin(self, net: Any, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        """Forget earlier runs."""
        self.best_, self.epoch_ = -math.inf, 0
        self.state_: dict[str, Tensor] | None = None
        self.n_epochs_ = 0
        self.interrupted_ = True

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Compare the epoch with the best one."""
        self.n_epochs_ += 1
        value = self.best_ if self.score is None else self.score(net)
        if self.score is not None:
            net.history.record("valid_coverage", value)
        counts = self.n_epochs_ > self.start
        if self.score is None or value > self.best_ or not counts:
            # Before the main phase the latest epoch is kept, whatever its score.
            self.best_ = value if counts else -math.inf
            self.epoch_ = self.n_epochs_
            self.state_ = {
                name: tensor.detach().clone() for name, tensor in net.module_.state_dict().items()
            }
        elif self.n_epochs_ - self.epoch_ >= self.patience:
            self.interrupted_ = False
            raise KeyboardInterrupt  # how skorch's own early stopping ends a run
        if self.n_epochs_ == net.max_epochs:
            self.interrupted_ = False

    def on_train_end(self, net: Any, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        """Go back to the best epoch."""
        if self.state_ is not None:
            net.module_.load_state_dict(self.state_)
            self.state_ = None
        if self.interrupted_:
            warnings.warn(
                f"Training was interrupted after {self.n_epochs_} of {net.max_epochs} epochs; "
                f"the model is that of epoch {self.epoch_}.",
                UserWarning,
                stacklevel=2,
            )


class Progress(Callback):
    """A progress bar over the steps of a run."""

    def on_train_begin(self, net: Any, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        """Show the bar."""
        from tqdm.auto import tqdm

        n_batches = -(-len(X) // net.batch_size)
        self.bar_ = tqdm(total=net.max_epochs * n_batches, unit="batch", desc="fit")

    def on_batch_end(self, net: Any, training: bool = False, **kwargs: Any) -> None:
        """Move it."""
        if training:
            self.bar_.update()

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Show the loss, and the coverage if there is one."""
        epoch = net.history[-1]
        losses = net.history[-1, "batches", :, "train_loss"]
        shown = {"loss": f"{np.mean(losses):.4f}"}
        if "valid_coverage" in epoch:
            shown["coverage"] = f"{epoch['valid_coverage']:.3f}"
        self.bar_.set_postfix(shown)

    def on_train_end(self, net: Any, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        """Close it."""
        self.bar_.close()
        del self.bar_
