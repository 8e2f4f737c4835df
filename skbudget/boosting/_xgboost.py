"""XGBoost: the classifier and the callback that tells a schedule the round."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.metaestimators import available_if
from xgboost import XGBClassifier, XGBModel
from xgboost.callback import TrainingCallback

from ..band import Basis, TauScale
from ..objectives import Schedule
from ..objectives.losses.pairwise_pauc import Link
from ._classifier import (
    OWN_PARAMETERS,
    Leaves,
    PAUCClassifierMixin,
    SplitGain,
    Training,
    _has_calibration,
    document_parameters,
    values_as_weights,
)
from ._objective import Surrogate
from ._rounds import announce_round

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
    objective : callable, default=None
        None for the partial AUC set by the parameters above; or another
        objective, such as a `BoosterObjective`, which then ignores them.
    n_estimators : int, default=200
        Number of trees.
    learning_rate : float, default=0.05
        Shrinkage of each tree.
    reg_lambda : float, default=5.0
        L2 penalty on leaf values. Rare positives make leaves with little
        evidence; without a penalty these overrule the rest at the top.
    gamma : float or "auto", default="auto"
        Least gain of a split; "auto" chooses between 0 and 1, see ``selection_cv``.
    grow_policy, max_depth : default="lossguide" and 0
        Trees grow where they gain most, to any depth.
    max_leaves : int or "auto", default="auto"
        Leaves of a tree, at most; "auto" is 127 for a band and 15 for the whole AUC.
        Only rows of the band pull at a tree, so that its leaves are spent where the
        ranking matters; small trees cannot tell many kinds of positives apart, and
        noise is kept out by ``gamma``. Where every row pulls, large trees fit the bulk.
    **kwargs
        Further parameters of `xgboost.XGBClassifier`, with its defaults. With
        ``early_stopping_rounds`` and no ``eval_metric``, coverage at the budget
        is evaluated and maximised.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        Class labels; the second is the positive class.
    calibrator_ : SigmoidCalibrator
        Map from margin to probability.
    beta_ : float
        Upper end of the training band. There is none with another ``objective``.
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
    Binary only; for one-versus-rest wrap it in
    `sklearn.multiclass.OneVsRestClassifier`. ``scale_pos_weight`` is refused: a
    ratio between the classes cancels out of a comparison of the two.

    Examples
    --------
    >>> from skbudget import PAUCXGBClassifier, coverage_at_budget_score, make_contested_top
    >>> X, y = make_contested_top(20_000, pos_rate=0.01, random_state=0)
    >>> model = PAUCXGBClassifier(budget=0.01, n_estimators=20).fit(X, y)
    >>> X_new, y_new = make_contested_top(20_000, pos_rate=0.01, random_state=1)
    >>> coverage_at_budget_score(y_new, model.decision_function(X_new), budget=0.01) > 0.4
    True
    """

    __doc__ = __doc__.replace("{own}", document_parameters("gamma", "max_leaves"))
    _parent = XGBClassifier
    _split_gain_name = "gamma"
    _leaves_name = "max_leaves"

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
        selection_cv: int | None = 3,
        calibration_cv: int | None = 3,
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

    def _check_params(self) -> None:
        super()._check_params()
        refuse_class_ratio(self)

    def _n_trained_rounds(self) -> int | None:
        return None if self.early_stopping_rounds is None else self.best_iteration + 1

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
    ) -> PAUCXGBClassifier:
        """Fit the trees, and the calibration on rows they did not see.

        Parameters
        ----------
        X : array-like, sparse matrix or DataFrame of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,)
            Two labels of any kind; the greater one is the positive class.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights.
        base_margin, eval_set, verbose, xgb_model, sample_weight_eval_set, \
base_margin_eval_set
            As in `xgboost.XGBClassifier.fit`. Continuing from ``xgb_model`` needs
            ``calibration_cv=None``: there is no telling which rows its trees have
            seen.
        value : array-like of shape (n_samples,), default=None
            What catching each positive is worth, say an amount, at least 0 and in any
            unit; entries of negatives are not used. Positives pull at the trees in
            proportion to it, and what `selection_cv` leaves open is chosen by the partial
            AUC of the value. It counts no rows: band and probabilities are those of the
            classes, as without it.
        value_eval_set : list of array-like of shape (n_eval_samples,), default=None
            Values of the rows of each evaluation set: coverage there is the share of the
            value caught. They take the place of ``sample_weight_eval_set`` and
            ``eval_metric``, beside which they are refused. For a metric of your choice
            pass values as weights, see `CoverageMetric(weight_of_positives="value")`.

        Returns
        -------
        self : PAUCXGBClassifier

        Raises
        ------
        ValueError
            If a parameter is out of range, ``y`` does not have two classes, or no
            positive has value.
        """
        X, target, sample_weight, value, rows = self._check_fit(
            X, y, sample_weight, value, xgb_model, "xgb_model"
        )
        params = self._parent_params()
        if eval_set is not None:
            eval_set = [(X_eval, self._encode_eval_target(y_eval)) for X_eval, y_eval in eval_set]
            if self.eval_metric is None:
                params["eval_metric"] = self._coverage_metric(of_value=value_eval_set is not None)
                # XGBoost would add its log loss, which reads margins as probabilities.
                params["disable_default_eval_metric"] = True
        if value_eval_set is not None:
            refused = {
                "sample_weight_eval_set": sample_weight_eval_set,
                "eval_metric": self.eval_metric,
            }
            sample_weight_eval_set = values_as_weights(
                [y_eval for _, y_eval in eval_set or []], value_eval_set, "value_eval_set", refused
            )
        params["callbacks"] = [*(self.callbacks or []), XGBoostRounds()]

        def fit_fold(ranker: Any, X_fold: Any, y_fold: NDArray, arguments: dict) -> None:
            ranker.set_params(early_stopping_rounds=None, callbacks=None)
            ranker.fit(X_fold, self._label_encoder.classes_[y_fold], **arguments)

        per_row = {"sample_weight": sample_weight, "base_margin": base_margin, "value": value}
        training = Training(X, target, rows, per_row, fit_fold)
        chosen, folds = self._choose_and_keep(training, continued=xgb_model is not None)
        parent = XGBClassifier(**{**params, **chosen})
        parent.fit(
            X,
            target,
            sample_weight=sample_weight,
            base_margin=base_margin,
            eval_set=eval_set,
            verbose=verbose,
            xgb_model=xgb_model,
            sample_weight_eval_set=sample_weight_eval_set,
            base_margin_eval_set=base_margin_eval_set,
        )
        self._take_over(parent)
        self._fit_calibrator(training, folds)
        return self

    def _raw_margin(self, X: Any, **kwargs: Any) -> NDArray:
        margin = XGBModel.predict(self, X, output_margin=True, **kwargs)
        return np.asarray(margin, dtype=np.float64)

    def _margin_after(self, X: Any, n_rounds: int | None) -> NDArray:
        kept = {} if n_rounds is None else {"iteration_range": (0, n_rounds)}
        return self._raw_margin(X, **kept)

    def _shift_margins(self, offset: float) -> None:
        # The booster keeps a probability in float32; beyond these it has no digits left.
        base_score = expit(np.clip(offset, -80.0, 15.0))
        self.get_booster().set_param({"base_score": float(base_score)})

    @available_if(_has_calibration)
    def predict_proba(self, X: Any, **kwargs: Any) -> NDArray:
        """Return calibrated class probabilities, shape (n_samples, 2).

        Parameters
        ----------
        X : array-like, sparse matrix or DataFrame of shape (n_samples, n_features)
            Rows to score.
        **kwargs
            As in the parent (``iteration_range``, ``base_margin``, ...).

        Returns
        -------
        probabilities : ndarray of shape (n_samples, 2)
            Columns in the order of ``classes_``. The second ranks rows exactly as
            `decision_function` does, up to rounding.
        """
        return self._probabilities(X, **kwargs)

    def predict(self, X: Any, *, output_margin: bool = False, **kwargs: Any) -> NDArray:
        """Return the more probable class of each row, shape (n_samples,).

        For rare positives that is nearly always the negative one; to spend a
        budget, act on the top of `decision_function`.

        Parameters
        ----------
        X : array-like, sparse matrix or DataFrame of shape (n_samples, n_features)
            Rows to score.
        output_margin : bool, default=False
            Return margins instead, as in the parent.
        **kwargs
            As in the parent (``iteration_range``, ``base_margin``, ...).

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
