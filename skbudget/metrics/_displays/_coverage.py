"""Coverage against the budget, as a picture."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._optional_dependencies import check_matplotlib_support

from ..._utils.style import FAINT, GREY, INK
from ..._utils.validation import (
    BASES,
    MOST_RESAMPLES,
    check_binary_labels,
    check_budget,
    check_budgets,
    check_finite,
    check_fraction,
    check_option,
    check_positive,
    shape_of,
)
from .._coverage import coverage_at_budgets
from .._ranking import ScoredRows, check_rows
from ..intervals._coverage_interval import bootstrap_coverage
from . import _base
from ._mixin import CurveDisplayMixin, Fold, complete, watched

N_BUDGETS = 240
# The picture goes from the budget divided by this to the budget times this.
REACH = 30.0
# Budgets of which the resamples are held at a time.
BUDGETS_AT_ONCE = 1_000


@complete(drawn="the curve", named="Name of the curve in the legend")
class CoverageCurveDisplay(CurveDisplayMixin):
    """Coverage against the budget: what a ranking catches for what can be reviewed.

    Create one with `from_estimator`, `from_predictions` or `from_cv_results`. All
    parameters are stored as attributes.

    Parameters
    ----------
    budgets : ndarray of shape (n_budgets,)
        Budgets, fractions in (0, 1], increasing.

    coverage : ndarray of shape (n_budgets,) or list of such
        Coverage at each budget. A list has one curve per fold; the curves are drawn
        with their mean.

    budget : float, default=None
        The budget to mark, one of `budgets`.

    interval : tuple of two ndarrays of shape (n_budgets,), default=None
        Lower and upper end of an interval for the coverage at each budget.

    confidence_level : float, default=None
        Level of the interval, shown in the legend.

    perfect : ndarray of shape (n_budgets,), default=None
        What a ranking without errors covers. This is less than 1 if the budget reviews
        fewer rows than there are positives.

    ceiling : ndarray of shape (n_budgets,), default=None
        What the best possible scores cover, if they are known.

    basis : {"population", "fpr"}, default="population"
        What the budgets are fractions of: all rows, or the negatives.

    name : str, default=None
        Name of the curve in the legend.

    pos_label : int, float, bool or str, default=None
        Label of the positive class, shown beside the axis unless it is 1.

    Attributes
    ----------
    line_ : matplotlib Line2D or list of Line2D
        The curve, or one curve per fold of a cross-validation.

    mean_line_ : matplotlib Line2D or None
        The mean over folds.

    budget_line_ : matplotlib Line2D or None
        The vertical line at the budget, shared by all displays on the axes.

    interval_, perfect_ : matplotlib PolyCollection or None
        The band of the interval, and the region that no ranking reaches.

    ceiling_, chance_level_ : matplotlib Line2D or None
        What the best possible scores cover, and what a random order covers.

    ax_ : matplotlib Axes
        The axes.

    figure_ : matplotlib Figure
        The figure.

    See Also
    --------
    coverage_curve : The curve as numbers.
    bootstrap_ci : An interval for one budget.
    PartialROCDisplay : The same ranking against the false positive rate.

    Notes
    -----
    The curve is drawn at about two hundred budgets on a logarithmic axis, from a thirtieth of
    the budget to thirty times the budget. If weights are whole numbers, the budgets are whole
    numbers of rows. The values are those of :func:`coverage_curve`, and the marked one is that
    of :func:`coverage_at_budget_score`.

    Several displays can share axes. Each new curve takes the next colour and dashes, and
    lines that all displays have in common are drawn once.

    The interval consists of the percentiles of bootstrap resamples at each budget
    separately, with positives and negatives resampled separately. Its width is 0 where every
    resample covers the same, for instance all of a few positives. To report a figure use
    :func:`bootstrap_ci`, which corrects for this. To compare models use
    :func:`paired_bootstrap_ci`: overlapping intervals do not mean that there is no difference.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from skbudget.datasets import bayes_contested_top_score, make_contested_top
    >>> from skbudget.metrics import CoverageCurveDisplay
    >>> X, y = make_contested_top(20_000, pos_rate=0.01, random_state=0)
    >>> best = bayes_contested_top_score(X, pos_rate=0.01)
    >>> display = CoverageCurveDisplay.from_predictions(y, X[:, 0], budget=0.01, ceiling=best)
    >>> display.ax_.get_xlabel()
    'Budget (% of all rows)'
    """

    _per_row = ("sample_weight", "value", "ceiling")
    _not_of_folds = ("n_resamples", "confidence_level", "random_state")

    def __init__(
        self,
        *,
        budgets: NDArray,
        coverage: NDArray | list[NDArray],
        budget: float | None = None,
        interval: tuple[NDArray, NDArray] | None = None,
        confidence_level: float | None = None,
        perfect: NDArray | None = None,
        ceiling: NDArray | None = None,
        basis: str = "population",
        name: str | None = None,
        pos_label: Any = None,
    ) -> None:
        self.budgets = budgets
        self.coverage = coverage
        self.budget = budget
        self.interval = interval
        self.confidence_level = confidence_level
        self.perfect = perfect
        self.ceiling = ceiling
        self.basis = basis
        self.name = name
        self.pos_label = pos_label

    def plot(
        self,
        ax: Any = None,
        *,
        name: str | None = None,
        unit: str = "percent",
        curve_kwargs: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
        plot_chance_level: bool = True,
        chance_level_kw: Mapping[str, Any] | None = None,
        despine: bool = True,
    ) -> CoverageCurveDisplay:
        """Draw the curve.

        Parameters
        ----------
        $ax

        name : str, default=None
            $named, instead of the attribute `name`.

        unit : {"percent", "bps"}, default="percent"
            Unit of the budget in the labels: per cent or basis points. The data stay
            fractions.

        $curve_kwargs

        $plot_chance_level

        $chance_level_kw

        $despine

        Returns
        -------
        display : CoverageCurveDisplay
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        owner = f"{type(self).__name__}.plot"
        check_option(unit, "unit", tuple(_base.UNITS), owner)
        curves = self._curves()
        _base.check_curve_kwargs(curve_kwargs, len(curves))
        _base.check_drawing(
            owner,
            plot_chance_level=plot_chance_level,
            chance_level_kw=chance_level_kw,
            despine=despine,
        )
        name = self.name if name is None else name

        ax, fresh = _base.open_axes(ax)
        self.ax_, self.figure_ = ax, ax.figure
        if ax.get_xscale() != "log":
            ax.set_xscale("log")
        self._draw_context(ax, plot_chance_level, chance_level_kw)
        drawn = _base.draw_curves(
            ax,
            [(self.budgets, curve) for curve in curves],
            (self.budgets, np.mean(curves, axis=0)) if len(curves) > 1 else None,
            name=name,
            label=lambda name, shown: self._label(name, [curves[one] for one in shown], unit),
            curve_kwargs=curve_kwargs,
            mark_at=self._marked(),
        )
        self.line_, self.mean_line_ = drawn
        self._draw_interval(ax, drawn)

        _base.finish_axes(
            ax,
            fresh,
            xlim=(float(self.budgets[0]), float(self.budgets[-1])),
            ylim=_base.SHARES,
            despine=despine,
        )
        of = "all rows" if self.basis == "population" else "the negatives"
        ax.set_xlabel(f"Budget ({_base.UNIT_NAMES[unit]} of {of})")
        ax.set_ylabel("Coverage" + _base.pos_label_text(self.pos_label))
        _base.show_shares(ax.xaxis, unit)
        _base.show_legend(ax)
        return self

    def _curves(self) -> list[NDArray]:
        """Return the curves, checked: all have one point for each budget."""
        owner = type(self).__name__
        curves = self.coverage if isinstance(self.coverage, list) else [self.coverage]
        given: dict[str, Any] = {f"coverage[{number}]": one for number, one in enumerate(curves)}
        if not curves:
            raise ValueError("coverage must be an array, or a list of at least one: got [].")
        if self.interval is not None:
            if shape_of(self.interval, "interval")[:1] != (2,):
                raise ValueError(f"interval must be two arrays: got {self.interval!r}.")
            given |= {"interval[0]": self.interval[0], "interval[1]": self.interval[1]}
        for name, points in (("perfect", self.perfect), ("ceiling", self.ceiling)):
            given |= {} if points is None else {name: points}
        _base.check_points(owner, budgets=self.budgets, **given)
        check_option(self.basis, "basis", BASES, owner)
        if self.confidence_level is not None:
            check_fraction(self.confidence_level, "confidence_level", owner)
        self._marked()
        return curves

    def _label(self, name: str | None, curves: Sequence[NDArray], unit: str) -> str | None:
        marked = self._marked()
        if marked is None:
            return _base.name_text(name)
        reached = _base.mean_and_spread([float(curve[marked]) for curve in curves])
        return _base.legend_text(
            name, f"{reached} at {_base.share_text(self.budgets[marked], unit)}"
        )

    def _marked(self) -> int | None:
        if self.budget is None:
            return None
        budget = check_finite(self.budget, "budget", type(self).__name__)
        found = np.flatnonzero(np.asarray(self.budgets) == budget)
        if found.size == 0:
            raise ValueError(f"budget={self.budget!r} must be one of budgets.")
        return int(found[0])

    def _draw_context(self, ax: Any, plot_chance_level: bool, chance_level_kw: Any) -> None:
        """Draw what does not depend on the ranking, behind the curves."""
        self.perfect_ = self.ceiling_ = self.chance_level_ = self.budget_line_ = None
        if self.perfect is not None:
            self.perfect_ = _shade_unreachable(ax, self.budgets, self.perfect)
        if self.ceiling is not None:
            style = {"color": INK, "linewidth": 1.0, "linestyle": (0, (4.0, 2.5)), "zorder": 1.8}
            self.ceiling_ = _base.shared_line(
                ax, "ceiling", self.budgets, self.ceiling, {"label": "Ceiling", **style}
            )
        if plot_chance_level:
            self.chance_level_ = _base.chance_line(
                ax, self.budgets, self.budgets, chance_level_kw, "Chance"
            )
        if self.budget is not None:
            style = {"color": INK, "linewidth": 0.8, "zorder": 1.7}
            self.budget_line_ = _base.shared_line(
                ax, "budget", [self.budget, self.budget], [0.0, 1.0], style
            )

    def _draw_interval(self, ax: Any, drawn: _base.Drawn) -> None:
        self.interval_ = None
        if self.interval is None:
            return
        label = None
        if self.confidence_level is not None:
            label = f"{100 * float(self.confidence_level):g} % interval"
        # One entry in the legend is enough for the intervals of all curves.
        known = [interval.get_label() for interval in _base.tagged(ax, "interval")]
        region = ax.fill_between(
            self.budgets,
            *self.interval,
            color=drawn.main.get_color(),
            alpha=0.16,
            linewidth=0,
            zorder=1.6,
            label=None if label in known else label,
        )
        self.interval_ = _base.tag(region, "interval")

    # --- from data ----------------------------------------------------------------

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_score: ArrayLike,
        *,
        budget: float | None = None,
        basis: str = "population",
        sample_weight: ArrayLike | None = None,
        value: ArrayLike | None = None,
        pos_label: Any = None,
        budgets: ArrayLike | None = None,
        ceiling: ArrayLike | None = None,
        plot_perfect: bool = True,
        n_resamples: int = 500,
        confidence_level: float = 0.95,
        random_state: Any = None,
        name: str | None = None,
        curve_kwargs: Mapping[str, Any] | None = None,
        **drawing: Any,
    ) -> CoverageCurveDisplay:
        """Draw the curve of given scores.

        Parameters
        ----------
        $y_true

        y_score : array-like of shape (n_samples,)
            Scores, greater for rows to be reviewed earlier.

        budget : float, default=None
            The budget to mark, a fraction in (0, 1]: 50 basis points are 0.005.

        basis : {"population", "fpr"}, default="population"
            What the budget is a fraction of, see :func:`coverage_at_budget_score`.

        $sample_weight

        value : array-like of shape (n_samples,), default=None
            What catching each row is worth; coverage is then a share of this value.

        $pos_label

        budgets : array-like of shape (n_budgets,), default=None
            Budgets at which to evaluate the curve; `budget` is added to them. The default
            is about two hundred budgets around `budget`, evenly spaced in their logarithm.

        ceiling : array-like of shape (n_samples,), default=None
            The best possible scores of the rows, for comparison, for instance those of
            :func:`skbudget.datasets.bayes_contested_top_score`.

        plot_perfect : bool, default=True
            Whether to shade what no ranking reaches. With ``basis="fpr"`` there is
            no such region.

        n_resamples : int, default=500
            Number of bootstrap resamples for the interval; 0 for no interval.

        confidence_level : float, default=0.95
            Level of the interval at each budget, in (0, 1).

        random_state : int, RandomState instance or None, default=None
            Seed of the resamples.

        name : str, default=None
            Name of the curve in the legend; "Classifier" by default.

        $drawing
            As in :meth:`plot`.

        Returns
        -------
        display : CoverageCurveDisplay

        Raises
        ------
        $no_matplotlib
        ValueError
            As :func:`coverage_curve`.
        """
        owner = f"{cls.__name__}.from_predictions"
        check_matplotlib_support(owner)
        check_positive(
            n_resamples, "n_resamples", owner, integer=True, minimum=0, maximum=MOST_RESAMPLES
        )
        check_fraction(confidence_level, "confidence_level", owner)
        per_row = {"sample_weight": sample_weight, "value": value, "ceiling": ceiling}
        display = cls._of_folds(
            [Fold(y_true, y_score, pos_label, per_row)],
            budget=budget,
            basis=basis,
            budgets=budgets,
            plot_perfect=plot_perfect,
            name="Classifier" if name is None else name,
            owner=owner,
        )
        if n_resamples:
            resamples = partial(
                bootstrap_coverage,
                y_true,
                y_score,
                basis=basis,
                sample_weight=sample_weight,
                value=value,
                pos_label=pos_label,
                n_resamples=n_resamples,
                random_state=random_state,
            )
            display.confidence_level = float(confidence_level)
            display.interval = _percentiles(resamples, display.budgets, confidence_level)
        return display.plot(curve_kwargs=curve_kwargs, **drawing)

    @classmethod
    def _of_folds(
        cls,
        folds: Iterable[Fold],
        *,
        budget: float | None,
        basis: str,
        budgets: ArrayLike | None,
        plot_perfect: bool,
        name: str,
        owner: str,
    ) -> CoverageCurveDisplay:
        check_option(basis, "basis", BASES, owner)
        if budget is not None:
            budget = check_budget(budget, owner)
        if budgets is not None:
            budgets = check_budgets(budgets, owner)
        check_option(plot_perfect, "plot_perfect", (True, False), owner)
        coverage, of_perfect, of_ceiling = [], [], []
        at = label = None
        # One fold at a time is in memory.
        for fold in watched(folds, cls.__name__):
            rows = _checked(fold, fold.y_score)
            if at is None:
                label = fold.pos_label
                if budgets is None:
                    budgets = _spread_budgets(fold, rows, basis, budget)
                at = np.unique(np.append(budgets, [] if budget is None else [budget]))
            coverage.append(coverage_at_budgets(rows, at, basis))
            if plot_perfect and basis == "population":
                best = rows._replace(scores=_perfect_scores(rows))
                of_perfect.append(coverage_at_budgets(best, at, basis))
            if fold.per_row["ceiling"] is not None:
                best = _checked(fold, fold.per_row["ceiling"], "ceiling")
                of_ceiling.append(coverage_at_budgets(best, at, basis))
        perfect = np.mean(of_perfect, axis=0) if of_perfect else None
        ceiling = np.mean(of_ceiling, axis=0) if of_ceiling else None
        assert at is not None
        return cls(
            budgets=at,
            coverage=coverage if len(coverage) > 1 else coverage[0],
            budget=budget,
            perfect=perfect,
            ceiling=ceiling,
            basis=basis,
            name=name,
            pos_label=label,
        )


def _checked(fold: Fold, scores: ArrayLike, name: str = "y_score") -> ScoredRows:
    return check_rows(
        fold.y_true,
        scores,
        sample_weight=fold.per_row["sample_weight"],
        value=fold.per_row["value"],
        pos_label=fold.pos_label,
        score_name=name,
    )


def _perfect_scores(rows: ScoredRows) -> NDArray[np.float64]:
    """Return scores without an error: first the positives by their value, then the negatives."""
    return np.where(rows.positive, 1.0 if rows.value is None else rows.value, -1.0)


def _percentiles(
    resamples: Callable[..., NDArray], budgets: NDArray[np.float64], level: float
) -> tuple[NDArray, NDArray]:
    """Return the lower and the upper end of the interval at each budget."""
    tails = [(1.0 - level) / 2, (1.0 + level) / 2]
    # Of many budgets only a part is resampled at a time, for there may be as many as rows.
    parts = np.split(budgets, range(BUDGETS_AT_ONCE, budgets.size, BUDGETS_AT_ONCE))
    ends = [np.quantile(resamples(budgets=part), tails, axis=0) for part in parts]
    low, high = np.concatenate(ends, axis=1)
    return low, high


def _spread_budgets(
    fold: Fold, rows: ScoredRows, basis: str, budget: float | None
) -> NDArray[np.float64]:
    """Return budgets that are evenly spread on a logarithmic axis around ``budget``."""
    spenders = rows.spenders(basis)
    n_rows = spenders.scores.size
    if budget is None:
        pos_rate = np.mean(check_binary_labels(fold.y_true, pos_label=fold.pos_label))
        low, high = pos_rate / REACH, 1.0
    else:
        low, high = budget / REACH, min(budget * REACH, 1.0)
    low = max(low, 1.0 / n_rows)
    if budget is not None:
        # A budget of less than one row still pays for one.
        low = min(low, budget)
    if low >= high:
        low, high = min(low, 1.0 / n_rows), 1.0
    spread = np.geomspace(low, high, N_BUDGETS)
    if basis == "population" and spenders.counts_whole_rows():
        # Budgets of whole rows: between them the curve has steps.
        total = spenders.total
        spread = np.clip(np.round(spread * total), 1.0, total) / total
    return spread


def _shade_unreachable(ax: Any, budgets: NDArray, perfect: NDArray) -> Any:
    """Return the shaded region above a ranking without errors; shade it if it is not there."""
    for region in _base.tagged(ax, "perfect"):
        if np.array_equal(region._skbudget_edge, [budgets, perfect]):
            return region
    region = ax.fill_between(
        budgets,
        perfect,
        1.0,
        facecolor=FAINT,
        edgecolor=GREY,
        linewidth=0.6,
        alpha=0.7,
        zorder=0.5,
        label="Out of reach",
    )
    region._skbudget_edge = [budgets, perfect]
    return _base.tag(region, "perfect")
