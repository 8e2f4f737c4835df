"""Examples of the estimators of `skbudget.boosting`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from skbudget import boosting

from ._boosters import new_schedule
from ._names import build
from ._objectives import mining
from ._record import Example, group
from ._rows import columns_of, learnt

# Parameters, and the columns of the rows that `fit` is given.
CLASSIFIERS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "default": ({}, ()),
    "weight": ({}, ("sample_weight",)),
    "value": ({}, ("value",)),
    "weight-and-value": ({}, ("sample_weight", "value")),
    "random-state": ({"random_state": 3}, ()),
    "folds": ({"selection_cv": 2, "calibration_cv": 4}, ()),
    "no-selection": ({"selection_cv": None}, ()),
    "no-calibration": ({"calibration_cv": None}, ("sample_weight",)),
    "neither": ({"selection_cv": None, "calibration_cv": None}, ()),
    "neither-value": ({"selection_cv": None, "calibration_cv": None}, ("value",)),
    "trapezoid": ({"surrogate": "trapezoid", "n_knots": 3, "selection_cv": None}, ()),
    "sigmoid": ({"link": "sigmoid", "alpha": 0.001}, ()),
    "population": ({"basis": "population"}, ("sample_weight",)),
    "iqr": ({"tau_scale": "iqr", "temperature": 0.5, "selection_cv": None}, ()),
    "beta": ({"beta": 0.1}, ()),
    "whole": ({"beta": 1.0, "selection_cv": None}, ()),
}


def _booster_classifier(name: str) -> tuple[type, dict[str, Any]]:
    if name == "lightgbm":
        settings = {"n_jobs": 1, "deterministic": True, "force_col_wise": True, "verbose": -1}
        return boosting.PAUCLGBMClassifier, settings
    return boosting.PAUCXGBClassifier, {"n_jobs": 1}


def new_classifier(name: str, **params: Any) -> Any:
    kind, settings = _booster_classifier(name)
    return build(kind, **{"budget": 0.02, "n_estimators": 10, **settings, **params})


def _what_it_learnt(model: Any, X: Any) -> dict[str, Any]:
    """Return scores of new rows, and those fitted numbers that the model has."""
    found = {"decision_function": model.decision_function(X)}
    if hasattr(model, "predict_proba"):
        found["predict_proba"] = model.predict_proba(X)
        found["predict"] = model.predict(X)
    for name in ("beta_", "min_split_gain_", "num_leaves_", "gamma_", "max_leaves_"):
        if hasattr(model, name):
            found[name] = getattr(model, name)
    return found


@group
def booster_classifier() -> Iterator[Example]:
    """The classifiers for LightGBM and XGBoost."""

    def fit(name: str, params: dict[str, Any], columns: tuple[str, ...]) -> dict[str, Any]:
        rows = learnt()
        model = new_classifier(name, **params)
        model.fit(rows.X, rows.y, **columns_of(rows, columns))
        return _what_it_learnt(model, rows.X_new)

    def own_objective(name: str, kind: str) -> dict[str, Any]:
        rows = learnt()
        of = boosting.BoosterObjective(mining(top_fraction=0.1))
        model = new_classifier(name, objective=of)
        given = {"value": rows.value} if kind == "value" else {}
        return _what_it_learnt(model.fit(rows.X, rows.y, **given), rows.X_new)

    def scheduled(name: str) -> dict[str, Any]:
        rows = learnt()
        model = new_classifier(name, schedule=new_schedule("everything"))
        return _what_it_learnt(model.fit(rows.X, rows.y), rows.X_new)

    def evaluated(name: str, *, of_value: bool) -> dict[str, Any]:
        rows = learnt()
        model = new_classifier(name, selection_cv=None)
        given: dict[str, Any] = {"eval_set": [(rows.X_new, rows.y_new)]}
        if of_value:
            values = np.random.default_rng(2).lognormal(size=rows.y_new.size)
            given["value"] = rows.value
            given["eval_value" if name == "lightgbm" else "value_eval_set"] = [values]
        model.fit(rows.X, rows.y, **given)
        found = _what_it_learnt(model, rows.X_new)
        history = model.evals_result_ if name == "lightgbm" else model.evals_result()
        ((found["coverage"],),) = ([*of_set.values()] for of_set in history.values())
        return found

    def labels(name: str) -> dict[str, Any]:
        rows = learnt()
        model = new_classifier(name, selection_cv=None)
        model.fit(rows.X, np.where(rows.y == 1, "fraud", "fair"))
        return _what_it_learnt(model, rows.X_new)

    def frame(name: str) -> dict[str, Any]:
        rows = learnt()
        X, X_new = (
            pd.DataFrame(part[:, 1:], columns=[f"c{k}" for k in range(1, part.shape[1])]).assign(
                kind=pd.Categorical.from_codes((part[:, 0] > 0.5).astype(int), ["low", "high"])
            )
            for part in (rows.X, rows.X_new)
        )
        params = {"enable_categorical": True} if name == "xgboost" else {}
        model = new_classifier(name, selection_cv=None, **params)
        return _what_it_learnt(model.fit(X, rows.y), X_new)

    def sparse(name: str) -> dict[str, Any]:
        rows = learnt()
        X, X_new = (csr_matrix(np.where(part > 0.3, part, 0.0)) for part in (rows.X, rows.X_new))
        model = new_classifier(name, selection_cv=None)
        return _what_it_learnt(model.fit(X, rows.y), X_new)

    def few_rows(name: str) -> dict[str, Any]:
        rows = learnt()
        kept = np.concatenate([np.flatnonzero(rows.y == 1)[:6], np.flatnonzero(rows.y == 0)[:300]])
        return _what_it_learnt(new_classifier(name).fit(rows.X[kept], rows.y[kept]), rows.X_new)

    def continued(name: str) -> dict[str, Any]:
        rows = learnt()
        model = new_classifier(name, calibration_cv=None, selection_cv=None)
        model.fit(rows.X, rows.y)
        earlier = model.booster_ if name == "lightgbm" else model.get_booster()
        given = {"init_model" if name == "lightgbm" else "xgb_model": earlier}
        further = new_classifier(name, calibration_cv=None).fit(rows.X, rows.y, **given)
        return _what_it_learnt(further, rows.X_new)

    def class_weight(weights: Any) -> dict[str, Any]:
        rows = learnt()
        model = new_classifier("lightgbm", class_weight=weights)
        return _what_it_learnt(model.fit(rows.X, rows.y, rows.weight), rows.X_new)

    def start(name: str) -> dict[str, Any]:
        rows = learnt()
        given = {"init_score" if name == "lightgbm" else "base_margin": 0.3 * rows.X[:, 0]}
        model = new_classifier(name).fit(rows.X, rows.y, **given)
        return _what_it_learnt(model, rows.X_new)

    def fixed(name: str) -> dict[str, Any]:
        params = {"min_split_gain": 0.5, "num_leaves": 7}
        if name == "xgboost":
            params = {"gamma": 0.5, "max_leaves": 7}
        return fit(name, params, ())

    for name in ("lightgbm", "xgboost"):
        for case, (params, columns) in CLASSIFIERS.items():
            yield f"{name}/{case}", partial(fit, name, params, columns)
        for kind in ("plain", "value"):
            yield f"{name}/own-objective/{kind}", partial(own_objective, name, kind)
        yield f"{name}/schedule", partial(scheduled, name)
        yield f"{name}/eval-set", partial(evaluated, name, of_value=False)
        yield f"{name}/eval-set/value", partial(evaluated, name, of_value=True)
        yield f"{name}/labels", partial(labels, name)
        yield f"{name}/data-frame", partial(frame, name)
        yield f"{name}/sparse", partial(sparse, name)
        yield f"{name}/few-rows", partial(few_rows, name)
        yield f"{name}/continued", partial(continued, name)
        yield f"{name}/starting-score", partial(start, name)
        yield f"{name}/fixed", partial(fixed, name)
    yield "lightgbm/class-weight/balanced", partial(class_weight, "balanced")
    yield "lightgbm/class-weight/dict", partial(class_weight, {0: 1.0, 1: 5.0})


@group
def dask() -> Iterator[Example]:
    """XGBoost on two workers of Dask. Each holds one half of the rows."""

    def compute() -> dict[str, Any]:
        from dask import array as da
        from dask import delayed
        from dask.distributed import Client, LocalCluster

        rows = learnt(3_000)
        columns = {"sample_weight": rows.weight + 0.5, "value": rows.value}
        cases: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
            "default": ({}, ()),
            "weight": ({}, ("sample_weight",)),
            "value": ({}, ("value",)),
            "population": ({"basis": "population", "tau_scale": "iqr"}, ("sample_weight",)),
            "sharp": ({"temperature": 1e-4, "alpha": 0.01, "beta": 0.2}, ()),
            "sharp-weight": ({"temperature": 1e-4, "beta": 0.2}, ("sample_weight",)),
            "trapezoid": ({"surrogate": "trapezoid", "n_knots": 4}, ()),
            "whole": ({"beta": 1.0}, ()),
            "schedule": ({"schedule": new_schedule("everything")}, ()),
            "mining": ({"objective": boosting.BoosterObjective(mining())}, ()),
            "eval": ({}, ("sample_weight",)),
            "eval-value": ({}, ("value",)),
        }
        # There are so few values that the workers' quantiles equal those of the whole table.
        X, X_new = np.round(rows.X * 4) / 4, np.round(rows.X_new * 4) / 4
        half = rows.y.size // 2
        found = {}
        with (
            LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
            Client(cluster) as client,
        ):
            workers = sorted(client.scheduler_info()["workers"])

            def spread(column: np.ndarray) -> Any:
                """Put each half on a worker of its own, under a name that is new to the cluster."""
                halves = []
                for part, worker in zip((column[:half], column[half:]), workers):
                    held = delayed(client.scatter(part, workers=[worker], hash=False))
                    halves.append(da.from_delayed(held, part.shape, part.dtype))
                return da.concatenate(halves)

            for name, (params, names) in cases.items():
                model = build(
                    boosting.DaskPAUCXGBClassifier,
                    **{"budget": 0.02, "n_estimators": 8, "n_jobs": 1, **params},
                )
                given = {key: spread(columns[key]) for key in names}
                if "eval" in name:
                    given["eval_set"] = [(spread(X), spread(rows.y))]
                if "eval-value" in name:
                    given["value_eval_set"] = [spread(rows.value)]
                model.fit(spread(X), spread(rows.y), **given)
                new_rows = da.from_array(X_new, chunks=X_new.shape)
                found[name] = model.decision_function(new_rows).compute()
                if "eval" in name:
                    ((found[f"{name}, coverage"],),) = (
                        [*of_set.values()] for of_set in model.evals_result_.values()
                    )
        return found

    yield "two-workers", compute
