"""What the displays share when they draw: axes, curves, and labels of shares.

Each artist is tagged with its role, so that a second display on the same axes finds the
chance line of the first one and takes the next colour. Only the functions that draw import
matplotlib.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..._utils.style import DASHES, FAINT, GREY, MARKERS, PALETTE
from ..._utils.validation import check_option, is_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CURVE, CHANCE = "curve", "chance"

# Limits of an axis of shares, a little wider so that lines at 0 and 1 are not cut off.
SHARES = (-0.01, 1.02)

# Curves of single folds, which are drawn behind their mean.
FOLD_STYLE = {"linewidth": 0.8, "alpha": 0.45}
MARK_STYLE = {"markersize": 6.5, "markeredgecolor": "white", "markeredgewidth": 0.8}
CHANCE_STYLE = {"color": GREY, "linestyle": (0, (1.0, 1.6)), "linewidth": 1.2, "zorder": 1.5}


# --- axes -----------------------------------------------------------------------------


def open_axes(ax: Any, figsize: tuple[float, float] = (5.0, 4.0)) -> tuple[Any, bool]:
    """Return the axes to draw on, and whether they are empty."""
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(figsize=figsize, layout="constrained")
    check_axes(ax)
    return ax, not ax.has_data()


def check_axes(ax: Any) -> None:
    """Raise if ``ax`` is no axes of matplotlib."""
    from matplotlib.axes import Axes

    if not isinstance(ax, Axes):
        raise TypeError(f"ax must be a matplotlib Axes: got {ax!r}.")


def check_drawing(owner: str, **options: Any) -> None:
    """Raise unless the flags are booleans and the styles are dictionaries."""
    for name, value in options.items():
        if name.endswith("_kw") or name.endswith("_kwargs"):
            if not (value is None or isinstance(value, Mapping)):
                raise TypeError(f"{name} must be None or a dictionary: got {value!r}.")
        else:
            check_option(value, name, (True, False), owner)


def tag(artist: Any, role: str) -> Any:
    """Note the role of an artist, and return the artist."""
    artist._skbudget_role = role
    return artist


def tagged(ax: Axes, role: str) -> list[Any]:
    """Return the artists that have a role."""
    return [one for one in ax.get_children() if getattr(one, "_skbudget_role", None) == role]


def shared_line(ax: Axes, role: str, x: ArrayLike, y: ArrayLike, style: Mapping[str, Any]) -> Any:
    """Return a line that all displays on the axes share; draw it if it is not there."""
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    for line in tagged(ax, role):
        if np.array_equal(line.get_xdata(), x) and np.array_equal(line.get_ydata(), y):
            return line
    (line,) = ax.plot(x, y, **style)
    return tag(line, role)


def chance_line(ax: Axes, x: ArrayLike, y: ArrayLike, chance_level_kw: Any, label: str) -> Any:
    """Return the line that a random order reaches; draw it if it is not there."""
    return shared_line(
        ax, CHANCE, x, y, merge_style({"label": label, **CHANCE_STYLE}, chance_level_kw)
    )


def merge_style(defaults: Mapping[str, Any], given: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return ``defaults`` updated with what the user gave, under any alias."""
    from matplotlib.cbook import normalize_kwargs
    from matplotlib.lines import Line2D

    return {
        **normalize_kwargs(dict(defaults), Line2D),
        **normalize_kwargs(dict(given or {}), Line2D),
    }


def finish_axes(
    ax: Axes,
    fresh: bool,
    *,
    xlim: tuple[float, float],
    ylim: tuple[float, float],
    despine: bool,
) -> None:
    """Set the limits, the grid and the spines."""
    if not fresh:
        # What was there before stays in view.
        (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
        xlim = (min(left, xlim[0]), max(right, xlim[1]))
        ylim = (min(bottom, ylim[0]), max(top, ylim[1]))
    ax.set(xlim=xlim, ylim=ylim)
    set_frame(ax, fresh, despine)


def set_frame(ax: Axes, fresh: bool, despine: bool) -> None:
    """Draw a grid on fresh axes, and remove two spines."""
    if fresh:
        ax.grid(color=FAINT, linewidth=0.7)
        ax.set_axisbelow(True)
    if despine:
        for side in ("top", "right"):
            ax.spines[side].set_visible(False)


def show_legend(ax: Axes) -> None:
    """Draw the legend again: first the curves, then what they are compared with.

    If the layout of the figure makes room for it, the legend stands above the axes and hides
    no curve. Otherwise it stands where it hides least.
    """
    handles, labels = ax.get_legend_handles_labels()
    if not handles:
        return
    entries = sorted(
        zip(handles, labels), key=lambda entry: getattr(entry[0], "_skbudget_role", CURVE) != CURVE
    )
    style = {"fontsize": "small", "handlelength": 2.8, "borderaxespad": 0.2}
    if ax.figure.get_layout_engine() is None:
        style |= {"loc": "best", "framealpha": 0.85, "edgecolor": "none"}
    else:
        style |= {"loc": "lower left", "bbox_to_anchor": (0.0, 1.01), "frameon": False}
        style |= {"ncols": _legend_columns(ax, [label for _, label in entries])}
    ax.legend(*zip(*entries), **style)


def _legend_columns(ax: Axes, labels: Sequence[str]) -> int:
    """Return 2 if two columns of labels fit into the width of the figure, else 1."""
    half = -(-len(labels) // 2)
    columns = [labels[:half], labels[half:]]
    if len(labels) < 3:
        return 1
    # A letter of small text takes about 0.075 inches, a handle with its margins 0.65.
    width = sum(0.65 + 0.075 * max(map(len, column)) for column in columns)
    return 2 if width < ax.figure.bbox.width / ax.figure.dpi else 1


# --- curves ---------------------------------------------------------------------------


def next_style(ax: Axes) -> tuple[dict[str, Any], str]:
    """Return the line style and the marker of the next curve on the axes."""
    number = len(tagged(ax, CURVE))
    style = {
        "color": PALETTE[number % len(PALETTE)],
        "linestyle": DASHES[number % len(DASHES)],
        "linewidth": 1.8,
    }
    return style, MARKERS[number % len(MARKERS)]


class Drawn(NamedTuple):
    """The lines of one display: a single curve, or one per fold and their mean."""

    line: Any
    mean_line: Any

    @property
    def main(self) -> Any:
        """The line that has the entry in the legend."""
        return self.line if self.mean_line is None else self.mean_line


def check_same_length(lists: Mapping[str, Sequence[Any] | None], owner: str) -> None:
    """Raise unless all lists have the same length, one entry per curve."""
    lengths = {name: len(values) for name, values in lists.items() if values is not None}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{name}: {length}" for name, length in lengths.items())
        raise ValueError(
            f"{owner} needs lists of the same length, one entry per curve. Got {found}."
        )


def check_curve_kwargs(curve_kwargs: Any, n_curves: int) -> None:
    """Raise if the styles do not fit the number of curves."""
    if curve_kwargs is None or isinstance(curve_kwargs, Mapping):
        return
    fits = isinstance(curve_kwargs, Sequence) and len(curve_kwargs) == n_curves
    if not (fits and all(isinstance(style, Mapping) for style in curve_kwargs)):
        raise ValueError(
            f"`curve_kwargs` must be None, a dictionary or a list of length {n_curves}. "
            f"Got: {curve_kwargs}."
        )


def check_points(owner: str, **curves: Any) -> None:
    """Raise unless the curves are arrays of numbers with as many points as each other."""
    shapes = {}
    for name, points in curves.items():
        try:
            array = np.asarray(points)
            if array.dtype.kind == "c":
                raise TypeError("complex numbers cannot be drawn")
            shapes[name] = array.astype(np.float64).shape
        except (TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"{name} must be an array of numbers: got {points!r}.") from error
    if len(set(shapes.values())) > 1 or any(
        len(shape) != 1 or shape == (0,) for shape in shapes.values()
    ):
        found = ", ".join(f"{name}: {shape}" for name, shape in shapes.items())
        raise ValueError(
            f"{owner} needs curves of the same shape (n_points,), at least one point. Got {found}."
        )


def draw_curves(
    ax: Axes,
    curves: Sequence[tuple[NDArray, NDArray]],
    mean: tuple[NDArray, NDArray] | None,
    *,
    name: str | None,
    label: Callable[[str | None, Sequence[int]], str | None],
    curve_kwargs: Any,
    mark_at: int | None = None,
) -> Drawn:
    """Draw one curve, or several curves with their mean.

    A dictionary styles all of them. A list styles the folds one by one, and gives each fold
    its own entry in the legend. ``label`` returns an entry of the legend for a name and the
    numbers of the curves that it stands for. ``mark_at`` is the number of the point that gets
    a marker.
    """
    main_label = label(name, range(len(curves)))
    style, mark = next_style(ax)
    if mark_at is not None:
        main_style = {**style, **MARK_STYLE, "marker": mark, "markevery": [mark_at]}
    else:
        main_style = style
    if mean is None:
        given = curve_kwargs[0] if isinstance(curve_kwargs, Sequence) else curve_kwargs
        (line,) = ax.plot(*curves[0], **merge_style({"label": main_label, **main_style}, given))
        return Drawn(tag(line, CURVE), None)
    lines = []
    for number, curve in enumerate(curves):
        if isinstance(curve_kwargs, Sequence):
            fold = f"fold {number + 1}" if name is None else f"{name}, fold {number + 1}"
            given, fold_label = curve_kwargs[number], label(fold, [number])
        else:
            given, fold_label = curve_kwargs, None
        fold_style = {**style, **FOLD_STYLE, "label": fold_label, "linestyle": "-"}
        lines += ax.plot(*curve, **merge_style(fold_style, given))
    given = None if isinstance(curve_kwargs, Sequence) else curve_kwargs
    (mean_line,) = ax.plot(*mean, **merge_style({"label": main_label, **main_style}, given))
    return Drawn(lines, tag(mean_line, CURVE))


def name_text(name: Any) -> str | None:
    """Return the name of a curve as text: matplotlib takes a list for names of several curves."""
    return None if name is None else str(name)


def legend_text(name: str | None, figure: str) -> str:
    """Return the name of a curve followed by its figure."""
    return figure if name is None else f"{name} ({figure})"


def pos_label_text(pos_label: Any) -> str:
    """Return a note of the positive label, empty if that is 1 or unknown."""
    plain = pos_label is None or is_label(1, [pos_label])
    return "" if plain else f" (positive label: {pos_label})"


def mean_and_spread(values: Sequence[float]) -> str:
    """Return one value, or the mean and the standard deviation of several, as text."""
    if len(values) == 1:
        return f"{float(values[0]):.3f}"
    return f"{np.mean(values):.3f} ± {np.std(values):.3f}"


# --- shares in per cent or basis points -----------------------------------------------

UNITS = {"percent": (1e2, "%"), "bps": (1e4, "bps")}
UNIT_NAMES = {"percent": "%", "bps": "basis points"}


def share_text(share: float, unit: str = "percent") -> str:
    """Return a fraction as text in a unit: 0.005 is ``0.5 %``."""
    scale, sign = UNITS[unit]
    return f"{scale * float(share):.4g} {sign}"


def band_text(alpha: float, beta: float) -> str:
    """Return a band of false positive rates as text: 0 to 0.005 is ``0 to 0.5 %``."""
    return f"{share_text(alpha).removesuffix(' %')} to {share_text(beta)}"


def show_shares(axis: Any, unit: str = "percent") -> None:
    """Label the ticks of a linear or logarithmic axis of fractions in ``unit``."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    scale, _ = UNITS[unit]
    axis.set_major_formatter(FuncFormatter(lambda share, _: f"{scale * share:.6g}"))
    if axis.get_scale() == "log":
        # On about three decades there is room for ticks between the powers of ten.
        low, high = np.log10(axis.get_view_interval())
        subs = (1.0, 2.0, 5.0) if high - low < 3.2 else (1.0,)
        axis.set_major_locator(LogLocator(subs=subs, numticks=20))
        axis.set_minor_locator(
            LogLocator(subs=[float(digit) for digit in range(1, 10)], numticks=20)
        )
        axis.set_minor_formatter(NullFormatter())
    else:
        axis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]))
