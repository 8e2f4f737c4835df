"""Coverage against the budget, as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._optional_dependencies import check_matplotlib_support

from ..._utils.style import FAINT, GREY, INK
from ..._utils.validation import (
    BASES,
    check_binary_labels,
    check_budget,
    check_budgets,
    check_fraction,
    check_option,
    check_positive,
    check_scores,
)
from .._coverage import coverage_curve
from .._ranking import spenders_and_positives
from ..intervals._coverage_interval import bootstrap_coverage
from . import _base

N_BUDGETS = 240
# How far the picture goes on either side of the budget.
REACH = 30.0


class CoverageCurveDisplay:
    """Coverage against the budget: what a ranking catches for what can be reviewed.

    Create one with `from_estimator`, `from_predictions` or `from_cv_results`. All
    parameters are stored as attributes.

    Parameters
    ----------
    budgets : ndarray of shape (n_budgets,)
        Budgets, fractions in (0, 1], increasing.

    coverage : ndarray of shape (n_budgets,) or list of such
        Coverage at each of them. A list holds one curve per fold, which are drawn
        with their mean.

    budget : float, default=None
        The budget that is marked, one of `budgets`.

    interval : tuple of two ndarrays of shape (n_budgets,), default=None
        Lower and upper end of an interval of the coverage at each budget.

    confidence_level : float, default=None
        Level of the interval, shown in the legend.

    perfect : ndarray of shape (n_budgets,), default=None
        What a ranking without an error covers: less than 1 where the budget is
        smaller than the positives are many.

    ceiling : ndarray of shape (n_budgets,), default=None
        What the best possible scores cover, where they are known.

    basis : {"population", "fpr"}, default="population"
        What the budgets are fractions of: all rows, or the negatives.

    name : str, default=None
        Name of the curve in the legend.

    pos_label : int, float, bool or str, default=None
        Label of the positive class, shown beside the axis unless it is 1.

    Attributes
    ----------
    line_ : matplotlib Line2D or list of Line2D
        The curve; of cross-validation results one per fold.

    mean_line_ : matplotlib Line2D or None
        The mean over folds.

    budget_line_ : matplotlib Line2D or None
        The vertical line at the budget, one for all displays on the axes.

    interval_, perfect_ : matplotlib PolyCollection or None
        The band of the interval, and the region that no ranking reaches.

    ceiling_, chance_level_ : matplotlib Line2D or None
        What the best possible scores cover, and what a random order does.

    ax_ : matplotlib Axes
        The axes.

    figure_ : matplotlib Figure
        The figure.

    See Also
    --------
    coverage_curve : The figures.
    bootstrap_ci : An interval for one budget.
    PartialROCDisplay : The same ranking against the false positive rate.

    Notes
    -----
    The curve is drawn at some two hundred budgets, whole rows where rows are whole, on
    a logarithmic axis from a thirtieth of the budget to thirty times it. Its values are
    those of :func:`coverage_curve`, and the one that is marked is that of
    :func:`coverage_at_budget_score`.

    Several displays share axes: the next curve takes the next colour and dashes, and
    the lines that all have in common are drawn once.

    The interval is the bootstrap's percentiles at each budget by itself, over rows of
    either class. It has no width where every resample covers the same, as all of few
    positives. For a figure to report take :func:`bootstrap_ci`, which corrects for that,
    and for a difference between models :func:`paired_bootstrap_ci`: intervals that
    overlap do not say that there is none.

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
        ax : matplotlib Axes, default=None
            Axes to draw on; a new figure by default.

        name : str, default=None
            Name of the curve in the legend, instead of the attribute `name`.

        unit : {"percent", "bps"}, default="percent"
            In what the budget is labelled: per cent, or basis points. The data stay
            fractions.

        curve_kwargs : dict or list of dict, default=None
            Keyword arguments of matplotlib's ``plot``. A dictionary is for all curves;
            a list has one per fold, and gives each its own entry in the legend.

        plot_chance_level : bool, default=True
            Whether to draw what a random order covers.

        chance_level_kw : dict, default=None
            Keyword arguments of matplotlib's ``plot`` for the chance level.

        despine : bool, default=True
            Whether to remove the top and right spines.

        Returns
        -------
        display : CoverageCurveDisplay
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        check_option(unit, "unit", tuple(_base.UNITS), f"{type(self).__name__}.plot")
        curves = self.coverage if isinstance(self.coverage, list) else [self.coverage]
        _base.check_curve_kwargs(curve_kwargs, len(curves))
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
            label=self._label(name, curves, unit),
            fold_labels=[
                self._label(
                    f"fold {number}" if name is None else f"{name}, fold {number}", [curve], unit
                )
                for number, curve in enumerate(curves, 1)
            ],
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

    def _label(self, name: str | None, curves: Sequence[NDArray], unit: str) -> str | None:
        marked = self._marked()
        if marked is None:
            return name
        reached = _base.mean_and_spread([float(curve[marked]) for curve in curves])
        return _base.legend_text(
            name, f"{reached} at {_base.share_text(self.budgets[marked], unit)}"
        )

    def _marked(self) -> int | None:
        if self.budget is None:
            return None
        found = np.flatnonzero(self.budgets == self.budget)
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
            label = f"{100 * self.confidence_level:g} % interval"
        # One entry in the legend explains those of all curves.
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
        ax: Any = None,
        unit: str = "percent",
        curve_kwargs: Mapping[str, Any] | None = None,
        plot_chance_level: bool = True,
        chance_level_kw: Mapping[str, Any] | None = None,
        despine: bool = True,
    ) -> CoverageCurveDisplay:
        """Draw the curve of given scores.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            True labels, of two classes.

        y_score : array-like of shape (n_samples,)
            Scores, greater for rows to be reviewed earlier.

        budget : float, default=None
            The budget to mark, a fraction in (0, 1]: 50 basis points are 0.005.

        basis : {"population", "fpr"}, default="population"
            What the budget is a fraction of, see :func:`coverage_at_budget_score`.

        sample_weight : array-like of shape (n_samples,), default=None
            How many rows each row stands for.

        value : array-like of shape (n_samples,), default=None
            What catching each row is worth; coverage is then a share of that.

        pos_label : int, float, bool or str, default=None
            Label of the positive class. Without it the labels must be {0, 1} or
            {-1, 1}, and 1 is positive.

        budgets : array-like of shape (n_budgets,), default=None
            Where to evaluate the curve; `budget` is added. By default some two
            hundred, evenly spaced in their logarithm, around `budget`.

        ceiling : array-like of shape (n_samples,), default=None
            The best possible scores of the rows, say those of
            :func:`skbudget.datasets.bayes_contested_top_score`, for comparison.

        plot_perfect : bool, default=True
            Whether to shade what no ranking reaches. With ``basis="fpr"`` there is
            no such region.

        n_resamples : int, default=500
            Bootstrap resamples that the interval is drawn from; 0 for none.

        confidence_level : float, default=0.95
            Level of the interval at each budget, in (0, 1).

        random_state : int, RandomState instance or None, default=None
            Draws the resamples.

        name : str, default=None
            Name of the curve in the legend; "Classifier" by default.

        ax, unit, curve_kwargs, plot_chance_level, chance_level_kw, despine
            As in :meth:`plot`.

        Returns
        -------
        display : CoverageCurveDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            As :func:`coverage_curve`.
        """
        check_matplotlib_support(f"{cls.__name__}.from_predictions")
        owner = f"{cls.__name__}.from_predictions"
        _check_interval(n_resamples, confidence_level, owner)
        rows = _Rows(y_true, y_score, basis, sample_weight, value, pos_label, ceiling)
        display = cls._from_rows(
            [rows],
            budget=budget,
            budgets=budgets,
            plot_perfect=plot_perfect,
            name="Classifier" if name is None else name,
            owner=owner,
        )
        if n_resamples:
            display.confidence_level = confidence_level
            display.interval = _percentiles(
                bootstrap_coverage(
                    y_true,
                    y_score,
                    budgets=display.budgets,
                    n_resamples=n_resamples,
                    random_state=random_state,
                    **rows.options,
                ),
                confidence_level,
            )
        return display.plot(
            ax,
            unit=unit,
            curve_kwargs=curve_kwargs,
            plot_chance_level=plot_chance_level,
            chance_level_kw=chance_level_kw,
            despine=despine,
        )

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: ArrayLike,
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
        ax: Any = None,
        unit: str = "percent",
        curve_kwargs: Mapping[str, Any] | None = None,
        plot_chance_level: bool = True,
        chance_level_kw: Mapping[str, Any] | None = None,
        despine: bool = True,
    ) -> CoverageCurveDisplay:
        """Draw the curve of a fitted classifier.

        Parameters
        ----------
        estimator : estimator instance
            Fitted binary classifier, or a pipeline that ends in one. It is asked for
            ``decision_function``, or for ``predict_proba`` if it has no other.

        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows to rank.

        y : array-like of shape (n_samples,)
            Their labels.

        pos_label : int, float, bool or str, default=None
            Label of the positive class, ``estimator.classes_[1]`` by default.

        name : str, default=None
            Name of the curve in the legend; the estimator's class by default.

        budget, basis, sample_weight, value, budgets, ceiling, plot_perfect, \
n_resamples, confidence_level, random_state
            As in :meth:`from_predictions`.

        ax, unit, curve_kwargs, plot_chance_level, chance_level_kw, despine
            As in :meth:`plot`.

        Returns
        -------
        display : CoverageCurveDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If the estimator is no binary classifier, or as :meth:`from_predictions`.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        y_score, label = _base.scores_of(estimator, X, pos_label)
        return cls.from_predictions(
            y,
            y_score,
            budget=budget,
            basis=basis,
            sample_weight=sample_weight,
            value=value,
            pos_label=label,
            budgets=budgets,
            ceiling=ceiling,
            plot_perfect=plot_perfect,
            n_resamples=n_resamples,
            confidence_level=confidence_level,
            random_state=random_state,
            name=_base.class_name(estimator, name),
            ax=ax,
            unit=unit,
            curve_kwargs=curve_kwargs,
            plot_chance_level=plot_chance_level,
            chance_level_kw=chance_level_kw,
            despine=despine,
        )

    @classmethod
    def from_cv_results(
        cls,
        cv_results: Mapping[str, Any],
        X: Any,
        y: ArrayLike,
        *,
        budget: float | None = None,
        basis: str = "population",
        sample_weight: ArrayLike | None = None,
        value: ArrayLike | None = None,
        pos_label: Any = None,
        budgets: ArrayLike | None = None,
        ceiling: ArrayLike | None = None,
        plot_perfect: bool = True,
        name: str | None = None,
        ax: Any = None,
        unit: str = "percent",
        curve_kwargs: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
        plot_chance_level: bool = True,
        chance_level_kw: Mapping[str, Any] | None = None,
        despine: bool = True,
    ) -> CoverageCurveDisplay:
        """Draw a curve per fold of a cross-validation, and their mean.

        Parameters
        ----------
        cv_results : dict
            What :func:`sklearn.model_selection.cross_validate` returned with
            ``return_estimator=True`` and ``return_indices=True``.

        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows that were cross-validated.

        y : array-like of shape (n_samples,)
            Their labels.

        pos_label : int, float, bool or str, default=None
            Label of the positive class, ``estimator.classes_[1]`` by default.

        name : str, default=None
            Name of the curves in the legend; the estimators' class by default.

        budget, basis, sample_weight, value, budgets, ceiling, plot_perfect
            As in :meth:`from_predictions`, with an entry per row of `X`.

        ax, unit, curve_kwargs, plot_chance_level, chance_level_kw, despine
            As in :meth:`plot`.

        Returns
        -------
        display : CoverageCurveDisplay
            The legend says mean and standard deviation over the folds.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If `cv_results` lacks estimators or indices, `X` lacks rows that they
            name, or as :meth:`from_predictions`, for a fold.
        """
        check_matplotlib_support(f"{cls.__name__}.from_cv_results")
        folds = []
        for estimator, X_test, y_test, per_row in _base.folds(
            cv_results, X, y, sample_weight, value, ceiling
        ):
            y_score, label = _base.scores_of(estimator, X_test, pos_label)
            weight, worth, best = per_row
            folds.append(_Rows(y_test, y_score, basis, weight, worth, label, best))
        display = cls._from_rows(
            folds,
            budget=budget,
            budgets=budgets,
            plot_perfect=plot_perfect,
            name=_base.class_name(cv_results["estimator"][0], name),
            owner=f"{cls.__name__}.from_cv_results",
        )
        return display.plot(
            ax,
            unit=unit,
            curve_kwargs=curve_kwargs,
            plot_chance_level=plot_chance_level,
            chance_level_kw=chance_level_kw,
            despine=despine,
        )

    @classmethod
    def _from_rows(
        cls,
        parts: Sequence[_Rows],
        *,
        budget: float | None,
        budgets: ArrayLike | None,
        plot_perfect: bool,
        name: str,
        owner: str,
    ) -> CoverageCurveDisplay:
        """Return the display of one set of rows, or of the test rows of folds."""
        first = parts[0]
        check_option(first.basis, "basis", BASES, owner)
        if budget is not None:
            budget = check_budget(budget, owner)
        if budgets is None:
            at = _spread_budgets(first, budget)
        else:
            at = _with_budget(check_budgets(budgets, owner), budget)
        coverage = [part.coverage(at) for part in parts]
        perfect = None
        if plot_perfect and first.basis == "population":
            perfect = np.mean([part.coverage(at, part.perfect_scores()) for part in parts], axis=0)
        ceiling = None
        if first.ceiling is not None:
            ceiling = np.mean([part.coverage(at, part.ceiling) for part in parts], axis=0)
        return cls(
            budgets=at,
            coverage=coverage if len(parts) > 1 else coverage[0],
            budget=budget,
            perfect=perfect,
            ceiling=ceiling,
            basis=first.basis,
            name=name,
            pos_label=first.pos_label,
        )


@dataclass(frozen=True)
class _Rows:
    """Rows and their scores: what a curve is drawn of."""

    y_true: ArrayLike
    y_score: ArrayLike
    basis: str
    sample_weight: ArrayLike | None
    value: ArrayLike | None
    pos_label: Any
    ceiling: ArrayLike | None

    @property
    def options(self) -> dict[str, Any]:
        """Arguments of a metric beside labels and scores."""
        names = ("basis", "sample_weight", "value", "pos_label")
        return {name: getattr(self, name) for name in names}

    def coverage(self, budgets: ArrayLike, y_score: ArrayLike | None = None) -> NDArray:
        """Return the coverage of the scores, or of others."""
        y_score = self.y_score if y_score is None else y_score
        return coverage_curve(self.y_true, y_score, budgets=budgets, **self.options)[1]

    def perfect_scores(self) -> NDArray[np.float64]:
        """Return scores without an error: positives by their value, and then negatives."""
        positive = check_binary_labels(self.y_true, pos_label=self.pos_label)
        worth = 1.0 if self.value is None else check_scores(self.value, "value")
        return np.where(positive, worth, -1.0)


def _check_interval(n_resamples: Any, confidence_level: Any, owner: str) -> None:
    check_positive(n_resamples, "n_resamples", owner, integer=True, minimum=0)
    check_fraction(confidence_level, "confidence_level", owner)


def _percentiles(resamples: NDArray, level: float) -> tuple[NDArray, NDArray]:
    """Return both ends of the interval at each budget."""
    low, high = np.quantile(resamples, [(1.0 - level) / 2, (1.0 + level) / 2], axis=0)
    return low, high


def _with_budget(budgets: NDArray, budget: float | None) -> NDArray[np.float64]:
    """Return the budgets sorted, the marked one among them."""
    return np.unique(np.append(budgets, [] if budget is None else [budget]))


def _spread_budgets(rows: _Rows, budget: float | None) -> NDArray[np.float64]:
    """Return budgets that are evenly spread on a logarithmic axis around ``budget``."""
    spenders, _ = spenders_and_positives(rows.y_true, rows.y_score, **rows.options)
    n_rows = spenders.scores.size
    if budget is None:
        pos_rate = np.mean(check_binary_labels(rows.y_true, pos_label=rows.pos_label))
        low, high = pos_rate / REACH, 1.0
    else:
        low, high = budget / REACH, min(budget * REACH, 1.0)
    low = max(low, 1.0 / n_rows)
    if budget is not None:
        # A budget of less than a row pays for one all the same.
        low = min(low, budget)
    if low >= high:
        low, high = min(low, 1.0 / n_rows), 1.0
    spread = np.geomspace(low, high, N_BUDGETS)
    if rows.basis == "population" and spenders.counts_whole_rows():
        # Between whole rows the curve has steps that only a budget of rows knows.
        total = spenders.total
        spread = np.clip(np.round(spread * total), 1.0, total) / total
    return _with_budget(spread, budget)


def _shade_unreachable(ax: Any, budgets: NDArray, perfect: NDArray) -> Any:
    """Shade what lies above a ranking without an error, unless it is shaded already."""
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
