"""Boosters on hidden positives: false positive rates at high recalls, by loss.

    python docs/examples/recall_losses.py [seeds] [test rows] [trees]

Each seed draws its own training table (300 positives, 30 000 negatives) and its own test table.
Differences are paired by seed. Intervals are those of the t distribution.
"""

import sys

import lightgbm as lgb
import numpy as np
import xgboost as xgb
from scipy.stats import t

from skbudget.boosting import BoosterObjective
from skbudget.datasets import bayes_hidden_positives_score, make_hidden_positives
from skbudget.metrics import fpr_at_tpr_error
from skbudget.objectives import PairwisePAUC, RecallPAUC

RECALLS = (0.98, 0.95, 0.92)
RATE, L2 = 0.05, 5.0


def train_lightgbm(X, y, n_trees, objective, **more):
    """Return a function that ranks rows by a model of LightGBM."""
    settings = {"num_leaves": 15, "learning_rate": RATE, "lambda_l2": L2, "num_threads": 1}
    settings |= {"objective": objective, "verbose": -1, **more}
    booster = lgb.train(settings, lgb.Dataset(X, y), n_trees)
    return lambda X: booster.predict(X, raw_score=True)


def train_xgboost(X, y, n_trees, objective=None):
    """Return a function that ranks rows by a model of XGBoost."""
    settings = {"max_depth": 5, "eta": RATE, "lambda": L2, "nthread": 1}
    if objective is None:
        settings["objective"] = "binary:logistic"
    else:
        settings["base_score"] = 0.0
    booster = xgb.train(settings, xgb.DMatrix(X, y), n_trees, obj=objective)
    return lambda X: booster.predict(xgb.DMatrix(X), output_margin=True)


def know_best(X, y, n_trees):
    """Return the best possible score."""
    return bayes_hidden_positives_score


def recall(min_tpr):
    """Return the objective for the lowest positives."""
    return {"objective": BoosterObjective(RecallPAUC(min_tpr=min_tpr))}


BINARY = {"objective": "binary"}
BAND = {"objective": BoosterObjective(PairwisePAUC(beta=0.015))}
METHODS = {
    "LightGBM binary": (train_lightgbm, BINARY),
    "the same, positives x 10": (train_lightgbm, {**BINARY, "scale_pos_weight": 10}),
    "the same, positives x 100": (train_lightgbm, {**BINARY, "scale_pos_weight": 100}),
    "LightGBM `RecallPAUC(min_tpr=0)`, the whole AUC": (train_lightgbm, recall(0.0)),
    "LightGBM `RecallPAUC(min_tpr=0.5)`": (train_lightgbm, recall(0.5)),
    "LightGBM `RecallPAUC(min_tpr=0.8)`": (train_lightgbm, recall(0.8)),
    "LightGBM `RecallPAUC(min_tpr=0.9)`": (train_lightgbm, recall(0.9)),
    "LightGBM `PairwisePAUC(beta=0.015)`": (train_lightgbm, BAND),
    "XGBoost logistic": (train_xgboost, {}),
    "XGBoost `RecallPAUC(min_tpr=0.8)`": (train_xgboost, recall(0.8)),
    "the best possible score": (know_best, {}),
}


def shown(values, form):
    """Return means and half intervals of columns, one row per seed."""
    n_seeds = len(values)
    half = t.ppf(0.975, max(n_seeds - 1, 1)) / np.sqrt(n_seeds)
    spread = values.std(axis=0, ddof=min(n_seeds - 1, 1))
    return [f"{mean:{form}} ± {half * one:.3f}" for mean, one in zip(values.mean(axis=0), spread)]


def main(n_seeds=3, n_test=202_000, n_trees=200):
    """Train all methods on all seeds, and print the table."""
    found = {name: [] for name in METHODS}
    for seed in range(n_seeds):
        X, y = make_hidden_positives(random_state=seed)
        X_test, y_test = make_hidden_positives(n_test, random_state=99 + seed)
        for name, (train, settings) in METHODS.items():
            score = train(X, y, n_trees, **settings)(X_test)
            found[name].append([fpr_at_tpr_error(y_test, score, tpr=tpr) for tpr in RECALLS])

    first = np.array(found["LightGBM binary"])
    print("| | 98 % | 95 % | 92 % | difference from the first at 98 % | at 95 % |")
    print("|---|---|---|---|---|---|")
    for name, rates in found.items():
        rates = np.array(rates)
        cells = shown(rates, ".3f") + shown(rates - first, "+.3f")[:2]
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
