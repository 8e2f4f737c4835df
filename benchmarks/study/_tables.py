"""The list of the tables of the study: real, generated, and real with an implanted contest."""

from __future__ import annotations

from collections.abc import Sequence

from ._generated import contested_tables, hard_bulk_tables, regime_tables
from ._real import few_table, implanted_table, is_base, is_many, real_table
from ._sources import SHIPPED, Source, find_sources
from ._table import StudyTable

__all__ = ["find_study_tables", "study_tables"]

QUICK_ROWS = 12_000
QUICK_NAMES = ("contested-product", "contested-linear", "hard-bulk-flipped")


def study_tables(
    folder: str | None = None, *, target: str | None = None, quick: bool = False
) -> list[StudyTable]:
    """Return the tables of the study, in the order of the report.

    Parameters
    ----------
    folder : str, default=None
        Folder of further tables. Its ``.npz`` files (arrays X and y), ``.csv`` and ``.tsv``
        files (also with ``.gz``) and ``.parquet`` files are read. An archive that has an
        array time, too, is split in its order. None stands for the
        folder that the environment variable ``SKBUDGET_DATA`` names, if it is set.
    target : str, default=None
        Target column of the files that have a column of this name. In other files the
        target is the one column with a usual name, such as "target" or "label".
    quick : bool, default=False
        Whether to return fewer and smaller tables, for a first look.

    Returns
    -------
    tables : list of StudyTable
        Tables with different names.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    ValueError
        If a file cannot be read, has no known target, has too few rows of a class, or has
        the name of another table.

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
    sources = [Source(SHIPPED), *find_sources(folder, target)]
    max_rows = QUICK_ROWS if quick else None
    real: list[StudyTable] = []
    implanted: list[StudyTable] = []
    few: list[StudyTable] = []
    # The files are read one after the other, because not all of them are kept in memory.
    for source in sources:
        real.append(real_table(source, max_rows))
        if quick and source.path is not None:
            continue
        if is_base(source):
            implanted.append(implanted_table(source, max_rows))
        if is_many(source):
            few.append(few_table(source, max_rows))
    generated = [*contested_tables(quick), *hard_bulk_tables(quick)]
    if quick:
        generated = [table for table in generated if table.name in QUICK_NAMES]
    regimes = [] if quick else regime_tables()
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
    """Return the tables with these names and the tables in these groups.

    Parameters
    ----------
    names, groups : sequence of str, default=None
        Names of tables and of groups. Without any names, all tables are returned.
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
        If a table or a group is unknown, or a file cannot be used.
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


def _refuse_taken_names(tables: Sequence[StudyTable], sources: Sequence[Source]) -> None:
    """Raise an error if a file has the name of a table that is not read from it."""
    names = [table.name for table in tables]
    for source in sources:
        if names.count(source.name) > 1:
            raise ValueError(
                f"{source.file_name} has the name of another table of the study, "
                f"{source.name!r}: rename the file."
            )
