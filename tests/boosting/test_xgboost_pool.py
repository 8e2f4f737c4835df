"""Training XGBoost on the rows within reach: the derivatives are those of all rows."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
import xgboost as xgb
from scipy.sparse import csr_array

from skbudget import PAUCObjective, coverage_at_budget_score, make_contested_top
from skbudget.boosting import BoosterObjective, XGBoostPool, XGBoostRounds, _reach
from skbudget.objectives import BinaryCrossEntropy, PairwisePAUC, Schedule

PARAMS = {"max_depth": 4, "learning_rate": 0.1, "reg_lambda": 5.0, "nthread": 1, "seed": 0}
N_ROUNDS = 40
BAND = PAUCObjective(beta=0.02)


def contested():
    X, y = make_contested_top(12_000, pos_rate=0.005, random_state=0)
    return X, y, {}


def tied():
    """Few distinct rows, so that every score is that of many."""
    X, y, _ = contested()
    return np.floor(X), y, {}


def weighted():
    X, y, _ = contested()
    weight = np.random.default_rng(1).integers(0, 4, y.size) + np.where(y == 1, 1.0, 0.0)
    return X, y, {"weight": weight}


def hurting():
    """Negatives of the bulk that only late trees tell from positives, and lift up."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(12_000, 4))
    y = np.zeros(12_000, dtype=int)
    y[:100] = 1
    X[:60, 0] += 6.0
    # The other positives are in a corner of the bulk, with as many negatives.
    X[60:140, 1:] = 2.0 + 0.3 * X[60:140, 1:]
    X[140:4_000, 0] += 3.0
    return X, y, {}


TABLES = {"contested": contested, "ties": tied, "weights": weighted, "late risers": hurting}


class Compared(XGBoostPool):
    """A pool that compares the derivatives of each round with those of all rows."""

    def __init__(self, objective, X, data, **given):
        super().__init__(objective, X, **given)
        self.original, self.data, self.sizes, self.gained = objective, data, [], [0.0]

    def _boost(self, model, table, iteration, gradient, hessian):
        index, n_rows = self._reach.index, self.data.num_row()
        self.sizes.append(n_rows if index is None else index.size)
        scores = model.predict(self.data, output_margin=True, training=True)
        if self._plain.schedule is not None:
            XGBoostRounds().before_iteration(model, iteration, {})
        found = self.original(scores, self.data)
        out = np.ones(n_rows, dtype=bool)
        out[slice(None) if index is None else index] = False
        # The floor under hessians is no pull.
        assert np.abs(found[0][out]).max(initial=0.0) == 0.0
        for one, of_all in zip((gradient, hessian), found, strict=True):
            scale = np.abs(of_all).max()
            np.testing.assert_allclose(one, of_all[~out], rtol=1e-5, atol=2e-7 * scale)
        super()._boost(model, table, iteration, gradient, hessian)
        self.gained.append(self._gained)


def train_and_compare(objective, X, y, kept, n_rounds=N_ROUNDS, make=xgb.QuantileDMatrix, **given):
    data = make(X, y, **kept)
    pool = Compared(objective, X, data, n_rounds=n_rounds)
    booster = xgb.train(
        PARAMS | given, data, n_rounds, obj=pool.objective, callbacks=[pool], verbose_eval=False
    )
    assert booster.num_boosted_rounds() == n_rounds == len(pool.sizes)
    return booster, pool


@pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))
def test_the_derivatives_of_every_round_are_those_of_all_rows(table, monkeypatch):
    # A pool for a few rounds at a time, from the start, worthwhile or not.
    monkeypatch.setattr(_reach.Reach, "_length", lambda *_: (3, 0.0))
    booster, pool = train_and_compare(BAND, *table())
    assert pool.work_.n_rounds == N_ROUNDS
    assert pool.work_.n_pools > 2
    assert min(pool.sizes) < 12_000
    # No leaf is above what the rise of the scores says, up to rounding.
    leaves = booster.trees_to_dataframe()
    greatest = leaves[leaves.Feature == "Leaf"].groupby("Tree").Gain.max().to_numpy()
    risen = np.diff(pool.gained)[1:]
    np.testing.assert_allclose(risen, greatest[:-1], atol=1e-5)
    assert (risen >= greatest[:-1]).all()


@pytest.mark.parametrize(
    "objective",
    [
        PAUCObjective(beta=0.03, basis="population"),
        PAUCObjective(beta=0.03, tau_scale="band"),
        PAUCObjective(budget=0.01, surrogate="trapezoid", n_knots=4),
        PAUCObjective(beta=0.02, schedule=Schedule(warmup_rounds=5)),
    ],
    ids=["population", "dispersion of the band", "trapezoid", "warm-up"],
)
def test_every_band_is_bounded(objective, monkeypatch):
    monkeypatch.setattr(_reach.Reach, "_length", lambda *_: (3, 0.0))
    _, pool = train_and_compare(objective, *contested(), n_rounds=25)
    assert pool.work_.n_pools > 2


@pytest.mark.parametrize("make", [xgb.DMatrix, xgb.QuantileDMatrix])
def test_both_kinds_of_matrix(make):
    X, y, _ = contested()
    _, pool = train_and_compare(BAND, X, y, {}, make=make)
    assert min(pool.sizes) < y.size


def test_scores_to_begin_from_sparse_rows_categories_and_missing_values():
    rng = np.random.default_rng(0)
    X, y, _ = contested()
    begin = {"base_margin": rng.normal(size=y.size)}
    _, pool = train_and_compare(BAND, X, y, begin)
    assert min(pool.sizes) < y.size
    sparse = csr_array(np.where(X > 0.5, X, 0.0))
    _, pool = train_and_compare(BAND, sparse, y, {})
    assert min(pool.sizes) < y.size
    frame = pd.DataFrame(np.where(rng.random(X.shape) < 0.1, np.nan, X)).add_prefix("f")
    frame["f3"] = pd.Categorical(rng.integers(0, 30, y.size))
    _, pool = train_and_compare(BAND, frame, y, {"enable_categorical": True})
    assert min(pool.sizes) < y.size
    _, pool = train_and_compare(BAND, X, y, {}, subsample=0.5, colsample_bytree=0.5)
    assert min(pool.sizes) < y.size


def test_the_model_is_nearly_that_of_all_rows_and_an_ordinary_one():
    X, y, _ = contested()
    X_new, y_new = make_contested_top(20_000, pos_rate=0.005, random_state=1)
    pool = XGBoostPool(BAND, X)
    found = []
    for chosen, callbacks in ((BAND, []), (pool.objective, [pool])):
        booster = xgb.train(PARAMS, xgb.QuantileDMatrix(X, y), 100, obj=chosen, callbacks=callbacks)
        scores = booster.inplace_predict(X_new, predict_type="margin")
        found.append(coverage_at_budget_score(y_new, scores, budget=0.01))
    assert found[1] == pytest.approx(found[0], abs=0.05)
    assert "update" not in vars(booster)
    again = pickle.loads(pickle.dumps(booster))
    np.testing.assert_array_equal(again.inplace_predict(X_new, predict_type="margin"), scores)


@pytest.mark.parametrize("loss", [BinaryCrossEntropy(), PairwisePAUC(tau_scale="iqr")], ids=str)
def test_losses_that_all_rows_take_part_in_are_trained_on_all(loss):
    X, y, kept = contested()
    _, pool = train_and_compare(BoosterObjective(loss), X, y, kept, n_rounds=20)
    assert set(pool.sizes) == {y.size}


def test_training_goes_on_from_a_model_and_stops_early():
    X, y, _ = contested()
    X_new, y_new = make_contested_top(12_000, pos_rate=0.005, random_state=1)
    data = xgb.QuantileDMatrix(X, y)
    first = xgb.train(PARAMS, data, 20, obj=BAND)
    pool = Compared(BAND, X, data)
    booster = xgb.train(
        PARAMS | {"eval_metric": "auc"},
        data,
        200,
        obj=pool.objective,
        callbacks=[pool],
        xgb_model=first,
        evals=[(xgb.QuantileDMatrix(X_new, y_new, ref=data), "new")],
        early_stopping_rounds=10,
        verbose_eval=False,
    )
    assert 20 < booster.num_boosted_rounds() < 220
    assert booster.best_iteration > 0
    assert min(pool.sizes) < y.size


# --- errors ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"booster": "dart"}, "booster='dart'"),
        ({"booster": "gblinear"}, "booster='gblinear'"),
        ({"num_parallel_tree": 3}, "num_parallel_tree=3"),
        ({"tree_method": "exact"}, "tree_method='hist': got 'exact'"),
    ],
)
def test_what_cannot_be_trained_on_a_pool_is_refused(params, words):
    X, y, _ = contested()
    pool = XGBoostPool(BAND, X)
    with pytest.raises(ValueError, match=words):
        xgb.train(PARAMS | params, xgb.DMatrix(X, y), 2, obj=pool.objective, callbacks=[pool])


def test_what_is_no_pool_is_refused():
    X, y, _ = contested()
    data = xgb.QuantileDMatrix(X, y)
    with pytest.raises(TypeError, match="needs a PAUCObjective.*'binary'"):
        XGBoostPool("binary", X)
    for pool in (None, 1.0, 0, "all", True):
        with pytest.raises(ValueError, match="'pool' parameter of XGBoostPool"):
            XGBoostPool(BAND, X, pool)
    pool = XGBoostPool(BAND, X)
    with pytest.raises(AttributeError, match="not trained yet"):
        pool.work_  # noqa: B018
    with pytest.raises(ValueError, match=r"needs its callback: pass callbacks=\[pool\]"):
        xgb.train(PARAMS, data, 2, obj=pool.objective)
    short = XGBoostPool(BAND, X[:100])
    with pytest.raises(ValueError, match="X has 100 rows, the DMatrix 12000"):
        xgb.train(PARAMS, data, 2, obj=short.objective, callbacks=[short])
    with pytest.raises(ValueError, match=r"cannot be used with xgboost\.cv"):
        xgb.cv(PARAMS, xgb.DMatrix(X, y), 2, nfold=2, obj=pool.objective, callbacks=[pool])


def test_a_share_counts_the_rows_that_rose_unseen():
    X, y, _ = hurting()
    pool = XGBoostPool(BAND, X, 0.03)
    data = xgb.QuantileDMatrix(X, y)
    xgb.train(PARAMS, data, 120, obj=pool.objective, callbacks=[pool])
    assert pool.work_.trained < 0.3
    assert pool.work_.risen > 0.0
