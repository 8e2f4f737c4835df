"""Trains both boosters and a network with each toy loss by name, and prints what came out."""

import json
import sys
import warnings
from pathlib import Path

import numpy as np

warnings.simplefilter("ignore")

import lightgbm as lgb
import xgboost as xgb
from sklearn.preprocessing import StandardScaler

import skbudget
from skbudget.boosting import BoosterObjective, PAUCLGBMClassifier, PAUCXGBClassifier
from skbudget.neural import PAUCClassifier
from skbudget.objectives import WeightedSum, available, find_loss

sys.path.insert(0, sys.argv[1])  # the folder of the page of the losses
import available_losses

rng = np.random.default_rng(0)
n = 600
X = StandardScaler().fit_transform(rng.normal(size=(n, 4)))
noise = 0.5 * rng.normal(size=n)
binary = (X[:, 0] + noise > 1.0).astype(int)
levels = np.digitize(X[:, 0] + noise, [-0.5, 0.8])
group = np.repeat(np.arange(n // 10), 10)
process = rng.integers(0, 3, n)
DATA = {
    "toy_regulariser": (binary, {}),
    "toy_process": (binary, {"process": process}),
    "toy_group": (binary, {"group": group}),
    "toy_ordinal": (levels, {}),
    "toy_regression": (X[:, 0] + noise, {}),
}
LGB = {"verbose": -1, "num_threads": 1, "num_leaves": 7}
XGB = {"nthread": 1, "max_depth": 3}


def worth(margin, y):
    """Rank correlation of a score and the target."""
    margin = np.asarray(margin)
    score = margin if margin.ndim == 1 else margin.sum(axis=1)
    return float(np.corrcoef(np.argsort(np.argsort(score)), y)[0, 1])


found = {}
for name, (y, columns) in DATA.items():
    loss = find_loss(name)
    if name == "toy_regulariser":
        loss = WeightedSum(((1.0, find_loss("pairwise_pauc", beta=1.0)), (0.1, loss)))
    objective = BoosterObjective(loss).with_columns(**columns)
    shape = {"num_class": 2} if name == "toy_ordinal" else {}
    booster = lgb.train({**LGB, **shape, "objective": objective}, lgb.Dataset(X, y), 30)
    data = xgb.DMatrix(X, y)
    xgb_booster = xgb.train({**XGB, **shape}, data, 30, obj=objective)
    scores = {
        "lightgbm": booster.predict(X, raw_score=True),
        "xgboost": xgb_booster.predict(data, output_margin=True),
    }
    by_name = loss if name == "toy_regulariser" else name
    few = {"n_estimators": 30, "selection_cv": None, "n_jobs": 1}
    for key, model in {
        "PAUCLGBMClassifier": PAUCLGBMClassifier(objective=by_name, verbose=-1, **few),
        "PAUCXGBClassifier": PAUCXGBClassifier(objective=by_name, **few),
        "PAUCClassifier": PAUCClassifier(
            loss=by_name,
            n_members=2,
            max_epochs=40,
            batch_size=200,
            weight_decay=0.0,
            input_decay=0.0,
            lr=1e-2,
            random_state=0,
        ),
    }.items():
        scores[key] = model.fit(X, y, **columns).decision_function(X)
    found[name] = {key: worth(score, y) for key, score in scores.items()}

page = available_losses.render()
print(
    json.dumps(
        {
            "package": str(Path(skbudget.__file__).parent),
            "available": available(),
            "in_the_table": [name for name in DATA if f"``{name}``" in page],
            "worth": found,
        }
    )
)
