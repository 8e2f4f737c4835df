"""Training XGBoost on the rows within reach: the derivatives are those of all rows."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import xgboost as xgb
from pool_tables import TABLES, contested, hurting, weighted
from scipy.sparse import csr_array
from sklearn.metrics import roc_auc_score
from xgboost.callback import EarlyStopping, LearningRateScheduler, TrainingCallback

from skbudget import PAUCObjective, coverage_at_budget_score, make_contested_top
from skbudget.boosting import BoosterObjective, XGBoostPool, XGBoostRounds, _reach, _xgboost_pool
from skbudget.boosting._calls import WithColumns
from skbudget.objectives import BinaryCrossEntropy, PairwisePAUC, Schedule, TrapezoidPAUC

PARAMS = {"max_depth": 4, "eta": 0.1, "lambda": 5.0, "nthread": 1, "seed": 0}
N_ROUNDS = 60


def train_and_compare(
    objective, X, y, kept, n_rounds=N_ROUNDS, params=None, callbacks=(), made=xgb.QuantileDMatrix
):
    """Train on a pool, and compare the derivatives of each round with those of all rows."""
    pool = XGBoostPool(objective, X)
    data, sizes = made(X, y, nthread=1, **kept), []

    def compared(raw, some):
        model = pool._model
        gradient, hessian = pool.objective(raw, some)
        if pool._reach.index is None:
            index = np.arange(y.size)
        else:
            index = pool._reach.index
        sizes.append(index.size)
        scores = model.predict(data, output_margin=True, training=True)
        # XGBoost's own scores of the rows of the pool, to the last bit.
        np.testing.assert_array_equal(raw, scores[index])
        if pool._plain.schedule is not None:
            XGBoostRounds().before_iteration(model, 0, {})
        found = objective(y, scores, kept.get("weight"))
        out = np.ones(y.size, dtype=bool)
        out[index] = False
        # The floor under hessians is no pull.
        assert np.abs(found[0][out]).max(initial=0.0) == 0.0
        for one, of_all in zip((gradient, hessian), found, strict=True):
            scale = np.abs(of_all).max()
            np.testing.assert_allclose(one, of_all[~out], rtol=1e-5, atol=2e-7 * scale)
        # No leaf is greater than the bound says.
        reach, number = pool._reach, model.num_boosted_rounds()
        if number:
            last = model[number - 1 : number].trees_to_dataframe()
            greatest = last.loc[last["Feature"] == "Leaf", "Gain"].max()
            assert reach._gained[number] - reach._gained[number - 1] >= greatest
        return gradient, hessian

    booster = xgb.train(
        {**PARAMS, **(params or {})},
        data,
        n_rounds,
        obj=compared,
        callbacks=[pool, *callbacks],
    )
    assert "update" not in vars(booster)
    return booster, pool, sizes


@pytest.fixture
def often(monkeypatch):
    """A pool for a few rounds at a time, from the start, worthwhile or not."""
    monkeypatch.setattr(_reach.Reach, "_length", lambda *_: (3, 0.0))


@pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))
def test_the_derivatives_of_every_round_are_those_of_all_rows(table, often):
    X, y, kept = table()
    booster, pool, sizes = train_and_compare(PAUCObjective(beta=0.02), X, y, kept)
    assert booster.num_boosted_rounds() == N_ROUNDS == len(sizes)
    assert pool.work_.n_rounds == N_ROUNDS
    assert pool.work_.trained == pytest.approx(np.mean(sizes) / y.size)
    assert pool.work_.n_pools > 2
    assert 0.0 < pool.work_.rescored <= 1.0


@pytest.mark.parametrize(
    "objective",
    [
        PAUCObjective(beta=0.03, alpha=0.01),
        PAUCObjective(beta=0.03, basis="population"),
        PAUCObjective(beta=0.03, tau_scale="band"),
        PAUCObjective(budget=0.01, surrogate="trapezoid", n_knots=4),
        BoosterObjective(PairwisePAUC(beta=0.02, link="sigmoid")),
        BoosterObjective(TrapezoidPAUC(beta=0.02)),
        PAUCObjective(beta=0.02, schedule=Schedule(warmup_rounds=5)),
        PAUCObjective(beta=0.02, schedule=Schedule(beta_start=0.2, anneal_rounds=20)),
    ],
    ids=[
        "upper end",
        "population",
        "dispersion of the band",
        "trapezoid",
        "sigmoid",
        "trapezoid loss",
        "warm-up",
        "annealing",
    ],
)
def test_every_band_is_bounded(objective, often):
    X, y, kept = contested()
    _, pool, sizes = train_and_compare(objective, X, y, kept, n_rounds=40)
    assert pool.work_.n_pools > 2
    if "rapezoid" not in repr(objective):
        # Its leaves lift all rows, so that none gets out of reach for long.
        assert min(sizes) < 0.9 * y.size


def test_the_model_is_nearly_that_of_all_rows():
    X, y, _ = contested()
    X_new, y_new = make_contested_top(20_000, pos_rate=0.005, random_state=1)
    objective = PAUCObjective(budget=0.01)
    pool = XGBoostPool(objective, X)
    found = []
    for chosen, callbacks in ((objective, []), (pool.objective, [pool])):
        booster = xgb.train(PARAMS, xgb.QuantileDMatrix(X, y), 100, obj=chosen, callbacks=callbacks)
        scores = booster.predict(xgb.DMatrix(X_new), output_margin=True)
        found.append(coverage_at_budget_score(y_new, scores, budget=0.01))
    assert pool.work_.trained < 0.7
    assert found[1] == pytest.approx(found[0], abs=0.05)


@pytest.mark.parametrize(
    "objective", [BinaryCrossEntropy(), PairwisePAUC(tau_scale="iqr")], ids=str
)
def test_losses_that_all_rows_take_part_in_are_trained_on_all(objective):
    X, y, kept = contested()
    _, pool, sizes = train_and_compare(BoosterObjective(objective), X, y, kept, n_rounds=20)
    assert set(sizes) == {y.size}
    assert pool.work_.trained == 1.0


def _with_gaps():
    X, y, _ = contested()
    return np.where(np.random.default_rng(0).random(X.shape) < 0.1, np.nan, X), y


def _of_frame(kept):
    X, y = _with_gaps()
    X = pd.DataFrame(X[:, :6]).add_prefix("x")
    X["kind"] = pd.Categorical.from_codes(
        np.random.default_rng(1).integers(0, 30, y.size), [f"k{i}" for i in range(30)]
    )
    return X, y, {"enable_categorical": True, **kept}


def _of_codes():
    X, y = _with_gaps()
    X[:, 3] = np.random.default_rng(1).integers(0, 30, y.size)
    types = ["c" if i == 3 else "q" for i in range(X.shape[1])]
    return X, y, {"feature_types": types, "enable_categorical": True}


def _sparse():
    X, y, _ = contested()
    return csr_array(np.where(X > 0.5, X, 0.0)), y, {}


def _other_missing():
    X, y = _with_gaps()
    return np.nan_to_num(X, nan=-99.0), y, {"missing": -99.0, "max_bin": 64}


def _begun():
    X, y, _ = contested()
    return X, y, {"base_margin": np.random.default_rng(0).normal(size=y.size)}


@pytest.mark.parametrize(
    ("make", "params"),
    [
        (_begun, {}),
        (_sparse, {}),
        (lambda: _of_frame({}), {}),
        (_of_codes, {}),
        (_other_missing, {"max_bin": 64}),
        (contested, {"base_score": 2.0, "max_delta_step": 0.3, "min_child_weight": 0.01}),
        (contested, {"subsample": 0.7, "colsample_bynode": 0.5, "monotone_constraints": "(1)"}),
        (contested, {"grow_policy": "lossguide", "max_leaves": 15, "gamma": 0.01}),
        (lambda: (*contested()[:2], {"feature_weights": np.arange(1, 21)}), {}),
    ],
    ids=[
        "base margin",
        "sparse",
        "frame with categories",
        "categories in numbers",
        "missing value",
        "base score",
        "subsample",
        "leaf-wise",
        "feature weights",
    ],
)
def test_tables_and_parameters(make, params, often):
    X, y, kept = make()
    _, pool, sizes = train_and_compare(
        PAUCObjective(beta=0.02), X, y, kept, n_rounds=30, params=params
    )
    assert pool.work_.n_pools > 1
    assert min(sizes) < y.size


def test_a_plain_matrix_keeps_the_bins_of_the_first_round(often):
    X, y, _ = contested()
    _, pool, _ = train_and_compare(PAUCObjective(beta=0.02), X, y, {}, made=xgb.DMatrix)
    assert pool.work_.n_pools > 2


def test_values_and_the_mask_of_rows_that_count(often):
    X, y, _ = contested()
    rng = np.random.default_rng(0)
    mask = rng.random(y.size) < 0.7
    objective = WithColumns(BoosterObjective(PairwisePAUC(beta=0.02)), {"iid_mask": mask})
    pool = XGBoostPool(objective, X)
    data, n_compared = xgb.QuantileDMatrix(X, y), []

    def compared(raw, some):
        found = pool.objective(raw, some)
        scores = pool._model.predict(data, output_margin=True, training=True)
        of_all = objective(y, scores)
        index = slice(None) if pool._reach.index is None else pool._reach.index
        np.testing.assert_allclose(found[0], of_all[0][index], rtol=1e-5, atol=1e-7)
        n_compared.append(found[0].size)
        return found

    xgb.train(PARAMS, data, 30, obj=compared, callbacks=[pool])
    assert min(n_compared) < y.size
    weight = np.where(y == 1, rng.uniform(1.0, 3.0, y.size), 1.0)
    valued = PAUCObjective(beta=0.02, weight_of_positives="value")
    _, pool, _ = train_and_compare(valued, X, y, {"weight": weight}, n_rounds=30)
    assert pool.work_.n_pools > 1


def test_training_goes_on_from_a_model(often):
    X, y, _ = contested()
    objective = PAUCObjective(beta=0.02)
    # Of other bins.
    first = xgb.train(PARAMS, xgb.QuantileDMatrix(X[::2], y[::2]), 20, obj=objective)
    pool, data = XGBoostPool(objective, X), xgb.QuantileDMatrix(X, y)

    def compared(raw, some):
        found = pool.objective(raw, some)
        scores = pool._model.predict(data, output_margin=True, training=True)
        index = slice(None) if pool._reach.index is None else pool._reach.index
        np.testing.assert_array_equal(raw, scores[index])
        return found

    booster = xgb.train(PARAMS, data, 30, obj=compared, xgb_model=first, callbacks=[pool])
    assert booster.num_boosted_rounds() == 50
    assert pool.work_.n_pools > 2
    with pytest.raises(ValueError, match=r"the bins of an xgboost\.QuantileDMatrix: got a DMatrix"):
        xgb.train(
            PARAMS, xgb.DMatrix(X, y), 2, obj=pool.objective, xgb_model=first, callbacks=[pool]
        )


def test_early_stopping_evaluation_sets_and_learning_rates():
    X, y, _ = contested()
    X_new, y_new = make_contested_top(12_000, pos_rate=0.005, random_state=1)
    pool, record = XGBoostPool(PAUCObjective(beta=0.02), X), {}
    data = xgb.QuantileDMatrix(X, y)
    new = xgb.DMatrix(X_new, y_new)
    booster = xgb.train(
        {**PARAMS, "eval_metric": "auc", "disable_default_eval_metric": True},
        data,
        200,
        obj=pool.objective,
        evals=[(data, "all"), (new, "new")],
        evals_result=record,
        verbose_eval=False,
        callbacks=[
            pool,
            EarlyStopping(rounds=10, data_name="new"),
            LearningRateScheduler(lambda epoch: 0.1 * 0.99**epoch),
        ],
    )
    assert pool.work_.trained < 1.0
    scores = booster.predict(new, iteration_range=(0, booster.best_iteration + 1))
    assert max(record["new"]["auc"]) == pytest.approx(roc_auc_score(y_new, scores))
    # The metric of the training set is that of all rows.
    scores = booster.predict(data, output_margin=True)
    assert record["all"]["auc"][-1] == pytest.approx(roc_auc_score(y, scores))


def test_the_classifier_of_xgboost_with_weights():
    X, y, kept = weighted()
    pool = XGBoostPool(PAUCObjective(budget=0.01), X)
    model = xgb.XGBClassifier(
        n_estimators=60, max_depth=4, n_jobs=1, objective=pool.objective, callbacks=[pool]
    )
    model.fit(X, y, sample_weight=kept["weight"], eval_set=[(X, y)], verbose=False)
    assert pool.work_.trained < 1.0
    assert pool.work_.n_rounds == 60
    scores = model.predict(X, output_margin=True)
    assert coverage_at_budget_score(y, scores, budget=0.01) > 0.3


class _Watch(TrainingCallback):
    """Keeps the booster, copies it in every round, and may fail."""

    def __init__(self, fails_at=None):
        super().__init__()
        self.fails_at = fails_at

    def after_iteration(self, model, epoch, evals_log):
        self.model = model
        assert "update" not in vars(model)
        again = pickle.loads(pickle.dumps(model))
        assert again.num_boosted_rounds() == copy.deepcopy(model).num_boosted_rounds() == epoch + 1
        if epoch == self.fails_at:
            raise KeyboardInterrupt
        return False


def test_no_model_keeps_the_update_of_the_pool():
    X, y, _ = contested()
    pool, data = XGBoostPool(PAUCObjective(beta=0.02), X), xgb.QuantileDMatrix(X, y)
    watch = _Watch(fails_at=12)
    with pytest.raises(KeyboardInterrupt):
        xgb.train(PARAMS, data, 30, obj=pool.objective, callbacks=[watch, pool])
    assert "update" not in vars(watch.model)

    def failing(raw, some):
        raise OSError("of the user")

    with pytest.raises(OSError, match="of the user"):
        xgb.train(PARAMS, data, 30, obj=failing, callbacks=[_Watch(), pool])
    # The objective is not that of the interrupted training.
    with pytest.raises(ValueError, match=r"pass callbacks=\[pool\]"):
        xgb.train(PARAMS, data, 2, obj=pool.objective)
    booster = xgb.train(PARAMS, data, 15, obj=pool.objective, callbacks=[pool, _Watch()])
    assert booster.num_boosted_rounds() == pool.work_.n_rounds == 15


# --- errors ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"booster": "dart"}, "booster='dart'"),
        ({"booster": "gblinear", "max_depth": None}, "booster='gblinear'"),
        ({"tree_method": "exact"}, "needs tree_method='hist': got 'exact'"),
        ({"tree_method": "approx"}, "needs tree_method='hist': got 'approx'"),
        ({"num_parallel_tree": 3}, "num_parallel_tree=3"),
        ({"process_type": "update", "updater": "prune"}, "with updater='prune'"),
    ],
    ids=["dart", "linear", "exact", "approx", "forest", "update"],
)
def test_parameters_that_a_pool_cannot_serve_are_refused(params, message):
    X, y, _ = contested()
    X, y = X[::4], y[::4]
    pool, data = XGBoostPool(PAUCObjective(beta=0.02), X), xgb.DMatrix(X, y)
    first = None
    if "process_type" in params:
        first = xgb.train(PARAMS, data, 2)
    with pytest.raises(ValueError, match=message):
        xgb.train(
            {**PARAMS, **params}, data, 2, obj=pool.objective, xgb_model=first, callbacks=[pool]
        )


def test_what_cannot_be_trained_on_a_pool_is_refused(often):
    X, y, _ = contested()
    objective = PAUCObjective(beta=0.02)
    with pytest.raises(TypeError, match="needs a PAUCObjective.*'binary'"):
        XGBoostPool("binary", X)
    pool, data = XGBoostPool(objective, X), xgb.QuantileDMatrix(X, y)
    with pytest.raises(AttributeError, match="not trained yet"):
        pool.work_  # noqa: B018
    with pytest.raises(ValueError, match=r"needs its callback: pass callbacks=\[pool\]"):
        xgb.train(PARAMS, data, 2, obj=pool.objective)
    for other in (None, objective):
        with pytest.raises(ValueError, match=r"pass obj=pool\.objective to xgb\.train"):
            xgb.train(PARAMS, data, 2, obj=other, callbacks=[pool])
    short = XGBoostPool(objective, X[:100])
    with pytest.raises(ValueError, match="X has 100 rows, the QuantileDMatrix 12000"):
        xgb.train(PARAMS, data, 2, obj=short.objective, callbacks=[short])
    narrow = XGBoostPool(objective, X[:, :5])
    with pytest.raises(ValueError, match="X has 5 columns, the QuantileDMatrix 20"):
        xgb.train(PARAMS, data, 2, obj=narrow.objective, callbacks=[narrow])
    for bad in (None, X[0], X[None], "X"):
        with pytest.raises(ValueError, match="X of XGBoostPool must be a table of shape"):
            XGBoostPool(objective, bad)
    with pytest.raises(ValueError, match="X of XGBoostPool must hold real numbers: got complex"):
        XGBoostPool(objective, X.astype(complex))
    turned = XGBoostPool(objective, X[::-1])
    with pytest.raises(ValueError, match="in their order: their scores are others"):
        xgb.train(PARAMS, data, 20, obj=turned.objective, callbacks=[turned])
    with pytest.raises(ValueError, match=r"cannot be used with xgb\.cv"):
        xgb.cv(PARAMS, xgb.DMatrix(X, y), 2, nfold=2, obj=pool.objective, callbacks=[pool])
    with pytest.raises(ValueError, match=r"cannot be used with xgb\.cv"):
        xgb.cv(PARAMS, xgb.DMatrix(X, y), 2, nfold=2, obj=pool.objective)
    grouped = xgb.QuantileDMatrix(X, y, group=[6_000, 6_000])
    with pytest.raises(ValueError, match="leave the queries out of the QuantileDMatrix"):
        xgb.train(PARAMS, grouped, 2, obj=pool.objective, callbacks=[pool])
    classes = XGBoostPool(BoosterObjective(PairwisePAUC(beta=0.02)), X)
    several = xgb.QuantileDMatrix(X, np.arange(y.size) % 3)
    with pytest.raises(ValueError, match="needs one score a row: got scores of shape"):
        xgb.train(
            {**PARAMS, "num_class": 3}, several, 2, obj=classes.objective, callbacks=[classes]
        )


def test_a_pool_serves_several_trainings():
    X, y, _ = contested()
    pool = XGBoostPool(PAUCObjective(beta=0.02), X)
    for _ in range(2):
        data = xgb.QuantileDMatrix(X, y)
        booster = xgb.train(PARAMS, data, 30, obj=pool.objective, callbacks=[pool])
        assert pool.work_.n_rounds == 30
    assert booster.num_boosted_rounds() == 30


def test_complex_numbers_are_refused():
    X, _, _ = contested()
    with pytest.raises(ValueError, match="X of XGBoostPool must hold real numbers: got complex"):
        XGBoostPool(PAUCObjective(beta=0.02), X.astype(complex))


def test_what_is_no_pool_is_refused():
    X, _, _ = contested()
    for pool in (None, 1.0, 0, "all", True):
        with pytest.raises(ValueError, match="'pool' parameter of XGBoostPool"):
            XGBoostPool(PAUCObjective(beta=0.02), X, pool)


def test_a_share_counts_the_rows_that_rose_unseen():
    X, y, _ = hurting()
    pool = XGBoostPool(PAUCObjective(beta=0.02), X, 0.03, n_rounds=120)
    data = xgb.QuantileDMatrix(X, y)
    xgb.train(PARAMS, data, 120, obj=pool.objective, callbacks=[pool])
    assert pool.work_.trained < 0.3
    assert pool.work_.risen > 0.0


def test_many_rows_are_handed_over_in_batches(often, monkeypatch):
    X, y, kept = weighted()
    begin = np.random.default_rng(3).normal(size=y.size)
    found = []
    for most in (_xgboost_pool._MANY_ROWS, 0):
        monkeypatch.setattr(_xgboost_pool, "_MANY_ROWS", most)
        data = xgb.QuantileDMatrix(X, y, nthread=1, base_margin=begin, **kept)
        pool = XGBoostPool(PAUCObjective(beta=0.02), X)
        booster = xgb.train(PARAMS, data, 30, obj=pool.objective, callbacks=[pool])
        found.append(booster.predict(data, output_margin=True))
    assert pool.work_.n_pools > 2
    np.testing.assert_array_equal(*found)
