"""Generated tables of the study: the contested top, the hard bulk, and the map of regimes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skbudget.datasets import bayes_contested_top_score, make_contested_top, make_hard_bulk

from ._table import Draw, StudyTable

__all__ = [
    "ContestedDraw",
    "HardBulkDraw",
    "contested_tables",
    "hard_bulk_tables",
    "regime_tables",
]

CONTESTED_ROWS = (100_000, 50_000, 200_000)
HARD_BULK_ROWS = (40_000, 20_000, 60_000)
REGIME_ROWS = (60_000, 20_000, 100_000)
REGIME_CUES = ("linear", "product")
REGIME_RATES = (0.0005, 0.005, 0.05)
REGIME_DECOYS = (0.0, 0.012, 0.05)
# The tables of the tests and of the documentation have smaller seeds.
FIRST_SEED = 1000
QUICK_DIVISOR = 5

# The generator gets these values instead of its defaults, because the ceiling needs them.
MU_BULK, MU_CONTEST = 0.30, 0.40
N_BULK, N_CONTEST = 4, 3


@dataclass(frozen=True)
class ContestedDraw:
    n_rows: tuple[int, int, int]
    cue: str = "product"
    pos_rate: float = 0.0015
    decoy_frac: float = 0.012
    confounder_frac: float = 0.0

    def __call__(self, seed: int) -> Draw:
        geometry: dict[str, Any] = {
            "cue": self.cue,
            "decoy_frac": self.decoy_frac,
            "confounder_frac": self.confounder_frac,
        }
        parts = [
            make_contested_top(n, pos_rate=self.pos_rate, random_state=random_state, **geometry)
            for n, random_state in zip(self.n_rows, _random_states(seed))
        ]
        return _with_ceiling(parts, bayes_contested_top_score(parts[2][0], **geometry))


@dataclass(frozen=True)
class HardBulkDraw:
    n_rows: tuple[int, int, int]
    pos_rate: float = 0.005
    flip_y: float = 0.0

    def __call__(self, seed: int) -> Draw:
        parts = [
            make_hard_bulk(
                n,
                pos_rate=self.pos_rate,
                flip_y=self.flip_y,
                mu_bulk=MU_BULK,
                mu_contest=MU_CONTEST,
                n_bulk=N_BULK,
                n_contest=N_CONTEST,
                random_state=random_state,
            )
            for n, random_state in zip(self.n_rows, _random_states(seed))
        ]
        # This is the log likelihood ratio of normal variables with means of opposite signs.
        # Random exchanges of labels mix it with a constant, which keeps the order.
        X = parts[2][0].astype(np.float64)
        bulk, contest = X[:, :N_BULK], X[:, N_BULK : N_BULK + N_CONTEST]
        ceiling = 2.0 * (MU_BULK * bulk.sum(axis=1) + MU_CONTEST * contest.sum(axis=1))
        return _with_ceiling(parts, ceiling)


def _random_states(seed: int) -> range:
    """Return the seeds of the training, validation and test rows. Other draws have others."""
    first = FIRST_SEED + 3 * seed
    return range(first, first + 3)


def _with_ceiling(parts: Sequence[tuple[NDArray, ...]], ceiling: NDArray) -> Draw:
    (X_train, y_train), (X_valid, y_valid), (X_test, y_test) = parts
    return Draw(X_train, y_train, X_valid, y_valid, X_test, y_test, ceiling)


def _reduced(n_rows: tuple[int, int, int], quick: bool) -> tuple[int, int, int]:
    train, valid, test = n_rows
    divisor = QUICK_DIVISOR if quick else 1
    return train // divisor, valid // divisor, test // divisor


def contested_tables(quick: bool) -> list[StudyTable]:
    n_rows = _reduced(CONTESTED_ROWS, quick)
    draws = {
        "product": (ContestedDraw(n_rows), "the cue is a product of two features"),
        "radial": (ContestedDraw(n_rows, "radial"), "the cue is a distance from the centre"),
        "linear": (ContestedDraw(n_rows, "linear"), "the cue is a sum of two features"),
        "confounders": (
            ContestedDraw(n_rows, confounder_frac=0.012),
            "product cue, which some of the bulk has too",
        ),
        "rare": (ContestedDraw(n_rows, pos_rate=0.0005), "product cue, 0.05 % positives"),
        "common": (ContestedDraw(n_rows, pos_rate=0.02), "product cue, 2 % positives"),
    }
    return [
        StudyTable(
            f"contested-{name}",
            "contested",
            draw,
            f"contested top: {about}",
            has_ceiling=True,
        )
        for name, (draw, about) in draws.items()
    ]


def hard_bulk_tables(quick: bool) -> list[StudyTable]:
    n_rows = _reduced(HARD_BULK_ROWS, quick)
    flipped = HardBulkDraw(n_rows, pos_rate=0.1, flip_y=0.1)
    about = "a weak linear signal in seven features"
    return [
        StudyTable("hard-bulk", "hard bulk", HardBulkDraw(n_rows), about, has_ceiling=True),
        StudyTable(
            "hard-bulk-flipped",
            "hard bulk",
            flipped,
            f"{about}, 10 % positives, of which a tenth is labelled wrongly",
            has_ceiling=True,
        ),
    ]


def regime_tables() -> list[StudyTable]:
    return [
        StudyTable(
            f"regime-{cue}-rate-{rate:g}-decoys-{decoys:g}",
            "regime",
            ContestedDraw(REGIME_ROWS, cue, rate, decoys),
            f"contested top: {cue} cue, {rate:.2%} positives, {decoys:.1%} decoys",
            has_ceiling=True,
        )
        for cue in REGIME_CUES
        for rate in REGIME_RATES
        for decoys in REGIME_DECOYS
    ]
