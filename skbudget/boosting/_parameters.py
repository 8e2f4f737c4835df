"""Parameters of the boosters under all of their names, and those that would have no effect.

LightGBM and XGBoost take any keyword, and many parameters have several names. Names that
neither we nor the booster know are refused where they are given. In `fit` every parameter gets
one name, and what our objectives leave without effect is refused with what to do in its place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from inspect import signature
from numbers import Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import InvalidParameterError

from .._utils.conditions import Condition, warn_without_effect, without_effect
from .._utils.names import refuse_unknown_names
from .._utils.validation import _invalid
from ..objectives import available
from ..objectives._checks import hint_of_parameter
from ._conditions import OF_OURS
from ._minimised import OBJECTIVE_PARAMETERS, Minimised
from ._regularizer import REGULARIZER_PARAMETERS

__all__ = [
    "OF_LIGHTGBM",
    "OF_XGBOOST",
    "OWN_PARAMETERS",
    "ParentNames",
    "check_seed",
    "refuse_class_ratio",
]

OWN_PARAMETERS = (
    *OBJECTIVE_PARAMETERS,
    *REGULARIZER_PARAMETERS,
    "calibration_cv",
    "selection_cv",
    "fold_learning_rate",
    "pool",
    "pos_label",
)

# The boosters themselves say which numbers and strings are no seeds.
_SEEDS = (Real, str, np.random.RandomState, np.random.Generator)

_OWN_OBJECTIVES = "it belongs to objectives of the booster's own. Leave it out"
_COMMANDS = "only the command line program of LightGBM reads it. Leave it out"
_MACHINES = (
    "LightGBM shows an objective the rows of one machine alone. Train on one machine, or with "
    "DaskPAUCXGBClassifier"
)
_RANKING = "it needs queries, and two classes have none. Leave it out"
_FROM_Y = "the number of classes is that of y. Leave it out"
_TO_PREDICT = "predict takes this as an argument. Pass it there"

# By the main name of the parameter, why it would have no effect, and what to do.
OF_LIGHTGBM: dict[str, str] = {
    "num_class": _FROM_Y,
    "categorical_feature": "fit takes this as an argument. Pass categorical_feature to fit",
    "input_model": "fit takes this as an argument. Pass init_model to fit",
    "output_model": "a model is saved by booster_.save_model. Leave it out",
    "pos_bagging_fraction": "it needs an objective of LightGBM's own. Pass subsample",
    "neg_bagging_fraction": "it needs an objective of LightGBM's own. Pass subsample",
    "is_provide_training_metric": f"{_COMMANDS}, and pass (X, y) as an eval_set",
    "refit_decay_rate": "Booster.refit takes this as an argument. Pass it there",
    "bagging_by_query": _RANKING,
    "label_gain": _RANKING,
    "eval_at": _RANKING,
    **dict.fromkeys(
        (
            "fair_c",
            "lambdarank_norm",
            "lambdarank_position_bias_regularization",
            "lambdarank_truncation_level",
            "objective_seed",
            "poisson_max_delta_step",
            "pred_early_stop",
            "pred_early_stop_freq",
            "pred_early_stop_margin",
            "reg_sqrt",
            "sigmoid",
            "tweedie_variance_power",
        ),
        _OWN_OBJECTIVES,
    ),
    **dict.fromkeys(
        (
            "config",
            "convert_model",
            "convert_model_language",
            "data",
            "group_column",
            "header",
            "ignore_column",
            "label_column",
            "metric_freq",
            "output_result",
            "parser_config_file",
            "precise_float_parser",
            "save_binary",
            "snapshot_freq",
            "task",
            "two_round",
            "valid",
            "weight_column",
        ),
        _COMMANDS,
    ),
    **dict.fromkeys(
        (
            "local_listen_port",
            "machine_list_filename",
            "machines",
            "num_machines",
            "pre_partition",
            "time_out",
        ),
        _MACHINES,
    ),
    **dict.fromkeys(
        (
            "num_iteration_predict",
            "predict_contrib",
            "predict_leaf_index",
            "predict_raw_score",
            "start_iteration_predict",
        ),
        _TO_PREDICT,
    ),
}

OF_XGBOOST: dict[str, str] = {
    "num_class": _FROM_Y,
    **dict.fromkeys(
        (
            "aft_loss_distribution",
            "aft_loss_distribution_scale",
            "huber_slope",
            "lambdarank_bias_norm",
            "lambdarank_normalization",
            "lambdarank_num_pair_per_sample",
            "lambdarank_pair_method",
            "lambdarank_score_normalization",
            "lambdarank_unbiased",
            "ndcg_exp_gain",
            "quantile_alpha",
            "tweedie_variance_power",
        ),
        _OWN_OBJECTIVES,
    ),
}

# Where an error of a booster comes from.
_WHERE = re.compile(r"^\[[\d:]+\] \S+:\d+: | at /\S+, line \d+ ?\.?\s*$")

# Values with which a parameter of a command, or of several machines, asks for nothing.
_NOTHING = (None, False, "", "false", "False")


def _is_column(name: str, value: Any) -> bool:
    """Tell whether a value names a column, as the number 0 does."""
    return name.endswith("_column") and value == 0 and not isinstance(value, bool)


def _is_in(value: Any, message: str) -> bool:
    """Tell whether a message has a string, or one of several, that a parameter was given."""
    given = [value] if isinstance(value, str) else value if isinstance(value, list | tuple) else ()
    texts = [one for one in given if isinstance(one, str) and one]
    return any(re.search(rf"(?<!\w){re.escape(one)}(?!\w)", message) for one in texts)


@dataclass(frozen=True)
class ParentNames:
    """The parameters of a booster's own estimator, by all of their names.

    Attributes
    ----------
    constructor : mapping of str to object
        Parameters of the constructor, and their defaults in our estimator.
    main : mapping of str to str
        Other names that the booster knows, aliases too, and the main name of each.
    refused : mapping of str to str
        Main names of what has no effect, and why.
    knows : callable
        Tells whether the booster knows a name that is not listed, as of a newer version.
    """

    constructor: Mapping[str, Any]
    main: Mapping[str, str]
    refused: Mapping[str, str]
    knows: Callable[[str], bool] = lambda name: False

    @classmethod
    def of(cls, *classes: type, main: Mapping[str, str], **rest: Any) -> ParentNames:
        """Return the names of a class of ours, from its constructor and those of its parents.

        Ours is the last of ``classes``, and has the defaults.
        """
        parameters = {
            name: parameter
            for one in classes
            for name, parameter in signature(one.__init__).parameters.items()  # type: ignore[misc]
            if parameter.kind is parameter.KEYWORD_ONLY or parameter.default is not parameter.empty
        }
        constructor = {
            name: parameter.default
            for name, parameter in parameters.items()
            if name not in OWN_PARAMETERS
        }
        return cls(constructor, main, **rest)

    def refuse_unknown(
        self, given: Iterable[str], own: Iterable[str], owner: str, *, in_fit: bool = False
    ) -> None:
        """Raise if a parameter is neither ours nor the booster's.

        scikit-learn takes ``kwargs`` for the name of a parameter, and wants to be able to set
        it. It is refused ``in_fit``.
        """
        likely = [name for name in self.main if self.main[name] not in self.refused]
        known = {*own, *self.constructor, *self.main}
        if not in_fit:
            known.add("kwargs")
        unknown = [name for name in given if name not in known and not self.knows(name)]
        also = ""
        if "heads" in unknown:
            also = (
                " A tree ensemble has one target. WeightedSum adds up losses of it, and "
                "PAUCClassifier has heads for several targets."
            )
        refuse_unknown_names(unknown, [*own, *self.constructor, *likely], owner, also)

    def warn_without_effect(
        self,
        conditions: tuple[Condition, ...],
        extras: Mapping[str, Any],
        estimator: Any,
    ) -> None:
        """Warn of parameters, ours and the booster's, that lack another beside them."""
        named = self._named(extras, estimator)
        defaults = {
            self.main.get(name, name): parameter.default
            for name, parameter in signature(type(estimator)).parameters.items()
        }
        defaults |= {self.main.get(name, name): one for name, one in self.constructor.items()}
        owner = type(estimator).__name__
        warn_without_effect((*OF_OURS, *conditions), named, defaults, owner)

    def without_effect(
        self, conditions: tuple[Condition, ...], extras: Mapping[str, Any], estimator: Any
    ) -> set[str]:
        """Return the names, as in `resolved`, of what the booster would say that it cannot use."""
        named = self._named(extras, estimator)
        told = tuple(condition for condition in conditions if condition.library_warns)
        return {self.home(main) for main, _, _ in without_effect(told, named)}

    def _named(self, extras: Mapping[str, Any], estimator: Any) -> dict[str, tuple[str, Any]]:
        """Return by main name the name and the value that each parameter was given."""
        named: dict[str, tuple[str, Any]] = {}
        own = [name for name in OWN_PARAMETERS if hasattr(estimator, name)]
        for name in (*own, "objective", *self.constructor):
            named[self.main.get(name, name)] = name, getattr(estimator, name, None)
        for name, value in extras.items():
            if value is not None:
                named[self.main.get(name, name)] = name, value
        return named

    def home(self, name: str) -> str:
        """Return the one name that a parameter has in `resolved`."""
        main = self.main.get(name, name)
        return self._homes.get(main, main)

    @property
    def _homes(self) -> dict[str, str]:
        return {self.main.get(name, name): name for name in self.constructor}

    def resolved(self, extras: Mapping[str, Any], estimator: Any) -> dict[str, Any]:
        """Return the parameters outside of the constructor, each by one name.

        Parameters
        ----------
        extras : mapping of str to object
            The parameters by the names that the user gave them.
        estimator : estimator
            Our estimator, with the parameters of the constructor as attributes.

        Raises
        ------
        InvalidParameterError
            If a parameter has two names with different values.
        """
        found: dict[str, Any] = {}
        named: dict[str, str] = {}
        for name, value in extras.items():
            home = self.home(name)
            if value is None and home != name:
                continue
            other = named.get(home)
            if other is not None:
                beside, among = found[home], other
            elif home != name and home in self.constructor:
                beside, among = getattr(estimator, home), home
                if beside is self.constructor[home] or beside == self.constructor[home]:
                    beside = value
            else:
                beside, among = value, name
            if beside is not value and beside != value:
                raise InvalidParameterError(
                    f"The {name!r} parameter of {type(estimator).__name__} is another name of "
                    f"{among!r}, and both are given: {value!r} and {beside!r}. Pass one of them."
                )
            found[home], named[home] = value, name
        return found

    @contextmanager
    def in_errors(
        self, kinds: tuple[type[Exception], ...], params: Mapping[str, Any], owner: str
    ) -> Iterator[None]:
        """Say which parameter an error of the booster is about, and leave out its stack trace.

        Raises
        ------
        ValueError
            With the name by which the estimator has the parameter.
        """
        try:
            yield
        except kinds as error:
            message = str(error).partition("\nStack trace")[0]
            message = _WHERE.sub("", message).strip()
            named = [
                name
                for name in params
                if any(re.search(rf"\b{re.escape(one)}\b", message) for one in self._also(name))
            ]
            if not named:
                # A message may have the value alone.
                named = [
                    name
                    for name, value in params.items()
                    if _is_in(value, message) and value != self.constructor.get(name)
                ]
            about = [f"the {name!r} parameter, {params[name]!r}" for name in named]
            message += "" if message.endswith((".", "!", "?")) else "."
            reason = f" It is about {' and '.join(about)}." if about else ""
            raise ValueError(f"{owner} cannot be trained: {message}{reason}") from error

    def _also(self, name: str) -> set[str]:
        main = self.main.get(name, name)
        return {name, main, *(one for one in self.main if self.main[one] == main)}

    def refuse_without_effect(
        self, extras: Mapping[str, Any], minimised: Minimised, estimator: Any
    ) -> None:
        """Raise if a parameter outside of the constructor would have no effect."""
        owner = type(estimator).__name__
        self.refuse_unknown(extras, OWN_PARAMETERS, owner, in_fit=True)
        for name, value in extras.items():
            main = self.main.get(name, name)
            if main == "objective" and value is not None:
                raise InvalidParameterError(
                    f"The {name!r} parameter of {owner} is another name of 'objective', by which "
                    f"LightGBM would replace ours. Got {value!r}: leave it out, or pass objective="
                    f"a loss, a callable, or one of the names "
                    f"{', '.join(available(model='boosters'))}."
                )
            if main == "is_unbalance" and value not in _NOTHING:
                refuse_class_ratio(name, value, "left out", minimised, estimator)
            elif main == "scale_pos_weight" and value not in (None, 1):
                refuse_class_ratio(name, value, "None or 1", minimised, estimator)
            elif main == "eval_at" and minimised.has_lists:
                continue
            elif main in self.refused and (value not in _NOTHING or _is_column(main, value)):
                hint = hint_of_parameter(minimised.loss, main, value, "objective")
                reason = f"{self.refused[main]}." if not hint else f"the loss sets it. {hint}"
                raise InvalidParameterError(
                    f"The {name!r} parameter of {owner} would have no effect: {reason} "
                    f"Got {value!r}."
                )


def extras_of_xgboost(estimator: Any) -> dict[str, Any]:
    """Return the parameters outside of XGBoost's constructor, by the names they were given."""
    given = getattr(estimator, "kwargs", None)
    return given if isinstance(given, dict) else {} if given is None else {"kwargs": given}


def refuse_class_ratio(
    name: str, value: Any, allowed: str, minimised: Minimised, estimator: Any
) -> None:
    """Raise for a ratio between the classes, with what the objective takes in its place."""
    loss = minimised.loss
    if minimised.has_band or (loss is not None and hasattr(loss, "beta")):
        reason = (
            "a ratio between the classes cancels out of a comparison of the two. To weigh rows "
            "within a class pass sample_weight to fit"
        )
    else:
        reason = "the objective is not told of it"
        if name != "scale_pos_weight":
            reason += ". Pass class_weight='balanced'"
        elif hasattr(estimator, "class_weight"):
            reason += f". Pass class_weight={{negative: 1, positive: {value!r}}}"
        else:
            reason += f". Pass sample_weight=np.where(y == positive, {value!r}, 1) to fit"
        if hasattr(loss, "pos_weight") and name == "scale_pos_weight":
            reason += f", or objective={type(loss).__name__}(pos_weight={value!r})"
    raise InvalidParameterError(
        f"The {name!r} parameter of {type(estimator).__name__} must be {allowed}: {reason}. "
        f"Got {value!r} instead."
    )


def check_seed(seed: Any, owner: str) -> None:
    """Raise if ``random_state`` is something that no booster takes for a seed."""
    if not (seed is None or isinstance(seed, _SEEDS)):
        raise _invalid("random_state", seed, owner, "an int, a RandomState, a Generator or None")
