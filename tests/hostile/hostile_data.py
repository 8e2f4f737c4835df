"""Small valid data. All numbers are exact in float16, so that a cast changes nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

N_ROWS = 48
N_POSITIVES = 12


def labels(variant: int = 0) -> Any:
    """Return labels 0 and 1, one in four positive, in another order for each variant."""
    y = np.zeros(N_ROWS, dtype=np.int64)
    y[::4] = 1
    return np.random.default_rng(variant).permutation(y)


def scores(variant: int = 0, shift: int = 0) -> Any:
    """Return distinct scores, greater for positives on average."""
    rng = np.random.default_rng(100 + variant + shift)
    ranks = np.argsort(np.argsort(rng.normal(size=N_ROWS) + 1.5 * labels(variant)))
    return (ranks - N_ROWS // 2) / 8.0


def weights(variant: int = 0) -> Any:
    """Return weights of 1, 2 and 3."""
    return np.random.default_rng(200 + variant).integers(1, 4, N_ROWS).astype(np.float64)


def values(variant: int = 0) -> Any:
    """Return amounts at stake."""
    return np.random.default_rng(300 + variant).integers(1, 50, N_ROWS).astype(np.float64)


def table(variant: int = 0, n_features: int = 4) -> Any:
    """Return features, of which the first two tell the classes apart."""
    X = np.random.default_rng(400 + variant).normal(size=(N_ROWS, n_features))
    X[:, :2] += 1.5 * labels(variant)[:, None]
    return np.round(X * 16) / 16


def optional_columns(variant: int = 0) -> dict[str, Any]:
    """Return the columns that most callables take and do not need."""
    return {
        "sample_weight": weights(variant),
        "value": values(variant),
        "iid_mask": np.arange(N_ROWS) % 5 > 0,
    }


def in_range(low: float, high: float) -> Any:
    """Return a check that every number of an answer lies in a range."""

    def right(answer: Any, arguments: dict[str, Any]) -> str | None:
        found = np.asarray(answer, dtype=np.float64)
        if found.size and not (found.min() >= low and found.max() <= high):
            return f"{found.min()!r} to {found.max()!r} is not in [{low}, {high}]"
        return None

    return right
