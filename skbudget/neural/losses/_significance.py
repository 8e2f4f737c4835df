"""The significance of a selection as a torch loss, with four errors."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..._utils.rates import check_cross_sections
from ..._utils.validation import check_budget, check_option, check_positive
from ...objectives._collapse import NEAR, NO_BETTER, CollapseWarning, collapse_message
from ...objectives._lovasz import significance_loss
from ...objectives._regularizer import check_centre, check_regularizer, find_regularizer
from ._checks import (
    check_finite,
    check_ignore_index,
    check_mask,
    check_rows,
    check_targets,
    check_tensor,
    check_weight,
    working_precision,
)
from ._distributed import is_distributed
from ._lovasz import lovasz_weights

__all__ = ["SignificanceLoss"]

ErrorName = Literal["hinge", "sigmoid", "cross_entropy", "focal"]
ERRORS = ("hinge", "sigmoid", "cross_entropy", "focal")

# So many steps in a row with scores at the centre are no slow start.
_STEPS = 100

_MOST_GAMMA = 1e6


class SignificanceLoss(nn.Module):
    r"""The significance :math:`S / \sqrt{B + \varepsilon}` of what is selected [1]_.

    The Lovász extension of :math:`1 - \kappa / \sqrt{1 + a / r}`, with :math:`\kappa` the
    share of the signal that is kept, :math:`a` the share of the background that is accepted
    and :math:`r = \varepsilon / B_{all}`, at an error of each row:

    .. math:: L = \sum_i g_i \, m(v_i), \qquad v_i = -y_i (s_i - c)

    with :math:`y_i = \pm 1`, the centre :math:`c`, and weights :math:`g_i` that depend on the
    order of the errors and add up to 1, see `skbudget.objectives.LovaszSignificance`. The
    error of a row is

    - ``"hinge"``: :math:`\max(1 + v, 0)`,
    - ``"sigmoid"``: :math:`\sigma(v)`, the probability of the wrong class,
    - ``"cross_entropy"``: :math:`\log(1 + e^v)`,
    - ``"focal"``: :math:`\sigma(v)^\gamma \log(1 + e^v)`.

    Parameters
    ----------
    error : {"hinge", "sigmoid", "cross_entropy", "focal"}, default="hinge"
        Error of a row.
    regularizer : float, "budget" or "signal", default="budget"
        :math:`r`, a false positive rate greater than 0. ``"budget"`` is the end of the band
        that `skbudget.band.default_beta` gives for the budget. ``"signal"`` is the choice of
        [1]_, :math:`\varepsilon = S_{all}`. It collapses easily, see Notes.
    centre : float or "budget", default=0.0
        The score at which selection begins. ``"budget"`` is that of the last row of a batch
        within the budget.
    budget : float, default=0.005
        Review budget, a fraction in (0, 1].
    cross_sections : sequence of float, default=None
        What each process amounts to: entry k is that of process k in ``process``, of whatever
        class. The rows of a process in a batch share it by their weight. Only ratios count,
        so a luminosity makes no difference. Without it, rows count by their weight.
    gamma : float, default=2.0
        Focus of the focal error, at least 0.
    ignore_index : int, default=-100
        Target of rows to leave out, as padding.

    Raises
    ------
    NotImplementedError
        In a data-parallel job: the order of the errors is that of all rows.

    Warns
    -----
    CollapseWarning
        If for a hundred steps all scores stay at the centre, and are no better by the loss
        than a constant.

    See Also
    --------
    skbudget.objectives.LovaszSignificance : The same for boosters, with a hessian.
    WeightedCrossEntropyLoss : Weights that do not change.

    Notes
    -----
    The set function is that of a batch, so batches should be large: they need many rows of
    each process. A batch without signal or without background has no loss.

    The first two errors are those of a bounded or a piecewise linear loss, and the hinge is
    the source's. With an error that is convex, the loss is convex in the scores.

    If no cut keeps a share of the signal above :math:`\sqrt{1 + a / r} / 2`, the loss is
    least where all scores are equal: a linear model under the source's regulariser ends with
    weights of zero. Raise the regulariser then.

    References
    ----------
    .. [1] J. Bardhan, C. Neeraj, S. Mitra and T. Mandal (2024). A loss function for the
       signal significance. arXiv:2412.09500.

    Examples
    --------
    >>> import torch
    >>> from skbudget.neural import SignificanceLoss
    >>> loss = SignificanceLoss(regularizer=0.5)
    >>> logits = torch.tensor([-2.0, -1.0, 0.5, -1.5, 1.0, 2.0])
    >>> round(loss(logits, torch.tensor([0, 0, 0, 0, 1, 1])).item(), 4)
    0.2753
    """

    refuses_nonfinite: ClassVar[bool] = True

    def __init__(
        self,
        error: ErrorName = "hinge",
        *,
        regularizer: float | Literal["budget", "signal"] = "budget",
        centre: float | Literal["budget"] = 0.0,
        budget: float = 0.005,
        cross_sections: Sequence[float] | None = None,
        gamma: float = 2.0,
        ignore_index: int = -100,
    ) -> None:
        super().__init__()
        owner = type(self).__name__
        self.error = check_option(error, "error", ERRORS, owner)
        self.regularizer = check_regularizer(regularizer, owner)
        self.centre = check_centre(centre, owner)
        self.budget = check_budget(budget, owner)
        self.cross_sections = check_cross_sections(cross_sections, owner)
        self.gamma = check_positive(gamma, "gamma", owner, minimum=0, maximum=_MOST_GAMMA)
        self.ignore_index = check_ignore_index(ignore_index, owner)
        self._n_near, self._warned_of_collapse = 0, False

    def extra_repr(self) -> str:
        """Return what a printed loss shows."""
        return (
            f"error={self.error!r}, regularizer={self.regularizer!r}, centre={self.centre!r}, "
            f"budget={self.budget!r}, cross_sections={self.cross_sections!r}"
        )

    def forward(
        self,
        logits: Tensor,
        targets: Tensor,
        iid_mask: Tensor | None = None,
        *,
        sample_weight: Tensor | None = None,
        process: Tensor | None = None,
    ) -> Tensor:
        """Return the loss of a batch, shape ().

        Parameters
        ----------
        logits : Tensor of shape (n_rows,) or (n_rows, num_classes)
            Raw scores. With several columns each class is the signal once, and the loss is
            the mean over the classes that have one.
        targets : Tensor of shape (n_rows,) or (n_rows, 1)
            1 for the signal, 0 for the background; class indices for several columns.
        iid_mask : Tensor of shape (n_rows,), dtype=bool, default=None
            Ignored here.
        sample_weight : Tensor of shape (n_rows,), default=None
            Weights, finite and at least 0.
        process : Tensor of shape (n_rows,), default=None
            Numbers of processes from 0 on; only with ``cross_sections``.

        Returns
        -------
        loss : Tensor of shape ()

        Raises
        ------
        FloatingPointError
            If logits are NaN or infinite.
        NotImplementedError
            In a data-parallel job.
        ValueError
            If a shape, a target, a weight or a process is not as described.
        """
        owner = type(self).__name__
        if is_distributed():
            raise NotImplementedError(
                f"{owner} weighs rows by the order of all errors, and each rank of a data-parallel "
                "job would see its own rows alone: train in one process."
            )
        with working_precision(logits) as logits:
            n_columns = logits.shape[1] if logits.ndim == 2 else 1
            table, targets = check_rows(logits, targets, n_columns)
            check_mask(iid_mask, "iid_mask", targets)
            weight = check_weight(sample_weight, targets, torch.float64)
            numbers = self._check_process(process, targets)
            kept = targets != self.ignore_index
            if weight is not None:
                kept = kept & (weight > 0)
            table, targets = table[kept], targets[kept]
            check_targets(targets, n_columns)
            check_finite(table, owner)
            mass = torch.ones_like(targets, dtype=torch.float64)
            if weight is not None and bool(kept.any()):
                # The unit does not matter, and sums of great weights must be floats.
                mass = weight[kept] / weight.max()
            if numbers is not None:
                mass = self._mass_of_processes(numbers[kept], mass)
            # A zero that keeps the graph, where no class has a loss.
            total, n_losses = table[:0].sum(), 0
            for column in range(n_columns):
                positive = targets == (column if n_columns > 1 else 1)
                signal, background = float(mass[positive].sum()), float(mass[~positive].sum())
                if min(signal, background) > 0:
                    total = total + self._loss(table[:, column], positive, mass, signal, background)
                    n_losses += 1
            return total / max(n_losses, 1)

    def _loss(
        self, scores: Tensor, positive: Tensor, mass: Tensor, signal: float, background: float
    ) -> Tensor:
        held = scores.detach().double()
        centre = self.centre if self.centre != "budget" else _threshold(self.budget, held, mass)
        sign = torch.where(positive, -1.0, 1.0).to(scores.dtype)
        r = find_regularizer(self.regularizer, self.budget, signal, background)
        of = significance_loss(signal, background, r)
        weights = lovasz_weights((held - centre) * sign.double(), positive, mass, of)
        error = self._error()
        value = (weights.to(scores.dtype) * error((scores - centre) * sign)).sum()
        if self.training and torch.is_grad_enabled() and not self._warned_of_collapse:
            near = float((weights * (held - centre).abs()).sum())
            constant = float(error(held.new_zeros(())))
            self._watch(near < NEAR and float(value.detach()) >= NO_BETTER * constant, r)
        return value

    def _error(self) -> Callable[[Tensor], Tensor]:
        """Return the error as a function of how far a row is on the wrong side."""
        if self.error == "hinge":
            return lambda wrong: F.relu(1.0 + wrong)
        if self.error == "sigmoid":
            return torch.sigmoid
        if self.error == "cross_entropy":
            return _softplus
        return lambda wrong: torch.sigmoid(wrong) ** self.gamma * _softplus(wrong)

    def _watch(self, is_near: bool, regularizer: float) -> None:
        """Warn, once, if scores have been at the centre for long."""
        self._n_near = self._n_near + 1 if is_near else 0
        if self._n_near >= _STEPS:
            self._warned_of_collapse = True
            message = collapse_message(type(self).__name__, regularizer)
            warnings.warn(message, CollapseWarning, stacklevel=2)

    def _check_process(self, process: Tensor | None, targets: Tensor) -> Tensor | None:
        """Return numbers of processes, checked."""
        owner = type(self).__name__
        if (process is None) != (self.cross_sections is None):
            given, missing = ("process", "cross_sections")
            if process is None:
                given, missing = missing, given
            raise ValueError(f"{owner} was given {given}, which needs {missing}: pass both.")
        if process is None or self.cross_sections is None:
            return None
        process = check_tensor(process, "process").detach()
        if process.ndim == 2 and process.shape[1] == 1:
            process = process[:, 0]
        if process.shape != targets.shape:
            raise ValueError(
                f"process must have shape {tuple(targets.shape)}, as targets have: got "
                f"{tuple(process.shape)}."
            )
        last = len(self.cross_sections) - 1
        right = (process >= 0) & (process <= last) & (process == process.double().floor())
        if not bool(right.all()):
            raise ValueError(
                f"process must hold whole numbers from 0 to {last}, for there are {last + 1} "
                f"cross_sections: got {process[~right][:5].tolist()}."
            )
        return process.long()

    def _mass_of_processes(self, process: Tensor, mass: Tensor) -> Tensor:
        assert self.cross_sections is not None
        sections = mass.new_tensor(self.cross_sections)
        total = torch.zeros_like(sections).index_add_(0, process, mass)
        return (
            mass
            * torch.where(total > 0, sections / torch.where(total > 0, total, 1.0), 0.0)[process]
        )


def _softplus(wrong: Tensor) -> Tensor:
    # torch's own cuts the tail off at 20.
    return torch.logaddexp(wrong.new_zeros(()), wrong)


def _threshold(budget: float, held: Tensor, mass: Tensor) -> float:
    """Return the score of the row, from the top, with which the budget is spent."""
    order = torch.argsort(held, descending=True, stable=True)
    taken = torch.cumsum(mass[order], 0)
    spent = budget * float(taken[-1]) * (1.0 - 1e-9)
    place = int(torch.searchsorted(taken, taken.new_tensor(spent)))
    return float(held[order[min(place, held.numel() - 1)]])
