"""A constraint on every positive, with a multiplier each, as a torch loss."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from ..._utils.validation import check_finite as check_number
from ..._utils.validation import check_positive
from ...objectives.losses._ranks import check_multipliers
from ._checks import (
    check_finite,
    check_ignore_index,
    check_rows,
    check_targets,
    check_tensor,
    check_weight,
    working_precision,
)
from ._step import BatchKey

__all__ = ["ALMLoss"]

# Multipliers of more rows are a mistake: the number is that of something else.
_MOST_ROWS = 2**31
# Batches of a step, at most: where nobody tells that it is over, the first are forgotten.
_MOST_BATCHES = 4096


class ALMLoss(nn.Module):
    r"""A constraint on every positive, by an augmented Lagrangian with a multiplier each.

    Each positive :math:`i` is to be above all negatives :math:`j` by a margin
    :math:`\delta`, :math:`q_i = \sum_{j \in N} w_j \max(0, \delta - (s_i - s_j)) = 0`, and

    .. math::
        L = \frac{1}{\sum_i w_i \sum_j w_j} \sum_{i \in P} w_i
            \left(\frac{\mu}{2} q_i^2 + \lambda_i q_i\right)

    over the rows of a batch [1]_. After each step :math:`\lambda_i` grows by
    :math:`\mu q_i` for the positives that took part in it, once for a row that was drawn
    twice. It is a regulariser: add it to a loss of every row, as
    ``PAUCClassifier(regularizer="alm")`` does.

    The formula is that of the paper. The code published with it keeps the term of the last
    positive of a batch only, and batches without positives fail there.

    Parameters
    ----------
    num_classes : int, default=1
        Columns of the logits: 1 for a binary target, otherwise each class is ranked
        against the rest, and the loss is the mean over the classes.
    margin : float, default=0.25
        Margin :math:`\delta` in units of the raw score, at least 0.
    mu : float, default=1e-4
        Penalty :math:`\mu` at the start.
    rho : float, default=2.0
        Factor of the penalty when the validation score falls, at least 1.
    max_mu : float, default=None
        Greatest penalty; None for ``mu * rho**5``.
    max_drop : float, default=0.05
        By how much the validation score may fall from one validation to the next.
    ignore_index : int, default=-100
        Target of rows to leave out, as padding.

    Attributes
    ----------
    multipliers : Tensor of shape (n_rows,)
        The multipliers by ``row_id``, of as many rows as were seen; part of the
        ``state_dict``.
    current_mu : float
        The penalty now.

    See Also
    --------
    skbudget.objectives.ALM : What does not change from step to step, in NumPy.
    CriticalRankLoss : Pushes the lowest positives without a state.

    Notes
    -----
    A step is over when an optimizer of torch has taken it, or when `end_step` is called. A
    batch that is evaluated again before that counts once. Without a training step, in
    ``eval()`` mode, nothing is remembered.

    References
    ----------
    .. [1] S. Sangalli, E. Erdil, A. Hoetker, O. Donati and E. Konukoglu (2021).
       Constrained Optimization to Train Neural Networks on Critical and Under-Represented
       Classes. NeurIPS.

    Examples
    --------
    >>> import torch
    >>> from skbudget.neural import ALMLoss
    >>> loss = ALMLoss(margin=0.5, mu=1.0)
    >>> logits, targets = torch.tensor([0.0, -1.0, 1.0, 3.0]), torch.tensor([1, 0, 0, 1])
    >>> row_id = torch.arange(4)
    >>> loss(logits, targets, row_id).item()
    0.28125
    >>> loss.end_step()
    >>> loss.multipliers, loss(logits, targets, row_id).item()
    (tensor([1.5000, 0.0000, 0.0000, 0.0000]), 0.84375)
    """

    refuses_nonfinite: ClassVar[bool] = True
    multipliers: Tensor

    def __init__(
        self,
        num_classes: int = 1,
        *,
        margin: float = 0.25,
        mu: float = 1e-4,
        rho: float = 2.0,
        max_mu: float | None = None,
        max_drop: float = 0.05,
        ignore_index: int = -100,
    ) -> None:
        super().__init__()
        owner = type(self).__name__
        self.num_classes = check_positive(
            num_classes, "num_classes", owner, integer=True, minimum=1
        )
        self.margin, self.mu, self.rho = margin, mu, rho
        self.max_mu, self.max_drop = max_mu, max_drop
        check_multipliers(self, owner)
        self.margin, self.mu, self.rho = float(margin), float(mu), float(rho)
        self.ignore_index = check_ignore_index(ignore_index, owner)
        self.register_buffer("multipliers", torch.zeros(0))
        self.current_mu = float(mu)
        self._last_score: float | None = None
        self._forget_step()

    def extra_repr(self) -> str:
        """Return what a printed loss shows."""
        return f"margin={self.margin:g}, mu={self.current_mu:g}, rho={self.rho:g}"

    def __getstate__(self) -> dict[str, Any]:
        # A copy starts with a new step.
        return {**self.__dict__, "_pending": [], "_key": None}

    def _forget_step(self) -> None:
        self._pending: list[tuple[Tensor, Tensor]] = []
        self._key: BatchKey | None = None

    def forget_rows(self) -> None:
        """Forget all multipliers: the next rows are numbered anew."""
        self._forget_step()
        self.multipliers = self.multipliers.new_zeros(0)

    @torch.no_grad()
    def end_step(self) -> None:
        """Tell that the training step is over: multipliers of its positives grow."""
        # A row that was drawn twice, or evaluated again, grows once, by the last excess.
        grown = [
            (rows, self.multipliers[rows] + self.current_mu * excess)
            for rows, excess in self._pending
        ]
        for rows, values in grown:
            self.multipliers[rows] = values
        self._forget_step()

    def on_validation(self, score: float) -> None:
        """Tell the validation score, of which greater is better.

        The penalty grows if the score has fallen by more than ``max_drop`` since the last call.

        Parameters
        ----------
        score : float
            Such as the AUC, or the coverage at a budget.
        """
        score = check_number(score, "score", f"{type(self).__name__}.on_validation")
        if self._last_score is not None and score < self._last_score - self.max_drop:
            most = self.mu * self.rho**5 if self.max_mu is None else self.max_mu
            self.current_mu = min(self.current_mu * self.rho, most)
        self._last_score = score

    def get_extra_state(self) -> dict[str, Any]:
        """Return the penalty and the last validation score, for the ``state_dict``."""
        return {"mu": self.current_mu, "score": self._last_score}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Restore them from a ``state_dict``.

        Parameters
        ----------
        state : dict
            What `get_extra_state` returned.
        """
        if not isinstance(state, dict) or not {"mu", "score"} <= state.keys():
            raise ValueError(
                f"The state of {type(self).__name__} must be what get_extra_state returned, with "
                f"mu and score. Got {state!r} instead."
            )
        self.current_mu, self._last_score = state["mu"], state["score"]

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        saved = state_dict.get(prefix + "multipliers")
        if saved is not None:
            self.multipliers = self.multipliers.new_zeros(saved.shape, dtype=saved.dtype)
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)
        self._forget_step()

    def forward(
        self,
        logits: Tensor,
        targets: Tensor,
        row_id: Tensor,
        *,
        sample_weight: Tensor | None = None,
    ) -> Tensor:
        """Return the loss of a batch, shape ().

        Parameters
        ----------
        logits : Tensor of shape (n_rows, num_classes)
            Raw scores; shape (n_rows,) will do for ``num_classes=1``.
        targets : Tensor of shape (n_rows,) or (n_rows, 1)
            Class indices, or 0 and 1 for ``num_classes=1``.
        row_id : Tensor of shape (n_rows,), dtype=int64
            Numbers of the rows in the training table, from 0.
        sample_weight : Tensor of shape (n_rows,), default=None
            Weights, finite and at least 0. A weight of 2 is the row twice.

        Returns
        -------
        loss : Tensor of shape ()
            Zero, with a gradient of zero, for a batch without a positive or a negative.

        Raises
        ------
        FloatingPointError
            If logits are NaN or infinite.
        ValueError
            If a shape, a target, a row number or a weight is not as described.
        """
        owner = type(self).__name__
        with working_precision(logits) as logits:
            scores, targets = check_rows(logits, targets, self.num_classes)
            weight = check_weight(sample_weight, targets, scores.dtype)
            rows = self._checked_ids(row_id, targets)
            kept = targets != self.ignore_index
            if not bool(kept.all()):
                scores, targets, rows = scores[kept], targets[kept], rows[kept]
                weight = None if weight is None else weight[kept]
            check_targets(targets, self.num_classes)
            check_finite(scores, owner)
            if self._key is not None and self._key.is_over():
                self.end_step()
            self._make_room(rows, scores)
            losses = []
            for column in range(self.num_classes):
                positive = targets == (1 if self.num_classes == 1 else column)
                loss = self._class_loss(scores[:, column], positive, rows, weight)
                losses += [] if loss is None else [loss]
            if self.training:
                self._key = BatchKey.of(targets)
            # A zero that keeps the graph: there is a backward pass without a loss, too.
            zero = logits[:0].sum()
            return torch.stack(losses).mean() + zero if losses else zero

    def _class_loss(
        self, scores: Tensor, positive: Tensor, rows: Tensor, weight: Tensor | None
    ) -> Tensor | None:
        """Return the loss of one class against the others, None without one."""
        of_pos = None if weight is None else weight[positive]
        of_neg = None if weight is None else weight[~positive]
        n_positives = int(positive.sum())
        if n_positives in (0, positive.numel()):
            return None
        if of_pos is not None and of_neg is not None and not (of_pos.sum() * of_neg.sum() > 0):
            return None
        loss, excess = _Lagrangian.apply(
            scores[positive],
            scores[~positive],
            of_pos,
            of_neg,
            self.margin,
            self.current_mu,
            self.multipliers[rows[positive]],
        )
        if self.training:
            counted = slice(None) if of_pos is None else of_pos > 0
            self._pending.append(
                (rows[positive][counted], excess[counted].to(self.multipliers.dtype))
            )
            del self._pending[:-_MOST_BATCHES]
        return loss

    def _checked_ids(self, row_id: Tensor, targets: Tensor) -> Tensor:
        """Return the numbers of the rows, of shape (n_rows,)."""
        rows = check_tensor(row_id, "row_id").detach()
        if rows.ndim == 2 and rows.shape[1] == 1:
            rows = rows[:, 0]
        if rows.shape != targets.shape:
            raise ValueError(
                f"row_id must have shape {tuple(targets.shape)}, as targets have: got "
                f"{tuple(rows.shape)}."
            )
        if rows.is_floating_point() or rows.dtype == torch.bool:
            raise ValueError(f"row_id must hold whole numbers of rows, int64: got {rows.dtype}.")
        rows = rows.long()
        if rows.numel():
            least, most = int(rows.min()), int(rows.max())
            if least < 0 or most >= _MOST_ROWS:
                raise ValueError(
                    "row_id must number the rows of the training table from 0: the numbers go "
                    f"from {least} to {most}."
                )
        return rows

    def _make_room(self, rows: Tensor, scores: Tensor) -> None:
        """Have a multiplier for each of the rows, where the scores are."""
        n_rows = int(rows.max()) + 1 if rows.numel() else 0
        held = self.multipliers.to(device=scores.device)
        if held.numel() < n_rows:
            held = torch.cat([held, held.new_zeros(n_rows - held.numel())])
        self.multipliers = held


class _Lagrangian(torch.autograd.Function):
    """The loss of a class, and what each of its positives lacks."""

    @staticmethod
    def forward(
        ctx: Any,
        positives: Tensor,
        negatives: Tensor,
        of_pos: Tensor | None,
        of_neg: Tensor | None,
        margin: float,
        mu: float,
        multipliers: Tensor,
    ) -> tuple[Tensor, Tensor]:
        wide = torch.float32 if positives.device.type == "mps" else torch.float64
        w = torch.ones_like(negatives, dtype=wide) if of_neg is None else of_neg.to(wide)
        p = torch.ones_like(positives, dtype=wide) if of_pos is None else of_pos.to(wide)
        p = p / (p.sum() * w.sum())
        order = torch.argsort(negatives)
        centre = negatives.max().to(wide)
        below, reach = negatives[order].to(wide) - centre, positives.to(wide) - centre - margin
        first = torch.searchsorted(below, reach, right=True)
        active = _sums_from(w[order])[first]
        excess = (_sums_from(w[order] * below)[first] - reach * active).clamp(min=0.0)
        held = multipliers.to(wide)
        loss = p @ (0.5 * mu * excess.square() + held * excess)
        pull = p * (mu * excess + held) * (active > 0)
        # A negative is pushed by the positives that are less than the margin above it.
        by_score = torch.argsort(positives)
        up_to = torch.cat([pull.new_zeros(1), pull[by_score].cumsum(0)])
        reached = torch.searchsorted(
            positives[by_score].to(wide) - margin, negatives.to(wide), right=False
        )
        ctx.save_for_backward(
            (0.0 - pull * active).to(positives.dtype), (w * up_to[reached]).to(negatives.dtype)
        )
        ctx.mark_non_differentiable(excess)
        return loss.to(positives.dtype), excess

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        of_pos, of_neg = ctx.saved_tensors
        return grad * of_pos, grad * of_neg, None, None, None, None, None


def _sums_from(values: Tensor) -> Tensor:
    """Return the sum of ``values[k:]`` for each k, up to that of nothing."""
    return torch.cat([values.flip(0).cumsum(0).flip(0), values.new_zeros(1)])
