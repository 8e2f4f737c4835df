"""Negatives against the lowest positives: brute force, mirror images, whole AUC, training."""

import copy

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from workers import Threads, split

from skbudget.datasets import bayes_hidden_positives_score, make_hidden_positives
from skbudget.metrics import fpr_at_tpr_error, recall_partial_auc_score
from skbudget.objectives import AtBudget, PairwisePAUC, RecallPAUC, Rows, available, find_loss

LINKS = ("sigmoid", "logistic")
FLOORS = (0.0, 0.3, 0.5, 0.9)


def table(seed=0, n=60, ties=False, weighted=False, valued=False):
    rng = np.random.default_rng(seed)
    y = (np.arange(n) % 3 == 0).astype(int)
    score = rng.normal(size=n) + y
    weight = rng.integers(0, 4, n).astype(float) if weighted else None
    value = rng.lognormal(size=n) if valued else None
    return y, score.round() if ties else score, weight, value


def sigma(x):
    return 1.0 / (1.0 + np.exp(-x))


def brute_force(loss, y, score, weight=None, value=None):
    """Loss, gradient and hessian by a double loop over the pairs."""
    weight = np.ones(y.size) if weight is None else weight
    worth = weight.copy()
    if value is not None:
        worth[y == 1] *= value[y == 1]
    positives = [i for i in np.flatnonzero(y == 1) if worth[i] > 0]
    negatives = [j for j in np.flatnonzero(y == 0) if weight[j] > 0]
    # The lowest positives until they are worth as much as may be missed; ties go with them.
    wanted, edge, so_far = (1 - loss.min_tpr) * worth[positives].sum(), None, 0.0
    for i in sorted(positives, key=lambda i: score[i]):
        so_far += worth[i]
        if so_far >= wanted * (1 - 1e-9):
            edge = score[i]
            break
    lowest = [i for i in positives if score[i] <= edge]
    tau = loss.temperature
    if loss.tau_scale == "band":
        tau *= score[lowest].max() - score[lowest].min()
    total = worth[lowest].sum() * weight[negatives].sum()
    found, gradient, hessian = 0.0, np.zeros(y.size), np.zeros(y.size)
    for i in lowest:
        for j in negatives:
            x, share = (score[j] - score[i]) / tau, worth[i] * weight[j] / total
            s = sigma(x)
            curve = s * (1 - s)
            slope = curve if loss.link == "sigmoid" else s
            found += share * (s if loss.link == "sigmoid" else np.log1p(np.exp(x)))
            gradient[i] -= share * slope / tau
            gradient[j] += share * slope / tau
            hessian[i] += share * curve / tau**2
            hessian[j] += share * curve / tau**2
    return found, gradient, hessian


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("min_tpr", FLOORS)
@pytest.mark.parametrize(
    "options",
    [{}, {"ties": True}, {"weighted": True}, {"valued": True}, {"weighted": True, "valued": True}],
    ids=["plain", "ties", "weights", "values", "both"],
)
def test_all_pairs_one_by_one(link, min_tpr, options):
    y, score, weight, value = table(**options)
    loss = RecallPAUC(min_tpr=min_tpr, link=link, temperature=0.7)
    wanted = brute_force(loss, y, score, weight, value)
    given = {} if value is None else {"value": value}
    assert loss.loss(y, score, weight, **given) == pytest.approx(wanted[0], rel=1e-9)
    gradient, hessian = loss.gradient_hessian(y, score, weight, **given)
    np.testing.assert_allclose(gradient, wanted[1], atol=1e-12)
    np.testing.assert_allclose(hessian, wanted[2], atol=1e-12)


def test_the_range_of_the_lowest_positives_as_a_scale():
    y, score, *_ = table()
    loss = RecallPAUC(min_tpr=0.5, tau_scale="band", temperature=0.5)
    wanted = brute_force(loss, y, score)
    assert loss.loss(y, score) == pytest.approx(wanted[0], rel=1e-9)
    np.testing.assert_allclose(loss.gradient(y, score), wanted[1], atol=1e-12)


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("min_tpr", FLOORS)
@pytest.mark.parametrize("tau_scale", ["iqr", "band", None])
def test_it_is_the_pairwise_loss_with_the_classes_exchanged(link, min_tpr, tau_scale):
    for ties in (False, True):
        y, score, weight, _ = table(ties=ties, weighted=True)
        parameters = {"link": link, "tau_scale": tau_scale, "temperature": 0.5}
        loss = RecallPAUC(min_tpr=min_tpr, **parameters)
        other = PairwisePAUC(beta=1 - min_tpr, **parameters)
        assert loss.loss(y, score, weight) == other.loss(1 - y, -score, weight)
        gradient, hessian = loss.gradient_hessian(y, score, weight)
        wanted = other.gradient_hessian(1 - y, -score, weight)
        np.testing.assert_array_equal(gradient, -wanted[0])
        np.testing.assert_array_equal(hessian, wanted[1])


@pytest.mark.parametrize("link", LINKS)
def test_above_nothing_it_is_the_whole_auc(link):
    for ties in (False, True):
        y, score, weight, value = table(ties=ties, weighted=True, valued=True)
        loss, whole = RecallPAUC(min_tpr=0.0, link=link), PairwisePAUC(beta=1.0, link=link)
        columns = {"value": value}
        assert loss.loss(y, score, weight, **columns) == pytest.approx(
            whole.loss(y, score, weight, **columns), rel=1e-12
        )
        for found, wanted in zip(
            loss.gradient_hessian(y, score, weight, **columns),
            whole.gradient_hessian(y, score, weight, **columns),
        ):
            np.testing.assert_allclose(found, wanted, atol=1e-15)
    sharp = RecallPAUC(min_tpr=0.0, link="sigmoid", temperature=1e-4)
    y, score, *_ = table()
    assert sharp.loss(y, score) == pytest.approx(1 - roc_auc_score(y, score), abs=1e-6)


@pytest.mark.parametrize("min_tpr", [0.0, 0.3, 0.5, 0.9])
def test_a_sharp_sigmoid_is_the_metric(min_tpr):
    y, score, *_ = table(n=60)
    loss = RecallPAUC(min_tpr=min_tpr, link="sigmoid", temperature=1e-4)
    # With 20 positives these floors lie between two of them.
    wanted = 1 - recall_partial_auc_score(y, score, min_tpr=min_tpr)
    assert loss.loss(y, score) == pytest.approx(wanted, abs=1e-6)


def test_positives_above_the_lowest_have_no_gradient():
    y, score, *_ = table()
    gradient, hessian = RecallPAUC(min_tpr=0.9).gradient_hessian(y, score)
    positives = np.flatnonzero(y == 1)
    lowest = positives[np.argsort(score[positives])[:2]]
    assert set(np.flatnonzero(gradient < 0)) == set(lowest)
    assert (gradient[y == 0] > 0).all()
    assert gradient.sum() == pytest.approx(0.0, abs=1e-12)
    assert (hessian[np.setdiff1d(positives, lowest)] <= 1e-15).all()


@pytest.mark.parametrize("link", LINKS)
def test_many_rows_are_summed_as_few(link):
    """Tables of pairs, which large bands use, give what the sums give."""
    y, score, *_ = table(n=45_000)
    loss = RecallPAUC(min_tpr=0.2, link=link)
    rows = np.arange(0, 45_000, 50)
    gradient, hessian = loss.gradient_hessian(y, score)
    negative = np.flatnonzero(y == 0)
    edge = np.sort(score[y == 1])[: round(0.8 * (y == 1).sum())]
    for row in rows[:40]:
        if y[row] == 1 and score[row] > edge[-1]:
            assert gradient[row] == 0
            continue
        others = score[negative] if y[row] == 1 else edge
        x = (others - score[row]) if y[row] == 1 else (score[row] - others)
        s = sigma(x)
        curve = s * (1 - s)
        share = 1.0 / (edge.size * negative.size)
        slope = (curve if link == "sigmoid" else s).sum() * share
        assert gradient[row] == pytest.approx(-slope if y[row] == 1 else slope, rel=1e-5)
        assert hessian[row] == pytest.approx(curve.sum() * share, rel=1e-5)


def test_rows_that_are_not_as_in_deployment_set_no_edge():
    y, score, *_ = table()
    mask = np.ones(60, dtype=bool)
    positives = np.flatnonzero(y == 1)
    mined = positives[np.argsort(score[positives])[:8]]
    mask[mined] = False
    loss = RecallPAUC(min_tpr=0.5)
    held = loss.hold(loss.rows(y, score, iid_mask=mask))
    reference = np.setdiff1d(positives, mined)
    edge = np.sort(score[reference])[5]  # the lower half of twelve
    assert -held.t_beta == edge
    # Mined rows below the edge take part.
    assert set(mined[score[mined] <= edge]) <= set(held.members)


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("tau_scale", [None, "iqr", "band"])
@pytest.mark.parametrize("options", [{}, {"weighted": True, "valued": True}, {"ties": True}])
def test_workers_together_find_what_one_finds(size, tau_scale, options):
    y, score, weight, value = table(n=400, **options)
    loss = RecallPAUC(min_tpr=0.6, tau_scale=tau_scale)
    columns = {} if value is None else {"value": value}
    rows = loss.rows(y, score, weight, **columns)
    parts = split(np.random.default_rng(size), size, np.arange(400))

    def work(worker, taken):
        own = Rows(
            rows.target[taken],
            rows.raw[taken],
            None if weight is None else rows.weight[taken],
            {name: column[taken] for name, column in rows.columns.items()},
            worker,
        )
        held = loss.hold(own)
        found = loss.derivatives(own, held).dense(own.n_samples)
        return loss.value(own, held), *found, taken

    results = Threads(size).run(work, parts)
    held = loss.hold(rows)
    gradient, hessian = loss.derivatives(rows, held).dense(400)
    for value_of, of_gradient, of_hessian, taken in results:
        assert value_of == pytest.approx(loss.value(rows, held), rel=1e-6)
        np.testing.assert_allclose(of_gradient, gradient[taken], atol=1e-9)
        np.testing.assert_allclose(of_hessian, hessian[taken], atol=1e-9)


def test_parameters_are_named():
    assert "recall_pauc" in available("binary")
    assert find_loss("recall_pauc", min_tpr=0.8) == RecallPAUC(min_tpr=0.8)
    for name, bad in (
        ("min_tpr", 1.0),
        ("min_tpr", -0.1),
        ("min_tpr", "0.5"),
        ("min_tpr", np.nan),
        ("min_tpr", 95),
        ("temperature", 0.0),
        ("tau_scale", "std"),
        ("link", "hinge"),
    ):
        with pytest.raises(ValueError, match=f"'{name}' parameter of RecallPAUC"):
            RecallPAUC(**{name: bad})
    with pytest.raises(ValueError, match="95 percent are 0.95"):
        RecallPAUC(min_tpr=95)
    with pytest.raises(ValueError, match="must be a loss over a band"):
        AtBudget(RecallPAUC())


def test_a_copy_with_another_temperature_uses_it():
    y, score, *_ = table()
    loss = RecallPAUC()
    loss.loss(y, score)
    sharper = loss._with(temperature=0.1)
    assert sharper.loss(y, score) == RecallPAUC(temperature=0.1).loss(y, score)
    assert copy.deepcopy(loss) == loss


# --- training -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hidden():
    X, y = make_hidden_positives(9_090, random_state=0)
    return X, y


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("min_tpr", [0.0, 0.5, 0.9])
def test_boosters_grow_from_a_constant_start(hidden, link, min_tpr):
    lgb, xgb = pytest.importorskip("lightgbm"), pytest.importorskip("xgboost")
    from skbudget.boosting import BoosterObjective

    X, y = hidden
    objective = BoosterObjective(RecallPAUC(min_tpr=min_tpr, link=link))
    parameters = {"objective": objective, "verbose": -1, "num_threads": 1, "num_leaves": 7}
    booster = lgb.train(parameters, lgb.Dataset(X, y), 3)
    assert all(tree["num_leaves"] > 1 for tree in booster.dump_model()["tree_info"])
    matrix = xgb.DMatrix(X, y)
    booster = xgb.train({"nthread": 1, "base_score": 0.0}, matrix, 3, obj=objective)
    assert all("leaf" in tree and "yes=" in tree for tree in booster.get_dump())


def test_lightgbm_learns_the_cue(hidden):
    lgb = pytest.importorskip("lightgbm")
    from skbudget.boosting import BoosterObjective

    X, y = make_hidden_positives(30_300, random_state=0)
    X_new, y_new = make_hidden_positives(60_600, pos_rate=0.05, random_state=1)
    parameters = {"verbose": -1, "num_threads": 1, "num_leaves": 15, "lambda_l2": 5.0}
    parameters |= {"objective": BoosterObjective(RecallPAUC()), "learning_rate": 0.1}
    score = lgb.train(parameters, lgb.Dataset(X, y), 60).predict(X_new)
    found = fpr_at_tpr_error(y_new, score, tpr=0.95)
    least = fpr_at_tpr_error(y_new, bayes_hidden_positives_score(X_new), tpr=0.95)
    assert least < found < 0.4  # by the easy signal alone 0.73


def test_estimators_take_it_by_name(hidden):
    pytest.importorskip("lightgbm")
    pytest.importorskip("torch")
    pytest.importorskip("skorch")
    pytest.importorskip("xgboost")
    from skbudget import PAUCClassifier, PAUCLGBMClassifier, PAUCXGBClassifier

    X, y = hidden
    trees = {"n_estimators": 10, "selection_cv": None, "calibration_cv": None, "n_jobs": 1}
    loss = RecallPAUC(min_tpr=0.3)
    for model in (
        PAUCLGBMClassifier(objective="recall_pauc", **trees, verbose=-1),
        PAUCLGBMClassifier(objective=loss, **trees, verbose=-1),
        PAUCXGBClassifier(objective="recall_pauc", **trees),
        PAUCXGBClassifier(objective=loss, **trees),
        PAUCClassifier(
            loss="recall_pauc",
            n_members=1,
            max_epochs=3,
            calibration_cv=None,
            random_state=0,
        ),
    ):
        score = model.fit(X, y).decision_function(X)
        assert roc_auc_score(y, score) > 0.8
