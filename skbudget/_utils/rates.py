"""Rates of processes: what a row of each process stands for, by cross sections."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .naming import naming
from .validation import _invalid, _is_real

__all__ = ["check_cross_sections", "check_process", "masses_of_processes"]

# More processes than these are a mistake: the column holds something else.
MOST_PROCESSES = 1_000_000


def check_cross_sections(value: Any, owner: str) -> tuple[float, ...] | None:
    """Return cross sections as a tuple of floats, entry k that of process k; None for None.

    Raises
    ------
    InvalidParameterError
        Unless they are finite, at least 0 and not all 0.
    """
    if value is None:
        return None
    allowed = "None, or one finite number of at least 0 per process, not all of them 0"
    try:
        given = [] if isinstance(value, str | bytes | dict) else list(value)
        numbers = tuple(float(one) if _is_real(one) else np.nan for one in given)
    except (TypeError, OverflowError):
        numbers = ()
    total = float(np.sum(numbers)) if numbers else 0.0
    if not (0 < total < np.inf and min(numbers) >= 0 and len(numbers) <= MOST_PROCESSES):
        raise _invalid("cross_sections", value, owner, allowed)
    return numbers


def check_process(process: ArrayLike, n_processes: int, owner: str) -> NDArray[np.intp]:
    """Return numbers of processes from 0 on.

    Raises
    ------
    ValueError
        If an entry is no whole number, or has no cross section.
    """
    with naming("process", "whole numbers, one per row"):
        column = np.asarray(process)
    if column.ndim != 1 or column.dtype.kind not in "biufO":
        raise ValueError(
            f"process of {owner} must hold whole numbers, one per row: got {column.dtype} of shape "
            f"{column.shape}."
        )
    with naming("process", "whole numbers, one per row"):
        number = column.astype(np.float64)
    wrong = ~((number >= 0) & (number < n_processes) & (number == np.floor(number)))
    if wrong.any():
        raise ValueError(
            f"process of {owner} must hold whole numbers from 0 to {n_processes - 1}, for there "
            f"are {n_processes} cross_sections: got {column[wrong][:5].tolist()}."
        )
    return number.astype(np.intp)


def masses_of_processes(
    process: NDArray[np.intp], weight: NDArray[np.float64], cross_sections: tuple[float, ...]
) -> NDArray[np.float64]:
    """Return the mass of each row: the rows of a process share its cross section by weight.

    A process of which no row has weight has no mass.
    """
    total = np.bincount(process, weight, minlength=len(cross_sections))[process]
    # Shares are in range, however small or great the weights are.
    share = np.divide(weight, total, out=np.zeros(process.size), where=total > 0)
    return share * np.asarray(cross_sections)[process]
