"""The result of a bootstrap interval, and the options of all such intervals."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from ..._utils.progress import Progress
from ..._utils.seeds import check_random_state
from ..._utils.validation import (
    BASES,
    MOST_RESAMPLES,
    check_budget,
    check_budgets,
    check_fraction,
    check_option,
    check_positive,
    shape_of,
)

METHODS = ("BCa", "percentile", "wilson")
# Differences below this are rounding errors of equal coverages.
EQUAL = 1e-12
# Resamples times budgets: a gigabyte of floats.
MOST_NUMBERS = 2**27


@dataclass(frozen=True, eq=False)
class BootstrapInterval:
    """An estimate and its bootstrap interval.

    For one budget, or for a metric, the first five parameters are floats. For an array of
    budgets they are arrays of shape (n_budgets,).

    Parameters
    ----------
    estimate : float or ndarray
        The metric on the rows themselves.
    low, high : float or ndarray
        Lower and upper end of the interval.
    standard_error : float or ndarray
        Standard deviation of the metric over the resamples.
    fallback : bool or ndarray
        Whether a closed form took the place of the bootstrap, because the resamples could
        not give an interval. See the notes of the function that returned it.
    budget : float, ndarray or None
        The budget or budgets; None for another metric.
    confidence_level : float
        Share of such intervals that should contain the true value.
    n_resamples : int
        Number of resamples.
    method : str
        The method that found the ends.
    distribution : ndarray of shape (n_resamples,) or (n_resamples, n_budgets)
        The metric on each resample.

    See Also
    --------
    bootstrap_ci : Interval for one model.
    paired_bootstrap_ci : Interval for the difference between two models.
    """

    estimate: Any
    low: Any
    high: Any
    standard_error: Any
    fallback: Any
    budget: Any
    confidence_level: float
    n_resamples: int
    method: str
    distribution: NDArray[np.float64] = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return everything except the distribution, with arrays as lists.

        With several budgets ``pandas.DataFrame(interval.to_dict())`` has one row per budget.
        """
        kept = {item.name: getattr(self, item.name) for item in fields(self)[:-1]}
        return {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in kept.items()
        }


@dataclass(frozen=True)
class Options:
    confidence_level: float
    n_resamples: int
    method: str
    stratified: bool
    owner: str = ""
    verbose: int = 0

    def progress(self, n_before: int = 0) -> Callable[[int], None]:
        """Return a function that counts resamples as they are done.

        ``n_before`` evaluations of a metric come before them and are counted too.
        """
        if not self.verbose:
            return lambda number: None
        total = {self.owner: n_before + self.n_resamples}
        shown = Progress(sys.stderr, total, "resamples", n_lines=10)

        def count(number: int) -> None:
            shown.count(self.owner, number)
            if shown.done == shown.totals:
                shown.close()

        return count


def check_options(
    owner: str,
    methods: Sequence[str],
    budget: Any,
    metric: Any,
    basis: str,
    confidence_level: float,
    n_resamples: int,
    method: str,
    stratified: bool,
    verbose: int,
) -> Options:
    if (budget is None) == (metric is None):
        raise ValueError(f"{owner} needs a budget or a metric, and not both.")
    if budget is not None:
        if shape_of(budget, "budget") == ():
            check_budget(budget, owner)
        else:
            check_budgets(budget, owner, "budget")
    if metric is not None:
        if not callable(metric):
            raise TypeError(f"metric must be a callable: got {metric!r}.")
        methods = METHODS[:2]
    check_option(basis, "basis", BASES, owner)
    check_option(method, "method", methods, owner)
    check_option(stratified, "stratified", (True, False), owner)
    return Options(
        check_fraction(confidence_level, "confidence_level", owner),
        check_positive(
            n_resamples, "n_resamples", owner, integer=True, minimum=2, maximum=MOST_RESAMPLES
        ),
        method,
        bool(stratified),
        owner,
        check_positive(
            int(verbose) if isinstance(verbose, bool | np.bool_) else verbose,
            "verbose",
            owner,
            integer=True,
            minimum=0,
        ),
    )


def check_size(n_resamples: int, n_budgets: int) -> None:
    """Raise if there are more numbers to return than memory should hold."""
    if n_resamples * n_budgets > MOST_NUMBERS:
        raise ValueError(
            f"{n_resamples} resamples at {n_budgets} budgets are {n_resamples * n_budgets:.2g} "
            f"numbers, more than {MOST_NUMBERS:.2g}: pass fewer budgets, or a smaller n_resamples."
        )


def two_tails(level: float) -> NDArray[np.float64]:
    """Return the quantiles at which an interval of a level ends."""
    # The greatest level below 1 would end at the quantile 1, which is infinite.
    return np.array([0.5 - level / 2.0, min(0.5 + level / 2.0, 1.0 - np.finfo(float).epsneg)])


def mean_rank(below: float, at_most: float, n_resamples: int) -> float:
    """Return which share of the resamples an estimate exceeds; equal ones count half.

    ``below`` and ``at_most`` are the shares of resamples that are less, and at most as great.
    """
    # Half a resample keeps the bias finite when all resamples are on one side.
    half = 0.5 / n_resamples
    return float(np.clip((below + at_most) / 2.0, half, 1.0 - half))


def bca_tails(z: NDArray[np.float64], rank: float, acceleration: float) -> NDArray[np.float64]:
    """Return the tails to use for those at ``z`` after correcting for bias and skewness."""
    bias = ndtri(rank)
    shifted = bias + z
    slowed = 1.0 - acceleration * shifted
    # The correction grows without limit as this approaches 0. Beyond, it would change its sign.
    with np.errstate(divide="ignore"):
        moved = np.where(slowed > 0.0, shifted / slowed, np.copysign(np.inf, shifted))
    return ndtr(bias + moved)


def random_generator(random_state: Any) -> np.random.Generator:
    """Return a Generator with a seed from scikit-learn's ``random_state``.

    A Generator's draws broadcast, which a RandomState's do not.
    """
    try:
        source = check_random_state(random_state)
    except ValueError as error:
        raise ValueError(
            "random_state must be an int in the range [0, 2**32 - 1], a RandomState or None: got "
            f"{random_state!r}."
        ) from error
    return np.random.default_rng(source.randint(2**31, size=4))
