"""LightGBM: the classifier and the callback that tells a schedule the round."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any

import numpy as np
from lightgbm import LGBMClassifier, LGBMModel
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.metaestimators import available_if

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

__all__ = ["LightGBMRounds", "PAUCLGBMClassifier"]


class LightGBMRounds:
    """Callback that tells an objective with a schedule which round it is in.

    See Also
    --------
    XGBoostRounds : The same for XGBoost.
    skbudget.objectives.Schedule : What changes over rounds.

    Examples
    --------
    >>> import lightgbm as lgb
    >>> from skbudget import PAUCObjective, make_contested_top
    >>> from skbudget.boosting import LightGBMRounds
    >>> from skbudget.objectives import Schedule
    >>> objective = PAUCObjective(budget=0.01, schedule=Schedule(warmup_rounds=5))
    >>> X, y = make_contested_top(5_000, pos_rate=0.01, random_state=0)
    >>> booster = lgb.train(
    ...     {"objective": objective, "verbose": -1},
    ...     lgb.Dataset(X, y),
    ...     num_boost_round=10,
    ...     callbacks=[LightGBMRounds()],
    ... )
    >>> booster.num_trees()
    10
    """

    before_iteration = True
    order = 0

    def __call__(self, env: Any) -> None:
        """Announce the round."""
        announce_round(env.iteration, len(getattr(env.model, "boosters", [None])))


class PAUCLGBMClassifier(PAUCClassifierMixin, LGBMClassifier):
    """LightGBM classifier that ranks for a review budget.

    `lightgbm.LGBMClassifier` with the partial AUC of `PAUCObjective` as its
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
    num_leaves : int or "auto", default="auto"
        Leaves of a tree, at most; "auto" is 127 for a band and 15 for the whole AUC.
        Only rows of the band pull at a tree, so that its leaves are spent where the
        ranking matters; small trees cannot tell many kinds of positives apart, and
        noise is kept out by ``min_split_gain``. Where every row pulls, large trees
        fit the bulk.
    min_split_gain : float or "auto", default="auto"
        Least gain of a split; "auto" chooses between 0 and 1, see ``selection_cv``.
    boosting_type, max_depth, subsample_for_bin, class_weight, \
min_child_weight, min_child_samples, subsample, subsample_freq, colsample_bytree, \
reg_alpha, random_state, n_jobs, importance_type
        As in `lightgbm.LGBMClassifier`, with its defaults.
    **kwargs
        Further LightGBM parameters.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        Class labels; the second is the positive class.
    calibrator_ : SigmoidCalibrator
        Map from margin to probability.
    beta_ : float
        Upper end of the training band. There is none with another ``objective``.
    num_leaves_ : int
        Leaves of a tree that were allowed.
    min_split_gain_ : float
        Least gain of a split that was trained with.
    booster_ : lightgbm.Booster
        The trees.

    See Also
    --------
    PAUCXGBClassifier : The same for XGBoost.
    PAUCObjective : The objective alone, for ``lgb.train``.

    Notes
    -----
    Binary only; for one-versus-rest wrap it in
    `sklearn.multiclass.OneVsRestClassifier`. With an ``eval_set`` and no
    ``eval_metric``, coverage at the budget is evaluated, so that
    ``lightgbm.early_stopping`` maximises it. ``class_weight`` weighs rows inside
    a class and sets the band's width, but a ratio between the classes cancels
    out of a comparison of the two.

    Examples
    --------
    >>> from skbudget import PAUCLGBMClassifier, coverage_at_budget_score, make_contested_top
    >>> X, y = make_contested_top(20_000, pos_rate=0.01, random_state=0)
    >>> model = PAUCLGBMClassifier(budget=0.01, n_estimators=20, n_jobs=1, verbose=-1).fit(X, y)
    >>> X_new, y_new = make_contested_top(20_000, pos_rate=0.01, random_state=1)
    >>> coverage_at_budget_score(y_new, model.decision_function(X_new), budget=0.01) > 0.4
    True
    """

    __doc__ = __doc__.replace("{own}", document_parameters("min_split_gain", "num_leaves"))
    _parent = LGBMClassifier
    _split_gain_name = "min_split_gain"
    _leaves_name = "num_leaves"

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
        boosting_type: str = "gbdt",
        num_leaves: Leaves = "auto",
        max_depth: int = -1,
        learning_rate: float = 0.05,
        n_estimators: int = 200,
        subsample_for_bin: int = 200000,
        objective: Any = None,
        class_weight: dict | str | None = None,
        min_split_gain: SplitGain = "auto",
        min_child_weight: float = 1e-3,
        min_child_samples: int = 20,
        subsample: float = 1.0,
        subsample_freq: int = 0,
        colsample_bytree: float = 1.0,
        reg_alpha: float = 0.0,
        reg_lambda: float = 5.0,
        random_state: Any = None,
        n_jobs: int | None = None,
        importance_type: str = "split",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            boosting_type=boosting_type,
            num_leaves=num_leaves,
            max_depth=max_depth,
            learning_rate=learning_rate,
            n_estimators=n_estimators,
            subsample_for_bin=subsample_for_bin,
            objective=objective,
            class_weight=class_weight,
            min_split_gain=min_split_gain,
            min_child_weight=min_child_weight,
            min_child_samples=min_child_samples,
            subsample=subsample,
            subsample_freq=subsample_freq,
            colsample_bytree=colsample_bytree,
            reg_alpha=reg_alpha,
            reg_lambda=reg_lambda,
            random_state=random_state,
            n_jobs=n_jobs,
            importance_type=importance_type,
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

    def _process_params(self, stage: str) -> dict[str, Any]:
        # The parent reads get_params for what it passes to LightGBM when predicting.
        params = super()._process_params(stage)
        for name in (self._split_gain_name, self._leaves_name):
            if params.get(name) == "auto":
                params[name] = getattr(self, f"{name}_")
        return {name: value for name, value in params.items() if name not in OWN_PARAMETERS}

    def _n_trained_rounds(self) -> int | None:
        return self.best_iteration_ or None

    def fit(
        self,
        X: Any,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        init_score: ArrayLike | None = None,
        eval_set: Any = None,
        eval_names: list[str] | None = None,
        eval_sample_weight: Any = None,
        eval_class_weight: Any = None,
        eval_init_score: Any = None,
        eval_metric: Any = None,
        feature_name: Any = "auto",
        categorical_feature: Any = "auto",
        callbacks: list | None = None,
        init_model: Any = None,
        *,
        eval_X: Any = None,
        eval_y: Any = None,
        value: ArrayLike | None = None,
        eval_value: Any = None,
    ) -> PAUCLGBMClassifier:
        """Fit the trees, and the calibration on rows they did not see.

        Parameters
        ----------
        X : array-like, sparse matrix or DataFrame of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,)
            Two labels of any kind; the greater one is the positive class.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights.
        init_score, eval_set, eval_names, eval_sample_weight, eval_class_weight, \
eval_init_score, eval_metric, feature_name, categorical_feature, callbacks, init_model, \
eval_X, eval_y
            As in `lightgbm.LGBMClassifier.fit`. Continuing from ``init_model``
            needs ``calibration_cv=None``: there is no telling which rows its
            trees have seen.
        value : array-like of shape (n_samples,), default=None
            What catching each positive is worth, say an amount, at least 0 and in any
            unit; entries of negatives are not used. Positives pull at the trees in
            proportion to it, and what `selection_cv` leaves open is chosen by the partial
            AUC of the value. It counts no rows: band and probabilities are those of the
            classes, as without it.
        eval_value : list of array-like of shape (n_eval_samples,), default=None
            Values of the rows of each evaluation set: coverage there is the share of the
            value caught. They take the place of ``eval_sample_weight``,
            ``eval_class_weight`` and ``eval_metric``, beside which they are refused. For
            a metric of your choice pass values as weights, see
            `CoverageMetric(weight_of_positives="value")`.

        Returns
        -------
        self : PAUCLGBMClassifier

        Raises
        ------
        ValueError
            If a parameter is out of range, ``y`` does not have two classes, or no
            positive has value.
        """
        X, target, sample_weight, value, rows = self._check_fit(
            X, y, sample_weight, value, init_model, "init_model"
        )
        evaluation = self._encoded_eval_sets(eval_set, eval_X, eval_y)
        if eval_value is not None:
            refused = {
                "eval_sample_weight": eval_sample_weight,
                "eval_class_weight": eval_class_weight,
                "eval_metric": eval_metric,
            }
            eval_sample_weight = values_as_weights(
                evaluation.get("eval_y")
                or [y_eval for _, y_eval in evaluation.get("eval_set", [])],
                eval_value,
                "eval_value",
                refused,
            )
        if evaluation and eval_metric is None:
            eval_metric = self._coverage_metric(of_value=eval_value is not None)
        params = self._parent_params()
        if isinstance(self.class_weight, dict):
            codes = {label: code for code, label in enumerate(self._label_encoder.classes_)}
            params["class_weight"] = {codes[k]: v for k, v in self.class_weight.items()}
        # LightGBM would add its log loss, which reads margins as probabilities.
        metrics = eval_metric if isinstance(eval_metric, list) else [eval_metric]
        named = [metric for metric in metrics if isinstance(metric, str)]
        params.setdefault("metric", named or "None")
        # With a custom objective LightGBM fails where it has filtered all features.
        params.setdefault("feature_pre_filter", False)

        def fit_fold(ranker: Any, X_fold: Any, y_fold: NDArray, arguments: dict) -> None:
            ranker.fit(
                X_fold,
                self._label_encoder.classes_[y_fold],
                feature_name=feature_name,
                categorical_feature=categorical_feature,
                **arguments,
            )

        per_row = {"sample_weight": sample_weight, "init_score": init_score, "value": value}
        training = Training(X, target, rows, per_row, fit_fold)
        chosen, folds = self._choose_and_keep(training, continued=init_model is not None)
        parent = LGBMClassifier(**{**params, **chosen})
        parent.fit(
            X,
            target,
            sample_weight=sample_weight,
            init_score=init_score,
            eval_names=eval_names,
            eval_sample_weight=eval_sample_weight,
            eval_class_weight=eval_class_weight,
            eval_init_score=eval_init_score,
            eval_metric=[metric for metric in metrics if callable(metric)],
            feature_name=feature_name,
            categorical_feature=categorical_feature,
            callbacks=[*(callbacks or []), LightGBMRounds()],
            init_model=init_model,
            **evaluation,
        )
        self._take_over(parent)
        self._fit_calibrator(training, folds)
        return self

    def _encoded_eval_sets(self, eval_set: Any, eval_X: Any, eval_y: Any) -> dict[str, Any]:
        """Return the evaluation sets as fit arguments of the installed LightGBM."""
        if eval_set is not None and (eval_X is not None or eval_y is not None):
            raise ValueError("Specify either 'eval_set' or 'eval_X' and 'eval_y', but not both.")
        if (eval_X is None) != (eval_y is None):
            raise ValueError("You must specify eval_X and eval_y, not just one of them.")
        if eval_X is not None:
            many = isinstance(eval_X, tuple)
            eval_set = list(zip(eval_X, eval_y)) if many else [(eval_X, eval_y)]
        if eval_set is None:
            return {}
        pairs = [eval_set] if isinstance(eval_set, tuple) else eval_set
        encoded = [(X_eval, self._encode_eval_target(y_eval)) for X_eval, y_eval in pairs]
        # LightGBM 4.7 renamed the argument and deprecated the old one.
        if "eval_X" not in signature(LGBMClassifier.fit).parameters:
            return {"eval_set": encoded}
        return {"eval_X": tuple(X for X, _ in encoded), "eval_y": tuple(y for _, y in encoded)}

    def _raw_margin(self, X: Any, **kwargs: Any) -> NDArray:
        return np.asarray(LGBMModel.predict(self, X, raw_score=True, **kwargs), dtype=np.float64)

    def _margin_after(self, X: Any, n_rounds: int | None) -> NDArray:
        return self._raw_margin(X, num_iteration=n_rounds)

    def _shift_margins(self, offset: float) -> None:
        # As LightGBM does with its own starting score: into the first tree.
        for leaf in range(self._first_tree_leaves()):
            value = self.booster_.get_leaf_output(0, leaf)
            self.booster_.set_leaf_output(0, leaf, value + offset)

    def _first_tree_leaves(self) -> int:
        trees = self.booster_.dump_model(num_iteration=1, start_iteration=0)["tree_info"]
        return trees[0]["num_leaves"]

    def _predict_with(
        self, usual: Callable[..., NDArray], X: Any, kwargs: dict[str, Any], **raw: bool
    ) -> Any:
        """Return the ``raw`` output that is asked for, else the result of ``usual``."""
        if any(raw.values()):
            return LGBMModel.predict(self, self._check_X(X, reset=False), **raw, **kwargs)
        return usual(X, **kwargs)

    @available_if(_has_calibration)
    def predict_proba(
        self,
        X: Any,
        raw_score: bool = False,
        *,
        pred_leaf: bool = False,
        pred_contrib: bool = False,
        **kwargs: Any,
    ) -> NDArray:
        """Return calibrated class probabilities, shape (n_samples, 2).

        Parameters
        ----------
        X : array-like, sparse matrix or DataFrame of shape (n_samples, n_features)
            Rows to score.
        raw_score, pred_leaf, pred_contrib : bool, default=False
            As in the parent: return margins, leaf indices or SHAP values instead.
        **kwargs
            As in the parent (``start_iteration``, ``num_iteration``, ...).

        Returns
        -------
        probabilities : ndarray of shape (n_samples, 2)
            Columns in the order of ``classes_``. The second ranks rows exactly as
            `decision_function` does, up to rounding.
        """
        return self._predict_with(
            self._probabilities,
            X,
            kwargs,
            raw_score=raw_score,
            pred_leaf=pred_leaf,
            pred_contrib=pred_contrib,
        )

    def predict(
        self,
        X: Any,
        raw_score: bool = False,
        *,
        pred_leaf: bool = False,
        pred_contrib: bool = False,
        **kwargs: Any,
    ) -> NDArray:
        """Return the more probable class of each row, shape (n_samples,).

        For rare positives that is nearly always the negative one; to spend a
        budget, act on the top of `decision_function`.

        Parameters
        ----------
        X : array-like, sparse matrix or DataFrame of shape (n_samples, n_features)
            Rows to score.
        raw_score, pred_leaf, pred_contrib : bool, default=False
            As in the parent: return margins, leaf indices or SHAP values instead.
        **kwargs
            As in the parent (``start_iteration``, ``num_iteration``, ...).

        Returns
        -------
        labels : ndarray of shape (n_samples,)
        """
        return self._predict_with(
            self._labels,
            X,
            kwargs,
            raw_score=raw_score,
            pred_leaf=pred_leaf,
            pred_contrib=pred_contrib,
        )
