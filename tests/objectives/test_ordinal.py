"""Losses of ordered levels: closed forms, other implementations, and what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq, minimize, minimize_scalar
from scipy.special import expit, softmax

from skbudget._utils.levels import level_probabilities
from skbudget.boosting import BoosterObjective
from skbudget.objectives import (
    BinaryCrossEntropy,
    Coral,
    OrdinalAllThreshold,
    OrdinalLogLoss,
    WeightedSum,
    available,
)
from skbudget.objectives.losses._levels import fit_thresholds


def draw(n_samples=60, n_levels=4, seed=0, *, weighted=False):
    """Levels that rise with their scores, and weights."""
    rng = np.random.default_rng(seed)
    y = np.arange(n_samples) % n_levels
    weight = rng.uniform(0.1, 3.0, n_samples) if weighted else None
    return y, y + rng.normal(size=n_samples), weight


def test_names():
    assert {"coral", "ordinal_all_threshold", "ordinal_log_loss"} <= set(available("ordinal"))
    assert "coral" not in available(model="boosters")


# --- all thresholds ---------------------------------------------------------------------


def test_two_levels_are_the_cross_entropy():
    y, raw, weight = draw(n_levels=2, weighted=True)
    for given_weight in (None, weight):
        own, plain = OrdinalAllThreshold(thresholds=(0.0,)), BinaryCrossEntropy()
        assert own.loss(y, raw, given_weight) == pytest.approx(plain.loss(y, raw, given_weight))
        found = own.gradient_hessian(y, raw, given_weight)
        for one, other in zip(found, plain.gradient_hessian(y, raw, given_weight)):
            np.testing.assert_allclose(one, other, rtol=1e-12)
        rows = own.rows(y, raw, given_weight)
        assert own.start(rows) == pytest.approx(plain.start(plain.rows(y, raw, given_weight)))


def test_two_levels_with_a_fitted_threshold_have_an_intercept():
    y, raw, weight = draw(n_levels=2, weighted=True)
    plain = BinaryCrossEntropy()
    best = minimize_scalar(lambda b: plain.loss(y, raw - b, weight), tol=1e-12)
    loss = OrdinalAllThreshold()
    assert loss.loss(y, raw, weight) == pytest.approx(best.fun, rel=1e-12)
    assert loss.thresholds_of(y, raw, weight)[0] == pytest.approx(best.x, abs=1e-6)
    np.testing.assert_allclose(
        loss.gradient(y, raw, weight), plain.gradient(y, raw - best.x, weight), atol=1e-8
    )


def test_the_value_is_a_sum_of_binary_losses():
    y, raw, weight = draw(weighted=True)
    loss = OrdinalAllThreshold()
    thresholds = loss.thresholds_of(y, raw, weight)
    total = sum(
        BinaryCrossEntropy().loss(1 * (y > number), raw - threshold, weight)
        for number, threshold in enumerate(thresholds)
    )
    assert loss.loss(y, raw, weight) == pytest.approx(total)
    # Fitted thresholds are where the loss of these scores is least.
    found = minimize(
        lambda theta: OrdinalAllThreshold(tuple(np.sort(theta))).loss(y, raw, weight),
        thresholds + [0.3, -0.1, 0.2],
        method="Nelder-Mead",
        options={"xatol": 1e-8, "fatol": 1e-14, "maxiter": 5_000},
    )
    np.testing.assert_allclose(np.sort(found.x), thresholds, atol=1e-5)


def test_the_gradient_is_that_of_the_loss_with_thresholds_fitted_anew():
    y, raw, weight = draw(n_samples=20, weighted=True)
    loss, step = OrdinalAllThreshold(), 1e-5
    gradient = loss.gradient(y, raw, weight)
    for row in range(y.size):
        moved = np.zeros(y.size)
        moved[row] = step
        difference = loss.loss(y, raw + moved, weight) - loss.loss(y, raw - moved, weight)
        assert gradient[row] == pytest.approx(difference / (2 * step), abs=1e-8)
    # So a constant changes nothing.
    assert gradient.sum() == pytest.approx(0.0, abs=1e-12)
    np.testing.assert_allclose(loss.gradient(y, raw + 5.0, weight), gradient, atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.floats(-50, 50), st.floats(0.01, 100)),
        min_size=2,
        max_size=30,
    )
)
def test_fitted_thresholds_are_in_order(rows):
    level, raw, weight = (np.array(column) for column in zip(*rows))
    # Without gaps.
    level = np.unique(level, return_inverse=True)[1]
    if level.max() == 0:
        with pytest.raises(ValueError, match="at least two levels"):
            OrdinalAllThreshold().loss(level, raw, weight)
        return
    thresholds = OrdinalAllThreshold().thresholds_of(level, raw, weight)
    assert (np.diff(thresholds) > 0).all()
    probability = level_probabilities(expit(raw[:, None] - thresholds))
    assert (probability >= 0).all()
    np.testing.assert_allclose(probability.sum(axis=1), 1.0)
    mean = weight @ probability / weight.sum()
    shares = np.bincount(level, weight) / weight.sum()
    np.testing.assert_allclose(mean, shares, atol=1e-9)
    # One score: whatever rising levels are worth, rows rank by the score.
    worth = np.cumsum(np.arange(probability.shape[1]) ** 2)
    ordered = (probability @ worth)[np.argsort(raw)]
    assert (np.diff(ordered) >= -1e-9).all()


def test_thresholds_of_many_rows_and_of_extreme_scores():
    rng = np.random.default_rng(0)
    for scale in (1e-8, 1.0, 1e3, 1e12):
        raw = scale * rng.standard_t(2, size=9_000)
        share = rng.uniform(size=9_000)
        share /= share.sum()
        mass = np.array([0.9, 0.09, 0.0099, 0.0001])
        found = fit_thresholds(raw, share, mass)
        for threshold, wanted in zip(found, (0.1, 0.01, 0.0001)):

            def excess(at, wanted=wanted, share=share, raw=raw):
                return share @ expit(raw - at) - wanted

            exact = brentq(excess, raw.min() - 20, raw.max() + 20, xtol=1e-300, rtol=1e-14)
            assert threshold == pytest.approx(exact, rel=1e-9, abs=1e-9)
        assert (np.diff(found) > 0).all()


def test_the_coefficients_are_those_of_mord():
    # mord.LogisticAT(alpha=0) of mord 0.7 on the same rows.
    rng = np.random.RandomState(0)
    X = rng.normal(size=(300, 3))
    y = np.digitize(X @ [1.0, -2.0, 0.5] + rng.logistic(size=300), [-1.5, 0.5, 2.0])
    loss = OrdinalAllThreshold()

    def value_and_gradient(coefficients):
        rows = loss.rows(y, X @ coefficients)
        held = loss.hold(rows)
        return loss.value(rows, held), X.T @ loss.derivatives(rows, held).gradient

    found = minimize(value_and_gradient, np.zeros(3), jac=True, options={"gtol": 1e-9}).x
    np.testing.assert_allclose(found, [0.8864034, -1.8772355, 0.3825575], atol=1e-5)
    wanted = [-1.5325116, 0.4002162, 1.8166792]
    np.testing.assert_allclose(loss.thresholds_of(y, X @ found), wanted, atol=1e-5)


def test_the_model_behind_the_rows_is_found():
    # Proportional odds: the loss is least at the true slope and thresholds, in the limit.
    rng = np.random.default_rng(0)
    x = rng.normal(size=30_000)
    edges = np.array([-1.0, 0.5, 3.0])
    y = np.digitize(2.0 * x + rng.logistic(size=x.size), edges)
    loss = OrdinalAllThreshold()
    best = minimize_scalar(lambda slope: loss.loss(y, slope * x), bounds=(0.5, 4), method="bounded")
    assert best.x == pytest.approx(2.0, abs=0.08)
    np.testing.assert_allclose(loss.thresholds_of(y, best.x * x), edges, atol=0.15)


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        ([0, 0, 0], "needs at least two levels.*all rows of y_true have the level 0"),
        ([0, 1, 2**53 + 1], r"3 rows and the level 9007199254740993.*without gaps"),
        ([0, 2, 2], r"no row with weight has the level \[1\].*merge a level"),
        ([1, 2, 3], r"no row with weight has the level \[0\]"),
    ],
)
def test_levels_without_rows_are_refused(levels, message):
    with pytest.raises(ValueError, match=message):
        OrdinalAllThreshold().loss(levels, [0.0, 1.0, 2.0])
    with pytest.raises(ValueError, match=r"level \[2\]"):
        OrdinalAllThreshold().loss([0, 1, 2], [0.0, 1.0, 2.0], [1.0, 1.0, 0.0])


def test_more_levels_than_thresholds_are_refused():
    with pytest.raises(ValueError, match="has 1 thresholds, which separate 2 levels.*up to 2"):
        OrdinalAllThreshold((0.0,)).loss([0, 1, 2], [0.0, 1.0, 2.0])
    # A level without rows has a threshold all the same, where it is given.
    assert np.isfinite(OrdinalAllThreshold((0.0, 1.0, 2.0)).loss([0, 2], [0.0, 1.0]))


@pytest.mark.parametrize(
    "thresholds",
    [(1.0, 0.0), (0.0, 0.0), (), "auto", None, 1.0, (0.0, np.nan), (0.0, 1e7), {0.0, 1.0}],
    ids=["unordered", "tied", "empty", "word", "none", "number", "nan", "huge", "set"],
)
def test_thresholds_that_are_none(thresholds):
    with pytest.raises(ValueError, match="'thresholds' parameter of OrdinalAllThreshold must be"):
        OrdinalAllThreshold(thresholds)


# --- a score per level -------------------------------------------------------------------


def slow_log_loss(y, raw, cost):
    """The mean cost, as the formula says it."""
    total = 0.0
    for level, scores in zip(y, raw):
        p = np.exp(scores) / np.exp(scores).sum()
        for other in range(scores.size):
            total -= cost(abs(level - other)) * np.log(1 - p[other])
    return total / len(y)


@pytest.mark.parametrize(
    ("loss", "cost"),
    [
        (OrdinalLogLoss(), lambda d: d**2),
        (OrdinalLogLoss(power=1.5), lambda d: d**1.5),
        (OrdinalLogLoss("exponential"), lambda d: np.exp(d) - 1),
    ],
    ids=["square", "power", "exponential"],
)
def test_the_cost_of_wrong_levels(loss, cost):
    y = np.array([0, 1, 2, 3, 0, 3])
    raw = np.random.default_rng(0).normal(size=(6, 4))
    assert loss.loss(y, raw) == pytest.approx(slow_log_loss(y, raw, cost))
    gradient, hessian = loss.gradient_hessian(y, raw)
    weights = cost(np.abs(np.subtract.outer(y, np.arange(4))))
    p = softmax(raw, axis=1)
    q = weights / (1 - p)
    np.testing.assert_allclose(gradient, p * (q - (p * q).sum(axis=1, keepdims=True)) / 6)
    # The diagonal is nowhere below the exact hessian of a row.
    step = 1e-5
    for row in range(6):
        exact = np.empty((4, 4))
        for column in range(4):
            moved = np.zeros_like(raw)
            moved[row, column] = step
            apart = loss.gradient(y, raw + moved) - loss.gradient(y, raw - moved)
            exact[column] = apart[row] / (2 * step)
        assert np.linalg.eigvalsh(np.diag(hessian[row]) - (exact + exact.T) / 2).min() > -1e-9
    # It is not zero, as the cost of the true level alone would be.
    assert loss.loss([0, 1], [[0.0, 0.0], [0.0, 0.0]]) > 0


def test_two_levels_in_two_scores_are_the_cross_entropy():
    y, raw, weight = draw(n_levels=2, weighted=True)
    two = np.column_stack([np.zeros(y.size), raw])
    plain = BinaryCrossEntropy()
    assert OrdinalLogLoss().loss(y, two, weight) == pytest.approx(plain.loss(y, raw, weight))
    gradient, hessian = OrdinalLogLoss().gradient_hessian(y, two, weight)
    wanted = plain.gradient_hessian(y, raw, weight)
    np.testing.assert_allclose(gradient[:, 1], wanted[0], rtol=1e-12)
    np.testing.assert_allclose(hessian[:, 1], 2 * wanted[1], rtol=1e-12)


def test_certain_rows_have_finite_derivatives():
    raw = np.array([[800.0, 0.0, -800.0], [0.0, 0.0, 800.0]])
    for level in (0, 1, 2):
        gradient, hessian = OrdinalLogLoss().gradient_hessian([level, level], raw)
        assert np.isfinite(gradient).all()
        assert np.isfinite(hessian).all()
        # A certain mistake pulls by its whole cost.
        assert gradient[1, 2] == pytest.approx((2 - level) ** 2 / 2)


def test_the_best_constant_may_leave_out_a_level():
    for shares in ([0.3, 0.4, 0.3], [0.9, 0.09, 0.01]):
        mass = np.array(shares)
        cost = np.abs(np.subtract.outer(range(3), range(3))) ** 2 @ mass

        def loss(raw, mass=mass):
            return OrdinalLogLoss().loss([0, 1, 2], np.tile(raw, (3, 1)), mass)

        found = minimize(loss, np.log(mass), method="BFGS", options={"gtol": 1e-9}).x
        kept = np.arange(3)
        while True:
            slope = cost[kept].sum() / (kept.size - 1)
            wanted = np.zeros(3)
            wanted[kept] = 1 - cost[kept] / slope
            if (wanted >= 0).all():
                break
            kept = kept[wanted[kept] > 0]
        np.testing.assert_allclose(softmax(found), wanted, atol=1e-4)
    # The rare end has none, and boosting begins where it has.
    assert wanted[2] == 0
    start = OrdinalLogLoss().start(OrdinalLogLoss().rows([0, 1, 2], np.zeros((3, 3)), mass))
    np.testing.assert_allclose(np.exp(start), mass)


def test_parameters_of_the_log_loss():
    for power in (0.0, -1.0, 11.0, np.nan, "2"):
        with pytest.raises(ValueError, match="'power' parameter of OrdinalLogLoss"):
            OrdinalLogLoss(power=power)
    with pytest.raises(ValueError, match="'distance' parameter of OrdinalLogLoss"):
        OrdinalLogLoss("squared")
    with pytest.raises(ValueError, match="at most 701 levels"):
        OrdinalLogLoss("exponential").loss([0, 1], np.zeros((2, 800)))


# --- thresholds with a shared score ------------------------------------------------------


def test_coral_is_all_threshold_of_the_scores_less_thresholds():
    y, raw, weight = draw(weighted=True)
    one = OrdinalAllThreshold()
    thresholds = one.thresholds_of(y, raw, weight)
    margins = raw[:, None] - thresholds
    assert Coral().loss(y, margins, weight) == pytest.approx(one.loss(y, raw, weight))
    np.testing.assert_allclose(
        Coral().gradient(y, margins, weight).sum(axis=1), one.gradient(y, raw, weight), rtol=1e-9
    )
    important = Coral(importance=(1.0, 3.0, 0.5))
    parts = [
        factor * BinaryCrossEntropy().loss(1 * (y > number), margins[:, number], weight)
        for number, factor in enumerate(important.importance)
    ]
    assert important.loss(y, margins, weight) == pytest.approx(sum(parts))


def test_coral_is_refused_by_boosters():
    for loss in (Coral(), WeightedSum(((1.0, Coral()),))):
        with pytest.raises(ValueError, match="shares one score.*Use OrdinalAllThreshold"):
            BoosterObjective(loss)
    with pytest.raises(ValueError, match="importance of Coral has 1 entries.* 2 thresholds"):
        Coral(importance=(1.0,)).loss([0, 1, 2], np.zeros((3, 2)))
    with pytest.raises(ValueError, match="'importance' parameter of Coral"):
        Coral(importance=(0.0, 1.0))
