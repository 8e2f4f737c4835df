"""A loss that is found for what it is used for, beside plain and weighted cross-entropy.

`AutoBalanceClassifier` finds the loss on the training rows alone. Its peers have the same network.
The weight of one of them is tuned on the validation rows, which is more than it gets.
"""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks._markdown import estimate_text, markdown_table
from benchmarks.study import Draw, StudyTable
from benchmarks.study._search import _plain
from skbudget import objectives

from ._figures import Figures, gain_of
from ._measure import Measure
from ._promises import BUDGET, PROMISES, Scored
from ._tables import LINEAR

__all__ = ["CLASSES_PROMISES", "METHODS", "TAKEN", "render_classes", "run_method"]

CLASSES_PROMISES = ("coverage", "balanced-error")
OBJECTIVES = {"coverage": "coverage", "balanced-error": "balanced_error"}
"""What `AutoBalanceClassifier` calls the figures."""

METHODS = {
    "plain": "plain cross-entropy",
    "balanced": "balanced weights",
    "tuned-weight": "weight tuned",
    "found": "loss found",
}

TAKEN = "taken in any case"
"""The loss that was found, even where `AutoBalanceClassifier` kept plain cross-entropy."""

EPOCHS, LEARNING_RATE, LINEAR_RATE = 20, 3e-3, 0.05
LEAST_BATCH, STEPS_PER_EPOCH = 512, 15
POWERS = (-0.5, 0.0, 0.25, 0.5, 0.75, 1.0)
FOLDS = 3

Score = Callable[[NDArray], NDArray]


def make_network(table: StudyTable, n_rows: int, seed: int, effort: float, **settings: Any) -> Any:
    """Return the network that all methods train, a linear model on some tables.

    Parameters
    ----------
    table : StudyTable
        The table.
    n_rows : int
        Number of training rows.
    seed : int
        Seed of the network.
    effort : float
        Share of the usual number of epochs.
    **settings
        Further parameters of `PAUCClassifier`.

    Returns
    -------
    model : Pipeline
    """
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from skbudget import PAUCClassifier

    linear: dict[str, Any] = {}
    if table.group == LINEAR:
        # Its ranking is to be that of the loss alone: no decay, and steps that reach the optimum.
        linear = {
            "hidden_layer_sizes": (),
            "weight_decay": 0.0,
            "input_decay": 0.0,
            "lr": LINEAR_RATE,
        }
    network = PAUCClassifier(
        budget=BUDGET,
        n_members=1,
        batch_size=max(LEAST_BATCH, n_rows // STEPS_PER_EPOCH),
        max_epochs=max(2, round(effort * EPOCHS)),
        random_state=seed,
        device="cpu",
        **{"calibration_cv": None, "lr": LEARNING_RATE, **linear, **settings},
    )
    return make_pipeline(StandardScaler(), network)


def fit_weighted(
    table: StudyTable, draw: Draw, seed: int, effort: float, power: float
) -> tuple[Score, dict[str, Any]]:
    """Train on cross-entropy with a power of the negatives per positive as the weight.

    Parameters
    ----------
    table : StudyTable
        The table.
    draw : Draw
        Its rows.
    seed : int
        Seed of the network.
    effort : float
        Share of the usual length of training.
    power : float
        The power.

    Returns
    -------
    score : callable
        Maps features to scores.
    parameters : dict
        What the measures say of it.
    """
    n_pos = int(draw.y_train.sum())
    ratio = (draw.y_train.size - n_pos) / n_pos
    model = make_network(
        table,
        draw.y_train.size,
        seed,
        effort,
        loss="binary_cross_entropy",
        class_weight={0: 1.0, 1: ratio**power},
    ).fit(draw.X_train, draw.y_train)
    return model.decision_function, {"weight power": power}


def fit_found(
    table: StudyTable, draw: Draw, seed: int, effort: float, promise: str
) -> tuple[Score, dict[str, Any]]:
    """Find a loss for a promise, and train on it or on plain cross-entropy.

    Parameters
    ----------
    table : StudyTable
        The table.
    draw : Draw
        Its rows.
    seed : int
        Seed of the network and of the search.
    effort : float
        Share of the usual length of training.
    promise : str
        Name of the figure.

    Returns
    -------
    score : callable
        Maps features to scores.
    parameters : dict
        What was found, and whether it was adopted.
    """
    from skbudget.autobalance import AutoBalanceClassifier

    # A balanced error needs probabilities, and they cost a tenth of the training rows.
    calibration = None if promise == "coverage" else "auto"
    network = make_network(table, draw.y_train.size, seed, effort, calibration_cv=calibration)
    model = AutoBalanceClassifier(
        network,
        objective=OBJECTIVES[promise],
        budget=BUDGET,
        cv=FOLDS,
        n_repeats=1,
        random_state=seed,
    ).fit(draw.X_train, draw.y_train)
    return model.decision_function, {**model.found_params_, "adopted": bool(model.adopted_)}


def fit_taken(
    table: StudyTable, draw: Draw, seed: int, effort: float, found: dict[str, Any]
) -> tuple[Score, dict[str, Any]]:
    """Train on a loss that was found but not adopted.

    Parameters
    ----------
    table : StudyTable
        The table.
    draw : Draw
        Its rows.
    seed : int
        Seed of the network.
    effort : float
        Share of the usual length of training.
    found : dict
        Parameters of the loss, and whether it was adopted.

    Returns
    -------
    score : callable
        Maps features to scores.
    parameters : dict
        The same parameters.
    """
    numbers = {name: value for name, value in found.items() if name != "adopted"}
    loss = objectives.VectorScalingCrossEntropy(**numbers)
    model = make_network(table, draw.y_train.size, seed, effort, loss=loss)
    return model.fit(draw.X_train, draw.y_train).decision_function, found


def run_method(
    table: StudyTable, draw: Draw, seed: int, method: str, effort: float = 1.0
) -> list[Measure]:
    """Train a method for each promise, and measure that promise.

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
        Share of the usual length of training.

    Returns
    -------
    measures : list of Measure
    """
    from skbudget.cli._threads import torch_threads

    rows = table, draw, seed, effort
    with torch_threads(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of few positives
        if method == "found":
            return [
                measure
                for promise in CLASSES_PROMISES
                for measure in _measures_of_found(rows, promise)
            ]
        powers = {"plain": (0.0,), "balanced": (1.0,), "tuned-weight": POWERS}[method]
        fits = [_timed(fit_weighted, *rows, power) for power in powers]
        return [_measure(rows, method, "", promise, fits) for promise in CLASSES_PROMISES]


Unit = tuple[StudyTable, Draw, int, float]
Fit = tuple[Score, dict[str, Any], float]


def _measures_of_found(rows: Unit, promise: str) -> list[Measure]:
    found = _timed(fit_found, *rows, promise)
    adopted = found[1]["adopted"]
    taken = found if adopted else _timed(fit_taken, *rows, found[1])
    return [
        _measure(rows, "found", addition, promise, [fit])
        for addition, fit in (("", found), (TAKEN, taken))
    ]


def _timed(fit: Callable[..., tuple[Score, dict[str, Any]]], *arguments: Any) -> Fit:
    # This is the processor time of one thread, which does not depend on other processes.
    start = time.process_time()
    score, parameters = fit(*arguments)
    return score, parameters, time.process_time() - start


def _measure(rows: Unit, method: str, addition: str, name: str, fits: Sequence[Fit]) -> Measure:
    """Return the figure of the fit that keeps the promise best on the validation rows."""
    table, draw, seed, effort = rows
    promise = PROMISES[name]
    valid = [Scored(draw.y_valid, np.asarray(score(draw.X_valid))) for score, _, _ in fits]
    found = [promise.judge(one, one) for one in valid]
    best = max(range(len(fits)), key=lambda k: promise.sign * found[k])
    score, parameters, seconds = fits[best]
    test = Scored(draw.y_test, np.asarray(score(draw.X_test)))
    return Measure(
        table=table.name,
        seed=seed,
        method=method,
        addition=addition,
        promise=name,
        validation=found[best],
        test=promise.judge(valid[best], test),
        seconds=seconds,
        trials=len(fits),
        effort=effort,
        n_train=draw.y_train.size,
        positives_train=int(draw.y_train.sum()),
        parameters=json.dumps(_plain(parameters), sort_keys=True),
    )


# --- report -------------------------------------------------------------------------------


def render_classes(measures: Sequence[Measure], brief: bool = False) -> str:
    """Return a table for each promise: the figures, and what the found loss gains.

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
    tables = list(dict.fromkeys(one.table for one in measures))
    peers = [name for name in METHODS if name != "found"]
    whole = [*((name, "") for name in METHODS), ("found", TAKEN)]
    parts = []
    for name in CLASSES_PROMISES:
        rows = []
        for table in tables:
            figures = Figures.of(measures, table, name)
            row = [
                table,
                figures.draws.split(" draw")[0],
                *(estimate_text(figures.mean(who)) for who in whole),
            ]
            for peer in peers:
                difference = figures.difference(("found", ""), (peer, ""))
                text = estimate_text(difference, signed=True)
                mark = {"better": "**", "worse": "*"}.get(gain_of(difference, figures.sign), "")
                row.append(f"{mark}{text}{mark}" if text else "")
            rows.append(row)
        header = [
            "table",
            "draws",
            *METHODS.values(),
            TAKEN,
            *(f"found - {METHODS[peer]}" for peer in peers),
        ]
        parts.append(f"### {PROMISES[name].label}\n\n" + markdown_table(header, rows))
    return "\n".join(parts)
