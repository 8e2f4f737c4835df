"""The parameters of `PAUCClassifier`: what they may be, and what the loss makes of them."""

from __future__ import annotations

from numbers import Integral, Rational, Real
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval, StrOptions, make_constraint

from ..._utils.conditions import warn_of_idle
from ..._utils.requests import COLUMNS, ColumnRequests
from ..._utils.validation import _invalid, check_band, check_budget
from ...objectives._checks import set_loss_params
from ...objectives.losses._band import LINKS
from .._head import HEAD_WEIGHTINGS
from ..losses._checks import check_magnitude
from ..losses._pauc import POS_NUMERATORS, SURROGATES
from ._conditions import CONDITIONS
from ._criterion import Declaration, declare_loss
from ._heads import check_heads, head_params, set_head_params
from ._module import ACTIVATIONS
from ._regularizer import check_losses
from ._settings import GREATEST_DECAYS, settings_of
from ._support import check_net_params

__all__ = ["NetworkParameters", "check_widths", "has_probabilities", "refuse_odd_numbers"]

# A greater number is a mistake: it would run for days.
MOST_MEMBERS = 100_000


def has_probabilities(estimator: Any) -> bool:
    """Return True, or raise an AttributeError that says why there are no probabilities."""
    owner = type(estimator).__name__
    loss = estimator._declared_loss()
    if loss.target == "real":
        raise AttributeError(
            f"This {owner} has no probabilities: {loss.name} takes the target {loss.target!r}. Use "
            "decision_function or predict."
        )
    if estimator.calibration_cv is None:
        raise AttributeError(
            f"This {owner} ranks only: probabilities need calibration_cv='auto'. Use "
            "decision_function."
        )
    return True


def _is_odd(value: Any) -> bool:
    """Tell whether a value is a number to Python, but neither a float nor a count."""
    if not isinstance(value, Real):
        return False
    if isinstance(value, Rational) and not isinstance(value, Integral):
        return True
    try:
        float(value)
    except OverflowError:
        return True
    return False


def refuse_odd_numbers(estimator: Any) -> None:
    """Refuse what Python or NumPy counts among the numbers, and a float cannot be.

    These are truth values (to scikit-learn, True is the number 1), durations, fractions
    of whole numbers, and whole numbers beyond the range of a float.
    """
    for name, constraints in estimator._parameter_constraints.items():
        value = getattr(estimator, name)
        words = {constraint for constraint in constraints if isinstance(constraint, str)}
        if isinstance(value, bool | np.bool_):
            is_odd = not {"boolean", "verbose"} & words
        else:
            is_number = any(isinstance(one, Interval) for one in constraints)
            is_odd = isinstance(value, np.timedelta64) or (is_number and _is_odd(value))
        if is_odd:
            allowed = " or ".join(str(make_constraint(one)) for one in constraints)
            raise _invalid(name, value, type(estimator).__name__, allowed)


def check_widths(estimator: Any) -> None:
    """Raise unless the widths of the hidden layers are whole numbers of at least 1."""
    sizes = estimator.hidden_layer_sizes
    if isinstance(sizes, str):
        # "auto", which only some estimators take.
        return
    widths = [0] if np.ndim(sizes) == 0 else list(sizes)
    if any(
        not isinstance(width, Integral)
        or isinstance(width, bool | np.bool_ | np.timedelta64)
        or width < 1
        for width in widths
    ):
        raise ValueError(
            f"The 'hidden_layer_sizes' parameter of {type(estimator).__name__} must hold ints in "
            f"the range [1, inf). Got {sizes!r} instead."
        )


class NetworkParameters(ColumnRequests, BaseEstimator):
    """Checks of the parameters, and ``net__*`` among them."""

    budget: float
    pos_label: Any
    loss: Any
    regularizer: Any
    regularizer_weight: float
    heads: Any
    head_weighting: str
    alpha: float | None
    beta: float | None
    temperature: float
    temperature_start: float
    warmup: float
    blend: float
    encoding: str | None
    hidden_layer_sizes: Any
    n_members: int | str
    module: Any
    lr: float
    calibration_cv: str | None
    net_params: dict[str, Any] | None
    _loss_needs: Declaration

    # Where there are groups, they are to be heeded.
    __metadata_request__fit: ClassVar[dict[str, Any]] = {**COLUMNS, "groups": True}
    __metadata_request__partial_fit: ClassVar[dict[str, Any]] = COLUMNS
    _taking_columns: ClassVar[tuple[str, ...]] = ("fit", "partial_fit")

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "pos_label": [Real, str, "boolean", None],
        "regularizer_weight": [Interval(Real, 0, None, closed="left")],
        "head_weighting": [StrOptions(set(HEAD_WEIGHTINGS))],
        "surrogate": [StrOptions(set(SURROGATES))],
        "link": [StrOptions(set(LINKS))],
        "temperature": [Interval(Real, 0, None, closed="neither")],
        "temperature_start": [Interval(Real, 0, None, closed="neither")],
        "tau_scale": [StrOptions({"iqr", "band"}), None],
        "basis": [StrOptions({"fpr", "population"})],
        "n_knots": [Interval(Integral, 2, None, closed="left")],
        "pos_numerator": [StrOptions(set(POS_NUMERATORS))],
        "warmup": [Interval(Real, 0, 1, closed="both")],
        "blend": [Interval(Real, 0, 1, closed="both")],
        "encoding": [StrOptions({"auto", "piecewise"}), None],
        "hidden_layer_sizes": ["array-like", StrOptions({"auto"})],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "n_members": [Interval(Integral, 1, MOST_MEMBERS, closed="both"), StrOptions({"auto"})],
        "batch_size": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "max_epochs": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "weight_decay": [Interval(Real, 0, None, closed="left"), StrOptions({"auto"})],
        "input_decay": [Interval(Real, 0, None, closed="left"), StrOptions({"auto"})],
        "queue_size": [Interval(Integral, 0, None, closed="left"), StrOptions({"auto"})],
        "max_pool_size": [Interval(Integral, 2, None, closed="left"), None],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "calibration_cv": [StrOptions({"auto"}), None],
        "warm_start": ["boolean"],
        "net_params": [dict, None],
        "random_state": ["random_state"],
        "device": [str, torch.device],
        "verbose": ["verbose"],
    }

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters; with ``deep`` those of net and heads too.

        They are called ``net__*`` and ``heads__*``.
        """
        params = super().get_params(deep)
        if deep and isinstance(self.net_params, dict):
            params.update({f"net__{name}": value for name, value in self.net_params.items()})
        return params | head_params(self.heads) if deep else params

    def set_params(self, **params: Any) -> Any:
        """Set parameters; ``net__*`` go into ``net_params``, ``loss__*`` into the loss.

        ``regularizer__*`` go into the regulariser, and ``heads__*`` into the heads, such as
        ``heads__cart__weight``.
        """
        of_net = {name: params.pop(name) for name in list(params) if name.startswith("net__")}
        of_heads = {name: params.pop(name) for name in list(params) if name.startswith("heads__")}
        if of_heads:
            heads = params.get("heads", self.heads)
            params["heads"] = set_head_params(heads, of_heads, type(self).__name__)
        for name in ("loss", "regularizer"):
            set_loss_params(params, name, self)
        super().set_params(**params)
        if of_net:
            given = {name.removeprefix("net__"): value for name, value in of_net.items()}
            self.net_params = {**(self.net_params or {}), **given}
        return self

    def _check_params(self) -> Declaration:
        """Check the parameters, and return what the loss needs."""
        refuse_odd_numbers(self)
        self._validate_params()
        owner = type(self).__name__
        check_budget(self.budget, owner)
        check_magnitude(self.temperature, "temperature", owner)
        check_magnitude(self.temperature_start, "temperature_start", owner)
        check_band(
            0.0 if self.alpha is None else self.alpha,
            1.0 if self.beta is None else self.beta,
            owner,
        )
        check_widths(self)
        if self.warmup + self.blend > 1:
            raise ValueError(
                f"warmup + blend of {owner} must be at most 1: got {self.warmup:g} + "
                f"{self.blend:g}."
            )
        check_net_params(self.net_params or {}, owner)
        self._check_decay(owner)
        declaration = check_heads(self, check_losses(self))
        warn_of_idle(CONDITIONS, self)
        return declaration

    def _check_decay(self, owner: str) -> None:
        """Refuse a decay with which a step would turn weights round, or more."""
        if "optimizer" in (self.net_params or {}) or self.lr >= 1.0:
            # With such steps the network diverges anyway, and says so.
            return
        for name in ("weight_decay", "input_decay"):
            if name == "input_decay" and self.module is not None:
                continue
            decay = getattr(self, name)
            if isinstance(decay, str):
                decay = GREATEST_DECAYS[name]
            if self.lr * decay >= 1.0:
                raise ValueError(
                    f"lr * {name} of {owner} must be less than 1, because a step multiplies the "
                    f"weights by 1 - lr * {name}: got lr={self.lr!r} and {name}={decay!r}."
                )

    def _own_columns(self) -> frozenset[str]:
        try:
            return check_heads(self, check_losses(self)).columns
        except (TypeError, ValueError):
            # `fit` will say what is wrong.
            return frozenset()

    def _declared_loss(self, *, fitted: bool = True) -> Declaration:
        """Return what the loss needs: the fitted one if there is one and it is asked for."""
        if fitted and hasattr(self, "net_"):
            return self._loss_needs
        try:
            return declare_loss(self.loss, type(self).__name__)
        except (TypeError, ValueError):
            # `fit` will say what is wrong.
            return declare_loss(None, type(self).__name__)

    @property
    def _calibrates(self) -> bool:
        """Whether probabilities are learnt."""
        target = declare_loss(self.loss, type(self).__name__).target
        return self.calibration_cv is not None and target != "real"

    @property
    def _scores_out_of_fold(self) -> bool:
        """Whether the members leave out rows in turn, to be calibrated on."""
        return self._calibrates and settings_of(self).n_members > 1
