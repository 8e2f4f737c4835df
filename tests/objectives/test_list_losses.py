"""The losses of lists, against brute force on short lists, limits and identities."""

import itertools
import tracemalloc

import numpy as np
import pytest
from list_cases import (
    approx_ndcg_loss,
    draw_list,
    lambda_gradient,
    lists_with_order,
    on_group,
    pair_loss,
    softmax_loss,
)
from sklearn.metrics import ndcg_score

from skbudget.boosting import BoosterObjective
from skbudget.objectives import (
    ApproxNDCG,
    HardNegativeCrossEntropy,
    LambdaRank,
    ListNet,
    ListwiseSoftmax,
    PairwiseHinge,
    PairwisePAUC,
    RankNet,
    RankWeightedCrossEntropy,
)
from skbudget.objectives.losses import _lists, approx_ndcg
from skbudget.objectives.losses._dcg import cumulated_discount, cumulated_moment, discount, gains_of

SOFTPLUS = lambda x: np.logaddexp(0.0, -x)  # noqa: E731
OF_GRADES = [
    ListwiseSoftmax(graded=True),
    ListNet(graded=True),
    ApproxNDCG(graded=True),
    RankNet(graded=True),
    PairwiseHinge(graded=True),
    LambdaRank(graded=True),
]
OF_LABELS = [loss.replace(graded=False) for loss in OF_GRADES]
named = lambda loss: loss.name  # noqa: E731
each_graded = pytest.mark.parametrize("loss", OF_GRADES, ids=named)
each_of_labels = pytest.mark.parametrize("loss", OF_LABELS, ids=named)
each_size = pytest.mark.parametrize("n", range(2, 8))
each_list = pytest.mark.parametrize("n_lists", [1, 3])


# --- brute force on lists of up to seven rows -------------------------------------------


@each_size
@each_list
def test_softmax_by_definition(n, n_lists):
    y, s, group = draw_list(n, n, n_lists=n_lists)
    loss = ListwiseSoftmax(0.7, graded=True)
    wanted = softmax_loss(y, s, group, 0.7)
    assert loss.loss(y, s, **on_group(group)) == pytest.approx(wanted)
    assert ListNet(0.7, graded=True).loss(y, s, **on_group(group)) == pytest.approx(wanted)


@each_size
@each_list
@pytest.mark.parametrize("gain", ["exponential", "linear"])
def test_approx_ndcg_by_definition(n, n_lists, gain):
    y, s, group = draw_list(n, n, n_lists=n_lists)
    loss = ApproxNDCG(0.4, gain=gain, graded=True)
    wanted = approx_ndcg_loss(y, s, group, 0.4, linear=gain == "linear")
    assert loss.loss(y, s, **on_group(group)) == pytest.approx(wanted)


@each_size
@each_list
@pytest.mark.parametrize("ties", [False, True])
def test_rank_net_by_definition(n, n_lists, ties):
    y, s, group = draw_list(n, n, levels=3, n_lists=n_lists)
    tau = 0.6
    of_tie = (lambda x: np.logaddexp(0.0, -x / tau) + x / tau / 2) if ties else None
    wanted = pair_loss(lambda x: SOFTPLUS(x / tau), y, s, group, of_tie)
    loss = RankNet(tau, ties, graded=True)
    assert loss.loss(y, s, **on_group(group)) == pytest.approx(wanted)


@each_size
@each_list
@pytest.mark.parametrize("link", ["hinge", "squared_hinge"])
def test_the_hinge_by_definition(n, n_lists, link):
    y, s, group = draw_list(n, n, levels=3, n_lists=n_lists)
    power = 1 if link == "hinge" else 2
    wanted = pair_loss(lambda x: max(0.0, 0.8 - x) ** power, y, s, group)
    loss = PairwiseHinge(0.8, link, graded=True)
    assert loss.loss(y, s, **on_group(group)) == pytest.approx(wanted)


@each_size
@pytest.mark.parametrize("k", [None, 1, 3, 50])
def test_lambda_rank_by_swaps(n, k):
    y, s, _ = draw_list(n, n)
    gradient, hessian = LambdaRank(k, graded=True).gradient_hessian(y, s)
    wanted = lambda_gradient(y, s, k)
    np.testing.assert_allclose(gradient, wanted[0], rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(hessian, np.maximum(wanted[1], 1e-16), rtol=1e-12)


def test_lambda_rank_is_the_mean_over_lists():
    y, s, group = draw_list(0, 9, n_lists=3)
    gradient = LambdaRank(graded=True).gradient(y, s, group=group)
    lists = lists_with_order(y, group)
    for rows in lists:
        np.testing.assert_allclose(
            gradient[rows], lambda_gradient(y[rows], s[rows])[0] / len(lists), rtol=1e-12
        )


@pytest.mark.parametrize("k", [None, 2, 4])
def test_tied_rows_share_their_places_in_expectation(k):
    # The mean over the orders that break the ties, each weighed by its own swaps.
    y, s = np.array([2.0, 0.0, 1.0, 0.0, 3.0]), np.array([1.0, 1.0, 1.0, 0.0, 0.0])
    total, n_orders = np.zeros(5), 0
    for top in itertools.permutations(range(3)):
        for bottom in itertools.permutations((3, 4)):
            broken = s.copy()
            broken[list(top)] -= 1e-9 * np.arange(3)
            broken[list(bottom)] -= 1e-9 * np.arange(2)
            total += lambda_gradient(y, broken, k)[0]
            n_orders += 1
    found = LambdaRank(k, graded=True).gradient(y, s)
    np.testing.assert_allclose(found, total / n_orders, rtol=1e-6)
    assert np.abs(LambdaRank(k, graded=True).gradient(y, np.zeros(5))).max() > 0.01


@pytest.mark.parametrize("k", [None, 7])
def test_cumulated_discounts_are_sums_over_places(k):
    places = np.arange(1, 200_001, dtype=float)
    counted = discount(places) * (places <= (k or np.inf))
    at = np.array([0.0, 1.0, 5.0, 65_536.0, 65_537.0, 200_000.0])
    sums = np.concatenate([[0.0], np.cumsum(counted)])[at.astype(int)]
    moments = np.concatenate([[0.0], np.cumsum(places * counted)])[at.astype(int)]
    np.testing.assert_allclose(cumulated_discount(at, k), sums, rtol=1e-12)
    np.testing.assert_allclose(cumulated_moment(at, k), moments, rtol=1e-12)
    # A part of a row has that part of its discount.
    assert cumulated_discount(1.5) == pytest.approx(1.0 + 0.5 / np.log2(3))


# --- limits and identities --------------------------------------------------------------


@each_list
def test_the_limit_of_approx_ndcg_is_the_ndcg(n_lists):
    y, s, group = draw_list(3, 30, n_lists=n_lists)
    lists = lists_with_order(y, group)
    for gain, of_grade in (("exponential", lambda y: 2**y - 1), ("linear", lambda y: y)):
        # scikit-learn has the linear gain: it is handed the gains.
        wanted = np.mean([ndcg_score([of_grade(y[rows])], [s[rows]]) for rows in lists])
        loss = ApproxNDCG(1e-7, gain=gain, graded=True).loss(y, s, **on_group(group))
        assert 1 - loss == pytest.approx(wanted)


def test_approx_ndcg_in_units_of_the_spread_does_not_depend_on_the_unit():
    y, s, group = draw_list(1, 40, n_lists=4)
    loss = ApproxNDCG(0.5, "std", graded=True)
    moved = 1e3 * s + 10.0 * group
    lists = [s[group == one] - s[group == one].mean() for one in range(4)]
    spread = np.sqrt(np.mean(np.concatenate(lists) ** 2))
    assert loss.loss(y, moved, group=group) == pytest.approx(loss.loss(y, s, group=group))
    plain = loss.replace(temperature=0.5 * spread, tau_scale=None)
    assert plain.loss(y, s, group=group) == pytest.approx(loss.loss(y, s, group=group))


@pytest.mark.parametrize("value", [False, True], ids=["plain", "value"])
@pytest.mark.parametrize("n", [50, 2000])
def test_rank_net_of_two_labels_is_the_whole_auc(n, value):
    rng = np.random.default_rng(n)
    y, s, w = rng.integers(0, 2, n), rng.normal(size=n), rng.integers(0, 3, n).astype(float)
    columns = {"value": rng.lognormal(size=n)} if value else {}
    pairs = PairwisePAUC(alpha=0.0, beta=1.0, link="logistic", temperature=0.5)
    net = RankNet(0.5)
    assert net.loss(y, s, w, **columns) == pytest.approx(pairs.loss(y, s, w, **columns))
    for one, other in zip(
        net.gradient_hessian(y, s, w, **columns), pairs.gradient_hessian(y, s, w, **columns)
    ):
        np.testing.assert_allclose(one, other, rtol=1e-7, atol=1e-12)


def test_a_tie_costs_log_two_at_equal_scores_and_no_less():
    loss, pair = RankNet(ties=True), [0, 0, 1, 1]
    y = [1, 0, 1, 1]
    at = [loss.loss(y, [50.0, 0.0, apart, 0.0], group=pair) for apart in (0.0, -1.0, 1.0)]
    assert at[0] == pytest.approx(np.log(2) / 2)
    assert at[1] == at[2] > at[0]
    # Far apart it is half the distance.
    far = loss.loss(y, [50.0, 0.0, 40.0, 0.0], group=pair)
    assert far == pytest.approx(40.0 / 2 / 2)


def test_softmax_of_one_list_is_the_log_sum_less_the_mean_of_the_positives():
    y, s, _ = draw_list(0, 30, levels=2)
    wanted = np.log(np.exp(s).sum()) - s[y == 1].mean()
    assert ListwiseSoftmax().loss(y, s) == pytest.approx(wanted)
    p = np.exp(s) / np.exp(s).sum()
    gradient, hessian = ListwiseSoftmax().gradient_hessian(y, s)
    np.testing.assert_allclose(gradient, p - y / y.sum(), rtol=1e-12)
    np.testing.assert_allclose(hessian, p * (1 - p), rtol=1e-12)


@each_of_labels
def test_two_grades_are_two_labels(loss):
    y, s, group = draw_list(2, 60, levels=2, n_lists=4)
    graded = loss.replace(graded=True)
    assert loss.loss(y, s, group=group) == pytest.approx(graded.loss(y, s, group=group))
    found, wanted = loss.gradient(y, s, group=group), graded.gradient(y, s, group=group)
    np.testing.assert_allclose(found, wanted, rtol=1e-12)
    of_labels, of_grades = loss.rows(y, s, group=group), graded.rows(y, s, group=group)
    factor = loss.boosting_factor(of_labels)
    assert factor == pytest.approx(graded.boosting_factor(of_grades))
    assert factor == y.sum() or isinstance(loss, ApproxNDCG)


def test_a_round_of_approx_ndcg_finds_lists_and_gains_once(monkeypatch):
    calls = []
    monkeypatch.setattr(
        approx_ndcg, "gains_of", lambda *args: calls.append(args) or gains_of(*args)
    )
    y, raw = [0, 1, 0, 1, 2], [0.3, 0.1, 0.0, 0.2, -0.1]
    objective = BoosterObjective(ApproxNDCG(graded=True))
    first, other = objective(y, raw), objective(y, raw[::-1])
    # Once for each call, and no call knows what another one found.
    assert len(calls) == 2
    assert not np.array_equal(first[0], other[0])
    np.testing.assert_array_equal(objective(y, raw), first)
    rows = ApproxNDCG(graded=True).rows(y, raw)
    for loss in (ApproxNDCG(graded=True), ApproxNDCG(gain="linear", graded=True)):
        again = loss.value(rows, loss.hold(rows))
        assert again == loss.loss(y, raw)


@pytest.mark.parametrize("rows_per_list", [10, 4000])
@pytest.mark.parametrize("graded", [False, True])
def test_approx_ndcg_begins_in_the_units_of_pairs(rows_per_list, graded):
    n_lists = 8000 // rows_per_list
    group = np.arange(8000) % n_lists
    rng = np.random.default_rng(0)
    y = rng.binomial(4 if graded else 1, 0.1, 8000)
    loss = ApproxNDCG(graded=graded)
    rows = loss.rows(y, np.zeros(8000), group=group)
    relevant = y > 0
    # The relevant rows have partners that are relevant, too: these add their sides.
    hessian = loss.boosting_factor(rows) * loss.gradient_hessian(y, np.zeros(8000), group=group)[1]
    assert 0.25 <= hessian[relevant].mean() <= 0.25 * (1 + 2 * relevant.mean())


@each_graded
def test_a_list_does_not_see_the_others(loss):
    y, s, group = draw_list(4, 40, n_lists=4)
    gradient = loss.gradient(y, s, group=group)
    # Only the constant of the mean depends on the others.
    for one in range(4):
        rows = group == one
        alone = loss.gradient(y[rows], s[rows])
        share = np.abs(gradient[rows]).sum() / np.abs(alone).sum()
        np.testing.assert_allclose(gradient[rows], share * alone, rtol=1e-8, atol=1e-14)
        assert gradient[rows].sum() == pytest.approx(0.0, abs=1e-12)
        moved = loss.gradient(y, s + 100.0 * rows, group=group)
        np.testing.assert_allclose(moved, gradient, rtol=1e-8, atol=1e-13)


@each_graded
@pytest.mark.parametrize("n_lists", [1, 5])
def test_pairs_formed_and_not_formed_are_the_same(loss, n_lists, monkeypatch):
    y, s, group = draw_list(5, 800, n_lists=n_lists)
    formed = loss.loss(y, s, **on_group(group)), loss.gradient(y, s, **on_group(group))
    monkeypatch.setattr(_lists, "_FEW_PAIRS", 0)
    found = loss.loss(y, s, **on_group(group)), loss.gradient(y, s, **on_group(group))
    assert found[0] == pytest.approx(formed[0], rel=1e-7)
    np.testing.assert_allclose(found[1], formed[1], atol=1e-6 * np.abs(formed[1]).max())


@each_graded
def test_the_names_of_lists_do_not_matter(loss):
    y, s, group = draw_list(6, 40, n_lists=4)
    wanted = loss.gradient(y, s, group=group)
    for names in (group + 10**9, group - 7, 0.5 * group, np.array(list("dacb"))[group]):
        np.testing.assert_allclose(loss.gradient(y, s, group=names), wanted, rtol=1e-12)


# --- lists that there is nothing to learn from ------------------------------------------


@each_graded
@pytest.mark.parametrize("grade", [0.0, 2.0], ids=["irrelevant", "equal"])
def test_a_list_of_one_grade_is_left_out(loss, grade):
    y, s, group = draw_list(7, 20, n_lists=2)
    others = group == 0
    y[~others] = grade
    alone = loss.loss(y[others], s[others])
    assert loss.loss(y, s, group=group) == pytest.approx(alone)
    gradient, hessian = loss.gradient_hessian(y, s, group=group)
    np.testing.assert_allclose(gradient[others], loss.gradient(y[others], s[others]), rtol=1e-12)
    assert not gradient[~others].any()
    assert (hessian[~others] <= 1e-16).all()


@each_graded
def test_lists_of_one_row_and_of_one_grade_have_no_loss(loss):
    for y, group in (([1.0, 2.0, 0.0], [0, 1, 2]), ([1.0, 1.0, 1.0], [0, 0, 0]), ([3.0], [0])):
        scores = np.arange(len(y), dtype=float)
        assert loss.loss(y, scores, group=group) == 0.0
        gradient, hessian = loss.gradient_hessian(y, scores, group=group)
        assert not gradient.any()
        assert np.isfinite(hessian).all()


@each_graded
def test_rows_of_no_weight_are_not_there(loss):
    y, s, group = draw_list(8, 30, n_lists=3)
    weight = np.arange(30) % 4 * 1.0
    there = weight > 0
    s[~there] += 500.0
    y[~there] = 5.0
    given = loss.gradient(y, s, weight, group=group)
    wanted = loss.gradient(y[there], s[there], weight[there], group=group[there])
    np.testing.assert_allclose(given[there], wanted, rtol=1e-9, atol=1e-14)
    assert not given[~there].any()


@each_graded
def test_grades_below_zero_are_refused(loss):
    with pytest.raises(ValueError, match=r"y_true holds grades.*got -1"):
        loss.loss([-1, 0, 2], [0.0, 1.0, 2.0])


@pytest.mark.parametrize("loss", [ApproxNDCG(graded=True), LambdaRank(graded=True)], ids=named)
def test_grades_whose_gain_is_no_number_are_refused(loss):
    with pytest.raises(ValueError, match=r"grades up to 1024.*2\*\*grade - 1.*gain='linear'"):
        loss.loss([0, 1024], [0.0, 1.0])
    assert np.isfinite(loss.replace(gain="linear").loss([0, 1024], [0.0, 1.0]))


@pytest.mark.parametrize("loss", [RankNet(graded=True), PairwiseHinge(graded=True)], ids=named)
def test_too_many_grades_are_refused(loss):
    with pytest.raises(ValueError, match=r"holds 33 different grades.*takes up to 32"):
        loss.loss(np.arange(33), np.zeros(33))


def test_lambda_rank_refuses_lists_that_lightgbm_refuses():
    n = 10_001
    y = (np.arange(n) % 5000 == 0).astype(int)
    with pytest.raises(ValueError, match=r"up to 10000 rows of a list.*a list has 10001"):
        LambdaRank().loss(y, np.zeros(n))
    group = np.arange(n) % 2
    assert np.isfinite(LambdaRank(k=5).loss(y, np.arange(n) * 1.0, group=group))


def test_scores_far_apart_are_finite():
    y, s, group = draw_list(9, 40, n_lists=3)
    for loss in OF_GRADES:
        for factor in (0.0, 1e-9, 1e3, 1e6):
            gradient, hessian = loss.gradient_hessian(y, factor * s, group=group)
            assert np.isfinite(gradient).all()
            assert np.isfinite(hessian).all()
            assert np.isfinite(loss.loss(y, factor * s, group=group))


# --- ranks as weights of cross-entropy ---------------------------------------------------


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("share", [0.2, 0.13, 0.97])
def test_hard_negatives_are_the_step_case(share, ties, masked):
    rng = np.random.default_rng(0)
    y, s = (rng.random(200) < 0.2).astype(int), rng.normal(size=200)
    s, weight = s.round(1) if ties else s, rng.integers(0, 3, 200).astype(float)
    columns = {"iid_mask": rng.random(200) < 0.8} if masked else {}
    hard = HardNegativeCrossEntropy(top_fraction=share, factor=8.0)
    step = RankWeightedCrossEntropy(
        pos_weight=1 / 8, weighting="step", depth=1.0, budget=share, floor=1 / 8
    )
    wanted = hard.loss(y, s, weight, **columns)
    assert 8.0 * step.loss(y, s, weight, **columns) == pytest.approx(wanted)
    np.testing.assert_allclose(
        8.0 * step.gradient(y, s, weight, **columns), hard.gradient(y, s, weight, **columns)
    )


@pytest.mark.parametrize("weighting", ["exponential", "dcg"])
@pytest.mark.parametrize("classes", ["negatives", "all"])
def test_weights_by_rank_by_definition(weighting, classes):
    rng = np.random.default_rng(1)
    y, s = (rng.random(60) < 0.3).astype(int), rng.normal(size=60).round(1)
    loss = RankWeightedCrossEntropy(2.0, weighting, 3.0, 0.05, 0.2, classes)
    ranked = y == 0 if classes == "negatives" else np.ones(60, bool)
    weights = np.where(y == 1, 2.0, 1.0)
    for i in np.flatnonzero(ranked):
        above = np.sum(s[ranked] > s[i]) + np.sum(s[ranked] == s[i]) / 2
        r = above / ranked.sum() / (3.0 * 0.05)
        f = np.exp(-r) if weighting == "exponential" else 1 / np.log2(2 + r)
        weights[i] *= max(f, 0.2)
    p = 1 / (1 + np.exp(-s))
    np.testing.assert_allclose(loss.gradient(y, s), weights * (p - y) / 60)
    entropy = -(y * np.log(p) + (1 - y) * np.log(1 - p))
    assert loss.loss(y, s) == pytest.approx(weights @ entropy / 60)


def test_a_floor_of_one_is_cross_entropy():
    from skbudget.objectives import BinaryCrossEntropy

    y, s, _ = draw_list(0, 40, levels=2)
    plain, flat = BinaryCrossEntropy(3.0), RankWeightedCrossEntropy(3.0, floor=1.0)
    np.testing.assert_allclose(flat.gradient(y, s), plain.gradient(y, s))
    assert flat.start(flat.rows(y, s)) == plain.start(plain.rows(y, s))


@pytest.mark.parametrize("floor", [0.0, 1e-4, 1.5, -1.0])
def test_the_floor_is_not_optional(floor):
    with pytest.raises(ValueError, match=r"'floor' parameter of RankWeightedCrossEntropy"):
        RankWeightedCrossEntropy(floor=floor)


# --- memory -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "loss",
    [ListwiseSoftmax(), RankWeightedCrossEntropy(), ApproxNDCG(), RankNet(), PairwiseHinge()],
    ids=named,
)
def test_memory_is_linear_in_the_rows(loss):
    n = 100_000
    rng = np.random.default_rng(0)
    rows = loss.rows((np.arange(n) % 100 == 0).astype(int), rng.normal(size=n))
    tracemalloc.start()
    loss.derivatives(rows, loss.hold(rows))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # All pairs of positives and negatives would take 800 MB.
    assert peak < 400 * n


@each_graded
@pytest.mark.parametrize("grades", [[0, 1, 2, 0], [0.0, 0.5, 0.0, 0.5]], ids=["whole", "fractions"])
def test_grades_without_graded_name_the_loss(loss, grades):
    name = type(loss).__name__
    plain = loss.replace(graded=False)
    with pytest.raises(ValueError, match=rf"{name} takes two .*y_true has .*pass {name}\(graded=T"):
        plain.gradient(grades, np.zeros(4))
    assert np.isfinite(plain.replace(graded=True).gradient(grades, np.zeros(4))).all()
    with pytest.raises(ValueError, match="NaN"):
        plain.gradient([0.0, 1.0, np.nan, 0.0], np.zeros(4))


def test_sizes_of_queries_are_no_queries():
    with pytest.raises(ValueError, match=r"group must.*\(4,\), got \(2,\).*np\.repeat"):
        LambdaRank().gradient([0, 1, 0, 1], np.zeros(4), group=[2, 2])


@each_graded
def test_labels_that_are_no_array_say_so(loss):
    with pytest.raises(ValueError, match="y_true must be an array: the entries differ in length"):
        loss.replace(graded=False).gradient([[1], [0, 1], 0, 1], np.zeros(4))


def test_a_budget_next_to_nothing_gives_the_floor():
    loss = RankWeightedCrossEntropy(budget=1e-320)
    assert np.isfinite(loss.gradient([0, 1, 0, 1], [0.3, 0.2, 0.1, 0.0])).all()
