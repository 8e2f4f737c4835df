"""The scores of positives, of negatives in a band, and of the other negatives, as a picture."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._optional_dependencies import check_matplotlib_support

from ..._utils.labels import warn_of_majority, weighted_share
from ..._utils.style import FAINT, GREY, INK, PALETTE
from ..._utils.validation import (
    check_band,
    check_binary_labels,
    check_finite,
    check_positive,
    check_scores,
    check_weights,
    shape_of,
)
from ...band import Basis, fpr_band
from . import _base
from ._mixin import RankingDisplayMixin, complete

MOST_BINS = 100_000
# What an axis of matplotlib has room for, with its margins.
DRAWABLE = 1e150


@complete(drawn="the histograms of the scores", named="Name of the model, shown beside the axis")
class ScoreBandDisplay(RankingDisplayMixin):
    """Histograms of the scores that show where the negatives of a band lie.

    Create one with `from_estimator` or `from_predictions`. All parameters are stored
    as attributes.

    Parameters
    ----------
    edges : ndarray of shape (n_bins + 1,)
        Edges of the bins; the lower edge of the band is one of them.

    positives, band_negatives, other_negatives : ndarray of shape (n_bins,)
        Number of rows in each bin, or their weight.

    t_alpha, t_beta : float
        Upper and lower edge of the band as scores, as in :class:`skbudget.band.Band`.

    reached : float, default=None
        Share of the positives that score at least `t_beta`, shown in the legend.

    alpha, beta : float, default=0.0, 0.005
        Edges of the band as fractions of the negatives, or of all rows.

    name : str, default=None
        Name of the model, shown beside the axis.

    Attributes
    ----------
    positives_, band_negatives_, other_negatives_ : matplotlib StepPatch
        The three histograms.

    edge_lines_ : list of matplotlib Line2D
        The lower edge of the band, and the upper one unless `alpha` is 0.

    ax_ : matplotlib Axes
        The axes.

    figure_ : matplotlib Figure
        The figure.

    See Also
    --------
    skbudget.band.fpr_band : The definition of the band.
    PartialROCDisplay : The same band on the ROC curve.

    Notes
    -----
    Counts are on a logarithmic axis, because there are few positives. If `alpha` is 0, the
    band has no upper edge: it reaches up to the top negative.

    There is no ``from_cv_results``, because the scores of separately fitted models do not
    share a scale.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from skbudget.datasets import bayes_contested_top_score, make_contested_top
    >>> from skbudget.metrics import ScoreBandDisplay
    >>> X, y = make_contested_top(20_000, pos_rate=0.01, random_state=0)
    >>> best = bayes_contested_top_score(X, pos_rate=0.01)
    >>> display = ScoreBandDisplay.from_predictions(y, best, beta=0.01)
    >>> int(display.band_negatives.sum()), int(display.positives.sum())
    (198, 200)
    """

    def __init__(
        self,
        *,
        edges: NDArray,
        positives: NDArray,
        band_negatives: NDArray,
        other_negatives: NDArray,
        t_alpha: float,
        t_beta: float,
        reached: float | None = None,
        alpha: float = 0.0,
        beta: float = 0.005,
        name: str | None = None,
    ) -> None:
        self.edges = edges
        self.positives = positives
        self.band_negatives = band_negatives
        self.other_negatives = other_negatives
        self.t_alpha = t_alpha
        self.t_beta = t_beta
        self.reached = reached
        self.alpha = alpha
        self.beta = beta
        self.name = name

    def plot(
        self, ax: Any = None, *, name: str | None = None, despine: bool = True
    ) -> ScoreBandDisplay:
        """Draw the histograms.

        Parameters
        ----------
        $ax

        name : str, default=None
            $named, instead of the attribute `name`.

        $despine

        Returns
        -------
        display : ScoreBandDisplay
        """
        owner = f"{type(self).__name__}.plot"
        check_matplotlib_support(owner)
        _base.check_drawing(owner, despine=despine)
        check_band(self.alpha, self.beta, owner)
        for edge in ("t_alpha", "t_beta"):
            check_finite(getattr(self, edge), edge, owner)
        if self.reached is not None:
            check_finite(self.reached, "reached", owner)
        _base.check_points(
            owner,
            positives=self.positives,
            band_negatives=self.band_negatives,
            other_negatives=self.other_negatives,
            **{"edges[1:]": self.edges[1:] if shape_of(self.edges, "edges") else self.edges},
        )
        name = self.name if name is None else name
        ax, fresh = _base.open_axes(ax)
        self.ax_, self.figure_ = ax, ax.figure
        histograms = (self.positives, self.band_negatives, self.other_negatives)
        filled = np.concatenate([counts[counts > 0] for counts in histograms])
        # Half of the smallest bin, so that the bar of a single row is visible.
        floor = float(filled.min()) / 2

        def draw(counts: NDArray, label: str, **style: Any) -> Any:
            # An empty bin has no bar, and an empty histogram has no entry in the legend.
            return ax.stairs(
                np.where(counts > 0, counts, np.nan),
                self.edges,
                baseline=floor,
                label=label.format(_amount(counts.sum())) if counts.any() else None,
                **style,
            )

        ax.set_yscale("log")
        of_positives = "Positives ({})"
        if self.reached is not None:
            of_positives += f", {100 * float(self.reached):.3g} % from the lower edge up"
        self.other_negatives_ = draw(
            self.other_negatives, "Other negatives ({})", fill=True, facecolor=FAINT, edgecolor=GREY
        )
        self.band_negatives_ = draw(
            self.band_negatives,
            f"Negatives in the band ({{}}), {_base.band_text(self.alpha, self.beta)}",
            fill=True,
            facecolor=PALETTE[1],
            edgecolor=PALETTE[1],
            alpha=0.55,
            linewidth=0.0,
        )
        self.positives_ = draw(
            self.positives, of_positives, color=PALETTE[0], linewidth=1.7, zorder=3
        )
        ends = [(self.t_beta, "-")] + ([(self.t_alpha, "--")] if self.alpha > 0 else [])
        self.edge_lines_ = [
            ax.axvline(score, color=INK, linewidth=0.9, linestyle=dashes, zorder=2.5)
            for score, dashes in ends
        ]
        top = max(float(counts.max()) for counts in histograms)
        margin = self.edges[-1] - self.edges[-2]
        _base.finish_axes(
            ax,
            fresh,
            xlim=(float(self.edges[0] - margin), float(self.edges[-1] + margin)),
            ylim=(floor, 1.6 * top),
            despine=despine,
        )
        ax.set(xlabel="Score" if name is None else f"Score of {name}", ylabel="Rows per bin")
        _base.show_legend(ax)
        return self

    # --- from data ----------------------------------------------------------------

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_score: ArrayLike,
        *,
        alpha: float = 0.0,
        beta: float = 0.005,
        basis: Basis = "fpr",
        sample_weight: ArrayLike | None = None,
        pos_label: Any = None,
        bins: int = 60,
        name: str | None = None,
        **drawing: Any,
    ) -> ScoreBandDisplay:
        """Draw the histograms of given scores.

        Parameters
        ----------
        $y_true

        y_score : array-like of shape (n_samples,)
            Scores, greater for rows more likely to be positive.

        alpha, beta : float, default=0.0, 0.005
            Edges of the band, ``0 <= alpha < beta <= 1``.

        basis : {"fpr", "population"}, default="fpr"
            What the edges are fractions of: the negatives, or all rows.

        $sample_weight

        $pos_label

        bins : int, default=60
            Approximate number of bins over the range of the scores.

        name : str, default=None
            $named.

        $drawing
            As in :meth:`plot`.

        Returns
        -------
        display : ScoreBandDisplay

        Raises
        ------
        $no_matplotlib
        ValueError
            If a parameter is out of its range, if the lengths differ, if a score is not
            finite, if `y_true` does not have two classes, or if no negative in the band has
            weight.
        """
        owner = f"{cls.__name__}.from_predictions"
        check_matplotlib_support(owner)
        bins = check_positive(bins, "bins", owner, integer=True, maximum=MOST_BINS)
        positive = check_binary_labels(
            y_true, pos_label=pos_label, consistent_with=[y_score, sample_weight]
        )
        scores = check_scores(y_score)
        weight = check_weights(sample_weight, scores.size)
        _check_drawable(scores, weight)
        band = fpr_band(
            scores, ~positive, alpha=alpha, beta=beta, basis=basis, sample_weight=weight
        )
        if band.is_empty:
            raise ValueError(
                f"The band [{alpha:g}, {beta:g}] of {basis!r} holds no negative with weight."
            )
        in_band = np.zeros(scores.size, dtype=bool)
        in_band[band.members] = True
        edges = _bin_edges(scores, band.t_beta, bins)

        def count(mask: NDArray[np.bool_]) -> NDArray:
            of_mask = None if weight is None else weight[mask]
            return np.histogram(scores[mask], edges, weights=of_mask)[0]

        weights = np.ones(scores.size) if weight is None else weight
        of_positives = weights[positive]
        if not of_positives.any():
            raise ValueError("Every positive has zero sample_weight: both classes are needed.")
        share = partial(weighted_share, positive, weight)
        warn_of_majority(y_true, share, pos_label, owner=cls.__name__)
        display = cls(
            edges=edges,
            positives=count(positive),
            band_negatives=count(in_band),
            other_negatives=count(~positive & ~in_band),
            t_alpha=band.t_alpha,
            t_beta=band.t_beta,
            reached=float(np.average(scores[positive] >= band.t_beta, weights=of_positives)),
            alpha=float(alpha),
            beta=float(beta),
            name=name,
        )
        return display.plot(**drawing)


def _check_drawable(scores: NDArray, weight: NDArray | None) -> None:
    """Raise if an axis cannot show the scores or the counts, near the ends of what floats hold."""
    if not np.abs(scores).max() <= DRAWABLE:
        raise ValueError(f"y_score must lie within [-{DRAWABLE:g}, {DRAWABLE:g}] to be drawn.")
    if weight is not None:
        present = weight[weight > 0.0]
        if not (present.min() >= 1.0 / DRAWABLE and weight.sum() <= DRAWABLE):
            raise ValueError(
                f"sample_weight must lie within [{1.0 / DRAWABLE:g}, {DRAWABLE:g}] to be drawn."
            )


def _bin_edges(scores: NDArray, t_beta: float, bins: int) -> NDArray[np.float64]:
    """Return the edges of equal bins; ``t_beta`` is one of them, so that no bin contains it."""
    low, high = float(scores.min()), float(scores.max())
    width = (high - low) / bins or 1.0
    below, above = np.ceil((t_beta - low) / width), np.floor((high - t_beta) / width) + 1
    edges = t_beta + width * np.arange(-below, above + 1)
    # Rounding must not leave out either end.
    edges[0], edges[-1] = min(edges[0], low), max(edges[-1], high)
    return edges


def _amount(total: float) -> str:
    """Return a number of rows, or a sum of weights, as text."""
    return f"{total:,.0f}".replace(",", " ") if total == round(total) else f"{total:.4g}"
