"""Reading the tables of the commands: files of the user, and tables that have a name."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any
from zipfile import is_zipfile

import numpy as np
from numpy.typing import NDArray

from ._defaults import default_budget
from ._problems import Table

__all__ = ["FOLDER_VARIABLE", "load_table", "read_table"]

FOLDER_VARIABLE = "SKBUDGET_DATA"
SHIPPED = "mammography"
MANY_CATEGORIES = 1000

# Pairs of labels whose second one is obviously the positive one.
_TRUE_LABELS = ((0, 1), (-1, 1), (False, True), ("0", "1"), ("False", "True"))


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
        If the file does not hold a binary table.

    Examples
    --------
    >>> from skbudget.cli import load_table
    >>> load_table("mammography").describe()["positives"]
    260
    """
    settings.setdefault("budget", default_budget(name))
    if name == SHIPPED:
        from ..datasets import load_mammography

        X, y = load_mammography(return_X_y=True)
        return Table(name, X, y, **settings)
    folder = os.environ.get(FOLDER_VARIABLE)
    if not folder:
        raise FileNotFoundError(
            f"The table {name!r} does not come with skbudget: set {FOLDER_VARIABLE} to a folder "
            f"that holds {name}.npz. Without such a folder there is only {SHIPPED!r}."
        )
    path = Path(folder) / f"{name}.npz"
    if not path.is_file():
        there = sorted({SHIPPED, *(found.stem for found in Path(folder).glob("*.npz"))})
        raise FileNotFoundError(
            f"There is no {name}.npz in the folder that {FOLDER_VARIABLE} names. "
            f"Known tables: {', '.join(there)}."
        )
    return read_table(path, **settings)


def read_table(
    path: str | os.PathLike[str],
    target: str | None = None,
    *,
    positive: str | None = None,
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
    positive : str, default=None
        Label of the positive class, as it is written in the file. The default is 1 of
        {0, 1} or {-1, 1}, True, or otherwise the rarer label.
    drop : sequence of str, default=()
        Names of columns to leave out, such as identifiers.
    **settings
        Passed to `Table`. The default of ``budget`` is 0.005.

    Returns
    -------
    table : Table
        Columns that are not numeric become categories, and dates become seconds. Missing
        values stay missing.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ImportError
        If pandas is not installed, or a package that pandas needs for this kind of file.
    ValueError
        If the file cannot be read, a column is missing, a target is missing, or the
        target does not have two labels.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {str(path)!r}.")
    notes: list[str] = []
    if path.suffix.lower() == ".npz":
        if target is not None or drop:
            raise ValueError(
                "An .npz file has its features in X and its target in y: "
                "it has no columns to name or to drop."
            )
        X, labels = _read_arrays(path)
        what = "y"
    else:
        frame = _read_frame(path)
        X, labels = _split_target(frame, path, target, drop, notes)
        what = f"Target column {target!r}"
    y = _positive_mask(labels, what, positive, notes)
    settings.setdefault("budget", default_budget(path.stem))
    return Table(path.name.split(".")[0], X, y, notes=tuple(notes), **settings)


def _read_arrays(path: Path) -> tuple[NDArray, NDArray]:
    if not is_zipfile(path):
        raise ValueError(f"{path.name} is not an archive written by numpy.savez.")
    with np.load(path, allow_pickle=False) as archive:
        missing = {"X", "y"} - set(archive.files)
        if missing:
            raise ValueError(
                f"{path.name} needs arrays X and y: it holds {', '.join(archive.files)}."
            )
        try:
            X, y = archive["X"], archive["y"]
        except ValueError:
            raise ValueError(
                f"{path.name} holds Python objects: save numbers (or text, for y) instead."
            ) from None
    if X.ndim != 2 or X.dtype.kind not in "biuf":
        raise ValueError(f"X of {path.name} must be a numeric table: it is {X.dtype} {X.shape}.")
    if y.shape != (X.shape[0],):
        raise ValueError(
            f"y of {path.name} must have one entry per row of X: {X.shape} against {y.shape}."
        )
    _refuse_infinite(X, "X")
    if y.dtype.kind == "f" and np.isnan(y).any():
        raise ValueError(f"y is missing in {np.isnan(y).sum()} of {y.size} rows.")
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
    suffixes = [suffix.lower() for suffix in path.suffixes]
    kind = next((suffix for suffix in suffixes if suffix in (".csv", ".tsv", ".parquet")), None)
    if kind is None:
        raise ValueError(
            f"{path.name} is of an unknown kind: it should end in .csv, .tsv, .parquet or .npz."
        )
    try:
        if kind == ".parquet":
            return pandas.read_parquet(path)
        return pandas.read_csv(path, sep="\t" if kind == ".tsv" else ",", low_memory=False)
    except ImportError as error:
        raise ImportError(f"Reading {path.name} needs another package. {error}") from None
    except (ValueError, OSError) as error:  # pandas' parser errors are ValueErrors
        raise ValueError(f"{path.name} cannot be read as {kind}: {error}") from None


def _split_target(
    frame: Any, path: Path, target: str | None, drop: Sequence[str], notes: list[str]
) -> tuple[Any, NDArray]:
    """Return features that both boosters can read, and the labels."""
    frame = frame.rename(columns=str)
    if target is None:
        raise ValueError(f"{path.name} needs the name of its target column.")
    for name in (target, *drop):
        if name not in frame.columns:
            shown = ", ".join(repr(column) for column in frame.columns[:12])
            more = ", ..." if frame.shape[1] > 12 else ""
            hint = " Is it separated by commas?" if frame.shape[1] == 1 else ""
            raise ValueError(
                f"{path.name} has no column {name!r}: its columns are {shown}{more}.{hint}"
            )
    labels = frame[target]
    if labels.isna().any():
        raise ValueError(
            f"Target column {target!r} is missing in {labels.isna().sum()} of {len(labels)} rows: "
            "remove these rows."
        )
    features = frame.drop(columns=[target, *drop])
    if features.shape[1] == 0:
        raise ValueError(f"{path.name} has no columns besides the target.")
    return _encode(features, notes), _as_labels(labels)


def _as_labels(column: Any) -> NDArray:
    labels = column.to_numpy()
    if labels.dtype.kind == "O" and column.dtype.kind in "biuf":  # pandas' nullable numbers
        return column.to_numpy(dtype=f"{column.dtype.kind}8" if column.dtype.kind != "b" else bool)
    return labels if labels.dtype.kind in "biuf" else np.asarray(column.astype(str), dtype=str)


def _encode(features: Any, notes: list[str]) -> Any:
    """Return an array of floats, or a DataFrame of floats and categories.

    Columns get plain names, because the boosters refuse some characters. Categories get
    numbers, because the boosters' handling of strings differs between versions.
    """
    import pandas
    from pandas.api import types

    encoded: dict[str, Any] = {}
    categories: list[str] = []
    for number, name in enumerate(features.columns):
        column = features[name]
        if types.is_datetime64_any_dtype(column):
            values = (column - column.min()).dt.total_seconds().to_numpy()
            notes.append(f"column {name!r}: dates read as seconds")
        elif types.is_numeric_dtype(column):
            values = column.to_numpy(dtype=np.float64, na_value=np.nan)
            _refuse_infinite(values, f"column {name!r}")
        else:
            codes, levels = pandas.factorize(column)
            values = pandas.Categorical.from_codes(codes, categories=range(len(levels)))
            categories.append(str(name))
            if len(levels) > MANY_CATEGORIES:
                notes.append(
                    f"column {name!r} has {len(levels)} different values: "
                    "if it is an identifier, leave it out (--drop)"
                )
        encoded[f"column{number}"] = values
    if not categories:
        return np.column_stack(list(encoded.values()))
    shown = ", ".join(categories[:5]) + (", ..." if len(categories) > 5 else "")
    notes.append(f"{len(categories)} of {len(encoded)} columns read as categories: {shown}")
    return pandas.DataFrame(encoded)


def _refuse_infinite(values: NDArray, what: str) -> None:
    if values.dtype.kind == "f" and np.isinf(values).any():
        raise ValueError(f"Infinite values in {what}: leave unknown values missing.")


def _positive_mask(
    labels: NDArray, what: str, positive: str | None, notes: list[str]
) -> NDArray[np.int64]:
    """Check that there are two labels, and return 1 for positives and 0 for negatives."""
    classes, counts = np.unique(labels, return_counts=True)
    shown = ", ".join(str(label) for label in classes[:5].tolist())
    if classes.size != 2:
        some = " such as" if classes.size > 5 else ""
        raise ValueError(
            f"{what} must have two labels: it has {classes.size},{some} {shown}."
            if classes.size
            else f"{what} has no rows."
        )
    if positive is not None:
        matches = [label for label in classes.tolist() if _reads_as(label, positive)]
        if not matches:
            raise ValueError(f"{what} has no label {positive!r}: its labels are {shown}.")
        chosen = matches[0]
    elif tuple(classes.tolist()) in _TRUE_LABELS:
        chosen = classes[1]
    elif counts[0] == counts[1]:
        raise ValueError(f"{what} has the labels {shown}, equally often: say which is positive.")
    else:
        chosen = classes[counts.argmin()]
        notes.append(f"{str(chosen)!r} is taken as the positive label, because it is the rarer one")
    return (labels == chosen).astype(np.int64)


def _reads_as(label: Any, text: str) -> bool:
    if str(label) == text:
        return True
    try:
        return float(label) == float(text)
    except ValueError:
        return False
