"""The methods: how each library is trained, and which of its rounds are looked at."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["PEER", "Method", "Queries", "Settings", "find_methods"]

Scores = Callable[[NDArray[Any], int], NDArray[np.float64]]

# What the others are compared with.
PEER = "LightGBM lambdarank"

# Rows of a query that its first page shows, out of about 60.
PAGE = 10


class Queries(NamedTuple):
    """Rows of some queries, in the order of the queries."""

    X: NDArray[np.float32]
    grade: NDArray[np.int64]
    query: NDArray[np.int64]

    @property
    def n_rows(self) -> NDArray[np.int64]:
        """Rows of each query."""
        return np.unique(self.query, return_counts=True)[1]


class Settings(NamedTuple):
    """What is tuned, apart from the number of rounds."""

    learning_rate: float
    leaves: int


@dataclass(frozen=True)
class Method:
    """A way to train a ranking.

    Parameters
    ----------
    name : str
        What the table calls it.
    train : callable
        ``train(queries, settings, n_rounds)`` returns a function of rows and a number of
        rounds, whose scores are greater for rows to be shown earlier.
    """

    name: str
    train: Callable[[Queries, Settings, int], Scores]


def _train_lightgbm(
    queries: Queries,
    settings: Settings,
    n_rounds: int,
    *,
    objective: Any,
    binary: bool = False,
    grouped: bool = False,
    **more: Any,
) -> Scores:
    import lightgbm as lgb

    target = (queries.grade > 0).astype(float) if binary else queries.grade
    data = lgb.Dataset(queries.X, target, group=queries.n_rows if grouped else None)
    params = {
        "objective": objective,
        "learning_rate": settings.learning_rate,
        "num_leaves": settings.leaves,
        "lambda_l2": 5.0,
        "num_threads": 1,
        "verbose": -1,
        "seed": 0,
        **more,
    }
    booster = lgb.train(params, data, n_rounds)
    return lambda X, rounds: np.asarray(booster.predict(X, num_iteration=rounds, raw_score=True))


def _train_xgboost(
    queries: Queries, settings: Settings, n_rounds: int, *, objective: str
) -> Scores:
    import xgboost as xgb

    params = {
        "objective": objective,
        "eta": settings.learning_rate,
        "max_leaves": settings.leaves,
        "grow_policy": "lossguide",
        "max_depth": 0,
        "lambda": 5.0,
        "nthread": 1,
        "seed": 0,
    }
    booster = xgb.train(params, xgb.DMatrix(queries.X, queries.grade, qid=queries.query), n_rounds)

    def scores(X: NDArray[Any], rounds: int) -> NDArray[np.float64]:
        return booster.predict(xgb.DMatrix(X), output_margin=True, iteration_range=(0, rounds))

    return scores


def _train_catboost(
    queries: Queries, settings: Settings, n_rounds: int, *, objective: str
) -> Scores:
    import catboost

    model = catboost.CatBoost(
        {
            "loss_function": objective,
            "learning_rate": settings.learning_rate,
            # Its trees are symmetric: of a depth, and not of leaves.
            "depth": int(np.log2(settings.leaves + 1)) + 1,
            "iterations": n_rounds,
            "thread_count": 1,
            "random_seed": 0,
            "verbose": False,
            "allow_writing_files": False,
        }
    )
    model.fit(catboost.Pool(queries.X, queries.grade, group_id=queries.query))
    return lambda X, rounds: model.predict(X, ntree_end=rounds)


def _train_ours(
    queries: Queries,
    settings: Settings,
    n_rounds: int,
    *,
    name: str,
    params: Mapping[str, Any],
    binary: bool,
) -> Scores:
    """Train LightGBM on a loss of this package, told the queries if it reads them."""
    from skbudget.boosting import BoosterObjective
    from skbudget.objectives import find_loss

    loss = find_loss(name, **params)
    return _train_lightgbm(
        queries,
        settings,
        n_rounds,
        objective=BoosterObjective(loss),
        binary=binary,
        grouped="group" in loss.reads | loss.needs,
    )


# Losses of this package by name: what the table says, their parameters, and their labels.
OURS: tuple[tuple[str, str, dict[str, Any], bool], ...] = (
    ("pairwise_pauc", "all pairs of the table", {"alpha": 0.0, "beta": 1.0}, True),
    ("pairwise_pauc", "band of the first pages", {"alpha": 0.0, "beta": 0.25}, True),
    ("squared_error", "", {}, False),
    ("ordinal_all_threshold", "", {}, False),
    ("rank_net", "pairs of a query, two labels", {}, True),
    ("rank_net", "pairs of a query, graded", {"graded": True}, False),
    ("listwise_softmax", "two labels", {}, True),
    ("listwise_softmax", "graded", {"graded": True}, False),
    ("approx_ndcg", "two labels", {}, True),
    ("approx_ndcg", "graded", {"graded": True}, False),
)


def find_methods() -> Iterator[Method]:
    """Yield the methods that can be trained here: of installed packages, and of our losses."""
    lgbm = partial(partial, _train_lightgbm)
    ranks = {"grouped": True, "lambdarank_truncation_level": PAGE + 3}
    yield Method(PEER, lgbm(objective="lambdarank", **ranks))
    yield Method("LightGBM rank_xendcg", lgbm(objective="rank_xendcg", grouped=True))
    yield Method("LightGBM regression", lgbm(objective="regression"))
    yield Method("LightGBM binary", lgbm(objective="binary", binary=True))
    if importlib.util.find_spec("xgboost") is not None:
        for objective in ("rank:ndcg", "rank:pairwise"):
            yield Method(f"XGBoost {objective}", partial(_train_xgboost, objective=objective))
    if importlib.util.find_spec("catboost") is not None:
        yield Method("CatBoost YetiRank", partial(_train_catboost, objective="YetiRank"))
    from skbudget.objectives import available

    known = available()
    for name, about, params, binary in OURS:
        if name in known:
            label = f"{name} ({about})" if about else name
            yield Method(label, partial(_train_ours, name=name, params=params, binary=binary))
