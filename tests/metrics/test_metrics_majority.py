"""A positive class that is the majority of the rows is warned of, once in a call."""

import warnings
from functools import partial

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer, roc_auc_score
from sklearn.model_selection import cross_validate

from skbudget import BudgetThresholdClassifier, metrics
from skbudget._utils.labels import PositiveClassWarning

RNG = np.random.default_rng(0)
N = 60
# 36 of 60 rows.
COMMON = np.repeat([1, 0], [36, 24])
HALF = np.repeat([1, 0], [30, 30])
SCORE, OTHER = RNG.normal(COMMON), RNG.normal(COMMON)
TOP = partial(metrics.partial_auc_score, beta=0.5)

CALLS = {
    "coverage_at_budget_score": partial(metrics.coverage_at_budget_score, budget=0.1),
    "coverage_curve": metrics.coverage_curve,
    "value_per_review_score": partial(metrics.value_per_review_score, budget=0.1, basis="fpr"),
    "partial_auc_score": metrics.partial_auc_score,
    "fpr_at_tpr_error": metrics.fpr_at_tpr_error,
    "recall_partial_auc_score": metrics.recall_partial_auc_score,
    "volume_at_recall_error": metrics.volume_at_recall_error,
    "bootstrap_ci": partial(metrics.bootstrap_ci, budget=[0.1, 0.2], n_resamples=20),
    "paired_bootstrap_ci": lambda y, score, **about: metrics.paired_bootstrap_ci(
        y, score, OTHER, budget=0.1, n_resamples=20, **about
    ),
    "coverage_difference_test": lambda y, score, **about: metrics.coverage_difference_test(
        y, score, OTHER, budget=0.1, n_permutations=20, **about
    ),
}
DISPLAYS = [
    metrics.CoverageCurveDisplay,
    metrics.PartialROCDisplay,
    metrics.ScoreBandDisplay,
]


def heard(call, *args, **kwargs):
    """Return what a call warns of a majority."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call(*args, **kwargs)
    return [one for one in caught if issubclass(one.category, PositiveClassWarning)]


@pytest.mark.parametrize("name", CALLS)
def test_a_metric_warns_once_at_the_line_that_calls(name):
    (warning,) = heard(CALLS[name], COMMON, SCORE)
    assert str(warning.message) == (
        f"{name}: the positive class 1 is the majority of y_true (0.6 of the rows), so that "
        "reviews would go to the common class. If the other class is the one to be "
        "caught, pass pos_label=0 and scores that are greater for it."
    )
    assert warning.filename == __file__
    # What the message says to do ends the warnings.
    assert not heard(CALLS[name], COMMON, -SCORE, pos_label=0)
    assert not heard(CALLS[name], HALF, SCORE)


@pytest.mark.parametrize("name", CALLS)
def test_a_metric_looks_at_the_weight_of_the_rows_and_not_at_their_value(name):
    few, many = np.where(COMMON == 1, 1.0, 1.5), np.where(HALF == 1, 3, 2)
    # 36 to 36, and 90 to 60.
    assert not heard(CALLS[name], COMMON, SCORE, sample_weight=few)
    (warning,) = heard(CALLS[name], HALF, SCORE, sample_weight=many)
    assert "class 1 is the majority of y_true (0.6 of the rows)" in str(warning.message)
    # Rows without weight are not there: 16 of 30 are left, or 14 of 30.
    first = np.where(np.arange(N) % 30 < 16, 1, 0) * HALF + np.where(np.arange(N) < 44, 1 - HALF, 0)
    assert len(heard(CALLS[name], HALF, SCORE, sample_weight=first)) == 1
    assert not heard(CALLS[name], 1 - HALF, SCORE, sample_weight=first)
    value = np.where(COMMON == 1, 1e-3, 1e3)
    assert len(heard(CALLS[name], COMMON, SCORE, value=value)) == 1
    assert not heard(CALLS[name], HALF, SCORE, value=np.where(HALF == 1, 1e3, 0.0))


@pytest.mark.parametrize(
    ("labels", "positive", "shown", "other"),
    [
        (["fraud", "ok"], "ok", "'ok'", "'fraud'"),
        (["spam", "mail"], "mail", "'mail'", "'spam'"),
        ([False, True], None, "True", "False"),
        ([-1, 1], None, "1", "-1"),
        ([1, 2], 1, "1", "2"),
    ],
    ids=["text", "text-reversed", "bool", "signs", "numbers"],
)
@pytest.mark.parametrize("kind", [list, pd.Series, lambda y: np.asarray(y)[:, None]])
def test_any_labels_in_any_container(labels, positive, shown, other, kind):
    rare, common = labels if positive in (None, labels[1]) else labels[::-1]
    y = kind(np.where(COMMON == 1, common, rare).tolist())
    (warning,) = heard(CALLS["partial_auc_score"], y, SCORE, pos_label=positive)
    assert f"positive class {shown} is the majority" in str(warning.message)
    assert f"pass pos_label={other} and scores" in str(warning.message)
    if positive is not None:
        assert not heard(CALLS["partial_auc_score"], y, -SCORE, pos_label=rare)


# --- metrics inside something else


@pytest.mark.parametrize("method", ["percentile", "BCa"])
@pytest.mark.parametrize("stratified", [True, False])
def test_intervals_of_another_metric_look_at_all_rows_once(method, stratified):
    options = {"method": method, "stratified": stratified, "n_resamples": 30, "random_state": 0}
    (warning,) = heard(metrics.bootstrap_ci, COMMON, SCORE, metric=TOP, **options)
    assert str(warning.message).startswith("partial_auc_score: the positive class 1")
    assert warning.filename == __file__
    paired = [metrics.paired_bootstrap_ci, COMMON, SCORE, OTHER]
    assert len(heard(*paired, metric=TOP, **options)) == 1
    # Which class is the majority of a resample, or without one row, is chance.
    assert not heard(metrics.bootstrap_ci, HALF, SCORE, metric=TOP, **options)
    # Other metrics have no budget.
    assert not heard(metrics.bootstrap_ci, COMMON, SCORE, metric=roc_auc_score, **options)


@pytest.fixture(scope="module")
def fitted():
    X = np.column_stack([SCORE, OTHER])
    return X, LogisticRegression().fit(X, COMMON)


@pytest.mark.parametrize("pos_label", [None, 1])
@pytest.mark.parametrize("about", [{}, {"value": np.arange(1.0, N + 1)}], ids=["rows", "value"])
def test_a_scorer_warns_once(fitted, pos_label, about):
    X, model = fitted
    scorer = metrics.make_coverage_scorer(0.1, pos_label=pos_label)
    with sklearn.config_context(enable_metadata_routing=True):
        (warning,) = heard(scorer, model, X, COMMON, **about)
    assert str(warning.message) == (
        "A scorer of coverage_at_budget_score: the positive class 1 is the majority of y (0.6 of "
        "the rows), so that reviews would go to the common class. If the other "
        "class is the one to be caught, pass pos_label=0."
    )
    assert warning.filename == __file__
    assert not heard(metrics.make_coverage_scorer(0.1, pos_label=0), model, X, COMMON)
    weights = np.where(COMMON == 1, 1.0, 1.5)
    assert not heard(scorer, model, X, COMMON, sample_weight=weights)


def test_scorers_of_either_make_warn_once_a_fold(fitted):
    X, model = fitted
    folds = [(np.arange(0, N, 2), np.arange(1, N, 2)), (np.arange(1, N, 2), np.arange(0, N, 2))]
    for scorer in (
        metrics.make_partial_auc_scorer(),
        make_scorer(metrics.partial_auc_score, response_method="decision_function"),
    ):
        found = heard(cross_validate, model, X, COMMON, cv=folds, scoring=scorer)
        assert len(found) == 2
        assert {warning.filename for warning in found} == {__file__}


def test_estimators_speak_for_themselves(fitted):
    lightgbm = pytest.importorskip("lightgbm")
    from skbudget import PAUCLGBMClassifier
    from skbudget.boosting import CoverageMetric, pauc_objective

    X, model = fitted
    booster = PAUCLGBMClassifier(n_estimators=2, n_jobs=1, verbose=-1, calibration_cv=2)
    for estimator in (booster, BudgetThresholdClassifier(model, budget=0.1)):
        (warning,) = heard(estimator.fit, X, COMMON)
        assert str(warning.message).startswith(f"{type(estimator).__name__}: ")
    table = lightgbm.Dataset(X, COMMON)
    parameters = {"objective": pauc_objective, "verbose": -1, "num_threads": 1}
    metric = CoverageMetric(budget=0.1)
    assert not heard(lightgbm.train, parameters, table, 2, valid_sets=[table], feval=metric)


# --- displays


@pytest.fixture(scope="module")
def plain():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    yield plt
    plt.close("all")


@pytest.mark.parametrize("display", DISPLAYS)
def test_displays_warn_once(display, fitted, plain):
    X, model = fitted
    expected = f"{display.__name__}: the positive class 1 is the majority of y_true (0.6 of the"
    options = {"beta": 0.5} if display is not metrics.CoverageCurveDisplay else {"n_resamples": 20}
    for call in (
        partial(display.from_predictions, COMMON, SCORE, **options),
        partial(display.from_estimator, model, X, COMMON, **options),
    ):
        (warning,) = heard(call)
        assert str(warning.message).startswith(expected)
        assert warning.filename == __file__
        weights = np.where(COMMON == 1, 1.0, 1.5)
        assert not heard(call, sample_weight=weights)
    assert not heard(display.from_predictions, COMMON, -SCORE, pos_label=0, **options)
    assert not heard(display.from_predictions, HALF, SCORE, **options)
    plain.close("all")


@pytest.mark.parametrize("display", DISPLAYS[:2])
def test_displays_of_folds_look_at_all_folds(display, fitted, plain):
    X, _ = fitted
    # In the first fold 20 of 30 rows are positive.
    first = np.r_[0:20, 50:60]
    rest = np.setdiff1d(np.arange(N), first)
    results = {
        y.sum(): cross_validate(
            LogisticRegression(),
            X,
            y,
            cv=[(rest, first), (first, rest)],
            return_estimator=True,
            return_indices=True,
        )
        for y in (COMMON, HALF)
    }
    (warning,) = heard(display.from_cv_results, results[36], X, COMMON)
    assert "majority of y_true (0.6 of the rows)" in str(warning.message)
    assert warning.filename == __file__
    assert not heard(display.from_cv_results, results[30], X, HALF)
    weights = np.where(COMMON == 1, 1.0, 1.5)
    assert not heard(display.from_cv_results, results[36], X, COMMON, sample_weight=weights)
    plain.close("all")
