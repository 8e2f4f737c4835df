"""A table of the study: where its rows come from, and how a seed splits them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from numpy.typing import NDArray

__all__ = ["Draw", "StudyTable"]


class Draw(NamedTuple):
    """One seed's rows: to train on, to choose by, and to report on.

    Features are arrays of floats of shape (n_samples, n_features) in which NaN is a
    missing value, labels 0 and 1. ``ceiling`` are scores of the test rows that no
    model beats in expectation, where they are known.
    """

    X_train: NDArray
    y_train: NDArray
    X_valid: NDArray
    y_valid: NDArray
    X_test: NDArray
    y_test: NDArray
    ceiling: NDArray | None = None


@dataclass(frozen=True)
class StudyTable:
    """A table of the study.

    Parameters
    ----------
    name : str
        Name in files and on the command line.
    group : str
        Which tables it is reported with.
    draw : callable
        ``draw(seed)`` returns a `Draw`, the same one for the same seed.
    test_train_ratio : float
        Test rows over training rows if the draws of different seeds share rows, 0 if
        they do not; it corrects intervals over seeds.
    about : str
        What it is, in a line.
    has_ceiling : bool, default=False
        Whether its draws come with scores that no model beats in expectation.
    """

    name: str
    group: str
    draw: Callable[[int], Draw]
    test_train_ratio: float
    about: str
    has_ceiling: bool = False
