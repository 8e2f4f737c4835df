"""Default settings of the commands. They have a module of their own to keep ``--help`` fast."""

from __future__ import annotations

__all__ = [
    "BUDGETS",
    "CUES",
    "DEFAULT_BUDGET",
    "DEFAULT_DRAWS",
    "DEFAULT_FOLDS",
    "DEFAULT_REPEATS",
    "DEFAULT_TEST_ROWS",
    "DEFAULT_TRAIN_ROWS",
    "FULL_TEST_ROWS",
    "FULL_TRAIN_ROWS",
    "QUICK_DRAWS",
    "QUICK_REPEATS",
    "QUICK_TEST_ROWS",
    "QUICK_TRAIN_ROWS",
    "default_budget",
]

CUES = ("linear", "product", "radial")

DEFAULT_BUDGET = 0.005
BUDGETS = {"mammography": 0.03}

DEFAULT_DRAWS = 4
DEFAULT_TRAIN_ROWS, DEFAULT_TEST_ROWS = 100_000, 200_000
FULL_TRAIN_ROWS, FULL_TEST_ROWS = 150_000, 300_000

DEFAULT_REPEATS, DEFAULT_FOLDS = 5, 3

# If no table is named: about a minute on two free processors.
QUICK_DRAWS = 4
QUICK_TRAIN_ROWS, QUICK_TEST_ROWS = 40_000, 100_000
QUICK_REPEATS = 1


def default_budget(name: str) -> float:
    """Return the default review budget for a data set.

    It is half a percent, as everywhere in this package. For mammography it is 3 %: 2.3 %
    of its rows are positive, and 3 % is the smallest round budget that can hold them.
    """
    return BUDGETS.get(name, DEFAULT_BUDGET)
