"""Compare ways to rank rows by what they are expected to be worth, by one scorer.

    python docs/examples/worth.py --seeds 10           # a quarter of an hour on one core
    python docs/examples/worth.py --seeds 2 --quick    # a minute

Most rows are worth nothing. On the table "unrelated" the amounts of the others have nothing to do
with the features, on "own features" they follow features of their own, and on "opposed" rows that
are likely to be worth something are worth little. Trees are LightGBM's with the same settings
everywhere. The last line of a table is the true expectation.
"""

import argparse

import numpy as np
from lightgbm import LGBMClassifier, LGBMRegressor
from scipy.special import expit
from scipy.stats import t as student
from sklearn.base import BaseEstimator, RegressorMixin

from skbudget import PAUCLGBMClassifier
from skbudget.metrics import make_worth_scorer, worth_coverage_score
from skbudget.model_selection import ExpectedWorthClassifier, TwoPartRegressor

BUDGET = 0.01
TREES = {
    "n_estimators": 100,
    "learning_rate": 0.05,
    "num_leaves": 15,
    "reg_lambda": 5.0,
    "n_jobs": 1,
    "verbose": -1,
    "random_state": 0,
}
RANKS = {"selection_cv": None, "calibration_cv": None, "min_split_gain": 0.0, "budget": BUDGET}
TABLES = {"unrelated": (0.0, 0.0), "own features": (0.0, 1.0), "opposed": (-0.8, 0.5)}


def make_amounts(n_samples, table, seed):
    """Return rows, amounts (0 for most) and the expected amount of each row."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, 8))
    risk = X[:, 0] + X[:, 1] * X[:, 2]
    of_risk, of_others = TABLES[table]
    chance = expit(1.2 * risk - 4.8)
    log_amount = of_risk * risk + of_others * (X[:, 3] + 0.5 * X[:, 4] ** 2)
    amount = np.exp(log_amount + rng.normal(scale=0.7, size=n_samples))
    amount *= rng.random(n_samples) < chance
    return X, amount, chance * np.exp(log_amount + 0.7**2 / 2)


class OfAmounts(RegressorMixin, BaseEstimator):
    """A model of what amounts are made into, ranked by its score."""

    def __init__(self, model, target):
        self.model, self.target = model, target

    def fit(self, X, amount):
        """Fit the model to what the target makes of the amounts."""
        y, columns = self.target(amount)
        self.model.fit(X, y, **columns)
        return self

    def predict(self, X):
        """Return the score."""
        if hasattr(self.model, "decision_function"):
            return self.model.decision_function(X)
        return self.model.predict_proba(X)[:, 1]


def is_positive(amount):
    """Return whether there is an amount."""
    return 1 * (amount > 0), {}


def positive_with_value(amount):
    """Return the same, with the amounts as values."""
    return 1 * (amount > 0), {"value": amount}


def level_of(amount):
    """Return 0 for no amount, and which third of the others an amount is in."""
    edges = np.quantile(amount[amount > 0], [1 / 3, 2 / 3])
    return np.where(amount > 0, 1 + np.digitize(amount, edges), 0), {}


class ByLevels(OfAmounts):
    """Expected worth over levels of the amount, each worth the mean of its amounts."""

    def __init__(self, model):
        super().__init__(model, level_of)

    def fit(self, X, amount):
        """Fit the model of the levels."""
        levels, _ = level_of(amount)
        worth = {int(one): float(amount[levels == one].mean()) for one in np.unique(levels)}
        inner, self.model = self.model, None
        self.model = ExpectedWorthClassifier(inner, worth=worth)
        self.model.fit(X, levels)
        return self


def methods(quick):
    """Return a fresh model of each way to rank, by name."""
    trees = {**TREES, "n_estimators": 40, "learning_rate": 0.1} if quick else TREES

    def two_parts(classifier):
        return TwoPartRegressor(classifier, LGBMRegressor(objective="gamma", **trees))

    calibrated = {**trees, **RANKS, "calibration_cv": 3}
    return {
        "P(positive), cross-entropy": OfAmounts(LGBMClassifier(**trees), is_positive),
        "P(positive), band": OfAmounts(PAUCLGBMClassifier(**{**trees, **RANKS}), is_positive),
        "band, weighted by value": OfAmounts(
            PAUCLGBMClassifier(**{**trees, **RANKS}), positive_with_value
        ),
        "P x E, cross-entropy": two_parts(LGBMClassifier(**trees)),
        "P x E, band": two_parts(PAUCLGBMClassifier(**calibrated)),
        "one regression, squared error": LGBMRegressor(**trees),
        "one regression, Tweedie": LGBMRegressor(objective="tweedie", **trees),
        "one regression, quantile 0.99": LGBMRegressor(objective="quantile", alpha=0.99, **trees),
        "levels, one score": ByLevels(
            PAUCLGBMClassifier(**{**calibrated, "objective": "ordinal_all_threshold"})
        ),
        "levels, a score each": ByLevels(
            PAUCLGBMClassifier(**{**calibrated, "objective": "ordinal_log_loss"})
        ),
    }


def run(table, seed, quick):
    """Return the share of all worth that each way to rank catches on fresh rows."""
    n_train, n_test = (4_000, 20_000) if quick else (20_000, 60_000)
    X, amount, _ = make_amounts(n_train, table, seed)
    X_new, amount_new, expected = make_amounts(n_test, table, 10_000 + seed)
    scorer = make_worth_scorer(budget=BUDGET)
    found = {
        name: scorer(model.fit(X, amount), X_new, amount_new)
        for name, model in methods(quick).items()
    }
    found["the true expectation"] = worth_coverage_score(amount_new, expected, budget=BUDGET)
    return found


def main():
    """Print a table of means, with 95 % intervals of the mean over the seeds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    factor = student.ppf(0.975, options.seeds - 1) / np.sqrt(options.seeds)
    columns, reference = {}, "P(positive), cross-entropy"
    for table in TABLES:
        found = [run(table, seed, options.quick) for seed in range(options.seeds)]
        for name in found[0]:
            values = np.array([one[name] for one in found])
            apart = values - np.array([one[reference] for one in found])
            half = factor * apart.std(ddof=1)
            cell = f"{values.mean():.3f} ({apart.mean():+.3f} ± {half:.3f})"
            columns.setdefault(name, []).append(
                cell if name != reference else f"{values.mean():.3f}"
            )
    print(f"| ranked by | {' | '.join(TABLES)} |")
    print(f"|---|{'---|' * len(TABLES)}")
    for name, cells in columns.items():
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
