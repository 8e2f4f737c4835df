"""A table of the study, and the rows that it draws for a seed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from numpy.typing import NDArray

from ._windows import ratio_of_windows

__all__ = ["BY_TIME", "Draw", "StudyTable", "ratio_of_group", "tests_a_third"]

TEST_TRAIN_RATIO = 1.0 / 3.0
# Seeds of these groups split the rows of one table: at random, or by time. Seeds of other
# groups draw new rows.
SPLIT_GROUPS = frozenset({"real", "implanted", "few positives"})
BY_TIME = {"real": "real by time", "few positives": "few positives by time"}
TIME_GROUPS = frozenset(BY_TIME.values())


def tests_a_third(group: str) -> bool:
    """Return whether a draw of the group has a third as many test rows as training rows."""
    return group in SPLIT_GROUPS or group in TIME_GROUPS


def ratio_of_group(group: str, seeds: Iterable[int]) -> float:
    """Return the ratio that corrects the interval of a mean over seeds of a table.

    It is the ratio of test rows to training rows if seeds split the rows at random. If they
    split them by time, it follows from the overlap of their windows. It is 0 if the draws of
    different seeds share no rows.
    """
    if group in TIME_GROUPS:
        return ratio_of_windows(tuple(sorted(seeds)))
    return TEST_TRAIN_RATIO if group in SPLIT_GROUPS else 0.0


class Draw(NamedTuple):
    """The training, validation and test rows of one seed.

    Features are arrays of floats of shape (n_samples, n_features), in which NaN is a
    missing value. Labels are 0 and 1. ``ceiling`` has scores of the test rows that no model
    beats in expectation, if they are known.
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
        Name of the group of tables that it is reported with.
    draw : callable
        ``draw(seed)`` returns a `Draw`. The same seed gives the same draw.
    about : str
        Description in one line.
    has_ceiling : bool, default=False
        Whether its draws have scores that no model beats in expectation.
    notes : tuple of str, default=()
        What was prepared in the file that it is read from.
    """

    name: str
    group: str
    draw: Callable[[int], Draw]
    about: str
    has_ceiling: bool = False
    notes: tuple[str, ...] = ()

    def test_train_ratio(self, seeds: Iterable[int]) -> float:
        """Return the ratio that corrects the interval of a mean over these seeds."""
        return ratio_of_group(self.group, seeds)
