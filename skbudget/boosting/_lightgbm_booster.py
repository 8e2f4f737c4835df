"""LightGBM: training one model, its margins, and the callback that tells a schedule the round."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import partial
from typing import Any, ClassVar

import numpy as np
from lightgbm import Booster as LightGBMModel
from lightgbm import Dataset, LGBMClassifier, LGBMModel, early_stopping, log_evaluation, train
from lightgbm.basic import LightGBMError
from lightgbm.callback import EarlyStopException
from numpy.typing import NDArray
from sklearn.utils.class_weight import compute_sample_weight

from .._utils.validation import shape_of
from ._booster import Booster, Choice, Model, Training
from ._lightgbm_pool import LightGBMPool
from ._queries import names_of_metrics
from ._rounds import announce_round

__all__ = [
    "LightGBM",
    "LightGBMRounds",
    "check_callbacks",
    "has_linear_trees",
    "raw_margins",
    "refuse_metrics_of_probabilities",
    "refuse_unknown_metrics",
]

# Metrics of LightGBM, by all their names, that read raw scores as probabilities beside an
# objective that is not its own.
_OF_PROBABILITIES = {
    "binary",
    "binary_error",
    "binary_logloss",
    "cross_entropy",
    "cross_entropy_lambda",
    "kldiv",
    "kullback_leibler",
    "multi_logloss",
    "multiclass",
    "multiclass_ova",
    "multiclassova",
    "ova",
    "ovr",
    "softmax",
    "xentlambda",
    "xentropy",
}


def refuse_metrics_of_probabilities(metrics: Sequence[Any], owner: str) -> None:
    """Raise for a metric of LightGBM that margins would be taken for probabilities by."""
    for name in names_of_metrics(metrics):
        if isinstance(name, str) and name in _OF_PROBABILITIES:
            raise ValueError(
                f"The metric {name!r} of {owner} reads probabilities, and LightGBM hands it the "
                "margins of an objective that is not its own. Pass 'auc', 'average_precision', a "
                "CoverageMetric, or a function of your own."
            )


_METRICS = {
    *_OF_PROBABILITIES,
    *("", "None", "none", "null", "custom", "na"),
    *("l1", "mean_absolute_error", "mae", "regression_l1"),
    *("l2", "mean_squared_error", "mse", "regression_l2", "regression"),
    *("rmse", "root_mean_squared_error", "l2_root"),
    *("quantile", "mape", "mean_absolute_percentage_error", "huber", "fair", "poisson", "gamma"),
    *("gamma_deviance", "tweedie", "r2", "auc", "average_precision", "auc_mu", "multi_error"),
    *("ndcg", "lambdarank", "rank_xendcg", "xendcg", "xe_ndcg", "xe_ndcg_mart", "xendcg_mart"),
    *("map", "mean_average_precision"),
}


def refuse_unknown_metrics(metrics: Any, name: str, owner: str) -> None:
    """Raise for a metric that LightGBM does not know: it would leave it out without a word.

    Raises
    ------
    ValueError
        Naming the metric, and names that are alike.
    """
    for one in names_of_metrics(metrics):
        metric = one.partition("@")[0] if isinstance(one, str) else ""
        if metric in _METRICS or _lightgbm_has(metric):
            continue
        likely = _METRICS - {"", "None", "none", "null", "custom", "na"}
        alike = get_close_matches(metric, sorted(likely))
        hint = f" Did you mean {' or '.join(map(repr, alike))}?" if alike else ""
        raise ValueError(
            f"The metric {metric!r} in {name} of {owner} is none that LightGBM knows.{hint} "
            "Pass one of LightGBM's metrics, a CoverageMetric, or a function of your own."
        )


def _lightgbm_has(metric: str) -> bool:
    """Tell whether LightGBM has a metric, as a newer version may."""
    params = {"metric": metric, "verbose": -1, "num_threads": 1, "objective": "regression"}
    data = Dataset(np.arange(4.0)[:, None], np.arange(4) % 2, params=params)
    try:
        return bool(LightGBMModel(params, data).eval_train())
    except LightGBMError:
        return True


# Penalty of the planes in the leaves of linear trees, in the unit of a row that counts fully.
LINEAR_LAMBDA = 1.0
# Log-odds are never as large.
_DIVERGED = 1e6


def has_linear_trees(params: dict[str, Any], owner: str) -> bool:
    """Return whether there are planes in the leaves, and make sure that they are determined.

    Rows outside of a band pull at nothing, so that few rows of a leaf may count, fewer than its
    plane has coefficients. Without a penalty, which is the default of LightGBM, such a plane is
    whatever rounding makes of it.
    """
    if params.get("linear_tree") in (None, False, 0, "", "false", "False", "0", "-"):
        return False
    if params.get("linear_lambda") is None:
        params["linear_lambda"] = LINEAR_LAMBDA
    elif params["linear_lambda"] in (0, "0", "0.0"):
        warnings.warn(
            f"linear_lambda=0 of {owner} leaves linear trees undetermined where fewer rows of a "
            "leaf lie in the band than there are features: their margins may diverge. Leave it "
            f"out, for linear_lambda={LINEAR_LAMBDA:g}, or pass a greater one.",
            UserWarning,
            stacklevel=3,
        )
    return True


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


# The names of LightGBM's parameter.
EARLY_STOPPING_NAMES = (
    "early_stopping_round",
    "early_stopping_rounds",
    "early_stopping",
    "n_iter_no_change",
)


# With fewer rows a choice costs more than it saves.
FEWEST_ROWS = 20_000
# Arguments of `fit` that tell what is in a table.
OF_TABLES = ("feature_name", "categorical_feature", "init_model")


@dataclass(frozen=True)
class StopAfter:
    """Callback that ends the training after a number of rounds."""

    n_rounds: int

    before_iteration: ClassVar[bool] = False
    # After all others.
    order: ClassVar[int] = 100

    def __call__(self, env: Any) -> None:
        if env.iteration - env.begin_iteration + 1 >= self.n_rounds:
            raise EarlyStopException(env.iteration, [])


def raw_margins(fitted: Any, X: Any, **options: Any) -> NDArray[np.float64]:
    """Return the margins that a fitted LightGBM estimator gives."""
    with warnings.catch_warnings():
        if all(name == f"Column_{number}" for number, name in enumerate(fitted.feature_name_)):
            # LightGBM 4.6 takes the names that it makes up for those of a data frame.
            warnings.filterwarnings("ignore", message="X does not have valid feature names")
        margins = LGBMModel.predict(fitted, X, raw_score=True, **options)
    return np.asarray(margins, dtype=np.float64)


def check_callbacks(callbacks: Any, owner: str) -> list[Any]:
    """Return the callbacks of `fit` as a list.

    Raises
    ------
    ValueError
        If they are no sequence of callables.
    """
    given = [] if callbacks is None else callbacks
    if not isinstance(given, list | tuple) or not all(map(callable, given)):
        raise ValueError(
            f"callbacks of {owner}.fit must be a list of callables, such as "
            f"[lightgbm.log_evaluation()]: got {callbacks!r}."
        )
    return list(given)


@dataclass
class LightGBM(Booster):
    """LightGBM, with the settings that all models of a `fit` share.

    Attributes
    ----------
    eval_base : dict of int to ndarray or None
        Scores that the rows of each evaluation set begin from.
    eval_sizes : list of int
        Rows of each evaluation set.
    eval_queries : list of ndarray of int, or None
        Rows of each query of each evaluation set.
    linear_of : str or None
        Name of the estimator, for messages, if the trees are linear.
    """

    parent: type = LGBMClassifier
    eval_base: Mapping[int, Any] = field(default_factory=dict)
    eval_sizes: list[int] = field(default_factory=list)
    eval_queries: list[NDArray[np.intp]] | None = None
    linear_of: str | None = None

    library: ClassVar = "lightgbm"
    # LightGBM offers functions that return them.
    printing: ClassVar = (type(log_evaluation()),)
    stopping: ClassVar = (type(early_stopping(1)),)

    def _seed_of_fold(self) -> Any:
        # A generator that the user shares with us is left where it is.
        return copy.deepcopy(self.seed)

    def stopped_after(self, n_rounds: int) -> Booster:
        params = {
            name: value for name, value in self.params.items() if name not in EARLY_STOPPING_NAMES
        }
        callbacks = [one for one in self.callbacks if not isinstance(one, self.stopping)]
        return replace(self, params=params, callbacks=[*callbacks, StopAfter(n_rounds)])

    def _adds_up(self) -> bool:
        boosting = self.params.get("boosting_type")
        stops = any(self.params.get(name) for name in EARLY_STOPPING_NAMES)
        return boosting in (None, "gbdt", "gbrt") and self.linear_of is None and not stops

    def _without_evaluation(self, params: Mapping[str, Any]) -> Booster:
        return replace(
            self,
            params={**self.params, **params, "metric": "None"},
            arguments={name: self.arguments[name] for name in OF_TABLES},
            eval_base={},
            eval_sizes=[],
            eval_queries=None,
            by_query=False,
        )

    def has_splits(self, fitted: Any) -> bool:
        return bool(_trees(fitted).feature_importance("split").any())

    def kept_rounds(self, fitted: Any) -> int | None:
        return fitted.best_iteration_ if fitted.best_iteration_ > 0 else None

    def train(self, training: Training, objective: Any, choice: Choice, start: Any) -> Model:
        params = {**self.params, **choice, "objective": objective}
        if self.n_margins > 1:
            params["num_class"] = self.n_margins
        callbacks, pool = [*self.callbacks, LightGBMRounds()], None
        if self._can_pool(objective, training, FEWEST_ROWS):
            pool = LightGBMPool(objective, training.X, self.pool)
            params["objective"] = pool.objective
            callbacks.append(pool)
        base, eval_base = training.base, dict(self.eval_base)
        if start is not None:
            base = self.begin(start, base, training.rows.n_samples)
            eval_base = {
                number: self.begin(start, self.eval_base.get(number), size)
                for number, size in enumerate(self.eval_sizes)
            }
        model_of = self.parent(**params)
        if self._shares_bins(training):
            fitted = self._train_on_bins(model_of, training, base, callbacks)
        else:
            fitted = self._fit(model_of, training, base, eval_base, callbacks)
            if pool is not None:
                # An estimator has no use for the rows that the pool knows.
                fitted._objective = objective
        model = Model(fitted, work=None if pool is None else pool.work_)
        if start is not None:
            self.shift(model, start)
        return model

    def _fit(
        self, model_of: Any, training: Training, base: Any, eval_base: Any, callbacks: list[Any]
    ) -> Any:
        """Return the fitted estimator of the parent."""
        target, fit = training.rows.target, model_of.fit
        if self.query_sizes is not None or self.eval_queries is not None:
            # The classifier knows no queries.
            queries = {"group": self.query_sizes, "eval_group": self.eval_queries}
            fit = partial(LGBMModel.fit, model_of, **queries)
        fitted = fit(
            training.X,
            target.astype(np.int64) if target.dtype == bool else target,
            sample_weight=training.rows.weight,
            init_score=base,
            eval_init_score=eval_base or None,
            callbacks=callbacks,
            **self.arguments,
        )
        if self.linear_of is not None and target.dtype.kind != "f":
            self._check_margins(fitted, training.X)
        return fitted

    def _shares_bins(self, training: Training) -> bool:
        """Tell whether rows of the whole table, once binned, are enough to train a model."""
        binned = training.binned
        return (
            binned is not None
            and binned.whole is not None
            # As `hastened` leaves them, which has looked at the rest.
            and self.arguments.keys() == set(OF_TABLES)
            and self.query_sizes is None
        )

    def _can_pool(self, objective: Any, training: Training, fewest_rows: int) -> bool:
        params = self.params
        device = params.get("device_type") or params.get("device") or "cpu"
        return (
            super()._can_pool(objective, training, fewest_rows)
            and self.linear_of is None
            and params.get("boosting_type") in (None, "gbdt", "gbrt")
            and params.get("data_sample_strategy") in (None, "bagging")
            and params.get("feature_pre_filter") in (False, "false", 0)
            and device == "cpu"
        )

    def _train_on_bins(
        self, model_of: Any, training: Training, base: Any, callbacks: list[Any]
    ) -> LightGBMModel:
        """Return trees that were trained as ``model_of`` would be, on bins of the whole table."""
        params = model_of._process_params(stage="fit")
        params["metric"] = "None"
        binned, target = training.binned, training.rows.target
        assert binned is not None
        assert binned.whole is not None
        whole = binned.whole
        if whole.table is None:
            about = {name: self.arguments[name] for name in ("feature_name", "categorical_feature")}
            no_labels = np.zeros(shape_of(whole.X, "X")[0])
            of_table = {**params, "objective": "None"}
            whole.table = Dataset(whole.X, no_labels, params=of_table, **about).construct()
        if binned.table is None:
            binned.table = whole.table.subset(binned.index)
        data, weight = binned.table.construct(), training.rows.weight
        class_weight = self.params.get("class_weight")
        target = target.astype(np.int64) if target.dtype == bool else target
        if class_weight is not None:
            of_class = compute_sample_weight(class_weight, target)
            weight = of_class if weight is None else weight * of_class
        data.set_label(target)
        data.set_weight(weight)
        data.set_init_score(base)
        return train(params, data, self.params["n_estimators"], callbacks=callbacks)

    def _check_margins(self, fitted: Any, X: Any) -> None:
        margins = raw_margins(fitted, X)
        greatest = float(np.abs(margins).max())
        if not greatest < _DIVERGED:
            raise FloatingPointError(
                f"The linear trees of {self.linear_of} diverged: margins of rows that they were "
                f"trained on are as large as {greatest:g}. Pass a greater linear_lambda "
                f"({self.params.get('linear_lambda')!r} was used), standardise the features, or "
                "pass linear_tree=False."
            )

    def margins(self, fitted: Any, X: Any, **options: Any) -> NDArray[np.float64]:
        if isinstance(fitted, LightGBMModel):
            options["num_threads"] = self.params["n_jobs"]
            return np.asarray(fitted.predict(X, raw_score=True, **options), dtype=np.float64)
        return raw_margins(fitted, X, **options)

    def shift(self, model: Model, offset: float | NDArray[np.float64]) -> None:
        booster = _trees(model.fitted)
        if "is_linear=1" in booster.model_to_string(num_iteration=1, start_iteration=0):
            # Linear trees do not read the outputs of their leaves.
            model.kept = offset if model.kept is None else model.kept + offset
            return
        # As LightGBM does with its own starting score: into the first tree of each margin.
        trees = booster.dump_model(num_iteration=1, start_iteration=0)["tree_info"]
        for number, shift in enumerate(np.ravel(offset)):
            for leaf in range(trees[number]["num_leaves"]):
                value = booster.get_leaf_output(number, leaf)
                booster.set_leaf_output(number, leaf, value + shift)


def _trees(fitted: LGBMModel | LightGBMModel) -> LightGBMModel:
    """Return the booster of a fitted estimator, or of the model of a fold."""
    return fitted if isinstance(fitted, LightGBMModel) else fitted.booster_
