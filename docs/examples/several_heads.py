"""Common events as heads beside a rare one: coverage of the rare one at a budget.

    python docs/examples/several_heads.py [seeds] [quick]

Each seed draws its own training table of 20 000 rows, and its own test table. The networks are
ensembles of two, trained as by default; with "quick" they are single ones of 40 epochs. What is
in docs/several_heads.csv already is not run again. Intervals are those of the t distribution, of
differences that are paired by seed.
"""

import csv
import sys
from functools import partial
from pathlib import Path

import lightgbm as lgb
import numpy as np
from scipy.stats import t

from skbudget import PAUCClassifier, coverage_at_budget_score
from skbudget.datasets import make_milestones
from skbudget.neural import Head

DOCS = Path(__file__).parents[1]
RESULTS, PICTURE = DOCS / "several_heads.csv", DOCS / "images" / "several-heads.png"
EVENTS, BUDGETS, N_ROWS, N_TEST = ("click", "dwell", "cart"), (0.005, 0.01), 20_000, 100_000
SHARED = (1.0, 0.0, -0.5)
NETWORK = {"budget": 0.01, "n_members": 2, "random_state": 0, "calibration_cv": None}
SIZES = {"full": {}, "quick": {"n_members": 1, "max_epochs": 40}}

ALONE, CART, BEST = "purchase alone", "the cart in its place", "best possible"


def network(X, y, events, size, weight=None, **params):
    """Return a network trained on y, with the events as heads of a weight."""
    model = PAUCClassifier(**{**NETWORK, **SIZES[size], **params})
    if weight is None:
        return model.fit(X, y)
    model.set_params(heads={name: Head(weight=weight) for name in events})
    return model.fit(X, y, **events)


def trees(X, y, events, size):
    """Return a model of LightGBM."""
    model = lgb.LGBMClassifier(
        n_estimators=100, learning_rate=0.05, num_leaves=15, reg_lambda=5.0, n_jobs=1, verbose=-1
    )
    return model.fit(X, y)


def on_cart(X, y, events, size):
    """Return a network that knows nothing of purchases."""
    return network(X, events["cart"].astype(int), events, size)


METHODS = {
    ALONE: network,
    "heads of weight 0.3": partial(network, weight=0.3),
    "heads of weight 1": partial(network, weight=1.0),
    "heads, weights learnt": partial(network, weight=1.0, head_weighting="uncertainty"),
    CART: on_cart,
    "LightGBM, purchase alone": trees,
}


def measure(shared, seed, size, methods):
    """Yield the coverages of methods on one draw."""
    X, level = make_milestones(N_ROWS, shared=shared, random_state=seed)
    X_test, of_test, best = make_milestones(
        N_TEST, shared=shared, random_state=100 + seed, return_proba=True
    )
    y, y_test = (level == 4).astype(int), (of_test == 4).astype(int)
    events = {name: level > number for number, name in enumerate(EVENTS)}
    for name in methods:
        if name == BEST:
            scores = best
        else:
            model = METHODS[name](X, y, events, size)
            scores = (
                model.decision_function(X_test)
                if hasattr(model, "decision_function")
                else model.predict(X_test, raw_score=True)
            )
        yield name, [coverage_at_budget_score(y_test, scores, budget=b) for b in BUDGETS]


def read():
    """Return what is known: coverages by (shared, seed, size, method)."""
    if not RESULTS.exists():
        return {}
    with RESULTS.open(newline="") as file:
        lines = list(csv.reader(file))[1:]
    return {
        (float(shared), int(seed), size, method): [float(one) for one in coverages]
        for shared, seed, size, method, *coverages in lines
    }


def run(n_seeds, size):
    """Measure what is missing, and write it line by line."""
    if not RESULTS.exists():
        header = ["shared", "seed", "size", "method", *(f"coverage at {b:g}" for b in BUDGETS)]
        RESULTS.write_text(",".join(header) + "\n")
    for seed in range(n_seeds):
        for shared in SHARED:
            known = read()
            missing = [name for name in (BEST, *METHODS) if (shared, seed, size, name) not in known]
            for name, found in measure(shared, seed, size, missing):
                with RESULTS.open("a", newline="") as file:
                    line = [shared, seed, size, name, *(f"{one:.5f}" for one in found)]
                    csv.writer(file, lineterminator="\n").writerow(line)


def half_interval(values):
    """Return half the 95 % interval of a mean."""
    n = len(values)
    return t.ppf(0.975, max(n - 1, 1)) * np.std(values, ddof=min(n - 1, 1)) / np.sqrt(n)


def summary(size, column):
    """Return mean, gain over the purchase alone, half its interval and draws, by method.

    A gain is over the draws in which both are known; None where there are none.
    """
    found = read()
    rows = {}
    for method in (*METHODS, BEST):
        rows[method] = []
        for shared in SHARED:
            own, alone = (
                {
                    seed: known[column]
                    for (of_share, seed, of_size, of_method), known in found.items()
                    if (of_share, of_size, of_method) == (shared, size, name)
                }
                for name in (method, ALONE)
            )
            both = sorted(own.keys() & alone.keys())
            gains = np.array([own[seed] - alone[seed] for seed in both])
            mean = np.mean([own[seed] for seed in both]) if both else None
            rows[method].append((mean, gains, half_interval(gains) if both else None))
    return rows


def draw(size):
    """Draw the gains of each draw at the greater budget, and their means."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    rows = summary(size, -1)
    names = [name for name in METHODS if name != ALONE and any(len(g) for _, g, _ in rows[name])]
    known = [number for number in range(len(SHARED)) if len(rows[names[0]][number][1])]
    size = (3 + 2 * len(known), 2.8)
    figure, axes = plt.subplots(
        1, len(known), figsize=size, sharey=True, squeeze=False, layout="constrained"
    )
    for axis, number in zip(axes[0], known):
        for place, name in enumerate(reversed(names)):
            gains = rows[name][number][1]
            axis.plot(gains, np.full(len(gains), place), "o", color="C0", alpha=0.5)
            if len(gains):
                axis.plot(gains.mean(), place, "|", color="C0", markersize=14)
        axis.axvline(0.0, color="0.6", linewidth=1)
        axis.set_yticks(range(len(names)), names[::-1])
        axis.set_title(f"shared = {SHARED[number]:g}", fontsize=10)
        axis.set_xlabel("gain in coverage at 1 %")
    figure.savefig(PICTURE, dpi=110)


def main(n_seeds=5, size="full"):
    """Measure, print the table, and draw the picture."""
    run(n_seeds, size)
    show(size)


def show(size="full"):
    """Print the table and draw the picture of what is known."""
    for column, budget in enumerate(BUDGETS):
        print(f"\nCoverage at {budget:.1%}, and the gain over the purchase alone:\n")
        print("| | " + " | ".join(f"shared = {shared:g}" for shared in SHARED) + " |")
        print("|---" * (1 + len(SHARED)) + "|")
        for name, cells in summary(size, column).items():
            shown = []
            for mean, gains, half in cells:
                if not len(gains):
                    shown.append("")
                elif name == ALONE:
                    shown.append(f"{mean:.3f} ({len(gains)} draws)")
                elif len(gains) == 1:
                    shown.append(f"{mean:.3f}, {gains[0]:+.3f} (1 draw)")
                else:
                    shown.append(f"{mean:.3f}, {gains.mean():+.3f} ± {half:.3f}")
            print(f"| {name} | {' | '.join(shown)} |")
    draw(size)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]), *sys.argv[2:3])
