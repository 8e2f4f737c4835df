"""Which loss for which promise: every method, tuned for each of four promises by itself."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

from benchmarks._markdown import estimate_text, markdown_table
from benchmarks.study import Draw, Setting, StudyTable, propose
from benchmarks.study._search import _plain

from ._contenders import WHICH
from ._figures import Figures, gain_of
from ._measure import Measure
from ._promises import PROMISES, Scored
from ._recall import CEILING, measure_best_scores

__all__ = ["PEERS", "WHICH_PROMISES", "render_which", "run_contender"]

WHICH_PROMISES = ("coverage", "fpr-at-95", "balanced-error", "significance")
TRIALS, QUICK_TRIALS = 6, 2
PEERS = tuple(name for name, one in WHICH.items() if one.role == "peer")


def run_contender(
    table: StudyTable, draw: Draw, seed: int, method: str, effort: float = 1.0
) -> list[Measure]:
    """Train all trials of a method, and measure for each promise the one that is best for it.

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
        Share of the usual length of training. Below 1 there are fewer trials, too.

    Returns
    -------
    measures : list of Measure
    """
    if method == CEILING:
        return measure_best_scores(table, draw, seed, WHICH_PROMISES, effort)
    contender = WHICH[method]
    proposed = propose(contender, TRIALS if effort == 1.0 else QUICK_TRIALS, seed)
    setting = Setting(random_state=seed, n_jobs=1, effort=effort)
    fits = []
    for parameters in proposed:
        # This is the processor time of one thread, which does not depend on other processes.
        start = time.process_time()
        score = contender.fit(parameters, draw.X_train, draw.y_train, setting)
        seconds = time.process_time() - start
        fits.append((parameters, Scored(draw.y_valid, score(draw.X_valid)), score, seconds))
    tests: dict[int, Scored] = {}
    measures = []
    for name in WHICH_PROMISES:
        promise = PROMISES[name]
        found = [promise.judge(valid, valid) for _, valid, _, _ in fits]
        best = max(range(len(fits)), key=lambda k: promise.sign * found[k])
        parameters, valid, score, seconds = fits[best]
        if best not in tests:
            tests[best] = Scored(draw.y_test, score(draw.X_test))
        measures.append(
            Measure(
                table=table.name,
                seed=seed,
                method=method,
                addition="",
                promise=name,
                validation=found[best],
                test=promise.judge(valid, tests[best]),
                seconds=seconds,
                trials=len(fits),
                effort=effort,
                n_train=draw.y_train.size,
                positives_train=int(draw.y_train.sum()),
                parameters=json.dumps(_plain(parameters), sort_keys=True),
            )
        )
    return measures


# --- report -------------------------------------------------------------------------------


def render_which(measures: Sequence[Measure], brief: bool = False) -> str:
    """Return the table of all methods and promises, and the best of each promise.

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
    return "\n".join([*(_of_table(measures, table) for table in tables), _best(measures, tables)])


def _of_table(measures: Sequence[Measure], table: str) -> str:
    """Return the figures of all methods. In bold: better than the best peer, for sure."""
    figures = [Figures.of(measures, table, name) for name in WHICH_PROMISES]
    rivals = [best_of(one, PEERS) for one in figures]
    rows = []
    for name in (*WHICH, CEILING):
        who = name, ""
        if who not in figures[0].tests:
            continue
        row = [WHICH[name].label if name in WHICH else "best possible"]
        for one, rival in zip(figures, rivals):
            text = estimate_text(one.mean(who))
            if rival is not None and name in WHICH and name not in PEERS:
                gain = gain_of(one.difference(who, (rival, "")), one.sign)
                mark = {"better": "**", "worse": "*"}.get(gain, "")
                text = f"{mark}{text}{mark}"
            row.append(text)
        rows.append(row)
    header = ["method", *(PROMISES[name].label for name in WHICH_PROMISES)]
    return f"### {table}, {figures[0].draws}\n\n" + markdown_table(header, rows)


def _best(measures: Sequence[Measure], tables: Sequence[str]) -> str:
    """Return the best method and the best peer of each promise, and their paired difference."""
    ours = [name for name in WHICH if name not in PEERS]
    rows = []
    for name in WHICH_PROMISES:
        for table in tables:
            figures = Figures.of(measures, table, name)
            mine, theirs = best_of(figures, ours), best_of(figures, PEERS)
            if mine is None or theirs is None:
                continue
            rows.append(
                [
                    PROMISES[name].label,
                    table,
                    WHICH[mine].label,
                    estimate_text(figures.mean((mine, ""))),
                    WHICH[theirs].label,
                    estimate_text(figures.difference((mine, ""), (theirs, "")), signed=True),
                ]
            )
    header = ["promise", "table", "best of ours", "figure", "best peer", "difference"]
    return "### The best by promise\n\n" + markdown_table(header, rows)


def best_of(figures: Figures, names: Sequence[str]) -> str | None:
    """Return the method with the best mean on the test rows, or None if there is none."""
    measured = [name for name in names if (name, "") in figures.tests]
    return max(
        measured, key=lambda name: figures.sign * figures.mean((name, "")).mean, default=None
    )
