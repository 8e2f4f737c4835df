"""Reading the tables of the commands: files of the user, and tables that have a name."""

from __future__ import annotations

import os
from collections.abc import Sequence
from numbers import Real
from pathlib import Path
from types import ModuleType
from typing import Any
from zipfile import is_zipfile

import numpy as np
from numpy.typing import NDArray

from .._utils.entries import entries_of
from ..datasets._preparer import MISSING_WORDS, TablePreparer, out_of_range
from ._defaults import default_budget
from ._problems import Table, TableError

__all__ = ["FOLDER_VARIABLE", "load_table", "other_separator", "read_table"]

FOLDER_VARIABLE = "SKBUDGET_DATA"
SHIPPED = "mammography"
NAMELESS = "Unnamed: 0"
"""What pandas calls the first column of a .csv file that was written with its index."""

# What separates columns, by the end of the file's name, and how a message shows it.
_SEPARATORS = {".csv": ",", ".tsv": "\t"}
_SHOWN = {",": "','", ";": "';'", "|": "'|'", "\t": "tabs"}

# Pairs of labels whose second one is obviously the positive one.
_TRUE_LABELS = ((0, 1), (-1, 1))
_TRUE_WORDS = {"false": 0, "true": 1}


def load_table(name: str, **settings: Any) -> Table:
    """Load a table by its name: mammography, or a file in the folder ``SKBUDGET_DATA``.

    Parameters
    ----------
    name : str
        ``"mammography"``, which comes with the package, or the name of a file
        ``NAME.npz`` with arrays ``X`` and ``y``. The environment variable
        ``SKBUDGET_DATA`` names the folder of the file.
    **settings
        Passed to `Table`. The default of ``budget`` is 0.03 for mammography and 0.005 for
        other tables.

    Returns
    -------
    table : Table

    Raises
    ------
    FileNotFoundError
        If there is no such table.
    ValueError
        If the name is no string, or the file does not hold a binary table.

    Examples
    --------
    >>> from skbudget.cli import load_table
    >>> load_table("mammography").describe()["positives"]
    260
    """
    if not isinstance(name, str):
        raise _wrong("name", "load_table", "a string", name)
    settings.setdefault("budget", default_budget(name))
    if name == SHIPPED:
        from ..datasets import load_mammography

        X, y = load_mammography(return_X_y=True)
        about = f"On this real table of {y.sum()} positives"
        return Table(name, X, y, about=about, **settings)
    folder = os.environ.get(FOLDER_VARIABLE)
    if not folder:
        raise FileNotFoundError(
            f"The table {name!r} does not come with skbudget: set {FOLDER_VARIABLE} to a folder "
            f"that holds {name}.npz. Without such a folder the only name is {SHIPPED!r}."
        )
    path = Path(folder) / f"{name}.npz"
    if not path.is_file():
        there = sorted({SHIPPED, *(found.stem for found in Path(folder).glob("*.npz"))})
        raise FileNotFoundError(
            f"No table is called {name!r}: there is no {name}.npz in the folder that "
            f"{FOLDER_VARIABLE} names. Known tables: {', '.join(there)}."
        )
    return read_table(path, **settings)


def read_table(
    path: str | os.PathLike[str],
    target: str | None = None,
    *,
    positive: str | Real | None = None,
    drop: Sequence[str] = (),
    **settings: Any,
) -> Table:
    """Read a table from a .csv, .tsv, .parquet or .npz file.

    Parameters
    ----------
    path : str or path-like
        The file. An ``.npz`` archive holds arrays ``X`` and ``y``. Files of the other kinds
        are read with pandas.
    target : str, default=None
        Name of the column with two labels. Not used for ``.npz``.
    positive : str or number, default=None
        Label of the positive class, as it is written in the file. The default is 1 of
        {0, 1} or {-1, 1}, True, or otherwise the rarer label. A note of the table says so
        if the rarer label is taken, or if the positive class is the more frequent one.
    drop : sequence of str, default=()
        Names of columns to leave out, such as identifiers.
    **settings
        Passed to `Table`. The default of ``budget`` is 0.005.

    Returns
    -------
    table : Table
        The columns as `skbudget.datasets.TablePreparer` reads them: dates become days, text
        becomes categories, and infinite values become missing. The notes of the table say
        which columns that concerns.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ImportError
        If pandas is not installed, or a package that pandas needs for this kind of file.
    ValueError
        If the file cannot be read, a column is missing, a target is missing, the target
        does not have two labels, or a parameter is of another type.
    """
    if not isinstance(path, str | os.PathLike) or isinstance(os.fspath(path), bytes):
        raise _wrong("path", "read_table", "a string or a path", path)
    if target is not None and not isinstance(target, str):
        raise _wrong("target", "read_table", "a string or None", target)
    if positive is not None and not isinstance(positive, str | Real):
        raise _wrong("positive", "read_table", "a string, a number or None", positive)
    drop = _names(drop)
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no file {str(path)!r}: the path must be that of a .csv, .tsv, .parquet or "
            ".npz file."
        )
    notes: list[str] = []
    if path.suffix.lower() == ".npz":
        if target is not None or drop:
            raise TableError(
                f"{path.name} has its features in the array X and its target in y: it has no "
                "columns to name or to drop.",
                "target" if target is not None else "drop",
            )
        X, labels = _read_arrays(path)
        what = f"y of {path.name}"
        if X.dtype.kind not in "biuf":
            X = _import_pandas(path).DataFrame(X)
    else:
        frame = _read_frame(path)
        X, labels = _split_target(frame, path, target, drop, notes)
        what = f"Target column {target!r}"
    y, about_labels = _positive_mask(labels, what, positive)
    X = _prepare(X, path, notes)
    notes += about_labels
    settings.setdefault("budget", default_budget(path.stem))
    return Table(path.name.split(".")[0], X, y, notes=tuple(notes), **settings)


def _read_arrays(path: Path) -> tuple[NDArray, NDArray]:
    if not is_zipfile(path):
        raise TableError(f"{path.name} is not an archive written by numpy.savez.")
    with np.load(path, allow_pickle=False) as archive:
        missing = {"X", "y"} - set(archive.files)
        if missing:
            raise TableError(
                f"{path.name} needs arrays X and y: it holds {', '.join(archive.files)}."
            )
        try:
            X, y = archive["X"], archive["y"]
        except ValueError:
            raise TableError(
                f"{path.name} holds Python objects: save numbers, dates or text instead, such as "
                "frame.to_numpy(dtype=str)."
            ) from None
    has_columns = X.dtype.names is not None and X.ndim == 1
    if not has_columns and (X.ndim != 2 or X.dtype.kind not in "biufUSM"):
        raise TableError(
            f"X of {path.name} must be a table of numbers, dates or text, with two dimensions: it "
            f"is {X.dtype} {X.shape}."
        )
    if y.shape != X.shape[:1]:
        raise TableError(
            f"y of {path.name} must have one entry per row of X: {X.shape} against {y.shape}."
        )
    if y.dtype.kind == "S":
        y = np.char.decode(y, "utf-8", "replace")
    if y.dtype.kind == "f" and np.isnan(y).any():
        raise TableError(f"y of {path.name} is missing in {np.isnan(y).sum()} of {y.size} rows.")
    return X, y


def _import_pandas(path: Path) -> ModuleType:
    try:
        import pandas
    except ImportError:
        raise ImportError(
            f"Reading {path.name} needs pandas, which is not installed: pip install pandas. "
            "Or save the features as X and the target as y with numpy.savez."
        ) from None
    return pandas


def _read_frame(path: Path) -> Any:
    """Read a file into a DataFrame."""
    pandas = _import_pandas(path)
    kind = _kind(path)
    if kind is None:
        raise TableError(
            f"{path.name} is of an unknown kind: it should end in .csv, .tsv, .parquet or .npz."
        )
    # The same words are missing as in a parquet file, and numbers are read exactly. pandas 3
    # reads them so without being told.
    settings: dict[str, Any] = {"na_values": sorted(MISSING_WORDS), "keep_default_na": False}
    if int(pandas.__version__.split(".")[0]) < 3:
        settings["float_precision"] = "round_trip"
    try:
        if kind == ".parquet":
            return pandas.read_parquet(path)
        return pandas.read_csv(path, sep=_SEPARATORS[kind], low_memory=False, **settings)
    except ImportError as error:
        raise ImportError(f"Reading {path.name} needs another package. {error}") from None
    except (ValueError, OSError) as error:  # pandas' parser errors are ValueErrors
        hint = other_separator(path)
        raise TableError(
            f"{path.name} cannot be read as {kind}: {error}{'. ' * bool(hint)}{hint}"
        ) from None


def _kind(path: Path) -> str | None:
    """Return which kind of table a file is, by its name: it may be packed as well."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    return next((suffix for suffix in suffixes if suffix in (*_SEPARATORS, ".parquet")), None)


def other_separator(path: Path, needed: str | None = None) -> str:
    """Say what to do if a file of text seems to have another separator than its name says.

    Parameters
    ----------
    path : Path
        The file.
    needed : str, default=None
        A column that was looked for in vain.

    Returns
    -------
    hint : str
        Empty if the separator seems to be right.
    """
    usual = _SEPARATORS.get(_kind(path) or "")
    if usual is None:
        return ""
    columns = {separator: _first_line(path, separator) for separator in _SHOWN}
    for separator, found in columns.items():
        alone = len(columns[usual]) == 1 and len(found) > 1
        if separator != usual and (alone or needed in found):
            break
    else:
        return ""
    seems = f"It seems to be separated by {_SHOWN[separator]}, and not by {_SHOWN[usual]}"
    ending = next((end for end, one in _SEPARATORS.items() if one == separator), None)
    if ending is not None:
        return f"{seems}: give it a name that ends in {ending}."
    written = "" if usual == "," else f", sep={usual!r}"
    return (
        f"{seems}. Write it anew: pandas.read_csv({str(path)!r}, sep={separator!r})"
        f".to_csv('new{_kind(path)}', index=False{written}). If its numbers have decimal commas, "
        "pass decimal=',' to read_csv."
    )


def _first_line(path: Path, separator: str) -> list[str]:
    """Return the names of the columns, if they are separated so."""
    try:
        return [str(name) for name in _import_pandas(path).read_csv(path, sep=separator, nrows=0)]
    except (ValueError, OSError):  # pandas' parser errors are ValueErrors
        return []


def _split_target(
    frame: Any, path: Path, target: str | None, drop: Sequence[str], notes: list[str]
) -> tuple[Any, NDArray]:
    """Return features that both boosters can read, and the labels."""
    frame = frame.rename(columns=str)
    if target is None:
        raise TableError(f"{path.name} needs the name of its target column: got None.", "target")
    for number, name in enumerate((target, *drop)):
        if name not in frame.columns:
            shown = ", ".join(repr(column) for column in frame.columns[:12])
            more = ", ..." if frame.shape[1] > 12 else ""
            hint = other_separator(path, name)
            raise TableError(
                f"{path.name} has no column {name!r}: its columns are {shown}{more}."
                f"{' ' * bool(hint)}{hint}",
                "drop" if number else "target",
            )
    labels = frame[target]
    if labels.isna().any():
        raise TableError(
            f"Target column {target!r} is missing in {labels.isna().sum()} of {len(labels)} rows: "
            "remove these rows.",
            "target",
        )
    left_out = [target, *drop]
    if NAMELESS in frame and NAMELESS not in left_out and _counts_rows(frame[NAMELESS]):
        left_out.append(NAMELESS)
        notes.append("the first column has no name and numbers the rows: left out")
    features = frame.drop(columns=left_out)
    if features.shape[1] == 0:
        raise TableError(f"{path.name} has no columns besides the target.")
    return features, _as_labels(labels)


def _counts_rows(column: Any) -> bool:
    return np.array_equal(column.to_numpy(), np.arange(len(column)))


def _as_labels(column: Any) -> NDArray:
    labels = column.to_numpy()
    if labels.dtype.kind == "O" and column.dtype.kind in "biuf":  # pandas' nullable numbers
        return column.to_numpy(dtype=f"{column.dtype.kind}8" if column.dtype.kind != "b" else bool)
    return labels if labels.dtype.kind in "biuf" else np.asarray(column.astype(str), dtype=str)


def _prepare(features: Any, path: Path, notes: list[str]) -> Any:
    """Return an array of numbers, or a DataFrame of floats and categories.

    Columns of a DataFrame get plain names, because the boosters refuse some characters.
    """
    if isinstance(features, np.ndarray) and not out_of_range(features).any():
        return features  # of its own type, which may take less memory
    preparer = TablePreparer()
    prepared = preparer.fit_transform(features)
    notes.extend(preparer.notes_)
    if isinstance(prepared, np.ndarray):
        return prepared
    if prepared.shape[1] == 0:
        raise TableError(f"{path.name} has no columns that can be used: {'; '.join(notes)}.")
    if "category" not in preparer.kinds_.values():
        return prepared.to_numpy(dtype=np.float64)
    return prepared.set_axis([f"column{j}" for j in range(prepared.shape[1])], axis="columns")


def _positive_mask(
    labels: NDArray, what: str, positive: str | Real | None
) -> tuple[NDArray[np.int64], list[str]]:
    """Check that there are two labels. Return 1 for positives and 0 for negatives, and notes."""
    classes, counts = np.unique(labels, return_counts=True)
    shown = ", ".join(str(label) for label in classes[:5].tolist())
    if classes.size != 2:
        some = " such as" if classes.size > 5 else ""
        raise TableError(
            f"{what} must have two labels: it has {classes.size},{some} {shown}."
            if classes.size
            else f"{what} has no rows.",
            "target",
        )
    why = ""
    if positive is not None:
        matches = [label for label in classes.tolist() if _reads_as(label, positive)]
        if not matches:
            raise TableError(
                f"{what} has no label {positive!r}: its labels are {shown}.", "positive"
            )
        chosen = matches[0]
    elif tuple(map(_as_number, classes.tolist())) in _TRUE_LABELS:
        chosen = classes[1]
    elif counts[0] == counts[1]:
        raise TableError(
            f"{what} has the labels {shown}, equally often: say which is positive (--positive).",
            "positive",
        )
    else:
        chosen = classes[counts.argmin()]
        why = ", because it is the rarer one"
    y = (labels == chosen).astype(np.int64)
    if 2 * y.sum() > y.size:
        why = ", although it is the more frequent one"
    if not why:
        return y, []
    return y, [
        f"{str(chosen)!r} is taken as the positive label{why} ({y.sum()} of {y.size} rows); "
        "--positive names another one"
    ]


def _as_number(label: Any) -> float | None:
    """Return the number that a label stands for, if it does."""
    if isinstance(label, str):
        label = _TRUE_WORDS.get(label.strip().lower(), label)
    try:
        return float(label)
    except (TypeError, ValueError, OverflowError):
        return None


def _wrong(name: str, owner: str, allowed: str, value: Any) -> ValueError:
    return ValueError(f"The {name!r} parameter of {owner} must be {allowed}. Got {value!r}.")


def _names(drop: Any) -> list[str]:
    names = entries_of(drop)
    if names is None or not all(isinstance(name, str) for name in names):
        raise _wrong("drop", "read_table", "several names of columns", drop)
    return names


def _reads_as(label: Any, text: str | Real) -> bool:
    number = _as_number(text)
    return str(label) == text or (number is not None and _as_number(label) == number)
