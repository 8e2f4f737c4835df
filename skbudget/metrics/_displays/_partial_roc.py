"""The left part of the ROC curve, with the band that counts, as a picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._optional_dependencies import check_matplotlib_support

from ..._utils.labels import deaf_to_majorities
from ..._utils.style import FAINT
from ..._utils.validation import check_band, check_finite, check_option
from .._coverage import coverage_curve
from .._partial_auc import partial_auc_score
from . import _base
from ._mixin import CurveDisplayMixin, Fold, complete, watched

# The picture ends a little beyond the band.
MARGIN = 1.25


@complete(drawn="the curve", named="Name of the curve in the legend")
class PartialROCDisplay(CurveDisplayMixin):
    """The ROC curve up to a little beyond a band of false positive rates.

    Create one with `from_estimator`, `from_predictions` or `from_cv_results`. All
    parameters are stored as attributes.

    Parameters
    ----------
    fpr : ndarray of shape (n_points,) or list of such
        False positive rates, increasing. A list has one curve per fold; the curves are
        drawn with their mean.

    tpr : ndarray of shape (n_points,) or list of such
        True positive rates.

    alpha, beta : float, default=0.0, 0.005
        Edges of the band, fractions of the negatives, ``0 <= alpha < beta <= 1``.

    partial_auc : float or list of float, default=None
        The partial AUC of each curve, shown in the legend.

    standardize : bool, default=False
        Whether `partial_auc` is rescaled so that chance is 0.5.

    name : str, default=None
        Name of the curve in the legend.

    pos_label : int, float, bool or str, default=None
        Label of the positive class, shown beside the axis unless it is 1.

    Attributes
    ----------
    line_ : matplotlib Line2D or list of Line2D
        The curve, or one curve per fold of a cross-validation.

    mean_line_ : matplotlib Line2D or None
        The mean of the true positive rate over folds.

    band_ : matplotlib Patch
        The shaded band, shared by all displays on the axes with the same edges.

    chance_level_ : matplotlib Line2D or None
        What a random order reaches.

    ax_ : matplotlib Axes
        The axes.

    figure_ : matplotlib Figure
        The figure.

    See Also
    --------
    partial_auc_score : The figure in the legend.
    CoverageCurveDisplay : The same ranking against the budget.
    sklearn.metrics.RocCurveDisplay : The whole curve.

    Notes
    -----
    The standardised partial AUC is McClish's [1]_: in any band it is a half for a random
    order and 1 for a ranking without errors.

    References
    ----------
    .. [1] McClish, D. K. (1989). Analyzing a portion of the ROC curve. Medical
       Decision Making, 9(3), 190-195.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from skbudget.datasets import bayes_contested_top_score, make_contested_top
    >>> from skbudget.metrics import PartialROCDisplay
    >>> X, y = make_contested_top(20_000, pos_rate=0.01, random_state=0)
    >>> best = bayes_contested_top_score(X, pos_rate=0.01)
    >>> display = PartialROCDisplay.from_predictions(y, best, beta=0.01, name="Bayes")
    >>> display.line_.get_label()
    'Bayes (pAUC = 0.836)'
    """

    _per_row = ("sample_weight", "value")

    def __init__(
        self,
        *,
        fpr: NDArray | list[NDArray],
        tpr: NDArray | list[NDArray],
        alpha: float = 0.0,
        beta: float = 0.005,
        partial_auc: float | list[float] | None = None,
        standardize: bool = False,
        name: str | None = None,
        pos_label: Any = None,
    ) -> None:
        self.fpr = fpr
        self.tpr = tpr
        self.alpha = alpha
        self.beta = beta
        self.partial_auc = partial_auc
        self.standardize = standardize
        self.name = name
        self.pos_label = pos_label

    def plot(
        self,
        ax: Any = None,
        *,
        name: str | None = None,
        curve_kwargs: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
        plot_chance_level: bool = True,
        chance_level_kw: Mapping[str, Any] | None = None,
        despine: bool = True,
    ) -> PartialROCDisplay:
        """Draw the curve.

        Parameters
        ----------
        $ax

        name : str, default=None
            $named, instead of the attribute `name`.

        $curve_kwargs

        $plot_chance_level

        $chance_level_kw

        $despine

        Returns
        -------
        display : PartialROCDisplay
        """
        owner = f"{type(self).__name__}.plot"
        check_matplotlib_support(owner)
        _base.check_drawing(
            owner,
            plot_chance_level=plot_chance_level,
            chance_level_kw=chance_level_kw,
            despine=despine,
        )
        _check(self.alpha, self.beta, self.standardize, type(self).__name__)
        fprs, tprs = _as_list(self.fpr), _as_list(self.tpr)
        areas = None if self.partial_auc is None else _as_list(self.partial_auc)
        _base.check_same_length(
            {"fpr": fprs, "tpr": tprs, "partial_auc": areas}, type(self).__name__
        )
        for area in areas or []:
            check_finite(area, "partial_auc", owner)
        for number, (fpr, tpr) in enumerate(zip(fprs, tprs)):
            _base.check_points(owner, **{f"fpr[{number}]": fpr, f"tpr[{number}]": tpr})
        _base.check_curve_kwargs(curve_kwargs, len(fprs))
        name = self.name if name is None else name

        ax, fresh = _base.open_axes(ax)
        self.ax_, self.figure_ = ax, ax.figure
        self.band_ = _shade_band(ax, self.alpha, self.beta)
        self.chance_level_ = None
        if plot_chance_level:
            chance = 0.5 if self.standardize else (self.alpha + self.beta) / 2
            self.chance_level_ = _base.chance_line(
                ax, [0.0, 1.0], [0.0, 1.0], chance_level_kw, f"Chance ({chance:.4g})"
            )
        end = min(1.0, MARGIN * self.beta)
        drawn = _base.draw_curves(
            ax,
            list(zip(fprs, tprs)),
            _mean_curve(fprs, tprs, end) if len(fprs) > 1 else None,
            name=name,
            label=lambda name, shown: self._label(
                name, None if areas is None else [areas[one] for one in shown]
            ),
            curve_kwargs=curve_kwargs,
        )
        self.line_, self.mean_line_ = drawn

        _base.finish_axes(ax, fresh, xlim=(-0.01 * end, end), ylim=_base.SHARES, despine=despine)
        of_label = _base.pos_label_text(self.pos_label)
        ax.set_xlabel(f"False positive rate (%){of_label}")
        ax.set_ylabel(f"True positive rate{of_label}")
        _base.show_shares(ax.xaxis)
        _base.show_legend(ax)
        return self

    def _label(self, name: str | None, areas: Sequence[float] | None) -> str | None:
        if areas is None:
            return name
        measure = "standardised pAUC" if self.standardize else "pAUC"
        return _base.legend_text(name, f"{measure} = {_base.mean_and_spread(areas)}")

    # --- from data ----------------------------------------------------------------

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_score: ArrayLike,
        *,
        alpha: float = 0.0,
        beta: float = 0.005,
        sample_weight: ArrayLike | None = None,
        value: ArrayLike | None = None,
        pos_label: Any = None,
        standardize: bool = False,
        name: str | None = None,
        curve_kwargs: Mapping[str, Any] | None = None,
        **drawing: Any,
    ) -> PartialROCDisplay:
        """Draw the curve of given scores.

        Parameters
        ----------
        $y_true

        y_score : array-like of shape (n_samples,)
            Scores, greater for rows more likely to be positive.

        alpha, beta : float, default=0.0, 0.005
            Edges of the band, fractions of the negatives, ``0 <= alpha < beta <= 1``.

        $sample_weight

        value : array-like of shape (n_samples,), default=None
            What catching each row is worth; it weights only the true positive rate.

        $pos_label

        standardize : bool, default=False
            Whether the partial AUC in the legend is rescaled so that chance is 0.5.

        name : str, default=None
            Name of the curve in the legend; "Classifier" by default.

        $drawing
            As in :meth:`plot`.

        Returns
        -------
        display : PartialROCDisplay

        Raises
        ------
        $no_matplotlib
        ValueError
            As :func:`partial_auc_score`.
        """
        owner = f"{cls.__name__}.from_predictions"
        check_matplotlib_support(owner)
        per_row = {"sample_weight": sample_weight, "value": value}
        display = cls._of_folds(
            [Fold(y_true, y_score, pos_label, per_row)],
            alpha=alpha,
            beta=beta,
            standardize=standardize,
            name="Classifier" if name is None else name,
            owner=owner,
        )
        return display.plot(curve_kwargs=curve_kwargs, **drawing)

    @classmethod
    def _of_folds(
        cls,
        folds: Iterable[Fold],
        *,
        alpha: float,
        beta: float,
        standardize: bool,
        name: str,
        owner: str,
    ) -> PartialROCDisplay:
        alpha, beta = _check(alpha, beta, standardize, owner)
        fprs, tprs, areas, label = [], [], [], None
        for fold in watched(folds, cls.__name__):
            fpr, tpr, area = _measure(fold, alpha, beta, standardize)
            fprs.append(fpr)
            tprs.append(tpr)
            areas.append(area)
            label = fold.pos_label
        one = len(areas) == 1
        return cls(
            fpr=fprs[0] if one else fprs,
            tpr=tprs[0] if one else tprs,
            alpha=alpha,
            beta=beta,
            partial_auc=areas[0] if one else areas,
            standardize=standardize,
            name=name,
            pos_label=label,
        )


def _as_list(values: Any) -> list[Any]:
    return values if isinstance(values, list) else [values]


def _check(alpha: Any, beta: Any, standardize: Any, owner: str) -> tuple[float, float]:
    check_option(standardize, "standardize", (True, False), owner)
    return check_band(alpha, beta, owner)


def _measure(
    fold: Fold, alpha: float, beta: float, standardize: bool
) -> tuple[NDArray, NDArray, float]:
    """Return the corners of the part of the ROC curve that is drawn, and the partial AUC."""
    y_true, y_score = fold.y_true, fold.y_score
    options = {**fold.per_row, "pos_label": fold.pos_label}
    with deaf_to_majorities():
        area = partial_auc_score(
            y_true, y_score, alpha=alpha, beta=beta, standardize=standardize, **options
        )
        fpr, tpr = coverage_curve(y_true, y_score, basis="fpr", **options)
    # The first point beyond the picture is needed as the end of its last line.
    last = np.searchsorted(fpr, min(1.0, MARGIN * beta), side="right") + 1
    fpr, tpr = fpr[:last], tpr[:last]
    corners = _corners(fpr, tpr)
    return fpr[corners], tpr[corners], area


def _corners(x: NDArray, y: NDArray) -> NDArray[np.bool_]:
    """Return which points of a curve are off the line between their neighbours."""
    dx, dy = np.diff(x), np.diff(y)
    one, other = dx[:-1] * dy[1:], dx[1:] * dy[:-1]
    bends = np.abs(one - other) > 1e-9 * (one + other)
    return np.concatenate([[True], bends, [True]])


def _mean_curve(
    fprs: Sequence[NDArray], tprs: Sequence[NDArray], end: float
) -> tuple[NDArray, NDArray]:
    """Return the mean true positive rate at each false positive rate where a curve bends.

    If a curve rises vertically at a false positive rate, so does the mean.
    """
    at = np.unique(np.concatenate(fprs))
    at = at[at <= max(end, max(fpr[0] for fpr in fprs))]
    at = np.unique(np.append(at, end))
    # Sums over the folds: there may be many of them, and as many corners as rows.
    rates = np.zeros((at.size, 2))
    for fpr, tpr in zip(fprs, tprs):
        rates[:, 0] += np.interp(np.nextafter(at, -1.0), fpr, tpr, left=0.0)
        rates[:, 1] += np.interp(at, fpr, tpr)
    return np.repeat(at, 2), (rates / len(fprs)).ravel()


def _shade_band(ax: Any, alpha: float, beta: float) -> Any:
    """Return the shaded band; shade it if there is none with the same edges."""
    for band in _base.tagged(ax, "band"):
        if band._skbudget_edges == (alpha, beta):
            return band
    band = ax.axvspan(
        alpha,
        beta,
        facecolor=FAINT,
        alpha=0.6,
        linewidth=0,
        zorder=0.5,
        label=f"Band {_base.band_text(alpha, beta)}",
    )
    band._skbudget_edges = (alpha, beta)
    return _base.tag(band, "band")
