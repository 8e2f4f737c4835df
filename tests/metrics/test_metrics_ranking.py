"""Bad input, which all metrics refuse in the same way, and the speed of selection."""

import time
from functools import partial

import numpy as np
import pytest
from sklearn.metrics import roc_curve

from skbudget.metrics import (
    coverage_at_budget_score,
    coverage_curve,
    fpr_at_tpr_error,
    partial_auc_score,
)

Y = np.array([0, 1, 0, 1, 0, 0])
SCORE = np.array([0.1, 0.9, 0.4, 0.6, 0.7, 0.2])

METRICS = [
    pytest.param(partial(coverage_at_budget_score, budget=0.5), id="coverage-population"),
    pytest.param(partial(coverage_at_budget_score, budget=0.5, basis="fpr"), id="coverage-fpr"),
    pytest.param(coverage_curve, id="coverage-curve"),
    pytest.param(partial(partial_auc_score, beta=0.5), id="partial-auc"),
    pytest.param(fpr_at_tpr_error, id="fpr-at-tpr"),
]


@pytest.mark.parametrize("budget", [0, -1, 1.5, float("nan"), None, "0.5", True])
def test_budget_out_of_range(budget):
    with pytest.raises(ValueError, match=r"'budget' parameter of coverage_at_budget_score must be"):
        coverage_at_budget_score(Y, SCORE, budget=budget)


def test_budget_in_basis_points_is_recognised():
    with pytest.raises(ValueError, match=r"A budget is a fraction: 50 basis points are 0\.005"):
        coverage_at_budget_score(Y, SCORE, budget=50)


@pytest.mark.parametrize("tpr", [0, -0.1, 1.01, float("nan")])
def test_tpr_out_of_range(tpr):
    with pytest.raises(ValueError, match=r"'tpr' parameter of fpr_at_tpr_error must be"):
        fpr_at_tpr_error(Y, SCORE, tpr=tpr)


@pytest.mark.parametrize(
    ("alpha", "beta", "message"),
    [
        (0.5, 0.5, "'alpha' parameter of partial_auc_score must be smaller than beta"),
        (0.6, 0.5, "'alpha' parameter of partial_auc_score must be smaller than beta"),
        (-0.1, 0.5, "'alpha' parameter of partial_auc_score"),
        (float("nan"), 0.5, "'alpha' parameter of partial_auc_score"),
        (0.0, 0.0, "'beta' parameter of partial_auc_score"),
        (0.0, 50, "50 basis points are 0.005"),
    ],
)
def test_band_out_of_range(alpha, beta, message):
    with pytest.raises(ValueError, match=message):
        partial_auc_score(Y, SCORE, alpha=alpha, beta=beta)


def test_standardize_is_a_flag():
    with pytest.raises(ValueError, match="'standardize' parameter of partial_auc_score"):
        partial_auc_score(Y, SCORE, standardize="mcclish")


@pytest.mark.parametrize(
    "function", [partial(coverage_at_budget_score, budget=0.5), coverage_curve]
)
def test_unknown_basis(function):
    with pytest.raises(ValueError, match=r"'basis' parameter of coverage_.* one of .*'tpr'"):
        function(Y, SCORE, basis="tpr")


def test_parameters_are_checked_before_the_data():
    with pytest.raises(ValueError, match="'budget' parameter"):
        coverage_at_budget_score(None, None, budget=0)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("label", [0, 1, -1, "ok"])
def test_one_class(metric, label):
    with pytest.raises(ValueError, match="Only one class present in y_true"):
        metric(np.full(6, label), SCORE)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("y", [[0, 1, 2, 1, 0, 0], [0.0, 1, 0.5, 1, 0, 0], list("abcaab")])
def test_three_classes(metric, y):
    with pytest.raises(ValueError, match="y_true must be binary: found 3 classes"):
        metric(y, SCORE)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("y", [np.where(Y, "fraud", "ok"), Y + 1, -Y])
def test_labels_that_need_a_pos_label(metric, y):
    with pytest.raises(ValueError, match="pos_label is not specified"):
        metric(y, SCORE)


@pytest.mark.parametrize("metric", METRICS)
def test_pos_label_that_is_none_of_the_labels(metric):
    with pytest.raises(ValueError, match="pos_label='scam' is not a valid label"):
        metric(np.where(Y, "fraud", "ok"), SCORE, pos_label="scam")


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_labels_that_are_not_finite(metric, bad):
    with pytest.raises(ValueError, match="y_true contains NaN or infinity"):
        metric(np.r_[Y[:-1].astype(float), bad], SCORE)


@pytest.mark.parametrize("metric", METRICS)
def test_lengths_that_differ(metric):
    for kwargs in ({}, {"sample_weight": np.ones(5)}, {"value": np.ones(5)}):
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            metric(Y, SCORE if kwargs else SCORE[:5], **kwargs)


@pytest.mark.parametrize("metric", METRICS)
def test_no_samples(metric):
    with pytest.raises(ValueError, match="no samples in y_true"):
        metric([], [])


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("bad", "message"), [(np.nan, "NaN"), (np.inf, "infinity"), (-np.inf, "i")]
)
def test_scores_that_are_not_finite(metric, bad, message):
    with pytest.raises(ValueError, match=f"y_score contains {message}"):
        metric(Y, np.r_[SCORE[:-1], bad])


@pytest.mark.parametrize("metric", METRICS)
def test_scores_of_two_dimensions(metric):
    with pytest.raises(ValueError, match=r"y_score must have shape \(n_samples,\): got \(6, 2\)"):
        metric(Y, np.c_[1 - SCORE, SCORE])


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("name", ["sample_weight", "value"])
@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1, 1, -1, 1, 1, 1], "Negative values in {}"),
        ([1, 1, np.nan, 1, 1, 1], "{} contains NaN"),
        ([1, 1, np.inf, 1, 1, 1], "{} contains infinity"),
        ([0, 0, 0, 0, 0, 0], "All values in {} are zero"),
        (np.ones((6, 2)), "{} must have shape"),
    ],
)
def test_bad_weights_and_values(metric, name, weights, message):
    with pytest.raises(ValueError, match=message.format(name)):
        metric(Y, SCORE, **{name: weights})


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"sample_weight": 1 - Y}, "Every positive has zero sample_weight"),
        ({"sample_weight": Y}, "Every negative has zero sample_weight"),
        ({"value": 1 - Y}, "The positives have no value"),
        (
            {"sample_weight": [1, 1, 1, 0, 1, 1], "value": [0, 0, 0, 1, 0, 0]},
            "The positives have no value",
        ),
    ],
)
def test_a_class_that_counts_for_nothing(metric, kwargs, message):
    with pytest.raises(ValueError, match=message):
        metric(Y, SCORE, **kwargs)


def test_selection_beats_the_sort_of_roc_curve():
    rng = np.random.default_rng(0)
    y = (rng.random(300_000) < 0.01).astype(int)
    score = rng.normal(size=y.size) + y

    def seconds(call):
        times = []
        for _ in range(3):
            start = time.perf_counter()
            call()
            times.append(time.perf_counter() - start)
        return min(times)

    slow = seconds(lambda: roc_curve(y, score))
    # In practice it is about 30 times as fast; 5 times must hold even on a busy machine.
    for basis in ("population", "fpr"):
        fast = seconds(lambda: coverage_at_budget_score(y, score, budget=0.005, basis=basis))  # noqa: B023
        assert slow > 5 * fast
