"""Losses of single rows against NumPy, SciPy and scikit-learn, and the points where they rest."""

import math

import numpy as np
import pytest
from scipy.optimize import brentq, minimize_scalar
from scipy.special import expit, log_softmax, softmax
from sklearn.metrics import (
    hinge_loss,
    log_loss,
    mean_absolute_error,
    mean_pinball_loss,
    mean_squared_error,
)

from skbudget.objectives import (
    AbsoluteError,
    BinaryCrossEntropy,
    CrammerSinger,
    FocalLoss,
    Hinge,
    Huber,
    LogCosh,
    Quantile,
    SoftmaxCrossEntropy,
    SquaredError,
    SquaredHinge,
    VectorScalingSoftmax,
    available,
)

RNG = np.random.default_rng(0)
TARGET = 5.0 + 3.0 * RNG.standard_t(3, size=201)
SCORE = TARGET + RNG.normal(size=201)
WEIGHT = RNG.integers(1, 5, 201).astype(float)
REAL = {
    "squared": SquaredError(),
    "absolute": AbsoluteError(),
    "huber": Huber(2.0),
    "log-cosh": LogCosh(),
    "log-cosh of 3": LogCosh(3.0),
    "quantile": Quantile(0.8),
    "median": Quantile(),
}
each_real_loss = pytest.mark.parametrize("loss", REAL.values(), ids=list(REAL))


def start_of(loss, target, weight=None):
    return loss.start(loss.rows(target, np.zeros(len(target)), weight))


# --- values against other libraries ----------------------------------------------------------


def test_values_are_those_of_scikit_learn():
    given = {"sample_weight": WEIGHT}
    wanted = mean_squared_error(TARGET, SCORE, **given)
    assert SquaredError().loss(TARGET, SCORE, WEIGHT) == pytest.approx(wanted)
    wanted = mean_absolute_error(TARGET, SCORE, **given)
    assert AbsoluteError().loss(TARGET, SCORE, WEIGHT) == pytest.approx(wanted)
    for tau in (0.1, 0.5, 0.9):
        wanted = mean_pinball_loss(TARGET, SCORE, alpha=tau, **given)
        assert Quantile(tau).loss(TARGET, SCORE, WEIGHT) == pytest.approx(wanted)


def test_a_mean_and_not_a_sum():
    """The loss does not grow with the number of rows: a table twice is the table."""
    for loss in REAL.values():
        twice = loss.loss(np.tile(TARGET, 2), np.tile(SCORE, 2))
        assert twice == pytest.approx(loss.loss(TARGET, SCORE))


@pytest.mark.parametrize("delta", [0.3, 2.0])
def test_huber_in_its_two_pieces(delta):
    size = np.abs(TARGET - SCORE)
    wanted = np.where(size <= delta, size**2 / 2, delta * (size - delta / 2)).mean()
    assert Huber(delta).loss(TARGET, SCORE) == pytest.approx(wanted)
    # It has no jump where the pieces meet.
    near = [Huber(delta).loss([0.0], [delta + step]) for step in (-1e-9, 0.0, 1e-9)]
    np.testing.assert_allclose(near, delta**2 / 2, rtol=1e-8)


def test_the_limits_of_huber():
    wide = Huber(1e6).loss(TARGET, SCORE)
    assert wide == pytest.approx(SquaredError().loss(TARGET, SCORE) / 2)
    narrow = Huber(1e-7).loss(TARGET, SCORE)
    assert narrow == pytest.approx(1e-7 * AbsoluteError().loss(TARGET, SCORE), rel=1e-5)


def test_log_cosh_does_not_overflow():
    small = np.linspace(-5, 5, 11)
    found = [LogCosh().loss([0.0], [a]) for a in small]
    np.testing.assert_allclose(found, np.log(np.cosh(small)), atol=1e-14)
    # A hyperbolic cosine of 711 is infinite.
    assert LogCosh().loss([0.0], [1e5]) == pytest.approx(1e5 - math.log(2))
    assert LogCosh().gradient([0.0], [1e5])[0] == 1.0
    # Nor does it round to nothing far inside of its delta.
    assert LogCosh(1e10).loss([0.0], [1.0]) == pytest.approx(0.5)
    assert LogCosh(3.0).loss([0.0], [2.0]) == pytest.approx(9 * math.log(math.cosh(2 / 3)))


def test_half_of_the_absolute_error_is_the_quantile_of_one_half():
    half = AbsoluteError().loss(TARGET, SCORE, WEIGHT) / 2
    assert Quantile(0.5).loss(TARGET, SCORE, WEIGHT) == pytest.approx(half)
    np.testing.assert_allclose(
        Quantile(0.5).gradient(TARGET, SCORE), AbsoluteError().gradient(TARGET, SCORE) / 2
    )


# --- where a constant rests ------------------------------------------------------------------


def test_the_mean_and_the_median():
    assert start_of(SquaredError(), TARGET) == pytest.approx(TARGET.mean())
    weighted = start_of(SquaredError(), TARGET, WEIGHT)
    assert weighted == pytest.approx(np.average(TARGET, weights=WEIGHT))
    assert start_of(AbsoluteError(), TARGET) == np.median(TARGET)
    assert start_of(AbsoluteError(), TARGET[:200]) == pytest.approx(np.median(TARGET[:200]))
    repeated = np.repeat(TARGET, WEIGHT.astype(int))
    assert start_of(AbsoluteError(), TARGET, WEIGHT) == pytest.approx(np.median(repeated))


@pytest.mark.parametrize("tau", [0.05, 0.25, 0.5, 0.9])
def test_quantiles(tau):
    found = start_of(Quantile(tau), TARGET)
    # Of 201 rows exactly one is the quantile of such a level.
    assert found == np.quantile(TARGET, tau, method="inverted_cdf")
    # Where the level lies between two rows, the middle of the two.
    averaged = np.quantile(TARGET[:200], tau, method="averaged_inverted_cdf")
    assert start_of(Quantile(tau), TARGET[:200]) == pytest.approx(averaged)
    repeated = np.repeat(TARGET, WEIGHT.astype(int))
    wanted = np.quantile(repeated, tau, method="averaged_inverted_cdf")
    assert start_of(Quantile(tau), TARGET, WEIGHT) == pytest.approx(wanted)


def test_a_high_quantile_overestimates_most_targets():
    """The level is the share of the targets below the score, not above it."""
    target = np.random.default_rng(1).exponential(size=20_000)
    score = start_of(Quantile(0.9), target)
    assert np.mean(target > score) == pytest.approx(0.1, abs=1e-3)
    assert score == pytest.approx(-math.log(0.1), rel=0.03)


@pytest.mark.parametrize("delta", [0.5, 2.0, 20.0])
def test_where_huber_rests(delta):
    def slope(score):
        return np.average(np.clip(score - TARGET, -delta, delta), weights=WEIGHT)

    root = brentq(slope, TARGET.min(), TARGET.max(), xtol=1e-12)
    assert start_of(Huber(delta), TARGET, WEIGHT) == pytest.approx(root, abs=1e-8)


def test_where_log_cosh_rests():
    def loss(score):
        return np.average(np.logaddexp(score - TARGET, TARGET - score), weights=WEIGHT)

    best = minimize_scalar(loss, bounds=(0, 10), method="bounded", options={"xatol": 1e-10}).x
    assert start_of(LogCosh(), TARGET, WEIGHT) == pytest.approx(best, abs=1e-6)


@each_real_loss
def test_a_target_that_never_changes(loss):
    assert start_of(loss, np.full(5, 7.0)) == pytest.approx(7.0, rel=1e-12)
    rows = loss.rows(np.full(5, 7.0), np.full(5, 7.0))
    gradient, hessian = loss.gradient_hessian(rows.target, rows.raw)
    assert not gradient.any()
    assert np.isfinite(hessian).all()
    assert (hessian > 0).all()


# --- hessians --------------------------------------------------------------------------------


@each_real_loss
def test_the_hessian_is_that_of_a_parabola_above_the_loss(loss):
    """It touches the loss at the score, so one of its steps never makes the loss greater."""
    aims = np.linspace(-12.0, 12.0, 97)
    for score in (-9.0, -2.5, -1.0, 0.4, 0.9, 3.0, 8.0):
        here = loss.loss([0.0], [score])
        (slope,), (curve,) = loss.gradient_hessian([0.0], [score])
        parabola = here + slope * (aims - score) + curve / 2 * (aims - score) ** 2
        there = [loss.loss([0.0], [aim]) for aim in aims]
        assert (parabola >= np.array(there) - 1e-12).all()


@pytest.mark.parametrize("loss", [Hinge(), Hinge(0.5), SquaredHinge(), SquaredHinge(2.0)], ids=str)
def test_the_parabola_of_a_hinge(loss):
    aims = np.linspace(-6.0, 6.0, 61)
    for score in (-3.0, -0.6, 0.2, 2.9, 5.0):
        # A row of no weight to speak of, because there are two classes.
        labels, weight = [1, 0], [1.0, 1e-9]
        here = loss.loss(labels, [score, -9.0], weight)
        slope, curve = (part[0] for part in loss.gradient_hessian(labels, [score, -9.0], weight))
        parabola = here + slope * (aims - score) + curve / 2 * (aims - score) ** 2
        there = [loss.loss(labels, [aim, -9.0], weight) for aim in aims]
        assert (parabola >= np.array(there) - 1e-8).all()


@each_real_loss
def test_steps_of_the_hessian_reach_the_best_constant(loss):
    score = TARGET.mean() + 4.0
    for _ in range(400):
        gradient, hessian = loss.gradient_hessian(TARGET, np.full(201, score))
        score -= gradient.sum() / hessian.sum()
    best = loss.loss(TARGET, np.full(201, start_of(loss, TARGET)))
    assert loss.loss(TARGET, np.full(201, score)) == pytest.approx(best, rel=2e-3)


# --- two classes -----------------------------------------------------------------------------

LABELS = np.arange(60) % 3 // 2
LOGITS = np.random.default_rng(2).normal(size=60) * 2 + LABELS
WEIGHTS = np.random.default_rng(3).integers(1, 4, 60).astype(float)


def test_the_gradient_of_cross_entropy_is_the_probability_minus_the_label():
    gradient = BinaryCrossEntropy().gradient(LABELS, LOGITS)
    np.testing.assert_allclose(60 * gradient, expit(LOGITS) - LABELS, rtol=1e-12)
    found = BinaryCrossEntropy().loss(LABELS, LOGITS, WEIGHTS)
    wanted = log_loss(LABELS, expit(LOGITS), sample_weight=WEIGHTS)
    assert found == pytest.approx(wanted)


def test_the_hinge_is_that_of_scikit_learn():
    wanted = hinge_loss(LABELS, LOGITS, sample_weight=WEIGHTS)
    assert Hinge(pos_weight=1.0).loss(LABELS, LOGITS, WEIGHTS) == pytest.approx(wanted)
    # Labels may be -1 and 1 as well; 0 is never taken for a sign.
    assert Hinge(pos_weight=1.0).loss(2 * LABELS - 1, LOGITS, WEIGHTS) == pytest.approx(wanted)
    short = np.maximum(0.0, 0.5 - (2 * LABELS - 1) * LOGITS)
    assert Hinge(margin=0.5, pos_weight=1.0).loss(LABELS, LOGITS) == pytest.approx(short.mean())
    wanted = np.average(short**2, weights=WEIGHTS)
    assert SquaredHinge(margin=0.5).loss(LABELS, LOGITS, WEIGHTS) == pytest.approx(wanted)
    with pytest.raises(ValueError, match="must be binary"):
        Hinge().loss([0, 1, -1], [0.0, 0.0, 0.0])


@pytest.mark.parametrize("cls", [Hinge, SquaredHinge])
def test_a_weight_of_the_positives(cls):
    weight = np.where(LABELS == 1, 3.0, 1.0)
    weighted = cls(pos_weight=3.0).loss(LABELS, LOGITS) * 60
    assert weighted == pytest.approx(
        cls(pos_weight=1.0).loss(LABELS, LOGITS, weight) * weight.sum()
    )
    balanced = cls(pos_weight="balanced").gradient(LABELS, LOGITS)
    np.testing.assert_allclose(balanced, cls(pos_weight=2.0).gradient(LABELS, LOGITS))
    # Values of positives count as a weight of theirs.
    value = np.where(LABELS == 1, np.arange(60) + 1.0, 0.0)
    worth = np.where(LABELS == 1, value / value[LABELS == 1].mean(), 1.0)
    np.testing.assert_allclose(
        cls(pos_weight=1.0).gradient(LABELS, LOGITS, value=value),
        worth * cls(pos_weight=1.0).gradient(LABELS, LOGITS),
    )


def test_where_a_constant_rests_on_the_squared_hinge():
    rows = SquaredHinge().rows(LABELS, LOGITS)
    assert SquaredHinge().start(rows) == pytest.approx(2 * LABELS.mean() - 1)
    assert SquaredHinge(pos_weight="balanced").start(rows) == pytest.approx(0.0)
    # All rows are short of the margin at zero, and pull at the first trees.
    assert Hinge().start(rows) == 0.0


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0, 4.0])
def test_focal_loss_of_torchvision(gamma):
    """Its formula: alpha_t (1 - p_t)^gamma times the cross-entropy, row by row."""
    alpha = 0.25
    p = expit(LOGITS)
    cross_entropy = -np.where(LABELS == 1, np.log(p), np.log1p(-p))
    own = p * LABELS + (1 - p) * (1 - LABELS)
    of_class = alpha * LABELS + (1 - alpha) * (1 - LABELS)
    wanted = np.mean(of_class * (1 - own) ** gamma * cross_entropy)
    loss = FocalLoss(gamma=gamma, alpha=alpha)
    assert loss.loss(LABELS, LOGITS) == pytest.approx(wanted, rel=1e-12)
    # Its hessian is positive where the exact one is not, and never below it.
    step = 1e-4
    slope = [loss.gradient(LABELS, LOGITS + shift) for shift in (step, -step)]
    exact = (slope[0] - slope[1]) / (2 * step)
    hessian = loss.gradient_hessian(LABELS, LOGITS)[1]
    assert (hessian > 0).all()
    assert (hessian >= exact - 1e-8).all()
    if gamma == 0.0:
        half = BinaryCrossEntropy().loss(LABELS, LOGITS) / 2
        assert FocalLoss(gamma=0.0, alpha=0.5).loss(LABELS, LOGITS) == pytest.approx(half)


# --- more classes ----------------------------------------------------------------------------

CODES = np.arange(60) % 4
TABLE = np.random.default_rng(4).normal(size=(60, 4)) * 2
TABLE[np.arange(60), CODES] += 1.0


def test_the_softmax_cross_entropy_is_that_of_scikit_learn():
    probability = softmax(TABLE, axis=1)
    wanted = log_loss(CODES, probability, sample_weight=WEIGHTS)
    loss = SoftmaxCrossEntropy()
    assert loss.loss(CODES, TABLE, WEIGHTS) == pytest.approx(wanted)
    gradient = loss.gradient(CODES, TABLE)
    np.testing.assert_allclose(60 * gradient, probability - np.eye(4)[CODES], atol=1e-12)
    start = loss.start(loss.rows(CODES, TABLE, WEIGHTS))
    share = np.bincount(CODES, WEIGHTS) / WEIGHTS.sum()
    np.testing.assert_allclose(log_softmax(start), np.log(share))
    assert np.isfinite(loss.gradient(CODES, 700 * TABLE)).all()


@pytest.mark.parametrize(
    "weight",
    [(1.0, 2.0, 0.5, 3.0), "balanced", ("effective", 0.9)],
    ids=["numbers", "balanced", "n"],
)
def test_weights_of_classes_are_those_of_the_scaled_softmax(weight):
    loss, same = SoftmaxCrossEntropy(weight), VectorScalingSoftmax(weight)
    assert loss.loss(CODES, TABLE, WEIGHTS) == pytest.approx(same.loss(CODES, TABLE, WEIGHTS))
    for one, other in zip(loss.gradient_hessian(CODES, TABLE), same.gradient_hessian(CODES, TABLE)):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_crammer_and_singer_is_the_hinge_of_scikit_learn():
    wanted = hinge_loss(CODES, TABLE, sample_weight=WEIGHTS)
    assert CrammerSinger(weight=None).loss(CODES, TABLE, WEIGHTS) == pytest.approx(wanted)
    # Two classes: the hinge of the difference.
    two = CODES % 2
    assert CrammerSinger(weight=None).loss(two, TABLE[:, :2]) == pytest.approx(
        Hinge(pos_weight=1.0).loss(two, TABLE[:, 1] - TABLE[:, 0])
    )


def test_the_hinges_balance_the_classes():
    mass = np.bincount(CODES, WEIGHTS)
    of_class = (1.0 / mass) / np.mean(1.0 / mass)
    given = tuple(0.5 + np.arange(mass.size))
    plain = CrammerSinger(weight=None)
    parts = [
        total * plain.loss(*(column[k == CODES] for column in (CODES, TABLE, WEIGHTS)))
        for k, total in enumerate(mass)
    ]
    for loss, weight in ((CrammerSinger(), of_class), (CrammerSinger(weight=given), given)):
        wanted = np.dot(weight, parts) / mass.sum()
        assert loss.loss(CODES, TABLE, WEIGHTS) == pytest.approx(wanted)
    mass = np.bincount(LABELS, WEIGHTS)
    wanted = Hinge(pos_weight=mass[0] / mass[1]).loss(LABELS, LOGITS, WEIGHTS)
    assert Hinge().loss(LABELS, LOGITS, WEIGHTS) == pytest.approx(wanted)


def test_the_gradient_of_crammer_and_singer():
    gradient = CrammerSinger(weight=None).gradient(
        [0, 0, 0, 1], [[3.0, 0, 1], [1, 0.5, 0.2], [0, 2, 2], [0, 5, 0]]
    )
    wanted = [[0, 0, 0], [-1, 1, 0], [-1, 0.5, 0.5], [0, 0, 0]]
    np.testing.assert_allclose(4 * gradient, wanted)


# --- parameters ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: Huber(0.0), "delta"),
        (lambda: Huber(-1.0), "delta"),
        (lambda: Huber(np.nan), "delta"),
        (lambda: Huber(1e200), "delta"),
        (lambda: LogCosh(0.0), "delta"),
        (lambda: LogCosh("1"), "delta"),
        (lambda: Quantile(0.0), "tau"),
        (lambda: Quantile(1.0), "tau"),
        (lambda: Quantile(90), "tau"),
        (lambda: Hinge(0.0), "margin"),
        (lambda: Hinge(pos_weight=-1.0), "pos_weight"),
        (lambda: SquaredHinge(margin=np.inf), "margin"),
        (lambda: CrammerSinger(margin=-1.0), "margin"),
        (lambda: SoftmaxCrossEntropy(weight="even"), "weight"),
    ],
)
def test_parameters_out_of_range(make, name):
    with pytest.raises(ValueError, match=f"The '{name}' parameter of .* must be"):
        make()


def test_as_many_weights_as_classes():
    with pytest.raises(ValueError, match=r"weight of SoftmaxCrossEntropy has 2 entries.* 4 scores"):
        SoftmaxCrossEntropy((1.0, 2.0)).loss(CODES, TABLE)


def test_targets_that_are_no_numbers_are_refused():
    for loss in REAL.values():
        for bad in (np.nan, np.inf):
            with pytest.raises(ValueError, match="y_true contains NaN or infinity"):
                loss.loss([0.0, bad], [0.0, 0.0])
        with pytest.raises(ValueError, match="y_true must lie within"):
            loss.loss([0.0, 1e308], [0.0, 0.0])


def test_the_names():
    names = {"absolute_error", "huber", "log_cosh", "quantile", "squared_error"}
    assert names <= set(available("real"))
    assert {"hinge", "squared_hinge"} <= set(available("binary", model="boosters"))
    assert {"crammer_singer", "softmax_cross_entropy"} <= set(available("classes"))
