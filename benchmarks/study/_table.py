"""A table of the study: where its rows come from, and how a seed splits them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from numpy.typing import NDArray

__all__ = ["Draw", "StudyTable", "ratio_of_group"]

TEST_TRAIN_RATIO = 1.0 / 3.0
# The groups whose seeds split the rows of one table; the others draw rows anew.
SPLIT_GROUPS = frozenset({"real", "implanted", "few positives"})


def ratio_of_group(group: str) -> float:
    """Return test rows over training rows of a group's tables, by which intervals are corrected.

    It is 0 where the draws of different seeds share no rows.
    """
    return TEST_TRAIN_RATIO if group in SPLIT_GROUPS else 0.0


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
    about : str
        What it is, in a line.
    has_ceiling : bool, default=False
        Whether its draws come with scores that no model beats in expectation.
    """

    name: str
    group: str
    draw: Callable[[int], Draw]
    about: str
    has_ceiling: bool = False

    @property
    def test_train_ratio(self) -> float:
        """Test rows over training rows if draws of different seeds share rows, else 0."""
        return ratio_of_group(self.group)
