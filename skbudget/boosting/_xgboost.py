"""XGBoost: the classifier and the callback that tells a schedule the round."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.metaestimators import available_if
from xgboost import XGBClassifier, XGBModel
from xgboost.callback import EarlyStopping, EvaluationMonitor, TrainingCallback

from ..band import Basis, TauScale
from ..objectives import Schedule
from ..objectives.losses.pairwise_pauc import Link
from ._classifier import (
    OWN_PARAMETERS,
    Leaves,
    PAUCClassifierMixin,
    SplitGain,
    can_predict,
    has_probabilities,
)
from ._documents import document_parameters
from ._fitting import Booster, Choice, Model, Training
from ._minimised import Minimised
from ._objective import Surrogate
from ._rounds import announce_round
from ._targets import values_as_weights

__all__ = ["PAUCXGBClassifier", "XGBoostRounds"]


class XGBoostRounds(TrainingCallback):
    """Callback that tells an objective with a schedule which round it is in.

    See Also
    --------
    LightGBMRounds : The same for LightGBM.
    skbudget.objectives.Schedule : What changes over rounds.

    Examples
    --------
    >>> import xgboost as xgb
    >>> from skbudget import PAUCObjective, make_contested_top
    >>> from skbudget.boosting import XGBoostRounds
    >>> from skbudget.objectives import Schedule
    >>> objective = PAUCObjective(budget=0.01, schedule=Schedule(warmup_rounds=5))
    >>> X, y = make_contested_top(5_000, pos_rate=0.01, random_state=0)
    >>> booster = xgb.train(
    ...     {}, xgb.DMatrix(X, y), num_boost_round=10, obj=objective, callbacks=[XGBoostRounds()]
    ... )
    >>> booster.num_boosted_rounds()
    10
    """

    def before_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        """Announce the round."""
        folds = getattr(model, "cvfolds", None)
        if folds is None:
            announce_round(model.num_boosted_rounds())
        else:
            announce_round(epoch, len(folds))
        return False


class StopAfter(TrainingCallback):
    """Callback that ends the training after a number of rounds."""

    def __init__(self, n_rounds: int) -> None:
        super().__init__()
        self.n_rounds = n_rounds

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        """Return whether to stop."""
        return model.num_boosted_rounds() >= self.n_rounds


def raw_margins(fitted: Any, X: Any, **options: Any) -> NDArray[np.float64]:
    """Return the margins that a fitted XGBoost estimator gives."""
    margins = XGBModel.predict(fitted, X, output_margin=True, **options)
    return np.asarray(margins, dtype=np.float64)


@dataclass
class XGBoost(Booster):
    """XGBoost, with the settings that all models of a `fit` share.

    Attributes
    ----------
    eval_base : sequence of array-like, or None
        Scores that the rows of each evaluation set begin from.
    """

    parent: type = XGBClassifier
    eval_base: Any = None

    printing: ClassVar = (EvaluationMonitor,)
    stopping: ClassVar = (EarlyStopping,)

    def for_fold(self, n_rounds: int | None = None) -> Booster:
        booster = super().for_fold(n_rounds)
        booster.arguments = {**self.arguments, "verbose": False}
        return booster

    def stopped_after(self, n_rounds: int) -> Booster:
        callbacks = [one for one in self.callbacks if not isinstance(one, self.stopping)]
        return replace(
            self,
            params={**self.params, "early_stopping_rounds": None},
            callbacks=[*callbacks, StopAfter(n_rounds)],
        )

    def kept_rounds(self, fitted: Any) -> int | None:
        try:
            return fitted.best_iteration + 1
        except AttributeError:
            return None

    def _seed_of_fold(self) -> Any:
        # As XGBoost draws it, from a generator that the user shares with us.
        greatest = np.iinfo(np.int32).max
        if isinstance(self.seed, np.random.RandomState):
            return self.seed.randint(greatest)
        if isinstance(self.seed, np.random.Generator):
            return int(self.seed.integers(greatest))
        return self.seed

    def train(self, training: Training, objective: Any, choice: Choice, start: Any) -> Model:
        params = {**self.params, **choice, "objective": objective}
        params["callbacks"] = [*self.callbacks, XGBoostRounds()]
        base, eval_base, carried = training.base, self.eval_base, 0.0
        if params.get("base_score") is not None:
            # The user says where boosting begins.
            start = None
        elif self.arguments["xgb_model"] is None and self.parent is XGBModel:
            # XGBoost would begin at one half.
            params["base_score"] = 0.0
        if self.n_margins > 1:
            params["num_class"] = self.n_margins
        if start is not None and self.n_margins == 1:
            # All rows without scores of their own begin from here, in predictions too.
            params["base_score"], carried = self._as_base_score(start), start
            if base is not None:
                base = base + start
            if eval_base is not None:
                eval_base = [None if one is None else np.add(one, start) for one in eval_base]
        # A booster of several margins cannot carry a start of each, so that it begins at zero: a
        # start beside it would be lost where the booster is saved.
        target = training.rows.target
        fitted = self.parent(**params).fit(
            training.X,
            target.astype(np.int64) if target.dtype == bool else target,
            sample_weight=training.rows.weight,
            base_margin=base,
            base_margin_eval_set=eval_base or None,
            **self.arguments,
        )
        return Model(fitted, None, carried)

    def margins(self, fitted: Any, X: Any, **options: Any) -> NDArray[np.float64]:
        return raw_margins(fitted, X, **options)

    def shift(self, model: Model, offset: float) -> None:
        booster = model.fitted.get_booster()
        learner = json.loads(booster.save_config())["learner"]
        # A list from XGBoost 3.1 on.
        base_score = np.ravel(json.loads(learner["learner_model_param"]["base_score"]))[0]
        booster.set_param({"base_score": self._as_base_score(logit(base_score) + offset)})
        model.carried += offset

    def _as_base_score(self, margin: float) -> float:
        """Return a margin as XGBoost's ``base_score``."""
        if self.parent is XGBModel:
            return float(margin)
        # The booster keeps a probability in float32; beyond these it has no digits left.
        return float(expit(np.clip(margin, -80.0, 15.0)))


def refuse_class_ratio(estimator: Any) -> None:
    """Raise if an XGBoost classifier was given a ratio between the classes."""
    if estimator.scale_pos_weight not in (None, 1):
        raise InvalidParameterError(
            f"The 'scale_pos_weight' parameter of {type(estimator).__name__} must be None or 1: "
            "a ratio between the classes cancels out of a comparison of the two. "
            f"Got {estimator.scale_pos_weight!r} instead."
        )


class PAUCXGBClassifier(PAUCClassifierMixin, XGBClassifier):
    """XGBoost classifier that ranks for a review budget.

    `xgboost.XGBClassifier` with the partial AUC of `PAUCObjective` as its
    objective, raw margins as `decision_function`, and calibrated probabilities.

    Parameters
    ----------
    {own}
    {objective}
    n_estimators : int, default=200
        Number of trees.
    learning_rate : float, default=0.05
        Shrinkage of each tree.
    reg_lambda : float, default=5.0
        L2 penalty on leaf values. Rare positives make leaves with little evidence, which
        without a penalty outweigh all others at the top.
    gamma : float or "auto", default="auto"
        Least gain of a split; "auto" chooses between 0 and 1, see ``selection_cv``.
    grow_policy, max_depth : default="lossguide" and 0
        Trees grow where they gain most, to any depth.
    max_leaves : int or "auto", default="auto"
        Greatest number of leaves of a tree; "auto" is 15 for the whole AUC and 127
        otherwise. Only rows of the band pull at a tree, so that its leaves are spent where
        the ranking matters. Small trees cannot tell many kinds of positives apart, and
        ``gamma`` keeps noise out. Where every row pulls, large trees fit the bulk.
    **kwargs
        Further parameters of `xgboost.XGBClassifier`, with its defaults. With
        ``early_stopping_rounds`` and no ``eval_metric``, coverage at the budget
        is evaluated and maximised. With ``base_score`` boosting begins there, and not at
        the start of the loss.

    Attributes
    ----------
    pos_label_ : int, float, bool or str
        Label of the positive class, of two.
    classes_ : ndarray of shape (n_classes,)
        Class labels; of two the second is the positive class.
    calibrator_ : SigmoidCalibrator
        Map from margin to probability; a `ClassCalibrator` for a loss of classes.
    beta_ : float
        Upper end of the training band. It does not exist for an ``objective`` whose band
        the parameters do not set.
    max_leaves_ : int
        Leaves of a tree that were allowed.
    gamma_ : float
        Least gain of a split that was trained with.

    See Also
    --------
    PAUCLGBMClassifier : The same for LightGBM.
    PAUCObjective : The objective alone, for ``xgb.train``.

    Notes
    -----
    {targets}

    {folds}

    ``scale_pos_weight`` is refused: a ratio between the classes cancels out of a
    comparison of the two.

    With one margin the booster carries the start of the loss and the zero of the
    calibration in its ``base_score``, so that a saved booster gives the margins of
    `decision_function`. A booster cannot carry one start per margin. With several margins
    boosting therefore begins at zero, and `decision_function` of a calibrated model is
    rescaled by the estimator alone.

    Examples
    --------
    >>> from skbudget import PAUCXGBClassifier, coverage_at_budget_score, make_contested_top
    >>> X, y = make_contested_top(20_000, pos_rate=0.01, random_state=0)
    >>> model = PAUCXGBClassifier(budget=0.01, n_estimators=20).fit(X, y)
    >>> X_new, y_new = make_contested_top(20_000, pos_rate=0.01, random_state=1)
    >>> coverage_at_budget_score(y_new, model.decision_function(X_new), budget=0.01) > 0.4
    True
    """

    __doc__ = document_parameters(__doc__, "gamma", "max_leaves")
    _parent = XGBClassifier
    _split_gain_name = "gamma"
    _leaves_name = "max_leaves"
    _base_name = "base_margin"
    base_score: Any

    def __init__(
        self,
        *,
        budget: float = 0.005,
        alpha: float | None = None,
        beta: float | None = None,
        surrogate: Surrogate = "pairwise",
        link: Link = "logistic",
        temperature: float = 1.0,
        tau_scale: TauScale = None,
        basis: Basis = "fpr",
        n_knots: int = 2,
        schedule: Schedule | None = None,
        selection_cv: Any = 3,
        calibration_cv: Any = 3,
        pos_label: Any = None,
        objective: Any = None,
        n_estimators: int = 200,
        learning_rate: float = 0.05,
        reg_lambda: float = 5.0,
        gamma: SplitGain = "auto",
        grow_policy: str | None = "lossguide",
        max_depth: int | None = 0,
        max_leaves: Leaves = "auto",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            objective=objective,
            n_estimators=n_estimators,
            learning_rate=learning_rate,
            reg_lambda=reg_lambda,
            gamma=gamma,
            grow_policy=grow_policy,
            max_depth=max_depth,
            max_leaves=max_leaves,
            **kwargs,
        )
        self.budget = budget
        self.alpha = alpha
        self.beta = beta
        self.surrogate = surrogate
        self.link = link
        self.temperature = temperature
        self.tau_scale = tau_scale
        self.basis = basis
        self.n_knots = n_knots
        self.schedule = schedule
        self.selection_cv = selection_cv
        self.calibration_cv = calibration_cv
        self.pos_label = pos_label

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return all parameters, the parent's included.

        Parameters
        ----------
        deep : bool, default=True
            Ignored: no parameter is an estimator.

        Returns
        -------
        params : dict
        """
        # The parent follows its own chain of constructors, which a mixin interrupts.
        own = {name: getattr(self, name) for name in OWN_PARAMETERS}
        plain = XGBClassifier()
        plain.__dict__.update(
            {name: value for name, value in vars(self).items() if name not in OWN_PARAMETERS}
        )
        return {**XGBClassifier.get_params(plain, deep), **own}

    def get_xgb_params(self) -> dict[str, Any]:
        """Return the parameters that the fitted booster is told of.

        Returns
        -------
        params : dict
        """
        # The parent tells the booster all parameters anew when one of them is set.
        params = XGBModel.get_xgb_params(self)
        unknown = (*OWN_PARAMETERS, "objective", "base_score")
        params = {name: value for name, value in params.items() if name not in unknown}
        for name in (self._split_gain_name, self._leaves_name):
            if params.get(name) == "auto":
                params[name] = getattr(self, f"{name}_", None)
        return params

    def _load_model_attributes(self, config: dict[str, Any]) -> None:
        # The parent would take over an objective of XGBoost's own, and its base score.
        objective, base_score = self.objective, self.base_score
        super()._load_model_attributes(config)
        self.objective, self.base_score = objective, base_score
        # The file knows neither the labels nor a calibration.
        for name in ("_calibration", "_kept", "_carried", "_label_encoder", "_fitted_kind"):
            self.__dict__.pop(name, None)
        n_margins = int(config["learner"]["learner_model_param"]["num_class"])
        self._n_loaded_classes = max(2, n_margins + (self._kind[1] == "thresholds"))

    def _check_params(self) -> Minimised:
        refuse_class_ratio(self)
        return super()._check_params()

    def fit(
        self,
        X: Any,
        y: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        base_margin: ArrayLike | None = None,
        eval_set: Any = None,
        verbose: bool | int | None = False,
        xgb_model: Any = None,
        sample_weight_eval_set: Any = None,
        base_margin_eval_set: Any = None,
        value: ArrayLike | None = None,
        value_eval_set: Any = None,
        groups: ArrayLike | None = None,
        **columns: ArrayLike | None,
    ) -> PAUCXGBClassifier:
        """Fit the trees, and the calibration on rows that they did not see.

        Parameters
        ----------
        X : array-like, sparse matrix or DataFrame of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,)
            Two labels of any kind; ``pos_label`` tells which one is positive. For another
            ``objective`` what its loss takes.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights.
        base_margin, eval_set, verbose, xgb_model, sample_weight_eval_set, \
base_margin_eval_set
            As in `xgboost.XGBClassifier.fit`. Continuing from ``xgb_model`` needs
            ``calibration_cv=None``, because there is no telling which rows its trees
            have seen.
        value : array-like of shape (n_samples,), default=None
            What catching each positive is worth, such as an amount, at least 0 and in any
            unit. Entries of negatives are not used. Positives pull at the trees in
            proportion to it, and what `selection_cv` leaves open is chosen by the partial
            AUC of the value. It does not count rows: band and probabilities are those of
            the classes, as without it.
        value_eval_set : list of array-like of shape (n_eval_samples,), default=None
            Values of the rows of each evaluation set: coverage there is the share of the
            value caught. They take the place of ``sample_weight_eval_set`` and
            ``eval_metric``, and are refused beside them. For a metric of your choice
            pass values as weights, see `CoverageMetric(weight_of_positives="value")`.
        groups : array-like of shape (n_samples,), default=None
            Group of each row, such as its customer. No group is split between folds, see Notes.
        **columns : array-like of shape (n_samples,)
            Further columns that the loss reads, by name, such as ``group`` (the query of
            each row, in any order) and ``process``.

        Returns
        -------
        self : PAUCXGBClassifier

        Raises
        ------
        ValueError
            If a parameter is out of range, ``y`` is not what the loss takes, no positive
            has value, a column is missing, or one is given that the loss does not read.
        """
        columns = {"value": value, "groups": groups, **columns}
        training = self._check_fit(
            X, y, sample_weight, base_margin, columns, {"xgb_model": xgb_model}
        )
        params = self._parent_params()
        if eval_set is not None:
            eval_set = [(X_eval, self._encode_eval_target(y_eval)) for X_eval, y_eval in eval_set]
            if self.eval_metric is None:
                params["eval_metric"] = self._coverage_metric(of_value=value_eval_set is not None)
                # XGBoost would add its log loss, which reads margins as probabilities.
                params["disable_default_eval_metric"] = True
        targets = [y_eval for _, y_eval in eval_set or []]
        if value_eval_set is not None:
            refused = {
                "sample_weight_eval_set": sample_weight_eval_set,
                "eval_metric": self.eval_metric,
            }
            sample_weight_eval_set = values_as_weights(
                targets, value_eval_set, "value_eval_set", refused
            )
        booster = XGBoost(
            params=params,
            arguments={
                "eval_set": eval_set,
                "verbose": verbose,
                "xgb_model": xgb_model,
                "sample_weight_eval_set": sample_weight_eval_set,
            },
            callbacks=list(self.callbacks or []),
            seed=self.random_state,
            n_margins=self._n_margins,
            parent=XGBClassifier if self._fitted_kind[0] == "binary" else XGBModel,
            eval_base=base_margin_eval_set,
        )
        self._fit(training, booster, earlier=xgb_model)
        return self

    def _raw_margins(self, X: Any, base: Any, **options: Any) -> NDArray[np.float64]:
        if base is None:
            return raw_margins(self, X, **options)
        # They take the place of the base score, and of what it carries.
        return raw_margins(self, X, base_margin=base, **options) + self._carried

    @available_if(has_probabilities)
    def predict_proba(self, X: Any, **kwargs: Any) -> NDArray:
        """Return calibrated class probabilities, shape (n_samples, n_classes).

        Parameters
        ----------
        X : array-like, sparse matrix or DataFrame of shape (n_samples, n_features)
            Rows to score.
        **kwargs
            As in the parent (``iteration_range``, ``base_margin``, ...). The parameter
            ``base_score`` is replaced by ``base_margin``, and the zero of the calibration
            is added to it. A model that was fitted with ``base_margin`` has a calibration
            for margins with it and one for margins without it, and uses the one that
            belongs to the call.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            Columns in the order of ``classes_``. With two classes the second ranks rows
            exactly as `decision_function` does, up to rounding.
        """
        return self._probabilities(X, **kwargs)

    @available_if(can_predict)
    def predict(self, X: Any, *, output_margin: bool = False, **kwargs: Any) -> NDArray:
        """Return the most probable class of each row, shape (n_samples,).

        For rare positives that is nearly always the negative one; to spend a
        budget, act on the top of `decision_function`. Levels and real targets are
        predicted too, see the notes of the class.

        Parameters
        ----------
        X : array-like, sparse matrix or DataFrame of shape (n_samples, n_features)
            Rows to score.
        output_margin : bool, default=False
            Return margins instead, as in the parent.
        **kwargs
            As in `predict_proba`.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
        """
        if output_margin:
            return self.decision_function(X, **kwargs)
        return self._labels(X, **kwargs)

    @property
    def n_features_in_(self) -> int:
        """Number of features seen during `fit`."""
        if "_n_features_in" in vars(self):
            return self._n_features_in
        return self.get_booster().num_features()

    @n_features_in_.setter
    def n_features_in_(self, value: int) -> None:
        self._n_features_in = value
