"""Training on a part of the negatives: what is lost, what undoing the rates keeps, what it saves.

    python docs/examples/sampling_negatives.py [part] [seeds] [training rows] [trees]

Parts are "trees" (LightGBM on cross-entropy), "band" (LightGBM on the band loss), "network"
(`PAUCClassifier` on cross-entropy), "noise" (a third of the positives is labelled negative) and
"all". Each seed draws its own tables. Models are fitted on three quarters of the chosen rows, and
thresholds on the rest, with the same weights. Intervals are those of the t distribution.
"""

import sys
import time
import warnings

import numpy as np
from scipy.special import expit, logit
from scipy.stats import t
from sklearn.model_selection import train_test_split

from skbudget import PAUCClassifier, PAUCLGBMClassifier, make_contested_top
from skbudget.band import default_beta
from skbudget.datasets import load_mammography
from skbudget.metrics import coverage_at_budget_score
from skbudget.model_selection import BudgetThresholdClassifier
from skbudget.sampling import NegativeSample, sample_hard, sample_random

PER_POSITIVE = 10.0
ALL, RANDOM, HARD = "all rows", "random", "hard and random"
# How the rates are undone: by nothing, a shift of the log-odds, weights, or the end of the band
# of all rows together with the mask. Cross-entropy has no band.
ARMS = (
    (ALL, ""),
    (RANDOM, "nothing"),
    (RANDOM, "shift"),
    (RANDOM, "beta"),
    (RANDOM, "weights"),
    (HARD, "nothing"),
    (HARD, "beta, mask"),
    (HARD, "weights"),
)


def contested_top(seed, n_rows):
    """Return a budget, a table to train on and one to test with."""
    train = make_contested_top(n_rows, pos_rate=0.005, cue="product", random_state=seed)
    test = make_contested_top(100_000, pos_rate=0.005, cue="product", random_state=1000 + seed)
    return 0.005, train, test


def mammography(seed, n_rows):
    """Return a budget and two halves of the table."""
    X, y = load_mammography(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.5, stratify=y, random_state=seed)
    return 0.02, (X, y), (X_test, y_test)


TABLES = {"contested top": contested_top, "mammography": mammography}


def new_model(part, budget, seed, n_trees, **of_band):
    """Return a model of one kind."""
    if part == "network":
        return PAUCClassifier(
            budget=budget,
            loss="binary_cross_entropy",
            n_members=1,
            calibration_cv=None,
            random_state=seed,
        )
    loss = {"objective": "binary_cross_entropy"} if part == "trees" else of_band
    return PAUCLGBMClassifier(
        budget=budget,
        selection_cv=None,
        calibration_cv=None if part == "trees" else 3,
        n_estimators=n_trees,
        num_leaves=15,
        min_split_gain=0.0,
        reg_lambda=5.0,
        n_jobs=1,
        verbose=-1,
        random_state=seed,
        **loss,
    )


def choose(kind, undo, X, y, seed, n_trees):
    """Return the rows of an arm."""
    draw = {"per_positive": PER_POSITIVE, "random_state": seed, "undo": undo == "weights"}
    if kind == ALL:
        ones = np.ones(y.size)
        everything = np.arange(y.size)
        return NegativeSample(everything, y == 1, ones, ones, y >= 0, y.size, True)
    chosen = sample_random(y, **draw)
    if kind == RANDOM:
        return chosen
    first = new_model("trees", 0.01, seed, n_trees).fit(*chosen.take(X, y))
    return sample_hard(y, first.decision_function(X), **draw)


def probability_of(model, margin, X, part):
    """Return probabilities; those of cross-entropy are the logistic function of the margin."""
    return model.predict_proba(X)[:, 1] if part == "band" else expit(margin)


def run(part, kind, undo, budget, train, test, seed, n_trees, **params):
    """Return coverage, calibration, the flagged share and the seconds of one arm."""
    (X, y), (X_test, y_test) = train, test
    if "beta" in undo:
        params["beta"] = default_beta(budget, y.mean(), 1 - y.mean())
    start = time.process_time()
    chosen = choose(kind, undo, X, y, seed, n_trees)
    X, y = chosen.take(X, y)
    fitted, held = train_test_split(np.arange(y.size), stratify=y, random_state=seed)
    weight, columns = chosen.sample_weight, {}
    if "mask" in undo:
        columns = {"iid_mask": chosen.iid_mask[fitted]}
    given = None if kind == ALL or undo != "weights" else weight[fitted]
    model = new_model(part, budget, seed, n_trees, **params)
    model.fit(X[fitted], y[fitted], sample_weight=given, **columns)
    seconds = time.process_time() - start
    shift = chosen.logit_shift if undo == "shift" else 0.0
    margin = model.decision_function(X_test)
    probability = expit(logit(probability_of(model, margin, X_test, part)) + shift)
    tuned = BudgetThresholdClassifier(model, budget=budget, cv="prefit")
    tuned.fit(X[held], y[held], sample_weight=weight[held])
    return (
        coverage_at_budget_score(y_test, margin, budget=budget),
        probability.mean() / y_test.mean(),
        tuned.predict(X_test).mean() / budget,
        seconds,
    )


def shown(values, form=".3f"):
    """Return a mean and half of its interval."""
    values = np.asarray(values)
    half = t.ppf(0.975, max(values.size - 1, 1)) * values.std(ddof=min(values.size - 1, 1))
    return f"{values.mean():{form}} ± {half / np.sqrt(values.size):.3f}"


def measure(part, name, seed, n_rows, n_trees):
    """Return what `run` found for each arm, on the rows of one seed."""
    table = TABLES[name](seed, n_rows)
    return {
        arm: run(part, *arm, *table, seed, n_trees)
        for arm in ARMS
        # A shift does not bring probabilities back that were calibrated on other rows.
        if not (arm[1] == "shift" if part == "band" else "beta" in arm[1])
    }


def print_part(part, name, found):
    """Print a table of what was measured on each seed: one line per arm."""
    print(f"\n{part}, {name}, {len(found)} seeds\n")
    print(
        "| negatives | undone by | coverage | difference from all rows | mean probability / "
        "base rate | flagged / budget | time |"
    )
    print("|---|---|---|---|---|---|---|")
    whole = np.array([of_seed[ALL, ""] for of_seed in found])
    for kind, undo in found[0]:
        each = np.array([of_seed[kind, undo] for of_seed in found])
        cells = [
            shown(each[:, 0]),
            shown(each[:, 0] - whole[:, 0], "+.3f"),
            f"{each[:, 1].mean():.2f}",
            f"{each[:, 2].mean():.2f}",
            f"{each[:, 3].sum() / whole[:, 3].sum():.2f}",
        ]
        print(f"| {kind} | {undo} | {' | '.join(cells)} |", flush=True)


def measure_noise(seed, n_rows, n_trees):
    """Return coverage where a third of the positives is labelled negative, by rows and loss."""
    budget, (X, y), test = contested_top(seed, n_rows)
    hidden = (y == 1) & (np.random.default_rng(seed).random(y.size) < 1 / 3)
    noisy = X, np.where(hidden, 0, y)
    found = {}
    for kind, undo in ((ALL, ""), (HARD, "weights")):
        for loss, part, params in (
            ("cross-entropy", "trees", {}),
            ("band loss, logistic link", "band", {"link": "logistic"}),
            ("band loss, sigmoid link", "band", {"link": "sigmoid"}),
        ):
            arm = run(part, kind, undo, budget, noisy, test, seed, n_trees, **params)
            found[kind, loss] = arm[0]
    return found


def print_noise(found):
    """Print a table of what was measured with labels that are wrong."""
    print(f"\nnoise, contested top, {len(found)} seeds\n")
    print("| negatives | loss | coverage | difference from cross-entropy |")
    print("|---|---|---|---|")
    for kind, loss in found[0]:
        each = np.array([of_seed[kind, loss] for of_seed in found])
        plain = np.array([of_seed[kind, "cross-entropy"] for of_seed in found])
        print(f"| {kind} | {loss} | {shown(each)} | {shown(each - plain, '+.3f')} |", flush=True)


def main(part="all", n_seeds=5, n_rows=40_000, n_trees=100):
    """Print the tables of one part, or of all."""
    for one in ("trees", "band", "network") if part == "all" else (part,):
        for name in TABLES if one != "noise" else ():
            seeds = range(n_seeds)
            print_part(one, name, [measure(one, name, seed, n_rows, n_trees) for seed in seeds])
    if part in ("all", "noise"):
        print_noise([measure_noise(seed, n_rows, n_trees) for seed in range(n_seeds)])


if __name__ == "__main__":
    # Several of the arms are meant to be wrong.
    warnings.simplefilter("ignore")
    main(*sys.argv[1:2], *map(int, sys.argv[2:]))
