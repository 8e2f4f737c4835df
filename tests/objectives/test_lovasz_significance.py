"""The significance loss: what its weights say, rates of processes, regularisers and the start."""

import warnings

import numpy as np
import pytest
from scipy.special import expit

from skbudget.band import default_beta
from skbudget.objectives import LovaszSignificance, Rows, WeightedSum, available, find_loss
from skbudget.objectives._collapse import CollapseWarning


def draw(seed=0, n=200, rate=0.1):
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < rate).astype(int)
    return y, rng.normal(size=n) + y


def of_paper(y, scores, weight, eps, centre=0.0):
    """The paper's algorithm, row by row, over its greatest value; no ties."""
    wrong = np.where(y == 1, -(scores - centre), scores - centre)
    order = np.argsort(-wrong)
    signal = y[order] == 1
    kept = weight[y == 1].sum() - np.cumsum(np.where(signal, weight[order], 0.0))
    accepted = eps + np.cumsum(np.where(signal, 0.0, weight[order]))
    all_kept = weight[y == 1].sum() / np.sqrt(eps)
    steps = np.diff(all_kept - kept / np.sqrt(accepted), prepend=0.0) / all_kept
    g = np.empty(y.size)
    g[order] = steps
    return g, wrong


def test_it_has_a_name():
    assert "lovasz_significance" in available("binary")
    assert find_loss("lovasz_significance") == LovaszSignificance()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("centre", [0.0, -0.4])
def test_loss_and_derivatives_are_those_of_the_algorithm(weighted, centre):
    y, scores = draw()
    weight = np.random.default_rng(1).lognormal(size=y.size) if weighted else np.ones(y.size)
    r = 0.07
    g, wrong = of_paper(y, scores, weight, r * weight[y == 0].sum(), centre)
    loss = LovaszSignificance(r, centre)
    assert loss.loss(y, scores, weight) == pytest.approx(g @ np.logaddexp(0, wrong), rel=1e-10)
    gradient, hessian = loss.gradient_hessian(y, scores, weight)
    p = expit(scores - centre)
    np.testing.assert_allclose(gradient, g * (p - y), rtol=1e-8, atol=1e-15)
    np.testing.assert_allclose(hessian, np.maximum(g * p * (1 - p), 1e-16), rtol=1e-8)
    assert g.sum() == pytest.approx(1.0)


def test_neither_the_unit_of_weights_nor_the_mass_of_the_signal_matters():
    """Only the source's choice of eps reads how much signal there is."""
    y, scores = draw()
    weight = np.random.default_rng(1).lognormal(size=y.size)
    more_signal = np.where(y == 1, 50 * weight, weight)
    loss = LovaszSignificance(0.05)
    wanted = loss.gradient(y, scores, weight)
    np.testing.assert_allclose(loss.gradient(y, scores, 1e5 * weight), wanted, rtol=1e-8)
    np.testing.assert_allclose(loss.gradient(y, scores, more_signal), wanted, rtol=1e-8)
    of_source = LovaszSignificance("signal")
    assert not np.allclose(of_source.gradient(y, scores, more_signal), wanted)


@pytest.mark.parametrize("budget", [0.005, 0.2])
def test_regularisers_by_name(budget):
    y, scores = draw()
    n_signal, n_background = y.sum(), (y == 0).sum()
    by_name = {"budget": default_beta(budget, n_signal, n_background)}
    by_name["signal"] = n_signal / n_background
    for name, r in by_name.items():
        loss = LovaszSignificance(name, budget=budget)
        rows = loss.rows(y, scores)
        assert loss.resolved(rows).regularizer == pytest.approx(r)
        wanted = LovaszSignificance(r).gradient(y, scores)
        np.testing.assert_allclose(loss.gradient(y, scores), wanted, rtol=1e-10)


def test_the_centre_at_a_budget_is_the_score_of_the_last_row_within_it():
    y, scores = draw()
    weight = np.random.default_rng(1).integers(0, 4, y.size).astype(float)
    for given in (None, weight):
        repeated = np.repeat(scores, np.ones(y.size, int) if given is None else given.astype(int))
        last = np.sort(repeated)[::-1][int(np.ceil(0.1 * repeated.size)) - 1]
        at = LovaszSignificance(0.05, "budget", budget=0.1)
        held = at.hold(at.rows(y, scores, given))
        assert held.centre == last
        np.testing.assert_allclose(
            at.gradient(y, scores, given), LovaszSignificance(0.05, last).gradient(y, scores, given)
        )


# --- processes ----------------------------------------------------------------------------


def test_cross_sections_are_weights():
    y, scores = draw()
    rng = np.random.default_rng(2)
    process = np.where(y == 1, rng.integers(0, 2, y.size), rng.integers(2, 5, y.size))
    weight = rng.lognormal(size=y.size)
    sections = (0.3, 0.1, 1.0, 100.0, 7.0)
    rates = np.array(sections)[process] / np.bincount(process, weight)[process]
    loss = LovaszSignificance(0.05, cross_sections=sections)
    found = loss.gradient(y, scores, weight, process=process)
    wanted = LovaszSignificance(0.05).gradient(y, scores, weight * rates)
    np.testing.assert_allclose(found, wanted, rtol=1e-8)
    # A luminosity cancels out.
    times = LovaszSignificance(0.05, cross_sections=[3000 * one for one in sections])
    np.testing.assert_allclose(
        times.gradient(y, scores, weight, process=process), found, rtol=1e-10
    )


def test_the_column_is_needed_with_cross_sections_and_refused_without():
    y, scores = draw()
    process = 1 - y
    with pytest.raises(ValueError, match="needs the column 'process'"):
        LovaszSignificance(cross_sections=(1.0, 2.0)).loss(y, scores)
    with pytest.raises(ValueError, match="does not read the column 'process'"):
        LovaszSignificance().loss(y, scores, process=process)
    both = WeightedSum(((1.0, LovaszSignificance(cross_sections=(1.0, 2.0))),))
    assert both.needs == {"process"}
    with pytest.raises(ValueError, match=r"whole numbers from 0 to 1, .*got \[2, 2"):
        LovaszSignificance(cross_sections=(1.0, 2.0)).loss(y, scores, process=2 * process)
    with pytest.raises(ValueError, match="all processes of one class are 0"):
        LovaszSignificance(cross_sections=(0.0, 2.0)).loss(y, scores, process=process)


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"regularizer": 0.0}, "regularizer.*range"),
        ({"regularizer": -1.0}, "regularizer.*range"),
        ({"regularizer": np.nan}, "regularizer.*range"),
        ({"regularizer": "eps"}, "'budget' or 'signal'"),
        ({"regularizer": True}, "regularizer"),
        ({"centre": np.inf}, "centre.*finite"),
        ({"centre": "top"}, "centre.*'budget'"),
        ({"budget": 0.0}, "budget"),
        ({"cross_sections": (1.0, -1.0)}, "cross_sections"),
        ({"cross_sections": (0.0, 0.0)}, "cross_sections"),
        ({"cross_sections": 3.0}, "cross_sections"),
    ],
)
def test_parameters_are_checked(params, match):
    with pytest.raises(ValueError, match=match):
        LovaszSignificance(**params)


def test_negative_event_weights_are_refused():
    y, scores = draw()
    with pytest.raises(ValueError, match="Negative values in sample_weight"):
        LovaszSignificance().loss(y, scores, np.where(y == 1, 1.0, -1.0))


def test_values_weigh_the_signal():
    y, scores = draw()
    value = np.random.default_rng(3).lognormal(size=y.size)
    loss = LovaszSignificance(0.1)
    worth = np.where(y == 1, value / value[y == 1].mean(), 1.0)
    np.testing.assert_allclose(
        loss.gradient(y, scores, value=value), loss.gradient(y, scores, worth), rtol=1e-8
    )


# --- the start, and the end ------------------------------------------------------------------


def test_a_constant_pulls_both_classes_apart():
    """Before classes shared ties, the background had no gradient, and no tree grew."""
    y, _ = draw()
    gradient = LovaszSignificance().gradient(y, np.zeros(y.size))
    assert (gradient[y == 1] < 0).all()
    assert (gradient[y == 0] > 0).all()


@pytest.mark.parametrize("r", [0.01, 0.2, 0.4, 5.0])
@pytest.mark.parametrize("centre", [0.0, 1.5])
def test_no_constant_is_better_than_the_start(r, centre):
    y, _ = draw()
    loss = LovaszSignificance(r, centre)
    start = loss.start(loss.rows(y, np.zeros(y.size)))
    constants = np.append(start + np.linspace(-3, 3, 61), start)
    losses = [loss.loss(y, np.full(y.size, constant)) for constant in constants]
    assert losses[-1] <= min(losses) + 1e-12


def test_scores_that_were_pulled_together_are_warned_about():
    loss = LovaszSignificance("signal")
    y, scores = draw()

    def rows(scores):
        return Rows(y == 1, scores)

    with pytest.warns(CollapseWarning, match=r"LovaszSignificance of Model has collapsed.*0\.1"):
        loss.check_trained(rows(-0.01 * scores), "Model")
    # Neither far apart and wrong, nor right.
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loss.check_trained(rows(-5 * scores), "Model")
        loss.check_trained(rows(0.2 * (2 * y - 1)), "Model")
