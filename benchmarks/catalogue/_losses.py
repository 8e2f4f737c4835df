"""Coverage at three budgets of every loss that takes two labels, beside tuned peers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks._markdown import estimate_text, markdown_table
from benchmarks.promises._measure import Measure
from benchmarks.promises._tables import LINEAR, classes_tables
from benchmarks.study import Contender, Draw, Effort, StudyTable, run_unit
from benchmarks.study._table import TEST_TRAIN_RATIO
from skbudget._utils.statistics import Estimate, t_interval

from ._contenders import BOOSTER, NETWORK, PEERS, contenders

__all__ = ["BUDGETS", "losses_tables", "promise_of", "render_losses", "run_loss"]

BUDGETS = (0.001, 0.005, 0.02)
BASIS = "fpr"
TREE_TRIALS, NETWORK_TRIALS, PEER_NETWORK_TRIALS = 3, 2, 3
QUICK_TRIALS = 2


def promise_of(budget: float) -> str:
    """Return the name of coverage at a budget in the file of results."""
    return f"coverage-{budget:g}"


def losses_tables(quick: bool = False) -> list[StudyTable]:
    """Return three contested tops, and real tables.

    Parameters
    ----------
    quick : bool, default=False
        Whether to return smaller ones, for a first look.

    Returns
    -------
    tables : list of StudyTable
        The real ones are mammography and what the folder of ``SKBUDGET_DATA`` holds.
    """
    return [table for table in classes_tables(quick) if table.group != LINEAR]


def run_loss(
    table: StudyTable, draw: Draw, seed: int, method: str, effort: float = 1.0
) -> list[Measure]:
    """Train all trials of a loss or of a peer, and measure for each budget the best of them.

    Parameters
    ----------
    table : StudyTable
        The table.
    draw : Draw
        Its rows.
    seed : int
        Number of the draw.
    method : str
        Name of the loss, after the model that is trained on it, or of the peer.
    effort : float, default=1.0
        Share of the usual length of training. Below 1 there are fewer trials, too.

    Returns
    -------
    measures : list of Measure
    """
    contender = contenders()[method]
    work = Effort(
        budgets=BUDGETS,
        tree_trials=TREE_TRIALS if effort == 1.0 else QUICK_TRIALS,
        network_trials=_network_trials(contender) if effort == 1.0 else QUICK_TRIALS,
        search_rows=draw.y_train.size,
        training=effort,
    )
    return [
        Measure(
            table=table.name,
            seed=seed,
            method=method,
            addition="",
            promise=promise_of(one.budget),
            validation=one.validation,
            test=one.test,
            seconds=one.search_seconds,
            trials=one.trials,
            effort=effort,
            n_train=one.n_train,
            positives_train=one.positives_train,
            parameters=one.parameters,
        )
        for one in run_unit(table, draw, seed, contender, work)
        if one.basis == BASIS
    ]


def _network_trials(contender: Contender) -> int:
    return PEER_NETWORK_TRIALS if contender.role == "peer" else NETWORK_TRIALS


# --- report ---------------------------------------------------------------------------------


Cell = tuple[str, float]
Tests = Mapping[str, Mapping[Cell, Mapping[int, float]]]
"""The figure on the test rows, by method, table and budget, and seed."""


def _tests_of(measures: Sequence[Measure]) -> dict[str, dict[Cell, dict[int, float]]]:
    budgets = {promise_of(budget): budget for budget in BUDGETS}
    found: dict[str, dict[Cell, dict[int, float]]] = {}
    for one in measures:
        cell = (one.table, budgets[one.promise])
        found.setdefault(one.method, {}).setdefault(cell, {})[one.seed] = one.test
    return found


def render_losses(measures: Sequence[Measure], brief: bool = False) -> str:
    """Return the table of all losses, best first.

    Parameters
    ----------
    measures : sequence of Measure
        The results.
    brief : bool, default=False
        Whether to leave out the tables with intervals, one for each table of rows.

    Returns
    -------
    text : str
    """
    tests = _tests_of(measures)
    tables = list(dict.fromkeys(one.table for one in measures))
    seeds = sorted({one.seed for one in measures})
    best = _best_peers(tests, tables)
    order = sorted(tests, key=lambda name: -_mean_over(tests[name], tables, 0.005))
    header = [
        "loss",
        "model",
        *tables,
        f"mean at {0.005:.1%}",
        "over the best peer",
    ]
    rows = []
    for name in order:
        row = [_label(name), _model(name)]
        row += [" / ".join(_cell(tests, name, (t, b), best) for b in BUDGETS) for t in tables]
        row += [
            f"{_mean_over(tests[name], tables, 0.005):.3f}",
            "" if name in _PEER_NAMES else _over_peer(tests, name, tables, best),
        ]
        rows.append(row)
    about = f"{len(seeds)} seed{'s' * (len(seeds) != 1)}, coverage at 0.1 / 0.5 / 2 %\n\n"
    parts = [about + markdown_table(header, rows)]
    if not brief:
        parts += [_with_intervals(tests, table, order) for table in tables]
    return "\n".join(parts)


_PEER_NAMES = frozenset(one.name for one in PEERS)


def _label(name: str) -> str:
    if name in _PEER_NAMES:
        return f"peer: {contenders()[name].label}"
    return f"`{name.partition(':')[2]}`"


def _model(name: str) -> str:
    if name in _PEER_NAMES:
        family = contenders()[name].family
        return {"trees": "trees", "network": "network", "both": "linear"}[family]
    return {BOOSTER: "trees", NETWORK: "network"}[name.partition(":")[0]]


def _best_peers(tests: Tests, tables: Sequence[str]) -> dict[Cell, str]:
    """Return the best peer of each cell, chosen on the test rows, in its favour."""
    found = {}
    for table in tables:
        for budget in BUDGETS:
            measured = [name for name in _PEER_NAMES if tests.get(name, {}).get((table, budget))]
            if measured:
                found[table, budget] = max(
                    sorted(measured), key=lambda name: _mean(tests[name][table, budget])
                )
    return found


def _mean(values: Mapping[int, float]) -> float:
    return float(np.mean(list(values.values())))


def _mean_over(
    figures: Mapping[Cell, Mapping[int, float]], tables: Sequence[str], budget: float
) -> float:
    found = [_mean(figures[table, budget]) for table in tables if (table, budget) in figures]
    return float(np.mean(found)) if found else math.nan


def _differences(tests: Tests, name: str, cell: Cell, best: Mapping[Cell, str]) -> dict[int, float]:
    mine = tests[name].get(cell, {})
    theirs = tests[best[cell]][cell] if cell in best else {}
    return {seed: mine[seed] - theirs[seed] for seed in sorted(mine.keys() & theirs.keys())}


def _interval(values: Sequence[float]) -> Estimate:
    # Seeds of real tables share rows. The wider interval is taken for all tables.
    return t_interval(list(values), test_train_ratio=TEST_TRAIN_RATIO)


def _mark(found: Estimate) -> str:
    return "**" if found.low > 0.0 else "*" if found.high < 0.0 else ""


def _cell(tests: Tests, name: str, cell: Cell, best: Mapping[Cell, str]) -> str:
    """Return a mean: bold if it is over the best peer for sure, italic if it is below it."""
    values = tests[name].get(cell)
    if not values:
        return "-"
    text = f"{_mean(values):.3f}"
    differences = _differences(tests, name, cell, best)
    if name in _PEER_NAMES or len(differences) < 2:
        return text
    mark = _mark(_interval(list(differences.values())))
    return f"{mark}{text}{mark}"


def _over_peer(tests: Tests, name: str, tables: Sequence[str], best: Mapping[Cell, str]) -> str:
    """Return the mean difference at 0.5 % over all tables, with its interval over seeds."""
    by_seed: dict[int, list[float]] = {}
    for table in tables:
        for seed, difference in _differences(tests, name, (table, 0.005), best).items():
            by_seed.setdefault(seed, []).append(difference)
    whole = [float(np.mean(found)) for found in by_seed.values() if len(found) == len(tables)]
    if not whole:
        return ""
    found = _interval(whole)
    mark = _mark(found) if math.isfinite(found.half_width) else ""
    return f"{mark}{estimate_text(found, signed=True)}{mark}"


def _with_intervals(tests: Tests, table: str, order: Sequence[str]) -> str:
    rows = [
        [
            _label(name),
            _model(name),
            *(
                estimate_text(_interval(list(tests[name].get((table, budget), {}).values())))
                if tests[name].get((table, budget))
                else ""
                for budget in BUDGETS
            ),
        ]
        for name in order
    ]
    header = ["loss", "model", *(f"{budget:.1%}" for budget in BUDGETS)]
    return f"### {table}\n\n" + markdown_table(header, rows)
