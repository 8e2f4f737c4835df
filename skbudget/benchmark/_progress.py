"""A line on standard error that says how far a piece of work is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from ._comparison import Run

__all__ = ["Progress"]

BAR = 24


class Progress:
    """Redraws a bar on a terminal; elsewhere writes one line per finished data set.

    Parameters
    ----------
    stream : file object
        Where to write.
    totals : dict of str to int
        Runs planned for each data set, by its name, in order.
    noun : str, default="fits"
        What is counted.
    """

    def __init__(self, stream: TextIO, totals: dict[str, int], noun: str = "fits") -> None:
        self.stream = stream
        self.totals = totals
        self.noun = noun
        self.done = dict.fromkeys(totals, 0)
        self.on_terminal = stream.isatty()
        self.start = time.perf_counter()
        self._draw(next(iter(totals), ""))

    def update(self, run: Run) -> None:
        """Count a finished run."""
        self.count(run.problem)

    def count(self, name: str) -> None:
        """Count a finished fit for the data set of that name."""
        self.done[name] += 1
        self._draw(name)
        if not self.on_terminal and self.done[name] == self.totals[name]:
            self.stream.write(
                f"{name}: {self.totals[name]} {self.noun} done, {self._elapsed():.0f} s\n"
            )
            self.stream.flush()

    def close(self) -> None:
        """Take the bar off the terminal."""
        if self.on_terminal:
            self.stream.write("\r\x1b[K")
            self.stream.flush()

    def _elapsed(self) -> float:
        return time.perf_counter() - self.start

    def _draw(self, name: str) -> None:
        if not self.on_terminal:
            return
        done, total = sum(self.done.values()), sum(self.totals.values())
        filled = BAR * done // max(total, 1)
        bar = "#" * filled + "-" * (BAR - filled)
        line = f"[{bar}] {done}/{total}  {self._elapsed():.0f} s  {name}"
        self.stream.write(f"\r{line[:78]}\x1b[K")
        self.stream.flush()
