"""Boosters on hidden positives: false positive rates at high recalls, by loss.

    python docs/examples/recall_losses.py [seeds] [test rows]

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
N_TREES, RATE, L2 = 200, 0.05, 5.0


def train_lightgbm(X, y, objective, **more):
    """Return a function that ranks rows by a model of LightGBM."""
    settings = {"num_leaves": 15, "learning_rate": RATE, "lambda_l2": L2, "num_threads": 1}
    settings |= {"objective": objective, "verbose": -1, **more}
    booster = lgb.train(settings, lgb.Dataset(X, y), N_TREES)
    return lambda X: booster.predict(X, raw_score=True)


def train_xgboost(X, y, objective=None):
    """Return a function that ranks rows by a model of XGBoost."""
    settings = {"max_depth": 4, "eta": RATE, "lambda": L2, "nthread": 1}
    if objective is None:
        settings["objective"] = "binary:logistic"
    else:
        settings["base_score"] = 0.0
    booster = xgb.train(settings, xgb.DMatrix(X, y), N_TREES, obj=objective)
    return lambda X: booster.predict(xgb.DMatrix(X), output_margin=True)


def recall(min_tpr, link="logistic"):
    """Return the objective for the lowest positives."""
    return BoosterObjective(RecallPAUC(min_tpr=min_tpr, link=link))


METHODS = {
    "LightGBM binary": lambda X, y: train_lightgbm(X, y, "binary"),
    "LightGBM binary, positives x 10": lambda X, y: train_lightgbm(
        X, y, "binary", scale_pos_weight=10
    ),
    "LightGBM binary, positives x 100": lambda X, y: train_lightgbm(
        X, y, "binary", scale_pos_weight=100
    ),
    "LightGBM whole AUC, min_tpr=0": lambda X, y: train_lightgbm(X, y, recall(0.0)),
    "LightGBM RecallPAUC, min_tpr=0.5": lambda X, y: train_lightgbm(X, y, recall(0.5)),
    "LightGBM RecallPAUC, min_tpr=0.8": lambda X, y: train_lightgbm(X, y, recall(0.8)),
    "LightGBM RecallPAUC, min_tpr=0.9": lambda X, y: train_lightgbm(X, y, recall(0.9)),
    "LightGBM RecallPAUC, min_tpr=0.95": lambda X, y: train_lightgbm(X, y, recall(0.95)),
    "LightGBM RecallPAUC, min_tpr=0.8, sigmoid": lambda X, y: train_lightgbm(
        X, y, recall(0.8, "sigmoid")
    ),
    "LightGBM PairwisePAUC, beta=0.015": lambda X, y: train_lightgbm(
        X, y, BoosterObjective(PairwisePAUC(beta=0.015))
    ),
    "XGBoost logistic": train_xgboost,
    "XGBoost RecallPAUC, min_tpr=0.8": lambda X, y: train_xgboost(X, y, recall(0.8)),
}


def main(n_seeds=2, n_test=101_000):
    """Train all methods on all seeds, and print the table."""
    found = {name: [] for name in [*METHODS, "the best possible score"]}
    for seed in range(n_seeds):
        X, y = make_hidden_positives(random_state=seed)
        X_test, y_test = make_hidden_positives(n_test, pos_rate=0.02, random_state=1_000 + seed)
        for name in found:
            score = METHODS[name](X, y) if name in METHODS else bayes_hidden_positives_score
            ranking = score(X_test)
            found[name].append([fpr_at_tpr_error(y_test, ranking, tpr=tpr) for tpr in RECALLS])

    half = t.ppf(0.975, max(n_seeds - 1, 1)) / np.sqrt(n_seeds)
    first = np.array(found["LightGBM binary"])
    ddof = 1 if n_seeds > 1 else 0
    print("| | 98 % | 95 % | 92 % | difference from the first at 98 % | at 95 % |")
    print("|---|---|---|---|---|---|")
    for name, rates in found.items():
        rates = np.array(rates)
        cells = [
            f"{mean:.3f} ± {error:.3f}"
            for mean, error in zip(rates.mean(axis=0), half * rates.std(axis=0, ddof=ddof))
        ]
        change = rates - first
        cells += [
            f"{mean:+.3f} ± {error:.3f}"
            for mean, error in zip(change.mean(axis=0), half * change.std(axis=0, ddof=ddof))
        ][:2]
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
