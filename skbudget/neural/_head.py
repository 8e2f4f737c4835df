"""A head of a network beside the one that is scored: its loss, and its weight in the sum."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from .._utils.validation import _invalid, _is_real
from ..objectives._checks import set_loss_params

__all__ = ["HEAD_WEIGHTINGS", "Head"]

HEAD_WEIGHTINGS = ("fixed", "uncertainty")

# Beside a greater weight the head that is scored would learn nothing.
_MOST = 1e6


@dataclass(frozen=True)
class Head:
    """An auxiliary head: what else the body of a network is trained to predict.

    ``PAUCClassifier(heads={"cart": Head(weight=0.3)})`` has an output for ``cart`` beside the
    one for ``y``, on the same hidden layers, and ``fit(X, y, cart=...)`` takes its target.

    Parameters
    ----------
    loss : str, Loss or Module, default="binary_cross_entropy"
        The loss of the head, as the ``loss`` of `PAUCClassifier`. It decides the target: two
        labels (0 and 1, -1 and 1, False and True) or classes, levels, or numbers.
    weight : float, default=1.0
        Weight in the sum of losses, in [0, 1e6], where the loss of ``y`` has a weight of 1.
        A head of weight 0 is not trained, and changes nothing.

    See Also
    --------
    PAUCClassifier : Has the parameters ``heads`` and ``head_weighting``.
    skbudget.objectives.WeightedSum : Several losses of one target.

    Examples
    --------
    >>> from skbudget import PAUCClassifier
    >>> from skbudget.neural import Head
    >>> model = PAUCClassifier(heads={"cart": Head(weight=0.3)})
    >>> model.set_params(heads__cart__weight=0.1).heads["cart"].weight
    0.1
    """

    loss: Any = "binary_cross_entropy"
    weight: float = 1.0

    def __post_init__(self) -> None:
        weight = self.weight
        if not _is_real(weight) or not 0 <= weight <= _MOST:
            raise _invalid("weight", weight, "Head", f"a number in the range [0, {_MOST:g}]")

    def with_params(self, owner: str, name: str, **params: Any) -> Head:
        """Return a copy with parameters set, as by ``name__param`` of an estimator.

        Parameters
        ----------
        owner, name : str
            The estimator, and its parameter that holds the head, for messages.
        **params
            ``loss``, ``weight``, and ``loss__*`` for parameters of the loss.

        Returns
        -------
        head : Head

        Raises
        ------
        ValueError
            If there is no such parameter.
        """
        params = dict(params)
        known = [field.name for field in dataclasses.fields(self)]
        for unknown in params:
            if unknown not in known and not unknown.startswith("loss__"):
                raise ValueError(
                    f"Invalid parameter {name}__{unknown} of {owner}: a Head has the parameters "
                    f"{', '.join(known)}."
                )
        set_loss_params(params, "loss", self)
        return dataclasses.replace(self, **params)


def as_head(value: Any) -> Head:
    """Return a head; anything else is the loss of one with a weight of 1."""
    return value if isinstance(value, Head) else Head(value)
