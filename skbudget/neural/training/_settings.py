"""What a network is like where its parameters say "auto": it follows the table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

__all__ = [
    "AUTO",
    "GREATEST_DECAYS",
    "Settings",
    "check_encoding",
    "choose_settings",
    "may_encode",
    "settings_of",
]

# With fewer rows of a class than these a difference would have to be very great to be sure.
_LEAST_ROWS = 300

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
    least_passes, least_steps : int
        Passes, and steps, to be made by a number of epochs that is "auto".
    """

    encoding: str | None
    hidden_layer_sizes: Sequence[int]
    n_members: int
    batch_size: int
    queue_size: int
    weight_decay: float
    input_decay: float
    least_passes: int
    least_steps: int


_PLAIN = Settings(None, (64, 64), 8, 4096, 8192, 0.5, 3.0, 15, 500)
# The decay is the one that AdamW has of itself. A step of fewer rows is enough, since one in ten
# is a positive.
_ENCODED = Settings("piecewise", (256, 256), 2, 1024, 0, 0.01, 0.01, 15, 400)

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


def choose_settings(estimator: Any, encoding: str | None) -> Settings:
    """Return what the network of a fit is like.

    Parameters
    ----------
    estimator : PAUCClassifier
        The estimator.
    encoding : "piecewise" or None
        What became of its parameter.
    """
    kind = _PLAIN if encoding is None else _ENCODED
    given = {name: getattr(estimator, name) for name in AUTO}
    if estimator._n_steps is not None:
        kind = kind._replace(least_passes=1, least_steps=estimator._n_steps)
    return kind._replace(**{name: value for name, value in given.items() if not _is_auto(value)})


def _is_auto(value: Any) -> bool:
    return isinstance(value, str) and value == "auto"


def check_encoding(estimator: Any, X: Any) -> None:
    """Refuse an encoding that was asked for where there can be none.

    Raises
    ------
    ValueError
        For sparse rows, heads, or a module of the user's own.
    """
    if estimator.encoding != "piecewise":
        return
    remedies = {
        "sparse rows": ("pass X as a dense array", issparse(X)),
        "heads": ("leave the heads out", bool(estimator.heads)),
        "a module of your own": ("leave the module out", estimator.module is not None),
    }
    for reason, (remedy, holds) in remedies.items():
        if holds:
            raise ValueError(
                f"encoding='piecewise' of {type(estimator).__name__} is not for {reason}: "
                f"{remedy}, or pass encoding=None."
            )


def may_encode(estimator: Any, loss: Any, X: Any, y: NDArray, columns: Any) -> bool:
    """Return whether it is worth a try to encode the columns of a table.

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
    columns : collection of str
        Names of what else is known about the rows.
    """
    if estimator.net_params or "group" in columns:
        return False
    if not loss.is_own or estimator.module is not None or estimator.heads or issparse(X):
        return False
    if estimator.classes_.size != 2 or np.bincount(y).min() < _LEAST_ROWS:
        return False
    # Two values need no encoding. A few rows tell most columns with more.
    few = X[:_LEAST_ROWS]
    return sum(np.unique(column).size > 2 for column in few.T) <= _MOST_COLUMNS


def settings_of(estimator: Any) -> Settings:
    """Return what the network of a fit is like; before any fit, what a plain one would be like."""
    settings: Settings | None = getattr(estimator, "_settings", None)
    return choose_settings(estimator, None) if settings is None else settings
