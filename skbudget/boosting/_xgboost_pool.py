"""XGBoost: training on the rows that can reach the band, as a callback and its objective."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, issparse
from sklearn.utils import _safe_indexing
from xgboost import Booster, DMatrix, QuantileDMatrix
from xgboost.callback import TrainingCallback

from .._utils.validation import _invalid, _is_real, check_positive
from ..objectives import Rows
from ._calls import BoosterCallable, WithColumns, unpack_call
from ._reach import Reach, Work, check_pool, check_rows

__all__ = ["XGBoostPool"]

# Rows that are taken through trees at once: copies of more would cost memory.
_BLOCK = 100_000
# XGBoost adds up scores in single precision.
_PRECISION = 1e-6
_UNKNOWN = 10_000


class XGBoostPool(TrainingCallback):
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
    X : array-like, sparse matrix or DataFrame of shape (n_samples, n_features)
        The rows of the ``DMatrix``, as `xgboost.Booster.inplace_predict` takes them. Rows that
        were out of reach are scored by it before they come into reach.
    pool : "exact" or float, default="exact"
        "exact" trains on all rows that can reach the band. A fraction trains on that share of the
        negatives, those with the greatest scores when they were chosen. Where their scores lie
        close together it costs less. Others may rise into the band unseen: they are counted at
        every choice, rows are chosen sooner if there were any, and ``work_.risen`` is the
        greatest part of the band's negatives that were left out.
    n_rounds : int, default=None
        Rounds that there will be, which XGBoost does not tell its callbacks. It helps to choose
        how many rows are worth their cost.
    missing : float, default=nan
        What stands for a missing value in ``X``.

    Attributes
    ----------
    objective : callable
        To be passed to XGBoost as the objective.
    work_ : Work
        What the last training did, as parts of what training on all rows would do: ``trained``
        and ``rescored``.

    See Also
    --------
    LightGBMPool : The same for LightGBM.
    skbudget.boosting.PAUCObjective : The objective.

    Notes
    -----
    Bins are those of the first matrix. ``min_child_weight`` counts hessians, which rows out of
    reach hardly have, so that it means what it means with all rows. ``subsample`` draws from the
    rows that are trained on. ``tree_method`` must be "hist", the default. ``dart``, ``gblinear``,
    several parallel trees, updating trees that are there, and other devices are refused.

    Examples
    --------
    >>> import xgboost as xgb
    >>> from skbudget import PAUCObjective, make_contested_top
    >>> from skbudget.boosting import XGBoostPool
    >>> X, y = make_contested_top(20_000, pos_rate=0.005, random_state=0)
    >>> pool = XGBoostPool(PAUCObjective(budget=0.005), X, n_rounds=60)
    >>> data = xgb.QuantileDMatrix(X, y)
    >>> params = {"nthread": 1}
    >>> booster = xgb.train(params, data, num_boost_round=60, obj=pool.objective, callbacks=[pool])
    >>> booster.num_boosted_rounds(), pool.work_.trained < 0.5
    (60, True)
    """

    def __init__(
        self,
        objective: Any,
        X: Any,
        pool: Any = "exact",
        *,
        n_rounds: int | None = None,
        missing: float = np.nan,
    ) -> None:
        super().__init__()
        plain = objective.objective if isinstance(objective, WithColumns) else objective
        if not isinstance(plain, BoosterCallable):
            raise TypeError(
                "XGBoostPool needs a PAUCObjective or a BoosterObjective as the objective: got "
                f"{objective!r}."
            )
        check_pool(pool, "XGBoostPool")
        if pool is None:
            raise _invalid("pool", pool, "XGBoostPool", "'exact' or a fraction in (0, 1)")
        if n_rounds is not None:
            check_positive(n_rounds, "n_rounds", "XGBoostPool", integer=True, minimum=1)
        if not _is_real(missing):
            raise _invalid("missing", missing, "XGBoostPool", "a number, or nan")
        self._plain = plain
        self._columns = objective.columns if isinstance(objective, WithColumns) else {}
        self._X, self._missing = X, missing
        self._n_rows = check_rows(X, "XGBoostPool")
        self._share = None if isinstance(pool, str) else float(pool)
        self._n_rounds = n_rounds
        self._reach: Reach | None = None
        self.objective = _objective

    @property
    def work_(self) -> Work:
        """What the last training did."""
        if self._reach is None:
            raise AttributeError("XGBoostPool has not trained yet.")
        return self._reach.work

    def before_training(self, model: Any) -> Any:
        """Take the place of the booster's update."""
        if hasattr(model, "cvfolds"):
            raise ValueError("XGBoostPool trains one booster: it cannot be used with xgboost.cv.")
        self._config = _check(model)
        self._reach, self._table, self._gained = None, None, 0.0
        self._before: NDArray[np.float32] | None = None
        model.update = lambda dtrain, iteration, fobj=None: self._update(model, dtrain, iteration)
        return model

    def after_training(self, model: Any) -> Any:
        """Give the booster its update back."""
        vars(model).pop("update", None)
        self._table = self._before = None
        return model

    def _update(self, model: Booster, dtrain: DMatrix, iteration: int) -> None:
        if self._reach is None:
            self._reach = self._begin(model, dtrain)
        reach, number = self._reach, model.num_boosted_rounds()
        table = dtrain if self._table is None else self._table
        raw = model.predict(table, output_margin=True, training=True)
        if self._before is not None:
            # Each leaf holds a row that was trained on.
            rounding = 2 * float(np.finfo(np.float32).eps) * float(np.abs(raw).max())
            self._gained += float((raw - self._before).max()) + rounding
        round_ = None if self._plain.schedule is None else number
        loss = self._plain._resolved(reach.rows, round_)
        gradient, hessian, moved = reach.derivatives(loss, raw, number, self._gained)
        if moved:
            table = self._table = self._take(dtrain)
            raw = model.predict(table, output_margin=True, training=True)
            # The booster has taken these rows through all trees, in single precision.
            gradient, hessian = reach.again(loss, raw)
        self._before = raw.copy()
        self._boost(model, table, iteration, gradient, hessian)

    def _boost(
        self, model: Booster, table: DMatrix, iteration: int, gradient: Any, hessian: Any
    ) -> None:
        """Grow the tree of a round."""
        Booster.update(model, table, iteration, lambda *_: (gradient, hessian))

    def _begin(self, model: Booster, dtrain: DMatrix) -> Reach:
        n_rows = dtrain.num_row()
        if n_rows != self._n_rows:
            raise ValueError(
                f"X of XGBoostPool must be the rows of the DMatrix: X has {self._n_rows} rows, "
                f"the DMatrix {n_rows}."
            )
        self._model = model
        raw = model.predict(dtrain, output_margin=True, training=True)
        weight = dtrain.get_weight()
        call = unpack_call(dtrain.get_label(), raw, weight if weight.size else None)
        rows: Rows = self._plain._rows(call, self._columns)
        tree = self._config["gradient_booster"]["tree_train_param"]
        n_leaves = int(tree["max_leaves"]) or 2 ** int(tree["max_depth"])
        return Reach(
            rows,
            self._n_rounds or _UNKNOWN,
            self._bring,
            precision=_PRECISION,
            share=self._share,
            n_leaves=n_leaves,
        )

    def _take(self, dtrain: DMatrix) -> DMatrix:
        """Return the rows that are trained on, in the bins of the first matrix."""
        assert self._reach is not None
        index = self._reach.index
        if index is None:
            return dtrain
        base, weight, types = dtrain.get_base_margin(), dtrain.get_weight(), dtrain.feature_types
        tree = self._config["gradient_booster"]["tree_train_param"]
        X = _safe_indexing(self._X, index)
        has_names = hasattr(X, "columns")
        return QuantileDMatrix(
            X,
            dtrain.get_label()[index],
            weight=weight[index] if weight.size else None,
            base_margin=base[index] if base.size else None,
            missing=self._missing,
            feature_names=None if has_names else dtrain.feature_names,
            feature_types=None if has_names else types,
            nthread=int(self._config["generic_param"]["nthread"]) or None,
            max_bin=int(tree["max_bin"]),
            ref=dtrain,
            enable_categorical=types is not None and "c" in types,
        )

    def _bring(self, index: NDArray[np.intp], first: int, last: int) -> NDArray[np.float64]:
        added = np.empty(index.size)
        for begin in range(0, index.size, _BLOCK):
            block = slice(begin, begin + _BLOCK)
            rows = _safe_indexing(self._X, index[block])
            # XGBoost knows sparse matrices, but not sparse arrays, here.
            rows = csr_matrix(rows) if issparse(rows) else rows
            added[block] = self._model.inplace_predict(
                rows,
                iteration_range=(first, last),
                predict_type="margin",
                missing=self._missing,
                # In place of the intercept.
                base_margin=np.zeros(index[block].size, dtype=np.float32),
            )
        return added


def _objective(*_: Any) -> Any:
    raise ValueError(
        "The objective of an XGBoostPool needs its callback: pass callbacks=[pool] to XGBoost, too."
    )


def _check(model: Booster) -> dict[str, Any]:
    """Return the booster's settings.

    Raises
    ------
    ValueError
        For a training whose scores are no sums of the leaves of new trees.
    """
    learner: dict[str, Any] = json.loads(model.save_config())["learner"]
    booster = learner["gradient_booster"]
    needs = "XGBoostPool needs trees whose scores add up: got"
    if booster["name"] != "gbtree":
        raise ValueError(f"{needs} booster={booster['name']!r}. Leave it out, or train without.")
    trees = booster["gbtree_model_param"]["num_parallel_tree"]
    if int(trees) > 1:
        raise ValueError(f"{needs} num_parallel_tree={trees}. Leave it out, or train without.")
    training = booster["gbtree_train_param"]
    if training["process_type"] != "default":
        raise ValueError(f"{needs} process_type={training['process_type']!r}. Leave it out.")
    if training["tree_method"] not in ("auto", "hist"):
        raise ValueError(
            f"XGBoostPool needs tree_method='hist': got {training['tree_method']!r}. Leave it out, "
            "or train on all rows."
        )
    device = learner["generic_param"]["device"]
    if device != "cpu":
        raise ValueError(
            f"XGBoostPool trains on the CPU: got device={device!r}. Leave it out, or train on "
            "all rows."
        )
    return learner
