"""What estimators and boosters check of a loss that they are handed."""

from __future__ import annotations

from typing import Any

from ._loss import Loss

__all__ = ["BAND_PARAMETERS", "check_for_boosters", "has_band", "set_loss_params"]

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
