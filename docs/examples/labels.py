"""What a label costs: windows that are too short, and labels of reviewed rows alone.

    python docs/examples/labels.py [seeds] [rows]

Both examples draw rows with two kinds of positives. Differences are paired by seed. Intervals are
those of the t distribution.
"""

import sys

import lightgbm as lgb
import numpy as np
from scipy.stats import t

from skbudget import PAUCObjective, coverage_at_budget_score

N_FEATURES, N_TREES = 8, 60
BUDGET, POSITIVE_RATE, SHIFT = 0.01, 0.01, 2.2
# Days: how long rows have been collected, and how long a label takes.
PERIOD, FAST, SLOW = 180.0, 4.0, 60.0
WINDOWS = (7, 30, 60, 90, 120)

REVIEWED, N_PERIODS = 0.05, 6


def draw(n_rows, rng):
    """Return features, labels and kinds: two thirds of the positives are of the first kind."""
    y = (rng.random(n_rows) < POSITIVE_RATE).astype(int)
    kind = np.where(y == 1, (rng.random(n_rows) < 1 / 3).astype(int), -1)
    X = rng.normal(size=(n_rows, N_FEATURES))
    X[kind == 0, :2] += SHIFT
    X[kind == 1, 2:4] += SHIFT
    return X, y, kind


def train(X, y, weight=None):
    """Return a function that ranks rows by a model that is trained for the budget."""
    settings = {
        "objective": PAUCObjective(budget=BUDGET),
        "num_leaves": 15,
        "learning_rate": 0.1,
        "lambda_l2": 5.0,
        "num_threads": 1,
        "verbose": -1,
    }
    booster = lgb.train(settings, lgb.Dataset(X, y, weight=weight), N_TREES)
    return lambda rows: booster.predict(rows, raw_score=True)


def cover(y, score):
    """Return coverage at the budget."""
    return coverage_at_budget_score(y, score, budget=BUDGET)


# --- a window -------------------------------------------------------------------------------


def compare_windows(seed, n_rows):
    """Return the coverage as measured with the labels of a window, and the true one, by window.

    The last entry takes all rows, with what is known today.
    """
    rng = np.random.default_rng(seed)
    (X, y, kind), (X_held, _, kind_held) = draw(n_rows, rng), draw(n_rows, rng)
    X_new, y_new, _ = draw(2 * n_rows, rng)

    def known(kind, age, within):
        """Tell which positives have shown themselves."""
        delay = rng.exponential(np.where(kind == 1, SLOW, FAST))
        return ((kind >= 0) & (delay <= np.minimum(within, age))).astype(int)

    age, age_held = rng.uniform(0, PERIOD, n_rows), rng.uniform(0, PERIOD, n_rows)
    found = []
    for window in (*WINDOWS, np.inf):
        # Younger rows are left out, as nobody knows yet what they will be within the window.
        mature = age >= (0.0 if np.isinf(window) else window)
        mature_held = age_held >= (0.0 if np.isinf(window) else window)
        label, label_held = known(kind, age, window), known(kind_held, age_held, window)
        rank = train(X[mature], label[mature])
        measured = cover(label_held[mature_held], rank(X_held[mature_held]))
        late = label[mature & (y == 1)]
        found.append((mature.mean(), late.mean(), measured, cover(y_new, rank(X_new))))
    return np.array(found)


# --- reviewed rows --------------------------------------------------------------------------


def collect(seed, n_rows, explored):
    """Review rows period by period, and return those with labels.

    The model of the first period knows the first kind of positives alone. A share ``explored`` of
    the reviews are rows that are drawn at random from those that it would not review.
    """
    rng = np.random.default_rng(seed)
    X_all, y_all, weight_all, drawn_all = [], [], [], []
    for _ in range(N_PERIODS):
        X, y, _ = draw(n_rows, rng)
        n_reviewed = round(REVIEWED * n_rows)
        n_drawn = round(explored * n_reviewed)
        order = np.argsort(-(X[:, 0] + X[:, 1]))
        top, rest = order[: n_reviewed - n_drawn], order[n_reviewed - n_drawn :]
        drawn = rng.choice(rest, n_drawn, replace=False)
        rows = np.concatenate([top, drawn])
        share = n_drawn / rest.size
        X_all.append(X[rows])
        y_all.append(y[rows])
        weight_all.append(np.repeat([1.0, 1.0 / share if n_drawn else 0.0], [top.size, n_drawn]))
        drawn_all.append(np.repeat([False, True], [top.size, n_drawn]))
    return tuple(map(np.concatenate, (X_all, y_all, weight_all, drawn_all)))


def compare_reviews(seed, n_rows):
    """Return the true coverage by what a model learns from, and coverage as estimated."""
    rng = np.random.default_rng(10_000 + seed)
    X_new, y_new, _ = draw(4 * n_rows, rng)
    truth = []
    X, y, _, _ = collect(seed, n_rows, 0.0)
    rank = train(X, y)
    truth.append(cover(y_new, rank(X_new)))
    estimates = [share_above(X, y, np.ones(y.size), rank, X_new)]
    X, y, weight, _ = collect(seed, n_rows, 0.2)
    for one in (None, weight):
        truth.append(cover(y_new, train(X, y, one)(X_new)))
    X_test, y_test, weight_test, _ = collect(seed + 5000, n_rows, 0.2)
    estimates.append(share_above(X_test, y_test, weight_test, rank, X_new))
    X, y, _ = draw(N_PERIODS * n_rows, rng)
    truth.append(cover(y_new, train(X, y)(X_new)))
    return np.array(truth), np.array(estimates)


def share_above(X, y, weight, rank, X_new):
    """Return the weighted share of positives above the cut that spends the budget on new rows."""
    cut = np.quantile(rank(X_new), 1.0 - BUDGET)
    positive = y == 1
    return np.average(rank(X[positive]) > cut, weights=weight[positive])


# --- report ---------------------------------------------------------------------------------


def shown(values):
    """Return a mean and half its interval."""
    n = len(values)
    half = t.ppf(0.975, max(n - 1, 1)) / np.sqrt(n) * values.std(ddof=min(n - 1, 1))
    return f"{values.mean():.3f} ± {half:.3f}"


def main(n_seeds=8, n_rows=20_000):
    """Print both tables."""
    found = np.array([compare_windows(seed, n_rows) for seed in range(n_seeds)])
    print("| window | rows kept | positives known | coverage as measured | true coverage |")
    print("|---|---|---|---|---|")
    for number, window in enumerate((*map("{} days".format, WINDOWS), "none, what is known today")):
        kept, late, measured, true = found[:, number].T
        print(f"| {window} | {kept.mean():.2f} | {late.mean():.2f} "
              f"| {shown(measured)} | {shown(true)} |")  # fmt: skip
    results = [compare_reviews(seed, n_rows) for seed in range(n_seeds)]
    truth = np.array([one for one, _ in results])
    estimates = np.array([one for _, one in results])
    print("\n| trained on | true coverage | difference from reviewed rows alone |")
    print("|---|---|---|")
    names = (
        "reviewed rows alone",
        "a fifth of the reviews at random, unweighted",
        "the same, weighted by one over the share that is drawn",
        "labels of all rows",
    )
    for number, name in enumerate(names):
        difference = "" if number == 0 else shown(truth[:, number] - truth[:, 0])
        print(f"| {name} | {shown(truth[:, number])} | {difference} |")
    print("\n| coverage of the model of reviewed rows alone | at 1 % |")
    print("|---|---|")
    print(f"| among reviewed positives | {shown(estimates[:, 0])} |")
    print(f"| with the random part, weighted | {shown(estimates[:, 1])} |")
    print(f"| in truth | {shown(truth[:, 0])} |")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
