"""Weights, scores and parameters near the ends of what a float holds."""

import math
from fractions import Fraction

import numpy as np
import pytest
from objectives_cases import ALL

from skbudget.objectives import (
    AtBudget,
    BinaryCrossEntropy,
    FocalLoss,
    HardNegativeCrossEntropy,
    OneVsRest,
    PairwisePAUC,
    Schedule,
    TrapezoidPAUC,
    WeightedSum,
    example_rows,
)

RNG = np.random.default_rng(0)
Y = np.arange(48) % 4 == 0
RAW = RNG.normal(size=48) + Y
WEIGHT = RNG.integers(1, 4, 48).astype(float)
PAUC = PairwisePAUC(beta=0.5)
MEANS = {name: loss for name, loss in ALL.items() if loss.scale != "sum"}
SUMS = {
    "sum": (WeightedSum(((0.5, BinaryCrossEntropy()), (0.5, PAUC))), Y, RAW),
    "one against the rest": (
        OneVsRest(PAUC),
        np.arange(48) % 3,
        RNG.normal(size=(48, 3)),
    ),
}


def answers(loss, y, raw, weight):
    return (loss.loss(y, raw, weight), *loss.gradient_hessian(y, raw, weight))


@pytest.mark.parametrize("exponent", [-1070, -1000, 1015])
@pytest.mark.parametrize("loss", MEANS.values(), ids=MEANS)
def test_a_mean_does_not_depend_on_the_unit_of_the_weights(loss, exponent):
    # A weight below 2**-1022 has few digits, and so have those of 1, 2 and 3 at 2**-1070.
    weight = np.ldexp(WEIGHT, exponent)
    for found, wanted in zip(answers(loss, Y, RAW, weight), answers(loss, Y, RAW, WEIGHT)):
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-16)


@pytest.mark.parametrize("exponent", [-1000, -60, 900])
@pytest.mark.parametrize(("loss", "y", "raw"), SUMS.values(), ids=SUMS)
def test_a_sum_has_the_unit_of_the_weights(loss, y, raw, exponent):
    value, gradient, hessian = answers(loss, y, raw, WEIGHT)
    found = answers(loss, y, raw, np.ldexp(WEIGHT, exponent))
    assert found[0] == pytest.approx(np.ldexp(value, exponent), rel=1e-12, abs=0.0)
    np.testing.assert_allclose(found[1], np.ldexp(gradient, exponent), rtol=1e-12, atol=0.0)
    above = hessian > 1e-10  # well above its floor
    wanted = np.maximum(np.ldexp(hessian[above], exponent), 1e-16)
    np.testing.assert_allclose(found[2][above], wanted, rtol=1e-12)


@pytest.mark.parametrize(("loss", "y", "raw"), SUMS.values(), ids=SUMS)
def test_a_sum_that_no_float_holds_is_refused(loss, y, raw):
    with pytest.raises(ValueError, match="sample_weight is so great that the sums"):
        loss.loss(y, 100.0 * raw, np.full(48, 1e306))


def heavy(row, weight=1e60):
    """Return weights of which one is beyond the digits of all others."""
    found = WEIGHT.copy()
    found[row] = weight
    return found


def test_the_lighter_class_keeps_its_weight():
    row = int(np.flatnonzero(Y)[0])
    rows = AtBudget(PAUC).rows(Y, RAW, heavy(row))
    assert rows.negative_weight == WEIGHT[~Y].sum()
    assert AtBudget(PairwisePAUC(), budget=0.1).resolved(rows).beta == 1.0
    balanced = BinaryCrossEntropy("balanced")
    # Both classes count for as much as the negatives, in units of all weight.
    exact = 2 * Fraction(WEIGHT[~Y].sum()) / (Fraction(1e60) + int(WEIGHT.sum() - WEIGHT[row]))
    found = balanced.loss(Y, np.zeros(48), heavy(row))
    assert found == pytest.approx(float(exact) * math.log(2.0), rel=1e-12)
    assert balanced.start(rows) == pytest.approx(0.0, abs=1e-12)
    assert np.isfinite(FocalLoss().start(rows))


@pytest.mark.parametrize("row", [0, 1], ids=["positive", "negative"])
@pytest.mark.parametrize("loss", ALL.values(), ids=ALL)
def test_derivatives_beside_a_heavy_row(loss, row):
    assert np.isfinite(loss.loss(Y, RAW, heavy(row)))
    gradient, hessian = loss.gradient_hessian(Y, RAW, heavy(row))
    assert np.isfinite(gradient).all()
    assert np.isfinite(hessian).all()


@pytest.mark.parametrize("row", [0, 1], ids=["positive", "negative"])
def test_a_class_that_is_nothing_beside_the_other(row):
    for loss in ALL.values():
        with pytest.raises(ValueError, match="sample_weight of the positives adds up to .*nothing"):
            loss.gradient(Y, RAW, heavy(row, 1e308))


@pytest.mark.parametrize("entry", [1e151, -1e308])
def test_scores_beyond_any_margin(entry):
    raw = np.where(np.arange(48) == 3, entry, RAW)
    for loss in ALL.values():
        with pytest.raises(ValueError, match=r"raw_score must lie within \[-1e\+150, 1e\+150\]"):
            loss.loss(Y, raw)
    with pytest.raises(ValueError, match="raw_score must lie within"):
        OneVsRest(PAUC).gradient(np.arange(48) % 3, np.column_stack([raw] * 3))


@pytest.mark.parametrize("made", [PairwisePAUC, TrapezoidPAUC])
@pytest.mark.parametrize("temperature", [1e-320, 1e-101, 1e101, 1e308, 0.0, np.timedelta64(1)])
def test_temperatures_whose_square_is_in_range(made, temperature):
    with pytest.raises(ValueError, match=f"'temperature' parameter of {made.__name__}"):
        made(temperature=temperature)
    with pytest.raises(ValueError, match="'temperature_start' parameter of Schedule"):
        Schedule(anneal_rounds=2, temperature_start=temperature)


@pytest.mark.parametrize("temperature", [1e-100, 1e100])
def test_trapezoid_at_the_ends_of_the_temperatures(temperature):
    found = TrapezoidPAUC(beta=0.5, temperature=temperature).gradient_hessian(Y, RAW)
    assert all(np.isfinite(part).all() for part in found)


@pytest.mark.parametrize(("alpha", "beta"), [(0.0, 1e-320), (0.5, 0.5 + 2.0**-52)])
def test_a_band_without_width(alpha, beta):
    with pytest.raises(ValueError, match="'beta' parameter of TrapezoidPAUC must exceed alpha"):
        TrapezoidPAUC(alpha=alpha, beta=beta)


@pytest.mark.parametrize(("start", "end"), [(1e-320, 0.25), (0.25, 1e-320), (1e-300, 1e-310)])
def test_annealing_over_any_range(start, end):
    schedule = Schedule(anneal_rounds=2, beta_start=start)
    halfway = schedule.at(1, PairwisePAUC(beta=end)).beta
    assert halfway == pytest.approx(math.sqrt(start) * math.sqrt(end), rel=1e-12, abs=0.0)


def test_parameters_may_be_fractions():
    exact = HardNegativeCrossEntropy(top_fraction=Fraction(1, 2), factor=Fraction(1, 4))
    plain = HardNegativeCrossEntropy(top_fraction=0.5, factor=0.25)
    np.testing.assert_array_equal(exact.gradient(Y, RAW), plain.gradient(Y, RAW))


@pytest.mark.parametrize("weight", [np.ones(2), None, "heavy", np.timedelta64(1, "s"), [1.0]])
def test_weight_of_a_class(weight):
    with pytest.raises(ValueError, match="'pos_weight' parameter of BinaryCrossEntropy"):
        BinaryCrossEntropy(weight)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"loss": "pairwise_pauc"}, "'loss' parameter of example_rows must be a loss"),
        ({"n_samples": 0}, "'n_samples' parameter of example_rows .* Got 0"),
        ({"n_samples": 2**40}, "'n_samples' parameter of example_rows"),
        ({"n_samples": 8.0}, "'n_samples' parameter of example_rows"),
        ({"weighted": "no"}, "'weighted' parameter of example_rows"),
        ({"ties": np.nan}, "'ties' parameter of example_rows"),
        ({"seed": -1}, "'seed' parameter of example_rows"),
        ({"seed": None}, "'seed' parameter of example_rows"),
        ({"n_sample": 8}, "n_sample must have one entry per sample"),
    ],
)
def test_examples_that_cannot_be_drawn(wrong, message):
    with pytest.raises((TypeError, ValueError), match=message):
        example_rows(**{"loss": PAUC, **wrong})
