"""Bootstrap intervals for coverage at a budget, and for other metrics of a ranking."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..._utils.validation import shape_of
from .._ranking import check_rows
from ._coverage_interval import coverage_interval
from ._group_interval import group_metric_interval
from ._group_resampling import code_drawn_groups
from ._interval import METHODS, BootstrapInterval, check_options
from ._metric_interval import metric_interval


def bootstrap_ci(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    budget: float | ArrayLike | None = None,
    metric: Callable[..., float] | None = None,
    basis: str = "population",
    group: ArrayLike | None = None,
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
    """Bootstrap interval for coverage at a budget, or for another metric of a ranking.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels, of two classes.

    y_score : array-like of shape (n_samples,)
        Scores, greater for rows to be reviewed earlier. The model is taken as fixed:
        the interval reflects the choice of these rows, not that of the training data.

    budget : float or array-like of shape (n_budgets,), default=None
        What can be reviewed, as a fraction in (0, 1]. Several budgets are evaluated on
        the same resamples, and each gets its own interval. Give either this or `metric`.

    metric : callable, default=None
        Another metric, called as ``metric(y_true, y_score)``, with ``sample_weight``
        and ``value`` if they are given, and with ``group`` if it has a parameter of this
        name. Set its parameters with ``functools.partial``.

    basis : {"population", "fpr"}, default="population"
        What the budget is a fraction of, see :func:`coverage_at_budget_score`. Not used
        with `metric`.

    group : array-like of shape (n_samples,), default=None
        Group of each row, for instance its customer or its query. Whole groups are then
        resampled, for rows of one group are not independent.

    sample_weight : array-like of shape (n_samples,), default=None
        How many rows each row stands for. A row that is resampled keeps its weight.

    value : array-like of shape (n_samples,), default=None
        What catching each row is worth; only entries of positives are used.

    pos_label : int, float, bool or str, default=None
        Label of the positive class. Without it the labels must be {0, 1} or
        {-1, 1}, and 1 is positive. A `metric` is not told this label.

    confidence_level : float, default=0.95
        Share of such intervals that should contain the true value, in (0, 1).

    n_resamples : int, default=10_000
        Number of resamples, at least 2 and at most 10 million.

    method : {"BCa", "percentile", "wilson"}, default="BCa"
        ``"BCa"`` is bias-corrected and accelerated [1]_. ``"percentile"`` takes quantiles
        of the resamples. ``"wilson"`` is Wilson's interval for a proportion [2]_, at
        the number of positives that would give the standard error of the resamples. It is
        the one to use with few positives, and is not available for a `metric`.

    stratified : bool, default=True
        Whether positives and negatives are resampled separately, so that every
        resample has as many of each as the data. Otherwise rows are resampled whatever
        their class, and so are groups in any case.

    random_state : int, RandomState instance or None, default=None
        Seed of the resamples.

    verbose : int, default=0
        Above 0, progress is shown on standard error: a bar on a terminal, and elsewhere a
        line for each tenth.

    Returns
    -------
    interval : BootstrapInterval
        Its ends are floats, or arrays for several budgets.

    Raises
    ------
    ValueError
        If a parameter is out of its range, if both or neither of `budget` and `metric` are
        given, if :func:`coverage_at_budget_score` refuses the rows, if a `metric` returns no
        finite number, if the resamples of so many budgets would take more than a gigabyte, or
        if 200 resamples in a row cannot be measured.

    Warns
    -----
    UserWarning
        If all positives are caught, or none, and a closed form therefore replaces the
        bootstrap. If all resamples show the same value of a `metric`.

    See Also
    --------
    paired_bootstrap_ci : Interval for the difference between two models.
    coverage_at_budget_score : The estimate.

    Notes
    -----
    **Stratified or not.** Coverage is a share of the positives, and the number of positives
    says little about it, so the default takes both class counts as given.
    ``stratified=False`` lets them vary, as they do for rows drawn from a stream. This
    matters if the number of positives moves the cut: with ``basis="population"`` and
    positives that are not rare compared with the budget.

    **Groups.** A customer with ten frauds is one piece of evidence and not ten. With `group` as
    many groups are drawn as there are, each with all of its rows, and a group that is drawn
    twice is two groups. The budget is still one of all rows, or that of each group if the
    `metric` has groups, such as :func:`ndcg_at_k_score`. The metrics of groups of this package
    are ratios of sums over groups, so that they cost no more than a budget; another metric is
    called once for each resample. ``"wilson"`` has the number of positives that the standard error
    stands for. docs/groups.md shows how often these intervals hold, and those over rows do not.

    **Weights.** A weight is part of its row, like the label. If a row of weight 3 stands
    for three independent rows, repeat it first (:func:`numpy.repeat`); otherwise the
    interval is too wide.

    **All or nothing.** When all positives are caught, or none, all resamples show the
    same, and an interval of width 0 would claim a false certainty. Wilson's interval takes
    its place, with the number of positives (with weights or values: the square of their
    sum over the sum of their squares), and ``fallback`` is true. A budget of 1 does catch
    everything, and its interval has width 0. Ties are shared in expectation in every
    resample too, so the interval of a constant score has width 0.

    **Cost.** No rows are drawn, only the numbers of rows between the scores that matter; the
    comments in ``_resampling.py`` explain this. 10 000 resamples of 100 000 rows take a
    second, unless every row has a weight of its own. The jackknife of BCa leaves out one
    row of each kind. A `metric` is called on the rows that :func:`scipy.stats.bootstrap` would
    draw: on ``n_resamples`` resamples, one at a time, and, for BCa, without each row in turn.
    For many rows choose ``method="percentile"``.

    With 20 positives or fewer, ``"BCa"`` and ``"percentile"`` are wider than necessary and
    contain the true value more often than `confidence_level`; ``"wilson"`` comes closest
    to it. docs/statistics.md has the figures.

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

    Customers with 20 rows each:

    >>> customer = np.arange(y_true.size) // 20
    >>> by_customer = bootstrap_ci(
    ...     y_true, y_score, budget=0.05, group=customer, random_state=0
    ... )
    >>> by_customer.estimate == interval.estimate
    True
    """
    owner = "bootstrap_ci"
    options = check_options(
        owner, METHODS, budget, metric, basis, confidence_level, n_resamples, method, stratified,
        verbose,
    )  # fmt: skip
    if metric is not None and group is not None:
        return group_metric_interval(
            metric, y_true, [y_score], ["y_score"], group, sample_weight, value, options,
            random_state,
        )  # fmt: skip
    if metric is not None:
        return metric_interval(
            metric, y_true, [y_score], ["y_score"], sample_weight, value, pos_label, options,
            random_state,
        )  # fmt: skip
    rows = check_rows(
        y_true,
        y_score,
        sample_weight=sample_weight,
        value=value,
        pos_label=pos_label,
        owner=owner,
    )
    codes = _drawn_groups(group, y_true, sample_weight, owner)
    return coverage_interval([rows], budget, basis, options, random_state, codes)


def paired_bootstrap_ci(
    y_true: ArrayLike,
    score_a: ArrayLike,
    score_b: ArrayLike,
    *,
    budget: float | ArrayLike | None = None,
    metric: Callable[..., float] | None = None,
    basis: str = "population",
    group: ArrayLike | None = None,
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
    """Bootstrap interval for the difference between two models on the same rows.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels, of two classes.

    score_a, score_b : array-like of shape (n_samples,)
        Scores of the two models, greater for rows to be reviewed earlier. Each model may
        have its own scale. The difference is the metric of `score_a` less that of
        `score_b`.

    budget : float or array-like of shape (n_budgets,), default=None
        What can be reviewed, as a fraction in (0, 1]. Give either this or `metric`.

    metric : callable, default=None
        A metric other than coverage, called as in :func:`bootstrap_ci`.

    basis : {"population", "fpr"}, default="population"
        What the budget is a fraction of. Not used with `metric`.

    group : array-like of shape (n_samples,), default=None
        Group of each row, for instance its customer or its query. Whole groups are then
        resampled, for rows of one group are not independent.

    sample_weight : array-like of shape (n_samples,), default=None
        How many rows each row stands for. A row that is resampled keeps its weight.

    value : array-like of shape (n_samples,), default=None
        What catching each row is worth; only entries of positives are used.

    pos_label : int, float, bool or str, default=None
        Label of the positive class. Without it the labels must be {0, 1} or
        {-1, 1}, and 1 is positive. A `metric` is not told this label.

    confidence_level : float, default=0.95
        Share of such intervals that should contain the true value, in (0, 1).

    n_resamples : int, default=10_000
        Number of resamples, at least 2 and at most 10 million. Both models are evaluated on
        the same ones.

    method : {"percentile", "BCa"}, default="percentile"
        How the ends are found from the resamples. For a difference, ``"BCa"`` contains the
        true value less often than it should; see docs/statistics.md.

    stratified : bool, default=True
        Whether positives and negatives are resampled separately. Groups never are.

    random_state : int, RandomState instance or None, default=None
        Seed of the resamples.

    verbose : int, default=0
        Above 0, progress is shown on standard error: a bar on a terminal, and elsewhere a
        line for each tenth.

    Returns
    -------
    interval : BootstrapInterval
        The interval for the difference, which is positive if `score_a` is better.

    Raises
    ------
    ValueError
        As :func:`bootstrap_ci`.

    Warns
    -----
    UserWarning
        If all resamples show the same difference although the rankings differ, and a
        closed form therefore replaces the bootstrap.

    See Also
    --------
    coverage_difference_test : A test of no difference.
    coverage_sample_size : How many positives show a given difference.

    Notes
    -----
    Two models mostly catch the same positives, so their difference is known better than
    either coverage. Overlapping intervals of :func:`bootstrap_ci` therefore say nothing
    about it.

    When every resample shows the same difference, say because two rankings catch the same
    positives, the interval is that of Bonett and Price [1]_, which adds one positive to
    either side of the disagreement, and ``fallback`` is true. If the rankings are the same,
    or the budget is 1, the difference is certainly 0.

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
    options = check_options(
        owner, METHODS[:2], budget, metric, basis, confidence_level, n_resamples, method,
        stratified, verbose,
    )  # fmt: skip
    scores, names = [score_a, score_b], ["score_a", "score_b"]
    if metric is not None and group is not None:
        return group_metric_interval(
            metric, y_true, scores, names, group, sample_weight, value, options, random_state,
        )  # fmt: skip
    if metric is not None:
        return metric_interval(
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
            owner=owner,
        )
        for score, name in zip(scores, names)
    ]
    codes = _drawn_groups(group, y_true, sample_weight, owner)
    return coverage_interval(rankings, budget, basis, options, random_state, codes)


def _drawn_groups(
    group: ArrayLike | None, y_true: ArrayLike, sample_weight: ArrayLike | None, owner: str
) -> NDArray[np.intp] | None:
    """Return the number of the group of each row with weight, None without groups."""
    if group is None:
        return None
    return code_drawn_groups(group, shape_of(y_true, "y_true")[0], sample_weight, owner)
