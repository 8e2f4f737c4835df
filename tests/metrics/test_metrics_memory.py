"""No path holds rows times budgets, or rows times resamples."""

import tracemalloc
import warnings
from functools import partial

import matplotlib
import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import RepeatedStratifiedKFold, cross_validate

from skbudget.band import fpr_band
from skbudget.kernels import pair_sums
from skbudget.metrics import (
    CoverageCurveDisplay,
    PartialROCDisplay,
    ScoreBandDisplay,
    bootstrap_ci,
    coverage_curve,
    coverage_difference_test,
    paired_bootstrap_ci,
    partial_auc_score,
)
from skbudget.metrics._displays import _coverage
from skbudget.metrics.intervals import _interval, _resampling

matplotlib.use("Agg")

N_ROWS = 200_000
RNG = np.random.default_rng(0)
Y = (RNG.random(N_ROWS) < 0.01).astype(int)
SCORE = RNG.normal(1.5 * Y)
OTHER = SCORE + RNG.normal(size=N_ROWS)
LOGNORMAL = {"sample_weight": RNG.lognormal(size=N_ROWS), "value": RNG.lognormal(size=N_ROWS)}
# Single rows are a good part of all weight.
PARETO = {"sample_weight": RNG.pareto(1.0, N_ROWS) + 1e-3, "value": RNG.pareto(1.0, N_ROWS) + 1e-3}
AREA = partial(partial_auc_score, beta=0.05)


class First(ClassifierMixin, BaseEstimator):
    """A classifier whose score is the first column."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def decision_function(self, X):
        return X[:, 0]

    def predict(self, X):
        return (X[:, 0] > 0).astype(int)


def cross_validated():
    cv = RepeatedStratifiedKFold(n_splits=5, n_repeats=4, random_state=0)
    return cross_validate(
        First(), SCORE[:, np.newaxis], Y, cv=cv, return_estimator=True, return_indices=True
    )


# Bytes per row: some copies of the rows. One array of rows and 240 budgets would take 1 920.
PATHS = {
    "curve at budgets": (
        100,
        lambda: coverage_curve(Y, SCORE, budgets=np.linspace(1e-4, 1, 5_000), **LOGNORMAL),
    ),
    "interval": (250, lambda: bootstrap_ci(Y, SCORE, budget=0.01, n_resamples=100)),
    "interval, values": (
        250,
        lambda: bootstrap_ci(Y, SCORE, budget=0.01, n_resamples=20, **PARETO),
    ),
    "interval, budgets": (
        250,
        lambda: bootstrap_ci(Y, SCORE, budget=np.linspace(0.001, 1, 12), n_resamples=50),
    ),
    "interval, metric": (
        250,
        lambda: bootstrap_ci(
            Y, SCORE, metric=AREA, method="percentile", n_resamples=20, **LOGNORMAL
        ),
    ),
    "interval, metric, rows": (
        250,
        lambda: bootstrap_ci(
            Y, SCORE, metric=AREA, method="percentile", n_resamples=20, stratified=False
        ),
    ),
    "difference": (
        250,
        lambda: paired_bootstrap_ci(
            Y, SCORE, OTHER, budget=0.01, n_resamples=20, method="BCa", **PARETO
        ),
    ),
    "difference, metric": (
        250,
        lambda: paired_bootstrap_ci(Y, SCORE, OTHER, metric=AREA, n_resamples=10),
    ),
    "test": (
        250,
        lambda: coverage_difference_test(
            Y, SCORE, OTHER, budget=0.01, n_permutations=19, **LOGNORMAL
        ),
    ),
    "display": (
        250,
        lambda: CoverageCurveDisplay.from_predictions(Y, SCORE, budget=0.01, n_resamples=20),
    ),
    "display, values": (
        250,
        lambda: CoverageCurveDisplay.from_predictions(
            Y, SCORE, n_resamples=5, ceiling=OTHER, **LOGNORMAL
        ),
    ),
    "display of folds": (
        250,
        lambda: CoverageCurveDisplay.from_cv_results(
            cross_validated(), SCORE[:, np.newaxis], Y, budget=0.01
        ),
    ),
    "ROC curve of folds": (
        250,
        lambda: PartialROCDisplay.from_cv_results(
            cross_validated(), SCORE[:, np.newaxis], Y, beta=1.0
        ),
    ),
    "histograms": (100, lambda: ScoreBandDisplay.from_predictions(Y, SCORE, beta=0.1)),
    "band": (100, lambda: fpr_band(SCORE, Y == 0, beta=0.9, tau_scale="iqr")),
    "pairs": (350, lambda: pair_sums(SCORE[::2], SCORE[1::2], 1e-4)),
}


def peak_of(function):
    """Return the most memory that was in use at once, in bytes."""
    tracemalloc.start()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        import matplotlib.pyplot as plt

        plt.close("all")


@pytest.mark.parametrize("name", PATHS)
def test_peak_per_row(monkeypatch, name):
    # What the resamples take is a constant that would hide the rest.
    monkeypatch.setattr(_resampling, "CHUNK_ENTRIES", N_ROWS)
    per_row, function = PATHS[name]
    assert peak_of(function) < per_row * N_ROWS


def test_resamples_of_many_budgets_are_drawn_in_parts(monkeypatch):
    """As many budgets as rows, as the operating points of a curve are."""
    y, score = Y[:4_000], SCORE[:4_000]
    budgets, _ = coverage_curve(y, score)
    options = {"budgets": budgets[1:], "n_resamples": 400, "random_state": 0}
    monkeypatch.setattr(_resampling, "CHUNK_ENTRIES", 4_000)
    monkeypatch.setattr(_coverage, "BUDGETS_AT_ONCE", 500)
    draw = partial(CoverageCurveDisplay.from_predictions, y, score, **options)
    assert peak_of(draw) < 4_000 * 400 * 8
    low, high = draw().interval
    assert low.shape == high.shape == budgets[1:].shape
    assert np.all(low <= high)
    # Each budget has the interval that it has beside others.
    monkeypatch.setattr(_coverage, "BUDGETS_AT_ONCE", 10**9)
    whole = draw().interval
    np.testing.assert_allclose(low, whole[0], atol=0.12)
    np.testing.assert_allclose(high, whole[1], atol=0.12)


def test_more_numbers_than_memory_should_hold_are_refused(monkeypatch):
    monkeypatch.setattr(_interval, "MOST_NUMBERS", 1_000)
    y, score = Y[:1_000], SCORE[:1_000]
    assert bootstrap_ci(y, score, budget=[0.1, 0.2], n_resamples=500).low.shape == (2,)
    message = "501 resamples at 2 budgets are 1e.03 numbers, more than 1e.03: pass fewer budgets"
    for function, scores in ((bootstrap_ci, [score]), (paired_bootstrap_ci, [score, -score])):
        with pytest.raises(ValueError, match=message):
            function(y, *scores, budget=[0.1, 0.2], n_resamples=501)
