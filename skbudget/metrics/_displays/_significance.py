"""The significance of a selection at all thresholds, as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._optional_dependencies import check_matplotlib_support

from ..._utils.validation import check_option, check_positive
from .._significance import Events, check_events, check_formula, significance
from . import _base
from ._mixin import RankingDisplayMixin, complete

AXES = ("efficiency", "threshold")


@complete(drawn="the scan", named="Name of the curve in the legend")
class SignificanceDisplay(RankingDisplayMixin):
    """The significance of what is selected, at each threshold of a ranking.

    Create one with `from_estimator` or `from_predictions`. All parameters are stored as
    attributes.

    Parameters
    ----------
    thresholds : ndarray of shape (n_thresholds,)
        Thresholds, decreasing: rows with at least this score are selected.

    efficiency : ndarray of shape (n_thresholds,)
        Share of the signal that is selected.

    significance : ndarray of shape (n_thresholds,)
        Significance of what is selected.

    name : str, default=None
        Name of the curve in the legend.

    pos_label : int, float, bool or str, default=None
        Label of the positive class, shown beside the axis unless it is 1.

    Attributes
    ----------
    line_ : matplotlib Line2D
        The curve, with a marker at its maximum.

    best_ : int
        Place of the maximum in the arrays.

    ax_ : matplotlib Axes
        The axes.

    figure_ : matplotlib Figure
        The figure.

    See Also
    --------
    significance_score : The significance at one threshold, or at a budget.
    CoverageCurveDisplay : What is caught against the budget.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from skbudget.datasets import bayes_two_backgrounds_score, make_two_backgrounds
    >>> from skbudget.metrics import SignificanceDisplay
    >>> X, y, weight = make_two_backgrounds(30_000, random_state=0, return_weight=True)
    >>> display = SignificanceDisplay.from_predictions(
    ...     y, bayes_two_backgrounds_score(X), sample_weight=weight, name="Likelihood ratio"
    ... )
    >>> display.line_.get_label()
    'Likelihood ratio (Z = 20.2 at 31 %)'
    """

    def __init__(
        self,
        *,
        thresholds: NDArray,
        efficiency: NDArray,
        significance: NDArray,
        name: str | None = None,
        pos_label: Any = None,
    ) -> None:
        self.thresholds = thresholds
        self.efficiency = efficiency
        self.significance = significance
        self.name = name
        self.pos_label = pos_label

    def plot(
        self,
        ax: Any = None,
        *,
        x: str = "efficiency",
        name: str | None = None,
        curve_kwargs: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
        despine: bool = True,
    ) -> SignificanceDisplay:
        """Draw the scan.

        Parameters
        ----------
        $ax

        x : {"efficiency", "threshold"}, default="efficiency"
            What the significance is drawn over: the share of the signal that is selected, or
            the threshold.

        name : str, default=None
            $named, instead of the attribute `name`.

        $curve_kwargs

        $despine

        Returns
        -------
        display : SignificanceDisplay
        """
        owner = f"{type(self).__name__}.plot"
        check_matplotlib_support(owner)
        _base.check_drawing(owner, despine=despine)
        check_option(x, "x", AXES, owner)
        _base.check_points(
            owner,
            thresholds=self.thresholds,
            efficiency=self.efficiency,
            significance=self.significance,
        )
        _base.check_curve_kwargs(curve_kwargs, 1)
        name = self.name if name is None else name
        heights = np.asarray(self.significance, dtype=np.float64)
        places = np.asarray(self.efficiency if x == "efficiency" else self.thresholds, dtype=float)
        self.best_ = int(np.argmax(heights))

        ax, fresh = _base.open_axes(ax)
        self.ax_, self.figure_ = ax, ax.figure
        self.line_ = _base.draw_curves(
            ax,
            [(places, heights)],
            None,
            name=name,
            label=lambda name, shown: self._label(name),
            curve_kwargs=curve_kwargs,
            mark_at=self.best_,
        ).line
        top = 1.05 * float(heights.max())
        low, high = float(places.min()), float(places.max())
        ends = _base.SHARES if x == "efficiency" else _widened(low, high)
        _base.finish_axes(ax, fresh, xlim=ends, ylim=_widened(0.0, top), despine=despine)
        of_label = _base.pos_label_text(self.pos_label)
        ax.set_ylabel(f"Significance{of_label}")
        if x == "efficiency":
            ax.set_xlabel(f"Signal efficiency (%){of_label}")
            _base.show_shares(ax.xaxis)
        else:
            ax.set_xlabel("Threshold")
        _base.show_legend(ax)
        return self

    def _label(self, name: str | None) -> str:
        best = float(self.significance[self.best_])
        share = _base.share_text(round(float(self.efficiency[self.best_]), 2))
        return _base.legend_text(_base.name_text(name), f"Z = {best:.3g} at {share}")

    # --- from data ----------------------------------------------------------------

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_score: ArrayLike,
        *,
        eps: float = 0.0,
        kind: str = "simple",
        min_efficiency: float = 0.05,
        min_background: float = 5.0,
        sample_weight: ArrayLike | None = None,
        value: ArrayLike | None = None,
        process: ArrayLike | None = None,
        cross_sections: Sequence[float] | None = None,
        luminosity: float = 1.0,
        pos_label: Any = None,
        name: str | None = None,
        curve_kwargs: Mapping[str, Any] | None = None,
        **drawing: Any,
    ) -> SignificanceDisplay:
        """Draw the scan of given scores.

        Parameters
        ----------
        $y_true

        y_score : array-like of shape (n_samples,)
            Scores, greater for rows to be selected earlier.

        eps : float, default=0.0
            Added to the background, at least 0, in events.

        kind : {"simple", "asimov"}, default="simple"
            Formula, see :func:`significance_score`.

        min_efficiency : float, default=0.05
            Least share of the signal, in [0, 1]: selections of less are left out.

        min_background : float, default=5.0
            Least background, at least 0, in events: selections of less are left out, and
            so are those of no background at all, unless there is an `eps`.

        sample_weight : array-like of shape (n_samples,), default=None
            How many events each row stands for.

        value : array-like of shape (n_samples,), default=None
            What each row of the signal is worth.

        process : array-like of shape (n_samples,), default=None
            Number of each row's process, from 0 on; only with `cross_sections`.

        cross_sections : sequence of float, default=None
            The cross section of each process: entry k is that of process k.

        luminosity : float, default=1.0
            Events per cross section, greater than 0; only with `cross_sections`.

        $pos_label

        name : str, default=None
            Name of the curve in the legend; "Classifier" by default.

        $drawing
            As in :meth:`plot`.

        Returns
        -------
        display : SignificanceDisplay

        Raises
        ------
        $no_matplotlib
        ValueError
            As :func:`significance_score`, or if no selection has enough signal and
            background.
        """
        owner = f"{cls.__name__}.from_predictions"
        check_matplotlib_support(owner)
        eps, kind = check_formula(eps, kind, owner)
        check_positive(min_efficiency, "min_efficiency", owner, minimum=0, maximum=1)
        check_positive(min_background, "min_background", owner, minimum=0)
        events = check_events(
            y_true,
            y_score,
            sample_weight=sample_weight,
            value=value,
            process=process,
            cross_sections=cross_sections,
            luminosity=luminosity,
            pos_label=pos_label,
            owner=owner,
        )
        found = scan(events, eps, kind)
        kept = (
            (found.efficiency >= min_efficiency)
            & (found.background >= min_background)
            & np.isfinite(found.significance)
        )
        if not kept.any():
            raise ValueError(
                f"{owner} found no threshold with min_efficiency={min_efficiency!r} of the signal "
                f"and min_background={min_background!r} events: there are "
                f"{found.background[-1]:g} by sample_weight. Lower min_background."
            )
        display = cls(
            thresholds=found.thresholds[kept],
            efficiency=found.efficiency[kept],
            significance=found.significance[kept],
            name="Classifier" if name is None else name,
            pos_label=pos_label,
        )
        return display.plot(curve_kwargs=curve_kwargs, **drawing)


class Scan(NamedTuple):
    """What is selected at each threshold."""

    thresholds: NDArray[np.float64]
    efficiency: NDArray[np.float64]
    background: NDArray[np.float64]
    significance: NDArray[np.float64]


def scan(events: Events, eps: float, kind: str) -> Scan:
    """Return what is selected at each score that there is, from the top."""
    order = np.argsort(-events.scores, kind="stable")
    scores, positive = events.scores[order], events.positive[order]
    ends = np.flatnonzero(np.append(scores[1:] != scores[:-1], True))
    signal = np.cumsum(np.where(positive, events.worth[order], 0.0))[ends]
    background = np.cumsum(np.where(positive, 0.0, events.mass[order]))[ends]
    efficiency = signal / signal[-1]
    return Scan(scores[ends], efficiency, background, significance(signal, background + eps, kind))


def _widened(low: float, high: float) -> tuple[float, float]:
    """Return the ends of an axis, a little beyond what it shows."""
    margin = 0.02 * (high - low) if high > low else max(1.0, abs(high)) * 0.02
    return low - margin, high + margin
