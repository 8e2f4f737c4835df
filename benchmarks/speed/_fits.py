"""Times of whole fits, binning included: rows within reach, and the estimators as they come."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from skbudget.boosting import LightGBMPool, PAUCObjective, XGBoostPool
from skbudget.datasets import make_contested_top
from skbudget.metrics import coverage_at_budget_score

from ..study._sources import SHIPPED, Source, find_sources, read_source
from ._boosters import BUDGET, FIT_RATE, L2, N_FEATURES, _shifted_normals
from ._effort import Effort
from ._results import Turns
from ._timing import time_by_turns

__all__ = [
    "ESTIMATOR_TABLES",
    "fit_estimators",
    "fit_pool_lightgbm",
    "fit_pool_xgboost",
    "lightgbm_settings",
    "xgboost_settings",
]

POOL_POS_RATE = 0.0015
TABLE_POS_RATE = 0.005
N_TREES, TABLE_RATE = 200, 0.05
ESTIMATOR_TABLES = ("product", "radial", "linear")
ON_POOL, ON_ALL = "rows within reach", "all rows"


def _draw(kind: str, rows: int) -> tuple[NDArray[Any], NDArray[Any]]:
    if kind == "shifted normals":
        return _shifted_normals(rows, POOL_POS_RATE)
    X, y = make_contested_top(rows, pos_rate=POOL_POS_RATE, random_state=0)
    return X.astype(np.float32), y.astype(np.float32)


def lightgbm_settings(n_jobs: int) -> dict[str, Any]:
    """Return the parameters of whole fits with LightGBM."""
    return {
        "learning_rate": FIT_RATE,
        "lambda_l2": L2,
        "num_threads": n_jobs,
        "verbose": -1,
        "force_col_wise": True,
        "feature_pre_filter": False,
    }


def xgboost_settings(n_jobs: int) -> dict[str, Any]:
    """Return the parameters of whole fits with XGBoost."""
    return {"learning_rate": FIT_RATE, "reg_lambda": L2, "nthread": n_jobs}


def fit_pool_lightgbm(kind: str, n_rounds: int, effort: Effort) -> Turns:
    """Time LightGBM on the rows within reach, its binary loss, and all rows.

    Parameters
    ----------
    kind : {"shifted normals", "contested top"}
        How the rows are drawn.
    n_rounds : int
        Number of rounds.
    effort : Effort
        Sizes.

    Returns
    -------
    turns : Turns
        Times of whole fits, binning included, with the same trees.
    """
    import lightgbm as lgb

    X, y = _draw(kind, effort.fit_rows)
    settings = lightgbm_settings(effort.n_jobs)

    def train(objective: Any, callbacks: list[Any]) -> Any:
        data = lgb.Dataset(X, y, params=settings)
        params = {**settings, "objective": objective}
        return lgb.train(params, data, n_rounds, callbacks=callbacks)

    def on_pool() -> Any:
        pool = LightGBMPool(PAUCObjective(budget=BUDGET), X)
        return train(pool.objective, [pool])

    runs = {
        ON_POOL: on_pool,
        "binary": lambda: train("binary", []),
        ON_ALL: lambda: train(PAUCObjective(budget=BUDGET), []),
    }
    return _turns("LightGBM", kind, n_rounds, effort, runs)


def fit_pool_xgboost(kind: str, n_rounds: int, effort: Effort) -> Turns:
    """Time XGBoost on the rows within reach, its logistic loss, and all rows.

    The parameters and the result are those of `fit_pool_lightgbm`.
    """
    import xgboost as xgb

    X, y = _draw(kind, effort.fit_rows)
    settings = xgboost_settings(effort.n_jobs)

    def train(**given: Any) -> Any:
        data = xgb.QuantileDMatrix(X, y, nthread=effort.n_jobs)
        params = settings | given.pop("params", {})
        return xgb.train(params, data, n_rounds, **given)

    def on_pool() -> Any:
        pool = XGBoostPool(PAUCObjective(budget=BUDGET), X, n_rounds=n_rounds)
        return train(obj=pool.objective, callbacks=[pool])

    runs = {
        ON_POOL: on_pool,
        "binary:logistic": lambda: train(params={"objective": "binary:logistic"}),
        ON_ALL: lambda: train(obj=PAUCObjective(budget=BUDGET)),
    }
    return _turns("XGBoost", kind, n_rounds, effort, runs)


def _turns(
    library: str, kind: str, n_rounds: int, effort: Effort, runs: dict[str, Callable[[], Any]]
) -> Turns:
    return Turns(
        part="pool",
        setting=f"{library}, {kind}, {N_FEATURES} features, {100 * POOL_POS_RATE:g} % positives",
        rows=effort.fit_rows,
        seconds=time_by_turns(runs, effort.pairs),
        repeats=n_rounds,
        unit="round",
    )


# --- estimators ------------------------------------------------------------------------------


def fit_estimators(library: str, effort: Effort) -> list[Turns]:
    """Time a classifier as it comes, without a choice, and one fit of its parent with a penalty.

    Parameters
    ----------
    library : {"LightGBM", "XGBoost"}
        The booster.
    effort : Effort
        Sizes. The tables are contested tops, mammography, and those of the folder that the
        environment variable of the study names.

    Returns
    -------
    turns : list of Turns
        One for each table.
    """
    tables: dict[str, Callable[[], tuple[NDArray[Any], NDArray[Any]]]] = {
        f"contested top, {cue} cue": partial(_contested, cue, effort.table_rows)
        for cue in ESTIMATOR_TABLES
    }
    for source in (Source(SHIPPED), *find_sources(None, None)):
        tables[source.name] = partial(_real, source)
    return [_fit_table(library, name, draw, effort) for name, draw in tables.items()]


def _contested(cue: Any, rows: int) -> tuple[NDArray[Any], NDArray[Any]]:
    return make_contested_top(rows, pos_rate=TABLE_POS_RATE, cue=cue, random_state=0)


def _real(source: Source) -> tuple[NDArray[Any], NDArray[Any]]:
    data = read_source(source)
    return data.X, data.y


def _fit_table(
    library: str,
    name: str,
    draw: Callable[[], tuple[NDArray[Any], NDArray[Any]]],
    effort: Effort,
) -> Turns:
    X, y = draw()
    X, X_new, y, y_new = train_test_split(X, y, test_size=0.3, stratify=y, random_state=0)
    shared: dict[str, Any] = {
        "n_estimators": N_TREES,
        "learning_rate": TABLE_RATE,
        "reg_lambda": L2,
    }
    shared |= {"n_jobs": effort.n_jobs, "random_state": 0}
    if library == "LightGBM":
        from lightgbm import LGBMClassifier as Peer

        from skbudget.boosting import PAUCLGBMClassifier as Ours

        shared["verbose"] = -1
    else:
        from xgboost import XGBClassifier as Peer

        from skbudget.boosting import PAUCXGBClassifier as Ours
    models = {
        f"{Ours.__name__}, as it comes": Ours(budget=BUDGET, **shared),
        f"{Peer.__name__}, L2 {L2:g}": Peer(**shared),
        "without choice and calibration": Ours(
            budget=BUDGET, selection_cv=None, calibration_cv=None, **shared
        ),
    }
    seconds = time_by_turns({k: partial(one.fit, X, y) for k, one in models.items()}, effort.pairs)
    coverage = {}
    for label, model in models.items():
        is_ours = hasattr(model, "decision_function")
        scores = model.decision_function(X_new) if is_ours else model.predict_proba(X_new)[:, 1]
        coverage[label] = coverage_at_budget_score(y_new, scores, budget=BUDGET)
    return Turns(
        part="estimators",
        setting=f"{library}, {name}, {N_TREES} trees",
        rows=y.size,
        seconds=seconds,
        coverage=coverage,
    )
