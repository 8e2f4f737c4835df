"""What each group adds to a metric of many rankings: a numerator and a denominator.

Every metric here is the ratio of two sums over groups. A mean over groups has a denominator of
1 for each group that takes part. So a bootstrap over groups needs no row again.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._utils.ranges import scaled
from .._utils.validation import (
    _check_same_length,
    check_binary_labels,
    check_budget,
    check_option,
    check_positive,
    check_ranking,
    check_scores,
    shape_of,
)
from ._pages import Pages, code_pages
from ._ranking import budget_sizes, check_rows

__all__ = ["EMPTY", "GAINS", "Parts", "coverage_parts", "find_parts", "graded_parts", "page_parts"]

GAINS = ("exponential", "linear")
EMPTY = ("skip", "zero", "one", "raise")

# 2**y is a float, and so are sums over as many rows as there may be.
HIGHEST_GRADE = 900.0


class Parts(NamedTuple):
    """The numerator and the denominator of each group."""

    numerator: NDArray[np.float64]
    denominator: NDArray[np.float64]

    def score(self) -> float:
        """Return the metric of all groups."""
        return float(min(self.numerator.sum() / self.denominator.sum(), 1.0))


def _grades(y_true: ArrayLike, owner: str) -> NDArray[np.float64]:
    """Return grades of shape (n_samples,), finite and at least 0."""
    grades = check_scores(y_true, "y_true")
    if grades.size and grades.min() < 0.0:
        raise ValueError(
            f"y_true of {owner} must hold grades of at least 0: the least one is {grades.min():g}."
        )
    return grades


def _positives(
    y_true: ArrayLike, min_grade: float | None, pos_label: Any, owner: str
) -> NDArray[np.bool_]:
    """Return which rows are positive: those of a label, or those from a grade up."""
    if min_grade is None:
        return check_binary_labels(y_true, pos_label=pos_label, one_class=True)
    if pos_label is not None:
        raise ValueError(
            f"{owner} takes min_grade for graded labels or pos_label for two labels, not both."
        )
    least = check_positive(min_grade, "min_grade", owner)
    return np.asarray(_grades(y_true, owner) >= least)


def _finish(
    numerator: NDArray[np.float64],
    empty: NDArray[np.bool_],
    empty_groups: str,
    owner: str,
    about: str = "a positive in y_true",
) -> Parts:
    """Return the parts of a mean over groups, with an outcome for those without positives."""
    if empty.any() and empty_groups == "raise":
        raise ValueError(
            f"{owner}: {np.count_nonzero(empty)} of {empty.size} groups lack {about}. Leave them "
            "out, or pass empty_groups='skip', 'zero' or 'one'."
        )
    if empty.all() and empty_groups == "skip":
        raise ValueError(
            f"{owner}: no group has {about}, so that none is left to be averaged. Pass "
            "empty_groups='zero' or 'one' to count such groups."
        )
    outcome = {"skip": 0.0, "zero": 0.0, "one": 1.0, "raise": 0.0}[empty_groups]
    counted = np.where(empty, float(empty_groups != "skip"), 1.0)
    return Parts(np.where(empty, outcome, numerator), counted)


def graded_parts(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    group: ArrayLike | None = None,
    k: int | None = None,
    gain: str = "exponential",
    empty_groups: str = "skip",
    owner: str = "ndcg_at_k_score",
) -> Parts:
    """Return the parts of NDCG."""
    check_option(gain, "gain", GAINS, owner)
    check_option(empty_groups, "empty_groups", EMPTY, owner)
    if k is not None:
        k = check_positive(k, "k", owner, integer=True, minimum=1)
    grades = _grades(y_true, owner)
    _check_same_length(grades, [y_score])
    if gain == "exponential":
        if grades.max() > HIGHEST_GRADE:
            raise ValueError(
                f"y_true of {owner} has a grade of {grades.max():g}, and 2**y of grades above "
                f"{HIGHEST_GRADE:g} is out of range: pass gain='linear', or lower grades."
            )
        gains = np.exp2(grades) - 1.0
    else:
        gains, _ = scaled(grades)
    scores = check_ranking(y_score)
    codes = code_pages(group, scores.size)
    pages = Pages.of(scores, codes)
    place = pages.place
    discount = 1.0 / np.log2(place + 2.0)
    if k is not None:
        discount[place >= k] = 0.0
    sizes = np.bincount(pages.level)
    mean_gain = (pages.by_level(gains[pages.order]) / sizes)[pages.level]
    found = pages.by_group(mean_gain * discount)
    # The places are those of the same groups, in another order of the rows.
    best = pages.by_group(gains[np.lexsort((-gains, codes))] * discount)
    empty = best == 0.0
    ratio = np.divide(found, best, out=np.zeros_like(found), where=~empty)
    about = "a grade above 0 in y_true"
    return _finish(np.minimum(ratio, 1.0), empty, empty_groups, owner, about)


def page_parts(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    kind: str,
    k: int,
    group: ArrayLike | None = None,
    empty_groups: str = "skip",
    min_grade: float | None = None,
    pos_label: Any = None,
    owner: str,
) -> Parts:
    """Return the parts of a mean over groups of what is among the first k rows of each."""
    k = check_positive(k, "k", owner, integer=True, minimum=1)
    check_option(empty_groups, "empty_groups", EMPTY, owner)
    positive = _positives(y_true, min_grade, pos_label, owner)
    _check_same_length(positive, [y_score])
    scores = check_ranking(y_score)
    k = min(k, scores.size)
    pages = Pages.of(scores, code_pages(group, scores.size))
    positive = positive[pages.order]
    n_positives = pages.by_group(positive)
    shown = np.minimum(k, pages.n_rows).astype(np.float64)
    if kind in ("precision", "recall"):
        share = pages.shares(shown, np.ones(scores.size))
        found = pages.by_group(share * positive)
        ratio = found / (shown if kind == "precision" else np.maximum(n_positives, 1.0))
    elif kind == "map":
        ratio = _average_precision(pages, positive, k, n_positives)
    else:
        ratio = _first_positive(pages, positive, k, hit=kind == "hit_rate")
    about = "a positive in y_true"
    if min_grade is not None:
        about = f"a grade of min_grade={float(min_grade):g} or more in y_true"
    return _finish(np.clip(ratio, 0.0, 1.0), n_positives == 0.0, empty_groups, owner, about)


def _average_precision(
    pages: Pages, positive: NDArray[np.bool_], k: int, n_positives: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the average precision of each group over its first k places, in expectation."""
    size, hits = np.bincount(pages.level).astype(np.float64), pages.by_level(positive)
    before = pages.above(hits)[pages.level]
    place = pages.place + 1.0
    within = place - 1.0 - pages.above(size)[pages.level]
    share = (hits / size)[pages.level]
    # Given a positive in this place, the other ones of its level are as likely in each other one.
    others = ((hits - 1.0) / np.maximum(size - 1.0, 1.0))[pages.level]
    precision = (before + 1.0 + within * others) / place
    counted = np.where(place <= k, share * precision, 0.0)
    return pages.by_group(counted) / np.clip(n_positives, 1.0, float(k))


def _first_positive(
    pages: Pages, positive: NDArray[np.bool_], k: int, *, hit: bool
) -> NDArray[np.float64]:
    """Return the chance of a positive among the first k places, or the mean of 1 / its place.

    A place beyond k counts as 0.
    """
    size, hits = np.bincount(pages.level).astype(np.float64), pages.by_level(positive)
    above = pages.above(size)
    first = np.flatnonzero((hits > 0.0) & (pages.above(hits) == 0.0))
    result = np.zeros(pages.n_rows.size)
    groups, above, size, hits = pages.group_of_level[first], above[first], size[first], hits[first]
    reached = above < k
    certain = hits == size
    whole = reached & (certain | (hit & (size - hits < k - above)))
    result[groups[whole]] = 1.0 if hit else 1.0 / (above[whole] + 1.0)
    for number in np.flatnonzero(reached & ~whole):
        # Before the last place that the first positive can have.
        places = np.arange(min(size[number] - hits[number] + 1.0, k - above[number]))
        chance = np.minimum(hits[number] / (size[number] - places), 1.0)
        none_before = np.append(1.0, np.cumprod(1.0 - chance)[:-1])
        at_first = none_before * chance
        worth = 1.0 if hit else 1.0 / (above[number] + 1.0 + places)
        result[groups[number]] = np.sum(at_first * worth)
    return result


def coverage_parts(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    group: ArrayLike | None,
    k: int | None = None,
    budget: float | None = None,
    min_grade: float | None = None,
    sample_weight: ArrayLike | None = None,
    value: ArrayLike | None = None,
    pos_label: Any = None,
    owner: str = "group_coverage_score",
) -> Parts:
    """Return what is caught in the slice of each group, and what there is to be caught."""
    check_slice(k, budget, owner)
    if group is None:
        raise ValueError(
            f"{owner} needs group, one label per row: use coverage_at_budget_score for one budget "
            "of all rows."
        )
    if min_grade is not None:
        y_true = _positives(y_true, min_grade, pos_label, owner)
        lacking = "positive" if not np.any(y_true) else "negative"
        if np.all(y_true) or not np.any(y_true):
            raise ValueError(f"min_grade={min_grade!r} of {owner} leaves no {lacking} in y_true.")
        pos_label = None
    rows = check_rows(
        y_true,
        y_score,
        sample_weight=sample_weight,
        value=value,
        pos_label=pos_label,
        owner=owner if min_grade is None else None,
    )
    codes = code_pages(group, shape_of(y_true, "y_true")[0])
    if sample_weight is not None:
        kept = np.asarray(sample_weight, dtype=np.float64).ravel() > 0.0
        codes = np.unique(codes[kept], return_inverse=True)[1]
    pages = Pages.of(rows.scores, codes)
    spenders = rows.spenders("population")
    spends = np.ones(codes.size) if spenders.counts is None else spenders.counts
    spends = spends[pages.order]
    total = pages.by_group(spends)
    if budget is not None:
        whole = spenders.counts_whole_rows()
        sizes = budget_sizes(np.full(total.size, float(budget)), total, whole)
    else:
        with np.errstate(over="ignore"):
            # Of weights next to nothing a page holds all.
            size = np.ldexp(float(min(k or 1, 2**53)), -spenders.exponent)
        sizes = np.full(total.size, size)
    worth = np.zeros(codes.size)
    worth[rows.positive] = 1.0 if rows.worth is None else rows.worth
    worth = worth[pages.order]
    return Parts(pages.by_group(pages.shares(sizes, spends) * worth), pages.by_group(worth))


def check_slice(k: Any, budget: Any, owner: str) -> None:
    """Raise unless there is either a number of rows or a fraction of a group."""
    if (k is None) == (budget is None):
        raise ValueError(
            f"{owner} needs k, the rows of each group that are shown, or budget, the fraction of "
            "each group, and not both."
        )
    if k is not None:
        check_positive(k, "k", owner, integer=True, minimum=1)
    if budget is not None:
        check_budget(budget, owner)


# Filled by `_groups`, whose functions these are the parts of.
PARTS: dict[Callable[..., float], Callable[..., Parts]] = {}


def find_parts(metric: Callable[..., float]) -> Callable[..., Parts] | None:
    """Return the function of the parts of a metric of this package, None of any other."""
    keywords: dict[str, Any] = {}
    while isinstance(metric, partial) and not metric.args:
        keywords = {**metric.keywords, **keywords}
        metric = metric.func
    if isinstance(metric, partial) or not inspect.isfunction(metric):
        return None
    parts = PARTS.get(metric)
    keywords.pop("group", None)
    return None if parts is None else partial(parts, **keywords)
