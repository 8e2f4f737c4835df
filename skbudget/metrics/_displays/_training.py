"""What training recorded, round by round, as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline
from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils.validation import check_is_fitted

from ..._utils.style import FAINT, INK
from ..._utils.validation import check_positive
from . import _base
from ._mixin import complete

# The panels of a network: which diagnostics they show, and under which names.
NETWORK_PANELS = {
    "Training loss": {"train_loss": "training loss"},
    "Held-out coverage": {"valid_coverage": "coverage"},
    "Band edges": {"t_alpha": "upper edge", "t_beta": "lower edge"},
    "Rows per step": {"band_neg_count": "negatives in the band", "grad_pos_count": "positives"},
    "Temperature": {"temperature": "factor", "tau_eff": "in scores"},
    "Variance of the pAUC": {"pauc_var": "variance"},
    "Idle steps": {"idle_share": "share"},
}
SHOWN_BY_DEFAULT = ("Training loss", "Held-out coverage", "Band edges", "Rows per step")


@complete()
class TrainingCurveDisplay:
    """Training curves: losses, coverage and the band, per epoch or boosting round.

    Create one with `from_estimator`. All parameters are stored as attributes.

    Parameters
    ----------
    panels : dict of str to dict of str to ndarray of shape (n_rounds,)
        The panels by what they show; each panel has its curves by their names.

    round_name : str, default="Epoch"
        Name of a round.

    best_round : int, default=None
        The round to mark as the one that was kept, counted from 1.

    main_weight : ndarray of shape (n_rounds,), default=None
        Weight of the band loss in each round. Rounds in which it is below 1 (warm-up and
        blend) are shaded.

    name : str, default=None
        Name of the model in the legend.

    Attributes
    ----------
    lines_ : dict of str to list of matplotlib Line2D
        The curves of each panel.

    best_lines_ : list of matplotlib Line2D
        The line at the best round in each panel; empty if there is no best round.

    axes_ : ndarray of shape (n_panels,)
        The panels.

    figure_ : matplotlib Figure
        The figure.

    See Also
    --------
    skbudget.neural.PAUCClassifier : The network whose ``diagnostics_`` are drawn.
    skbudget.boosting.CoverageMetric : The metric that boosters record with an ``eval_set``.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from skbudget import PAUCLGBMClassifier, make_contested_top
    >>> from skbudget.metrics import TrainingCurveDisplay
    >>> X, y = make_contested_top(5_000, pos_rate=0.02, random_state=0)
    >>> valid = make_contested_top(5_000, pos_rate=0.02, random_state=1)
    >>> model = PAUCLGBMClassifier(
    ...     budget=0.02, n_estimators=10, selection_cv=None, calibration_cv=None, verbose=-1
    ... ).fit(X, y, eval_set=[valid])
    >>> display = TrainingCurveDisplay.from_estimator(model)
    >>> list(display.panels)
    ['coverage@0.02']
    """

    def __init__(
        self,
        *,
        panels: Mapping[str, Mapping[str, NDArray]],
        round_name: str = "Epoch",
        best_round: int | None = None,
        main_weight: NDArray | None = None,
        name: str | None = None,
    ) -> None:
        self.panels = panels
        self.round_name = round_name
        self.best_round = best_round
        self.main_weight = main_weight
        self.name = name

    def plot(
        self,
        ax: Any = None,
        *,
        name: str | None = None,
        curve_kwargs: Mapping[str, Any] | None = None,
        despine: bool = True,
    ) -> TrainingCurveDisplay:
        """Draw the panels, one below the other.

        Parameters
        ----------
        ax : matplotlib Axes or array-like of them, default=None
            One axes for each panel, for instance ``axes_`` of another display with the same
            panels; a new figure by default.

        name : str, default=None
            Name of the model in the legend, instead of the attribute `name`.

        curve_kwargs : dict, default=None
            Keyword arguments of matplotlib's ``plot``, for all curves.

        $despine

        Returns
        -------
        display : TrainingCurveDisplay
        """
        owner = f"{type(self).__name__}.plot"
        check_matplotlib_support(owner)
        _base.check_drawing(owner, curve_kwargs=curve_kwargs, despine=despine)
        self._check(owner)
        name = self.name if name is None else name
        self.axes_ = self._open(ax)
        self.figure_ = self.axes_[0].figure
        self.lines_: dict[str, list[Any]] = {}
        self.best_lines_: list[Any] = []
        for axes, (title, curves) in zip(self.axes_, self.panels.items()):
            fresh = not axes.has_data()
            self._shade_warm_up(axes, "Warm-up" if axes is self.axes_[0] else None)
            self.lines_[title] = self._draw_panel(axes, curves, name, curve_kwargs)
            axes.set_ylabel(title)
            self._finish(axes, fresh, despine)
        self.axes_[-1].set_xlabel(self.round_name)
        return self

    def _check(self, owner: str) -> None:
        """Raise if what was passed to the constructor cannot be drawn."""
        panels = self.panels
        if not (
            isinstance(panels, Mapping)
            and panels
            and all(isinstance(curves, Mapping) and curves for curves in panels.values())
        ):
            raise ValueError(
                "panels must be a dictionary with at least one panel, each a dictionary with at "
                f"least one curve. Got {panels!r}."
            )
        for curves in panels.values():
            for curve, values in curves.items():
                _base.check_points(owner, **{str(curve): values})
        if self.best_round is not None:
            check_positive(self.best_round, "best_round", owner, integer=True)
        if self.main_weight is not None:
            _base.check_points(owner, main_weight=self.main_weight)

    def _open(self, ax: Any) -> NDArray[Any]:
        """Return one axes for each panel."""
        n_panels = len(self.panels)
        if ax is None:
            import matplotlib.pyplot as plt

            _, axes = plt.subplots(
                n_panels,
                1,
                sharex=True,
                squeeze=False,
                figsize=(5.0, 0.9 + 1.8 * n_panels),
                layout="constrained",
            )
            return axes[:, 0]
        axes = np.atleast_1d(np.asarray(ax, dtype=object)).ravel()
        if axes.size != n_panels:
            raise ValueError(
                f"ax must hold one axes for each of the {n_panels} panels "
                f"{list(self.panels)}. Got {axes.size}."
            )
        for one in axes:
            _base.check_axes(one)
        return axes

    def _shade_warm_up(self, axes: Any, label: str | None) -> None:
        if self.main_weight is None:
            return
        warm = np.asarray(self.main_weight, dtype=np.float64) < 1.0
        if not warm.any():
            return
        last = float(1 + np.flatnonzero(warm)[-1])
        if any(region._skbudget_last == last for region in _base.tagged(axes, "warm-up")):
            return
        region = axes.axvspan(
            0.5, last + 0.5, facecolor=FAINT, alpha=0.6, linewidth=0, zorder=0.5, label=label
        )
        region._skbudget_last = last
        _base.tag(region, "warm-up")

    def _draw_panel(
        self, axes: Any, curves: Mapping[str, NDArray], name: str | None, curve_kwargs: Any
    ) -> list[Any]:
        lines = []
        for curve_name, values in curves.items():
            rounds = np.arange(1, len(values) + 1)
            style, mark = _base.next_style(axes)
            if len(curves) == 1:
                # The label of the axis already says what it is.
                label = _base.name_text(name)
            else:
                label = curve_name if name is None else f"{name}: {curve_name}"
            style["label"] = label
            if self.best_round is not None and self.best_round <= len(values):
                style |= {**_base.MARK_STYLE, "marker": mark, "markevery": [self.best_round - 1]}
            (line,) = axes.plot(rounds, values, **_base.merge_style(style, curve_kwargs))
            lines.append(_base.tag(line, _base.CURVE))
        if self.best_round is not None:
            self.best_lines_.append(
                axes.axvline(self.best_round, color=INK, linewidth=0.8, zorder=1.7)
            )
        return lines

    def _finish(self, axes: Any, fresh: bool, despine: bool) -> None:
        from matplotlib.ticker import MaxNLocator

        n_rounds = max(len(values) for curves in self.panels.values() for values in curves.values())
        right = n_rounds + 0.5
        axes.set_xlim(0.5, right if fresh else max(right, axes.get_xlim()[1]))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        _base.set_frame(axes, fresh, despine)
        _base.show_legend(axes)

    # --- from an estimator --------------------------------------------------------

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        panels: Sequence[str] | None = None,
        name: str | None = None,
        **drawing: Any,
    ) -> TrainingCurveDisplay:
        """Draw what an estimator's training recorded.

        Parameters
        ----------
        estimator : estimator instance
            A fitted `PAUCClassifier`, whose ``diagnostics_`` are drawn; or a LightGBM or
            XGBoost estimator (this package's or another) that was fitted with an
            ``eval_set``, whose metrics are drawn. For a pipeline the last step is drawn,
            and for a `PAUCEnsembleClassifier` the network.

        panels : list of str, default=None
            Which panels to draw, in this order. For a network some of ``"Training
            loss"``, ``"Held-out coverage"``, ``"Band edges"``, ``"Rows per step"`` (these
            four by default, if they were recorded), ``"Temperature"``,
            ``"Variance of the pAUC"`` and ``"Idle steps"``; for a booster some of its metrics
            (all by default).

        name : str, default=None
            Name of the model in the legend.

        $drawing
            As in :meth:`plot`.

        Returns
        -------
        display : TrainingCurveDisplay

        Raises
        ------
        $no_matplotlib
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If nothing was recorded, or if `panels` names something that was not.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        model = _trained_model(estimator)
        if hasattr(model, "diagnostics_"):
            recorded = _network_panels(model.diagnostics_)
            default = [panel for panel in SHOWN_BY_DEFAULT if panel in recorded]
            about: dict[str, Any] = {
                "round_name": "Epoch",
                "best_round": _best_epoch(model),
                "main_weight": model.diagnostics_["main_weight"],
            }
        else:
            recorded = _booster_panels(model)
            default = list(recorded)
            about = {"round_name": "Boosting round", "best_round": _best_boosting_round(model)}
        if not (panels is None or (np.iterable(panels) and not isinstance(panels, str))):
            raise ValueError(f"panels must be a list of some of {list(recorded)}: got {panels!r}.")
        wanted = default if panels is None else list(panels)
        unknown = [panel for panel in wanted if panel not in list(recorded)]
        if unknown or not wanted:
            raise ValueError(
                f"panels must be some of {list(recorded)}, which were recorded. Got {wanted}."
            )
        display = cls(panels={panel: recorded[panel] for panel in wanted}, name=name, **about)
        return display.plot(**drawing)


def _trained_model(estimator: Any) -> Any:
    """Return the model that has a history: a pipeline's last step, an ensemble's network."""
    if isinstance(estimator, type):
        raise TypeError(
            f"estimator must be a fitted estimator, and not a class: got {estimator!r}."
        )
    check_is_fitted(estimator)
    while isinstance(estimator, Pipeline) or hasattr(estimator, "network_"):
        if isinstance(estimator, Pipeline):
            estimator = estimator.steps[-1][1]
        else:
            estimator = estimator.network_
    return estimator


def _network_panels(diagnostics: Mapping[str, NDArray]) -> dict[str, dict[str, NDArray]]:
    """Return the recorded diagnostics by panel."""
    panels = {}
    for title, names in NETWORK_PANELS.items():
        curves = {
            shown: diagnostics[name]
            for name, shown in names.items()
            if np.isfinite(diagnostics[name]).any()
        }
        if curves:
            panels[title] = curves
    return panels


def _best_epoch(network: Any) -> int | None:
    """Return the epoch that early stopping kept, counted from 1 over all calls to fit."""
    if not np.isfinite(network.diagnostics_["valid_coverage"]).any():
        return None
    best = dict(network.net_.callbacks_)["best_epoch"]
    before = len(network.history_) - best.n_epochs_
    return before + best.epoch_ if best.epoch_ else None


def _booster_panels(booster: Any) -> dict[str, dict[str, NDArray]]:
    """Return a panel for each metric of a booster, with a curve for each evaluation set."""
    history = _evaluations(booster)
    panels: dict[str, dict[str, NDArray]] = {}
    for evaluated, metrics in history.items():
        for metric, values in metrics.items():
            # Our metric's name has this prefix for XGBoost, which infers from the first
            # letters of a name that a metric is to be maximised.
            panels.setdefault(metric.removeprefix("pre_"), {})[evaluated] = np.asarray(values)
    return panels


def _evaluations(booster: Any) -> Mapping[str, Mapping[str, Sequence[float]]]:
    if hasattr(booster, "evals_result_"):
        found = booster.evals_result_
    elif hasattr(booster, "evals_result"):
        from xgboost.core import XGBoostError

        try:
            found = booster.evals_result()
        except XGBoostError:
            found = None
    else:
        raise ValueError(
            f"{type(booster).__name__} keeps no history of its training: expected a "
            "PAUCClassifier, or a LightGBM or XGBoost estimator."
        )
    if not found:
        raise ValueError(
            f"{type(booster).__name__} recorded nothing while it trained: fit it with an eval_set."
        )
    return found


def _best_boosting_round(booster: Any) -> int | None:
    """Return the round that early stopping kept, counted from 1."""
    if getattr(booster, "best_iteration_", None):
        return int(booster.best_iteration_)
    try:
        return int(booster.best_iteration) + 1
    except AttributeError:  # no early stopping
        return None
