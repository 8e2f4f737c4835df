"""The parts of the speed measurements and their sizes. Imports nothing, for ``--help``."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FULL", "PARTS", "QUICK", "Effort"]

PARTS = {
    "fit": "training with the objective, the booster's own loss, and one that costs nothing",
    "pool": "whole fits on the rows within reach, against the booster's own loss and all rows",
    "growth": "whole fits on the rows within reach by their number: growth of time, added memory",
    "estimators": "whole fits of the classifiers as they come, against one fit of their parents",
    "rank": "training with the objective and with the boosters' own ranking losses",
    "scale": "one call of the objective by the number of rows, and brute force",
    "memory": "the greatest memory that one call of the objective allocates",
    "losses": "a step of the torch loss, against imbalanced-losses and LibAUC",
    "lists": "gradient and hessian of the losses of lists on one list, against a sort",
    "networks": "training PAUCClassifier, and the same network on cross-entropy in skorch",
    "metric": "coverage at a budget, against scikit-learn's ROC curve",
}


@dataclass(frozen=True)
class Effort:
    """Sizes of the measurements.

    Parameters
    ----------
    n_jobs : int, default=1
        Number of threads of boosters and of torch.
    pairs : int, default=5
        Number of turns. Each turn runs everything that is compared, and one more turn before
        them does not count. Part "losses" has its own number of steps.
    fit_rows, fit_rounds : int, default=1_000_000, 100
        Numbers of rows and of boosting rounds of part "fit". Part "pool" has as many rows.
    pool_rounds : tuple of int, default=(100, 200)
        Numbers of boosting rounds of part "pool".
    growth_rows : tuple of int, default=(100_000, 316_228, 1_000_000)
        Numbers of rows of part "growth", where each fit has a process of its own.
    growth_rounds : int, default=100
        Number of boosting rounds of part "growth".
    growth_kinds : tuple of str, default=("contested top", "shifted normals")
        How the rows of part "growth" are drawn.
    table_rows : int, default=100_000
        Number of rows of each synthetic table of part "estimators".
    rank_rows, rank_rounds : int, default=150_000, 200
        Numbers of rows and of boosting rounds of part "rank".
    scale_rows : tuple of int
        Numbers of rows of part "scale".
    brute_pairs : int, default=20_000_000
        Greatest number of pairs for which brute force is timed.
    context_rows, context_rounds : int, default=1_000_000, 20
        Greatest number of rows for which LightGBM is timed beside the calls, and the number
        of its rounds.
    memory_rows, metric_rows : int, default=1_000_000, 10_000_000
        Numbers of rows of the parts "memory" and "metric".
    loss_batch, loss_queue, loss_steps : int, default=4096, 32_768, 200
        Number of rows of a batch, of rows of the memory queue, and of steps of part
        "losses".
    loss_pos_rate : float, default=0.005
        Share of positives of part "losses", a fraction.
    list_rows : int, default=1_000_000
        Number of rows of part "lists".
    network_rows, network_epochs : int, default=100_000, 10
        Numbers of rows and of epochs of part "networks".
    """

    n_jobs: int = 1
    pairs: int = 5
    fit_rows: int = 1_000_000
    fit_rounds: int = 100
    pool_rounds: tuple[int, ...] = (100, 200)
    growth_rows: tuple[int, ...] = (100_000, 316_228, 1_000_000)
    growth_rounds: int = 100
    growth_kinds: tuple[str, ...] = ("contested top", "shifted normals")
    table_rows: int = 100_000
    rank_rows: int = 150_000
    rank_rounds: int = 200
    scale_rows: tuple[int, ...] = (
        10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000,
    )  # fmt: skip
    brute_pairs: int = 20_000_000
    context_rows: int = 1_000_000
    context_rounds: int = 20
    memory_rows: int = 1_000_000
    metric_rows: int = 10_000_000
    loss_batch: int = 4096
    loss_queue: int = 32_768
    loss_steps: int = 200
    loss_pos_rate: float = 0.005
    list_rows: int = 1_000_000
    network_rows: int = 100_000
    network_epochs: int = 10


FULL = Effort()
QUICK = Effort(
    pairs=2,
    fit_rows=20_000,
    fit_rounds=5,
    pool_rounds=(10,),
    growth_rows=(20_000,),
    growth_rounds=5,
    growth_kinds=("contested top",),
    table_rows=6_000,
    rank_rows=12_000,
    rank_rounds=5,
    scale_rows=(10_000, 100_000, 200_000),
    brute_pairs=1_000_000,
    context_rows=100_000,
    context_rounds=2,
    memory_rows=100_000,
    metric_rows=200_000,
    loss_batch=256,
    loss_queue=1024,
    loss_steps=10,
    loss_pos_rate=0.05,
    list_rows=20_000,
    network_rows=8_000,
    network_epochs=2,
)
