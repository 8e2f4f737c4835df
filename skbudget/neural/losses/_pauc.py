"""Partial AUC over an FPR band, as a torch loss."""

from __future__ import annotations

import math
import warnings
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from ..._utils.callers import outer_call
from ..._utils.conditions import OF_SURROGATES, warn_of_idle
from ..._utils.validation import BASES, check_band, check_option, check_positive
from ...band import TAU_SCALES
from ...objectives.losses._band import LINKS, Link
from ._band import INTERPOLATIONS, Interpolation, find_band
from ._checks import check_flag
from ._pairs import mean_pair_loss
from ._queue import Pool
from ._ranking import RankingLoss, Reduction, weighed_rows, weighted_mean

__all__ = ["PAUCAtBudgetLoss"]

SURROGATES = ("pairwise", "trapezoid")
POS_NUMERATORS = ("pool", "live")

# A spread below this is that of scores which have collapsed to one value.
_COLLAPSED = 1e-12


class PAUCAtBudgetLoss(RankingLoss):
    r"""One minus the smoothed partial AUC over an FPR band.

    The band holds the negatives between two score edges, the quantiles of the
    iid negatives at FPR ``beta`` (the budget) and ``alpha``. With ``alpha=0`` it reaches
    the top negative. Edges and temperature are held constant in the derivative. The
    temperature :math:`\tau` is ``temperature`` times the dispersion of the iid
    negatives, so the loss does not change with the scale of the scores.

    - ``surrogate="pairwise"``: positives :math:`i` against band negatives :math:`j`,

      .. math:: L = \frac{1}{|P| |B|} \sum_{ij} \sigma\left((s_j - s_i) / \tau\right)

      Both have a gradient. Use it where hard negatives contest the top.
    - ``surrogate="trapezoid"``: soft TPR at FPR knots with thresholds :math:`t_k`
      and trapezoid weights :math:`c_k`,

      .. math:: L = 1 - \sum_k c_k \frac{1}{|P|} \sum_i \sigma\left((s_i - t_k) / \tau\right)

      Only positives have a gradient.

    A class has no loss and is left out of the reduction if the pool holds no
    positive or no iid negative of it, if no negative lies in the band, if the
    positives weigh nothing, or if the dispersion has collapsed (all negatives score
    alike). A collapse is warned of once.

    Parameters
    ----------
    num_classes : int, default=1
        Columns of the logits: 1 for a binary target, otherwise each class is
        ranked against the rest.
    alpha, beta : float, default=0.0, 0.005
        Ends of the FPR band as fractions, ``0 <= alpha < beta <= 1``.
    surrogate : {"pairwise", "trapezoid"}, default="pairwise"
        Surrogate of the partial AUC.
    link : {"sigmoid", "logistic"}, default="sigmoid"
        Loss of a pair: :math:`\sigma(x)`, or its convex majoriser
        :math:`\log(1 + e^x)`. Only for the pairwise surrogate.
    n_knots : int, default=2
        Knots of the trapezoid, at least 2.
    tau_scale : {"iqr", "band"} or None, default="iqr"
        Dispersion that multiplies ``temperature``: the interquartile range of the
        iid negatives, the width of the band, or None for score units.
    temperature : float, default=0.1
        Sharpness of the comparison, in units of the dispersion.
    pos_numerator : {"pool", "live"}, default="pool"
        Positives that are averaged over: all, or those of the live batch. A few live
        positives beside many in a queue carry little gradient, and "live" is meant to
        mend that for the trapezoid. It did not where we looked (``python -m skbudget
        reproduce rescue``), and with the pairwise surrogate it fails on a contested top.
    basis : {"fpr", "population"}, default="fpr"
        Whether the band's ends count negatives or all rows.
    queue_size : int, default=1024
        Past rows to compare with, 0 for none. The band should hold a few negatives:
        batch and queue together need well more than ``1 / beta`` rows.
    quantile_interpolation : str, default="rank"
        Definition of a quantile: "rank" for the order statistics of `skbudget.band`,
        or a method of `torch.quantile`: "linear", "lower", "higher", "nearest" or
        "midpoint".
    weighted_budget : bool, default=False
        What a sample weight stands for. False: the importance of a positive, which
        moves neither edges nor band. True: the row repeated, so that edges are weighted
        quantiles, as in `skbudget.objectives`; this needs ``"rank"``. Use False to pass
        what catching a positive is worth as its weight, see the notes.
    max_pool_size : int, default=None
        Rows to compare at most; more are subsampled, half of the places shared
        evenly between the classes. Draws from torch's generator, once in a step.
    ignore_index : int, default=-100
        Target of rows to leave out, as padding.
    reduction : {"mean", "sum", "none"}, default="mean"
        Over the classes that have a loss.
    update_queue_in_eval : bool, default=False
        Whether ``eval()`` mode fills the queue too.
    gather_distributed : bool, default=None
        Whether to compare with the rows of the other ranks of a data-parallel job;
        None if there are any. See `skbudget.neural.all_gather_rows`.

    Attributes
    ----------
    queue : MemoryQueue
        Rows of past batches; part of the ``state_dict``.

    See Also
    --------
    skbudget.objectives.PairwisePAUC, skbudget.objectives.TrapezoidPAUC :
        The same in NumPy, with a hessian.

    Notes
    -----
    Diagnostics, per class: ``t_alpha``, ``t_beta`` (edges), ``tau_eff``
    (:math:`\tau`), ``band_neg_count`` (iid negatives in the band),
    ``grad_pos_count`` (positives of the live batch), ``pauc_var`` (variance over
    positives of their own smoothed partial AUC, whatever the link).

    A positive that is worth more than others is a positive with a weight: pass
    ``sample_weight=torch.where(targets == 1, value, 1.0)``. Positives are averaged by
    weight over the pool, so the unit of the values cancels out, batch by batch; without
    ``weighted_budget`` the weights move neither edges nor band, and those of negatives
    have no effect. Rows that repeat as well have ``weight * value`` for positives and
    ``weight`` for negatives, with ``weighted_budget=True``; that is right with
    ``basis="fpr"``, where only negatives set the edges.

    Edges are found by selection. Pairs are summed in blocks, or, on a CPU and from
    2^20 pairs on, by `skbudget.kernels` in time linear in the rows (to 5e-6 of the
    largest gradient). Memory is linear in the pool.

    References
    ----------
    .. [1] L. E. Dodd and M. S. Pepe (2003). Partial AUC Estimation and Regression.
       Biometrics 59(3), 614-623.
    .. [2] H. Narasimhan and S. Agarwal (2013). A Structural SVM Based Approach for
       Optimizing Partial AUC. ICML.

    Examples
    --------
    >>> import torch
    >>> from skbudget.neural import PAUCAtBudgetLoss
    >>> logits = torch.tensor([0.0, 1.0, 2.0, 3.0, 3.0], requires_grad=True)
    >>> loss = PAUCAtBudgetLoss(beta=0.5, tau_scale=None, temperature=1.0)
    >>> value = loss(logits, torch.tensor([0, 0, 0, 0, 1]))
    >>> value.backward()
    >>> round(value.item(), 4), logits.grad.numpy().round(3)
    (0.3845, array([ 0.   ,  0.   ,  0.098,  0.125, -0.223], dtype=float32))
    """

    diagnostics: ClassVar[tuple[str, ...]] = (
        "t_alpha",
        "t_beta",
        "tau_eff",
        "band_neg_count",
        "grad_pos_count",
        "pauc_var",
    )
    has_sparse_gradient: ClassVar[bool] = True

    def __init__(
        self,
        num_classes: int = 1,
        *,
        alpha: float = 0.0,
        beta: float = 0.005,
        surrogate: Literal["pairwise", "trapezoid"] = "pairwise",
        link: Link = "sigmoid",
        n_knots: int = 2,
        tau_scale: Literal["iqr", "band"] | None = "iqr",
        temperature: float = 0.1,
        pos_numerator: Literal["pool", "live"] = "pool",
        basis: Literal["fpr", "population"] = "fpr",
        queue_size: int = 1024,
        quantile_interpolation: Interpolation = "rank",
        weighted_budget: bool = False,
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
        self.alpha, self.beta = check_band(alpha, beta, owner)
        self.surrogate = check_option(surrogate, "surrogate", SURROGATES, owner)
        self.link = check_option(link, "link", LINKS, owner)
        self.n_knots = check_positive(n_knots, "n_knots", owner, integer=True, minimum=2)
        self.tau_scale = check_option(tau_scale, "tau_scale", TAU_SCALES, owner)
        self.pos_numerator = check_option(pos_numerator, "pos_numerator", POS_NUMERATORS, owner)
        self.basis = check_option(basis, "basis", BASES, owner)
        self.quantile_interpolation = check_option(
            quantile_interpolation, "quantile_interpolation", INTERPOLATIONS, owner
        )
        self.weighted_budget = check_flag(weighted_budget, "weighted_budget", owner)
        if weighted_budget and quantile_interpolation != "rank":
            raise ValueError(
                "weighted_budget=True needs quantile_interpolation='rank', "
                f"got {quantile_interpolation!r}."
            )
        self._warned_of_collapse = False
        if outer_call().module == __name__:
            # An estimator warns of its own parameters.
            warn_of_idle(OF_SURROGATES, self)

    def extra_repr(self) -> str:
        """Return what a printed loss shows."""
        return (
            f"alpha={self.alpha:g}, beta={self.beta:g}, surrogate={self.surrogate!r}, "
            f"temperature={self.temperature:g}, queue_size={self.queue_size}"
        )

    def _class_loss(
        self, scores: Tensor, positive: Tensor, pool: Pool, return_diagnostics: bool
    ) -> tuple[Tensor | None, dict[str, Any]]:
        held = scores.detach()
        repeats = pool.weight if self.weighted_budget else None
        averaged = positive
        if self.pos_numerator == "live" and pool.live is not None:
            averaged = positive & pool.live
        negative = ~positive
        if repeats is not None:
            negative = negative & (repeats > 0)
        iid_negative = negative if pool.iid is None else negative & pool.iid
        weighed = weighed_rows(averaged, pool)
        if weighed is None or not bool(iid_negative.any()):
            return None, {}
        rows, pos_weight = weighed

        reference = iid_negative
        if self.basis == "population":
            reference = torch.ones_like(positive) if pool.iid is None else pool.iid
        band = find_band(
            held,
            reference,
            iid_negative,
            alpha=self.alpha,
            beta=self.beta,
            n_knots=self.n_knots if self.surrogate == "trapezoid" else 2,
            tau_scale=self.tau_scale,
            interpolation=self.quantile_interpolation,
            weight=repeats,
        )
        spread = float(band.dispersion)
        if not math.isfinite(spread):
            raise FloatingPointError(
                f"{type(self).__name__} was handed logits that spread over more than "
                f"{str(held.dtype).removeprefix('torch.')} holds: the network diverged. Lower lr, "
                "or scale the features (StandardScaler)."
            )
        if not spread > _COLLAPSED:
            self._warn_of_collapse()
            return None, {}
        # A product that vanishes would compare nothing with nothing.
        tau = (band.dispersion * self.temperature).clamp(min=torch.finfo(held.dtype).tiny)

        if self.surrogate == "pairwise":
            inside = negative & (held >= band.t_beta)
            if self.alpha > 0:
                inside &= held <= band.t_alpha
            members = inside.nonzero()[:, 0]
            if members.numel() == 0:
                return None, {}
            neg_weight = None if repeats is None else repeats[members]
            loss, of_positive = mean_pair_loss(
                scores[rows], scores[members], tau, self.link, pos_weight, neg_weight
            )
        else:
            hits = torch.sigmoid((scores[rows, None] - band.thresholds) / tau)
            missed = 1.0 - hits @ self._knot_weights(hits)
            of_positive = missed.detach()
            loss = weighted_mean(missed, pos_weight)
        if not return_diagnostics:
            return loss, {}
        in_band = iid_negative & (held >= band.t_beta) & (held <= band.t_alpha)
        return loss, {
            "t_alpha": band.t_alpha,
            "t_beta": band.t_beta,
            "tau_eff": tau,
            "band_neg_count": torch.count_nonzero(in_band),
            "pauc_var": of_positive.var(correction=0),
        }

    def _knot_weights(self, like: Tensor) -> Tensor:
        weights = like.new_full((self.n_knots,), 1.0 / (self.n_knots - 1))
        weights[[0, -1]] /= 2
        return weights

    def _warn_of_collapse(self) -> None:
        if self._warned_of_collapse:
            return
        self._warned_of_collapse = True
        warnings.warn(
            f"{type(self).__name__}: the negatives of a class (nearly) all score alike "
            f"(tau_scale={self.tau_scale!r}), so there is no scale to compare on; the class is "
            "left out. If this lasts beyond the first batches, warm up on cross-entropy, raise "
            "queue_size, or pass tau_scale=None. Shown once per loss.",
            UserWarning,
            stacklevel=2,
        )
