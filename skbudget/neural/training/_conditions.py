"""Parameters of a network that have an effect beside others alone."""

from __future__ import annotations

from torch import nn

from ..._utils.conditions import OF_SURROGATES, Condition, Given, asked, is_on
from ..losses._ranking import RankingLoss
from ._members import temperature_of

__all__ = ["CONDITIONS", "conditions_of_loss"]


def _has_perceptron(given: Given) -> bool:
    return given("module") is None


def _holds_out(given: Given) -> bool:
    alone = given("n_members") == 1 and given("calibration_cv") is not None
    return is_on(given("early_stopping")) or alone


CONDITIONS = (
    *OF_SURROGATES,
    Condition({"regularizer_weight": 1.0}, asked("regularizer"), "a regularizer beside it"),
    Condition({"head_weighting": "fixed"}, asked("heads"), "heads beside it"),
    Condition({"n_iter_no_change": 5}, asked("early_stopping"), "early_stopping=True"),
    Condition(
        {"validation_fraction": 0.1},
        _holds_out,
        "early_stopping=True, or n_members=1 with calibration_cv='auto'",
    ),
    Condition(
        {"input_decay": "auto"},
        _has_perceptron,
        "the perceptron, and a module of your own has weight_decay throughout",
    ),
    Condition(
        {"encoding": "auto", "hidden_layer_sizes": "auto", "activation": "relu"},
        _has_perceptron,
        "the perceptron, and a module of your own has its own layers",
    ),
)


def conditions_of_loss(name: str, loss: nn.Module, *, warms_up: bool) -> tuple[Condition, ...]:
    """Return what parameters of the estimator need of a loss that is not its own.

    Parameters
    ----------
    name : str
        Name of the loss.
    loss : Module
        The loss.
    warms_up : bool
        Whether training begins with a warm-up.
    """
    has_temperature = temperature_of(loss) is not None
    has_queue = any(isinstance(part, RankingLoss) for part in loss.modules())

    def others_have(given: Given) -> bool:
        return given("regularizer") is not None or is_on(given("heads"))

    return (
        Condition(
            {"temperature": 0.2, "temperature_start": 0.5},
            lambda given: has_temperature,
            f"a loss with a temperature, and {name} has none",
        ),
        Condition(
            {"warmup": 0.3, "blend": 0.15},
            lambda given: warms_up,
            f"a loss with a warm-up, and {name} has none",
        ),
        Condition(
            {"queue_size": "auto", "max_pool_size": None},
            lambda given: has_queue or others_have(given),
            f"a loss that compares rows with past ones, and {name} does not",
        ),
    )
