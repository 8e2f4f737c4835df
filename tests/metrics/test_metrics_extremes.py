"""Weights, values and scores near the ends of what a float holds, and labels of every kind."""

import warnings
from fractions import Fraction
from functools import partial

import matplotlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from metrics_strategies import few, rankings
from sklearn.linear_model import LogisticRegression

from skbudget.metrics import (
    CoverageCurveDisplay,
    PartialROCDisplay,
    ScoreBandDisplay,
    bootstrap_ci,
    coverage_at_budget_score,
    coverage_curve,
    coverage_difference_test,
    fpr_at_tpr_error,
    make_coverage_scorer,
    paired_bootstrap_ci,
    partial_auc_score,
    recall_partial_auc_score,
    value_per_review_score,
    volume_at_recall_error,
)

matplotlib.use("Agg")
pytestmark = [
    pytest.mark.filterwarnings("error::RuntimeWarning"),
    pytest.mark.filterwarnings("ignore:.*is the majority of y_true"),
]

RNG = np.random.default_rng(0)
Y = np.repeat([1, 0], [12, 48])
SCORE = RNG.normal(1.5 * Y)
OTHER = RNG.normal(1.0 * Y)
WEIGHT = RNG.integers(1, 9, Y.size) + 0.25
VALUE = RNG.integers(1, 99, Y.size) / 4

# Every one calls a function that returns numbers, given labels, scores and columns of the rows.
RESAMPLED = {"n_resamples": 50, "random_state": 0}


def _ends(interval):
    return [interval.estimate, interval.low, interval.high, *interval.distribution]


def _ci(function, *scores, **columns):
    return _ends(function(*scores, **RESAMPLED, **columns))


def _test(y, score, **columns):
    found = coverage_difference_test(
        y, score, OTHER, budget=0.2, n_permutations=49, random_state=0, **columns
    )
    return [found.difference, found.pvalue, found.coverage_a, found.only_a, found.only_b]


MEASURES = {
    "coverage": partial(coverage_at_budget_score, budget=0.2),
    "coverage, fpr": partial(coverage_at_budget_score, budget=0.2, basis="fpr"),
    "curve": lambda *rows, **columns: np.concatenate(coverage_curve(*rows, **columns)),
    "curve, budgets": lambda *rows, **columns: coverage_curve(*rows, budgets=[0.1, 0.3], **columns)[
        1
    ],
    "pauc": partial(partial_auc_score, beta=0.3),
    "fpr": partial(fpr_at_tpr_error, tpr=0.8),
    "recall": partial(recall_partial_auc_score, min_tpr=0.6),
    "volume": partial(volume_at_recall_error, recall=0.8),
    "BCa": partial(_ci, bootstrap_ci, budget=0.2),
    "wilson": partial(_ci, bootstrap_ci, budget=0.2, basis="fpr", method="wilson"),
    "not stratified": partial(_ci, bootstrap_ci, budget=0.2, stratified=False),
    "paired": lambda y, score, **columns: _ci(
        paired_bootstrap_ci, y, score, OTHER, budget=0.2, **columns
    ),
    "metric": partial(
        _ci, bootstrap_ci, metric=partial(partial_auc_score, beta=0.3), method="percentile"
    ),
    "test": _test,
}


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize("basis_of", ["weight", "value", "both"])
def test_powers_of_two_change_nothing(name, basis_of):
    """From subnormal numbers to sums at the end of the range."""
    measure = MEASURES[name]
    columns = {}
    if basis_of != "value":
        columns["sample_weight"] = WEIGHT
    if basis_of != "weight":
        columns["value"] = VALUE
    expected = measure(Y, SCORE, **columns)
    for weight_exponent, value_exponent in ((-1060, 0), (1010, 0), (-600, -600), (600, 600)):
        exponents = {"sample_weight": weight_exponent, "value": value_exponent or weight_exponent}
        scaled = {key: np.ldexp(column, exponents[key]) for key, column in columns.items()}
        np.testing.assert_allclose(measure(Y, SCORE, **scaled), expected, rtol=1e-13)


@pytest.mark.parametrize("name", MEASURES)
def test_rows_of_nearly_no_weight_count_for_nearly_nothing(name):
    measure = MEASURES[name]
    # Whole weights would be rounded up to whole rows.
    weight, value = np.full(Y.size, 1.25), VALUE.copy()
    # Some rows of either class; the rest decide.
    weight[[0, 5, 20, 40]] = 1e-200
    value[[1, 6]] = 1e-320
    found = np.asarray(measure(Y, SCORE, sample_weight=weight, value=value))
    assert np.isfinite(found).all()
    if name == "curve" or name not in list(MEASURES)[:6]:
        return  # more points, and rows that are drawn
    weight[weight < 1e-9], value[value < 1e-9] = 0.0, 0.0
    expected = measure(Y, SCORE, sample_weight=weight, value=value)
    np.testing.assert_allclose(found, expected, atol=1e-12)


@few
@given(rankings(), st.floats(0.01, 0.99), st.integers(-1000, 1000), st.integers(-1000, 1000))
def test_the_return_of_a_review_keeps_its_unit(ranked, budget, of_weight, of_value):
    expected = value_per_review_score(
        ranked.y,
        ranked.score,
        budget=budget,
        sample_weight=ranked.weight + 1 / 3,
        value=ranked.value,
    )
    found = value_per_review_score(
        ranked.y,
        ranked.score,
        budget=budget,
        sample_weight=np.ldexp(ranked.weight + 1 / 3, of_weight),
        value=np.ldexp(ranked.value, of_value),
    )
    exact = Fraction(float(expected)) * Fraction(2) ** of_value
    # All numbers are normal: below 1e-308 they would lose digits before they are measured.
    # Weights that happen to be whole numbers are rounded up to whole rows, to one part in 10^9.
    assert abs(Fraction(float(found)) - exact) <= exact / 10**8 + Fraction(5e-324)


def test_weights_and_values_at_opposite_ends():
    """A weight of 1e-300 and a value of 1e300 are as much as 1 and 1."""
    weight, value = (
        np.where(np.arange(60) % 2, 1.0, 1e-300),
        np.where(np.arange(60) % 2, 1.0, 1e300),
    )
    ones = coverage_at_budget_score(Y, SCORE, budget=0.2, basis="fpr", sample_weight=np.ones(60))
    negatives = np.where(Y == 1, weight, 1.0)
    found = coverage_at_budget_score(
        Y, SCORE, budget=0.2, basis="fpr", sample_weight=negatives, value=value
    )
    assert found == pytest.approx(ones)
    assert bootstrap_ci(
        Y, SCORE, budget=0.2, basis="fpr", sample_weight=negatives, value=value, **RESAMPLED
    ).estimate == pytest.approx(ones)


@pytest.mark.parametrize(
    "function", [*MEASURES.values(), partial(value_per_review_score, budget=0.2)]
)
@pytest.mark.parametrize("name", ["sample_weight", "value"])
def test_a_sum_that_no_float_holds_is_refused(function, name):
    with pytest.raises(ValueError, match=f"The sum of {name} is too large for a float"):
        function(Y, SCORE, **{name: np.full(Y.size, 1e308)})


# --- resamples that cannot be drawn


@pytest.mark.parametrize("stratified", [True, False])
def test_a_resample_is_not_redrawn_for_ever(monkeypatch, stratified):
    from skbudget.metrics.intervals import _resampling

    def nothing(self, counts):
        return np.full((len(self.levels), len(counts), self.budgets.size), np.nan)

    monkeypatch.setattr(_resampling.Cells, "coverage", nothing)
    with pytest.raises(ValueError, match="A resample has nothing to be caught, and so do 200"):
        bootstrap_ci(Y, SCORE, budget=0.2, stratified=stratified, n_resamples=5, random_state=0)


def test_a_resample_of_one_class_is_not_redrawn_for_ever():
    class Never(np.random.RandomState):
        def binomial(self, n, p, size):
            return np.zeros(size, dtype=int)

    from skbudget.metrics._ranking import check_rows
    from skbudget.metrics.intervals._resampling import Cells

    rows = check_rows(Y, SCORE, sample_weight=None, value=None, pos_label=None)
    cells = Cells.of([rows], np.array([0.2]), "population")
    with pytest.raises(ValueError, match="lacks one of the two classes, and so do 200 others"):
        cells._draw(3, Never(0), stratified=False)


@pytest.mark.parametrize("metric", [None, partial(partial_auc_score, beta=0.3)])
@pytest.mark.parametrize("stratified", [True, False])
def test_one_positive_in_many_can_be_resampled(metric, stratified):
    """More than every third resample has nothing to be caught, and is drawn again."""
    y, value = np.arange(60) < 1, np.ones(60)
    options = {"budget": 0.2} if metric is None else {"metric": metric}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        interval = bootstrap_ci(
            y, SCORE, value=value, stratified=stratified, **options, **RESAMPLED
        )
    assert np.isfinite(_ends(interval)).all()


@pytest.mark.parametrize("answer", [np.nan, np.inf, "0.5", None, [0.1, 0.2], 1j])
def test_a_metric_must_return_a_number(answer):
    with pytest.raises(ValueError, match="metric must return a finite number: it returned"):
        bootstrap_ci(Y, SCORE, metric=lambda y, score: answer, **RESAMPLED)


@pytest.mark.parametrize("method", ["BCa", "percentile"])
def test_a_constant_metric_is_said_to_be_one(method):
    with pytest.warns(UserWarning, match="All resamples show the same value of the metric"):
        interval = bootstrap_ci(Y, SCORE, metric=lambda y, score: 0.25, method=method, **RESAMPLED)
    assert (interval.low, interval.estimate, interval.high) == (0.25, 0.25, 0.25)


# --- scores


def _beyond(score):
    """Return integers above 2**53, in the order of the scores: most are no floats."""
    return 2**60 + np.unique(score, return_inverse=True)[1]


@pytest.mark.parametrize("name", MEASURES)
def test_integers_that_no_float_holds_do_not_tie(name):
    expected = MEASURES[name](Y, SCORE)
    ranks = _beyond(SCORE)
    for scores in (
        ranks,
        ranks.astype(np.uint64),
        -ranks[::-1].max() + ranks,
        [2**70 + int(r) for r in ranks],
    ):
        np.testing.assert_array_equal(MEASURES[name](Y, scores), expected)


def test_the_second_of_two_scores_may_be_beyond():
    options = {"budget": 0.2, "random_state": 0}
    expected = coverage_difference_test(Y, SCORE, OTHER, **options)
    assert coverage_difference_test(Y, _beyond(SCORE), _beyond(OTHER), **options) == expected


def test_a_scorer_ranks_integers():
    class Ranks(LogisticRegression):
        def decision_function(self, X):
            return _beyond(X[:, 0])

    model = Ranks().fit(SCORE[:, np.newaxis], Y)
    for label in (None, 0):
        scorer = make_coverage_scorer(0.2, pos_label=label)
        sign, y = (1, Y) if label is None else (-1, 1 - Y)
        expected = coverage_at_budget_score(y, sign * SCORE, budget=0.2)
        assert scorer(model, SCORE[:, np.newaxis], Y) == expected


def test_displays_rank_integers():
    for display, drawn in ((CoverageCurveDisplay, "coverage"), (PartialROCDisplay, "tpr")):
        options = RESAMPLED if display is CoverageCurveDisplay else {"beta": 0.3}
        expected, found = (
            display.from_predictions(Y, scores, **options) for scores in (SCORE, _beyond(SCORE))
        )
        np.testing.assert_array_equal(getattr(found, drawn), getattr(expected, drawn))
    with pytest.raises(ValueError, match="y_score holds numbers that float64 rounds"):
        ScoreBandDisplay.from_predictions(Y, _beyond(SCORE))


@pytest.mark.parametrize("scale", [1e-310, 5e307])
@pytest.mark.parametrize("name", MEASURES)
def test_scores_at_the_ends_of_the_range(name, scale):
    score = np.unique(SCORE, return_inverse=True)[1] / Y.size
    expected = MEASURES[name](Y, score)
    np.testing.assert_array_equal(MEASURES[name](Y, score * scale), expected)


def test_what_an_axis_cannot_show_is_refused():
    with pytest.raises(ValueError, match="y_score must lie within"):
        ScoreBandDisplay.from_predictions(Y, SCORE * 1e300)
    for weight in (np.full(60, 1e200), np.where(Y == 1, 1.0, 1e-200)):
        with pytest.raises(ValueError, match="sample_weight must lie within"):
            ScoreBandDisplay.from_predictions(Y, SCORE, sample_weight=weight)


# --- labels


BAD_LABELS = {
    "NaN": (np.where(Y == 1, np.nan, 0.0), "Input y.* contains NaN"),
    "None": ([None, 1] * 30, "Input y.* contains NaN or None"),
    "NaN among strings": (["a", np.nan] * 30, "Input y.* contains NaN or None"),
    "mixed": (["a", 1] * 30, "mixes labels of different types"),
}


@pytest.mark.parametrize("kind", BAD_LABELS)
@pytest.mark.parametrize("pos_label", [None, 1, "a"])
@pytest.mark.parametrize(
    "function",
    [
        *MEASURES.values(),
        partial(value_per_review_score, budget=0.2),
        lambda y, score, **given: CoverageCurveDisplay.from_predictions(y, score, **given),
        lambda y, score, **given: PartialROCDisplay.from_predictions(y, score, **given),
        lambda y, score, **given: ScoreBandDisplay.from_predictions(y, score, **given),
    ],
)
def test_one_error_for_missing_and_mixed_labels(function, kind, pos_label):
    labels, message = BAD_LABELS[kind]
    with pytest.raises(ValueError, match=message):
        function(labels, SCORE, pos_label=pos_label)


@pytest.mark.parametrize("kind", BAD_LABELS)
@pytest.mark.parametrize("pos_label", [None, 1])
def test_scorers_give_the_same_error(kind, pos_label):
    labels, message = BAD_LABELS[kind]
    model = LogisticRegression().fit(SCORE[:, np.newaxis], Y)
    with pytest.raises(ValueError, match=message):
        make_coverage_scorer(0.2, pos_label=pos_label)(model, SCORE[:, np.newaxis], labels)
