"""Bootstrap intervals for coverage, and for the difference between two coverages."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from ..._utils.validation import (
    BASES,
    MOST_RESAMPLES,
    check_budgets,
    check_option,
    check_positive,
)
from .._ranking import ScoredRows, check_rows
from ._closed_forms import bonett_price_interval, wilson_interval
from ._group_resampling import GroupCells, effective_groups
from ._interval import (
    EQUAL,
    BootstrapInterval,
    Options,
    bca_tails,
    check_size,
    mean_rank,
    random_generator,
    two_tails,
)
from ._resampling import Cells


def bootstrap_coverage(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    budgets: ArrayLike,
    basis: str = "population",
    sample_weight: ArrayLike | None = None,
    value: ArrayLike | None = None,
    pos_label: Any = None,
    stratified: bool = True,
    n_resamples: int = 10_000,
    random_state: Any = None,
) -> NDArray[np.float64]:
    """Return the coverage of resamples, an array of shape (n_resamples, n_budgets).

    The parameters are those of `bootstrap_ci`. All budgets are evaluated on the same
    resamples.
    """
    owner = "bootstrap_coverage"
    budgets = check_budgets(budgets, owner)
    check_option(basis, "basis", BASES, owner)
    check_option(stratified, "stratified", (True, False), owner)
    n_resamples = check_positive(
        n_resamples, "n_resamples", owner, integer=True, maximum=MOST_RESAMPLES
    )
    rows = check_rows(
        y_true, y_score, sample_weight=sample_weight, value=value, pos_label=pos_label
    )
    return resample([rows], budgets, basis, n_resamples, stratified, random_state)[0]


def _cells(
    rankings: list[ScoredRows],
    budgets: NDArray[np.float64],
    basis: str,
    codes: NDArray[np.intp] | None,
    *,
    one_left_out: bool = False,
) -> Cells | GroupCells:
    """Return what is drawn from: rows, or with ``codes`` groups of rows."""
    if codes is None:
        return Cells.of(rankings, budgets, basis, one_left_out=one_left_out)
    return GroupCells.of(rankings, budgets, basis, codes, one_left_out=one_left_out)


def resample(
    rankings: list[ScoredRows],
    budgets: NDArray[np.float64],
    basis: str,
    n_resamples: int,
    stratified: bool,
    random_state: Any,
    count: Callable[[int], None] = lambda number: None,
    codes: NDArray[np.intp] | None = None,
) -> NDArray[np.float64]:
    """Return coverages of shape (n_rankings, n_resamples, n_budgets)."""
    cells = _cells(rankings, budgets, basis, codes)
    coverage = np.empty((len(rankings), n_resamples, budgets.size))
    done = 0
    for chunk in cells.resample(n_resamples, random_generator(random_state), stratified=stratified):
        coverage[:, done : done + chunk.shape[1]] = chunk
        done += chunk.shape[1]
        count(chunk.shape[1])
    return coverage


def _difference(coverage: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the coverage of one ranking, or that of the first of two less the second's."""
    return coverage[0] if len(coverage) == 1 else coverage[0] - coverage[1]


def coverage_interval(
    rankings: list[ScoredRows],
    budget: Any,
    basis: str,
    options: Options,
    random_state: Any,
    codes: NDArray[np.intp] | None = None,
) -> BootstrapInterval:
    """Return an interval from drawing rows, or with ``codes`` whole groups of rows."""
    budgets = np.atleast_1d(np.asarray(budget, dtype=np.float64))
    check_size(options.n_resamples, budgets.size)
    distribution = _difference(
        resample(
            rankings,
            budgets,
            basis,
            options.n_resamples,
            options.stratified,
            random_state,
            options.progress(),
            codes,
        )
    )
    ends = [
        interval_ends(rankings, budgets[column], basis, distribution[:, column], options, codes)
        for column in range(budgets.size)
    ]
    estimate, low, high, fallback = (np.array(part) for part in zip(*ends))
    if fallback.any():
        what = "catch all positives or none" if len(rankings) == 1 else "differ by the same"
        warnings.warn(
            f"All resamples {what} at a budget of {budgets[fallback].tolist()}: the "
            "interval comes from a closed form for proportions, not from the bootstrap.",
            stacklevel=3,
        )
    result = {
        "estimate": estimate,
        "low": low,
        "high": high,
        "standard_error": distribution.std(axis=0, ddof=1),
        "fallback": fallback,
        "budget": budgets,
        "distribution": distribution,
    }
    if np.ndim(budget) == 0:
        result = {name: array[..., 0] for name, array in result.items()}
        result = {name: part if part.ndim else part.item() for name, part in result.items()}
    return BootstrapInterval(
        **result,
        confidence_level=options.confidence_level,
        n_resamples=options.n_resamples,
        method=options.method,
    )


def interval_ends(
    rankings: list[ScoredRows],
    budget: float,
    basis: str,
    distribution: NDArray[np.float64],
    options: Options,
    codes: NDArray[np.intp] | None = None,
) -> tuple[float, float, float, bool]:
    """Return the estimate, both ends, and whether a closed form gave the ends."""
    cells = _cells(rankings, np.array([budget]), basis, codes, one_left_out=True)
    estimate = float(_difference(cells.estimate())[0])
    level = options.confidence_level
    n_positives = _effective_number(rankings[0], codes)
    paired = len(rankings) == 2
    if budget == 1.0 or (paired and np.array_equal(_order(rankings[0]), _order(rankings[1]))):
        return estimate, estimate, estimate, False
    constant = bool(np.ptp(distribution) < EQUAL)
    if paired and constant:
        return estimate, *bonett_price_interval(estimate, n_positives, level), True
    if not paired and min(estimate, 1.0 - estimate) < EQUAL:
        return estimate, *wilson_interval(estimate, n_positives, level), True
    if constant:
        return estimate, estimate, estimate, False
    if options.method == "wilson":
        n_positives = estimate * (1.0 - estimate) / float(np.var(distribution, ddof=1))
        return estimate, *wilson_interval(estimate, n_positives, level), False
    tails = two_tails(level)
    if options.method == "BCa":
        stratified = options.stratified and codes is None
        tails = _bca_tails(tails, estimate, distribution, cells, stratified)
    low, high = np.quantile(distribution, tails)
    return estimate, float(low), float(high), False


def _bca_tails(
    tails: NDArray[np.float64],
    estimate: float,
    distribution: NDArray[np.float64],
    cells: Cells | GroupCells,
    stratified: bool,
) -> NDArray[np.float64]:
    """Return the quantiles to use for ``tails`` after correcting for bias and skewness."""
    below = float(np.mean(distribution < estimate - EQUAL))
    at_most = float(np.mean(distribution <= estimate + EQUAL))
    rank = mean_rank(below, at_most, distribution.size)

    left_out = _difference(cells.leave_one_out())[:, 0]
    cubes = squares = 0.0
    everything = np.ones(cells.positive.size, dtype=bool)
    for sample in (cells.positive, ~cells.positive) if stratified else (everything,):
        known = sample & ~np.isnan(left_out)
        if not known.any():
            continue
        times, without = cells.n_rows[known], left_out[known]
        n_rows = cells.n_rows[sample].sum()
        influence = (n_rows - 1) * (np.average(without, weights=times) - without) / n_rows
        cubes += float(np.dot(times, influence**3))
        squares += float(np.dot(times, influence**2))
    spread = 6.0 * squares**1.5
    return bca_tails(ndtri(tails), rank, cubes / spread if spread > 0 else 0.0)


def _effective_number(rows: ScoredRows, codes: NDArray[np.intp] | None) -> float:
    """Return the number of positives of equal worth that would vary as much as these.

    With ``codes`` it is that of groups, of which the positives are in one piece.
    """
    worth = rows.worth
    if codes is not None:
        return effective_groups(
            np.ones(np.count_nonzero(rows.positive)) if worth is None else worth,
            codes[rows.positive],
        )
    if worth is None:
        return float(np.count_nonzero(rows.positive))
    return float(worth.sum() ** 2 / np.sum(worth**2))


def _order(rows: ScoredRows) -> NDArray[np.intp]:
    return np.unique(rows.scores, return_inverse=True)[1]
