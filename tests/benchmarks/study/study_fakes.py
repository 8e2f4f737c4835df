"""A small study with a known outcome: tables with one informative column, and contenders."""

import numpy as np

from benchmarks.study import Contender, Draw, Measure, StudyTable


class OneColumn:
    """Draws whose first column tells positives from negatives."""

    def __init__(self, shift=2.0, n_rows=400, ceiling=False):
        self.shift, self.n_rows, self.ceiling = shift, n_rows, ceiling

    def __call__(self, seed):
        rng = np.random.default_rng(seed)
        parts = []
        for _ in range(3):
            y = (np.arange(self.n_rows) < self.n_rows // 10).astype(int)
            X = rng.standard_normal((self.n_rows, 3))
            X[:, 0] += self.shift * y
            parts += [X, y]
        return Draw(*parts, ceiling=parts[4][:, 0] if self.ceiling else None)


def fit_weights(parameters, X, y, setting):
    """Rank by the first column with noise from the second, without any training."""
    noise = parameters.get("noise", 0.0)
    return lambda rows: rows[:, 0] + noise * rows[:, 1]


def suggest_noise(trial):
    return {"noise": trial.suggest_float("noise", 0.0, 50.0)}


def make_contender(name, **settings):
    settings = {
        "role": "peer",
        "family": "trees",
        "package": "numpy",
        "fit": fit_weights,
    } | settings
    return Contender(name=name, label=name.title(), **settings)


ONE = Measure(
    table="one", group="real", seed=0, method="lightgbm", budget=0.005, basis="fpr",
    validation=0.25, test=1 / 3, seconds=0.125, search_seconds=2.0, trials=12, training=1.0,
    n_train=400, positives_train=40, positives_test=20, parameters='{"a, b": "c\\"d"}',
)  # fmt: skip


def small_tables():
    """Return a table without a ceiling and one with a ceiling."""
    return [
        StudyTable("one", "real", OneColumn(), "shares rows"),
        StudyTable("two", "contested", OneColumn(1.0, ceiling=True), "draws", True),
    ]


def small_contenders():
    """Return a tuned booster and a tuned network as peers, and a contender of ours."""
    return [
        make_contender("lightgbm", suggest=suggest_noise, start={"noise": 40.0}, pointwise=True),
        make_contender("forest", suggest=suggest_noise, start={"noise": 3.0}, family="network"),
        make_contender("pauc-lightgbm", role="ours", per_budget=True),
    ]
