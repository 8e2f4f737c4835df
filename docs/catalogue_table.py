"""The table of docs/catalogue.md, made from docs/catalogue.csv.

    python docs/catalogue_table.py

puts it into the page. ``tests/test_catalogue.py`` holds the page to the file, and the file to what
can be trained.
"""

import csv
from pathlib import Path
from typing import NamedTuple

DOCS = Path(__file__).parent
SOURCE, PAGE = DOCS / "catalogue.csv", DOCS / "catalogue.md"
START, END = "<!-- items: start -->\n", "<!-- items: end -->\n"
HEADER = ("item", "what the field calls it", "verdict", "where, or why not", "trained by", "for")


class Item(NamedTuple):
    """A line of the file: an item that the text names, and what became of it."""

    section: str
    item: str
    called: str
    verdict: str
    where: str
    trains: str
    models: str

    @property
    def names(self):
        """What trains it: names of losses, or expressions that make one."""
        return [name for name in self.trains.split("; ") if name]


def read():
    """Return the lines of the file."""
    with open(SOURCE, encoding="utf-8", newline="") as file:
        header, *lines = csv.reader(file)
    if tuple(header) != Item._fields:
        raise ValueError(f"{SOURCE.name} has the columns {header}.")
    return [Item(*line) for line in lines]


def render(items):
    """Return the table in Markdown."""
    lines = [f"| {' | '.join(HEADER)} |", "|" + "---|" * len(HEADER)]
    section = None
    for item in items:
        if item.section != section:
            section = item.section
            lines.append(f"| **{section}** |" + " |" * (len(HEADER) - 1))
        names = ", ".join(f"`{name}`" for name in item.names)
        cells = (item.item, item.called, item.verdict, item.where, names, item.models)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def with_table(text):
    """Return the page with the table between its two comments."""
    before, _, rest = text.partition(START)
    _, found, after = rest.partition(END)
    if not found:
        raise ValueError(f"{PAGE.name} has no comments for the table.")
    return f"{before}{START}\n{render(read())}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
