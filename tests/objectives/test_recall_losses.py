"""The losses that promise recall, against definitions, brute force and closed forms."""

import itertools

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from skbudget.metrics import fpr_at_tpr_error
from skbudget.objectives import (
    ALM,
    BinaryCrossEntropy,
    CriticalRank,
    Loss,
    OneVsRest,
    PairwisePAUC,
    RankReg,
    WeightedSum,
    available,
    example_rows,
    find_loss,
)
from skbudget.objectives.losses.rank_reg import mid_ranks


def draw(seed=0, n=60, rate=0.3, ties=False):
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < rate).astype(int)
    y[:2] = 0, 1
    scores = rng.normal(size=n) + y
    return y, scores.round() if ties else scores


# --- ranks, and the derivative of their interpolation -----------------------------------


@pytest.mark.parametrize("n", range(1, 7))
def test_the_ranks_are_the_permutation_of_the_least_product(n):
    scores = np.random.default_rng(n).normal(size=n)
    ranks = mid_ranks(scores, np.ones(n)) + 0.5
    assert sorted(ranks) == list(range(1, n + 1))
    least = min(np.dot(scores, order) for order in itertools.permutations(range(1, n + 1)))
    assert scores @ ranks == pytest.approx(least)


def test_ranks_by_definition():
    scores = np.array([0.3, 0.1, 0.7, 0.6, 0.8])
    np.testing.assert_array_equal(mid_ranks(scores, np.ones(5)) + 0.5, [4, 5, 2, 3, 1])
    rng = np.random.default_rng(0)
    scores, weight = rng.integers(0, 5, 40).astype(float), rng.integers(0, 4, 40).astype(float)
    wanted = [weight[scores > one].sum() + weight[scores == one].sum() / 2 for one in scores]
    np.testing.assert_allclose(mid_ranks(scores, weight), wanted)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_with_a_power_of_one_the_penalty_is_the_auc(seed, ties):
    y, scores = draw(seed, ties=ties)
    n_pos, n_neg = y.sum(), y.size - y.sum()
    of_ranks = n_pos * (y.size * RankReg(power=1.0).loss(y, scores) + 0.5)
    auc = roc_auc_score(y, scores)
    assert of_ranks == pytest.approx(n_pos * (n_pos + 1) / 2 + n_pos * n_neg * (1 - auc))
    assert RankReg(power=3.0).loss(y, scores) == pytest.approx(
        np.mean((mid_ranks(scores, np.ones(y.size))[y == 1] / y.size) ** 3)
    )


def test_the_gradient_of_the_penalty_is_that_of_the_black_box():
    # By its definition, with one pass per row and the rule of ranks written out.
    y, scores = draw(1, n=30)
    n, power, interpolation = y.size, 2.0, 0.7
    ranks = np.array([np.sum(scores > one) + 0.5 for one in scores])
    g = np.where(y == 1, power * (ranks / n) ** (power - 1) / (n * y.sum()), 0.0)
    negatives = np.sort(scores[y == 0])[::-1]
    spread = (
        negatives[int(np.ceil(0.25 * negatives.size)) - 1]
        - negatives[int(np.ceil(0.75 * negatives.size)) - 1]
    )
    width = interpolation * spread / g.max()
    moved = scores + width * g
    after = np.array([np.sum(moved > one) + np.sum(moved == one) / 2 for one in moved])
    loss = RankReg(power, interpolation)
    gradient = loss.gradient(y, scores)
    np.testing.assert_allclose(gradient, (after - ranks) / width, rtol=1e-9, atol=1e-15)
    # It lifts positives, and no row is pulled out of nothing.
    assert gradient.sum() == pytest.approx(0.0, abs=1e-12)
    assert (gradient[y == 1] <= 0).all()
    assert (gradient[y == 0] >= 0).all()


@pytest.mark.parametrize("loss", [RankReg(), CriticalRank(), ALM()], ids=lambda one: one.name)
def test_equal_scores_have_equal_gradients(loss):
    y = draw(2)[0]
    columns = {name: np.arange(y.size) for name in loss.needs}
    gradient = loss.gradient(y, np.zeros(y.size), **columns)
    for label, sign in ((1, -1), (0, 1)):
        np.testing.assert_allclose(gradient[y == label], gradient[y == label][0], rtol=1e-12)
        assert sign * gradient[y == label][0] > 0


@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_the_penalty_does_not_depend_on_the_unit_of_the_scores(factor):
    y, scores = draw(3)
    gradient = RankReg().gradient(y, scores)
    np.testing.assert_allclose(factor * RankReg().gradient(y, factor * scores), gradient, rtol=1e-9)


def test_values_count_in_the_mean_and_not_in_the_ranks():
    y, scores = draw(4)
    value = np.random.default_rng(0).lognormal(size=y.size)
    ranks = mid_ranks(scores, np.ones(y.size))[y == 1] / y.size
    wanted = np.average(ranks**2, weights=value[y == 1])
    assert RankReg().loss(y, scores, value=value) == pytest.approx(wanted)
    np.testing.assert_allclose(
        RankReg().gradient(y, scores, value=100 * value), RankReg().gradient(y, scores, value=value)
    )


# --- the smooth form --------------------------------------------------------------------


@pytest.mark.parametrize("side", ["positives", "negatives"])
@pytest.mark.parametrize("link", ["logistic", "sigmoid"])
def test_a_power_of_one_is_the_whole_auc(side, link):
    y, scores = draw(0)
    weight = np.random.default_rng(0).integers(0, 3, y.size).astype(float)
    weight[:2] = 1.0
    smooth = CriticalRank(side, 1.0, link, temperature=0.6)
    pairs = PairwisePAUC(beta=1.0, link=link, temperature=0.6)
    assert smooth.loss(y, scores, weight) == pytest.approx(pairs.loss(y, scores, weight))
    for one, other in zip(
        smooth.gradient_hessian(y, scores, weight), pairs.gradient_hessian(y, scores, weight)
    ):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-15)
    # And without a temperature the AUC itself.
    sharp = CriticalRank(side, 1.0, "sigmoid", temperature=1e-6)
    assert sharp.loss(y, scores) == pytest.approx(1 - roc_auc_score(y, scores))


def test_a_great_power_is_the_last_row():
    y, scores = draw(5, n=200)
    sharp = {"link": "sigmoid", "temperature": 1e-6}
    lowest = CriticalRank("positives", 1000.0, **sharp).loss(y, scores)
    wanted = fpr_at_tpr_error(y, scores, tpr=1.0)
    assert lowest == pytest.approx(wanted, rel=0.01)
    top = CriticalRank("negatives", 1000.0, **sharp).loss(y, scores)
    missed = np.mean(scores[y == 1] < scores[y == 0].max())
    assert top == pytest.approx(missed, rel=0.01)
    # Powers do not overflow.
    for scale in (1.0, 1e6):
        loss = CriticalRank("positives", 1000.0).loss(y, scale * scores)
        far = np.logaddexp(0, scale * (scores[y == 0] - scores[y == 1].min())).mean()
        assert loss == pytest.approx(far, rel=0.01)


@pytest.mark.parametrize("side", ["positives", "negatives"])
@pytest.mark.parametrize("power", [1.0, 1.5, 2.0, 6.0])
def test_value_by_brute_force(side, power):
    y, scores = draw(6)
    x = scores[y == 0][None, :] - scores[y == 1][:, None]
    pairs = {"logistic": np.logaddexp(0, x / 0.7), "sigmoid": 1 / (1 + np.exp(-x / 0.7))}
    for link, pair in pairs.items():
        misranked = pair.mean(axis=1 if side == "positives" else 0)
        wanted = np.mean(misranked**power) ** (1 / power)
        loss = CriticalRank(side, power, link, 0.7)
        assert loss.loss(y, scores) == pytest.approx(wanted)


@pytest.mark.parametrize("side", ["positives", "negatives"])
@pytest.mark.parametrize("power", [2.0, 50.0, 1000.0])
def test_no_power_makes_the_gradient_vanish(side, power):
    y = draw(6)[0]
    gradient = CriticalRank(side, power, "sigmoid").gradient(y, np.zeros(y.size))
    # All rows are alike, so that the power does not matter.
    of_one = CriticalRank(side, 1.0, "sigmoid").gradient(y, np.zeros(y.size))
    np.testing.assert_allclose(gradient, of_one, rtol=1e-9)


@pytest.mark.parametrize("side", ["positives", "negatives"])
def test_the_logistic_link_is_convex(side):
    y, start = draw(7)
    rng = np.random.default_rng(0)
    for power in (1.0, 2.0, 5.0):
        loss = CriticalRank(side, power)
        for _ in range(40):
            one, other = start + 3 * rng.normal(size=y.size), 3 * rng.normal(size=y.size)
            middle = loss.loss(y, (one + other) / 2)
            assert middle <= (loss.loss(y, one) + loss.loss(y, other)) / 2 + 1e-12


def second_differences(loss, y, scores, step=1e-4):
    found = np.empty(y.size)
    for row in range(y.size):
        moved = scores.copy()
        moved[row] += step
        up = loss.gradient(y, moved)[row]
        moved[row] -= 2 * step
        found[row] = (up - loss.gradient(y, moved)[row]) / (2 * step)
    return found


@pytest.mark.parametrize("power", [1.0, 1.5, 2.0, 4.0])
def test_the_hessian_is_the_diagonal_but_for_squared_shares(power):
    y, scores = draw(8, n=120, rate=0.5)
    n_pos, n_neg = y.sum(), (y == 0).sum()
    loss = CriticalRank("positives", power)
    gradient, hessian = loss.gradient_hessian(y, scores)
    # The terms that are left out, from their closed forms.
    x = scores[y == 0][None, :] - scores[y == 1][:, None]
    slope = 1 / (1 + np.exp(-x))
    u = np.logaddexp(0, x).mean(axis=1)
    value = np.mean(u**power) ** (1 / power)
    c = (u / value) ** (power - 1) / n_pos
    left_out = np.empty(y.size)
    left_out[y == 1] = -(power - 1) * (c * slope.mean(axis=1)) ** 2 / value
    bend = (power - 1) * (u / value) ** (power - 2) / value / n_pos
    left_out[y == 0] = (bend @ slope**2 - (power - 1) * (c @ slope) ** 2 / value) / n_neg**2
    exact = second_differences(loss, y, scores)
    np.testing.assert_allclose(hessian + left_out, exact, rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(gradient.sum(), 0.0, atol=1e-12)
    # A majoriser on the side that is pushed.
    assert (hessian[y == 1] >= exact[y == 1] - 1e-9).all()


@pytest.mark.parametrize("side", ["positives", "negatives"])
def test_the_hessian_of_the_sigmoid_link_is_above_the_diagonal(side):
    y, scores = draw(9)
    for power in (1.0, 2.0, 4.0):
        loss = CriticalRank(side, power, "sigmoid")
        exact = second_differences(loss, y, scores)
        pushed = y == (side == "positives")
        assert (loss.gradient_hessian(y, scores)[1] >= exact - 1e-9)[pushed].all()


@pytest.mark.parametrize("distance", [20.0, 200.0, 800.0])
@pytest.mark.parametrize("n", [40, 4000])
def test_separated_classes_keep_a_relative_gradient(distance, n):
    # By few pairs and by many; the logistic loss of a pair is exp(-distance) there.
    y = (np.arange(n) % 4 == 0).astype(int)
    scores = np.where(y == 1, distance, 0.0) + np.random.default_rng(0).random(n)
    gradient, hessian = CriticalRank().gradient_hessian(y, scores)
    assert np.isfinite(gradient).all()
    assert np.isfinite(hessian).all()
    value = CriticalRank().loss(y, scores)
    if distance < 700:
        mean = PairwisePAUC(beta=1.0).loss(y, scores)
        assert mean <= value <= 3 * mean
        assert -gradient[y == 1].sum() == pytest.approx(gradient[y == 0].sum())
        assert value / 3 <= gradient[y == 0].sum() <= 3 * value


def test_the_lowest_positive_is_pulled_by_the_logistic_link_alone():
    y, scores = draw(10, n=400, rate=0.1)
    lowest = np.flatnonzero(y)[0]
    scores[lowest] = scores[y == 0].min() - 4.0
    sharp = {"temperature": 0.1}
    pull = -CriticalRank(**sharp).gradient(y, scores)
    assert pull[lowest] == pull.max()
    pull = -CriticalRank(link="sigmoid", **sharp).gradient(y, scores)
    assert pull[lowest] < 1e-6 * pull.max()


# --- the constraint ---------------------------------------------------------------------


def test_the_constraint_by_a_double_loop():
    y, scores = draw(11, ties=True)
    weight = np.random.default_rng(0).integers(0, 3, y.size).astype(float)
    weight[:2] = 1.0
    loss = ALM(margin=0.5, mu=0.3)
    of_pos, of_neg = weight[y == 1].sum(), weight[y == 0].sum()
    value, gradient = 0.0, np.zeros(y.size)
    for i in np.flatnonzero(y == 1):
        excess, active = 0.0, []
        for j in np.flatnonzero(y == 0):
            lacking = 0.5 - (scores[i] - scores[j])
            if lacking > 0:
                excess += weight[j] * lacking
                active.append(j)
        value += weight[i] * 0.15 * excess**2 / (of_pos * of_neg)
        pull = weight[i] * 0.3 * excess / (of_pos * of_neg)
        for j in active:
            gradient[i] -= pull * weight[j]
            gradient[j] += pull * weight[j]
    row_id = np.arange(y.size)
    assert loss.loss(y, scores, weight, row_id=row_id) == pytest.approx(value)
    np.testing.assert_allclose(
        loss.gradient(y, scores, weight, row_id=row_id), gradient, atol=1e-12
    )


# --- what is refused --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "name", "value"),
    [
        (RankReg, "power", 0.5),
        (RankReg, "power", np.nan),
        (RankReg, "interpolation", 0.0),
        (RankReg, "interpolation", -1.0),
        (CriticalRank, "power", 0.99),
        (CriticalRank, "side", "top"),
        (CriticalRank, "link", "hinge"),
        (CriticalRank, "temperature", 0.0),
        (CriticalRank, "tau_scale", "band"),
        (ALM, "margin", -0.1),
        (ALM, "mu", 0.0),
        (ALM, "rho", 0.9),
        (ALM, "max_drop", -1.0),
        (ALM, "max_mu", 1e-9),
    ],
)
def test_parameters_out_of_range(make, name, value):
    with pytest.raises(ValueError, match=f"The '{name}' parameter of {make.__name__} must be"):
        make(**{name: value})


def test_losses_for_networks_only_are_told_apart():
    assert {"alm", "rank_reg"} == set(available("binary")) - set(
        available("binary", model="boosters")
    )
    # Some are torch modules alone.
    own = {"multilabel_cross_entropy", "recall_at_quantile", "smooth_ap"}
    assert {*available(model="networks")} == {*available()} | own
    assert "critical_rank" in available("binary", model="boosters")
    with pytest.raises(ValueError, match="'model' parameter of available must be one of"):
        available(model="trees")
    for composed in (
        WeightedSum(((1.0, BinaryCrossEntropy()), (0.5, RankReg()))),
        OneVsRest(RankReg()),
    ):
        assert composed.networks_only == RankReg.networks_only
    assert WeightedSum(((1.0, BinaryCrossEntropy()),)).networks_only == ""
    with pytest.raises(TypeError, match="'networks_only' of Wrong must be a str"):
        type("Wrong", (Loss,), {"networks_only": True})


def test_a_row_number_is_needed():
    with pytest.raises(ValueError, match="ALM needs the column 'row_id'"):
        find_loss("alm").loss([0, 1], [0.0, 1.0])
    assert example_rows(ALM(), 8).columns["row_id"].shape == (8,)
