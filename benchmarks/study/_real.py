"""Tables of the study with real rows: unchanged, with few positives, or with an implant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from sklearn.model_selection import train_test_split

from skbudget.datasets import ContestedTopTransformer
from skbudget.datasets._roles import assign_roles

from ._sources import MIN_PER_CLASS, TIME, Source, read_source
from ._table import BY_TIME, Draw, StudyTable
from ._windows import TEST_SHARE, VALID_SHARE, WINDOW, place_of_window

__all__ = [
    "FewDraw",
    "ImplantedDraw",
    "RealDraw",
    "few_table",
    "implant",
    "implanted_table",
    "is_base",
    "is_many",
    "real_table",
    "signal_columns",
]

PARTS = ("training", "validation", "test")
SHARES = (1.0 - VALID_SHARE - TEST_SHARE, VALID_SHARE, TEST_SHARE)
FEWEST = (6, 2, 2)  # of each class, which are MIN_PER_CLASS

IMPLANTED_POSITIVES, IMPLANTED_DECOYS = 0.01, 0.04
N_EASY, N_CUE = 3, 2
MIN_NUMERIC = 7  # the columns of the signal, and two that stay unchanged
MIN_BASE_ROWS = 1000  # these give 10 positives
MAX_MISSING = 0.05  # a missing value has no signal

FEW_FROM = 100
FEW_TRAIN, FEW_VALID = 30, 10

# Draws other than the splits have one of these numbers in their seeds.
_SUBSAMPLE, _THIN, _IMPLANT = 1, 2, 3


# --- splits -----------------------------------------------------------------------


def _rng(seed: int, purpose: int) -> np.random.RandomState:
    return np.random.RandomState([seed, purpose])


def _split_rows(strata: NDArray, seed: int) -> tuple[NDArray[np.intp], ...]:
    """Return the numbers of the training, validation and test rows."""
    rest, test = train_test_split(
        np.arange(strata.size), test_size=TEST_SHARE, stratify=strata, random_state=seed
    )
    train, valid = train_test_split(
        rest,
        test_size=VALID_SHARE / (1.0 - TEST_SHARE),
        stratify=strata[rest],
        random_state=seed,
    )
    return train, valid, test


def _take(X: NDArray, y: NDArray, rows: Sequence[NDArray[np.intp]]) -> Draw:
    train, valid, test = rows
    return Draw(X[train], y[train], X[valid], y[valid], X[test], y[test])


def _choose_rows(source: Source, seed: int, max_rows: int | None) -> tuple[NDArray[np.intp], ...]:
    """Return the training, validation and test rows of a seed, at random or by time.

    They are a sample if there are more than ``max_rows``. It keeps enough positives.
    """
    data = read_source(source)
    n_rows = data.y.size
    if data.ordered:
        parts = _split_by_time(n_rows, seed)
        if max_rows is None or n_rows <= max_rows:
            return parts
        rng = _rng(seed, _SUBSAMPLE)
        return tuple(
            part[_sample(data.y[part], round(share * max_rows), fewest, rng)]
            for part, share, fewest in zip(parts, SHARES, FEWEST, strict=True)
        )
    if max_rows is None or n_rows <= max_rows:
        return _split_rows(data.y, seed)
    rows = _sample(data.y, max_rows, MIN_PER_CLASS, _rng(seed, _SUBSAMPLE))
    return tuple(rows[part] for part in _split_rows(data.y[rows], seed))


def _sample(y: NDArray, n_rows: int, fewest: int, rng: np.random.RandomState) -> NDArray[np.intp]:
    """Return a stratified sample of rows in their order, with so many of each class at least."""
    if y.size <= n_rows:
        return np.arange(y.size)
    positives, negatives = np.flatnonzero(y == 1), np.flatnonzero(y == 0)
    n_positives = round(n_rows * positives.size / y.size)
    n_positives = min(max(n_positives, fewest), n_rows - fewest)
    rows = np.concatenate(
        [
            rng.choice(positives, n_positives, replace=False),
            rng.choice(negatives, n_rows - n_positives, replace=False),
        ]
    )
    rows.sort()
    return rows


# --- splits by time -----------------------------------------------------------------


def _windows(n_rows: int) -> tuple[int, int, int, int]:
    """Return how far the window can slide, and how many rows each of its three parts has."""
    window = round(WINDOW * n_rows)
    n_test, n_valid = round(TEST_SHARE * window), round(VALID_SHARE * window)
    return n_rows - window, window - n_test - n_valid, n_valid, n_test


def _split_by_time(n_rows: int, seed: int) -> tuple[NDArray[np.intp], ...]:
    """Return the rows of a window, cut in the order of time.

    The first window ends with the latest row. The others end earlier, in the
    order of van der Corput: any number of seeds covers the whole range.
    """
    room, n_train, n_valid, n_test = _windows(n_rows)
    start = room - round(room * place_of_window(seed))
    rows = np.arange(start, start + n_train + n_valid + n_test)
    train, valid, test = np.split(rows, [n_train, n_train + n_valid])
    return train, valid, test


def _check_windows(source: Source) -> None:
    """Raise an error if some window has too few rows of a class to train on or to measure."""
    y = read_source(source).y
    for name, counted in (("positives", y), ("negatives", 1 - y)):
        for part, fewest, found in zip(PARTS, FEWEST, _fewest_of_windows(counted), strict=True):
            if found < fewest:
                raise ValueError(
                    f"{source.file_name} is split by its array {TIME}, and then has only {found} "
                    f"{name} among the {part} rows of some seed: at least {fewest} are needed. "
                    f"Remove the array {TIME} to split the rows at random."
                )


def _fewest_of_windows(counted: NDArray) -> list[int]:
    """Return the least sum over the training, validation and test rows of any window."""
    sums = np.concatenate([[0], np.cumsum(counted)])
    room, *sizes = _windows(counted.size)
    starts = np.arange(room + 1)
    fewest = []
    for size in sizes:
        fewest.append(int((sums[starts + size] - sums[starts]).min()))
        starts = starts + size
    return fewest


# --- real tables, and the same with few positives -----------------------------------


@dataclass(frozen=True)
class RealDraw:
    source: Source
    max_rows: int | None

    def __call__(self, seed: int) -> Draw:
        data = read_source(self.source)
        return _take(data.X, data.y, _choose_rows(self.source, seed, self.max_rows))


def real_table(source: Source, max_rows: int | None) -> StudyTable:
    data = read_source(source)
    group = "real"
    origin = "ships with skbudget" if source.path is None else source.file_name
    if data.ordered:
        _check_windows(source)
        group = BY_TIME[group]
        origin += ", split by time"
    return StudyTable(
        source.name,
        group,
        RealDraw(source, max_rows),
        f"{data.y.size} rows, {data.y.sum()} positive, {data.X.shape[1]} features; {origin}",
        notes=data.notes,
    )


@dataclass(frozen=True)
class FewDraw:
    source: Source
    max_rows: int | None

    def __call__(self, seed: int) -> Draw:
        data = read_source(self.source)
        train, valid, test = _choose_rows(self.source, seed, self.max_rows)
        rng = _rng(seed, _THIN)
        train = _thin(train, data.y, FEW_TRAIN, rng)
        valid = _thin(valid, data.y, FEW_VALID, rng)
        return _take(data.X, data.y, (train, valid, test))


def _thin(
    rows: NDArray[np.intp], y: NDArray, n_positives: int, rng: np.random.RandomState
) -> NDArray[np.intp]:
    """Return the rows with only ``n_positives`` of the positives among them."""
    positives = np.flatnonzero(y[rows] == 1)
    n_dropped = max(positives.size - n_positives, 0)
    return np.delete(rows, rng.choice(positives, n_dropped, replace=False))


def is_many(source: Source) -> bool:
    """Return whether a table has more positives than its draws with few of them need."""
    data = read_source(source)
    if not data.ordered:
        return bool(data.y.sum() >= FEW_FROM)
    n_train, n_valid, _ = _fewest_of_windows(data.y)
    return n_train >= FEW_TRAIN and n_valid >= FEW_VALID and bool(data.y.sum() >= FEW_FROM)


def few_table(source: Source, max_rows: int | None) -> StudyTable:
    group = "few positives"
    return StudyTable(
        f"few-{source.name}",
        BY_TIME[group] if read_source(source).ordered else group,
        FewDraw(source, max_rows),
        f"{source.name} with {FEW_TRAIN} positives to train on and {FEW_VALID} to choose by",
    )


# --- implanted --------------------------------------------------------------------


@dataclass(frozen=True)
class ImplantedDraw:
    source: Source
    max_rows: int | None

    def __call__(self, seed: int) -> Draw:
        X, roles = implant(self.source, seed, self.max_rows)
        return _take(X, (roles == 1).astype(np.int64), _split_rows(roles, seed))


def implant(source: Source, seed: int, max_rows: int | None) -> tuple[NDArray, NDArray[np.int8]]:
    """Return the table's negatives with a contested top, and the role of each row."""
    data = read_source(source)
    rng = _rng(seed, _IMPLANT)
    # The table's own positives are left out, because they would be a third kind of rows.
    rows = np.flatnonzero(data.y == 0)
    if max_rows is not None and rows.size > max_rows:
        rows = np.sort(rng.choice(rows, max_rows, replace=False))
    X = data.X[rows].astype(np.float64)
    easy, cue = signal_columns(source)
    for column in (*easy, *cue):
        X[:, column] = _normal_scores(X[:, column], rng)

    y = np.zeros(rows.size, dtype=np.int64)
    y[rng.choice(rows.size, round(IMPLANTED_POSITIVES * rows.size), replace=False)] = 1
    decoy_frac = IMPLANTED_DECOYS / (1.0 - IMPLANTED_POSITIVES)
    # The rows and their seed are the study's own, and the published tables are of these roles.
    roles = assign_roles(y == 1, decoy_frac, 0.0, rng)
    contest = ContestedTopTransformer(
        cue="product",
        easy_features=easy,
        cue_features=cue,
        role_column=-1,
        scale="robust",
        random_state=rng,
    )
    return contest.fit_transform(np.column_stack([X, roles])), roles


def _normal_scores(column: NDArray, rng: np.random.RandomState) -> NDArray[np.float64]:
    """Return the ranks of a column as standard normal quantiles, with random order in ties.

    A shift would reveal its rows if a column has few values or is skewed. The shifted
    values would lie off the lattice (of integers or of indicators), a group of equal
    values would move as a whole, or values would lie below the minimum of the column. The
    random order in ties, which is dithering by one lattice step, solves the first problem.
    The quantiles solve the others. The column keeps its order, and so its relation to the
    other columns, and it gets the marginal distribution that the shifts are meant for.
    """
    scores = np.full(column.size, np.nan)
    known = np.flatnonzero(~np.isnan(column))
    order = np.lexsort((rng.uniform(size=known.size), column[known]))
    scores[known[order]] = ndtri((np.arange(known.size) + 0.5) / known.size)
    return scores


@lru_cache(maxsize=2)
def _distinct_values(source: Source) -> dict[int, int]:
    """Return the number of distinct values of each column of the base that can be used."""
    data = read_source(source)
    base = data.y == 0
    counts = {}
    for column in data.numeric.tolist():
        values = data.X[base, column]
        known = values[~np.isnan(values)]
        n_distinct = np.unique(known).size
        if n_distinct > 1 and known.size >= (1.0 - MAX_MISSING) * values.size:
            counts[column] = n_distinct
    return counts


def signal_columns(source: Source) -> tuple[list[int], list[int]]:
    """Return the easy columns and the cue columns, by a rule that does not use the labels."""
    # With more distinct values there are fewer ties to order at random. The sort is stable
    # and keeps the order of columns with equal numbers.
    counts = _distinct_values(source)
    ranked = sorted(counts, key=lambda column: -counts[column])
    return ranked[:N_EASY], ranked[N_EASY : N_EASY + N_CUE]


def is_base(source: Source) -> bool:
    # The signal needs five columns, and the table that comes with the package has six.
    needed = N_EASY + N_CUE if source.path is None else MIN_NUMERIC
    n_rows = int((read_source(source).y == 0).sum())
    return n_rows >= MIN_BASE_ROWS and len(_distinct_values(source)) >= needed


def implanted_table(source: Source, max_rows: int | None) -> StudyTable:
    return StudyTable(
        f"implanted-{source.name}",
        "implanted",
        ImplantedDraw(source, max_rows),
        f"a contested top, product cue, among the negatives of {source.name}",
    )
