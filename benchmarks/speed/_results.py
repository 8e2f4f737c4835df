"""The measurements: raw times and peaks, and the figures that are computed from them."""

from __future__ import annotations

import json
import math
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

__all__ = [
    "LINEAR_FROM",
    "Peak",
    "Ratio",
    "Speed",
    "Turns",
    "describe_machine",
    "fit_exponent",
    "read_speed",
]

# With fewer rows, the fixed cost of a call still shows.
LINEAR_FROM = 100_000

PACKAGES = (
    "numpy",
    "scipy",
    "scikit-learn",
    "lightgbm",
    "xgboost",
    "torch",
    "imbalanced-losses",
    "libauc",
)


class Ratio(NamedTuple):
    """Our time divided by a peer's: the median of the pairs, and the ends.

    Attributes
    ----------
    median, least, greatest : float
    """

    median: float
    least: float
    greatest: float


@dataclass(frozen=True)
class Turns:
    """Times of several runs that took turns on the same data.

    Parameters
    ----------
    part : str
        Part of the benchmark.
    setting : str
        What was run, in words.
    rows : int
        Number of rows.
    seconds : dict of str to tuple of float
        Wall time by name and turn. The first name is ours, and the others are peers.
    repeats : int, default=1
        Number of rounds, steps or calls in a run.
    unit : str, default="call"
        Whether these are rounds, steps or calls.
    coverage : dict of str to float, default={}
        Coverage of rows that were not trained on, if models were trained for it.
    inside : tuple of float, default=()
        Time of ours that was spent in the objective itself, by turn, if it is known.
    peaks : dict of str to tuple of int, default={}
        Greatest number of bytes that the process of a run held, by name and turn, if each run
        had its own.
    """

    part: str
    setting: str
    rows: int
    seconds: dict[str, tuple[float, ...]]
    repeats: int = 1
    unit: str = "call"
    coverage: dict[str, float] = field(default_factory=dict)
    inside: tuple[float, ...] = ()
    peaks: dict[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def ours(self) -> str:
        """Name of the run that the peers are compared with."""
        return next(iter(self.seconds))

    @property
    def peers(self) -> list[str]:
        """Names of the peers."""
        return list(self.seconds)[1:]

    def typical(self, name: str) -> float:
        """Return the median time of a run."""
        return median(self.seconds[name])

    def added_per_row(self, peer: str) -> float:
        """Return the bytes per row that our peak is above a peer's: the median of the pairs."""
        pairs = zip(self.peaks[self.ours], self.peaks[peer], strict=True)
        return median(mine - theirs for mine, theirs in pairs) / self.rows

    def ratio(self, peer: str) -> Ratio:
        """Return our time divided by a peer's, pair by pair."""
        ratios = [
            mine / theirs
            for mine, theirs in zip(self.seconds[self.ours], self.seconds[peer], strict=True)
        ]
        return Ratio(median(ratios), min(ratios), max(ratios))


@dataclass(frozen=True)
class Peak:
    """The greatest memory that one call of the objective held, without its arguments.

    Parameters
    ----------
    setting : str
        What was called, in words.
    dtype : str
        Precision of the scores.
    rows : int
        Number of rows.
    peak : int
        Number of bytes.
    """

    setting: str
    dtype: str
    rows: int
    peak: int

    @property
    def per_row(self) -> float:
        """Number of bytes per row."""
        return self.peak / self.rows


@dataclass(frozen=True)
class Speed:
    """All measurements of a run of the benchmark.

    Parameters
    ----------
    turns : tuple of Turns
        Times.
    peaks : tuple of Peak
        Memory.
    skipped : dict of str to str
        Reasons why something was left out, by its name.
    about : dict
        Versions, platform, threads and sizes.
    """

    turns: tuple[Turns, ...] = ()
    peaks: tuple[Peak, ...] = ()
    skipped: dict[str, str] = field(default_factory=dict)
    about: dict[str, Any] = field(default_factory=dict)

    def of_part(self, part: str) -> list[Turns]:
        """Return the times of one part."""
        return [turns for turns in self.turns if turns.part == part]

    def to_dict(self) -> dict[str, Any]:
        """Return all measurements, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Speed:
        """Return the measurements that `to_dict` was called on.

        Parameters
        ----------
        content : dict
            The result of `to_dict`, which may have been written as JSON and read again.

        Returns
        -------
        speed : Speed
        """
        turns = tuple(
            Turns(
                **{
                    **entry,
                    "seconds": {name: tuple(times) for name, times in entry["seconds"].items()},
                    "inside": tuple(entry["inside"]),
                    # Older files have none.
                    "peaks": {name: tuple(of) for name, of in entry.get("peaks", {}).items()},
                }
            )
            for entry in content["turns"]
        )
        peaks = tuple(Peak(**entry) for entry in content["peaks"])
        return cls(turns, peaks, content["skipped"], content["about"])


def read_speed(path: str | os.PathLike[str]) -> Speed:
    """Read the file that ``python -m skbudget speed --json`` wrote.

    Parameters
    ----------
    path : str or path-like
        The file.

    Returns
    -------
    speed : Speed
    """
    return Speed.from_dict(json.loads(Path(path).read_text(encoding="utf-8")))


def fit_exponent(
    rows: Sequence[float], seconds: Sequence[float], least_rows: float = LINEAR_FROM
) -> float | None:
    """Return the exponent of time by rows: the slope of a line through their logarithms.

    Parameters
    ----------
    rows, seconds : sequence of float
        Numbers of rows, and the time for each of them.
    least_rows : float, default=100_000
        Smaller numbers of rows are left out.

    Returns
    -------
    exponent : float or None
        1 if the time is linear in the rows. None if there are fewer than two sizes.
    """
    points = [
        (math.log(size), math.log(taken))
        for size, taken in zip(rows, seconds, strict=True)
        if size >= least_rows
    ]
    if len({x for x, _ in points}) < 2:
        return None
    mean_x = math.fsum(x for x, _ in points) / len(points)
    mean_y = math.fsum(y for _, y in points) / len(points)
    covariance = math.fsum((x - mean_x) * (y - mean_y) for x, y in points)
    return covariance / math.fsum((x - mean_x) ** 2 for x, _ in points)


def describe_machine() -> dict[str, Any]:
    """Return the versions of the installed packages, the platform and the number of cores.

    Returns
    -------
    about : dict
    """
    from joblib import cpu_count

    from skbudget import __version__

    versions = {"skbudget": __version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return {
        "versions": versions,
        "platform": f"{platform.system()} {platform.machine()}",
        "cores": cpu_count(),
    }
