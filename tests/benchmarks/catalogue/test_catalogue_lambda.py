import numpy as np
import pytest
from promises_fakes import make_measure
from scipy.special import expit

from benchmarks.catalogue import _lambda
from benchmarks.catalogue._lambda import (
    CHOSEN,
    LAMBDA,
    TAKEN_APART,
    Bands,
    lambda_tables,
    render_lambda,
    run_lambda,
)
from benchmarks.catalogue._parts import PARTS
from skbudget.objectives import PairwisePAUC

RNG = np.random.default_rng(0)
Y = (np.arange(4040) < 40).astype(int)
SCORE = RNG.permutation(np.linspace(-3.0, 3.0, Y.size)) + Y


def derivatives(score=SCORE, **parts):
    return Bands(Y, **parts).make()(score, None)


def test_without_parts_it_is_the_band_objective():
    loss = PairwisePAUC(beta=3 * _lambda.BUDGET)
    expected = [Y.sum() * one for one in loss.gradient_hessian(Y, SCORE)]
    gradient, hessian = derivatives()
    np.testing.assert_allclose(gradient, expected[0], atol=1e-5)
    np.testing.assert_allclose(hessian, np.maximum(expected[1], 1e-16), atol=1e-5)


def test_queries_have_bands_of_their_own():
    bands = Bands(Y, rows_per_query=1010, seed=3)
    gradient, _ = bands.make()(SCORE, None)
    parts = np.array_split(np.random.RandomState(3).permutation(Y.size), 4)
    for rows in parts:
        pos, neg = rows[Y[rows] == 1], rows[Y[rows] == 0]
        inside = neg[np.argsort(-SCORE[neg])[: round(0.015 * neg.size)]]
        slope = expit(SCORE[inside][None, :] - SCORE[pos][:, None]) / inside.size
        np.testing.assert_allclose(gradient[pos], -slope.sum(axis=1))
        assert np.count_nonzero(gradient[neg]) == inside.size
    objective = Bands(Y, rows_per_query=1010, redrawn=True).make()
    assert not np.array_equal(objective(SCORE, None)[0], objective(SCORE, None)[0])
    fixed = Bands(Y, rows_per_query=1010).make()
    np.testing.assert_array_equal(fixed(SCORE, None)[0], fixed(SCORE, None)[0])


def test_discounts_weigh_the_pairs():
    gradient, _ = derivatives(discounted=True)
    rank = np.empty(Y.size)
    rank[np.argsort(-SCORE)] = np.arange(Y.size)
    discount = 1.0 / np.log2(2.0 + rank)
    pos, neg = np.flatnonzero(Y == 1), np.flatnonzero(Y == 0)
    inside = neg[np.argsort(-SCORE[neg])[: round(0.015 * neg.size)]]
    weight = np.abs(discount[inside][None, :] - discount[pos][:, None])
    weight *= pos.size / weight.sum()
    slope = weight * expit(SCORE[inside][None, :] - SCORE[pos][:, None])
    np.testing.assert_allclose(gradient[pos], -slope.sum(axis=1))


def test_normalised_pairs_sum_to_a_logarithm():
    gradient, _ = derivatives(normalised=True)
    pos, neg = np.flatnonzero(Y == 1), np.flatnonzero(Y == 0)
    inside = neg[np.argsort(-SCORE[neg])[: round(0.015 * neg.size)]]
    gap = SCORE[inside][None, :] - SCORE[pos][:, None]
    total = 2.0 * (expit(gap) / inside.size / (0.01 + np.abs(gap))).sum()
    assert 2.0 * -gradient[pos].sum() == pytest.approx(np.log2(1.0 + total))


@pytest.mark.parametrize("parts", [{}, {"discounted": True}, {"normalised": True}], ids=str)
def test_from_a_constant_start_all_rows_pull(parts):
    gradient, hessian = derivatives(np.zeros(Y.size), **parts)
    assert (gradient[Y == 1] < 0).all()
    assert (hessian[Y == 0] > 1e-12).all()


def test_lambdarank_takes_at_most_ten_thousand_rows():
    pytest.importorskip("lightgbm")
    (table, *_) = lambda_tables(quick=True)
    draw = table.draw(0)
    assert draw.y_train.size > 10_000
    for name in ("lambdarank-q10000-t0.005", "lambdarank-q1000-t0.05-norm"):
        model = LAMBDA[name].train(draw, 5.0, 0, 2)
        assert np.isfinite(model.predict(draw.X_test[:10])).all()


@pytest.mark.parametrize("name", ["binary", "coverage-1b-gains", "band-3b-q1000-redrawn"])
def test_a_method_is_measured_once(name):
    pytest.importorskip("lightgbm")
    (table, *_) = lambda_tables(quick=True)
    (measure,) = run_lambda(table, table.draw(0), 0, name, effort=0.05)
    assert (measure.method, measure.trials, measure.promise) == (name, 3, "coverage")
    assert 0.0 <= measure.test <= 1.0


def test_few_methods_run_on_the_tables_that_are_held_out():
    names = [table.name for table in lambda_tables()]
    assert names[0] == TAKEN_APART
    of_part = PARTS["lambda"].methods
    assert of_part(lambda_tables()[0]) == list(LAMBDA)
    assert of_part(lambda_tables()[1]) == list(CHOSEN)
    assert set(CHOSEN) <= set(LAMBDA)


def test_differences_are_paired_and_marked():
    tests = {"band-3b": [0.8, 0.7, 0.9], "binary": [0.7, 0.61, 0.79], "band-1b": [0.9, 0.6, 0.9]}
    measures = [
        make_measure(table=TAKEN_APART, method=name, seed=seed, promise="coverage", test=value)
        for name, values in tests.items()
        for seed, value in enumerate(values)
    ]
    lines = [" ".join(line.split()) for line in render_lambda(measures).splitlines()]
    (row,) = [line for line in lines if line.startswith("| LightGBM binary")]
    assert "0.700 ± 0.224 | *-0.100 ± 0.025*" in row
    (row,) = [line for line in lines if line.startswith("| band of 1 budget")]
    assert "+0.000 ± 0.248" in row
    assert "**" not in row
