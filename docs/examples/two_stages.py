"""Two stages on contested tops: what a cheap first stage loses, and what the second one covers.

    python docs/examples/two_stages.py [seeds] [training rows] [test rows] [picture]

Each seed draws its own training table (1 % positives) and its own test table, for each cue. The
first stage keeps 5 % of the rows and the second one 0.5 %. Differences from one model that ranks
all rows are paired by seed. Intervals are those of the t distribution.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
from lightgbm import LGBMClassifier
from scipy.stats import t
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbudget import PAUCLGBMClassifier, coverage_at_budget_score, make_contested_top
from skbudget.cascade import CascadeClassifier
from skbudget.metrics import cascade_coverage, cascade_curve
from skbudget.neural import EmbeddingRecallClassifier

BUDGETS = (0.05, 0.005)
CUES = ("linear", "product")
GRID = np.geomspace(BUDGETS[1], 1.0, 17)
ONE = "one model for all rows"


def first_stages(seed):
    """Return the cheap models by name."""
    trees = {"n_estimators": 30, "num_leaves": 7, "reg_lambda": 5.0, "verbose": -1, "n_jobs": 1}
    embedding = EmbeddingRecallClassifier(loss="info_nce", n_steps=150, random_state=seed)
    return {
        "logistic regression": make_pipeline(StandardScaler(), LogisticRegression()),
        "30 small trees": LGBMClassifier(**trees, random_state=seed),
        "embedding (InfoNCE)": make_pipeline(StandardScaler(), embedding),
    }


def band(budget, seed):
    """Return trees on the band of a budget."""
    settings = {"n_estimators": 60, "selection_cv": None, "calibration_cv": None}
    return PAUCLGBMClassifier(budget=budget, **settings, random_state=seed, n_jobs=1, verbose=-1)


def read_first(model, X):
    """Return the scores of a first stage."""
    if hasattr(model, "decision_function"):
        return model.decision_function(X)
    return model.predict_proba(X)[:, 1]


def run_seed(cue, seed, n_train, n_test):
    """Return the figures of one pair of tables, and the curves over the first budget."""
    X, y = make_contested_top(n_train, pos_rate=0.01, cue=cue, random_state=seed)
    X_new, y_new = make_contested_top(n_test, pos_rate=0.01, cue=cue, random_state=1000 + seed)
    whole = band(BUDGETS[1], seed).fit(X, y)
    of_whole = whole.decision_function(X_new)
    alone = coverage_at_budget_score(y_new, of_whole, budget=BUDGETS[1])
    figures, curves = {(ONE, ""): (1.0, alone)}, {}
    within = BUDGETS[1] / BUDGETS[0]
    for name, first in first_stages(seed).items():
        for kind, with_first in (("trained on the pool", False), ("with the first score", True)):
            cascade = CascadeClassifier(
                first,
                band(within, seed),
                budget_first=BUDGETS[0],
                cv=2,
                first_as_feature=with_first,
                random_state=seed,
            ).fit(X, y)
            scores = cascade.decision_function(X_new)
            covered = coverage_at_budget_score(y_new, scores, budget=BUDGETS[1])
            figures[name, kind] = (np.nan, covered)
        of_first = read_first(cascade.first_, X_new)
        both = cascade_coverage(y_new, of_first, of_whole, budgets=BUDGETS)
        figures[name, "trained on all rows"] = (both.first, both.coverage)
        of_alone = coverage_at_budget_score(y_new, of_first, budget=BUDGETS[1])
        figures[name, "no second stage"] = (both.first, of_alone)
        curves[name] = cascade_curve(
            y_new, of_first, of_whole, budget=BUDGETS[1], first_budgets=GRID
        )[1:]
    return figures, curves


def half_interval(values):
    """Return half of the 95 % interval of a mean, along the first axis."""
    n_seeds = len(values)
    if n_seeds < 2:
        return np.zeros(np.shape(values)[1:])
    return t.ppf(0.975, n_seeds - 1) * np.std(values, axis=0, ddof=1) / np.sqrt(n_seeds)


def show(cue, seeds):
    """Print the table of one cue."""
    print(f"\n{cue}\n\n| first stage | second stage | first keeps | whole | less one model |")
    print("|---|---|---|---|---|")
    one = np.array([figures[ONE, ""][1] for figures, _ in seeds])
    for key in seeds[0][0]:
        kept, covered = np.array([figures[key] for figures, _ in seeds]).T
        less = covered - one
        share = "" if np.isnan(kept).any() or key[0] == ONE else f"{kept.mean():.3f}"
        lift = "" if key[0] == ONE else f"{less.mean():+.3f} ± {half_interval(less):.3f}"
        shown = f"{covered.mean():.3f} ± {half_interval(covered):.3f}"
        print(f"| {key[0]} | {key[1] or 'none'} | {share} | {shown} | {lift} |", flush=True)


def draw(found, path):
    """Draw the curves over the first budget, one panel for each cue."""
    figure, axes = plt.subplots(1, len(found), figsize=(9, 3.8), sharey=True)
    for axis, (cue, seeds) in zip(np.atleast_1d(axes), found.items()):
        for number, name in enumerate(seeds[0][1]):
            first, whole = (
                np.array([curves[name][part] for _, curves in seeds]) for part in (0, 1)
            )
            color, half = f"C{number}", half_interval(whole)
            axis.plot(GRID, whole.mean(axis=0), color=color, label=name)
            axis.fill_between(
                GRID, whole.mean(axis=0) - half, whole.mean(axis=0) + half, color=color, alpha=0.2
            )
            axis.plot(GRID, first.mean(axis=0), color=color, linestyle=":", linewidth=1)
        one = np.mean([figures[ONE, ""][1] for figures, _ in seeds])
        axis.axhline(one, color="0.4", linestyle="--", linewidth=1)
        axis.axvline(BUDGETS[0], color="0.8", linewidth=1)
        axis.set(xscale="log", xlabel="budget of the first stage", title=f"cue: {cue}")
    np.atleast_1d(axes)[0].set_ylabel("coverage at 0.5 %")
    np.atleast_1d(axes)[0].legend(title="first stage", fontsize=8, loc="lower right")
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main(n_seeds=5, n_train=20_000, n_test=40_000, path="docs/images/two-stages.png"):
    """Train all cascades on all seeds; print the tables and draw the curves."""
    found = {}
    for cue in CUES:
        found[cue] = [run_seed(cue, seed, n_train, n_test) for seed in range(n_seeds)]
        show(cue, found[cue])
    draw(found, path)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]), *sys.argv[4:5])
