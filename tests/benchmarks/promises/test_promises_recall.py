import json
from dataclasses import replace

import numpy as np
import pytest
from promises_fakes import TABLE, draw_one_column

from benchmarks.promises import _recall
from benchmarks.promises._bases import ADDITIONS, BASES, Counts
from benchmarks.promises._promises import Scored
from benchmarks.promises._recall import (
    CEILING,
    RECALL_PROMISES,
    REGULARIZERS,
    WEIGHTED,
    additions_of,
    run_base,
    weighted_with,
)
from benchmarks.promises._training import Outcome, Trial
from skbudget.objectives import BinaryCrossEntropy

DRAW = draw_one_column(0)


def noise_of(trial):
    """Return how far a trial is from the best one, which is known here."""
    wanted = {"alone": 0.3, "alm": 1e-3, "rank-reg": 3.0, "critical-rank": 0.3}[trial.addition]
    given = trial.decay if trial.addition == "alone" else trial.strength
    return (
        abs(np.log(trial.own / 2.0))
        + 0.5 * abs(np.log(given / wanted))
        + 0.5 * (1.0 - trial.weight)
    )


@pytest.fixture
def fitted(monkeypatch):
    """Replace the training by scores of known quality, and return the trials."""
    trials = []

    def fit(base, trial, draw, seed, recipe, effort=1.0):
        trials.append(trial)

        def score(X):
            return X[:, 0] + noise_of(trial) * X[:, 1]

        return Outcome(trial, Scored(draw.y_valid, score(draw.X_valid)), score, 1.5)

    monkeypatch.setattr(_recall, "fit_trial", fit)
    return trials


def test_parameters_are_chosen_one_after_the_other(fitted):
    measures = run_base(TABLE, DRAW, 4, "s-ml")
    chosen = {one.addition: json.loads(one.parameters) for one in measures}
    assert chosen == {
        "alone": {"margin": 2.0, "decay": 0.3},
        "alm": {"margin": 2.0, "alm": 0.001},
        "rank-reg": {"margin": 2.0, "rank-reg": 3.0},
        "critical-rank": {"margin": 2.0, "critical-rank": 0.3},
        "weight": {"margin": 2.0, "weight power": 1.0},
        "weight+alm": {"margin": 2.0, "weight power": 1.0, "alm": 0.001},
        "weight+rank-reg": {"margin": 2.0, "weight power": 1.0, "rank-reg": 3.0},
        "weight+critical-rank": {"margin": 2.0, "weight power": 1.0, "critical-rank": 0.3},
    }
    assert [one.promise for one in measures] == list(RECALL_PROMISES) * len(chosen)
    assert {one.seed for one in measures} == {4}


def test_methods_of_a_stage_have_equally_many_trials(fitted):
    measures = run_base(TABLE, DRAW, 0, "s-fl")
    trials = {one.addition: one.trials for one in measures}
    assert {trials[name] for name in (*ADDITIONS, WEIGHTED)} == {6}
    assert {trials[weighted_with(name)] for name in REGULARIZERS} == {10}
    # Of its own parameter, of each addition and the weight, and both together.
    assert len(fitted) == 3 + 3 * len(ADDITIONS) + 3 + len(REGULARIZERS)
    of_stage = [one for one in fitted if not one.weight and one.addition != "alone"]
    of_stage += [one for one in fitted if one.weight and one.addition == "alone"]
    assert [one.decay for one in of_stage] == [1.0, 1.0, 10.0] * 4


def test_a_greater_decay_is_kept_where_it_is_better(fitted, monkeypatch):
    monkeypatch.setattr(
        _recall, "best", lambda outcomes: max(outcomes, key=lambda o: o.trial.decay)
    )
    measures = run_base(TABLE, DRAW, 0, "a-fl")
    chosen = {one.addition: json.loads(one.parameters) for one in measures}
    assert {one["decay"] for one in chosen.values()} == {10.0}
    assert chosen["weight+alm"]["weight power"] == chosen["weight"]["weight power"]


def test_a_weighted_cross_entropy_gets_no_second_weight(fitted):
    measures = run_base(TABLE, DRAW, 0, "w-bce")
    assert {one.addition for one in measures} == set(ADDITIONS)
    assert additions_of(BASES["w-bce"]) == list(ADDITIONS)
    assert all(trial.weight == 0.0 for trial in fitted)


def test_the_best_possible_scores_are_measured_without_training(fitted):
    measures = run_base(TABLE, DRAW, 0, CEILING)
    assert [one.promise for one in measures] == list(RECALL_PROMISES)
    assert fitted == []
    assert run_base(TABLE, DRAW._replace(ceiling=None), 0, CEILING) == []


@pytest.mark.parametrize("name", BASES)
def test_a_base_loss_has_a_gradient_for_each_value_of_its_parameter(name):
    base, counts = BASES[name], Counts(2, 6)
    y = np.array([1, 1, 0, 0, 0, 0, 0, 0])
    gradients = [base.make(value, counts).gradient(y, np.zeros(8)) for value in base.grid]
    assert all((gradient[:2] < 0).all() and (gradient[2:] > 0).all() for gradient in gradients)
    same = [np.allclose(gradients[0], gradient) for gradient in gradients[1:]]
    assert all(same) if base.parameter == "learning rate" else not any(same)


def test_weights_follow_from_the_whole_table():
    counts = Counts(45, 4500)
    assert BASES["w-bce"].make(1.0, counts) == BinaryCrossEntropy(pos_weight=100.0)
    balanced = BASES["cb-bce"].make(0.9999, counts)
    # (1 - beta^n_neg) / (1 - beta^n_pos)
    expected = (1 - 0.9999**4500) / (1 - 0.9999**45)
    assert balanced.pos_weight / balanced.neg_weight == pytest.approx(expected)
    ldam = BASES["ldam"].make(15.0, counts)
    assert (ldam.pos_margin, ldam.neg_margin) == pytest.approx((15.0, 15.0 / 100**0.25))


def test_a_trial_shows_what_differs_from_the_base():
    trial = Trial(1 / 3, weight=2 / 3, addition="alm", strength=1e-4)
    shown = json.loads(trial.as_json(BASES["w-bce"]))
    assert shown == {"weight": 0.3333, "weight power": 0.6667, "alm": 0.0001}
    assert json.loads(replace(trial, weight=0.0, addition="alone").as_json(BASES["s-fl"])) == {
        "gamma": 0.3333
    }


def test_networks_are_trained_with_what_a_trial_says():
    pytest.importorskip("skorch")
    from benchmarks.promises._training import Recipe, fit_trial

    trials = [Trial(1.0), Trial(1.0, weight=1.0), Trial(1.0, decay=3.0), Trial(3.0)] + [
        Trial(1.0, addition=name, strength=ADDITIONS[name].grid[-1]) for name in REGULARIZERS
    ]

    def scores_of(trial):
        outcome = fit_trial(BASES["bce"], trial, DRAW, 0, Recipe(), effort=0.2)
        return outcome.score(DRAW.X_test)

    scores = [scores_of(trial) for trial in trials]
    again = scores_of(trials[0])
    np.testing.assert_array_equal(scores[0], again)
    for first in range(len(scores)):
        for second in range(first):
            assert not np.allclose(scores[first], scores[second])
