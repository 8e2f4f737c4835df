"""Train a network on the partial AUC in several processes, each with its own rows.

Run it with ``torchrun --nproc-per-node 2 docs/examples/two_processes.py``.
"""

import torch
from torch import distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from skbudget import coverage_at_budget_score, make_contested_top
from skbudget.neural import LossWarmup, PAUCAtBudgetLoss, WeightedCrossEntropyLoss

BUDGET, EPOCHS = 0.005, 15


def main():
    """Train on the share of the rows that belongs to this process."""
    dist.init_process_group("gloo")
    rank, world = dist.get_rank(), dist.get_world_size()
    torch.manual_seed(0)  # all processes start from the same weights

    X, y = (torch.from_numpy(part) for part in make_contested_top(40_000, random_state=0))
    X, y = X[rank::world], y[rank::world]
    network = DistributedDataParallel(
        nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
    )
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=1.0)
    shuffle = torch.Generator().manual_seed(rank)
    batches = [
        rows
        for _ in range(EPOCHS)
        for rows in torch.randperm(len(y), generator=shuffle).split(2048 // world)
    ]
    # Rows and queues of all ranks are gathered, so the band is found among all rows.
    loss = LossWarmup(
        WeightedCrossEntropyLoss(pos_weight=float((y == 0).sum() / (y == 1).sum())),
        PAUCAtBudgetLoss(beta=BUDGET, queue_size=8192),
        warmup_steps=len(batches) * 3 // 10,
        blend_steps=len(batches) // 7,
        temperature_start=0.5,
        temperature_end=0.2,
        temperature_decay_steps=len(batches) * 7 // 10,
    )
    for step, rows in enumerate(batches):
        loss.on_train_batch_start(step)
        optimizer.zero_grad()
        loss(network(X[rows]), y[rows]).backward()
        optimizer.step()

    if rank == 0:
        X_new, y_new = make_contested_top(40_000, random_state=1)
        with torch.no_grad():
            scores = network.module(torch.from_numpy(X_new))[:, 0]
        coverage = coverage_at_budget_score(y_new, scores.numpy(), budget=BUDGET)
        print(f"coverage {coverage:.3f}")
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
