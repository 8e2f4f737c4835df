"""Rankings for hypothesis, and slow references that share no code with the package."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st


class Ranked(NamedTuple):
    y: np.ndarray
    score: np.ndarray
    weight: np.ndarray
    value: np.ndarray


# No deadline: the machine may be busy.
quick = settings(max_examples=50, deadline=None)
few = settings(max_examples=20, deadline=None)

# Percentages give whole numbers of rows; other budgets lie between them.
budgets = st.one_of(
    st.integers(1, 100).map(lambda percent: percent / 100),
    st.floats(1e-6, 1.0),
)


@st.composite
def rankings(draw, *, ties=True, min_size=2, max_size=25):
    """Draw labels with both classes, scores, integer weights and values."""
    n = draw(st.integers(min_size, max_size))
    y = np.array(draw(st.lists(st.integers(0, 1), min_size=n, max_size=n)))
    y[draw(st.integers(0, n - 1))] = 1
    if y.all():
        y[draw(st.integers(0, n - 1))] = 0
        if not y.any():
            y[-1] = 1
    if ties:
        score = np.array(draw(st.lists(st.integers(-3, 3), min_size=n, max_size=n)), float)
    else:
        score = np.array(draw(st.permutations(range(n))), float)
    weight = np.array(draw(st.lists(st.integers(0, 4), min_size=n, max_size=n)), float)
    value = np.array(draw(st.lists(st.integers(0, 9), min_size=n, max_size=n)), float)
    # One row of either class must count for something.
    for label in (0, 1):
        first = np.flatnonzero(y == label)[0]
        weight[first] += 1
        value[first] += 1
    return Ranked(y, score, weight, value)


def repeated(ranked):
    """Return the rows of ``ranked``, each repeated as often as its weight says."""
    times = ranked.weight.astype(int)
    return Ranked(*(np.repeat(column, times) for column in ranked))


def exact_roc(y, score, worth=None):
    """Return the ROC polyline as Fractions: (0, 0), then one point per distinct score."""
    worth = np.ones(len(y)) if worth is None else worth
    negatives, total = int(np.sum(y == 0)), Fraction(float(np.sum(worth[y == 1])))
    points = [(Fraction(0), Fraction(0))]
    for level in sorted(set(score.tolist()), reverse=True):
        at = score == level
        points.append(
            (
                points[-1][0] + Fraction(int(np.sum(at & (y == 0))), negatives),
                points[-1][1] + Fraction(float(np.sum(worth[at & (y == 1)]))) / total,
            )
        )
    return points


def highest_on(points, x):
    """Return the greatest height of a rising polyline at abscissa ``x``."""
    best = max(height for start, height in points if start <= x)
    for (x0, y0), (x1, y1) in pairwise(points):
        if x0 < x < x1:
            best = y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return best
