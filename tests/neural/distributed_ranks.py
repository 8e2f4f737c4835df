"""Training steps on the shards of two ranks, run by the tests in processes of their own."""

from __future__ import annotations

import datetime
from typing import Any, NamedTuple

import torch
from torch import distributed as dist
from torch import nn

from skbudget.neural import (
    PAUCAtBudgetLoss,
    RecallAtQuantileLoss,
    SmoothAPLoss,
    all_gather_rows,
)

WORLD = 2


class Shard(NamedTuple):
    """Rows of one rank in one step."""

    X: torch.Tensor
    y: torch.Tensor
    iid: torch.Tensor | None = None
    weight: torch.Tensor | None = None


def shard(seed, n, rate=0.3, *, classes=1, masked=False, weighted=False, ignored=0.0):
    rng = torch.Generator().manual_seed(seed)
    X = torch.randn(n, 3, dtype=torch.float64, generator=rng)
    y = (torch.rand(n, generator=rng) < rate).long()
    if classes > 1:
        y = torch.randint(0, classes, (n,), generator=rng)
    y[torch.rand(n, generator=rng) < ignored] = -100
    iid = torch.rand(n, generator=rng) < 0.7 if masked else None
    weight = 0.5 + torch.rand(n, dtype=torch.float64, generator=rng) if weighted else None
    return Shard(X, y, iid, weight)


class Scenario(NamedTuple):
    loss: Any
    steps: list[tuple[Shard, Shard]]
    classes: int = 1


def _losses(**queue):
    return {
        "pairwise": lambda: PAUCAtBudgetLoss(beta=0.3, **queue),
        "logistic": lambda: PAUCAtBudgetLoss(beta=0.3, link="logistic", **queue),
        "trapezoid": lambda: PAUCAtBudgetLoss(beta=0.4, surrogate="trapezoid", n_knots=3, **queue),
        "live": lambda: PAUCAtBudgetLoss(
            beta=0.4, surrogate="trapezoid", pos_numerator="live", **queue
        ),
        "smooth AP": lambda: SmoothAPLoss(temperature=0.3, **queue),
        "recall": lambda: RecallAtQuantileLoss(budget=0.2, temperature=0.3, **queue),
    }


UNEVEN = [(shard(step, 30 + 7 * step), shard(10 + step, 41)) for step in range(4)]
NO_ROWS = [(shard(1, 40), shard(2, 0)), (shard(3, 0), shard(4, 9))]

SCENARIOS = {
    **{f"uneven, {name}": Scenario(make, UNEVEN) for name, make in _losses(queue_size=90).items()},
    **{
        f"no rows, {name}": Scenario(
            make, [(shard(1, 40), shard(2, 0)), (shard(3, 0), shard(4, 9))]
        )
        for name, make in _losses(queue_size=20).items()
    },
    **{
        f"no positive, {name}": Scenario(make, [(shard(1, 40, 0.0), shard(2, 30))])
        for name, make in _losses(queue_size=0).items()
    },
    "nothing anywhere": Scenario(
        lambda: PAUCAtBudgetLoss(),
        [(shard(1, 0), shard(2, 0)), (shard(3, 9, 0.0), shard(4, 9, 0.0))],
    ),
    "all ignored on one rank": Scenario(
        lambda: PAUCAtBudgetLoss(beta=0.3), [(shard(1, 20, ignored=1.0), shard(2, 30, ignored=0.2))]
    ),
    "mask on one rank": Scenario(
        lambda: PAUCAtBudgetLoss(beta=0.3, queue_size=50),
        [(shard(1, 40, masked=True), shard(2, 30)), (shard(3, 20), shard(4, 30, masked=True))],
    ),
    "weights on one rank": Scenario(
        lambda: PAUCAtBudgetLoss(beta=0.3, queue_size=50, weighted_budget=True),
        [(shard(1, 40), shard(2, 30, weighted=True)), (shard(3, 20, weighted=True), shard(4, 30))],
    ),
    "mask here, weights there": Scenario(
        lambda: PAUCAtBudgetLoss(beta=0.3, queue_size=50),
        [(shard(1, 40, masked=True), shard(2, 30, weighted=True))],
    ),
    "classes": Scenario(
        lambda: PAUCAtBudgetLoss(3, beta=0.3, queue_size=60),
        [(shard(1, 40, classes=3), shard(2, 33, classes=3, ignored=0.2))] * 2,
        3,
    ),
}


def together(parts):
    """The shards of a step as those of one process."""
    ones = {"iid": torch.bool, "weight": torch.float64}
    filled = []
    for name in Shard._fields:
        columns = [getattr(part, name) for part in parts]
        if all(column is None for column in columns):
            filled.append(None)
            continue
        columns = [
            torch.ones(len(part.y), dtype=ones[name]) if column is None else column
            for part, column in zip(parts, columns)
        ]
        filled.append(torch.cat(columns))
    return Shard(*filled)


def start_model(classes):
    model = nn.Linear(3, classes, dtype=torch.float64)
    with torch.no_grad():
        model.weight.copy_(torch.linspace(-1.0, 1.5, 3 * classes).reshape(classes, 3))
        model.bias.zero_()
    return model


def train(scenario, shards, wrap=lambda model: model, loss=None):
    """Take the steps; return each one's loss, gradients and diagnostics, and the queue."""
    loss = scenario.loss() if loss is None else loss
    model = start_model(scenario.classes)
    wrapped = wrap(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    record = []
    for part in shards:
        optimizer.zero_grad()
        kwargs = {"sample_weight": part.weight, "return_per_class": True}
        if isinstance(loss, PAUCAtBudgetLoss):
            kwargs["return_diagnostics"] = True
        value, per_class, _, *found = loss(wrapped(part.X), part.y, part.iid, **kwargs)
        value.backward()
        gradients = [parameter.grad.clone() for parameter in model.parameters()]
        optimizer.step()
        record.append((value.detach(), per_class.detach(), gradients, *found))
    return record, loss.state_dict()


def gathered(rank):
    """What `all_gather_rows` makes of rows of several kinds."""
    n = (3, 1)[rank]
    rows = torch.arange(2 * n, dtype=torch.float64).reshape(n, 2) + 100 * rank
    rows.requires_grad_()
    together = all_gather_rows(rows)
    together.square().sum().backward()
    flags = torch.arange((0, 4)[rank]) % 2 == 0
    return {
        "rows": together.detach(),
        "gradient": rows.grad,
        "labels": all_gather_rows(torch.arange(n) + 10 * rank),
        "flags": all_gather_rows(flags),
        "none": all_gather_rows(torch.zeros(0, 2)),
        "cubes": all_gather_rows(torch.full((n, 2, 3), float(rank))),
    }


def not_finite(rank):
    """A batch in which one rank has NaN, and the one after it."""
    loss = PAUCAtBudgetLoss(beta=0.3, queue_size=50)
    first, second = UNEVEN[0][rank], UNEVEN[1][rank]
    scores = first.X.sum(dim=1)
    if rank == 1:
        scores[[2, 5]] = torch.nan
    try:
        loss(scores, first.y)
        message = ""
    except FloatingPointError as error:
        message = str(error)
    return message, loss(second.X.sum(dim=1), second.y), loss.state_dict()


def reference_of(rank):
    """One step of imbalanced-losses 0.6 under data-parallel training, if it is there."""
    try:
        from imbalanced_losses import PAUCAtBudgetLoss as Reference
    except ImportError:
        return None
    loss = Reference(1, beta=0.3, queue_size=0, surrogate="pairwise", temperature=0.1)
    model = start_model(1)
    wrapped = nn.parallel.DistributedDataParallel(model)
    part = UNEVEN[0][rank]
    value, found = loss(wrapped(part.X), part.y, return_diagnostics=True)
    value.backward()
    return value.detach(), model.weight.grad, found["grad_pos_count"]


def work(rank, rendezvous, out):
    """Run every scenario as one rank of two."""
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo",
        init_method=f"file://{rendezvous}",
        rank=rank,
        world_size=WORLD,
        timeout=datetime.timedelta(seconds=60),
    )
    results: dict[str, Any] = {"gathered": gathered(rank), "reference": reference_of(rank)}
    results["not finite"] = not_finite(rank)
    for name, scenario in SCENARIOS.items():
        shards = [parts[rank] for parts in scenario.steps]
        results[name] = train(scenario, shards, nn.parallel.DistributedDataParallel)
    alone = PAUCAtBudgetLoss(beta=0.3, gather_distributed=False)
    results["alone"] = train(SCENARIOS["uneven, pairwise"], [UNEVEN[0][rank]], loss=alone)
    torch.save(results, f"{out}/{rank}.pt")
    dist.barrier()
    dist.destroy_process_group()
