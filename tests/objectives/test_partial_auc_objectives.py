from itertools import pairwise

import numpy as np
import pytest
from objectives_cases import (
    BAND,
    CASES,
    LOGISTIC,
    SIGMOID,
    TRAPEZOID,
    Case,
    assert_close,
    band_of,
    dense_pairwise,
    draw_case,
)
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from skbudget.metrics import partial_auc_score
from skbudget.objectives import PairwisePAUC, TrapezoidPAUC
from skbudget.objectives._loss import HESSIAN_FLOOR

pytestmark = pytest.mark.filterwarnings("error")


def each(objectives):
    return pytest.mark.parametrize("objective", objectives.values(), ids=list(objectives))


every_case = pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
both_links = pytest.mark.parametrize("link", ["sigmoid", "logistic"])


# --- pairwise


@each(LOGISTIC | SIGMOID)
@every_case
def test_pairwise_is_its_formula(objective, case):
    loss, gradient, hessian = dense_pairwise(objective, case)
    got = objective.gradient_hessian(*case.args, iid_mask=case.iid)
    assert objective.loss(*case.args, iid_mask=case.iid) == pytest.approx(loss, rel=1e-10)
    assert_close(got[0], gradient, 1e-10)
    assert_close(got[1], hessian, 1e-10)


@both_links
@pytest.mark.parametrize("temperature", [1.0, 1e-3])
def test_many_pairs_follow_the_formula_too(link, temperature):
    # 500 x 750 pairs are not formed one by one.
    case = draw_case(7, n=2000, weighted=True)
    objective = PairwisePAUC(beta=0.5, link=link, temperature=temperature)
    loss, gradient, hessian = dense_pairwise(objective, case)
    got = objective.gradient_hessian(*case.args)
    assert objective.loss(*case.args) == pytest.approx(loss, rel=1e-6)
    assert_close(got[0], gradient)
    assert_close(got[1], hessian)


@each(LOGISTIC)
@every_case
def test_the_logistic_link_majorises_the_sigmoid(objective, case):
    sigmoid = objective.replace(link="sigmoid").loss(*case.args, iid_mask=case.iid)
    assert objective.loss(*case.args, iid_mask=case.iid) >= sigmoid > 0


@each(LOGISTIC | SIGMOID)
def test_only_differences_of_scores_matter(objective):
    case = CASES["all"]
    gradient = objective.gradient(*case.args, iid_mask=case.iid)
    assert gradient.sum() == pytest.approx(0.0, abs=1e-15)
    # A shift by a power of two keeps rounded scores exact.
    shifted = case.at(case.raw + 64.0)
    np.testing.assert_allclose(
        objective.gradient(*shifted.args, iid_mask=case.iid), gradient, rtol=1e-12
    )


def test_a_hopeless_pair_keeps_pulling_only_under_the_logistic_link():
    y, raw = [1, 0, 0, 0], [-40.0, 0.0, 0.0, 0.0]
    assert PairwisePAUC(beta=1.0, link="logistic").gradient(y, raw)[0] == pytest.approx(-1.0)
    assert abs(PairwisePAUC(beta=1.0, link="sigmoid").gradient(y, raw)[0]) < 1e-15


# --- the AUCs that they smooth


@pytest.mark.parametrize("n", [40, 2000])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("ties", [False, True])
def test_the_whole_band_is_the_whole_auc(n, weighted, ties):
    case = draw_case(8, n=n, weighted=weighted, ties=ties)
    # Distances between different scores are far above this temperature.
    objective = PairwisePAUC(alpha=0.0, beta=1.0, link="sigmoid", temperature=1e-9)
    auc = roc_auc_score(case.y, case.raw, sample_weight=case.weight)
    assert objective.loss(*case.args) == pytest.approx(1.0 - auc, abs=1e-9)


@both_links
def test_the_whole_band_compares_all_pairs(link):
    case = draw_case(9, n=400, weighted=True, ties=True)
    objective = PairwisePAUC(alpha=0.0, beta=1.0, link=link)
    x = case.raw[case.y == 0][None, :] - case.raw[case.y == 1][:, None]
    share = case.weight[case.y == 1][:, None] * case.weight[case.y == 0][None, :]
    of_pair = expit(x) if link == "sigmoid" else np.logaddexp(0.0, x)
    assert objective.loss(*case.args) == pytest.approx((share * of_pair).sum() / share.sum())


@pytest.mark.parametrize(("alpha", "beta"), [(0.0, 0.1), (0.0, 1.0), (0.1, 0.5), (0.5, 0.6)])
def test_a_sharp_sigmoid_is_one_minus_the_partial_auc(alpha, beta):
    # 30 negatives: whole numbers of them lie in each band.
    case = draw_case(10, n=40)
    objective = PairwisePAUC(alpha=alpha, beta=beta, link="sigmoid", temperature=1e-9)
    score = partial_auc_score(case.y, case.raw, alpha=alpha, beta=beta)
    assert objective.loss(*case.args) == pytest.approx(1.0 - score, abs=1e-9)


@pytest.mark.parametrize("n_knots", [2, 3, 5])
def test_a_sharp_trapezoid_integrates_the_tpr_at_its_knots(n_knots):
    case = draw_case(11, n=60)
    negatives = np.sort(case.raw[case.y == 0])[::-1]
    fractions = np.linspace(0.2, 0.6, n_knots)
    ranks = [int(0.2 * 45) + 1, *np.ceil(fractions[1:] * 45 - 1e-9).astype(int)]
    tpr = [(case.raw[case.y == 1] > negatives[rank - 1]).mean() for rank in ranks]
    objective = TrapezoidPAUC(alpha=0.2, beta=0.6, n_knots=n_knots, temperature=1e-9)
    mean_tpr = np.mean([(left + right) / 2 for left, right in pairwise(tpr)])
    assert objective.loss(*case.args) == pytest.approx(1.0 - mean_tpr, abs=1e-12)
    assert 0.0 < mean_tpr < 1.0


# --- trapezoid


def dense_trapezoid(objective, case):
    """Loss, gradient and hessian of TrapezoidPAUC as its docstring states them."""
    band = band_of(objective, case)
    tau = band.temperature(objective.temperature)
    counted = case.weights > 0
    if case.iid is not None:
        counted &= case.iid
    if objective.basis == "fpr":
        counted &= case.y != 1
    times = case.weights[counted].astype(int)
    reference = np.sort(np.repeat(case.raw[counted], times))[::-1]
    knots = np.linspace(objective.alpha, objective.beta, objective.n_knots)
    ranks = np.ceil(knots[1:-1] * reference.size - 1e-9).astype(int)
    thresholds = [band.t_alpha, *reference[ranks - 1], band.t_beta]
    positive = np.where(case.y == 1, case.weights, 0.0)
    negative = case.weights - positive
    share = positive / positive.sum()
    damped = share + negative / ((objective.beta - objective.alpha) * negative.sum())
    loss, gradient, hessian = 1.0, np.zeros(case.y.size), np.zeros(case.y.size)
    for k, threshold in enumerate(thresholds):
        c = (0.5 if k in (0, len(thresholds) - 1) else 1.0) / (len(thresholds) - 1)
        hit = expit((case.raw - threshold) / tau)
        loss -= c * share @ hit
        gradient -= c * share * hit * (1 - hit) / tau
        hessian += c * damped * hit * (1 - hit) / tau**2
    return loss, gradient, hessian


@each(TRAPEZOID)
@every_case
def test_trapezoid_is_its_formula(objective, case):
    loss, gradient, hessian = dense_trapezoid(objective, case)
    got = objective.gradient_hessian(*case.args, iid_mask=case.iid)
    assert objective.loss(*case.args, iid_mask=case.iid) == pytest.approx(loss, rel=1e-10)
    assert_close(got[0], gradient, 1e-10)
    assert_close(got[1], hessian, 1e-10)


@each(TRAPEZOID)
@every_case
def test_trapezoid_has_no_gradient_on_negatives(objective, case):
    gradient, hessian = objective.gradient_hessian(*case.args, iid_mask=case.iid)
    assert not gradient[case.y == 0].any()
    assert (hessian[(case.y == 0) & (case.weights > 0)] > HESSIAN_FLOOR).all()
    assert (gradient[(case.y == 1) & (case.weights > 0)] < 0).all()


# --- the band


@each(LOGISTIC | SIGMOID)
@every_case
def test_negatives_outside_the_band_feel_nothing(objective, case):
    gradient, hessian = objective.gradient_hessian(*case.args, iid_mask=case.iid)
    inside = np.isin(np.arange(case.y.size), band_of(objective, case).members)
    outside = (case.y == 0) & ~inside
    assert inside.any()
    assert not gradient[outside].any()
    assert (hessian[outside] == HESSIAN_FLOOR).all()
    assert (gradient[inside] > 0).all()


def test_mined_negatives_are_pushed_but_set_no_edge():
    case = draw_case(12, n=80)
    n, mined = case.y.size, np.array([5.0, 6.0])
    objective = PairwisePAUC(beta=0.2)
    grown = Case(np.append(case.y, [0, 0]), np.append(case.raw, mined), None, np.arange(n + 2) < n)
    before = objective.hold(objective.rows(*case.args))
    after = objective.hold(objective.rows(*grown.args, iid_mask=grown.iid))
    assert (after.t_alpha, after.t_beta) == (before.t_alpha, before.t_beta)
    assert (objective.gradient(*grown.args, iid_mask=grown.iid)[n:] > 0).all()


@each({name: o for name, o in BAND.items() if o.tau_scale is not None})
@pytest.mark.parametrize("factor", [1e-6, 0.3, 1e6])
def test_a_dispersion_makes_the_unit_of_the_scores_irrelevant(objective, factor):
    case = CASES["weights"]
    scaled = case.at(case.raw * factor)
    assert objective.loss(*scaled.args) == pytest.approx(objective.loss(*case.args), rel=1e-9)
    assert_close(objective.gradient(*scaled.args) * factor, objective.gradient(*case.args), 1e-9)


def test_without_a_dispersion_the_unit_of_the_scores_matters():
    case = CASES["plain"]
    objective = PairwisePAUC(beta=0.3)
    assert objective.loss(case.y, 2 * case.raw) != pytest.approx(objective.loss(*case.args))


@pytest.mark.parametrize("tau_scale", [None, "iqr", "band"])
@pytest.mark.parametrize("weight", [None, np.ones(40)])
@both_links
def test_an_empty_band_is_no_loss_and_no_gradient(link, weight, tau_scale):
    y = (np.arange(40) >= 20).astype(int)
    only_positives_on_top = PairwisePAUC(
        beta=0.3, basis="population", link=link, tau_scale=tau_scale
    )
    all_mined = PairwisePAUC(beta=0.3, link=link, tau_scale=tau_scale)
    for objective, raw, iid in (
        (only_positives_on_top, np.arange(40.0), None),
        (only_positives_on_top, np.where(y == 1, 1.0, 0.0), None),
        (all_mined, np.arange(40.0), y == 1),
    ):
        gradient, hessian = objective.gradient_hessian(y, raw, weight, iid_mask=iid)
        assert objective.loss(y, raw, weight, iid_mask=iid) == 0.0
        assert not gradient.any()
        assert (hessian == HESSIAN_FLOOR).all()


@pytest.mark.parametrize("n_knots", [2, 4])
@pytest.mark.parametrize("tau_scale", [None, "iqr", "band"])
def test_no_reference_row_is_no_loss_of_the_trapezoid(tau_scale, n_knots):
    y, raw = np.array([0, 0, 1, 1]), np.arange(4.0)
    objective = TrapezoidPAUC(beta=0.5, n_knots=n_knots, tau_scale=tau_scale)
    gradient, hessian = objective.gradient_hessian(y, raw, iid_mask=y == 1)
    assert objective.loss(y, raw, iid_mask=y == 1) == 0.0
    assert not gradient.any()
    assert (hessian == HESSIAN_FLOOR).all()


@pytest.mark.parametrize("tau_scale", [None, "iqr", "band"])
@pytest.mark.parametrize("temperature", [0.5, 1.0])
def test_constant_scores_are_a_coin_toss_at_the_temperature_itself(temperature, tau_scale):
    y, raw = CASES["plain"].y, np.full(36, 0.1)
    shared = {"beta": 0.1, "tau_scale": tau_scale, "temperature": temperature}
    assert PairwisePAUC(**shared).loss(y, raw) == pytest.approx(np.log(2))
    assert PairwisePAUC(link="sigmoid", **shared).loss(y, raw) == pytest.approx(0.5)
    assert TrapezoidPAUC(**shared).loss(y, raw) == pytest.approx(0.5)
    # All negatives tie at the edge, so all are inside: 9 positives, 27 negatives.
    gradient = PairwisePAUC(**shared).gradient(y, raw)
    wanted = np.where(y == 1, -1 / 9, 1 / 27) / (2 * temperature)
    np.testing.assert_allclose(gradient, wanted, rtol=1e-12)


# --- parameters


@pytest.mark.parametrize("objective", [PairwisePAUC, TrapezoidPAUC])
@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"alpha": 0.5, "beta": 0.5}, "'alpha' parameter of {} must be smaller than beta"),
        ({"alpha": -0.1}, "'alpha' parameter of {} must be a float in the range"),
        ({"beta": 0.0}, "'beta' parameter of {} must be a float in the range"),
        ({"beta": 1.5}, "'beta' parameter of {} must be a float in the range"),
        ({"beta": np.nan}, "'beta' parameter of {} must be a float in the range"),
        ({"beta": 50}, "'beta' parameter of {}.* 50 basis points are 0.005"),
        ({"temperature": 0.0}, "'temperature' parameter of {} must be a float in the range"),
        ({"temperature": -1.0}, "'temperature' parameter of {} must be a float in the range"),
        ({"temperature": np.inf}, "'temperature' parameter of {} must be a float in the range"),
        ({"tau_scale": "std"}, "'tau_scale' parameter of {} must be one of"),
        ({"basis": "rows"}, "'basis' parameter of {} must be one of"),
    ],
)
def test_bad_parameters(objective, parameters, message):
    with pytest.raises(ValueError, match=message.format(objective.__name__)):
        objective(**parameters)


def test_bad_parameters_of_one_surrogate():
    with pytest.raises(ValueError, match=r"'link' parameter of PairwisePAUC must be one of"):
        PairwisePAUC(link="hinge")
    for n_knots in (1, 0, 2.0, None, True):
        with pytest.raises(
            ValueError, match=r"'n_knots' parameter of TrapezoidPAUC must be an int"
        ):
            TrapezoidPAUC(n_knots=n_knots)


@pytest.mark.parametrize("link", ["logistic", "sigmoid"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("alpha", "beta"), [(0.0, 1.0), (0.1, 0.6)])
def test_a_band_of_most_rows_is_the_same_as_its_pairs(link, weighted, alpha, beta, monkeypatch):
    rng = np.random.default_rng(0)
    n_rows = 30_000
    y = (rng.random(n_rows) < 0.05).astype(int)
    raw = rng.standard_normal(n_rows) + y
    weight = rng.choice([0.0, 1.0, 2.5], n_rows) if weighted else None
    objective = PairwisePAUC(alpha=alpha, beta=beta, link=link, temperature=0.7)
    found = objective.gradient_hessian(y, raw, weight)
    monkeypatch.setattr("skbudget.objectives.losses.pairwise_pauc.TABULATE_FROM", np.inf)
    expected = objective.gradient_hessian(y, raw, weight)
    assert not np.array_equal(found[0], expected[0])  # they take different ways
    for one, other in zip(found, expected):
        np.testing.assert_allclose(one, other, atol=1e-6 * np.abs(other).max())
    outside = (other <= HESSIAN_FLOOR) & (y == 0)
    assert not found[0][outside].any()
