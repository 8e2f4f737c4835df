"""The page of the losses, made from the registry when the site is built.

``conf.py`` writes it; no loss is named here or in any other page of the reference.
"""

import re

from skbudget.objectives._registry import loss_classes

HEAD = """\
Available losses
================

Every class in ``skbudget/objectives/losses`` is listed here when the site is built. The name
goes into ``objective=`` and ``regularizer=`` of
`PAUCLGBMClassifier <skbudget.boosting.PAUCLGBMClassifier>` and
`PAUCXGBClassifier <skbudget.boosting.PAUCXGBClassifier>`, into ``loss=`` and
``regularizer=`` of `PAUCClassifier <skbudget.neural.PAUCClassifier>` and into
`find_loss <skbudget.objectives.find_loss>`. Where LightGBM or XGBoost has the loss, the
boosters' classifiers train theirs, and networks that of torch; "Elsewhere" says under which
name.

Losses that train embeddings score no rows and are not in this table.
``available(model="embeddings")``
lists them, and ``loss=`` of `EmbeddingRecallClassifier <skbudget.neural.EmbeddingRecallClassifier>`
takes their names.

.. currentmodule:: skbudget.objectives

"""
COLUMNS = (
    "Name",
    "Class",
    "Target",
    "Margins",
    "Reads",
    "Needs",
    "Trains",
    "Workers",
    "Scale",
    "Elsewhere",
    "Summary",
)


def describe(name, cls):
    """Return the cells of one loss."""
    return (
        f"``{name}``",
        f":class:`{cls.__name__}`",
        cls.target,
        cls.margins,
        ", ".join(f"``{column}``" for column in sorted(cls.reads)) or "-",
        ", ".join(f"``{column}``" for column in sorted(cls.needs)) or "-",
        "networks" if cls.networks_only else "boosters, networks",
        "yes" if cls.sums_over_workers else "no",
        cls.scale,
        "; ".join(f"{library}: ``{theirs}``" for library, theirs in cls.library.items()) or "-",
        # References are numbered on the page of the class.
        re.sub(r" \[\d+\]_", "", cls.__doc__.strip().splitlines()[0]),
    )


def render():
    """Return the page as reStructuredText."""
    classes = loss_classes()
    lines = [HEAD, ".. list-table::", "   :header-rows: 1", ""]
    for row in (COLUMNS, *(describe(name, cls) for name, cls in classes.items())):
        for number, cell in enumerate(row):
            lines.append(f"   {'* -' if number == 0 else '  -'} {cell}")
    lines += ["", ".. autosummary::", "   :toctree: generated/", "   :nosignatures:", ""]
    lines += [f"   {cls.__name__}" for cls in classes.values()]
    return "\n".join(lines) + "\n"


def write(folder):
    """Write the page into a folder, unless it is there as it should be."""
    page, text = folder / "available.rst", render()
    if not page.exists() or page.read_text(encoding="utf-8") != text:
        page.write_text(text, encoding="utf-8")
