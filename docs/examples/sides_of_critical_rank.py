"""Both sides of `CriticalRank` where the top is contested: coverage of a budget, and FPR.

``python docs/examples/sides_of_critical_rank.py`` prints the table of docs/recall_losses.md.
It takes about two minutes.
"""

import lightgbm as lgb
import numpy as np

from skbudget import PAUCObjective, coverage_at_budget_score, make_contested_top
from skbudget.boosting import BoosterObjective
from skbudget.metrics import fpr_at_tpr_error
from skbudget.objectives import CriticalRank

OBJECTIVES = {
    "cross-entropy": "binary",
    "partial AUC": PAUCObjective(budget=0.005),
    'CriticalRank(side="negatives")': BoosterObjective(CriticalRank("negatives")),
    'CriticalRank(side="positives", power=1)': BoosterObjective(CriticalRank(power=1)),
    'CriticalRank(side="positives")': BoosterObjective(CriticalRank("positives")),
}
PARAMS = {"verbose": -1, "learning_rate": 0.05, "num_leaves": 15, "lambda_l2": 5.0}

found = {name: [] for name in OBJECTIVES}
for seed in range(3):
    X, y = make_contested_top(60_000, cue="product", random_state=seed)
    X_new, y_new = make_contested_top(100_000, cue="product", random_state=100 + seed)
    for name, objective in OBJECTIVES.items():
        booster = lgb.train({**PARAMS, "objective": objective}, lgb.Dataset(X, y), 200)
        scores = booster.predict(X_new, raw_score=True)
        found[name].append(
            [
                coverage_at_budget_score(y_new, scores, budget=0.005),
                *(fpr_at_tpr_error(y_new, scores, tpr=tpr) for tpr in (0.92, 0.95, 0.98)),
            ]
        )
print("coverage at 0.5 %, FPR at TPR 92 %, 95 %, 98 %: mean of 3 seeds (range)")
for name, rows in found.items():
    cells = [f"{np.mean(k):.3f} ({np.min(k):.3f} to {np.max(k):.3f})" for k in zip(*rows)]
    print(f"| {name} | {' | '.join(cells)} |")
