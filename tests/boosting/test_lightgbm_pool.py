"""Training LightGBM on the rows within reach: the derivatives are those of all rows."""

from __future__ import annotations

import tracemalloc

import lightgbm as lgb
import numpy as np
import pytest
from pool_tables import TABLES, contested, hurting
from scipy.sparse import csr_array
from sklearn.metrics import roc_auc_score

from skbudget import PAUCObjective, coverage_at_budget_score, make_contested_top
from skbudget.boosting import BoosterObjective, LightGBMPool, LightGBMRounds, _reach
from skbudget.objectives import BinaryCrossEntropy, PairwisePAUC, Rows, Schedule, TrapezoidPAUC

PARAMS = {
    "num_leaves": 15,
    "learning_rate": 0.1,
    "lambda_l2": 5.0,
    "verbose": -1,
    "num_threads": 1,
    "seed": 0,
}
N_ROUNDS = 60


def train_and_compare(objective, X, y, kept, n_rounds=N_ROUNDS, params=None, callbacks=()):
    """Train on a pool, and compare the derivatives of each round with those of all rows."""
    pool = LightGBMPool(objective, X)
    sizes = []

    def compared(raw, data):
        model, number = pool._env.model, pool._env.model.current_iteration()
        scores = np.full(y.size, 0.0 if kept.get("init_score") is None else kept["init_score"])
        if number:
            scores = scores + model.predict(X, raw_score=True)
        gradient, hessian = pool.objective(raw, data)
        index = pool._reach.index
        sizes.append(y.size if index is None else index.size)
        if pool._plain.schedule is not None:
            LightGBMRounds()(pool._env)
        found = objective(y, scores, kept.get("weight"))
        out = np.ones(y.size, dtype=bool)
        out[slice(None) if index is None else index] = False
        # The floor under hessians is no pull.
        assert np.abs(found[0][out]).max(initial=0.0) == 0.0
        for one, of_all in zip((gradient, hessian), found, strict=True):
            scale = np.abs(of_all).max()
            np.testing.assert_allclose(one, of_all[~out], rtol=1e-5, atol=2e-7 * scale)
        return gradient, hessian

    data = lgb.Dataset(X, y, params={"feature_pre_filter": False}, **kept)
    booster = lgb.train(
        {**PARAMS, **(params or {}), "objective": compared},
        data,
        n_rounds,
        callbacks=[pool, *callbacks],
    )
    return booster, pool, sizes


@pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))
def test_the_derivatives_of_every_round_are_those_of_all_rows(table, monkeypatch):
    # A pool for a few rounds at a time, from the start, worthwhile or not.
    monkeypatch.setattr(_reach.Reach, "_length", lambda *_: (3, 0.0))
    X, y, kept = table()
    booster, pool, sizes = train_and_compare(PAUCObjective(beta=0.02), X, y, kept)
    assert booster.num_trees() == N_ROUNDS == len(sizes)
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
def test_every_band_is_bounded(objective, monkeypatch):
    monkeypatch.setattr(_reach.Reach, "_length", lambda *_: (3, 0.0))
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
    pool = LightGBMPool(objective, X)
    found = []
    for chosen, callbacks in ((objective, []), (pool.objective, [pool])):
        data = lgb.Dataset(X, y, params={"feature_pre_filter": False})
        booster = lgb.train({**PARAMS, "objective": chosen}, data, 100, callbacks=callbacks)
        scores = booster.predict(X_new, raw_score=True)
        found.append(coverage_at_budget_score(y_new, scores, budget=0.01))
    assert found[1] == pytest.approx(found[0], abs=0.05)


@pytest.mark.parametrize(
    "objective", [BinaryCrossEntropy(), PairwisePAUC(tau_scale="iqr")], ids=str
)
def test_losses_that_all_rows_take_part_in_are_trained_on_all(objective):
    X, y, kept = contested()
    _, pool, sizes = train_and_compare(BoosterObjective(objective), X, y, kept, n_rounds=20)
    assert set(sizes) == {y.size}
    assert pool.work_.trained == 1.0


def test_scores_to_begin_from_sparse_rows_categories_and_missing_values():
    rng = np.random.default_rng(0)
    X, y, _ = contested()
    begin = {"init_score": rng.normal(size=y.size)}
    _, _, sizes = train_and_compare(PAUCObjective(beta=0.02), X, y, begin, n_rounds=40)
    assert min(sizes) < y.size
    sparse = csr_array(np.where(X > 0.5, X, 0.0))
    _, _, sizes = train_and_compare(PAUCObjective(beta=0.02), sparse, y, {}, n_rounds=40)
    assert min(sizes) < y.size
    X = np.where(rng.random(X.shape) < 0.1, np.nan, X)
    X[:, 3] = rng.integers(0, 30, y.size)
    kept = {"categorical_feature": [3]}
    _, _, sizes = train_and_compare(PAUCObjective(beta=0.02), X, y, kept, n_rounds=40)
    assert min(sizes) < y.size


def test_training_goes_on_from_a_model():
    X, y, _ = contested()
    objective = PAUCObjective(beta=0.02)
    first = lgb.train({**PARAMS, "objective": objective}, lgb.Dataset(X, y), 20)
    pool = LightGBMPool(objective, X)
    data = lgb.Dataset(X, y, params={"feature_pre_filter": False}, free_raw_data=False)
    params = {**PARAMS, "objective": pool.objective}
    booster = lgb.train(params, data, 30, init_model=first, callbacks=[pool])
    assert booster.num_trees() == 50
    assert pool.work_.trained < 1.0
    # Its raw scores are those that the pool knew.
    index = pool._reach.index
    known = pool._reach._score[index][pool._reach._at[index] == 49]
    assert known.size == 0 or np.isfinite(known).all()


def test_early_stopping_and_a_validation_set():
    X, y, _ = contested()
    X_new, y_new = make_contested_top(12_000, pos_rate=0.005, random_state=1)
    pool = LightGBMPool(PAUCObjective(beta=0.02), X)
    data = lgb.Dataset(X, y, params={"feature_pre_filter": False})
    record = {}
    booster = lgb.train(
        {**PARAMS, "objective": pool.objective, "metric": "auc"},
        data,
        200,
        valid_sets=[lgb.Dataset(X_new, y_new, reference=data)],
        callbacks=[pool, lgb.early_stopping(10, verbose=False), lgb.record_evaluation(record)],
    )
    assert booster.best_iteration > 0
    scores = booster.predict(X_new, raw_score=True, num_iteration=booster.best_iteration)
    assert max(record["valid_0"]["auc"]) == pytest.approx(roc_auc_score(y_new, scores))


# --- errors ----------------------------------------------------------------------------------


def test_what_cannot_be_trained_on_a_pool_is_refused():
    X, y, _ = contested()
    objective = PAUCObjective(beta=0.02)
    with pytest.raises(TypeError, match="needs a PAUCObjective.*'binary'"):
        LightGBMPool("binary", X)
    pool = LightGBMPool(objective, X)
    with pytest.raises(AttributeError, match="not trained yet"):
        pool.work_  # noqa: B018
    given = {**PARAMS, "objective": pool.objective}
    data = lgb.Dataset(X, y, params={"feature_pre_filter": False})
    with pytest.raises(ValueError, match=r"needs its callback: pass callbacks=\[pool\]"):
        lgb.train(given, data, 2)
    with pytest.raises(ValueError, match="feature_pre_filter=False alone"):
        lgb.train(given, lgb.Dataset(X, y), 2, callbacks=[pool])
    with pytest.raises(ValueError, match="boosting='dart'"):
        lgb.train({**given, "boosting": "dart"}, data, 2, callbacks=[pool])
    linear = lgb.Dataset(X, y, params={"feature_pre_filter": False, "linear_tree": True})
    with pytest.raises(ValueError, match="linear_tree"):
        lgb.train({**given, "linear_tree": True}, linear, 2, callbacks=[pool])
    short = LightGBMPool(objective, X[:100])
    with pytest.raises(ValueError, match="X has 100 rows, the Dataset 12000"):
        lgb.train({**given, "objective": short.objective}, data, 2, callbacks=[short])
    with pytest.raises(ValueError, match=r"cannot be used with lgb\.cv"):
        lgb.cv(given, lgb.Dataset(X, y), 2, nfold=2, callbacks=[pool])


def test_a_pool_serves_one_training():
    X, y, _ = contested()
    pool = LightGBMPool(PAUCObjective(beta=0.02), X)
    for _ in range(2):
        data = lgb.Dataset(X, y, params={"feature_pre_filter": False})
        booster = lgb.train({**PARAMS, "objective": pool.objective}, data, 30, callbacks=[pool])
        assert pool.work_.n_rounds == 30
    assert booster.num_trees() == 30


def test_complex_numbers_are_refused():
    X, _, _ = contested()
    with pytest.raises(ValueError, match="X of LightGBMPool must hold real numbers: got complex"):
        LightGBMPool(PAUCObjective(beta=0.02), X.astype(complex))


def test_a_share_counts_the_rows_that_rose_unseen():
    X, y, _ = hurting()
    pool = LightGBMPool(PAUCObjective(beta=0.02), X, 0.03)
    data = lgb.Dataset(X, y, params={"feature_pre_filter": False})
    lgb.train({**PARAMS, "objective": pool.objective}, data, 120, callbacks=[pool])
    assert pool.work_.trained < 0.3
    assert pool.work_.risen > 0.0


def test_each_round_needs_the_callback_and_its_own_objective():
    X, y, _ = contested()
    pool = LightGBMPool(PAUCObjective(beta=0.02), X)
    ours = {**PARAMS, "objective": pool.objective}

    def data(target):
        return lgb.Dataset(X, target, params={"feature_pre_filter": False})

    lgb.train(ours, data(y), 10, callbacks=[pool])
    # Other labels would not have been seen: those of the first training were trained on.
    with pytest.raises(ValueError, match=r"needs its callback: pass callbacks=\[pool\]"):
        lgb.train(ours, data(y[::-1]), 2)
    for other in ("binary", PAUCObjective(beta=0.02)):
        with pytest.raises(ValueError, match="its own objective alone"):
            lgb.train({**PARAMS, "objective": other}, data(y), 3, callbacks=[pool])
    assert lgb.train(ours, data(y), 3, callbacks=[pool]).num_trees() == 3


def test_a_pool_holds_few_bytes_a_row(monkeypatch):
    monkeypatch.setattr(_reach.Reach, "_length", lambda *_: (3, 0.0))
    n_rows = 300_000
    X, y = make_contested_top(n_rows, pos_rate=0.005, random_state=0)
    X = np.ascontiguousarray(X[:, :4])
    data = lgb.Dataset(X, y, params={"feature_pre_filter": False, "num_threads": 1}).construct()
    pool = LightGBMPool(PAUCObjective(beta=0.02), X)
    params = {**PARAMS, "objective": pool.objective}
    tracemalloc.start()
    try:
        lgb.train(params, data, 20, callbacks=[pool])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert pool.work_.n_pools > 2
    # LightGBM's scores, gradients and hessians, what is known of each row, and blocks of rows, for
    # a first pool of nearly all.
    assert peak < 60 * n_rows


def test_more_trees_than_two_bytes_count():
    target = np.arange(40_000) % 100 == 0
    reach = _reach.Reach(Rows(target, np.zeros(target.size)), 80_000, lambda *_: None)
    reach._know(np.zeros(target.size), 65_535)
    assert reach._at.dtype == np.uint16
    reach.index = _reach._where(target)
    reach._know(np.ones(reach.index.size), 70_000)
    assert reach._at.tolist() == np.where(target, 70_000, 65_535).tolist()
    reach._update(np.ones(target.size, dtype=bool), 70_000)
    assert set(reach._at.tolist()) == {70_000}
    # 4 465 trees for 99 of 100 rows.
    assert reach.work.passes == pytest.approx(0.99 * 4_465)


def test_rows_of_a_mask_are_counted_in_four_bytes():
    mask = np.random.default_rng(0).random(3 * _reach._BLOCK + 5) < 0.3
    found = _reach._where(mask)
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, np.flatnonzero(mask))
    assert _reach._where(mask[:0]).size == 0
