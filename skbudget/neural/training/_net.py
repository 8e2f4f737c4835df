"""The training loop: a skorch net whose loss compares rows, and its callbacks."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from skorch import NeuralNet
from skorch.callbacks import Callback
from skorch.dataset import unpack_data
from torch import Tensor

from ._members import IGNORED, temperature_of
from ._module import MLP

__all__ = ["BestEpoch", "Clock", "Diagnostics", "Progress", "RankingNet"]

# Entries of a batch that the net itself reads; the others are columns for the loss.
OF_NET = frozenset({"y", "weight", "fold"})


class RankingNet(NeuralNet):
    """A skorch net that hands its loss everything that is known about the rows of a batch."""

    # Network and loss are parameters too, the same objects that are trained. If they were saved
    # apart, they would come back as copies, and not at all on a machine without a GPU.
    cuda_dependent_attributes_: ClassVar[list[str]] = [
        *NeuralNet.cuda_dependent_attributes_,
        "module",
        "criterion",
    ]

    def get_loss(
        self, y_pred: Tensor, y_true: Any, X: Any = None, training: bool = False
    ) -> Tensor:
        """Return the loss of a batch."""
        about = {name: values.to(self.device) for name, values in y_true.items()}
        members = torch.arange(y_pred.shape[1], device=y_pred.device)
        y = about["y"]
        targets = y.unsqueeze(1).expand(-1, members.numel(), *y.shape[1:])
        if "fold" in about:
            # A member leaves out the fold of its number.
            left_out = about["fold"][:, None] == members
            left_out = left_out.reshape(*left_out.shape, *[1] * (y.ndim - 1))
            targets = targets.masked_fill(left_out, IGNORED)
        given = {name: values for name, values in about.items() if name not in OF_NET}
        if "weight" in about:
            given["sample_weight"] = about["weight"]
        return self.criterion_(y_pred, targets, **given)

    def train_step(self, batch: Any, **fit_params: Any) -> dict[str, Any]:
        """Return the step, or raise where the network has diverged."""
        try:
            return super().train_step(batch, **fit_params)
        except FloatingPointError as error:
            raise FloatingPointError(
                f"The network diverged in epoch {len(self.history)}, where its scores became NaN "
                f"or infinite. Lower lr, or scale the features (StandardScaler). lr is {self.lr:g}."
            ) from error

    def train_step_single(self, batch: Any, **fit_params: Any) -> dict[str, Any]:
        """Return the step, with the mean loss of the members to be recorded."""
        # With a loss over a band, a few rows in a hundred have a gradient.
        few_rows_matter = (
            not self._has_heads
            and self.criterion_.main_weight == 1.0
            and self.criterion_.main_loss.has_sparse_gradient
            and isinstance(self.module_, MLP)
        )
        take_step = self._step_of_few_rows if few_rows_matter else super().train_step_single
        step = take_step(batch, **fit_params)
        return {**step, "loss": step["loss"].detach() / step["y_pred"].shape[1]}

    def _step_of_few_rows(self, batch: Any) -> dict[str, Any]:
        """Find the same gradients as any step, but pass back only the rows that have one."""
        self._set_training(True)
        X, about = unpack_data(batch)
        X = X.to(self.device)
        with torch.no_grad():
            scores = self.module_(X)
        scores.requires_grad_()
        loss = self.get_loss(scores, about, X=X, training=True)
        (slope,) = torch.autograd.grad(loss, scores)
        rows = slope.flatten(1).any(dim=1).nonzero()[:, 0]
        torch.autograd.backward(self.module_(X[rows]), slope[rows])
        return {"loss": loss, "y_pred": scores.detach()}

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Raise if the network has diverged, before a callback uses what is left of it."""
        super().on_epoch_end(net, **kwargs)
        losses = self.history[-1, "batches", :, "train_loss"]
        finite = np.isfinite(losses).all() and all(
            bool(torch.isfinite(weight).all()) for weight in self.module_.parameters()
        )
        if not finite:
            raise FloatingPointError(
                f"The network diverged in epoch {len(self.history)}, where its loss became "
                f"{losses[-1]:g}. Lower lr, or scale the features (StandardScaler). lr is "
                f"{self.lr:g}."
            )

    @property
    def _has_heads(self) -> bool:
        """Whether there are outputs beside those that are scored."""
        return hasattr(self.criterion_, "n_main")

    def scores_of(self, rows: Any) -> NDArray[np.float64]:
        """Return the raw scores of some rows, shape (n_rows, n_members, n_outputs)."""
        outputs = self.outputs_of(rows)
        return outputs[:, :, : self.criterion_.n_main] if self._has_heads else outputs

    def outputs_of(self, rows: Any) -> NDArray[np.float64]:
        """Return the raw scores of some rows, those of heads beside the one scored at the end."""
        self.module_.eval()
        with torch.no_grad():
            parts = [
                self.module_(X.to(self.device)).double().cpu()
                for X, _ in self.get_iterator(rows, training=False)
            ]
        return torch.cat(parts).numpy()


class Clock(Callback):
    """Tells the loss the epoch and the step, which count over all calls of `partial_fit`."""

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
        temperature = temperature_of(net.criterion_.main_loss)
        net.history.record("temperature", math.nan if temperature is None else temperature)
        for name in self.names:
            values = np.array([step.get(name, math.nan) for step in observed], dtype=float)
            known = values[~np.isnan(values)]
            net.history.record(name, float(known.mean()) if known.size else math.nan)
        if hasattr(net.criterion_, "take_head_diagnostics"):
            for name, value in net.criterion_.take_head_diagnostics().items():
                net.history.record(name, value)


class BestEpoch(Callback):
    """Keeps the weights of the best epoch, and stops if no better one comes for long.

    Without a ``score`` the last complete epoch is the best. What an interrupted epoch
    has changed is undone, if there was training before it.

    Parameters
    ----------
    score : callable or None
        ``score(net)`` after each epoch; greater is better.
    patience : int
        Epochs without a better score before training stops.
    start : int
        Epochs before the first that counts: the warm-up and the blend.

    Attributes
    ----------
    n_epochs_, epoch_ : int
        Complete epochs of the run, and the best of them; 0 for none.
    interrupted_ : bool
        Whether the run ended within an epoch.
    """

    def __init__(
        self,
        score: Callable[[Any], float] | None = None,
        patience: int = 10,
        start: int = 0,
    ) -> None:
        self.score = score
        self.patience = patience
        self.start = start

    def on_train_begin(self, net: Any, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        """Forget earlier runs, except for the weights that they left."""
        self.best_, self.epoch_, self.n_epochs_ = -math.inf, 0, 0
        self.interrupted_ = False
        self.state_ = _weights(net) if net.history else None

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        """Stop if patience has run out, now that all callbacks have seen the last epoch."""
        if self.score is not None and self.n_epochs_ - self.epoch_ >= self.patience:
            net.history.pop()
            raise KeyboardInterrupt  # how skorch's own early stopping ends a run
        self.interrupted_ = True

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Compare the epoch with the best one."""
        value = -math.inf
        if self.score is not None:
            value = self.score(net)
            net.history.record("valid_coverage", value)
        self.n_epochs_ += 1
        counts = self.score is not None and self.n_epochs_ > self.start
        if counts:
            net.criterion_.main_loss.on_validation(value)
        if value > self.best_ or not counts:
            # Before the main phase the latest epoch is kept, whatever its score.
            self.best_ = value if counts else -math.inf
            self.epoch_ = self.n_epochs_
            self.state_ = _weights(net)
        self.interrupted_ = False

    def on_train_end(self, net: Any, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        """Go back to the best epoch."""
        if self.interrupted_:
            net.history.pop()
        if self.state_ is not None:
            net.module_.load_state_dict(self.state_)
            self.state_ = None


def _weights(net: Any) -> dict[str, Tensor]:
    """Return a copy of the weights."""
    state = net.module_.state_dict()
    return {name: tensor.detach().clone() for name, tensor in state.items()}


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
