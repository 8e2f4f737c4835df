"""What the adapters to the boosters check before the first round, and how a round goes."""

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

lgb = pytest.importorskip("lightgbm")
xgb = pytest.importorskip("xgboost")

import skbudget
from skbudget import PAUCObjective, make_contested_top, pauc_objective
from skbudget.boosting import BoosterObjective, LightGBMRounds
from skbudget.objectives import (
    BinaryCrossEntropy,
    Derivatives,
    FocalLoss,
    Loss,
    OneVsRest,
    PairwisePAUC,
    Schedule,
)

LGB = {"verbose": -1, "num_threads": 1, "num_leaves": 7, "min_data_in_leaf": 2}
XGB = {"nthread": 1, "max_depth": 3}


class Grouped(Loss):
    """Softmax over the rows of each query."""

    needs = frozenset({"group"})

    def _shares(self, rows):
        group = rows.columns["group"]
        e = np.exp(rows.raw - rows.raw.max())
        return e / np.bincount(group, e, minlength=group.max() + 1)[group]

    def value(self, rows, held=None):
        return float(-np.log(self._shares(rows)[rows.target]).sum())

    def derivatives(self, rows, held=None):
        group, p = rows.columns["group"], self._shares(rows)
        counts = np.bincount(group, rows.target, minlength=group.max() + 1)[group]
        return Derivatives(None, counts * p - rows.target, np.maximum(counts * p * (1 - p), 1e-6))


class Squares(Loss):
    """Squared error of a real target."""

    target = "real"
    scale = "sum"

    def value(self, rows, held=None):
        return float(((rows.raw - rows.target) ** 2).sum() / 2)

    def derivatives(self, rows, held=None):
        return Derivatives(None, rows.raw - rows.target, np.ones(rows.n_samples))


class Softmax(Loss):
    """Cross-entropy of several classes."""

    target = "classes"
    margins = "classes"
    scale = "sum"

    def _p(self, rows):
        e = np.exp(rows.raw - rows.raw.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def value(self, rows, held=None):
        return float(-np.log(self._p(rows)[np.arange(rows.n_samples), rows.target]).sum())

    def derivatives(self, rows, held=None):
        p = self._p(rows)
        return Derivatives(None, p - np.eye(p.shape[1])[rows.target], 2 * p * (1 - p))


@pytest.fixture(scope="module")
def queries():
    """Thirty queries of ten rows; the first feature decides within a query."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 4))
    group = np.repeat(np.arange(30), 10)
    y = np.zeros(300)
    for g in range(30):
        y[g * 10 + X[group == g, 0].argmax()] = 1
    return X, y, group


# --- query groups ---------------------------------------------------------------------


@pytest.mark.parametrize("objective", [pauc_objective, BoosterObjective(BinaryCrossEntropy())])
def test_groups_that_nobody_reads_are_refused(queries, objective):
    X, y, _ = queries
    sizes = np.full(30, 10)
    name = type(getattr(objective, "objective", objective)).__name__
    message = f"grouped into queries, and {name} compares rows across"
    with pytest.raises(ValueError, match=message):
        lgb.train({**LGB, "objective": objective}, lgb.Dataset(X, y, group=sizes), 2)
    data = xgb.DMatrix(X, y)
    data.set_group(sizes)
    with pytest.raises(ValueError, match=message):
        xgb.train(XGB, data, 2, obj=objective)
    with pytest.raises(ValueError, match=message):
        lgb.LGBMRanker(objective=objective, n_estimators=2, verbose=-1).fit(X, y, group=sizes)


def test_groups_reach_a_loss_that_asks_for_them(queries):
    X, y, group = queries
    sizes = np.full(30, 10)
    objective = BoosterObjective(Grouped())
    data = xgb.DMatrix(X, y)
    data.set_group(sizes)
    margins = {
        "lightgbm": lgb.train(
            {**LGB, "objective": objective}, lgb.Dataset(X, y, group=sizes), 20
        ).predict(X),
        "column": lgb.train(
            {**LGB, "objective": objective.with_columns(group=group)}, lgb.Dataset(X, y), 20
        ).predict(X),
        "ranker": lgb.LGBMRanker(objective=objective, n_estimators=20, **LGB)
        .fit(X, y, group=sizes)
        .predict(X),
        "xgboost": xgb.train(XGB, data, 20, obj=objective).predict(data, output_margin=True),
    }
    for margin in margins.values():
        first = [margin[group == g].argmax() == y[group == g].argmax() for g in range(30)]
        assert np.mean(first) > 0.8
    np.testing.assert_array_equal(margins["lightgbm"], margins["column"])


def test_a_missing_column_is_named_before_the_first_round(queries):
    X, y, _ = queries
    message = "Grouped needs the column 'group', one entry per row, and it is missing"
    with pytest.raises(ValueError, match=message):
        lgb.train({**LGB, "objective": BoosterObjective(Grouped())}, lgb.Dataset(X, y), 2)
    with pytest.raises(ValueError, match=message):
        xgb.train(XGB, xgb.DMatrix(X, y), 2, obj=BoosterObjective(Grouped()))


def test_a_column_that_nobody_reads_is_refused():
    with pytest.raises(ValueError, match="PAUCObjective does not read the column 'process'"):
        pauc_objective.with_columns(process=np.zeros(3))
    with pytest.raises(ValueError, match="value must have one entry per sample: expected 4, got 3"):
        pauc_objective.with_columns(value=np.ones(3))([0, 0, 0, 1], np.zeros(4))
    with pytest.raises(ValueError, match="number of rows of each query, 4 in all: got 3"):
        BoosterObjective(Grouped())([0, 0, 0, 1], np.zeros(4), None, [1, 2])


def test_columns_follow_the_folds_of_cross_validation():
    X, y = make_contested_top(2_000, pos_rate=0.05, random_state=0)
    value = np.where(y == 1, np.arange(y.size) + 1.0, 1.0)
    params = {**LGB, "objective": PAUCObjective(budget=0.05).with_columns(value=value)}
    params["metric"] = "None"
    folds = [(np.arange(0, 2_000, 2), np.arange(1, 2_000, 2))]
    packs = lgb.cv(
        params, lgb.Dataset(X, y, free_raw_data=False), 5, folds=folds, return_cvbooster=True
    )
    even = folds[0][0]
    params["objective"] = PAUCObjective(budget=0.05).with_columns(value=value[even])
    alike = lgb.Dataset(X[even], y[even], reference=lgb.Dataset(X, y, free_raw_data=False))
    alone = lgb.train(params, alike, 5)
    np.testing.assert_allclose(packs["cvbooster"].boosters[0].predict(X), alone.predict(X))


# --- targets and margins ----------------------------------------------------------------


def test_more_labels_than_margins_are_refused():
    y, margin = np.array([0, 1, 2, 0, 1, 2]), np.zeros((6, 2))
    message = r"labels up to 2, and there are 2 margins per row: PAUCObjective needs 3.*num_class=3"
    with pytest.raises(ValueError, match=message):
        pauc_objective(y, margin)
    X = np.random.default_rng(0).normal(size=(60, 2))
    with pytest.raises(ValueError, match="num_class=3"):
        lgb.train(
            {**LGB, "objective": pauc_objective, "num_class": 2}, lgb.Dataset(X, np.tile(y, 10)), 2
        )
    with pytest.raises(ValueError, match="num_class=3"):
        BoosterObjective(Softmax())(y, np.zeros(6))


def test_classes_and_real_targets_reach_a_loss_that_asks_for_them():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 3))
    classes = np.digitize(X[:, 0], [-0.5, 0.5])
    params = {"objective": BoosterObjective(Softmax()), "num_class": 3}
    margin = lgb.train({**LGB, **params}, lgb.Dataset(X, classes), 20).predict(X)
    assert (margin.argmax(axis=1) == classes).mean() > 0.95
    data = xgb.DMatrix(X, classes)
    booster = xgb.train({**XGB, "num_class": 3}, data, 20, obj=params["objective"])
    margin = booster.predict(data, output_margin=True)
    assert (margin.argmax(axis=1) == classes).mean() > 0.95

    amount = 3.0 * X[:, 0] + 10.0
    objective = BoosterObjective(Squares())
    for predicted in (
        lgb.train({**LGB, "objective": objective}, lgb.Dataset(X, amount), 100).predict(X),
        xgb.train(XGB, xgb.DMatrix(X, amount), 100, obj=objective).predict(xgb.DMatrix(X)),
    ):
        assert np.corrcoef(predicted, amount)[0, 1] > 0.98


@pytest.mark.parametrize(
    ("loss", "labels", "message"),
    [
        (Softmax(), [0.0, 0.5, 1.0], "class numbers, whole numbers from 0"),
        (Squares(), [0.0, 1.0, np.nan], "y_true contains NaN"),
        (BinaryCrossEntropy(), [0.0, 0.3, 1.0], "must be binary"),
    ],
)
def test_a_target_that_a_loss_does_not_take_is_refused(loss, labels, message):
    raw = np.zeros((3, 2)) if loss.margins == "classes" else np.zeros(3)
    with pytest.raises(ValueError, match=message):
        BoosterObjective(loss)(labels, raw)


def test_a_loss_of_one_margin_refuses_more():
    with pytest.raises(ValueError, match=r"takes one margin per row, shape \(3,\): got \(3, 2\)"):
        BoosterObjective(Squares())(np.zeros(3) + 1, np.zeros((3, 2)))


def test_a_warm_up_of_another_target_is_refused():
    with pytest.raises(ValueError, match=r"warms up on binary_cross_entropy.*target 'real'"):
        BoosterObjective(Squares(), schedule=Schedule(warmup_rounds=2))


def test_an_objective_by_name():
    y, margin = np.array([0, 0, 1]), np.array([0.0, 1.0, 0.5])
    for one, other in zip(
        BoosterObjective("pairwise_pauc")(y, margin), BoosterObjective(PairwisePAUC())(y, margin)
    ):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(ValueError, match="no loss called 'pauc'"):
        BoosterObjective("pauc")
    with pytest.raises(TypeError, match="'objective' parameter of BoosterObjective must be a loss"):
        BoosterObjective(3)


def test_the_start_is_the_log_odds():
    y, weight = np.r_[np.zeros(90), np.ones(10)], np.r_[np.ones(90), np.full(10, 2.0)]
    objective = BoosterObjective(BinaryCrossEntropy())
    assert objective.start(y) == pytest.approx(np.log(10 / 90))
    assert objective.start(y, weight) == pytest.approx(np.log(20 / 90))
    assert pauc_objective.start(y) == 0.0
    np.testing.assert_allclose(
        objective.start(np.repeat([0, 1, 2], [50, 30, 20]), n_margins=3),
        np.log([50 / 50, 30 / 70, 20 / 80]),
    )


# --- values -------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", [FocalLoss(), BinaryCrossEntropy(), PairwisePAUC(beta=1.0)])
def test_twice_the_value_is_twice_the_gradient(loss):
    y, margin = np.array([0, 0, 0, 1, 1]), np.zeros(5)
    objective = BoosterObjective(loss).with_columns(value=[9.0, 9.0, 9.0, 1.0, 2.0])
    gradient, hessian = objective(y, margin)
    assert gradient[4] == pytest.approx(2 * gradient[3])
    assert hessian[4] == pytest.approx(2 * hessian[3])
    in_weights = BoosterObjective(loss, weight_of_positives="value")
    np.testing.assert_allclose(in_weights(y, margin, [1, 1, 1, 1, 2])[0], gradient, rtol=1e-6)


# --- the cost of a round ------------------------------------------------------------------


def trace(call):
    """Return the functions of the package that a call enters, as (file, name)."""
    folder, entered = str(Path(skbudget.__file__).parent), []

    def enter(frame, event, _):
        if event == "call" and frame.f_code.co_filename.startswith(folder):
            entered.append((Path(frame.f_code.co_filename).name, frame.f_code.co_name))

    sys.setprofile(enter)
    try:
        call()
    finally:
        sys.setprofile(None)
    return entered


@pytest.mark.parametrize("beta", [None, 1.0])
@pytest.mark.parametrize("n_samples", [200, 2_000, 20_000, 100_000])
def test_a_round_is_short(n_samples, beta):
    rng = np.random.default_rng(0)
    y = (np.arange(n_samples) % 100 == 0).astype(float)
    data, raw = lgb.Dataset(rng.normal(size=(n_samples, 2)), y).construct(), rng.normal(size=y.size)
    objective = PAUCObjective(budget=0.01, beta=beta)
    objective(raw, data)
    entered = trace(lambda: objective(raw, data))
    files = [file for file, _ in entered]
    changes = sum(one != other for one, other in pairwise(files))
    assert len(entered) <= 36, entered
    assert changes <= 12, entered
    # Constants were checked when the objective was made.
    assert not [name for _, name in entered if name.startswith(("check", "__init__"))]


# --- what a loss returns stays its own ----------------------------------------------------


class HoldsItsHessian(Loss):
    """Returns the very array that it holds, and a hessian that nobody may write to."""

    def hold(self, rows):
        return np.full(rows.n_samples, 1.0 / rows.n_samples)

    def value(self, rows, held):
        return float(held @ (rows.raw - rows.target) ** 2 / 2)

    def derivatives(self, rows, held):
        return Derivatives(None, held * (rows.raw - rows.target), held)


class ReadOnly(HoldsItsHessian):
    """Returns an array that cannot be written to."""

    def derivatives(self, rows, held):
        return Derivatives(None, held * (rows.raw - rows.target), np.broadcast_to(0.1, len(held)))


@pytest.mark.parametrize("loss", [HoldsItsHessian(), ReadOnly()])
def test_what_a_loss_holds_is_not_written_to(loss):
    rows = loss.rows([0, 0, 1], [0.0, 1.0, 2.0])
    held = loss.hold(rows)
    before = held.copy()
    for _ in range(2):
        found = loss.derivatives(rows, held).dense(3, scale=1_000.0)
        np.testing.assert_allclose(found[0], 1_000 * before * (rows.raw - rows.target))
        np.testing.assert_array_equal(held, before)
    gradient, _ = BoosterObjective(OneVsRest(loss))([0, 1, 2], np.zeros((3, 3)))
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"target": "binry"}, "'target' parameter of Wrong must be one of"),
        ({"scale": "row"}, "'scale' parameter of Wrong must be one of"),
        ({"margins": 2}, "'margins' parameter of Wrong must be one of"),
    ],
)
def test_a_loss_that_declares_something_else_is_refused_at_once(declared, message):
    with pytest.raises(ValueError, match=message):
        type("Wrong", (Loss,), declared)
    with pytest.raises(TypeError, match="attribute 'reads' of Wrong must be a frozenset"):
        type("Wrong", (Loss,), {"reads": "value"})


def test_columns_of_another_length_are_refused(queries):
    X, y, group = queries
    objective = BoosterObjective(Grouped())
    with pytest.raises(ValueError, match=r"group must have one entry per sample: expected 300"):
        lgb.train({**LGB, "objective": objective.with_columns(group=group[:7])}, lgb.Dataset(X, y))
    with pytest.raises(ValueError, match=r"group must have one entry per sample: expected 300"):
        lgb.train({**LGB, "objective": objective.with_columns(group=[1])}, lgb.Dataset(X, y))
    with pytest.raises(ValueError, match=r"group must have shape \(n_samples,\)"):
        objective.with_columns(group=1)


def test_a_warm_up_may_need_a_column(queries):
    X, y, group = queries
    schedule = Schedule(warmup_rounds=2, warmup=Grouped())
    objective = BoosterObjective(PairwisePAUC(beta=1.0), schedule=schedule)
    with pytest.raises(ValueError, match="needs the column 'group'"):
        objective.loss(y, np.zeros(300))
    valued = objective.with_columns(group=group, value=np.ones(300))
    booster = lgb.train(
        {**LGB, "objective": valued}, lgb.Dataset(X, y), 5, callbacks=[LightGBMRounds()]
    )
    assert booster.num_trees() == 5
