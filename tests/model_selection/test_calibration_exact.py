"""Thresholds and guarantees against their definitions in rational arithmetic."""

from fractions import Fraction
from math import comb, inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skbudget.model_selection import budget_threshold, min_calibration_rows
from skbudget.model_selection._calibration import BudgetRule, ScoredRows, calibrate
from skbudget.model_selection._guarantee import fewest_rows, most_flagged

quick = settings(max_examples=120, deadline=None)
# Sixty-fourths are floats, and no power of theirs is a number of ninety-sevenths.
budgets = st.integers(1, 63).map(lambda number: Fraction(number, 64))
risks = st.integers(1, 96).map(lambda number: Fraction(number, 97))


def tails(n_rows, budget):
    """P(Binomial(n_rows, budget) <= r) for r = 0, ..., n_rows."""
    total, found = Fraction(0), []
    for r in range(n_rows + 1):
        total += comb(n_rows, r) * budget**r * (1 - budget) ** (n_rows - r)
        found.append(total)
    return found


@quick
@given(st.integers(1, 40), budgets, risks)
def test_how_many_rows_may_be_flagged(n_rows, budget, risk):
    expected = sum(tail <= risk for tail in tails(n_rows, budget)) - 1
    assert most_flagged(n_rows, float(budget), float(risk)) == expected
    scores = np.random.default_rng(n_rows).permutation(n_rows).astype(float)
    guarantee = 1.0 - float(risk)
    if expected >= 0:
        found = budget_threshold(scores, budget=float(budget), guarantee=guarantee)
        assert np.count_nonzero(scores > found) == expected
    else:
        with pytest.raises(ValueError, match=f"needs at least .* scores.*: got {n_rows}"):
            budget_threshold(scores, budget=float(budget), guarantee=guarantee)


@quick
@given(budgets, risks)
def test_how_many_rows_a_guarantee_takes(budget, risk):
    n_rows, kept = 1, 1 - budget
    while kept > risk:
        n_rows, kept = n_rows + 1, kept * (1 - budget)
    assert fewest_rows(float(budget), float(risk)) == n_rows
    assert min_calibration_rows(float(budget), 1.0 - float(risk)) == n_rows


@st.composite
def calibrations(draw):
    n = draw(st.integers(4, 24))

    def column(values):
        return np.array(draw(st.lists(values, min_size=n, max_size=n)))

    segment = column(st.integers(0, 1))
    segment[:4] = [0, 1, 0, 1]
    labels = column(st.booleans())
    labels[:4] = [False, False, True, True]
    # Every segment has a row of either class that weighs something.
    weight, value = column(st.integers(0, 3)), column(st.integers(0, 4))
    weight[:4], value[2] = np.maximum(weight[:4], 1), max(value[2], 1)
    return column(st.integers(-3, 3)), labels, weight, value, segment


def least_threshold(scores, weight, size):
    """The least of the scores above which there is no more weight than the size."""
    for candidate in [-inf, *sorted(set(scores))]:
        if sum(w for s, w in zip(scores, weight) if s > candidate) <= size:
            return candidate
    raise AssertionError


@quick
@given(
    calibrations(),
    st.integers(1, 99),
    st.sampled_from(["population", "fpr"]),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
def test_thresholds_spend_the_budget(rows, percent, basis, weighted, valued, segmented):
    scores, labels, weight, value, segment = rows
    weight = weight if weighted else np.ones_like(weight)
    value = value if valued else np.ones_like(value)
    segment = segment if segmented else np.zeros_like(segment)
    present = range(len(scores))
    spending = [i for i in present if weight[i] and (basis == "population" or not labels[i])]
    thresholds = []
    for code in range(2 if segmented else 1):
        own = [i for i in spending if segment[i] == code]
        size = Fraction(percent, 100) * int(sum(weight[i] for i in own))
        of_own = [int(scores[i]) for i in own], [int(weight[i]) for i in own]
        thresholds.append(least_threshold(*of_own, size))
    flagged = [i for i in present if weight[i] and scores[i] > thresholds[segment[i]]]
    rule = BudgetRule(
        percent / 100, basis, None, "equal", np.array(["a", "b"]) if segmented else None
    )
    found = calibrate(
        rule,
        ScoredRows(
            scores.astype(float),
            labels,
            weight.astype(float) if weighted else None,
            value.astype(float) if valued else None,
            segment,
        ).with_weight(),
    )
    assert found.thresholds.tolist() == thresholds
    assert found.n_spending == len(spending)
    total = sum(weight)
    assert found.alert_rate == pytest.approx(sum(weight[i] for i in flagged) / total)
    worth = {i: weight[i] * value[i] for i in present if labels[i]}
    caught = sum(worth[i] for i in flagged if labels[i])
    assert found.coverage == pytest.approx(caught / sum(worth.values()))
    for code, rate in enumerate(found.rates):
        expected = percent / 100
        if basis == "fpr":
            inside = [i for i in present if segment[i] == code]
            expected = sum(weight[i] for i in inside if i in flagged)
            expected /= sum(weight[i] for i in inside)
        assert rate == pytest.approx(expected)


@pytest.mark.parametrize("n_segments", [1, 2, 3])
def test_risks_of_segments_multiply_to_the_guarantee(n_segments):
    segments = None if n_segments == 1 else np.arange(n_segments)
    rule = BudgetRule(0.1, "population", 0.9, "equal", segments)
    assert (1.0 - rule.segment_risk) ** n_segments == pytest.approx(0.9)
    n_rows = fewest_rows(0.1, rule.segment_risk)
    scores = np.tile(np.arange(float(n_rows)), n_segments)
    rows = ScoredRows(scores, None, None, None, np.repeat(np.arange(n_segments), n_rows))
    found = calibrate(rule, rows)
    assert found.thresholds.tolist() == [n_rows - 1.0] * n_segments
    assert (found.n_spending, found.alert_rate) == (scores.size, 0.0)
    assert np.isnan(found.coverage)
    less = rows.take(np.arange(scores.size) > 0)
    least = f"guarantee=0.9 of budget=0.1 needs at least {n_rows} calibration rows"
    with pytest.raises(ValueError, match=f"{least}.*{n_rows - 1}"):
        calibrate(rule, less)
