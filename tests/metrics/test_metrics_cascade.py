"""Coverage of two stages: the product over the positives, ties, weights, the curve, the scorer."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

from skbudget.metrics import (
    cascade_coverage,
    cascade_coverage_score,
    cascade_curve,
    cascade_scores,
    coverage_at_budget_score,
    coverage_curve,
    make_cascade_scorer,
)


def exact_cut(scores, counts, size):
    """Return the share of each row that a cut takes, in rational arithmetic."""
    taken, left = [Fraction(0)] * len(scores), size
    for level in sorted(set(scores), reverse=True):
        members = [number for number, score in enumerate(scores) if score == level]
        total = sum(counts[number] for number in members)
        share = min(Fraction(1), left / total) if total else Fraction(1)
        for number in members:
            taken[number] = share
        left -= share * total
        if left <= 0:
            break
    return taken


def exact_cascade(y, first, second, budgets, weight):
    """Return what each stage lets through, row by row, as fractions."""
    counts = [Fraction(int(one)) for one in weight]
    sizes = [max(1, -(-Fraction(one) * sum(counts) // 1)) for one in budgets]
    passed = exact_cut(first, counts, Fraction(sizes[0]))
    reaching = [count * share for count, share in zip(counts, passed)]
    kept = exact_cut(second, reaching, Fraction(sizes[1]))
    positives = sum(count for count, label in zip(counts, y) if label)
    reached = sum(count for count, label in zip(reaching, y) if label)
    caught = sum(count * share for count, share, label in zip(reaching, kept, y) if label)
    return positives, reached, caught


@st.composite
def cascades(draw):
    n_rows = draw(st.integers(2, 14))
    few = st.integers(0, 4)
    y = draw(st.lists(st.booleans(), min_size=n_rows, max_size=n_rows).filter(any))
    y[draw(st.integers(0, n_rows - 1))] = False
    if not any(y):
        y[0], y[1] = True, False
    columns = [draw(st.lists(few, min_size=n_rows, max_size=n_rows)) for _ in range(2)]
    weight = draw(st.lists(st.integers(1, 3), min_size=n_rows, max_size=n_rows))
    # Sixteenths are exact.
    second, first = sorted(draw(st.tuples(st.integers(1, 16), st.integers(1, 16))))
    return y, *columns, (first / 16, second / 16), weight


@pytest.mark.filterwarnings("ignore:.*is the majority of y_true")
@settings(max_examples=60, deadline=None)
@given(cascades())
def test_the_whole_is_the_product_of_the_stages_and_the_exact_cascade(case):
    y, first, second, budgets, weight = case
    positives, reached, caught = exact_cascade(y, first, second, budgets, weight)
    found = cascade_coverage(
        np.array(y).astype(int), first, second, budgets=budgets, sample_weight=weight
    )
    assert found.coverage == found.first * found.second
    assert found.coverage == pytest.approx(float(caught / positives), abs=1e-12)
    assert found.first == pytest.approx(float(reached / positives), abs=1e-12)
    assert found.n_positives == positives
    assert found.lost_first == pytest.approx(float(positives - reached), abs=1e-9)
    assert found.lost_second == pytest.approx(float(reached - caught), abs=1e-9)
    # A weight is so many rows, whatever their order.
    rows = np.repeat(np.arange(len(y)), weight)[::-1]
    repeated = cascade_coverage(
        np.array(y)[rows].astype(int),
        np.array(first)[rows],
        np.array(second)[rows],
        budgets=budgets,
    )
    assert repeated.coverage == pytest.approx(found.coverage, abs=1e-12)


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    y = (rng.random(2000) < 0.05).astype(int)
    first, second = rng.normal(size=(2, 2000)) + 1.5 * y
    return y, first, second


@pytest.mark.parametrize("basis", ["population", "fpr"])
def test_first_stage_is_plain_coverage_and_the_ends_are_single_stages(table, basis):
    y, first, second = table
    found = cascade_coverage(y, first, second, budgets=(0.2, 0.05), basis=basis)
    assert found.first == coverage_at_budget_score(y, first, budget=0.2, basis=basis)
    alone = cascade_coverage_score(y, first, second, budgets=(1.0, 0.05), basis=basis)
    assert alone == pytest.approx(coverage_at_budget_score(y, second, budget=0.05, basis=basis))
    same = cascade_coverage_score(y, first, second, budgets=(0.05, 0.05), basis=basis)
    assert same == pytest.approx(coverage_at_budget_score(y, first, budget=0.05, basis=basis))


def test_second_stage_is_the_coverage_among_the_positives_that_reached_it(table):
    y, first, second = table
    found = cascade_coverage(y, first, second, budgets=(0.2, 0.05))
    reaches = first >= np.sort(first)[-400]
    # 0.05 of all rows are a quarter of those that reach it.
    among = coverage_at_budget_score(y[reaches], second[reaches], budget=0.25)
    assert found.second == pytest.approx(among)
    assert found.lost_first == np.count_nonzero(y) - np.count_nonzero(y & reaches)
    assert found.lost_first + found.lost_second == pytest.approx(
        found.n_positives * (1 - found.coverage)
    )


def test_one_ranking_of_both_stages_has_the_same_coverage_and_keeps_ties(table):
    y, first, second = table
    scores = cascade_scores(first, second, budget_first=0.2)
    for budget in (0.01, 0.05, 0.2):
        one = coverage_at_budget_score(y, scores, budget=budget)
        assert one == pytest.approx(cascade_coverage_score(y, first, second, budgets=(0.2, budget)))
    below = first < np.sort(first)[-400]
    order = np.argsort(scores[below])
    assert (np.diff(first[below][order]) > 0).all()
    tied = cascade_scores([1, 1, 0, 0], [3, 3, 2, 1], budget_first=0.25)
    assert tied.tolist() == [1.0, 1.0, 0.0, 0.0]


def test_values_weigh_the_shares_and_do_not_move_the_cuts(table):
    y, first, second = table
    value = np.random.default_rng(1).lognormal(size=y.size)
    given = {"budgets": (0.2, 0.05), "value": value}
    found = cascade_coverage(y, first, second, **given)
    plain = cascade_coverage(y, first, second, budgets=(0.2, 0.05))
    assert found.lost_first == plain.lost_first
    assert found.first == coverage_at_budget_score(y, first, budget=0.2, value=value)
    assert found.coverage != plain.coverage


@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_weights_near_the_ends_of_a_float_count_by_their_ratios(table, scale):
    y, first, second = table
    weight = np.random.default_rng(1).random(y.size)
    found, extreme = (
        cascade_coverage(y, first, second, budgets=(0.2, 0.05), sample_weight=factor * weight)
        for factor in (1.0, scale)
    )
    assert extreme.coverage == pytest.approx(found.coverage)
    assert extreme.first == pytest.approx(found.first)


def test_no_positive_reaches_the_second_stage():
    found = cascade_coverage([1, 0, 0, 0], [0, 3, 2, 1], [9, 0, 0, 0], budgets=(0.5, 0.25))
    assert (found.coverage, found.first, found.second) == (0.0, 0.0, 0.0)
    assert (found.lost_first, found.lost_second) == (1.0, 0.0)


def test_the_curve_has_the_score_at_every_first_budget(table):
    y, first, second = table
    budgets, kept, coverage = cascade_curve(y, first, second, budget=0.05)
    assert budgets[0] == 0.05
    assert budgets[-1] == 1.0
    for number in (0, 7, 20, 32):
        found = cascade_coverage(y, first, second, budgets=(budgets[number], 0.05))
        assert coverage[number] == found.coverage
        assert kept[number] == found.first
    assert (coverage <= kept + 1e-12).all()
    assert (np.diff(kept) >= 0).all()
    assert kept.tolist() == coverage_curve(y, first, budgets=budgets)[1].tolist()


@pytest.mark.parametrize(
    ("budgets", "message"),
    [
        ((0.005, 0.05), "second at most the first"),
        ((0.05,), "two fractions"),
        (0.05, "two fractions"),
        ((0.05, 0.0), r"range \(0.0, 1.0\]"),
        ((5, 0.5), r"range \(0.0, 1.0\]"),
    ],
    ids=["rising", "one", "a number", "zero", "percent"],
)
def test_budgets_that_are_refused(table, budgets, message):
    with pytest.raises(ValueError, match=message):
        cascade_coverage(*table, budgets=budgets)
    with pytest.raises(ValueError, match=message):
        make_cascade_scorer(fitted(), budgets=budgets)


def test_what_the_curve_and_the_scores_refuse(table):
    with pytest.raises(ValueError, match="first_budgets.*at least the budget"):
        cascade_curve(*table, budget=0.05, first_budgets=[0.01])
    with pytest.raises(ValueError, match="first_score"):
        cascade_coverage(table[0], table[1] * np.nan, table[2])
    with pytest.raises(ValueError, match="second_score"):
        cascade_scores(table[1], table[2] * np.nan)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        cascade_scores(table[1], table[2][1:])


# --- the scorer ----------------------------------------------------------------------------


def draw(n_rows=600, seed=0):
    rng = np.random.default_rng(seed)
    y = (rng.random(n_rows) < 0.15).astype(int)
    return rng.normal(size=(n_rows, 3)) + y[:, None] * [1.0, 0.5, 0.0], y


def fitted(labels=None):
    X, y = draw(seed=9)
    return LogisticRegression().fit(X[:, :3], y if labels is None else labels[y])


def test_the_scorer_scores_the_second_stage_behind_the_first():
    X, y = draw()
    first, second = fitted(), LogisticRegression(C=0.01).fit(*draw(seed=3))
    found = make_cascade_scorer(first, budgets=(0.3, 0.1))(second, X, y)
    expected = cascade_coverage_score(
        y, first.decision_function(X), second.decision_function(X), budgets=(0.3, 0.1)
    )
    assert found == expected
    assert cross_val_score(second, X, y, scoring=make_cascade_scorer(first)).shape == (5,)


def test_the_scorer_turns_both_scores_to_the_positive_class():
    X, y = draw()
    labels = np.array(["good", "bad"])
    # The positive class is the first one in the alphabet.
    first, second = fitted(labels), LogisticRegression(C=0.01).fit(X, labels[y])
    found = make_cascade_scorer(first, budgets=(0.3, 0.1), pos_label="bad")(second, X, labels[y])
    expected = cascade_coverage_score(
        y, -first.decision_function(X), -second.decision_function(X), budgets=(0.3, 0.1)
    )
    assert found == expected


def test_the_scorer_reads_a_column_of_values():
    X, y = draw()
    first, second = fitted(), LogisticRegression(C=0.01).fit(X, y)
    scorer = make_cascade_scorer(first, budgets=(0.3, 0.1), value_column=2)
    X[:, 2] = np.abs(X[:, 2])
    expected = cascade_coverage_score(
        y,
        first.decision_function(X),
        second.decision_function(X),
        budgets=(0.3, 0.1),
        value=X[:, 2],
    )
    assert scorer(second, X, y) == expected


def test_the_scorer_refuses_a_first_stage_that_is_not_fitted():
    with pytest.raises(ValueError, match="not fitted"):
        make_cascade_scorer(LogisticRegression())
    with pytest.raises(TypeError, match="decision_function or predict_proba"):
        make_cascade_scorer("first")
