"""What an adoption report measures: which model catches which positive, split by split."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.base import clone
from sklearn.utils.parallel import Parallel, delayed

from ..._utils.fit_arguments import fit_argument
from ..._utils.labels import already_told
from ..._utils.positive import favours, is_frozen
from ..._utils.ranges import scaled
from ..._utils.statistics import Estimate
from ..._utils.tables import LabelledRows
from ..._utils.validation import check_response, check_scores
from ...band import Basis, fpr_band
from ...metrics._ranking import budget_size, spenders_and_positives
from ._models import Competitor, Role

__all__ = ["Outcome", "Split", "Task", "budgets_near", "estimate_share", "run"]


# What LightGBM says if it has dropped every column.
_NO_FEATURES = "(train_data->num_features()) > (0)"
# The labels that models are trained on.
CODES = np.array([0, 1])

# Averaging over eight times as many budgets changes a lift by a thousandth.
N_BUDGETS = 33


def budgets_near(budget: float, window: float) -> NDArray[np.float64]:
    """Return the budgets over which lifts are averaged, equally spaced in their logarithm."""
    # A window that would reach above 1 is shortened at both ends alike, so that the budget stays
    # in the middle on a logarithmic scale.
    factor = min(window, 1.0 / budget)
    if factor == 1.0:
        return np.array([budget])
    return np.minimum(np.geomspace(budget / factor, budget * factor, N_BUDGETS), 1.0)


class Split(NamedTuple):
    """Row numbers of one split."""

    train: NDArray[np.intp]
    test: NDArray[np.intp]


@dataclass(frozen=True)
class Task:
    """What the models are compared on: the checked rows and the budget.

    Every row has weight, and the labels are 1 for positives and 0 for negatives. ``classes``
    are the labels that were given, the negative one and the positive one.
    """

    rows: LabelledRows
    budget: float
    basis: Basis
    budgets_near: NDArray[np.float64]
    classes: NDArray[Any]

    @property
    def target(self) -> NDArray[np.int64]:
        """The labels, 0 and 1."""
        return self.rows.labels

    @property
    def worth(self) -> NDArray[np.float64]:
        """What each row counts for if it is a positive that is caught."""
        worth = self.rows.worth
        return np.ones(self.target.size) if worth is None else scaled(worth)[0]


class Outcome(NamedTuple):
    """What a model did on the test rows of one split.

    ``caught`` has one entry in [0, 1] for each positive among them; positives that tie at the
    cut are caught in part. ``caught_near`` is the same, averaged over the budgets near the one
    in question. ``band_share`` and ``gradient_share`` say how contested the top is; the second
    is NaN for a model without probabilities.
    """

    caught: NDArray[np.float64]
    caught_near: NDArray[np.float64]
    band_share: float
    gradient_share: float
    seconds: float


def run(
    task: Task,
    splits: Sequence[Split],
    competitors: Sequence[Competitor],
    *,
    n_jobs: int | None,
    verbose: int,
) -> dict[Role, list[Outcome]]:
    """Train every model on every split, and return what each did, split by split."""
    # Values decide what is measured, not what is trained.
    given = [] if task.rows.weight is None else ["sample_weight"]
    arguments = {
        one.role: {name: fit_argument(one.estimator, one.role, name) for name in given}
        for one in competitors
    }
    plan = [(one, split) for one in competitors for split in splits]
    done = Parallel(n_jobs=n_jobs, verbose=verbose)(
        delayed(_fit_and_test)(task, split, one, arguments[one.role]) for one, split in plan
    )
    outcomes: dict[Role, list[Outcome]] = {one.role: [] for one in competitors}
    for (one, _), outcome in zip(plan, done):
        outcomes[one.role].append(outcome)
    return outcomes


def _fit_and_test(
    task: Task, split: Split, competitor: Competitor, arguments: dict[str, str]
) -> Outcome:
    model = clone(competitor.estimator)
    seen = task.rows.take(split.train)
    start = time.perf_counter()
    try:
        with already_told(CODES):
            seen.fit(model, arguments)
    except Exception as error:
        if _NO_FEATURES not in str(error):
            raise
        raise ValueError(
            f"X of adoption_report has no column that LightGBM, the {competitor.role}, can split "
            "on: every column is constant in the training rows, or nearly so, or there are too "
            "few rows for two leaves. Give a column that varies, or more rows."
        ) from error
    seconds = time.perf_counter() - start
    unseen = task.rows.take(split.test)
    with warnings.catch_warnings():
        # LightGBM 4.6 warns that feature names are missing where there are none.
        warnings.filterwarnings("ignore", message="X does not have valid feature names")
        # A frozen model knows the labels that were given.
        favoured = favours(model, task.classes[1] if is_frozen(model) else 1)
        probability = _probability(model, unseen.features, favoured)
        scores = _scores(model, unseen.features, favoured, probability, competitor.role)
    spenders, positives = spenders_and_positives(
        unseen.labels,
        scores,
        basis=task.basis,
        sample_weight=unseen.weight,
        value=unseen.value,
        pos_label=1,
    )

    def caught_at(budget: float) -> NDArray[np.float64]:
        cut = spenders.cut(budget_size(budget, spenders, task.basis))
        at, above = positives.scores == cut.threshold, positives.scores > cut.threshold
        return np.where(at, cut.share, above).astype(np.float64)

    near = np.mean([caught_at(budget) for budget in task.budgets_near], axis=0)
    contest = _contest(task, unseen, scores, probability)
    return Outcome(caught_at(task.budget), near, *contest, seconds)


def _probability(model: Any, X: Any, favoured: bool) -> NDArray | None:
    if not hasattr(model, "predict_proba"):
        return None
    return np.asarray(model.predict_proba(X), dtype=np.float64)[:, int(favoured)]


def _scores(model: Any, X: Any, favoured: bool, probability: NDArray | None, role: Role) -> NDArray:
    """Return scores that are greater for positives. ``favoured`` says whether the model's are."""
    if probability is None or hasattr(model, "decision_function"):
        scores = check_response(model.decision_function(X), f"decision_function of {role}")
        return scores if favoured else -scores
    return check_scores(probability, f"predict_proba of {role}")


def _contest(
    task: Task, tested: LabelledRows, scores: NDArray, probability: NDArray | None
) -> tuple[float, float]:
    """Return the share of negatives in the top, and of their gradient that is in the band."""
    negative = tested.labels == 0
    band = fpr_band(
        scores,
        negative,
        alpha=0.0,
        beta=task.budget,
        basis=task.basis,
        sample_weight=tested.weight,
    )
    counts = np.ones(scores.size) if tested.weight is None else tested.weight
    share = band.total_weight / counts[scores >= band.t_beta].sum()
    if probability is None:
        return share, math.nan
    # The derivative of cross-entropy with respect to a negative's margin is its probability.
    gradient = np.where(negative, counts * probability, 0.0)
    total = gradient.sum()
    return share, float(gradient[band.members].sum() / total) if total > 0 else math.nan


def estimate_share(
    values: Sequence[NDArray],
    splits: Sequence[Split],
    positive: NDArray[np.bool_],
    worth: NDArray,
    confidence: float,
) -> Estimate:
    r"""Estimate a mean over positives, averaged over splits, with an interval.

    At least two of the positives that are tested must count. A positive that several splits
    test is one observation, so that repeated splits do not make the interval narrower than
    the positives allow.

    Parameters
    ----------
    values : sequence of ndarray
        For each split, one number per positive among its test rows.
    splits : sequence of Split
    positive : ndarray of shape (n_samples,), dtype=bool
    worth : ndarray of shape (n_samples,)
        What each row counts for if it is a positive.
    confidence : float
        Confidence with which each end of the interval holds.

    Returns
    -------
    estimate : Estimate
        ``n`` is the number of positives that were tested.

    Notes
    -----
    The mean of split :math:`s` is :math:`\sum_i a_i d_{is} / A_s`. Each positive moves the
    mean over splits by :math:`u_i = \sum_s a_i (d_{is} - \bar d) / (J A_s)`, and the variance
    is :math:`\frac{m}{m-1} \sum_i u_i^2 + m^{-2}`, with the number :math:`m` of positives
    (Kish's effective number). The last term is Agresti and Min's adjustment: one more positive,
    one half of it on each side. Without it, two models that catch the same few positives would
    be equal for certain.
    """
    # A power of two changes no digit, and keeps squares within what a float holds.
    worth = np.ldexp(worth, -int(np.frexp(worth[positive].max())[1]))
    n_splits = len(splits)
    means, moved = [], np.zeros(worth.size)
    tested = []
    for value, split in zip(values, splits):
        positives = split.test[positive[split.test]]
        tested.append(positives)
        means.append(float(np.average(value, weights=worth[positives])))
    mean = float(np.mean(means))
    for value, positives in zip(values, tested):
        a = worth[positives]
        moved[positives] += a * (value - mean) / (n_splits * a.sum())
    a = worth[np.unique(np.concatenate(tested))]
    effective = float(a.sum() ** 2 / (a @ a))
    # Next to one positive the others may count for nothing. It alone shows no spread.
    factor = effective / (effective - 1.0) if effective > 1.0 else math.inf
    spread = factor * max(float(moved @ moved), np.finfo(float).tiny)
    error = math.sqrt(spread + effective**-2)
    return Estimate(mean, float(norm.ppf(confidence)) * error, a.size)
