"""A context in which torch uses a given number of threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["torch_threads"]


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
