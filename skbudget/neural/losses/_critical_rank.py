"""The positives at the bottom of the ranking, or the negatives at its top, as a torch loss."""

from __future__ import annotations

import math
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from ..._utils.validation import check_option, check_positive
from ...kernels._dispatch import sum_pairs
from ...kernels._kernel import SOFTPLUS_ROWS, Kernel
from ...objectives.losses._band import LINKS, Link
from ...objectives.losses._ranks import COLLAPSED, MOST_POWER, SIDES, TAU_SCALES, Side
from ._band import find_band
from ._pairs import _MANY_PAIRS, _blocks
from ._queue import Pool
from ._ranking import RankingLoss, Reduction, weighed_rows

__all__ = ["CriticalRankLoss", "dispersion_of_negatives"]


class CriticalRankLoss(RankingLoss):
    r"""A power of each positive's misranked share, so that the lowest positives count most.

    With positives :math:`i \in P`, negatives :math:`j \in N`, weights :math:`w` and
    :math:`x_{ij} = (s_j - s_i) / \tau`,

    .. math::
        u_i = \frac{\sum_{j} w_j \, \ell(x_{ij})}{\sum_j w_j}, \qquad
        L = \left(\frac{\sum_{i} w_i u_i^p}{\sum_i w_i}\right)^{1/p}

    with :math:`\ell(x) = \log(1 + e^x)` for ``link="logistic"``, and with
    :math:`\ell(x) = \sigma(x)` for ``link="sigmoid"``. With
    ``side="positives"`` it pushes the lowest positives up, after [1]_, for those who must
    catch nearly all of them. With ``side="negatives"`` the roles change, and it pushes the
    top negatives down, as the P-norm push [2]_ does, for those who act on the top alone.

    A class without a positive, without a negative, or of which one side weighs nothing has
    no loss and is left out of the reduction.

    Parameters
    ----------
    num_classes : int, default=1
        Columns of the logits: 1 for a binary target, otherwise each class is ranked
        against the rest.
    side : {"positives", "negatives"}, default="positives"
        Rows that are pushed: the lowest positives up, or the top negatives down.
    power : float, default=2.0
        Power :math:`p`, in [1, 1000]; 1 for the whole AUC.
    link : {"logistic", "sigmoid"}, default="logistic"
        Loss of a pair.
    temperature : float, default=1.0
        Sharpness of the comparison, in units of the dispersion.
    tau_scale : {"iqr"} or None, default=None
        Dispersion that multiplies ``temperature``: the interquartile range of the iid
        negatives (1 where it is 0), or None for score units. By default these are used, as in
        `skbudget.objectives.CriticalRank`: the logistic link is convex in them, and boosters
        need them.
    queue_size : int, default=1024
        Past rows to compare with, 0 for none. A batch with few positives says little about
        which of them are the lowest.
    max_pool_size : int, default=None
        Rows to compare at most; more are subsampled, half of the places shared evenly
        between the classes. Draws from torch's generator, once in a step.
    ignore_index : int, default=-100
        Target of rows to leave out, as padding.
    reduction : {"mean", "sum", "none"}, default="mean"
        Over the classes that have a loss.
    update_queue_in_eval : bool, default=False
        Whether ``eval()`` mode fills the queue too.
    gather_distributed : bool, default=None
        Whether to compare with the rows of the other ranks of a data-parallel job; None if
        there are any.

    Attributes
    ----------
    queue : MemoryQueue
        Rows of past batches; part of the ``state_dict``.

    See Also
    --------
    skbudget.objectives.CriticalRank : The same in NumPy, with a hessian.
    RankRegLoss : A penalty of the ranks themselves.

    Notes
    -----
    A weight is the row repeated. Positives that are worth more than others are positives
    with a weight. Pairs are summed in blocks, or, on a CPU and from 2^20 pairs on, by
    `skbudget.kernels` in time linear in the rows. Memory is linear in the pool.

    References
    ----------
    .. [1] S. Mohammadi, H. Zhao, M. Zhai and F. Tung (2023). Ranking Regularization for
       Critical Rare Classes: Minimizing False Positives at a High True Positive Rate. CVPR.
    .. [2] C. Rudin (2009). The P-Norm Push: A Simple Convex Ranking Algorithm that
       Concentrates at the Top of the List. JMLR 10, 2233-2271.

    Examples
    --------
    >>> import torch
    >>> from skbudget.neural import CriticalRankLoss
    >>> logits = torch.tensor([0.0, -1.0, 1.0, 2.0, 2.5, 3.0], requires_grad=True)
    >>> loss = CriticalRankLoss(power=4)
    >>> loss(logits, torch.tensor([1, 0, 0, 0, 1, 0])).backward()
    >>> logits.grad.numpy().round(2)
    array([-0.59,  0.06,  0.15,  0.19, -0.  ,  0.2 ], dtype=float32)
    """

    temperature: float

    def __init__(
        self,
        num_classes: int = 1,
        *,
        side: Side = "positives",
        power: float = 2.0,
        link: Link = "logistic",
        temperature: float = 1.0,
        tau_scale: Literal["iqr"] | None = None,
        queue_size: int = 1024,
        max_pool_size: int | None = None,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
        update_queue_in_eval: bool = False,
        gather_distributed: bool | None = None,
    ) -> None:
        super().__init__(
            num_classes,
            temperature=temperature,
            queue_size=queue_size,
            reduction=reduction,
            ignore_index=ignore_index,
            update_queue_in_eval=update_queue_in_eval,
            gather_distributed=gather_distributed,
            max_pool_size=max_pool_size,
        )
        owner = type(self).__name__
        self.side = check_option(side, "side", SIDES, owner)
        self.power = check_positive(power, "power", owner, minimum=1, maximum=MOST_POWER)
        self.link = check_option(link, "link", LINKS, owner)
        self.tau_scale = check_option(tau_scale, "tau_scale", TAU_SCALES, owner)

    def extra_repr(self) -> str:
        """Return what a printed loss shows."""
        return (
            f"side={self.side!r}, power={self.power:g}, link={self.link!r}, "
            f"temperature={self.temperature:g}, queue_size={self.queue_size}"
        )

    def _class_loss(
        self, scores: Tensor, positive: Tensor, pool: Pool, return_diagnostics: bool
    ) -> tuple[Tensor | None, dict[str, Any]]:
        positives, negatives = weighed_rows(positive, pool), weighed_rows(~positive, pool)
        if positives is None or negatives is None:
            return None, {}
        tau = torch.as_tensor(self.temperature, dtype=scores.dtype, device=scores.device)
        if self.tau_scale is not None:
            spread = dispersion_of_negatives(
                scores, positive, pool, pool.weight, type(self).__name__
            )
            tau = (spread * self.temperature).clamp(min=torch.finfo(scores.dtype).tiny)
        pushed, others, sign = positives, negatives, 1.0
        if self.side == "negatives":
            pushed, others, sign = negatives, positives, -1.0
        loss = _MeanPower.apply(
            sign * scores[pushed[0]],
            sign * scores[others[0]],
            tau,
            self.link,
            self.power,
            pushed[1],
            others[1],
        )
        _refuse_overflow(loss, scores.dtype, type(self).__name__)
        return loss, {}


def dispersion_of_negatives(
    scores: Tensor, positive: Tensor, pool: Pool, weight: Tensor | None, owner: str
) -> Tensor:
    """Return the interquartile range of the iid negatives, 1 where it is 0, without gradient.

    Parameters
    ----------
    scores : Tensor of shape (n_rows,)
        Scores of a class.
    positive : Tensor of shape (n_rows,), dtype=bool
        Rows of the class.
    pool : Pool
        Which rows are iid.
    weight : Tensor of shape (n_rows,) or None
        Weights that repeat rows.
    owner : str
        Name of the loss.

    Raises
    ------
    FloatingPointError
        If the scores spread over more than their type holds.
    """
    negative = ~positive if pool.iid is None else ~positive & pool.iid
    if weight is not None:
        negative = negative & (weight > 0)
    one = scores.new_ones(())
    if not bool(negative.any()):
        return one
    band = find_band(
        scores.detach(),
        negative,
        negative,
        alpha=0.0,
        beta=1.0,
        n_knots=2,
        tau_scale="iqr",
        interpolation="rank",
        weight=weight,
    )
    _refuse_overflow(band.dispersion, scores.dtype, owner)
    return torch.where(band.dispersion > COLLAPSED, band.dispersion, one)


def _refuse_overflow(found: Tensor, dtype: torch.dtype, owner: str) -> None:
    """Raise if what was found from finite scores is not finite."""
    if not math.isfinite(float(found.detach())):
        raise FloatingPointError(
            f"{owner} was handed logits that spread over more than "
            f"{str(dtype).removeprefix('torch.')} holds: the network diverged. Lower lr, "
            "or scale the features (StandardScaler)."
        )


class _MeanPower(torch.autograd.Function):
    """The mean of a power of the pushed rows' misranked shares, and its gradient."""

    @staticmethod
    def forward(
        ctx: Any,
        pushed: Tensor,
        others: Tensor,
        tau: Tensor,
        link: Link,
        power: float,
        weight: Tensor | None,
        against: Tensor | None,
    ) -> Tensor:
        p = torch.ones_like(pushed) if weight is None else weight
        q = torch.ones_like(others) if against is None else against
        p, q = p / p.sum(), q / q.sum()
        many = pushed.numel() * others.numel() > _MANY_PAIRS and pushed.device.type == "cpu"
        shares, slopes = (_shares_by_kernels, _slopes_by_kernels) if many else (_shares, _slopes)
        misranked = shares(pushed, others, tau, link, p, q)
        loss, share = _mean_power(misranked, p, power)
        if not float(loss) > 0:
            ctx.save_for_backward(torch.zeros_like(pushed), torch.zeros_like(others))
            return loss
        c = p * share
        slope_pushed, slope_others = slopes(pushed, others, tau, link, c, q)
        ctx.save_for_backward(-slope_pushed * c / tau, slope_others * q / tau)
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        of_pushed, of_others = ctx.saved_tensors
        return grad * of_pushed, grad * of_others, None, None, None, None, None


def _mean_power(misranked: Tensor, p: Tensor, power: float) -> tuple[Tensor, Tensor]:
    """Return the loss, and what it changes by with each share over the row's weight."""
    # In units of the greatest share: its power may be beyond what a float holds.
    unit = misranked.max()
    if not float(unit) > 0:
        return torch.zeros_like(unit), torch.zeros_like(misranked)
    loss = unit * (p @ (misranked / unit) ** power) ** (1.0 / power)
    return loss, (misranked / loss) ** (power - 1.0)


# The shares of the pushed rows, and the sums of the link's slope over the weights of the
# other side, for the pushed rows and for the others.


def _shares(
    pushed: Tensor, others: Tensor, tau: Tensor, link: Link, p: Tensor, q: Tensor
) -> Tensor:
    found = torch.empty_like(pushed)
    for rows in _blocks(pushed.numel(), others.numel()):
        x = torch.sub(others[None, :], pushed[rows, None]).div_(tau)
        found[rows] = (torch.sigmoid(x) if link == "sigmoid" else F.softplus(x)) @ q
    return found


def _slopes(
    pushed: Tensor, others: Tensor, tau: Tensor, link: Link, c: Tensor, q: Tensor
) -> tuple[Tensor, Tensor]:
    of_pushed, of_others = torch.empty_like(pushed), torch.zeros_like(others)
    for rows in _blocks(pushed.numel(), others.numel()):
        x = torch.sub(others[None, :], pushed[rows, None]).div_(tau)
        slope = torch.sigmoid(x)
        if link == "sigmoid":
            slope = torch.addcmul(slope, slope, slope, value=-1.0)
        of_pushed[rows] = slope @ q
        of_others += c[rows] @ slope
    return of_pushed, of_others


def _shares_by_kernels(
    pushed: Tensor, others: Tensor, tau: Tensor, link: Link, p: Tensor, q: Tensor
) -> Tensor:
    kernels: frozenset[Kernel] = SOFTPLUS_ROWS if link == "logistic" else frozenset({"sigma"})
    x, y, of_x, of_y = (part.double().numpy() for part in (pushed, others, p, q))
    sums = sum_pairs(x, y, float(tau), of_x, of_y, kernels)
    found = sums.softplus_pos if link == "logistic" else sums.sigma_pos
    return torch.as_tensor(found, dtype=pushed.dtype).clamp(min=0.0)


def _slopes_by_kernels(
    pushed: Tensor, others: Tensor, tau: Tensor, link: Link, c: Tensor, q: Tensor
) -> tuple[Tensor, Tensor]:
    kernels: frozenset[Kernel] = frozenset({"sigma" if link == "logistic" else "dsigma"})
    x, y, of_x, of_y = (part.double().numpy() for part in (pushed, others, c, q))
    sums = sum_pairs(x, y, float(tau), of_x, of_y, kernels)
    found = (sums.sigma_pos, sums.sigma_neg)
    if link == "sigmoid":
        found = (sums.dsigma_pos, sums.dsigma_neg)
    of_pushed, of_others = (torch.as_tensor(part, dtype=pushed.dtype) for part in found)
    return of_pushed, of_others
