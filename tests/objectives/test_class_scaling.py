"""Cross-entropy with parameters by class: independent formulas, special cases and theorems."""

import math

import numpy as np
import pytest
from objectives_cases import CASES
from scipy.optimize import brentq, minimize
from scipy.special import expit, log_softmax, logit

from skbudget.objectives import (
    BinaryCrossEntropy,
    ClassBalancedCrossEntropy,
    FocalLoss,
    LDAMLoss,
    MarginCrossEntropy,
    SegmentScalingCrossEntropy,
    VectorScalingCrossEntropy,
    VectorScalingSoftmax,
    available,
    example_rows,
    find_loss,
)

pytestmark = pytest.mark.filterwarnings("error")

every_case = pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
FULL = VectorScalingCrossEntropy(3.0, 0.5, 0.7, 1.4, 1.5, -0.5)


def by_formula(loss, y, raw, weight):
    """The loss as its docstring states it, row by row."""
    total = 0.0
    for label, score, w in zip(y, raw, weight):
        if label == 1:
            exponent = loss.pos_margin - loss.pos_multiplier * score
            total += w * loss.pos_weight * math.log1p(math.exp(exponent))
        else:
            exponent = loss.neg_margin + loss.neg_multiplier * score
            total += w * loss.neg_weight * math.log1p(math.exp(exponent))
    return total / weight.sum()


@every_case
def test_is_its_formula(case):
    found = FULL.loss(case.y, case.raw, case.weight)
    assert found == pytest.approx(by_formula(FULL, case.y, case.raw, case.weights), rel=1e-12)


def test_the_hessian_is_the_second_derivative():
    case, step = CASES["weights"], 1e-4
    _, hessian = FULL.gradient_hessian(case.y, case.raw, case.weight)
    for row in np.flatnonzero(case.weight > 0):
        sides = []
        for sign in (1, -1):
            raw = case.raw.copy()
            raw[row] += sign * step
            sides.append(FULL.gradient(case.y, raw, case.weight)[row])
        assert hessian[row] == pytest.approx((sides[0] - sides[1]) / (2 * step), rel=1e-6)


# --- special cases ------------------------------------------------------------------------


@every_case
@pytest.mark.parametrize("pos_weight", [1.0, 3.0, "balanced", ("balanced", 0.3)])
def test_weights_alone_are_binary_cross_entropy_bit_for_bit(case, pos_weight):
    one, other = VectorScalingCrossEntropy(pos_weight), BinaryCrossEntropy(pos_weight)
    assert one.loss(*case.args) == other.loss(*case.args)
    for found, wanted in zip(one.gradient_hessian(*case.args), other.gradient_hessian(*case.args)):
        np.testing.assert_array_equal(found, wanted)
    rows = one.rows(*case.args)
    assert one.start(rows) == other.start(rows)
    single = rows.replace(raw=rows.raw.astype(np.float32), dtype=np.float32)
    found, wanted = (loss.derivatives(single, loss.hold(single)) for loss in (one, other))
    np.testing.assert_array_equal(found.gradient, wanted.gradient)


def test_a_share_of_the_balance():
    rows = BinaryCrossEntropy().rows([0] * 30 + [1] * 3, np.zeros(33))
    for share in (1 / 3, 2 / 3, 1.0):
        gradient = BinaryCrossEntropy(("balanced", share)).gradient(
            rows.target.astype(int), rows.raw
        )
        assert -gradient[rows.target].sum() == pytest.approx(share * gradient[~rows.target].sum())


def test_class_balanced_weights_in_closed_form_and_their_limits():
    rows = BinaryCrossEntropy().rows([0] * 400 + [1] * 10, np.zeros(410))

    def weights(beta):
        found = ClassBalancedCrossEntropy(beta).resolved(rows)
        assert found.pos_weight + found.neg_weight == pytest.approx(2.0, rel=1e-14)
        assert (found.pos_multiplier, found.pos_margin, found.neg_margin) == (1.0, 0.0, 0.0)
        return found.pos_weight / found.neg_weight

    for beta in (0.1, 0.9, 0.99, 0.999, 0.9999):
        # Summed as the number of rows that are seen for the first time.
        seen = [sum(beta**k for k in range(n)) for n in (400, 10)]
        assert weights(beta) == pytest.approx(seen[0] / seen[1], rel=1e-9)
    assert weights(0.0) == 1.0
    assert weights(1.0) == 40.0
    assert weights(1e-12) == pytest.approx(1.0)
    assert weights(1.0 - 1e-12) == pytest.approx(40.0)
    # The same as a weight of the positives alone, up to a factor of all rows.
    effective = BinaryCrossEntropy(("effective", 0.99)).resolved(rows)
    gradient = effective.gradient(rows.target.astype(int), rows.raw)
    pulls = -gradient[rows.target].sum() / 10, gradient[~rows.target].sum() / 400
    assert pulls[0] / pulls[1] == pytest.approx(weights(0.99))


def test_margins_of_both_classes_or_of_one():
    case = CASES["all"]
    y, raw, weight = case.args
    plain = BinaryCrossEntropy()
    for side, moved in (
        ("both", np.where(y == 1, raw - 2.0, raw + 2.0)),
        ("positives", np.where(y == 1, raw - 2.0, raw)),
        ("negatives", np.where(y == 1, raw, raw + 2.0)),
    ):
        loss = MarginCrossEntropy(2.0, side)
        assert loss.loss(y, raw, weight) == pytest.approx(plain.loss(y, moved, weight), rel=1e-14)
        np.testing.assert_allclose(
            loss.gradient(y, raw, weight), plain.gradient(y, moved, weight), rtol=1e-12
        )


def test_the_rarer_class_has_the_greater_margin():
    for n_pos, n_neg in ((10, 1_000), (700, 3)):
        y = np.repeat([1, 0], [n_pos, n_neg])
        rows = LDAMLoss().rows(y, np.zeros(y.size))
        found = LDAMLoss(max_margin=0.8, logit_scale=30.0).resolved(rows)
        margins = np.array([found.pos_margin, found.neg_margin])
        assert margins.max() == pytest.approx(24.0)
        assert margins[0] / margins[1] == pytest.approx((n_neg / n_pos) ** 0.25)
        # The unit of the weights does not matter.
        heavy = LDAMLoss(max_margin=0.8, logit_scale=30.0).resolved(
            LDAMLoss().rows(y, np.zeros(y.size), np.full(y.size, 7.0))
        )
        assert heavy.pos_margin == pytest.approx(found.pos_margin, rel=1e-14)


def test_logit_adjustment_is_a_shift_of_both_classes():
    case = CASES["weights"]
    loss = VectorScalingCrossEntropy.from_counts(20, 500, tau=1.5)
    moved = case.raw + 1.5 * np.log(20 / 500)
    assert loss.loss(*case.args) == pytest.approx(
        BinaryCrossEntropy().loss(case.y, moved, case.weight), rel=1e-13
    )
    # Menon's: the best constant of one atom is its log-odds without the prior.
    for eta in (0.001, 0.2, 0.9):
        atom = loss.rows([0, 1], [0.0, 0.0], [1 - eta, eta])
        wanted = logit(eta) - 1.5 * np.log(20 / 500)
        assert loss.start(atom) == pytest.approx(wanted, abs=1e-10)
        slope = brentq(lambda s, at=eta: slope_at(loss, at, s), -60, 60, xtol=1e-12)
        assert slope == pytest.approx(wanted, abs=1e-9)


def slope_at(loss, eta, score):
    return loss.gradient([0, 1], [score, score], [1 - eta, eta]).sum()


def test_class_dependent_temperatures_from_counts():
    loss = VectorScalingCrossEntropy.from_counts(16, 10_000, gamma=0.25)
    assert loss.pos_multiplier == pytest.approx(0.2)
    assert loss.neg_multiplier == 1.0
    assert (loss.pos_weight, loss.neg_weight, loss.pos_margin, loss.neg_margin) == (1, 1, 0, 0)
    other = VectorScalingCrossEntropy.from_counts(10_000, 16, gamma=0.25)
    assert (other.pos_multiplier, other.neg_multiplier) == (1.0, pytest.approx(0.2))
    whole = VectorScalingCrossEntropy.from_counts(16, 10_000, gamma=0.25, tau=1.0, beta=0.999)
    assert whole.pos_margin == -whole.neg_margin == pytest.approx(np.log(625))
    assert whole.pos_weight + whole.neg_weight == pytest.approx(2.0)


def test_the_eight_losses_of_critical_classes_have_names():
    named = {
        "binary_cross_entropy": {},
        "margin_cross_entropy": {},
        "focal_loss": {},
        "class_balanced_cross_entropy": {},
        "ldam_loss": {},
        "vector_scaling_cross_entropy": {},
        "segment_scaling_cross_entropy": {},
    }
    assert set(named) <= set(available("binary"))
    assert "vector_scaling_softmax" in available("classes")
    case = CASES["plain"]
    asymmetric = {
        "margin": find_loss("margin_cross_entropy", side="positives"),
        "focal": find_loss("focal_loss", gamma_positive=0.0, alpha=0.5),
        "weighted": find_loss("binary_cross_entropy", pos_weight=("balanced", 1 / 3)),
    }
    for loss in asymmetric.values():
        assert np.isfinite(loss.loss(*case.args))


def test_a_focus_of_each_class():
    y, raw, weight = CASES["weights"].args
    p = np.where(y == 1, expit(raw), expit(-raw))
    gamma = np.where(y == 1, 0.5, 3.0)
    share = weight * np.where(y == 1, 0.7, 0.3) / weight.sum()
    wanted = -(share * (1 - p) ** gamma * np.log(p)).sum()
    loss = FocalLoss(gamma=3.0, alpha=0.7, gamma_positive=0.5)
    assert loss.loss(y, raw, weight) == pytest.approx(wanted, rel=1e-12)
    same = FocalLoss(gamma=3.0, alpha=0.7)
    for one, other in zip(
        same.replace(gamma_positive=3.0).gradient_hessian(y, raw, weight),
        same.gradient_hessian(y, raw, weight),
    ):
        np.testing.assert_array_equal(one, other)
    # Without a focus of the positives they are those of cross-entropy.
    plain = BinaryCrossEntropy().gradient(y, raw, weight)
    found = FocalLoss(gamma=3.0, alpha=0.5, gamma_positive=0.0).gradient(y, raw, weight)
    np.testing.assert_allclose(found[y == 1], 0.5 * plain[y == 1], rtol=1e-12)


# --- theorems -----------------------------------------------------------------------------

BINARY = {
    "vector scaling": FULL,
    "opposed": VectorScalingCrossEntropy(0.01, 1.0, 3.0, 0.2, -5.0, 4.0),
    "margin": MarginCrossEntropy(4.0),
    "one margin": MarginCrossEntropy(2.0, "positives", pos_weight=20.0),
    "focal": FocalLoss(gamma=1.0),
    "asymmetric focal": FocalLoss(gamma=2.0, gamma_positive=0.0, alpha=0.5),
    "weighted": BinaryCrossEntropy(50.0),
}


@pytest.mark.parametrize("loss", BINARY.values(), ids=list(BINARY))
def test_the_best_score_rises_with_the_probability(loss):
    eta = np.linspace(0.01, 0.99, 99)
    best = [loss.start(loss.rows([0, 1], [0.0, 0.0], [1 - at, at])) for at in eta]
    assert (np.diff(best) > 1e-6).all()


@pytest.mark.parametrize("loss", BINARY.values(), ids=list(BINARY))
def test_the_best_constant_is_that_of_a_minimiser(loss):
    y, weight = np.array([0, 1]), np.array([30.0, 4.0])
    found = loss.start(loss.rows(y, np.zeros(2), weight))
    wanted = minimize(lambda s: loss.loss(y, np.repeat(s, 2), weight), 0.0, tol=1e-12).x[0]
    assert found == pytest.approx(wanted, abs=1e-4)


def separable():
    """Points that a line separates, far from where the classes' means would put it."""
    rng = np.random.default_rng(3)
    y = np.repeat([1, 0], [6, 12])
    X = rng.normal(size=(18, 2)) * [1.0, 0.6]
    X[y == 1] += [1.5, 2.6]
    X[y == 0] -= [0.8, 1.4]
    return X, y


def hardest_margin(X, y, pos_multiplier, neg_multiplier, intercept=True):
    """The least weights by which scores times multipliers reach 1 on the side of the class."""
    side = np.where(y == 1, pos_multiplier, -neg_multiplier)
    free = np.column_stack([X, np.full(len(y), float(intercept))])
    found = minimize(
        lambda w: w[:2] @ w[:2] / 2,
        np.array([1.0, 1.0, 0.0]),
        jac=lambda w: np.array([*w[:2], 0.0]),
        constraints={
            "type": "ineq",
            "fun": lambda w: side * (free @ w) - 1.0,
            "jac": lambda w: side[:, None] * free,
        },
        method="SLSQP",
        options={"maxiter": 1000, "ftol": 1e-14},
    )
    assert found.success
    return found.x


def trained(loss, X, y):
    """What the linear model of a loss grows along as its penalty vanishes.

    Its weights are a multiple of this, with the logarithm of the penalty, and a constant.
    """
    free = np.column_stack([X, np.ones(len(y))])
    w, found = np.zeros(3), []
    for penalty in np.geomspace(1.0, 1e-12, 25):
        ridge = penalty * np.array([1.0, 1.0, 0.0])
        for _ in range(30):
            gradient, hessian = loss.gradient_hessian(y, free @ w)
            curvature = free.T @ (hessian[:, None] * free) + np.diag(ridge)
            step = np.linalg.solve(curvature, free.T @ gradient + ridge * w)
            w = w - step
            if np.abs(step).max() < 1e-9 * max(1.0, np.abs(w).max()):
                break
        found.append(w)
    return found[-1] - found[-9]


def angle(w):
    return np.degrees(np.arctan2(w[1], w[0]))


@pytest.mark.parametrize(
    ("pos_multiplier", "neg_multiplier"), [(1.0, 1.0), (0.25, 1.0), (1.0, 0.25)]
)
def test_separable_rows_keep_their_direction_and_move_the_intercept(pos_multiplier, neg_multiplier):
    X, y = separable()
    plain = hardest_margin(X, y, 1.0, 1.0)
    scaled = hardest_margin(X, y, pos_multiplier, neg_multiplier)
    assert angle(scaled) == pytest.approx(angle(plain), abs=1e-3)
    loss = VectorScalingCrossEntropy(
        5.0, pos_multiplier=pos_multiplier, neg_multiplier=neg_multiplier
    )
    grows = trained(loss, X, y)
    assert angle(grows) == pytest.approx(angle(plain), abs=0.5)
    for w, tolerance in ((scaled, 1e-4), (grows, 0.05)):
        scores = X @ w[:2] + w[2]
        ratio = scores[y == 1].min() / -scores[y == 0].max()
        assert ratio == pytest.approx(neg_multiplier / pos_multiplier, rel=tolerance)


def test_without_an_intercept_the_direction_changes():
    X, y = separable()
    angles = [angle(hardest_margin(X, y, *of, intercept=False)) for of in ((1, 1), (0.25, 1))]
    assert abs(angles[0] - angles[1]) > 1.0


def test_a_shift_is_absorbed_by_an_intercept():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=(400, 3)), np.ones(400)])
    y = (rng.random(400) < expit(X @ [1.0, -0.5, 0.2, -2.0])).astype(int)
    shift = np.log(y.mean() / (1 - y.mean()))

    def fit(loss):
        return minimize(
            lambda w: loss.loss(y, X @ w) + 1e-3 * w[:3] @ w[:3],
            np.zeros(4),
            jac=lambda w: X.T @ loss.gradient(y, X @ w) + 2e-3 * w * [1, 1, 1, 0],
            method="BFGS",
            options={"gtol": 1e-10},
        ).x

    with np.errstate(all="ignore"):
        plain = fit(BinaryCrossEntropy())
        adjusted = fit(VectorScalingCrossEntropy(pos_margin=-shift, neg_margin=shift))
    np.testing.assert_allclose(adjusted[:3], plain[:3], atol=1e-6)
    assert adjusted[3] == pytest.approx(plain[3] - shift, abs=1e-6)


# --- several classes ----------------------------------------------------------------------

SOFTMAX = VectorScalingSoftmax((1.0, 2.0, 0.5), (0.5, 1.0, 1.5), (0.0, -1.0, 0.5), (0.5, 0.0, 2.0))


def test_softmax_is_its_formula():
    rows = example_rows(SOFTMAX, weighted=True)
    total = 0.0
    for y, raw, weight in zip(rows.target, rows.raw, rows.weight):
        z = np.array(SOFTMAX.multiplier) * raw + np.array(SOFTMAX.shift)
        z[y] -= SOFTMAX.margin[y]
        total -= weight * SOFTMAX.weight[y] * log_softmax(z)[y]
    found = SOFTMAX.loss(rows.target, rows.raw, rows.weight)
    assert found == pytest.approx(total / rows.weight.sum(), rel=1e-12)


def test_the_diagonal_is_nowhere_below_the_hessian_of_a_row():
    rows = example_rows(SOFTMAX, 12)
    gradient, hessian = SOFTMAX.gradient_hessian(rows.target, rows.raw)
    step = 1e-5
    for row in range(12):
        full = np.empty((3, 3))
        for k in range(3):
            sides = []
            for sign in (1, -1):
                raw = rows.raw.copy()
                raw[row, k] += sign * step
                sides.append(SOFTMAX.gradient(rows.target, raw)[row])
            full[k] = (sides[0] - sides[1]) / (2 * step)
        np.testing.assert_allclose(2 * np.diag(full), hessian[row], rtol=1e-5)
        assert np.linalg.eigvalsh(np.diag(hessian[row]) - full).min() > -1e-10
    assert np.abs(gradient).max() > 0


def test_two_classes_of_the_softmax_are_one_score():
    rng = np.random.default_rng(0)
    raw, y = rng.normal(size=(30, 2)), rng.integers(0, 2, 30)
    softmax = VectorScalingSoftmax((0.5, 3.0), None, (0.3, -1.0), (0.2, 0.7))
    binary = VectorScalingCrossEntropy(
        3.0, 0.5, pos_margin=0.7 - (-1.0 - 0.3), neg_margin=0.2 + (-1.0 - 0.3)
    )
    score = raw[:, 1] - raw[:, 0]
    assert softmax.loss(y, raw) == pytest.approx(binary.loss(y, score), rel=1e-12)
    np.testing.assert_allclose(
        softmax.gradient(y, raw)[:, 1], binary.gradient(y, score), rtol=1e-12
    )


def test_softmax_from_counts():
    counts = np.array([900.0, 90.0, 10.0])
    loss = VectorScalingSoftmax.from_counts(counts, gamma=0.5, tau=2.0, beta=0.99)
    np.testing.assert_allclose(loss.multiplier, np.sqrt(counts / 900))
    np.testing.assert_allclose(loss.shift, 2.0 * np.log(counts / 1000))
    weights = (1 - 0.99) / (1 - 0.99**counts)
    np.testing.assert_allclose(loss.weight, weights / weights.mean())
    assert VectorScalingSoftmax.from_counts([5, 5]).weight is None


def test_weights_of_classes_follow_the_rows():
    y = np.repeat([0, 1, 2], [60, 30, 10])
    loss = VectorScalingSoftmax("balanced")
    gradient = loss.gradient(y, np.zeros((100, 3)))
    pulls = [-gradient[y == k, k].sum() for k in range(3)]
    np.testing.assert_allclose(pulls, pulls[0])
    resolved = loss.resolved(loss.rows(y, np.zeros((100, 3))))
    assert np.mean(resolved.weight) == pytest.approx(1.0)
    # A class that no row has counts for nothing, and hurts nobody.
    lacking = VectorScalingSoftmax(("effective", 0.9), margin=(1.0, 0.0, 0.0, 0.0))
    rows = lacking.rows(y, np.zeros((100, 4)))
    assert np.isfinite(lacking.resolved(rows).weight).all()
    assert np.isfinite(lacking.start(rows)).all()
    assert np.isfinite(lacking.gradient(y, np.zeros((100, 4)))).all()


# --- segments -----------------------------------------------------------------------------


def test_parameters_of_segments_are_those_of_their_rows():
    rng = np.random.default_rng(0)
    y, raw, segment = rng.integers(0, 2, 40), rng.normal(size=40), rng.integers(0, 3, 40)
    loss = SegmentScalingCrossEntropy((1.0, 2.0, 0.5), (0.5, 1.0, 1.5), (0.5, 0.0, -1.0))
    gradient, hessian = loss.gradient_hessian(y, raw, segment=segment)
    total = 0.0
    for one in range(3):
        of = segment == one
        alone = VectorScalingCrossEntropy(
            pos_weight=loss.weight[one],
            neg_weight=loss.weight[one],
            pos_multiplier=loss.multiplier[one],
            neg_multiplier=loss.multiplier[one],
            pos_margin=loss.margin[one],
            neg_margin=loss.margin[one],
        )
        share = of.mean()
        total += share * alone.loss(y[of], raw[of])
        wanted = alone.gradient_hessian(y[of], raw[of])
        np.testing.assert_allclose(gradient[of], share * wanted[0], rtol=1e-12)
        np.testing.assert_allclose(hessian[of], share * wanted[1], rtol=1e-12)
    assert loss.loss(y, raw, segment=segment) == pytest.approx(total, rel=1e-12)


def test_segments_of_any_size_count_alike():
    y = np.tile([0, 1], 50)
    segment = np.repeat([0, 1, 4], [70, 20, 10])
    loss = SegmentScalingCrossEntropy("balanced")
    gradient = np.abs(loss.gradient(y, np.zeros(100), segment=segment))
    pulls = [gradient[segment == one].sum() for one in (0, 1, 4)]
    np.testing.assert_allclose(pulls, pulls[0])
    assert gradient.sum() == pytest.approx(0.5)


def test_segments_without_parameters_are_refused():
    loss = SegmentScalingCrossEntropy(margin=(0.0, 1.0))
    with pytest.raises(
        ValueError, match="segment of SegmentScaling.* goes up to 2, and margin has 2"
    ):
        loss.loss([0, 1, 1], [0.0, 0.0, 0.0], segment=[0, 1, 2])
    for segment in ([0, 1, -1], [0.0, 0.5, 1.0]):
        with pytest.raises(ValueError, match="must hold whole numbers from 0"):
            loss.loss([0, 1, 1], [0.0, 0.0, 0.0], segment=segment)
    with pytest.raises(ValueError, match="weight 3, margin 2"):
        SegmentScalingCrossEntropy((1.0, 1.0, 1.0), margin=(0.0, 1.0))
    with pytest.raises(ValueError, match="'weight' parameter of SegmentScalingCrossEntropy"):
        SegmentScalingCrossEntropy("even")


@pytest.mark.parametrize("segment", [[0, None, "a"], [0, 1, [2]], ["a", 1, None]])
def test_segments_of_several_types_are_refused_by_name(segment):
    with pytest.raises(ValueError, match="segment (lacks some entries|must be an array)"):
        SegmentScalingCrossEntropy().loss([0, 1, 1], [0.0, 0.0, 0.0], segment=segment)


def test_sizes_too_unequal_for_the_exponent_are_named():
    with pytest.raises(ValueError, match=r"n_pos=1 and n_neg=1e\+30 of .* pos_multiplier of 1e-15"):
        VectorScalingCrossEntropy.from_counts(1, 1e30, gamma=0.5)
    with pytest.raises(ValueError, match="counts of .* give a multiplier of 1e-15"):
        VectorScalingSoftmax.from_counts([1, 1e30], gamma=0.5)


# --- ends of the ranges -------------------------------------------------------------------


@pytest.mark.parametrize("margin", [-1e4, 800.0, 1e4])
@pytest.mark.parametrize("multiplier", [1e-6, 1.0, 1e6])
def test_margins_beyond_the_exponential_cost_what_they_are(margin, multiplier):
    loss = VectorScalingCrossEntropy(pos_margin=margin, pos_multiplier=multiplier)
    assert loss.loss([0, 1], [-1e9, 0.0]) == pytest.approx(max(margin, 0.0) / 2)
    gradient, hessian = loss.gradient_hessian([0, 1, 1], [1e100, -1e100, 5.0])
    assert np.isfinite(gradient).all()
    assert np.isfinite(hessian).all()
    start = loss.start(loss.rows([0] * 99 + [1], np.zeros(100)))
    assert np.isfinite(start)
    # There the pulls of both classes are equal.
    slope = loss.gradient([0] * 99 + [1], np.full(100, start))
    assert slope.sum() == pytest.approx(0.0, abs=1e-6 * np.abs(slope).sum() + 1e-15)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: VectorScalingCrossEntropy(pos_multiplier=0.0), "'pos_multiplier' .*1e-06"),
        (lambda: VectorScalingCrossEntropy(neg_multiplier=-1.0), "'neg_multiplier' parameter"),
        (lambda: VectorScalingCrossEntropy(pos_margin=np.nan), "'pos_margin' parameter"),
        (lambda: VectorScalingCrossEntropy(neg_margin=1e5), r"\[-10000, 10000\]. Got 1"),
        (lambda: VectorScalingCrossEntropy(neg_weight=0.0), "'neg_weight' parameter"),
        (lambda: VectorScalingCrossEntropy("even"), "'pos_weight' parameter of VectorScaling"),
        (lambda: VectorScalingCrossEntropy(("effective", 1.5)), "a beta in .0, 1."),
        (lambda: BinaryCrossEntropy(("balanced", 0.0)), "a share > 0"),
        (lambda: BinaryCrossEntropy(("balanced",)), "'pos_weight' parameter of BinaryCross"),
        (lambda: BinaryCrossEntropy(()), "'pos_weight' parameter of BinaryCross"),
        (lambda: MarginCrossEntropy(side="all"), "'side' parameter of MarginCrossEntropy"),
        (lambda: MarginCrossEntropy(np.inf), "'margin' parameter of MarginCrossEntropy"),
        (lambda: ClassBalancedCrossEntropy(1.01), "'beta' parameter of ClassBalanced"),
        (lambda: LDAMLoss(max_margin=-1.0), "'max_margin' parameter of LDAMLoss"),
        (lambda: LDAMLoss(logit_scale=0.0), "'logit_scale' parameter of LDAMLoss"),
        (lambda: FocalLoss(gamma_positive=-1.0), "'gamma_positive' parameter of FocalLoss"),
        (lambda: VectorScalingSoftmax((1.0, 0.0)), "'weight' parameter of VectorScalingSoftmax"),
        (lambda: VectorScalingSoftmax("even"), "'balanced', or .'effective', beta."),
        (lambda: VectorScalingSoftmax(shift="ab"), "'shift' parameter of VectorScalingSoftmax"),
        (lambda: VectorScalingSoftmax((1.0, 1.0), (1.0,)), "weight 2, multiplier 1"),
        (lambda: VectorScalingSoftmax.from_counts([5, 0]), "'counts' parameter of .*from_counts"),
        (lambda: VectorScalingSoftmax.from_counts(None), "one number of rows per class"),
        (lambda: VectorScalingCrossEntropy.from_counts(0, 5), "'n_pos' parameter of"),
        (lambda: VectorScalingCrossEntropy.from_counts(1, 5, gamma=-1), "'gamma' parameter of"),
        (lambda: VectorScalingCrossEntropy.from_counts(1, 5, tau=np.nan), "'tau' parameter of"),
        (lambda: VectorScalingCrossEntropy.from_counts(1, 5, beta=2), "'beta' parameter of"),
    ],
)
def test_what_is_refused(made, message):
    with pytest.raises(ValueError, match=message):
        made()


def test_parameters_beside_scores_of_other_classes_are_refused():
    with pytest.raises(ValueError, match="shift of VectorScalingSoftmax has 2 entries.* 3 scores"):
        VectorScalingSoftmax(shift=(0.0, 1.0)).loss([0, 1, 2], np.zeros((3, 3)))
