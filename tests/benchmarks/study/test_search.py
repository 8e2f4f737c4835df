import json

import numpy as np
import pytest
from study_fakes import OneColumn, fit_weights, make_contender, small_tables, suggest_noise

from benchmarks.study import Effort, StudyTable, propose, run_unit
from benchmarks.study._search import BASES, measure_ceiling, thin_rows
from skbudget.metrics import coverage_at_budget_score

pytest.importorskip("optuna")

EFFORT = Effort(budgets=(0.01, 0.05), tree_trials=6, network_trials=3, search_rows=10_000)
TABLE = StudyTable("one", "real", OneColumn(), "")


@pytest.fixture
def tables():
    return small_tables()


def recording(calls):
    def fit(parameters, X, y, setting):
        calls.append((dict(parameters), X.shape[0], int(y.sum()), setting))
        return fit_weights(parameters, X, y, setting)

    return fit


def test_proposals_start_with_the_default_and_follow_the_seed():
    contender = make_contender("peer", suggest=suggest_noise, start={"noise": 7.0})
    first = propose(contender, 6, 0)
    assert first[0] == {"noise": 7.0}
    assert first == propose(contender, 6, 0)
    assert first[:3] == propose(contender, 3, 0)  # fewer trials are the first of more
    assert first != propose(contender, 6, 1)
    values = [trial["noise"] for trial in first]
    assert len(set(values)) == 6
    assert min(values) >= 0.0
    assert max(values) <= 50.0


def test_nothing_to_tune_is_one_trial():
    contender = make_contender("fixed", start={"noise": 1.0})
    assert not contender.tuned
    assert propose(contender, 12, 0) == [{"noise": 1.0}]
    assert EFFORT.trials(contender) == 1


def test_the_trial_is_chosen_on_validation_rows_and_reported_on_test_rows():
    contender = make_contender("peer", suggest=suggest_noise, start={"noise": 40.0})
    draw = TABLE.draw(3)
    found = run_unit(TABLE, draw, 3, contender, EFFORT)
    assert {(m.budget, m.basis) for m in found} == {(b, s) for b in EFFORT.budgets for s in BASES}
    trials = propose(contender, 6, 3)
    for measure in found:
        settings = {"budget": measure.budget, "basis": measure.basis}

        def covered(X, y, trial, settings=settings):
            return coverage_at_budget_score(y, X[:, 0] + trial["noise"] * X[:, 1], **settings)

        on_validation = [covered(draw.X_valid, draw.y_valid, trial) for trial in trials]
        assert measure.validation == pytest.approx(max(on_validation))
        chosen = json.loads(measure.parameters)["noise"]
        (which,) = [
            k for k, t in enumerate(trials) if t["noise"] == pytest.approx(chosen, rel=1e-5)
        ]
        assert on_validation[which] == max(on_validation)
        assert measure.test == pytest.approx(covered(draw.X_test, draw.y_test, trials[which]))
        assert (measure.table, measure.seed, measure.method) == ("one", 3, "peer")
        assert (measure.trials, measure.n_train, measure.positives_train) == (6, 400, 40)


def test_equal_coverage_is_decided_by_the_partial_auc():
    # Every trial covers all positives of these tables, but only one ranks all of them first.
    table = StudyTable("easy", "real", OneColumn(60.0), "")
    contender = make_contender("peer", suggest=suggest_noise, start={"noise": 50.0})
    found = run_unit(table, table.draw(0), 0, contender, EFFORT)
    assert all(measure.validation <= 1.0 for measure in found)
    wide = [m for m in found if m.budget == 0.05 and m.basis == "fpr"]
    assert json.loads(wide[0].parameters)["noise"] < 50.0


def test_a_peer_is_fitted_once_per_trial_and_ours_once_per_budget():
    calls = []
    run_unit(
        TABLE, TABLE.draw(0), 0,
        make_contender("peer", fit=recording(calls), suggest=suggest_noise, start={"noise": 0.0}),
        EFFORT,
    )  # fmt: skip
    assert len(calls) == 6
    assert {setting.budget for *_, setting in calls} == {None}
    calls.clear()
    run_unit(
        TABLE, TABLE.draw(0), 0,
        make_contender("ours", fit=recording(calls), role="ours", per_budget=True), EFFORT,
    )  # fmt: skip
    assert [setting.budget for *_, setting in calls] == [0.01, 0.05]
    assert {setting.n_jobs for *_, setting in calls} == {1}


def test_networks_have_trials_of_their_own():
    contender = make_contender("net", family="network", suggest=suggest_noise)
    assert EFFORT.trials(contender) == 3


def test_trials_see_a_sample_and_the_chosen_one_all_rows():
    calls = []
    contender = make_contender(
        "peer", fit=recording(calls), suggest=suggest_noise, start={"noise": 0.0}
    )
    effort = Effort(budgets=(0.05,), tree_trials=4, network_trials=3, search_rows=100)
    found = run_unit(TABLE, TABLE.draw(0), 0, contender, effort)
    assert [(rows, positives) for _, rows, positives, _ in calls[:4]] == [(100, 10)] * 4
    assert {(rows, positives) for _, rows, positives, _ in calls[4:]} == {(400, 40)}
    assert len(calls[4:]) == len({measure.parameters for measure in found})


def test_one_trial_needs_no_sample():
    calls = []
    contender = make_contender("ours", fit=recording(calls), role="ours", per_budget=True)
    effort = Effort(budgets=(0.05,), tree_trials=4, network_trials=3, search_rows=100)
    run_unit(TABLE, TABLE.draw(0), 0, contender, effort)
    assert [rows for _, rows, *_ in calls] == [400]


def test_a_sample_is_stratified_and_repeatable():
    X, y = np.arange(1000.0)[:, None], np.arange(1000) % 20 == 0
    X_kept, y_kept = thin_rows(X, y, 200, 0)
    assert (len(y_kept), y_kept.sum()) == (200, 10)
    np.testing.assert_array_equal(X_kept, thin_rows(X, y, 200, 0)[0])
    assert thin_rows(X, y, 1000, 0)[0] is X


def test_the_ceiling_is_measured_where_it_is_known(tables):
    without, with_ceiling = tables
    assert measure_ceiling(without, without.draw(0), 0, EFFORT) == []
    draw = with_ceiling.draw(0)
    found = measure_ceiling(with_ceiling, draw, 0, EFFORT)
    assert {measure.method for measure in found} == {"ceiling"}
    for measure in found:
        assert measure.test == coverage_at_budget_score(
            draw.y_test, draw.ceiling, budget=measure.budget, basis=measure.basis
        )
