"""The networks of the study: one perceptron, one training loop, and a loss per contender."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skbudget.cli._threads import torch_threads

from ._contender import Contender, Fitted, Setting

if TYPE_CHECKING:
    from torch import Tensor

    from skbudget.neural.training._rows import Batches, TableDataset

__all__ = ["NETWORKS", "OUR_NETWORKS"]

# An epoch has at least this number of batches, which is about that of the published training.
_BATCHES = 32

# A ranking loss remembers twice the rows of a batch, as in the published training, and at
# least its default number of rows.
_QUEUE_FACTOR, _LEAST_QUEUE = 2, 1024


class _Task(NamedTuple):
    """The training that a loss is built for.

    Attributes
    ----------
    parameters : mapping
        Parameters of the trial.
    n_positives, n_negatives : int
        Numbers of positives and negatives that an epoch shows.
    batch_size, n_steps : int
        Number of rows of a step, and number of steps of the training.
    """

    parameters: Mapping[str, Any]
    n_positives: int
    n_negatives: int
    batch_size: int
    n_steps: int

    @property
    def class_ratio(self) -> float:
        return self.n_negatives / max(1, self.n_positives)

    @property
    def queue_size(self) -> int:
        # A longer queue would hold older scores of rows of the batch itself.
        others = self.n_positives + self.n_negatives - self.batch_size
        return max(0, min(max(_QUEUE_FACTOR * self.batch_size, _LEAST_QUEUE), others))


# A loss is called with the step, logits and targets of shape (n_rows, 1), and row numbers.
_Loss = Callable[[int, "Tensor", "Tensor", "Tensor"], "Tensor"]


# --- batches -----------------------------------------------------------------------


def _with_their_share(
    rows: TableDataset, batch_size: int, parameters: Mapping[str, Any], draw: np.random.RandomState
) -> Batches:
    """Return batches that have their share of the positives, and at least one positive."""
    from skbudget.neural.training._rows import BalancedBatches

    return BalancedBatches(rows, batch_size, draw)


class _DualBatches:
    """Batches with a fixed number of positives. An epoch shows every negative once.

    LibAUC's ``DualSampler`` does the same, but it cannot be imported without torchvision.
    """

    def __init__(
        self,
        rows: TableDataset,
        batch_size: int,
        parameters: Mapping[str, Any],
        draw: np.random.RandomState,
    ) -> None:
        y = rows.about["y"].numpy()
        self.rows, self.draw = rows, draw
        self.positives, self.negatives = np.flatnonzero(y == 1), np.flatnonzero(y == 0)
        # A batch has at least the positives of a random batch, and none of them twice.
        share = max(parameters["sampling_rate"], self.positives.size / y.size)
        wanted = min(max(1, round(share * batch_size)), batch_size - 1)
        self.n_positives = min(wanted, self.positives.size)
        self.n_batches = -(-self.negatives.size // (batch_size - self.n_positives))

    def __len__(self) -> int:
        return self.n_batches

    def __iter__(self) -> Iterator[tuple[Tensor, dict[str, Tensor]]]:
        for negatives in np.array_split(self.draw.permutation(self.negatives), self.n_batches):
            positives = self.draw.choice(self.positives, self.n_positives, replace=False)
            yield self.rows[np.concatenate([positives, negatives])]


# --- optimizers --------------------------------------------------------------------


def _adamw(weights: Any, parameters: Mapping[str, Any]) -> Any:
    from torch.optim import AdamW

    return AdamW(weights, lr=parameters["learning_rate"], weight_decay=parameters["weight_decay"])


def _sopas(weights: Any, parameters: Mapping[str, Any]) -> Any:
    import torch
    from libauc.optimizers import SOPAs

    return SOPAs(
        weights,
        lr=parameters["learning_rate"],
        weight_decay=parameters["weight_decay"],
        device=torch.device("cpu"),
        verbose=False,
    )


# --- losses ------------------------------------------------------------------------


def _cross_entropy(task: _Task) -> _Loss:
    from skbudget.neural import WeightedCrossEntropyLoss

    loss = WeightedCrossEntropyLoss(task.class_ratio ** task.parameters["balance"])
    return lambda step, logits, targets, rows: loss(logits, targets)


def _focal(task: _Task) -> _Loss:
    from skbudget.neural import FocalLoss

    loss = FocalLoss(gamma=task.parameters["gamma"], alpha=task.parameters["alpha"])
    return lambda step, logits, targets, rows: loss(logits, targets)


def _after_cross_entropy(
    task: _Task, wrapper: Callable[..., Any], main: Any, of_loss: str
) -> _Loss:
    """Warm up on balanced cross-entropy, then sharpen a ranking loss, as published."""
    from skbudget.neural import WeightedCrossEntropyLoss

    from ..reproduction._training import BLEND, TEMPERATURES, WARMUP

    hot, cold = TEMPERATURES[of_loss]
    sharpness = task.parameters["temperature"] / cold
    warmup_steps = int(WARMUP * task.n_steps)
    loss = wrapper(
        WeightedCrossEntropyLoss(task.class_ratio),
        main,
        warmup_steps=warmup_steps,
        blend_steps=int(BLEND * task.n_steps),
        temperature_start=sharpness * hot,
        temperature_end=sharpness * cold,
        temperature_decay_steps=max(1, task.n_steps - warmup_steps),
    )

    def of_step(step: int, logits: Tensor, targets: Tensor, rows: Tensor) -> Tensor:
        loss.on_train_batch_start(step)
        return loss(logits, targets)

    return of_step


def _smooth_ap(task: _Task) -> _Loss:
    from skbudget.neural import LossWarmup, SmoothAPLoss

    main = SmoothAPLoss(queue_size=task.queue_size)
    return _after_cross_entropy(task, LossWarmup, main, "smoothap")


def _imbalanced_losses(task: _Task) -> _Loss:
    from imbalanced_losses import LossWarmupWrapper, PAUCAtBudgetLoss

    main = PAUCAtBudgetLoss(
        num_classes=1,
        alpha=0.0,
        beta=task.parameters["beta"],
        surrogate=task.parameters["surrogate"],
        queue_size=task.queue_size,
    )

    def wrapper(warmup: Any, main: Any, **settings: Any) -> Any:
        theirs = {name.replace("temperature", "temp"): value for name, value in settings.items()}
        return LossWarmupWrapper(warmup, main, **theirs)

    return _after_cross_entropy(task, wrapper, main, "pauc")


def _libauc(task: _Task) -> _Loss:
    import torch
    from libauc.losses import pAUC_DRO_Loss
    from torch.nn.functional import binary_cross_entropy_with_logits

    parameters = task.parameters
    # It keeps a state for each row number, although only positives use theirs.
    main = pAUC_DRO_Loss(
        data_len=task.n_positives + task.n_negatives,
        gamma=parameters["gamma"],
        Lambda=parameters["Lambda"],
        device=torch.device("cpu"),
    )
    n_pretraining = int(parameters["pretraining"] * task.n_steps)

    def of_step(step: int, logits: Tensor, targets: Tensor, rows: Tensor) -> Tensor:
        if step < n_pretraining:
            # The optimizer is the same, because SOPAs is Adam with clipped gradients.
            return binary_cross_entropy_with_logits(logits, targets.float())
        # It gets probabilities, as in its tutorials, because it exponentiates squares.
        return main(torch.sigmoid(logits), targets, rows)

    return of_step


# --- training ----------------------------------------------------------------------


class _Recipe(NamedTuple):
    """The way a network is trained.

    Attributes
    ----------
    loss : callable
        Builds the loss for a task.
    batches : callable
        Builds the batches. An epoch iterates over them once.
    optimizer : callable
        Builds the optimizer of the weights.
    """

    loss: Callable[[_Task], _Loss]
    batches: Callable[[TableDataset, int, Mapping[str, Any], np.random.RandomState], Any] = (
        _with_their_share
    )
    optimizer: Callable[[Any, Mapping[str, Any]], Any] = _adamw


def _train(
    recipe: _Recipe, parameters: Mapping[str, Any], X: NDArray, y: NDArray, setting: Setting
) -> Any:
    """Return a perceptron that is trained on rows without missing values."""
    import torch

    from skbudget.neural.training._draws import own_draws
    from skbudget.neural.training._module import MLP
    from skbudget.neural.training._rows import TableDataset

    draw = np.random.RandomState(setting.random_state)
    rows = TableDataset(X.astype(np.float32), y=y.astype(np.int64), row=np.arange(y.size))
    batch_size = min(parameters["batch_size"], max(_BATCHES, y.size // _BATCHES))
    batches = recipe.batches(rows, batch_size, parameters, draw)
    epochs = max(2, round(setting.effort * parameters["epochs"]))
    n_steps = epochs * len(batches)
    # If there are fewer positives than batches, an epoch shows them more than once.
    n_positives, n_negatives = max(int(y.sum()), len(batches)), int(y.size - y.sum())
    with own_draws(draw, torch.device("cpu"), foreign=True):
        model = MLP(X.shape[1], hidden_layer_sizes=(parameters["hidden"],) * 2)
        task = _Task(parameters, n_positives, n_negatives, batch_size, n_steps)
        loss_of = recipe.loss(task)
        optimizer = recipe.optimizer(model.parameters(), parameters)
        shown = chain.from_iterable(repeat(batches, epochs))
        for step, (part, about) in enumerate(shown):
            for group in optimizer.param_groups:
                # The rate falls to zero along a cosine, whatever the length of the training.
                progress = step / n_steps
                group["lr"] = parameters["learning_rate"] * (1 + math.cos(math.pi * progress)) / 2
            try:
                loss = loss_of(step, model(part)[:, 0], about["y"][:, None], about["row"])
            except FloatingPointError:
                # These parameters let the network diverge. Its coverage will say so.
                break
            if torch.isfinite(loss):
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
    return model.eval()


def _fit(
    recipe: _Recipe,
    parameters: Mapping[str, Any],
    X: NDArray,
    y: NDArray,
    setting: Setting,
) -> Fitted:
    import torch

    from skbudget.cli._network import numbers_for_networks

    from ..reproduction._training import SCORED_ROWS

    prepare = numbers_for_networks()
    with torch_threads(setting.n_jobs):
        model = _train(recipe, parameters, prepare.fit_transform(X), y, setting)

    def score(X: NDArray) -> NDArray:
        table = torch.from_numpy(prepare.transform(X).astype(np.float32))
        with torch_threads(setting.n_jobs), torch.no_grad():
            return torch.cat([model(part)[:, 0, 0] for part in table.split(SCORED_ROWS)]).numpy()

    return score


# --- what is tuned -----------------------------------------------------------------


@dataclass(frozen=True)
class _Space:
    """The space of the perceptron, of its training and of a loss.

    Parameters
    ----------
    of_loss : callable
        ``of_loss(trial)`` draws the parameters of the loss.
    weight_decay : tuple of float, default=(1e-3, 3.0)
        Range of the weight decay. It is decoupled in AdamW and an L2 penalty in SOPAs.
    """

    of_loss: Callable[[Any], dict[str, Any]]
    weight_decay: tuple[float, float] = (1e-3, 3.0)

    def __call__(self, trial: Any) -> dict[str, Any]:
        """Draw parameters."""
        return {
            "hidden": trial.suggest_categorical("hidden", [64, 128, 256]),
            "learning_rate": trial.suggest_float("learning_rate", 3e-4, 1e-2, log=True),
            "weight_decay": trial.suggest_float("weight_decay", *self.weight_decay, log=True),
            "epochs": trial.suggest_int("epochs", 10, 30),
            "batch_size": trial.suggest_categorical("batch_size", [1024, 4096]),
            **self.of_loss(trial),
        }


# The published network and step size, AdamW's default decay, and enough epochs for a table
# of about ten thousand rows.
_START: dict[str, Any] = {
    "hidden": 64,
    "learning_rate": 1e-3,
    "weight_decay": 1e-2,
    "epochs": 30,
    "batch_size": 1024,
}


def _suggest_cross_entropy(trial: Any) -> dict[str, Any]:
    return {"balance": trial.suggest_float("balance", 0.0, 1.0)}


def _suggest_focal(trial: Any) -> dict[str, Any]:
    return {
        "gamma": trial.suggest_float("gamma", 0.5, 5.0),
        "alpha": trial.suggest_categorical("alpha", [0.25, 0.5, 0.9, 0.99, 0.999]),
    }


def _suggest_smooth_ap(trial: Any) -> dict[str, Any]:
    return {"temperature": trial.suggest_float("temperature", 0.003, 0.3, log=True)}


def _suggest_libauc(trial: Any) -> dict[str, Any]:
    # The ranges and values are those of LibAUC's documentation.
    return {
        "sampling_rate": trial.suggest_categorical("sampling_rate", [0.05, 0.1, 0.2]),
        "gamma": trial.suggest_categorical("gamma", [0.1, 0.3, 0.5, 0.7, 0.9]),
        "Lambda": trial.suggest_float("Lambda", 0.1, 10.0, log=True),
        "pretraining": trial.suggest_categorical("pretraining", [0.0, 0.3]),
    }


def _suggest_imbalanced_losses(trial: Any) -> dict[str, Any]:
    return {
        "beta": trial.suggest_categorical("beta", [0.005, 0.02, 0.05]),
        "surrogate": trial.suggest_categorical("surrogate", ["pairwise", "trapezoid"]),
        "temperature": trial.suggest_float("temperature", 0.03, 0.5, log=True),
    }


# --- ours --------------------------------------------------------------------------


def _fit_ours(parameters: Mapping[str, Any], X: NDArray, y: NDArray, setting: Setting) -> Fitted:
    from skbudget.cli._network import TabularNetwork

    if setting.budget is None:
        raise ValueError("PAUCClassifier is trained for a budget: the setting has none.")
    options = {} if setting.effort >= 1 else {"max_epochs": epochs_of(setting.effort, len(y))}
    network = TabularNetwork(setting.budget, setting.random_state, setting.n_jobs, **options)
    return network.fit(X, y).decision_function


def epochs_of(effort: float, n_rows: int) -> int:
    """Return a share of the default number of epochs of `PAUCClassifier`."""
    from skbudget.neural import PAUCClassifier
    from skbudget.neural.training._settings import settings_of
    from skbudget.neural.training._support import auto_epochs

    plain = settings_of(PAUCClassifier())
    n_batches = -(-n_rows // plain.batch_size)
    return max(2, round(effort * auto_epochs(n_batches, plain.least_passes, plain.least_steps)))


_peer = partial(Contender, role="peer", family="network")
_torch_peer = partial(_peer, package="torch", extra="neural", modules=("skorch",))

NETWORKS: tuple[Contender, ...] = (
    _torch_peer(
        name="mlp-cross-entropy",
        label="MLP, weighted cross-entropy",
        fit=partial(_fit, _Recipe(_cross_entropy)),
        suggest=_Space(_suggest_cross_entropy),
        start={**_START, "balance": 1.0},
        pointwise=True,
    ),
    _torch_peer(
        name="mlp-focal",
        label="MLP, focal loss",
        fit=partial(_fit, _Recipe(_focal)),
        suggest=_Space(_suggest_focal),
        start={**_START, "gamma": 2.0, "alpha": 0.25},
        pointwise=True,
    ),
    _torch_peer(
        name="mlp-smooth-ap",
        label="MLP, SmoothAP",
        fit=partial(_fit, _Recipe(_smooth_ap)),
        suggest=_Space(_suggest_smooth_ap),
        start={**_START, "temperature": 0.01},
    ),
    _peer(
        name="mlp-libauc",
        label="MLP, LibAUC pAUC",
        package="libauc",
        extra="bench",
        # `libauc` by itself imports nothing.
        modules=("torch", "skorch", "libauc.losses", "libauc.optimizers"),
        fit=partial(_fit, _Recipe(_libauc, _DualBatches, _sopas)),
        suggest=_Space(_suggest_libauc, weight_decay=(1e-6, 1e-2)),
        start={
            **_START,
            "weight_decay": 1e-5,
            "sampling_rate": 0.1,
            "gamma": 0.9,
            "Lambda": 1.0,
            "pretraining": 0.3,
        },
    ),
    _peer(
        name="mlp-imbalanced-losses",
        label="MLP, imbalanced-losses pAUC",
        package="imbalanced_losses",
        extra="bench",
        modules=("torch", "skorch"),
        fit=partial(_fit, _Recipe(_imbalanced_losses)),
        suggest=_Space(_suggest_imbalanced_losses),
        start={**_START, "beta": 0.005, "surrogate": "pairwise", "temperature": 0.1},
    ),
)
"""Other losses with the network of the published comparison."""

OUR_NETWORKS: tuple[Contender, ...] = (
    Contender(
        name="pauc-network",
        label="PAUCClassifier",
        role="ours",
        family="network",
        package="torch",
        extra="neural",
        modules=("skorch",),
        fit=_fit_ours,
        per_budget=True,
    ),
)
"""Our estimator with its defaults, trained for each budget."""
