"""Valid examples of the losses as torch modules."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from hostile_data import labels, optional_columns, scores, weights
from hostile_examples_losses import from_counts
from hostile_legal import Array, Kind, Number
from hostile_rule import Example

from skbudget import neural
from skbudget.objectives import PairwisePAUC

ANYTHING = Kind()

# A regulariser is a number or a word, and so is a centre.
CENTRES: dict[str, Kind] = {
    "regularizer": Number(low=1e-12, high=1e12, words=("budget", "signal")),
    "centre": Number(low=-1e150, high=1e150, words=("budget",)),
}

# Two columns of logits are two classes; weights broadcast to the targets.
_COLUMNS = {"logits": Array("tensors", role="margins")}
# Any number is a real target.
_REAL = {"targets": Array("tensors", role="numbers")}
_KINDS_OF_FORWARD: dict[str, dict[str, Kind]] = {
    "NumpyLoss": _COLUMNS,
    # A process needs cross sections.
    "SignificanceLoss": {**_COLUMNS, "process": ANYTHING},
    "WeightedCrossEntropyLoss": _COLUMNS,
    "VectorScalingSoftmaxLoss": _COLUMNS,
    "LogCoshLoss": _REAL,
    "QuantileLoss": _REAL,
    # Two columns are three levels.
    **dict.fromkeys(("CoralLoss", "OrdinalLogLoss"), _COLUMNS),
    "FocalLoss": {"sample_weight": Array("tensors", role="broadcast", none=True)},
}


def _tensors(variant: int) -> dict[str, Any]:
    given = {
        "logits": torch.tensor(scores(variant), dtype=torch.float32, requires_grad=True),
        "targets": torch.tensor(labels(variant)),
    }
    if variant % 2:
        given["sample_weight"] = torch.tensor(weights(variant), dtype=torch.float32)
    return given


def _two_columns(variant: int) -> dict[str, Any]:
    given = _tensors(variant)
    logits = given["logits"].detach()
    given["logits"] = torch.stack([-logits, logits], dim=1).requires_grad_(True)
    return given


def _more_tensors(variant: int) -> dict[str, Any]:
    mask = torch.tensor(optional_columns(variant)["iid_mask"])
    return {
        "sample_weight": torch.tensor(weights(variant), dtype=torch.float32),
        "iid_mask": mask,
        "hard_mask": ~mask,
    }


def _with_gradient(make: Callable[[], Any]) -> Callable[..., Any]:
    """Return the loss, and the gradient by the logits if they take one."""

    def call(**arguments: Any) -> Any:
        logits = arguments.get("logits")
        floating = torch.is_tensor(logits) and logits.is_floating_point()
        if floating and logits.device.type == "cpu" and not logits.is_sparse:
            arguments["logits"] = logits.detach().clone().requires_grad_(True)
        loss = make()(**arguments)
        first = loss[0] if isinstance(loss, tuple) else loss
        if floating and torch.is_tensor(first) and first.requires_grad:
            first.sum().backward()
            return loss, arguments["logits"].grad
        return loss

    return call


@cache
def _torch_settings() -> dict[str, dict[str, Any]]:
    """Return settings by which each loss has terms on few rows."""
    return {
        "PAUCAtBudgetLoss": {"beta": 0.5, "queue_size": 16},
        "RecallAtQuantileLoss": {"budget": 0.25, "queue_size": 16},
        "SmoothAPLoss": {"queue_size": 16},
        "CriticalRankLoss": {"queue_size": 16},
        "RankRegLoss": {"queue_size": 16},
        "HardNegativeCrossEntropyLoss": {"top_fraction": 0.25},
        "OrdinalAllThresholdLoss": {"n_levels": 2},
    }


def _torch_modules() -> dict[str, type]:
    found = {name: getattr(neural, name) for name in neural.__all__}
    return {
        name: member
        for name, member in found.items()
        if inspect.isclass(member)
        and issubclass(member, torch.nn.Module)
        # Those have examples of their own.
        and not getattr(member, "trains_embeddings", False)
    }


def examples() -> list[Example]:
    """Return the examples of this room."""
    room = "skbudget.neural"
    examples = []
    diagnostics = (".grad", "]", "result[1]", "result[2]", "result[3]")
    for name, found in _torch_modules().items():
        if name in ("ALMLoss", "LossWarmup", "MultilabelCrossEntropyLoss", "NumpyLoss"):
            continue
        settings = _torch_settings().get(name, {})
        # The `alpha` of a band is another parameter.
        weights = ("alpha", "class_weight") if name == "FocalLoss" else ("class_weight",)

        tensors = _two_columns if name == "OrdinalLogLoss" else _tensors

        def build(_found: Any = found, _tensors: Any = tensors, **given: Any) -> Any:
            return _with_gradient(lambda: _found(**given))(**_tensors(0))

        examples += [
            Example(
                f"{room}.{name}",
                build,
                lambda variant, settings=settings: dict(settings),
                (found,),
                kinds={
                    **dict.fromkeys(weights, Kind(none=True)),
                    "cross_sections": Kind(none=True),
                    **CENTRES,
                },
            ),
            Example(
                f"{room}.{name}.forward",
                _with_gradient(lambda found=found, settings=settings: found(**settings)),
                tensors,
                (found.forward,),
                filled=_more_tensors,
                kinds=_KINDS_OF_FORWARD.get(name, {}),
                nan=diagnostics,
                passes_nan=True,
            ),
        ]
        examples += [
            Example(
                f"{room}.{name}.{method}",
                lambda found=found, method=method: getattr(found(), method)(),
                lambda variant: {},
                (getattr(found, method),),
            )
            for method in ("reset_queue", "end_step")
            if hasattr(found, method)
        ]
        if hasattr(found, "from_counts"):
            examples.append(from_counts(f"{room}.{name}", found))
    examples += _warmup(room) + _multipliers(room) + _labels(room)
    examples.append(
        Example(
            f"{room}.all_gather_rows",
            _gathered,
            lambda variant: {"tensor": torch.tensor(scores(variant))},
            (neural.all_gather_rows,),
            kinds={"tensor": Kind(pool="tensors")},
            infinite=True,
            nan=("result",),
        )
    )
    if "NumpyLoss" in neural.__all__:
        examples += _numpy_loss(room)
    return examples


def _numpy_loss(room: str) -> list[Example]:
    found = neural.NumpyLoss
    return [
        Example(
            f"{room}.NumpyLoss",
            lambda **given: _with_gradient(lambda: found(**given))(**_tensors(0)),
            lambda variant: {
                next(iter(inspect.signature(found).parameters)): PairwisePAUC(beta=0.5)
            },
            (found,),
        ),
        Example(
            f"{room}.NumpyLoss.forward",
            _with_gradient(lambda: found(PairwisePAUC(beta=0.5))),
            _tensors,
            (found.forward,),
            filled=_more_tensors,
            kinds=_KINDS_OF_FORWARD["NumpyLoss"],
            passes_nan=True,
        ),
    ]


def _labels(room: str) -> list[Example]:
    """Return the examples of the loss of several labels per row."""
    found = neural.MultilabelCrossEntropyLoss

    def two_labels(variant: int) -> dict[str, Any]:
        one, other = _tensors(variant), _tensors(variant + 2)
        given = {
            "logits": torch.stack([one["logits"], other["logits"]], dim=1).detach(),
            "targets": torch.stack([one["targets"], other["targets"]], dim=1),
        }
        return {**given, **{name: one[name] for name in one.keys() & {"sample_weight"}}}

    def more(variant: int) -> dict[str, Any]:
        return {"sample_weight": torch.tensor(weights(variant), dtype=torch.float32)}

    return [
        Example(
            f"{room}.MultilabelCrossEntropyLoss",
            lambda **given: _with_gradient(lambda: found(**given))(**two_labels(0)),
            lambda variant: {},
            (found,),
            kinds={"pos_weight": Kind(none=True)},
        ),
        Example(
            f"{room}.MultilabelCrossEntropyLoss.forward",
            _with_gradient(found),
            two_labels,
            (found.forward,),
            filled=more,
            # Hostile tensors have one entry per row, and these have one per label.
            skip=frozenset({"logits", "targets"}),
            passes_nan=True,
        ),
    ]


def _multipliers(room: str) -> list[Example]:
    """Return the examples of the loss that needs the numbers of the rows."""
    found = neural.ALMLoss

    def with_rows(variant: int) -> dict[str, Any]:
        given = _tensors(variant)
        return {**given, "row_id": torch.arange(given["targets"].numel())}

    def more(variant: int) -> dict[str, Any]:
        return {"sample_weight": torch.tensor(weights(variant), dtype=torch.float32)}

    def told(name: str) -> Callable[..., Any]:
        def call(**given: Any) -> Any:
            loss = found(margin=1.0)
            getattr(loss, name)(**given)
            return loss(**with_rows(0))

        return call

    return [
        Example(
            f"{room}.ALMLoss",
            lambda **given: _with_gradient(lambda: found(**given))(**with_rows(0)),
            lambda variant: {"margin": 1.0, "mu": 0.1},
            (found,),
        ),
        Example(
            f"{room}.ALMLoss.forward",
            _with_gradient(lambda: found(margin=1.0)),
            with_rows,
            (found.forward,),
            filled=more,
            kinds={"row_id": Array("tensors", role="ids")},
            passes_nan=True,
        ),
        Example(
            f"{room}.ALMLoss.on_validation",
            told("on_validation"),
            lambda variant: {"score": 0.5},
            (found.on_validation,),
            kinds={"score": Number()},
        ),
        Example(
            f"{room}.ALMLoss.get_extra_state",
            lambda: found().get_extra_state(),
            lambda variant: {},
            (found.get_extra_state,),
        ),
        Example(
            f"{room}.ALMLoss.set_extra_state",
            told("set_extra_state"),
            lambda variant: {"state": found().get_extra_state()},
            (found.set_extra_state,),
            kinds={"state": ANYTHING},
        ),
        *(
            Example(
                f"{room}.ALMLoss.{name}",
                lambda name=name: getattr(found(), name)(),
                lambda variant: {},
                (getattr(found, name),),
            )
            for name in ("end_step", "forget_rows")
        ),
    ]


def _gathered(tensor: Any) -> Any:
    """Gather the rows of a group of one."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        torch.distributed.init_process_group(
            "gloo", init_method=f"file://{folder}/group", rank=0, world_size=1
        )
        try:
            return neural.all_gather_rows(tensor)
        finally:
            torch.distributed.destroy_process_group()


def _warmup(room: str) -> list[Example]:
    found = neural.LossWarmup
    lengths = {"warmup_steps": 2, "blend_steps": 2}

    def parts() -> dict[str, Any]:
        return {
            "warmup_loss": neural.WeightedCrossEntropyLoss(),
            "main_loss": neural.PAUCAtBudgetLoss(beta=0.5, queue_size=16),
        }

    def made() -> Any:
        loss = found(**parts(), **lengths)
        loss.on_train_batch_start(3)
        return loss

    def build(**settings: Any) -> Any:
        loss = found(**settings)
        loss.on_train_epoch_start(1)
        loss.on_train_batch_start(3)
        return _with_gradient(lambda: loss)(**_tensors(0))

    def announced(name: str) -> Callable[..., Any]:
        def call(**given: Any) -> Any:
            loss = made()
            getattr(loss, name)(**given)
            return loss(**_tensors(0))

        return call

    return [
        Example(
            f"{room}.LossWarmup",
            build,
            lambda variant: {**parts(), **lengths},
            (found,),
            kinds={"warmup_loss": ANYTHING, "main_loss": ANYTHING},
            owned=frozenset({"warmup_loss", "main_loss"}),
        ),
        Example(
            f"{room}.LossWarmup.forward",
            _with_gradient(made),
            _tensors,
            (found.forward,),
            filled=_more_tensors,
            passes_nan=True,
        ),
        Example(
            f"{room}.LossWarmup.on_train_batch_start",
            announced("on_train_batch_start"),
            lambda variant: {"step": 3},
            (found.on_train_batch_start,),
            kinds={"step": Number(whole=True, low=0)},
        ),
        Example(
            f"{room}.LossWarmup.on_train_epoch_start",
            announced("on_train_epoch_start"),
            lambda variant: {"epoch": 1},
            (found.on_train_epoch_start,),
            kinds={"epoch": Number(whole=True, low=0)},
        ),
        Example(
            f"{room}.LossWarmup.get_extra_state",
            lambda: made().get_extra_state(),
            lambda variant: {},
            (found.get_extra_state,),
        ),
        Example(
            f"{room}.LossWarmup.set_extra_state",
            announced("set_extra_state"),
            lambda variant: {"state": made().get_extra_state()},
            (found.set_extra_state,),
            kinds={"state": ANYTHING},
        ),
    ]
