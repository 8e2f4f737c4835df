"""One draw of the table: tuning on validation queries, and measuring on test queries."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skbudget.datasets import bayes_search_queries_score, make_search_queries
from skbudget.metrics import (
    bootstrap_ci,
    group_coverage_score,
    ndcg_at_k_score,
    paired_bootstrap_ci,
)

from ._methods import PAGE, PEER, Method, Queries, Settings

__all__ = ["CEILING", "Effort", "Outcome", "read_outcomes", "run"]

CEILING = "best possible"

METRICS: dict[str, Callable[..., float]] = {
    "ndcg": partial(ndcg_at_k_score, k=PAGE),
    "coverage": partial(group_coverage_score, k=PAGE, min_grade=1),
}


@dataclass(frozen=True)
class Effort:
    """How large a run is."""

    n_train: int = 500
    n_valid: int = 250
    n_test: int = 500
    settings: tuple[Settings, ...] = (
        Settings(0.1, 7),
        Settings(0.1, 15),
        Settings(0.05, 31),
    )
    stages: tuple[int, ...] = (25, 50, 100, 200)
    n_resamples: int = 2000


class Measured(NamedTuple):
    """A figure, its interval over queries, and both for its gain over the peer."""

    value: float
    low: float
    high: float
    gain: float
    gain_low: float
    gain_high: float


@dataclass(frozen=True)
class Outcome:
    """What a method reached on the draw of one seed."""

    seed: int
    method: str
    n_train: int
    ndcg: float
    ndcg_low: float
    ndcg_high: float
    ndcg_gain: float
    ndcg_gain_low: float
    ndcg_gain_high: float
    coverage: float
    coverage_low: float
    coverage_high: float
    coverage_gain: float
    coverage_gain_low: float
    coverage_gain_high: float
    learning_rate: float
    leaves: int
    rounds: int
    seconds: float


_COLUMNS = [field.name for field in fields(Outcome)]
_READERS = {"int": int, "float": float, "str": str}


def read_outcomes(path: Path) -> list[Outcome]:
    """Read a file of results, without an incomplete last line."""
    if not path.is_file():
        return []
    whole, _, _ = path.read_text(encoding="utf-8").rpartition("\n")
    rows = list(csv.DictReader(io.StringIO(whole)))
    if rows and list(rows[0]) != _COLUMNS:
        raise ValueError(f"{path.name} is not a file of results: its header differs.")
    types = {field.name: _READERS[str(field.type)] for field in fields(Outcome)}
    return [Outcome(**{name: types[name](row[name]) for name in _COLUMNS}) for row in rows]


def _append(path: Path, outcome: Outcome) -> None:
    new = not path.is_file()
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if new:
            writer.writerow(_COLUMNS)
        values = astuple(outcome)
        writer.writerow([f"{one:.6g}" if isinstance(one, float) else one for one in values])


def _draw(seed: int, effort: Effort) -> tuple[Queries, Queries, Queries]:
    """Return training, validation and test queries."""
    sizes = np.array([effort.n_train, effort.n_valid, effort.n_test])
    X, grade, query = make_search_queries(int(sizes.sum()), random_state=seed)
    part = np.searchsorted(np.cumsum(sizes), query, side="right")
    train, valid, test = (
        Queries(X[part == one], grade[part == one], query[part == one]) for one in range(3)
    )
    return train, valid, test


class _Best(NamedTuple):
    scores: NDArray[np.float64]
    settings: Settings
    rounds: int
    seconds: float


def _tuned(method: Method, draw: tuple[Queries, Queries, Queries], effort: Effort) -> _Best:
    """Return the test scores of what has the greatest NDCG on validation queries."""
    train, valid, test = draw
    best, found = -np.inf, None
    start = time.process_time()
    for settings in effort.settings:
        scores = method.train(train, settings, max(effort.stages))
        for rounds in effort.stages:
            value = METRICS["ndcg"](valid.grade, scores(valid.X, rounds), group=valid.query)
            if value > best:
                best = value
                found = _Best(scores(test.X, rounds), settings, rounds, 0.0)
    if found is None:
        raise ValueError(f"{method.name} has no score on validation queries.")
    return found._replace(seconds=time.process_time() - start)


def _measure(
    test: Queries, scores: NDArray[Any], peer: NDArray[Any], name: str, effort: Effort
) -> Measured:
    metric = METRICS[name]
    asked: dict[str, Any] = {
        "metric": metric,
        "group": test.query,
        "n_resamples": effort.n_resamples,
        "method": "percentile",
        "random_state": 0,
    }
    own = bootstrap_ci(test.grade, scores, **asked)
    if np.array_equal(scores, peer):
        return Measured(own.estimate, own.low, own.high, 0.0, 0.0, 0.0)
    gain = paired_bootstrap_ci(test.grade, scores, peer, **asked)
    return Measured(own.estimate, own.low, own.high, gain.estimate, gain.low, gain.high)


def run(
    methods: Sequence[Method], seeds: Sequence[int], effort: Effort, path: Path
) -> Iterator[Outcome]:
    """Run what a file of results lacks, append it to the file, and yield it."""
    done = {(one.seed, one.method) for one in read_outcomes(path)}
    names = [CEILING, *(method.name for method in methods)]
    for seed in seeds:
        if all((seed, name) in done for name in names):
            continue
        draw = _draw(seed, effort)
        test = draw[2]
        # Gains need the scores of the peer again.
        first = next(method for method in methods if method.name == PEER)
        peer = _tuned(first, draw, effort)
        for method in [None, *methods]:
            name = CEILING if method is None else method.name
            if (seed, name) in done:
                continue
            if method is None:
                best = _Best(bayes_search_queries_score(test.X), Settings(np.nan, 0), 0, 0.0)
            else:
                best = peer if method is first else _tuned(method, draw, effort)
            figures = {
                f"{metric}_{part}".removesuffix("_value"): value
                for metric in METRICS
                for part, value in _measure(
                    test, best.scores, peer.scores, metric, effort
                )._asdict().items()
            }  # fmt: skip
            outcome = Outcome(
                seed=seed,
                method=name,
                n_train=effort.n_train,
                learning_rate=best.settings.learning_rate,
                leaves=best.settings.leaves,
                rounds=best.rounds,
                seconds=best.seconds,
                **figures,
            )
            _append(path, outcome)
            yield outcome
