"""How segments share one budget, and how their rows are merged into one list."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import isotonic_regression

from ..metrics._ranking import Curve

# Products with a slope are in the range of a float.
STEEPEST = 1e150


def hull_steps(curve: Curve) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the widths of a curve's steps, and the slopes of its upper concave hull.

    The slopes of the hull are the decreasing regression of those of the curve, weighted by
    width.
    """
    # Several points may share an abscissa, as above every negative. The last one counts.
    last = np.append(curve.spent[1:] != curve.spent[:-1], True)
    widths = np.diff(curve.spent[last])
    with np.errstate(over="ignore"):
        # Next to a row with a weight of nearly nothing a curve is as good as vertical.
        slopes = np.minimum(np.diff(curve.caught[last]) / widths, STEEPEST)
    if widths.size:
        slopes = isotonic_regression(slopes, sample_weight=widths, increasing=False)
    return widths, slopes


def coverage_sizes(curves: Sequence[Curve], size: float) -> NDArray[np.float64]:
    """Return how much of ``size`` to spend on each segment to catch most.

    Steps of the hulls are bought in the order of their slopes, the steepest first. This is
    optimal wherever a step ends. When the steps that are left catch nothing, the rest of
    ``size`` goes to all segments, in proportion to what each has left.
    """
    steps = [hull_steps(curve) for curve in curves]
    widths = np.concatenate([width for width, _ in steps])
    slopes = np.concatenate([slope for _, slope in steps])
    segment = np.repeat(np.arange(len(steps)), [width.size for width, _ in steps])
    order = np.argsort(-slopes, kind="stable")
    order = order[slopes[order] > 0.0]
    bought = np.diff(np.minimum(np.cumsum(widths[order]), size), prepend=0.0)
    sizes = np.bincount(segment[order], bought, minlength=len(steps)).astype(np.float64)
    unspent = np.array([curve.spent[-1] for curve in curves]) - sizes
    left = max(size - bought.sum(), 0.0)
    if left > 0.0 and unspent.sum() > 0.0:
        sizes += left * unspent / unspent.sum()
    return sizes


def merged_order(
    scores: NDArray[np.float64], codes: NDArray[np.intp], rates: NDArray[np.float64]
) -> NDArray[np.intp]:
    """Return all rows in one order, any beginning of which is shared by ``rates``.

    Rows come in the order of their rank within their segment, divided by the number of the
    segment's rows times the segment's rate: the divisor method of Sainte-Laguë. Rows of
    segments with rate 0 come last. Of rows that tie, the earlier one comes first.
    """
    counts = np.bincount(codes, minlength=rates.size)
    by_segment = np.lexsort((-scores, codes))
    starts = np.cumsum(counts) - counts
    rank = np.empty(scores.size)
    rank[by_segment] = np.arange(scores.size) - starts[codes[by_segment]] + 0.5
    share = rank / counts[codes]
    urgency = np.full(scores.size, np.inf)
    np.divide(share, rates[codes], out=urgency, where=rates[codes] > 0.0)
    return np.lexsort((share, urgency))
