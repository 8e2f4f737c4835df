"""A line on standard error that says how far a piece of work is."""

from __future__ import annotations

import os
import time
from typing import TextIO

__all__ = ["Progress"]

BAR = 24


class Progress:
    """Redraws a bar on a terminal; elsewhere writes lines, at least when something is finished.

    Parameters
    ----------
    stream : file object
        Where to write.
    totals : dict of str to int
        Runs planned for each data set (or whatever is gone through), by its name, in order.
    noun : str, default="fits"
        What is counted.
    n_lines : int, default=1
        Lines for each data set where there is no terminal, equally many runs apart.
    """

    def __init__(
        self, stream: TextIO, totals: dict[str, int], noun: str = "fits", n_lines: int = 1
    ) -> None:
        self.stream = stream
        self.totals = totals
        self.noun = noun
        self.n_lines = n_lines
        self.done = dict.fromkeys(totals, 0)
        # A dumb terminal, such as that of an editor, cannot draw a line anew.
        self.on_terminal = stream.isatty() and os.environ.get("TERM") != "dumb"
        self.start = time.perf_counter()
        self._draw(next(iter(totals), ""))

    def count(self, name: str, number: int = 1) -> None:
        """Count finished fits for the data set of that name."""
        before, total = self.done[name], self.totals[name]
        done = self.done[name] = min(before + number, total)
        self._draw(name)
        if not self.on_terminal and self.n_lines * done // total > self.n_lines * before // total:
            of = "" if done == total else f" of {total}"
            self.stream.write(f"{name}: {done}{of} {self.noun} done, {self._elapsed():.0f} s\n")
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
