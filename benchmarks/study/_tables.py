"""The tables of the study: real ones, generated ones, and real ones with a contest put in."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from sklearn.model_selection import train_test_split

from skbudget.cli._files import FOLDER_VARIABLE, read_table
from skbudget.datasets import (
    ContestedTopTransformer,
    bayes_contested_top_score,
    draw_roles,
    load_mammography,
    make_contested_top,
    make_hard_bulk,
)

from ._table import Draw, StudyTable

__all__ = ["find_study_tables", "study_tables"]

SHIPPED = "mammography"
SUFFIXES = (".npz", ".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet")
TARGET_NAMES = ("target", "label", "y", "class", "is_fraud", "isfraud", "fraud_bool", "outlier")

VALID_SHARE = TEST_SHARE = 0.2
MIN_PER_CLASS = 10  # 6, 2 and 2 in training, validation and test rows
MAX_LEVELS = 20

CONTESTED_ROWS = (100_000, 50_000, 200_000)
HARD_BULK_ROWS = (40_000, 20_000, 60_000)
REGIME_ROWS = (60_000, 20_000, 100_000)
REGIME_CUES = ("linear", "product")
REGIME_RATES = (0.0005, 0.005, 0.05)
REGIME_DECOYS = (0.0, 0.012, 0.05)
# Tables of the tests and of the documentation are made with small seeds.
FIRST_SEED = 1000

# Given to the generator, rather than left to its defaults, because the ceiling needs them.
MU_BULK, MU_CONTEST = 0.30, 0.40
N_BULK, N_CONTEST = 4, 3

IMPLANTED_POSITIVES, IMPLANTED_DECOYS = 0.01, 0.04
N_EASY, N_CUE = 3, 2
MIN_NUMERIC = 7  # the signal's columns, and two that are left as they were
MIN_BASE_ROWS = 1000  # 10 positives
MAX_MISSING = 0.05  # a value that is missing carries no signal

FEW_FROM = 100
FEW_TRAIN, FEW_VALID = 30, 10

QUICK_DIVISOR = 5
QUICK_ROWS = 12_000
QUICK_NAMES = ("contested-product", "contested-linear", "hard-bulk-flipped")

# What is drawn besides the splits, which take the plain seed.
_SUBSAMPLE, _THIN, _IMPLANT = 1, 2, 3


def study_tables(
    folder: str | None = None, *, target: str | None = None, quick: bool = False
) -> list[StudyTable]:
    """Return the tables of the study, in the order of the report.

    Parameters
    ----------
    folder : str, default=None
        Folder of further tables: each ``.npz`` (arrays X and y), ``.csv``, ``.tsv``
        (or either with ``.gz``) and ``.parquet`` in it. None takes the folder that
        the environment variable ``SKBUDGET_DATA`` names, if it is set.
    target : str, default=None
        Target column of the files that have a column of this name; in the others it
        is the one column with a usual name, such as "target" or "label".
    quick : bool, default=False
        Whether to return fewer and smaller tables, for a first look.

    Returns
    -------
    tables : list of StudyTable
        Their names are unique.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    ValueError
        If a file cannot be read, has no known target or too few rows of a class, or
        has the name of another table.

    Examples
    --------
    >>> from benchmarks.study._tables import study_tables
    >>> tables = study_tables()
    >>> tables[0].name, tables[0].group
    ('mammography', 'real')
    >>> draw = tables[0].draw(0)
    >>> draw.X_train.shape, int(draw.y_train.sum()), int(draw.y_test.sum())
    ((6709, 6), 156, 52)
    """
    sources = [_Source(SHIPPED), *_find_sources(folder, target)]
    max_rows = QUICK_ROWS if quick else None
    real: list[StudyTable] = []
    implanted: list[StudyTable] = []
    few: list[StudyTable] = []
    # One file after the other, since not all of them are kept in memory.
    for source in sources:
        real.append(_real(source, max_rows))
        if quick and source.path is not None:
            continue
        if _is_base(source):
            implanted.append(_implanted(source, max_rows))
        if _read(source).y.sum() >= FEW_FROM:
            few.append(_few(source, max_rows))
    generated = [*_contested(quick), *_hard_bulk(quick)]
    if quick:
        generated = [table for table in generated if table.name in QUICK_NAMES]
    regimes = [] if quick else _regimes()
    tables = [*real, *generated, *implanted, *few, *regimes]
    _refuse_taken_names(tables, sources)
    return tables


def find_study_tables(
    names: Sequence[str] | None = None,
    groups: Sequence[str] | None = None,
    *,
    folder: str | None = None,
    target: str | None = None,
    quick: bool = False,
) -> list[StudyTable]:
    """Return the tables that are named, or in a group that is; all by default.

    Parameters
    ----------
    names, groups : sequence of str, default=None
        Names of tables and of groups.
    folder, target, quick
        As in `study_tables`.

    Returns
    -------
    tables : list of StudyTable
        In the order of the report.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    ValueError
        If a table or a group is not known, or a file cannot be used.
    """
    tables = study_tables(folder, target=target, quick=quick)
    if not names and not groups:
        return tables
    known_names = [table.name for table in tables]
    known_groups = list(dict.fromkeys(table.group for table in tables))
    for kind, asked, known in (("table", names, known_names), ("group", groups, known_groups)):
        for name in asked or ():
            if name not in known:
                raise ValueError(
                    f"Unknown {kind} {name!r}: it should be one of {', '.join(known)}."
                )
    return [
        table for table in tables if table.name in (names or ()) or table.group in (groups or ())
    ]


def _refuse_taken_names(tables: Sequence[StudyTable], sources: Sequence[_Source]) -> None:
    """Raise if a file is called like a table that is not read from it."""
    names = [table.name for table in tables]
    for source in sources:
        if names.count(source.name) > 1:
            raise ValueError(
                f"{source.file_name} has the name of another table of the study, "
                f"{source.name!r}: rename the file."
            )


# --- files ------------------------------------------------------------------------


@dataclass(frozen=True)
class _Source:
    """Where a real table is read from; the one that ships has no path."""

    name: str
    path: str | None = None
    target: str | None = None

    @property
    def file_name(self) -> str:
        return self.name if self.path is None else Path(self.path).name


class _Data(NamedTuple):
    X: NDArray
    y: NDArray[np.int64]
    numeric: NDArray[np.intp]  # positions of the columns that were numbers in the file


def _find_sources(folder: str | None, target: str | None) -> list[_Source]:
    whose = ""
    if folder is None:
        folder = os.environ.get(FOLDER_VARIABLE) or None
        whose = f", which {FOLDER_VARIABLE} names"
    if folder is None:
        return []
    if not Path(folder).is_dir():
        raise FileNotFoundError(f"There is no folder {folder!r}{whose}.")
    sources: dict[str, _Source] = {}
    found_target = False
    # Absolute, since a table may be read by a process that runs elsewhere.
    for path in sorted(Path(folder).absolute().iterdir()):
        name = path.name.split(".")[0]
        if not path.is_file() or not name or not path.name.lower().endswith(SUFFIXES):
            continue
        if name == SHIPPED:  # comes with the package
            continue
        if name in sources:
            raise ValueError(
                f"{sources[name].file_name} and {path.name} would both be the table {name!r}: "
                "rename one."
            )
        column = None
        if path.suffix.lower() != ".npz":
            column = _choose_target(path, target)
            found_target |= column == target
        sources[name] = _Source(name, str(path), column)
    columns_named = [source for source in sources.values() if source.target is not None]
    if target is not None and columns_named and not found_target:
        raise ValueError(
            f"No file in {folder} has the column {target!r} that --target names: it was looked "
            f"for in {', '.join(source.file_name for source in columns_named)}."
        )
    return list(sources.values())


def _choose_target(path: Path, target: str | None) -> str:
    columns = _column_names(path)
    if target in columns:
        return target
    usual = [column for column in columns if column.casefold() in TARGET_NAMES]
    if len(usual) == 1:
        return usual[0]
    if usual:
        raise ValueError(
            f"{path.name} has several columns that may be its target: "
            f"{', '.join(map(repr, usual))}. Name it with --target."
        )
    shown = ", ".join(map(repr, columns[:8])) + (", ..." if len(columns) > 8 else "")
    raise ValueError(
        f"{path.name} has no column called like a target ({', '.join(TARGET_NAMES)}): its "
        f"columns are {shown}. Name it with --target."
    )


def _column_names(path: Path) -> list[str]:
    try:
        import pandas

        if path.suffix.lower() == ".parquet":
            columns = pandas.read_parquet(path).columns
        else:
            separator = "\t" if ".tsv" in path.name.lower() else ","
            columns = pandas.read_csv(path, sep=separator, nrows=0).columns
    except ImportError as error:
        raise ImportError(f"Reading {path.name} needs a package that is missing. {error}") from None
    except (ValueError, OSError) as error:  # pandas' parser errors are ValueErrors
        raise ValueError(f"{path.name} cannot be read: {error}") from None
    return [str(column) for column in columns]


@lru_cache(maxsize=2)
def _read(source: _Source) -> _Data:
    """Return a table as floats; its arrays are shared, hence locked."""
    if source.path is None:
        X, y = load_mammography(return_X_y=True)
        data = _Data(X, y, np.arange(X.shape[1]))
    else:
        try:
            table = read_table(source.path, source.target)
        except ValueError as error:
            named = source.file_name in str(error)
            raise ValueError(str(error) if named else f"{source.file_name}: {error}") from None
        X, numeric = _as_floats(table.X)
        data = _Data(X, table.y, numeric)
    fewest = min(data.y.sum(), (1 - data.y).sum())
    if fewest < MIN_PER_CLASS:
        raise ValueError(
            f"{source.file_name} has {data.y.sum()} positives and {(1 - data.y).sum()} "
            f"negatives: a table of the study needs at least {MIN_PER_CLASS} of each."
        )
    for array in data:
        array.setflags(write=False)
    return data


def _as_floats(X: Any) -> tuple[NDArray, NDArray[np.intp]]:
    """Return an array, and which of its columns were numbers before."""
    if not hasattr(X, "columns"):
        # Small integers fit into float32, which halves the memory; others become float64.
        floats = X.astype(np.result_type(X.dtype, np.float32))
        return floats, np.arange(X.shape[1])
    parts: list[NDArray] = []
    numeric: list[int] = []
    width = 0
    for name in X.columns:
        column = X[name]
        if hasattr(column, "cat"):
            part = _one_hot(column.cat.codes.to_numpy())
        else:
            part = column.to_numpy(dtype=np.float64)[:, None]
            numeric.append(width)
        parts.append(part)
        width += part.shape[1]
    return np.hstack(parts), np.array(numeric, dtype=np.intp)


def _one_hot(codes: NDArray) -> NDArray[np.float64]:
    """Return indicators of the most frequent levels; a missing one, -1, has none."""
    # Boosters and networks get the same columns, and an identifier does not become
    # as many columns as there are rows.
    counts = np.bincount(codes[codes >= 0])
    frequent = np.argsort(-counts, kind="stable")[:MAX_LEVELS]
    return (codes[:, None] == frequent).astype(np.float64)


# --- splits -----------------------------------------------------------------------


def _rng(seed: int, purpose: int) -> np.random.RandomState:
    return np.random.RandomState([seed, purpose])


def _split_rows(strata: NDArray, seed: int) -> tuple[NDArray[np.intp], ...]:
    """Return training, validation and test rows."""
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


def _read_some(source: _Source, seed: int, max_rows: int | None) -> tuple[NDArray, NDArray]:
    """Return the table, or a stratified sample of it that keeps enough positives."""
    data = _read(source)
    n_rows = data.y.size
    if max_rows is None or n_rows <= max_rows:
        return data.X, data.y
    positives, negatives = np.flatnonzero(data.y == 1), np.flatnonzero(data.y == 0)
    n_positives = round(max_rows * positives.size / n_rows)
    n_positives = min(max(n_positives, MIN_PER_CLASS), max_rows - MIN_PER_CLASS)
    rng = _rng(seed, _SUBSAMPLE)
    rows = np.concatenate(
        [
            rng.choice(positives, n_positives, replace=False),
            rng.choice(negatives, max_rows - n_positives, replace=False),
        ]
    )
    rows.sort()
    return data.X[rows], data.y[rows]


# --- real tables, and the same with few positives -----------------------------------


@dataclass(frozen=True)
class _RealDraw:
    source: _Source
    max_rows: int | None

    def __call__(self, seed: int) -> Draw:
        X, y = _read_some(self.source, seed, self.max_rows)
        return _take(X, y, _split_rows(y, seed))


def _real(source: _Source, max_rows: int | None) -> StudyTable:
    data = _read(source)
    origin = "ships with skbudget" if source.path is None else source.file_name
    return StudyTable(
        source.name,
        "real",
        _RealDraw(source, max_rows),
        f"{data.y.size} rows, {data.y.sum()} positive, {data.X.shape[1]} features; {origin}",
    )


@dataclass(frozen=True)
class _FewDraw:
    source: _Source
    max_rows: int | None

    def __call__(self, seed: int) -> Draw:
        X, y = _read_some(self.source, seed, self.max_rows)
        train, valid, test = _split_rows(y, seed)
        rng = _rng(seed, _THIN)
        train = _thin(train, y, FEW_TRAIN, rng)
        valid = _thin(valid, y, FEW_VALID, rng)
        return _take(X, y, (train, valid, test))


def _thin(
    rows: NDArray[np.intp], y: NDArray, n_positives: int, rng: np.random.RandomState
) -> NDArray[np.intp]:
    """Return the rows with so many of the positives among them."""
    positives = np.flatnonzero(y[rows] == 1)
    n_dropped = max(positives.size - n_positives, 0)
    return np.delete(rows, rng.choice(positives, n_dropped, replace=False))


def _few(source: _Source, max_rows: int | None) -> StudyTable:
    return StudyTable(
        f"few-{source.name}",
        "few positives",
        _FewDraw(source, max_rows),
        f"{source.name} with {FEW_TRAIN} positives to train on and {FEW_VALID} to choose by",
    )


# --- implanted --------------------------------------------------------------------


@dataclass(frozen=True)
class _ImplantedDraw:
    source: _Source
    max_rows: int | None

    def __call__(self, seed: int) -> Draw:
        X, roles = _implant(self.source, seed, self.max_rows)
        return _take(X, (roles == 1).astype(np.int64), _split_rows(roles, seed))


def _implant(source: _Source, seed: int, max_rows: int | None) -> tuple[NDArray, NDArray[np.int8]]:
    """Return the table's negatives with a contested top among them, and every row's role."""
    data = _read(source)
    rng = _rng(seed, _IMPLANT)
    # The table's own positives would be positives, or negatives, of another kind.
    rows = np.flatnonzero(data.y == 0)
    if max_rows is not None and rows.size > max_rows:
        rows = np.sort(rng.choice(rows, max_rows, replace=False))
    X = data.X[rows].astype(np.float64)
    easy, cue = _signal_columns(source)
    for column in (*easy, *cue):
        X[:, column] = _normal_scores(X[:, column], rng)

    y = np.zeros(rows.size, dtype=np.int64)
    y[rng.choice(rows.size, round(IMPLANTED_POSITIVES * rows.size), replace=False)] = 1
    decoy_frac = IMPLANTED_DECOYS / (1.0 - IMPLANTED_POSITIVES)
    roles = draw_roles(y, decoy_frac=decoy_frac, random_state=rng)
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
    """Return a column's ranks, ties broken at random, as standard normal quantiles.

    A shift gives its rows away where values are few or the column is lopsided: by
    values off the lattice (of integers, of indicators), by a heap of equal values that
    moves as a whole, or by values below the least of the column. Breaking ties at
    random is dithering by one lattice step; it cures the first. The quantiles cure the
    others: a column keeps its order, hence what it has to do with the other columns,
    and gets the marginal distribution for which the sizes of the shifts are meant.
    """
    scores = np.full(column.size, np.nan)
    known = np.flatnonzero(~np.isnan(column))
    order = np.lexsort((rng.uniform(size=known.size), column[known]))
    scores[known[order]] = ndtri((np.arange(known.size) + 0.5) / known.size)
    return scores


@lru_cache(maxsize=2)
def _distinct_values(source: _Source) -> dict[int, int]:
    """Return the number of distinct values of each column of the base that is fit for use."""
    data = _read(source)
    base = data.y == 0
    counts = {}
    for column in data.numeric.tolist():
        values = data.X[base, column]
        known = values[~np.isnan(values)]
        n_distinct = np.unique(known).size
        if n_distinct > 1 and known.size >= (1.0 - MAX_MISSING) * values.size:
            counts[column] = n_distinct
    return counts


def _signal_columns(source: _Source) -> tuple[list[int], list[int]]:
    """Return the easy and the cue columns, by a rule that looks at no label."""
    # The more distinct values, the less is made up when ties are broken. Stable: the
    # first of equals.
    counts = _distinct_values(source)
    ranked = sorted(counts, key=lambda column: -counts[column])
    return ranked[:N_EASY], ranked[N_EASY : N_EASY + N_CUE]


def _is_base(source: _Source) -> bool:
    # Five columns do, and the shipped table has six.
    needed = N_EASY + N_CUE if source.path is None else MIN_NUMERIC
    n_rows = int((_read(source).y == 0).sum())
    return n_rows >= MIN_BASE_ROWS and len(_distinct_values(source)) >= needed


def _implanted(source: _Source, max_rows: int | None) -> StudyTable:
    return StudyTable(
        f"implanted-{source.name}",
        "implanted",
        _ImplantedDraw(source, max_rows),
        f"a contested top, product cue, among the negatives of {source.name}",
    )


# --- generated --------------------------------------------------------------------


@dataclass(frozen=True)
class _ContestedDraw:
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
class _HardBulkDraw:
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
        # The log likelihood ratio of normal variables with means of opposite signs. Labels
        # exchanged at random mix it with a constant, which leaves the order.
        X = parts[2][0].astype(np.float64)
        bulk, contest = X[:, :N_BULK], X[:, N_BULK : N_BULK + N_CONTEST]
        ceiling = 2.0 * (MU_BULK * bulk.sum(axis=1) + MU_CONTEST * contest.sum(axis=1))
        return _with_ceiling(parts, ceiling)


def _random_states(seed: int) -> range:
    """Return the seeds of training, validation and test rows, which no other seed has."""
    first = FIRST_SEED + 3 * seed
    return range(first, first + 3)


def _with_ceiling(parts: Sequence[tuple[NDArray, ...]], ceiling: NDArray) -> Draw:
    (X_train, y_train), (X_valid, y_valid), (X_test, y_test) = parts
    return Draw(X_train, y_train, X_valid, y_valid, X_test, y_test, ceiling)


def _reduced(n_rows: tuple[int, int, int], quick: bool) -> tuple[int, int, int]:
    train, valid, test = n_rows
    divisor = QUICK_DIVISOR if quick else 1
    return train // divisor, valid // divisor, test // divisor


def _contested(quick: bool) -> list[StudyTable]:
    n_rows = _reduced(CONTESTED_ROWS, quick)
    draws = {
        "product": (_ContestedDraw(n_rows), "the cue is a product of two features"),
        "radial": (_ContestedDraw(n_rows, "radial"), "the cue is a distance from the centre"),
        "linear": (_ContestedDraw(n_rows, "linear"), "the cue is a sum of two features"),
        "confounders": (
            _ContestedDraw(n_rows, confounder_frac=0.012),
            "product cue, which some of the bulk has too",
        ),
        "rare": (_ContestedDraw(n_rows, pos_rate=0.0005), "product cue, 0.05 % positives"),
        "common": (_ContestedDraw(n_rows, pos_rate=0.02), "product cue, 2 % positives"),
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


def _hard_bulk(quick: bool) -> list[StudyTable]:
    n_rows = _reduced(HARD_BULK_ROWS, quick)
    flipped = _HardBulkDraw(n_rows, pos_rate=0.1, flip_y=0.1)
    about = "a weak linear signal in seven features"
    return [
        StudyTable("hard-bulk", "hard bulk", _HardBulkDraw(n_rows), about, has_ceiling=True),
        StudyTable(
            "hard-bulk-flipped",
            "hard bulk",
            flipped,
            f"{about}, 10 % positives, of which a tenth is labelled wrongly",
            has_ceiling=True,
        ),
    ]


def _regimes() -> list[StudyTable]:
    return [
        StudyTable(
            f"regime-{cue}-rate-{rate:g}-decoys-{decoys:g}",
            "regime",
            _ContestedDraw(REGIME_ROWS, cue, rate, decoys),
            f"contested top: {cue} cue, {rate:.2%} positives, {decoys:.1%} decoys",
            has_ceiling=True,
        )
        for cue in REGIME_CUES
        for rate in REGIME_RATES
        for decoys in REGIME_DECOYS
    ]
