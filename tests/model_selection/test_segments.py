"""Segments with a threshold each, under one budget."""

import re

import numpy as np
import pytest
from scipy.stats import binom, binomtest, norm
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import GroupKFold
from threshold_cases import FirstColumn, draw, fitted, prefit

from skbudget import BudgetThresholdClassifier
from skbudget.model_selection import budget_threshold


def segmented(seed=0, n_rows=3000):
    """Three segments: positives easily told apart in "a", hardly in "b", rare in "c"."""
    rng = np.random.default_rng(seed)
    segments = rng.choice(["a", "b", "c"], p=[0.3, 0.5, 0.2], size=n_rows)
    rate = np.select([segments == "a", segments == "b"], [0.1, 0.1], 0.01)
    y = (rng.random(n_rows) < rate).astype(int)
    score = rng.standard_normal(n_rows) + y * np.where(segments == "a", 3.0, 0.5)
    return np.column_stack([score + 10 * (segments == "c"), np.arange(n_rows)]), y, segments


@pytest.mark.parametrize("basis", ["population", "fpr"])
def test_equal_shares_give_each_segment_its_own_threshold(basis):
    X, y, segments = segmented()
    model = prefit(X, y, budget=0.05, basis=basis, segments=segments)
    assert model.segments_.tolist() == ["a", "b", "c"]
    for name, threshold in zip(model.segments_, model.threshold_):
        spending = (segments == name) & ((y == 0) | (basis == "population"))
        assert threshold == budget_threshold(X[spending, 0], budget=0.05)
    flagged = model.predict(X, segments=segments) == 1
    of = flagged if basis == "population" else flagged[y == 0]
    assert of.mean() <= 0.05
    assert model.coverage_ == pytest.approx(flagged[y == 1].mean())


@pytest.mark.parametrize("basis", ["population", "fpr"])
def test_coverage_allocation_catches_more_within_the_same_budget(basis):
    X, y, segments = segmented()
    X_new, y_new, segments_new = segmented(seed=1, n_rows=20_000)
    caught = {}
    for allocation in ("equal", "coverage"):
        model = prefit(X, y, budget=0.03, basis=basis, allocation=allocation, segments=segments)
        flagged = model.predict(X, segments=segments) == 1
        assert (flagged if basis == "population" else flagged[y == 0]).mean() <= 0.03
        fresh = model.predict(X_new, segments=segments_new) == 1
        caught[allocation] = fresh[y_new == 1].mean()
    assert model.segment_rates_[0] > 3 * max(model.segment_rates_[1:])
    # At an equal FPR segment "a" has more alerts already, as its positives cost nothing.
    assert caught["coverage"] > (1.3 if basis == "population" else 1.0) * caught["equal"]


def test_value_draws_the_budget_to_a_segment():
    X, y, segments = segmented()
    value = np.where(segments == "b", 100.0, 1.0)
    plain = prefit(X, y, budget=0.03, allocation="coverage", segments=segments)
    valued = prefit(X, y, budget=0.03, allocation="coverage", segments=segments, value=value)
    assert valued.segment_rates_[1] > 2 * plain.segment_rates_[1]


def test_update_of_segments_without_labels_keeps_the_proportion_of_their_rates():
    X, y, segments = segmented()
    model = prefit(X, y, budget=0.03, allocation="coverage", segments=segments)
    rates = model.segment_rates_
    # Segment "a", which had most of the budget, is now most of the rows.
    more = np.flatnonzero((segments == "a") | (np.arange(y.size) % 4 == 0))
    model.update(X[more], segments=segments[more])
    assert model.alert_rate_ <= 0.03
    assert model.segment_rates_ / model.segment_rates_.sum() == pytest.approx(rates / rates.sum())
    assert model.segment_rates_[0] < rates[0]
    model.update(X, segments=segments)
    assert model.segment_rates_ == pytest.approx(rates)


def test_alerts_of_segments_share_the_capacity():
    X, y, segments = segmented()
    model = prefit(X, y, budget=0.05, segments=segments)
    rows = model.alerts(X, capacity=150, segments=segments)
    for name in "abc":
        own = np.flatnonzero(segments == name)
        taken = rows[segments[rows] == name]
        assert taken.size == pytest.approx(0.05 * own.size, abs=1)
        best_first = own[np.argsort(-X[own, 0], kind="stable")]
        assert taken.tolist() == best_first[: taken.size].tolist()
    assert rows[:40].tolist() == model.alerts(X, capacity=40, segments=segments).tolist()


def test_segments_are_checked():
    X, y, segments = segmented()
    model = prefit(X, y, budget=0.05, segments=segments)
    for call in (model.predict, model.alerts, model.update):
        with pytest.raises(ValueError, match="segments must be passed to this call too"):
            call(X)
        with pytest.raises(ValueError, match=r"without a threshold: \['z'\].*\['a', 'b', 'c'\]"):
            call(X[:2], segments=["a", "z"])
    with pytest.raises(ValueError, match="expected 2, got 1"):
        model.predict(X[:2], segments=["a"])
    with pytest.raises(ValueError, match="in each segment: segment 'b' has 0"):
        model.update(X[:2], segments=["a", "c"])
    with pytest.raises(ValueError, match="cannot be passed to this call, as fit was given none"):
        prefit(X, y, budget=0.05).predict(X, segments=segments)
    with pytest.raises(ValueError, match="segments contains NaN"):
        prefit(X, y, budget=0.05, segments=np.full(y.size, np.nan))
    with pytest.raises(ValueError, match="segments contains NaN or None: every row needs a label"):
        prefit(X, y, segments=np.array(["a", None] * (y.size // 2), dtype=object))


def test_a_guarantee_refuses_shares_chosen_on_the_same_rows():
    X, y, segments = segmented()
    with pytest.raises(ValueError, match="guarantee cannot be given for allocation='coverage'"):
        prefit(X, y, budget=0.1, guarantee=0.9, allocation="coverage", segments=segments)


def test_all_segments_keep_the_budget_together():
    budget, guarantee, n_draws, n_segments = 0.1, 0.8, 200, 3
    failed = 0
    for seed in range(n_draws):
        X, y = draw(450, seed=seed)
        segments = np.random.default_rng(seed).integers(0, n_segments, y.size)
        X[:, 0] = X[:, 0] - 2 * y + 5 * segments  # one law, N(5 segment, 1), in each
        model = prefit(X, y, budget=budget, guarantee=guarantee, segments=segments)
        rates = norm.sf(model.threshold_ - 5 * np.arange(n_segments))
        failed += (rates > budget).any()
    assert binomtest(failed, n_draws, 1 - guarantee, alternative="greater").pvalue > 1e-3
    assert failed > 0.3 * (1 - guarantee) * n_draws  # not so with a third of the budget each


def test_the_example_of_two_segments_is_the_least_number():
    risk = 1 - np.sqrt(0.95)
    assert binom.cdf(0, 734, 0.005) <= risk < binom.cdf(0, 733, 0.005)


def test_a_constant_score_names_the_segment_and_points_at_the_caller():
    X, y = draw(200)
    X[:, 0] = 1.0
    model = BudgetThresholdClassifier(fitted(X, y), budget=0.1, cv="prefit")
    segments = np.arange(200) % 2
    text = r"100 calibration rows of segment (\d), too many"
    with pytest.warns(UserWarning, match=text) as of_fit:
        model.fit(X, y, segments=segments)
    with pytest.warns(UserWarning, match=text) as of_update:
        model.update(X, segments=segments)
    for caught in (of_fit, of_update):
        named = [re.search(text, str(warning.message)) for warning in caught]
        assert [found.group(1) for found in named] == ["0", "1"]
    assert {warning.filename for warning in of_update} == {__file__}


def test_groups_of_a_splitter_are_no_segments():
    X, y = draw(300)
    customer = np.arange(300) // 3
    splits = list(GroupKFold(3).split(X, y, customer))
    model = BudgetThresholdClassifier(FirstColumn(), budget=0.1, cv=splits).fit(X, y)
    assert model.segments_ is None
    assert model.n_calibration_ == 300
    segment = np.arange(300) % 2
    with config_context(enable_metadata_routing=True):
        routed = BudgetThresholdClassifier(FirstColumn(), budget=0.1, cv=GroupKFold(3))
        routed.fit(X, y, groups=customer, segments=segment)
    assert routed.segments_.tolist() == [0, 1]
    assert routed.n_calibration_ == 300
    seen = clone(model).set_params(cv=splits).fit(X, y, segments=segment)
    assert routed.threshold_.tolist() == seen.threshold_.tolist()


def test_segments_have_one_name():
    X, y, segments = segmented()
    model = prefit(X, y, budget=0.05, segments=segments)
    fitted_to = [name for name in vars(model) if name.endswith("_")]
    assert {"segments_", "segment_rates_"} <= set(fitted_to)
    assert not any("group" in name for name in fitted_to)
    with pytest.raises(ValueError, match="groups"):
        model.fit(X, y, groups=segments)
    for call in (model.predict, model.alerts, model.update):
        with pytest.raises(TypeError, match="groups"):
            call(X, groups=segments)
