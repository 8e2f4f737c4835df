"""What the objective costs inside LightGBM: paired runs against its binary loss.

``python -m skbudget.benchmark.objective_cost`` trains both on the same table, one
right after the other, and prints the ratio of the wall times of each pair.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np

from ..boosting import pauc_objective

__all__ = ["main", "paired_ratios"]


def paired_ratios(
    n_samples: int = 1_000_000,
    n_features: int = 20,
    pos_rate: float = 0.0015,
    n_rounds: int = 100,
    n_pairs: int = 5,
    n_jobs: int = 0,
) -> list[tuple[float, float]]:
    """Time pairs of LightGBM runs, the partial AUC against the binary objective.

    Parameters
    ----------
    n_samples, n_features : int, default=1_000_000, 20
        Size of the table.
    pos_rate : float, default=0.0015
        Share of positives, a fraction.
    n_rounds : int, default=100
        Boosting rounds of a run.
    n_pairs : int, default=5
        Pairs of runs, after one pair that is not counted.
    n_jobs : int, default=0
        Threads; 0 leaves the number to LightGBM.

    Returns
    -------
    seconds : list of (float, float)
        Wall time with the partial AUC and with the binary objective, per pair.
    """
    import lightgbm as lgb

    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_samples, n_features), dtype=np.float32)
    y = np.zeros(n_samples)
    y[: round(pos_rate * n_samples)] = 1
    X[y == 1, :3] += 1.5
    data = lgb.Dataset(X, y).construct()

    def seconds(objective: object) -> float:
        params = {"objective": objective, "verbose": -1, "num_threads": n_jobs, "lambda_l2": 5.0}
        start = time.perf_counter()
        lgb.train(params, data, n_rounds)
        return time.perf_counter() - start

    pairs = [(seconds(pauc_objective), seconds("binary")) for _ in range(n_pairs + 1)]
    return pairs[1:]


def main(arguments: list[str] | None = None) -> None:
    """Print the seconds and the ratio of each pair, and the median ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--features", type=int, default=20)
    parser.add_argument("--pos-rate", type=float, default=0.0015)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--n-jobs", type=int, default=0)
    options = parser.parse_args(arguments)
    pairs = paired_ratios(
        options.rows,
        options.features,
        options.pos_rate,
        options.rounds,
        options.pairs,
        options.n_jobs,
    )
    for ours, binary in pairs:
        print(f"partial AUC {ours:7.2f} s   binary {binary:7.2f} s   ratio {ours / binary:5.2f}")
    print(f"median ratio {statistics.median(a / b for a, b in pairs):.2f}")


if __name__ == "__main__":
    main()
