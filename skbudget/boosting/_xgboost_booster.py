"""XGBoost: training one model, its margins, and the callback that tells a schedule the round."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from sklearn.utils.validation import _num_samples
from xgboost import Booster as XGBBooster
from xgboost import DMatrix, XGBClassifier, XGBModel, config_context
from xgboost.callback import EarlyStopping, EvaluationMonitor, TrainingCallback
from xgboost.core import XGBoostError

from .._utils.threads import container_threads
from .._utils.validation import check_positive
from ._booster import Booster, Choice, Model, Training
from ._minimised import Minimised
from ._parameters import OF_XGBOOST, refuse_class_ratio
from ._queries import with_queries
from ._rounds import announce_round
from ._xgboost_pool import XGBoostPool

__all__ = [
    "MAIN_NAMES",
    "XGBoost",
    "XGBoostRounds",
    "check_verbose",
    "raw_margins",
    "refuse_metrics_of_probabilities",
    "refuse_ratio",
    "set_threads",
    "xgboost_knows",
]


# With fewer rows a choice costs more than it saves.
FEWEST_ROWS = 100_000
# A booster of two classes begins from a probability, which XGBoost moves to within 1e-6 of 0 and 1
# without a word. In single precision it has few digits near 1.
CARRIED = (-13.0, 8.0)


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


def check_verbose(verbose: Any, owner: str) -> None:
    """Raise if ``verbose`` of `fit` is no period: XGBoost would stop without a message."""
    if not (verbose is None or isinstance(verbose, bool | np.bool_)):
        check_positive(verbose, "verbose", f"{owner}.fit", integer=True, minimum=0)


def refuse_metrics_of_probabilities(metrics: Any, owner: str) -> None:
    """Raise for a metric of XGBoost that margins would be taken for probabilities by."""
    for name in metrics if isinstance(metrics, list | tuple) else [metrics]:
        if isinstance(name, str) and name.partition("@")[0] in ("logloss", "mlogloss", "error"):
            raise ValueError(
                f"The metric {name!r} of {owner} reads probabilities, and XGBoost hands it the "
                "margins of an objective that is not its own. Pass 'merror' for classes, or a "
                "function of your own."
            )


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
    eval_queries : list of ndarray of int, or None
        Rows of each query of each evaluation set.
    """

    parent: type = XGBClassifier
    eval_base: Any = None
    eval_queries: list[NDArray[np.intp]] | None = None

    library: ClassVar = "xgboost"
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

    def _can_pool(self, objective: Any, training: Training, fewest_rows: int) -> bool:
        params = self.params
        return (
            super()._can_pool(objective, training, fewest_rows)
            and self.arguments["xgb_model"] is None
            and params.get("booster") in (None, "gbtree")
            and params.get("num_parallel_tree") in (None, 1)
            and params.get("process_type") in (None, "default")
            and params.get("tree_method") in (None, "auto", "hist")
            and params.get("sampling_method") in (None, "uniform")
            and params.get("device") in (None, "cpu")
        )

    def _adds_up(self) -> bool:
        stops = self.params.get("early_stopping_rounds") is not None
        return self.params.get("booster") in (None, "gbtree") and not stops

    def _without_evaluation(self, params: Mapping[str, Any]) -> Booster:
        sets = dict.fromkeys(name for name in self.arguments if "eval_set" in name)
        return replace(
            self,
            params={**self.params, **params},
            arguments={**self.arguments, **sets},
            eval_base=None,
            eval_queries=None,
            by_query=False,
        )

    def has_splits(self, fitted: Any) -> bool:
        try:
            return bool(fitted.get_booster().get_score(importance_type="weight"))
        except XGBoostError:
            # A linear booster has no trees.
            return True

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
        # What is chosen are parameters of trees.
        chosen = {} if self.params.get("booster") == "gblinear" else choice
        params = {**self.params, **chosen, "objective": objective}
        params["callbacks"], pool = [*self.callbacks, XGBoostRounds()], None
        if self._can_pool(objective, training, FEWEST_ROWS):
            n_rounds = params["n_estimators"]
            pool = XGBoostPool(objective, training.X, self.pool, n_rounds=n_rounds)
            params["objective"] = pool.objective
            params["callbacks"].append(pool)
        base, eval_base, carried, kept = training.base, self.eval_base, 0.0, None
        if params.get("base_score") is not None:
            # The user says where boosting begins.
            start = None
        elif self.arguments["xgb_model"] is None and isinstance(objective, str):
            # Its own objective begins from what XGBoost finds, but not beside scores of the rows.
            if base is not None:
                params["base_score"] = self._as_base_score(0.0)
        elif self.arguments["xgb_model"] is None and self.parent is XGBModel:
            # XGBoost would begin at one half.
            params["base_score"] = 0.0
        if self.n_margins > 1:
            params["num_class"] = self.n_margins
        if start is not None and self.arguments["xgb_model"] is not None:
            # What the earlier booster could not carry this one cannot, either.
            start, kept = None, start
        if start is not None and self.n_margins == 1 and start != self._carried_of(start):
            # Rows begin where no booster does.
            params["base_score"], kept = self._as_base_score(0.0), start
            sets = self.arguments.get("eval_set") or []
            base = self.begin(start, base, training.rows.n_samples)
            eval_base = [
                self.begin(start, one, _num_samples(X_eval))
                for (X_eval, _), one in zip(sets, eval_base or [None] * len(sets))
            ]
        elif start is not None and self.n_margins == 1:
            # All rows without scores of their own begin from here, in predictions too.
            params["base_score"], carried = self._as_base_score(start), start
            if base is not None:
                base = base + start
            if eval_base is not None:
                eval_base = [None if one is None else np.add(one, start) for one in eval_base]
        # A booster of several margins cannot carry a start of each, so that it begins at zero: a
        # start beside it would be lost where the booster is saved.
        target = training.rows.target
        # A ranker would hand metrics in Python one query at a time.
        model_of = (XGBModel if self.query_sizes is not None else self.parent)(**params)
        if self.query_sizes is not None and not hasattr(model_of, "_estimator_type"):
            # XGBoost 3.0 asks for it, and its base class has none.
            model_of._estimator_type = "regressor"
        if self.query_sizes is not None or self.eval_queries is not None:
            # Classifier and regressor know no queries, and the tables that they make do.
            n_sets = len(self.arguments.get("eval_set") or [])
            model_of._create_dmatrix = with_queries(
                model_of._create_dmatrix, self.query_sizes, self.eval_queries or [None] * n_sets
            )
        elif self._shares_bins(training):
            model_of._create_dmatrix = _made_once(model_of._create_dmatrix, training.binned)
        fitted = model_of.fit(
            training.X,
            target.astype(np.int64) if target.dtype == bool else target,
            sample_weight=training.rows.weight,
            base_margin=base,
            base_margin_eval_set=eval_base or None,
            **self.arguments,
        )
        vars(fitted).pop("_create_dmatrix", None)
        if pool is not None:
            fitted.objective = objective
        return Model(fitted, kept, carried, None if pool is None else pool.work_)

    def _shares_bins(self, training: Training) -> bool:
        """Tell whether models of the same rows differ in nothing that their table knows."""
        is_fold = training.binned is not None and training.binned.whole is not None
        has_sets = bool(self.arguments.get("eval_set"))
        return is_fold and not has_sets and training.base is None

    def margins(self, fitted: Any, X: Any, **options: Any) -> NDArray[np.float64]:
        return raw_margins(fitted, X, **options)

    def replaced_start(self) -> float:
        given = self.params.get("base_score")
        if given is None or self.n_margins > 1:
            return 0.0
        return float(given if self.parent is XGBModel else logit(given))

    def shift(self, model: Model, offset: float) -> None:
        booster = model.fitted.get_booster()
        if str(model.fitted.objective).startswith("rank:"):
            # Its scores are no logarithms of odds, as which a classifier would read a start.
            model.kept = offset if model.kept is None else model.kept + offset
            return
        learner = json.loads(booster.save_config())["learner"]
        # A list from XGBoost 3.1 on.
        base_score = np.ravel(json.loads(learner["learner_model_param"]["base_score"]))[0]
        before = logit(base_score)
        carried = self._carried_of(before + offset)
        booster.set_param({"base_score": self._as_base_score(carried)})
        model.carried += carried - before
        rest = before + offset - carried
        if rest:
            model.kept = rest if model.kept is None else model.kept + rest

    def _carried_of(self, margin: float) -> float:
        """Return how much of a margin a booster can carry."""
        return float(margin if self.parent is XGBModel else np.clip(margin, *CARRIED))

    def _as_base_score(self, margin: float) -> float:
        """Return a margin as XGBoost's ``base_score``."""
        return float(margin if self.parent is XGBModel else expit(margin))


def _made_once(make: Callable[..., DMatrix], binned: Any) -> Callable[..., DMatrix]:
    """Return a function that makes the table of rows for the first model, and hands it to all."""

    def made(*args: Any, **kwargs: Any) -> DMatrix:
        if binned.table is None:
            binned.table = make(*args, **kwargs)
        return binned.table

    return made


# Parameters that XGBoost's constructor does not name, and the main name of each.
MAIN_NAMES = {
    **{
        name: name
        for name in (
            *OF_XGBOOST,
            "debug_synchronize",
            "disable_default_eval_metric",
            "fail_on_invalid_gpu_id",
            "feature_selector",
            "max_cached_hist_node",
            "nthread",
            "normalize_type",
            "one_drop",
            "process_type",
            "rate_drop",
            "refresh_leaf",
            "sample_type",
            "seed_per_iteration",
            "skip_drop",
            "sparse_threshold",
            "tolerance",
            "top_k",
            "updater",
        )
    },
    "eta": "learning_rate",
    "lambda": "reg_lambda",
    "min_split_loss": "gamma",
    "nthread": "n_jobs",
    "seed": "random_state",
}


def xgboost_knows(name: str) -> bool:
    """Tell whether the installed XGBoost uses a parameter."""
    rows = DMatrix(np.zeros((1, 1)), np.zeros(1), nthread=1)
    with config_context(verbosity=1), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            XGBBooster({"validate_parameters": True, "nthread": 1, name: "0"}, [rows]).save_config()
        except XGBoostError:  # It dislikes the value, and knows the name.
            return True
    return not any("are not used" in str(one.message) for one in caught)


# The number of threads that a booster was last told, which it does not say itself.
_THREADS = "_skbudget_threads"
_LOCK = Lock()


def set_threads(booster: XGBBooster, n_jobs: int | None) -> None:
    """Let a booster predict with ``n_jobs`` threads, None for the share of this container.

    A booster that was loaded or unpickled has the number of its training.
    """
    n_threads = container_threads() if n_jobs is None else n_jobs
    if getattr(booster, _THREADS, None) != n_threads:
        with _LOCK:
            booster.set_param({"nthread": n_threads})
            setattr(booster, _THREADS, n_threads)


def refuse_ratio(estimator: Any, minimised: Minimised) -> None:
    """Raise if an XGBoost classifier was given a ratio between the classes."""
    if estimator.scale_pos_weight not in (None, 1):
        given = estimator.scale_pos_weight
        refuse_class_ratio("scale_pos_weight", given, "None or 1", minimised, estimator)
