"""The best rows under a limit for each group, against all choices of rows."""

from itertools import combinations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from skbudget import BudgetThresholdClassifier, make_contested_top
from skbudget.metrics import group_coverage_score
from skbudget.model_selection import top_rows


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("most", [1, 2, 0.4])
def test_no_choice_within_the_limits_is_better(seed, most):
    rng = np.random.default_rng(seed)
    score, group = rng.normal(size=9), rng.integers(0, 3, 9)
    limits = np.bincount(group, minlength=3)
    limits = np.ceil(most * limits) if most < 1 else np.full(3, most)
    for capacity in (1, 3, 5, 9):
        rows = top_rows(score, capacity=capacity, group=group, max_per_group=most)
        assert (np.bincount(group[rows], minlength=3) <= limits).all()
        assert (np.diff(score[rows]) <= 0).all()
        assert rows.size == min(capacity, np.minimum(limits, np.bincount(group, minlength=3)).sum())
        best = max(
            score[list(some)].sum()
            for some in combinations(range(9), rows.size)
            if (np.bincount(group[list(some)], minlength=3) <= limits).all()
        )
        assert score[rows].sum() == pytest.approx(best)


def test_pages_catch_what_the_metric_says():
    rng = np.random.default_rng(0)
    y, score, group = rng.random(300) < 0.2, rng.normal(size=300), rng.integers(0, 12, 300)
    for slice_, most in (({"k": 4}, 4), ({"budget": 0.15}, 0.15)):
        rows = top_rows(score, group=group, max_per_group=most)
        assert y[rows].sum() / y.sum() == pytest.approx(
            group_coverage_score(y, score, group=group, **slice_)
        )


def test_ties_and_plain_lists():
    assert top_rows([1, 2, 2, 1], capacity=3).tolist() == [1, 2, 0]
    assert top_rows([1.0, 2.0]).tolist() == [1, 0]
    assert top_rows([3, 2, 1], group=list("aab"), max_per_group=10**30).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"capacity": 0}, "'capacity' parameter of top_rows"),
        ({"group": [0, 1]}, "needs max_per_group beside group"),
        ({"max_per_group": 2}, "needs group beside max_per_group"),
        ({"max_per_group": 0, "group": [0, 1]}, "'max_per_group' parameter of top_rows"),
        ({"max_per_group": 1.0, "group": [0, 1]}, "'max_per_group' parameter of top_rows"),
        ({"max_per_group": True, "group": [0, 1]}, "'max_per_group' parameter of top_rows"),
        ({"max_per_group": 1, "group": [0]}, "inconsistent numbers of samples"),
    ],
    ids=str,
)
def test_errors_name_the_parameter(given, message):
    with pytest.raises(ValueError, match=message):
        top_rows([0.1, 0.2], **given)


@pytest.fixture(scope="module")
def fitted():
    X, y = make_contested_top(3_000, pos_rate=0.03, random_state=0)
    segments = np.arange(y.size) % 2
    plain = BudgetThresholdClassifier(LogisticRegression(), budget=0.05).fit(X, y)
    parted = BudgetThresholdClassifier(LogisticRegression(), budget=0.05)
    return X, segments, plain, parted.fit(X, y, segments=segments)


def test_alerts_list_a_few_of_each_group(fitted):
    X, segments, plain, parted = fitted
    customer = np.arange(X.shape[0]) // 50
    every = plain.alerts(X, capacity=X.shape[0])
    for capacity in (None, 40, 100, X.shape[0]):
        rows = plain.alerts(X, capacity, group=customer, max_per_group=2)
        wanted = [
            row for at, row in enumerate(every)
            if np.count_nonzero(customer[every[:at]] == customer[row]) < 2
        ]  # fmt: skip
        assert rows.tolist() == wanted[: 150 if capacity is None else capacity]
    rows = parted.alerts(X, 60, segments=segments, group=customer, max_per_group=1)
    assert np.bincount(customer[rows]).max() == 1
    assert rows.size == 60
    # The limit passes over rows of either segment, so their shares hold roughly.
    assert abs(np.count_nonzero(segments[rows]) - 30) <= 8


def test_alerts_refuse_half_of_a_limit(fitted):
    X, _, plain, _ = fitted
    with pytest.raises(ValueError, match="alerts needs group beside max_per_group"):
        plain.alerts(X, 10, max_per_group=1)
    with pytest.raises(ValueError, match="'max_per_group' parameter of alerts"):
        plain.alerts(X, 10, max_per_group=-1, group=np.zeros(X.shape[0]))
