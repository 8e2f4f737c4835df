"""The picture of the seconds of a call by the number of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from skbudget._utils.style import FAINT, GREY, INK, MARKERS, PALETTE

from ._boosters import CONTEXT
from ._report import scale_curves
from ._results import Speed, fit_exponent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_scaling"]


def plot_scaling(speed: Speed) -> Figure:
    """Draw the seconds of one call by the number of rows, with a line for each setting.

    Parameters
    ----------
    speed : Speed
        The measurements. Both axes of the picture are logarithmic.

    Returns
    -------
    figure : matplotlib.figure.Figure
        ``figure.savefig(path)`` writes it.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If part "scale" was not measured.
    """
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    curves = scale_curves(speed)
    if not curves:
        raise ValueError("There is nothing to draw: the part 'scale' was not measured.")
    figure = Figure(
        figsize=(7.6, 5.0), dpi=160, layout=ConstrainedLayoutEngine(h_pad=0.1, w_pad=0.1)
    )
    axes = figure.subplots()
    for number, (setting, curve) in enumerate(curves.items()):
        rows = [turns.rows for turns in curve]
        seconds = [turns.typical(turns.ours) / turns.repeats for turns in curve]
        style: dict[str, Any] = {"marker": MARKERS[number % len(MARKERS)], "markersize": 4.5}
        label = setting
        if setting == CONTEXT:
            style |= {"color": GREY, "linestyle": "--"}
        else:
            style["color"] = PALETTE[number % len(PALETTE)]
            exponent = fit_exponent(rows, seconds)
            label += "" if exponent is None else f": exponent {exponent:.2f}"
        axes.plot(rows, seconds, label=label, linewidth=1.6, **style)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("rows", color=INK, fontsize=9)
    axes.set_ylabel("seconds", color=INK, fontsize=9)
    axes.set_title(
        "One call of the objective: gradient and hessian of all rows",
        loc="left",
        fontsize=10.5,
        color=INK,
        fontweight="bold",
    )
    axes.grid(color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8.5, labelcolor=INK, length=0, which="both")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.legend(fontsize=8, frameon=False, labelcolor=INK)
    return figure
