"""Whole fits by the number of rows, each in a process of its own: time, and peak of the memory."""

from __future__ import annotations

import multiprocessing
import re
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ._effort import Effort
from ._results import Turns

__all__ = ["OURS", "grow"]

OURS = "rows within reach"
PEERS = {"LightGBM": "binary", "XGBoost": "binary:logistic"}
# A fit that loads code before the one that counts.
WARM_ROWS, WARM_ROUNDS = 2_000, 2


class Fit(NamedTuple):
    """What is fitted in a process: on the rows within reach, or with the booster's own loss."""

    library: str
    n_rounds: int
    n_jobs: int
    is_ours: bool


def grow(library: str, kind: str, rows: int, effort: Effort) -> Turns:
    """Measure whole fits of a booster with our objective and with its own loss.

    Parameters
    ----------
    library : {"LightGBM", "XGBoost"}
        The booster.
    kind : {"contested top", "shifted normals"}
        How the rows are drawn.
    rows : int
        Number of rows.
    effort : Effort
        Sizes.

    Returns
    -------
    turns : Turns
        Seconds of the fits, binning included, and the greatest memory of their processes.
    """
    from ._boosters import N_FEATURES
    from ._fits import POOL_POS_RATE

    names = {True: OURS, False: PEERS[library]}
    seconds: dict[bool, list[float]] = {is_ours: [] for is_ours in names}
    peaks: dict[bool, list[int]] = {is_ours: [] for is_ours in names}
    with tempfile.TemporaryDirectory() as folder:
        # What drawing needs is no part of the peak of a fit.
        _in_fresh_process(_save, Path(folder), kind, rows)
        for turn in range(effort.pairs):
            for is_ours in names if turn % 2 else reversed(names):
                fit = Fit(library, effort.growth_rounds, effort.n_jobs, is_ours)
                taken, peak = _in_fresh_process(_measure, Path(folder), fit)
                seconds[is_ours].append(taken)
                peaks[is_ours].append(peak)
    return Turns(
        part="growth",
        setting=f"{library}, {kind}, {N_FEATURES} features, {100 * POOL_POS_RATE:g} % positives",
        rows=rows,
        seconds={name: tuple(seconds[is_ours]) for is_ours, name in names.items()},
        repeats=effort.growth_rounds,
        unit="round",
        peaks={name: tuple(peaks[is_ours]) for is_ours, name in names.items()},
    )


def _in_fresh_process(function: Callable[..., Any], *arguments: Any) -> Any:
    with multiprocessing.get_context("spawn").Pool(1) as processes:
        return processes.apply(function, arguments)


def _save(folder: Path, kind: str, rows: int) -> None:
    from ._fits import _draw

    for name, values in zip("Xy", _draw(kind, rows)):
        np.save(folder / f"{name}.npy", values)


def _measure(folder: Path, fit: Fit) -> tuple[float, int]:
    """Return the seconds of a fit, and the greatest number of bytes that this process held."""
    from ._fits import _draw

    train = _train_lightgbm if fit.library == "LightGBM" else _train_xgboost
    # Code is loaded by then, the same for all that is fitted.
    few = fit._replace(n_rounds=WARM_ROUNDS)
    for is_ours in (True, False):
        train(*_draw("contested top", WARM_ROWS), few._replace(is_ours=is_ours))
    X, y = (np.load(folder / f"{name}.npy") for name in "Xy")
    start = time.perf_counter()
    train(X, y, fit)
    return time.perf_counter() - start, _peak()


def _train_lightgbm(X: NDArray[Any], y: NDArray[Any], fit: Fit) -> None:
    import lightgbm as lgb

    from skbudget.boosting import LightGBMPool, PAUCObjective

    from ._boosters import BUDGET
    from ._fits import lightgbm_settings

    settings = lightgbm_settings(fit.n_jobs)
    data = lgb.Dataset(X, y, params=settings)
    if fit.is_ours:
        pool = LightGBMPool(PAUCObjective(budget=BUDGET), X)
        params = {**settings, "objective": pool.objective}
        lgb.train(params, data, fit.n_rounds, callbacks=[pool])
    else:
        lgb.train({**settings, "objective": PEERS[fit.library]}, data, fit.n_rounds)


def _train_xgboost(X: NDArray[Any], y: NDArray[Any], fit: Fit) -> None:
    import xgboost as xgb

    from skbudget.boosting import PAUCObjective, XGBoostPool

    from ._boosters import BUDGET
    from ._fits import xgboost_settings

    settings = xgboost_settings(fit.n_jobs)
    data = xgb.QuantileDMatrix(X, y, nthread=fit.n_jobs)
    if fit.is_ours:
        pool = XGBoostPool(PAUCObjective(budget=BUDGET), X, n_rounds=fit.n_rounds)
        xgb.train(settings, data, fit.n_rounds, obj=pool.objective, callbacks=[pool])
    else:
        xgb.train({**settings, "objective": PEERS[fit.library]}, data, fit.n_rounds)


def _peak() -> int:
    """Return the greatest number of bytes that this process held at once."""
    status = Path("/proc/self/status")
    if status.exists():
        # Of this program alone: what `getrusage` says may be that of the one that started it.
        found = re.search(r"VmHWM:\s*(\d+) kB", status.read_text(encoding="ascii"))
        if found is not None:
            return 1024 * int(found[1])
    try:
        import resource
    except ImportError:  # Windows
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
