"""Any NumPy loss as a torch loss."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from ...objectives import AtBudget, Loss, OneVsRest, Rows, find_loss
from ...objectives._compose import _map_parts, _parts_of, check_loss
from ...objectives._loss import check_names
from ._checks import (
    check_finite,
    check_flag,
    check_ignore_index,
    check_mask,
    check_rows,
    check_targets,
    check_tensor,
    check_weight,
    working_precision,
)

__all__ = ["NumpyLoss"]


class NumpyLoss(nn.Module):
    """A loss of `skbudget.objectives` as a torch loss.

    NumPy computes value and gradient on the CPU, and autograd is handed both. So every
    NumPy loss trains a network without being written a second time. Where the logits are
    on a GPU they are copied; a loss that is to be fast there has a torch module of its
    own, see `Loss.torch_loss <skbudget.objectives.Loss.torch_loss>`.

    Parameters
    ----------
    loss : Loss or str
        The loss, or a name from `skbudget.objectives.available`.
    per_row : bool, default=False
        Whether to divide a loss that is a sum (``scale="sum"``, as `WeightedSum` and
        `OneVsRest`) by the weight of the rows, so that it does not grow with the batch.
    ignore_index : int, default=-100
        Target of rows to leave out, as padding. A real target has none.

    Attributes
    ----------
    loss : Loss
        The loss.
    temperature : float
        Temperature of the loss, or of its first part that has one. Setting it changes
        all parts in proportion. Only where the loss has one.

    Raises
    ------
    TypeError
        If ``loss`` is neither a loss nor a name.
    ValueError
        If no loss has that name.

    See Also
    --------
    skbudget.objectives.Loss : What can be handed over.
    PAUCClassifier : Takes NumPy losses as they are.

    Notes
    -----
    A batch in which a binary loss has nothing to rank has a loss of zero, with a gradient
    of zero: a batch of one class, or one whose positives have no value. Rows of weight
    zero are left out. What the loss holds constant (band edges, thresholds) is found
    again in every batch, and there is no memory of past batches.

    Examples
    --------
    >>> import torch
    >>> from skbudget.neural import NumpyLoss
    >>> from skbudget.objectives import PairwisePAUC
    >>> loss = NumpyLoss(PairwisePAUC(beta=0.5, link="sigmoid"))
    >>> logits = torch.tensor([0.0, 1.0, 2.0, 3.0, 3.0], requires_grad=True)
    >>> value = loss(logits, torch.tensor([0, 0, 0, 0, 1]))
    >>> value.backward()
    >>> round(value.item(), 4), logits.grad.numpy().round(3)
    (0.3845, array([ 0.   ,  0.   ,  0.098,  0.125, -0.223], dtype=float32))
    """

    refuses_nonfinite: ClassVar[bool] = True

    def __init__(
        self, loss: Loss[Any] | str, *, per_row: bool = False, ignore_index: int = -100
    ) -> None:
        super().__init__()
        if isinstance(loss, str):
            loss = find_loss(loss)
        owner = type(self).__name__
        check_loss(loss, "loss", owner)
        self.loss = loss
        self.per_row = check_flag(per_row, "per_row", owner)
        self.ignore_index = check_ignore_index(ignore_index, owner)
        # A change of the temperature starts from here, so that it does not accumulate rounding.
        self._as_given = loss

    def extra_repr(self) -> str:
        """Return what a printed loss shows."""
        return repr(self.loss)

    @property
    def temperature(self) -> float:
        """Temperature of the loss, or of its first part that has one."""
        for part in _all_parts(self.loss):
            if hasattr(part, "temperature"):
                return part.temperature
        raise AttributeError(f"{type(self.loss).__name__} has no temperature.")

    @temperature.setter
    def temperature(self, value: float) -> None:
        given = NumpyLoss(self._as_given).temperature
        factor = value / given
        self.loss = self._as_given if factor == 1.0 else _sharpened(self._as_given, factor)

    @property
    def has_sparse_gradient(self) -> bool:
        """Whether most rows of a batch have no gradient."""
        return all(hasattr(part, "beta") for part in _all_parts(self.loss))

    def forward(
        self,
        logits: Tensor,
        targets: Tensor,
        iid_mask: Tensor | None = None,
        *,
        sample_weight: Tensor | None = None,
        **columns: Tensor | None,
    ) -> Tensor:
        """Return the loss of a batch, shape ().

        Parameters
        ----------
        logits : Tensor of shape (n_rows,) or (n_rows, n_margins)
            Raw scores. With several columns a binary loss ranks each class against the
            rest, see `skbudget.objectives.OneVsRest`.
        targets : Tensor of shape (n_rows,) or (n_rows, 1)
            0 and 1, class indices, levels from 0, or real numbers: what the loss takes.
        iid_mask : Tensor of shape (n_rows,), dtype=bool, default=None
            Rows drawn as in deployment, for a loss that reads them.
        sample_weight : Tensor of shape (n_rows,), default=None
            Weights, finite and at least 0. A weight of 2 is the row twice.
        **columns : Tensor of shape (n_rows,), or None
            Further columns that the loss reads, such as ``value`` or ``group``.

        Returns
        -------
        loss : Tensor of shape ()

        Raises
        ------
        FloatingPointError
            If logits are NaN or infinite, or beyond 1e100.
        ValueError
            If a shape, a target or a weight is not as described, a column that the loss
            needs is missing, or one is given that it does not read.
        """
        with working_precision(logits) as logits:
            rows = self._kept_rows(logits, targets, iid_mask, sample_weight, columns)
            if rows is None:
                # A zero that keeps the graph: there is a backward pass without a loss, too.
                return logits[:0].sum()
            return _NumpyValue.apply(logits, rows.value_and_gradient)

    def _kept_rows(
        self,
        logits: Tensor,
        targets: Tensor,
        iid_mask: Tensor | None,
        sample_weight: Tensor | None,
        columns: dict[str, Tensor | None],
    ) -> _Batch | None:
        """Return the rows that count, checked, or None if there are none."""
        loss = self.loss
        given = {name: column for name, column in columns.items() if column is not None}
        n_margins = logits.shape[1] if logits.ndim == 2 else 1
        table, targets = check_rows(logits, targets, n_margins)
        iid_mask = check_mask(iid_mask, "iid_mask", targets)
        if iid_mask is not None:
            given["iid_mask"] = iid_mask
        check_names(loss, set(given), type(loss).__name__)
        weight = check_weight(sample_weight, targets, torch.float64)
        kept = torch.ones_like(targets, dtype=torch.bool)
        if loss.target != "real":
            kept = targets != self.ignore_index
        if weight is not None:
            _check_range(weight)
            kept = kept & (weight > 0)
        check_finite(table[kept], type(self).__name__)
        if not bool(kept.any()):
            return None
        _check_logits(table[kept], type(self).__name__)
        raw = _on_cpu(table).astype(np.float64)
        if n_margins == 1 and loss.margins == "one":
            raw = raw[:, 0]
        return _Batch(
            loss,
            _on_cpu(kept),
            raw,
            _coded(loss, targets[kept], n_margins),
            None if weight is None else _on_cpu(weight[kept]),
            {
                name: _on_cpu(_checked(column, targets, name)[kept])
                for name, column in given.items()
            },
            self.per_row,
        )


class _NumpyValue(torch.autograd.Function):
    """The value of a loss, with the gradient that NumPy found on the way."""

    @staticmethod
    def forward(
        ctx: Any, logits: Tensor, value_and_gradient: Callable[[], tuple[float, NDArray]]
    ) -> Tensor:
        value, gradient = value_and_gradient()
        ctx.save_for_backward(
            torch.from_numpy(gradient).to(logits.device, logits.dtype).view_as(logits)
        )
        return logits.new_tensor(value)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = ctx.saved_tensors
        return grad * gradient, None


@dataclass(frozen=True, eq=False)
class _Batch:
    """A loss together with the rows of a batch.

    Attributes
    ----------
    loss : Loss
    kept : ndarray of shape (n_rows,), dtype=bool
        The rows that count.
    raw : ndarray of shape (n_rows,) or (n_rows, n_margins)
        Raw scores of all rows.
    target, weight, columns : ndarray of shape (n_kept,), that or None, and dict of that
        What is known about the rows that count.
    per_row : bool
        Whether a sum is divided by the weight of the rows.
    """

    loss: Loss[Any]
    kept: NDArray[np.bool_]
    raw: NDArray[np.float64]
    target: NDArray[Any]
    weight: NDArray[np.float64] | None
    columns: dict[str, NDArray[Any]]
    per_row: bool

    def value_and_gradient(self) -> tuple[float, NDArray[np.float64]]:
        """Return the loss, and its gradient with the shape of ``raw``."""
        value, gradient = 0.0, np.zeros(self.raw.shape)
        for loss, rows, column in self._ranked():
            loss = loss.resolved(rows)
            held = loss.hold(rows)
            scale = self._scale(loss, rows)
            value += scale * loss.value(rows, held)
            of_kept = loss.derivatives(rows, held).dense(rows.n_samples, scale=scale)[0]
            into = gradient if column is None else gradient[:, column]
            into[self.kept] = of_kept
        return value, gradient

    def _ranked(self) -> Iterator[tuple[Loss[Any], Rows, int | None]]:
        """Yield what is to be evaluated, with its column of the logits (None for all)."""
        loss, raw = self.loss, self.raw[self.kept]
        if isinstance(loss, OneVsRest):
            loss = loss.loss_of_class
        one_vs_rest = loss.target == "binary" and raw.ndim == 2
        for column in range(raw.shape[1]) if one_vs_rest else (None,):
            target = self.target if column is None else self.target == column
            if loss.target != "binary" or self._can_rank(target):
                own = raw if column is None else raw[:, column]
                yield loss, Rows(target, own, self.weight, self.columns), column

    def _can_rank(self, positive: NDArray[np.bool_]) -> bool:
        value = self.columns.get("value")
        worth_something = value is None or bool(value[positive].any())
        return bool(positive.any()) and not positive.all() and worth_something

    def _scale(self, loss: Loss[Any], rows: Rows) -> float:
        is_sum = self.raw.ndim == 2 and loss.target == "binary"
        factor = loss.boosting_factor(rows) if is_sum else 1.0
        is_sum = is_sum or loss.scale == "sum"
        return factor / rows.total_weight if self.per_row and is_sum else factor


def _check_logits(logits: Tensor, owner: str) -> None:
    """Refuse logits whose differences and squares a float does not hold."""
    if logits.dtype != torch.float64:
        return
    most = float(logits.detach().abs().max())
    if most > 1e100:
        raise FloatingPointError(
            f"{owner} was handed logits that go up to {most:g}, which no loss can compare: the "
            "network diverged. Lower lr, or scale the features (StandardScaler)."
        )


def _check_range(weight: Tensor) -> None:
    """Refuse weights whose products a float does not hold."""
    most = float(weight.max()) if weight.numel() else 0.0
    if most and not 1e-100 < most < 1e100:
        raise ValueError(
            f"sample_weight is beyond the range in which the loss computes: the weights go up to "
            f"{most:g}. Divide them by their mean."
        )


def _coded(loss: Loss[Any], targets: Tensor, n_margins: int) -> NDArray[Any]:
    """Return the targets as the loss takes them, checked."""
    if loss.target == "real":
        if not bool(torch.isfinite(targets).all()):
            raise ValueError("targets contain NaN or infinity.")
        return _on_cpu(targets).astype(np.float64)
    if loss.target == "ordinal":
        last = {"one": math.inf, "thresholds": n_margins, "classes": n_margins - 1}[loss.margins]
        wrong = targets[(targets < 0) | (targets > last) | (targets != targets.floor())]
        if wrong.numel():
            ends = "from 0 on" if last == math.inf else f"from 0 to {last}"
            raise ValueError(f"targets must be levels {ends}: got {wrong[:5].tolist()}.")
    else:
        check_targets(targets, n_margins)
    codes = _on_cpu(targets).astype(np.int64)
    return codes == 1 if loss.target == "binary" and n_margins == 1 else codes


def _checked(values: Tensor, targets: Tensor, name: str) -> Tensor:
    """Return a column that a loss reads, of shape (n_rows,)."""
    check_tensor(values, name)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.shape != targets.shape:
        raise ValueError(
            f"{name} must have shape {tuple(targets.shape)}, as targets have: got "
            f"{tuple(values.shape)}."
        )
    if name == "value" and not bool((torch.isfinite(values) & (values >= 0)).all()):
        raise ValueError("value must be finite and at least 0.")
    return values


def _on_cpu(values: Tensor) -> NDArray[Any]:
    values = values.detach().cpu()
    return (values.float() if values.dtype in (torch.bfloat16, torch.float16) else values).numpy()


def _all_parts(loss: Loss[Any]) -> Iterator[Loss[Any]]:
    """Yield the losses that a loss is made of, those of an `AtBudget` included."""
    for part in _parts_of(loss):
        if isinstance(part, AtBudget):
            yield from _all_parts(part.loss_over_band)
        else:
            yield part


def _sharpened(loss: Loss[Any], factor: float) -> Loss[Any]:
    """Return a loss with all temperatures times a factor."""

    def change(part: Loss[Any]) -> Loss[Any]:
        if isinstance(part, AtBudget):
            return part.replace(loss_over_band=_sharpened(part.loss_over_band, factor))
        temperature = getattr(part, "temperature", None)
        return part if temperature is None else part.replace(temperature=factor * temperature)

    return _map_parts(loss, change)
