"""The torch twin of `skbudget.band`: edges and dispersion of an FPR band.

Definition and order statistics are the same, and a test holds the two to the same
numbers. Edges are found by selection, so a pool may hold more rows than
`torch.quantile` can sort.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ...band import ROUNDING, WEIGHT_ROUNDING, first_rank, last_rank

__all__ = ["INTERPOLATIONS", "Interpolation", "TorchBand", "find_band", "upper_quantile"]

Interpolation = Literal["rank", "linear", "lower", "higher", "nearest", "midpoint"]
INTERPOLATIONS = ("rank", "linear", "lower", "higher", "nearest", "midpoint")

# Below this share of the rows, one partial selection from the top beats one per rank.
_TOP_SHARE = 0.05


@dataclass(frozen=True)
class TorchBand:
    """Edges, knots and dispersion of a band; scalars without gradient.

    Attributes
    ----------
    t_alpha, t_beta : Tensor of shape ()
        Upper and lower score edge.
    thresholds : Tensor of shape (n_knots,)
        Scores at equally spaced FPR from alpha to beta; ends are the edges.
    dispersion : Tensor of shape ()
        Spread of the reference negatives in score units.
    """

    t_alpha: Tensor
    t_beta: Tensor
    thresholds: Tensor
    dispersion: Tensor


def find_band(
    scores: Tensor,
    reference: Tensor,
    negatives: Tensor,
    *,
    alpha: float,
    beta: float,
    n_knots: int,
    tau_scale: Literal["iqr", "band"] | None,
    interpolation: Interpolation,
    weight: Tensor | None = None,
) -> TorchBand:
    """Find edges, knots and dispersion.

    Parameters
    ----------
    scores : Tensor of shape (n_rows,)
        Scores without gradient.
    reference : Tensor of shape (n_rows,), dtype=bool
        Rows whose scores set the edges, at least one.
    negatives : Tensor of shape (n_rows,), dtype=bool
        Rows whose scores set the dispersion, at least one.
    alpha, beta : float
        Ends of the band as fractions.
    n_knots : int
        Number of thresholds, 2 for the edges alone.
    tau_scale : {"iqr", "band"} or None
        Which dispersion to return; None for 1.
    interpolation : {"rank", "linear", "lower", "higher", "nearest", "midpoint"}
        "rank" for the order statistics of `skbudget.band`, otherwise a method of
        `torch.quantile`.
    weight : Tensor of shape (n_rows,), default=None
        Weights that repeat rows; only with "rank".

    Returns
    -------
    band : TorchBand
    """
    inner = [alpha + (beta - alpha) * k / (n_knots - 1) for k in range(1, n_knots - 1)]
    if weight is not None:
        return _weighted_band(scores, reference, negatives, alpha, inner, beta, tau_scale, weight)
    column = _Column(scores, reference)
    want_iqr = tau_scale == "iqr"
    if interpolation == "rank":
        lower = [last_rank(fraction, column.size) for fraction in [*inner, beta]]
        ranks = [first_rank(alpha, column.size), *lower]
        thresholds = column.at_ranks(ranks)
    else:
        thresholds = column.quantiles([alpha, *inner, beta], interpolation)
    dispersion = torch.ones_like(thresholds[0])
    if want_iqr:
        spread = column if negatives is reference else _Column(scores, negatives)
        if interpolation == "rank":
            upper, lower = spread.at_ranks(
                [last_rank(share, spread.size) for share in (0.25, 0.75)]
            )
        else:
            upper, lower = spread.quantiles([0.25, 0.75], interpolation)
        dispersion = upper - lower
    elif tau_scale == "band":
        dispersion = thresholds[0] - thresholds[-1]
    return TorchBand(thresholds[0], thresholds[-1], thresholds, dispersion)


def upper_quantile(
    scores: Tensor,
    fraction: float,
    interpolation: Interpolation = "rank",
    *,
    rows: Tensor | None = None,
    weight: Tensor | None = None,
) -> Tensor:
    """Return the score that a ``fraction`` of the rows reaches, shape ().

    Parameters
    ----------
    scores : Tensor of shape (n_rows,)
        Scores without gradient.
    fraction : float
        Fraction in (0, 1].
    interpolation : {"rank", "linear", "lower", "higher", "nearest", "midpoint"}
        Definition of the quantile.
    rows : Tensor of shape (n_rows,), dtype=bool, default=None
        Rows that count, at least one.
    weight : Tensor of shape (n_rows,), default=None
        Weights that repeat rows; only with "rank" and ``rows``.
    """
    if weight is not None and rows is not None and not bool((weight[rows] == 1).all()):
        return _WeightedColumn(scores, rows, weight).at_fraction(fraction, last=True)
    column = _Column(scores, rows)
    if interpolation == "rank":
        return column.at_ranks([last_rank(fraction, column.size)])[0]
    return column.quantiles([fraction], interpolation)[0]


class _Column:
    """Order statistics of some of the rows, counted from the top."""

    def __init__(self, scores: Tensor, rows: Tensor | None) -> None:
        # Excluded rows sink to the bottom instead of being copied out.
        self._values = scores if rows is None else torch.where(rows, scores, -math.inf)
        self.size = scores.numel() if rows is None else int(torch.count_nonzero(rows))

    def at_ranks(self, ranks: Sequence[int]) -> Tensor:
        """Return the scores at ranks from 1 (the top), shape (len(ranks),)."""
        n = self._values.numel()
        deepest = max(ranks)
        if deepest == 1:
            return self._values.max().expand(len(ranks))
        if deepest <= max(64, _TOP_SHARE * n):
            top = torch.topk(self._values, deepest).values
            return top[[rank - 1 for rank in ranks]]
        if self._values.device.type == "cpu":
            # NumPy selects all of them at once.
            positions = [n - rank for rank in ranks]
            return torch.from_numpy(np.partition(self._values.numpy(), positions)[positions])
        # On a GPU one sort takes a fraction of the time of selecting a single rank.
        return torch.sort(self._values, descending=True).values[[rank - 1 for rank in ranks]]

    def quantiles(self, fractions: Sequence[float], interpolation: str) -> Tensor:
        """Return quantiles at ``1 - fraction`` in the manner of `torch.quantile`."""
        positions = [(self.size - 1) * (1.0 - fraction) for fraction in fractions]
        lower = [math.floor(position + ROUNDING) for position in positions]
        upper = [math.ceil(position - ROUNDING) for position in positions]
        if interpolation == "nearest":
            lower = [round(position) for position in positions]  # half to even
        if interpolation in ("lower", "nearest"):
            return self.at_ranks([self.size - low for low in lower])
        if interpolation == "higher":
            return self.at_ranks([self.size - up for up in upper])
        found = self.at_ranks([self.size - index for index in (*lower, *upper)])
        below, above = found[: len(lower)], found[len(lower) :]
        if interpolation == "midpoint":
            return torch.lerp(below, above, 0.5)
        share = torch.tensor(
            [max(0.0, position - low) for position, low in zip(positions, lower)],
            dtype=below.dtype,
            device=below.device,
        )
        return torch.lerp(below, above, share)


def _weighted_band(
    scores: Tensor,
    reference: Tensor,
    negatives: Tensor,
    alpha: float,
    inner: Sequence[float],
    beta: float,
    tau_scale: str | None,
    weight: Tensor,
) -> TorchBand:
    edges = _WeightedColumn(scores, reference, weight)
    thresholds = torch.stack(
        [edges.at_fraction(alpha, last=False)]
        + [edges.at_fraction(fraction, last=True) for fraction in [*inner, beta]]
    )
    dispersion = torch.ones_like(thresholds[0])
    if tau_scale == "iqr":
        spread = edges if negatives is reference else _WeightedColumn(scores, negatives, weight)
        dispersion = spread.at_fraction(0.25, last=True) - spread.at_fraction(0.75, last=True)
    elif tau_scale == "band":
        dispersion = thresholds[0] - thresholds[-1]
    return TorchBand(thresholds[0], thresholds[-1], thresholds, dispersion)


class _WeightedColumn:
    """Order statistics of rows that count as often as their weight says."""

    def __init__(self, scores: Tensor, rows: Tensor, weight: Tensor) -> None:
        rows = rows & (weight > 0)
        self._values, order = torch.sort(scores[rows], descending=True)
        # Ranks are sums of weights: float32 would lose them.
        self._reached = weight[rows][order].double().cumsum(0)

    def at_fraction(self, fraction: float, *, last: bool) -> Tensor:
        """Return the first score at which the weight reaches (``last``) or exceeds a share."""
        total = self._reached[-1]
        slack = WEIGHT_ROUNDING * total
        wanted = fraction * total + (-slack if last else slack)
        index = torch.searchsorted(self._reached, wanted, right=not last)
        return self._values[index.clamp(max=self._values.numel() - 1)]
