"""Losses of ordered levels: one score and thresholds, or a score per level."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.special import logit
from torch import Tensor, nn

from ..._utils.validation import check_option, check_positive
from ...objectives.losses._levels import (
    DISTANCES,
    LEAST_IMPORTANCE,
    MOST_IMPORTANCE,
    check_mass,
    check_thresholds,
    level_weights,
)
from ...objectives.losses._scaling import check_numbers
from ._checks import (
    check_finite,
    check_ignore_index,
    check_rows,
    check_weight,
    working_precision,
)

__all__ = ["CoralLoss", "OrderedThresholds", "OrdinalAllThresholdLoss", "OrdinalLogLoss"]

PENALTIES = ("logistic", "hinge")

# More levels than these are a mistake.
_MOST_LEVELS = 100_000

# Two thresholds are at least this far from each other.
_LEAST_STEP = 1e-6


class OrderedThresholds(nn.Module):
    """Thresholds that are learnt, and increase whatever the parameters are.

    Parameters
    ----------
    n_thresholds : int
        Number of thresholds.
    n_members : int, default=1
        Rows of thresholds, one for each member of an ensemble.
    """

    def __init__(self, n_thresholds: int, n_members: int = 1) -> None:
        super().__init__()
        # Optimisers here do not pull biases to zero.
        self.first_bias = nn.Parameter(torch.zeros(n_members, 1))
        self.step_bias = nn.Parameter(torch.zeros(n_members, n_thresholds - 1))
        centred = np.arange(n_thresholds, dtype=np.float64) - (n_thresholds - 1) / 2
        self.begin_at(centred)

    def begin_at(self, thresholds: NDArray[np.float64]) -> None:
        """Set the thresholds of all members."""
        steps = np.maximum(np.diff(thresholds) - _LEAST_STEP, 1e-12)
        # The inverse of softplus.
        inverse = torch.from_numpy(steps + np.log(-np.expm1(-steps)))
        with torch.no_grad():
            self.first_bias.fill_(float(thresholds[0]))
            self.step_bias.copy_(inverse.to(self.step_bias.dtype).expand_as(self.step_bias))

    def forward(self) -> Tensor:
        """Return the thresholds, shape (n_members, n_thresholds)."""
        steps = F.softplus(self.step_bias) + _LEAST_STEP
        return torch.cat([self.first_bias, self.first_bias + steps.cumsum(dim=1)], dim=1)


class _LevelLoss(nn.Module, ABC):
    """A loss of ordered levels, as a mean over rows.

    Parameters
    ----------
    ignore_index : int
        Target of rows to leave out, as padding.
    """

    target: ClassVar[str] = "ordinal"

    def __init__(self, ignore_index: int) -> None:
        super().__init__()
        self.ignore_index = check_ignore_index(ignore_index, type(self).__name__)

    def forward(
        self, logits: Tensor, targets: Tensor, *, sample_weight: Tensor | None = None
    ) -> Tensor:
        """Return the loss, shape ().

        Parameters
        ----------
        logits : Tensor of shape (n_rows,) or (n_rows, n_columns)
            Raw scores.
        targets : Tensor of shape (n_rows,) or (n_rows, 1)
            Levels, whole numbers from 0.
        sample_weight : Tensor of shape (n_rows,), default=None
            Weights, finite and at least 0.

        Returns
        -------
        loss : Tensor of shape ()

        Raises
        ------
        FloatingPointError
            If logits are NaN or infinite.
        ValueError
            If a shape, a target or a weight is not as described.
        """
        with working_precision(logits) as logits:
            n_columns = logits.shape[1] if logits.ndim == 2 else 1
            logits, targets = check_rows(logits, targets, n_columns)
            n_levels = self._count_levels(n_columns)
            weight = check_weight(sample_weight, targets, logits.dtype)
            weight = torch.ones_like(logits[:, 0]).detach() if weight is None else weight
            kept = targets != self.ignore_index
            weight = weight * kept
            targets = targets.masked_fill(~kept, 0)
            logits = logits.masked_fill(~kept[:, None], 0.0)
            wrong = targets[(targets < 0) | (targets >= n_levels) | (targets != targets.floor())]
            if wrong.numel():
                raise ValueError(
                    f"targets must be levels from 0 to {n_levels - 1}: got {wrong[:5].tolist()}."
                )
            check_finite(logits, type(self).__name__)
            loss = self._losses(logits, targets.long(), n_levels)
            total = weight.sum()
            return (loss * weight).sum() / torch.where(total > 0, total, torch.ones_like(total))

    @abstractmethod
    def _count_levels(self, n_columns: int) -> int:
        """Return the number of levels that so many columns of scores stand for."""

    @abstractmethod
    def _losses(self, logits: Tensor, levels: Tensor, n_levels: int) -> Tensor:
        """Return the loss of each row, shape (n_rows,)."""


def _above(levels: Tensor, n_thresholds: int) -> Tensor:
    return levels[:, None] > torch.arange(n_thresholds, device=levels.device)


class OrdinalAllThresholdLoss(_LevelLoss):
    r"""Sum over the thresholds between levels of a penalty for the wrong side.

    .. math::
        L = \frac{1}{\sum_i w_i} \sum_i w_i \sum_{j=0}^{K-2}
            \phi(\pm (s_i - \theta_j))

    with a plus where :math:`y_i > j`, and :math:`\phi(m) = \log(1 + e^{-m})` or
    :math:`\max(0, 1 - m)`. The thresholds :math:`\theta` increase. They are parameters of the
    loss and learnt with the network, so hand ``loss.parameters()`` to the optimiser as well.
    `PAUCClassifier` does so, and sets the number of levels.

    Parameters
    ----------
    n_levels : int, default=None
        Number of levels, at least 2; not needed beside ``thresholds``.
    thresholds : sequence of float, default=None
        Thresholds that are not learnt, in increasing order.
    penalty : {"logistic", "hinge"}, default="logistic"
        Penalty of a threshold. The hinge is that of the ordinal support vector machine.
    ignore_index : int, default=-100
        Target of rows to leave out, as padding.

    See Also
    --------
    CoralLoss : The same for scores that had their thresholds subtracted.
    skbudget.objectives.OrdinalAllThreshold : The same in NumPy, with a hessian.

    Examples
    --------
    >>> import torch
    >>> from skbudget.neural import OrdinalAllThresholdLoss
    >>> loss = OrdinalAllThresholdLoss(thresholds=(-1.0, 1.0))
    >>> round(loss(torch.tensor([-2.0, 0.0, 2.0]), torch.tensor([0, 1, 2])).item(), 4)
    0.4501
    """

    margins: ClassVar[str] = "one"
    fixed: Tensor | None

    def __init__(
        self,
        n_levels: int | None = None,
        *,
        thresholds: Sequence[float] | None = None,
        penalty: str = "logistic",
        ignore_index: int = -100,
    ) -> None:
        super().__init__(ignore_index)
        owner = type(self).__name__
        self.penalty = check_option(penalty, "penalty", PENALTIES, owner)
        fixed = None
        if thresholds is not None:
            if n_levels is not None:
                raise ValueError(
                    f"{owner} takes n_levels or thresholds, not both: {n_levels!r} and "
                    f"{thresholds!r} were given."
                )
            if isinstance(thresholds, Tensor):
                thresholds = thresholds.detach().tolist()
            found = check_thresholds(thresholds, owner)
            fixed = torch.tensor(found, dtype=torch.float64)
        self.register_buffer("fixed", fixed)
        self.learnt: OrderedThresholds | None = None
        if n_levels is not None:
            n_levels = check_positive(
                n_levels, "n_levels", owner, integer=True, minimum=2, maximum=_MOST_LEVELS
            )
            self.learnt = OrderedThresholds(n_levels - 1)

    @property
    def thresholds(self) -> Tensor:
        """The thresholds, shape (n_levels - 1,)."""
        if self.learnt is not None:
            return self.learnt()[0]
        if self.fixed is None:
            raise ValueError(
                f"{type(self).__name__} does not know how many levels there are: pass n_levels."
            )
        return self.fixed

    def _begin_at_levels(self, mass: NDArray[np.float64]) -> None:
        """Begin from the log-odds of the levels, unless the loss was given levels or thresholds.

        Parameters
        ----------
        mass : ndarray of shape (n_levels,)
            Weight of each level, greater than 0.
        """
        if self.learnt is not None or self.fixed is not None:
            return
        check_mass(mass, type(self).__name__)
        share = mass / mass.sum()
        self.learnt = OrderedThresholds(mass.size - 1)
        self.learnt.begin_at(-logit(np.cumsum(share[::-1])[::-1][1:]))

    def _count_levels(self, n_columns: int) -> int:
        if n_columns != 1:
            raise ValueError(
                f"{type(self).__name__} takes one column of logits: got {n_columns}. Use "
                "CoralLoss for a column per threshold."
            )
        return self.thresholds.shape[0] + 1

    def _losses(self, logits: Tensor, levels: Tensor, n_levels: int) -> Tensor:
        apart = logits - self.thresholds.to(logits)
        margin = torch.where(_above(levels, n_levels - 1), apart, -apart)
        if self.penalty == "hinge":
            return F.relu(1.0 - margin).sum(dim=1)
        return F.softplus(-margin).sum(dim=1)


class CoralLoss(_LevelLoss):
    r"""Cross-entropy of each threshold between two levels, a column of logits for each.

    .. math::
        L = \frac{1}{\sum_i w_i} \sum_i w_i \sum_{j=0}^{K-2} \lambda_j
            \log(1 + e^{\mp z_{ij}})

    with a minus where :math:`y_i > j`. What makes it consistent is the network: its columns
    are one score minus thresholds that increase. `PAUCClassifier` adds such a layer to its
    own networks, and to a ``module`` of one output.

    Parameters
    ----------
    importance : sequence of float, default=None
        Importance :math:`\lambda` of each threshold, in [1e-20, 1e20]; None for 1.
    ignore_index : int, default=-100
        Target of rows to leave out, as padding.

    See Also
    --------
    OrdinalAllThresholdLoss : The same in one score.
    skbudget.objectives.Coral : The same in NumPy, with the reference.

    Examples
    --------
    >>> import torch
    >>> from skbudget.neural import CoralLoss
    >>> logits = torch.tensor([[0.0, -1.0], [1.0, -1.0], [2.0, 1.0]])
    >>> round(CoralLoss()(logits, torch.tensor([0, 1, 2])).item(), 4)
    0.691
    """

    margins: ClassVar[str] = "thresholds"
    shares_score: ClassVar[bool] = True
    importance: Tensor | None

    def __init__(
        self, importance: Sequence[float] | None = None, *, ignore_index: int = -100
    ) -> None:
        super().__init__(ignore_index)
        owner, per = type(self).__name__, "threshold between two levels"
        if isinstance(importance, Tensor):
            importance = importance.detach().tolist()
        found = check_numbers(
            importance, "importance", owner, LEAST_IMPORTANCE, MOST_IMPORTANCE, per
        )
        tensor = None if found is None else torch.tensor(found, dtype=torch.float64)
        self.register_buffer("importance", tensor)

    def _count_levels(self, n_columns: int) -> int:
        if self.importance is not None and self.importance.numel() != n_columns:
            raise ValueError(
                f"importance of {type(self).__name__} has {self.importance.numel()} entries, and "
                f"there are {n_columns} thresholds: pass one entry per threshold."
            )
        return n_columns + 1

    def _losses(self, logits: Tensor, levels: Tensor, n_levels: int) -> Tensor:
        margin = torch.where(_above(levels, n_levels - 1), logits, -logits)
        losses = F.softplus(-margin)
        if self.importance is not None:
            losses = losses * self.importance.to(losses)
        return losses.sum(dim=1)


class OrdinalLogLoss(_LevelLoss):
    r"""Cost of the probability of wrong levels, by their distance.

    .. math::
        L = -\frac{1}{\sum_i w_i} \sum_i w_i \sum_{c \ne y_i} d_{|y_i - c|}
            \log(1 - p_{ic})

    with the softmax :math:`p` of a column of logits per level, and :math:`d_k = k^a` or
    :math:`e^k - 1`.

    Parameters
    ----------
    distance : {"power", "exponential"}, default="power"
        How the cost of a level grows with its distance.
    power : float, default=2.0
        Exponent :math:`a`, in (0, 10], of ``distance="power"``.
    ignore_index : int, default=-100
        Target of rows to leave out, as padding.

    See Also
    --------
    skbudget.objectives.OrdinalLogLoss : The same in NumPy, with a hessian and the references.

    Examples
    --------
    >>> import torch
    >>> from skbudget.neural import OrdinalLogLoss
    >>> round(OrdinalLogLoss()(torch.zeros(2, 3), torch.tensor([0, 2])).item(), 4)
    2.0273
    """

    margins: ClassVar[str] = "classes"

    def __init__(
        self, distance: str = "power", power: float = 2.0, *, ignore_index: int = -100
    ) -> None:
        super().__init__(ignore_index)
        owner = type(self).__name__
        self.distance: Any = check_option(distance, "distance", DISTANCES, owner)
        self.power = check_positive(power, "power", owner, maximum=10.0)

    def _count_levels(self, n_columns: int) -> int:
        if n_columns < 2:
            raise ValueError(
                f"{type(self).__name__} takes a column of logits per level: got {n_columns}."
            )
        return n_columns

    def _losses(self, logits: Tensor, levels: Tensor, n_levels: int) -> Tensor:
        weights = torch.from_numpy(level_weights(n_levels, self.distance, self.power))
        cost = weights.to(logits.device, logits.dtype)[levels]
        of_all, total = torch.logsumexp(logits, dim=1), torch.zeros_like(logits[:, 0])
        columns = torch.arange(n_levels, device=logits.device)
        for level in range(n_levels):
            others = torch.logsumexp(logits[:, columns != level], dim=1)
            # What rounds below zero has its gradient all the same.
            total = total + cost[:, level] * (of_all - others)
        return total
