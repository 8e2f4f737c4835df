"""Where the loss comes from: trials drawn at random, trials of Optuna, or gradients."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from .._utils.splits import Split
from ._fits import Job, compare, last_step
from ._parameters import Parameters, Space

__all__ = ["by_gradients", "by_optuna", "by_trials", "has_optuna"]


def by_trials(
    job: Job,
    space: Space,
    n_candidates: int,
    splits: Sequence[Split],
    log_ratio: float,
    rng: np.random.RandomState,
    n_jobs: int | None,
) -> tuple[list[Parameters], NDArray[np.float64]]:
    """Return trials, plain cross-entropy first, and their scores on each split."""
    ranges = np.array(space.ranges(log_ratio))
    drawn = (rng.uniform(*ranges.T) for _ in itertools.count())
    vectors = itertools.islice(itertools.chain(space.suggestions(log_ratio), drawn), n_candidates)
    choices = [space.plain, *(space.parameters(vector) for vector in vectors)]
    return choices, compare(job, choices, splits, n_jobs)


def has_optuna() -> bool:
    """Whether Optuna is installed."""
    from importlib.util import find_spec

    return find_spec("optuna") is not None


def by_optuna(
    job: Job,
    space: Space,
    n_candidates: int,
    splits: Sequence[Split],
    log_ratio: float,
    rng: np.random.RandomState,
    n_jobs: int | None,
) -> tuple[list[Parameters], NDArray[np.float64]]:
    """Return trials of Optuna's sampler, plain cross-entropy first, and their scores."""
    import optuna

    sampler = optuna.samplers.TPESampler(seed=int(rng.randint(2**31 - 1)))
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        study = optuna.create_study(direction="maximize", sampler=sampler)
    finally:
        optuna.logging.set_verbosity(verbosity)
    ranges = space.ranges(log_ratio)
    space_of = {
        f"x{number}": optuna.distributions.FloatDistribution(low, high)
        for number, (low, high) in enumerate(ranges)
    }
    choices = [space.plain]
    scores = [compare(job, choices, splits, n_jobs)[0]]
    study.add_trial(
        optuna.trial.create_trial(
            params=dict.fromkeys(space_of, 0.0),
            distributions=space_of,
            value=float(scores[0].mean()),
        )
    )
    for vector in space.suggestions(log_ratio):
        study.enqueue_trial(
            {f"x{number}": float(np.clip(x, *ranges[number])) for number, x in enumerate(vector)}
        )
    for _ in range(n_candidates):
        trial = study.ask(space_of)
        choice = space.parameters(np.array([trial.params[name] for name in space_of]))
        found = compare(job, [choice], splits, n_jobs)[0]
        study.tell(trial, float(found.mean()))
        choices.append(choice)
        scores.append(found)
    return choices, np.array(scores)


def by_gradients(
    job: Job,
    space: Space,
    split: Split,
    search: Any,
    seed: int,
    log_ratio: float,
    n_jobs: int | None,
) -> tuple[Parameters, NDArray[np.float64]]:
    """Return what the implicit hypergradient finds, and the path to it.

    The score of held-out rows has several valleys in the parameters of the loss, and a gradient
    finds the nearest. So the search begins from the best of plain cross-entropy and of what is
    worth a trial. From the latter, what it finds has to be better than where it began. Whoever
    calls this compares it with plain cross-entropy.
    """
    import torch

    from ._bilevel import TensorRows, settled, tune

    table = job.table
    train, held = table.take(split.train), table.take(split.held_out)
    X, X_held = train.features, held.features
    network, _ = last_step(job.model)
    if isinstance(job.model, Pipeline):
        before = clone(job.model[:-1])
        X, X_held = before.fit_transform(X, train.labels), before.transform(X_held)

    def rows(X: Any, number: NDArray[np.intp]) -> TensorRows:
        positive = job.positive[number]
        unit = positive.astype(np.int64)
        if space.n_segments is not None and table.segments is not None:
            unit = table.segments[number].astype(np.int64)
        weight = np.ones(number.size) if table.weight is None else table.weight[number]
        return TensorRows(
            torch.as_tensor(np.array(X, dtype=np.float32)),
            torch.as_tensor(positive),
            torch.as_tensor(weight / weight.mean(), dtype=torch.float32),
            torch.as_tensor(unit),
        )

    starts = [space.first]
    starts += [
        np.concatenate([vector, space.first[vector.size :]])
        for vector in space.suggestions(log_ratio)
    ]

    def judge(vectors: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        choices = [space.parameters(vector) for vector in vectors]
        return compare(job, choices, [split], n_jobs)[:, 0]

    of_starts = judge(starts) if len(starts) > 1 else np.zeros(1)
    start = starts[int(of_starts.argmax())]
    path = tune(
        network,
        space,
        job.goal,
        rows(X, split.train),
        rows(X_held, split.held_out),
        search,
        seed,
        start,
    )
    found = settled(path)
    if np.any(start != space.first) and judge([found])[0] <= of_starts.max():
        found = start
    return space.parameters(found), path
