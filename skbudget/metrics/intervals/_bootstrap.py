"""Bootstrap intervals of coverage at a budget, and of other metrics of a ranking."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri
from sklearn.utils import check_random_state

from ..._utils.progress import Progress
from ..._utils.validation import (
    BASES,
    check_budget,
    check_budgets,
    check_fraction,
    check_option,
    check_positive,
)
from .._ranking import ScoredRows, check_rows
from ._resampling import Cells

METHODS = ("BCa", "percentile", "wilson")
# Differences below this are rounding errors of equal coverages.
EQUAL = 1e-12


@dataclass(frozen=True, eq=False)
class BootstrapInterval:
    """An estimate with the interval that resamples gave it.

    With one budget (or a metric) the first five are floats, with an array of budgets
    arrays of shape (n_budgets,).

    Parameters
    ----------
    estimate : float or ndarray
        The metric on the rows themselves.
    low, high : float or ndarray
        Ends of the interval.
    standard_error : float or ndarray
        Standard deviation of the metric over the resamples.
    fallback : bool or ndarray
        Whether the resamples could not give an interval, so that a closed form took
        its place. See the notes of the function that made it.
    budget : float, ndarray or None
        The budget, or budgets; None for another metric.
    confidence_level : float
        Share of such intervals that should hold the true value.
    n_resamples : int
        Number of resamples.
    method : str
        How the ends were found.
    distribution : ndarray of shape (n_resamples,) or (n_resamples, n_budgets)
        The metric on each resample.

    See Also
    --------
    bootstrap_ci : Interval of one model.
    paired_bootstrap_ci : Interval of the difference of two.
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
        """Return everything but the distribution, arrays as lists.

        ``pandas.DataFrame(interval.to_dict())`` has a row for each of several budgets.
        """
        kept = {item.name: getattr(self, item.name) for item in fields(self)[:-1]}
        return {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in kept.items()
        }


def bootstrap_ci(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    budget: float | ArrayLike | None = None,
    metric: Callable[..., float] | None = None,
    basis: str = "population",
    sample_weight: ArrayLike | None = None,
    value: ArrayLike | None = None,
    pos_label: Any = None,
    confidence_level: float = 0.95,
    n_resamples: int = 10_000,
    method: str = "BCa",
    stratified: bool = True,
    random_state: Any = None,
    verbose: int = 0,
) -> BootstrapInterval:
    """Bootstrap interval of coverage at a budget, or of another metric of a ranking.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels, of two classes.

    y_score : array-like of shape (n_samples,)
        Scores, greater for rows to be reviewed earlier. The model is taken as it is:
        the interval says what other rows would have given it, not other training data.

    budget : float or array-like of shape (n_budgets,), default=None
        What can be reviewed, as a fraction in (0, 1]. Several budgets are evaluated on
        the same resamples, and each gets an interval of its own. Give this or `metric`.

    metric : callable, default=None
        Another metric, called as ``metric(y_true, y_score)``, with ``sample_weight``
        and ``value`` if they are given. Set its parameters with
        ``functools.partial``.

    basis : {"population", "fpr"}, default="population"
        What the budget is a fraction of, see :func:`coverage_at_budget_score`. Not used
        with `metric`.

    sample_weight : array-like of shape (n_samples,), default=None
        How many rows each row stands for. Rows are resampled, and each keeps its weight.

    value : array-like of shape (n_samples,), default=None
        What catching each row is worth; only entries of positives are used.

    pos_label : int, float, bool or str, default=None
        Label of the positive class. Without it the labels must be {0, 1} or
        {-1, 1}, and 1 is positive. A `metric` has to be told itself.

    confidence_level : float, default=0.95
        Share of such intervals that should hold the true value, in (0, 1).

    n_resamples : int, default=10_000
        Number of resamples, at least 2.

    method : {"BCa", "percentile", "wilson"}, default="BCa"
        ``"BCa"``, bias-corrected and accelerated [1]_; ``"percentile"``, quantiles of
        the resamples; ``"wilson"``, Wilson's interval for a proportion [2]_ at
        the number of positives that would give the resamples' standard error. The last
        is the one for few positives, and is not for a `metric`.

    stratified : bool, default=True
        Whether positives and negatives are resampled separately, so that every
        resample has as many of each. Otherwise rows are, whatever their class.

    random_state : int, RandomState instance or None, default=None
        Seed of the resamples.

    verbose : int, default=0
        Above 0 the progress is shown on standard error: a bar on a terminal, elsewhere a line
        for each tenth.

    Returns
    -------
    interval : BootstrapInterval
        Its ends are floats, or arrays for several budgets.

    Raises
    ------
    ValueError
        If a parameter is out of its range, both or neither of `budget` and `metric` are
        given, or the rows are refused by :func:`coverage_at_budget_score`.

    Warns
    -----
    UserWarning
        If all positives are caught, or none, so that a closed form replaces the
        bootstrap.

    See Also
    --------
    paired_bootstrap_ci : Interval of the difference between two models.
    coverage_at_budget_score : The estimate.

    Notes
    -----
    **Stratified or not.** Coverage is a share of the positives, and how many there happen
    to be says little about it, so the default takes both class counts as given.
    ``stratified=False`` lets them vary. That is the sampling behind rows
    drawn from a stream, and matters where the number of positives moves the cut: with
    ``basis="population"`` and positives that are not rare beside the budget.

    **Weights.** Weights are part of a row, like its label. A row of weight 3 that stands
    for three rows which came about independently is to be repeated first (:func:`numpy.repeat`),
    or the interval will be too wide.

    **All or nothing.** When all positives are caught, or none, resamples of them show
    the same, and an interval of no width would be false certainty. Wilson's interval takes
    its place, on as many positives as there are (with weights or values:
    the square of their sum over the sum of their squares), and ``fallback`` says so. A
    budget of 1 does catch everything; its interval has no width. Ties are shared
    in expectation in every resample too: a constant score has an interval of no width.

    **Cost.** No rows are drawn, only how many there are between the scores that matter, see the
    comments in ``_resampling.py``; 10 000 resamples of
    100 000 rows take a second, unless weights set every row apart.
    The jackknife of BCa leaves one of each kind of row out. A `metric` is called on
    ``n_resamples`` resamples, and by BCa on each row left out, through
    :func:`scipy.stats.bootstrap`.

    With 20 positives or fewer ``"BCa"`` and ``"percentile"`` are wider than they need be, and
    hold the true value more often than `confidence_level`; ``"wilson"`` is closest to it.
    docs/statistics.md has the figures.

    References
    ----------
    .. [1] Efron, B. (1987). Better bootstrap confidence intervals. Journal of the
       American Statistical Association, 82(397), 171-185.
    .. [2] Wilson, E. B. (1927). Probable inference, the law of succession, and
       statistical inference. Journal of the American Statistical Association,
       22(158), 209-212.

    Examples
    --------
    >>> import numpy as np
    >>> from skbudget.metrics import bootstrap_ci
    >>> rng = np.random.default_rng(0)
    >>> y_true = np.repeat([0, 1], [9_900, 100])
    >>> y_score = rng.normal(2.0 * y_true)
    >>> interval = bootstrap_ci(y_true, y_score, budget=0.05, random_state=0)
    >>> print(f"{interval.estimate:.2f}, from {interval.low:.1f} to {interval.high:.1f}")
    0.62, from 0.5 to 0.7

    Several budgets:

    >>> band = bootstrap_ci(y_true, y_score, budget=[0.01, 0.05], random_state=0)
    >>> band.low.shape, band.distribution.shape
    ((2,), (10000, 2))

    Another metric:

    >>> from functools import partial
    >>> from skbudget.metrics import partial_auc_score
    >>> top = partial(partial_auc_score, beta=0.05)
    >>> bootstrap_ci(
    ...     y_true, y_score, metric=top, method="percentile", n_resamples=99, random_state=0
    ... ).low > 0.2
    True
    """
    owner = "bootstrap_ci"
    options = _check_options(
        owner, METHODS, budget, metric, basis, confidence_level, n_resamples, method, stratified,
        verbose,
    )  # fmt: skip
    if metric is not None:
        return _metric_interval(
            metric, y_true, [y_score], ["y_score"], sample_weight, value, pos_label, options,
            random_state,
        )  # fmt: skip
    rows = check_rows(
        y_true, y_score, sample_weight=sample_weight, value=value, pos_label=pos_label
    )
    return _coverage_interval([rows], budget, basis, options, random_state)


def paired_bootstrap_ci(
    y_true: ArrayLike,
    score_a: ArrayLike,
    score_b: ArrayLike,
    *,
    budget: float | ArrayLike | None = None,
    metric: Callable[..., float] | None = None,
    basis: str = "population",
    sample_weight: ArrayLike | None = None,
    value: ArrayLike | None = None,
    pos_label: Any = None,
    confidence_level: float = 0.95,
    n_resamples: int = 10_000,
    method: str = "percentile",
    stratified: bool = True,
    random_state: Any = None,
    verbose: int = 0,
) -> BootstrapInterval:
    """Bootstrap interval of the difference between two models on the same rows.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels, of two classes.

    score_a, score_b : array-like of shape (n_samples,)
        Scores of the two models, greater for rows to be reviewed earlier, each on a
        scale of its own. The difference is that of `score_a` less that of `score_b`.

    budget : float or array-like of shape (n_budgets,), default=None
        What can be reviewed, as a fraction in (0, 1]. Give this or `metric`.

    metric : callable, default=None
        Another metric than coverage, called as in :func:`bootstrap_ci`.

    basis : {"population", "fpr"}, default="population"
        What the budget is a fraction of. Not used with `metric`.

    sample_weight : array-like of shape (n_samples,), default=None
        How many rows each row stands for. Rows are resampled, and each keeps its weight.

    value : array-like of shape (n_samples,), default=None
        What catching each row is worth; only entries of positives are used.

    pos_label : int, float, bool or str, default=None
        Label of the positive class. Without it the labels must be {0, 1} or
        {-1, 1}, and 1 is positive. A `metric` has to be told itself.

    confidence_level : float, default=0.95
        Share of such intervals that should hold the true value, in (0, 1).

    n_resamples : int, default=10_000
        Number of resamples, at least 2. Both models see the same.

    method : {"percentile", "BCa"}, default="percentile"
        How the ends are found from the resamples. Of a difference ``"BCa"`` holds the
        true value less often than it should, see docs/statistics.md.

    stratified : bool, default=True
        Whether positives and negatives are resampled separately.

    random_state : int, RandomState instance or None, default=None
        Seed of the resamples.

    verbose : int, default=0
        Above 0 the progress is shown on standard error: a bar on a terminal, elsewhere a line
        for each tenth.

    Returns
    -------
    interval : BootstrapInterval
        Of the difference, which is positive where `score_a` is better.

    Raises
    ------
    ValueError
        As :func:`bootstrap_ci`.

    Warns
    -----
    UserWarning
        If the models differ in no resample although their rankings do, or differ in all by
        the whole, so that a closed form replaces the bootstrap.

    See Also
    --------
    coverage_difference_test : A test of no difference.
    coverage_sample_size : How many positives show a given difference.

    Notes
    -----
    Two models mostly catch the same positives, so their difference is known better than
    either coverage: overlap of two intervals of :func:`bootstrap_ci` says nothing.

    When every resample shows the same difference, say because two rankings
    catch the same positives, the interval is Bonett and Price's [1]_, which
    adds a positive to either side of the disagreement, and ``fallback`` says so. If the
    rankings are the same, or the budget is 1, the difference is 0 for certain.

    The notes of :func:`bootstrap_ci` hold here too.

    References
    ----------
    .. [1] Bonett, D. G., & Price, R. M. (2012). Adjusted Wald confidence interval for a
       difference of binomial proportions based on paired data. Journal of Educational
       and Behavioral Statistics, 37(4), 479-488.

    Examples
    --------
    >>> import numpy as np
    >>> from skbudget.metrics import paired_bootstrap_ci
    >>> rng = np.random.default_rng(0)
    >>> y_true = np.repeat([0, 1], [9_900, 100])
    >>> old = rng.normal(1.5 * y_true)
    >>> new = old + rng.normal(1.0 * y_true, 0.5)
    >>> interval = paired_bootstrap_ci(y_true, new, old, budget=0.05, random_state=0)
    >>> print(f"{interval.estimate:.2f}, above 0: {interval.low > 0}")
    0.33, above 0: True
    """
    owner = "paired_bootstrap_ci"
    options = _check_options(
        owner, METHODS[:2], budget, metric, basis, confidence_level, n_resamples, method,
        stratified, verbose,
    )  # fmt: skip
    scores, names = [score_a, score_b], ["score_a", "score_b"]
    if metric is not None:
        return _metric_interval(
            metric, y_true, scores, names, sample_weight, value, pos_label, options, random_state,
        )  # fmt: skip
    rankings = [
        check_rows(
            y_true,
            score,
            sample_weight=sample_weight,
            value=value,
            pos_label=pos_label,
            score_name=name,
        )
        for score, name in zip(scores, names)
    ]
    return _coverage_interval(rankings, budget, basis, options, random_state)


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
    """Return the coverage of resamples, of shape (n_resamples, n_budgets).

    The parameters are those of `bootstrap_ci`; every budget sees the same resamples.
    """
    owner = "bootstrap_coverage"
    budgets = check_budgets(budgets, owner)
    check_option(basis, "basis", BASES, owner)
    n_resamples = check_positive(n_resamples, "n_resamples", owner, integer=True)
    rows = check_rows(
        y_true, y_score, sample_weight=sample_weight, value=value, pos_label=pos_label
    )
    return _resample([rows], budgets, basis, n_resamples, stratified, random_state)[0]


@dataclass(frozen=True)
class _Options:
    confidence_level: float
    n_resamples: int
    method: str
    stratified: bool
    owner: str = ""
    verbose: int = 0

    def progress(self, n_before: int = 0) -> Callable[[int], None]:
        """Return what counts resamples, and ``n_before`` other evaluations of a metric."""
        if not self.verbose:
            return lambda number: None
        total = {self.owner: n_before + self.n_resamples}
        shown = Progress(sys.stderr, total, "resamples", n_lines=10)

        def count(number: int) -> None:
            shown.count(self.owner, number)
            if shown.done == shown.totals:
                shown.close()

        return count


def _check_options(
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
) -> _Options:
    if (budget is None) == (metric is None):
        raise ValueError(f"{owner} needs a budget or a metric, and not both.")
    if budget is not None:
        if np.ndim(budget) == 0:
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
    return _Options(
        check_fraction(confidence_level, "confidence_level", owner),
        check_positive(n_resamples, "n_resamples", owner, integer=True, minimum=2),
        method,
        bool(stratified),
        owner,
        check_positive(
            int(verbose) if isinstance(verbose, bool) else verbose,
            "verbose",
            owner,
            integer=True,
            minimum=0,
        ),
    )


def random_generator(random_state: Any) -> np.random.Generator:
    """Return a Generator, whose draws broadcast, seeded as scikit-learn seeds."""
    return np.random.default_rng(check_random_state(random_state).randint(2**31, size=4))


def _resample(
    rankings: list[ScoredRows],
    budgets: NDArray[np.float64],
    basis: str,
    n_resamples: int,
    stratified: bool,
    random_state: Any,
    count: Callable[[int], None] = lambda number: None,
) -> NDArray[np.float64]:
    """Return coverages of shape (n_rankings, n_resamples, n_budgets)."""
    cells = Cells.of(rankings, budgets, basis)
    chunks = []
    for chunk in cells.resample(n_resamples, random_generator(random_state), stratified=stratified):
        chunks.append(chunk)
        count(chunk.shape[1])
    return np.concatenate(chunks, axis=1)


def _difference(coverage: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what is estimated: one ranking's coverage, or the first's less the second's."""
    return coverage[0] if len(coverage) == 1 else coverage[0] - coverage[1]


def _coverage_interval(
    rankings: list[ScoredRows], budget: Any, basis: str, options: _Options, random_state: Any
) -> BootstrapInterval:
    budgets = np.atleast_1d(np.asarray(budget, dtype=np.float64))
    distribution = _difference(
        _resample(
            rankings,
            budgets,
            basis,
            options.n_resamples,
            options.stratified,
            random_state,
            options.progress(),
        )
    )
    ends = [
        _ends(rankings, budgets[column], basis, distribution[:, column], options)
        for column in range(budgets.size)
    ]
    estimate, low, high, fallback = (np.array(part) for part in zip(*ends))
    if fallback.any():
        what = "catch all positives or none" if len(rankings) == 1 else "differ by the same"
        warnings.warn(
            f"All resamples {what} at a budget of {budgets[fallback].tolist()}: the "
            "interval is a closed form's for a proportion, not the bootstrap's.",
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


def _ends(
    rankings: list[ScoredRows],
    budget: float,
    basis: str,
    distribution: NDArray[np.float64],
    options: _Options,
) -> tuple[float, float, float, bool]:
    """Return the estimate, both ends, and whether they are a closed form's."""
    cells = Cells.of(rankings, np.array([budget]), basis, one_left_out=True)
    estimate = float(_difference(cells.estimate())[0])
    level = options.confidence_level
    n_positives = _effective_number(rankings[0])
    paired = len(rankings) == 2
    if budget == 1.0 or (paired and np.array_equal(_order(rankings[0]), _order(rankings[1]))):
        return estimate, estimate, estimate, False
    constant = bool(np.ptp(distribution) < EQUAL)
    if paired and constant:
        return estimate, *_bonett_price(estimate, n_positives, level), True
    if not paired and min(estimate, 1.0 - estimate) < EQUAL:
        return estimate, *_wilson(estimate, n_positives, level), True
    if constant:
        return estimate, estimate, estimate, False
    if options.method == "wilson":
        n_positives = estimate * (1.0 - estimate) / float(np.var(distribution, ddof=1))
        return estimate, *_wilson(estimate, n_positives, level), False
    tails = np.array([0.5 - level / 2.0, 0.5 + level / 2.0])
    if options.method == "BCa":
        tails = _bca_tails(tails, estimate, distribution, cells, options.stratified)
    low, high = np.quantile(distribution, tails)
    return estimate, float(low), float(high), False


def _bca_tails(
    tails: NDArray[np.float64],
    estimate: float,
    distribution: NDArray[np.float64],
    cells: Cells,
    stratified: bool,
) -> NDArray[np.float64]:
    """Return the quantiles that stand for ``tails`` after both corrections."""
    below = np.mean(distribution < estimate - EQUAL)
    at_most = np.mean(distribution <= estimate + EQUAL)
    # Half a resample keeps the bias finite where all resamples are on one side.
    half = 0.5 / distribution.size
    bias = ndtri(np.clip((below + at_most) / 2.0, half, 1.0 - half))

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
    acceleration = cubes / (6.0 * squares**1.5) if squares > 0 else 0.0
    shifted = bias + ndtri(tails)
    return ndtr(bias + shifted / (1.0 - acceleration * shifted))


def _wilson(estimate: float, n: float, level: float) -> tuple[float, float]:
    """Return Wilson's interval of a proportion that ``n`` trials gave."""
    z = float(ndtri(0.5 + level / 2.0))
    centre = (estimate + z**2 / (2.0 * n)) / (1.0 + z**2 / n)
    half = z / (1.0 + z**2 / n) * np.sqrt(estimate * (1.0 - estimate) / n + (z / (2.0 * n)) ** 2)
    # At 0 and 1 one end is the estimate, up to rounding.
    return max(min(centre - half, estimate), 0.0), min(max(centre + half, estimate), 1.0)


def _bonett_price(estimate: float, n: float, level: float) -> tuple[float, float]:
    """Return the adjusted Wald interval of a difference that all ``n`` pairs agree on.

    Either all disagree in one direction (the estimate is 1 or -1), or none do.
    """
    z = float(ndtri(0.5 + level / 2.0))
    for_a, for_b = (1.0 + n * max(estimate, 0.0), 1.0 + n * max(-estimate, 0.0))
    for_a, for_b = for_a / (n + 2.0), for_b / (n + 2.0)
    half = z * np.sqrt((for_a + for_b - (for_a - for_b) ** 2) / (n + 2.0))
    centre = for_a - for_b
    return max(min(centre - half, estimate), -1.0), min(max(centre + half, estimate), 1.0)


def _effective_number(rows: ScoredRows) -> float:
    """Return how many positives of equal worth would vary as these do."""
    if rows.worth is None:
        return float(np.count_nonzero(rows.positive))
    return float(rows.worth.sum() ** 2 / np.sum(rows.worth**2))


def _order(rows: ScoredRows) -> NDArray[np.intp]:
    return np.unique(rows.scores, return_inverse=True)[1]


def _metric_interval(
    metric: Callable[..., float],
    y_true: ArrayLike,
    scores: Sequence[ArrayLike],
    names: Sequence[str],
    sample_weight: ArrayLike | None,
    value: ArrayLike | None,
    pos_label: Any,
    options: _Options,
    random_state: Any,
) -> BootstrapInterval:
    """Hand resampled rows to a metric, through SciPy."""
    from scipy.stats import bootstrap

    labels = np.asarray(y_true)
    greater = np.unique(labels)[-1] if pos_label is None and labels.size else pos_label
    given = {"sample_weight": sample_weight, "value": value}
    for score, name in zip(scores, names):
        # Of no weight are rows too: the metric is to say what it makes of them.
        check_rows(
            labels, score, sample_weight=None, value=None, pos_label=greater, score_name=name
        )
    columns = {name: np.asarray(column) for name, column in given.items() if column is not None}
    rankings = [np.asarray(score) for score in scores]

    # The estimate comes first, and BCa leaves every row out once.
    count = options.progress(1 + labels.size * (options.method == "BCa"))

    def statistic(*samples: NDArray[np.intp]) -> float:
        count(1)
        rows = np.concatenate(samples)
        taken = {name: column[rows] for name, column in columns.items()}
        first, *second = (metric(labels[rows], ranking[rows], **taken) for ranking in rankings)
        return float(first - second[0] if second else first)

    everything = np.arange(labels.size)
    positive = labels == greater
    samples = (everything[positive], everything[~positive]) if options.stratified else (everything,)
    estimate = statistic(*samples)
    result = bootstrap(
        samples,
        statistic,
        n_resamples=options.n_resamples,
        vectorized=False,
        confidence_level=options.confidence_level,
        method=options.method,
        random_state=random_generator(random_state),
    )
    distribution = result.bootstrap_distribution
    low, high = result.confidence_interval
    return BootstrapInterval(
        estimate=estimate,
        low=float(low),
        high=float(high),
        standard_error=float(result.standard_error),
        fallback=False,
        budget=None,
        confidence_level=options.confidence_level,
        n_resamples=options.n_resamples,
        method=options.method,
        distribution=distribution,
    )
