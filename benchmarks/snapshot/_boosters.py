"""Examples of the objectives of `skbudget.boosting`, called and trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import lightgbm as lgb
import numpy as np
import xgboost as xgb

from skbudget import boosting, objectives

from ._names import build
from ._objectives import cross_entropy, mining, pairwise, sum_of_three, sum_of_two
from ._record import Example, group
from ._rows import SIZES, learnt, scored, three_classes

PAUC: dict[str, dict[str, Any]] = {
    "default": {},
    "budget": {"budget": 0.02},
    "alpha": {"alpha": 0.005, "beta": 0.05},
    "wide": {"beta": 0.3},
    "whole": {"beta": 1.0, "link": "sigmoid"},
    "trapezoid": {"budget": 0.02, "surrogate": "trapezoid", "n_knots": 5},
    "population": {"budget": 0.02, "basis": "population"},
    "iqr": {"budget": 0.02, "tau_scale": "iqr", "temperature": 0.5},
    "width": {"beta": 0.1, "tau_scale": "band"},
}
SCHEDULES: dict[str, dict[str, Any]] = {
    "warmup": {"warmup_rounds": 3},
    "blend": {"warmup_rounds": 2, "blend_rounds": 4},
    "anneal": {"anneal_rounds": 8, "beta_start": 0.5, "temperature_start": 2.0},
    "everything": {
        "warmup_rounds": 2,
        "blend_rounds": 3,
        "anneal_rounds": 6,
        "beta_start": 0.5,
        "temperature_start": 2.0,
    },
}


def _pauc(**params: Any) -> Any:
    return build(boosting.PAUCObjective, **params)


def new_schedule(name: str) -> Any:
    return build(objectives.Schedule, **SCHEDULES[name])


def _mining_schedule() -> Any:
    return objectives.Schedule(warmup_rounds=3, blend_rounds=2, warmup=mining(top_fraction=0.1))


BOOSTER_OBJECTIVES: dict[str, Callable[..., Any]] = {
    **{name: partial(_pauc, **params) for name, params in PAUC.items()},
    "mining": lambda **p: boosting.BoosterObjective(objective=mining(), **p),
    "cross-entropy": lambda **p: boosting.BoosterObjective(cross_entropy("balanced"), **p),
    "sum-of-two": lambda **p: boosting.BoosterObjective(sum_of_two(), **p),
    "sum-of-three": lambda **p: boosting.BoosterObjective(sum_of_three(), **p),
}
# Kinds of call, which differ in scores and weights.
CALLS = ("plain", "float32", "weight", "float32 weight", "value", "ties")


@group
def booster_objective() -> Iterator[Example]:
    """Objectives called with arrays, with a Dataset and with a DMatrix."""

    def call(make: Callable[..., Any], n_rows: int, kind: str) -> dict[str, Any]:
        rows = scored(n_rows)
        raw, weight, params = rows.raw, None, {}
        if "float32" in kind:
            raw = raw.astype(np.float32)
        if kind == "ties":
            raw = raw.round(1)
        if "weight" in kind:
            weight = rows.weight.astype(np.float32) if "float32" in kind else rows.weight
        if kind == "value":
            weight = np.where(rows.y == 1, rows.value, rows.weight)
            params = {"weight_of_positives": "value"}
        of = make(**params)
        gradient, hessian = of(rows.y, raw, weight)
        return {
            "gradient": gradient,
            "hessian": hessian,
            "loss": of.loss(rows.y, raw, weight),
        }

    def shipped() -> dict[str, Any]:
        rows = scored(5_000)
        gradient, hessian = boosting.pauc_objective(rows.y, rows.raw)
        return {"gradient": gradient, "hessian": hessian}

    def data(booster: str, make: Callable[..., Any], *, of_value: bool) -> dict[str, Any]:
        rows = scored(5_000)
        of = make(weight_of_positives="value") if of_value else make()
        weight = np.where(rows.y == 1, rows.value, 1.0) if of_value else rows.weight
        X = rows.raw.reshape(-1, 1).astype(np.float32)
        if booster == "lightgbm":
            given = lgb.Dataset(X, rows.y, weight=weight, params={"verbose": -1, "num_threads": 1})
        else:
            given = xgb.DMatrix(X, rows.y, weight=weight, nthread=1)
        gradient, hessian = of(rows.raw.astype(np.float32), given)
        return {"gradient": gradient, "hessian": hessian}

    def classes(make: Callable[..., Any], n_rows: int, *, weighted: bool) -> dict[str, Any]:
        rng = np.random.default_rng(3)
        raw = rng.normal(size=(n_rows, 3))
        y = np.argmax(raw + rng.gumbel(size=raw.shape), axis=1).astype(np.float32)
        weight = rng.choice([0.5, 1.0, 2.0], n_rows) if weighted else None
        gradient, hessian = make()(y, raw, weight)
        return {"gradient": gradient, "hessian": hessian}

    def scheduled(name: str, make: Callable[..., Any]) -> dict[str, Any]:
        rows, schedule = scored(5_000), new_schedule(name)
        of = make(schedule=schedule)
        given = (rows.y, rows.raw, rows.weight)
        return {
            "loss": [of.loss(*given, iteration=k) for k in range(12)],
            "gradients": [
                schedule.at(k, pairwise(beta=0.05)).gradient_hessian(*given) for k in range(12)
            ],
        }

    yield "pauc_objective", shipped
    for name, make in BOOSTER_OBJECTIVES.items():
        for n_rows in SIZES:
            for kind in CALLS:
                yield f"{name}/{n_rows}/{kind}", partial(call, make, n_rows, kind)
        for weighted in (False, True):
            for n_rows in (300, 30_000):
                yield (
                    f"{name}/classes/{n_rows}{'/weight' if weighted else ''}",
                    partial(classes, make, n_rows, weighted=weighted),
                )
        for booster in ("lightgbm", "xgboost"):
            for of_value in (False, True):
                kind = "value" if of_value else "weight"
                yield (
                    f"{name}/{booster}-data/{kind}",
                    partial(data, booster, make, of_value=of_value),
                )
    for name in SCHEDULES:
        yield f"schedule/{name}", partial(scheduled, name, _pauc)
        yield f"schedule/{name}/sigmoid", partial(scheduled, name, partial(_pauc, link="sigmoid"))


@group
def coverage_metric() -> Iterator[Example]:
    """Coverage as an evaluation metric, called in each form."""

    def compute(n_rows: int, basis: Any, *, of_value: bool) -> dict[str, Any]:
        rows = scored(n_rows)
        kind: Any = "value" if of_value else "rows"
        metric = boosting.CoverageMetric(0.02, basis, kind)
        weight = np.where(rows.y == 1, rows.value, 1.0) if of_value else rows.weight
        X = rows.raw.reshape(-1, 1)
        table = lgb.Dataset(X, rows.y, weight=weight, params={"verbose": -1, "num_threads": 1})
        matrix = xgb.DMatrix(X, rows.y, weight=weight, nthread=1)
        raw = rows.raw.astype(np.float32)
        return {
            "alone": metric(rows.y, raw),
            "weight": metric(rows.y, raw, sample_weight=weight),
            "lightgbm classifier": metric(rows.y, raw, weight, None)[1],
            "lightgbm": metric(raw, table)[1],
            "xgboost": metric(raw, matrix)[1],
        }

    for n_rows in (200, 5_000):
        for basis in ("population", "fpr"):
            for of_value in (False, True):
                yield (
                    f"{n_rows}/{basis}/{'value' if of_value else 'rows'}",
                    partial(compute, n_rows, basis, of_value=of_value),
                )


REPEATABLE = {"deterministic": True, "force_col_wise": True, "num_threads": 1, "verbose": -1}
LIGHTGBM = {**REPEATABLE, "lambda_l2": 5.0, "learning_rate": 0.1, "num_leaves": 15}
XGBOOST = {"nthread": 1, "tree_method": "hist", "reg_lambda": 5.0, "learning_rate": 0.1}
ROUNDS = 25


def _train(
    booster: str,
    objective: Any,
    weight: np.ndarray | None = None,
    *,
    y: np.ndarray | None = None,
    **params: Any,
) -> dict[str, Any]:
    """Train, and return scores of new rows and the gradients of every round."""
    rows = learnt()
    target = rows.y if y is None else y
    gradients: list[Any] = []

    def recorded(predicted: Any, data: Any) -> Any:
        answer = objective(predicted, data)
        gradients.append(answer)
        return answer

    if booster == "lightgbm":
        model = lgb.train(
            {**LIGHTGBM, **params, "objective": recorded},
            lgb.Dataset(rows.X, target, weight=weight),
            num_boost_round=ROUNDS,
            callbacks=[boosting.LightGBMRounds()],
        )
        scores = model.predict(rows.X_new, raw_score=True)
    else:
        model = xgb.train(
            {**XGBOOST, **params},
            xgb.DMatrix(rows.X, target, weight=weight, nthread=1),
            num_boost_round=ROUNDS,
            obj=recorded,
            callbacks=[boosting.XGBoostRounds()],
        )
        scores = model.predict(xgb.DMatrix(rows.X_new, nthread=1), output_margin=True)
    return {"scores": scores, "gradients": np.array(gradients)}


def _coverage_by_round(booster: str) -> dict[str, Any]:
    rows, metric = learnt(), boosting.CoverageMetric(0.02)
    history: dict[str, Any] = {}
    if booster == "lightgbm":
        train = lgb.Dataset(rows.X, rows.y)
        lgb.train(
            {**LIGHTGBM, "objective": boosting.pauc_objective, "metric": "None"},
            train,
            num_boost_round=ROUNDS,
            valid_sets=[lgb.Dataset(rows.X_new, rows.y_new, reference=train)],
            feval=metric,
            callbacks=[lgb.record_evaluation(history)],
        )
    else:
        xgb.train(
            {**XGBOOST, "disable_default_eval_metric": True},
            xgb.DMatrix(rows.X, rows.y, nthread=1),
            num_boost_round=ROUNDS,
            obj=boosting.pauc_objective,
            custom_metric=metric,
            evals=[(xgb.DMatrix(rows.X_new, rows.y_new, nthread=1), "valid")],
            evals_result=history,
            verbose_eval=False,
        )
    ((values,),) = ([*of_set.values()] for of_set in history.values())
    return {"coverage": values}


def _cross_validated(booster: str) -> dict[str, Any]:
    rows, metric = learnt(), boosting.CoverageMetric(0.02)
    objective = _pauc(budget=0.02, schedule=new_schedule("everything"))
    if booster == "lightgbm":
        found = lgb.cv(
            {**LIGHTGBM, "objective": objective, "metric": "None"},
            lgb.Dataset(rows.X, rows.y),
            num_boost_round=10,
            nfold=3,
            seed=0,
            feval=metric,
            callbacks=[boosting.LightGBMRounds()],
        )
    else:
        found = xgb.cv(
            {**XGBOOST, "disable_default_eval_metric": True},
            xgb.DMatrix(rows.X, rows.y, nthread=1),
            num_boost_round=10,
            nfold=3,
            stratified=True,
            seed=0,
            obj=objective,
            custom_metric=metric,
            callbacks=[boosting.XGBoostRounds()],
            as_pandas=False,
        )
    return dict(found)


@group
def booster() -> Iterator[Example]:
    """Models that ``train`` and ``cv`` of both boosters fit with the objectives."""

    def train(name: str, make: Callable[..., Any], kind: str) -> dict[str, Any]:
        rows = learnt()
        if kind == "weight":
            return _train(name, make(), rows.weight)
        if kind == "value":
            weight = np.where(rows.y == 1, rows.value, 1.0)
            return _train(name, make(weight_of_positives="value"), weight)
        if kind == "classes":
            return _train(name, make(), y=three_classes(rows), num_class=3)
        return _train(name, make())

    def scheduled(name: str, make: Callable[..., Any], schedule: Callable[[], Any]) -> Any:
        return _train(name, make(schedule=schedule()))

    for name in ("lightgbm", "xgboost"):
        yield f"{name}/coverage-by-round", partial(_coverage_by_round, name)
        yield f"{name}/cv", partial(_cross_validated, name)
        for of, make in BOOSTER_OBJECTIVES.items():
            for kind in ("plain", "weight", "value"):
                yield f"{name}/{of}/{kind}", partial(train, name, make, kind)
        for of in ("budget", "mining"):
            yield f"{name}/{of}/classes", partial(train, name, BOOSTER_OBJECTIVES[of], "classes")
        for of in SCHEDULES:
            make = partial(_pauc, budget=0.02)
            yield (
                f"{name}/schedule/{of}",
                partial(scheduled, name, make, partial(new_schedule, of)),
            )
        yield (
            f"{name}/schedule/mining",
            partial(scheduled, name, partial(_pauc, budget=0.02), _mining_schedule),
        )
