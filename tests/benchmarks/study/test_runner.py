import os
from dataclasses import replace

import pytest
from study_fakes import make_contender, small_contenders, small_tables

from benchmarks.study import Effort, Failure, Results, ResultsError, plan_units, run_units

pytest.importorskip("optuna")

EFFORT = Effort(budgets=(0.05,), tree_trials=2, network_trials=2, search_rows=1000)


def seeds(number):
    return lambda table: number


@pytest.fixture
def tables():
    return small_tables()


@pytest.fixture
def contenders():
    return small_contenders()


def test_units_run_seed_by_seed_and_the_ceiling_where_there_is_one(tmp_path, tables, contenders):
    units = plan_units(tables, contenders, seeds(2), EFFORT, Results(tmp_path / "study.csv"))
    assert [unit.seed for unit in units] == [0] * 7 + [1] * 7
    assert [(u.table.name, u.method) for u in units[:7]] == [
        ("one", "lightgbm"), ("one", "forest"), ("one", "pauc-lightgbm"),
        ("two", "ceiling"), ("two", "lightgbm"), ("two", "forest"), ("two", "pauc-lightgbm"),
    ]  # fmt: skip


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_study_that_was_stopped_gives_what_a_whole_one_gives(
    tmp_path, tables, contenders, n_jobs
):
    whole = Results(tmp_path / "whole.csv")
    for _, found in run_units(plan_units(tables, contenders, seeds(2), EFFORT, whole), EFFORT, 1):
        whole.add(found)
    path = tmp_path / "parts.csv"
    before = os.environ.get("OMP_NUM_THREADS")
    for stop in (3, 5, 100):
        parts = Results(path)
        units = plan_units(tables, contenders, seeds(2), EFFORT, parts)
        for _, found in run_units(units[:stop], EFFORT, n_jobs):
            parts.add(found)
    assert plan_units(tables, contenders, seeds(2), EFFORT, Results(path)) == []
    assert os.environ.get("OMP_NUM_THREADS") == before

    def content(results):
        return sorted((m.table, m.seed, m.method, m.basis, m.test, m.parameters) for m in results)

    assert content(Results(path)) == content(Results(tmp_path / "whole.csv"))


def test_a_failure_does_not_end_the_study(tmp_path, tables):
    def fit(parameters, X, y, setting):
        raise RuntimeError("no such leaf")

    contenders = [make_contender("bad", fit=fit), make_contender("good")]
    units = plan_units(tables, contenders, seeds(1), EFFORT, Results(tmp_path / "study.csv"))
    found = {(u.table.name, u.method): result for u, result in run_units(units, EFFORT, 1)}
    assert isinstance(found["one", "bad"], Failure)
    assert found["one", "bad"].error == "RuntimeError: no such leaf"
    assert len(found["one", "good"]) == 2


def test_results_of_another_effort_are_not_mixed_in(tmp_path, tables, contenders):
    results = Results(tmp_path / "study.csv")
    for _, found in run_units(plan_units(tables, contenders, seeds(1), EFFORT, results), EFFORT, 1):
        results.add(found)
    more = Effort(budgets=(0.05,), tree_trials=3, network_trials=2, search_rows=1000)
    with pytest.raises(ResultsError, match=r"study\.csv holds lightgbm after 2 trials"):
        plan_units(tables, contenders, seeds(1), more, results)
    # One more budget is added to the results.
    wider = Effort(budgets=(0.05, 0.1), tree_trials=2, network_trials=2, search_rows=1000)
    assert len(plan_units(tables, contenders, seeds(1), wider, results)) == 7


def test_results_of_another_split_are_not_mixed_in(tmp_path, tables, contenders):
    results = Results(tmp_path / "study.csv")
    units = plan_units(tables, contenders[:1], seeds(1), EFFORT, results)
    for _, found in run_units(units, EFFORT, 1):
        results.add(found)
    dated = [replace(tables[0], group="real by time"), tables[1]]
    with pytest.raises(
        ResultsError,
        match=r"study\.csv holds the table one in the group 'real', but now .* 'real by time'",
    ):
        plan_units(dated, contenders, seeds(1), EFFORT, results)
    plan_units(tables[1:], contenders, seeds(1), EFFORT, results)


def test_tables_may_have_fewer_seeds_and_contenders(tmp_path, tables, contenders):
    units = plan_units(
        tables,
        contenders,
        lambda table: 2 if table.group == "real" else 1,
        EFFORT,
        Results(tmp_path / "study.csv"),
        runs_on=lambda contender, table: table.group == "real" or contender.role == "ours",
    )
    assert [(u.table.name, u.seed, u.method) for u in units] == [
        ("one", 0, "lightgbm"), ("one", 0, "forest"), ("one", 0, "pauc-lightgbm"),
        ("two", 0, "ceiling"), ("two", 0, "pauc-lightgbm"),
        ("one", 1, "lightgbm"), ("one", 1, "forest"), ("one", 1, "pauc-lightgbm"),
    ]  # fmt: skip
