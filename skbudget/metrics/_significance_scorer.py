"""The significance of a selection as a scorer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .._utils.validation import check_budget
from ._scorers import _make_ranking_scorer
from ._significance import check_formula, check_rates, significance_score


def make_significance_scorer(
    budget: float = 0.005,
    *,
    eps: float = 0.0,
    kind: str = "simple",
    cross_sections: Sequence[float] | None = None,
    luminosity: float = 1.0,
    value_column: str | int | None = None,
    pos_label: Any = None,
) -> Callable[..., float]:
    """Make a scorer of :func:`significance_score`.

    Parameters
    ----------
    budget : float, default=0.005
        What is selected, from the top, as a fraction in (0, 1] of the expected events.

    eps : float, default=0.0
        Added to the background, at least 0, in events. Without it the score of a selection
        without background is infinite, and a search would choose it.

    kind : {"simple", "asimov"}, default="simple"
        Formula.

    cross_sections : sequence of float, default=None
        The cross section of each process: entry k is that of process k. Metadata routing
        must pass `process` then.

    luminosity : float, default=1.0
        Events per cross section; only with `cross_sections`.

    value_column : str or int, default=None
        Column of `X` that says what each row of the signal is worth, by name (in a data
        frame) or by position. With None, the scorer uses the `value` that metadata routing
        passes, if any.

    pos_label : int, float, bool or str, default=None
        Label of the positive class, one of any two labels. Without it, this is the
        ``pos_label_`` of a classifier of this package, else 1 of {0, 1} and {-1, 1}, and
        True. Of any other two labels it is the rarer one among the rows that are scored, with
        a warning that names it.

    Returns
    -------
    scorer : callable
        Called as ``scorer(estimator, X, y)``; greater is better.

    Raises
    ------
    ValueError
        If a parameter is out of its range. When the scorer is called: if the estimator or
        `y` does not have two classes, or if `pos_label` is neither of them.

    See Also
    --------
    make_coverage_scorer : Scorer of the coverage at one budget; its notes hold here too.

    Examples
    --------
    >>> from skbudget.metrics import make_significance_scorer
    >>> make_significance_scorer(budget=0.01, eps=5.0)
    make_scorer(significance_score, budget=0.01, eps=5.0, kind='simple')

    With the process of each row, which is no column of the table:

    >>> import numpy as np
    >>> import sklearn
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import cross_validate
    >>> from skbudget.datasets import make_two_backgrounds
    >>> X, y, process = make_two_backgrounds(3_000, random_state=0, return_process=True)
    >>> scorer = make_significance_scorer(
    ...     0.05, eps=10.0, cross_sections=[0.1, 1.0, 100.0], luminosity=3000.0
    ... )
    >>> with sklearn.config_context(enable_metadata_routing=True):
    ...     scores = cross_validate(
    ...         LogisticRegression(),
    ...         X,
    ...         y,
    ...         scoring=scorer.set_score_request(process=True),
    ...         params={"process": process},
    ...     )
    >>> scores["test_score"].shape
    (5,)
    """
    owner = "make_significance_scorer"
    budget = check_budget(budget, owner)
    eps, kind = check_formula(eps, kind, owner)
    sections = check_rates(cross_sections, luminosity, owner)
    rates = {} if sections is None else {"cross_sections": sections, "luminosity": luminosity}
    return _make_ranking_scorer(
        significance_score, pos_label, value_column, budget=budget, eps=eps, kind=kind, **rates
    )
