"""Is it worth switching to a band loss? Trains the models on a table, and answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from importlib.util import find_spec
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import RepeatedStratifiedKFold, check_cv
from sklearn.utils import indexable
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.validation import _num_samples

from ..._utils.labels import find_classes
from ..._utils.naming import naming
from ..._utils.positive import asked_positive, code_positive
from ..._utils.seeds import check_random_state
from ..._utils.tables import LabelledRows
from ..._utils.validation import (
    BASES,
    check_budget,
    check_fraction,
    check_jobs,
    check_option,
    check_positive,
    check_weights,
)
from ...band import Basis
from ._forecast import pilot_split, shortened, with_forecast
from ._measure import Split, Task, budgets_near, run
from ._models import Role, find_competitors
from ._result import AdoptionReport
from ._summary import band_negatives, summarise

__all__ = ["adoption_report"]

OWNER = "adoption_report"
_SPLITS = "None, an int, a splitter or an iterable of (train, test)"
N_FOLDS, N_REPEATS = 5, 3
# With this many positives one draw of the folds is as certain as three draws with a third of them.
ENOUGH_FOR_ONE_DRAW = 1_000


def adoption_report(
    X: Any,
    y: ArrayLike,
    *,
    budget: float,
    basis: Basis = "population",
    baseline: Any = None,
    candidate: Any = None,
    hard_negatives: Any = None,
    probe: Any = None,
    min_lift: float = 0.02,
    budget_window: float = 2.0,
    confidence: float = 0.95,
    cv: Any = None,
    quick: bool = False,
    sample_weight: ArrayLike | None = None,
    value: ArrayLike | None = None,
    pos_label: Any = None,
    n_jobs: int | None = None,
    random_state: int | np.random.RandomState | None = None,
    verbose: int = 0,
) -> AdoptionReport:
    r"""Find out whether a band loss is worth switching to, before you change anything.

    The report trains what you have, the simplest remedy, a larger model and the band loss on
    the same splits. It compares what each covers at the budget on rows it has not seen.

    Parameters
    ----------
    X : array-like, sparse matrix or DataFrame of shape (n_samples, n_features)
        Features, in a form that the models accept.

    y : array-like of shape (n_samples,)
        Labels of two classes.

    budget : float
        The fraction that can be reviewed, in (0, 1]: 50 basis points are 0.005.

    basis : {"population", "fpr"}, default="population"
        What the budget is a fraction of: all rows, or the negatives.

    baseline : classifier, default=None
        What you would keep. None takes LightGBM's binary objective with an L2 penalty of 5
        and as many trees as the candidate. Without a penalty it falls apart on rare
        positives, and any lift over it would come from the penalty. If you pass a
        baseline, pass a candidate of the same kind too, or the lift also measures the
        difference between the kinds.

    candidate : classifier, default=None
        What you would switch to. None takes ``PAUCLGBMClassifier(budget=budget)``.

    hard_negatives : classifier, "drop" or None, default=None
        The simplest remedy. None takes the default baseline trained on
        `skbudget.objectives.HardNegativeCrossEntropy`: in each round the negatives at the top
        (four budgets of them) count ten times, as published. "drop" leaves it out.

    probe : classifier, "drop" or None, default=None
        Shows whether coverage can be raised by something other than the loss. None takes
        the default baseline with trees as large as the candidate's. A model that ranks for
        the whole ROC curve will do too. "drop" leaves it out.

    min_lift : float, default=0.02
        Least lift that is worth switching for, as a share of the positives in (0, 1).
        The default is one positive in fifty. With a hundred positives a year, the share
        that one and the same model catches varies from year to year by twice that, so that
        a smaller lift would go unnoticed. Several times the training time, scores on
        another scale and new thresholds would be noticed.

    budget_window : float, default=2.0
        Factor of at least 1. Lifts are averaged over the budgets from
        ``budget / budget_window`` to ``budget * budget_window``, equally spaced on a
        logarithmic scale. 1 takes the budget alone: the lift then depends on the few
        positives next to the cut, and up to twice as many positives are needed to show it.
        See the notes.

    confidence : float, default=0.95
        Confidence with which each end of an interval holds, in (0.5, 1).

    cv : int, splitter or iterable of (train, test), default=None
        Splits. None takes five shuffled, stratified folds, drawn three times if there are
        fewer than 1000 positives. The choice of training rows changes the lift about as much
        as the choice of positives does. Further draws of the folds average it out, and
        multiply the cost. They add no positives, and the intervals allow for that. An int
        is the number of folds of a single draw, in which each row is tested once. For more
        draws pass :class:`sklearn.model_selection.RepeatedStratifiedKFold`.

    quick : bool, default=False
        Forecast the lift and do not measure it. A short baseline and a short candidate are trained
        on 60 % of the rows, which takes less time than one plain fit on all of them, and
        the ``forecast`` of the report says what their lift was worth on other tables. A forecast
        is often wrong: docs/adoption.md says how often. It is for the default models of LightGBM,
        without a ``cv``. The advice is to keep cross-entropy if the forecast is less than
        ``min_lift``, else to measure the lift. With too few negatives or positives it is *not
        enough data*, by the rules 2 and 7 below.

    sample_weight : array-like of shape (n_samples,), default=None
        How many rows each row stands for, in training and in testing. Rows of weight 0
        are left out.

    value : array-like of shape (n_samples,), default=None
        What catching each positive is worth. Coverage and lift are then shares of the value.

    pos_label : int, float, bool or str, default=None
        Label of the positive class. Without it, this is the one that one of the models
        names by a ``pos_label`` of its own; else 1 of {0, 1} and {-1, 1}, and True. Of any
        other two labels it is the rarer one, with a warning. A positive class that is the
        majority is warned about in any case. The models are trained on labels 0 and 1, and a
        ``pos_label`` of theirs is translated.

    n_jobs : int, default=None
        Number of fits at a time, each in its own process. None means one, -1 means one per
        core. The default models use one thread each. A model that you pass keeps its own
        number of threads.

    random_state : int, RandomState instance or None, default=None
        Draws the folds and seeds the default models. Models that you pass keep their seeds.

    verbose : int, default=0
        Amount of progress messages, as in ``joblib.Parallel``.

    Returns
    -------
    report : AdoptionReport

    Raises
    ------
    ValueError
        If a parameter is out of its range, the lengths differ, a class has fewer rows than
        there are folds, a split lacks a class, or a model does not accept weights.
    ImportError
        If a default model is needed and neither LightGBM nor XGBoost is installed. With
        XGBoost alone the default models are XGBoost's.

    See Also
    --------
    skbudget.boosting.PAUCLGBMClassifier : The default candidate.
    skbudget.metrics.coverage_at_budget_score : What is compared.

    Notes
    -----
    **The rule.** The first case that holds decides.

    1. ``basis="population"`` and the positive rate is not below the budget: *keep
       cross-entropy*. Every reviewed row can be a positive, and coverage cannot exceed
       ``budget / pos_rate``. What counts is precision at the very top, and that does not ask
       for negatives at the budget's edge to be pushed down.
    2. The budget holds fewer than 10 negatives of a test split: *not enough data*. Their
       number would vary by more than a third (:math:`1/\sqrt{10}`) from sample to sample.
    3. A cheaper remedy is worthwhile by itself, and the candidate is not far enough ahead of
       it. Worthwhile means a lift of at least ``min_lift`` whose interval has its lower end
       above 0. If the remedy is hard-negative mining, and the candidate is ahead by less than
       half of ``min_lift``: *try hard-negative mining*. Half is enough, because mining brings
       new scores and new thresholds too. If the remedy is the probe, and the candidate is
       ahead by less than ``min_lift``: *keep cross-entropy* with the probe's settings. The
       loss was then not the problem.
    4. The candidate's lift is at least ``min_lift``, and the lower end of its interval is
       above 0: *adopt*. The first condition says that the lift is worth having, the second
       that it is not chance. The lower end need not reach ``min_lift``: at the best guess
       both errors cost the same there.
    5. The upper end of the interval is below ``min_lift``: *keep cross-entropy*.
    6. The lift is at least ``min_lift``, but may be chance: *not enough data*. The report says
       how many positives would show it.
    7. The lift is less than ``min_lift``, but ``min_lift`` is not ruled out. If there are
       enough positives for ``min_lift`` to be at least two of them (100 by default): *keep
       cross-entropy*, as what is in place need not prove itself. With fewer positives:
       *not enough data*.

    A lift near ``min_lift`` is a close call, whatever the rule says, and other folds may lead to
    another answer. ``lift_confidence`` is then near one half, and the report says so.

    Whether the top is contested (`AdoptionReport.contest`) explains a lift but decides nothing.
    A contested top is no reason to switch if nothing can tell its rows apart.

    **Around the budget.** Two models that are trained on the same rows agree on most positives.
    At one budget they differ by the few positives that lie on one side of the cut or the
    other, and much of that is chance. The lift, however, changes slowly with the budget. So the
    rule uses its mean over the budgets of ``budget_window``: for each positive, the share of
    these budgets at which one model catches it and the other does not. On contested tops with
    225 positives the interval becomes narrower by a third, as much as with twice the
    positives; docs/adoption.md has the figures, and says what averaging does to the lift itself.
    Coverage and ``lift_at_budget`` are those at the budget.

    **Intervals.** Coverage is a mean over positives of what was caught, and lift is the mean of
    what was caught minus what the baseline caught of the same positive. Both are averaged over
    splits. Their intervals count each positive as one observation, however many splits test it
    [1]_, with the adjustment of [2]_ for few differences. They hold for models trained on this
    table. ``lift_by_split`` says how the lift varies from split to split, with the correction
    of [3]_ for shared rows. It also allows for other training rows, but it rests on only as
    many numbers as there are splits: if five splits happen to agree, its interval has no
    width. The rule does not use it.

    References
    ----------
    .. [1] P. Bayle, A. Bayle, L. Janson and L. Mackey (2020). Cross-validation Confidence
       Intervals for Test Error. NeurIPS.
    .. [2] A. Agresti and Y. Min (2005). Simple Improved Confidence Intervals for Comparing
       Matched Proportions. Statistics in Medicine 24(5), 729-740.
    .. [3] C. Nadeau and Y. Bengio (2003). Inference for the Generalization Error.
       Machine Learning 52(3), 239-281.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skbudget.model_selection import adoption_report
    >>> X, y = make_classification(20_000, weights=[0.99], flip_y=0.0, random_state=0)
    >>> model = LogisticRegression()
    >>> report = adoption_report(
    ...     X, y, budget=0.02, baseline=model, candidate=LogisticRegression(C=0.5),
    ...     hard_negatives="drop", probe="drop", random_state=0,
    ... )
    >>> report.recommendation == "keep cross-entropy"
    True
    """
    budget = check_budget(budget, OWNER)
    check_option(basis, "basis", BASES, OWNER)
    _check_open(min_lift, "min_lift", 0.0)
    _check_open(confidence, "confidence", 0.5)
    budget_window = check_positive(budget_window, "budget_window", OWNER, minimum=1)
    _check_workers(n_jobs, verbose)
    models: dict[Role, Any] = {
        "baseline": baseline,
        "hard_negatives": hard_negatives,
        "probe": probe,
        "candidate": candidate,
    }
    check_option(quick, "quick", (False, True), OWNER)
    if quick:
        _check_quick(models, cv)
    if pos_label is None:
        pos_label = _asked_label(y, models)
    rows, classes = _check_rows(X, y, sample_weight, value, pos_label)
    task = Task(rows, budget, basis, budgets_near(budget, budget_window), classes)
    seed, fold_seed = _seeds(random_state)
    competitors = [
        replace(one, estimator=code_positive(one.estimator, classes))
        for one in find_competitors(models, budget, seed)
    ]
    if quick:
        competitors, cv = shortened(competitors), pilot_split(task, seed)
    splits = _find_splits(cv, task, fold_seed)
    outcomes = run(task, splits, competitors, n_jobs=n_jobs, verbose=verbose)
    report = summarise(task, splits, competitors, outcomes, float(min_lift), float(confidence))
    if not quick:
        return report
    return with_forecast(report, band_negatives(task, [split.test for split in splits]))


def _check_quick(models: dict[Role, Any], cv: Any) -> None:
    """Refuse what a forecast is not for."""
    given: list[str] = [name for name, model in models.items() if model is not None]
    given += [] if cv is None else ["cv"]
    if given:
        raise ValueError(
            f"quick=True forecasts the lift of {OWNER}'s default models from a split of its own, "
            f"and takes no {given[0]}: leave out {', '.join(given)}, or pass quick=False."
        )
    if find_spec("lightgbm") is None:
        raise ImportError(
            f"quick=True of {OWNER} needs LightGBM, the models that its forecast was fitted to: "
            'pip install "skbudget[lightgbm]"'
        )


def _check_open(number: Any, name: str, least: float) -> None:
    check_fraction(number, name, OWNER)
    if not least < number:
        raise InvalidParameterError(
            f"The {name!r} parameter of {OWNER} must be a float in the range ({least}, 1.0). "
            f"Got {number!r} instead."
        )


def _check_workers(n_jobs: Any, verbose: Any) -> None:
    check_jobs(n_jobs, OWNER)
    if not isinstance(verbose, bool | np.bool_):
        check_positive(verbose, "verbose", OWNER, integer=True, minimum=0)


def _check_rows(
    X: Any,
    y: ArrayLike,
    sample_weight: ArrayLike | None,
    value: ArrayLike | None,
    pos_label: Any,
) -> tuple[LabelledRows, NDArray[Any]]:
    """Return the rows that have weight, checked, and the negative label and the positive one."""
    with naming("y", "labels, one per row"):
        X, y = indexable(X, y)
    weight = check_weights(sample_weight, _num_samples(X))
    classes, positive = find_classes(y, pos_label, owner=OWNER, weight=weight, stacklevel=4)
    target = positive.astype(np.int64)
    rows = LabelledRows(X, target, weight, check_weights(value, target.size, "value"))
    if weight is not None and not weight.all():
        rows = rows.take(np.flatnonzero(weight))
    return rows, classes


def _asked_label(y: ArrayLike, models: dict[Role, Any]) -> Any:
    """Return the label of ``y`` that a model asks for as positive, or None."""
    for model in models.values():
        asked = asked_positive(model)
        if asked is not None and asked in np.asarray(y).tolist():
            return asked
    return None


def _seeds(random_state: Any) -> tuple[int | None, int | None]:
    """Return the seed of the default models and that of the folds."""
    if random_state is None:
        return None, None
    rng = check_random_state(random_state)
    fold_seed = int(rng.randint(2**31 - 1))
    if isinstance(random_state, Integral):
        return int(random_state), fold_seed
    # A generator would give every fit a different seed.
    return int(rng.randint(2**31 - 1)), fold_seed


def fold_repeats(n_positives: int) -> int:
    """Return how often folds are drawn by default."""
    return N_REPEATS if n_positives < ENOUGH_FOR_ONE_DRAW else 1


def _find_splits(cv: Any, task: Task, seed: int | None) -> list[Split]:
    """Return the splits, each with both classes in both parts."""
    target, value = task.target, task.rows.value
    counts = np.bincount(target, minlength=2)
    if cv is None or isinstance(cv, Integral):
        n_folds, n_repeats = N_FOLDS, fold_repeats(int(counts[1]))
        if cv is not None:
            n_folds = check_positive(cv, "cv", OWNER, integer=True, minimum=2)
            n_repeats = 1
        if counts.min() < n_folds:
            rarer = "positive" if counts.argmin() else "negative"
            raise ValueError(
                f"The least populated class in y, the {rarer} one, has {counts.min()} rows with "
                f"weight, fewer than the {n_folds} folds of cv. Each fold must test at least one."
            )
        folds: Any = RepeatedStratifiedKFold(
            n_splits=n_folds, n_repeats=n_repeats, random_state=seed
        )
    elif hasattr(cv, "split") or isinstance(cv, Iterable):
        with naming("cv", _SPLITS):
            folds = check_cv(cv, target, classifier=True)
    else:
        raise InvalidParameterError(
            f"The 'cv' parameter of {OWNER} must be {_SPLITS}. Got {cv!r} instead."
        )
    with naming("cv", _SPLITS):
        splits = [
            Split(_as_rows(train, target.size), _as_rows(test, target.size))
            for train, test in folds.split(task.rows.features, target)
        ]
    for number, split in enumerate(splits, start=1):
        for part, found in zip(("training", "test"), split):
            if np.unique(target[found]).size < 2:
                raise ValueError(f"The {part} rows of split {number} of cv lack a class.")
        if value is not None and not value[split.test][target[split.test] == 1].any():
            raise ValueError(f"The positives that split {number} of cv tests have no value.")
    if not splits:
        raise ValueError(f"cv has no splits: at least one is needed. Got cv={cv!r}.")
    tested = np.unique(np.concatenate([split.test for split in splits]))
    n_tested = np.count_nonzero(task.worth[tested[target[tested] == 1]])
    if n_tested < 2:
        raise ValueError(
            f"cv tests {n_tested} positive{'' if n_tested == 1 else 's'} with weight and value: "
            "an interval needs at least 2."
        )
    return splits


def _as_rows(found: ArrayLike, n_samples: int) -> NDArray[np.intp]:
    """Return the numbers of rows that are given by their numbers or by a mask."""
    return np.arange(n_samples)[np.asarray(found)]
