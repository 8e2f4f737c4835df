"""The lift of a band loss over cross-entropy on many tables, next to a diagnosis before training.

One row of the file is one table, one split, one budget and one basis. The diagnosis is made from
the training rows of the split alone, by one plain fit. The lift is measured on the test rows.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

from benchmarks._tidy import TidyFile
from skbudget.band import Basis
from skbudget.boosting._peers import REPEATABLE, regularised_lightgbm
from skbudget.datasets import make_contested_top, make_hard_bulk
from skbudget.metrics._ranking import budget_size, spenders_and_positives
from skbudget.model_selection.report._forecast import PILOT_TEST_SHARE, shortened
from skbudget.model_selection.report._measure import budgets_near
from skbudget.model_selection.report._models import Role, find_competitors

from ._windows import place_of_window

__all__ = ["Lift", "LiftTable", "lift_tables", "measure_table", "run_lifts", "split_table"]

BUDGETS = (0.005, 0.02, 0.001)
BASES: tuple[Basis, ...] = ("fpr", "population")
WINDOW = 2.0
MAX_ROWS = 40_000
TEST_SHARE = 0.4
# Positives are near misses up to so many budgets.
NEAR = 4.0
# The part of the rows in time order that one split uses.
TIME_WINDOW = 0.8
# With fewer negatives of the test rows in the budget, their number says little.
LEAST_BAND_NEGATIVES = 5.0

# Tables that share rows or a generator are left out together.
ORIGINS = {
    "abalone": ("abalone19", "abalone_17_vs_7_to_10", "abalone_19_vs_10_to_13"),
    "car": ("car_good", "car_very_good"),
    "chess_endgame": ("chess_endgame_sixteen", "chess_endgame_zero_one"),
    "digits": ("digits_8", "optdigits_8"),
    "fars": ("fars_possible_injury", "fars_unknown_injury", "fars_unknown_severity"),
    "flights": ("flights_late", "flights_cancelled"),
    "give_me_some_credit": ("give_me_some_credit", "rare_credit_defaults"),
    "software": ("software_pc1", "software_kc1"),
    "wine": ("wine_red_4",),
    "yeast": ("yeast4", "yeast5", "yeast6"),
}
ORIGIN_OF = {name: origin for origin, names in ORIGINS.items() for name in names}
CONTESTED, BULK = "contested tops", "hard bulk"

# The first setting is the plain one. The others are the usual first steps of a search.
SETTINGS: tuple[dict[str, Any], ...] = (
    {},
    {"num_leaves": 127},
    {"num_leaves": 7, "n_estimators": 300},
    {"min_child_samples": 5, "colsample_bytree": 0.6, "subsample": 0.7, "subsample_freq": 1},
)


class Rows(NamedTuple):
    """Features, labels, and the times of the rows or None."""

    X: NDArray
    y: NDArray[np.int64]
    time: NDArray | None


class Parts(NamedTuple):
    """The training and the test rows of a split."""

    X: NDArray
    y: NDArray[np.int64]
    X_test: NDArray
    y_test: NDArray[np.int64]


@dataclass(frozen=True)
class LiftTable:
    """A table of the comparison, and where it comes from."""

    name: str
    origin: str
    read: Callable[[], Rows]


class Coverage(NamedTuple):
    """The coverage of three models at a budget, at it and around it, and the error of the lift."""

    budget: float
    basis: Basis
    plain: float
    plain_near: float
    tuned: float
    tuned_near: float
    ours: float
    ours_near: float
    error: float


class HeldOut(NamedTuple):
    """What one plain fit on a part of the training rows says of the others.

    ``early`` are the scores of a quarter of its trees, and ``own`` those of the rows it has seen.
    """

    y: NDArray[np.int64]
    scores: NDArray
    early: NDArray
    y_own: NDArray[np.int64]
    own: NDArray


class ShortModels(NamedTuple):
    """The scores of the two models of a pilot, and their processor time over a plain fit's."""

    y: NDArray[np.int64]
    plain: NDArray
    ours: NDArray
    cost: float


@dataclass(frozen=True)
class Lift:
    """One table, split, budget and basis.

    ``plain``, ``tuned`` and ``ours`` are coverages of the test rows, those with ``near`` are means
    over budgets from half to twice the budget, and ``error`` is the standard error of
    ``ours_near - plain_near``. ``pilot`` is the lift of the short models, ``pilot_cost`` their
    processor time over that of a plain fit on all training rows. The other columns are the
    diagnosis of a plain fit.
    """

    table: str
    origin: str
    split: int
    budget: float
    basis: str
    n_train: int
    n_features: int
    positives_train: int
    positives_test: int
    plain: float
    plain_near: float
    tuned: float
    tuned_near: float
    ours: float
    ours_near: float
    error: float
    pilot: float
    pilot_error: float
    pilot_covered: float
    pilot_cost: float
    covered: float
    covered_own: float
    learnt: float
    near_misses: float
    slope: float
    auc: float
    band_auc: float


def lift_tables(folders: list[Path]) -> list[LiftTable]:
    """Return the tables of some folders and the generated ones, small and large in turn."""
    files = sorted(
        {path.stem: path for folder in folders for path in sorted(folder.glob("*.npz"))}.values(),
        key=lambda path: (path.stat().st_size, path.stem),
    )
    found = [LiftTable(p.stem, ORIGIN_OF.get(p.stem, p.stem), partial(_read, p)) for p in files]
    return [*_generated(), *found]


def _read(path: Path) -> Rows:
    with np.load(path) as archive:
        time = archive["time"] if "time" in archive.files else None
        return Rows(archive["X"], archive["y"].astype(np.int64), time)


def _generated() -> list[LiftTable]:
    contested = {
        f"{cue}_{100 * rate:g}_{100 * decoys:g}": {
            "cue": cue,
            "pos_rate": rate,
            "decoy_frac": decoys,
        }
        for cue, rate, decoys in (
            ("product", 0.005, 0.012),
            ("radial", 0.005, 0.012),
            ("linear", 0.005, 0.012),
            ("product", 0.02, 0.05),
            ("radial", 0.01, 0.03),
            ("linear", 0.02, 0.05),
        )
    }
    contested["uncontested"] = {"pos_rate": 0.005, "decoy_frac": 0.0, "easy": 3.0}
    tables = [
        LiftTable(name, CONTESTED, partial(_make, make_contested_top, geometry))
        for name, geometry in contested.items()
    ]
    bulk = partial(_make, make_hard_bulk, {"pos_rate": 0.005})
    return [*tables, LiftTable("hard_bulk", BULK, bulk)]


def _make(make: Callable[..., Any], geometry: dict[str, Any]) -> Rows:
    X, y = make(n_samples=MAX_ROWS, random_state=0, **geometry)[:2]
    return Rows(X, y, None)


def split_table(rows: Rows, seed: int) -> Parts:
    """Return the parts of a split: at random and stratified, or by time if the rows have times."""
    rng = np.random.RandomState(seed)
    if rows.time is None:
        kept = _sample(rows.y, np.arange(rows.y.size), MAX_ROWS, rng)
        train, test = train_test_split(
            kept, test_size=TEST_SHARE, stratify=rows.y[kept], random_state=seed
        )
    else:
        order = np.argsort(rows.time, kind="stable")
        window = round(TIME_WINDOW * order.size)
        room = order.size - window
        start = room - round(room * place_of_window(seed))
        inside = order[start : start + window]
        cut = round((1.0 - TEST_SHARE) * window)
        train = _sample(rows.y, inside[:cut], round((1.0 - TEST_SHARE) * MAX_ROWS), rng)
        test = _sample(rows.y, inside[cut:], round(TEST_SHARE * MAX_ROWS), rng)
    return Parts(rows.X[train], rows.y[train], rows.X[test], rows.y[test])


def _sample(
    y: NDArray, among: NDArray[np.intp], size: int, rng: np.random.RandomState
) -> NDArray[np.intp]:
    """Return a stratified sample of the rows ``among`` all, in their order."""
    if among.size <= size:
        return among
    kept = train_test_split(
        np.arange(among.size), train_size=size, stratify=y[among], random_state=rng
    )[0]
    return among[np.sort(kept)]


def measure_table(table: LiftTable, split: int) -> list[Lift]:
    """Return the rows of one split of a table."""
    parts = split_table(table.read(), split)
    found = list(measure_lifts(parts, split))
    held_out = diagnose(parts, split)
    start = time.process_time()
    regularised_lightgbm(1, split).fit(parts.X, parts.y)
    plain_seconds = time.process_time() - start
    pilots = {
        budget: run_short(parts, budget, split, plain_seconds)
        for budget in dict.fromkeys(one.budget for one in found)
    }
    return [lift_row(table, split, parts, one, held_out, pilots[one.budget]) for one in found]


def measure_lifts(parts: Parts, split: int) -> Iterator[Coverage]:
    """Train the plain, the tuned and the band model for each budget, and compare them."""
    from skbudget import PAUCLGBMClassifier

    budgets = [b for b in BUDGETS if b * np.sum(parts.y_test == 0) >= LEAST_BAND_NEGATIVES]
    plain = regularised_lightgbm(1, split)
    settings = [clone(plain).set_params(**setting) for setting in SETTINGS]
    X, X_inner, y, y_inner = _inner(parts, split)
    inner = [margins(clone(model).fit(X, y), X_inner) for model in settings]
    outer: dict[int, NDArray] = {}
    for budget in budgets:
        ours = PAUCLGBMClassifier(
            budget=budget, calibration_cv=None, random_state=split, n_jobs=1, **REPEATABLE
        ).fit(parts.X, parts.y)
        of_ours = margins(ours, parts.X_test)
        best = int(
            np.argmax([caught(y_inner, scores, budget, "fpr")[1].mean() for scores in inner])
        )
        for number in {0, best} - set(outer):
            outer[number] = margins(settings[number].fit(parts.X, parts.y), parts.X_test)
        for basis in BASES:
            of_plain, of_tuned, mine = (
                caught(parts.y_test, scores, budget, basis)
                for scores in (outer[0], outer[best], of_ours)
            )
            plain_at, tuned_at, ours_at = (
                (float(at.mean()), float(near.mean())) for at, near in (of_plain, of_tuned, mine)
            )
            gain = mine[1] - of_plain[1]
            yield Coverage(budget, basis, *plain_at, *tuned_at, *ours_at, _error(gain))


def diagnose(parts: Parts, split: int) -> HeldOut:
    """Train one plain model on a part of the training rows, and score the others."""
    X, X_inner, y, y_inner = _inner(parts, split)
    model = regularised_lightgbm(1, split).fit(X, y)
    early = margins(model, X_inner, num_iteration=model.n_estimators // 4)
    return HeldOut(y_inner, margins(model, X_inner), early, y, margins(model, X))


def run_short(parts: Parts, budget: float, split: int, plain_seconds: float) -> ShortModels:
    """Train the short models of a pilot."""
    X, X_inner, y, y_inner = _inner(parts, split)
    found = {}
    start = time.process_time()
    given: dict[Role, Any] = {"baseline": None, "candidate": None}
    for one in shortened(find_competitors(given, budget, split)):
        found[one.role] = margins(one.estimator.fit(X, y), X_inner)
    seconds = time.process_time() - start
    return ShortModels(
        y_inner, found["baseline"], found["candidate"], seconds / max(plain_seconds, 1e-9)
    )


def lift_row(
    table: LiftTable,
    split: int,
    parts: Parts,
    found: Coverage,
    held_out: HeldOut,
    short: ShortModels,
) -> Lift:
    """Put together what was found."""

    def covered(y: NDArray, scores: NDArray, times: float = 1.0) -> float:
        return float(caught(y, scores, min(times * found.budget, 1.0), found.basis)[0].mean())

    def near(y: NDArray, scores: NDArray) -> float:
        return float(caught(y, scores, found.budget, found.basis)[1].mean())

    y, scores = held_out.y, held_out.scores
    of_short = caught(short.y, short.plain, found.budget, found.basis)[1]
    gain = caught(short.y, short.ours, found.budget, found.basis)[1] - of_short
    negatives, positives = scores[y == 0], scores[y == 1]
    edge = np.quantile(negatives, 1.0 - min(NEAR * found.budget, 1.0))
    at = covered(y, scores)
    return Lift(
        table.name,
        table.origin,
        split,
        n_train=parts.y.size,
        n_features=parts.X.shape[1],
        positives_train=int(parts.y.sum()),
        positives_test=int(parts.y_test.sum()),
        **found._asdict(),
        pilot=float(gain.mean()),
        pilot_error=_error(gain),
        pilot_covered=float(of_short.mean()),
        pilot_cost=short.cost,
        covered=near(y, scores),
        covered_own=near(held_out.y_own, held_out.own),
        learnt=near(y, scores) - near(y, held_out.early),
        near_misses=covered(y, scores, NEAR) - at,
        slope=covered(y, scores, 2.0) - covered(y, scores, 0.5),
        auc=_auc(positives, negatives),
        band_auc=_auc(positives[positives >= edge], negatives[negatives >= edge]),
    )


def _inner(parts: Parts, split: int) -> list[NDArray]:
    return train_test_split(
        parts.X, parts.y, test_size=PILOT_TEST_SHARE, stratify=parts.y, random_state=split
    )


def _error(gain: NDArray) -> float:
    """Return the standard error of a lift, that of the report."""
    return float(np.sqrt(gain.var(ddof=1) / gain.size + gain.size**-2.0))


def _auc(positives: NDArray, negatives: NDArray) -> float:
    if not positives.size:
        return math.nan
    y = np.repeat([1, 0], [positives.size, negatives.size])
    return float(roc_auc_score(y, np.concatenate([positives, negatives])))


def margins(model: Any, X: NDArray, **options: Any) -> NDArray:
    """Return the scores of a classifier of LightGBM's or ours."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="X does not have valid feature names")
        if not options and hasattr(model, "decision_function"):
            return model.decision_function(X)
        return model.predict(X, raw_score=True, **options)


def caught(
    y: NDArray, scores: NDArray, budget: float, basis: Basis
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return which positives a budget catches, and at what share of the budgets around it."""
    spenders, positives = spenders_and_positives(
        y, scores, basis=basis, sample_weight=None, value=None, pos_label=1
    )

    def caught_at(one: float) -> NDArray[np.float64]:
        cut = spenders.cut(budget_size(one, spenders, basis))
        at, above = positives.scores == cut.threshold, positives.scores > cut.threshold
        return np.where(at, cut.share, above).astype(np.float64)

    near = np.mean([caught_at(one) for one in budgets_near(budget, WINDOW)], axis=0)
    return caught_at(budget), near


def run_lifts(
    folders: list[Path], path: Path, n_splits: int, minutes: float | None = None
) -> list[Lift]:
    """Measure what the file does not have yet, all tables of a split before the next split."""
    results: TidyFile[Lift] = TidyFile(
        path, Lift, lambda row: (row.table, row.split, row.budget, row.basis)
    )
    done = {(row.table, row.split) for row in results}
    start = time.monotonic()
    tables = lift_tables(folders)
    for split in range(n_splits):
        for table in tables:
            if (table.name, split) in done:
                continue
            if minutes is not None and time.monotonic() - start > 60.0 * minutes:
                return results.rows
            results.add(measure_table(table, split))
            print(f"{table.name}, split {split}", flush=True)
    return results.rows
