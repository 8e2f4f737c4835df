"""What rows are worth that have no two classes: ordered levels, and amounts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._utils.naming import naming
from .._utils.ranges import product
from .._utils.validation import (
    _as_float,
    _check_same_length,
    _equal,
    _invalid,
    check_budget,
    check_positive,
    check_ranking,
    check_scores,
    check_weights,
    label_column,
)
from ._ranking import CountedRows, budget_size

__all__ = ["check_worth", "expected_worth", "worth_coverage_score", "worth_per_review_score"]

# Probabilities add up to 1 in single precision, too.
_ROUNDING = 1e-3


def expected_worth(probabilities: ArrayLike, worth: ArrayLike) -> NDArray[np.float64]:
    r"""Return what each row is expected to be worth, by the probabilities of its levels.

    Parameters
    ----------
    probabilities : array-like of shape (n_samples, n_levels)
        Probability of each level, as ``predict_proba`` gives them: at least 0, and 1 in all.

    worth : array-like of shape (n_levels,)
        What a row of each level is worth, in the order of the columns (``classes_``); it may
        be negative.

    Returns
    -------
    expected : ndarray of shape (n_samples,)
        In the unit of `worth`.

    Raises
    ------
    ValueError
        If the shapes do not fit, a number is not finite, or a row holds no probabilities.

    See Also
    --------
    worth_coverage_score : The share of all worth that a budget catches.
    skbudget.model_selection.ExpectedWorthClassifier : The same as the score of an estimator.

    Notes
    -----
    With levels in order the mean :math:`\sum_c v_c P(y = c)` is :math:`v_0 + \sum_j (v_{j+1} -
    v_j) P(y > j)`. Where one score :math:`s` serves all levels, as in
    `skbudget.objectives.OrdinalAllThreshold`, :math:`P(y > j) = \sigma(s - \theta_j)`, so
    that the expected worth increases with the score whenever worth increases with the
    level: the ranking is that of the score, whatever the levels are worth. What they are
    worth changes the ranking only where rows with one expected level differ in how it
    comes about, which takes a score per level.

    Examples
    --------
    >>> from skbudget.metrics import expected_worth
    >>> expected_worth([[0.9, 0.08, 0.02], [0.5, 0.5, 0.0]], worth=[0, 10, 1000])
    array([20.8,  5. ])
    """
    owner = "expected_worth"
    with naming("probabilities", "numbers of shape (n_samples, n_levels)"):
        found = np.asarray(probabilities)
        if found.dtype.kind not in "biufO":
            raise ValueError(f"probabilities must hold numbers: got {found.dtype}.")
        found = found.astype(np.float64)
    if found.ndim != 2:
        raise ValueError(
            f"probabilities must have shape (n_samples, n_levels): got {found.shape}. Pass what "
            "predict_proba returns."
        )
    of_level = check_scores(worth, "worth")
    if of_level.size != found.shape[1]:
        raise ValueError(
            f"worth of {owner} must have one entry per level, as probabilities has columns: "
            f"expected {found.shape[1]}, got {of_level.size}."
        )
    if not (found >= 0).all() or (np.abs(found.sum(axis=1) - 1.0) > _ROUNDING).any():
        raise ValueError(
            "probabilities must be at least 0, and add up to 1 in each row. Scores per "
            "threshold are none: see predict_proba."
        )
    return found @ of_level


def check_worth(worth: Any, owner: str) -> dict[Any, float]:
    """Return a mapping of labels to finite numbers of at least 0."""
    allowed = "None or a mapping of labels to finite numbers of at least 0, one of them positive"
    if not isinstance(worth, Mapping) or not worth:
        hint = "Amounts need no mapping." if worth is not None else ""
        raise _invalid("worth", worth, owner, allowed, hint)
    found = {label: _as_float(number) for label, number in worth.items()}
    numbers = np.array(list(found.values()))
    if not (np.isfinite(numbers).all() and (numbers >= 0).all() and numbers.any()):
        raise _invalid("worth", worth, owner, allowed)
    return found


def worth_of_labels(
    y: NDArray[Any], worth: Mapping[Any, float], name: str = "y_true"
) -> NDArray[np.float64]:
    """Return what each label is worth.

    Raises
    ------
    ValueError
        Naming labels that the mapping lacks.
    """
    try:
        labels, codes = np.unique(y, return_inverse=True)
    except TypeError as error:
        raise ValueError(f"{name} lacks some labels, or mixes types.") from error
    found, unknown = np.zeros(labels.size), []
    for number, label in enumerate(labels):
        value = next((of for known, of in worth.items() if _equal(known, label)), None)
        if value is None:
            unknown.append(label)
        else:
            found[number] = value
    if unknown:
        listed = np.array(unknown)[:10].tolist()
        raise ValueError(
            f"worth has no entry for the labels {listed} of {name}: it has {list(worth)[:10]}."
        )
    return found[codes.reshape(-1)]


def _spenders_and_worth(
    y_true: ArrayLike,
    y_score: ArrayLike,
    worth: Mapping[Any, float] | None,
    sample_weight: ArrayLike | None,
    owner: str,
) -> tuple[CountedRows, CountedRows]:
    """Return the rows by weight, and by what catching each of them adds."""
    if worth is not None:
        worth = check_worth(worth, owner)
        y = label_column(y_true, "y_true")
        _check_same_length(y, [y_score, sample_weight])
        value = worth_of_labels(y, worth)
    else:
        value = check_scores(y_true, "y_true")
        _check_same_length(value, [y_score, sample_weight])
        if value.size and value.min() < 0:
            raise ValueError(
                f"y_true of {owner} must hold amounts of at least 0: the least is "
                f"{value.min():g}. Count a cost apart, or pass worth= for labels."
            )
    scores = check_ranking(y_score)
    weight = check_weights(sample_weight, scores.size)
    if weight is not None and not weight.all():
        kept = weight > 0
        scores, value, weight = scores[kept], value[kept], weight[kept]
    rows = CountedRows(scores, weight).in_range()
    caught = CountedRows(scores, value).in_range()
    if weight is not None:
        caught = CountedRows(scores, *product(weight, value))
    if not np.any(caught.counts):
        raise ValueError(
            "No row is worth anything by y_true: at least one row with weight must be."
            if worth is None
            else "No row has a label in y_true that is worth anything: at least one with weight "
            "must have."
        )
    return rows, caught


def worth_coverage_score(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    budget: float,
    worth: Mapping[Any, float] | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Share of all worth that is caught when only the top of a ranking is reviewed.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        What each row is worth, at least 0; with `worth`, labels.

    y_score : array-like of shape (n_samples,)
        Scores, greater for rows to be reviewed earlier. Only their order counts.

    budget : float
        What can be reviewed, as a fraction in (0, 1]: 50 basis points are 0.005.

    worth : mapping of label to float, default=None
        What each label is worth, at least 0. With None, `y_true` holds amounts.

    sample_weight : array-like of shape (n_samples,), default=None
        How many rows each row stands for, in the budget and in what is caught.

    Returns
    -------
    coverage : float
        A fraction in [0, 1]; greater is better.

    Raises
    ------
    ValueError
        If a parameter is out of its range, if the lengths differ, if a number is not finite
        or an amount negative, if a label has no worth, or if no row is worth anything.

    See Also
    --------
    coverage_at_budget_score : Of two classes, with a ``value`` of each positive.
    worth_per_review_score : The same in the unit of the worth, per row reviewed.
    make_worth_scorer : The same as a scorer for model selection.

    Notes
    -----
    The top ``k = max(1, ceil(budget * n_samples))`` rows are reviewed. Rows tied at the cut
    are shared in expectation, and weights count rows, as in `coverage_at_budget_score`. This
    score is equal to it, with the rows that are worth something as positives and the worth
    as their ``value``.

    Examples
    --------
    >>> from skbudget.metrics import worth_coverage_score
    >>> level, score = [0, 2, 0, 1, 0], [0.1, 0.8, 0.3, 0.9, 0.2]
    >>> worth_coverage_score(level, score, budget=0.2, worth={0: 0, 1: 10, 2: 30})
    0.25
    >>> worth_coverage_score([0.0, 30.0, 0.0, 10.0, 0.0], score, budget=0.4)
    1.0
    """
    owner = "worth_coverage_score"
    budget = check_budget(budget, owner)
    rows, caught = _spenders_and_worth(y_true, y_score, worth, sample_weight, owner)
    return caught.fraction_taken(rows.cut(budget_size(budget, rows, "population")))


def worth_per_review_score(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    budget: float,
    worth: Mapping[Any, float] | None = None,
    cost: float = 0.0,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Worth caught per row reviewed, when only the top of a ranking is reviewed.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        What each row is worth, at least 0; with `worth`, labels.

    y_score : array-like of shape (n_samples,)
        Scores, greater for rows to be reviewed earlier. Only their order counts.

    budget : float
        What can be reviewed, as a fraction in (0, 1]: 50 basis points are 0.005.

    worth : mapping of label to float, default=None
        What each label is worth, at least 0. With None, `y_true` holds amounts.

    cost : float, default=0.0
        What reviewing one row costs, at least 0, in the unit of the worth.

    sample_weight : array-like of shape (n_samples,), default=None
        How many rows each row stands for, in the budget and in what is caught.

    Returns
    -------
    score : float
        In the unit of the worth, per row; greater is better. If it is negative, reviewing
        costs more than it brings in.

    Raises
    ------
    ValueError
        As `worth_coverage_score`.

    See Also
    --------
    value_per_review_score : Of two classes, with a ``value`` of each positive.
    worth_coverage_score : The share of all worth that is caught.

    Examples
    --------
    >>> from skbudget.metrics import worth_per_review_score
    >>> level, score = [0, 2, 0, 1, 0], [0.1, 0.8, 0.3, 0.9, 0.2]
    >>> worth = {0: 0, 1: 10, 2: 30}
    >>> worth_per_review_score(level, score, budget=0.4, worth=worth, cost=5.0)
    15.0
    """
    owner = "worth_per_review_score"
    budget = check_budget(budget, owner)
    cost = check_positive(cost, "cost", owner, minimum=0)
    rows, caught = _spenders_and_worth(y_true, y_score, worth, sample_weight, owner)
    cut = rows.cut(budget_size(budget, rows, "population"))
    return math.ldexp(caught.taken(cut) / rows.taken(cut), caught.exponent - rows.exponent) - cost
