"""A test for a difference in coverage between two models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..._utils.validation import (
    BASES,
    MOST_RESAMPLES,
    check_budget,
    check_option,
    check_positive,
    shape_of,
)
from .._ranking import ScoredRows, budget_size, check_rows
from ._group_resampling import GroupCells, code_drawn_groups
from ._interval import EQUAL, random_generator
from ._resampling import Cells

ALTERNATIVES = ("two-sided", "greater", "less")


@dataclass(frozen=True)
class CoverageDifference:
    """The coverage of two models at a budget, and a test for a difference.

    Parameters
    ----------
    difference : float
        Coverage of the first model less that of the second.
    pvalue : float
        The p-value of the test of no difference.
    coverage_a, coverage_b : float
        Coverage of each model.
    only_a, only_b : float
        Share of the positives that this model catches and the other one misses.
    n_positives : int
        Number of positives.
    alternative : {"two-sided", "greater", "less"}
        As it was passed.

    See Also
    --------
    coverage_difference_test : The test that returns it.
    """

    difference: float
    pvalue: float
    coverage_a: float
    coverage_b: float
    only_a: float
    only_b: float
    n_positives: int
    alternative: str = "two-sided"

    @property
    def discordance(self) -> float:
        """Share of the positives that one model catches and the other one misses."""
        return self.only_a + self.only_b


def coverage_difference_test(
    y_true: ArrayLike,
    score_a: ArrayLike,
    score_b: ArrayLike,
    *,
    budget: float,
    basis: str = "population",
    group: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    value: ArrayLike | None = None,
    pos_label: Any = None,
    alternative: str = "two-sided",
    n_permutations: int = 9_999,
    random_state: Any = None,
) -> CoverageDifference:
    """Test whether two models differ in coverage at a budget, on the same rows.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels, of two classes.

    score_a, score_b : array-like of shape (n_samples,)
        Scores of the two models, greater for rows to be reviewed earlier. Each model may
        have its own scale.

    budget : float
        What can be reviewed, as a fraction in (0, 1].

    basis : {"population", "fpr"}, default="population"
        What the budget is a fraction of, see :func:`coverage_at_budget_score`.

    group : array-like of shape (n_samples,), default=None
        Group of each row, for instance its customer. All rows of a group then change their
        ranks together.

    sample_weight : array-like of shape (n_samples,), default=None
        How many rows each row stands for. In a permutation they all change together.

    value : array-like of shape (n_samples,), default=None
        What catching each row is worth; only entries of positives are used.

    pos_label : int, float, bool or str, default=None
        Label of the positive class. Without it the labels must be {0, 1} or
        {-1, 1}, and 1 is positive.

    alternative : {"two-sided", "greater", "less"}, default="two-sided"
        The alternative to no difference: any difference, or that `score_a` covers more
        (less) than `score_b`. Choose it before you look at the data.

    n_permutations : int, default=9_999
        Number of random permutations, at most 10 million. The p-value is at least
        ``1 / (n_permutations + 1)``.

    random_state : int, RandomState instance or None, default=None
        Seed of the permutations.

    Returns
    -------
    result : CoverageDifference

    Raises
    ------
    ValueError
        If a parameter is out of its range, or if :func:`coverage_at_budget_score` refuses
        the rows.

    See Also
    --------
    paired_bootstrap_ci : How large the difference is.
    coverage_sample_size : How many positives show a given difference.

    Notes
    -----
    **Null hypothesis.** The models are exchangeable: given a row and its label, each of its
    two ranks is equally likely to come from either model. Scores are replaced by their ranks
    among all rows, with mid-ranks for ties. In each permutation the two ranks of every row
    change places with probability one half, and the cut of either list is found anew. The
    p-value is the share of permutations with a difference at least as great as the one
    observed, in either direction or in that of `alternative`; the observed one is counted
    among them [1]_. Under this hypothesis the level of the test is therefore at most the
    nominal one, for any number of rows.

    With `group` the models are exchangeable given the rows of a group, and the ranks of all of its
    rows change places together. At least six groups must then differ.

    Two models may have equal coverage at the budget but rankings that differ otherwise. They
    are not exchangeable; the simulations in docs/statistics.md show the level in that case.

    With fixed cuts this would be McNemar's exact test on the positives that one model
    catches and the other one misses. McNemar's test takes the cuts as known, although they
    move with the rows. With ``basis="population"`` and positives that fill a good part of
    the budget, a model that catches more has a higher cut, and McNemar's test hardly ever
    rejects.

    If fewer than six positives are caught by one model only (five, with a one-sided
    `alternative`), p-values below 0.05 hardly occur. Two equal rankings have a p-value of 1.

    References
    ----------
    .. [1] Phipson, B., & Smyth, G. K. (2010). Permutation p-values should never be zero.
       Statistical Applications in Genetics and Molecular Biology, 9(1).

    Examples
    --------
    >>> import numpy as np
    >>> from skbudget.metrics import coverage_difference_test
    >>> rng = np.random.default_rng(0)
    >>> y_true = np.repeat([0, 1], [9_900, 100])
    >>> old = rng.normal(1.5 * y_true)
    >>> new = old + rng.normal(1.0 * y_true, 0.5)
    >>> result = coverage_difference_test(y_true, new, old, budget=0.05, random_state=0)
    >>> round(result.difference, 2), round(result.only_a, 2), round(result.only_b, 2)
    (0.33, 0.33, 0.0)
    >>> result.pvalue < 0.001
    True
    """
    owner = "coverage_difference_test"
    budget = check_budget(budget, owner)
    check_option(basis, "basis", BASES, owner)
    check_option(alternative, "alternative", ALTERNATIVES, owner)
    n_permutations = check_positive(
        n_permutations, "n_permutations", owner, integer=True, maximum=MOST_RESAMPLES
    )
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
        for score, name in ((score_a, "score_a"), (score_b, "score_b"))
    ]
    share_a, share_b = (_shares_taken(rows, budget, basis) for rows in rankings)
    n_positives = share_a.size
    worth = np.ones(n_positives) if rankings[0].worth is None else rankings[0].worth
    difference = float(np.average(share_a - share_b, weights=worth))

    cells: Cells | GroupCells
    if group is None:
        cells = Cells.swappable(rankings, budget, basis)
    else:
        n_samples = shape_of(y_true, "y_true")[0]
        codes = code_drawn_groups(group, n_samples, sample_weight, owner)
        cells = GroupCells.swappable(rankings, budget, basis, codes)
    towards = {"two-sided": np.abs, "greater": np.positive, "less": np.negative}[alternative]
    as_great = sum(
        np.count_nonzero(towards(swapped) >= towards(difference) - EQUAL)
        for swapped in cells.swap(n_permutations, random_generator(random_state))
    )
    return CoverageDifference(
        difference=difference,
        pvalue=float((as_great + 1) / (n_permutations + 1)),
        coverage_a=float(np.average(share_a, weights=worth)),
        coverage_b=float(np.average(share_b, weights=worth)),
        only_a=float(np.average(np.maximum(share_a - share_b, 0.0), weights=worth)),
        only_b=float(np.average(np.maximum(share_b - share_a, 0.0), weights=worth)),
        n_positives=n_positives,
        alternative=alternative,
    )


def _shares_taken(rows: ScoredRows, budget: float, basis: str) -> NDArray[np.float64]:
    """Return how much of each positive is caught: all, nothing, or the share of a tie."""
    spenders = rows.spenders(basis)
    cut = spenders.cut(budget_size(budget, spenders, basis))
    scores = rows.scores[rows.positive]
    return np.where(scores == cut.threshold, cut.share, scores > cut.threshold)
