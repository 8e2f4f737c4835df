import pickle
import threading
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

lgb = pytest.importorskip("lightgbm")
xgb = pytest.importorskip("xgboost")

from skbudget import PAUCObjective, pauc_objective
from skbudget.boosting import (
    BoosterObjective,
    CoverageMetric,
    LightGBMRounds,
    XGBoostRounds,
    default_beta,
)
from skbudget.objectives import (
    AtBudget,
    BinaryCrossEntropy,
    Derivatives,
    HardNegativeCrossEntropy,
    Loss,
    OneVsRest,
    PairwisePAUC,
    Schedule,
    WeightedSum,
)

LGB = {"verbose": -1, "num_threads": 1, "num_leaves": 7, "seed": 0}
XGB = {"nthread": 1, "max_depth": 3, "seed": 0}
ROUNDS = 8


def lgb_train(objective, X, y, *, weight=None, init_score=None, callbacks=(), rounds=ROUNDS, **kw):
    data = lgb.Dataset(X, y, weight=weight, init_score=init_score)
    params = {**LGB, "objective": objective}
    return lgb.train(params, data, rounds, callbacks=list(callbacks), **kw)


def xgb_train(objective, X, y, *, weight=None, base_margin=None, callbacks=(), rounds=ROUNDS, **kw):
    data = xgb.DMatrix(X, y, weight=weight, base_margin=base_margin)
    return xgb.train(XGB, data, rounds, obj=objective, callbacks=list(callbacks), **kw)


def lgb_margin(booster, X):
    return booster.predict(X, raw_score=True)


def xgb_margin(booster, X):
    return booster.predict(xgb.DMatrix(X), output_margin=True)


# --- the gradient -------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    "objective",
    [
        PAUCObjective(budget=0.05),
        PAUCObjective(budget=0.05, link="sigmoid", temperature=0.5),
        PAUCObjective(alpha=0.01, beta=0.2),
        PAUCObjective(alpha=0.0, beta=1.0),
        PAUCObjective(budget=0.05, basis="population"),
        PAUCObjective(surrogate="trapezoid", beta=0.3, n_knots=4),
        PAUCObjective(beta=0.3, tau_scale="iqr", temperature=0.3),
        BoosterObjective(BinaryCrossEntropy(pos_weight=2.0)),
        BoosterObjective(HardNegativeCrossEntropy(top_fraction=0.1)),
    ],
    ids=str,
)
def test_gradient_is_the_derivative_of_the_loss(objective, weighted):
    rng = np.random.default_rng(0)
    y = (np.arange(80) < 12).astype(int)
    margin = rng.normal(size=80)
    weight = rng.integers(1, 4, size=80).astype(float) if weighted else None
    gradient, hessian = objective(y, margin, weight)
    assert gradient.dtype == hessian.dtype == np.float32
    held = _held_loss(objective, y, margin, weight)
    step = 1e-5
    numeric = np.empty(80)
    for i in range(80):
        shift = np.zeros(80)
        shift[i] = step
        numeric[i] = (held(margin + shift) - held(margin - shift)) / (2 * step)
    np.testing.assert_allclose(gradient, numeric, atol=1e-6 * np.abs(numeric).max())
    assert (hessian > 0).all()


def _held_loss(objective, y, margin, weight):
    """The summed loss as a function of the margin, edges held where they are."""
    from skbudget.objectives import Rows

    base = Rows(y == 1, margin, weight)
    inner = objective._resolved(base, None)
    held = inner.hold(base)
    scale = inner.boosting_factor(base)
    return lambda m: scale * inner.value(Rows(y == 1, m, weight), held)


def test_loss_is_the_scaled_mean_loss():
    y, margin = np.array([0, 0, 0, 1, 1]), np.array([0.0, 1.0, 2.0, 0.5, 3.0])
    objective = PAUCObjective(alpha=0.0, beta=1.0)
    mean = np.mean([np.log1p(np.exp(n - p)) for p in margin[3:] for n in margin[:3]])
    assert objective.loss(y, margin) == pytest.approx(2 * mean)


def test_hessian_is_positive_and_finite_far_out():
    y = np.r_[np.ones(20), np.zeros(200)]
    for margin in (np.full(220, 1e4), np.where(y == 1, -1e4, 1e4), np.where(y == 1, 1e4, -1e4)):
        gradient, hessian = pauc_objective(y, margin)
        assert np.isfinite(gradient).all()
        assert np.isfinite(hessian).all()
        assert (hessian > 0).all()


def test_one_positive_weighs_what_it_weighs_in_cross_entropy():
    y = np.r_[np.ones(10), np.zeros(990)]
    gradient, hessian = PAUCObjective(beta=0.1)(y, np.zeros(1000))
    np.testing.assert_allclose(gradient[:10], -0.5)
    np.testing.assert_allclose(hessian[:10], 0.25)
    assert gradient.sum() == pytest.approx(0, abs=1e-5)


def test_labels_of_minus_one_and_one():
    margin = np.random.default_rng(0).normal(size=50)
    y = (np.arange(50) < 10).astype(int)
    for a, b in zip(pauc_objective(y, margin), pauc_objective(2 * y - 1, margin)):
        np.testing.assert_array_equal(a, b)


def test_multiclass_is_one_versus_rest():
    rng = np.random.default_rng(0)
    y, margin = rng.integers(0, 3, size=120), rng.normal(size=(120, 3))
    gradient, hessian = pauc_objective(y, margin)
    assert gradient.shape == hessian.shape == (120, 3)
    for k in range(3):
        of_class = pauc_objective((y == k).astype(int), margin[:, k])
        np.testing.assert_array_equal(gradient[:, k], of_class[0])
        np.testing.assert_array_equal(hessian[:, k], of_class[1])


def test_multiclass_without_one_class_leaves_it_alone():
    gradient, hessian = pauc_objective(np.array([0, 1, 0, 1]), np.zeros((4, 3)))
    assert (gradient[:, 2] == 0).all()
    assert (hessian > 0).all()


def test_multiclass_trains_in_both_boosters():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, size=900)
    X = rng.normal(size=(900, 4)) + np.eye(3)[y] @ rng.normal(size=(3, 4)) * 2
    params = {**LGB, "objective": pauc_objective, "num_class": 3}
    booster = lgb.train(params, lgb.Dataset(X, y), 10)
    assert (booster.predict(X).argmax(axis=1) == y).mean() > 0.7
    booster = xgb.train({**XGB, "num_class": 3}, xgb.DMatrix(X, y), 10, obj=pauc_objective)
    margin = booster.predict(xgb.DMatrix(X), output_margin=True)
    assert (margin.reshape(900, 3).argmax(axis=1) == y).mean() > 0.7


# --- the four forms of call -----------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
def test_lightgbm_forms_grow_the_same_trees(table, weighted):
    X, y = table
    weight = np.random.default_rng(2).uniform(0.5, 2, size=y.size) if weighted else None
    native = lgb_train(pauc_objective, X, y, weight=weight)
    classifier = lgb.LGBMClassifier(
        objective=pauc_objective,
        n_estimators=ROUNDS,
        num_leaves=7,
        random_state=0,
        n_jobs=1,
        verbose=-1,
    ).fit(X, y, sample_weight=weight)
    margin = classifier.predict(X, raw_score=True)
    np.testing.assert_allclose(lgb_margin(native, X), margin)
    assert np.unique(margin).size > 10


@pytest.mark.parametrize("weighted", [False, True])
def test_xgboost_forms_grow_the_same_trees(table, weighted):
    X, y = table
    weight = np.random.default_rng(2).uniform(0.5, 2, size=y.size) if weighted else None
    native = xgb_train(pauc_objective, X, y, weight=weight)
    classifier = xgb.XGBClassifier(
        objective=pauc_objective, n_estimators=ROUNDS, max_depth=3, random_state=0, n_jobs=1
    ).fit(X, y, sample_weight=weight)
    margin = classifier.predict(X, output_margin=True)
    difference = xgb_margin(native, X) - margin
    # The two interfaces start from different base scores.
    np.testing.assert_allclose(difference, difference[0], atol=1e-5)
    assert np.unique(margin).size > 10


def test_weights_change_the_trees(table):
    X, y = table
    weight = np.where(X[:, 2] > 0, 10.0, 0.1)
    for train, margin in ((lgb_train, lgb_margin), (xgb_train, xgb_margin)):
        plain, weighted = train(pauc_objective, X, y), train(pauc_objective, X, y, weight=weight)
        assert np.abs(margin(plain, X) - margin(weighted, X)).max() > 1e-3


def test_init_score_and_base_margin_are_part_of_the_margin(table):
    X, y = table
    start = 2.0 * X[:, 0]
    gradient, _ = pauc_objective(y, start)
    seen = []

    def spy(y_pred, data):
        seen.append(np.array(y_pred))
        return pauc_objective(y_pred, data)

    lgb_train(spy, X, y, init_score=start)
    np.testing.assert_allclose(seen[0], start)
    np.testing.assert_array_equal(
        pauc_objective(seen[0], lgb.Dataset(X, y, init_score=start).construct())[0], gradient
    )
    seen.clear()
    xgb_train(spy, X, y, base_margin=start)
    np.testing.assert_allclose(seen[0], start, rtol=1e-6)


def test_cross_validation_of_both_boosters(table):
    X, y = table
    metric = CoverageMetric(0.05)
    history = lgb.cv(
        {**LGB, "objective": pauc_objective}, lgb.Dataset(X, y), ROUNDS, nfold=3, feval=metric
    )
    assert len(history["valid coverage@0.05-mean"]) == ROUNDS
    history = xgb.cv(
        {**XGB, "disable_default_eval_metric": True},
        xgb.DMatrix(X, y),
        ROUNDS,
        nfold=3,
        stratified=True,
        obj=pauc_objective,
        custom_metric=metric,
        as_pandas=False,
    )
    assert len(history["test-pre_coverage@0.05-mean"]) == ROUNDS


def test_early_stopping_in_native_training(table, fresh_table):
    (X, y), (X_new, y_new) = table, fresh_table
    train = lgb.Dataset(X, y)
    booster = lgb.train(
        {**LGB, "objective": pauc_objective, "metric": "None"},
        train,
        200,
        valid_sets=[lgb.Dataset(X_new, y_new, reference=train)],
        feval=CoverageMetric(0.05),
        callbacks=[lgb.early_stopping(10, verbose=False)],
    )
    assert 1 <= booster.best_iteration < 200
    history = {}
    booster = xgb.train(
        {**XGB, "disable_default_eval_metric": True},
        xgb.DMatrix(X, y),
        200,
        obj=pauc_objective,
        evals=[(xgb.DMatrix(X_new, y_new), "valid")],
        custom_metric=CoverageMetric(0.05),
        early_stopping_rounds=10,
        evals_result=history,
        verbose_eval=False,
    )
    values = history["valid"]["pre_coverage@0.05"]
    assert booster.best_score == pytest.approx(max(values), abs=1e-6)
    assert booster.best_iteration == int(np.argmax(values))


def test_pickled_and_deep_copied_objective_grows_the_same_trees(table):
    X, y = table
    objective = PAUCObjective(budget=0.02, link="sigmoid")
    copied = pickle.loads(pickle.dumps(objective))
    assert copied == objective
    np.testing.assert_array_equal(
        lgb_margin(lgb_train(objective, X, y), X), lgb_margin(lgb_train(copied, X, y), X)
    )


# --- the band of a budget ---------------------------------------------------------


@pytest.mark.parametrize(
    ("budget", "pos", "neg", "basis", "beta"),
    [
        (0.005, 100, 100_000, "fpr", 0.015),
        (0.005, 100, 1_000, "fpr", 0.15),
        (0.5, 1, 1_000, "fpr", 1.0),
        (0.01, 500, 500, "fpr", 1.0),
        (0.01, 100, 9_900, "population", (100 + 297) / 10_000),
        (0.01, 5_000, 5_000, "population", 1.0),
    ],
)
def test_default_beta(budget, pos, neg, basis, beta):
    assert default_beta(budget, pos, neg, basis) == pytest.approx(beta)


def test_explicit_band_overrides_the_rule():
    y = np.r_[np.ones(10), np.zeros(990)]
    margin = np.random.default_rng(0).normal(size=1000)
    ours = PAUCObjective(alpha=0.01, beta=0.03)(y, margin)
    direct = PairwisePAUC(alpha=0.01, beta=0.03).gradient_hessian(y, margin)
    np.testing.assert_allclose(ours[0], 10 * direct[0], rtol=1e-6)
    assert np.count_nonzero(ours[0][10:]) == 30 - 9


# --- schedules ------------------------------------------------------------------

SCHEDULED = PAUCObjective(
    budget=0.02,
    schedule=Schedule(warmup_rounds=2, blend_rounds=2, anneal_rounds=3, beta_start=0.5),
)


class Interrupted(Exception):
    pass


@pytest.mark.parametrize("booster", ["lightgbm", "xgboost"])
def test_schedule_belongs_to_the_run(table, booster):
    X, y = table
    if booster == "lightgbm":
        train, margin, clock = lgb_train, lgb_margin, LightGBMRounds()
    else:
        train, margin, clock = xgb_train, xgb_margin, XGBoostRounds()

    def run():
        return margin(train(SCHEDULED, X, y, callbacks=[clock]), X)

    first = run()
    unscheduled = margin(train(PAUCObjective(budget=0.02), X, y), X)
    assert np.abs(first - unscheduled).max() > 1e-3
    np.testing.assert_array_equal(run(), first)

    calls = []

    def breaking(y_pred, data):
        calls.append(None)
        if len(calls) == 4:
            raise Interrupted
        return SCHEDULED(y_pred, data)

    with pytest.raises(Interrupted):
        train(breaking, X, y, callbacks=[clock])
    np.testing.assert_array_equal(run(), first)

    results = [None, None]

    def in_thread(k):
        results[k] = run()

    threads = [threading.Thread(target=in_thread, args=(k,)) for k in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal(results[0], first)
    np.testing.assert_array_equal(results[1], first)


def test_schedule_asks_for_the_objective_of_each_round(table):
    X, y = table
    rounds = []

    class Spy(Schedule):
        def at(self, iteration, objective):
            rounds.append(iteration)
            return super().at(iteration, objective)

    objective = PAUCObjective(budget=0.02, schedule=Spy(warmup_rounds=1))
    lgb_train(objective, X, y, callbacks=[LightGBMRounds()], rounds=4)
    xgb_train(objective, X, y, callbacks=[XGBoostRounds()], rounds=4)
    assert rounds == [0, 1, 2, 3] * 2
    rounds.clear()
    params = {**LGB, "objective": objective, "metric": "None"}
    lgb.cv(
        params,
        lgb.Dataset(X, y),
        2,
        nfold=2,
        callbacks=[LightGBMRounds()],
        feval=CoverageMetric(0.1),
    )
    xgb.cv(
        XGB,
        xgb.DMatrix(X, y),
        2,
        nfold=2,
        stratified=True,
        obj=objective,
        callbacks=[XGBoostRounds()],
        as_pandas=False,
    )
    assert rounds == [0, 0, 1, 1] * 2


def test_schedule_continues_with_the_model(table):
    X, y = table
    head = lgb_train(SCHEDULED, X, y, callbacks=[LightGBMRounds()], rounds=4)
    whole = lgb_train(SCHEDULED, X, y, callbacks=[LightGBMRounds()], rounds=8)
    rest = lgb_train(SCHEDULED, X, y, callbacks=[LightGBMRounds()], rounds=4, init_model=head)
    np.testing.assert_allclose(lgb_margin(rest, X), lgb_margin(whole, X), atol=1e-6)
    head = xgb_train(SCHEDULED, X, y, callbacks=[XGBoostRounds()], rounds=4)
    whole = xgb_train(SCHEDULED, X, y, callbacks=[XGBoostRounds()], rounds=8)
    rest = xgb_train(SCHEDULED, X, y, callbacks=[XGBoostRounds()], rounds=4, xgb_model=head)
    np.testing.assert_allclose(xgb_margin(rest, X), xgb_margin(whole, X), atol=1e-5)


def test_schedule_without_a_clock_is_an_error(table):
    X, y = table
    for train in (lgb_train, xgb_train):
        with pytest.raises(RuntimeError, match="needs the round number"):
            train(SCHEDULED, X, y)


# --- bad input ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"budget": 0}, r"'budget' parameter of PAUCObjective must be a float in the range"),
        ({"budget": -1}, r"'budget'.*Got -1 instead"),
        ({"budget": 1.5}, r"'budget'.*Got 1.5 instead"),
        ({"budget": float("nan")}, r"'budget'.*Got nan instead"),
        ({"budget": 50}, r"50 basis points are 0.005"),
        ({"budget": "0.1"}, r"'budget'.*Got '0.1' instead"),
        ({"alpha": 0.2, "beta": 0.1}, r"'alpha'.*smaller than beta, which is 0.1"),
        ({"alpha": 0.1, "beta": 0.1}, r"'alpha'.*smaller than beta"),
        ({"beta": 2.0}, r"'beta'.*range \(0.0, 1.0\]"),
        ({"temperature": 0.0}, r"'temperature'.*range \(0.0, inf\)"),
        ({"temperature": -1.0}, r"'temperature'"),
        ({"surrogate": "listwise"}, r"'surrogate'.*one of \{'pairwise', 'trapezoid'\}"),
        ({"link": "probit"}, r"'link'.*one of"),
        ({"tau_scale": "std"}, r"'tau_scale'.*one of"),
        ({"basis": "rows"}, r"'basis'.*one of \{'fpr', 'population'\}"),
        ({"n_knots": 1}, r"'n_knots'.*\[2, inf\)"),
    ],
)
def test_bad_parameters(params, message):
    with pytest.raises(ValueError, match=message):
        PAUCObjective(**params)


def test_schedule_must_be_a_schedule():
    with pytest.raises(TypeError, match="must be a Schedule or None"):
        PAUCObjective(schedule=5)


def test_alpha_above_the_default_band():
    with pytest.raises(ValueError, match="smaller than beta, which is 0.015"):
        PAUCObjective(budget=0.005, alpha=0.5)(np.r_[1, np.zeros(999)], np.zeros(1000))


Y = np.array([0, 0, 1, 1])


@pytest.mark.parametrize(
    ("y", "margin", "weight", "message"),
    [
        (np.zeros(4), np.zeros(4), None, "Only one class present"),
        (np.ones(4), np.zeros(4), None, "Only one class present"),
        (np.array([0, 1, 2, 1]), np.zeros(4), None, "must be binary.*0.*1.*2"),
        (Y, np.zeros(5), None, "different lengths: 4 labels and 5 scores"),
        (Y, np.array([0, np.nan, 1, 2]), None, "NaN or infinity"),
        (Y, np.array([0, np.inf, 1, 2]), None, "NaN or infinity"),
        (Y, np.zeros(4), np.array([1, -1, 1, 1.0]), "negative, NaN or infinite"),
        (Y, np.zeros(4), np.array([1, np.nan, 1, 1.0]), "negative, NaN or infinite"),
        (Y, np.zeros(4), np.ones(3), "one entry per sample: expected 4, got 3"),
        (Y, np.zeros(4), np.zeros(4), "weights of one class are zero"),
        (Y, np.zeros(4), np.array([1, 1, 0, 0.0]), "weights of one class are zero"),
        (Y, np.zeros((4, 2, 2)), None, "1 or 2 dimensions"),
        (np.zeros((4, 2)), np.zeros(4), None, "Labels must have shape"),
    ],
)
def test_bad_arguments(y, margin, weight, message):
    with pytest.raises(ValueError, match=message):
        pauc_objective(y, margin, weight)


@pytest.mark.parametrize(
    "objective", [PAUCObjective(beta=0.5), PAUCObjective(surrogate="trapezoid", beta=0.5)]
)
@pytest.mark.parametrize("weight", [[0, 1, 1], [1, 0, 0]])
def test_class_without_weight_whatever_the_band(objective, weight):
    with pytest.raises(ValueError, match="weights of one class are zero"):
        objective(np.array([1, 0, 0]), np.array([0.0, 1, 2]), np.array(weight, dtype=float))


NOTHING_TO_ANNEAL = [
    (BinaryCrossEntropy(), {"beta_start": 0.5}, "no parameter 'beta' to anneal: leave beta_start"),
    (BinaryCrossEntropy(), {"temperature_start": 2.0}, "no parameter 'temperature' to anneal"),
    (
        OneVsRest(BinaryCrossEntropy()),
        {"beta_start": 0.5},
        "BinaryCrossEntropy has no parameter 'beta'",
    ),
    (
        WeightedSum(((1.0, PairwisePAUC()), (1.0, BinaryCrossEntropy()))),
        {"beta_start": 0.5},
        "WeightedSum has no parameter 'beta'",
    ),
    (PairwisePAUC(alpha=0.1, beta=0.5), {"beta_start": 0.05}, "must be smaller than beta"),
]


@pytest.mark.parametrize(("loss", "starts", "message"), NOTHING_TO_ANNEAL)
def test_an_objective_asks_for_what_is_annealed_before_the_first_round(loss, starts, message):
    schedule = Schedule(warmup_rounds=50, anneal_rounds=3, **starts)
    with pytest.raises(ValueError, match=message):
        BoosterObjective(loss, schedule=schedule)


@pytest.mark.parametrize(
    "loss",
    [
        PairwisePAUC(beta=0.01),
        AtBudget(PairwisePAUC(), 0.01),
        OneVsRest(PairwisePAUC(beta=0.01)),
        OneVsRest(AtBudget(PairwisePAUC(), 0.01)),
    ],
)
def test_what_can_be_annealed_is_taken(loss):
    schedule = Schedule(warmup_rounds=2, anneal_rounds=3, beta_start=0.5, temperature_start=2.0)
    assert BoosterObjective(loss, schedule=schedule).schedule is schedule


@dataclass(frozen=True)
class SquaredError(Loss[None]):
    target: ClassVar = "real"

    def value(self, rows, held=None):
        return float(((rows.raw - rows.target) ** 2).mean() / 2)

    def derivatives(self, rows, held=None):
        share = np.full(rows.n_samples, 1 / rows.n_samples)
        return Derivatives(None, share * (rows.raw - rows.target), share)


def test_a_real_target_of_zeros_is_a_target():
    objective = BoosterObjective(SquaredError())
    X = np.random.default_rng(0).normal(size=(200, 3))
    y = np.zeros(200)
    margin = lgb_margin(lgb_train(objective, X, y), X)
    np.testing.assert_array_equal(margin, 0.0)
    margin = xgb_margin(xgb_train(objective, X, y, rounds=80), X)
    np.testing.assert_allclose(margin, 0.0, atol=0.01)
    with pytest.raises(ValueError, match="has no labels"):
        xgb_train(objective, X, None)
    assert objective.loss(np.ones(200), lgb.Dataset(X, y)) == pytest.approx(100.0)
    wanted = objective(y, np.ones(200))
    np.testing.assert_array_equal(objective(np.ones(200), lgb.Dataset(X, y)), wanted)


def test_data_without_labels():
    X = np.zeros((4, 2))
    for data in (xgb.DMatrix(X), lgb.Dataset(X), lgb.Dataset(X).construct()):
        with pytest.raises(ValueError, match="has no labels"):
            pauc_objective(np.zeros(4), data)
    X = np.random.default_rng(0).normal(size=(50, 2))
    for train in (lgb_train, xgb_train):
        with pytest.raises(ValueError, match="has no labels"):
            train(pauc_objective, X, None)


# --- degenerate data ---------------------------------------------------------------


def test_empty_band_has_zero_gradient():
    y = np.r_[np.ones(5), np.zeros(995)]
    margin = np.where(y == 1, 5.0, -5.0)
    gradient, hessian = PAUCObjective(beta=0.005, basis="population")(y, margin)
    assert (gradient == 0).all()
    assert (hessian > 0).all()


def test_constant_features_train_to_a_constant():
    y = (np.arange(100) < 10).astype(int)
    booster = xgb_train(pauc_objective, np.ones((100, 2)), y)
    assert np.unique(xgb_margin(booster, np.ones((100, 2)))).size == 1
