"""XGBoost: training on the rows that can reach the band, as a callback and its objective."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import _safe_indexing
from xgboost import DMatrix, QuantileDMatrix, collective
from xgboost.callback import TrainingCallback

from .._utils.validation import check_positive, shape_of
from ..objectives import Loss
from ._batches import RowBatches
from ._pool import _BLOCK, BandPool
from ._reach import Reach
from ._xgboost_rows import RowIterator

__all__ = ["XGBoostPool"]

# The updaters that read bins, so that rows of a new matrix with the bins of the first can serve.
_OF_BINS = ("grow_quantile_histmaker", "grow_gpu_hist")
# XGBoost sums scores in float32. This is what a sum may be off, relative to the greatest.
_PRECISION = 1e-6
_EPSILON = float(np.finfo(np.float32).eps)
# Scores of the same rows that differ by more are scores of other rows.
_OTHER_ROWS = 1e-3
# XGBoost tells no callback how many rounds there will be.
_MANY_ROUNDS = 1_000_000_000
_ASSIGNED = "update"
# More rows of an array are handed over in batches: a copy of all of them would cost memory.
_MANY_ROWS = 100_000
# A depth alone allows for many more leaves than trees have.
_MOST_LEAVES = 127


class _Moved(Exception):
    """Ends an update before it has trained: its rows are others now."""


class XGBoostPool(BandPool, TrainingCallback):
    """Callback that trains XGBoost on the rows that can reach the band, and an objective.

    A loss over a band pulls at the positives and at the negatives in the band. The trees grow on
    these and on all negatives that can rise into the band before the rows are chosen again: no
    score rises by more than the greatest leaves of the trees since, which is checked in every
    round. So gradients and hessians are those of training on all rows, and histograms are made of
    a few percent of them. The result is an ordinary booster.

    Parameters
    ----------
    objective : PAUCObjective, BoosterObjective, or one of these with columns
        What is minimised. Where its loss is none over a band (or has ``tau_scale="iqr"``, for
        which all negatives count), all rows are trained on.
    X : array-like, sparse matrix, DataFrame or RowBatches of shape (n_samples, n_features)
        The rows of the matrix that is trained on. New matrices are made of some of them, with
        its bins. Rows that were out of reach are scored before they come into reach.
        `RowBatches` are read batch by batch for both.
    pool : "exact" or float, default="exact"
        "exact" trains on all rows that can reach the band. A fraction trains on that share of the
        negatives, those with the greatest scores when they were chosen, but on no fewer than the
        band holds. Where their scores lie
        close together it costs less. Others may rise into the band unseen: they are counted at
        every choice, rows are chosen sooner if there were any, and ``work_.risen`` is the
        greatest part of the band's negatives that were left out.
    n_rounds : int, default=None
        Rounds that there will be, which XGBoost does not tell its callbacks. It helps to choose
        how many rows are worth their cost.

    Attributes
    ----------
    objective : callable
        To be passed to XGBoost as the objective.
    work_ : Work
        What the last training did, as parts of what training on all rows would do: ``trained``
        and ``rescored``.

    See Also
    --------
    PAUCXGBClassifier : The classifier with these objectives.
    LightGBMPool : The same for LightGBM.
    skbudget.boosting.PAUCObjective : The objective.

    Notes
    -----
    ``min_child_weight`` counts hessians, and rows outside of the band have none, so that it
    means what it means with all rows. The training matrix is best an `xgboost.QuantileDMatrix`,
    which `xgboost.XGBClassifier` makes by itself. A `xgboost.DMatrix` is binned by XGBoost in the
    first round, and rows get the same bins; to go on from another model it is refused, because
    that model has bins of its own.

    ``subsample`` draws from the rows that are trained on. Metrics of the training set are those
    of all rows. ``dart``, ``gblinear``, ``tree_method="exact"`` and ``"approx"``, more than one
    tree a round, queries and training over several workers are refused.

    Examples
    --------
    >>> import xgboost as xgb
    >>> from skbudget import PAUCObjective, make_contested_top
    >>> from skbudget.boosting import XGBoostPool
    >>> X, y = make_contested_top(20_000, pos_rate=0.005, random_state=0)
    >>> pool = XGBoostPool(PAUCObjective(budget=0.005), X)
    >>> params, data = {"nthread": 1, "eta": 0.1}, xgb.QuantileDMatrix(X, y)
    >>> booster = xgb.train(params, data, 60, obj=pool.objective, callbacks=[pool])
    >>> booster.num_boosted_rounds(), pool.work_.trained < 0.5
    (60, True)
    """

    def __init__(
        self, objective: Any, X: Any, pool: Any = "exact", *, n_rounds: int | None = None
    ) -> None:
        super().__init__()
        self._set_up(objective, X, pool)
        if n_rounds is not None:
            check_positive(n_rounds, "n_rounds", "XGBoostPool", integer=True, minimum=1)
        self._n_rounds = n_rounds
        self._model: Any = None
        self._all: Any = None
        self._matrix: Any = None
        self._forget()
        self.objective: Callable[..., Any] = self._make_objective()

    def before_training(self, model: Any) -> Any:
        """Learn which booster is trained."""
        if hasattr(model, "cvfolds"):
            raise ValueError("XGBoostPool trains one booster: it cannot be used with xgb.cv.")
        self._forget()
        self._model, self._reach = model, None
        # XGBoost goes on with what is returned.
        return model

    def before_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        """Let the next update train on the rows within reach."""
        # XGBoost hands no callback the matrix, so that the update itself has to be another. It
        # takes itself away before it trains: no model that others see has it.
        vars(model)[_ASSIGNED] = self._update
        return False

    def after_training(self, model: Any) -> Any:
        """Leave the booster as any other."""
        vars(model).pop(_ASSIGNED, None)
        self._forget()
        return model

    def _forget(self) -> None:
        """Keep nothing of a training but what it did."""
        if self._model is not None:
            vars(self._model).pop(_ASSIGNED, None)
        self._model = self._all = self._matrix = None
        self._loss: Loss[Any] | None = None
        self._raw: NDArray[np.float32] | None = None
        self._gained, self._checked, self._called, self._moved = 0.0, False, False, False

    def _update(self, dtrain: Any, iteration: int, fobj: Any = None) -> None:
        """Train a round, in place of the method of the booster."""
        model = self._model
        vars(model).pop(_ASSIGNED, None)
        if not self._checked:
            self._check(model, dtrain)
            self._checked = True
        self._all, self._called, self._moved = dtrain, False, False
        try:
            model.update(self._matrix or dtrain, iteration, fobj)
        except _Moved:
            model.update(self._matrix or dtrain, iteration, fobj)
        finally:
            # Outside of an update the objective is not this training's.
            self._all = None
        if not self._called:
            raise ValueError(
                "XGBoostPool trains with its own objective alone: pass obj=pool.objective to "
                "xgb.train, or objective=pool.objective to XGBClassifier."
            )

    def _check(self, model: Any, data: Any) -> None:
        learner = json.loads(model.save_config())["learner"]
        booster = learner["gradient_booster"]
        if booster["name"] != "gbtree":
            raise ValueError(
                f"XGBoostPool needs trees whose scores add up: got booster={booster['name']!r}. "
                "Leave it out, or train on all rows."
            )
        train = booster["gbtree_train_param"]
        if train["updater_seq"] not in _OF_BINS:
            raise ValueError(
                f"XGBoostPool needs tree_method='hist': got {train['tree_method']!r} with "
                f"updater={train['updater_seq']!r}, which finds splits of its own in every round "
                "or matrix. Leave it out, or train on all rows."
            )
        n_trees = booster["gbtree_model_param"]["num_parallel_tree"]
        if int(n_trees) != 1:
            raise ValueError(
                f"XGBoostPool needs one tree a round: got num_parallel_tree={n_trees}. Leave it "
                "out, or train on all rows."
            )
        if collective.is_distributed():
            raise ValueError(
                "XGBoostPool trains on one machine: rows of other workers are not counted."
            )
        self._refuse_other_table(data, (data.num_row(), data.num_col()))
        if data.get_uint_info("group_ptr").size:
            raise ValueError(
                "XGBoostPool compares rows of the whole table: leave the queries out of the "
                f"{type(data).__name__}, or train on all rows."
            )
        if model.num_boosted_rounds() and not isinstance(data, QuantileDMatrix):
            raise ValueError(
                "XGBoostPool goes on from a model only with the bins of an "
                f"xgboost.QuantileDMatrix: got a {type(data).__name__}."
            )
        tree = booster["tree_train_param"]
        self._n_leaves = int(tree["max_leaves"]) or 2 ** int(tree["max_depth"])
        self._max_bin = getattr(data, "max_bin", None) or int(tree["max_bin"])

    def _make_objective(self) -> Callable[..., Any]:
        # A function is not copied with the parameters of an estimator.
        def objective(first: Any, second: Any, sample_weight: Any = None) -> Any:
            if hasattr(second, "get_label"):
                if self._reach is not None:
                    # XGBoost copies them each time.
                    return self._derivatives(None, first)
                weight = second.get_weight()
                weight = weight if weight.size else None
                return self._derivatives(second.get_label(), first, weight)
            return self._derivatives(first, second, sample_weight)

        return objective

    def _derivatives(self, labels: Any, raw: NDArray[Any], weight: Any = None) -> Any:
        if self._model is None or self._all is None:
            raise ValueError(
                "The objective of an XGBoostPool needs its callback: pass callbacks=[pool] to "
                "XGBoost, too. It cannot be used with xgb.cv."
            )
        if np.ndim(raw) != 1:
            raise ValueError(
                f"XGBoostPool needs one score a row: got scores of shape {np.shape(raw)}. Train "
                "on all rows."
            )
        self._called = True
        raw = np.asarray(raw, dtype=np.float32)
        if self._moved:
            return self._of_new_rows(raw)
        if self._reach is None:
            self._reach = self._begin(labels, raw, weight)
        if self._raw is not None:
            # Each leaf of the last tree has a row that was trained on.
            self._gained += _greatest_rise(self._raw, raw)
            self._gained += _EPSILON * max(float(raw.max()), -float(raw.min()))
            self._raw = None
        number = self._model.num_boosted_rounds()
        loss = self._plain._resolved(self._reach.rows, self._round(number))
        self._loss = loss
        gradient, hessian, moved = self._reach.derivatives(loss, raw, number, self._gained)
        if moved:
            self._move()
            raise _Moved
        self._raw = raw
        return gradient, hessian

    def _of_new_rows(self, raw: NDArray[np.float32]) -> Any:
        """Return the derivatives of rows that were chosen in this round, by XGBoost's scores."""
        reach, loss = self._reach, self._loss
        assert reach is not None
        assert loss is not None
        known = reach._score if reach.index is None else reach._score[reach.index]
        if np.abs(known - raw).max() > _OTHER_ROWS * (1.0 + np.abs(raw).max()):
            raise ValueError(
                f"X of XGBoostPool must be the rows of the {type(self._all).__name__}, in their "
                "order: their scores are others."
            )
        self._raw = raw
        return reach.again(loss, raw)

    def _begin(self, labels: Any, raw: NDArray[Any], weight: Any) -> Reach:
        rows = self._all_rows(labels, raw, weight)
        n_rounds = _MANY_ROUNDS
        if self._n_rounds is not None:
            n_rounds = self._model.num_boosted_rounds() + self._n_rounds
        return Reach(
            rows,
            n_rounds,
            self._bring,
            _PRECISION,
            share=self._share,
            n_leaves=min(self._n_leaves, _MOST_LEAVES),
        )

    def _round(self, number: int) -> int | None:
        return None if self._plain.schedule is None else number

    def _margins(self, X: Any, first: int, last: int) -> NDArray[np.floating]:
        rounds = (first, last)
        zeros = np.zeros(shape_of(X, "X")[0], dtype=np.float32)
        if isinstance(X, np.ndarray):
            return self._model.inplace_predict(
                X,
                iteration_range=rounds,
                predict_type="margin",
                missing=self._all.missing,
                validate_features=False,
                base_margin=zeros,
            )
        data = DMatrix(X, base_margin=zeros, **self._options(X))
        return self._model.predict(
            data, iteration_range=rounds, output_margin=True, validate_features=False
        )

    def _options(self, X: Any) -> dict[str, Any]:
        """Return how matrices are made of rows, as the first one was."""
        data = self._all
        types = data.feature_types
        options = {
            "missing": data.missing,
            "nthread": data.nthread,
            "enable_categorical": types is not None and "c" in types,
        }
        if not hasattr(X, "columns"):
            options |= {"feature_names": data.feature_names, "feature_types": types}
        return options

    def _move(self) -> None:
        """Let the booster train on other rows."""
        assert self._reach is not None
        index, data = self._reach.index, self._all
        self._moved = True
        if index is None:
            self._matrix = None
            return
        kept = {
            "label": data.get_label(),
            "weight": data.get_weight(),
            "base_margin": data.get_base_margin(),
        }
        kept = {name: values[index] for name, values in kept.items() if values.size}
        shared: dict[str, Any] = {"ref": data, "max_bin": self._max_bin}
        columns = data.get_float_info("feature_weights")
        table = self._X
        if isinstance(table, np.ndarray) and table.dtype.kind == "f" and index.size > _MANY_ROWS:
            table = RowBatches(table)
        if isinstance(table, RowBatches):
            options = self._options(table)
            names = {name: options.pop(name) for name in ("feature_names", "feature_types")}
            rows = RowIterator(table, index, kept, names)
            self._matrix = QuantileDMatrix(rows, **shared, **options)
            if columns.size:
                self._matrix.set_info(feature_weights=columns)
            return
        if columns.size:
            kept["feature_weights"] = columns
        X = _safe_indexing(self._X, index)
        self._matrix = QuantileDMatrix(X, **kept, **shared, **self._options(X))


def _greatest_rise(before: NDArray[np.float32], after: NDArray[np.float32]) -> float:
    """Return by how much the score of a row rose at most, without a copy of all of them."""
    blocks = (slice(begin, begin + _BLOCK) for begin in range(0, after.size, _BLOCK))
    return max(float((after[block] - before[block]).max()) for block in blocks)
