"""Whole examples in the manner of README.md."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import lightgbm as lgb
import xgboost as xgb
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skbudget
from skbudget import boosting, datasets

from ._boosters import REPEATABLE
from ._names import build
from ._record import Example, group


@group
def readme() -> Iterator[Example]:
    """Scores and figures of whole examples, on one thread."""
    new_table = datasets.make_contested_top

    def lightgbm() -> dict[str, Any]:
        X, y = new_table(50_000, pos_rate=0.003, random_state=0)
        X_new, y_new = new_table(50_000, pos_rate=0.003, random_state=1)
        params = {
            "objective": skbudget.pauc_objective,
            "lambda_l2": 5.0,
            "learning_rate": 0.05,
            **REPEATABLE,
        }
        model = lgb.train(params, lgb.Dataset(X, y), num_boost_round=100)
        scores = model.predict(X_new)
        coverage = skbudget.coverage_at_budget_score(y_new, scores, budget=0.005)
        return {"coverage": coverage, "scores": scores}

    def xgboost() -> dict[str, Any]:
        train = xgb.DMatrix(*new_table(50_000, pos_rate=0.003, random_state=0))
        valid = xgb.DMatrix(*new_table(50_000, pos_rate=0.003, random_state=1))
        params = {
            "reg_lambda": 5.0,
            "learning_rate": 0.05,
            "disable_default_eval_metric": True,
            "nthread": 1,
        }
        model = xgb.train(
            params,
            train,
            num_boost_round=200,
            obj=skbudget.PAUCObjective(budget=0.005),
            custom_metric=boosting.CoverageMetric(budget=0.005),
            evals=[(valid, "valid")],
            early_stopping_rounds=50,
            verbose_eval=False,
        )
        return {"best_score": model.best_score, "best_iteration": model.best_iteration}

    def classifier() -> dict[str, Any]:
        X, y = new_table(50_000, pos_rate=0.003, random_state=0)
        X_new, y_new = new_table(50_000, pos_rate=0.003, random_state=1)
        network = skbudget.PAUCClassifier(budget=0.005, random_state=0, device="cpu")
        scores = make_pipeline(StandardScaler(), network).fit(X, y).decision_function(X_new)
        coverage = skbudget.coverage_at_budget_score(y_new, scores, budget=0.005)
        return {"coverage": coverage, "scores": scores}

    def search() -> dict[str, Any]:
        X, y = new_table(20_000, pos_rate=0.01, random_state=0)
        model = build(
            skbudget.PAUCLGBMClassifier,
            budget=0.01,
            n_estimators=50,
            selection_cv=None,
            n_jobs=1,
            deterministic=True,
            force_col_wise=True,
            verbose=-1,
        )
        grid, scorer = {"min_split_gain": [0.0, 1.0]}, skbudget.make_coverage_scorer(budget=0.01)
        found = GridSearchCV(model, grid, scoring=scorer, cv=3).fit(X, y)
        return {
            "min_split_gain": found.best_params_["min_split_gain"],
            "best_score_": found.best_score_,
            "all scores": found.cv_results_["mean_test_score"],
        }

    def deploy() -> dict[str, Any]:
        X, y = new_table(50_000, pos_rate=0.003, random_state=0)
        X_new, _ = new_table(50_000, pos_rate=0.003, random_state=1)
        trees = lgb.LGBMClassifier(
            reg_lambda=5.0, n_jobs=1, deterministic=True, force_col_wise=True, verbose=-1
        )
        model = skbudget.BudgetThresholdClassifier(
            trees, budget=0.005, guarantee=0.95, random_state=0
        ).fit(X, y)
        found = {
            "flagged": model.predict(X_new).mean(),
            "coverage_": model.coverage_,
            "alerts": model.alerts(X_new, capacity=200),
            "threshold_": model.threshold_,
        }
        return {**found, "updated": model.update(X_new).threshold_}

    yield "lightgbm", lightgbm
    yield "xgboost", xgboost
    yield "classifier", classifier
    yield "search", search
    yield "deploy", deploy
