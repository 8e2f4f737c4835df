"""The unit of work of the study: tuning and measuring one contender on one draw of a table."""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skbudget.metrics import coverage_at_budget_score, partial_auc_score

from ._contender import Contender, Fitted, Setting
from ._table import Draw, StudyTable

__all__ = ["BASES", "Effort", "Measure", "measure_ceiling", "propose", "run_unit", "thin_rows"]

BASES = ("fpr", "population")

CEILING = "ceiling"


@dataclass(frozen=True)
class Effort:
    """The work for each contender.

    Parameters
    ----------
    budgets : tuple of float
        Review budgets, fractions in (0, 1].
    tree_trials, network_trials : int
        Numbers of trials of each contender that can be tuned.
    search_rows : int
        Greatest number of training rows of a trial. If there are more, trials see a
        stratified sample of this size.
    training : float, default=1.0
        Share of the usual length of training.
    """

    budgets: tuple[float, ...]
    tree_trials: int
    network_trials: int
    search_rows: int
    training: float = 1.0

    def trials(self, contender: Contender) -> int:
        """Return the number of trials of a contender."""
        if not contender.tuned:
            return 1
        return self.network_trials if contender.family == "network" else self.tree_trials


@dataclass(frozen=True)
class Measure:
    """The coverage of one contender on one draw, at one budget on one basis.

    ``validation`` is the coverage of the chosen trial on the validation rows, and ``test``
    that of the final model on the test rows. ``seconds`` is the processor time of the
    training of the final model, and ``search_seconds`` that of all trials. ``parameters``
    has the chosen parameters as JSON.
    """

    table: str
    group: str
    seed: int
    method: str
    budget: float
    basis: str
    validation: float
    test: float
    seconds: float
    search_seconds: float
    trials: int
    training: float
    n_train: int
    positives_train: int
    positives_test: int
    parameters: str


def propose(contender: Contender, n_trials: int, random_state: int) -> list[dict[str, Any]]:
    """Return the parameters of each trial: the start, then a quasi-random sequence.

    Trials do not depend on the results of earlier trials. So one fit can be judged at every
    budget, and an interrupted study can continue.
    """
    if not contender.tuned:
        return [dict(contender.start)]
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.QMCSampler(
            qmc_type="sobol", scramble=True, seed=random_state, warn_independent_sampling=False
        )
    study = optuna.create_study(sampler=sampler, direction="maximize")
    study.enqueue_trial(dict(contender.start))
    proposed = []
    for _ in range(n_trials):
        trial = study.ask()
        proposed.append(contender.suggest(trial))
        study.tell(trial, 0.0)
    return proposed


def thin_rows(X: NDArray, y: NDArray, n_rows: int, random_state: int) -> tuple[NDArray, NDArray]:
    """Return a stratified sample of at most ``n_rows`` rows."""
    if len(y) <= n_rows:
        return X, y
    from sklearn.model_selection import train_test_split

    X_kept, _, y_kept, _ = train_test_split(
        X, y, train_size=n_rows, stratify=y, random_state=random_state
    )
    return X_kept, y_kept


def run_unit(
    table: StudyTable, draw: Draw, seed: int, contender: Contender, effort: Effort
) -> list[Measure]:
    """Tune a contender on a draw, and measure the chosen trials at every budget.

    A contender that is not trained for a budget is fitted once per trial, and each fit is
    judged at every budget. The trial with the greatest coverage of the validation rows is
    chosen. Among trials with equal coverage it is the one with the greatest partial AUC up
    to that budget. If trials saw a sample, the chosen parameters are fitted again on all
    training rows.
    """
    n_trials = effort.trials(contender)
    proposed = propose(contender, n_trials, seed)
    if contender.per_budget:
        return [
            measure
            for budget in effort.budgets
            for measure in _tune(table, draw, seed, contender, effort, proposed, (budget,), budget)
        ]
    return _tune(table, draw, seed, contender, effort, proposed, effort.budgets, None)


def _tune(
    table: StudyTable,
    draw: Draw,
    seed: int,
    contender: Contender,
    effort: Effort,
    proposed: Sequence[Mapping[str, Any]],
    budgets: Sequence[float],
    budget: float | None,
) -> list[Measure]:
    setting = Setting(random_state=seed, n_jobs=1, budget=budget, effort=effort.training)
    # A single trial is no search, so there is nothing that a sample could speed up.
    rows = effort.search_rows if len(proposed) > 1 else len(draw.y_train)
    X, y = thin_rows(draw.X_train, draw.y_train, rows, seed)
    sampled = len(y) < len(draw.y_train)

    models: list[tuple[Fitted, float]] = []
    worth: list[dict[tuple[float, str], tuple[float, float]]] = []
    for parameters in proposed:
        models.append(_timed_fit(contender, parameters, X, y, setting))
        worth.append(_worth(draw, models[-1][0], budgets))
    search_seconds = sum(seconds for _, seconds in models)

    chosen = {cell: _best([found[cell] for found in worth]) for cell in worth[0]}
    final = {
        k: _timed_fit(contender, proposed[k], draw.X_train, draw.y_train, setting)
        if sampled
        else models[k]
        for k in sorted(set(chosen.values()))
    }
    scores = {k: score(draw.X_test) for k, (score, _) in final.items()}
    return [
        Measure(
            table=table.name,
            group=table.group,
            seed=seed,
            method=contender.name,
            budget=at,
            basis=basis,
            validation=worth[k][at, basis][0],
            test=_coverage(draw.y_test, scores[k], at, basis),
            seconds=final[k][1],
            search_seconds=search_seconds,
            trials=len(proposed),
            training=effort.training,
            n_train=len(draw.y_train),
            positives_train=int(draw.y_train.sum()),
            positives_test=int(draw.y_test.sum()),
            parameters=json.dumps(_plain(proposed[k]), sort_keys=True),
        )
        for (at, basis), k in chosen.items()
    ]


def measure_ceiling(table: StudyTable, draw: Draw, seed: int, effort: Effort) -> list[Measure]:
    """Return the coverage of the best possible scores, if they are known."""
    if draw.ceiling is None:
        return []
    return [
        Measure(
            table=table.name,
            group=table.group,
            seed=seed,
            method=CEILING,
            budget=budget,
            basis=basis,
            validation=float("nan"),
            test=_coverage(draw.y_test, draw.ceiling, budget, basis),
            seconds=0.0,
            search_seconds=0.0,
            trials=0,
            training=effort.training,
            n_train=len(draw.y_train),
            positives_train=int(draw.y_train.sum()),
            positives_test=int(draw.y_test.sum()),
            parameters="{}",
        )
        for budget in effort.budgets
        for basis in BASES
    ]


def _timed_fit(
    contender: Contender, parameters: Mapping[str, Any], X: NDArray, y: NDArray, setting: Setting
) -> tuple[Fitted, float]:
    # This is the processor time of one thread, which does not depend on other processes.
    start = time.process_time()
    model = contender.fit(parameters, X, y, setting)
    return model, time.process_time() - start


def _worth(
    draw: Draw, model: Fitted, budgets: Sequence[float]
) -> dict[tuple[float, str], tuple[float, float]]:
    score = model(draw.X_valid)
    found = {}
    for budget in budgets:
        area = float(partial_auc_score(draw.y_valid, score, beta=budget))
        for basis in BASES:
            found[budget, basis] = (_coverage(draw.y_valid, score, budget, basis), area)
    return found


def _best(worth: Sequence[tuple[float, float]]) -> int:
    """Return the number of the best trial. Among equal trials it is the first."""
    return max(range(len(worth)), key=worth.__getitem__)


def _coverage(y: NDArray, score: NDArray, budget: float, basis: str) -> float:
    return float(coverage_at_budget_score(y, score, budget=budget, basis=basis))


def _plain(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters in a form for JSON, with six digits of floats."""
    return {
        name: float(f"{value:.6g}") if isinstance(value, (float, np.floating)) else value
        for name, value in parameters.items()
    }
