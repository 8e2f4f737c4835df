"""The forecast of the adoption report: its line through measured lifts, and how good it is."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.stats import norm, rankdata

from skbudget.model_selection.report._forecast import FittedForecast, shrunk

from ._lifts import BULK, CONTESTED, Lift

__all__ = ["Cells", "answerable", "fit_line", "forecast_left_out", "render_forecast", "to_cells"]

MIN_LIFT = 0.02
# Each end of an interval holds with this confidence, as in the report.
CONFIDENCE = 0.95
# A cell is certain if the standard error of its lift is less than this.
CERTAIN = 0.02
FEWEST_CELLS = 3

Feature = Callable[[Sequence[Lift]], NDArray[np.float64]]


def _column(name: str) -> Feature:
    return lambda rows: np.array([getattr(row, name) for row in rows], dtype=np.float64)


def _evidence(rows: Sequence[Lift]) -> NDArray[np.float64]:
    return shrunk(_column("pilot")(rows), _column("pilot_error")(rows))


# What one plain fit says, beside what the two short ones do.
DIAGNOSES: dict[str, Feature] = {
    "positives missed": lambda rows: 1.0 - _column("covered")(rows),
    "near misses (caught by four budgets)": _column("near_misses"),
    "slope of the ROC curve at the budget": _column("slope"),
    "gained by the last three quarters of the trees": _column("learnt"),
    "training rows covered, less held-out ones": lambda rows: (
        _column("covered_own")(rows) - _column("covered")(rows)
    ),
    "AUC": _column("auc"),
    "AUC among the rows of four budgets": lambda rows: np.nan_to_num(
        _column("band_auc")(rows), nan=0.5
    ),
    "log of the number of positives": lambda rows: np.log(_column("positives_train")(rows)),
    "log of the positive rate over the budget": lambda rows: np.log(
        _column("positives_train")(rows) / _column("n_train")(rows) / _column("budget")(rows)
    ),
    "log of the number of features": lambda rows: np.log(_column("n_features")(rows)),
}


def answerable(rows: Sequence[Lift]) -> list[Lift]:
    """Leave out positives as common as the budget: the report needs no forecast for them."""
    return [
        row for row in rows if row.basis == "fpr" or row.positives_train < row.budget * row.n_train
    ]


def _lifts(rows: Sequence[Lift]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    lift = np.array([row.ours_near - row.plain_near for row in rows])
    return lift, np.array([row.error for row in rows])


def fit_line(rows: Sequence[Lift], date: str = "") -> FittedForecast:
    """Fit the line of the forecast, and how far lifts spread around it, by likelihood."""
    lift, error = _lifts(rows)
    line, spread = _fit(_evidence(rows)[:, None], lift, error)
    tables = len({row.table for row in rows})
    return FittedForecast(float(line[0]), float(line[1]), spread, tables, date)


def _fit(X: NDArray, lift: NDArray, error: NDArray) -> tuple[NDArray, float]:
    """Return the coefficients, the constant first, and the spread of the lifts around the plane."""
    design = np.column_stack([np.ones(len(lift)), X])

    def solve(spread: float) -> NDArray:
        root = 1.0 / np.sqrt(error**2 + spread**2)
        return np.linalg.lstsq(design * root[:, None], lift * root, rcond=None)[0]

    def unlikely(spread: float) -> float:
        variance = error**2 + spread**2
        return float(np.sum(np.log(variance) + (lift - design @ solve(spread)) ** 2 / variance))

    spread = float(minimize_scalar(unlikely, bounds=(1e-4, 0.2), method="bounded").x)
    return solve(spread), spread


def forecast_left_out(
    rows: Sequence[Lift], features: Sequence[Feature] = (_evidence,)
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the forecast of each row and its spread, fitted to the tables of other origins."""
    lift, error = _lifts(rows)
    X = np.column_stack([feature(rows) for feature in features])
    origin = np.array([row.origin for row in rows])
    found, spreads = np.empty(len(rows)), np.empty(len(rows))
    for one in np.unique(origin):
        out = origin == one
        line, spreads[out] = _fit(X[~out], lift[~out], error[~out])
        found[out] = line[0] + X[out] @ line[1:]
    return found, spreads


class Cells(NamedTuple):
    """Means over the splits of a table, at a budget and on a basis."""

    table: NDArray
    forecast: NDArray[np.float64]
    spread: NDArray[np.float64]
    lift: NDArray[np.float64]
    error: NDArray[np.float64]

    @property
    def weight(self) -> NDArray[np.float64]:
        """What a cell counts for: lifts that are known well count for more."""
        return 1.0 / (self.error**2 + np.median(self.spread) ** 2)

    def of(self, chosen: NDArray) -> Cells:
        """Return some of the cells."""
        return Cells(*(part[chosen] for part in self))


def to_cells(
    rows: Sequence[Lift], forecast: NDArray, spread: NDArray, against: str = "plain"
) -> Cells:
    """Average over splits. The error of a mean takes the splits for independent."""
    groups: dict[tuple[str, float, str], list[int]] = {}
    for number, row in enumerate(rows):
        groups.setdefault((row.table, row.budget, row.basis), []).append(number)
    lift = np.array([row.ours_near - getattr(row, f"{against}_near") for row in rows])
    error = _lifts(rows)[1]
    members = list(groups.values())
    return Cells(
        np.array([key[0] for key in groups]),
        np.array([forecast[found].mean() for found in members]),
        np.array([spread[found].mean() for found in members]),
        np.array([lift[found].mean() for found in members]),
        np.array([math.sqrt(np.mean(error[found] ** 2) / len(found)) for found in members]),
    )


def _each_pilot(rows: Sequence[Lift], forecast: NDArray, spread: NDArray, cells: Cells) -> Cells:
    """Return the forecast of each split beside the mean lift over splits."""
    names = list(dict.fromkeys((row.table, row.budget, row.basis) for row in rows))
    of = np.array([names.index((row.table, row.budget, row.basis)) for row in rows])
    return cells.of(of)._replace(forecast=forecast, spread=spread)


def _weighted(one: NDArray, other: NDArray, weight: NDArray) -> float:
    spread = np.cov(np.vstack([one, other]), aweights=weight)
    scale = math.sqrt(spread[0, 0] * spread[1, 1])
    return float(spread[0, 1] / scale) if scale > 0.0 else math.nan


def _slope(cells: Cells) -> float:
    spread = np.cov(np.vstack([cells.forecast, cells.lift]), aweights=cells.weight)
    return float(spread[0, 1] / spread[0, 0])


def _share(found: NDArray[np.bool_]) -> str:
    return f"{found.sum()} of {found.size}" + (f" ({found.mean():.0%})" if found.size else "")


def _line(name: str, cells: Cells) -> str:
    keep = cells.forecast < MIN_LIFT
    certain = cells.error < CERTAIN
    small = cells.lift < MIN_LIFT
    half = norm.ppf(CONFIDENCE) * np.sqrt(cells.spread**2 + cells.error**2)
    within = np.abs(cells.lift - cells.forecast) <= half
    ranks = _weighted(rankdata(cells.forecast), rankdata(cells.lift), np.ones(keep.size))
    columns = [
        name,
        str(keep.size),
        f"{_weighted(cells.forecast, cells.lift, cells.weight):.2f}, {ranks:.2f}",
        f"{_slope(cells):.2f}",
        f"{np.average(cells.forecast, weights=cells.weight):+.3f}, "
        f"{np.average(cells.lift, weights=cells.weight):+.3f}",
        f"{within.mean():.0%}",
        _share(small[keep]),
        _share(small[keep & certain]),
        _share(~small[~keep]),
        f"{small.mean():.0%}",
    ]
    return "| " + " | ".join(columns) + " |"


HEADER = """\
| cells | number | correlation, of ranks | slope | means, forecast and measured | \
in the 90 % interval | keep was right | of certain cells | measure was right | lift below 0.02 |
|---|---|---|---|---|---|---|---|---|---|"""


def render_forecast(rows: Sequence[Lift], date: str) -> str:
    """Return how good the forecast is, as Markdown, and the line that is stored in the package."""
    asked = answerable(rows)
    forecast, spread = forecast_left_out(asked)
    cells = to_cells(asked, forecast, spread)
    origins = np.array([row.origin for row in asked])
    origin_of = dict(zip([row.table for row in asked], origins))
    public = np.array([origin_of[table] not in (CONTESTED, BULK) for table in cells.table])
    basis = np.array([row.basis for row in _first_of_cells(asked)])
    of_cells = {
        "all, means of the pilots of the splits": cells,
        "all, each pilot by itself": _each_pilot(asked, forecast, spread, cells),
        **{f"basis {one}": cells.of(basis == one) for one in ("fpr", "population")},
        "public tables": cells.of(public),
        "public tables without aloi": cells.of(public & (cells.table != "aloi")),
        "lift over the tuned LightGBM": to_cells(asked, forecast, spread, "tuned"),
    }
    lines = [
        HEADER,
        *(_line(name, one) for name, one in of_cells.items() if one.table.size >= FEWEST_CELLS),
        "",
        "| from one plain fit | correlation with the lift |",
        "|---|---|",
    ]
    flat = np.full(len(asked), float(np.median(spread)))
    for name, feature in DIAGNOSES.items():
        one = to_cells(asked, feature(asked), flat)
        lines.append(f"| {name} | {_weighted(one.forecast, one.lift, one.weight):+.2f} |")
    every = to_cells(asked, forecast_left_out(asked, tuple(DIAGNOSES.values()))[0], flat)
    lines.append(
        f"| all of them, fitted without the table's origin | "
        f"{_weighted(every.forecast, every.lift, every.weight):+.2f} |"
    )
    costs = [row.pilot_cost for row in asked if not math.isnan(row.pilot_cost)]
    found = fit_line(asked, date)
    return "\n".join(
        [
            *lines,
            "",
            f"{len({row.table for row in rows})} tables of {len(set(origins))} origins, "
            f"{1 + max(row.split for row in rows)} splits.",
            f"Processor time of the pilot over that of a plain fit: median {np.median(costs):.2f}, "
            f"less than 1 in {np.mean(np.array(costs) < 1.0):.0%}.",
            "",
            f"FITTED = FittedForecast(base={found.base:.4f}, slope={found.slope:.3f}, "
            f"spread={found.spread:.4f}, n_tables={found.n_tables}, date={date!r})",
        ]
    )


def _first_of_cells(rows: Sequence[Lift]) -> list[Lift]:
    first: dict[tuple[str, float, str], Lift] = {}
    for row in rows:
        first.setdefault((row.table, row.budget, row.basis), row)
    return list(first.values())
