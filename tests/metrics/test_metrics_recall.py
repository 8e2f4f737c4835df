"""Metrics of a floor on recall, against slow definitions and their mirror images."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from metrics_strategies import exact_roc, quick, rankings, repeated
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score, roc_curve
from sklearn.model_selection import GridSearchCV, cross_val_score

from skbudget.metrics import (
    coverage_at_budget_score,
    fpr_at_tpr_error,
    make_recall_partial_auc_scorer,
    make_volume_at_recall_scorer,
    partial_auc_score,
    recall_partial_auc_score,
    volume_at_recall_error,
)

pytestmark = pytest.mark.filterwarnings("ignore:budget=1 reviews everything")

floors = st.integers(0, 99).map(lambda percent: percent / 100)
recalls = st.one_of(st.integers(1, 100).map(lambda percent: percent / 100), st.floats(1e-6, 1.0))


def exact_specificity(points, min_tpr):
    """Mean distance of a polyline of Fractions from the right, above a height."""
    area = Fraction(0)
    for (x0, y0), (x1, y1) in pairwise(points):
        low = max(y0, min_tpr)
        if y1 > low:
            slope = (x1 - x0) / (y1 - y0)
            middle = x0 + slope * ((low + y1) / 2 - y0)
            area += (y1 - low) * (1 - middle)
    return area / (1 - min_tpr)


# --- partial AUC above a floor


@quick
@given(rankings(), floors, st.booleans())
def test_area_above_the_floor_of_the_exact_roc(ranked, min_tpr, valued):
    y, score, _, value = ranked
    worth = {"value": value} if valued else {}
    expected = exact_specificity(
        exact_roc(y, score, worth=value if valued else None),
        Fraction(min_tpr).limit_denominator(100),
    )
    got = recall_partial_auc_score(y, score, min_tpr=min_tpr, **worth)
    assert got == pytest.approx(float(expected), abs=1e-12)


@quick
@given(rankings(), floors)
def test_trapezoids_of_scikit_learns_curve(ranked, min_tpr):
    y, score, *_ = ranked
    fpr, tpr, _ = roc_curve(y, score, drop_intermediate=False)
    heights = np.unique([min_tpr, *tpr[tpr > min_tpr]])
    # The curve's abscissa is read from the left and from the right of its steps.
    area = 0.0
    for (x0, x1), (y0, y1) in zip(pairwise(fpr), pairwise(tpr)):
        for low, high in pairwise(heights):
            if y0 <= low < high <= y1:
                at = x0 + (x1 - x0) * ((low + high) / 2 - y0) / (y1 - y0)
                area += (high - low) * (1.0 - at)
    got = recall_partial_auc_score(y, score, min_tpr=min_tpr)
    assert got * (1 - min_tpr) == pytest.approx(area, abs=1e-9)


@quick
@given(rankings(), st.booleans())
def test_above_nothing_it_is_the_auc(ranked, weighted):
    y, score, weight, _ = ranked
    kwargs = {"sample_weight": weight} if weighted else {}
    got = recall_partial_auc_score(y, score, min_tpr=0.0, **kwargs)
    assert got == pytest.approx(roc_auc_score(y, score, **kwargs))


@quick
@given(rankings(), floors, st.booleans())
def test_it_is_the_partial_auc_with_the_classes_exchanged(ranked, min_tpr, standardize):
    y, score, weight, _ = ranked
    got = recall_partial_auc_score(
        y, score, min_tpr=min_tpr, sample_weight=weight, standardize=standardize
    )
    mirrored = partial_auc_score(
        1 - y, -score, beta=1 - min_tpr, sample_weight=weight, standardize=standardize
    )
    assert got == pytest.approx(mirrored, abs=1e-12)


@quick
@given(rankings(), floors)
def test_integer_weights_repeat_rows(ranked, min_tpr):
    copies = repeated(ranked)
    weighted = recall_partial_auc_score(
        ranked.y, ranked.score, min_tpr=min_tpr, sample_weight=ranked.weight
    )
    assert weighted == pytest.approx(
        recall_partial_auc_score(copies.y, copies.score, min_tpr=min_tpr), abs=1e-12
    )


@quick
@given(rankings(), floors, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter_nor_a_rising_map(ranked, min_tpr, random):
    y, score, *_ = ranked
    order = np.array(random.sample(range(y.size), y.size))
    expected = recall_partial_auc_score(y, score, min_tpr=min_tpr)
    found = recall_partial_auc_score(y[order], np.exp(score)[order], min_tpr=min_tpr)
    assert found == pytest.approx(expected, abs=1e-12)


def test_it_is_the_mean_specificity_over_the_true_positive_rates():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 60)
    score = np.round(rng.normal(size=60) + y, 1)  # with ties
    middles = 0.6 + 0.4 * (np.arange(3000) + 0.5) / 3000
    specificity = [1 - fpr_at_tpr_error(y, score, tpr=tpr) for tpr in middles]
    expected = recall_partial_auc_score(y, score, min_tpr=0.6)
    assert np.mean(specificity) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("min_tpr", [0.0, 0.3, 0.95])
def test_chance_and_perfection(min_tpr):
    y = np.arange(40) % 4 == 0
    constant = recall_partial_auc_score(y, np.zeros(40), min_tpr=min_tpr)
    assert constant == pytest.approx((1 - min_tpr) / 2)
    standard = {"min_tpr": min_tpr, "standardize": True}
    assert recall_partial_auc_score(y, np.zeros(40), **standard) == pytest.approx(0.5)
    assert recall_partial_auc_score(y, y, min_tpr=min_tpr) == 1.0
    assert recall_partial_auc_score(y, y, **standard) == 1.0
    assert recall_partial_auc_score(y, ~y, **standard) < 0.5


def test_only_the_lowest_positives_count():
    y, score = np.repeat([0, 1], [50, 10]), np.concatenate([np.arange(50.0), np.arange(20, 30)])
    higher = score.copy()
    higher[-5:] += 100.0
    for min_tpr, changes in ((0.5, False), (0.4, True)):
        before = recall_partial_auc_score(y, score, min_tpr=min_tpr)
        assert (recall_partial_auc_score(y, higher, min_tpr=min_tpr) > before) == changes


# --- the volume


@quick
@given(rankings(ties=False), recalls)
def test_volume_is_the_share_down_to_the_positive_that_is_needed(ranked, recall):
    y, score, *_ = ranked
    ordered = y[np.argsort(-score)]
    caught = np.cumsum(ordered) / y.sum()
    n_rows = 1 + int(np.argmax(caught >= recall * (1 - 1e-9)))
    # Of the last positive a part may do, as on a curve.
    below = caught[n_rows - 1] - 1 / y.sum()
    exact = (n_rows - 1 + min((recall - below) * y.sum(), 1.0)) / y.size
    assert volume_at_recall_error(y, score, recall=recall) == pytest.approx(exact, abs=1e-8)


@quick
@given(rankings(), recalls)
def test_the_volume_is_the_budget_that_covers_the_recall(ranked, recall):
    y, score, *_ = ranked
    volume = volume_at_recall_error(y, score, recall=recall)
    # Whole rows are reviewed.
    budget = min(max(np.ceil(volume * y.size - 1e-9), 1) / y.size, 1.0)
    assert coverage_at_budget_score(y, score, budget=budget) >= recall - 1e-8


@quick
@given(rankings(), recalls)
def test_volume_is_made_of_both_classes(ranked, recall):
    y, score, weight, _ = ranked
    volume = volume_at_recall_error(y, score, recall=recall, sample_weight=weight)
    negatives = fpr_at_tpr_error(y, score, tpr=recall, sample_weight=weight)
    share = weight[y == 1].sum() / weight.sum()
    assert volume == pytest.approx(share * recall + (1 - share) * negatives, abs=1e-8)


def test_volume_of_a_constant_score_is_the_recall():
    y = np.arange(40) % 4 == 0
    assert volume_at_recall_error(y, np.zeros(40), recall=0.7) == pytest.approx(0.7)
    assert volume_at_recall_error(y, y, recall=1.0) == 0.25


def test_recall_of_the_value():
    y, score = [0, 1, 0, 1], [0.1, 0.2, 0.3, 0.4]
    assert volume_at_recall_error(y, score, recall=0.9, value=[0, 1, 0, 9]) == 0.25
    assert volume_at_recall_error(y, score, recall=1.0, value=[0, 1, 0, 9]) == 0.75


# --- ranges and scorers


@pytest.mark.parametrize("min_tpr", [1.0, -0.1, np.nan, "0.9", None, True, 95])
def test_a_floor_out_of_range_is_named(min_tpr):
    for call in (
        lambda: recall_partial_auc_score([0, 1], [0, 1], min_tpr=min_tpr),
        lambda: make_recall_partial_auc_scorer(min_tpr),
    ):
        with pytest.raises(ValueError, match=r"'min_tpr' parameter of .*recall_partial_auc.*\[0"):
            call()


@pytest.mark.parametrize("recall", [0.0, 1.1, np.nan, "0.9", None, True])
def test_a_recall_out_of_range_is_named(recall):
    for call in (
        lambda: volume_at_recall_error([0, 1], [0, 1], recall=recall),
        lambda: make_volume_at_recall_scorer(recall),
    ):
        with pytest.raises(ValueError, match=r"'recall' parameter of .*volume_at_recall"):
            call()


def test_options_are_checked():
    with pytest.raises(ValueError, match="'standardize' parameter of recall_partial_auc_score"):
        recall_partial_auc_score([0, 1], [0, 1], standardize="yes")
    with pytest.raises(ValueError, match="'standardize' parameter of make_recall_partial"):
        make_recall_partial_auc_scorer(standardize="yes")


def test_scorers_of_models():
    rng = np.random.default_rng(0)
    y = np.arange(400) % 5 == 0
    X = rng.normal(size=(400, 3)) + y[:, None]
    model = LogisticRegression().fit(X, y)
    score = model.decision_function(X)
    area, volume = make_recall_partial_auc_scorer(0.8), make_volume_at_recall_scorer(0.8)
    assert area(model, X, y) == recall_partial_auc_score(y, score, min_tpr=0.8)
    assert volume(model, X, y) == -volume_at_recall_error(y, score, recall=0.8)
    named = np.where(y, "fraud", "ok")
    other = LogisticRegression().fit(X, named)
    for scorer in (
        make_recall_partial_auc_scorer(0.8, pos_label="fraud"),
        make_recall_partial_auc_scorer(0.8, standardize=False, pos_label="fraud"),
    ):
        assert scorer(other, X, named) == pytest.approx(area(model, X, y))
    amount = rng.lognormal(size=400)
    by_column = make_volume_at_recall_scorer(0.8, value_column=3)
    table = np.column_stack([X, amount])
    wider = LogisticRegression().fit(table, y)
    assert by_column(wider, table, y) == -volume_at_recall_error(
        y, wider.decision_function(table), recall=0.8, value=amount
    )
    assert cross_val_score(LogisticRegression(), X, y, scoring=area, cv=3).shape == (3,)
    search = GridSearchCV(LogisticRegression(), {"C": [1e-6, 1.0]}, scoring=volume, cv=3)
    assert search.fit(X, y).best_score_ < 0
