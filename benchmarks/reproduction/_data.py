"""The rows that the published figures were measured on, number for number.

:func:`skbudget.datasets.make_contested_top` draws from the same distribution. This module
also uses the random stream of the publication. If a figure differs from the published one,
the rows are not the reason.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skbudget.datasets._roles import BULK, CONFOUNDER, DECOY, MIN_PER_CLASS, POSITIVE
from skbudget.datasets._transformer import CUE_FEATURES, EASY_FEATURES

__all__ = ["Rows", "Sample", "draw_confounded", "draw_contested", "split_table"]

SEED_BASE = 7000
N_FEATURES = 20
EASY, SEP = 2.5, 1.7
DECOY_FRAC = 0.012


@dataclass(frozen=True)
class Rows:
    """Rows of a table.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype=float32
        Features.
    y : ndarray of shape (n_samples,), dtype=int64
        1 for a positive, 0 for a negative.
    roles : ndarray of shape (n_samples,), dtype=int8
        0 for the bulk, 1 for positives, 2 for decoys, 3 for confounders. The labels in the
        case of a real table.
    """

    X: NDArray[np.float32]
    y: NDArray[np.int64]
    roles: NDArray[np.int8]

    def take(self, index: NDArray[np.int64]) -> Rows:
        """Return some of the rows."""
        return Rows(self.X[index], self.y[index], self.roles[index])


@dataclass(frozen=True)
class Sample:
    """Rows to train on and rows to measure on.

    Parameters
    ----------
    train, test : Rows
        The rows.
    """

    train: Rows
    test: Rows


def _signs(rng: np.random.Generator, n: int) -> NDArray[np.float32]:
    return rng.choice([-1.0, 1.0], size=n).astype(np.float32)


def _add_cue(
    X: NDArray[np.float32], index: NDArray[np.int64], cue: str, sep: float, rng: np.random.Generator
) -> None:
    """Add the cue to some rows: a shift without, with one or with two random signs."""
    shifts = []
    for number in range(len(CUE_FEATURES)):
        if cue == "linear":
            shifts.append(np.ones(len(index), dtype=np.float32))
        elif cue == "product" and number > 0:
            shifts.append(shifts[0])
        else:
            shifts.append(_signs(rng, len(index)))
    for feature, shift in zip(CUE_FEATURES, shifts):
        X[index, feature] += sep * shift


def _draw_rows(
    n: int,
    rng: np.random.Generator,
    *,
    cue: str,
    pos_rate: float,
    decoy_frac: float,
    easy: float,
    sep: float,
) -> Rows:
    X = rng.standard_normal((n, N_FEATURES)).astype(np.float32)
    positives = rng.choice(n, size=max(MIN_PER_CLASS, round(pos_rate * n)), replace=False)
    roles = np.full(n, BULK, dtype=np.int8)
    roles[positives] = POSITIVE
    negatives = np.flatnonzero(roles != POSITIVE)
    decoys = rng.choice(negatives, size=round(decoy_frac * len(negatives)), replace=False)
    roles[decoys] = DECOY
    for index in (decoys, positives):
        X[index[:, None], list(EASY_FEATURES)] += easy
    # The order of the positives determines the sign that each of them gets.
    _add_cue(X, positives, cue, sep, rng)
    return Rows(X, (roles == POSITIVE).astype(np.int64), roles)


def draw_contested(
    seed: int,
    n_train: int,
    n_test: int,
    *,
    cue: str = "product",
    pos_rate: float = 0.0015,
    decoy_frac: float = DECOY_FRAC,
    easy: float = EASY,
    sep: float = SEP,
) -> Sample:
    """Draw the table of the controlled study: first the training rows, then the test rows.

    Parameters
    ----------
    seed : int
        Number of the draw. The seed of the random generator is greater by 7000.
    n_train, n_test : int
        Numbers of rows. They are 150 000 and 300 000 in the publication.
    cue : {"linear", "product", "radial"}, default="product"
        Form of the cue.
    pos_rate : float, default=0.0015
        Share of positives, a fraction.
    decoy_frac : float, default=0.012
        Share of the negatives that are decoys.
    easy, sep : float, default=2.5 and 1.7
        Sizes of the easy signal and of the cue.

    Returns
    -------
    sample : Sample

    Examples
    --------
    >>> from benchmarks.reproduction._data import draw_contested
    >>> sample = draw_contested(0, 10_000, 20_000)
    >>> sample.train.X.shape, int(sample.train.y.sum()), int(sample.test.y.sum())
    ((10000, 20), 15, 30)
    >>> [round(float(value), 4) for value in sample.train.X[0, :3]]
    [-0.517, 0.3517, 1.0286]
    """
    rng = np.random.default_rng(SEED_BASE + seed)
    geometry = {"pos_rate": pos_rate, "decoy_frac": decoy_frac, "easy": easy, "sep": sep}
    train = _draw_rows(n_train, rng, cue=cue, **geometry)
    return Sample(train, _draw_rows(n_test, rng, cue=cue, **geometry))


def draw_confounded(
    seed: int, n_samples: int, *, pos_rate: float = 0.0015, confounder_frac: float = 0.03
) -> Sample:
    """Draw the table of the published demo. It has confounders; a quarter of it is for testing.

    Parameters
    ----------
    seed : int
        Seed of the random generator. The publication uses 42 and those that follow.
    n_samples : int
        Number of rows. It is 200 000 in the publication.
    pos_rate : float, default=0.0015
        Share of positives, a fraction.
    confounder_frac : float, default=0.03
        Share of the negatives that have the cue without the easy signal.

    Returns
    -------
    sample : Sample

    Examples
    --------
    >>> import numpy as np
    >>> from benchmarks.reproduction._data import draw_confounded
    >>> sample = draw_confounded(42, 20_000)
    >>> np.bincount(sample.train.roles) + np.bincount(sample.test.roles)
    array([19131,    30,   240,   599])
    """
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_samples, N_FEATURES)).astype(np.float32)
    n_positives = max(MIN_PER_CLASS, round(pos_rate * n_samples))
    positives = rng.choice(n_samples, size=n_positives, replace=False)
    roles = np.full(n_samples, BULK, dtype=np.int8)
    roles[positives] = POSITIVE
    negatives = np.flatnonzero(roles != POSITIVE)
    decoys = rng.choice(negatives, size=round(DECOY_FRAC * len(negatives)), replace=False)
    roles[decoys] = DECOY
    others = np.flatnonzero(roles == BULK)
    confounders = rng.choice(others, size=round(confounder_frac * len(negatives)), replace=False)
    roles[confounders] = CONFOUNDER
    for index in (positives, decoys):
        X[index[:, None], list(EASY_FEATURES)] += EASY
    for index in (positives, confounders):
        _add_cue(X, index, "product", SEP, rng)
    rows = Rows(X, (roles == POSITIVE).astype(np.int64), roles)
    order = rng.permutation(n_samples)
    n_test = n_samples // 4
    return Sample(rows.take(order[n_test:]), rows.take(order[:n_test]))


def split_table(
    X: NDArray, y: NDArray, seed: int, *, test_size: float = 0.3, n_samples: int | None = None
) -> Sample:
    """Split a real table with stratification, and standardise it by its training rows.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Features.
    y : ndarray of shape (n_samples,)
        Labels 0 and 1.
    seed : int
        Seed of the split.
    test_size : float, default=0.3
        Share of the rows to measure on.
    n_samples : int, default=None
        Number of rows to keep, with stratification. None keeps all.

    Returns
    -------
    sample : Sample
    """
    from sklearn.model_selection import train_test_split
    from sklearn.preprocessing import StandardScaler

    index = np.arange(len(y))
    if n_samples is not None and n_samples < len(y):
        index, _ = train_test_split(index, train_size=n_samples, stratify=y, random_state=seed)
    train, test = train_test_split(index, test_size=test_size, stratify=y[index], random_state=seed)
    scaler = StandardScaler().fit(X[train])

    def rows(chosen: NDArray) -> Rows:
        labels = y[chosen].astype(np.int64)
        return Rows(scaler.transform(X[chosen]).astype(np.float32), labels, labels.astype(np.int8))

    return Sample(rows(train), rows(test))
