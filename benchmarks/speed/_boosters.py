"""Times of training: our objective, the boosters' own losses, and their ranking losses."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skbudget.boosting import PAUCObjective
from skbudget.metrics import coverage_at_budget_score
from skbudget.metrics._ranking import whole_rows

from ._effort import Effort
from ._results import Turns
from ._timing import time_by_turns

__all__ = [
    "CONTEXT",
    "FIT_SETTINGS",
    "NO_OP",
    "FitSetting",
    "fit_lightgbm",
    "fit_xgboost",
    "rank_lightgbm",
    "rank_xgboost",
    "time_round",
]

N_FEATURES = 20
BUDGET = 0.005
L2 = 5.0
FIT_RATE, RANK_RATE = 0.1, 0.05
CONTEXT_POS_RATE = 0.01
# The largest query that LightGBM accepts.
LARGEST_GROUP = 10_000
LEAST_TRUNCATION = 30
# A row in few pairs has a small hessian. With the default, most of the trees of "topk"
# would not be split.
TOPK_CHILD_WEIGHT = 1e-3

OURS = "PAUCObjective"
NO_OP = "no-op objective"
CEILING = "ceiling"
CONTEXT = "a round of LightGBM binary, for context"


class FitSetting(NamedTuple):
    """A share of positives and the objective for it.

    Attributes
    ----------
    pos_rate : float
        Share of positives, a fraction.
    objective : PAUCObjective
        The objective of the training.
    label : str
        The objective in words.
    """

    pos_rate: float
    objective: PAUCObjective
    label: str


FIT_SETTINGS = (
    FitSetting(0.0015, PAUCObjective(budget=BUDGET), f"PAUCObjective(budget={BUDGET:g})"),
    FitSetting(0.05, PAUCObjective(alpha=0, beta=1), "PAUCObjective(alpha=0, beta=1)"),
)


# --- data -------------------------------------------------------------------------


def _shifted_normals(rows: int, pos_rate: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((rows, N_FEATURES), dtype=np.float32)
    positives = rng.choice(rows, max(1, round(pos_rate * rows)), replace=False)
    X[positives, :3] += 1.5
    y = np.zeros(rows, dtype=np.float32)
    y[positives] = 1
    return X, y


def _no_op(y: NDArray[np.float32]) -> Callable[..., tuple[NDArray, NDArray]]:
    """Return an objective with a fixed answer, that of cross-entropy before the first tree."""
    rate = float(y.mean())
    gradient = (rate - y).astype(np.float32)
    hessian = np.full(y.size, rate * (1.0 - rate), dtype=np.float32)

    def objective(scores: Any, data: Any) -> tuple[NDArray, NDArray]:
        return gradient, hessian

    return objective


# --- fit ---------------------------------------------------------------------------


def _lightgbm_settings(effort: Effort, rate: float) -> dict[str, Any]:
    return {
        "learning_rate": rate,
        "lambda_l2": L2,
        "num_threads": effort.n_jobs,
        "verbose": -1,
        # Otherwise each run would try two layouts of its histograms first.
        "force_col_wise": True,
    }


def _xgboost_settings(effort: Effort, rate: float) -> dict[str, Any]:
    return {
        "learning_rate": rate,
        "reg_lambda": L2,
        "nthread": effort.n_jobs,
        "tree_method": "hist",
    }


def _fit_turns(
    library: str,
    setting: FitSetting,
    effort: Effort,
    builtin: str,
    train: Callable[[Any], Any],
    y: NDArray[np.float32],
) -> Turns:
    no_op = _no_op(y)
    inside: list[float] = []

    # This is a function, because LightGBM copies other objects, and the copy would count.
    def timed(scores: Any, data: Any) -> tuple[NDArray, NDArray]:
        start = time.perf_counter()
        derivatives = setting.objective(scores, data)
        inside[-1] += time.perf_counter() - start
        return derivatives

    def train_ours() -> None:
        inside.append(0.0)
        train(timed)

    seconds = time_by_turns(
        {
            OURS: train_ours,
            builtin: lambda: train(builtin),
            NO_OP: lambda: train(no_op),
        },
        effort.pairs,
    )
    return Turns(
        part="fit",
        setting=f"{library}, {N_FEATURES} features, {100 * setting.pos_rate:g} % positives, "
        f"{setting.label}",
        rows=effort.fit_rows,
        seconds=seconds,
        repeats=effort.fit_rounds,
        unit="round",
        inside=tuple(inside[1:]),  # the first turn does not count
    )


def fit_lightgbm(setting: FitSetting, effort: Effort) -> Turns:
    """Time LightGBM with our objective, its binary one, and one that costs nothing.

    Parameters
    ----------
    setting : FitSetting
        Share of positives and objective.
    effort : Effort
        Sizes.

    Returns
    -------
    turns : Turns
        Times of training. The rows are binned beforehand.
    """
    import lightgbm as lgb

    X, y = _shifted_normals(effort.fit_rows, setting.pos_rate)
    settings = _lightgbm_settings(effort, FIT_RATE)
    data = lgb.Dataset(X, y, params=settings).construct()

    def train(objective: Any) -> Any:
        return lgb.train({**settings, "objective": objective}, data, effort.fit_rounds)

    return _fit_turns("LightGBM", setting, effort, "binary", train, y)


def fit_xgboost(setting: FitSetting, effort: Effort) -> Turns:
    """Time XGBoost with our objective, its logistic one, and one that costs nothing.

    The parameters and the result are those of `fit_lightgbm`.
    """
    import xgboost as xgb

    X, y = _shifted_normals(effort.fit_rows, setting.pos_rate)
    settings = _xgboost_settings(effort, FIT_RATE)
    data = xgb.QuantileDMatrix(X, y, nthread=effort.n_jobs)

    def train(objective: Any) -> Any:
        if isinstance(objective, str):
            return xgb.train({**settings, "objective": objective}, data, effort.fit_rounds)
        return xgb.train(settings, data, effort.fit_rounds, obj=objective)

    return _fit_turns("XGBoost", setting, effort, "binary:logistic", train, y)


def time_round(rows: int, effort: Effort) -> Turns:
    """Time rounds of LightGBM with its own binary objective, as a scale for the calls.

    Parameters
    ----------
    rows : int
        Number of rows.
    effort : Effort
        Sizes.

    Returns
    -------
    turns : Turns
    """
    import lightgbm as lgb

    X, y = _shifted_normals(rows, CONTEXT_POS_RATE)
    settings = {**_lightgbm_settings(effort, FIT_RATE), "objective": "binary"}
    data = lgb.Dataset(X, y, params=settings).construct()
    seconds = time_by_turns(
        {"binary": lambda: lgb.train(settings, data, effort.context_rounds)}, effort.pairs
    )
    return Turns("scale", CONTEXT, rows, seconds, effort.context_rounds, "round")


# --- rank --------------------------------------------------------------------------


def _rank_turns(
    library: str,
    about: str,
    effort: Effort,
    trainers: dict[str, Callable[[], Any]],
    score: Callable[[Any, NDArray], NDArray],
) -> Turns:
    from skbudget.datasets import bayes_contested_top_score, make_contested_top

    trained: dict[str, Any] = {}

    def keep(name: str) -> Callable[[], None]:
        def run() -> None:
            trained[name] = trainers[name]()

        return run

    seconds = time_by_turns({name: keep(name) for name in trainers}, effort.pairs)
    X_new, y_new = make_contested_top(effort.rank_rows, random_state=1)
    scores = {name: score(model, X_new) for name, model in trained.items()}
    scores[CEILING] = bayes_contested_top_score(X_new)
    return Turns(
        part="rank",
        setting=f"{library}, contested top, 0.15 % positives{about}",
        rows=effort.rank_rows,
        seconds=seconds,
        repeats=effort.rank_rounds,
        unit="round",
        coverage={
            name: coverage_at_budget_score(y_new, scores[name], budget=BUDGET)
            for name in (*trainers, CEILING)
        },
    )


def rank_xgboost(effort: Effort) -> Turns:
    """Time XGBoost with our objective and with both of its own ways to draw pairs.

    Parameters
    ----------
    effort : Effort
        Sizes.

    Returns
    -------
    turns : Turns
        Times, and the coverage at 0.5 % of a fresh draw. The rows are one query.
    """
    import xgboost as xgb

    from skbudget.datasets import make_contested_top

    X, y = make_contested_top(effort.rank_rows, random_state=0)
    settings = _xgboost_settings(effort, RANK_RATE)
    # The ranking losses need a query, and our objective, which reads no queries, refuses them.
    rows = xgb.QuantileDMatrix(X, y, nthread=effort.n_jobs)
    one_query = xgb.QuantileDMatrix(X, y, group=[len(y)], nthread=effort.n_jobs)
    in_budget = whole_rows(BUDGET, len(y))
    objective = PAUCObjective(budget=BUDGET)

    def rank(method: str, pairs: int, **others: Any) -> Callable[[], Any]:
        named = {
            **settings,
            "objective": "rank:pairwise",
            "lambdarank_pair_method": method,
            "lambdarank_num_pair_per_sample": pairs,
            **others,
        }
        return lambda: xgb.train(named, one_query, effort.rank_rounds)

    return _rank_turns(
        "XGBoost",
        ", one query",
        effort,
        {
            OURS: lambda: xgb.train(settings, rows, effort.rank_rounds, obj=objective),
            f"rank:pairwise, topk {in_budget}": rank(
                "topk", in_budget, min_child_weight=TOPK_CHILD_WEIGHT
            ),
            "rank:pairwise, mean 1": rank("mean", 1),
        },
        lambda model, rows: model.inplace_predict(rows, predict_type="margin"),
    )


def rank_lightgbm(effort: Effort) -> Turns:
    """Time LightGBM with our objective and with lambdarank.

    Parameters
    ----------
    effort : Effort
        Sizes.

    Returns
    -------
    turns : Turns
        Times, and the coverage at 0.5 % of a fresh draw. A query of LightGBM has at most
        10 000 rows; more rows are split at random into as few queries as possible.
    """
    import lightgbm as lgb

    from skbudget.datasets import make_contested_top

    X, y = make_contested_top(effort.rank_rows, random_state=0)
    settings = _lightgbm_settings(effort, RANK_RATE)
    n_groups = -(-effort.rank_rows // LARGEST_GROUP)
    shuffled = np.random.default_rng(0).permutation(effort.rank_rows)
    sizes = [group.size for group in np.array_split(shuffled, n_groups)]
    # Our objective, which reads no queries, refuses them.
    rows = lgb.Dataset(X[shuffled], y[shuffled], params=settings).construct()
    queries = lgb.Dataset(X[shuffled], y[shuffled], group=sizes, params=settings).construct()
    ranking = {
        **settings,
        "objective": "lambdarank",
        # At least one row of each pair is among that many rows of the top.
        "lambdarank_truncation_level": max(LEAST_TRUNCATION, whole_rows(BUDGET, max(sizes))),
    }
    ours = {**settings, "objective": PAUCObjective(budget=BUDGET)}
    about = "one query" if n_groups == 1 else f"{n_groups} queries at random"
    return _rank_turns(
        "LightGBM",
        "",
        effort,
        {
            OURS: lambda: lgb.train(ours, rows, effort.rank_rounds),
            f"lambdarank, {about}": lambda: lgb.train(ranking, queries, effort.rank_rounds),
        },
        lambda model, rows: model.predict(rows, raw_score=True, num_threads=effort.n_jobs),
    )
