"""Which models can be trained on a loss that is tuned, and how they are made ready for it."""

from __future__ import annotations

from typing import Any

from sklearn.base import clone
from sklearn.pipeline import Pipeline, make_pipeline

from .._utils.preparation import table_for_networks
from .._utils.validation import _invalid
from ._fits import last_step

__all__ = ["is_network", "refuse_unfit", "trainable"]

_ALLOWED = (
    "None, a PAUCClassifier, PAUCLGBMClassifier, PAUCXGBClassifier, LGBMClassifier or "
    "XGBClassifier, a pipeline that ends in one of them, or a torch Module"
)
_OURS = ("PAUCClassifier", "PAUCLGBMClassifier", "PAUCXGBClassifier")
_THEIRS = {"LGBMClassifier": "PAUCLGBMClassifier", "XGBClassifier": "PAUCXGBClassifier"}


def _family(model: Any) -> str | None:
    """Return the name of the class that says how a model is trained, None if there is none."""
    names = [base.__name__ for base in type(model).__mro__]
    if "DaskPAUCXGBClassifier" in names:
        return None
    return next((name for name in (*_OURS, *_THEIRS) if name in names), None)


def _is_module(model: Any) -> bool:
    """Whether something is a torch module, or a class of modules, without importing torch."""
    cls = model if isinstance(model, type) else type(model)
    return any(b.__name__ == "Module" and b.__module__.startswith("torch.nn") for b in cls.__mro__)


def refuse_unfit(estimator: Any, owner: str, calibrated_for: str) -> None:
    """Raise if an estimator cannot be trained on a loss that is handed to it.

    Any objective but coverage reads probabilities, which an estimator may be told not to have.
    """
    if estimator is None or _is_module(estimator):
        return
    if isinstance(estimator, type):
        raise _invalid("estimator", estimator, owner, _ALLOWED, "Pass an instance.")
    last, _ = last_step(estimator)
    family = _family(last)
    if family is None:
        raise _invalid("estimator", estimator, owner, _ALLOWED)
    name = "loss" if family == "PAUCClassifier" else "objective"
    given = getattr(last, name)
    if given is not None and given not in ("binary", "binary:logistic"):
        raise ValueError(
            f"{owner} sets {name} of its estimator, and {type(last).__name__} has {name}="
            f"{given!r} already. Leave {name} out."
        )
    if calibrated_for != "coverage" and getattr(last, "calibration_cv", "auto") is None:
        raise ValueError(
            f"objective={calibrated_for!r} of {owner} needs probabilities, and "
            f"{type(last).__name__} has calibration_cv=None. Leave calibration_cv out."
        )


def is_network(model: Any) -> bool:
    """Whether a model is trained by gradients that torch computes."""
    return _family(last_step(model)[0]) == "PAUCClassifier"


def trainable(estimator: Any, X: Any, budget: float, seed: int | None) -> Any:
    """Return an unfitted model of this package for what the user handed in.

    The default network, and a module, are put behind imputed and standardised numbers.
    """
    if estimator is None or _is_module(estimator):
        from ..neural import PAUCClassifier

        network = PAUCClassifier(budget=budget, module=estimator, random_state=seed)
        return make_pipeline(table_for_networks(X), network)
    model = clone(estimator)
    last, prefix = last_step(model)
    name = _THEIRS.get(_family(last) or "")
    if name is None:
        return model
    from .. import boosting

    params = {key: value for key, value in last.get_params().items() if key != "objective"}
    ours = getattr(boosting, name)(**params)
    ours.set_params(budget=budget)
    if not isinstance(model, Pipeline):
        return ours
    model.set_params(**{prefix.removesuffix("__"): ours})
    return model
