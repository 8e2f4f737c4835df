"""LightGBM: the classifier."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any

import numpy as np
from lightgbm import LGBMClassifier, LGBMModel
from lightgbm.basic import LightGBMError
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.metaestimators import available_if

from .._utils.labels import is_positive_first
from .._utils.validation import _invalid
from ..band import Basis, TauScale
from ..objectives import Schedule
from ..objectives.losses.pairwise_pauc import Link
from ._classifier import (
    Leaves,
    PAUCClassifierMixin,
    Pool,
    SplitGain,
)
from ._documents import document_parameters
from ._lightgbm_booster import (
    EARLY_STOPPING_NAMES,
    LightGBM,
    LightGBMRounds,
    check_callbacks,
    has_linear_trees,
    raw_margins,
    refuse_metrics_of_probabilities,
    refuse_unknown_metrics,
)
from ._lightgbm_names import main_names
from ._methods import can_predict, has_probabilities
from ._minimised import find_minimised
from ._objective import Surrogate
from ._parameters import OF_LIGHTGBM, OWN_PARAMETERS, ParentNames
from ._queries import check_eval_queries, checks_ranking, names_of_metrics, queried, tell_places
from ._targets import check_base, check_eval_base, check_stopping, values_as_weights

__all__ = ["LightGBMRounds", "PAUCLGBMClassifier"]


# Parameters of the estimator alone, and the seed, which may be a generator.
NOT_FOR_PREDICTION = ("class_weight", "importance_type", "n_estimators", "random_state")


class PAUCLGBMClassifier(PAUCClassifierMixin, LGBMClassifier):
    """LightGBM classifier that ranks for a review budget.

    `lightgbm.LGBMClassifier` with the partial AUC of `PAUCObjective` as its
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
    num_leaves : int or "auto", default="auto"
        Greatest number of leaves of a tree; "auto" is 15 for the whole AUC and 127
        otherwise. Only rows of the band pull at a tree, so that its leaves are spent where
        the ranking matters. Small trees cannot tell many kinds of positives apart, and
        ``min_split_gain`` keeps noise out. Where every row pulls, large trees fit the bulk.
    min_split_gain : float or "auto", default="auto"
        Least gain of a split; "auto" chooses between 0 and 1, see ``selection_cv``.
    boosting_type, max_depth, subsample_for_bin, class_weight, \
min_child_weight, min_child_samples, subsample, subsample_freq, colsample_bytree, \
reg_alpha, random_state, importance_type
        As in `lightgbm.LGBMClassifier`, with its defaults.
    n_jobs : int, default=None
        Number of threads. None is the share of the processors that this process may use, by
        ``OMP_NUM_THREADS`` and the quota of its container.
    **kwargs
        Further LightGBM parameters, under any of their names. Names that LightGBM does not
        know are refused, as are parameters that have no effect on the objectives of this
        package, such as ``is_unbalance`` and ``scale_pos_weight``. With ``linear_tree=True``
        the default of ``linear_lambda`` is 1.

    Attributes
    ----------
    pos_label_ : int, float, bool or str
        Label of the positive class, of two.
    classes_ : ndarray of shape (n_classes,)
        Class labels in increasing order; of two scores favour the second.
    calibrator_ : SigmoidCalibrator
        Map from margin to probability; a `ClassCalibrator` for a loss of classes.
    beta_ : float
        Upper end of the training band. It does not exist for an ``objective`` whose band
        the parameters do not set.
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
    {targets}

    {folds}

    With an ``eval_set`` and no ``eval_metric``, coverage at the budget is evaluated, so
    that ``lightgbm.early_stopping`` maximises it. ``class_weight`` weighs rows inside
    a class and sets the width of the band, but a ratio between the classes cancels out
    of a comparison of the two.

    The booster carries the start of the loss and the zero of the calibration in its
    first tree, so that a saved booster gives the margins of `decision_function`. If the
    positive class is ``classes_[0]``, they have the other sign there, because the booster
    favours the positive class. With ``linear_tree=True`` the estimator adds them, and the
    booster alone lacks them. A calibrated model of several classes rescales its margins,
    which the booster alone does not.

    Examples
    --------
    >>> from skbudget import PAUCLGBMClassifier, coverage_at_budget_score, make_contested_top
    >>> X, y = make_contested_top(20_000, pos_rate=0.01, random_state=0)
    >>> model = PAUCLGBMClassifier(budget=0.01, n_estimators=20, n_jobs=1, verbose=-1).fit(X, y)
    >>> X_new, y_new = make_contested_top(20_000, pos_rate=0.01, random_state=1)
    >>> coverage_at_budget_score(y_new, model.decision_function(X_new), budget=0.01) > 0.4
    True
    """

    __doc__ = document_parameters(__doc__, "min_split_gain", "num_leaves")
    _parent = LGBMClassifier
    _split_gain_name = "min_split_gain"
    _leaves_name = "num_leaves"
    _base_name = "init_score"
    _library = "lightgbm"
    _errors = (LightGBMError,)

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
        regularizer: Any = None,
        regularizer_weight: float = 1.0,
        selection_cv: Any = 3,
        calibration_cv: Any = 3,
        fold_learning_rate: float | None = 0.15,
        pool: Pool = "exact",
        pos_label: Any = None,
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
        self._names.refuse_unknown(kwargs, OWN_PARAMETERS, type(self).__name__)
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
        self.regularizer = regularizer
        self.regularizer_weight = regularizer_weight
        self.selection_cv = selection_cv
        self.calibration_cv = calibration_cv
        self.fold_learning_rate = fold_learning_rate
        self.pool = pool
        self.pos_label = pos_label

    def _process_params(self, stage: str) -> dict[str, Any]:
        # Called for what the parent passes to LightGBM when it predicts.
        params = self._parent_params()
        for name in (self._split_gain_name, self._leaves_name):
            if params[name] == "auto":
                params[name] = getattr(self, f"{name}_")
        params["objective"] = "None"
        return {name: value for name, value in params.items() if name not in NOT_FOR_PREDICTION}

    def _extras(self) -> dict[str, Any]:
        known = (*OWN_PARAMETERS, *self._names.constructor, *self._get_param_names())
        return {name: value for name, value in self._other_params.items() if name not in known}

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
        group: ArrayLike | None = None,
        eval_group: Any = None,
        groups: ArrayLike | None = None,
        **columns: ArrayLike | None,
    ) -> PAUCLGBMClassifier:
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
        init_score, eval_set, eval_names, eval_sample_weight, eval_class_weight, \
eval_init_score, eval_metric, feature_name, categorical_feature, callbacks, init_model, \
eval_X, eval_y
            As in `lightgbm.LGBMClassifier.fit`. Continuing from ``init_model``
            needs ``calibration_cv=None``, because there is no telling which rows its
            trees have seen.
        value : array-like of shape (n_samples,), default=None
            What catching each positive is worth, such as an amount, at least 0 and in any
            unit. Entries of negatives are not used. Positives pull at the trees in
            proportion to it, and what `selection_cv` leaves open is chosen by the partial
            AUC of the value. It does not count rows: band and probabilities are those of
            the classes, as without it.
        eval_value : list of array-like of shape (n_eval_samples,), default=None
            Values of the rows of each evaluation set: coverage there is the share of the
            value caught. They take the place of ``eval_sample_weight``,
            ``eval_class_weight`` and ``eval_metric``, and are refused beside them. For
            a metric of your choice pass values as weights, see
            `CoverageMetric(weight_of_positives="value")`.
        group : array-like of shape (n_samples,), default=None
            Query of each row, as numbers or text and in any order of the rows, for a loss that
            compares the rows of a query. No query is split between folds.
        eval_group : list of array-like of shape (n_eval_samples,), default=None
            Queries of the rows of each evaluation set, as ``group``. Metrics of LightGBM that
            rank, such as ``"ndcg@10"``, are then means over queries, and for two labels the
            metric otherwise is coverage where each query has the budget. With ``group`` it
            is needed, unless ``eval_metric`` names only metrics of the whole set.
        groups : array-like of shape (n_samples,), default=None
            Group of each row, such as its customer. No group is split between folds, see Notes.
        **columns : array-like of shape (n_samples,)
            Further columns that the loss reads, by name, such as ``segment`` or ``process``.
            ``set_fit_request`` takes their names too, once the objective is set.

        Returns
        -------
        self : PAUCLGBMClassifier

        Raises
        ------
        ValueError
            If a parameter is out of range, ``y`` is not what the loss takes, no positive
            has value, a column is missing, or one is given that the loss does not read.
        FloatingPointError
            If linear trees diverge, for which ``linear_lambda`` is the remedy.
        """
        columns = {"value": value, "group": group, "groups": groups, **columns}
        training = self._check_fit(
            X, y, sample_weight, init_score, columns, {"init_model": init_model}
        )
        sets = self._encoded_eval_sets(eval_set, eval_X, eval_y)
        stopping = {name: self._extras().get(name) for name in EARLY_STOPPING_NAMES}
        for name, n_rounds in stopping.items():
            check_stopping(n_rounds, sets, name, type(self).__name__, callbacks, LightGBM.stopping)
        targets = [y_eval for _, y_eval in sets]
        sizes = [len(target) for target in targets]
        if eval_value is not None:
            refused = {
                "eval_sample_weight": eval_sample_weight,
                "eval_class_weight": self._coded_eval_weights(eval_class_weight),
                "eval_metric": eval_metric,
            }
            eval_sample_weight = values_as_weights(targets, eval_value, "eval_value", refused)
        params = self._parent_params()
        metrics, minimised = names_of_metrics(eval_metric), find_minimised(self)
        every = [*metrics, *names_of_metrics(params.get("metric"))]
        is_ranking = checks_ranking(every, minimised, type(self).__name__)
        queries = check_eval_queries(
            eval_group, sizes, training, minimised, every, type(self).__name__
        )
        base = check_eval_base(eval_init_score, "eval_init_score", sizes, self._n_margins)
        sets, eval_sample_weight, base = queried(queries, sets, eval_sample_weight, base)
        is_theirs = self._is_theirs(training)
        # Beside an objective of its own LightGBM has a metric for every target.
        has_metric = self._has_metric(training)
        if sets and eval_metric is None and not has_metric:
            metrics = [self._coverage_metric(queries, of_value=eval_value is not None)]
        params["class_weight"] = self._coded_weights(self.class_weight)
        # LightGBM would add its log loss, which reads margins as probabilities.
        named = [metric for metric in metrics if isinstance(metric, str)]
        refuse_unknown_metrics(params.get("metric"), "metric", type(self).__name__)
        refuse_unknown_metrics(named, "eval_metric", type(self).__name__)
        if not is_theirs:
            refuse_metrics_of_probabilities([*named, params.get("metric")], type(self).__name__)
            # With a custom objective LightGBM fails where it has filtered all features.
            params.setdefault("feature_pre_filter", False)
        if named or not (has_metric and sets and eval_metric is None):
            params.setdefault("metric", named or "None")
        tell_places(params)
        linear = has_linear_trees(params, type(self).__name__)
        booster = LightGBM(
            params=params,
            arguments={
                "eval_names": eval_names,
                "eval_sample_weight": eval_sample_weight,
                "eval_class_weight": self._coded_eval_weights(eval_class_weight),
                "eval_metric": [metric for metric in metrics if callable(metric)],
                "feature_name": feature_name,
                "categorical_feature": categorical_feature,
                "init_model": init_model,
                **_as_arguments(sets),
            },
            callbacks=check_callbacks(callbacks, type(self).__name__),
            seed=self._asked("random_state"),
            n_margins=self._n_margins,
            parent=LGBMClassifier if self._fitted_kind[0] == "binary" else LGBMModel,
            eval_base=base,
            eval_sizes=sizes,
            # LightGBM makes its metrics for the training rows, too.
            by_query=is_ranking,
            pool=self.pool,
            eval_queries=None if queries is None else [one.sizes for one in queries],
            linear_of=type(self).__name__ if linear else None,
        )
        self._fit(training, booster, earlier=init_model)
        return self

    def _coded_eval_weights(self, eval_class_weight: Any) -> Any:
        if isinstance(eval_class_weight, Mapping):
            return {k: self._coded_weights(one) for k, one in eval_class_weight.items()}
        return eval_class_weight and [self._coded_weights(one) for one in eval_class_weight]

    def _encoded_eval_sets(self, eval_set: Any, eval_X: Any, eval_y: Any) -> list[tuple[Any, Any]]:
        """Return the evaluation sets with coded labels."""
        if eval_set is not None and (eval_X is not None or eval_y is not None):
            raise ValueError("Specify either 'eval_set' or 'eval_X' and 'eval_y', but not both.")
        if (eval_X is None) != (eval_y is None):
            raise ValueError("You must specify eval_X and eval_y, not just one of them.")
        if eval_X is not None:
            many = isinstance(eval_X, tuple)
            eval_set = list(zip(eval_X, eval_y)) if many else [(eval_X, eval_y)]
        pairs = [eval_set] if isinstance(eval_set, tuple) else eval_set or []
        return self._coded_sets(pairs, "eval_set" if eval_X is None else "eval_X")

    def _raw_margins(self, X: Any, base: Any, **options: Any) -> NDArray[np.float64]:
        margins = raw_margins(self, X, **options)
        base = check_base(base, self._base_name, margins.shape[0], self._n_margins)
        return margins if base is None else margins + base

    def _predict_with(
        self, usual: Callable[..., NDArray], X: Any, kwargs: dict[str, Any], **raw: bool
    ) -> Any:
        """Return the ``raw`` output that is asked for, else the result of ``usual``."""
        for name, wanted in raw.items():
            if not isinstance(wanted, bool | np.bool_):
                raise _invalid(name, wanted, f"{type(self).__name__}.predict", "a bool")
        if raw.pop("raw_score"):
            return self.decision_function(X, **kwargs)
        if any(raw.values()):
            self._check_options(kwargs, "predict")
            found = LGBMModel.predict(self, self._check_X(X, reset=False), **raw, **kwargs)
            # SHAP values add up to the raw score, and take its sign.
            return -found if raw["pred_contrib"] and is_positive_first(self) else found
        return usual(X, **kwargs)

    @available_if(has_probabilities)
    def predict_proba(
        self,
        X: Any,
        raw_score: bool = False,
        *,
        pred_leaf: bool = False,
        pred_contrib: bool = False,
        **kwargs: Any,
    ) -> NDArray:
        """Return calibrated class probabilities, shape (n_samples, n_classes).

        Parameters
        ----------
        X : array-like, sparse matrix or DataFrame of shape (n_samples, n_features)
            Rows to score.
        raw_score, pred_leaf, pred_contrib : bool, default=False
            As in the parent: return margins, leaf indices or SHAP values instead.
        **kwargs
            As in the parent (``start_iteration``, ``num_iteration``, ...), and
            ``init_score``: scores of these rows that are added to their margins. A model
            that was fitted with ``init_score`` has a calibration for margins with it and
            one for margins without it, and uses the one that belongs to the call.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            Columns in the order of ``classes_``. With two classes the second ranks rows
            exactly as `decision_function` does, up to rounding. That of the positive class is
            ``classes_ == pos_label_``.
        """
        return self._predict_with(
            self._class_probabilities,
            X,
            kwargs,
            raw_score=raw_score,
            pred_leaf=pred_leaf,
            pred_contrib=pred_contrib,
        )

    @available_if(can_predict)
    def predict(
        self,
        X: Any,
        raw_score: bool = False,
        *,
        pred_leaf: bool = False,
        pred_contrib: bool = False,
        **kwargs: Any,
    ) -> NDArray:
        """Return the most probable class of each row, shape (n_samples,).

        For rare positives that is nearly always the negative one; to spend a
        budget, act on the top of `decision_function`. Levels and real targets are
        predicted too, see the notes of the class.

        Parameters
        ----------
        X : array-like, sparse matrix or DataFrame of shape (n_samples, n_features)
            Rows to score.
        raw_score, pred_leaf, pred_contrib : bool, default=False
            As in the parent: return margins, leaf indices or SHAP values instead.
        **kwargs
            As in `predict_proba`.

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


# Parameters of the parent's `predict` that are not passed on as options.
OF_THE_METHOD = ("self", "X", "raw_score", "pred_leaf", "pred_contrib", "kwargs")


def _as_arguments(sets: list[tuple[Any, Any]]) -> dict[str, Any]:
    """Return evaluation sets as fit arguments of the installed LightGBM."""
    if not sets:
        return {}
    # LightGBM 4.7 renamed the argument and deprecated the old one.
    if "eval_X" not in signature(LGBMClassifier.fit).parameters:
        return {"eval_set": sets}
    return {"eval_X": tuple(X for X, _ in sets), "eval_y": tuple(y for _, y in sets)}


PAUCLGBMClassifier._names = ParentNames.of(
    LGBMClassifier, PAUCLGBMClassifier, main=main_names(), refused=OF_LIGHTGBM
)
# Beside its arguments, LightGBM takes any parameter.
PAUCLGBMClassifier._options = (
    "init_score",
    *(name for name in signature(LGBMModel.predict).parameters if name not in OF_THE_METHOD),
    *main_names(),
)
