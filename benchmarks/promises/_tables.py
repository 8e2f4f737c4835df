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

from benchmarks.study import Draw, StudyTable, find_study_tables
from skbudget import datasets

__all__ = [
    "LINEAR",
    "FewerNegatives",
    "GeneratedDraw",
    "MammographyDraw",
    "MixtureDraw",
    "classes_tables",
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


# --- a loss that is found -------------------------------------------------------------------

FEW, MANY = 200, 20_000
CUES = ("product", "radial", "linear")

LINEAR = "linear model"
"""The group of tables on which a linear model is trained."""


Centres = tuple[tuple[float, float, float], ...]
"""Parts of a class: the share of each, and its centre in two features."""


@dataclass(frozen=True)
class MixtureDraw:
    """Rows of two features, whose classes are mixtures of normal rows with a spread of 1.

    No linear score ranks such rows as their likelihood ratio does. It has to choose between the
    parts, and which of them is worth more depends on what is promised.

    Parameters
    ----------
    of_positives, of_negatives : tuple
        The parts of the classes.
    positives, negatives : int
        Numbers of training rows, and of validation rows.
    n_test : int
        Number of test rows. Half of them are positives.
    """

    of_positives: Centres
    of_negatives: Centres
    positives: int
    negatives: int
    n_test: int

    def __call__(self, seed: int) -> Draw:
        """Return the rows of a seed."""
        rng = np.random.RandomState(FIRST_SEED + seed)
        rows: list[NDArray] = []
        half = self.n_test // 2
        for n_pos, n_neg in ((self.positives, self.negatives),) * 2 + ((half, half),):
            X = np.vstack([_draw_parts(*of_class, rng) for of_class in
                           ((self.of_positives, n_pos), (self.of_negatives, n_neg))])  # fmt: skip
            y = (np.arange(n_pos + n_neg) < n_pos).astype(np.int64)
            order = rng.permutation(y.size)
            rows += [X[order], y[order]]
        return Draw(*rows)


def _draw_parts(parts: Centres, n_rows: int, rng: np.random.RandomState) -> NDArray:
    ends = np.round(n_rows * np.cumsum([share for share, *_ in parts])).astype(int)
    number = np.searchsorted(ends, np.arange(n_rows), side="right")
    centres = np.array([centre for _, *centre in parts])
    return rng.standard_normal((n_rows, 2)) + centres[number]


@dataclass(frozen=True)
class FewerNegatives:
    """A draw of another table, with at most so many training rows that are negative.

    All figures are made of true and false positive rates, which it leaves as they are.

    Parameters
    ----------
    table : StudyTable
        The other table.
    most : int
        Number of negatives.
    """

    table: StudyTable
    most: int

    def __call__(self, seed: int) -> Draw:
        """Return the rows of a seed."""
        draw = self.table.draw(seed)
        rng = np.random.RandomState(FIRST_SEED + seed)
        negatives = np.flatnonzero(draw.y_train == 0)
        kept = rng.choice(negatives, min(self.most, negatives.size), replace=False)
        rows = np.sort(np.concatenate([kept, np.flatnonzero(draw.y_train == 1)]))
        return draw._replace(X_train=draw.X_train[rows], y_train=draw.y_train[rows])


def classes_tables(quick: bool = False) -> list[StudyTable]:
    """Return contested tops, problems for linear models, and real tables.

    Parameters
    ----------
    quick : bool, default=False
        Whether to return smaller ones, for a first look.

    Returns
    -------
    tables : list of StudyTable
        The real ones are mammography and what the folder of ``SKBUDGET_DATA`` holds.
    """
    divisor = QUICK_DIVISOR if quick else 1
    sizes = FEW // divisor, MANY // divisor, N_TEST // divisor
    contested = [
        StudyTable(
            f"contested-{cue}",
            "contested top",
            GeneratedDraw("make_contested_top", *sizes, options=(("cue", cue),)),
            f"decoys contest the top of the ranking, {cue} cue",
        )
        for cue in CUES
    ]
    linear = [
        StudyTable(
            "linear-two-kinds",
            LINEAR,
            MixtureDraw(((0.5, 3.0, 0.0), (0.5, 0.0, 2.0)), ((1.0, 0.0, 0.0),), *sizes),
            "two kinds of positives, for a linear model",
        ),
        StudyTable(
            "linear-two-backgrounds",
            LINEAR,
            MixtureDraw(((1.0, 2.0, 0.0),), ((0.97, 0.0, 3.0), (0.03, 0.0, -2.0)), *sizes),
            "two kinds of negatives on opposite sides, for a linear model",
        ),
        StudyTable(
            "linear-well-specified",
            LINEAR,
            GeneratedDraw("make_hard_bulk", *sizes),
            "normal classes with equal covariances, for a linear model",
        ),
    ]
    real = [
        StudyTable(table.name, "real", FewerNegatives(table, MANY // divisor), table.about)
        for table in find_study_tables(groups=["real"], quick=quick)
    ]
    return [*contested, *linear, *real]
