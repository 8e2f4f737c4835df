"""What a network is like where its parameters say "auto": it follows the table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

__all__ = ["AUTO", "GREATEST_DECAYS", "Settings", "choose_settings", "settings_of"]

# From so many positives on, columns are encoded. Fewer are fitted by chance through 64 weights
# for each column, and what keeps them from it (a strong decay) keeps the encoding from its use.
_POSITIVES = 500

# The first layer meets this many numbers for each encoded column. More columns than these would
# make it the greater part of the cost.
_MOST_COLUMNS = 64


class Settings(NamedTuple):
    """What a network is like, with no "auto" left.

    Attributes
    ----------
    encoding : "piecewise" or None
    hidden_layer_sizes : sequence of int
    n_members, batch_size, queue_size : int
    weight_decay, input_decay : float
    least_steps : int
        Steps to be made by a number of epochs that is "auto".
    """

    encoding: str | None
    hidden_layer_sizes: Sequence[int]
    n_members: int
    batch_size: int
    queue_size: int
    weight_decay: float
    input_decay: float
    least_steps: int


_PLAIN = Settings(None, (64, 64), 8, 4096, 8192, 0.5, 3.0, 500)
# The decay is the one that AdamW has of itself. A step of fewer rows is enough, since one in ten
# is a positive.
_ENCODED = Settings("piecewise", (256, 256), 2, 1024, 0, 0.01, 0.01, 400)

AUTO = (
    "hidden_layer_sizes",
    "n_members",
    "batch_size",
    "queue_size",
    "weight_decay",
    "input_decay",
)
"""Parameters of the estimator that may be "auto"."""

GREATEST_DECAYS = {"weight_decay": _PLAIN.weight_decay, "input_decay": _PLAIN.input_decay}


def choose_settings(estimator: Any, loss: Any, X: Any, y: NDArray, *, whole: bool) -> Settings:
    """Return what the network of a table is like.

    Parameters
    ----------
    estimator : PAUCClassifier
        The estimator, which knows its classes.
    loss : Declaration
        What its loss needs.
    X : ndarray or CSR matrix of shape (n_rows, n_features)
        The rows.
    y : ndarray of shape (n_rows,)
        Their classes, the positive one as 1, or another target.
    whole : bool
        Whether these are all rows, rather than the first of several parts.
    """
    encoding = estimator.encoding
    if encoding == "auto":
        encoding = "piecewise" if whole and _is_worth_encoding(estimator, loss, X, y) else None
    kind = _PLAIN if encoding is None else _ENCODED
    given = {name: getattr(estimator, name) for name in AUTO}
    return kind._replace(**{name: value for name, value in given.items() if not _is_auto(value)})


def _is_auto(value: Any) -> bool:
    return isinstance(value, str) and value == "auto"


def _is_worth_encoding(estimator: Any, loss: Any, X: Any, y: NDArray) -> bool:
    if not loss.is_own or estimator.module is not None or estimator.heads or issparse(X):
        return False
    if estimator.classes_.size != 2 or np.bincount(y).min() < _POSITIVES:
        return False
    # Two values need no encoding. A few rows tell most columns with more.
    few = X[: math.ceil(_POSITIVES / 2)]
    return sum(np.unique(column).size > 2 for column in few.T) <= _MOST_COLUMNS


def settings_of(estimator: Any) -> Settings:
    """Return what the network of a fit is like, see `choose_settings`."""
    settings: Settings = estimator._settings
    return settings
