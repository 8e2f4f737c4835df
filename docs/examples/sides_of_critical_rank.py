"""Both sides of `CriticalRank` where the top is contested: coverage of a budget, and FPR.

``python docs/examples/sides_of_critical_rank.py`` prints the table of docs/recall_losses.md.
It takes about a minute.
"""

import sys

import lightgbm as lgb
import numpy as np

from skbudget import PAUCObjective, coverage_at_budget_score, make_contested_top
from skbudget.boosting import BoosterObjective
from skbudget.metrics import fpr_at_tpr_error
from skbudget.objectives import CriticalRank

OBJECTIVES = {
    "cross-entropy": "binary",
    "partial AUC": PAUCObjective(budget=0.005),
    '`CriticalRank(side="negatives")`': BoosterObjective(CriticalRank("negatives")),
    "whole AUC, `CriticalRank(power=1)`": BoosterObjective(CriticalRank(power=1)),
    '`CriticalRank(side="positives")`': BoosterObjective(CriticalRank("positives")),
}
PARAMS = {"verbose": -1, "learning_rate": 0.05, "num_leaves": 15, "lambda_l2": 5.0}


def measure(seed):
    """Return coverage at 0.5 %, and FPR at 92, 95 and 98 % TPR, by objective."""
    X, y = make_contested_top(60_000, cue="product", random_state=seed)
    X_new, y_new = make_contested_top(100_000, cue="product", random_state=100 + seed)
    found = {}
    for name, objective in OBJECTIVES.items():
        booster = lgb.train({**PARAMS, "objective": objective}, lgb.Dataset(X, y), 200)
        scores = booster.predict(X_new, raw_score=True)
        found[name] = [
            coverage_at_budget_score(y_new, scores, budget=0.005),
            *(fpr_at_tpr_error(y_new, scores, tpr=tpr) for tpr in (0.92, 0.95, 0.98)),
        ]
    return found


def main(seeds):
    """Print the means over seeds, with the least and the greatest."""
    runs = [measure(seed) for seed in seeds]
    print("| objective | coverage at 0.5 % | FPR at 92 % | at 95 % | at 98 % |")
    print("|---|---|---|---|---|")
    for name in OBJECTIVES:
        columns = zip(*(run[name] for run in runs))
        cells = [f"{np.mean(k):.3f} ({np.min(k):.3f} to {np.max(k):.3f})" for k in columns]
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main([int(seed) for seed in sys.argv[1:]] or range(3))
