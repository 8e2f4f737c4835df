"""The cost of a step of the torch loss, in pairs with a step of imbalanced-losses.

``python -m benchmarks.speed.loss_cost`` gives both losses the same batches, one right
after the other. It prints the median ratio of the times of a forward and a backward pass,
for both surrogates.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["main", "paired_seconds", "time_steps"]

SURROGATES = ("pairwise", "trapezoid")


def paired_seconds(
    surrogate: str = "pairwise",
    batch_size: int = 4096,
    queue_size: int = 32_768,
    pos_rate: float = 0.005,
    n_steps: int = 200,
    device: str = "cpu",
) -> list[tuple[float, float]]:
    """Time pairs of training steps with a full queue. A step goes forward and backward.

    Parameters
    ----------
    surrogate : {"pairwise", "trapezoid"}, default="pairwise"
        Surrogate of the partial AUC.
    batch_size, queue_size : int, default=4096, 32_768
        Numbers of rows of a batch and of the memory queue.
    pos_rate : float, default=0.005
        Share of positives, a fraction.
    n_steps : int, default=200
        Number of pairs of steps, after those that fill the queue.
    device : str, default="cpu"
        Device of the losses and of the batches.

    Returns
    -------
    seconds : list of (float, float)
        Times of a step of `PAUCAtBudgetLoss` here and in imbalanced-losses.
    """
    import imbalanced_losses

    from skbudget.neural import PAUCAtBudgetLoss

    settings: dict[str, Any] = {"surrogate": surrogate, "queue_size": queue_size}
    losses = (
        PAUCAtBudgetLoss(1, **settings).to(device),
        imbalanced_losses.PAUCAtBudgetLoss(num_classes=1, **settings).to(device),
    )
    to_fill = -(-queue_size // batch_size)
    return time_steps(losses, batch_size, pos_rate, n_steps, to_fill, device)


def time_steps(
    losses: tuple[Callable[..., Tensor], Callable[..., Tensor]],
    batch_size: int,
    pos_rate: float,
    n_steps: int,
    n_before: int = 1,
    device: str = "cpu",
) -> list[tuple[float, float]]:
    """Time pairs of steps of any two losses on the same batches.

    Parameters
    ----------
    losses : tuple of two callables
        ``loss(logits, targets)`` of tensors of shapes (batch_size, 1) and (batch_size,).
    batch_size : int
        Number of rows of a batch. At least one of them is positive.
    pos_rate : float
        Share of positives, a fraction.
    n_steps : int
        Number of pairs of steps.
    n_before : int, default=1
        Number of pairs of steps before these, which do not count.
    device : str, default="cpu"
        Device of the batches. A GPU has finished a step before its time is taken.

    Returns
    -------
    seconds : list of (float, float)
        Times of a forward and a backward pass of both losses.
    """
    import torch

    draw = torch.Generator().manual_seed(0)
    pairs = []
    for step in range(n_before + n_steps):
        scores = torch.randn(batch_size, 1, generator=draw)
        targets = (torch.rand(batch_size, generator=draw) < pos_rate).long()
        targets[0] = 1
        scores[targets == 1] += 1.5
        scores, targets = scores.to(device), targets.to(device)
        taken = [0.0, 0.0]
        # They take turns, so that neither always finds the other's rows in the cache.
        for which in (0, 1) if step % 2 else (1, 0):
            logits = scores.clone().requires_grad_()
            _wait_for(logits.device)
            start = time.perf_counter()
            losses[which](logits, targets).backward()
            _wait_for(logits.device)
            taken[which] = time.perf_counter() - start
        if step >= n_before:
            pairs.append((taken[0], taken[1]))
    return pairs


def _wait_for(device: Any) -> None:
    """Wait until a GPU has finished its work."""
    if device.type == "cuda":
        import torch

        torch.cuda.synchronize(device)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the median seconds of a step, and the median ratio of the pairs."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed.loss_cost",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--batch-size", type=int, default=4096, help="rows of a batch")
    parser.add_argument("--queue-size", type=int, default=32_768, help="rows of the memory queue")
    parser.add_argument("--pos-rate", type=float, default=0.005, help="share of positives")
    parser.add_argument("--steps", type=int, default=200, help="number of pairs of steps")
    parser.add_argument("--n-jobs", type=int, default=1, help="number of threads of torch")
    parser.add_argument("--device", default="cpu", help="device to compute on")
    options = parser.parse_args(arguments)
    import torch

    torch.set_num_threads(options.n_jobs)
    for surrogate in SURROGATES:
        pairs = paired_seconds(
            surrogate,
            options.batch_size,
            options.queue_size,
            options.pos_rate,
            options.steps,
            options.device,
        )
        ours, theirs = (1e3 * statistics.median(column) for column in zip(*pairs))
        ratio = statistics.median(there / here for here, there in pairs)
        print(
            f"{surrogate:9}  skbudget {ours:6.2f} ms   imbalanced-losses {theirs:6.2f} ms   "
            f"median ratio {ratio:5.2f}"
        )


if __name__ == "__main__":
    main()
