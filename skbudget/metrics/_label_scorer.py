"""Scorer of the coverage of several labels per row."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import make_scorer

from .._utils.validation import _as_array, _invalid, _is_whole, check_budget, check_option
from ..band import BASES
from ._coverage import coverage_at_budget_score

__all__ = ["make_label_coverage_scorer"]


def make_label_coverage_scorer(
    budget: float = 0.005, *, label: int | None = None, basis: str = "population"
) -> Callable[..., float]:
    """Make a scorer of the coverage at a budget where rows have several labels.

    Each label has its own ranking and its own budget.

    Parameters
    ----------
    budget : float, default=0.005
        What can be reviewed for a label, as a fraction in (0, 1].
    label : int, default=None
        Column of the label that is scored; None for the mean over all of them.
    basis : {"population", "fpr"}, default="population"
        What the budget is a fraction of: all rows, or the negatives.

    Returns
    -------
    scorer : callable
        Called as ``scorer(estimator, X, y)``; greater is better.

    Raises
    ------
    ValueError
        If a parameter is out of its range. When the scorer is called: if ``y`` is no table of
        0 and 1, lacks the label, or a label is the same in all rows.

    See Also
    --------
    make_coverage_scorer : The same for one label per row.
    skbudget.neural.MultilabelCrossEntropyLoss : A loss of several labels.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_multilabel_classification
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import cross_val_score
    >>> from sklearn.multioutput import MultiOutputClassifier
    >>> from skbudget.metrics import make_label_coverage_scorer
    >>> X, Y = make_multilabel_classification(n_labels=1, n_classes=3, random_state=0)
    >>> model = MultiOutputClassifier(LogisticRegression())
    >>> cross_val_score(model, X, Y, scoring=make_label_coverage_scorer(0.2)).shape
    (5,)
    """
    owner = "make_label_coverage_scorer"
    budget = check_budget(budget, owner)
    check_option(basis, "basis", BASES, owner)
    if label is not None and (not _is_whole(label) or label < 0):
        raise _invalid("label", label, owner, "the number of a column, from 0, or None")
    return make_scorer(
        partial(_coverage_of_labels, budget=budget, label=label, basis=basis),
        response_method=("decision_function", "predict_proba"),
    )


def _coverage_of_labels(
    y_true: ArrayLike,
    y_score: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    budget: float,
    label: int | None,
    basis: str,
) -> float:
    """Return the coverage of a label, or the mean over all of them."""
    y: Any = y_true
    y = _as_array(y.toarray() if hasattr(y, "toarray") else y, "y")
    scores = np.asarray(y_score)
    if y.ndim != 2 or y.shape != scores.shape:
        raise ValueError(
            "A scorer of several labels needs y and scores of shape (n_samples, n_labels): got "
            f"{y.shape} and {scores.shape}. For one label per row take make_coverage_scorer."
        )
    if label is not None and label >= y.shape[1]:
        raise ValueError(f"y has {y.shape[1]} labels, and label={label} is none of them.")
    columns = range(y.shape[1]) if label is None else [label]
    return float(
        np.mean(
            [
                coverage_at_budget_score(
                    y[:, column],
                    scores[:, column],
                    budget=budget,
                    basis=basis,
                    sample_weight=sample_weight,
                )
                for column in columns
            ]
        )
    )
