"""XGBoost on Dask: the classifier for tables that no single machine holds."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import replace
from inspect import signature
from typing import Any, ClassVar

import dask.array as da
import numpy as np
from dask.base import is_dask_collection
from xgboost import XGBModel
from xgboost.callback import TrainingCallback
from xgboost.dask import DaskXGBClassifier

from .._utils.labels import is_positive_first, order_classes
from .._utils.names import refuse_unknown_names
from .._utils.rare_class import warn_of_few_rows
from ..band import Basis, TauScale
from ..objectives import Schedule
from ..objectives.losses.pairwise_pauc import Link
from ._classifier import BAND_LEAVES, adopt_fitted
from ._conditions import CONDITIONS
from ._metric import CoverageMetric
from ._minimised import OBJECTIVE_PARAMETERS, find_minimised
from ._objective import Surrogate
from ._parameters import OF_XGBOOST, ParentNames, extras_of_xgboost
from ._regularizer import REGULARIZER_PARAMETERS
from ._splits import FOLDS
from ._targets import check_sets, refuse_beside
from ._xgboost_booster import (
    MAIN_NAMES,
    XGBoostRounds,
    check_verbose,
    refuse_ratio,
    xgboost_knows,
)

__all__ = ["DaskPAUCXGBClassifier"]

OWN_PARAMETERS = (*OBJECTIVE_PARAMETERS, *REGULARIZER_PARAMETERS, "pos_label")


class DaskPAUCXGBClassifier(DaskXGBClassifier):
    """XGBoost on Dask that ranks for a review budget.

    `xgboost.dask.DaskXGBClassifier` with the partial AUC of `PAUCObjective` as its
    objective. Each worker computes its part of the band edges, of the weights and of
    the pair sums, XGBoost's own collective adds them up, and every row gets the
    gradient that it would have got with the whole table on one machine.

    Parameters
    ----------
    budget : float, default=0.005
        Review budget, a fraction in (0, 1]: the share of rows that can be acted on.
    alpha, beta : float, default=None
        Ends of the FPR band of training, as fractions. None stands for the top, and for
        `skbudget.boosting.default_beta` of the rows of all workers.
    surrogate, link, temperature, tau_scale, basis, n_knots, schedule
        As in `PAUCObjective`.
    pos_label : int, float, bool or str, default=None
        Label of the positive class, as in `PAUCXGBClassifier`.
    objective : str, Loss or callable, default=None
        What is minimised, as in `PAUCXGBClassifier`: None for the partial AUC that the
        parameters above set, another loss of two classes that adds up over workers, by
        name or as an object, or a callable. Boosting begins at zero.
    regularizer, regularizer_weight
        A loss that is added, and its weight, as in `PAUCXGBClassifier`.
    n_estimators : int, default=200
        Number of trees.
    learning_rate : float, default=0.05
        Shrinkage of each tree.
    reg_lambda : float, default=5.0
        L2 penalty on leaf values.
    grow_policy, max_depth, max_leaves : default="lossguide", 0 and 127
        Trees grow where they gain most. Only rows of the band pull at a tree, so that
        its leaves are spent where the ranking matters.
    coll_cfg : xgboost.collective.Config, default=None
        Settings of the collective, such as its timeout.
    **kwargs
        Further parameters of `xgboost.dask.DaskXGBClassifier`, with its defaults. With
        ``early_stopping_rounds`` and no ``eval_metric``, coverage at the budget of all
        workers' evaluation rows is maximised.

    Attributes
    ----------
    pos_label_ : int, float, bool or str
        Label of the positive class.
    classes_ : ndarray of shape (2,)
        Class labels in increasing order; scores favour the second.
    evals_result_ : dict
        Metrics by round, if there was an ``eval_set``.

    See Also
    --------
    PAUCXGBClassifier : On one machine, with a band chosen by cross-validation and
        calibrated probabilities.

    Notes
    -----
    Nothing is chosen by cross-validation here, and nothing is calibrated: the model
    ranks by `decision_function`, and has no `predict_proba`. `PAUCXGBClassifier` would
    choose ``gamma`` (a least split gain of 1 leaves noise alone), ``beta`` and
    ``max_leaves``: fit one on a sample, and take its ``gamma_``, ``beta_`` and
    ``max_leaves_``.

    A worker may hold no positive, or no row. A boosting round exchanges some twenty
    messages, whose size does not depend on the number of rows: histograms of the bits of
    the scores, which give the exact edges of the band, and the grid of the pair kernel.
    Scores themselves are exchanged only where no grid will do, because positives and band
    negatives lie far apart or the temperature is small.

    LightGBM's Dask estimators hand an objective the rows of one worker and no way to
    ask the others; with them the objective raises ``NotImplementedError``.

    Examples
    --------
    >>> from dask import array as da
    >>> from dask.distributed import Client, LocalCluster
    >>> from skbudget import coverage_at_budget_score, make_contested_top
    >>> from skbudget.boosting import DaskPAUCXGBClassifier
    >>> X, y = make_contested_top(20_000, pos_rate=0.01, random_state=0)
    >>> X_new, y_new = make_contested_top(20_000, pos_rate=0.01, random_state=1)
    >>> with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
    ...     with Client(cluster):
    ...         rows = da.from_array(X, chunks=(5_000, 20)), da.from_array(y, chunks=5_000)
    ...         model = DaskPAUCXGBClassifier(budget=0.01, n_estimators=20).fit(*rows)
    ...         new_rows = da.from_array(X_new, chunks=(5_000, 20))
    ...         margin = model.decision_function(new_rows).compute()
    >>> bool(coverage_at_budget_score(y_new, margin, budget=0.01) > 0.7)
    True
    """

    _parent = DaskXGBClassifier
    _names: ClassVar[ParentNames]

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
        pos_label: Any = None,
        objective: Any = None,
        n_estimators: int = 200,
        learning_rate: float = 0.05,
        reg_lambda: float = 5.0,
        grow_policy: str | None = "lossguide",
        max_depth: int | None = 0,
        max_leaves: int | None = BAND_LEAVES,
        **kwargs: Any,
    ) -> None:
        self._names.refuse_unknown(kwargs, OWN_PARAMETERS, type(self).__name__)
        super().__init__(
            objective=objective,
            n_estimators=n_estimators,
            learning_rate=learning_rate,
            reg_lambda=reg_lambda,
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
        self.pos_label = pos_label

    def set_params(self, **params: Any) -> Any:
        """Set parameters, those of the parent included.

        Parameters
        ----------
        **params
            Parameters by name.

        Returns
        -------
        self : estimator
        """
        own = (*OWN_PARAMETERS, *self._get_param_names())
        self._names.refuse_unknown(params, own, type(self).__name__)
        return super().set_params(**params)

    def _extras(self) -> dict[str, Any]:
        return extras_of_xgboost(self)

    def _parent_params(self) -> dict[str, Any]:
        extras = self._extras()
        params = self.get_params(deep=False)
        params = {
            name: value
            for name, value in params.items()
            if name not in OWN_PARAMETERS and name not in extras
        }
        params |= self._names.resolved(extras, self)
        idle = self._names.without_effect(CONDITIONS["xgboost"], extras, self)
        return {name: None if name in idle else value for name, value in params.items()}

    def get_xgb_params(self) -> dict[str, Any]:
        """Return the parameters that the fitted booster is told of.

        Returns
        -------
        params : dict
        """
        unknown = (*OWN_PARAMETERS, "objective")
        params = super().get_xgb_params()
        return {name: value for name, value in params.items() if name not in unknown}

    def _boosting_objective(self, *, of_value: bool) -> Any:
        minimised = find_minimised(self)
        refuse_ratio(self, minimised)
        self._names.refuse_without_effect(self._extras(), minimised, self)
        if minimised.target != "binary":
            raise ValueError(
                f"{type(self).__name__} needs a loss of two classes: this objective takes another "
                f"target, {minimised.target!r}."
            )
        if of_value and callable(self.objective):
            raise ValueError(
                "value goes with the partial AUC of the parameters or a loss: for another "
                "objective pass sample_weight, and BoosterObjective(..., "
                "weight_of_positives='value')."
            )
        minimised.check_columns({"value": None} if of_value else {}, type(self).__name__)
        objective = minimised.at(self.beta)
        return replace(objective, weight_of_positives="value") if of_value else objective

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        verbose: bool | int | None = False,
        value: Any = None,
        value_eval_set: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Fit the trees on the workers that hold the rows.

        Parameters
        ----------
        X : dask Array or DataFrame of shape (n_samples, n_features)
            Training rows.
        y : dask Array or Series of shape (n_samples,)
            Two labels of any kind; ``pos_label`` tells which one is positive.
        verbose : bool or int, default=False
            Whether to print the metrics of each round.
        value : dask Array or Series of shape (n_samples,), default=None
            What catching each positive is worth, at least 0 and in any unit. Entries of
            negatives are not used. It takes the place of ``sample_weight``, and is refused
            beside it, because the workers know one column beside the label.
        value_eval_set : list of dask Array or Series, default=None
            Values of the rows of each evaluation set, in place of
            ``sample_weight_eval_set`` and ``eval_metric``.
        **kwargs
            ``sample_weight``, ``base_margin``, ``eval_set``, ``xgb_model``,
            ``sample_weight_eval_set``, ``base_margin_eval_set`` and ``feature_weights`` as
            in `xgboost.dask.DaskXGBClassifier.fit`.

        Returns
        -------
        self : DaskPAUCXGBClassifier
            With an asynchronous client, an awaitable of it.

        Raises
        ------
        ValueError
            If a parameter is out of range, ``y`` does not have two classes, no positive has
            value, or folds or groups are asked for.
        """
        self._refuse_folds(kwargs)
        arguments = [*signature(super().fit).parameters, "value", "value_eval_set"]
        refuse_unknown_names(kwargs, arguments, f"{type(self).__name__}.fit")
        check_verbose(verbose, type(self).__name__)
        self._names.warn_without_effect(CONDITIONS["xgboost"], self._extras(), self)
        bound = signature(super().fit).bind(X, y, verbose=verbose, **kwargs)
        bound.apply_defaults()
        return self._client_sync(
            self._fit_async, **bound.arguments, value=value, value_eval_set=value_eval_set
        )

    def _refuse_folds(self, kwargs: dict[str, Any]) -> None:
        """Raise if folds or groups are asked for: nothing is held out here."""
        given = {**self.get_params(deep=False), **kwargs}
        for name in (*FOLDS, "groups"):
            if given.get(name) is not None:
                raise ValueError(
                    f"{name} has no effect in {type(self).__name__}, which holds no rows out: "
                    "nothing is chosen or calibrated here. Leave it out, and fit a "
                    "PAUCXGBClassifier on a sample for a choice and for probabilities."
                )

    async def _fit_async(
        self, X: Any, y: Any, *, value: Any, value_eval_set: Any, **kwargs: Any
    ) -> DaskPAUCXGBClassifier:
        self._check_value(value, value_eval_set, kwargs)
        params = self._parent_params()
        params["objective"] = self._boosting_objective(of_value=value is not None)
        params["callbacks"] = [*(self.callbacks or []), XGBoostRounds(), _WorkersWithoutRows()]
        if kwargs.get("eval_set") is not None and self.eval_metric is None:
            params["eval_metric"] = CoverageMetric(
                self.budget, "population", "rows" if value_eval_set is None else "value"
            )
            # XGBoost would add its log loss, which reads margins as probabilities.
            params["disable_default_eval_metric"] = True
        classes = await self._classes_of(y)

        def encoded(labels: Any) -> Any:
            return (labels == classes[1]).astype(np.int8)

        if kwargs.get("eval_set") is not None:
            kwargs["eval_set"] = [
                (X_eval, encoded(y_eval)) for X_eval, y_eval in kwargs["eval_set"]
            ]
        if value is not None:
            kwargs["sample_weight"] = await self._value_as_weight(value, encoded(y), "value")
        if value_eval_set is not None:
            kwargs["sample_weight_eval_set"] = [
                await self._value_as_weight(of_set, target, "value_eval_set")
                for of_set, (_, target) in zip(value_eval_set, kwargs["eval_set"])
            ]
        parent = DaskXGBClassifier(**params)
        parent.client = self.client
        await parent._fit_async(X, encoded(y), **kwargs)
        adopt_fitted(self, parent)
        self.classes_, self.pos_label_ = np.sort(classes), classes[1]
        return self

    def _check_value(self, value: Any, value_eval_set: Any, kwargs: dict[str, Any]) -> None:
        one_column = "on Dask the workers know one column beside the label, and it holds either."
        if value is not None:
            refuse_beside("value", {"sample_weight": kwargs.get("sample_weight")}, one_column)
        if value_eval_set is None:
            return
        weights = {"sample_weight_eval_set": kwargs.get("sample_weight_eval_set")}
        refuse_beside("value_eval_set", weights, one_column)
        only_coverage = "only coverage takes weights of positives for values."
        refuse_beside("value_eval_set", {"eval_metric": self.eval_metric}, only_coverage)
        check_sets("value_eval_set", value_eval_set, len(kwargs.get("eval_set") or []))

    async def _value_as_weight(self, value: Any, target: Any, name: str) -> Any:
        """Return 1 for negatives, and for positives the value in units of its mean.

        XGBoost places its bins by weights, and the unit should not move them.
        """
        sums = self.client.compute([(value * target).sum(), target.sum()])
        worth, number = [await each for each in sums]
        if not (np.isfinite(worth) and worth > 0):
            raise ValueError(
                f"The positives have no value, or a negative, NaN or infinite one in {name}: every "
                "value must be at least 0, and at least one greater than 0."
            )
        return value * (number / worth) * target + (1 - target)

    async def _classes_of(self, y: Any) -> np.ndarray:
        unique = da.unique(y) if isinstance(y, da.Array) else y.drop_duplicates()
        classes = np.unique(np.asarray(await self.client.compute(unique)))
        owner = type(self).__name__
        if classes.size != 2:
            raise ValueError(
                f"{owner} needs two classes, but y contains {classes.size}: "
                f"{classes[:10].tolist()}."
            )
        of_greater = y == classes[1]
        sums = self.client.compute([of_greater.sum(), (~of_greater).sum()])
        greater, others = [int(await each) for each in sums]
        share = greater / (greater + others)
        ordered = order_classes(classes, share, self.pos_label, owner=owner)
        counts = (others, greater) if ordered[1] == classes[1] else (greater, others)
        warn_of_few_rows(counts, ordered, owner)
        return ordered

    def decision_function(self, X: Any, **kwargs: Any) -> Any:
        """Return the margin of each row, as a Dask collection.

        Parameters
        ----------
        X : dask Array or DataFrame of shape (n_samples, n_features)
            Rows to score.
        **kwargs
            As in `xgboost.dask.DaskXGBClassifier.predict`.

        Returns
        -------
        margin : dask Array of shape (n_samples,)
            Their order is all they say. Greater margins favour ``classes_[1]``, which need not
            be the positive class ``pos_label_``. With an asynchronous client, an awaitable.
        """
        options = [*signature(super().predict).parameters]
        refuse_unknown_names(kwargs, options, f"{type(self).__name__}.decision_function")
        margin = super().predict(X, output_margin=True, **kwargs)
        if not is_positive_first(self):
            return margin
        return -margin if is_dask_collection(margin) else _turned(margin)

    @property
    def predict_proba(self) -> Any:
        """Not available: the model ranks."""
        raise self._ranks_only("predict_proba")

    @property
    def predict(self) -> Any:
        """Not available: the model ranks."""
        raise self._ranks_only("predict")

    def _ranks_only(self, method: str) -> AttributeError:
        return AttributeError(
            f"This {type(self).__name__} ranks only, and has no {method}: its margins are not "
            "calibrated. Use decision_function."
        )


class _WorkersWithoutRows(TrainingCallback):
    """Lets a worker that holds no training rows take part, whatever the columns are called.

    XGBoost asks the margins of the training rows for an objective in Python. It refuses an
    empty matrix there if the booster knows names of columns, as it does with data frames.
    """

    def before_training(self, model: Any) -> Any:
        """Ask for no names where there are no rows."""
        predict = model.predict

        def predict_rows(data: Any, *args: Any, **kwargs: Any) -> Any:
            if not args and data.num_row() == 0:
                kwargs["validate_features"] = False
            return predict(data, *args, **kwargs)

        model.predict = predict_rows
        return model

    def after_training(self, model: Any) -> Any:
        """Return the model as it was."""
        del model.predict
        return model


async def _turned(margin: Awaitable[Any]) -> Any:
    """Return margins of an asynchronous client with the other sign."""
    return -(await margin)


DaskPAUCXGBClassifier._names = ParentNames.of(
    XGBModel,
    DaskXGBClassifier,
    DaskPAUCXGBClassifier,
    main=MAIN_NAMES,
    refused=OF_XGBOOST,
    knows=xgboost_knows,
)
