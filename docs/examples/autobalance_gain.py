"""What a tuned loss is worth where the model is misspecified, and where it is not.

Run from a checkout: ``python docs/examples/autobalance_gain.py``. It takes about five minutes in
one thread, and prints the table of docs/autobalance.md.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings

import numpy as np
import torch
from scipy.stats import t as student
from sklearn.model_selection import GridSearchCV, StratifiedKFold

from skbudget import PAUCClassifier, coverage_at_budget_score, make_coverage_scorer
from skbudget.autobalance import AutoBalanceClassifier
from skbudget.objectives import VectorScalingCrossEntropy

BUDGET, RATE = 0.01, 0.02
N_TRAIN, N_TEST = 12_000, 200_000


def draw(law: str, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return rows of two features, one in fifty of them positive.

    ``"two_kinds"``: of the positives 40 % stand out in the second feature. The others, and one
    negative in twenty, have large values of the first one. The best boundary is no line.
    ``"one_kind"``: two normal laws with one covariance. The log-odds are linear.
    """
    y = rng.random(n) < RATE
    X = rng.normal(size=(n, 2))
    if law == "one_kind":
        X[y] += [1.5, 1.0]
        return X, y.astype(int)
    X[~y & (rng.random(n) < 0.05), 0] += 3.0
    out = rng.random(n) < 0.4
    X[y & out, 1] += 4.0
    X[y & ~out, 0] += 2.0
    return X, y.astype(int)


def linear(loss: VectorScalingCrossEntropy | None = None) -> PAUCClassifier:
    """Return a linear model, trained to convergence."""
    return PAUCClassifier(
        budget=BUDGET,
        loss=loss,
        hidden_layer_sizes=(),
        n_members=1,
        lr=0.15,
        max_epochs=100,
        batch_size=N_TRAIN,
        queue_size=0,
        weight_decay=0.0,
        input_decay=0.0,
        calibration_cv=None,
        random_state=0,
    )


def methods(n_neg_per_pos: float, seed: int) -> dict[str, object]:
    """Return unfitted models by name."""
    weights = (1 / 30, 1 / 5, 1.0, n_neg_per_pos)
    losses = [VectorScalingCrossEntropy(pos_weight=float(w)) for w in weights]
    shared = {"budget": BUDGET, "n_repeats": 1, "cv": 3, "random_state": seed}
    return {
        "plain": linear(VectorScalingCrossEntropy()),
        "balanced weight": linear(VectorScalingCrossEntropy(pos_weight="balanced")),
        "tuned weight": GridSearchCV(
            linear(),
            {"loss": losses},
            scoring=make_coverage_scorer(BUDGET),
            cv=StratifiedKFold(2, shuffle=True, random_state=seed),
        ),
        "AutoBalance": AutoBalanceClassifier(
            linear(), warmup=0.5, update_every=3, update_lr=0.2, **shared
        ),
    }


def one_seed(law: str, seed: int) -> dict[str, float]:
    """Return the coverage of each method, and whether a tuned loss was adopted."""
    rng = np.random.default_rng(seed)
    X, y = draw(law, N_TRAIN, rng)
    X_test, y_test = draw(law, N_TEST, rng)
    found = {}
    for name, model in methods((1 - RATE) / RATE, seed).items():
        model.fit(X, y)
        score = model.decision_function(X_test)
        found[name] = float(coverage_at_budget_score(y_test, score, budget=BUDGET))
        if isinstance(model, AutoBalanceClassifier):
            found[f"adopted: {name}"] = float(model.adopted_)
            print(law, seed, name, found[name], model.found_params_, model.gain_, file=sys.stderr)
    return found


def table(law: str, runs: list[dict[str, float]]) -> str:
    """Return the lines of one law, differences to plain with 95 % intervals."""
    lines = []
    plain = np.array([run["plain"] for run in runs])
    for name in [name for name in runs[0] if not name.startswith("adopted")]:
        values = np.array([run[name] for run in runs])
        gain = values - plain
        reach = student.ppf(0.975, gain.size - 1) * gain.std(ddof=1) / np.sqrt(gain.size)
        adopted = [run.get(f"adopted: {name}") for run in runs]
        times = "" if adopted[0] is None else f"{int(sum(adopted))} of {len(runs)}"
        shown = "" if name == "plain" else f"{gain.mean():+.3f} ± {reach:.3f}"
        lines.append(f"| {law} | {name} | {values.mean():.3f} | {shown} | {times} |")
    return "\n".join(lines)


def main() -> None:
    """Print the table, or the runs of some seeds as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--laws", nargs="+", default=["two_kinds", "one_kind"])
    parser.add_argument("--seeds", nargs="+", type=int, default=list(range(8)))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    for law in options.laws:
        runs = [one_seed(law, seed) for seed in options.seeds]
        print(json.dumps({law: runs}) if options.json else table(law, runs), flush=True)


if __name__ == "__main__":
    main()
