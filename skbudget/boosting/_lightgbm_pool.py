"""LightGBM: training on the rows that can reach the band, as a callback and its objective."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, ClassVar

from numpy.typing import NDArray

from ._lightgbm_names import main_names
from ._pool import BandPool
from ._reach import Reach

__all__ = ["LightGBMPool"]

# Parameters by which scores change otherwise than by the leaves of new trees.
_TRUE = (True, 1, "true", "True", "1", "+")
_OTHER_BOOSTING = ("dart", "rf", "random_forest")


class _Moved(Exception):
    """Ends an update after it has replaced the training data."""


def _stop(*_: Any) -> Any:
    raise _Moved


class LightGBMPool(BandPool):
    """Callback that trains LightGBM on the rows that can reach the band, and an objective.

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
        The rows of the ``lightgbm.Dataset``, as `lightgbm.Booster.predict` takes them. Rows
        that were out of reach are scored by it before they come into reach. `RowBatches` are
        read batch by batch.
    pool : "exact" or float, default="exact"
        "exact" trains on all rows that can reach the band. A fraction trains on that share of the
        negatives, those with the greatest scores when they were chosen, but on no fewer than the
        band holds. Where their scores lie
        close together it costs less. Others may rise into the band unseen: they are counted at
        every choice, rows are chosen sooner if there were any, and ``work_.risen`` is the
        greatest part of the band's negatives that were left out.

    Attributes
    ----------
    objective : callable
        To be passed to LightGBM as the objective.
    work_ : Work
        What the last training did, as parts of what training on all rows would do: ``trained``
        and ``rescored``.

    See Also
    --------
    PAUCLGBMClassifier : Does this by itself.
    skbudget.boosting.PAUCObjective : The objective.

    Notes
    -----
    The parameter ``feature_pre_filter=False`` is needed in
    the parameters of the Dataset: what a leaf's least number of rows counts is scaled to the rows
    that are trained on, so that trees are as deep as with all rows. LightGBM estimates the
    number of rows in a leaf from the hessian, and rows outside of the band have none.

    Bagging draws from the rows that are trained on. Metrics of the training set itself would be
    those of the pool: pass a copy of it as a validation set. ``X`` must hold the rows of the
    Dataset in their order, which is not checked beyond its shape. With
    ``keep_training_booster=True`` the booster keeps the rows of the last pool, and its
    parameters, in a saved model too, have the least number of rows in a leaf that was scaled to
    it. ``dart``, random forests and linear trees are refused.

    Examples
    --------
    >>> import lightgbm as lgb
    >>> from skbudget import PAUCObjective, make_contested_top
    >>> from skbudget.boosting import LightGBMPool
    >>> X, y = make_contested_top(20_000, pos_rate=0.005, random_state=0)
    >>> pool = LightGBMPool(PAUCObjective(budget=0.005), X)
    >>> params = {"objective": pool.objective, "verbose": -1, "num_threads": 1}
    >>> data = lgb.Dataset(X, y, params={"feature_pre_filter": False})
    >>> booster = lgb.train(params, data, num_boost_round=100, callbacks=[pool])
    >>> booster.num_trees(), pool.work_.trained < 0.5
    (100, True)
    """

    before_iteration: ClassVar[bool] = True
    order: ClassVar[int] = 1

    def __init__(self, objective: Any, X: Any, pool: Any = "exact") -> None:
        self._set_up(objective, X, pool)
        self._env: Any = None
        # Whether the callback has announced a round that the objective has not been asked for.
        self._ready = False
        self._all: Any = None
        self._least_rows, self._n_leaves = 20, 31
        self.objective: Callable[..., Any] = self._make_objective()

    def __call__(self, env: Any) -> None:
        """Learn which booster is trained, and its round."""
        if hasattr(env.model, "boosters"):
            raise ValueError("LightGBMPool trains one booster: it cannot be used with lgb.cv.")
        if self._env is None or env.model is not self._env.model:
            # Another training begins.
            self._check(env)
            self._all, self._reach = env.model.train_set, None
        elif self._ready:
            raise ValueError(
                "LightGBMPool trains with its own objective alone: pass "
                "{'objective': pool.objective} to LightGBM."
            )
        self._env, self._ready = env, True

    def _check(self, env: Any) -> None:
        params = env.params
        for name in ("boosting", "boosting_type", "boost"):
            if params.get(name) in _OTHER_BOOSTING:
                raise ValueError(
                    f"LightGBMPool needs trees whose scores add up: got {name}={params[name]!r}. "
                    "Leave it out, or train on all rows."
                )
        if _given(params, "linear_tree", False) in _TRUE:
            raise ValueError(
                "LightGBMPool needs leaves with one output each: leave linear_tree out, or train "
                "on all rows."
            )
        self._least_rows = _given(params, "min_data_in_leaf", 20)
        self._n_leaves = _given(params, "num_leaves", 31)
        data = env.model.train_set
        if _given({**params, **data.get_params()}, "feature_pre_filter", True) in _TRUE:
            raise ValueError(
                "LightGBMPool changes what the least number of rows in a leaf counts, and "
                "LightGBM allows that with feature_pre_filter=False alone: pass it to the "
                "Dataset, lightgbm.Dataset(X, y, params={'feature_pre_filter': False})."
            )
        self._refuse_other_table(data, (data.num_data(), data.num_feature()))

    def _make_objective(self) -> Callable[..., Any]:
        # LightGBM copies its parameters deeply, but not a function.
        def objective(first: Any, second: Any, *more: Any) -> Any:
            if hasattr(second, "get_label"):
                return self._derivatives(second.get_label(), first, second.get_weight())
            return self._derivatives(first, second, *more[:1])

        return objective

    def _derivatives(self, labels: Any, raw: NDArray[Any], weight: Any = None) -> Any:
        if not self._ready:
            # Another training has rows of its own.
            raise ValueError(
                "The objective of a LightGBMPool needs its callback: pass callbacks=[pool] to "
                "LightGBM, too. It cannot be used with lgb.cv, nor in a copy of the pool."
            )
        self._ready = False
        model = self._env.model
        number = model.current_iteration()
        if self._reach is None:
            self._reach = self._begin(labels, raw, weight)
        loss = self._plain._resolved(self._reach.rows, self._round())
        gained = float(model.upper_bound()) if model.num_trees() else 0.0
        gradient, hessian, moved = self._reach.derivatives(loss, raw, number, gained)
        if moved:
            self._move(model)
        return gradient, hessian

    def _begin(self, labels: Any, raw: NDArray[Any], weight: Any) -> Reach:
        rows = self._all_rows(labels, raw, weight)
        n_rounds = self._env.end_iteration
        return Reach(rows, n_rounds, self._bring, share=self._share, n_leaves=self._n_leaves)

    def _round(self) -> int | None:
        return None if self._plain.schedule is None else self._env.iteration

    def _margins(self, X: Any, first: int, last: int) -> Any:
        return self._env.model.predict(
            X, start_iteration=first, num_iteration=last - first, raw_score=True
        )

    def _move(self, model: Any) -> None:
        """Let the booster train on other rows."""
        assert self._reach is not None
        index, before = self._reach.index, model.train_set
        data = self._all
        if index is not None:
            data = self._all.subset([])
            # LightGBM would make a list of them.
            data.used_indices = index
        with suppress(_Moved):
            model.update(train_set=data, fobj=_stop)
        # LightGBM reads the data that it had while it is handed the new ones.
        del before
        share = data.num_data() / self._shape[0]
        model.reset_parameter({"min_data_in_leaf": round(share * self._least_rows)})


def _given(params: Mapping[str, Any], name: str, default: Any) -> Any:
    """Return a parameter of LightGBM by any of its names."""
    for alias, main in main_names().items():
        if main == name and params.get(alias) is not None:
            return params[alias]
    return default
