"""The tables, and the rows that each of them draws for a seed.

Training and validation rows have positives as rare as said. The generated test rows have as many
positives as negatives, as published: all figures are made of true and false positive rates, which
do not depend on the rate of positives, and more positives make them exact.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from benchmarks.study import Draw, StudyTable
from skbudget import datasets

__all__ = [
    "GeneratedDraw",
    "MammographyDraw",
    "recall_tables",
    "which_tables",
]

# The tables of tests and pages have smaller seeds, and those of the study others.
FIRST_SEED = 50_000

HARD_BULK = {"mu_bulk": 0.37, "mu_contest": 0.47}
CRITICAL, ORDINARY = 45, 4_500
HIDDEN, AROUND = 200, 20_000
N_TEST = 40_000
CONTESTED = (120, 40_000)
MELANOMA_RATIO, MAMMOGRAPHY_POSITIVES = 170, 38

QUICK_DIVISOR = 4


@dataclass(frozen=True)
class GeneratedDraw:
    """Draws rows by a generator of the package.

    Parameters
    ----------
    make : str
        Name of the generator in `skbudget.datasets`.
    positives, negatives : int
        Numbers of training rows, and of validation rows.
    n_test : int
        Number of test rows. Half of them are positives.
    options : tuple of (str, value), default=()
        Parameters of the generator.
    ceiling : str, default=None
        Name of the function of `skbudget.datasets` with the best possible scores.
    """

    make: str
    positives: int
    negatives: int
    n_test: int
    options: tuple[tuple[str, Any], ...] = ()
    ceiling: str | None = None

    def __call__(self, seed: int) -> Draw:
        """Return the rows of a seed."""
        make: Callable[..., Any] = getattr(datasets, self.make)
        n_rows = self.positives + self.negatives
        rate = self.positives / n_rows
        sizes = ((n_rows, rate), (n_rows, rate), (self.n_test, 0.5))
        options = dict(self.options)
        parts = [
            make(size, pos_rate=of_part, random_state=FIRST_SEED + 3 * seed + number, **options)
            for number, (size, of_part) in enumerate(sizes)
        ]
        (X_train, y_train), (X_valid, y_valid), (X_test, y_test) = parts
        ceiling: NDArray | None = None
        if self.ceiling is not None:
            ceiling = getattr(datasets, self.ceiling)(X_test, **options)
        return Draw(X_train, y_train, X_valid, y_valid, X_test, y_test, ceiling)


@dataclass(frozen=True)
class MammographyDraw:
    """Splits of mammography with as few positives to learn from as there are melanomas.

    The training and the validation rows have 38 positives each, and the test rows have all
    others. The negatives are split 6 : 2 : 2.

    Parameters
    ----------
    divisor : int, default=1
        Only one of so many negatives is kept.
    """

    divisor: int = 1

    def __call__(self, seed: int) -> Draw:
        """Return the split of a seed."""
        X, y = datasets.load_mammography(return_X_y=True)
        rng = np.random.RandomState(FIRST_SEED + seed)
        positives = rng.permutation(np.flatnonzero(y == 1))
        negatives = rng.permutation(np.flatnonzero(y == 0))[:: self.divisor]
        rest, test = train_test_split(negatives, test_size=0.2, random_state=rng)
        train, valid = train_test_split(rest, test_size=0.25, random_state=rng)
        n_pos = MAMMOGRAPHY_POSITIVES
        train = train[: n_pos * MELANOMA_RATIO]
        parts = [
            np.concatenate([positives[:n_pos], train]),
            np.concatenate([positives[n_pos : 2 * n_pos], valid]),
            np.concatenate([positives[2 * n_pos :], test]),
        ]
        rows = [array for part in parts for array in (X[part], y[part])]
        return Draw(*rows)


def recall_tables(quick: bool = False) -> list[StudyTable]:
    """Return the three stand-ins of the published tables.

    Parameters
    ----------
    quick : bool, default=False
        Whether to return smaller ones, for a first look.

    Returns
    -------
    tables : list of StudyTable
    """
    divisor = QUICK_DIVISOR if quick else 1
    hard = GeneratedDraw(
        "make_hard_bulk", CRITICAL, ORDINARY, N_TEST // divisor, tuple(HARD_BULK.items())
    )
    hidden = GeneratedDraw(
        "make_hidden_positives",
        HIDDEN // divisor,
        AROUND // divisor,
        N_TEST // divisor,
        ceiling="bayes_hidden_positives_score",
    )
    return [
        StudyTable("hard-bulk", "hard bulk", hard, "a weak linear signal, 45 : 4 500"),
        StudyTable(
            "hidden-positives",
            "hidden positives",
            hidden,
            "a fifth of the positives lie among easy negatives, 200 : 20 000",
            has_ceiling=True,
        ),
        StudyTable(
            "mammography",
            "real",
            MammographyDraw(divisor),
            "mammography with 38 positives, 1 : 170",
        ),
    ]


def which_tables(quick: bool = False) -> list[StudyTable]:
    """Return the contested top, and the hidden positives.

    Parameters
    ----------
    quick : bool, default=False
        Whether to return smaller ones, for a first look.

    Returns
    -------
    tables : list of StudyTable
    """
    divisor = QUICK_DIVISOR if quick else 1
    contested, hidden = (
        GeneratedDraw(
            f"make_{name}",
            positives // divisor,
            negatives // divisor,
            N_TEST // divisor,
            ceiling=f"bayes_{name}_score",
        )
        for name, positives, negatives in (
            ("contested_top", *CONTESTED),
            ("hidden_positives", HIDDEN, AROUND),
        )
    )
    return [
        StudyTable(
            "contested-top",
            "contested top",
            contested,
            "decoys contest the top of the ranking, 120 : 40 000",
            has_ceiling=True,
        ),
        StudyTable(
            "hidden-positives",
            "hidden positives",
            hidden,
            "a fifth of the positives lie among easy negatives, 200 : 20 000",
            has_ceiling=True,
        ),
    ]
