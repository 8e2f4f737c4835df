"""How many fits a command runs at a time, and how many threads each of them has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Integral

from .._utils.threads import container_threads, free_threads
from .._utils.validation import check_positive

__all__ = ["choose_processes", "choose_threads", "torch_threads"]

FEWEST_PROCESSES = 2


def choose_threads(n_jobs: int | None) -> int:
    """Return a number of threads of one process.

    Parameters
    ----------
    n_jobs : int or None
        What the user wants. None stands for the processors that are free, and -1 for all
        that this process may use.

    Returns
    -------
    n_threads : int
    """
    if n_jobs is None:
        return free_threads()
    if isinstance(n_jobs, Integral) and n_jobs == -1:
        return container_threads()
    return int(check_positive(n_jobs, "n_jobs", "compare", integer=True, minimum=1))


def choose_processes(n_jobs: int | None) -> int:
    """Return a number of processes that have one thread each.

    Such processes do not wait for one another. Two are therefore started even if others use
    the processors, where there are two processors.

    Parameters
    ----------
    n_jobs : int or None
        As in `choose_threads`.

    Returns
    -------
    n_processes : int
    """
    chosen = choose_threads(n_jobs)
    if n_jobs is None and chosen < FEWEST_PROCESSES:
        return min(FEWEST_PROCESSES, container_threads())
    return chosen


@contextmanager
def torch_threads(n_jobs: int) -> Iterator[None]:
    """Let torch use ``n_jobs`` threads, and restore the former number afterwards."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(n_jobs)
    try:
        yield
    finally:
        torch.set_num_threads(before)
