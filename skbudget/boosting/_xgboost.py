"""XGBoost: the classifier."""

from __future__ import annotations

from inspect import signature
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _num_samples
from xgboost import XGBClassifier, XGBModel
from xgboost.core import XGBoostError

from .._utils.validation import _invalid, check_positive
from ..band import Basis, TauScale
from ..objectives import Schedule
from ..objectives.losses.pairwise_pauc import Link
from ._classifier import (
    Leaves,
    PAUCClassifierMixin,
    Pool,
    SplitGain,
)
from ._conditions import CONDITIONS
from ._documents import document_parameters
from ._methods import can_predict, has_probabilities
from ._minimised import Minimised, find_minimised
from ._objective import Surrogate
from ._parameters import OF_XGBOOST, OWN_PARAMETERS, ParentNames, extras_of_xgboost
from ._queries import check_eval_queries, names_of_metrics, queried, refuse_row_weights
from ._table import has_categories
from ._targets import check_base, check_eval_base, check_stopping, values_as_weights
from ._xgboost_booster import (
    MAIN_NAMES,
    XGBoost,
    XGBoostRounds,
    check_verbose,
    raw_margins,
    refuse_metrics_of_probabilities,
    refuse_ratio,
    set_threads,
    xgboost_knows,
)

__all__ = ["PAUCXGBClassifier", "XGBoostRounds"]


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
        Further parameters of `xgboost.XGBClassifier`, with its defaults. Names that XGBoost
        does not know are refused, as are parameters that have no effect on the objectives of
        this package, such as ``scale_pos_weight``. ``n_jobs=None`` is the share of the
        processors that this process may use, by ``OMP_NUM_THREADS`` and the quota of its
        container. With
        ``early_stopping_rounds`` and no ``eval_metric``, coverage at the budget
        is evaluated and maximised. With ``base_score`` boosting begins there, and not at
        the start of the loss.

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
    `decision_function`, up to a constant where the zero is beyond what XGBoost carries
    (probabilities below 1e-6). If the positive class is ``classes_[0]``, they have the other sign
    there, because the booster favours the positive class. A booster cannot carry one start
    per margin. With several margins boosting therefore begins at zero, and
    `decision_function` of a calibrated model is rescaled by the estimator alone.

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
    _library = "xgboost"
    _errors = (XGBoostError,)
    # It reads tables in single precision.
    _greatest = float(np.finfo(np.float32).max)
    base_score: Any
    feature_types: Any

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
        self._names.refuse_unknown(kwargs, OWN_PARAMETERS, type(self).__name__)
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
        self.regularizer = regularizer
        self.regularizer_weight = regularizer_weight
        self.selection_cv = selection_cv
        self.calibration_cv = calibration_cv
        self.fold_learning_rate = fold_learning_rate
        self.pool = pool
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
        params = {
            name: value
            for name, value in {**params, **self._names.resolved(self._extras(), self)}.items()
            if name not in unknown and name not in self._extras()
        }
        for name in (self._split_gain_name, self._leaves_name):
            if params.get(name) == "auto":
                params[name] = getattr(self, f"{name}_", None)
        return {name: value for name, value in params.items() if name not in self._idle()}

    def _idle(self) -> set[str]:
        """Return the names of parameters that lack another beside them."""
        return self._names.without_effect(CONDITIONS["xgboost"], self._extras(), self)

    def load_model(self, fname: Any) -> None:
        """Load a booster that was saved by ``save_model``.

        Parameters
        ----------
        fname : str, PathLike or bytearray
            The file. It knows neither labels nor a calibration, nor what was trained: set
            ``objective`` to the loss of the model first, where that takes another target than
            two classes.

        Raises
        ------
        TypeError
            If the file is of another kind of target than the objective takes. The
            estimator is then unchanged.
        """
        before = dict(vars(self))
        # A booster that is there would be loaded into, and what was fitted tells the target.
        for name in ("_Booster", "_fitted_kind"):
            self.__dict__.pop(name, None)
        try:
            super().load_model(fname)
        except BaseException as error:
            self.__dict__.clear()
            self.__dict__.update(before)
            if isinstance(error, TypeError) and "different type" in str(error):
                kind = str(error).rpartition(" ")[2]
                of = {"regressor": "a real target", "classifier": "classes or levels"}
                raise self._other_kind(of.get(kind, f"a {kind}")) from error
            raise

    def _other_kind(self, what: str) -> TypeError:
        takes = {"binary": "two classes", "real": "a real target"}
        target = find_minimised(self).target
        return TypeError(
            f"The file that load_model of {type(self).__name__} was handed holds a model of "
            f"{what}, and objective={self.objective!r} takes {takes.get(target, target)}: make the "
            "estimator with the objective that the model was trained with, and load it again."
        )

    def _load_model_attributes(self, config: dict[str, Any]) -> None:
        # The parent would take over an objective of XGBoost's own, and its base score.
        objective, base_score = self.objective, self.base_score
        super()._load_model_attributes(config)
        self.objective, self.base_score = objective, base_score
        # The file knows neither the labels nor a calibration.
        for name in (
            "_calibration",
            "_kept",
            "_carried",
            "_label_encoder",
            "_fitted_kind",
            "_categories",
        ):
            self.__dict__.pop(name, None)
        n_margins = int(config["learner"]["learner_model_param"]["num_class"])
        if (n_margins > 1) != (self._kind[1] != "one"):
            raise self._other_kind(
                "several scores per row" if n_margins > 1 else "one score per row"
            )
        self._n_loaded_classes = max(2, n_margins + (self._kind[1] == "thresholds"))

    def _check_params(self) -> Minimised:
        minimised = super()._check_params()
        refuse_ratio(self, minimised)
        if self.verbosity is not None:
            # XGBoost keeps a wrong one for all that comes after.
            check_positive(
                self.verbosity, "verbosity", type(self).__name__, integer=True, minimum=0, maximum=3
            )
        return minimised

    def _extras(self) -> dict[str, Any]:
        return extras_of_xgboost(self)

    def _parent_params(self) -> dict[str, Any]:
        params = super()._parent_params()
        idle = self._idle()
        # XGBoost would warn of them again, of every model, and of defaults that nobody passed.
        return {name: None if name in idle else value for name, value in params.items()}

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
        group: ArrayLike | None = None,
        eval_group: Any = None,
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
        group : array-like of shape (n_samples,), default=None
            Query of each row, as numbers or text and in any order of the rows, for a loss that
            compares the rows of a query. No query is split between folds.
        eval_group : list of array-like of shape (n_eval_samples,), default=None
            Queries of the rows of each evaluation set, as ``group``. Metrics of XGBoost that
            rank, such as ``"ndcg@10"`` and also ``"auc"``, are then means over queries, and for
            two labels the metric otherwise is coverage where each query has the budget. With
            ``group`` it is needed, unless ``eval_metric`` names only metrics of the whole set.
            Beside it ``sample_weight_eval_set`` is refused, for XGBoost weighs whole queries.
        groups : array-like of shape (n_samples,), default=None
            Group of each row, such as its customer. No group is split between folds, see Notes.
        **columns : array-like of shape (n_samples,)
            Further columns that the loss reads, by name, such as ``segment`` or ``process``.
            ``set_fit_request`` takes their names too, once the objective is set.

        Returns
        -------
        self : PAUCXGBClassifier

        Raises
        ------
        ValueError
            If a parameter is out of range, ``y`` is not what the loss takes, no positive
            has value, a column is missing, or one is given that the loss does not read.
        """
        columns = {"value": value, "group": group, "groups": groups, **columns}
        check_verbose(verbose, type(self).__name__)
        training = self._check_fit(
            X, y, sample_weight, base_margin, columns, {"xgb_model": xgb_model}
        )
        params = self._parent_params()
        if self._fitted_kind[0] != "binary" and not self._is_theirs(training):
            refuse_metrics_of_probabilities(self.eval_metric, type(self).__name__)
        n_rounds = self.early_stopping_rounds
        check_stopping(
            n_rounds,
            eval_set,
            "early_stopping_rounds",
            type(self).__name__,
            self.callbacks,
            XGBoost.stopping,
        )
        refuse_row_weights(eval_group, sample_weight_eval_set)
        if eval_set is not None:
            eval_set = self._coded_sets(eval_set, "eval_set")
        queries = check_eval_queries(
            eval_group,
            [len(target) for _, target in eval_set or []],
            training,
            find_minimised(self),
            names_of_metrics(self.eval_metric),
            type(self).__name__,
        )
        # Beside an objective of its own XGBoost has a metric for every target.
        has_metric = eval_set is None or self._has_metric(training)
        if self.eval_metric is None and not has_metric:
            of_value = value_eval_set is not None
            params["eval_metric"] = self._coverage_metric(queries, of_value=of_value)
            # XGBoost would add its log loss, which reads margins as probabilities.
            params["disable_default_eval_metric"] = True
        targets = [y_eval for _, y_eval in eval_set or []]
        sizes = [len(target) for target in targets]
        eval_base = check_eval_base(
            base_margin_eval_set, "base_margin_eval_set", sizes, self._n_margins
        )
        if has_categories(self) or "c" in (self.feature_types or ()):
            params["enable_categorical"] = True
        if value_eval_set is not None:
            refused = {
                "sample_weight_eval_set": sample_weight_eval_set,
                "eval_metric": self.eval_metric,
            }
            sample_weight_eval_set = values_as_weights(
                targets, value_eval_set, "value_eval_set", refused
            )
        base = list(eval_base.values())
        eval_set, sample_weight_eval_set, base = queried(
            queries, eval_set, sample_weight_eval_set, base
        )
        booster = XGBoost(
            params=params,
            pool=self.pool,
            arguments={
                "eval_set": eval_set,
                "verbose": verbose,
                "xgb_model": xgb_model,
                "sample_weight_eval_set": sample_weight_eval_set,
            },
            callbacks=list(self.callbacks or []),
            seed=self._asked("random_state"),
            n_margins=self._n_margins,
            parent=XGBClassifier if self._fitted_kind[0] == "binary" else XGBModel,
            eval_base=base,
            eval_queries=None if queries is None else [one.sizes for one in queries],
        )
        self._fit(training, booster, earlier=xgb_model)
        return self

    def _raw_margins(self, X: Any, base: Any, **options: Any) -> NDArray[np.float64]:
        set_threads(self.get_booster(), self._asked("n_jobs"))
        if base is None:
            return raw_margins(self, X, **options)
        base = check_base(base, self._base_name, _num_samples(X), self._n_margins)
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
            exactly as `decision_function` does, up to rounding. That of the positive class is
            ``classes_ == pos_label_``.
        """
        return self._class_probabilities(X, **kwargs)

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
        if not isinstance(output_margin, bool | np.bool_):
            owner = f"{type(self).__name__}.predict"
            raise _invalid("output_margin", output_margin, owner, "a bool")
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


PAUCXGBClassifier._options = tuple(
    name
    for name in signature(XGBModel.predict).parameters
    if name not in ("self", "X", "output_margin")
)
PAUCXGBClassifier._names = ParentNames.of(
    XGBModel, PAUCXGBClassifier, main=MAIN_NAMES, refused=OF_XGBOOST, knows=xgboost_knows
)
