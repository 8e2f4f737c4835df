import pickle
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
from objectives_cases import ALL, BAND, CASES, CROSS_ENTROPY, assert_close

from skbudget.objectives import (
    BinaryCrossEntropy,
    HardNegativeCrossEntropy,
    PairwisePAUC,
    Rows,
    Schedule,
    TrapezoidPAUC,
    WeightedSum,
)

pytestmark = pytest.mark.filterwarnings("error")

CASE = CASES["weights"]
SAMPLE = Rows(CASE.y == 1, CASE.raw, CASE.weight)
PAUC = PairwisePAUC(beta=0.1, temperature=0.5)
FULL = Schedule(
    warmup_rounds=5,
    blend_rounds=3,
    anneal_rounds=10,
    beta_start=0.8,
    temperature_start=2.0,
    warmup=HardNegativeCrossEntropy(2.0),
)


def each(objectives):
    return pytest.mark.parametrize("objective", objectives.values(), ids=list(objectives))


# --- phases


@each(ALL)
def test_an_empty_schedule_is_the_objective(objective):
    assert [Schedule().at(i, objective) for i in (0, 1, 1000)] == [objective] * 3


def test_warmup_comes_alone_and_ends_on_time():
    warmup = BinaryCrossEntropy("balanced")
    schedule = Schedule(warmup_rounds=3, warmup=warmup)
    assert [schedule.at(i, PAUC) for i in range(5)] == [warmup, warmup, warmup, PAUC, PAUC]


def test_blend_fades_linearly_from_warmup_to_objective():
    schedule = Schedule(warmup_rounds=2, blend_rounds=4)
    assert schedule.at(1, PAUC) == schedule.warmup
    shares = []
    for i in range(2, 6):
        (left, warmup), (share, objective) = schedule.at(i, PAUC).parts
        assert (warmup, objective) == (schedule.warmup, PAUC)
        assert left + share == 1.0
        shares.append(share)
    assert shares == pytest.approx([0.2, 0.4, 0.6, 0.8])
    assert schedule.at(6, PAUC) == PAUC


def test_band_and_temperature_anneal_geometrically():
    schedule = Schedule(warmup_rounds=2, anneal_rounds=4, beta_start=0.8, temperature_start=8.0)
    objective = PairwisePAUC(alpha=0.01, beta=0.05, temperature=0.5, link="sigmoid")
    rounds = [schedule.at(i, objective) for i in range(2, 7)]
    assert [r.beta for r in rounds] == pytest.approx([0.8, 0.4, 0.2, 0.1, 0.05])
    assert [r.temperature for r in rounds] == pytest.approx([8.0, 4.0, 2.0, 1.0, 0.5])
    # All else stays.
    assert all(r.replace(beta=0.05, temperature=0.5) == objective for r in rounds)
    assert rounds[-1] == objective


def test_only_what_has_a_start_anneals():
    schedule = Schedule(anneal_rounds=4, temperature_start=8.0)
    assert schedule.at(2, PAUC).beta == PAUC.beta
    assert schedule.at(2, PAUC).temperature == pytest.approx(2.0)


def test_annealing_may_widen_as_well():
    schedule = Schedule(anneal_rounds=2, beta_start=0.25)
    betas = [schedule.at(i, PairwisePAUC(beta=1.0)).beta for i in range(3)]
    assert betas == pytest.approx([0.25, 0.5, 1.0])


def test_annealing_runs_while_the_blend_does():
    rounds = [FULL.at(i, PAUC) for i in range(5, 16)]
    objectives = [r.parts[1][1] if isinstance(r, WeightedSum) else r for r in rounds]
    assert [isinstance(r, WeightedSum) for r in rounds] == [True] * 3 + [False] * 8
    ratios = [after.beta / before.beta for before, after in pairwise(objectives)]
    assert ratios == pytest.approx([0.125**0.1] * 10)


@each(BAND)
def test_the_end_is_the_objective_itself(objective):
    assert FULL.at(15, objective) is objective
    assert FULL.at(10_000, objective) is objective
    assert FULL.at(14, objective) != objective


# --- purity


def test_a_round_depends_on_its_number_alone():
    forwards = [FULL.at(i, PAUC) for i in range(20)]
    backwards = [FULL.at(i, PAUC) for i in reversed(range(20))][::-1]
    assert forwards == backwards
    assert pickle.loads(pickle.dumps(FULL)) == FULL
    assert [pickle.loads(pickle.dumps(FULL)).at(i, PAUC) for i in range(20)] == forwards


def test_threads_do_not_see_each_other():
    def gradient(i):
        return FULL.at(i, PAUC).gradient(*CASE.args)

    rounds = list(range(16)) * 8
    np.random.default_rng(0).shuffle(rounds)
    wanted = [gradient(i) for i in range(16)]
    with ThreadPoolExecutor(8) as pool:
        for i, got in zip(rounds, pool.map(gradient, rounds)):
            np.testing.assert_array_equal(got, wanted[i])


# --- composition


@each(BAND)
@pytest.mark.parametrize("iteration", [0, 4, 5, 7, 8, 12, 15, 20])
def test_every_round_of_every_band_objective_has_derivatives(objective, iteration):
    gradient, hessian = FULL.at(iteration, objective).gradient_hessian(*CASE.args)
    assert np.isfinite(gradient).all()
    assert (hessian > 0).all()


@each(CROSS_ENTROPY | {"blend": ALL["blend"]})
def test_warmup_and_blend_suit_objectives_without_a_band(objective):
    schedule = Schedule(warmup_rounds=1, blend_rounds=1, warmup=TrapezoidPAUC(beta=0.5))
    assert schedule.at(0, objective) == TrapezoidPAUC(beta=0.5)
    assert schedule.at(1, objective).parts == ((0.5, TrapezoidPAUC(beta=0.5)), (0.5, objective))
    assert schedule.at(2, objective) == objective


def test_a_blend_is_the_weighted_sum_in_boosting_scale():
    parts = ((0.25, BinaryCrossEntropy()), (0.75, PAUC), (2.0, TrapezoidPAUC(beta=0.3)))
    blend = WeightedSum(parts)
    scales = [weight * part.boosting_factor(SAMPLE) for weight, part in parts]
    derivatives = [part.gradient_hessian(*CASE.args) for _, part in parts]
    gradient, hessian = blend.gradient_hessian(*CASE.args)
    assert_close(gradient, sum(s * g for s, (g, _) in zip(scales, derivatives)), 1e-12)
    assert_close(hessian, sum(s * h for s, (_, h) in zip(scales, derivatives)), 1e-12)
    losses = [part.loss(*CASE.args) for _, part in parts]
    assert blend.loss(*CASE.args) == pytest.approx(np.dot(scales, losses))
    assert blend.boosting_factor(SAMPLE) == 1.0


def test_a_blend_of_one_boosts_as_the_part_itself():
    blend = WeightedSum(((1.0, PAUC),))
    scale = PAUC.boosting_factor(SAMPLE)
    assert_close(blend.gradient(*CASE.args), scale * PAUC.gradient(*CASE.args), 1e-12)
    assert_close(
        WeightedSum(((1.0, blend),)).gradient(*CASE.args), blend.gradient(*CASE.args), 1e-12
    )


# --- bad parameters


@pytest.mark.parametrize("name", ["warmup_rounds", "blend_rounds", "anneal_rounds"])
@pytest.mark.parametrize("value", [-1, 1.0, None, True, "3"])
def test_bad_numbers_of_rounds(name, value):
    with pytest.raises(ValueError, match=f"'{name}' parameter of Schedule must be an int"):
        Schedule(**{name: value})


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"beta_start": 0.0}, ValueError, "'beta_start' parameter of Schedule"),
        ({"beta_start": 50}, ValueError, "'beta_start' .* 50 basis points are 0.005"),
        ({"temperature_start": -1.0}, ValueError, "'temperature_start' parameter of Schedule"),
        ({}, ValueError, "'anneal_rounds' .* needs beta_start or temperature_start"),
        ({"anneal_rounds": 0, "beta_start": 0.5}, ValueError, "need anneal_rounds >= 1"),
        ({"anneal_rounds": 0, "warmup": "bce"}, TypeError, "'warmup' .* must be a loss"),
        ({"anneal_rounds": 0, "warmup": PairwisePAUC}, TypeError, "'warmup' .* a loss"),
    ],
)
def test_bad_schedules(parameters, error, message):
    with pytest.raises(error, match=message):
        Schedule(**{"anneal_rounds": 3} | parameters)


def test_annealing_needs_something_to_anneal():
    schedule = Schedule(anneal_rounds=3, beta_start=0.5)
    message = "BinaryCrossEntropy has no parameter 'beta' to anneal"
    for iteration in (0, 2, 100):
        with pytest.raises(ValueError, match=message):
            schedule.at(iteration, BinaryCrossEntropy())


def test_annealing_may_not_cross_alpha():
    schedule = Schedule(anneal_rounds=3, beta_start=0.05)
    with pytest.raises(ValueError, match="must be smaller than beta, which is 0.05"):
        schedule.at(0, PairwisePAUC(alpha=0.1, beta=0.5))


@pytest.mark.parametrize(
    ("parts", "error", "message"),
    [
        ((), TypeError, "must be a non-empty tuple"),
        ([(1.0, PAUC)], TypeError, "must be a non-empty tuple"),
        (((1.0, "auc"),), TypeError, "'parts' parameter of WeightedSum must be a loss"),
        (((-0.1, PAUC),), ValueError, "'parts' parameter of WeightedSum must be a float"),
        (((np.nan, PAUC),), ValueError, "'parts' parameter of WeightedSum must be a float"),
        (((PAUC, 1.0),), ValueError, "'parts' parameter of WeightedSum must be a float"),
    ],
)
def test_bad_blends(parts, error, message):
    with pytest.raises(error, match=message):
        WeightedSum(parts)
