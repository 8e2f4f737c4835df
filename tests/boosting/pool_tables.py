"""Tables that the pools of both boosters are tried on: rows, labels, and what goes with them."""

from __future__ import annotations

import numpy as np

from skbudget import make_contested_top


def contested():
    X, y = make_contested_top(12_000, pos_rate=0.005, random_state=0)
    return X, y, {}


def tied():
    """Few distinct rows, so that every score is that of many."""
    X, y, _ = contested()
    return np.floor(X), y, {}


def weighted():
    X, y, _ = contested()
    weight = np.random.default_rng(1).integers(0, 4, y.size) + np.where(y == 1, 1.0, 0.0)
    return X, y, {"weight": weight}


def hurting():
    """Negatives of the bulk that only late trees tell from positives, and lift up."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(12_000, 4))
    y = np.zeros(12_000, dtype=int)
    y[:100] = 1
    X[:60, 0] += 6.0
    # The other positives are in a corner of the bulk, with as many negatives.
    X[60:140, 1:] = 2.0 + 0.3 * X[60:140, 1:]
    X[140:4_000, 0] += 3.0
    return X, y, {}


TABLES = {"contested": contested, "ties": tied, "weights": weighted, "late risers": hurting}
