"""Rows that the examples of several rooms share."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from skbudget import datasets


class Scored(NamedTuple):
    """Labels and scores of some rows, and what else may be known about them."""

    y: np.ndarray
    raw: np.ndarray
    weight: np.ndarray
    iid: np.ndarray
    value: np.ndarray


# Numbers of rows, and the share of positives among them. Each number makes the package compute in
# another way: pair by pair, on a grid, from tables over all rows, with band edges guessed first.
SIZES = {200: 0.2, 5_000: 0.05, 60_000: 0.02, 120_000: 0.01}


@cache
def scored(n_rows: int) -> Scored:
    """Return rows as arrays that cannot be written to."""
    rng = np.random.default_rng(n_rows)
    y = (rng.random(n_rows) < SIZES[n_rows]).astype(np.int64)
    rows = Scored(
        y,
        rng.normal(size=n_rows) + 1.5 * y,
        rng.choice([0.0, 0.5, 1.0, 2.0], n_rows),
        rng.random(n_rows) < 0.8,
        rng.lognormal(size=n_rows),
    )
    for column in rows:
        column.setflags(write=False)
    return rows


# What is passed on from the rows: (scores, weights, other arguments).
VARIANTS: dict[str, Callable[[Scored], tuple[np.ndarray, np.ndarray | None, dict[str, Any]]]] = {
    "plain": lambda rows: (rows.raw, None, {}),
    "float32": lambda rows: (rows.raw.astype(np.float32), None, {}),
    "ties": lambda rows: (rows.raw.round(1), None, {}),
    "apart": lambda rows: (rows.raw + 40.0 * rows.y, None, {}),
    "reversed": lambda rows: (rows.raw - 40.0 * rows.y, None, {}),
    "weight": lambda rows: (rows.raw, rows.weight, {}),
    "iid": lambda rows: (rows.raw, None, {"iid_mask": rows.iid}),
    "value": lambda rows: (rows.raw, None, {"value": rows.value}),
    "all": lambda rows: (
        rows.raw.round(1),
        rows.weight,
        {"iid_mask": rows.iid, "value": rows.value},
    ),
}


class Learnt(NamedTuple):
    """Rows to train on, and new rows to score."""

    X: np.ndarray
    y: np.ndarray
    X_new: np.ndarray
    y_new: np.ndarray
    weight: np.ndarray
    value: np.ndarray
    iid: np.ndarray


@cache
def learnt(n_rows: int = 5_000, pos_rate: float = 0.03) -> Learnt:
    """Return rows of a contested top."""
    options = {"pos_rate": pos_rate, "n_features": 10}
    X, y = datasets.make_contested_top(n_rows, random_state=0, **options)
    X_new, y_new = datasets.make_contested_top(2_000, random_state=1, **options)
    rng = np.random.default_rng(0)
    weight, value = rng.choice([0.0, 1.0, 2.0], n_rows), rng.lognormal(size=n_rows)
    return Learnt(X, y, X_new, y_new, weight, value, rng.random(n_rows) < 0.8)


def three_classes(rows: Learnt) -> np.ndarray:
    """Return labels of three classes. Two of the classes are rare."""
    return np.where(rows.y == 1, 2, (rows.X[:, 0] > 1.8).astype(int))


def columns_of(rows: Learnt, columns: tuple[str, ...]) -> dict[str, Any]:
    """Return these columns of the rows as arguments of `fit`."""
    known = {"sample_weight": rows.weight, "value": rows.value, "iid_mask": rows.iid}
    return {column: known[column] for column in columns}
