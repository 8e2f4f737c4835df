"""Is it worth switching to a band loss? Trains what there is, and answers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import RepeatedStratifiedKFold, check_cv
from sklearn.utils import _safe_indexing, check_random_state, indexable
from sklearn.utils._param_validation import InvalidParameterError

from ..._utils.statistics import Estimate, t_interval
from ..._utils.validation import (
    BASES,
    check_binary_labels,
    check_budget,
    check_option,
    check_positive,
    check_weights,
)
from ...band import Basis
from ...metrics import coverage_at_budget_score
from ._measure import Outcome, Rows, Split, budgets_near, estimate_share, run
from ._models import Competitor, Role, find_competitors
from ._render import render_html, render_text
from ._rule import (
    Evidence,
    Recommendation,
    confidence_of_reaching,
    recommend,
    standard_error,
)

__all__ = [
    "AdoptionReport",
    "Contest",
    "ModelSummary",
    "Recommendation",
    "Resolution",
    "adoption_report",
]

OWNER = "adoption_report"
N_FOLDS, N_REPEATS = 5, 3
# With so many positives one draw of the folds is as sure as three are with a third of them.
ENOUGH_FOR_ONE_DRAW = 1_000


@dataclass(frozen=True)
class ModelSummary:
    """One model of the comparison.

    Attributes
    ----------
    role : {"baseline", "hard_negatives", "probe", "candidate"}
        What it is in the comparison.
    label : str
        Name in tables.
    coverage : Estimate
        Coverage at the budget on held-out rows, with an interval over positives.
    lift : Estimate or None
        Coverage less the baseline's, paired positive by positive and averaged over the
        budgets of ``budget_window``, which decides; None for the baseline.
    lift_at_budget : Estimate or None
        The same at the budget alone.
    split_coverage : tuple of float
        Coverage at the budget, of each split.
    lift_by_split : Estimate or None
        ``lift`` paired split by split, with a Student's t interval corrected for the rows that
        splits share (Nadeau and Bengio).
    fit_seconds : float
        Median time of a fit, on one thread for the default models.
    """

    role: Role
    label: str
    coverage: Estimate
    lift: Estimate | None
    lift_at_budget: Estimate | None
    split_coverage: tuple[float, ...]
    lift_by_split: Estimate | None
    fit_seconds: float

    @property
    def estimates(self) -> dict[str, Estimate | None]:
        """What has an interval, by name."""
        return {
            "coverage": self.coverage,
            "lift": self.lift,
            "lift_at_budget": self.lift_at_budget,
            "lift_by_split": self.lift_by_split,
        }


@dataclass(frozen=True)
class Contest:
    """Whether negatives contest the top of the baseline's held-out ranking.

    Attributes
    ----------
    negatives_in_top : float
        Share of negatives among the rows that the budget holds.
    least_negatives_in_top : float
        The same for a perfect ranking: what the budget holds beyond the positives.
    gradient_in_band : float or None
        Share of the negatives' cross-entropy gradient that band negatives have: how much
        of its effort the baseline spends where the budget is decided. None if the
        baseline has no `predict_proba`.
    """

    negatives_in_top: float
    least_negatives_in_top: float
    gradient_in_band: float | None


@dataclass(frozen=True)
class Resolution:
    """Whether the rows are enough to see the budget.

    Attributes
    ----------
    n_samples, n_positives : int
        Rows with weight, and the positives among them.
    pos_rate : float
        Share of the positives, by weight.
    cap : float
        Coverage of a perfect ranking: 1 unless the budget holds fewer rows than there are
        positives.
    positives_per_split : float
        Positives in a test split, on average.
    budget_rows_per_split : float
        Rows (``basis="fpr"``: negatives) of a test split that the budget pays for.
    band_negatives_per_training : float
        Negatives of a training split in a band as wide as the budget: how many times
        ``1 / budget`` there are.
    coverage_error : float
        Standard error of the baseline's coverage.
    """

    n_samples: int
    n_positives: int
    pos_rate: float
    cap: float
    positives_per_split: float
    budget_rows_per_split: float
    band_negatives_per_training: float
    coverage_error: float


@dataclass(frozen=True)
class AdoptionReport:
    """What `adoption_report` found. Shows itself as a table in notebooks and as text.

    Attributes
    ----------
    recommendation : Recommendation
        The advice; equal to one of ``"adopt"``, ``"try hard-negative mining"``,
        ``"keep cross-entropy"`` and ``"not enough data"``.
    reason : str
        The figures that made it, in words.
    lift_confidence : float
        Confidence with which the candidate's lift is ``min_lift`` or more: the level at which the
        lower end of its interval would be there. Near one half the answer is a close one.
    models : tuple of ModelSummary
        The models compared, the baseline first and the candidate last.
    contest : Contest
        Whether the top is contested.
    resolution : Resolution
        Whether there are rows enough.
    budget, min_lift, confidence : float
        As they were passed.
    budget_range : tuple of float
        Least and greatest of the budgets over which lifts are averaged.
    basis : {"population", "fpr"}
        As it was passed.
    n_splits : int
        Number of splits.

    See Also
    --------
    adoption_report : The function that returns it.
    """

    recommendation: Recommendation
    reason: str
    lift_confidence: float
    models: tuple[ModelSummary, ...]
    contest: Contest
    resolution: Resolution
    budget: float
    budget_range: tuple[float, float]
    basis: Basis
    min_lift: float
    confidence: float
    n_splits: int

    def __getitem__(self, role: str) -> ModelSummary:
        """Return the model of a role."""
        for model in self.models:
            if model.role == role:
                return model
        raise KeyError(role)

    def __str__(self) -> str:
        return render_text(self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return render_html(self)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as dicts, lists, numbers, strings and None, fit for JSON."""
        found = asdict(self)
        found["recommendation"] = str(self.recommendation)
        found["budget_range"] = list(self.budget_range)
        found["models"] = [
            {
                **asdict(model),
                "split_coverage": list(model.split_coverage),
                **{
                    name: None if estimate is None else estimate.to_dict()
                    for name, estimate in model.estimates.items()
                },
            }
            for model in self.models
        ]
        return found

    def to_frame(self) -> Any:
        """Return the models as a `pandas.DataFrame`, one row each, indexed by role.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        try:
            import pandas as pd
        except ModuleNotFoundError as error:
            raise ImportError("AdoptionReport.to_frame needs pandas: pip install pandas") from error
        records = []
        for model in self.models:
            record: dict[str, Any] = {"role": model.role, "model": model.label}
            for name, estimate in model.estimates.items():
                if estimate is None:
                    estimate = Estimate(math.nan, math.nan, 0)
                record[name] = estimate.mean
                record[f"{name}_low"] = estimate.low
                record[f"{name}_high"] = estimate.high
            record["fit_seconds"] = model.fit_seconds
            records.append(record)
        return pd.DataFrame.from_records(records, index="role")


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
    sample_weight: ArrayLike | None = None,
    value: ArrayLike | None = None,
    pos_label: Any = None,
    n_jobs: int | None = None,
    random_state: int | np.random.RandomState | None = None,
    verbose: int = 0,
) -> AdoptionReport:
    r"""Find out whether a band loss is worth switching to, before anything is switched.

    Trains what you have, the simplest remedy, a larger model and the band loss on the
    same splits, and compares what each covers at the budget on rows it has not seen.

    Parameters
    ----------
    X : array-like, sparse matrix or DataFrame of shape (n_samples, n_features)
        Features, as the models take them.

    y : array-like of shape (n_samples,)
        Labels of two classes.

    budget : float
        What can be reviewed, as a fraction in (0, 1]: 50 basis points are 0.005.

    basis : {"population", "fpr"}, default="population"
        What the budget is a fraction of: all rows, or the negatives.

    baseline : classifier, default=None
        What you would keep. None for LightGBM's binary objective with an L2 penalty of 5 and
        as many trees as the candidate: without a penalty it falls apart on rare positives,
        and any lift over it would be the penalty's. If you pass one, pass a candidate
        of the same kind too, or the lift is also that of the kind.

    candidate : classifier, default=None
        What you would switch to. None for ``PAUCLGBMClassifier(budget=budget)``.

    hard_negatives : classifier, "drop" or None, default=None
        The simplest remedy. None for the baseline's default trained on
        `skbudget.objectives.HardNegativeCrossEntropy`: in each round the negatives at the top
        (four budgets of them) count ten times, as published. "drop" leaves it out.

    probe : classifier, "drop" or None, default=None
        Whether there is headroom for another reason than the loss. None for the
        baseline's default with trees as large as the candidate's; a ranker of the whole
        curve will do too. "drop" leaves it out.

    min_lift : float, default=0.02
        Least lift that is worth switching for, as a share of the positives in (0, 1).
        One positive in fifty: with a hundred positives a year, the share of them that
        one and the same model catches varies from year to year by twice that, so
        that a smaller lift would go unnoticed, while several times the training time,
        scores on another scale and thresholds to be set anew would not.

    budget_window : float, default=2.0
        Factor, at least 1: lifts are averaged over the budgets from ``budget / budget_window`` to
        ``budget * budget_window``, equally on a logarithmic scale. 1 for the budget alone,
        where a lift hangs on the few positives next to the cut, and takes up to twice the
        positives to show itself. See the notes.

    confidence : float, default=0.95
        What each end of an interval holds with, in (0.5, 1).

    cv : int, splitter or iterable of (train, test), default=None
        Splits. None for five shuffled, stratified folds, drawn three times if there are fewer
        than 1000 positives. Which rows a model was trained on moves the lift about as
        much as which positives there happen to be, and drawing folds again averages that out,
        for that many times the cost; positives do not get more by it, and the intervals know
        that. An int is the number of folds of one draw, in which each row is tested once. For
        more draws pass :class:`sklearn.model_selection.RepeatedStratifiedKFold`.

    sample_weight : array-like of shape (n_samples,), default=None
        How many rows each row stands for, in training and in testing. Rows of weight 0
        are left out.

    value : array-like of shape (n_samples,), default=None
        What catching each positive is worth; coverage and lift are then shares of it.

    pos_label : int, float, bool or str, default=None
        Label of the positive class. Without it the labels must be {0, 1} or {-1, 1}.
        The models are trained on labels 0 and 1.

    n_jobs : int, default=None
        Fits at a time, in processes of their own; None is one, -1 one per core. The default
        models take one thread each. A model you pass keeps its own number of threads.

    random_state : int, RandomState instance or None, default=None
        Draws the folds and seeds the default models; models you pass keep their seeds.

    verbose : int, default=0
        Progress, as in ``joblib.Parallel``.

    Returns
    -------
    report : AdoptionReport

    Raises
    ------
    ValueError
        If a parameter is out of its range, the lengths differ, a class has fewer rows than
        there are folds, a split lacks a class, or a model cannot be given weights.
    ImportError
        If a default model is asked for and neither LightGBM nor XGBoost is installed. With
        XGBoost alone the default models are its own.

    See Also
    --------
    skbudget.boosting.PAUCLGBMClassifier : The default candidate.
    skbudget.metrics.coverage_at_budget_score : What is compared.

    Notes
    -----
    **The rule.** The first that holds decides.

    1. ``basis="population"`` and the positive rate is not below the budget: *keep
       cross-entropy*. Every reviewed row can be a positive, coverage ends at
       ``budget / pos_rate``, and what counts is precision at the very top, for which no
       negatives at the budget's edge need to be pushed down.
    2. The budget holds fewer than 10 negatives of a test split: *not enough data*. The number of
       those would vary by more than a third (:math:`1/\sqrt{10}`) from sample to sample.
    3. A cheaper remedy is worth it by itself, its lift at least ``min_lift`` and the
       interval's lower end above 0, and the candidate is not worth it beside it. If it is
       hard-negative mining, and the candidate less than half of ``min_lift`` ahead: *try
       hard-negative mining*. Half, for new scores and new thresholds come with mining too. If
       it is the probe, and the candidate less than ``min_lift`` ahead: *keep cross-entropy*
       with the probe's settings. The loss is then not what was lacking.
    4. The candidate's lift is at least ``min_lift`` and the interval's lower end
       above 0: *adopt*. The first is what it must be worth; the second that it is no chance.
       The lower end need not reach ``min_lift``: at the best guess either error costs the
       same there.
    5. The interval's upper end is below ``min_lift``: *keep cross-entropy*.
    6. The lift is at least ``min_lift``, but may be chance: *not enough data*, and how many
       positives would show it.
    7. The lift is less than ``min_lift``, which is not ruled out either. With positives enough
       that ``min_lift`` is two of them (100 by default) *keep cross-entropy*: what
       is in place need not prove itself. With fewer *not enough data*.

    A lift near ``min_lift`` is a close call, whatever the rule makes of it, and other folds may say
    otherwise: ``lift_confidence`` is then near one half, and the report says so.

    Whether the top is contested (`AdoptionReport.contest`) explains a lift and decides nothing:
    a contested top whose rows cannot be told apart by anything is no reason to switch.

    **Around the budget.** Two models that are trained on the same rows agree on most positives.
    What they differ by at one budget are the few that have come to lie on this side of the cut
    or that, much of which is chance. A lift, though, changes slowly with the budget. So what
    decides is its mean over the budgets of ``budget_window``: for each positive, the share of
    them at which one model catches it and the other does not. On contested tops with 225
    positives that takes a third off the width of the interval, as much as twice the positives
    would; docs/adoption.md has the figures, and what it does to the lift itself. Coverage,
    and ``lift_at_budget`` beside it, are those at the budget.

    **Intervals.** Coverage and lift are means over positives of what was caught (lift: less
    what the baseline caught of the same positive), averaged over splits. Their intervals take
    each positive as one observation, however many splits test it [1]_, with the
    adjustment of [2]_ for few differences. They hold for models trained on this table. How the
    lift varies from split to split is in ``lift_by_split``, with the correction of [3]_ for
    shared rows; it allows for other training rows too, but rests on no more numbers than
    there are splits: five that happen to agree leave it no width. The rule does not use it.

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
    rows = _check_rows(X, y, budget, basis, budget_window, sample_weight, value, pos_label)
    seed, fold_seed = _seeds(random_state)
    models: dict[Role, Any] = {
        "baseline": baseline,
        "hard_negatives": hard_negatives,
        "probe": probe,
        "candidate": candidate,
    }
    competitors = find_competitors(models, budget, seed)
    splits = _find_splits(cv, rows, fold_seed)
    outcomes = run(rows, splits, competitors, n_jobs=n_jobs, verbose=verbose)
    return _summarise(rows, splits, competitors, outcomes, float(min_lift), float(confidence))


def _check_open(number: Any, name: str, least: float) -> None:
    check_positive(number, name, OWNER)
    if not least < number < 1.0:
        raise InvalidParameterError(
            f"The {name!r} parameter of {OWNER} must be a float in the range ({least}, 1.0). "
            f"Got {number!r} instead."
        )


def _check_rows(
    X: Any,
    y: ArrayLike,
    budget: float,
    basis: Basis,
    budget_window: float,
    sample_weight: ArrayLike | None,
    value: ArrayLike | None,
    pos_label: Any,
) -> Rows:
    X, _ = indexable(X, y)
    target = check_binary_labels(y, pos_label=pos_label, name="y").astype(np.int64)
    weight = check_weights(sample_weight, target.size)
    worth = check_weights(value, target.size, "value")
    if weight is not None and not weight.all():
        kept = np.flatnonzero(weight)
        X, target, weight = _safe_indexing(X, kept), target[kept], weight[kept]
        worth = None if worth is None else worth[kept]
    near = budgets_near(budget, budget_window)
    return Rows(X, target, weight, worth, budget, basis, near)


def _seeds(random_state: Any) -> tuple[int | None, int | None]:
    """Return the seed of the default models and that of the folds."""
    if random_state is None:
        return None, None
    rng = check_random_state(random_state)
    fold_seed = int(rng.randint(2**31 - 1))
    if isinstance(random_state, Integral):
        return int(random_state), fold_seed
    # A generator would give every fit another seed.
    return int(rng.randint(2**31 - 1)), fold_seed


def fold_repeats(n_positives: int) -> int:
    """Return how often folds are drawn where nobody says it."""
    return N_REPEATS if n_positives < ENOUGH_FOR_ONE_DRAW else 1


def _find_splits(cv: Any, rows: Rows, seed: int | None) -> list[Split]:
    target = rows.target
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
                f"weight, fewer than the {n_folds} folds of cv: each fold has to test one of them."
            )
        folds: Any = RepeatedStratifiedKFold(
            n_splits=n_folds, n_repeats=n_repeats, random_state=seed
        )
    elif hasattr(cv, "split") or isinstance(cv, Iterable):
        folds = check_cv(cv, target, classifier=True)
    else:
        raise InvalidParameterError(
            f"The 'cv' parameter of {OWNER} must be None, an int, a splitter or an iterable of "
            f"(train, test). Got {cv!r} instead."
        )
    splits = [Split(*map(_as_rows, split)) for split in folds.split(rows.X, target)]
    for number, split in enumerate(splits, start=1):
        for part, found in zip(("training", "test"), split):
            if np.unique(target[found]).size < 2:
                raise ValueError(f"The {part} rows of split {number} of cv lack a class.")
        if rows.value is not None and not rows.value[split.test][target[split.test] == 1].any():
            raise ValueError(f"The positives that split {number} of cv tests have no value.")
    if not splits:
        raise ValueError("cv has no splits: at least one is needed.")
    tested = np.unique(np.concatenate([split.test for split in splits]))
    n_tested = np.count_nonzero(rows.worth[tested[target[tested] == 1]])
    if n_tested < 2:
        raise ValueError(
            f"cv tests {n_tested} positive that counts for anything: there is no interval without "
            "at least 2."
        )
    return splits


def _as_rows(found: ArrayLike) -> NDArray[np.intp]:
    found = np.asarray(found)
    return np.flatnonzero(found) if found.dtype == bool else found.astype(np.intp)


def _summarise(
    rows: Rows,
    splits: list[Split],
    competitors: list[Competitor],
    outcomes: dict[Role, list[Outcome]],
    min_lift: float,
    confidence: float,
) -> AdoptionReport:
    positive = rows.target == 1
    ratio = float(np.mean([s.test.size for s in splits]) / np.mean([s.train.size for s in splits]))
    caught = {role: [one.caught for one in of_role] for role, of_role in outcomes.items()}
    near = {role: [one.caught_near for one in of_role] for role, of_role in outcomes.items()}

    def by_split(values: list[NDArray]) -> list[float]:
        return [
            float(np.average(of_split, weights=rows.worth[split.test][positive[split.test]]))
            for of_split, split in zip(values, splits)
        ]

    def over_positives(values: list[NDArray]) -> Estimate:
        return estimate_share(values, splits, positive, rows.worth, confidence)

    def gains(role: Role, of: dict[Role, list[NDArray]]) -> list[NDArray]:
        return [mine - theirs for mine, theirs in zip(of[role], of["baseline"])]

    models = []
    for one in competitors:
        lift = at_budget = split_lift = None
        if one.role != "baseline":
            gains_near = gains(one.role, near)
            lift = over_positives(gains_near)
            at_budget = over_positives(gains(one.role, caught))
            split_lift = t_interval(
                by_split(gains_near),
                test_train_ratio=ratio,
                level=2.0 * confidence - 1.0,
            )
        summary = ModelSummary(
            role=one.role,
            label=one.label,
            coverage=over_positives(caught[one.role]),
            lift=lift,
            lift_at_budget=at_budget,
            split_coverage=tuple(by_split(caught[one.role])),
            lift_by_split=split_lift,
            fit_seconds=float(np.median([outcome.seconds for outcome in outcomes[one.role]])),
        )
        models.append(summary)
    found = {model.role: model for model in models}
    resolution = _resolution(rows, splits, found["baseline"].coverage, confidence)
    lift = found["candidate"].lift
    assert lift is not None
    evidence = Evidence(
        lift=lift,
        hard_negatives=found["hard_negatives"].lift if "hard_negatives" in found else None,
        probe=found["probe"].lift if "probe" in found else None,
        pos_rate=resolution.pos_rate,
        capped=rows.basis == "population" and resolution.pos_rate >= rows.budget,
        cap=resolution.cap,
        budget=rows.budget,
        n_positives=resolution.n_positives,
        band_negatives_per_split=_band_negatives(rows, [split.test for split in splits]),
        min_lift=min_lift,
        confidence=confidence,
    )
    recommendation, reason = recommend(evidence)
    return AdoptionReport(
        recommendation=recommendation,
        reason=reason,
        lift_confidence=confidence_of_reaching(lift, min_lift, confidence),
        models=tuple(models),
        contest=_contest(rows, resolution.pos_rate, outcomes["baseline"]),
        resolution=resolution,
        budget=rows.budget,
        budget_range=(float(rows.budgets_near[0]), float(rows.budgets_near[-1])),
        basis=rows.basis,
        min_lift=min_lift,
        confidence=confidence,
        n_splits=len(splits),
    )


def _band_negatives(rows: Rows, parts: list[NDArray[np.intp]]) -> float:
    """Return the negatives that a band as wide as the budget holds, on average over parts."""
    return float(
        np.mean([rows.budget * np.count_nonzero(rows.target[part] == 0) for part in parts])
    )


def _resolution(
    rows: Rows, splits: list[Split], of_baseline: Estimate, confidence: float
) -> Resolution:
    positive = rows.target == 1
    tests = [split.test for split in splits]
    spenders = [part[~positive[part]] if rows.basis == "fpr" else part for part in tests]
    # Nothing ranks better than what is worth most.
    perfect = rows.target if rows.value is None else positive * (1.0 + rows.value)
    return Resolution(
        n_samples=rows.target.size,
        n_positives=int(np.count_nonzero(positive)),
        pos_rate=float(np.average(positive, weights=rows.weight)),
        cap=coverage_at_budget_score(
            rows.target,
            perfect,
            budget=rows.budget,
            basis=rows.basis,
            sample_weight=rows.weight,
            value=rows.value,
        ),
        positives_per_split=float(np.mean([positive[part].sum() for part in tests])),
        budget_rows_per_split=float(np.mean([rows.budget * part.size for part in spenders])),
        band_negatives_per_training=_band_negatives(rows, [split.train for split in splits]),
        coverage_error=standard_error(of_baseline, confidence),
    )


def _contest(rows: Rows, pos_rate: float, of_baseline: list[Outcome]) -> Contest:
    if rows.basis == "fpr":
        negatives = rows.budget * (1.0 - pos_rate)
        least = negatives / (negatives + pos_rate)
    else:
        least = max(0.0, 1.0 - pos_rate / rows.budget)
    gradient = float(np.mean([outcome.gradient_share for outcome in of_baseline]))
    return Contest(
        negatives_in_top=float(np.mean([outcome.band_share for outcome in of_baseline])),
        least_negatives_in_top=least,
        gradient_in_band=None if math.isnan(gradient) else gradient,
    )
