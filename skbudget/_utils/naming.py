"""Names of arguments in the errors of other packages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["naming"]


@contextmanager
def naming(name: str, what: str = "a table of numbers") -> Iterator[None]:
    """Say which argument an error is about, if NumPy's or scikit-learn's message does not.

    Parameters
    ----------
    name : str
        The argument.
    what : str, default="a table of numbers"
        What it must be.

    Raises
    ------
    ValueError, TypeError
        As inside; an IndexError becomes a ValueError.
    """
    try:
        yield
    except (TypeError, ValueError, IndexError) as error:
        is_own = isinstance(error, TypeError | ValueError)
        if is_own and re.search(rf"\b{name}\b", str(error)):
            raise
        problem = str(error)
        if problem.startswith("Complex"):
            # All of the numbers follow.
            problem = problem.partition("\n")[0]
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{name} must be {what}: {problem}") from error
