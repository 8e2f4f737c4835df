"""What an adoption report measures: who catches which positive, split by split."""

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
from sklearn import config_context
from sklearn.base import clone
from sklearn.utils import _safe_indexing
from sklearn.utils.parallel import Parallel, delayed

from ..._utils.fit_arguments import fit_argument
from ..._utils.statistics import Estimate
from ..._utils.validation import check_scores
from ...band import Basis, fpr_band
from ...metrics._ranking import budget_size, check_groups
from ._models import Competitor, Role

__all__ = ["Outcome", "Rows", "Split", "budgets_near", "estimate_share", "run"]


# Enough that eight times as many move a lift by a thousandth.
N_BUDGETS = 33


def budgets_near(budget: float, window: float) -> NDArray[np.float64]:
    """Return the budgets over which lifts are averaged, equally spaced in their logarithm."""
    # On a logarithmic scale the budget stays in the middle of those that there are.
    factor = min(window, 1.0 / budget)
    if factor == 1.0:
        return np.array([budget])
    return np.minimum(np.geomspace(budget / factor, budget * factor, N_BUDGETS), 1.0)


class Split(NamedTuple):
    """Row numbers of one split."""

    train: NDArray[np.intp]
    test: NDArray[np.intp]


@dataclass(frozen=True)
class Rows:
    """The table, checked: every row has weight, positives are 1."""

    X: Any
    target: NDArray[np.int64]
    weight: NDArray | None
    value: NDArray | None
    budget: float
    basis: Basis
    budgets_near: NDArray[np.float64]

    def take(self, values: NDArray | None, rows: NDArray[np.intp]) -> NDArray | None:
        """Return some rows of what may be None."""
        return None if values is None else values[rows]

    @property
    def worth(self) -> NDArray[np.float64]:
        """What each row counts for if it is a positive that is caught."""
        worth = np.ones(self.target.size)
        for factor in (self.weight, self.value):
            if factor is not None:
                worth = worth * factor
        return worth


class Outcome(NamedTuple):
    """What a model did on the test rows of one split.

    ``caught`` has one entry per positive among them, in [0, 1] (ties are shared); so has
    ``caught_near``, the mean over the budgets near the one in question. ``band_share`` and
    ``gradient_share`` say how contested its top is; the second is NaN without probabilities.
    """

    caught: NDArray[np.float64]
    caught_near: NDArray[np.float64]
    band_share: float
    gradient_share: float
    seconds: float


def run(
    rows: Rows,
    splits: Sequence[Split],
    competitors: Sequence[Competitor],
    *,
    n_jobs: int | None,
    verbose: int,
) -> dict[Role, list[Outcome]]:
    """Train every model on every split, and return what each did, split by split."""
    names = {
        one.role: "" if rows.weight is None else fit_argument(one.estimator, one.role)
        for one in competitors
    }
    plan = [(one, split) for one in competitors for split in splits]
    done = Parallel(n_jobs=n_jobs, verbose=verbose)(
        delayed(_fit_and_test)(rows, split, one, names[one.role]) for one, split in plan
    )
    outcomes: dict[Role, list[Outcome]] = {one.role: [] for one in competitors}
    for (one, _), outcome in zip(plan, done):
        outcomes[one.role].append(outcome)
    return outcomes


def _fit_and_test(rows: Rows, split: Split, competitor: Competitor, weight_name: str) -> Outcome:
    model = clone(competitor.estimator)
    train, test = split
    weights = {} if rows.weight is None else {weight_name: rows.weight[train]}
    start = time.perf_counter()
    # Weights are handed over by name, whatever an application has set up for routing.
    with config_context(enable_metadata_routing=False):
        model.fit(_safe_indexing(rows.X, train), rows.target[train], **weights)
    seconds = time.perf_counter() - start
    X_test = _safe_indexing(rows.X, test)
    with warnings.catch_warnings():
        # LightGBM 4.6 misses the names of features that there are none of.
        warnings.filterwarnings("ignore", message="X does not have valid feature names")
        probability = _probability(model, X_test)
        scores = _scores(model, X_test, probability, competitor.role)
    target, weight = rows.target[test], rows.take(rows.weight, test)
    spenders, positives = check_groups(
        target,
        scores,
        basis=rows.basis,
        sample_weight=weight,
        value=rows.take(rows.value, test),
        pos_label=1,
    )

    def caught_at(budget: float) -> NDArray[np.float64]:
        cut = spenders.cut(budget_size(budget, spenders, rows.basis))
        at, above = positives.scores == cut.threshold, positives.scores > cut.threshold
        return np.where(at, cut.share, above).astype(np.float64)

    near = np.mean([caught_at(budget) for budget in rows.budgets_near], axis=0)
    contest = _contest(rows, target, scores, probability, weight)
    return Outcome(caught_at(rows.budget), near, *contest, seconds)


def _probability(model: Any, X: Any) -> NDArray | None:
    if not hasattr(model, "predict_proba"):
        return None
    return np.asarray(model.predict_proba(X), dtype=np.float64)[:, 1]


def _scores(model: Any, X: Any, probability: NDArray | None, role: Role) -> NDArray:
    if probability is None or hasattr(model, "decision_function"):
        return check_scores(model.decision_function(X), f"decision_function of {role}")
    return check_scores(probability, f"predict_proba of {role}")


def _contest(
    rows: Rows,
    target: NDArray,
    scores: NDArray,
    probability: NDArray | None,
    weight: NDArray | None,
) -> tuple[float, float]:
    """Return the share of negatives in the top, and of their gradient that is in the band."""
    band = fpr_band(
        scores,
        target == 0,
        alpha=0.0,
        beta=rows.budget,
        basis=rows.basis,
        sample_weight=weight,
    )
    counts = np.ones(scores.size) if weight is None else weight
    share = band.total_weight / counts[scores >= band.t_beta].sum()
    if probability is None:
        return share, math.nan
    # The derivative of cross-entropy by a negative's margin is its probability.
    gradient = np.where(target == 0, counts * probability, 0.0)
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

    At least two positives are tested and count. Those that several splits test are one
    observation, so that repeated splits do not make the interval narrower than the
    positives allow.

    Parameters
    ----------
    values : sequence of ndarray
        For each split one number per positive among its test rows.
    splits : sequence of Split
    positive : ndarray of shape (n_samples,), dtype=bool
    worth : ndarray of shape (n_samples,)
        What each row counts for if it is a positive.
    confidence : float
        What each end of the interval holds with.

    Returns
    -------
    estimate : Estimate
        ``n`` is the number of positives that were tested.

    Notes
    -----
    The mean of split :math:`s` is :math:`\sum_i a_i d_{is} / A_s`. Each positive moves the
    mean over splits by :math:`u_i = \sum_s a_i (d_{is} - \bar d) / (J A_s)`, and the variance
    is :math:`\frac{m}{m-1} \sum_i u_i^2 + m^{-2}`, with the number :math:`m` of positives
    (Kish's effective one). The last term is one more positive on each side of one half,
    as Agresti and Min add it, without which two models that catch the same few would
    be equal for certain.
    """
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
    spread = effective / (effective - 1.0) * float(moved @ moved)
    error = math.sqrt(spread + effective**-2)
    return Estimate(mean, float(norm.ppf(confidence)) * error, a.size)
