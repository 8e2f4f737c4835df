"""Examples of the losses of `skbudget.neural`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from skbudget import neural

from ._names import build
from ._record import Example, group


class Batch(NamedTuple):
    """A batch of logits, and what is known about its rows."""

    logits: torch.Tensor
    targets: torch.Tensor
    iid: torch.Tensor
    weight: torch.Tensor


def _batches(
    n_rows: int, n_classes: int, *, dtype: torch.dtype = torch.float32, ignored: bool = False
) -> list[Batch]:
    """Return three batches of different lengths."""
    rng = torch.Generator().manual_seed(n_rows + n_classes)
    batches = []
    for n in (n_rows, n_rows // 2, n_rows + 7):
        shape = (n,) if n_classes == 1 else (n, n_classes)
        logits = torch.randn(*shape, generator=rng, dtype=torch.float64)
        if n_classes == 1:
            targets = (torch.rand(n, generator=rng) < 0.2).long()
            logits = logits + targets
        else:
            targets = torch.randint(0, n_classes, (n,), generator=rng)
        iid = torch.rand(n, generator=rng) < 0.7
        weight = torch.randint(0, 4, (n,), generator=rng).to(dtype)
        if ignored:
            targets = targets.masked_fill(torch.rand(n, generator=rng) < 0.1, -100)
        batches.append(Batch(logits.to(dtype), targets, iid, weight))
    return batches


def _descend(loss: nn.Module, batches: list[Batch], kind: str, **options: Any) -> dict[str, Any]:
    """Return values, gradients and everything else that the loss returns, batch by batch."""
    takes = inspect.signature(loss.forward).parameters
    found: dict[str, Any] = {}
    for number, batch in enumerate(batches):
        given: dict[str, Any] = {}
        if "weight" in kind:
            given["sample_weight"] = batch.weight
        if "iid" in kind and "iid_mask" in takes:
            given["iid_mask"] = batch.iid
        logits = batch.logits.clone().requires_grad_()
        out = loss(logits, batch.targets, **given, **options)
        value, *others = out if isinstance(out, tuple) else (out,)
        torch.nansum(value).backward()
        found[f"{number}: loss"] = value
        found[f"{number}: gradient"] = logits.grad
        for other in others:
            parts = other if isinstance(other, Mapping) else {"per class": other}
            if not isinstance(other, Mapping) and other.dtype == torch.bool:
                parts = {"valid": other}
            found |= {f"{number}: {name}": part for name, part in parts.items()}
    return found


RANKING: dict[str, dict[str, Any]] = {
    "default": {},
    "wide": {"beta": 0.2},
    "alpha": {"alpha": 0.05, "beta": 0.4},
    "logistic": {"beta": 0.2, "link": "logistic"},
    "population": {"beta": 0.3, "basis": "population"},
    "width": {"beta": 0.4, "tau_scale": "band", "temperature": 0.5},
    "score-units": {"beta": 0.3, "tau_scale": None, "temperature": 1.0},
    "trapezoid": {"beta": 0.2, "surrogate": "trapezoid"},
    "trapezoid-5": {"alpha": 0.02, "beta": 0.4, "surrogate": "trapezoid", "n_knots": 5},
    "live": {"beta": 0.2, "pos_numerator": "live"},
    "weighted-budget": {"beta": 0.2, "weighted_budget": True},
    "weighted-knots": {
        "beta": 0.3,
        "weighted_budget": True,
        "surrogate": "trapezoid",
        "n_knots": 4,
    },
    "weighted-width": {"beta": 0.3, "weighted_budget": True, "tau_scale": "band"},
    "no-queue": {"beta": 0.2, "queue_size": 0},
    "short-queue": {"beta": 0.2, "queue_size": 50},
    "capped": {"beta": 0.2, "max_pool_size": 100},
    "sum": {"beta": 0.2, "reduction": "sum"},
    "none": {"beta": 0.2, "reduction": "none"},
    "linear": {"beta": 0.2, "quantile_interpolation": "linear"},
    "midpoint": {"alpha": 0.05, "beta": 0.2, "quantile_interpolation": "midpoint"},
    "lower": {"beta": 0.2, "quantile_interpolation": "lower"},
    "higher": {"beta": 0.2, "quantile_interpolation": "higher"},
    "nearest": {"beta": 0.2, "quantile_interpolation": "nearest"},
}
OTHER_RANKING: dict[str, tuple[str, dict[str, Any]]] = {
    "smooth-ap": ("SmoothAPLoss", {}),
    "smooth-ap-soft": ("SmoothAPLoss", {"temperature": 0.5, "queue_size": 40}),
    "smooth-ap-capped": ("SmoothAPLoss", {"temperature": 0.2, "max_pool_size": 90}),
    "recall": ("RecallAtQuantileLoss", {"budget": 0.1}),
    "recall-soft": ("RecallAtQuantileLoss", {"budget": 0.2, "temperature": 0.5, "queue_size": 60}),
    "recall-linear": (
        "RecallAtQuantileLoss",
        {"budget": 0.2, "temperature": 0.3, "quantile_interpolation": "linear"},
    ),
}
CROSS_ENTROPY: dict[str, tuple[str, tuple[Any, ...], dict[str, Any]]] = {
    "plain": ("WeightedCrossEntropyLoss", (), {}),
    "weighted": ("WeightedCrossEntropyLoss", (3.0,), {}),
    "balanced": ("WeightedCrossEntropyLoss", ("balanced",), {}),
    "mining": ("HardNegativeCrossEntropyLoss", (), {}),
    "mining-balanced": ("HardNegativeCrossEntropyLoss", ("balanced",), {"top_fraction": 0.2}),
    "focal": ("FocalLoss", (), {}),
    "focal-weighted": ("FocalLoss", (), {"alpha": 0.25, "gamma": 1.0}),
    "focal-sum": ("FocalLoss", (), {"reduction": "sum"}),
    "focal-none": ("FocalLoss", (), {"reduction": "none"}),
    "focal-positive": ("FocalLoss", (), {"reduction": "mean_positive", "gamma": 0.0}),
}
CLASS_CROSS_ENTROPY: dict[str, tuple[str, tuple[Any, ...], dict[str, Any]]] = {
    "plain": ("WeightedCrossEntropyLoss", (), {}),
    "weighted": ("WeightedCrossEntropyLoss", (), {"class_weight": [1.0, 2.0, 0.5, 3.0]}),
    "focal": ("FocalLoss", ("softmax",), {}),
    "focal-weighted": ("FocalLoss", ("softmax",), {"alpha": [1.0, 2.0, 0.5, 3.0]}),
    "focal-smoothed": ("FocalLoss", ("softmax",), {"label_smoothing": 0.1, "gamma": 1.5}),
    "focal-positive": ("FocalLoss", ("softmax",), {"reduction": "mean_positive"}),
}
KINDS = ("plain", "weight", "iid", "weight iid")


def _one_of_two(rank: int, folder: str) -> None:
    """Compute losses in one of two processes, on half of the rows, and save them in a folder."""
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/start", rank=rank, world_size=2
    )
    found: dict[str, Any] = {}
    for name, loss in {
        "pauc": neural.PAUCAtBudgetLoss(beta=0.2, queue_size=200),
        "classes": neural.PAUCAtBudgetLoss(4, beta=0.3, surrogate="trapezoid"),
        "smooth-ap": neural.SmoothAPLoss(temperature=0.3),
        "recall": neural.RecallAtQuantileLoss(budget=0.2, temperature=0.3),
    }.items():
        whole = _batches(150, 4 if name == "classes" else 1)
        mine = [Batch(*(part[rank::2] for part in batch)) for batch in whole]
        parts = _descend(loss, mine, "weight iid")
        found |= {f"{name}, {part}": values.detach().numpy() for part, values in parts.items()}
    torch.distributed.destroy_process_group()
    np.savez(Path(folder) / f"{rank}.npz", **found)


@group
def loss() -> Iterator[Example]:
    """Values and gradients of the losses of networks, over three batches."""

    def rank(
        name: str, params: dict[str, Any], kind: str, n_classes: int, **of_batches: Any
    ) -> dict[str, Any]:
        of = build(getattr(neural, name), n_classes, **params)
        batches = _batches(150, n_classes, **of_batches)
        return _descend(of, batches, kind, return_per_class=True, return_diagnostics=True)

    def many_pairs(link: str, kind: str) -> dict[str, Any]:
        params = {"beta": 0.5, "link": link, "queue_size": 6_000, "weighted_budget": True}
        of = build(neural.PAUCAtBudgetLoss, **params)
        return _descend(of, _batches(4_000, 1), kind, return_diagnostics=True)

    def mean(
        name: str, args: tuple[Any, ...], params: dict[str, Any], kind: str, n_classes: int
    ) -> dict[str, Any]:
        of = build(getattr(neural, name), *args, **params)
        batches = _batches(150, n_classes, ignored=True)
        if name == "FocalLoss" and args == ():
            # The sigmoid form wants targets in the shape of the logits.
            batches = [
                batch._replace(targets=batch.targets.view_as(batch.logits)) for batch in batches
            ]
        return _descend(of, batches, kind)

    def oracle() -> dict[str, Any]:
        of = neural.HardNegativeCrossEntropyLoss(2.0, factor=5.0)
        found: dict[str, Any] = {}
        for number, batch in enumerate(_batches(150, 1)):
            found |= {
                f"{number} {name}": part
                for name, part in _descend(of, [batch], "weight", hard_mask=batch.iid).items()
            }
        return found

    def without_training(kind: str) -> dict[str, Any]:
        of = neural.PAUCAtBudgetLoss(beta=0.2, update_queue_in_eval=kind == "updated").eval()
        return _descend(of, _batches(150, 1), "weight")

    def restored() -> dict[str, Any]:
        first = neural.PAUCAtBudgetLoss(beta=0.2, queue_size=200)
        batches = _batches(150, 1)
        found = _descend(first, batches, "weight iid")
        second = neural.PAUCAtBudgetLoss(beta=0.2, queue_size=200)
        second.load_state_dict(first.state_dict())
        again = _descend(second, batches, "weight iid")
        second.reset_queue()
        empty = _descend(second, batches, "weight iid")
        found |= {f"restored, {name}": part for name, part in again.items()}
        return found | {f"emptied, {name}": part for name, part in empty.items()}

    def in_two_processes() -> dict[str, Any]:
        found: dict[str, Any] = {}
        with TemporaryDirectory() as folder:
            torch.multiprocessing.spawn(_one_of_two, (folder,), nprocs=2)
            for rank in range(2):
                with np.load(Path(folder) / f"{rank}.npz") as parts:
                    found |= {f"{rank}: {name}": parts[name] for name in parts}
        return found

    for n_classes in (1, 4):
        of_classes = "binary" if n_classes == 1 else "classes"
        for kind in KINDS:
            for name, params in RANKING.items():
                yield (
                    f"pauc/{of_classes}/{name}/{kind}",
                    partial(rank, "PAUCAtBudgetLoss", params, kind, n_classes),
                )
            for name, (of, params) in OTHER_RANKING.items():
                yield f"{name}/{of_classes}/{kind}", partial(rank, of, params, kind, n_classes)
        for name in ("wide", "trapezoid-5"):
            for case, of_batches in {
                "float64": {"dtype": torch.float64},
                "ignored": {"ignored": True},
            }.items():
                yield (
                    f"pauc/{of_classes}/{name}/{case}",
                    partial(
                        rank,
                        "PAUCAtBudgetLoss",
                        RANKING[name],
                        "weight",
                        n_classes,
                        **of_batches,
                    ),
                )
        cases = CROSS_ENTROPY if n_classes == 1 else CLASS_CROSS_ENTROPY
        for name, (of, args, params) in cases.items():
            for kind in KINDS:
                yield (
                    f"cross-entropy/{of_classes}/{name}/{kind}",
                    partial(mean, of, args, params, kind, n_classes),
                )
    for link in ("sigmoid", "logistic"):
        for kind in ("plain", "weight"):
            yield f"pauc/many-pairs/{link}/{kind}", partial(many_pairs, link, kind)
    yield "cross-entropy/binary/mining/oracle", oracle
    yield "pauc/eval/kept", partial(without_training, "kept")
    yield "pauc/eval/updated", partial(without_training, "updated")
    yield "pauc/restored", restored
    yield "two-processes", in_two_processes


WARMUPS: dict[str, dict[str, Any]] = {
    "steps": {"warmup_steps": 2, "blend_steps": 3},
    "temperature": {
        "warmup_steps": 2,
        "blend_steps": 2,
        "temperature_start": 0.5,
        "temperature_end": 0.1,
        "temperature_decay_steps": 5,
    },
    "partly": {"warmup_steps": 1, "blend_steps": 2, "final_main_weight": 0.6},
    "epochs": {
        "warmup_epochs": 1,
        "blend_epochs": 1,
        "temperature_start": 1.0,
        "temperature_end": 0.2,
        "temperature_decay_steps": 4,
        "reset_queue_each_epoch": True,
    },
}


@group
def warmup() -> Iterator[Example]:
    """The change from one loss to another, step by step."""

    def new(params: dict[str, Any]) -> Any:
        return build(
            neural.LossWarmup,
            neural.WeightedCrossEntropyLoss("balanced"),
            neural.PAUCAtBudgetLoss(beta=0.2, queue_size=200),
            **params,
        )

    def compute(params: dict[str, Any], kind: str) -> dict[str, Any]:
        of, batches = new(params), _batches(100, 1)
        found: dict[str, Any] = {"main_weight": [], "temperature": []}
        for step in range(9):
            if step % 3 == 0:
                of.on_train_epoch_start(step // 3)
            of.on_train_batch_start(step)
            found["main_weight"].append(of.main_weight)
            found["temperature"].append(of.current_temperature)
            if step == 5:
                # The run is interrupted here, and goes on.
                again = new(params)
                again.load_state_dict(of.state_dict())
                of = again
            options = {} if of.in_warmup else {"return_diagnostics": True}
            done = _descend(of, [batches[step % 3]], kind, **options)
            found |= {f"step {step}, {name}": part for name, part in done.items()}
        return found

    for name, params in WARMUPS.items():
        for kind in ("plain", "weight iid"):
            yield f"{name}/{kind}", partial(compute, params, kind)
