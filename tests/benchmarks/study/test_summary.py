import math
from dataclasses import replace

import numpy as np
import pytest
from study_fakes import ONE

from benchmarks.study import Summary, rank_methods, verdict
from skbudget.cli import Estimate, t_interval


def measures(values, table="one", budget=0.005, group="real", n_train=4_000):
    """Return measures of {method: [test coverage by seed]}."""
    one = replace(ONE, table=table, group=group, budget=budget, n_train=n_train)
    return [
        replace(one, method=method, seed=seed, test=value)
        for method, by_seed in values.items()
        for seed, value in enumerate(by_seed)
        if value is not None
    ]


def test_a_verdict_is_whether_the_interval_holds_zero():
    assert verdict(Estimate(0.1, 0.05, 5)) == "win"
    assert verdict(Estimate(0.1, 0.2, 5)) == "tie"
    assert verdict(Estimate(-0.1, 0.05, 5)) == "loss"
    assert verdict(Estimate(0.1, math.nan, 1)) == "tie"


def test_differences_are_paired_by_seed_and_corrected_for_shared_rows():
    found = measures({"ours": [0.5, 0.7, 0.6], "peer": [0.4, 0.5, None]})
    (cell,) = Summary(found, {"one": lambda seeds: 1 / 3}).cells
    difference = cell.difference("ours", "peer")
    expected = t_interval([0.1, 0.2], test_train_ratio=1 / 3)
    assert difference.n == 2
    assert difference.mean == pytest.approx(expected.mean)
    assert difference.half_width == pytest.approx(expected.half_width)
    assert cell.mean("ours").mean == pytest.approx(0.6)
    assert cell.seeds == [0, 1, 2]


def test_the_best_is_of_those_that_were_measured_on_every_seed():
    found = measures({"ours": [0.5, 0.5], "lucky": [0.9, None], "peer": [0.4, 0.4]})
    (cell,) = Summary(found).cells
    assert cell.best(["lucky", "peer"]) == "peer"
    assert cell.best(["absent"]) is None
    assert cell.difference("ours", "lucky").n == 1


def test_without_shared_seeds_there_is_no_difference():
    found = measures({"ours": [0.5, None], "peer": [None, 0.4]})
    (cell,) = Summary(found).cells
    assert cell.difference("ours", "peer").n == 0


def test_cells_are_selected_by_basis_group_and_table():
    found = [
        *measures({"a": [0.1]}),
        *measures({"a": [0.1]}, table="two", group="few"),
        *measures({"a": [0.1], "ceiling": [0.2]}, budget=0.01),
    ]
    summary = Summary(found)
    assert len(summary.cells) == 3
    assert summary.methods == ["a"]
    assert [cell.table for cell in summary.select(groups=["few"])] == ["two"]
    assert len(summary.select(tables=["one"], basis="fpr")) == 2
    assert summary.select(basis="population") == []


def test_ranks_are_averaged_within_a_table_first():
    found = [
        *measures({"a": [0.9], "b": [0.8], "c": [0.8]}, budget=0.001),
        *measures({"a": [0.9], "b": [0.8], "c": [0.7]}, budget=0.01),
        *measures({"a": [0.1], "b": [0.8], "c": [0.7]}, table="two"),
    ]
    ranking = rank_methods(Summary(found).cells, ["a", "b", "c"])
    # Table one: a 1, b (2.5 + 2) / 2, c (2.5 + 3) / 2; table two: 3, 1, 2.
    assert ranking.ranks == {"b": pytest.approx(1.625), "a": 2.0, "c": pytest.approx(2.375)}
    assert list(ranking.ranks) == ["b", "a", "c"]
    assert ranking.n_tables == 2


def test_critical_difference_is_that_of_demsar():
    # Demsar (2006), section 3.2.2: four methods on 14 data sets, CD = 2.569 sqrt(4*5 / (6*14)).
    rng = np.random.default_rng(0)
    found = [
        measure
        for k in range(14)
        for measure in measures({name: [rng.random()] for name in "abcd"}, table=f"t{k}")
    ]
    ranking = rank_methods(Summary(found).cells, list("abcd"))
    assert ranking.critical_difference == pytest.approx(2.569 * math.sqrt(20 / 84), abs=2e-3)
    assert 0.0 < ranking.friedman_p < 1.0


def test_one_table_has_ranks_but_no_test():
    ranking = rank_methods(Summary(measures({"a": [0.2], "b": [0.1]})).cells, ["a", "b"])
    assert ranking.ranks == {"a": 1.0, "b": 2.0}
    assert math.isnan(ranking.critical_difference)
    assert math.isnan(ranking.friedman_p)
    assert rank_methods([], ["a"]).ranks == {}


def test_tables_that_lack_a_method_are_not_ranked():
    found = [*measures({"a": [0.2], "b": [0.1]}), *measures({"a": [0.2]}, table="two")]
    assert rank_methods(Summary(found).cells, ["a", "b"]).n_tables == 1


def test_methods_that_ran_on_few_tables_are_not_ranked():
    found = [
        *measures({"a": [0.2], "b": [0.1], "c": [0.3], "late": [0.9]}),
        *measures({"a": [0.2], "b": [0.1], "c": [0.3]}, table="two"),
        *measures({"a": [0.2]}, table="three"),
    ]
    ranking = rank_methods(Summary(found).cells, ["a", "b", "c", "late"])
    assert ranking.ranks == {"c": 1.0, "a": 2.0, "b": 3.0}
    assert ranking.n_tables == 2


def test_tables_of_one_source_are_ranked_as_one():
    found = [
        *measures({"a": [0.9], "b": [0.8], "c": [0.7]}, table="yeast4"),
        *measures({"a": [0.9], "b": [0.8], "c": [0.7]}, table="yeast5"),
        *measures({"a": [0.1], "b": [0.8], "c": [0.7]}, table="other"),
    ]
    ranking = rank_methods(Summary(found).cells, ["a", "b", "c"])
    assert ranking.n_tables == 2
    assert ranking.ranks == {"b": 1.5, "a": 2.0, "c": 2.5}


@pytest.mark.parametrize(("basis", "n_train", "counts"), [
    ("fpr", 599, False), ("fpr", 640, True), ("population", 599, False), ("population", 600, True),
])  # fmt: skip
def test_a_budget_of_less_than_one_test_row_does_not_count(basis, n_train, counts):
    # There are 40 positives, so 600 negatives of 640 rows, and a third of each in the test rows.
    small = [
        replace(one, basis=basis)
        for one in measures({"a": [0.2], "b": [0.3]}, table="small", n_train=n_train)
    ]
    large = measures({"a": [0.3], "b": [0.2]})
    (cell,) = Summary(small).cells
    assert cell.counts == counts
    assert rank_methods(Summary([*small, *large]).cells, ["a", "b"]).n_tables == 1 + counts
    drawn = [replace(one, group="contested") for one in small]
    assert Summary(drawn).cells[0].counts  # its test rows are not a third of the training rows
