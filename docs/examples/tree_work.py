"""Count the rows that the histograms of a tree are built from, for two objectives.

XGBoost builds the histogram of the smaller child of a node. It subtracts this histogram
from that of the node to get the histogram of the other child. So the time of a tree is that
of the rows in the smaller children.

Run it with ``python docs/examples/tree_work.py``. It uses a million rows, or the number that
you add.
"""

import sys

import numpy as np
import xgboost as xgb

from skbudget import PAUCObjective

ROUNDS, EVERY = 100, 5


def smaller_children(booster, data):
    """Return the rows in the smaller children of every fifth tree, as passes over the table."""
    leaves = booster.predict(data, pred_leaf=True).astype(int)
    splits = booster.trees_to_dataframe().query("Feature != 'Leaf'")
    passes = []
    for tree in range(0, ROUNDS, EVERY):
        rows = np.bincount(leaves[:, tree], minlength=leaves.max() + 1)
        moved = 0
        # The numbers of children are greater than that of their parent.
        for split in splits[splits.Tree == tree][::-1].itertuples():
            yes, no = (int(child.split("-")[1]) for child in (split.Yes, split.No))
            rows[split.Node] = rows[yes] + rows[no]
            moved += min(rows[yes], rows[no])
        passes.append(moved / data.num_row())
    return float(np.mean(passes))


def main():
    """Train with both objectives and print the work of their trees."""
    n_rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_rows, 20), dtype=np.float32)
    y = np.zeros(n_rows, dtype=np.float32)
    y[rng.choice(n_rows, round(0.0015 * n_rows), replace=False)] = 1
    X[y == 1, :3] += 1.5
    data = xgb.QuantileDMatrix(X, y)
    params = {"reg_lambda": 5.0, "learning_rate": 0.1, "tree_method": "hist"}
    for name, how in {
        "binary:logistic": {"params": {**params, "objective": "binary:logistic"}},
        "PAUCObjective": {"params": params, "obj": PAUCObjective(budget=0.005)},
    }.items():
        booster = xgb.train(dtrain=data, num_boost_round=ROUNDS, **how)
        print(f"{name}: {smaller_children(booster, data):.2f} passes over the table in a tree")


if __name__ == "__main__":
    main()
