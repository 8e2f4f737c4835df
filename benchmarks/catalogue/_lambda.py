"""What makes LambdaRank good at a budget: one part of it at a time.

LightGBM's lambdarank on queries that are drawn at random, over the number of rows in a query, its
truncation and its normalisation; and the way from the band objective to it, step by step.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from benchmarks._markdown import estimate_text, markdown_table
from benchmarks.promises._measure import Measure
from benchmarks.promises._tables import N_TEST, QUICK_DIVISOR, GeneratedDraw
from benchmarks.study import Draw, StudyTable
from benchmarks.study._lambda_loss import LambdaCoverage
from skbudget._utils.statistics import t_interval
from skbudget.boosting import BoosterObjective
from skbudget.metrics import coverage_at_budget_score, partial_auc_score
from skbudget.objectives import PairwisePAUC

__all__ = [
    "BUDGET",
    "CHOSEN",
    "LAMBDA",
    "TAKEN_APART",
    "Bands",
    "lambda_tables",
    "render_lambda",
    "run_lambda",
]

BUDGET = 0.005
N_TREES, LEARNING_RATE, LEAVES = 100, 0.06, 31
PENALTIES = (0.5, 5.0, 50.0)
POSITIVES, NEGATIVES = 120, 40_000

Gradient = Callable[[NDArray, Any], tuple[NDArray, NDArray]]
"""An objective of LightGBM: gradient and hessian for scores and the data set."""


# --- what is trained ------------------------------------------------------------------------


@dataclass(frozen=True)
class Bands:
    """The band objective on queries that are drawn at random, with parts of LambdaRank.

    Parameters
    ----------
    y : ndarray of shape (n_rows,)
        Labels.
    budgets : float, default=3.0
        Width of the band, in budgets.
    rows_per_query : int, default=0
        Rows of a query; 0 for the whole table.
    redrawn : bool, default=False
        Whether queries are drawn anew in every round.
    discounted : bool, default=False
        Whether a pair counts for the difference of the discounts of its ranks, as in NDCG.
    normalised : bool, default=False
        Whether a pair counts less if its scores are far apart, and a query for the logarithm
        of the sum of its pairs, as in LightGBM.
    seed : int, default=0
        Seed of the queries.
    """

    y: NDArray
    budgets: float = 3.0
    rows_per_query: int = 0
    redrawn: bool = False
    discounted: bool = False
    normalised: bool = False
    seed: int = 0

    def make(self) -> Gradient:
        """Return the objective."""
        rng = np.random.RandomState(self.seed)
        queries = self._draw(rng)

        def objective(score: NDArray, data: Any) -> tuple[NDArray, NDArray]:
            nonlocal queries
            if self.redrawn:
                queries = self._draw(rng)
            gradient, hessian = np.zeros(self.y.size), np.full(self.y.size, 1e-16)
            for pos, neg in queries:
                self._add(score, pos, neg, gradient, hessian)
            return gradient, hessian

        return objective

    def _draw(self, rng: np.random.RandomState) -> list[tuple[NDArray, NDArray]]:
        n_queries = -(-self.y.size // self.rows_per_query) if self.rows_per_query else 1
        parts = np.array_split(rng.permutation(self.y.size), n_queries)
        split = [(part[self.y[part] == 1], part[self.y[part] == 0]) for part in parts]
        return [(pos, neg) for pos, neg in split if pos.size and neg.size]

    def _add(
        self, score: NDArray, pos: NDArray, neg: NDArray, gradient: NDArray, hessian: NDArray
    ) -> None:
        wanted = max(1, round(self.budgets * BUDGET * neg.size))
        edge = np.partition(score[neg], neg.size - wanted)[neg.size - wanted]
        band = neg[score[neg] >= edge]
        gap = score[band][None, :] - score[pos][:, None]
        weight = self._weights(score, pos, neg, band, gap)
        slope = weight * expit(gap)
        curve = slope * expit(-gap)
        if self.normalised:
            factor = float(np.log2(1.0 + 2.0 * slope.sum()) / max(2.0 * slope.sum(), 1e-300))
            slope, curve = factor * slope, factor * curve
        gradient[pos] -= slope.sum(axis=1)
        gradient[band] += slope.sum(axis=0)
        hessian[pos] += curve.sum(axis=1)
        hessian[band] += curve.sum(axis=0)

    def _weights(
        self, score: NDArray, pos: NDArray, neg: NDArray, band: NDArray, gap: NDArray
    ) -> NDArray:
        weight = np.full(gap.shape, 1.0 / band.size)
        if self.discounted:
            together = np.concatenate([pos, neg])
            rank = np.empty(self.y.size)
            rank[together[np.argsort(-score[together], kind="stable")]] = np.arange(together.size)
            discount = 1.0 / np.log2(2.0 + rank)
            weight = np.abs(discount[band][None, :] - discount[pos][:, None])
            # A positive weighs at most as much as without discounts, on the average.
            weight /= max(weight.sum() / pos.size, 1e-12)
        if self.normalised and np.ptp(score) > 0:
            weight = weight / (0.01 + np.abs(gap))
        return weight


@dataclass(frozen=True)
class Recipe:
    """A way to train, and what is said of it in the report."""

    label: str
    train: Callable[[Draw, float, int, int], Any]


def _train(
    draw: Draw, penalty: float, seed: int, n_trees: int, settings: Mapping[str, Any], **data: Any
) -> Any:
    import lightgbm as lgb

    from skbudget.boosting._peers import REPEATABLE

    rows = data.pop("rows", slice(None))
    params = {
        "learning_rate": LEARNING_RATE,
        "num_leaves": LEAVES,
        "lambda_l2": penalty,
        "min_data_in_leaf": 20,
        "feature_pre_filter": False,
        "num_threads": 1,
        "seed": seed,
        **REPEATABLE,
        **settings,
    }
    table = lgb.Dataset(draw.X_train[rows], draw.y_train[rows], **data)
    return lgb.train(params, table, n_trees)


def _lightgbm(rows_per_query: int, truncated_at: float, also: str = "", **settings: Any) -> Recipe:
    """Return LightGBM's lambdarank on random queries.

    A pair counts if one of its rows is among the first ``truncated_at`` of its query.
    """

    def train(draw: Draw, penalty: float, seed: int, n_trees: int) -> Any:
        n_rows = draw.y_train.size
        rows = np.random.RandomState(seed).permutation(n_rows)
        sizes = [part.size for part in np.array_split(rows, -(-n_rows // rows_per_query))]
        ranking = {
            "objective": "lambdarank",
            "lambdarank_truncation_level": max(1, round(truncated_at * max(sizes))),
            "lambdarank_norm": False,
            **settings,
        }
        return _train(draw, penalty, seed, n_trees, ranking, rows=rows, group=sizes)

    label = f"lambdarank, queries of {rows_per_query}, truncated at {truncated_at:.1%}{also}"
    return Recipe(label, train)


def _loss(label: str, loss: Any, **settings: Any) -> Recipe:
    def train(draw: Draw, penalty: float, seed: int, n_trees: int) -> Any:
        chosen = {"objective": BoosterObjective(loss), **settings}
        return _train(draw, penalty, seed, n_trees, chosen)

    return Recipe(label, train)


def _bands(label: str, **parts: Any) -> Recipe:
    def train(draw: Draw, penalty: float, seed: int, n_trees: int) -> Any:
        bands = Bands(draw.y_train, seed=seed, **parts)
        return _train(draw, penalty, seed, n_trees, {"objective": bands.make()})

    return Recipe(label, train)


def _binary(draw: Draw, penalty: float, seed: int, n_trees: int) -> Any:
    return _train(draw, penalty, seed, n_trees, {"objective": "binary"})


def _pauc(budgets: float) -> PairwisePAUC:
    return PairwisePAUC(beta=min(1.0, budgets * BUDGET))


def _factorial() -> dict[str, Recipe]:
    found = {}
    for rows, levels in ((1000, (0.005, 0.015, 0.05, 0.2)), (10_000, (0.005, 0.015, 0.05))):
        for level in levels:
            for norm in (False, True):
                name = f"lambdarank-q{rows}-t{level:g}{'-norm' * norm}"
                also = ", normalised" if norm else ""
                found[name] = _lightgbm(rows, level, also, lambdarank_norm=norm)
    return found


REFERENCE = "band-3b"

LAMBDA: dict[str, Recipe] = {
    "binary": Recipe("LightGBM binary", _binary),
    "band-1b": _loss("band of 1 budget", _pauc(1.0)),
    REFERENCE: _loss("band of 3 budgets", _pauc(3.0)),
    "band-10b": _loss("band of 10 budgets", _pauc(10.0)),
    "coverage-1b": _loss(
        "coverage lambda, cut at 1 budget, both directions", LambdaCoverage(BUDGET)
    ),
    "coverage-1b-gains": _loss(
        "coverage lambda, cut at 1 budget, gains only", LambdaCoverage(BUDGET, reverse=False)
    ),
    "coverage-3b": _loss(
        "coverage lambda, cut at 3 budgets, both directions", LambdaCoverage(3 * BUDGET)
    ),
    "coverage-3b-gains": _loss(
        "coverage lambda, cut at 3 budgets, gains only", LambdaCoverage(3 * BUDGET, reverse=False)
    ),
    "coverage-10b": _loss(
        "coverage lambda, cut at 10 budgets, both directions", LambdaCoverage(10 * BUDGET)
    ),
    "band-3b-bagged": _loss(
        "band of 3 budgets, half of the rows per tree",
        _pauc(3.0),
        bagging_fraction=0.5,
        bagging_freq=1,
    ),
    "band-3b-q1000": _bands("band of 3 budgets in queries of 1000", rows_per_query=1000),
    "band-3b-q10000": _bands("band of 3 budgets in queries of 10000", rows_per_query=10_000),
    "band-3b-q1000-redrawn": _bands(
        "band of 3 budgets in queries of 1000, redrawn every round",
        rows_per_query=1000,
        redrawn=True,
    ),
    "band-10b-q1000": _bands(
        "band of 10 budgets in queries of 1000", budgets=10.0, rows_per_query=1000
    ),
    "band-3b-discounted": _bands("band of 3 budgets, discounted pairs", discounted=True),
    "band-10b-discounted": _bands(
        "band of 10 budgets, discounted pairs", budgets=10.0, discounted=True
    ),
    "band-3b-normalised": _bands("band of 3 budgets, normalised pairs", normalised=True),
    "band-3b-q1000-discounted": _bands(
        "band of 3 budgets in queries of 1000, discounted pairs",
        rows_per_query=1000,
        discounted=True,
    ),
    "band-3b-q1000-discounted-normalised": _bands(
        "band of 3 budgets in queries of 1000, discounted and normalised pairs",
        rows_per_query=1000,
        discounted=True,
        normalised=True,
    ),
    **_factorial(),
    "lambdarank-q1000-t0.05-sharp": _lightgbm(1000, 0.05, ", sigmoid 2", sigmoid=2.0),
    "lambdarank-q1000-t0.05-gain": _lightgbm(1000, 0.05, ", gain 10", label_gain="0,10"),
}
"""All ways to train by name."""

TAKEN_APART = "contested-product"
"""The table on which all ways are trained. On the others, which are held out, a few are."""

CHOSEN = (
    "binary",
    "band-1b",
    REFERENCE,
    "coverage-1b",
    "coverage-1b-gains",
    "band-3b-bagged",
    "band-3b-q1000-redrawn",
    "lambdarank-q1000-t0.05-norm",
    "lambdarank-q10000-t0.005-norm",
    "lambdarank-q10000-t0.05-norm",
)
"""What is trained on the tables that are held out."""


# --- measuring ------------------------------------------------------------------------------


def lambda_tables(quick: bool = False) -> list[StudyTable]:
    """Return the contested top on which choices were made, and others that are held out.

    Parameters
    ----------
    quick : bool, default=False
        Whether to return smaller ones, for a first look.

    Returns
    -------
    tables : list of StudyTable
    """
    divisor = QUICK_DIVISOR if quick else 1
    settings = {
        "product": (POSITIVES, NEGATIVES, "product"),
        "radial": (POSITIVES, NEGATIVES, "radial"),
        "linear": (POSITIVES, NEGATIVES, "linear"),
        "more-positives": (4 * POSITIVES, NEGATIVES, "product"),
        "more-rows": (225, 150_000, "product"),
    }
    return [
        StudyTable(
            f"contested-{name}",
            "contested top",
            GeneratedDraw(
                "make_contested_top",
                positives // divisor,
                negatives // divisor,
                N_TEST // divisor,
                (("cue", cue),),
            ),
            f"{positives} positives among {negatives} negatives, {cue} cue",
        )
        for name, (positives, negatives, cue) in settings.items()
    ]


def run_lambda(
    table: StudyTable, draw: Draw, seed: int, method: str, effort: float = 1.0
) -> list[Measure]:
    """Train a method with each penalty, and measure the one that validation rows choose.

    Parameters
    ----------
    table : StudyTable
        The table.
    draw : Draw
        Its rows.
    seed : int
        Number of the draw.
    method : str
        Name of the method.
    effort : float, default=1.0
        Share of the usual number of trees.

    Returns
    -------
    measures : list of Measure
    """
    n_trees = max(5, round(effort * N_TREES))
    found = []
    for penalty in PENALTIES:
        # This is the processor time of one thread, which does not depend on other processes.
        start = time.process_time()
        model = LAMBDA[method].train(draw, penalty, seed, n_trees)
        seconds = time.process_time() - start
        scores = model.predict(draw.X_valid, raw_score=True, num_threads=1)
        # Few positives are within a budget. The area up to three of them is less coarse.
        worth = partial_auc_score(draw.y_valid, scores, beta=3 * BUDGET)
        found.append((float(worth), penalty, seconds, model))
    worth, penalty, seconds, model = max(found, key=lambda one: one[0])
    scores = model.predict(draw.X_test, raw_score=True, num_threads=1)
    return [
        Measure(
            table=table.name,
            seed=seed,
            method=method,
            addition="",
            promise="coverage",
            validation=worth,
            test=float(coverage_at_budget_score(draw.y_test, scores, budget=BUDGET, basis="fpr")),
            seconds=seconds,
            trials=len(PENALTIES),
            effort=effort,
            n_train=draw.y_train.size,
            positives_train=int(draw.y_train.sum()),
            parameters=json.dumps({"lambda_l2": penalty}),
        )
    ]


# --- report ---------------------------------------------------------------------------------


def render_lambda(measures: Sequence[Measure], brief: bool = False) -> str:
    """Return the coverage of all methods, and the paired difference from the band objective.

    Parameters
    ----------
    measures : sequence of Measure
        The results.
    brief : bool, default=False
        The report is brief in any case.

    Returns
    -------
    text : str
    """
    tests: dict[tuple[str, str], dict[int, float]] = {}
    for one in measures:
        tests.setdefault((one.table, one.method), {})[one.seed] = one.test
    tables = list(dict.fromkeys(one.table for one in measures))
    parts = [[name for name in tables if (name == TAKEN_APART) == first] for first in (True, False)]
    return "\n".join(_table_of(tests, part) for part in parts if part)


def _table_of(tests: Mapping[tuple[str, str], Mapping[int, float]], tables: Sequence[str]) -> str:
    header = ["method"]
    for name in tables:
        draws = max(len(found) for (table, _), found in tests.items() if table == name)
        header += [f"{name.removeprefix('contested-')}, {draws} draws", "difference"]
    rows = []
    for method, recipe in LAMBDA.items():
        if not any((name, method) in tests for name in tables):
            continue
        row = [recipe.label]
        for name in tables:
            mine, theirs = tests.get((name, method), {}), tests.get((name, REFERENCE), {})
            row += [
                estimate_text(t_interval(list(mine.values()))) if mine else "",
                _difference(mine, theirs) if method != REFERENCE else "",
            ]
        rows.append(row)
    return markdown_table(header, rows)


def _difference(mine: Mapping[int, float], theirs: Mapping[int, float]) -> str:
    """Return the paired difference: bold if it is a gain for sure, italic if it is a loss."""
    shared = sorted(mine.keys() & theirs.keys())
    if not shared:
        return ""
    found = t_interval([mine[seed] - theirs[seed] for seed in shared])
    mark = "**" if found.low > 0.0 else "*" if found.high < 0.0 else ""
    return f"{mark}{estimate_text(found, signed=True)}{mark}"
