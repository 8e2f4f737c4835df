import math

import numpy as np
import pytest
from promises_fakes import make_measure, measures_of
from sklearn.metrics import roc_curve

from benchmarks.promises._figures import Figures, gain_of
from benchmarks.promises._measure import Results, read_measures
from benchmarks.promises._promises import (
    BUDGET,
    PROMISES,
    Scored,
    balanced_error,
    mean_fpr,
    significance,
)
from skbudget._utils.statistics import Estimate, t_interval
from skbudget.metrics import fpr_at_tpr_error


def scored(seed, n_rows=400, ties=False):
    rng = np.random.default_rng(seed)
    y = (rng.uniform(size=n_rows) < 0.2).astype(int)
    score = rng.standard_normal(n_rows) + 1.5 * y
    return Scored(y, np.round(score, 1) if ties else score)


@pytest.mark.parametrize("ties", [False, True])
def test_the_curve_is_that_of_scikit_learn(ties):
    rows = scored(0, ties=ties)
    thresholds, tpr, fpr = rows.curve()
    expected_fpr, expected_tpr, cuts = roc_curve(rows.y, rows.score, drop_intermediate=False)
    # Its first and last thresholds select nothing and everything.
    np.testing.assert_allclose(fpr, expected_fpr[1:-1])
    np.testing.assert_allclose(tpr, expected_tpr[1:-1])
    assert all(thresholds < cuts[1:-1])
    for number in range(0, len(thresholds), 7):
        assert rows.rates(thresholds[number]) == (tpr[number], fpr[number])


def test_thresholds_are_chosen_on_the_first_rows():
    valid, test = scored(1), scored(2)
    errors = {cut: 0.5 * (1 - tpr + fpr) for cut in valid.score for tpr, fpr in [valid.rates(cut)]}
    cut = min(errors, key=errors.get)
    tpr, fpr = test.rates(cut)
    assert balanced_error(valid, test) == pytest.approx(0.5 * (1 - tpr + fpr), abs=0.01)
    assert balanced_error(test, test) <= balanced_error(valid, test)
    assert significance(test, test) >= significance(valid, test)


def test_the_ends_of_the_figures():
    y = np.array([0, 0, 0, 1, 1])
    perfect, constant = Scored(y, y.astype(float)), Scored(y, np.zeros(5))
    assert balanced_error(perfect, perfect) == 0.0
    assert significance(perfect, perfect) == 1.0
    assert balanced_error(constant, constant) == 0.5
    # Everything is selected.
    assert significance(constant, constant) == pytest.approx(1 / math.sqrt(1 + 1 / BUDGET))
    assert [PROMISES[name].judge(perfect, perfect) for name in PROMISES] == [
        1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0,
    ]  # fmt: skip


def test_the_choice_is_by_the_mean_of_the_three_floors():
    rows = scored(3)
    rates = [fpr_at_tpr_error(rows.y, rows.score, tpr=tpr) for tpr in (0.98, 0.95, 0.92)]
    assert mean_fpr(rows) == pytest.approx(np.mean(rates))


def test_measures_survive_a_file_and_are_not_added_twice(tmp_path):
    results = Results(tmp_path / "promises.csv")
    one, ceiling = make_measure(), make_measure(addition="", validation=math.nan)
    results.add([one, ceiling])
    results.add([one])
    first, second = read_measures(tmp_path / "promises.csv")
    assert first == one
    assert second.addition == ""
    assert math.isnan(second.validation)
    assert results.holds("hard-bulk", 0, "bce", [("alone", "fpr-at-95"), ("", "fpr-at-95")])
    assert not results.holds("hard-bulk", 1, "bce", [("alone", "fpr-at-95")])


def test_differences_are_paired_by_seed():
    measures = measures_of({("bce", "alone"): [0.5, 0.7], ("bce", "alm"): [0.4, 0.6, 0.1]})
    figures = Figures.of(measures, "hard-bulk", "fpr-at-95")
    difference = figures.difference(("bce", "alm"), ("bce", "alone"))
    assert difference.mean == pytest.approx(-0.1)
    assert difference.half_width == pytest.approx(0.0, abs=1e-9)
    assert figures.mean(("bce", "alm")).n == 3
    assert figures.draws == "2 to 3 draws"
    assert Figures.of(measures[:1], "hard-bulk", "fpr-at-95").draws == "1 draw"
    assert math.isnan(figures.mean(("ldam", "alm")).mean)
    assert figures.difference(("ldam", "alm"), ("bce", "alm")).n == 0


def test_seeds_that_split_one_table_are_not_independent():
    values = [0.5, 0.7, 0.4]
    tests = {("bce", "alone"): values}
    drawn = Figures.of(measures_of(tests), "hard-bulk", "fpr-at-95")
    split = Figures.of(measures_of(tests, table="mammography"), "mammography", "fpr-at-95")
    assert drawn.mean(("bce", "alone")) == t_interval(values)
    assert split.mean(("bce", "alone")) == t_interval(values, test_train_ratio=1 / 3)


@pytest.mark.parametrize(
    ("mean", "width", "sign", "gain"),
    [
        pytest.param(-0.2, 0.1, -1, "better", id="less-is-better"),
        pytest.param(-0.2, 0.1, 1, "worse", id="less-is-worse"),
        pytest.param(0.2, 0.3, 1, "same", id="zero-inside"),
        pytest.param(0.2, math.nan, 1, "", id="one-seed"),
    ],
)
def test_a_gain_is_sure_if_the_interval_lies_on_one_side(mean, width, sign, gain):
    assert gain_of(Estimate(mean, width, 3), sign) == gain
