"""What estimators and boosters check of a loss that they are handed."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ._compose import _parts_of
from ._loss import Loss

__all__ = [
    "BAND_PARAMETERS",
    "check_for_boosters",
    "has_band",
    "hint_of_parameter",
    "refuse_grades",
    "set_loss_params",
]

# The parameters of a loss over a band.
BAND_PARAMETERS = ("alpha", "beta", "basis")


def has_band(loss: Any) -> bool:
    """Tell whether a loss of two classes, or a torch module, has the parameters of a band."""
    if isinstance(loss, Loss) and loss.target != "binary":
        return False
    return all(hasattr(loss, name) for name in BAND_PARAMETERS)


def check_for_boosters(loss: Loss[Any], name: str, owner: str) -> None:
    """Raise if a loss, or a part of it, has no hessian to train trees by.

    Raises
    ------
    ValueError
        With the reason, and what to take in its place.
    """
    if loss.networks_only:
        raise ValueError(
            f"The {name!r} parameter of {owner} holds a loss that only networks can be trained "
            f"on: {loss.networks_only}"
        )


def refuse_grades(loss: Any, y: ArrayLike, holder: str = "", name: str = "y_true") -> None:
    """Raise if a loss of lists that takes two labels is handed grades.

    Parameters
    ----------
    loss : object
        What is minimised.
    y : array-like of shape (n_samples,)
        The labels.
    holder : str, default=""
        The parameter that holds the loss, for messages.
    name : str, default="y_true"
        The argument that holds the labels.

    Raises
    ------
    ValueError
        With the loss that takes grades.
    """
    parts = _parts_of(loss) if isinstance(loss, Loss) else ()
    of_lists = next((part for part in parts if getattr(part, "graded", None) is False), None)
    if of_lists is None:
        return
    try:
        labels = np.asarray(y)
    except ValueError:
        # What is no array has a message of its own.
        return
    is_float = labels.dtype.kind == "f"
    if is_float and not np.isfinite(labels).all():
        # Others have a message for it.
        return
    try:
        distinct = np.unique(labels)
    except TypeError:
        return
    if distinct.size <= 2 and not (is_float and (distinct % 1.0).any()):
        return
    loss_name = type(of_lists).__name__
    is_or_holds = "is" if of_lists is loss else "holds"
    who = f"{holder} {is_or_holds} {loss_name}, which" if holder else loss_name
    fractions = " whole numbers or names for" if distinct.size <= 2 else ""
    raise ValueError(
        f"{who} takes two{fractions} labels, and {name} has {distinct.size} different "
        f"ones: {distinct[:10].tolist()}. If they are grades, which are numbers from 0 on, pass "
        f"{loss_name}(graded=True)."
    )


# What boosters and estimators call a parameter of a loss, by the class of the loss; the second
# entry says whether the value is the same.
_ALSO_CALLED: dict[tuple[str, str], tuple[str, bool]] = {
    ("Huber", "alpha"): ("delta", True),
    ("Huber", "huber_slope"): ("delta", True),
    ("LambdaRank", "label_gain"): ("gain", False),
    ("LambdaRank", "lambdarank_num_pair_per_sample"): ("k", True),
    ("LambdaRank", "lambdarank_truncation_level"): ("k", True),
    ("LambdaRank", "ndcg_exp_gain"): ("gain", False),
    ("LambdaRank", "sigmoid"): ("temperature", False),
    ("LogCosh", "alpha"): ("delta", True),
    ("Quantile", "alpha"): ("tau", True),
    ("Quantile", "quantile_alpha"): ("tau", True),
}


def hint_of_parameter(loss: Any, name: str, value: Any, holder: str) -> str:
    """Return how a loss takes what an estimator was given as a parameter of its own.

    Parameters
    ----------
    loss : object
        What is minimised.
    name : str
        The parameter of the estimator.
    value : object
        What it was given.
    holder : str
        The parameter of the estimator that holds the loss.

    Returns
    -------
    hint : str
        Empty if no part of the loss has such a parameter.
    """
    for part in _parts_of(loss) if isinstance(loss, Loss) else ():
        kind = type(part).__name__
        known = [one.name for one in dataclasses.fields(part)]  # type: ignore[arg-type]
        own, same = (name, True) if name in known else _ALSO_CALLED.get((kind, name), ("", True))
        if own in known:
            called = "" if own == name else f"{kind} calls it {own!r}: "
            shown = repr(value) if same else "..."
            text = f"{called}pass {holder}={kind}({own}={shown})."
            return text[0].upper() + text[1:]
    return ""


def set_loss_params(params: dict[str, Any], name: str, estimator: Any) -> None:
    """Put ``name__*`` of an estimator's parameters into the loss that ``name`` holds.

    Parameters
    ----------
    params : dict of str to object
        What ``set_params`` is called with; changed in place.
    name : str
        The parameter of the estimator that holds a loss.
    estimator : object
        The estimator.

    Raises
    ------
    ValueError
        If the parameter holds no loss, or the loss has no such parameter.
    """
    prefix = f"{name}__"
    of_loss = {one: params.pop(one) for one in list(params) if one.startswith(prefix)}
    if not of_loss:
        return
    loss, owner = params.get(name, getattr(estimator, name)), type(estimator).__name__
    if not isinstance(loss, Loss):
        raise ValueError(
            f"Invalid parameter {next(iter(of_loss))} of {owner}: {name}={loss!r} is no loss with "
            f"parameters. Pass {name}=a loss of skbudget.objectives."
        )
    given = {one.removeprefix(prefix): value for one, value in of_loss.items()}
    params[name] = loss.with_params(owner, name, **given)
